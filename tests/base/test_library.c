/* Libraries are loaded whole or not at all. */
#include "test.h"

#include "base/library.h"

static double (*cosine)(double);

static void functions_are_found(void **state)
{
    (void)state;
    struct err err = {0};
    const struct library_function functions[] = {
        {"cos", &cosine}
    };
    assert_ok(library_load("libm.so.6", functions, 1, &err), &err);
    assert_true(cosine(0) == 1);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    const struct library_function functions[] = {
        {"no_such", &cosine}
    };
    assert_false(library_load("libm.so.6", functions, 1, &err));
    assert_err(&err, ERR_IO, "libm.so.6 has no no_such()");
    assert_false(library_load("libnone.so.1", functions, 1, &err));
    assert_err(&err, ERR_IO,
               "libnone.so.1 is not installed, or cannot be loaded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_found),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
