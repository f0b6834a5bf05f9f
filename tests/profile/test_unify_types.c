#include "written.h"

/* Up to three profiles: their types and samples. */
struct unify_case {
    const char *in[3][2];
    const char *types; /* of all; NULL: an error */
    const char *wanted[3];
    const char *error;
};

static const struct unify_case unify_cases[] = {
  /* One alone stays. */
    {{{"a/s,b/ms", "1,2 x"}},                                                  "a/s,b/ms", {"1,2 x"},                          NULL                                         },
    {{{"a/count", "1 x"}, {"a/count", "2 y;0 z"}},
     "a/count",                                                                            {"1 x", "2 y;0 z"},
     NULL                                                                                                                                                                   },
 /* Types that not all have leave; the first says the order. */
    {{{"a/x,b/y,c/z", "1,2,3 x;4,5,6 y"}, {"c/z,a/x", "7,8 x"}},
     "a/x,c/z",                                                                            {"1,3 x;4,6 y", "8,7 x"},
     NULL                                                                                                                                                                   },
    {{{"a/x,b/x", "1,2 x"}, {"b/x,c/x", "3,4 x"}, {"d/x,b/x,a/x", "5,6,7 x"}},
     "b/x",                                                                                {"2 x", "3 x", "6 x"},
     NULL                                                                                                                                                                   },
    {{{"a/x", "1 x"}, {"b/x", "1 x"}},
     NULL,                                                                                 {0},
     "profiles have empty common sample type list"                                                                                                                          },
    {{{"", ""}},                                                               NULL,       {0},                                "profiles have empty common sample type list"},
 /* Twice in one counts twice, as in the reference. */
    {{{"a/x,a/x", "1,2 x"}},
     NULL,                                                                                 {0},
     "profiles have empty common sample type list"                                                                                                                          },
    {{{"a/x,a/x,c/x", "1,2,3 x"}, {"c/x", "1 x"}},
     NULL,                                                                                 {0},
     "\"a\" sample type is not found in profile"                                                                                                                            },
    {{{"a/x,c/x", "1,2 x"}, {"c/x,a/x,a/x", "4,5,6 x"}},
     "c/x",                                                                                {"2 x", "4 x"},
     NULL                                                                                                                                                                   },
 /* The finest unit, and what becomes zero leaves. */
    {{{"t/ms", "1 x;2 y;0 z"}, {"t/ns", "5 x;0 y"}},
     "t/ns",                                                                               {"1000000 x;2000000 y", "5 x;0 y"},
     NULL                                                                                                                                                                   },
    {{{"t/ns", "5 x"}, {"t/s", "2 x"}, {"t/us", "3 x"}},
     "t/ns",                                                                               {"5 x", "2000000000 x", "3000 x"},
     NULL                                                                                                                                                                   },
 /* A name of the same unit. */
    {{{"t/nanoseconds", "5 x;0 y"}, {"t/ns", "6 x"}},
     "t/nanoseconds",                                                                      {"5 x;0 y", "6 x"},
     NULL                                                                                                                                                                   },
 /* A column that is not scaled does not keep a sample. */
    {{{"n/count,b/kB", "1,0 x;2,3 y"}, {"n/count,b/B", "4,0 x"}},
     "n/count,b/B",                                                                        {"2,3072 y", "4,0 x"},
     NULL                                                                                                                                                                   },
    {{{"t/ms", "1 x"}, {"t/bytes", "2 x"}},
     NULL,                                                                                 {0},
     "sample types: incompatible types: {t ms 0 0} {t bytes 0 0}"                                                                                                           },
    {{{"t/foo", "1 x"}, {"t/bar", "2 x"}},
     NULL,                                                                                 {0},
     "sample types: incompatible types: {t foo 0 0} {t bar 0 0}"                                                                                                            },
};

static void put_types(struct buf *out, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_printf(out, "%s%s/%s", i != 0 ? "," : "",
                   profile_text(p, p->types[i].type),
                   profile_text(p, p->types[i].unit));
    }
}

static void assert_types(const struct profile *p, const char *wanted)
{
    struct buf types = BUF_LIMIT(1000);
    put_types(&types, p);
    assert_string_equal(types.data, wanted);
    buf_release(&types);
}

static void types_and_units_become_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unify_cases) / sizeof(unify_cases[0]); i++) {
        const struct unify_case *c = &unify_cases[i];
        struct profile *p[3] = {NULL};
        size_t n = 0;
        for (; n < 3 && c->in[n][0] != NULL; n++) {
            p[n] = written(c->in[n][0], c->in[n][1]);
        }
        struct err err = {0};
        const bool ok = profile_unify_types(p, n, &err);
        if (c->types == NULL) {
            assert_false(ok);
            assert_err(&err, ERR_MISMATCH, c->error);
        } else {
            assert_ok(ok, &err);
        }
        for (size_t k = 0; k < n; k++) {
            if (c->types != NULL) {
                assert_types(p[k], c->types);
                assert_reads(p[k], c->wanted[k]);
            }
            profile_free(p[k]);
        }
    }
}

