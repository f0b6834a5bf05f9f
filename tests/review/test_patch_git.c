/* Revisions of real repositories, and the same changes as `git diff` says. */
#include "test.h"

#include "review/patch.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COMMAND_BYTES = 4096 };

struct world {
    char dir[PATH_MAX]; /* absolute */
    bool has_git;
};

/* In the repository; output is dropped. */
static void run(const struct world *w, const char *script)
{
    char command[COMMAND_BYTES];
    const int n = snprintf(
        command, sizeof(command),
        "cd '%s' && export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 && "
        "git() { command git -c user.name=t -c user.email=t@example.org "
        "-c init.defaultBranch=main -c core.autocrlf=false \"$@\"; } && "
        "{ %s; } >run.log 2>&1",
        w->dir, script);
    assert_true(n > 0 && n < COMMAND_BYTES);
    if (system(command) != 0) {
        fail_msg("%s", script);
    }
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    char name[] = "test_patch_git.XXXXXX";
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, w->dir));
    w->has_git = system("git --version >/dev/null 2>&1") == 0;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char command[COMMAND_BYTES + PATH_MAX];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
    const int status = system(command);
    free(w);
    return status;
}

static void need_git(const struct world *w)
{
    if (!w->has_git) {
        print_message("no git here: revisions were not compared\n");
        skip();
    }
}

static void begin(const struct world *w)
{
    need_git(w);
    run(w, "git init && mkdir api && printf 'package api\\n\\nfunc A() {\\n"
           "\\ta()\\n}\\n\\nfunc (d *DB) B() {\\n\\tb1()\\n\\tb2()\\n}\\n\\n"
           "func C() {\\n\\tc()\\n}\\n' >api/db.go && cp api/db.go old.go && "
           "echo run.log >.gitignore && git add . && git commit -m one && "
           "git tag base");
}

static struct patch *between(const struct world *w, const char *below,
                             const char *revisions)
{
    char root[PATH_MAX + 64];
    struct patch *p = NULL;
    struct err err = {0};
    (void)snprintf(root, sizeof(root), "%s%s", w->dir, below);
    assert_ok(patch_between(root, revisions, &p, &err), &err);
    return p;
}

static void two_commits_are_compared(void **state)
{
    const struct world *w = *state;
    begin(w);
    run(w, "sed -i -e 's/a()/z()/' -e '/b1()/d' api/db.go && "
           "git mv old.go new.go && sed -i 's/c()/y()/' new.go && "
           "printf '\\001\\000' >x.bin && git add . && git commit -m two");
    struct patch *p = between(w, "", "base..HEAD");
    assert_int_equal(patch_n_files(p), 3);
    assert_string_equal(patch_file(p, 0), "api/db.go");
    assert_string_equal(patch_file(p, 1), "new.go");
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.A", 4), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.A.func1", 3),
                     TOUCH_FUNCTION);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.(*DB).B", 8),
                     TOUCH_FUNCTION);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.C", 12), TOUCH_NONE);
    assert_int_equal(patch_touch(p, "new.go", "x.C", 13), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "new.go", "x.A", 4), TOUCH_NONE);
    patch_free(p);
    /* Either end may be left out. */
    p = between(w, "", "base..");
    assert_int_equal(patch_n_files(p), 3);
    patch_free(p);
}

static void a_folder_of_the_repository_has_paths_of_its_own(void **state)
{
    const struct world *w = *state;
    begin(w);
    run(w, "sed -i 's/a()/z()/' api/db.go old.go && git commit -am two");
    struct patch *p = between(w, "/api", "base..HEAD");
    assert_int_equal(patch_n_files(p), 1);
    assert_string_equal(patch_file(p, 0), "db.go");
    patch_free(p);
}

static void the_working_tree_is_compared_with_a_commit(void **state)
{
    const struct world *w = *state;
    begin(w);
    run(w, "sed -i 's/a()/z()/' api/db.go && git add . && "
           "sed -i 's/c()/z()/' api/db.go && echo 'package u' >untracked.go");
    struct patch *p = between(w, "", "HEAD");
    assert_int_equal(patch_n_files(p), 1);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.A", 4), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.C", 13), TOUCH_LINE);
    patch_free(p);
}

static void three_dots_begin_at_the_merge_base(void **state)
{
    const struct world *w = *state;
    begin(w);
    run(w, "git checkout -b topic && sed -i 's/a()/z()/' api/db.go && "
           "git commit -am topic && git checkout main && "
           "sed -i 's/c()/y()/' api/db.go && git commit -am other");
    struct patch *p = between(w, "", "main...topic");
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.A", 4), TOUCH_LINE);
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.C", 13), TOUCH_NONE);
    assert_false(patch_takes_back(p));
    patch_free(p);
    p = between(w, "", "main..topic");
    assert_int_equal(patch_touch(p, "api/db.go", "x/api.C", 13), TOUCH_LINE);
    assert_true(patch_takes_back(p));
    patch_free(p);
    p = between(w, "", "main~1..topic");
    assert_false(patch_takes_back(p));
    patch_free(p);
    /* As in a shallow clone, where nothing says what either lacks. */
    run(w, "git checkout -q --orphan alone && git commit -q -m alone");
    p = between(w, "", "main..alone");
    assert_true(patch_takes_back(p));
    patch_free(p);
}

