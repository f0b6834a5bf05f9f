/*
 * A candidate becomes a finding. What is large is suspect only where it is of
 * a kind that grows, and where what its lines allocated is not mostly freed
 * again: a cache at its bound, requests in flight.
 */
#include "rules/dump_private.h"

#include "rules/compose_private.h"
#include "rules/identity_private.h"

#include <math.h>

#include "base/banned.h"

static const struct dump_options defaults = {
    .min_share = 0.10,
    /* 8 MiB: twice the least heap that Go collects; below, a start-up's
       tables are as large. */
    .min_bytes = 8 << 20,
    .min_goroutines = 50,
};

/* Above this part of goroutines, those that somebody could wake are suspect,
   and from this number on in any case. */
static const double goroutines_share = 0.5;
static const double goroutines_many = 1000;

/* Fewer are those that a program starts with, whatever they hold. */
static const double few_goroutines = 10;

/* So many workers of one channel are no pool that somebody meant. */
static const double workers_many = 10000;

/* What goroutines that nothing can wake may hold, all of them together, before
   few of them count: those left behind once, at start or at shutdown. */
static const double little_bytes = 1 << 20;

/* Enough samples to say so, and what is freed of a site that turns over. */
static const double turnover_samples = 40;
static const double turnover_freed = 0.75;

bool dump_judge_begin(struct dump_judge *j, const struct dump_evidence *e,
                      const struct dump_options *options, struct arena *arena,
                      struct err *err)
{
    const struct dump_options zero = {0};
    const struct dump_options *o = options ? options : &zero;
    *j = (struct dump_judge){
        .e = e,
        .arena = arena,
        .total_bytes = (double)heap_retained_bytes(e->facts->dominators, 0),
        .options = {
                    .min_share = o->min_share > 0 ? o->min_share : defaults.min_share,
                    .min_bytes = o->min_bytes > 0 ? o->min_bytes : defaults.min_bytes,
                    .min_goroutines = o->min_goroutines > 0 ? o->min_goroutines
                                                    : defaults.min_goroutines}
    };
    return heap_blocked_find(e->facts->graph, e->facts->types, e->facts->binary,
                             &j->blocked, err);
}

void dump_judge_end(struct dump_judge *j)
{
    heap_blocked_free(j->blocked);
    heap_paths_free(j->paths);
    dump_waits_free(j->waits);
    dump_candidates_release(&j->candidates);
}

bool dump_has_room(const struct dump_judge *j, uint64_t bytes, struct err *err)
{
    bytes += sizeof *j->candidates.items * (uint64_t)j->candidates.cap +
             j->arena->block_bytes;
    return heap_has_room(j->e->facts->graph, NULL, bytes,
                         "findings of a heap dump", err);
}

/* --- grades --- */

static bool turns_over(const struct dump_candidate *c)
{
    const struct dump_allocation *a = &c->allocation;
    return a->n_allocated >= turnover_samples &&
           a->n_freed >= turnover_freed * a->n_allocated;
}

static enum grade grade_growth(const struct dump_judge *j,
                               const struct dump_candidate *c, double least)
{
    /* What is missing before looks as if it had come since. */
    return c->weight >= least && rules_dump_is_whole(j->before) ? GRADE_GROWTH
                                                                : GRADE_INFO;
}

static enum grade grade_goroutines(const struct dump_judge *j,
                                   const struct dump_candidate *c)
{
    const double n = (double)c->n_goroutines;
    if (c->what == DUMP_UNREACHABLE) {
        /* One mistake may leave them behind at several places. */
        const bool counts = j->n_unreachable >= j->options.min_goroutines ||
                            j->unreachable_bytes >= little_bytes;
        return !counts                     ? GRADE_INFO
               : rules_dump_is_whole(j->e) ? GRADE_PROVEN
                                           : GRADE_SUSPECT;
    }
    if (j->before) {
        return c->is_baseline ? GRADE_INFO
                              : grade_growth(j, c, j->options.min_goroutines);
    }
    if (c->usual) {
        return c->is_pool && n >= workers_many ? GRADE_SUSPECT : GRADE_INFO;
    }
    const bool is_large = c->retained_bytes >= j->options.min_bytes &&
                          c->holder.share >= j->options.min_share &&
                          n >= few_goroutines && !turns_over(c);
    const bool is_client = c->has_open_bodies || c->n_transports > 0;
    const bool is_blocked = c->on != BLOCKED_NOT && c->on != BLOCKED_COROUTINE;
    const bool is_many = (is_blocked || is_client) &&
                         n >= j->options.min_goroutines &&
                         (n >= goroutines_share * (double)c->n_all_goroutines ||
                          n >= goroutines_many || is_client);
    return is_many || is_large ? GRADE_SUSPECT : GRADE_INFO;
}

enum grade dump_grade_of(const struct dump_judge *j,
                         const struct dump_candidate *c)
{
    switch (c->what) {
    case DUMP_UNREACHABLE:
    case DUMP_GOROUTINES:
        return grade_goroutines(j, c);
    case DUMP_DUPLICATES:
        return GRADE_INFO;
    case DUMP_HELD:
    case DUMP_PINNED:
        break;
    }
    if (j->before) {
        return grade_growth(j, c, j->options.min_bytes);
    }
    const bool is_large = c->retained_bytes >= j->options.min_bytes &&
                          c->holder.share >= j->options.min_share;
    return is_large && c->is_growing && !turns_over(c) ? GRADE_SUSPECT
                                                       : GRADE_INFO;
}

