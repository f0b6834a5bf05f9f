/* .seep.yml: what is understood, and what is refused with its line. */
#include "test.h"

#include "review/review.h"

#include <math.h>

static bool read_text(const char *text, struct config *out, struct err *err)
{
    return config_read(span_of(text), ".seep.yml", out, err);
}

static void all_keys_are_read(void **state)
{
    static const char text[] = "# thresholds of the gate\n"
                               "module: acme.dev/shop\n"
                               "fail-on: suspect\n"
                               "only-new: true\n"
                               "baseline: ci/.seep-baseline.json\n"
                               "min-bytes: 8MiB\n"
                               "min-goroutines: 50\n"
                               "min-growth: 10%\n"
                               "path-map:\n"
                               "  - /home/ci/src=services\n"
                               "  - /go=.\n"
                               "suppressions:\n"
                               "  - rule: goroutine-chan-receive\n"
                               "    id: 00c0ffee00c0ffee\n"
                               "    top: main.(*T).run\n"
                               "    any: \"acme.dev/shop/*\"\n"
                               "    created_by: main.start.func1\n"
                               "    stack: [main.run, ..., main.main]\n"
                               "    target: orders\n"
                               "    max_bytes: 1.5MiB\n"
                               "    max-goroutines: 200\n"
                               "    reason: it ends with its client\n"
                               "    issue: https://acme.dev/1\n"
                               "    expires: 2026-12-31\n";
    struct config c;
    struct err err = {0};
    (void)state;
    assert_ok(read_text(text, &c, &err), &err);
    assert_string_equal(c.module, "acme.dev/shop");
    assert_string_equal(c.fail_on, "suspect");
    assert_int_equal(c.only_new, 1);
    assert_string_equal(c.baseline, "ci/.seep-baseline.json");
    assert_true(c.min_bytes == 8 << 20);
    assert_true(c.min_goroutines == 50);
    assert_true(fabs(c.min_growth - 0.1) < 1e-12);
    assert_int_equal(c.n_maps, 2);
    assert_string_equal(c.maps[0].from, "/home/ci/src");
    assert_string_equal(c.maps[0].to, "services");
    assert_string_equal(c.maps[1].to, ".");
    assert_int_equal(c.n_suppressions, 1);
    const struct suppression *s = &c.suppressions[0];
    assert_string_equal(s->rule, "goroutine-chan-receive");
    assert_string_equal(s->id, "00c0ffee00c0ffee");
    assert_string_equal(s->top, "main.(*T).run");
    assert_string_equal(s->any, "acme.dev/shop/*");
    assert_string_equal(s->created_by, "main.start.func1");
    assert_int_equal(s->n_stack, 3);
    assert_string_equal(s->stack[1], "...");
    assert_string_equal(s->target, "orders");
    assert_true(s->max_bytes == 1.5 * (1 << 20));
    assert_true(s->max_goroutines == 200);
    assert_string_equal(s->reason, "it ends with its client");
    assert_string_equal(s->issue, "https://acme.dev/1");
    assert_string_equal(s->expires, "2026-12-31");
    assert_int_equal(s->expires_day, 20818);
    assert_string_equal(s->place, ".seep.yml:13");
    config_release(&c);
}

static void nothing_said_is_nothing_set(void **state)
{
    static const char *const texts[] = {"", "# all commented out\n", "---\n",
                                        "{}\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config c;
        struct err err = {0};
        assert_ok(read_text(texts[i], &c, &err), &err);
        assert_null(c.module);
        assert_null(c.fail_on);
        assert_null(c.baseline);
        assert_int_equal(c.only_new, -1);
        assert_true(isnan(c.min_bytes) && isnan(c.min_goroutines) &&
                    isnan(c.min_growth));
        assert_int_equal(c.n_maps + c.n_suppressions, 0);
        config_release(&c);
    }
}

static void path_maps_may_be_a_mapping(void **state)
{
    struct config c;
    struct err err = {0};
    (void)state;
    assert_ok(read_text("path-map:\n  /a/b: c\n  'd=e': f\n", &c, &err), &err);
    assert_int_equal(c.n_maps, 2);
    assert_string_equal(c.maps[0].from, "/a/b");
    assert_string_equal(c.maps[1].from, "d=e");
    assert_string_equal(c.maps[1].to, "f");
    config_release(&c);
}

