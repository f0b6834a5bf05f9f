/*
 * Which type an object gets: of those that pointers say, the largest at its
 * begin. What is found waits a little in a ring, while what is known of the
 * object comes into the cache: objects are met in no order.
 */
#include "heap/heap_types_private.h"

#include "base/banned.h"

/* --- which of two types --- */

static uint64_t unit_of(struct heap_types *t, const struct typing *y)
{
    const bool is_opaque = y->scan == UINT32_MAX &&
                           (y->form == FORM_MAP || y->form == FORM_CHANNEL);
    return y->form == FORM_STRING_BYTES || is_opaque
               ? 1
               : types_plan(t, y->scan)->bytes;
}

static bool is_special(enum object_form form)
{
    return form != FORM_VALUE && form != FORM_ARRAY && form != FORM_PART;
}

/* Only a part of it, or that it may be an array, is known. */
static bool is_partial(const struct typing *y)
{
    return y->is_guess || y->form == FORM_PART;
}

bool types_is_unsure(const struct typing *y)
{
    return is_partial(y) || y->source <= TYPED_BY_SITE;
}

/* Headers say the type for sure, but not what it is used for. */
static bool says_more_than_header(const struct heap_types *t,
                                  const struct typing *now,
                                  const struct typing *before)
{
    if (is_special(before->form)) {
        return false;
    }
    return is_special(now->form) ||
           (now->form == FORM_ARRAY && now->type == before->type &&
            before->form == FORM_VALUE) ||
           (now->form == FORM_ARRAY && before->form == FORM_ARRAY &&
            types_bytes(t, now->type) == types_bytes(t, before->type) &&
            now->count > 0 && now->count < before->count);
}

static bool is_better(struct heap_types *t, const struct typing *now,
                      const struct typing *before)
{
    if (before->source == TYPED_NOT) {
        return true;
    }
    if (now->form == FORM_VALUE && before->is_guess &&
        before->form == FORM_ARRAY && now->type == before->type) {
        return false; /* its first element */
    }
    if (types_is_unsure(now) || types_is_unsure(before)) {
        return types_is_unsure(before) && !is_partial(now) &&
               (is_partial(before) || !types_is_unsure(now));
    }
    if (before->source == TYPED_BY_HEADER) {
        return says_more_than_header(t, now, before);
    }
    const uint64_t a = unit_of(t, now) * now->count;
    const uint64_t b = unit_of(t, before) * before->count;
    if (types_plan(t, before->type)->is_shape !=
        types_plan(t, now->type)->is_shape) {
        return types_plan(t, before->type)->is_shape ? a >= b : a > b;
    }
    if (a != b) {
        return a > b;
    }
    if (is_special(now->form) != is_special(before->form)) {
        return is_special(now->form);
    }
    return now->source > before->source;
}

/* --- objects --- */

bool types_push(struct heap_types *t, struct typing_items *list,
                struct typing_item item)
{
    if (!typing_items_push(list, item)) {
        t->is_out_of_memory = true;
        return false;
    }
    return true;
}

