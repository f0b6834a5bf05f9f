/*
 * Traffic that grows two and a half times within the window. Everything that
 * is in flight grows with it, at every site at once, and every test that looks
 * only at what is in use calls all of it a leak.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "A campaign brings more and more buyers. There are more carts open and\n"
    "more payments waiting at any moment, but each of them still lasts as\n"
    "long as before, and all would be gone soon after the last buyer.";

static const char lesson_code[] =
    "func (c *Checkout) begin(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\tcart := newCart(r)\n"
    "\tcarts[cart.ID] = cart\n"
    "\ttime.AfterFunc(patience, func() { c.drop(cart.ID) })\n"
    "\twrite(w, cart)\n"
    "}\n"
    "\n"
    "func (b *Bank) authorise(ctx context.Context, o *Order) error {\n"
    "\tanswer := b.send(o)\n"
    "\tselect {\n"
    "\tcase err := <-answer:\n"
    "\t\treturn err\n"
    "\tcase <-ctx.Done():\n"
    "\t\treturn ctx.Err()\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Growth at every busy site, and allocation that grows by the same\n"
    "factor. In use divided by allocated per second, the time an object\n"
    "stays, remains what it was; in a leak it rises. The goroutines of one\n"
    "dump are gone in the next.";

static const char lesson_cannot[] =
    "Goroutine profiles have no counter of those that ended, so alone they\n"
    "cannot tell a ramp from a leak: the heap profile's allocation rate or\n"
    "the dumps must say how the load went.";

/* Short against any window, so that what is in use follows the traffic. */
static double short_life_s(const struct sim_world *w)
{
    return sim_window_s(w) / 60;
}

static void add_carts(struct sim_world *w)
{
    const sim_stack_id opened = sim_stack(
        w, "main.newCart cart.go:28", "main.(*Checkout).begin checkout.go:47",
        "@http-handler", NULL);
    const sim_stack_id inserted = sim_stack(
        w, "@map-assign-fast64", "main.(*Checkout).begin checkout.go:49",
        "@http-handler", NULL);
    struct sim_population_spec carts = {
        .name = "carts",
        .n_members = 2,
        .per_second = 1000 / short_life_s(w),
        .n_start = 1000,
        .global = "main.carts",
        .global_type = "map[int]*main.Cart",
    };
    carts.members[0] = (struct sim_member){opened, 320, 1, "main.Cart", -1};
    carts.members[1] = (struct sim_member){opened, 16000, 1, "[]uint8", 0};
    carts.life =
        (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = short_life_s(w)};
    carts.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &carts);
}

static void add_payments(struct sim_world *w)
{
    const sim_stack_id waits =
        sim_stack(w, "@select", "main.(*Bank).authorise bank.go:66",
                  "main.(*Checkout).pay checkout.go:83", "@http-handler", NULL);
    const sim_stack_id asked =
        sim_stack(w, "main.(*Bank).authorise bank.go:58",
                  "main.(*Checkout).pay checkout.go:83", "@http-handler", NULL);
    const double life_s = short_life_s(w) / 5;
    struct sim_population_spec payments = {
        .name = "payments",
        .n_members = 1,
        .n_goroutines = 1,
        .per_second = 80 / life_s,
        .n_start = 80,
    };
    payments.members[0] = (struct sim_member){asked, 2048, 1, "main.Order", -1};
    payments.goroutines[0].poses[0] = (struct sim_pose){"select", waits, 1};
    payments.goroutines[0].n_poses = 1;
    payments.goroutines[0].created_by = "@by-server";
    payments.goroutines[0].has_sudog = true;
    payments.life =
        (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = life_s};
    sim_population(w, &payments);
}

static void build(struct sim_world *w)
{
    add_carts(w);
    add_payments(w);
    sim_garbage(w, "answers",
                sim_stack(w, "@json-marshal",
                          "main.(*Checkout).begin checkout.go:55",
                          "@http-handler", NULL),
                4096, 200);
    sim_http_server(w, 50);
}

const struct sim_scenario sim_scenario_traffic_ramp = {
    .name = "traffic-ramp",
    .number = "C3",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "traffic grows 2.5 times, and all in flight with it",
    .service = "checkout",
    .hold = "carts and payments in flight, each gone within seconds",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_RAMP,
    .build = build,
};
