#include "written.h"

struct filter_case {
    const char *focus, *ignore, *hide, *show;
    const char *in, *wanted;
    const char *matched; /* letters of what matched: f, i, h, s */
};

#define STACKS "1 a|b+c@x.go:3|main;2 d|main;4 0!0x10|e;8 -"

static const struct filter_case filter_cases[] = {
  /* Nothing asked: nothing changes. */
    {NULL,   NULL,   NULL,   NULL,   STACKS,                                     STACKS,                           "f"  },
 /* An inlined line makes its whole location match. */
    {"c",    NULL,   NULL,   NULL,   STACKS,                                     "1 a|b+c@x.go:3|main",            "f"  },
    {"b",    NULL,   NULL,   NULL,   STACKS,                                     "1 a|b+c@x.go:3|main",            "f"  },
    {"x.go", NULL,   NULL,   NULL,   STACKS,                                     "1 a|b+c@x.go:3|main",            "f"  },
    {"m0",   NULL,   NULL,   NULL,   STACKS,                                     "4 0!0x10|e",                     "f"  },
    {"main", NULL,   NULL,   NULL,   STACKS,                                     "1 a|b+c@x.go:3|main;2 d|main",   "f"  },
    {"none", NULL,   NULL,   NULL,   STACKS,                                     "",                               ""   },
 /* A sample without locations has nothing to focus on. */
    {NULL,   "none", NULL,   NULL,   "1 a;2 -",                                  "1 a",                            "f"  },
    {NULL,   "d",    NULL,   NULL,   "1 a;2 d|a",                                "1 a",                            "fi" },
 /* Ignore wins over focus, at one location and over a sample. */
    {"b",    "c",    NULL,   NULL,   "1 b+c;2 b",                                "2 b",                            "fi" },
    {"a",    "b",    NULL,   NULL,   "1 a|b;2 a",                                "2 a",                            "fi" },
    {"a",    "a",    NULL,   NULL,   "1 a|b;2 a",                                "",                               "i"  },
 /* Lines leave; locations without any leave; samples without any leave. */
    {NULL,   NULL,   "b",    NULL,   "1 a+b+c|b|d",                              "1 a+c|d",                        "fh" },
    {NULL,   NULL,   "b",    NULL,   "1 b|b+b;2 a",                              "2 a",                            "fh" },
    {NULL,   NULL,   "x.go", NULL,   STACKS,                                     "1 a|b|main;2 d|main;4 0!0x10|e", "fh" },
    {NULL,   NULL,   "m0",   NULL,   "1 0!a|b;2 0!a",                            "1 b",                            "fh" },
    {NULL,   NULL,   "none", NULL,   "1 a",                                      "1 a",                            "f"  },
    {NULL,   NULL,   NULL,   "b",    "1 a+b+c|b|d",                              "1 b|b",                          "fs" },
    {NULL,   NULL,   NULL,   "m0",   "1 0!a+b|c",                                "1 0!a+b",                        "fs" },
    {NULL,   NULL,   NULL,   "none", "1 a",                                      "",                               "f"  },
 /* Without lines nothing is shown, even where the mapping matches. */
    {NULL,   NULL,   NULL,   "m0",   "1 0!0x10|0!a",                             "1 0!a",                          "fs" },
 /* Focus and ignore see what hide and show take. */
    {"b",    NULL,   "b",    NULL,   "1 a|b;2 b;4 c",                            "1 a",                            "fh" },
    {NULL,   "b",    "b",    NULL,   "1 a|b;2 c",                                "2 c",                            "fih"},
    {"b",    NULL,   NULL,   "a",    "1 a|b;2 c",                                "1 a",                            "fs" },
 /* Hide comes before show. */
    {NULL,   NULL,   "b",    "[ab]", "1 a+b+c|b",                                "1 a",                            "fhs"},
    {NULL,   NULL,   "a",    "a",    "1 a|b",                                    "",                               "fh" },
 /* Labels stay with their samples. */
    {"b",    NULL,   NULL,   NULL,   "1 a k=1;2 b k=2 n:=3;4 b;8 a k=4;9 b k=5",
     "2 b k=2 n:=3;4 b;9 b k=5",                                                                                   "f"  },
};

static bool filter(struct profile *p, const struct filter_case *c,
                   struct frame_matches *m, struct err *err)
{
    const struct frame_filter f = {regex_ok(c->focus), regex_ok(c->ignore),
                                   regex_ok(c->hide), regex_ok(c->show)};
    const bool ok = profile_filter_frames(p, &f, m, err);
    regex_free(f.focus);
    regex_free(f.ignore);
    regex_free(f.hide);
    regex_free(f.show);
    return ok;
}

