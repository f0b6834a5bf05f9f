/*
 * google/pprof's own expectations for its own profiles, those that need no
 * filter. They lie outside the repository; without them these tests are
 * skipped.
 */
#include "pprof_run.h"

enum {
    FUNCTIONS = KEEP_INLINES | KEEP_FUNCTION,
    ADDRESSES = KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE |
                KEEP_COLUMN | KEEP_ADDRESS
};

struct golden {
    const char *name, *input, *report, *pattern;
    unsigned keep;
    int64_t node_count;
    const char *type; /* NULL: the default */
    bool is_call_tree, is_unpruned;
};

static const struct golden goldens[] = {
    {"pprof.cpu.flat.functions.text",                 "cpu",             "text",      NULL,       FUNCTIONS, 20, NULL,
     false,                                                                                                                              false},
    {"pprof.cpu.flat.filefunctions.noinlines.text",   "cpu",             "text",      NULL,
     KEEP_FUNCTION | KEEP_FILE,                                                                              20, NULL,            false, false},
    {"pprof.unknown.flat.functions.call_tree.text",   "cpu",             "text",      NULL,
     FUNCTIONS,                                                                                              5,  NULL,            true,  false},
    {"pprof.heap.flat.files.text",                    "heap",            "text",      NULL,
     KEEP_INLINES | KEEP_FILE,                                                                               20, NULL,            false, false},
    {"pprof.heap.flat.inuse_objects.text",            "heap",            "text",      NULL,       FUNCTIONS, 20,
     "inuse_objects",                                                                                                             false, false},
    {"pprof.heap.flat.inuse_objects.text.all_frames", "heap",            "text",      NULL,
     FUNCTIONS,                                                                                              20, "inuse_objects", false, true },
    {"pprof.long_name_funcs.text",                    "long_name_funcs", "text",      NULL,       FUNCTIONS,
     20,                                                                                                         NULL,            false, false},
    {"pprof.cpusmall.flat.addresses.tree",            "cpusmall",        "tree",      NULL,       ADDRESSES,
     4,                                                                                                          NULL,            false, false},
    {"pprof.cpu.peek",                                "cpu",             "peek",      "line.*01", FUNCTIONS, 0,  NULL,            false,
     false                                                                                                                                    },
    {"pprof.cpu.traces",                              "cpu",             "traces",    NULL,       FUNCTIONS, 20, NULL,            false,
     false                                                                                                                                    },
    {"pprof.cpu.addresses.traces",                    "cpu",             "traces",    NULL,       ADDRESSES, 20, NULL,
     false,                                                                                                                              false},
    {"pprof.cpu.tags",                                "cpu",             "tags",      NULL,       FUNCTIONS, 20, NULL,            false, false},
    {"pprof.heap.tags",                               "heap",            "tags",      NULL,       FUNCTIONS, 20, NULL,            false,
     false                                                                                                                                    },
    {"pprof.heap.comments",                           "heap",            "comments",  NULL,       FUNCTIONS, 20, NULL,
     false,                                                                                                                              false},
    {"pprof.cpu.callgrind",                           "cpu",             "callgrind", NULL,       ADDRESSES, 0,  NULL,            false,
     false                                                                                                                                    },
    {"pprof.cpu.call_tree.callgrind",                 "cpu",             "callgrind", NULL,       ADDRESSES, 0,
     NULL,                                                                                                                        true,  false},
};

static struct profile *load(const char *path, bool is_pruned)
{
    struct buf bytes = test_read_file(path);
    struct profile *p;
    struct err err = {0};
    assert_ok(profile_decode(buf_view(&bytes), &p, &err), &err);
    assert_ok(!is_pruned || profile_prune(p, &err), &err);
    buf_release(&bytes);
    return p;
}

static void assert_golden(const struct golden *g, const char *input,
                          const char *want_path)
{
    struct profile *p = load(input, !g->is_unpruned);
    struct err err = {0};
    struct label_units units;
    uint32_t column;
    assert_ok(label_units_find(p, &units, NULL, &err), &err);
    assert_ok(profile_sample_index(p, span_of(g->type), &column, &err), &err);
    struct pprof_options o = run_options(p, column);
    o.label_units = &units;
    o.node_count = g->node_count;
    o.node_fraction = g->node_count > 0 ? 0.05 : 0;
    o.edge_fraction = g->node_count > 0 ? 0.01 : 0;
    o.is_call_tree = g->is_call_tree;
    o.symbol_text = span_of(g->pattern);
    assert_ok(g->pattern == NULL || regex_new(o.symbol_text, &o.symbol, &err),
              &err);
    if (g->keep != ADDRESSES) {
        profile_aggregate(p, g->keep);
    }
    struct buf want = test_read_file(want_path);
    struct buf out = run_report(g->report, p, &o);
    assert_string_equal(out.data, want.data);
    assert_int_equal(out.len, want.len);
    buf_release(&out);
    buf_release(&want);
    regex_free(o.symbol);
    label_units_release(&units);
    profile_free(p);
}

static void the_peers_expectations_are_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEST_N(goldens); i++) {
        const struct golden *g = &goldens[i];
        char relative[2][200];
        (void)snprintf(relative[0], sizeof(relative[0]),
                       "peer/pprof/inputs/%s.pb.gz", g->input);
        (void)snprintf(relative[1], sizeof(relative[1]),
                       "peer/pprof/goldens/%s", g->name);
        const char *input = test_shared(relative[0]);
        const char *want = test_shared(relative[1]);
        if (input == NULL) {
            skip();
        }
        if (want != NULL) { /* some are known by their digest only */
            assert_golden(g, input, want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_expectations_are_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
