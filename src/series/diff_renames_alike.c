/*
 * Do two sites look like one function under two names? What each has comes by
 * stacks, from lines of the function and in sizes; two thirds of either must be
 * alike, since few sampled objects make shares differ. Names count as they were
 * before the word changed. A large change has many pairs: what all of them cost
 * is bounded.
 */
#include "series/diff_renames_private.h"

#include "base/buf.h"
#include "base/sort.h"

#include <math.h>
#include <xxhash.h>

static const double least_alike = 2.0 / 3;

/* Frames that are read, and pairs: a second or so. */
static const uint64_t steps_max = UINT64_C(1) << 26;

static bool nomem(const struct site_looks *l)
{
    return err_nomem(l->r->err, "comparing names");
}

bool site_looks_init(struct site_looks *l, struct renames *r)
{
    *l = (struct site_looks){.r = r};
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        if (renames_has(r, plane) &&
            !diff_rows_init(&l->rows[plane], &r->diff->layers[plane], r->err)) {
            return false;
        }
    }
    return true;
}

void site_looks_release(struct site_looks *l)
{
    for (int plane = 0; plane < N_DIFF_PLANES; plane++) {
        diff_rows_release(&l->rows[plane]);
    }
}

/* --- what a site has --- */

/* Of what a site has, how much is under each key. */
struct share {
    uint64_t key;
    double value;
};
VEC_TYPE(shares, struct share)

/* How one of two sites is read, so that both give the same keys. */
struct reading {
    struct site_looks *all;
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
    const struct renames *r = g->all->r;
    const uint32_t name = r->ident[g->site->plane].items[frame->func];
    const struct name_facts *facts = &r->facts.items[name];
    struct buf old = BUF_LIMIT(64 << 10);
    *out = facts->was != NAME_NONE ? facts->was : name;
    if (g->change && facts->sides == ON_HEAD && facts->was == NAME_NONE &&
        name_change_undo(g->change, intern_span(&r->names, name), &old)) {
        if (!buf_ok(&old)) {
            buf_release(&old);
            return nomem(g->all);
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
    const struct diff_layer *l = &g->all->r->diff->layers[g->site->plane];
    const struct stack_table *t = &l->stacks;
    const struct stack_row *s = &t->rows.items[row];
    bool is_inside = true;
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[s->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            const struct stack_frame *frame = &t->frames.items[loc.first + k];
            uint32_t name = 0;
            g->all->n_steps++;
            if (!is_inside &&
                diff_frame_origin(g->all->r->diff, l, frame) > ORIGIN_DEP) {
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
    const struct stack_table *t = &g->all->r->diff->layers[plane].stacks;
    const struct stack_row *s = &t->rows.items[row];
    for (uint32_t i = 0; i < s->n_locs; i++) {
        const struct stack_loc loc = t->locs.items[t->keys.items[s->key + i]];
        for (uint32_t k = 0; k < loc.n; k++) {
            const struct stack_frame *frame = &t->frames.items[loc.first + k];
            if (g->all->r->ident[plane].items[frame->func] == g->site->name &&
                (uint64_t)frame->line < least) {
                least = (uint64_t)frame->line;
            }
        }
    }
    return least;
}

/* Its rows; `n` of them. */
static const uint32_t *rows_of(const struct reading *g, size_t *n)
{
    return diff_rows_of(&g->all->rows[g->site->plane], g->site->site, n);
}

static void find_first_line(struct reading *g)
{
    const struct diff_layer *l = &g->all->r->diff->layers[g->site->plane];
    size_t n = 0;
    const uint32_t *rows = rows_of(g, &n);
    g->first_line = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (value_of_row(l, g->site->sides, rows[i]) > 0) {
            g->first_line = first_line_of(g, rows[i], g->first_line);
        }
    }
}

static bool look(const struct reading *g, struct looks *out)
{
    const struct diff_layer *l = &g->all->r->diff->layers[g->site->plane];
    size_t n = 0;
    const uint32_t *rows = rows_of(g, &n);
    for (size_t i = 0; i < n; i++) {
        const uint32_t row = rows[i];
        const double value = value_of_row(l, g->site->sides, row);
        uint64_t key = 0;
        uint64_t place = 0;
        if (value <= 0) {
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
            return nomem(g->all);
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

/* --- two sites --- */

static const struct stack_frame *frame_of(const struct renames *r,
                                          const struct lone_site *s)
{
    return renames_frame(r, s->plane, r->site_frame[s->plane][s->site]);
}

/* A function stays in its file; what a package or a type was renamed with may
   have gone to another. */
static bool has_same_file(const struct renames *r, const struct lone_site *old,
                          const struct lone_site *now,
                          const struct name_change *change)
{
    const struct intern *names = &r->diff->layers[now->plane].stacks.names;
    return change->part == NAME_CHANGE_PACKAGE || change->is_type ||
           span_eq(span_base_name(intern_span(names, frame_of(r, old)->file)),
                   span_base_name(intern_span(names, frame_of(r, now)->file)));
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

bool site_looks_compare(struct site_looks *l, const struct lone_site *old,
                        const struct lone_site *now, bool *out,
                        size_t *n_places)
{
    const struct renames *r = l->r;
    struct name_change change;
    *out = false;
    *n_places = 0;
    l->is_cut |= l->n_steps++ > steps_max;
    if (l->is_cut ||
        !name_change_between(intern_span(&r->names, old->name),
                             intern_span(&r->names, now->name), &change) ||
        !has_same_file(r, old, now, &change)) {
        return true;
    }
    struct reading was = {.all = l,
                          .site = old,
                          .name = old->name,
                          .has_starts = frame_of(r, old)->start_line > 0 &&
                                        frame_of(r, now)->start_line > 0};
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
