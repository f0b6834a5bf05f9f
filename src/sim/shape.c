/*
 * Heap dumps of any size in shapes that are hard for graph algorithms. No
 * object is stored: the address of the i-th follows from i, since spans of a
 * few size classes repeat in a fixed cycle, and what it points to is computed
 * from i. So ten million objects need no more memory than one.
 *
 * Objects of a dump: nodes of the shape; one buffer that a goroutine holds;
 * for a star the array that points to all nodes; and perhaps a huge one.
 */
#include "sim/sim.h"

#include "heap/heap.h"

#include <assert.h>

#include "base/banned.h"

const char *const sim_shape_names[] = {"chain",  "tree",   "star", "power",
                                       "random", "cycles", NULL};

enum {
    PAGE_BYTES = 8192,
    RATE_BYTES = 512 << 10, /* Go's default MemProfileRate */
    MAX_TARGETS = 4,
    MAX_CYCLE_OBJECTS = 2048,
    RING = 16,
    BUFFER_BYTES = 64,
    SEGMENT_WORDS = 64,
    FRAME_WORDS = 8
};

/* Size classes of the spans of a cycle. 144 is one without tail slots. */
static const uint16_t cycle_bytes[] = {32, 48, 32, 64, 96, 48, 144, 80};
enum { N_CYCLE = sizeof cycle_bytes / sizeof cycle_bytes[0] };

/* Pointer slots of a node. */
static const uint8_t n_slots[N_SIM_SHAPES] = {
    [SIM_CHAIN] = 1, [SIM_TREE] = 2,   [SIM_STAR] = 1,
    [SIM_POWER] = 3, [SIM_RANDOM] = 4, [SIM_CYCLES] = 2,
};

struct shape {
    const struct sim_shape_options *o;
    struct dump_writer *w;
    unsigned pointer_bytes;
    uint64_t n_nodes;
    uint64_t start; /* address of the first node */

    /* One cycle of spans: for its r-th object the span and the offset. */
    uint32_t n_cycle; /* objects */
    uint32_t capacity[N_CYCLE];
    uint8_t span_of[MAX_CYCLE_OBJECTS];
    uint32_t offset_of[MAX_CYCLE_OBJECTS];

    uint64_t buffer, hub, huge; /* addresses; 0 = has none */
    uint64_t hub_bytes, huge_bytes;
    uint64_t stack, end;
    uint64_t data, bss, text;

    /* counted while the objects are written */
    uint64_t live_bytes, n_written;
    uint64_t n_sampled[N_CYCLE];
};

/* --- layout --- */

/* Bytes of the pointer bitmap at the end of a span; 0 where there is none. */
static uint32_t bitmap_bytes(const struct shape *s, uint32_t object_bytes)
{
    const uint32_t bits = 8 * s->pointer_bytes;
    if (!s->o->has_tail_slots || object_bytes > bits * s->pointer_bytes) {
        return 0;
    }
    return PAGE_BYTES / bits;
}

static uint64_t round_up(uint64_t v, uint64_t unit)
{
    return (v + unit - 1) / unit * unit;
}

static void lay_out_cycle(struct shape *s)
{
    for (unsigned span = 0; span < N_CYCLE; span++) {
        const uint32_t bytes = cycle_bytes[span];
        s->capacity[span] = (PAGE_BYTES - bitmap_bytes(s, bytes)) / bytes;
        for (uint32_t i = 0; i < s->capacity[span]; i++) {
            s->span_of[s->n_cycle] = (uint8_t)span;
            s->offset_of[s->n_cycle] = span * PAGE_BYTES + i * bytes;
            s->n_cycle++;
        }
    }
    assert(s->n_cycle > 0 && s->n_cycle <= MAX_CYCLE_OBJECTS);
}

static uint64_t node_address(const struct shape *s, uint64_t i)
{
    assert(s->n_cycle > 0);
    return s->start + i / s->n_cycle * (N_CYCLE * (uint64_t)PAGE_BYTES) +
           s->offset_of[i % s->n_cycle];
}

