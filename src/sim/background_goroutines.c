/*
 * The goroutines of an ordinary service: those that stay from start-up on,
 * and the requests in flight. Requests come with the load, live for fractions
 * of a second, and each look finds them at another point of their way: waiting
 * for the database, for a lock, encoding an answer. What they allocate is the
 * background's garbage, so they have no objects of their own.
 */
#include "sim/model_private.h"

#include "base/span.h"

#include "base/banned.h"

/* The service's packages; "%s" is its name. */
#define OWN "acme.dev/%s/internal/"

enum { ROW_TEXTS = 16, ROW_GOROUTINES = 4 };

/* `text` with the service's name in place of "%s". */
static const char *named(struct sim_world *w, const char *service,
                         const char *text)
{
    const struct span all = span_of(text);
    const size_t at = span_find(all, "%s");
    if (at == all.len) {
        return text;
    }
    return sim_text(w, "%.*s%s%s", (int)at, text, service, text + at + 2);
}

static sim_stack_id named_stack(struct sim_world *w, const char *service,
                                const char *const *texts)
{
    const char *own[ROW_TEXTS];
    size_t n = 0;
    while (n < ROW_TEXTS && texts[n] != NULL) {
        own[n] = named(w, service, texts[n]);
        n++;
    }
    return sim_stack_of(w, own, n);
}

/* --- goroutines that stay --- */

static const struct {
    const char *name, *wait, *chain, *frame, *created_by;
    uint64_t n;
} stayers[] = {
  /* clang-format off */
    {"background workers", "chan receive", "@chan-receive2",
     OWN "queue.(*Worker).run worker.go:52",
     OWN "queue.(*Pool).Start pool.go:33", 8},
    {"background ticker", "select", "@select",
     OWN "metrics.(*Registry).flushLoop registry.go:118",
     OWN "metrics.NewRegistry registry.go:44", 1},
    {"background janitor", "select", "@select",
     OWN "cache.(*Shard).janitor shard.go:201",
     OWN "cache.New shard.go:63", 4},
    {"background drainer", "sync.Cond.Wait", "@cond-wait",
     OWN "queue.(*Pool).drain pool.go:90",
     OWN "queue.(*Pool).Start pool.go:36", 1},
    {"background poller", "sleep", "@sleep",
     OWN "config.(*Watcher).poll watcher.go:57",
     OWN "config.Watch watcher.go:31", 1},
    {"background supervisor", "sync.WaitGroup.Wait", "@waitgroup-wait",
     OWN "queue.(*Pool).supervise pool.go:112",
     OWN "queue.(*Pool).Start pool.go:38", 1},
    {"background statsd", "IO wait", "@udp-read",
     OWN "metrics.(*Statsd).listen statsd.go:47",
     OWN "metrics.NewStatsd statsd.go:29", 1},
    {"background log", "chan receive", "@chan-receive2",
     OWN "admin.(*Audit).flush audit.go:83",
     OWN "admin.NewAudit audit.go:26", 1},
    {"background resolver", "sleep", "@sleep",
     OWN "gateway.(*Upstream).refresh upstream.go:134",
     OWN "gateway.NewUpstream upstream.go:52", 2},
  /* clang-format on */
};

static void add_stayers(struct sim_world *w, const char *service)
{
    for (size_t i = 0; i < sizeof(stayers) / sizeof(stayers[0]); i++) {
        const char *const texts[ROW_TEXTS] = {stayers[i].chain,
                                              stayers[i].frame};
        sim_workers(w, stayers[i].name, stayers[i].wait,
                    named_stack(w, service, texts),
                    named(w, service, stayers[i].created_by), stayers[i].n);
    }
    sim_workers(w, "background signals", "syscall",
                sim_stack(w, "@signal-loop", NULL), "@by-signal", 1);
    sim_workers(w, "background sql", "select",
                sim_stack(w, "@sql-opener", NULL), "@by-sql-open", 1);
}

/* Connections to other services that wait to be used again: as many at any
   time, now and then a new one for an old one. */
static void add_upstreams(struct sim_world *w)
{
    enum { KEPT = 4 };
    struct sim_population_spec p = {
        .name = "background upstreams",
        .n_goroutines = 2,
        .per_second = 0.02,
        .life = {.kind = SIM_QUEUE, .capacity = KEPT},
        .n_start = KEPT,
    };
    p.goroutines[0] = (struct sim_goroutine_spec){
        .poses = {{"IO wait", sim_stack(w, "@persist-read-idle", NULL), 1}},
        .n_poses = 1,
        .created_by = "@by-dial-read",
    };
    p.goroutines[1] = (struct sim_goroutine_spec){
        .poses = {{"select", sim_stack(w, "@persist-write", NULL), 1}},
        .n_poses = 1,
        .created_by = "@by-dial-write",
    };
    sim_population(w, &p);
}

/* --- requests in flight --- */

