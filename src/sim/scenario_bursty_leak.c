/*
 * Leak L25: batches whose delivery failed are kept for a retry that nobody
 * does. The receiver fails now and then, so the heap grows in bursts with
 * level stretches between.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define EXPORT "acme.dev/billing/internal/export."
#define RUN    "main.(*app).exportLoop app.go:66"

static const char lesson_leaks[] =
    "A batch that cannot be delivered is put aside to be sent again, but no\n"
    "code takes it from there. While the receiver is well nothing leaks;\n"
    "in each of its outages every batch stays. Between outages the heap is\n"
    "level, which makes each step look like a cache that was filled.";

static const char lesson_code[] =
    "func (e *Exporter) Flush(ctx context.Context, rows []Row) error {\n"
    "\tb := newBatch(rows)\n"
    "\tif err := e.send(ctx, b); err != nil {\n"
    "\t\te.retry = append(e.retry, b) // read by nobody\n"
    "\t\treturn err\n"
    "\t}\n"
    "\treturn nil\n"
    "}";

static const char lesson_fix[] =
    "\tif err := e.send(ctx, b); err != nil {\n"
    "\t\tif len(e.retry) < maxRetry {\n"
    "\t\t\te.retry = append(e.retry, b)\n"
    "\t\t} else {\n"
    "\t\t\te.dropped.Add(1)\n"
    "\t\t}\n"
    "\t\treturn err\n"
    "\t}\n"
    "\te.resend(ctx) // empties e.retry after a success";

static const char lesson_shows[] =
    "export.newBatch and json.Marshal under export.(*Exporter).Flush rise by\n"
    "five to ten megabytes within a minute, stay, and rise again; they never\n"
    "fall. What was kept in one burst is still there after the next: objects\n"
    "allocated grow all the time, objects freed stop during a burst.";

static const char lesson_cannot[] =
    "Two snapshots see a burst or miss it. One burst alone cannot be told\n"
    "from a cache being filled or from work of that moment; it takes several,\n"
    "and the reason (the receiver's outages) is in no profile.";

/* Is the receiver down? Once in 150 s for 45 s, at another place in each
   period: the fractional part of n / golden ratio spreads the places. */
static bool is_outage(double t_s)
{
    const double period_s = 150;
    const double outage_s = 45;
    const double spread = 0.6180339887498949;
    const double n = (double)(int64_t)(t_s / period_s);
    const double place = n * spread - (double)(int64_t)(n * spread);
    const double begin_s = place * (period_s - outage_s);
    const double into_s = t_s - n * period_s;
    return into_s >= begin_s && into_s < begin_s + outage_s;
}

static double when_down(const struct sim_world *w, double t_s)
{
    (void)w;
    return is_outage(t_s) ? 1.0 : 0.0;
}

static double when_up(const struct sim_world *w, double t_s)
{
    (void)w;
    return is_outage(t_s) ? 0.0 : 1.0;
}

static void build_batches(struct sim_world *w)
{
    const sim_stack_id rows =
        sim_stack(w, EXPORT "newBatch batch.go:29",
                  EXPORT "(*Exporter).Flush exporter.go:71", RUN, NULL);
    const sim_stack_id body =
        sim_stack(w, "@json-marshal", EXPORT "(*Exporter).send exporter.go:98",
                  EXPORT "(*Exporter).Flush exporter.go:72", RUN, NULL);
    const sim_stack_id append =
        sim_stack(w, EXPORT "(*Exporter).Flush exporter.go:73", RUN, NULL);
    const struct sim_population_spec failed = {
        .name = "batches kept for retry",
        .members[0] = sim_object(rows, 8 << 10, "[]export.Row", -1),
        .members[1] = sim_object(body, 24 << 10, NULL, 0),
        .n_members = 2,
        .per_second = 5,
        .rate = when_down,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = append,
        .container.elem_bytes = 8,
        .global = "main.exporter",
        .global_type = "*export.Exporter",
        .is_leak = true,
    };
    const struct sim_population_spec delivered = {
        .name = "batches delivered",
        .members[0] = sim_object(rows, 8 << 10, "[]export.Row", -1),
        .members[1] = sim_object(body, 24 << 10, NULL, 0),
        .n_members = 2,
        .per_second = 5,
        .rate = when_up,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 1.5,
    };
    sim_population(w, &failed);
    sim_population(w, &delivered);
}

static void build(struct sim_world *w)
{
    build_batches(w);
    const sim_stack_id price =
        sim_stack(w, "main.(*prices).load prices.go:51",
                  "main.serveInvoice invoice.go:38", "@http-handler", NULL);
    const struct sim_population_spec prices = {
        .name = "price list",
        .members[0] = sim_object(price, 224, "main.price", -1),
        .n_members = 1,
        .per_second = 12,
        .life.kind = SIM_QUEUE,
        .life.capacity = 4000,
        .n_start = 4000,
        .global = "main.priceList",
        .global_type = "main.prices",
    };
    sim_population(w, &prices);
    sim_workers(w, "export loops", "select", sim_stack(w, "@select", RUN, NULL),
                "main.main main.go:48", 2);
    sim_garbage(w, "invoice rows",
                sim_stack(w, "@sql-query", "main.serveInvoice invoice.go:44",
                          "@http-handler", NULL),
                640, 35);
    sim_http_server(w, 18);
}

const struct sim_scenario sim_scenario_bursty_leak = {
    .name = "bursty-leak",
    .number = "L25",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "batches kept in outages only, never sent again",
    .service = "billing",
    .hold = "slice main.exporter.retry, never drained",
    .culprits = {EXPORT "(*Exporter).Flush", EXPORT "newBatch",
                 EXPORT "(*Exporter).send"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