static void nothing_has_no_common_type(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(profile_unify_types(NULL, 0, &err));
    assert_err(&err, ERR_MISMATCH,
               "profiles have empty common sample type list");
}

/* A string that every written profile has. */
static str_id string_of(const struct profile *p, const char *text)
{
    for (uint32_t i = 0; i < p->n_strings; i++) {
        if (span_is(profile_span(p, (str_id){i}), text)) {
            return (str_id){i};
        }
    }
    fail_msg("no string '%s'", text);
    return (str_id){0};
}

static struct profile *with_period(const char *types, const char *type,
                                   const char *unit, int64_t period)
{
    struct profile *p = written(types, "1 x k=cpu k=cpus k=ms k=ns k=bytes");
    p->period_type =
        (struct profile_value_type){string_of(p, type), string_of(p, unit)};
    p->period = period;
    return p;
}

static void periods_get_the_finest_unit(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p[] = {with_period("a/count", "cpu", "ms", 10),
                           with_period("a/count", "cpus", "ns", 7)};
    assert_ok(profile_unify_types(p, 2, &err), &err);
    assert_true(p[0]->period == 10000000 && p[1]->period == 7);
    assert_string_equal(profile_text(p[0], p[0]->period_type.unit), "ns");
    assert_string_equal(profile_text(p[0], p[0]->period_type.type), "cpu");
    assert_string_equal(profile_text(p[1], p[1]->period_type.type), "cpus");
    profile_free(p[0]);
    profile_free(p[1]);

    p[0] = with_period("a/count", "cpu", "ms", 10);
    p[1] = with_period("a/count", "cpu", "bytes", 10);
    assert_false(profile_unify_types(p, 2, &err));
    assert_err(&err, ERR_MISMATCH,
               "period type: incompatible types: {cpu ms 0 0} {cpu bytes 0 0}");
    profile_free(p[0]);
    profile_free(p[1]);

    /* Through a double, even when nothing changes; not when alone. */
    const int64_t odd = (INT64_C(1) << 53) + 1;
    p[0] = with_period("a/count", "cpu", "ns", odd);
    p[1] = with_period("a/count", "cpu", "ns", INT64_MAX);
    assert_ok(profile_unify_types(p, 1, &err), &err);
    assert_true(p[0]->period == odd);
    assert_ok(profile_unify_types(p, 2, &err), &err);
    assert_true(p[0]->period == odd - 1 && p[1]->period == INT64_MIN);
    profile_free(p[0]);
    profile_free(p[1]);
}

static void a_default_type_that_leaves_is_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *types, *was, *becomes;
    } cases[] = {
        {"a/count,b/count,c/count", "c", "b"},
        {"a/count,b/count,c/count", "b", "b"},
        {"a/count,b/count,c/count", "",  "b"},
        {"b/count",                 "x", "x"}, /* nothing leaves */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct profile *p[] = {written(cases[i].types, ""),
                               written("b/count,z/count,x/count", "")};
        const uint32_t n = p[1]->n_types;
        p[0]->default_type = cases[i].was[0] == 'x'
                                 ? (str_id){0}
                                 : string_of(p[0], cases[i].was);
        assert_ok(profile_unify_types(p, 2, &err), &err);
        if (cases[i].was[0] != 'x') {
            assert_string_equal(profile_text(p[0], p[0]->default_type),
                                cases[i].becomes);
        } else {
            assert_true(p[0]->default_type.i == 0);
        }
        assert_true(p[1]->n_types < n);
        assert_string_equal(profile_text(p[1], p[1]->default_type), "b");
        profile_free(p[0]);
        profile_free(p[1]);
    }
}

struct action {
    struct buf bytes[2];
};

static bool decode_and_unify(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p[2] = {NULL, NULL};
    const bool ok = profile_decode(buf_view(&a->bytes[0]), &p[0], err) &&
                    profile_decode(buf_view(&a->bytes[1]), &p[1], err) &&
                    profile_unify_types(p, 2, err);
    profile_free(p[0]);
    profile_free(p[1]);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {
        {written_bytes("a/ms,b/count,c/s", "1,2,3 x"),
         written_bytes("c/ns,a/s", "4,5 x")}
    };
    assert_true(oom_walk(decode_and_unify, &a) > 10);
    buf_release(&a.bytes[0]);
    buf_release(&a.bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_units_become_the_same),
        cmocka_unit_test(nothing_has_no_common_type),
        cmocka_unit_test(periods_get_the_finest_unit),
        cmocka_unit_test(a_default_type_that_leaves_is_replaced),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
