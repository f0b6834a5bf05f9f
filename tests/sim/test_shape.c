#include "heap/dump_parser.h"
#include "test.h"

#include "sim/sim.h"

#include <string.h>

static struct buf shape_of(const struct sim_shape_options *o)
{
    struct test_collector c = TEST_COLLECTOR;
    const struct sink out = test_collect(&c);
    struct err err = {0};
    assert_ok(sim_shape_write(o, &out, &err), &err);
    assert_int_equal(c.n_ends, 1);
    return c.bytes;
}

/* --- every shape, everywhere --- */

struct variant {
    const char *name;
    bool is_32_bit, is_big_endian, has_tail_slots, has_huge_object;
};

static const struct variant variants[] = {
    {"shapes_on_64_bit_little_endian",     false, false, false, false},
    {"shapes_on_32_bit_little_endian",     true,  false, false, false},
    {"shapes_on_64_bit_big_endian",        false, true,  false, false},
    {"shapes_on_32_bit_big_endian_tailed", true,  true,  true,  false},
    {"shapes_with_tail_slots",             false, false, true,  false},
    {"shapes_with_a_huge_object",          false, false, false, true },
};

static void expect_whole(struct parsed_dump *d, uint64_t n_objects)
{
    static const uint8_t order[] = {6, 3, 8, 1, 4, 5, 9, 12, 13, 10, 16, 17, 0};
    assert_true(d->has_ended);
    assert_int_equal(d->n_order, sizeof order);
    assert_memory_equal(d->order, order, sizeof order);
    parsed_check_objects(d);
    const struct parsed_reach r = parsed_mark(d);
    assert_int_equal(r.n_objects, n_objects);
    assert_int_equal(r.n_dangling, 0);
    assert_int_equal(r.n_outside, 0);
    assert_int_equal(d->memstats[PARSED_HEAP_OBJECTS], r.n_objects);
    assert_int_equal(d->memstats[PARSED_HEAP_ALLOC], r.n_bytes);
    parsed_check_samples(d);
    assert_true(d->samples.n > 0);
}

/* What is not reached is a tail slot: without fields, at the end of a page,
   in a page with objects that have some. */
static uint64_t expect_tail_slots(const struct parsed_dump *d)
{
    uint64_t n = 0;
    bool page_has_fields = false;
    uint64_t page = 0;
    for (size_t i = 0; i < d->objects.n; i++) {
        const struct parsed_memory *m = &d->objects.items[i];
        if (m->address / 8192 != page) {
            page = m->address / 8192;
            page_has_fields = false;
        }
        page_has_fields |= m->n_fields > 0;
        if (!m->is_reached) {
            const uint64_t end = m->address % 8192 + m->bytes;
            const uint64_t bits = 8 * (uint64_t)d->pointer_bytes;
            assert_int_equal(m->n_fields, 0);
            assert_true(page_has_fields);
            assert_true(end > 8192 - 8192 / bits);
            n++;
        }
    }
    return n;
}

static void every_shape_is_whole(void **state)
{
    const struct variant *v = *state;
    for (int shape = 0; shape < N_SIM_SHAPES; shape++) {
        const struct sim_shape_options o = {
            .shape = (enum sim_shape)shape,
            .n_objects = 40000,
            .seed = 7,
            .is_32_bit = v->is_32_bit,
            .is_big_endian = v->is_big_endian,
            .has_tail_slots = v->has_tail_slots,
            .has_huge_object = v->has_huge_object,
        };
        struct buf bytes = shape_of(&o);
        struct parsed_dump d;
        parsed_read(&d, buf_view(&bytes));
        assert_int_equal(d.is_big_endian, v->is_big_endian);
        assert_int_equal(d.pointer_bytes, v->is_32_bit ? 4 : 8);
        expect_whole(&d, o.n_objects);
        const uint64_t n_tails = expect_tail_slots(&d);
        assert_int_equal(d.objects.n, o.n_objects + n_tails);
        assert_int_equal(n_tails > 0, v->has_tail_slots);
        parsed_release(&d);
        buf_release(&bytes);
    }
}

static void huge_object_is_said_whole_and_written_in_part(void **state)
{
    (void)state;
    const struct sim_shape_options o = {
        .shape = SIM_CHAIN, .n_objects = 100, .has_huge_object = true};
    struct buf bytes = shape_of(&o);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    const struct parsed_memory *last = &d.objects.items[d.objects.n - 1];
    assert_int_equal(last->bytes, (UINT64_C(1) << 32) + 65536);
    assert_int_equal(last->present, 65536);
    assert_true(bytes.len < 100000);
    parsed_release(&d);
    buf_release(&bytes);
}

static void truncated_dump_breaks_off_in_an_object(void **state)
{
    (void)state;
    const struct sim_shape_options o = {
        .shape = SIM_TREE, .n_objects = 1000, .is_truncated = true};
    struct buf bytes = shape_of(&o);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    assert_true(d.is_cut);
    assert_false(d.has_ended);
    assert_int_equal(d.objects.n, 499);
    parsed_release(&d);
    buf_release(&bytes);
}

/* --- shapes are what they are called --- */

static size_t index_of(struct parsed_dump *d, uint64_t address)
{
    return (size_t)(parsed_find(d, address) - d->objects.items);
}

static void read_shape(enum sim_shape shape, uint64_t n, struct buf *bytes,
                       struct parsed_dump *d)
{
    const struct sim_shape_options o = {
        .shape = shape, .n_objects = n, .seed = 3};
    *bytes = shape_of(&o);
    parsed_read(d, buf_view(bytes));
}

