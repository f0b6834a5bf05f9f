/*
 * The ordinary life of a service: a call graph of made-up but plausible
 * packages whose stacks allocate, hold and let go at a level that was reached
 * before the first look. Most stacks make garbage, at rates of a power law,
 * some hold sessions and results for a while, some hold what start-up made
 * for good, a few are queues at their capacity. How much is in use grows with
 * the number of stacks, how much is allocated a second does not.
 */
#include "sim/world_private.h"

#include <string.h>

#include "base/banned.h"

enum {
    CALL_LINES = 4, /* places in a function that calls are made from */
    FUNCTION_LINES = 40,
    STACK_TEXTS = 16,
    TRIES_MAX = 30
};

/* --- words --- */

struct module {
    const char *name;
    const char *types[4];
    const char *verbs[6];
    const char *leaves[5]; /* chains it allocates through; NULL: itself */
};

/* What serves a request, what decides, what fetches and keeps. */
enum layer { EDGE, DOMAIN, STORE, N_LAYERS };

enum { MODULES_IN_LAYER = 4 };

/* clang-format off */
static const struct module modules[N_LAYERS][MODULES_IN_LAYER] = {
    [EDGE] = {
        {"handlers",
         {"Accounts", "Orders", "Search", "Reports"},
         {"Get", "List", "Create", "Update", "Export", "Preview"},
         {NULL, "@fmt-sprintf", "@json-decode", "@json-encode", "@url-query"}},
        {"gateway",
         {"Proxy", "Router", "Limiter", "Upstream"},
         {"Forward", "Route", "Admit", "Retry", "Rewrite", "Balance"},
         {NULL, "@context-with-timeout", "@http-new-request",
          "@string-concat", "@http-do"}},
        {"webhook",
         {"Receiver", "Signer", "Dispatcher", "Delivery"},
         {"Receive", "Verify", "Deliver", "Sign", "Parse", "Ack"},
         {NULL, "@read-all", "@hex-encode", "@json-unmarshal",
          "@base64-encode"}},
        {"admin",
         {"Console", "Audit", "Flags", "Jobs"},
         {"Show", "Record", "Toggle", "Start", "Describe", "Render"},
         {NULL, "@template-execute", "@fmt-sprint", "@json-marshal",
          "@bytes-grow-string"}},
    },
    [DOMAIN] = {
        {"auth",
         {"Guard", "Tokens", "Sessions", "Policy"},
         {"Check", "Issue", "Refresh", "Resolve", "Allow", "Load"},
         {NULL, "@context-with-value", "@base64-encode", "@strings-split",
          "@context-with-cancel"}},
        {"billing",
         {"Invoices", "Ledger", "Quotes", "Taxes"},
         {"Compute", "Post", "Quote", "Round", "Collect", "Settle"},
         {NULL, "@fmt-sprintf", "@convt64", "@time-format", "@itoa"}},
        {"search",
         {"Index", "Query", "Ranker", "Facets"},
         {"Find", "Parse", "Rank", "Count", "Suggest", "Merge"},
         {NULL, "@regexp-match", "@strings-lower", "@strings-join",
          "@growslice"}},
        {"notify",
         {"Mailer", "Outbox", "Digest", "Channels"},
         {"Send", "Compose", "Batch", "Pick", "Schedule", "Render"},
         {NULL, "@strings-builder", "@fmt-sprintf", "@time-timer",
          "@template-execute"}},
    },
    [STORE] = {
        {"store",
         {"Customers", "Items", "Payments", "Events"},
         {"Find", "Insert", "Scan", "Page", "Load", "Lock"},
         {"@sql-query", "@sql-scan", NULL, "@sql-exec", "@fmt-sprintf"}},
        {"cache",
         {"Shard", "Lru", "Loader", "Keys"},
         {"Get", "Put", "Fill", "Evict", "Key", "Touch"},
         {NULL, "@list-push", "@string-concat", "@slicebytetostring",
          "@map-assign-faststr"}},
        {"codec",
         {"Decoder", "Encoder", "Frames", "Schema"},
         {"Decode", "Encode", "Read", "Write", "Validate", "Expand"},
         {"@json-unmarshal", "@json-unmarshal-any", "@json-marshal",
          "@bytes-grow", NULL}},
        {"metrics",
         {"Registry", "Histogram", "Labels", "Traces"},
         {"Observe", "With", "Start", "Flush", "Tag", "Export"},
         {NULL, "@itoa", "@string-concat", "@convt", "@growslice"}},
    },
};
/* clang-format on */

