/* Decodes the records of heap.h, one function each. */
#include "heap/dump_record_private.h"

#include <string.h>

#include "base/banned.h"

/* --- contents --- */

static void read_contents(struct dump_cursor *c, const struct dump_world *w,
                          struct dump_memory *m)
{
    m->length_bytes = dump_varint(c);
    m->offset = (uint64_t)(c->p - w->begin);
    m->contents = dump_take(c, heap_present_bytes(m->length_bytes));
}

/* Lists of objects and segments come from bitmaps: offsets ascend and lie
   inside. Those of frames are two lists in a row, and a frame that was
   interrupted while it was made may have offsets outside. */
static void read_fields(struct dump_cursor *c, struct dump_world *w,
                        bool is_frame, struct dump_record *r)
{
    struct dump_memory *m = &r->memory;
    const uint8_t *begin = c->p;
    uint64_t least = 0;
    uint64_t offset = 0;
    uint64_t n = 0;
    while (dump_field(c, w->pointer_bytes, &offset)) {
        if (!is_frame && (offset < least || offset >= m->length_bytes)) {
            dump_fail(c);
            break;
        }
        least = offset + 1;
        n++;
    }
    m->fields = (struct span){(const char *)begin, (size_t)(c->p - begin)};
    r->n_fields = n;
    w->n_steps += n + 1;
}

static void read_object(struct dump_cursor *c, struct dump_world *w,
                        struct dump_record *r)
{
    struct dump_memory *m = &r->memory;
    m->address = dump_varint(c);
    read_contents(c, w, m);
    if (m->length_bytes == 0 ||
        !dump_in_arena(w, m->address, m->length_bytes)) {
        dump_fail(c);
        return;
    }
    read_fields(c, w, false, r);
}

static void read_segment(struct dump_cursor *c, struct dump_world *w,
                         struct dump_record *r)
{
    r->memory.address = dump_varint(c);
    read_contents(c, w, &r->memory);
    if (r->memory.length_bytes > UINT64_MAX - r->memory.address) {
        dump_fail(c);
        return;
    }
    read_fields(c, w, false, r);
}

static void read_frame(struct dump_cursor *c, struct dump_world *w,
                       struct dump_record *r)
{
    struct heap_frame *f = &r->as.frame;
    f->sp = dump_varint(c);
    f->depth = dump_varint(c);
    f->child_sp = dump_varint(c);
    r->memory.address = f->sp;
    read_contents(c, w, &r->memory);
    f->bytes = r->memory.length_bytes;
    f->entry = dump_varint(c);
    f->pc = dump_varint(c);
    f->continue_pc = dump_varint(c);
    f->function = dump_text(c);
    read_fields(c, w, true, r);
}

/* --- the others --- */

static void read_params(struct dump_cursor *c, struct heap_params *p)
{
    const uint64_t order = dump_varint(c);
    const uint64_t pointer_bytes = dump_varint(c);
    p->is_big_endian = order != 0;
    p->pointer_bytes = (unsigned)(pointer_bytes & 0xf);
    p->arena_start = dump_varint(c);
    p->arena_end = dump_varint(c);
    p->arch = dump_text(c);
    p->build = dump_text(c);
    p->n_cpu = dump_varint(c);
    if (order > 1 || (pointer_bytes != 4 && pointer_bytes != 8) ||
        p->arena_end < p->arena_start) {
        dump_fail(c);
    }
}

static void read_type(struct dump_cursor *c, struct heap_type *t)
{
    t->address = dump_varint(c);
    t->bytes = dump_varint(c);
    t->name = dump_text(c);
    t->is_indirect = dump_varint(c) != 0;
}

static void read_goroutine(struct dump_cursor *c, struct heap_goroutine *g)
{
    g->address = dump_varint(c);
    g->sp = dump_varint(c);
    g->goid = dump_varint(c);
    g->creator_pc = dump_varint(c);
    g->status = dump_varint(c);
    g->is_system = dump_varint(c) != 0;
    g->is_background = dump_varint(c) != 0;
    g->wait_since_ns = dump_varint(c);
    g->wait_reason = dump_text(c);
    g->context = dump_varint(c);
    g->m = dump_varint(c);
    g->first_defer = dump_varint(c);
    g->first_panic = dump_varint(c);
}

static void read_finalizer(struct dump_cursor *c, struct heap_finalizer *f)
{
    f->object = dump_varint(c);
    f->closure = dump_varint(c);
    f->pc = dump_varint(c);
    f->argument_type = dump_varint(c);
    f->object_type = dump_varint(c);
}