static void chain_is_one_list(void **state)
{
    (void)state;
    struct buf bytes;
    struct parsed_dump d;
    read_shape(SIM_CHAIN, 5000, &bytes, &d);
    for (size_t i = 0; i < 4998; i++) {
        const uint64_t next = parsed_pointer(&d, &d.objects.items[i], 0);
        assert_int_equal(index_of(&d, next), i + 1);
    }
    assert_int_equal(parsed_pointer(&d, &d.objects.items[4998], 0), 0);
    parsed_release(&d);
    buf_release(&bytes);
}

static void random_graph_has_no_cycle(void **state)
{
    (void)state;
    struct buf bytes;
    struct parsed_dump d;
    read_shape(SIM_RANDOM, 5000, &bytes, &d);
    for (size_t i = 0; i < 4999; i++) {
        for (size_t k = 0; k < 4; k++) {
            const uint64_t next = parsed_pointer(&d, &d.objects.items[i], k);
            assert_true(next == 0 || index_of(&d, next) > i);
        }
    }
    parsed_release(&d);
    buf_release(&bytes);
}

/* A few nodes are pointed to far more often than most. */
static void power_law_has_hubs(void **state)
{
    (void)state;
    struct buf bytes;
    struct parsed_dump d;
    read_shape(SIM_POWER, 20000, &bytes, &d);
    uint64_t *n_in = calloc(d.objects.n, sizeof *n_in);
    assert_non_null(n_in);
    for (size_t i = 0; i + 1 < d.objects.n; i++) {
        n_in[index_of(&d, parsed_pointer(&d, &d.objects.items[i], 2))]++;
    }
    size_t n_unwanted = 0;
    for (size_t i = 0; i < d.objects.n; i++) {
        n_unwanted += n_in[i] == 0 ? 1U : 0U;
    }
    assert_true(n_in[0] > 500);
    assert_true(n_unwanted > 8000);
    free(n_in);
    parsed_release(&d);
    buf_release(&bytes);
}

/* From the last node everything can be reached, and the first can reach the
   last (every_shape_is_whole): one component. */
static void cycles_are_strongly_connected(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {3, 17, 18, 257, 300, 4099, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buf bytes;
        struct parsed_dump d;
        read_shape(SIM_CYCLES, sizes[i], &bytes, &d);
        struct parsed_reach r = {0};
        struct vec_u64 todo = {0};
        const size_t n_nodes = (size_t)sizes[i] - 1;
        assert_true(vec_u64_push(&todo, n_nodes - 1));
        while (todo.n) {
            parsed_follow(&d, &d.objects.items[todo.items[--todo.n]], &todo,
                          &r);
        }
        assert_int_equal(r.n_objects, n_nodes);
        vec_u64_release(&todo);
        parsed_release(&d);
        buf_release(&bytes);
    }
}

/* --- options --- */

static void same_options_give_the_same_bytes(void **state)
{
    (void)state;
    struct sim_shape_options o = {
        .shape = SIM_RANDOM, .n_objects = 3000, .seed = 9};
    struct buf a = shape_of(&o);
    struct buf b = shape_of(&o);
    o.seed = 10;
    struct buf c = shape_of(&o);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(a.len, c.len);
    assert_int_not_equal(memcmp(a.data, c.data, a.len), 0);
    buf_release(&a);
    buf_release(&b);
    buf_release(&c);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct sim_shape_options o;
        enum err_code code;
        const char *text;
    } cases[] = {
        {{.shape = SIM_STAR, .n_objects = 2},
         ERR_USAGE, "a heap dump needs more than 2 objects"      },
        {{.n_objects = 9, .is_32_bit = true, .has_huge_object = true},
         ERR_USAGE, "no object of 2 GiB fits a 32-bit process"   },
        {{.n_objects = 90000000, .is_32_bit = true},
         ERR_LIMIT, "so many objects do not fit a 32-bit process"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_collector c = TEST_COLLECTOR;
        const struct sink out = test_collect(&c);
        struct err err = {0};
        assert_false(sim_shape_write(&cases[i].o, &out, &err));
        assert_err(&err, cases[i].code, cases[i].text);
        assert_int_equal(c.bytes.len, 0);
    }
}

struct flow {
    uint64_t n;
};

static bool let_flow(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    (void)p;
    (void)err;
    struct flow *f = ctx;
    f->n += n;
    return true;
}

static bool end_flow(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static void memory_does_not_grow_with_objects(void **state)
{
    (void)state;
    const struct sim_shape_options o = {
        .shape = SIM_POWER, .n_objects = 300000, .seed = 1};
    struct flow flow = {0};
    const struct sink out = {&flow, let_flow, end_flow};
    struct err err = {0};
    oom_count_reset();
    assert_ok(sim_shape_write(&o, &out, &err), &err);
    assert_int_equal(oom_count_allocations(), 1);
    assert_true(flow.n > UINT64_C(300000) * 40);
}

int main(void)
{
    enum { N_VARIANTS = sizeof variants / sizeof variants[0] };
    struct CMUnitTest tests[N_VARIANTS + 9] = {
        cmocka_unit_test(huge_object_is_said_whole_and_written_in_part),
        cmocka_unit_test(truncated_dump_breaks_off_in_an_object),
        cmocka_unit_test(chain_is_one_list),
        cmocka_unit_test(random_graph_has_no_cycle),
        cmocka_unit_test(power_law_has_hubs),
        cmocka_unit_test(cycles_are_strongly_connected),
        cmocka_unit_test(same_options_give_the_same_bytes),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(memory_does_not_grow_with_objects),
    };
    for (size_t i = 0; i < N_VARIANTS; i++) {
        tests[9 + i] = (struct CMUnitTest){
            .name = variants[i].name,
            .test_func = every_shape_is_whole,
            .initial_state = test_case(&variants[i]),
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
