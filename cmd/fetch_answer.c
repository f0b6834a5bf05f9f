#include "fetch_answer.h"

#include "files.h"

#include "input/input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { TRACE_HEAD_BYTES = 16 };

struct fetch_answer {
    struct file_writer *file; /* NULL: nothing is kept */
    struct input *input;      /* NULL: a trace */
    XXH3_state_t *hash;
    uint64_t n_bytes;
    char head[TRACE_HEAD_BYTES];
    bool has_refused;     /* the sink did, or what read all of it */
    bool has_failed_here; /* the file did */
};

static void answer_free(struct fetch_answer *a)
{
    input_free(a->input);
    (void)XXH3_freeState(a->hash);
    free(a);
}

bool fetch_answer_new(const char *path, bool is_trace,
                      struct fetch_answer **out, struct err *err)
{
    struct stat st;
    if (path != NULL && lstat(path, &st) == 0) {
        return err_set(err, ERR_USAGE,
                       "%.180s exists; choose another directory", path);
    }
    struct fetch_answer *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return err_nomem(err, "input");
    }
    a->hash = XXH3_createState();
    a->input = is_trace ? NULL : input_new(NULL);
    bool ok = (a->hash != NULL && (is_trace || a->input != NULL)) ||
              err_nomem(err, "input");
    ok = ok && (path == NULL || file_writer_new(path, &a->file, err));
    if (!ok) {
        answer_free(a);
        return false;
    }
    (void)XXH3_128bits_reset(a->hash);
    *out = a;
    return true;
}

static bool answer_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct fetch_answer *a = ctx;
    if (a->n_bytes < TRACE_HEAD_BYTES) {
        const size_t room = TRACE_HEAD_BYTES - (size_t)a->n_bytes;
        memcpy(a->head + a->n_bytes, p, n < room ? n : room);
    }
    a->n_bytes += n;
    if (a->input != NULL) {
        const struct sink decoder = input_sink(a->input);
        a->has_refused = !decoder.write(decoder.ctx, p, n, err);
        if (a->has_refused) {
            return false;
        }
    }
    if (a->file != NULL) {
        const struct sink file = file_writer_sink(a->file);
        a->has_failed_here = !file.write(file.ctx, p, n, err);
        a->has_refused = a->has_failed_here;
        (void)XXH3_128bits_update(a->hash, p, n);
    }
    return !a->has_failed_here;
}

static bool answer_ended(void *ctx, struct err *err)
{
    struct fetch_answer *a = ctx;
    if (a->input != NULL) {
        const struct sink decoder = input_sink(a->input);
        a->has_refused = !decoder.end(decoder.ctx, err);
    }
    return !a->has_refused;
}

struct sink fetch_answer_sink(struct fetch_answer *a)
{
    return (struct sink){a, answer_write, answer_ended};
}

/* "go 1.23 trace" and zeros to 16 bytes, as internal/trace wants it. */
static bool is_trace(const struct fetch_answer *a)
{
    const struct span head = {a->head, sizeof(a->head)};
    return a->n_bytes >= TRACE_HEAD_BYTES && span_starts(head, "go 1.") &&
           span_has(head, " trace");
}

bool fetch_answer_read(struct fetch_answer *a, struct snapshot *out,
                       struct err *err)
{
    const bool ok = a->input != NULL
                        ? input_finish(a->input, out, err)
                        : is_trace(a) || err_set(err, ERR_UNKNOWN,
                                                 "not an execution trace");
    a->has_refused = !ok;
    return ok;
}

enum fetch_failure fetch_answer_failure(const struct fetch_answer *a,
                                        enum fetch_failure failure,
                                        const struct err *err)
{
    if (a->has_failed_here) {
        return FETCH_FAILURE_HERE;
    }
    return a->has_refused || failure == FETCH_FAILURE_NONE
               ? fetch_failure_of(err->code)
               : failure;
}

uint64_t fetch_answer_bytes(const struct fetch_answer *a)
{
    return a->n_bytes;
}

void fetch_answer_digest(const struct fetch_answer *a, uint64_t out[2])
{
    const XXH128_hash_t digest = XXH3_128bits_digest(a->hash);
    out[0] = digest.high64;
    out[1] = digest.low64;
}

bool fetch_answer_end(struct fetch_answer *a, bool ok, struct err *err)
{
    if (a == NULL) {
        return true;
    }
    const bool is_done = a->file == NULL || file_writer_end(a->file, ok, err);
    answer_free(a);
    return is_done;
}
