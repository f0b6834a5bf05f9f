/*
 * The pure null: a shop where nothing drifts. Sessions, requests and cached
 * pages come and go around a level that was reached before the first look, so
 * whatever is reported here is noise taken for a leak.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does. Sessions expire as fast as they are opened, the page\n"
    "cache is full and pushes one page out for each it takes in, requests\n"
    "last half a second. The figures move from look to look because the\n"
    "profiler sees one object of about 512 KiB and visitors come at random.";

static const char lesson_code[] =
    "func (s *Sessions) open(id string) *Session {\n"
    "\tv := &Session{basket: make([]byte, 0, 3000)}\n"
    "\ts.mu.Lock()\n"
    "\tsessions[id] = v\n"
    "\ts.mu.Unlock()\n"
    "\ttime.AfterFunc(idle(), func() { s.close(id) })\n"
    "\treturn v\n"
    "}\n"
    "\n"
    "func (p *Pages) get(id string) *Page {\n"
    "\tpage := p.render(id)\n"
    "\tp.byID[id] = p.order.PushBack(page)\n"
    "\tif p.order.Len() > 4000 {\n"
    "\t\tp.drop(p.order.Front())\n"
    "\t}\n"
    "\treturn page\n"
    "}";

static const char lesson_shows[] =
    "Counts that wander by about the root of their samples and come back. As\n"
    "much is freed as is allocated at every site, and no goroutine of the\n"
    "first look is still there at the last, the workers apart.";

static const char lesson_cannot[] =
    "That there is no leak below the limit of sampling: growth of less than\n"
    "some nine samples, 4 to 5 MB at the default rate, drowns in this noise.";

static void add_sessions(struct sim_world *w)
{
    const sim_stack_id opened =
        sim_stack(w, "main.(*Sessions).open sessions.go:41",
                  "main.(*Shop).visit shop.go:33", "@http-handler", NULL);
    const sim_stack_id inserted = sim_stack(
        w, "@map-assign-faststr", "main.(*Sessions).open sessions.go:46",
        "main.(*Shop).visit shop.go:33", "@http-handler", NULL);
    struct sim_population_spec sessions = {
        .name = "sessions",
        .n_members = 2,
        .per_second = 25,
        .n_start = 1000,
        .global = "main.sessions",
        .global_type = "map[string]*main.Session",
    };
    sessions.members[0] =
        (struct sim_member){opened, 256, 1, "main.Session", -1};
    sessions.members[1] = (struct sim_member){opened, 3000, 1, "[]uint8", 0};
    sessions.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 40};
    sessions.container = (struct sim_container){SIM_MAP, inserted, 16, 8};
    sim_population(w, &sessions);
}

static void add_pages(struct sim_world *w)
{
    const sim_stack_id rendered = sim_stack(
        w, "main.(*Pages).render pages.go:72", "main.(*Pages).get pages.go:50",
        "main.(*Shop).product shop.go:61", "@http-handler", NULL);
    const sim_stack_id linked =
        sim_stack(w, "@list-push", "main.(*Pages).get pages.go:55",
                  "main.(*Shop).product shop.go:61", "@http-handler", NULL);
    struct sim_population_spec pages = {
        .name = "pages",
        .n_members = 3,
        .per_second = 40,
        .n_start = 4000,
        .global = "main.pages",
        .global_type = "*list.List",
    };
    pages.members[0] = (struct sim_member){linked, 48, 1, "list.Element", -1};
    pages.members[1] = (struct sim_member){rendered, 64, 1, "main.Page", 0};
    pages.members[2] = (struct sim_member){rendered, 5800, 1, "[]uint8", 1};
    pages.life = (struct sim_life){.kind = SIM_QUEUE, .capacity = 4000};
    pages.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &pages);
}

static void add_requests(struct sim_world *w)
{
    const sim_stack_id waits =
        sim_stack(w, "@net-read", "main.(*Store).fetch store.go:88",
                  "main.(*Shop).product shop.go:58", "@http-handler", NULL);
    const sim_stack_id decoded =
        sim_stack(w, "main.(*Store).fetch store.go:81",
                  "main.(*Shop).product shop.go:58", "@http-handler", NULL);
    struct sim_population_spec requests = {
        .name = "requests",
        .n_members = 1,
        .n_goroutines = 1,
        .per_second = 40,
        .n_start = 24,
    };
    requests.members[0] = (struct sim_member){decoded, 16384, 1, "[]uint8", -1};
    requests.goroutines[0].poses[0] = (struct sim_pose){"IO wait", waits, 1};
    requests.goroutines[0].n_poses = 1;
    requests.goroutines[0].created_by = "@by-server";
    requests.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 0.6};
    sim_population(w, &requests);
}

static void build(struct sim_world *w)
{
    add_sessions(w);
    add_pages(w);
    add_requests(w);
    sim_workers(w, "couriers", "chan receive",
                sim_stack(w, "@chan-receive2",
                          "main.(*Courier).run courier.go:29", NULL),
                "main.NewCouriers courier.go:18", 8);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal", "main.(*Shop).product shop.go:66",
                          "@http-handler", NULL),
                4096, 120);
    sim_http_server(w, 40);
}

const struct sim_scenario sim_scenario_steady = {
    .name = "steady",
    .number = "C0",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "nothing drifts: sessions, pages, requests, workers",
    .service = "storefront",
    .hold = "none: everything turns over around a constant level",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
