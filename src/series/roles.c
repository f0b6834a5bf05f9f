/*
 * What each snapshot counts as. Points of a trend are one heap and one
 * goroutine profile a moment, proto before text, allocs only where no heap
 * profile exists. What else was taken at that moment is evidence.
 */
#include "base/num.h"
#include "series/points_private.h"

#include <limits.h>
#include <string.h>

static enum series_plane plane_of(enum profile_kind kind)
{
    if (kind == KIND_HEAP || kind == KIND_ALLOCS) {
        return PLANE_HEAP;
    }
    return kind == KIND_GOROUTINE ? PLANE_GOROUTINE : PLANE_LEAK;
}

bool points_are_of_a_moment(const struct point *a, const struct point *b)
{
    if (a->own_nanos && b->own_nanos) {
        const int64_t apart = a->own_nanos > b->own_nanos
                                  ? sub_sat_i64(a->own_nanos, b->own_nanos)
                                  : sub_sat_i64(b->own_nanos, a->own_nanos);
        return *a->number && strcmp(a->number, b->number) == 0 &&
               apart < 60 * INT64_C(1000000000);
    }
    return *a->number && strcmp(a->number, b->number) == 0;
}

/* Lower is better: proto before text, heap before allocs. */
static int preference(const struct point *pt)
{
    return (pt->kind == KIND_ALLOCS ? 2 : 0) + (pt->form == FORM_TEXT);
}

/* The lowest preference of each plane: nothing is better than that. */
static void find_best(const struct series *s, int best[N_PLANES])
{
    for (int i = 0; i < N_PLANES; i++) {
        best[i] = INT_MAX;
    }
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        int *of = &best[plane_of(pt->kind)];
        if (pt->form != FORM_DUMP && !pt->is_delta && preference(pt) < *of) {
            *of = preference(pt);
        }
    }
}

/* A better point of this moment and plane, or NULL. Equals stay points; copies
   are dropped with the repeated states. */
static const struct point *better_point(const struct series *s, size_t i)
{
    const struct point *pt = &s->all.items[i];
    for (size_t k = 0; k < s->all.n; k++) {
        const struct point *other = &s->all.items[k];
        if (k != i && other->form != FORM_DUMP && !other->is_delta &&
            plane_of(other->kind) == plane_of(pt->kind) &&
            preference(other) < preference(pt) &&
            points_are_of_a_moment(other, pt)) {
            return other;
        }
    }
    return NULL;
}

static bool has_heap_point(const struct series *s)
{
    for (size_t i = 0; i < s->all.n; i++) {
        if (s->all.items[i].kind == KIND_HEAP && !s->all.items[i].is_delta) {
            return true;
        }
    }
    return false;
}

/* Dumps spell stacks in their own way: they are points where no goroutine
   profile exists at all, and whole ones only. */
static bool has_goroutine_profile(const struct series *s)
{
    for (size_t i = 0; i < s->all.n; i++) {
        const struct point *pt = &s->all.items[i];
        if (pt->kind == KIND_GOROUTINE && pt->form != FORM_DUMP) {
            return true;
        }
    }
    return false;
}

static bool assign_dump(struct series *s, uint32_t i, struct err *err)
{
    const struct point *pt = &s->all.items[i];
    if (pt->is_truncated) {
        point_explain(s, i,
                      "evidence; cut off by Go's 64 MiB cap: counts in "
                      "it are too low");
        return true;
    }
    if (has_goroutine_profile(s)) {
        point_explain(s, i, "evidence: states, waits, creators");
        return true;
    }
    return vec_u32_push(&s->planes[PLANE_GOROUTINE].at, i) ||
           err_nomem(err, "collecting points");
}

static bool assign(struct series *s, uint32_t i, bool has_heap,
                   const int best[N_PLANES], struct err *err)
{
    const struct point *pt = &s->all.items[i];
    if (pt->form == FORM_DUMP) {
        return assign_dump(s, i, err);
    }
    if (pt->is_delta) {
        point_unused(s, i, "a difference over time (?seconds=), not a level");
        return true;
    }
    if (pt->kind == KIND_ALLOCS && has_heap) {
        point_unused(s, i, "heap profiles exist and say the same");
        return true;
    }
    if (plane_of(pt->kind) != PLANE_LEAK &&
        best[plane_of(pt->kind)] < preference(pt) && better_point(s, i)) {
        if (pt->form == FORM_TEXT) {
            point_explain(s, i, "evidence beside the profile of the moment");
        } else {
            point_unused(s, i, "another profile of the moment is used");
        }
        return true;
    }
    struct plane *pl = &s->planes[plane_of(pt->kind)];
    return vec_u32_push(&pl->at, i) || err_nomem(err, "collecting points");
}

bool series_assign_roles(struct series *s, struct err *err)
{
    const bool has_heap = has_heap_point(s);
    int best[N_PLANES];
    find_best(s, best);
    for (uint32_t i = 0; i < s->all.n; i++) {
        if (!assign(s, i, has_heap, best, err)) {
            return false;
        }
    }
    return true;
}
