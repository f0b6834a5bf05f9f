/*
 * One line per event: for people (time, target, what) or for machines, as
 * JSON objects of schema "seep/event/1" whose keys are always there and never
 * renamed. Written at once, so that who reads a pipe knows what is known.
 */
#ifndef SEEP_CMD_WATCH_LINES_H
#define SEEP_CMD_WATCH_LINES_H

#include "watch_words.h"

#include <jansson.h>

/* When a whole fleet fails or restarts in the same second, the first few are
   named and the others counted. */
struct watch_crowd {
    unsigned limit; /* of lines a second and kind of event; 0 = none */
    int64_t second;
    uint64_t n[N_WATCH_EVENTS];
};

struct watch_lines {
    int fd; /* borrowed; -1 = nowhere */
    bool is_json;
    bool is_closed; /* its reader went away */
    struct err err; /* why it could not be written */
    struct watch_news news;
    struct watch_crowd crowd;
    struct buf line;
};

void watch_lines_init(struct watch_lines *l, int fd, bool is_json);
void watch_lines_release(struct watch_lines *l);

void watch_lines_event(struct watch_lines *l, const struct watcher *w,
                       const struct watch_event *e);

/* Says how many were not named, once their second is over. */
void watch_lines_turn(struct watch_lines *l, int64_t wall_nanos);

/* What the watch itself has to say: `event` is "start", "targets",
   "evidence", "command", "end". `target` may be NULL; `data`, more for
   machines, is taken over and may be NULL. */
void watch_lines_say(struct watch_lines *l, int64_t wall_nanos,
                     const char *event, const struct watch_target *target,
                     const char *text, json_t *data);

/* False once a line could not be written; a reader that went away is no
   error, but an end. */
bool watch_lines_ok(const struct watch_lines *l);

#endif
