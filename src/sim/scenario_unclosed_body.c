/*
 * Leak L11: a client that closes the body of good answers only. Each bad one
 * keeps its connection in use, with two goroutines of net/http that have no
 * frame of the service on their stacks.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define FETCH                                                                  \
    "acme.dev/weather/internal/upstream.(*Client).Fetch client.go:39",         \
        "main.(*API).forecast api.go:44", "@http-handler"

static const char lesson_leaks[] =
    "A connection goes back to the pool when the body of its answer has\n"
    "been read to the end or closed. Fetch does neither when the status is\n"
    "not 200, so the transport must take the connection as still in use and\n"
    "dial a new one for the next request. Each holds a socket, two buffers\n"
    "and two goroutines, here and as long as the other side allows.";

static const char lesson_code[] =
    "func (c *Client) Fetch(url string) (*Report, error) {\n"
    "\tresp, err := c.http.Get(url)\n"
    "\tif err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\tif resp.StatusCode != http.StatusOK {\n"
    "\t\treturn nil, errStatus // the body stays open\n"
    "\t}\n"
    "\tdefer resp.Body.Close()\n"
    "\treturn decode(resp.Body)\n"
    "}";

static const char lesson_fix[] =
    "func (c *Client) Fetch(url string) (*Report, error) {\n"
    "\tresp, err := c.http.Get(url)\n"
    "\tif err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\tdefer resp.Body.Close() // before anything can return\n"
    "\tif resp.StatusCode != http.StatusOK {\n"
    "\t\treturn nil, errStatus\n"
    "\t}\n"
    "\treturn decode(resp.Body)\n"
    "}";

static const char lesson_shows[] =
    "A pair grows in step, about 33 of each a minute:\n"
    "(*persistConn).readLoop and (*persistConn).writeLoop, both in\n"
    "runtime.selectgo. That readLoop waits in its own select and not under\n"
    "bufio.(*Reader).Peek is the sign of a body left open: idle connections\n"
    "wait in Peek. The heap grows by about 10 KiB a pair, mostly in\n"
    "(*Transport).dialConn. Open files grow too, until there are none.";

static const char lesson_cannot[] =
    "No function of the service is on these stacks: who made the request is\n"
    "not recorded. The heap profile helps, for the request itself was\n"
    "allocated below (*Client).Fetch. The goroutineleak profile of Go 1.26\n"
    "does not list them.";

static struct sim_goroutine_spec loop(struct sim_world *w, const char *wait,
                                      const char *chain, const char *by)
{
    const struct sim_pose waits = {wait, sim_stack(w, chain, NULL), 1.0};
    return (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = by,
        .has_sudog = wait[0] == 's', /* a select */
    };
}

/* What net/http holds for one connection in use. */
static void connection_members(struct sim_world *w,
                               struct sim_population_spec *p)
{
    const sim_stack_id answer = sim_stack(w, "@http-read-response", NULL);
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, "@http-dial-conn", NULL), 576, 1, "http.persistConn", -1};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, "@http-dial-reader", NULL), 4096, 1, NULL, 0};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, "@http-dial-writer", NULL), 4096, 1, NULL, 0};
    p->members[p->n_members++] =
        (struct sim_member){answer, 144, 1, "http.Response", -1};
    p->members[p->n_members++] =
        (struct sim_member){answer, 1152, 1, "http.Header", 3};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, "@http-get", FETCH, NULL), 272, 1, "http.Request", 3};
}

static void build_open_bodies(struct sim_world *w)
{
    struct sim_population_spec p = {
        .name = "open bodies",
        .per_second = 0.55,
        .is_leak = true,
    };
    connection_members(w, &p);
    p.goroutines[p.n_goroutines++] =
        loop(w, "select", "@persist-read-busy", "@by-dial-read");
    p.goroutines[p.n_goroutines++] =
        loop(w, "select", "@persist-write", "@by-dial-write");
    sim_population(w, &p);
}

/* The good answers share a few connections. */
static void build_pool(struct sim_world *w)
{
    struct sim_population_spec p = {.name = "idle connections", .n_start = 6};
    connection_members(w, &p);
    p.goroutines[p.n_goroutines++] =
        loop(w, "IO wait", "@persist-read-idle", "@by-dial-read");
    p.goroutines[p.n_goroutines++] =
        loop(w, "select", "@persist-write", "@by-dial-write");
    sim_population(w, &p);
}

static void build_reports(struct sim_world *w)
{
    struct sim_population_spec p = {
        .name = "reports of ten minutes",
        .per_second = 1.2,
        .n_start = 720,
        .life.kind = SIM_FIXED,
        .life.mean_s = 600.0,
        .container.kind = SIM_MAP,
        .container.stack = sim_stack(
            w, "@map-assign-faststr", "main.(*API).remember api.go:63",
            "main.(*API).forecast api.go:46", "@http-handler", NULL),
        .container.key_bytes = 16,
        .container.elem_bytes = 8,
        .global = "main.reports",
        .global_type = "map[string]*upstream.Report",
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@json-decode",
                  "acme.dev/weather/internal/upstream.decode decode.go:19",
                  "acme.dev/weather/internal/upstream.(*Client).Fetch "
                  "client.go:47",
                  "main.(*API).forecast api.go:44", "@http-handler", NULL),
        2304, 1, "upstream.Report", -1};
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 45);
    build_open_bodies(w);
    build_pool(w);
    build_reports(w);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal", "main.(*API).forecast api.go:51",
                          "@http-handler", NULL),
                1800, 30.0);
}

const struct sim_scenario sim_scenario_unclosed_body = {
    .name = "unclosed-body",
    .number = "L11",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "response bodies of failed requests are not closed",
    .service = "weather",
    .hold = "connection of an answer whose body is neither read nor closed, "
            "with its readLoop and writeLoop",
    .culprits[0] = "net/http.(*persistConn).readLoop",
    .culprits[1] = "net/http.(*persistConn).writeLoop",
    .culprits[2] = "net/http.(*Transport).dialConn",
    .culprits[3] = "acme.dev/weather/internal/upstream.(*Client).Fetch",
    .culprits[4] = "main.(*API).forecast",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
