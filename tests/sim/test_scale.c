#include "test.h"

#include "profile/profile.h"
#include "sim/sim.h"

#include <math.h>

/* --- helpers --- */

static void write_to(const struct sim_scale *s, struct test_collector *c)
{
    struct err err = {0};
    const struct sink out = test_collect(c);

    assert_ok(sim_scale_write(s, &out, &err), &err);
    assert_int_equal(c->n_ends, 1);
}

static struct profile *made(const struct sim_scale *s)
{
    struct test_collector c = TEST_COLLECTOR;
    struct profile *p = NULL;
    struct err err = {0};

    write_to(s, &c);
    assert_ok(profile_decode(buf_view(&c.bytes), &p, &err), &err);
    buf_release(&c.bytes);
    return p;
}

/* A number for a sample that does not depend on ids: hashes of its frames,
   its label, and its values when `with_values`. */
static uint64_t fold(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 31);
}

static uint64_t fold_text(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++) {
        h = fold(h, (unsigned char)*text);
    }
    return h;
}

static uint64_t fold_location(const struct profile *p, uint64_t h, uint32_t l)
{
    const struct profile_location *at = &p->locations[l];

    h = fold(h, at->address);
    for (uint32_t i = 0; i < at->n_lines; i++) {
        const struct profile_line *line = &p->lines[at->first_line + i];
        const struct profile_function *f = &p->functions[line->function];

        h = fold(h, (uint64_t)line->line);
        h = fold(h, (uint64_t)f->start_line);
        h = fold_text(h, profile_text(p, f->name));
        h = fold_text(h, profile_text(p, f->file));
    }
    return h;
}

static uint64_t sample_hash(const struct profile *p, uint32_t s,
                            bool with_values)
{
    uint64_t h = 1;

    for (uint32_t i = p->sample_off[s]; i < p->sample_off[s + 1]; i++) {
        h = fold_location(p, h, p->sample_locs[i]);
    }
    if (p->label_off != NULL) {
        h = fold(h, (uint64_t)p->labels[p->label_off[s]].num);
    }
    for (uint32_t i = 0; with_values && i < p->n_types; i++) {
        h = fold(h, (uint64_t)p->values[(size_t)s * p->n_types + i]);
    }
    return h;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t *sorted_hashes(const struct profile *p, bool with_values)
{
    uint64_t *h = malloc((p->n_samples + 1) * sizeof(*h));

    assert_non_null(h);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        h[i] = sample_hash(p, i, with_values);
    }
    qsort(h, p->n_samples, sizeof(*h), by_number);
    return h;
}

static size_t in_both(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
    size_t i = 0, j = 0, both = 0;

    while (i < n && j < m) {
        both += a[i] == b[j];

        const bool left = a[i] <= b[j], right = b[j] <= a[i];

        i += left;
        j += right;
    }
    return both;
}

/* --- tests --- */

static void assert_within(double got, double want, double share)
{
    if (fabs(got / want - 1) > share) {
        fail_msg("%g is not within %g of %g", got, share, want);
    }
}

/* The inputs of the speed notes. */
struct size_case {
    bool is_goroutine;
    uint64_t n_samples;
    double raw_bytes, n_locations, n_functions, n_strings;
};

static void sizes_are_those_of_the_speed_notes(void **state)
{
    (void)state;
    static const struct size_case cases[] = {
        {false, 10000,  857479, 2976,  900,  1010},
        {false, 100000, 8.79e6, 24286, 7315, 8138},
        {true,  100000, 7.04e6, 24286, 7315, 8138},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct size_case *c = &cases[i];
        const struct sim_scale s = {.n_samples = c->n_samples,
                                    .seed = 1,
                                    .is_goroutine = c->is_goroutine};
        struct test_collector bytes = TEST_COLLECTOR;
        struct profile *p = made(&s);

        write_to(&s, &bytes);
        assert_within((double)bytes.bytes.len, c->raw_bytes, 0.05);
        assert_int_equal(p->n_samples, c->n_samples);
        assert_within(p->n_locations, c->n_locations, 0.02);
        assert_within(p->n_functions, c->n_functions, 0.02);
        assert_within(p->n_strings, c->n_strings, 0.02);
        assert_int_equal(p->n_types, c->is_goroutine ? 1 : 4);
        assert_int_equal(profile_kind(p),
                         c->is_goroutine ? KIND_GOROUTINE : KIND_HEAP);
        assert_true((p->label_off == NULL) == c->is_goroutine);
        buf_release(&bytes.bytes);
        profile_free(p);
    }
}

static void sizes_can_be_chosen(void **state)
{
    (void)state;
    struct profile *p = made(&(struct sim_scale){
        .n_samples = 20000, .n_locations = 500, .n_functions = 90});

    assert_within(p->n_locations, 500, 0.02);
    assert_int_equal(p->n_functions, 90);
    profile_free(p);

    p = made(&(struct sim_scale){
        .n_samples = 1, .n_locations = 1, .n_functions = 1});
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->n_locations, 1);
    profile_free(p);
}

