#include "test.h"

#include "base/regex.h"

#include <string.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Patterns Go refuses, with its own words (after "error parsing regexp: "). */
static const struct refused_case {
    const char *pattern, *text;
} refused_cases[] = {
    {"(a)\\1",      "invalid escape sequence: `\\1`"                },
    {"(?=a)",       "invalid or unsupported Perl syntax: `(?=`"     },
    {"(?!a)",       "invalid or unsupported Perl syntax: `(?!`"     },
    {"(?<=a)",      "invalid named capture: `(?<=a)`"               },
    {"(?>a)",       "invalid or unsupported Perl syntax: `(?>`"     },
    {"a*+",         "invalid nested repetition operator: `*+`"      },
    {"a**",         "invalid nested repetition operator: `**`"      },
    {"a*??",        "invalid nested repetition operator: `*??`"     },
    {"a{2}{3}",     "invalid nested repetition operator: `{2}{3}`"  },
    {"a{1001}",     "invalid repeat count: `{1001}`"                },
    {"a{3,2}",      "invalid repeat count: `{3,2}`"                 },
    {"(x{500}){3}", "invalid repeat count: `{3}`"                   },
    {"(?R)",        "invalid or unsupported Perl syntax: `(?R`"     },
    {"(?1)",        "invalid or unsupported Perl syntax: `(?1`"     },
    {"(?P>n)",      "invalid or unsupported Perl syntax: `(?P`"     },
    {"(?P=n)",      "invalid or unsupported Perl syntax: `(?P`"     },
    {"(?(1)a)",     "invalid or unsupported Perl syntax: `(?(`"     },
    {"(?#c)",       "invalid or unsupported Perl syntax: `(?#`"     },
    {"\\C",         "invalid escape sequence: `\\C`"                },
    {"\\Z",         "invalid escape sequence: `\\Z`"                },
    {"\\K",         "invalid escape sequence: `\\K`"                },
    {"\\R",         "invalid escape sequence: `\\R`"                },
    {"\\cA",        "invalid escape sequence: `\\c`"                },
    {"\\x{110000}", "invalid escape sequence: `\\x{110000`"         },
    {"\\x4",        "invalid escape sequence: `\\x4`"               },
    {"\\8",         "invalid escape sequence: `\\8`"                },
    {"\\",          "trailing backslash at end of expression: ``"   },
    {"a|*",         "missing argument to repetition operator: `*`"  },
    {"*a",          "missing argument to repetition operator: `*`"  },
    {"(*UTF)a",     "missing argument to repetition operator: `*`"  },
    {"(?i)*",       "missing argument to repetition operator: `*`"  },
    {"{2}",         "missing argument to repetition operator: `{2}`"},
    {"(a",          "missing closing ): `(a`"                       },
    {"a)",          "unexpected ): `a)`"                            },
    {"[a",          "missing closing ]: `[a`"                       },
    {"[]",          "missing closing ]: `[]`"                       },
    {"[z-a]",       "invalid character class range: `z-a`"          },
    {"[a-\\d]",     "invalid escape sequence: `\\d`"                },
    {"[[:foo:]]",   "invalid character class range: `[:foo:]`"      },
    {"[\\b]",       "invalid escape sequence: `\\b`"                },
    {"(?P<n",       "invalid named capture: `(?P<n`"                },
    {"(?P<>a)",     "invalid named capture: `(?P<>`"                },
    {"(?x)a",       "invalid or unsupported Perl syntax: `(?x`"     },
    {"(?i",         "invalid or unsupported Perl syntax: `(?i`"     },
    {"(?i-)a",      "invalid or unsupported Perl syntax: `(?i-)`"   },
};

static void what_go_refuses_is_refused_in_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(refused_cases); i++) {
        const struct refused_case *c = &refused_cases[i];
        struct regex *re = NULL;
        struct err err = {0};
        if (regex_new(span_of(c->pattern), &re, &err)) {
            fail_msg("accepted %s", c->pattern);
        }
        char wanted[200] = "error parsing regexp: ";
        strncat(wanted, c->text, sizeof(wanted) - strlen(wanted) - 1);
        assert_err(&err, ERR_USAGE, wanted);
        assert_null(re);
    }
}