static void read_defer(struct dump_cursor *c, struct heap_defer *d)
{
    d->address = dump_varint(c);
    d->goroutine = dump_varint(c);
    d->sp = dump_varint(c);
    d->pc = dump_varint(c);
    d->closure = dump_varint(c);
    d->entry = dump_varint(c);
    d->link = dump_varint(c);
}

static void read_panic(struct dump_cursor *c, struct heap_panic *p)
{
    p->address = dump_varint(c);
    p->goroutine = dump_varint(c);
    p->argument_type = dump_varint(c);
    p->argument = dump_varint(c);
    (void)dump_varint(c); /* the defer that recovers, up to Go 1.21 */
    p->link = dump_varint(c);
}

static void read_memstats(struct dump_cursor *c, struct heap_memstats *m)
{
#define X(name) m->name = dump_varint(c);
    HEAP_MEMSTATS(X)
#undef X
    for (size_t i = 0; i < HEAP_PAUSES; i++) {
        m->pause_ns[i] = dump_varint(c);
    }
    m->num_gc = dump_varint(c);
}

static void read_bucket(struct dump_cursor *c, struct dump_world *w,
                        struct heap_bucket *b)
{
    b->id = dump_varint(c);
    b->object_bytes = dump_varint(c);
    const uint64_t n_calls = dump_varint(c);
    w->calls.n = 0;
    for (uint64_t i = 0; i < n_calls && !c->has_failed; i++) {
        struct heap_call call = {0};
        call.function = dump_text(c);
        call.file = dump_text(c);
        call.line = dump_varint(c);
        if (!c->has_failed && !heap_calls_push(&w->calls, call)) {
            w->is_out_of_memory = true;
            dump_fail(c);
        }
    }
    w->n_steps += w->calls.n;
    b->calls = w->calls.items;
    b->n_calls = w->calls.n;
    b->allocs = dump_varint(c);
    b->frees = dump_varint(c);
}

static void read_rest(struct dump_cursor *c, struct dump_record *r)
{
    if (r->tag == HEAP_TAG_ITAB) {
        r->as.itab.address = dump_varint(c);
        r->as.itab.type = dump_varint(c);
    } else if (r->tag == HEAP_TAG_OS_THREAD) {
        r->as.os_thread.address = dump_varint(c);
        r->as.os_thread.id = dump_varint(c);
        r->as.os_thread.os_id = dump_varint(c);
    } else if (r->tag == HEAP_TAG_OTHER_ROOT) {
        r->as.other_root.description = dump_text(c);
        r->as.other_root.address = dump_varint(c);
    } else if (r->tag == HEAP_TAG_SAMPLE) {
        r->as.sample.address = dump_varint(c);
        r->as.sample.bucket = dump_varint(c);
    } else if (r->tag != HEAP_TAG_EOF) {
        dump_fail(c);
    }
}

bool dump_record_read(struct dump_cursor *c, struct dump_world *w,
                      struct dump_record *r)
{
    r->tag = dump_varint(c);
    switch (c->has_failed ? N_HEAP_TAGS : r->tag) {
    case HEAP_TAG_OBJECT:
        read_object(c, w, r);
        break;
    case HEAP_TAG_TYPE:
        read_type(c, &r->as.type);
        break;
    case HEAP_TAG_GOROUTINE:
        read_goroutine(c, &r->as.goroutine);
        break;
    case HEAP_TAG_FRAME:
        read_frame(c, w, r);
        break;
    case HEAP_TAG_PARAMS:
        read_params(c, &r->as.params);
        break;
    case HEAP_TAG_FINALIZER:
    case HEAP_TAG_QUEUED_FINALIZER:
        read_finalizer(c, &r->as.finalizer);
        break;
    case HEAP_TAG_MEMSTATS:
        read_memstats(c, &r->as.memstats);
        break;
    case HEAP_TAG_DATA:
    case HEAP_TAG_BSS:
        read_segment(c, w, r);
        break;
    case HEAP_TAG_DEFER:
        read_defer(c, &r->as.defer);
        break;
    case HEAP_TAG_PANIC:
        read_panic(c, &r->as.panic);
        break;
    case HEAP_TAG_BUCKET:
        read_bucket(c, w, &r->as.bucket);
        break;
    default:
        read_rest(c, r);
        break;
    }
    return !c->has_failed;
}
