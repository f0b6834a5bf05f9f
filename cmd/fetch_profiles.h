/*
 * The profiles that a Go process serves below /debug/pprof/: net/http/pprof's,
 * godeltaprof's, and those of its own that nobody else knows.
 */
#ifndef SEEP_CMD_FETCH_PROFILES_H
#define SEEP_CMD_FETCH_PROFILES_H

#include "options.h"

#include "base/err.h"
#include "profile/profile.h"

/* What a profile speaks of. */
enum fetch_sort {
    FETCH_OF_MOMENT, /* so that `seconds` would make it a change */
    FETCH_OF_TIME,   /* answered when the time is over */
    FETCH_OF_CHANGE, /* since it was last asked for, by whomever */
    FETCH_OF_ITS_OWN /* unknown; taken for one of a moment */
};

enum fetch_sort fetch_profile_sort(const char *name);

/* Those that are known, for completion. */
bool fetch_profile_offer(size_t i, struct option_offer *out);

/* Whether it may be asked to take so many seconds. */
bool fetch_profile_takes_time(const char *name);

/* Seconds that it takes when nobody says how many. */
uint64_t fetch_profile_usual_seconds(const char *name);

/* Whether a snapshot is what has this name; ERR_MISMATCH says what else. */
bool fetch_profile_check(const char *name, const struct snapshot *s,
                         struct err *err) MUST_USE;

#endif
