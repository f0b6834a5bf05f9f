/*
 * Leak L2: a request asks the index in a goroutine and then finds that the
 * user has no quota left. It returns without receiving, and the goroutine can
 * never hand over what it found.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define INDEX   "acme.dev/search/internal/index."
#define LOOKUP  INDEX "(*Broker).Search.func1 broker.go:58"
#define HANDLER "main.(*API).search api.go:41", "@http-handler"
#define SEARCH  INDEX "(*Broker).Search broker.go:56", HANDLER

static const char lesson_leaks[] =
    "A send on an unbuffered channel waits until someone receives. Search\n"
    "starts the look-up early to save time, checks the quota meanwhile, and\n"
    "on an error returns without receiving. The goroutine finishes its\n"
    "work, tries to send and stays there with its result in hand.";

static const char lesson_code[] =
    "func (b *Broker) Search(q Query) (Hits, error) {\n"
    "\tfound := make(chan Hits)\n"
    "\tgo func() {\n"
    "\t\tfound <- b.shards.Lookup(q)\n"
    "\t}()\n"
    "\tif err := b.quota.Take(q.User); err != nil {\n"
    "\t\treturn nil, err // nobody receives any more\n"
    "\t}\n"
    "\treturn <-found, nil\n"
    "}";

static const char lesson_fix[] =
    "func (b *Broker) Search(q Query) (Hits, error) {\n"
    "\tfound := make(chan Hits, 1) // room for the one answer\n"
    "\tgo func() {\n"
    "\t\tfound <- b.shards.Lookup(q)\n"
    "\t}()\n"
    "\tif err := b.quota.Take(q.User); err != nil {\n"
    "\t\treturn nil, err\n"
    "\t}\n"
    "\treturn <-found, nil\n"
    "}";

static const char lesson_shows[] =
    "The goroutine profile has a stack runtime.chansend1 called by\n"
    "(*Broker).Search.func1 that gains about 21 goroutines a minute and\n"
    "loses none; dumps say \"chan send\". Their hits hang on them: the heap\n"
    "profile shows (*Shards).Lookup below the same function growing by some\n"
    "90 KiB a minute, and the goroutineleak profile proves every one of\n"
    "them.";

static const char lesson_cannot[] =
    "Why the receiver went away is not in any profile: the function that\n"
    "returned early has left no trace. The place to look is what stands\n"
    "between the go statement and the receive in the function that created\n"
    "them.";

static void build_searches(struct sim_world *w, const char *name,
                           double per_second, bool is_leak)
{
    const struct sim_pose sends = {
        "chan send", sim_stack(w, "@chan-send", LOOKUP, NULL), 0.1};
    const struct sim_pose reads = {
        "IO wait",
        sim_stack(w, "@net-read", INDEX "(*Shards).Lookup shards.go:29", LOOKUP,
                  NULL),
        0.9};
    const sim_stack_id search = sim_stack(w, SEARCH, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 0.15,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, INDEX "(*Shards).Lookup shards.go:33", LOOKUP, NULL), 4096,
        1, "[]index.Hit", -1};
    p.members[p.n_members++] =
        (struct sim_member){search, 96, 1, "chan index.Hits", -1};
    p.members[p.n_members++] = (struct sim_member){search, 64, 1, "func()", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {sends, reads},
        .n_poses = is_leak ? 1 : 2,
        .created_by = INDEX "(*Broker).Search broker.go:57",
        .is_provable = is_leak,
        .has_sudog = is_leak,
    };
    sim_population(w, &p);
}

/* Requests under way, which wait for their hits. */
static void build_requests(struct sim_world *w)
{
    struct sim_population_spec p = {
        .name = "requests",
        .per_second = 14.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.15,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses[0] = {"chan receive",
                     sim_stack(w, "@chan-receive",
                     INDEX "(*Broker).Search broker.go:63", HANDLER,
                     NULL),
                     1.0},
        .n_poses = 1,
        .created_by = "@by-server",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 32);
    build_requests(w);
    build_searches(w, "answered searches", 14.0, false);
    build_searches(w, "searches without quota", 0.35, true);
    sim_constant(w, "shards",
                 sim_stack(w, INDEX "(*Shards).load shards.go:88",
                           "main.main main.go:37", "@main", NULL),
                 256 << 10, 16);
    sim_garbage(w, "pages",
                sim_stack(w, "@json-marshal", "main.(*API).search api.go:47",
                          "@http-handler", NULL),
                9000, 14.0);
}

const struct sim_scenario sim_scenario_early_return_send = {
    .name = "early-return-send",
    .number = "L2",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "sender is left behind by an early return",
    .service = "search",
    .hold = "goroutine blocked on send to a channel whose receiver returned "
            "early (quota error)",
    .culprits[0] = "acme.dev/search/internal/index.(*Broker).Search.func1",
    .culprits[1] = "acme.dev/search/internal/index.(*Broker).Search",
    .culprits[2] = "main.(*API).search",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
