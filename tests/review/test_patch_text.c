/* What a unified diff touches, and what is wrong with one. */
#include "review/made_repository.h"

#include "base/buf.h"
#include "review/patch_private.h"

#include <stdio.h>
#include <stdlib.h>

static struct patch *read_with(const char *diff, struct made_repository *r)
{
    struct patch *p = NULL;
    struct err err = {0};
    struct paths_files files = {0};
    if (r != NULL) {
        files = made_files(r);
    }
    assert_ok(patch_read(span_of(diff), r != NULL ? &files : NULL, &p, &err),
              &err);
    return p;
}

/* --- names --- */

struct name_case {
    const char *what, *diff, *name;
};

#define HUNK "@@ -1 +1 @@\n-a\n+b\n"

/* clang-format off */
static const struct name_case name_cases[] = {
    {"git", "diff --git a/api/db.go b/api/db.go\nindex 1..2 100644\n--- a/api/db.go\n+++ b/api/db.go\n" HUNK, "api/db.go"},
    {"git, no prefix", "diff --git api/db.go api/db.go\n--- api/db.go\n+++ api/db.go\n" HUNK, "api/db.go"},
    {"git, no prefix, folder a", "diff --git a/db.go a/db.go\n--- a/db.go\n+++ a/db.go\n" HUNK, "a/db.go"},
    {"git, other prefixes", "diff --git i/api/db.go w/api/db.go\n--- i/api/db.go\n+++ w/api/db.go\n" HUNK, "api/db.go"},
    {"git, new", "diff --git a/x.go b/x.go\nnew file mode 100644\n--- /dev/null\n+++ b/x.go\n@@ -0,0 +1 @@\n+b\n", "x.go"},
    {"git, deleted", "diff --git a/x.go b/x.go\ndeleted file mode 100644\n--- a/x.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n", "x.go"},
    {"git, new, no prefix", "diff --git b/x.go b/x.go\nnew file mode 100644\n--- /dev/null\n+++ b/x.go\n@@ -0,0 +1 @@\n+b\n", "b/x.go"},
    {"git, renamed", "diff --git a/x.go b/y z.go\nsimilarity index 90%\nrename from x.go\nrename to y z.go\n--- a/x.go\n+++ b/y z.go\t\n" HUNK, "y z.go"},
    {"git, renamed alone", "diff --git a/x.go b/y.go\nsimilarity index 100%\nrename from x.go\nrename to y.go\n", "y.go"},
    {"git, binary", "diff --git a/x.png b/x.png\nindex 1..2\nBinary files a/x.png and b/x.png differ\n", "x.png"},
    {"git, mode alone", "diff --git a/run me b/run me\nold mode 100644\nnew mode 100755\n", "run me"},
    {"git, quoted", "diff --git \"a/\\303\\274 \\\"q\\\".go\" \"b/\\303\\274 \\\"q\\\".go\"\n--- \"a/\\303\\274 \\\"q\\\".go\"\n+++ \"b/\\303\\274 \\\"q\\\".go\"\n" HUNK, "\xc3\xbc \"q\".go"},
    {"git, blank in a name", "diff --git a/a b/c.go b/a b/c.go\n--- a/a b/c.go\t\n+++ b/a b/c.go\t\n" HUNK, "a b/c.go"},
    {"git, CRLF", "diff --git a/x.go b/x.go\r\n--- a/x.go\r\n+++ b/x.go\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n", "x.go"},
    {"a mail", "From 1 Mon\nSubject: x\n\n--- \n api.go | 2 +-\n\ndiff --git a/x.go b/x.go\n--- a/x.go\n+++ b/x.go\n" HUNK "-- \n2.39.5\n\n", "x.go"},
    {"git log", "commit 1\nAuthor: x\n\n    --- a/no.go\n\ndiff --git a/x.go b/x.go\n--- a/x.go\n+++ b/x.go\n" HUNK "\ncommit 2\n", "x.go"},
    {"plain", "--- api/db.go.orig\t2026-01-01 10:00:00.000000000 +0000\n+++ api/db.go\t2026-01-01 11:00:00.000000000 +0000\n" HUNK, "api/db.go"},
    {"plain, two folders", "diff -ru old/api/db.go new/api/db.go\n--- old/api/db.go\t2026\n+++ new/api/db.go\t2026\n" HUNK, "api/db.go"},
    {"plain, one name", "Index: api/db.go\n====\n--- api/db.go\t(revision 1)\n+++ api/db.go\t(working copy)\n" HUNK, "api/db.go"},
    {"blank context without its blank", "--- x.go\n+++ x.go\n@@ -1,3 +1,3 @@\n-a\n+b\n\n c\n", "x.go"},
    {"lines like headers", "--- x.go\n+++ x.go\n@@ -1,2 +1,2 @@\n--- a\n-@@ -1\n+++ b\n+diff --git a/q b/q\n", "x.go"},
    {"no line end at the end", "--- x.go\n+++ x.go\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n", "x.go"},
    {"no line end of the patch", "--- x.go\n+++ x.go\n@@ -1 +1 @@\n-a\n+b", "x.go"},
};
/* clang-format on */

