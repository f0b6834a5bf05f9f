/*
 * Profiles of any size as a stream. Nothing of a sample is stored: its stack
 * is a walk through a random call graph whose edges are hashes, its values are
 * hashes of its number. Only the ids given out so far are kept, since
 * runtime/pprof numbers locations and functions in the order of their first
 * use. New stacks come first, as in the runtime's list of records, so that
 * every snapshot of a series deals all ids anew.
 */
#include "sim/random_private.h"
#include "sim/sim.h"

#include "base/vec.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

const char *const sim_layout_names[] = {"go", "canon", NULL};
static_assert(sizeof(sim_layout_names) / sizeof(sim_layout_names[0]) ==
                  N_SIM_LAYOUTS + 1,
              "name every layout");

enum {
    BLOCK_BYTES = 256 * 1024,
    MESSAGE_BYTES_MAX = 1024, /* of any message below the profile */
    DEPTH_MIN = 12,
    DEPTH_MAX = 40,
    CALLEES = 6,
    ROOTS = 16,
    SAMPLES_MAX = 200 * 1000 * 1000,
    TABLE_MAX = 1 << 30
};

#define RATE_BYTES 524288.0

/* Sizes of sampled blocks: as often as they stand here. */
static const uint32_t block_sizes[] = {
    16,   16,   32,  32,  48,  48,  64,   64,   80,   96,   112,
    128,  144,  208, 256, 320, 512, 512,  1024, 1024, 2048, 2048,
    4096, 8192, 64,  96,  256, 512, 1280, 9472, 32,   65536};
enum { N_SIZES = sizeof(block_sizes) / sizeof(block_sizes[0]) };
static_assert(N_SIZES == 32, "five bits choose a size");

/* How large a program has so many stacks; between the rows in proportion. */
struct program_size {
    uint64_t n_samples, n_locations;
};
static const struct program_size program_sizes[] = {
    {0,       100   },
    {10000,   3000  },
    {100000,  24400 },
    {1000000, 200000},
    {5000000, 800000},
};

/* --- writing --- */

struct message {
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t n;
};

struct stream {
    const struct sink *out;
    struct err *err;
    uint8_t block[BLOCK_BYTES];
    size_t n;
    bool has_failed;
};

static void flush(struct stream *s)
{
    if (!s->has_failed && s->n > 0) {
        s->has_failed = !s->out->write(s->out->ctx, s->block, s->n, s->err);
    }
    s->n = 0;
}

static void put_varint(struct message *m, uint64_t v)
{
    uint8_t *p = m->bytes + m->n;

    assert(m->n + 10 <= sizeof(m->bytes));
    for (; v >= 0x80; v >>= 7) {
        *p++ = (uint8_t)(v | 0x80);
    }
    *p++ = (uint8_t)v;
    m->n = (size_t)(p - m->bytes);
}

static void put_number(struct message *m, unsigned field, uint64_t v)
{
    if (v != 0) {
        put_varint(m, field << 3);
        put_varint(m, v);
    }
}

static void put_bytes(struct message *m, unsigned field, const void *p,
                      size_t n)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, n);
    assert(m->n + n <= sizeof(m->bytes));
    memcpy(m->bytes + m->n, p, n);
    m->n += n;
}

static void put_message(struct message *m, unsigned field,
                        const struct message *inner)
{
    put_bytes(m, field, inner->bytes, inner->n);
}

/* More than two numbers are packed, as both writers do. */
static void put_numbers(struct message *m, unsigned field, const uint64_t *v,
                        size_t n)
{
    struct message packed;

    if (n <= 2) {
        for (size_t i = 0; i < n; i++) {
            put_varint(m, field << 3);
            put_varint(m, v[i]);
        }
        return;
    }
    packed.n = 0;
    for (size_t i = 0; i < n; i++) {
        put_varint(&packed, v[i]);
    }
    put_message(m, field, &packed);
}

