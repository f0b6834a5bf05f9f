/*
 * The byte layout of heap dumps. Every integer outside of contents is a
 * varint; contents are in the order of bytes of the dumped process. A small
 * state (`phase`) catches calls out of order, since a dump with contents of
 * the wrong length cannot be read by anyone.
 */
#include "heap/dump_writer.h"

#include "heap/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { BLOCK_BYTES = 256 << 10, VARINT_MAX = 10 };

enum phase { AT_START, BETWEEN, IN_CONTENTS, IN_FIELDS };

struct dump_writer {
    struct sink out;
    struct err err;
    uint64_t passed_bytes;          /* to the sink */
    uint64_t left_bytes;            /* of contents still to come */
    uint64_t room_bytes;            /* of them that Go would write */
    const struct heap_frame *frame; /* whose tail follows its contents */
    enum phase phase;
    bool has_failed;
    bool is_big_endian;
    unsigned pointer_bytes;
    size_t n;
    uint8_t block[BLOCK_BYTES];
};

struct dump_writer *dump_writer_new(const struct sink *out)
{
    struct dump_writer *w = malloc(sizeof *w);
    if (!w) {
        return NULL;
    }
    memset(w, 0, offsetof(struct dump_writer, block));
    w->out = *out;
    w->pointer_bytes = 8;
    return w;
}

void dump_writer_free(struct dump_writer *w)
{
    free(w);
}

bool dump_writer_ok(const struct dump_writer *w)
{
    return !w->has_failed;
}

uint64_t dump_writer_total(const struct dump_writer *w)
{
    return w->passed_bytes + w->n;
}

/* --- bytes --- */

static void pass(struct dump_writer *w, const uint8_t *p, size_t n)
{
    if (w->has_failed || n == 0) {
        return;
    }
    if (!w->out.write(w->out.ctx, p, n, &w->err)) {
        w->has_failed = true;
        return;
    }
    w->passed_bytes += n;
}

static void flush(struct dump_writer *w)
{
    pass(w, w->block, w->n);
    w->n = 0;
}

static void put(struct dump_writer *w, const void *p, size_t n)
{
    if (n > BLOCK_BYTES - w->n) {
        flush(w);
        if (n > BLOCK_BYTES) {
            pass(w, p, n);
            return;
        }
    }
    if (n) {
        memcpy(w->block + w->n, p, n);
        w->n += n;
    }
}

static void put_varint(struct dump_writer *w, uint64_t v)
{
    if (BLOCK_BYTES - w->n < VARINT_MAX) {
        flush(w);
    }
    uint8_t *p = w->block + w->n;
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    w->n = (size_t)(p - w->block);
}

static void put_varints(struct dump_writer *w, const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_varint(w, v[i]);
    }
}

static void put_text(struct dump_writer *w, struct span s)
{
    put_varint(w, s.len);
    put(w, s.p, s.len);
}

static void misuse(struct dump_writer *w, const char *what)
{
    if (!w->has_failed) {
        w->has_failed = true;
        (void)err_set(&w->err, ERR_INTERNAL, "heap dump: %s", what);
    }
}

static void begin(struct dump_writer *w, enum heap_tag tag)
{
    if (w->phase != BETWEEN) {
        misuse(w, w->phase == AT_START ? "no params at the start"
                                       : "a record inside of another");
    }
    put_varint(w, tag);
}

static void put_record(struct dump_writer *w, enum heap_tag tag,
                       const uint64_t *v, size_t n)
{
    begin(w, tag);
    put_varints(w, v, n);
}

/* --- records without contents --- */

void dump_writer_params(struct dump_writer *w, const struct heap_params *p)
{
    if (w->phase == AT_START) {
        put(w, HEAP_MAGIC, sizeof HEAP_MAGIC - 1);
        w->phase = BETWEEN;
    }
    w->is_big_endian = p->is_big_endian;
    w->pointer_bytes = p->pointer_bytes;
    const uint64_t head[] = {p->is_big_endian, p->pointer_bytes, p->arena_start,
                             p->arena_end};
    put_record(w, HEAP_TAG_PARAMS, head, 4);
    put_text(w, p->arch);
    put_text(w, p->build);
    put_varint(w, p->n_cpu);
}

