/*
 * Batches that gather rows and drop them all at the end. The heap goes up and
 * down by tens of megabytes, several times within the window; two looks can
 * fall on the bottom of one tooth and the top of another.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "A batch reads all its rows before it works on them, so the heap climbs\n"
    "as long as it reads. When the batch returns its slice is garbage, and\n"
    "the next one starts from nothing.";

static const char lesson_code[] =
    "func (p *Payroll) run(month Month) {\n"
    "\trows := p.read(month)\n"
    "\tsort(rows)\n"
    "\tpay(rows)\n"
    "\tp.print(rows)\n"
    "} // rows are garbage from here on\n"
    "\n"
    "func (p *Payroll) read(month Month) []*Row {\n"
    "\tvar rows []*Row\n"
    "\tfor raw, ok := p.ledger.next(); ok; raw, ok = p.ledger.next() {\n"
    "\t\trows = append(rows, decodeRow(raw))\n"
    "\t}\n"
    "\treturn rows\n"
    "}";

static const char lesson_shows[] =
    "Teeth: the site climbs and falls to nothing, again and again, and at\n"
    "the end of the window about everything that was ever allocated has been\n"
    "freed. A leak has no such falls.";

static const char lesson_cannot[] =
    "With few looks, or looks in step with the batches, the teeth can line\n"
    "up to a slope. More looks, or an odd interval, break that.";

enum { BATCHES = 7, ROWS = 6000, SLIPS = 800 };

static double batch_s(const struct sim_world *w)
{
    return sim_window_s(w) / BATCHES;
}

/* Rows read so far of the batch that runs. */
static double rows_read(const struct sim_world *w, double t_s)
{
    const double batches = t_s / batch_s(w);
    return ROWS * (batches - (double)(uint64_t)batches);
}

static void add_rows(struct sim_world *w)
{
    const sim_stack_id decoded = sim_stack(
        w, "main.decodeRow rows.go:33", "main.(*Payroll).read payroll.go:58",
        "main.(*Payroll).run payroll.go:40", NULL);
    const sim_stack_id appended =
        sim_stack(w, "@growslice", "main.(*Payroll).read payroll.go:60",
                  "main.(*Payroll).run payroll.go:40", NULL);
    struct sim_population_spec rows = {
        .name = "rows",
        .n_members = 2,
        .ignores_load = true,
        .target = rows_read,
    };
    rows.members[0] = (struct sim_member){decoded, 512, 1, "main.Row", -1};
    rows.members[1] = (struct sim_member){decoded, 3500, 1, "[]uint8", 0};
    rows.life = (struct sim_life){.kind = SIM_TARGET};
    rows.container = (struct sim_container){
        .kind = SIM_SLICE, .stack = appended, .elem_bytes = 8};
    sim_population(w, &rows);
}

/* All slips of a batch are printed together and kept until they are sent. */
static void add_slips(struct sim_world *w)
{
    const sim_stack_id printed =
        sim_stack(w, "@bytes-grow", "main.printSlip slip.go:47",
                  "main.(*Payroll).print payroll.go:77",
                  "main.(*Payroll).run payroll.go:43", NULL);
    struct sim_population_spec slips = {
        .name = "slips",
        .n_members = 1,
        .per_second = SLIPS / batch_s(w),
        .ignores_load = true,
        .is_clumped = true,
        .clump = SLIPS,
    };
    slips.members[0] = (struct sim_member){printed, 8000, 1, "[]uint8", -1};
    slips.life = (struct sim_life){.kind = SIM_FIXED, .mean_s = batch_s(w) / 3};
    sim_population(w, &slips);
}

static void build(struct sim_world *w)
{
    add_rows(w);
    add_slips(w);
    sim_workers(w, "payroll", "IO wait",
                sim_stack(w, "@net-read", "main.(*Ledger).next ledger.go:51",
                          "main.(*Payroll).read payroll.go:55",
                          "main.(*Payroll).run payroll.go:40", NULL),
                "main.main main.go:31", 1);
    sim_http_server(w, 5);
}

const struct sim_scenario sim_scenario_batch_sawtooth = {
    .name = "batch-sawtooth",
    .number = "C5",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "batches gather rows and drop them when they end",
    .service = "payroll",
    .hold = "the rows of the batch that runs, on its goroutine's stack",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
