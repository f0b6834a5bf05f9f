/* gRPC client connections made per call: each keeps a handful of goroutines. */
#include "rules/match_private.h"

#include "base/banned.h"

#define GRPC "google.golang.org/grpc"

static const struct match_name rows[] = {
    {GRPC ".(*ccBalancerWrapper).watcher*",                "balancer of a ClientConn"          },
    {GRPC ".(*ccResolverWrapper)*",                        "resolver of a ClientConn"          },
    {GRPC ".(*addrConn).*",                                "connection attempt of a ClientConn"},
    {GRPC ".newClientStream*",                             "a client stream not finished"      },
    {GRPC ".(*clientStream)*",                             "a client stream not finished"      },
    {GRPC "/internal/transport.(*http2Client).*",          "client transport"                  },
    {GRPC "/internal/transport.newHTTP2Client*",           "client transport"                  },
    {GRPC "/internal/transport.NewHTTP2Client*",           "client transport"                  },
    {GRPC "/internal/grpcsync.(*CallbackSerializer).*",
     "callbacks of a ClientConn"                                                               },
    {GRPC "/internal/resolver/dns.(*dnsResolver).watcher",
     "DNS watcher of a ClientConn"                                                             },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    /* The server's side uses the same transport package. */
    if (evidence_any_frame(e, GRPC "/internal/transport.NewServerTransport*") ||
        evidence_any_frame(e, GRPC "/internal/transport.(*http2Server).*") ||
        evidence_any_frame(e, GRPC ".(*Server).*")) {
        return false;
    }
    const struct match_name *row = match_any_frame(e, rows, COUNT_OF(rows));
    if (!row) {
        return false;
    }
    match_evidence(out, "the stack is that of: %s", row->what);
    return match_goroutines(e, out, "serve gRPC client connections");
}

const struct rule rule_goroutine_grpc_conn = {
    .id = "goroutine-grpc-conn",
    .title = "gRPC client connections that are never closed",
    .headline = "gRPC client connections are not closed",
    .what = "Goroutines of gRPC client connections (balancer, resolver, "
            "transport reader and writer).",
    .why = "Every ClientConn runs several goroutines until Close. A new one "
           "per call, never closed, adds them up.",
    .infers = "From gRPC's own functions on the stack. Who dialled is not on "
              "it.",
    .decides = "A goroutine dump (debug=2) for \"created by\", or a count of "
               "Dial/NewClient calls against Close.",
    .alternatives = {"many backends with one connection each, by design",
                     "streams that live as long as their clients"},
    .fix = "Dial once and share the ClientConn (it is safe for concurrent "
           "use), or defer conn.Close() where it was made; end streams by "
           "cancelling their context.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   "
               "(created by whom)",
    .leaking = "func ask(q *Query) (*Answer, error) {\n"
               "    conn, err := grpc.NewClient(addr, opts...)\n"
               "    ...\n"
               "    return NewClient(conn).Ask(ctx, q) // conn stays\n"
               "}\n",
    .mended = "    defer conn.Close() // or keep one conn for all calls\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
