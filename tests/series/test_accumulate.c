#include "series/made.h"

#include <stdio.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* One row at one point, through the public interface: its matrix. */
static struct series_matrix sum_of(int64_t period, int64_t block, double born,
                                   double live)
{
    struct err err = {0};
    struct series *s = series_new(NULL);
    struct profile_builder *b = made_heap(period);
    made_block(b, "main.a", block, born, live);
    made_add(s, b, KIND_HEAP, "00.heap", 0);
    made_finish(s);
    const uint32_t ids[] = {0};
    const struct series_grouping g = {1, NULL, ids};
    struct series_matrix m = {0};
    assert_ok(series_accumulate(s, PLANE_HEAP, &g, &m, &err), &err);
    series_free(s);
    return m;
}

static const int64_t periods[] = {1, 2, 512, 4096, 524288, 1048576, 8388608};

static const int64_t blocks[] = {1,       8,       16,      24,     48,
                                 96,      208,     1024,    1152,   4096,
                                 12288,   65536,   98304,   524288, 663552,
                                 1 << 20, 5000000, 1 << 25, 1 << 30};

static const double counts[] = {1, 2, 3, 5, 7, 8, 17, 64, 333, 1000, 99999};

static void raw_counts_are_recovered_for_every_size_and_rate(void **state)
{
    (void)state;
    for (size_t r = 0; r < N_OF(periods); r++) {
        for (size_t k = 0; k < N_OF(blocks); k++) {
            for (size_t i = 0; i < N_OF(counts); i++) {
                struct series_matrix m =
                    sum_of(periods[r], blocks[k], counts[i] + 5, counts[i]);
                if (m.sampled[0] != counts[i] || m.born[0] != counts[i] + 5) {
                    fail_msg("%g objects of %lld at %lld read as %g", counts[i],
                             (long long)blocks[k], (long long)periods[r],
                             m.sampled[0]);
                }
                series_matrix_release(&m);
            }
        }
    }
}

static void raw_counts_are_recovered_for_random_sizes(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 3000; i++) {
        const int64_t block = 1 + (int64_t)(test_random(&seed) % 2000000);
        const double n = (double)(test_random(&seed) % 5000);
        struct series_matrix m = sum_of(MADE_PERIOD, block, n + 1, n);
        assert_true(m.sampled[0] == n && m.born[0] == n + 1);
        series_matrix_release(&m);
    }
}

/* Text and old profiles have no label "bytes": the mean of what was ever
   allocated at the stack is its size. */
static void the_size_is_the_mean_where_no_label_says_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    struct profile_builder *b = made_heap(MADE_PERIOD);
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(b, "main.a", locs);
    const int64_t ever = made_scaled(70, 96, MADE_PERIOD);
    const int64_t now = made_scaled(41, 96, MADE_PERIOD);
    const int64_t values[] = {ever, ever * 96, now, now * 96};
    profile_builder_sample(b, locs, n, values, 4, NULL, 0);
    made_add(s, b, KIND_HEAP, "00.heap", 0);
    made_finish(s);
    const uint32_t ids[] = {0};
    const struct series_grouping g = {1, NULL, ids};
    struct series_matrix m = {0};
    assert_ok(series_accumulate(s, PLANE_HEAP, &g, &m, &err), &err);
    assert_true(m.sampled[0] == 41 && m.born[0] == 70);
    series_matrix_release(&m);
    series_free(s);
}

/* Three rows at two points; counts are exact at rate 1. */
static struct series *three_rows(void)
{
    struct series *s = series_new(NULL);
    for (int i = 0; i < 2; i++) {
        struct profile_builder *b = made_heap(1);
        made_block(b, "main.a", 10, 100 + i, 5 + i);
        made_block(b, "main.b", 20, 200 + i, 50 + i);
        made_block(b, "main.c", 40, 400 + i, 1);
        made_add(s, b, KIND_HEAP, i ? "01.heap" : "00.heap", i);
    }
    made_finish(s);
    return s;
}

