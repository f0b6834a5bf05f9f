/*
 * Growth drawn by Mermaid, which GitHub and GitLab render in comments. Only
 * numbers and our own words go into a chart: its quoting is not trusted with
 * names. Lines of one unit share a chart; colours are named below it, with the
 * numbers that the lines have in the table.
 */
#include "base/num.h"
#include "report/markdown_private.h"
#include "report/plain.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

enum { LINES_MAX = 3, POINTS_MAX = 48, POINTS_MIN = 3 };

/* Readable on light and dark pages. */
struct color {
    const char *name, *code;
};
static const struct color colors[LINES_MAX] = {
    {"blue",   "#3b82f6"},
    {"orange", "#e36209"},
    {"purple", "#a371f7"},
};

/* One chart: lines of the same unit and length. */
struct chart {
    const struct markdown_curve *lines[LINES_MAX];
    size_t n_lines;
    size_t n_points;
    double low, high; /* of the axis, in `scale` */
    double scale;
    const char *unit;
};

static const struct metric *ranking(const struct markdown_curve *c)
{
    return &c->finding->metrics[0];
}

/* Mean of the values that fall on one point; NAN when one is unknown. */
static double point(const struct metric *m, size_t i, size_t n)
{
    const size_t from = i * m->n_series / n;
    const size_t to = (i + 1) * m->n_series / n;
    double sum = 0;
    for (size_t k = from; k < to; k++) {
        sum += m->series[k];
    }
    return sum / (double)(to - from);
}

static size_t n_points(const struct metric *m)
{
    return m->n_series < POINTS_MAX ? m->n_series : POINTS_MAX;
}

static bool can_be_drawn(const struct markdown_curve *c)
{
    if (c->finding->n_metrics == 0 || ranking(c)->n_series < POINTS_MIN) {
        return false;
    }
    const struct metric *m = ranking(c);
    for (size_t i = 0; i < n_points(m); i++) {
        const double v = point(m, i, n_points(m));
        if (!isfinite(v) || fabs(v) > 1e15) {
            return false;
        }
    }
    return true;
}

static bool in_bytes(const struct metric *m)
{
    return m->unit && strcmp(m->unit, "bytes") == 0;
}

/* Two decimals by hand: printf's decimal point depends on the locale. */
static void add_value(struct buf *out, double v)
{
    const long long hundredths = llround(fabs(v) * 100);
    buf_printf(out, "%s%lld", v < 0 && hundredths > 0 ? "-" : "",
               hundredths / 100);
    if (hundredths % 100 != 0) {
        buf_printf(out, ".%02lld", hundredths % 100);
    }
}

/* The next round number, so that lines fill most of the chart. */
static double round_up(double v)
{
    static const double steps[] = {1, 1.2, 1.5, 2, 2.5, 3, 3.5,
                                   4, 5,   6,   7, 8,   9, 10};
    double unit = 1;
    while (unit * 10 <= v) {
        unit *= 10;
    }
    while (unit > v && unit > 0.01) {
        unit /= 10;
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i] * unit >= v) {
            return steps[i] * unit;
        }
    }
    return v;
}

static void set_range(struct chart *c, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t l = 0; l < c->n_lines; l++) {
        for (size_t i = 0; i < c->n_points; i++) {
            const double v = point(ranking(c->lines[l]), i, c->n_points);
            *low = v < *low ? v : *low;
            *high = v > *high ? v : *high;
        }
    }
}

/* From zero, unless growth on a high level could not be seen then. */
static void set_axis(struct chart *c)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    double low;
    double high;
    set_range(c, &low, &high);
    const struct metric *m = ranking(c->lines[0]);
    size_t i = 0;
    c->scale = 1;
    while (in_bytes(m) && i < 4 && high >= 1024 * c->scale) {
        c->scale *= 1024;
        i++;
    }
    c->unit = in_bytes(m)                                     ? units[i]
              : m->name && strcmp(m->name, "goroutines") == 0 ? "goroutines"
                                                              : "objects";
    c->high = round_up(high / c->scale);
    c->low = low < 0 ? -round_up(-low / c->scale) : 0;
    if (low > high / 2 && low < high) {
        const double span = (high - low) / c->scale;
        c->low = floor((low / c->scale - span / 2) * 10) / 10;
        c->high = ceil((high / c->scale + span / 4) * 10) / 10;
    }
    c->high = c->high > c->low ? c->high : c->low + 1;
}

