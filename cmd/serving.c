#include "serving.h"

#include "console.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* A signal handler gets no arguments. */
static volatile sig_atomic_t is_asked_to_stop;

static void on_signal(int signo)
{
    is_asked_to_stop = signo;
}

static bool is_stopped(void *ctx)
{
    (void)ctx;
    return is_asked_to_stop != 0;
}

static int64_t now_ns(void *ctx)
{
    struct timespec t;
    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SIM_SECOND + t.tv_nsec;
}

/* In place of console_init()'s, which end the program at once. */
static void end_by_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct sigaction end = {0};
        end.sa_handler = on_signal;
        sigaction(ending[i], &end, NULL);
    }
}

/* A thousand services and their clients need more than the usual 1024. */
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* --- which services --- */

struct services {
    struct sim_options *worlds;
    const char **names;
    size_t n, n_scenarios;
};

/* One service for every scenario; or so many as --targets says, dealt round
   over the scenarios, each of one scenario with a seed of its own. */
static bool make_services(struct session *s, const struct sim_cmd_options *o,
                          const struct words *names, struct services *out,
                          struct err *err)
{
    size_t n_all = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n_all);
    const bool wants_all = names->n == 1 && strcmp(names->items[0], "all") == 0;
    const size_t n_scenarios = wants_all ? n_all : names->n;
    out->n = o->targets > 0 ? (size_t)o->targets : n_scenarios;
    out->n_scenarios = n_scenarios;
    out->worlds = arena_new(s->arena, struct sim_options, out->n);
    out->names = arena_new(s->arena, const char *, out->n);
    if (out->worlds == NULL || out->names == NULL) {
        return err_nomem(err, "services");
    }
    for (size_t i = 0; i < out->n; i++) {
        const struct sim_scenario *scenario = NULL;
        const size_t at = i % n_scenarios;
        if (wants_all) {
            scenario = all[at];
        } else if (!sim_cmd_scenario(names->items[at], &scenario, err)) {
            return false;
        }
        sim_cmd_model(o, scenario, &out->worlds[i]);
        out->worlds[i].seed += i / n_scenarios;
        out->names[i] = out->n <= n_scenarios
                            ? scenario->name
                            : arena_printf(s->arena, "%s-%zu", scenario->name,
                                           i / n_scenarios + 1);
        if (out->names[i] == NULL) {
            return err_nomem(err, "services");
        }
    }
    return true;
}

/* --- what is said --- */

/* Host of "HOST:PORT" as a URL wants it; every interface is reached as
   loopback. */
static struct span host_of(const char *address)
{
    const struct span whole = span_of(address);
    const struct span host = span_first(whole, span_rfind_char(whole, ':'));
    const bool is_any =
        host.len == 0 || span_is(host, "0.0.0.0") || span_is(host, "[::]");
    return is_any ? span_of("127.0.0.1") : host;
}

/* " and 2 others of 52 scenarios, ports to 6062"; empty for one service. */
static void say_others(const struct sim_server *server,
                       const struct sim_server_options *o,
                       const struct services *services, char *out, size_t size)
{
    const size_t n = services->n - 1;
    char of[64] = "";
    char where[64] = "";
    if (services->n < services->n_scenarios) {
        (void)snprintf(of, sizeof(of), " of %zu scenarios",
                       services->n_scenarios);
    }
    if (o->one_port_each) {
        (void)snprintf(where, sizeof(where), ", ports to %u,",
                       (unsigned)sim_server_port(server, n));
    } else if (n > 0) {
        (void)snprintf(where, sizeof(where), " at /NAME/debug/pprof/");
    }
    if (n > 0) {
        (void)snprintf(out, size, " and %zu other%s%s%s", n, n > 1 ? "s" : "",
                       of, where);
    } else {
        (void)snprintf(out, size, "%s%s", *of != '\0' ? ", one" : "", of);
    }
}

/* The one line a script reads the port from: it ends with the first URL. */
static void say_where(const struct sim_server *server,
                      const struct sim_server_options *o,
                      const struct services *services)
{
    const struct span host = host_of(o->address);
    char more[192];
    say_others(server, o, services, more, sizeof(more));
    console_say("serving %s%s at %g times the clock's speed on "
                "http://%.*s:%u/debug/pprof/",
                o->names[0], more, o->speed, (int)host.len, host.p,
                (unsigned)sim_server_port(server, 0));
}

/* What the services meet with is said when it first happens. */
static void say_news(const struct sim_server_counts *then,
                     const struct sim_server_counts *now)
{
    if (then->speed_kept <= 0 && now->speed_kept > 0) {
        console_say("cannot keep up: %.*f times the clock's speed at most",
                    now->speed_kept < 10 ? 1 : 0, now->speed_kept);
    }
    if (then->killed == 0 && now->killed > 0) {
        console_say("a service outgrew its machine (more than 4 GiB or 200000 "
                    "goroutines), was killed and started anew");
    }
}

static bool run(struct session *s, struct sim_server *server, struct err *err)
{
    enum { TURN_MS = 100 };
    struct sim_server_counts counts = {0};
    while (!is_stopped(NULL)) {
        if (!sim_server_run(server, TURN_MS, err)) {
            return false;
        }
        const struct sim_server_counts now = sim_server_counts(server);
        say_news(&counts, &now);
        counts = now;
    }
    if (!s->common.quiet) {
        console_say("stopped after %llu answers, %llu of them faulty, %llu "
                    "bytes",
                    (unsigned long long)counts.answers,
                    (unsigned long long)counts.faults,
                    (unsigned long long)counts.bytes);
    }
    return true;
}

static bool serve(struct session *s, const struct sim_server_options *o,
                  const struct services *services, struct err *err)
{
    struct sim_server *server = NULL;
    if (!sim_server_new(o, &server, err)) {
        return false;
    }
    say_where(server, o, services);
    const bool ok = run(s, server, err);
    sim_server_free(server);
    return ok;
}

int serve_scenarios(struct session *s, const struct sim_cmd_options *o,
                    const struct words *names)
{
    struct err err = {0};
    struct services services = {0};
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    size_t n_faults = 0;
    if ((o->faults != NULL &&
         !sim_faults_parse(o->faults, plans, &n_faults, &err)) ||
        !make_services(s, o, names, &services, &err)) {
        return console_fail(NULL, &err);
    }
    const struct sim_server_options options = {
        .address = o->serve,
        .speed = o->speed,
        .worlds = services.worlds,
        .names = services.names,
        .n_worlds = services.n,
        .one_port_each = o->one_port_each && services.n > 1,
        .faults = plans,
        .n_faults = n_faults,
        .seed = o->seed,
        .now_ns = now_ns,
        .is_stopped = is_stopped,
    };
    if (o->one_port_each && services.n == 1) {
        console_say("--ports: there is one service, and one port");
    }
    allow_many_files();
    end_by_signals();
    if (!serve(s, &options, &services, &err)) {
        return console_fail(NULL, &err);
    }
    /* Stopped by hand, as it has to be: that is no failure. */
    return STATUS_OK;
}
