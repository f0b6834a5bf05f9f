#include "series/watched.h"

#include "series/flow_private.h"

/* A table whose rows 0 .. 3 have blocks of these sizes. */
static const int64_t sizes[] = {16, 2048, 1 << 20, 0};
enum { N_SIZES = sizeof sizes / sizeof sizes[0] };

static struct stack_table *sized(void)
{
    struct stack_table *t = stack_table_new();
    assert_non_null(t);
    for (size_t i = 0; i < N_SIZES; i++) {
        assert_true(stack_rows_push(
            &t->rows, (struct stack_row){.block_bytes = sizes[i]}));
    }
    return t;
}

static void assert_comes_back(struct stack_table *t, int64_t period,
                              const struct series_cell *c)
{
    struct flow_scales s = flow_scales_of(period);
    struct series_cell d = {0};
    const struct flow f = flow_of_cell(&s, t, c);
    flow_to_cell(&s, t, &f, FLOW_BOTH, &d);
    assert_int_equal(c->row, d.row);
    assert_int_equal(c->in_use, d.in_use);
    assert_int_equal(c->in_use_bytes, d.in_use_bytes);
    assert_int_equal(c->alloc_objects, d.alloc_objects);
    assert_int_equal(c->alloc_bytes, d.alloc_bytes);
    assert_int_equal(
        flow_is_zero(&f),
        (c->in_use | c->in_use_bytes | c->alloc_objects | c->alloc_bytes) == 0);
}

static void every_cell_comes_back(void **state)
{
    (void)state;
    static const int64_t odd[] = {0, 1, -1, 1 << 20, INT64_MAX, INT64_MIN};
    static const int64_t periods[] = {0, 1, 524288, 4096, INT64_MAX, -7};
    struct stack_table *t = sized();
    uint64_t seed = 2;
    for (unsigned i = 0; i < 20000; i++) {
        const struct series_cell c = {
            (uint32_t)(i % N_SIZES), odd[test_random(&seed) % 6],
            odd[test_random(&seed) % 6], odd[test_random(&seed) % 6],
            odd[test_random(&seed) % 6]};
        assert_comes_back(t, periods[test_random(&seed) % 6], &c);
        const struct series_cell any = {
            c.row, (int64_t)test_random(&seed), (int64_t)test_random(&seed),
            (int64_t)test_random(&seed), (int64_t)test_random(&seed)};
        assert_comes_back(t, 524288, &any);
    }
    stack_table_free(t);
}

/* What Go scaled is a small count without a rest: the point of it all. */
static void what_go_scaled_is_a_count(void **state)
{
    (void)state;
    struct stack_table *t = sized();
    struct flow_scales s = flow_scales_of(MADE_PERIOD);
    for (uint32_t row = 0; row < 3; row++) {
        for (int64_t n = 0; n < 3000; n++) {
            const double scale =
                1 / (1 - exp(-(double)sizes[row] / MADE_PERIOD));
            const int64_t objects = (int64_t)((double)n * scale);
            const int64_t bytes = (int64_t)((double)(n * sizes[row]) * scale);
            const struct series_cell c = {row, objects, bytes, objects, bytes};
            const struct flow f = flow_of_cell(&s, t, &c);
            assert_int_equal(f.v[FLOW_LIVE], n);
            assert_int_equal(f.v[FLOW_BORN], n);
            for (int i = FLOW_LIVE_REST; i < N_FLOW_NUMBERS; i++) {
                assert_int_equal(f.v[i], 0);
            }
        }
    }
    stack_table_free(t);
}

/* Some rows of `n_rows`, with small and large numbers. */
static void some_flows(struct flows *f, uint64_t *seed, uint32_t n_rows)
{
    f->n = 0;
    for (uint32_t r = 0; r < n_rows; r++) {
        struct flow x = {.row = r * 3};
        for (int i = 0; i < N_FLOW_NUMBERS; i++) {
            const uint64_t v = test_random(seed);
            x.v[i] = v % 3 == 0 ? 0 : v % 3 == 1 ? v % 50 : v;
        }
        if (test_random(seed) % 2 && !flow_is_zero(&x)) {
            assert_true(flows_push(f, x));
        }
    }
}

static void lists_survive_as_bytes(void **state)
{
    (void)state;
    struct flows a = {0};
    struct flows b = {0};
    uint64_t seed = 3;
    for (uint32_t n = 0; n < 200; n++) {
        struct buf bytes = BUF_LIMIT((size_t)1 << 20);
        some_flows(&a, &seed, n);
        flows_encode(&a, &bytes);
        assert_true(flows_decode(buf_view(&bytes), &b));
        assert_int_equal(a.n, b.n);
        for (size_t i = 0; i < a.n; i++) {
            assert_int_equal(a.items[i].row, b.items[i].row);
            assert_memory_equal(a.items[i].v, b.items[i].v, sizeof a.items->v);
        }
        buf_release(&bytes);
    }
    flows_release(&a);
    flows_release(&b);
}

static void sums_leave_out_what_comes_to_nothing(void **state)
{
    (void)state;
    struct flows a = {0};
    struct flows minus = {0};
    struct flows sum = {0};
    uint64_t seed = 5;
    some_flows(&a, &seed, 50);
    for (size_t i = 0; i < a.n; i++) {
        struct flow f = a.items[i];
        for (int k = 0; k < N_FLOW_NUMBERS; k++) {
            f.v[k] = 0 - f.v[k];
        }
        assert_true(flows_push(&minus, f));
    }
    assert_true(flows_plus(&a, &minus, &sum));
    assert_int_equal(sum.n, 0);
    minus.n = 0;
    assert_true(flows_plus(&a, &minus, &sum));
    assert_int_equal(sum.n, a.n);
    flows_release(&a);
    flows_release(&minus);
    flows_release(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_comes_back),
        cmocka_unit_test(what_go_scaled_is_a_count),
        cmocka_unit_test(lists_survive_as_bytes),
        cmocka_unit_test(sums_leave_out_what_comes_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
