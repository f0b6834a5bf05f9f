/* Thinning by age and size, and what nothing refers to any more. */
#include "store/stored.h"

#include "store/store_private.h"

static void prune_all(struct stored *f, int64_t now)
{
    struct err err = {0};
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 10000);
        assert_ok(store_prune(f->store, now, &more, &err), &err);
    }
}

/* Goroutines alone, a moment an hour, from the epoch on. */
static void append_hours(struct stored *f, store_target target, uint64_t from,
                         uint64_t to, unsigned n_stacks)
{
    struct err err = {0};
    struct series_point p = stored_goroutines(f->table, n_stacks, 1, 0);
    assert_ok(store_begin(f->store, &err), &err);
    for (uint64_t m = from; m < to; m++) {
        assert_ok(store_append(f->store, target, m,
                               MADE_EPOCH + (int64_t)m * STORED_HOUR, f->table,
                               &p, &err),
                  &err);
    }
    assert_ok(store_commit(f->store, &err), &err);
    series_point_release(&p);
}

static void with_no_limits_all_is_kept(void **state)
{
    struct stored *f = *state;
    struct stored_list l;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    append_hours(f, a, 0, 500, 2);
    prune_all(f, MADE_EPOCH + 5000 * STORED_DAY);
    stored_list(f, a, INT64_MIN, &l);
    assert_int_equal(l.n_moments, 500);
}

/* Day 1 whole, day 2 every second, days 3 and 4 every fourth, days 5 to 8
   every eighth, then nothing. */
static void old_moments_are_thinned_and_then_dropped(void **state)
{
    struct stored *f = *state;
    struct stored_list l;
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
    const store_target a = stored_target(f, "a");
    append_hours(f, a, 0, 480, 2);
    const int64_t now = MADE_EPOCH + 480 * STORED_HOUR;
    prune_all(f, now);
    stored_list(f, a, INT64_MIN, &l);
    size_t n = 0;
    for (uint64_t m = 0; m < 480; m++) {
        const uint64_t age = 480 - m; /* hours */
        const uint64_t stride = age < 24 ? 1 : age < 48 ? 2 : age < 96 ? 4 : 8;
        if (age < 192 && m % stride == 0) {
            assert_true(n < l.n_moments);
            assert_int_equal(l.moments[n], m);
            n++;
        }
    }
    assert_int_equal(l.n_moments, n);
}

/* Thinned bit by bit or all at once is the same. */
static void thinning_does_not_depend_on_when_it_is_done(void **state)
{
    struct stored *f = *state;
    struct stored_list often;
    struct stored_list once;
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
    const store_target a = stored_target(f, "a");
    const store_target b = stored_target(f, "b");
    for (uint64_t m = 0; m < 300; m += 7) {
        append_hours(f, a, m, m + 7 < 300 ? m + 7 : 300, 2);
        if (m == 105) {
            stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
        }
        prune_all(f, MADE_EPOCH + (int64_t)m * STORED_HOUR);
    }
    append_hours(f, b, 0, 300, 2);
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
    prune_all(f, MADE_EPOCH + 300 * STORED_HOUR);
    stored_list(f, a, INT64_MIN, &often);
    stored_list(f, b, INT64_MIN, &once);
    assert_int_equal(often.n_moments, once.n_moments);
    assert_memory_equal(often.moments, once.moments,
                        once.n_moments * sizeof once.moments[0]);
}

static void one_call_does_a_bounded_piece_of_work(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    struct stored_list l;
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_HOUR});
    const store_target a = stored_target(f, "a");
    append_hours(f, a, 0, 3000, 1);
    bool more = false;
    assert_ok(
        store_prune(f->store, MADE_EPOCH + 4000 * STORED_HOUR, &more, &err),
        &err);
    assert_true(more);
    stored_list(f, a, INT64_MIN, &l);
    assert_in_range(l.n_moments, 3000 - PRUNE_ROWS, 3000 - PRUNE_ROWS / 4);
    prune_all(f, MADE_EPOCH + 4000 * STORED_HOUR);
    stored_list(f, a, INT64_MIN, &l);
    assert_int_equal(l.n_moments, 0);
}

/* --- by size --- */

enum { LIMIT = 1 << 20, STACKS = 400 };

/* The newest eight are all there; before them gaps are of one power of two,
   or of two where a pass of thinning is on its way. */
static void assert_spacing(const struct stored_list *l, uint64_t end)
{
    uint64_t longest = 0;
    uint64_t shortest = UINT64_MAX;
    for (size_t i = 1; i + 8 < l->n_moments; i++) {
        const uint64_t gap = l->moments[i] - l->moments[i - 1];
        assert_int_equal(gap & (gap - 1), 0);
        longest = gap > longest ? gap : longest;
        shortest = gap < shortest ? gap : shortest;
    }
    assert_in_range(longest, 2, 64);
    assert_true(shortest == longest || shortest == longest / 2);
    assert_int_equal(l->moments[0], 0);
    assert_int_equal(l->moments[l->n_moments - 8], end - 8);
}

