/*
 * Every rule names its leak and leaves its look-alike to somebody else. The
 * checks are asked in the order of the list, as the engine does.
 */
#include "rules/spec.h"

struct example {
    const char *id;
    struct spec leak;
    struct spec clean;       /* looks alike */
    const char *clean_named; /* what it is called instead; NULL nothing */
};

/* clang-format off */
#define GO(p, ...) {.kind = EVIDENCE_GOROUTINE, .primitive = PRIMITIVE_##p, \
                    .frames = {__VA_ARGS__}}
#define HEAP(...) .kind = EVIDENCE_HEAP, .frames = {__VA_ARGS__}

static const struct example examples[] = {
    {"goroutine-unreachable",
     {.kind = EVIDENCE_LEAK_PROFILE, .primitive = PRIMITIVE_CHAN_SEND,
      .frames = {"runtime.gopark", "runtime.chansend", "runtime.chansend1",
                 "+main.f.func1"}},
     GO(CHAN_SEND, "runtime.chansend1", "+main.f.func1"),
     "goroutine-chan-send"},
    {"goroutine-nil-chan",
     {.kind = EVIDENCE_DUMP_STATE, .primitive = PRIMITIVE_NIL_CHAN,
      .frames = {"+main.f"}},
     GO(CHAN_RECEIVE, "+main.f"), "goroutine-chan-receive"},
    {"goroutine-select-empty",
     GO(SELECT_EMPTY, "runtime.gopark", "runtime.block", "+main.f"),
     GO(SELECT, "runtime.gopark", "runtime.selectgo", "+main.f"),
     "goroutine-select"},
    {"goroutine-cohort",
     {.kind = EVIDENCE_COHORT, .primitive = PRIMITIVE_CHAN_RECEIVE,
      .frames = {"+main.f"}, .cohort_first = 40, .cohort_left = 39,
      .wait_minutes = 31, .wait_minutes_others = 2},
     {.kind = EVIDENCE_COHORT, .primitive = PRIMITIVE_CHAN_RECEIVE,
      .frames = {"+main.f"}, .cohort_first = 40, .cohort_left = 12,
      .wait_minutes = 31, .wait_minutes_others = 2},
     NULL},
    {"goroutine-idle-conn",
     GO(IO_WAIT, "internal/poll.runtime_pollWait", "bufio.(*Reader).Peek",
        "net/http.(*persistConn).readLoop"),
     GO(SELECT, "runtime.gopark", "runtime.selectgo",
        "net/http.(*persistConn).readLoop"),
     "goroutine-http-body"},
    {"goroutine-http-body",
     GO(SELECT, "runtime.gopark", "runtime.selectgo",
        "net/http.(*persistConn).readLoop"),
     GO(SELECT, "runtime.gopark", "runtime.selectgo",
        "net/http.(*persistConn).roundTrip", "+main.ask"),
     "goroutine-select"},
    {"goroutine-sql-rows",
     GO(SELECT, "runtime.gopark", "runtime.selectgo",
        "database/sql.(*Rows).awaitDone"),
     GO(IO_WAIT, "internal/poll.runtime_pollWait",
        "database/sql.(*DB).QueryContext", "+main.load"),
     "goroutine-io-wait"},
    {"goroutine-grpc-conn",
     GO(SELECT, "runtime.selectgo",
        "~google.golang.org/grpc/internal/transport.(*http2Client).keepalive"),
     GO(SELECT, "runtime.selectgo",
        "~google.golang.org/grpc/internal/transport.(*http2Server).keepalive"),
     "goroutine-select"},
    {"goroutine-ticker",
     GO(CHAN_RECEIVE, "runtime.chanrecv2", "+main.(*Peer).tickLoop"),
     GO(CHAN_RECEIVE, "runtime.chanrecv2", "+main.(*Ticket).wait"),
     "goroutine-chan-receive"},
    {"goroutine-chan-receive",
     GO(CHAN_RECEIVE, "runtime.gopark", "runtime.chanrecv",
        "runtime.chanrecv1", "+main.f"),
     GO(CHAN_SEND, "runtime.chansend1", "+main.f"), "goroutine-chan-send"},
    {"goroutine-chan-send", GO(CHAN_SEND, "runtime.chansend1", "+main.f"),
     GO(CHAN_RECEIVE, "runtime.chanrecv1", "+main.f"),
     "goroutine-chan-receive"},
    {"goroutine-select", GO(SELECT, "runtime.selectgo", "+main.f"),
     GO(CHAN_RECEIVE, "runtime.chanrecv1", "+main.f"),
     "goroutine-chan-receive"},
    {"goroutine-mutex", GO(MUTEX, "sync.(*Mutex).Lock", "+main.f"),
     GO(RWMUTEX, "sync.(*RWMutex).RLock", "+main.f"), "goroutine-rwmutex"},
    {"goroutine-rwmutex", GO(RWMUTEX, "sync.(*RWMutex).Lock", "+main.f"),
     GO(MUTEX, "sync.(*Mutex).Lock", "+main.f"), "goroutine-mutex"},
    {"goroutine-waitgroup", GO(WAITGROUP, "sync.(*WaitGroup).Wait", "+main.f"),
     GO(COND, "sync.(*Cond).Wait", "+main.f"), "goroutine-cond"},
    {"goroutine-cond", GO(COND, "sync.(*Cond).Wait", "+main.f"),
     GO(WAITGROUP, "sync.(*WaitGroup).Wait", "+main.f"),
     "goroutine-waitgroup"},
    {"goroutine-sleep", GO(SLEEP, "time.Sleep", "+main.f"),
     GO(SELECT, "runtime.selectgo", "+main.f"), "goroutine-select"},
    {"goroutine-io-wait",
     GO(IO_WAIT, "internal/poll.runtime_pollWait", "net.(*conn).Read",
        "+main.f"),
     GO(SYSCALL, "syscall.Syscall", "+main.f"), "goroutine-growth"},
    {"goroutine-growth", GO(OTHER, "+main.f"),
     GO(CHAN_SEND, "+main.f"), "goroutine-chan-send"},

    {"heap-context",
     {HEAP("context.(*cancelCtx).propagateCancel", "context.WithCancel",
           "+main.open", "+main.serve")},
     {HEAP("context.WithDeadlineCause", "net/http.setRequestCancel",
           "net/http.(*Client).Do", "+main.ask")},
     "heap-growth"},
    {"heap-timer",
     {HEAP("time.newTimer", "time.AfterFunc", "+main.retry")},
     {HEAP("time.newTimer", "time.AfterFunc", "context.WithDeadline",
           "context.WithTimeout", "+main.retry")},
     "heap-context"},
    {"heap-pool",
     {HEAP("+main.init.func1", "sync.(*Pool).Get", "+main.render")},
     {HEAP("fmt.newPrinter", "sync.(*Pool).Get", "fmt.Sprintf", "+main.f")},
     "heap-growth"},
    {"heap-substring",
     {HEAP("io.ReadAll", "+main.load"), .sizes = {{4096, 10, 300}}},
     {HEAP("io.ReadAll", "+main.load"), .sizes = {{64, 10, 300}}},
     "heap-growth"},
    {"heap-listener",
     {HEAP("+main.(*Bus).Subscribe", "+main.open"), .sizes = {{48, 0, 900}}},
     {HEAP("+main.(*Users).Register", "+main.open"),
      .sizes = {{4096, 0, 900}}},
     "heap-growth"},
    {"heap-map-held",
     {HEAP("+main.(*Store).add", "+main.serve"),
      .sizes = {{81920, 0, 6.9}, {40960, 13.3, 0}, {32, 100, 4000}}},
     {HEAP("+main.(*Store).add", "+main.serve"),
      .sizes = {{81920, 300, 900}, {40960, 100, 200}}},
     "heap-large-object"},
    {"heap-slice-held",
     {HEAP("+main.(*Log).add", "+main.serve"),
      .sizes = {{114688, 0, 5.1}, {81920, 6.9, 0}}},
     {HEAP("+main.(*Log).add", "+main.serve"), .sizes = {{224, 50, 900}}},
     "heap-growth"},
    {"heap-large-object",
     {HEAP("+main.newPage", "+main.serve"), .sizes = {{1048576, 3, 40}}},
     {HEAP("+main.newPage", "+main.serve"), .sizes = {{4096, 3, 9000}}},
     "heap-growth"},
    {"heap-closure",
     {HEAP("+main.(*Hub).AddFunc", "+main.serve"),
      .sizes = {{1024, 100, 900}, {32, 90, 930}}},
     {HEAP("+main.newNode", "+main.serve"),
      .sizes = {{1024, 100, 900}, {32, 90, 930}}},
     "heap-growth"},
    {"heap-global",
     {HEAP("~github.com/prometheus/client_golang/prometheus.newCounter",
           "~github.com/prometheus/client_golang/prometheus.(*CounterVec)"
           ".WithLabelValues", "+main.count")},
     {HEAP("+main.init.func2", "+main.serve")}, "heap-growth"},
    {"heap-growth", {HEAP("+main.load", "+main.serve")},
     {HEAP("context.WithCancel", "+main.load")}, "heap-context"},
    {"memstats-growth",
     {.kind = EVIDENCE_MEMSTATS, .memstat = "HeapAlloc"},
     {.kind = EVIDENCE_MEMSTATS, .memstat = "NumGC"}, NULL},
};
/* clang-format on */

