#include "written.h"

struct prune_case {
    const char *re, *in, *wanted;
};

static const struct prune_case prune_cases[] = {
    {NULL,      "1 a|b",                 "1 a|b"              },
    {"a",       "1 d|b|c|b|a",           "1 a"                },
    {"b",       "1 d|b|c|b|a",           "1 b|c|b|a"          },
    {"none",    "1 d|b",                 "1 d|b"              },
 /* The innermost matching line of a location. */
    {"b",       "1 x|a+b+c+b|d",         "1 b+c+b|d"          },
 /* Nothing leaves but frames. */
    {"b",       "1 a k=v;2 -;4 c|b k=w", "1 a k=v;2 -;4 b k=w"},
 /* Names without arguments; only names; not the empty one. */
    {"^f$",     "1 a|.f(int)|b",         "1 .f(int)|b"        },
    {"int",     "1 a|f(int)|b",          "1 a|f(int)|b"       },
    {"x.go|m0", "1 a|0!b@x.go:1|c",      "1 a|0!b@x.go:1|c"   },
    {"^",       "1 0x5|@x.go:1|c",       "1 c"                },
};

static void frames_below_the_innermost_match_leave(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(prune_cases) / sizeof(prune_cases[0]); i++) {
        const struct prune_case *c = &prune_cases[i];
        struct err err = {0};
        struct regex *re = regex_ok(c->re);
        struct profile *p = written("samples/count", c->in);
        assert_ok(profile_prune_from(p, re, &err), &err);
        assert_reads(p, c->wanted);
        profile_free(p);
        regex_free(re);
    }
}

static void real_profiles_are_pruned_as_by_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",        {45509, UINT64_C(0x0bb4eb6e5dd3d52c)}},
        {"goroutine-go1.23-0", {6498, UINT64_C(0x1a46748408441f58)} },
        {"cpu-go1.23",         {19758, UINT64_C(0xc80f5cb1888fde3d)}},
        {"names-go1.23",       {4343, UINT64_C(0x4d32f116dd04f5b8)} },
    };
    struct regex *re = regex_ok("main\\..*");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct profile *p = loaded(cases[i].file);
        assert_ok(profile_prune_from(p, re, &err), &err);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
    }
    regex_free(re);
}

static void profiles_at_the_edge_are_pruned(void **state)
{
    (void)state;
    struct regex *re = regex_ok("a");
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        struct profile *p = edge_profile(i);
        assert_ok(profile_prune_from(p, re, &err), &err);
        assert_reads(p, edge_profiles[i][1]);
        profile_free(p);
    }
    regex_free(re);
}

struct action {
    struct buf bytes;
    struct regex *re;
};

static bool decode_and_prune(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p = NULL;
    const bool ok = profile_decode(buf_view(&a->bytes), &p, err) &&
                    profile_prune_from(p, a->re, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {written_bytes("samples/count", "1 a|b"), regex_ok("b")};
    assert_true(oom_walk(decode_and_prune, &a) > 2);
    regex_free(a.re);
    buf_release(&a.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_below_the_innermost_match_leave),
        cmocka_unit_test(real_profiles_are_pruned_as_by_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_are_pruned),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
