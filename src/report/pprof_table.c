/*
 * -top for programs. The rows are those of the text report in their order;
 * the numbers are whole ones in the unit of the samples (divided as
 * -divide_by says, averaged as -mean says), never text with a unit. Keys are
 * added, never renamed.
 *
 * JSON is one object, a line for its head and a line for each row:
 *   schema         "seep/pprof-top/1"
 *   sample_type    "inuse_space"; "mean_..." with -mean
 *   sample_unit    "bytes": of total, shown, flat and cum
 *   time           RFC 3339 in UTC, or null
 *   duration_ns    or null
 *   filters        ["focus=main", ...]
 *   total          what percentages are of
 *   shown          sum of flat over the rows
 *   n_rows         how many there are
 *   n_dropped      nodes left out since their cum was small
 *   n_beyond_count nodes left out by -nodecount
 *   rows           [{...}]:
 *     name         of the function; without one, what the text report prints
 *     file, line   or null, as the granularity has them
 *     address      "0x4a1b20", or null
 *     flat, cum    whole numbers
 *     flat_percent, sum_percent, cum_percent
 *                  of total, signed; sum is of flat over the rows so far;
 *                  null when total is 0
 *     inline       "inline", "partial-inline" or null
 *
 * CSV has the keys of a row as its columns, empty for null, and the unit of
 * flat and cum as the last.
 */
#include "report/pprof_private.h"

#include "base/measure.h"
#include "base/num.h"
#include "report/csv_private.h"
#include "report/plain.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

struct table_row {
    const struct graph_info *info;
    int64_t flat, cum;
    double flat_percent, sum_percent, cum_percent; /* NAN = of nothing */
    const char *inlining;                          /* NULL = not inlined */
};

struct table {
    const struct pprof_options *options;
    struct graph *graph;
    struct buf *out;
    struct buf name, scratch;
    int64_t flat_sum;
    bool has_failed; /* memory, in jansson */
};

static bool table_init(struct table *t, const struct profile *p,
                       const struct pprof_options *o, struct buf *out,
                       struct err *err)
{
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_INLINE;
    *t = (struct table){
        .options = o,
        .out = out,
        .name = BUF_LIMIT(out->limit_bytes),
        .scratch = BUF_LIMIT(out->limit_bytes),
    };
    return graph_new(p, &options, &t->graph, err);
}

static bool table_end(struct table *t, bool ok, struct err *err)
{
    if (ok && t->has_failed) {
        ok = err_nomem(err, "table");
    }
    ok = ok && buf_check(t->out, "table", err);
    buf_release(&t->name);
    buf_release(&t->scratch);
    graph_free(t->graph);
    return ok;
}

static double percent(const struct table *t, int64_t v)
{
    const int64_t total = t->options->total;
    return total != 0 ? 100.0 * (double)v / (double)total : NAN;
}

static const char *inlining_text(enum graph_inlining inlining)
{
    switch (inlining) {
    case GRAPH_INLINED:
        return "inline";
    case GRAPH_PARTLY_INLINED:
        return "partial-inline";
    case GRAPH_NOT_INLINED:
        break;
    }
    return NULL;
}

/* Rows one after the other: sum_percent counts those before. */
static struct table_row next_row(struct table *t, uint32_t i)
{
    const uint32_t node = t->graph->order[i];
    const struct graph_node *n = &t->graph->nodes[node];
    const int64_t flat = graph_flat(n);
    const int64_t cum = graph_cum(n);
    t->flat_sum = pprof_add(t->flat_sum, flat);
    buf_clear(&t->name);
    if (n->info.name.len > 0) {
        buf_span(&t->name, n->info.name);
    } else {
        graph_name(&t->name, &n->info);
    }
    t->has_failed = t->has_failed || !buf_ok(&t->name);
    return (struct table_row){
        .info = &n->info,
        .flat = pprof_by_ratio(t->options->ratio, flat),
        .cum = pprof_by_ratio(t->options->ratio, cum),
        .flat_percent = percent(t, flat),
        .sum_percent = percent(t, t->flat_sum),
        .cum_percent = percent(t, cum),
        .inlining = inlining_text(graph_inlining(t->graph, node)),
    };
}

/* --- JSON --- */

static void put(struct table *t, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        t->has_failed = true;
    }
}

static json_t *text_or_null(struct table *t, struct span s)
{
    if (s.len == 0) {
        return json_null();
    }
    /* Texts of profiles are ended by NUL; copies of the report are not. */
    struct buf ended = BUF_LIMIT(s.len);
    buf_span(&ended, s);
    buf_clear(&t->scratch);
    plain_utf8(&t->scratch, ended.data);
    t->has_failed = t->has_failed || !buf_ok(&ended) || !buf_ok(&t->scratch);
    buf_release(&ended);
    return json_stringn_nocheck(t->scratch.data ? t->scratch.data : "",
                                t->scratch.len);
}

static json_t *real_or_null(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *address_or_null(uint64_t address)
{
    char text[24];
    (void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)address);
    return address != 0 ? json_string(text) : json_null();
}

