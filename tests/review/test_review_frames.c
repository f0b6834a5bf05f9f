/* Which frame a forge shows: what the patch touched, else the user's own. */
#include "review/made_findings.h"

/* A repository with the sources of the made findings at its root. */
static bool has(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "dispatcher.go") == 0 || strcmp(path, "main.go") == 0;
}

static const char *text(void *ctx, const char *path)
{
    (void)ctx;
    (void)path;
    return NULL;
}

static struct paths *paths_of_orders(void)
{
    static const struct path_map maps[] = {
        {"/src/orders", "."}
    };
    const struct paths_options o = {
        .maps = maps, .n_maps = 1, .files = {.has = has, .text = text}
    };
    struct paths *p = paths_new(&o);
    assert_non_null(p);
    return p;
}

static struct patch *patch_of(const char *diff)
{
    struct patch *p = NULL;
    struct err err = {0};
    assert_ok(patch_read(span_of(diff), NULL, &p, &err), &err);
    return p;
}

/* A change of one line of a file, in a function. */
#define CHANGE(file, line, function)                                           \
    "--- a/" file "\n+++ b/" file "\n@@ -" line " +" line " @@ " function      \
    "\n-old\n+new\n"

static void without_a_patch_the_site_is_shown(void **state)
{
    struct made *m = made_new();
    struct paths *paths = paths_of_orders();
    (void)state;
    (void)made_goroutines(m, "main.await", GRADE_STRONG, 9);
    made_review(m, &(struct review_options){.paths = paths});
    const struct finding *f = &m->findings.items[0];
    assert_ptr_equal(f->primary, &f->site);
    assert_string_equal(f->primary->mark->path, "dispatcher.go");
    assert_null(f->patched);
    assert_null(f->stack[0].mark->path);
    assert_string_equal(f->stack[3].mark->path, "main.go");
    paths_free(paths);
    made_free(m);
}

static void the_changed_line_is_shown_first(void **state)
{
    static const struct {
        const char *diff, *function;
        enum frame_touch touch;
    } rows[] = {
        {CHANGE("main.go",       "20",     ""),                  "main.serve",              TOUCH_LINE},
        {CHANGE("dispatcher.go", "88",     ""),                  "main.await",              TOUCH_LINE},
        {CHANGE("dispatcher.go", "61",     ""),                  "main.(*Dispatcher).Send",
         TOUCH_LINE                                                                                   },
        {CHANGE("dispatcher.go", "61",     "") CHANGE("main.go", "20",                      ""),
         "main.serve", TOUCH_LINE},
        {CHANGE("dispatcher.go",            "80",                    "func await() {")
             CHANGE("main.go",                   "20",                             ""),
         "main.serve", TOUCH_LINE},
        {CHANGE("dispatcher.go",                   "90",                     "func await() {"),                               "main.await",
         TOUCH_FUNCTION                                            },
        {CHANGE("other.go",     "88",""),                                         NULL,                                                                  TOUCH_NONE               },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made *m = made_new();
        struct paths *paths = paths_of_orders();
        struct patch *patch = patch_of(rows[i].diff);
        (void)made_goroutines(m, "main.await", GRADE_STRONG, 9);
        made_review(m,
                    &(struct review_options){.paths = paths, .patch = patch});
        const struct finding *f = &m->findings.items[0];
        if (rows[i].function == NULL) {
            assert_null(f->patched);
            assert_ptr_equal(f->primary, &f->site);
        } else {
            assert_non_null(f->patched);
            assert_ptr_equal(f->primary, f->patched);
            assert_string_equal(f->patched->function, rows[i].function);
            assert_int_equal(f->patched->mark->touch, rows[i].touch);
        }
        patch_free(patch);
        paths_free(paths);
        made_free(m);
    }
}

/* What the patch touched ranks first, whatever its grade; pointers into the
   findings follow them. */
static void touched_findings_come_first(void **state)
{
    struct made *m = made_new();
    struct paths *paths = paths_of_orders();
    struct patch *patch = patch_of(CHANGE("dispatcher.go", "7", ""));
    (void)state;
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 9);
    (void)made_goroutines(m, "main.b", GRADE_SUSPECT, 9);
    (void)made_goroutines(m, "main.c", GRADE_SUSPECT, 9);
    m->items[2].creator.line = 7;
    made_review(m, &(struct review_options){.paths = paths, .patch = patch});
    const struct finding *f = m->findings.items;
    assert_string_equal(f[0].site.function, "main.c");
    assert_ptr_equal(f[0].patched, &f[0].creator);
    assert_ptr_equal(f[0].primary, &f[0].creator);
    assert_string_equal(f[1].site.function, "main.a");
    assert_ptr_equal(f[1].primary, &f[1].site);
    assert_ptr_equal(f[2].primary, &f[2].site);
    patch_free(patch);
    paths_free(paths);
    made_free(m);
}

/* Code that has no place in the repository is shown nowhere, and told. */
static void what_has_no_place_is_told(void **state)
{
    struct made *m = made_new();
    const struct paths_options o = {
        .files = {.has = has, .text = text},
          .is_asked = true
    };
    struct paths *paths = paths_new(&o);
    (void)state;
    (void)made_goroutines(m, "main.await", GRADE_STRONG, 9);
    made_review(m, &(struct review_options){.paths = paths});
    assert_null(m->findings.items[0].primary);
    assert_true(made_has_note(&m->findings, "--path-map FROM=TO"));
    paths_free(paths);
    made_free(m);
}

static void a_patch_without_a_repository_is_told(void **state)
{
    struct made *m = made_new();
    struct patch *patch = patch_of(CHANGE("main.go", "7", ""));
    (void)state;
    made_review(m, &(struct review_options){.patch = patch});
    assert_true(made_has_note(&m->findings, "the patch marks nothing"));
    patch_free(patch);
    made_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_patch_the_site_is_shown),
        cmocka_unit_test(the_changed_line_is_shown_first),
        cmocka_unit_test(touched_findings_come_first),
        cmocka_unit_test(what_has_no_place_is_told),
        cmocka_unit_test(a_patch_without_a_repository_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
