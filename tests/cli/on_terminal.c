/*
 * Runs a program on a terminal of a given size and says what it showed: each
 * picture (from "cursor home" to "clear the rest") is played on a small
 * terminal of our own. Beside the program's end it checks what no picture may
 * do: be wider or higher than the terminal, scroll it, or leave it changed.
 *
 * usage: on_terminal COLUMNSxROWS [MS:COLUMNSxROWS | MS:SIGNAL]... -- COMMAND
 * At MS after the start the terminal changes its size, or the program gets the
 * signal (INT, TERM, TSTP, CONT). Prints the last picture of each size behind a
 * line "== COLUMNSxROWS", then what came on the plain screen behind "== plain",
 * then "== exit N".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

enum { ACTS_MAX = 16, TEXT_MAX = 1 << 20, LATE_MS = 400, LIMIT_MS = 60000 };

struct size {
    unsigned columns, rows;
};

struct act {
    long ms;
    struct size size; /* 0: a signal */
    int signo;
};

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static bool parse_size(const char *text, struct size *out)
{
    char *end;
    out->columns = (unsigned)strtoul(text, &end, 10);
    if (*end != 'x') {
        return false;
    }
    out->rows = (unsigned)strtoul(end + 1, &end, 10);
    return *end == '\0' && out->columns > 0 && out->rows > 0;
}

static void parse_act(const char *text, struct act *out)
{
    static const struct {
        const char *name;
        int signo;
    } signals[] = {
        {"INT",  SIGINT },
        {"TERM", SIGTERM},
        {"TSTP", SIGTSTP},
        {"CONT", SIGCONT}
    };
    char *end;
    out->ms = strtol(text, &end, 10);
    if (*end++ != ':') {
        die(text);
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (strcmp(end, signals[i].name) == 0) {
            out->signo = signals[i].signo;
            return;
        }
    }
    if (!parse_size(end, &out->size)) {
        die(text);
    }
}

/* --- the terminal's other side --- */

struct text {
    char bytes[TEXT_MAX];
    size_t n;
};

static struct text seen, plain_screen;
static struct size size_now;
static long resized_ms;
static bool is_other_screen, is_cursor_hidden;
static unsigned n_pictures;
static char *last_picture; /* of the present size */
static int n_bad;

static void complain(const char *what, const char *line)
{
    printf("bad: %s: %s\n", what, line);
    n_bad++;
}

static unsigned width_of(const char *p, size_t n)
{
    unsigned width = 0;
    while (n > 0) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t used = utf8proc_iterate(
            (const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c);
        if (used <= 0) {
            return 10000; /* no UTF-8: far too wide */
        }
        width += (unsigned)utf8proc_charwidth(c);
        p += used;
        n -= (size_t)used;
    }
    return width;
}

/* Copies a picture without its escapes, and measures it. */
static void take_picture(const char *p, size_t n)
{
    char *out = malloc(TEXT_MAX + 2); /* `n` is less */
    size_t len = 0;
    size_t line = 0; /* its start */
    unsigned n_lines = 1;
    if (out == NULL) {
        die("memory");
    }
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\033') {
            i++;
            while (i + 1 < n && !((p[i + 1] >= 'a' && p[i + 1] <= 'z') ||
                                  (p[i + 1] >= 'A' && p[i + 1] <= 'Z'))) {
                i++;
            }
            i++;
            continue;
        }
        if (p[i] == '\r') {
            continue;
        }
        if (p[i] == '\n') {
            n_lines++;
            out[len] = '\0';
            line = len + 1;
        }
        out[len++] = p[i];
        out[len] = '\0';
        /* One drawn before the program knew of the new size is no fault. */
        if (now_ms() - resized_ms > LATE_MS && p[i] != '\n' &&
            width_of(out + line, len - line) > size_now.columns &&
            ((unsigned char)p[i + 1 < n ? i + 1 : i] & 0xc0) != 0x80) {
            complain("a line is too wide", out + line);
            break;
        }
    }
    out[len] = '\0';
    if (now_ms() - resized_ms > LATE_MS && n_lines > size_now.rows) {
        complain("a picture is too high", out);
    }
    n_pictures++;
    free(last_picture);
    last_picture = out;
}

static void end_of_size(void)
{
    printf("== %ux%u\n%s\n", size_now.columns, size_now.rows,
           last_picture != NULL ? last_picture : "");
    free(last_picture);
    last_picture = NULL;
}

static bool starts(size_t at, const char *what, size_t *n)
{
    *n = strlen(what);
    return at + *n <= seen.n && memcmp(seen.bytes + at, what, *n) == 0;
}

