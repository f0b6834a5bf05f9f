/* What a patch renamed, and what it only put in the place of another. */
#include "review/made_repository.h"

#include "review/patch_private.h"

#include <stdlib.h>
#include <string.h>

#define FILE_OF(name) "--- a/" name "\n+++ b/" name "\n"
#define KEEP                                                                   \
    " \tfor i := range items {\n \t\tout = append(out, items[i])\n \t}\n"      \
    " \treturn out\n }\n"
#define DELETED(name)                                                          \
    "-func " name "(items []int) (out []int) {\n"                              \
    "-\tfor i := range items {\n-\t\tout = append(out, items[i])\n-\t}\n"      \
    "-\treturn out\n-}\n"
#define ADDED(name)                                                            \
    "+func " name "(items []int) (out []int) {\n"                              \
    "+\tfor i := range items {\n+\t\tout = append(out, items[i])\n+\t}\n"      \
    "+\treturn out\n+}\n"
/* Of another text than those above. */
#define OTHER(sign, name)                                                      \
    sign "func " name "(n int) map[string]int {\n" sign                        \
         "\tall := make(map[string]int, n)\n" sign                             \
         "\tgo func() { all[\"x\"] = n }()\n" sign "\treturn all\n" sign "}\n"

/* clang-format off */
static const struct naming_case {
    const char *what, *diff, *path, *function;
    enum patch_naming naming;
    const char *old; /* NULL none */
} cases[] = {
    {"a declaration", FILE_OF("api/db.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "api/db.go", "acme.dev/shop/api.young", PATCH_NAME_CHANGED, "acme.dev/shop/api.old"},
    {"its closure", FILE_OF("api/db.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "api/db.go", "acme.dev/shop/api.young.func1", PATCH_NAME_CHANGED, "acme.dev/shop/api.old.func*"},
    {"of another file", FILE_OF("api/db.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "api/x.go", "acme.dev/shop/api.young", PATCH_NAME_KEPT, NULL},
    {"the line alone", FILE_OF("api/db.go") "@@ -1 +1 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n",
     "api/db.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"a recursive one", FILE_OF("f.go") "@@ -1,3 +1,3 @@\n-func old(n int) int {\n-\treturn old(n - 1)\n+func young(n int) int {\n+\treturn young(n - 1)\n }\n",
     "f.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"a method", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func (l *Log[T]) Add(items []int) (out []int) {\n+func (l *Log[T]) Put(items []int) (out []int) {\n" KEEP,
     "f.go", "a/b.(*Log[go.shape.int]).Put", PATCH_NAME_CHANGED, "a/b.(*Log[...]).Add"},
    {"a receiver", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func (l *Log) Add(items []int) (out []int) {\n+func (l *Ring) Add(items []int) (out []int) {\n" KEEP,
     "f.go", "a/b.(*Ring).Add.func2", PATCH_NAME_CHANGED, "a/b.(*Log).Add.func*"},
    {"a value's receiver", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func (l Log) Add(items []int) (out []int) {\n+func (l Ring) Add(items []int) (out []int) {\n" KEEP,
     "f.go", "a/b.Ring.Add", PATCH_NAME_CHANGED, "a/b.Log.Add"},
    {"one that stays", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "f.go", "main.other", PATCH_NAME_KEPT, NULL},
    {"far from each other", FILE_OF("f.go") "@@ -1,6 +0,0 @@\n" DELETED("old") "@@ -90,0 +84,6 @@\n" ADDED("young"),
     "f.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"in another file", FILE_OF("f.go") "@@ -1,6 +0,0 @@\n" DELETED("old") FILE_OF("g.go") "@@ -9,0 +9,6 @@\n" ADDED("young"),
     "g.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"moved alone", FILE_OF("f.go") "@@ -1,6 +0,0 @@\n" DELETED("same") FILE_OF("g.go") "@@ -9,0 +9,6 @@\n" ADDED("same"),
     "g.go", "main.same", PATCH_NAME_KEPT, NULL},
    {"to another package", FILE_OF("a/f.go") "@@ -1,6 +0,0 @@\n" DELETED("same") FILE_OF("b/g.go") "@@ -9,0 +9,6 @@\n" ADDED("same"),
     "b/g.go", "acme.dev/b.same", PATCH_NAME_CHANGED, "acme.dev/a.same"},
    {"a renamed folder", "diff --git a/a/f.go b/b/f.go\nsimilarity index 100%\nrename from a/f.go\nrename to b/f.go\n",
     "b/f.go", "acme.dev/b.(*T).Run", PATCH_NAME_CHANGED, "acme.dev/a.(*T).Run"},
    {"a copied folder", "diff --git a/a/f.go b/b/f.go\nsimilarity index 100%\ncopy from a/f.go\ncopy to b/f.go\n",
     "b/f.go", "acme.dev/b.(*T).Run", PATCH_NAME_KEPT, NULL},
    {"main of a renamed folder", "diff --git a/a/f.go b/b/f.go\nsimilarity index 100%\nrename from a/f.go\nrename to b/f.go\n",
     "b/f.go", "main.run", PATCH_NAME_KEPT, NULL},
    {"two commits", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func mid(items []int) (out []int) {\n" KEEP
     FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func mid(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "f.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    /* Others in the place of what is gone. */
    {"another text", FILE_OF("f.go") "@@ -1,6 +1,5 @@\n" DELETED("old") OTHER("+", "young"),
     "f.go", "main.young", PATCH_NAME_NEW, NULL},
    {"two that could be it", FILE_OF("f.go") "@@ -1,6 +1,12 @@\n" DELETED("old") ADDED("young") ADDED("younger"),
     "f.go", "main.young", PATCH_NAME_NEW, NULL},
    {"one that could be two", FILE_OF("f.go") "@@ -1,12 +1,6 @@\n" DELETED("old") DELETED("older") ADDED("young"),
     "f.go", "main.young", PATCH_NAME_NEW, NULL},
    {"the better of two", FILE_OF("f.go") "@@ -1,11 +1,6 @@\n" DELETED("old") OTHER("-", "older") ADDED("young"),
     "f.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"nothing is gone", FILE_OF("f.go") "@@ -0,0 +1,6 @@\n" ADDED("young"),
     "f.go", "main.young", PATCH_NAME_NEW, NULL},
    {"a method of a function", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func (t T) old(items []int) (out []int) {\n" KEEP,
     "f.go", "main.T.old", PATCH_NAME_NEW, NULL},
    /* One file for each system. */
    {"two files of a name", FILE_OF("a.go") "@@ -1,6 +0,0 @@\n" DELETED("old") FILE_OF("f_linux.go") "@@ -0,0 +1,5 @@\n" OTHER("+", "young") FILE_OF("f_windows.go") "@@ -0,0 +1,5 @@\n" OTHER("+", "young"),
     "f_linux.go", "main.young", PATCH_NAME_NEW, NULL},
    {"the other of them", FILE_OF("a.go") "@@ -1,6 +0,0 @@\n" DELETED("old") FILE_OF("f_linux.go") "@@ -0,0 +1,5 @@\n" OTHER("+", "young") FILE_OF("f_windows.go") "@@ -0,0 +1,5 @@\n" OTHER("+", "young"),
     "f_windows.go", "main.young", PATCH_NAME_NEW, NULL},
    {"renamed in two files", FILE_OF("f_linux.go") "@@ -1,6 +1,6 @@\n" DELETED("old") ADDED("young") FILE_OF("f_windows.go") "@@ -1,6 +1,6 @@\n" DELETED("old") ADDED("young"),
     "f_linux.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"and in the other", FILE_OF("f_linux.go") "@@ -1,6 +1,6 @@\n" DELETED("old") ADDED("young") FILE_OF("f_windows.go") "@@ -1,6 +1,6 @@\n" DELETED("old") ADDED("young"),
     "f_windows.go", "main.young", PATCH_NAME_CHANGED, "main.old"},
    {"no path", FILE_OF("f.go") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     NULL, "main.young", PATCH_NAME_UNSAID, NULL},
    {"no source of Go", FILE_OF("f.c") "@@ -1,6 +1,6 @@\n-func old(items []int) (out []int) {\n+func young(items []int) (out []int) {\n" KEEP,
     "f.c", "main.young", PATCH_NAME_KEPT, NULL},
};
/* clang-format on */

static void check(const struct patch *p, const struct naming_case *c)
{
    struct buf old = BUF_LIMIT(1 << 10);
    const enum patch_naming naming =
        patch_naming(p, c->path, c->function, &old);
    if (naming != c->naming ||
        !span_is(buf_view(&old), c->old != NULL ? c->old : "")) {
        fail_msg("%s: %d %.*s", c->what, (int)naming, (int)old.len,
                 old.data != NULL ? old.data : "");
    }
    buf_release(&old);
}

static void names_before_are_those_of_the_same_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct patch *p = NULL;
        struct err err = {0};
        assert_ok(patch_read(span_of(cases[i].diff), NULL, &p, &err), &err);
        check(p, &cases[i]);
        patch_free(p);
    }
}

/* With the source at hand whole functions are compared, not what hunks show. */
static void sources_show_more_than_hunks(void **state)
{
    static const char text[] =
        "package f\n\nfunc young() {\n\ta()\n\tb()\n\tc()\n\td()\n\te()\n}\n";
    static const char diff[] = FILE_OF(
        "f.go") "@@ -3,2 +3,2 @@\n-func old() {\n+func young() {\n \ta()\n"
                "@@ -6,3 +6,3 @@\n-\tx(1, 2)\n-\ty(3, 4)\n-\tz(5)\n+\tc()\n"
                "+\td()\n+\te()\n";
    static const struct naming_case by_hunks = {
        "hunks", diff, "f.go", "main.young", PATCH_NAME_CHANGED, "main.old"};
    static const struct naming_case by_source = {
        "source", diff, "f.go", "main.young", PATCH_NAME_NEW, NULL};
    struct made_repository r = {0};
    struct err err = {0};
    struct patch *p = NULL;
    (void)state;
    made_add(&r, "f.go", text);
    struct paths_files files = made_files(&r);
    assert_ok(patch_read(span_of(diff), NULL, &p, &err), &err);
    check(p, &by_hunks);
    patch_free(p);
    assert_ok(patch_read(span_of(diff), &files, &p, &err), &err);
    check(p, &by_source);
    patch_free(p);
}

/* Whoever writes a patch decides how many functions it has; of those that were
   not looked at each may be new. */
static void too_many_are_left_alone(void **state)
{
    enum { FUNCTIONS = 20000 };
    struct buf diff = BUF_LIMIT(16 << 20);
    struct err err = {0};
    struct patch *p = NULL;
    (void)state;
    buf_printf(&diff, FILE_OF("f.go") "@@ -1,%d +1,%d @@\n", FUNCTIONS,
               FUNCTIONS);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < FUNCTIONS; i++) {
            buf_printf(&diff, "%cfunc %s%d() { run(%d) }\n", "-+"[side],
                       side == 0 ? "old" : "young", i, i);
        }
    }
    assert_true(buf_ok(&diff));
    assert_ok(patch_read(buf_view(&diff), NULL, &p, &err), &err);
    const struct naming_case c = {"many",        NULL,           "f.go",
                                  "main.young7", PATCH_NAME_NEW, NULL};
    const struct naming_case elsewhere = {
        "elsewhere", NULL, "g.go", "main.young7", PATCH_NAME_KEPT, NULL};
    check(p, &c);
    check(p, &elsewhere);
    patch_free(p);
    buf_release(&diff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_before_are_those_of_the_same_text),
        cmocka_unit_test(sources_show_more_than_hunks),
        cmocka_unit_test(too_many_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