/* Where the leftmost match lies, as Go's regexp finds it; -1 = none. */
static const struct match_case {
    const char *pattern, *text;
    int at, len;
} match_cases[] = {
    {"",                      "abc",          0,  0},
    {"b",                     "abc",          1,  1},
    {"^b",                    "abc",          -1, 0},
    {"a|ab",                  "ab",           0,  1},
    {"a+?",                   "aaa",          0,  1},
    {"(?U)a+",                "aaa",          0,  1},
    {"c$",                    "abc",          2,  1},
    {"c$",                    "abc\n",        -1, 0},
    {"(?m)c$",                "abc\n",        2,  1},
    {"(?m)^$",                "a\n",          2,  0},
    {"a.c",                   "a\nc",         -1, 0},
    {"(?s)a.c",               "a\nc",         0,  3},
    {"a.c",                   "a\rc",         0,  3},
    {"(?i)MAIN",              "x.main",       2,  4},
    {"(?i:A)b",               "ab",           0,  2},
    {"(?i:A)b",               "aB",           -1, 0},
    {"\\v",                   "a\nb\v",       3,  1},
    {"\\s",                   "\v",           -1, 0},
    {"[\\s]",                 "\v",           -1, 0},
    {"\\S",                   " \v",          1,  1},
    {"[\\S]",                 " \v",          1,  1},
    {"[^\\S]",                "a b",          1,  1},
    {"\\d+",                  "x42\xd9\xa3",  1,  2},
    {"\\W",                   "_az",          -1, 0},
    {"[\\W]",                 "_`{",          1,  1},
    {"\\pL+",
     "1\xc3\xa9"
     "a",                                     1,  3},
    {"\\p{Greek}",            "a\xce\xb1",    1,  2},
    {"\\P{Lu}",               "Ab",           1,  1},
    {"\\p{^Lu}",              "Ab",           1,  1},
    {"[[:alpha:]]+",          "1ab2",         1,  2},
    {"[[:^alpha:]]",          "ab2",          2,  1},
    {"[]a]+",                 "x]a",          1,  2},
    {"[^]a]",                 "]ab",          2,  1},
    {"[a-b-c]+",              "xa-c",         1,  3},
    {"[a[b]+",                "x[a",          1,  2},
    {"[[.a.]]",               ".]",           0,  2},
    {"[\\]\\-]+",             "x]-",          1,  2},
    {"\\Qa.b*\\E+",           "a.b**",        0,  5},
    {"\\Qa.b",                "xa.b",         1,  3},
    {"\\123\\07\\x41\\x{e9}", "S\aA\xc3\xa9", 0,  5},
    {"a{,5}",                 "a{,5}",        0,  5},
    {"a{2}",                  "aaa",          0,  2},
    {"a{2,}b{0,1}",           "aaab",         0,  4},
    {"a{0}b",                 "ab",           1,  1},
    {"a{2,x}",                "a{2,x}",       0,  6},
    {"^*a",                   "a",            0,  1},
    {"\\b+main\\b",           "x main.f",     2,  4},
    {"\\Aab\\z",              "ab",           0,  2},
    {"(?P<n>a)(?P<n>b)",      "ab",           0,  2},
    {"(?<name>a)",            "a",            0,  1},
    {"()*a",                  "a",            0,  1},
    {"\\(\\*T\\)\\.f",        "p.(*T).f",     2,  6},
    {"a#b c",                 "a#b c",        0,  5},
    {"}",                     "a}",           1,  1},
    {".",                     "\xe2\x82\xac", 0,  3},
    {"b",
     "a\xff"
     "b",                                     2,  1},
};

