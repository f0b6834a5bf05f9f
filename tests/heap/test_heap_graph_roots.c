#include "heap/graph_support.h"
#include "test.h"

#include "heap/heap.h"

#include <stdio.h>

/* --- holders --- */

static void every_kind_of_holder_has_its_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct fixture f;
        struct heap_graph *g =
            build(fixture_all(&f, (kind & 1) != 0, (kind & 2) != 0));
        const char *bss = f.pointer_bytes == 4 ? "bss+0x4" : "bss+0x8";
        assert_true(holds(g, bss, FIXTURE_FIRST));
        assert_true(holds(g, "data+0x0", FIXTURE_BIG));
        assert_true(holds(g, "cgo handle", FIXTURE_BIG));
        assert_true(holds(g, "finalizers that wait to run", FIXTURE_FIRST));
        const char *worker = "goroutine 17";
        assert_true(holds(g, worker, FIXTURE_SECOND));
        assert_true(holds(g, worker, FIXTURE_THIRD)); /* it panics with it */
        assert_false(holds(g, worker, FIXTURE_BIG));
        assert_false(is_reached(g, FIXTURE_LOST));
        const struct heap_about *a = heap_graph_about(g);
        assert_int_equal(a->n_objects, 5);
        assert_int_equal(a->n_reachable, 4);
        assert_int_equal(a->reachable_bytes, 3 * 32 + 1024);
        assert_int_equal(a->n_edges, 3);
        assert_int_equal(a->n_interior, 1);
        assert_int_equal(a->n_dangling, 1);
        assert_int_equal(a->n_to_lost, 0); /* it points into the stack */
        assert_int_equal(a->bss_address, FIXTURE_BSS);
        assert_int_equal(a->data_bytes, f.pointer_bytes);
        assert_int_equal(a->memstats->heap_objects, 5);
        assert_string_equal(a->build, "go1.21.3");
        check_whole(g);
        heap_graph_free(g);
        fixture_release(&f);
    }
}

static void frames_can_be_read_again(void **state)
{
    (void)state;
    struct fixture f;
    struct heap_graph *g = build(fixture_all(&f, false, false));
    assert_int_equal(heap_n_goroutines(g), 1);
    const struct graph_goroutine *r = heap_goroutine_at(g, 0);
    assert_int_equal(r->goid, 17);
    assert_string_equal(r->wait_reason, "chan receive");
    assert_int_equal(r->n_frames, 3);
    const uint32_t worker = r->first_frame + 1;
    assert_string_equal(heap_frame_at(g, worker)->function, "main.worker");
    const struct span contents = heap_frame_contents(g, worker);
    assert_int_equal(contents.len, 24);
    assert_int_equal(heap_word(g, contents, 8), FIXTURE_BIG);
    assert_int_equal(heap_word(g, contents, 17), 0); /* beyond the end */
    struct dump_fields fields = heap_frame_fields(g, worker);
    uint64_t offset = 99;
    assert_true(dump_fields_next(&fields, &offset));
    assert_int_equal(offset, 0);
    assert_false(dump_fields_next(&fields, &offset));
    assert_int_equal(heap_itab_type(g, FIXTURE_ITAB), FIXTURE_TYPE);
    assert_int_equal(heap_itab_type(g, FIXTURE_ITAB + 8), 0);
    const struct heap_type *t = heap_type_at_address(g, FIXTURE_TYPE);
    assert_non_null(t);
    assert_true(span_is(t->name, "main.node"));
    heap_graph_free(g);
    fixture_release(&f);
}

static void sample_names_the_bucket_of_its_object(void **state)
{
    (void)state;
    struct fixture f;
    struct heap_graph *g = build(fixture_all(&f, false, false));
    const struct heap_bucket *b =
        heap_object_bucket(g, heap_object_at(g, FIXTURE_BIG));
    assert_non_null(b);
    assert_int_equal(b->id, FIXTURE_BUCKET);
    assert_int_equal(b->n_calls, 2);
    assert_true(span_is(b->calls[1].function, "main.main"));
    assert_null(heap_object_bucket(g, heap_object_at(g, FIXTURE_FIRST)));
    assert_int_equal(heap_n_buckets(g), 1);
    heap_graph_free(g);
    fixture_release(&f);
}

