/*
 * Renames that stacks alone show. A new leak that takes the place of one that
 * was deleted looks much like a renamed one: the same callers, the same sizes,
 * even the same line of a short function. So all of this is asked: the names
 * differ in one word; the file has the same name; most of what either site has
 * comes by the same callers and waits or allocates in the same way, at the same
 * lines counted from the beginning of the function, of which there are three at
 * least; the objects are of like sizes; the levels are within twice of each
 * other; and of either name there is one such partner, not two. With fewer
 * lines it is said to be renamed perhaps, and stays new. Once a word is known
 * to have changed, other names with it are known too; but what they hold is
 * compared only where it looks alike by itself, in however few lines.
 */
#include "series/diff_renames_private.h"

#include "base/buf.h"
#include "base/sort.h"

#include <stdlib.h>
#include <xxhash.h>

enum { PLACES_MIN = 3 };

VEC_TYPE(lone_sites, struct lone_site)
VEC_TYPE(name_changes, struct name_change)

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
    struct site_looks looks;
    uint32_t *site_of[N_DIFF_PLANES]; /* in `sites`, of each name; NAME_NONE */
    struct name_changes changes;      /* that pairs have shown, each once */
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
        facts->was != NAME_NONE || facts->is_taken || facts->is_own ||
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

static bool index_lone(struct finding_renames *f)
{
    const size_t n = f->r->facts.n;
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        f->site_of[plane] = calloc(n + 1, sizeof *f->site_of[plane]);
        if (!f->site_of[plane]) {
            return nomem(f);
        }
        for (size_t name = 0; name < n; name++) {
            f->site_of[plane][name] = NAME_NONE;
        }
    }
    for (uint32_t at = 0; at < f->sites.n; at++) {
        const struct lone_site *s = &f->sites.items[at];
        f->site_of[s->plane][s->name] = at;
    }
    return true;
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
    return index_lone(f);
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
            if (!site_looks_compare(&f->looks, old, now, &is_pair, &n_places)) {
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

/* Does what either name has on this plane belong together? */
static bool is_proven_on(struct finding_renames *f, int plane, uint32_t old,
                         uint32_t now, bool *out)
{
    const uint32_t past = f->site_of[plane][old];
    const uint32_t present = f->site_of[plane][now];
    size_t n_places = 0;
    *out = present == NAME_NONE;
    if (past == NAME_NONE || present == NAME_NONE) {
        return true;
    }
    const struct lone_site *a = &f->sites.items[past];
    const struct lone_site *b = &f->sites.items[present];
    if (!site_looks_compare(&f->looks, a, b, out, &n_places)) {
        return false;
    }
    *out = *out && n_places > 0 && name_change_keeps_level(a->level, b->level);
    return true;
}

/* A site is one with another by what it looks like itself, not by the looks of
   others whose names changed alike. */
static bool take_name(struct finding_renames *f, uint32_t old, uint32_t now)
{
    struct renames *r = f->r;
    struct name_facts *to = &r->facts.items[now];
    renames_take(r, now, old, diff_renamed_by_stacks);
    if (to->was != old || to->by != diff_renamed_by_stacks) {
        return true;
    }
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        bool is_proven = false;
        if (!is_proven_on(f, plane, old, now, &is_proven)) {
            return false;
        }
        to->unproven |= is_proven ? 0 : 1U << plane;
    }
    return true;
}

/* The same word is in other names: methods of a type, what is in a package,
   closures. */
static bool take_other(struct finding_renames *f, uint32_t id,
                       const struct name_change *change)
{
    const struct renames *r = f->r;
    struct buf old = BUF_LIMIT(64 << 10);
    uint32_t was = 0;
    bool ok = true;
    if (name_change_undo(change, text_of(r, id), &old)) {
        ok = buf_ok(&old) || nomem(f);
        if (ok && intern_find(&r->names, buf_view(&old), &was) &&
            r->facts.items[was].sides == ON_BASE) {
            ok = take_name(f, was, id);
        }
    }
    buf_release(&old);
    return ok;
}

static bool take_others(struct finding_renames *f)
{
    const struct renames *r = f->r;
    for (uint32_t id = 0; id < r->facts.n; id++) {
        const struct name_facts *facts = &r->facts.items[id];
        for (size_t i = 0; i < f->changes.n && facts->sides == ON_HEAD &&
                           facts->was == NAME_NONE && !facts->is_own;
             i++) {
            if (!take_other(f, id, &f->changes.items[i])) {
                return false;
            }
        }
    }
    return true;
}

static bool is_same_change(const struct name_change *a,
                           const struct name_change *b)
{
    return a->part == b->part && a->is_type == b->is_type &&
           span_eq(a->package, b->package) && span_eq(a->before, b->before) &&
           span_eq(a->old, b->old) && span_eq(a->now, b->now);
}

/* Beyond so many words the names that they are in keep them: each would be
   looked for in all names. */
static bool add_change(struct finding_renames *f,
                       const struct name_change *change)
{
    enum { CHANGES_MAX = 256 };
    for (size_t i = 0; i < f->changes.n; i++) {
        if (is_same_change(&f->changes.items[i], change)) {
            return true;
        }
    }
    return f->changes.n >= CHANGES_MAX ||
           name_changes_push(&f->changes, *change) || nomem(f);
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

/* NULL: none, or more than one that could be it. */
static const struct lone_site *partner_of(const struct finding_renames *f,
                                          const struct lone_site *now)
{
    if (now->sides != ON_HEAD || now->n_partners != 1) {
        return NULL;
    }
    const struct lone_site *old = &f->sites.items[now->partner];
    return old->n_partners == 1 &&
                   name_change_keeps_level(old->level, now->level)
               ? old
               : NULL;
}

static bool take_pair(struct finding_renames *f, const struct lone_site *old,
                      const struct lone_site *now)
{
    struct name_change change;
    if (now->n_places < PLACES_MIN) {
        return note_perhaps(f, old, now);
    }
    return !name_change_between(text_of(f->r, old->name),
                                text_of(f->r, now->name), &change) ||
           (take_name(f, old->name, now->name) && add_change(f, &change));
}

static bool take(struct finding_renames *f)
{
    if (f->looks.is_cut) {
        return diff_note(f->r->diff,
                         "too many names differ to find what was renamed by "
                         "the stacks; --patch or --rev would tell",
                         f->r->err);
    }
    for (size_t i = 0; i < f->sites.n; i++) {
        const struct lone_site *now = &f->sites.items[i];
        const struct lone_site *old = partner_of(f, now);
        if (old && !take_pair(f, old, now)) {
            return false;
        }
    }
    return take_others(f);
}

bool renames_find(struct renames *r)
{
    struct finding_renames f = {.r = r};
    if (!is_one_program(r)) {
        return true;
    }
    const bool ok = site_looks_init(&f.looks, r) && find_lone(&f) &&
                    pair_all(&f) && take(&f);
    site_looks_release(&f.looks);
    lone_sites_release(&f.sites);
    lone_keys_release(&f.keys);
    name_changes_release(&f.changes);
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        free(f.site_of[plane]);
    }
    return ok;
}
