/* The baseline as a file: written as it is read, in one order, and nothing
   that is not one is taken for one. */
#include "review/made_findings.h"

static const char written[] =
    "{\n"
    " \"schema\": \"seep/baseline/1\",\n"
    " \"id_version\": 1,\n"
    " \"tool\": {\n"
    "  \"name\": \"seep\",\n"
    "  \"version\": \"0.1.0\"\n"
    " },\n"
    " \"findings\": [\n"
    "  {\n"
    "   \"id\": \"0000000000000001\",\n"
    "   \"loose_id\": \"f000000000000001\",\n"
    "   \"rule\": \"goroutine-chan-receive\",\n"
    "   \"grade\": \"strong\",\n"
    "   \"profile\": \"goroutine\",\n"
    "   \"site\": {\n"
    "    \"function\": \"main.await\",\n"
    "    \"file\": \"/src/orders/dispatcher.go\",\n"
    "    \"line\": 88\n"
    "   },\n"
    "   \"metric\": {\n"
    "    \"name\": \"goroutines\",\n"
    "    \"unit\": \"count\",\n"
    "    \"level\": 306,\n"
    "    \"delta\": 306,\n"
    "    \"noise\": null,\n"
    "    \"per_hour\": 306,\n"
    "    \"per_hour_low\": 275.4,\n"
    "    \"per_hour_high\": 336.6,\n"
    "    \"seconds\": 3600\n"
    "   },\n"
    "   \"first_seen\": \"2026-11-23T10:00:00Z\",\n"
    "   \"headline\": \"goroutines wait on a channel receive\",\n"
    "   \"program\": \"orders\"\n"
    "  }\n"
    " ]\n"
    "}\n";

static void read_ok(const char *text, struct baseline *out)
{
    struct err err = {0};
    assert_ok(baseline_read(span_of(text), "b.json", out, &err), &err);
}

static char *write_ok(struct baseline *b)
{
    struct buf out = BUF_LIMIT(1 << 20);
    struct err err = {0};
    b->tool_version = "0.1.0";
    assert_ok(baseline_write(b, &out, &err), &err);
    return out.data;
}

static void findings_become_the_file(void **state)
{
    struct made *m = made_new();
    struct baseline b;
    struct err err = {0};
    (void)state;
    made_goroutines(m, "main.await", GRADE_STRONG, 306)->first_seen_nanos =
        INT64_C(1795428000) * 1000000000;
    (void)made_goroutines(m, "main.quiet", GRADE_INFO, 3);
    struct finding_acceptance accepted = {.by = "x", .reason = "y"};
    made_goroutines(m, "main.accepted", GRADE_STRONG, 3)->accepted = &accepted;
    made_goroutines(m, "main.fixed", GRADE_STRONG, 3)->state = "fixed";
    m->findings.program = "orders";
    assert_ok(baseline_of_findings(&m->findings, &b, &err), &err);
    /* What is aside is there to be found again, not to be saved. */
    assert_int_equal(b.n, 3);
    struct baseline saved = {.n = 0};
    assert_ok(baseline_merge(&saved, &b, &err), &err);
    char *text = write_ok(&saved);
    assert_string_equal(text, written);
    free(text);
    baseline_release(&saved);
    baseline_release(&b);
    made_free(m);
}

static void what_is_read_is_written_again(void **state)
{
    struct baseline b;
    (void)state;
    read_ok(written, &b);
    assert_int_equal(b.n, 1);
    assert_false(b.is_document);
    char *text = write_ok(&b);
    assert_string_equal(text, written);
    free(text);
    baseline_release(&b);
}

/* Names may be any bytes; the file is UTF-8 all the same. */
static void strange_names_are_written(void **state)
{
    struct made *m = made_new();
    struct baseline b;
    struct err err = {0};
    (void)state;
    (void)made_goroutines(m, "main.\xff\"\\\n", GRADE_STRONG, 1);
    assert_ok(baseline_of_findings(&m->findings, &b, &err), &err);
    char *text = write_ok(&b);
    assert_non_null(strstr(text, "main.?\\\"\\\\\\n"));
    struct baseline again;
    read_ok(text, &again);
    free(text);
    baseline_release(&again);
    baseline_release(&b);
    made_free(m);
}

