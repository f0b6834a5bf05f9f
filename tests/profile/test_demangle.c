#include "profiles.h"

/* A profile of one function of this name. */
static struct profile *profile_of(const char *name)
{
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    profile_builder_type(b, "samples", "count");
    const struct builder_frame frame = {.function = span_of(name)};
    const uint32_t at = profile_builder_location(b, 1, PROFILE_NONE, &frame, 1);
    profile_builder_sample(b, &at, 1, &(int64_t){1}, 1, NULL, 0);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static const char *name_of(const struct profile *p)
{
    return profile_text(p, p->functions[0].name);
}

struct row {
    const char *name, *brief, *templates, *full;
};

/* Every text is what google/pprof makes of the name. */
static const struct row rows[] = {
  /* C++ */
    {"_ZZN3foo3barEiENKUliE_clEi",                                "foo::bar()::{lambda(int)#1}::operator()",
     "foo::bar()::{lambda(int)#1}::operator()",                                                                                                              "foo::bar(int)::{lambda(int)#1}::operator()(int) const"},
    {"_ZN12_GLOBAL__N_13BarIiE3FooEv",                            "(anonymous namespace)::Bar::Foo",
     "(anonymous namespace)::Bar<int>::Foo",                                                                                                                 "(anonymous namespace)::Bar<int>::Foo()"               },
    {"_ZltI1AEbRKT_S2_",                                          "operator<",                               "operator< <A>",
     "bool operator< <A>(A const&, A const)"                                                                                                                                                                        },
    {"_ZN3FooptEv",                                               "Foo::operator->",                         "Foo::operator->",                              "Foo::operator->()"                                    },
    {"_Z3fooi.constprop.0",                                       "foo",                                     "foo",                                          "foo(int)"                                             },
    {"_ZN1AISt6vectorIiSaIiEEE1fEv",                              "A::f",
     "A<std::vector<int, std::allocator<int> > >::f",                                                                                                        "A<std::vector<int, std::allocator<int> > >::f()"      },
    {"_ZNSt14numeric_limitsIcE17has_signaling_NaNE",
     "std::numeric_limits::has_signaling_NaN",                                                               "std::numeric_limits<char>::has_signaling_NaN",
     "std::numeric_limits<char>::has_signaling_NaN"                                                                                                                                                                 },
    {"__ZN3foo3barEv",                                            "foo::bar",                                "foo::bar",                                     "foo::bar()"                                           },
 /* Rust */
    {"_ZN3foo3bar17h05af221e174051e9E.llvm.1234",                 "foo::bar",                                "foo::bar",
     "foo::bar"                                                                                                                                                                                                     },
    {"_RINvNtC3std3mem8align_ofNtNtC3std3mem12DiscriminantE",
     "std::mem::align_of::<>",                                                                               "std::mem::align_of::<std::mem::Discriminant>",
     "std::mem::align_of::<std::mem::Discriminant>"                                                                                                                                                                 },
    {"_RNvMs_Cs4Cv8Wi1oAIB_7mycrateINtB4_7ExampleNtB4_3FooE3foo", NULL,                                      NULL,
     NULL                                                                                                                                                                                                           },
 /* Go, some of which looks like C++ to pprof */
    {"main.(*T).Method",                                          "main.(*T).Method",                        "main.(*T).Method",
     "main.(*T).Method"                                                                                                                                                                                             },
    {"main.(*T[...]).Method",                                     "main.(*T[...]).Method",                   "main.(*T[...]).Method",
     "main.(*T[...]).Method"                                                                                                                                                                                        },
    {"main.(*T).foo[...]",                                        "main..foo[...]",                          "main..foo[...]",
     "main.(*T).foo[...]"                                                                                                                                                                                           },
    {"main.F[go.shape.struct { A func(int) }]",
     "main.F[go.shape.struct { A func }]",                                                                   "main.F[go.shape.struct { A func }]",
     "main.F[go.shape.struct { A func(int) }]"                                                                                                                                                                      },
 /* Demangled already, and others */
    {"foo::bar<int>(std::vector<int>)",                           "foo::bar",                                "foo::bar<int>",
     "foo::bar<int>(std::vector<int>)"                                                                                                                                                                              },
    {"foo)(bar::x",                                               "foo)(bar::x",                             "foo)(bar::x",                                  "foo)(bar::x"                                          },
    {"a<b<c>d>e::f",                                              "ae::f",                                   "a<b<c>d>e::f",                                 "a<b<c>d>e::f"                                         },
    {"java.util.Foo.<init>",                                      "java.util.Foo.<init>",                    "java.util.Foo.<init>",
     "java.util.Foo.<init>"                                                                                                                                                                                         },
    {"<unknown>",                                                 "",                                        "<unknown>",                                    "<unknown>"                                            },
    {"_Z",                                                        "_Z",                                      "_Z",                                           "_Z"                                                   },
    {"_",                                                         "_",                                       "_",                                            "_"                                                    },
};

static void names_are_as_pprof_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *wanted[] = {rows[i].brief, rows[i].templates, rows[i].full,
                                rows[i].name};
        for (int mode = DEMANGLE_SHORT; mode <= DEMANGLE_NONE; mode++) {
            struct err err = {0};
            struct profile *p = profile_of(rows[i].name);
            assert_ok(
                profile_demangle(p, (enum demangle_mode)mode, false, &err),
                &err);
            if (wanted[mode] != NULL) {
                assert_string_equal(name_of(p), wanted[mode]);
            }
            assert_string_equal(profile_text(p, p->functions[0].system_name),
                                rows[i].name);
            profile_free(p);
        }
    }
}

