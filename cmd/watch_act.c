/*
 * What follows from events: words at once; evidence and commands when the
 * watcher's turn is over.
 */
#include "watch_run.h"

#include "console.h"
#include "watch_json.h"

#include "base/num.h"
#include "report/report.h"

#include <string.h>

enum { TEXT_BYTES_MAX = 16 << 10 };

int64_t watch_run_since_start(const struct watch_run *r)
{
    return r->now.mono_ns - r->start.mono_ns;
}

/* --- what is told --- */

void watch_run_say(struct watch_run *r, const char *event,
                   const struct watch_target *target, const char *text,
                   json_t *data)
{
    if (r->has_table) {
        watch_table_say(&r->table, r->now.wall_nanos, text);
    } else if (r->people.fd < 0 && !r->session->common.quiet) {
        console_say("%s", text);
    }
    watch_lines_say(&r->people, r->now.wall_nanos, event, target, text, NULL);
    watch_lines_say(&r->machine, r->now.wall_nanos, event, target, text, data);
}

/* "confirmed after 23 s, with 12 snapshots: main.f f.go:8 in orders:6060" */
static void first_confirmed(struct watch_run *r, uint32_t target,
                            const struct finding *f, const char *how)
{
    struct watch_about a;
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    const struct frame *place = summary_place(f);
    watcher_about(r->watcher, target, &a);
    r->has_confirmed = true;
    r->confirmed_ns = watch_run_since_start(r);
    buf_printf(&text, "%s after ", how);
    num_seconds(&text, (double)r->confirmed_ns / 1e9);
    buf_printf(&text, ", with %llu snapshot%s", (unsigned long long)a.n_moments,
               a.n_moments == 1 ? "" : "s");
    if (place != NULL) {
        buf_str(&text, ": ");
        plain_clean(&text, place->function);
        buf_char(&text, ' ');
        summary_position(&text, place);
    }
    if (watcher_n_targets(r->watcher) > 1) {
        buf_str(&text, " in ");
        plain_clean(&text, a.target->shown);
    }
    r->confirmed_text =
        arena_strdup(r->session->arena, buf_view(&text)); /* or not said */
    buf_release(&text);
}

/* A leak that the store knows as confirmed is not confirmed anew; who waits
   for one has it when it is seen again. */
static void look_for_known(struct watch_run *r, uint32_t target)
{
    const struct finding *f = watcher_confirmed(r->watcher, target);
    if (f != NULL) {
        first_confirmed(r, target, f, "confirmed before, seen again");
    }
}

/* "http://host/..." without a port. */
static bool has_no_port(const char *shown)
{
    struct span rest = span_of(shown);
    if (!span_starts(rest, "http://")) {
        return false;
    }
    rest = span_from(rest, strlen("http://"));
    rest = span_first(rest, span_find_char(rest, '/'));
    const size_t bracket = span_rfind_char(rest, ']');
    rest = bracket < rest.len ? span_from(rest, bracket) : rest;
    return span_find_char(rest, ':') == rest.len;
}

/* "localhost" alone is port 80, where pprof seldom is. */
static void hint_at_port(struct watch_run *r, const struct watch_event *e)
{
    struct watch_about a;
    if (e->failure != FETCH_FAILURE_CONNECT || r->has_port_hint) {
        return;
    }
    watcher_about(r->watcher, e->target, &a);
    if (a.n_moments == 0 && has_no_port(a.target->shown)) {
        r->has_port_hint = true;
        watch_run_say(r, "hint", a.target,
                      "no port was named, so port 80 was asked; is it "
                      "HOST:6060, or another?",
                      NULL);
    }
}

void watch_act_on_event(void *ctx, const struct watch_event *e)
{
    struct watch_run *r = ctx;
    if (r->has_table) {
        watch_table_event(&r->table, e);
    }
    watch_lines_event(&r->people, r->watcher, e);
    watch_lines_event(&r->machine, r->watcher, e);
    if (e->kind == WATCH_MISSED) {
        hint_at_port(r, e);
    }
    if (e->kind == WATCH_CONFIRMED && e->finding != NULL) {
        struct confirmed c = {.target = e->target};
        memcpy(c.id, e->finding->id, sizeof(c.id));
        r->is_out_of_memory |= !confirmed_list_push(&r->confirmed, c);
        if (!r->has_confirmed) {
            first_confirmed(r, e->target, e->finding, "confirmed");
        }
    }
    if (e->kind == WATCH_MOMENT && r->o->until_leak && r->store != NULL &&
        !r->has_confirmed) {
        look_for_known(r, e->target);
    }
}

