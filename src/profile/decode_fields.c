/*
 * Fields to columns. Nothing is allocated per message: a sample appends to
 * flat columns, strings go to one arena. References stay as the wire has them
 * until decode_check(), because samples may come before what they refer to.
 */
#include "profile/decode_private.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"

/* How many elements a packed field may add: each takes a byte or more, so
   its length is a bound; long ones are counted, lest ten-byte varints
   reserve ten times too much. */
static size_t packed_count(const struct wire_field *f)
{
    if (f->len <= 4096) {
        return f->len;
    }
    size_t n = 0;
    for (size_t i = 0; i < f->len; i++) {
        n += f->p[i] < 0x80;
    }
    return n + 1;
}

static bool add_location_id(struct profile_decoder *d, uint64_t id,
                            struct err *err)
{
    uint32_t ref = 0;
    if (!DECODE_ROOM(d, vec_u32, &d->sample_locs, 1, err)) {
        return false;
    }
    if (!id_map_refer(&d->location_ids, id, &ref)) {
        return err_nomem(err, "decode profile");
    }
    d->sample_locs.items[d->sample_locs.n++] = ref;
    return true;
}

/* The id at `*p`; a bad one ends the field. */
static bool read_location_id(struct profile_decoder *d, struct wire *w,
                             const uint8_t **p, const uint8_t *end,
                             uint32_t *out, struct err *err)
{
    uint64_t id = 0;
    const uint8_t *next = wire_varint_at(*p, &id);
    if (next == NULL) {
        wire_fail(w, *p, "a location id is longer than ten bytes");
        next = end;
    }
    *p = next;
    return id_map_refer(&d->location_ids, id, out) ||
           err_nomem(err, "decode profile");
}

static_assert((int)VARINTS_PADDING_BYTES <= (int)WIRE_PADDING,
              "varints are read that far behind a field");

/* The innermost loop of all: ids take one to three bytes until a profile has
   two million locations. */
static bool add_packed_locations(struct profile_decoder *d, struct wire *w,
                                 const struct wire_field *f, struct err *err)
{
    if (f->len == 0) {
        return true;
    }
    if (!DECODE_ROOM(d, vec_u32, &d->sample_locs,
                     packed_count(f) + VARINTS_PADDING_ITEMS, err)) {
        return false;
    }
    uint32_t *out = d->sample_locs.items + d->sample_locs.n;
    const uint8_t *p = f->p;
    const uint8_t *end = f->p + f->len;
    while (p < end) {
        varints_read(&d->varints, &p, end, &out);
        if (p < end && !read_location_id(d, w, &p, end, out++, err)) {
            return false;
        }
    }
    if (p != end) {
        wire_fail(w, end, "a packed location id runs past its field");
    }
    d->sample_locs.n = (size_t)(out - d->sample_locs.items);
    return true;
}

static bool add_packed_values(struct profile_decoder *d, struct wire *w,
                              const struct wire_field *f, struct err *err)
{
    if (f->len == 0) {
        return true;
    }
    if (!DECODE_ROOM(d, vec_i64, &d->values, packed_count(f), err)) {
        return false;
    }
    int64_t *out = d->values.items + d->values.n;
    const uint8_t *p = f->p;
    const uint8_t *end = f->p + f->len;
    while (p < end) {
        uint64_t v = 0;
        const uint8_t *next = wire_varint_at(p, &v);
        if (next == NULL || next > end) {
            wire_fail(w, p, "a packed value runs past its field");
            return true;
        }
        *out++ = (int64_t)v;
        p = next;
    }
    d->values.n = (size_t)(out - d->values.items);
    return true;
}

