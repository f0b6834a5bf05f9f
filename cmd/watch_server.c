#include "watch_server.h"

#include "watch_clock.h"

#include "base/library.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16, /* a few scrapers */
    CONNECTION_BYTES = 16 << 10,
    IDLE_SECONDS_MAX = 30,
    BACKLOG = 16,
    METRICS_BYTES_MAX = 16 << 20,
    ADDRESS_BYTES = 320
};

/* The functions that are used, loaded with the library. */
#define FUNCTIONS(X)                                                           \
    X(add_response_header)                                                     \
    X(create_response_from_buffer)                                             \
    X(destroy_response)                                                        \
    X(get_daemon_info)                                                         \
    X(get_timeout)                                                             \
    X(queue_response)                                                          \
    X(run)                                                                     \
    X(start_daemon)                                                            \
    X(stop_daemon)

struct http_library {
#define X(name) __typeof__(MHD_##name) *(name);
    FUNCTIONS(X)
#undef X
};

struct watch_server {
    struct http_library http;
    struct MHD_Daemon *daemon;
    int fd; /* what the daemon waits for */
    struct watcher *watcher;
    int64_t started_nanos;
    char address[ADDRESS_BYTES];
};

static bool load(struct http_library *http, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"MHD_" #name, &http->name},
        FUNCTIONS(X)
#undef X
    };
    return library_load("libmicrohttpd.so.12", functions,
                        sizeof(functions) / sizeof(functions[0]), err);
}

/* --- answers --- */

/* Resident memory as Linux has it; 0 where it does not say. */
static uint64_t resident_bytes(void)
{
    unsigned long long pages[2] = {0};
    FILE *f = fopen("/proc/self/statm", "re");
    char text[128] = "";
    if (f == NULL) {
        return 0;
    }
    const bool has_line = fgets(text, sizeof(text), f) != NULL;
    (void)fclose(f);
    if (!has_line) {
        return 0;
    }
    char *end = text;
    for (int i = 0; i < 2; i++) {
        pages[i] = strtoull(end, &end, 10);
    }
    return pages[1] * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void add_metrics(const struct watch_server *s, struct buf *out)
{
    const struct watch_process self = {
        .version = SEEP_VERSION,
        .resident_bytes = resident_bytes(),
        .cpu_seconds = (double)watch_clock_process_cpu_ns() / 1e9,
        .started_nanos = s->started_nanos};
    watch_exposition(s->watcher, &self, out);
}

static void add_health(const struct watch_server *s, struct buf *out)
{
    (void)s; /* whoever answers turns its loop */
    buf_str(out, "ok\n");
}

static const struct page {
    const char *path, *type;
    void (*add)(const struct watch_server *s, struct buf *out);
} pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", add_metrics},
    {"/healthz", "text/plain; charset=utf-8",                add_health },
};

static enum MHD_Result respond(const struct watch_server *s,
                               struct MHD_Connection *c, unsigned status,
                               const char *type, struct span body)
{
    const struct http_library *http = &s->http;
    char *copy = malloc(body.len + 1);
    if (copy == NULL) {
        return MHD_NO;
    }
    memcpy(copy, body.p != NULL ? body.p : "", body.len);
    struct MHD_Response *response = http->create_response_from_buffer(
        body.len, copy, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(copy);
        return MHD_NO;
    }
    (void)http->add_response_header(response, "Content-Type", type);
    (void)http->add_response_header(response, "Cache-Control", "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)http->add_response_header(response, "Allow", "GET, HEAD");
    }
    const enum MHD_Result result = http->queue_response(c, status, response);
    http->destroy_response(response);
    return result;
}

static enum MHD_Result answer(const struct watch_server *s,
                              struct MHD_Connection *c, const char *path,
                              const char *method)
{
    static const char plain[] = "text/plain; charset=utf-8";
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return respond(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, plain,
                       span_of("GET and HEAD only\n"));
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(path, pages[i].path) != 0) {
            continue;
        }
        struct buf body = BUF_LIMIT(METRICS_BYTES_MAX);
        pages[i].add(s, &body);
        const bool ok = buf_ok(&body);
        const enum MHD_Result result =
            ok ? respond(s, c, MHD_HTTP_OK, pages[i].type, buf_view(&body))
               : respond(s, c, MHD_HTTP_INTERNAL_SERVER_ERROR, plain,
                         span_of("out of memory\n"));
        buf_release(&body);
        return result;
    }
    return respond(s, c, MHD_HTTP_NOT_FOUND, plain,
                   span_of("there is /metrics and /healthz\n"));
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_bytes, void **own)
{
    static int begun;
    (void)version;
    (void)upload;
    if (*own == NULL) {
        *own = &begun;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        *upload_bytes = 0; /* read, not kept */
        return MHD_YES;
    }
    return answer(cls, c, url, method);
}

