#include "profile/builder.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "profile/columns_private.h"

struct profile_builder {
    struct columns columns;
    struct columns_lines lines; /* scratch */
    uint32_t bad_sample;        /* + 1; the first with a wrong value count */
};

struct profile_builder *profile_builder_new(void)
{
    struct profile_builder *b = calloc(1, sizeof(*b));
    if (b != NULL && !columns_init(&b->columns)) {
        profile_builder_free(b);
        return NULL;
    }
    return b;
}

void profile_builder_free(struct profile_builder *b)
{
    if (b == NULL) {
        return;
    }
    columns_release(&b->columns);
    columns_lines_release(&b->lines);
    free(b);
}

str_id profile_builder_string(struct profile_builder *b, struct span text)
{
    return columns_string(&b->columns, text);
}

static struct profile_value_type value_type(struct profile_builder *b,
                                            const char *type, const char *unit)
{
    const str_id type_id = columns_string(&b->columns, span_of(type));
    return (struct profile_value_type){
        type_id, columns_string(&b->columns, span_of(unit))};
}

void profile_builder_type(struct profile_builder *b, const char *type,
                          const char *unit)
{
    const struct profile_value_type t = value_type(b, type, unit);
    if (!columns_types_push(&b->columns.types, t)) {
        b->columns.has_failed = true;
    }
}

void profile_builder_period(struct profile_builder *b, const char *type,
                            const char *unit, int64_t period)
{
    b->columns.p->period_type = value_type(b, type, unit);
    b->columns.p->period = period;
}

static uint32_t frame_function(struct profile_builder *b,
                               const struct builder_frame *frame)
{
    struct profile_function f = {0};
    f.name = columns_string(&b->columns, frame->function);
    f.system_name = f.name;
    f.file = columns_string(&b->columns, frame->file);
    return columns_function(&b->columns, &f);
}

uint32_t profile_builder_location(struct profile_builder *b, uint64_t address,
                                  uint32_t mapping,
                                  const struct builder_frame *lines, size_t n)
{
    b->lines.n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct profile_line line = {frame_function(b, &lines[i]),
                                          lines[i].line, 0};
        if (!columns_lines_push(&b->lines, line)) {
            b->columns.has_failed = true;
            return 0;
        }
    }
    const struct profile_location l = {.address = address, .mapping = mapping};
    return columns_location(&b->columns, &l, address, b->lines.items,
                            (uint32_t)n);
}

uint32_t profile_builder_mapping(struct profile_builder *b, uint64_t start,
                                 uint64_t limit, uint64_t offset,
                                 struct span file, struct span build_id)
{
    const struct profile_mapping m = {
        .start = start,
        .limit = limit,
        .offset = offset,
        .file = columns_string(&b->columns, file),
        .build_id = columns_string(&b->columns, build_id)};
    const uint64_t key[] = {start, limit, offset, m.file.i, m.build_id.i};
    const struct span bytes = {(const char *)key, sizeof(key)};
    return columns_mapping(&b->columns, bytes, &m);
}

uint32_t profile_builder_next_mapping(struct profile_builder *b,
                                      const struct profile_mapping *m)
{
    /* Shorter than any key of profile_builder_mapping(), and never the same
       twice. */
    const uint64_t key = b->columns.mappings.n;
    const struct span bytes = {(const char *)&key, sizeof(key)};
    return columns_mapping(&b->columns, bytes, m);
}

uint32_t profile_builder_n_locations(const struct profile_builder *b)
{
    return (uint32_t)b->columns.locations.n;
}

uint64_t profile_builder_address(const struct profile_builder *b,
                                 uint32_t location)
{
    return b->columns.locations.items[location].address;
}

void profile_builder_place(struct profile_builder *b, uint32_t location,
                           uint64_t address, uint32_t mapping)
{
    b->columns.locations.items[location].address = address;
    b->columns.locations.items[location].mapping = mapping;
}

void profile_builder_sample(struct profile_builder *b, const uint32_t *locs,
                            size_t n_locs, const int64_t *values,
                            size_t n_values, const struct profile_label *labels,
                            size_t n_labels)
{
    if (n_values != b->columns.types.n && b->bad_sample == 0) {
        b->bad_sample = (uint32_t)b->columns.sample_off.n;
    }
    columns_sample(&b->columns, locs, n_locs, values, n_values, labels,
                   n_labels);
}

struct profile *profile_builder_profile(struct profile_builder *b)
{
    return b->columns.p;
}

bool profile_builder_finish(struct profile_builder *b, struct profile **out,
                            struct err *err)
{
    bool ok = false;
    if (!b->columns.has_failed && b->bad_sample != 0) {
        (void)err_set(err, ERR_INTERNAL,
                      "sample %" PRIu32 " was built with a wrong number of"
                      " values for %zu sample types",
                      b->bad_sample - 1, b->columns.types.n);
    } else {
        ok = columns_finish(&b->columns, out, err);
    }
    profile_builder_free(b);
    return ok;
}
