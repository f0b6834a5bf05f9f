/* The list of faults as people write it, and the dice that choose. */
#include "test.h"

#include "sim/serve_private.h"

#include <stdio.h>

struct case_text {
    const char *name, *text;
    const char *error; /* NULL: none */
    size_t n;
    enum sim_fault first;
    double share;
    unsigned script[4], n_script;
};

static const struct case_text cases[] = {
    {"one",           "drip",                 NULL,                                    1, SIM_FAULT_DRIP, 1, {0}, 0},
    {"number for a name", "500",                      NULL,                                                          1, SIM_FAULT_500, 1, {0}, 0},
    {"share",               "reset:0.25",                   NULL,                                                     1, SIM_FAULT_RESET, 0.25, {0}, 0},
    {"script",              "hang@3",                       NULL,    1, SIM_FAULT_HANG, 1, {3}, 1},
    {"long script",              "401@2+5+9",                                    NULL,                                                                     1, SIM_FAULT_401, 1, {2, 5, 9}, 3},
    {"several",           "bomb:0, slow@1,html",              NULL,3, SIM_FAULT_BOMB, 0, {0}, 0},
    {.name = "empty",
     .text = "",
     .error =
         "unknown fault ''; there is: slow drip reset truncate 500 404 401 "
         "redirect html bomb length restart hang"                                                                       },
    {.name = "unknown",
     .text = "slow,hangs",
     .error = "unknown fault 'hangs'; there is: slow drip reset truncate 500 "
              "404 401 redirect html bomb length restart hang"                        },
    {.name = "share above one",
     .text = "slow:1.5",
     .error = "fault slow: the share '1.5' is not a number from 0 to 1"                                                                      },
    {.name = "share of nothing",
     .text = "slow:",
     .error = "fault slow: the share '' is not a number from 0 to 1"},
    {.name = "answer zero",
     .text = "drip@0",
     .error = "fault drip: '0' is not the number of an answer, such as "
              "drip@3+7"                                                    },
    {.name = "answer that is a word",
     .text = "drip@3+x",
     .error = "fault drip: 'x' is not the number of an answer, such as "
              "drip@3+7"                                    },
    {.name = "too many in a script",
     .text = "404@1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17",
     .error = "fault 404: more than 16 answers"                                                                          },
    {.name = "too many",
     .text = "404,404,404,404,404,404,404,404,404,404,404,404,404,404,404,404,"
             "404",                                    .error = "more than 16 faults"                                                            },
};

static void parses(void **state)
{
    const struct case_text *c = *state;
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    size_t n = 0;
    struct err err = {0};
    const bool ok = sim_faults_parse(c->text, plans, &n, &err);
    if (c->error != NULL) {
        assert_false(ok);
        assert_err(&err, ERR_USAGE, c->error);
        return;
    }
    assert_ok(ok, &err);
    assert_int_equal(n, c->n);
    assert_int_equal(plans[0].fault, c->first);
    assert_true(plans[0].share >= c->share && plans[0].share <= c->share);
    assert_int_equal(plans[0].n_script, c->n_script);
    for (unsigned i = 0; i < c->n_script; i++) {
        assert_int_equal(plans[0].script[i], c->script[i]);
    }
}

static struct sim_fault_dice dice_of(const char *text,
                                     struct sim_fault_plan *plans)
{
    struct sim_fault_dice d = {.plans = plans};
    struct err err = {0};
    assert_ok(sim_faults_parse(text, plans, &d.n, &err), &err);
    sim_random_init(&d.random, 7, "faults");
    return d;
}

static void scripts_hit_their_answers_only(void **state)
{
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    struct sim_fault_dice d = dice_of("500@2+4,404@5,drip:0", plans);
    (void)state;
    static const enum sim_fault wanted[] = {N_SIM_FAULTS,  SIM_FAULT_500,
                                            N_SIM_FAULTS,  SIM_FAULT_500,
                                            SIM_FAULT_404, N_SIM_FAULTS};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(sim_fault_choose(&d, i + 1), wanted[i]);
    }
}

static void scripts_go_before_shares(void **state)
{
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    struct sim_fault_dice d = dice_of("drip,500@3,html", plans);
    (void)state;
    for (unsigned i = 1; i <= 100; i++) {
        const enum sim_fault fault = sim_fault_choose(&d, i);
        assert_true(i == 3
                        ? fault == SIM_FAULT_500
                        : fault == SIM_FAULT_DRIP || fault == SIM_FAULT_HTML);
    }
}

static void one_of_several_is_chosen_evenly(void **state)
{
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    struct sim_fault_dice d = dice_of("500,404,reset", plans);
    unsigned n[N_SIM_FAULTS + 1] = {0};
    (void)state;
    for (unsigned i = 1; i <= 9000; i++) {
        n[sim_fault_choose(&d, i)]++;
    }
    /* Five deviations of a binomial with mean 3000. */
    assert_in_range(n[SIM_FAULT_500], 2775, 3225);
    assert_in_range(n[SIM_FAULT_404], 2775, 3225);
    assert_int_equal(n[SIM_FAULT_RESET],
                     9000 - n[SIM_FAULT_500] - n[SIM_FAULT_404]);
}

static void shares_are_kept(void **state)
{
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    struct sim_fault_dice d = dice_of("reset:0.2", plans);
    unsigned n = 0;
    (void)state;
    for (unsigned i = 1; i <= 10000; i++) {
        n += sim_fault_choose(&d, i) == SIM_FAULT_RESET;
    }
    /* Five deviations of a binomial with mean 2000. */
    assert_in_range(n, 1800, 2200);
}

static void the_same_seed_throws_the_same_dice(void **state)
{
    struct sim_fault_plan plans[2][SIM_FAULT_PLANS_MAX];
    struct sim_fault_dice a = dice_of("reset:0.5", plans[0]);
    struct sim_fault_dice b = dice_of("drip@3,reset:0.5", plans[1]);
    (void)state;
    for (unsigned i = 1; i <= 1000; i++) {
        const enum sim_fault one = sim_fault_choose(&a, i);
        const enum sim_fault other = sim_fault_choose(&b, i);
        assert_int_equal(other, i == 3 ? SIM_FAULT_DRIP : one);
    }
}

static void the_bomb_reads_the_same_in_any_pieces(void **state)
{
    struct sim_bomb bomb;
    struct err err = {0};
    char whole[8192];
    char pieces[8192];
    (void)state;
    assert_ok(sim_bomb_make(&bomb, &err), &err);
    const uint64_t n = sim_bomb_bytes(&bomb);
    assert_in_range(n, 1000000, 8000000);
    const uint64_t starts[] = {0, 1000000, n - 5000};
    for (size_t k = 0; k < 3; k++) {
        const size_t got =
            sim_bomb_read(&bomb, starts[k], whole, sizeof(whole));
        for (size_t i = 0; i < got; i++) {
            assert_int_equal(sim_bomb_read(&bomb, starts[k] + i, pieces + i, 1),
                             1);
        }
        assert_memory_equal(whole, pieces, got);
    }
    assert_int_equal(sim_bomb_read(&bomb, n, whole, sizeof(whole)), 0);
    sim_bomb_release(&bomb);
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = parses,
                                      .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(scripts_hit_their_answers_only),
        cmocka_unit_test(scripts_go_before_shares),
        cmocka_unit_test(one_of_several_is_chosen_evenly),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(the_same_seed_throws_the_same_dice),
        cmocka_unit_test(the_bomb_reads_the_same_in_any_pieces),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
