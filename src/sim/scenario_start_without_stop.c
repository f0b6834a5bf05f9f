/*
 * Leak L6: an object with a background loop of its own. Start begins the loop,
 * Stop would end it, and one of the two callers forgets Stop. The object is
 * unreachable for everyone but its own goroutine.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define USAGE "acme.dev/metering/internal/usage."
#define OPEN  "main.(*API).open api.go:71", "@http-handler"
#define AUDIT "main.(*API).audit api.go:94", "@http-handler"

static const char lesson_leaks[] =
    "A goroutine is a root: what its stack refers to stays alive. The loop\n"
    "refers to its reporter, so dropping the last other reference to the\n"
    "reporter frees nothing, and no finalizer will ever call Stop. Whoever\n"
    "calls Start owes a Stop; open does not pay.";

static const char lesson_code[] =
    "func (a *API) open(w http.ResponseWriter, req *http.Request) {\n"
    "\tr := usage.NewReporter(req.PathValue(\"tenant\"))\n"
    "\tr.Start()\n"
    "\ta.stream(w, req, r) // and never r.Stop()\n"
    "}\n"
    "\n"
    "func (r *Reporter) Start() { go r.loop() }\n"
    "func (r *Reporter) Stop()  { close(r.done) }\n"
    "\n"
    "func (r *Reporter) loop() {\n"
    "\tfor {\n"
    "\t\tselect {\n"
    "\t\tcase e := <-r.events:\n"
    "\t\t\tr.batch = append(r.batch, e)\n"
    "\t\tcase <-r.done:\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func (a *API) open(w http.ResponseWriter, req *http.Request) {\n"
    "\tr := usage.NewReporter(req.PathValue(\"tenant\"))\n"
    "\tr.Start()\n"
    "\tdefer r.Stop()\n"
    "\ta.stream(w, req, r)\n"
    "}";

static const char lesson_shows[] =
    "runtime.selectgo called by (*Reporter).loop: 24 more a minute, in\n"
    "dumps \"select\" with rising minutes, created by (*Reporter).Start. The\n"
    "heap grows by about 280 KiB a minute in usage.NewReporter (the event\n"
    "channel and the batch), as many objects as goroutines. Both channels\n"
    "are reachable from the loop alone, so the goroutineleak profile proves\n"
    "it.";

static const char lesson_cannot[] =
    "A loop that waits in a select is what every healthy background task\n"
    "looks like, and the creator on record is Start, which is the same for\n"
    "both callers. The caller that forgot Stop has to be found in the code.";

static void build_reporters(struct sim_world *w, const char *name,
                            double per_second, sim_stack_id made, bool is_leak)
{
    const struct sim_pose waits = {
        "select",
        sim_stack(w, "@select", USAGE "(*Reporter).loop reporter.go:58", NULL),
        1.0};
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 25.0,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){made, 240, 1, "usage.Reporter", -1};
    /* 64 events of 48 bytes behind the channel's own 96. */
    p.members[p.n_members++] =
        (struct sim_member){made, 3168, 1, "chan usage.Event", 0};
    p.members[p.n_members++] =
        (struct sim_member){made, 96, 1, "chan struct {}", 0};
    p.members[p.n_members++] =
        (struct sim_member){made, 8192, 1, "[]usage.Event", 0};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = USAGE "(*Reporter).Start reporter.go:49",
        .is_provable = is_leak,
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 36);
    build_reporters(
        w, "audits", 1.1,
        sim_stack(w, USAGE "NewReporter reporter.go:38", AUDIT, NULL), false);
    build_reporters(
        w, "open tenants", 0.4,
        sim_stack(w, USAGE "NewReporter reporter.go:38", OPEN, NULL), true);
    sim_garbage(w, "events",
                sim_stack(w, "@json-unmarshal", "main.(*API).stream api.go:83",
                          OPEN, NULL),
                480, 60.0);
}

const struct sim_scenario sim_scenario_start_without_stop = {
    .name = "start-without-stop",
    .number = "L6",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "background loop is started and never stopped",
    .service = "metering",
    .hold = "goroutine of (*Reporter).loop whose done channel is never closed: "
            "Stop is not called",
    .culprits[0] = "acme.dev/metering/internal/usage.(*Reporter).loop",
    .culprits[1] = "acme.dev/metering/internal/usage.(*Reporter).Start",
    .culprits[2] = "acme.dev/metering/internal/usage.NewReporter",
    .culprits[3] = "main.(*API).open",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
