/*
 * A sample takes as many profiles of each flag set, by the dice. A whole run
 * takes all of the broad ones, and of the others a share that the same dice
 * choose: their combinations differ little from one profile to the next, and
 * all of them would take a day.
 */
#include "pprof_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

enum { LARGE_BYTES = 1 << 20 };

const struct flag_set flag_sets[N_FLAG_SETS] = {
#define ROW(words)   {words, BREADTH_ROW},
#define BROAD(words) {words, BREADTH_BROAD},
#define LARGE(words) {words, BREADTH_LARGE},
#include "pprof_diff.def"
#undef ROW
#undef BROAD
#undef LARGE
};

const char *const reports[N_REPORTS] = {
    "top",  "text", "tree",  "peek",      "traces",   "raw",      "tags",
    "list", "dot",  "proto", "callgrind", "topproto", "comments",
};

size_t report_of(const struct flag_set *f)
{
    const char *name = f->words + strspn(f->words, "-");
    const size_t n = strcspn(name, " =");
    for (size_t i = 0; i < N_REPORTS; i++) {
        if (strlen(reports[i]) == n && strncmp(name, reports[i], n) == 0) {
            return i;
        }
    }
    errno = EINVAL;
    process_die(f->words);
}

bool is_large(const struct source *s)
{
    return s->n_bytes > LARGE_BYTES;
}

uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool fits(const struct flag_set *f, const struct source *s)
{
    return (s->first != NULL || strstr(f->words, "%first") == NULL) &&
           (s->other != NULL || strstr(f->words, "%other") == NULL);
}

/* Is the report of this peer the same as the reference's? */
static bool is_comparable(const char *words, enum age age)
{
    static const struct {
        const char *report;
        enum age oldest;
    } limits[] = {
        {"-tags",      AGE_RECENT},
        {"-raw",       AGE_OLD   },
        {"-traces",    AGE_OLD   },
        {"-proto",     AGE_OLD   },
        {"-callgrind", AGE_OLD   },
    };
    if (age == AGE_OLDEST && strstr(words, "-normalize") != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strncmp(words, limits[i].report, strlen(limits[i].report)) == 0) {
            return age <= limits[i].oldest;
        }
    }
    return true;
}

static bool is_asked(const struct flag_set *f, const struct plan *plan)
{
    return (plan->filter == NULL || strstr(f->words, plan->filter) != NULL) &&
           is_comparable(f->words, plan->age);
}

static int by_order(const void *pa, const void *pb)
{
    const struct job *a = pa;
    const struct job *b = pb;
    return (a->order > b->order) - (a->order < b->order);
}

static void sort(struct job *jobs, size_t n)
{
    qsort(jobs, n, sizeof(*jobs), by_order);
}

static uint64_t dice(const struct plan *plan, uint32_t row, size_t source)
{
    return mix(mix(plan->seed + row) + source);
}

/* All jobs of a flag set, those of the sample first: by the dice, large ones
   last unless the row asks for them. Returns how many. */
static size_t sample_of(uint32_t row, const struct sources *s,
                        const struct plan *plan, struct job *out)
{
    const struct flag_set *f = &flag_sets[row];
    size_t n = 0;
    bool wants_large = f->breadth == BREADTH_LARGE;
    for (size_t k = s->n; k-- > 0;) {
        struct job job = {row, (uint32_t)k, 0};
        if (!fits(f, &s->items[k])) {
            continue;
        }
        job.order = 1 + dice(plan, row, k) / 4;
        if (is_large(&s->items[k])) {
            job.order = wants_large ? 0 : UINT64_MAX;
            wants_large = false;
        }
        out[n++] = job;
    }
    sort(out, n);
    return n;
}

/* What takes long begins first, so that no core is idle in the end. */
static void plan_sample(struct jobs *jobs, const struct plan *plan,
                        const struct sources *s)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < N_FLAG_SETS; i++) {
        n_rows += plan->filter == NULL ||
                  strstr(flag_sets[i].words, plan->filter) != NULL;
    }
    for (uint32_t i = 0; i < N_FLAG_SETS; i++) {
        if (!is_asked(&flag_sets[i], plan)) {
            continue;
        }
        const size_t n = sample_of(i, s, plan, jobs->items + jobs->n);
        const size_t share = (plan->n_sample + n_rows - 1) / n_rows;
        jobs->n += n < share ? n : share;
    }
    for (size_t i = 0; i < jobs->n; i++) {
        struct job *job = &jobs->items[i];
        job->order = i + (is_large(&s->items[job->source]) ? 0 : jobs->n);
    }
}

/* In an order by the dice: what is done at any time stands for the rest, in
   its faults and in the time it took. */
static void plan_whole(struct jobs *jobs, const struct plan *plan,
                       const struct sources *s)
{
    for (uint32_t i = 0; i < N_FLAG_SETS; i++) {
        const struct flag_set *f = &flag_sets[i];
        if (!is_asked(f, plan)) {
            continue;
        }
        const bool is_whole = f->breadth != BREADTH_ROW || plan->depth <= 1;
        for (size_t k = 0; k < s->n; k++) {
            const uint64_t number = dice(plan, i, k);
            const bool is_chosen = is_whole || (!is_large(&s->items[k]) &&
                                                number % plan->depth == 0);
            if (is_chosen && fits(f, &s->items[k])) {
                jobs->items[jobs->n++] =
                    (struct job){i, (uint32_t)k, mix(number)};
            }
        }
    }
}

struct jobs plan_jobs(const struct plan *plan, const struct sources *s)
{
    struct jobs jobs = {0};
    jobs.items = malloc(N_FLAG_SETS * s->n * sizeof(struct job) + 1);
    if (jobs.items == NULL) {
        process_die("memory");
    }
    for (size_t i = 0; i < N_FLAG_SETS; i++) {
        const bool is_broad = flag_sets[i].breadth != BREADTH_ROW;
        const bool is = is_asked(&flag_sets[i], plan);
        jobs.n_broad += is && is_broad;
        jobs.n_others += is && !is_broad;
    }
    if (plan->n_sample > 0) {
        plan_sample(&jobs, plan, s);
    } else {
        plan_whole(&jobs, plan, s);
    }
    sort(jobs.items, jobs.n);
    return jobs;
}
