/*
 * From counts to objects: entries are laid out one after the other in spans
 * of their size class, so members of an entry are neighbours in time as they
 * were when they were allocated. Everything hangs on a global or a goroutine,
 * or is a cycle with finalizers; what a scenario leaves open hangs on
 * main.retained.
 */
#include "sim/image_build_private.h"

#include <string.h>

#include "base/banned.h"

enum { WORD = 8, LARGEST_SMALL = 32768, HEADER_FROM = 512, HELD_BY_FRAME = 12 };

/* --- memory --- */

void sim_image_set(struct sim_image *im, uint64_t address, uint64_t value)
{
    const struct sim_word word = {address, value};
    if (value != 0 && !sim_words_push(&im->words, word)) {
        im->has_failed = true;
    }
}

uint32_t sim_image_mask(struct sim_image *im, uint64_t first, uint64_t stride,
                        uint64_t n)
{
    const struct sim_mask mask = {(uint32_t)im->offsets.n, (uint32_t)n};
    for (uint64_t i = 0; i < n; i++) {
        im->has_failed =
            im->has_failed ||
            !vec_u32_push(&im->offsets, (uint32_t)(first + i * stride));
    }
    im->has_failed = im->has_failed || !sim_masks_push(&im->masks, mask);
    return (uint32_t)im->masks.n - 1;
}

uint32_t sim_tail_bytes(enum sim_go go, uint64_t slot_bytes, bool is_scanned)
{
    if (go < SIM_GO_1_23 || slot_bytes > HEADER_FROM) {
        return 0;
    }
    /* Go 1.22 put the bitmap there; 1.26 marks objects of 16 bytes and more
       there, with pointers or without. */
    const uint32_t bitmap = is_scanned ? SIM_PAGE / 64 : 0;
    const uint32_t marks =
        go >= SIM_GO_1_26 && slot_bytes >= 16 ? SIM_PAGE / 64 : 0;
    return bitmap + marks;
}

/* As few pages as leave at most an eighth of a span unused. */
static uint64_t span_bytes(uint64_t slot_bytes)
{
    uint64_t bytes = SIM_PAGE;
    while (bytes < slot_bytes || bytes % slot_bytes > bytes / 8) {
        bytes += SIM_PAGE;
    }
    return bytes;
}

static struct sim_span *span_for(struct sim_image *im, uint64_t bytes,
                                 bool is_scanned)
{
    for (size_t i = 0; i < im->spans.n; i++) {
        struct sim_span *s = &im->spans.items[i];
        if (s->bytes == bytes && s->is_scanned == is_scanned) {
            return s;
        }
    }
    const struct sim_span fresh = {.bytes = bytes, .is_scanned = is_scanned};
    if (!sim_spans_push(&im->spans, fresh)) {
        im->has_failed = true;
        return NULL;
    }
    return &im->spans.items[im->spans.n - 1];
}

