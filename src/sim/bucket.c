/* Records of the memory profile, and the garbage collector that publishes
   them: runtime/mprof.go's cycles over counts. */
#include "sim/world_private.h"

#include "base/banned.h"

/* --- size classes --- */

/* runtime/sizeclasses.go; unchanged since Go 1.16. */
static const uint16_t size_classes[] = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,
    144,   160,   176,   192,   208,   224,   240,   256,   288,   320,
    352,   384,   416,   448,   480,   512,   576,   640,   704,   768,
    896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304,  2688,
    3072,  3200,  3456,  4096,  4864,  5376,  6144,  6528,  6784,  6912,
    8192,  9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384, 18432,
    19072, 20480, 21760, 24576, 27264, 28672, 32768};
enum { N_SIZE_CLASSES = sizeof(size_classes) / sizeof(size_classes[0]) };

uint64_t sim_size_class(uint64_t bytes)
{
    const uint64_t page = 8192;
    const uint64_t largest = size_classes[N_SIZE_CLASSES - 1];
    if (bytes > largest) {
        return (bytes + page - 1) / page * page;
    }
    size_t i = 0;
    while (size_classes[i] < bytes) {
        i++;
    }
    return size_classes[i];
}

/* --- buckets --- */

static double chance(uint64_t bytes, int64_t rate)
{
    return rate <= 1 ? 1.0 : 1.0 - sim_exp(-(double)bytes / (double)rate);
}

uint32_t sim_bucket(struct sim_world *w, sim_stack_id stack, uint64_t bytes)
{
    const uint64_t key[2] = {stack.i, sim_size_class(bytes)};
    uint32_t id = UINT32_MAX;
    if (w->has_failed) {
        return id;
    }
    const struct span text = {(const char *)key, sizeof(key)};
    if (!intern_add(&w->bucket_keys, text, &id, &w->err)) {
        w->has_failed = true;
        return UINT32_MAX;
    }
    const struct sim_bucket bucket = {
        .stack = stack, .bytes = key[1], .p = chance(key[1], w->rate_bytes)};
    if (id == w->buckets.n && !sim_buckets_push(&w->buckets, bucket)) {
        w->has_failed = true;
        (void)err_nomem(&w->err, "a bucket of the simulator");
        return UINT32_MAX;
    }
    return id;
}

void sim_set_rate(struct sim_world *w, int64_t rate_bytes)
{
    w->rate_bytes = rate_bytes;
    for (size_t i = 0; i < w->buckets.n; i++) {
        struct sim_bucket *b = &w->buckets.items[i];
        b->p = chance(b->bytes, rate_bytes);
    }
}

uint64_t sim_bucket_alloc(struct sim_world *w, uint32_t bucket, uint64_t n,
                          struct sim_random *r)
{
    if (n == 0 || bucket == UINT32_MAX) {
        return 0;
    }
    struct sim_bucket *b = &w->buckets.items[bucket];
    const uint64_t sampled = sim_random_binomial(r, n, b->p);
    struct sim_cycle *c = &b->future[(w->cycle + 2) % SIM_FUTURE_CYCLES];
    c->allocs += sampled;
    c->all_allocs += n;
    b->is_seen = b->is_seen || sampled > 0;
    b->live += n;
    b->live_sampled += sampled;
    const double bytes = (double)n * (double)b->bytes;
    w->heap_bytes += bytes;
    w->total_alloc_bytes += bytes;
    w->mallocs += n;
    return sampled;
}

void sim_bucket_drop(struct sim_world *w, uint32_t bucket, uint64_t n,
                     uint64_t sampled)
{
    if (n == 0 || bucket == UINT32_MAX) {
        return;
    }
    struct sim_bucket *b = &w->buckets.items[bucket];
    b->live -= n;
    b->live_sampled -= sampled;
    b->dead += n;
    b->dead_sampled += sampled;
}

/* --- the collector --- */

static void cycle_add(struct sim_cycle *to, struct sim_cycle *from)
{
    to->allocs += from->allocs;
    to->frees += from->frees;
    to->all_allocs += from->all_allocs;
    to->all_frees += from->all_frees;
    *from = (struct sim_cycle){0};
}

static void flush(struct sim_world *w, uint32_t cycle)
{
    for (size_t i = 0; i < w->buckets.n; i++) {
        struct sim_bucket *b = &w->buckets.items[i];
        cycle_add(&b->active, &b->future[cycle % SIM_FUTURE_CYCLES]);
    }
}

static void sweep(struct sim_world *w)
{
    for (size_t i = 0; i < w->buckets.n; i++) {
        struct sim_bucket *b = &w->buckets.items[i];
        struct sim_cycle *c = &b->future[(w->cycle + 1) % SIM_FUTURE_CYCLES];
        c->frees += b->dead_sampled;
        c->all_frees += b->dead;
        w->frees += b->dead;
        w->heap_bytes -= (double)b->dead * (double)b->bytes;
        b->dead = 0;
        b->dead_sampled = 0;
    }
}

/* GOGC's pacer since Go 1.18: stacks count as well; at least 4 MiB. */
static double goal(const struct sim_world *w)
{
    const double least_bytes = 4 << 20;
    const double stack_bytes = 4096;
    const double gogc = w->options.gogc / 100.0;
    const double stacks = stack_bytes * (double)(w->n_goroutines + 4);
    const double bytes = w->marked_bytes + (w->marked_bytes + stacks) * gogc;
    return bytes > least_bytes * gogc ? bytes : least_bytes * gogc;
}

void sim_gc_pace(struct sim_world *w)
{
    w->marked_bytes = w->heap_bytes;
    w->goal_bytes = goal(w);
}

/* Which arrivals the profile knows of: those before the mark that it shows. */
static void note_expected(struct sim_world *w, bool publishes)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        struct sim_population *p = &w->populations.items[i];
        p->expected_shown = publishes ? p->expected : p->expected_at_gc;
        p->expected_at_gc = p->expected;
    }
}

void sim_gc(struct sim_world *w, bool is_forced, bool publishes)
{
    enum { RING = sizeof(w->gc_starts_ns) / sizeof(w->gc_starts_ns[0]) };
    if (w->heap_bytes > w->peak_heap_bytes) {
        w->peak_heap_bytes = w->heap_bytes;
    }
    w->gc_starts_ns[w->n_gc % RING] = w->now_ns;
    w->n_gc++;
    w->n_forced += is_forced;
    w->last_gc_ns = w->now_ns;
    w->cycle++;
    flush(w, w->cycle);
    sweep(w);
    if (publishes) {
        flush(w, w->cycle + 1);
    }
    note_expected(w, publishes);
    sim_gc_pace(w);
}

void sim_publish(struct sim_world *w)
{
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_cycle *c = &w->buckets.items[i].active;
        if (c->allocs != 0 || c->frees != 0) {
            return;
        }
    }
    for (uint32_t c = 0; c < SIM_FUTURE_CYCLES; c++) {
        flush(w, c);
    }
}
