/* A finding keeps its ids when functions get other names: by the patch, or by a
   source that stayed the same. Whatever could be a new leak is one. */
#include "review/made_findings.h"
#include "review/made_repository.h"

/* Sites of made findings are at line 88: a body's second line. */
static char *source_of(const char *functions)
{
    struct buf text = BUF_LIMIT(1 << 12);
    buf_str(&text, "package main\n");
    for (int line = 2; line < 87; line++) {
        buf_char(&text, '\n');
    }
    buf_str(&text, functions);
    assert_true(buf_ok(&text));
    return text.data;
}

/* What a run found, with the checkout that it was built of. */
struct made_run {
    struct made *made;
    struct made_repository repository;
    struct paths *paths;
    char *source;
};

static void identify(struct finding *f)
{
    struct finding_ids ids;
    struct err err = {0};
    assert_ok(finding_identify(f, false, &ids, &err), &err);
    memcpy(f->id, ids.id, sizeof(f->id));
    memcpy(f->loose_id, ids.loose_id, sizeof(f->loose_id));
}

static struct made_run *run_new(const char *functions)
{
    static const struct path_map maps[] = {
        {"/src/orders", "."}
    };
    struct made_run *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->made = made_new();
    r->source = source_of(functions);
    made_add(&r->repository, "dispatcher.go", r->source);
    const struct paths_options o = {
        .maps = maps, .n_maps = 1, .files = made_files(&r->repository)};
    r->paths = paths_new(&o);
    assert_non_null(r->paths);
    return r;
}

static void run_free(struct made_run *r)
{
    paths_free(r->paths);
    made_free(r->made);
    free(r->source);
    free(r);
}

static struct finding *found(struct made_run *r, const char *site, double level)
{
    struct finding *f = made_goroutines(r->made, site, GRADE_STRONG, level);
    identify(f);
    return f;
}

static struct baseline saved(struct made_run *r, const struct patch *patch)
{
    struct baseline b;
    struct err err = {0};
    made_review(r->made,
                &(struct review_options){.paths = r->paths, .patch = patch});
    assert_ok(baseline_of_findings(&r->made->findings, &b, &err), &err);
    b.is_document = false;
    return b;
}

#define FUNCTION(name, body) "func " name "() {\n\t" body "\n}\n"
#define OLD                  FUNCTION("old", "wait(done)")
#define YOUNG                FUNCTION("young", "wait(done)")

/* clang-format off */
static const struct name_case {
    const char *what, *base_source, *head_source, *old, *young;
    double level;
    const char *state, *by; /* NULL: not renamed */
} cases[] = {
    {"a function", OLD, YOUNG, "main.old", "main.young", 100, "existing", "source"},
    {"its closure", OLD, YOUNG, "main.old.func1", "main.young.func2", 100, "existing", "source"},
    {"a receiver", "func (a *A) run() {\n\twait()\n}\n", "func (b *B) run() {\n\twait()\n}\n",
     "main.(*A).run", "main.(*B).run", 100, "new", NULL}, /* `b` is another word */
    {"a receiver's type", "func (a *A) run() {\n\twait()\n}\n", "func (a *B) run() {\n\twait()\n}\n",
     "main.(*A).run", "main.(*B).run", 100, "existing", "source"},
    {"more of it", OLD, YOUNG, "main.old", "main.young", 180, "worse", "source"},
    {"beside another", OLD, YOUNG FUNCTION("other", "x()"), "main.old", "main.young", 100, "existing", "source"},
    /* What could be new. */
    {"much more", OLD, YOUNG, "main.old", "main.young", 201, "new", NULL},
    {"much less", OLD, YOUNG, "main.old", "main.young", 49, "new", NULL},
    {"another text", OLD, FUNCTION("young", "wait(other)"), "main.old", "main.young", 100, "new", NULL},
    {"the old one is there", OLD, YOUNG OLD, "main.old", "main.young", 100, "new", NULL},
    {"two of that text", OLD, YOUNG FUNCTION("younger", "wait(done)"), "main.old", "main.young", 100, "new", NULL},
    {"two words", OLD, YOUNG, "main.old", "main.(*T).young", 100, "new", NULL},
    {"no source before", "", YOUNG, "main.old", "main.young", 100, "new", NULL},
    {"no source now", OLD, "", "main.old", "main.young", 100, "new", NULL},
};
/* clang-format on */

