/*
 * A saw-tooth whose tooth is longer than the window: what is gathered for the
 * whole accounting period is dropped at its end, which nobody sees.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Charges are gathered until the accounting period is closed; then they\n"
    "are invoiced and dropped together. The series covers less than a\n"
    "period, so it shows the gathering only.";

static const char lesson_code[] =
    "func (p *Period) charge(use []byte) {\n"
    "\tc := &Charge{use: bytes.Clone(use)}\n"
    "\tp.mu.Lock()\n"
    "\tp.charges = append(p.charges, c)\n"
    "\tp.mu.Unlock()\n"
    "}\n"
    "\n"
    "func (b *Billing) closeDue(ctx context.Context) {\n"
    "\tfor {\n"
    "\t\tselect {\n"
    "\t\tcase <-b.endOfPeriod():\n"
    "\t\t\tb.invoice(b.period.charges)\n"
    "\t\t\tb.period = new(Period)\n"
    "\t\tcase <-ctx.Done():\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "A rise as steady as a leak's. A series over several periods shows the\n"
    "teeth.";

static const char lesson_cannot[] =
    "That there is a closing to come. The rule must be known, or the window\n"
    "must be longer than the period.";

enum { CHARGES = 9000 };

/* Charges since the last closing; the period is 1.6 windows. */
static double charges_open(const struct sim_world *w, double t_s)
{
    const double periods = t_s / (1.6 * sim_window_s(w));
    return 1.6 * CHARGES * (periods - (double)(uint64_t)periods);
}

static void build(struct sim_world *w)
{
    const sim_stack_id charged =
        sim_stack(w, "main.(*Period).charge period.go:47",
                  "main.(*Billing).use billing.go:62", "@http-handler", NULL);
    const sim_stack_id appended =
        sim_stack(w, "@growslice", "main.(*Period).charge period.go:49",
                  "main.(*Billing).use billing.go:62", "@http-handler", NULL);
    struct sim_population_spec charges = {
        .name = "charges",
        .n_members = 2,
        .ignores_load = true,
        .target = charges_open,
        .global = "main.period",
        .global_type = "[]*main.Charge",
    };
    charges.members[0] =
        (struct sim_member){charged, 256, 1, "main.Charge", -1};
    charges.members[1] = (struct sim_member){charged, 3000, 1, "[]uint8", 0};
    charges.life = (struct sim_life){.kind = SIM_TARGET};
    charges.container = (struct sim_container){
        .kind = SIM_SLICE, .stack = appended, .elem_bytes = 8};
    sim_population(w, &charges);
    sim_workers(
        w, "closer", "select",
        sim_stack(w, "@select", "main.(*Billing).closeDue closing.go:28", NULL),
        "main.main main.go:35", 1);
    sim_garbage(w, "receipts",
                sim_stack(w, "@template-execute",
                          "main.(*Billing).use billing.go:70", "@http-handler",
                          NULL),
                6144, 100);
    sim_http_server(w, 30);
}

const struct sim_scenario sim_scenario_slow_sawtooth = {
    .name = "slow-sawtooth",
    .number = "C21",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a saw-tooth whose period is longer than the window",
    .service = "billing",
    .hold = "slice main.period, until the period is closed",
    .undecidable =
        "the window lies within one tooth: the heap only rises and the fall "
        "comes after the last look",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
