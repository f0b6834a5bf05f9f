/*
 * Where a damaged dump makes sense again. Go ignores what write(2) returns,
 * so a full disk or a signal leaves holes of about 4 KiB anywhere. A place is
 * believed when several records in a row are such as Go writes: addresses in
 * the arena, sizes of classes, names that can be read.
 */
#include "heap/dump_record_private.h"

#include "base/banned.h"

enum {
    WANTED_RECORDS = 3, /* that hardly come about by chance */
    LAST_RECORDS = 2,   /* before an end: most of a cut segment is zeros, and
                           any of them would do for an end */
    PROBED_RECORDS = 64,
    NAME_BYTES_MAX = 4096,
    WAIT_BYTES_MAX = 64,
    DEPTH_MAX = 1 << 24,
    STATUS_MAX = 15,
    WORD = 8, /* all sizes of objects are multiples, on 32 bits as well */
};

static bool is_name(struct span s, size_t max)
{
    if (s.len > max) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char byte = (unsigned char)s.p[i];
        if (byte < ' ' || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_good_bucket(const struct heap_bucket *b)
{
    for (size_t i = 0; i < b->n_calls; i++) {
        if (!is_name(b->calls[i].function, NAME_BYTES_MAX) ||
            !is_name(b->calls[i].file, NAME_BYTES_MAX)) {
            return false;
        }
    }
    return b->n_calls > 0 && b->calls[0].function.len > 0 &&
           b->frees <= b->allocs;
}

/* What Go could have written, and what hardly anything else looks like. */
static bool is_strong(const struct dump_world *w, const struct dump_record *r)
{
    switch (r->tag) {
    case HEAP_TAG_DATA:
    case HEAP_TAG_BSS:
        return r->n_fields > 0;
    case HEAP_TAG_FRAME:
        return r->as.frame.function.len > 0;
    case HEAP_TAG_GOROUTINE:
        return r->as.goroutine.wait_reason.len > 0;
    case HEAP_TAG_TYPE:
        return r->as.type.name.len > 0;
    case HEAP_TAG_FINALIZER:
    case HEAP_TAG_QUEUED_FINALIZER:
    case HEAP_TAG_SAMPLE:
        return w->arena_start != w->arena_end;
    case HEAP_TAG_OBJECT:
    case HEAP_TAG_PARAMS:
    case HEAP_TAG_MEMSTATS:
    case HEAP_TAG_BUCKET:
        return true;
    default:
        return false;
    }
}

static bool is_plausible(const struct dump_world *w,
                         const struct dump_record *r)
{
    const struct heap_goroutine *g = &r->as.goroutine;
    switch (r->tag) {
    case HEAP_TAG_OBJECT:
        return r->memory.address % WORD == 0 &&
               r->memory.length_bytes % WORD == 0;
    case HEAP_TAG_FRAME:
        return is_name(r->as.frame.function, NAME_BYTES_MAX) &&
               r->as.frame.depth < DEPTH_MAX;
    case HEAP_TAG_GOROUTINE:
        return is_name(g->wait_reason, WAIT_BYTES_MAX) &&
               g->status <= STATUS_MAX;
    case HEAP_TAG_TYPE:
        return is_name(r->as.type.name, NAME_BYTES_MAX);
    case HEAP_TAG_FINALIZER:
    case HEAP_TAG_QUEUED_FINALIZER:
        return dump_in_arena(w, r->as.finalizer.object, 1);
    case HEAP_TAG_SAMPLE:
        return dump_in_arena(w, r->as.sample.address, 1);
    case HEAP_TAG_PARAMS:
        return is_name(r->as.params.arch, WAIT_BYTES_MAX) &&
               r->as.params.arch.len > 0;
    case HEAP_TAG_MEMSTATS:
        return r->as.memstats.frees <= r->as.memstats.mallocs &&
               r->as.memstats.heap_alloc <= r->as.memstats.sys;
    case HEAP_TAG_BUCKET:
        return is_good_bucket(&r->as.bucket);
    case HEAP_TAG_OTHER_ROOT:
        return is_name(r->as.other_root.description, NAME_BYTES_MAX);
    default:
        return true;
    }
}

static bool makes_sense(struct dump_world *w, const uint8_t *p,
                        const uint8_t *end)
{
    struct dump_cursor c = {p, end, false};
    unsigned n_strong = 0;
    for (unsigned i = 0; i < PROBED_RECORDS; i++) {
        struct dump_record r;
        w->n_steps++;
        if (!dump_record_read(&c, w, &r) || !is_plausible(w, &r)) {
            return false;
        }
        if (r.tag == HEAP_TAG_EOF) {
            return c.p == end && n_strong >= LAST_RECORDS;
        }
        n_strong += is_strong(w, &r) ? 1 : 0;
        if (n_strong == WANTED_RECORDS) {
            return true;
        }
    }
    return false;
}

const uint8_t *dump_resync(const struct dump_world *w, const uint8_t *from,
                           const uint8_t *end, uint64_t *work)
{
    struct dump_world probe = *w;
    probe.calls = (struct heap_calls){0};
    probe.n_steps = 0;
    const uint8_t *found = NULL;
    for (const uint8_t *p = from; p < end && !found; p++) {
        if (*p == HEAP_TAG_EOF || *p >= N_HEAP_TAGS) {
            continue;
        }
        if (makes_sense(&probe, p, end)) {
            found = p;
        }
        if (probe.n_steps > *work) {
            break;
        }
    }
    *work -= probe.n_steps < *work ? probe.n_steps : *work;
    heap_calls_release(&probe.calls);
    return found;
}
