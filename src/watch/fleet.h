/*
 * The same leak in many replicas is one finding with its spread. Findings of
 * equal id are put together; they are ranked as LeakProf ranks: by the root of
 * the mean square of their sizes over the replicas that have them, so that one
 * huge instance outranks many small ones.
 */
#ifndef SEEP_WATCH_FLEET_H
#define SEEP_WATCH_FLEET_H

#include "watch/watcher.h"

/* One leak over all targets: a copy of the worst replica's finding whose
   `replicas` is filled, in order of grade, then RMS, then id. With one target
   it is that target's findings as they are. Verdict and limits are the
   worst. Release with findings_release(). */
bool fleet_findings(struct watcher *w, struct findings *out,
                    struct err *err) MUST_USE;

#endif
