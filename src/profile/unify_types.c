/*
 * Profiles to be merged or subtracted must have the same columns. Two steps,
 * google/pprof's: only the types that all have stay, in the order of the
 * first profile; then each type and the period get the finest unit that one
 * of the profiles has.
 */
#include <stdlib.h>

#include "base/intern.h"
#include "base/measure.h"
#include "profile/columns_private.h"
#include "profile/merge.h"
#include "profile/select.h"
#include "profile/strings_private.h"

struct unifier {
    struct profile *const *in;
    size_t n;
    struct intern names;    /* of types, over all profiles */
    struct vec_u32 counts;  /* per name: how often a profile has it */
    struct vec_u32 common;  /* names that all have */
    uint32_t *first_column; /* per name, of one profile; + 1 */
};

/* --- The same types --- */

static bool count_types(struct unifier *u, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_types; i++) {
        uint32_t name = 0;
        if (!intern_add(&u->names, profile_span(p, p->types[i].type), &name,
                        NULL) ||
            (name == u->counts.n && !vec_u32_push(&u->counts, 0))) {
            return false;
        }
        u->counts.items[name]++;
    }
    return true;
}

/* A profile that has a type twice counts twice, as in the reference. */
static bool find_common(struct unifier *u, struct err *err)
{
    for (size_t i = 0; i < u->n; i++) {
        if (!count_types(u, u->in[i])) {
            return err_nomem(err, "unify sample types");
        }
    }
    const struct profile *first = u->n != 0 ? u->in[0] : NULL;
    for (uint32_t i = 0; first != NULL && i < first->n_types; i++) {
        uint32_t name = 0;
        if (intern_find(&u->names, profile_span(first, first->types[i].type),
                        &name) &&
            u->counts.items[name] == u->n && !vec_u32_push(&u->common, name)) {
            return err_nomem(err, "unify sample types");
        }
    }
    return u->common.n != 0 ||
           err_set(err, ERR_MISMATCH,
                   "profiles have empty common sample type list");
}

/* Which columns of `p` stay, in their new order; are they the ones it has? */
static bool pick_columns(struct unifier *u, const struct profile *p,
                         uint32_t *columns, bool *is_same, struct err *err)
{
    memset(u->first_column, 0,
           intern_count(&u->names) * sizeof(*u->first_column));
    for (uint32_t i = p->n_types; i > 0; i--) {
        uint32_t name = 0;
        if (intern_find(&u->names, profile_span(p, p->types[i - 1].type),
                        &name)) {
            u->first_column[name] = i;
        }
    }
    *is_same = u->common.n == p->n_types;
    for (uint32_t i = 0; i < u->common.n; i++) {
        const uint32_t name = u->common.items[i];
        if (u->first_column[name] == 0) {
            return err_set(err, ERR_MISMATCH,
                           "\"%s\" sample type is not found in profile",
                           intern_text(&u->names, name));
        }
        columns[i] = u->first_column[name] - 1;
        *is_same = *is_same && columns[i] == i;
    }
    return true;
}

/* A default type that left is replaced by the first one. */
static void keep_default(struct profile *p)
{
    const struct span type = profile_span(p, p->default_type);
    for (uint32_t i = 0; i < p->n_types; i++) {
        if (span_eq(profile_span(p, p->types[i].type), type)) {
            return;
        }
    }
    p->default_type = p->types[0].type;
}

/* `n` at most as many as there are; `row` has room for as many values. */
static void keep_columns(struct profile *p, const uint32_t *columns, uint32_t n,
                         struct profile_value_type *types, int64_t *row)
{
    for (uint32_t i = 0; i < n; i++) {
        types[i] = p->types[columns[i]];
    }
    memcpy(p->types, types, n * sizeof(*types));
    for (uint32_t s = 0; s < p->n_samples; s++) {
        const int64_t *from = p->values + (size_t)s * p->n_types;
        for (uint32_t i = 0; i < n; i++) {
            row[i] = from[columns[i]];
        }
        memcpy(p->values + (size_t)s * n, row, n * sizeof(*row));
    }
    p->n_types = n;
    keep_default(p);
}

static bool keep_common(struct unifier *u, struct err *err)
{
    const size_t n = u->common.n;
    uint32_t *columns = calloc(n + 1, sizeof(*columns));
    struct profile_value_type *types = calloc(n + 1, sizeof(*types));
    int64_t *row = calloc(n + 1, sizeof(*row));
    u->first_column =
        calloc(intern_count(&u->names) + 1, sizeof(*u->first_column));
    bool ok = columns != NULL && types != NULL && row != NULL &&
              u->first_column != NULL;
    if (!ok) {
        (void)err_nomem(err, "unify sample types");
    }
    for (size_t i = 0; i < u->n && ok; i++) {
        bool is_same = false;
        ok = pick_columns(u, u->in[i], columns, &is_same, err);
        if (ok && !is_same) {
            keep_columns(u->in[i], columns, (uint32_t)n, types, row);
        }
    }
    free(columns);
    free(types);
    free(row);
    return ok;
}

/* --- The same units --- */

struct named_type {
    struct span type, unit;
};

