/* Watches of simulated services: real requests over loopback. */
#include "watching.h"

#include <math.h>

static struct sim_server servers[2];
static struct watching x;

static int stop_all(void **state)
{
    (void)state;
    watcher_free(x.w);
    x.w = NULL;
    sim_server_stop(&servers[0]);
    sim_server_stop(&servers[1]);
    return 0;
}

static struct watch_about about(uint32_t target)
{
    struct watch_about out;
    watcher_about(x.w, target, &out);
    return out;
}

static const char *url(unsigned i, const char *words)
{
    sim_server_start(&servers[i], words);
    return servers[i].url;
}

/* --- verdicts --- */

static void a_leak_is_confirmed_once(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.moments_each = 14;
    watching_begin(&x, &o, url(0, "unclosed-channel --speed 600"));
    watching_until(&x, WATCH_CONFIRMED, 1);
    watching_all(&x);
    watching_judge(&x);
    assert_int_equal(x.n_of[WATCH_ADDED], 1);
    assert_int_equal(x.n_of[WATCH_MOMENT], 14);
    assert_int_equal(x.n_of[WATCH_CONFIRMED], 1);
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
    const struct heard *found = watching_find(&x, WATCH_FINDING, 0);
    assert_non_null(found);
    assert_int_equal(found->before, GRADE_INFO);
    const struct watch_about a = about(0);
    assert_true(a.grade >= GRADE_STRONG);
    assert_non_null(a.findings);
    assert_int_equal(a.findings->verdict, VERDICT_LEAK);
    assert_true(a.findings->items[0].first_seen_nanos > 0);
    assert_true(a.goroutines > a.goroutines_first);
    assert_int_equal(a.n_moments, 14);
    assert_int_equal(a.history.n_moments, 14);
}

static void a_healthy_service_is_quiet(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.moments_each = 14;
    watching_begin(&x, &o, url(0, "steady --speed 600"));
    watching_all(&x);
    watching_judge(&x);
    assert_int_equal(x.n_of[WATCH_CONFIRMED], 0);
    assert_true(about(0).grade < GRADE_STRONG);
    assert_int_equal(about(0).findings->verdict == VERDICT_LEAK, false);
}

static void the_series_holds_what_was_taken(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.moments_each = 6;
    watching_begin(&x, &o, url(0, "map-cache --speed 600"));
    watching_all(&x);
    struct series *s = NULL;
    struct err err = {0};
    assert_ok(watcher_series(x.w, 0, &s, &err), &err);
    assert_int_equal(series_n_points(s, PLANE_GOROUTINE), 6);
    series_free(s);
}

/* --- goroutineleak --- */

static void leaked_goroutines_are_proof_at_once(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.has_leak_profile = true;
    o.moments_each = 3;
    watching_begin(&x, &o, url(0, "unclosed-channel --speed 6000 --go 1.27"));
    watching_all(&x);
    assert_int_equal(x.n_of[WATCH_HINT], 0);
    assert_int_equal(x.n_of[WATCH_CONFIRMED] >= 1, true);
    const struct heard *h = watching_find(&x, WATCH_CONFIRMED, 0);
    assert_int_equal(h->grade, GRADE_PROVEN);
}

static void
where_it_is_not_served_it_is_asked_once_and_a_hint_is_given(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.has_leak_profile = true;
    o.moments_each = 3;
    watching_begin(&x, &o, url(0, "map-cache --speed 600 --go 1.23"));
    watching_all(&x);
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.n_requests[FETCH_FAILURE_REFUSED], 1);
    assert_int_equal(c.n_requests[FETCH_FAILURE_NONE], 6);
    assert_int_equal(x.n_of[WATCH_HINT], 1);
    assert_non_null(strstr(watching_find(&x, WATCH_HINT, 0)->text, "Go 1.27"));
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
    assert_int_equal(x.n_of[WATCH_MOMENT], 3);
}

/* Steady services leak nothing: after three empty answers every fourth moment
   asks. Moments 0, 1, 2, then 6: 8 requests beside 14 of heap and goroutines.
 */
