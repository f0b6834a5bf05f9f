/* What a repository adds, from options and files. */
#include "test.h"

#include <stdio.h>
#include <unistd.h>

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/files.c"
#include "../../cmd/review_files.c"
#include "../../cmd/review_options.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* Nothing is written here. */
void console_guard(const char *path)
{
    (void)path;
}

enum { COMMAND_BYTES = 4096 };

struct world {
    struct arena arena;
    struct session session;
    struct review_settings s;
    struct review *review;
    struct err err;
    char dir[64];
    char back[PATH_MAX];
};

/* Below a folder of its own, which is the current one; in no repository but
   what a test makes: .git of seep itself lies further up. */
static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->session.arena = &w->arena;
    assert_non_null(getcwd(w->back, sizeof(w->back)));
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(w->dir, sizeof(w->dir), "%.40s/review.XXXXXX",
                   tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    assert_int_equal(chdir(w->dir), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[COMMAND_BYTES];
    review_free(w->review);
    arena_release(&w->arena);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    const int status = system(command) | chdir(w->back);
    free(w);
    return status;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void make_shop(void)
{
    assert_int_equal(system("mkdir -p shop/.git shop/api shop/cmd/server "
                            "shop/mail shop/node_modules/x"),
                     0);
    write_file("shop/go.mod", "module acme.dev/shop\n");
    write_file("shop/mail/go.mod", "module acme.dev/mail\n");
    write_file("shop/mail/send.go", "package mail\n\nfunc Send() {\n}\n");
    write_file("shop/api/db.go", "package api\n\nfunc Get() {\n\tb()\n}\n");
    write_file("shop/cmd/server/main.go",
               "package main\n\nfunc main() {\n\tapi.Get()\n}\n");
    write_file("shop/node_modules/x/main.go",
               "package main\n\nfunc main() {\n}\n");
    write_file("change.diff", "--- a/api/db.go\n+++ b/api/db.go\n"
                              "@@ -4 +4 @@ func Get() {\n-\ta()\n+\tb()\n");
}

static void load_it(struct world *w)
{
    assert_ok(review_load(&w->s, &w->session, &w->review, &w->err), &w->err);
}

static void assert_refused(struct world *w, enum err_code code,
                           const char *text)
{
    struct review *r = NULL;
    assert_false(review_load(&w->s, &w->session, &r, &w->err));
    assert_null(r);
    assert_err(&w->err, code, text);
}

/* One finding with the two frames of the shop. */
struct made {
    struct findings findings;
    struct finding finding;
    struct frame stack[2];
};

static void mark(struct world *w, struct made *m)
{
    *m = (struct made){0};
    m->stack[0] = (struct frame){.function = "acme.dev/shop/api.Get",
                                 .file = "/home/ci/build/api/db.go",
                                 .line = 4};
    m->stack[1] = (struct frame){.function = "main.main",
                                 .file = "/home/ci/build/cmd/server/main.go",
                                 .line = 4};
    m->finding = (struct finding){
        .id = "0123456789abcdef",
        .loose_id = "0123456789abcdef",
        .rule = rules_find("goroutine-chan-receive"),
        .grade = GRADE_STRONG,
        .profile = KIND_GOROUTINE,
        .has_site = true,
        .site = m->stack[0],
        .stack = m->stack,
        .n_stack = 2,
        .headline = "x",
    };
    m->findings = (struct findings){
        .verdict = VERDICT_LEAK, .items = &m->finding, .n = 1};
    assert_ok(review_mark(w->review, &m->findings, NULL, &w->err), &w->err);
}

static bool has_note(const struct made *m, const char *part)
{
    for (size_t i = 0; i < m->findings.n_notes; i++) {
        if (span_has(span_of(m->findings.notes[i]), part)) {
            return true;
        }
    }
    return false;
}

/* --- tests --- */

static void without_a_repository_nothing_is_added(void **state)
{
    struct world *w = *state;
    struct made m;
    load_it(w);
    mark(w, &m);
    assert_int_equal(m.findings.n_notes, 0);
    assert_null(m.findings.items[0].primary);
    assert_null(m.findings.items[0].site.mark->path);
    assert_false(review_only_new(w->review));
    assert_null(review_config(w->review)->module);
    arena_release(&m.findings.arena);
}

static void the_repository_is_the_one_around(void **state)
{
    struct world *w = *state;
    struct made m;
    make_shop();
    assert_int_equal(chdir("shop/api"), 0);
    w->s.patch = "../../change.diff";
    load_it(w);
    mark(w, &m);
    const struct finding *f = &m.findings.items[0];
    assert_string_equal(f->stack[0].mark->path, "api/db.go");
    assert_int_equal(f->stack[0].mark->touch, TOUCH_LINE);
    assert_string_equal(f->stack[1].mark->path, "cmd/server/main.go");
    assert_int_equal(f->stack[1].mark->touch, TOUCH_NONE);
    assert_ptr_equal(f->primary, f->patched);
    assert_int_equal(m.findings.n_notes, 0);
    arena_release(&m.findings.arena);
}

/* As `git diff --color=always` writes it, with any of its colours set to
   normal, and as `diff -u --color=always` does: the same patch. */
static void colours_of_a_patch_are_no_part_of_it(void **state)
{
    static const char *const patches[] = {
        "\x1b[1mdiff --git a/api/db.go b/api/db.go\x1b[m\n"
        "\x1b[1m--- a/api/db.go\x1b[m\n"
        "\x1b[1m+++ b/api/db.go\x1b[m\n"
        "\x1b[36m@@ -4 +4 @@\x1b[m \x1b[mfunc Get() {\x1b[m\n"
        "\x1b[31m-\x1b[m\ta()\x1b[K\n"
        "\x1b[32m+\x1b[m\t\x1b[1;32mb()\x1b[m\n",
        "diff --git a/api/db.go b/api/db.go\n"
        "--- a/api/db.go\n"
        "+++ b/api/db.go\n"
        "\x1b[36m@@ -4 +4 @@\x1b[m func Get() {\n"
        "\x1b[31m-\ta()\x1b[m\n"
        "\x1b[32m+\x1b[m\x1b[32m\tb()\x1b[m\n",
        "--- a/api/db.go\n"
        "+++ b/api/db.go\n"
        "@@ -4 +4 @@ func Get() {\n"
        "\x1b[38:5:1m-\ta()\x1b[m\n"
        "\x1b[38:5:2m+\tb()\x1b[m\n",
        "\x1b[1m--- a/api/db.go\t2026-11-28\x1b[0m\n"
        "\x1b[1m+++ b/api/db.go\t2026-11-28\x1b[0m\n"
        "\x1b[36m@@ -4 +4 @@\x1b[0m\n"
        "\x1b[31m-\ta()\x1b[0m\n"
        "\x1b[32m+\tb()\x1b[0m\n",
    };
    struct world *w = *state;
    make_shop();
    w->s.repository = "shop";
    w->s.patch = "change.diff";
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++) {
        struct made m;
        write_file("change.diff", patches[i]);
        load_it(w);
        mark(w, &m);
        const struct frame_mark *at = m.findings.items[0].stack[0].mark;
        if (at->touch != TOUCH_LINE || m.findings.n_notes != 0) {
            fail_msg("patch %zu", i);
        }
        arena_release(&m.findings.arena);
        review_free(w->review);
        w->review = NULL;
    }
}

/* A patch that nothing is read of is not one that touches nothing. */
static void a_patch_without_changed_lines_is_said(void **state)
{
    struct world *w = *state;
    struct made m;
    make_shop();
    write_file("change.diff", "diff --git a/api/db.go b/api/db.go\n"
                              "--- a/api/db.go\n"
                              "+++ b/api/db.go\n");
    w->s.repository = "shop";
    w->s.patch = "change.diff";
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, "no changed line could be read in the patch"));
    arena_release(&m.findings.arena);
}

