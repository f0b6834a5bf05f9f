/*
 * The findings document, schema seep/findings/1; where nothing was judged, a
 * document of tables, seep/tables/1. Every key is always there and in this
 * order; what is unknown is null. Keys are only ever added.
 */
#include "base/num.h"
#include "report/plain.h"
#include "report/report.h"

#include <jansson.h>
#include <math.h>

#include "base/banned.h"

/* Building fails sticky, as buffers do: once memory ran out, every further
   value is dropped and `failed` stays. */
struct builder {
    bool failed;
    struct buf scratch;
};

/* Consumes `value`; NULL is a failure, "no value" is json_null(). */
static void put(struct builder *b, json_t *object, const char *key,
                json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        b->failed = true;
    }
}

static void push(struct builder *b, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        b->failed = true;
    }
}

static json_t *text(struct builder *b, const char *s)
{
    if (!s) {
        return json_null();
    }
    buf_clear(&b->scratch);
    plain_utf8(&b->scratch, s);
    if (!buf_ok(&b->scratch)) {
        b->failed = true;
        return json_null();
    }
    return json_stringn_nocheck(b->scratch.data ? b->scratch.data : "",
                                b->scratch.len);
}

/* Whole numbers as integers, so that counts read as counts. 2^53: beyond, a
   double no longer holds every integer. */
static json_t *number(double v)
{
    if (!isfinite(v)) {
        return json_null();
    }
    if (v == floor(v) && fabs(v) < 9007199254740992.0) {
        return json_integer((json_int_t)v);
    }
    return json_real(v);
}

static json_t *positive(double v)
{
    return v > 0 ? number(v) : json_null();
}

static json_t *moment(struct builder *b, int64_t nanos)
{
    if (nanos == 0) {
        return json_null();
    }
    struct buf when = BUF_LIMIT(64);
    num_rfc3339(&when, nanos);
    json_t *out = when.data ? text(b, when.data) : NULL;
    buf_release(&when);
    return out;
}

static json_t *texts(struct builder *b, const char *const *items, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        push(b, out, text(b, items[i]));
    }
    return out;
}

static json_t *tool(struct builder *b, const struct report *r)
{
    json_t *out = json_object();
    put(b, out, "name", text(b, "seep"));
    put(b, out, "version", text(b, r->tool_version));
    return out;
}

static json_t *window(struct builder *b, const struct series_about *a)
{
    const struct series_about none = {0};
    const struct series_about *about = a ? a : &none;
    json_t *out = json_object();
    json_t *points = json_object();
    put(b, points, "heap", json_integer(about->n_heap));
    put(b, points, "goroutine", json_integer(about->n_goroutine));
    put(b, out, "points", points);
    put(b, out, "dropped", json_integer(about->n_dropped));
    put(b, out, "first", moment(b, about->first_nanos));
    put(b, out, "last", moment(b, about->last_nanos));
    put(b, out, "seconds",
        about->has_times ? number(about->seconds) : json_null());
    return out;
}

static json_t *limits(struct builder *b, const struct limits *l)
{
    json_t *out = json_object();
    put(b, out, "heap_bytes", positive(ceil(l->heap_bytes)));
    put(b, out, "goroutines", positive(ceil(l->goroutines)));
    put(b, out, "advice", text(b, l->advice));
    return out;
}

static json_t *inputs(struct builder *b, const struct report *r)
{
    json_t *out = json_array();
    for (size_t i = 0; i < r->n_inputs && !b->failed; i++) {
        const struct series_input *in = &r->inputs[i];
        json_t *row = json_object();
        put(b, row, "source", text(b, in->source));
        put(b, row, "kind", text(b, profile_kind_name(in->kind)));
        put(b, row, "time", moment(b, in->time_nanos));
        put(b, row, "used", json_boolean(in->used));
        put(b, row, "why", text(b, in->why));
        push(b, out, row);
    }
    return out;
}

static json_t *position(struct builder *b, const struct frame *f, bool is_known)
{
    if (!is_known) {
        return json_null();
    }
    json_t *out = json_object();
    put(b, out, "function", text(b, f->function));
    put(b, out, "file", text(b, f->file));
    put(b, out, "line", json_integer(f->line));
    put(b, out, "package", text(b, f->package));
    return out;
}

static json_t *stack(struct builder *b, const struct finding *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_stack && !b->failed; i++) {
        const struct frame *at = &f->stack[i];
        json_t *row = json_object();
        put(b, row, "function", text(b, at->function));
        put(b, row, "file", text(b, at->file));
        put(b, row, "line", json_integer(at->line));
        put(b, row, "origin", text(b, frame_origin_name(at->origin)));
        push(b, out, row);
    }
    return out;
}

