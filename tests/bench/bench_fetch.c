/*
 * What a fetch costs: the pool against a server of its own that answers 50 KiB
 * at once, with a fresh connection each time and with kept ones; then how much
 * memory a request under way takes.
 * usage: bench_fetch [FETCHES AT_ONCE [PORTS]]
 * PORTS: as many listening sockets, as a fleet has hosts (default 200).
 */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BODY_BYTES = 50 << 10,
    PORTS_MAX = 4000,
    EVENTS_MAX = 256,
    RUN_SECONDS_MAX = 120,
    /* Of one core; the aim is 80 on a machine that has nothing else to do. */
    CPU_US_MAX = 250,
};

#define SECOND_NS INT64_C(1000000000)

struct server {
    pid_t pid;
    unsigned n_ports;
    uint16_t ports[PORTS_MAX];
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static long rss_kb(void)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench_fetch: %s\n", what);
    exit(1);
}

/* --- the server --- */

static char answer[BODY_BYTES + 256];
static size_t answer_bytes;

static void make_answer(bool is_fresh)
{
    const int n = snprintf(answer, sizeof(answer),
                           "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n",
                           is_fresh ? "Connection: close\r\n" : "", BODY_BYTES);
    memset(answer + n, 'x', BODY_BYTES);
    answer_bytes = (size_t)n + BODY_BYTES;
}

static void watch_socket(int epoll_fd, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        close(fd);
    }
}

/* The whole answer fits what the kernel buffers. Never answers a request for
   "/hang". */
static void answer_one(int fd, bool is_fresh)
{
    char request[4096];
    const ssize_t n = recv(fd, request, sizeof(request), MSG_DONTWAIT);
    if (n <= 0) {
        close(fd);
    } else if (n < 9 || memcmp(request, "GET /hang", 9) != 0) {
        size_t sent = 0;
        while (sent < answer_bytes) {
            const ssize_t more =
                send(fd, answer + sent, answer_bytes - sent, MSG_NOSIGNAL);
            if (more <= 0) {
                close(fd);
                return;
            }
            sent += (size_t)more;
        }
        if (is_fresh) {
            close(fd);
        }
    }
}

static _Noreturn void serve(const int *listeners, unsigned n, bool is_fresh)
{
    static bool is_listener[1 << 16];
    struct epoll_event events[EVENTS_MAX];
    const int epoll_fd = epoll_create1(0);
    alarm(RUN_SECONDS_MAX);
    make_answer(is_fresh);
    for (unsigned i = 0; i < n; i++) {
        is_listener[listeners[i]] = true;
        watch_socket(epoll_fd, listeners[i]);
    }
    for (;;) {
        const int n_events = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < n_events; i++) {
            const int fd = events[i].data.fd;
            if (!is_listener[fd]) {
                answer_one(fd, is_fresh);
                continue;
            }
            const int peer = accept(fd, NULL, NULL);
            if (peer >= 0) {
                const int room = BODY_BYTES * 2;
                setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
                watch_socket(epoll_fd, peer);
            }
        }
    }
}

static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0) {
        die("cannot listen");
    }
    *port = ntohs(at.sin_port);
    return fd;
}

static void start_server(struct server *s, unsigned n_ports, bool is_fresh)
{
    static int listeners[PORTS_MAX];
    s->n_ports = n_ports;
    for (unsigned i = 0; i < n_ports; i++) {
        listeners[i] = listen_anywhere(&s->ports[i]);
    }
    s->pid = fork();
    if (s->pid == 0) {
        serve(listeners, n_ports, is_fresh);
    }
    for (unsigned i = 0; i < n_ports; i++) {
        close(listeners[i]);
    }
}

static void stop_server(const struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

/* --- asking --- */

struct load {
    struct fetch_pool *pool;
    const struct server *server;
    const char *path;
    unsigned n_left, n_ok, n_failed, next_port;
    uint64_t bytes;
    struct err last;
};

static bool on_bytes(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct load *l = ctx;
    (void)p;
    (void)err;
    l->bytes += n;
    return true;
}

static bool on_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static void on_done(void *ctx, const struct fetch_result *r);

static void ask(struct load *l)
{
    char url[64];
    struct err err = {0};
    const uint16_t port = l->server->ports[l->next_port];
    l->next_port = (l->next_port + 1) % l->server->n_ports;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, l->path);
    const struct fetch_request r = {
        .url = url, .sink = {l, on_bytes, on_end},
             .ctx = l, .done = on_done
    };
    l->n_left--;
    if (!fetch_pool_start(l->pool, &r, &err)) {
        die(err.text);
    }
}

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct load *l = ctx;
    l->n_ok += r->failure == FETCH_FAILURE_NONE;
    if (r->failure != FETCH_FAILURE_NONE) {
        l->n_failed++;
        l->last = r->err;
    }
    if (l->n_left > 0) {
        ask(l);
    }
}

