#include "pprof_outside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Of one source file; the largest of Go's own have some 5 MB. */
#define SOURCE_BYTES_MAX ((size_t)64 << 20)

enum { BLOCK_BYTES = 64 << 10, TIME_BYTES = 128 };

#define SECOND_NS INT64_C(1000000000)

/* --- time --- */

/* What Go takes for a zone: a file of the zone database. */
static bool is_zone_file(const char *path)
{
    char magic[4] = "";
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool is_zone = read(fd, magic, sizeof(magic)) == sizeof(magic) &&
                         memcmp(magic, "TZif", sizeof(magic)) == 0;
    close(fd);
    return is_zone;
}

static bool is_zone(const char *name)
{
    char path[PATH_MAX];
    name += *name == ':';
    if (*name == '\0' || *name == '/') {
        return *name == '\0' || is_zone_file(name);
    }
    const int n = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    return n > 0 && (size_t)n < sizeof(path) && is_zone_file(path);
}

/* Where TZ names no zone Go shows UTC; libc takes rules such as "CET-1" and
   gives any other word as the name of a zone. */
static void look_at_zone(void)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): before there are threads */
    const char *name = getenv("TZ");
    if (name != NULL && !is_zone(name)) {
        (void)setenv("TZ", "UTC0", 1);
    }
    /* NOLINTEND(concurrency-mt-unsafe) */
    tzset();
}

/* Whole seconds below, and what is left above them. */
static bool broken_down(int64_t unix_ns, struct tm *out, int64_t *fraction_ns)
{
    *fraction_ns = unix_ns % SECOND_NS;
    int64_t seconds = unix_ns / SECOND_NS;
    if (*fraction_ns < 0) {
        *fraction_ns += SECOND_NS;
        seconds--;
    }
    const time_t t = (time_t)seconds;
    return localtime_r(&t, out) != NULL;
}

static void local_time(void *ctx, int64_t unix_ns, struct buf *out)
{
    struct tm tm;
    int64_t fraction_ns = 0;
    (void)ctx;
    if (broken_down(unix_ns, &tm, &fraction_ns)) {
        char text[TIME_BYTES];
        buf_add(out, text,
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm));
    }
}

static void local_time_full(void *ctx, int64_t unix_ns, struct buf *out)
{
    struct tm tm;
    int64_t fraction_ns = 0;
    (void)ctx;
    char text[TIME_BYTES];
    if (!broken_down(unix_ns, &tm, &fraction_ns)) {
        return;
    }
    buf_add(out, text, strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm));
    if (fraction_ns > 0) {
        int digits = 9;
        for (; fraction_ns % 10 == 0; fraction_ns /= 10) {
            digits--;
        }
        buf_printf(out, ".%0*lld", digits, (long long)fraction_ns);
    }
    buf_add(out, text, strftime(text, sizeof(text), " %z %Z", &tm));
}

/* --- files --- */

/* A regular file; what else a profile may name could block for ever. -1: it
   cannot be read. */
static int open_regular(const char *path)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    return fd;
}

/* errno in Go's words, which begin small. */
static void add_reason(struct buf *out)
{
    const struct err_system why = err_system(errno);
    const char *text = why.text;
    const bool is_big = *text >= 'A' && *text <= 'Z';
    buf_char(out, (char)(is_big ? *text - 'A' + 'a' : *text));
    buf_str(out, text + 1);
}

