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

/* --- chains -----------------------------------------------------------------
 */

#define NO_STRAND UINT32_MAX

/* Profiles of one process that follow one another; one profile to begin with.
 */
struct strand {
    const struct diff_column *first, *last;
    uint32_t before, next; /* strand that it goes on with; NO_STRAND */
};

/* What it takes to chain strands: of a search, which strand asked for this one
   to go on with, and who is still to be asked for. */
struct chaining {
    struct strand *strands;
    uint32_t n;
    bool within_folders; /* of one directory or file only */
    uint32_t *asked_by, *queue;
};

/* So many strands a search may move: pods take few, and hundreds of processes
   in one folder would take hours. */
enum { QUEUE_MAX = 64 };

static bool has_births(const struct diff_column *c)
{
    for (size_t i = 0; i < c->sites.n; i++) {
        if (c->sites.items[i].born > 0) {
            return true;
        }
    }
    return false;
}

static bool can_follow(const struct chaining *s, const struct strand *before,
                       const struct strand *after)
{
    const struct diff_column *a = before->last;
    const struct diff_column *b = after->first;
    if (a->order >= b->order) {
        return false;
    }
    const bool is_beside =
        s->within_folders
            ? a->run == b->run && strcmp(a->folder, b->folder) == 0
            : has_births(b);
    return is_beside && diff_births_go_on(a, b);
}

/* Makes `before` go on with who asked for it, who gives up its own for whoever
   asked for that, and so on to the one that had none. */
static void take(struct chaining *s, uint32_t before)
{
    for (;;) {
        const uint32_t after = s->asked_by[before];
        const uint32_t given_up = s->strands[after].before;
        s->strands[before].next = after;
        s->strands[after].before = before;
        if (given_up == NO_STRAND) {
            return;
        }
        before = given_up;
    }
}

/* The latest strand that `after` can go on with is taken; if all are, one that
   can be freed. */
static void find_before(struct chaining *s, uint32_t after)
{
    uint32_t n_queued = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        s->asked_by[i] = NO_STRAND;
    }
    s->queue[n_queued++] = after;
    for (uint32_t at = 0; at < n_queued; at++) {
        const uint32_t who = s->queue[at];
        for (uint32_t i = who; i-- > 0;) {
            if (s->asked_by[i] != NO_STRAND ||
                !can_follow(s, &s->strands[i], &s->strands[who])) {
                continue;
            }
            s->asked_by[i] = who;
            if (s->strands[i].next == NO_STRAND) {
                take(s, i);
                return;
            }
            if (n_queued < QUEUE_MAX) {
                s->queue[n_queued++] = s->strands[i].next;
            }
        }
    }
}

/* As few chains as births allow, whatever order they were found in: to see
   more processes than there are would make chance certain. */
static bool chain_strands(struct strand *strands, uint32_t n,
                          bool within_folders, struct err *err)
{
    struct chaining s = {.strands = strands,
                         .n = n,
                         .within_folders = within_folders,
                         .asked_by = calloc((size_t)n + 1, sizeof(uint32_t)),
                         .queue = calloc(QUEUE_MAX, sizeof(uint32_t))};
    const bool ok = s.asked_by && s.queue;
    for (uint32_t i = 0; ok && i < n; i++) {
        find_before(&s, i);
    }
    free(s.asked_by);
    free(s.queue);
    return ok || nomem(err);
}

/* The strands that the columns have so far, in the order in which they begin.
 */
static struct strand *strands_of(const struct diff_group *g)
{
    struct strand *out = calloc(g->n_processes + 1, sizeof *out);
    size_t n = 0;
    for (size_t i = 0; out && i < g->columns.n; n++) {
        out[n].first = &g->columns.items[i];
        out[n].last = diff_next_last(g, &i);
        out[n].before = out[n].next = NO_STRAND;
    }
    return out;
}

