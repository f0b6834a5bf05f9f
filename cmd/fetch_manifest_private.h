/* What fetch_manifest.c writes and fetch_past.c reads; collected.c asks it. */
#ifndef SEEP_CMD_FETCH_MANIFEST_PRIVATE_H
#define SEEP_CMD_FETCH_MANIFEST_PRIVATE_H

#include "fetch_manifest.h"

#include "base/arena.h"

#define FETCH_MANIFEST_SCHEMA "seep/snapshots/1"

enum { FETCH_PATH_BYTES_MAX = 64 << 10, FETCH_MANIFEST_BYTES_MAX = 256 << 20 };

/* A line that begins with "file". */
struct fetch_file {
    const char *name, *profile;
    uint64_t nth, n_bytes;
};
VEC_TYPE(fetch_files, struct fetch_file)

/* All a manifest said; strings live in its arena. */
struct fetch_past {
    struct arena arena;
    bool has_begun;
    struct fetch_begun begun;
    struct fetch_files files;
    struct vec_u64 misses; /* their numbers */
    const char *absent[FETCH_PROFILES_MAX];
    size_t n_absent;
    uint64_t n_whole_bytes; /* up to the end of the last line that is whole */
};

/* `text` is a manifest. ERR_FORMAT with the line. */
bool fetch_past_read(struct fetch_past *p, struct span text,
                     struct err *err) MUST_USE;
void fetch_past_release(struct fetch_past *p);

/* Puts the files into the order of names, which finding one needs. */
void fetch_past_sort(struct fetch_past *p);

/* NULL when it has no line. */
const struct fetch_file *fetch_past_file(const struct fetch_past *p,
                                         const char *name);

/* What is in the directory, by the plan that goes on. Files that have no line
   are appended to `found`. */
bool fetch_past_find(struct fetch_past *p, const struct fetch_plan *plan,
                     const char *directory, struct fetch_moments *out,
                     struct fetch_files *found, struct err *err) MUST_USE;

#endif
