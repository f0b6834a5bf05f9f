/* What holds of limits, what fails, and the line that shows it again. */
#include "test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/gate.c"
#include "../../cmd/reproduce.c"
#include "../../cmd/verdict.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* --- what the gate asks --- */

static struct config config;
static bool is_only_new;
static char said[256];

const struct config *review_config(const struct review *r)
{
    (void)r;
    return &config;
}

bool review_only_new(const struct review *r)
{
    (void)r;
    return is_only_new;
}

void console_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(said, sizeof(said), fmt, args);
    va_end(args);
}

static int set_up(void **state)
{
    (void)state;
    config = (struct config){.min_bytes = NAN,
                             .min_goroutines = NAN,
                             .min_growth = NAN,
                             .only_new = -1};
    is_only_new = false;
    said[0] = '\0';
    return 0;
}

static const struct gate standard = {.fail_on = FAIL_ON_STRONG,
                                     .min_goroutines = 50};

static struct gate resolve(const struct gate_settings *s)
{
    struct gate g;
    struct err err = {0};
    assert_ok(gate_resolve(s, NULL, &standard, &g, &err), &err);
    return g;
}

/* --- one finding --- */

struct world {
    struct findings f;
    struct finding finding;
    struct metric metric;
};

/* Of goroutines that went from `first` to `last`. */
static struct world *world_of(enum grade grade, double first, double last)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->metric = (struct metric){.name = "goroutines",
                                .unit = "count",
                                .first = first,
                                .last = last,
                                .delta = last - first};
    w->finding = (struct finding){.grade = grade,
                                  .headline = "goroutines wait",
                                  .metrics = &w->metric,
                                  .n_metrics = 1,
                                  .has_site = true,
                                  .site.function = "main.wait"};
    w->f = (struct findings){
        .verdict = VERDICT_LEAK, .items = &w->finding, .n = 1};
    return w;
}

static void world_free(struct world *w)
{
    findings_release(&w->f);
    free(w);
}

static int status_of(struct world *w, const struct gate *g)
{
    const struct outputs outputs = {0};
    return gate_status(&w->f, g, NULL, &outputs);
}

/* --- tests --- */

static void the_command_line_comes_before_the_file(void **state)
{
    (void)state;
    struct gate_settings s;
    gate_settings_defaults(&s);
    struct gate g = resolve(&s);
    assert_int_equal(g.fail_on, FAIL_ON_STRONG);
    assert_true(g.min_goroutines == 50 && g.min_growth == 0);

    config.fail_on = "suspect";
    config.min_goroutines = 7;
    config.min_growth = 0.5;
    g = resolve(&s);
    assert_int_equal(g.fail_on, FAIL_ON_SUSPECT);
    assert_int_equal(g.report.fail_on, GRADE_SUSPECT);
    assert_true(g.min_goroutines == 7 && g.min_growth == 0.5);

    s.fail_on = FAIL_ON_NEVER;
    s.min_goroutines = 0;
    g = resolve(&s);
    assert_int_equal(g.fail_on, FAIL_ON_NEVER);
    assert_true(g.report.is_never && g.min_goroutines == 0);
}

static void growth_is_a_percentage_or_a_ratio(void **state)
{
    (void)state;
    struct err err = {0};
    double v = 0;
    assert_ok(gate_apply_growth(&v, "10%", NULL, &err), &err);
    assert_true(fabs(v - 0.1) < 1e-12);
    assert_ok(gate_apply_growth(&v, "0.25", NULL, &err), &err);
    assert_true(v == 0.25);
    assert_false(gate_apply_growth(&v, "-1%", NULL, &err));
    assert_err(&err, ERR_USAGE,
               "--min-growth: '-1%' is not a growth such as 10% or 0.1");
    assert_false(gate_apply_growth(&v, "1", NULL, &err));
    assert_err(&err, ERR_USAGE,
               "--min-growth: '1' is a ratio, so 100 %; say '1%'");
    assert_false(gate_apply_growth(&v, "20", NULL, &err));
    assert_err(&err, ERR_USAGE,
               "--min-growth: '20' is a ratio, so 2000 %; say '20%'");
}

/* Both limits must be exceeded, and what is proven has none. */
static void limits_decide_what_fails(void **state)
{
    (void)state;
    static const struct {
        enum grade grade;
        double first, last;
        int status;
    } cases[] = {
        {GRADE_STRONG,  10,  61,  STATUS_FOUND},
        {GRADE_STRONG,  10,  59,  STATUS_OK   }, /* +49 */
        {GRADE_STRONG,  600, 660, STATUS_OK   }, /* +10 % */
        {GRADE_STRONG,  0,   50,  STATUS_FOUND},
        {GRADE_SUSPECT, 0,   500, STATUS_OK   }, /* by its grade */
        {GRADE_PROVEN,  1,   1,   STATUS_FOUND},
    };
    struct gate_settings s;
    gate_settings_defaults(&s);
    s.min_growth = 0.2;
    const struct gate g = resolve(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct world *w =
            world_of(cases[i].grade, cases[i].first, cases[i].last);
        assert_ok(gate_limit(&w->f, &g, &err), &err);
        assert_int_equal(status_of(w, &g), cases[i].status);
        assert_int_equal(w->f.verdict, VERDICT_LEAK);
        assert_int_equal(w->finding.grade, cases[i].grade);
        world_free(w);
    }
}

