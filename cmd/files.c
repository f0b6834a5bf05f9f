#include "files.h"

#include "console.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_writer {
    int fd;
    bool is_temporary; /* renamed at the end; else a device or a pipe */
    bool is_closed_pipe;
    char *shown;  /* as the user named it */
    char *target; /* what is replaced */
    char temp[PATH_MAX];
};

static bool fail_io(const char *path, const char *what, struct err *err)
{
    return err_set(err, ERR_IO, "%s: %s: %s", path, what,
                   err_system(errno).text);
}

static void writer_free(struct file_writer *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->shown);
    free(f->target);
    free(f);
}

/* Permission bits a plain creat() would give. */
static mode_t creation_mode(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static bool open_beside(struct file_writer *f, mode_t mode, struct err *err)
{
    static const char suffix[] = ".seep-XXXXXX";
    const struct span whole = span_of(f->target);
    const size_t slash = span_rfind_char(whole, '/');
    const size_t name = slash < whole.len ? slash + 1 : 0;
    if (name + sizeof(suffix) > sizeof(f->temp)) {
        errno = ENAMETOOLONG;
        return fail_io(f->shown, "cannot write", err);
    }
    memcpy(f->temp, f->target, name);
    memcpy(f->temp + name, suffix, sizeof(suffix));
    f->fd = mkstemp(f->temp);
    if (f->fd < 0) {
        return fail_io(f->shown, "cannot create", err);
    }
    f->is_temporary = true;
    console_guard(f->temp);
    (void)fchmod(f->fd, mode);
    return true;
}

static bool open_writer(struct file_writer *f, struct err *err)
{
    struct stat st;
    if (stat(f->shown, &st) != 0) {
        f->target = strdup(f->shown);
        return f->target == NULL ? err_nomem(err, "a file")
                                 : open_beside(f, creation_mode(), err);
    }
    if (!S_ISREG(st.st_mode)) {
        f->fd = open(f->shown, O_WRONLY | O_CLOEXEC);
        return f->fd >= 0 || fail_io(f->shown, "cannot write", err);
    }
    f->target = realpath(f->shown, NULL);
    if (f->target == NULL) {
        return fail_io(f->shown, "cannot write", err);
    }
    return open_beside(f, st.st_mode & 07777, err);
}

bool file_writer_new(const char *path, struct file_writer **out,
                     struct err *err)
{
    struct file_writer *f = calloc(1, sizeof(*f));
    char *shown = strdup(path);
    if (f == NULL || shown == NULL) {
        free(f);
        free(shown);
        return err_nomem(err, "a file");
    }
    f->fd = -1;
    f->shown = shown;
    if (!open_writer(f, err)) {
        writer_free(f);
        return false;
    }
    *out = f;
    return true;
}

static bool write_bytes(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct file_writer *f = ctx;
    while (n > 0 && !f->is_closed_pipe) {
        const ssize_t done = write(f->fd, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0 && errno == EPIPE && !f->is_temporary) {
            f->is_closed_pipe = true; /* its reader has seen enough */
        } else if (done <= 0) {
            return fail_io(f->shown, "cannot write", err);
        } else {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

static bool end_nothing(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

struct sink file_writer_sink(struct file_writer *f)
{
    return (struct sink){f, write_bytes, end_nothing};
}

static bool close_writer(struct file_writer *f, struct err *err)
{
    if (f->is_temporary && fsync(f->fd) != 0 && errno != EINVAL) {
        return fail_io(f->shown, "cannot write", err);
    }
    const int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0 && errno != EINTR) {
        return fail_io(f->shown, "cannot write", err);
    }
    if (f->is_temporary && rename(f->temp, f->target) != 0) {
        return fail_io(f->shown, "cannot create", err);
    }
    return true;
}

bool file_writer_end(struct file_writer *f, bool ok, struct err *err)
{
    ok = ok && close_writer(f, err);
    if (!ok && f->is_temporary) {
        unlink(f->temp);
    }
    console_guard(NULL);
    writer_free(f);
    return ok;
}

bool file_write(const char *path, struct span data, struct err *err)
{
    struct file_writer *f = NULL;
    if (!file_writer_new(path, &f, err)) {
        return false;
    }
    const bool ok = write_bytes(f, (const uint8_t *)data.p, data.len, err);
    return file_writer_end(f, ok, err);
}

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    buf_add(ctx, p, n);
    return buf_check(ctx, "the file", err);
}

static bool keep_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

bool file_read(const char *what, const char *path, size_t limit_bytes,
               struct buf *out, struct err *err)
{
    *out = BUF_LIMIT(limit_bytes);
    const struct sink sink = {out, keep, keep_end};
    if (!fetch_file(path, limit_bytes, sink, NULL, err)) {
        buf_release(out);
        return err_wrap(err, "%s%s%.160s", what, *what != '\0' ? ": " : "",
                        path);
    }
    return true;
}

bool file_is_same(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && S_ISREG(x.st_mode) && stat(b, &y) == 0 &&
           x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool file_make_directory(const char *path, struct err *err)
{
    char whole[PATH_MAX];
    const size_t n = strlen(path);
    if (n == 0 || n >= sizeof(whole)) {
        errno = n == 0 ? ENOENT : ENAMETOOLONG;
        return fail_io(path, "cannot create", err);
    }
    memcpy(whole, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (whole[i] != '/' && whole[i] != '\0') {
            continue;
        }
        const char end = whole[i];
        whole[i] = '\0';
        if (mkdir(whole, 0777) != 0 && errno != EEXIST) {
            return fail_io(whole, "cannot create", err);
        }
        whole[i] = end;
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return fail_io(path, "cannot create", err);
    }
    return true;
}
