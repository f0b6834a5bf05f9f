/*
 * Every third look repeats the one before it, byte for byte: a proxy's cache,
 * or a heap profile of a process that has not collected since. Ten looks of
 * such a series are not ten observations.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does. The profiles are fetched through a proxy that answers\n"
    "some requests from its cache, so the same bytes arrive twice. Chance\n"
    "steps of a level series get more weight than they have.";

static const char lesson_code[] =
    "func (s *Shelf) reserve(id int) Reservation {\n"
    "\tr := request{id: id, done: make(chan Reservation)}\n"
    "\ts.requests <- r\n"
    "\treturn <-r.done\n"
    "}\n"
    "\n"
    "func (s *Shelf) run() {\n"
    "\tfor r := range s.requests {\n"
    "\t\tr.done <- s.take(r.id)\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Two looks with the same time stamp and the same values. The second says\n"
    "nothing new and has to be left out before anything is tested.";

static const char lesson_cannot[] =
    "What happened in the time for which there is a copy instead of a look.";

static void add_stock(struct sim_world *w)
{
    const sim_stack_id loaded = sim_stack(
        w, "main.(*Stock).load stock.go:59", "main.(*Stock).item stock.go:44",
        "main.(*Inventory).show inventory.go:38", "@http-handler", NULL);
    const sim_stack_id linked = sim_stack(
        w, "@list-push", "main.(*Stock).item stock.go:47",
        "main.(*Inventory).show inventory.go:38", "@http-handler", NULL);
    struct sim_population_spec items = {
        .name = "items",
        .n_members = 2,
        .per_second = 50,
        .n_start = 5000,
        .global = "main.items",
        .global_type = "*list.List",
    };
    items.members[0] = (struct sim_member){linked, 48, 1, "list.Element", -1};
    items.members[1] = (struct sim_member){loaded, 3800, 1, "main.Item", 0};
    items.life = (struct sim_life){.kind = SIM_QUEUE, .capacity = 5000};
    items.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &items);
}

static void add_reservations(struct sim_world *w)
{
    const sim_stack_id waits = sim_stack(
        w, "@chan-receive", "main.(*Shelf).reserve shelf.go:71",
        "main.(*Inventory).reserve inventory.go:66", "@http-handler", NULL);
    const sim_stack_id asked = sim_stack(
        w, "main.(*Shelf).reserve shelf.go:66",
        "main.(*Inventory).reserve inventory.go:66", "@http-handler", NULL);
    struct sim_population_spec reservations = {
        .name = "reservations",
        .n_members = 1,
        .n_goroutines = 1,
        .per_second = 30,
        .n_start = 60,
    };
    reservations.members[0] =
        (struct sim_member){asked, 1024, 1, "main.Reservation", -1};
    reservations.goroutines[0].poses[0] =
        (struct sim_pose){"chan receive", waits, 1};
    reservations.goroutines[0].n_poses = 1;
    reservations.goroutines[0].created_by = "@by-server";
    reservations.goroutines[0].has_sudog = true;
    reservations.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 2};
    sim_population(w, &reservations);
}

static void build(struct sim_world *w)
{
    sim_quirks(w)->duplicate_every = 3;
    add_stock(w);
    add_reservations(w);
    sim_workers(
        w, "shelves", "chan receive",
        sim_stack(w, "@chan-receive2", "main.(*Shelf).run shelf.go:43", NULL),
        "main.newShelf shelf.go:31", 24);
    sim_http_server(w, 35);
}

const struct sim_scenario sim_scenario_duplicate_snapshot = {
    .name = "duplicate-snapshot",
    .number = "C18",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "every third snapshot repeats the one before it",
    .service = "inventory",
    .hold = "none: items and reservations turn over",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
