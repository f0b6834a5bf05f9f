/*
 * Which profiles are of one process. Snapshots of one process share its warm-up
 * and its chances: counted as independent runs they would make any difference
 * between two processes certain. Only births, which never fall within a
 * process, tell processes apart; profiles of goroutines have none and follow
 * the heap profiles beside them.
 *
 * What was read from one directory is a strand as long as births go on. Strands
 * of whatever folders, and files that were named one by one, are runs unless
 * one going on with the other is more than chance.
 */
#include "series/diff_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Counts are whole; what is recovered of them is not always. */
static const double rounding = 0.5;

/* One chance in a thousand. */
static const double evidence_min = 10;

static bool nomem(struct err *err)
{
    return err_nomem(err, "telling processes apart");
}

bool diff_births_go_on(const struct diff_column *before,
                       const struct diff_column *after)
{
    for (uint32_t i = 0; i < before->sites.n; i++) {
        if (diff_site_of(after, i).born + rounding <
            before->sites.items[i].born) {
            return false;
        }
    }
    return true;
}

size_t diff_process_end(const struct diff_group *g, size_t first)
{
    size_t i = first + 1;
    while (i < g->columns.n &&
           g->columns.items[i].process == g->columns.items[first].process) {
        i++;
    }
    return i;
}

/* --- order ------------------------------------------------------------------
 */

static int by_births(const void *pa, const void *pb)
{
    const struct diff_column *a = pa;
    const struct diff_column *b = pb;
    if (a->born_bytes != b->born_bytes) {
        return a->born_bytes < b->born_bytes ? -1 : 1;
    }
    return (a->input > b->input) - (a->input < b->input);
}

static int by_time(const void *pa, const void *pb)
{
    const struct diff_column *a = pa;
    const struct diff_column *b = pb;
    if (a->time_nanos != b->time_nanos) {
        return a->time_nanos < b->time_nanos ? -1 : 1;
    }
    return by_births(pa, pb);
}

static int by_process(const void *pa, const void *pb)
{
    const struct diff_column *a = pa;
    const struct diff_column *b = pb;
    if (a->process != b->process) {
        return a->process < b->process ? -1 : 1;
    }
    return (a->order > b->order) - (a->order < b->order);
}

/* Where a profile does not say its time, the order is that of births: names
   that were given in any order are no later and no earlier. */
static void sort_columns(struct diff_group *g)
{
    struct diff_column *c = g->columns.items;
    g->has_times = true;
    for (size_t i = 0; i < g->columns.n; i++) {
        g->has_times = g->has_times && c[i].time_nanos != 0;
    }
    qsort(c, g->columns.n, sizeof *c, g->has_times ? by_time : by_births);
    for (size_t i = 0; i < g->columns.n; i++) {
        c[i].order = (uint32_t)i;
    }
}

/* Sorts, and leaves no number out: it would count as a process. */
static void close_gaps(struct diff_group *g)
{
    uint32_t n = 0;
    qsort(g->columns.items, g->columns.n, sizeof *g->columns.items, by_process);
    for (size_t i = 0; i < g->columns.n;) {
        const uint32_t process = g->columns.items[i].process;
        for (; i < g->columns.n && g->columns.items[i].process == process;
             i++) {
            g->columns.items[i].process = n;
        }
        n++;
    }
    g->n_processes = n;
}

/* --- strands ----------------------------------------------------------------
 */

/* Of what was found so far: the latest column of each. */
struct strands {
    uint32_t *latest;
    uint32_t n;
};

/* The strand that this column goes on with, the latest of several; or their
   number. */
static uint32_t strand_before(const struct diff_group *g,
                              const struct strands *s, uint32_t at)
{
    const struct diff_column *c = &g->columns.items[at];
    uint32_t out = s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct diff_column *before = &g->columns.items[s->latest[i]];
        if ((out == s->n || s->latest[i] > s->latest[out]) &&
            before->run == c->run && strcmp(before->folder, c->folder) == 0 &&
            diff_births_go_on(before, c)) {
            out = i;
        }
    }
    return out;
}

