/*
 * Renames that stacks alone show. A new leak that takes the place of one that
 * was deleted looks much like a renamed one: the same callers, the same sizes,
 * even the same line of a short function. So all of this is asked: the names
 * differ in one word; the file has the same name; most of what either site has
 * comes by the same callers and waits or allocates in the same way, at the same
 * lines counted from the beginning of the function, of which there are three at
 * least; the objects are of like sizes; the levels are within twice of each
 * other; and of either name there is one such partner, not two. With fewer
 * lines it is said to be renamed perhaps, and stays new.
 */
#include "series/diff_renames_private.h"

#include "base/buf.h"
#include "base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

/* How much of either site must be alike: few sampled objects make shares
   differ. And by how much levels may differ. */
static const double least_alike = 2.0 / 3;
static const double most_apart = 2;
enum { PLACES_MIN = 3 };

/* A site that is on one side alone, under a name that is too. */
struct lone_site {
    int plane;
    uint32_t site, name;
    unsigned sides; /* one of them */
    double level;
    uint32_t n_partners, partner;
    size_t n_places; /* lines that it has in common with the partner */
};
VEC_TYPE(lone_sites, struct lone_site)

/* Who could be whose partner: equal keys. */
struct lone_key {
    uint64_t key;
    uint32_t at; /* in `sites` */
    unsigned sides;
};
VEC_TYPE(lone_keys, struct lone_key)

struct finding_renames {
    struct renames *r;
    struct lone_sites sites;
    struct lone_keys keys;
    size_t n_notes;
};

static bool nomem(const struct finding_renames *f)
{
    return err_nomem(f->r->err, "comparing names");
}

static struct span text_of(const struct renames *r, uint32_t name)
{
    return intern_span(&r->names, name);
}

/* Two programs have nothing that was renamed, though they may be built of like
   parts. Of one program most names of the user's functions stay, whether or not
   they are sites. Few may all be what changed. */
static bool is_one_program(const struct renames *r)
{
    enum { NAMES_MIN = 5 };
    size_t n[4] = {0};
    for (size_t id = 0; id < r->facts.n; id++) {
        const struct name_facts *f = &r->facts.items[id];
        const int plane = (int)f->plane;
        if (f->sides != 0 &&
            diff_frame_origin(r->diff, &r->diff->layers[plane],
                              renames_frame(r, plane, f->frame)) <=
                ORIGIN_DEP) {
            n[f->sides]++;
        }
    }
    const size_t n_both = n[ON_BASE | ON_HEAD];
    const size_t n_least =
        n_both + (n[ON_BASE] < n[ON_HEAD] ? n[ON_BASE] : n[ON_HEAD]);
    return n_least < NAMES_MIN || 2 * n_both >= n_least;
}

/* --- which sites are lonely --- */

static bool add_site(struct finding_renames *f, int plane, uint32_t site)
{
    const struct renames *r = f->r;
    const struct diff_layer *l = &r->diff->layers[plane];
    const uint32_t name = r->site_name[plane][site];
    const struct name_facts *facts =
        name != NAME_NONE ? &r->facts.items[name] : NULL;
    if (!facts || (facts->sides != ON_BASE && facts->sides != ON_HEAD) ||
        facts->was != NAME_NONE || facts->is_taken || facts->is_declared ||
        diff_frame_origin(r->diff, l,
                          renames_frame(r, plane, r->site_frame[plane][site])) >
            ORIGIN_DEP) {
        return true;
    }
    const enum diff_side side = facts->sides == ON_BASE ? DIFF_BASE : DIFF_HEAD;
    const struct lone_site lone = {
        .plane = plane,
        .site = site,
        .name = name,
        .sides = facts->sides,
        .level = diff_site_mean(l->used[side], site).value};
    return lone.level <= 0 || lone_sites_push(&f->sites, lone) || nomem(f);
}

static bool add_keys(struct finding_renames *f, uint32_t at)
{
    const struct lone_site *s = &f->sites.items[at];
    const struct span name = text_of(f->r, s->name);
    bool ok = true;
    for (int part = NAME_CHANGE_PACKAGE; ok && part < NAME_CHANGE_PARTS_MAX;
         part++) {
        struct buf text = BUF_LIMIT(128 << 10);
        buf_printf(&text, "%d ", s->plane);
        const bool has_part = name_change_key(name, part, &text);
        ok = buf_ok(&text) || nomem(f);
        if (ok && has_part) {
            const struct lone_key key = {XXH3_64bits(text.data, text.len), at,
                                         s->sides};
            ok = lone_keys_push(&f->keys, key) || nomem(f);
        }
        buf_release(&text);
    }
    return ok;
}