static void an_empty_leak_profile_is_asked_for_less(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.has_leak_profile = true;
    o.moments_each = 7;
    watching_begin(&x, &o, url(0, "steady --speed 60 --go 1.27"));
    watching_all(&x);
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.n_requests[FETCH_FAILURE_NONE], 7 * 2 + 4 * 2);
}

/* --- what goes wrong --- */

struct fault {
    const char *name, *words;
    enum fetch_failure failure;
    bool is_passing; /* worth asking again at once */
};

static const struct fault faults[] = {
    {"fault_500",      "steady --fault 500",      FETCH_FAILURE_SERVER,   true },
    {"fault_404",      "steady --fault 404",      FETCH_FAILURE_REFUSED,  false},
    {"fault_401",      "steady --fault 401",      FETCH_FAILURE_REFUSED,  false},
    {"fault_redirect", "steady --fault redirect", FETCH_FAILURE_REDIRECT,
     false                                                                     },
    {"fault_html",     "steady --fault html",     FETCH_FAILURE_ANSWER,   false},
    {"fault_reset",    "steady --fault reset",    FETCH_FAILURE_BROKEN,   true },
    {"fault_truncate", "steady --fault truncate", FETCH_FAILURE_BROKEN,   true },
    {"fault_length",   "steady --fault length",   FETCH_FAILURE_BROKEN,   false},
    {"fault_bomb",     "steady --fault bomb",     FETCH_FAILURE_LIMIT,    false},
    {"fault_hang",     "steady --fault hang",     FETCH_FAILURE_SLOW,     false},
};

static void fault_is_said_by_name_and_nothing_is_taken(void **state)
{
    const struct fault *f = *state;
    struct watch_options o = watching_options();
    o.moments_each = 2;
    o.http.total_timeout_ns = INT64_C(400000000);
    o.interval_ns = INT64_C(500000000);
    watching_begin(&x, &o, url(0, f->words));
    watching_all(&x);
    assert_int_equal(x.n_of[WATCH_MOMENT], 0);
    assert_int_equal(x.n_of[WATCH_MISSED], 2);
    const struct heard *h = watching_find(&x, WATCH_MISSED, 0);
    assert_string_equal(fetch_failure_name(h->failure),
                        fetch_failure_name(f->failure));
    assert_true(*h->text);
    assert_null(strchr(h->text, '\n'));
    assert_true(about(0).is_failing);
    assert_string_equal(about(0).failure_text,
                        x.events[x.n - 1].text); /* of the second */
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.n_retries > 0, f->is_passing);
}

static void who_fails_stops_nobody_else(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.moments_each = 14;
    char lines[600];
    const char *bad = url(0, "steady --fault hang");
    const char *good = url(1, "map-cache --speed 600");
    snprintf(lines, sizeof lines, "%s\n%s\n127.0.0.1:1\n", bad, good);
    o.http.total_timeout_ns = INT64_C(500000000);
    watching_begin(&x, &o, lines);
    watching_all(&x);
    unsigned n_leaks = 0;
    unsigned n_slow = 0;
    unsigned n_unreachable = 0;
    for (uint32_t i = 0; i < 3; i++) {
        const struct watch_about a = about(i);
        n_leaks += a.grade >= GRADE_STRONG && a.n_moments == 14 ? 1 : 0;
        n_slow += a.failure == FETCH_FAILURE_SLOW ? 1 : 0;
        n_unreachable += a.failure == FETCH_FAILURE_CONNECT ? 1 : 0;
    }
    assert_int_equal(n_leaks, 1);
    assert_int_equal(n_slow, 1);
    assert_int_equal(n_unreachable, 1);
    assert_int_equal(x.n_of[WATCH_MOMENT], 14);
}

static void what_failed_in_passing_is_asked_again(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.interval_ns = INT64_C(500000000);
    o.moments_each = 2;
    watching_begin(&x, &o, url(0, "steady --speed 60 --fault 500@1"));
    watching_all(&x);
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.n_retries, 1);
    assert_int_equal(c.n_requests[FETCH_FAILURE_SERVER], 1);
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
    assert_int_equal(x.n_of[WATCH_MOMENT], 2);
}