static uint64_t take_slot(struct sim_image *im, uint64_t bytes, bool is_scanned)
{
    if (bytes > LARGEST_SMALL) {
        const uint64_t at = im->next_page;
        im->next_page += (bytes + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE;
        return at;
    }
    struct sim_span *s = span_for(im, bytes, is_scanned);
    if (!s) {
        return 0;
    }
    if (s->next + bytes > s->end) {
        const uint64_t all = span_bytes(bytes);
        const uint64_t tail =
            sim_tail_bytes(im->world->options.go, bytes, is_scanned);
        s->next = im->next_page;
        s->end = s->next + all - tail;
        im->next_page += all;
    }
    const uint64_t at = s->next;
    s->next += bytes;
    return at;
}

uint64_t sim_image_object(struct sim_image *im, uint64_t bytes, uint32_t mask,
                          uint32_t bucket)
{
    const uint64_t slot = take_slot(im, bytes, mask != 0);
    const struct sim_object_at o = {slot, bytes, mask, bucket, false};
    im->has_failed = im->has_failed || !sim_objects_push(&im->objects, o);
    if (bucket == SIM_NONE) {
        im->extra_bytes += bytes;
        im->n_extra++;
    } else if (bucket < im->allocated.n) {
        im->allocated.items[bucket]++;
    }
    return slot;
}

void sim_image_header(struct sim_image *im, uint64_t type)
{
    if (im->objects.n > 0) {
        struct sim_object_at *last = &im->objects.items[im->objects.n - 1];
        last->has_header = true;
        sim_image_set(im, last->slot, type);
    }
}

uint64_t sim_image_array(struct sim_image *im, const uint64_t *pointers,
                         uint64_t n)
{
    uint64_t header = 0;
    uint64_t bytes = sim_size_class(n * WORD);
    if (im->world->options.go >= SIM_GO_1_23 && n * WORD > HEADER_FROM &&
        n * WORD <= LARGEST_SMALL - WORD) {
        header = WORD;
        bytes = sim_size_class(n * WORD + header);
    }
    if (im->array_mask == 0 || im->array_mask_n != n) {
        im->array_mask = sim_image_mask(im, header, WORD, n);
        im->array_mask_n = (uint32_t)n;
    }
    const uint64_t slot = sim_image_object(im, bytes, im->array_mask, SIM_NONE);
    if (header) {
        sim_image_header(im, im->layout.pointer_type);
    }
    for (uint64_t i = 0; i < n; i++) {
        sim_image_set(im, slot + header + i * WORD, pointers[i]);
    }
    return slot + header;
}

/* --- entries --- */

static uint32_t mask_of_look(struct sim_image *im, const struct sim_look *look)
{
    if (look->type == SIM_NONE) {
        return 0;
    }
    const struct sim_type *t = &im->layout.types.items[look->type];
    const struct sim_mask mask = {(uint32_t)im->offsets.n, 0};
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct sim_field *f =
            &im->layout.fields.items[t->first_field + i];
        const struct sim_go_kind kind = sim_go_kind_of(f->type);
        if (kind.pointer_offset != SIM_NONE) {
            im->has_failed =
                im->has_failed ||
                !vec_u32_push(&im->offsets, look->header_bytes + f->offset +
                                                kind.pointer_offset);
        }
    }
    struct sim_mask done = mask;
    done.n = (uint32_t)im->offsets.n - mask.first;
    im->has_failed = im->has_failed || !sim_masks_push(&im->masks, done);
    return (uint32_t)im->masks.n - 1;
}

/* The objects of one entry: member m has at[first[m]] ... */
struct entry {
    const struct sim_population *p;
    const struct sim_look *looks;
    struct vec_u64 at; /* where their values start, past headers */
    size_t first[SIM_MEMBERS_MAX + 1];
};

static void note_finalizer(struct sim_image *im, const struct sim_look *look,
                           uint64_t address)
{
    const struct sim_finalized f = {address, look->finalizer};
    if (look->finalizer != SIM_NONE) {
        im->has_failed =
            im->has_failed || !sim_finalized_list_push(&im->finalized, f);
    }
}

static void allocate_entry(struct sim_image *im, size_t population,
                           struct entry *e, uint64_t index)
{
    const struct sim_population *p = e->p;
    e->at.n = 0;
    for (unsigned m = 0; m < p->spec.n_members; m++) {
        const struct sim_look *look = &e->looks[m];
        const uint32_t mask =
            im->look_masks.items[population * SIM_MEMBERS_MAX + m];
        const uint64_t bytes = im->world->buckets.items[p->buckets[m]].bytes;
        e->first[m] = e->at.n;
        for (uint32_t i = 0; i < p->spec.members[m].count; i++) {
            const uint64_t slot =
                sim_image_object(im, bytes, mask, p->buckets[m]);
            if (look->type != SIM_NONE) {
                const struct sim_type *t = &im->layout.types.items[look->type];
                const struct sim_field *f =
                    &im->layout.fields.items[t->first_field];
                if (look->header_bytes) {
                    sim_image_header(im, t->address);
                }
                if (t->n_fields > 0 && strcmp(f->name, "ID") == 0) {
                    sim_image_set(im, slot + look->header_bytes, index + 1);
                }
            }
            im->has_failed = im->has_failed ||
                             !vec_u64_push(&e->at, slot + look->header_bytes);
            note_finalizer(im, look, slot + look->header_bytes);
        }
    }
    e->first[p->spec.n_members] = e->at.n;
}

