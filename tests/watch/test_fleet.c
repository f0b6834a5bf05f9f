#include "test.h"

#include "report/report.h"
#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <math.h>
#include <stdio.h>

enum { N_TARGETS_MAX = 64 };

static const struct rules_options no_rules;

/* A watch of replica-00:1, replica-01:1, ... that asks nobody. */
static struct watcher *fleet_new(size_t n)
{
    const struct watch_options o = {
        .http = {.user_agent = "seep-test",
                 .total_timeout_ns = 1000000000,
                 .connect_timeout_ns = 1000000000,
                 .limit_bytes = 1000},
        .interval_ns = 1000000000,
        .has_heap = true,
        .rules = &no_rules
    };
    struct watcher *w = NULL;
    struct watch_targets t = {0};
    struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "replica-%02zu:1", i);
        assert_ok(watch_targets_add(&t, name, &err), &err);
    }
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, NULL, NULL, &w, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 1, 1, &err), &err);
    watch_targets_release(&t);
    return w;
}

static void set_program(struct watcher *w, size_t i, const char *name)
{
    struct err err = {0};
    assert_ok(
        intern_add(&w->programs, span_of(name), &w->items[i]->program, &err),
        &err);
}

/* Adds a finding to what the target was last found to have. */
static void add_finding(struct watcher *w, size_t i, const char *id,
                        enum grade grade, const char *unit, double last)
{
    const struct metric metric = {
        .name = "goroutines", .unit = unit, .last = last, .per_hour = 1};
    struct finding f = {.rule = rules_find("goroutine-growth"),
                        .grade = grade,
                        .profile = KIND_GOROUTINE,
                        .metrics = &metric,
                        .n_metrics = 1,
                        .first_seen_nanos = 1000 + (int64_t)i};
    memcpy(f.id, id, strlen(id) + 1);
    memcpy(f.loose_id, id, strlen(id) + 1);
    struct watched *t = w->items[i];
    struct finding items[8];
    struct findings more = t->findings;
    struct findings copy = {0};
    struct err err = {0};
    assert_true(more.n < 8);
    for (size_t k = 0; k < more.n; k++) {
        items[k] = more.items[k];
    }
    items[more.n++] = f;
    more.items = items;
    more.verdict = VERDICT_LEAK;
    assert_ok(findings_copy(&more, &copy, &err), &err);
    findings_release(&t->findings);
    t->findings = copy;
    t->has_findings = true;
}

static void take(struct watcher *w, struct findings *out)
{
    struct err err = {0};
    assert_ok(fleet_findings(w, out, &err), &err);
}

static void of_one_target_they_are_its_own(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(1);
    struct findings f;
    add_finding(w, 0, "00000000000000aa", GRADE_STRONG, "count", 100);
    take(w, &f);
    assert_int_equal(f.n, 1);
    assert_null(f.items[0].replicas);
    findings_release(&f);
    watcher_free(w);
}

static void equal_ids_are_one_finding_with_its_spread(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(5);
    struct findings f;
    for (size_t i = 0; i < 5; i++) {
        set_program(w, i, i < 4 ? "orders" : "billing");
    }
    add_finding(w, 0, "00000000000000aa", GRADE_STRONG, "count", 300);
    add_finding(w, 2, "00000000000000aa", GRADE_SUSPECT, "count", 400);
    take(w, &f);
    assert_int_equal(f.n, 1);
    const struct finding_replicas *r = f.items[0].replicas;
    assert_non_null(r);
    assert_int_equal(r->n_with, 2);
    assert_int_equal(r->n_targets, 4);
    assert_true(fabs(r->rms - sqrt((300.0 * 300 + 400.0 * 400) / 2)) < 1e-9);
    assert_true(fabs(r->min - 300) < 1e-9 && fabs(r->max - 400) < 1e-9);
    assert_true(fabs(r->median - 350) < 1e-9);
    assert_int_equal(r->n_worst, 2);
    assert_string_equal(r->worst[0], "replica-02:1");
    assert_string_equal(r->worst[1], "replica-00:1");
    /* The gravest is shown, first seen where it was seen first. */
    assert_int_equal(f.items[0].grade, GRADE_STRONG);
    assert_int_equal(f.items[0].first_seen_nanos, 1000);
    findings_release(&f);
    watcher_free(w);
}

