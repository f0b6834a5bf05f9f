/*
 * Keeping a store small, as a history is kept small: by thinning. Moments are
 * numbered, and what is kept of old ones are the multiples of a power of two,
 * so that what remains is evenly spaced, and thinned again is what thinning
 * more at once would have left. A moment goes with all its snapshots.
 *
 * By age: up to the age all, up to twice the age every second moment, up to
 * four times every fourth, up to eight times every eighth, then none.
 *
 * By size: the stride of the whole store doubles, oldest moments first, and
 * from then on new ones are thinned when they leave the newest eight of their
 * target. At a stride of 32 the oldest are dropped instead.
 */
#include "store/store_private.h"

#include "base/num.h"

#include <assert.h>

#include "base/banned.h"

enum {
    LEVEL_MAX = 5,
    NEWEST_KEPT = 8,    /* a verdict wants five */
    SHRINK_TO = 15,     /* sixteenths of what is allowed, to do it seldom */
    VACUUM_PAGES = 64,  /* given back in one call */
    FREE_PAGES_MIN = 64 /* not worth giving back: the next writes take them */
};

#define NO_TIME   INT64_MIN
#define BEGINNING ((struct store_place){NO_TIME, NO_TIME, NO_TIME})

/* What of the places in one piece is to go. */
struct thinning {
    unsigned level; /* multiples of 1 << level stay */
    bool drops_all;
    bool spares_newest;
};

struct piece {
    struct store_place items[PRUNE_ROWS];
    size_t n;
};

/* --- dropping moments --- */

static bool is_multiple(int64_t moment, unsigned level)
{
    return (moment & ((INT64_C(1) << level) - 1)) == 0;
}

static bool drop_moment(struct store *s, int64_t target, int64_t moment,
                        struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_MOMENT_DROP, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target);
    database_bind(s, q, 2, moment);
    return database_run(s, q, err);
}

static bool latest_moment(struct store *s, int64_t target, int64_t *out,
                          struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_LATEST_MOMENT, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target);
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    *out = 0;
    if (has_row) {
        *out = s->lib.column_int64(q, 0);
        database_end(s, q);
    }
    return true;
}

static bool consider(struct store *s, const struct store_place *p,
                     const struct thinning *rule, struct err *err)
{
    if (!rule->drops_all && is_multiple(p->moment, rule->level)) {
        return true;
    }
    if (rule->spares_newest) {
        int64_t latest = 0;
        if (!latest_moment(s, p->target, &latest, err)) {
            return false;
        }
        if (p->moment > sub_sat_i64(latest, NEWEST_KEPT)) {
            return true;
        }
    }
    return drop_moment(s, p->target, p->moment, err);
}

/* The next places behind `after`, taken at or before `until`. */
static bool read_piece(struct store *s, const struct store_place *after,
                       int64_t until, size_t n_max, struct piece *out,
                       struct err *err)
{
    out->n = 0;
    sqlite3_stmt *q = database_statement(s, STATEMENT_WALK, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, after->taken);
    database_bind(s, q, 2, after->target);
    database_bind(s, q, 3, after->moment);
    database_bind(s, q, 4, until);
    database_bind(s, q, 5, (int64_t)n_max);
    for (bool has_row = true;;) {
        if (!database_row(s, q, &has_row, err)) {
            return false;
        }
        if (!has_row) {
            return true;
        }
        if (out->n == n_max) {
            database_end(s, q);
            return true;
        }
        out->items[out->n++] = (struct store_place){s->lib.column_int64(q, 0),
                                                    s->lib.column_int64(q, 1),
                                                    s->lib.column_int64(q, 2)};
    }
}

/* Walks on from `place` as far as `*budget` goes; is it at the end? */
static bool walk(struct store *s, struct store_place *place, int64_t until,
                 const struct thinning *rule, size_t *budget, bool *is_at_end,
                 struct err *err)
{
    struct piece piece;
    const size_t asked = *budget;
    *is_at_end = false;
    if (asked == 0) {
        return true;
    }
    if (!read_piece(s, place, until, asked, &piece, err)) {
        return false;
    }
    for (size_t i = 0; i < piece.n; i++) {
        if (!consider(s, &piece.items[i], rule, err)) {
            return false;
        }
        *place = piece.items[i];
    }
    *budget -= piece.n;
    *is_at_end = piece.n < asked;
    return true;
}

/* --- by age --- */

static bool prune_by_age(struct store *s, int64_t now_nanos, size_t *budget,
                         struct err *err)
{
    int64_t age = s->options.age_max_ns;
    for (unsigned k = 0; age > 0 && k < RETENTION_BANDS; k++) {
        const struct thinning rule = {.level = k + 1,
                                      .drops_all = k + 1 == RETENTION_BANDS};
        bool is_at_end = false;
        if (!walk(s, &s->retention.bands[k], sub_sat_i64(now_nanos, age), &rule,
                  budget, &is_at_end, err)) {
            return false;
        }
        age = add_sat_i64(age, age);
    }
    return true;
}