static json_t *metric(struct builder *b, const struct metric *m)
{
    json_t *out = json_object();
    put(b, out, "name", text(b, m->name));
    put(b, out, "unit", text(b, m->unit));
    put(b, out, "first", number(m->first));
    put(b, out, "last", number(m->last));
    put(b, out, "delta", number(m->delta));
    put(b, out, "per_hour", number(m->per_hour));
    put(b, out, "per_hour_low", number(m->per_hour_low));
    put(b, out, "per_hour_high", number(m->per_hour_high));
    json_t *series = json_array();
    for (size_t i = 0; i < m->n_series; i++) {
        push(b, series, number(m->series[i]));
    }
    put(b, out, "series", series);
    return out;
}

static json_t *metrics(struct builder *b, const struct finding *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_metrics; i++) {
        push(b, out, metric(b, &f->metrics[i]));
    }
    return out;
}

static json_t *statistics(struct builder *b, const struct finding_statistics *s)
{
    json_t *out = json_object();
    put(b, out, "points", json_integer((json_int_t)s->points));
    put(b, out, "p", number(s->p));
    put(b, out, "q", number(s->q));
    put(b, out, "retention", number(s->retention));
    put(b, out, "z", number(s->z));
    put(b, out, "sampled", number(s->sampled));
    put(b, out, "relative_error", number(s->relative_error));
    return out;
}

/* The finding's own alternatives, else its rule's. */
static json_t *alternatives(struct builder *b, const struct finding *f)
{
    if (f->n_alternatives > 0) {
        return texts(b, f->alternatives, f->n_alternatives);
    }
    size_t n = 0;
    while (n < sizeof(f->rule->alternatives) / sizeof(char *) &&
           f->rule->alternatives[n]) {
        n++;
    }
    return texts(b, f->rule->alternatives, n);
}

static json_t *replicas(struct builder *b, const struct finding_replicas *r)
{
    if (!r) {
        return json_null();
    }
    json_t *out = json_object();
    put(b, out, "count", json_integer(r->n_with));
    put(b, out, "of", json_integer(r->n_targets));
    put(b, out, "rms", number(r->rms));
    put(b, out, "min", number(r->min));
    put(b, out, "median", number(r->median));
    put(b, out, "max", number(r->max));
    put(b, out, "targets", texts(b, r->worst, r->n_worst));
    return out;
}

static json_t *holder(struct builder *b, const struct finding_holder *h)
{
    if (!h) {
        return json_null();
    }
    json_t *out = json_object();
    put(b, out, "name", text(b, h->name));
    put(b, out, "type", text(b, h->type));
    put(b, out, "path", text(b, h->path));
    put(b, out, "retained_bytes", number(h->retained_bytes));
    put(b, out, "retained_objects", number(h->retained_objects));
    put(b, out, "reachable_bytes", number(h->reachable_bytes));
    put(b, out, "share", number(h->share));
    return out;
}

static json_t *finding(struct builder *b, const struct finding *f)
{
    const struct rule *rule = f->rule;
    json_t *out = json_object();
    put(b, out, "id", text(b, f->id));
    put(b, out, "id_version", json_integer(1));
    put(b, out, "loose_id", text(b, f->loose_id));
    put(b, out, "rule", text(b, rule->id));
    put(b, out, "grade", text(b, grade_name(f->grade)));
    put(b, out, "profile", text(b, profile_kind_name(f->profile)));
    put(b, out, "state", text(b, f->state));
    put(b, out, "first_seen", moment(b, f->first_seen_nanos));
    put(b, out, "site", position(b, &f->site, f->has_site));
    put(b, out, "created_by", position(b, &f->creator, f->has_creator));
    put(b, out, "operation", text(b, f->operation));
    put(b, out, "stack", stack(b, f));
    put(b, out, "metrics", metrics(b, f));
    put(b, out, "statistics", statistics(b, &f->statistics));
    put(b, out, "holder", holder(b, f->holder));
    put(b, out, "replicas", replicas(b, f->replicas));
    put(b, out, "patch", json_null());
    put(b, out, "suppressed", json_null());
    put(b, out, "cause", text(b, f->cause ? f->cause : rule->what));
    put(b, out, "evidence", texts(b, f->evidence, f->n_evidence));
    put(b, out, "alternatives", alternatives(b, f));
    put(b, out, "fix", text(b, f->fix ? f->fix : rule->fix));
    put(b, out, "confirm", text(b, f->confirm ? f->confirm : rule->confirm));
    return out;
}

static json_t *findings(struct builder *b, const struct findings *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n && !b->failed; i++) {
        push(b, out, finding(b, &f->items[i]));
    }
    return out;
}

static json_t *notes(struct builder *b, const struct report *r)
{
    json_t *out = texts(b, r->notes, r->n_notes);
    for (size_t i = 0; r->findings && i < r->findings->n_notes; i++) {
        push(b, out, text(b, r->findings->notes[i]));
    }
    return out;
}