static void rows_of_a_group_are_summed_at_every_point(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = three_rows();
    const uint32_t ids[] = {1, 1, SERIES_NO_GROUP};
    const struct series_grouping g = {2, NULL, ids};
    struct series_matrix m = {0};
    assert_ok(series_accumulate(s, PLANE_HEAP, &g, &m, &err), &err);
    assert_int_equal(m.n_points, 2);
    assert_true(m.sampled[0] == 0 && m.sampled[1] == 0);
    assert_true(m.sampled[2] == 55 && m.sampled[3] == 57);
    assert_true(m.value[2] == 1050 && m.value[3] == 1080);
    assert_true(m.born[2] == 300 && m.born_bytes[2] == 5000);
    series_matrix_release(&m);
    series_free(s);
}

/* Parents: a row counts for every function on it. */
static void a_row_may_be_in_several_groups(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = three_rows();
    const uint32_t off[] = {0, 2, 3, 3};
    const uint32_t ids[] = {0, 1, 1};
    const struct series_grouping g = {2, off, ids};
    struct series_matrix m = {0};
    assert_ok(series_accumulate(s, PLANE_HEAP, &g, &m, &err), &err);
    assert_true(m.objects[0] == 5 && m.objects[2] == 55);
    series_matrix_release(&m);
    series_free(s);
}

static void goroutines_are_counted_as_they_are(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    struct profile_builder *b = made_goroutine();
    made_count(b, "runtime.gopark main.a", 7);
    made_count(b, "runtime.gopark main.b", 5);
    made_add(s, b, KIND_GOROUTINE, "00.goroutine", 0);
    made_finish(s);
    const uint32_t ids[] = {0, 0};
    const struct series_grouping g = {1, NULL, ids};
    struct series_matrix m = {0};
    assert_ok(series_accumulate(s, PLANE_GOROUTINE, &g, &m, &err), &err);
    assert_true(m.value[0] == 12);
    series_matrix_release(&m);
    series_free(s);
}

/* The ends are the first and last columns of the whole; without ids each row is
   a group. */
static void ends_are_the_first_and_the_last_column(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    for (int i = 0; i < 5; i++) {
        char name[32];
        struct profile_builder *b = made_heap(i < 3 ? 4096 : 524288);
        snprintf(name, sizeof name, "%d.heap", i);
        made_block(b, "main.a", 64, 30 + 7 * i, 9 + i);
        made_block(b, "main.b", 4096, 40 + 3 * i, 20 - i);
        made_add(s, b, KIND_HEAP, name, i);
    }
    made_finish(s);
    const struct series_grouping rows = {2, NULL, NULL};
    struct series_matrix all = {0};
    struct series_matrix ends = {0};
    assert_ok(series_accumulate(s, PLANE_HEAP, &rows, &all, &err), &err);
    assert_ok(series_accumulate_ends(s, PLANE_HEAP, &rows, &ends, &err), &err);
    assert_int_equal(all.n_points, 5);
    assert_int_equal(ends.n_points, 2);
    for (size_t r = 0; r < 2; r++) {
        assert_true(ends.value[2 * r] == all.value[5 * r]);
        assert_true(ends.value[2 * r + 1] == all.value[5 * r + 4]);
        assert_true(ends.sampled[2 * r] == all.sampled[5 * r]);
        assert_true(ends.sampled[2 * r + 1] == all.sampled[5 * r + 4]);
        assert_true(ends.born[2 * r + 1] == all.born[5 * r + 4]);
    }
    assert_true(all.sampled[4] == 13 && all.sampled[9] == 16);
    series_matrix_release(&all);
    series_matrix_release(&ends);
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_the_first_and_the_last_column),
        cmocka_unit_test(raw_counts_are_recovered_for_every_size_and_rate),
        cmocka_unit_test(raw_counts_are_recovered_for_random_sizes),
        cmocka_unit_test(the_size_is_the_mean_where_no_label_says_it),
        cmocka_unit_test(rows_of_a_group_are_summed_at_every_point),
        cmocka_unit_test(a_row_may_be_in_several_groups),
        cmocka_unit_test(goroutines_are_counted_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
