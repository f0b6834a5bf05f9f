/*
 * Options of every command that asks live targets (fetch, watch, leaks URL):
 * credentials, TLS, timeouts. Together with the proxies of the environment
 * they become what fetch/ takes. Secrets are read here and shown nowhere.
 */
#ifndef SEEP_CMD_TARGET_OPTIONS_H
#define SEEP_CMD_TARGET_OPTIONS_H

#include "cmd.h"
#include "fetch/fetch.h"

struct target_options {
    int64_t timeout_ns; /* for one answer; default 30 s */
    struct words headers;
    const char *bearer_token_file;
    const char *user; /* "name:password", or "name:@file" */
    bool netrc;
    const char *cert, *key, *cacert;
    bool insecure;
};

void target_options_defaults(struct target_options *o);

#define TARGET_FIELD(type, field, member)                                      \
    (offsetof(type, field) + offsetof(struct target_options, member))

/* Rows for a command's table; `field` is its struct target_options. */
/* clang-format off */
#define TARGET_ROWS(type, field)                                               \
    {.name = "timeout", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 3600, \
     .offset = TARGET_FIELD(type, field, timeout_ns),                          \
     .help = "for one answer, connecting included (default 30s, and what a CPU profile takes)"}, \
    {.name = "header", .short_name = 'H', .arg = "NAME: VALUE", .kind = OPTION_WORDS, \
     .offset = TARGET_FIELD(type, field, headers),                             \
     .help = "sent with each request; may be repeated; @FILE reads it from a file"}, \
    {.name = "bearer-token-file", .arg = "FILE", .kind = OPTION_TEXT,          \
     .offset = TARGET_FIELD(type, field, bearer_token_file),                   \
     .help = "its content is sent as a bearer token; read again for each request"}, \
    {.name = "user", .arg = "NAME:@FILE", .kind = OPTION_TEXT,                 \
     .offset = TARGET_FIELD(type, field, user),                                \
     .help = "name and password, or name and the file that holds the password"}, \
    {.name = "netrc", .kind = OPTION_FLAG, .offset = TARGET_FIELD(type, field, netrc), \
     .help = "name and password from ~/.netrc"},                               \
    {.name = "cacert", .arg = "FILE", .kind = OPTION_TEXT,                     \
     .offset = TARGET_FIELD(type, field, cacert),                              \
     .help = "certificates that are trusted, instead of the system's"},        \
    {.name = "cert", .arg = "FILE", .kind = OPTION_TEXT,                       \
     .offset = TARGET_FIELD(type, field, cert), .help = "certificate of this client"}, \
    {.name = "key", .arg = "FILE", .kind = OPTION_TEXT,                        \
     .offset = TARGET_FIELD(type, field, key), .help = "its private key"},     \
    {.name = "insecure", .short_name = 'k', .kind = OPTION_FLAG,               \
     .offset = TARGET_FIELD(type, field, insecure),                            \
     .help = "any certificate will do"}
/* clang-format on */

/* What fetch/ takes; strings live in the session's arena. Checks that files
   are readable and headers are headers. ERR_USAGE, ERR_IO. */
bool target_options_http(const struct target_options *o, struct session *s,
                         struct fetch_http_options *out,
                         struct err *err) MUST_USE;

#endif
