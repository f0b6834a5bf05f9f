#include "series/made.h"

#include "rules/rules.h"

#include <stdio.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { POINTS = 10, ROWS_MAX = 24, BLOCK = 4096 };

#define RECEIVE "runtime.gopark runtime.chanrecv runtime.chanrecv1 "
#define SELECT  "runtime.gopark runtime.selectgo "
#define NETWORK                                                                \
    "runtime.gopark runtime.netpollblock internal/poll.runtime_pollWait "      \
    "net.(*conn).Read "

/* --- synthetic series --- */

enum kind { HEAP, GOROUTINES };

/* One stack over time: `first` + `step` a point, wobbling by up to `noise`;
   heap rows are born `turn` times more at each point. */
struct row {
    enum kind kind;
    const char *stack; /* NULL ends a table */
    double first, step, noise, turn;
};

struct scene {
    struct row rows[ROWS_MAX];
};

static const double wobble[] = {0,   0.7, -0.4, 0.1,  -0.8,
                                0.5, 1,   -0.6, -0.2, 0.3};

static double level(const struct row *r, size_t i)
{
    const double x =
        r->first + r->step * (double)i + r->noise * wobble[i % N_OF(wobble)];
    return x > 0 ? floor(x) : 0;
}

static double births(const struct row *r, size_t i)
{
    double grown = 0;
    for (size_t k = 1; k <= i; k++) {
        const double d = level(r, k) - level(r, k - 1);
        grown += d > 0 ? d : 0;
    }
    return 2 * r->first + 5 + grown + r->turn * (double)i;
}

static bool take(struct series *s, const struct scene *c, size_t i,
                 enum kind kind, struct err *err)
{
    static char source[32];
    struct profile_builder *b =
        kind == HEAP ? made_heap(MADE_PERIOD) : made_goroutine();
    for (const struct row *r = c->rows; b && r->stack; r++) {
        if (r->kind == kind && kind == HEAP) {
            made_block(b, r->stack, BLOCK, births(r, i), level(r, i));
        } else if (r->kind == kind) {
            made_count(b, r->stack, level(r, i));
        }
    }
    (void)snprintf(source, sizeof source, "%02zu.%s", i,
                   kind == HEAP ? "heap" : "goroutine");
    return b ? made_try(s, b, kind == HEAP ? KIND_HEAP : KIND_GOROUTINE, source,
                        10 * (double)i, err)
             : err_nomem(err, "test");
}

/* Points in the order `at` names them, or as they come. */
static struct series *series_of(const struct scene *c, size_t n,
                                const size_t *at)
{
    struct err err = {0};
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < n; i++) {
        assert_ok(take(s, c, at ? at[i] : i, HEAP, &err), &err);
        assert_ok(take(s, c, at ? at[i] : i, GOROUTINES, &err), &err);
    }
    return s;
}

static struct findings judged(struct series *s, double limit_bytes)
{
    struct err err = {0};
    struct findings f;
    const struct rules_options options = {.memory_limit_bytes = limit_bytes};
    made_finish(s);
    assert_ok(rules_judge(s, &options, &f, &err), &err);
    series_free(s);
    return f;
}

static struct findings findings_of(const struct scene *c, size_t n)
{
    return judged(series_of(c, n, NULL), 0);
}

static void assert_one(const struct findings *f, const char *function,
                       const char *rule, enum grade grade)
{
    for (size_t i = 0; i < f->n; i++) {
        print_message("  %s %s %s:%lld\n", grade_name(f->items[i].grade),
                      f->items[i].rule->id, f->items[i].site.function,
                      (long long)f->items[i].site.line);
    }
    assert_int_equal(f->n, 1);
    assert_string_equal(f->items[0].site.function, function);
    assert_string_equal(f->items[0].rule->id, rule);
    assert_int_equal(f->items[0].grade, grade);
}

static bool says(const struct finding *f, const char *part)
{
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (strstr(f->evidence[i], part)) {
            return true;
        }
    }
    return false;
}

