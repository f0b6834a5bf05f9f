#include "test.h"

#include "graph/graph_private.h"

static void assert_cleaned(const char *path, const char *wanted)
{
    struct buf out = BUF_LIMIT(4096);
    buf_str(&out, "before ");
    graph_clean_path(&out, span_of(path));
    if (strcmp(out.data + 7, wanted) != 0) {
        fail_msg("'%s' became '%s', not '%s'", path, out.data + 7, wanted);
    }
    /* What is called clean must be. */
    if (path_is_clean(span_of(path))) {
        assert_string_equal(path, wanted);
    }
    buf_release(&out);
}

static void paths_are_cleaned_as_text(void **state)
{
    (void)state;
    assert_cleaned("", "");
    assert_cleaned("/", "/");
    assert_cleaned(".", ".");
    assert_cleaned("a/b.go", "a/b.go");
    assert_cleaned("/a//b/./c/", "/a/b/c");
    assert_cleaned("./a", "a");
    assert_cleaned("a/..", ".");
    assert_cleaned("a/../b", "b");
    assert_cleaned("a/b/../../..", "..");
    assert_cleaned("../../a/../b", "../../b");
    assert_cleaned("/..", "/");
    assert_cleaned("/../a", "/a");
    assert_cleaned("/a/../..", "/");
    assert_cleaned("...", "...");
    assert_cleaned("a/..b", "a/..b");
}

static void plain_paths_are_known_to_be_clean(void **state)
{
    (void)state;
    assert_true(path_is_clean(SPAN_LIT("/usr/lib/go/src/net/http/server.go")));
    assert_true(path_is_clean(SPAN_LIT("main.go")));
    assert_true(path_is_clean(SPAN_LIT("")));
    assert_false(path_is_clean(SPAN_LIT("/a/../b")));
    assert_false(path_is_clean(SPAN_LIT("a/")));
}

static void assert_trimmed(const char *file, const char *trim,
                           const char *source, const char *wanted)
{
    const struct span got =
        graph_trim_path(span_of(file), span_of(trim), span_of(source));
    if (!span_is(got, wanted)) {
        fail_msg("'%s' became '%.*s', not '%s'", file, (int)got.len, got.p,
                 wanted);
    }
}

static void given_prefixes_are_cut(void **state)
{
    (void)state;
    assert_trimmed("/a/b/c.go", "/a", "", "b/c.go");
    assert_trimmed("/a/b/c.go", "/a/", "", "b/c.go");
    assert_trimmed("/a/b/c.go", "/x:/a/b", "", "c.go");
    assert_trimmed("/ab/c.go", "/a", "", "/ab/c.go");
    assert_trimmed("/a", "/a", "", "/a");
    /* An empty element is the root. */
    assert_trimmed("/a/b.go", "/x:", "", "a/b.go");
    /* A trim path stops the search by name. */
    assert_trimmed("/a/proj/c.go", "/x", "/home/me/proj", "/a/proj/c.go");
}

static void the_source_directory_is_found_in_the_path(void **state)
{
    (void)state;
    assert_trimmed("/remote/proj/foo/bar.c", "", "/local/proj", "foo/bar.c");
    assert_trimmed("/remote/proj/foo/bar.c", "", "/x:/local/proj/",
                   "foo/bar.c");
    assert_trimmed("/a/proj/b/proj/c.c", "", "proj", "b/proj/c.c");
    assert_trimmed("proj/foo/bar.c", "", "/local/proj", "proj/foo/bar.c");
    assert_trimmed("/a/project/c.c", "", "/local/proj", "/a/project/c.c");
    assert_trimmed("/a/./c.c", "", "/x::/y", "c.c");
}

static void sandboxes_are_always_cut(void **state)
{
    (void)state;
    assert_trimmed("/proc/self/cwd/a/b.cc", "", "", "a/b.cc");
    assert_trimmed("/proc/self/cwd/./a/b.cc", "", "", "a/b.cc");
    assert_trimmed("/proc/self/cwd/a/b.cc", "/x", "", "a/b.cc");
    assert_trimmed("/proc/self/cwd/", "", "", "");
    assert_trimmed("", "", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_cleaned_as_text),
        cmocka_unit_test(plain_paths_are_known_to_be_clean),
        cmocka_unit_test(given_prefixes_are_cut),
        cmocka_unit_test(the_source_directory_is_found_in_the_path),
        cmocka_unit_test(sandboxes_are_always_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
