/* What becomes of a moment that the history does not take. */
#include "test.h"

#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static const struct rules_options no_rules;

/* The events but "added", each with its text. */
static void hear(void *ctx, const struct watch_event *e)
{
    if (e->kind != WATCH_ADDED) {
        buf_printf(ctx, "%s(%s) ", watch_event_name(e->kind),
                   e->text ? e->text : "");
    }
}

static struct watcher *begin(struct buf *log)
{
    const struct watch_options o = {.http = {.user_agent = "seep-test"},
                                    .interval_ns = SECOND,
                                    .has_heap = true,
                                    .rules = &no_rules};
    struct watch_targets t = {0};
    struct watcher *w = NULL;
    struct err err = {0};
    assert_ok(watch_targets_add(&t, "orders:6060", &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, hear, log, &w, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 1, SECOND, &err), &err);
    watch_targets_release(&t);
    return w;
}

/* A moment at that second: goroutines without a stack. */
static void take(struct watcher *w, int64_t second)
{
    struct moment m = {.w = w, .t = w->items[0], .n_points = 1};
    m.points[0] = (struct series_point){.kind = KIND_GOROUTINE,
                                        .form = FORM_PROTO,
                                        .program = "",
                                        .build_id = "",
                                        .time_nanos = second * SECOND};
    w->wall_nanos = second * SECOND;
    taking_finish(w, &m);
    struct err err = {0};
    assert_false(watcher_has_failed(w, &err));
}

/* A goroutine whose stack is not there: it can be kept, and not read. */
static void break_history(struct watcher *w)
{
    struct series_goroutine g = {
        .row = 7, .status = "", .creator = {.function = "", .file = ""}
    };
    const struct series_point p = {
        .kind = KIND_GOROUTINE,
        .form = FORM_PROTO,
        .program = "",
        .build_id = "",
        .time_nanos = SECOND,
        .goroutines = {.items = &g, .n = 1}
    };
    enum history_event event;
    struct err err = {0};
    assert_ok(history_add(w->items[0]->history, w->table, &p, 1, &event, &err),
              &err);
}

static void a_history_that_failed_is_not_gone_on_with(void **state)
{
    struct buf log = BUF_LIMIT(4096);
    struct watcher *w = begin(&log);
    (void)state;
    break_history(w);
    take(w, 2);
    assert_string_equal(
        log.data, "restart(its history could not be gone on with) "
                  "missed(a stored snapshot: a stack that is not there) ");
    assert_int_equal(history_about(w->items[0]->history).n_moments, 0);
    buf_clear(&log);
    take(w, 3);
    assert_string_equal(log.data, "recovered() moment() ");
    assert_int_equal(history_about(w->items[0]->history).n_moments, 1);
    watcher_free(w);
    buf_release(&log);
}

static void a_clock_set_back_is_told_as_a_new_series(void **state)
{
    struct buf log = BUF_LIMIT(4096);
    struct watcher *w = begin(&log);
    (void)state;
    take(w, 5000);
    take(w, 1400);
    assert_string_equal(log.data,
                        "moment() restart(its clock was set back) moment() ");
    watcher_free(w);
    buf_release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_that_failed_is_not_gone_on_with),
        cmocka_unit_test(a_clock_set_back_is_told_as_a_new_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