/* The words around a pointer, by what kind of field it is. */
static void set_pointer(struct sim_image *im, uint64_t field,
                        const struct sim_look *look, uint64_t child,
                        uint64_t length)
{
    sim_image_set(im, field, child);
    switch (look->held_kind) {
    case SIM_GO_SLICE:
        sim_image_set(im, field + 2 * (uint64_t)WORD, length);
        sim_image_set(im, field + WORD, length);
        break;
    case SIM_GO_STRING:
        sim_image_set(im, field + WORD, length);
        break;
    case SIM_GO_INTERFACE:
        sim_image_set(im, field - WORD, look->dynamic_type);
        break;
    default:
        break;
    }
}

static void orphan(struct sim_image *im, uint64_t address)
{
    im->has_failed = im->has_failed || !vec_u64_push(&im->orphans, address);
}

/* Objects with finalizers point back to parents that have some. */
static void set_owners(struct sim_image *im, const struct entry *e,
                       unsigned member)
{
    const struct sim_member *of = &e->p->spec.members[member];
    const struct sim_look *look = &e->looks[member];
    if (look->owner_offset == SIM_NONE || im->has_failed) {
        return;
    }
    const uint64_t *own = e->at.items + e->first[member];
    const uint64_t *parents = e->at.items + e->first[of->parent];
    const uint32_t n_parents = e->p->spec.members[of->parent].count;
    for (uint32_t i = 0; i < n_parents; i++) {
        const uint64_t from =
            look->is_spread ? (uint64_t)of->count * i / n_parents : i;
        const uint64_t to = look->is_spread
                                ? (uint64_t)of->count * (i + 1) / n_parents
                                : i + UINT64_C(1);
        for (uint64_t k = from; k < to && k < of->count; k++) {
            sim_image_set(im, own[k] + look->owner_offset, parents[i]);
        }
    }
}

static void link_member(struct sim_image *im, const struct entry *e,
                        unsigned member)
{
    const struct sim_member *of = &e->p->spec.members[member];
    const struct sim_look *look = &e->looks[member];
    const uint64_t *own = e->at.items ? e->at.items + e->first[member] : NULL;
    if (own && look->held_offset == SIM_NONE) {
        for (uint32_t i = 0; i < of->count; i++) {
            orphan(im, own[i]);
        }
        return;
    }
    if (!own) {
        return; /* out of memory */
    }
    const uint64_t *parents = e->at.items + e->first[of->parent];
    const uint32_t n_parents = e->p->spec.members[of->parent].count;
    for (uint32_t i = 0; i < n_parents; i++) {
        const uint64_t from = (uint64_t)of->count * i / n_parents;
        const uint64_t to = (uint64_t)of->count * (i + 1) / n_parents;
        const uint64_t field = parents[i] + look->held_offset;
        if (look->is_spread) {
            const uint64_t n = to - from;
            set_pointer(im, field, look, sim_image_array(im, own + from, n), n);
        } else if (i < of->count) {
            set_pointer(im, field, look, own[i], of->bytes);
        }
    }
}

/* Roots of an entry: all but the first are held apart when there is a
   container. */
static void note_roots(struct sim_image *im, const struct entry *e,
                       struct vec_u64 *roots)
{
    for (unsigned m = 0; m < e->p->spec.n_members; m++) {
        const struct sim_member *of = &e->p->spec.members[m];
        for (uint32_t i = 0; of->parent < 0 && i < of->count; i++) {
            im->has_failed = im->has_failed ||
                             !vec_u64_push(roots, e->at.items[e->first[m] + i]);
        }
    }
}

static unsigned roots_per_entry(const struct sim_population *p)
{
    unsigned n = 0;
    for (unsigned m = 0; m < p->spec.n_members; m++) {
        n += p->spec.members[m].parent < 0 ? p->spec.members[m].count : 0;
    }
    return n;
}

/* Appends the roots of all entries to im->held. */
static void build_entries(struct sim_image *im, size_t population)
{
    struct entry e = {.p = &im->world->populations.items[population],
                      .looks = sim_layout_look(&im->layout, population, 0)};
    im->held_by[population] =
        (struct sim_held){im->held.n, roots_per_entry(e.p)};
    for (uint64_t i = 0; i < e.p->n && !im->has_failed; i++) {
        allocate_entry(im, population, &e, i);
        for (unsigned m = 0; m < e.p->spec.n_members && !im->has_failed; m++) {
            if (e.p->spec.members[m].parent >= 0) {
                link_member(im, &e, m);
                set_owners(im, &e, m);
            }
        }
        note_roots(im, &e, &im->held);
    }
    vec_u64_release(&e.at);
}

