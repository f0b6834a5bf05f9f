/*
 * Memory that two holders name is told once. A structure with a list and an
 * index of the same elements has both below it; what one of them alone keeps
 * says more than the structure does by the little in the other.
 */
#include "rules/dump_private.h"

#include "base/banned.h"

/* Has `w` this row? Its place; w->n no. */
static size_t place_of(const struct dump_way *w, const struct dump_row *r)
{
    size_t i = 0;
    while (i < w->n && w->rows[i] != r) {
        i++;
    }
    return i;
}

/* Does `inner` keep most of what `outer` does, beside what piles up there? */
static bool is_most_of(const struct dump_candidate *inner,
                       const struct dump_candidate *outer)
{
    enum { MOST = 2 };
    if (inner->what != DUMP_HELD || !inner->is_growing ||
        outer->what != DUMP_HELD || outer->held >= outer->way.n) {
        return false;
    }
    const struct dump_row *pile = outer->way.rows[outer->held];
    return place_of(&inner->way, dump_at(outer)) < inner->at &&
           place_of(&inner->way, pile) == inner->way.n &&
           inner->weight > pile->weight && inner->weight * MOST > outer->weight;
}

void dump_drop_overlaps(struct dump_judge *j)
{
    const struct dump_candidates *all = &j->candidates;
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        bool is_told = false;
        for (size_t k = 0; k < all->n && !is_told; k++) {
            is_told = k > i && is_most_of(&all->items[k], &all->items[i]);
        }
        for (size_t k = 0; k < n && !is_told; k++) {
            is_told = is_most_of(&all->items[k], &all->items[i]);
        }
        if (!is_told) {
            all->items[n++] = all->items[i];
        }
    }
    j->candidates.n = n;
}
