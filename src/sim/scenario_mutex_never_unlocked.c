/*
 * Leak L7: a reservation that fails returns without unlocking its shelf. From
 * then on every request for this shelf waits. Shelves jam one by one, so the
 * leak gathers speed until all of the popular ones are jammed.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define RESERVE "main.(*Shelf).Reserve shelf.go:27"
#define HANDLER "main.(*API).reserve api.go:52", "@http-handler"

static const char lesson_leaks[] =
    "Lock waits for as long as it takes. When a shelf is sold out, Reserve\n"
    "returns between Lock and Unlock, and nobody will ever unlock that\n"
    "mutex. Each later request for the shelf parks in Lock with its\n"
    "connection, its buffers and its decoded body, while requests for other\n"
    "shelves go on.";

static const char lesson_code[] = "func (s *Shelf) Reserve(n int) error {\n"
                                  "\ts.mu.Lock()\n"
                                  "\tif s.free < n {\n"
                                  "\t\treturn errSoldOut // still locked\n"
                                  "\t}\n"
                                  "\ts.free -= n\n"
                                  "\ts.mu.Unlock()\n"
                                  "\treturn nil\n"
                                  "}";

static const char lesson_fix[] = "func (s *Shelf) Reserve(n int) error {\n"
                                 "\ts.mu.Lock()\n"
                                 "\tdefer s.mu.Unlock() // on every way out\n"
                                 "\tif s.free < n {\n"
                                 "\t\treturn errSoldOut\n"
                                 "\t}\n"
                                 "\ts.free -= n\n"
                                 "\treturn nil\n"
                                 "}";

static const char lesson_shows[] =
    "The stack sync.(*Mutex).Lock called by main.(*Shelf).Reserve below\n"
    "net/http.(*conn).serve gains up to 60 goroutines a minute. Dumps say\n"
    "\"sync.Mutex.Lock\" (\"semacquire\" before Go 1.20), and none of them is\n"
    "inside the locked part: the holder has returned, which is how this\n"
    "differs from a mere queue. The heap grows by some 9 KiB for each,\n"
    "mostly the connection's two buffers.";

static const char lesson_cannot[] =
    "Who left the mutex locked is not on any stack. The mutex profile\n"
    "counts only waits that have ended, so it stays silent here. And since\n"
    "the shelves hang in a global map, the goroutineleak profile cannot\n"
    "exclude that someone unlocks them: it proves nothing.";

/* Share of the requests that meet a jammed shelf. */
static double jammed(const struct sim_world *w, double t_s)
{
    (void)w;
    return t_s < 150.0 ? t_s / 150.0 : 1.0;
}

static void build_stuck(struct sim_world *w)
{
    const struct sim_pose waits = {
        "sync.Mutex.Lock", sim_stack(w, "@mutex-lock", RESERVE, HANDLER, NULL),
        1.0};
    struct sim_population_spec p = {
        .name = "requests for jammed shelves",
        .per_second = 1.0,
        .rate = jammed,
        .is_leak = true,
    };
    /* What a connection in use keeps: its reader, its writer, the body. */
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@server-reader", NULL), 4096, 1, NULL, -1};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@server-writer", NULL), 4096, 1, NULL, -1};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@json-decode", "main.(*API).reserve api.go:46",
                  "@http-handler", NULL),
        576, 1, "main.Reservation", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = "@by-server",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

/* Clients give up after half a minute; until then their connection is read in
   the background. */
static void build_patience(struct sim_world *w)
{
    const struct sim_pose reads = {"IO wait",
                                   sim_stack(w, "@background-read", NULL), 1.0};
    struct sim_population_spec p = {
        .name = "clients who still wait",
        .per_second = 1.0,
        .rate = jammed,
        .life.kind = SIM_FIXED,
        .life.mean_s = 30.0,
        .life.spread_s = 3.0,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {reads},
        .n_poses = 1,
        .created_by = "@by-background-read",
    };
    sim_population(w, &p);
}

static void build_served(struct sim_world *w)
{
    const struct sim_pose writes = {
        "IO wait",
        sim_stack(w, "@net-read", "main.(*Ledger).append ledger.go:33",
                  "main.(*API).reserve api.go:57", "@http-handler", NULL),
        0.9};
    const struct sim_pose waits = {
        "sync.Mutex.Lock", sim_stack(w, "@mutex-lock", RESERVE, HANDLER, NULL),
        0.1};
    struct sim_population_spec p = {
        .name = "served requests",
        .per_second = 9.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.2,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {writes, waits},
        .n_poses = 2,
        .created_by = "@by-server",
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 60);
    build_stuck(w);
    build_patience(w);
    build_served(w);
    sim_constant(w, "shelves",
                 sim_stack(w, "main.loadShelves shelf.go:61",
                           "main.main main.go:24", "@main", NULL),
                 160, 12000);
}

const struct sim_scenario sim_scenario_mutex_never_unlocked = {
    .name = "mutex-never-unlocked",
    .number = "L7",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "error path returns with the lock still held",
    .service = "inventory",
    .hold = "request goroutines queue for the mutex of a shelf that a failed "
            "reservation left locked",
    .culprits[0] = "main.(*Shelf).Reserve",
    .culprits[1] = "main.(*API).reserve",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
