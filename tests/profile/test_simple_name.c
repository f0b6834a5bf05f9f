#include "test.h"

#include "profile/simple_name_private.h"

static void names_lose_their_arguments_only(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"",                                  ""                        },
        {"f",                                 "f"                       },
        {"(",                                 ""                        },
        {".f",                                "f"                       },
        {"..f",                               ".f"                      },
        {"f(int, g(x))",                      "f"                       },
        {"main.(*T).f",                       "main."                   },
        {"(anonymous namespace)::f(int)",     "(anonymous namespace)::f"},
        {"a::operator()(int) const",          "a::operator()"           },
        {"operator() (anonymous namespace)(",
         "operator() (anonymous namespace)"                             },
        {"operator(",                         "operator"                },
        {"(anonymous namespace",              ""                        },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct span s = simple_name(span_of(cases[i][0]));
        if (!span_is(s, cases[i][1])) {
            fail_msg("'%s' becomes '%.*s'", cases[i][0], (int)s.len, s.p);
        }
    }
    assert_int_equal(simple_name((struct span){0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_their_arguments_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
