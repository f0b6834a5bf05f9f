#include "graphs.h"

/* --- Values --- */

static void flat_is_the_leafs_and_cum_everyones(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"main;work;alloc", 1, 10},
                                 {"main;work", 1, 4}, {"main;alloc", 1, 1}),
                         OPTIONS(),
                         "alloc 11 11\n"
                         "work 4 14\n"
                         "  work -> alloc 10\n"
                         "main 0 15\n"
                         "  main -> work 14\n"
                         "  main -> alloc 1\n");
}

static void recursion_counts_once_a_sample(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"main;a;b;a;b;a", 1, 7}), OPTIONS(),
                         "a 7 7\n"
                         "  a -> b 7\n"
                         "b 0 7\n"
                         "  b -> a 7\n"
                         "main 0 7\n"
                         "  main -> a 7\n");
}

static void a_call_of_itself_is_no_edge(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"a;a;a", 1, 7}), OPTIONS(), "a 7 7\n");
}

static void samples_without_value_or_stack_say_nothing(void **state)
{
    (void)state;
    assert_profile_graph(
        PROFILE({"main;unseen", 1, 0}, {"", 1, 5}, {"main", 1, 2}), OPTIONS(),
        "main 2 2\n");
}

static void an_empty_profile_has_an_empty_graph(void **state)
{
    (void)state;
    struct profile *p = finish_profile(new_builder());
    struct graph *g = graph_of(
        p, OPTIONS(.is_visual = true, .has_tags = true, .node_count = 80));
    assert_int_equal(g->n_shown, 0);
    assert_int_equal(g->n_before_count, 0);
    graph_free(g);
    graph_free(NULL);
    profile_free(p);
}

static void means_are_of_both_sums(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"main;a", 2, 10}, {"main;a", 1, 5}, {"main;b", 4, 0});
    struct graph *g = graph_of(p, OPTIONS(.has_mean = true));
    /* What sums to nothing is not shown, yet divides what is above. */
    assert_graph(g, "a 5 5\n"
                    "main 0 2\n"
                    "  main -> a 5\n"
                    "  main -> b 0\n");
    assert_int_equal(g->nodes[g->order[1]].cum, 15);
    assert_int_equal(g->nodes[g->order[1]].cum_div, 7);
    graph_free(g);
    profile_free(p);
}

static void sums_wrap_around(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"a", 1, INT64_MAX}, {"a", 1, 1}, {"b", 1, INT64_MIN});
    struct graph *g = graph_of(p, OPTIONS(.node_fraction = 0.5));
    assert_int_equal(g->nodes[g->order[0]].flat, INT64_MIN);
    assert_int_equal(g->n_shown, 2);
    assert_int_equal(graph_mean(INT64_MIN, -1), INT64_MIN);
    graph_free(g);
    profile_free(p);
}

/* --- Negative values, as differences have --- */

static void what_sums_to_zero_is_not_shown_but_leads_on(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"main;gone;a", 1, 5}, {"main;gone;b", 1, -5}, {"main", 1, 1});
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "a 5 5\n"
                    "b -5 -5\n"
                    "main 1 1\n"
                    "  main -> gone 0\n");
    /* It is there for the edges, behind what is shown. */
    assert_int_equal(g->n_shown, 3);
    assert_int_equal(g->n_nodes, 4);
    const struct graph_node *a = &g->nodes[g->order[0]];
    assert_int_equal(a->n_in, 1);
    assert_int_equal(g->edges[g->in_edges[a->first_in]].src, 3);
    graph_free(g);
    profile_free(p);
}

static void negative_nodes_are_dropped_when_asked(void **state)
{
    (void)state;
    assert_profile_graph(
        PROFILE({"main;a", 1, 5}, {"main;b", 1, -7}, {"c;a", 1, 1}),
        OPTIONS(.drops_negative = true),
        "a 6 6\n"
        "c 0 1\n"
        "  c -> a 1\n");
}

/* --- Inlined calls --- */

