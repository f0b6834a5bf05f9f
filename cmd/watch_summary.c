#include "watch_summary.h"

#include "watch_words.h"

#include "base/num.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 64, NAMED_MAX = 5, NOTE_BYTES_MAX = 4 << 10 };

static void note(struct watch_summary *s, const char *text)
{
    if (text != NULL && s->n_notes < NOTES_MAX) {
        s->notes[s->n_notes++] = text;
    }
}

static void note_buf(struct watch_summary *s, struct buf *text)
{
    if (text->len > 0) {
        note(s, arena_strdup(&s->arena, buf_view(text)));
    }
    buf_release(text);
}

/* --- what was lost --- */

enum loss { LOSS_NONE, LOSS_SILENT, LOSS_ENDED, N_LOSSES };

static enum loss loss_of(const struct watch_about *a)
{
    if (a->is_gone) {
        return LOSS_NONE; /* whoever lists the targets took it off */
    }
    return a->n_moments == 0 ? LOSS_SILENT
           : a->is_failing   ? LOSS_ENDED
                             : LOSS_NONE;
}

/* "gave no snapshot: a (cannot connect: ...), b (...), and 7 others" */
static void note_losses(struct watch_summary *s, const struct watcher *w,
                        enum loss loss, const char *what)
{
    struct buf text = BUF_LIMIT(NOTE_BYTES_MAX);
    const size_t n = watcher_n_targets(w);
    size_t n_lost = 0;
    for (size_t i = 0; i < n; i++) {
        struct watch_about a;
        watcher_about(w, (uint32_t)i, &a);
        if (loss_of(&a) != loss || n_lost++ >= NAMED_MAX) {
            continue;
        }
        buf_str(&text, n_lost == 1 ? what : ", ");
        plain_clean(&text, a.target->shown);
        if (a.failure_text != NULL && *a.failure_text != '\0') {
            buf_printf(&text, " (%s)", a.failure_text);
        }
    }
    if (n_lost > NAMED_MAX) {
        buf_printf(&text, ", and %zu others", n_lost - NAMED_MAX);
    }
    s->has_lost |= n_lost > 0;
    note_buf(s, &text);
}

/* --- one target, or many --- */

static bool about_one(struct watch_summary *s, struct watcher *w,
                      struct err *err)
{
    struct watch_about a;
    watcher_about(w, 0, &a);
    s->target = a.target;
    if (a.n_moments == 0) {
        return true;
    }
    if (!watcher_series(w, 0, &s->series, err)) {
        return false;
    }
    s->about = *series_about(s->series);
    size_t n = 0;
    const char *const *notes = series_notes(s->series, &n);
    for (size_t i = 0; i < n; i++) {
        note(s, notes[i]);
    }
    return true;
}

/* The most that was known of one. Not from the first of all to the last of
   all: clocks of different machines differ. */
static void about_many(struct watch_summary *s, const struct watcher *w)
{
    struct series_about *about = &s->about;
    const size_t n = watcher_n_targets(w);
    uint64_t most = 0;
    for (size_t i = 0; i < n; i++) {
        struct watch_about a;
        watcher_about(w, (uint32_t)i, &a);
        about->n_segments += a.history.n_runs > 1 ? a.history.n_runs - 1 : 0;
        most = a.history.n_moments > most ? a.history.n_moments : most;
        if (a.history.first_nanos != 0 &&
            (about->first_nanos == 0 ||
             a.history.first_nanos < about->first_nanos)) {
            about->first_nanos = a.history.first_nanos;
        }
        if (a.history.last_nanos > about->last_nanos) {
            about->last_nanos = a.history.last_nanos;
        }
        const double seconds =
            (double)sub_sat_i64(a.history.last_nanos, a.history.first_nanos) /
            1e9;
        about->seconds = seconds > about->seconds ? seconds : about->seconds;
    }
    about->n_heap = about->n_goroutine =
        (uint32_t)(most < UINT32_MAX ? most : 0);
    if (most > 0) {
        about->n_segments++; /* the first of all */
    }
    about->has_times = about->first_nanos != 0;
    note(s, arena_printf(&s->arena,
                         "%zu targets were watched; snapshots and time are the "
                         "most of one of them",
                         n));
}