/* Sizes of some chains' objects; others are drawn. */
static const struct {
    const char *chain;
    uint64_t bytes;
} sizes[] = {
    {"@context-with-value",   48 },
    {"@context-with-timeout", 112},
    {"@context-with-cancel",  80 },
    {"@list-push",            48 },
    {"@time-timer",           112},
    {"@convt",                16 },
    {"@convt64",              8  },
    {"@itoa",                 8  },
    {"@sql-query",            96 },
};

/* --- draws --- */

struct graph {
    struct sim_world *w;
    struct sim_random random;
    unsigned n_functions; /* of a package in use */
    unsigned n_modules;   /* of a layer in use */
    unsigned serial;      /* names populations */
};

static unsigned below(struct graph *g, unsigned n)
{
    return (unsigned)sim_random_below(&g->random, n);
}

/* Spread evenly over the orders of magnitude between two bounds. */
static double between(struct graph *g, double low, double high)
{
    return low * sim_exp(sim_random_unit(&g->random) * sim_log(high / low));
}

/* Heavy-tailed, around 1. */
static double weight(struct graph *g)
{
    return sim_exp(1.5 * sim_random_normal(&g->random));
}

/* How often code runs follows a power law: a few stacks allocate most, most
   are seen by the profiler once in minutes or never. The least unit bounds
   what one of them takes. */
static double rate_weight(struct graph *g)
{
    const double exponent = 1.3;
    const double least = 0.002;
    const double unit = least + (1 - least) * sim_random_unit(&g->random);
    return sim_exp(-exponent * sim_log(unit));
}

/* Bytes of an object: mostly 16 to 1024, some buffers of 4 to 64 KiB. */
static uint64_t draw_bytes(struct graph *g)
{
    if (sim_random_unit(&g->random) < 0.06) {
        return UINT64_C(4096) << below(g, 5);
    }
    const double bytes = 110 * sim_exp(1.1 * sim_random_normal(&g->random));
    if (bytes < 16) {
        return 16;
    }
    return bytes < 2048 ? (uint64_t)bytes : 2048;
}

/* 0: any. */
static uint64_t fixed_bytes(const char *chain)
{
    for (size_t i = 0; chain && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(chain, sizes[i].chain) == 0) {
            return sizes[i].bytes;
        }
    }
    return 0;
}

/* --- stacks --- */

/* A stack being written, leaf first. */
struct path {
    const char *texts[STACK_TEXTS];
    size_t n;
};

static void add_text(struct path *p, const char *text)
{
    if (p->n < STACK_TEXTS) {
        p->texts[p->n++] = text;
    }
}

/* "Orders" is declared in "orders.go". */
static const char *file_of(struct graph *g, const char *type)
{
    return sim_text(g->w, "%c%s.go", type[0] - 'A' + 'a', type + 1);
}

static const struct module *pick_module(struct graph *g, enum layer layer)
{
    return &modules[layer][below(g, g->n_modules)];
}

/* A method of the package, seen at one of its calls. */
static void add_method(struct graph *g, struct path *p, const struct module *m)
{
    const unsigned function = below(g, g->n_functions);
    const char *type = m->types[function % 4];
    const unsigned verb = function / 4;
    const unsigned line =
        24 + verb * FUNCTION_LINES + 3 + below(g, CALL_LINES) * 7;
    add_text(p, sim_text(g->w, "acme.dev/%s/internal/%s.(*%s).%s %s:%u",
                         g->w->code.service, m->name, type, m->verbs[verb],
                         file_of(g, type), line));
}

/* A small constructor that the compiler put into its caller. */
static void add_inlined(struct graph *g, struct path *p, const struct module *m)
{
    const char *type = m->types[below(g, 4)];
    add_text(p, sim_text(g->w, "acme.dev/%s/internal/%s.new%s %s:14 inlined",
                         g->w->code.service, m->name, type, file_of(g, type)));
}

/* Through the layers down to `last`; the chain that allocates, or NULL, is
   given out, since sizes follow from it. */
static void add_layers(struct graph *g, struct path *p, enum layer last,
                       const char **chain)
{
    const struct module *m = pick_module(g, last);
    *chain = m->leaves[below(g, 5)];
    if (*chain) {
        add_text(p, *chain);
    } else if (below(g, 4) == 0) {
        add_inlined(g, p, m);
    }
    add_method(g, p, m);
    for (int layer = (int)last; layer >= 0; layer--) {
        if (below(g, 3) == 0) {
            add_method(g, p, pick_module(g, (enum layer)layer));
        }
        if (layer > 0) {
            add_method(g, p, pick_module(g, (enum layer)(layer - 1)));
        }
    }
}

