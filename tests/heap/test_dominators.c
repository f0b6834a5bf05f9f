/*
 * Dominators of graphs whose answer is known: by hand, or by brute force, that
 * is, by taking each node away and seeing what can be reached no more.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "heap/heap.h"

#include "base/banned.h"

enum { NODES_MAX = 200, EDGES_MAX = 4096, GRAPHS = 3000 };
#define NONE UINT32_MAX

/* --- graphs from lists of edges --- */

struct edge {
    uint32_t from, to;
};

struct graph {
    uint32_t n;
    uint64_t first[NODES_MAX + 1];
    uint32_t to[EDGES_MAX];
};

static void graph_make(struct graph *g, uint32_t n, const struct edge *edges,
                       size_t n_edges)
{
    assert_true(n <= NODES_MAX && n_edges <= EDGES_MAX);
    uint64_t at = 0;
    g->n = n;
    for (uint32_t v = 0; v < n; v++) {
        g->first[v] = at;
        for (size_t e = 0; e < n_edges; e++) {
            if (edges[e].from == v) {
                g->to[at++] = edges[e].to;
            }
        }
    }
    g->first[n] = at;
}

static void reach(const struct graph *g, uint32_t without, bool *is_reached)
{
    uint32_t stack[NODES_MAX];
    size_t n = 0;
    memset(is_reached, 0, NODES_MAX * sizeof *is_reached);
    if (without != 0) {
        stack[n++] = 0;
        is_reached[0] = true;
    }
    while (n > 0) {
        const uint32_t v = stack[--n];
        for (uint64_t k = g->first[v]; k < g->first[v + 1]; k++) {
            const uint32_t x = g->to[k];
            if (x != without && !is_reached[x]) {
                is_reached[x] = true;
                stack[n++] = x;
            }
        }
    }
}

/* All dominators of a node are those whose loss cuts it off; the immediate one
   is the one that all others dominate: it loses the fewest. */
static void brute_force(const struct graph *g, uint32_t *idom)
{
    bool is_reached[NODES_MAX];
    bool rest[NODES_MAX];
    size_t fewest[NODES_MAX];
    reach(g, NONE, is_reached);
    for (uint32_t v = 0; v < g->n; v++) {
        idom[v] = NONE;
        fewest[v] = SIZE_MAX;
    }
    idom[0] = 0;
    for (uint32_t d = 0; d < g->n; d++) {
        if (!is_reached[d]) {
            continue;
        }
        size_t n_lost = 0;
        reach(g, d, rest);
        for (uint32_t v = 0; v < g->n; v++) {
            n_lost += is_reached[v] && !rest[v];
        }
        for (uint32_t v = 1; v < g->n; v++) {
            if (v != d && is_reached[v] && !rest[v] && n_lost < fewest[v]) {
                fewest[v] = n_lost;
                idom[v] = d;
            }
        }
    }
}

static void assert_equals_brute_force(const struct graph *g, const char *what)
{
    uint32_t wanted[NODES_MAX];
    uint32_t got[NODES_MAX];
    struct err err = {0};
    brute_force(g, wanted);
    assert_ok(dominators_of(g->n, g->first, g->to, got, &err), &err);
    for (uint32_t v = 0; v < g->n; v++) {
        if (got[v] != wanted[v]) {
            fail_msg("%s: node %u of %u: %u instead of %u", what, v, g->n,
                     got[v], wanted[v]);
        }
    }
}

/* --- by hand --- */

static void a_diamond_is_dominated_by_its_top(void **state)
{
    (void)state;
    const struct edge edges[] = {
        {0, 1},
        {1, 2},
        {1, 3},
        {2, 4},
        {3, 4}
    };
    struct graph g;
    graph_make(&g, 5, edges, 5);
    uint32_t idom[5];
    struct err err = {0};
    assert_ok(dominators_of(5, g.first, g.to, idom, &err), &err);
    const uint32_t wanted[] = {0, 0, 1, 1, 1};
    assert_memory_equal(idom, wanted, sizeof wanted);
}

static void what_is_unreachable_has_no_dominator(void **state)
{
    (void)state;
    const struct edge edges[] = {
        {0, 1},
        {2, 1},
        {2, 3},
        {3, 2}
    };
    struct graph g;
    graph_make(&g, 5, edges, 4);
    uint32_t idom[5];
    struct err err = {0};
    assert_ok(dominators_of(5, g.first, g.to, idom, &err), &err);
    const uint32_t wanted[] = {0, 0, NONE, NONE, NONE};
    assert_memory_equal(idom, wanted, sizeof wanted);
}

