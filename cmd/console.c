#include "console.h"

#include "base/num.h"
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

enum { GUARDED_MAX = 4096, LINE_MAX_BYTES = 4096 + ERR_TEXT_MAX };

/* The only state outside of arguments: a signal handler gets none. */
static char guarded[GUARDED_MAX];
static volatile sig_atomic_t is_guarding;
static volatile sig_atomic_t has_progress;
static volatile sig_atomic_t is_catching; /* one signal is told, not obeyed */
static volatile sig_atomic_t caught;
static int wake_fds[2] = {-1, -1}; /* a pipe from the handler to the loop */

static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return; /* stderr is gone: there is nobody left to tell */
        }
        p += done;
        n -= (size_t)done;
    }
}

/* Only async-signal-safe calls: a report may be in the middle of anything. */
void console_abandon(void)
{
    screen_leave();
    if (is_guarding) {
        unlink(guarded);
    }
    if (has_progress) {
        write_all(STDERR_FILENO, CLEAR_LINE, sizeof(CLEAR_LINE) - 1);
    }
}

static void end_at_once(int signo)
{
    console_abandon();
    _exit(128 + signo);
}

void console_wake(void)
{
    const int kept = errno;
    const char byte = 0;
    /* A full pipe wakes as well. */
    const ssize_t n = wake_fds[1] >= 0 ? write(wake_fds[1], &byte, 1) : 0;
    (void)n;
    errno = kept;
}

static void on_signal(int signo)
{
    if (!is_catching || caught != 0) {
        end_at_once(signo);
    }
    caught = signo;
    console_wake();
}

static void on_change(int signo)
{
    (void)signo;
    console_wake();
}

bool console_catch(struct err *err)
{
    if (pipe(wake_fds) != 0) {
        return err_set(err, ERR_IO, "cannot watch for signals: %s",
                       err_system(errno).text);
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(wake_fds[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(wake_fds[i], F_SETFL, O_NONBLOCK);
    }
    struct sigaction change = {0};
    change.sa_handler = on_change;
    change.sa_flags = SA_RESTART;
    sigaction(SIGWINCH, &change, NULL);
    is_catching = 1;
    return true;
}

int console_wake_fd(void)
{
    return wake_fds[0];
}

int console_signal(void)
{
    char drained[64];
    while (wake_fds[0] >= 0 && read(wake_fds[0], drained, sizeof drained) > 0) {
    }
    return caught;
}

void console_init(void)
{
    struct sigaction quiet = {0};
    quiet.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &quiet, NULL);
    /* A file that may not grow is a failed write, not our end. */
    sigaction(SIGXFSZ, &quiet, NULL);

    const int ending[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct sigaction end = {0};
        end.sa_handler = on_signal;
        sigaction(ending[i], &end, NULL);
    }
    /* A missing stdin, stdout or stderr must not become an opened file. */
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) {
            _exit(STATUS_FAILED);
        }
    }
}

static bool environment_says_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *v = getenv(names[i]); /* NOLINT(concurrency-mt-unsafe) */
        if (v != NULL && *v != '\0') {
            const struct span s = span_of(v);
            return span_has(s, "UTF-8") || span_has(s, "utf8") ||
                   span_has(s, "utf-8") || span_has(s, "UTF8");
        }
    }
    return false;
}

/* A terminal that prints escape sequences instead of obeying them. */
static bool is_dumb(void)
{
    const char *term = getenv("TERM"); /* NOLINT(concurrency-mt-unsafe) */
    return term != NULL && strcmp(term, "dumb") == 0;
}

static bool environment_allows_color(void)
{
    const char *no = getenv("NO_COLOR"); /* NOLINT(concurrency-mt-unsafe) */
    return (no == NULL || *no == '\0') && !is_dumb();
}

void console_look(struct session *s)
{
    const bool is_terminal = isatty(STDOUT_FILENO) == 1;
    struct winsize window = {0};
    if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
        s->columns = window.ws_col;
    }
    const char *asked = getenv("COLUMNS"); /* NOLINT(concurrency-mt-unsafe) */
    uint64_t columns = 0;
    if (asked != NULL && num_parse_u64(span_of(asked), &columns) &&
        columns > 0 && columns <= UINT_MAX) {
        s->columns = (unsigned)columns;
    }
    /* A file or a pipe gets UTF-8: who reads it later is not known here. */
    s->ascii = is_terminal && !environment_says_utf8();
    switch ((enum color_mode)s->common.color) {
    case COLOR_ALWAYS:
        s->color = true;
        break;
    case COLOR_NEVER:
        s->color = false;
        break;
    case COLOR_AUTO:
        s->color = is_terminal && environment_allows_color();
        break;
    }
    s->shows_progress =
        !s->common.quiet && isatty(STDERR_FILENO) == 1 && !is_dumb();
}

/* GitHub's runner takes commands from what a step prints. */
static bool is_in_workflow(void)
{
    const char *v =
        getenv("GITHUB_ACTIONS"); /* NOLINT(concurrency-mt-unsafe) */
    return v != NULL && *v != '\0';
}

/* "::error::..." begins a line, after blanks; "##[error]..." stands anywhere.
   Names of functions and files are of whoever opened the pull request. */
