/*
 * The process is restarted inside the series. Counters begin at zero again,
 * ids of goroutines begin anew, and a cold cache fills up once more: joined
 * into one series it looks like growth out of nothing.
 */
#include "sim/model_private.h"
#include "sim/random_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does, in either process. The second starts with an empty table\n"
    "of routes and learns them within a minute, as the first did before it\n"
    "was watched.";

static const char lesson_code[] =
    "func (r *Resolver) resolve(host string) *Route {\n"
    "\tif route, ok := r.routes[host]; ok {\n"
    "\t\treturn route\n"
    "\t}\n"
    "\troute := &Route{config: r.fetch(host)}\n"
    "\tr.routes[host] = route // 12000 hosts, not more\n"
    "\treturn route\n"
    "}";

static const char lesson_shows[] =
    "Objects allocated since the start, which only ever rise within a\n"
    "process, fall between two looks: here one process ended and another\n"
    "began. Each part has to be judged by itself, and each is level after\n"
    "its first moments.";

static const char lesson_cannot[] =
    "What the process looked like before the first look, and whether the\n"
    "restart was meant.";

enum { ROUTES = 12000 };

static double warm_routes(const struct sim_world *w, double t_s)
{
    const double tau_s = sim_window_s(w) / 30;
    return ROUTES * (1 - sim_exp(-t_s / tau_s));
}

static void add_routes(struct sim_world *w)
{
    const sim_stack_id resolved = sim_stack(
        w, "main.(*Resolver).resolve resolver.go:44",
        "main.(*Gateway).forward gateway.go:57", "@http-handler", NULL);
    const sim_stack_id inserted = sim_stack(
        w, "@map-assign-faststr", "main.(*Resolver).resolve resolver.go:47",
        "main.(*Gateway).forward gateway.go:57", "@http-handler", NULL);
    struct sim_population_spec routes = {
        .name = "routes",
        .n_members = 2,
        .ignores_load = true,
        .target = warm_routes,
        .global = "main.routes",
        .global_type = "map[string]*main.Route",
    };
    routes.members[0] = (struct sim_member){resolved, 160, 1, "main.Route", -1};
    routes.members[1] = (struct sim_member){resolved, 2600, 1, "[]uint8", 0};
    routes.life =
        (struct sim_life){.kind = SIM_TARGET, .mean_s = sim_window_s(w) / 4};
    routes.container = (struct sim_container){SIM_MAP, inserted, 16, 8};
    sim_population(w, &routes);
}

static void build(struct sim_world *w)
{
    sim_quirks(w)->restart_s = 0.45 * sim_window_s(w);
    add_routes(w);
    const sim_stack_id waits = sim_stack(
        w, "@net-read", "main.(*Backend).roundTrip backend.go:73",
        "main.(*Gateway).forward gateway.go:61", "@http-handler", NULL);
    const sim_stack_id copied = sim_stack(
        w, "main.(*Backend).roundTrip backend.go:66",
        "main.(*Gateway).forward gateway.go:61", "@http-handler", NULL);
    struct sim_population_spec forwards = {
        .name = "forwards",
        .n_members = 1,
        .n_goroutines = 1,
        .per_second = 100,
        .n_start = 80,
    };
    forwards.members[0] = (struct sim_member){copied, 32768, 1, "[]uint8", -1};
    forwards.goroutines[0].poses[0] = (struct sim_pose){"IO wait", waits, 1};
    forwards.goroutines[0].n_poses = 1;
    forwards.goroutines[0].created_by = "@by-server";
    forwards.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 0.8};
    sim_population(w, &forwards);
    sim_http_server(w, 60);
}

const struct sim_scenario sim_scenario_restart_inside = {
    .name = "restart-inside",
    .number = "C12",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "the process is restarted in the middle of the series",
    .service = "gateway",
    .hold = "map main.routes, as many as there are backends",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