static void a_single_node_dominates_itself(void **state)
{
    (void)state;
    const uint64_t first[] = {0, 0};
    uint32_t idom[] = {7};
    struct err err = {0};
    assert_ok(dominators_of(1, first, NULL, idom, &err), &err);
    assert_int_equal(idom[0], 0);
    assert_ok(dominators_of(0, first, NULL, idom, &err), &err);
}

/* The example of Lengauer and Tarjan's paper: R is 0, A to L are 1 to 12. */
static void the_classic_example_comes_out(void **state)
{
    (void)state;
    const struct edge edges[] = {
        {0,  1 },
        {0,  2 },
        {0,  3 },
        {1,  4 },
        {2,  1 },
        {2,  4 },
        {2,  5 },
        {3,  6 },
        {3,  7 },
        {4,  12},
        {5,  8 },
        {6,  9 },
        {7,  9 },
        {7,  10},
        {8,  5 },
        {8,  11},
        {9,  11},
        {10, 9 },
        {11, 9 },
        {11, 0 },
        {12, 8 }
    };
    struct graph g;
    graph_make(&g, 13, edges, sizeof edges / sizeof edges[0]);
    uint32_t idom[13];
    struct err err = {0};
    assert_ok(dominators_of(13, g.first, g.to, idom, &err), &err);
    const uint32_t wanted[] = {0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 7, 0, 4};
    assert_memory_equal(idom, wanted, sizeof wanted);
}

/* --- by brute force --- */

/* Graphs of several characters: sparse to dense, forward edges mostly or any,
   hubs that many point to. */
static size_t random_edges(uint64_t *seed, uint32_t n, struct edge *edges)
{
    const uint64_t character = test_random(seed) % 5;
    const size_t factor = 1 + test_random(seed) % (character == 4 ? 8 : 3);
    const size_t n_edges = (size_t)n * factor;
    for (size_t e = 0; e < n_edges; e++) {
        uint32_t a = (uint32_t)(test_random(seed) % n);
        uint32_t b = (uint32_t)(test_random(seed) % n);
        if (character == 1 && a > b) {
            const uint32_t swap = a;
            a = b;
            b = swap;
        }
        if (character == 2) {
            b = (a + 1 + (uint32_t)(test_random(seed) % 4)) % n;
        }
        if (character == 3) {
            b = e % 3 ? (uint32_t)(test_random(seed) % (1 + n / 8)) : b;
        }
        edges[e] = (struct edge){e == 0 ? 0 : a, b};
    }
    return n_edges;
}

static void random_graphs_equal_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 1;
    static struct graph g;
    static struct edge edges[EDGES_MAX];
    for (unsigned i = 0; i < GRAPHS; i++) {
        const uint32_t most = i % 20 ? 40 : NODES_MAX;
        const uint32_t n = 1 + (uint32_t)(test_random(&seed) % most);
        const size_t n_edges = random_edges(&seed, n, edges);
        char what[64];
        snprintf(what, sizeof what, "graph %u", i);
        graph_make(&g, n, edges, n_edges);
        assert_equals_brute_force(&g, what);
    }
}

static void every_graph_of_four_nodes_equals_brute_force(void **state)
{
    (void)state;
    struct graph g;
    for (uint32_t bits = 0; bits < 1u << 12; bits++) {
        struct edge edges[12];
        size_t n = 0;
        uint32_t bit = 0;
        for (uint32_t a = 0; a < 4; a++) {
            for (uint32_t b = 0; b < 4; b++) {
                if (a != b && bits & (1u << bit++)) {
                    edges[n++] = (struct edge){a, b};
                }
            }
        }
        graph_make(&g, 4, edges, n);
        assert_equals_brute_force(&g, "four nodes");
    }
}

/* --- long ones --- */

struct big {
    uint32_t n;
    uint64_t *first;
    uint32_t *to;
    uint32_t *idom;
};

