/* Heap dumps: whatever was read can be asked for, and stays in bounds. */
#include "base/arena.h"
#include "heap/heap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t check_objects(const struct heap_graph *g)
{
    uint64_t sum = 0;
    uint64_t end = 0;
    const uint32_t n_objects = heap_n_objects(g);
    for (uint32_t i = 0; i < n_objects; i++) {
        const object_id o = {i};
        const uint64_t address = heap_object_address(g, o);
        if (address < end || heap_object_at(g, address).i != i) {
            abort();
        }
        end = address + heap_object_bytes(g, o);
        const struct span contents = heap_object_contents(g, o);
        struct dump_fields fields = heap_object_fields(g, o);
        uint64_t offset = 0;
        while (dump_fields_next(&fields, &offset)) {
            sum += heap_word(g, contents, offset);
        }
        uint64_t n = 0;
        const object_id *to = heap_edges(g, o, &n);
        for (uint64_t k = 0; k < n; k++) {
            if (to[k].i >= n_objects) {
                abort();
            }
        }
        sum += heap_object_bucket(g, o) != NULL;
    }
    return sum;
}

static uint64_t check_frames(const struct heap_graph *g)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < heap_n_goroutines(g); i++) {
        const struct graph_goroutine *r = heap_goroutine_at(g, i);
        if (r->group >= heap_n_groups(g)) {
            abort();
        }
        for (uint32_t k = 0; k < r->n_frames; k++) {
            const uint32_t frame = r->first_frame + k;
            const struct span contents = heap_frame_contents(g, frame);
            struct dump_fields fields = heap_frame_fields(g, frame);
            uint64_t offset = 0;
            while (dump_fields_next(&fields, &offset)) {
                sum += heap_word(g, contents, offset);
            }
            sum += heap_frame_at(g, frame)->function[0] != '\0';
        }
    }
    return sum;
}

static void check_groups(const struct heap_graph *g)
{
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0; k < group->n_roots; k++) {
            if (roots[k].group != i || roots[k].object.i >= heap_n_objects(g) ||
                !heap_object_is_reachable(g, roots[k].object)) {
                abort();
            }
        }
    }
}

/* What is reached has a dominator that is reached and keeps no less. */
static void check_dominators(const struct heap_graph *g,
                             const struct heap_graph_options *o)
{
    struct heap_dominators *d = NULL;
    struct err err = {0};
    if (!heap_dominators_build(g, o, &d, &err)) {
        return;
    }
    const struct heap_about *a = heap_graph_about(g);
    if (heap_retained_objects(d, 0) != a->n_reachable ||
        heap_retained_bytes(d, 0) != a->reachable_bytes) {
        abort();
    }
    for (uint32_t i = 0; i < heap_n_objects(g); i++) {
        const object_id object = {i};
        const heap_node n = heap_node_of_object(g, object);
        if (heap_is_reachable(d, n) != heap_object_is_reachable(g, object)) {
            abort();
        }
        if (heap_is_reachable(d, n) &&
            heap_retained_bytes(d, heap_dominator(d, n)) <
                heap_retained_bytes(d, n)) {
            abort();
        }
    }
    heap_dominators_free(d);
}

/* What is reached has a way to it, what is not has none. */
static void check_paths(const struct heap_graph *g,
                        const struct heap_graph_options *o)
{
    enum { ASKED = 8, WAYS = 3 };
    struct heap_paths *p = NULL;
    struct arena arena = {0};
    struct err err = {0};
    if (!heap_paths_build(g, o, &p, &err)) {
        return;
    }
    const uint32_t n = heap_n_objects(g);
    for (uint32_t i = 0; i < n; i += 1 + n / ASKED) {
        const object_id object = {i};
        struct heap_path *paths = NULL;
        size_t n_paths = 0;
        if (heap_paths_to(p, object, WAYS, &arena, &paths, &n_paths, &err) &&
            (n_paths > 0) != heap_object_is_reachable(g, object)) {
            abort();
        }
    }
    arena_release(&arena);
    heap_paths_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct heap_graph_options o = {.memory_limit_bytes = 256 << 20};
    const struct span bytes = {(const char *)data, size};
    struct heap_graph *g = NULL;
    struct err err = {0};
    if (!heap_graph_build(bytes, &o, &g, &err)) {
        return 0;
    }
    const struct heap_about *a = heap_graph_about(g);
    if (a->n_reachable > a->n_objects || a->n_objects > heap_n_objects(g)) {
        abort();
    }
    volatile uint64_t sink = check_objects(g) + check_frames(g);
    (void)sink;
    check_groups(g);
    check_dominators(g, &o);
    check_paths(g, &o);
    for (size_t i = 0; i < heap_n_buckets(g); i++) {
        const struct heap_bucket *b = heap_bucket_at(g, i);
        sink = b->n_calls ? b->calls[b->n_calls - 1].line : 0;
    }
    heap_graph_free(g);
    return 0;
}
