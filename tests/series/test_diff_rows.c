/* Each row is under its site, in order; a row of no site is nowhere. */
#include "test.h"

#include "series/diff_private.h"

static void rows_are_under_their_sites(void **state)
{
    static const uint32_t site_of_row[] = {2, DIFF_NO_SITE, 0, 2, 3, 0, 2};
    static const struct {
        size_t n;
        uint32_t rows[3];
    } want[] = {
        {2, {2, 5}   },
        {0, {0}      },
        {3, {0, 3, 6}},
        {1, {4}      },
    };
    (void)state;
    struct err err = {0};
    struct diff_layer l = {.n_sites = 4};
    struct diff_site_rows r = {0};
    for (size_t i = 0; i < sizeof site_of_row / sizeof site_of_row[0]; i++) {
        assert_true(vec_u32_push(&l.row_site, site_of_row[i]));
    }
    assert_ok(diff_rows_init(&r, &l, &err), &err);
    for (uint32_t site = 0; site < 4; site++) {
        size_t n = 0;
        const uint32_t *rows = diff_rows_of(&r, site, &n);
        assert_int_equal(n, want[site].n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(rows[i], want[site].rows[i]);
        }
    }
    diff_rows_release(&r);
    vec_u32_release(&l.row_site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_under_their_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
