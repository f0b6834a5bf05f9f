/*
 * Results that are kept for a fixed time, in a process younger than that time.
 * Nothing is dropped before the first results are old enough, which is when
 * the window ends.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Results of builds can be asked for during a day and are then dropped.\n"
    "The process was started less than a day ago, so there is nothing old\n"
    "enough yet. From the second day on as many go as come.";

static const char lesson_code[] =
    "const retention = 24 * time.Hour\n"
    "\n"
    "func (a *Archive) keep(log []byte) {\n"
    "\tr := &Result{log: log, at: time.Now()}\n"
    "\ta.mu.Lock()\n"
    "\tdefer a.mu.Unlock()\n"
    "\ta.results.PushBack(r)\n"
    "\tfor e := a.results.Front(); e != nil; e = a.results.Front() {\n"
    "\t\tif time.Since(e.Value.(*Result).at) < retention {\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t\ta.results.Remove(e)\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "A straight line, with not one object freed of those that were ever\n"
    "allocated at the site. In a window twice as long the line breaks off\n"
    "and is level.";

static const char lesson_cannot[] =
    "The constant 24 hours. Before that time has passed once, a limit that\n"
    "works and a limit that is missing look the same.";

enum { RESULTS = 5000 };

static void build(struct sim_world *w)
{
    const sim_stack_id logged =
        sim_stack(w, "@bytes-grow", "main.(*Build).record build.go:83",
                  "main.(*Runner).run runner.go:57", NULL);
    const sim_stack_id finished =
        sim_stack(w, "main.(*Archive).keep archive.go:40",
                  "main.(*Runner).run runner.go:64", NULL);
    const double window_s = sim_window_s(w);
    struct sim_population_spec results = {
        .name = "results",
        .n_members = 2,
        .per_second = RESULTS / window_s,
        .global = "main.archive",
        .global_type = "*list.List",
    };
    results.members[0] =
        (struct sim_member){finished, 512, 1, "main.Result", -1};
    results.members[1] = (struct sim_member){logged, 8192, 1, "[]uint8", 0};
    results.life = (struct sim_life){.kind = SIM_FIXED, .mean_s = window_s};
    results.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &results);
    sim_workers(w, "runners", "select",
                sim_stack(w, "@select", "main.(*Runner).next runner.go:38",
                          "main.(*Runner).run runner.go:51", NULL),
                "main.main main.go:44", 16);
    sim_garbage(w, "output",
                sim_stack(w, "@slicebytetostring",
                          "main.(*Build).step build.go:61",
                          "main.(*Runner).run runner.go:55", NULL),
                256, 2000);
    sim_http_server(w, 20);
}

const struct sim_scenario sim_scenario_retention_window = {
    .name = "retention-window",
    .number = "C20",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "results kept for a time as long as the window",
    .service = "builds",
    .hold = "list main.archive, results of one window's time",
    .undecidable =
        "the first entry is due to go when the window ends, so within it "
        "nothing is ever dropped, as in a leak",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