/* --- confirmed leaks --- */

static const struct finding *find_finding(const struct watch_about *a,
                                          const char *id)
{
    for (size_t i = 0; a->findings != NULL && i < a->findings->n; i++) {
        if (strcmp(a->findings->items[i].id, id) == 0) {
            return &a->findings->items[i];
        }
    }
    return NULL;
}

static json_t *leak_document(const struct watch_run *r,
                             const struct watch_about *a,
                             const struct finding *f)
{
    return json_pack("{s:s, s:{s:s, s:s}, s:o, s:o, s:o, s:n, s:o}", "schema",
                     "seep/leak/1", "tool", "name", "seep", "version",
                     SEEP_VERSION, "time", watch_json_time(r->now.wall_nanos),
                     "target", watch_json_text(a->target->shown), "labels",
                     watch_json_labels(a->target), "evidence", "finding",
                     watch_json_whole(f));
}

static bool act_on(struct watch_run *r, const struct confirmed *c,
                   struct err *err)
{
    struct watch_about a;
    watcher_about(r->watcher, c->target, &a);
    const struct finding *f = find_finding(&a, c->id);
    if (f == NULL) {
        return true; /* gone within the same turn */
    }
    struct watch_leak leak = {.target = c->target,
                              .wall_nanos = r->now.wall_nanos,
                              .document = leak_document(r, &a, f)};
    memcpy(leak.id, c->id, sizeof(leak.id));
    if (leak.document == NULL) {
        return err_nomem(err, "a finding");
    }
    return watch_evidence_add(r->evidence, &leak, f, err);
}

bool watch_act(struct watch_run *r, struct err *err)
{
    bool ok = !r->is_out_of_memory || err_nomem(err, "findings");
    for (size_t i = 0; ok && i < r->confirmed.n; i++) {
        ok = act_on(r, &r->confirmed.items[i], err);
    }
    r->confirmed.n = 0;
    return ok;
}

/* One leak is told once, however many replicas have it. */
static bool is_told(struct watch_run *r, const char *id)
{
    uint64_t key = 0;
    (void)num_parse_hex(span_of(id), &key);
    for (size_t i = 0; i < r->told.n; i++) {
        if (r->told.items[i] == key) {
            return true;
        }
    }
    (void)vec_u64_push(&r->told, key); /* else it is told again */
    return false;
}

static void start_hook(struct watch_run *r, const struct watch_leak *leak,
                       const struct watch_target *target)
{
    struct err err = {0};
    struct buf document = BUF_LIMIT((size_t)16 << 20);
    if (!watch_json_add(&document, leak->document, false, &err)) {
        buf_release(&document);
        watch_run_say(r, "command", target, err.text, NULL);
    } else if (!watch_hook_add(r->hook, &document)) {
        watch_run_say(r, "command", target,
                      "--on-leak: too many wait; one is left out", NULL);
    }
}

void watch_act_on_kept(void *ctx, const struct watch_leak *leak,
                       const char *dir, const struct err *err)
{
    struct watch_run *r = ctx;
    struct watch_about a;
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    watcher_about(r->watcher, leak->target, &a);
    if (dir != NULL) {
        buf_printf(&text, "evidence in %s", dir);
    } else if (err != NULL) {
        buf_printf(&text, "no evidence could be kept: %s", err->text);
    }
    if (text.data != NULL) {
        watch_run_say(r, "evidence", a.target, text.data,
                      json_pack("{s:s, s:o}", "id", leak->id, "directory",
                                watch_json_text(dir)));
    }
    buf_release(&text);
    if (r->hook != NULL && !is_told(r, leak->id)) {
        start_hook(r, leak, a.target);
    }
}

void watch_act_on_commands(struct watch_run *r)
{
    struct buf said = BUF_LIMIT(TEXT_BYTES_MAX);
    struct span line;
    if (r->hook == NULL) {
        return;
    }
    watch_hook_run(r->hook, r->now.mono_ns, &said);
    for (struct span rest = buf_view(&said); span_line(&rest, &line);) {
        char text[256];
        const size_t n = line.len < sizeof(text) ? line.len : sizeof(text) - 1;
        memcpy(text, line.p, n);
        text[n] = '\0';
        watch_run_say(r, "command", NULL, text, NULL);
    }
    buf_release(&said);
}
