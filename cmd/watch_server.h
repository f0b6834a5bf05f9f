/*
 * `--listen ADDR`: /metrics and /healthz of a long watch, within its loop.
 * Loopback when only a port is given: figures name hosts and services.
 */
#ifndef SEEP_CMD_WATCH_SERVER_H
#define SEEP_CMD_WATCH_SERVER_H

#include "watch/watch.h"

struct watch_server;

/* "9100", ":9100", "HOST:PORT", "[::1]:9100"; port 0 is any. `w` and all is
   borrowed. ERR_USAGE, ERR_IO. */
bool watch_server_new(const char *address, struct watcher *w,
                      int64_t started_nanos, struct watch_server **out,
                      struct err *err) MUST_USE;
void watch_server_free(struct watch_server *s);

/* Host and port that it listens on: "127.0.0.1:9100". */
const char *watch_server_address(const struct watch_server *s);

/* Readable when there is something to do; how long that may wait, -1 for
   ever. */
int watch_server_fd(const struct watch_server *s);
int watch_server_wait_ms(const struct watch_server *s);
void watch_server_run(struct watch_server *s);

#endif
