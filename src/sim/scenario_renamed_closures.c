/*
 * Another build is deployed inside the series. Closures got other numbers and
 * lines moved, so the same sites have other names; compared by name or line
 * they seem to come from nothing and grow.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does. A deploy replaced the program by one in which a closure\n"
    "was added above the others, so the compiler numbers them anew:\n"
    "NewMailer.func1 is now NewMailer.func2, eight lines further down. It\n"
    "holds what it held before.";

static const char lesson_code[] =
    "func NewMailer(out *Outbox) *Mailer {\n"
    "\tm := &Mailer{out: out}\n"
    "\tm.audit = func(l *Letter) { // new: this is func1 now\n"
    "\t\tlog.Print(l.To)\n"
    "\t}\n"
    "\tm.compose = func(to string) *Letter { // so this is func2\n"
    "\t\tvar b bytes.Buffer\n"
    "\t\tm.form.Execute(&b, to)\n"
    "\t\treturn &Letter{To: to, body: b.Bytes()}\n"
    "\t}\n"
    "\treturn m\n"
    "}";

static const char lesson_shows[] =
    "One name falls to zero and another rises from zero between the same two\n"
    "looks, where the counters begin anew as well. The sum of both is level.\n"
    "A leak has no such partner.";

static const char lesson_cannot[] =
    "That func1 and func2 are the same piece of source: names and lines are\n"
    "all there is. Splitting the series at the restart makes the question go\n"
    "away.";

/* The same frames as a build spells them. */
struct spelling {
    const char *compose, *queue;
    const char *deliver, *greet;
    const char *start;
};

static const struct spelling first_build = {
    .compose = "main.NewMailer.func1 mailer.go:41",
    .queue = "main.(*Mailer).queue mailer.go:77",
    .deliver = "main.(*Mailer).start.func1 deliver.go:33",
    .greet = "main.(*Relay).greet relay.go:58",
    .start = "main.(*Mailer).start deliver.go:31",
};

static const struct spelling second_build = {
    .compose = "main.NewMailer.func2 mailer.go:49",
    .queue = "main.(*Mailer).queue mailer.go:92",
    .deliver = "main.(*Mailer).start.func2 deliver.go:46",
    .greet = "main.(*Relay).greet relay.go:64",
    .start = "main.(*Mailer).start deliver.go:44",
};

static void build(struct sim_world *w)
{
    sim_quirks(w)->restart_s = 0.45 * sim_window_s(w);
    const struct spelling *is =
        sim_generation(w) > 0 ? &second_build : &first_build;
    const sim_stack_id composed =
        sim_stack(w, is->compose, is->queue, "@http-handler", NULL);
    struct sim_population_spec letters = {
        .name = "letters",
        .n_members = 2,
        .per_second = 50,
        .n_start = 2000,
        .global = "main.outbox",
        .global_type = "*list.List",
    };
    letters.members[0] =
        (struct sim_member){composed, 224, 1, "main.Letter", -1};
    letters.members[1] = (struct sim_member){composed, 9000, 1, "[]uint8", 0};
    letters.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 40};
    letters.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &letters);
    sim_workers(w, "deliveries", "IO wait",
                sim_stack(w, "@net-read", is->greet, is->deliver, NULL),
                is->start, 60);
    sim_garbage(w, "templates",
                sim_stack(w, "@template-execute", is->compose, is->queue,
                          "@http-handler", NULL),
                12288, 80);
    sim_http_server(w, 25);
}

const struct sim_scenario sim_scenario_renamed_closures = {
    .name = "renamed-closures",
    .number = "C13",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a new build renames closures and shifts lines",
    .service = "mailer",
    .hold = "list main.outbox, letters of the last minute",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
