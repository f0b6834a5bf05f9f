/* The store's life, its targets and their states; see store.h. */
#include "store/store_private.h"

#include "base/num.h"
#include "store/writer_lock_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static char *copy(const char *text)
{
    const size_t n = strlen(text) + 1;
    char *out = malloc(n);
    if (out != NULL) {
        memcpy(out, text, n);
    }
    return out;
}

bool store_open(const char *path, const struct store_options *o,
                struct store **out, struct err *err)
{
    *out = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(err, "store");
    }
    s->lock_fd = -1;
    s->options = *o;
    s->scratch = BUF_LIMIT(STORE_BLOB_MAX);
    s->path = copy(path);
    bool ok = s->path != NULL || err_nomem(err, "store");
    ok = ok && database_check_path(s, err) &&
         (o->is_read_only || writer_lock_take(path, &s->lock_fd, err)) &&
         database_open(s, err);
    if (!ok) {
        store_close(s);
        return false;
    }
    *out = s;
    return true;
}

void store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    database_close(s);
    writer_lock_drop(&s->lock_fd);
    stored_stacks_forget(s);
    vec_u32_release(&s->id_of_row);
    vec_u32_release(&s->day_of_row);
    id_table_release(&s->opened);
    buf_release(&s->scratch);
    free(s->path);
    free(s);
}

bool store_begin(struct store *s, struct err *err)
{
    assert(!s->is_writing);
    bool is_own = false;
    s->was_undone = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    s->is_writing = true;
    return true;
}

bool store_commit(struct store *s, struct err *err)
{
    if (s->was_undone) {
        s->was_undone = false;
        return err_set(err, ERR_IO,
                       "%.150s: nothing was kept: a write had failed", s->path);
    }
    assert(s->is_writing);
    if (!database_leave(s, true, true, err)) {
        s->was_undone = false;
        return false;
    }
    s->is_writing = false;
    return true;
}

/* --- targets --- */

static bool find_target(struct store *s, const char *name, store_target *out,
                        struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_TARGET_FIND, err);
    bool has_row = false;
    if (q == NULL || !database_bind_text(s, q, 1, name, err) ||
        !database_row(s, q, &has_row, err)) {
        return false;
    }
    if (!has_row) {
        return err_set(err, ERR_USAGE, "%.100s: holds no target %.100s",
                       s->path, name);
    }
    out->i = s->lib.column_int64(q, 0);
    database_end(s, q);
    uint32_t key = 0;
    if (out->i <= 0 || !u32_from_u64(&key, (uint64_t)out->i)) {
        return err_set(err, ERR_FORMAT, "%.150s: damaged: target %lld", s->path,
                       (long long)out->i);
    }
    return id_table_put(&s->opened, key, 1) || err_nomem(err, "store");
}

static bool put_target(struct store *s, const char *name, const char *labels,
                       struct err *err)
{
    bool is_own = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    sqlite3_stmt *q = database_statement(s, STATEMENT_TARGET_PUT, err);
    const bool ok = q != NULL && database_bind_text(s, q, 1, name, err) &&
                    database_bind_text(s, q, 2, labels, err) &&
                    database_run(s, q, err);
    return database_leave(s, is_own, ok, err);
}

bool store_target_open(struct store *s, const char *name, const char *labels,
                       store_target *out, struct err *err)
{
    return (s->options.is_read_only || put_target(s, name, labels, err)) &&
           find_target(s, name, out, err);
}

bool store_each_target(struct store *s,
                       bool (*take)(void *ctx,
                                    const struct store_target_about *a,
                                    struct err *err),
                       void *ctx, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_TARGETS, err);
    if (q == NULL) {
        return false;
    }
    for (bool has_row = true;;) {
        if (!database_row(s, q, &has_row, err)) {
            return false;
        }
        if (!has_row) {
            return true;
        }
        const struct store_target_about about = {
            .id = {s->lib.column_int64(q, 0)},
            .name = database_text(s, q, 1),
            .labels = database_text(s, q, 2),
            .n_snapshots = (uint64_t)s->lib.column_int64(q, 3),
            .first_nanos = s->lib.column_int64(q, 4),
            .last_nanos = s->lib.column_int64(q, 5),
        };
        if (!take(ctx, &about, err)) {
            database_end(s, q);
            return false;
        }
    }
}

/* --- state --- */

bool store_put_state(struct store *s, store_target target, struct span state,
                     struct err *err)
{
    bool is_own = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    sqlite3_stmt *q = database_statement(s, STATEMENT_STATE_PUT, err);
    bool ok = q != NULL;
    if (ok) {
        database_bind(s, q, 1, target.i);
        ok = database_bind_blob(s, q, 2, state, err) && database_run(s, q, err);
    }
    return database_leave(s, is_own, ok, err);
}

bool store_get_state(struct store *s, store_target target, struct buf *out,
                     struct err *err)
{
    buf_clear(out);
    sqlite3_stmt *q = database_statement(s, STATEMENT_STATE_GET, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    if (has_row) {
        buf_span(out, database_blob(s, q, 0));
        database_end(s, q);
    }
    return buf_check(out, "state", err);
}

/* --- size --- */

uint64_t store_bytes(struct store *s)
{
    struct err ignored = {0}; /* a figure for people; who writes will see */
    int64_t pages = 0;
    int64_t page_bytes = 0;
    if (!database_number(s, STATEMENT_PAGES, 0, &pages, &ignored) ||
        !database_number(s, STATEMENT_PAGE_BYTES, 0, &page_bytes, &ignored)) {
        return 0;
    }
    return (uint64_t)pages * (uint64_t)page_bytes;
}
