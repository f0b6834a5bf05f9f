/* Heap profiles: runtime.MemProfile's records, scaled in the proto
   (runtime/pprof/protomem.go) and raw in the text. */
#include "sim/export_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/sort.h"

#include "base/banned.h"

/* --- records --- */

static int newest_first(const void *a, const void *b, const void *ctx)
{
    const struct sim_world *w = ctx;
    const uint32_t x = ((const struct sim_record *)a)->bucket;
    const uint32_t y = ((const struct sim_record *)b)->bucket;
    const uint32_t seen_x = w->buckets.items[x].seen;
    const uint32_t seen_y = w->buckets.items[y].seen;
    return seen_x != seen_y ? (seen_x > seen_y ? -1 : 1) : (x > y) - (x < y);
}

static int by_dice(const void *a, const void *b, const void *ctx)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    const uint64_t *seed = ctx;
    const uint64_t dice_x = sim_mix(*seed, x);
    const uint64_t dice_y = sim_mix(*seed, y);
    return dice_x != dice_y ? (dice_x > dice_y) - (dice_x < dice_y)
                            : (x > y) - (x < y);
}

/* Records join Go's list at its head when their first object is sampled. The
   model does not keep that moment: those of one look join in random order. */
static bool number_new_records(struct sim_world *w, struct err *err)
{
    struct vec_u32 fresh = {0};
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        if (b->is_seen && b->seen == 0 && !vec_u32_push(&fresh, (uint32_t)i)) {
            vec_u32_release(&fresh);
            return err_nomem(err, "records of a heap profile");
        }
    }
    sort_items(fresh.items, fresh.n, sizeof(*fresh.items), by_dice,
               &w->options.seed);
    for (size_t i = 0; i < fresh.n; i++) {
        w->n_seen++;
        w->buckets.items[fresh.items[i]].seen = w->n_seen;
    }
    vec_u32_release(&fresh);
    return true;
}

bool sim_heap_records(struct sim_world *w, struct sim_records *out,
                      struct err *err)
{
    sim_publish(w);
    if (!number_new_records(w, err)) {
        return false;
    }
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        const struct sim_record r = {(uint32_t)i, b->active.allocs,
                                     b->active.frees, b->bytes};
        if (b->is_seen && !sim_records_push(out, r)) {
            return err_nomem(err, "records of a heap profile");
        }
    }
    sort_items(out->items, out->n, sizeof(*out->items), newest_first, w);
    return true;
}

static sim_stack_id record_stack(const struct sim_world *w,
                                 const struct sim_record *r)
{
    return w->buckets.items[r->bucket].stack;
}

static uint64_t in_use(const struct sim_record *r)
{
    return r->allocs - r->frees;
}

/* --- proto --- */

/* scaleHeapSample: estimates counts and bytes of all objects of a size. */
static void scale(uint64_t count, uint64_t bytes, int64_t rate_bytes,
                  int64_t *values)
{
    if (count == 0 || rate_bytes <= 1) {
        values[0] = (int64_t)count;
        values[1] = (int64_t)(count * bytes);
        return;
    }
    const double size = (double)(count * bytes) / (double)count;
    const double factor = 1 / (1 - sim_exp(-size / (double)rate_bytes));
    values[0] = (int64_t)((double)count * factor);
    values[1] = (int64_t)((double)(count * bytes) * factor);
}

static bool add_record(struct sim_proto *s, const struct sim_record *r,
                       str_id label_key, struct err *err)
{
    struct sim_world *w = s->world;
    if (!sim_proto_stack(s, record_stack(w, r), true, err)) {
        return false;
    }
    int64_t values[4];
    scale(r->allocs, r->bytes, w->rate_bytes, values);
    scale(in_use(r), r->bytes, w->rate_bytes, values + 2);
    const struct profile_label label = {
        .key = label_key, .is_num = true, .num = (int64_t)r->bytes};
    sim_proto_sample(s, values, 4, r->allocs > 0 ? &label : NULL);
    return true;
}

static bool fill_heap_proto(struct sim_proto *s, bool is_allocs,
                            struct err *err)
{
    static const char *const types[][2] = {
        {"alloc_objects", "count"},
        {"alloc_space",   "bytes"},
        {"inuse_objects", "count"},
        {"inuse_space",   "bytes"}
    };
    struct sim_world *w = s->world;
    struct profile_builder *b = s->builder;
    profile_builder_period(b, "space", "bytes", w->rate_bytes);
    for (size_t i = 0; i < 4; i++) {
        profile_builder_type(b, types[i][0], types[i][1]);
    }
    if (is_allocs) {
        profile_builder_profile(b)->default_type =
            profile_builder_string(b, SPAN_LIT("alloc_space"));
    }
    const str_id key = profile_builder_string(b, SPAN_LIT("bytes"));
    struct sim_records records = {0};
    bool ok = sim_heap_records(w, &records, err);
    for (size_t i = 0; ok && i < records.n; i++) {
        ok = add_record(s, &records.items[i], key, err);
    }
    sim_records_release(&records);
    return ok;
}

