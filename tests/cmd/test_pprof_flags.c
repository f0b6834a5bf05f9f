#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/options.c"     /* NOLINT(bugprone-suspicious-include) */
#include "../../cmd/pprof_flags.c" /* NOLINT(bugprone-suspicious-include) */

#include <float.h>
#include <stdio.h>
#include <string.h>

struct line {
    struct pprof_flags f;
    struct err err;
    struct buf notes;
    int first;
    bool ok, is_settled;
};

/* Splits at blanks, parses and settles. */
static struct line read_line(const char *text)
{
    static char copy[512];
    const char *argv[32];
    int argc = 0;
    struct line out = {.notes = BUF_LIMIT(4096)};
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w != NULL;
         w = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = w;
    }
    pprof_flags_defaults(&out.f);
    out.ok = pprof_flags_parse(&out.f, argc, argv, &out.first, &out.err);
    out.is_settled = out.ok && pprof_flags_settle(&out.f, &out.notes, &out.err);
    return out;
}

static void a_flag_takes_one_dash_or_two_and_its_value_either_way(void **state)
{
    (void)state;
    struct line l = read_line("--top -focus=main\\..* --nodecount 12 -trim=F "
                              "-divide_by .5 -cum -lines file -ignore=x");
    assert_ok(l.is_settled, &l.err);
    assert_string_equal(l.f.format->name, "top");
    assert_string_equal(l.f.focus, "main\\..*");
    assert_int_equal(l.f.nodecount, 12);
    assert_false(l.f.trim);
    assert_true(l.f.divide_by == .5);
    assert_true(l.f.cum);
    assert_int_equal(l.f.granularity, GRANULARITY_LINES);
    /* Nothing is a flag behind the first word that is none. */
    assert_int_equal(l.first, 9);
    assert_null(l.f.ignore);
}

static void two_dashes_alone_and_one_dash_end_the_flags(void **state)
{
    (void)state;
    struct line l = read_line("-cum -- -flat");
    assert_ok(l.ok, &l.err);
    assert_int_equal(l.first, 2);
    assert_false(l.f.flat);
    l = read_line("-cum - -flat");
    assert_int_equal(l.first, 1);
}

static void defaults_are_those_of_pprof(void **state)
{
    (void)state;
    struct line l = read_line("file");
    assert_ok(l.is_settled, &l.err);
    assert_null(l.f.format);
    assert_string_equal(l.f.unit, "minimum");
    assert_int_equal(l.f.nodecount, -1);
    assert_true(l.f.nodefraction == 0.005);
    assert_true(l.f.edgefraction == 0.001);
    assert_true(l.f.divide_by == 1);
    assert_true(l.f.trim);
    assert_int_equal(l.f.seconds, -1);
    assert_int_equal(l.f.timeout, -1);
    assert_int_equal(l.f.granularity, GRANULARITY_UNSAID);
    assert_int_equal(l.first, 0);
}

struct refusal {
    const char *line, *text;
};

