/* Lists of listeners. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

/* What one is called, and many. A field called "handler" is one of them, with
   whatever piles up in it; a "handlerList" has many. */
static const struct listener_name {
    const char *one, *many;
    bool is_usual_type; /* of what is no listener, too: handlers of requests */
} names[] = {
    {"listener",     "listeners",     false},
    {"handler",      "handlers",      true },
    {"subscriber",   "subscribers",   false},
    {"subscription", "subscriptions", false},
    {"sub",          "subs",          true },
    {"observer",     "observers",     false},
    {"callback",     "callbacks",     false},
    {"watcher",      "watchers",      false},
    {"hook",         "hooks",         false},
};

static bool has_listeners(const struct dump_candidate *c)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct listener_name *n = &names[i];
        if (dump_match_name(c, n->many, false) ||
            dump_match_name(c, n->one, true) ||
            (!n->is_usual_type && (dump_match_type_name(c, n->one) ||
                                   dump_match_type_name(c, n->many)))) {
            return true;
        }
    }
    return false;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    const bool is_list = c->container == CONTAINER_SLICE ||
                         c->container == CONTAINER_MAP ||
                         c->container == CONTAINER_LIST;
    if (c->what != DUMP_HELD || !is_list || !has_listeners(c)) {
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
    .infers = "From the name of the field or variable that holds them, or of "
              "their type.",
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
