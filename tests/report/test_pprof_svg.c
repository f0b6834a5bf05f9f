/* dot's svg made to be zoomed: what is replaced, added and left alone. */
#include "made_profile.h"

static const char picture[] =
    "<?xml version=\"1.0\"?>\n"
    "<svg width=\"10pt\" height=\"20pt\"\n viewBox=\"0 0 10 20\" xmlns=\"x\">\n"
    "<g id=\"graph0\" class=\"graph\">\n"
    "<title>a &; b</title>\n"
    "</g>\n"
    "</svg>\n";

static struct buf massage(const char *svg)
{
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(pprof_massage_svg(span_of(svg), &out, &err), &err);
    return out;
}

static size_t find(const struct buf *b, const char *what)
{
    const size_t at = span_find(buf_view(b), what);
    if (at == b->len) {
        fail_msg("no %s in %s", what, b->data);
    }
    return at;
}

static void the_picture_fills_the_window_and_keeps_its_box(void **state)
{
    (void)state;
    struct buf out = massage(picture);
    (void)find(&out, "<svg width=\"100%\" height=\"100%\"\n"
                     " viewBox=\"0 0 10 20\" xmlns=\"x\">\n");
    assert_false(span_has(buf_view(&out), "10pt"));
    buf_release(&out);
}

static void the_graph_lies_in_what_the_script_moves(void **state)
{
    (void)state;
    struct buf out = massage(picture);
    const size_t view = find(&out, "<g id=\"viewport\">\n<g id=\"graph0\"");
    const size_t closed = find(&out, "</g>\n</g>\n<script");
    const size_t script = find(&out, "getElementById('viewport')");
    const size_t end = find(&out, "]]></script>\n</svg>\n");
    assert_true(view < closed && closed < script && script < end);
    buf_release(&out);
}

static void ampersands_that_dot_forgot_are_quoted(void **state)
{
    (void)state;
    struct buf out = massage(picture);
    (void)find(&out, "a &amp;; b");
    buf_release(&out);
}

static void what_is_no_picture_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "Error: <stdin>: syntax error in line 1",
        "<svg width=\"1\" height=\"2\"></svg>",
        "<svg width=\"1\"><g id=\"graph0\"></svg>",
        "<svg width=\"1\" height=\"2\"><g id=\"graph\"></svg>",
        "<svg width=\"1\" height=\"2\"><g id=\"graph0\">",
        "</svg><svg width=\"1\" height=\"2\"><g id=\"graph0\">",
        "<svg width=\"",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf out = BUF_LIMIT(1u << 20);
        struct err err = {0};
        assert_false(pprof_massage_svg(span_of(bad[i]), &out, &err));
        assert_err(&err, ERR_FORMAT, "dot wrote no picture of a graph");
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_fills_the_window_and_keeps_its_box),
        cmocka_unit_test(the_graph_lies_in_what_the_script_moves),
        cmocka_unit_test(ampersands_that_dot_forgot_are_quoted),
        cmocka_unit_test(what_is_no_picture_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
