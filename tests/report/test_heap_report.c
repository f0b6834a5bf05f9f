/* What the report of a heap dump says of the dump as a whole and of holders. */
#include "heap/dump_fixture.h"
#include "test.h"

#include "report/report.h"

/* Two objects refer to each other, and nobody to them. */
static void write_circle(struct fixture *f)
{
    fixture_begin(f, false, false, "go1.23.5");
    const uint64_t second = FIXTURE_SECOND;
    const uint64_t first = FIXTURE_FIRST;
    fixture_object(f, FIXTURE_FIRST, 32, &second, 1);
    fixture_object(f, FIXTURE_SECOND, 32, &first, 1);
}

static bool has_note(const struct heap_report *r, const char *part)
{
    for (size_t i = 0; i < r->n_notes; i++) {
        if (strstr(r->notes[i], part)) {
            return true;
        }
    }
    return false;
}

struct shown {
    struct heap_graph *graph;
    struct heap_dominators *dominators;
    struct heap_facts facts;
    struct heap_report report;
};

static void show(struct shown *s, struct span dump)
{
    struct err err = {0};
    const struct heap_graph_options o = {0};
    *s = (struct shown){
        .report = {.facts = &s->facts, .n_max = 5}
    };
    assert_ok(heap_graph_build(dump, &o, &s->graph, &err) &&
                  heap_dominators_build(s->graph, &o, &s->dominators, &err),
              &err);
    s->facts =
        (struct heap_facts){.graph = s->graph, .dominators = s->dominators};
    assert_ok(heap_report_new(&s->report, &err), &err);
}

static void shown_release(struct shown *s)
{
    heap_report_release(&s->report);
    heap_dominators_free(s->dominators);
    heap_graph_free(s->graph);
}

static void check_notes(struct span dump, bool is_garbage, bool is_cut)
{
    struct err err = {0};
    struct shown s;
    show(&s, dump);
    assert_ok(heap_report_summary(&s.report, &err), &err);
    assert_int_equal(has_note(&s.report, "garbage that was not collected"),
                     is_garbage);
    assert_int_equal(has_note(&s.report, "it was cut off"), is_cut);
    shown_release(&s);
}

static void garbage_is_told_of_a_whole_dump_only(void **state)
{
    (void)state;
    struct fixture f;
    write_circle(&f);
    const struct span dump = fixture_end(&f);
    check_notes(dump, true, false);
    check_notes(span_first(dump, dump.len - 1), false, true);
    fixture_release(&f);
}

/* --- finalizers --- */

/* Is `part` in any cell of the holders? */
static bool holders_say(const struct heap_report *r, const char *part)
{
    const struct report_table *t = &r->tables[0];
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        if (t->cells[i].text && strstr(t->cells[i].text, part)) {
            return true;
        }
    }
    return false;
}

static void only_those_queued_wait_for_a_finalizer(void **state)
{
    (void)state;
    for (unsigned is_queued = 0; is_queued < 2; is_queued++) {
        struct err err = {0};
        struct fixture f;
        struct shown s;
        const uint64_t first = FIXTURE_FIRST;
        const struct heap_finalizer finalizer = {.object = FIXTURE_FIRST,
                                                 .closure = FIXTURE_SECOND};
        fixture_begin(&f, false, false, "go1.23.5");
        fixture_object(&f, FIXTURE_FIRST, 32, NULL, 0);
        fixture_object(&f, FIXTURE_SECOND, 32, NULL, 0);
        if (!is_queued) {
            fixture_segment(&f, true, &first, 1);
        }
        dump_writer_finalizer(f.w, &finalizer, is_queued);
        show(&s, fixture_end(&f));
        assert_ok(heap_report_holders(&s.report, 0, &err), &err);
        assert_int_equal(
            holders_say(&s.report, "find what a finalizer waits for"),
            is_queued);
        assert_int_equal(holders_say(&s.report, "capture less"), !is_queued);
        shown_release(&s);
        fixture_release(&f);
    }
}

static void lost_goroutines_are_said(void **state)
{
    (void)state;
    struct fixture f;
    struct shown s;
    struct err err = {0};
    show(&s, fixture_listed(&f, false, false, 5));
    assert_ok(heap_report_summary(&s.report, &err), &err);
    assert_true(has_note(&s.report, "2 goroutines that live by the runtime's "
                                    "list are not in the dump"));
    shown_release(&s);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_goroutines_are_said),
        cmocka_unit_test(garbage_is_told_of_a_whole_dump_only),
        cmocka_unit_test(only_those_queued_wait_for_a_finalizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