/* --- findings documents --- */

#define FINDING(id, more)                                                      \
    "{\"id\":\"" id "\",\"id_version\":1,\"loose_id\":\"f000000000000001\","   \
    "\"rule\":\"goroutine-chan-receive\",\"grade\":\"strong\","                \
    "\"profile\":\"goroutine\",\"site\":{\"function\":\"main.f\"},"            \
    "\"metrics\":[{\"name\":\"goroutines\",\"unit\":\"count\",\"last\":7,"     \
    "\"delta\":6,\"per_hour\":null}],\"statistics\":{\"z\":3}" more "}"

/* clang-format off */
static const char document[] =
    "{\"schema\":\"seep/findings/1\",\"verdict\":\"leak\","
    "\"command\":\"leaks\",\"program\":\"orders\","
    "\"window\":{\"seconds\":60,\"last\":\"2026-11-23T10:00:00Z\"},"
    "\"limits\":{\"heap_bytes\":null,\"goroutines\":10},"
    "\"inputs\":[{\"kind\":\"goroutine\",\"used\":true},"
    "{\"kind\":\"heap\",\"used\":false}],"
    "\"findings\":[" FINDING("00000000000000bb", "") ","
    FINDING("00000000000000aa", ",\"suppressed\":null,\"state\":\"new\"") ","
    FINDING("00000000000000cc", ",\"suppressed\":{\"by\":\"x\"}") ","
    FINDING("00000000000000dd", ",\"state\":\"fixed\"") "],"
    "\"more\":[1,2]}";
/* clang-format on */

static void documents_are_read_with_their_window(void **state)
{
    struct baseline b;
    (void)state;
    read_ok(document, &b);
    assert_true(b.is_document);
    assert_int_equal(b.n, 3);
    assert_string_equal(b.items[0].id, "00000000000000aa");
    assert_string_equal(b.items[0].program, "orders");
    assert_false(b.items[0].is_aside || b.items[1].is_aside);
    assert_true(b.items[2].is_aside);
    assert_string_equal(b.window.program, "orders");
    assert_false(b.window.is_comparison || b.window.has_lost);
    assert_string_equal(b.items[0].headline,
                        rules_find("goroutine-chan-receive")->headline);
    assert_true(b.items[0].level == 7 && b.items[0].delta == 6);
    assert_true(b.items[0].noise == 2);
    assert_true(isnan(b.items[0].per_hour));
    assert_int_equal(b.items[0].first_seen_nanos,
                     INT64_C(1795428000) * 1000000000);
    assert_int_equal(b.window.kinds, PROFILE_BIT(KIND_GOROUTINE));
    assert_true(isnan(b.window.heap_bytes) && b.window.goroutines == 10);
    assert_true(b.window.seconds == 60);
    assert_false(b.window.is_inconclusive);
    baseline_release(&b);
}

/* What a comparison calls fixed is news; what was lost or left open is told. */
static void documents_say_what_they_cannot_know(void **state)
{
    struct baseline b;
    (void)state;
    read_ok("{\"schema\":\"seep/findings/1\",\"verdict\":\"clean\","
            "\"command\":\"diff\",\"undecided\":\"few runs\","
            "\"window\":{\"lost\":true},\"findings\":[" FINDING(
                "00000000000000dd", ",\"state\":\"fixed\"") "]}",
            &b);
    assert_int_equal(b.n, 1);
    assert_true(b.items[0].is_fixed);
    assert_true(b.window.is_comparison && b.window.has_lost);
    assert_true(b.window.is_inconclusive);
    baseline_release(&b);
}