/* Answers 1 and 2 are a moment; 3 and its two retries fail, as does 6, the
   goroutines. */
static void a_moment_in_part_is_taken_and_the_failure_said(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.retry.tries_max = 1;
    o.moments_each = 3;
    watching_begin(&x, &o, url(0, "steady --speed 60 --fault 404@4"));
    watching_all(&x);
    assert_int_equal(x.n_of[WATCH_MOMENT], 3);
    assert_int_equal(x.n_of[WATCH_MISSED], 1);
    assert_int_equal(x.n_of[WATCH_RECOVERED], 1);
    const struct heard *h = watching_find(&x, WATCH_MISSED, 0);
    assert_string_equal(h->profile, "goroutine");
    assert_int_equal(h->failure, FETCH_FAILURE_REFUSED);
    assert_int_equal(about(0).n_missed, 0);
    assert_false(about(0).is_failing);
}

static void ticks_of_a_slow_target_are_skipped_not_piled_up(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.interval_ns = INT64_C(50000000);
    o.http.total_timeout_ns = INT64_C(1000000000);
    watching_begin(&x, &o, url(0, "steady --fault hang"));
    watching_until(&x, WATCH_MISSED, 1);
    assert_true(x.n_of[WATCH_SKIPPED] >= 10);
    assert_int_equal(watcher_n_in_flight(x.w) <= 1, true);
    assert_true(about(0).n_skipped >= 10);
}

static void a_restart_begins_a_new_run(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.moments_each = 6;
    watching_begin(&x, &o, url(0, "map-cache --speed 600 --fault restart@6"));
    watching_all(&x);
    assert_int_equal(x.n_of[WATCH_RESTART], 1);
    assert_int_equal(about(0).history.n_runs, 2);
    assert_true(about(0).history.n_moments < 6);
}

/* --- the loop --- */

static void draining_ends_what_is_under_way_and_begins_nothing(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    char lines[20 * 300] = "";
    url(0, "steady map-cache --targets 16 --speed 60");
    o.in_flight_max = 4;
    for (unsigned i = 1; i <= 8; i++) {
        char line[300];
        snprintf(line, sizeof line, "%.*s/steady-%u/\n",
                 (int)(strchr(servers[0].url + 7, '/') - servers[0].url),
                 servers[0].url, i);
        strncat(lines, line, sizeof lines - strlen(lines) - 1);
    }
    watching_begin(&x, &o, lines);
    assert_int_equal(watcher_n_targets(x.w), 8);
    watching_until(&x, WATCH_MOMENT, 3);
    watcher_drain(x.w);
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + INT64_C(10000000000);
    while (watcher_n_in_flight(x.w) > 0) {
        assert_true(clock_ns(CLOCK_MONOTONIC) < end);
        watching_turn(&x);
    }
    const unsigned n = x.n_of[WATCH_MOMENT];
    assert_int_equal(watcher_next_ns(x.w), INT64_MAX);
    watching_for(&x, INT64_C(250000000));
    assert_int_equal(x.n_of[WATCH_MOMENT], n);
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
}

static void targets_join_and_leave_while_it_runs(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    char both[600];
    const char *a = url(0, "map-cache --speed 600");
    const char *b = url(1, "steady --speed 600");
    watching_begin(&x, &o, a);
    watching_until(&x, WATCH_MOMENT, 6);
    snprintf(both, sizeof both, "%s\n%s\n", a, b);
    watching_set(&x, both);
    assert_int_equal(x.n_of[WATCH_ADDED], 2);
    assert_int_equal(x.n_of[WATCH_REMOVED], 0);
    watching_for(&x, INT64_C(400000000));
    assert_true(about(1).n_moments >= 1);
    const uint64_t n = about(0).n_moments;
    assert_true(n > 6);
    watching_set(&x, b);
    assert_int_equal(x.n_of[WATCH_REMOVED], 1);
    assert_true(about(0).is_gone);
    assert_non_null(about(0).findings);
    watching_for(&x, INT64_C(300000000));
    assert_int_equal(about(0).n_moments, n);
    watching_set(&x, both);
    assert_false(about(0).is_gone);
    assert_int_equal(watcher_n_targets(x.w), 2);
    watching_for(&x, INT64_C(400000000));
    assert_true(about(0).n_moments > n);
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.n_targets, 2);
    assert_int_equal(c.n_failing, 0);
}