/* Settings nearer than the root are read by nobody, which must be said. */
static void settings_below_the_root_are_not_read(void **state)
{
    struct world *w = *state;
    struct made m;
    make_shop();
    write_file("shop/cmd/.seep.yml", "fail-on: never\n");
    assert_int_equal(chdir("shop/cmd/server"), 0);
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, "../.seep.yml is not read: settings are those at "
                             "the root of the repository; --config "
                             "../.seep.yml reads it"));
    assert_int_equal(m.findings.n_notes, 1);
    arena_release(&m.findings.arena);
}

static void go_mod_marks_a_root_where_git_does_not(void **state)
{
    struct world *w = *state;
    make_shop();
    char inner[PATH_MAX];
    assert_non_null(realpath("shop/mail", inner));
    assert_string_equal(
        review_files_around("shop/mail", &w->arena),
        arena_printf(&w->arena, "%.*s", (int)(strlen(inner) - 5), inner));
    assert_int_equal(system("rm -r shop/.git"), 0);
    assert_string_equal(review_files_around("shop/mail", &w->arena), inner);
    assert_null(review_files_around("nowhere", &w->arena));
}

static void a_patch_of_other_files_is_said(void **state)
{
    struct world *w = *state;
    struct made m;
    make_shop();
    w->s.repository = "shop/mail";
    w->s.patch = "change.diff";
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, "no source of the patch is in the repository"));
    arena_release(&m.findings.arena);
}