/* --- holders --- */

/* Bytes of keys, when the second root of an entry are such. */
static bool has_keys(const struct sim_population *p)
{
    return p->spec.container.kind == SIM_MAP &&
           p->spec.container.key_bytes == 2 * WORD && p->spec.n_members > 1 &&
           p->spec.members[0].count == 1 && p->spec.members[1].parent < 0 &&
           !p->spec.members[1].type;
}

/* First roots and keys of all entries, one each; the others are orphans. */
static void split_roots(struct sim_image *im, size_t population,
                        struct vec_u64 *roots, struct vec_u64 *keys)
{
    const struct sim_population *p = &im->world->populations.items[population];
    const struct sim_held *h = &im->held_by[population];
    for (uint64_t i = 0; i < p->n && !im->has_failed; i++) {
        for (unsigned k = 0; k < h->per_entry; k++) {
            const uint64_t at = im->held.items[h->first + i * h->per_entry + k];
            bool ok = true;
            if (k == 0) {
                ok = vec_u64_push(roots, at);
            } else if (k == 1 && has_keys(p)) {
                ok = vec_u64_push(keys, at);
            } else {
                ok = vec_u64_push(&im->orphans, at);
            }
            im->has_failed = im->has_failed || !ok;
        }
    }
}

static void set_global(struct sim_image *im, uint32_t global, uint32_t part,
                       uint64_t head, uint64_t length)
{
    const struct sim_global *g = &im->layout.globals.items[global];
    const uint64_t slot = sim_global_slot(g, part);
    sim_image_set(im, slot, head);
    if (g->part_bytes == 3 * WORD) {
        sim_image_set(im, slot + WORD, length);
        sim_image_set(im, slot + 2 * (uint64_t)WORD, length);
    } else if (g->part_bytes == 2 * WORD && g->pointer_offset == WORD) {
        sim_image_set(im, slot - WORD, head ? im->layout.pointer_type : 0);
    }
}

static void hold_population(struct sim_image *im, size_t i)
{
    const struct sim_holding *h = &im->layout.holdings[i];
    const struct sim_population *p = &im->world->populations.items[i];
    struct vec_u64 roots = {0};
    struct vec_u64 keys = {0};
    if (!h->is_by_own && h->global != SIM_NONE) {
        split_roots(im, i, &roots, &keys);
        const uint64_t head =
            im->has_failed
                ? 0
                : sim_image_container(im, i, roots.n ? roots.items : NULL,
                                      keys.n ? keys.items : NULL);
        const bool has_goroutine =
            h->population != SIM_NONE &&
            im->world->populations.items[h->population].n > 0;
        if (has_goroutine) {
            im->heads.items[i] = head;
        } else {
            set_global(im, h->global, h->part, head, p->n);
        }
    }
    vec_u64_release(&roots);
    vec_u64_release(&keys);
}

/* --- what the runtime has --- */

static void build_gs(struct sim_image *im)
{
    enum { PANIC = 32, N_FIRST = 3 };
    const uint32_t bucket = im->world->malg_bucket;
    if (bucket == SIM_NONE) {
        return;
    }
    const struct sim_bucket *b = &im->world->buckets.items[bucket];
    const uint32_t mask = sim_image_mask(im, PANIC, WORD, N_FIRST);
    const uint64_t n = b->live;
    for (uint64_t i = 0; i < n && !im->has_failed; i++) {
        im->has_failed = !vec_u64_push(
            &im->gs, sim_image_object(im, b->bytes, mask, bucket));
    }
    if (im->gs.n > 0 && !im->has_failed) {
        set_global(im, im->layout.all_gs, 0,
                   sim_image_array(im, im->gs.items, im->gs.n), im->gs.n);
    }
}

