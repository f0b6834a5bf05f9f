/* threadz: threads, those like the one before, and what is no thread. */
#include "raw_text.h"

#define FIRST                                                                  \
    "--- Thread 7f12 (name: main/14748) stack: ---\n"                          \
    "  PC: 0x401000 0x402001\n"

static void threads_without_a_heading_are_read(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(
        "\n# by hand\n" FIRST "--- Memory map: ---\n00400000-00450000: /a\n");
    const struct profile *const p = s.profile;
    assert_int_equal(s.form, FORM_TEXT);
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->locations[0].address, 0x401000);
    assert_int_equal(p->locations[1].address, 0x402000);
    assert_string_equal(profile_text(p, p->types[0].type), "thread");
    assert_string_equal(profile_text(p, p->mappings[0].file), "/a");
    snapshot_release(&s);
}

static void frames_may_stand_on_many_lines(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("--- threadz 1 ---\n\nwhatever\n" FIRST
                                         "      0x403001\n"
                                         "  0x404001: f(0x1)\n"
                                         "      creator: 0x405001\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->sample_off[1], 6);
    assert_int_equal(p->locations[4].address, 0);
    assert_int_equal(p->locations[5].address, 0x405000);
    snapshot_release(&s);
}

static void threads_like_the_one_before_are_counted(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(
        "--- threadz 1 ---\n" FIRST "--- Thread 8f (name: a/b/2) stack: ---\n"
        "  [same as previous thread] 0x1\n"
        "--- Thread 9f (name: c/3) stack: ---\n"
        "--- Thread af (name: d/4) stack: ---\n"
        "  PC: 0x501000 0x501000\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 3);
    assert_int_equal(p->values[1], 1);
    /* The leaf of the last one was noted twice. */
    assert_int_equal(p->sample_off[2] - p->sample_off[1], 1);
    assert_int_equal(p->n_locations, 4);
    snapshot_release(&s);
}

static void the_first_thread_has_none_before_it(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(
        "--- Thread 8f (name: a/2) stack: ---\n  [same as previous thread]\n");
    assert_int_equal(s.profile->n_samples, 0);
    snapshot_release(&s);
}

static void a_thread_without_a_trace_is_the_last(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(
        "--- threadz 1 ---\n" FIRST "---- no stack trace for thread 3\n" FIRST
        "--- Memory map: ---\n00400000-00450000: /a\n");
    assert_int_equal(s.profile->n_samples, 1);
    assert_int_equal(s.profile->values[0], 1);
    assert_int_equal(s.profile->n_mappings, 1);
    snapshot_release(&s);
}

struct bad_case {
    const char *text, *message;
    uint64_t offset;
};

static const struct bad_case bad_cases[] = {
    {FIRST "--- Thread 8f (name: a) stack: ---\n",
     "thread text, line 3: not a thread",                                               70},
    {FIRST "--- Something else ---\n",             "thread text, line 3: not a thread", 70},
    {FIRST " 0x10000000000000000\n",
     "thread text, line 3: address beyond 64 bits",                                     70},
    {"--- threadz 1 ---\nnothing\n",               "thread text: no thread in it",      26},
};

static void broken_text_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct snapshot s = {0};
        struct err err = {0};
        assert_false(input_decode(span_of(bad_cases[i].text), NULL, &s, &err));
        assert_err(&err, ERR_FORMAT, bad_cases[i].message);
        assert_true(err.has_offset);
        assert_int_equal(err.offset, bad_cases[i].offset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_without_a_heading_are_read),
        cmocka_unit_test(frames_may_stand_on_many_lines),
        cmocka_unit_test(threads_like_the_one_before_are_counted),
        cmocka_unit_test(the_first_thread_has_none_before_it),
        cmocka_unit_test(a_thread_without_a_trace_is_the_last),
        cmocka_unit_test(broken_text_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
