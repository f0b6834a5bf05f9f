/* Which runs of a process that restarted are judged, and what they are
   together. */
#include "series/made.h"

#include <stdio.h>

/* The program's own parts are not in the library. */
/* NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../cmd/judge_runs.c"

/* No limits are asked about here. */
bool gate_is_below(const struct finding *f, const struct gate *g)
{
    (void)f;
    return g != NULL;
}

/* Runs of so many heap and goroutine profiles, a second apart; 0 ends them. */
static struct series *series_of(const size_t *lengths)
{
    struct series *s = series_new(NULL);
    size_t at = 0;
    for (size_t run = 0; lengths[run] > 0; run++) {
        for (size_t i = 0; i < lengths[run]; i++, at++) {
            /* Each run allocates less than the one before it. */
            const double born = 10000 - 1000 * (double)run + 10 * (double)i;
            char source[32];
            struct profile_builder *p = made_heap(1);
            made_block(p, "main.a", 16, born, 3);
            (void)snprintf(source, sizeof source, "%02zu.heap", at);
            made_add(s, p, KIND_HEAP, source, (double)at);
            p = made_goroutine();
            made_count(p, "main.a", 5);
            (void)snprintf(source, sizeof source, "%02zu.goroutine", at);
            made_add(s, p, KIND_GOROUTINE, source, (double)at);
        }
    }
    made_finish(s);
    return s;
}

static void judge(struct series *s, bool is_history, struct judged_runs *out)
{
    struct err err = {0};
    const struct rules_options rules = {.settings = NULL};
    const struct judge_runs how = {.rules = &rules, .is_history = is_history};
    assert_ok(judge_runs(s, &how, out, &err), &err);
}

static void which_runs_are_judged(void **state)
{
    static const struct {
        size_t lengths[5];
        bool is_history;
        const char *judged; /* one digit a run */
    } rows[] = {
        {{6, 8, 5},    false, "111" },
        {{6, 4, 5},    false, "101" },
        {{3, 4, 2},    false, "010" },
        {{8, 6, 4},    true,  "010" },
        {{6, 8, 5},    true,  "001" },
        {{3, 4, 4, 1}, true,  "0010"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged_runs j;
        struct series *s = series_of(rows[i].lengths);
        judge(s, rows[i].is_history, &j);
        assert_int_equal(j.n_runs, strlen(rows[i].judged));
        for (size_t k = 0; k < j.n_runs; k++) {
            const bool is_judged = rows[i].judged[k] == '1';
            if (j.runs[k].is_judged != is_judged ||
                j.runs[k].is_short != (!is_judged && rows[i].lengths[k] < 5)) {
                fail_msg("row %zu, run %zu", i, k);
            }
        }
        judged_runs_release(&j);
        series_free(s);
    }
}

/* Heaps that do not change are states that repeat. */
static void a_long_run_of_few_states_outweighs_a_short_one(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    for (int i = 0; i < 34; i++) {
        char source[32];
        struct profile_builder *p = made_heap(1);
        const double born = i < 4 ? 10000 + i : 1000 + i / 10;
        made_block(p, "main.a", 16, born, 3);
        (void)snprintf(source, sizeof source, "%02d.heap", i);
        made_add(s, p, KIND_HEAP, source, i);
    }
    made_finish(s);
    struct judged_runs j;
    judge(s, false, &j);
    assert_true(j.runs[1].n_heap < 5);
    assert_int_equal(j.runs[1].n_profiles, 30);
    size_t n_seen = 0;
    for (size_t i = 0; i < j.findings.n_notes; i++) {
        n_seen += strcmp(j.findings.notes[i],
                         "4 of 34 heap profiles lie in 1 run too short to be "
                         "judged") == 0;
    }
    assert_int_equal(n_seen, 1);
    judged_runs_release(&j);
    series_free(s);
}

/* A store judges what runs now. */
static void short_runs_of_a_history_count_from_the_judged_one_on(void **state)
{
    static const struct {
        size_t lengths[6];
        bool is_history, is_open;
    } rows[] = {
        {{4, 4, 4, 7}, false, true },
        {{4, 4, 4, 7}, true,  false},
        {{7, 4, 4, 4}, true,  true },
        {{4, 4, 7, 4}, true,  false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged_runs j;
        struct series *s = series_of(rows[i].lengths);
        judge(s, rows[i].is_history, &j);
        bool is_said = j.findings.limits.advice != NULL &&
                       strstr(j.findings.limits.advice, "too short") != NULL;
        if (is_said != rows[i].is_open) {
            fail_msg("row %zu: %s", i, j.findings.limits.advice);
        }
        judged_runs_release(&j);
        series_free(s);
    }
}

static void inputs_are_used_in_the_run_that_they_are_of(void **state)
{
    static const size_t lengths[] = {6, 4, 5, 0};
    struct judged_runs j;
    struct series *s = series_of(lengths);
    (void)state;
    judge(s, false, &j);
    assert_int_equal(j.n_inputs, 30);
    for (size_t i = 0; i < j.n_inputs; i++) {
        const struct series_input *in = &j.inputs[i];
        assert_int_equal(in->used, in->run != 2);
        if (in->run == 2) {
            assert_string_equal(in->why, "its run is too short to be judged");
        }
    }
    assert_int_equal(j.about.n_heap, 11);
    assert_int_equal(j.about.n_goroutine, 11);
    assert_int_equal(j.about.n_dropped, 8);
    assert_true(j.about.seconds == 9);
    assert_true(j.findings.window_seconds == 4);
    assert_int_equal(j.findings.n_runs, 3);
    judged_runs_release(&j);
    series_free(s);
}

static void without_a_restart_there_are_no_runs(void **state)
{
    static const size_t lengths[] = {6, 0};
    struct judged_runs j;
    struct series *s = series_of(lengths);
    (void)state;
    judge(s, false, &j);
    assert_int_equal(j.n_runs, 0);
    assert_int_equal(j.findings.n_runs, 0);
    assert_int_equal(j.about.n_heap, 6);
    judged_runs_release(&j);
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_runs_are_judged),
        cmocka_unit_test(a_long_run_of_few_states_outweighs_a_short_one),
        cmocka_unit_test(short_runs_of_a_history_count_from_the_judged_one_on),
        cmocka_unit_test(inputs_are_used_in_the_run_that_they_are_of),
        cmocka_unit_test(without_a_restart_there_are_no_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
