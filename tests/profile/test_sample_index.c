#include "written.h"

#define HEAP "alloc_objects/count,alloc_space/bytes,inuse_objects/count"

struct index_case {
    const char *types, *default_type, *index;
    uint32_t column;
    const char *error; /* NULL: none */
};

static const struct index_case index_cases[] = {
    {HEAP,                    "",            "",                     2, NULL                                         },
    {HEAP,                    "alloc_space", "",                     1, NULL                                         },
    {HEAP,                    "gone",        "",                     2, NULL                                         },
    {HEAP,                    "",            "0",                    0, NULL                                         },
    {HEAP,                    "",            "+1",                   1, NULL                                         },
    {HEAP,                    "",            "002",                  2, NULL                                         },
    {HEAP,                    "",            "-0",                   0, NULL                                         },
    {HEAP,                    "",            "alloc_objects",        0, NULL                                         },
    {HEAP,                    "",            "inuse_objects",        2, NULL                                         },
    {"objects/count,space/B", "",            "inuse_space",          1, NULL                                         },
    {"space/B,inuse_space/B", "",            "inuse_space",          0, NULL                                         },
    {"1/B,2/B",               "",            "1",                    1, NULL                                         },
    {HEAP,                    "",            "3",                    0, "sample_index 3 is outside the range [0..2]" },
    {HEAP,                    "",            "-1",                   0, "sample_index -1 is outside the range [0..2]"},
    {HEAP,                    "",            "space",                0,
     "sample_index \"space\" must be one of: "
     "[alloc_objects alloc_space inuse_objects]"                                                                     },
    {"a/b",                   "",            "99999999999999999999", 0,
     "sample_index \"99999999999999999999\" must be one of: [a]"                                                     },
    {"a/b",                   "",            "x\"\\\n\x01",          0,
     "sample_index \"x\\\"\\\\\\n\\x01\" must be one of: [a]"                                                        },
    {"a/b",                   "",            " 0",                   0, "sample_index \" 0\" must be one of: [a]"    },
    {"",                      "",            "",                     0, "profile has no samples"                     },
    {"",                      "",            "0",                    0, "profile has no samples"                     },
};

static void columns_are_found_by_number_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(index_cases) / sizeof(index_cases[0]); i++) {
        const struct index_case *c = &index_cases[i];
        struct err err = {0};
        uint32_t column = 0;
        struct profile_builder *b = profile_builder_new();
        assert_non_null(b);
        profile_builder_profile(b)->default_type =
            profile_builder_string(b, span_of(c->default_type));
        for (struct span s = span_of(c->types); s.len != 0;) {
            char type[32];
            const struct span head = cut(&s, ',');
            (void)snprintf(type, sizeof(type), "%.*s",
                           (int)span_find_char(head, '/'), head.p);
            profile_builder_type(b, type, "unit");
        }
        struct profile *p = NULL;
        assert_ok(profile_builder_finish(b, &p, &err), &err);
        if (c->error != NULL) {
            assert_false(
                profile_sample_index(p, span_of(c->index), &column, &err));
            assert_err(&err, ERR_USAGE, c->error);
        } else {
            assert_ok(profile_sample_index(p, span_of(c->index), &column, &err),
                      &err);
            assert_int_equal(column, c->column);
        }
        profile_free(p);
    }
}

static bool ask_for_nothing_known(void *ctx, struct err *err)
{
    uint32_t column = 0;
    const bool ok = profile_sample_index(ctx, SPAN_LIT("x"), &column, err);
    /* The error that is meant is the success of this walk. */
    return ok || err->code == ERR_USAGE;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct profile *p = written(HEAP, "");
    assert_true(oom_walk(ask_for_nothing_known, p) > 0);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_number_and_name),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
