/* Objects by the size of their slots: what a size class costs. */
#include "base/sort.h"
#include "heap/heap_view_private.h"

#include "base/banned.h"

VEC_TYPE(sizes, struct view_size)

static int by_size(const void *pa, const void *pb, const void *ctx)
{
    const struct view_size *a = pa;
    const struct view_size *b = pb;
    (void)ctx;
    return (a->slot_bytes > b->slot_bytes) - (a->slot_bytes < b->slot_bytes);
}

/* Go's size classes end at 32 KiB; whole pages above are one row. */
#define LARGE_BYTES UINT64_C(32768)

static struct view_size *row_of(struct sizes *rows, uint64_t bytes,
                                struct err *err)
{
    const uint64_t key = bytes > LARGE_BYTES ? UINT64_MAX : bytes;
    for (size_t i = rows->n; i > 0; i--) {
        if (rows->items[i - 1].slot_bytes == key) {
            return &rows->items[i - 1];
        }
    }
    if (!sizes_push(rows, (struct view_size){.slot_bytes = key})) {
        (void)err_nomem(err, "sizes");
        return NULL;
    }
    return &rows->items[rows->n - 1];
}

static bool count(const struct heap_view *v, struct sizes *rows,
                  struct err *err)
{
    enum { SIZES_MAX = 1024 }; /* Go has 67; a damaged dump may have more */
    const uint32_t n = heap_n_objects(v->f.graph);
    for (uint32_t i = 0; i < n;) {
        uint32_t n_same = 0;
        const uint64_t bytes =
            heap_same_bytes(v->f.graph, (object_id){i}, &n_same);
        struct view_size *row =
            row_of(rows, rows->n < SIZES_MAX ? bytes : LARGE_BYTES + 1, err);
        if (!row) {
            return false;
        }
        const uint32_t end = n_same < n - i ? i + n_same : n;
        for (; i < end; i++) {
            const uint64_t is_live = view_is_reachable(v, (object_id){i});
            row->n_objects++;
            row->bytes += bytes;
            row->n_reachable += is_live;
            row->reachable_bytes += is_live * bytes;
        }
    }
    return true;
}

bool heap_view_sizes(struct heap_view *v, const struct view_size **out,
                     size_t *n, struct err *err)
{
    struct sizes rows = {0};
    struct view_size *kept = NULL;
    bool ok = count(v, &rows, err);
    if (ok) {
        sort_items(rows.items, rows.n, sizeof *rows.items, by_size, NULL);
        kept = arena_new(&v->arena, struct view_size, rows.n + 1);
        ok = kept || err_nomem(err, "sizes");
    }
    for (size_t i = 0; ok && i < rows.n; i++) {
        kept[i] = rows.items[i];
    }
    *n = rows.n;
    *out = kept;
    sizes_release(&rows);
    return ok;
}