static void both_comparisons_are_read_as_such(void **state)
{
    static const char *const commands[] = {"diff", "heap diff", "heap",
                                           "leaks"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct baseline b;
        char text[200];
        (void)snprintf(text, sizeof text,
                       "{\"schema\":\"seep/findings/1\",\"verdict\":\"clean\","
                       "\"command\":\"%s\",\"findings\":[]}",
                       commands[i]);
        read_ok(text, &b);
        assert_int_equal(b.window.is_comparison, i < 2);
        baseline_release(&b);
    }
}

/* A finding is of its run, and what is not found was looked for in each. */
static void a_document_of_several_runs_is_read_by_run(void **state)
{
    struct baseline b;
    (void)state;
    read_ok(
        "{\"schema\":\"seep/findings/1\",\"verdict\":\"clean\","
        "\"window\":{\"seconds\":150},"
        "\"inputs\":[{\"kind\":\"goroutine\",\"used\":true},"
        "{\"kind\":\"heap\",\"used\":true}],"
        "\"runs\":[{\"run\":1,\"verdict\":\"clean\",\"seconds\":100,"
        "\"kinds\":[\"heap\",\"goroutine\"]},"
        "{\"run\":2,\"verdict\":null,\"seconds\":null,\"kinds\":[]},"
        "{\"run\":3,\"verdict\":\"clean\",\"seconds\":50,"
        "\"kinds\":[\"heap\"]}],"
        "\"findings\":[" FINDING("00000000000000aa", ",\"run\":1") "," FINDING(
            "00000000000000bb", ",\"run\":3") "," FINDING("00000000000000cc",
                                                          ",\"run\":null") "]}",
        &b);
    assert_int_equal(b.window.kinds, PROFILE_BIT(KIND_HEAP));
    assert_true(b.window.seconds == 50);
    assert_true(b.items[0].seconds == 100);
    assert_true(b.items[1].seconds == 50);
    assert_true(b.items[2].seconds == 50);
    baseline_release(&b);
}

/* clang-format off */
static const struct {
    const char *text, *wanted;
} bad[] = {
    {"", "b.json:1: '[' or '{' expected near end of file"},
    {"{\"schema\":", "b.json:1: unexpected token near end of file"},
    {"[]", "b.json: neither a baseline nor a findings document (--format json)"},
    {"{}", "b.json: neither a baseline nor a findings document (--format json)"},
    {"{\"schema\": 1}", "b.json: neither a baseline nor a findings document (--format json)"},
    {"{\"schema\": \"seep/baseline/2\"}", "b.json: schema seep/baseline/2, wanted seep/baseline/1 or seep/findings/1"},
    {"{\"schema\": \"seep/baseline/1\"}", "b.json: no id_version"},
    {"{\"schema\": \"seep/baseline/1\", \"id_version\": 7}",
     "b.json: its ids are of version 7, this seep makes version 1: save it anew with seep baseline save"},
    {"{\"schema\": \"seep/baseline/1\", \"id_version\": 1}", "b.json: no list of findings"},
    {"{\"schema\": \"seep/baseline/1\", \"id_version\": 1, \"findings\": [3]}", "b.json: finding 0: not an object"},
    {"{\"schema\": \"seep/baseline/1\", \"id_version\": 1, \"findings\": [{\"id\": \"xyz\"}]}",
     "b.json: finding 0: id and loose_id have 16 hex digits"},
    {"{\"schema\": \"seep/baseline/1\", \"id_version\": 1, \"findings\": ["
     "{\"id\": \"0000000000000001\", \"loose_id\": \"0000000000000001\", \"grade\": \"bad\"}]}",
     "b.json: finding 0: no such grade or profile"},
    {"{\"schema\": \"seep/findings/1\", \"findings\": ["
     "{\"id\": \"0000000000000001\", \"id_version\": 2, \"loose_id\": \"0000000000000001\","
     "\"grade\": \"strong\", \"profile\": \"heap\"}]}",
     "b.json: its ids are of version 2, this seep makes version 1: save it anew with seep baseline save"},
    {"{\"schema\": \"a\", \"schema\": \"b\"}", "b.json:1: duplicate object key near '\"schema\"'"},
};
/* clang-format on */

