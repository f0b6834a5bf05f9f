#include "watch_lines.h"

#include "watch_json.h"

#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1 << 20 };

void watch_lines_init(struct watch_lines *l, int fd, bool is_json)
{
    *l = (struct watch_lines){.fd = fd, .is_json = is_json};
    l->line.limit_bytes = LINE_BYTES_MAX;
}

void watch_lines_release(struct watch_lines *l)
{
    watch_news_release(&l->news);
    buf_release(&l->line);
}

bool watch_lines_ok(const struct watch_lines *l)
{
    return !l->is_closed && l->err.code == ERR_NONE;
}

/* A reader that is slow is waited for: what it gets is whole. */
static void write_line(struct watch_lines *l)
{
    struct span rest = buf_view(&l->line);
    if (!buf_check(&l->line, "an event", &l->err)) {
        return;
    }
    while (rest.len > 0) {
        const ssize_t n = write(l->fd, rest.p, rest.len);
        if (n >= 0) {
            rest = span_from(rest, (size_t)n);
        } else if (errno == EAGAIN) {
            (void)poll(&(struct pollfd){.fd = l->fd, .events = POLLOUT}, 1, -1);
        } else if (errno == EPIPE) {
            l->is_closed = true;
            return;
        } else if (errno != EINTR) {
            (void)err_set(&l->err, ERR_IO, "cannot write events: %s",
                          err_system(errno).text);
            return;
        }
    }
}

/* --- for machines --- */

static json_t *moment_json(const struct watcher *w, const struct watch_event *e)
{
    if (e == NULL || e->kind != WATCH_MOMENT) {
        return json_null();
    }
    struct watch_about a;
    watcher_about(w, e->target, &a);
    return json_pack("{s:I, s:o, s:o}", "number", (json_int_t)a.n_moments,
                     "heap_bytes", watch_json_number(a.heap_bytes),
                     "goroutines", watch_json_number(a.goroutines));
}

struct line {
    int64_t wall_nanos;
    const char *event, *text;
    const struct watch_target *target;
    json_t *data; /* NULL none */
};

/* Every key is there in every line, in this order. */
static void json_line(struct watch_lines *l, const struct watcher *w,
                      const struct watch_event *e, const struct line *line)
{
    const bool has_failure = e != NULL && e->failure != FETCH_FAILURE_NONE;
    const bool has_finding = e != NULL && e->finding != NULL;
    json_t *o = json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
        "seep/event/1", "time", watch_json_time(line->wall_nanos), "event",
        line->event, "target",
        watch_json_text(line->target != NULL ? line->target->shown : NULL),
        "labels",
        line->target != NULL ? watch_json_labels(line->target) : json_null(),
        "profile", watch_json_text(e != NULL ? e->profile : NULL), "failure",
        watch_json_text(has_failure ? fetch_failure_name(e->failure) : NULL),
        "text", watch_json_text(line->text), "moment", moment_json(w, e),
        "finding",
        has_finding ? watch_json_brief(e->finding, e->before) : json_null(),
        "data", line->data != NULL ? line->data : json_null());
    if (watch_json_add(&l->line, o, false, &l->err)) {
        write_line(l);
    }
    json_decref(o);
}

/* --- for people --- */

static void text_line(struct watch_lines *l, const struct line *line,
                      const char *words)
{
    struct buf *out = &l->line;
    /* Whole seconds: the logs that keep this have times of their own. */
    num_rfc3339(out, line->wall_nanos - line->wall_nanos % 1000000000);
    if (line->target != NULL) {
        buf_str(out, "  ");
        plain_clean(out, line->target->shown);
    }
    buf_printf(out, "  %s\n", words);
    write_line(l);
}

/* --- crowds --- */

/* Of targets, not of leaks: each of those has a line of its own. */
static const char *const crowd_words[N_WATCH_EVENTS] = {
    [WATCH_ADDED] = "watched from now on",
    [WATCH_REMOVED] = "no longer watched",
    [WATCH_MISSED] = "missed",
    [WATCH_RECOVERED] = "answer again",
    [WATCH_SKIPPED] = "slower than the interval",
    [WATCH_RESTART] = "restarted",
    [WATCH_DEPLOY] = "of another build",
};

void watch_lines_turn(struct watch_lines *l, int64_t wall_nanos)
{
    struct watch_crowd *c = &l->crowd;
    const int64_t second = wall_nanos / 1000000000;
    if (second == c->second) {
        return;
    }
    for (size_t i = 0; i < N_WATCH_EVENTS; i++) {
        const uint64_t more = c->n[i] > c->limit ? c->n[i] - c->limit : 0;
        char text[96];
        c->n[i] = 0;
        if (more > 0 && c->limit > 0) {
            (void)snprintf(text, sizeof(text), "and %llu more target%s: %s",
                           (unsigned long long)more, more == 1 ? "" : "s",
                           crowd_words[i]);
            watch_lines_say(l, c->second * 1000000000, "crowd", NULL, text,
                            NULL);
        }
    }
    c->second = second;
}

static bool is_in_crowd(struct watch_lines *l, const struct watch_event *e)
{
    struct watch_crowd *c = &l->crowd;
    if (c->limit == 0 || crowd_words[e->kind] == NULL) {
        return false;
    }
    watch_lines_turn(l, e->wall_nanos);
    return ++c->n[e->kind] > c->limit;
}

void watch_lines_event(struct watch_lines *l, const struct watcher *w,
                       const struct watch_event *e)
{
    enum grade was = GRADE_INFO;
    if (l->fd < 0 || !watch_lines_ok(l) ||
        (!l->is_json &&
         (!watch_news_is(&l->news, e, &was) || is_in_crowd(l, e)))) {
        return;
    }
    struct watch_about a;
    watcher_about(w, e->target, &a);
    const struct line line = {.wall_nanos = e->wall_nanos,
                              .event = watch_event_name(e->kind),
                              .text = e->text,
                              .target = a.target};
    buf_clear(&l->line);
    if (l->is_json) {
        json_line(l, w, e, &line);
        return;
    }
    struct buf words = BUF_LIMIT(LINE_BYTES_MAX / 2);
    watch_words_event(w, e, was, &words);
    text_line(l, &line, words.data != NULL ? words.data : "");
    buf_release(&words);
}

void watch_lines_say(struct watch_lines *l, int64_t wall_nanos,
                     const char *event, const struct watch_target *target,
                     const char *text, json_t *data)
{
    const struct line line = {.wall_nanos = wall_nanos,
                              .event = event,
                              .text = text,
                              .target = target,
                              .data = data};
    if (l->fd < 0 || !watch_lines_ok(l)) {
        json_decref(data);
        return;
    }
    buf_clear(&l->line);
    if (l->is_json) {
        json_line(l, NULL, NULL, &line);
    } else {
        json_decref(data);
        text_line(l, &line, text);
    }
}
