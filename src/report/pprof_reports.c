/*
 * The list of google/pprof's reports, expanded from pprof_reports.def, and
 * what they share: a value is multiplied by the ratio and cut before it is
 * scaled, percentages are of the report's total, and the lines above a report
 * say what it is about and what was left out.
 */
#include "report/pprof.h"

#include <math.h>
#include <utf8proc.h>

#include "report/pprof_private.h"

#include "base/banned.h"

#define PPROF_REPORT(name) extern const struct pprof_report pprof_report_##name;
#include "report/pprof_reports.def"
#undef PPROF_REPORT

static const struct pprof_report *const reports[] = {
#define PPROF_REPORT(name) &pprof_report_##name,
#include "report/pprof_reports.def"
#undef PPROF_REPORT
};

enum { N_REPORTS = sizeof(reports) / sizeof(reports[0]) };

const struct pprof_report *const *pprof_reports(size_t *n)
{
    *n = N_REPORTS;
    return reports;
}

const struct pprof_report *pprof_report_find(struct span name)
{
    for (size_t i = 0; i < N_REPORTS; i++) {
        if (span_is(name, reports[i]->name)) {
            return reports[i];
        }
    }
    return NULL;
}

/* --- Sums --- */

/* Is the sample one of those that -diff_base brought in? */
static bool is_of_base(const struct profile *p, uint32_t sample)
{
    if (p->label_off == NULL) {
        return false;
    }
    for (uint32_t i = p->label_off[sample]; i < p->label_off[sample + 1]; i++) {
        const struct profile_label *l = &p->labels[i];
        if (!l->is_num && span_is(profile_span(p, l->key), "pprof::base") &&
            span_is(profile_span(p, l->str), "true")) {
            return true;
        }
    }
    return false;
}

int64_t pprof_total(const struct profile *p, uint32_t value_column,
                    bool has_mean)
{
    int64_t total = 0;
    int64_t div = 0;
    int64_t base_total = 0;
    int64_t base_div = 0;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        const int64_t *values = &p->values[(size_t)s * p->n_types];
        const int64_t v = pprof_absolute(values[value_column]);
        const int64_t d = has_mean ? values[0] : 0;
        total = pprof_add(total, v);
        div = pprof_add(div, d);
        if (is_of_base(p, s)) {
            base_total = pprof_add(base_total, v);
            base_div = pprof_add(base_div, d);
        }
    }
    return base_total > 0 ? graph_mean(base_total, base_div)
                          : graph_mean(total, div);
}

/* --- Values --- */

struct pprof_values pprof_values_of(const struct pprof_options *o)
{
    return (struct pprof_values){
        .ratio = o->ratio,
        .total = o->total,
        .sample_unit = o->sample_unit,
        .output_unit = o->output_unit,
        .measure = measure_between(o->sample_unit, o->output_unit),
    };
}

int64_t pprof_by_ratio(double ratio, int64_t value)
{
    /* Written so that NaN is no ratio either. */
    const bool has_ratio = ratio > 0 && (ratio < 1 || ratio > 1);
    return has_ratio ? measure_truncate((double)value * ratio) : value;
}

/* The smallest value that the report will show; 0 when all are. */
static int64_t smallest_shown(const struct graph *g)
{
    int64_t smallest = 0;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const struct graph_node *n = &g->nodes[g->order[i]];
        int64_t v = pprof_absolute(graph_flat(n));
        if (v == 0) {
            v = pprof_absolute(graph_cum(n));
        }
        if (v > 0 && (smallest == 0 || v < smallest)) {
            smallest = v;
        }
    }
    return smallest;
}

static struct span natural_unit(const struct pprof_values *v, int64_t value)
{
    struct span unit;
    (void)measure_scale(value, v->sample_unit, SPAN_LIT("minimum"), &unit);
    return unit;
}

void pprof_select_unit(struct pprof_values *v, const struct graph *g,
                       bool is_exact)
{
    if (!span_is(v->output_unit, "minimum") || g->n_shown == 0) {
        return;
    }
    int64_t smallest = smallest_shown(g);
    if (smallest == 0) {
        smallest = v->total;
    }
    smallest = pprof_by_ratio(v->ratio, smallest);
    const int64_t largest = pprof_by_ratio(v->ratio, v->total);

    /* Two decimals reach down to a hundredth. */
    const int64_t hundredfold = (int64_t)((uint64_t)smallest * 100);
    struct span unit = natural_unit(v, smallest);
    if (!is_exact && hundredfold < largest &&
        !span_eq(unit, natural_unit(v, largest))) {
        unit = natural_unit(v, hundredfold);
    }
    v->output_unit = unit.len > 0 ? unit : v->sample_unit;
    v->measure = measure_between(v->sample_unit, v->output_unit);
}

