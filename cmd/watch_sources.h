/*
 * Where the targets of a watch come from: the command line, files, and a
 * Prometheus http_sd service. Files are looked at each second and the service
 * asked each minute; what cannot be read, or is no list, is said once and the
 * last good list stays.
 */
#ifndef SEEP_CMD_WATCH_SOURCES_H
#define SEEP_CMD_WATCH_SOURCES_H

#include "watch/watch.h"
#include "watch_settings.h"

struct watch_sources;

/* `http` is how targets are asked; of it the service gets no credentials.
   Reads what is there, which must be right: ERR_USAGE, ERR_IO, ERR_FORMAT. */
bool watch_sources_new(const struct watch_settings *o, const struct words *args,
                       const struct fetch_http_options *http,
                       struct watch_sources **out, struct err *err) MUST_USE;
void watch_sources_free(struct watch_sources *s);

/* All targets as last known; release them. */
bool watch_sources_targets(const struct watch_sources *s,
                           struct watch_targets *out, struct err *err) MUST_USE;
/* The same in place of `*t`; a list that cannot be is a complaint, and `*t`
   stays. */
bool watch_sources_renew(const struct watch_sources *s, struct watch_targets *t,
                         struct err *complaint, struct err *err) MUST_USE;

/* Looks again at what is due. `*changed`: another list; `complaint` has code
   when one was refused. */
bool watch_sources_run(struct watch_sources *s, int64_t mono_ns, bool *changed,
                       struct err *complaint, struct err *err) MUST_USE;

/* For the loop: -1 none; when next to look, INT64_MAX never. */
int watch_sources_fd(const struct watch_sources *s);
int64_t watch_sources_next_ns(const struct watch_sources *s);

#endif