/* What a request or a worker runs. */
static void add_root(struct graph *g, struct path *p)
{
    const char *service = g->w->code.service;
    switch (below(g, 8)) {
    case 0:
        add_text(p, sim_text(g->w,
                             "acme.dev/%s/internal/queue.(*Worker).run "
                             "worker.go:58",
                             service));
        break;
    case 1:
    case 2:
        add_text(p, sim_text(g->w,
                             "acme.dev/%s/internal/server.(*Server).traced."
                             "func1 middleware.go:41",
                             service));
        add_text(p, "@http-handler");
        break;
    default:
        add_text(p, "@http-handler");
        break;
    }
}

/* Start-up: called from main, or from a package's init. */
static void add_start(struct graph *g, struct path *p)
{
    if (below(g, 3) > 0) {
        add_text(p,
                 sim_text(g->w, "acme.dev/%s/internal/server.New server.go:%u",
                          g->w->code.service, 31 + below(g, 12)));
        add_text(p, "main.main main.go:38");
        add_text(p, "@main");
        return;
    }
    const struct module *m = pick_module(g, (enum layer)below(g, N_LAYERS));
    add_text(p, sim_text(g->w, "acme.dev/%s/internal/%s.init tables.go:%u",
                         g->w->code.service, m->name, 9 + below(g, 40)));
    add_text(p, "@init");
}

struct leaf {
    sim_stack_id stack;
    uint64_t bytes;
    bool is_fixed; /* its objects always have that size */
};

/* A stack of its own: drawn again when there is one like it. */
static struct leaf draw_leaf(struct graph *g, bool is_start)
{
    static const char *const start_leaves[] = {NULL,
                                               "@regexp-compile",
                                               "@template-parse",
                                               "@map-assign-faststr",
                                               "@makeslice",
                                               "@json-unmarshal"};
    struct leaf leaf = {0};
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        const size_t n_before = g->w->code.stacks.n;
        struct path p = {0};
        const char *chain = NULL;
        if (is_start) {
            chain = start_leaves[below(g, 6)];
            if (chain) {
                add_text(&p, chain);
            }
            add_method(g, &p, pick_module(g, (enum layer)below(g, N_LAYERS)));
            add_start(g, &p);
        } else {
            add_layers(g, &p, (enum layer)below(g, N_LAYERS), &chain);
            add_root(g, &p);
        }
        leaf.stack = sim_stack_of(g->w, p.texts, p.n);
        leaf.is_fixed = fixed_bytes(chain) > 0;
        leaf.bytes = leaf.is_fixed ? fixed_bytes(chain) : draw_bytes(g);
        if (g->w->code.stacks.n > n_before) {
            break;
        }
    }
    return leaf;
}

/* --- populations --- */

/* A population before its level is known: levels are shared out by weight
   when all of a kind are drawn. */
struct draft {
    struct sim_population_spec spec;
    double weight;
    double entry_bytes;
    /* Sizes its one object has: what a buffer or slice has grown to. 1: no
       growth. */
    unsigned n_sizes;
};
VEC_TYPE(drafts, struct draft)

/* The kinds of life, and the share of the stacks that lead it, percent. */
enum kind { GARBAGE, HELD, CONSTANT, QUEUED, N_KINDS };

static const struct {
    const char *name;
    unsigned percent, most_members;
    unsigned growing; /* percent of the populations; a tenth of the stacks */
} kinds[N_KINDS] = {
    [GARBAGE] = {"garbage",  75, 5, 35},
    [HELD] = {"held",     15, 3, 28},
    [CONSTANT] = {"constant", 8,  1, 0 },
    [QUEUED] = {"queued",   2,  2, 0 },
};

/* What all stacks of each kind have together. */
struct budget {
    double garbage_per_s; /* bytes */
    double held_per_s;
    double held_s_max; /* longest mean life */
    double constant_bytes;
    double queued_bytes, queued_s;
};

static const double held_s_min = 1.0;

