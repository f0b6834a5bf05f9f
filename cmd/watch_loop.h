/* One watch from its first request to its last word. */
#ifndef SEEP_CMD_WATCH_LOOP_H
#define SEEP_CMD_WATCH_LOOP_H

#include "cmd.h"
#include "watch_settings.h"

/* Options were checked against each other by then. Exit status. */
int watch_loop(struct session *s, const struct watch_settings *o,
               const struct words *args);

#endif
