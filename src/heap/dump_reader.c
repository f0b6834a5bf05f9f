/*
 * Reads record after record and tells a visitor. Where a record cannot be
 * decoded, it looks for the next place that makes sense: behind the damage,
 * and in the contents just read, since a hole makes a record swallow the ones
 * after it.
 */
#include "heap/dump_reader.h"

#include "heap/dump_record_private.h"

#include "base/banned.h"

/* Steps the searches after damage may take for each byte of a dump. */
enum { WORK_PER_BYTE = 8 };

struct reading {
    struct dump_cursor cursor;
    struct dump_world world;
    const struct dump_visitor *v;
    struct dump_condition *condition;
    const uint8_t *retry;   /* after damage, search from here */
    const uint8_t *failure; /* the farthest; what is before is not read again */
    uint64_t work;
    bool has_ended;
};

bool dump_fields_next(struct dump_fields *f, uint64_t *offset)
{
    struct dump_cursor c = {f->p, f->end, false};
    const bool found = dump_field(&c, f->pointer_bytes, offset);
    f->p = found ? c.p : f->end;
    return found;
}

static bool tell_params(struct reading *r, const struct heap_params *p,
                        struct err *err)
{
    r->world.pointer_bytes = p->pointer_bytes;
    r->world.arena_start = p->arena_start;
    r->world.arena_end = p->arena_end;
    return !r->v->params || r->v->params(r->v->ctx, p, err);
}

static bool tell_rest(const struct dump_visitor *v, const struct dump_record *r,
                      struct err *err)
{
    switch (r->tag) {
    case HEAP_TAG_TYPE:
        return !v->type || v->type(v->ctx, &r->as.type, err);
    case HEAP_TAG_ITAB:
        return !v->itab || v->itab(v->ctx, &r->as.itab, err);
    case HEAP_TAG_FINALIZER:
    case HEAP_TAG_QUEUED_FINALIZER:
        return !v->finalizer ||
               v->finalizer(v->ctx, &r->as.finalizer,
                            r->tag == HEAP_TAG_QUEUED_FINALIZER, err);
    case HEAP_TAG_DEFER:
        return !v->defer || v->defer(v->ctx, &r->as.defer, err);
    case HEAP_TAG_PANIC:
        return !v->panic || v->panic(v->ctx, &r->as.panic, err);
    case HEAP_TAG_OTHER_ROOT:
        return !v->other_root ||
               v->other_root(v->ctx, r->as.other_root.description,
                             r->as.other_root.address, err);
    case HEAP_TAG_MEMSTATS:
        return !v->memstats || v->memstats(v->ctx, &r->as.memstats, err);
    case HEAP_TAG_BUCKET:
        return !v->bucket || v->bucket(v->ctx, &r->as.bucket, err);
    case HEAP_TAG_SAMPLE:
        return !v->sample || v->sample(v->ctx, &r->as.sample, err);
    default:
        return true;
    }
}

static bool tell(struct reading *reading, const struct dump_record *r,
                 struct err *err)
{
    const struct dump_visitor *v = reading->v;
    switch (r->tag) {
    case HEAP_TAG_OBJECT:
        return !v->object || v->object(v->ctx, &r->memory, err);
    case HEAP_TAG_PARAMS:
        return tell_params(reading, &r->as.params, err);
    case HEAP_TAG_DATA:
    case HEAP_TAG_BSS:
        return !v->data ||
               v->data(v->ctx, &r->memory, r->tag == HEAP_TAG_BSS, err);
    case HEAP_TAG_GOROUTINE:
        return !v->goroutine || v->goroutine(v->ctx, &r->as.goroutine, err);
    case HEAP_TAG_FRAME:
        return !v->frame || v->frame(v->ctx, &r->as.frame, &r->memory, err);
    default:
        return tell_rest(v, r, err);
    }
}

/* The record at `at` cannot be. Moves on to where records make sense; when
   there is no such place, to the end. */
static bool skip_damage(struct reading *r, const uint8_t *at, struct err *err)
{
    const uint8_t *end = r->cursor.end;
    const uint8_t *from = r->retry > r->failure ? r->retry : r->failure + 1;
    const uint8_t *next = dump_resync(&r->world, from, end, &r->work);
    r->failure = at > r->failure ? at : r->failure;
    if (!next) {
        r->cursor = (struct dump_cursor){end, end, false};
        r->condition->lost_bytes = (uint64_t)(end - at);
        return true;
    }
    const uint8_t *begin = at < next ? at : from;
    const uint64_t offset = (uint64_t)(begin - r->world.begin);
    const uint64_t lost_bytes = (uint64_t)(next - begin);
    if (r->condition->n_damaged == 0) {
        r->condition->first_damage = offset;
    }
    r->condition->n_damaged++;
    r->condition->damaged_bytes += lost_bytes;
    r->cursor = (struct dump_cursor){next, end, false};
    r->retry = next;
    return !r->v->damage || r->v->damage(r->v->ctx, offset, lost_bytes, err);
}

static bool read_one(struct reading *r, struct err *err)
{
    const uint8_t *at = r->cursor.p;
    struct dump_record record;
    if (!dump_record_read(&r->cursor, &r->world, &record)) {
        if (r->world.is_out_of_memory) {
            return err_nomem(err, "heap dump");
        }
        return skip_damage(r, at, err);
    }
    if (record.tag == HEAP_TAG_EOF) {
        r->has_ended = true;
        /* A hole can look like an end. */
        return r->cursor.p == r->cursor.end || skip_damage(r, at, err);
    }
    r->has_ended = false;
    r->condition->n_records++;
    /* Records with contents may have swallowed others. */
    const bool has_contents =
        record.tag == HEAP_TAG_OBJECT || record.tag == HEAP_TAG_FRAME ||
        record.tag == HEAP_TAG_DATA || record.tag == HEAP_TAG_BSS;
    r->retry =
        has_contents ? (const uint8_t *)record.memory.contents.p : r->cursor.p;
    return tell(r, &record, err);
}

bool dump_read(struct span bytes, const struct dump_visitor *v,
               struct dump_condition *out, struct err *err)
{
    *out = (struct dump_condition){0};
    if (!span_starts(bytes, HEAP_MAGIC)) {
        return err_set_at(err, ERR_UNKNOWN, 0, "not a heap dump");
    }
    const uint8_t *begin = (const uint8_t *)bytes.p;
    const uint8_t *first = begin + sizeof HEAP_MAGIC - 1;
    struct reading r = {
        .cursor = {first, begin + bytes.len, false},
        .world = {.begin = begin,     .pointer_bytes = 8        },
        .v = v,
        .condition = out,
        .retry = first,
        .failure = first,
        .work = (uint64_t)bytes.len * WORK_PER_BYTE,
    };
    bool ok = true;
    while (ok && r.cursor.p != r.cursor.end) {
        ok = read_one(&r, err);
    }
    out->is_truncated = !r.has_ended;
    heap_calls_release(&r.world.calls);
    return ok;
}
