#include "series/made.h"

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { N_MAX = 8 };

enum flag { IS_DELTA = 1, IS_TEXT = 2 };

/* What goes in, how many points come out, and what is said of each input;
   NULL says nothing, "-" that it is unused. */
static const struct role_case {
    const char *name;
    struct {
        const char *source;
        double seconds;
        enum profile_kind kind;
        unsigned flags;
        bool used;
        const char *why;
    } in[N_MAX];
    size_t n_heap, n_goroutine, n_leak;
} cases[] = {
    {"heap_and_goroutine_of_a_moment_are_both_points",
     {{"01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL},
      {"01.heap", 1, KIND_HEAP, 0, true, NULL}},
     1, 1,
     0},
    {"text_beside_a_proto_is_evidence",
     {{"01.heap.debug1.txt", -1, KIND_HEAP, IS_TEXT, true,
       "evidence beside the profile of the moment"},
      {"01.heap.pb.gz", 1, KIND_HEAP, 0, true, NULL}},
     1, 0,
     0},
    {"debug_in_a_query_is_no_part_of_the_number",
     {{"01.goroutine?debug=1", -1, KIND_GOROUTINE, IS_TEXT, true,
       "evidence beside the profile of the moment"},
      {"01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL}},
     0, 1,
     0},
    {"a_go_version_is_no_part_of_the_number",
     {{"go1.23.5-01.goroutine.debug1", -1, KIND_GOROUTINE, IS_TEXT, true,
       "evidence beside the profile of the moment"},
      {"go1.23.5-01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL}},
     0, 1,
     0},
    {"text_alone_is_a_point",
     {{"01.heap.debug1", -1, KIND_HEAP, IS_TEXT, true, NULL},
      {"02.heap.debug1", -1, KIND_HEAP, IS_TEXT, true, NULL}},
     2, 0,
     0},
    {"text_of_another_moment_is_a_point",
     {{"01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL},
      {"02.goroutine.debug1", -1, KIND_GOROUTINE, IS_TEXT, true, NULL}},
     0, 2,
     0},
    {"allocs_are_points_where_no_heap_profile_is",
     {{"01.allocs", 1, KIND_ALLOCS, 0, true, NULL},
      {"02.allocs", 2, KIND_ALLOCS, 0, true, NULL}},
     2, 0,
     0},
    {"allocs_are_unused_where_a_heap_profile_is",
     {{"01.allocs", 1, KIND_ALLOCS, 0, false,
       "heap profiles exist and say the same"},
      {"02.heap", 2, KIND_HEAP, 0, true, NULL}},
     1, 0,
     0},
    {"a_difference_over_time_is_no_level",
     {{"01.heap", 1, KIND_HEAP, IS_DELTA, false,
       "a difference over time (?seconds=), not a level"},
      {"02.heap", 2, KIND_HEAP, 0, true, NULL}},
     1, 0,
     0},
    {"only_differences_leave_allocs_to_be_points",
     {{"01.allocs", 1, KIND_ALLOCS, 0, true, NULL},
      {"02.heap", 2, KIND_HEAP, IS_DELTA, false,
       "a difference over time (?seconds=), not a level"}},
     1, 0,
     0},
    {"two_equal_profiles_of_a_number_are_both_points",
     {{"a01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL},
      {"b01.goroutine", 2, KIND_GOROUTINE, 0, true, NULL}},
     0, 2,
     0},
    {"the_same_number_a_minute_later_is_another_moment",
     {{"a01.goroutine", 1, KIND_GOROUTINE, 0, true, NULL},
      {"b01.goroutine", 70, KIND_GOROUTINE, IS_TEXT, true, NULL}},
     0, 2,
     0},
    {"leak_profiles_have_a_plane_of_their_own",
     {{"01.goroutineleak", 1, KIND_GOROUTINELEAK, 0, true, NULL},
      {"02.goroutineleak", 2, KIND_GOROUTINELEAK, 0, true, NULL}},
     0, 0,
     2},
    {"block_and_cpu_profiles_take_no_part",
     {{"01.block", 1, KIND_BLOCK, 0, false, "takes no part in the verdict"},
      {"01.cpu", 1, KIND_CPU, 0, false, "takes no part in the verdict"}},
     0, 0,
     0},
    {"who_gives_a_heap_dump_is_told_what_reads_it",
     {{"end.heapdump", 1, KIND_HEAPDUMP, 0, false,
       "seep heap judges it, and --heap joins it with profiles"}},
     0, 0,
     0},
};

static void add_one(struct series *s, const struct role_case *c, size_t i)
{
    const bool is_heap =
        c->in[i].kind == KIND_HEAP || c->in[i].kind == KIND_ALLOCS;
    struct err err = {0};
    struct profile_builder *b = is_heap ? made_heap(1) : made_goroutine();
    if (is_heap) {
        /* Grows, so that no state repeats. */
        made_block(b, "main.a", 8, 10 + (double)i, 1 + (double)i);
    } else {
        made_count(b, "main.a", 1);
    }
    if (c->in[i].flags & IS_DELTA) {
        profile_builder_profile(b)->duration_nanos = 1000;
    }
    struct snapshot snap = {.source = c->in[i].source,
                            .kind = c->in[i].kind,
                            .form = c->in[i].flags & IS_TEXT ? FORM_TEXT
                                                             : FORM_PROTO};
    if (c->in[i].seconds >= 0) {
        snap.time_nanos = MADE_EPOCH + (int64_t)(c->in[i].seconds * 1e9);
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    assert_ok(series_add(s, &snap, &err), &err);
    snapshot_release(&snap);
}

static const struct series_input *input_of(const struct series *s,
                                           const char *source)
{
    size_t n = 0;
    const struct series_input *in = series_inputs(s, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(in[i].source, source) == 0) {
            return &in[i];
        }
    }
    fail_msg("no input %s", source);
    return NULL;
}

static void roles_are(void **state)
{
    const struct role_case *c = *state;
    struct series *s = series_new(NULL);
    size_t n = 0;
    for (; n < N_MAX && c->in[n].source; n++) {
        add_one(s, c, n);
    }
    made_finish(s);
    assert_int_equal(series_n_points(s, PLANE_HEAP), c->n_heap);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), c->n_goroutine);
    assert_int_equal(series_n_points(s, PLANE_LEAK), c->n_leak);
    for (size_t i = 0; i < n; i++) {
        const struct series_input *in = input_of(s, c->in[i].source);
        assert_int_equal(in->used, c->in[i].used);
        if (c->in[i].why) {
            assert_string_equal(in->why, c->in[i].why);
        } else {
            assert_null(in->why);
        }
    }
    series_free(s);
}

/* Where no goroutine profile exists at all, dumps are the points. */
static void dumps_alone_are_points(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < 3; i++) {
        const char *const names[] = {"1.dump", "2.dump", "3.dump"};
        struct goroutine_dump *d = made_dump();
        made_dumped(d, 7, "chan receive", 3, "main.a:5 main.b:9");
        made_dumped(d, 8, "chan receive", 3, "main.a:5 main.b:9");
        made_add_dump(s, d, names[i]);
    }
    made_finish(s);
    size_t n = 0;
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 3);
    const struct series_cell *c = series_cells(s, PLANE_GOROUTINE, 0, &n);
    assert_int_equal(n, 1);
    assert_int_equal(c[0].in_use, 2);
    series_free(s);
}

static void a_dump_is_evidence_of_states(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 7, "chan receive", 3, "main.a:5 main.b:9");
    made_add_dump(s, d, "01.goroutine.debug2");
    struct profile_builder *p = made_goroutine();
    made_count(p, "main.a:5 main.b:9", 1);
    made_add(s, p, KIND_GOROUTINE, "01.goroutine", 0);
    made_finish(s);
    size_t n = 0;
    const struct series_dump *dumps = series_dumps(s, &n);
    assert_int_equal(n, 1);
    assert_int_equal(dumps[0].n, 1);
    assert_int_equal(dumps[0].items[0].wait_minutes, 3);
    assert_string_equal(dumps[0].items[0].status, "chan receive");
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 1);
    assert_string_equal(input_of(s, "01.goroutine.debug2")->why,
                        "evidence: states, waits, creators");
    series_free(s);
}

static void a_dump_that_was_cut_off_says_so(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 7, "select", -1, "main.a:5");
    d->is_truncated = true;
    made_add_dump(s, d, "01.goroutine.debug2");
    made_finish(s);
    assert_string_equal(input_of(s, "01.goroutine.debug2")->why,
                        "evidence; cut off by Go's 64 MiB cap: counts in it "
                        "are too low");
    series_free(s);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(cases) + 2] = {
        cmocka_unit_test(a_dump_is_evidence_of_states),
        cmocka_unit_test(dumps_alone_are_points),
        cmocka_unit_test(a_dump_that_was_cut_off_says_so)};
    for (size_t i = 0; i < N_OF(cases); i++) {
        tests[i + 2] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = roles_are,
                                .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
