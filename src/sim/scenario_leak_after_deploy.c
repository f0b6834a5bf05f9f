/*
 * Leak L28: a new way through the code is switched on in the middle of the
 * window; from then on each request leaves a goroutine behind. Until then
 * there is nothing to see.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define FEATURES    "acme.dev/catalog/internal/features."
#define WATCH(line) FEATURES "(*Client).Watch client.go:" line
#define HANDLER     "main.serveSearch search.go:47", "@http-handler"

static const char lesson_leaks[] =
    "The new search watches its feature flag instead of reading it once:\n"
    "every request subscribes to changes and starts a goroutine that ranges\n"
    "over them. The subscription stays in the client's map, so the channel\n"
    "is never closed and the goroutine never ends. The code is deployed for\n"
    "weeks before the flag turns it on.";

static const char lesson_code[] =
    "func (c *Client) Watch(name string, use func(bool)) {\n"
    "\tch := make(chan bool, 1)\n"
    "\tc.mu.Lock()\n"
    "\tc.watchers[ch] = name\n"
    "\tc.mu.Unlock()\n"
    "\tgo func() {\n"
    "\t\tfor on := range ch {\n"
    "\t\t\tuse(on)\n"
    "\t\t}\n"
    "\t}()\n"
    "}";

static const char lesson_fix[] =
    "func (c *Client) Watch(name string, use func(bool)) (stop func()) {\n"
    "\tch := make(chan bool, 1)\n"
    "\t// add it, start the goroutine, as before\n"
    "\treturn func() {\n"
    "\t\tc.mu.Lock()\n"
    "\t\tdelete(c.watchers, ch)\n"
    "\t\tc.mu.Unlock()\n"
    "\t\tclose(ch) // ends the range\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Goroutines in features.(*Client).Watch.func1, created by Watch, are\n"
    "none until the switch and rise by 2.5 a second after it. Their waits in\n"
    "a debug=2 dump begin at the switch, none earlier: that dates the\n"
    "cause. The heap grows little beside them.";

static const char lesson_cannot[] =
    "A series that ends soon after the switch sees a step, as a pool of\n"
    "workers makes when it starts. The goroutineleak profile stays empty:\n"
    "the channels can be reached from the client, a global.";

/* Nothing before the middle of the window. */
static double after_switch(const struct sim_world *w, double t_s)
{
    return t_s < sim_window_s(w) / 2 ? 0.0 : 1.0;
}

static void build_leak(struct sim_world *w)
{
    const sim_stack_id wait =
        sim_stack(w, "@chan-receive2",
                  FEATURES "(*Client).Watch.func1 client.go:79", NULL);
    const sim_stack_id channel = sim_stack(w, WATCH("74"), HANDLER, NULL);
    const sim_stack_id closure = sim_stack(w, WATCH("78"), HANDLER, NULL);
    const sim_stack_id map =
        sim_stack(w, "@map-assign-fast64", WATCH("76"), HANDLER, NULL);
    const struct sim_population_spec watchers = {
        .name = "watchers of a flag",
        .members[0] = sim_object(channel, 112, "chan bool", -1),
        .members[1] = sim_object(closure, 24, "func()", -1),
        .n_members = 2,
        .goroutines[0].poses[0].wait = "chan receive",
        .goroutines[0].poses[0].stack = wait,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = WATCH("78"),
        .goroutines[0].has_sudog = true,
        .n_goroutines = 1,
        .per_second = 2.5,
        .rate = after_switch,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_MAP,
        .container.stack = map,
        .container.key_bytes = 8,
        .container.elem_bytes = 16,
        .global = "main.flags",
        .global_type = "*features.Client",
        .is_leak = true,
    };
    sim_population(w, &watchers);
}

/* Watchers as they were meant: a few, from start-up on. And what a search
   needs while it runs. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id wait =
        sim_stack(w, "@chan-receive2",
                  FEATURES "(*Client).Watch.func1 client.go:79", NULL);
    const sim_stack_id hits =
        sim_stack(w, "main.(*index).find index.go:102",
                  "main.serveSearch search.go:51", "@http-handler", NULL);
    const sim_stack_id page =
        sim_stack(w, "main.(*pages).put pages.go:38",
                  "main.serveSearch search.go:63", "@http-handler", NULL);
    const struct sim_population_spec searches = {
        .name = "searches",
        .members[0] = sim_object(hits, 6 << 10, "[]main.hit", -1),
        .n_members = 1,
        .per_second = 30,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.2,
    };
    const struct sim_population_spec pages = {
        .name = "pages of results",
        .members[0] = sim_object(page, 4 << 10, "main.page", -1),
        .n_members = 1,
        .per_second = 9,
        .life.kind = SIM_QUEUE,
        .life.capacity = 1500,
        .n_start = 1500,
        .global = "main.results",
        .global_type = "*main.pages",
    };
    sim_workers(w, "watchers of start-up", "chan receive", wait, WATCH("78"),
                6);
    sim_population(w, &searches);
    sim_population(w, &pages);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_garbage(w, "search answers",
                sim_stack(w, "@json-marshal", "main.serveSearch search.go:66",
                          "@http-handler", NULL),
                3072, 30);
    sim_http_server(w, 35);
}

const struct sim_scenario sim_scenario_leak_after_deploy = {
    .name = "leak-after-deploy",
    .number = "L28",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "a goroutine a request, from mid-window on",
    .service = "catalog",
    .hold = "goroutines ranging over channels in main.flags.watchers",
    .culprits = {FEATURES "(*Client).Watch.func1", FEATURES "(*Client).Watch"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
