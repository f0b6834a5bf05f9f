/* The end of a watch: one report over all targets, and its exit status. */
#ifndef SEEP_CMD_WATCH_SUMMARY_H
#define SEEP_CMD_WATCH_SUMMARY_H

#include "cmd.h"
#include "output.h"
#include "watch/watch.h"

struct watch_summary {
    struct findings findings; /* of the fleet */
    struct series_about about;
    struct series *series; /* of the only target; NULL */
    const struct watch_target *target;
    const char **notes;
    size_t n_notes;
    bool has_lost; /* a target gave nothing, or no longer answers */
    const struct report_gate *gate; /* as in the report; NULL */
    const char *undecided, *anchor;
    struct arena arena;
};

/* Name and labels of the target that a report is about. */
void watch_report_target(struct report *r, const struct watch_target *t);

/* Judges what is open, and puts it together. `confirmed` says when a leak was;
   NULL never. */
bool watch_summary_make(struct watcher *w, int64_t wall_nanos,
                        const char *confirmed, struct watch_summary *out,
                        struct err *err) MUST_USE;
void watch_summary_release(struct watch_summary *s);

/* In every form that was asked for. */
bool watch_summary_write(const struct watch_summary *s, const char *command,
                         const struct outputs *o, const struct session *session,
                         struct err *err) MUST_USE;

/* "LEAK: 1 strong finding in 12 snapshots over 2 min" */
void watch_summary_line(const struct watch_summary *s, struct buf *out);

#endif
