/*
 * Bytes from files, pipes and standard input, pushed in blocks as they come.
 * Texts of errors do not repeat the path: the caller knows it and wraps.
 */
#include "fetch/fetch.h"

#include "base/limits.h"
#include "base/natural.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* Large enough that calls cost nothing beside the copying, small enough to
   stay in a cache. */
enum { BLOCK_BYTES = 64 << 10 };

static bool set_errno(struct err *err, const char *doing, int number)
{
    return err_set(err, ERR_IO, "%s: %s", doing, err_system(number).text);
}

/* --- files --- */

static bool is_stopped(const volatile int *stop)
{
    return stop && *stop != 0;
}

/* Bytes read, 0 at the end, -1 with `err` set. */
static ssize_t read_block(int fd, uint8_t *block, const volatile int *stop,
                          struct err *err)
{
    for (;;) {
        if (is_stopped(stop)) {
            err_set(err, ERR_INTERRUPTED, "interrupted");
            return -1;
        }
        const ssize_t n = read(fd, block, BLOCK_BYTES);
        if (n >= 0) {
            return n;
        }
        if (errno != EINTR) {
            set_errno(err, "cannot read", errno);
            return -1;
        }
    }
}

static bool push_blocks(int fd, uint8_t *block, uint64_t limit_bytes,
                        struct sink sink, const volatile int *stop,
                        struct err *err)
{
    uint64_t left_bytes = limit_bytes;
    ssize_t n;
    while ((n = read_block(fd, block, stop, err)) > 0) {
        if ((uint64_t)n > left_bytes) {
            return err_set(err, ERR_LIMIT,
                           "longer than the limit of %" PRIu64 " bytes",
                           limit_bytes);
        }
        left_bytes -= (uint64_t)n;
        if (!sink.write(sink.ctx, block, (size_t)n, err)) {
            return false;
        }
    }
    return n == 0 && sink.end(sink.ctx, err);
}

static bool push_all(int fd, uint64_t limit_bytes, struct sink sink,
                     const volatile int *stop, struct err *err)
{
    uint8_t *const block = malloc(BLOCK_BYTES);
    if (!block) {
        return err_nomem(err, "reading");
    }
    const bool ok = push_blocks(fd, block, limit_bytes, sink, stop, err);
    free(block);
    return ok;
}

/* Kinds of files that are refused by name of their kind. A terminal or
   /dev/zero never ends; a socket cannot be opened. */
static const char *refused_kind(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return "is a directory";
    }
    if (S_ISCHR(mode)) {
        return "is a device";
    }
    if (S_ISBLK(mode)) {
        return "is a block device";
    }
    return S_ISSOCK(mode) ? "is a socket" : NULL;
}

static bool check_kind(int fd, uint64_t limit_bytes, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return set_errno(err, "cannot look at it", errno);
    }
    const char *const refused = refused_kind(st.st_mode);
    if (refused) {
        return err_set(err, ERR_IO, "%s, not a file", refused);
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0 &&
        (uint64_t)st.st_size > limit_bytes) {
        return err_set(err, ERR_LIMIT,
                       "has %" PRIu64 " bytes, the limit is %" PRIu64,
                       (uint64_t)st.st_size, limit_bytes);
    }
    return true;
}

static int open_path(const char *path, const volatile int *stop)
{
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR && !is_stopped(stop));
    return fd;
}

bool fetch_file(const char *path, uint64_t limit_bytes, struct sink sink,
                const volatile int *stop, struct err *err)
{
    if (strcmp(path, "-") == 0) {
        return push_all(STDIN_FILENO, limit_bytes, sink, stop, err);
    }
    const int fd = open_path(path, stop);
    if (fd < 0) {
        return errno == EINTR ? err_set(err, ERR_INTERRUPTED, "interrupted")
                              : set_errno(err, "cannot open", errno);
    }
    const bool ok = check_kind(fd, limit_bytes, err) &&
                    push_all(fd, limit_bytes, sink, stop, err);
    close(fd);
    return ok;
}

/* --- arguments --- */

static const char *const schemes[] = {"http://", "https://", "unix://"};

