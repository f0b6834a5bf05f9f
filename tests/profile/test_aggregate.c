#include "written.h"

#define STACK "1 a@x.go:1+b@y.go:2+c@y.go:3|d@x.go:4"

struct keep_case {
    unsigned keep;
    const char *wanted;
};

static const struct keep_case keep_cases[] = {
    {KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE | KEEP_COLUMN |
         KEEP_ADDRESS,                    STACK                          },
    {KEEP_INLINES | KEEP_FUNCTION,             "1 a+b+c|d"                    },
    {KEEP_FUNCTION,                            "1 c|d"                        },
    {KEEP_INLINES | KEEP_FILE,                 "1 @x.go+@y.go+@y.go|@x.go"    },
    {KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE, "1 a@x.go+b@y.go+c@y.go|d@x.go"},
    {KEEP_FUNCTION | KEEP_FILE | KEEP_LINE,    "1 c@y.go:3|d@x.go:4"          },
    {0,                                        "1 |"                          },
};

static void what_is_not_kept_is_blank(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(keep_cases) / sizeof(keep_cases[0]); i++) {
        struct profile *p = written("samples/count", STACK);
        profile_aggregate(p, keep_cases[i].keep);
        assert_reads(p, keep_cases[i].wanted);
        for (uint32_t f = 0; f < p->n_functions; f++) {
            assert_int_equal(p->functions[f].name.i,
                             p->functions[f].system_name.i);
        }
        profile_free(p);
    }
}

static void columns_stay_only_with_their_lines(void **state)
{
    (void)state;
    static const struct {
        unsigned keep;
        int64_t column;
    } cases[] = {
        {KEEP_LINE | KEEP_COLUMN, 7},
        {KEEP_LINE,               0},
        {KEEP_COLUMN,             0},
        {0,                       0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct profile *p = written("samples/count", "1 a@x.go:1");
        p->lines[0].column = 7;
        profile_aggregate(p, cases[i].keep);
        assert_true(p->lines[0].column == cases[i].column);
        profile_free(p);
    }
}

static void addresses_stay_when_kept(void **state)
{
    (void)state;
    struct profile *p = written("samples/count", "1 0x10");
    profile_aggregate(p, KEEP_ADDRESS);
    assert_reads(p, "1 0x10");
    profile_aggregate(p, KEEP_FUNCTION);
    assert_reads(p, "1 0x0");
    profile_free(p);
}

static void mappings_say_what_their_locations_still_have(void **state)
{
    (void)state;
    static const unsigned keeps[] = {KEEP_INLINES, KEEP_FUNCTION, KEEP_FILE,
                                     KEEP_LINE};
    for (unsigned i = 0; i < 4; i++) {
        struct profile *p = written("samples/count", "1 0!a|1!b");
        struct profile_mapping *m = &p->mappings[0];
        m->has_functions = true;
        m->has_filenames = true;
        m->has_line_numbers = true;
        m->has_inline_frames = true;
        profile_aggregate(p, keeps[i]);
        const bool has[] = {m->has_inline_frames, m->has_functions,
                            m->has_filenames, m->has_line_numbers};
        for (unsigned k = 0; k < 4; k++) {
            assert_int_equal(has[k], k == i);
        }
        assert_false(p->mappings[1].has_functions); /* never had them */
        profile_free(p);
    }
}

static void real_profiles_lose_inlines_as_with_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",        {47017, UINT64_C(0xcfd9b6fd86be7218)}},
        {"goroutine-go1.23-0", {6469, UINT64_C(0xff956f96fd5fd333)} },
        {"cpu-go1.23",         {19556, UINT64_C(0x88236c2584fbea25)}},
        {"names-go1.23",       {4325, UINT64_C(0x34c0e7b1cbf5ce6e)} },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct profile *p = loaded(cases[i].file);
        profile_aggregate(p,
                          KEEP_FUNCTION | KEEP_FILE | KEEP_LINE | KEEP_ADDRESS);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
    }
}

static void profiles_at_the_edge_are_blanked(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct profile *p = edge_profile(i);
        profile_aggregate(p, KEEP_FUNCTION);
        assert_reads(p, edge_profiles[i][1][0] == '0' ? "0 0x0;3 a|a"
                                                      : edge_profiles[i][1]);
        profile_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_kept_is_blank),
        cmocka_unit_test(columns_stay_only_with_their_lines),
        cmocka_unit_test(addresses_stay_when_kept),
        cmocka_unit_test(mappings_say_what_their_locations_still_have),
        cmocka_unit_test(real_profiles_lose_inlines_as_with_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_are_blanked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
