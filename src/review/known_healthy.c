/*
 * Goroutines known to be healthy. They are accepted only while they are few
 * and no steady growth is shown: a list of names must never hide a leak.
 */
#include "base/num.h"
#include "review/review_private.h"
#include "review/suppress_private.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

enum { KNOWN_HEALTHY_VERSION = 1 };

struct known_row {
    const char *package, *function, *also;
    double most;
    const char *why;
};

static const struct known_row rows[] = {
#define KNOWN(package, function, also, most, why)                              \
    {package, function, also, most, why},
#include "review/known_healthy.def"
#undef KNOWN
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* What `seep diff` counts as it comes is excused by no row. */
enum { MOST_OF_ALL = 49 };
#define KNOWN(package, function, also, most, why)                              \
    static_assert((most) > 0 && (most) <= MOST_OF_ALL, function);
#include "review/known_healthy.def"
#undef KNOWN

static bool has_user_frame(const struct finding *f)
{
    for (size_t i = 0; i < f->n_stack; i++) {
        if (f->stack[i].origin == ORIGIN_USER) {
            return true;
        }
    }
    return false;
}

/* Growth that a series proves is a leak, whose code it may be. */
static bool is_steady(const struct finding *f)
{
    return f->grade == GRADE_PROVEN ||
           (f->grade == GRADE_STRONG && f->metrics[0].per_hour_low > 0);
}

static bool may_be_known(const struct finding *f)
{
    return f->profile == KIND_GOROUTINE && f->accepted == NULL &&
           f->n_metrics > 0 && f->n_stack > 0 &&
           strcmp(f->metrics[0].name, "goroutines") == 0 &&
           isfinite(f->metrics[0].last) && !is_steady(f) && !has_user_frame(f);
}

/* What the list's names look like once they are spelled. */
struct patterns {
    const char *function[N_ROWS], *also[N_ROWS];
    struct spelled_names names; /* of a finding */
    struct arena arena;
};

static void spell_rows(struct patterns *p)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        p->function[i] = suppression_pattern(&p->arena, rows[i].function);
        p->also[i] = suppression_pattern(&p->arena, rows[i].also);
    }
}

static bool stack_has(const struct finding *f, const struct patterns *p,
                      const char *pattern)
{
    for (size_t i = 0; i < f->n_stack; i++) {
        if (spelled_name_fits(pattern, &p->names.stack[i])) {
            return true;
        }
    }
    return false;
}

/* The first row that fits, or N_ROWS. */
static size_t row_of(const struct finding *f, struct patterns *p)
{
    if (!may_be_known(f)) {
        return N_ROWS;
    }
    if (!spelled_names_fill(&p->names, f)) {
        p->arena.has_failed = true;
        return N_ROWS;
    }
    size_t i = 0;
    while (i < N_ROWS &&
           !(stack_has(f, p, p->function[i]) &&
             (p->also[i] == NULL || stack_has(f, p, p->also[i])))) {
        i++;
    }
    return i;
}

static bool accept(struct reviewing *r, struct finding *f,
                   const struct known_row *row)
{
    struct arena *arena = &r->f->arena;
    struct finding_acceptance *a =
        arena_new(arena, struct finding_acceptance, 1);
    const char *by = arena_printf(arena, "known:%s", row->package);
    if (a == NULL || by == NULL) {
        return err_nomem(r->err, "known goroutines");
    }
    *a = (struct finding_acceptance){.by = by, .reason = row->why};
    f->accepted = a;
    return true;
}

/* "known-healthy goroutines (list v1): grpc 4, cron 1", in the list's order. */
static void note_known(struct reviewing *r, const double *accepted)
{
    struct buf b = BUF_LIMIT(1 << 14);
    for (size_t i = 0; i < N_ROWS; i++) {
        double n = accepted[i];
        if (i > 0 && strcmp(rows[i].package, rows[i - 1].package) == 0) {
            continue; /* told with the first row of the package */
        }
        for (size_t k = i + 1;
             k < N_ROWS && strcmp(rows[k].package, rows[i].package) == 0; k++) {
            n += accepted[k];
        }
        if (n > 0) {
            buf_printf(&b, "%s%s ", b.len > 0 ? ", " : "", rows[i].package);
            num_count(&b, (int64_t)n);
        }
    }
    if (b.len > 0) {
        review_note(r, arena_printf(&r->f->arena,
                                    "known-healthy goroutines (list v%d): %s",
                                    KNOWN_HEALTHY_VERSION, b.data));
    }
    r->f->arena.has_failed |= b.failed_memory;
    buf_release(&b);
}

/* Row of each finding, and how many goroutines each row has. */
static bool find_rows(struct reviewing *r, unsigned char *at, double *total)
{
    struct patterns p = {.arena = {.head = NULL}};
    spell_rows(&p);
    for (size_t i = 0; i < r->f->n && !p.arena.has_failed; i++) {
        at[i] = (unsigned char)row_of(&r->f->items[i], &p);
        if (at[i] < N_ROWS) {
            total[at[i]] += r->f->items[i].metrics[0].last;
        }
    }
    const bool ok = !p.arena.has_failed;
    arena_release(&p.names.arena);
    arena_release(&p.arena);
    return ok || err_nomem(r->err, "known goroutines");
}

bool review_accept_known(struct reviewing *r)
{
    double total[N_ROWS] = {0};
    double accepted[N_ROWS] = {0};
    unsigned char *at = arena_new(&r->f->arena, unsigned char, r->f->n + 1);
    static_assert(N_ROWS < UCHAR_MAX, "a row fits a byte");
    if (at == NULL) {
        return err_nomem(r->err, "known goroutines");
    }
    if (!find_rows(r, at, total)) {
        return false;
    }
    for (size_t i = 0; i < r->f->n; i++) {
        const size_t row = at[i];
        if (row == N_ROWS || total[row] > rows[row].most) {
            continue;
        }
        if (!accept(r, &r->f->items[i], &rows[row])) {
            return false;
        }
        accepted[row] = total[row];
    }
    note_known(r, accepted);
    return true;
}