static json_t *out_of_memory(struct builder *b, const struct out_of_memory *m)
{
    json_t *out = json_object();
    put(b, out, "limit_bytes", number(m->limit_bytes));
    put(b, out, "seconds", number(m->seconds));
    put(b, out, "seconds_low", number(m->seconds_low));
    put(b, out, "seconds_high", number(m->seconds_high));
    return out;
}

static json_t *table(struct builder *b, const struct report_table *t)
{
    json_t *out = json_object();
    json_t *rows = json_array();
    for (size_t i = 0; i < t->n_rows && !b->failed; i++) {
        json_t *row = json_object();
        for (size_t c = 0; c < t->n_columns; c++) {
            const struct report_column *column = &t->columns[c];
            const struct report_cell *cell = &t->cells[i * t->n_columns + c];
            const bool is_text = cell->text || column->type == CELL_TEXT;
            put(b, row, column->key,
                is_text ? text(b, cell->text) : number(cell->number));
        }
        push(b, rows, row);
    }
    put(b, out, "key", text(b, t->key));
    put(b, out, "title", text(b, t->title));
    put(b, out, "rows", rows);
    put(b, out, "rows_left_out", json_integer((json_int_t)t->n_rows_left_out));
    return out;
}

static json_t *tables(struct builder *b, const struct report *r)
{
    json_t *out = json_array();
    for (size_t i = 0; i < r->n_tables; i++) {
        push(b, out, table(b, &r->tables[i]));
    }
    return out;
}

static json_t *labels(struct builder *b, const struct report *r)
{
    json_t *out = json_object();
    for (size_t i = 0; i < r->n_labels; i++) {
        put(b, out, r->labels[i].name, text(b, r->labels[i].value));
    }
    return out;
}

/* Nothing was judged: tables alone. */
static json_t *table_document(struct builder *b, const struct report *r)
{
    json_t *out = json_object();
    put(b, out, "schema", text(b, "seep/tables/1"));
    put(b, out, "tool", tool(b, r));
    put(b, out, "command", text(b, r->command));
    put(b, out, "target", text(b, r->target));
    put(b, out, "summary", texts(b, r->summary, r->n_summary));
    put(b, out, "notes", notes(b, r));
    put(b, out, "tables", tables(b, r));
    return out;
}

static json_t *document(struct builder *b, const struct report *r)
{
    json_t *out = json_object();
    put(b, out, "schema", text(b, "seep/findings/1"));
    put(b, out, "tool", tool(b, r));
    put(b, out, "verdict", text(b, verdict_name(r->findings->verdict)));
    put(b, out, "target", text(b, r->target));
    put(b, out, "labels", labels(b, r));
    put(b, out, "window", window(b, r->about));
    put(b, out, "limits", limits(b, &r->findings->limits));
    put(b, out, "inputs", inputs(b, r));
    put(b, out, "findings", findings(b, r->findings));
    put(b, out, "notes", notes(b, r));
    if (r->n_summary > 0) {
        put(b, out, "summary", texts(b, r->summary, r->n_summary));
    }
    if (r->findings->oom.asked) {
        put(b, out, "out_of_memory", out_of_memory(b, &r->findings->oom));
    }
    if (r->n_tables > 0) {
        put(b, out, "tables", tables(b, r));
    }
    return out;
}

static int take(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

/* 12 digits: more than any figure here is worth, and no 0.1000000001. */
#define DIGITS JSON_REAL_PRECISION(12)

/* Consumes the document. */
static bool dump(struct builder *b, json_t *doc, size_t flags, struct buf *out,
                 struct err *err)
{
    const bool built = doc && !b->failed;
    const bool dumped = built && json_dump_callback(doc, take, out, flags) == 0;
    json_decref(doc);
    buf_release(&b->scratch);
    if (!built) {
        return err_nomem(err, "json report");
    }
    return buf_check(out, "json report", err) &&
           (dumped || err_set(err, ERR_INTERNAL, "json report: not written"));
}

bool report_finding_json(const struct finding *f, struct buf *out,
                         struct err *err)
{
    struct builder b = {.scratch = BUF_LIMIT(64u << 20)};
    json_t *doc = finding(&b, f);
    return dump(&b, doc, JSON_COMPACT | DIGITS, out, err);
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct builder b = {.scratch = BUF_LIMIT(64u << 20)};
    json_t *doc = r->findings ? document(&b, r) : table_document(&b, r);
    if (!dump(&b, doc, JSON_INDENT(1) | DIGITS, out, err)) {
        return false;
    }
    buf_char(out, '\n');
    return buf_check(out, "json report", err);
}

const struct renderer renderer_json = {
    .name = "json",
    .media_type = "application/json",
    .summary = "the findings document, for programs",
    .render = render,
};