/* --- by size --- */

/* Bytes that hold something. */
static bool used_bytes(struct store *s, uint64_t *out, struct err *err)
{
    int64_t pages = 0;
    int64_t free_pages = 0;
    int64_t page_bytes = 0;
    if (!database_number(s, STATEMENT_PAGES, 0, &pages, err) ||
        !database_number(s, STATEMENT_FREE_PAGES, 0, &free_pages, err) ||
        !database_number(s, STATEMENT_PAGE_BYTES, 0, &page_bytes, err)) {
        return false;
    }
    *out = (uint64_t)sub_sat_i64(pages, free_pages) * (uint64_t)page_bytes;
    return true;
}

/* The pass on its way, a new pass with a longer stride, or the oldest. */
static bool shrink(struct store *s, size_t *budget, struct err *err)
{
    struct retention *r = &s->retention;
    if (!r->is_thinning && r->level < LEVEL_MAX) {
        r->level++;
        r->place = BEGINNING;
        r->is_thinning = true;
    }
    bool is_at_end = false;
    if (r->is_thinning) {
        const struct thinning rule = {.level = r->level, .spares_newest = true};
        if (!walk(s, &r->place, INT64_MAX, &rule, budget, &is_at_end, err)) {
            return false;
        }
        r->is_thinning = !is_at_end;
        return true;
    }
    const struct thinning rule = {.drops_all = true};
    struct store_place place = BEGINNING;
    return walk(s, &place, INT64_MAX, &rule, budget, &is_at_end, err);
}

/* A piece small enough that the size is looked at often. */
enum { SHRINK_ROWS = 128 };

static bool prune_by_size(struct store *s, size_t *budget, struct err *err)
{
    struct retention *r = &s->retention;
    const uint64_t allowed = s->options.bytes_max;
    if (allowed == 0) {
        return true;
    }
    for (bool is_first = true;; is_first = false) {
        uint64_t used = 0;
        if (!used_bytes(s, &used, err)) {
            return false;
        }
        if (is_first && used < allowed / 2 && r->level > 0) {
            r->level--;
            r->is_thinning = false;
        }
        r->is_shrinking =
            used > (r->is_shrinking ? allowed / 16 * SHRINK_TO : allowed);
        if (!r->is_shrinking || *budget == 0) {
            return true;
        }
        size_t rows = *budget < SHRINK_ROWS ? *budget : SHRINK_ROWS;
        *budget -= rows;
        const size_t asked = rows;
        const bool was_thinning = r->is_thinning || r->level < LEVEL_MAX;
        if (!shrink(s, &rows, err)) {
            return false;
        }
        if (!was_thinning && rows == asked) {
            r->is_shrinking = false; /* there is nothing left to drop */
            return true;
        }
    }
}

bool retention_appended(struct store *s, store_target target, uint64_t moment,
                        struct err *err)
{
    if (s->retention.level == 0 || moment < NEWEST_KEPT) {
        return true;
    }
    const int64_t leaving = (int64_t)(moment - NEWEST_KEPT);
    return is_multiple(leaving, s->retention.level) ||
           drop_moment(s, target.i, leaving, err);
}

/* --- giving pages back --- */

static bool give_back(struct store *s, struct err *err)
{
    int64_t pages = 0;
    int64_t free_pages = 0;
    if (!database_number(s, STATEMENT_PAGES, 0, &pages, err) ||
        !database_number(s, STATEMENT_FREE_PAGES, 0, &free_pages, err)) {
        return false;
    }
    const bool is_over =
        s->options.bytes_max > 0 && store_bytes(s) > s->options.bytes_max;
    if (free_pages < FREE_PAGES_MIN || (free_pages < pages / 4 && !is_over)) {
        return true;
    }
    struct buf sql = BUF_LIMIT(64);
    buf_printf(&sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
    bool ok = buf_check(&sql, "store", err);
    if (ok) {
        const int code = s->lib.exec(s->db, sql.data, NULL, NULL, NULL);
        ok = code == SQLITE_OK || database_fail(s, code, err);
    }
    buf_release(&sql);
    return ok;
}

bool store_prune(struct store *s, int64_t now_nanos, bool *more,
                 struct err *err)
{
    assert(!s->is_writing);
    bool is_own = false;
    size_t budget = PRUNE_ROWS;
    *more = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    const bool ok = prune_by_age(s, now_nanos, &budget, err) &&
                    prune_by_size(s, &budget, err) &&
                    leftovers_drop_stacks(s, now_nanos, &budget, err) &&
                    leftovers_drop_targets(s, now_nanos, &budget, err);
    if (!database_leave(s, is_own, ok, err) || !give_back(s, err)) {
        return false;
    }
    *more = budget == 0;
    return true;
}
