/* One request at a time: a transfer that libcurl performs while we wait. */
#include "fetch/http.h"

#include "fetch/transfer_private.h"

#include <stdlib.h>

#include "base/banned.h"

struct fetch_http {
    struct client client;
    struct transfer *transfer;
    int64_t more_ns; /* beside the timeout */
    enum fetch_failure failure;
};

static const char *const failure_names[] = {
#define X(name, text, what) [FETCH_FAILURE_##name] = (text),
    FETCH_FAILURES(X)
#undef X
};

const char *fetch_failure_name(enum fetch_failure f)
{
    return failure_names[f];
}

void fetch_http_free(struct fetch_http *h)
{
    if (h != NULL) {
        transfer_free(h->transfer);
        client_release(&h->client);
        free(h);
    }
}

bool fetch_http_new(const struct fetch_http_options *o, struct fetch_http **out,
                    struct err *err)
{
    struct fetch_http *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return err_nomem(err, "libcurl");
    }
    if (!client_init(&h->client, o, err)) {
        free(h);
        return false;
    }
    if (!transfer_new(&h->client, &h->transfer, err)) {
        fetch_http_free(h);
        return false;
    }
    *out = h;
    return true;
}

bool fetch_http_get(struct fetch_http *h, const char *url, struct sink sink,
                    struct err *err)
{
    struct transfer *t = h->transfer;
    const struct fetch_request request = {
        .url = url, .sink = sink, .more_ns = h->more_ns};
    h->failure = FETCH_FAILURE_HERE;
    if (!transfer_begin(t, &request, err)) {
        return false;
    }
    while (!transfer_end(t, h->client.lib.easy_perform(t->curl))) {
    }
    h->failure = t->result.failure;
    if (h->failure != FETCH_FAILURE_NONE && err != NULL) {
        *err = t->result.err;
    }
    return h->failure == FETCH_FAILURE_NONE;
}

enum fetch_failure fetch_http_failure(const struct fetch_http *h)
{
    return h->failure;
}

void fetch_http_allow(struct fetch_http *h, int64_t more_ns)
{
    h->more_ns = more_ns;
}
