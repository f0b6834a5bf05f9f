/* A watch's figures as Prometheus text exposition format 0.0.4. */
#ifndef SEEP_WATCH_EXPOSITION_H
#define SEEP_WATCH_EXPOSITION_H

#include "watch/watcher.h"

/* The process that watches. */
struct watch_process {
    const char *version;
    uint64_t resident_bytes; /* 0 unknown */
    double cpu_seconds;      /* user and system; 0 unknown */
    int64_t started_nanos;   /* wall clock */
};

void watch_exposition(const struct watcher *w, const struct watch_process *p,
                      struct buf *out);

#endif