/* --- where it listens --- */

struct place {
    char host[256];
    char port[8];
};

static bool parse_place(const char *text, struct place *out, struct err *err)
{
    const struct span whole = span_of(text);
    const size_t colon = span_rfind_char(whole, ':');
    struct span host = span_first(whole, colon);
    uint64_t port = 0;
    if (colon == whole.len) {
        host.len = 0; /* a port alone */
    } else if (host.len >= 2 && host.p[0] == '[' &&
               host.p[host.len - 1] == ']') {
        host = (struct span){host.p + 1, host.len - 2};
    } else if (span_find_char(host, ':') < host.len) {
        host.len = sizeof(out->host); /* IPv6 wants its brackets */
    }
    const struct span digits =
        colon == whole.len ? whole : span_from(whole, colon + 1);
    if (host.len >= sizeof(out->host) || !num_parse_u64(digits, &port) ||
        port > 65535) {
        return err_set(err, ERR_USAGE, "--listen: '%.64s' is not HOST:PORT",
                       text);
    }
    host = host.len > 0 ? host : SPAN_LIT("127.0.0.1");
    memcpy(out->host, host.p, host.len);
    out->host[host.len] = '\0';
    (void)snprintf(out->port, sizeof(out->port), "%u", (unsigned)port);
    return true;
}

static bool fail(const char *text, const char *why, struct err *err)
{
    return err_set(err, ERR_IO, "--listen: %.64s: %s", text, why);
}

static bool fail_errno(const char *text, struct err *err)
{
    return fail(text, err_system(errno).text, err);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t n = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &n) != 0) {
        return 0;
    }
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &address, sizeof(v4));
    memcpy(&v6, &address, sizeof(v6));
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static int bind_place(const struct addrinfo *where)
{
    const int on = 1;
    const int fd = socket(where->ai_family, SOCK_STREAM, 0);
    if (fd < 0) {
        return -1;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, where->ai_addr, where->ai_addrlen) != 0 ||
        listen(fd, BACKLOG) != 0) {
        const int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static bool listen_at(struct watch_server *s, const char *text, int *fd,
                      struct err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV};
    struct place place;
    struct addrinfo *found = NULL;
    if (!parse_place(text, &place, err)) {
        return false;
    }
    const int code = getaddrinfo(place.host, place.port, &hints, &found);
    if (code != 0) {
        return fail(text, gai_strerror(code), err);
    }
    *fd = bind_place(found);
    if (*fd < 0) {
        freeaddrinfo(found);
        return fail_errno(text, err);
    }
    const bool is_v6 = found->ai_family == AF_INET6;
    (void)snprintf(s->address, sizeof(s->address), "%s%s%s:%u",
                   is_v6 ? "[" : "", place.host, is_v6 ? "]" : "",
                   (unsigned)bound_port(*fd));
    freeaddrinfo(found);
    return true;
}

static bool start(struct watch_server *s, int listen_fd, struct err *err)
{
    s->daemon = s->http.start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET,
        (MHD_socket)listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS_MAX, MHD_OPTION_END);
    if (s->daemon == NULL) {
        close(listen_fd);
        return err_set(err, ERR_IO, "--listen: the server does not start");
    }
    const union MHD_DaemonInfo *info =
        s->http.get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->fd = info != NULL ? info->epoll_fd : -1;
    return s->fd >= 0 ||
           err_set(err, ERR_IO, "--listen: the server has no descriptor");
}

bool watch_server_new(const char *address, struct watcher *w,
                      int64_t started_nanos, struct watch_server **out,
                      struct err *err)
{
    int fd = -1;
    struct watch_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return err_nomem(err, "--listen");
    }
    s->watcher = w;
    s->started_nanos = started_nanos;
    if (!load(&s->http, err) || !listen_at(s, address, &fd, err) ||
        !start(s, fd, err)) {
        watch_server_free(s);
        return false;
    }
    *out = s;
    return true;
}

void watch_server_free(struct watch_server *s)
{
    if (s != NULL && s->daemon != NULL) {
        s->http.stop_daemon(s->daemon);
    }
    free(s);
}

const char *watch_server_address(const struct watch_server *s)
{
    return s->address;
}

int watch_server_fd(const struct watch_server *s)
{
    return s->fd;
}

int watch_server_wait_ms(const struct watch_server *s)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (s->http.get_timeout(s->daemon, &ms) != MHD_YES) {
        return -1;
    }
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

void watch_server_run(struct watch_server *s)
{
    (void)s->http.run(s->daemon);
}