/* What every service has: turnover on the heap, some goroutines. */
#define QUIET                                                                  \
    {HEAP, "main.render:5 main.page:9", 30, 0, 6, 40},                         \
        {HEAP, "main.parse:7 main.page:8", 20, 0, 4, 60},                      \
    {                                                                          \
        GOROUTINES, RECEIVE "main.idle:3 main.pool:9", 12, 0, 2, 0             \
    }

/* --- one leak, one finding --- */

static void a_steady_service_is_clean(void **state)
{
    (void)state;
    const struct scene c = {{QUIET}};
    struct findings f = findings_of(&c, POINTS);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    assert_int_equal(f.n, 0);
    findings_release(&f);
}

/* Two goroutines a request, their connection in std, and what they hold. */
static const struct scene request_leak = {
    {QUIET,
     {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 1, 0},
     {GOROUTINES, SELECT "main.pump:30 main.handle:21", 3, 11, 1, 0},
     {GOROUTINES,
      NETWORK "net/http.(*persistConn).Read net/http.(*persistConn).readLoop",
      3, 11, 1, 0},
     {HEAP, "main.newJob:40 main.await:11 main.handle:20", 2, 4, 1, 0}}
};

static void one_leaked_request_is_one_finding(void **state)
{
    (void)state;
    struct findings f = findings_of(&request_leak, POINTS);
    assert_int_equal(f.verdict, VERDICT_LEAK);
    assert_one(&f, "main.await", "goroutine-chan-receive", GRADE_STRONG);
    assert_true(says(&f.items[0], "with it grew "));
    assert_true(says(&f.items[0], "goroutines in main.pump (99)"));
    assert_true(
        says(&f.items[0], "goroutines in net/http.(*persistConn).readLoop"));
    assert_true(says(&f.items[0], "main.newJob ("));
    findings_release(&f);
}

/* Out of step, since readers of connections come and go too. */
static void std_goroutines_that_the_users_cover_are_theirs(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 1, 0},
         {GOROUTINES, NETWORK "net/http.(*persistConn).readLoop", 30, 9, 9,
          0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_one(&f, "main.await", "goroutine-chan-receive", GRADE_STRONG);
    assert_true(
        says(&f.items[0], "goroutines in net/http.(*persistConn).readLoop"));
    findings_release(&f);
}

/* A fan-out: the workers are gone, what they made is held by the one that waits
   for them. */
static void what_function_literals_of_waiting_ones_made_is_theirs(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES,
          "runtime.gopark runtime.semacquire1 "
          "sync.runtime_SemacquireWaitGroup sync.(*WaitGroup).Wait "
          "main.build:39",
          3, 11, 1, 0},
         {HEAP, "main.part:19 main.build.func1:31", 2, 4, 1, 0},
         {HEAP, "main.keep:19 main.builder.func1:31", 2, 6, 1, 0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_int_equal(f.n, 2);
    for (size_t i = 0; i < f.n; i++) {
        const bool waits =
            strcmp(f.items[i].rule->id, "goroutine-waitgroup") == 0;
        assert_int_equal(says(&f.items[i], "with it grew main.part ("), waits);
    }
    findings_release(&f);
}

/* Both goroutines of connections that wait for a next request. */
#define IDLE                                                                   \
    {GOROUTINES,                                                               \
     NETWORK "bufio.(*Reader).Peek net/http.(*persistConn).readLoop",          \
     3,                                                                        \
     11,                                                                       \
     1,                                                                        \
     0},                                                                       \
    {                                                                          \
        GOROUTINES, SELECT "net/http.(*persistConn).writeLoop", 3, 11, 1, 0    \
    }

static void idle_connections_alone_may_be_a_pool(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET, IDLE}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.items[0].rule->id, "goroutine-idle-conn");
    assert_int_equal(f.items[0].grade, GRADE_SUSPECT);
    findings_release(&f);
}