static json_t *row_object(struct table *t, const struct table_row *row)
{
    json_t *out = json_object();
    put(t, out, "name", text_or_null(t, buf_view(&t->name)));
    put(t, out, "file", text_or_null(t, row->info->file));
    put(t, out, "line",
        row->info->line != 0 ? json_integer(row->info->line) : json_null());
    put(t, out, "address", address_or_null(row->info->address));
    put(t, out, "flat", json_integer(row->flat));
    put(t, out, "flat_percent", real_or_null(row->flat_percent));
    put(t, out, "sum_percent", real_or_null(row->sum_percent));
    put(t, out, "cum", json_integer(row->cum));
    put(t, out, "cum_percent", real_or_null(row->cum_percent));
    put(t, out, "inline", text_or_null(t, span_of(row->inlining)));
    return out;
}

static json_t *filters(struct table *t)
{
    const struct pprof_options *o = t->options;
    json_t *out = json_array();
    for (size_t i = 0; i < o->n_active_filters; i++) {
        if (json_array_append_new(out, text_or_null(t, o->active_filters[i])) !=
            0) {
            t->has_failed = true;
        }
    }
    return out;
}

static json_t *moment(struct table *t, int64_t nanos)
{
    if (nanos == 0) {
        return json_null();
    }
    buf_clear(&t->name);
    num_rfc3339(&t->name, nanos);
    t->has_failed = t->has_failed || !buf_ok(&t->name);
    return text_or_null(t, buf_view(&t->name));
}

static json_t *head_object(struct table *t, const struct profile *p)
{
    const struct pprof_options *o = t->options;
    const struct graph *g = t->graph;
    int64_t shown = 0;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        shown = pprof_add(shown, graph_flat(&g->nodes[g->order[i]]));
    }
    json_t *out = json_object();
    put(t, out, "schema", json_string("seep/pprof-top/1"));
    put(t, out, "sample_type", text_or_null(t, o->sample_type));
    put(t, out, "sample_unit", text_or_null(t, o->sample_unit));
    put(t, out, "time", moment(t, p->time_nanos));
    put(t, out, "duration_ns",
        p->duration_nanos != 0 ? json_integer(p->duration_nanos) : json_null());
    put(t, out, "filters", filters(t));
    put(t, out, "total",
        json_integer(pprof_by_ratio(t->options->ratio, o->total)));
    put(t, out, "shown",
        json_integer(pprof_by_ratio(t->options->ratio, shown)));
    put(t, out, "n_rows", json_integer(g->n_shown));
    put(t, out, "n_dropped", json_integer(g->n_dropped_nodes));
    put(t, out, "n_beyond_count",
        json_integer((json_int_t)g->n_before_count - g->n_shown));
    return out;
}

static int take(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

/* One object on one line; consumes it. */
static void dump(struct table *t, json_t *object)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(12);
    if (!object || (json_dump_callback(object, take, t->out, flags) != 0 &&
                    buf_ok(t->out))) {
        t->has_failed = true;
    }
    json_decref(object);
}

static void write_json(struct table *t, const struct profile *p)
{
    dump(t, head_object(t, p));
    if (!buf_ok(t->out) || t->has_failed) {
        return;
    }
    t->out->len--; /* the brace comes after the rows */
    buf_str(t->out, ",\n\"rows\":[");
    for (uint32_t i = 0; i < t->graph->n_shown && buf_ok(t->out); i++) {
        const struct table_row row = next_row(t, i);
        buf_str(t->out, i > 0 ? ",\n" : "\n");
        dump(t, row_object(t, &row));
    }
    buf_str(t->out, "]}\n");
}

bool pprof_top_json(struct profile *p, const struct pprof_options *o,
                    struct buf *out, struct err *err)
{
    struct table t;
    const bool ok = table_init(&t, p, o, out, err);
    if (ok) {
        write_json(&t, p);
    }
    return table_end(&t, ok, err);
}

/* --- CSV --- */

static void add_percent(struct table *t, double v)
{
    csv_comma(t->out);
    if (isfinite(v)) {
        buf_printf(t->out, "%.12g", v);
    }
}

static void add_integer(struct table *t, int64_t v)
{
    csv_comma(t->out);
    pprof_int(t->out, v);
}

static void add_row(struct table *t, const struct table_row *row)
{
    csv_text(t->out, buf_view(&t->name));
    csv_comma(t->out);
    csv_text(t->out, row->info->file);
    csv_comma(t->out);
    if (row->info->line != 0) {
        pprof_int(t->out, row->info->line);
    }
    csv_comma(t->out);
    if (row->info->address != 0) {
        pprof_hex(t->out, row->info->address);
    }
    add_integer(t, row->flat);
    add_percent(t, row->flat_percent);
    add_percent(t, row->sum_percent);
    add_integer(t, row->cum);
    add_percent(t, row->cum_percent);
    csv_comma(t->out);
    buf_str(t->out, row->inlining ? row->inlining : "");
    csv_comma(t->out);
    csv_text(t->out, t->options->sample_unit);
    csv_end(t->out);
}

bool pprof_top_csv(struct profile *p, const struct pprof_options *o,
                   struct buf *out, struct err *err)
{
    struct table t;
    const bool ok = table_init(&t, p, o, out, err);
    if (ok) {
        buf_str(out, "name,file,line,address,flat,flat_percent,sum_percent,"
                     "cum,cum_percent,inline,unit");
        csv_end(out);
        for (uint32_t i = 0; i < t.graph->n_shown && buf_ok(out); i++) {
            const struct table_row row = next_row(&t, i);
            add_row(&t, &row);
        }
    }
    return table_end(&t, ok, err);
}
