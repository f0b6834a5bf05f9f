/* SARIF as code scanning reads it: places, links, stacks, limits. */
#include "report/sample.h"

#include "base/gz.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *parsed(const struct report *r)
{
    struct buf out = sample_render("sarif", r, (struct render_options){0});
    json_error_t error;
    json_t *doc = json_loadb(out.data, out.len, 0, &error);
    if (!doc) {
        fail_msg("line %d: %s", error.line, error.text);
    }
    buf_release(&out);
    return doc;
}

static const json_t *run(const json_t *doc)
{
    return json_array_get(json_object_get(doc, "runs"), 0);
}

static const json_t *result(const json_t *doc, size_t i)
{
    return json_array_get(json_object_get(run(doc), "results"), i);
}

/* "a.0.b": keys and indices. */
static const json_t *at(const json_t *from, const char *path)
{
    char word[64];
    while (from && *path) {
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof word);
        memcpy(word, path, n);
        word[n] = '\0';
        from = json_is_array(from)
                   ? json_array_get(from, strtoul(word, NULL, 10))
                   : json_object_get(from, word);
        path += n + (path[n] == '.');
    }
    return from;
}

static void assert_text(const json_t *from, const char *path, const char *want)
{
    const char *got = json_string_value(at(from, path));
    assert_non_null(got);
    assert_string_equal(got, want);
}

static void results_stand_where_the_patch_touched(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_reviewed(&v));
    const json_t *r = result(doc, 0);
    assert_text(r, "ruleId", "goroutine-chan-receive");
    assert_text(r, "level", "error");
    assert_text(r, "locations.0.physicalLocation.artifactLocation.uri",
                "orders/dispatcher.go");
    assert_int_equal(json_integer_value(at(
                         r, "locations.0.physicalLocation.region.startLine")),
                     88);
    assert_text(r, "partialFingerprints.primaryLocationLineHash",
                "00c0ffee00c0ffe0:1");
    assert_text(r, "partialFingerprints.seep/v1", "00c0ffee00c0ffe0");
    assert_text(r, "baselineState", "new");
    assert_text(result(doc, 1), "baselineState", "updated");
    assert_text(result(doc, 2), "baselineState", "unchanged");
    assert_null(json_object_get(result(doc, 3), "baselineState"));
    json_decref(doc);
}

static void message_links_to_frames_of_the_repository(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_reviewed(&v));
    assert_text(
        result(doc, 0), "message.text",
        "goroutines wait on a channel receive at [main.(*Dispatcher).await "
        "orders/dispatcher.go:88](1): 24 -> 306, +45k/h. This change touches "
        "this line. State: new. Started by [main.(*Dispatcher).Send "
        "orders/send it.go:61](2). 306 goroutines wait to receive from a "
        "channel; none of the first 24 ended. Fix: Let the sender, who owns "
        "the channel, close it on every path (defer close(ch)), or select on "
        "ctx.Done() beside the receive so that the goroutine has "
        "an end.");
    assert_int_equal(
        json_integer_value(at(result(doc, 0), "relatedLocations.1.id")), 2);
    assert_text(result(doc, 0),
                "relatedLocations.1.physicalLocation.artifactLocation.uri",
                "orders/send%20it.go");
    json_decref(doc);
}

static void message_names_another_frame_that_is_touched(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.items[0].patched = &v.base.stack[2];
    json_t *doc = parsed(&v.base.report);
    const char *text = json_string_value(at(result(doc, 0), "message.text"));
    assert_non_null(strstr(text, ". This change touches the function "
                                 "[acme.dev/orders/session.open "
                                 "orders/session/open.go:12](2). "));
    json_decref(doc);
}

/* Code flows hold what can be opened, stacks hold all. */
static void stack_is_told_twice(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_reviewed(&v));
    const json_t *r = result(doc, 0);
    const json_t *steps = at(r, "codeFlows.0.threadFlows.0.locations");
    assert_int_equal(json_array_size(steps), 1);
    assert_text(steps, "0.location.message.text", "main.(*Dispatcher).await");
    const json_t *frames = at(r, "stacks.0.frames");
    assert_int_equal(json_array_size(frames), 2);
    assert_text(frames, "0.location.message.text",
                "runtime.gopark runtime/proc.go:424");
    assert_text(frames, "0.module", "std");
    assert_null(at(frames, "0.location.physicalLocation"));
    json_decref(doc);
}