/* The heap that the call allocates is no second leak. */
static void idle_connections_with_a_transport_each_are_one_leak(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         IDLE, {HEAP,
          "net/http.http2configureTransports "
          "net/http.(*Transport).onceSetNextProtoDefaults "
          "net/http.(*Transport).roundTrip net/http.(*Client).Get main.ask:9",
          0, 3, 1, 0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_one(&f, "main.ask", "goroutine-idle-conn", GRADE_STRONG);
    assert_true(says(&f.items[0], "the connections share none"));
    assert_true(says(&f.items[0], "with it grew main.ask ("));
    findings_release(&f);
}

static void a_finalizer_that_does_not_end_is_noted(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.release:4 runtime.runFinalizers", 1, 0, 0,
          0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_int_equal(f.n, 0);
    assert_int_equal(f.n_notes, 1);
    assert_non_null(strstr(f.notes[0], "is in main.release in each of the last "
                                       "10 snapshots"));
    findings_release(&f);
}

/* However healthy one is. */
static void listeners_that_are_never_closed_are_a_leak(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES,
          "runtime.gopark internal/poll.runtime_pollWait "
          "internal/poll.(*FD).Accept net.(*TCPListener).Accept main.listen:3",
          2, 9, 1, 0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_one(&f, "main.listen", "goroutine-io-wait", GRADE_STRONG);
    assert_true(says(&f.items[0], "one for each listener"));
    assert_non_null(strstr(f.items[0].fix, "l.Close()"));
    findings_release(&f);
}

/* Heap that no goroutine holds is a leak of its own, whatever else leaks. */
static void two_leaks_of_their_own_pace_are_two_findings(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 6, 0},
         {HEAP, "main.remember:40 main.other:2", 2, 6, 2, 0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.items[0].grade, GRADE_STRONG);
    assert_int_equal(f.items[1].grade, GRADE_STRONG);
    findings_release(&f);
}

/* --- what must stay quiet --- */

static const struct quiet_case {
    const char *name;
    struct scene scene;
} quiet_cases[] = {
    {"work_that_moves_between_callers_is_quiet",
     {{QUIET,
       {HEAP, "bytes.growSlice main.scale:4 main.old:1", 60, -6, 2, 20},
       {HEAP, "bytes.growSlice main.scale:4 main.new:1", 2, 6, 2, 20}}}},
    {"work_that_moves_between_functions_is_quiet",
     {{QUIET,
       {HEAP, "bytes.growSlice main.old:1", 60, -6, 2, 20},
       {HEAP, "bytes.growSlice main.new:1", 2, 6, 2, 20}}}             },
    {"goroutines_that_move_between_lines_are_quiet",
     {{QUIET,
       {GOROUTINES, RECEIVE "main.stage:10 main.run:1", 90, -9, 2, 0},
       {GOROUTINES, RECEIVE "main.stage:20 main.run:1", 2, 9, 2, 0}}}  },
    {"growth_of_the_profiler_is_quiet",
     {{QUIET,
       {HEAP,
        "compress/flate.NewWriter runtime/pprof.(*profileBuilder).build "
        "net/http/pprof.Index main.serve:1",
        2, 5, 1, 0}}}                                                  },
    {"accept_loops_of_some_listeners_are_quiet",
     {{QUIET,
       {GOROUTINES,
        "runtime.gopark internal/poll.(*FD).Accept "
        "net.(*TCPListener).Accept main.listen:3",
        12, 0, 3, 0}}}                                                 },
};

static void nothing_is_found(void **state)
{
    const struct quiet_case *c = *state;
    struct findings f = findings_of(&c->scene, POINTS);
    for (size_t i = 0; i < f.n; i++) {
        print_message("  %s %s %s\n", grade_name(f.items[i].grade),
                      f.items[i].rule->id, f.items[i].site.function);
    }
    assert_int_equal(f.n, 0);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    findings_release(&f);
}

/* --- the parent step --- */

enum { PARTS = 8 };

/* Samples of part k at point i. Spread: each point brings four, to parts in
   turn. Once: each part gets all of its four in one interval. */
