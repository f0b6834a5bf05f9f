/*
 * Groups of goroutines, in dumps written for it. A dump may have as many groups
 * as goroutines, all of which reach the same: neither time nor memory may go
 * with the square of that.
 */
#include "rules/judged_dump.h"

#include <math.h>
#include <time.h>

#define HEAP UINT64_C(0xc000000000)

enum { OBJECT_BYTES = 64, STACK_STEP = 4096 };

/* A list of objects; goroutines that wait for ever, each in a function of its
   own, and each with the list. */
struct crowd {
    unsigned n_goroutines, n_objects;
    struct test_collector bytes;
    struct judged_dump dump;
};

static void write_list(struct dump_writer *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const uint64_t at = HEAP + OBJECT_BYTES * (uint64_t)i;
        dump_writer_object(w, at, OBJECT_BYTES);
        dump_writer_word(w, i + 1 < n ? at + OBJECT_BYTES : 0);
        dump_writer_zeros(w, OBJECT_BYTES - 8);
        dump_writer_field(w, 0);
        dump_writer_close(w);
    }
}

static void write_goroutine(struct dump_writer *w, unsigned i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "main.f%u", i);
    const struct heap_goroutine g = {.address = 0x500000 + 512 * (uint64_t)i,
                                     .goid = i + UINT64_C(2),
                                     .status = HEAP_STATUS_WAITING,
                                     .wait_reason =
                                         SPAN_LIT("select (no cases)")};
    const struct heap_frame f = {.sp = 0x7f00000000 + STACK_STEP * (uint64_t)i,
                                 .bytes = 8,
                                 .entry = 0x401000 + 16 * (uint64_t)i,
                                 .pc = 0x401008 + 16 * (uint64_t)i,
                                 .function = span_of(name)};
    dump_writer_goroutine(w, &g);
    dump_writer_frame(w, &f);
    dump_writer_word(w, HEAP);
    dump_writer_field(w, 0);
    dump_writer_close(w);
}

static void write_crowd(struct crowd *c)
{
    struct err err = {0};
    const struct sink sink = test_collect(&c->bytes);
    struct dump_writer *w = dump_writer_new(&sink);
    const struct heap_params p = {.pointer_bytes = 8,
                                  .arena_start = HEAP,
                                  .arena_end = HEAP + (UINT64_C(1) << 32),
                                  .arch = SPAN_LIT("amd64"),
                                  .build = SPAN_LIT("go1.23.5"),
                                  .n_cpu = 2};
    assert_non_null(w);
    dump_writer_params(w, &p);
    write_list(w, c->n_objects);
    for (unsigned i = 0; i < c->n_goroutines; i++) {
        write_goroutine(w, i);
    }
    dump_writer_bss(w, 0x600000, 8);
    dump_writer_zeros(w, 8);
    dump_writer_close(w);
    assert_ok(dump_writer_end(w, &err), &err);
    dump_writer_free(w);
}

/* False with ERR_LIMIT where judging takes more than the limit. */
static bool judge(struct crowd *c, uint64_t limit_bytes, struct err *err)
{
    struct judged_dump *d = &c->dump;
    const struct heap_graph_options o = {.memory_limit_bytes = limit_bytes};
    c->bytes = TEST_COLLECTOR;
    write_crowd(c);
    const struct span bytes = {c->bytes.bytes.data, c->bytes.bytes.len};
    assert_ok(heap_graph_build(bytes, &o, &d->graph, err), err);
    assert_ok(heap_dominators_build(d->graph, &o, &d->dominators, err), err);
    d->facts = (struct heap_facts){d->graph, d->dominators, NULL, NULL};
    assert_ok(heap_view_new(&d->facts, &d->view, err), err);
    const struct dump_evidence e = judged_evidence(d);
    return rules_judge_dump(&e, NULL, &d->findings, err);
}

static void release(struct crowd *c)
{
    judged_dump_release(&c->dump);
    buf_release(&c->bytes.bytes);
}

static void many_groups_take_no_time_by_the_square(void **state)
{
    (void)state;
    struct err err = {0};
    struct crowd c = {.n_goroutines = 40000, .n_objects = 4};
    const clock_t begin = clock();
    assert_ok(judge(&c, 0, &err), &err);
    /* Minutes where each was compared with all others. */
    assert_true(clock() - begin < 15 * CLOCKS_PER_SEC);
    assert_int_equal(c.dump.findings.n, c.n_goroutines);
    release(&c);
}

static void what_many_groups_reach_is_walked_for_some_of_them(void **state)
{
    (void)state;
    struct err err = {0};
    struct crowd c = {.n_goroutines = 500, .n_objects = 2000};
    size_t n_asked = 0;
    double retained_bytes = 0;
    assert_ok(judge(&c, 0, &err), &err);
    assert_int_equal(c.dump.findings.n, c.n_goroutines);
    for (size_t i = 0; i < c.dump.findings.n; i++) {
        const struct finding *f = &c.dump.findings.items[i];
        n_asked += isnan(f->holder->reachable_bytes) ? 0 : 1;
        retained_bytes += f->holder->retained_bytes;
    }
    /* One walk is enough to know what all of them hold together. */
    assert_true(retained_bytes == OBJECT_BYTES * (double)c.n_objects);
    assert_in_range(n_asked, 50, 100);
    release(&c);
}

static void findings_keep_to_the_limit_of_memory(void **state)
{
    (void)state;
    struct err err = {0};
    struct crowd c = {.n_goroutines = 10000, .n_objects = 4};
    assert_false(judge(&c, 12 << 20, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_true(span_starts(span_of(err.text), "findings of a heap dump need"));
    release(&c);
}

static void what_is_held_is_told_before_what_is_shared(void **state)
{
    (void)state;
    struct err err = {0};
    struct crowd c = {.n_goroutines = 2, .n_objects = 4};
    assert_ok(judge(&c, 0, &err), &err);
    assert_int_equal(c.dump.findings.n, 2);
    const struct finding *second = &c.dump.findings.items[1];
    assert_string_equal(second->evidence[0],
                        "it holds 0 B in 0 objects that nobody who may go on "
                        "reaches");
    assert_string_equal(second->evidence[1],
                        "it holds 256 B more together with other goroutines "
                        "that nothing can wake, counted with them");
    release(&c);
}

/* Importing is not enough: the linker asks who calls it. */
static void a_dump_without_samples_says_what_turned_them_off(void **state)
{
    (void)state;
    struct err err = {0};
    struct crowd c = {.n_goroutines = 2, .n_objects = 4};
    assert_ok(judge(&c, 0, &err), &err);
    const struct findings *f = &c.dump.findings;
    assert_true(f->n_notes > 0 &&
                strstr(f->notes[f->n_notes - 1],
                       "programs that use neither runtime/pprof nor "
                       "net/http/pprof"));
    release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_groups_take_no_time_by_the_square),
        cmocka_unit_test(what_many_groups_reach_is_walked_for_some_of_them),
        cmocka_unit_test(what_is_held_is_told_before_what_is_shared),
        cmocka_unit_test(a_dump_without_samples_says_what_turned_them_off),
        cmocka_unit_test(findings_keep_to_the_limit_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
