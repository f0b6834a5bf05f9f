/* Questions asked of evidence: shares by growth, staircases, words. */
#include "rules/spec.h"

static void patterns_are_exact_or_prefixes(void **state)
{
    (void)state;
    assert_true(evidence_name_fits("io.ReadAll", "io.ReadAll"));
    assert_false(evidence_name_fits("io.ReadAllX", "io.ReadAll"));
    assert_true(evidence_name_fits("io.ReadAllX", "io.ReadAll*"));
    assert_false(evidence_name_fits("", "io*"));
}

static void words_are_whole_camel_case_words(void **state)
{
    (void)state;
    assert_true(name_has_word("main.(*Bus).Subscribe", "Subscribe"));
    assert_true(name_has_word("a.dev/x.(*Bus).reSubscribe", "Subscribe"));
    assert_true(name_has_word("a.dev/x.subscribe", "Subscribe"));
    assert_false(name_has_word("main.(*Bus).Subscriber", "Subscribe"));
    assert_false(name_has_word("main.(*Bus).Resubscribe", "Subscribe"));
    assert_false(name_has_word("cache.dev/cache.load", "Cache"));
    assert_true(name_has_word("cache.dev/cache.(*Cache).load", "Cache"));
    assert_false(name_has_word("main.Once", "On"));
    assert_true(name_has_word("main.(*Bus).On", "On"));
    assert_false(name_has_word("", "On"));
}

static void share_counts_growth_only(void **state)
{
    (void)state;
    const struct frame a[] = {
        {.function = "context.WithCancel", .origin = ORIGIN_STD},
        {.function = "main.f"                               }
    };
    const struct frame b[] = {{.function = "main.f"}};
    const struct evidence_stack stacks[] = {
        {.frames = a, .n_frames = 2, .delta = 30  },
        {.frames = b, .n_frames = 1, .delta = 70  },
        {.frames = a, .n_frames = 2, .delta = -500},
    };
    const struct evidence e = {.has_site = true,
                               .site = {.function = "main.f"},
                               .stacks = stacks,
                               .n_stacks = 3};
    assert_float_equal(evidence_share_called(&e, "context.*"), 0.3, 1e-9);
    assert_float_equal(evidence_share_with(&e, "main.f"), 1.0, 1e-9);
    assert_string_equal(evidence_callee(&e), "context.WithCancel");
    assert_true(evidence_has_frame(&e, "main.f"));
    assert_false(evidence_any_frame(&e, "main.g"));
}

static void no_stacks_means_no_answers(void **state)
{
    (void)state;
    const struct evidence e = {0};
    struct staircase s;
    assert_null(evidence_callee(&e));
    assert_false(evidence_has_frame(&e, "*"));
    assert_float_equal(evidence_share_with(&e, "*"), 0, 0);
    assert_false(evidence_staircase(&e, &s));
}

struct stairs_row {
    const char *name;
    struct evidence_size sizes[3];
    bool found, doubling;
};

/* At 512 KiB one sampled block of 80 KiB counts as 6.9. */
static const struct stairs_row stairs_rows[] = {
    {"doubled",           {{81920, 0, 6.9}, {40960, 13.3, 0}},    true,  true },
    {"four times",        {{81920, 0, 6.9}, {20480, 26.1, 0}},    true,  true },
    {"by a quarter more", {{51200, 0, 10.7}, {40960, 13.3, 0}},   true,  false},
    {"both stay",         {{81920, 0, 6.9}, {40960, 13.3, 13.3}}, false, false},
    {"many of them",      {{81920, 0, 69}, {40960, 133, 0}},      false, false},
    {"shrank",            {{40960, 0, 13.3}, {81920, 6.9, 0}},    false, false},
    {"small objects",     {{512, 0, 1024}, {256, 2048, 0}},       false, false},
};

static void staircases_are_one_block_replaced(void **state)
{
    (void)state;
    const struct series_about about = {.heap_period_bytes = 524288};
    for (size_t i = 0; i < sizeof(stairs_rows) / sizeof(stairs_rows[0]); i++) {
        const struct stairs_row *row = &stairs_rows[i];
        const struct evidence e = {
            .sizes = row->sizes, .n_sizes = 2, .about = &about};
        struct staircase s = {0};
        if (evidence_staircase(&e, &s) != row->found ||
            s.is_doubling != row->doubling) {
            fail_msg("%s", row->name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_exact_or_prefixes),
        cmocka_unit_test(words_are_whole_camel_case_words),
        cmocka_unit_test(share_counts_growth_only),
        cmocka_unit_test(no_stacks_means_no_answers),
        cmocka_unit_test(staircases_are_one_block_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