static void frames_are_filtered_by_location(void **state)
{
    (void)state;
    const size_t n = sizeof(filter_cases) / sizeof(filter_cases[0]);
    for (size_t i = 0; i < n; i++) {
        const struct filter_case *c = &filter_cases[i];
        struct err err = {0};
        struct frame_matches m;
        struct profile *p = written("samples/count", c->in);
        assert_ok(filter(p, c, &m, &err), &err);
        assert_reads(p, c->wanted);
        char matched[5];
        (void)snprintf(matched, sizeof(matched), "%s%s%s%s", m.focus ? "f" : "",
                       m.ignore ? "i" : "", m.hide ? "h" : "",
                       m.show ? "s" : "");
        assert_string_equal(matched, c->matched);
        profile_free(p);
    }
}

struct real_case {
    const char *file;
    struct filter_case filter;
    struct weight wanted;
};

#define HEAP      "heap-go1.23"
#define GOROUTINE "goroutine-go1.23-0"
#define CPU       "cpu-go1.23"

static const struct real_case real_cases[] = {
    {HEAP,      {.focus = "main"},                             {37528, UINT64_C(0xcb27ebd9e7e1ed88)}},
    {HEAP,      {.ignore = "runtime"},                         {41852, UINT64_C(0x147809919d6a1ecb)}},
    {HEAP,      {.hide = "^runtime"},                          {47130, UINT64_C(0xeb96095ad0df3497)}},
    {HEAP,      {.show = "main"},                              {30892, UINT64_C(0xb622a981f3ea0194)}},
    {GOROUTINE, {.hide = "^runtime"},                          {6310, UINT64_C(0x0fd85fb443b5ecd1)} },
    {GOROUTINE,
     {"main", "gopark", "^net", "main|net", NULL, NULL, NULL},
     {5727, UINT64_C(0x5bdc909e40647a74)}                                                           },
    {CPU,       {.ignore = "runtime"},                         {18594, UINT64_C(0xff605c45e42a0f2f)}},
    {CPU,       {.show = "main"},                              {16574, UINT64_C(0xdc35c4d9da48e3a3)}},
    {CPU,
     {"main", "gopark", "^net", "main|net", NULL, NULL, NULL},
     {16581, UINT64_C(0x8bac1dc096b70f17)}                                                          },
};

static void real_profiles_are_filtered_as_by_google_pprof(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(real_cases) / sizeof(real_cases[0]); i++) {
        struct err err = {0};
        struct frame_matches m;
        struct profile *p = loaded(real_cases[i].file);
        assert_ok(filter(p, &real_cases[i].filter, &m, &err), &err);
        assert_weighs(p, real_cases[i].wanted, real_cases[i].file);
        profile_free(p);
    }
}

static void profiles_at_the_edge_are_filtered(void **state)
{
    (void)state;
    const struct filter_case all = {".", "zz", "b", "a", NULL, NULL, NULL};
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        struct frame_matches m;
        struct profile *p = edge_profile(i);
        assert_ok(filter(p, &all, &m, &err), &err);
        assert_reads(p, i == 4 ? "3 a|a" : "");
        profile_free(p);
    }
}

/* A pattern that explodes on a long name. */
static void too_much_backtracking_is_an_error(void **state)
{
    (void)state;
    char text[80] = "1 ";
    memset(text + 2, 'a', 60);
    struct profile *p = written("samples/count", text);
    struct err err = {0};
    struct frame_matches m;
    const struct filter_case slow = {.hide = "(x+x+)+y|(a*)*(a*)*(a*)*b"};
    assert_false(filter(p, &slow, &m, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    profile_free(p);
}

struct action {
    struct buf bytes;
    struct frame_filter filter;
};

static bool decode_and_filter(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p = NULL;
    struct frame_matches m;
    const bool ok = profile_decode(buf_view(&a->bytes), &p, err) &&
                    profile_filter_frames(p, &a->filter, &m, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {
        written_bytes("samples/count", STACKS),
        {regex_ok("a"), regex_ok("b"), regex_ok("c"), regex_ok("d")}
    };
    assert_true(oom_walk(decode_and_filter, &a) > 5);
    regex_free(a.filter.focus);
    regex_free(a.filter.ignore);
    regex_free(a.filter.hide);
    regex_free(a.filter.show);
    buf_release(&a.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_filtered_by_location),
        cmocka_unit_test(real_profiles_are_filtered_as_by_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_are_filtered),
        cmocka_unit_test(too_much_backtracking_is_an_error),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
