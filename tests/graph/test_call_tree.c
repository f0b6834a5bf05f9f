#include "graphs.h"

#define TREE(...) OPTIONS(.is_call_tree = true, __VA_ARGS__)

static void every_path_is_its_own_node(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"main;a;leaf", 1, 5}, {"main;b;leaf", 1, 3}),
                         TREE(.sorts_cum = true),
                         "main 0 8\n"
                         "  main -> a 5\n"
                         "  main -> b 3\n"
                         "a 0 5\n"
                         "  a -> leaf 5\n"
                         "leaf 5 5\n"
                         "b 0 3\n"
                         "  b -> leaf 3\n"
                         "leaf 3 3\n");
}

static void recursion_becomes_a_chain(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"f;f;f", 1, 5}, {"f;f", 1, 2}),
                         TREE(.sorts_cum = true),
                         "f 2 7\n"
                         "  f -> f 5\n"
                         "f 0 7\n"
                         "  f -> f 7\n"
                         "f 5 5\n");
}

static void a_node_is_inline_when_it_always_was(void **state)
{
    (void)state;
    assert_profile_graph(
        PROFILE({"main;f", 1, 5}, {"main+f", 1, 3}, {"main+g", 1, 1}), TREE(),
        "f 8 8\n"
        "g 1 1\n"
        "main 0 9\n"
        "  main -> f 8\n"
        "  main -> g 1 inline\n");
}

/* Takes out the thin node of each path, in both branches. */
static void children_of_removed_nodes_move_up(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main+in+leaf", 1, 60},
                                {"main;out+leaf", 1, 30}, {"top;leaf", 1, 1});
    struct graph *g = graph_of(p, TREE(.node_count = 3, .node_fraction = 0.05));
    assert_int_equal(g->n_dropped_nodes, 2);
    assert_int_equal(g->n_before_count, 5);
    assert_graph(g, "leaf 60 60\n"
                    "leaf 30 30\n"
                    "in 0 60\n"
                    "  in -> leaf 60 inline\n");
    graph_free(g);
    g = graph_of(p, TREE(.node_count = 3, .sorts_cum = true));
    assert_graph(g, "main 0 90\n"
                    "  main -> in 60 inline\n"
                    "in 0 60\n"
                    "  in -> leaf 60 inline\n"
                    "leaf 60 60\n");
    graph_free(g);
    profile_free(p);
}

static void a_residual_edge_is_inline_when_its_whole_way_is(void **state)
{
    (void)state;
    /* Only main and leaf are heavy in flat value. */
    struct profile *p = PROFILE({"main+x+leaf", 1, 60}, {"main", 1, 50});
    struct graph *g = graph_of(p, TREE(.node_count = 2));
    assert_graph(g, "leaf 60 60\n"
                    "main 50 110\n"
                    "  main ... leaf 60 inline\n");
    graph_free(g);
    profile_free(p);
    p = PROFILE({"main;x+leaf", 1, 60}, {"main", 1, 50});
    g = graph_of(p, TREE(.node_count = 2));
    assert_graph(g, "leaf 60 60\n"
                    "main 50 110\n"
                    "  main ... leaf 60\n");
    graph_free(g);
    profile_free(p);
}

static void a_light_edge_cuts_a_tree_in_two(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;x;leaf", 1, 10}, {"main", 1, 90});
    struct graph *g = graph_of(p, TREE(.node_count = 2, .edge_fraction = 0.2));
    assert_graph(g, "main 90 100\n"
                    "leaf 10 10\n");
    graph_free(g);
    profile_free(p);
}

static void functions_are_numbered_by_place(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;a;leaf", 1, 5}, {"main;b;leaf", 1, 3});
    struct graph *g = graph_of(p, TREE());
    const struct graph_node *one = &g->nodes[g->order[0]];
    const struct graph_node *two = &g->nodes[g->order[1]];
    assert_true(span_is(one->info.name, "leaf"));
    assert_true(span_is(two->info.name, "leaf"));
    assert_int_not_equal(one->function, two->function);
    graph_free(g);
    profile_free(p);
}

static void zero_nodes_of_a_tree_stay_between_others(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;gone;a", 1, 5}, {"main;gone;b", 1, -5},
                                {"main", 1, 7}, {"main;thin", 1, 1});
    struct graph *g = graph_of(p, TREE(.node_fraction = 0.5));
    assert_graph(g, "main 7 8\n"
                    "  main -> gone 0\n"
                    "a 5 5\n"
                    "b -5 -5\n");
    assert_int_equal(g->n_dropped_nodes, 1);
    assert_int_equal(g->nodes[g->order[1]].n_in, 1);
    graph_free(g);
    profile_free(p);
}

static void deep_stacks_are_no_recursion(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    struct profile_builder *b = new_builder();
    uint32_t *locs = malloc(DEPTH * sizeof(*locs));
    assert_non_null(locs);
    for (size_t i = 0; i < DEPTH; i++) {
        locs[i] = add_location(b, i % 2 == 0 ? SPAN_LIT("f") : SPAN_LIT("g"));
    }
    const int64_t values[] = {1, 8};
    profile_builder_sample(b, locs, DEPTH, values, 2, NULL, 0);
    free(locs);
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(
        p, TREE(.is_visual = true, .has_tags = true, .node_count = 10));
    assert_int_equal(g->n_before_count, DEPTH);
    assert_int_equal(g->n_shown, 10);
    graph_free(g);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_its_own_node),
        cmocka_unit_test(recursion_becomes_a_chain),
        cmocka_unit_test(a_node_is_inline_when_it_always_was),
        cmocka_unit_test(children_of_removed_nodes_move_up),
        cmocka_unit_test(a_residual_edge_is_inline_when_its_whole_way_is),
        cmocka_unit_test(a_light_edge_cuts_a_tree_in_two),
        cmocka_unit_test(functions_are_numbered_by_place),
        cmocka_unit_test(zero_nodes_of_a_tree_stay_between_others),
        cmocka_unit_test(deep_stacks_are_no_recursion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
