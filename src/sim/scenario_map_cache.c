/*
 * Leak L15: a cache in a global map without a bound and without an end of
 * life. Each user who is looked up stays for ever: the struct, the strings,
 * the place in the map.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define USER "main.(*API).user api.go:44", "@http-handler"
#define ADD  "main.addUser users.go"

static const char lesson_leaks[] =
    "A map keeps what is in it, and a global is never out of reach.\n"
    "userCache is meant to save look-ups, but nothing ever leaves it: after\n"
    "a day it holds everyone who came by once. The map's own memory grows\n"
    "in doubling steps beside the users, and deleting entries later would\n"
    "not shrink it.";

static const char lesson_code[] =
    "var userCache = map[int]*User{}\n"
    "\n"
    "func addUser(id int) *User {\n"
    "\tu := &User{ID: id, Name: fmt.Sprintf(\"user %d\", id)}\n"
    "\tu.Settings = loadSettings(id)\n"
    "\tuserCache[id] = u // and nothing deletes\n"
    "\treturn u\n"
    "}\n"
    "\n"
    "func (a *API) user(w http.ResponseWriter, req *http.Request) {\n"
    "\tid := userID(req)\n"
    "\tu := userCache[id]\n"
    "\tif u == nil {\n"
    "\t\tu = addUser(id)\n"
    "\t}\n"
    "\ta.write(w, u)\n"
    "}";

static const char lesson_fix[] =
    "const maxUsers = 10_000\n"
    "\n"
    "var users = lru.New[int, *User](maxUsers)\n"
    "\n"
    "func addUser(id int) *User {\n"
    "\tu := &User{ID: id, Name: fmt.Sprintf(\"user %d\", id)}\n"
    "\tu.Settings = loadSettings(id)\n"
    "\tusers.Add(id, u) // the one unused for longest goes\n"
    "\treturn u\n"
    "}";

static const char lesson_shows[] =
    "inuse_space of main.addUser rises in a straight line, some 3 MiB a\n"
    "minute, and what is in use is nearly all that was ever allocated\n"
    "there: nothing is freed. Three things grow at three lines: the struct,\n"
    "the settings and the name (fmt.Sprintf). The map itself grows in\n"
    "steps: a few big blocks that double at the insert line before Go 1.24,\n"
    "tables of equal size since. A heap dump shows main.userCache retaining\n"
    "it all.";

static const char lesson_cannot[] =
    "A cache that is still filling to its bound looks the same until it is\n"
    "full. The compact profile hides the runtime frames of the map, so that\n"
    "a map is what holds the users follows from the steps, from text\n"
    "profiles with the binary, or from a dump. Goroutines show nothing at\n"
    "all.";

static void build_users(struct sim_world *w)
{
    const sim_stack_id settings =
        sim_stack(w, "main.loadSettings settings.go:31", ADD ":28", USER, NULL);
    struct sim_population_spec p = {
        .name = "cached users",
        .per_second = 150.0,
        .container.kind = SIM_MAP,
        .container.stack =
            sim_stack(w, "@map-assign-fast64", ADD ":29", USER, NULL),
        .container.key_bytes = 8,
        .container.elem_bytes = 8,
        .global = "main.userCache",
        .global_type = "map[int]*main.User",
        .is_leak = true,
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, ADD ":27", USER, NULL), 96, 1, "main.User", -1};
    p.members[p.n_members++] =
        (struct sim_member){sim_stack(w, "@fmt-sprintf", ADD ":27", USER, NULL),
                            16, 1, "string", 0};
    p.members[p.n_members++] =
        (struct sim_member){settings, 240, 1, "main.Settings", 0};
    sim_population(w, &p);
}

/* Tokens leave after a minute and a half: the same shape, with an end. */
static void build_tokens(struct sim_world *w)
{
    const sim_stack_id issue =
        sim_stack(w, "main.(*tokens).issue tokens.go:40",
                  "main.(*API).login api.go:71", "@http-handler", NULL);
    struct sim_population_spec p = {
        .name = "tokens",
        .per_second = 40.0,
        .n_start = 3600,
        .life.kind = SIM_FIXED,
        .life.mean_s = 90.0,
        .container.kind = SIM_MAP,
        .container.stack = sim_stack(
            w, "@map-assign-faststr", "main.(*tokens).issue tokens.go:44",
            "main.(*API).login api.go:71", "@http-handler", NULL),
        .container.key_bytes = 16,
        .container.elem_bytes = 8,
        .global = "main.issued",
        .global_type = "map[string]*main.token",
    };
    p.members[p.n_members++] =
        (struct sim_member){issue, 112, 1, "main.token", -1};
    p.members[p.n_members++] = (struct sim_member){issue, 48, 1, "string", 0};
    sim_population(w, &p);
}

static void build_requests(struct sim_world *w)
{
    const struct sim_pose reads = {"IO wait",
                                   sim_stack(w, "@net-read",
                                             "main.loadSettings settings.go:26",
                                             ADD ":28", USER, NULL),
                                   1.0};
    struct sim_population_spec p = {
        .name = "requests",
        .per_second = 20.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.1,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {reads},
        .n_poses = 1,
        .created_by = "@by-server",
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 48);
    build_users(w);
    build_tokens(w);
    build_requests(w);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal", "main.(*API).write api.go:58",
                          USER, NULL),
                900, 300.0);
}

const struct sim_scenario sim_scenario_map_cache = {
    .name = "map-cache",
    .number = "L15",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "global map of users that only grows",
    .service = "accounts",
    .hold = "global map main.userCache, which nothing is ever deleted from",
    .culprits[0] = "main.addUser",
    .culprits[1] = "main.(*API).user",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
