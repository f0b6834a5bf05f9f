/*
 * What nothing refers to any more: stacks of programs that were deployed over,
 * targets that came and went. A stack goes when the oldest snapshot is younger
 * than the last one that had it: no snapshot needs to be read for that.
 */
#include "store/store_private.h"

#include "base/num.h"

#include "base/banned.h"

static bool drop_one(struct store *s, enum statement which, int64_t id,
                     struct err *err)
{
    sqlite3_stmt *q = database_statement(s, which, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, id);
    return database_run(s, q, err);
}

/* --- stacks --- */

/* A snapshot marks its stacks with its day or a later one: those last marked
   before the day of the oldest snapshot are in none. */
static bool begin_sweep(struct store *s, int64_t now_nanos, struct err *err)
{
    struct retention *r = &s->retention;
    int64_t oldest = 0;
    if (!database_number(s, STATEMENT_OLDEST, now_nanos, &oldest, err)) {
        return false;
    }
    const int64_t day = stored_stacks_day(oldest);
    if (day > r->swept_day) {
        r->is_sweeping = true;
        r->sweeping_day = day;
        r->sweep_id = 0;
    }
    return true;
}

struct marks {
    int64_t ids[PRUNE_ROWS];
    size_t n;      /* to go */
    size_t n_seen; /* looked at */
    int64_t last;
};

/* Rows of (id, number) behind `r->sweep_id`; those whose number is below
   `bound` are collected. */
static bool read_marks(struct store *s, sqlite3_stmt *q, int64_t bound,
                       size_t n_max, struct marks *out, struct err *err)
{
    for (bool has_row = true;;) {
        if (!database_row(s, q, &has_row, err)) {
            return false;
        }
        if (!has_row) {
            return true;
        }
        if (out->n_seen == n_max) {
            database_end(s, q);
            return true;
        }
        out->n_seen++;
        out->last = s->lib.column_int64(q, 0);
        if (s->lib.column_int64(q, 1) < bound) {
            out->ids[out->n++] = out->last;
        }
    }
}

bool leftovers_drop_stacks(struct store *s, int64_t now_nanos, size_t *budget,
                           struct err *err)
{
    struct retention *r = &s->retention;
    if (!r->is_sweeping && !begin_sweep(s, now_nanos, err)) {
        return false;
    }
    if (!r->is_sweeping || *budget == 0) {
        return true;
    }
    struct marks marks = {.last = r->sweep_id};
    sqlite3_stmt *q = database_statement(s, STATEMENT_STACK_WALK, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, r->sweep_id);
    database_bind(s, q, 2, (int64_t)*budget);
    if (!read_marks(s, q, r->sweeping_day, *budget, &marks, err)) {
        return false;
    }
    for (size_t i = 0; i < marks.n; i++) {
        uint32_t id = 0;
        if (!drop_one(s, STATEMENT_STACK_DROP, marks.ids[i], err)) {
            return false;
        }
        if (marks.ids[i] > 0 && u32_from_u64(&id, (uint64_t)marks.ids[i])) {
            stored_stacks_forget_one(s, id);
        }
    }
    r->sweep_id = marks.last;
    if (marks.n_seen < *budget) {
        r->is_sweeping = false;
        r->swept_day = r->sweeping_day;
    }
    *budget -= marks.n_seen;
    return true;
}

/* --- targets --- */

static bool drop_target(struct store *s, int64_t id, struct err *err)
{
    uint32_t key = 0;
    if (id > 0 && u32_from_u64(&key, (uint64_t)id) &&
        id_table_find(&s->opened, key) != NULL) {
        return true; /* this process goes on with it */
    }
    return drop_one(s, STATEMENT_STATE_DROP, id, err) &&
           drop_one(s, STATEMENT_FINDINGS_DROP, id, err) &&
           drop_one(s, STATEMENT_TARGET_DROP, id, err);
}

/* Those without snapshots whose findings are as old as the oldest snapshots
   that are kept; looked for once per age. */
bool leftovers_drop_targets(struct store *s, int64_t now_nanos, size_t *budget,
                            struct err *err)
{
    struct retention *r = &s->retention;
    const int64_t age = s->options.age_max_ns;
    if (age == 0 || *budget == 0 ||
        sub_sat_i64(now_nanos, r->targets_nanos) < age) {
        return true;
    }
    int64_t oldest = now_nanos;
    for (unsigned k = 0; k < 1U << (RETENTION_BANDS - 1); k++) {
        oldest = sub_sat_i64(oldest, age);
    }
    struct marks marks = {.last = r->target_id};
    sqlite3_stmt *q = database_statement(s, STATEMENT_TARGET_WALK, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, r->target_id);
    database_bind(s, q, 2, oldest);
    database_bind(s, q, 3, (int64_t)*budget);
    if (!read_marks(s, q, 1, *budget, &marks, err)) {
        return false;
    }
    for (size_t i = 0; i < marks.n; i++) {
        if (!drop_target(s, marks.ids[i], err)) {
            return false;
        }
    }
    r->target_id = marks.last;
    if (marks.n_seen < *budget) {
        r->target_id = 0;
        r->targets_nanos = now_nanos;
    }
    *budget -= marks.n_seen;
    return true;
}
