/* runtime.MemStats of a moment. The model knows the heap and the goroutines;
   what surrounds them (spans, caches, the collector's own memory) follows by
   the sizes of the version's structures. */
#include "sim/export_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum {
    PAGE = 8 << 10,           /* of the heap */
    STACK_SPAN = 32 << 10,    /* stacks are cut from such spans */
    HEAP_CHUNK = 4 << 20,     /* how the heap grows */
    STRUCTURES_CHUNK = 16320, /* of 16 KiB taken for spans and caches */
    PROCS = 4
};

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* Sizes of runtime.mspan and runtime.mcache. */
struct structures {
    unsigned span_bytes, cache_bytes;
};

static struct structures structures_of(enum sim_go go)
{
    static const struct structures rows[N_SIM_GOS] = {
        [SIM_GO_1_19] = {136, 1200},
          [SIM_GO_1_21] = {160, 1200},
        [SIM_GO_1_23] = {160, 1200},
          [SIM_GO_1_24] = {160, 1208},
        [SIM_GO_1_25] = {160, 1208},
          [SIM_GO_1_26] = {160, 2296},
        [SIM_GO_1_27] = {160, 2296}
    };
    return rows[go];
}

/* --- stacks --- */

/* A goroutine starts with 2 KiB and doubles; the more frames the larger. What
   serves HTTP has grown to 8 KiB. */
static uint64_t stack_bytes(const struct sim_code *c, sim_stack_id stack)
{
    enum { FRAMES_OF_2K = 12, FRAMES_OF_4K = 18 };
    size_t n;
    const uint32_t *frames = sim_code_frames(c, stack, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sim_frame_function(c, frames[i])->name,
                   "net/http.(*conn).serve") == 0) {
            return 8 << 10;
        }
    }
    return n < FRAMES_OF_2K ? 2 << 10 : n < FRAMES_OF_4K ? 4 << 10 : 8 << 10;
}

static uint64_t stacks_in_use(const struct sim_world *w)
{
    /* main, the handler, the runtime's own, and a g0 for every thread. */
    uint64_t bytes = 160 << 10;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned g = 0; g < p->spec.n_goroutines; g++) {
            bytes +=
                p->ones.n *
                stack_bytes(&w->code, p->spec.goroutines[g].poses[0].stack);
        }
    }
    return round_up(bytes, STACK_SPAN);
}

/* --- the heap --- */

/* Spans are not full: a sixteenth is lost, and one span a size class. */
static uint64_t heap_in_use(double bytes)
{
    const uint64_t partly_used = 768 << 10;
    const uint64_t n = (uint64_t)bytes;
    return round_up(n + n / 16 + partly_used, PAGE);
}

static double peak_heap(const struct sim_world *w)
{
    return w->peak_heap_bytes > w->heap_bytes ? w->peak_heap_bytes
                                              : w->heap_bytes;
}

static uint64_t peak_stacks(const struct sim_world *w, uint64_t now)
{
    if (w->n_goroutines == 0 || w->most_goroutines <= w->n_goroutines) {
        return now;
    }
    const double growth = (double)w->most_goroutines / (double)w->n_goroutines;
    return round_up((uint64_t)((double)now * growth), STACK_SPAN);
}

/* runtime/mprof.go: the hash table, then header, stack and cycles of every
   record. */
static uint64_t records_bytes(const struct sim_world *w)
{
    enum { TABLE = 179999 * 8, HEADER = 48, CYCLES = 4 * 32, WORD = 8 };
    uint64_t bytes = TABLE;
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        if (b->is_seen) {
            size_t n;
            (void)sim_code_frames(&w->code, b->stack, &n);
            bytes += HEADER + CYCLES + (n + 1) * WORD;
        }
    }
    return bytes;
}

static void set(struct memstats *m, enum memstats_field field, uint64_t value)
{
    m->v[field] = value;
    m->has |= UINT32_C(1) << field;
}

