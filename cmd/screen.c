#include "screen.h"

#include "console.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The second screen of a terminal, without a cursor. */
#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

enum { COLUMNS = 80, ROWS = 24, PICTURE_BYTES_MAX = 1 << 20 };

static volatile sig_atomic_t is_entered;

static void write_out(const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(STDOUT_FILENO, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return; /* the terminal is gone, and nobody looks */
        }
        p += done;
        n -= (size_t)done;
    }
}

bool screen_is_possible(void)
{
    const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe) */
    return isatty(STDOUT_FILENO) == 1 && term != NULL && *term != '\0' &&
           strcmp(term, "dumb") != 0;
}

void screen_leave(void)
{
    if (is_entered) {
        is_entered = 0;
        write_out(LEAVE, sizeof(LEAVE) - 1);
    }
}

/* Ctrl-Z: the shell gets its screen, and we ours when we go on. */
static void on_stop(int signo)
{
    const int kept = errno;
    const sig_atomic_t was_entered = is_entered;
    (void)signo;
    screen_leave();
    (void)raise(SIGSTOP);
    if (was_entered) {
        write_out(ENTER, sizeof(ENTER) - 1);
        is_entered = 1;
    }
    console_wake();
    errno = kept;
}

void screen_enter(void)
{
    struct sigaction stop = {0};
    stop.sa_handler = on_stop;
    stop.sa_flags = SA_RESTART;
    (void)sigaction(SIGTSTP, &stop, NULL);
    write_out(ENTER, sizeof(ENTER) - 1);
    is_entered = 1;
}

void screen_size(unsigned *columns, unsigned *rows)
{
    struct winsize window = {0};
    const bool ok = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
    *columns = ok && window.ws_col > 0 ? window.ws_col : COLUMNS;
    *rows = ok && window.ws_row > 0 ? window.ws_row : ROWS;
}

void screen_draw(struct span lines)
{
    struct buf picture = BUF_LIMIT(PICTURE_BYTES_MAX);
    struct span rest = lines;
    struct span line;
    const char *between = "\033[H";
    while (span_line(&rest, &line)) {
        buf_str(&picture, between);
        buf_span(&picture, line);
        buf_str(&picture, "\033[K");
        between = "\r\n";
    }
    buf_str(&picture, "\033[J");
    if (is_entered && buf_ok(&picture)) {
        write_out(picture.data, picture.len);
    }
    buf_release(&picture);
}
