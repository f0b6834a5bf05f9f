/* The profiles that say nothing about leaks, as small as a service has them:
   threads without stacks, block and mutex switched off (Go's default), and
   CPU samples over the stacks that allocate. */
#include "sim/export_private.h"

#include <inttypes.h>

#include "base/banned.h"

enum { THREADS = 9, CPU_SECONDS = 30, CPU_HZ = 100 };

/* How long a CPU profile lasts: net/http/pprof takes 30 s unless asked. */
static double cpu_seconds(const struct sim_world *w)
{
    return w->cpu_seconds > 0 ? w->cpu_seconds : CPU_SECONDS;
}

/* --- threadcreate --- */

/* Threads have had no stacks for long: pprof shows one sample without
   locations; with 1.23 the empty ones became 32 zero addresses. */
enum { ZERO_ADDRESSES = 32 };

static size_t zero_addresses(const struct sim_world *w)
{
    return w->options.go < SIM_GO_1_23 ? 0 : ZERO_ADDRESSES;
}

static bool fill_threads(struct sim_proto *s, struct err *err)
{
    profile_builder_period(s->builder, "threadcreate", "count", 1);
    profile_builder_type(s->builder, "threadcreate", "count");
    const size_t n = zero_addresses(s->world);
    if (!vec_u32_reserve(&s->locs, n + 1)) {
        return err_nomem(err, "a threadcreate profile");
    }
    const struct builder_frame nothing = {0};
    const uint32_t nowhere =
        n == 0 ? 0
               : profile_builder_location(s->builder, UINT64_MAX, PROFILE_NONE,
                                          &nothing, 1);
    for (size_t i = 0; i < n; i++) {
        s->locs.items[s->locs.n++] = nowhere;
    }
    const int64_t threads = THREADS;
    sim_proto_sample(s, &threads, 1, NULL);
    return true;
}

static void threads_text(const struct sim_world *w, struct buf *out)
{
    buf_printf(out, "threadcreate profile: total %d\n%d @", THREADS, THREADS);
    for (size_t i = 0; i < zero_addresses(w); i++) {
        buf_str(out, " 0x0");
    }
    buf_str(out, "\n#\t0x0\n\n");
}

/* --- block and mutex --- */

static void fill_contentions(struct sim_proto *s)
{
    profile_builder_period(s->builder, "contentions", "count", 1);
    profile_builder_type(s->builder, "contentions", "count");
    profile_builder_type(s->builder, "delay", "nanoseconds");
}

static void contentions_text(bool is_mutex, struct buf *out)
{
    buf_printf(out, "--- %s:\ncycles/second=2445431869\n",
               is_mutex ? "mutex" : "contention");
    if (is_mutex) {
        buf_str(out, "sampling period=0\n");
    }
}

/* --- CPU --- */

/* What a stack costs: its allocations, and some work for any stack. */
static uint64_t weight(const struct sim_bucket *b)
{
    const uint64_t base = 4;
    uint64_t n = b->active.allocs + base;
    for (unsigned i = 0; i < SIM_FUTURE_CYCLES; i++) {
        n += b->future[i].allocs;
    }
    return b->is_seen ? n : 0;
}

static uint64_t pick(const struct sim_world *w, uint64_t at)
{
    uint64_t i = 0;
    while (i + 1 < w->buckets.n && at >= weight(&w->buckets.items[i])) {
        at -= weight(&w->buckets.items[i]);
        i++;
    }
    return i;
}

/* Samples of each bucket: of half a minute, the service busy for a tenth. */
static bool throw_samples(struct sim_world *w, struct vec_u64 *counts,
                          struct err *err)
{
    struct sim_random r;
    sim_random_init(&r, sim_mix(w->options.seed, (uint64_t)w->now_ns), "cpu");
    const uint64_t n = sim_random_poisson(&r, cpu_seconds(w) * CPU_HZ / 10.0);
    uint64_t total = 0;
    for (size_t i = 0; i < w->buckets.n; i++) {
        total += weight(&w->buckets.items[i]);
        if (!vec_u64_push(counts, 0)) {
            return err_nomem(err, "a CPU profile");
        }
    }
    for (uint64_t i = 0; i < n && total > 0; i++) {
        counts->items[pick(w, sim_random_below(&r, total))]++;
    }
    return true;
}

static bool fill_cpu(struct sim_proto *s, struct err *err)
{
    const int64_t period_ns = SIM_SECOND / CPU_HZ;
    struct sim_world *w = s->world;
    struct profile_builder *b = s->builder;
    profile_builder_period(b, "cpu", "nanoseconds", period_ns);
    profile_builder_type(b, "samples", "count");
    profile_builder_type(b, "cpu", "nanoseconds");
    profile_builder_profile(b)->duration_nanos =
        (int64_t)(cpu_seconds(w) * (double)SIM_SECOND);
    struct vec_u64 counts = {0};
    bool ok = throw_samples(w, &counts, err);
    for (size_t i = 0; ok && i < counts.n; i++) {
        if (counts.items[i] == 0) {
            continue;
        }
        const int64_t n = (int64_t)counts.items[i];
        const int64_t values[] = {n, n * period_ns};
        ok = sim_proto_stack(s, w->buckets.items[i].stack, false, err);
        if (ok) {
            sim_proto_sample(s, values, 2, NULL);
        }
    }
    vec_u64_release(&counts);
    return ok;
}

/* --- forms --- */

static bool fill(struct sim_proto *s, enum sim_profile p, struct err *err)
{
    switch (p) {
    case SIM_THREADCREATE:
        return fill_threads(s, err);
    case SIM_BLOCK:
    case SIM_MUTEX:
        fill_contentions(s);
        return true;
    case SIM_CPU:
        return fill_cpu(s, err);
    case SIM_HEAP:
    case SIM_ALLOCS:
    case SIM_GOROUTINE:
    case SIM_GOROUTINELEAK:
    case N_SIM_PROFILES:
        break;
    }
    return err_set(err, ERR_INTERNAL, "no such profile: %d", (int)p);
}

bool sim_other_proto(struct sim_world *w, enum sim_profile p,
                     struct profile **out, struct err *err)
{
    struct sim_proto s;
    if (!sim_proto_begin(&s, w, err)) {
        return false;
    }
    const bool ok = fill(&s, p, err);
    return sim_proto_finish(&s, ok, out, err);
}

bool sim_other_text(struct sim_world *w, enum sim_profile p, struct buf *out,
                    struct err *err)
{
    if (p == SIM_THREADCREATE) {
        threads_text(w, out);
        return true;
    }
    if (p == SIM_BLOCK || p == SIM_MUTEX) {
        contentions_text(p == SIM_MUTEX, out);
        return true;
    }
    return err_set(err, ERR_INTERNAL, "profile %s has no text",
                   sim_profile_name(p));
}
