/* Snapshots of the store: points as series/ encodes them, over the store's own
   numbers of stacks. */
#include "store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

#include "base/banned.h"

static const char *form_name(enum snapshot_form form)
{
    switch (form) {
    case FORM_PROTO:
        return "proto";
    case FORM_TEXT:
        return "text";
    case FORM_DUMP:
        return "dump";
    case FORM_OTHER:
        break;
    }
    return "other";
}

/* As SQLite keeps it: signed. */
static int64_t sum_of(struct span bytes)
{
    const uint64_t sum = XXH3_64bits(bytes.p, bytes.len);
    int64_t out;
    memcpy(&out, &sum, sizeof(out));
    return out;
}

static bool insert(struct store *s, store_target target, uint64_t moment,
                   int64_t taken_nanos, const struct series_point *p,
                   struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_SNAPSHOT_PUT, err);
    const struct span bytes = buf_view(&s->scratch);
    if (q == NULL ||
        !database_bind_text(s, q, 3, profile_kind_name(p->kind), err) ||
        !database_bind_text(s, q, 4, form_name(p->form), err) ||
        !database_bind_blob(s, q, 8, bytes, err)) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    database_bind(s, q, 2, (int64_t)moment);
    database_bind(s, q, 5, taken_nanos);
    database_bind(s, q, 6, p->time_nanos);
    database_bind(s, q, 7, sum_of(bytes));
    return database_run(s, q, err);
}

bool store_append(struct store *s, store_target target, uint64_t moment,
                  int64_t taken_nanos, const struct stack_table *t,
                  const struct series_point *p, struct err *err)
{
    bool is_own = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    bool ok = moment <= INT64_MAX ||
              err_set(err, ERR_LIMIT, "moment %" PRIu64 " is too late", moment);
    ok = ok && stored_stacks_put(s, t, p, taken_nanos, err);
    if (ok) {
        buf_clear(&s->scratch);
        ok = series_point_encode(p, s->id_of_row.items, &s->scratch, err) &&
             buf_check(&s->scratch, "snapshot", err) &&
             insert(s, target, moment, taken_nanos, p, err) &&
             retention_appended(s, target, moment, err);
    }
    return database_leave(s, is_own, ok, err);
}

/* --- reading --- */

struct rows {
    struct store *store;
    struct stack_table *table;
};

static bool row_of(void *ctx, uint64_t id, uint32_t *row, struct err *err)
{
    const struct rows *r = ctx;
    return stored_stacks_row(r->store, r->table, id, row, err);
}

/* "s.db: http://a/, moment 7: damaged: ..." */
static bool damaged(struct store *s, store_target target, int64_t moment,
                    struct err *err)
{
    const struct err cause = *err;
    char name[80] = "?";
    struct err ignored = {0};
    sqlite3_stmt *q = database_statement(s, STATEMENT_TARGET_NAME, &ignored);
    bool has_row = false;
    if (q != NULL) {
        database_bind(s, q, 1, target.i);
        if (database_row(s, q, &has_row, &ignored) && has_row) {
            snprintf(name, sizeof(name), "%s", database_text(s, q, 0));
            database_end(s, q);
        }
    }
    return err_set(err, cause.code,
                   "%.60s: %s, moment %" PRId64 " is damaged: %.60s", s->path,
                   name, moment, cause.text);
}

static bool read_point(struct store *s, struct stack_table *t, sqlite3_stmt *q,
                       struct series_point *out, struct err *err)
{
    const struct span bytes = database_blob(s, q, 3);
    if (sum_of(bytes) != s->lib.column_int64(q, 2)) {
        return err_set(err, ERR_FORMAT, "it is not what was written");
    }
    struct rows rows = {s, t};
    const struct series_row_source source = {&rows, row_of};
    return series_point_decode(t, bytes, &source, out, err);
}

bool store_each_point(struct store *s, store_target target, int64_t since_nanos,
                      struct stack_table *t,
                      bool (*take)(void *ctx, const struct store_point *p,
                                   struct err *err),
                      void *ctx, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_SNAPSHOTS, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    database_bind(s, q, 2, since_nanos);
    for (bool has_row = true;;) {
        if (!database_row(s, q, &has_row, err)) {
            return false;
        }
        if (!has_row) {
            return true;
        }
        struct series_point point = {0};
        const int64_t moment = s->lib.column_int64(q, 0);
        bool ok = read_point(s, t, q, &point, err);
        if (ok) {
            const struct store_point p = {.moment = (uint64_t)moment,
                                          .taken_nanos =
                                              s->lib.column_int64(q, 1),
                                          .point = &point};
            ok = take(ctx, &p, err);
            series_point_release(&point);
        } else if (err->code == ERR_FORMAT || err->code == ERR_LIMIT) {
            damaged(s, target, moment, err);
        }
        if (!ok) {
            database_end(s, q);
            return false;
        }
    }
}

bool store_next_moment(struct store *s, store_target target, uint64_t *out,
                       struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_LATEST_MOMENT, err);
    bool has_row = false;
    *out = 0;
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    if (has_row) { /* always; of no moments it is NULL */
        *out = s->lib.column_text(q, 0) != NULL
                   ? (uint64_t)s->lib.column_int64(q, 0) + 1
                   : 0;
        database_end(s, q);
    }
    return true;
}

bool store_count_points(struct store *s, store_target target,
                        int64_t since_nanos, uint64_t *out, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_SNAPSHOTS_COUNT, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    database_bind(s, q, 2, since_nanos);
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    *out = 0;
    if (has_row) {
        *out = (uint64_t)s->lib.column_int64(q, 0);
        database_end(s, q);
    }
    return true;
}