static void break_commands(char *text, size_t len)
{
    bool is_start = true;
    for (size_t i = 0; i < len; i++) {
        const struct span rest = {text + i, len - i};
        if ((is_start && span_starts(rest, "::")) || span_starts(rest, "##[")) {
            text[i] = '?';
        }
        is_start = text[i] == '\n' || text[i] == '\r' ||
                   (is_start && (text[i] == ' ' || text[i] == '\t'));
    }
}

void console_break_commands(struct buf *text)
{
    if (is_in_workflow() && text->len > 0) {
        break_commands(text->data, text->len);
    }
}

/* `text` has room for one more byte. */
static void say_line(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
    if (is_in_workflow()) {
        break_commands(text, len);
    }
    if (has_progress) {
        write_all(STDERR_FILENO, CLEAR_LINE, sizeof(CLEAR_LINE) - 1);
        has_progress = 0;
    }
    text[len] = '\n';
    write_all(STDERR_FILENO, text, len + 1);
}

/* Length that snprintf() really wrote, one byte left for the newline. */
static size_t written(int n)
{
    const size_t len = n < 0 ? 0 : (size_t)n;
    return len < LINE_MAX_BYTES - 1 ? len : LINE_MAX_BYTES - 2;
}

/* On the stack, because memory may be what is missing. */
int console_fail(const char *where, const struct err *err)
{
    char text[LINE_MAX_BYTES];
    const char *reason = *err->text ? err->text : err_code_text(err->code);
    int n;
    if (where != NULL && err->has_offset) {
        n = snprintf(text, sizeof(text), "seep: %s: offset %" PRIu64 ": %s",
                     where, err->offset, reason);
    } else if (where != NULL) {
        n = snprintf(text, sizeof(text), "seep: %s: %s", where, reason);
    } else {
        n = snprintf(text, sizeof(text), "seep: %s", reason);
    }
    say_line(text, written(n));
    return err_exit_status(err->code);
}

void console_say(const char *fmt, ...)
{
    char text[LINE_MAX_BYTES] = "seep: ";
    const size_t start = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(text + start, sizeof(text) - start, fmt, ap);
    va_end(ap);
    say_line(text, written(n < 0 ? n : n + (int)start));
}

void console_say_notes(const struct session *s, struct span notes)
{
    struct span line;
    while (!s->common.quiet && span_line(&notes, &line)) {
        console_say("%.*s", (int)line.len, line.p);
    }
}

void console_progress(const struct session *s, size_t done, size_t total,
                      const char *what)
{
    if (!s->shows_progress) {
        return;
    }
    char text[128];
    const int n = snprintf(text, sizeof(text), CLEAR_LINE "seep: %s %zu of %zu",
                           what, done, total);
    if (n > 0 && (size_t)n < sizeof(text)) {
        has_progress = 1;
        write_all(STDERR_FILENO, text, (size_t)n);
    }
}

void console_progress_share(const struct session *s, const char *what,
                            double share)
{
    if (!s->shows_progress) {
        return;
    }
    char text[128];
    const int pct = share > 0 && share <= 1 ? (int)(share * 100) : 0;
    const int n =
        snprintf(text, sizeof(text), CLEAR_LINE "seep: %.60s %d%%", what, pct);
    if (n > 0 && (size_t)n < sizeof(text)) {
        has_progress = 1;
        write_all(STDERR_FILENO, text, (size_t)n);
    }
}

void console_progress_end(const struct session *s)
{
    if (s->shows_progress && has_progress) {
        write_all(STDERR_FILENO, CLEAR_LINE, sizeof(CLEAR_LINE) - 1);
        has_progress = 0;
    }
}

void console_tame(struct buf *text)
{
    if (isatty(STDOUT_FILENO) != 1) {
        return;
    }
    for (size_t i = 0; i < text->len; i++) {
        char *at = text->data + i;
        const unsigned char c = (unsigned char)*at;
        const unsigned char next = i + 1 < text->len ? (unsigned char)at[1] : 0;
        const bool is_line_end = c == '\n' || (c == '\r' && next == '\n');
        if ((c < 0x20 && c != '\t' && !is_line_end) || c == 0x7f) {
            *at = '?';
        } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
            /* U+0080 to U+009F: some terminals act on these, too. */
            memset(at, '?', 2);
        }
    }
}

bool console_finish(struct span data, struct err *err)
{
    while (data.len > 0) {
        const ssize_t n = write(STDOUT_FILENO, data.p, data.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EPIPE) {
            return true;
        }
        if (n < 0) {
            return err_set(err, ERR_IO, "cannot write the output: %s",
                           err_system(errno).text);
        }
        data = span_from(data, (size_t)n);
    }
    /* Network and quota file systems tell only now. */
    if (close(STDOUT_FILENO) != 0 && errno != EINTR) {
        return err_set(err, ERR_IO, "cannot write the output: %s",
                       err_system(errno).text);
    }
    return true;
}

void console_guard(const char *path)
{
    is_guarding = 0;
    if (path == NULL || strlen(path) >= sizeof(guarded)) {
        return;
    }
    memcpy(guarded, path, strlen(path) + 1);
    is_guarding = 1;
}