static struct budget budget_of(struct graph *g, unsigned n)
{
    /* Bytes in use a stack: what services of some size show at this rate. */
    const double total = 61440.0 * (double)n;
    struct budget b = {0};
    b.garbage_per_s = between(g, 1.0e6, 2.2e6);
    const double third = sim_interval_s(g->w) / 3;
    b.held_s_max = third > 3 ? third : 3;
    /* The mean of a life drawn by between(). */
    const double held_s =
        (b.held_s_max - held_s_min) / sim_log(b.held_s_max / held_s_min);
    const double held_per_s = 0.35 * total / held_s;
    b.held_per_s = held_per_s < 0.9e6 ? held_per_s : 0.9e6;
    b.queued_bytes = 0.2 * total;
    b.queued_s = b.queued_bytes / 0.2e6 > 5 ? b.queued_bytes / 0.2e6 : 5;
    b.constant_bytes = total - b.held_per_s * held_s - b.queued_bytes;
    return b;
}

/* A step of what grows: twice as much, from 4 KiB on as runtime/slice.go does
   it for elements of 16 bytes. */
static uint64_t grown(uint64_t bytes)
{
    const uint64_t large = 4096;
    return sim_size_class(bytes < large ? 2 * bytes
                                        : bytes + (bytes + 3 * large) / 4);
}

/* Each further size is needed by this share of those that had the one
   before. */
static const double growth_share = 0.4;

/* One stack whose objects have several sizes. */
static void draw_growth(struct graph *g, enum kind kind, struct draft *d)
{
    const struct leaf leaf = draw_leaf(g, false);
    /* One stack's part of what an entry's stacks have together. */
    d->weight /= 0.5 * (1 + kinds[kind].most_members);
    d->spec.n_members = 1;
    d->spec.members[0] = sim_object(leaf.stack, leaf.bytes, NULL, -1);
    if (leaf.is_fixed) {
        d->entry_bytes = (double)leaf.bytes;
        return;
    }
    d->n_sizes = 2 + below(g, 1 + below(g, 7));
    uint64_t bytes = UINT64_C(32) << below(g, 5);
    d->spec.members[0].bytes = bytes;
    double share = 1;
    for (unsigned i = 0; i < d->n_sizes; i++) {
        d->entry_bytes += share * (double)bytes;
        share *= growth_share;
        bytes = grown(bytes);
    }
}

/* Draws the stacks of a population, at most `n`; returns how many. */
static unsigned draw_draft(struct graph *g, enum kind kind, unsigned n,
                           struct draft *d)
{
    *d = (struct draft){.weight = kind == GARBAGE ? rate_weight(g) : weight(g),
                        .n_sizes = 1};
    d->spec.name =
        sim_text(g->w, "background %s %u", kinds[kind].name, g->serial++);
    if (below(g, 100) < kinds[kind].growing) {
        draw_growth(g, kind, d);
        return 1;
    }
    const unsigned wanted = below(g, kinds[kind].most_members) + 1;
    d->spec.n_members = wanted < n ? wanted : n;
    for (unsigned i = 0; i < d->spec.n_members; i++) {
        const struct leaf leaf = draw_leaf(g, kind == CONSTANT);
        d->spec.members[i] = (struct sim_member){.stack = leaf.stack,
                                                 .bytes = leaf.bytes,
                                                 .count = 1,
                                                 .parent = i == 0 ? -1 : 0};
        d->entry_bytes += (double)leaf.bytes;
    }
    return d->spec.n_members;
}

static uint64_t at_least_one(double n)
{
    return n < 1 ? 1 : (uint64_t)n;
}

/* Sets what a population holds or allocates: its `share` of the budget. It
   starts with as many entries as it has on average. */
static void settle(struct graph *g, enum kind kind, const struct budget *b,
                   double share, struct draft *d)
{
    struct sim_population_spec *p = &d->spec;
    const bool expires = kind == HELD && below(g, 3) == 0;
    switch (kind) {
    case GARBAGE:
    case HELD:
        p->life.kind = expires ? SIM_FIXED : SIM_EXPONENTIAL;
        p->life.mean_s = kind == HELD ? between(g, held_s_min, b->held_s_max)
                                      : between(g, 0.002, 1.0);
        p->life.spread_s = expires ? p->life.mean_s / 4 : 0;
        p->per_second = share *
                        (kind == HELD ? b->held_per_s : b->garbage_per_s) /
                        d->entry_bytes;
        p->n_start =
            sim_random_poisson(&g->random, p->per_second * p->life.mean_s);
        break;
    case CONSTANT:
        p->life.kind = SIM_FOREVER;
        p->n_start = at_least_one(share * b->constant_bytes / d->entry_bytes);
        break;
    case QUEUED:
        p->life.kind = SIM_QUEUE;
        p->life.capacity =
            at_least_one(share * b->queued_bytes / d->entry_bytes);
        p->n_start = p->life.capacity;
        p->per_second =
            (double)p->life.capacity / (b->queued_s * between(g, 0.5, 2.0));
        break;
    case N_KINDS:
        break;
    }
}