static void symbols_name_the_words_of_segments(void **state)
{
    (void)state;
    static const struct graph_symbol symbols[] = {
        {FIXTURE_BSS,      0,  "runtime.bss"},
        {FIXTURE_BSS,      16, "main.pair"  },
        {FIXTURE_BSS + 16, 0,  "main.empty" },
        {FIXTURE_BSS + 24, 24, "main.later" },
    };
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const uint64_t bss[] = {
        FIXTURE_FIRST, FIXTURE_SECOND, FIXTURE_THIRD, FIXTURE_BIG, 0,
        FIXTURE_FIRST};
    fixture_segment(&f, true, bss, 6);
    const struct heap_graph_options o = {.symbols = symbols, .n_symbols = 4};
    struct heap_graph *g = build_with(fixture_end(&f), &o);
    assert_int_equal(heap_n_groups(g), 3);
    const struct root_group *pair = group_of(g, "main.pair");
    assert_non_null(pair);
    assert_int_equal(pair->n_roots, 2);
    assert_int_equal(pair->address, FIXTURE_BSS);
    assert_int_equal(pair->bytes, 16);
    assert_true(holds(g, "bss+0x10", FIXTURE_THIRD));
    assert_true(holds(g, "main.later", FIXTURE_BIG));
    assert_true(holds(g, "main.later", FIXTURE_FIRST));
    heap_graph_free(g);
    fixture_release(&f);
}

static void frame_above_async_preempt_is_taken_word_by_word(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const uint64_t registers[] = {FIXTURE_FIRST, 12};
    const uint64_t words[] = {5, FIXTURE_BIG + 100, FIXTURE_STACK};
    const uint64_t above[] = {FIXTURE_THIRD, FIXTURE_LOST};
    fixture_goroutine(&f, 5, FIXTURE_G, "preempted");
    fixture_frame(&f, 0, "runtime.asyncPreempt2", words, 0, 0);
    fixture_frame(&f, 1, "runtime.asyncPreempt", registers, 2, 2);
    fixture_frame(&f, 2, "main.spin", words, 3, 0);
    fixture_frame(&f, 3, "main.main", above, 2, 1);
    struct heap_graph *g = build(fixture_end(&f));
    const char *name = "goroutine 5";
    const struct root_group *group = group_of(g, name);
    assert_non_null(group);
    assert_int_equal(group->n_roots, 4);
    const struct heap_root *roots = heap_group_roots(g, index_of(g, group));
    assert_true(roots[0].is_conservative);
    assert_true(roots[1].is_conservative);
    assert_int_equal(roots[1].interior_bytes, 100);
    assert_string_equal(heap_frame_at(g, roots[1].frame)->function,
                        "main.spin");
    assert_false(roots[2].is_conservative);
    assert_true(holds(g, name, FIXTURE_THIRD));
    /* No pointer for the dump, and nothing else leads there. */
    assert_true(roots[3].is_conservative);
    assert_true(holds(g, name, FIXTURE_LOST));
    assert_int_equal(heap_graph_about(g)->n_conservative, 3);
    heap_graph_free(g);
    fixture_release(&f);
}

/* A variable on a stack whose address was taken is in no map of pointers. What
   is held by a surer way gets no second holder by such words. */
static void words_of_frames_hold_what_nothing_else_does(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const uint64_t first[] = {FIXTURE_BIG, 7, FIXTURE_FIRST + 8};
    const uint64_t second[] = {FIXTURE_LOST, FIXTURE_BIG};
    fixture_goroutine(&f, 1, FIXTURE_G, "select");
    fixture_frame(&f, 0, "main.one", first, 3, 1);
    fixture_goroutine(&f, 2, FIXTURE_G + 448, "select");
    fixture_frame(&f, 1, "main.two", second, 2, 0);
    struct heap_graph *g = build(fixture_end(&f));
    const struct root_group *one = group_of(g, "goroutine 1");
    const struct root_group *two = group_of(g, "goroutine 2");
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(one->n_roots, 2);
    assert_int_equal(two->n_roots, 1);
    assert_true(holds(g, "goroutine 1", FIXTURE_FIRST));
    assert_true(holds(g, "goroutine 2", FIXTURE_LOST));
    const struct heap_root *last = heap_group_roots(g, index_of(g, one)) + 1;
    assert_true(last->is_conservative);
    assert_int_equal(last->interior_bytes, 8);
    check_whole(g);
    heap_graph_free(g);
    fixture_release(&f);
}

/* An object like an m: two of its words lead to the g it runs, and one to a
   buffer. */
