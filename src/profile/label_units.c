/*
 * A numeric label may say its unit at some samples only, or several. The first
 * one said is the key's for all samples; a key that says none is guessed from
 * its name. Keys are compared by text: a string table may hold one twice.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/limits.h"
#include "base/sort.h"
#include "base/vec.h"
#include "profile/labels_private.h"
#include "profile/select.h"

/* A unit that is said by a key which has another one. */
struct other_unit {
    struct span key, used, unit;
};
VEC_TYPE(other_units, struct other_unit)
VEC_TYPE(unit_vec, struct label_unit)

struct unit_finder {
    const struct profile *p;
    struct intern keys;    /* texts */
    uint32_t *index_of;    /* str_id of a key -> index in keys + 1 */
    struct unit_vec units; /* of the keys; empty unit = none said */
    struct intern seen;    /* key and other unit: listed once */
    struct other_units others;
    struct buf scratch;
};

static bool key_index(struct unit_finder *f, str_id key, uint32_t *index)
{
    uint32_t *known = &f->index_of[key.i];
    if (*known == 0) {
        uint32_t id = 0;
        if (!intern_add(&f->keys, profile_span(f->p, key), &id, NULL) ||
            (id == f->units.n &&
             !unit_vec_push(&f->units, (struct label_unit){.key = key}))) {
            return false;
        }
        *known = id + 1;
    }
    *index = *known - 1;
    return true;
}

static bool add_other(struct unit_finder *f, uint32_t key, str_id unit)
{
    const struct other_unit other = {
        profile_span(f->p, f->units.items[key].key), f->units.items[key].unit,
        profile_span(f->p, unit)};
    buf_clear(&f->scratch);
    buf_add(&f->scratch, &key, sizeof(key));
    buf_span(&f->scratch, other.unit);
    const size_t known = intern_count(&f->seen);
    uint32_t id = 0;
    return buf_ok(&f->scratch) &&
           intern_add(&f->seen, buf_view(&f->scratch), &id, NULL) &&
           (id < known || other_units_push(&f->others, other));
}

static bool add_label(struct unit_finder *f, const struct profile_label *l,
                      bool wants_others)
{
    uint32_t key = 0;
    if (!key_index(f, l->key, &key)) {
        return false;
    }
    assert(f->units.items != NULL); /* key_index() is true */
    const struct span unit = profile_span(f->p, l->unit);
    struct span *used = &f->units.items[key].unit;
    if (unit.len == 0 || unit.p == used->p) {
        return true;
    }
    if (used->len == 0) {
        *used = unit;
        return true;
    }
    return !wants_others || span_eq(*used, unit) || add_other(f, key, l->unit);
}

static struct span guessed_unit(struct span key)
{
    const bool is_bytes = span_is(key, "alignment") || span_is(key, "request");
    return is_bytes ? SPAN_LIT("bytes") : key;
}

static int compare_others(const void *a, const void *b, const void *ctx)
{
    const struct other_unit *x = a;
    const struct other_unit *y = b;
    (void)ctx;
    const int order = span_compare(x->key, y->key);
    return order != 0 ? order : span_compare(x->unit, y->unit);
}

static void put_notes(struct other_units *others, struct buf *notes)
{
    if (others->n == 0) {
        return;
    }
    sort_items(others->items, others->n, sizeof(*others->items), compare_others,
               NULL);
    for (size_t i = 0; i < others->n; i++) {
        const struct other_unit *o = &others->items[i];
        if (i > 0 && span_eq(o[-1].key, o->key)) {
            buf_str(notes, ", ");
        } else {
            buf_str(notes, i > 0 ? "\nFor tag " : "For tag ");
            buf_span(notes, o->key);
            buf_str(notes, " used unit ");
            buf_span(notes, o->used);
            buf_str(notes, ", also encountered unit(s) ");
        }
        buf_span(notes, o->unit);
    }
    buf_char(notes, '\n');
}

static int compare_units(const void *a, const void *b, const void *ctx)
{
    const struct label_unit *x = a;
    const struct label_unit *y = b;
    const struct profile *p = ctx;
    return span_compare(profile_span(p, x->key), profile_span(p, y->key));
}

static bool find_all(struct unit_finder *f, bool wants_others)
{
    const struct profile *p = f->p;
    f->index_of = calloc((size_t)p->n_strings + 1, sizeof(*f->index_of));
    if (f->index_of == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < p->n_labels; i++) {
        if (p->labels[i].is_num && !add_label(f, &p->labels[i], wants_others)) {
            return false;
        }
    }
    for (size_t i = 0; i < f->units.n; i++) {
        struct label_unit *u = &f->units.items[i];
        if (u->unit.len == 0) {
            u->unit = guessed_unit(profile_span(p, u->key));
        }
    }
    if (f->units.n != 0) {
        sort_items(f->units.items, f->units.n, sizeof(*f->units.items),
                   compare_units, p);
    }
    return true;
}

static void finder_release(struct unit_finder *f)
{
    intern_release(&f->keys);
    intern_release(&f->seen);
    unit_vec_release(&f->units);
    other_units_release(&f->others);
    buf_release(&f->scratch);
    free(f->index_of);
}

bool label_units_find(const struct profile *p, struct label_units *out,
                      struct buf *notes, struct err *err)
{
    struct unit_finder f = {.p = p, .scratch = BUF_LIMIT(LIMIT_TEXT_BYTES)};
    *out = (struct label_units){0};
    const bool ok = find_all(&f, notes != NULL);
    if (ok) {
        if (notes != NULL) {
            put_notes(&f.others, notes);
        }
        *out = (struct label_units){f.units.items, f.units.n};
        f.units = (struct unit_vec){0};
    }
    finder_release(&f);
    return ok || err_nomem(err, "units of labels");
}

void label_units_release(struct label_units *u)
{
    free(u->items);
    *u = (struct label_units){0};
}

struct span label_units_get(const struct profile *p,
                            const struct label_units *u, struct span key)
{
    size_t first = 0;
    size_t end = u->n;
    while (first < end) {
        const size_t middle = first + (end - first) / 2;
        const struct label_unit *item = &u->items[middle];
        const int order = span_compare(key, profile_span(p, item->key));
        if (order == 0) {
            return item->unit;
        }
        if (order < 0) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return SPAN_LIT("");
}
