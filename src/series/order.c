/*
 * Which snapshot came first. A snapshot's own time decides; one that says
 * none takes the time of a sibling whose name counts the same; where times
 * are missing altogether the natural order of names decides. File times
 * never do: copying and unpacking change them.
 */
#include "base/natural.h"
#include "series/points_private.h"

#include <string.h>

static int by_name(const void *pa, const void *pb)
{
    const struct point *a = pa;
    const struct point *b = pb;
    const int c = natural_compare(a->source, b->source);
    return c ? c : (a->input > b->input) - (a->input < b->input);
}

/* Points without any time keep the place their name gives them: they sort
   after the last timed point before them by name (its time is borrowed in
   `sort_nanos`). */
struct place {
    int64_t sort_nanos;
    size_t by_name;
    struct point point;
};

static int by_place(const void *pa, const void *pb)
{
    const struct place *a = pa;
    const struct place *b = pb;
    if (a->sort_nanos != b->sort_nanos) {
        return a->sort_nanos < b->sort_nanos ? -1 : 1;
    }
    return (a->by_name > b->by_name) - (a->by_name < b->by_name);
}

/* Length of the directory part of a path. */
static size_t dir_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static bool are_siblings(const struct point *a, const struct point *b)
{
    const size_t n = dir_len(a->source);
    return *a->number && strcmp(a->number, b->number) == 0 &&
           n == dir_len(b->source) && memcmp(a->source, b->source, n) == 0;
}

/* Sorted by name, siblings are near each other, but for names that begin
   with the kind ("heap.07", "goroutine.07"): all are looked at. A series of
   thousands pays once, for the points without a time only. */
static void borrow_times(struct points *all)
{
    for (size_t i = 0; i < all->n; i++) {
        struct point *pt = &all->items[i];
        for (size_t k = 0; pt->time_nanos == 0 && k < all->n; k++) {
            const struct point *other = &all->items[k];
            if (other->own_nanos != 0 && are_siblings(pt, other)) {
                pt->time_nanos = other->own_nanos;
            }
        }
    }
}

bool series_order(struct series *s, struct err *err)
{
    struct points *all = &s->all;
    if (all->n == 0) {
        return true;
    }
    qsort(all->items, all->n, sizeof *all->items, by_name);
    borrow_times(all);

    struct place *places = calloc(all->n, sizeof *places);
    if (!places) {
        return err_nomem(err, "ordering snapshots");
    }
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < all->n; i++) {
        last = all->items[i].time_nanos ? all->items[i].time_nanos : last;
        places[i] = (struct place){last, i, all->items[i]};
    }
    qsort(places, all->n, sizeof *places, by_place);
    for (size_t i = 0; i < all->n; i++) {
        all->items[i] = places[i].point;
    }
    free(places);
    return true;
}