static double part_level(bool is_once, size_t k, size_t i)
{
    double n = 1;
    for (size_t m = 0; m < 4 * i; m++) {
        n += is_once ? m / 4 == k : m * 3 % PARTS == k;
    }
    return n;
}

static struct findings parts_of(bool is_once)
{
    struct series *s = series_new(NULL);
    char text[64];
    for (size_t i = 0; i < POINTS; i++) {
        struct profile_builder *b = made_heap(MADE_PERIOD);
        for (size_t k = 0; k < PARTS; k++) {
            (void)snprintf(text, sizeof text,
                           "main.part%zu:5 main.load:9 main.main:3", k);
            const double n = part_level(is_once, k, i);
            made_block(b, text, BLOCK, n, n);
        }
        made_block(b, "main.render:5 main.main:9", BLOCK, 90 + 40 * (double)i,
                   30 + 6 * wobble[i]);
        (void)snprintf(text, sizeof text, "%02zu.heap", i);
        made_add(s, b, KIND_HEAP, text, 10 * (double)i);
    }
    return judged(s, 0);
}

static void a_leak_spread_over_eight_sites_is_found_above_them(void **state)
{
    (void)state;
    struct findings f = parts_of(false);
    assert_int_equal(f.verdict, VERDICT_LEAK);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.items[0].site.function, "main.load");
    assert_int_equal(f.items[0].grade, GRADE_STRONG);
    findings_release(&f);
}

/* A cache that is full late in the window: what else its caller keeps makes it
   no leak. */
static void a_site_that_came_to_a_level_speaks_for_its_caller(void **state)
{
    static const double page[] = {0,  3,  4,  8,  12, 16, 18,
                                  20, 20, 20, 20, 20, 22, 22};
    static const double other[] = {0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7};
    (void)state;
    struct series *s = series_new(NULL);
    char source[32];
    for (size_t i = 0; i < N_OF(page); i++) {
        struct profile_builder *b = made_heap(MADE_PERIOD);
        made_block(b, "main.page:31 main.serve:39 main.run:3", BLOCK,
                   page[i] + (double)i, page[i]);
        made_block(b, "main.parse:12 main.serve:38 main.run:3", BLOCK,
                   other[i] + 2 * (double)i, other[i]);
        made_block(b, "main.render:5 main.run:9", BLOCK, 90 + 40 * (double)i,
                   30);
        (void)snprintf(source, sizeof source, "%02zu.heap", i);
        made_add(s, b, KIND_HEAP, source, 4 * (double)i);
    }
    struct findings f = judged(s, 0);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    assert_one(&f, "main.page", "heap-growth", GRADE_INFO);
    findings_release(&f);
}

static void things_made_once_each_are_no_leak(void **state)
{
    (void)state;
    struct findings f = parts_of(true);
    assert_int_equal(f.verdict, VERDICT_CLEAN);
    assert_int_equal(f.n, 0);
    findings_release(&f);
}

/* --- lines, restarts, short series --- */

static void
a_leak_at_one_line_of_a_busy_function_is_found_by_its_line(void **state)
{
    (void)state;
    const struct scene c = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.serve:10 main.run:1", 200, 0, 120, 0},
         {GOROUTINES, RECEIVE "main.serve:20 main.run:1", 3, 7, 1, 0}}
    };
    struct findings f = findings_of(&c, POINTS);
    assert_one(&f, "main.serve", "goroutine-chan-receive", GRADE_STRONG);
    assert_int_equal(f.items[0].site.line, 20);
    findings_release(&f);
}

static void only_the_points_since_a_restart_are_judged(void **state)
{
    (void)state;
    struct err err = {0};
    const struct scene old = {
        {{HEAP, "main.render:5 main.page:9", 9000, 0, 6, 400},
         {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 900, 0, 6, 0}}
    };
    const struct scene now = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 1, 0}}
    };
    struct series *s = series_new(NULL);
    for (size_t i = 0; i < 12; i++) {
        const struct scene *c = i < 3 ? &old : &now;
        assert_ok(take(s, c, i, HEAP, &err), &err);
        assert_ok(take(s, c, i, GOROUTINES, &err), &err);
    }
    struct findings f = judged(s, 0);
    assert_one(&f, "main.await", "goroutine-chan-receive", GRADE_STRONG);
    assert_int_equal(f.items[0].metrics[0].n_series, 9);
    findings_release(&f);
}