static void matches_are_go_s(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OF(match_cases); i++) {
        const struct match_case *c = &match_cases[i];
        struct regex *re = NULL;
        struct err err = {0};
        if (!regex_new(span_of(c->pattern), &re, &err)) {
            fail_msg("%s: %s", c->pattern, err.text);
        }
        bool matched = false;
        struct span where = {0};
        const struct span text = span_of(c->text);
        assert_ok(regex_find(re, text, &matched, &where, &err), &err);
        const int at = matched ? (int)(where.p - text.p) : -1;
        if (at != c->at || (matched && where.len != (size_t)c->len)) {
            fail_msg("%s on %s: at %d, %zu bytes", c->pattern, c->text, at,
                     where.len);
        }
        regex_free(re);
    }
}

static void explosions_are_bounded(void **state)
{
    (void)state;
    struct regex *re = NULL;
    struct err err = {0};
    char text[64];
    memset(text, 'a', sizeof(text));
    assert_ok(regex_new(SPAN_LIT("^(?:a|a)*(?:a|a)*[bc]$"), &re, &err), &err);
    bool matched = false;
    assert_false(regex_match(re, (struct span){text, 64}, &matched, &err));
    assert_err(&err, ERR_LIMIT,
               "regular expression needs too many steps on a text of 64 bytes");
    regex_free(re);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct buf deep = BUF_LIMIT(100000);
    buf_repeat(&deep, '(', 20000);
    buf_repeat(&deep, ')', 20000);
    struct regex *re = NULL;
    struct err err = {0};
    assert_false(regex_new(buf_view(&deep), &re, &err));
    assert_non_null(strstr(err.text, "expression nests too deeply"));
    buf_release(&deep);
}

static void invalid_utf8_is_refused(void **state)
{
    (void)state;
    struct regex *re = NULL;
    struct err err = {0};
    assert_false(regex_new(SPAN_LIT("ab\xff"), &re, &err));
    assert_err(&err, ERR_USAGE,
               "error parsing regexp: invalid UTF-8 at byte 2");
}

static void quoted_text_matches_itself(void **state)
{
    (void)state;
    const struct span text = SPAN_LIT("a.(*T[go.shape.int_0])^$|?+{1}\\");
    struct buf quoted = BUF_LIMIT(1000);
    regex_quote(text, &quoted);
    struct regex *re = NULL;
    struct err err = {0};
    bool matched = false;
    struct span where = {0};
    assert_ok(regex_new(buf_view(&quoted), &re, &err), &err);
    assert_ok(regex_find(re, text, &matched, &where, &err), &err);
    assert_true(matched && span_eq(where, text));
    regex_free(re);
    buf_release(&quoted);
}

static void garbage_never_crashes(void **state)
{
    (void)state;
    static const char alphabet[] = "ab()[]{}|*+?\\^$-:.,0129pPQExdsSwzi<>=!U&";
    uint64_t seed = 99;
    for (int i = 0; i < 20000; i++) {
        char pattern[24];
        const size_t n = (size_t)(test_random(&seed) % sizeof(pattern));
        for (size_t k = 0; k < n; k++) {
            pattern[k] = alphabet[test_random(&seed) % (sizeof(alphabet) - 1)];
        }
        struct regex *re = NULL;
        struct err err = {0};
        if (regex_new((struct span){pattern, n}, &re, &err)) {
            bool matched = false;
            (void)!regex_match(re, SPAN_LIT("ab(a)b-0192"), &matched, &err);
            regex_free(re);
        } else {
            assert_int_equal(err.code, ERR_USAGE);
        }
    }
}

static bool compile_and_match(void *ctx, struct err *err)
{
    (void)ctx;
    struct regex *re = NULL;
    bool matched = false;
    const bool ok =
        regex_new(SPAN_LIT("^((main)\\.[a-z]{2,9}|x)+$"), &re, err) &&
        regex_match(re, SPAN_LIT("main.run"), &matched, err);
    regex_free(re);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    assert_true(oom_walk(compile_and_match, NULL) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_go_refuses_is_refused_in_its_words),
        cmocka_unit_test(matches_are_go_s),
        cmocka_unit_test(explosions_are_bounded),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(invalid_utf8_is_refused),
        cmocka_unit_test(quoted_text_matches_itself),
        cmocka_unit_test(garbage_never_crashes),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