static void inlined_calls_are_marked(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"main+f;leaf", 1, 4}, {"main;f;g", 1, 2}, {"main+h", 1, 1});
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "leaf 4 4\n"
                    "g 2 2\n"
                    "h 1 1\n"
                    "f 0 6\n"
                    "  f -> leaf 4\n"
                    "  f -> g 2\n"
                    "main 0 7\n"
                    "  main -> f 6\n"
                    "  main -> h 1 inline\n");
    assert_int_equal(graph_inlining(g, g->order[2]), GRAPH_INLINED);
    assert_int_equal(graph_inlining(g, g->order[3]), GRAPH_NOT_INLINED);
    graph_free(g);
    profile_free(p);
}

static void a_node_may_be_inlined_here_and_there(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main+f", 1, 4}, {"other;f", 1, 2});
    struct graph *g = graph_of(p, EDGES(GRAPH_EDGES_INLINE, ));
    assert_int_equal(graph_inlining(g, g->order[0]), GRAPH_PARTLY_INLINED);
    graph_free(g);
    /* The call that is not inlined is too light an edge. */
    g = graph_of(p, EDGES(GRAPH_EDGES_INLINE, .edge_fraction = 0.5));
    assert_int_equal(graph_inlining(g, g->order[0]), GRAPH_INLINED);
    graph_free(g);
    profile_free(p);
}

static void no_edges_unless_asked_for(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main+f;g", 1, 4});
    struct graph *g = graph_of(p, EDGES(GRAPH_EDGES_NONE, ));
    assert_int_equal(g->n_edges, 0);
    graph_free(g);
    g = graph_of(p, EDGES(GRAPH_EDGES_INLINE, ));
    assert_int_equal(g->n_edges, 1);
    graph_free(g);
    profile_free(p);
}

/* --- Trimming --- */

static void light_nodes_leave_residual_edges(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;thin;leaf", 1, 3}, {"main;leaf", 1, 97});
    struct graph *g = graph_of(p, OPTIONS(.node_fraction = 0.05));
    assert_graph(g, "leaf 100 100\n"
                    "main 0 100\n"
                    "  main ... leaf 100\n");
    assert_int_equal(g->n_dropped_nodes, 1);
    assert_int_equal(g->n_before_count, 2);
    graph_free(g);
    profile_free(p);
}

static void a_trimmed_leaf_takes_its_flat_value_along(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"main;thin", 1, 3}, {"main", 1, 97}),
                         OPTIONS(.node_fraction = 0.05), "main 97 100\n");
}

static void the_cut_is_of_the_signed_flat_sum(void **state)
{
    (void)state;
    /* 100 - 90 = 10; half of it is 5. */
    struct profile *p =
        PROFILE({"a", 1, 100}, {"b", 1, -90}, {"c", 1, 4}, {"d", 1, -4});
    struct graph *g = graph_of(p, OPTIONS(.node_fraction = 0.5));
    assert_graph(g, "a 100 100\n"
                    "b -90 -90\n");
    assert_int_equal(g->n_dropped_nodes, 2);
    graph_free(g);
    profile_free(p);
}

static void node_count_cuts_after_the_rest(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"main;a", 1, 5}, {"main;b", 1, 4}, {"main;c", 1, 3});
    struct graph *g = graph_of(p, OPTIONS(.node_count = 2));
    assert_graph(g, "a 5 5\n"
                    "b 4 4\n");
    assert_int_equal(g->n_before_count, 4);
    assert_int_equal(g->n_dropped_nodes, 0);
    graph_free(g);
    g = graph_of(p, OPTIONS(.node_count = 2, .sorts_cum = true));
    assert_graph(g, "main 0 12\n"
                    "  main -> a 5\n"
                    "a 5 5\n");
    graph_free(g);
    profile_free(p);
}

