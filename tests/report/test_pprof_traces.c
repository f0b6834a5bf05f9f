/* -traces: samples in their order, labels in that of their text. */
#include "pprof_run.h"

#define LINE                                                                   \
    "-----------+-------------------------------------------------------\n"

static void a_sample_is_its_labels_and_its_stack(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 1);
    struct label_units units;
    struct err err = {0};
    assert_ok(label_units_find(p, &units, NULL, &err), &err);
    o.label_units = &units;
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION);
    struct buf out = run_report("traces", p, &o);
    assert_text(&out, "File: shop\n"
                      "Build ID: c0ffee\n"
                      "made by hand\n"
                      "Type: cpu\n"
                      "Doc: https://shop.example/p\n"
                      "Time: 2026-01-02 03:04:05 CET\n"
                      "Duration: 150ms, Total samples = 50ms (33.33%)\n" LINE
                      "      tier:  front back\n"
                      "     gr\u00f6\u00dfe:  L\n"
                      "      size:  2048 5\n"
                      "      wait:  1.50ms 2us\n"
                      "      40ms   work (inline)\n"
                      "             start\n"
                      "             start\n" LINE "     -10ms   start\n" LINE);
    buf_release(&out);
    label_units_release(&units);
    profile_free(p);
}

/* Also where nothing of the header is known: the line above stays. */
static void a_sample_without_a_stack_is_left_out(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"",    {70},        "a=b", 0},
        {"x;y", {INT64_MAX}, NULL,  0},
    };
    struct profile *p = made_profile("n/count", samples, TEST_N(samples));
    struct pprof_options o = run_options(p, 0);
    p->n_mappings = 0;
    o.sample_type = SPAN_LIT("");
    assert_report("traces", p, &o,
                  "\n" LINE "9223372036854775808   y\n"
                  "             x\n" LINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_its_labels_and_its_stack),
        cmocka_unit_test(a_sample_without_a_stack_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
