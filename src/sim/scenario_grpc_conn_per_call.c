/*
 * Leak L13: a gRPC connection is made for a call and not closed after it. It
 * is a machine of its own: resolver, balancer, transport, a buffer of 32 KiB
 * and about five goroutines.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define GRPC      "google.golang.org/grpc."
#define TRANSPORT "google.golang.org/grpc/internal/transport."
#define LOOKUP                                                                 \
    "acme.dev/gateway/internal/profiles.(*Client).Lookup client.go:38",        \
        "main.(*API).profile api.go:52", "@http-handler"
#define CONNECT                                                                \
    TRANSPORT "NewHTTP2Client http2_client.go:361",                            \
        GRPC "(*addrConn).createTransport clientconn.go:1531",                 \
        GRPC "(*addrConn).tryAllAddrs clientconn.go:1477",                     \
        GRPC "(*addrConn).resetTransportAndUnlock clientconn.go:1360",         \
        GRPC "(*addrConn).connect clientconn.go:997"

static const char lesson_leaks[] =
    "A grpc.ClientConn is meant to be made once and shared: it multiplexes\n"
    "any number of calls. Made for each call it works just as well, so no\n"
    "test fails, but without Close its goroutines never end: one reads the\n"
    "socket, one writes to it, the others serve its balancer and its\n"
    "resolver. They keep everything, buffers and socket included.";

static const char lesson_code[] =
    "func (c *Client) Lookup(ctx context.Context, id string) (*Profile, error) "
    "{\n"
    "\tconn, err := grpc.NewClient(c.addr, c.options...)\n"
    "\tif err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\t// conn.Close is never called\n"
    "\treturn NewProfilesClient(conn).Get(ctx, &GetRequest{Id: id})\n"
    "}";

static const char lesson_fix[] =
    "func Dial(addr string, options ...grpc.DialOption) (*Client, error) {\n"
    "\tconn, err := grpc.NewClient(addr, options...) // once, at start-up\n"
    "\tif err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\treturn &Client{profiles: NewProfilesClient(conn)}, nil\n"
    "}\n"
    "\n"
    "func (c *Client) Lookup(ctx context.Context, id string) (*Profile, error) "
    "{\n"
    "\treturn c.profiles.Get(ctx, &GetRequest{Id: id})\n"
    "}";

static const char lesson_shows[] =
    "Three stacks of google.golang.org/grpc grow in a fixed proportion,\n"
    "about 24 connections a minute: (*http2Client).reader in IO wait,\n"
    "(*loopyWriter).run in a select and three times\n"
    "(*CallbackSerializer).run in a receive. The heap grows by some 1.4 MiB\n"
    "a minute, most of it in newBufWriter and newFramer below\n"
    "NewHTTP2Client, where a healthy service allocates in its first minute\n"
    "and then hardly ever.";

static const char lesson_cannot[] =
    "All goroutines and nearly all bytes belong to the library, created by\n"
    "the library. Only the small ClientConn, below grpc.NewClient, names\n"
    "the caller. The goroutineleak profile is silent: a goroutine that\n"
    "waits for the network can always be woken.";

static void add_goroutine(struct sim_population_spec *p, const char *wait,
                          sim_stack_id stack, const char *created_by)
{
    const struct sim_pose waits = {wait, stack, 1.0};
    p->goroutines[p->n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = created_by,
        .has_sudog = wait[0] != 'I', /* queues on a channel */
    };
}

static void build_connections(struct sim_world *w, const char *name,
                              double per_second, uint64_t n_start,
                              const char *const *made, size_t n_made)
{
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .n_start = n_start,
        .is_leak = per_second > 0.0,
    };
    const sim_stack_id client = sim_stack_of(w, made, n_made);
    p.members[p.n_members++] =
        (struct sim_member){client, 1408, 1, "grpc.ClientConn", -1};
    p.members[p.n_members++] = (struct sim_member){client, 2048, 4, NULL, 0};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, CONNECT, NULL), 1024, 1, "transport.http2Client", 0};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, TRANSPORT "newBufWriter http_util.go:320",
                  TRANSPORT "newFramer http_util.go:449", CONNECT, NULL),
        32768, 1, NULL, 2};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, TRANSPORT "newFramer http_util.go:452", CONNECT, NULL),
        4096, 4, NULL, 2};
    add_goroutine(&p, "IO wait", sim_stack(w, "@grpc-reader", NULL),
                  "@by-grpc-reader");
    add_goroutine(&p, "select", sim_stack(w, "@grpc-loopy", NULL),
                  "@by-grpc-loopy");
    for (unsigned i = 0; i < 3; i++) {
        add_goroutine(&p, "chan receive",
                      sim_stack(w, "@grpc-serializer", NULL),
                      "@by-grpc-serializer");
    }
    sim_population(w, &p);
}

/* Calls of the other services go over four connections made at start-up. */
static void build(struct sim_world *w)
{
    const char *const per_call[] = {GRPC "NewClient clientconn.go:184", LOOKUP};
    const char *const once[] = {GRPC "NewClient clientconn.go:184",
                                "main.dialAll dial.go:22",
                                "main.main main.go:31", "@main"};
    sim_http_server(w, 50);
    build_connections(w, "connections of calls", 0.4, 0, per_call,
                      sizeof per_call / sizeof per_call[0]);
    build_connections(w, "shared connections", 0.0, 4, once,
                      sizeof once / sizeof once[0]);
    sim_garbage(w, "messages",
                sim_stack(w, "@json-marshal", "main.(*API).profile api.go:60",
                          "@http-handler", NULL),
                1400, 40.0);
}

const struct sim_scenario sim_scenario_grpc_conn_per_call = {
    .name = "grpc-conn-per-call",
    .number = "L13",
    .label = SIM_LEAK,
    .kind = "both",
    .what = "every call makes a client connection of its own",
    .service = "gateway",
    .hold = "grpc.ClientConn that is never closed: transport, write buffer of "
            "32 KiB and five goroutines each",
    .culprits[0] = "acme.dev/gateway/internal/profiles.(*Client).Lookup",
    .culprits[1] = "google.golang.org/grpc.(*addrConn).resetTransportAndUnlock",
    .culprits[2] = "google.golang.org/grpc/internal/transport.NewHTTP2Client",
    .culprits[3] =
        "google.golang.org/grpc/internal/transport.(*http2Client).reader",
    .culprits[4] =
        "google.golang.org/grpc/internal/transport.(*loopyWriter).run",
    .culprits[5] =
        "google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