void pprof_value(struct buf *out, const struct pprof_values *v, int64_t value)
{
    measure_write(out, &v->measure, pprof_by_ratio(v->ratio, value));
}

void pprof_value_right(struct buf *out, const struct pprof_values *v,
                       int64_t value, size_t width)
{
    const size_t start = out->len;
    pprof_value(out, v, value);
    pprof_pad_left(out, start, width);
}

int64_t pprof_scaled(const struct pprof_values *v, int64_t value)
{
    return measure_truncate(measure_apply(&v->measure, value, NULL));
}

/* --- Text --- */

size_t pprof_characters(struct span text)
{
    size_t count = 0;
    size_t at = 0;
    while (at < text.len) {
        if ((unsigned char)text.p[at] < 0x80) {
            at++;
        } else {
            const size_t left = text.len - at;
            utf8proc_int32_t c = 0;
            const utf8proc_ssize_t n =
                utf8proc_iterate((const utf8proc_uint8_t *)text.p + at,
                                 (utf8proc_ssize_t)(left < 4 ? left : 4), &c);
            at += n > 0 ? (size_t)n : 1;
        }
        count++;
    }
    return count;
}

void pprof_pad_left(struct buf *out, size_t start, size_t width)
{
    if (!buf_ok(out) || out->len - start >= 4 * width) {
        return; /* no character has more than four bytes */
    }
    const size_t bytes = out->len - start;
    const size_t n = pprof_characters(span_from(buf_view(out), start));
    if (n >= width) {
        return;
    }
    const size_t pad = width - n;
    buf_repeat(out, ' ', pad);
    if (buf_ok(out) && bytes > 0) {
        memmove(out->data + start + pad, out->data + start, bytes);
        memset(out->data + start, ' ', pad);
    }
}

/* Digits of `value` at the end of `text`; returns where they begin. */
enum { DIGITS_MAX = 24 };

