/*
 * -traces: every sample with its stack. Names of frames are made once a
 * location, as the lines that they will be; a sample copies them.
 */
#include "report/pprof_private.h"
#include "report/sample_labels_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* Lines of a location in `text`; none yet when `len` is 0. */
struct frames {
    size_t start, len;
};

struct traces {
    const struct profile *p;
    const struct pprof_options *o;
    struct pprof_values v;
    struct buf *out;
    struct frames *frames; /* by location */
    struct buf text, scratch;
    struct sample_labels labels;
};

static void print_separator(struct buf *out)
{
    enum { LEFT = 11, RIGHT = 55 };
    buf_repeat(out, '-', LEFT);
    buf_char(out, '+');
    buf_repeat(out, '-', RIGHT);
    buf_char(out, '\n');
}

static void add_key(struct buf *out, struct span key)
{
    const size_t start = out->len;
    buf_span(out, key);
    pprof_pad_left(out, start, PPROF_VALUE_WIDTH);
    buf_str(out, ": ");
}

static void write_strings(const struct sample_labels *s, const uint32_t *labels,
                          size_t n, const void *ctx, struct buf *out)
{
    (void)ctx;
    const struct profile *p = s->p;
    add_key(out, profile_span(p, p->labels[labels[0]].key));
    for (size_t i = 0; i < n; i++) {
        buf_char(out, ' ');
        buf_span(out, profile_span(p, p->labels[labels[i]].str));
    }
    buf_char(out, '\n');
}

static void write_numbers(const struct sample_labels *s, const uint32_t *labels,
                          size_t n, const void *ctx, struct buf *out)
{
    const struct label_units *units = ctx;
    const struct profile *p = s->p;
    const struct span key = profile_span(p, p->labels[labels[0]].key);
    const struct span unit = pprof_label_unit(p, units, key);
    add_key(out, key);
    for (size_t i = 0; i < n; i++) {
        buf_char(out, ' ');
        measure_label(out, p->labels[labels[i]].num, unit, SPAN_LIT("auto"));
    }
    buf_char(out, '\n');
}

static bool print_labels(struct traces *t, uint32_t sample, bool is_num,
                         struct err *err)
{
    if (!sample_labels_collect(&t->labels, sample, is_num,
                               is_num ? write_numbers : write_strings,
                               t->o->label_units, err)) {
        return false;
    }
    for (size_t i = 0; i < t->labels.texts.n; i++) {
        buf_span(t->out, sample_labels_at(&t->labels, i));
    }
    return true;
}

/* Blanks in the place of the value, the name, whether it was inlined: into
   the frame behind it in the same location. */
static void make_frames(struct traces *t, uint32_t location)
{
    const uint32_t n_lines = t->p->locations[location].n_lines;
    const uint32_t n = n_lines > 0 ? n_lines : 1;
    t->frames[location].start = t->text.len;
    for (uint32_t k = 0; k < n; k++) {
        buf_repeat(&t->text, ' ', PPROF_VALUE_WIDTH);
        buf_str(&t->text, "   ");
        buf_clear(&t->scratch);
        const struct graph_info info =
            graph_frame(t->p, location, k, &t->scratch);
        graph_name(&t->text, &info);
        buf_str(&t->text, k + 1 < n ? " (inline)\n" : "\n");
        t->text.failed_memory |= t->scratch.failed_memory;
        t->text.failed_limit |= t->scratch.failed_limit;
    }
    t->frames[location].len = t->text.len - t->frames[location].start;
}

static struct span frames_of(struct traces *t, uint32_t location)
{
    if (t->frames[location].len == 0) {
        make_frames(t, location);
    }
    const struct frames f = t->frames[location];
    return span_first(span_from(buf_view(&t->text), f.start), f.len);
}

static int64_t value_of(const struct traces *t, uint32_t sample)
{
    const int64_t *values = &t->p->values[(size_t)sample * t->p->n_types];
    return graph_mean(values[t->o->value_column],
                      t->o->has_mean ? values[0] : 0);
}

static bool print_sample(struct traces *t, uint32_t s, struct err *err)
{
    const uint32_t first = t->p->sample_off[s];
    const uint32_t end = t->p->sample_off[s + 1];
    if (first == end) {
        return true;
    }
    print_separator(t->out);
    if (!print_labels(t, s, false, err) || !print_labels(t, s, true, err)) {
        return false;
    }
    pprof_value_right(t->out, &t->v, value_of(t, s), PPROF_VALUE_WIDTH);
    for (uint32_t i = first; i < end; i++) {
        const struct span frames = frames_of(t, t->p->sample_locs[i]);
        buf_span(t->out, span_from(frames, i == first ? PPROF_VALUE_WIDTH : 0));
    }
    return buf_check(&t->text, "names of frames", err) &&
           buf_check(t->out, "traces", err);
}

static bool print_all(struct traces *t, struct err *err)
{
    const size_t start = t->out->len;
    (void)pprof_profile_labels(t->out, t->p, t->o, &t->v);
    buf_str(t->out, t->out->len == start ? "\n" : "");
    t->frames = calloc((size_t)t->p->n_locations + 1, sizeof(*t->frames));
    if (t->frames == NULL) {
        return err_nomem(err, "traces");
    }
    for (uint32_t s = 0; s < t->p->n_samples; s++) {
        if (!print_sample(t, s, err)) {
            return false;
        }
    }
    print_separator(t->out);
    return buf_check(t->out, "traces", err);
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    /* What is kept of names is printed at least once. */
    const size_t limit = out->limit_bytes;
    struct traces t = {
        .p = p,
        .o = o,
        .v = pprof_values_of(o),
        .out = out,
        .text = BUF_LIMIT(limit),
        .scratch = BUF_LIMIT(limit),
        .labels = {.p = p, .text = BUF_LIMIT(limit)},
    };
    const bool ok = print_all(&t, err);
    free(t.frames);
    buf_release(&t.text);
    buf_release(&t.scratch);
    sample_labels_release(&t.labels);
    return ok;
}

const struct pprof_report pprof_report_traces = {
    .name = "traces",
    .summary = "every sample with its stack",
    .print = print,
};