/* One for each goroutine that waits on a channel; 0 for the others. */
static void build_sudogs(struct sim_image *im)
{
    enum { SUDOG_POINTERS = 4 };
    const uint32_t mask = sim_image_mask(im, 0, WORD, SUDOG_POINTERS);
    size_t g_index = 0;
    for (size_t i = 0; i < im->world->populations.n; i++) {
        const struct sim_population *p = &im->world->populations.items[i];
        for (uint64_t k = 0; k < p->n * p->spec.n_goroutines; k++) {
            const uint32_t bucket = p->sudog_buckets[k % p->spec.n_goroutines];
            uint64_t at = 0;
            if (bucket != SIM_NONE) {
                at = sim_image_object(
                    im, im->world->buckets.items[bucket].bytes, mask, bucket);
                sim_image_set(im, at,
                              g_index < im->gs.n ? im->gs.items[g_index] : 0);
            }
            g_index++;
            im->has_failed = im->has_failed || !vec_u64_push(&im->sudogs, at);
        }
    }
}

/* What is live in a bucket and belongs to no population. */
static bool build_rest(struct sim_image *im, struct err *err)
{
    for (size_t i = 0; i < im->world->buckets.n; i++) {
        const struct sim_bucket *b = &im->world->buckets.items[i];
        if (im->allocated.items[i] > b->live) {
            return err_set(err, ERR_INTERNAL,
                           "bucket %zu has fewer live objects than entries", i);
        }
        while (im->allocated.items[i] < b->live && !im->has_failed) {
            orphan(im, sim_image_object(im, b->bytes, 0, (uint32_t)i));
        }
    }
    return true;
}

/* --- all --- */

static bool prepare(struct sim_image *im)
{
    const size_t n = im->world->populations.n;
    const struct sim_mask none = {0, 0};
    im->held_by = arena_new(&im->layout.arena, struct sim_held, n + 1);
    if (!im->held_by || !sim_masks_push(&im->masks, none)) {
        return false;
    }
    for (size_t i = 0; i < im->world->buckets.n; i++) {
        if (!vec_u64_push(&im->allocated, 0)) {
            return false;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!vec_u64_push(&im->heads, 0)) {
            return false;
        }
        for (unsigned m = 0; m < SIM_MEMBERS_MAX; m++) {
            const struct sim_look *look = sim_layout_look(&im->layout, i, m);
            if (!vec_u32_push(&im->look_masks, mask_of_look(im, look))) {
                return false;
            }
        }
    }
    im->next_page = SIM_ARENA;
    return !im->has_failed;
}

static bool build(struct sim_image *im, struct err *err)
{
    if (!prepare(im)) {
        return err_nomem(err, "the heap of a simulated process");
    }
    for (size_t i = 0; i < im->world->populations.n; i++) {
        build_entries(im, i);
    }
    for (size_t i = 0; i < im->world->populations.n; i++) {
        hold_population(im, i);
    }
    build_gs(im);
    build_sudogs(im);
    if (!build_rest(im, err)) {
        return false;
    }
    if (im->orphans.n > 0 && !im->has_failed) {
        set_global(im, im->layout.rest, 0,
                   sim_image_array(im, im->orphans.items, im->orphans.n),
                   im->orphans.n);
    }
    return !im->has_failed || err_nomem(err, "the heap of a simulated process");
}

bool sim_image_make(struct sim_image *im, struct sim_world *w, struct err *err)
{
    *im = (struct sim_image){.world = w};
    if (!sim_image_functions(w, err) || !sim_layout_make(&im->layout, w, err)) {
        return false;
    }
    if (!build(im, err)) {
        sim_image_release(im);
        return false;
    }
    return true;
}

void sim_image_release(struct sim_image *im)
{
    sim_words_release(&im->words);
    sim_masks_release(&im->masks);
    vec_u32_release(&im->offsets);
    sim_objects_release(&im->objects);
    sim_spans_release(&im->spans);
    vec_u32_release(&im->look_masks);
    vec_u64_release(&im->held);
    vec_u64_release(&im->orphans);
    sim_finalized_list_release(&im->finalized);
    vec_u64_release(&im->gs);
    vec_u64_release(&im->sudogs);
    vec_u64_release(&im->heads);
    vec_u64_release(&im->allocated);
    sim_layout_release(&im->layout);
}
