#include "test.h"

#include <string.h>

static const struct find_case {
    const char *text, *needle;
    size_t at;
} find_cases[] = {
    {"",         "a",    0},
    {"",         "",     0},
    {"abc",      "",     0},
    {"abc",      "abc",  0},
    {"abc",      "c",    2},
    {"abc",      "abcd", 3},
    {"aab",      "ab",   1},
    {"ababac",   "abac", 2},
    {"aaaaaaab", "aab",  5},
    {"abc",      "d",    3},
};

static void order_is_of_bytes_and_then_of_length(void **state)
{
    (void)state;
    static const char *const ascending[] = {"", "A", "a", "ab", "b", "\xff"};
    enum { N = sizeof(ascending) / sizeof(ascending[0]) };
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            const int order =
                span_compare(span_of(ascending[i]), span_of(ascending[k]));
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
    assert_int_equal(span_compare((struct span){NULL, 0}, SPAN_LIT("")), 0);
}

static void base_name_is_the_last_element(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"",      "."  },
        {"a",     "a"  },
        {"a/b",   "b"  },
        {"/a/b/", "b"  },
        {"a//",   "a"  },
        {"/",     "/"  },
        {"///",   "/"  },
        {"/a",    "a"  },
        {".",     "."  },
        {"a/b.c", "b.c"}
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct span base = span_base_name(span_of(rows[i][0]));
        assert_true(span_is(base, rows[i][1]));
    }
}

static void base_name_of_a_text_is_its_end(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"",     "" },
        {"a",    "a"},
        {"/a/b", "b"},
        {"a/",   "" }
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(text_base_name(rows[i][0]), rows[i][1]);
    }
}

static void find_gives_the_first_or_the_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(find_cases) / sizeof(find_cases[0]); i++) {
        const struct find_case *c = &find_cases[i];
        assert_int_equal(span_find(span_of(c->text), c->needle), c->at);
    }
    assert_true(span_has(SPAN_LIT("abc"), ""));
    assert_true(span_has(SPAN_LIT("abc"), "bc"));
    assert_false(span_has(SPAN_LIT("abc"), "bd"));
}

static void find_does_not_look_past_the_end(void **state)
{
    (void)state;
    const struct span cut = {"needle", 5};
    assert_int_equal(span_find(cut, "needle"), 5);
    assert_int_equal(span_find_char(cut, 'l'), 4);
    assert_int_equal(span_find_char((struct span){"ab", 1}, 'b'), 1);
}

static void chars_are_found_from_both_ends(void **state)
{
    (void)state;
    const struct span s = SPAN_LIT("a/b/c");
    assert_int_equal(span_find_char(s, '/'), 1);
    assert_int_equal(span_rfind_char(s, '/'), 3);
    assert_int_equal(span_rfind_char(s, 'x'), 5);
    assert_int_equal(span_rfind_char((struct span){0}, 'x'), 0);
}

static void trim_removes_blanks_at_both_ends(void **state)
{
    (void)state;
    assert_true(span_is(span_trim(SPAN_LIT(" \t a b \r")), "a b"));
    assert_true(span_is(span_trim(SPAN_LIT(" \t ")), ""));
    assert_true(span_is(span_trim((struct span){0}), ""));
}

static void prefix_and_suffix(void **state)
{
    (void)state;
    assert_true(span_starts(SPAN_LIT("abc"), "ab"));
    assert_false(span_starts(SPAN_LIT("a"), "ab"));
    assert_true(span_ends(SPAN_LIT("abc"), "bc"));
    assert_false(span_ends(SPAN_LIT("c"), "bc"));
    assert_null(span_from((struct span){0}, 3).p);
    assert_true(span_is(span_from(SPAN_LIT("abc"), 9), ""));
    assert_true(span_is(span_first(SPAN_LIT("abc"), 9), "abc"));
}

static void lines_are_cut_until_nothing_is_left(void **state)
{
    (void)state;
    struct span rest = SPAN_LIT("one\n\nthree\r\nlast");
    struct span line = {0};
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "one"));
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, ""));
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "three\r"));
    assert_true(span_line(&rest, &line));
    assert_true(span_is(line, "last"));
    assert_false(span_line(&rest, &line));
}

static void a_final_newline_makes_no_extra_line(void **state)
{
    (void)state;
    struct span rest = SPAN_LIT("one\n");
    struct span line = {0};
    assert_true(span_line(&rest, &line));
    assert_false(span_line(&rest, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_of_bytes_and_then_of_length),
        cmocka_unit_test(base_name_is_the_last_element),
        cmocka_unit_test(base_name_of_a_text_is_its_end),
        cmocka_unit_test(find_gives_the_first_or_the_length),
        cmocka_unit_test(find_does_not_look_past_the_end),
        cmocka_unit_test(chars_are_found_from_both_ends),
        cmocka_unit_test(trim_removes_blanks_at_both_ends),
        cmocka_unit_test(prefix_and_suffix),
        cmocka_unit_test(lines_are_cut_until_nothing_is_left),
        cmocka_unit_test(a_final_newline_makes_no_extra_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
