/*
 * The loop: one poll over the watcher's sockets, the metrics server, the
 * service of targets and the signals. It ends by its time, by a confirmed
 * leak, by a signal, or when nobody reads any more; then what is under way
 * gets a bounded time, and the report is made.
 */
#include "watch_loop.h"

#include "console.h"
#include "screen.h"
#include "watch_json.h"
#include "watch_run.h"
#include "watch_summary.h"

#include "base/num.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Four pictures a second are as many as a person reads. */
#define DRAW_NS (SECOND_NS / 4)
/* For answers and dumps under way when the watch ends. */
#define SETTLE_NS (10 * SECOND_NS)
/* For commands: their own limit, and a little. */
#define HOOK_NS (65 * SECOND_NS)
/* Once somebody wants it to end. */
#define HASTE_NS  (2 * SECOND_NS)
#define GATHER_NS (SECOND_NS / 50)

enum {
    CHILD_POLL_MS = 50,
    TURN_MS_MAX = 1000,
    PICTURE_BYTES_MAX = 1 << 20,
    TEXT_BYTES_MAX = 16 << 10
};

/* --- targets --- */

static void say_complaint(struct watch_run *r, struct err *complaint)
{
    if (complaint->code != ERR_NONE) {
        (void)err_wrap(complaint, "the list of targets stays as it was");
        watch_run_say(r, "targets", NULL, complaint->text, NULL);
    }
}

static bool run_sources(struct watch_run *r, struct err *err)
{
    bool changed = false;
    struct err complaint = {0};
    if (!watch_sources_run(r->sources, r->now.mono_ns, &changed, &complaint,
                           err)) {
        return false;
    }
    say_complaint(r, &complaint);
    if (!changed) {
        return true;
    }
    complaint = (struct err){0};
    if (!watch_setup_targets(r, &complaint, err)) {
        return false;
    }
    say_complaint(r, &complaint);
    if (complaint.code == ERR_NONE) {
        char text[64];
        (void)snprintf(text, sizeof(text), "the list has %zu target%s now",
                       r->targets.n, r->targets.n == 1 ? "" : "s");
        watch_run_say(r, "targets", NULL, text,
                      json_pack("{s:I}", "targets", (json_int_t)r->targets.n));
    }
    return true;
}

/* --- a turn --- */

static void add_unstored(const struct watch_counts *c, struct buf *out)
{
    num_count(out, (int64_t)c->n_unstored);
    buf_printf(out, " of %llu snapshots", (unsigned long long)c->n_moments);
}

static bool draw(struct watch_run *r, struct err *err)
{
    struct watch_table_size size;
    struct buf picture = BUF_LIMIT(PICTURE_BYTES_MAX);
    if (!r->has_table || r->now.mono_ns - r->drawn_ns < DRAW_NS) {
        return true;
    }
    r->drawn_ns = r->now.mono_ns;
    screen_size(&size.columns, &size.rows);
    const bool ok =
        watch_table_render(&r->table, size, watch_run_since_start(r),
                           r->now.wall_nanos, &picture, err);
    if (ok) {
        screen_draw(buf_view(&picture));
    }
    buf_release(&picture);
    return ok;
}

/* Once when it fails, once when it works again. */
static void say_store(struct watch_run *r)
{
    const char *trouble = watcher_store_trouble(r->watcher);
    if ((trouble != NULL) == r->has_store_trouble) {
        return;
    }
    struct watch_counts counts;
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    watcher_counts(r->watcher, &counts);
    r->has_store_trouble = trouble != NULL;
    if (trouble != NULL) {
        buf_printf(&text,
                   "nothing is stored: %s; the watch goes on, and tries again "
                   "every 10 s",
                   trouble);
    } else {
        buf_str(&text, "the store works again; it lacks ");
        add_unstored(&counts, &text);
    }
    if (text.data != NULL) {
        watch_run_say(r, "store", NULL, text.data,
                      json_pack("{s:b, s:I}", "works", trouble == NULL,
                                "snapshots_lost",
                                (json_int_t)counts.n_unstored));
    }
    buf_release(&text);
}

static bool turn(struct watch_run *r, struct err *err)
{
    r->now = watch_clock_now();
    if (!run_sources(r, err) ||
        !watcher_run(r->watcher, r->now.mono_ns, r->now.wall_nanos, 0, err) ||
        !watch_act(r, err)) {
        return false;
    }
    say_store(r);
    watch_lines_turn(&r->people, r->now.wall_nanos);
    watch_evidence_run(r->evidence, false);
    watch_act_on_commands(r);
    if (r->server != NULL) {
        watch_server_run(r->server);
    }
    return draw(r, err);
}

