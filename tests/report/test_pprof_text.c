/* -text and -top: rows, their order, what was inlined. */
#include "pprof_run.h"

static void nodes_are_listed_by_weight(void **state)
{
    (void)state;
    static const char want[] =
        "File: service\n"
        "Type: inuse_space\n"
        "Showing nodes accounting for 7680B, 100% of 7680B total\n"
        "      flat  flat%   sum%        cum   cum%\n"
        "     4096B 53.33% 53.33%      4096B 53.33%  shop.serve serve.go:21\n"
        "     3072B 40.00% 93.33%      3072B 40.00%  shop.parse parse.go:5"
        " (inline)\n"
        "      512B  6.67%   100%       512B  6.67%  [service]\n"
        "         0     0%   100%      7168B 93.33%  main.main main.go:10\n"
        "         0     0%   100%       512B  6.67%  main.main main.go:12\n"
        "         0     0%   100%      3072B 40.00%  shop.serve serve.go:20\n";
    static const char *const names[] = {"text", "top"};
    for (size_t i = 0; i < TEST_N(names); i++) {
        struct profile *p = shop_profile();
        struct pprof_options o = run_options(p, 1);
        o.has_compact_labels = false;
        profile_aggregate(p,
                          KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE);
        assert_report(names[i], p, &o, want);
    }
}

static void what_is_inlined_here_and_there_is_partly_inlined(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a>b", {70}, NULL, 0},
        {"d;b", {20}, NULL, 0},
        {"a>c", {10}, NULL, 0},
    };
    struct profile *p = made_profile("n/count", samples, TEST_N(samples));
    struct pprof_options o = run_options(p, 0);
    o.sorts_cum = true;
    assert_report("text", p, &o,
                  "Showing nodes accounting for 100, 100% of 100 total\n"
                  "      flat  flat%   sum%        cum   cum%\n"
                  "        90 90.00% 90.00%         90 90.00%  b"
                  " (partial-inline)\n"
                  "         0     0% 90.00%         80 80.00%  a\n"
                  "         0     0% 90.00%         20 20.00%  d\n"
                  "        10 10.00%   100%         10 10.00%  c (inline)\n");
}

static void a_profile_without_samples_has_no_rows(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count", NULL, 0);
    const struct pprof_options o = run_options(p, 0);
    assert_report("text", p, &o,
                  "Showing nodes accounting for 0, 0% of 0 total\n"
                  "      flat  flat%   sum%        cum   cum%\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_listed_by_weight),
        cmocka_unit_test(what_is_inlined_here_and_there_is_partly_inlined),
        cmocka_unit_test(a_profile_without_samples_has_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
