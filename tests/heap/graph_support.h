/* Graphs built from dumps in memory, and questions that tests ask of them. */
#ifndef SEEP_TESTS_HEAP_GRAPH_SUPPORT_H
#define SEEP_TESTS_HEAP_GRAPH_SUPPORT_H

#include "heap/dump_fixture.h"
#include "test.h"

#include <stdio.h>

#include "heap/heap.h"

static inline struct heap_graph *build_with(struct span dump,
                                            const struct heap_graph_options *o)
{
    struct err err = {0};
    struct heap_graph *g = NULL;
    assert_ok(heap_graph_build(dump, o, &g, &err), &err);
    assert_non_null(g);
    return g;
}

static inline struct heap_graph *build(struct span dump)
{
    const struct heap_graph_options o = {0};
    return build_with(dump, &o);
}

/* Of a goroutine: "goroutine 17". */
static inline const struct root_group *group_of(const struct heap_graph *g,
                                                const char *name)
{
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        char of_goroutine[40] = "";
        if (group->kind == ROOT_GOROUTINE) {
            (void)snprintf(
                of_goroutine, sizeof of_goroutine, "goroutine %llu",
                (unsigned long long)heap_goroutine_at(g, group->goroutine)
                    ->goid);
        }
        if (strcmp(*of_goroutine ? of_goroutine : group->name, name) == 0) {
            return group;
        }
    }
    return NULL;
}

static inline uint32_t index_of(const struct heap_graph *g,
                                const struct root_group *group)
{
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        if (heap_group(g, i) == group) {
            return i;
        }
    }
    fail_msg("no such group");
    return 0;
}

/* Is one of the roots of the group `name` to the object at `address`? */
static inline bool holds(const struct heap_graph *g, const char *name,
                         uint64_t address)
{
    const struct root_group *group = group_of(g, name);
    if (!group) {
        return false;
    }
    const uint32_t index = index_of(g, group);
    const struct heap_root *roots = heap_group_roots(g, index);
    for (uint64_t i = 0; i < group->n_roots; i++) {
        assert_int_equal(roots[i].group, index);
        if (heap_object_address(g, roots[i].object) == address) {
            return true;
        }
    }
    return false;
}

static inline bool is_reached(const struct heap_graph *g, uint64_t address)
{
    const object_id o = heap_object_at(g, address);
    assert_int_not_equal(o.i, UINT32_MAX);
    return heap_object_is_reachable(g, o);
}

/* Asks everything that may be asked of every id. */
static inline void check_whole(const struct heap_graph *g)
{
    const struct heap_about *a = heap_graph_about(g);
    uint64_t end = 0;
    uint64_t n_edges = 0;
    for (uint32_t i = 0; i < heap_n_objects(g); i++) {
        const object_id o = {i};
        const uint64_t address = heap_object_address(g, o);
        assert_true(address >= end);
        end = address + heap_object_bytes(g, o);
        assert_int_equal(heap_object_at(g, address).i, i);
        assert_int_equal(heap_object_at(g, end - 1).i, i);
        assert_true(heap_object_contents(g, o).len <= heap_object_bytes(g, o));
        uint64_t n = 0;
        const object_id *to = heap_edges(g, o, &n);
        for (uint64_t k = 0; k < n; k++) {
            assert_true(to[k].i < heap_n_objects(g));
        }
        n_edges += n;
        (void)heap_object_bucket(g, o);
    }
    assert_true(n_edges <= a->n_edges);
    uint64_t next = 0;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        assert_int_equal(group->first_root, next);
        next += group->n_roots;
        for (uint64_t k = 0; k < group->n_roots; k++) {
            const struct heap_root r = heap_group_roots(g, i)[k];
            assert_int_equal(r.group, i);
            assert_true(r.object.i < heap_n_objects(g));
            assert_true(heap_object_is_reachable(g, r.object));
        }
    }
}

#endif
