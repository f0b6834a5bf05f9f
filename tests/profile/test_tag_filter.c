#include "written.h"

struct tag_case {
    const char *focus, *ignore;
    const char *in;
    const char *values;  /* of the samples that are left */
    const char *matched; /* "f", "i" */
};

#define BYTES                                                                  \
    "1 a bytes:=16/bytes;2 a bytes:=1024/bytes;4 a id:=1024;8 a k=1024"
#define TAGS "1 a key1=tag1 key2=tag1;2 a key1=tag2;4 a key2=tag2 key1=x;8 a"

static const struct tag_case tag_cases[] = {
    {"",              "",         BYTES,                                           "1 2 4 8", "f" },
 /* Ranges: of one unit, both ends included, any key or one. */
    {"16b",           "",         BYTES,                                           "1",       "f" },
    {"16B",           "",         BYTES,                                           "1",       "f" },
    {"1kb",           "",         BYTES,                                           "2",       "f" },
    {"1kb:",          "",         BYTES,                                           "2 4",     "f" },
    {":1kb",          "",         BYTES,                                           "1 2",     "f" },
    {"16b:1kb",       "",         BYTES,                                           "1 2 4",   "f" },
    {"17b:1mb",       "",         BYTES,                                           "2 4",     "f" },
    {"bytes=16b:1kb", "",         BYTES,                                           "1 2",     "f" },
    {"id=16b:1kb",    "",         BYTES,                                           "4",       "f" },
    {"none=16b:1kb",  "",         BYTES,                                           "",        ""  },
    {"1s:",           "",         BYTES,                                           "4",       "f" },
 /* A number without a unit has its key for one; and what no table of units
  knows is taken as it is. */
    {"1024id",        "",         BYTES,                                           "4",       "f" },
    {"1024",          "",         BYTES,                                           "4",       "f" },
    {"-5:+5",         "",         "1 a n:=-5/count;2 a n:=6/count;4 a n:=5/count", "1 4",     "f" },
    {"=16b",          "",         BYTES,                                           "1",       "f" },
    {"",              "1kb:",     BYTES,                                           "1 8",     "fi"},
    {"16b:1kb",       "1kb",      BYTES,                                           "1 4",     "fi"},
    {"",              "2kb",      BYTES,                                           "1 2 4 8", "f" },
 /* No ranges: kinds that differ, more than a range. */
    {"1s:2kb",        "",         BYTES,                                           "",        ""  },
    {"10:20kb",       "",         BYTES,                                           "",        ""  },
    {"k:1024",        "",         BYTES,                                           "8",       "f" },
 /* Without a key all expressions must be found, in "key:value". */
    {"tag1",          "",         TAGS,                                            "1",       "f" },
    {"^key1:tag",     "",         TAGS,                                            "1 2",     "f" },
    {"tag2",          "",         TAGS,                                            "2 4",     "f" },
    {"key1:,tag2",    "",         TAGS,                                            "2 4",     "f" },
    {"tag2,key1:x",   "",         TAGS,                                            "4",       "f" },
    {",",             "",         TAGS,                                            "1 2 4",   "f" },
    {"",              "tag1",     TAGS,                                            "2 4 8",   "fi"},
    {"^tag1$",        "",         TAGS,                                            "",        ""  },
 /* With a key one of them will do, in the value. */
    {"key1=^tag1$",   "",         TAGS,                                            "1",       "f" },
    {"key1=tag1,x",   "",         TAGS,                                            "1 4",     "f" },
    {"key2=x",        "",         TAGS,                                            "",        ""  },
    {"key1=",         "",         TAGS,                                            "1 2 4",   "f" },
    {"key1=key1",     "",         TAGS,                                            "",        ""  },
    {"=key1:tag2",    "",         TAGS,                                            "2",       "f" },
    {"key1=tag",      "key2=tag", TAGS,                                            "2",       "fi"},
 /* Several values of one key. */
    {"k=b",           "",         "1 a k=a k=b;2 a k=a",                           "1",       "f" },
    {"3foo",          "",         "1 a k:=2/foo k:=3/foo;2 a k:=2",                "1",       "f" },
 /* The unit is the key's, not the label's. */
    {"1ms",           "",         "1 a k:=1/ms;2 a k:=1/s",                        "1 2",     "f" },
};

static struct tag_filter *filter_ok(const char *text, struct buf *notes)
{
    struct err err = {0};
    struct tag_filter *f = NULL;
    assert_ok(
        tag_filter_new(SPAN_LIT("tagfocus"), span_of(text), &f, notes, &err),
        &err);
    assert_true((f == NULL) == (text[0] == '\0'));
    return f;
}

static void filter_tags(struct profile *p, const char *focus,
                        const char *ignore, bool *focused, bool *ignored)
{
    struct err err = {0};
    struct label_units u;
    struct tag_filter *f = filter_ok(focus, NULL);
    struct tag_filter *i = filter_ok(ignore, NULL);
    assert_ok(label_units_find(p, &u, NULL, &err), &err);
    assert_ok(profile_filter_tags(p, &u, f, i, focused, ignored, &err), &err);
    label_units_release(&u);
    tag_filter_free(f);
    tag_filter_free(i);
}

static void samples_are_filtered_by_their_tags(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(tag_cases) / sizeof(tag_cases[0]); i++) {
        const struct tag_case *c = &tag_cases[i];
        bool focused = false;
        bool ignored = false;
        struct profile *p = written("samples/count", c->in);
        filter_tags(p, c->focus, c->ignore, &focused, &ignored);
        struct buf values = BUF_LIMIT(100);
        for (uint32_t s = 0; s < p->n_samples; s++) {
            buf_printf(&values, s != 0 ? " %" PRId64 : "%" PRId64,
                       p->values[s]);
        }
        if (!span_is(buf_view(&values), c->values)) {
            fail_msg("'%s' '%s' leaves '%s'", c->focus, c->ignore, values.data);
        }
        assert_int_equal(focused, strchr(c->matched, 'f') != NULL);
        assert_int_equal(ignored, strchr(c->matched, 'i') != NULL);
        buf_release(&values);
        profile_free(p);
    }
}

