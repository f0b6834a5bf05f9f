/*
 * Scheme, host and port of a URL, read by libcurl's own parser: what is
 * decided here about a URL must be decided about the host that is asked.
 */
#ifndef SEEP_FETCH_ORIGIN_PRIVATE_H
#define SEEP_FETCH_ORIGIN_PRIVATE_H

#include "fetch/curl_private.h"

#include <stdbool.h>

struct origin {
    char *scheme, *host, *port; /* of libcurl; the port is never left out */
    bool has_user;
};

/* False when it is no URL, or memory is out. */
bool origin_read(const struct curl_library *lib, const char *url,
                 struct origin *out) MUST_USE;
void origin_release(const struct curl_library *lib, struct origin *o);

/* This machine: 127.0.0.0/8, ::1, localhost, and "any address". */
bool origin_is_loopback(const struct origin *o);
bool origin_is_tls(const struct origin *o);

/* Whether what `from` was trusted with may be sent to `to`: the same server,
   or the same host by TLS instead of plain. */
bool origin_is_trusted_by(const struct origin *to, const struct origin *from);

#endif
