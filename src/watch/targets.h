/*
 * What is watched: targets from arguments, from a text file (one a line), and
 * from Prometheus' file_sd and http_sd documents, with their labels. Parsing
 * only; who reads files and fetches documents pushes their bytes in.
 */
#ifndef SEEP_WATCH_TARGETS_H
#define SEEP_WATCH_TARGETS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

struct watch_label {
    const char *name, *value;
};

/* Strings live in the list's arena. */
struct watch_target {
    const char *base;  /* ".../debug/pprof/": may hold secrets */
    const char *query; /* "token=x", sent along, never shown; "" none */
    const char *shown; /* for people, logs, stores */
    const char *host;  /* "orders:6060", for limits per host */
    const struct watch_label *labels; /* sorted by name; no "__" names */
    size_t n_labels;
};

struct watch_targets {
    struct watch_target *items; /* sorted by `shown`, each once */
    size_t n, cap;
    struct arena arena;
};
void watch_targets_release(struct watch_targets *t);

/* One argument: host:port, base URL, URL of a profile (its name is left out),
   unix socket. ERR_USAGE. */
bool watch_targets_add(struct watch_targets *t, const char *arg,
                       struct err *err) MUST_USE;

/* `text`: JSON (an array of {"targets": [...], "labels": {...}}), else lines:
   a target each, '#' begins a comment, "name=value" words after it are labels.
   Honoured labels: __scheme__, __address__, __profile_path__ (where
   /debug/pprof/ is), __param_X. ERR_FORMAT with line or place. */
bool watch_targets_parse(struct watch_targets *t, struct span text,
                         struct err *err) MUST_USE;

/* Sorts and drops doubles: call once after the last. */
bool watch_targets_finish(struct watch_targets *t, struct err *err) MUST_USE;

/* Labels as a JSON object with sorted keys; for stores and events. */
struct buf;
void watch_labels_json(const struct watch_target *t, struct buf *out);

#endif