static void what_pprof_refuses_is_refused_in_its_words(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"-bogus-flag f",
         "flag provided but not defined: -bogus-flag; seep pprof -help lists "
         "them"                                                                                  },
        {"-nodecout=3",
         "flag provided but not defined: -nodecout; did you mean -nodecount?"                    },
        {"-nodecount",                     "flag needs an argument: -nodecount"                  },
        {"-peek",                          "flag needs an argument: -peek"                       },
        {"-nodecount x",
         "invalid value \"x\" for flag -nodecount: parse error"                                  },
        {"-nodecount=",                    "invalid value \"\" for flag -nodecount: parse error" },
        {"-nodecount=9223372036854775808",
         "invalid value \"9223372036854775808\" for flag -nodecount: value "
         "out of range"                                                                          },
        {"-nodefraction=1e999",
         "invalid value \"1e999\" for flag -nodefraction: value out of range"                    },
        {"-nodefraction=5%",
         "invalid value \"5%\" for flag -nodefraction: parse error"                              },
        {"-trim=yes",                      "invalid boolean value \"yes\" for -trim: parse error"},
        {"-top=",                          "invalid boolean value \"\" for -top: parse error"    },
        {"---top",                         "bad flag syntax: ---top"                             },
        {"-=x",                            "bad flag syntax: -=x"                                },
        {"-cum -flat f",                   "conflicting options set: [cum flat]"                 },
        {"-lines -files f",                "conflicting options set: [files lines]"              },
        {"-top -tree f",                   "must set at most one output format"                  },
        {"-text -top f",                   "must set at most one output format"                  },
        {"-peek x -list y f",              "must set at most one output format"                  },
        {"-http=: -top f",                 "-http: seep serves no pages; use -svg, seep "
                           "convert, or go tool pprof -http"           },
        {"-http : f",
         "-http: seep serves no pages; use -svg, seep convert, or go tool "
         "pprof -http"                                                                           },
        {"-no_browser f",                  "-no_browser only makes sense with -http"             },
        {"-base a -diff_base b f",
         "-base and -diff_base flags cannot both be specified"                                   },
        {"-normalize f",                   "must have base profile to normalize by"              },
        {"-disasm main f",                 "-disasm is not supported: seep reads no machine "
                           "code; try -list"                           },
        {"-web f",                         "-web: seep starts no viewers: write a picture with -svg, "
                   "or a graph with -callgrind, and open that"                 },
        {"-format yaml f",
         "-format: unknown format 'yaml'; there is: text json csv (other "
         "formats have flags of their own)"                                                      },
        {"-format json -tree f",           "-format json is for -top, not for -tree"             },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct line l = read_line(cases[i].line);
        assert_false(l.is_settled);
        assert_int_equal(l.err.code, ERR_USAGE);
        assert_string_equal(l.err.text, cases[i].text);
    }
}

static void a_flag_given_again_counts_last_and_may_be_taken_back(void **state)
{
    (void)state;
    struct line l = read_line("-top -text=t -top=false -base a -base b "
                              "-cum -flat -cum=0 -peek=x -peek= f");
    assert_ok(l.is_settled, &l.err);
    assert_string_equal(l.f.format->name, "text");
    assert_string_equal(l.f.base, "b");
    assert_false(l.f.cum);
}

static void an_empty_base_is_none(void **state)
{
    (void)state;
    struct line l = read_line("-base= -diff_base=x -normalize f");
    assert_ok(l.is_settled, &l.err);
    assert_null(l.f.base);
    assert_string_equal(l.f.diff_base, "x");
}

static void half_a_certificate_is_refused_by_those_who_fetch(void **state)
{
    (void)state;
    struct line l = read_line("-tls_key k f");
    assert_ok(l.is_settled, &l.err);
    assert_false(pprof_flags_check_tls(&l.f, &l.err));
    assert_string_equal(
        l.err.text,
        "-tls_key is specified, so -tls_cert must also be specified");
    l = read_line("-tls_cert c -tls_key= f");
    assert_false(pprof_flags_check_tls(&l.f, &l.err));
    l = read_line("-tls_cert c -tls_key k f");
    assert_ok(pprof_flags_check_tls(&l.f, &l.err), &l.err);
}

