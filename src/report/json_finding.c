/* One finding as an object, the same in the findings document, in lines, in
   stores and for commands. Every key is always there and in this order. */
#include "report/json_build_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

static json_t *position(struct json_builder *b, const struct frame *f,
                        bool is_known)
{
    if (!is_known) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "function", build_text(b, f->function));
    build_put(b, out, "file", build_text(b, f->file));
    build_put(b, out, "line", json_integer(f->line));
    build_put(b, out, "package", build_text(b, f->package));
    build_put(b, out, "path", build_text(b, f->mark ? f->mark->path : NULL));
    return out;
}

/* With a digest of the function's source, by which it is found again under
   another name. */
static json_t *site(struct json_builder *b, const struct finding *f)
{
    json_t *out = position(b, &f->site, f->has_site);
    if (f->has_site) {
        char text[17] = "";
        const uint64_t digest = f->site.mark ? f->site.mark->text : 0;
        (void)snprintf(text, sizeof(text), "%016" PRIx64, digest);
        build_put(b, out, "text", build_text(b, digest != 0 ? text : NULL));
    }
    return out;
}

/* NULL: not touched, or nobody asked. */
static const char *touch_word(const struct frame *f)
{
    static const char *const touch_words[] = {[TOUCH_NONE] = NULL,
                                              [TOUCH_FUNCTION] = "function",
                                              [TOUCH_LINE] = "line"};
    return f->mark ? touch_words[f->mark->touch] : NULL;
}

static json_t *stack(struct json_builder *b, const struct finding *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_stack && !b->failed; i++) {
        const struct frame *at = &f->stack[i];
        json_t *row = json_object();
        build_put(b, row, "function", build_text(b, at->function));
        build_put(b, row, "file", build_text(b, at->file));
        build_put(b, row, "line", json_integer(at->line));
        build_put(b, row, "origin",
                  build_text(b, frame_origin_name(at->origin)));
        const struct frame_mark *mark = at->mark;
        build_put(b, row, "path", build_text(b, mark ? mark->path : NULL));
        build_put(b, row, "module", build_text(b, mark ? mark->module : NULL));
        build_put(b, row, "generated",
                  mark ? json_boolean(mark->is_generated) : json_null());
        build_put(b, row, "touched", build_text(b, touch_word(at)));
        build_push(b, out, row);
    }
    return out;
}

static json_t *metric(struct json_builder *b, const struct metric *m)
{
    json_t *out = json_object();
    build_put(b, out, "name", build_text(b, m->name));
    build_put(b, out, "unit", build_text(b, m->unit));
    build_put(b, out, "first", json_of_number(m->first));
    build_put(b, out, "last", json_of_number(m->last));
    build_put(b, out, "delta", json_of_number(m->delta));
    build_put(b, out, "per_hour", json_of_number(m->per_hour));
    build_put(b, out, "per_hour_low", json_of_number(m->per_hour_low));
    build_put(b, out, "per_hour_high", json_of_number(m->per_hour_high));
    json_t *series = json_array();
    for (size_t i = 0; i < m->n_series; i++) {
        build_push(b, series, json_of_number(m->series[i]));
    }
    build_put(b, out, "series", series);
    return out;
}

static json_t *metrics(struct json_builder *b, const struct finding *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_metrics; i++) {
        build_push(b, out, metric(b, &f->metrics[i]));
    }
    return out;
}

static json_t *statistics(struct json_builder *b,
                          const struct finding_statistics *s)
{
    json_t *out = json_object();
    build_put(b, out, "points", json_integer((json_int_t)s->points));
    build_put(b, out, "p", json_of_number(s->p));
    build_put(b, out, "q", json_of_number(s->q));
    build_put(b, out, "retention", json_of_number(s->retention));
    build_put(b, out, "z", json_of_number(s->z));
    build_put(b, out, "sampled", json_of_number(s->sampled));
    build_put(b, out, "relative_error", json_of_number(s->relative_error));
    return out;
}

/* The finding's own alternatives, else its rule's. */
static json_t *alternatives(struct json_builder *b, const struct finding *f)
{
    if (f->n_alternatives > 0) {
        return build_texts(b, f->alternatives, f->n_alternatives);
    }
    size_t n = 0;
    while (n < sizeof(f->rule->alternatives) / sizeof(char *) &&
           f->rule->alternatives[n]) {
        n++;
    }
    return build_texts(b, f->rule->alternatives, n);
}

static json_t *replicas(struct json_builder *b,
                        const struct finding_replicas *r)
{
    if (!r) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "count", json_integer(r->n_with));
    build_put(b, out, "of", json_integer(r->n_targets));
    build_put(b, out, "rms", json_of_number(r->rms));
    build_put(b, out, "min", json_of_number(r->min));
    build_put(b, out, "median", json_of_number(r->median));
    build_put(b, out, "max", json_of_number(r->max));
    build_put(b, out, "targets", build_texts(b, r->worst, r->n_worst));
    return out;
}