static struct named_type named(const struct profile *p,
                               struct profile_value_type t)
{
    return (struct named_type){profile_span(p, t.type),
                               profile_span(p, t.unit)};
}

/* "samples" and "sample" are the same type. */
static struct span singular(struct span type)
{
    return span_ends(type, "s") ? span_first(type, type.len - 1) : type;
}

/* `*finest` becomes the one of both in the finer unit. */
static bool take_finer(struct named_type *finest, struct named_type t,
                       struct err *err)
{
    if (!span_eq(singular(finest->type), singular(t.type)) ||
        !measure_same_kind(finest->unit, t.unit)) {
        return err_set(err, ERR_MISMATCH,
                       "incompatible types: {%.*s %.*s 0 0} {%.*s %.*s 0 0}",
                       (int)finest->type.len, finest->type.p,
                       (int)finest->unit.len, finest->unit.p, (int)t.type.len,
                       t.type.p, (int)t.unit.len, t.unit.p);
    }
    if (measure_scale(1, t.unit, finest->unit, NULL) < 1) {
        *finest = t;
    }
    return true;
}

static bool finest_period(const struct unifier *u, struct named_type *finest,
                          struct err *err)
{
    *finest = named(u->in[0], u->in[0]->period_type);
    for (size_t i = 1; i < u->n; i++) {
        if (!take_finer(finest, named(u->in[i], u->in[i]->period_type), err)) {
            return err_wrap(err, "period type");
        }
    }
    return true;
}

static bool finest_column(const struct unifier *u, uint32_t column,
                          struct named_type *finest, struct err *err)
{
    *finest = named(u->in[0], u->in[0]->types[column]);
    for (size_t i = 1; i < u->n; i++) {
        if (!take_finer(finest, named(u->in[i], u->in[i]->types[column]),
                        err)) {
            return err_wrap(err, "sample types");
        }
    }
    return true;
}

/* The units all get. */
struct finest_units {
    struct named_type period;
    struct named_type *columns; /* n_types */
    struct intern texts;
    uint32_t period_text, *column_texts; /* of the units */
    str_id *ids;                         /* texts in one profile */
    double *factors;                     /* scratch, n_types */
};

static bool has_all(const struct profile *p, const struct finest_units *f)
{
    bool is_same = span_eq(named(p, p->period_type).unit, f->period.unit);
    for (uint32_t i = 0; i < p->n_types && is_same; i++) {
        is_same = span_eq(named(p, p->types[i]).unit, f->columns[i].unit);
    }
    return is_same;
}

static double scale_to(int64_t value, struct span from, struct span to)
{
    return measure_scale(value, from, to, NULL);
}

/* The period goes through a double even when its unit stays. */
static bool scale_profile(struct profile *p, const struct finest_units *f,
                          struct err *err)
{
    p->period = measure_truncate(
        scale_to(p->period, named(p, p->period_type).unit, f->period.unit));
    if (has_all(p, f)) {
        return true;
    }
    if (!strings_add_all(p, &f->texts, f->ids, err)) {
        return false;
    }
    p->period_type.unit = f->ids[f->period_text];
    for (uint32_t i = 0; i < p->n_types; i++) {
        f->factors[i] =
            scale_to(1, named(p, p->types[i]).unit, f->columns[i].unit);
        p->types[i].unit = f->ids[f->column_texts[i]];
    }
    profile_scale_types(p, f->factors);
    return true;
}

static bool find_finest(const struct unifier *u, struct finest_units *f,
                        struct err *err)
{
    const uint32_t n_types = u->in[0]->n_types;
    f->columns = calloc(n_types, sizeof(*f->columns));
    f->column_texts = calloc(n_types, sizeof(*f->column_texts));
    f->ids = calloc((size_t)n_types + 1, sizeof(*f->ids));
    f->factors = calloc(n_types, sizeof(*f->factors));
    if (f->columns == NULL || f->column_texts == NULL || f->ids == NULL ||
        f->factors == NULL) {
        return err_nomem(err, "unify sample types");
    }
    if (!finest_period(u, &f->period, err) ||
        !intern_add(&f->texts, f->period.unit, &f->period_text, err)) {
        return false;
    }
    for (uint32_t i = 0; i < n_types; i++) {
        if (!finest_column(u, i, &f->columns[i], err) ||
            !intern_add(&f->texts, f->columns[i].unit, &f->column_texts[i],
                        err)) {
            return false;
        }
    }
    return true;
}

static bool unify_units(const struct unifier *u, struct err *err)
{
    struct finest_units f = {0};
    bool ok = find_finest(u, &f, err);
    for (size_t i = 0; i < u->n && ok; i++) {
        ok = scale_profile(u->in[i], &f, err);
    }
    free(f.columns);
    free(f.column_texts);
    free(f.ids);
    free(f.factors);
    intern_release(&f.texts);
    return ok;
}

bool profile_unify_types(struct profile *const *in, size_t n, struct err *err)
{
    struct unifier u = {.in = in, .n = n};
    const bool ok = find_common(&u, err) && keep_common(&u, err) &&
                    (n < 2 || unify_units(&u, err));
    intern_release(&u.names);
    vec_u32_release(&u.counts);
    vec_u32_release(&u.common);
    free(u.first_column);
    return ok;
}