static bool lay_out(struct shape *s, struct err *err)
{
    const struct sim_shape_options *o = s->o;
    const bool has_hub = o->shape == SIM_STAR;
    assert(o->shape < N_SIM_SHAPES);
    const uint64_t n_extra =
        UINT64_C(1) + (has_hub ? 1U : 0U) + (o->has_huge_object ? 1U : 0U);
    if (o->n_objects <= n_extra) {
        return err_set(err, ERR_USAGE, "a heap dump needs more than %u objects",
                       (unsigned)n_extra);
    }
    if (o->has_huge_object && o->is_32_bit) {
        return err_set(err, ERR_USAGE,
                       "no object of 2 GiB fits a 32-bit process");
    }
    s->pointer_bytes = o->is_32_bit ? 4 : 8;
    s->n_nodes = o->n_objects - n_extra;
    s->text = o->is_32_bit ? 0x8049000 : 0x401000;
    s->data = s->text + 0x300000;
    s->bss = s->data + 0x20000;
    s->start = o->is_32_bit ? UINT64_C(0x10000000) : UINT64_C(0xc000000000);
    lay_out_cycle(s);
    s->buffer = round_up(node_address(s, s->n_nodes - 1) + 1, PAGE_BYTES);
    uint64_t at = s->buffer + PAGE_BYTES;
    if (has_hub) {
        s->hub = at;
        s->hub_bytes = round_up(s->n_nodes * s->pointer_bytes, PAGE_BYTES);
        at += s->hub_bytes;
    }
    if (o->has_huge_object) {
        /* Go writes the lowest 32 bits of the length: few bytes of many. */
        s->huge = at;
        s->huge_bytes = (UINT64_C(1) << 32) + 8 * (uint64_t)PAGE_BYTES;
        at += s->huge_bytes;
    }
    s->stack = at;
    s->end = round_up(at + PAGE_BYTES,
                      o->is_32_bit ? UINT64_C(4) << 20 : UINT64_C(64) << 20);
    if (o->is_32_bit && s->end > UINT64_C(0xe0000000)) {
        return err_set(err, ERR_LIMIT,
                       "so many objects do not fit a 32-bit process");
    }
    return true;
}

/* --- what a node points to --- */