static void set_heap(const struct sim_world *w, struct memstats *m,
                     uint64_t stacks)
{
    const uint64_t alloc = w->heap_bytes > 0 ? (uint64_t)w->heap_bytes : 0;
    const uint64_t in_use = heap_in_use(w->heap_bytes);
    const uint64_t most = heap_in_use(peak_heap(w)) + peak_stacks(w, stacks);
    const uint64_t sys = round_up(most + STACK_SPAN, HEAP_CHUNK) - stacks;
    const uint64_t idle = sys - in_use;
    set(m, MEMSTATS_Alloc, alloc);
    set(m, MEMSTATS_TotalAlloc, (uint64_t)w->total_alloc_bytes);
    set(m, MEMSTATS_Lookups, 0);
    set(m, MEMSTATS_Mallocs, w->mallocs);
    set(m, MEMSTATS_Frees, w->frees);
    set(m, MEMSTATS_HeapAlloc, alloc);
    set(m, MEMSTATS_HeapSys, sys);
    set(m, MEMSTATS_HeapIdle, idle);
    set(m, MEMSTATS_HeapInuse, in_use);
    set(m, MEMSTATS_HeapReleased, idle / 3 / PAGE * PAGE);
    set(m, MEMSTATS_HeapObjects, w->mallocs - w->frees);
}

static void set_structures(const struct sim_world *w, struct memstats *m,
                           uint64_t stacks)
{
    /* Pages an average span has, of the heap and of stacks. */
    const uint64_t span_pages_bytes = 11000;
    const struct structures s = structures_of(w->options.go);
    const uint64_t spans =
        m->v[MEMSTATS_HeapInuse] / span_pages_bytes + stacks / STACK_SPAN;
    set(m, MEMSTATS_Stack, stacks);
    set(m, MEMSTATS_StackSys, stacks);
    set(m, MEMSTATS_MSpan, spans * s.span_bytes);
    /* memstats has no fields for MSpanSys and MCacheSys: see sys_bytes(). */
    set(m, MEMSTATS_MCache, (uint64_t)PROCS * s.cache_bytes);
    set(m, MEMSTATS_BuckHashSys, records_bytes(w));
    set(m, MEMSTATS_GCSys, (UINT64_C(2) << 20) + m->v[MEMSTATS_HeapSys] / 32);
    set(m, MEMSTATS_OtherSys, 640000 + spans * 24);
}

static uint64_t span_sys(const struct memstats *m)
{
    return round_up(m->v[MEMSTATS_MSpan] * 9 / 8, STRUCTURES_CHUNK);
}

static uint64_t cache_sys(const struct sim_world *w)
{
    const unsigned bytes = structures_of(w->options.go).cache_bytes;
    return (uint64_t)STRUCTURES_CHUNK / bytes * bytes;
}

/* Everything taken from the system; the parts add up. */
static uint64_t sys_bytes(const struct sim_world *w, const struct memstats *m)
{
    return m->v[MEMSTATS_HeapSys] + m->v[MEMSTATS_StackSys] + span_sys(m) +
           cache_sys(w) + m->v[MEMSTATS_BuckHashSys] + m->v[MEMSTATS_GCSys] +
           m->v[MEMSTATS_OtherSys];
}

static bool is_collecting(const struct sim_world *w)
{
    return w->options.gogc > 0 && !w->quirks.gc_is_off;
}

void sim_world_memstats(const struct sim_world *w, struct memstats *out)
{
    /* Pages of the binary that are in memory. */
    const uint64_t binary_bytes = 7 << 20;
    *out = (struct memstats){.present = true};
    const uint64_t stacks = stacks_in_use(w);
    set_heap(w, out, stacks);
    set_structures(w, out, stacks);
    set(out, MEMSTATS_Sys, sys_bytes(w, out));
    set(out, MEMSTATS_NextGC,
        is_collecting(w) ? (uint64_t)w->goal_bytes : UINT64_MAX);
    set(out, MEMSTATS_LastGC,
        w->last_gc_ns < 0 ? 0 : (uint64_t)(SIM_EPOCH_NS + w->last_gc_ns));
    set(out, MEMSTATS_NumGC, w->n_gc);
    set(out, MEMSTATS_NumForcedGC, w->n_forced);
    set(out, MEMSTATS_MaxRSS,
        round_up(heap_in_use(peak_heap(w)) + peak_stacks(w, stacks) +
                     out->v[MEMSTATS_GCSys] + binary_bytes,
                 4096));
}

/* --- text --- */

enum { RING = 256 };

static uint64_t pause_ns(const struct sim_world *w, uint64_t gc)
{
    return 20000 + sim_mix(w->options.seed, gc) % 160000;
}

/* Collection that slot `i` of the ring tells of, or UINT64_MAX. */
static uint64_t gc_of_slot(const struct sim_world *w, uint64_t i)
{
    if (i >= w->n_gc) {
        return UINT64_MAX;
    }
    return i + (w->n_gc - 1 - i) / RING * RING;
}

