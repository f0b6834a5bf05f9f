/*
 * Functions that head calls otherwise than base. A site that is renamed would
 * be one that is gone and one that is new, and the new one's growth all that
 * the old one ever held. As one site its growth is what was added: so a pair
 * that is wrong hides no more than what went away.
 *
 * A name is renamed when head has it and base nowhere has, base has the old one
 * and head nowhere has, and the change of the sources says so, or the stacks
 * do (diff_renames_found.c).
 */
#include "series/diff_renames_private.h"

#include "base/buf.h"
#include "base/sort.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char diff_renamed_by_patch[] = "patch";
const char diff_renamed_by_stacks[] = "stacks";

static bool nomem(const struct renames *r)
{
    return err_nomem(r->err, "comparing names");
}

static struct diff_layer *layer(const struct renames *r, int plane)
{
    return &r->diff->layers[plane];
}

bool renames_has(const struct renames *r, int plane)
{
    return layer(r, plane)->is_merged && layer(r, plane)->used[DIFF_BASE];
}

const struct stack_frame *renames_frame(const struct renames *r, int plane,
                                        uint32_t frame)
{
    return &layer(r, plane)->stacks.frames.items[frame];
}

/* --- which names are where --- */

/* Id of an identity, known from now on. */
static bool name_id(struct renames *r, struct span identity, uint32_t *id)
{
    if (!intern_add(&r->names, identity, id, r->err)) {
        return false;
    }
    const struct name_facts unknown = {.was = NAME_NONE};
    return *id < r->facts.n || names_facts_push(&r->facts, unknown) || nomem(r);
}