static void names_are_those_from_the_root(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(name_cases) / sizeof(*name_cases); i++) {
        const struct name_case *c = &name_cases[i];
        struct patch *p = read_with(c->diff, NULL);
        if (patch_n_files(p) != 1 || strcmp(patch_file(p, 0), c->name) != 0) {
            fail_msg("%s: %zu files, %s", c->what, patch_n_files(p),
                     patch_n_files(p) != 0 ? patch_file(p, 0) : "");
        }
        patch_free(p);
    }
}

static void folders_of_a_plain_diff_may_lie_deep(void **state)
{
    (void)state;
    struct made_repository r = {0};
    made_add(&r, "api/db.go", "b\n");
    made_add(&r, "db.go", "c\n");
    struct patch *p = read_with(
        "--- /tmp/1/shop/api/db.go\n+++ /tmp/2/shop/api/db.go\n" HUNK, &r);
    assert_string_equal(patch_file(p, 0), "api/db.go");
    patch_free(p);
    /* Not taken for a file that the lines do not fit. */
    p = read_with("--- x/other/db.go\n+++ y/other/db.go\n" HUNK, &r);
    assert_string_equal(patch_file(p, 0), "other/db.go");
    patch_free(p);
}

/* --- errors --- */

struct bad_case {
    const char *diff, *text;
};

/* clang-format off */
static const struct bad_case bad_cases[] = {
    {"hello\n", "line 1: not a unified diff"},
    {"@@ -1 +1 @@\n-a\n+b\n", "line 1: a hunk of no file"},
    {"--- a\n+++ b\n@@ -1,2 +1 @@\n-a\n+b\n", "line 3: the hunk is cut off: 1 old and 0 new lines are missing"},
    {"--- a\n+++ b\n@@ -1 +1 @@\n-a\n-b\n", "line 5: not what the hunk's header in line 3 promises"},
    {"--- a\n+++ b\n@@ -1,2 +1,2 @@\n-a\nb\n", "line 5: not what the hunk's header in line 3 promises"},
    {"--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n+c\n", "line 6: the hunk above goes on after its end"},
    {"--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n c\n", "line 6: the hunk above goes on after its end"},
    {"--- a\n+++ b\n@@ -x +1 @@\n", "line 3: not a hunk's header"},
    {"--- a\n+++ b\n@@ -1 +1\n", "line 3: not a hunk's header"},
    {"--- a\n+++ b\n@@ -1 +99999999999 @@\n", "line 3: not a hunk's header"},
    {"--- a\n+++ b\n@@ -9 +9 @@\n-a\n+b\n@@ -3 +3 @@\n-a\n+b\n", "line 6: the hunk lies before the one above it"},
    {"diff --cc x.go\n@@@ -1,1 -1,1 +1,1 @@@\n", "line 1: the diff of a merge against several parents; give git diff A B"},
    {"--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "line 5: the file above has no name, or too long a one"},
};
/* clang-format on */

static void a_bad_patch_is_one_line_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(*bad_cases); i++) {
        struct patch *p = NULL;
        struct err err = {0};
        assert_false(patch_read(span_of(bad_cases[i].diff), NULL, &p, &err));
        assert_null(p);
        assert_err(&err, ERR_FORMAT, bad_cases[i].text);
    }
}

