/*
 * The findings document, schema seep/findings/1; where nothing was judged, a
 * document of tables, seep/tables/1. Every key is always there and in this
 * order; what is unknown is null. Keys are only ever added.
 */
#include "report/forge_private.h"
#include "report/json_build_private.h"

#include <math.h>

#include "base/banned.h"

static json_t *tool(struct json_builder *b, const struct report *r)
{
    json_t *out = json_object();
    build_put(b, out, "name", build_text(b, "seep"));
    build_put(b, out, "version", build_text(b, r->tool_version));
    return out;
}

static json_t *points(struct json_builder *b, uint32_t n_heap,
                      uint32_t n_goroutine)
{
    json_t *out = json_object();
    build_put(b, out, "heap", json_integer(n_heap));
    build_put(b, out, "goroutine", json_integer(n_goroutine));
    return out;
}

static json_t *kinds(struct json_builder *b, unsigned bits)
{
    json_t *out = json_array();
    for (int k = 0; k < N_PROFILE_KINDS; k++) {
        if (bits & PROFILE_BIT(k)) {
            build_push(b, out,
                       build_text(b, profile_kind_name((enum profile_kind)k)));
        }
    }
    return out;
}

static json_t *run(struct json_builder *b, const struct finding_run *r)
{
    json_t *out = json_object();
    build_put(b, out, "run", json_integer(r->number));
    build_put(b, out, "first", build_text(b, r->first));
    build_put(b, out, "last", build_text(b, r->last));
    build_put(b, out, "points", points(b, r->n_heap, r->n_goroutine));
    build_put(b, out, "seconds",
              r->seconds > 0 ? json_of_number(r->seconds) : json_null());
    build_put(b, out, "verdict",
              build_text(b, r->is_judged ? verdict_name(r->verdict) : NULL));
    build_put(b, out, "kinds", kinds(b, r->kinds));
    return out;
}

/* None where the process did not restart. */
static json_t *runs(struct json_builder *b, const struct findings *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n_runs; i++) {
        build_push(b, out, run(b, &f->runs[i]));
    }
    return out;
}

static json_t *window(struct json_builder *b, const struct series_about *a,
                      bool has_lost)
{
    const struct series_about none = {0};
    const struct series_about *about = a ? a : &none;
    json_t *out = json_object();
    build_put(b, out, "points", points(b, about->n_heap, about->n_goroutine));
    build_put(b, out, "dropped", json_integer(about->n_dropped));
    build_put(b, out, "lost", json_boolean(has_lost));
    build_put(b, out, "first", json_of_moment(about->first_nanos));
    build_put(b, out, "last", json_of_moment(about->last_nanos));
    build_put(b, out, "seconds",
              about->has_times ? json_of_number(about->seconds) : json_null());
    return out;
}

static json_t *positive(double v)
{
    return v > 0 ? json_of_number(v) : json_null();
}

static json_t *limit_most(struct json_builder *b, const struct limit_most *m,
                          const char *key)
{
    if (m->at == NULL) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "function", build_text(b, m->at));
    build_put(b, out, key, positive(ceil(m->amount)));
    return out;
}

static json_t *limits(struct json_builder *b, const struct limits *l)
{
    json_t *out = json_object();
    build_put(b, out, "heap_bytes", positive(ceil(l->heap_bytes)));
    build_put(b, out, "goroutines", positive(ceil(l->goroutines)));
    build_put(b, out, "heap_most", limit_most(b, &l->heap_most, "heap_bytes"));
    build_put(b, out, "goroutines_most",
              limit_most(b, &l->goroutines_most, "goroutines"));
    build_put(b, out, "advice", build_text(b, l->advice));
    return out;
}

static json_t *inputs(struct json_builder *b, const struct report *r)
{
    json_t *out = json_array();
    for (size_t i = 0; i < r->n_inputs && !b->failed; i++) {
        const struct series_input *in = &r->inputs[i];
        json_t *row = json_object();
        build_put(b, row, "source", build_text(b, in->source));
        build_put(b, row, "kind", build_text(b, profile_kind_name(in->kind)));
        build_put(b, row, "time", json_of_moment(in->time_nanos));
        build_put(b, row, "used", json_boolean(in->used));
        build_put(b, row, "why", build_text(b, in->why));
        build_push(b, out, row);
    }
    return out;
}

static json_t *findings(struct json_builder *b, const struct findings *f)
{
    json_t *out = json_array();
    for (size_t i = 0; i < f->n && !b->failed; i++) {
        build_push(b, out, build_finding(b, &f->items[i]));
    }
    return out;
}

