/*
 * Listeners that are registered and never removed, inferred from the name of
 * the function that keeps them. Only names whose meaning is settled count.
 */
#include "rules/match_private.h"

#include "base/banned.h"

/* Clear by themselves. */
static const char *const clear_words[] = {
    "Subscribe",       "AddListener",      "AddHandler",
    "AddObserver",     "AddCallback",      "AddHook",
    "AddSubscriber",   "AddWatcher",       "RegisterListener",
    "RegisterHandler", "RegisterObserver", "RegisterCallback",
    "RegisterHook",    "RegisterWatcher",  "AddEventListener",
    "AddEventHandler", "OnEvent",
};

/* Used for other things as well: only with blocks as small as a listener. */
static const char *const vague_words[] = {"Register", "Attach", "On"};

/* A closure, a func slice's element, a list node: small. */
enum { LISTENER_BYTES = 512 };

static bool is_small(const struct evidence *e)
{
    struct staircase s;
    return (e->n_sizes > 0 && e->sizes[0].block_bytes <= LISTENER_BYTES) ||
           evidence_staircase(e, &s);
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const char *name =
        match_word(e, clear_words, COUNT_OF(clear_words), 1, NULL);
    if (!name && is_small(e)) {
        name = match_word(e, vague_words, COUNT_OF(vague_words), 1, NULL);
    }
    if (!name) {
        return false;
    }
    match_evidence(out, "inferred from the name %s: what it takes in stays",
                   match_short_name(name));
    return match_heap(e, out, "were registered and never removed");
}

const struct rule rule_heap_listener = {
    .id = "heap-listener",
    .title = "Listeners that are registered and never removed",
    .headline = "listeners are never removed",
    .what = "Callbacks, handlers or subscriptions added to a list or map.",
    .why = "The list lives as long as the object that sends the events; every "
           "listener in it, and all its closure captured, lives as long.",
    .infers = "From the name of the function at or just above the line "
              "(Subscribe, Register, AddListener, On and the like) and small "
              "blocks. A profile does not say what the objects are.",
    .decides = "Compare with the number of live subscribers; a "
               "heap dump shows the list and its length.",
    .alternatives = {"as many live subscribers as listeners, by design",
                     "the function's name means something else here"},
    .fix = "Let registering return a function that removes the listener, and "
           "defer it where the subscriber ends (or tie it to a context).",
    .confirm = "debug.WriteHeapDump(fd)   (the list that holds them)",
    .leaking = "func (s *Session) start(bus *Bus) {\n"
               "    bus.Subscribe(func(ev Event) { s.send(ev) })\n"
               "}\n",
    .mended = "func (s *Session) run(ctx context.Context, bus *Bus) {\n"
              "    stop := bus.Subscribe(func(ev Event) { s.send(ev) })\n"
              "    defer stop()\n"
              "    <-ctx.Done()\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .check = check,
};
