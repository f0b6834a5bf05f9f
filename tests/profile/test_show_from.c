#include "written.h"

struct show_case {
    const char *re, *in, *wanted;
    bool matched;
};

static const struct show_case show_cases[] = {
    {NULL,   "1 a|b",                          "1 a|b",                false},
    {"a",    "1 b|c|b|a",                      "1 b|c|b|a",            true },
    {"b",    "1 b|c|b|a",                      "1 b|c|b",              true },
    {"c",    "1 b|c|b|a",                      "1 b|c",                true },
    {"d",    "1 b|c|b|a",                      "",                     false},
    {"b",    "1 a;2 b;4 -;8 b|a",              "2 b;8 b",              true },
 /* The outermost matching line is the last of its location. */
    {"b",    "1 a+b+c+b+d|e",                  "1 a+b+c+b",            true },
    {"b",    "1 a+b+c|e;2 x|a+b+c|y",          "1 a+b;2 x|a+b",        true },
    {"f.go", "1 a@f.go:1+b|main",              "1 a@f.go:1",           true },
 /* A match by the mapping keeps all lines. */
    {"m0",   "1 0!a+b|c;2 0!0x5|c",            "1 0!a+b;2 0!0x5",      true },
    {"a",    "1 0x7|a|0x8",                    "1 0x7|a",              true },
    {"b",    "1 b|a k=v n:=1;2 a k=w;4 b k=x", "1 b k=v n:=1;4 b k=x", true },
};

static void frames_above_the_outermost_match_leave(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(show_cases) / sizeof(show_cases[0]); i++) {
        const struct show_case *c = &show_cases[i];
        struct err err = {0};
        struct regex *re = regex_ok(c->re);
        struct profile *p = written("samples/count", c->in);
        bool matched = !c->matched;
        assert_ok(profile_show_from(p, re, &matched, &err), &err);
        assert_reads(p, c->wanted);
        assert_int_equal(matched, c->matched);
        profile_free(p);
        regex_free(re);
    }
}

static void real_profiles_are_cut_as_by_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",        {37373, UINT64_C(0x3f9ae2867c1cb4da)}},
        {"goroutine-go1.23-0", {6234, UINT64_C(0x2262a18bb17d1dae)} },
        {"cpu-go1.23",         {18635, UINT64_C(0x0a19c2960565bff6)}},
    };
    struct regex *re = regex_ok("main");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        bool matched = false;
        struct profile *p = loaded(cases[i].file);
        assert_ok(profile_show_from(p, re, &matched, &err), &err);
        assert_true(matched);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
    }
    regex_free(re);
}

static void profiles_at_the_edge_are_cut(void **state)
{
    (void)state;
    struct regex *re = regex_ok("a");
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        bool matched = false;
        struct profile *p = edge_profile(i);
        assert_ok(profile_show_from(p, re, &matched, &err), &err);
        assert_reads(p, i == 4 ? "3 a|a" : "");
        profile_free(p);
    }
    regex_free(re);
}

struct action {
    struct buf bytes;
    struct regex *re;
};

static bool decode_and_cut(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p = NULL;
    bool matched = false;
    const bool ok = profile_decode(buf_view(&a->bytes), &p, err) &&
                    profile_show_from(p, a->re, &matched, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {written_bytes("samples/count", "1 a|b"), regex_ok("b")};
    assert_true(oom_walk(decode_and_cut, &a) > 2);
    regex_free(a.re);
    buf_release(&a.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_above_the_outermost_match_leave),
        cmocka_unit_test(real_profiles_are_cut_as_by_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_are_cut),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