static void light_edges_are_counted_when_they_go_last(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;a", 1, 90}, {"main;b", 1, 10});
    struct graph *g = graph_of(p, OPTIONS(.edge_fraction = 0.5));
    assert_graph(g, "a 90 90\n"
                    "b 10 10\n"
                    "main 0 100\n"
                    "  main -> a 90\n");
    assert_int_equal(g->n_dropped_edges, 1);
    graph_free(g);
    /* With a node count they went before, which the peer does not count. */
    g = graph_of(p, OPTIONS(.edge_fraction = 0.5, .node_count = 80));
    assert_int_equal(g->n_dropped_edges, 0);
    graph_free(g);
    profile_free(p);
}

/* The peer trims paths in place whenever it builds a graph, and looks for the
   nodes that stay under the paths they had before. */
static void a_path_that_is_trimmed_twice_costs_a_node(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct builder_frame frames[] = {
        {SPAN_LIT("once"),  SPAN_LIT("/x/src/once.c"),      1},
        {SPAN_LIT("twice"), SPAN_LIT("/x/src/a/src/two.c"), 2},
        {SPAN_LIT("thin"),  SPAN_LIT("/x/src/thin.c"),      3},
    };
    uint32_t locs[3];
    for (size_t i = 0; i < 3; i++) {
        locs[i] = profile_builder_location(b, 0, PROFILE_NONE, &frames[i], 1);
    }
    const int64_t heavy[] = {1, 90};
    const int64_t light[] = {1, 1};
    profile_builder_sample(b, locs, 2, heavy, 2, NULL, 0);
    profile_builder_sample(b, locs + 2, 1, light, 2, NULL, 0);
    struct profile *p = finish_profile(b);
    struct graph_options o = OPTIONS(.source_path = SPAN_LIT("/y/src"));
    struct graph *g = graph_of(p, o);
    assert_graph(g, "once once.c:1 90 90\n"
                    "thin thin.c:3 1 1\n"
                    "twice a/src/two.c:2 0 90\n"
                    "  twice a/src/two.c:2 -> once once.c:1 90\n");
    graph_free(g);
    o.node_fraction = 0.05;
    g = graph_of(p, o);
    assert_graph(g, "once once.c:1 90 90\n");
    assert_int_equal(g->n_dropped_nodes, 1);
    assert_int_equal(g->n_before_count, 1);
    graph_free(g);
    o.node_fraction = 0;
    o.node_count = 2;
    o.sorts_cum = true;
    o.is_visual = true;
    o.has_tags = true;
    g = graph_of(p, o);
    assert_graph(g, "once once.c:1 90 90\n");
    assert_int_equal(g->n_before_count, 3);
    graph_free(g);
    profile_free(p);
}

/* --- Order --- */

static void ties_are_broken_by_name_and_then_by_the_other_value(void **state)
{
    (void)state;
    assert_profile_graph(PROFILE({"b", 1, 2}, {"a", 1, -2}, {"z;c", 1, 9}),
                         EDGES(GRAPH_EDGES_NONE, ),
                         "c 9 9\n"
                         "a -2 -2\n"
                         "b 2 2\n"
                         "z 0 9\n");
}

static void edges_of_equal_weight_go_by_name(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"b;x", 1, 5}, {"a;x", 1, 5}, {"c;x", 1, 6}, {"a;w", 1, 5});
    struct graph *g = graph_of(p, OPTIONS());
    struct buf out = BUF_LIMIT(4096);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        write_edge(&out, g, &g->edges[i]);
    }
    assert_string_equal(out.data, "  c -> x 6\n"
                                  "  a -> w 5\n"
                                  "  a -> x 5\n"
                                  "  b -> x 5\n");
    buf_release(&out);
    graph_free(g);
    profile_free(p);
}

/* --- What nodes are --- */

static void equal_text_is_one_node_whatever_its_string(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;f", 1, 5}, {"main;g", 1, 4});
    /* A table that says "f" twice, as wild ones do. */
    struct profile_str *g_text = &p->strings[p->functions[2].name.i];
    if (!span_is((struct span){g_text->p, g_text->len}, "g")) {
        g_text = &p->strings[p->functions[1].name.i];
    }
    const struct profile_str kept = *g_text;
    *g_text = (struct profile_str){"f", 1};
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "f 9 9\n"
                    "main 0 9\n"
                    "  main -> f 9\n");
    graph_free(g);
    *g_text = kept;
    profile_free(p);
}

