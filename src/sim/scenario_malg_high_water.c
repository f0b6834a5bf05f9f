/*
 * A burst of goroutines that is soon over. The runtime keeps their g structs
 * for later use, so runtime.malg stands at the high-water mark for ever:
 * growth in the heap profile that no code of the service can give back.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Once the crawler looks at twelve thousand sites at the same time, a\n"
    "goroutine for each. They end within seconds. The runtime keeps the g\n"
    "structs of ended goroutines and gives them to the next ones; it never\n"
    "frees them.";

static const char lesson_code[] =
    "func (c *Crawler) refresh(sites []string) {\n"
    "\tvar all sync.WaitGroup\n"
    "\tfor _, site := range sites {\n"
    "\t\tall.Add(1)\n"
    "\t\tgo func() {\n"
    "\t\t\tdefer all.Done()\n"
    "\t\t\tc.keep(fetch(site))\n"
    "\t\t}()\n"
    "\t}\n"
    "\tall.Wait()\n"
    "}";

static const char lesson_shows[] =
    "runtime.malg climbs with the burst and stays there, while the\n"
    "goroutines are gone from the next look on. It is a step, not a slope:\n"
    "another burst of the same size adds nothing.";

static const char lesson_cannot[] =
    "The burst itself, if it falls between two looks; then the step of malg\n"
    "is its only trace. And malg alone never shows a leak: what leaks\n"
    "goroutines has a goroutine profile.";

enum { FETCHES = 12000 };

/* From 19 % of the window on, for less than half an interval. */
static double fetches_running(const struct sim_world *w, double t_s)
{
    const double begin_s = 0.19 * sim_window_s(w);
    const double end_s = begin_s + 0.4 * sim_interval_s(w);
    return t_s >= begin_s && t_s < end_s ? FETCHES : 0;
}

static void build(struct sim_world *w)
{
    const sim_stack_id waits =
        sim_stack(w, "@net-read", "main.fetch fetch.go:48",
                  "main.(*Crawler).refresh.func1 crawler.go:69", NULL);
    const sim_stack_id begun =
        sim_stack(w, "main.fetch fetch.go:41",
                  "main.(*Crawler).refresh.func1 crawler.go:69", NULL);
    struct sim_population_spec fetches = {
        .name = "fetches",
        .n_members = 1,
        .n_goroutines = 1,
        .ignores_load = true,
        .target = fetches_running,
    };
    fetches.members[0] = (struct sim_member){begun, 2048, 1, "main.Page", -1};
    fetches.goroutines[0].poses[0] = (struct sim_pose){"IO wait", waits, 1};
    fetches.goroutines[0].n_poses = 1;
    fetches.goroutines[0].created_by = "main.(*Crawler).refresh crawler.go:68";
    fetches.life = (struct sim_life){.kind = SIM_TARGET};
    sim_population(w, &fetches);
    const sim_stack_id parsed = sim_stack(
        w, "main.parse parse.go:37", "main.(*Crawler).visit crawler.go:95",
        "main.(*Crawler).run crawler.go:51", NULL);
    struct sim_population_spec frontier = {
        .name = "frontier",
        .n_members = 1,
        .per_second = 50,
        .n_start = 4000,
        .global = "main.frontier",
        .global_type = "*list.List",
    };
    frontier.members[0] = (struct sim_member){parsed, 5000, 1, "main.Link", -1};
    frontier.life = (struct sim_life){.kind = SIM_QUEUE, .capacity = 4000};
    frontier.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &frontier);
    sim_workers(w, "crawlers", "IO wait",
                sim_stack(w, "@net-read", "main.fetch fetch.go:48",
                          "main.(*Crawler).visit crawler.go:90",
                          "main.(*Crawler).run crawler.go:51", NULL),
                "main.main main.go:36", 20);
    sim_http_server(w, 10);
}

const struct sim_scenario sim_scenario_malg_high_water = {
    .name = "malg-high-water",
    .number = "C15",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a burst of goroutines leaves their g structs behind",
    .service = "crawler",
    .hold = "the runtime's list of dead goroutines, for reuse",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
