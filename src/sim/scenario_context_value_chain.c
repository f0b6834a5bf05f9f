/*
 * Leak L19: a loop assigns context.WithValue to its own variable, so each
 * message adds a link to a chain that is never cut.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define LOOP(line) "main.consume consume.go:" line

static const char lesson_leaks[] =
    "WithValue wraps a context in a new one that points to the old. The\n"
    "loop stores the result in the variable it started from, so the context\n"
    "of message n reaches back through those of all the messages before it.\n"
    "Each lookup in it grows slower, and nothing of it can be freed while\n"
    "the consumer runs.";

static const char lesson_code[] =
    "func consume(ctx context.Context, in <-chan message) {\n"
    "\tfor m := range in {\n"
    "\t\tctx = context.WithValue(ctx, traceKey, m.trace())\n"
    "\t\thandle(ctx, m)\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func consume(ctx context.Context, in <-chan message) {\n"
    "\tfor m := range in {\n"
    "\t\tof := context.WithValue(ctx, traceKey, m.trace())\n"
    "\t\thandle(of, m)\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "context.WithValue under main.consume: 48 bytes a message, never freed,\n"
    "220 of them a second. Beside it and in equal counts the boxed value of\n"
    "16 bytes at main.consume and the text it holds at main.message.trace.\n"
    "A heap dump shows one chain of context.valueCtx, as long as the number\n"
    "of messages, from the stack of the consumer. CPU profiles show more\n"
    "and more time in context.value.";

static const char lesson_cannot[] =
    "That the objects form a chain, rather than hang in a cache, is not in\n"
    "a heap profile. There is no container that grows beside them.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id value =
        sim_stack(w, "@context-with-value", LOOP("52"), NULL);
    const sim_stack_id box = sim_stack(w, "@convt", LOOP("52"), NULL);
    const sim_stack_id text =
        sim_stack(w, "@fmt-sprintf", "main.message.trace message.go:33",
                  LOOP("52"), NULL);
    const struct sim_population_spec links_of_the_chain = {
        .name = "links of the chain",
        .members[0] = sim_object(value, 48, "context.valueCtx", -1),
        .members[1] = sim_object(box, 16, "string", 0),
        .members[2] = sim_object(text, 64, NULL, 1),
        .n_members = 3,
        .per_second = 220,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_LIST,
        .is_leak = true,
    };
    sim_population(w, &links_of_the_chain);
    sim_workers(w, "consumer", "chan receive",
                sim_stack(w, "@chan-receive2", LOOP("51"), NULL),
                "main.main main.go:44", 1);
}

/* What a message needs dies with it; the last offsets are kept up to a
   bound. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id deadline =
        sim_stack(w, "@context-with-timeout", "main.handle handle.go:21",
                  LOOP("53"), NULL);
    const sim_stack_id body = sim_stack(
        w, "@json-unmarshal", "main.handle handle.go:27", LOOP("53"), NULL);
    const sim_stack_id offset =
        sim_stack(w, "main.(*offsets).remember offsets.go:40",
                  "main.handle handle.go:38", LOOP("53"), NULL);
    const struct sim_population_spec messages_in_hand = {
        .name = "messages in hand",
        .members[0] = sim_object(deadline, 112, "context.timerCtx", -1),
        .members[1] = sim_object(body, 640, "main.order", -1),
        .n_members = 2,
        .per_second = 220,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.05,
    };
    sim_population(w, &messages_in_hand);
    const struct sim_population_spec last_offsets = {
        .name = "last offsets",
        .members[0] = sim_object(offset, 80, "main.offset", -1),
        .n_members = 1,
        .per_second = 220,
        .life.kind = SIM_QUEUE,
        .life.capacity = 20000,
        .n_start = 20000,
        .global = "main.committed",
        .global_type = "main.offsets",
    };
    sim_population(w, &last_offsets);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_workers(w, "broker reader", "IO wait",
                sim_stack(w, "@net-read", "bufio.(*Reader).fill",
                          "bufio.(*Reader).Peek",
                          "acme.dev/relay/internal/broker.(*Conn).read "
                          "conn.go:88",
                          NULL),
                "acme.dev/relay/internal/broker.Dial conn.go:41", 3);
    sim_http_server(w, 3);
}

const struct sim_scenario sim_scenario_context_value_chain = {
    .name = "context-value-chain",
    .number = "L19",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "WithValue in a loop grows a chain of contexts",
    .service = "relay",
    .hold = "variable ctx of main.consume, on the consumer's stack",
    .culprits = {"main.consume", "main.message.trace"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