static ssize_t read_some(int fd, void *p, size_t n)
{
    ssize_t got;
    do {
        got = read(fd, p, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool read_file(void *ctx, const char *path, struct buf *out)
{
    char block[BLOCK_BYTES];
    ssize_t n = 0;
    const size_t start = out->len;
    const int fd = open_regular(path);
    (void)ctx;
    if (fd < 0) {
        add_reason(out);
        return false;
    }
    while (out->len - start <= SOURCE_BYTES_MAX &&
           (n = read_some(fd, block, sizeof(block))) > 0) {
        buf_add(out, block, (size_t)n);
    }
    close(fd);
    return n == 0 && buf_ok(out);
}

bool pprof_outside_is_program(const char *path)
{
    static const char *const magics[] = {
        "\177ELF",          "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf",
        "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe",
    };
    enum { PE_OFFSET = 0x3c };
    unsigned char head[PE_OFFSET + 4] = {0};
    char signature[4] = {0};
    const int fd = open_regular(path);
    if (fd < 0) {
        return false;
    }
    const ssize_t n = read_some(fd, head, sizeof(head));
    bool is_program = false;
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        is_program |= n >= 4 && memcmp(head, magics[i], 4) == 0;
    }
    if (n == (ssize_t)sizeof(head) && head[0] == 'M' && head[1] == 'Z') {
        const off_t at =
            (off_t)head[PE_OFFSET] | (off_t)head[PE_OFFSET + 1] << 8 |
            (off_t)head[PE_OFFSET + 2] << 16 | (off_t)head[PE_OFFSET + 3] << 24;
        is_program = pread(fd, signature, sizeof(signature), at) == 4 &&
                     memcmp(signature, "PE\0\0", 4) == 0;
    }
    close(fd);
    return is_program;
}

struct pprof_world pprof_outside_look(struct pprof_outside *o)
{
    look_at_zone();
    if (getcwd(o->directory, sizeof(o->directory)) == NULL) {
        o->directory[0] = '\0';
    }
    return (struct pprof_world){.ctx = o,
                                .local_time = local_time,
                                .local_time_full = local_time_full,
                                .read_file = read_file,
                                .directory = span_of(o->directory)};
}

/* --- dot --- */

/* A running `dot`: its standard input and output. */
struct child {
    pid_t pid;
    int in, out;
};

static bool fail_os(const char *what, int number, struct err *err)
{
    return err_set(err, ERR_IO, "%s: %s", what, err_system(number).text);
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* Both ends vanish in other programs. */
static bool open_pipe(int pair[2], struct err *err)
{
    if (pipe(pair) != 0) {
        return fail_os("cannot start dot", errno, err);
    }
    (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(pair[1], F_SETFD, FD_CLOEXEC);
    return true;
}

/* 0, or an error number. */
static int spawn_dot(const char *picture, int in, int out, pid_t *pid)
{
    char format[16] = "-T";
    char name[] = "dot";
    char *const argv[] = {name, format, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t ordinary;
    memcpy(format + 2, picture, strlen(picture) + 1);
    int number = posix_spawn_file_actions_init(&files);
    if (number != 0) {
        return number;
    }
    number = posix_spawnattr_init(&how);
    if (number != 0) {
        posix_spawn_file_actions_destroy(&files);
        return number;
    }
    /* seep ignores SIGPIPE; dot should not. */
    sigemptyset(&ordinary);
    sigaddset(&ordinary, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&how, &ordinary);
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    number = posix_spawnp(pid, "dot", &files, &how, argv, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return number;
}

static bool start_dot(const char *picture, struct child *c, struct err *err)
{
    int in[2];
    int out[2];
    if (!open_pipe(in, err)) {
        return false;
    }
    if (!open_pipe(out, err)) {
        close_pair(in);
        return false;
    }
    const int number = spawn_dot(picture, in[0], out[1], &c->pid);
    close(in[0]);
    close(out[1]);
    c->in = in[1];
    c->out = out[0];
    if (number == 0) {
        (void)fcntl(c->in, F_SETFL, O_NONBLOCK);
        return true;
    }
    close(c->in);
    close(c->out);
    return number == ENOENT
               ? err_set(err, ERR_IO,
                         "-%s needs dot of Graphviz, which is not installed; "
                         "-dot writes the graph as text",
                         picture)
               : fail_os("cannot start dot", number, err);
}

/* Gives what the pipe takes; closes it at the end or when dot has left. */
static void feed(struct child *c, struct span *graph)
{
    const ssize_t n = graph->len > 0 ? write(c->in, graph->p, graph->len) : 0;
    if (n > 0) {
        *graph = span_from(*graph, (size_t)n);
    }
    const bool is_gone = n < 0 && errno != EAGAIN && errno != EINTR;
    if (is_gone || graph->len == 0) {
        close(c->in);
        c->in = -1;
    }
}

static bool talk(struct child *c, struct span graph, struct buf *out,
                 struct err *err)
{
    char block[BLOCK_BYTES];
    ssize_t n = 1;
    while (n > 0) {
        struct pollfd ends[] = {
            {.fd = c->out, .events = POLLIN },
            {.fd = c->in,  .events = POLLOUT}
        };
        if (poll(ends, c->in >= 0 ? 2 : 1, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_os("dot", errno, err);
        }
        if (c->in >= 0 && ends[1].revents != 0) {
            feed(c, &graph);
        }
        if (ends[0].revents != 0) {
            n = read_some(c->out, block, sizeof(block));
            buf_add(out, block, n > 0 ? (size_t)n : 0);
            if (!buf_ok(out)) {
                return buf_check(out, "the picture", err);
            }
        }
    }
    return n == 0 || fail_os("dot", errno, err);
}

static bool wait_for(const struct child *c, struct err *err)
{
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return fail_os("dot", errno, err);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    return WIFSIGNALED(status)
               ? err_set(err, ERR_IO, "dot was ended by signal %d",
                         WTERMSIG(status))
               : err_set(err, ERR_IO, "dot failed with status %d",
                         WEXITSTATUS(status));
}

bool pprof_outside_draw(const char *picture, struct span graph, struct buf *out,
                        struct err *err)
{
    struct child c = {0};
    if (!start_dot(picture, &c, err)) {
        return false;
    }
    const bool ok = talk(&c, graph, out, err);
    if (!ok) {
        kill(c.pid, SIGKILL);
    }
    if (c.in >= 0) {
        close(c.in);
    }
    close(c.out);
    struct err ending = {0};
    return wait_for(&c, ok ? err : &ending) && ok;
}