/* Declares a population, or one for each size that it has. */
static void declare(struct graph *g, const struct draft *d)
{
    struct sim_population_spec p = d->spec;
    for (unsigned i = 0; i < d->n_sizes; i++) {
        sim_population(g->w, &p);
        p.name = sim_text(g->w, "%s grown %u", d->spec.name, i + 1);
        p.members[0].bytes = grown(p.members[0].bytes);
        p.per_second *= growth_share;
        p.n_start =
            sim_random_poisson(&g->random, p.per_second * p.life.mean_s);
    }
}

/* All populations of a kind, over `n` stacks. */
static void add_kind(struct graph *g, enum kind kind, unsigned n,
                     const struct budget *b)
{
    struct drafts drafts = {0};
    double weights = 0;
    while (n > 0) {
        struct draft d;
        n -= draw_draft(g, kind, n, &d);
        weights += d.weight;
        if (!drafts_push(&drafts, d)) {
            break; /* the world says so when it is out of memory itself */
        }
    }
    for (size_t i = 0; i < drafts.n; i++) {
        settle(g, kind, b, drafts.items[i].weight / weights, &drafts.items[i]);
        declare(g, &drafts.items[i]);
    }
    drafts_release(&drafts);
}

void sim_background(struct sim_world *w, unsigned n)
{
    if (n == 0) {
        return;
    }
    struct graph g = {.w = w};
    const struct sim_options *o = &w->options;
    sim_random_init(&g.random, o->build != 0 ? o->build : o->seed,
                    "background");
    /* More stacks come of more code, but packages have an end. */
    g.n_functions = n / 20 + 6 < 24 ? n / 20 + 6 : 24;
    g.n_modules = n < 60 ? 2 : n < 300 ? 3 : MODULES_IN_LAYER;
    const struct budget budget = budget_of(&g, n);
    unsigned left = n;
    for (int kind = N_KINDS - 1; kind > 0; kind--) {
        const unsigned part = (n * kinds[kind].percent + 50) / 100;
        add_kind(&g, (enum kind)kind, part, &budget);
        left -= part;
    }
    add_kind(&g, GARBAGE, left, &budget);
    sim_background_goroutines(w, w->code.service, n);
}

/* --- the server --- */

/* An idle connection's objects, as Go 1.26 allocates them. */
static const struct {
    const char *texts[2];
    uint64_t bytes;
} connection[] = {
    {{"@server-new-conn", NULL},             208 },
    {{"@server-reader", NULL},               4096},
    {{"@server-reader", NULL},               96  },
    {{"@server-writer", NULL},               4096},
    {{"@server-writer", NULL},               64  },
    {{"@server-accept-conn", NULL},          128 },
    {{"@server-serve", NULL},                64  },
    {{"@context-with-cancel", "@http-conn"}, 80  },
};

enum { CONNECTION_OBJECTS = sizeof(connection) / sizeof(connection[0]) };
_Static_assert((int)CONNECTION_OBJECTS <= (int)SIM_MEMBERS_MAX,
               "an entry has room for a connection");

void sim_http_server(struct sim_world *w, uint64_t n)
{
    sim_workers(w, "http acceptor", "IO wait",
                sim_stack(w, "@http-accept", NULL), "main.main main.go:52", 1);
    if (n == 0) {
        return;
    }
    /* Clients come back when they were cut off: as many stay connected. */
    const double stay_s = 300;
    struct sim_population_spec idle = {
        .name = "http idle",
        .n_members = CONNECTION_OBJECTS,
        .n_goroutines = 1,
        .per_second = (double)n / stay_s,
        .ignores_load = true,
        .life = {.kind = SIM_QUEUE, .capacity = n},
        .n_start = n,
    };
    for (unsigned i = 0; i < CONNECTION_OBJECTS; i++) {
        idle.members[i] = (struct sim_member){
            .stack = sim_stack_of(w, connection[i].texts,
                                  connection[i].texts[1] ? 2 : 1),
            .bytes = connection[i].bytes,
            .count = 1,
            .parent = i == 0 ? -1 : 0,
        };
    }
    idle.goroutines[0] = (struct sim_goroutine_spec){
        .poses = {{.wait = "IO wait",
                   .stack = sim_stack(w, "@server-idle", NULL)}},
        .n_poses = 1,
        .created_by = "@by-server",
    };
    sim_population(w, &idle);
}
