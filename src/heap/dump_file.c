/*
 * A dump as memory. Inflating into a file instead of into memory lets the
 * kernel write out and drop what is not looked at: dumps are as large as the
 * heap of a server.
 */
#include "heap/dump_file.h"

#include "base/gz.h"
#include "base/zst.h"
#include "heap/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

enum { BLOCK_BYTES = 256 << 10, PATH_BYTES = 4096 };

struct dump_file {
    void *map;
    size_t len;
};

static bool io_failed(struct err *err, const char *what)
{
    return err_set(err, ERR_IO, "%s: %s", what, err_system(errno).text);
}

/* Fills `block` unless the file ends before. */
static bool read_block(int fd, uint8_t *block, size_t *n, struct err *err)
{
    *n = 0;
    while (*n < BLOCK_BYTES) {
        const ssize_t got = read(fd, block + *n, BLOCK_BYTES - *n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return io_failed(err, "cannot read");
        }
        if (got == 0) {
            break;
        }
        *n += (size_t)got;
    }
    return true;
}

/* --- what it is --- */

static bool is_compressed(const uint8_t *p, size_t n)
{
    return gz_is_magic(p, n) || zst_is_magic(p, n);
}

/* Go 1.3 to 1.6 wrote other records, with a version of their own. */
static bool check_magic(struct span head, struct err *err)
{
    static const char *const older[] = {
        "go1.3 heap dump\n", "go1.4 heap dump\n", "go1.5 heap dump\n",
        "go1.6 heap dump\n"};
    if (span_starts(head, HEAP_MAGIC)) {
        return true;
    }
    for (size_t i = 0; i < sizeof older / sizeof older[0]; i++) {
        if (span_starts(head, older[i])) {
            return err_set(err, ERR_UNKNOWN,
                           "heap dump of %.5s, in a format before go1.7 that "
                           "is not read",
                           older[i]);
        }
    }
    if (head.len == 0) {
        return err_set(err, ERR_UNKNOWN, "not a heap dump: it is empty");
    }
    if (head.len < sizeof HEAP_MAGIC - 1 &&
        memcmp(head.p, HEAP_MAGIC, head.len) == 0) {
        return err_set_at(err, ERR_FORMAT, head.len,
                          "heap dump is cut off in its header");
    }
    static const char elf[] = "\177ELF";
    if (span_starts(head, elf)) {
        return err_set(err, ERR_UNKNOWN,
                       "not a heap dump but a program or core file");
    }
    return err_set(err, ERR_UNKNOWN,
                   "not a heap dump (runtime/debug.WriteHeapDump); profiles "
                   "are for seep leaks and seep pprof");
}

/* --- the temporary file --- */

struct spool {
    int fd;
    const char *dir;
    bool is_checked;
    uint64_t n_bytes, limit_bytes;
    bool is_limit_room; /* of the disk */
};

static bool spool_full(const struct spool *s, struct err *err)
{
    if (!s->is_limit_room) {
        return err_set(err, ERR_LIMIT,
                       "heap dump inflates to more than %llu bytes",
                       (unsigned long long)s->limit_bytes);
    }
    return err_set(err, ERR_IO,
                   "heap dump inflates to more than the %llu MB that %s has "
                   "room for; set TMPDIR to a larger place",
                   (unsigned long long)(s->limit_bytes >> 20), s->dir);
}