static void add_numbers(struct buf *out, const struct chart *c)
{
    for (size_t i = 0; i < c->n_lines; i++) {
        buf_printf(out, "%s%zu", i > 0 ? ", " : "", c->lines[i]->number);
    }
}

static void add_line(struct buf *out, const struct chart *c, size_t line)
{
    buf_str(out, "  line [");
    for (size_t i = 0; i < c->n_points; i++) {
        buf_str(out, i > 0 ? ", " : "");
        add_value(out,
                  point(ranking(c->lines[line]), i, c->n_points) / c->scale);
    }
    buf_str(out, "]\n");
}

/* The window of the curves; of a process that restarted that of their run,
   and none where they are of several. */
static double window_seconds(const struct chart *c,
                             const struct series_about *about)
{
    const struct finding_run *run = c->lines[0]->finding->run;
    for (size_t i = 1; i < c->n_lines; i++) {
        if (c->lines[i]->finding->run != run) {
            return 0;
        }
    }
    if (run) {
        return run->seconds;
    }
    return about && about->has_times ? about->seconds : 0;
}

static void add_head(struct buf *out, const struct chart *c,
                     const struct series_about *about)
{
    buf_str(out, "\n```mermaid\n---\nconfig:\n  xyChart:\n    width: 720\n"
                 "    height: 260\n  themeVariables:\n    xyChart:\n"
                 "      plotColorPalette: \"");
    for (size_t i = 0; i < c->n_lines; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", colors[i].code);
    }
    buf_printf(out, "\"\n---\nxychart-beta\n  title \"Growth of finding%s ",
               c->n_lines > 1 ? "s" : "");
    add_numbers(out, c);
    buf_str(out, "\"\n  x-axis \"snapshot");
    const double seconds = window_seconds(c, about);
    if (seconds > 0) {
        buf_str(out, ", over ");
        num_seconds(out, seconds);
    }
    const size_t n = ranking(c->lines[0])->n_series;
    buf_printf(out, "\" 1 --> %zu\n  y-axis \"%s\" ", n, c->unit);
    add_value(out, c->low);
    buf_str(out, " --> ");
    add_value(out, c->high);
    buf_char(out, '\n');
}

/* "blue: finding 1, `main.await`; orange: finding 2, `main.load`" */
static void add_legend(struct markdown *p, const struct chart *c)
{
    buf_char(p->out, '\n');
    for (size_t i = 0; i < c->n_lines; i++) {
        const struct frame *at = summary_place(c->lines[i]->finding);
        buf_str(p->out, i > 0 ? "; " : "");
        if (c->n_lines > 1) {
            buf_printf(p->out, "%s: ", colors[i].name);
        }
        buf_printf(p->out, "finding %zu", c->lines[i]->number);
        if (at) {
            buf_str(p->out, ", ");
            markdown_code(p, at->function);
        }
    }
    buf_str(p->out, "\n");
}

static void add_chart(struct markdown *p, struct chart *c,
                      const struct series_about *about)
{
    set_axis(c);
    add_head(p->out, c, about);
    for (size_t i = 0; i < c->n_lines; i++) {
        add_line(p->out, c, i);
    }
    buf_str(p->out, "```\n");
    add_legend(p, c);
}

void markdown_charts(struct markdown *p, const struct markdown_curve *curves,
                     size_t n, const struct series_about *about)
{
    struct chart charts[2] = {0}; /* counts, bytes */
    for (size_t i = 0; i < n; i++) {
        if (!can_be_drawn(&curves[i])) {
            continue;
        }
        const struct metric *m = ranking(&curves[i]);
        struct chart *c = &charts[in_bytes(m) ? 1 : 0];
        if (c->n_lines == 0) {
            c->n_points = n_points(m);
        }
        if (c->n_lines < LINES_MAX && c->n_points == n_points(m)) {
            c->lines[c->n_lines++] = &curves[i];
        }
    }
    /* In the order of the table above. */
    const bool bytes_first =
        charts[0].n_lines > 0 && charts[1].n_lines > 0 &&
        charts[1].lines[0]->number < charts[0].lines[0]->number;
    for (size_t i = 0; i < 2; i++) {
        struct chart *c = &charts[bytes_first ? 1 - i : i];
        if (c->n_lines > 0) {
            add_chart(p, c, about);
        }
    }
}
