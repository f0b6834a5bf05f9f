#include "series/watched.h"

#include "series/stacks_private.h"
#include "sim/sim.h"

/* A point of one goroutine profile with these stacks. */
static struct series_point counted(struct stack_table *t,
                                   const char *const *stacks, size_t n)
{
    struct err err = {0};
    struct snapshot snap = {.source = "x", .kind = KIND_GOROUTINE};
    struct profile_builder *b = made_goroutine();
    for (size_t i = 0; i < n; i++) {
        made_count(b, stacks[i], 1);
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    return watched_point(t, snap);
}

/* One goroutine with labels "key=value". */
static struct series_point labelled(struct stack_table *t, const char *key,
                                    const char *value)
{
    struct err err = {0};
    struct snapshot snap = {.source = "x", .kind = KIND_GOROUTINE};
    struct profile_builder *b = made_goroutine();
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(b, "main.a:1 main.main:2", locs);
    const int64_t one = 1;
    const struct profile_label label = {
        .key = profile_builder_string(b, span_of(key)),
        .str = profile_builder_string(b, span_of(value))};
    profile_builder_sample(b, locs, n, &one, 1, &label, 1);
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    return watched_point(t, snap);
}

static struct buf row_bytes(const struct stack_table *t, uint32_t row)
{
    struct err err = {0};
    struct buf b = BUF_LIMIT((size_t)1 << 24);
    assert_ok(stack_table_encode(t, row, &b, &err), &err);
    return b;
}

/* Every row of `t`, as bytes, becomes a row of `to` with the same bytes. */
static void carry(const struct stack_table *t, struct stack_table *to)
{
    struct err err = {0};
    for (uint32_t r = 0; r < stack_table_n_rows(t); r++) {
        struct buf b = row_bytes(t, r);
        uint32_t row = 0;
        uint32_t again = 0;
        assert_ok(stack_table_decode(to, buf_view(&b), &row, &err), &err);
        assert_ok(stack_table_decode(to, buf_view(&b), &again, &err), &err);
        assert_int_equal(row, again);
        struct buf c = row_bytes(to, row);
        assert_int_equal(b.len, c.len);
        assert_memory_equal(b.data, c.data, b.len);
        assert_int_equal(t->rows.items[r].n_locs, to->rows.items[row].n_locs);
        assert_int_equal(t->rows.items[r].block_bytes,
                         to->rows.items[row].block_bytes);
        buf_release(&b);
        buf_release(&c);
    }
}

static void a_row_is_the_same_in_another_table(void **state)
{
    (void)state;
    static const char *const here[] = {"main.a:1 main.b:2 main.main",
                                       "main.a:1", "main.c:3 main.a:1"};
    static const char *const there[] = {"main.z:9 main.a:1", "main.c:3"};
    struct stack_table *t = stack_table_new();
    struct stack_table *other = stack_table_new();
    struct series_point p = counted(t, here, 3);
    struct series_point q = counted(other, there, 2);
    struct series_point l = labelled(t, "tenant", "blue");
    carry(t, other);
    assert_int_equal(stack_table_n_rows(other), 2 + stack_table_n_rows(t));
    series_point_release(&p);
    series_point_release(&q);
    series_point_release(&l);
    stack_table_free(t);
    stack_table_free(other);
}

static void rows_of_a_simulated_service_survive(void **state)
{
    (void)state;
    struct err err = {0};
    struct sim_options o;
    struct sim_world *w = NULL;
    struct stack_table *t = stack_table_new();
    struct stack_table *other = stack_table_new();
    size_t bytes = 0;
    sim_options_default(&o);
    o.scenario = sim_scenario_find("mixed-rates");
    assert_ok(sim_world_new(&o, &w, &err), &err);
    assert_ok(sim_world_run(w, 600 * SIM_SECOND, &err), &err);
    for (int which = 0; which < 2; which++) {
        struct snapshot snap = {.source = "x"};
        assert_ok(sim_profile_make(w, which ? SIM_GOROUTINE : SIM_HEAP,
                                   &snap.profile, &err),
                  &err);
        snap.kind = profile_kind(snap.profile);
        struct series_point p = watched_point(t, snap);
        series_point_release(&p);
    }
    const uint32_t n = stack_table_n_rows(t);
    assert_true(n > 100);
    for (uint32_t r = 0; r < n; r++) {
        struct buf b = row_bytes(t, r);
        bytes += b.len;
        buf_release(&b);
    }
    assert_true(bytes < (size_t)700 * n);
    carry(t, other);
    assert_int_equal(stack_table_n_rows(other), n);
    sim_world_free(w);
    stack_table_free(t);
    stack_table_free(other);
}

/* What is written can be read: names that repeat most of a long one are told
   in full where they would unfold too much. */
static void rows_of_long_names_survive(void **state)
{
    (void)state;
    enum { N = 60, NAME_BYTES = 20000 };
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct stack_table *other = stack_table_new();
    struct stacks_builder b = {0};
    struct buf name = BUF_LIMIT(NAME_BYTES + 64);
    uint32_t row = 0;
    for (unsigned i = 0; i < N; i++) {
        buf_clear(&name);
        buf_repeat(&name, 'a', NAME_BYTES);
        buf_printf(&name, ".f%u", i);
        assert_ok(stacks_build_frame(t, &b, buf_view(&name), SPAN_LIT("a.go"),
                                     i, &err),
                  &err);
        assert_ok(stacks_build_location(t, &b, &err), &err);
    }
    assert_ok(stacks_build_row(t, &b, 0, &row, &err), &err);
    carry(t, other);
    stacks_builder_release(t, &b);
    buf_release(&name);
    stack_table_free(t);
    stack_table_free(other);
}

/* --- hostile bytes --- */

static void truncated_rows_are_refused(void **state)
{
    (void)state;
    static const char *const stacks[] = {"main.a:1 main.aa:2 main.main:300"};
    struct stack_table *t = stack_table_new();
    struct series_point p = counted(t, stacks, 1);
    struct buf b = row_bytes(t, 0);
    for (size_t n = 0; n < b.len; n++) {
        struct err err = {0};
        uint32_t row = 0;
        assert_false(
            stack_table_decode(t, span_first(buf_view(&b), n), &row, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_true(span_starts(span_of(err.text), "a stored stack: "));
    }
    assert_int_equal(stack_table_n_rows(t), 1);
    buf_release(&b);
    series_point_release(&p);
    stack_table_free(t);
}

/* Whatever the bytes are, it ends, in bounds, with a row or an error. */
static void changed_rows_do_no_harm(void **state)
{
    (void)state;
    static const char *const stacks[] = {"main.a:1 main.aa:2 main.main:300"};
    struct stack_table *t = stack_table_new();
    struct series_point p = counted(t, stacks, 1);
    struct buf b = row_bytes(t, 0);
    uint64_t seed = 4;
    for (unsigned i = 0; i < 20000; i++) {
        struct err err = {0};
        uint32_t row = 0;
        const size_t at = test_random(&seed) % b.len;
        const char was = b.data[at];
        b.data[at] = (char)test_random(&seed);
        if (!stack_table_decode(t, buf_view(&b), &row, &err)) {
            assert_int_equal(err.code, ERR_FORMAT);
        } else {
            assert_true(row < stack_table_n_rows(t));
        }
        b.data[at] = was;
    }
    buf_release(&b);
    series_point_release(&p);
    stack_table_free(t);
}

static void texts_that_unfold_for_ever_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf b = BUF_LIMIT((size_t)1 << 22);
    struct stack_table *t = stack_table_new();
    uint32_t row = 0;
    buf_add(&b, "\x01\x00\xff\xff\x3f", 5); /* a million frames */
    buf_add(&b, "\x02\x00\x80\x80\x02", 5); /* a name of 32 KiB */
    buf_repeat(&b, 'a', 32768);
    buf_add(&b, "\x00\x00", 2);
    for (unsigned i = 0; i < 60000; i++) { /* that name, and one letter more */
        buf_add(&b, "\x02\x80\x80\x04\x01z\x03", 7);
    }
    assert_false(stack_table_decode(t, buf_view(&b), &row, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    buf_release(&b);
    stack_table_free(t);
}

/* --- labels --- */

static void labels_with_request_ids_do_not_fill_a_table(void **state)
{
    (void)state;
    struct stack_table *t = stack_table_new();
    uint32_t row = 0;
    size_t bytes = 0;
    for (unsigned i = 0; i < 5000; i++) {
        char value[WATCHED_NAME];
        snprintf(value, sizeof value, "request-%u", i);
        struct series_point p = labelled(t, "request", value);
        row = p.cells.items[0].row;
        series_point_release(&p);
        if (i == 1000) {
            bytes = stack_table_bytes(t);
        }
    }
    assert_int_equal(stack_table_n_rows(t), STACK_LABEL_SETS_MAX + 1);
    assert_int_equal(stack_table_bytes(t), bytes);
    assert_int_equal(t->rows.items[row].n_labels, 0);
    struct series_point p = labelled(t, "request", "request-7");
    assert_int_equal(t->rows.items[p.cells.items[0].row].n_labels, 1);
    series_point_release(&p);
    stack_table_free(t);
}

static void a_series_says_that_labels_were_left_out(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct series *s = series_new(&(struct series_options){.table = t});
    for (unsigned i = 0; i <= STACK_LABEL_SETS_MAX; i++) {
        char value[WATCHED_NAME];
        snprintf(value, sizeof value, "request-%u", i);
        struct series_point p = labelled(t, "request", value);
        snprintf(value, sizeof value, "%u.goroutine.pb.gz", i);
        assert_ok(series_add_point(s, value, &p, &err), &err);
        series_point_release(&p);
    }
    made_finish(s);
    size_t n = 0;
    const char *const *notes = series_notes(s, &n);
    assert_int_equal(n, 1);
    assert_string_equal(notes[0],
                        "some stacks came with more than 256 different labels; "
                        "those beyond are counted without");
    series_free(s);
    stack_table_free(t);
}

static void a_table_of_its_own_keeps_every_label(void **state)
{
    (void)state;
    struct stack_table own = {0};
    for (unsigned i = 0; i < 400; i++) {
        char value[WATCHED_NAME];
        snprintf(value, sizeof value, "request-%u", i);
        struct series_point p = labelled(&own, "request", value);
        series_point_release(&p);
    }
    assert_int_equal(own.rows.n, 400);
    stacks_release(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_the_same_in_another_table),
        cmocka_unit_test(rows_of_a_simulated_service_survive),
        cmocka_unit_test(rows_of_long_names_survive),
        cmocka_unit_test(truncated_rows_are_refused),
        cmocka_unit_test(changed_rows_do_no_harm),
        cmocka_unit_test(texts_that_unfold_for_ever_are_refused),
        cmocka_unit_test(labels_with_request_ids_do_not_fill_a_table),
        cmocka_unit_test(a_series_says_that_labels_were_left_out),
        cmocka_unit_test(a_table_of_its_own_keeps_every_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