static void a_name_that_was_demangled_stays_unless_forced(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = profile_of("_Z3fooi");
    assert_ok(profile_demangle(p, DEMANGLE_SHORT, false, &err), &err);
    assert_ok(profile_demangle(p, DEMANGLE_FULL, false, &err), &err);
    assert_string_equal(name_of(p), "foo");
    assert_ok(profile_demangle(p, DEMANGLE_FULL, true, &err), &err);
    assert_string_equal(name_of(p), "foo(int)");
    assert_ok(profile_demangle(p, DEMANGLE_NONE, true, &err), &err);
    assert_string_equal(name_of(p), "_Z3fooi");
    profile_free(p);
}

/* Each S_ stands for all before it: the text doubles with every few bytes. */
static void a_name_that_explodes_is_left_as_it_is(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf name = BUF_LIMIT(4096);
    buf_str(&name, "_Z1f1AIiiE");
    for (int c = '0'; c <= '9'; c++) {
        buf_printf(&name, "S_IS%c_S%c_S%c_S%c_S%c_E", c, c, c, c, c);
    }
    for (int c = 'A'; c <= 'Z'; c++) {
        buf_printf(&name, "S_IS%c_S%c_S%c_S%c_S%c_E", c, c, c, c, c);
    }
    struct profile *p = profile_of(name.data);
    assert_ok(profile_demangle(p, DEMANGLE_FULL, false, &err), &err);
    assert_string_equal(name_of(p), name.data);
    profile_free(p);
    buf_release(&name);
}

static void brackets_without_end_are_no_danger(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(",   "<", "[",    "::(",
                                           "_Z(", ">", "<(>)", "_ZN"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct err err = {0};
        struct buf name = BUF_LIMIT(300000);
        while (name.len < 200000) {
            buf_str(&name, patterns[i]);
        }
        struct profile *p = profile_of(name.data);
        assert_ok(profile_demangle(p, DEMANGLE_SHORT, false, &err), &err);
        profile_free(p);
        buf_release(&name);
    }
}

static bool demangle_some(void *ctx, struct err *err)
{
    (void)ctx;
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    if (b == NULL) {
        return err_nomem(err, "builder");
    }
    profile_builder_type(b, "samples", "count");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct builder_frame frame = {.function = span_of(rows[i].name)};
        const uint32_t at =
            profile_builder_location(b, i + 1, PROFILE_NONE, &frame, 1);
        profile_builder_sample(b, &at, 1, &(int64_t){1}, 1, NULL, 0);
    }
    const bool ok = profile_builder_finish(b, &p, err) &&
                    profile_demangle(p, DEMANGLE_SHORT, false, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(oom_walk(demangle_some, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_as_pprof_writes_them),
        cmocka_unit_test(a_name_that_was_demangled_stays_unless_forced),
        cmocka_unit_test(a_name_that_explodes_is_left_as_it_is),
        cmocka_unit_test(brackets_without_end_are_no_danger),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
