/*
 * Writes large synthetic heap profiles for measuring: either a series of ten
 * snapshots of one process (ids given anew in each, some stacks come, none
 * go), or one profile of any size. Stacks come from a random call graph, so
 * that they share frames like real ones; everything follows from the seed.
 *
 *   gen_series DIR [SAMPLES]                  DIR/s_0.pb.gz ... s_9.pb.gz
 *   gen_series --one FILE SAMPLES [go|canon]  one profile
 *
 * "go" is the layout of runtime/pprof (locations and functions stand between
 * the samples, strings last, ids in order of first use), "canon" that of
 * google/pprof (all samples first).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gz.h"
#include "base/num.h"

enum {
    DEPTH_MIN = 8,
    DEPTH_MAX = 32,
    SNAPSHOTS = 10,
    SPREAD = 6, /* callees of a function */
    SEED = 1
};

/* Frames of one stack: locations of the program, leaf first. */
struct stack {
    uint32_t first, n;
    uint32_t block_bytes;
};

struct program {
    uint32_t n_locations, n_functions;
    uint32_t *function_of; /* per location */
    uint32_t *frames;      /* of all stacks */
    struct stack *stacks;
    uint32_t n_stacks;
};

struct output {
    struct buf message; /* the whole profile */
    struct buf inner, deeper;
    uint32_t *location_id, *function_id; /* given so far; 0 = none */
    uint32_t n_locations, n_functions;
    bool is_canon;
    struct buf tables; /* canon: what comes behind the samples */
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(next_random(state) % n);
}

static void *allocate(size_t n, size_t unit)
{
    void *p = calloc(n + 1, unit);
    if (p == NULL) {
        (void)fputs("gen_series: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

/* Root to leaf through the call graph: a location's callees are a few fixed
   ones, most often the first. */
static void make_stack(struct program *p, struct stack *s, uint64_t *state)
{
    uint32_t location = random_below(state, 16);
    s->n = DEPTH_MIN + random_below(state, DEPTH_MAX - DEPTH_MIN + 1);
    for (uint32_t i = s->n; i > 0; i--) {
        p->frames[s->first + i - 1] = location;
        const uint32_t a = random_below(state, SPREAD);
        const uint32_t b = random_below(state, SPREAD);
        uint64_t edge = location * (uint64_t)SPREAD + (a < b ? a : b);
        location = random_below(&edge, p->n_locations);
    }
    s->block_bytes = 16U << random_below(state, 12);
}

static void make_program(struct program *p, uint32_t n_stacks)
{
    uint64_t state = SEED;
    p->n_stacks = n_stacks;
    p->n_locations = n_stacks / 4 + 100;
    p->n_functions = p->n_locations * 3 / 10 + 10;
    p->function_of = allocate(p->n_locations, sizeof(uint32_t));
    p->stacks = allocate(n_stacks, sizeof(struct stack));
    p->frames = allocate((size_t)n_stacks * DEPTH_MAX, sizeof(uint32_t));
    for (uint32_t i = 0; i < p->n_locations; i++) {
        p->function_of[i] = random_below(&state, p->n_functions);
    }
    for (uint32_t i = 0; i < n_stacks; i++) {
        p->stacks[i].first = i * DEPTH_MAX;
        make_stack(p, &p->stacks[i], &state);
    }
}

static void put_varint(struct buf *b, uint64_t v)
{
    char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        bytes[n++] = (char)(uint8_t)(v | 0x80);
    }
    bytes[n++] = (char)(uint8_t)v;
    buf_add(b, bytes, n);
}

static void put_number(struct buf *b, unsigned field, uint64_t v)
{
    if (v != 0) {
        put_varint(b, field << 3);
        put_varint(b, v);
    }
}

static void put_bytes(struct buf *b, unsigned field, struct span s)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, s.len);
    buf_span(b, s);
}

static struct buf *tables_of(struct output *o)
{
    return o->is_canon ? &o->tables : &o->message;
}

/* Strings: the fixed ones, then one name a function. */
enum { FIXED_STRINGS = 12 };

