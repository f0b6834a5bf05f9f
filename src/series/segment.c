/*
 * Do the snapshots belong to one process, and did it restart? Within one
 * process no record of a heap profile's alloc_* ever falls. Points are put
 * into chains along which nothing falls: one chain is one process; chains
 * one after the other in time are restarts; chains that overlap in time are
 * two processes at once.
 */
#include "series/points_private.h"
#include "series/states_private.h"

#include <string.h>

enum {
    /* More than all that is read of a store; a file each is no series. */
    CHAINS_MAX = 4096,
    /* So many are asked whether a point goes on with them: a process that is
       taken beside one that restarts in a loop is seen until then, and time
       does not grow with the square of the restarts. */
    CHAINS_ASKED = 64,
    RESTARTS_NAMED = 8,
    RUN_LEAST = 5 /* heap points of which a verdict is made */
};

struct chain {
    uint32_t last;        /* point at its end, index into series.all */
    size_t begin, end, n; /* positions in the heap plane; end inclusive */
};
VEC_TYPE(chains, struct chain)

/* Programs are told apart by the base name of the main binary: the same
   program may run from different directories. */
static bool check_program(const struct series *s, struct err *err)
{
    const struct point *first = NULL;
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        if (!*pt->program || !s->inputs.items[pt->input].used) {
            continue;
        }
        if (first && strcmp(text_base_name(first->program),
                            text_base_name(pt->program)) != 0) {
            return err_set(err, ERR_MISMATCH,
                           "two programs at once: %s in %s and %s in %s; "
                           "give the snapshots of one",
                           text_base_name(first->program), first->source,
                           text_base_name(pt->program), pt->source);
        }
        first = first ? first : pt;
    }
    return true;
}

bool cells_alloc_falls(const struct series_cells_vec *a,
                       const struct series_cells_vec *b)
{
    size_t k = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct series_cell *c = &a->items[i];
        while (k < b->n && b->items[k].row < c->row) {
            k++;
        }
        const int64_t then = k < b->n && b->items[k].row == c->row
                                 ? b->items[k].alloc_objects
                                 : 0;
        if (then < c->alloc_objects) {
            return true;
        }
    }
    return false;
}

bool cells_have_alloc(const struct series_cells_vec *cells)
{
    for (size_t i = 0; i < cells->n; i++) {
        if (cells->items[i].alloc_objects != 0) {
            return true;
        }
    }
    return cells->n == 0;
}

/* Puts point number `at` of the heap plane at the end of the latest chain it
   continues, or starts a chain. */
static bool extend(const struct series *s, size_t at, struct chains *chains,
                   struct err *err)
{
    const uint32_t id = s->planes[PLANE_HEAP].at.items[at];
    const struct point *pt = &s->all.items[id];
    const size_t n = chains->n;
    for (size_t k = n; k > 0 && k + CHAINS_ASKED > n; k--) {
        struct chain *c = &chains->items[k - 1];
        if (!cells_alloc_falls(&s->all.items[c->last].cells, &pt->cells)) {
            c->last = id;
            c->end = at;
            c->n++;
            return true;
        }
    }
    if (n == CHAINS_MAX) {
        return err_set(err, ERR_MISMATCH,
                       "more than %d restarts: are these snapshots of one "
                       "process?",
                       CHAINS_MAX - 1);
    }
    return chains_push(chains, (struct chain){id, at, at, 1}) ||
           err_nomem(err, "runs of a process");
}

static uint32_t first_of(const struct series *s, const struct chain *c)
{
    return s->planes[PLANE_HEAP].at.items[c->begin];
}

static bool check_overlap(const struct series *s, const struct chain *chains,
                          size_t n, struct err *err)
{
    for (size_t k = 1; k < n; k++) {
        if (chains[k].begin < chains[k - 1].end) {
            const struct point *a = &s->all.items[chains[k - 1].last];
            const struct point *b = &s->all.items[first_of(s, &chains[k])];
            return err_set(err, ERR_MISMATCH,
                           "two processes at once: %s and %s; give the "
                           "snapshots of one",
                           a->source, b->source);
        }
    }
    return true;
}