static bool learn_functions(struct renames *r, int plane)
{
    const struct stack_table *t = &layer(r, plane)->stacks;
    for (uint32_t func = 0; func < intern_count(&t->funcs); func++) {
        struct buf text = BUF_LIMIT(64 << 10);
        uint32_t id = 0;
        name_identity(&text, intern_span(&t->funcs, func));
        const bool ok = (buf_ok(&text) || nomem(r)) &&
                        name_id(r, buf_view(&text), &id) &&
                        (vec_u32_push(&r->ident[plane], id) || nomem(r));
        buf_release(&text);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static unsigned sides_of_row(const struct diff_layer *l, size_t row)
{
    unsigned sides = 0;
    for (int side = 0; side < N_DIFF_SIDES; side++) {
        const struct diff_group *g = l->used[side];
        if (g && row < g->rows.n &&
            (g->rows.items[row].value != 0 || g->rows.items[row].born != 0)) {
            sides |= side == DIFF_BASE ? ON_BASE : ON_HEAD;
        }
    }
    return sides;
}

/* Name of a function of a plane; every one has one. */
static uint32_t ident_of(const struct renames *r, int plane, uint32_t func)
{
    const struct vec_u32 *ident = &r->ident[plane];
    assert(ident->items != NULL && func < ident->n);
    return ident->items[func];
}

static void learn_frame(struct renames *r, int plane, uint32_t frame,
                        unsigned sides)
{
    const uint32_t func = renames_frame(r, plane, frame)->func;
    struct name_facts *f = &r->facts.items[ident_of(r, plane, func)];
    if (f->sides == 0 || !(f->sides & ON_HEAD)) {
        f->plane = (uint32_t)plane;
        f->frame = frame;
    }
    f->sides |= sides;
}

static void learn_stacks(struct renames *r, int plane)
{
    const struct stack_table *t = &layer(r, plane)->stacks;
    for (size_t row = 0; row < t->rows.n; row++) {
        const struct stack_row *s = &t->rows.items[row];
        const unsigned sides = sides_of_row(layer(r, plane), row);
        for (uint32_t i = 0; sides != 0 && i < s->n_locs; i++) {
            const struct stack_loc loc =
                t->locs.items[t->keys.items[s->key + i]];
            for (uint32_t k = 0; k < loc.n; k++) {
                learn_frame(r, plane, loc.first + k, sides);
            }
        }
    }
}

static bool learn_sites(struct renames *r, int plane)
{
    const struct diff_layer *l = layer(r, plane);
    const size_t n = (size_t)l->n_sites + 1;
    uint32_t *names = calloc(n, sizeof *names);
    uint32_t *frames = calloc(n, sizeof *frames);
    r->site_name[plane] = names;
    r->site_frame[plane] = frames;
    if (!names || !frames) {
        return nomem(r);
    }
    for (size_t id = 0; id < n; id++) {
        names[id] = NAME_NONE;
    }
    for (size_t row = 0; row < l->row_site.n; row++) {
        const uint32_t id = l->row_site.items[row];
        if (id != DIFF_NO_SITE && names[id] == NAME_NONE &&
            sides_of_row(l, row) != 0) {
            frames[id] = l->row_frame.items[row];
            names[id] =
                ident_of(r, plane, l->stacks.frames.items[frames[id]].func);
        }
    }
    return true;
}

static bool learn(struct renames *r)
{
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        if (!renames_has(r, plane)) {
            continue;
        }
        if (!learn_functions(r, plane) || !learn_sites(r, plane)) {
            return false;
        }
        learn_stacks(r, plane);
    }
    return true;
}

/* --- what the change says --- */

void renames_take(struct renames *r, uint32_t now, uint32_t old, const char *by)
{
    struct name_facts *to = &r->facts.items[now];
    struct name_facts *from = &r->facts.items[old];
    if (to->sides == ON_HEAD && to->was == NAME_NONE && !from->is_taken &&
        !(from->sides & ON_HEAD)) {
        to->was = old;
        to->by = by;
        from->is_taken = true;
    }
}

static bool ask(struct renames *r, uint32_t id)
{
    const struct diff_changes *c = &r->diff->changes;
    struct name_facts *f = &r->facts.items[id];
    const int plane = (int)f->plane;
    const struct diff_frame frame = diff_frame_at(
        r->diff, layer(r, plane), renames_frame(r, plane, f->frame));
    struct buf old = BUF_LIMIT(64 << 10);
    enum diff_naming naming = DIFF_NAME_UNSAID;
    uint32_t was = 0;
    bool ok = c->naming(c->ctx, &frame, &naming, &old, r->err) &&
              (buf_ok(&old) || nomem(r));
    f->is_own = naming == DIFF_NAME_NEW || naming == DIFF_NAME_KEPT;
    if (ok && naming == DIFF_NAME_CHANGED) {
        ok = name_id(r, buf_view(&old), &was);
        if (ok) {
            renames_take(r, id, was, diff_renamed_by_patch);
        }
    }
    buf_release(&old);
    return ok;
}

static bool ask_all(struct renames *r)
{
    const size_t n = r->facts.n;
    for (uint32_t id = 0; r->diff->changes.naming && id < n; id++) {
        if (r->facts.items[id].sides == ON_HEAD && !ask(r, id)) {
            return false;
        }
    }
    return true;
}

/* --- what follows --- */

/* Index by name of something of a plane, the first that has it. */
static uint32_t *by_name(const struct renames *r, const uint32_t *names,
                         size_t n)
{
    uint32_t *out = calloc(r->facts.n + 1, sizeof *out);
    for (size_t id = 0; out && id < r->facts.n; id++) {
        out[id] = NAME_NONE;
    }
    for (size_t i = n; out && i > 0; i--) {
        if (names[i - 1] != NAME_NONE) {
            out[names[i - 1]] = (uint32_t)(i - 1);
        }
    }
    return out;
}

/* Frames say what they were, and stacks are one under either name. */
static bool name_frames(struct renames *r, int plane)
{
    struct diff_layer *l = layer(r, plane);
    const struct vec_u32 *ident = &r->ident[plane];
    l->was = arena_new(&r->diff->arena, struct diff_was, ident->n + 1);
    l->func_as = arena_new(&r->diff->arena, uint32_t, ident->n + 1);
    uint32_t *first = by_name(r, ident->items, ident->n);
    bool ok = l->was && l->func_as && first;
    for (uint32_t func = 0; ok && func < ident->n; func++) {
        const struct name_facts *f = &r->facts.items[ident->items[func]];
        const uint32_t name = f->was != NAME_NONE ? f->was : ident->items[func];
        const bool is_either = f->was != NAME_NONE || f->is_taken;
        l->func_as[func] =
            is_either && first[name] != NAME_NONE ? first[name] : func;
        if (f->was != NAME_NONE) {
            l->was[func].is_unproven = f->unproven & 1U << plane;
            l->was[func].name =
                arena_strdup(&r->diff->arena, intern_span(&r->names, f->was));
            l->was[func].by = f->by;
            ok = l->was[func].name != NULL;
        }
    }
    free(first);
    return ok || nomem(r);
}

/* A pair that was made one, for the notes. */
struct renamed_site {
    uint32_t name;
    double level;
};
VEC_TYPE(renamed_sites, struct renamed_site)

/* Of a site that has this name. */
static uint32_t past_name(const struct renames *r, int plane, uint32_t name)
{
    const struct name_facts *f =
        name != NAME_NONE ? &r->facts.items[name] : NULL;
    return f && !(f->unproven & 1U << plane) ? f->was : NAME_NONE;
}

static bool join_sites(struct renames *r, int plane,
                       struct renamed_sites *joined)
{
    struct diff_layer *l = layer(r, plane);
    const uint32_t *names = r->site_name[plane];
    uint32_t *site_of = by_name(r, names, l->n_sites);
    uint32_t *to = calloc((size_t)l->n_sites + 1, sizeof *to);
    bool ok = (site_of && to) || nomem(r);
    for (uint32_t id = 0; ok && id < l->n_sites; id++) {
        to[id] = id;
    }
    for (uint32_t id = 0; ok && id < l->n_sites; id++) {
        const uint32_t was = past_name(r, plane, names[id]);
        const uint32_t old = was != NAME_NONE ? site_of[was] : NAME_NONE;
        if (old == NAME_NONE) {
            continue;
        }
        const struct renamed_site pair = {
            names[id], diff_site_mean(l->used[DIFF_BASE], old).value +
                           diff_site_mean(l->used[DIFF_HEAD], id).value};
        to[old > id ? old : id] = old < id ? old : id;
        ok = renamed_sites_push(joined, pair) || nomem(r);
    }
    if (ok) {
        diff_move_sites(l, to);
    }
    free(site_of);
    free(to);
    return ok;
}

static int by_level(const void *pa, const void *pb, const void *ctx)
{
    const struct renamed_site *a = pa;
    const struct renamed_site *b = pb;
    (void)ctx;
    if (a->level != b->level) {
        return a->level > b->level ? -1 : 1;
    }
    return (a->name > b->name) - (a->name < b->name);
}

static bool note(struct renames *r, const struct renamed_sites *joined)
{
    enum { SHOWN_MAX = 3 };
    struct arena *a = &r->diff->arena;
    bool ok = true;
    for (size_t i = 0; ok && i < joined->n && i < SHOWN_MAX; i++) {
        const uint32_t name = joined->items[i].name;
        const struct name_facts *f = &r->facts.items[name];
        ok = diff_note(r->diff,
                       arena_printf(a,
                                    "renamed, by the %s: %.400s of base is "
                                    "%.400s of head, and compared with it",
                                    f->by, intern_text(&r->names, f->was),
                                    intern_text(&r->names, name)),
                       r->err);
    }
    return ok && (joined->n <= SHOWN_MAX ||
                  diff_note(r->diff,
                            arena_printf(a, "%zu more sites were renamed",
                                         joined->n - SHOWN_MAX),
                            r->err));
}

/* Of several planes a name is told once. */
static void drop_twins(struct renamed_sites *joined)
{
    size_t n = 0;
    for (size_t i = 0; i < joined->n; i++) {
        bool is_told = false;
        for (size_t k = 0; k < n; k++) {
            is_told |= joined->items[k].name == joined->items[i].name;
        }
        if (!is_told) {
            joined->items[n++] = joined->items[i];
        }
    }
    joined->n = n;
}

static bool apply(struct renames *r)
{
    struct renamed_sites joined = {0};
    bool ok = true;
    for (int plane = 0; ok && plane < N_DIFF_PLANES; plane++) {
        if (renames_has(r, plane)) {
            ok = name_frames(r, plane) && join_sites(r, plane, &joined);
        }
    }
    if (ok) {
        sort_items(joined.items, joined.n, sizeof *joined.items, by_level,
                   NULL);
        drop_twins(&joined);
        ok = note(r, &joined);
    }
    renamed_sites_release(&joined);
    return ok;
}

static bool has_any(const struct renames *r)
{
    for (size_t id = 0; id < r->facts.n; id++) {
        if (r->facts.items[id].was != NAME_NONE) {
            return true;
        }
    }
    return false;
}

bool diff_join_renamed(struct series_diff *d, struct err *err)
{
    struct renames r = {.diff = d, .err = err};
    bool ok = learn(&r) && ask_all(&r) && renames_find(&r);
    ok = ok && (!has_any(&r) || apply(&r));
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        vec_u32_release(&r.ident[plane]);
        free(r.site_name[plane]);
        free(r.site_frame[plane]);
    }
    names_facts_release(&r.facts);
    intern_release(&r.names);
    return ok;
}

void series_diff_set_changes(struct series_diff *d,
                             const struct diff_changes *changes)
{
    d->changes = *changes;
}
