/*
 * Client connections that never return to the pool. An unread or unclosed body
 * leaves readLoop in a select; writeLoop waits alike in idle ones.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (evidence_any_frame(e, "net/http.(*persistConn).readLoop")) {
        match_evidence(out, "readLoop stands in a select, not in a read: it "
                            "waits for the caller to finish the body");
        return match_goroutines(e, out, "keep client connections in use");
    }
    if (!evidence_any_frame(e, "net/http.(*persistConn).writeLoop")) {
        return false;
    }
    out->headline = "HTTP client connections pile up";
    match_evidence(out, "writeLoop does not show whether its connection is "
                        "idle or a body is open: readLoop would");
    match_alternative(out, "a connection pool on its way to its maximum");
    match_alternative(out, "many requests in flight: slow servers");
    return match_goroutines(e, out, "keep client connections");
}

const struct rule rule_goroutine_http_body = {
    .id = "goroutine-http-body",
    .title = "HTTP responses whose body is not closed",
    .headline = "HTTP response bodies are not closed",
    .what = "Pairs of readLoop and writeLoop goroutines of the HTTP client.",
    .why = "The connection of a response goes back to the pool only when its "
           "body was read to the end and closed. Until then it keeps two "
           "goroutines, buffers and a socket.",
    .infers = "From net/http's own goroutines: readLoop in a select means a "
              "body in use (in Peek it would be idle). The request that "
              "opened it is not on these stacks.",
    .decides = "Look for http calls without defer resp.Body.Close() (the "
               "bodyclose linter finds most), or read the creator in a dump "
               "(debug=2).",
    .alternatives = {"many requests in flight: slow servers",
                     "long downloads or streams, by design"},
    .fix = "After the error check, defer resp.Body.Close() and read the body "
           "to the end (io.Copy(io.Discard, resp.Body)), also when only the "
           "status matters.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "resp, err := http.Get(url)\n"
               "if err != nil {\n"
               "    return err\n"
               "}\n"
               "return check(resp.StatusCode) // body stays open\n",
    .mended = "defer resp.Body.Close()\n"
              "_, err = io.Copy(io.Discard, resp.Body)\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
