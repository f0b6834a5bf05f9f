/*
 * CPU profiles as gperftools and Go before 1.7 wrote them: words of 32 or 64
 * bits in the byte order of the machine, five of them a header, then counts
 * and stacks, then the memory map as text. A Java agent writes the same with
 * its own table behind.
 *
 * What a handler of signals leaves in stacks is taken out as google/pprof
 * does it: a second frame that nearly all stacks have, and a leaf that is
 * noted twice. The content is kept whole, because whether a stack may be as
 * long as it says depends on how much there is.
 */
#include "base/num.h"
#include "input/format_private.h"
#include "input/java_private.h"
#include "input/legacy_private.h"

#include <inttypes.h>
#include <stdlib.h>

static const char what[] = "CPU profile of the old kind";

/* Words: half an hour at 100 samples a second, 64 frames and none alike,
   needs 12 million. */
enum { WORDS_MAX = 16 << 20 };

enum { N_HEADER_WORDS = 5 };

/* Frames to take out, and one stack of so many may do without. */
enum { USELESS_FRAMES_MAX = 2, STACKS_OF_ONE_OTHER = 32 };

/* --- words --- */

struct words {
    struct span bytes;
    size_t at;
    unsigned width; /* bytes of a word */
    bool is_big;    /* the first byte of a word is its highest */
    bool is_over;   /* one was asked for that is not there; they are 0 */
};

static uint64_t next_word(struct words *w)
{
    if (w->is_over || w->bytes.len - w->at < w->width) {
        w->is_over = true;
        w->at = w->bytes.len;
        return 0;
    }
    uint64_t word = 0;
    for (unsigned i = 0; i < w->width; i++) {
        const unsigned k = w->is_big ? i : w->width - 1 - i;
        word = word << 8 | (unsigned char)w->bytes.p[w->at + k];
    }
    w->at += w->width;
    return word;
}

struct header {
    struct words words; /* stands behind it */
    int64_t period_us;
    bool is_java;
};

static bool parse_header(struct span bytes, struct header *h)
{
    for (unsigned way = 0; way < 4; way++) {
        h->words = (struct words){
            .bytes = bytes, .width = way < 2 ? 4 : 8, .is_big = way % 2 != 0};
        uint64_t v[N_HEADER_WORDS];
        for (unsigned i = 0; i < N_HEADER_WORDS; i++) {
            v[i] = next_word(&h->words);
        }
        if (!h->words.is_over && v[0] == 0 && v[1] == 3 && v[2] <= 1 &&
            v[3] > 0 && v[4] == 0) {
            h->is_java = v[2] == 1;
            h->period_us = (int64_t)v[3];
            return true;
        }
    }
    return false;
}

/* --- stacks --- */

struct stack {
    uint64_t count;
    size_t begin, end; /* of its addresses */
};
VEC_TYPE(stacks, struct stack)

struct cpu_binary {
    struct buf bytes;
    bool is_like_pprof;
    struct header header;
    struct profile_builder *builder;
    struct vec_u64 addresses;
    struct stacks stacks;
    struct vec_u32 locations; /* of a stack, scratch */
    struct memory_map map;
    struct java_table table;
};

static bool read_addresses(struct cpu_binary *c, uint64_t n, struct err *err)
{
    struct words *const w = &c->header.words;
    if (!vec_u64_reserve(&c->addresses, c->addresses.n + n)) {
        return err_nomem(err, what);
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t word = next_word(w);
        const bool is_return = i > 0 && !c->header.is_java;
        c->addresses.items[c->addresses.n++] = word - (is_return ? 1 : 0);
    }
    return true;
}

static bool is_end_mark(const struct cpu_binary *c, const struct stack *s)
{
    return s->count == 0 && s->end - s->begin == 1 &&
           c->addresses.items[s->begin] == 0;
}

/* Up to the mark of the end, which need not be there. A last stack may be cut
   off: google/pprof allows for words of four bytes whatever they have. */
static bool read_stacks(struct cpu_binary *c, struct err *err)
{
    struct words *const w = &c->header.words;
    while (w->at < w->bytes.len) {
        const size_t at = w->at;
        struct stack s = {.count = next_word(w), .begin = c->addresses.n};
        const uint64_t n = next_word(w);
        const uint64_t left = w->bytes.len - w->at;
        if (w->is_over || n > left / (c->is_like_pprof ? 4 : w->width)) {
            return err_set_at(err, ERR_FORMAT, at,
                              "%s: cut off or altered, a stack of %" PRIu64
                              " words where %" PRIu64 " bytes are left",
                              what, n, left);
        }
        if (!read_addresses(c, n, err)) {
            return false;
        }
        s.end = c->addresses.n;
        if (is_end_mark(c, &s)) {
            return true;
        }
        if (!stacks_push(&c->stacks, s)) {
            return err_nomem(err, what);
        }
    }
    return true;
}

/* The address that most stacks have second, if any: each vote for another one
   cancels one for it. */
static uint64_t usual_second(const struct cpu_binary *c)
{
    uint64_t usual = 0;
    size_t votes = 0;
    for (size_t i = 0; i < c->stacks.n; i++) {
        const struct stack *const s = &c->stacks.items[i];
        if (s->end - s->begin < 2) {
            continue;
        }
        const uint64_t second = c->addresses.items[s->begin + 1];
        if (votes == 0) {
            usual = second;
        }
        votes = second == usual ? votes + 1 : votes - 1;
    }
    return usual;
}

static bool has_second(const struct cpu_binary *c, const struct stack *s,
                       uint64_t address)
{
    return s->end - s->begin > 1 && c->addresses.items[s->begin + 1] == address;
}