static void two_ways_to_one_goroutine_are_no_list(void **state)
{
    (void)state;
    const uint64_t g1 = FIXTURE_ARENA + 0x10000;
    const uint64_t m = FIXTURE_ARENA + 0x20000;
    const uint64_t of_m[] = {g1, g1, FIXTURE_BIG};
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_object(&f, g1, 448, NULL, 0);
    fixture_object(&f, g1 + 448, 448, NULL, 0);
    fixture_object(&f, m, 64, of_m, 3);
    fixture_object(&f, FIXTURE_BIG, 1024, NULL, 0);
    fixture_goroutine(&f, 1, g1, "select");
    fixture_goroutine(&f, 2, g1 + 448, "select");
    const uint64_t bss[] = {m};
    fixture_segment(&f, true, bss, 1);
    struct heap_graph *g = build(fixture_end(&f));
    uint64_t n = 0;
    (void)heap_edges(g, heap_object_at(g, m), &n);
    assert_true(n >= 2);
    assert_null(group_of(g, "goroutines that ended"));
    heap_graph_free(g);
    fixture_release(&f);
}

/* Since Go 1.22 larger objects begin with a header, and the list behind it. */
static void list_of_goroutines_may_lie_behind_a_header(void **state)
{
    (void)state;
    enum { GOROUTINES = 100, LIVE = 90 };
    const uint64_t g1 = FIXTURE_ARENA + 0x10000;
    const uint64_t list = FIXTURE_ARENA + 0x40000;
    uint64_t all[GOROUTINES + 1] = {0};
    struct fixture f;
    fixture_begin(&f, false, false, "go1.23.0");
    for (size_t i = 0; i < GOROUTINES; i++) {
        all[i + 1] = g1 + 448 * i;
        fixture_object(&f, all[i + 1], 448, NULL, 0);
    }
    fixture_object(&f, list, 1024, all, GOROUTINES + 1);
    for (size_t i = 0; i < LIVE; i++) {
        fixture_goroutine(&f, i + 1, all[i + 1], "select");
    }
    const uint64_t bss[] = {list + 8};
    fixture_segment(&f, true, bss, 1);
    struct heap_graph *g = build(fixture_end(&f));
    uint64_t n = 99;
    (void)heap_edges(g, heap_object_at(g, list), &n);
    assert_int_equal(n, 0);
    const struct root_group *ended = group_of(g, "goroutines that ended");
    assert_non_null(ended);
    assert_int_equal(ended->n_roots, GOROUTINES - LIVE);
    heap_graph_free(g);
    fixture_release(&f);
}

/* Three g, two of goroutines that live, in a list that a variable holds. */
static void list_of_goroutines_holds_none_of_them(void **state)
{
    (void)state;
    const uint64_t g1 = FIXTURE_ARENA + 0x10000;
    const uint64_t list = FIXTURE_ARENA + 0x20000;
    const uint64_t all[] = {g1, g1 + 448, g1 + 896};
    const uint64_t blocked_on[] = {FIXTURE_BIG};
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_object(&f, g1, 448, NULL, 0);
    fixture_object(&f, g1 + 448, 448, blocked_on, 1);
    fixture_object(&f, g1 + 896, 448, NULL, 0);
    fixture_object(&f, list, 64, all, 3);
    fixture_object(&f, FIXTURE_BIG, 1024, NULL, 0);
    fixture_goroutine(&f, 1, g1, "select");
    fixture_goroutine(&f, 2, g1 + 448, "chan send");
    const uint64_t bss[] = {list};
    fixture_segment(&f, true, bss, 1);
    struct heap_graph *g = build(fixture_end(&f));
    uint64_t n = 99;
    (void)heap_edges(g, heap_object_at(g, list), &n);
    assert_int_equal(n, 0);
    assert_true(holds(g, "goroutine 1", g1));
    assert_true(holds(g, "goroutine 2", g1 + 448));
    assert_true(holds(g, "goroutines that ended", g1 + 896));
    assert_int_equal(heap_graph_about(g)->n_reachable, 5);
    check_whole(g);
    heap_graph_free(g);
    fixture_release(&f);
}

/* --- lost records --- */

