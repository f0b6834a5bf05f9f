/*
 * Goroutines of a dump that stand in a library. The rules of profiles know them
 * by their frames, which a dump has as well, and know what ends them: they are
 * asked, and only their figures, which are of series, are left out.
 */
#include "rules/dump_match_private.h"

#include "base/banned.h"

/* Fewer are no pile, so that a rule which names one would guess. */
enum { PILE_MIN = 10 };

static const struct library_rule {
    const char *id;
    bool is_named; /* else only its fix, where a frame made one */
} library_rules[] = {
    {"goroutine-idle-conn", true },
    {"goroutine-http-body", true },
    {"goroutine-sql-rows",  true },
    {"goroutine-grpc-conn", true },
    {"goroutine-select",    false},
};

static void take(const struct rule *r, const struct rule_match *from,
                 struct rule_match *to)
{
    to->headline = from->headline ? from->headline : r->headline;
    to->why = r->why;
    for (size_t i = 0; i < from->n_alternatives; i++) {
        match_alternative(to, from->alternatives[i]);
    }
    for (size_t i = 0; from->n_alternatives == 0 && i < 4; i++) {
        if (r->alternatives[i]) {
            match_alternative(to, r->alternatives[i]);
        }
    }
}

bool dump_match_library(const struct evidence *e, struct rule_match *m)
{
    for (size_t i = 0; i < COUNT_OF(library_rules); i++) {
        const struct rule *r = rules_find(library_rules[i].id);
        struct rule_match own = {.arena = m->arena};
        if (e->dump->n_goroutines < PILE_MIN || !r->check(r, e, NULL, &own) ||
            (!library_rules[i].is_named && !own.fix)) {
            continue;
        }
        m->fix = own.fix ? own.fix : r->fix;
        for (size_t k = 0; k < own.n_evidence; k++) {
            match_evidence(m, "%s", own.evidence[k]);
        }
        if (library_rules[i].is_named) {
            take(r, &own, m);
        }
        return true;
    }
    return false;
}
