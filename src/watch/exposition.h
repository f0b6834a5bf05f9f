/* A watch's figures as Prometheus text exposition format 0.0.4. */
#ifndef SEEP_WATCH_EXPOSITION_H
#define SEEP_WATCH_EXPOSITION_H

#include "watch/watcher.h"

/* `process_bytes`: resident memory, 0 unknown; `started_nanos` wall clock. */
void watch_exposition(const struct watcher *w, const char *version,
                      uint64_t process_bytes, int64_t started_nanos,
                      struct buf *out);

#endif
