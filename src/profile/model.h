/*
 * One profile in columns, as decoded: what pprof's Profile message says, with
 * string indices interned to str_id, ids translated to dense indices, and
 * samples in flat arrays. Everything is owned by the profile and freed by one
 * profile_free(). Other rooms read the columns directly; only this room
 * writes them (builder.h for text formats, decode for the wire).
 */
#ifndef SEEP_PROFILE_MODEL_H
#define SEEP_PROFILE_MODEL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* A string of one profile; 0 is "". */
typedef struct {
    uint32_t i;
} str_id;

/* "no mapping", "no function" among the dense indices. */
#define PROFILE_NONE UINT32_MAX

struct profile_value_type {
    str_id type; /* "inuse_space" */
    str_id unit; /* "bytes" */
};

struct profile_mapping {
    uint64_t id, start, limit, offset;
    str_id file, build_id;
    bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
};

struct profile_function {
    uint64_t id;
    str_id name, system_name, file;
    int64_t start_line;
};

/* One line of a location; inlined callees come first (leaf first). */
struct profile_line {
    uint32_t function; /* index or PROFILE_NONE */
    int64_t line, column;
};

struct profile_location {
    uint64_t id, address;
    uint32_t mapping; /* index or PROFILE_NONE */
    uint32_t first_line, n_lines;
    bool is_folded;
};

/* Either a string label (`is_num` false) or a numeric one. */
struct profile_label {
    str_id key, str, unit;
    bool is_num; /* here, so that a label takes 24 bytes */
    int64_t num;
};

struct profile_str {
    const char *p; /* NUL-terminated, in the arena */
    uint32_t len;
};

/* Values that a heap profile in text form carries as runtime.MemStats. */
#define MEMSTATS_FIELDS(X)                                                     \
    X(Alloc)                                                                   \
    X(TotalAlloc)                                                              \
    X(Sys)                                                                     \
    X(Lookups)                                                                 \
    X(Mallocs)                                                                 \
    X(Frees)                                                                   \
    X(HeapAlloc)                                                               \
    X(HeapSys)                                                                 \
    X(HeapIdle)                                                                \
    X(HeapInuse)                                                               \
    X(HeapReleased)                                                            \
    X(HeapObjects)                                                             \
    X(Stack)                                                                   \
    X(StackSys)                                                                \
    X(MSpan)                                                                   \
    X(MCache)                                                                  \
    X(BuckHashSys)                                                             \
    X(GCSys)                                                                   \
    X(OtherSys)                                                                \
    X(NextGC)                                                                  \
    X(LastGC)                                                                  \
    X(NumGC)                                                                   \
    X(NumForcedGC)                                                             \
    X(MaxRSS)

enum memstats_field {
#define X(name) MEMSTATS_##name,
    MEMSTATS_FIELDS(X)
#undef X
        MEMSTATS_N
};

struct memstats {
    bool present;           /* the block was there at all */
    uint32_t has;           /* bit per field */
    uint64_t v[MEMSTATS_N]; /* Stack is StackInuse; bytes, counts, unix ns */
};

struct profile {
    struct profile_str *strings; /* [0] is "" */
    uint32_t n_strings;

    struct profile_value_type *types;
    uint32_t n_types;
    struct profile_value_type period_type;
    int64_t period;
    int64_t time_nanos, duration_nanos; /* 0 = not said */
    str_id drop_frames, keep_frames, default_type, doc_url;
    str_id *comments;
    uint32_t n_comments;

    struct profile_mapping *mappings;
    uint32_t n_mappings;
    struct profile_function *functions;
    uint32_t n_functions;
    struct profile_location *locations;
    uint32_t n_locations;
    struct profile_line *lines; /* locations index into it */
    uint32_t n_lines;

    /* Sample s has locations sample_locs[sample_off[s] .. sample_off[s+1]),
       leaf first, as location indices; values at values[s * n_types ...];
       labels label_off[s] .. label_off[s+1), or none at all when label_off
       is NULL. */
    uint32_t n_samples;
    uint32_t *sample_off; /* n_samples + 1 */
    uint32_t *sample_locs;
    int64_t *values;
    uint32_t *label_off; /* n_samples + 1, or NULL */
    struct profile_label *labels;
    uint32_t n_labels;

    struct memstats memstats; /* heap text only */
    struct arena arena;       /* string bytes */
};

void profile_free(struct profile *p);

static inline const char *profile_text(const struct profile *p, str_id s)
{
    return p->strings[s.i].p;
}

static inline struct span profile_span(const struct profile *p, str_id s)
{
    return (struct span){p->strings[s.i].p, p->strings[s.i].len};
}

/* Column of a sample type by name ("inuse_space"), or -1. */
int profile_type_index(const struct profile *p, const char *type);

/* Bytes the profile holds (columns, strings). */
uint64_t profile_bytes(const struct profile *p);

#endif