struct bad_case {
    const char *revisions, *text;
};

static void what_cannot_be_compared_is_said_in_a_line(void **state)
{
    const struct world *w = *state;
    begin(w);
    run(w, "git checkout --orphan alone && git commit -m alone && "
           "git checkout main");
    const struct bad_case cases[] = {
        {"nowhere..HEAD",
         "nowhere is no commit here; a shallow clone has only its last ones" },
        {"HEAD..nowhere",
         "nowhere is no commit here; a shallow clone has only its last ones" },
        {"main...alone",
         "the two have no commit in common here; a shallow clone may lack it"},
        {"HEAD:api/db.go..HEAD",
         "HEAD:api/db.go is no commit here; a shallow clone has only its last "
         "ones"                                                              },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct patch *p = NULL;
        struct err err = {0};
        assert_false(patch_between(w->dir, cases[i].revisions, &p, &err));
        assert_null(p);
        assert_err(&err, ERR_USAGE, cases[i].text);
    }
    struct patch *p = NULL;
    struct err err = {0};
    assert_false(patch_between("/", "HEAD", &p, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_true(span_starts(span_of(err.text), "no git repository: "));
}

/* --- against git itself --- */

/* `n` functions, some lines of which are others than in the version before. */
static void write_source(const char *path, uint64_t *seed, unsigned keep_of_8)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fprintf(f, "package p\n");
    for (int i = 0; i < 12; i++) {
        if (test_random(seed) % 16 == 0) {
            continue;
        }
        (void)fprintf(f, "\nfunc F%d() {\n", i);
        for (int k = 0; k < 6; k++) {
            if (test_random(seed) % 8 >= keep_of_8) {
                (void)fprintf(f, "\tn%d()\n", (int)(test_random(seed) % 999));
            } else if (test_random(seed) % 16 != 0) {
                (void)fprintf(f, "\tf%d_%d()\n", i, k);
            }
        }
        (void)fprintf(f, "}\n");
    }
    assert_int_equal(fclose(f), 0);
}

static bool here_has(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "p.go") == 0;
}

static const char *here_text(void *ctx, const char *path)
{
    (void)path;
    return ctx;
}

static struct patch *read_diff(const struct world *w, const char *flags,
                               const struct paths_files *files)
{
    char text[COMMAND_BYTES + PATH_MAX];
    (void)snprintf(text, sizeof(text),
                   "git diff %s base HEAD >.git/d || [ $? = 1 ]", flags);
    run(w, text);
    (void)snprintf(text, sizeof(text), "%s/.git/d", w->dir);
    struct buf diff = test_read_file(text);
    struct patch *p = NULL;
    struct err err = {0};
    assert_ok(patch_read(buf_view(&diff), files, &p, &err), &err);
    buf_release(&diff);
    return p;
}

/* Every line as one of every function: the two say the same. */
static void assert_same(const struct patch *a, const struct patch *b)
{
    char name[16];
    assert_int_equal(patch_n_files(a), patch_n_files(b));
    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof(name), "p.F%d", i);
        for (int64_t line = 0; line < 120; line++) {
            const enum frame_touch left = patch_touch(a, "p.go", name, line);
            const enum frame_touch right = patch_touch(b, "p.go", name, line);
            if (left != right) {
                fail_msg("%s at %d: %d and %d", name, (int)line, (int)left,
                         (int)right);
            }
        }
    }
}

static void git_and_its_diffs_say_the_same(void **state)
{
    const struct world *w = *state;
    need_git(w);
    run(w, "git init && echo run.log >.gitignore && git add . && "
           "git commit -m zero");
    uint64_t seed = 11;
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s/p.go", w->dir);
    const char *const flags[] = {"", "-U0", "--no-prefix", "-U50",
                                 "--src-prefix=i/ --dst-prefix=w/"};
    for (int round = 0; round < 8; round++) {
        write_source(path, &seed, 7);
        run(w, "git add . && git commit -m a && git tag -f base");
        write_source(path, &seed, 7);
        run(w, "git add . && git commit -m b");
        struct buf text = test_read_file(path);
        const struct paths_files files = {text.data, here_has, here_text, NULL};
        struct patch *own = between(w, "", "base..HEAD");
        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
            struct patch *p = read_diff(w, flags[i], &files);
            assert_int_equal(patch_unfit(p).n, 0);
            assert_same(own, p);
            patch_free(p);
        }
        patch_free(own);
        buf_release(&text);
    }
}

#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIT_TEST(two_commits_are_compared),
        GIT_TEST(a_folder_of_the_repository_has_paths_of_its_own),
        GIT_TEST(the_working_tree_is_compared_with_a_commit),
        GIT_TEST(three_dots_begin_at_the_merge_base),
        GIT_TEST(what_cannot_be_compared_is_said_in_a_line),
        GIT_TEST(git_and_its_diffs_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