static void below_five_points_it_is_inconclusive(void **state)
{
    (void)state;
    const struct scene c = {{QUIET}};
    struct findings f = findings_of(&c, 4);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_string_equal(f.limits.advice, "wait 40 s more");
    assert_true(isnan(f.limits.heap_bytes));
    findings_release(&f);
}

static void four_points_of_a_leak_are_a_suspicion(void **state)
{
    (void)state;
    struct findings f = findings_of(&request_leak, 4);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_true(f.n >= 1);
    assert_int_equal(f.items[0].grade, GRADE_SUSPECT);
    assert_true(says(&f.items[0], "too few points"));
    findings_release(&f);
}

static void goroutines_alone_wait_for_no_collection(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    assert_ok(take(s, &request_leak, 0, GOROUTINES, &err), &err);
    struct findings f = judged(s, 0);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_string_equal(f.limits.advice,
                        "take at least 8 snapshots, some seconds apart");
    findings_release(&f);
}

static void one_point_says_nothing(void **state)
{
    (void)state;
    struct findings f = findings_of(&request_leak, 1);
    assert_int_equal(f.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(f.n, 0);
    findings_release(&f);
}

/* --- out of memory --- */

static const struct scene heap_leak = {
    {QUIET, {HEAP, "main.remember:40 main.handle:2", 2, 6, 1, 0}}
};

/* 6 samples of 526 KB in 10 s into a limit of 2 GB: the live heap may reach
   half of what goroutines leave, 1 GB, and stands at 57 MB. */
static void a_limit_gives_an_interval_of_time_to_out_of_memory(void **state)
{
    (void)state;
    struct findings f = judged(series_of(&heap_leak, POINTS, NULL), 2e9);
    assert_true(f.oom.asked);
    const double rate = f.items[0].metrics[0].per_hour / 3600;
    assert_true(fabs(rate - 315e3) < 20e3);
    assert_true(fabs(f.oom.seconds - 3000) < 300);
    assert_true(f.oom.seconds_low < f.oom.seconds);
    assert_true(f.oom.seconds_high > f.oom.seconds);
    findings_release(&f);
}

static void without_a_leak_no_end_is_in_sight(void **state)
{
    (void)state;
    const struct scene c = {{QUIET}};
    struct findings f = judged(series_of(&c, POINTS, NULL), 2e9);
    assert_true(f.oom.asked);
    assert_true(isnan(f.oom.seconds));
    findings_release(&f);
}

static void without_a_limit_nothing_is_said_of_the_end(void **state)
{
    (void)state;
    struct findings f = findings_of(&heap_leak, POINTS);
    assert_false(f.oom.asked);
    findings_release(&f);
}

/* --- invariance --- */

static void assert_same(const struct findings *a, const struct findings *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct finding *x = &a->items[i];
        const struct finding *y = &b->items[i];
        assert_string_equal(x->id, y->id);
        assert_int_equal(x->grade, y->grade);
        assert_ptr_equal(x->rule, y->rule);
        assert_true(x->metrics[0].last == y->metrics[0].last);
        assert_true(x->statistics.z == y->statistics.z);
        assert_int_equal(x->n_evidence, y->n_evidence);
        for (size_t k = 0; k < x->n_evidence; k++) {
            assert_string_equal(x->evidence[k], y->evidence[k]);
        }
    }
}