static void drop_second(struct cpu_binary *c, uint64_t address)
{
    for (size_t i = 0; i < c->stacks.n; i++) {
        struct stack *const s = &c->stacks.items[i];
        if (has_second(c, s, address)) {
            c->addresses.items[s->begin + 1] = c->addresses.items[s->begin];
            s->begin++;
        }
    }
}

static void drop_useless(struct cpu_binary *c)
{
    for (unsigned round = 0; round < USELESS_FRAMES_MAX; round++) {
        const uint64_t address = usual_second(c);
        size_t n = 0;
        for (size_t i = 0; i < c->stacks.n; i++) {
            n += has_second(c, &c->stacks.items[i], address);
        }
        if (n > 0 && n >= c->stacks.n - c->stacks.n / STACKS_OF_ONE_OTHER) {
            drop_second(c, address);
        }
    }
}

/* --- the profile --- */

static bool locate(struct cpu_binary *c, const struct stack *s, struct err *err)
{
    c->locations.n = 0;
    for (size_t i = s->begin; i < s->end; i++) {
        const uint64_t address = c->addresses.items[i];
        uint32_t location = 0;
        if (!c->header.is_java) {
            location = profile_builder_location(c->builder, address,
                                                PROFILE_NONE, NULL, 0);
        } else if (!java_table_index(&c->table, address, &location, err)) {
            return false;
        }
        if (!vec_u32_push(&c->locations, location)) {
            return err_nomem(err, what);
        }
    }
    return true;
}

static bool add_samples(struct cpu_binary *c, struct err *err)
{
    const int64_t period = legacy_times(c->header.period_us, 1000);
    profile_builder_period(c->builder, "cpu", "nanoseconds", period);
    profile_builder_type(c->builder, "samples", "count");
    profile_builder_type(c->builder, "cpu", "nanoseconds");
    for (size_t i = 0; i < c->stacks.n; i++) {
        const struct stack *const s = &c->stacks.items[i];
        if (!locate(c, s, err)) {
            return false;
        }
        if (!c->header.is_java) {
            legacy_drop_repeated_leaf(c->builder, &c->locations);
        }
        const int64_t values[] = {(int64_t)s->count,
                                  legacy_times((int64_t)s->count, period)};
        profile_builder_sample(c->builder, c->locations.items, c->locations.n,
                               values, 2, NULL, 0);
    }
    return legacy_check_size(c->builder, what, err);
}

/* The text behind the stacks. */
static bool read_text(struct cpu_binary *c, struct err *err)
{
    const struct words *const w = &c->header.words;
    struct span rest = span_from(w->bytes, w->at);
    struct span line;
    while (span_line(&rest, &line)) {
        const bool ok = c->header.is_java
                            ? java_table_line(&c->table, line, err)
                            : memory_map_line(&c->map, line, err);
        if (!ok) {
            return err_wrap(err, "%s", what);
        }
    }
    if (c->header.is_java) {
        java_table_apply(&c->table, c->builder);
        return true;
    }
    return memory_map_apply(&c->map, c->builder, false, err);
}

/* --- the format --- */

static bool sniff(struct span head)
{
    struct header h;
    return parse_header(head, &h);
}

static void close_bytes(void *decoder)
{
    struct cpu_binary *const c = decoder;
    buf_release(&c->bytes);
    vec_u64_release(&c->addresses);
    stacks_release(&c->stacks);
    vec_u32_release(&c->locations);
    memory_map_release(&c->map);
    java_table_release(&c->table);
    profile_builder_free(c->builder);
    free(c);
}

static void *open_bytes(const struct input_limits *limits)
{
    struct cpu_binary *const c = calloc(1, sizeof(*c));
    if (!c) {
        return NULL;
    }
    c->is_like_pprof = limits->is_like_pprof;
    c->bytes = BUF_LIMIT((size_t)limits->text_bytes);
    memory_map_init(&c->map);
    c->builder = profile_builder_new();
    if (!c->builder) {
        close_bytes(c);
        return NULL;
    }
    return c;
}

static bool write_bytes(void *decoder, const uint8_t *p, size_t n,
                        struct err *err)
{
    struct cpu_binary *const c = decoder;
    struct header h;
    if (c->bytes.len == 0 &&
        parse_header((struct span){(const char *)p, n}, &h)) {
        c->bytes.limit_bytes = (size_t)WORDS_MAX * h.words.width;
    }
    buf_add(&c->bytes, p, n);
    return buf_check(&c->bytes, what, err);
}

static bool end_bytes(void *decoder, struct snapshot *out, struct err *err)
{
    struct cpu_binary *const c = decoder;
    if (!parse_header(buf_view(&c->bytes), &c->header)) {
        return err_set_at(err, ERR_FORMAT, 0, "%s: bad header", what);
    }
    if (!read_stacks(c, err)) {
        return false;
    }
    if (!c->header.is_java) {
        drop_useless(c);
    }
    if (!add_samples(c, err) || !read_text(c, err)) {
        return false;
    }
    legacy_set_frames(c->builder, FRAMES_OF_CPU);
    struct profile_builder *const builder = c->builder;
    c->builder = NULL;
    if (!legacy_finish(builder, what, out, err)) {
        return false;
    }
    out->form = FORM_OTHER;
    return true;
}

const struct input_format input_cpu_binary = {
    .name = what,
    .sniff = sniff,
    .open = open_bytes,
    .write = write_bytes,
    .end = end_bytes,
    .close = close_bytes,
};
