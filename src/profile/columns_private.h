/*
 * A profile under construction: columns that grow, and tables that give equal
 * strings, functions, locations and mappings the equal index. Shared by
 * builder.c (names come in) and merge.c (other profiles come in). Keys are
 * interned as bytes, so indices count up in order of first sight. Failure is
 * sticky: once memory is out everything returns 0 and columns_finish() says
 * so.
 */
#ifndef SEEP_PROFILE_COLUMNS_PRIVATE_H
#define SEEP_PROFILE_COLUMNS_PRIVATE_H

#include "base/buf.h"
#include "base/intern.h"
#include "base/vec.h"
#include "profile/model.h"

VEC_TYPE(columns_types, struct profile_value_type)
VEC_TYPE(columns_mappings, struct profile_mapping)
VEC_TYPE(columns_functions, struct profile_function)
VEC_TYPE(columns_locations, struct profile_location)
VEC_TYPE(columns_lines, struct profile_line)
VEC_TYPE(columns_labels, struct profile_label)

struct columns {
    struct profile *p; /* header fields; columns move in at the end */
    bool has_failed;   /* out of memory, or more than 32 bits can count */
    struct intern strings, function_keys, location_keys, mapping_keys;
    struct intern comment_keys;
    struct columns_types types;
    struct columns_mappings mappings;
    struct columns_functions functions;
    struct columns_locations locations;
    struct columns_lines lines;
    struct vec_u32 comments, sample_off, sample_locs, label_off;
    struct vec_i64 values;
    struct columns_labels labels;
    bool has_labels;
    struct buf key; /* scratch */
};

/* False: out of memory. Release in any case. */
bool columns_init(struct columns *c);
void columns_release(struct columns *c);

str_id columns_string(struct columns *c, struct span text);
uint32_t columns_function(struct columns *c, const struct profile_function *f);

/* `key` tells mappings apart; `m` is kept when it is new. */
uint32_t columns_mapping(struct columns *c, struct span key,
                         const struct profile_mapping *m);

/* `l` says address, mapping and is_folded; `key_address` stands for the
   address in the comparison. */
uint32_t columns_location(struct columns *c, const struct profile_location *l,
                          uint64_t key_address,
                          const struct profile_line *lines, uint32_t n);

void columns_sample(struct columns *c, const uint32_t *locs, size_t n_locs,
                    const int64_t *values, size_t n_values,
                    const struct profile_label *labels, size_t n_labels);

/* Moves everything into a profile of its own. */
bool columns_finish(struct columns *c, struct profile **out,
                    struct err *err) MUST_USE;

#endif
