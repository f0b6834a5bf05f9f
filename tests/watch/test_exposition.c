/* The exposition read by a strict parser of the format, version 0.0.4. */
#include "test.h"

#include "base/num.h"
#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <math.h>
#include <stdio.h>

static const struct rules_options no_rules;

static struct watcher *watch_new(size_t n)
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
        snprintf(name, sizeof name, "r-%03zu:1", i);
        assert_ok(watch_targets_add(&t, name, &err), &err);
    }
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, NULL, NULL, &w, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 1, 1, &err), &err);
    watch_targets_release(&t);
    return w;
}

static void add_leak(struct watcher *w, size_t i, const char *function,
                     double bytes_per_hour)
{
    struct finding f = {
        .id = "00000000000000aa",
        .rule = rules_find("heap-growth"),
        .grade = GRADE_STRONG,
        .has_site = true,
        .site = {.function = function, .file = "a.go", .package = "main"},
        .rank_bytes_per_hour = bytes_per_hour
    };
    const struct findings one = {.items = &f, .n = 1};
    struct err err = {0};
    assert_ok(findings_copy(&one, &w->items[i]->findings, &err), &err);
    w->items[i]->has_findings = true;
}

/* --- the parser --- */

struct line {
    struct span name;
    struct span labels; /* with their braces; empty none */
    double value;
};

struct families {
    struct span names[256], types[256];
    size_t n;
    size_t n_samples;
};

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.p[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
              c == ':' || (is_digit && i > 0))) {
            return false;
        }
    }
    return s.len > 0;
}

/* `{a="b",c="d"}`, with \\ \" \n as its only escapes. */
static size_t read_labels(struct span s)
{
    size_t i = 1;
    for (;;) {
        const size_t from = i;
        while (i < s.len && s.p[i] != '=') {
            i++;
        }
        assert_true(is_name((struct span){s.p + from, i - from}));
        assert_true(i + 1 < s.len && s.p[i + 1] == '"');
        for (i += 2; i < s.len && s.p[i] != '"'; i++) {
            if (s.p[i] == '\\') {
                i++;
                assert_non_null(strchr("\\\"n", s.p[i]));
            }
            assert_true((unsigned char)s.p[i] >= ' ' || s.p[i] == '\t');
        }
        assert_true(i + 1 < s.len);
        if (s.p[i + 1] == '}') {
            return i + 2;
        }
        assert_int_equal(s.p[i + 1], ',');
        i += 2;
    }
}

static struct line read_sample(struct span s)
{
    struct line out = {.value = NAN};
    size_t n = 0;
    while (n < s.len && s.p[n] != '{' && s.p[n] != ' ') {
        n++;
    }
    out.name = span_first(s, n);
    assert_true(is_name(out.name));
    s = span_from(s, n);
    if (s.len > 0 && s.p[0] == '{') {
        out.labels = span_first(s, read_labels(s));
        s = span_from(s, out.labels.len);
    }
    assert_true(s.len > 1 && s.p[0] == ' ');
    assert_true(num_parse_double(span_from(s, 1), &out.value));
    return out;
}

static struct span base_of(struct span name, struct span type)
{
    static const char *const ends[] = {"_bucket", "_sum", "_count"};
    for (size_t i = 0; span_is(type, "histogram") && i < 3; i++) {
        if (span_ends(name, ends[i])) {
            return span_first(name, name.len - strlen(ends[i]));
        }
    }
    return name;
}

