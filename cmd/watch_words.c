#include "watch_words.h"

#include "base/num.h"
#include "report/report.h"

#include <math.h>
#include <time.h>

enum {
    SAID_SKIPPED = 1 << 16, /* above the failures */
    WORDS_BYTES_MAX = 16 << 10
};

void watch_words_finding(const struct finding *f, struct buf *out)
{
    const struct frame *place = summary_place(f);
    plain_clean(out, summary_headline(f));
    if (place != NULL) {
        buf_str(out, ", ");
        plain_clean(out, place->function);
        buf_str(out, " ");
        summary_position(out, place);
    }
    if (f->n_metrics > 0) {
        buf_str(out, ", ");
        summary_change(out, &f->metrics[0]);
    }
}

void watch_words_clock(int64_t wall_nanos, struct buf *out)
{
    const time_t seconds = (time_t)(wall_nanos / INT64_C(1000000000));
    struct tm t = {0};
    if (localtime_r(&seconds, &t) != NULL) {
        buf_printf(out, "%02d:%02d:%02d", t.tm_hour, t.tm_min, t.tm_sec);
    }
}

void watch_words_duration(int64_t ns, struct buf *out)
{
    num_seconds(out, (double)ns / 1e9);
}

static void moment_words(const struct watcher *w, uint32_t target,
                         struct buf *out)
{
    struct watch_about a;
    watcher_about(w, target, &a);
    buf_printf(out, "snapshot %llu", (unsigned long long)a.n_moments);
    if (!isnan(a.heap_bytes)) {
        buf_str(out, ", heap ");
        num_bytes(out, a.heap_bytes);
    }
    if (!isnan(a.goroutines)) {
        buf_str(out, ", goroutines ");
        num_count(out, (int64_t)a.goroutines);
    }
}

/* What it was comes last: a grade in front reads as if it still had it. */
static void gone_words(const struct watch_event *e, enum grade was,
                       struct buf *out)
{
    buf_str(out, "no longer seen: ");
    if (e->finding == NULL) {
        plain_clean(out, e->text);
        return;
    }
    watch_words_finding(e->finding, out);
    buf_printf(out, " (was %s)", grade_name(was));
}

static void finding_words(const struct watch_event *e, const char *before,
                          enum grade was, struct buf *out)
{
    buf_str(out, before);
    if (e->finding == NULL) {
        plain_clean(out, e->text);
        return;
    }
    buf_printf(out, "%s%s: ", *before != '\0' ? " " : "",
               grade_name(e->finding->grade));
    watch_words_finding(e->finding, out);
    if (e->kind == WATCH_FINDING && was > GRADE_INFO) {
        buf_printf(out, " (was %s)", grade_name(was));
    }
}

static void add_text(const struct watch_event *e, const char *before,
                     struct buf *out)
{
    buf_str(out, before);
    if (e->profile != NULL) {
        buf_printf(out, "%s%s", *before != '\0' ? " " : "", e->profile);
    }
    if (e->text != NULL && *e->text != '\0') {
        buf_str(out, *before != '\0' || e->profile != NULL ? ": " : "");
        plain_clean(out, e->text);
    }
}

void watch_words_event(const struct watcher *w, const struct watch_event *e,
                       enum grade was, struct buf *out)
{
    switch (e->kind) {
    case WATCH_ADDED:
        buf_str(out, "watched from now on");
        break;
    case WATCH_REMOVED:
        buf_str(out, "no longer watched");
        break;
    case WATCH_MOMENT:
        moment_words(w, e->target, out);
        break;
    case WATCH_MISSED:
        add_text(e, "missed", out);
        break;
    case WATCH_RECOVERED:
        buf_str(out, "answers again");
        break;
    case WATCH_SKIPPED:
        buf_str(out, "slower than the interval: a snapshot is left out");
        break;
    case WATCH_RESTART:
        plain_clean(out, e->text != NULL ? e->text : "restarted");
        buf_str(out, ": a new series begins");
        break;
    case WATCH_DEPLOY:
        buf_str(out, "another build: a new series begins");
        break;
    case WATCH_FINDING:
        finding_words(e, "", was, out);
        break;
    case WATCH_CONFIRMED:
        finding_words(e, "confirmed", was, out);
        break;
    case WATCH_GONE:
        gone_words(e, was, out);
        break;
    case WATCH_HINT:
        buf_str(out, "hint: ");
        plain_clean(out, e->text);
        break;
    case N_WATCH_EVENTS:
        break;
    }
}

