#include "series/watched.h"

#include "series/stacks_private.h"

static struct buf encoded(const struct series_point *p, const uint32_t *ids)
{
    struct err err = {0};
    struct buf b = BUF_LIMIT((size_t)1 << 26);
    assert_ok(series_point_encode(p, ids, &b, &err), &err);
    return b;
}

static void assert_survives(struct stack_table *t, const struct series_point *p)
{
    struct err err = {0};
    struct series_point q;
    struct buf b = encoded(p, NULL);
    assert_ok(series_point_decode(t, buf_view(&b), NULL, &q, &err), &err);
    assert_points_equal(p, &q);
    series_point_release(&q);
    buf_release(&b);
}

static struct series_point dumped(struct stack_table *t)
{
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "running", -1, "main.main:5");
    made_dumped(d, 918273, "chan receive", 12, "main.wait:7 main.work:1");
    made_dumped(d, 17, "chan receive", 3, "main.wait:7 main.work:1");
    d->goroutines.items[1].has_creator = true;
    d->goroutines.items[1].creator =
        (struct dump_frame){made_name(d, SPAN_LIT("main.start")),
                            made_name(d, SPAN_LIT("/srv/app/main.go")), 77};
    d->goroutines.items[1].creator_id = 1;
    d->goroutines.items[2].is_leaked = true;
    d->is_truncated = true;
    return watched_point(t, (struct snapshot){.source = "x",
                                              .kind = KIND_GOROUTINE,
                                              .form = FORM_DUMP,
                                              .time_nanos = MADE_EPOCH,
                                              .dump = d});
}

static void points_of_all_forms_survive(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    watched_init(&w, 40, 1, true, true);
    for (size_t i = 0; i < w.n_moments; i += 13) {
        struct series_point p = watched_point(t, watched_heap(&w, i));
        assert_survives(t, &p);
        p.form = FORM_TEXT;
        p.is_collected = true;
        p.is_delta = true;
        p.memstats.present = true;
        p.memstats.has = 1u << MEMSTATS_NumGC | 1u << MEMSTATS_MaxRSS;
        p.memstats.v[MEMSTATS_NumGC] = i;
        p.memstats.v[MEMSTATS_MaxRSS] = UINT64_MAX;
        assert_survives(t, &p);
        series_point_release(&p);
        p = watched_point(t, watched_goroutines(&w, i));
        assert_survives(t, &p);
        series_point_release(&p);
    }
    struct series_point dump = dumped(t);
    assert_int_equal(dump.goroutines.n, 3);
    assert_survives(t, &dump);
    series_point_release(&dump);
    watched_release(&w);
    stack_table_free(t);
}

