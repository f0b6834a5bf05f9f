#include "store/writer_lock_private.h"

#include "base/buf.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* Linux has it since 3.15; the C library hides it from POSIX programs. */
#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

enum { PID_TEXT_MAX = 32 };

static bool fail(const char *path, int number, struct err *err)
{
    return err_set(err, ERR_IO, "%.150s-lock: %s", path,
                   err_system(number).text);
}

/* "another seep (process 4711) writes to it" */
static bool refuse(const char *path, int fd, struct err *err)
{
    char text[PID_TEXT_MAX];
    const ssize_t n = pread(fd, text, sizeof(text), 0);
    const struct span pid =
        span_trim((struct span){text, n > 0 ? (size_t)n - 1 : 0});
    uint64_t number = 0;
    if (!num_parse_u64(pid, &number)) {
        return err_set(err, ERR_MISMATCH,
                       "%.150s: another process writes to this store", path);
    }
    return err_set(err, ERR_MISMATCH,
                   "%.150s: process %llu writes to this store", path,
                   (unsigned long long)number);
}

static void write_pid(int fd)
{
    char text[PID_TEXT_MAX];
    const int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* For people only: a lock without a number, or with half of one, is a
       lock. */
    const bool is_written =
        ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
    (void)is_written;
}

/* Beside the file itself, whatever symbolic links lead to it. A file that is
   still to be made has one name only. */
static void put_name(struct buf *out, const char *path)
{
    char real[PATH_MAX];
    buf_printf(out, "%s-lock", realpath(path, real) != NULL ? real : path);
}

bool writer_lock_take(const char *path, int *fd, struct err *err)
{
    struct buf name = BUF_LIMIT(1 << 16);
    put_name(&name, path);
    if (!buf_check(&name, "path of the store", err)) {
        buf_release(&name);
        return false;
    }
    *fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    const int number = errno;
    buf_release(&name);
    if (*fd < 0) {
        return fail(path, number, err);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(*fd, F_OFD_SETLK, &lock) == 0) {
        write_pid(*fd);
        return true;
    }
    const bool ok = errno == EAGAIN || errno == EACCES ? refuse(path, *fd, err)
                                                       : fail(path, errno, err);
    writer_lock_drop(fd);
    return ok;
}

void writer_lock_drop(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}