/* Each family once, HELP before TYPE before its samples, all together. */
static void parse(struct span text, struct families *f,
                  void (*sample)(void *ctx, const struct line *l), void *ctx)
{
    struct span line;
    *f = (struct families){.n = 0};
    assert_true(span_ends(text, "\n"));
    while (span_line(&text, &line)) {
        if (span_starts(line, "# HELP ")) {
            const struct span rest = span_from(line, 7);
            const struct span name =
                span_first(rest, span_find_char(rest, ' '));
            assert_true(is_name(name) && rest.len > name.len + 1);
            for (size_t i = 0; i < f->n; i++) {
                assert_false(span_eq(f->names[i], name));
            }
            f->names[f->n] = name;
            struct span type;
            assert_true(span_line(&text, &type));
            assert_true(span_starts(type, "# TYPE "));
            type = span_from(type, 7);
            assert_true(span_eq(span_first(type, name.len), name));
            f->types[f->n] = span_from(type, name.len + 1);
            const struct span t = f->types[f->n];
            assert_true(span_is(t, "counter") || span_is(t, "gauge") ||
                        span_is(t, "histogram"));
            if (span_is(t, "counter")) {
                assert_true(span_ends(name, "_total"));
            }
            f->n++;
            continue;
        }
        const struct line l = read_sample(line);
        assert_true(f->n > 0);
        assert_true(
            span_eq(base_of(l.name, f->types[f->n - 1]), f->names[f->n - 1]));
        f->n_samples++;
        if (sample) {
            sample(ctx, &l);
        }
    }
}

static void expose(const struct watcher *w, struct buf *out)
{
    struct err err = {0};
    *out = BUF_LIMIT(4u << 20);
    const struct watch_process self = {.version = "0.1.0",
                                       .resident_bytes = 12345678,
                                       .cpu_seconds = 1.5,
                                       .started_nanos =
                                           INT64_C(1767603600500000000)};
    watch_exposition(w, &self, out);
    assert_ok(buf_check(out, "exposition", &err), &err);
}

/* --- tests --- */

static void it_is_the_format(void **state)
{
    (void)state;
    struct watcher *w = watch_new(3);
    struct buf out;
    struct families f;
    add_leak(w, 1, "main.load", 1e6);
    expose(w, &out);
    parse(buf_view(&out), &f, NULL, NULL);
    assert_true(f.n > 15);
    assert_non_null(strstr(out.data, "\nseep_targets 3\n"));
    assert_non_null(strstr(out.data, "seep_build_info{version=\"0.1.0\"} 1\n"));
    assert_non_null(
        strstr(out.data, "\nprocess_start_time_seconds 1767603600.5\n"));
    assert_non_null(
        strstr(out.data, "\nprocess_resident_memory_bytes 12345678\n"));
    assert_non_null(strstr(out.data, "\nprocess_cpu_seconds_total 1.5\n"));
    assert_null(strstr(out.data, "seep_decode_cpu_seconds_total"));
    assert_non_null(strstr(out.data, "seep_fetches_total{result=\"ok\"} 0\n"));
    assert_non_null(strstr(out.data, "seep_leak_bytes_per_hour{target=\"r-001:1"
                                     "\",function=\"main.load\",rule=\"heap-"
                                     "growth\",id=\"00000000000000aa\"} "
                                     "1000000\n"));
    buf_release(&out);
    watcher_free(w);
}

static void hostile_names_are_escaped(void **state)
{
    (void)state;
    struct watcher *w = watch_new(1);
    struct buf out;
    struct families f;
    add_leak(w, 0, "main.a\"} 1\nseep_targets 99\\ \xff", 1);
    expose(w, &out);
    parse(buf_view(&out), &f, NULL, NULL);
    assert_null(strstr(out.data, "\nseep_targets 99"));
    assert_non_null(strstr(out.data,
                           "function=\"main.a\\\"} 1\\nseep_targets 99\\\\ "
                           "\xef\xbf\xbd\""));
    buf_release(&out);
    watcher_free(w);
}

static void leaks_are_bounded_in_number_and_the_largest_stay(void **state)
{
    (void)state;
    enum { N = 250 };
    struct watcher *w = watch_new(N);
    struct buf out;
    struct families f;
    for (size_t i = 0; i < N; i++) {
        add_leak(w, i, "main.load", (double)i);
    }
    expose(w, &out);
    parse(buf_view(&out), &f, NULL, NULL);
    size_t n = 0;
    for (const char *p = out.data;
         (p = strstr(p, "seep_leak_bytes_per_hour{")) != NULL; p++) {
        n++;
    }
    assert_int_equal(n, 200);
    assert_non_null(strstr(out.data, "target=\"r-249:1\""));
    assert_null(
        strstr(out.data, "seep_leak_bytes_per_hour{target=\"r-049:1\""));
    assert_non_null(strstr(out.data, "\nseep_leaks_left_out 50\n"));
    buf_release(&out);
    watcher_free(w);
}

