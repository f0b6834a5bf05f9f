/* -raw: everything that is in a profile, as text. */
#include "report/pprof_private.h"
#include "report/sample_labels_private.h"

#include "base/banned.h"

/* --- The header --- */

/* `v` of nanoseconds as Go writes a fraction: "." and the last `digits` digits
   without trailing zeros, in front of them what is left. */
static void add_fraction(struct buf *out, uint64_t v, unsigned digits)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < digits; i++) {
        scale *= 10;
    }
    pprof_int(out, (int64_t)(v / scale));
    uint64_t rest = v % scale;
    if (rest > 0) {
        buf_char(out, '.');
    }
    while (rest > 0) {
        scale /= 10;
        buf_char(out, (char)('0' + rest / scale));
        rest %= scale;
    }
}

/* Go's text of a duration: "1h40m0.5s", "12.5ms". */
static void add_duration(struct buf *out, int64_t ns)
{
    uint64_t v = (uint64_t)ns;
    if (ns < 0) {
        buf_char(out, '-');
        v = 0 - v;
    }
    if (v < 1000) {
        add_fraction(out, v, 0);
        buf_str(out, "ns");
    } else if (v < 1000000) {
        add_fraction(out, v, 3);
        buf_str(out, "\u00b5s");
    } else if (v < 1000000000) {
        add_fraction(out, v, 6);
        buf_str(out, "ms");
    } else {
        const uint64_t minute = UINT64_C(60000000000);
        const uint64_t hour = 60 * minute;
        if (v >= hour) {
            pprof_int(out, (int64_t)(v / hour));
            buf_char(out, 'h');
        }
        if (v >= minute) {
            pprof_int(out, (int64_t)(v % hour / minute));
            buf_char(out, 'm');
        }
        add_fraction(out, v % minute, 9);
        buf_char(out, 's');
    }
}

/* The reference cuts the duration to four characters. */
static void add_short_duration(struct buf *out, int64_t ns)
{
    enum { CHARACTERS = 4 };
    struct buf text = BUF_LIMIT(64);
    add_duration(&text, ns);
    struct span s = buf_view(&text);
    while (pprof_characters(s) > CHARACTERS) {
        s.len--;
    }
    buf_span(out, s);
    out->failed_memory = out->failed_memory || text.failed_memory;
    buf_release(&text);
}

static void add_line(struct buf *out, const char *title, struct span text)
{
    buf_str(out, title);
    buf_span(out, text);
    buf_char(out, '\n');
}

static void add_period(struct buf *out, const struct profile *p)
{
    buf_str(out, "PeriodType: ");
    buf_span(out, profile_span(p, p->period_type.type));
    buf_char(out, ' ');
    buf_span(out, profile_span(p, p->period_type.unit));
    buf_str(out, "\nPeriod: ");
    pprof_int(out, p->period);
    buf_char(out, '\n');
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool add_types(struct buf *out, const struct profile *p, struct err *err)
{
    struct buf text = BUF_LIMIT(out->limit_bytes);
    const struct span usual = profile_span(p, p->default_type);
    for (uint32_t i = 0; i < p->n_types; i++) {
        const struct span type = profile_span(p, p->types[i].type);
        buf_span(&text, type);
        buf_char(&text, '/');
        buf_span(&text, profile_span(p, p->types[i].unit));
        buf_str(&text, span_eq(type, usual) ? "[dflt] " : " ");
    }
    struct span s = buf_view(&text);
    while (s.len > 0 && is_blank(s.p[s.len - 1])) {
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[0])) {
        s = span_from(s, 1);
    }
    add_line(out, "", s);
    const bool ok = buf_check(&text, "sample types", err);
    buf_release(&text);
    return ok;
}

static bool print_header(const struct profile *p, const struct pprof_options *o,
                         struct buf *out, struct err *err)
{
    for (uint32_t i = 0; i < p->n_comments; i++) {
        add_line(out, "Comment: ", profile_span(p, p->comments[i]));
    }
    const struct span url = profile_span(p, p->doc_url);
    if (url.len > 0) {
        add_line(out, "Doc: ", url);
    }
    add_period(out, p);
    if (p->time_nanos != 0) {
        buf_str(out, "Time: ");
        o->world.local_time_full(o->world.ctx, p->time_nanos, out);
        buf_char(out, '\n');
    }
    if (p->duration_nanos != 0) {
        buf_str(out, "Duration: ");
        add_short_duration(out, p->duration_nanos);
        buf_char(out, '\n');
    }
    buf_str(out, "Samples:\n");
    return add_types(out, p, err);
}

/* --- Samples --- */

/* "key:[a b]" */
static void write_strings(const struct sample_labels *s, const uint32_t *labels,
                          size_t n, const void *ctx, struct buf *out)
{
    (void)ctx;
    const struct profile *p = s->p;
    buf_span(out, profile_span(p, p->labels[labels[0]].key));
    buf_str(out, ":[");
    for (size_t i = 0; i < n; i++) {
        buf_str(out, i > 0 ? " " : "");
        buf_span(out, profile_span(p, p->labels[labels[i]].str));
    }
    buf_char(out, ']');
}

