/*
 * Inside the server: serve.c and what serve_server_private.h names move bytes
 * (libmicrohttpd, epoll), serve_world.c the worlds' time, pages.c knows what
 * net/http/pprof answers, faults.c what goes wrong, and timers.c when something
 * is due.
 */
#ifndef SEEP_SIM_SERVE_PRIVATE_H
#define SEEP_SIM_SERVE_PRIVATE_H

#include "base/buf.h"
#include "sim/random_private.h"
#include "sim/sim.h"

#include <sys/types.h>

/* --- timers.c: what is due first, in O(log n) --- */

/* Part of what waits; zero is "not waiting". */
struct sim_timer {
    int64_t due_ns;
    size_t place; /* in the heap, from 1; 0: not in it */
};

struct sim_timers {
    struct sim_timer **items;
    size_t n, cap;
};

/* False: out of memory. */
bool sim_timers_add(struct sim_timers *q, struct sim_timer *t);
void sim_timers_remove(struct sim_timers *q, struct sim_timer *t);
/* The first that is due at `now_ns`, taken out; or NULL. */
struct sim_timer *sim_timers_due(struct sim_timers *q, int64_t now_ns);
/* INT64_MAX: none waits. */
int64_t sim_timers_next_ns(const struct sim_timers *q);
void sim_timers_release(struct sim_timers *q);

/* --- pages.c: what is asked, and the answer --- */

/* One service. Its world is made when it is first asked for. */
struct sim_target {
    const struct sim_options *options;
    const char *name;
    struct sim_world *world;
    struct err err;     /* sticky: of the world */
    int64_t lost_ns;    /* of the world's time: it could not keep up */
    int64_t slice_ns;   /* of it in one slice of work */
    unsigned n_waiting; /* requests, for it to catch up */
    unsigned n_answers;
    bool profiles_cpu; /* one CPU profile at a time, as in Go */
};

struct sim_ask {
    const char *method;
    struct span path;  /* "/debug/pprof/heap", without escapes */
    struct span query; /* as sent */
    struct span post;
};

struct sim_answer {
    unsigned status;
    const char *type;  /* Content-Type */
    const char *allow; /* or NULL, as those below */
    const char *authenticate;
    char location[256];   /* "" none */
    char disposition[64]; /* "" none; "heap" */
    bool is_nosniff, is_pprof_error;
    struct buf body;
};

enum sim_page_kind { SIM_PAGE_PLAIN, SIM_PAGE_DELTA, SIM_PAGE_CPU };

/* One answer in the making. */
struct sim_page {
    enum sim_page_kind kind;
    enum sim_profile profile;
    int64_t seconds;        /* to wait before sim_page_finish(); 0 none */
    struct profile *before; /* of a delta */
    int64_t before_ns;
    struct sim_answer answer;
};

/* The world must have run until now. Fills the answer, or `seconds` of the
   world to wait. Failures of the world become answers with status 500. */
void sim_page_begin(struct sim_target *t, const struct sim_ask *ask,
                    struct sim_page *page);
void sim_page_finish(struct sim_target *t, struct sim_page *page);
/* Also ends what the page keeps busy in its target. */
void sim_page_release(struct sim_target *t, struct sim_page *page);

/* http.Error(): plain text with a newline. */
void sim_answer_text(struct sim_answer *a, unsigned status, const char *text);
void sim_answer_redirect(struct sim_answer *a, unsigned status,
                         const char *status_text, const char *location);

/* "Tue, 24 Nov 2026 02:31:17 GMT" of unix seconds. */
enum { SIM_DATE_BYTES = 64 };
void sim_http_date(int64_t unix_s, char out[SIM_DATE_BYTES]);

/* First value of a key in a query string, without escapes, cut to the size;
   false when there is none. */
bool sim_query_find(struct span query, const char *key, char *out, size_t size);

/* The page at / of a port that several services share. */
void sim_answer_services(struct sim_answer *a, const struct sim_target *targets,
                         size_t n);

/* --- serve_world.c: time --- */

/* What the worlds of a server share. */
struct sim_pace {
    const struct sim_server_options *options;
    struct sim_server_counts *counts;
    int64_t start_ns;
};

int64_t sim_pace_clock_ns(const struct sim_pace *p);
bool sim_pace_is_stopped(const struct sim_pace *p);
/* The time of the world that it is now; NULL: of one that lost nothing. */
int64_t sim_pace_due_ns(const struct sim_pace *p, const struct sim_target *t);
/* Has it a world so far behind that it should run though nobody asks? */
bool sim_target_lags(const struct sim_pace *p, const struct sim_target *t);

/* Runs the target's world towards now, for about `work_ns` of the clock at
   most and until is_stopped(); makes it first if need be. A world whose heap
   or goroutines outgrow the limits is killed on the way, and counted. */
bool sim_target_run(struct sim_pace *p, struct sim_target *t, int64_t work_ns,
                    bool *is_there, struct err *err) MUST_USE;
/* From here on it is as late as it is now; `speed` is what it managed. */
void sim_target_give_up(struct sim_pace *p, struct sim_target *t, double speed);

/* --- faults.c --- */

struct sim_fault_dice {
    const struct sim_fault_plan *plans;
    size_t n;
    struct sim_random random;
};

/* What happens to the n-th answer (from 1) of a target; N_SIM_FAULTS: it is
   well. Scripts go before shares; of several that hit, each has the same
   chance. Dice are thrown for every plan with a share, and once to choose, so
   that neither scripts nor hits shift them. */
enum sim_fault sim_fault_choose(struct sim_fault_dice *d, unsigned nth);

/* The answer that a fault gives instead of the right one. False: it leaves
   the answer as it is. */
bool sim_fault_answer(enum sim_fault fault, struct span path,
                      struct sim_answer *a);

/* A gzip stream of about 4 MB that inflates to 4 GiB of empty strings. Only
   one block of it is kept: the others are the same bytes. */
struct sim_bomb {
    struct buf head, block, tail;
};
bool sim_bomb_make(struct sim_bomb *b, struct err *err) MUST_USE;
/* Bytes from `at` on into `out`; 0 at the end. */
size_t sim_bomb_read(const struct sim_bomb *b, uint64_t at, char *out,
                     size_t max);
uint64_t sim_bomb_bytes(const struct sim_bomb *b);
void sim_bomb_release(struct sim_bomb *b);

#endif