static void names_never_lead_out_of_the_root(void **state)
{
    (void)state;
    make_shop();
    write_file("secret.go", "package secret\n");
    assert_int_equal(system("ln -s ../../secret.go shop/api/out.go; "
                            "ln -s ../.. shop/up; ln -s db.go shop/api/in.go; "
                            "touch shop/.git/config; mkfifo shop/pipe.go; "
                            "ln -s loop.go shop/loop.go; ln -s .. shop/back"),
                     0);
    struct review_files *f = NULL;
    struct err err = {0};
    assert_true(review_files_new("shop", &f, &err));
    assert_non_null(f);
    const struct paths_files files = review_files_view(f);
    const char *const yes[] = {"api/db.go", "go.mod", "api/in.go"};
    const char *const no[] = {"../secret.go",
                              "api/../../secret.go",
                              "api/out.go",
                              "up/secret.go",
                              "/etc/passwd",
                              "",
                              "api",
                              "api/",
                              "./api/db.go",
                              "api//db.go",
                              "api\\db.go",
                              ".git/config",
                              "api/db.go\n",
                              "pipe.go",
                              "loop.go",
                              "api/none.go",
                              "back/../secret.go"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        assert_true(files.has(files.ctx, yes[i]));
        assert_non_null(files.text(files.ctx, yes[i]));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        if (files.has(files.ctx, no[i]) ||
            files.text(files.ctx, no[i]) != NULL) {
            fail_msg("%s", no[i]);
        }
    }
    review_files_free(f);
}

static void sources_are_listed_without_those_of_others(void **state)
{
    (void)state;
    make_shop();
    assert_int_equal(system("mkdir -p shop/vendor/x && cp shop/api/db.go "
                            "shop/vendor/x && ln -s ../api shop/mail/api"),
                     0);
    struct review_files *f = NULL;
    struct err err = {0};
    assert_true(review_files_new("shop", &f, &err));
    assert_non_null(f);
    const struct paths_files files = review_files_view(f);
    size_t n = 0;
    const char *const *all = files.all(files.ctx, &n);
    const char *const want[] = {"api/db.go", "cmd/server/main.go", "go.mod",
                                "mail/go.mod", "mail/send.go"};
    assert_int_equal(n, sizeof(want) / sizeof(*want));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(all[i], want[i]);
    }
    review_files_free(f);
}

static void the_configuration_is_that_of_the_root(void **state)
{
    struct world *w = *state;
    make_shop();
    write_file("shop/.seep.yml", "fail-on: proven\n");
    write_file("other.yml", "fail-on: never\n");
    assert_int_equal(chdir("shop/api"), 0);
    load_it(w);
    assert_string_equal(review_config(w->review)->fail_on, "proven");
    review_free(w->review);
    w->s.config = "../../other.yml";
    load_it(w);
    assert_string_equal(review_config(w->review)->fail_on, "never");
    review_free(w->review);
    w->s.config = NULL;
    w->s.no_config = true;
    load_it(w);
    assert_null(review_config(w->review)->fail_on);
}

static void a_mistake_is_one_line(void **state)
{
    struct world *w = *state;
    make_shop();
    write_file("bad.diff", "--- a\n+++ b\n@@ -1,2 +1 @@\n-a\n+b\n");
    w->s.revisions = "A..B";
    assert_refused(w, ERR_USAGE,
                   "--rev: no repository around the current folder; name it "
                   "with --repo");
    w->s.patch = "change.diff";
    w->s.repository = "shop";
    assert_refused(w, ERR_USAGE, "--patch and --rev exclude each other");
    w->s.revisions = NULL;
    w->s.patch = "none.diff";
    assert_refused(w, ERR_IO,
                   "--patch: none.diff: cannot open: No such file or "
                   "directory");
    w->s.patch = "bad.diff";
    assert_refused(w, ERR_FORMAT,
                   "--patch: bad.diff: line 3: the hunk is cut off: 1 old and "
                   "0 new lines are missing");
    w->s.patch = NULL;
    w->s.config = "x.yml";
    w->s.no_config = true;
    assert_refused(w, ERR_USAGE, "--config and --no-config exclude each other");
    w->s = (struct review_settings){.repository = "nowhere"};
    assert_refused(w, ERR_IO, "--repo: nowhere: no such folder");
    const char *maps[] = {"/build"};
    w->s = (struct review_settings){
        .path_maps = {maps, 1}
    };
    assert_refused(w, ERR_USAGE,
                   "--path-map: /build is not FROM=TO, such as "
                   "/build/src=services/api");
    maps[0] = "=x";
    assert_refused(w, ERR_USAGE,
                   "--path-map: =x is not FROM=TO, such as "
                   "/build/src=services/api");
}