static size_t find(size_t from, const char *what)
{
    size_t n;
    for (size_t i = from; i < seen.n; i++) {
        if (starts(i, what, &n)) {
            return i;
        }
    }
    return seen.n;
}

/* Plays what has come; returns how much of it was whole. */
static size_t play(void)
{
    size_t at = 0;
    while (at < seen.n) {
        size_t n;
        if (seen.bytes[at] == '\033' && seen.n - at < 10) {
            return at; /* may go on */
        }
        if (starts(at, "\033[?1049h", &n)) {
            is_other_screen = true;
        } else if (starts(at, "\033[?1049l", &n)) {
            is_other_screen = false;
        } else if (starts(at, "\033[?25l", &n)) {
            is_cursor_hidden = true;
        } else if (starts(at, "\033[?25h", &n)) {
            is_cursor_hidden = false;
        } else if (is_other_screen && starts(at, "\033[H\033[2J", &n)) {
            /* empty */
        } else if (is_other_screen && starts(at, "\033[H", &n)) {
            const size_t end = find(at, "\033[J");
            if (end == seen.n) {
                return at;
            }
            take_picture(seen.bytes + at + n, end - at - n);
            n = end + 3 - at;
        } else {
            n = 1;
            if (is_other_screen) {
                complain("text outside of a picture", seen.bytes + at);
            }
            plain_screen.bytes[plain_screen.n++] = seen.bytes[at];
        }
        at += n;
    }
    return at;
}

static void take(int fd)
{
    const ssize_t n =
        read(fd, seen.bytes + seen.n, sizeof(seen.bytes) - seen.n - 1);
    if (n <= 0) {
        return;
    }
    seen.n += (size_t)n;
    const size_t used = play();
    memmove(seen.bytes, seen.bytes + used, seen.n - used);
    seen.n -= used;
    if (plain_screen.n + sizeof(seen.bytes) / 2 > sizeof(plain_screen.bytes)) {
        die("more output than expected");
    }
}

/* --- the program --- */

static void set_size(int fd, struct size s)
{
    const struct winsize w = {.ws_row = (unsigned short)s.rows,
                              .ws_col = (unsigned short)s.columns};
    if (ioctl(fd, TIOCSWINSZ, &w) != 0) {
        die("TIOCSWINSZ");
    }
    size_now = s;
    resized_ms = now_ms();
}

static pid_t start(int *fd, struct size size, char **command)
{
    *fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0 || grantpt(*fd) != 0 || unlockpt(*fd) != 0) {
        die("a terminal");
    }
    const char *name = ptsname(*fd); /* NOLINT(concurrency-mt-unsafe) */
    set_size(*fd, size);
    const pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    (void)setsid();
    const int tty = open(name, O_RDWR);
    if (tty < 0 || ioctl(tty, TIOCSCTTY, 0) != 0) {
        die(name);
    }
    for (int i = 0; i < 3; i++) {
        (void)dup2(tty, i);
    }
    execvp(command[0], command);
    die(command[0]);
}

static void act(int fd, pid_t pid, const struct act *a)
{
    if (a->signo != 0) {
        (void)kill(pid, a->signo);
        return;
    }
    end_of_size();
    set_size(fd, a->size);
}

int main(int argc, char **argv)
{
    struct act acts[ACTS_MAX] = {0};
    struct size size;
    size_t n_acts = 0;
    size_t done = 0;
    int i = 2;
    if (argc < 4 || !parse_size(argv[1], &size)) {
        fputs("usage: on_terminal COLUMNSxROWS [MS:WHAT]... -- COMMAND\n",
              stderr);
        return 2;
    }
    for (; i < argc && strcmp(argv[i], "--") != 0 && n_acts < ACTS_MAX; i++) {
        parse_act(argv[i], &acts[n_acts++]);
    }
    int fd;
    int status = 0;
    const long begin = now_ms();
    const pid_t pid = start(&fd, size, argv + i + 1);
    bool is_running = true;
    while (is_running) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, 1, 20);
        if ((p.revents & POLLIN) != 0) {
            take(fd);
        } else {
            is_running = waitpid(pid, &status, WNOHANG) == 0;
        }
        while (done < n_acts && now_ms() - begin >= acts[done].ms) {
            act(fd, pid, &acts[done++]);
        }
        if (now_ms() - begin > LIMIT_MS) {
            (void)kill(pid, SIGKILL);
            complain("no end", "after 60 s");
        }
    }
    end_of_size();
    printf("== plain\n");
    fwrite(plain_screen.bytes, 1, plain_screen.n, stdout);
    printf("== exit %d after %u pictures\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
           n_pictures);
    if (is_other_screen || is_cursor_hidden) {
        complain("the terminal is left changed", "");
    }
    return n_bad > 0;
}
