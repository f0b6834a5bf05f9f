/*
 * The bucket array of a large map: it doubles as the map fills, in ever larger
 * steps, and then never shrinks. The map reaches its fixed size early in the
 * window; its entries turn over after that and the array stays.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The router learns half a million prefixes from its peers and then only\n"
    "exchanges them. Until it knows them all the map doubles its buckets\n"
    "again and again, each step as large as all before it; afterwards old\n"
    "entries make room for new ones in the same buckets.";

static const char lesson_code[] =
    "func (t *Table) learn(p uint64, via NextHop) {\n"
    "\tt.mu.Lock()\n"
    "\tdefer t.mu.Unlock()\n"
    "\thop := new(NextHop)\n"
    "\t*hop = via\n"
    "\tt.routes[p] = hop // doubles at each power of two\n"
    "}\n"
    "\n"
    "func (p *Peer) run() {\n"
    "\tfor u, ok := p.next(); ok; u, ok = p.next() {\n"
    "\t\tp.table.forget(u.withdrawn)\n"
    "\t\tp.update(u)\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "A few huge blocks at the line of the assignment: a stair of two to the\n"
    "n, then flat for the rest of the window. With Swiss maps, since Go\n"
    "1.24, many equal tables take the place of the doubling block. A map\n"
    "that leaks keeps climbing, step after step.";

static const char lesson_cannot[] =
    "How full the map is. Buckets are never given back, so a map that was\n"
    "emptied looks the same as a full one.";

enum { PREFIXES = 500000 };

static double known_prefixes(const struct sim_world *w, double t_s)
{
    const double x = t_s / (0.3 * sim_window_s(w));
    return PREFIXES * (x < 1 ? x : 1.0);
}

static void build(struct sim_world *w)
{
    const sim_stack_id inserted = sim_stack(
        w, "@map-assign-fast64", "main.(*Table).learn table.go:52",
        "main.(*Peer).update peer.go:71", "main.(*Peer).run peer.go:40", NULL);
    const sim_stack_id learned = sim_stack(w, "main.(*Table).learn table.go:51",
                                           "main.(*Peer).update peer.go:71",
                                           "main.(*Peer).run peer.go:40", NULL);
    struct sim_population_spec prefixes = {
        .name = "prefixes",
        .n_members = 1,
        .ignores_load = true,
        .target = known_prefixes,
        .global = "main.table",
        .global_type = "map[uint64]*main.NextHop",
    };
    prefixes.members[0] =
        (struct sim_member){learned, 16, 1, "main.NextHop", -1};
    prefixes.life =
        (struct sim_life){.kind = SIM_TARGET, .mean_s = sim_window_s(w) / 3};
    prefixes.container = (struct sim_container){SIM_MAP, inserted, 8, 32};
    sim_population(w, &prefixes);
    sim_workers(w, "peers", "IO wait",
                sim_stack(w, "@net-read", "main.(*Peer).next peer.go:58",
                          "main.(*Peer).run peer.go:38", NULL),
                "main.(*Router).start router.go:27", 12);
    sim_garbage(w, "updates",
                sim_stack(w, "main.(*Peer).next peer.go:55",
                          "main.(*Peer).run peer.go:38", NULL),
                4096, 250);
    sim_http_server(w, 5);
}

const struct sim_scenario sim_scenario_map_staircase = {
    .name = "map-staircase",
    .number = "C14",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a map doubles its buckets up to a fixed size, early",
    .service = "router",
    .hold = "buckets of map main.table, half a million entries",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