static int by_key(const void *pa, const void *pb, const void *ctx)
{
    const struct lone_key *a = pa;
    const struct lone_key *b = pb;
    (void)ctx;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    if (a->sides != b->sides) {
        return a->sides < b->sides ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static bool find_lone(struct finding_renames *f)
{
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        const uint32_t n =
            renames_has(f->r, plane) ? f->r->diff->layers[plane].n_sites : 0;
        for (uint32_t site = 0; site < n; site++) {
            if (!add_site(f, plane, site)) {
                return false;
            }
        }
    }
    for (uint32_t at = 0; at < f->sites.n; at++) {
        if (!add_keys(f, at)) {
            return false;
        }
    }
    sort_items(f->keys.items, f->keys.n, sizeof *f->keys.items, by_key, NULL);
    return true;
}

/* --- are two alike? --- */

/* Of what a site has, how much is under each key. */
struct share {
    uint64_t key;
    double value;
};
VEC_TYPE(shares, struct share)

/* How one of two sites is read, so that both give the same keys. */
struct reading {
    const struct finding_renames *f;
    const struct lone_site *site;
    const struct name_change *change; /* of head; NULL base */
    uint32_t name;                    /* of the site in base */
    bool has_starts;     /* profiles say where functions begin (Go 1.21) */
    uint64_t first_line; /* where they do not: what lines count from */
};

/* Name of a frame as base has it. False: out of memory. */
static bool name_of(const struct reading *g, const struct stack_frame *frame,
                    uint32_t *out)
{
    const struct renames *r = g->f->r;
    const uint32_t name = r->ident[g->site->plane].items[frame->func];
    const struct name_facts *facts = &r->facts.items[name];
    struct buf old = BUF_LIMIT(64 << 10);
    *out = facts->was != NAME_NONE ? facts->was : name;
    if (g->change && facts->sides == ON_HEAD && facts->was == NAME_NONE &&
        name_change_undo(g->change, text_of(r, name), &old)) {
        if (!buf_ok(&old)) {
            buf_release(&old);
            return nomem(g->f);
        }
        (void)intern_find(&r->names, buf_view(&old), out);
    }
    buf_release(&old);
    return true;
}

static uint64_t mix(uint64_t h, uint64_t value)
{
    return XXH3_64bits_withSeed(&value, sizeof value, h);
}

/* The way to the site, and what is done there. Of its own frames the lines
   count, of its callers the names; the standard library between callers does
   not, since it is of another version perhaps. */
static bool key_of_row(const struct reading *g, uint32_t row, uint64_t *out,
                       uint64_t *place)
{
    const struct diff_layer *l = &g->f->r->diff->layers[g->site->plane];
    const struct stack_table *t = &l->stacks;
    const struct stack_row *s = &t->rows.items[row];
    bool is_inside = true;
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[s->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            const struct stack_frame *frame = &t->frames.items[loc.first + k];
            uint32_t name = 0;
            if (!is_inside &&
                diff_frame_origin(g->f->r->diff, l, frame) > ORIGIN_DEP) {
                continue;
            }
            if (!name_of(g, frame, &name)) {
                return false;
            }
            h = mix(h, name);
            if (name == g->name) {
                const uint64_t line =
                    (uint64_t)frame->line -
                    (g->has_starts ? frame->start_line : g->first_line);
                *place = is_inside ? line : *place;
                is_inside = false;
                h = mix(h, line);
            }
        }
    }
    *out = h;
    return true;
}

static int by_share(const void *pa, const void *pb, const void *ctx)
{
    const struct share *a = pa;
    const struct share *b = pb;
    (void)ctx;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return (a->value > b->value) - (a->value < b->value);
}

/* Sorted, one of each key, together 1. */
static void tidy(struct shares *s)
{
    size_t n = 0;
    double total = 0;
    sort_items(s->items, s->n, sizeof *s->items, by_share, NULL);
    for (size_t i = 0; i < s->n; i++) {
        total += s->items[i].value;
        if (n > 0 && s->items[n - 1].key == s->items[i].key) {
            s->items[n - 1].value += s->items[i].value;
        } else {
            s->items[n++] = s->items[i];
        }
    }
    s->n = n;
    for (size_t i = 0; i < n && total > 0; i++) {
        s->items[i].value /= total;
    }
}

/* What stacks and sizes a site has. */
struct looks {
    struct shares stacks, sizes, places;
};

static void looks_release(struct looks *l)
{
    shares_release(&l->stacks);
    shares_release(&l->sizes);
    shares_release(&l->places);
}

static double value_of_row(const struct diff_layer *l, unsigned sides,
                           size_t row)
{
    const struct diff_group *g =
        l->used[sides == ON_BASE ? DIFF_BASE : DIFF_HEAD];
    return row < g->rows.n ? g->rows.items[row].value : 0;
}