static json_t *holder(struct json_builder *b, const struct finding_holder *h)
{
    if (!h) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "name", build_text(b, h->name));
    build_put(b, out, "type", build_text(b, h->type));
    build_put(b, out, "path", build_text(b, h->path));
    build_put(b, out, "retained_bytes", json_of_number(h->retained_bytes));
    build_put(b, out, "retained_objects", json_of_number(h->retained_objects));
    build_put(b, out, "reachable_bytes", json_of_number(h->reachable_bytes));
    build_put(b, out, "share", json_of_number(h->share));
    return out;
}

static json_t *patch(struct json_builder *b, const struct frame *patched)
{
    if (!patched) {
        return json_null();
    }
    const struct frame_mark *mark = patched->mark;
    json_t *out = json_object();
    build_put(b, out, "touched", build_text(b, touch_word(patched)));
    build_put(b, out, "frame", build_text(b, patched->function));
    build_put(b, out, "path", build_text(b, mark ? mark->path : NULL));
    build_put(b, out, "line", json_integer(patched->line));
    return out;
}

static json_t *suppressed(struct json_builder *b,
                          const struct finding_acceptance *a)
{
    if (!a) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "by", build_text(b, a->by));
    build_put(b, out, "reason", build_text(b, a->reason));
    build_put(b, out, "expires", build_text(b, a->expires));
    return out;
}

static json_t *renamed(struct json_builder *b, const struct finding_rename *r)
{
    if (!r) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "from", build_text(b, r->from));
    build_put(b, out, "by", build_text(b, r->by));
    build_put(b, out, "id", build_text(b, r->id));
    build_put(b, out, "loose_id", build_text(b, r->loose_id));
    return out;
}

static json_t *past(struct json_builder *b, const struct finding_past *p)
{
    if (!p) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "level", json_of_number(p->level));
    build_put(b, out, "per_hour", json_of_number(p->per_hour));
    build_put(b, out, "moved_from", build_text(b, p->moved_from));
    return out;
}

json_t *build_finding(struct json_builder *b, const struct finding *f)
{
    const struct rule *rule = f->rule;
    json_t *out = json_object();
    build_put(b, out, "id", build_text(b, f->id));
    build_put(b, out, "id_version", json_integer(FINDING_ID_VERSION));
    build_put(b, out, "loose_id", build_text(b, f->loose_id));
    build_put(b, out, "rule", build_text(b, rule->id));
    build_put(b, out, "grade", build_text(b, grade_name(f->grade)));
    build_put(b, out, "profile", build_text(b, profile_kind_name(f->profile)));
    build_put(b, out, "state", build_text(b, f->state));
    build_put(b, out, "first_seen", json_of_moment(f->first_seen_nanos));
    build_put(b, out, "site", site(b, f));
    build_put(b, out, "created_by", position(b, &f->creator, f->has_creator));
    build_put(b, out, "operation", build_text(b, f->operation));
    build_put(b, out, "stack", stack(b, f));
    build_put(b, out, "metrics", metrics(b, f));
    build_put(b, out, "statistics", statistics(b, &f->statistics));
    build_put(b, out, "holder", holder(b, f->holder));
    build_put(b, out, "replicas", replicas(b, f->replicas));
    build_put(b, out, "run",
              f->run ? json_integer(f->run->number) : json_null());
    build_put(b, out, "patch", patch(b, f->patched));
    build_put(b, out, "suppressed", suppressed(b, f->accepted));
    build_put(b, out, "uncounted", build_text(b, f->uncounted));
    build_put(b, out, "past", past(b, f->past));
    build_put(b, out, "renamed", renamed(b, f->renamed));
    build_put(b, out, "primary",
              f->primary ? position(b, f->primary, true) : json_null());
    build_put(b, out, "cause", build_text(b, f->cause ? f->cause : rule->what));
    build_put(b, out, "evidence", build_texts(b, f->evidence, f->n_evidence));
    build_put(b, out, "alternatives", alternatives(b, f));
    build_put(b, out, "fix", build_text(b, f->fix ? f->fix : rule->fix));
    build_put(b, out, "confirm",
              build_text(b, f->confirm ? f->confirm : rule->confirm));
    return out;
}

bool report_finding_json(const struct finding *f, struct buf *out,
                         struct err *err)
{
    struct json_builder b = JSON_BUILDER;
    json_t *doc = build_finding(&b, f);
    const bool ok = build_dump(&b, doc, BUILD_LINE, out, err);
    build_release(&b);
    return ok;
}
