/*
 * Sorting that leaves ties where Go's sort.Sort leaves them. The peer sorts
 * the nodes of a call tree twice, the second time from a known order, and
 * equal ones then lie as its algorithm happens to put them: a
 * pattern-defeating quicksort whose every choice is followed here. What is
 * sorted are numbers; ranges are half open.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

enum {
    INSERTION_MAX = 12,  /* ranges up to here are sorted by insertion */
    NINTHER_MIN = 50,    /* from here on the pivot is a median of nine */
    SHIFT_MIN = 50,      /* and nearly sorted ranges are repaired */
    SHIFTS_MAX = 5,      /* pairs that are repaired */
    PIVOT_SWAPS_MAX = 12 /* all pairs that a pivot is chosen by */
};

struct tie_sort {
    uint32_t *items;
    tie_less_fn *less;
    const void *ctx;
};

static bool is_less(const struct tie_sort *s, ptrdiff_t i, ptrdiff_t j)
{
    return s->less(s->items[i], s->items[j], s->ctx);
}

static void swap(struct tie_sort *s, ptrdiff_t i, ptrdiff_t j)
{
    const uint32_t item = s->items[i];
    s->items[i] = s->items[j];
    s->items[j] = item;
}

static void sort_by_insertion(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t i = from + 1; i < to; i++) {
        for (ptrdiff_t k = i; k > from && is_less(s, k, k - 1); k--) {
            swap(s, k, k - 1);
        }
    }
}

/* --- Heap sort, when pivots were bad too often --- */

static void sift_down(struct tie_sort *s, ptrdiff_t first, ptrdiff_t root,
                      ptrdiff_t n)
{
    for (;;) {
        ptrdiff_t child = 2 * root + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n && is_less(s, first + child, first + child + 1)) {
            child++;
        }
        if (!is_less(s, first + root, first + child)) {
            return;
        }
        swap(s, first + root, first + child);
        root = child;
    }
}

static void sort_by_heap(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t n = to - from;
    for (ptrdiff_t i = (n - 1) / 2; i >= 0; i--) {
        sift_down(s, from, i, n);
    }
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        swap(s, from, from + i);
        sift_down(s, from, 0, i);
    }
}

/* --- The pivot --- */

static void order_pair(const struct tie_sort *s, ptrdiff_t *i, ptrdiff_t *j,
                       unsigned *n_swaps)
{
    if (is_less(s, *j, *i)) {
        const ptrdiff_t larger = *i;
        *i = *j;
        *j = larger;
        ++*n_swaps;
    }
}

static ptrdiff_t median(const struct tie_sort *s, ptrdiff_t i, ptrdiff_t j,
                        ptrdiff_t k, unsigned *n_swaps)
{
    order_pair(s, &i, &j, n_swaps);
    order_pair(s, &j, &k, n_swaps);
    order_pair(s, &i, &j, n_swaps);
    return j;
}

/* `*n_swaps`: pairs found the wrong way round. Ranges that get here are
   longer than INSERTION_MAX. */
static ptrdiff_t choose_pivot(const struct tie_sort *s, ptrdiff_t from,
                              ptrdiff_t to, unsigned *n_swaps)
{
    const ptrdiff_t n = to - from;
    ptrdiff_t at[3];
    *n_swaps = 0;
    for (ptrdiff_t i = 0; i < 3; i++) {
        at[i] = from + n / 4 * (i + 1);
        if (n >= NINTHER_MIN) {
            at[i] = median(s, at[i] - 1, at[i], at[i] + 1, n_swaps);
        }
    }
    return median(s, at[0], at[1], at[2], n_swaps);
}

static void reverse(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t i = from, j = to - 1; i < j; i++, j--) {
        swap(s, i, j);
    }
}

/* Three from the middle change places with others, after a bad partition. */
static void scatter(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to)
{
    const ptrdiff_t n = to - from;
    uint64_t random = (uint64_t)n;
    uint64_t power = 1;
    while (power <= (uint64_t)n) {
        power *= 2;
    }
    const ptrdiff_t middle = from + n / 4 * 2;
    for (ptrdiff_t i = middle - 1; i <= middle + 1; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        ptrdiff_t other = (ptrdiff_t)(random & (power - 1));
        if (other >= n) {
            other -= n;
        }
        swap(s, i, from + other);
    }
}

/* --- Parting --- */

/* What is less than the pivot to the left of where it ends up, which is
   returned. `*was_parted`: nothing had to move. */