static void a_store_stays_below_its_size_and_keeps_even_spacing(void **state)
{
    struct stored *f = *state;
    struct stored_list l;
    stored_open_as(f, (struct store_options){.bytes_max = LIMIT});
    const store_target a = stored_target(f, "a");
    const store_target b = stored_target(f, "b");
    enum { MOMENTS = 1500 };
    for (uint64_t m = 0; m < MOMENTS; m += 10) {
        append_hours(f, a, m, m + 10, STACKS);
        append_hours(f, b, m, m + 10, STACKS);
        prune_all(f, MADE_EPOCH + (int64_t)m * STORED_HOUR);
    }
    assert_in_range(store_bytes(f->store), LIMIT / 2, LIMIT + (64 << 12));
    for (int i = 0; i < 2; i++) {
        stored_list(f, i == 0 ? a : b, INT64_MIN, &l);
        assert_true(l.n_moments > 20);
        assert_spacing(&l, MOMENTS);
    }
}

static void at_the_longest_stride_the_oldest_go(void **state)
{
    struct stored *f = *state;
    struct stored_list l;
    stored_open_as(f, (struct store_options){.bytes_max = 1400 << 10});
    const store_target a = stored_target(f, "a");
    for (uint64_t m = 0; m < 6000; m += 50) {
        append_hours(f, a, m, m + 50, 3 * STACKS);
        prune_all(f, MADE_EPOCH + (int64_t)m * STORED_HOUR);
    }
    stored_list(f, a, INT64_MIN, &l);
    assert_true(l.n_moments >= 8);
    assert_true(l.moments[0] > 0);
    assert_int_equal(l.moments[l.n_moments - 1], 5999);
}

static void what_is_given_up_is_given_back(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    append_hours(f, a, 0, 2000, STACKS);
    const uint64_t before = store_bytes(f->store);
    stored_open_as(f, (struct store_options){.bytes_max = before / 8});
    for (int i = 0; i < 40; i++) {
        prune_all(f, MADE_EPOCH);
    }
    assert_in_range(store_bytes(f->store), 1, before / 8 + (1 << 20));
    struct stored_list l;
    stored_list(f, stored_target(f, "a"), INT64_MIN, &l);
    assert_in_range(l.n_moments, 60, 500);
    assert_int_equal(l.moments[l.n_moments - 8], 1992); /* none of eight */
    store_close(f->store);
    f->store = NULL;
    stored_check_integrity(f->path);
}

/* --- what nothing refers to --- */

static void stacks_go_with_the_last_snapshot_that_has_them(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    struct stored_list l;
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
    const store_target a = stored_target(f, "a");
    struct series_point old = stored_heap(f->table, 1, 0);
    assert_ok(store_append(f->store, a, 0, MADE_EPOCH, f->table, &old, &err),
              &err);
    append_hours(f, a, 1, 400, 3);
    prune_all(f, MADE_EPOCH + 100 * STORED_HOUR);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM stack"), 4);
    prune_all(f, MADE_EPOCH + 400 * STORED_HOUR);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM stack"), 3);

    /* What is still used is still read, and what comes again is new. */
    assert_ok(store_append(f->store, a, 400, MADE_EPOCH + 400 * STORED_HOUR,
                           f->table, &old, &err),
              &err);
    series_point_release(&old);
    assert_int_equal(stored_sql(f->path, "SELECT max(id) FROM stack"), 5);
    stored_forget(f);
    stored_open(f);
    stored_list(f, stored_target(f, "a"), INT64_MIN, &l);
    assert_int_equal(l.last_kind, KIND_HEAP);
    assert_true(l.n_moments > 24);
}

static void targets_that_came_and_went_are_forgotten(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target gone = stored_target(f, "gone");
    const store_target found = stored_target(f, "found");
    (void)stored_target(f, "quiet");
    append_hours(f, gone, 0, 5, 1);
    append_hours(f, found, 0, 5, 1);
    const struct store_finding item = {
        .id = "1", .rule = "r", .grade = GRADE_STRONG, .document = "{}"};
    const int64_t now = MADE_EPOCH + 100 * STORED_DAY;
    assert_ok(
        store_put_findings(f->store, found, now - STORED_DAY, &item, 1, &err),
        &err);
    assert_ok(store_put_findings(f->store, gone, MADE_EPOCH, &item, 1, &err),
              &err);
    assert_ok(store_put_state(f->store, gone, SPAN_LIT("x"), &err), &err);
    stored_open_as(f, (struct store_options){.age_max_ns = STORED_DAY});
    (void)stored_target(f, "quiet"); /* still watched */
    prune_all(f, now);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM target"), 2);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM target "
                                         "WHERE name = 'gone'"),
                     0);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM state"), 0);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM finding"), 1);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM snapshot"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED_TEST(with_no_limits_all_is_kept),
        STORED_TEST(old_moments_are_thinned_and_then_dropped),
        STORED_TEST(thinning_does_not_depend_on_when_it_is_done),
        STORED_TEST(one_call_does_a_bounded_piece_of_work),
        STORED_TEST(a_store_stays_below_its_size_and_keeps_even_spacing),
        STORED_TEST(at_the_longest_stride_the_oldest_go),
        STORED_TEST(what_is_given_up_is_given_back),
        STORED_TEST(stacks_go_with_the_last_snapshot_that_has_them),
        STORED_TEST(targets_that_came_and_went_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