static void targets_are_named_with_their_state_up_to_a_bound(void **state)
{
    (void)state;
    enum { N = 250 };
    struct watcher *w = watch_new(N);
    struct buf out;
    struct families f;
    struct watched *up = w->items[0];
    up->n_moments = 3;
    up->last_nanos = INT64_C(1767603600500000000);
    up->heap_bytes = 4096;
    up->goroutines = 12;
    add_leak(w, 0, "main.load", 1);
    w->items[1]->n_missed = 1;
    w->items[1]->is_failing = true;
    w->items[2]->is_gone = true;
    w->items[2]->n_moments = 1;
    w->items[240]->n_moments = 1;
    expose(w, &out);
    parse(buf_view(&out), &f, NULL, NULL);
    assert_non_null(strstr(out.data, "\nseep_target_up{target=\"r-000:1\"} 1\n"
                                     "seep_target_up{target=\"r-001:1\"} 0\n"
                                     "# HELP"));
    assert_non_null(strstr(out.data, "\nseep_target_last_snapshot_timestamp_"
                                     "seconds{target=\"r-000:1\"} "
                                     "1767603600.5\n# HELP"));
    assert_non_null(strstr(
        out.data, "\nseep_target_heap_bytes{target=\"r-000:1\"} 4096\n# HELP"));
    assert_non_null(strstr(
        out.data, "\nseep_target_goroutines{target=\"r-000:1\"} 12\n# HELP"));
    assert_non_null(
        strstr(out.data, "\nseep_target_grade{target=\"r-000:1\"} 3\n# HELP"));
    assert_non_null(strstr(out.data, "\nseep_targets_left_out 50\n"));
    buf_release(&out);
    watcher_free(w);
}

struct histogram {
    double last, inf, count, sum;
    size_t n;
};

static void take_bucket(void *ctx, const struct line *l)
{
    struct histogram *h = ctx;
    if (span_is(l->name, "seep_fetch_seconds_bucket")) {
        assert_true(l->value >= h->last);
        h->last = l->value;
        h->n++;
        if (span_has(l->labels, "+Inf")) {
            h->inf = l->value;
        }
    } else if (span_is(l->name, "seep_fetch_seconds_count")) {
        h->count = l->value;
    } else if (span_is(l->name, "seep_fetch_seconds_sum")) {
        h->sum = l->value;
    }
}

static void histograms_add_up(void **state)
{
    (void)state;
    struct watcher *w = watch_new(1);
    struct buf out;
    struct families f;
    struct histogram h = {0};
    const int64_t ns[] = {0,       500000,    1000000,
                          2000000, 700000000, INT64_C(90000000000)};
    for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
        counts_observe(w->counts.latency, &w->counts.latency_seconds, ns[i]);
    }
    expose(w, &out);
    parse(buf_view(&out), &f, take_bucket, &h);
    assert_int_equal(h.n, WATCH_BUCKETS);
    assert_true(fabs(h.inf - 6) < 1e-9 && fabs(h.count - 6) < 1e-9);
    assert_true(fabs(h.sum - 90.7035) < 1e-9);
    /* What is a bucket's bound is in it. */
    assert_non_null(
        strstr(out.data, "seep_fetch_seconds_bucket{le=\"0.001\"} 3\n"));
    assert_non_null(strstr(out.data, "seep_fetch_seconds_bucket{le=\"30\"} 5"));
    buf_release(&out);
    watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_format),
        cmocka_unit_test(hostile_names_are_escaped),
        cmocka_unit_test(leaks_are_bounded_in_number_and_the_largest_stay),
        cmocka_unit_test(targets_are_named_with_their_state_up_to_a_bound),
        cmocka_unit_test(histograms_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