static void a_patch_of_nothing_touches_nothing(void **state)
{
    (void)state;
    const char *const empty[] = {"", "\n \n"};
    for (size_t i = 0; i < 2; i++) {
        struct patch *p = read_with(empty[i], NULL);
        assert_int_equal(patch_n_files(p), 0);
        assert_int_equal(patch_touch(p, "x.go", "main.f", 1), TOUCH_NONE);
        patch_free(p);
    }
}

static void a_patch_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    const size_t n = ((size_t)50 << 20) + 1;
    char *text = calloc(n, 1);
    assert_non_null(text);
    memset(text, '\n', n);
    struct patch *p = NULL;
    struct err err = {0};
    assert_false(patch_read((struct span){text, n}, NULL, &p, &err));
    assert_err(&err, ERR_LIMIT, "longer than 50 MiB");
    assert_true(patch_read((struct span){text, n - 1}, NULL, &p, &err));
    patch_free(p);
    free(text);
}

/* --- touching --- */

static const char before[] = "package api\n"
                             "\n"
                             "func A() {\n"
                             "\ta1()\n"
                             "\ta2()\n"
                             "}\n"
                             "\n"
                             "func (d *DB) B() {\n"
                             "\tb1()\n"
                             "\tb2()\n"
                             "}\n"
                             "\n"
                             "func C() {\n"
                             "\tc1()\n"
                             "}\n";
static const char after[] = "package api\n"
                            "\n"
                            "func A() {\n"
                            "\ta1()\n"
                            "\tgo func() {\n"
                            "\t\ta2()\n"
                            "\t}()\n"
                            "}\n"
                            "\n"
                            "func (d *DB) B() {\n"
                            "\tb2()\n"
                            "}\n"
                            "\n"
                            "func C() {\n"
                            "\tc1()\n"
                            "}\n";
static const char change[] = "--- a/api/db.go\n"
                             "+++ b/api/db.go\n"
                             "@@ -2,10 +2,11 @@ package api\n"
                             " \n"
                             " func A() {\n"
                             " \ta1()\n"
                             "-\ta2()\n"
                             "+\tgo func() {\n"
                             "+\t\ta2()\n"
                             "+\t}()\n"
                             " }\n"
                             " \n"
                             " func (d *DB) B() {\n"
                             "-\tb1()\n"
                             " \tb2()\n"
                             " }\n";

struct touch_case {
    const char *function;
    int64_t line; /* of the new version */
    enum frame_touch want;
};

static const struct touch_case touch_cases[] = {
    {"acme.dev/api.A.func1",       6,  TOUCH_LINE    },
    {"acme.dev/api.A",             5,  TOUCH_LINE    },
    {"acme.dev/api.A",             4,  TOUCH_FUNCTION},
    {"acme.dev/api.A",             0,  TOUCH_FUNCTION},
    {"acme.dev/api.(*DB).B",       11, TOUCH_FUNCTION},
    {"acme.dev/api.(*DB).B.func1", 0,  TOUCH_FUNCTION},
    {"acme.dev/api.C",             15, TOUCH_NONE    },
    {"acme.dev/api.(*Other).B",    99, TOUCH_NONE    },
    {"acme.dev/api.(*DB[int]).B",  11, TOUCH_FUNCTION},
    {"acme.dev/api.C",             -1, TOUCH_NONE    },
    {"acme.dev/api.C",             0,  TOUCH_NONE    },
};

