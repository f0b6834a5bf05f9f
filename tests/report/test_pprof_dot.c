/*
 * -dot: against google/pprof's own goldens (skipped where they are not), and
 * small graphs that show one thing each.
 */
#include "made_profile.h"

/* --- Goldens --- */

struct golden {
    const char *name; /* of the file, behind "pprof." */
    const char *input;
    const char *type;
    unsigned keep;
    const char *focus, *ignore, *hide, *tag_focus, *tag_ignore;
    bool sorts_cum, is_call_tree;
};

enum {
    FUNCTIONS = KEEP_INLINES | KEEP_FUNCTION,
    LINES = KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE,
    FILES = KEEP_INLINES | KEEP_FILE
};

/* clang-format off */
static const struct golden goldens[] = {
    {"cpu.flat.functions.dot", "cpu", "cpu", FUNCTIONS, 0, 0, 0, 0, 0, 0, 0},
    {"cpu.flat.functions.call_tree.dot", "cpu", "cpu", FUNCTIONS, 0, 0, 0, 0,
     0, 0, 1},
    {"heap.flat.lines.dot.focus", "heap", "inuse_space", LINES, "[12]00", 0, 0,
     0, 0, 0, 0},
    {"heap.flat.inuse_space.dot.focus", "heap", "inuse_space", FUNCTIONS, 0, 0,
     0, "1mb:2gb", 0, 0, 0},
    {"heap_sizetags.dot", "heap_sizetags", "inuse_space", FUNCTIONS, 0, 0, 0,
     0, 0, 0, 0},
    {"heap_alloc.flat.alloc_space.dot.focus", "heap_alloc", "alloc_space",
     FUNCTIONS, "[234]00", 0, 0, 0, 0, 0, 0},
    {"heap_alloc.flat.alloc_space.dot.hide", "heap_alloc", "alloc_space",
     FUNCTIONS, 0, 0, "line.*1?23?", 0, 0, 0, 0},
    {"contention.flat.addresses.dot.focus.ignore", "contention", "delay",
     LINES | KEEP_ADDRESS, "[X1]000", "[X3]002", 0, 0, 0, 0, 0},
    {"contention.cum.files.dot", "contention", "delay", FILES, 0, 0, 0, 0, 0,
     1, 0},
    {"long_name_funcs.dot", "long_name_funcs", "cpu", FUNCTIONS, 0, 0, 0, 0,
     0, 0, 0},
};
/* clang-format on */

static struct regex *pattern(const char *text)
{
    struct regex *re = NULL;
    struct err err = {0};
    assert_ok(!text || regex_new(span_of(text), &re, &err), &err);
    return re;
}

static struct tag_filter *tags(const char *text)
{
    struct tag_filter *f = NULL;
    struct err err = {0};
    assert_ok(!text || tag_filter_new(SPAN_LIT("tagfocus"), span_of(text), &f,
                                      NULL, &err),
              &err);
    return f;
}

static void select_of(struct profile *p, const struct golden *g,
                      const struct label_units *units)
{
    struct err err = {0};
    struct frame_matches matched;
    bool has_focus = false;
    bool has_ignore = false;
    const struct frame_filter frames = {.focus = pattern(g->focus),
                                        .ignore = pattern(g->ignore),
                                        .hide = pattern(g->hide)};
    struct tag_filter *focus = tags(g->tag_focus);
    struct tag_filter *ignore = tags(g->tag_ignore);
    assert_ok(profile_filter_frames(p, &frames, &matched, &err), &err);
    assert_ok(profile_filter_tags(p, units, focus, ignore, &has_focus,
                                  &has_ignore, &err),
              &err);
    profile_aggregate(p, g->keep);
    regex_free(frames.focus);
    regex_free(frames.ignore);
    regex_free(frames.hide);
    tag_filter_free(focus);
    tag_filter_free(ignore);
}

static void assert_same_lines(struct span got, struct span want)
{
    struct span a = {0};
    struct span b = {0};
    for (size_t n = 1;; n++) {
        const bool more_a = span_line(&got, &a);
        const bool more_b = span_line(&want, &b);
        if (!more_a && !more_b) {
            return;
        }
        if (more_a != more_b || !span_eq(a, b)) {
            fail_msg("line %zu\n%.*s\nis not\n%.*s", n, (int)a.len, a.p,
                     (int)b.len, b.p);
        }
    }
}