static struct big big_new(uint32_t n, uint64_t n_edges)
{
    const struct big b = {n, malloc((n + (size_t)1) * sizeof(uint64_t)),
                          malloc((size_t)n_edges * sizeof(uint32_t)),
                          malloc((size_t)n * sizeof(uint32_t))};
    assert_true(b.first && b.to && b.idom);
    return b;
}

static void big_free(struct big *b)
{
    free(b->first);
    free(b->to);
    free(b->idom);
}

static void a_chain_of_ten_million_ends(void **state)
{
    (void)state;
    enum { N = 10000000 };
    struct big b = big_new(N, N);
    for (uint32_t v = 0; v < N; v++) {
        b.first[v] = v;
        b.to[v] = v + 1 < N ? v + 1 : 0;
    }
    b.first[N] = N;
    struct err err = {0};
    assert_ok(dominators_of(N, b.first, b.to, b.idom, &err), &err);
    for (uint32_t v = 1; v < N; v++) {
        assert_true(b.idom[v] == v - 1);
    }
    big_free(&b);
}

/* Each of a million nodes points on, back and to one of a thousand others that
   point to leaves: walking up the tree a step at a time would take a thousand
   million of them. */
static void a_list_that_shares_what_it_points_to_ends(void **state)
{
    (void)state;
    enum { N = 1000000, SHARED = 1000, ALL = N + 2 * SHARED };
    struct big b = big_new(ALL, 3 * (uint64_t)N + SHARED);
    uint64_t at = 0;
    for (uint32_t v = 0; v < N; v++) {
        b.first[v] = at;
        b.to[at++] = N + v % SHARED;
        b.to[at++] = v ? v - 1 : 0;
        b.to[at++] = v + 1 < N ? v + 1 : v;
    }
    for (uint32_t i = 0; i < SHARED; i++) {
        b.first[N + i] = at;
        b.to[at++] = N + SHARED + i;
        b.first[N + SHARED + i] = (uint64_t)3 * N + SHARED;
    }
    b.first[ALL] = at;
    struct err err = {0};
    assert_ok(dominators_of(ALL, b.first, b.to, b.idom, &err), &err);
    for (uint32_t i = 0; i < SHARED; i++) {
        assert_int_equal(b.idom[N + i], i);
        assert_int_equal(b.idom[N + SHARED + i], N + i);
    }
    assert_int_equal(b.idom[N - 1], N - 2);
    big_free(&b);
}

static void a_ladder_of_cross_edges_ends(void **state)
{
    (void)state;
    enum { N = 300000, ALL = 2 * N + 1 };
    struct big b = big_new(ALL, 5 * (uint64_t)N + 2);
    uint64_t at = 0;
    b.first[0] = 0;
    b.to[at++] = 1;
    b.to[at++] = N + 1;
    for (uint32_t v = 1; v < ALL; v++) {
        b.first[v] = at;
        const uint32_t twin = v <= N ? v + N : v - N;
        b.to[at++] = twin;
        b.to[at++] = v == N || v == 2 * N ? v : v + 1;
    }
    b.first[ALL] = at;
    struct err err = {0};
    assert_ok(dominators_of(ALL, b.first, b.to, b.idom, &err), &err);
    for (uint32_t v = 1; v < ALL; v++) {
        assert_int_equal(b.idom[v], 0);
    }
    big_free(&b);
}

static bool dominate_twice(void *ctx, struct err *err)
{
    const struct graph *g = ctx;
    uint32_t idom[NODES_MAX];
    return dominators_of(g->n, g->first, g->to, idom, err);
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    uint64_t seed = 7;
    static struct graph g;
    static struct edge edges[EDGES_MAX];
    const size_t n = random_edges(&seed, NODES_MAX, edges);
    graph_make(&g, NODES_MAX, edges, n);
    assert_true(oom_walk(dominate_twice, &g) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_diamond_is_dominated_by_its_top),
        cmocka_unit_test(what_is_unreachable_has_no_dominator),
        cmocka_unit_test(a_single_node_dominates_itself),
        cmocka_unit_test(the_classic_example_comes_out),
        cmocka_unit_test(random_graphs_equal_brute_force),
        cmocka_unit_test(every_graph_of_four_nodes_equals_brute_force),
        cmocka_unit_test(a_chain_of_ten_million_ends),
        cmocka_unit_test(a_list_that_shares_what_it_points_to_ends),
        cmocka_unit_test(a_ladder_of_cross_edges_ends),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