static void note_skipped(struct watch_summary *s, const struct watcher *w)
{
    struct watch_counts c;
    watcher_counts(w, &c);
    if (c.n_skipped > 0) {
        note(s, arena_printf(&s->arena,
                             "%llu snapshot%s left out: the target was slower "
                             "than the interval",
                             (unsigned long long)c.n_skipped,
                             c.n_skipped == 1 ? " was" : "s were"));
    }
}

/* More snapshots may have made doubtful what was confirmed by some. */
static void note_confirmed(struct watch_summary *s, const char *confirmed)
{
    if (confirmed != NULL) {
        note(s, s->findings.verdict == VERDICT_LEAK
                    ? confirmed
                    : arena_printf(&s->arena,
                                   "%s; by all snapshots it is none any more",
                                   confirmed));
    }
}

bool watch_summary_make(struct watcher *w, int64_t wall_nanos,
                        const char *confirmed, struct watch_summary *out,
                        struct err *err)
{
    *out = (struct watch_summary){0};
    out->notes = arena_new(&out->arena, const char *, NOTES_MAX);
    if (out->notes == NULL) {
        return err_nomem(err, "the report");
    }
    if (!watcher_judge_all(w, wall_nanos, err) ||
        !fleet_findings(w, &out->findings, err)) {
        return false;
    }
    note_confirmed(out, confirmed);
    if (watcher_n_targets(w) == 1) {
        if (!about_one(out, w, err)) {
            return false;
        }
    } else {
        about_many(out, w);
    }
    note_losses(out, w, LOSS_SILENT, "gave no snapshot: ");
    note_losses(out, w, LOSS_ENDED, "failing at the end: ");
    note_skipped(out, w);
    out->findings.has_lost = out->has_lost;
    return !out->arena.has_failed || err_nomem(err, "the report");
}

void watch_summary_release(struct watch_summary *s)
{
    findings_release(&s->findings);
    series_free(s->series);
    arena_release(&s->arena);
    *s = (struct watch_summary){0};
}

void watch_report_target(struct report *r, const struct watch_target *t)
{
    /* The same two strings under another name: rooms to the left of watch/ do
       not know it. */
    static_assert(sizeof(struct report_label) == sizeof(struct watch_label),
                  "a label is a name and a value");
    r->target = t->shown;
    r->labels = (const struct report_label *)(const void *)t->labels;
    r->n_labels = t->n_labels;
}

static struct report report_of(const struct watch_summary *s,
                               const char *command)
{
    struct report r = {
        .tool_version = SEEP_VERSION,
        .command = command,
        .about = &s->about,
        .findings = &s->findings,
        .notes = s->notes,
        .n_notes = s->n_notes,
        .anchor = s->anchor,
        .gate = s->gate,
        .undecided = s->undecided != NULL ? s->undecided
                     : s->has_lost        ? "a target was lost"
                                          : NULL,
    };
    if (s->target != NULL) {
        watch_report_target(&r, s->target);
    }
    if (s->series != NULL) {
        r.inputs = series_inputs(s->series, &r.n_inputs);
    }
    return r;
}

bool watch_summary_write(const struct watch_summary *s, const char *command,
                         const struct outputs *o, const struct session *session,
                         struct err *err)
{
    const struct report r = report_of(s, command);
    return outputs_write_report(o, session, &r, err);
}

void watch_summary_line(const struct watch_summary *s, struct buf *out)
{
    const struct report r = report_of(s, "watch");
    buf_printf(out, "%s: ", summary_word(s->findings.verdict));
    summary_verdict(out, &r);
}
