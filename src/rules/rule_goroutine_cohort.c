/*
 * The three-snapshot technique on goroutine ids, which Go never reuses: those
 * born between the first and second dump that still stand in the third.
 */
#include "rules/match_private.h"

#include <math.h>

#include "base/banned.h"

enum { MIN_GOROUTINES, MIN_SURVIVORS, MIN_WAIT, WAIT_RATIO, N_PARAMS };

static const struct rule_param params_rows[N_PARAMS] = {
    [MIN_GOROUTINES] = {"min-goroutines", "goroutines", 20,  2,   1e6,
                        "goroutines born between the first two dumps"     },
    [MIN_SURVIVORS] = {"min-survivors",  "ratio",      0.9, 0.1, 1,
                        "share of them that is still there in the third"  },
    [MIN_WAIT] = {"min-wait",       "minutes",    10,  0,   1e5,
                        "how long they have waited there (median)"        },
    [WAIT_RATIO] = {"wait-ratio",     "ratio",      3,   0,   1e3,
                        "their wait over the wait of all other goroutines"},
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    if (!(e->cohort_first >= params[MIN_GOROUTINES]) ||
        !(e->cohort_left >= params[MIN_SURVIVORS] * e->cohort_first)) {
        return false;
    }
    const double others =
        isnan(e->wait_minutes_others) ? 0 : e->wait_minutes_others;
    const double least = fmax(params[MIN_WAIT], params[WAIT_RATIO] * others);
    if (!(e->wait_minutes >= least)) {
        return false;
    }
    out->fix = match_fix_of(e->primitive);
    out->cause = arena_printf(
        out->arena,
        "of %s goroutines born between the first two dumps, %s still wait in "
        "the third, half of them for %s minutes or more",
        match_count(out, e->cohort_first), match_count(out, e->cohort_left),
        match_count(out, e->wait_minutes));
    if (e->primitive != PRIMITIVE_OTHER) {
        match_evidence(out, "they wait in: %s", primitive_name(e->primitive));
    }
    if (others > 0) {
        match_evidence(out, "all other goroutines have waited %s minute%s",
                       match_count(out, others), others < 1.5 ? "" : "s");
    }
    return true;
}

const struct rule rule_goroutine_cohort = {
    .id = "goroutine-cohort",
    .title = "Goroutines of one age that never ended",
    .headline = "goroutines of one age never ended",
    .what = "Goroutines born between the first and the second of three dumps, "
            "nearly all of which still stand in the third.",
    .why = "Goroutine ids are never reused, so the same ids are the same "
           "goroutines. What is born with requests should end with them.",
    .infers = "From ids in three dumps (debug=2) and the minutes they have "
              "waited. Go counts minutes from the first collection after "
              "blocking, so they understate.",
    .decides = "A later dump: the same ids again. The goroutineleak profile "
               "proves it.",
    .alternatives = {"a pool of workers made in that time, by design",
                     "connections that clients opened then and still hold"},
    .fix = "Give every goroutine an end: select on ctx.Done(), close the "
           "channel it reads, unlock on every path.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (once "
               "more, later)",
    .leaking = "func (s *Server) onConnect(c *Client) {\n"
               "    go s.pump(c) // outlives the client\n"
               "}\n",
    .mended = "func (s *Server) onConnect(c *Client) {\n"
              "    go s.pump(c.Context(), c) // returns on Done\n"
              "}\n",
    .worst = GRADE_STRONG,
    .needs = NEED_DUMPS,
    .kinds = RULE_KIND(EVIDENCE_COHORT),
    .params = params_rows,
    .n_params = N_PARAMS,
    .check = check,
};
