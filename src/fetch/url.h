/*
 * Where a process serves its profiles, from what a person types: a host,
 * host:port, a base URL, the URL of one profile, or a unix socket.
 */
#ifndef SEEP_FETCH_URL_H
#define SEEP_FETCH_URL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* The endpoint with its last slash into `base`, as
   "http://host:6060/debug/pprof/" or "unix:///run/app.sock:/debug/pprof/"; the
   profile's name, when the argument is the URL of one, into `profile` (else
   empty); what follows a question mark into `query`. ":6060" is this machine.
   ERR_USAGE for other schemes than http, https and unix. */
bool url_endpoint(const char *arg, struct buf *base, struct buf *profile,
                  struct buf *query, struct err *err) MUST_USE;

/* "unix:///run/app.sock:/debug/pprof/heap" in two: the socket's path, and what
   is asked for there ("/" when nothing is said). False: another scheme. */
bool url_unix(struct span url, struct span *socket, struct span *path);

/* Cuts the next parameter that is not empty off a query; its value is empty
   when it has none. Escapes are left as they are. False at the end. */
bool url_parameter(struct span *query, struct span *key, struct span *value);

/* For people: without user and password, and without a query, which may be
   secrets too. */
void url_shown(const char *url, struct buf *out);

#endif