/* Anything may stand in a profile: no number may get lost. */
static void extreme_numbers_survive(void **state)
{
    (void)state;
    static const int64_t odd[] = {
        0, 1, -1, 63, 64, 524288, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    enum { N_ODD = sizeof odd / sizeof odd[0] };
    struct watched w;
    struct stack_table *t = stack_table_new();
    uint64_t seed = 1;
    watched_init(&w, 1, 1, false, false);
    struct series_point p = watched_point(t, watched_heap(&w, 0));
    for (unsigned i = 0; i < 2000; i++) {
        for (size_t k = 0; k < p.cells.n; k++) {
            struct series_cell *c = &p.cells.items[k];
            c->alloc_objects = odd[test_random(&seed) % N_ODD];
            c->alloc_bytes = odd[test_random(&seed) % N_ODD];
            c->in_use = odd[test_random(&seed) % N_ODD];
            c->in_use_bytes = odd[test_random(&seed) % N_ODD];
        }
        p.time_nanos = odd[test_random(&seed) % N_ODD];
        p.period_bytes = odd[test_random(&seed) % N_ODD];
        assert_survives(t, &p);
    }
    series_point_release(&p);
    watched_release(&w);
    stack_table_free(t);
}

/* --- ids of a store --- */

static bool row_by_id(void *ctx, uint64_t id, uint32_t *row, struct err *err)
{
    const uint64_t *n = ctx;
    if (id < 1000 || id >= 1000 + 7 * *n || (id - 1000) % 7 != 0) {
        return err_set(err, ERR_FORMAT, "no stack %llu",
                       (unsigned long long)id);
    }
    *row = (uint32_t)(*n - 1 - (id - 1000) / 7);
    return true;
}

static void a_store_has_ids_of_its_own(void **state)
{
    (void)state;
    struct err err = {0};
    struct watched w;
    struct stack_table *t = stack_table_new();
    watched_init(&w, 1, 1, false, false);
    struct series_point p = watched_point(t, watched_heap(&w, 0));
    uint64_t n = stack_table_n_rows(t);
    uint32_t ids[WATCHED_SITES];
    for (uint32_t i = 0; i < n; i++) { /* the other way round */
        ids[i] = (uint32_t)(1000 + 7 * (n - 1 - i));
    }
    struct buf b = encoded(&p, ids);
    struct series_point q;
    const struct series_row_source rows = {&n, row_by_id};
    assert_ok(series_point_decode(t, buf_view(&b), &rows, &q, &err), &err);
    assert_points_equal(&p, &q);
    series_point_release(&q);
    n = 3; /* rows are missing */
    assert_false(series_point_decode(t, buf_view(&b), &rows, &q, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_int_equal(q.cells.cap, 0);
    buf_release(&b);
    series_point_release(&p);
    watched_release(&w);
    stack_table_free(t);
}

/* --- a store knows more labels than a table keeps --- */

enum { LABEL_SETS = 400 }; /* more than STACK_LABEL_SETS_MAX */

static struct series_point requests(struct stack_table *t, unsigned first,
                                    unsigned n)
{
    struct err err = {0};
    struct snapshot snap = {.source = "x", .kind = KIND_GOROUTINE};
    struct profile_builder *b = made_goroutine();
    uint32_t locs[MADE_FRAMES];
    const size_t n_locs = made_locations(b, "main.a:1 main.main:2", locs);
    const int64_t three = 3;
    for (unsigned i = first; i < first + n; i++) {
        char value[WATCHED_NAME];
        snprintf(value, sizeof value, "request-%u", i);
        const struct profile_label label = {
            .key = profile_builder_string(b, SPAN_LIT("request")),
            .str = profile_builder_string(b, span_of(value))};
        profile_builder_sample(b, locs, n_locs, &three, 1, &label, 1);
    }
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    return watched_point(t, snap);
}

/* A store of one table's rows, read into another. */
struct other_table {
    const struct stack_table *from;
    struct stack_table *to;
};

static bool row_of_other(void *ctx, uint64_t id, uint32_t *row, struct err *err)
{
    const struct other_table *o = ctx;
    struct buf b = BUF_LIMIT((size_t)1 << 16);
    const bool ok = stack_table_encode(o->from, (uint32_t)id, &b, err) &&
                    stack_table_decode(o->to, buf_view(&b), row, err);
    buf_release(&b);
    return ok;
}

/* Two watches in turn, each with requests of its own: who reads both has no
   room for all, and counts the rest on the stack without labels. */
static void labels_of_many_watches_are_counted_on_the_stack(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *reader = stack_table_new();
    int64_t sum = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct stack_table *t = stack_table_new();
        struct other_table other = {t, reader};
        const struct series_row_source rows = {&other, row_of_other};
        struct series_point p = requests(t, i * LABEL_SETS / 2, LABEL_SETS / 2);
        struct series_point q;
        struct buf b = encoded(&p, NULL);
        assert_ok(series_point_decode(reader, buf_view(&b), &rows, &q, &err),
                  &err);
        for (size_t c = 0; c < q.cells.n; c++) {
            sum += q.cells.items[c].in_use;
            assert_true(c == 0 ||
                        q.cells.items[c - 1].row < q.cells.items[c].row);
        }
        series_point_release(&p);
        series_point_release(&q);
        buf_release(&b);
        stack_table_free(t);
    }
    assert_int_equal(sum, 3 * LABEL_SETS);
    assert_int_equal(stack_table_n_rows(reader), STACK_LABEL_SETS_MAX + 1);
    stack_table_free(reader);
}

/* --- hostile bytes --- */

static void truncated_points_are_refused(void **state)
{
    (void)state;
    struct stack_table *t = stack_table_new();
    struct series_point p = dumped(t);
    struct buf b = encoded(&p, NULL);
    for (size_t n = 0; n < b.len; n++) {
        struct err err = {0};
        struct series_point q;
        assert_false(series_point_decode(t, span_first(buf_view(&b), n), NULL,
                                         &q, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_int_equal(q.goroutines.cap, 0);
    }
    buf_release(&b);
    series_point_release(&p);
    stack_table_free(t);
}

static void changed_points_do_no_harm(void **state)
{
    (void)state;
    struct watched w;
    struct stack_table *t = stack_table_new();
    uint64_t seed = 8;
    watched_init(&w, 1, 1, false, false);
    struct series_point of[2] = {watched_point(t, watched_heap(&w, 0)),
                                 dumped(t)};
    for (int k = 0; k < 2; k++) {
        struct buf b = encoded(&of[k], NULL);
        for (unsigned i = 0; i < 20000; i++) {
            struct err err = {0};
            struct series_point q;
            const size_t at = test_random(&seed) % b.len;
            const char was = b.data[at];
            b.data[at] = (char)test_random(&seed);
            if (series_point_decode(t, buf_view(&b), NULL, &q, &err)) {
                for (size_t c = 0; c < q.cells.n; c++) {
                    assert_true(q.cells.items[c].row < stack_table_n_rows(t));
                    assert_true(c == 0 || q.cells.items[c - 1].row <
                                              q.cells.items[c].row);
                }
            } else {
                assert_int_equal(err.code, ERR_FORMAT);
            }
            series_point_release(&q);
            b.data[at] = was;
        }
        buf_release(&b);
        series_point_release(&of[k]);
    }
    watched_release(&w);
    stack_table_free(t);
}

static void huge_counts_take_no_memory(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table *t = stack_table_new();
    struct series_point q;
    const char bytes[] = "\x01\x01\x00\x00\x00\x00\x00\x00"
                         "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
    assert_false(series_point_decode(t, (struct span){bytes, sizeof bytes - 1},
                                     NULL, &q, &err));
    assert_err(&err, ERR_FORMAT, "a stored snapshot: too many cells");
    stack_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_all_forms_survive),
        cmocka_unit_test(extreme_numbers_survive),
        cmocka_unit_test(a_store_has_ids_of_its_own),
        cmocka_unit_test(labels_of_many_watches_are_counted_on_the_stack),
        cmocka_unit_test(truncated_points_are_refused),
        cmocka_unit_test(changed_points_do_no_harm),
        cmocka_unit_test(huge_counts_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
