/* Go's quoted strings and label sets. */
#include "test.h"

#include "input/quoted_private.h"

struct quoted_case {
    const char *in, *out; /* out NULL: refused */
};

static const struct quoted_case cases[] = {
    {"\"plain\"",                   "plain"                    },
    {"\"\"",                        ""                         },
    {"\"a \\\"b\\\" \\\\ c\"",      "a \"b\" \\ c"             },
    {"\"\\n\\t\\r\\a\\v\"",         "\n\t\r\a\v"               },
    {"\"\\x41\\u00e9\\U0001F600\"", "A\xc3\xa9\xf0\x9f\x98\x80"},
    {"\"\\u4e16\"",                 "\xe4\xb8\x96"             },
    {"\"open",                      NULL                       },
    {"\"end\\\"",                   NULL                       },
    {"\"\\u12\"",                   NULL                       },
    {"\"\\U00110000\"",             NULL                       },
    {"\"\\q\"",                     NULL                       },
    {"bare",                        NULL                       },
    {"",                            NULL                       },
};

static void quoted_text_is_unquoted_as_go_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_LIMIT(100);
        struct span rest = span_of(cases[i].in);
        const bool ok = quoted_take(&rest, &b);
        assert_int_equal(ok, cases[i].out != NULL);
        if (ok) {
            assert_string_equal(b.data ? b.data : "", cases[i].out);
            assert_int_equal(rest.len, 0);
        }
        buf_release(&b);
    }
}

/* "k=v;" of each pair, then "|" and the rest, or "failed". */
static void assert_set(const char *in, const char *want)
{
    struct buf b = BUF_LIMIT(200);
    struct label_cursor c = {0};
    label_begin(&c, span_of(in));
    struct label_pair pair;
    while (label_next(&c, &pair)) {
        buf_printf(&b, "%.*s=%.*s;", (int)pair.key.len, pair.key.p,
                   (int)pair.value.len, pair.value.p);
    }
    if (c.failed) {
        buf_str(&b, "failed");
    } else {
        buf_char(&b, '|');
        buf_span(&b, c.rest);
    }
    assert_string_equal(b.data, want);
    label_cursor_release(&c);
    buf_release(&b);
}

static void label_sets_of_both_forms_are_read(void **state)
{
    (void)state;
    assert_set("{\"a\":\"1\", \"b\":\"2\"}", "a=1;b=2;|");
    assert_set("{\"a\": \"}\", \"\": \"\"}]:", "a=};=;|]:");
    assert_set("{}", "|");
}

static void broken_label_sets_fail(void **state)
{
    (void)state;
    assert_set("", "failed");
    assert_set("{", "failed");
    assert_set("{\"a\":\"1\"", "a=1;failed");
    assert_set("{\"a\" \"1\"}", "failed");
    assert_set("{\"a\":\"1\" \"b\":\"2\"}", "a=1;failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_text_is_unquoted_as_go_does),
        cmocka_unit_test(label_sets_of_both_forms_are_read),
        cmocka_unit_test(broken_label_sets_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