static bool add_value(struct profile_decoder *d, uint64_t v, struct err *err)
{
    if (!DECODE_ROOM(d, vec_i64, &d->values, 1, err)) {
        return false;
    }
    d->values.items[d->values.n++] = (int64_t)v;
    return true;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Hands the trouble of a nested message to the one around it. */
static void pass_on(struct wire *outer, const struct wire *inner)
{
    if (inner->bad != NULL) {
        wire_fail(outer, inner->bad_at, inner->bad);
    }
}

/* The first label of all: the samples before have none. */
static bool begin_labels(struct profile_decoder *d, struct err *err)
{
    const size_t n = (size_t)d->n_samples + 1;
    if (!DECODE_ROOM(d, vec_u32, &d->label_off, n, err)) {
        return false;
    }
    memset(d->label_off.items, 0, n * sizeof(*d->label_off.items));
    d->label_off.n = n;
    return true;
}

static bool add_label(struct profile_decoder *d, struct wire *w,
                      const struct wire_field *field, struct err *err)
{
    struct wire in = wire_of(field->p, field->len);
    struct profile_label l = {0};
    struct wire_field f;
    while (wire_next(&in, &f)) {
        switch (f.number) {
        case 1:
            l.key.i = wire_string(&in, &f);
            break;
        case 2:
            l.str.i = wire_string(&in, &f);
            break;
        case 3:
            l.num = (int64_t)wire_scalar(&in, &f);
            break;
        case 4:
            l.unit.i = wire_string(&in, &f);
            break;
        default:
            break;
        }
    }
    pass_on(w, &in);
    /* Like google/pprof: a string wins over a number, and a zero without a
       unit says nothing. */
    l.is_num = l.str.i == 0;
    if (w->bad != NULL || (l.is_num && l.num == 0 && l.unit.i == 0)) {
        return true;
    }
    if (!l.is_num) {
        l.num = 0;
        l.unit.i = 0;
    }
    if ((d->label_off.n == 0 && !begin_labels(d, err)) ||
        !DECODE_ROOM(d, profile_labels, &d->labels, 1, err)) {
        return false;
    }
    d->max_label_string = max_u32(d->max_label_string,
                                  max_u32(l.key.i, max_u32(l.str.i, l.unit.i)));
    d->labels.items[d->labels.n++] = l;
    return true;
}

/* False only when memory or a limit is the trouble; the rest is in `w`. */
static bool sample_field(struct profile_decoder *d, struct wire *w,
                         const struct wire_field *f, struct err *err)
{
    switch (f->number) {
    case 1:
        return f->type == WIRE_BYTES
                   ? add_packed_locations(d, w, f, err)
                   : add_location_id(d, wire_scalar(w, f), err);
    case 2:
        return f->type == WIRE_BYTES ? add_packed_values(d, w, f, err)
                                     : add_value(d, wire_scalar(w, f), err);
    case 3:
        if (f->type != WIRE_BYTES) {
            wire_fail(w, w->p, "a label has the wrong wire type");
            return true;
        }
        return add_label(d, w, f, err);
    default:
        return true;
    }
}

/* Every sample must have as many values as there are types, hence as many as
   the first, and never none: said at once, so that a million empty samples
   cost nothing. */
static bool check_value_count(struct profile_decoder *d, size_t n, uint64_t at,
                              struct err *err)
{
    if (n == 0) {
        return err_set_at(err, ERR_FORMAT, at,
                          "sample %" PRIu32 " has no values", d->n_samples);
    }
    if (d->n_samples == 0) {
        d->values_per_sample = (uint32_t)n;
    }
    if (n != d->values_per_sample) {
        return err_set_at(err, ERR_FORMAT, at,
                          "sample %" PRIu32 " has %zu values, those before "
                          "have %" PRIu32,
                          d->n_samples, n, d->values_per_sample);
    }
    return true;
}

static bool end_sample(struct profile_decoder *d, uint64_t at, size_t n_values,
                       struct err *err)
{
    const size_t n_locs = d->sample_locs.n - d->sample_off.items[d->n_samples];
    if (!check_value_count(d, n_values, at, err)) {
        return false;
    }
    if (n_locs > LIMIT_STACK_FRAMES) {
        return err_set_at(err, ERR_LIMIT, at,
                          "sample %" PRIu32 " has a stack of %zu frames",
                          d->n_samples, n_locs);
    }
    if (!DECODE_ROOM(d, vec_u32, &d->sample_off, 1, err)) {
        return false;
    }
    d->sample_off.items[d->sample_off.n++] = (uint32_t)d->sample_locs.n;
    if (d->label_off.n != 0) {
        if (!DECODE_ROOM(d, vec_u32, &d->label_off, 1, err)) {
            return false;
        }
        d->label_off.items[d->label_off.n++] = (uint32_t)d->labels.n;
    }
    d->n_samples++;
    return true;
}

static bool read_sample(struct profile_decoder *d, struct wire *w,
                        struct err *err)
{
    const uint64_t at = decode_offset(d, w->p);
    const size_t first_value = d->values.n;
    struct wire_field f;
    while (wire_next(w, &f)) {
        if (!sample_field(d, w, &f, err)) {
            return false;
        }
    }
    if (w->bad != NULL) {
        return decode_bad(d, w, "sample", d->n_samples, err);
    }
    return end_sample(d, at, d->values.n - first_value, err);
}

static struct profile_value_type value_type(struct wire *w)
{
    struct profile_value_type t = {0};
    struct wire_field f;
    while (wire_next(w, &f)) {
        switch (f.number) {
        case 1:
            t.type.i = wire_string(w, &f);
            break;
        case 2:
            t.unit.i = wire_string(w, &f);
            break;
        default:
            break;
        }
    }
    return t;
}

static bool read_sample_type(struct profile_decoder *d, struct wire *w,
                             struct err *err)
{
    const struct profile_value_type t = value_type(w);
    if (w->bad != NULL) {
        return decode_bad(d, w, "sample type", d->types.n, err);
    }
    if (!DECODE_ROOM(d, profile_value_types, &d->types, 1, err)) {
        return false;
    }
    d->types.items[d->types.n++] = t;
    return true;
}

static bool read_period_type(struct profile_decoder *d, struct wire *w,
                             struct err *err)
{
    d->period_type = value_type(w);
    return w->bad == NULL || decode_bad(d, w, "period type, field", 11, err);
}

static void mapping_field(struct profile_mapping *m, struct wire *w,
                          const struct wire_field *f)
{
    switch (f->number) {
    case 1:
        m->id = wire_scalar(w, f);
        break;
    case 2:
        m->start = wire_scalar(w, f);
        break;
    case 3:
        m->limit = wire_scalar(w, f);
        break;
    case 4:
        m->offset = wire_scalar(w, f);
        break;
    case 5:
        m->file.i = wire_string(w, f);
        break;
    case 6:
        m->build_id.i = wire_string(w, f);
        break;
    case 7:
        m->has_functions = wire_scalar(w, f) != 0;
        break;
    case 8:
        m->has_filenames = wire_scalar(w, f) != 0;
        break;
    case 9:
        m->has_line_numbers = wire_scalar(w, f) != 0;
        break;
    case 10:
        m->has_inline_frames = wire_scalar(w, f) != 0;
        break;
    default:
        break;
    }
}

static bool read_mapping(struct profile_decoder *d, struct wire *w,
                         struct err *err)
{
    struct profile_mapping m = {0};
    struct wire_field f;
    while (wire_next(w, &f)) {
        mapping_field(&m, w, &f);
    }
    if (w->bad != NULL) {
        return decode_bad(d, w, "mapping", m.id, err);
    }
    if (!DECODE_ROOM(d, profile_mappings, &d->mappings, 1, err)) {
        return false;
    }
    d->mappings.items[d->mappings.n++] = m;
    return true;
}

static bool add_line(struct profile_decoder *d, struct wire *w,
                     const struct wire_field *field, struct err *err)
{
    struct wire in = wire_of(field->p, field->len);
    struct profile_line l = {0};
    uint64_t function = 0;
    struct wire_field f;
    while (wire_next(&in, &f)) {
        switch (f.number) {
        case 1:
            function = wire_scalar(&in, &f);
            break;
        case 2:
            l.line = (int64_t)wire_scalar(&in, &f);
            break;
        case 3:
            l.column = (int64_t)wire_scalar(&in, &f);
            break;
        default:
            break;
        }
    }
    pass_on(w, &in);
    if (!DECODE_ROOM(d, profile_lines, &d->lines, 1, err)) {
        return false;
    }
    if (!id_map_refer(&d->function_ids, function, &l.function)) {
        return err_nomem(err, "decode profile");
    }
    d->lines.items[d->lines.n++] = l;
    return true;
}

static bool location_field(struct profile_decoder *d,
                           struct profile_location *l, struct wire *w,
                           const struct wire_field *f, struct err *err)
{
    switch (f->number) {
    case 1:
        l->id = wire_scalar(w, f);
        break;
    case 2:
        if (!id_map_refer(&d->mapping_ids, wire_scalar(w, f), &l->mapping)) {
            return err_nomem(err, "decode profile");
        }
        break;
    case 3:
        l->address = wire_scalar(w, f);
        break;
    case 4:
        if (f->type == WIRE_BYTES) {
            return add_line(d, w, f, err);
        }
        wire_fail(w, w->p, "a line has the wrong wire type");
        break;
    case 5:
        l->is_folded = wire_scalar(w, f) != 0;
        break;
    default:
        break;
    }
    return true;
}

static bool read_location(struct profile_decoder *d, struct wire *w,
                          struct err *err)
{
    struct profile_location l = {.first_line = (uint32_t)d->lines.n};
    struct wire_field f;
    while (wire_next(w, &f)) {
        if (!location_field(d, &l, w, &f, err)) {
            return false;
        }
    }
    if (w->bad != NULL) {
        return decode_bad(d, w, "location", l.id, err);
    }
    if (!DECODE_ROOM(d, profile_locations, &d->locations, 1, err)) {
        return false;
    }
    l.n_lines = (uint32_t)d->lines.n - l.first_line;
    d->locations.items[d->locations.n++] = l;
    return true;
}

static bool read_function(struct profile_decoder *d, struct wire *w,
                          struct err *err)
{
    struct profile_function fn = {0};
    struct wire_field f;
    while (wire_next(w, &f)) {
        switch (f.number) {
        case 1:
            fn.id = wire_scalar(w, &f);
            break;
        case 2:
            fn.name.i = wire_string(w, &f);
            break;
        case 3:
            fn.system_name.i = wire_string(w, &f);
            break;
        case 4:
            fn.file.i = wire_string(w, &f);
            break;
        case 5:
            fn.start_line = (int64_t)wire_scalar(w, &f);
            break;
        default:
            break;
        }
    }
    if (w->bad != NULL) {
        return decode_bad(d, w, "function", fn.id, err);
    }
    if (!DECODE_ROOM(d, profile_functions, &d->functions, 1, err)) {
        return false;
    }
    d->functions.items[d->functions.n++] = fn;
    return true;
}

static bool read_string(struct profile_decoder *d, struct wire *w,
                        struct err *err)
{
    const size_t len = (size_t)(w->end - w->p);
    if (len == 0) {
        d->n_empty_strings++;
    } else if (d->strings.n == 0) {
        return err_set_at(err, ERR_FORMAT, decode_offset(d, w->p),
                          "the string table does not begin with \"\"");
    }
    if (!DECODE_ROOM(d, profile_strs, &d->strings, 1, err) ||
        !decode_charge(d, 0, len, 1, err)) {
        return false;
    }
    struct profile_str s = {"", (uint32_t)len};
    if (len != 0) {
        char *text = arena_alloc(&d->arena, len + 1, 1, 1);
        if (text == NULL) {
            return err_nomem(err, "decode profile");
        }
        memcpy(text, w->p, len);
        s.p = text;
    }
    d->strings.items[d->strings.n++] = s;
    return true;
}

static bool add_comment(struct profile_decoder *d, uint64_t v, struct err *err)
{
    if (v > UINT32_MAX - 1) {
        return err_set(err, ERR_FORMAT, "a comment has string index %" PRIu64,
                       v);
    }
    if (!DECODE_ROOM(d, vec_u32, &d->comments, 1, err)) {
        return false;
    }
    d->comments.items[d->comments.n++] = (uint32_t)v;
    return true;
}

static bool read_comments(struct profile_decoder *d, struct wire *w,
                          const struct wire_field *f, struct err *err)
{
    if (f->type != WIRE_BYTES) {
        return add_comment(d, wire_scalar(w, f), err);
    }
    struct wire in = wire_of(f->p, f->len);
    while (in.p < in.end) {
        const uint64_t v = wire_varint(&in);
        if (in.p > in.end) {
            wire_fail(&in, in.end, "a packed comment runs past its field");
        }
        if (in.bad == NULL && !add_comment(d, v, err)) {
            return false;
        }
    }
    pass_on(w, &in);
    return true;
}

/* Two profiles written one behind the other say the time twice. */
static bool read_time(struct profile_decoder *d, struct wire *w,
                      const struct wire_field *f, struct err *err)
{
    if (d->time_nanos != 0) {
        return err_set_at(err, ERR_FORMAT, decode_offset(d, w->p),
                          "two profiles in one: the time is said twice");
    }
    d->time_nanos = (int64_t)wire_scalar(w, f);
    return true;
}

/* Message fields of the top level, by number. */
static bool (*const read_message[])(struct profile_decoder *, struct wire *,
                                    struct err *) = {
    [1] = read_sample_type,  [2] = read_sample,   [3] = read_mapping,
    [4] = read_location,     [5] = read_function, [6] = read_string,
    [11] = read_period_type,
};
enum { N_READ_MESSAGE = sizeof(read_message) / sizeof(read_message[0]) };

static bool read_number(struct profile_decoder *d, struct wire *w,
                        const struct wire_field *f, struct err *err)
{
    switch (f->number) {
    case 7:
        d->drop_frames.i = wire_string(w, f);
        break;
    case 8:
        d->keep_frames.i = wire_string(w, f);
        break;
    case 9:
        return read_time(d, w, f, err);
    case 10:
        d->duration_nanos = (int64_t)wire_scalar(w, f);
        break;
    case 12:
        d->period = (int64_t)wire_scalar(w, f);
        break;
    case 13:
        return read_comments(d, w, f, err);
    case 14:
        d->default_type.i = wire_string(w, f);
        break;
    case 15:
        d->doc_url.i = wire_string(w, f);
        break;
    default:
        break;
    }
    return true;
}

bool decode_field(struct profile_decoder *d, struct wire *w,
                  const struct wire_field *f, struct err *err)
{
    if (f->number >= N_READ_MESSAGE || read_message[f->number] == NULL) {
        return read_number(d, w, f, err);
    }
    if (f->type != WIRE_BYTES) {
        wire_fail(w, w->p, "a message or string has the wrong wire type");
        return true;
    }
    struct wire in = wire_of(f->p, f->len);
    return read_message[f->number](d, &in, err);
}