/* .seep.yml is of whoever opened the pull request: it may name no file of the
   machine, so that none is opened or quoted. */
static void a_configuration_names_no_file_outside(void **state)
{
    struct world *w = *state;
    static const char *const outside[] = {
        "/etc/passwd", "../../secret", "../secret",       "/dev/stdin",
        "link",        "api",          "api/../../secret"};
    make_shop();
    write_file("secret", "{\"token\": 1}");
    assert_int_equal(system("ln -s ../secret shop/link"), 0);
    w->s.repository = "shop";
    for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
        write_file("shop/.seep.yml",
                   arena_printf(&w->arena, "baseline: %s\n", outside[i]));
        assert_refused(w, ERR_IO,
                       arena_printf(&w->arena,
                                    "shop/.seep.yml: baseline: %s: no such "
                                    "file below the configuration's folder or "
                                    "the repository",
                                    outside[i]));
    }
    write_file("shop/base.json", "[]");
    write_file("shop/.seep.yml", "baseline: api/../base.json\n");
    struct review *r = NULL;
    assert_false(review_load(&w->s, &w->session, &r, &w->err));
    assert_int_equal(w->err.code, ERR_FORMAT); /* it was read */
}

/* Brackets alone take many times their size in memory. */
static void a_baseline_beyond_its_limit_is_refused(void **state)
{
    struct world *w = *state;
    struct buf text = BUF_LIMIT((8 << 20) + 8);
    buf_char(&text, '[');
    buf_repeat(&text, ' ', 8 << 20);
    buf_str(&text, "]\n");
    write_file("base.json", text.data);
    buf_release(&text);
    w->s.baseline = "base.json";
    struct review *r = NULL;
    assert_false(review_load(&w->s, &w->session, &r, &w->err));
    assert_int_equal(w->err.code, ERR_LIMIT);
}

static void a_configuration_elsewhere_has_its_baseline_beside_it(void **state)
{
    struct world *w = *state;
    make_shop();
    assert_int_equal(system("mkdir base"), 0);
    write_file("base/.seep.yml", "baseline: a.json\n");
    write_file("base/a.json", "[]");
    w->s.repository = "shop";
    w->s.config = "base/.seep.yml";
    struct review *r = NULL;
    assert_false(review_load(&w->s, &w->session, &r, &w->err));
    assert_int_equal(w->err.code, ERR_FORMAT);
}

static void links_out_of_the_repository_are_not_followed(void **state)
{
    struct world *w = *state;
    make_shop();
    write_file("secret", "token");
    assert_int_equal(system("ln -s ../secret shop/.seep.yml; "
                            "ln -s ../secret shop/base.json"),
                     0);
    w->s.repository = "shop";
    assert_refused(w, ERR_IO,
                   "shop/.seep.yml: no regular file of the repository; "
                   "--no-config passes over it");
    w->s.config = "shop/.seep.yml";
    assert_refused(w, ERR_IO,
                   "--config: shop/.seep.yml: a symbolic link out of the "
                   "repository");
    w->s.config = NULL;
    w->s.no_config = true;
    w->s.baseline = "shop/base.json";
    assert_refused(w, ERR_IO,
                   "--baseline: shop/base.json: a symbolic link out of the "
                   "repository");
    /* A link to nothing is not as if there were none. */
    assert_int_equal(system("rm secret"), 0);
    w->s = (struct review_settings){.repository = "shop"};
    assert_refused(w, ERR_IO,
                   "shop/.seep.yml: no regular file of the repository; "
                   "--no-config passes over it");
}

static void a_configuration_that_nobody_named_is_said(void **state)
{
    struct world *w = *state;
    struct made m;
    make_shop();
    write_file("shop/.seep.yaml", "fail-on: never\n");
    assert_int_equal(chdir("shop/api"), 0);
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, ".seep.yaml is not read: its name is .seep.yml"));
    arena_release(&m.findings.arena);
    review_free(w->review);
    write_file("../.seep.yml", "fail-on: never\n");
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, "settings: ../.seep.yml"));
    arena_release(&m.findings.arena);
    review_free(w->review);
    w->s.config = "../.seep.yml";
    load_it(w);
    mark(w, &m);
    assert_false(has_note(&m, "settings:"));
    arena_release(&m.findings.arena);
}

