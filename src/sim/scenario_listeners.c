/*
 * Leak L21: every client that connects registers a listener on a bus, and
 * none is taken off when the client goes.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define SERVE(line) "main.(*Hub).serve hub.go:" line
#define HANDLER     "main.serveSocket socket.go:29", "@http-handler"

static const char lesson_leaks[] =
    "A listener is a function, and a function value holds the variables it\n"
    "captures. The bus keeps its listeners in a slice and offers no way to\n"
    "take one off, so each client that ever connected is still called for\n"
    "every bid, with its session and send buffer kept alive to that end.";

static const char lesson_code[] =
    "type Event struct {\n"
    "\tmu        sync.Mutex\n"
    "\tlisteners []func(Bid)\n"
    "}\n"
    "\n"
    "func (e *Event) Register(f func(Bid)) {\n"
    "\te.mu.Lock()\n"
    "\tdefer e.mu.Unlock()\n"
    "\te.listeners = append(e.listeners, f)\n"
    "}\n"
    "\n"
    "func (h *Hub) serve(c net.Conn) {\n"
    "\ts := newSession(c)\n"
    "\th.bids.Register(func(b Bid) { s.push(b) })\n"
    "\ts.loop()\n"
    "}";

static const char lesson_fix[] =
    "func (e *Event) Register(f func(Bid)) (remove func()) {\n"
    "\te.mu.Lock()\n"
    "\tdefer e.mu.Unlock()\n"
    "\te.next++\n"
    "\tid := e.next\n"
    "\te.listeners[id] = f // a map[int]func(Bid) now\n"
    "\treturn func() { e.remove(id) }\n"
    "}\n"
    "\n"
    "func (h *Hub) serve(c net.Conn) {\n"
    "\ts := newSession(c)\n"
    "\tremove := h.bids.Register(func(b Bid) { s.push(b) })\n"
    "\tdefer remove()\n"
    "\ts.loop()\n"
    "}";

static const char lesson_shows[] =
    "Three sizes grow in equal counts: 16 bytes at main.(*Hub).serve (the\n"
    "closure), 512 and 2048 at main.newSession (what it captures). The slice\n"
    "at bus.(*Event).Register grows by doubling. Goroutines in\n"
    "main.(*session).loop stay near 360: clients come and go, listeners only\n"
    "come. CPU profiles show more and more time under (*Event).Publish.";

static const char lesson_cannot[] =
    "How many clients there are is not in a heap profile, so growth of\n"
    "sessions alone could be growth of clients: compare it with goroutines.\n"
    "Which variable the closure holds needs a heap dump and the binary.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id closure = sim_stack(w, SERVE("37"), HANDLER, NULL);
    const sim_stack_id session = sim_stack(w, "main.newSession session.go:21",
                                           SERVE("36"), HANDLER, NULL);
    const sim_stack_id buffer = sim_stack(w, "main.newSession session.go:23",
                                          SERVE("36"), HANDLER, NULL);
    const sim_stack_id append =
        sim_stack(w,
                  "acme.dev/auctions/internal/bus.(*Event).Register "
                  "event.go:19",
                  SERVE("37"), HANDLER, NULL);
    const struct sim_population_spec listeners = {
        .name = "listeners of clients gone",
        .members[0] = sim_object(closure, 16, "func(main.Bid)", -1),
        .members[1] = sim_object(session, 512, "main.session", 0),
        .members[2] = sim_object(buffer, 2048, NULL, 1),
        .n_members = 3,
        .per_second = 12,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = append,
        .container.elem_bytes = 8,
        .global = "main.hub",
        .global_type = "*main.Hub",
        .is_leak = true,
    };
    sim_population(w, &listeners);
}

/* Clients connected now: half a minute each. */
static void build_clients(struct sim_world *w)
{
    const sim_stack_id loop =
        sim_stack(w, "@select", "main.(*session).loop session.go:48",
                  SERVE("38"), HANDLER, NULL);
    const sim_stack_id frame = sim_stack(
        w, "main.(*session).loop session.go:44", SERVE("38"), HANDLER, NULL);
    const struct sim_population_spec clients = {
        .name = "clients connected",
        .members[0] = sim_object(frame, 1024, NULL, -1),
        .n_members = 1,
        .goroutines[0].poses[0].wait = "select",
        .goroutines[0].poses[0].stack = loop,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = "net/http.(*Server).Serve",
        .goroutines[0].has_sudog = true,
        .n_goroutines = 1,
        .per_second = 12,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 30,
        .n_start = 360,
    };
    sim_population(w, &clients);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_clients(w);
    sim_workers(w, "auctioneer", "chan receive",
                sim_stack(w, "@chan-receive2",
                          "main.(*Auctioneer).run auctioneer.go:55", NULL),
                "main.main main.go:41", 4);
    sim_garbage(w, "bids",
                sim_stack(w, "@json-unmarshal",
                          "main.(*session).read session.go:70",
                          "main.(*session).loop session.go:52", SERVE("38"),
                          HANDLER, NULL),
                192, 180);
    sim_http_server(w, 15);
}

const struct sim_scenario sim_scenario_listeners = {
    .name = "listeners",
    .number = "L21",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "callbacks registered on a bus and never removed",
    .service = "auctions",
    .hold = "closures in main.hub.bids.listeners",
    .culprits = {"main.(*Hub).serve", "main.newSession",
                 "acme.dev/auctions/internal/bus.(*Event).Register"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
