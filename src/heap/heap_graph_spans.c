/*
 * Objects into runs while the dump is read. Go dumps the objects of a span in
 * a row, ascending and of one size, so an object costs a bit and the offset
 * of its contents.
 *
 * What Go invents is dropped here, at the end of each page: since 1.22 a page
 * of objects with pointers ends with a bitmap of them, with Green Tea every
 * page ends with marks as well, and the dump lists all of that as objects.
 * They are the last slots of the page, so they are the last ones added.
 */
#include "heap/build_minor_private.h"
#include "heap/heap_graph_private.h"

#include <assert.h>

#include "base/banned.h"

#define PAGE_BYTES (UINT64_C(1) << GRAPH_PAGE_SHIFT)
#define PAGE_MASK  (PAGE_BYTES - 1)

/* With more, 64 bits were too few for a multiplication instead of a
   division. */
#define EXTENT_BYTES_MAX (UINT64_C(1) << 31)

enum {
    MINOR_BITMAPS = 22,    /* go1.22 has bitmaps in spans */
    MINOR_GREEN_TEA = 26,  /* go1.26 uses Green Tea unless told otherwise */
    MARK_BYTES = 128,      /* spanInlineMarkBits */
    MARKED_BYTES_MIN = 16, /* smaller objects have no marks inline */
    GAP_SLOTS_MAX = 2048   /* two pages of the smallest slots, 8 bytes: no span
                              of Go has a wider gap that costs bits */
};

/* --- what the version of Go invents --- */

void span_builder_params(struct span_builder *b, const struct heap_params *p)
{
    const unsigned minor = go_minor(p->build);
    b->tail_bytes = 0;
    b->bitmap_max = 0;
    b->mark_bytes = 0;
    if (minor < MINOR_BITMAPS) {
        return;
    }
    /* A bit for each word of the page; a word of bits is the most that one
       object may have. */
    b->bitmap_bytes = (unsigned)PAGE_BYTES / p->pointer_bytes / 8;
    b->bitmap_max = p->pointer_bytes * p->pointer_bytes * 8;
    const bool is_off = span_has(p->build, "nogreenteagc");
    const bool is_on =
        minor >= MINOR_GREEN_TEA || span_has(p->build, "greenteagc");
    b->mark_bytes = is_on && !is_off ? MARK_BYTES : 0;
}

static void choose_tail(struct span_builder *b, uint64_t bytes)
{
    b->tail_bytes = bytes;
    b->tail = (struct graph_tail){0};
    if (bytes > b->bitmap_max) {
        return;
    }
    const uint64_t marks = bytes >= MARKED_BYTES_MIN ? b->mark_bytes : 0;
    b->tail.n_slots = (unsigned)(PAGE_BYTES / bytes);
    b->tail.n_plain = (unsigned)((PAGE_BYTES - marks) / bytes);
    b->tail.n_scan = (unsigned)((PAGE_BYTES - marks - b->bitmap_bytes) / bytes);
}

/* --- dropping --- */

static void drop_last(struct span_builder *b, unsigned n)
{
    struct graph_spans *s = b->spans;
    struct graph_run *r = &s->runs.items[s->runs.n - 1];
    assert(n <= r->n_objects);
    s->offsets.n -= n;
    r->n_objects -= n;
    b->n_invented += n;
    b->invented_bytes += n * r->bytes;
    struct graph_word *w = &s->words.items[s->words.n - 1];
    for (uint64_t bit = UINT64_C(1) << 63; n > 0; bit >>= 1) {
        if (bit == 0) {
            bit = UINT64_C(1) << 63;
            w--;
        }
        n -= (w->bits & bit) != 0;
        w->bits &= ~bit;
    }
    if (r->n_objects == 0) {
        s->words.n = r->first_word;
        s->runs.n--;
        b->has_run = false;
    }
}

/* Objects of the page that nothing but a pointer to them tells from invented
   ones: all of the tail is there, and nothing else. */
static bool doubt_tail(struct span_builder *b, struct err *err)
{
    const struct graph_page *p = &b->page;
    for (unsigned i = b->tail.n_scan; i < b->tail.n_plain; i++) {
        if (!graph_doubts_add(&b->doubts, p->begin + i * b->tail_bytes,
                              b->budget, err)) {
            return false;
        }
    }
    return true;
}

static bool end_page(struct span_builder *b, struct err *err)
{
    const struct graph_page p = b->page;
    b->page = (struct graph_page){.begin = UINT64_MAX};
    if (!p.is_regular || p.n_tail == 0 || !b->has_run) {
        return true;
    }
    /* What is sure comes last. */
    drop_last(b, p.has_fields ? p.n_tail : p.n_sure);
    const bool is_whole = p.n_tail == b->tail.n_slots - b->tail.n_scan;
    if (!p.has_fields && !p.has_low && is_whole) {
        b->page.begin = p.begin;
        const bool ok = doubt_tail(b, err);
        b->page.begin = UINT64_MAX;
        return ok;
    }
    return true;
}

/* --- adding --- */

/* A bitmap of objects of one word: since 1.26 it says of itself as well that
   each word is a pointer. No pointer is like this. */