/* A field of the profile itself. */
static void emit(struct stream *s, unsigned field, const void *p, size_t n)
{
    struct message head = {.n = 0};

    put_varint(&head, field << 3 | 2);
    put_varint(&head, n);
    if (s->n + head.n + n > sizeof(s->block)) {
        flush(s);
    }
    memcpy(s->block + s->n, head.bytes, head.n);
    memcpy(s->block + s->n + head.n, p, n);
    s->n += head.n + n;
}

static void emit_number(struct stream *s, unsigned field, uint64_t v)
{
    struct message m;

    m.n = 0;
    put_number(&m, field, v);
    if (s->n + m.n > sizeof(s->block)) {
        flush(s);
    }
    memcpy(s->block + s->n, m.bytes, m.n);
    s->n += m.n;
}

/* --- the program --- */

/* Ids are 0 until they were given. */
struct program {
    const struct sim_scale *options;
    uint64_t key; /* of all hashes */
    uint32_t n_locations, n_functions, n_files;
    uint32_t *location_ids, *function_ids, *file_strings;
    struct vec_u32 locations, functions, strings; /* in the order of ids */
    size_t n_written;                             /* functions */
    double unsampled[N_SIZES];
    struct stream stream;
};

#define FILE_BIT UINT32_C(0x80000000) /* in `strings`: a file */