/* --- joining ----------------------------------------------------------------
 */

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
static double evidence_of(const struct strand *strands, uint32_t chain,
                          bool has_times)
{
    size_t n = 1;
    uint32_t last = chain;
    for (; strands[last].next != NO_STRAND; last = strands[last].next) {
        n++;
    }
    double bits = has_times ? 0 : -bits_of_orders(n);
    for (uint32_t id = 0; id < strands[last].last->sites.n; id++) {
        size_t rises = 0;
        for (uint32_t i = chain; strands[i].next != NO_STRAND;
             i = strands[i].next) {
            rises += diff_site_of(strands[strands[i].next].first, id).born >
                     diff_site_of(strands[i].last, id).born + rounding;
        }
        bits += bits_of_orders(rises + 1);
    }
    return bits;
}

/* Gives the strands of a chain the number of its first. */
static void number_chain(const struct strand *strands, uint32_t chain,
                         uint32_t *process)
{
    for (uint32_t i = chain; i != NO_STRAND; i = strands[i].next) {
        process[i] = chain;
    }
}

/* Makes one process of strands that may be, or must be. */
static bool join_strands(struct diff_group *g, bool within_folders,
                         struct err *err)
{
    const uint32_t n = (uint32_t)g->n_processes;
    struct strand *strands = strands_of(g);
    uint32_t *process = calloc((size_t)n + 1, sizeof *process);
    bool ok = (strands && process) || nomem(err);
    ok = ok && chain_strands(strands, n, within_folders, err);
    for (uint32_t i = 0; ok && i < n; i++) {
        process[i] = i;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        if (strands[i].before == NO_STRAND &&
            (within_folders ||
             evidence_of(strands, i, g->has_times) >= evidence_min)) {
            number_chain(strands, i, process);
        }
    }
    for (size_t i = 0; ok && i < g->columns.n; i++) {
        g->columns.items[i].process = process[g->columns.items[i].process];
    }
    free(strands);
    free(process);
    close_gaps(g);
    return ok;
}

/* Each its own process, to begin with. */
static bool find_by_births(struct diff_group *g, struct err *err)
{
    for (size_t i = 0; i < g->columns.n; i++) {
        g->columns.items[i].process = (uint32_t)i;
    }
    close_gaps(g);
    return join_strands(g, true, err) && join_strands(g, false, err);
}

/* --- beside heap profiles ---------------------------------------------------
 */

/* "pod1.heap.pb.gz" and "pod1.goroutine.pb.gz"? */
static bool differ_by_kind(const struct series_input *a,
                           const struct series_input *b)
{
    struct span x = span_of(text_base_name(a->source));
    struct span y = span_of(text_base_name(b->source));
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

/* Those that have no heap profile beside them are of one process by folder. */
static uint32_t process_of_folder(const struct diff_group *g, size_t at,
                                  uint32_t first, uint32_t *n)
{
    const struct diff_column *c = &g->columns.items[at];
    for (size_t i = at; i-- > 0;) {
        const struct diff_column *before = &g->columns.items[i];
        if (before->process >= first && before->run == c->run &&
            strcmp(before->folder, c->folder) == 0) {
            return before->process;
        }
    }
    return (*n)++;
}

static bool follow_heap(const struct series_diff *d, struct diff_group *g,
                        const struct diff_group *heap, struct err *err)
{
    uint32_t n = (uint32_t)heap->n_processes;
    uint32_t *n_used = calloc(heap->columns.n + 1, sizeof *n_used);
    if (!n_used) {
        return nomem(err);
    }
    for (size_t i = 0; i < g->columns.n; i++) {
        struct diff_column *c = &g->columns.items[i];
        const struct diff_column *h = find_beside(d, heap, c, n_used);
        c->process =
            h ? h->process
              : process_of_folder(g, i, (uint32_t)heap->n_processes, &n);
    }
    free(n_used);
    close_gaps(g);
    return true;
}

/* --- all of them ------------------------------------------------------------
 */

static bool find_processes(const struct series_diff *d, struct diff_group *g,
                           const struct diff_group *heap, struct err *err)
{
    sort_columns(g);
    const bool ok = heap && heap != g ? follow_heap(d, g, heap, err)
                                      : find_by_births(g, err);
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
