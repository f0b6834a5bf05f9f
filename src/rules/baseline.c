/*
 * Goroutines that every healthy Go program has. Two lists: what is never a
 * finding, and what comes and goes with clients or up to a bound, where growth
 * alone proves nothing.
 */
#include "rules/evidence.h"

#include <stddef.h>
#include <string.h>

#include "base/banned.h"

enum where {
    ANYWHERE,
    AT_ENTRY /* the function the goroutine was started with */
};

struct baseline_row {
    const char *what;
    const char *pattern;
    enum where where;
    const char *also; /* a second pattern anywhere, or NULL */
};

static const struct baseline_row never_rows[] = {
    {"the main goroutine",                        "main.main",                                      AT_ENTRY, NULL                          },
    {"the signal loop",                           "os/signal.loop",                                 ANYWHERE, NULL                          },
    {"the signal loop",                           "os/signal.signal_recv",                          ANYWHERE, NULL                          },
    {"the profiler itself",                       "runtime/pprof.write*",                           ANYWHERE, NULL                          },
    {"the profiler itself",                       "runtime/pprof.runtime_*",                        ANYWHERE, NULL                          },
    {"the profiler itself",                       "runtime/pprof.(*Profile).WriteTo",               ANYWHERE, NULL                          },
    {"the profiler itself",                       "runtime/pprof.profileWriter",                    ANYWHERE, NULL                          },
    {"the profiler itself",                       "net/http/pprof.*",                               ANYWHERE, NULL                          },
    {"the execution tracer",                      "runtime.ReadTrace",                              ANYWHERE, NULL                          },
    {"the execution tracer",                      "runtime/trace.*",                                ANYWHERE, NULL                          },
    {"the test runner",                           "testing.*",                                      AT_ENTRY, NULL                          },
    {"the test runner",                           "testing.(*T).Run",                               ANYWHERE, NULL                          },
    {"the test runner",                           "testing.(*T).Parallel",                          ANYWHERE, NULL                          },
    {"an idle connection of the server",          "net/http.(*conn).serve",                         AT_ENTRY,
     "bufio.(*Reader).Peek"                                                                                                                 },
    {"a server connection waiting for a request", "net/http.(*conn).serve",
     AT_ENTRY,                                                                                                "net/http.(*conn).readRequest"},
    {"a log flusher",                             "github.com/golang/glog.(*fileSink).flushDaemon",
     AT_ENTRY,                                                                                                NULL                          },
    {"a log flusher",                             "k8s.io/klog/v2.(*flushDaemon).*",                AT_ENTRY, NULL                          },
    {"a log flusher",                             "k8s.io/klog/v2.(*loggingT).flushDaemon",         AT_ENTRY, NULL                          },
    {"a log flusher",                             "k8s.io/klog.(*loggingT).flushDaemon",            AT_ENTRY, NULL                          },
};

/* One for each listener: healthy however long it waits, but not when more and
   more of them do. */
static const char *const accept_loops[] = {
    "internal/poll.(*FD).Accept",
    "net.(*TCPListener).Accept*",
    "net.(*UnixListener).Accept*",
};

static const struct baseline_row pool_rows[] = {
    {"idle keep-alive connections",      "net/http.(*persistConn).readLoop",
     ANYWHERE,                                                                              "bufio.(*Reader).Peek"},
    {"connections of the client",        "net/http.(*persistConn).writeLoop",     ANYWHERE,
     NULL                                                                                                         },
    {"HTTP/2 connections of the client", "net/http.(*http2ClientConn).readLoop",
     ANYWHERE,                                                                              NULL                  },
    {"HTTP/2 connections of the client",
     "golang.org/x/net/http2.(*ClientConn).readLoop",                             ANYWHERE, NULL                  },
    {"requests being served",            "net/http.(*connReader).backgroundRead", ANYWHERE,
     NULL                                                                                                         },
    {"HTTP/2 connections of the server",
     "net/http.(*http2serverConn).readFrames",                                    ANYWHERE, NULL                  },
    {"HTTP/2 connections of the server", "net/http.(*http2serverConn).serve",
     ANYWHERE,                                                                              NULL                  },
    {"HTTP/2 connections of the server",
     "golang.org/x/net/http2.(*serverConn).readFrames",                           ANYWHERE, NULL                  },
    {"HTTP/2 connections of the server",
     "golang.org/x/net/http2.(*serverConn).serve",                                ANYWHERE, NULL                  },
    {"connections of the gRPC server",
     "google.golang.org/grpc/internal/transport.(*http2Server).*",                AT_ENTRY,
     NULL                                                                                                         },
    {"connections of the gRPC server",
     "google.golang.org/grpc/internal/transport.NewServerTransport.*",            AT_ENTRY,
     NULL                                                                                                         },
    {"connections of the gRPC server",
     "google.golang.org/grpc.(*Server).Serve.*",                                  AT_ENTRY, NULL                  },
};

