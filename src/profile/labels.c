#include "profile/labels_private.h"

#include <stdlib.h>

#include "base/sort.h"

static int compare(const struct profile *p, const struct profile_label *a,
                   const struct profile_label *b)
{
    if (a->is_num != b->is_num) {
        return a->is_num ? 1 : -1;
    }
    return a->key.i == b->key.i
               ? 0
               : span_compare(profile_span(p, a->key), profile_span(p, b->key));
}

static void sort_few(const struct profile *p, struct profile_label *labels,
                     uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        const struct profile_label l = labels[i];
        uint32_t k = i;
        for (; k > 0 && compare(p, &labels[k - 1], &l) > 0; k--) {
            labels[k] = labels[k - 1];
        }
        labels[k] = l;
    }
}

/* A label and where it stood, which decides between equal keys. */
struct ranked {
    struct profile_label label;
    uint32_t rank;
};

static int compare_ranked(const void *a, const void *b, const void *ctx)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    const int order = compare(ctx, &x->label, &y->label);
    return order != 0 ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

static bool sort_many(const struct profile *p, struct profile_label *labels,
                      uint32_t n)
{
    struct ranked *ranked = calloc(n, sizeof(*ranked));
    if (ranked == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        ranked[i] = (struct ranked){labels[i], i};
    }
    sort_items(ranked, n, sizeof(*ranked), compare_ranked, p);
    for (uint32_t i = 0; i < n; i++) {
        labels[i] = ranked[i].label;
    }
    free(ranked);
    return true;
}

bool labels_sort(const struct profile *p, struct profile_label *labels,
                 uint32_t n)
{
    /* Real samples have a handful; a hostile one may have a million. */
    if (n > 16) {
        return sort_many(p, labels, n);
    }
    sort_few(p, labels, n);
    return true;
}
