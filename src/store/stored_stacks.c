/*
 * Stacks of the store. Each is kept once, found by the hash of its bytes, and
 * named by a number in points. Which row has which number is remembered, so
 * that a snapshot of known stacks asks the database for none of them.
 */
#include "store/store_private.h"

#include "base/num.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "base/banned.h"

/* Value of `row_of_id` for a stack that was dropped. */
#define NO_ROW UINT32_MAX

#define DAY_NANOS (INT64_C(86400) * 1000000000)

int64_t stored_stacks_day(int64_t nanos)
{
    return nanos > 0 ? nanos / DAY_NANOS : 0;
}

void stored_stacks_forget(struct store *s)
{
    s->id_of_row.n = 0;
    s->day_of_row.n = 0;
    id_table_release(&s->row_of_id);
}

void stored_stacks_forget_one(struct store *s, uint32_t id)
{
    uint32_t *row = id_table_find(&s->row_of_id, id);
    if (row != NULL && *row != NO_ROW) {
        if (s->id_of_row.items[*row] == id) {
            s->id_of_row.items[*row] = 0;
        }
        *row = NO_ROW;
    }
}

/* Room for all rows of the table, so that `id_of_row` can be indexed. */
static bool know_rows(struct store *s, const struct stack_table *t,
                      struct err *err)
{
    assert(s->table == NULL || s->table == t);
    s->table = t;
    const size_t n = stack_table_n_rows(t);
    if (s->id_of_row.n >= n) {
        return true;
    }
    if (!vec_u32_reserve(&s->id_of_row, n) ||
        !vec_u32_reserve(&s->day_of_row, n)) {
        return err_nomem(err, "store");
    }
    const size_t more = n - s->id_of_row.n;
    memset(s->id_of_row.items + s->id_of_row.n, 0, more * sizeof(uint32_t));
    memset(s->day_of_row.items + s->id_of_row.n, 0, more * sizeof(uint32_t));
    s->id_of_row.n = n;
    s->day_of_row.n = n;
    return true;
}

static bool remember(struct store *s, uint32_t row, int64_t id, int64_t day,
                     struct err *err)
{
    uint32_t narrow = 0;
    if (id <= 0 || !u32_from_u64(&narrow, (uint64_t)id)) {
        return err_set(err, ERR_FORMAT,
                       "%.150s: damaged: stack %" PRId64 " has no valid number",
                       s->path, id);
    }
    s->id_of_row.items[row] = narrow;
    s->day_of_row.items[row] = day > 0 && day < NO_ROW ? (uint32_t)day : 0;
    return id_table_put(&s->row_of_id, narrow, row) || err_nomem(err, "store");
}

/* --- rows to ids --- */

static bool insert(struct store *s, uint32_t row, struct span hash,
                   struct span bytes, int64_t day, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_STACK_PUT, err);
    if (q == NULL || !database_bind_blob(s, q, 1, hash, err) ||
        !database_bind_blob(s, q, 3, bytes, err)) {
        return false;
    }
    database_bind(s, q, 2, day);
    return database_run(s, q, err) &&
           remember(s, row, s->lib.last_insert_rowid(s->db), day, err);
}

static bool find_or_insert(struct store *s, const struct stack_table *t,
                           uint32_t row, int64_t day, struct err *err)
{
    buf_clear(&s->scratch);
    if (!stack_table_encode(t, row, &s->scratch, err) ||
        !buf_check(&s->scratch, "stack", err)) {
        return false;
    }
    const struct span bytes = buf_view(&s->scratch);
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes.p, bytes.len));
    const struct span key = {(const char *)hash.digest, sizeof(hash.digest)};
    sqlite3_stmt *q = database_statement(s, STATEMENT_STACK_FIND, err);
    bool has_row = false;
    if (q == NULL || !database_bind_blob(s, q, 1, key, err) ||
        !database_row(s, q, &has_row, err)) {
        return false;
    }
    if (!has_row) {
        return insert(s, row, key, bytes, day, err);
    }
    const int64_t id = s->lib.column_int64(q, 0);
    const int64_t used = s->lib.column_int64(q, 1);
    database_end(s, q);
    return remember(s, row, id, used, err);
}

static bool touch(struct store *s, uint32_t row, int64_t day, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_STACK_USED, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, s->id_of_row.items[row]);
    database_bind(s, q, 2, day);
    s->day_of_row.items[row] = (uint32_t)day;
    return database_run(s, q, err);
}

static bool put_row(struct store *s, const struct stack_table *t, uint32_t row,
                    int64_t day, struct err *err)
{
    assert(row < s->id_of_row.n);
    if (s->id_of_row.items[row] == 0 && !find_or_insert(s, t, row, day, err)) {
        return false;
    }
    return s->day_of_row.items[row] >= day || touch(s, row, day, err);
}

bool stored_stacks_put(struct store *s, const struct stack_table *t,
                       const struct series_point *p, int64_t taken_nanos,
                       struct err *err)
{
    const int64_t day = stored_stacks_day(taken_nanos);
    if (!know_rows(s, t, err)) {
        return false;
    }
    for (size_t i = 0; i < p->cells.n; i++) {
        if (!put_row(s, t, p->cells.items[i].row, day, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < p->goroutines.n; i++) {
        if (!put_row(s, t, p->goroutines.items[i].row, day, err)) {
            return false;
        }
    }
    return true;
}

/* --- ids to rows --- */

static bool damaged(uint64_t id, const char *how, struct err *err)
{
    return err_set(err, ERR_FORMAT, "stack %" PRIu64 " %s", id, how);
}

static bool read_row(struct store *s, struct stack_table *t, uint32_t id,
                     sqlite3_stmt *q, uint32_t *row, struct err *err)
{
    const struct span hash = database_blob(s, q, 0);
    const int64_t used = s->lib.column_int64(q, 1);
    const struct span bytes = database_blob(s, q, 2);
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes.p, bytes.len));
    if (!span_eq(hash,
                 (struct span){(const char *)sum.digest, sizeof(sum.digest)})) {
        return damaged(id, "is not what was written", err);
    }
    return stack_table_decode(t, bytes, row, err) && know_rows(s, t, err) &&
           remember(s, *row, id, used, err);
}

bool stored_stacks_row(struct store *s, struct stack_table *t, uint64_t id,
                       uint32_t *row, struct err *err)
{
    uint32_t narrow = 0;
    if (id == 0 || !u32_from_u64(&narrow, id)) {
        return damaged(id, "cannot be", err);
    }
    const uint32_t *known = id_table_find(&s->row_of_id, narrow);
    if (known != NULL && *known != NO_ROW) {
        *row = *known;
        return true;
    }
    sqlite3_stmt *q = database_statement(s, STATEMENT_STACK_GET, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, narrow);
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    if (!has_row) {
        return damaged(id, "is missing", err);
    }
    const bool ok = read_row(s, t, narrow, q, row, err);
    database_end(s, q);
    return ok;
}