static void values_are_those_of_a_heap_profile(void **state)
{
    (void)state;
    struct profile *p = made(&(struct sim_scale){.n_samples = 5000});
    size_t n_empty = 0;

    assert_int_equal(p->period, 524288);
    assert_string_equal(profile_text(p, p->types[3].type), "inuse_space");
    for (uint32_t i = 0; i < p->n_samples; i++) {
        const int64_t *v = &p->values[i * (size_t)4];

        assert_true(v[0] > 0 && v[1] > 0);
        assert_true(v[2] <= v[0] && v[3] <= v[1]);
        assert_int_equal(v[2] == 0, v[3] == 0);
        n_empty += v[2] == 0;
    }
    assert_within((double)n_empty, 2500, 0.1);
    profile_free(p);
}

static void the_same_options_give_the_same_bytes(void **state)
{
    (void)state;
    const struct sim_scale s = {.n_samples = 3000, .seed = 7};
    struct sim_scale other = s;
    struct test_collector a = TEST_COLLECTOR, b = TEST_COLLECTOR,
                          c = TEST_COLLECTOR;

    other.seed = 8;
    write_to(&s, &a);
    write_to(&s, &b);
    write_to(&other, &c);
    assert_true(span_eq(buf_view(&a.bytes), buf_view(&b.bytes)));
    assert_false(span_eq(buf_view(&a.bytes), buf_view(&c.bytes)));

    /* And on every machine. */
    uint64_t h = 0;

    for (size_t i = 0; i < a.bytes.len; i++) {
        h = fold(h, (uint8_t)a.bytes.data[i]);
    }
    assert_int_equal(h, UINT64_C(0xc0e489f9f27754ae));
    buf_release(&a.bytes);
    buf_release(&b.bytes);
    buf_release(&c.bytes);
}

static void both_layouts_say_the_same(void **state)
{
    (void)state;
    for (int is_goroutine = 0; is_goroutine < 2; is_goroutine++) {
        struct sim_scale s = {.n_samples = 5000,
                              .seed = 3,
                              .is_goroutine = is_goroutine != 0,
                              .snapshot = 2};
        struct profile *go = made(&s);

        s.layout = SIM_LAYOUT_CANON;

        struct profile *canon = made(&s);

        assert_int_equal(go->n_samples, canon->n_samples);
        assert_int_equal(go->n_locations, canon->n_locations);
        assert_int_equal(go->n_functions, canon->n_functions);
        assert_int_equal(go->n_strings, canon->n_strings);
        assert_int_equal(go->time_nanos, canon->time_nanos);
        assert_int_equal(go->period, canon->period);
        for (uint32_t i = 0; i < go->n_samples; i++) {
            assert_int_equal(sample_hash(go, i, true),
                             sample_hash(canon, i, true));
        }
        profile_free(go);
        profile_free(canon);
    }
}

/* Top-level fields in the order of their first and last appearance. */
struct order {
    size_t first[16], last[16];
};

static void find_order(struct span raw, struct order *o)
{
    size_t at = 0;

    memset(o, 0, sizeof(*o));
    for (size_t n = 1; at < raw.len; n++) {
        const unsigned tag = (uint8_t)raw.p[at++];
        const unsigned field = tag >> 3;
        uint64_t v = 0;
        unsigned shift = 0;

        assert_true(field < 16);
        do {
            v |= (uint64_t)((uint8_t)raw.p[at] & 0x7f) << shift;
            shift += 7;
        } while ((uint8_t)raw.p[at++] & 0x80);
        at += (tag & 7) == 2 ? (size_t)v : 0;
        o->first[field] = o->first[field] ? o->first[field] : n;
        o->last[field] = n;
    }
    assert_int_equal(at, raw.len);
}

enum { SAMPLE = 2, LOCATION = 4, FUNCTION = 5, STRING = 6, TIME = 9 };

static void layouts_have_their_order_of_fields(void **state)
{
    (void)state;
    struct test_collector go = TEST_COLLECTOR, canon = TEST_COLLECTOR;
    struct sim_scale s = {.n_samples = 2000};
    struct order o;

    write_to(&s, &go);
    find_order(buf_view(&go.bytes), &o);
    assert_true(o.first[LOCATION] < o.first[SAMPLE]);
    assert_true(o.first[FUNCTION] < o.first[SAMPLE]);
    assert_true(o.last[LOCATION] > o.first[SAMPLE] + 100);
    assert_true(o.first[STRING] > o.last[TIME]);

    s.layout = SIM_LAYOUT_CANON;
    write_to(&s, &canon);
    find_order(buf_view(&canon.bytes), &o);
    assert_true(o.last[SAMPLE] < o.first[LOCATION]);
    assert_true(o.last[LOCATION] < o.first[FUNCTION]);
    assert_true(o.last[FUNCTION] < o.first[STRING]);
    buf_release(&go.bytes);
    buf_release(&canon.bytes);
}