/* Where a goroutine is; `texts` leaf first. */
struct pose_row {
    const char *wait;
    double share; /* of the looks; the rest is the next pose's */
    const char *texts[ROW_TEXTS];
};

struct goroutine_row {
    const char *created_by;
    bool has_label;
    /* Share of the looks that find it created and not yet run: its stack is
       the wrapper that the compiler makes of "go f(x)". */
    double newborn;
    struct pose_row poses[SIM_POSES_MAX];
};

struct route {
    const char *name;
    unsigned percent; /* of the requests in flight */
    double mean_s;
    const char *label_key, *label_values[SIM_LABELS_MAX];
    struct goroutine_row goroutines[ROW_GOROUTINES];
};

/* What conn.serve starts beside a handler, to see the client go. */
/* clang-format off */
#define BACKGROUND_READ                                                        \
    {.created_by = "@by-background-read", .newborn = 0.04,                     \
     .poses = {{"IO wait", 1, {"@background-read"}}}}
#define DATABASE                                                               \
    "@net-read", "bufio.(*Reader).Read bufio.go:241", "io.ReadAtLeast",        \
    "github.com/lib/pq.(*conn).recvMessage conn.go:1056",                      \
    "github.com/lib/pq.(*conn).simpleQuery conn.go:716",                       \
    "github.com/lib/pq.(*conn).QueryContext conn_go18.go:34", "@sql-query"
#define ENCODING                                                               \
    "encoding/json.structEncoder.encode",                                      \
    "encoding/json.(*encodeState).reflectValue",                               \
    "encoding/json.(*encodeState).marshal", "encoding/json.(*Encoder).Encode"
#define LABELLED                                                               \
    OWN "server.(*Server).labelled.func1.1 middleware.go:66", "@pprof-do",     \
    OWN "server.(*Server).labelled.func1 middleware.go:64", "@http-handler"

static const struct route routes[] = {
    {"background orders", 30, 0.12, "endpoint",
     {"/orders", "/orders/{id}", "/orders/export", "/invoices", NULL},
     {{.created_by = "@by-server", .has_label = true,
       .poses = {{"IO wait", 0.65,
                  {DATABASE, OWN "store.(*Customers).Find customers.go:41",
                   OWN "handlers.(*Orders).List orders.go:70", LABELLED}},
                 {"select", 0.2,
                  {"@select", "database/sql.(*DB).conn",
                   "database/sql.(*DB).query",
                   "database/sql.(*DB).QueryContext",
                   OWN "store.(*Items).Page items.go:91",
                   OWN "handlers.(*Orders).List orders.go:77", LABELLED}},
                 {"runnable", 0.15,
                  {ENCODING, OWN "handlers.(*Orders).List orders.go:84",
                   LABELLED}}}},
      BACKGROUND_READ}},
    {"background lookups", 25, 0.03, NULL, {NULL},
     {{.created_by = "@by-server",
       .poses = {{"sync.Mutex.Lock", 0.35,
                  {"@mutex-lock", OWN "cache.(*Shard).Get shard.go:88",
                   OWN "handlers.(*Accounts).Get accounts.go:33",
                   "@http-handler"}},
                 {"running", 0.25,
                  {ENCODING, OWN "handlers.(*Accounts).show accounts.go:61",
                   OWN "handlers.(*Accounts).Get accounts.go:47",
                   "@http-handler"}},
                 {"IO wait", 0.4,
                  {"@net-read", "bufio.(*Reader).fill",
                   "bufio.(*Reader).ReadSlice",
                   "github.com/redis/go-redis/v9/internal/proto."
                   "(*Reader).ReadReply reader.go:116",
                   "github.com/redis/go-redis/v9.(*Client).Process "
                   "redis.go:621",
                   OWN "cache.(*Loader).Fill loader.go:58",
                   OWN "handlers.(*Accounts).Get accounts.go:40",
                   "@http-handler"}}}},
      BACKGROUND_READ}},
    {"background forwards", 20, 0.25, "endpoint",
     {"/v1/partners", "/v1/quotes", "/v1/status", NULL},
     {{.created_by = "@by-server", .has_label = true,
       .poses = {{"select", 0.9,
                  {"@http-do-wait", OWN "gateway.(*Proxy).Forward proxy.go:104",
                   OWN "gateway.(*Router).Route router.go:61", LABELLED}},
                 {"IO wait", 0.1,
                  {"@net-write", "bufio.(*Writer).Flush",
                   OWN "gateway.(*Proxy).Forward proxy.go:118",
                   OWN "gateway.(*Router).Route router.go:61", LABELLED}}}},
      BACKGROUND_READ,
      {.created_by = "@by-dial-read",
       .poses = {{"IO wait", 0.8, {"@persist-read-idle"}},
                 {"select", 0.2, {"@persist-read-busy"}}}},
      {.created_by = "@by-dial-write",
       .poses = {{"select", 1, {"@persist-write"}}}}}},
    {"background searches", 15, 0.18, "endpoint",
     {"/search", "/suggest", NULL},
     {{.created_by = "@by-server", .has_label = true,
       .poses = {{"sync.WaitGroup.Wait", 1,
                  {"@waitgroup-wait", OWN "search.(*Query).Find query.go:71",
                   OWN "handlers.(*Search).List search.go:52", LABELLED}}}},
      BACKGROUND_READ,
      {.created_by = OWN "search.(*Query).Find query.go:63", .has_label = true,
       .newborn = 0.03,
       .poses = {{"running", 0.4,
                  {"@regexp-match", OWN "search.(*Index).Find index.go:120"}},
                 {"sync.RWMutex.RLock", 0.6,
                  {"@rwmutex-rlock",
                   OWN "search.(*Index).Find index.go:98"}}}},
      {.created_by = OWN "search.(*Query).Find query.go:66", .has_label = true,
       .newborn = 0.03,
       .poses = {{"IO wait", 1,
                  {DATABASE, OWN "store.(*Items).Scan items.go:131",
                   OWN "search.(*Facets).Count facets.go:38"}}}}}},
    {"background watches", 5, 2.5, NULL, {NULL},
     {{.created_by = "@by-server",
       .poses = {{"select", 1,
                  {"@select", OWN "notify.(*Channels).Pick channels.go:55",
                   OWN "handlers.(*Reports).Preview reports.go:96",
                   "@http-handler"}}}},
      BACKGROUND_READ}},
    {"background deliveries", 5, 0.4, "job",
     {"deliver", "digest", "retry", NULL},
     {{.created_by = OWN "webhook.(*Dispatcher).Deliver dispatcher.go:80",
       .has_label = true, .newborn = 0.02,
       .poses = {{"select", 0.8,
                  {"@http-do-wait",
                   OWN "webhook.(*Delivery).Deliver delivery.go:59"}},
                 {"sleep", 0.2,
                  {"@sleep",
                   OWN "webhook.(*Delivery).Deliver delivery.go:71"}}}}}},
};
/* clang-format on */