/* Lowest line of the site's function in a row, or `least`. */
static uint64_t first_line_of(const struct reading *g, uint32_t row,
                              uint64_t least)
{
    const enum diff_plane plane = g->site->plane;
    const struct stack_table *t = &g->f->r->diff->layers[plane].stacks;
    const struct stack_row *s = &t->rows.items[row];
    for (uint32_t i = 0; i < s->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[s->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            const struct stack_frame *frame = &t->frames.items[loc.first + k];
            if (g->f->r->ident[plane].items[frame->func] == g->site->name &&
                (uint64_t)frame->line < least) {
                least = (uint64_t)frame->line;
            }
        }
    }
    return least;
}

static void find_first_line(struct reading *g)
{
    const struct diff_layer *l = &g->f->r->diff->layers[g->site->plane];
    g->first_line = UINT64_MAX;
    for (uint32_t row = 0; row < l->row_site.n; row++) {
        if (l->row_site.items[row] == g->site->site &&
            value_of_row(l, g->site->sides, row) > 0) {
            g->first_line = first_line_of(g, row, g->first_line);
        }
    }
}

static bool look(const struct reading *g, struct looks *out)
{
    const struct diff_layer *l = &g->f->r->diff->layers[g->site->plane];
    for (uint32_t row = 0; row < l->row_site.n; row++) {
        const double value = value_of_row(l, g->site->sides, row);
        uint64_t key = 0;
        uint64_t place = 0;
        if (l->row_site.items[row] != g->site->site || value <= 0) {
            continue;
        }
        if (!key_of_row(g, row, &key, &place)) {
            return false;
        }
        const double size = (double)l->stacks.rows.items[row].block_bytes;
        const struct share stack = {key, value};
        const struct share sized = {(uint64_t)ilogb(size + 1), value};
        const struct share placed = {place, value};
        if (!shares_push(&out->stacks, stack) ||
            !shares_push(&out->places, placed) ||
            !shares_push(&out->sizes, sized)) {
            return nomem(g->f);
        }
    }
    tidy(&out->stacks);
    tidy(&out->sizes);
    tidy(&out->places);
    return true;
}

/* What both have, 0..1, and how many keys that is. */
static double alike(const struct shares *a, const struct shares *b, size_t *n)
{
    double sum = 0;
    *n = 0;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        if (a->items[i].key == b->items[k].key) {
            sum += fmin(a->items[i++].value, b->items[k++].value);
            (*n)++;
        } else if (a->items[i].key < b->items[k].key) {
            i++;
        } else {
            k++;
        }
    }
    return sum;
}

static const struct stack_frame *frame_of(const struct finding_renames *f,
                                          const struct lone_site *s)
{
    return renames_frame(f->r, s->plane, f->r->site_frame[s->plane][s->site]);
}

/* A function stays in its file; what a package or a type was renamed with may
   have gone to another. */
static bool has_same_file(const struct finding_renames *f,
                          const struct lone_site *old,
                          const struct lone_site *now,
                          const struct name_change *change)
{
    const struct intern *names = &f->r->diff->layers[now->plane].stacks.names;
    return change->part == NAME_CHANGE_PACKAGE || change->is_type ||
           span_eq(span_base_name(intern_span(names, frame_of(f, old)->file)),
                   span_base_name(intern_span(names, frame_of(f, now)->file)));
}

/* One of two readings of a pair each. */
static bool compare_looks(const struct reading *old, const struct reading *now,
                          bool *out, size_t *n_places)
{
    size_t n = 0;
    struct looks looks[2] = {0};
    const bool ok = look(old, &looks[0]) && look(now, &looks[1]);
    *out = ok && alike(&looks[0].stacks, &looks[1].stacks, &n) >= least_alike &&
           alike(&looks[0].sizes, &looks[1].sizes, &n) >= least_alike &&
           alike(&looks[0].places, &looks[1].places, n_places) >= least_alike;
    looks_release(&looks[0]);
    looks_release(&looks[1]);
    return ok;
}

static bool are_alike(const struct finding_renames *f,
                      const struct lone_site *old, const struct lone_site *now,
                      bool *out, size_t *n_places)
{
    struct name_change change;
    *out = false;
    if (!name_change_between(text_of(f->r, old->name), text_of(f->r, now->name),
                             &change) ||
        !has_same_file(f, old, now, &change)) {
        return true;
    }
    struct reading was = {.f = f,
                          .site = old,
                          .name = old->name,
                          .has_starts = frame_of(f, old)->start_line > 0 &&
                                        frame_of(f, now)->start_line > 0};
    struct reading is = was;
    is.site = now;
    is.change = &change;
    if (!compare_looks(&was, &is, out, n_places)) {
        return false;
    }
    if (*out || was.has_starts) {
        return true;
    }
    /* Lines moved, or it is another function: no evidence, but worth a word. */
    find_first_line(&was);
    find_first_line(&is);
    const bool ok = compare_looks(&was, &is, out, n_places);
    *n_places = 0;
    return ok;
}