static void a_target_that_leaves_while_it_is_asked_is_forgotten(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.http.total_timeout_ns = INT64_C(500000000);
    watching_begin(&x, &o, url(0, "steady --fault hang"));
    watching_turn(&x);
    assert_int_equal(watcher_n_in_flight(x.w), 1);
    watching_set(&x, "");
    watching_for(&x, INT64_C(800000000));
    assert_int_equal(watcher_n_in_flight(x.w), 0);
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
}

static void it_can_be_ended_at_any_time(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.http.total_timeout_ns = INT64_C(5000000000);
    watching_begin(&x, &o, url(0, "steady --fault hang"));
    watching_turn(&x);
    assert_int_equal(watcher_n_in_flight(x.w), 1);
    watching_end(&x);
}

/* --- asking --- */

struct asked {
    struct test_collector bytes;
    struct fetch_result result;
    unsigned n;
};

static void on_asked(void *ctx, const struct fetch_result *r)
{
    struct asked *a = ctx;
    a->result = *r;
    a->n++;
}

static void a_dump_can_be_asked_for_where_dumps_are_allowed(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    o.dumps = WATCH_DUMPS_SMALL;
    struct asked a = {.bytes = TEST_COLLECTOR};
    struct err err = {0};
    watching_begin(&x, &o, url(0, "steady --speed 60"));
    assert_false(watcher_ask(x.w, 0, "goroutine", 2, test_collect(&a.bytes), &a,
                             on_asked, &err));
    assert_err(&err, ERR_USAGE,
               "a dump stops the world, and how many goroutines there are is "
               "not known");
    watching_until(&x, WATCH_MOMENT, 1);
    assert_ok(watcher_ask(x.w, 0, "goroutine", 2, test_collect(&a.bytes), &a,
                          on_asked, &err),
              &err);
    const int64_t end = clock_ns(CLOCK_MONOTONIC) + INT64_C(10000000000);
    while (a.n == 0 && clock_ns(CLOCK_MONOTONIC) < end) {
        watching_turn(&x);
    }
    assert_int_equal(a.n, 1);
    assert_int_equal(a.result.failure, FETCH_FAILURE_NONE);
    assert_true(span_starts(buf_view(&a.bytes.bytes), "goroutine "));
    buf_release(&a.bytes.bytes);
    watching_end(&x);
    o.dumps = WATCH_DUMPS_NEVER;
    watching_begin(&x, &o, servers[0].url);
    assert_false(watcher_ask(x.w, 0, "goroutine", 2, test_collect(&a.bytes), &a,
                             on_asked, &err));
    assert_err(&err, ERR_USAGE, "dumps are not allowed");
}

/* --- the store --- */