enum { N_ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* The function the compiler makes of a go statement with arguments. Stacks
   leave it out once the goroutine runs; before, it is all they have. */
static const char *wrapper_of(struct sim_world *w, const char *created_by)
{
    size_t n = 0;
    const char *text = created_by;
    if (text[0] == '@') {
        const char *const *frames =
            sim_chain_find(sim_world_go(w), created_by, &n);
        text = frames != NULL && n > 0 ? frames[0] : text;
    }
    /* Two: there is a closure, or another go statement, before it. */
    const char *suffix = sim_world_go(w) < SIM_GO_1_23 ? "func2" : "gowrap2";
    const size_t blank = span_find_char(span_of(text), ' ');
    return sim_text(w, "%.*s.%s%s", (int)blank, text, suffix, text + blank);
}

static void add_poses(struct sim_world *w, const char *service,
                      const struct goroutine_row *row,
                      struct sim_goroutine_spec *g)
{
    if (row->newborn > 0) {
        g->poses[g->n_poses++] = (struct sim_pose){
            "runnable", sim_stack(w, wrapper_of(w, g->created_by), NULL),
            row->newborn};
    }
    for (unsigned i = 0; i < SIM_POSES_MAX && row->poses[i].wait != NULL &&
                         g->n_poses < SIM_POSES_MAX;
         i++) {
        g->poses[g->n_poses++] = (struct sim_pose){
            row->poses[i].wait, named_stack(w, service, row->poses[i].texts),
            row->poses[i].share * (1 - row->newborn)};
    }
}

static void add_route(struct sim_world *w, const char *service,
                      const struct route *route, double in_flight)
{
    struct sim_population_spec p = {
        .name = route->name,
        .per_second = in_flight / route->mean_s,
        .life = {.kind = SIM_EXPONENTIAL, .mean_s = route->mean_s},
        .n_start = (uint64_t)(in_flight + 0.5),
    };
    for (unsigned i = 0;
         i < ROW_GOROUTINES && route->goroutines[i].created_by != NULL; i++) {
        const struct goroutine_row *row = &route->goroutines[i];
        struct sim_goroutine_spec *g = &p.goroutines[p.n_goroutines++];
        g->created_by = named(w, service, row->created_by);
        for (unsigned k = 0; row->has_label && k < SIM_LABELS_MAX; k++) {
            g->label_key = route->label_key;
            g->label_values[k] = route->label_values[k];
        }
        add_poses(w, service, row, g);
    }
    sim_population(w, &p);
}

void sim_background_goroutines(struct sim_world *w, const char *service,
                               unsigned n)
{
    /* Larger services serve more at a time, within reason. */
    const double most = 36;
    const double wanted = 5 + (double)n / 40;
    const double in_flight = wanted < most ? wanted : most;
    add_stayers(w, service);
    add_upstreams(w);
    for (size_t i = 0; i < N_ROUTES; i++) {
        add_route(w, service, &routes[i], in_flight * routes[i].percent / 100);
    }
}