static void one_huge_replica_outranks_many_small_ones(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(40);
    struct findings f;
    for (size_t i = 0; i < 40; i++) {
        add_finding(w, i, "00000000000000aa", GRADE_STRONG, "count", 200);
    }
    add_finding(w, 7, "00000000000000bb", GRADE_STRONG, "count", 5000);
    add_finding(w, 7, "00000000000000cc", GRADE_PROVEN, "count", 1);
    /* 1 MB is 404 goroutines' stacks: between the two. */
    add_finding(w, 3, "00000000000000dd", GRADE_STRONG, "bytes", 1048576);
    take(w, &f);
    assert_int_equal(f.n, 4);
    assert_string_equal(f.items[0].id, "00000000000000cc");
    assert_string_equal(f.items[1].id, "00000000000000bb");
    assert_string_equal(f.items[2].id, "00000000000000dd");
    assert_string_equal(f.items[3].id, "00000000000000aa");
    assert_int_equal(f.items[3].replicas->n_with, 40);
    assert_int_equal(f.items[3].replicas->n_worst, FINDING_WORST_MAX);
    findings_release(&f);
    watcher_free(w);
}

static void the_verdict_is_the_worst_and_silence_is_no_health(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(3);
    struct findings f;
    w->items[0]->has_findings = true;
    w->items[0]->findings.limits =
        (struct limits){.heap_bytes = 100, .goroutines = 5};
    w->items[1]->has_findings = true;
    w->items[1]->findings.limits =
        (struct limits){.heap_bytes = NAN, .goroutines = 9};
    take(w, &f);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_true(fabs(f.limits.heap_bytes - 100) < 1e-9);
    assert_true(fabs(f.limits.goroutines - 9) < 1e-9);
    findings_release(&f);
    w->items[2]->has_findings = true;
    take(w, &f);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    findings_release(&f);
    add_finding(w, 1, "00000000000000aa", GRADE_STRONG, "count", 100);
    take(w, &f);
    assert_int_equal(f.verdict, VERDICT_LEAK);
    findings_release(&f);
    watcher_free(w);
}

static void notes_are_told_once_with_who_they_are_about(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(3);
    struct findings f;
    const char *notes[] = {"the same", "its own"};
    for (size_t i = 0; i < 3; i++) {
        const struct findings one = {.notes = notes, .n_notes = i == 1 ? 2 : 1};
        struct err err = {0};
        assert_ok(findings_copy(&one, &w->items[i]->findings, &err), &err);
        w->items[i]->has_findings = true;
    }
    take(w, &f);
    assert_int_equal(f.n_notes, 2);
    assert_string_equal(f.notes[0], "replica-01:1: its own");
    assert_string_equal(f.notes[1], "the same (3 targets)");
    findings_release(&f);
    watcher_free(w);
}

/* --- as the report shows it --- */

static void render(const struct findings *f, const char *name, struct buf *out)
{
    const struct render_options o = {.ascii = true};
    const struct report r = {
        .tool_version = "0", .command = "watch", .findings = f};
    struct err err = {0};
    *out = BUF_LIMIT(1 << 20);
    assert_ok(report_renderer_find(name)->render(&r, &o, out, &err), &err);
}

