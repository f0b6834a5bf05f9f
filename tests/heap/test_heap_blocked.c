/* Goroutines that nothing can wake, in made graphs: what a stack refers to
   beyond its maps, and what needs no channel to be sure. Real ones are judged
   in tests/rules/test_dump_rules.c. */
#include "heap/graph_support.h"
#include "test.h"

#include "heap/heap_blocked_private.h"

enum { OBJECT_BYTES = 48, SPAN = 0x2000 };
#define ARENA     UINT64_C(0xc000000000)
#define STACK     UINT64_C(0xc000800000)
#define OBJECT(i) (ARENA + (uint64_t)(i)*OBJECT_BYTES)

struct world {
    struct test_collector bytes;
    struct dump_writer *w;
    struct heap_graph *graph;
};

static void begin(struct world *s)
{
    s->bytes = TEST_COLLECTOR;
    const struct sink out = test_collect(&s->bytes);
    s->w = dump_writer_new(&out);
    const struct heap_params p = {.pointer_bytes = 8,
                                  .arena_start = ARENA,
                                  .arena_end = ARENA + (UINT64_C(1) << 26),
                                  .arch = SPAN_LIT("amd64"),
                                  .build = SPAN_LIT("go1.23.5"),
                                  .n_cpu = 2};
    dump_writer_params(s->w, &p);
    for (unsigned i = 0; i < 8; i++) {
        dump_writer_object(s->w, OBJECT(i), OBJECT_BYTES);
        dump_writer_zeros(s->w, OBJECT_BYTES);
        dump_writer_field(s->w, 0);
        dump_writer_close(s->w);
    }
}

static void goroutine(struct world *s, uint64_t goid, const char *reason,
                      bool is_system)
{
    const struct heap_goroutine g = {.address = OBJECT(goid),
                                     .sp = STACK + goid * 0x1000,
                                     .goid = goid,
                                     .status = HEAP_STATUS_WAITING,
                                     .is_system = is_system,
                                     .wait_reason = span_of(reason)};
    dump_writer_goroutine(s->w, &g);
}

static void frame(struct world *s, uint64_t sp, const uint64_t *words, size_t n,
                  const uint64_t *fields, size_t n_fields)
{
    const struct heap_frame f = {.sp = sp,
                                 .bytes = n * 8,
                                 .entry = 0x401000,
                                 .pc = 0x401010,
                                 .function = SPAN_LIT("main.f")};
    dump_writer_frame(s->w, &f);
    for (size_t i = 0; i < n; i++) {
        dump_writer_word(s->w, words[i]);
    }
    for (size_t i = 0; i < n_fields; i++) {
        dump_writer_field(s->w, fields[i]);
    }
    dump_writer_close(s->w);
}

static void end(struct world *s)
{
    struct err err = {0};
    assert_ok(dump_writer_end(s->w, &err), &err);
    s->graph = build(buf_view(&s->bytes.bytes));
}

static void release(struct world *s)
{
    heap_graph_free(s->graph);
    dump_writer_free(s->w);
    buf_release(&s->bytes.bytes);
}

/* --- reasons --- */

static void reasons_say_what_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(blocked_on_reason("chan receive"), BLOCKED_CHANNEL);
    assert_int_equal(blocked_on_reason("semacquire"), BLOCKED_SYNC);
    assert_int_equal(blocked_on_reason("chan send (nil chan)"),
                     BLOCKED_FOREVER);
    assert_int_equal(blocked_on_reason("IO wait"), BLOCKED_NOT);
    assert_int_equal(blocked_on_reason(""), BLOCKED_NOT);
}

static void a_nil_channel_is_for_ever_but_of_main_and_the_runtime(void **state)
{
    (void)state;
    struct err err = {0};
    struct world s;
    struct heap_blocked *b = NULL;
    begin(&s);
    goroutine(&s, 1, "chan receive (nil chan)", false);
    goroutine(&s, 2, "chan receive (nil chan)", false);
    goroutine(&s, 3, "chan receive (nil chan)", true);
    goroutine(&s, 4, "chan receive", false); /* of a channel not known */
    end(&s);
    assert_ok(heap_blocked_find(s.graph, NULL, NULL, &b, &err), &err);
    static const bool wanted[] = {false, true, false, false};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(heap_blocked_at(b, i)->is_unreachable, wanted[i]);
    }
    const uint32_t second = 1;
    struct blocked_held held;
    assert_ok(heap_blocked_hold(b, &second, 1, &held, &err), &err);
    assert_int_equal(held.n_objects, 1); /* its g */
    assert_int_equal(held.bytes, OBJECT_BYTES);
    heap_blocked_free(b);
    release(&s);
}