static uint32_t function_id(struct output *o, uint32_t f)
{
    if (o->function_id[f] == 0) {
        o->function_id[f] = ++o->n_functions;
        struct buf *b = &o->deeper;
        buf_clear(b);
        put_number(b, 1, o->function_id[f]);
        put_number(b, 2, FIXED_STRINGS + f);
        put_number(b, 3, FIXED_STRINGS + f);
        put_number(b, 4, 11);
        put_number(b, 5, 10 + f % 1000);
        put_bytes(tables_of(o), 5, buf_view(b));
    }
    return o->function_id[f];
}

static uint32_t location_id(struct output *o, const struct program *p,
                            uint32_t l)
{
    if (o->location_id[l] == 0) {
        const uint32_t f = function_id(o, p->function_of[l]);
        o->location_id[l] = ++o->n_locations;
        struct buf line = BUF_LIMIT(64);
        put_number(&line, 1, f);
        put_number(&line, 2, 10 + l % 500);
        struct buf *b = &o->deeper;
        buf_clear(b);
        put_number(b, 1, o->location_id[l]);
        put_number(b, 2, 1);
        put_number(b, 3, 0x400000 + (uint64_t)l * 37);
        put_bytes(b, 4, buf_view(&line));
        put_bytes(tables_of(o), 4, buf_view(b));
        buf_release(&line);
    }
    return o->location_id[l];
}

/* What a stack allocates grows with the age of the process and never falls;
   half of the stacks hold nothing, as in real profiles. */
static void put_values(struct buf *b, const struct stack *s, uint64_t age)
{
    uint64_t own = s->first;
    const uint64_t allocated = 1 + random_below(&own, 100) * (age + 1);
    const uint64_t in_use = random_below(&own, 2) != 0 ? allocated / 3 : 0;
    const uint64_t values[] = {allocated, allocated * s->block_bytes, in_use,
                               in_use * s->block_bytes};
    struct buf packed = BUF_LIMIT(64);
    for (unsigned i = 0; i < 4; i++) {
        put_varint(&packed, values[i]);
    }
    put_bytes(b, 2, buf_view(&packed));
    buf_release(&packed);
}

static void put_sample(struct output *o, const struct program *p,
                       const struct stack *s, uint64_t age)
{
    uint32_t ids[DEPTH_MAX];
    for (uint32_t i = 0; i < s->n; i++) {
        ids[i] = location_id(o, p, p->frames[s->first + i]);
    }
    struct buf *b = &o->inner;
    struct buf *packed = &o->deeper;
    buf_clear(b);
    buf_clear(packed);
    for (uint32_t i = 0; i < s->n; i++) {
        put_varint(packed, ids[i]);
    }
    if (o->is_canon) {
        put_bytes(b, 1, buf_view(packed));
        put_values(b, s, age);
    } else {
        put_values(b, s, age);
        put_bytes(b, 1, buf_view(packed));
    }
    buf_clear(packed);
    put_number(packed, 1, 10);
    put_number(packed, 3, s->block_bytes);
    put_bytes(b, 3, buf_view(packed));
    put_bytes(&o->message, 2, buf_view(b));
}

static void put_header(struct output *o)
{
    for (unsigned i = 0; i < 4; i++) {
        buf_clear(&o->inner);
        put_number(&o->inner, 1, 1 + 2 * i);
        put_number(&o->inner, 2, 2 + 2 * i);
        put_bytes(&o->message, 1, buf_view(&o->inner));
    }
    buf_clear(&o->inner);
    put_number(&o->inner, 1, 1);
    put_number(&o->inner, 2, 0x400000);
    put_number(&o->inner, 3, 0x40000000);
    put_number(&o->inner, 5, 9);
    put_bytes(tables_of(o), 3, buf_view(&o->inner));
}

static void put_strings(struct output *o, const struct program *p)
{
    static const char *const fixed[] = {
        "",      "alloc_objects", "count", "alloc_space",
        "bytes", "inuse_objects", "count", "inuse_space",
        "bytes", "/srv/bin/shop", "bytes", "/srv/shop/main.go"};
    for (unsigned i = 0; i < FIXED_STRINGS; i++) {
        put_bytes(&o->message, 6, span_of(fixed[i]));
    }
    for (uint32_t f = 0; f < p->n_functions; f++) {
        buf_clear(&o->inner);
        buf_printf(&o->inner,
                   "example.com/shop/internal/part%u.(*Type%u).run%u", f % 40,
                   f % 700, f);
        put_bytes(&o->message, 6, buf_view(&o->inner));
    }
}