static void other_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct baseline b;
        struct err err = {0};
        assert_false(baseline_read(span_of(bad[i].text), "b.json", &b, &err));
        assert_err(&err, ERR_FORMAT, bad[i].wanted);
    }
}

/* Keys of other types than ours are passed over as unknown ones are. */
static void wrong_types_are_unknown_values(void **state)
{
    static const char text[] =
        "{\"schema\":\"seep/baseline/1\",\"id_version\":1,\"tool\":[],"
        "\"findings\":[{\"id\":\"0000000000000001\",\"loose_id\":"
        "\"0000000000000001\",\"grade\":\"strong\",\"profile\":\"heap\","
        "\"rule\":3,\"site\":7,\"metric\":{\"name\":[],\"level\":-5,"
        "\"delta\":\"x\"},\"first_seen\":\"yesterday\"}]}";
    struct baseline b;
    (void)state;
    read_ok(text, &b);
    assert_int_equal(b.n, 1);
    assert_string_equal(b.items[0].rule, "");
    assert_string_equal(b.items[0].function, "");
    assert_true(isnan(b.items[0].level) && isnan(b.items[0].delta));
    assert_int_equal(b.items[0].first_seen_nanos, 0);
    baseline_release(&b);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n + 2 < sizeof written; n++) {
        struct baseline b;
        struct err err = {0};
        assert_false(
            baseline_read((struct span){written, n}, "b.json", &b, &err));
        assert_int_equal(err.code, ERR_FORMAT);
    }
}

/* --- merging --- */

static void merging_keeps_the_earlier_day_and_the_larger_level(void **state)
{
    struct made *m = made_new();
    struct baseline a;
    struct baseline b;
    struct err err = {0};
    (void)state;
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 5);
    (void)made_goroutines(m, "main.b", GRADE_STRONG, 50);
    m->items[0].first_seen_nanos = 100;
    m->items[1].first_seen_nanos = 100;
    assert_ok(baseline_of_findings(&m->findings, &a, &err), &err);
    (void)made_goroutines(m, "main.c", GRADE_STRONG, 500);
    m->metrics[0].last = 7;
    m->metrics[1].last = 20;
    m->items[0].first_seen_nanos = 200;
    m->items[1].first_seen_nanos = 50;
    m->items[2].first_seen_nanos = 200;
    assert_ok(baseline_of_findings(&m->findings, &b, &err), &err);
    assert_ok(baseline_merge(&a, &b, &err), &err);
    baseline_release(&b);
    made_free(m);
    assert_int_equal(a.n, 3);
    assert_true(a.items[0].level == 7 && a.items[0].first_seen_nanos == 100);
    assert_true(a.items[1].level == 50 && a.items[1].first_seen_nanos == 50);
    assert_string_equal(a.items[2].function, "main.c");
    baseline_release(&a);
}

static bool read_and_write_once(void *ctx, struct err *err)
{
    struct baseline b;
    struct baseline all = {.n = 0};
    struct buf out = BUF_LIMIT(1 << 20);
    const bool ok = baseline_read(span_of(ctx), "b.json", &b, err) &&
                    baseline_merge(&all, &b, err) &&
                    baseline_write(&all, &out, err);
    buf_release(&out);
    baseline_release(&all);
    baseline_release(&b);
    return ok;
}

static void running_out_of_memory_is_told(void **state)
{
    char text[sizeof written];
    (void)state;
    memcpy(text, written, sizeof written);
    assert_true(oom_walk(read_and_write_once, text) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_become_the_file),
        cmocka_unit_test(what_is_read_is_written_again),
        cmocka_unit_test(strange_names_are_written),
        cmocka_unit_test(documents_are_read_with_their_window),
        cmocka_unit_test(documents_say_what_they_cannot_know),
        cmocka_unit_test(both_comparisons_are_read_as_such),
        cmocka_unit_test(a_document_of_several_runs_is_read_by_run),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(wrong_types_are_unknown_values),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(merging_keeps_the_earlier_day_and_the_larger_level),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