static void root_comes_first_in_code_flows(void **state)
{
    (void)state;
    struct sample_review v;
    sample_reviewed(&v);
    v.base.stack[0].mark = &v.marks[2];
    json_t *doc = parsed(&v.base.report);
    const json_t *steps =
        at(result(doc, 0), "codeFlows.0.threadFlows.0.locations");
    assert_int_equal(json_array_size(steps), 2);
    assert_text(steps, "0.location.message.text", "main.(*Dispatcher).await");
    assert_text(steps, "1.location.message.text", "runtime.gopark");
    json_decref(doc);
}

/* GitHub would show what is fixed as an open alert. */
static void fixed_is_left_out_and_accepted_is_suppressed(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_reviewed(&v));
    assert_int_equal(json_array_size(at(run(doc), "results")), 5);
    assert_text(result(doc, 4), "level", "note");
    assert_text(result(doc, 4), "suppressions.0.status", "accepted");
    assert_text(result(doc, 4), "suppressions.0.justification",
                "by .seep.yml:12 until 2026-12-31: the pool is bounded by 400");
    json_decref(doc);
}

static void what_has_no_place_stands_at_the_anchor(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    json_t *doc = parsed(&s.report);
    static const char uri[] =
        "locations.0.physicalLocation.artifactLocation.uri";
    assert_text(result(doc, 0), uri, "go.mod");
    assert_null(at(result(doc, 0), "codeFlows"));
    assert_null(at(result(doc, 0), "relatedLocations"));
    json_decref(doc);
    s.report.anchor = "api/go.mod";
    doc = parsed(&s.report);
    assert_text(result(doc, 0), uri, "api/go.mod");
    json_decref(doc);
}

static void rules_are_those_that_are_used(void **state)
{
    (void)state;
    struct sample s;
    json_t *doc = parsed(sample_report(&s));
    const json_t *rules = at(run(doc), "tool.driver.rules");
    assert_int_equal(json_array_size(rules), 2);
    assert_text(rules, "0.id", "goroutine-chan-receive");
    assert_text(rules, "0.name", "GoroutineChanReceive");
    assert_text(rules, "1.id", "heap-growth");
    assert_int_equal(json_integer_value(at(result(doc, 1), "ruleIndex")), 1);
    assert_text(run(doc), "automationDetails.id", "seep/leaks/orders/");
    json_decref(doc);
}

/* Every text of a rule fits, whatever is written into rules to come. */
static void all_rules_fit(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *all = rules_all(&n);
    struct sample s;
    struct finding *items = calloc(n, sizeof(*items));
    assert_non_null(items);
    sample_huge(&s, items, n);
    for (size_t i = 0; i < n; i++) {
        items[i].rule = all[i];
    }
    json_t *doc = parsed(&s.report);
    const json_t *rules = at(run(doc), "tool.driver.rules");
    assert_int_equal(json_array_size(rules), n);
    static const char *const texts[] = {"shortDescription.text",
                                        "fullDescription.text", "help.text"};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < 3; k++) {
            const json_t *text = at(json_array_get(rules, i), texts[k]);
            const size_t len = json_string_length(text);
            assert_true(len > 0 && (k == 2 || len <= 1024));
        }
    }
    json_decref(doc);
    free(items);
}

static void equal_ids_are_counted(void **state)
{
    (void)state;
    struct sample s;
    struct finding items[4];
    sample_huge(&s, items, 4);
    json_t *doc = parsed(&s.report);
    static const char hash[] = "partialFingerprints.primaryLocationLineHash";
    assert_text(result(doc, 0), hash, "0000000000000000:1");
    assert_text(result(doc, 1), hash, "0000000000000000:2");
    assert_text(result(doc, 3), hash, "0000000000000001:2");
    json_decref(doc);
}

enum { N_HUGE = 10000 };

static void first_five_thousand_are_written(void **state)
{
    (void)state;
    struct sample s;
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    json_t *doc = parsed(sample_huge(&s, items, N_HUGE));
    assert_int_equal(json_array_size(at(run(doc), "results")), 5000);
    assert_text(run(doc),
                "invocations.0.toolExecutionNotifications.0.message."
                "text",
                "5000 results with the lowest rank are left out: code scanning "
                "takes no more");
    json_decref(doc);
    free(items);
}

