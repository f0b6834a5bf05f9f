#include "test.h"

#include "base/intern.h"

#include <stdio.h>
#include <string.h>

enum { N_NAMES = 20000 };

static struct span name_of(char *room, size_t bytes, unsigned i)
{
    (void)snprintf(room, bytes, "main.(*Type%u).Method%u", i % 77, i);
    return span_of(room);
}

static void ids_are_dense_in_order_of_first_sight(void **state)
{
    (void)state;
    struct intern t = {0};
    struct err err = {0};
    char room[64];
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < N_NAMES; i++) {
            uint32_t id = UINT32_MAX;
            assert_true(
                intern_add(&t, name_of(room, sizeof(room), i), &id, &err));
            assert_int_equal(id, i);
        }
    }
    assert_int_equal(intern_count(&t), N_NAMES);
    for (unsigned i = 0; i < N_NAMES; i++) {
        const struct span name = name_of(room, sizeof(room), i);
        uint32_t id = UINT32_MAX;
        assert_true(intern_find(&t, name, &id));
        assert_int_equal(id, i);
        assert_string_equal(intern_text(&t, id), name.p);
    }
    intern_release(&t);
}

static void empty_text_and_nul_bytes_are_text(void **state)
{
    (void)state;
    struct intern t = {0};
    struct err err = {0};
    uint32_t id = 9;
    assert_false(intern_find(&t, SPAN_LIT(""), &id));
    assert_true(intern_add(&t, (struct span){0}, &id, &err));
    assert_int_equal(id, 0);
    assert_true(intern_add(&t, SPAN_LIT(""), &id, &err));
    assert_int_equal(id, 0);
    assert_true(intern_add(&t, SPAN_LIT("a\0b"), &id, &err));
    assert_int_equal(id, 1);
    assert_true(intern_add(&t, SPAN_LIT("a"), &id, &err));
    assert_int_equal(id, 2);
    assert_true(span_eq(intern_span(&t, 1), SPAN_LIT("a\0b")));
    assert_false(intern_find(&t, SPAN_LIT("a\0c"), &id));
    intern_release(&t);
}

static bool intern_some(void *ctx, struct err *err)
{
    (void)ctx;
    struct intern t = {0};
    char room[64];
    bool ok = true;
    for (unsigned i = 0; ok && i < 300; i++) {
        uint32_t id = 0;
        ok = intern_add(&t, name_of(room, sizeof(room), i), &id, err);
    }
    intern_release(&t);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    assert_true(oom_walk(intern_some, NULL) >= 8);
}

static bool add_until_failure(struct intern *t, struct err *err)
{
    char room[64];
    for (unsigned i = 0; i < 300; i++) {
        uint32_t id = 0;
        if (!intern_add(t, name_of(room, sizeof(room), i), &id, err)) {
            return false;
        }
        assert_int_equal(id, i);
    }
    return true;
}

static void a_failed_add_changes_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 12; n++) {
        struct intern t = {0};
        struct err err = {0};
        oom_fail_at(n, false);
        (void)add_until_failure(&t, &err);
        oom_fail_at(0, false);
        assert_true(add_until_failure(&t, &err));
        assert_int_equal(intern_count(&t), 300);
        intern_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_dense_in_order_of_first_sight),
        cmocka_unit_test(empty_text_and_nul_bytes_are_text),
        cmocka_unit_test(memory_may_end_at_any_time),
        cmocka_unit_test(a_failed_add_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
