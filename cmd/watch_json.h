/*
 * JSON of a watch: events, and what is handed to others when a leak is
 * confirmed. Texts come from targets: they are made valid UTF-8.
 */
#ifndef SEEP_CMD_WATCH_JSON_H
#define SEEP_CMD_WATCH_JSON_H

#include "report/report.h"
#include "watch/watch.h"

#include <jansson.h>

/* NULL, as by all of these: out of memory. `s` NULL is null. */
json_t *watch_json_text(const char *s);
json_t *watch_json_number(double v);    /* null when it is none */
json_t *watch_json_time(int64_t nanos); /* RFC 3339; 0 is null */
json_t *watch_json_labels(const struct watch_target *t);

/* What a line of a log needs of a finding; `before` is its grade of before. */
json_t *watch_json_brief(const struct finding *f, enum grade before);

/* All of it, as in the findings document. */
json_t *watch_json_whole(const struct finding *f);

/* One object in one line, or indented, with a newline behind it. */
bool watch_json_add(struct buf *out, const json_t *value, bool is_indented,
                    struct err *err) MUST_USE;

#endif