void dump_writer_type(struct dump_writer *w, const struct heap_type *t)
{
    const uint64_t head[] = {t->address, t->bytes};
    put_record(w, HEAP_TAG_TYPE, head, 2);
    put_text(w, t->name);
    put_varint(w, t->is_indirect);
}

void dump_writer_itab(struct dump_writer *w, const struct heap_itab *i)
{
    const uint64_t body[] = {i->address, i->type};
    put_record(w, HEAP_TAG_ITAB, body, 2);
}

void dump_writer_other_root(struct dump_writer *w, const char *description,
                            uint64_t address)
{
    begin(w, HEAP_TAG_OTHER_ROOT);
    put_text(w, span_of(description));
    put_varint(w, address);
}

void dump_writer_goroutine(struct dump_writer *w,
                           const struct heap_goroutine *g)
{
    const uint64_t head[] = {g->address,       g->sp,           g->goid,
                             g->creator_pc,    g->status,       g->is_system,
                             g->is_background, g->wait_since_ns};
    put_record(w, HEAP_TAG_GOROUTINE, head, 8);
    put_text(w, g->wait_reason);
    const uint64_t tail[] = {g->context, g->m, g->first_defer, g->first_panic};
    put_varints(w, tail, 4);
}

void dump_writer_finalizer(struct dump_writer *w,
                           const struct heap_finalizer *f, bool is_queued)
{
    const uint64_t body[] = {f->object, f->closure, f->pc, f->argument_type,
                             f->object_type};
    put_record(w, is_queued ? HEAP_TAG_QUEUED_FINALIZER : HEAP_TAG_FINALIZER,
               body, 5);
}

void dump_writer_os_thread(struct dump_writer *w,
                           const struct heap_os_thread *t)
{
    const uint64_t body[] = {t->address, t->id, t->os_id};
    put_record(w, HEAP_TAG_OS_THREAD, body, 3);
}

void dump_writer_defer(struct dump_writer *w, const struct heap_defer *d)
{
    const uint64_t body[] = {d->address, d->goroutine, d->sp,  d->pc,
                             d->closure, d->entry,     d->link};
    put_record(w, HEAP_TAG_DEFER, body, 7);
}

void dump_writer_panic(struct dump_writer *w, const struct heap_panic *p)
{
    /* The zero was the deferred call, which Go records no longer. */
    const uint64_t body[] = {
        p->address, p->goroutine, p->argument_type, p->argument, 0, p->link};
    put_record(w, HEAP_TAG_PANIC, body, 6);
}

void dump_writer_memstats(struct dump_writer *w, const struct heap_memstats *m)
{
    const uint64_t head[] = {
#define X(name) m->name,
        HEAP_MEMSTATS(X)
#undef X
    };
    put_record(w, HEAP_TAG_MEMSTATS, head, sizeof head / sizeof head[0]);
    put_varints(w, m->pause_ns, HEAP_PAUSES);
    put_varint(w, m->num_gc);
}

void dump_writer_bucket(struct dump_writer *w, const struct heap_bucket *b)
{
    const uint64_t head[] = {b->id, b->object_bytes, b->n_calls};
    put_record(w, HEAP_TAG_BUCKET, head, 3);
    for (size_t i = 0; i < b->n_calls; i++) {
        put_text(w, b->calls[i].function);
        put_text(w, b->calls[i].file);
        put_varint(w, b->calls[i].line);
    }
    const uint64_t tail[] = {b->allocs, b->frees};
    put_varints(w, tail, 2);
}

void dump_writer_sample(struct dump_writer *w, const struct heap_sample *s)
{
    const uint64_t body[] = {s->address, s->bucket};
    put_record(w, HEAP_TAG_SAMPLE, body, 2);
}

/* --- records with contents --- */

static void finish_contents(struct dump_writer *w)
{
    const struct heap_frame *f = w->frame;
    w->frame = NULL;
    w->phase = IN_FIELDS;
    if (f) {
        const uint64_t tail[] = {f->entry, f->pc, f->continue_pc};
        put_varints(w, tail, 3);
        put_text(w, f->function);
    }
}

