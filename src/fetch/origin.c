#include "fetch/origin_private.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"

#include "base/banned.h"

static bool read_parts(const struct curl_library *lib, CURLU *u,
                       const char *url, struct origin *out)
{
    char *user = NULL;
    if (lib->url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) !=
            CURLUE_OK ||
        lib->url_get(u, CURLUPART_SCHEME, &out->scheme, 0) != CURLUE_OK ||
        lib->url_get(u, CURLUPART_HOST, &out->host, 0) != CURLUE_OK ||
        lib->url_get(u, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT) !=
            CURLUE_OK) {
        return false;
    }
    out->has_user = lib->url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK;
    lib->free(user);
    return true;
}

bool origin_read(const struct curl_library *lib, const char *url,
                 struct origin *out)
{
    *out = (struct origin){0};
    CURLU *u = lib->url();
    const bool ok = u != NULL && read_parts(lib, u, url, out);
    lib->url_cleanup(u);
    if (!ok) {
        origin_release(lib, out);
    }
    return ok;
}

void origin_release(const struct curl_library *lib, struct origin *o)
{
    lib->free(o->scheme);
    lib->free(o->host);
    lib->free(o->port);
    *o = (struct origin){0};
}

/* "127.0.0.1" and its like, not "127.example". */
static bool is_loopback_number(const char *host)
{
    return strncmp(host, "127.", 4) == 0 &&
           strspn(host, "0123456789.") == strlen(host);
}

bool origin_is_loopback(const struct origin *o)
{
    static const char *const names[] = {"localhost", "localhost.", "[::1]",
                                        "0.0.0.0", "[::]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(o->host, names[i]) == 0) {
            return true;
        }
    }
    return is_loopback_number(o->host) ||
           span_ends(span_of(o->host), ".localhost");
}

bool origin_is_tls(const struct origin *o)
{
    return strcasecmp(o->scheme, "https") == 0;
}

bool origin_is_trusted_by(const struct origin *to, const struct origin *from)
{
    if (strcasecmp(to->host, from->host) != 0) {
        return false;
    }
    return strcasecmp(to->scheme, from->scheme) == 0
               ? strcmp(to->port, from->port) == 0
               : origin_is_tls(to);
}
