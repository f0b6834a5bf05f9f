/* Goroutines that read from or write to a peer that says nothing. */
#include "rules/match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    if (e->primitive != PRIMITIVE_IO_WAIT) {
        return false;
    }
    const char *what = e->n_stacks > 0 ? evidence_is_pool(e->stacks[0].frames,
                                                          e->stacks[0].n_frames)
                                       : NULL;
    if (what) {
        match_evidence(out, "they look like %s", what);
    }
    if (evidence_has_frame(e, "internal/poll.(*FD).Accept")) {
        match_evidence(out, "they wait in Accept, one for each listener");
        out->why = "Accept waits until a client comes or the listener is "
                   "closed. A listener that nobody closes keeps its goroutine, "
                   "its port and its file descriptor.";
        out->fix = "Close what was opened on every path: defer l.Close(), for "
                   "a server Shutdown or Close (httptest.Server, too). One "
                   "listener that lives as long as the program can serve all.";
        match_alternative(out, "as many services or tenants as listeners, by "
                               "design");
        return match_goroutines(e, out, "wait for a client to connect");
    }
    return match_goroutines(e, out, "wait for the network or a file");
}

const struct rule rule_goroutine_io_wait = {
    .id = "goroutine-io-wait",
    .title = "Goroutines wait for I/O without a deadline",
    .headline = "goroutines wait for I/O",
    .what = "Goroutines that wait for bytes, more and more of them.",
    .why = "A read or write without a deadline waits as long as the peer keeps "
           "the connection open. Connections that nobody closes keep their "
           "goroutines, buffers and file descriptors.",
    .infers = "From the frames of the network poller and a count that only "
              "rises. A profile does not show whether the peer is alive.",
    .decides = "Compare with the number of live clients; two goroutine dumps "
               "(debug=2) show how long each has waited.",
    .alternatives = {"as many live clients or long polls as goroutines",
                     "a connection pool that grows to its maximum", "a slow peer that will answer"},
    .fix = "Set deadlines (SetReadDeadline, http.Client.Timeout, server "
           "ReadTimeout and IdleTimeout) and close the connection with defer "
           "where it was opened.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   (how "
               "long each waited)",
    .leaking = "conn, err := net.Dial(\"tcp\", addr)\n"
               "...\n"
               "go io.Copy(sink, conn) // no deadline, nobody closes conn\n",
    .mended = "defer conn.Close()\n"
              "conn.SetReadDeadline(time.Now().Add(30 * time.Second))\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
