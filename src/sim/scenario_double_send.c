/*
 * Leak L5: a goroutine reports an error, forgets to return and reports the
 * result as well. The caller takes one answer, so the second send waits for
 * ever. Only failed payments leak, so it is slow.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define CAPTURE "acme.dev/payments/internal/capture."
#define RUN     CAPTURE "(*Capturer).Run capturer.go"
#define CHARGE  CAPTURE "(*Capturer).charge capturer.go"
#define HANDLER "main.(*API).pay api.go:63", "@http-handler"

static const char lesson_leaks[] =
    "charge is meant to answer once and the caller receives once. When the\n"
    "bank refuses, the error goes out, but a return is missing behind it:\n"
    "the code runs on and sends a second time. Nobody listens any more, and\n"
    "the goroutine keeps the payment and everything it had built for it.";

static const char lesson_code[] =
    "func (c *Capturer) Run(p *Payment) error {\n"
    "\tresult := make(chan error)\n"
    "\tgo c.charge(p, result)\n"
    "\treturn <-result\n"
    "}\n"
    "\n"
    "func (c *Capturer) charge(p *Payment, result chan<- error) {\n"
    "\treceipt, err := c.bank.Capture(p)\n"
    "\tif err != nil {\n"
    "\t\tresult <- err // a return is missing here\n"
    "\t}\n"
    "\tresult <- c.store(receipt)\n"
    "}";

static const char lesson_fix[] =
    "func (c *Capturer) charge(p *Payment, result chan<- error) {\n"
    "\treceipt, err := c.bank.Capture(p)\n"
    "\tif err != nil {\n"
    "\t\tresult <- err\n"
    "\t\treturn\n"
    "\t}\n"
    "\tresult <- c.store(receipt)\n"
    "}";

static const char lesson_shows[] =
    "runtime.chansend1 called by (*Capturer).charge, two lines below the\n"
    "first send of that function: about seven goroutines a minute, never\n"
    "one less. The line number is the whole diagnosis, for it points at the\n"
    "second send. With so few the heap profile hardly moves; the\n"
    "goroutineleak profile proves them from the first one on.";

static const char lesson_cannot[] =
    "In a short window some ten goroutines on a busy service look like\n"
    "payments under way, which wait in Capture for the bank. Only their age\n"
    "tells: minutes in a dump, where a healthy one is gone within seconds.";

static void build_payments(struct sim_world *w, const char *name,
                           double per_second, bool is_leak)
{
    const sim_stack_id payment = sim_stack(
        w, "@json-decode", "main.(*API).pay api.go:55", "@http-handler", NULL);
    const sim_stack_id answer =
        sim_stack(w, CAPTURE "(*Bank).Capture bank.go:81", CHARGE ":48", NULL);
    const sim_stack_id waits =
        is_leak
            ? sim_stack(w, "@chan-send", CHARGE ":52", NULL)
            : sim_stack(w, "@net-read", CAPTURE "(*Bank).Capture bank.go:92",
                        CHARGE ":48", NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 0.9,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){payment, 416, 1, "capture.Payment", -1};
    p.members[p.n_members++] = (struct sim_member){payment, 48, 4, "string", 0};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, RUN ":41", HANDLER, NULL), 96, 1, "chan error", -1};
    p.members[p.n_members++] = (struct sim_member){answer, 1024, 1, NULL, -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses[0] = {is_leak ? "chan send" : "IO wait", waits, 1.0},
        .n_poses = 1,
        .created_by = RUN ":42",
        .is_provable = is_leak,
        .has_sudog = is_leak,
    };
    sim_population(w, &p);
}

static void build_requests(struct sim_world *w)
{
    struct sim_population_spec p = {
        .name = "requests",
        .per_second = 5.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.9,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses[0] = {"chan receive",
                     sim_stack(w, "@chan-receive", RUN ":43", HANDLER, NULL),
                     1.0},
        .n_poses = 1,
        .created_by = "@by-server",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 30);
    build_requests(w);
    build_payments(w, "captured payments", 4.88, false);
    build_payments(w, "refused payments", 0.12, true);
    sim_garbage(w, "receipts",
                sim_stack(w, "@template-execute",
                          CAPTURE "(*Capturer).store capturer.go:70",
                          CHARGE ":52", NULL),
                3000, 4.88);
}

const struct sim_scenario sim_scenario_double_send = {
    .name = "double-send",
    .number = "L5",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "second send after an error has been sent",
    .service = "payments",
    .hold =
        "goroutine blocked on its second send; the receiver takes one answer",
    .culprits[0] = "acme.dev/payments/internal/capture.(*Capturer).charge",
    .culprits[1] = "acme.dev/payments/internal/capture.(*Capturer).Run",
    .culprits[2] = "main.(*API).pay",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
