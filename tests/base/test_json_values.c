#include "test.h"

#include "base/json_values.h"

#include <math.h>
#include <string.h>

static void whole_numbers_are_integers(void **state)
{
    static const struct {
        double v;
        json_type type;
    } rows[] = {
        {0,        JSON_INTEGER},
        {-306,     JSON_INTEGER},
        {0x1p52,   JSON_INTEGER},
        {0x1p53,   JSON_REAL   },
        {0.5,      JSON_REAL   },
        {NAN,      JSON_NULL   },
        {INFINITY, JSON_NULL   },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *v = json_of_number(rows[i].v);
        assert_int_equal(json_typeof(v), rows[i].type);
        json_decref(v);
    }
}

static void moments_are_texts(void **state)
{
    (void)state;
    json_t *v = json_of_moment(INT64_C(1795428000) * 1000000000);
    assert_string_equal(json_string_value(v), "2026-11-23T10:00:00Z");
    json_decref(v);
    v = json_of_moment(0);
    assert_true(json_is_null(v));
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_integers),
        cmocka_unit_test(moments_are_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