/* --- who is whose partner --- */

static bool pair_group(struct finding_renames *f, size_t start, size_t middle,
                       size_t end)
{
    /* More of one word that is free: nothing that could be told apart. */
    enum { PAIRS_MAX = 4096 };
    if ((middle - start) * (end - middle) > PAIRS_MAX) {
        return true;
    }
    for (size_t i = start; i < middle; i++) {
        for (size_t k = middle; k < end; k++) {
            struct lone_site *old = &f->sites.items[f->keys.items[i].at];
            struct lone_site *now = &f->sites.items[f->keys.items[k].at];
            bool is_pair = false;
            size_t n_places = 0;
            if (!are_alike(f, old, now, &is_pair, &n_places)) {
                return false;
            }
            if (is_pair) {
                old->n_partners++;
                now->n_partners++;
                now->partner = f->keys.items[i].at;
                now->n_places = n_places;
            }
        }
    }
    return true;
}

static bool pair_all(struct finding_renames *f)
{
    const struct lone_key *keys = f->keys.items;
    size_t end = 0;
    for (size_t start = 0; start < f->keys.n; start = end) {
        size_t middle = start;
        while (middle < f->keys.n && keys[middle].key == keys[start].key &&
               keys[middle].sides == ON_BASE) {
            middle++;
        }
        end = middle;
        while (end < f->keys.n && keys[end].key == keys[start].key) {
            end++;
        }
        if (!pair_group(f, start, middle, end)) {
            return false;
        }
    }
    return true;
}

/* --- what is taken --- */

/* The same word is in other names: methods of a type, what is in a package,
   closures. */
static bool take_others(struct finding_renames *f,
                        const struct name_change *change)
{
    struct renames *r = f->r;
    for (uint32_t id = 0; id < r->facts.n; id++) {
        struct buf old = BUF_LIMIT(64 << 10);
        uint32_t was = 0;
        if (r->facts.items[id].sides == ON_HEAD &&
            !r->facts.items[id].is_declared &&
            name_change_undo(change, text_of(r, id), &old)) {
            if (!buf_ok(&old)) {
                buf_release(&old);
                return nomem(f);
            }
            if (intern_find(&r->names, buf_view(&old), &was) &&
                r->facts.items[was].sides == ON_BASE) {
                renames_take(r, id, was, diff_renamed_by_stacks);
            }
        }
        buf_release(&old);
    }
    return true;
}

/* For those that are large enough to count: 16 sampled objects, or goroutines,
   are the least that stand out of noise. */
static bool note_perhaps(struct finding_renames *f, const struct lone_site *old,
                         const struct lone_site *now)
{
    enum { SAMPLED_MIN = 16, NOTES_MAX = 3 };
    struct series_diff *d = f->r->diff;
    const struct diff_sum sum =
        diff_site_mean(d->layers[now->plane].used[DIFF_HEAD], now->site);
    const double n = now->plane == DIFF_HEAP ? sum.sampled : sum.value;
    if (n < SAMPLED_MIN || f->n_notes++ >= NOTES_MAX) {
        return true;
    }
    return diff_note(
        d,
        arena_printf(&d->arena,
                     "perhaps renamed: %.400s of base is gone, and %.400s of "
                     "head is called alike and holds as much; --patch or --rev "
                     "would tell",
                     intern_text(&f->r->names, old->name),
                     intern_text(&f->r->names, now->name)),
        f->r->err);
}

static bool take(struct finding_renames *f)
{
    for (size_t i = 0; i < f->sites.n; i++) {
        const struct lone_site *now = &f->sites.items[i];
        if (now->sides != ON_HEAD || now->n_partners != 1) {
            continue;
        }
        const struct lone_site *old = &f->sites.items[now->partner];
        struct name_change change;
        if (old->n_partners != 1 || old->level > most_apart * now->level ||
            now->level > most_apart * old->level) {
            continue;
        }
        if (now->n_places < PLACES_MIN) {
            if (!note_perhaps(f, old, now)) {
                return false;
            }
            continue;
        }
        (void)name_change_between(text_of(f->r, old->name),
                                  text_of(f->r, now->name), &change);
        if (!take_others(f, &change)) {
            return false;
        }
    }
    return true;
}

bool renames_find(struct renames *r)
{
    struct finding_renames f = {.r = r};
    if (!is_one_program(r)) {
        return true;
    }
    const bool ok = find_lone(&f) && pair_all(&f) && take(&f);
    lone_sites_release(&f.sites);
    lone_keys_release(&f.keys);
    return ok;
}
