/*
 * Connections of HTTP clients that wait for a next request which never comes.
 * Their bodies were closed, else readLoop would stand in a select: what is
 * left behind is the Transport that keeps them.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static bool is_http2(const struct evidence *e)
{
    return evidence_has_frame(e, "net/http.(*http2ClientConn).readLoop") ||
           evidence_has_frame(e,
                              "golang.org/x/net/http2.(*ClientConn).readLoop");
}

static bool is_idle(const struct evidence *e)
{
    return is_http2(e) ||
           (evidence_has_frame(e, "net/http.(*persistConn).readLoop") &&
            evidence_has_frame(e, "bufio.(*Reader).Peek"));
}

static void say_transports(const struct evidence *e, struct rule_match *out)
{
    out->headline = "idle connections, each of its own Transport";
    match_evidence(out,
                   "http.Transports used for the first time in the window keep "
                   "%s on the heap: the connections share none",
                   match_bytes(out, e->transport_bytes_growth));
    match_alternative(out, "a Transport for each of many tenants, by design");
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (!is_idle(e)) {
        return false;
    }
    if (e->transport_bytes_growth > 0) {
        say_transports(e, out);
    }
    if (is_http2(e)) {
        match_evidence(out, "an HTTP/2 connection serves all requests of its "
                            "Transport to one host: more of them than hosts "
                            "are more Transports");
        match_alternative(out, "as many hosts, a connection each");
        match_alternative(out, "open streams, more than one connection takes");
    } else {
        match_evidence(out, "readLoop stands in Peek: the bodies were read "
                            "and closed, and no request came since");
    }
    return match_goroutines(e, out, "keep idle client connections");
}

const struct rule rule_goroutine_idle_conn = {
    .id = "goroutine-idle-conn",
    .title = "Idle HTTP connections: a Transport or Client per call",
    .headline = "idle connections: a Transport per call?",
    .what = "Connections of HTTP clients between two requests, more and more "
            "of them, with a reader (and a writer) goroutine each.",
    .why = "A connection goes back to the pool of the Transport that dialled "
           "it, and only requests of that Transport can use it again. One made "
           "for a single call leaves its connection behind, open until "
           "IdleConnTimeout, and without one for ever.",
    .infers = "From net/http's readLoop in Peek, which waits for a request. "
              "On the heap, what each Transport makes at its first use: when "
              "that grows, too, there is one for each connection.",
    .decides = "A heap dump: seep heap DUMP --exe BINARY --view types shows "
               "how many http.Transport there are.",
    .alternatives = {"a connection pool on its way to its maximum",
                     "connections kept warm for many hosts", "an IdleConnTimeout longer than the window"},
    .fix = "Make one http.Client (and Transport) and share it in the whole "
           "program; where one must be dropped, call its "
           "CloseIdleConnections, and set IdleConnTimeout in every Transport "
           "of your own.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "c := &http.Client{Transport: &http.Transport{}}\n"
               "resp, err := c.Get(url) // its connection stays idle\n"
               "if err != nil {\n"
               "    return err\n"
               "}\n"
               "defer resp.Body.Close()\n",
    .mended = "var client = &http.Client{Transport: &http.Transport{\n"
              "    IdleConnTimeout: 90 * time.Second,\n"
              "}}\n"
              "...\n"
              "resp, err := client.Get(url)\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