uint32_t types_saturated(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* A pointer to the begin. What has no pointers cannot be the type of what has
   some: bytes were taken for something else. */
static void point_begin(struct heap_types *t, const struct graph_run *run,
                        uint32_t object, const struct typing *typing)
{
    const uint64_t slot = run->bytes;
    struct typing now = *typing;
    const uint64_t unit = unit_of(t, &now);
    const unsigned header = types_header(t, object);
    const uint64_t room = slot > header ? slot - header : 0;
    const struct type_plan *plan = types_plan(t, now.scan);
    /* Which captures a closure has may be known badly; its function is. */
    if (unit == 0 || (unit > room && now.form != FORM_CLOSURE)) {
        return;
    }
    if (now.form != FORM_CLOSURE &&
        (now.form == FORM_MAP_BUCKETS || now.count > room / unit)) {
        now.count = room / unit;
    }
    if ((now.form == FORM_STRING_BYTES || !plan->has_pointers) &&
        types_has_edges(t, object)) {
        return;
    }
    if (types_is_known(t, object)) {
        const struct typing before = types_get(t, object);
        if (!is_better(t, &now, &before)) {
            return;
        }
        if (before.source == TYPED_BY_HEADER) {
            now.source = TYPED_BY_HEADER;
        }
    }
    types_set(t, object, &now);
    if (plan->n_steps > 0) {
        (void)types_push(
            t, &t->work,
            (struct typing_item){.at = header,
                                 .contents = types_contents(t, run, object),
                                 .object = object,
                                 .type = plan->whole,
                                 .count = types_saturated(now.count),
                                 .source = now.source});
    }
}

/* Pointers to a value at the begin, and to another of that type a whole number
   of values behind it: elements of one array, of which no slice is known. Small
   values without pointers share slots, and are no array for that. */
static bool is_element(struct heap_types *t, uint32_t object, uint64_t interior,
                       const struct typing *now)
{
    enum { SHARED_SLOT_BYTES = 16 };
    if (now->form != FORM_VALUE ||
        (heap_object_bytes(t->g, (object_id){object}) <= SHARED_SLOT_BYTES &&
         !types_has_edges(t, object))) {
        return false;
    }
    const struct typing first = types_get(t, object);
    const uint64_t unit = unit_of(t, now);
    return first.form == FORM_VALUE && first.type == now->type &&
           first.source != TYPED_BY_HEADER && unit > 0 &&
           (interior - types_header(t, object)) % unit == 0;
}

/* A pointer into the middle. Of a slice we take at first that the whole object
   is its array, see types_guess_arrays(). */
static void point_inside(struct heap_types *t, const struct graph_run *run,
                         uint32_t object, uint64_t interior,
                         const struct typing *typing)
{
    struct typing now = *typing;
    if (now.form == FORM_MAP_BUCKETS &&
        types_get(t, object).form == FORM_MAP_BUCKETS) {
        return;
    }
    if (!types_is_known(t, object)) {
        now.is_guess = now.form == FORM_ARRAY || now.form == FORM_STRING_BYTES;
        now.form = now.is_guess ? now.form : FORM_PART;
        now.type = now.form == FORM_PART ? now.scan : now.type;
        now.count = interior;
        if (now.form == FORM_PART && now.type == UINT32_MAX) {
            return;
        }
        types_set(t, object, &now);
    } else if (is_element(t, object, interior, &now)) {
        now.is_guess = true;
        now.form = FORM_ARRAY;
        now.count = interior;
        types_set(t, object, &now);
    }
    if (typing->scan != UINT32_MAX && types_plan(t, typing->scan)->n_steps) {
        (void)types_push(
            t, &t->later,
            (struct typing_item){.at = interior,
                                 .contents = types_contents(t, run, object),
                                 .object = object,
                                 .type = typing->scan,
                                 .count = types_saturated(typing->count),
                                 .source = typing->source});
    }
}

static void point_object(struct heap_types *t, const struct graph_run *run,
                         uint32_t object, uint64_t interior,
                         const struct typing *typing)
{
    if (interior == types_header(t, object)) {
        point_begin(t, run, object, typing);
    } else if (interior > types_header(t, object)) {
        point_inside(t, run, object, interior, typing);
    }
}

void types_point_object(struct heap_types *t, uint32_t object,
                        uint64_t interior, const struct typing *typing)
{
    point_object(t, graph_run_of(&t->g->spans, object), object, interior,
                 typing);
}

/* Into globals and stacks: only to follow it from there. */
static void point_elsewhere(struct heap_types *t, uint64_t address,
                            const struct typing *y)
{
    if (y->scan != UINT32_MAX && types_plan(t, y->scan)->n_steps > 0 &&
        types_is_memory(t, address)) {
        (void)types_push(
            t, &t->later,
            (struct typing_item){.at = address,
                                 .object = UINT32_MAX,
                                 .type = y->scan,
                                 .count = types_saturated(y->count),
                                 .source = y->source});
    }
}

/* --- the ring --- */

/* Each step of finding an object asks the memory for what the next one needs;
   a few others are done in between. */
enum { PAGE_AFTER = 6, RUN_AFTER = 12, OBJECT_AFTER = 24, CONTENTS_AFTER = 40 };

static struct types_pointed *at(struct heap_types *t, uint32_t i)
{
    return &t->pointed[i % TYPES_POINTED_MAX];
}

static const uint32_t *page_of(const struct graph_spans *s, uint64_t address)
{
    return s->pages && graph_may_hold(s, address)
               ? &s->pages[(address - s->low) >> GRAPH_PAGE_SHIFT]
               : NULL;
}

static void find_page(const struct heap_types *t, const struct types_pointed *p)
{
    const struct graph_spans *s = &t->g->spans;
    const uint32_t *page = page_of(s, p->address);
    if (page) {
        HEAP_PREFETCH(&s->runs.items[*page & ~GRAPH_PAGE_SHARED]);
    }
}

static void find_run(const struct heap_types *t, struct types_pointed *p)
{
    const struct graph_spans *s = &t->g->spans;
    if (!graph_may_hold(s, p->address)) {
        return;
    }
    const struct graph_run *r = &s->runs.items[graph_run_after(s, p->address)];
    const uint64_t offset = p->address - r->base;
    if (offset < r->extent_bytes) {
        const uint64_t slot = offset * r->mul >> r->shift;
        p->run = r;
        HEAP_PREFETCH(&s->words.items[r->first_word + (slot >> 6)]);
    }
}

/* Will pointers in it be followed? */
static bool is_followed(struct heap_types *t, const struct types_pointed *p)
{
    return p->typing.scan != UINT32_MAX &&
           types_plan(t, p->typing.scan)->n_steps > 0;
}

static void find_object(struct heap_types *t, struct types_pointed *p)
{
    const struct graph_spans *s = &t->g->spans;
    const struct graph_run *r = p->run;
    p->object =
        r ? graph_lookup_in(s, r, p->address, &p->interior) : UINT32_MAX;
    if (p->object == UINT32_MAX) {
        return;
    }
    HEAP_PREFETCH(&t->objects[p->object]);
    if (is_followed(t, p)) {
        HEAP_PREFETCH(
            &s->offsets.items[r->first_offset + (p->object - r->first_id)]);
    }
}

static void find_contents(struct heap_types *t, const struct types_pointed *p)
{
    if (p->object != UINT32_MAX && is_followed(t, p) &&
        !types_is_known(t, p->object)) {
        types_load(types_contents(t, p->run, p->object), p->interior);
    }
}

static void place(struct heap_types *t, const struct types_pointed *p)
{
    if (p->object == UINT32_MAX) {
        point_elsewhere(t, p->address, &p->typing);
    } else {
        point_object(t, p->run, p->object, p->interior, &p->typing);
    }
}

/* Takes each step for what has waited long enough: for as many others. */
static void move_on(struct heap_types *t)
{
    const uint32_t end = t->pointed_end;
    if (end - t->pointed_page > PAGE_AFTER) {
        find_page(t, at(t, t->pointed_page++));
    }
    if (end - t->pointed_run > RUN_AFTER) {
        find_run(t, at(t, t->pointed_run++));
    }
    if (end - t->pointed_object > OBJECT_AFTER) {
        find_object(t, at(t, t->pointed_object++));
    }
    if (end - t->pointed_contents > CONTENTS_AFTER) {
        find_contents(t, at(t, t->pointed_contents++));
    }
}

static void move_all(struct heap_types *t)
{
    const uint32_t end = t->pointed_end;
    while (t->pointed_page != end) {
        find_page(t, at(t, t->pointed_page++));
    }
    while (t->pointed_run != end) {
        find_run(t, at(t, t->pointed_run++));
    }
    while (t->pointed_object != end) {
        find_object(t, at(t, t->pointed_object++));
    }
    while (t->pointed_contents != end) {
        find_contents(t, at(t, t->pointed_contents++));
    }
}

bool types_place_next(struct heap_types *t)
{
    if (t->pointed_begin == t->pointed_end) {
        return false;
    }
    move_all(t);
    const struct types_pointed p = *at(t, t->pointed_begin++);
    place(t, &p);
    return true;
}

void types_forget_found(struct heap_types *t)
{
    t->pointed_begin = t->pointed_contents = t->pointed_end;
    t->pointed_object = t->pointed_run = t->pointed_end;
    t->pointed_page = t->pointed_end;
}

void types_found(struct heap_types *t, uint64_t address,
                 const struct typing *typing)
{
    if (t->pointed_end - t->pointed_begin == TYPES_POINTED_MAX) {
        place(t, at(t, t->pointed_begin));
        t->pointed_begin++;
    }
    const uint32_t *page = page_of(&t->g->spans, address);
    if (page) {
        HEAP_PREFETCH(page);
    }
    *at(t, t->pointed_end++) =
        (struct types_pointed){.address = address, .typing = *typing};
    move_on(t);
}