/* clang-format off */
static const struct {
    const char *text, *wanted;
} bad[] = {
    {"modul: a\n", ".seep.yml:1: unknown key 'modul'; did you mean 'module'?"},
    {"\nzebra: a\n", ".seep.yml:2: unknown key 'zebra'"},
    {"suppressions:\n  - top: a\n    reason: b\n    expire: 2026-01-01\n",
     ".seep.yml:4: unknown key 'expire'; did you mean 'expires'?"},
    {"suppressions:\n  - top: a\n", ".seep.yml:2: suppressions: a reason is wanted: why is this acceptable?"},
    {"suppressions:\n  - top: a\n    reason: ''\n", ".seep.yml:3: reason: a text is wanted"},
    {"suppressions:\n  - reason: all\n",
     ".seep.yml:2: suppressions: one of rule, id, top, any, created_by and stack is wanted"},
    {"suppressions:\n  - reason: a\n    max_goroutines: 3\n    target: x\n",
     ".seep.yml:2: suppressions: one of rule, id, top, any, created_by and stack is wanted"},
    {"suppressions:\n  - rule: '*'\n    reason: b\n",
     ".seep.yml:2: suppressions: stars alone would accept every finding; fail-on: never is the key for that"},
    {"suppressions:\n  - {any: '*.*', top: '**', stack: ['...', '*'], reason: b}\n",
     ".seep.yml:2: suppressions: stars alone would accept every finding; fail-on: never is the key for that"},
    {"suppressions: all\n", ".seep.yml:1: suppressions: a list is wanted"},
    {"suppressions:\n  - all\n", ".seep.yml:2: suppressions: a mapping with rule, top, reason, ... is wanted"},
    {"suppressions:\n  - rule: gorutine-chan-receive\n    reason: a\n",
     ".seep.yml:2: no rule 'gorutine-chan-receive'; did you mean 'goroutine-chan-receive'?; seep rules lists them"},
    {"suppressions:\n  - top: a\n    reason: b\n    expires: 2026-02-30\n",
     ".seep.yml:4: expires: a day such as 2026-12-31 is wanted"},
    {"suppressions:\n  - id: 12\n    reason: b\n", ".seep.yml:2: id: an id has 16 hex digits"},
    {"suppressions:\n  - stack: a\n    reason: b\n", ".seep.yml:2: stack: a list of functions, leaf first, is wanted"},
    {"suppressions:\n  - stack: []\n    reason: b\n", ".seep.yml:2: stack: a list of functions, leaf first, is wanted"},
    {"fail-on: strongest\n", ".seep.yml:1: fail-on: proven, strong, suspect, growth or never is wanted"},
    {"only-new: yes\n", ".seep.yml:1: only-new: true or false is wanted"},
    {"min-bytes: many\n", ".seep.yml:1: min-bytes: a size such as 8MiB is wanted"},
    {"min-goroutines: 1.5\n", ".seep.yml:1: min-goroutines: a whole number is wanted"},
    {"min-growth: -1\n", ".seep.yml:1: min-growth: a ratio such as 10% or 0.1 is wanted"},
    {"min-growth: 20\n", ".seep.yml:1: min-growth: 1 and more needs a percent sign, such as 20%"},
    {"min-growth: 1\n", ".seep.yml:1: min-growth: 1 and more needs a percent sign, such as 20%"},
    {"min-growth: nan\n", ".seep.yml:1: min-growth: a ratio such as 10% or 0.1 is wanted"},
    {"path-map: [x]\n", ".seep.yml:1: path-map: FROM=TO is wanted, such as /home/ci/src=."},
    {"path-map: a=b\n", ".seep.yml:1: path-map: a list of FROM=TO is wanted"},
    {"path-map: [[a]]\n", ".seep.yml:1: path-map: a list of FROM=TO is wanted"},
    {"module:\n  - a\n", ".seep.yml:2: module: a text is wanted"},
    {"module: a\nmodule: b\n", ".seep.yml:2: 'module' is there twice"},
    {"module: &m a\n", ".seep.yml:1: anchors, aliases and tags are not taken"},
    {"module: *m\n", ".seep.yml:1: anchors, aliases and tags are not taken"},
    {"module: !!str a\n", ".seep.yml:1: anchors, aliases and tags are not taken"},
    {"module: a\n---\nmodule: b\n", ".seep.yml:2: a second document"},
    {"[a, b]: c\n", ".seep.yml:1: a key is a word, not a list or a mapping"},
    {"- a\n", ".seep.yml:1: a mapping is wanted"},
    {"just words\n", ".seep.yml:1: a mapping is wanted"},
    {"module: \"a\\nb\"\n", ".seep.yml:1: a value of several lines, or with a control character"},
    {"module: \"a\\eb\"\n", ".seep.yml:1: a value of several lines, or with a control character"},
    {"path-map: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", ".seep.yml:1: nested too deeply"},
    {"module: 'a\n", ".seep.yml:2: found unexpected end of stream"},
    {"a:\n\tb: c\n", ".seep.yml:2: found character that cannot start any token"},
};
/* clang-format on */

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config c;
        struct err err = {0};
        assert_false(read_text(bad[i].text, &c, &err));
        assert_err(&err, ERR_FORMAT, bad[i].wanted);
        config_release(&c);
    }
}

