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

/* What can go wrong between a process and who asks it. A fault meets every
   answer under /debug/pprof/, the index among them; only the list of services
   at / and paths that belong to no service are exempt.

     slow      the whole answer comes 2 to 4 s later, evenly spread
     drip      at once, then one byte of the body each 20 ms (50 a second)
     reset     Content-Length, half of the body, then a TCP reset
     truncate  Content-Length, half of the body, then an orderly close
     500       status 500, "internal server error"
     404       status 404, "404 page not found"
     401       status 401, Www-Authenticate: Basic
     redirect  status 302 to the very path that was asked for
     html      status 200, text/html: a page to sign in
     bomb      status 200, gzip of some 4 MB that inflates to 4 GiB
     length    HTTP/1.0, all of the body, but a Content-Length of half of it
     restart   the process starts anew (counters fall to 0), then answers
     hang      the request is read and never answered; of more than 256 such
               the oldest is closed

   The delays are of the clock, whatever the speed. */
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
/* Of several that meet one answer, one happens: those with a script before
   those with a share, and evenly among equals. */
enum { SIM_FAULT_PLANS_MAX = 16 };
bool sim_faults_parse(const char *text, struct sim_fault_plan *plans, size_t *n,
                      struct err *err) MUST_USE;

/* A fresh world does 20,000 to 120,000 s in a second of work, so that any one
   keeps up with this. */
#define SIM_SPEED_MAX 10000

/* What a process may have, before it is killed as by the kernel for want of
   memory, and starts anew. */
#define SIM_HEAP_BYTES_MAX (INT64_C(4) << 30)
enum { SIM_GOROUTINES_LIVE_MAX = 200000 };

struct sim_server_options {
    const char *address; /* "127.0.0.1:6060", port 0 picks one */
    double speed;        /* seconds of the world in one of the clock */
    /* The services: worlds[i] is served at /NAME/debug/pprof/ when there are
       several on a port (/ lists them), and at /debug/pprof/ for the first. */
    const struct sim_options *worlds;
    const char *const *names;
    size_t n_worlds;
    bool one_port_each; /* ports from the address's, or from the one that
                           the kernel picked, upwards */
    const struct sim_fault_plan *faults;
    size_t n_faults;
    uint64_t seed; /* of the faults' dice */

    /* Monotonic clock, nanoseconds; the library reads none itself. */
    int64_t (*now_ns)(void *ctx);
    /* Asked between events, answers and slices of the worlds' time: true ends
       sim_server_run(), and who has no answer yet gets none. */
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
    uint64_t killed;   /* processes that outgrew their limits */
    double speed_kept; /* the least that a world managed that could not keep
                          up; 0: all could */
};
struct sim_server_counts sim_server_counts(const struct sim_server *s);
void sim_server_free(struct sim_server *s);

#endif
