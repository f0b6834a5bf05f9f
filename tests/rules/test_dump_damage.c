/* Parts of a dump may be missing although nothing in it looks damaged: then
   the runtime counted more than there is. */
#include "test.h"

#include "heap/heap.h"
#include "rules/rules.h"

static void what_memstats_counts_beyond_the_objects_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t counted, there;
        bool has_memstats, is_missing;
    } rows[] = {
        {"agrees",              1000000, 1000000, true,  false},
        {"next to nothing",     1000000, 995000,  true,  false},
        {"a part is not there", 1000000, 939000,  true,  true },
        {"all is missing",      1000000, 0,       true,  true },
        {"more than counted",   1000000, 1100000, true,  false},
        {"nothing counted",     0,       500,     true,  false},
        {"no MemStats",         1000000, 0,       false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct heap_memstats m = {.heap_alloc = rows[i].counted};
        const struct heap_about a = {.has_memstats = rows[i].has_memstats,
                                     .memstats = &m,
                                     .object_bytes = rows[i].there};
        print_message("%s\n", rows[i].what);
        assert_int_equal(rules_dump_missing(&a) > 0, rows[i].is_missing);
        assert_true(rules_dump_missing(&a) <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_memstats_counts_beyond_the_objects_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