static bool has_scheme(const char *arg)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(arg, schemes[i], strlen(schemes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_port(const char *text)
{
    const size_t n = strspn(text, "0123456789");
    /* "65535" has five digits. */
    return n > 0 && n <= 5 && (text[n] == '\0' || text[n] == '/') &&
           strtoul(text, NULL, 10) <= 65535;
}

/* "localhost:6060", "10.0.0.1:80/debug/pprof", "[::1]:6060", ":6060" */
static bool is_host_and_port(const char *arg)
{
    const char *colon = strchr(arg, ':');
    if (arg[0] == '[') {
        const char *const bracket = strchr(arg, ']');
        colon = bracket ? bracket + 1 : NULL;
    }
    if (!colon || *colon != ':') {
        return false;
    }
    const size_t host = (size_t)(colon - arg);
    return strcspn(arg, "/ \t\\") >= host && is_port(colon + 1);
}

bool fetch_classify(const char *arg, enum fetch_what *what, struct err *err)
{
    if (strcmp(arg, "-") == 0) {
        *what = FETCH_STDIN;
        return true;
    }
    if (has_scheme(arg)) {
        *what = FETCH_URL;
        return true;
    }
    struct stat st;
    if (stat(arg, &st) == 0) {
        *what = S_ISDIR(st.st_mode) ? FETCH_DIRECTORY : FETCH_FILE;
        return true;
    }
    const int number = errno;
    if (number == ENOENT && is_host_and_port(arg)) {
        *what = FETCH_URL;
        return true;
    }
    const char *const colon = strstr(arg, "://");
    if (number == ENOENT && colon && colon != arg) {
        return err_set(err, ERR_IO,
                       "unknown scheme \"%.*s\", known are http, "
                       "https and unix",
                       (int)(colon - arg), arg);
    }
    return set_errno(err, "cannot open", number);
}

/* --- directories --- */

static int compare_paths(const void *a, const void *b)
{
    const char *const *const x = a;
    const char *const *const y = b;
    return natural_compare(*x, *y);
}

static const char *join(struct arena *a, const char *dir, const char *name)
{
    const size_t n = strlen(dir);
    const char *const slash = n > 0 && dir[n - 1] == '/' ? "" : "/";
    return arena_printf(a, "%s%s%s", dir, slash, name);
}

/* A path worth reading: a file, or a link to one. */
static bool is_file(DIR *d, const char *name)
{
    struct stat st;
    return fstatat(dirfd(d), name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static bool add_name(struct fetch_listing *out, size_t *cap, const char *path,
                     struct err *err)
{
    if (!path) {
        return err_nomem(err, "listing");
    }
    if (out->n >= LIMIT_DIRECTORY_ENTRIES) {
        return err_set(err, ERR_LIMIT, "more than %u files",
                       LIMIT_DIRECTORY_ENTRIES);
    }
    void *items = out->paths;
    if (!vec_grow(&items, cap, out->n + 1, sizeof(*out->paths))) {
        return err_nomem(err, "listing");
    }
    out->paths = items;
    out->paths[out->n++] = path;
    return true;
}

static bool list_entries(DIR *d, const char *dir, struct fetch_listing *out,
                         struct err *err)
{
    size_t cap = 0;
    for (;;) {
        errno = 0;
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): `d` is this call's own. */
        const struct dirent *const entry = readdir(d);
        if (!entry) {
            return errno == 0 || set_errno(err, "cannot list", errno);
        }
        if (entry->d_name[0] == '.' || !is_file(d, entry->d_name)) {
            continue;
        }
        if (!add_name(out, &cap, join(&out->arena, dir, entry->d_name), err)) {
            return false;
        }
    }
}

bool fetch_list(const char *dir, struct fetch_listing *out, struct err *err)
{
    *out = (struct fetch_listing){0};
    DIR *const d = opendir(dir);
    if (!d) {
        return set_errno(err, "cannot open directory", errno);
    }
    const bool ok = list_entries(d, dir, out, err);
    closedir(d);
    if (!ok) {
        fetch_listing_release(out);
        return false;
    }
    if (out->n > 0) {
        qsort(out->paths, out->n, sizeof(*out->paths), compare_paths);
    }
    return true;
}

void fetch_listing_release(struct fetch_listing *l)
{
    free(l->paths);
    arena_release(&l->arena);
    *l = (struct fetch_listing){0};
}
