#include "test.h"

#include "graph/graph_private.h"

#define INFO(...) ((struct graph_info){__VA_ARGS__})

static void assert_named(struct graph_info info, const char *wanted)
{
    struct buf out = BUF_LIMIT(4096);
    graph_name(&out, &info);
    assert_string_equal(out.data, wanted);
    buf_release(&out);
}

static void names_say_what_is_known(void **state)
{
    (void)state;
    assert_named(INFO(.name = SPAN_LIT("f")), "f");
    assert_named(INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go")),
                 "f f.go");
    assert_named(
        INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go"), .line = 7),
        "f f.go:7");
    assert_named(INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go"),
                      .line = 7, .column = 3),
                 "f f.go:7:3");
    assert_named(INFO(.address = 0x2a, .name = SPAN_LIT("f")),
                 "000000000000002a f");
    assert_named(INFO(.file = SPAN_LIT("f.go")), "f.go");
    assert_named(INFO(.line = -1), ":-1");
    /* A column alone says nothing. */
    assert_named(INFO(.name = SPAN_LIT("f"), .column = 3), "f");
}

static void binaries_name_what_has_no_other_name(void **state)
{
    (void)state;
    assert_named(INFO(.objfile = SPAN_LIT("/bin/app")), "[app]");
    assert_named(INFO(.objfile = SPAN_LIT("/bin/app//")), "[app]");
    assert_named(INFO(.objfile = SPAN_LIT("/")), "[/]");
    assert_named(INFO(.objfile = SPAN_LIT("app"), .address = UINT64_MAX),
                 "ffffffffffffffff [app]");
    assert_named(INFO(.name = SPAN_LIT("f"), .objfile = SPAN_LIT("app")), "f");
    assert_named(INFO(.address = 1), "0000000000000001 <unknown>");
    assert_named(INFO(.line = 0), "<unknown>");
}

/* Every pair of these must compare as the texts that are printed do. */
static void names_compare_as_they_are_printed(void **state)
{
    (void)state;
    const struct graph_info all[] = {
        INFO(.name = SPAN_LIT("f")),
        INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go")),
        INFO(.name = SPAN_LIT("f f.go")),
        INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go"), .line = 7),
        INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go"), .line = 70),
        INFO(.name = SPAN_LIT("f"), .file = SPAN_LIT("f.go"), .line = -7),
        INFO(.name = SPAN_LIT("f f.go:7")),
        INFO(.name = SPAN_LIT("g"), .address = 5),
        INFO(.name = SPAN_LIT("f"), .address = 6),
        INFO(.name = SPAN_LIT("e"), .address = UINT64_MAX),
        INFO(.objfile = SPAN_LIT("/bin/app")),
        INFO(.objfile = SPAN_LIT("/usr/bin/app")),
        INFO(.name = SPAN_LIT("")),
        INFO(.name = SPAN_LIT("\xc3\xa9")),
    };
    const size_t n = sizeof(all) / sizeof(all[0]);
    struct buf a = BUF_LIMIT(4096);
    struct buf b = BUF_LIMIT(4096);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            buf_clear(&a);
            buf_clear(&b);
            graph_name(&a, &all[i]);
            graph_name(&b, &all[k]);
            const int wanted = strcmp(a.data, b.data);
            const int got = node_name_compare(&all[i], &all[k]);
            assert_int_equal(got < 0, wanted < 0);
            assert_int_equal(got > 0, wanted > 0);
        }
    }
    buf_release(&a);
    buf_release(&b);
}

static void whole_nodes_compare_as_go_prints_them(void **state)
{
    (void)state;
    /* {f  0  0 7 0 } and {f  0  0 10 0 }: as text, 1 comes first. */
    struct graph_info a = INFO(.name = SPAN_LIT("f"), .line = 7);
    struct graph_info b = INFO(.name = SPAN_LIT("f"), .line = 10);
    assert_true(node_text_compare(&a, &b) > 0);
    assert_int_equal(node_text_compare(&a, &a), 0);
    a.objfile = SPAN_LIT("x");
    b.line = 7;
    assert_true(node_text_compare(&a, &b) < 0);
    a.address = 1;
    b.address = UINT64_MAX;
    b.start_line = INT64_MIN;
    b.column = INT64_MIN;
    assert_true(node_text_compare(&a, &b) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_what_is_known),
        cmocka_unit_test(binaries_name_what_has_no_other_name),
        cmocka_unit_test(names_compare_as_they_are_printed),
        cmocka_unit_test(whole_nodes_compare_as_go_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