static struct profile *profile_of_two_binaries(void)
{
    struct profile_builder *b = new_builder();
    const struct builder_frame f = {SPAN_LIT("f"), SPAN_LIT("/src/./f.c"), 3};
    const int64_t values[] = {1, 5};
    for (uint64_t i = 1; i < 4; i++) {
        const uint32_t m = profile_builder_mapping(
            b, i << 20, (i << 20) + 4096, 0,
            i == 1 ? SPAN_LIT("/bin/a") : SPAN_LIT("/bin/b"), SPAN_LIT(""));
        const uint32_t named = profile_builder_location(b, 0, m, &f, 1);
        const uint32_t bare = profile_builder_location(b, i, m, NULL, 0);
        profile_builder_sample(b, &named, 1, values, 2, NULL, 0);
        profile_builder_sample(b, &bare, 1, values, 2, NULL, 0);
    }
    return finish_profile(b);
}

static void binaries_are_told_apart_when_asked(void **state)
{
    (void)state;
    struct profile *p = profile_of_two_binaries();
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "f /src/f.c:3 15 15\n"
                    "0000000000000001 [a] 5 5\n"
                    "0000000000000002 [b] 5 5\n"
                    "0000000000000003 [b] 5 5\n");
    assert_int_equal(g->nodes[g->order[0]].info.objfile.len, 0);
    graph_free(g);
    g = graph_of(p, OPTIONS(.keeps_objfiles = true));
    assert_int_equal(g->n_shown, 5);
    assert_int_equal(g->nodes[g->order[0]].flat, 10);
    assert_true(span_is(g->nodes[g->order[0]].info.objfile, "/bin/b"));
    graph_free(g);
    profile_free(p);
}

static void start_lines_count_where_binaries_do(void **state)
{
    (void)state;
    struct profile *p = PROFILE({"main;f", 1, 5}, {"main;g", 1, 4});
    /* One name, two functions. */
    for (uint32_t i = 0; i < p->n_functions; i++) {
        p->functions[i].name = p->functions[0].name;
        p->functions[i].start_line = i;
    }
    struct graph *g = graph_of(p, OPTIONS());
    assert_int_equal(g->n_shown, 1);
    graph_free(g);
    g = graph_of(p, OPTIONS(.keeps_objfiles = true));
    assert_int_equal(g->n_shown, 3);
    graph_free(g);
    /* Nor is there another name for what has none. */
    for (uint32_t i = 0; i < p->n_functions; i++) {
        p->functions[i].name = (str_id){0};
    }
    g = graph_of(p, OPTIONS());
    assert_int_equal(g->n_shown, 3);
    graph_free(g);
    profile_free(p);
}

static void equal_names_are_ordered_by_all_there_is(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct span files[] = {SPAN_LIT("/z/app"), SPAN_LIT("/a/app"),
                                 SPAN_LIT("/m/app")};
    const int64_t values[] = {1, 5};
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t m = profile_builder_mapping(
            b, (i + 1U) << 20, ((i + 1U) << 20) + 4096, 0, files[i], files[i]);
        const uint32_t l = profile_builder_location(b, 1 + i, m, NULL, 0);
        profile_builder_sample(b, &l, 1, values, 2, NULL, 0);
    }
    struct profile *p = finish_profile(b);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        p->locations[i].address = 0;
    }
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "[app] 5 5\n"
                    "[app] 5 5\n"
                    "[app] 5 5\n");
    assert_true(span_is(g->nodes[g->order[0]].info.objfile, "/a/app"));
    assert_true(span_is(g->nodes[g->order[1]].info.objfile, "/m/app"));
    graph_free(g);
    profile_free(p);
}

