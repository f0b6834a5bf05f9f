/*
 * A cache that fills and then only turns over. For the first third of the
 * window it looks exactly like a map that is never emptied; what tells them
 * apart is that its growth slows down and ends.
 */
#include "sim/model_private.h"
#include "sim/random_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The cache keeps every address it was asked for, and there is only a\n"
    "town's worth of them. After a start nearly every request brings a new\n"
    "one; later nearly none does. What grows is the warmth of the cache, and\n"
    "it ends by itself.";

static const char lesson_code[] =
    "func (g *Geocoder) lookup(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\taddress := r.FormValue(\"q\")\n"
    "\tplace, ok := places.find(address)\n"
    "\tif !ok {\n"
    "\t\tplace = places.store(address, g.ask(address))\n"
    "\t}\n"
    "\twrite(w, place)\n"
    "}\n"
    "\n"
    "// There are 30000 addresses in town; each is stored once.\n"
    "func (p *Places) store(address string, raw []byte) *Place {\n"
    "\tplace := &Place{raw: raw}\n"
    "\tp.byAddress[address] = place\n"
    "\treturn place\n"
    "}";

static const char lesson_shows[] =
    "Objects of main.(*Places).store that are hardly ever freed, as in a\n"
    "leak, but nearly all of the growth lies in the first half of the\n"
    "window: the rate of the second half is a small part of that of the\n"
    "first. A leak keeps its pace.";

static const char lesson_cannot[] =
    "Where the plateau will be while it still rises. A window shorter than\n"
    "about two and a half time constants cannot tell it from a leak; only a\n"
    "later look can.";

enum { PLACES = 30000 };

/* New addresses get rarer as more of them are known. */
static double known_places(const struct sim_world *w, double t_s)
{
    const double tau_s = sim_window_s(w) / 6;
    return PLACES * (1 - sim_exp(-t_s / tau_s));
}

static void build(struct sim_world *w)
{
    const sim_stack_id stored = sim_stack(
        w, "main.(*Places).store places.go:63",
        "main.(*Geocoder).lookup geocoder.go:48", "@http-handler", NULL);
    const sim_stack_id inserted = sim_stack(
        w, "@map-assign-faststr", "main.(*Places).store places.go:66",
        "main.(*Geocoder).lookup geocoder.go:48", "@http-handler", NULL);
    struct sim_population_spec places = {
        .name = "places",
        .n_members = 2,
        .target = known_places,
        .global = "main.places",
        .global_type = "map[string]*main.Place",
    };
    places.members[0] = (struct sim_member){stored, 96, 1, "main.Place", -1};
    places.members[1] = (struct sim_member){stored, 1700, 1, "[]uint8", 0};
    places.life =
        (struct sim_life){.kind = SIM_TARGET, .mean_s = sim_window_s(w)};
    places.container = (struct sim_container){SIM_MAP, inserted, 16, 8};
    sim_population(w, &places);
    sim_garbage(w, "queries",
                sim_stack(w, "@read-all", "main.(*Geocoder).ask geocoder.go:71",
                          "main.(*Geocoder).lookup geocoder.go:45",
                          "@http-handler", NULL),
                8192, 100);
    sim_http_server(w, 30);
}

const struct sim_scenario sim_scenario_cache_plateau = {
    .name = "cache-plateau",
    .number = "C1",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a cache that fills, slower and slower, to its plateau",
    .service = "geocoder",
    .hold = "map main.places, bounded by the addresses there are",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