static void the_order_in_which_snapshots_come_does_not_matter(void **state)
{
    (void)state;
    static const size_t orders[][POINTS] = {
        {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
        {5, 0, 9, 1, 7, 3, 2, 8, 6, 4}
    };
    struct findings f = findings_of(&request_leak, POINTS);
    for (size_t i = 0; i < N_OF(orders); i++) {
        struct findings g =
            judged(series_of(&request_leak, POINTS, orders[i]), 0);
        assert_same(&f, &g);
        findings_release(&g);
    }
    findings_release(&f);
}

static void ids_stay_when_lines_change(void **state)
{
    (void)state;
    const struct scene moved = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.await:112 main.handle:220", 3, 11, 1, 0}}
    };
    const struct scene before = {
        {QUIET,
         {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 1, 0}}
    };
    struct findings f = findings_of(&before, POINTS);
    struct findings g = findings_of(&moved, POINTS);
    assert_int_equal(f.n, 1);
    assert_int_equal(g.n, 1);
    assert_string_equal(f.items[0].id, g.items[0].id);
    assert_string_equal(f.items[0].loose_id, g.items[0].loose_id);
    assert_int_equal(g.items[0].site.line, 112);
    findings_release(&f);
    findings_release(&g);
}

static void other_functions_have_other_ids(void **state)
{
    (void)state;
    const struct scene a = {
        {QUIET, {GOROUTINES, RECEIVE "main.a:1 main.m:2", 3, 11, 1, 0}}
    };
    const struct scene b = {
        {QUIET, {GOROUTINES, RECEIVE "main.b:1 main.m:2", 3, 11, 1, 0}}
    };
    struct findings f = findings_of(&a, POINTS);
    struct findings g = findings_of(&b, POINTS);
    assert_string_not_equal(f.items[0].id, g.items[0].id);
    assert_string_not_equal(f.items[0].loose_id, g.items[0].loose_id);
    findings_release(&f);
    findings_release(&g);
}

/* --- dumps --- */

static void a_nil_channel_off_main_is_proven(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "sleep", -1, "time.Sleep main.main:9");
    made_dumped(d, 17, "chan receive (nil chan)", 5, "main.stuck:4 main.run:2");
    made_add_dump(s, d, "00.goroutine.debug2");
    struct findings f = judged(s, 0);
    assert_int_equal(f.verdict, VERDICT_LEAK);
    assert_one(&f, "main.stuck", "goroutine-nil-chan", GRADE_PROVEN);
    findings_release(&f);
}

static void main_may_wait_for_ever(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "select (no cases)", 5, "main.main:9");
    made_add_dump(s, d, "00.goroutine.debug2");
    struct findings f = judged(s, 0);
    assert_int_equal(f.n, 0);
    findings_release(&f);
}

static void an_empty_select_off_main_is_proven(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "select (no cases)", 5, "main.main:9");
    made_dumped(d, 23, "select (no cases)", 5, "main.stuck:9 main.run:3");
    made_add_dump(s, d, "00.goroutine.debug2");
    struct findings f = judged(s, 0);
    assert_one(&f, "main.stuck", "goroutine-select-empty", GRADE_PROVEN);
    findings_release(&f);
}

/* Goroutines of main.await in a dump: ids from `first` on, `apart`. */
static void add_dump(struct series *s, const char *source, size_t n,
                     uint64_t first, uint64_t apart, uint64_t newest)
{
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "sleep", -1, "time.Sleep main.main:9");
    made_dumped(d, newest, "running", -1, "main.page:1");
    for (size_t i = 0; i < n; i++) {
        made_dumped(d, first + i * apart, "chan receive", -1,
                    "main.await:12 main.handle:20");
    }
    made_add_dump(s, d, source);
}

static const struct scene await_leak = {
    {QUIET, {GOROUTINES, RECEIVE "main.await:12 main.handle:20", 3, 11, 1, 0}}
};

/* 102 goroutines at the end, with ids from all over the window or only from
   its last tenth. */
static struct findings aged(uint64_t first, uint64_t apart)
{
    struct series *s = series_of(&await_leak, POINTS, NULL);
    add_dump(s, "00.goroutine.debug2", 3, 10, 1, 1000);
    add_dump(s, "09.goroutine.debug2", 102, first, apart, 11000);
    return judged(s, 0);
}