static bool is_all_ones(const struct dump_memory *m)
{
    static const uint8_t ones[] = {255, 255, 255, 255, 255, 255, 255, 255};
    return m->contents.len <= sizeof ones &&
           memcmp(m->contents.p, ones, m->contents.len) == 0;
}

static void page_add(struct span_builder *b, const struct dump_memory *m,
                     uint64_t step)
{
    struct graph_page *p = &b->page;
    const bool has_fields = m->fields.len > 1;
    const uint64_t begin = m->address & ~PAGE_MASK;
    if (begin != p->begin) {
        const uint64_t offset = m->address - begin;
        *p = (struct graph_page){
            .begin = begin,
            .is_regular = offset % b->tail_bytes == 0,
            .slot = (uint32_t)(offset / b->tail_bytes),
        };
    } else {
        p->slot += (uint32_t)step;
    }
    if (p->slot < b->tail.n_scan) {
        p->has_low = true;
        p->has_fields |= has_fields;
        return;
    }
    p->n_tail++;
    p->n_sure += p->slot >= b->tail.n_plain ? 1U : 0U;
    if (has_fields) {
        p->is_regular = p->is_regular && is_all_ones(m);
        p->has_fields = true;
    }
}

/* Slots from the last object to this one, 0 when it begins another run. */
static uint64_t steps_to(const struct span_builder *b, uint64_t address,
                         uint64_t bytes, uint64_t offset)
{
    if (!b->has_run) {
        return 0;
    }
    const struct graph_spans *s = b->spans;
    const struct graph_run *r = &s->runs.items[s->runs.n - 1];
    const uint64_t last_end = b->last_address + r->bytes;
    if (bytes != r->bytes || address < last_end || offset < r->file ||
        offset - r->file > UINT32_MAX || bytes > EXTENT_BYTES_MAX ||
        address - r->base > EXTENT_BYTES_MAX - bytes) {
        return 0;
    }
    const uint64_t gap = address - last_end;
    if (gap == 0) {
        return 1;
    }
    /* A whole page without an object may belong to another span. */
    const uint64_t page_after = ((last_end - 1) >> GRAPH_PAGE_SHIFT) + 1;
    if ((address >> GRAPH_PAGE_SHIFT) > page_after || gap % bytes != 0 ||
        gap / bytes > GAP_SLOTS_MAX) {
        return 0;
    }
    return gap / bytes + 1;
}

static bool begin_run(struct span_builder *b, uint64_t address, uint64_t bytes,
                      uint64_t offset, struct err *err)
{
    struct graph_spans *s = b->spans;
    const struct graph_run r = {.base = address,
                                .bytes = bytes,
                                .file = offset,
                                .first_word = (uint32_t)s->words.n,
                                .first_offset = (uint32_t)s->offsets.n};
    b->last_slot = 0;
    b->has_run = true;
    return graph_runs_add(&s->runs, r, b->budget, err);
}

/* Appends an object, `steps` slots after the last one; 0 in a new run. */
static bool append(struct span_builder *b, uint64_t address, uint64_t bytes,
                   uint64_t offset, uint64_t steps, struct err *err)
{
    struct graph_spans *s = b->spans;
    if (s->offsets.n >= UINT32_MAX - 1 || s->words.n >= UINT32_MAX - 1) {
        return err_set(err, ERR_LIMIT, "more than %u objects", UINT32_MAX - 1);
    }
    if (steps == 0 && !begin_run(b, address, bytes, offset, err)) {
        return false;
    }
    struct graph_run *r = &s->runs.items[s->runs.n - 1];
    const uint64_t slot = b->last_slot + steps;
    while (s->words.n - r->first_word <= slot >> 6) {
        if (!graph_words_add(&s->words, (struct graph_word){0}, b->budget,
                             err)) {
            return false;
        }
    }
    s->words.items[r->first_word + (slot >> 6)].bits |= UINT64_C(1)
                                                        << (slot & 63);
    r->n_objects++;
    r->extent_bytes = address - r->base + bytes;
    b->last_address = address;
    b->last_slot = slot;
    return graph_u32_add(&s->offsets, (uint32_t)(offset - r->file), b->budget,
                         err);
}

bool span_builder_put(struct span_builder *b, uint64_t address, uint64_t bytes,
                      uint64_t offset, struct err *err)
{
    return append(b, address, bytes, offset,
                  steps_to(b, address, bytes, offset), err);
}

bool span_builder_add(struct span_builder *b, const struct dump_memory *m,
                      struct err *err)
{
    const uint64_t address = m->address;
    const uint64_t bytes = m->length_bytes;
    uint64_t steps = steps_to(b, address, bytes, m->offset);
    if (steps == 0 || (address & ~PAGE_MASK) != b->page.begin) {
        if (!end_page(b, err)) {
            return false;
        }
        steps = b->has_run ? steps : 0;
    }
    if (bytes <= b->bitmap_max) {
        if (bytes != b->tail_bytes) {
            choose_tail(b, bytes);
        }
        page_add(b, m, steps);
    }
    return append(b, address, bytes, m->offset, steps, err);
}

bool span_builder_flush(struct span_builder *b, struct err *err)
{
    return end_page(b, err);
}