static void ranges_are_told_from_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_range;
    } cases[] = {
        {"1",          true },
        {"1:",         true },
        {":1",         true },
        {"1:2",        true },
        {"1kb:2mb",    true },
        {"-1:+2",      true },
        {"k=1:2",      true },
        {"1foo:2foo",  true },
        {"1foo:2bar",  true }, /* unknown units are taken as they are asked */
        {":",          false},
        {"a",          false},
        {"a1",         false},
        {"1 ",         false},
        {"::1",        false},
        {":1:",        false},
        {"1::2",       false},
        {"1:2:3",      false},
        {"1-2",        false},
        {"1,2",        false},
        {"1kb:2s",     false},
        {"1:2kb",      false},
        {"--1",        false},
        {"1\xce\xbcs", false}, /* only letters of ASCII are a unit */
        {"a=b=1",      false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf notes = BUF_LIMIT(1000);
        tag_filter_free(filter_ok(cases[i].text, &notes));
        if ((notes.len != 0) != cases[i].is_range) {
            fail_msg("'%s' is taken for something else", cases[i].text);
        }
        buf_release(&notes);
    }
}

static void a_range_is_said_to_be_one(void **state)
{
    (void)state;
    struct buf notes = BUF_LIMIT(1000);
    tag_filter_free(filter_ok("bytes=4mb:", &notes));
    assert_string_equal(notes.data,
                        "tagfocus:Interpreted '4mb:' as range, not regexp\n");
    buf_release(&notes);
}

static void bad_filters_are_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a(",                     "parsing tagfocus regexp: error parsing regexp: "
               "missing closing ): `a(`"                 },
        {"a,[",                    "parsing tagfocus regexp: error parsing regexp: "
                "missing closing ]: `[`"                },
        {"9223372036854775808b",
         "parsing tagfocus range: 9223372036854775808 is out of range" },
        {"1:-9223372036854775809",
         "parsing tagfocus range: -9223372036854775809 is out of range"},
 /* The reference trips over this one as well. */
        {"a9223372036854775808",
         "parsing tagfocus range: 9223372036854775808 is out of range" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct tag_filter *f = NULL;
        assert_false(tag_filter_new(SPAN_LIT("tagfocus"), span_of(cases[i][0]),
                                    &f, NULL, &err));
        assert_err(&err, ERR_USAGE, cases[i][1]);
        assert_null(f);
    }
    tag_filter_free(NULL);
}

static void too_much_backtracking_is_an_error(void **state)
{
    (void)state;
    struct profile *p =
        written("samples/count", "1 a k=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    struct err err = {0};
    struct label_units u = {0};
    bool focused = false;
    bool ignored = false;
    struct tag_filter *f = filter_ok("x|(a*)*(a*)*(a*)*b", NULL);
    assert_false(profile_filter_tags(p, &u, f, NULL, &focused, &ignored, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    tag_filter_free(f);
    profile_free(p);
}

static void real_profiles_are_filtered_as_by_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file, *focus, *ignore;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",   "1kb:",      "",        {34324, UINT64_C(0xf1633a2e26b7afc1)}},
        {"heap-go1.23",   "bytes=:48", "",        {31329, UINT64_C(0x49f22844e8998b53)}},
        {"heap-go1.23",   "",          "32b:64b", {44884, UINT64_C(0xf741fa6161e23a4d)}},
        {"string-labels", "a",         "",        {754, UINT64_C(0xa3f47750c2b3efd8)}  },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool focused = false;
        bool ignored = false;
        struct profile *p = loaded(cases[i].file);
        filter_tags(p, cases[i].focus, cases[i].ignore, &focused, &ignored);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
    }
}

static void profiles_at_the_edge_are_filtered(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        bool focused = false;
        bool ignored = false;
        struct profile *p = edge_profile(i);
        filter_tags(p, "1:2", ".", &focused, &ignored);
        assert_int_equal(p->n_samples, 0);
        profile_free(p);
    }
}

struct action {
    struct buf bytes;
    const char *filter;
};

static bool decode_and_filter(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p = NULL;
    struct label_units u = {0};
    struct tag_filter *f = NULL;
    bool focused = false;
    bool ignored = false;
    const bool ok =
        profile_decode(buf_view(&a->bytes), &p, err) &&
        label_units_find(p, &u, NULL, err) &&
        tag_filter_new(SPAN_LIT("x"), span_of(a->filter), &f, NULL, err) &&
        profile_filter_tags(p, &u, f, NULL, &focused, &ignored, err);
    tag_filter_free(f);
    label_units_release(&u);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {written_bytes("samples/count", "1 a k=v n:=1;2 b k=w"),
                       "v,k"};
    assert_true(oom_walk(decode_and_filter, &a) > 10);
    a.filter = "n=1:2";
    assert_true(oom_walk(decode_and_filter, &a) > 5);
    buf_release(&a.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_filtered_by_their_tags),
        cmocka_unit_test(ranges_are_told_from_expressions),
        cmocka_unit_test(a_range_is_said_to_be_one),
        cmocka_unit_test(bad_filters_are_errors),
        cmocka_unit_test(too_much_backtracking_is_an_error),
        cmocka_unit_test(real_profiles_are_filtered_as_by_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_are_filtered),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