static void what_is_below_a_limit_is_said(void **state)
{
    (void)state;
    struct err err = {0};
    struct world *w = world_of(GRADE_STRONG, 10, 59);
    assert_ok(gate_limit(&w->f, &standard, &err), &err);
    assert_int_equal(w->f.n_below_limits, 1);
    assert_int_equal(w->f.n_notes, 1);
    assert_non_null(w->f.notes);
    assert_string_equal(w->f.notes[0], "does not fail: main.wait is below "
                                       "--min-goroutines 50");
    world_free(w);
}

static void existing_and_accepted_findings_do_not_fail(void **state)
{
    (void)state;
    static const struct finding_acceptance accepted = {".seep.yml:3", "bounded",
                                                       NULL};
    struct gate_settings s;
    gate_settings_defaults(&s);
    struct world *w = world_of(GRADE_STRONG, 0, 500);
    w->finding.state = "existing";
    struct gate g = resolve(&s);
    assert_int_equal(status_of(w, &g), STATUS_FOUND);
    is_only_new = true;
    g = resolve(&s);
    assert_int_equal(status_of(w, &g), STATUS_OK);
    w->finding.state = "worse";
    assert_int_equal(status_of(w, &g), STATUS_FOUND);
    w->finding.accepted = &accepted;
    assert_int_equal(status_of(w, &g), STATUS_OK);
    world_free(w);
}

/* 1 before 3 before 0; the reason is said where no text on stdout says it. */
static void what_cannot_be_decided_never_passes(void **state)
{
    (void)state;
    const struct outputs text = {0};
    const struct outputs json = {.items = {{"json", "out.json"}}, .n = 1};
    struct world *w = world_of(GRADE_SUSPECT, 0, 500);
    w->f.has_lost = true;
    assert_int_equal(gate_status(&w->f, &standard, NULL, &text), STATUS_UNSURE);
    assert_string_equal(said, "");
    assert_int_equal(gate_status(&w->f, &standard, NULL, &json), STATUS_UNSURE);
    assert_string_equal(
        said, "cannot decide: an input was lost; mend it or leave it out");
    w->f.has_lost = false;
    assert_int_equal(gate_status(&w->f, &standard, "head is empty", &json),
                     STATUS_UNSURE);
    assert_string_equal(said, "cannot decide: head is empty");
    w->f.verdict = VERDICT_INCONCLUSIVE;
    w->f.limits.advice = "wait 10 s more";
    assert_int_equal(gate_status(&w->f, &standard, NULL, &json), STATUS_UNSURE);
    assert_string_equal(said, "cannot decide: wait 10 s more");
    /* Something else is found, so that the verdict is another; open sites stay.
     */
    w->f.verdict = VERDICT_GROWTH;
    assert_int_equal(gate_status(&w->f, &standard, NULL, &json), STATUS_OK);
    w->f.is_open = true;
    assert_int_equal(gate_status(&w->f, &standard, NULL, &json), STATUS_UNSURE);
    w->finding.grade = GRADE_STRONG;
    w->f.has_lost = true;
    assert_int_equal(gate_status(&w->f, &standard, NULL, &json), STATUS_FOUND);
    world_free(w);
}

/* Without --only-new the baseline excuses nothing. */
static void what_a_baseline_could_not_be_asked_never_passes(void **state)
{
    (void)state;
    struct world *w = world_of(GRADE_SUSPECT, 0, 500);
    struct gate g = standard;
    w->f.unchecked = "1 accepted finding could not be checked";
    assert_int_equal(status_of(w, &g), STATUS_OK);
    g.only_new = true;
    assert_int_equal(status_of(w, &g), STATUS_UNSURE);
    world_free(w);
}

static void the_line_is_quoted_and_holds_no_secret(void **state)
{
    (void)state;
    static char words[][64] = {
        "/usr/bin/seep",
        "leaks",
        "-H",
        "Authorization: Bearer s3cret",
        "--header=Cookie: s3cret",
        "-kHX-Key: s3cret",
        "-qH",
        "X: s3cret",
        "--user",
        "me:s3cret",
        "--user=me:@file",
        "http://me:s3cret@host:6060/debug/pprof/?key=s3cret",
        "it's $HOME",
        "",
        "plain-1.pb.gz",
    };
    enum { N = sizeof(words) / sizeof(words[0]) };
    char *argv[N];
    for (size_t i = 0; i < N; i++) {
        argv[i] = words[i];
    }
    struct arena arena = {0};
    const struct session s = {
        .arena = &arena, .argc = sizeof(argv) / sizeof(argv[0]), .argv = argv};
    const char *line = reproduce_line(&s);
    assert_non_null(line);
    assert_null(strstr(line, "s3cret"));
    assert_string_equal(line,
                        "seep leaks -H Authorization:... --header=Cookie:... "
                        "-kHX-Key:... -qH X:... --user me:... --user=me:@file "
                        "http://host:6060/debug/pprof/ 'it'\\''s $HOME' '' "
                        "plain-1.pb.gz");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_command_line_comes_before_the_file, set_up),
        cmocka_unit_test_setup(growth_is_a_percentage_or_a_ratio, set_up),
        cmocka_unit_test_setup(limits_decide_what_fails, set_up),
        cmocka_unit_test_setup(what_is_below_a_limit_is_said, set_up),
        cmocka_unit_test_setup(existing_and_accepted_findings_do_not_fail,
                               set_up),
        cmocka_unit_test_setup(what_cannot_be_decided_never_passes, set_up),
        cmocka_unit_test_setup(what_a_baseline_could_not_be_asked_never_passes,
                               set_up),
        cmocka_unit_test_setup(the_line_is_quoted_and_holds_no_secret, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