/* Names that do not compress, on stacks that are deep. */
static void a_huge_log_stays_below_ten_megabytes(void **state)
{
    (void)state;
    enum { FRAMES = 110, NAME = 240, N = 400 };
    struct sample s;
    struct finding *items = calloc(N, sizeof(*items));
    struct frame *frames = calloc((size_t)FRAMES * 64, sizeof(*frames));
    char(*names)[NAME + 1] = calloc((size_t)FRAMES * 64, NAME + 1);
    assert_true(items && frames && names);
    uint32_t seed = 1;
    for (size_t i = 0; i < (size_t)FRAMES * 64; i++) {
        for (size_t k = 0; k < NAME; k++) {
            seed = seed * 1664525 + 1013904223;
            names[i][k] = (char)('!' + (seed >> 24) % 90);
        }
        frames[i] = (struct frame){.function = names[i], .file = names[i]};
    }
    sample_huge(&s, items, N);
    for (size_t i = 0; i < N; i++) {
        items[i].stack = &frames[i % 64 * FRAMES];
        items[i].n_stack = FRAMES;
    }
    struct buf out =
        sample_render("sarif", &s.report, (struct render_options){0});
    struct buf packed = BUF_LIMIT((size_t)64 << 20);
    struct err err = {0};
    assert_ok(gz_compress((const uint8_t *)out.data, out.len, 6, &packed, &err),
              &err);
    assert_true(packed.len < 10000000 && packed.len > 1000000);
    json_t *doc = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(doc);
    assert_int_equal(json_array_size(at(result(doc, 0), "stacks.0.frames")),
                     100);
    json_decref(doc);
    buf_release(&out);
    buf_release(&packed);
    free(items);
    free(frames);
    free(names);
}

/* No link, no escape of a path, no text above the limit. */
static void hostile_text_stays_text(void **state)
{
    (void)state;
    struct sample_review v;
    json_t *doc = parsed(sample_hostile_review(&v));
    for (size_t i = 0; i < 5; i++) {
        const char *text =
            json_string_value(at(result(doc, i), "message.text"));
        assert_non_null(text);
        assert_true(strlen(text) <= 1024);
        assert_null(strstr(text, "[y]("));
        assert_null(strpbrk(text, "\n\x1b"));
        const char *uri = json_string_value(
            at(result(doc, i),
               "locations.0.physicalLocation.artifactLocation.uri"));
        assert_non_null(uri);
        assert_null(strpbrk(uri, " \n\x1b:|<>\""));
    }
    json_decref(doc);
}

static void a_run_that_decides_nothing_is_no_success(void **state)
{
    (void)state;
    struct sample s;
    sample_report(&s);
    json_t *doc = parsed(&s.report);
    assert_true(
        json_is_true(at(run(doc), "invocations.0.executionSuccessful")));
    json_decref(doc);
    s.report.undecided = "an input was lost";
    doc = parsed(&s.report);
    const json_t *invocation = at(run(doc), "invocations.0");
    assert_true(json_is_false(at(invocation, "executionSuccessful")));
    assert_text(invocation, "toolExecutionNotifications.0.level", "error");
    assert_text(invocation, "toolExecutionNotifications.0.message.text",
                "could not decide: an input was lost");
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_stand_where_the_patch_touched),
        cmocka_unit_test(message_links_to_frames_of_the_repository),
        cmocka_unit_test(message_names_another_frame_that_is_touched),
        cmocka_unit_test(stack_is_told_twice),
        cmocka_unit_test(root_comes_first_in_code_flows),
        cmocka_unit_test(fixed_is_left_out_and_accepted_is_suppressed),
        cmocka_unit_test(what_has_no_place_stands_at_the_anchor),
        cmocka_unit_test(a_run_that_decides_nothing_is_no_success),
        cmocka_unit_test(rules_are_those_that_are_used),
        cmocka_unit_test(all_rules_fit),
        cmocka_unit_test(equal_ids_are_counted),
        cmocka_unit_test(first_five_thousand_are_written),
        cmocka_unit_test(a_huge_log_stays_below_ten_megabytes),
        cmocka_unit_test(hostile_text_stays_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
