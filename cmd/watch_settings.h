/* Options of `seep watch`, for those of its parts that need them. */
#ifndef SEEP_CMD_WATCH_SETTINGS_H
#define SEEP_CMD_WATCH_SETTINGS_H

#include "output.h"
#include "target_options.h"
#include "verdict.h"
#include "watch/watch.h"

struct watch_settings {
    struct words files; /* --targets */
    const char *http_sd;
    int64_t interval_ns; /* 0: by the number of targets */
    int64_t for_ns;      /* 0: without end */
    bool until_leak;
    const char *profiles;
    bool no_gc;
    int dumps; /* enum watch_dumps */
    uint64_t per_host, in_flight;
    const char *store;
    int64_t store_age_ns;
    uint64_t store_bytes;
    const char *evidence;
    const char *on_leak;
    const char *listen;
    int fail_on;
    const char *module;
    uint64_t limit_bytes;
    struct words rules;
    struct outputs outputs;
    struct target_options target;
};

#endif
