#include "test.h"

#include "graph/graph.h"

static void assert_shortened(const char *name, const char *wanted)
{
    struct buf out = BUF_LIMIT(4096);
    buf_str(&out, "");
    graph_short_name(&out, span_of(name));
    if (strcmp(out.data, wanted) != 0) {
        fail_msg("'%s' became '%s', not '%s'", name, out.data, wanted);
    }
    buf_release(&out);
}

static void go_names_lose_their_import_path(void **state)
{
    (void)state;
    assert_shortened("main.main", "main.main");
    assert_shortened("net/http.(*conn).serve", "http.(*conn).serve");
    assert_shortened("example.com/blah-blah/foo_bar.(*FooBar).Foo",
                     "foo_bar.(*FooBar).Foo");
    assert_shortened("encoding/json.(*structEncoder).(encoding/json.encode)-fm",
                     "json.(*structEncoder).(encoding/json.encode)-fm");
    assert_shortened("a.com/b/vendor/gopkg.in/redis.v3.(*c).(gopkg.in/redis.x)",
                     "redis.v3.(*c).(gopkg.in/redis.x)");
    /* Not a package and a name. */
    assert_shortened("a/b", "a/b");
    assert_shortened("a/b.", "a/b.");
    assert_shortened("a/.b", "a/.b");
    assert_shortened("/a.b", "/a.b");
    /* Behind the last element that leaves one. */
    assert_shortened("a/b/c.d/e", "c.d/e");
    assert_shortened("a/b.c/", "b.c/");
    assert_shortened("a/b.c\nd", "b.c");
}

static void major_versions_are_no_package(void **state)
{
    (void)state;
    assert_shortened("example.com/foo/bar/v4.(*Foo).Bar", "bar.(*Foo).Bar");
    assert_shortened("example.com/foo/bar/v123/baz.Foo", "baz.Foo");
    assert_shortened("example.com/foo/v0.(*Foo).Bar", "v0.(*Foo).Bar");
    assert_shortened("example.com/foo/v1.(*Foo).Bar", "v1.(*Foo).Bar");
    assert_shortened("example.com/foo/v02.Bar", "v02.Bar");
    assert_shortened("example.com/v2xyz.Foo", "v2xyz.Foo");
    /* One alone. */
    assert_shortened("example.com/bar/v4/v4.(*Foo).Bar", "v4.(*Foo).Bar");
    assert_shortened("x/v2", "x/v2");
    assert_shortened("(x/v2.y)", "(x.y)");
    assert_shortened("(x/v2.y\n)", "(x/v2.y\n)");
}

static void java_names_lose_package_and_arguments(void **state)
{
    (void)state;
    assert_shortened("java.util.concurrent.ThreadPoolExecutor$Worker.run",
                     "ThreadPoolExecutor$Worker.run");
    assert_shortened("java.bar.foo.FooBar.run(java.lang.Runnable)",
                     "FooBar.run");
    assert_shortened("foo.Bar.<init>", "Bar.<init>");
    assert_shortened("foo.Bar.<init>(int)", "Bar.<init>");
    assert_shortened("foo.Bar.access$100", "Bar.access$100");
    assert_shortened("foo.Bar.Baz", "foo.Bar.Baz");
    assert_shortened("foo.Bar.run;", "foo.Bar.run;");
    assert_shortened("foo.bar", "foo.bar");
}

static void cpp_names_lose_their_namespace(void **state)
{
    (void)state;
    assert_shortened("(anonymous namespace)::Bar::Foo", "Bar::Foo");
    assert_shortened("(anonymous namespace)::foo", "foo");
    assert_shortened("a::b::Class::method()", "Class::method");
    assert_shortened("a::Outer::Inner::~Inner()", "Inner::~Inner");
    assert_shortened("a::Class::nested::f", "Class::nested");
    assert_shortened("a::_Class::f<std::pair<int, T>>(x)",
                     "_Class::f<std::pair<int, T>>");
    assert_shortened("a::Class::f<int", "Class::f");
    assert_shortened("Class::method()", "Class::method()");
    assert_shortened("a::b::method()", "a::b::method()");
    assert_shortened("1a::Class::f", "1a::Class::f");
}

static void nothing_and_noise_stay(void **state)
{
    (void)state;
    assert_shortened("", "");
    assert_shortened("::", "::");
    assert_shortened("\xff/\xff.\xff", "\xff/\xff.\xff");
    assert_shortened("(anonymous namespace)::", "");
}

/* A search behind each slash would take a minute. */
static void names_of_slashes_are_no_work(void **state)
{
    (void)state;
    enum { N = 2000000 };
    struct buf name = BUF_LIMIT(2 * N + 1);
    struct buf out = BUF_LIMIT(2 * N + 1);
    for (int i = 0; i < N; i++) {
        buf_str(&name, "a/");
    }
    graph_short_name(&out, buf_view(&name));
    assert_true(span_eq(buf_view(&out), buf_view(&name)));
    buf_release(&out);
    buf_release(&name);
}

static bool shorten_once(void *ctx, struct err *err)
{
    struct buf out = BUF_LIMIT(4096);
    (void)ctx;
    graph_short_name(&out, SPAN_LIT("example.com/foo/bar/v4.(*Foo).Bar"));
    const bool ok = buf_check(&out, "name", err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_shows_in_the_buffer(void **state)
{
    (void)state;
    assert_true(oom_walk(shorten_once, NULL) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(go_names_lose_their_import_path),
        cmocka_unit_test(major_versions_are_no_package),
        cmocka_unit_test(java_names_lose_package_and_arguments),
        cmocka_unit_test(cpp_names_lose_their_namespace),
        cmocka_unit_test(nothing_and_noise_stay),
        cmocka_unit_test(names_of_slashes_are_no_work),
        cmocka_unit_test(running_out_of_memory_shows_in_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
