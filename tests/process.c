/* One child at a time: SIGCHLD is blocked and waited for, so that the time
   limit needs no thread. */
#define _DEFAULT_SOURCE /* wait4 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

extern char **environ;

void process_die(const char *what)
{
    perror(what);
    exit(2);
}

void command_add(struct command *c, const char *word)
{
    if (c->n == PROCESS_ARGS_MAX) {
        errno = E2BIG;
        process_die(word);
    }
    c->words[c->n++] = word;
    c->words[c->n] = NULL;
}

const char *process_path(const char *path)
{
    if (strchr(path, '/') == NULL) {
        return path;
    }
    const char *full = realpath(path, NULL);
    if (full == NULL) {
        process_die(path);
    }
    return full;
}

/* Would a shell take the word as it is? */
static bool is_plain(const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz"
                                "0123456789-_./=:,+%@";
    return *word != '\0' && word[strspn(word, plain)] == '\0';
}

void command_text(const struct command *c, char *out, size_t n)
{
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < c->n && at < n; i++) {
        const char *quote = is_plain(c->words[i]) ? "" : "'";
        const int wrote = snprintf(out + at, n - at, "%s%s%s%s",
                                   i > 0 ? " " : "", quote, c->words[i], quote);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static pid_t start(const struct command *c, const char *out_path,
                   const char *err_path)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t child = -1;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1,
                                     out_path != NULL ? out_path : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2,
                                     err_path != NULL ? err_path : "/dev/null",
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char *argv[PROCESS_ARGS_MAX + 1];
    memcpy(argv, c->words, sizeof(argv)); /* posix_spawn's are not const */
    errno = posix_spawnp(&child, argv[0], &files, &attributes, argv, environ);
    if (errno != 0) {
        process_die(argv[0]);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return child;
}

/* Waits till `end_s`; false when the child still runs then. */
static bool wait_until(pid_t child, double end_s, int *status,
                       struct rusage *usage)
{
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    for (;;) {
        const pid_t got = wait4(child, status, WNOHANG, usage);
        if (got < 0) {
            process_die("wait4");
        }
        if (got == child) {
            return true;
        }
        const double left_s = end_s - now_s();
        if (left_s <= 0) {
            return false;
        }
        const time_t whole_s = (time_t)left_s;
        const struct timespec limit = {
            whole_s, (long)(1e9 * (left_s - (double)whole_s))};
        (void)sigtimedwait(&child_signal, NULL, &limit);
    }
}

struct process_result process_run(const struct command *c, const char *out_path,
                                  const char *err_path, double limit_s)
{
    enum { STATUS_SIGNAL = 128, STATUS_OUT_OF_TIME = 124 };
    sigset_t child_signal;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_signal, NULL);
    const double start_s = now_s();
    const pid_t child = start(c, out_path, err_path);
    struct process_result result = {0};
    struct rusage usage = {0};
    int status = 0;
    const bool is_late = !wait_until(child, start_s + limit_s, &status, &usage);
    if (is_late) {
        kill(child, SIGKILL);
        if (wait4(child, &status, 0, &usage) != child) {
            process_die("wait4");
        }
    }
    result.wall_s = now_s() - start_s;
    result.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    result.rss_kib = usage.ru_maxrss;
    result.status = is_late             ? STATUS_OUT_OF_TIME
                    : WIFEXITED(status) ? WEXITSTATUS(status)
                                        : STATUS_SIGNAL + WTERMSIG(status);
    return result;
}

/* --- files --- */

static void grow(struct bytes *b, size_t *capacity)
{
    *capacity = *capacity == 0 ? (size_t)1 << 16 : *capacity * 2;
    char *p = realloc(b->p, *capacity);
    if (p == NULL) {
        process_die("memory");
    }
    b->p = p;
}

struct bytes bytes_read(const char *path)
{
    struct bytes b = {0};
    size_t capacity = 0;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        process_die(path);
    }
    size_t n = 0;
    do {
        b.len += n;
        if (b.len + 1 >= capacity) {
            grow(&b, &capacity);
        }
        n = fread(b.p + b.len, 1, capacity - b.len - 1, f);
    } while (n > 0);
    b.p[b.len] = '\0';
    (void)fclose(f);
    return b;
}

void bytes_write(const char *path, struct bytes b)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(b.p, 1, b.len, f) != b.len || fclose(f) != 0) {
        process_die(path);
    }
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

struct bytes bytes_inflate(struct bytes b)
{
    enum { GZIP_ONLY = 16 + 15, BLOCK = 1 << 16 };
    z_stream z = {0};
    struct bytes out = {0};
    size_t capacity = 0;
    int rc = Z_OK;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK) {
        process_die("inflate");
    }
    z.next_in = (const Bytef *)b.p;
    z.avail_in = (uInt)b.len;
    while (rc == Z_OK && z.avail_in > 0) {
        while (capacity - out.len <= BLOCK) {
            grow(&out, &capacity);
        }
        z.next_out = (Bytef *)out.p + out.len;
        z.avail_out = BLOCK;
        rc = inflate(&z, Z_NO_FLUSH);
        out.len += BLOCK - z.avail_out;
        if (rc == Z_STREAM_END) {
            rc = inflateReset(&z);
        }
    }
    inflateEnd(&z);
    if (rc == Z_OK && out.p != NULL) {
        out.p[out.len] = '\0';
        return out;
    }
    free(out.p);
    struct bytes same = {malloc(b.len + 1), b.len};
    if (same.p == NULL) {
        process_die("memory");
    }
    memcpy(same.p, b.p, b.len + 1);
    return same;
}