static void snapshots_share_stacks_but_no_ids(void **state)
{
    (void)state;
    struct sim_scale s = {.n_samples = 10000, .seed = 5, .snapshot = 3};
    struct profile *a = made(&s);

    s.snapshot = 4;

    struct profile *b = made(&s);
    uint64_t *in_a = sorted_hashes(a, false), *in_b = sorted_hashes(b, false);
    size_t n_equal_ids = 0;

    assert_int_equal(a->n_samples, 10300);
    assert_int_equal(b->n_samples, 10400);
    assert_int_equal(b->time_nanos - a->time_nanos, 60 * SIM_SECOND);
    assert_int_equal(in_both(in_a, a->n_samples, in_b, b->n_samples), 10300);
    for (uint32_t i = 0; i < a->n_locations && i < b->n_locations; i++) {
        n_equal_ids += a->locations[i].address == b->locations[i].address;
    }
    assert_true(n_equal_ids < a->n_locations / 10);
    free(in_a);
    free(in_b);
    profile_free(a);
    profile_free(b);
}

static void values_never_fall_in_a_series(void **state)
{
    (void)state;
    struct sim_scale s = {.n_samples = 1000, .seed = 5};
    struct profile *a = made(&s);

    s.snapshot = 6;

    struct profile *b = made(&s);
    const uint32_t shift = b->n_samples - a->n_samples;
    size_t n_grown = 0;

    assert_int_equal(shift, 60);
    for (uint32_t i = 0; i < a->n_samples; i++) {
        const int64_t *v = &a->values[i * (size_t)4];
        const int64_t *w = &b->values[((size_t)i + shift) * 4];

        assert_true(w[0] >= v[0] && w[1] >= v[1] && w[3] >= v[3]);
        n_grown += w[3] > v[3];
    }
    assert_true(n_grown > 300);
    profile_free(a);
    profile_free(b);
}

static void the_stream_comes_in_small_blocks(void **state)
{
    (void)state;
    struct test_collector c = TEST_COLLECTOR;

    write_to(&(struct sim_scale){.n_samples = 20000}, &c);
    assert_true(c.largest_write <= UINT64_C(256) * 1024);
    buf_release(&c.bytes);
}

static bool refuse(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    unsigned *calls = ctx;

    (void)p;
    (void)n;
    ++*calls;
    return err_set(err, ERR_IO, "disk full");
}

static bool never_ends(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    fail_msg("end after a failure");
    return true;
}

static void a_full_disk_stops_the_stream(void **state)
{
    (void)state;
    unsigned calls = 0;
    const struct sink out = {&calls, refuse, never_ends};
    struct err err = {0};

    assert_false(
        sim_scale_write(&(struct sim_scale){.n_samples = 20000}, &out, &err));
    assert_err(&err, ERR_IO, "disk full");
    assert_int_equal(calls, 1);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct test_collector c = TEST_COLLECTOR;
    const struct sink out = test_collect(&c);
    struct err err = {0};

    assert_false(sim_scale_write(&(struct sim_scale){0}, &out, &err));
    assert_err(&err, ERR_USAGE, "samples must be from 1 to 200000000");
    err = (struct err){0};
    assert_false(sim_scale_write(
        &(struct sim_scale){.n_samples = 5, .n_functions = UINT64_MAX}, &out,
        &err));
    assert_err(&err, ERR_USAGE,
               "locations and functions must be at most 1073741824");
    buf_release(&c.bytes);
}

static bool walk_once(void *ctx, struct err *err)
{
    struct test_collector c = TEST_COLLECTOR;
    const struct sink out = test_collect(&c);
    const bool ok = sim_scale_write(ctx, &out, err);

    buf_release(&c.bytes);
    return ok;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    struct sim_scale s = {.n_samples = 300};

    assert_true(oom_walk(walk_once, &s) > 5);
    s.layout = SIM_LAYOUT_CANON;
    assert_true(oom_walk(walk_once, &s) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_the_speed_notes),
        cmocka_unit_test(sizes_can_be_chosen),
        cmocka_unit_test(values_are_those_of_a_heap_profile),
        cmocka_unit_test(the_same_options_give_the_same_bytes),
        cmocka_unit_test(both_layouts_say_the_same),
        cmocka_unit_test(layouts_have_their_order_of_fields),
        cmocka_unit_test(snapshots_share_stacks_but_no_ids),
        cmocka_unit_test(values_never_fall_in_a_series),
        cmocka_unit_test(the_stream_comes_in_small_blocks),
        cmocka_unit_test(a_full_disk_stops_the_stream),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(running_out_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
