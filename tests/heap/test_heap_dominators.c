/*
 * Retained sizes of heap graphs, against taking each object and each root
 * group away and counting what is lost.
 */
#include "test.h"

#include <stdlib.h>

#include "heap/heap.h"
#include "small_dump.h"

#include "base/banned.h"

enum { GRAPHS = 600 };

static struct heap_dominators *dominate(const struct small *s)
{
    struct heap_dominators *d = NULL;
    struct err err = {0};
    assert_ok(heap_dominators_build(s->graph, NULL, &d, &err), &err);
    return d;
}

static void assert_retained(const struct heap_dominators *d, heap_node node,
                            uint32_t n)
{
    assert_int_equal(heap_retained_objects(d, node), n);
    assert_int_equal(heap_retained_bytes(d, node), SMALL_BYTES * (uint64_t)n);
}

static void assert_equals_brute_force(const struct small *s,
                                      const struct heap_dominators *d)
{
    bool all[SMALL_NODES];
    bool rest[SMALL_NODES];
    small_reach(s, UINT32_MAX, UINT32_MAX, UINT32_MAX, all);
    const uint32_t n_all = small_count(s, all);
    assert_retained(d, 0, n_all);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        small_reach(s, UINT32_MAX, i, UINT32_MAX, rest);
        assert_retained(d, heap_node_of_group(i), n_all - small_count(s, rest));
    }
    for (uint32_t i = 0; i < s->n; i++) {
        const heap_node node = heap_node_of_object(s->graph, (object_id){i});
        small_reach(s, i, UINT32_MAX, UINT32_MAX, rest);
        assert_int_equal(heap_is_reachable(d, node), all[i]);
        assert_retained(d, node, all[i] ? n_all - small_count(s, rest) : 0);
    }
}

/* The children of each node are those it dominates, largest first, and keep
   together what it keeps but for itself. */
static void assert_tree_adds_up(const struct small *s,
                                const struct heap_dominators *d)
{
    struct err err = {0};
    const heap_node n_nodes = 1 + s->n_groups + s->n;
    for (heap_node v = 0; v < n_nodes; v++) {
        heap_node *children = NULL;
        size_t n = 0;
        object_id o;
        uint32_t sum =
            heap_node_is_object(s->graph, v, &o) && heap_is_reachable(d, v);
        assert_ok(heap_dominated(d, v, &children, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(heap_dominator(d, children[i]), v);
            assert_true(i == 0 || heap_retained_bytes(d, children[i - 1]) >=
                                      heap_retained_bytes(d, children[i]));
            sum += heap_retained_objects(d, children[i]);
        }
        assert_int_equal(sum, heap_retained_objects(d, v));
        free(children);
    }
}

static void retained_sizes_equal_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned i = 0; i < GRAPHS; i++) {
        struct small s;
        small_random(&s, &seed, i % 20 ? 40 : SMALL_NODES);
        small_build(&s);
        struct heap_dominators *d = dominate(&s);
        assert_equals_brute_force(&s, d);
        assert_tree_adds_up(&s, d);
        heap_dominators_free(d);
        small_release(&s);
    }
}

static void what_two_groups_hold_belongs_to_neither(void **state)
{
    (void)state;
    struct small s = {.n = 3, .n_groups = 2};
    small_add(&s.groups[0], 0);
    small_add(&s.groups[1], 1);
    small_add(&s.nodes[0], 2);
    small_add(&s.nodes[1], 2);
    small_build(&s);
    struct heap_dominators *d = dominate(&s);
    assert_retained(d, heap_node_of_group(0), 1);
    assert_retained(d, heap_node_of_group(1), 1);
    const heap_node shared = heap_node_of_object(s.graph, (object_id){2});
    assert_int_equal(heap_dominator(d, shared), 0);
    heap_dominators_free(d);
    small_release(&s);
}

static void a_group_dominates_what_only_it_holds(void **state)
{
    (void)state;
    struct small s = {.n = 2, .n_groups = 1};
    small_add(&s.groups[0], 0);
    small_add(&s.groups[0], 1);
    small_add(&s.nodes[0], 1);
    small_build(&s);
    struct heap_dominators *d = dominate(&s);
    for (uint32_t i = 0; i < 2; i++) {
        const heap_node node = heap_node_of_object(s.graph, (object_id){i});
        assert_int_equal(heap_dominator(d, node), heap_node_of_group(0));
    }
    heap_dominators_free(d);
    small_release(&s);
}