static void goroutines_born_all_over_the_window_are_a_leak(void **state)
{
    (void)state;
    struct findings f = aged(1001, 97);
    assert_one(&f, "main.await", "goroutine-chan-receive", GRADE_STRONG);
    findings_release(&f);
}

static void goroutines_that_are_all_young_are_only_suspect(void **state)
{
    (void)state;
    struct findings f = aged(10001, 9);
    assert_one(&f, "main.await", "goroutine-chan-receive", GRADE_SUSPECT);
    assert_true(says(&f.items[0], "the dumps show only young ones"));
    findings_release(&f);
}

static void goroutines_in_a_leak_profile_are_proven(void **state)
{
    (void)state;
    struct series *s = series_of(&await_leak, POINTS, NULL);
    struct profile_builder *b = made_goroutine();
    made_count(b, RECEIVE "main.await:12 main.handle:20", 99);
    made_add(s, b, KIND_GOROUTINELEAK, "09.goroutineleak", 90);
    struct findings f = judged(s, 0);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.items[0].grade, GRADE_PROVEN);
    assert_string_equal(f.items[0].site.function, "main.await");
    /* The profile of all goroutines shows the same ones. */
    assert_false(says(&f.items[0], "goroutines in main.await"));
    assert_false(says(&f.items[0], "more goroutines grew"));
    findings_release(&f);
}

/* Too few to be tested on their own, yet the proof shows their pace. */
static void the_pace_of_a_few_proven_goroutines_is_told(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    for (int i = 0; i < 8; i++) {
        char name[32];
        struct profile_builder *b = made_goroutine();
        (void)snprintf(name, sizeof name, "%02d.goroutine", i);
        made_count(b, RECEIVE "main.await:12 main.handle:20", 3 + i / 2);
        made_add(s, b, KIND_GOROUTINE, name, i * 10);
    }
    struct profile_builder *b = made_goroutine();
    made_count(b, RECEIVE "main.await:12 main.handle:20", 6);
    made_add(s, b, KIND_GOROUTINELEAK, "08.goroutineleak", 70);
    struct findings f = judged(s, 0);
    assert_int_equal(f.n, 1);
    assert_int_equal(f.items[0].grade, GRADE_PROVEN);
    assert_true(fabs(f.items[0].metrics[0].per_hour - 3.0 / 70 * 3600) < 1e-9);
    assert_true(f.items[0].metrics[0].per_hour_high > 3.0 / 70 * 3600);
    findings_release(&f);
}

/* --- running out of memory --- */

struct walk {
    struct snapshot snaps[16];
    size_t n;
};

static bool add_and_judge(void *ctx, struct err *err)
{
    const struct walk *w = ctx;
    struct findings f = {0};
    const struct rules_options options = {.memory_limit_bytes = 2e9};
    struct series *s = series_new(NULL);
    bool ok = s != NULL || err_nomem(err, "test");
    for (size_t i = 0; ok && i < w->n; i++) {
        ok = series_add(s, &w->snaps[i], err);
    }
    ok = ok && series_finish(s, err) && rules_judge(s, &options, &f, err);
    findings_release(&f);
    series_free(s);
    return ok;
}

static void keep_snapshot(struct walk *w, struct profile_builder *b,
                          enum profile_kind kind, const char *source,
                          double seconds)
{
    struct err err = {0};
    struct snapshot *snap = &w->snaps[w->n++];
    *snap =
        (struct snapshot){.source = source,
                          .kind = kind,
                          .time_nanos = MADE_EPOCH + (int64_t)(seconds * 1e9)};
    assert_ok(profile_builder_finish(b, &snap->profile, &err), &err);
}

