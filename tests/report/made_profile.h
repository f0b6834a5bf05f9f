/*
 * Small profiles made from text, for the tests of reports and exports.
 *
 * A stack is "root;frame;leaf". A frame is "name", "name@file:line", or, when
 * calls were inlined into one location, those of it joined by '>', outermost
 * first. A frame that begins with "0x" is an address without any name.
 */
#ifndef SEEP_TESTS_REPORT_MADE_PROFILE_H
#define SEEP_TESTS_REPORT_MADE_PROFILE_H

#include "test.h"

#include "base/num.h"
#include "profile/profile.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>

enum { MADE_FRAMES_MAX = 64, MADE_TYPES_MAX = 4 };

struct made_sample {
    const char *stack;
    int64_t values[MADE_TYPES_MAX];
    const char *label; /* "key=value", or NULL */
    int64_t bytes;     /* the numeric label "bytes"; 0 = none */
};

static inline struct span made_cut(struct span *rest, char by)
{
    const size_t n = span_find_char(*rest, by);
    const struct span part = span_first(*rest, n);
    *rest = span_from(*rest, n + 1);
    return part;
}

static inline uint32_t made_location(struct profile_builder *b,
                                     struct span text, uint32_t mapping)
{
    struct builder_frame frames[MADE_FRAMES_MAX];
    size_t n = 0;
    if (span_starts(text, "0x")) {
        uint64_t address = 0;
        assert_true(num_parse_hex(span_from(text, 2), &address));
        return profile_builder_location(b, address, mapping, NULL, 0);
    }
    while (text.len > 0) {
        struct span line = made_cut(&text, '>');
        struct builder_frame f = {.function = made_cut(&line, '@')};
        f.file = made_cut(&line, ':');
        if (line.len > 0) {
            assert_true(num_parse_i64(line, &f.line));
        }
        assert_true(n < MADE_FRAMES_MAX);
        frames[MADE_FRAMES_MAX - ++n] = f; /* innermost first */
    }
    return profile_builder_location(b, 0, mapping, frames + MADE_FRAMES_MAX - n,
                                    n);
}

static inline void made_add(struct profile_builder *b,
                            const struct made_sample *s, size_t n_types,
                            uint32_t mapping)
{
    uint32_t locations[MADE_FRAMES_MAX];
    size_t n = 0;
    struct span rest = span_of(s->stack);
    while (rest.len > 0) {
        assert_true(n < MADE_FRAMES_MAX);
        const struct span frame = made_cut(&rest, ';');
        locations[MADE_FRAMES_MAX - ++n] = made_location(b, frame, mapping);
    }
    struct profile_label labels[2];
    size_t n_labels = 0;
    if (s->label != NULL) {
        struct span value = span_of(s->label);
        const struct span key = made_cut(&value, '=');
        labels[n_labels++] =
            (struct profile_label){.key = profile_builder_string(b, key),
                                   .str = profile_builder_string(b, value)};
    }
    if (s->bytes != 0) {
        const struct span key = SPAN_LIT("bytes");
        labels[n_labels++] =
            (struct profile_label){.key = profile_builder_string(b, key),
                                   .unit = profile_builder_string(b, key),
                                   .is_num = true,
                                   .num = s->bytes};
    }
    profile_builder_sample(b, locations + MADE_FRAMES_MAX - n, n, s->values,
                           n_types, labels, n_labels);
}

/* `types` is "inuse_objects/count inuse_space/bytes". */
static inline struct profile *
made_profile(const char *types, const struct made_sample *samples, size_t n)
{
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    size_t n_types = 0;
    struct span rest = span_of(types);
    while (rest.len > 0) {
        struct span unit = made_cut(&rest, ' ');
        const struct span type = made_cut(&unit, '/');
        char names[2][64];
        (void)snprintf(names[0], sizeof(names[0]), "%.*s", (int)type.len,
                       type.p);
        (void)snprintf(names[1], sizeof(names[1]), "%.*s", (int)unit.len,
                       unit.p);
        profile_builder_type(b, names[0], names[1]);
        n_types++;
    }
    const uint32_t mapping = profile_builder_mapping(
        b, 0x1000, 0x9000, 0, SPAN_LIT("/bin/service"), SPAN_LIT(""));
    for (size_t i = 0; i < n; i++) {
        made_add(b, &samples[i], n_types, mapping);
    }
    struct profile *p = NULL;
    struct err err = {0};
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

/* --- Reports --- */

/* Options for column `column`, all of it shown, values in their own unit. */
static inline struct pprof_options made_options(const struct profile *p,
                                                uint32_t column)
{
    const struct profile_value_type *t = &p->types[column];
    return (struct pprof_options){
        .ratio = 1,
        .has_compact_labels = true,
        .value_column = column,
        .sample_type = profile_span(p, t->type),
        .sample_unit = profile_span(p, t->unit),
        .output_unit = SPAN_LIT("minimum"),
        .title = SPAN_LIT("service"),
        .total = pprof_total(p, column, false),
    };
}

/* Text and length, and where they begin to differ. */
static inline void assert_text(const struct buf *got, const char *want)
{
    assert_non_null(got->data);
    assert_string_equal(got->data, want);
    assert_int_equal(got->len, strlen(want));
}

#endif
