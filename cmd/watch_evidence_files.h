/* The files of one piece of evidence, into a directory that exists. */
#ifndef SEEP_CMD_WATCH_EVIDENCE_FILES_H
#define SEEP_CMD_WATCH_EVIDENCE_FILES_H

#include "base/span.h"
#include "watch/watch.h"

#include <jansson.h>

/* NNN.heap.pb.gz, NNN.goroutine.pb.gz, ... of all kept moments. `files` gets
   their list, `last` the number of the last moment. */
bool evidence_write_snapshots(const char *dir, struct watcher *w,
                              uint32_t target, json_t **files, uint64_t *last,
                              struct err *err) MUST_USE;

/* report.json and report.md: the target as last judged. */
bool evidence_write_report(const char *dir, struct watcher *w, uint32_t target,
                           struct err *err) MUST_USE;

/* NNN.goroutine.txt, when the bytes are a goroutine dump. */
bool evidence_write_dump(const char *dir, uint64_t moment, struct span dump,
                         json_t **name, struct err *err) MUST_USE;

/* manifest.json; takes `manifest` over. */
bool evidence_write_manifest(const char *dir, json_t *manifest,
                             struct err *err) MUST_USE;

#endif
