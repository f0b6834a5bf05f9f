/* Listening sockets of a server: one for all services, or one each in a row. */
#include "base/num.h"
#include "sim/serve_server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum {
    LISTEN_BACKLOG = 512,
    /* Rounds of the search for consecutive ports. */
    PORT_TRIES = 32,
};

static bool fail(const char *what, struct err *err)
{
    return err_set(err, ERR_IO, "cannot listen on %s: %s", what,
                   err_system(errno).text);
}

void sim_listeners_accept(struct sim_server *s, bool accepts)
{
    if (s->is_accepting == accepts) {
        return;
    }
    s->is_accepting = accepts;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct epoll_event event = {.events = accepts ? EPOLLIN : 0,
                                    .data.ptr = &s->listeners[i].watch};
        (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listeners[i].fd, &event);
    }
}

void sim_listener_accept_all(struct sim_server *s, struct sim_listener *l)
{
    while (s->n_connections < SIM_CONNECTIONS_MAX) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof(peer);
        const int fd = accept(l->fd, (struct sockaddr *)&peer, &n);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            if (errno != EAGAIN) {
                break; /* no descriptors left: wait until one is closed */
            }
            return;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        s->accepting = l;
        /* Closes the descriptor when it fails. */
        (void)s->http.add_connection(s->daemon, fd, (struct sockaddr *)&peer,
                                     n);
    }
    sim_listeners_accept(s, false);
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

static bool bind_one(struct sim_listener *l, const struct addrinfo *where,
                     const char *shown, struct err *err)
{
    const int on = 1;
    l->fd = socket(where->ai_family, SOCK_STREAM, 0);
    if (l->fd < 0) {
        return fail(shown, err);
    }
    (void)fcntl(l->fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(l->fd, F_SETFL, O_NONBLOCK);
    (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(l->fd, where->ai_addr, where->ai_addrlen) != 0 ||
        listen(l->fd, LISTEN_BACKLOG) != 0) {
        return fail(shown, err);
    }
    l->port = bound_port(l->fd);
    return true;
}

struct address {
    char host[256];
    uint64_t port;
};

static bool parse_address(const char *text, struct address *out,
                          struct err *err)
{
    const struct span whole = span_of(text);
    const size_t colon = span_rfind_char(whole, ':');
    struct span host = span_first(whole, colon);
    if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']') {
        host = (struct span){host.p + 1, host.len - 2};
    } else if (span_find_char(host, ':') < host.len) {
        host.len = sizeof(out->host); /* IPv6 wants its brackets */
    }
    if (colon == whole.len || host.len >= sizeof(out->host) ||
        !num_parse_u64(span_from(whole, colon + 1), &out->port) ||
        out->port > 65535) {
        return err_set(err, ERR_USAGE, "'%.64s' is not HOST:PORT", text);
    }
    memcpy(out->host, host.len > 0 ? host.p : "", host.len);
    out->host[host.len] = '\0';
    return true;
}

/* Listener i of an address; ports count upwards. */
static bool open_listener(struct sim_server *s, const struct address *a,
                          size_t i, struct err *err)
{
    struct sim_listener *l = &s->listeners[i];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    const uint64_t wanted = a->port == 0 ? 0 : a->port + i;
    if (wanted > 65535) {
        return err_set(err, ERR_USAGE, "no port is left for service %zu",
                       i + 1);
    }
    (void)snprintf(port, sizeof(port), "%u", (unsigned)wanted);
    const int code =
        getaddrinfo(a->host[0] != '\0' ? a->host : NULL, port, &hints, &found);
    if (code != 0) {
        return err_set(err, ERR_IO, "cannot listen on %.64s: %s",
                       s->options.address, gai_strerror(code));
    }
    *l = (struct sim_listener){
        .watch = {SIM_WATCH_LISTENER}, .fd = -1, .target = i};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->watch};
    bool ok = bind_one(l, found, s->options.address, err);
    if (ok && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, l->fd, &event) != 0) {
        ok = fail(s->options.address, err);
    }
    freeaddrinfo(found);
    return ok;
}

void sim_listeners_close(struct sim_server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (s->listeners[i].fd >= 0) {
            close(s->listeners[i].fd);
        }
        s->listeners[i].fd = -1;
    }
}

static bool open_all(struct sim_server *s, struct address a, struct err *err)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        if (!open_listener(s, &a, i, err)) {
            return false;
        }
        if (i == 0) {
            a.port = s->listeners[0].port;
        }
    }
    return true;
}

/* The kernel picks a port, not a row of them: where it picked before ports in
   use, once more. */
static bool open_row(struct sim_server *s, const struct address *a,
                     struct err *err)
{
    const unsigned tries = a->port == 0 && s->n_listeners > 1 ? PORT_TRIES : 1;
    for (unsigned i = 0; i < tries; i++) {
        *err = (struct err){0};
        if (open_all(s, *a, err)) {
            return true;
        }
        sim_listeners_close(s);
    }
    return false;
}

bool sim_listeners_open(struct sim_server *s, struct err *err)
{
    struct address a = {0};
    if (!parse_address(s->options.address, &a, err)) {
        return false;
    }
    const size_t n = s->options.one_port_each ? s->options.n_worlds : 1;
    s->listeners = calloc(n, sizeof(*s->listeners));
    if (s->listeners == NULL) {
        return err_nomem(err, "server");
    }
    for (size_t i = 0; i < n; i++) {
        s->listeners[i].fd = -1;
    }
    s->n_listeners = n;
    s->is_accepting = true;
    return open_row(s, &a, err);
}
