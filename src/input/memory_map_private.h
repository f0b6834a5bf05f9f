/*
 * What stands behind the samples of pprof's older formats: where the program
 * and its libraries lay in memory. Lines of /proc/PID/maps, or the short form
 * of gperftools; the rules of google/pprof decide which location belongs to
 * which mapping.
 */
#ifndef SEEP_INPUT_MEMORY_MAP_PRIVATE_H
#define SEEP_INPUT_MEMORY_MAP_PRIVATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "profile/profile.h"

/* A place in memory_map.text, which moves while it grows. */
struct map_text {
    size_t at, n;
};

struct map_row {
    uint64_t start, limit, offset;
    struct map_text file, build_id;
};
VEC_TYPE(map_rows, struct map_row)

/* "home=/srv": later lines may say $home. */
struct map_attribute {
    struct map_text name, value;
};
VEC_TYPE(map_attributes, struct map_attribute)

/* Init before first use. */
struct memory_map {
    struct map_rows rows;
    struct map_attributes attributes;
    struct buf text;
    struct buf line;      /* scratch: with attributes put in */
    size_t name_bytes;    /* of all attributes */
    uint64_t spent_bytes; /* on putting values in */
};

void memory_map_init(struct memory_map *m);
void memory_map_release(struct memory_map *m);

/* Does a memory map begin behind this line? */
bool memory_map_begins(struct span line);

/* A line of it. What is no mapping is no error: only memory may run out, and
   a limit be reached. */
bool memory_map_line(struct memory_map *m, struct span line,
                     struct err *err) MUST_USE;

/* Behind the last line: gives the builder the mappings, and each of its
   locations one; locations that lie in none get one that has everything.
   `has_names` says whether functions and lines are known. */
bool memory_map_apply(struct memory_map *m, struct profile_builder *b,
                      bool has_names, struct err *err) MUST_USE;

#endif
