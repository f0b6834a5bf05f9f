#include "graphs.h"

static struct profile_label text_label(struct profile_builder *b,
                                       const char *key, const char *value)
{
    return (struct profile_label){
        .key = profile_builder_string(b, span_of(key)),
        .str = profile_builder_string(b, span_of(value))};
}

static struct profile_label number_label(struct profile_builder *b,
                                         const char *key, int64_t value)
{
    return (struct profile_label){.key =
                                      profile_builder_string(b, span_of(key)),
                                  .is_num = true,
                                  .num = value};
}

static void add_labelled(struct profile_builder *b, const char *stack,
                         int64_t value, const struct profile_label *labels,
                         size_t n)
{
    const int64_t values[] = {1, value};
    add_stack(b, stack, values, 2, labels, n);
}

#define TAGS(...)                                                              \
    OPTIONS(.has_tags = true, .bytes_unit = SPAN_LIT("bytes"),                 \
            .output_unit = SPAN_LIT("minimum"), __VA_ARGS__)

/* "node: tag flat cum, ..."; numeric tags with the number of their label. */
static void assert_tags(const struct graph *g, const char *wanted)
{
    struct buf out = BUF_LIMIT((size_t)1 << 20);
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const struct graph_node *n = &g->nodes[g->order[i]];
        buf_span(&out, n->info.name);
        buf_char(&out, '\n');
        for (uint32_t k = 0; k < n->n_label_tags; k++) {
            const struct graph_tag *t = &g->label_tags[n->first_label_tag + k];
            buf_printf(&out, "  %.*s %" PRId64 " %" PRId64 "\n",
                       (int)t->name.len, t->name.p, t->flat, t->cum);
        }
        for (uint32_t k = 0; k < n->n_numeric_tags; k++) {
            const struct graph_tag *t =
                &g->numeric_tags[n->first_numeric_tag + k];
            assert_true(span_is(t->unit, "bytes"));
            buf_printf(&out,
                       "  %.*s (%" PRId64 ") of %d %" PRId64 " %" PRId64 "\n",
                       (int)t->name.len, t->name.p, t->value, (int)t->label,
                       t->flat, t->cum);
        }
    }
    assert_string_equal(out.data, wanted);
    buf_release(&out);
}

static void label_sets_are_one_tag(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct profile_label labels[] = {
        text_label(b, "key", "b"),   text_label(b, "pprof::base", "true"),
        text_label(b, "key", "a"),   text_label(b, "a", "z"),
        number_label(b, "other", 7),
    };
    add_labelled(b, "main;f;f", 10, labels, 5);
    add_labelled(b, "main;f", 1, labels + 1, 1);
    add_labelled(b, "main", 2, labels, 1);
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(p, TAGS());
    assert_tags(g, "f\n"
                   "  a:z\\nkey:a\\nkey:b 10 10\n"
                   "main\n"
                   "  a:z\\nkey:a\\nkey:b 0 10\n"
                   "  key:b 2 2\n");
    graph_free(g);
    profile_free(p);
}

static void numbers_belong_to_their_label_set(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct profile_label labels[] = {
        text_label(b, "key", "a"),
        number_label(b, "bytes", 2048),
        number_label(b, "bytes", 64),
    };
    add_labelled(b, "main;f", 10, labels, 2);
    add_labelled(b, "main;f", 5, labels + 1, 1);
    /* Twice the same number counts twice. */
    const struct profile_label twice[] = {labels[2], labels[2]};
    add_labelled(b, "main;f", 3, twice, 2);
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(p, TAGS());
    assert_tags(g, "f\n"
                   "  key:a 10 10\n"
                   "  2kB (2048) of 1 10 10\n"
                   "  2kB (2048) of 0 5 5\n"
                   "  64B (64) of 0 6 6\n"
                   "main\n"
                   "  key:a 0 10\n"
                   "  2kB (2048) of 1 0 10\n"
                   "  2kB (2048) of 0 0 5\n"
                   "  64B (64) of 0 0 6\n");
    graph_free(g);
    profile_free(p);
}

static void numbers_of_one_name_are_one_tag(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    /* Both print as 1MB; the first number seen is kept. */
    const struct profile_label labels[] = {
        number_label(b, "bytes", 1 << 20),
        number_label(b, "bytes", (1 << 20) + 1),
    };
    add_labelled(b, "f", 10, labels + 1, 1);
    add_labelled(b, "f", 5, labels, 1);
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(p, TAGS());
    assert_tags(g, "f\n"
                   "  1MB (1048577) of 0 15 15\n");
    graph_free(g);
    profile_free(p);
}

static void light_tags_leave_their_numbers_behind(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct profile_label labels[] = {
        text_label(b, "key", "a"),
        number_label(b, "bytes", 64),
    };
    add_labelled(b, "f", 90, labels + 1, 1);
    /* The number counts twice, so that it is heavier than its label. */
    const struct profile_label twice[] = {labels[0], labels[1], labels[1]};
    add_labelled(b, "f", 8, twice, 3);
    struct profile *p = finish_profile(b);
    struct graph *g = graph_of(p, TAGS(.node_fraction = 0.1));
    assert_tags(g, "f\n"
                   "  64B (64) of 0 90 90\n"
                   "  64B (64) of -1 16 16\n");
    assert_int_equal(g->numeric_tags[1].label, UINT32_MAX);
    graph_free(g);
    profile_free(p);
}

static void tags_take_room_in_a_picture(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    for (int64_t i = 0; i < 6; i++) {
        const struct profile_label label = number_label(b, "bytes", 1 << i);
        add_labelled(b, "a", 100, &label, 1);
    }
    add_labelled(b, "b", 50, NULL, 0);
    add_labelled(b, "c", 40, NULL, 0);
    add_labelled(b, "d", 30, NULL, 0);
    struct profile *p = finish_profile(b);
    /* a and four of its tags, then b. */
    struct graph *g = graph_of(p, TAGS(.is_visual = true, .node_count = 6));
    assert_int_equal(g->n_shown, 2);
    graph_free(g);
    g = graph_of(p, TAGS(.is_visual = true, .node_count = 7));
    assert_int_equal(g->n_shown, 3);
    graph_free(g);
    g = graph_of(p, TAGS(.node_count = 3));
    assert_int_equal(g->n_shown, 3);
    graph_free(g);
    profile_free(p);
}

static void nodes_of_a_tree_have_tags_of_their_own(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder();
    const struct profile_label labels[] = {text_label(b, "key", "a"),
                                           text_label(b, "key", "b")};
    add_labelled(b, "main;f;f", 10, labels, 1);
    add_labelled(b, "main;f", 5, labels + 1, 1);
    struct profile *p = finish_profile(b);
    struct graph *g =
        graph_of(p, TAGS(.is_call_tree = true, .sorts_cum = true));
    assert_tags(g, "f\n"
                   "  key:a 0 10\n"
                   "  key:b 5 5\n"
                   "main\n"
                   "  key:a 0 10\n"
                   "  key:b 0 5\n"
                   "f\n"
                   "  key:a 10 10\n");
    graph_free(g);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(label_sets_are_one_tag),
        cmocka_unit_test(numbers_belong_to_their_label_set),
        cmocka_unit_test(numbers_of_one_name_are_one_tag),
        cmocka_unit_test(light_tags_leave_their_numbers_behind),
        cmocka_unit_test(tags_take_room_in_a_picture),
        cmocka_unit_test(nodes_of_a_tree_have_tags_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
