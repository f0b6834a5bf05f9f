/*
 * A service without garbage collection. The heap profile is of the state that
 * the last collections left, so here it never changes after the first look,
 * while the process grows by all its garbage.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The program was started with GOGC=off to be free of pauses during\n"
    "trading, and is restarted every evening. The process grows by all it\n"
    "ever allocated, yet hardly any of it is reachable: one collection would\n"
    "free the rest.";

static const char lesson_code[] =
    "func main() {\n"
    "\tdebug.SetGCPercent(-1) // restarted at night instead\n"
    "\tloadCurves()\n"
    "\thttp.HandleFunc(\"/quote\", desk.quote)\n"
    "\tlog.Fatal(http.ListenAndServe(\":8080\", nil))\n"
    "}\n"
    "\n"
    "func (d *Desk) quote(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\tq := d.model.price(r) // throws its paths away\n"
    "\td.quotes[q.ID] = q\n"
    "\ttime.AfterFunc(validity, func() { d.expire(q.ID) })\n"
    "\twrite(w, q)\n"
    "}";

static const char lesson_shows[] =
    "HeapAlloc that climbs without end beside a heap profile that is the\n"
    "same in every look, and NumGC that stands still. A leak climbs in the\n"
    "profile as well, and across collections.";

static const char lesson_cannot[] =
    "What is reachable now: without a collection nobody has looked. Ask for\n"
    "the profile with gc=1 to get one.";

static void add_quotes(struct sim_world *w)
{
    const sim_stack_id priced =
        sim_stack(w, "main.(*Model).price model.go:83",
                  "main.(*Desk).quote desk.go:46", "@http-handler", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-fast64", "main.(*Desk).quote desk.go:49",
                  "@http-handler", NULL);
    struct sim_population_spec quotes = {
        .name = "quotes",
        .n_members = 2,
        .per_second = 60,
        .n_start = 1800,
        .global = "main.quotes",
        .global_type = "map[int]*main.Quote",
    };
    quotes.members[0] = (struct sim_member){priced, 208, 1, "main.Quote", -1};
    quotes.members[1] = (struct sim_member){priced, 4096, 1, "[]float64", 0};
    quotes.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 30};
    quotes.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &quotes);
}

static void add_curves(struct sim_world *w)
{
    const sim_stack_id loaded = sim_stack(
        w, "main.loadCurve curve.go:22", "main.loadCurves curve.go:14",
        "main.main main.go:27", "@main", NULL);
    sim_constant(w, "curves", loaded, 32768, 300);
}

static void build(struct sim_world *w)
{
    sim_quirks(w)->gc_is_off = true;
    add_quotes(w);
    add_curves(w);
    sim_workers(w, "feeds", "IO wait",
                sim_stack(w, "@net-read", "main.(*Feed).tick feed.go:52",
                          "main.(*Feed).run feed.go:38", NULL),
                "main.(*Feed).start feed.go:30", 6);
    sim_garbage(w, "paths",
                sim_stack(w, "@makeslice", "main.(*Model).simulate model.go:58",
                          "main.(*Model).price model.go:79",
                          "main.(*Desk).quote desk.go:46", "@http-handler",
                          NULL),
                8192, 90);
    sim_http_server(w, 20);
}

const struct sim_scenario sim_scenario_gc_off = {
    .name = "gc-off",
    .number = "C6",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "GOGC=off: the heap profile stands still, garbage stays",
    .service = "pricing",
    .hold = "garbage that nobody collects; reachable is little of it",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