static json_t *notes(struct json_builder *b, const struct report *r)
{
    json_t *out = build_texts(b, r->notes, r->n_notes);
    for (size_t i = 0; r->findings && i < r->findings->n_notes; i++) {
        build_push(b, out, build_text(b, r->findings->notes[i]));
    }
    return out;
}

static json_t *out_of_memory(struct json_builder *b,
                             const struct out_of_memory *m)
{
    if (!m->asked) {
        return json_null();
    }
    json_t *out = json_object();
    build_put(b, out, "limit_bytes", json_of_number(m->limit_bytes));
    build_put(b, out, "seconds", json_of_number(m->seconds));
    build_put(b, out, "seconds_low", json_of_number(m->seconds_low));
    build_put(b, out, "seconds_high", json_of_number(m->seconds_high));
    return out;
}

json_t *build_row(struct json_builder *b, const struct report_table *t,
                  size_t row)
{
    json_t *out = json_object();
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct report_column *column = &t->columns[c];
        const struct report_cell *cell = &t->cells[row * t->n_columns + c];
        const bool is_text = cell->text || column->type == CELL_TEXT;
        build_put(b, out, column->key,
                  is_text ? build_text(b, cell->text)
                          : json_of_number(cell->number));
    }
    return out;
}

static json_t *table(struct json_builder *b, const struct report_table *t)
{
    json_t *out = json_object();
    json_t *rows = json_array();
    for (size_t i = 0; i < t->n_rows && !b->failed; i++) {
        build_push(b, rows, build_row(b, t, i));
    }
    build_put(b, out, "key", build_text(b, t->key));
    build_put(b, out, "title", build_text(b, t->title));
    build_put(b, out, "rows", rows);
    build_put(b, out, "rows_left_out",
              json_integer((json_int_t)t->n_rows_left_out));
    return out;
}

static json_t *tables(struct json_builder *b, const struct report *r)
{
    json_t *out = json_array();
    for (size_t i = 0; i < r->n_tables; i++) {
        build_push(b, out, table(b, &r->tables[i]));
    }
    return out;
}

static json_t *labels(struct json_builder *b, const struct report *r)
{
    json_t *out = json_object();
    for (size_t i = 0; i < r->n_labels; i++) {
        build_put(b, out, r->labels[i].name, build_text(b, r->labels[i].value));
    }
    return out;
}

/* Nothing was judged: tables alone. */
static json_t *table_document(struct json_builder *b, const struct report *r,
                              bool is_head)
{
    json_t *out = json_object();
    build_put(b, out, "schema", build_text(b, "seep/tables/1"));
    build_put(b, out, "tool", tool(b, r));
    build_put(b, out, "command", build_text(b, r->command));
    build_put(b, out, "target", build_text(b, r->target));
    build_put(b, out, "summary", build_texts(b, r->summary, r->n_summary));
    build_put(b, out, "notes", notes(b, r));
    if (!is_head) {
        build_put(b, out, "tables", tables(b, r));
    }
    return out;
}

json_t *build_document(struct json_builder *b, const struct report *r,
                       bool is_head)
{
    const struct findings *f = r->findings;
    if (!f) {
        return table_document(b, r, is_head);
    }
    json_t *out = json_object();
    build_put(b, out, "schema", build_text(b, "seep/findings/1"));
    build_put(b, out, "tool", tool(b, r));
    build_put(b, out, "command", build_text(b, r->command));
    build_put(b, out, "program",
              build_text(b, r->about ? r->about->program : f->program));
    build_put(b, out, "verdict", build_text(b, verdict_name(f->verdict)));
    build_put(b, out, "undecided", build_text(b, forge_undecided(r)));
    build_put(b, out, "target", build_text(b, r->target));
    build_put(b, out, "labels", labels(b, r));
    build_put(b, out, "window", window(b, r->about, f->has_lost));
    build_put(b, out, "runs", runs(b, f));
    build_put(b, out, "limits", limits(b, &f->limits));
    build_put(b, out, "inputs", inputs(b, r));
    if (!is_head) {
        build_put(b, out, "findings", findings(b, f));
    }
    build_put(b, out, "notes", notes(b, r));
    build_put(b, out, "summary", build_texts(b, r->summary, r->n_summary));
    build_put(b, out, "out_of_memory", out_of_memory(b, &f->oom));
    if (!is_head) {
        build_put(b, out, "tables", tables(b, r));
    }
    return out;
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct json_builder b = JSON_BUILDER;
    json_t *doc = build_document(&b, r, false);
    const bool ok = build_dump(&b, doc, BUILD_LINES, out, err);
    build_release(&b);
    if (!ok) {
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
