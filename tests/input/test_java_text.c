/* Profiles of Java programs: attributes, samples and the table of names. */
#include "raw_text.h"

#include "input/java_private.h"

#define HEAP "--- heapz 1 ---\nformat = java\nresolution = bytes\n"

static void numbers_stand_the_other_way_round(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(HEAP "  2097152    4 @ 0x1 0x2\n\n"
                                              "0x1 A.f (A.java:3)\n");
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_HEAP);
    /* scaleHeapSample(4, 2097152, 524288) */
    assert_int_equal(p->values[0], 6);
    assert_int_equal(p->values[1], 3317645);
    assert_int_equal(p->labels[0].num, 524288);
    assert_int_equal(p->period, 0);
    assert_string_equal(sample_leaf(p, 0), "A.f");
    snapshot_release(&s);
}

struct frame_case {
    const char *line;
    const char *function, *file;
    int64_t line_number;
};

static const struct frame_case frame_cases[] = {
    {"0x1 A.f (A.java:3)",           "A.f",       "A.java",   3 },
    {"  0x1\tA.f(int)  (A.java:3) ", "A.f(int) ", "A.java",   3 },
    {"0x1 A.f (A.java:-7)",          "A.f",       "A.java",   0 },
    {"0x1 f (x) (A:B.java:12)",      "f (x)",     "A:B.java", 12},
    {"0x1 f (a (:12)",               "f",         "a (",      12},
    {"0x1 memcpy (/lib/x/libc.so/)", "memcpy",    "libc.so",  0 },
    {"0x1 memcpy ()",                "memcpy",    ".",        0 },
    {"0x1 memcpy (//)",              "memcpy",    "/",        0 },
    {"0x1 [generated stub/JIT] 0x7", "STUB",      "",         0 },
    {"0x1 VM(x)",                    "VM(x)",     "",         0 },
    {"0x00000000000000000001 GC",    "GC",        "",         0 },
};

static void names_are_cut_as_pprof_cuts_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(frame_cases) / sizeof(frame_cases[0]); i++) {
        const struct frame_case *const c = &frame_cases[i];
        struct buf text = BUF_LIMIT(1000);
        buf_printf(&text, HEAP "8 1 @ 0x1\n%s", c->line);
        struct snapshot s = snapshot_of(buf_view(&text));
        const struct profile *const p = s.profile;
        assert_int_equal(p->n_functions, 1);
        assert_string_equal(profile_text(p, p->functions[0].name), c->function);
        assert_string_equal(profile_text(p, p->functions[0].file), c->file);
        assert_int_equal(p->lines[0].line, c->line_number);
        snapshot_release(&s);
        buf_release(&text);
    }
}

static void the_last_line_about_a_location_counts(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(HEAP "8 1 @ 0x1 0x2 0x3\n"
                                              "0x1 A.f (A.java:3)\n"
                                              "0x2 A.g (A.java:4)\n"
                                              "0x1 A.g (B.java:5)\n"
                                              "0x9 A.h (B.java:5)\n"
                                              "nonsense\n0x1\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->n_locations, 3);
    assert_int_equal(p->n_functions, 1);
    assert_string_equal(profile_text(p, p->functions[0].file), "A.java");
    assert_int_equal(p->lines[p->locations[0].first_line].line, 5);
    assert_int_equal(p->locations[0].mapping, PROFILE_NONE);
    /* The one without a name lies in a mapping of everything. */
    assert_int_equal(p->locations[2].n_lines, 0);
    assert_int_equal(p->locations[2].address, 0);
    assert_int_equal(p->locations[2].mapping, 0);
    assert_true(p->mappings[0].limit == UINT64_MAX);
    snapshot_release(&s);
}

static void contention_is_told_from_that_of_c(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("--- contentionz 1 ---\nformat = java\n"
                         "resolution = microseconds\n"
                         "sampling period = 100\nms since reset = 16\n"
                         "  12 4 @ 0x1\n");
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_BLOCK);
    assert_string_equal(profile_text(p, p->types[1].unit), "microseconds");
    assert_int_equal(p->values[0], 400);
    assert_int_equal(p->values[1], 1200);
    assert_int_equal(p->period, 100);
    assert_int_equal(p->duration_nanos, 16000000);
    snapshot_release(&s);
    assert_false(java_text_begins(
        SPAN_LIT("--- contentionz 1 ---\nsampling period = 100\n1 1 @ 0x1\n"
                 "format = java\n")));
    assert_false(java_text_begins(SPAN_LIT("--- contentionz 2 ---\n")));
}

struct bad_case {
    const char *text, *message;
};

static const struct bad_case bad_cases[] = {
    {"--- heapz 1 ---\nformat = c\n",
     "Java profile text, line 2: a format other than java"                                      },
    {"--- heapz 1 ---\nsampling period = 1\n",
     "Java profile text, line 2: unknown attribute"                                             },
    {"--- heapz 1 ---\n8 1 @ 0x1\n",
     "Java profile text, line 2: sample without a resolution"                                   },
    {HEAP "8 0 @ 0x1\n",                        "Java profile text, line 4: bytes of no objects"},
    {HEAP "08 1 @ 0x1\n",                       "Java profile text, line 4: not a number"       },
    {HEAP "8 1 @ 0x1\n0x10000000000000000 f\n",
     "Java profile text: location beyond 64 bits"                                               },
};

static void broken_text_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        assert_refused(span_of(bad_cases[i].text), ERR_FORMAT,
                       bad_cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_the_other_way_round),
        cmocka_unit_test(names_are_cut_as_pprof_cuts_them),
        cmocka_unit_test(the_last_line_about_a_location_counts),
        cmocka_unit_test(contention_is_told_from_that_of_c),
        cmocka_unit_test(broken_text_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
