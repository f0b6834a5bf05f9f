/*
 * One running server and those who ask it, for the files that move bytes:
 * serve.c is the loop, serve_listen.c the sockets, serve_http.c the requests
 * as libmicrohttpd tells of them, serve_answer.c what they are answered and
 * serve_wait.c what they wait for. The server owns all; a request is owned by
 * libmicrohttpd's connection and freed when that completes it.
 */
#ifndef SEEP_SIM_SERVE_SERVER_PRIVATE_H
#define SEEP_SIM_SERVE_SERVER_PRIVATE_H

#include "sim/microhttpd_private.h"
#include "sim/serve_private.h"

enum { SIM_CONNECTIONS_MAX = 1024 };

enum sim_watch_kind { SIM_WATCH_DAEMON, SIM_WATCH_LISTENER, SIM_WATCH_REQUEST };

/* What an epoll event points to; the first member of what is watched. */
struct sim_watch {
    enum sim_watch_kind kind;
};

struct sim_listener {
    struct sim_watch watch;
    int fd;
    uint16_t port;
    size_t target; /* of its port; the first when all share one */
};

enum sim_phase {
    SIM_PHASE_READS,
    SIM_PHASE_DUE,
    SIM_PHASE_WAITED,
    SIM_PHASE_HUNG
};

struct sim_request {
    struct sim_watch watch;
    struct sim_server *server;
    struct MHD_Connection *connection;
    struct sim_target *target; /* NULL: a path that is nobody's */
    struct sim_ask ask;
    struct span url; /* the path with the service's name */
    struct sim_request *next, *previous;
    struct sim_timer timer;
    struct sim_page page;
    struct buf post;
    enum sim_phase phase;
    enum sim_fault fault; /* N_SIM_FAULTS: none */
    bool is_started;      /* its header has been read */
    bool is_http_1_0;
    bool is_suspended, is_watched, is_gone;
    bool has_dripped;               /* the next byte has to wait */
    bool is_waiting;                /* for its world to catch up */
    bool has_waited;                /* the world is as near as it gets */
    int64_t waits_since_ns;         /* of the clock */
    int64_t waits_from_ns, goal_ns; /* of the world: when it asked, and due */
    unsigned generation;            /* of the process it asked first */
    uint64_t hung_since;
    char query[]; /* as sent */
};

struct sim_server {
    struct sim_server_options options;
    struct microhttpd http;
    struct MHD_Daemon *daemon;
    struct sim_watch daemon_watch;
    int epoll_fd, daemon_fd;
    struct sim_listener *listeners;
    size_t n_listeners;
    struct sim_listener *accepting; /* for on_connection() */
    size_t n_connections;
    bool is_accepting;
    struct sim_target *targets;
    struct sim_request *requests; /* all there are */
    struct sim_timers timers;
    struct sim_fault_dice dice;
    struct sim_bomb bomb;
    bool has_bomb;
    uint64_t n_hung, hung_clock;
    struct sim_pace pace;
    size_t next_target; /* whose world runs next */
    size_t n_waiting;   /* requests, for worlds */
    bool has_lagging;   /* worlds that should go on running */
    struct sim_server_counts counts;
};

/* --- serve_wait.c --- */

/* From now on its peer is looked after by us. */
void sim_request_suspend(struct sim_request *r);
/* Nothing for one that does not wait. */
void sim_request_resume(struct sim_request *r);
/* Out of memory for a timer, the wait is over at once. */
void sim_request_wait(struct sim_request *r, int64_t ns);
/* Is the world of the request where it should be? False: the request waits, or
   it has an answer, which says why not. */
bool sim_request_catch_up(struct sim_request *r, bool *waits);
void sim_server_fire_timers(struct sim_server *s);
/* Worlds in turn: those that someone waits for, and those far behind. */
void sim_server_run_worlds(struct sim_server *s);

/* --- serve_answer.c --- */

/* On to the next phase of a request that has been read or has waited. */
enum MHD_Result sim_request_step(struct sim_request *r);

/* --- serve_http.c --- */

bool sim_http_start(struct sim_server *s, struct err *err) MUST_USE;
void sim_http_stop(struct sim_server *s);

/* --- serve_listen.c --- */

bool sim_listeners_open(struct sim_server *s, struct err *err) MUST_USE;
void sim_listeners_close(struct sim_server *s);
/* While too many are connected, others wait in the kernel's queue. */
void sim_listeners_accept(struct sim_server *s, bool accepts);
void sim_listener_accept_all(struct sim_server *s, struct sim_listener *l);

#endif