static void the_source_tells_what_was_renamed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct name_case *c = &cases[i];
        struct made_run *base = run_new(c->base_source);
        struct made_run *head = run_new(c->head_source);
        (void)found(base, c->old, 100);
        struct baseline b = saved(base, NULL);
        struct finding *f = found(head, c->young, c->level);
        char own[17];
        memcpy(own, f->id, sizeof(own));
        made_review(head->made, &(struct review_options){.paths = head->paths,
                                                         .baseline = &b});
        f = &head->made->findings.items[0];
        if (strcmp(f->state, c->state) != 0 ||
            (f->renamed != NULL) != (c->by != NULL)) {
            fail_msg("%s: %s", c->what, f->state);
        }
        assert_string_equal(f->id, c->by != NULL ? b.items[0].id : own);
        if (c->by != NULL) {
            assert_string_equal(f->renamed->by, c->by);
            assert_string_equal(f->renamed->id, own);
            assert_string_equal(f->loose_id, b.items[0].loose_id);
            assert_int_equal(head->made->findings.n, 1);
        }
        baseline_release(&b);
        run_free(base);
        run_free(head);
    }
}

/* Its twin in another file of the package has the same text, and the baseline's
   name. */
static void the_old_name_may_be_in_another_file(void **state)
{
    static const struct {
        const char *path;
        bool is_renamed, is_too_large;
    } rows[] = {
        {"a.go",      false, false},
        {"z.go",      false, false},
        {"else/a.go", true,  false},
        {"else/a.go", false, true }, /* who knows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made_run *base = run_new(OLD);
        struct made_run *head = run_new(YOUNG);
        made_add(&head->repository, rows[i].path, "package main\n" OLD);
        head->repository.is_too_large = rows[i].is_too_large;
        (void)found(base, "main.old", 100);
        struct baseline b = saved(base, NULL);
        (void)found(head, "main.young", 100);
        made_review(head->made, &(struct review_options){.paths = head->paths,
                                                         .baseline = &b});
        const struct finding *f = &head->made->findings.items[0];
        if ((f->renamed != NULL) != rows[i].is_renamed) {
            fail_msg("row %zu", i);
        }
        baseline_release(&b);
        run_free(base);
        run_free(head);
    }
}

/* Other callers: as another way to the same function, so no rename. */
static void callers_must_be_the_same(void **state)
{
    struct made_run *base = run_new(OLD);
    struct made_run *head = run_new(YOUNG);
    (void)state;
    (void)found(base, "main.old", 100);
    struct baseline b = saved(base, NULL);
    (void)found(head, "main.young", 100);
    head->made->frames[0][3].function = "main.other";
    identify(&head->made->items[0]);
    made_review(head->made,
                &(struct review_options){.paths = head->paths, .baseline = &b});
    assert_string_equal(head->made->findings.items[0].state, "new");
    baseline_release(&b);
    run_free(base);
    run_free(head);
}

/* --- the patch --- */

#define PATCH                                                                  \
    "--- a/dispatcher.go\n+++ b/dispatcher.go\n@@ -87,3 +87,3 @@\n"            \
    "-func old() {\n+func young() {\n \twait(done)\n }\n"
#define REPLACED                                                               \
    "--- a/dispatcher.go\n+++ b/dispatcher.go\n@@ -87,3 +87,3 @@\n"            \
    "-func old() {\n-\twait(done)\n-}\n+func young() {\n+\tx <- y[7]\n+}\n"

static struct patch *patch_of(const char *diff)
{
    struct patch *p = NULL;
    struct err err = {0};
    assert_ok(patch_read(span_of(diff), NULL, &p, &err), &err);
    return p;
}

static void the_patch_tells_what_was_renamed(void **state)
{
    struct made_run *base = run_new("");
    struct made_run *head = run_new(YOUNG);
    struct patch *patch = patch_of(PATCH);
    (void)state;
    struct finding *old = found(base, "main.old", 100);
    struct baseline b = saved(base, NULL);
    (void)found(head, "main.young", 1000);
    made_review(head->made, &(struct review_options){.paths = head->paths,
                                                     .patch = patch,
                                                     .baseline = &b});
    const struct finding *f = &head->made->findings.items[0];
    assert_string_equal(f->state, "worse");
    assert_string_equal(f->id, old->id);
    assert_string_equal(f->loose_id, old->loose_id);
    assert_string_equal(f->renamed->from, "main.old");
    assert_string_equal(f->renamed->by, "patch");
    assert_int_equal(head->made->findings.n, 1);
    baseline_release(&b);
    patch_free(patch);
    run_free(base);
    run_free(head);
}

/* Without a baseline a forge may follow it all the same; but two that would
   have one id keep their own. */
static void ids_stay_apart(void **state)
{
    struct made_run *head = run_new(YOUNG);
    struct patch *patch = patch_of(PATCH);
    (void)state;
    (void)found(head, "main.young", 100);
    struct finding *old = found(head, "main.old", 100);
    made_review(head->made,
                &(struct review_options){.paths = head->paths, .patch = patch});
    for (size_t i = 0; i < 2; i++) {
        assert_null(head->made->findings.items[i].renamed);
    }
    assert_string_not_equal(head->made->findings.items[0].id, old->id);
    patch_free(patch);
    run_free(head);
}

static void what_the_patch_declares_anew_is_new(void **state)
{
    struct made_run *base = run_new(OLD);
    struct made_run *head = run_new(FUNCTION("young", "x <- y[7]"));
    struct patch *patch = patch_of(REPLACED);
    (void)state;
    (void)found(base, "main.old", 100);
    struct baseline b = saved(base, NULL);
    b.items[0].text = 0;
    (void)found(head, "main.young", 100);
    made_review(head->made, &(struct review_options){.paths = head->paths,
                                                     .patch = patch,
                                                     .baseline = &b});
    assert_string_equal(head->made->findings.items[0].state, "new");
    assert_null(head->made->findings.items[0].renamed);
    baseline_release(&b);
    patch_free(patch);
    run_free(base);
    run_free(head);
}

/* Its twin was deleted, so it was no other before. */
static void what_was_beside_the_old_one_is_another(void **state)
{
    struct patch *patch = patch_of(
        "--- a/dispatcher.go\n+++ b/dispatcher.go\n@@ -87,6 +87,3 @@\n"
        "-func old() {\n-\twait(done)\n-}\n func young() {\n \twait(done)\n"
        " }\n");
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct made_run *base = run_new(OLD YOUNG);
        struct made_run *head = run_new(YOUNG);
        (void)found(base, "main.old", 100);
        struct baseline b = saved(base, NULL);
        (void)found(head, "main.young", 100);
        made_review(head->made,
                    &(struct review_options){.paths = head->paths,
                                             .patch = i == 0 ? patch : NULL,
                                             .baseline = &b});
        /* Without the patch nothing tells. */
        assert_string_equal(head->made->findings.items[0].state,
                            i == 0 ? "new" : "existing");
        baseline_release(&b);
        run_free(base);
        run_free(head);
    }
    patch_free(patch);
}

/* --- later --- */

/* A baseline that was saved when the patch told has both ids: then neither a
   run that knows the old name nor one that does not finds a new leak. */
static void the_baseline_knows_both_names(void **state)
{
    struct made_run *first = run_new(YOUNG);
    struct patch *patch = patch_of(PATCH);
    (void)state;
    (void)found(first, "main.young", 100);
    struct baseline b = saved(first, patch);
    assert_int_equal(strlen(b.items[0].own_id), 16);
    for (int i = 0; i < 2; i++) {
        struct made_run *later = run_new(YOUNG);
        (void)found(later, "main.young", 100);
        made_review(later->made,
                    &(struct review_options){.paths = later->paths,
                                             .patch = i == 0 ? patch : NULL,
                                             .baseline = &b});
        const struct finding *f = &later->made->findings.items[0];
        assert_string_equal(f->state, "existing");
        assert_string_equal(f->id, b.items[0].id);
        assert_string_equal(f->renamed->by, i == 0 ? "patch" : "baseline");
        assert_int_equal(later->made->findings.n, 1);
        run_free(later);
    }
    baseline_release(&b);
    patch_free(patch);
    run_free(first);
}

/* And one that was saved under the new name alone, too. */
static void the_new_name_is_found_by_the_patch(void **state)
{
    struct made_run *first = run_new(YOUNG);
    struct made_run *later = run_new(YOUNG);
    struct patch *patch = patch_of(PATCH);
    (void)state;
    (void)found(first, "main.young", 100);
    struct baseline b = saved(first, NULL);
    (void)found(later, "main.young", 100);
    made_review(later->made, &(struct review_options){.paths = later->paths,
                                                      .patch = patch,
                                                      .baseline = &b});
    const struct finding *f = &later->made->findings.items[0];
    assert_string_equal(f->state, "existing");
    assert_string_equal(f->id, b.items[0].id);
    assert_null(f->renamed);
    baseline_release(&b);
    patch_free(patch);
    run_free(first);
    run_free(later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_tells_what_was_renamed),
        cmocka_unit_test(the_old_name_may_be_in_another_file),
        cmocka_unit_test(callers_must_be_the_same),
        cmocka_unit_test(the_patch_tells_what_was_renamed),
        cmocka_unit_test(ids_stay_apart),
        cmocka_unit_test(what_the_patch_declares_anew_is_new),
        cmocka_unit_test(what_was_beside_the_old_one_is_another),
        cmocka_unit_test(the_baseline_knows_both_names),
        cmocka_unit_test(the_new_name_is_found_by_the_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
