/*
 * Builds a profile from names, for formats that are not pprof's: text
 * profiles, folded stacks, tests. Functions, locations and strings are
 * interned; sticky failure, asked once at profile_builder_finish().
 */
#ifndef SEEP_PROFILE_BUILDER_H
#define SEEP_PROFILE_BUILDER_H

#include "base/err.h"
#include "base/span.h"
#include "profile/model.h"

struct profile_builder;

struct profile_builder *profile_builder_new(void); /* NULL: out of memory */
void profile_builder_free(struct profile_builder *b);

str_id profile_builder_string(struct profile_builder *b, struct span text);
void profile_builder_type(struct profile_builder *b, const char *type,
                          const char *unit);
void profile_builder_period(struct profile_builder *b, const char *type,
                            const char *unit, int64_t period);

/* One line of a frame for profile_builder_location(). */
struct builder_frame {
    struct span function, file;
    int64_t line;
};

/* Location index for an address with its lines, innermost (inlined) first;
   equal content gives the equal index. `address` 0 when unknown; `n` may be
   0 for an address without names. `mapping` an index or PROFILE_NONE. */
uint32_t profile_builder_location(struct profile_builder *b, uint64_t address,
                                  uint32_t mapping,
                                  const struct builder_frame *lines, size_t n);

uint32_t profile_builder_mapping(struct profile_builder *b, uint64_t start,
                                 uint64_t limit, uint64_t offset,
                                 struct span file, struct span build_id);

/* One more mapping, even when an equal one is there. Its strings are those of
   this builder; its id is given here. */
uint32_t profile_builder_next_mapping(struct profile_builder *b,
                                      const struct profile_mapping *m);

/* Texts name their mappings last: the locations there are so far, and a new
   place for one of them. It stays another location than those it becomes
   equal to. */
uint32_t profile_builder_n_locations(const struct profile_builder *b);
uint64_t profile_builder_address(const struct profile_builder *b,
                                 uint32_t location);
void profile_builder_place(struct profile_builder *b, uint32_t location,
                           uint64_t address, uint32_t mapping);

/* `n_values` must equal the number of types. Locations leaf first. */
void profile_builder_sample(struct profile_builder *b, const uint32_t *locs,
                            size_t n_locs, const int64_t *values,
                            size_t n_values, const struct profile_label *labels,
                            size_t n_labels);

/* The profile under construction, to set header fields. Borrowed. */
struct profile *profile_builder_profile(struct profile_builder *b);

/* Hands the profile over (free it with profile_free); the builder is freed
   either way. */
bool profile_builder_finish(struct profile_builder *b, struct profile **out,
                            struct err *err) MUST_USE;

#endif