/* An HTTP/2 connection reads whether it has requests or not, but one carries
   a hundred of them and more. */
static const struct baseline_row idle_rows[] = {
    {"HTTP/1", "net/http.(*persistConn).readLoop",              ANYWHERE,
     "bufio.(*Reader).Peek"                                                   },
    {"HTTP/2", "net/http.(*http2ClientConn).readLoop",          ANYWHERE, NULL},
    {"HTTP/2", "golang.org/x/net/http2.(*ClientConn).readLoop", ANYWHERE, NULL},
};

/* Leaves out what stands below every goroutine in some inputs. */
static size_t without_roots(const struct frame *leaf_first, size_t n)
{
    while (n > 1) {
        const char *root = leaf_first[n - 1].function;
        if (strcmp(root, "runtime.goexit") != 0 &&
            strcmp(root, "runtime.main") != 0) {
            break;
        }
        n--;
    }
    return n;
}

static bool any_fits(const struct frame *leaf_first, size_t n,
                     const char *pattern)
{
    for (size_t i = 0; i < n; i++) {
        if (evidence_name_fits(leaf_first[i].function, pattern)) {
            return true;
        }
    }
    return false;
}

static bool row_fits(const struct baseline_row *row,
                     const struct frame *leaf_first, size_t n)
{
    const bool first =
        row->where == AT_ENTRY
            ? evidence_name_fits(leaf_first[n - 1].function, row->pattern)
            : any_fits(leaf_first, n, row->pattern);
    return first && (!row->also || any_fits(leaf_first, n, row->also));
}

/* Only crash dumps show them: collector, scavenger, finalizers at rest. */
static bool is_runtime_alone(const struct frame *leaf_first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strncmp(leaf_first[i].function, "runtime.", 8) != 0) {
            return false;
        }
    }
    const char *entry = leaf_first[n - 1].function;
    return strcmp(entry, "runtime.corostart") != 0 &&
           !any_fits(leaf_first, n, "runtime.chan*") &&
           !any_fits(leaf_first, n, "runtime.selectgo") &&
           !any_fits(leaf_first, n, "runtime.block");
}

/* A handler of the user's between the leaf and the server is no idle
   connection, whatever it reads. */
static bool has_user_frame(const struct frame *leaf_first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (leaf_first[i].origin == ORIGIN_USER) {
            return true;
        }
    }
    return false;
}

bool evidence_is_listener(const struct frame *leaf_first, size_t n)
{
    for (size_t i = 0; i < sizeof(accept_loops) / sizeof(accept_loops[0]);
         i++) {
        if (any_fits(leaf_first, n, accept_loops[i])) {
            return true;
        }
    }
    return false;
}

const char *evidence_is_baseline(const struct frame *leaf_first, size_t n)
{
    n = without_roots(leaf_first, n);
    if (n == 0) {
        return NULL;
    }
    const bool is_users = has_user_frame(leaf_first, n);
    for (size_t i = 0; i < sizeof(never_rows) / sizeof(never_rows[0]); i++) {
        const struct baseline_row *row = &never_rows[i];
        if (row->also && is_users) {
            continue;
        }
        if (row_fits(row, leaf_first, n)) {
            return row->what;
        }
    }
    if (evidence_is_listener(leaf_first, n)) {
        return "an accept loop";
    }
    return is_runtime_alone(leaf_first, n) ? "the runtime itself" : NULL;
}

const char *evidence_is_pool(const struct frame *leaf_first, size_t n)
{
    n = without_roots(leaf_first, n);
    if (n == 0 || has_user_frame(leaf_first, n)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(pool_rows) / sizeof(pool_rows[0]); i++) {
        if (row_fits(&pool_rows[i], leaf_first, n)) {
            return pool_rows[i].what;
        }
    }
    return NULL;
}

bool evidence_is_idle_client(const struct frame *leaf_first, size_t n)
{
    n = without_roots(leaf_first, n);
    for (size_t i = 0; i < sizeof(idle_rows) / sizeof(idle_rows[0]); i++) {
        if (n > 0 && row_fits(&idle_rows[i], leaf_first, n)) {
            return true;
        }
    }
    return false;
}