static void numbers_are_read_as_in_go(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t v;
    } cases[] = {
        {"0",                    true,  0        },
        {"-0x1F",                true,  -31      },
        {"0b101",                true,  5        },
        {"0o17",                 true,  15       },
        {"017",                  true,  15       },
        {"1_000",                true,  1000     },
        {"0x_ff",                true,  255      },
        {"0_7",                  true,  7        },
        {"+5",                   true,  5        },
        {"-9223372036854775808", true,  INT64_MIN},
        {"_1",                   false, 0        },
        {"1_",                   false, 0        },
        {"1__0",                 false, 0        },
        {"08",                   false, 0        },
        {"0x",                   false, 0        },
        {"--1",                  false, 0        },
        {"1.0",                  false, 0        },
        {" 1",                   false, 0        },
        {"-9223372036854775809", false, 0        },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t v = 0;
        const bool ok = read_int(span_of(cases[i].text), &v) == VALUE_FINE;
        if (ok != cases[i].ok || (ok && v != cases[i].v)) {
            fail_msg("%s: %d, %lld", cases[i].text, ok, (long long)v);
        }
    }
    double d = 0;
    assert_int_equal(read_float(SPAN_LIT("1e-400"), &d), VALUE_FINE);
    assert_true(d < DBL_MIN);
    assert_int_equal(read_float(SPAN_LIT("-.5"), &d), VALUE_FINE);
    assert_int_equal(read_float(SPAN_LIT(" 1"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("1x"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("nan(1)"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("1_0.2_5e0_1"), &d), VALUE_FINE);
    assert_true(d > 102.4 && d < 102.6);
    assert_int_equal(read_float(SPAN_LIT("-0x_1p-1"), &d), VALUE_FINE);
    assert_true(d > -0.6 && d < -0.4);
    assert_int_equal(read_float(SPAN_LIT("_1"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("1_"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("1_.5"), &d), VALUE_WRONG);
    assert_int_equal(read_float(SPAN_LIT("1__5"), &d), VALUE_WRONG);
}

static void
the_first_of_several_sample_types_wins_and_the_rest_is_said(void **state)
{
    (void)state;
    struct line l = read_line("-alloc_space -inuse_space -contentions f");
    assert_ok(l.is_settled, &l.err);
    assert_string_equal(l.f.sample_index, "contentions");
    assert_string_equal(l.notes.data,
                        "Multiple value selections, ignoring -inuse_space\n"
                        "Multiple value selections, ignoring -alloc_space\n");
    buf_release(&l.notes);

    l = read_line("-sample_index=0 -mean_delay f");
    assert_string_equal(l.f.sample_index, "0");
    assert_true(l.f.has_mean);
    assert_string_equal(l.notes.data,
                        "Multiple value selections, ignoring -mean_delay\n");
    buf_release(&l.notes);
}

static void help_ends_the_reading(void **state)
{
    (void)state;
    struct line l = read_line("-h -nonsense");
    assert_true(l.ok && l.f.help);
    l = read_line("--help");
    assert_true(l.ok && l.f.help);
    assert_true(pprof_flag_exists("-cum") && pprof_flag_exists("--peek=x"));
    assert_false(pprof_flag_exists("-") || pprof_flag_exists("--") ||
                 pprof_flag_exists("cum") || pprof_flag_exists("-nothing"));
}

static void names_are_unique_and_rows_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FLAGS; i++) {
        assert_ptr_equal(find_flag(span_of(flags[i].name)), &flags[i]);
        assert_int_equal(find_format(span_of(flags[i].name)), N_FORMATS);
        assert_true((flags[i].arg == NULL) == (flags[i].kind == PPROF_BOOL));
    }
    for (size_t i = 0; i < N_FORMATS; i++) {
        assert_int_equal(find_format(span_of(formats[i].name)), i);
        assert_true((formats[i].report == NULL) ==
                    (formats[i].refusal != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_takes_one_dash_or_two_and_its_value_either_way),
        cmocka_unit_test(two_dashes_alone_and_one_dash_end_the_flags),
        cmocka_unit_test(defaults_are_those_of_pprof),
        cmocka_unit_test(what_pprof_refuses_is_refused_in_its_words),
        cmocka_unit_test(a_flag_given_again_counts_last_and_may_be_taken_back),
        cmocka_unit_test(an_empty_base_is_none),
        cmocka_unit_test(half_a_certificate_is_refused_by_those_who_fetch),
        cmocka_unit_test(numbers_are_read_as_in_go),
        cmocka_unit_test(
            the_first_of_several_sample_types_wins_and_the_rest_is_said),
        cmocka_unit_test(help_ends_the_reading),
        cmocka_unit_test(names_are_unique_and_rows_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