static uint64_t hash(const struct program *p, uint64_t a, uint64_t b)
{
    uint64_t x = (p->key + a) * UINT64_C(0x9e3779b97f4a7c15) + b;

    x = (x ^ (x >> 32)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ (x >> 29);
}

static uint32_t pick(uint64_t random, uint32_t n)
{
    return (uint32_t)((random >> 32) * n >> 32);
}

/* Every function has a location; some locations inline another function. */
static size_t functions_of(const struct program *p, uint32_t location,
                           uint32_t *functions)
{
    const uint64_t random = hash(p, location, 101);
    size_t n = 0;

    if (random % 8 == 0) {
        functions[n++] = pick(hash(p, location, 102), p->n_functions);
    }
    functions[n++] =
        location < p->n_functions ? location : pick(random, p->n_functions);
    return n;
}

/* Root to leaf: of the callees of a location the first are called most. */
static size_t walk(const struct program *p, uint64_t sample, uint32_t *leaf)
{
    uint64_t random = hash(p, sample, 103);
    const size_t n = DEPTH_MIN + pick(random, DEPTH_MAX - DEPTH_MIN + 1);
    uint32_t location = pick(random << 32, ROOTS) % p->n_locations;

    for (size_t i = n; i-- > 0;) {
        leaf[i] = location;
        random = random * UINT64_C(0xd1342543de82ef95) + 1;

        const uint32_t a = (uint32_t)(random >> 48) * CALLEES >> 16;
        const uint32_t b = (uint32_t)(random >> 32 & 0xffff) * CALLEES >> 16;

        location = pick(hash(p, location, a < b ? a : b), p->n_locations);
    }
    return n;
}

/* --- tables --- */

static const char *const heap_strings[] = {
    "",
    "alloc_objects",
    "count",
    "alloc_space",
    "bytes",
    "inuse_objects",
    "inuse_space",
    "space",
    "/srv/bin/shop",
    "8f1c6f0d5a2e4b7793c1d0e2a4b6c8d0e2f40516"};
static const char *const goroutine_strings[] = {
    "", "goroutine", "count", "/srv/bin/shop",
    "8f1c6f0d5a2e4b7793c1d0e2a4b6c8d0e2f40516"};
enum {
    N_HEAP_STRINGS = sizeof(heap_strings) / sizeof(heap_strings[0]),
    N_GOROUTINE_STRINGS =
        sizeof(goroutine_strings) / sizeof(goroutine_strings[0])
};

static uint32_t n_fixed_strings(const struct program *p)
{
    return p->options->is_goroutine ? N_GOROUTINE_STRINGS : N_HEAP_STRINGS;
}

static bool new_string(struct program *p, uint32_t what, uint32_t *index)
{
    *index = n_fixed_strings(p) + (uint32_t)p->strings.n;
    return vec_u32_push(&p->strings, what);
}

static bool function_id(struct program *p, uint32_t function, uint32_t *id)
{
    if (p->function_ids[function] == 0) {
        if (!vec_u32_push(&p->functions, function)) {
            return false;
        }
        p->function_ids[function] = (uint32_t)p->functions.n;
    }
    *id = p->function_ids[function];
    return true;
}

static bool write_function(struct program *p, uint32_t function)
{
    struct message m;
    const uint32_t file = function / 9 % p->n_files;
    uint32_t name;

    if (!new_string(p, function, &name) ||
        (p->file_strings[file] == 0 &&
         !new_string(p, FILE_BIT | file, &p->file_strings[file]))) {
        return false;
    }
    m.n = 0;
    put_number(&m, 1, p->function_ids[function]);
    put_number(&m, 2, name);
    put_number(&m, 3, name);
    put_number(&m, 4, p->file_strings[file]);
    put_number(&m, 5, 10 + function % 9 * 60);
    emit(&p->stream, 5, m.bytes, m.n);
    return true;
}

static bool write_functions(struct program *p)
{
    for (; p->n_written < p->functions.n; p->n_written++) {
        if (!write_function(p, p->functions.items[p->n_written])) {
            return false;
        }
    }
    return true;
}

static void put_line(struct message *m, uint32_t function, uint64_t line)
{
    struct message inner;

    inner.n = 0;
    put_number(&inner, 1, function);
    put_number(&inner, 2, line);
    put_message(m, 4, &inner);
}

static bool write_location(struct program *p, uint32_t location)
{
    const bool is_go = p->options->layout == SIM_LAYOUT_GO;
    uint32_t functions[2];
    const size_t n = functions_of(p, location, functions);
    struct message m;

    m.n = 0;
    put_number(&m, 1, p->location_ids[location]);
    if (!is_go) {
        put_number(&m, 2, 1);
    }
    put_number(&m, 3, 0x401000 + (uint64_t)location * 37);
    for (size_t i = 0; i < n; i++) {
        uint32_t id;

        if (!function_id(p, functions[i], &id)) {
            return false;
        }
        put_line(&m, id, 11 + functions[i] % 9 * 60 + location % 50);
    }
    if (is_go) {
        put_number(&m, 2, 1);
    }
    emit(&p->stream, 4, m.bytes, m.n);
    return !is_go || write_functions(p);
}

static bool location_id(struct program *p, uint32_t location, uint64_t *id)
{
    if (p->location_ids[location] == 0) {
        if (!vec_u32_push(&p->locations, location)) {
            return false;
        }
        p->location_ids[location] = (uint32_t)p->locations.n;
        if (p->options->layout == SIM_LAYOUT_GO &&
            !write_location(p, location)) {
            return false;
        }
    }
    *id = p->location_ids[location];
    return true;
}

static bool write_tables(struct program *p)
{
    if (p->options->layout == SIM_LAYOUT_CANON) {
        for (size_t i = 0; i < p->locations.n; i++) {
            if (!write_location(p, p->locations.items[i])) {
                return false;
            }
        }
    }
    return write_functions(p);
}

static void write_strings(struct program *p)
{
    const char *const *fixed =
        p->options->is_goroutine ? goroutine_strings : heap_strings;
    char text[128];

    for (uint32_t i = 0; i < n_fixed_strings(p); i++) {
        emit(&p->stream, 6, fixed[i], strlen(fixed[i]));
    }
    for (size_t i = 0; i < p->strings.n; i++) {
        const uint32_t what = p->strings.items[i];
        const uint32_t file = what & ~FILE_BIT;
        const int n =
            what & FILE_BIT
                ? snprintf(text, sizeof(text),
                           "/srv/src/shop/internal/part%u/file%u.go", file % 40,
                           file)
                : snprintf(text, sizeof(text),
                           "example.com/shop/internal/part%u.(*Type%u).run%u",
                           what / 9 % 40, what / 9, what);

        emit(&p->stream, 6, text, (size_t)n);
    }
}

/* --- samples --- */

/* Values that only grow, of samples scaled up as runtime/pprof does. Half of
   all stacks hold nothing. */
static size_t values_of(const struct program *p, uint64_t sample,
                        uint64_t values[4], uint64_t *block_bytes)
{
    const uint64_t random = hash(p, sample, 104);
    const uint64_t age = p->options->snapshot + 1;

    if (p->options->is_goroutine) {
        values[0] = 1 + (random % 16 == 0 ? (random >> 32) % 64 * age : 0);
        return 1;
    }

    const size_t size = random >> 59;
    const uint64_t bytes = block_sizes[size];
    const double unsampled = p->unsampled[size];
    const uint64_t born = 1 + (random >> 32) % 8 * age;
    const uint64_t held = random & 1 ? 1 + born / 3 : 0;

    values[0] = (uint64_t)((double)born * unsampled);
    values[1] = (uint64_t)((double)(born * bytes) * unsampled);
    values[2] = (uint64_t)((double)held * unsampled);
    values[3] = (uint64_t)((double)(held * bytes) * unsampled);
    *block_bytes = bytes;
    return 4;
}

static bool write_sample(struct program *p, uint64_t sample)
{
    const bool is_go = p->options->layout == SIM_LAYOUT_GO;
    uint32_t stack[DEPTH_MAX];
    uint64_t ids[DEPTH_MAX], values[4], block_bytes = 0;
    const size_t depth = walk(p, sample, stack);
    const size_t n = values_of(p, sample, values, &block_bytes);
    struct message m;

    for (size_t i = 0; i < depth; i++) {
        if (!location_id(p, stack[i], &ids[i])) {
            return false;
        }
    }
    m.n = 0;
    if (is_go) {
        put_numbers(&m, 2, values, n);
        put_numbers(&m, 1, ids, depth);
    } else {
        put_numbers(&m, 1, ids, depth);
        put_numbers(&m, 2, values, n);
    }
    if (block_bytes != 0) {
        struct message label;

        label.n = 0;
        put_number(&label, 1, 4); /* "bytes" */
        put_number(&label, 3, block_bytes);
        put_message(&m, 3, &label);
    }
    emit(&p->stream, 2, m.bytes, m.n);
    return true;
}

/* Stacks never leave a profile, so a later snapshot has more. */
static bool write_samples(struct program *p)
{
    const uint64_t n = p->options->n_samples;
    const uint64_t total = n + n * p->options->snapshot / 100;

    for (uint64_t i = total; i-- > 0 && !p->stream.has_failed;) {
        if (!write_sample(p, i)) {
            return false;
        }
    }
    return true;
}

/* --- head and tail --- */

static void write_value_type(struct program *p, unsigned field, uint32_t type,
                             uint32_t unit)
{
    struct message m;

    m.n = 0;
    put_number(&m, 1, type);
    put_number(&m, 2, unit);
    emit(&p->stream, field, m.bytes, m.n);
}

static void write_types(struct program *p)
{
    write_value_type(p, 1, 1, 2);
    if (!p->options->is_goroutine) {
        write_value_type(p, 1, 3, 4);
        write_value_type(p, 1, 5, 2);
        write_value_type(p, 1, 6, 4);
    }
}

static void write_period(struct program *p)
{
    if (p->options->is_goroutine) {
        write_value_type(p, 11, 1, 2);
        emit_number(&p->stream, 12, 1);
    } else {
        write_value_type(p, 11, 7, 4);
        emit_number(&p->stream, 12, (uint64_t)RATE_BYTES);
    }
}

static void write_mapping(struct program *p)
{
    const uint32_t file = n_fixed_strings(p) - 2;
    struct message m;

    m.n = 0;
    put_number(&m, 1, 1);
    put_number(&m, 2, 0x400000);
    put_number(&m, 3, 0x400000 + (uint64_t)p->n_locations * 37 + 0x10000);
    put_number(&m, 5, file);
    put_number(&m, 6, file + 1);
    put_number(&m, 7, 1);
    emit(&p->stream, 3, m.bytes, m.n);
}

static bool write_profile(struct program *p)
{
    const uint64_t time_ns =
        (uint64_t)SIM_EPOCH_NS +
        (uint64_t)p->options->snapshot * 60 * (uint64_t)SIM_SECOND;

    if (p->options->layout == SIM_LAYOUT_GO) {
        write_period(p);
        write_types(p);
        if (!write_samples(p)) {
            return false;
        }
        emit_number(&p->stream, 9, time_ns);
        write_mapping(p);
        write_strings(p);
        return true;
    }
    write_types(p);
    if (!write_samples(p)) {
        return false;
    }
    write_mapping(p);
    if (!write_tables(p)) {
        return false;
    }
    write_strings(p);
    emit_number(&p->stream, 9, time_ns);
    write_period(p);
    return true;
}

/* --- the whole --- */

static uint64_t locations_for(uint64_t n_samples)
{
    const struct program_size *row = program_sizes;
    const size_t n = sizeof(program_sizes) / sizeof(program_sizes[0]);

    for (size_t i = 2; i < n && n_samples > row[1].n_samples; i++) {
        row++;
    }

    const uint64_t span = row[1].n_samples - row[0].n_samples;
    const uint64_t rise = row[1].n_locations - row[0].n_locations;

    return row[0].n_locations + rise * (n_samples - row[0].n_samples) / span;
}

static bool program_init(struct program *p, const struct sim_scale *s)
{
    const uint64_t n_locations =
        s->n_locations != 0 ? s->n_locations : locations_for(s->n_samples);
    const uint64_t n_functions =
        s->n_functions != 0 ? s->n_functions : (n_locations * 3 + 9) / 10;

    p->options = s;
    p->key = sim_mix(s->seed, sim_hash("scale"));
    p->n_locations = (uint32_t)n_locations;
    p->n_functions = (uint32_t)n_functions;
    p->n_files = (p->n_functions + 8) / 9;
    p->location_ids = calloc(p->n_locations, sizeof(uint32_t));
    p->function_ids = calloc(p->n_functions, sizeof(uint32_t));
    p->file_strings = calloc(p->n_files, sizeof(uint32_t));
    for (size_t i = 0; i < N_SIZES; i++) {
        p->unsampled[i] =
            1 / (1 - sim_exp(-(double)block_sizes[i] / RATE_BYTES));
    }
    return p->location_ids && p->function_ids && p->file_strings;
}

static void program_free(struct program *p)
{
    free(p->location_ids);
    free(p->function_ids);
    free(p->file_strings);
    vec_u32_release(&p->locations);
    vec_u32_release(&p->functions);
    vec_u32_release(&p->strings);
    free(p);
}

static bool check(const struct sim_scale *s, struct err *err)
{
    if (s->n_samples < 1 || s->n_samples > SAMPLES_MAX) {
        return err_set(err, ERR_USAGE, "samples must be from 1 to %d",
                       SAMPLES_MAX);
    }
    if (s->n_locations > TABLE_MAX || s->n_functions > TABLE_MAX) {
        return err_set(err, ERR_USAGE,
                       "locations and functions must be at most %d", TABLE_MAX);
    }
    if (s->snapshot > 1000) {
        return err_set(err, ERR_USAGE, "a series has at most 1000 snapshots");
    }
    return true;
}

bool sim_scale_write(const struct sim_scale *s, const struct sink *out,
                     struct err *err)
{
    if (!check(s, err)) {
        return false;
    }

    struct program *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        return err_nomem(err, "call graph");
    }
    p->stream.out = out;
    p->stream.err = err;

    bool ok = program_init(p, s) && write_profile(p);

    if (!ok) {
        err_nomem(err, "call graph");
    } else {
        flush(&p->stream);
        ok = !p->stream.has_failed && out->end(out->ctx, err);
    }
    program_free(p);
    return ok;
}
