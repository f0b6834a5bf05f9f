/* Many that wait alike, or that hold much; somebody may still wake them. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

/* Connections of the HTTP client: in use, or idle with a Transport each. */
static void say_connections(const struct dump_candidate *c,
                            struct rule_match *out)
{
    if (c->n_transports > 0) {
        out->headline = "idle connections, each of its own Transport";
        out->n_alternatives = 0;
        match_alternative(out, "a Transport for each of many tenants, by "
                               "design");
        match_evidence(out,
                       "%s http.Transports are there: the connections "
                       "share none",
                       match_count(out, (double)c->n_transports));
    }
    if (c->connection_bytes > 0) {
        match_evidence(out, "the connections hold %s",
                       match_bytes(out, c->connection_bytes));
    }
    match_evidence(out, "each has a second goroutine, two buffers and a "
                        "socket beside it");
}

static void say_number(const struct dump_candidate *c, struct rule_match *out)
{
    if (c->has_before) {
        match_evidence(out, "%s before, %s now",
                       match_count(out, (double)c->n_before),
                       match_count(out, (double)c->n_goroutines));
    }
    match_evidence(out, "%.0f%% of the program's goroutines; stacks of %s",
                   100 * (double)c->n_goroutines / (double)c->n_all_goroutines,
                   match_bytes(out, c->stack_bytes));
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    if (c->what != DUMP_GOROUTINES && c->container != CONTAINER_GOROUTINES) {
        return false;
    }
    if (c->n_goroutines == 0) {
        return dump_match_held(e, out, "goroutines alike, and each holds some");
    }
    const bool is_one = c->n_goroutines == 1;
    out->cause = arena_printf(
        out->arena, "%s goroutine%s started as %s (%s) %s %s alive",
        match_count(out, (double)c->n_goroutines), is_one ? "" : "s", c->entry,
        *c->wait_reason ? c->wait_reason : "running", is_one ? "keeps" : "keep",
        match_bytes(out, c->retained_bytes));
    if (c->is_pool) {
        out->headline = "many workers wait for work";
        out->fix = c->on == BLOCKED_SYNC
                       ? "If there are more of them than were meant: start as "
                         "many as there is work for, once, and let them return "
                         "on shutdown: Broadcast with a closed flag in the "
                         "condition."
                       : "If there are more of them than were meant: start as "
                         "many as there is work for, once, and let them return "
                         "when the channel is closed.";
    } else if (c->waits_for_time) {
        out->headline = "goroutines serve tickers without end";
        out->fix = "Stop does not close the ticker's channel: loop in a select "
                   "with <-t.C and <-ctx.Done() (or a done channel), and defer "
                   "t.Stop().";
    } else if (!c->usual && dump_match_library(e, out)) {
        /* Who holds a connection or a result is not who waits for it. */
    } else if (c->on != BLOCKED_NOT && e->primitive != PRIMITIVE_OTHER) {
        out->fix = match_fix_of(e->primitive);
    }
    if (c->has_open_bodies || c->n_transports > 0) {
        say_connections(c, out);
    }
    say_number(c, out);
    if (c->n_doubtful > 0) {
        match_evidence(out,
                       "what %s of them wait for is reached only by what no "
                       "root holds: garbage, or a clean-up",
                       match_count(out, (double)c->n_doubtful));
    }
    if (c->usual) {
        match_evidence(out, "healthy programs have them: %s", c->usual);
    }
    return true;
}

const struct rule rule_dump_goroutine = {
    .id = "dump-goroutine",
    .title = "Many goroutines that wait alike, or hold much",
    .headline = "many goroutines wait alike",
    .what = "Goroutines started by the same function that wait at the same "
            "place, or that keep much memory alive.",
    .why = "A goroutine holds its stack and all that its variables refer to "
           "until it returns. When one is started for each request and "
           "waits, both grow with the requests.",
    .infers = "From their number, the share of all goroutines and of the "
              "heap. Whether they were about to be woken the dump cannot "
              "say; a pool of workers looks alike.",
    .decides = "A second dump, or a goroutine profile: the same ones still "
               "wait, and more.",
    .alternatives = {"a pool of workers, or connections that idle",
                     "a burst of requests that had not been answered yet"},
    .fix = "Give each goroutine a way to end: a context that is cancelled, a "
           "channel that is closed, a deadline on what it waits for.",
    .confirm = "seep heap diff EARLIER LATER --exe BINARY",
    .leaking = "go func() {\n"
               "    for ev := range ch { // ch is never closed\n"
               "        handle(ev)\n"
               "    }\n"
               "}()\n",
    .mended = "defer close(ch) // by the one who sends\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
