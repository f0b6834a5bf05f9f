/*
 * What shows a confirmed leak, as a directory that other tools and a later
 * `seep leaks DIR` read: all kept snapshots of the target as pprof files, the
 * report, a manifest, and a goroutine dump where one may be asked for. It
 * appears whole or not at all, and there is a bounded number of them.
 */
#ifndef SEEP_CMD_WATCH_EVIDENCE_H
#define SEEP_CMD_WATCH_EVIDENCE_H

#include "base/err.h"
#include "watch/watch.h"

#include <jansson.h>

struct watch_evidence;

/* A confirmed leak on its way. */
struct watch_leak {
    uint32_t target;
    char id[17];
    int64_t wall_nanos;
    json_t *document; /* for --on-leak; its "evidence" is filled in here */
};

/* When the directory is there: `dir` and no error; or why there is none.
   Both NULL: as much as was wanted is there already. */
typedef void (*watch_evidence_kept)(void *ctx, const struct watch_leak *leak,
                                    const char *dir, const struct err *err);

struct watch_evidence_options {
    const char *dir; /* NULL: nothing is kept, and told at once */
    enum watch_dumps dumps;
    struct watcher *watcher; /* borrowed */
    watch_evidence_kept kept;
    void *ctx;
};

/* Makes the directory. */
bool watch_evidence_new(const struct watch_evidence_options *o,
                        struct watch_evidence **out, struct err *err) MUST_USE;

/* After the watcher was freed, which lends memory of dumps on their way. */
void watch_evidence_free(struct watch_evidence *e);

/* Takes the document over. The snapshots are written now; the rest when the
   dump came. Only out of memory is an error. */
bool watch_evidence_add(struct watch_evidence *e, const struct watch_leak *leak,
                        const struct finding *f, struct err *err) MUST_USE;

/* Finishes what can be finished; with `all` without waiting for dumps. */
void watch_evidence_run(struct watch_evidence *e, bool all);
bool watch_evidence_is_busy(const struct watch_evidence *e);

#endif