static void assert_touches(const struct patch *p, const char *what)
{
    for (size_t i = 0; i < sizeof(touch_cases) / sizeof(*touch_cases); i++) {
        const struct touch_case *c = &touch_cases[i];
        const enum frame_touch got =
            patch_touch(p, "api/db.go", c->function, c->line);
        if (got != c->want) {
            fail_msg("%s: %s at %d: %d instead of %d", what, c->function,
                     (int)c->line, (int)got, (int)c->want);
        }
        assert_int_equal(patch_touch(p, "db.go", c->function, c->line),
                         TOUCH_NONE);
    }
    assert_int_equal(patch_touch(p, NULL, "main.f", 6), TOUCH_NONE);
}

static void changed_lines_and_their_functions_are_touched(void **state)
{
    (void)state;
    const struct {
        const char *what, *text;
        size_t n_unfit;
    } versions[] = {
        {"after",   after,           0},
        {"before",  before,          0},
        {"neither", "package api\n", 1},
    };
    struct patch *p = read_with(change, NULL);
    assert_touches(p, "no sources");
    assert_int_equal(patch_unfit(p).n, 0);
    patch_free(p);
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        struct made_repository r = {0};
        made_add(&r, "api/db.go", versions[i].text);
        p = read_with(change, &r);
        assert_touches(p, versions[i].what);
        assert_int_equal(patch_unfit(p).n, versions[i].n_unfit);
        patch_free(p);
    }
}

static void a_line_of_another_function_is_another_versions(void **state)
{
    (void)state;
    struct made_repository r = {0};
    made_add(&r, "api/db.go", after);
    struct patch *p = read_with(change, &r);
    /* Line 6 was C's in the build; now it is A's. */
    assert_int_equal(patch_touch(p, "api/db.go", "acme.dev/api.C", 6),
                     TOUCH_NONE);
    assert_int_equal(patch_touch(p, "api/db.go", "acme.dev/api.(*DB).B", 6),
                     TOUCH_FUNCTION);
    assert_int_equal(
        patch_touch(p, "api/db.go", "acme.dev/api.Outer.A.func1", 6),
        TOUCH_LINE);
    patch_free(p);
}

static void lines_without_context_are_enough_with_sources(void **state)
{
    (void)state;
    const char bare[] = "--- a/api/db.go\n"
                        "+++ b/api/db.go\n"
                        "@@ -5 +5,3 @@ func A() {\n"
                        "-\ta2()\n"
                        "+\tgo func() {\n"
                        "+\t\ta2()\n"
                        "+\t}()\n"
                        "@@ -9 +10,0 @@ func (d *DB) B() {\n"
                        "-\tb1()\n";
    struct made_repository r = {0};
    made_add(&r, "api/db.go", after);
    struct patch *p = read_with(bare, &r);
    assert_touches(p, "without context");
    patch_free(p);
    p = read_with(bare, NULL);
    assert_touches(p, "without context or sources");
    patch_free(p);
}

static void headings_of_functions_that_have_ended_touch_nothing(void **state)
{
    (void)state;
    struct patch *p = read_with("--- a/x.go\n"
                                "+++ b/x.go\n"
                                "@@ -8,3 +8,7 @@ func A() {\n"
                                " }\n"
                                " \n"
                                "+func N() int { return 1 }\n"
                                "+\n"
                                "+var limit = 3\n"
                                "+\n"
                                " type T struct {\n"
                                "@@ -20,2 +24,3 @@ func B(\n"
                                " )\n"
                                "+// a comment\n"
                                " func C() {\n",
                                NULL);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 4), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "x.go", "main.B", 4), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "x.go", "main.C", 40), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "x.go", "main.N", 10), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "x.go", "main.N", 1), TOUCH_FUNCTION);
    patch_free(p);
}

