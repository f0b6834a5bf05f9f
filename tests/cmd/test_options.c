#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/options.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdio.h>
#include <string.h>

struct opts {
    bool loud;
    const char *name;
    uint64_t bytes, count;
    double ratio;
    int pick;
    struct words each, many;
};

static const char *const picks[] = {"red", "green", NULL};

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "loud", .short_name = 'l', .kind = OPTION_FLAG, .offset = offsetof(struct opts, loud)},
    {.name = "name", .short_name = 'n', .arg = "N", .kind = OPTION_TEXT, .offset = offsetof(struct opts, name)},
    {.name = "bytes", .arg = "B", .kind = OPTION_BYTES, .offset = offsetof(struct opts, bytes)},
    {.name = "count", .arg = "C", .kind = OPTION_COUNT, .offset = offsetof(struct opts, count), .min = 1, .max = 9},
    {.name = "ratio", .arg = "R", .kind = OPTION_NUMBER, .offset = offsetof(struct opts, ratio)},
    {.name = "pick", .arg = "P", .kind = OPTION_CHOICE, .choices = picks, .offset = offsetof(struct opts, pick)},
    {.name = "each", .arg = "E", .kind = OPTION_WORDS, .offset = offsetof(struct opts, each)},
    {.name = "many", .arg = "M...", .kind = OPTION_MANY, .offset = offsetof(struct opts, many)},
};
/* clang-format on */

struct line {
    struct opts o;
    struct words args;
    struct arena arena;
    struct err err;
    int used;
    bool ok;
};

/* Splits at blanks and parses. */
static struct line parse_line(const char *text, bool first_word_ends)
{
    struct line out = {0};
    static char copy[256];
    char *argv[32];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", text);
    char *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w;
         w = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = w;
    }
    const struct option_set set = {rows, sizeof(rows) / sizeof(rows[0]),
                                   &out.o};
    out.ok = options_parse(&set, 1, argc, argv, first_word_ends, &out.arena,
                           &out.args, &out.used, &out.err);
    return out;
}

static void every_spelling_is_read(void **state)
{
    (void)state;
    struct line l = parse_line("a --name=x -l --count 3 b --bytes 2KiB "
                               "--ratio .5 --pick green -- --name",
                               false);
    assert_ok(l.ok, &l.err);
    assert_true(l.o.loud);
    assert_string_equal(l.o.name, "x");
    assert_int_equal(l.o.count, 3);
    assert_int_equal(l.o.bytes, 2048);
    assert_true(l.o.ratio == 0.5);
    assert_int_equal(l.o.pick, 1);
    assert_int_equal(l.args.n, 3);
    assert_string_equal(l.args.items[2], "--name");
    arena_release(&l.arena);

    l = parse_line("-lnvalue -", false);
    assert_ok(l.ok, &l.err);
    assert_true(l.o.loud);
    assert_string_equal(l.o.name, "value");
    assert_string_equal(l.args.items[0], "-");
    arena_release(&l.arena);
}

static void lists_take_what_is_theirs(void **state)
{
    (void)state;
    struct line l = parse_line("--each 1 --many a b --each 2 c", false);
    assert_ok(l.ok, &l.err);
    assert_int_equal(l.o.each.n, 2);
    assert_int_equal(l.o.many.n, 2);
    assert_string_equal(l.o.many.items[1], "b");
    assert_int_equal(l.args.n, 1);
    arena_release(&l.arena);
}

static void parsing_stops_at_the_command(void **state)
{
    (void)state;
    struct line l = parse_line("-l run --nonsense", true);
    assert_ok(l.ok, &l.err);
    assert_int_equal(l.used, 1);
    arena_release(&l.arena);
}

static const struct wrong_case {
    const char *line, *text;
} wrong_cases[] = {
    {"--nmae x",    "unknown option --nmae; did you mean --name?"  },
    {"--qqqqqq",    "unknown option --qqqqqq"                      },
    {"-z",          "unknown option -z"                            },
    {"--name",      "--name needs a value: N"                      },
    {"--loud=yes",  "--loud takes no value"                        },
    {"--count 10",  "--count: '10' is not a number from 1 to 9"    },
    {"--bytes -1",  "--bytes: '-1' must be at least 0"             },
    {"--ratio nan", "--ratio: 'nan' is not a number"               },
    {"--pick blue", "--pick: 'blue' is not one of: red green"      },
    {"--pick gren",
     "--pick: 'gren' is not one of: red green; did you mean green?"},
    {"--pick re3",  "--pick: 're3' is not one of: red green"       },
};

static void mistakes_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_cases) / sizeof(wrong_cases[0]); i++) {
        struct line l = parse_line(wrong_cases[i].line, false);
        assert_false(l.ok);
        assert_err(&l.err, ERR_USAGE, wrong_cases[i].text);
        arena_release(&l.arena);
    }
}

static void nearest_finds_typing_errors_only(void **state)
{
    (void)state;
    static const char *const words[] = {"leaks", "diff", "rules",
                                        "goroutine-chan-receive"};
    assert_string_equal(words_nearest("lekas", words, 4), "leaks");
    assert_string_equal(words_nearest("dif", words, 4), "diff");
    assert_string_equal(words_nearest("chan-receive", words, 4),
                        "goroutine-chan-receive");
    assert_null(words_nearest("watch", words, 4));
    assert_null(words_nearest("", words, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_is_read),
        cmocka_unit_test(lists_take_what_is_theirs),
        cmocka_unit_test(parsing_stops_at_the_command),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(nearest_finds_typing_errors_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
