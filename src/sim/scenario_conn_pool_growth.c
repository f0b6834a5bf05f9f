/*
 * A pool that opens connections until it has its maximum, within the first
 * third of the window. Each has a goroutine that reads; both stay for ever,
 * as in a leak, but there is a last one.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The pool dials whenever all its connections are taken, and never hangs\n"
    "up. Under load it soon has as many as it may have, and from then on\n"
    "callers wait for one instead.";

static const char lesson_code[] = "func (p *Pool) take() *link {\n"
                                  "\tselect {\n"
                                  "\tcase l := <-p.idle:\n"
                                  "\t\treturn l\n"
                                  "\tdefault:\n"
                                  "\t}\n"
                                  "\tif n := p.opened.Add(1); n > 240 {\n"
                                  "\t\tp.opened.Add(-1)\n"
                                  "\t\treturn <-p.idle\n"
                                  "\t}\n"
                                  "\treturn p.dial()\n"
                                  "}\n"
                                  "\n"
                                  "func (p *Pool) dial() *link {\n"
                                  "\tl := &link{buf: make([]byte, 64<<10)}\n"
                                  "\tgo l.read()\n"
                                  "\treturn l\n"
                                  "}";

static const char lesson_shows[] =
    "Buffers of main.(*Pool).dial and goroutines in main.(*link).read that\n"
    "rise together and then stand still at one number in look after look. A\n"
    "leak of connections has no such number.";

static const char lesson_cannot[] =
    "The maximum, which is a setting. A window that ends while the pool\n"
    "still dials shows growth and no end.";

enum { CONNECTIONS = 240 };

/* Fewer are missing as more are there, so they are opened ever more rarely. */
static double open_connections(const struct sim_world *w, double t_s)
{
    const double x = 3 * t_s / sim_window_s(w);
    return x < 1 ? CONNECTIONS * x * (2 - x) : CONNECTIONS;
}

static void build(struct sim_world *w)
{
    const sim_stack_id dialled = sim_stack(
        w, "main.(*Pool).dial pool.go:74", "main.(*Pool).take pool.go:52",
        "main.(*Ledger).book ledger.go:39", "@http-handler", NULL);
    const sim_stack_id listed =
        sim_stack(w, "@growslice", "main.(*Pool).take pool.go:54",
                  "main.(*Ledger).book ledger.go:39", "@http-handler", NULL);
    const sim_stack_id reads =
        sim_stack(w, "@net-read", "main.(*link).read link.go:47", NULL);
    struct sim_population_spec links = {
        .name = "links",
        .n_members = 2,
        .n_goroutines = 1,
        .ignores_load = true,
        .target = open_connections,
        .global = "main.pool",
        .global_type = "[]*main.link",
    };
    links.members[0] = (struct sim_member){dialled, 384, 1, "main.link", -1};
    links.members[1] = (struct sim_member){dialled, 65536, 1, "[]uint8", 0};
    links.goroutines[0].poses[0] = (struct sim_pose){"IO wait", reads, 1};
    links.goroutines[0].n_poses = 1;
    links.goroutines[0].created_by = "main.(*Pool).dial pool.go:80";
    links.life = (struct sim_life){.kind = SIM_TARGET};
    links.container = (struct sim_container){
        .kind = SIM_SLICE, .stack = listed, .elem_bytes = 8};
    sim_population(w, &links);
    sim_garbage(w, "bookings",
                sim_stack(w, "@json-unmarshal",
                          "main.(*Ledger).book ledger.go:34", "@http-handler",
                          NULL),
                2048, 300);
    sim_http_server(w, 40);
}

const struct sim_scenario sim_scenario_conn_pool_growth = {
    .name = "conn-pool-growth",
    .number = "C7",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a connection pool that grows to its maximum",
    .service = "ledger",
    .hold = "slice main.pool, 240 connections at most",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
