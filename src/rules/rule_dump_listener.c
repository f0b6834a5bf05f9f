/* Lists of listeners. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static const char *const words[] = {
    "listener",    "listeners",    "handler",       "handlers", "subscriber",
    "subscribers", "subscription", "subscriptions", "observer", "observers",
    "callback",    "callbacks",    "watcher",       "watchers", "hook",
    "hooks",       "subs"};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    const bool is_list = c->container == CONTAINER_SLICE ||
                         c->container == CONTAINER_MAP ||
                         c->container == CONTAINER_LIST;
    if (c->what != DUMP_HELD || !is_list ||
        !dump_match_word(c, words, COUNT_OF(words))) {
        return false;
    }
    if (dump_match_stays(c)) {
        out->headline = "listeners are never removed";
    }
    return dump_match_held(e, out, "a listener stays until it is removed");
}

const struct rule rule_dump_listener = {
    .id = "dump-listener",
    .title = "Listeners that are added and not removed",
    .headline = "listeners pile up",
    .what = "A list of listeners, handlers or subscribers with what each of "
            "them holds.",
    .why = "The list lives as long as its owner. A listener that is not "
           "removed stays in it, and with it all that its function captured.",
    .infers = "From the name of the field or variable that holds them.",
    .decides = "A second dump: listeners of clients that left are still "
               "there.",
    .alternatives = {"as many listeners as there are clients now",
                     "handlers registered once, at start"},
    .fix = "Return a function that removes the listener, and defer it where "
           "the listener is added.",
    .confirm = "seep heap diff EARLIER LATER --exe BINARY",
    .leaking =
        "hub.listeners = append(hub.listeners, func(e Event) { c.send(e) })\n",
    .mended = "remove := hub.listen(func(e Event) { c.send(e) })\n"
              "defer remove()\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