static void begin_contents(struct dump_writer *w, uint64_t bytes)
{
    put_varint(w, bytes);
    w->left_bytes = bytes;
    w->room_bytes = heap_present_bytes(bytes);
    w->phase = IN_CONTENTS;
    if (bytes == 0) {
        finish_contents(w);
    }
}

static void begin_memory(struct dump_writer *w, enum heap_tag tag,
                         uint64_t address, uint64_t bytes)
{
    put_record(w, tag, &address, 1);
    begin_contents(w, bytes);
}

void dump_writer_object(struct dump_writer *w, uint64_t address, uint64_t bytes)
{
    begin_memory(w, HEAP_TAG_OBJECT, address, bytes);
}

void dump_writer_data(struct dump_writer *w, uint64_t address, uint64_t bytes)
{
    begin_memory(w, HEAP_TAG_DATA, address, bytes);
}

void dump_writer_bss(struct dump_writer *w, uint64_t address, uint64_t bytes)
{
    begin_memory(w, HEAP_TAG_BSS, address, bytes);
}

void dump_writer_frame(struct dump_writer *w, const struct heap_frame *f)
{
    const uint64_t head[] = {f->sp, f->depth, f->child_sp};
    put_record(w, HEAP_TAG_FRAME, head, 3);
    w->frame = f;
    begin_contents(w, f->bytes);
}

/* How many of `n` bytes of contents are written; counts all of them. */
static uint64_t take_contents(struct dump_writer *w, uint64_t n)
{
    if (w->phase != IN_CONTENTS || n > w->left_bytes) {
        misuse(w, "more contents than said");
        return 0;
    }
    const uint64_t present = n < w->room_bytes ? n : w->room_bytes;
    w->left_bytes -= n;
    w->room_bytes -= present;
    return present;
}

static void give_contents(struct dump_writer *w, const void *p, uint64_t n)
{
    if (n == 0) {
        return;
    }
    put(w, p, (size_t)take_contents(w, n));
    if (w->left_bytes == 0 && !w->has_failed) {
        finish_contents(w);
    }
}

void dump_writer_bytes(struct dump_writer *w, const void *p, uint64_t n)
{
    give_contents(w, p, n);
}

void dump_writer_zeros(struct dump_writer *w, uint64_t n)
{
    static const uint8_t zeros[4096];
    if (n == 0) {
        return;
    }
    uint64_t present = take_contents(w, n);
    while (present > 0 && !w->has_failed) {
        const size_t step =
            present < sizeof zeros ? (size_t)present : sizeof zeros;
        put(w, zeros, step);
        present -= step;
    }
    if (w->left_bytes == 0 && !w->has_failed) {
        finish_contents(w);
    }
}

void dump_writer_number(struct dump_writer *w, uint64_t value, unsigned bytes)
{
    uint8_t b[8];
    assert(bytes <= sizeof(b));
    for (unsigned i = 0; i < bytes; i++) {
        const unsigned at = w->is_big_endian ? bytes - 1 - i : i;
        b[at] = (uint8_t)(value >> (8 * i));
    }
    give_contents(w, b, bytes);
}

void dump_writer_word(struct dump_writer *w, uint64_t value)
{
    dump_writer_number(w, value, w->pointer_bytes);
}

void dump_writer_field(struct dump_writer *w, uint64_t offset)
{
    if (w->phase != IN_FIELDS) {
        misuse(w, "a field outside of a record or before its contents");
    }
    put_varint(w, HEAP_FIELD_POINTER);
    put_varint(w, offset);
}

void dump_writer_close(struct dump_writer *w)
{
    if (w->phase != IN_FIELDS) {
        misuse(w, "contents shorter than said");
    }
    put_varint(w, HEAP_FIELD_END);
    w->phase = BETWEEN;
}

/* --- the end --- */

bool dump_writer_cut(struct dump_writer *w, struct err *err)
{
    flush(w);
    if (w->has_failed) {
        if (err) {
            *err = w->err;
        }
        return false;
    }
    return w->out.end(w->out.ctx, err);
}

bool dump_writer_end(struct dump_writer *w, struct err *err)
{
    begin(w, HEAP_TAG_EOF);
    return dump_writer_cut(w, err);
}