/* --- site and stack --- */

static void choose_site(struct evidence *e)
{
    const struct evidence_stack *s = e->stacks;
    size_t at = s->n_frames;
    for (size_t i = 0; i < s->n_frames; i++) {
        if (s->frames[i].origin == ORIGIN_USER) {
            at = i;
            break;
        }
        at = at == s->n_frames && s->frames[i].origin == ORIGIN_DEP ? i : at;
    }
    if (at < s->n_frames) {
        e->has_site = true;
        e->site = s->frames[at];
    }
}

static void fill_creator(struct dump_judge *j, const struct dump_candidate *c,
                         struct evidence *e)
{
    const uint64_t pc =
        heap_goroutine_at(j->e->facts->graph, c->goroutines[0])->creator_pc;
    e->has_creator = dump_frame_at(j, pc, &e->creator);
}

static bool fill_stack(struct dump_judge *j, const struct dump_candidate *c,
                       struct evidence *e, struct err *err)
{
    struct evidence_stack *s = arena_new(j->arena, struct evidence_stack, 1);
    struct frame *frames = NULL;
    size_t n = 0;
    if (!s) {
        return err_nomem(err, "stack of a heap dump");
    }
    bool ok = true;
    if (c->n_goroutines > 0) {
        ok = dump_frames_of(j, c->goroutines[0], &frames, &n, err);
        fill_creator(j, c, e);
        e->primitive = c->primitive;
    } else if (c->allocation.bucket) {
        ok = dump_frames_of_bucket(j, c->allocation.bucket, &frames, &n, err);
    }
    *s = (struct evidence_stack){.frames = frames, .n_frames = n};
    e->stacks = s;
    e->n_stacks = n > 0 ? 1 : 0;
    if (n > 0) {
        choose_site(e);
    }
    return ok;
}

/* --- figures --- */

static bool fill_metric(struct dump_judge *j, const char *name,
                        const char *unit, double before, double now,
                        struct metric *out)
{
    const size_t n = j->before ? 2 : 1;
    double *series = arena_new(j->arena, double, 2);
    if (!series) {
        return false;
    }
    series[0] = j->before ? before : now;
    series[1] = now;
    *out = (struct metric){.name = name,
                           .unit = unit,
                           .first = series[0],
                           .last = now,
                           .delta = now - series[0],
                           .per_hour = NAN,
                           .per_hour_low = NAN,
                           .per_hour_high = NAN,
                           .series = series,
                           .n_series = n};
    return true;
}

static bool fill_metrics(struct dump_judge *j, const struct dump_candidate *c,
                         struct finding *f, struct err *err)
{
    struct metric *m = arena_new(j->arena, struct metric, 3);
    size_t n = 0;
    bool ok = m != NULL;
    if (c->n_goroutines > 0) {
        ok = ok && fill_metric(j, "goroutines", "count", (double)c->n_before,
                               (double)c->n_goroutines, &m[n++]);
    }
    /* Of goroutines the dump before is not asked what they held. */
    const bool has_before = c->n_goroutines == 0;
    ok = ok &&
         fill_metric(j, "retained_space", "bytes",
                     has_before ? c->before_bytes : NAN, c->retained_bytes,
                     &m[n++]) &&
         fill_metric(j, "retained_objects", "count",
                     has_before ? c->before_objects : NAN, c->retained_objects,
                     &m[n++]);
    f->metrics = m;
    f->n_metrics = n;
    f->rank_bytes_per_hour =
        c->n_goroutines > 0 ? c->retained_bytes + (double)c->n_goroutines *
                                                      compose_goroutine_bytes
                            : c->weight;
    return ok || err_nomem(err, "figures of a heap dump");
}

bool dump_finding_of(struct dump_judge *j, const struct dump_candidate *c,
                     struct finding *out, struct err *err)
{
    struct evidence e = {.kind = EVIDENCE_HEAP_DUMP,
                         .grade = dump_grade_of(j, c),
                         .dump = c,
                         .cohort_first = NAN,
                         .cohort_left = NAN};
    struct rule_match match;
    struct finding_holder *holder =
        arena_new(j->arena, struct finding_holder, 1);
    if (!holder || !fill_stack(j, c, &e, err)) {
        return holder ? false : err_nomem(err, "holder");
    }
    *holder = c->holder;
    const struct rule *rule = compose_match(NULL, &e, j->arena, &match);
    if (!rule) {
        *out = (struct finding){0};
        return true;
    }
    *out = (struct finding){
        .rule = rule,
        .grade = e.grade < rule->worst ? e.grade : rule->worst,
        .profile = KIND_HEAPDUMP,
        .has_site = e.has_site,
        .site = e.site,
        .has_creator = e.has_creator,
        .creator = e.creator,
        .stack = e.n_stacks ? e.stacks[0].frames : NULL,
        .n_stack = e.n_stacks ? e.stacks[0].n_frames : 0,
        .holder = holder,
        .statistics = {
                       .points = j->before ? 2 : 1,
                       .p = NAN,
                       .q = NAN,
                       .retention = NAN,
                       .z = NAN,
                       .sampled = c->allocation.bucket ? c->allocation.all_samples : NAN,
                       .relative_error = NAN}
    };
    return compose_texts(j->arena, &match, NULL, 0, out, err) &&
           fill_metrics(j, c, out, err) && finding_set_ids(out, err);
}