static void places_of_one_function_share_its_number(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct builder_frame frames[] = {
        {SPAN_LIT("f"), SPAN_LIT("f.c"), 3},
        {SPAN_LIT("f"), SPAN_LIT("f.c"), 4},
        {SPAN_LIT("f"), SPAN_LIT("g.c"), 3},
        {SPAN_LIT("f"), SPAN_LIT("f.c"), 0},
    };
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t values[] = {1, 10 - (int)i};
        const uint32_t l =
            profile_builder_location(b, 0, PROFILE_NONE, &frames[i], 1);
        profile_builder_sample(b, &l, 1, values, 2, NULL, 0);
    }
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(p, OPTIONS());
    assert_graph(g, "f f.c:3 10 10\n"
                    "f f.c:4 9 9\n"
                    "f g.c:3 8 8\n"
                    "f f.c 7 7\n");
    const uint32_t function = g->nodes[g->order[0]].function;
    assert_int_equal(g->nodes[g->order[1]].function, function);
    assert_int_not_equal(g->nodes[g->order[2]].function, function);
    assert_int_equal(g->nodes[g->order[3]].function, function);
    graph_free(g);
    profile_free(p);
}

/* --- Pictures --- */

static void redundant_residual_edges_leave_a_picture(void **state)
{
    (void)state;
    const struct stack stacks[] = {
        {"main;a;b",    1, 60},
        {"main;thin;b", 1, 1 },
        {"main;a",      1, 30}
    };
    const struct graph_options o = OPTIONS(.node_fraction = 0.05);
    struct graph_options visual = o;
    visual.is_visual = true;
    assert_profile_graph(profile_of(stacks, 3), o,
                         "b 61 61\n"
                         "a 30 90\n"
                         "  a -> b 60\n"
                         "main 0 91\n"
                         "  main -> a 90\n"
                         "  main ... b 1\n");
    struct profile *p = profile_of(stacks, 3);
    struct graph *g = graph_of(p, visual);
    assert_int_equal(g->n_edges, 2);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        assert_false(g->edges[i].is_residual);
    }
    graph_free(g);
    profile_free(p);
}

static void a_residual_edge_that_connects_stays(void **state)
{
    (void)state;
    struct profile *p =
        PROFILE({"main;thin;b", 1, 1}, {"other;b", 1, 60}, {"main", 1, 39});
    struct graph *g =
        graph_of(p, OPTIONS(.node_fraction = 0.05, .is_visual = true));
    struct buf out = BUF_LIMIT(4096);
    for (uint32_t i = 0; i < g->n_edges; i++) {
        write_edge(&out, g, &g->edges[i]);
    }
    assert_string_equal(out.data, "  other -> b 60\n"
                                  "  main ... b 1\n");
    buf_release(&out);
    graph_free(g);
    profile_free(p);
}

static void nodes_that_only_pass_on_matter_less_to_a_picture(void **state)
{
    (void)state;
    /* Both in and out of `pass` go one way: its entropy is 0. */
    struct profile *p =
        PROFILE({"main;pass;fork;x", 1, 50}, {"main;pass;fork;y", 1, 50});
    struct graph *g = graph_of(p, OPTIONS(.is_visual = true));
    assert_true(span_is(g->nodes[g->order[0]].info.name, "fork") ||
                span_is(g->nodes[g->order[0]].info.name, "x") ||
                span_is(g->nodes[g->order[0]].info.name, "main"));
    assert_true(span_is(g->nodes[g->order[g->n_shown - 1]].info.name, "pass"));
    graph_free(g);
    profile_free(p);
}

/* --- Frames as they are --- */

static void frames_are_read_without_a_graph(void **state)
{
    (void)state;
    struct profile *p = profile_of_two_binaries();
    struct buf scratch = BUF_LIMIT(4096);
    struct buf out = BUF_LIMIT(4096);
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct graph_info info = graph_frame(p, i, 0, &scratch);
        graph_name(&out, &info);
        buf_char(&out, '\n');
    }
    assert_string_equal(out.data, "f /src/f.c:3\n"
                                  "0000000000000001 [a]\n"
                                  "f /src/f.c:3\n"
                                  "0000000000000002 [b]\n"
                                  "f /src/f.c:3\n"
                                  "0000000000000003 [b]\n");
    buf_release(&scratch);
    buf_release(&out);
    profile_free(p);
}

