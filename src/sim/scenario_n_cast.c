/*
 * Leak L4: four carriers are asked at once and the first offer wins. The other
 * three goroutines wait to hand over theirs, each time.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define ASK     "main.(*Agent).ask agent.go:44"
#define FARE    "main.(*Agent).Cheapest agent.go:36", HANDLER
#define HANDLER "main.(*API).fare api.go:58", "@http-handler"

static const char lesson_leaks[] =
    "Four goroutines send and one receive takes the first offer. The\n"
    "channel has no buffer, so the other three sends wait for receivers\n"
    "that will never come. No error and no odd input is needed: each\n"
    "request leaks three goroutines, which makes this one of the fastest\n"
    "leaks there are.";

static const char lesson_code[] =
    "func (a *Agent) Cheapest(r Route) Offer {\n"
    "\toffers := make(chan Offer)\n"
    "\tfor _, c := range a.carriers {\n"
    "\t\tgo a.ask(c, r, offers)\n"
    "\t}\n"
    "\treturn <-offers // the first wins, the others wait for ever\n"
    "}\n"
    "\n"
    "func (a *Agent) ask(c Carrier, r Route, offers chan<- Offer) {\n"
    "\toffers <- c.Quote(r)\n"
    "}";

static const char lesson_fix[] =
    "func (a *Agent) Cheapest(r Route) Offer {\n"
    "\toffers := make(chan Offer, len(a.carriers)) // room for all\n"
    "\tfor _, c := range a.carriers {\n"
    "\t\tgo a.ask(c, r, offers)\n"
    "\t}\n"
    "\treturn <-offers\n"
    "}";

static const char lesson_shows[] =
    "runtime.chansend1 called by main.(*Agent).ask gains about 40\n"
    "goroutines a minute, in threes: their number divided by the requests\n"
    "served is the number of carriers less one. Dumps show runs of\n"
    "goroutine ids close together, all \"chan send\", created by\n"
    "main.(*Agent).Cheapest in goroutines that have long gone. The\n"
    "goroutineleak profile proves them.";

static const char lesson_cannot[] =
    "The profile does not count requests, so the factor three has to be\n"
    "read from the dump. Where answers come out of a cache, as most do\n"
    "here, growth per request looks slower than it is.";

static struct sim_goroutine_spec asker(struct sim_world *w, bool is_leak)
{
    const sim_stack_id stack =
        is_leak ? sim_stack(w, "@chan-send", ASK, NULL)
                : sim_stack(w, "@net-read",
                            "main.(*carrier).Quote carrier.go:61", ASK, NULL);
    return (struct sim_goroutine_spec){
        .poses[0] = {is_leak ? "chan send" : "IO wait", stack, 1.0},
        .n_poses = 1,
        .created_by = "main.(*Agent).Cheapest agent.go:38",
        .is_provable = is_leak,
        .has_sudog = is_leak,
    };
}

static void build_losers(struct sim_world *w, sim_stack_id quote)
{
    struct sim_population_spec p = {
        .name = "losing offers",
        .per_second = 0.22,
        .is_leak = true,
    };
    p.members[p.n_members++] = (struct sim_member){sim_stack(w, FARE, NULL), 96,
                                                   1, "chan main.Offer", -1};
    p.members[p.n_members++] =
        (struct sim_member){quote, 704, 3, "main.Offer", -1};
    p.members[p.n_members++] = (struct sim_member){quote, 64, 9, "string", 1};
    for (unsigned i = 0; i < 3; i++) {
        p.goroutines[p.n_goroutines++] = asker(w, true);
    }
    sim_population(w, &p);
}

static void build_questions(struct sim_world *w, sim_stack_id quote)
{
    struct sim_population_spec p = {
        .name = "questions",
        .per_second = 0.88,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.6,
    };
    p.members[p.n_members++] =
        (struct sim_member){quote, 704, 1, "main.Offer", -1};
    p.goroutines[p.n_goroutines++] = asker(w, false);
    sim_population(w, &p);
}

/* Most fares are known: they come from a cache that keeps an hour's. */
static void build_cache(struct sim_world *w)
{
    struct sim_population_spec p = {
        .name = "known fares",
        .per_second = 0.22,
        .n_start = 790,
        .life.kind = SIM_FIXED,
        .life.mean_s = 3600.0,
        .container.kind = SIM_MAP,
        .container.stack = sim_stack(
            w, "@map-assign-faststr", "main.(*fareCache).put cache.go:41",
            "main.(*API).fare api.go:61", "@http-handler", NULL),
        .container.key_bytes = 16,
        .container.elem_bytes = 8,
        .global = "main.fares",
        .global_type = "map[string]*main.Offer",
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "main.(*fareCache).put cache.go:40",
                  "main.(*API).fare api.go:61", "@http-handler", NULL),
        640, 1, "main.Offer", -1};
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    const sim_stack_id quote = sim_stack(
        w, "@json-decode", "main.(*carrier).Quote carrier.go:66", ASK, NULL);
    sim_http_server(w, 40);
    build_losers(w, quote);
    build_questions(w, quote);
    build_cache(w);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal", "main.(*API).fare api.go:66",
                          "@http-handler", NULL),
                1200, 22.0);
}

const struct sim_scenario sim_scenario_n_cast = {
    .name = "n-cast",
    .number = "L4",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "many are asked and only the first answer is taken",
    .service = "fares",
    .hold = "goroutines blocked on send of the second and later offers, which "
            "nobody takes",
    .culprits[0] = "main.(*Agent).ask",
    .culprits[1] = "main.(*Agent).Cheapest",
    .culprits[2] = "main.(*API).fare",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