static void every_failing_allocation_is_out_of_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"0.h", "1.h", "2.h",
                                        "3.h", "4.h", "5.h"};
    struct walk w = {.n = 0};
    for (size_t i = 0; i < 6; i++) {
        struct profile_builder *heap = made_heap(MADE_PERIOD);
        struct profile_builder *goroutines = made_goroutine();
        for (const struct row *r = request_leak.rows; r->stack; r++) {
            if (r->kind == HEAP) {
                made_block(heap, r->stack, BLOCK, births(r, i), level(r, i));
            } else {
                made_count(goroutines, r->stack, level(r, i));
            }
        }
        keep_snapshot(&w, heap, KIND_HEAP, names[i], 10 * (double)i);
        keep_snapshot(&w, goroutines, KIND_GOROUTINE, names[i], 10 * (double)i);
    }
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 1, "sleep", -1, "time.Sleep main.main:9");
    made_dumped(d, 17, "chan receive (nil chan)", 5, "main.stuck:4 main.run:2");
    made_dumped(d, 18, "chan receive", 5, "main.await:12 main.handle:20");
    w.snaps[w.n++] = (struct snapshot){
        .source = "5.d", .kind = KIND_GOROUTINE, .form = FORM_DUMP, .dump = d};
    const unsigned n = oom_walk(add_and_judge, &w);
    print_message("%u allocations\n", n);
    for (size_t i = 0; i < w.n; i++) {
        snapshot_release(&w.snaps[i]);
    }
}

int main(void)
{
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(a_steady_service_is_clean),
        cmocka_unit_test(one_leaked_request_is_one_finding),
        cmocka_unit_test(std_goroutines_that_the_users_cover_are_theirs),
        cmocka_unit_test(what_function_literals_of_waiting_ones_made_is_theirs),
        cmocka_unit_test(idle_connections_alone_may_be_a_pool),
        cmocka_unit_test(idle_connections_with_a_transport_each_are_one_leak),
        cmocka_unit_test(a_finalizer_that_does_not_end_is_noted),
        cmocka_unit_test(listeners_that_are_never_closed_are_a_leak),
        cmocka_unit_test(two_leaks_of_their_own_pace_are_two_findings),
        cmocka_unit_test(a_leak_spread_over_eight_sites_is_found_above_them),
        cmocka_unit_test(a_site_that_came_to_a_level_speaks_for_its_caller),
        cmocka_unit_test(things_made_once_each_are_no_leak),
        cmocka_unit_test(
            a_leak_at_one_line_of_a_busy_function_is_found_by_its_line),
        cmocka_unit_test(only_the_points_since_a_restart_are_judged),
        cmocka_unit_test(below_five_points_it_is_inconclusive),
        cmocka_unit_test(four_points_of_a_leak_are_a_suspicion),
        cmocka_unit_test(goroutines_alone_wait_for_no_collection),
        cmocka_unit_test(one_point_says_nothing),
        cmocka_unit_test(a_limit_gives_an_interval_of_time_to_out_of_memory),
        cmocka_unit_test(without_a_leak_no_end_is_in_sight),
        cmocka_unit_test(without_a_limit_nothing_is_said_of_the_end),
        cmocka_unit_test(the_order_in_which_snapshots_come_does_not_matter),
        cmocka_unit_test(ids_stay_when_lines_change),
        cmocka_unit_test(other_functions_have_other_ids),
        cmocka_unit_test(a_nil_channel_off_main_is_proven),
        cmocka_unit_test(main_may_wait_for_ever),
        cmocka_unit_test(an_empty_select_off_main_is_proven),
        cmocka_unit_test(goroutines_born_all_over_the_window_are_a_leak),
        cmocka_unit_test(goroutines_that_are_all_young_are_only_suspect),
        cmocka_unit_test(the_pace_of_a_few_proven_goroutines_is_told),
        cmocka_unit_test(goroutines_in_a_leak_profile_are_proven),
        cmocka_unit_test(every_failing_allocation_is_out_of_memory),
    };
    struct CMUnitTest tests[N_OF(fixed) + N_OF(quiet_cases)];
    memcpy(tests, fixed, sizeof fixed);
    for (size_t i = 0; i < N_OF(quiet_cases); i++) {
        tests[N_OF(fixed) + i] =
            (struct CMUnitTest){.name = quiet_cases[i].name,
                                .test_func = nothing_is_found,
                                .initial_state = test_case(&quiet_cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