static void add_pauses(const struct sim_world *w, struct buf *out)
{
    buf_str(out, "# PauseNs = [");
    for (uint64_t i = 0; i < RING; i++) {
        const uint64_t gc = gc_of_slot(w, i);
        buf_printf(out, "%s%" PRIu64, i > 0 ? " " : "",
                   gc == UINT64_MAX ? 0 : pause_ns(w, gc));
    }
    buf_str(out, "]\n# PauseEnd = [");
    for (uint64_t i = 0; i < RING; i++) {
        const bool is_set = gc_of_slot(w, i) != UINT64_MAX;
        buf_printf(out, "%s%" PRId64, i > 0 ? " " : "",
                   is_set ? SIM_EPOCH_NS + w->gc_starts_ns[i] : 0);
    }
    buf_str(out, "]\n");
}

/* Share of the processors' time since the start, in 10^-12. */
static uint64_t gc_share(const struct sim_world *w)
{
    const double ns_a_byte = 0.1;
    const double ns_a_cycle = 200000;
    const double most = 2.5e11;
    const double up_ns = (double)(w->now_ns - w->started_ns) * PROCS;
    const double gc_ns =
        (double)w->n_gc * (ns_a_cycle + ns_a_byte * w->marked_bytes);
    const double share = up_ns > 0 ? gc_ns / up_ns * 1e12 : 0;
    return (uint64_t)(share > most ? most : share);
}

/* As Go prints a float64 with %v: 0.00152, 7.3e-05. */
static void add_gc_share(const struct sim_world *w, struct buf *out)
{
    enum { DECIMALS = 12, LEAST_PLAIN_EXPONENT = -4 };
    uint64_t share = gc_share(w);
    int exponent = -DECIMALS;
    while (share != 0 && share % 10 == 0) {
        share /= 10;
        exponent++;
    }
    char digits[DECIMALS + 9];
    const int n = snprintf(digits, sizeof(digits), "%" PRIu64, share);
    const int first = exponent + n - 1;
    if (share == 0) {
        buf_str(out, "# GCCPUFraction = 0\n");
    } else if (first >= LEAST_PLAIN_EXPONENT) {
        buf_printf(out, "# GCCPUFraction = 0.%0*" PRIu64 "\n", -exponent,
                   share);
    } else {
        buf_printf(out, "# GCCPUFraction = %c%s%se-%02d\n", digits[0],
                   n > 1 ? "." : "", digits + 1, -first);
    }
}

struct text_row {
    const char *name;
    enum memstats_field field;
};

static void add_rows(const struct memstats *m, const struct text_row *rows,
                     size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "# %s = %" PRIu64 "\n", rows[i].name,
                   m->v[rows[i].field]);
    }
}

#define ROW(name)                                                              \
    {                                                                          \
#name, MEMSTATS_##name                                                 \
    }

void sim_text_memstats(struct sim_world *w, const struct memstats *m,
                       struct buf *out)
{
    static const struct text_row heap[] = {
        ROW(Alloc),    ROW(TotalAlloc), ROW(Sys),          ROW(Lookups),
        ROW(Mallocs),  ROW(Frees),      ROW(HeapAlloc),    ROW(HeapSys),
        ROW(HeapIdle), ROW(HeapInuse),  ROW(HeapReleased), ROW(HeapObjects)};
    static const struct text_row system[] = {
        ROW(BuckHashSys), ROW(GCSys), ROW(OtherSys), ROW(NextGC), ROW(LastGC)};
    static const struct text_row collector[] = {ROW(NumGC), ROW(NumForcedGC)};
    buf_str(out, "\n# runtime.MemStats\n");
    add_rows(m, heap, sizeof(heap) / sizeof(heap[0]), out);
    buf_printf(out, "# Stack = %" PRIu64 " / %" PRIu64 "\n",
               m->v[MEMSTATS_Stack], m->v[MEMSTATS_StackSys]);
    buf_printf(out, "# MSpan = %" PRIu64 " / %" PRIu64 "\n",
               m->v[MEMSTATS_MSpan], span_sys(m));
    buf_printf(out, "# MCache = %" PRIu64 " / %" PRIu64 "\n",
               m->v[MEMSTATS_MCache], cache_sys(w));
    add_rows(m, system, sizeof(system) / sizeof(system[0]), out);
    add_pauses(w, out);
    add_rows(m, collector, sizeof(collector) / sizeof(collector[0]), out);
    add_gc_share(w, out);
    buf_str(out, "# DebugGC = false\n");
    buf_printf(out, "# MaxRSS = %" PRIu64 "\n", m->v[MEMSTATS_MaxRSS]);
}
