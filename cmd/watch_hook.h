/*
 * `--on-leak CMD`: a program that is told of each confirmed leak. No shell:
 * the command is split into words once, at the start. It gets one JSON
 * document on its standard input; what it prints goes to our standard error,
 * which belongs to diagnostics. The watch never waits for it: a few run at
 * once, others queue, and who takes too long is ended.
 */
#ifndef SEEP_CMD_WATCH_HOOK_H
#define SEEP_CMD_WATCH_HOOK_H

#include "base/buf.h"
#include "base/err.h"

struct watch_hook;

/* Words are separated by blanks; 'single' quotes keep all, "double" quotes
   keep all but \" and \\; a backslash keeps the next character. ERR_USAGE:
   an open quote, no word. */
bool watch_hook_new(const char *command, struct watch_hook **out,
                    struct err *err) MUST_USE;
void watch_hook_free(struct watch_hook *h); /* ends what runs */

/* Can the command be run as things are? Else ERR_USAGE: better said before the
   watch than when the first leak is there. `path` is PATH's value or NULL. */
bool watch_hook_check(const struct watch_hook *h, const char *path,
                      struct err *err) MUST_USE;

/* Queues a run; takes over `document`. False: too many wait. */
bool watch_hook_add(struct watch_hook *h, struct buf *document);

/* Begins, feeds, ends. `said` gets a line for each run that ended badly or
   could not be begun; empty none. Call while watch_hook_is_busy(). */
void watch_hook_run(struct watch_hook *h, int64_t mono_ns, struct buf *said);
bool watch_hook_is_busy(const struct watch_hook *h);

/* Runs that ended with status 0, and others. */
void watch_hook_counts(const struct watch_hook *h, uint64_t *n_ok,
                       uint64_t *n_failed);

#endif