static void the_report_shows_the_spread(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(40);
    struct findings f;
    struct buf out;
    for (size_t i = 0; i < 40; i++) {
        set_program(w, i, "orders");
    }
    for (size_t i = 0; i < 7; i++) {
        add_finding(w, i, "00000000000000aa", GRADE_STRONG, "count",
                    100 + 200 * (double)i);
    }
    take(w, &f);
    render(&f, "text", &out);
    assert_non_null(strstr(out.data, "in 7 of 40 replicas, rms 806, "
                                     "100..1,300:"));
    assert_non_null(strstr(out.data, "replica-06:1, replica-05:1"));
    buf_release(&out);
    render(&f, "markdown", &out);
    assert_non_null(strstr(out.data, "in 7 of 40 replicas, rms 806"));
    buf_release(&out);
    render(&f, "json", &out);
    assert_non_null(strstr(out.data, "\"count\": 7"));
    assert_non_null(strstr(out.data, "\"of\": 40"));
    assert_non_null(strstr(out.data, "\"median\": 700"));
    assert_non_null(strstr(out.data, "\"first_seen\": \"1970-01-01T00:00:00"));
    buf_release(&out);
    findings_release(&f);
    watcher_free(w);
}

static bool merge(void *ctx, struct err *err)
{
    struct findings f = {0};
    const bool ok = fleet_findings(ctx, &f, err);
    findings_release(&f);
    return ok;
}

/* Whatever a target sends, what is kept of it is bounded. */
static void of_too_many_findings_the_gravest_are_kept(void **state)
{
    (void)state;
    enum { N = FINDINGS_KEPT_MAX + 76 };
    struct finding *items = calloc(N, sizeof *items);
    const char *note = "first";
    struct err err = {0};
    assert_non_null(items);
    for (size_t i = 0; i < N; i++) {
        items[i].rule = rules_find("goroutine-growth");
        items[i].grade = i == 0 ? GRADE_STRONG : GRADE_GROWTH;
    }
    const struct findings from = {
        .items = items, .n = N, .notes = &note, .n_notes = 1};
    struct findings out;
    assert_ok(findings_copy(&from, &out, &err), &err);
    assert_int_equal(out.n, FINDINGS_KEPT_MAX);
    assert_int_equal(out.items[0].grade, GRADE_STRONG);
    assert_int_equal(out.n_notes, 2);
    assert_string_equal(out.notes[0], "first");
    assert_string_equal(out.notes[1],
                        "76 more findings, less grave, are left out");
    findings_release(&out);
    free(items);
}

static void set_targets(struct watcher *w, const char *lines)
{
    struct watch_targets t = {0};
    struct err err = {0};
    assert_ok(watch_targets_parse(&t, span_of(lines), &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 2, 2, &err), &err);
    watch_targets_release(&t);
}

static void who_has_left_has_no_open_findings(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(2);
    struct watch_counts c;
    add_finding(w, 0, "00000000000000aa", GRADE_STRONG, "count", 100);
    w->counts.n_findings[GRADE_STRONG] = 1;
    set_targets(w, "replica-01:1\n");
    watcher_counts(w, &c);
    assert_int_equal(c.n_findings[GRADE_STRONG], 0);
    set_targets(w, "replica-00:1\nreplica-01:1\n");
    watcher_counts(w, &c);
    assert_int_equal(c.n_findings[GRADE_STRONG], 1);
    watcher_free(w);
}

static void running_out_of_memory_is_said_and_leaks_nothing(void **state)
{
    (void)state;
    struct watcher *w = fleet_new(3);
    add_finding(w, 0, "00000000000000aa", GRADE_STRONG, "count", 100);
    add_finding(w, 1, "00000000000000aa", GRADE_STRONG, "count", 100);
    assert_true(oom_walk(merge, w) > 3);
    watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_target_they_are_its_own),
        cmocka_unit_test(equal_ids_are_one_finding_with_its_spread),
        cmocka_unit_test(one_huge_replica_outranks_many_small_ones),
        cmocka_unit_test(the_verdict_is_the_worst_and_silence_is_no_health),
        cmocka_unit_test(notes_are_told_once_with_who_they_are_about),
        cmocka_unit_test(the_report_shows_the_spread),
        cmocka_unit_test(of_too_many_findings_the_gravest_are_kept),
        cmocka_unit_test(who_has_left_has_no_open_findings),
        cmocka_unit_test(running_out_of_memory_is_said_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