/* --- Out of memory --- */

struct oom_case {
    const struct profile *p;
    struct graph_options options;
};

static bool build_once(void *ctx, struct err *err)
{
    const struct oom_case *c = ctx;
    struct graph *g = NULL;
    const bool ok = graph_new(c->p, &c->options, &g, err);
    graph_free(g);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const int64_t values[] = {1, 8};
    const struct profile_label labels[] = {
        {.key = profile_builder_string(b, SPAN_LIT("key")),
         .str = profile_builder_string(b, SPAN_LIT("value"))},
        {.key = profile_builder_string(b, SPAN_LIT("bytes")),
         .is_num = true,
         .num = 48                                          },
    };
    add_stack(b, "main;a+b;c", values, 2, labels, 2);
    add_stack(b, "main;d;c", values, 2, labels, 1);
    const struct builder_frame file = {SPAN_LIT("e"), SPAN_LIT("/x/a/x//e.c"),
                                       1};
    const uint32_t location =
        profile_builder_location(b, 1, PROFILE_NONE, &file, 1);
    profile_builder_sample(b, &location, 1, values, 2, labels, 1);
    struct profile *p = finish_profile(b);
    const struct graph_options options[] = {
        OPTIONS(.is_visual = true, .has_tags = true, .node_count = 3,
                .source_path = SPAN_LIT("x")),
        OPTIONS(.has_mean = true),
        EDGES(GRAPH_EDGES_INLINE, .trim_path = SPAN_LIT("/a")),
        OPTIONS(.is_visual = true, .has_tags = true, .node_count = 2),
        OPTIONS(.is_visual = true, .has_tags = true, .node_count = 2,
                .is_call_tree = true),
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        struct oom_case c = {p, options[i]};
        assert_true(oom_walk(build_once, &c) > 10);
    }
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_is_the_leafs_and_cum_everyones),
        cmocka_unit_test(recursion_counts_once_a_sample),
        cmocka_unit_test(a_call_of_itself_is_no_edge),
        cmocka_unit_test(samples_without_value_or_stack_say_nothing),
        cmocka_unit_test(an_empty_profile_has_an_empty_graph),
        cmocka_unit_test(means_are_of_both_sums),
        cmocka_unit_test(sums_wrap_around),
        cmocka_unit_test(what_sums_to_zero_is_not_shown_but_leads_on),
        cmocka_unit_test(negative_nodes_are_dropped_when_asked),
        cmocka_unit_test(inlined_calls_are_marked),
        cmocka_unit_test(a_node_may_be_inlined_here_and_there),
        cmocka_unit_test(no_edges_unless_asked_for),
        cmocka_unit_test(light_nodes_leave_residual_edges),
        cmocka_unit_test(a_trimmed_leaf_takes_its_flat_value_along),
        cmocka_unit_test(the_cut_is_of_the_signed_flat_sum),
        cmocka_unit_test(node_count_cuts_after_the_rest),
        cmocka_unit_test(light_edges_are_counted_when_they_go_last),
        cmocka_unit_test(a_path_that_is_trimmed_twice_costs_a_node),
        cmocka_unit_test(ties_are_broken_by_name_and_then_by_the_other_value),
        cmocka_unit_test(edges_of_equal_weight_go_by_name),
        cmocka_unit_test(equal_text_is_one_node_whatever_its_string),
        cmocka_unit_test(binaries_are_told_apart_when_asked),
        cmocka_unit_test(start_lines_count_where_binaries_do),
        cmocka_unit_test(equal_names_are_ordered_by_all_there_is),
        cmocka_unit_test(places_of_one_function_share_its_number),
        cmocka_unit_test(redundant_residual_edges_leave_a_picture),
        cmocka_unit_test(a_residual_edge_that_connects_stays),
        cmocka_unit_test(nodes_that_only_pass_on_matter_less_to_a_picture),
        cmocka_unit_test(frames_are_read_without_a_graph),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
