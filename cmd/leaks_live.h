/*
 * `seep leaks URL`: a short watch of one process, then the same report as for
 * files. Nothing is kept.
 */
#ifndef SEEP_CMD_LEAKS_LIVE_H
#define SEEP_CMD_LEAKS_LIVE_H

#include "cmd.h"
#include "gate.h"
#include "output.h"
#include "rules/rules.h"
#include "target_options.h"

struct leaks_live_options {
    uint64_t count;      /* 0: the default, 10 */
    int64_t interval_ns; /* 0: the default, 3 s */
    struct target_options target;
};

/* Is it one URL? ERR_USAGE: URLs beside files, more than one of them, or
   options of a live process without one. */
bool leaks_live_is_asked(const struct leaks_live_options *o,
                         const struct words *args, bool *is_live,
                         struct err *err) MUST_USE;

struct leaks_live {
    const struct leaks_live_options *options;
    const char *url, *module;
    const struct rules_options *rules;
    const struct outputs *outputs;
    struct review *review;
    const struct gate *gate;
    const struct words *calibrations;
};

/* Exit status. */
int leaks_live(struct session *s, const struct leaks_live *l);

#endif
