/*
 * What a run of `seep fetch` keeps about its files: DIR/manifest.ndjson, one
 * line of JSON for each thing that happened. Lines are only ever appended,
 * each one synced after the file it speaks of took its place, so that whatever
 * ends the run leaves at most a last line in pieces, which is cut off when the
 * series goes on. One run at a time has it open. No secrets go in.
 *
 * The first line says how the series was begun ("schema", "seep/snapshots/1");
 * those after it begin with "file", "missed", "absent", "resumed" or "ended".
 */
#ifndef SEEP_CMD_FETCH_MANIFEST_H
#define SEEP_CMD_FETCH_MANIFEST_H

#include "fetch_plan.h"

#include "base/vec.h"

#define FETCH_MANIFEST_NAME "manifest.ndjson"

/* What is known of one number. */
struct fetch_moment {
    uint64_t nth;
    uint32_t saved; /* bit i: profile i of the plan */
    bool is_missed; /* given up, and counted as such */
};
VEC_TYPE(fetch_moments, struct fetch_moment)

/* A file that was saved. */
struct fetch_saved {
    const char *file; /* "07.heap.pb.gz" */
    const char *profile;
    uint64_t nth;
    int64_t taken_ns; /* since 1970 */
    int64_t took_ns;
    uint64_t n_bytes;
    uint64_t digest[2]; /* XXH3-128, high and low */
};

struct fetch_manifest;

/* Opens it for one run alone, and reads what a run before left when the series
   is to `resume`; else begins anew. ERR_USAGE when another run is there, or
   what is there is no manifest. */
bool fetch_manifest_open(const char *directory, bool resume,
                         struct fetch_manifest **out, struct err *err) MUST_USE;
void fetch_manifest_free(struct fetch_manifest *m);

/* The series that goes on; NULL when it begins. */
const struct fetch_begun *fetch_manifest_begun(const struct fetch_manifest *m);

/* Writes how the series begins or goes on. With a plan that goes on, finds out
   what is there: files whose lines were not written any more are added, those
   that are gone do not count. */
bool fetch_manifest_begin(struct fetch_manifest *m, struct fetch_plan *plan,
                          int64_t now_ns, struct err *err) MUST_USE;

/* By rising number. */
const struct fetch_moments *
fetch_manifest_moments(const struct fetch_manifest *m);

bool fetch_manifest_saved(struct fetch_manifest *m, const struct fetch_saved *s,
                          struct err *err) MUST_USE;
bool fetch_manifest_missed(struct fetch_manifest *m, uint64_t nth,
                           const char *profile, const char *failure,
                           const char *why, int64_t now_ns,
                           struct err *err) MUST_USE;
bool fetch_manifest_absent(struct fetch_manifest *m, const char *profile,
                           int64_t now_ns, struct err *err) MUST_USE;
bool fetch_manifest_ended(struct fetch_manifest *m, const char *how,
                          uint64_t n_saved, uint64_t n_missed, int64_t now_ns,
                          struct err *err) MUST_USE;

/* As if it had never been. */
void fetch_manifest_remove(struct fetch_manifest *m);

#endif