void watch_news_release(struct watch_news *n)
{
    vec_u32_release(&n->said);
    watch_told_list_release(&n->told);
}

/* What was said of the target; NULL out of memory: then it is said again. */
static uint32_t *said_of(struct watch_news *n, uint32_t target)
{
    while (n->said.n <= target) {
        if (!vec_u32_push(&n->said, 0)) {
            return NULL;
        }
    }
    return &n->said.items[target];
}

/* A finding's id is a hash already. */
static uint64_t key_of(const struct watch_event *e)
{
    uint64_t id = 0;
    (void)num_parse_hex(span_of(e->finding->id), &id);
    return id ^ ((uint64_t)e->target * UINT64_C(0x9e3779b97f4a7c15));
}

/* NULL out of memory: then it is told twice. */
static struct watch_told *told_of(struct watch_news *n, uint64_t key)
{
    const struct watch_told none = {key, GRADE_INFO, false};
    for (size_t i = 0; i < n->told.n; i++) {
        if (n->told.items[i].key == key) {
            return &n->told.items[i];
        }
    }
    return watch_told_list_push(&n->told, none) ? &n->told.items[n->told.n - 1]
                                                : NULL;
}

/* What is left to be remembered of a finding that is gone is that it was
   confirmed. */
static void forget(struct watch_news *n, struct watch_told *told)
{
    if (!told->is_confirmed) {
        *told = n->told.items[--n->told.n];
    }
}

/* What is confirmed for the first time is told as that, and not twice. */
static bool is_news_of_finding(struct watch_news *n,
                               const struct watch_event *e, enum grade *was)
{
    struct watch_told *told = e->finding ? told_of(n, key_of(e)) : NULL;
    if (told == NULL) {
        *was = e->before;
        return true;
    }
    const enum grade now =
        e->kind == WATCH_GONE ? GRADE_INFO : e->finding->grade;
    *was = told->grade;
    if (e->kind == WATCH_CONFIRMED) {
        told->is_confirmed = true;
        told->grade = now;
        return true;
    }
    if (now >= GRADE_STRONG && !told->is_confirmed) {
        return false;
    }
    told->grade = now;
    if (now == GRADE_INFO) {
        forget(n, told);
    }
    return now != *was;
}

bool watch_news_is(struct watch_news *n, const struct watch_event *e,
                   enum grade *was)
{
    *was = GRADE_INFO;
    uint32_t *said = said_of(n, e->target);
    uint32_t bit = 0;
    switch (e->kind) {
    case WATCH_MOMENT:
        return n->wants_moments;
    case WATCH_MISSED:
        bit = UINT32_C(1) << e->failure;
        break;
    case WATCH_SKIPPED:
        bit = SAID_SKIPPED;
        break;
    case WATCH_RECOVERED:
        if (said != NULL) {
            *said &= SAID_SKIPPED;
        }
        return true;
    case WATCH_ADDED:
        return n->has_begun;
    case WATCH_REMOVED:
    case WATCH_RESTART:
    case WATCH_DEPLOY:
    case WATCH_HINT:
    case N_WATCH_EVENTS:
        return true;
    case WATCH_FINDING:
    case WATCH_CONFIRMED:
    case WATCH_GONE:
        return is_news_of_finding(n, e, was);
    }
    if (said == NULL || (*said & bit) == 0) {
        if (said != NULL) {
            *said |= bit;
        }
        return true;
    }
    return false;
}
