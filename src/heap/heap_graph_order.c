/*
 * From runs in the order of the dump to ids in the order of addresses. There
 * are far fewer runs than objects and objects ascend in each, so only runs are
 * sorted; objects stay where they are. Dumps that are not Go's may have runs
 * that overlap: then every object is sorted, which costs memory for a while.
 */
#include "base/sort.h"
#include "heap/heap_graph_private.h"

#include "base/banned.h"

/* A table of pages may be as large as half of the dump and this: heaps with
   holes (idle spans are not dumped) stay below, hostile addresses do not. */
#define PAGES_FREE_BYTES (UINT64_C(64) << 20)

#define PAGE_BYTES (UINT64_C(1) << GRAPH_PAGE_SHIFT)

struct loose_object {
    uint64_t address, bytes, offset;
};
GRAPH_COLUMN(loose_objects, struct loose_object)

static uint64_t end_of(const struct graph_run *r)
{
    return r->base + r->extent_bytes;
}

static int by_base(const void *a, const void *b, const void *ctx)
{
    const struct graph_run *x = a;
    const struct graph_run *y = b;
    (void)ctx;
    if (x->base != y->base) {
        return x->base < y->base ? -1 : 1;
    }
    return (x->file > y->file) - (x->file < y->file);
}

static int by_address(const void *a, const void *b, const void *ctx)
{
    const struct loose_object *x = a;
    const struct loose_object *y = b;
    (void)ctx;
    if (x->address != y->address) {
        return x->address < y->address ? -1 : 1;
    }
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* --- runs that overlap --- */

static bool are_disjoint(const struct graph_spans *s)
{
    for (size_t i = 1; i < s->runs.n; i++) {
        if (s->runs.items[i].base < end_of(&s->runs.items[i - 1])) {
            return false;
        }
    }
    return true;
}

static bool take_apart(const struct graph_spans *s, struct loose_objects *out,
                       struct graph_budget *budget, struct err *err)
{
    for (size_t i = 0; i < s->runs.n; i++) {
        const struct graph_run *r = &s->runs.items[i];
        uint32_t next = r->first_offset;
        for (uint32_t k = 0; k < 64 * r->n_words; k++) {
            const struct graph_word *w =
                &s->words.items[r->first_word + (k >> 6)];
            if (!(w->bits >> (k & 63) & 1)) {
                continue;
            }
            const struct loose_object o = {r->base + k * r->bytes, r->bytes,
                                           r->file + s->offsets.items[next++]};
            if (!loose_objects_add(out, o, budget, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool put_together(struct span_builder *b,
                         const struct loose_objects *objects, struct err *err)
{
    uint64_t end = 0;
    for (size_t i = 0; i < objects->n; i++) {
        const struct loose_object *o = &objects->items[i];
        if (o->address < end) {
            b->n_overlapping++;
            continue;
        }
        end = o->address + o->bytes;
        if (!span_builder_put(b, o->address, o->bytes, o->offset, err)) {
            return false;
        }
    }
    return true;
}

static void count_words(struct graph_spans *s)
{
    for (size_t i = 0; i < s->runs.n; i++) {
        const size_t end =
            i + 1 < s->runs.n ? s->runs.items[i + 1].first_word : s->words.n;
        s->runs.items[i].n_words =
            (uint32_t)(end - s->runs.items[i].first_word);
    }
}

static bool rebuild(struct span_builder *b, struct err *err)
{
    struct graph_spans *s = b->spans;
    struct loose_objects objects = {0};
    bool ok = take_apart(s, &objects, b->budget, err);
    if (ok && objects.n > 0) {
        sort_items(objects.items, objects.n, sizeof *objects.items, by_address,
                   NULL);
        s->runs.n = 0;
        s->words.n = 0;
        s->offsets.n = 0;
        b->has_run = false;
        ok = put_together(b, &objects, err);
        count_words(s);
    }
    graph_give_back(b->budget, objects.cap * sizeof *objects.items);
    loose_objects_release(&objects);
    return ok;
}

/* --- tables --- */

/* offset / bytes as a multiplication: exact for offsets below extent_bytes,
   which is at most 2^31 when there is more than one slot. */
static void choose_multiplier(struct graph_run *r)
{
    if (r->extent_bytes == r->bytes) {
        return;
    }
    while (UINT64_C(1) << r->shift < r->extent_bytes * r->bytes) {
        r->shift++;
    }
    r->mul = ((UINT64_C(1) << r->shift) + r->bytes - 1) / r->bytes;
}

static void give_ids(struct graph_spans *s)
{
    uint32_t id = 0;
    for (size_t i = 0; i < s->runs.n; i++) {
        struct graph_run *r = &s->runs.items[i];
        r->first_id = id;
        choose_multiplier(r);
        for (uint32_t k = 0; k < r->n_words; k++) {
            struct graph_word *w = &s->words.items[r->first_word + k];
            w->id = id;
            id += graph_popcount(w->bits);
        }
    }
    s->n_objects = id;
}

static bool make_id_runs(struct graph_spans *s, struct graph_budget *budget,
                         struct err *err)
{
    const size_t n = ((size_t)s->n_objects >> GRAPH_ID_SHIFT) + 2;
    if (!graph_take(budget, n * sizeof *s->id_runs, err)) {
        return false;
    }
    s->id_runs = malloc(n * sizeof *s->id_runs);
    if (!s->id_runs) {
        return err_nomem(err, "heap dump");
    }
    size_t run = 0;
    for (size_t i = 0; i < n; i++) {
        while (run + 1 < s->runs.n &&
               s->runs.items[run + 1].first_id <= i << GRAPH_ID_SHIFT) {
            run++;
        }
        s->id_runs[i] = (uint32_t)run;
    }
    return true;
}

static bool make_pages(struct graph_spans *s, uint64_t dump_bytes,
                       struct graph_budget *budget, struct err *err)
{
    const uint64_t n = ((s->high - 1 - s->low) >> GRAPH_PAGE_SHIFT) + 2;
    const uint64_t most_bytes = PAGES_FREE_BYTES + dump_bytes / 2;
    if (n > most_bytes / sizeof *s->pages || s->runs.n >= GRAPH_PAGE_SHARED) {
        return true;
    }
    if (!graph_take(budget, n * sizeof *s->pages, err)) {
        return false;
    }
    s->pages = heap_column(uint32_t, (size_t)n);
    if (!s->pages) {
        return err_nomem(err, "heap dump");
    }
    uint32_t run = 0;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t begin = s->low + (i << GRAPH_PAGE_SHIFT);
        while (run + 1 < s->runs.n && end_of(&s->runs.items[run]) <= begin) {
            run++;
        }
        const bool is_shared = run + 1 < s->runs.n &&
                               s->runs.items[run + 1].base - begin < PAGE_BYTES;
        s->pages[i] = run | (is_shared ? GRAPH_PAGE_SHARED : 0);
    }
    return true;
}

bool span_builder_end(struct span_builder *b, uint64_t dump_bytes,
                      struct err *err)
{
    struct graph_spans *s = b->spans;
    if (!span_builder_flush(b, err)) {
        return false;
    }
    if (s->runs.n == 0) {
        return true;
    }
    count_words(s);
    sort_items(s->runs.items, s->runs.n, sizeof *s->runs.items, by_base, NULL);
    if (!are_disjoint(s) && !rebuild(b, err)) {
        return false;
    }
    give_ids(s);
    s->low = s->runs.items[0].base & ~(PAGE_BYTES - 1);
    s->high = end_of(&s->runs.items[s->runs.n - 1]);
    return make_id_runs(s, b->budget, err) &&
           make_pages(s, dump_bytes, b->budget, err);
}

const struct graph_run *graph_run_of(const struct graph_spans *s, uint32_t id)
{
    uint32_t low = s->id_runs[id >> GRAPH_ID_SHIFT];
    uint32_t high = s->id_runs[(id >> GRAPH_ID_SHIFT) + 1];
    while (low < high) {
        const uint32_t middle = high - (high - low) / 2;
        if (s->runs.items[middle].first_id <= id) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &s->runs.items[low];
}

void graph_spans_release(struct graph_spans *s)
{
    graph_runs_release(&s->runs);
    graph_words_release(&s->words);
    graph_u32_release(&s->offsets);
    free(s->pages);
    free(s->id_runs);
    *s = (struct graph_spans){0};
}