static uint64_t mixed(const struct shape *s, uint64_t i, uint64_t salt)
{
    uint64_t z = (i + s->o->seed * UINT64_C(0xd1342543de82ef95)) *
                     UINT64_C(0x9e3779b97f4a7c15) +
                 salt;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number below n; n below 2^32 keeps it even, beyond it is even enough. */
static uint64_t below(uint64_t random, uint64_t n)
{
    const uint64_t high = n >> 32;
    const uint64_t low = n & UINT32_MAX;
    return (random >> 32) * high + (((random >> 32) * low) >> 32);
}

/* u^4 of a uniform u: the k-th node is wanted as k^-3/4. */
static uint64_t popular(uint64_t random, uint64_t n)
{
    uint64_t u = random >> 32;
    u = (u * u) >> 32;
    u = (u * u) >> 32;
    return below(u << 32, n);
}

/* The next element of the ring that node i closes beside the innermost one.
   Node j of a ring of 16, j > 0, stands for the block of 16^j nodes that
   starts at i - j, in the ring of 16 such blocks: so each block can reach the
   next, and all can reach all. */
static uint64_t outer_ring(const struct shape *s, uint64_t i)
{
    const unsigned j = (unsigned)(i % RING);
    const uint64_t block = UINT64_C(1) << (4 * j);
    const uint64_t first = i - j;
    if (i == s->n_nodes - 1) {
        return 0; /* blocks that are cut off here lack their element j */
    }
    if (j == 0 || first % block != 0 || block >= s->n_nodes) {
        return UINT64_MAX;
    }
    const uint64_t k = first / block;
    const uint64_t ring = k / RING * RING;
    const uint64_t next = (ring + (k + 1) % RING) * block;
    return next < s->n_nodes ? next : ring * block;
}

static uint64_t inner_ring(const struct shape *s, uint64_t i)
{
    const uint64_t next = i % RING == RING - 1 ? i - (RING - 1) : i + 1;
    return next < s->n_nodes ? next : i / RING * RING;
}

static uint64_t later_node(const struct shape *s, uint64_t i, uint64_t salt)
{
    const uint64_t n_later = s->n_nodes - 1 - i;
    return n_later ? i + 1 + below(mixed(s, i, salt), n_later) : UINT64_MAX;
}

/* Indices of nodes; what is beyond the last is nil. */
static void find_targets(const struct shape *s, uint64_t i,
                         uint64_t out[MAX_TARGETS])
{
    out[0] = 2 * i + 1;
    out[1] = 2 * i + 2;
    switch (s->o->shape) {
    case SIM_CHAIN:
        out[0] = i + 1;
        break;
    case SIM_TREE:
        break;
    case SIM_STAR:
        out[0] = UINT64_MAX;
        break;
    case SIM_POWER:
        out[2] = popular(mixed(s, i, 1), s->n_nodes);
        break;
    case SIM_RANDOM:
        out[2] = later_node(s, i, 1);
        out[3] = later_node(s, i, 2);
        break;
    case SIM_CYCLES:
        out[0] = inner_ring(s, i);
        out[1] = outer_ring(s, i);
        break;
    case N_SIM_SHAPES:
        break;
    }
}

/* --- objects --- */

/* A node is sampled when it is allocated across a multiple of the rate. */
static bool is_sampled(const struct shape *s, uint64_t i)
{
    const uint64_t step =
        RATE_BYTES * (uint64_t)s->n_cycle / (N_CYCLE * (uint64_t)PAGE_BYTES);
    return i % step == step - 1;
}

static void write_node(struct shape *s, uint64_t i)
{
    const unsigned span = s->span_of[i % s->n_cycle];
    const uint32_t bytes = cycle_bytes[span];
    const unsigned n = n_slots[s->o->shape];
    uint64_t targets[MAX_TARGETS] = {0};
    find_targets(s, i, targets);
    dump_writer_object(s->w, node_address(s, i), bytes);
    for (unsigned k = 0; k < n; k++) {
        dump_writer_word(
            s->w, targets[k] < s->n_nodes ? node_address(s, targets[k]) : 0);
    }
    /* Behind the pointers the node's number, the rest is empty. */
    unsigned used = n * s->pointer_bytes;
    if (used < bytes) {
        dump_writer_word(s->w, i);
        used += s->pointer_bytes;
    }
    dump_writer_zeros(s->w, bytes - used);
    for (unsigned k = 0; k < n; k++) {
        dump_writer_field(s->w, (uint64_t)k * s->pointer_bytes);
    }
    dump_writer_close(s->w);
    s->live_bytes += bytes;
    s->n_written++;
    s->n_sampled[span] += is_sampled(s, i) ? 1 : 0;
}

/* The word of a span's pointer bitmap: a bit for each word of the span. */
static uint64_t bitmap_word(const struct shape *s, uint32_t bytes, uint32_t n,
                            uint32_t index)
{
    const uint32_t object_words = bytes / s->pointer_bytes;
    const uint32_t bits = 8 * s->pointer_bytes;
    assert(s->o->shape < N_SIM_SHAPES);
    const uint32_t n_pointers = n_slots[s->o->shape];
    uint64_t word = 0;
    for (uint32_t bit = 0; bit < bits; bit++) {
        const uint32_t at = index * bits + bit;
        const bool is_pointer =
            at / object_words < n && at % object_words < n_pointers;
        word |= is_pointer ? UINT64_C(1) << bit : 0;
    }
    return word;
}

/* What Go 1.22 and later dump behind the last slot of a span: as many slots
   as would fit without the bitmap. */
static void write_tail(struct shape *s, uint64_t span_start, uint32_t bytes,
                       uint32_t capacity, uint32_t n_used)
{
    const uint32_t bitmap = bitmap_bytes(s, bytes);
    for (uint32_t slot = capacity; bitmap && slot < PAGE_BYTES / bytes;
         slot++) {
        dump_writer_object(s->w, span_start + (uint64_t)slot * bytes, bytes);
        for (uint32_t k = 0; k < bytes; k += s->pointer_bytes) {
            const uint32_t at = slot * bytes + k;
            const bool is_bitmap = at >= PAGE_BYTES - bitmap;
            dump_writer_word(
                s->w, is_bitmap ? bitmap_word(s, bytes, n_used,
                                              (at - (PAGE_BYTES - bitmap)) /
                                                  s->pointer_bytes)
                                : 0);
        }
        dump_writer_close(s->w);
    }
}

static void write_nodes(struct shape *s, uint64_t n)
{
    uint32_t n_used = 0;
    for (uint64_t i = 0; i < n && dump_writer_ok(s->w); i++) {
        write_node(s, i);
        n_used++;
        const unsigned span = s->span_of[i % s->n_cycle];
        if (n_used == s->capacity[span] || i + 1 == s->n_nodes) {
            const uint64_t page = node_address(s, i) / PAGE_BYTES * PAGE_BYTES;
            write_tail(s, page, cycle_bytes[span], s->capacity[span], n_used);
            n_used = 0;
        }
    }
}

static void write_hub(struct shape *s)
{
    dump_writer_object(s->w, s->hub, s->hub_bytes);
    for (uint64_t i = 0; i < s->n_nodes && dump_writer_ok(s->w); i++) {
        dump_writer_word(s->w, node_address(s, i));
    }
    dump_writer_zeros(s->w, s->hub_bytes - s->n_nodes * s->pointer_bytes);
    for (uint64_t i = 0; i < s->n_nodes && dump_writer_ok(s->w); i++) {
        dump_writer_field(s->w, i * s->pointer_bytes);
    }
    dump_writer_close(s->w);
}

static void write_bytes_object(struct shape *s, uint64_t address,
                               uint64_t bytes)
{
    dump_writer_object(s->w, address, bytes);
    dump_writer_zeros(s->w, bytes);
    dump_writer_close(s->w);
}

static void write_objects(struct shape *s)
{
    write_nodes(s, s->n_nodes);
    write_bytes_object(s, s->buffer, BUFFER_BYTES);
    s->live_bytes += BUFFER_BYTES;
    s->n_written++;
    if (s->hub) {
        write_hub(s);
        s->live_bytes += s->hub_bytes;
        s->n_written++;
    }
    if (s->huge) {
        write_bytes_object(s, s->huge, s->huge_bytes);
        s->live_bytes += s->huge_bytes;
        s->n_written++;
    }
}

/* --- everything else --- */

static void write_params(struct shape *s)
{
    static const char *const arch[2][2] = {
        {"amd64", "ppc64"},
        {"386",   "mips" },
    };
    const struct sim_shape_options *o = s->o;
    const struct heap_params params = {
        .is_big_endian = o->is_big_endian,
        .pointer_bytes = s->pointer_bytes,
        .arena_start = s->start,
        .arena_end = s->end,
        .arch = span_of(arch[o->is_32_bit][o->is_big_endian]),
        .build =
            span_of(sim_go_full(o->has_tail_slots ? SIM_GO_1_23 : SIM_GO_1_19)),
        .n_cpu = 2,
    };
    dump_writer_params(s->w, &params);
    const struct heap_type type = {s->text + 0x200000, 48,
                                   SPAN_LIT("main.node"), true};
    dump_writer_type(s->w, &type);
    const struct heap_itab itab = {s->data + 0x10000, type.address};
    dump_writer_itab(s->w, &itab);
}

struct call {
    const char *function;
    uint32_t entry; /* from the start of the text */
    uint64_t word;  /* its local; 0 = it has none */
};

/* Frames of one goroutine, innermost first, each of FRAME_WORDS words, the
   second of which may be a pointer. */
static void write_frames(struct shape *s, uint64_t sp, const struct call *calls,
                         size_t n)
{
    const uint64_t bytes = FRAME_WORDS * (uint64_t)s->pointer_bytes;
    for (size_t i = 0; i < n; i++) {
        const struct heap_frame frame = {
            .sp = sp + i * bytes,
            .depth = i,
            .child_sp = i ? sp + (i - 1) * bytes : 0,
            .bytes = bytes,
            .entry = s->text + calls[i].entry,
            .pc = s->text + calls[i].entry + 0x45,
            .continue_pc = s->text + calls[i].entry + 0x45,
            .function = span_of(calls[i].function),
        };
        dump_writer_frame(s->w, &frame);
        dump_writer_word(s->w, 0);
        dump_writer_word(s->w, calls[i].word);
        dump_writer_zeros(s->w, bytes - 2 * (uint64_t)s->pointer_bytes);
        if (calls[i].word) {
            dump_writer_field(s->w, s->pointer_bytes);
        }
        dump_writer_close(s->w);
    }
}

static void write_goroutines(struct shape *s)
{
    const struct call main_calls[] = {
        {"runtime.gopark", 0x1000, 0},
        {"time.Sleep",     0x2000, 0},
        {"main.main",      0x8000, 0},
        {"runtime.main",   0x3000, 0},
        {"runtime.goexit", 0x4000, 0},
    };
    const struct call worker_calls[] = {
        {"runtime.gopark",   0x1000, 0        },
        {"runtime.chanrecv", 0x5000, 0        },
        {"main.worker",      0x9000, s->buffer},
        {"runtime.goexit",   0x4000, 0        },
    };
    struct heap_goroutine g = {
        .address = s->bss + 0x1000,
        .sp = s->stack,
        .goid = 1,
        .status = HEAP_STATUS_WAITING,
        .wait_reason = SPAN_LIT("sleep"),
    };
    dump_writer_goroutine(s->w, &g);
    write_frames(s, g.sp, main_calls, sizeof main_calls / sizeof *main_calls);
    g.address += 0x200;
    g.sp += PAGE_BYTES / 2;
    g.goid = 18;
    g.creator_pc = s->text + 0x8020;
    g.wait_reason = SPAN_LIT("chan receive");
    dump_writer_goroutine(s->w, &g);
    write_frames(s, g.sp, worker_calls,
                 sizeof worker_calls / sizeof *worker_calls);
    const struct heap_os_thread thread = {s->bss + 0x2000, 0, 4242};
    dump_writer_os_thread(s->w, &thread);
}

/* A word for main.huge in data, one for main.root in bss. */
static void write_segment(struct shape *s, uint64_t global)
{
    dump_writer_word(s->w, global);
    dump_writer_zeros(s->w, (SEGMENT_WORDS - 1) * (uint64_t)s->pointer_bytes);
    dump_writer_field(s->w, 0);
    dump_writer_close(s->w);
}

static void write_segments(struct shape *s)
{
    const uint64_t bytes = SEGMENT_WORDS * (uint64_t)s->pointer_bytes;
    dump_writer_data(s->w, s->data, bytes);
    write_segment(s, s->huge);
    dump_writer_bss(s->w, s->bss, bytes);
    write_segment(s, s->hub ? s->hub : node_address(s, 0));
}

static void write_memstats(struct shape *s)
{
    const uint64_t inuse = s->stack - s->start;
    const struct heap_memstats m = {
        .alloc = s->live_bytes,
        .total_alloc = s->live_bytes,
        .sys = s->end - s->start,
        .mallocs = s->n_written,
        .heap_alloc = s->live_bytes,
        .heap_sys = s->end - s->start - PAGE_BYTES,
        .heap_idle = s->end - s->start - PAGE_BYTES - inuse,
        .heap_inuse = inuse,
        .heap_objects = s->n_written,
        .stack_inuse = PAGE_BYTES,
        .stack_sys = PAGE_BYTES,
        .next_gc = 2 * s->live_bytes,
        .last_gc_ns = SIM_EPOCH_NS,
        .num_gc = 1,
    };
    dump_writer_memstats(s->w, &m);
}

static uint64_t bucket_id(const struct shape *s, unsigned i)
{
    return s->bss + 0x10000 + 0x100 * (uint64_t)i;
}

static void write_bucket(struct shape *s, unsigned index, uint64_t bytes,
                         const char *function, uint64_t line, uint64_t n)
{
    const struct heap_call calls[] = {
        {span_of(function),        SPAN_LIT("/src/shape/main.go"), line},
        {SPAN_LIT("main.main"),    SPAN_LIT("/src/shape/main.go"), 12  },
        {SPAN_LIT("runtime.main"),
         SPAN_LIT("/usr/local/go/src/runtime/proc.go"),            271 },
    };
    const struct heap_bucket bucket = {
        .id = bucket_id(s, index),
        .object_bytes = bytes,
        .calls = calls,
        .n_calls = 3,
        .allocs = n,
    };
    dump_writer_bucket(s->w, &bucket);
}

static bool is_hub_sampled(const struct shape *s)
{
    return s->hub && s->hub_bytes >= RATE_BYTES;
}

static void write_memory_profile(struct shape *s)
{
    for (unsigned i = 0; i < N_CYCLE; i++) {
        if (s->n_sampled[i]) {
            write_bucket(s, i, cycle_bytes[i], "main.newNode", 31 + i,
                         s->n_sampled[i]);
        }
    }
    if (is_hub_sampled(s)) {
        write_bucket(s, N_CYCLE, s->hub_bytes, "main.newHub", 60, 1);
    }
    if (s->huge) {
        write_bucket(s, N_CYCLE + 1, s->huge_bytes, "main.newHuge", 70, 1);
    }
    for (uint64_t i = 0; i < s->n_nodes; i++) {
        if (is_sampled(s, i)) {
            const struct heap_sample sample = {
                node_address(s, i), bucket_id(s, s->span_of[i % s->n_cycle])};
            dump_writer_sample(s->w, &sample);
        }
    }
    if (is_hub_sampled(s)) {
        const struct heap_sample sample = {s->hub, bucket_id(s, N_CYCLE)};
        dump_writer_sample(s->w, &sample);
    }
    if (s->huge) {
        const struct heap_sample sample = {s->huge, bucket_id(s, N_CYCLE + 1)};
        dump_writer_sample(s->w, &sample);
    }
}

/* Half of the nodes, and half of the one after them. */
static bool write_truncated(struct shape *s, struct err *err)
{
    const uint64_t half = s->n_nodes / 2;
    assert(s->n_cycle > 0);
    write_nodes(s, half);
    const uint64_t bytes = cycle_bytes[s->span_of[half % s->n_cycle]];
    dump_writer_object(s->w, node_address(s, half), bytes);
    dump_writer_zeros(s->w, bytes / 2);
    return dump_writer_cut(s->w, err);
}

static bool write_all(struct shape *s, struct err *err)
{
    write_params(s);
    if (s->o->is_truncated) {
        return write_truncated(s, err);
    }
    write_objects(s);
    write_goroutines(s);
    write_segments(s);
    write_memstats(s);
    write_memory_profile(s);
    return dump_writer_end(s->w, err);
}

bool sim_shape_write(const struct sim_shape_options *o, const struct sink *out,
                     struct err *err)
{
    struct shape s = {.o = o};
    if (!lay_out(&s, err)) {
        return false;
    }
    s.w = dump_writer_new(out);
    if (!s.w) {
        return err_nomem(err, "writing a heap dump");
    }
    const bool ok = write_all(&s, err);
    dump_writer_free(s.w);
    return ok;
}