static struct fetch_pool *new_pool(size_t keeps)
{
    const struct fetch_http_options o = {
        .user_agent = "bench",
        .connect_timeout_ns = 10 * SECOND_NS,
        .total_timeout_ns = 30 * SECOND_NS,
        .low_speed_bytes = 100,
        .low_speed_ns = 10 * SECOND_NS,
        .limit_bytes = 1 << 20,
        .keeps = keeps,
    };
    struct fetch_pool *pool = NULL;
    struct err err = {0};
    if (!fetch_pool_new(&o, &pool, &err)) {
        die(err.text);
    }
    return pool;
}

static void run(struct load *l)
{
    struct err err = {0};
    while (fetch_pool_n_active(l->pool) > 0) {
        if (!fetch_pool_run(l->pool, 1000, &err)) {
            die(err.text);
        }
    }
}

/* --- what is measured --- */

static bool measure(unsigned n, unsigned at_once, unsigned n_ports,
                    bool is_fresh)
{
    static struct server server;
    start_server(&server, n_ports, is_fresh);
    struct load l = {.pool = new_pool(is_fresh ? 0 : n_ports + at_once),
                     .server = &server,
                     .path = "/",
                     .n_left = n};
    const double start_s = now_s();
    const double start_cpu_s = cpu_s();
    for (unsigned i = 0; i < at_once && l.n_left > 0; i++) {
        ask(&l);
    }
    run(&l);
    const double wall_s = now_s() - start_s;
    const double cpu_us = 1e6 * (cpu_s() - start_cpu_s) / n;
    const bool ok = l.n_failed == 0 && l.bytes == (uint64_t)n * BODY_BYTES &&
                    cpu_us < CPU_US_MAX;
    (void)printf("%-10s %6u fetches, %4u at once, %4u hosts: %8.0f/s "
                 "%6.1f us CPU each  failed: %u %s%s\n",
                 is_fresh ? "fresh" : "keep-alive", n, at_once, n_ports,
                 n / wall_s, cpu_us, l.n_failed, l.last.text,
                 ok ? "" : "  FAILED");
    (void)fflush(stdout);
    fetch_pool_free(l.pool);
    stop_server(&server);
    return ok;
}

/* All are under way and get nothing. */
static void measure_memory(unsigned n)
{
    static struct server server;
    struct err err = {0};
    start_server(&server, 1, true);
    struct load l = {
        .pool = new_pool(0), .server = &server, .path = "/hang", .n_left = n};
    const long before_kb = rss_kb();
    for (unsigned i = 0; i < n; i++) {
        ask(&l);
    }
    const double end_s = now_s() + 1;
    while (now_s() < end_s) {
        if (!fetch_pool_run(l.pool, 100, &err)) {
            die(err.text);
        }
    }
    (void)printf("memory     %6u under way: %.1f KB each\n", n,
                 (double)(rss_kb() - before_kb) / n);
    fetch_pool_free(l.pool);
    stop_server(&server);
}

int main(int argc, char **argv)
{
    const unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000;
    const unsigned long at_once = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
    const unsigned long ports = argc > 3 ? strtoul(argv[3], NULL, 10) : 200;
    struct rlimit files;
    if (n == 0 || n > 1000000 || at_once == 0 || at_once > 10000 ||
        ports == 0 || ports > PORTS_MAX) {
        die("usage: bench_fetch [FETCHES AT_ONCE [PORTS]]");
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    measure_memory((unsigned)at_once);
    bool ok = measure((unsigned)n, (unsigned)at_once, (unsigned)ports, true);
    ok = measure((unsigned)n, (unsigned)at_once, (unsigned)ports, false) && ok;
    ok = measure((unsigned)n, 1, 1, false) && ok;
    return ok ? 0 : 1;
}
