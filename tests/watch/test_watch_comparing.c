/* Which events follow from one judgement after the other. */
#include "test.h"

#include "watch/watch.h"
#include "watch/watcher_private.h"

#define SECOND INT64_C(1000000000)

static const struct rules_options no_rules;

struct log {
    struct watcher *w;
    char text[4096]; /* "new:aa confirmed:aa ", of one judgement */
};

static const char *word(const struct watch_event *e)
{
    switch ((int)e->kind) {
    case WATCH_FINDING:
        return e->before == GRADE_INFO ? "new" : "regraded";
    case WATCH_CONFIRMED:
        return "confirmed";
    case WATCH_GONE:
        return "gone";
    default:
        return NULL;
    }
}

static void hear(void *ctx, const struct watch_event *e)
{
    struct log *l = ctx;
    struct buf b = BUF_LIMIT(64);
    if (word(e)) {
        buf_printf(&b, "%s:%s ", word(e), e->finding->id + 14);
        strncat(l->text, b.data, sizeof l->text - strlen(l->text) - 1);
    }
    buf_release(&b);
}

static void begin(struct log *l)
{
    const struct watch_options o = {.http = {.user_agent = "seep-test"},
                                    .interval_ns = SECOND,
                                    .has_heap = true,
                                    .rules = &no_rules};
    struct watch_targets t = {0};
    struct err err = {0};
    *l = (struct log){0};
    assert_ok(watch_targets_add(&t, "orders:6060", &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, hear, l, &l->w, &err), &err);
    assert_ok(watcher_set_targets(l->w, &t, 1, SECOND, &err), &err);
    watch_targets_release(&t);
}

/* One more moment, and a judgement that finds these: "aa strong", "bb info",
   by comma. Returns the events. */
static const char *judged(struct log *l, const char *found)
{
    struct watched *t = l->w->items[0];
    const int64_t n = (int64_t)history_about(t->history).n_moments + 1;
    const struct series_point p = {.kind = KIND_GOROUTINE,
                                   .form = FORM_PROTO,
                                   .program = "",
                                   .build_id = "",
                                   .time_nanos = n * SECOND};
    enum history_event event;
    struct err err = {0};
    l->text[0] = '\0';
    l->w->wall_nanos = n * SECOND;
    assert_ok(history_add(t->history, l->w->table, &p, 1, &event, &err), &err);
    struct finding items[4];
    struct findings f = {.items = items};
    struct span rest = span_of(found);
    while (rest.len > 0) {
        const struct span one = span_first(rest, span_find_char(rest, ','));
        rest = span_from(rest, one.len + 1);
        struct finding *x = &items[f.n++];
        *x = (struct finding){.rule = rules_find("goroutine-growth"),
                              .profile = KIND_GOROUTINE};
        memcpy(x->id, "00000000000000", 14);
        memcpy(x->id + 14, one.p, 2);
        for (int g = 0; g < N_GRADES; g++) {
            if (span_is(span_from(one, 3), grade_name((enum grade)g))) {
                x->grade = (enum grade)g;
            }
        }
    }
    struct findings kept;
    assert_ok(findings_copy(&f, &kept, &err), &err);
    assert_ok(comparing_replace(l->w, t, &kept, &err), &err);
    findings_release(&kept);
    return l->text;
}

static void skip_to(struct log *l, int n, const char *found)
{
    while ((int)history_about(l->w->items[0]->history).n_moments < n - 1) {
        judged(l, found);
    }
}

static void what_is_proven_is_confirmed_at_once_and_once(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    assert_string_equal(judged(&l, "aa proven"), "new:aa confirmed:aa ");
    assert_string_equal(judged(&l, "aa proven"), "");
    assert_string_equal(judged(&l, ""), "gone:aa ");
    assert_string_equal(judged(&l, "aa proven"), "new:aa ");
    watcher_free(l.w);
}

static void
what_is_strong_is_confirmed_when_the_window_has_doubled(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    skip_to(&l, 5, "");
    assert_string_equal(judged(&l, "aa strong"), "new:aa ");
    for (int n = 6; n < 10; n++) {
        assert_string_equal(judged(&l, "aa strong"), "");
    }
    assert_string_equal(judged(&l, "aa strong"), "confirmed:aa ");
    assert_string_equal(judged(&l, "aa strong"), "");
    watcher_free(l.w);
}

static void in_a_long_window_ten_moments_more_are_enough(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    skip_to(&l, 100, "");
    assert_string_equal(judged(&l, "aa strong"), "new:aa ");
    skip_to(&l, 110, "aa strong");
    assert_string_equal(judged(&l, "aa strong"), "confirmed:aa ");
    watcher_free(l.w);
}

static void who_falls_back_begins_anew(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    skip_to(&l, 5, "");
    judged(&l, "aa strong");
    skip_to(&l, 9, "aa strong");
    assert_string_equal(judged(&l, "aa suspect"), "regraded:aa ");
    assert_string_equal(judged(&l, "aa strong"), "regraded:aa ");
    skip_to(&l, 20, "aa strong");
    assert_string_equal(judged(&l, "aa strong"), "confirmed:aa ");
    watcher_free(l.w);
}

/* The site that grew most names a leak, and may be another next time. */
static void another_name_of_the_same_leak_need_not_begin_anew(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    skip_to(&l, 5, "");
    judged(&l, "aa strong");
    skip_to(&l, 8, "aa strong");
    assert_string_equal(judged(&l, "bb strong"), "new:bb gone:aa ");
    assert_string_equal(judged(&l, "bb strong"), "");
    assert_string_equal(judged(&l, "bb strong"), "confirmed:bb ");
    /* Once it is confirmed, a third name has to stay. */
    assert_string_equal(judged(&l, "cc strong"), "new:cc gone:bb ");
    assert_string_equal(judged(&l, "bb strong"), "new:bb gone:cc ");
    watcher_free(l.w);
}

static void harmless_findings_are_no_news(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    assert_string_equal(judged(&l, "aa info"), "");
    assert_string_equal(judged(&l, "aa suspect"), "new:aa ");
    assert_string_equal(judged(&l, "aa info"), "regraded:aa ");
    assert_string_equal(judged(&l, ""), "");
    watcher_free(l.w);
}

static void when_it_was_first_seen_is_remembered(void **state)
{
    (void)state;
    struct log l;
    begin(&l);
    judged(&l, "aa suspect");
    judged(&l, "");
    judged(&l, "aa suspect");
    assert_int_equal(l.w->items[0]->findings.items[0].first_seen_nanos, SECOND);
    struct watch_counts c;
    watcher_counts(l.w, &c);
    assert_int_equal(c.n_findings[GRADE_SUSPECT], 1);
    judged(&l, "");
    watcher_counts(l.w, &c);
    assert_int_equal(c.n_findings[GRADE_SUSPECT], 0);
    watcher_free(l.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_proven_is_confirmed_at_once_and_once),
        cmocka_unit_test(
            what_is_strong_is_confirmed_when_the_window_has_doubled),
        cmocka_unit_test(in_a_long_window_ten_moments_more_are_enough),
        cmocka_unit_test(who_falls_back_begins_anew),
        cmocka_unit_test(another_name_of_the_same_leak_need_not_begin_anew),
        cmocka_unit_test(harmless_findings_are_no_news),
        cmocka_unit_test(when_it_was_first_seen_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
