/*
 * libmicrohttpd: loaded when a server starts, driven from the loop of serve.c;
 * requests as it tells of them, from the first line to the end.
 */
#include "base/library.h"
#include "sim/serve_server_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/banned.h"

enum {
    /* Header lines of one request; a profiler's have some 200 bytes. */
    CONNECTION_BYTES = 32 << 10,
    IDLE_SECONDS_MAX = 60,
    POST_BYTES_MAX = 1 << 20,
    ANSWER_BYTES_MAX = 256 << 20,
};

/* "/NAME/debug/pprof/heap" names one of several services on a port. */
static struct sim_target *find_target(struct sim_server *s, size_t first,
                                      struct span path, struct span *rest)
{
    *rest = path;
    if (span_is(path, "/debug/pprof") || span_starts(path, "/debug/pprof/")) {
        return &s->targets[first];
    }
    if (s->options.one_port_each || path.len < 2 || path.p[0] != '/') {
        return NULL;
    }
    const struct span inside = span_from(path, 1);
    const struct span name = span_first(inside, span_find_char(inside, '/'));
    *rest = span_from(path, name.len + 1);
    if (!span_is(*rest, "/debug/pprof") &&
        !span_starts(*rest, "/debug/pprof/")) {
        return NULL;
    }
    for (size_t i = 0; i < s->options.n_worlds; i++) {
        if (span_is(name, s->targets[i].name)) {
            return &s->targets[i];
        }
    }
    return NULL;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct sim_server *s = cls;
    const char *mark = strchr(uri, '?');
    const char *query = mark != NULL ? mark + 1 : "";
    const size_t n = strlen(query);
    struct sim_request *r = calloc(1, sizeof(*r) + n + 1);
    if (r == NULL) {
        return NULL;
    }
    memcpy(r->query, query, n + 1);
    r->watch.kind = SIM_WATCH_REQUEST;
    r->server = s;
    r->connection = c;
    r->ask.query = (struct span){r->query, n};
    r->fault = N_SIM_FAULTS;
    r->post.limit_bytes = POST_BYTES_MAX;
    r->page.answer.body.limit_bytes = ANSWER_BYTES_MAX;
    r->next = s->requests;
    if (s->requests != NULL) {
        s->requests->previous = r;
    }
    s->requests = r;
    return r;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_bytes, void **own)
{
    struct sim_server *s = cls;
    struct sim_request *r = *own;
    if (r == NULL) {
        return MHD_NO;
    }
    if (!r->is_started) {
        r->is_started = true;
        r->is_http_1_0 = strcmp(version, "HTTP/1.0") == 0;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        /* What is too long is read, not kept. */
        buf_add(&r->post, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (r->phase == SIM_PHASE_READS) {
        const union MHD_ConnectionInfo *info =
            s->http.get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        const struct sim_listener *l = info ? info->socket_context : NULL;
        r->ask.method = method;
        r->url = span_of(url);
        r->ask.post = buf_view(&r->post);
        r->target =
            find_target(s, l != NULL ? l->target : 0, r->url, &r->ask.path);
    }
    /* Path and method live as long as the request. */
    return sim_request_step(r);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **own,
                         enum MHD_RequestTerminationCode code)
{
    struct sim_server *s = cls;
    struct sim_request *r = *own;
    (void)code;
    if (r == NULL) {
        return;
    }
    *own = NULL;
    sim_request_resume(r); /* does nothing, unless it ends while it waits */
    sim_timers_remove(&s->timers, &r->timer);
    const union MHD_ConnectionInfo *info =
        s->http.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (r->is_watched && info != NULL) {
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, info->connect_fd, NULL);
    }
    if (r->next != NULL) {
        r->next->previous = r->previous;
    }
    if (r->previous != NULL) {
        r->previous->next = r->next;
    } else {
        s->requests = r->next;
    }
    if (r->target != NULL) {
        sim_page_release(r->target, &r->page);
    } else {
        buf_release(&r->page.answer.body);
    }
    buf_release(&r->post);
    free(r);
}

static void on_connection(void *cls, struct MHD_Connection *c,
                          void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct sim_server *s = cls;
    (void)c;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = s->accepting;
        s->n_connections++;
    } else {
        s->n_connections--;
    }
}

static bool load_library(struct sim_server *s, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"MHD_" #name, &s->http.name},
        MICROHTTPD_FUNCTIONS(X)
#undef X
    };
    return library_load(MICROHTTPD_LIBRARY, functions,
                        sizeof(functions) / sizeof(functions[0]), err);
}

bool sim_http_start(struct sim_server *s, struct err *err)
{
    if (!load_library(s, err)) {
        return false;
    }
    /* TURBO also keeps it from a shutdown() before close(), after which a
       reset would come as an orderly end. */
    s->daemon = s->http.start_daemon(
        MHD_USE_EPOLL | MHD_USE_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
            MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_TURBO,
        0, NULL, NULL, on_request, s, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SIM_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS_MAX,
        MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        s->daemon != NULL
            ? s->http.get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)
            : NULL;
    if (info == NULL) {
        return err_set(err, ERR_IO, "cannot start the HTTP server");
    }
    struct epoll_event event = {.events = EPOLLIN,
                                .data.ptr = &s->daemon_watch};
    s->daemon_fd = info->epoll_fd;
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->daemon_fd, &event) != 0) {
        return err_set(err, ERR_IO, "cannot start the HTTP server: %s",
                       err_system(errno).text);
    }
    return true;
}

/* libmicrohttpd must not be stopped with suspended connections. */
void sim_http_stop(struct sim_server *s)
{
    for (struct sim_request *r = s->requests; r != NULL; r = r->next) {
        r->is_gone = true;
        sim_request_resume(r);
    }
    s->http.stop_daemon(s->daemon);
}
