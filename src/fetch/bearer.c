#include "fetch/bearer_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* The largest seen are those of identity providers that list groups in them,
   around 8 KiB; servers refuse longer headers. */
enum { TOKEN_BYTES_MAX = 16 << 10 };

/* Bytes read, or -1 with errno. */
static ssize_t read_all(int fd, char *p, size_t n)
{
    size_t len = 0;
    while (len < n) {
        const ssize_t got = read(fd, p + len, n - len);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

/* Only a file can be read again: what a pipe had is gone after the first
   request. */
static ssize_t read_file(const char *path, char *p, size_t n)
{
    struct stat st;
    ssize_t len = -1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) == 0) {
        if (S_ISREG(st.st_mode)) {
            len = read_all(fd, p, n);
        } else {
            errno = S_ISDIR(st.st_mode) ? EISDIR : ESPIPE;
        }
    }
    const int number = errno;
    close(fd);
    errno = number;
    return len;
}

static bool fail_read(const char *path, int number, struct err *err)
{
    return err_set(err, ERR_IO, "bearer token file %.120s: %s", path,
                   number == ESPIPE ? "is not a regular file"
                                    : err_system(number).text);
}

static bool is_token(struct span token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.p[i] <= ' ' || token.p[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool check_token(const char *path, struct span token, struct err *err)
{
    if (token.len == 0) {
        return err_set(err, ERR_FORMAT, "bearer token file %.120s: is empty",
                       path);
    }
    if (token.len > TOKEN_BYTES_MAX) {
        return err_set(err, ERR_LIMIT,
                       "bearer token file %.120s: has more than %d bytes", path,
                       TOKEN_BYTES_MAX);
    }
    return is_token(token) ||
           err_set(err, ERR_FORMAT,
                   "bearer token file %.120s: holds blanks, control or other "
                   "characters that no token has",
                   path);
}

static struct span trim_lines(struct span text)
{
    text = span_trim(text);
    while (text.len > 0 && text.p[text.len - 1] == '\n') {
        text.len--;
        text = span_trim(text);
    }
    return text;
}

bool bearer_header(const char *path, struct buf *out, struct err *err)
{
    /* One more than fits tells that it is longer. */
    char text[TOKEN_BYTES_MAX + 2];
    const ssize_t n = read_file(path, text, sizeof(text));
    if (n < 0) {
        return fail_read(path, errno, err);
    }
    const struct span token = trim_lines((struct span){text, (size_t)n});
    buf_clear(out);
    if (!check_token(path, token, err)) {
        return false;
    }
    buf_str(out, "Authorization: Bearer ");
    buf_span(out, token);
    return buf_check(out, "bearer token", err);
}