static void what_others_reach_is_not_held_by_who_is_blocked(void **state)
{
    (void)state;
    struct err err = {0};
    struct world s;
    struct heap_blocked *b = NULL;
    begin(&s);
    const uint64_t both[] = {OBJECT(5), OBJECT(6)};
    const uint64_t fields[] = {0, 8};
    goroutine(&s, 2, "select (no cases)", false);
    frame(&s, STACK + 0x2000, both, 2, fields, 2);
    goroutine(&s, 3, "sleep", false);
    frame(&s, STACK + 0x3000, both + 1, 1, fields, 1);
    end(&s);
    assert_ok(heap_blocked_find(s.graph, NULL, NULL, &b, &err), &err);
    const uint32_t first = 0;
    struct blocked_held held;
    assert_ok(heap_blocked_hold(b, &first, 1, &held, &err), &err);
    assert_int_equal(held.n_objects, 2); /* its g, and the fifth */
    heap_blocked_free(b);
    release(&s);
}

/* --- stacks --- */

struct taken {
    object_id items[8];
    size_t n;
};

static bool take(void *ctx, object_id o)
{
    struct taken *t = ctx;
    assert_true(t->n < 8);
    t->items[t->n++] = o;
    return true;
}

/* A pointer into the frame above leads to words that no map lists; the next
   listed variable ends them. */
static void variables_behind_pointers_into_the_stack_are_found(void **state)
{
    (void)state;
    struct world s;
    struct taken t = {.n = 0};
    const uint64_t inner[] = {STACK + 0x2000 + 16 + 8, 0};
    const uint64_t outer[] = {OBJECT(4), 0x402000, OBJECT(5), OBJECT(6),
                              OBJECT(7)};
    const uint64_t inner_fields[] = {0};
    const uint64_t outer_fields[] = {24};
    begin(&s);
    goroutine(&s, 2, "chan receive", false);
    frame(&s, STACK + 0x2000, inner, 2, inner_fields, 1);
    frame(&s, STACK + 0x2000 + 16, outer, 5, outer_fields, 1);
    end(&s);
    assert_true(blocked_scan_stack(s.graph, 0, take, &t));
    assert_int_equal(t.n, 1);
    assert_int_equal(heap_object_address(s.graph, t.items[0]), OBJECT(5));
    release(&s);
}

static void pointers_in_a_circle_end(void **state)
{
    (void)state;
    struct world s;
    struct taken t = {.n = 0};
    const uint64_t words[] = {STACK + 0x2000 + 8, STACK + 0x2000 + 16,
                              STACK + 0x2000 + 8, OBJECT(3)};
    const uint64_t fields[] = {0};
    begin(&s);
    goroutine(&s, 2, "chan receive", false);
    frame(&s, STACK + 0x2000, words, 4, fields, 1);
    end(&s);
    assert_true(blocked_scan_stack(s.graph, 0, take, &t));
    assert_int_equal(t.n, 1);
    release(&s);
}

/* A record of a defer and its closure lie on the stack of who runs them; no
   variable leads there. */
static void what_deferred_calls_on_the_stack_hold_is_found(void **state)
{
    (void)state;
    struct world s;
    struct taken t = {.n = 0};
    const uint64_t words[] = {0, 0x402000, STACK + 0x2000 + 24, 0x403000,
                              OBJECT(5)};
    const uint64_t others[] = {OBJECT(6), OBJECT(7)};
    const struct heap_defer of_other = {.address = STACK + 0x3000,
                                        .goroutine = OBJECT(3)};
    const struct heap_defer d = {.address = STACK + 0x2000 + 8,
                                 .goroutine = OBJECT(2),
                                 .closure = STACK + 0x2000 + 24};
    begin(&s);
    goroutine(&s, 4, "chan receive", false);
    goroutine(&s, 2, "sleep", false);
    frame(&s, STACK + 0x2000, words, 5, NULL, 0);
    dump_writer_defer(s.w, &of_other); /* out of order: nobody's */
    dump_writer_defer(s.w, &d);
    goroutine(&s, 3, "sleep", false);
    frame(&s, STACK + 0x3000, others, 2, NULL, 0);
    end(&s);
    assert_true(blocked_scan_stack(s.graph, 1, take, &t));
    assert_int_equal(t.n, 1);
    assert_int_equal(heap_object_address(s.graph, t.items[0]), OBJECT(5));
    assert_true(blocked_scan_stack(s.graph, 2, take, &t));
    assert_true(blocked_scan_stack(s.graph, 0, take, &t));
    assert_int_equal(t.n, 1);
    release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_say_what_is_waited_for),
        cmocka_unit_test(a_nil_channel_is_for_ever_but_of_main_and_the_runtime),
        cmocka_unit_test(what_others_reach_is_not_held_by_who_is_blocked),
        cmocka_unit_test(variables_behind_pointers_into_the_stack_are_found),
        cmocka_unit_test(pointers_in_a_circle_end),
        cmocka_unit_test(what_deferred_calls_on_the_stack_hold_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
