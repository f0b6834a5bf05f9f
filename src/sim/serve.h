/*
 * A simulated service behind HTTP: /debug/pprof/ as net/http/pprof serves
 * it, over worlds whose time runs `speed` times as fast as the clock. One
 * thread, one loop (libmicrohttpd's epoll and a heap of timers), so worlds
 * need no locks.
 */
#ifndef SEEP_SIM_SERVE_H
#define SEEP_SIM_SERVE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_options;
struct sim_server;

/* What can go wrong between a process and who asks it. */
#define SIM_FAULTS(X)                                                          \
    X(SLOW, "slow", "answers late")                                            \
    X(DRIP, "drip", "one byte at a time")                                      \
    X(RESET, "reset", "connection reset midway")                               \
    X(TRUNCATE, "truncate", "body cut short")                                  \
    X(500, "500", "internal server error")                                     \
    X(404, "404", "not found")                                                 \
    X(401, "401", "asks for credentials")                                      \
    X(REDIRECT, "redirect", "redirects in a circle")                           \
    X(HTML, "html", "a web page with status 200")                              \
    X(BOMB, "bomb", "gzip that inflates to gigabytes")                         \
    X(LENGTH, "length", "Content-Length that does not fit")                    \
    X(RESTART, "restart", "counters fall as after a restart")                  \
    X(HANG, "hang", "silence")

enum sim_fault {
#define X(name, text, what) SIM_FAULT_##name,
    SIM_FAULTS(X)
#undef X
        N_SIM_FAULTS
};

/* One fault of --fault: "drip", "drip:0.2" (a share of the answers), or
   "reset@3,7" style scripts: the n-th answers of a target, counted from 1. */
enum { SIM_SCRIPT_MAX = 16 };
struct sim_fault_plan {
    enum sim_fault fault;
    double share; /* of answers; 1 = every one */
    unsigned script[SIM_SCRIPT_MAX];
    unsigned n_script; /* 0: by share */
};

/* Parses a list "slow,reset:0.1,500@2+5". */
enum { SIM_FAULT_PLANS_MAX = 16 };
bool sim_faults_parse(const char *text, struct sim_fault_plan *plans, size_t *n,
                      struct err *err) MUST_USE;

struct sim_server_options {
    const char *address; /* "127.0.0.1:6060", port 0 picks one */
    double speed;        /* seconds of the world in one of the clock */
    /* The services: worlds[i] is served at /NAME/debug/pprof/ when there are
       several on a port, and at /debug/pprof/ for the first. */
    const struct sim_options *worlds;
    const char *const *names;
    size_t n_worlds;
    bool one_port_each; /* ports from the address's upwards */
    const struct sim_fault_plan *faults;
    size_t n_faults;
    uint64_t seed; /* of the faults' dice */

    /* Monotonic clock, nanoseconds; the library reads none itself. */
    int64_t (*now_ns)(void *ctx);
    /* Asked between events: true ends sim_server_run(). */
    bool (*is_stopped)(void *ctx);
    void *ctx;
};

bool sim_server_new(const struct sim_server_options *o, struct sim_server **out,
                    struct err *err) MUST_USE;

/* Port of service i, after sim_server_new(). */
uint16_t sim_server_port(const struct sim_server *s, size_t i);

/* Serves until is_stopped() says so, or for one wait of at most `wait_ms` when
   that is not negative. */
bool sim_server_run(struct sim_server *s, int wait_ms,
                    struct err *err) MUST_USE;

struct sim_server_counts {
    uint64_t answers, faults, bytes;
};
struct sim_server_counts sim_server_counts(const struct sim_server *s);
void sim_server_free(struct sim_server *s);

#endif