static size_t digits(uint64_t value, unsigned base, char text[DIGITS_MAX])
{
    size_t at = DIGITS_MAX;
    do {
        text[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    return at;
}

void pprof_int_right(struct buf *out, int64_t value, size_t width)
{
    char text[DIGITS_MAX];
    size_t at = digits((uint64_t)pprof_absolute(value), 10, text);
    if (value < 0) {
        text[--at] = '-';
    }
    const size_t n = DIGITS_MAX - at;
    if (n < width) {
        buf_repeat(out, ' ', width - n);
    }
    buf_add(out, text + at, n);
}

void pprof_int(struct buf *out, int64_t value)
{
    pprof_int_right(out, value, 0);
}

void pprof_uint(struct buf *out, uint64_t value)
{
    char text[DIGITS_MAX];
    const size_t at = digits(value, 10, text);
    buf_add(out, text + at, DIGITS_MAX - at);
}

void pprof_hex(struct buf *out, uint64_t value)
{
    char text[DIGITS_MAX];
    size_t at = digits(value, 16, text);
    text[--at] = 'x';
    text[--at] = '0';
    buf_add(out, text + at, DIGITS_MAX - at);
}

struct span pprof_label_unit(const struct profile *p,
                             const struct label_units *units, struct span key)
{
    return units != NULL ? label_units_get(p, units, key) : SPAN_LIT("");
}

/* --- Lines above a report --- */

/* Labels as lines; remembers how long the first is. */
struct labels {
    struct buf *out;
    size_t start, first_bytes;
    bool has_first;
};

static struct labels labels_in(struct buf *out)
{
    return (struct labels){.out = out, .start = out->len};
}

static void end_label(struct labels *l)
{
    if (!l->has_first) {
        l->first_bytes = l->out->len - l->start;
        l->has_first = true;
    }
    buf_char(l->out, '\n');
}

static void add_label(struct labels *l, const char *title, struct span text)
{
    buf_str(l->out, title);
    buf_span(l->out, text);
    end_label(l);
}

static void add_program(struct labels *l, const struct profile *p)
{
    if (p->n_mappings == 0) {
        return;
    }
    const struct span file = profile_span(p, p->mappings[0].file);
    const struct span build = profile_span(p, p->mappings[0].build_id);
    if (file.len > 0) {
        add_label(l, "File: ", span_base_name(file));
    }
    if (build.len > 0) {
        add_label(l, "Build ID: ", build);
    }
}

static void add_duration(struct labels *l, const struct profile *p,
                         const struct pprof_values *v)
{
    buf_str(l->out, "Duration: ");
    measure_label(l->out, p->duration_nanos, SPAN_LIT("nanoseconds"),
                  SPAN_LIT("auto"));
    buf_str(l->out, ", Total samples = ");
    pprof_value(l->out, v, v->total);
    buf_char(l->out, ' ');
    struct span unit;
    const double ns =
        measure_scale(v->total, v->sample_unit, SPAN_LIT("nanoseconds"), &unit);
    if (span_is(unit, "ns") && fpclassify(ns) != FP_ZERO) {
        buf_char(l->out, '(');
        measure_percent(l->out, measure_truncate(ns), p->duration_nanos);
        buf_char(l->out, ')');
    }
    end_label(l);
}

static void add_profile(struct labels *l, const struct profile *p,
                        const struct pprof_options *o,
                        const struct pprof_values *v)
{
    add_program(l, p);
    for (uint32_t i = 0; i < p->n_comments; i++) {
        const struct span comment = profile_span(p, p->comments[i]);
        if (!span_starts(comment, "#")) {
            add_label(l, "", comment);
        }
    }
    if (o->sample_type.len > 0) {
        add_label(l, "Type: ", o->sample_type);
    }
    if (p->doc_url.i != 0) {
        add_label(l, "Doc: ", profile_span(p, p->doc_url));
    }
    if (p->time_nanos != 0) {
        buf_str(l->out, "Time: ");
        o->world.local_time(o->world.ctx, p->time_nanos, l->out);
        end_label(l);
    }
    if (p->duration_nanos != 0) {
        add_duration(l, p, v);
    }
}

size_t pprof_profile_labels(struct buf *out, const struct profile *p,
                            const struct pprof_options *o,
                            const struct pprof_values *v)
{
    struct labels l = labels_in(out);
    add_profile(&l, p, o, v);
    return l.first_bytes;
}

static void add_filters(struct labels *l, const struct pprof_options *o)
{
    enum { FILTER_BYTES = 80 };
    if (o->n_active_filters > 0) {
        add_label(l, "Active filters:", SPAN_LIT(""));
    }
    for (size_t i = 0; i < o->n_active_filters; i++) {
        const struct span f = o->active_filters[i];
        buf_str(l->out, "   ");
        buf_span(l->out, span_first(f, FILTER_BYTES));
        buf_str(l->out, f.len > FILTER_BYTES ? "\u2026" : "");
        end_label(l);
    }
}

static void add_shown(struct labels *l, const struct pprof_values *v,
                      const struct graph *g)
{
    int64_t shown = 0;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        shown = pprof_add(shown, graph_flat(&g->nodes[g->order[i]]));
    }
    buf_str(l->out, "Showing nodes accounting for ");
    pprof_value(l->out, v, shown);
    buf_str(l->out, ", ");
    measure_percent_short(l->out, shown, v->total);
    buf_str(l->out, " of ");
    pprof_value(l->out, v, v->total);
    buf_str(l->out, " total");
    end_label(l);
}

static void add_dropped(struct labels *l, const struct pprof_values *v,
                        uint32_t n, const char *what, const char *measured,
                        double fraction)
{
    if (n == 0) {
        return;
    }
    buf_printf(l->out, "Dropped %u %s%s (%s <= ", n, what, n > 1 ? "s" : "",
               measured);
    const int64_t limit = measure_truncate((double)v->total * fraction);
    pprof_value(l->out, v, pprof_absolute(limit));
    buf_char(l->out, ')');
    end_label(l);
}

size_t pprof_report_labels(struct buf *out, const struct profile *p,
                           const struct pprof_options *o,
                           const struct pprof_values *v, const struct graph *g,
                           bool is_picture)
{
    struct labels l = labels_in(out);
    if (is_picture || !o->has_compact_labels) {
        add_profile(&l, p, o, v);
    }
    add_filters(&l, o);
    add_shown(&l, v, g);
    if (v->total != 0) {
        add_dropped(&l, v, g->n_dropped_nodes, "node", "cum", o->node_fraction);
        if (is_picture) {
            add_dropped(&l, v, g->n_dropped_edges, "edge", "freq",
                        o->edge_fraction);
        }
        if (g->n_shown > 0 && g->n_shown < g->n_before_count) {
            buf_printf(out, "Showing top %u nodes out of %u", g->n_shown,
                       g->n_before_count);
            end_label(&l);
        }
    }
    if (is_picture) {
        add_label(&l, "\nSee https://git.io/JfYMW for how to read the graph",
                  SPAN_LIT(""));
    }
    return l.first_bytes;
}

/* --- The graph --- */

struct graph_options pprof_graph_options(const struct profile *p,
                                         const struct pprof_options *o)
{
    return (struct graph_options){
        .value_column = o->value_column,
        .has_mean = o->has_mean,
        .drops_negative = o->drops_negative,
        .trim_path = o->trim_path,
        .source_path = o->source_path,
        .bytes_unit = pprof_label_unit(p, o->label_units, SPAN_LIT("bytes")),
        .output_unit = o->output_unit,
        .node_fraction = o->node_fraction,
        .edge_fraction = o->edge_fraction,
        .node_count = o->node_count,
        .sorts_cum = o->sorts_cum,
    };
}
