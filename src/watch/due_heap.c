#include "watch/due_heap_private.h"

#include "base/banned.h"

static bool is_before(const struct due *a, const struct due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->id < b->id;
}

static void set(struct due_heap *h, size_t i, struct due item)
{
    h->items.items[i] = item;
    h->places.items[item.id] = (uint32_t)i + 1;
}

/* `item` belongs at `i` or above. */
static size_t sift_up(struct due_heap *h, size_t i, struct due item)
{
    while (i > 0 && is_before(&item, &h->items.items[(i - 1) / 2])) {
        set(h, i, h->items.items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set(h, i, item);
    return i;
}

/* `item` belongs at `i` or below. */
static void sift_down(struct due_heap *h, size_t i, struct due item)
{
    const size_t n = h->items.n;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) {
            break;
        }
        if (child + 1 < n &&
            is_before(&h->items.items[child + 1], &h->items.items[child])) {
            child++;
        }
        if (!is_before(&h->items.items[child], &item)) {
            break;
        }
        set(h, i, h->items.items[child]);
        i = child;
    }
    set(h, i, item);
}

bool due_heap_has(const struct due_heap *h, uint32_t id)
{
    return id < h->places.n && h->places.items[id] != 0;
}

static bool make_room(struct due_heap *h, uint32_t id)
{
    if (!due_vec_reserve(&h->items, h->items.n + 1)) {
        return false;
    }
    while (h->places.n <= id) {
        if (!vec_u32_push(&h->places, 0)) {
            return false;
        }
    }
    return true;
}

bool due_heap_put(struct due_heap *h, uint32_t id, int64_t at_ns)
{
    /* Whoever was in it finds room: taking out gives none back. */
    due_heap_remove(h, id);
    if (!make_room(h, id)) {
        return false;
    }
    sift_up(h, h->items.n++, (struct due){at_ns, id});
    return true;
}

void due_heap_remove(struct due_heap *h, uint32_t id)
{
    if (!due_heap_has(h, id)) {
        return;
    }
    const size_t i = h->places.items[id] - 1;
    const struct due last = h->items.items[--h->items.n];
    h->places.items[id] = 0;
    if (i < h->items.n) {
        sift_down(h, sift_up(h, i, last), last);
    }
}

const struct due *due_heap_first(const struct due_heap *h)
{
    return h->items.n > 0 ? &h->items.items[0] : NULL;
}

void due_heap_release(struct due_heap *h)
{
    due_vec_release(&h->items);
    vec_u32_release(&h->places);
}