static void nodes_and_objects_name_each_other(void **state)
{
    (void)state;
    struct small s = {.n = 5, .n_groups = 1};
    small_add(&s.groups[0], 0);
    small_build(&s);
    object_id o = OBJECT_NONE;
    assert_true(heap_node_is_object(
        s.graph, heap_node_of_object(s.graph, (object_id){3}), &o));
    assert_int_equal(o.i, 3);
    assert_false(heap_node_is_object(s.graph, heap_node_of_group(0), &o));
    assert_false(heap_node_is_object(s.graph, 0, &o));
    small_release(&s);
}

static void a_limit_of_memory_is_kept(void **state)
{
    (void)state;
    struct small s = {.n = 100, .n_groups = 1};
    small_add(&s.groups[0], 0);
    small_build(&s);
    const uint64_t graph_bytes = heap_graph_about(s.graph)->memory_bytes;
    struct heap_graph_options o = {.memory_limit_bytes = graph_bytes + 100};
    struct heap_dominators *d = NULL;
    struct err err = {0};
    assert_false(heap_dominators_build(s.graph, &o, &d, &err));
    assert_err(&err, ERR_LIMIT,
               "dominators need 1656 bytes of memory, the limit leaves 100");
    o.memory_limit_bytes = graph_bytes + 3000;
    assert_ok(heap_dominators_build(s.graph, &o, &d, &err), &err);
    /* What is made of the graph counts as long as it is there. */
    struct heap_paths *p = NULL;
    o.memory_limit_bytes = graph_bytes + 1200;
    assert_false(heap_paths_build(s.graph, &o, &p, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    heap_dominators_free(d);
    assert_ok(heap_paths_build(s.graph, &o, &p, &err), &err);
    heap_paths_free(p);
    small_release(&s);
}

/* Objects of two pointers each, `to[2 * i]` and the next; a global holds the
   first of them. */
static void write_pairs(struct test_collector *dump, const uint32_t *to,
                        uint32_t n)
{
    enum { PAIR_BYTES = 16 };
    const struct sink out = test_collect(dump);
    struct dump_writer *w = dump_writer_new(&out);
    struct err err = {0};
    assert_non_null(w);
    const struct heap_params params = {.pointer_bytes = 8,
                                       .arena_start = SMALL_HEAP,
                                       .arena_end = SMALL_HEAP + (1 << 26),
                                       .build = SPAN_LIT("go1.19.8")};
    dump_writer_params(w, &params);
    for (uint64_t i = 0; i < n; i++) {
        dump_writer_object(w, SMALL_HEAP + PAIR_BYTES * i, PAIR_BYTES);
        dump_writer_word(w, SMALL_HEAP + PAIR_BYTES * (uint64_t)to[2 * i]);
        dump_writer_word(w, SMALL_HEAP + PAIR_BYTES * (uint64_t)to[2 * i + 1]);
        dump_writer_field(w, 0);
        dump_writer_field(w, 8);
        dump_writer_close(w);
    }
    dump_writer_data(w, SMALL_BSS, 8);
    dump_writer_word(w, SMALL_HEAP);
    dump_writer_field(w, 0);
    dump_writer_close(w);
    assert_ok(dump_writer_end(w, &err), &err);
    dump_writer_free(w);
}

static void who_stops_it_gets_it_stopped(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct test_collector dump = TEST_COLLECTOR;
    struct err err = {0};
    uint32_t *to = calloc(2 * N, sizeof *to);
    assert_non_null(to);
    for (uint32_t i = 0; i < N; i++) {
        to[2 * i] = to[2 * i + 1] = (i + 1) % N;
    }
    write_pairs(&dump, to, N);
    free(to);
    struct heap_graph *g = NULL;
    volatile int stop = 0;
    const struct heap_graph_options o = {.stop = &stop};
    assert_ok(heap_graph_build(buf_view(&dump.bytes), &o, &g, &err), &err);
    stop = 1;
    struct heap_dominators *d = NULL;
    struct heap_paths *p = NULL;
    assert_false(heap_dominators_build(g, &o, &d, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_false(heap_paths_build(g, &o, &p, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    heap_graph_free(g);
    buf_release(&dump.bytes);
}

/* A list of which each also points back to its begin: the search lists all of
   these edges, and asks before the list grows past the limit. */
static void lists_of_the_search_ask_before_they_grow(void **state)
{
    (void)state;
    enum { N = 1000, LISTS_BYTES = 1024 };
    struct test_collector dump = TEST_COLLECTOR;
    struct err err = {0};
    uint32_t to[2 * N];
    for (uint32_t i = 0; i < N; i++) {
        to[2 * i] = (i + 1) % N;
        to[2 * i + 1] = 0;
    }
    write_pairs(&dump, to, N);
    struct heap_graph *g = NULL;
    struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(buf_view(&dump.bytes), &o, &g, &err), &err);
    /* Of heads there are two, and all have edges. */
    o.memory_limit_bytes =
        heap_graph_about(g)->memory_bytes + (16 + 12) * (N + 2) + LISTS_BYTES;
    struct heap_dominators *d = NULL;
    assert_false(heap_dominators_build(g, &o, &d, &err));
    assert_err(&err, ERR_LIMIT,
               "dominators need 1088 bytes of memory for pointers, the limit "
               "leaves 1024");
    heap_graph_free(g);
    buf_release(&dump.bytes);
}

/* What was marked and what was searched are the same objects. */
static void assert_adds_up(const struct heap_graph *g)
{
    const struct heap_about *about = heap_graph_about(g);
    struct heap_dominators *d = NULL;
    struct err err = {0};
    assert_ok(heap_dominators_build(g, NULL, &d, &err), &err);
    assert_int_equal(heap_retained_objects(d, 0), about->n_reachable);
    assert_int_equal(heap_retained_bytes(d, 0), about->reachable_bytes);
    for (uint32_t i = 0; i < about->n_objects; i++) {
        const object_id o = {i};
        const heap_node node = heap_node_of_object(g, o);
        assert_true(heap_is_reachable(d, node) ==
                    heap_object_is_reachable(g, o));
        if (heap_is_reachable(d, node)) {
            const heap_node above = heap_dominator(d, node);
            assert_true(heap_retained_bytes(d, above) >=
                        heap_retained_bytes(d, node));
            assert_true(heap_retained_bytes(d, node) >=
                        heap_object_bytes(g, o));
        }
    }
    heap_dominators_free(d);
}

static void a_real_heap_adds_up(void **state)
{
    (void)state;
    struct real_dump r = real_open();
    assert_adds_up(r.graph);
    real_close(&r);
}

/* Every third object is dead. The others point anywhere among themselves, and
   one holds the next of them, so that all are held; what is dead points
   anywhere. */
static void marking_crosses_a_large_heap(void **state)
{
    (void)state;
    enum { N = 600000, LIVE = N / 3 * 2 };
    struct test_collector dump = TEST_COLLECTOR;
    struct err err = {0};
    struct heap_graph *g = NULL;
    uint32_t *to = calloc(2 * N, sizeof *to);
    uint32_t *live = calloc(LIVE, sizeof *live);
    uint64_t seed = 7;
    assert_non_null(to);
    assert_non_null(live);
    for (uint32_t i = 0; i < LIVE; i++) {
        live[i] = i / 2 * 3 + i % 2;
    }
    for (uint32_t i = LIVE - 1; i > 1; i--) { /* all but the first */
        const uint32_t k = 1 + (uint32_t)(test_random(&seed) % i);
        const uint32_t swap = live[i];
        live[i] = live[k];
        live[k] = swap;
    }
    for (uint32_t i = 0; i < LIVE; i++) {
        to[2 * live[i]] = live[test_random(&seed) % LIVE];
        to[2 * live[i] + 1] = live[(i + 1) % LIVE];
    }
    for (uint32_t i = 2; i < N; i += 3) {
        to[2 * i] = (uint32_t)(test_random(&seed) % N);
        to[2 * i + 1] = (uint32_t)(test_random(&seed) % N);
    }
    write_pairs(&dump, to, N);
    const struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(buf_view(&dump.bytes), &o, &g, &err), &err);
    assert_int_equal(heap_graph_about(g)->n_reachable, LIVE);
    assert_adds_up(g);
    heap_graph_free(g);
    buf_release(&dump.bytes);
    free(live);
    free(to);
}

static bool build_and_ask(void *ctx, struct err *err)
{
    const struct small *s = ctx;
    struct heap_dominators *d = NULL;
    if (!heap_dominators_build(s->graph, NULL, &d, err)) {
        return false;
    }
    heap_node *children = NULL;
    size_t n = 0;
    const bool ok = heap_dominated(d, 0, &children, &n, err);
    free(children);
    heap_dominators_free(d);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct small s;
    small_random(&s, &seed, SMALL_NODES);
    small_build(&s);
    assert_true(oom_walk(build_and_ask, &s) > 8);
    small_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retained_sizes_equal_brute_force),
        cmocka_unit_test(what_two_groups_hold_belongs_to_neither),
        cmocka_unit_test(a_group_dominates_what_only_it_holds),
        cmocka_unit_test(nodes_and_objects_name_each_other),
        cmocka_unit_test(a_limit_of_memory_is_kept),
        cmocka_unit_test(lists_of_the_search_ask_before_they_grow),
        cmocka_unit_test(who_stops_it_gets_it_stopped),
        cmocka_unit_test(a_real_heap_adds_up),
        cmocka_unit_test(marking_crosses_a_large_heap),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
