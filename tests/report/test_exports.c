/* Promises about the table of export formats, and the two that are pprof's. */
#include "made_profile.h"

#include "base/gz.h"

static const struct made_sample samples[] = {
    {.stack = "main@m.go:1;work@w.go:7", .values = {1, 10}, .bytes = 16   },
    {.stack = "main@m.go:2;rest@w.go:9", .values = {2, 20}, .label = "k=v"},
};

static void formats_have_names_endings_and_summaries(void **state)
{
    (void)state;
    size_t n = 0;
    const struct export_format *const *all = export_formats(&n);
    assert_true(n >= 5);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(export_format_find(span_of(all[i]->name)), all[i]);
        assert_true(all[i]->ending[0] == '.');
        assert_true(strlen(all[i]->summary) > 0 &&
                    strlen(all[i]->summary) <= 60);
        assert_non_null(all[i]->write);
    }
    assert_null(export_format_find(SPAN_LIT("svg")));
    assert_null(export_format_find(SPAN_LIT("")));
}

static void every_format_takes_an_empty_profile(void **state)
{
    (void)state;
    size_t n = 0;
    const struct export_format *const *all = export_formats(&n);
    for (size_t i = 0; i < n; i++) {
        struct profile *p = made_profile("n/count", NULL, 0);
        struct buf out = BUF_LIMIT(1u << 20);
        struct err err = {0};
        const struct export_options o = {0};
        assert_ok(all[i]->write(p, &o, &out, &err), &err);
        buf_release(&out);
        profile_free(p);
    }
}

static void pprof_is_compressed_and_reads_back_as_it_was(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count m/bytes", samples, 2);
    struct buf want = BUF_LIMIT(1u << 20);
    struct buf out = BUF_LIMIT(1u << 20);
    struct buf got = BUF_LIMIT(1u << 20);
    struct err err = {0};
    const struct export_options o = {0};
    assert_ok(profile_encode(p, &want, &err), &err);
    assert_ok(export_format_find(SPAN_LIT("pprof"))->write(p, &o, &out, &err),
              &err);
    assert_true(gz_is_magic((const uint8_t *)out.data, out.len));
    struct profile *again = NULL;
    assert_ok(profile_decode(buf_view(&out), &again, &err), &err);
    assert_ok(profile_encode(again, &got, &err), &err);
    assert_true(span_eq(buf_view(&want), buf_view(&got)));
    profile_free(again);
    profile_free(p);
    buf_release(&want);
    buf_release(&out);
    buf_release(&got);
}

static void callgrind_is_pprofs_of_the_chosen_column(void **state)
{
    (void)state;
    struct profile *p = made_profile("n/count m/bytes", samples, 2);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    const struct export_options o = {.value_column = 1};
    assert_ok(
        export_format_find(SPAN_LIT("callgrind"))->write(p, &o, &out, &err),
        &err);
    assert_true(span_has(buf_view(&out), "events: m(B)"));
    assert_true(span_has(buf_view(&out), "work"));
    buf_release(&out);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_names_endings_and_summaries),
        cmocka_unit_test(every_format_takes_an_empty_profile),
        cmocka_unit_test(pprof_is_compressed_and_reads_back_as_it_was),
        cmocka_unit_test(callgrind_is_pprofs_of_the_chosen_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
