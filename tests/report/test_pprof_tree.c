/* -tree and -peek: nodes between their callers and callees. */
#include "pprof_run.h"

#define LINE                                                                   \
    "----------------------------------------------------------"               \
    "+-------------\n"
#define HEAD                                                                   \
    "Showing nodes accounting for 7680B, 100% of 7680B total\n" LINE           \
    "      flat  flat%   sum%        cum   cum%   calls calls% + context"      \
    " \t \t \n" LINE

static void nodes_stand_between_callers_and_callees(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    const struct pprof_options o = run_options(p, 1);
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    assert_report("tree", p, &o,
                  HEAD
                  "                                             7168B   100%"
                  " |   main.main\n"
                  "     4096B 53.33% 53.33%      7168B 93.33%"
                  "                | shop.serve\n"
                  "                                             3072B 42.86%"
                  " |   shop.parse (inline)\n" LINE
                  "                                             3072B   100%"
                  " |   shop.serve (inline)\n"
                  "     3072B 40.00% 93.33%      3072B 40.00%"
                  "                | shop.parse\n" LINE
                  "                                              512B   100%"
                  " |   main.main\n"
                  "      512B  6.67%   100%       512B  6.67%"
                  "                | [service]\n" LINE
                  "         0     0%   100%      7680B   100%"
                  "                | main.main\n"
                  "                                             7168B 93.33%"
                  " |   shop.serve\n"
                  "                                              512B  6.67%"
                  " |   [service]\n" LINE);
}

static void a_tree_of_nothing_is_a_head(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/bytes", NULL, 0);
    const struct pprof_options o = run_options(p, 0);
    assert_report("tree", p, &o,
                  "Showing nodes accounting for 0, 0% of 0 total\n" LINE
                  "      flat  flat%   sum%        cum   cum%   calls calls%"
                  " + context \t \t \n");
}

static bool peek(const char *pattern, struct buf *out, struct err *err)
{
    struct profile *p = shop_profile();
    struct pprof_options o = run_options(p, 1);
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    o.symbol_text = span_of(pattern);
    assert_ok(regex_new(o.symbol_text, &o.symbol, err), err);
    const bool ok = pprof_report_find(SPAN_LIT("peek"))->print(p, &o, out, err);
    regex_free(o.symbol);
    profile_free(p);
    return ok;
}

/* The sum counts what is shown only. */
static void a_peek_shows_what_matches(void **state)
{
    (void)state;
    struct buf out = BUF_LIMIT(4096);
    struct err err = {0};
    assert_ok(peek("parse|main", &out, &err), &err);
    assert_text(&out,
                HEAD "                                             3072B   100%"
                     " |   shop.serve (inline)\n"
                     "     3072B 40.00% 40.00%      3072B 40.00%"
                     "                | shop.parse\n" LINE
                     "         0     0% 40.00%      7680B   100%"
                     "                | main.main\n"
                     "                                             7168B 93.33%"
                     " |   shop.serve\n"
                     "                                              512B  6.67%"
                     " |   [service]\n" LINE);
    buf_release(&out);
}

static void a_peek_at_nothing_is_an_error(void **state)
{
    (void)state;
    struct buf out = BUF_LIMIT(4096);
    struct err err = {0};
    assert_false(peek("^pars[e]r$", &out, &err));
    assert_err(&err, ERR_USAGE, "no matches found for regexp: ^pars[e]r$");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_stand_between_callers_and_callees),
        cmocka_unit_test(a_tree_of_nothing_is_a_head),
        cmocka_unit_test(a_peek_shows_what_matches),
        cmocka_unit_test(a_peek_at_nothing_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