static bool note_restarts(struct series *s, const struct chains *chains,
                          struct err *err)
{
    const struct chain *c = chains->items;
    bool ok = true;
    for (size_t k = 1; ok && k < chains->n && k <= RESTARTS_NAMED; k++) {
        const struct point *before = &s->all.items[c[k - 1].last];
        const struct point *after = &s->all.items[first_of(s, &c[k])];
        ok = series_add_note(
            s,
            arena_printf(&s->arena,
                         "the process restarted between %s and %s; the series "
                         "is split there",
                         text_base_name(before->source),
                         text_base_name(after->source)),
            err);
    }
    if (!ok || chains->n <= RESTARTS_NAMED + 1) {
        return ok;
    }
    return series_add_note(s,
                           arena_printf(&s->arena,
                                        "the process restarted %zu more times",
                                        chains->n - 1 - RESTARTS_NAMED),
                           err);
}

static const char *why_outside(const struct series *s, uint32_t id)
{
    return s->inputs.items[s->all.items[id].input].run == 0
               ? "taken between two runs of the process: of which is not known"
               : "another run of the process is judged";
}

static bool is_of_run(const struct series *s, uint32_t id)
{
    return s->inputs.items[s->all.items[id].input].run == s->about.run;
}

static void keep_run(struct series *s, struct plane *pl)
{
    size_t kept = 0;
    for (size_t i = 0; i < pl->at.n; i++) {
        const uint32_t id = pl->at.items[i];
        if (is_of_run(s, id)) {
            pl->at.items[kept++] = id;
        } else {
            point_unused(s, id, why_outside(s, id));
            s->about.n_dropped++;
            s->about.n_outside++;
        }
    }
    pl->at.n = kept;
}

/* What was taken before the first run is of that, and after the last of that.
 */
static void number_inputs(struct series *s, const struct chain *chains,
                          size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const uint32_t run = (uint32_t)k + 1;
        const uint32_t begin = k == 0 ? 0 : first_of(s, &chains[k]);
        const uint32_t end =
            k + 1 == n ? (uint32_t)s->all.n : chains[k].last + 1;
        for (uint32_t i = begin; i < end; i++) {
            s->inputs.items[s->all.items[i].input].run = run;
        }
        if (k + 1 < n) {
            series_number_between(s, chains[k].last,
                                  first_of(s, &chains[k + 1]), run);
        }
    }
}

static bool add_run(struct series *s, const struct chain *c, struct err *err)
{
    const struct series_run run = {.first = s->all.items[first_of(s, c)].source,
                                   .last = s->all.items[c->last].source,
                                   .n_heap = (uint32_t)c->n,
                                   .is_judgeable = c->n >= RUN_LEAST};
    return series_runs_vec_push(&s->runs, run) ||
           err_nomem(err, "runs of a process");
}

static bool split(struct series *s, const struct chains *chains,
                  struct err *err)
{
    const struct chain *c = chains->items;
    size_t best = 0;
    for (size_t k = 0; k < chains->n; k++) {
        best = c[k].n >= c[best].n ? k : best;
        if (!add_run(s, &c[k], err)) {
            return false;
        }
    }
    number_inputs(s, c, chains->n);
    s->about.n_segments = (uint32_t)chains->n;
    s->about.run = (uint32_t)best + 1;
    return note_restarts(s, chains, err);
}

void series_keep_run(struct series *s)
{
    if (s->runs.n < 2) {
        return;
    }
    for (int k = 0; k < N_PLANES; k++) {
        keep_run(s, &s->planes[k]);
    }
    for (uint32_t i = 0; i < s->all.n; i++) { /* evidence goes too */
        if (!is_of_run(s, i) && s->inputs.items[s->all.items[i].input].used) {
            point_unused(s, i, why_outside(s, i));
        }
    }
}

bool series_segment(struct series *s, struct err *err)
{
    if (!check_program(s, err)) {
        return false;
    }
    s->about.n_segments = 0;
    const struct vec_u32 *at = &s->planes[PLANE_HEAP].at;
    if (at->n == 0) {
        return true;
    }
    struct chains chains = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < at->n; i++) {
        if (cells_have_alloc(&s->all.items[at->items[i]].cells)) {
            ok = extend(s, i, &chains, err);
        }
    }
    ok = ok && check_overlap(s, chains.items, chains.n, err) &&
         split(s, &chains, err);
    chains_release(&chains);
    return ok;
}