static bool spool_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct spool *s = ctx;
    if (!s->is_checked &&
        !check_magic((struct span){(const char *)p, n}, err)) {
        return false;
    }
    s->is_checked = true;
    s->n_bytes += n;
    if (s->n_bytes > s->limit_bytes) {
        return spool_full(s, err);
    }
    while (n > 0) {
        const ssize_t done = write(s->fd, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return io_failed(err, "cannot write the inflated heap dump");
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool spool_end(void *ctx, struct err *err)
{
    const struct spool *s = ctx;
    return s->is_checked ||
           err_set(err, ERR_UNKNOWN, "not a heap dump: it is empty");
}

/* A sixteenth of the room stays free for others. */
static void spool_limit(struct spool *s)
{
    struct statvfs v;
    if (fstatvfs(s->fd, &v) != 0) {
        return;
    }
    const uint64_t room = (uint64_t)v.f_bavail * v.f_frsize / 16 * 15;
    if (room < s->limit_bytes) {
        s->limit_bytes = room;
        s->is_limit_room = true;
    }
}

/* A file without a name in `dir`. */
static bool spool_open(struct spool *s, const char *dir, struct err *err)
{
    char path[PATH_BYTES];
    const int n = snprintf(path, sizeof path, "%s/seep-heap-XXXXXX", dir);
    s->dir = dir;
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(err, ERR_USAGE,
                       "name of the temporary directory is "
                       "too long");
    }
    s->fd = mkstemp(path);
    if (s->fd < 0) {
        const int number = errno;
        (void)snprintf(path, sizeof path,
                       "cannot create a temporary file in %s (TMPDIR)", dir);
        errno = number;
        return io_failed(err, path);
    }
    (void)fcntl(s->fd, F_SETFD, FD_CLOEXEC);
    if (unlink(path) != 0) {
        return io_failed(err, "cannot unlink a temporary file");
    }
    spool_limit(s);
    return true;
}

typedef bool spool_step(void *ctx, const uint8_t *p, size_t n, struct err *err);

/* All of `fd`, which begins with `block`, into `step`. */
static bool pump(int fd, uint8_t *block, size_t n, void *ctx, spool_step *step,
                 struct err *err)
{
    while (n > 0) {
        if (!step(ctx, block, n, err) || !read_block(fd, block, &n, err)) {
            return false;
        }
    }
    return true;
}

static bool step_gz(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return gz_reader_write(ctx, p, n, err);
}

static bool step_zst(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return zst_reader_write(ctx, p, n, err);
}

/* The spool has the limit. */
static bool fill(struct spool *s, int fd, uint8_t *block, size_t n,
                 struct err *err)
{
    const struct sink out = {s, spool_write, spool_end};
    bool ok = false;
    if (gz_is_magic(block, n)) {
        struct gz_reader *gz = gz_reader_new(out, UINT64_MAX);
        ok = gz ? pump(fd, block, n, gz, step_gz, err) && gz_reader_end(gz, err)
                : err_nomem(err, "inflating a heap dump");
        gz_reader_free(gz);
    } else if (zst_is_magic(block, n)) {
        struct zst_reader *zst = zst_reader_new(out, UINT64_MAX);
        ok = zst ? pump(fd, block, n, zst, step_zst, err) &&
                       zst_reader_end(zst, err)
                 : err_nomem(err, "inflating a heap dump");
        zst_reader_free(zst);
    } else {
        ok = pump(fd, block, n, s, spool_write, err) && spool_end(s, err);
    }
    return ok;
}

/* --- opening --- */

static bool map(struct dump_file *f, int fd, uint64_t n_bytes, struct err *err)
{
    if (n_bytes > SIZE_MAX / 2) {
        return err_set(err, ERR_LIMIT, "heap dump is too large for memory");
    }
    f->len = (size_t)n_bytes;
    f->map = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (f->map == MAP_FAILED) {
        f->map = NULL;
        return io_failed(err, "cannot map the heap dump");
    }
    return true;
}

static bool open_fd(struct dump_file *f, int fd, const char *temporary_dir,
                    uint64_t limit_bytes, uint8_t *block, struct err *err)
{
    struct stat st;
    size_t n = 0;
    if (fstat(fd, &st) != 0) {
        return io_failed(err, "cannot stat");
    }
    if (!read_block(fd, block, &n, err)) {
        return false;
    }
    if (S_ISREG(st.st_mode) && !is_compressed(block, n)) {
        return check_magic((struct span){(const char *)block, n}, err) &&
               map(f, fd, (uint64_t)st.st_size, err);
    }
    struct spool s = {.fd = -1, .limit_bytes = limit_bytes};
    const bool ok = spool_open(&s, temporary_dir, err) &&
                    fill(&s, fd, block, n, err) && map(f, s.fd, s.n_bytes, err);
    if (s.fd >= 0) {
        (void)close(s.fd);
    }
    return ok;
}

bool dump_file_open(const char *path, const char *temporary_dir,
                    uint64_t limit_bytes, struct dump_file **out,
                    struct err *err)
{
    *out = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return io_failed(err, "cannot open");
    }
    struct dump_file *f = calloc(1, sizeof *f);
    uint8_t *block = malloc(BLOCK_BYTES);
    const bool ok = f && block
                        ? open_fd(f, fd, temporary_dir, limit_bytes, block, err)
                        : err_nomem(err, "heap dump");
    free(block);
    (void)close(fd);
    if (!ok) {
        free(f);
        return false;
    }
    *out = f;
    return true;
}

struct span dump_file_bytes(const struct dump_file *f)
{
    return (struct span){f->map, f->len};
}

void dump_file_close(struct dump_file *f)
{
    if (f) {
        (void)munmap(f->map, f->len);
        free(f);
    }
}