enum { N_EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static const char *named(const struct spec *s)
{
    struct spec_evidence ev;
    struct arena arena = {0};
    struct rule_match m;
    const struct rule *rule = spec_name(spec_build(s, &ev), &m, &arena);
    if (rule) {
        assert_non_null(m.cause);
        assert_true(m.n_evidence <= MATCH_LINES_MAX);
    }
    arena_release(&arena);
    return rule ? rule->id : "nothing";
}

static void rule_names_leak_and_leaves_look_alike(void **state)
{
    const struct example *x = *state;
    assert_string_equal(named(&x->leak), x->id);
    assert_string_equal(named(&x->clean),
                        x->clean_named ? x->clean_named : "nothing");
}

static void every_rule_has_an_example(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    size_t n_of_profiles = 0; /* dumps are judged in test_dump_rules.c */
    for (size_t i = 0; i < n; i++) {
        size_t n_found = 0;
        if (rules[i]->needs == NEED_HEAP_DUMP) {
            continue;
        }
        n_of_profiles++;
        for (size_t k = 0; k < N_EXAMPLES; k++) {
            n_found += strcmp(rules[i]->id, examples[k].id) == 0;
        }
        if (n_found != 1) {
            fail_msg("%s has %zu examples", rules[i]->id, n_found);
        }
    }
    assert_int_equal(n_of_profiles, N_EXAMPLES);
}

static const char *cause_of(const struct spec *s, struct arena *arena,
                            struct rule_match *m, struct spec_evidence *ev,
                            void (*change)(struct evidence *e))
{
    const struct evidence *e = spec_build(s, ev);
    if (change) {
        change(&ev->e);
    }
    *m = (struct rule_match){0};
    assert_non_null(spec_name(e, m, arena));
    return m->cause;
}

static void cohort_kept(struct evidence *e)
{
    e->cohort_first = e->cohort_left = 24;
}

static void cohort_halved(struct evidence *e)
{
    e->cohort_first = 24;
    e->cohort_left = 12;
}

static void cohort_gone(struct evidence *e)
{
    e->cohort_first = 24;
    e->cohort_left = 0;
}

static void cause_tells_what_became_of_the_first(void **state)
{
    (void)state;
    const struct spec s = GO(CHAN_RECEIVE, "runtime.chanrecv1", "+main.f");
    struct arena arena = {0};
    struct rule_match m;
    struct spec_evidence ev;
    assert_string_equal(cause_of(&s, &arena, &m, &ev, NULL),
                        "300 goroutines wait to receive from a channel");
    assert_string_equal(cause_of(&s, &arena, &m, &ev, cohort_kept),
                        "300 goroutines wait to receive from a channel; none "
                        "of the first 24 ended");
    assert_string_equal(cause_of(&s, &arena, &m, &ev, cohort_halved),
                        "300 goroutines wait to receive from a channel; 12 of "
                        "the first 24 are still there");
    assert_string_equal(cause_of(&s, &arena, &m, &ev, cohort_gone),
                        "300 goroutines wait to receive from a channel; all "
                        "of the first 24 ended since");
    arena_release(&arena);
}

static void cohort_thresholds_are_parameters(void **state)
{
    (void)state;
    const struct rule *rule = rules_find("goroutine-cohort");
    const struct spec s = {.kind = EVIDENCE_COHORT,
                           .frames = {"+main.f"},
                           .cohort_first = 10,
                           .cohort_left = 8,
                           .wait_minutes = 5,
                           .wait_minutes_others = 2};
    struct spec_evidence ev;
    struct arena arena = {0};
    struct rule_match m = {.arena = &arena};
    const struct evidence *e = spec_build(&s, &ev);
    const double loose[] = {10, 0.8, 5, 2.5};
    assert_int_equal(rule->n_params, 4);
    assert_true(rule->check(rule, e, loose, &m));
    for (size_t i = 0; i < 4; i++) {
        double strict[] = {10, 0.8, 5, 2.5};
        strict[i] *= 1.1;
        assert_false(rule->check(rule, e, strict, &m));
    }
    ev.e.wait_minutes = NAN;
    assert_false(rule->check(rule, e, loose, &m));
    arena_release(&arena);
}

static void ticker_is_known_by_its_allocations(void **state)
{
    (void)state;
    struct spec s = GO(CHAN_RECEIVE, "runtime.chanrecv2", "+main.f");
    assert_string_equal(named(&s), "goroutine-chan-receive");
    s.tickers = 280;
    assert_string_equal(named(&s), "goroutine-ticker");
    s.tickers = 20;
    assert_string_equal(named(&s), "goroutine-chan-receive");
}

static void idle_client_connections_are_told_from_open_bodies(void **state)
{
    (void)state;
    const struct spec s =
        GO(IO_WAIT, "internal/poll.runtime_pollWait", "bufio.(*Reader).Peek",
           "net/http.(*persistConn).readLoop");
    struct arena arena = {0};
    struct rule_match m = {0};
    struct spec_evidence ev;
    cause_of(&s, &arena, &m, &ev, NULL);
    assert_string_equal(named(&s), "goroutine-idle-conn");
    assert_non_null(strstr(m.cause, "keep idle client connections"));
    arena_release(&arena);
}

static void out_of_memory_falls_back_to_the_rules_own_texts(void **state)
{
    (void)state;
    const struct spec s = GO(CHAN_RECEIVE, "runtime.chanrecv2", "+main.f");
    struct spec_evidence ev;
    struct arena arena = {0};
    struct rule_match m;
    const struct evidence *e = spec_build(&s, &ev);
    oom_fail_at(1, true);
    const struct rule *rule = spec_name(e, &m, &arena);
    oom_fail_at(0, false);
    assert_non_null(rule);
    assert_null(m.cause);
    assert_int_equal(m.n_evidence, 0);
    arena_release(&arena);
}

int main(void)
{
    static struct CMUnitTest tests[N_EXAMPLES + 6];
    size_t n = 0;
    for (size_t i = 0; i < N_EXAMPLES; i++) {
        union {
            const void *from;
            void *to;
        } state = {&examples[i]};
        tests[n++] = (struct CMUnitTest){examples[i].id,
                                         rule_names_leak_and_leaves_look_alike,
                                         NULL, NULL, state.to};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(every_rule_has_an_example),
        cmocka_unit_test(cause_tells_what_became_of_the_first),
        cmocka_unit_test(cohort_thresholds_are_parameters),
        cmocka_unit_test(ticker_is_known_by_its_allocations),
        cmocka_unit_test(idle_client_connections_are_told_from_open_bodies),
        cmocka_unit_test(out_of_memory_falls_back_to_the_rules_own_texts),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        tests[n++] = others[i];
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