static int ms_until(const struct watch_run *r, int64_t ns)
{
    const int64_t wait_ns = ns > r->now.mono_ns ? ns - r->now.mono_ns : 0;
    const int64_t ms = wait_ns / 1000000 + (wait_ns % 1000000 > 0);
    return ms < TURN_MS_MAX ? (int)ms : TURN_MS_MAX;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Answers of a fleet come all the time, and what is done for several at once
   costs much less than one at a time: woken once, with warm caches. Nobody
   needs them sooner than this after the turn before. */
static void gather(const struct watch_run *r)
{
    if (!watcher_may_gather(r->watcher) || console_signal() != 0) {
        return;
    }
    const int64_t rest_ns =
        r->now.mono_ns + GATHER_NS - watch_clock_now().mono_ns;
    if (rest_ns > 0) { /* a signal ends it early */
        (void)nanosleep(&(struct timespec){.tv_nsec = (long)rest_ns}, NULL);
    }
}

/* Sleeps until something is to be done, at most until `until_ns`. */
static void wait_for(struct watch_run *r, int64_t until_ns)
{
    struct pollfd fds[4];
    nfds_t n = 0;
    gather(r);
    fds[n++] = (struct pollfd){.fd = console_wake_fd(), .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = watcher_fd(r->watcher), .events = POLLIN};
    fds[n++] =
        (struct pollfd){.fd = watch_sources_fd(r->sources), .events = POLLIN};
    int ms = ms_until(r, until_ns);
    ms = least(ms, ms_until(r, watcher_next_ns(r->watcher)));
    ms = least(ms, ms_until(r, watch_sources_next_ns(r->sources)));
    if (watch_hook_is_busy(r->hook)) {
        ms = least(ms, CHILD_POLL_MS);
    }
    if (r->has_table) {
        ms = least(ms, ms_until(r, r->drawn_ns + SECOND_NS));
    }
    if (r->server != NULL) {
        const int wait_ms = watch_server_wait_ms(r->server);
        fds[n++] =
            (struct pollfd){.fd = watch_server_fd(r->server), .events = POLLIN};
        ms = wait_ms >= 0 ? least(ms, wait_ms) : ms;
    }
    (void)poll(fds, n, ms);
    if ((fds[0].revents & POLLIN) != 0) {
        r->drawn_ns = 0; /* the terminal may have another size */
    }
}

/* --- its end --- */

static bool is_read(const struct watch_run *r)
{
    return watch_lines_ok(&r->people) && watch_lines_ok(&r->machine);
}

static bool is_over(struct watch_run *r)
{
    const struct watch_settings *o = r->o;
    r->end = console_signal() != 0               ? WATCH_END_SIGNAL
             : !is_read(r)                       ? WATCH_END_READER
             : o->until_leak && r->has_confirmed ? WATCH_END_LEAK
             : o->for_ns > 0 && watch_run_since_start(r) >= o->for_ns
                 ? WATCH_END_TIME
                 : WATCH_END_NONE;
    return r->end != WATCH_END_NONE;
}

static bool watch_all(struct watch_run *r, struct err *err)
{
    const int64_t end_ns =
        r->o->for_ns > 0 ? r->start.mono_ns + r->o->for_ns : INT64_MAX;
    for (;;) {
        if (!turn(r, err)) {
            return false;
        }
        if (is_over(r)) {
            return true;
        }
        wait_for(r, end_ns);
    }
}

/* What is under way gets this long, or less once somebody is in a hurry. */
static bool settle(struct watch_run *r, int64_t limit_ns,
                   bool (*is_busy)(const struct watch_run *r), struct err *err)
{
    const int64_t begin_ns = r->now.mono_ns;
    while (is_busy(r)) {
        const bool is_hasty = console_signal() != 0;
        const int64_t most_ns =
            is_hasty && limit_ns > HASTE_NS ? HASTE_NS : limit_ns;
        if (r->now.mono_ns - begin_ns >= most_ns) {
            break;
        }
        wait_for(r, begin_ns + most_ns);
        if (!turn(r, err)) {
            return false;
        }
    }
    return true;
}

static bool has_answers_coming(const struct watch_run *r)
{
    return console_signal() == 0 && watcher_n_in_flight(r->watcher) > 0;
}

static bool has_evidence_coming(const struct watch_run *r)
{
    return watch_evidence_is_busy(r->evidence);
}

static bool has_commands(const struct watch_run *r)
{
    return watch_hook_is_busy(r->hook);
}

/* The last judgement may confirm what no other did. Who waits for a leak gets
   the verdict that ended the watch, not what comes in while it ends. */
static bool end_all(struct watch_run *r, struct watch_summary *s,
                    struct err *err)
{
    watcher_drain(r->watcher);
    bool ok = r->end == WATCH_END_LEAK ||
              settle(r, SETTLE_NS, has_answers_coming, err);
    ok = ok && watcher_judge_all(r->watcher, r->now.wall_nanos, err) &&
         watch_act(r, err);
    ok = ok && watch_summary_make(r->watcher, r->now.wall_nanos,
                                  r->confirmed_text, s, err);
    if (!ok || !settle(r, SETTLE_NS, has_evidence_coming, err)) {
        return false;
    }
    watch_evidence_run(r->evidence, true);
    return settle(r, HOOK_NS, has_commands, err);
}

/* Does the store have all that was to be written? */
static bool lacks(const struct watch_run *r, struct watch_counts *counts)
{
    watcher_counts(r->watcher, counts);
    return counts->n_unstored > 0 || watcher_store_trouble(r->watcher) != NULL;
}

static void say_unstored(const struct watch_run *r)
{
    struct watch_counts counts;
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    if (lacks(r, &counts)) {
        add_unstored(&counts, &text);
        console_say("--store lacks %s: %s",
                    text.data != NULL ? text.data : "some",
                    watcher_store_trouble_first(r->watcher));
    }
    buf_release(&text);
}

static int status_of(const struct watch_run *r, const struct watch_summary *s)
{
    const bool has_end = r->o->for_ns > 0 || r->o->until_leak;
    if (r->end == WATCH_END_SIGNAL && has_end) {
        return 128 + console_signal();
    }
    struct watch_counts counts;
    if (lacks(r, &counts)) {
        return STATUS_FAILED;
    }
    return verdict_status(&s->findings, (enum fail_on)r->o->fail_on,
                          s->has_lost);
}

static const char *why_over(const struct watch_run *r)
{
    static const char *const reasons[] = {
        [WATCH_END_NONE] = "it failed",
        [WATCH_END_TIME] = "its time is over",
        [WATCH_END_LEAK] = "a leak was confirmed",
        [WATCH_END_SIGNAL] = "interrupted",
        [WATCH_END_READER] = "nobody reads any more",
    };
    return reasons[r->end];
}

static void say_end(struct watch_run *r, const struct watch_summary *s,
                    int status)
{
    struct watch_counts counts;
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    watcher_counts(r->watcher, &counts);
    buf_str(&text, "ended after ");
    num_seconds(&text, floor((double)watch_run_since_start(r) / 1e9));
    buf_printf(&text, ", %s; ", why_over(r));
    watch_summary_line(s, &text);
    json_t *data = json_pack(
        "{s:s, s:s, s:i, s:f, s:I, s:o}", "reason", why_over(r), "verdict",
        verdict_name(s->findings.verdict), "status", status, "seconds",
        (double)watch_run_since_start(r) / 1e9, "snapshots",
        (json_int_t)counts.n_moments, "confirmed_after_seconds",
        r->has_confirmed ? json_real((double)r->confirmed_ns / 1e9)
                         : json_null());
    const char *line = text.data != NULL ? text.data : "ended";
    watch_lines_say(&r->people, r->now.wall_nanos, "end", NULL, line, NULL);
    watch_lines_say(&r->machine, r->now.wall_nanos, "end", NULL, line, data);
    if (r->people.fd < 0 && !r->has_report && !r->session->common.quiet) {
        console_say("%s", line);
    }
    buf_release(&text);
}

/* A blank line between what happened and the report. */
static void part_report(struct watch_run *r)
{
    const ssize_t n = r->people.fd == STDOUT_FILENO && r->shows_report
                          ? write(STDOUT_FILENO, "\n", 1)
                          : 0;
    (void)n;
}

/* All outputs, or why they could not be written. */
static bool write_report(struct watch_run *r, const struct watch_summary *s,
                         struct err *err)
{
    if (!is_read(r)) {
        *err = r->people.err.code != ERR_NONE ? r->people.err : r->machine.err;
        return err->code == ERR_NONE; /* else its reader went away */
    }
    if (!r->has_report) {
        return console_finish((struct span){0}, err);
    }
    part_report(r);
    return watch_summary_write(s, "watch", &r->outputs, r->session, err);
}

static int run(struct watch_run *r)
{
    struct err err = {0};
    struct watch_summary summary = {0};
    int status = STATUS_FAILED;
    /* What came before was not watching. */
    r->start = r->now = watch_clock_now();
    if (r->has_table) {
        screen_enter();
    }
    watch_setup_say(r);
    /* At first there is no other that could stay. */
    bool ok = watch_setup_targets(r, &err, &err) && err.code == ERR_NONE;
    r->people.news.has_begun = r->table.news.has_begun = true;
    ok = ok && watch_all(r, &err) && end_all(r, &summary, &err);
    screen_leave();
    r->has_table = false;
    if (ok) {
        status = status_of(r, &summary);
        say_end(r, &summary, status);
        ok = write_report(r, &summary, &err);
    }
    say_unstored(r);
    watch_summary_release(&summary);
    return ok ? status : console_fail(NULL, &err);
}

int watch_loop(struct session *s, const struct watch_settings *o,
               const struct words *args)
{
    struct err err = {0};
    struct watch_run r = {.session = s, .o = o, .args = args, .file_fd = -1};
    r.start = r.now = watch_clock_now();
    watch_lines_init(&r.people, -1, false);
    watch_lines_init(&r.machine, -1, true);
    const int status =
        watch_setup(&r, &err) ? run(&r) : console_fail(NULL, &err);
    watch_setup_release(&r);
    return status;
}
