/*
 * What all requests of one asker have in common: libcurl, the options, the
 * headers that are sent each time.
 */
#ifndef SEEP_FETCH_CLIENT_PRIVATE_H
#define SEEP_FETCH_CLIENT_PRIVATE_H

#include "fetch/curl_private.h"
#include "fetch/http.h"

struct client {
    struct fetch_http_options options;
    struct curl_library lib;
    struct curl_slist *headers; /* one block; or NULL */
    bool has_credentials;
    /* Certificates come from one file, which libcurl then reads once and not
       for each connection. */
    bool has_one_ca_file;
};

/* ERR_USAGE when a header is none. On failure there is nothing to release. */
bool client_init(struct client *c, const struct fetch_http_options *o,
                 struct err *err) MUST_USE;
void client_release(struct client *c);

/* An easy handle with all that does not change between requests. */
CURL *client_handle(const struct client *c, struct err *err) MUST_USE;

bool client_is_stopped(const struct client *c);

#endif
