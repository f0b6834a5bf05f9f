/* A profile as pprof's -raw prints it, without the line of the duration, which
   is rounded there: what two decoders must agree in. */
#ifndef SEEP_TESTS_INPUT_RAW_TEXT_H
#define SEEP_TESTS_INPUT_RAW_TEXT_H

#include "snapshots.h"

#include <inttypes.h>

static inline void raw_header(struct buf *out, const struct profile *p)
{
    buf_printf(out, "PeriodType: %s %s\nPeriod: %" PRId64 "\n",
               profile_text(p, p->period_type.type),
               profile_text(p, p->period_type.unit), p->period);
    buf_str(out, "Samples:\n");
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_printf(out, "%s%s/%s", i > 0 ? " " : "",
                   profile_text(p, p->types[i].type),
                   profile_text(p, p->types[i].unit));
    }
    buf_char(out, '\n');
}

static inline void raw_sample(struct buf *out, const struct profile *p,
                              uint32_t s)
{
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_printf(out, " %10" PRId64, p->values[s * p->n_types + i]);
    }
    buf_str(out, ": ");
    for (uint32_t i = p->sample_off[s]; i < p->sample_off[s + 1]; i++) {
        buf_printf(out, "%" PRIu64 " ", p->locations[p->sample_locs[i]].id);
    }
    buf_char(out, '\n');
    const uint32_t first = p->label_off ? p->label_off[s] : 0;
    const uint32_t end = p->label_off ? p->label_off[s + 1] : 0;
    for (uint32_t i = first; i < end; i++) {
        const struct profile_label *const l = &p->labels[i];
        if (l->is_num) {
            buf_printf(out, "                %s:[%" PRId64 "]\n",
                       profile_text(p, l->key), l->num);
        } else {
            buf_printf(out, "                %s:[%s]\n",
                       profile_text(p, l->key), profile_text(p, l->str));
        }
    }
}

static inline void raw_location(struct buf *out, const struct profile *p,
                                const struct profile_location *l)
{
    buf_printf(out, "%6" PRIu64 ": 0x%" PRIx64 " ", l->id, l->address);
    if (l->mapping != PROFILE_NONE) {
        buf_printf(out, "M=%" PRIu64 " ", p->mappings[l->mapping].id);
    }
    for (uint32_t i = 0; i < l->n_lines; i++) {
        const struct profile_line *const line = &p->lines[l->first_line + i];
        const struct profile_function *const f = &p->functions[line->function];
        if (i > 0) {
            buf_str(out, "\n             ");
        }
        buf_printf(out, "%s %s:%" PRId64 ":%" PRId64 " s=%" PRId64,
                   profile_text(p, f->name), profile_text(p, f->file),
                   line->line, line->column, f->start_line);
    }
    buf_char(out, '\n');
}

static inline void raw_mapping(struct buf *out, const struct profile *p,
                               const struct profile_mapping *m)
{
    buf_printf(out, "%" PRIu64 ": 0x%" PRIx64 "/0x%" PRIx64 "/0x%" PRIx64 " ",
               m->id, m->start, m->limit, m->offset);
    buf_printf(out, "%s %s %s%s%s%s\n", profile_text(p, m->file),
               profile_text(p, m->build_id), m->has_functions ? "[FN]" : "",
               m->has_filenames ? "[FL]" : "",
               m->has_line_numbers ? "[LN]" : "",
               m->has_inline_frames ? "[IN]" : "");
}

static inline void raw_text(struct buf *out, const struct profile *p)
{
    raw_header(out, p);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        raw_sample(out, p, i);
    }
    buf_str(out, "Locations\n");
    for (uint32_t i = 0; i < p->n_locations; i++) {
        raw_location(out, p, &p->locations[i]);
    }
    buf_str(out, "Mappings\n");
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        raw_mapping(out, p, &p->mappings[i]);
    }
}

/* Reads bytes as pprof does, and as its command does gives the profile a
   mapping when it has none. */
static inline struct snapshot snapshot_like_pprof(struct span bytes)
{
    const struct input_options options = {.is_like_pprof = true};
    struct snapshot s = {0};
    struct err err = {0};
    assert_ok(input_decode(bytes, &options, &s, &err), &err);
    assert_non_null(s.profile);
    assert_ok(profile_add_mapping(s.profile, &err), &err);
    return s;
}

/* `bytes` must be read as `want` says; a line of the duration there does not
   count. */
static inline void assert_raw(struct span bytes, struct span want)
{
    struct snapshot s = snapshot_like_pprof(bytes);
    struct buf got = BUF_LIMIT((size_t)1 << 26);
    struct buf expected = BUF_LIMIT((size_t)1 << 26);
    raw_text(&got, s.profile);
    struct span line;
    while (span_line(&want, &line)) {
        if (!span_starts(line, "Duration:")) {
            buf_span(&expected, line);
            buf_char(&expected, '\n');
        }
    }
    assert_string_equal(got.data, expected.data);
    buf_release(&got);
    buf_release(&expected);
    snapshot_release(&s);
}

#endif