/* "key:[1 2]", or "key:[1 kb 2 ]" when any of them has a unit. */
static void write_numbers(const struct sample_labels *s, const uint32_t *labels,
                          size_t n, const void *ctx, struct buf *out)
{
    (void)ctx;
    const struct profile *p = s->p;
    bool has_units = false;
    for (size_t i = 0; i < n; i++) {
        has_units = has_units || p->labels[labels[i]].unit.i != 0;
    }
    buf_span(out, profile_span(p, p->labels[labels[0]].key));
    buf_str(out, ":[");
    for (size_t i = 0; i < n; i++) {
        buf_str(out, i > 0 ? " " : "");
        pprof_int(out, p->labels[labels[i]].num);
        if (has_units) {
            buf_char(out, ' ');
            buf_span(out, profile_span(p, p->labels[labels[i]].unit));
        }
    }
    buf_char(out, ']');
}

static bool print_labels(struct sample_labels *s, uint32_t sample, bool is_num,
                         struct buf *out, struct err *err)
{
    if (!sample_labels_collect(s, sample, is_num,
                               is_num ? write_numbers : write_strings, NULL,
                               err)) {
        return false;
    }
    for (size_t i = 0; i < s->texts.n; i++) {
        buf_str(out, i > 0 ? " " : "                ");
        buf_span(out, sample_labels_at(s, i));
    }
    buf_str(out, s->texts.n > 0 ? "\n" : "");
    return true;
}

static void print_sample(const struct profile *p, uint32_t s, struct buf *out)
{
    enum { WIDTH = 10 };
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_char(out, ' ');
        pprof_int_right(out, p->values[(size_t)s * p->n_types + i], WIDTH);
    }
    buf_str(out, ": ");
    for (uint32_t i = p->sample_off[s]; i < p->sample_off[s + 1]; i++) {
        pprof_uint(out, p->locations[p->sample_locs[i]].id);
        buf_char(out, ' ');
    }
    buf_char(out, '\n');
}

static bool print_samples(const struct profile *p, struct buf *out,
                          struct err *err)
{
    struct sample_labels labels = {.p = p, .text = BUF_LIMIT(out->limit_bytes)};
    bool ok = true;
    for (uint32_t s = 0; ok && s < p->n_samples; s++) {
        print_sample(p, s, out);
        ok = print_labels(&labels, s, false, out, err) &&
             print_labels(&labels, s, true, out, err) &&
             buf_check(out, "raw report", err);
    }
    sample_labels_release(&labels);
    return ok;
}

/* --- Locations and mappings --- */

static void print_line(const struct profile *p, const struct profile_line *line,
                       struct buf *out)
{
    if (line->function == PROFILE_NONE) {
        buf_str(out, "??\n");
        return;
    }
    const struct profile_function *f = &p->functions[line->function];
    const struct span name = profile_span(p, f->name);
    const struct span system_name = profile_span(p, f->system_name);
    buf_span(out, name);
    buf_char(out, ' ');
    buf_span(out, profile_span(p, f->file));
    buf_char(out, ':');
    pprof_int(out, line->line);
    buf_char(out, ':');
    pprof_int(out, line->column);
    buf_str(out, " s=");
    pprof_int(out, f->start_line);
    if (!span_eq(name, system_name)) {
        buf_char(out, '(');
        buf_span(out, system_name);
        buf_char(out, ')');
    }
    buf_char(out, '\n');
}

static void print_location(const struct profile *p,
                           const struct profile_location *l, struct buf *out)
{
    enum { WIDTH = 6 };
    const size_t start = out->len;
    pprof_uint(out, l->id);
    pprof_pad_left(out, start, WIDTH);
    buf_str(out, ": ");
    pprof_hex(out, l->address);
    buf_char(out, ' ');
    if (l->mapping != PROFILE_NONE) {
        buf_str(out, "M=");
        pprof_uint(out, p->mappings[l->mapping].id);
        buf_char(out, ' ');
    }
    buf_str(out, l->is_folded ? "[F] " : "");
    for (uint32_t i = 0; i < l->n_lines; i++) {
        buf_str(out, i > 0 ? "             " : "");
        print_line(p, &p->lines[l->first_line + i], out);
    }
    buf_str(out, l->n_lines == 0 ? "\n" : "");
}

static void print_mapping(const struct profile *p,
                          const struct profile_mapping *m, struct buf *out)
{
    pprof_uint(out, m->id);
    buf_str(out, ": ");
    pprof_hex(out, m->start);
    buf_char(out, '/');
    pprof_hex(out, m->limit);
    buf_char(out, '/');
    pprof_hex(out, m->offset);
    buf_char(out, ' ');
    buf_span(out, profile_span(p, m->file));
    buf_char(out, ' ');
    buf_span(out, profile_span(p, m->build_id));
    buf_char(out, ' ');
    buf_str(out, m->has_functions ? "[FN]" : "");
    buf_str(out, m->has_filenames ? "[FL]" : "");
    buf_str(out, m->has_line_numbers ? "[LN]" : "");
    buf_str(out, m->has_inline_frames ? "[IN]" : "");
    buf_char(out, '\n');
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    if (!print_header(p, o, out, err) || !print_samples(p, out, err)) {
        return false;
    }
    buf_str(out, "Locations\n");
    for (uint32_t i = 0; i < p->n_locations; i++) {
        print_location(p, &p->locations[i], out);
    }
    buf_str(out, "Mappings\n");
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        print_mapping(p, &p->mappings[i], out);
    }
    return buf_check(out, "raw report", err);
}

const struct pprof_report pprof_report_raw = {
    .name = "raw",
    .summary = "the whole profile as text",
    .print = print,
};