static void remove_store(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static void what_was_stored_is_taken_up_again(void **state)
{
    (void)state;
    char dir[] = "/tmp/seep-watch-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[256];
    snprintf(path, sizeof path, "%s/watch.db", dir);
    const struct store_options so = {0};
    struct err err = {0};
    struct watch_options o = watching_options();
    o.moments_each = 12;
    url(0, "unclosed-channel --speed 600");
    assert_ok(store_open(path, &so, &o.store, &err), &err);
    watching_begin(&x, &o, servers[0].url);
    watching_all(&x);
    watching_judge(&x);
    assert_true(about(0).grade >= GRADE_STRONG);
    char id[17];
    memcpy(id, about(0).findings->items[0].id, sizeof id);
    const int64_t first_seen = about(0).findings->items[0].first_seen_nanos;
    watching_end(&x);
    store_close(o.store);

    assert_ok(store_open(path, &so, &o.store, &err), &err);
    watching_begin(&x, &o, servers[0].url);
    assert_int_equal(about(0).history.n_moments, 12);
    assert_int_equal(about(0).n_moments, 0);
    watching_until(&x, WATCH_MOMENT, 1);
    assert_int_equal(about(0).history.n_moments, 13);
    watching_judge(&x);
    assert_int_equal(x.n_of[WATCH_CONFIRMED], 0); /* it was before */
    assert_int_equal(x.n_of[WATCH_RESTART], 0);
    const struct findings *f = about(0).findings;
    assert_true(f->n > 0);
    assert_string_equal(f->items[0].id, id);
    assert_int_equal(f->items[0].first_seen_nanos, first_seen);
    watching_end(&x);
    store_close(o.store);
    remove_store(path);
    (void)rmdir(dir);
}

/* --- secrets --- */

static void no_event_and_no_name_holds_a_secret(void **state)
{
    (void)state;
    struct watch_options o = watching_options();
    char target[600];
    o.moments_each = 1;
    url(0, "steady --fault 401");
    snprintf(target, sizeof target, "http://joe:secret@%s?token=secret",
             servers[0].url + strlen("http://"));
    watching_begin(&x, &o, target);
    watching_all(&x);
    assert_int_equal(x.n_of[WATCH_MISSED], 1);
    assert_null(strstr(watching_find(&x, WATCH_MISSED, 0)->text, "secret"));
    assert_null(strstr(about(0).target->shown, "secret"));
}

static bool begin_and_end(void *ctx, struct err *err)
{
    const struct watch_options o = watching_options();
    struct watch_targets t = {0};
    struct watcher *w = NULL;
    (void)ctx;
    const bool ok = watch_targets_add(&t, "127.0.0.1:1", err) &&
                    watch_targets_add(&t, "127.0.0.1:2", err) &&
                    watch_targets_finish(&t, err) &&
                    watcher_new(&o, NULL, NULL, &w, err) &&
                    watcher_set_targets(w, &t, 1000, 1000, err);
    watcher_free(w);
    watch_targets_release(&t);
    return ok;
}

static void running_out_of_memory_is_said_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(oom_walk(begin_and_end, NULL) > 20);
}

int main(void)
{
    enum { N_FAULTS = sizeof faults / sizeof faults[0] };
#define CASE(name) cmocka_unit_test_teardown(name, stop_all)
    const struct CMUnitTest plain[] = {
        CASE(a_leak_is_confirmed_once),
        CASE(a_healthy_service_is_quiet),
        CASE(the_series_holds_what_was_taken),
        CASE(leaked_goroutines_are_proof_at_once),
        CASE(where_it_is_not_served_it_is_asked_once_and_a_hint_is_given),
        CASE(an_empty_leak_profile_is_asked_for_less),
        CASE(who_fails_stops_nobody_else),
        CASE(what_failed_in_passing_is_asked_again),
        CASE(a_moment_in_part_is_taken_and_the_failure_said),
        CASE(ticks_of_a_slow_target_are_skipped_not_piled_up),
        CASE(a_restart_begins_a_new_run),
        CASE(draining_ends_what_is_under_way_and_begins_nothing),
        CASE(targets_join_and_leave_while_it_runs),
        CASE(a_target_that_leaves_while_it_is_asked_is_forgotten),
        CASE(it_can_be_ended_at_any_time),
        CASE(a_dump_can_be_asked_for_where_dumps_are_allowed),
        CASE(what_was_stored_is_taken_up_again),
        CASE(no_event_and_no_name_holds_a_secret),
        CASE(running_out_of_memory_is_said_and_leaks_nothing),
    };
    enum { N_PLAIN = sizeof plain / sizeof plain[0] };
    struct CMUnitTest tests[N_PLAIN + N_FAULTS];
    memcpy(tests, plain, sizeof plain);
    for (size_t i = 0; i < N_FAULTS; i++) {
        tests[N_PLAIN + i] = (struct CMUnitTest){
            .name = faults[i].name,
            .test_func = fault_is_said_by_name_and_nothing_is_taken,
            .teardown_func = stop_all,
            .initial_state = test_case(&faults[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