bool sim_heap_proto(struct sim_world *w, bool is_allocs, struct profile **out,
                    struct err *err)
{
    struct sim_proto s;
    if (!sim_proto_begin(&s, w, err)) {
        return false;
    }
    const bool ok = fill_heap_proto(&s, is_allocs, err);
    return sim_proto_finish(&s, ok, out, err);
}

/* --- text --- */

static uint64_t in_use_bytes(const struct sim_record *r)
{
    return in_use(r) * r->bytes;
}

/* Largest first until Go 1.22; with 1.23 the comparison was turned around.
   Equal ones stay in the order of the list. */
static int by_use(const void *a, const void *b, const void *ctx)
{
    const struct sim_world *w = ctx;
    const uint64_t x = in_use_bytes(a);
    const uint64_t y = in_use_bytes(b);
    if (x == y) {
        return newest_first(a, b, ctx);
    }
    return (x > y) == (w->options.go >= SIM_GO_1_23) ? 1 : -1;
}

static void add_header(const struct sim_world *w,
                       const struct sim_records *records, struct buf *out)
{
    uint64_t objects = 0, bytes = 0, alloc_objects = 0, alloc_bytes = 0;
    for (size_t i = 0; i < records->n; i++) {
        const struct sim_record *r = &records->items[i];
        objects += in_use(r);
        bytes += in_use_bytes(r);
        alloc_objects += r->allocs;
        alloc_bytes += r->allocs * r->bytes;
    }
    /* Equal sums would make pprof read two columns instead of four. */
    alloc_bytes += alloc_bytes == bytes;
    buf_printf(out,
               "heap profile: %" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64
               "] @ heap/%" PRId64 "\n",
               objects, bytes, alloc_objects, alloc_bytes, 2 * w->rate_bytes);
}

/* Frames of a record. Since Go 1.24 an object's stack begins with the
   allocator, which scenarios leave out: no form but the list of program
   counters shows it. */
static bool text_frames(struct sim_world *w, const struct sim_record *r,
                        struct vec_u32 *out, struct err *err)
{
    if (!sim_raw_frames(w, record_stack(w, r), out, err)) {
        return false;
    }
    size_t n = 0;
    const char *const *leaf = sim_chain_find(w->code.go, "@newobject", &n);
    if (out->n == 0 || sim_frame_is_hidden(&w->code, out->items[0])) {
        return true;
    }
    if (!vec_u32_reserve(out, out->n + n)) {
        return err_nomem(err, "frames of a stack");
    }
    memmove(out->items + n, out->items, out->n * sizeof(*out->items));
    out->n += n;
    for (size_t i = 0; i < n; i++) {
        if (!sim_code_frame(&w->code, leaf[i], &out->items[i], err)) {
            return false;
        }
    }
    return true;
}

static bool add_text_record(struct sim_world *w, const struct sim_record *r,
                            struct vec_u32 *frames, struct buf *out,
                            struct err *err)
{
    if (!text_frames(w, r, frames, err)) {
        return false;
    }
    buf_printf(out, "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @",
               in_use(r), in_use_bytes(r), r->allocs, r->allocs * r->bytes);
    sim_text_pcs(w, frames, out);
    buf_char(out, '\n');
    sim_text_record(w, frames, out);
    return true;
}

bool sim_heap_text(struct sim_world *w, struct buf *out, struct err *err)
{
    /* As in Go: before the profile allocates. */
    struct memstats memstats;
    sim_world_memstats(w, &memstats);
    struct sim_records records = {0};
    struct vec_u32 frames = {0};
    bool ok = sim_heap_records(w, &records, err);
    if (ok) {
        sort_items(records.items, records.n, sizeof(*records.items), by_use, w);
        add_header(w, &records, out);
    }
    for (size_t i = 0; ok && i < records.n; i++) {
        ok = add_text_record(w, &records.items[i], &frames, out, err);
    }
    sim_text_memstats(w, &memstats, out);
    vec_u32_release(&frames);
    sim_records_release(&records);
    return ok;
}
