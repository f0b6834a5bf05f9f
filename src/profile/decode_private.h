/*
 * Inside the decoder: what decode.c (blocks to fields), decode_fields.c
 * (fields to columns) and decode_check.c (columns to a valid profile) share.
 * The columns already have the model's types; until the end their str_id and
 * indices hold what the wire said: string indices and id references.
 */
#ifndef SEEP_PROFILE_DECODE_PRIVATE_H
#define SEEP_PROFILE_DECODE_PRIVATE_H

#include "base/vec.h"
#include "profile/codec.h"
#include "profile/id_map_private.h"
#include "profile/varints_private.h"
#include "profile/wire_private.h"

VEC_TYPE(profile_strs, struct profile_str)
VEC_TYPE(profile_value_types, struct profile_value_type)
VEC_TYPE(profile_mappings, struct profile_mapping)
VEC_TYPE(profile_functions, struct profile_function)
VEC_TYPE(profile_locations, struct profile_location)
VEC_TYPE(profile_lines, struct profile_line)
VEC_TYPE(profile_labels, struct profile_label)

struct profile_decoder {
    /* The window: bytes [0, n_window) of it wait, and fewer than `wanted` hold
       no whole field. */
    uint8_t *window;
    size_t n_window, cap_window, wanted;
    /* What is read, in the window or in a block; where it is in the stream. */
    const uint8_t *base;
    uint64_t base_offset;
    uint64_t fed_bytes; /* all that came in */

    uint64_t limit_bytes, stored_bytes; /* options */
    uint64_t held_bytes;                /* columns and strings */

    struct profile_strs strings;
    uint32_t n_empty_strings;
    struct profile_value_types types;
    struct vec_u32 comments;
    struct profile_mappings mappings;
    struct profile_functions functions;
    struct profile_locations locations;
    struct profile_lines lines;
    struct id_map mapping_ids, function_ids, location_ids;

    struct vec_u32 sample_off, sample_locs, label_off; /* off: the ends */
    struct vec_i64 values;
    struct profile_labels labels;
    uint32_t n_samples, values_per_sample;
    uint32_t max_label_string;
    struct varints varints;

    struct profile_value_type period_type;
    int64_t period, time_nanos, duration_nanos;
    str_id drop_frames, keep_frames, default_type, doc_url;
    struct arena arena;
};

/* Reads the top-level field `f`, which is there whole; `w` stands behind it. */
bool decode_field(struct profile_decoder *d, struct wire *w,
                  const struct wire_field *f, struct err *err) MUST_USE;

/* Where in the stream `p` is. */
uint64_t decode_offset(const struct profile_decoder *d, const uint8_t *p);

/* Error for what `w` choked on, with its place in the stream. False. */
bool decode_bad(const struct profile_decoder *d, const struct wire *w,
                const char *what, uint64_t index, struct err *err);

/* May a column of `cap` elements grow so that `need` fit? Books the memory. */
bool decode_charge(struct profile_decoder *d, size_t cap, size_t need,
                   size_t unit_bytes, struct err *err) MUST_USE;

/* Room for `extra` more elements in a column of type `name`. */
#define DECODE_ROOM(d, name, column, extra, err)                               \
    ((column)->cap - (column)->n >= (extra) ||                                 \
     (decode_charge((d), (column)->cap, (column)->n + (extra),                 \
                    sizeof(*(column)->items), (err)) &&                        \
      (name##_reserve((column), (column)->n + (extra)) ||                      \
       err_nomem((err), "decode profile"))))

/* Translates ids and checks everything google/pprof's CheckValid checks. */
bool decode_check(struct profile_decoder *d, struct err *err) MUST_USE;

#endif
