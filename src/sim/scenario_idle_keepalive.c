/*
 * Thousands of idle connections, inbound and outbound. Goroutines that wait
 * for hours in the network, as many as there are clients and never more.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Every client keeps its connection open between two requests, and so\n"
    "does the service towards the stations it polls. An idle connection\n"
    "costs a goroutine or two that wait on the network. They are many and\n"
    "old, and exactly as many as there are peers.";

static const char lesson_code[] =
    "var client = &http.Client{\n"
    "\tTransport: &http.Transport{\n"
    "\t\tMaxIdleConnsPerHost: 1,\n"
    "\t\tMaxIdleConns:        300,\n"
    "\t},\n"
    "}\n"
    "\n"
    "func (s *Station) poll() ([]byte, error) {\n"
    "\tr, err := client.Get(s.url)\n"
    "\tif err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\tdefer r.Body.Close()\n"
    "\treturn io.ReadAll(r.Body) // to the end: reusable\n"
    "}";

static const char lesson_shows[] =
    "Large groups in readLoop, writeLoop and conn.serve, all in IO wait or\n"
    "select for a long time, and of constant size. readLoop waits in Peek,\n"
    "so these connections are idle; with an unclosed body it would wait in\n"
    "select, and the group would grow.";

static const char lesson_cannot[] =
    "How many clients there are. That age and number alone are no proof must\n"
    "be known beforehand.";

enum { STATIONS = 300, SUBSCRIBERS = 3000 };

static void add_upstream(struct sim_world *w)
{
    const sim_stack_id asked = sim_stack(w, "main.newStation station.go:24",
                                         "main.loadStations station.go:15",
                                         "main.main main.go:29", "@main", NULL);
    struct sim_population_spec stations = {
        .name = "stations",
        .n_members = 1,
        .n_goroutines = 2,
        .n_start = STATIONS,
        .global = "main.stations",
        .global_type = "[]*main.Station",
    };
    stations.members[0] =
        (struct sim_member){asked, 9000, 1, "main.Station", -1};
    stations.goroutines[0].poses[0] = (struct sim_pose){
        "IO wait", sim_stack(w, "@persist-read-idle", NULL), 1};
    stations.goroutines[0].n_poses = 1;
    stations.goroutines[0].created_by = "@by-dial-read";
    stations.goroutines[1].poses[0] =
        (struct sim_pose){"select", sim_stack(w, "@persist-write", NULL), 1};
    stations.goroutines[1].n_poses = 1;
    stations.goroutines[1].created_by = "@by-dial-write";
    stations.goroutines[1].has_sudog = true;
    stations.life = (struct sim_life){.kind = SIM_FOREVER};
    sim_population(w, &stations);
}

static void build(struct sim_world *w)
{
    add_upstream(w);
    const sim_stack_id read =
        sim_stack(w, "@read-all", "main.(*Station).poll station.go:62",
                  "main.(*Weather).now weather.go:44", "@http-handler", NULL);
    struct sim_population_spec reports = {
        .name = "reports",
        .n_members = 1,
        .per_second = 20,
        .n_start = 1200,
        .global = "main.reports",
        .global_type = "[]*main.Report",
    };
    reports.members[0] = (struct sim_member){read, 8192, 1, "[]uint8", -1};
    reports.life =
        (struct sim_life){.kind = SIM_FIXED, .mean_s = 60, .spread_s = 15};
    sim_population(w, &reports);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal",
                          "main.(*Weather).now weather.go:51", "@http-handler",
                          NULL),
                2048, 150);
    sim_http_server(w, SUBSCRIBERS);
}

const struct sim_scenario sim_scenario_idle_keepalive = {
    .name = "idle-keepalive",
    .number = "C10",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "thousands of idle keep-alive connections, a constant",
    .service = "weather",
    .hold = "connections of 3000 clients and to 300 stations",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
