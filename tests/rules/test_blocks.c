/*
 * One large block that is new, or replaced by a larger one: no count rises, its
 * bytes do. Judged through the public interface, beside a stock in turnover.
 */
#include "series/made.h"

#include "rules/rules.h"

#include <stdio.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { POINTS = 12, BLOCK = 4096 };

static const double mib = 1048576;

static const struct block_case {
    const char *name;
    double x[POINTS]; /* MiB */
    bool is_suspect;
    const char *note; /* a part of it; NULL none */
} cases[] = {
    {"a_buffer_that_is_never_cut_is_suspect",
     {1, 1, 2.5, 2.5, 5, 5, 10, 10, 10, 20, 20, 20},
     true,  NULL                                               },
    {"the_old_block_beside_the_new_one_hides_no_step",
     {1, 1, 2.5, 2.5, 7.5, 5, 5, 15, 10, 10, 10, 10},
     true,  NULL                                               },
    {"a_table_that_was_built_early_is_a_note",
     {1, 2.5, 5, 10, 20, 20, 20, 20, 20, 20, 20, 20},
     false, "main.table holds 19.0 MB more, in a larger block" },
    {"one_step_is_a_note",
     {0, 0, 0, 0, 64, 64, 64, 64, 64, 64, 64, 64},
     false, "main.table holds 64.0 MB more, in one large block"},
    {"a_buffer_that_is_flushed_is_nothing",
     {5, 10, 20, 1, 2.5, 5, 10, 20, 1, 2.5, 5, 10},
     false, NULL                                               },
    {"a_block_in_flight_at_the_end_is_nothing",
     {0, 0, 30, 0, 0, 0, 30, 0, 0, 0, 0, 30},
     false, NULL                                               },
};

static bool is_new(const struct block_case *c, size_t i)
{
    return i == 0 || fabs(c->x[i] - c->x[i - 1]) > 0;
}

static void take(const struct block_case *c, size_t i, struct series *s)
{
    struct profile_builder *b = made_heap(MADE_PERIOD);
    char source[32];
    made_block(b, "main.page:5 net/http.HandlerFunc.ServeHTTP", BLOCK,
               100 + 40 * (double)i, 60);
    size_t last = 0;
    for (size_t k = 1; k <= i; k++) {
        last = is_new(c, k) ? k : last;
    }
    for (size_t k = 0; k <= i; k++) {
        if (is_new(c, k) && c->x[k] > 0) {
            made_block(b, "bytes.growSlice bytes.(*Buffer).Write main.table:7",
                       (int64_t)(c->x[k] * mib), 1, k == last);
        }
    }
    (void)snprintf(source, sizeof source, "%02zu.heap", i);
    made_add(s, b, KIND_HEAP, source, 5 * (double)i);
}

static void a_block_is_judged_by_its_steps(void **state)
{
    const struct block_case *c = *state;
    struct err err = {0};
    struct findings f;
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < POINTS; i++) {
        take(c, i, s);
    }
    made_finish(s);
    assert_ok(rules_judge(s, NULL, &f, &err), &err);
    series_free(s);
    assert_int_equal(f.n, c->is_suspect);
    if (c->is_suspect) {
        assert_string_equal(f.items[0].site.function, "main.table");
        assert_int_equal(f.items[0].grade, GRADE_SUSPECT);
        assert_non_null(strstr(f.items[0].why, "only appended to"));
        assert_true(isnan(f.items[0].metrics[0].per_hour));
    }
    assert_int_equal(f.n_notes, c->note != NULL);
    if (c->note && f.n_notes > 0) {
        assert_non_null(strstr(f.notes[0], c->note));
    }
    if (c->is_suspect || c->note) {
        assert_int_equal(f.n_within_noise,
                         0); /* bytes of one block have none */
    }
    findings_release(&f);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(cases)];
    for (size_t i = 0; i < N_OF(cases); i++) {
        tests[i] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = a_block_is_judged_by_its_steps,
                                .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
