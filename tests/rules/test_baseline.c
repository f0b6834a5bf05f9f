/* What every healthy program has is recognised, and nothing beside it. */
#include "rules/spec.h"

struct row {
    const char *name;
    const char *never; /* wanted of evidence_is_baseline() */
    const char *pool;  /* wanted of evidence_is_pool() */
    const char *frames[SPEC_FRAMES];
};

/* clang-format off */
static const struct row rows[] = {
    {"main asleep", "the main goroutine", NULL,
     {"runtime.gopark", "time.Sleep", "+main.main", "runtime.main"}},
    {"main in select{}", "the main goroutine", NULL,
     {"runtime.gopark", "runtime.block", "+main.main", "runtime.main",
      "runtime.goexit"}},
    {"started by main", NULL, NULL,
     {"runtime.gopark", "runtime.chanrecv1", "+main.main.func1"}},
    {"signal loop", "the signal loop", NULL,
     {"runtime.notetsleepg", "os/signal.signal_recv", "os/signal.loop"}},
    {"accept", "an accept loop", NULL,
     {"runtime.gopark", "internal/poll.(*FD).Accept",
      "net.(*TCPListener).Accept", "net/http.(*Server).Serve", "+main.run"}},
    {"profiler", "the profiler itself", NULL,
     {"runtime.goroutineProfileWithLabels", "runtime/pprof.writeGoroutine",
      "net/http/pprof.handler.ServeHTTP", "net/http.(*conn).serve"}},
    {"under pprof.Do", NULL, NULL,
     {"runtime.gopark", "runtime.chanrecv1", "+main.f", "runtime/pprof.Do",
      "+main.serve"}},
    {"idle server connection", "an idle connection of the server", NULL,
     {"runtime.gopark", "internal/poll.runtime_pollWait",
      "bufio.(*Reader).Peek", "net/http.(*conn).serve"}},
    {"handler that peeks", NULL, NULL,
     {"runtime.gopark", "bufio.(*Reader).Peek", "+main.handle",
      "net/http.(*conn).serve"}},
    {"stuck handler", NULL, NULL,
     {"runtime.gopark", "runtime.chanrecv1", "+main.handle",
      "net/http.HandlerFunc.ServeHTTP", "net/http.(*conn).serve"}},
    {"idle client connection", NULL, "idle keep-alive connections",
     {"runtime.gopark", "bufio.(*Reader).Peek",
      "net/http.(*persistConn).readLoop"}},
    {"body in use", NULL, NULL,
     {"runtime.gopark", "runtime.selectgo",
      "net/http.(*persistConn).readLoop"}},
    {"background read", NULL, "requests being served",
     {"runtime.gopark", "internal/poll.(*FD).Read",
      "net/http.(*connReader).backgroundRead"}},
    {"test runner", "the test runner", NULL,
     {"runtime.gopark", "runtime.chanrecv1", "testing.(*T).Run", "+x.TestA",
      "testing.tRunner"}},
    {"collector", "the runtime itself", NULL,
     {"runtime.gopark", "runtime.gcBgMarkWorker"}},
    {"iterator", NULL, NULL, {"runtime.coroswitch", "runtime.corostart"}},
    {"truncated to the runtime", NULL, NULL,
     {"runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1"}},
    {"nothing", NULL, NULL, {NULL}},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *shown(const char *text)
{
    return text ? text : "no";
}

static void baseline_is_told(void **state)
{
    const struct row *row = *state;
    struct frame frames[SPEC_FRAMES];
    const size_t n = spec_frames(row->frames, frames);
    assert_string_equal(shown(evidence_is_baseline(frames, n)),
                        shown(row->never));
    assert_string_equal(shown(evidence_is_pool(frames, n)), shown(row->pool));
}

int main(void)
{
    static struct CMUnitTest tests[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++) {
        union {
            const void *from;
            void *to;
        } state = {&rows[i]};
        tests[i] = (struct CMUnitTest){rows[i].name, baseline_is_told, NULL,
                                       NULL, state.to};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