static void goroutines_that_live_without_a_record_are_lost(void **state)
{
    (void)state;
    static const struct {
        size_t n_recorded;
        uint32_t n_lost;
    } rows[] = {
        {8, 0},
        {7, 1},
        {5, 2},
        {3, 0}  /* too few to know by */
    };
    for (unsigned i = 0; i < 4 * sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        const bool is_32_bit = (i & 1) != 0;
        const bool is_big_endian = (i & 2) != 0;
        struct heap_graph *g = build(fixture_listed(
            &f, is_32_bit, is_big_endian, rows[i / 4].n_recorded));
        const uint32_t n_lost = rows[i / 4].n_lost;
        const struct root_group *lost =
            group_of(g, "goroutines whose records are lost");
        assert_int_equal(heap_graph_about(g)->n_lost_goroutines, n_lost);
        assert_int_equal(lost ? lost->n_roots : 0, n_lost);
        assert_true(holds(g, "goroutines that ended",
                          FIXTURE_LISTED + 6 * FIXTURE_G_BYTES));
        heap_graph_free(g);
        fixture_release(&f);
    }
}

static void finalizer_keeps_what_its_object_refers_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const struct heap_finalizer fin = {FIXTURE_FIRST, FIXTURE_BIG, 0x402010, 0,
                                       0};
    dump_writer_finalizer(f.w, &fin, false);
    struct heap_graph *g = build(fixture_end(&f));
    char name[64];
    (void)snprintf(name, sizeof name, "finalizer of 0x%x", FIXTURE_FIRST);
    assert_true(holds(g, name, FIXTURE_BIG));
    (void)snprintf(name, sizeof name, "object 0x%x before its finalizer",
                   FIXTURE_FIRST);
    assert_true(holds(g, name, FIXTURE_SECOND));
    assert_false(is_reached(g, FIXTURE_FIRST));
    assert_true(is_reached(g, FIXTURE_THIRD));
    bool is_queued = true;
    assert_int_equal(heap_n_finalizers(g), 1);
    assert_int_equal(heap_finalizer_at(g, 0, &is_queued)->closure, FIXTURE_BIG);
    assert_false(is_queued);
    heap_graph_free(g);
    fixture_release(&f);
}

static void finalizer_of_what_is_held_adds_no_holder(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const uint64_t bss[] = {FIXTURE_FIRST};
    fixture_segment(&f, true, bss, 1);
    const struct heap_finalizer fin = {FIXTURE_FIRST, 0x470000, 0x402010, 0, 0};
    dump_writer_finalizer(f.w, &fin, false);
    struct heap_graph *g = build(fixture_end(&f));
    assert_int_equal(heap_n_groups(g), 1);
    heap_graph_free(g);
    fixture_release(&f);
}

static void frames_behind_damage_belong_to_nobody(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const uint64_t words[] = {FIXTURE_FIRST};
    fixture_frame(&f, 4, "main.orphan", words, 1, 1);
    struct heap_graph *g = build(fixture_end(&f));
    assert_true(holds(g, "goroutines of unknown identity", FIXTURE_FIRST));
    assert_int_equal(heap_n_goroutines(g), 0);
    heap_graph_free(g);
    fixture_release(&f);
}

/* Go writes the holders last. */
static void cut_off_dump_is_held_by_what_nothing_points_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_objects(&f);
    const struct span dump = fixture_end(&f);
    struct heap_graph *g = build((struct span){dump.p, dump.len - 1});
    const char *name = "unknown, the dump is cut off";
    assert_true(heap_graph_about(g)->condition.is_truncated);
    assert_true(holds(g, name, FIXTURE_LOST));
    assert_true(holds(g, name, FIXTURE_BIG));
    assert_false(holds(g, name, FIXTURE_FIRST));
    assert_int_equal(heap_graph_about(g)->n_reachable, 5);
    heap_graph_free(g);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_holder_has_its_name),
        cmocka_unit_test(frames_can_be_read_again),
        cmocka_unit_test(sample_names_the_bucket_of_its_object),
        cmocka_unit_test(symbols_name_the_words_of_segments),
        cmocka_unit_test(frame_above_async_preempt_is_taken_word_by_word),
        cmocka_unit_test(words_of_frames_hold_what_nothing_else_does),
        cmocka_unit_test(two_ways_to_one_goroutine_are_no_list),
        cmocka_unit_test(list_of_goroutines_may_lie_behind_a_header),
        cmocka_unit_test(list_of_goroutines_holds_none_of_them),
        cmocka_unit_test(goroutines_that_live_without_a_record_are_lost),
        cmocka_unit_test(finalizer_keeps_what_its_object_refers_to),
        cmocka_unit_test(finalizer_of_what_is_held_adds_no_holder),
        cmocka_unit_test(frames_behind_damage_belong_to_nobody),
        cmocka_unit_test(cut_off_dump_is_held_by_what_nothing_points_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