/* Of the columns that have no process yet; numbers begin at `first`. */
static bool find_strands(struct diff_group *g, const bool *is_found,
                         uint32_t first, struct err *err)
{
    struct strands s = {calloc(g->columns.n + 1, sizeof *s.latest), 0};
    if (!s.latest) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < g->columns.n; i++) {
        if (is_found && is_found[i]) {
            continue;
        }
        const uint32_t at = strand_before(g, &s, i);
        s.n += at == s.n;
        s.latest[at] = i;
        g->columns.items[i].process = first + at;
    }
    free(s.latest);
    close_gaps(g);
    return true;
}

/* --- joining strands --------------------------------------------------------
 */

struct strand {
    const struct diff_column *first, *last;
    const struct strand *next; /* that goes on with it; NULL none */
    bool goes_on;              /* with another one */
};

static bool has_births(const struct diff_column *c)
{
    for (size_t i = 0; i < c->sites.n; i++) {
        if (c->sites.items[i].born > 0) {
            return true;
        }
    }
    return false;
}

/* How many bits it takes to say in which order so many runs are. */
static double bits_of_orders(size_t n)
{
    double bits = 0;
    for (size_t i = 2; i <= n; i++) {
        bits += log2((double)i);
    }
    return bits;
}

/* How unlikely it is that as many independent runs look like states of one
   process, in bits: at each site, of r + 1 counts that rise every time, only
   one order in (r + 1)! does. An order that was taken from the counts proves
   nothing itself. */
static double evidence_of(const struct strand *chain, bool has_times)
{
    double bits = 0;
    size_t n = 1;
    const struct strand *last = chain;
    for (; last->next; last = last->next) {
        n++;
    }
    for (uint32_t id = 0; id < last->last->sites.n; id++) {
        size_t rises = 0;
        for (const struct strand *s = chain; s->next; s = s->next) {
            rises += diff_site_of(s->next->first, id).born >
                     diff_site_of(s->last, id).born + rounding;
        }
        bits += bits_of_orders(rises + 1);
    }
    return bits - (has_times ? 0 : bits_of_orders(n));
}

/* Each strand goes on with the latest before it that it can. */
static void chain_strands(struct strand *strands, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const struct diff_column *first = strands[k].first;
        struct strand *before = NULL;
        for (size_t i = 0; has_births(first) && i < k; i++) {
            struct strand *s = &strands[i];
            if (!s->next && s->last->order < first->order &&
                (!before || s->last->order > before->last->order) &&
                diff_births_go_on(s->last, first)) {
                before = s;
            }
        }
        if (before) {
            before->next = &strands[k];
            strands[k].goes_on = true;
        }
    }
}

static bool join_strands(struct diff_group *g, struct err *err)
{
    struct strand *strands = calloc(g->n_processes + 1, sizeof *strands);
    uint32_t *process = calloc(g->n_processes + 1, sizeof *process);
    size_t n = 0;
    if (!strands || !process) {
        free(strands);
        free(process);
        return nomem(err);
    }
    for (size_t i = 0; i < g->columns.n; n++) {
        strands[n].first = &g->columns.items[i];
        strands[n].last = diff_next_last(g, &i);
        process[n] = (uint32_t)n;
    }
    chain_strands(strands, n);
    for (size_t i = 0; i < n; i++) {
        if (strands[i].goes_on || !strands[i].next ||
            evidence_of(&strands[i], g->has_times) < evidence_min) {
            continue;
        }
        for (const struct strand *s = &strands[i]; s; s = s->next) {
            process[s - strands] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < g->columns.n; i++) {
        g->columns.items[i].process = process[g->columns.items[i].process];
    }
    free(strands);
    free(process);
    close_gaps(g);
    return true;
}

/* --- beside heap profiles ---------------------------------------------------
 */

static struct span base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return span_of(slash ? slash + 1 : path);
}

