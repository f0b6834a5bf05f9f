#include "leaks_live.h"

#include "calibrate.h"
#include "console.h"
#include "watch/watch.h"
#include "watch_clock.h"
#include "watch_summary.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

enum {
    COUNT = 10,
    INTERVAL_S = 3,
    MISSED_IN_A_ROW_MAX = 10, /* as seep fetch: it is gone */
    TURN_MS = 200
};

bool leaks_live_is_asked(const struct leaks_live_options *o,
                         const struct words *args, bool *is_live,
                         struct err *err)
{
    size_t n_urls = 0;
    for (size_t i = 0; i < args->n; i++) {
        struct err unreadable = {0};
        enum fetch_what what = FETCH_FILE;
        /* What is neither is for who reads files to tell. */
        n_urls += fetch_classify(args->items[i], &what, &unreadable) &&
                  what == FETCH_URL;
    }
    *is_live = n_urls > 0;
    if (n_urls > 0 && n_urls < args->n) {
        return err_set(err, ERR_USAGE,
                       "leaks: a URL and files together: judge one process "
                       "at a time");
    }
    if (n_urls > 1) {
        return err_set(err, ERR_USAGE,
                       "leaks: one URL at a time; seep watch takes many");
    }
    if (n_urls == 0 && (o->count > 0 || o->interval_ns > 0)) {
        return err_set(err, ERR_USAGE,
                       "leaks: --count and --interval are for a URL");
    }
    return true;
}

/* What is told of the one target. */
struct short_watch {
    struct watcher *watcher;
    uint64_t n_in_a_row;
    char failure[ERR_TEXT_MAX]; /* why the last one was missed */
};

static void on_event(void *ctx, const struct watch_event *e)
{
    struct short_watch *w = ctx;
    if (e->kind == WATCH_MOMENT) {
        w->n_in_a_row = 0;
    }
    if (e->kind == WATCH_MISSED) {
        struct watch_about a;
        watcher_about(w->watcher, e->target, &a);
        w->n_in_a_row++;
        (void)snprintf(w->failure, sizeof(w->failure), "%.100s: %s%s%s",
                       a.target->shown, e->profile != NULL ? e->profile : "",
                       e->profile != NULL ? ": " : "",
                       e->text != NULL ? e->text : "");
    }
}

static bool is_over(const struct short_watch *w, uint64_t count)
{
    struct watch_about a;
    watcher_about(w->watcher, 0, &a);
    /* The first answer tells whether the target is right. */
    return console_signal() != 0 || a.is_ended ||
           (a.n_moments == 0 && a.n_missed > 0) ||
           a.n_moments + a.n_missed >= count ||
           w->n_in_a_row >= MISSED_IN_A_ROW_MAX;
}

static bool take_all(struct session *s, struct short_watch *w, uint64_t count,
                     struct err *err)
{
    do {
        struct watch_about a;
        const struct watch_clock now = watch_clock_now();
        if (!watcher_run(w->watcher, now.mono_ns, now.wall_nanos, TURN_MS,
                         err)) {
            return false;
        }
        watcher_about(w->watcher, 0, &a);
        console_progress(s, (size_t)a.n_moments, (size_t)count, "snapshot");
    } while (!is_over(w, count));
    console_progress_end(s);
    return true;
}

static bool mark(struct session *s, const struct leaks_live *l,
                 const char *target, struct watch_summary *summary,
                 struct calibrated *calibrated, struct err *err)
{
    const struct calibrate calibrate = {.runs = l->calibrations,
                                        .module = l->module};
    const bool ok =
        calibrate_growth(s, &calibrate, &summary->findings, calibrated, err);
    summary->findings.has_lost |= calibrated->has_lost;
    return ok && gate_limit(&summary->findings, l->gate, err) &&
           review_mark(l->review, &summary->findings, target, err);
}

/* Interrupted, it says what is known so far. */
static int report(struct session *s, const struct leaks_live *l,
                  struct short_watch *w)
{
    struct err err = {0};
    struct watch_summary summary;
    struct calibrated calibrated = {0};
    struct watch_about a;
    int status = STATUS_FAILED;
    watcher_about(w->watcher, 0, &a);
    const int signo = console_signal();
    if (signo != 0) {
        console_say("interrupted after %llu snapshot%s",
                    (unsigned long long)a.n_moments,
                    a.n_moments == 1 ? "" : "s");
    }
    if (a.n_moments == 0) {
        if (signo == 0) {
            console_say("%s", w->failure);
        }
        return signo != 0 ? 128 + signo : STATUS_FAILED;
    }
    bool ok = watch_summary_make(w->watcher, watch_clock_now().wall_nanos, NULL,
                                 &summary, &err);
    summary.findings.has_lost |= a.n_missed > 0;
    ok = ok && mark(s, l, a.target->shown, &summary, &calibrated, &err);
    summary.anchor = review_anchor(l->review);
    summary.gate = &l->gate->report;
    summary.undecided =
        gate_undecided(&summary.findings, l->gate, calibrated.undecided);
    if (ok && watch_summary_write(&summary, "leaks", l->outputs, s, &err)) {
        status = signo != 0 ? 128 + signo
                            : gate_status(&summary.findings, l->gate,
                                          calibrated.undecided, l->outputs);
    } else {
        status = console_fail(NULL, &err);
    }
    watch_summary_release(&summary);
    return status;
}

static bool begin(struct session *s, const struct leaks_live *l,
                  struct short_watch *w, struct err *err)
{
    const struct leaks_live_options *o = l->options;
    struct watch_targets targets = {0};
    struct watch_options options = {
        .retry = {.tries_max = 3,
                  .first_ns = SECOND_NS / 5,
                  .max_ns = SECOND_NS},
        .interval_ns =
            o->interval_ns > 0 ? o->interval_ns : INTERVAL_S * SECOND_NS,
        .collects = true,
        .has_heap = true,
        .has_goroutine = true,
        .has_leak_profile = true,
        .per_host_max = 1,
        .in_flight_max = 1,
        .begins_at_once = true,
        .moments_each = o->count > 0 ? o->count : COUNT,
        .module = l->module,
        .rules = l->rules,
    };
    const struct watch_clock now = watch_clock_now();
    const bool ok = target_options_http(&o->target, s, &options.http, err) &&
                    watch_targets_add(&targets, l->url, err) &&
                    watch_targets_finish(&targets, err) &&
                    watcher_new(&options, on_event, w, &w->watcher, err) &&
                    watcher_set_targets(w->watcher, &targets, now.mono_ns,
                                        now.wall_nanos, err);
    watch_targets_release(&targets);
    return ok;
}

int leaks_live(struct session *s, const struct leaks_live *l)
{
    struct err err = {0};
    struct short_watch w = {0};
    const uint64_t count = l->options->count > 0 ? l->options->count : COUNT;
    int status = STATUS_FAILED;
    if (console_catch(&err) && begin(s, l, &w, &err) &&
        take_all(s, &w, count, &err)) {
        status = report(s, l, &w);
    } else {
        console_progress_end(s);
        status = console_fail(NULL, &err);
    }
    watcher_free(w.watcher);
    return status;
}