static void a_change_of_what_decides_is_said(void **state)
{
    struct world *w = *state;
    struct made m;
    const char note[] = "the change touches .seep.yml, which decides what "
                        "fails: review it, or judge with that of the base";
    make_shop();
    write_file("policy.diff", "--- a/.seep.yml\n+++ b/.seep.yml\n"
                              "@@ -1 +1 @@\n-a\n+b\n");
    write_file("shop/.seep.yml", "fail-on: never\n");
    write_file("base.yml", "fail-on: strong\n");
    w->s.repository = "shop";
    w->s.patch = "policy.diff";
    load_it(w);
    mark(w, &m);
    assert_true(has_note(&m, note));
    arena_release(&m.findings.arena);
    review_free(w->review);
    w->s.config = "base.yml";
    load_it(w);
    mark(w, &m);
    assert_false(has_note(&m, note));
    arena_release(&m.findings.arena);
    review_free(w->review);
    w->s =
        (struct review_settings){.repository = "shop", .patch = "change.diff"};
    load_it(w);
    mark(w, &m);
    assert_false(has_note(&m, note));
    arena_release(&m.findings.arena);
}

/* Whatever a patch names, no more memory is taken for it. */
static void few_names_of_nothing_are_kept(void **state)
{
    (void)state;
    make_shop();
    struct review_files *f = NULL;
    struct err err = {0};
    assert_true(review_files_new("shop", &f, &err));
    assert_non_null(f);
    const struct paths_files files = review_files_view(f);
    for (int i = 0; i < MISSES_MAX + 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "x%d.go", i);
        assert_false(files.has(files.ctx, name));
    }
    assert_true(files.has(files.ctx, "api/db.go"));
    assert_false(files.has(files.ctx, "x1.go"));
    assert_int_equal(intern_count(&f->names), MISSES_MAX + 1);
    review_files_free(f);
}

static void a_map_needs_no_repository(void **state)
{
    struct world *w = *state;
    struct made m;
    const char *maps[] = {"/home/ci/build=services/shop"};
    w->s.path_maps = (struct words){maps, 1};
    load_it(w);
    mark(w, &m);
    assert_string_equal(m.findings.items[0].stack[1].mark->path,
                        "services/shop/cmd/server/main.go");
    arena_release(&m.findings.arena);
}

static void standard_input_is_read_once(void **state)
{
    struct world *w = *state;
    const char *items[] = {"a.pb.gz", "-"};
    const struct words args = {items, 2};
    assert_true(review_check_arguments(&w->s, &args, &w->err));
    w->s.patch = "x.diff";
    assert_true(review_check_arguments(&w->s, &args, &w->err));
    w->s.patch = "-";
    assert_false(review_check_arguments(&w->s, &args, &w->err));
    assert_err(&w->err, ERR_USAGE,
               "--patch - and the argument - would both read standard input");
}

#define REVIEW_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REVIEW_TEST(without_a_repository_nothing_is_added),
        REVIEW_TEST(the_repository_is_the_one_around),
        REVIEW_TEST(colours_of_a_patch_are_no_part_of_it),
        REVIEW_TEST(a_patch_without_changed_lines_is_said),
        REVIEW_TEST(settings_below_the_root_are_not_read),
        REVIEW_TEST(go_mod_marks_a_root_where_git_does_not),
        REVIEW_TEST(a_patch_of_other_files_is_said),
        REVIEW_TEST(names_never_lead_out_of_the_root),
        REVIEW_TEST(sources_are_listed_without_those_of_others),
        REVIEW_TEST(the_configuration_is_that_of_the_root),
        REVIEW_TEST(a_mistake_is_one_line),
        REVIEW_TEST(a_configuration_names_no_file_outside),
        REVIEW_TEST(a_baseline_beyond_its_limit_is_refused),
        REVIEW_TEST(a_configuration_elsewhere_has_its_baseline_beside_it),
        REVIEW_TEST(links_out_of_the_repository_are_not_followed),
        REVIEW_TEST(a_configuration_that_nobody_named_is_said),
        REVIEW_TEST(a_change_of_what_decides_is_said),
        REVIEW_TEST(few_names_of_nothing_are_kept),
        REVIEW_TEST(a_map_needs_no_repository),
        REVIEW_TEST(standard_input_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