/* "pod1.heap.pb.gz" and "pod1.goroutine.pb.gz"? */
static bool differ_by_kind(const struct series_input *a,
                           const struct series_input *b)
{
    struct span x = base_name(a->source);
    struct span y = base_name(b->source);
    while (x.len > 0 && y.len > 0 && x.p[0] == y.p[0]) {
        x = span_from(x, 1);
        y = span_from(y, 1);
    }
    while (x.len > 0 && y.len > 0 && x.p[x.len - 1] == y.p[y.len - 1]) {
        x = span_first(x, x.len - 1);
        y = span_first(y, y.len - 1);
    }
    return span_is(x, profile_kind_name(a->kind)) &&
           span_is(y, profile_kind_name(b->kind));
}

/* How well a heap profile goes with another one: by the names, then by their
   times, then one that does not go with any yet. */
struct match {
    bool is_named;
    double away_nanos;
    uint32_t n_used;
};

static bool is_better(const struct match *a, const struct match *b)
{
    if (a->is_named != b->is_named) {
        return a->is_named;
    }
    if (a->away_nanos != b->away_nanos) {
        return a->away_nanos < b->away_nanos;
    }
    return a->n_used < b->n_used;
}

/* The heap profile of the same folder that it goes with, or NULL. */
static const struct diff_column *find_beside(const struct series_diff *d,
                                             const struct diff_group *heap,
                                             const struct diff_column *c,
                                             uint32_t *n_used)
{
    const struct series_input *inputs = d->inputs.items;
    const struct diff_column *out = NULL;
    struct match best = {0};
    for (size_t i = 0; i < heap->columns.n; i++) {
        const struct diff_column *h = &heap->columns.items[i];
        if (strcmp(h->folder, c->folder) != 0) {
            continue;
        }
        const bool has_times = h->time_nanos != 0 && c->time_nanos != 0;
        const struct match m = {
            differ_by_kind(&inputs[h->input], &inputs[c->input]),
            has_times ? fabs((double)h->time_nanos - (double)c->time_nanos) : 0,
            n_used[i]};
        if (!out || is_better(&m, &best)) {
            out = h;
            best = m;
        }
    }
    if (out) {
        n_used[out - heap->columns.items]++;
    }
    return out;
}

static bool follow_heap(const struct series_diff *d, struct diff_group *g,
                        const struct diff_group *heap, struct err *err)
{
    uint32_t *n_used = calloc(heap->columns.n + 1, sizeof *n_used);
    bool *is_found = calloc(g->columns.n + 1, sizeof *is_found);
    bool ok = (n_used && is_found) || nomem(err);
    for (size_t i = 0; ok && i < g->columns.n; i++) {
        struct diff_column *c = &g->columns.items[i];
        const struct diff_column *h = find_beside(d, heap, c, n_used);
        is_found[i] = h != NULL;
        c->process = h ? h->process : 0;
    }
    ok = ok && find_strands(g, is_found, (uint32_t)heap->n_processes, err);
    free(n_used);
    free(is_found);
    return ok;
}

/* --- all of them ------------------------------------------------------------
 */

static bool find_processes(const struct series_diff *d, struct diff_group *g,
                           const struct diff_group *heap, struct err *err)
{
    sort_columns(g);
    const bool ok = heap && heap != g
                        ? follow_heap(d, g, heap, err)
                        : find_strands(g, NULL, 0, err) && join_strands(g, err);
    return ok && diff_sum_levels(g, err);
}

bool diff_find_processes(struct series_diff *d, struct err *err)
{
    for (int group = 0; group < N_DIFF_GROUPS; group++) {
        const struct diff_group *heap = d->layers[DIFF_HEAP].used[group];
        for (int k = 0; k < N_DIFF_PLANES; k++) {
            struct diff_group *g = d->layers[k].used[group];
            if (g && !find_processes(d, g, heap, err)) {
                return false;
            }
        }
    }
    return true;
}