static void a_golden_of_google_pprof(void **state)
{
    const struct golden *g = *state;
    char path[256];
    (void)snprintf(path, sizeof(path), "peer/pprof/goldens/pprof.%s", g->name);
    const char *golden = test_shared(path);
    (void)snprintf(path, sizeof(path), "peer/pprof/inputs/%s.pb.gz", g->input);
    const char *input = test_shared(path);
    if (!golden || !input) {
        skip();
    }
    struct buf want = test_read_file(golden);
    struct buf in = test_read_file(input);
    struct err err = {0};
    struct profile *p = NULL;
    assert_ok(profile_decode(buf_view(&in), &p, &err), &err);
    assert_ok(profile_prune(p, &err), &err);
    const int column = profile_type_index(p, g->type);
    assert_true(column >= 0);
    struct label_units units = {0};
    assert_ok(label_units_find(p, &units, NULL, &err), &err);
    struct pprof_options o = made_options(p, (uint32_t)column);
    o.title = span_of(profile_text(p, p->mappings[0].file));
    o.title = span_from(o.title, span_rfind_char(o.title, '/') + 1);
    o.label_units = &units;
    o.node_count = 20;
    o.node_fraction = 0.05;
    o.edge_fraction = 0.01;
    o.sorts_cum = g->sorts_cum;
    o.is_call_tree = g->is_call_tree;
    struct span filters[5];
    char texts[5][64];
    const char *const values[][2] = {
        {"focus",     g->focus     },
        {"ignore",    g->ignore    },
        {"hide",      g->hide      },
        {"tagfocus",  g->tag_focus },
        {"tagignore", g->tag_ignore}
    };
    for (size_t i = 0; i < 5; i++) {
        if (values[i][1]) {
            (void)snprintf(texts[i], sizeof(texts[i]), "%s=%s", values[i][0],
                           values[i][1]);
            filters[o.n_active_filters++] = span_of(texts[i]);
        }
    }
    o.active_filters = filters;
    select_of(p, g, &units);
    struct buf out = BUF_LIMIT(1u << 20);
    assert_ok(pprof_report_find(SPAN_LIT("dot"))->print(p, &o, &out, &err),
              &err);
    assert_same_lines(buf_view(&out), buf_view(&want));
    assert_int_equal(out.len, want.len);
    label_units_release(&units);
    profile_free(p);
    buf_release(&out);
    buf_release(&in);
    buf_release(&want);
}

/* --- Small graphs --- */

static struct buf dot(struct profile *p, const struct pprof_options *o)
{
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(pprof_report_find(SPAN_LIT("dot"))->print(p, o, &out, &err),
              &err);
    return out;
}

static void assert_has(const struct buf *b, const char *what)
{
    if (!span_has(buf_view(b), what)) {
        fail_msg("no %s in\n%s", what, b->data);
    }
}

static struct buf dot_of(const struct made_sample *samples, size_t n)
{
    struct profile *p = made_profile("space/bytes", samples, n);
    profile_aggregate(p, FUNCTIONS);
    const struct pprof_options o = made_options(p, 0);
    struct buf out = dot(p, &o);
    profile_free(p);
    return out;
}

static void an_empty_profile_is_a_legend(void **state)
{
    (void)state;
    struct buf out = dot_of(NULL, 0);
    assert_text(&out, "digraph \"service\" {\n"
                      "node [style=filled fillcolor=\"#f8f8f8\"]\n"
                      "subgraph cluster_L { \"File: service\" [shape=box "
                      "fontsize=16 label=\"File: service\\lType: space\\l"
                      "Showing nodes accounting for 0, 0% of 0 total\\l\\lSee "
                      "https://git.io/JfYMW for how to read the graph\\l\" "
                      "tooltip=\"service\"] }\n"
                      "}\n");
    buf_release(&out);
}

static void names_have_a_line_for_each_part(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "a.b/c.Map[...].Do \"x\\y\"", .values = {1}}
    };
    struct buf out = dot_of(samples, 1);
    assert_has(&out,
               "[label=\"c\\nMap[\u2026]\\nDo \\\"x\\\\y\\\"\\n1B (100%)\"");
    assert_has(&out, "tooltip=\"a.b/c.Map[...].Do \\\"x\\\\y\\\" (1B)\"");
    buf_release(&out);
}

static void gains_are_red_and_losses_green(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "gain", .values = {50} },
        {.stack = "loss", .values = {-50}},
    };
    struct buf out = dot_of(samples, 2);
    assert_has(&out, "tooltip=\"gain (50B)\" color=\"#b22100\" "
                     "fillcolor=\"#edd9d5\"");
    assert_has(&out, "tooltip=\"loss (-50B)\" color=\"#21b200\" "
                     "fillcolor=\"#d9edd5\"");
    buf_release(&out);
}

