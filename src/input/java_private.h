/*
 * Profiles of Java programs in pprof's older formats: samples name locations
 * by numbers, and a table behind the samples says what those are. The numbers
 * are no addresses and are forgotten.
 */
#ifndef SEEP_INPUT_JAVA_PRIVATE_H
#define SEEP_INPUT_JAVA_PRIVATE_H

#include "base/err.h"
#include "base/intern.h"
#include "base/vec.h"
#include "profile/profile.h"

struct java_location {
    bool has_name;
    uint32_t function; /* number in java_table.functions */
    int64_t line;
};
VEC_TYPE(java_locations, struct java_location)

/* Zero before first use. */
struct java_table {
    struct intern numbers; /* -> location index */
    struct java_locations locations;
    struct intern functions; /* names */
    struct intern files;
    struct vec_u32 function_files; /* by function: the first that was said */
};

void java_table_release(struct java_table *t);

/* Index the location will have in the profile. */
bool java_table_index(struct java_table *t, uint64_t number, uint32_t *index,
                      struct err *err) MUST_USE;

/* A line "0x47 Class.method (File.java:12)" that says what a location is.
   Other lines are ignored. */
bool java_table_line(struct java_table *t, struct span line,
                     struct err *err) MUST_USE;

/* Behind the last line: makes the locations. The builder must not have any
   yet. */
void java_table_apply(const struct java_table *t, struct profile_builder *b);

/* Does a text of this kind begin here? Contention of C++ begins like that of
   Java, until an attribute tells. */
bool java_text_begins(struct span head);

#endif
