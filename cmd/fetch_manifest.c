#include "fetch_manifest_private.h"

#include "base/limits.h"
#include "base/num.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct fetch_manifest {
    int fd;
    char *directory, *path;
    struct fetch_past past;
    struct fetch_moments moments;
};

static bool fail_io(const struct fetch_manifest *m, const char *what,
                    struct err *err)
{
    return err_set(err, ERR_IO, "%.150s: %s: %s", m->path, what,
                   err_system(errno).text);
}

/* --- opening --- */

static bool read_fd(int fd, struct buf *out)
{
    char block[16 << 10];
    ssize_t n = 0;
    while ((n = read(fd, block, sizeof(block))) != 0) {
        if (n < 0 && errno != EINTR) {
            return false;
        }
        buf_add(out, block, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* A last line in pieces is cut off, so that the next one begins a line. What
   is no manifest is not touched. */
static bool read_past(struct fetch_manifest *m, bool resume, struct err *err)
{
    struct buf text = BUF_LIMIT(FETCH_MANIFEST_BYTES_MAX);
    bool ok = read_fd(m->fd, &text) || fail_io(m, "cannot read", err);
    ok = ok && buf_check(&text, "the manifest", err);
    if (ok && !fetch_past_read(&m->past, buf_view(&text), err)) {
        ok = err_wrap(err, "%.150s", m->path);
    }
    buf_release(&text);
    if (ok && !resume) {
        fetch_past_release(&m->past);
        m->past = (struct fetch_past){0};
    }
    if (ok && ftruncate(m->fd, (off_t)m->past.n_whole_bytes) != 0) {
        return fail_io(m, "cannot write", err);
    }
    return ok;
}

/* A file system that knows no locks is the user's to keep apart. */
static bool lock(struct fetch_manifest *m, struct err *err)
{
    struct stat st;
    if (flock(m->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return err_set(err, ERR_USAGE,
                       "another seep fetch is saving into %.150s",
                       m->directory);
    }
    if (fstat(m->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0) {
        return err_set(err, ERR_IO, "%.150s: not a regular file", m->path);
    }
    return true;
}

bool fetch_manifest_open(const char *directory, bool resume,
                         struct fetch_manifest **out, struct err *err)
{
    struct buf path = BUF_LIMIT(FETCH_PATH_BYTES_MAX);
    struct fetch_manifest *m = calloc(1, sizeof(*m));
    buf_printf(&path, "%s/" FETCH_MANIFEST_NAME, directory);
    if (m == NULL || !buf_ok(&path)) {
        free(m);
        buf_release(&path);
        return err_nomem(err, "manifest");
    }
    m->path = path.data;
    m->directory = strdup(directory);
    m->fd = open(m->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                 0666);
    bool ok = m->directory != NULL || err_nomem(err, "manifest");
    ok = ok && (m->fd >= 0 || fail_io(m, "cannot create", err)) && lock(m, err);
    if (!ok || !read_past(m, resume, err)) {
        fetch_manifest_free(m);
        return false;
    }
    *out = m;
    return true;
}

void fetch_manifest_free(struct fetch_manifest *m)
{
    if (m == NULL) {
        return;
    }
    if (m->fd >= 0) {
        close(m->fd);
    }
    fetch_past_release(&m->past);
    fetch_moments_release(&m->moments);
    free(m->directory);
    free(m->path);
    free(m);
}

void fetch_manifest_remove(struct fetch_manifest *m)
{
    unlink(m->path);
}

const struct fetch_begun *fetch_manifest_begun(const struct fetch_manifest *m)
{
    return m->past.has_begun ? &m->past.begun : NULL;
}

const struct fetch_moments *
fetch_manifest_moments(const struct fetch_manifest *m)
{
    return &m->moments;
}

/* --- lines --- */

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Takes the line. */
static bool append(struct fetch_manifest *m, json_t *line, struct err *err)
{
    char *text = line != NULL
                     ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9))
                     : NULL;
    json_decref(line);
    if (text == NULL) {
        return err_nomem(err, "manifest");
    }
    /* In one write, with its end: a line is there or it is not. */
    const size_t n = strlen(text);
    text[n] = '\n';
    const bool ok =
        write_all(m->fd, text, n + 1) && (fsync(m->fd) == 0 || errno == EINVAL);
    free(text);
    return ok || fail_io(m, "cannot write", err);
}

/* JSON is UTF-8; what a target is called, or says, need not be. */
static json_t *text_json(const char *text)
{
    json_t *v = json_string(text);
    if (v == NULL) {
        char *ascii = strdup(text);
        for (char *c = ascii; c != NULL && *c != '\0'; c++) {
            if ((unsigned char)*c >= 0x80) {
                *c = '?';
            }
        }
        v = ascii != NULL ? json_string(ascii) : NULL;
        free(ascii);
    }
    return v;
}

static json_t *time_json(int64_t unix_ns)
{
    struct buf text = BUF_LIMIT(64);
    num_rfc3339(&text, unix_ns);
    json_t *v = buf_ok(&text) ? json_string(text.data) : NULL;
    buf_release(&text);
    return v;
}

static json_t *head_json(const struct fetch_plan *plan, int64_t now_ns)
{
    json_t *names = json_array();
    for (size_t i = 0; i < plan->n; i++) {
        (void)json_array_append_new(names, json_string(plan->names[i]));
    }
    return json_pack(
        "{s:s, s:{s:s, s:s}, s:o, s:o, s:I, s:b, s:I, s:I, s:f, "
        "s:o}",
        "schema", FETCH_MANIFEST_SCHEMA, "tool", "name", "seep", "version",
        SEEP_VERSION, "target", text_json(plan->shown.data), "profiles", names,
        "debug", (json_int_t)plan->debug, "gc", plan->collects, "seconds",
        (json_int_t)plan->seconds, "count", (json_int_t)plan->count,
        "interval_s", 1e-9 * (double)plan->interval_ns, "begun",
        time_json(now_ns));
}

bool fetch_manifest_saved(struct fetch_manifest *m, const struct fetch_saved *s,
                          struct err *err)
{
    struct buf digest = BUF_LIMIT(64);
    buf_printf(&digest, "%016llx%016llx", (unsigned long long)s->digest[0],
               (unsigned long long)s->digest[1]);
    json_t *line = json_pack(
        "{s:s, s:I, s:s, s:o, s:f, s:I, s:s}", "file", s->file, "snapshot",
        (json_int_t)s->nth, "profile", s->profile, "taken",
        time_json(s->taken_ns), "took_s", 1e-9 * (double)s->took_ns, "bytes",
        (json_int_t)s->n_bytes, "xxh3", digest.data != NULL ? digest.data : "");
    buf_release(&digest);
    return append(m, line, err);
}

bool fetch_manifest_missed(struct fetch_manifest *m, uint64_t nth,
                           const char *profile, const char *failure,
                           const char *why, int64_t now_ns, struct err *err)
{
    return append(m,
                  json_pack("{s:s, s:I, s:o, s:s, s:o}", "missed", profile,
                            "snapshot", (json_int_t)nth, "at",
                            time_json(now_ns), "failure", failure, "why",
                            text_json(why)),
                  err);
}

bool fetch_manifest_absent(struct fetch_manifest *m, const char *profile,
                           int64_t now_ns, struct err *err)
{
    return append(
        m, json_pack("{s:s, s:o}", "absent", profile, "at", time_json(now_ns)),
        err);
}

bool fetch_manifest_ended(struct fetch_manifest *m, const char *how,
                          uint64_t n_saved, uint64_t n_missed, int64_t now_ns,
                          struct err *err)
{
    return append(m,
                  json_pack("{s:s, s:I, s:I, s:o}", "ended", how, "whole",
                            (json_int_t)n_saved, "lost", (json_int_t)n_missed,
                            "at", time_json(now_ns)),
                  err);
}

/* --- going on --- */

struct digest {
    XXH3_state_t *state;
    uint64_t n_bytes;
};

static bool digest_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct digest *d = ctx;
    (void)err;
    d->n_bytes += n;
    (void)XXH3_128bits_update(d->state, p, n);
    return true;
}

static bool digest_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

/* The line that was not written any more. */
static bool add_found(struct fetch_manifest *m, const struct fetch_file *f,
                      struct err *err)
{
    struct stat st;
    struct buf path = BUF_LIMIT(FETCH_PATH_BYTES_MAX);
    struct digest d = {.state = XXH3_createState()};
    bool ok = d.state != NULL || err_nomem(err, "manifest");
    buf_printf(&path, "%s/%s", m->directory, f->name);
    ok = ok && buf_check(&path, "name", err);
    if (ok) {
        (void)XXH3_128bits_reset(d.state);
        ok = fetch_file(path.data, LIMIT_FILE_BYTES,
                        (struct sink){&d, digest_write, digest_end}, NULL,
                        err) &&
             (stat(path.data, &st) == 0 || fail_io(m, f->name, err));
    }
    if (ok) {
        const XXH128_hash_t digest = XXH3_128bits_digest(d.state);
        ok = fetch_manifest_saved(
            m,
            &(struct fetch_saved){
                .file = f->name,
                .profile = f->profile,
                .nth = f->nth,
                .taken_ns = st.st_mtim.tv_sec * INT64_C(1000000000) +
                            st.st_mtim.tv_nsec,
                .n_bytes = d.n_bytes,
                .digest = {digest.high64, digest.low64}
        },
            err);
    }
    (void)XXH3_freeState(d.state);
    buf_release(&path);
    return ok;
}

static bool go_on(struct fetch_manifest *m, struct fetch_plan *plan,
                  int64_t now_ns, struct err *err)
{
    struct fetch_files found = {0};
    for (size_t i = plan->n; i > 0; i--) {
        for (size_t k = 0; k < m->past.n_absent; k++) {
            if (plan->n > 1 &&
                strcmp(plan->names[i - 1], m->past.absent[k]) == 0) {
                fetch_plan_drop(plan, i - 1);
                break;
            }
        }
    }
    bool ok =
        fetch_past_find(&m->past, plan, m->directory, &m->moments, &found, err);
    for (size_t i = 0; ok && i < found.n; i++) {
        ok = add_found(m, &found.items[i], err);
    }
    fetch_files_release(&found);
    return ok &&
           append(m,
                  json_pack("{s:o, s:I, s:f}", "resumed", time_json(now_ns),
                            "count", (json_int_t)plan->count, "interval_s",
                            1e-9 * (double)plan->interval_ns),
                  err);
}

bool fetch_manifest_begin(struct fetch_manifest *m, struct fetch_plan *plan,
                          int64_t now_ns, struct err *err)
{
    return m->past.has_begun ? go_on(m, plan, now_ns, err)
                             : append(m, head_json(plan, now_ns), err);
}