static void a_deleted_function_touches_no_neighbour(void **state)
{
    (void)state;
    struct made_repository r = {0};
    made_add(&r, "x.go",
             "package x\n\nfunc A() {\n\ta()\n}\n\nfunc C() {\n\tc()\n}\n");
    struct patch *p = read_with("--- a/x.go\n"
                                "+++ b/x.go\n"
                                "@@ -6,5 +6,2 @@ func A() {\n"
                                " \n"
                                "-func B() {\n"
                                "-}\n"
                                "-\n"
                                " func C() {\n",
                                &r);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 4), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "x.go", "main.C", 8), TOUCH_NONE);
    patch_free(p);
}

/* A file twice, as in a series of commits: both parts count. */
static void a_file_may_come_twice(void **state)
{
    (void)state;
    struct patch *p = read_with("--- a/x.go\n+++ b/x.go\n@@ -1 +1 @@\n-a\n+b\n"
                                "--- a/x.go\n+++ b/x.go\n@@ -9 +9 @@\n-a\n+b\n"
                                "--- a/a.go\n+++ b/a.go\n@@ -5 +5 @@\n-a\n+b\n",
                                NULL);
    assert_int_equal(patch_n_files(p), 2);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 1), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 9), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 5), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "a.go", "main.A", 5), TOUCH_LINE);
    patch_free(p);
}

/* --- hostile --- */

struct counting {
    struct paths_files files;
    size_t n_asked;
};

static bool counting_has(void *ctx, const char *path)
{
    struct counting *c = ctx;
    (void)path;
    c->n_asked++;
    return false;
}

/* Each beginning of a name is a look at the disk. */
static void a_long_name_is_looked_for_a_few_times(void **state)
{
    (void)state;
    struct counting c = {.n_asked = 0};
    struct patch *p = NULL;
    struct err err = {0};
    struct buf diff = BUF_LIMIT(1 << 16);
    for (int i = 0; i < 2; i++) {
        buf_str(&diff, i == 0 ? "--- " : "+++ ");
        for (int k = 0; k < 1900; k++) {
            buf_str(&diff, "x/");
        }
        buf_str(&diff, "y.go\n");
    }
    buf_str(&diff, "@@ -1 +1 @@\n-a\n+b\n");
    c.files =
        (struct paths_files){.ctx = &c, .has = counting_has, .text = made_text};
    assert_ok(patch_read(buf_view(&diff), &c.files, &p, &err), &err);
    assert_in_range(c.n_asked, 1, 20);
    patch_free(p);
    buf_release(&diff);
}

/* A frame asks for the changes of its file: as many parts as the patch names
   it in are one by then. */
static void a_file_of_many_parts_is_one(void **state)
{
    enum { PARTS = 20000 };
    (void)state;
    struct buf diff = BUF_LIMIT(4 << 20);
    for (int i = 0; i < PARTS; i++) {
        buf_printf(&diff,
                   "--- a/x.go\n+++ b/x.go\n@@ -%d +%d @@ func A() {\n-a\n+b\n",
                   i % 100 + 1, i % 100 + 1);
    }
    struct patch *p = read_with(diff.data, NULL);
    assert_int_equal(patch_n_files(p), 1);
    const struct patch_file *f = &p->files.items[0];
    assert_int_equal(f->added.n, 100);
    assert_int_equal(f->functions.n, 1);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 100), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "x.go", "main.A", 101), TOUCH_FUNCTION);
    patch_free(p);
    buf_release(&diff);
}

static void names_of_nothing_are_looked_for_so_often(void **state)
{
    (void)state;
    struct counting c = {.n_asked = 0};
    struct patch *p = NULL;
    struct err err = {0};
    struct buf diff = BUF_LIMIT(8 << 20);
    for (int i = 0; i < 30000; i++) {
        buf_printf(&diff, "--- a/b/%d.go\n+++ a/b/%d.go\n@@ -1 +1 @@\n-a\n+b\n",
                   i, i);
    }
    c.files =
        (struct paths_files){.ctx = &c, .has = counting_has, .text = made_text};
    assert_ok(patch_read(buf_view(&diff), &c.files, &p, &err), &err);
    assert_int_equal(c.n_asked, 20000);
    patch_free(p);
    buf_release(&diff);
}