static void put_tail(struct output *o, uint64_t age)
{
    put_number(&o->message, 9,
               UINT64_C(1764000000000000000) + age * UINT64_C(30000000000));
    buf_clear(&o->inner);
    put_number(&o->inner, 1, 3);
    put_number(&o->inner, 2, 4);
    put_bytes(&o->message, 11, buf_view(&o->inner));
    put_number(&o->message, 12, 524288);
}

static bool write_file(const char *path, const struct buf *message)
{
    struct err err = {0};
    struct buf out = BUF_LIMIT(UINT64_C(2) << 30);
    if (!gz_compress((const uint8_t *)message->data, message->len, 1, &out,
                     &err)) {
        (void)fprintf(stderr, "gen_series: %s\n", err.text);
        return false;
    }
    FILE *f = fopen(path, "wb");
    const bool ok = f != NULL && fwrite(out.data, 1, out.len, f) == out.len;
    if (f == NULL || fclose(f) != 0 || !ok) {
        (void)fprintf(stderr, "gen_series: cannot write %s\n", path);
        return false;
    }
    buf_release(&out);
    return true;
}

/* The first `n` stacks of the program in the order of their addresses, which
   differs a little from snapshot to snapshot. */
static bool write_profile(const struct program *p, uint32_t n, uint64_t age,
                          bool is_canon, const char *path)
{
    const size_t limit = (size_t)4 << 30;
    struct output o = {.message = BUF_LIMIT(limit),
                       .inner = BUF_LIMIT(1U << 20),
                       .deeper = BUF_LIMIT(1U << 20),
                       .tables = BUF_LIMIT(limit),
                       .is_canon = is_canon};
    o.location_id = allocate(p->n_locations, sizeof(uint32_t));
    o.function_id = allocate(p->n_functions, sizeof(uint32_t));
    put_header(&o);
    const uint32_t start = (uint32_t)(age * 7919 % n);
    for (uint32_t i = 0; i < n; i++) {
        put_sample(&o, p, &p->stacks[(start + i) % n], age);
    }
    buf_span(&o.message, buf_view(&o.tables));
    put_strings(&o, p);
    put_tail(&o, age);
    const bool ok = buf_ok(&o.message) && write_file(path, &o.message);
    buf_release(&o.message);
    buf_release(&o.inner);
    buf_release(&o.deeper);
    buf_release(&o.tables);
    free(o.location_id);
    free(o.function_id);
    return ok;
}

static bool write_series(const struct program *p, const char *dir)
{
    const uint32_t n_new = p->n_stacks / 90;
    for (uint32_t i = 0; i < SNAPSHOTS; i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/s_%u.pb.gz", dir, i);
        const uint32_t n = p->n_stacks - (SNAPSHOTS - 1 - i) * n_new;
        if (!write_profile(p, n, i, false, path)) {
            return false;
        }
    }
    return true;
}

static int usage(void)
{
    (void)fputs("usage: gen_series DIR [SAMPLES]\n"
                "       gen_series --one FILE SAMPLES [go|canon]\n",
                stderr);
    return 2;
}

static bool parse_samples(const char *text, uint32_t *n)
{
    uint64_t v = 0;
    return num_parse_u64(span_of(text), &v) && v >= 100 && v <= 20000000 &&
           u32_from_u64(n, v);
}

int main(int argc, char **argv)
{
    const bool one = argc > 1 && strcmp(argv[1], "--one") == 0;
    uint32_t n = 100000;
    if (argc < 2 || argc > (one ? 5 : 3) || (one && argc < 4) ||
        (argc > (one ? 3 : 2) && !parse_samples(argv[one ? 3 : 2], &n))) {
        return usage();
    }
    struct program p = {0};
    make_program(&p, n);
    const bool is_canon = one && argc == 5 && strcmp(argv[4], "canon") == 0;
    const bool ok = one ? write_profile(&p, n, 0, is_canon, argv[2])
                        : write_series(&p, argv[1]);
    free(p.function_of);
    free(p.frames);
    free(p.stacks);
    return ok ? 0 : 2;
}
