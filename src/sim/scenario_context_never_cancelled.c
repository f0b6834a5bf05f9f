/*
 * Leak L18: a context is derived from one that lives as long as the process
 * and its cancel function is dropped, so the parent keeps it as a child for
 * ever.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define TRIPS   "acme.dev/dispatch/internal/trips."
#define OPEN    TRIPS "(*Desk).Open desk.go:48"
#define HANDLER "main.serveTrip trip.go:33", "@http-handler"

static const char lesson_leaks[] =
    "A cancellable parent keeps a map of its children, to pass on the\n"
    "cancellation. A child leaves that map when it is cancelled, and only\n"
    "then. Here the cancel function is thrown away, so each trip leaves a\n"
    "child behind in the map of a context that lives as long as the server,\n"
    "with everything the child can reach: values, and its Done channel.";

static const char lesson_code[] =
    "var serving, stop = context.WithCancel(context.Background())\n"
    "\n"
    "func (d *Desk) Open(r *http.Request) *Trip {\n"
    "\tctx := context.WithValue(serving, traceKey, newTrace(r))\n"
    "\tctx, _ = context.WithCancel(ctx) // nobody can cancel it\n"
    "\treturn &Trip{desk: d, done: ctx.Done()}\n"
    "}";

static const char lesson_fix[] =
    "func (d *Desk) Open(r *http.Request) *Trip {\n"
    "\tctx := context.WithValue(serving, traceKey, newTrace(r))\n"
    "\tctx, cancel := context.WithCancel(ctx)\n"
    "\treturn &Trip{desk: d, done: ctx.Done(), close: cancel}\n"
    "}\n"
    "\n"
    "func (t *Trip) End() {\n"
    "\tt.close()\n"
    "}";

static const char lesson_shows[] =
    "Under trips.(*Desk).Open the frames context.WithCancel (80 bytes each),\n"
    "(*cancelCtx).Done (96, or 112 since Go 1.23), context.WithValue (48)\n"
    "and newTrace (256) grow in equal counts and nothing is freed.\n"
    "propagateCancel grows in steps: it is the parent's map of children, the\n"
    "mark of a lost cancel. A heap dump finds them all below the map of\n"
    "trips.serving.";

static const char lesson_cannot[] =
    "A profile does not name the parent, so it cannot say why the children\n"
    "stay. The Trip itself is made by the same function and does die: not\n"
    "all that Open allocates leaks. `go vet` (lostcancel) sees the cause.";

/* A channel without buffer: runtime.hchan got a word for timers in 1.23. */
static uint64_t channel_bytes(const struct sim_world *w)
{
    return sim_world_go(w) >= SIM_GO_1_23 ? 104 : 96;
}

static void build_leak(struct sim_world *w)
{
    const sim_stack_id cancel =
        sim_stack(w, "@context-with-cancel", OPEN, HANDLER, NULL);
    const sim_stack_id done = sim_stack(
        w, "@context-done", TRIPS "(*Desk).Open desk.go:49", HANDLER, NULL);
    const sim_stack_id value =
        sim_stack(w, "@context-with-value", TRIPS "(*Desk).Open desk.go:47",
                  HANDLER, NULL);
    const sim_stack_id trace =
        sim_stack(w, TRIPS "newTrace trace.go:22",
                  TRIPS "(*Desk).Open desk.go:47", HANDLER, NULL);
    const sim_stack_id children =
        sim_stack(w, "@context-propagate", OPEN, HANDLER, NULL);
    const struct sim_population_spec contexts_nobody_cancels = {
        .name = "contexts nobody cancels",
        .members[0] = sim_object(cancel, 80, "context.cancelCtx", -1),
        .members[1] = sim_object(done, channel_bytes(w), "chan struct {}", 0),
        .members[2] = sim_object(value, 48, "context.valueCtx", 0),
        .members[3] = sim_object(trace, 256, "trips.Trace", 2),
        .n_members = 4,
        .per_second = 70,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_MAP,
        .container.stack = children,
        .container.key_bytes = 16,
        .global = TRIPS "serving",
        .global_type = "context.Context",
        .is_leak = true,
    };
    sim_population(w, &contexts_nobody_cancels);
}

/* Trips end and are freed; quotes cancel their contexts as they should. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id trip =
        sim_stack(w, TRIPS "(*Desk).Open desk.go:49", HANDLER, NULL);
    const sim_stack_id quote =
        sim_stack(w, "@context-with-cancel", TRIPS "(*Desk).Quote desk.go:71",
                  "main.serveQuote quote.go:25", "@http-handler", NULL);
    const sim_stack_id offers = sim_stack(
        w, TRIPS "(*Desk).offers desk.go:90", TRIPS "(*Desk).Quote desk.go:74",
        "main.serveQuote quote.go:25", "@http-handler", NULL);
    const struct sim_population_spec trips_under_way = {
        .name = "trips under way",
        .members[0] = sim_object(trip, 384, "trips.Trip", -1),
        .n_members = 1,
        .per_second = 70,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 45,
        .n_start = 3150,
        .global = TRIPS "open",
        .global_type = "map[string]*trips.Trip",
    };
    sim_population(w, &trips_under_way);
    const struct sim_population_spec quotes = {
        .name = "quotes",
        .members[0] = sim_object(quote, 80, "context.cancelCtx", -1),
        .members[1] = sim_object(offers, 2048, "[]trips.Offer", -1),
        .n_members = 2,
        .per_second = 90,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.15,
    };
    sim_population(w, &quotes);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_garbage(w, "positions",
                sim_stack(w, "@json-decode", "main.servePosition trip.go:60",
                          "@http-handler", NULL),
                128, 150);
    sim_http_server(w, 60);
}

const struct sim_scenario sim_scenario_context_never_cancelled = {
    .name = "context-never-cancelled",
    .number = "L18",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "contexts whose cancel function was dropped",
    .service = "dispatch",
    .hold = "children map of acme.dev/dispatch/internal/trips.serving",
    .culprits = {TRIPS "(*Desk).Open", TRIPS "newTrace"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