static void many_foreign_files_are_not_all_asked_for(void **state)
{
    (void)state;
    struct counting c = {.n_asked = 0};
    struct buf diff = BUF_LIMIT(4 << 20);
    for (int i = 0; i < 3000; i++) {
        buf_printf(&diff, "--- a/x%d.go\n+++ b/x%d.go\n@@ -1 +1 @@\n-a\n+b\n",
                   i, i);
    }
    struct patch *p = read_with(diff.data, NULL);
    c.files = (struct paths_files){.ctx = &c, .has = counting_has};
    assert_true(patch_is_foreign(p, &c.files));
    assert_int_equal(c.n_asked, 1000);
    patch_free(p);
    buf_release(&diff);
}

/* Any text is read or refused, whatever bytes were turned in it. */
static void turned_bytes_never_crash(void **state)
{
    (void)state;
    uint64_t seed = 7;
    struct made_repository r = {0};
    made_add(&r, "api/db.go", after);
    const struct paths_files files = made_files(&r);
    char *text = malloc(sizeof(change));
    assert_non_null(text);
    unsigned n_read = 0;
    for (int round = 0; round < 4000; round++) {
        memcpy(text, change, sizeof(change));
        for (uint64_t n = test_random(&seed) % 4; n > 0; n--) {
            static const char bytes[] = "\n\r\t @-+\\0123456789/a\"\x80";
            text[test_random(&seed) % (sizeof(change) - 1)] =
                bytes[test_random(&seed) % sizeof(bytes)];
        }
        struct patch *p = NULL;
        struct err err = {0};
        const size_t len = test_random(&seed) % 8 == 0
                               ? test_random(&seed) % sizeof(change)
                               : sizeof(change) - 1;
        if (patch_read((struct span){text, len}, &files, &p, &err)) {
            n_read++;
            (void)patch_touch(p, "api/db.go", "acme.dev/api.A", 6);
            patch_free(p);
        }
    }
    free(text);
    assert_true(n_read > 200 && n_read < 3800);
}

static bool read_change(void *ctx, struct err *err)
{
    struct made_repository r = {0};
    made_add(&r, "api/db.go", ctx);
    const struct paths_files files = made_files(&r);
    struct patch *p = NULL;
    const bool ok = patch_read(span_of(change), &files, &p, err);
    patch_free(p);
    return ok;
}

static void memory_that_is_out_is_said(void **state)
{
    (void)state;
    char text[sizeof(before)];
    memcpy(text, before, sizeof(before));
    assert_true(oom_walk(read_change, text) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_from_the_root),
        cmocka_unit_test(folders_of_a_plain_diff_may_lie_deep),
        cmocka_unit_test(a_bad_patch_is_one_line_with_its_place),
        cmocka_unit_test(a_patch_of_nothing_touches_nothing),
        cmocka_unit_test(a_patch_beyond_the_limit_is_refused),
        cmocka_unit_test(changed_lines_and_their_functions_are_touched),
        cmocka_unit_test(a_line_of_another_function_is_another_versions),
        cmocka_unit_test(lines_without_context_are_enough_with_sources),
        cmocka_unit_test(headings_of_functions_that_have_ended_touch_nothing),
        cmocka_unit_test(a_deleted_function_touches_no_neighbour),
        cmocka_unit_test(a_file_may_come_twice),
        cmocka_unit_test(a_long_name_is_looked_for_a_few_times),
        cmocka_unit_test(a_file_of_many_parts_is_one),
        cmocka_unit_test(names_of_nothing_are_looked_for_so_often),
        cmocka_unit_test(many_foreign_files_are_not_all_asked_for),
        cmocka_unit_test(turned_bytes_never_crash),
        cmocka_unit_test(memory_that_is_out_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
