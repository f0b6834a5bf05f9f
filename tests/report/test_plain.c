/* Text that is safe to print, measured and wrapped in columns. */
#include "test.h"

#include "report/plain.h"

#include <string.h>

static struct buf text(void)
{
    return BUF_LIMIT((size_t)1 << 20);
}

struct clean_row {
    const char *in, *out;
};

static const struct clean_row clean_rows[] = {
    {"main.f",       "main.f"                   },
    {"\x1b[31m",     "\\x1b[31m"                },
    {"a\nb\tc\x7f",  "a\\nb\\tc\\x7f"           },
    {"\xc2\x9b",     "\\x9b"                    },
    {"\xe2\x80\xae", "\\u202e"                  },
    {"\xff\xc3(",    "\xef\xbf\xbd\xef\xbf\xbd("},
    {"\xe4\xb8\xad", "\xe4\xb8\xad"             },
    {"",             ""                         },
    {NULL,           ""                         },
};

static void controls_and_bad_bytes_are_escaped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(clean_rows) / sizeof(clean_rows[0]); i++) {
        struct buf out = text();
        plain_clean(&out, clean_rows[i].in);
        assert_string_equal(out.data ? out.data : "", clean_rows[i].out);
        buf_release(&out);
    }
}

static void marks_cannot_pile_up(void **state)
{
    (void)state;
    struct buf in = text();
    struct buf out = text();
    buf_char(&in, 'e');
    for (size_t i = 0; i < 10000; i++) {
        buf_str(&in, "\xcc\x81");
    }
    plain_clean(&out, in.data);
    assert_true(plain_width(buf_view(&out)) > 4000);
    buf_release(&in);
    buf_release(&out);
}

static void huge_text_loses_its_middle_at_a_character(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        struct buf in = text();
        struct buf out = text();
        buf_repeat(&in, 'x', shift);
        for (size_t i = 0; i < 5000; i++) {
            buf_str(&in, "\xe4\xb8\xad");
        }
        plain_clean(&out, in.data);
        assert_true(out.len < 8200);
        assert_true(span_has(buf_view(&out), "..."));
        assert_false(span_has(buf_view(&out), "\xef\xbf\xbd"));
        buf_release(&in);
        buf_release(&out);
    }
}

static void json_text_keeps_controls(void **state)
{
    (void)state;
    struct buf out = text();
    plain_utf8(&out, "a\n\x1b\xff");
    assert_string_equal(out.data, "a\n\x1b\xef\xbf\xbd");
    buf_release(&out);
}

static void wide_characters_count_two(void **state)
{
    (void)state;
    assert_int_equal(plain_width(span_of("abc")), 3);
    assert_int_equal(plain_width(span_of("\xe4\xb8\xad\xe6\x96\x87")), 4);
    assert_int_equal(plain_width(span_of("e\xcc\x81")), 1);
    assert_int_equal(plain_width(span_of("")), 0);
}

struct elide_row {
    const char *in;
    size_t columns;
    bool ascii;
    const char *out;
};

static const struct elide_row elide_rows[] = {
    {"abcdefghij",                                       10, false, "abcdefghij"        },
    {"abcdefghij",                                       7,  false, "ab\xe2\x80\xa6ghij"},
    {"abcdefghij",                                       7,  true,  "ab...ij"           },
    {"abcdefghij",                                       2,  true,  ".."                },
    {"abcdefghij",                                       1,  false, "."                 },
    {"abcdefghij",                                       0,  false, ""                  },
    {"ab 40,310 x main.T",                               12, true,  "ab ...main.T"      },
    {"\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 5,  false,
     "\xe4\xb8\xad\xe2\x80\xa6\xe4\xb8\xad"                                             },
};

static void long_text_loses_its_middle(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(elide_rows) / sizeof(elide_rows[0]); i++) {
        const struct elide_row *row = &elide_rows[i];
        struct buf out = text();
        plain_elide(&out, span_of(row->in), row->columns, row->ascii);
        assert_string_equal(out.data ? out.data : "", row->out);
        assert_true(plain_width(buf_view(&out)) <= row->columns);
        buf_release(&out);
    }
}

struct wrap_row {
    const char *in;
    size_t used, indent, columns;
    const char *out;
};

static const struct wrap_row wrap_rows[] = {
    {"one two three",      0, 0, 80, "one two three"        },
    {"one two three",      0, 2, 10, "one two\n  three"     },
    {"one  two",           0, 0, 20, "one  two"             },
    {"three",              8, 2, 10, "\n  three"            },
    {"abcdefghijklmnop",   0, 2, 10, "abcdefghijklmnop"     },
    {"a abcdefghijklmnop", 2, 2, 10, "a\n  abcdefghijklmnop"},
    {"",                   0, 0, 10, ""                     },
    {"   ",                0, 0, 10, ""                     },
};

static void lines_end_between_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrap_rows) / sizeof(wrap_rows[0]); i++) {
        const struct wrap_row *row = &wrap_rows[i];
        struct buf out = text();
        plain_wrap(&out, span_of(row->in), row->used, row->indent,
                   row->columns);
        assert_string_equal(out.data ? out.data : "", row->out);
        buf_release(&out);
    }
}

/* Whatever the text, no line of words is wider than asked and no letter is
   lost; a long name stands whole on a line of its own. */
static void wrapping_never_exceeds_and_never_loses(void **state)
{
    (void)state;
    uint64_t seed = 7;
    static const char *const parts[] = {
        "a", "bb", " ", "  ", "\xe4\xb8\xad", "abcdefghijklmnopqrstuvwxyz"};
    for (size_t round = 0; round < 300; round++) {
        struct buf in = text();
        struct buf out = text();
        const size_t columns = 20 + test_random(&seed) % 40;
        for (size_t i = 0; i < 60; i++) {
            buf_str(&in, parts[test_random(&seed) % 6]);
        }
        plain_wrap(&out, buf_view(&in), 3, 3, columns);
        struct span rest = buf_view(&out);
        struct span line;
        for (size_t used = 3; span_line(&rest, &line); used = 0) {
            const struct span word = span_trim(line);
            assert_true(used + plain_width(line) <= columns ||
                        span_find_char(word, ' ') == word.len ||
                        plain_width(line) > 120);
        }
        size_t a = 0;
        size_t b = 0;
        for (size_t i = 0; i < in.len; i++) {
            a += in.data[i] != ' ';
        }
        for (size_t i = 0; i < out.len; i++) {
            b += out.data[i] != ' ' && out.data[i] != '\n';
        }
        assert_int_equal(a, b);
        buf_release(&in);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_and_bad_bytes_are_escaped),
        cmocka_unit_test(marks_cannot_pile_up),
        cmocka_unit_test(huge_text_loses_its_middle_at_a_character),
        cmocka_unit_test(json_text_keeps_controls),
        cmocka_unit_test(wide_characters_count_two),
        cmocka_unit_test(long_text_loses_its_middle),
        cmocka_unit_test(lines_end_between_words),
        cmocka_unit_test(wrapping_never_exceeds_and_never_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