static ptrdiff_t part(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to,
                      ptrdiff_t pivot, bool *was_parted)
{
    swap(s, from, pivot);
    ptrdiff_t i = from + 1;
    ptrdiff_t j = to - 1;
    *was_parted = true;
    for (;;) {
        while (i <= j && is_less(s, i, from)) {
            i++;
        }
        while (i <= j && !is_less(s, j, from)) {
            j--;
        }
        if (i > j) {
            break;
        }
        swap(s, i++, j--);
        *was_parted = false;
    }
    swap(s, j, from);
    return j;
}

/* Of a range with nothing less than the pivot: equal ones to the left; where
   the others begin. */
static ptrdiff_t part_equal(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to,
                            ptrdiff_t pivot)
{
    swap(s, from, pivot);
    ptrdiff_t i = from + 1;
    ptrdiff_t j = to - 1;
    for (;;) {
        while (i <= j && !is_less(s, from, i)) {
            i++;
        }
        while (i <= j && is_less(s, from, j)) {
            j--;
        }
        if (i > j) {
            return i;
        }
        swap(s, i++, j--);
    }
}

/* Repairs a few pairs of a range that seems sorted; true when it is now. */
static bool repair(struct tie_sort *s, ptrdiff_t from, ptrdiff_t to)
{
    ptrdiff_t i = from + 1;
    for (int n = 0; n < SHIFTS_MAX; n++) {
        while (i < to && !is_less(s, i, i - 1)) {
            i++;
        }
        if (i == to) {
            return true;
        }
        if (to - from < SHIFT_MIN) {
            return false;
        }
        swap(s, i, i - 1);
        if (i - from >= 2) {
            /* To the beginning of everything, not of the range. */
            for (ptrdiff_t k = i - 1; k >= 1 && is_less(s, k, k - 1); k--) {
                swap(s, k, k - 1);
            }
        }
        if (to - i >= 2) {
            for (ptrdiff_t k = i + 1; k < to && is_less(s, k, k - 1); k++) {
                swap(s, k, k - 1);
            }
        }
    }
    return false;
}

/* --- Ranges --- */

struct range {
    ptrdiff_t from, to;
    unsigned limit; /* bad pivots that are still allowed */
    bool was_balanced, was_parted;
};

/* One step of a range. False when it is sorted; else it is what is left to
   do, and `*smaller`, when not empty, what is to be done before. */
static bool step(struct tie_sort *s, struct range *r, struct range *smaller)
{
    const ptrdiff_t n = r->to - r->from;
    *smaller = (struct range){0};
    if (n <= INSERTION_MAX) {
        sort_by_insertion(s, r->from, r->to);
        return false;
    }
    if (r->limit == 0) {
        sort_by_heap(s, r->from, r->to);
        return false;
    }
    if (!r->was_balanced) {
        scatter(s, r->from, r->to);
        r->limit--;
    }
    unsigned n_swaps = 0;
    ptrdiff_t pivot = choose_pivot(s, r->from, r->to, &n_swaps);
    if (n_swaps == PIVOT_SWAPS_MAX) {
        reverse(s, r->from, r->to);
        pivot = r->to - 1 - (pivot - r->from);
        n_swaps = 0;
    }
    if (r->was_balanced && r->was_parted && n_swaps == 0 &&
        repair(s, r->from, r->to)) {
        return false;
    }
    if (r->from > 0 && !is_less(s, r->from - 1, pivot)) {
        r->from = part_equal(s, r->from, r->to, pivot);
        return true;
    }
    const ptrdiff_t middle = part(s, r->from, r->to, pivot, &r->was_parted);
    const ptrdiff_t n_left = middle - r->from;
    const ptrdiff_t n_right = r->to - middle;
    *smaller = (struct range){
        .limit = r->limit, .was_balanced = true, .was_parted = true};
    if (n_left < n_right) {
        r->was_balanced = n_left >= n / 8;
        smaller->from = r->from;
        smaller->to = middle;
        r->from = middle + 1;
    } else {
        r->was_balanced = n_right >= n / 8;
        smaller->from = middle + 1;
        smaller->to = r->to;
        r->to = middle;
    }
    return true;
}

void tie_sort(uint32_t *items, size_t n, tie_less_fn *less, const void *ctx)
{
    struct tie_sort s = {.less = less, .ctx = ctx};
    s.items = items;
    /* Those that wait are larger than all that are done before them. */
    struct range waiting[64];
    size_t n_waiting = 0;
    struct range r = {
        .to = (ptrdiff_t)n, .was_balanced = true, .was_parted = true};
    for (size_t left = n; left > 0; left /= 2) {
        r.limit++;
    }
    for (;;) {
        struct range smaller;
        if (!step(&s, &r, &smaller)) {
            if (n_waiting == 0) {
                return;
            }
            r = waiting[--n_waiting];
        } else if (smaller.to > smaller.from) {
            waiting[n_waiting++] = r;
            r = smaller;
        }
    }
}
