/*
 * Leak L1: every order gets a channel and a worker that receives from it until
 * it is closed. Orders that are declined return before the close, and their
 * workers wait for ever.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define PLACE "main.(*Server).place server.go:52", "@http-handler"
#define WORK  "@chan-receive2", "main.worker worker.go:31"

static const char lesson_leaks[] =
    "A goroutine ends only when its function returns. worker returns when\n"
    "its channel is closed, and the early return for a declined order\n"
    "leaves the channel open. Nothing else knows that channel, so nobody\n"
    "can ever close it or send on it: the worker, its stack and the order\n"
    "it was given stay until the process ends.";

static const char lesson_code[] =
    "func (d *Dispatcher) Place(o *Order) error {\n"
    "\tch := make(chan Event)\n"
    "\tgo worker(o, ch)\n"
    "\tif !d.charge(o, ch) {\n"
    "\t\treturn errDeclined // ch stays open\n"
    "\t}\n"
    "\tclose(ch)\n"
    "\treturn nil\n"
    "}\n"
    "\n"
    "func worker(o *Order, ch <-chan Event) {\n"
    "\tfor {\n"
    "\t\te, ok := <-ch\n"
    "\t\tif !ok {\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t\to.apply(e)\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func (d *Dispatcher) Place(o *Order) error {\n"
    "\tch := make(chan Event)\n"
    "\tdefer close(ch) // on every way out\n"
    "\tgo worker(o, ch)\n"
    "\tif !d.charge(o, ch) {\n"
    "\t\treturn errDeclined\n"
    "\t}\n"
    "\treturn nil\n"
    "}";

static const char lesson_shows[] =
    "In the goroutine profile one stack climbs without a fall:\n"
    "runtime.chanrecv2 called by main.worker, about 72 more every minute,\n"
    "all created by main.(*Dispatcher).Place. In a full dump they are \"chan\n"
    "receive\" with minutes that only rise, and no goroutine id ever goes\n"
    "away. The goroutineleak profile lists them all. StackInuse rises by at\n"
    "least 2 KiB each; the heap profile shows only their orders, channels\n"
    "and 96-byte wait records.";

static const char lesson_cannot[] =
    "One look cannot tell a worker that waits for its next event from one\n"
    "that waits for ever: the pool that was started with the process stands\n"
    "in the same line of the same function. Only growth, or the proof that\n"
    "the channel is unreachable, sets them apart.";

/* The dispatcher's own pool: it shares the function with what leaks, but its
   channel is in use. */
static void build_pool(struct sim_world *w)
{
    const struct sim_pose waits = {"chan receive", sim_stack(w, WORK, NULL),
                                   0.95};
    const struct sim_pose writes = {"IO wait",
                                    sim_stack(w, "@net-write",
                                              "main.(*Order).apply order.go:74",
                                              "main.worker worker.go:35", NULL),
                                    0.05};
    struct sim_population_spec p = {.name = "worker pool", .n_start = 48};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits, writes},
        .n_poses = 2,
        .created_by = "main.NewDispatcher dispatcher.go:24",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build_orders(struct sim_world *w, const char *name,
                         double per_second, bool is_leak)
{
    const struct sim_pose waits = {"chan receive", sim_stack(w, WORK, NULL),
                                   1.0};
    const sim_stack_id decode = sim_stack(w, "@json-decode", PLACE, NULL);
    const sim_stack_id order =
        sim_stack(w, "main.newOrder order.go:28", PLACE, NULL);
    const sim_stack_id channel =
        sim_stack(w, "main.(*Dispatcher).Place dispatcher.go:49", PLACE, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 0.2,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){order, 208, 1, "main.Order", -1};
    p.members[p.n_members++] =
        (struct sim_member){decode, 320, 1, "[]main.Item", 0};
    p.members[p.n_members++] = (struct sim_member){decode, 32, 3, "string", 0};
    p.members[p.n_members++] =
        (struct sim_member){channel, 96, 1, "chan main.Event", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = "main.(*Dispatcher).Place dispatcher.go:50",
        .is_provable = is_leak,
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 24);
    build_pool(w);
    build_orders(w, "settled orders", 10.8, false);
    build_orders(w, "declined orders", 1.2, true);
    sim_garbage(w, "answers", sim_stack(w, "@json-marshal", PLACE, NULL), 640,
                12.0);
}

const struct sim_scenario sim_scenario_unclosed_channel = {
    .name = "unclosed-channel",
    .number = "L1",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "workers wait on channels that nobody closes",
    .service = "orders",
    .hold = "goroutine of main.worker blocked on receive from a channel that "
            "no one closes (declined orders)",
    .culprits[0] = "main.worker",
    .culprits[1] = "main.(*Dispatcher).Place",
    .culprits[2] = "main.(*Server).place",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
