/*
 * Leak L27: checkouts that are never paid leave a goroutine and a basket,
 * under a load that rises and falls by more than half.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define BEGIN   "main.(*Desk).Begin desk.go:44"
#define HANDLER "main.serveBegin begin.go:31", "@http-handler"
#define WAIT    "main.(*Desk).Begin.func1 desk.go:46"

static const char lesson_leaks[] =
    "Each checkout starts a goroutine that waits for the payment. Customers\n"
    "who walk away never pay, nobody closes the channel, and the goroutine\n"
    "waits for ever with the basket it captured. Paid checkouts end well, so\n"
    "the same line is healthy three times out of four.";

static const char lesson_code[] =
    "func (d *Desk) Begin(b *Basket) chan<- Payment {\n"
    "\tpaid := make(chan Payment)\n"
    "\tgo func() {\n"
    "\t\tp := <-paid // the customer may never come back\n"
    "\t\td.settle(b, p)\n"
    "\t}()\n"
    "\treturn paid\n"
    "}";

static const char lesson_fix[] = "\tgo func() {\n"
                                 "\t\tselect {\n"
                                 "\t\tcase p := <-paid:\n"
                                 "\t\t\td.settle(b, p)\n"
                                 "\t\tcase <-time.After(15 * time.Minute):\n"
                                 "\t\t\td.release(b)\n"
                                 "\t\t}\n"
                                 "\t}()";

static const char lesson_shows[] =
    "Goroutines in main.(*Desk).Begin.func1, waiting on a channel receive,\n"
    "rise by one every two seconds, faster at noon than at night, and do not\n"
    "fall when the load does. main.newBasket grows by 48 KiB with each. In\n"
    "dumps the oldest of them have waited since the start. Go 1.27 lists\n"
    "them in its goroutineleak profile.";

static const char lesson_cannot[] =
    "Paid checkouts wait at the same line for a few seconds, more of them\n"
    "under more load: on a rising slope of the day part of the growth is\n"
    "load, and one snapshot cannot say which part.";

static void build_checkouts(struct sim_world *w)
{
    const sim_stack_id wait = sim_stack(w, "@chan-receive", WAIT, NULL);
    const sim_stack_id basket =
        sim_stack(w, "main.newBasket basket.go:27", HANDLER, NULL);
    const sim_stack_id channel =
        sim_stack(w, "main.(*Desk).Begin desk.go:43", HANDLER, NULL);
    struct sim_population_spec checkouts = {
        .name = "checkouts abandoned",
        .members[0] = sim_object(basket, 48 << 10, "main.Basket", -1),
        .members[1] = sim_object(channel, 96, "chan main.Payment", -1),
        .n_members = 2,
        .goroutines[0].poses[0].wait = "chan receive",
        .goroutines[0].poses[0].stack = wait,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = BEGIN,
        .goroutines[0].has_sudog = true,
        .goroutines[0].is_provable = true,
        .n_goroutines = 1,
        .per_second = 0.5,
        .life.kind = SIM_FOREVER,
        .is_leak = true,
    };
    sim_population(w, &checkouts);
    checkouts.name = "checkouts to be paid";
    checkouts.goroutines[0].is_provable = false;
    checkouts.per_second = 1.5;
    checkouts.life = (struct sim_life){SIM_EXPONENTIAL, .mean_s = 6};
    checkouts.n_start = 9;
    checkouts.is_leak = false;
    sim_population(w, &checkouts);
}

static void build(struct sim_world *w)
{
    build_checkouts(w);
    const sim_stack_id item =
        sim_stack(w, "main.(*catalogue).item catalogue.go:58",
                  "main.serveItem item.go:24", "@http-handler", NULL);
    const struct sim_population_spec items = {
        .name = "items looked at",
        .members[0] = sim_object(item, 1792, "main.item", -1),
        .n_members = 1,
        .per_second = 25,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 40,
        .n_start = 1000,
        .global = "main.shelf",
        .global_type = "main.catalogue",
    };
    sim_population(w, &items);
    sim_garbage(w, "item pages",
                sim_stack(w, "@template-execute", "main.serveItem item.go:30",
                          "@http-handler", NULL),
                2048, 60);
    sim_http_server(w, 45);
}

const struct sim_scenario sim_scenario_leak_under_diurnal = {
    .name = "leak-under-diurnal",
    .number = "L27",
    .label = SIM_LEAK,
    .kind = "both",
    .what = "unpaid checkouts wait for ever, under a daily load",
    .service = "checkout",
    .hold = "goroutines blocked on receive; the channel has no sender left",
    .culprits = {"main.(*Desk).Begin.func1", "main.newBasket",
                 "main.(*Desk).Begin"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_DIURNAL,
    .build = build,
};