static void edges_say_what_was_inlined(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main>work;leaf", .values = {8}}
    };
    struct buf out = dot_of(samples, 1);
    assert_has(&out, "[label=\" 8B\\n (inline)\" weight=101 penwidth=6 "
                     "color=\"#b20000\" tooltip=\"main -> work (8B)\" "
                     "labeltooltip=\"main -> work (8B)\"]");
    assert_has(&out, "[label=\" 8B\" weight=101 penwidth=6 color=\"#b20000\" "
                     "tooltip=\"work -> leaf (8B)\" labeltooltip=\"work -> "
                     "leaf (8B)\"]");
    buf_release(&out);
}

static void edges_over_what_is_left_out_are_dotted(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main;thin;work", .values = {900}},
        {.stack = "main",           .values = {100}},
    };
    struct profile *p = made_profile("space/bytes", samples, 2);
    struct pprof_options o = made_options(p, 0);
    o.node_count = 2;
    struct buf out = dot(p, &o);
    assert_has(&out, "tooltip=\"main ... work (900B)\" labeltooltip=\"main ... "
                     "work (900B)\" style=\"dotted\"]");
    buf_release(&out);
    profile_free(p);
}

static void labels_are_small_boxes(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main", .values = {8}, .label = "k=v"},
        {.stack = "main;work",               .values = {2}        },
    };
    struct buf out = dot_of(samples, 2);
    assert_has(&out, "N1_0 [label = \"k:v\" id=\"N1_0\" fontsize=8 "
                     "shape=box3d tooltip=\"8B\"]\n"
                     "N1 -> N1_0 [label=\" 8B\" weight=100 tooltip=\"8B\" "
                     "labeltooltip=\"8B\"]\n");
    /* What has some is set apart from what it calls. */
    assert_has(&out, "labeltooltip=\"main -> work (2B)\" minlen=2]");
    buf_release(&out);
}

static void many_numbers_become_four_ranges(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "f", .values = {90}, .bytes = 16     },
        {.stack = "f", .values = {80}, .bytes = 1024   },
        {.stack = "f", .values = {70}, .bytes = 4096   },
        {.stack = "f", .values = {60}, .bytes = 1 << 20},
        {.stack = "f", .values = {50}, .bytes = 24     },
        {.stack = "f", .values = {40}, .bytes = 2 << 20},
        {.stack = "f", .values = {10}, .bytes = 8      },
 /* as far from 16 as from 1024 */
        {.stack = "f", .values = {5},  .bytes = 520    },
    };
    struct profile *p = made_profile("space/bytes", samples, 8);
    struct label_units units = {0};
    struct err err = {0};
    assert_ok(label_units_find(p, &units, NULL, &err), &err);
    struct pprof_options o = made_options(p, 0);
    o.label_units = &units;
    struct buf out = dot(p, &o);
    assert_has(&out, "NN1_0 [label = \"8B..520B\" id=\"NN1_0\" fontsize=8 "
                     "shape=box3d tooltip=\"155B\"]\n");
    assert_has(&out, "NN1_1 [label = \"1MB..2MB\"");
    assert_has(&out, "NN1_2 [label = \"1kB\"");
    assert_has(&out, "NN1_3 [label = \"4kB\"");
    assert_false(span_has(buf_view(&out), "NN1_4"));
    buf_release(&out);
    label_units_release(&units);
    profile_free(p);
}

static bool print_one(void *ctx, struct err *err)
{
    const struct pprof_options o = made_options(ctx, 0);
    struct buf out = BUF_LIMIT(1u << 20);
    const bool ok =
        pprof_report_find(SPAN_LIT("dot"))->print(ctx, &o, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    const struct made_sample samples[] = {
        {.stack = "main>work;leaf", .values = {8}, .label = "k=v", .bytes = 9}
    };
    struct profile *p = made_profile("space/bytes", samples, 1);
    assert_true(oom_walk(print_one, p) > 5);
    profile_free(p);
}

int main(void)
{
    enum { N_GOLDENS = sizeof(goldens) / sizeof(goldens[0]) };
    const struct CMUnitTest small[] = {
        cmocka_unit_test(an_empty_profile_is_a_legend),
        cmocka_unit_test(names_have_a_line_for_each_part),
        cmocka_unit_test(gains_are_red_and_losses_green),
        cmocka_unit_test(edges_say_what_was_inlined),
        cmocka_unit_test(edges_over_what_is_left_out_are_dotted),
        cmocka_unit_test(labels_are_small_boxes),
        cmocka_unit_test(many_numbers_become_four_ranges),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    enum { N_SMALL = sizeof(small) / sizeof(small[0]) };
    struct CMUnitTest tests[N_GOLDENS + N_SMALL] = {{0}};
    for (size_t i = 0; i < N_GOLDENS; i++) {
        tests[i] = (struct CMUnitTest){.name = goldens[i].name,
                                       .test_func = a_golden_of_google_pprof,
                                       .initial_state = test_case(&goldens[i])};
    }
    memcpy(tests + N_GOLDENS, small, sizeof(small));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
