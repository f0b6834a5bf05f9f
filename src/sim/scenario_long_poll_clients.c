/*
 * Ten thousand clients that wait for news, by long poll or websocket. Twenty
 * thousand goroutines block in a few places for minutes, and that is the
 * service's work: clients go and others come.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Each client is one or two goroutines that block until there is\n"
    "something to tell it. There are ten thousand, which is alarming to a\n"
    "rule that counts blocked goroutines, but they leave at the rate at\n"
    "which they come.";

static const char lesson_code[] =
    "func (l *Lobby) join(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\tc := newClient(upgrade(w, r))\n"
    "\tl.clients[c.id] = c\n"
    "\tgo c.readPump() // removes c when the socket closes\n"
    "\tgo c.writePump()\n"
    "}\n"
    "\n"
    "func (l *Lobby) poll(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\tselect {\n"
    "\tcase news := <-l.next():\n"
    "\t\twrite(w, news)\n"
    "\tcase <-time.After(patience):\n"
    "\tcase <-r.Context().Done():\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "A huge and level group at each of the pumps. In dumps few goroutines of\n"
    "the first look are left in the last, and those with a heartbeat never\n"
    "wait for long. A leak keeps all of them and adds to them.";

static const char lesson_cannot[] =
    "Whether ten thousand is what this service should have: the number of\n"
    "clients is in no profile.";

enum { SOCKETS = 7000, POLLS = 3000 };

static void add_sockets(struct sim_world *w)
{
    const sim_stack_id joined =
        sim_stack(w, "main.newClient client.go:31",
                  "main.(*Lobby).join lobby.go:58", "@http-handler", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-fast64", "main.(*Lobby).join lobby.go:60",
                  "@http-handler", NULL);
    const sim_stack_id reads = sim_stack(
        w, "@net-read", "github.com/gorilla/websocket.(*Conn).read conn.go:378",
        "github.com/gorilla/websocket.(*Conn).advanceFrame conn.go:823",
        "github.com/gorilla/websocket.(*Conn).NextReader conn.go:1034",
        "main.(*Client).readPump client.go:57", NULL);
    const sim_stack_id handles =
        sim_stack(w, "main.(*Lobby).pong lobby.go:91",
                  "main.(*Client).readPump client.go:61", NULL);
    const sim_stack_id waits =
        sim_stack(w, "@select", "main.(*Client).writePump client.go:83", NULL);
    const sim_stack_id writes =
        sim_stack(w, "@net-write",
                  "github.com/gorilla/websocket.(*Conn).write conn.go:402",
                  "main.(*Client).writePump client.go:88", NULL);
    const double stay_s = sim_window_s(w) / 6;
    struct sim_population_spec sockets = {
        .name = "sockets",
        .n_members = 3,
        .n_goroutines = 2,
        .per_second = SOCKETS / stay_s,
        .n_start = SOCKETS,
        .global = "main.clients",
        .global_type = "map[int]*main.Client",
    };
    sockets.members[0] = (struct sim_member){joined, 256, 1, "main.Client", -1};
    sockets.members[1] = (struct sim_member){joined, 1024, 2, "[]uint8", 0};
    sockets.members[2] = (struct sim_member){joined, 480, 1, "chan []uint8", 0};
    sockets.goroutines[0].poses[0] = (struct sim_pose){"IO wait", reads, 0.999};
    sockets.goroutines[0].poses[1] =
        (struct sim_pose){"running", handles, 0.001};
    sockets.goroutines[0].n_poses = 2;
    sockets.goroutines[0].created_by = "main.(*Lobby).join lobby.go:63";
    sockets.goroutines[1].poses[0] = (struct sim_pose){"select", waits, 0.995};
    sockets.goroutines[1].poses[1] =
        (struct sim_pose){"IO wait", writes, 0.005};
    sockets.goroutines[1].n_poses = 2;
    sockets.goroutines[1].created_by = "main.(*Lobby).join lobby.go:64";
    sockets.goroutines[1].has_sudog = true;
    sockets.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = stay_s};
    sockets.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &sockets);
}

static void add_polls(struct sim_world *w)
{
    const sim_stack_id waits = sim_stack(
        w, "@select", "main.(*Lobby).poll lobby.go:112", "@http-handler", NULL);
    const double stay_s = sim_window_s(w) / 20;
    struct sim_population_spec polls = {
        .name = "polls",
        .n_goroutines = 2,
        .per_second = POLLS / stay_s,
        .n_start = POLLS,
    };
    polls.goroutines[0].poses[0] = (struct sim_pose){"select", waits, 1};
    polls.goroutines[0].n_poses = 1;
    polls.goroutines[0].created_by = "@by-server";
    polls.goroutines[0].has_sudog = true;
    polls.goroutines[1].poses[0] =
        (struct sim_pose){"IO wait", sim_stack(w, "@background-read", NULL), 1};
    polls.goroutines[1].n_poses = 1;
    polls.goroutines[1].created_by = "@by-background-read";
    polls.life = (struct sim_life){
        .kind = SIM_FIXED, .mean_s = stay_s, .spread_s = stay_s / 4};
    sim_population(w, &polls);
}

static void build(struct sim_world *w)
{
    add_sockets(w);
    add_polls(w);
    sim_workers(w, "hub", "select",
                sim_stack(w, "@select", "main.(*Hub).run hub.go:40", NULL),
                "main.main main.go:33", 1);
    sim_garbage(w, "messages",
                sim_stack(w, "@json-marshal", "main.(*Hub).broadcast hub.go:66",
                          "main.(*Hub).run hub.go:48", NULL),
                1024, 400);
    sim_http_server(w, 100);
}

const struct sim_scenario sim_scenario_long_poll_clients = {
    .name = "long-poll-clients",
    .number = "C11",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "ten thousand waiting clients that come and go",
    .service = "lobby",
    .hold = "map main.clients, those connected now",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
