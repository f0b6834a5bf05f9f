/* Parts of a dump may be missing although nothing in it looks damaged: then
   the runtime counted more than there is, or lists more goroutines. */
#include "heap/dump_fixture.h"
#include "test.h"

#include "heap/heap.h"
#include "rules/rules.h"

static void what_memstats_counts_beyond_the_objects_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t counted, there, n_to_lost;
        bool has_memstats, is_missing;
    } rows[] = {
        {"agrees",                    1000000, 1000000, 0, true,  false},
        {"next to nothing",           1000000, 995000,  1, true,  false},
        {"a part is not there",       1000000, 939000,  1, true,  true },
        {"garbage a collection left", 1000000, 400000,  0, true,  false},
        {"all is missing",            1000000, 0,       0, true,  true },
        {"more than counted",         1000000, 1100000, 1, true,  false},
        {"nothing counted",           0,       500,     1, true,  false},
        {"no MemStats",               1000000, 0,       1, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct heap_memstats m = {.heap_alloc = rows[i].counted};
        const struct heap_about a = {.has_memstats = rows[i].has_memstats,
                                     .memstats = &m,
                                     .n_to_lost = rows[i].n_to_lost,
                                     .n_objects = rows[i].there > 0,
                                     .object_bytes = rows[i].there};
        print_message("%s\n", rows[i].what);
        assert_int_equal(rules_dump_missing(&a) > 0, rows[i].is_missing);
        assert_true(rules_dump_missing(&a) <= 1);
    }
}

static void a_goroutine_without_a_record_is_a_missing_part(void **state)
{
    (void)state;
    for (size_t n_recorded = FIXTURE_N_LISTED; n_recorded > 4; n_recorded--) {
        struct fixture f;
        struct err err = {0};
        const struct heap_graph_options o = {0};
        struct heap_graph *g = NULL;
        const struct span dump = fixture_listed(&f, false, false, n_recorded);
        assert_ok(heap_graph_build(dump, &o, &g, &err), &err);
        const struct heap_facts facts = {.graph = g};
        const struct dump_evidence e = {.facts = &facts};
        assert_int_equal(rules_dump_is_whole(&e),
                         n_recorded == FIXTURE_N_LISTED);
        heap_graph_free(g);
        fixture_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goroutine_without_a_record_is_a_missing_part),
        cmocka_unit_test(what_memstats_counts_beyond_the_objects_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
