/* How one name became another, and what else the same word is in. */
#include "test.h"

#include "profile/profile.h"

#include <string.h>

static struct buf identity(const char *function)
{
    struct buf out = BUF_LIMIT(1 << 10);
    name_identity(&out, span_of(function));
    assert_true(buf_ok(&out));
    return out;
}

/* clang-format off */
static const struct change_case {
    const char *old, *now;
    int part; /* -2: not one word */
} change_cases[] = {
    {"main.old",                     "main.young",                    0 },
    {"main.old.func1",               "main.young.func2.1",            0 },
    {"acme.dev/a.(*Log).Add",        "acme.dev/a.(*Log).Put",         1 },
    {"acme.dev/a.(*Log).Add",        "acme.dev/a.(*Ring).Add",        0 },
    {"acme.dev/a.Log.Add",           "acme.dev/a.Ring.Add",           0 },
    {"acme.dev/a.(*Log).Add",        "acme.dev/b.(*Log).Add",         -1},
    {"acme.dev/a.(*T[int]).Add",     "acme.dev/a.(*S[string]).Add",   0 },
    {"acme.dev/a.Map[int]",          "acme.dev/a.Each[string].func1", -2},
    {"main.same",                    "main.same",                     -2},
    {"main.same.func1",              "main.same.func2",               -2},
    {"acme.dev/a.(*Log).Add",        "acme.dev/a.(*Ring).Put",        -2},
    {"acme.dev/a.Add",               "acme.dev/b.Put",                -2},
    {"acme.dev/a.(*Log).Add",        "acme.dev/a.Add",                -2},
    {"acme.dev/a.(*Log).Add",        "acme.dev/a.Log.Add",            -2},
    {"main.old",                     "main.young.func1",              -2},
    {"crosscall2",                   "crosscall3",                    -2},
};
/* clang-format on */

static void a_change_is_of_one_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof change_cases / sizeof change_cases[0]; i++) {
        const struct change_case *c = &change_cases[i];
        struct buf old = identity(c->old);
        struct buf now = identity(c->now);
        struct buf back = BUF_LIMIT(1 << 10);
        struct name_change change;
        const bool is_one =
            name_change_between(buf_view(&old), buf_view(&now), &change);
        if (is_one != (c->part != -2) || (is_one && change.part != c->part)) {
            fail_msg("%s, %s: part %d", c->old, c->now, change.part);
        }
        if (is_one) {
            assert_true(name_change_undo(&change, buf_view(&now), &back));
            assert_true(span_eq(buf_view(&back), buf_view(&old)));
        }
        buf_release(&old);
        buf_release(&now);
        buf_release(&back);
    }
}

static void a_key_is_shared_by_what_differs_in_its_part(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof change_cases / sizeof change_cases[0]; i++) {
        const struct change_case *c = &change_cases[i];
        struct buf old = identity(c->old);
        struct buf now = identity(c->now);
        bool has_shared = false;
        for (int part = -1; part < NAME_CHANGE_PARTS_MAX; part++) {
            struct buf a = BUF_LIMIT(1 << 10);
            struct buf b = BUF_LIMIT(1 << 10);
            has_shared |= name_change_key(buf_view(&old), part, &a) &&
                          name_change_key(buf_view(&now), part, &b) &&
                          span_eq(buf_view(&a), buf_view(&b));
            buf_release(&a);
            buf_release(&b);
        }
        const bool is_same = span_eq(buf_view(&old), buf_view(&now));
        assert_int_equal(has_shared, is_same || c->part != -2);
        buf_release(&old);
        buf_release(&now);
    }
}

/* clang-format off */
static const struct undo_case {
    const char *old, *now, *name, *wanted; /* NULL: not concerned */
} undo_cases[] = {
    {"main.old", "main.young", "main.young.func1", "main.old.func*"},
    {"main.old", "main.young", "main.younger", NULL},
    {"main.old", "main.young", "acme.dev/main.young", NULL},
    {"a/b.(*Log).Add", "a/b.(*Ring).Add", "a/b.(*Ring).Put.func1", "a/b.(*Log).Put.func*"},
    {"a/b.(*Log).Add", "a/b.(*Ring).Add", "a/b.Ring.Len", "a/b.Log.Len"},
    {"a/b.(*Log).Add", "a/b.(*Ring).Add", "a/b.Ring", NULL},
    {"a/b.(*Log[int]).Add", "a/b.(*Ring[int]).Add", "a/b.(*Ring[string]).Len", "a/b.(*Log[...]).Len"},
    {"a/b.(*Log).Add", "a/b.(*Log).Put", "a/b.(*Log).Len", NULL},
    {"a/b.(*Log).Add", "a/c.(*Log).Add", "a/c.New", "a/b.New"},
    {"a/b.(*Log).Add", "a/c.(*Log).Add", "a/c/d.New", NULL},
};
/* clang-format on */

static void what_has_the_word_was_renamed_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof undo_cases / sizeof undo_cases[0]; i++) {
        const struct undo_case *c = &undo_cases[i];
        struct buf old = identity(c->old);
        struct buf now = identity(c->now);
        struct buf name = identity(c->name);
        struct buf out = BUF_LIMIT(1 << 10);
        struct name_change change;
        assert_true(
            name_change_between(buf_view(&old), buf_view(&now), &change));
        const bool is_undone = name_change_undo(&change, buf_view(&name), &out);
        if (is_undone != (c->wanted != NULL) ||
            (is_undone && !span_is(buf_view(&out), c->wanted))) {
            fail_msg("%s: %.*s", c->name, (int)out.len, out.data);
        }
        buf_release(&old);
        buf_release(&now);
        buf_release(&name);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_of_one_word),
        cmocka_unit_test(a_key_is_shared_by_what_differs_in_its_part),
        cmocka_unit_test(what_has_the_word_was_renamed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
