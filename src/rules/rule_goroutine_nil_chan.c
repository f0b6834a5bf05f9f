/* Goroutines on a nil channel: nothing can ever wake them. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_NIL_CHAN) {
        return false;
    }
    if (e->wait_status) {
        match_evidence(out, "the dump says [%s]", e->wait_status);
    }
    return match_goroutines(e, out, "block on a nil channel for ever");
}

const struct rule rule_goroutine_nil_chan = {
    .id = "goroutine-nil-chan",
    .title = "Goroutines blocked for ever on a nil channel",
    .headline = "goroutines block on a nil channel",
    .what = "Goroutines that send to or receive from a channel that is nil.",
    .why = "By the language, an operation on a nil channel blocks for ever: "
           "the operation has already read the nil, so a channel assigned "
           "later does not help this goroutine.",
    .infers = "Nothing: the state \"chan receive (nil chan)\" or \"chan send "
              "(nil chan)\" in a goroutine dump is proof by itself.",
    .decides = "Already decided.",
    .alternatives = {"a goroutine parked on purpose until the process ends"},
    .fix = "Make the channel before the goroutine starts (check constructors "
           "and struct fields never set). To switch off one case of a select, "
           "nil is right, but keep a case that can end it.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (the "
               "state of each)",
    .leaking = "type Hub struct{ done chan struct{} }\n"
               "\n"
               "func (h *Hub) Start() {\n"
               "    go func() { <-h.done }() // done was never made\n"
               "}\n",
    .mended = "func NewHub() *Hub {\n"
              "    return &Hub{done: make(chan struct{})}\n"
              "}\n"
              "\n"
              "func (h *Hub) Close() { close(h.done) }\n",
    .worst = GRADE_PROVEN,
    .needs = NEED_DUMPS,
    .kinds = RULE_KIND(EVIDENCE_DUMP_STATE) | RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
