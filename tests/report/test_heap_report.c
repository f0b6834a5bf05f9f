/* What the head of a heap dump's report says of the dump as a whole. */
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

static void check_notes(struct span dump, bool is_garbage, bool is_cut)
{
    struct err err = {0};
    struct heap_graph *g = NULL;
    struct heap_dominators *d = NULL;
    const struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(dump, &o, &g, &err) &&
                  heap_dominators_build(g, &o, &d, &err),
              &err);
    const struct heap_facts facts = {.graph = g, .dominators = d};
    struct heap_report r = {.facts = &facts, .n_max = 5};
    assert_ok(heap_report_new(&r, &err) && heap_report_summary(&r, &err), &err);
    assert_int_equal(has_note(&r, "garbage that was not collected"),
                     is_garbage);
    assert_int_equal(has_note(&r, "it was cut off"), is_cut);
    heap_report_release(&r);
    heap_dominators_free(d);
    heap_graph_free(g);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_is_told_of_a_whole_dump_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