static void large_files_are_refused(void **state)
{
    struct buf text = BUF_LIMIT(4 << 20);
    struct config c;
    struct err err = {0};
    (void)state;
    buf_str(&text, "module: a\n");
    buf_repeat(&text, '#', 1 << 20);
    assert_false(config_read(buf_view(&text), "x.yml", &c, &err));
    assert_err(&err, ERR_LIMIT, "x.yml: larger than 1 MiB");
    buf_clear(&text);
    buf_str(&text, "path-map:\n");
    for (size_t i = 0; i < 10001; i++) {
        buf_str(&text, "- a=b\n");
    }
    assert_false(config_read(buf_view(&text), "x.yml", &c, &err));
    assert_string_equal(err.text, "x.yml:10002: too many values in one list or "
                                  "mapping");
    buf_release(&text);
}

/* Patterns are compared with each frame. */
static void long_patterns_are_refused(void **state)
{
    static const char *const keys[] = {"top: ",    "any: ",    "created_by: ",
                                       "target: ", "rule: '*", "stack:\n  - "};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct buf text = BUF_LIMIT(1 << 16);
        struct config c;
        struct err err = {0};
        buf_printf(&text, "suppressions:\n- reason: b\n  %s", keys[i]);
        buf_repeat(&text, 'a', 1025);
        buf_str(&text, i == 4 ? "'\n" : "\n");
        assert_false(config_read(buf_view(&text), "x", &c, &err));
        assert_true(span_ends(span_of(err.text), "longer than 1024 bytes"));
        buf_release(&text);
    }
}

/* What is cut anywhere is read or refused, never more. */
static void cut_texts_do_no_harm(void **state)
{
    static const char text[] =
        "path-map: {a: b}\nsuppressions:\n"
        "  - {stack: [a, '...'], reason: |\n      x\n}\n";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct config c;
        struct err err = {0};
        const bool ok = config_read((struct span){text, n}, "x", &c, &err);
        assert_true(ok || err.code == ERR_FORMAT);
        config_release(&c);
    }
}

static bool read_once(void *ctx, struct err *err)
{
    struct config c;
    const bool ok = read_text(ctx, &c, err);
    config_release(&c);
    return ok;
}

static void running_out_of_memory_is_told(void **state)
{
    static char text[] = "module: a\npath-map: [a=b]\nsuppressions:\n"
                         "  - {stack: [a, '...'], reason: x}\n";
    (void)state;
    assert_true(oom_walk(read_once, text) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_keys_are_read),
        cmocka_unit_test(nothing_said_is_nothing_set),
        cmocka_unit_test(path_maps_may_be_a_mapping),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(large_files_are_refused),
        cmocka_unit_test(long_patterns_are_refused),
        cmocka_unit_test(cut_texts_do_no_harm),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
