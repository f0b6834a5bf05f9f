/* Many requests at once, and each of them judged as one alone would be. */
#include "answers.h"

#include "base/gz.h"
#include "fetch/fetch.h"

#include <poll.h>
#include <sys/resource.h>

#define MS_NS INT64_C(1000000)

static struct answers server;

static int group_setup(void **state)
{
    (void)state;
    server = answers_start();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    answers_stop(&server);
    return 0;
}

/* --- asking --- */

struct asked {
    struct fetch_pool *pool;
    struct test_collector body;
    struct fetch_result result;
    unsigned n_done;
    const char *then; /* asked for when this is done; or NULL */
    struct asked *other;
};

static void on_done(void *ctx, const struct fetch_result *r);

static void start(struct fetch_pool *pool, struct asked *a, const char *path)
{
    struct err err = {0};
    const bool is_whole = strstr(path, "://") != NULL;
    const struct fetch_request request = {
        .url = is_whole ? path : answers_url(&server, path),
        .sink = test_collect(&a->body),
        .ctx = a,
        .done = on_done,
    };
    a->pool = pool;
    assert_ok(fetch_pool_start(pool, &request, &err), &err);
}

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct asked *a = ctx;
    a->result = *r;
    a->n_done++;
    if (a->then != NULL) {
        start(a->pool, a->other, a->then);
    }
}

static struct fetch_http_options options_of(int64_t timeout_ms)
{
    return (struct fetch_http_options){
        .user_agent = "test",
        .connect_timeout_ns = 5000 * MS_NS,
        .total_timeout_ns = timeout_ms * MS_NS,
        .limit_bytes = 1 << 20,
    };
}

static struct fetch_pool *pool_of(const struct fetch_http_options *o)
{
    struct fetch_pool *pool = NULL;
    struct err err = {0};
    assert_ok(fetch_pool_new(o, &pool, &err), &err);
    return pool;
}

static struct fetch_pool *pool_new(void)
{
    const struct fetch_http_options o = options_of(20000);
    return pool_of(&o);
}

static void run_all(struct fetch_pool *pool)
{
    struct err err = {0};
    while (fetch_pool_n_active(pool) > 0) {
        assert_ok(fetch_pool_run(pool, 1000, &err), &err);
    }
}

/* One request from beginning to end; its body is released. */
static struct fetch_result ask(struct fetch_pool *pool, const char *path)
{
    struct asked a = {.body = TEST_COLLECTOR};
    start(pool, &a, path);
    run_all(pool);
    assert_int_equal(a.n_done, 1);
    assert_int_equal(a.body.n_ends, a.result.failure == FETCH_FAILURE_NONE);
    buf_release(&a.body.bytes);
    return a.result;
}

/* --- tests --- */

static void many_are_asked_at_once(void **state)
{
    enum { N = 200 };
    static struct asked all[N];
    struct fetch_pool *pool = pool_new();
    (void)state;
    for (size_t i = 0; i < N; i++) {
        all[i] = (struct asked){.body = TEST_COLLECTOR};
        start(pool, &all[i], i % 2 == 0 ? "/ok" : "/big");
    }
    assert_int_equal(fetch_pool_n_active(pool), N);
    run_all(pool);
    for (size_t i = 0; i < N; i++) {
        const size_t n = i % 2 == 0 ? 5 : 50 << 10;
        assert_int_equal(all[i].n_done, 1);
        assert_int_equal(all[i].result.failure, FETCH_FAILURE_NONE);
        assert_int_equal(all[i].result.status, 200);
        assert_int_equal(all[i].result.n_bytes, n);
        assert_int_equal(all[i].body.bytes.len, n);
        assert_int_equal(all[i].body.n_ends, 1);
        assert_true(all[i].result.total_ns > 0);
        buf_release(&all[i].body.bytes);
    }
    fetch_pool_free(pool);
}

static void one_that_hangs_holds_up_nobody(void **state)
{
    struct fetch_pool *pool = pool_new();
    struct asked hanging = {.body = TEST_COLLECTOR};
    struct asked quick = {.body = TEST_COLLECTOR};
    struct err err = {0};
    (void)state;
    start(pool, &hanging, "/hang");
    start(pool, &quick, "/ok");
    for (int i = 0; i < 50 && quick.n_done == 0; i++) {
        assert_ok(fetch_pool_run(pool, 100, &err), &err);
    }
    assert_int_equal(quick.n_done, 1);
    assert_int_equal(hanging.n_done, 0);
    fetch_pool_free(pool);
    buf_release(&quick.body.bytes);
    buf_release(&hanging.body.bytes);
}

static void freeing_ends_without_a_word(void **state)
{
    struct fetch_pool *pool = pool_new();
    struct asked all[3];
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        all[i] = (struct asked){.body = TEST_COLLECTOR};
        start(pool, &all[i], i == 0 ? "/hang" : "/drip");
    }
    assert_ok(fetch_pool_run(pool, 200, &err), &err);
    fetch_pool_free(pool);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(all[i].n_done, 0);
        buf_release(&all[i].body.bytes);
    }
}

static void who_is_done_may_ask_again(void **state)
{
    struct fetch_pool *pool = pool_new();
    struct asked second = {.body = TEST_COLLECTOR};
    struct asked first = {
        .body = TEST_COLLECTOR, .then = "/big", .other = &second};
    (void)state;
    start(pool, &first, "/ok");
    run_all(pool);
    assert_int_equal(first.n_done, 1);
    assert_int_equal(second.n_done, 1);
    assert_int_equal(second.result.failure, FETCH_FAILURE_NONE);
    assert_int_equal(second.body.bytes.len, 50 << 10);
    buf_release(&first.body.bytes);
    buf_release(&second.body.bytes);
    fetch_pool_free(pool);
}

static void connections_are_kept_and_said_to_be(void **state)
{
    struct fetch_pool *pool = pool_new();
    (void)state;
    assert_true(ask(pool, "/ok").connect_ns > 0);
    assert_int_equal(ask(pool, "/ok").connect_ns, 0);
    assert_int_equal(ask(pool, "/close").failure, FETCH_FAILURE_NONE);
    assert_true(ask(pool, "/ok").connect_ns > 0);
    fetch_pool_free(pool);
}

struct case_failure {
    const char *name, *path;
    enum fetch_failure failure;
    enum err_code code;
    long status;
    const char *text;
};

static const struct case_failure failures[] = {
    {"broken",         "/cut",                          FETCH_FAILURE_BROKEN,   ERR_IO,    200,
     "the answer broke off after 3 of 9 bytes"                                                                                             },
    {"server",         "/status/503",                   FETCH_FAILURE_SERVER,   ERR_IO,    503,
     "HTTP status 503"                                                                                                                     },
    {"too many",       "/status/429",                   FETCH_FAILURE_SERVER,   ERR_IO,    429,
     "HTTP status 429"                                                                                                                     },
    {"refused",        "/status/401",                   FETCH_FAILURE_REFUSED,  ERR_IO,    401,
     "HTTP status 401"                                                                                                                     },
    {"not there",      "/none",                         FETCH_FAILURE_REFUSED,  ERR_IO,    404,
     "HTTP status 404: 404 page not found"                                                                                                 },
    {"no content",     "/status/204",                   FETCH_FAILURE_ANSWER,   ERR_IO,    204,
     "HTTP status 204"                                                                                                                     },
    {"elsewhere",      "/to//ok",                       FETCH_FAILURE_REDIRECT, ERR_IO,    302, NULL                                       },
    {"too long",       "/flood",                        FETCH_FAILURE_LIMIT,    ERR_LIMIT, 200,
     "the answer is longer than the limit of 1048576 bytes"                                                                                },
    {"nobody",         "http://127.0.0.1:1/x",          FETCH_FAILURE_CONNECT,  ERR_IO,    0,
     "cannot connect: Connection refused"                                                                                                  },
    {"no such host",   "http://nowhere.invalid/",       FETCH_FAILURE_CONNECT,  ERR_IO,
     0,                                                                                         "there is no such host"                    },
    {"no URL",         "http://[::1/x",                 FETCH_FAILURE_HERE,     ERR_USAGE, 0,
     "not a URL of http or https"                                                                                                          },
    {"another scheme", "file:///etc/passwd",            FETCH_FAILURE_HERE,     ERR_USAGE, 0,
     "not a URL of http or https"                                                                                                          },
    {"no socket",      "unix:///nonexistent/a.sock:/x", FETCH_FAILURE_CONNECT,
     ERR_IO,                                                                               0,   "cannot connect: No such file or directory"},
};

static void failures_are_told_apart(void **state)
{
    const struct case_failure *c = *state;
    struct fetch_pool *pool = pool_new();
    const struct fetch_result r = ask(pool, c->path);
    assert_string_equal(fetch_failure_name(r.failure),
                        fetch_failure_name(c->failure));
    assert_int_equal(r.status, c->status);
    if (c->text != NULL) {
        assert_err(&r.err, c->code, c->text);
    }
    /* The same pool goes on. */
    assert_int_equal(ask(pool, "/ok").failure, FETCH_FAILURE_NONE);
    fetch_pool_free(pool);
}

static void what_hangs_ends_in_time(void **state)
{
    const struct fetch_http_options o = options_of(300);
    struct fetch_pool *pool = pool_of(&o);
    (void)state;
    const struct fetch_result r = ask(pool, "/hang");
    assert_int_equal(r.failure, FETCH_FAILURE_SLOW);
    assert_err(&r.err, ERR_IO, "no answer within 0.3 s");
    fetch_pool_free(pool);
}

static void its_descriptor_says_when_there_is_something_to_do(void **state)
{
    const struct fetch_http_options o = options_of(1300);
    struct fetch_pool *pool = pool_of(&o);
    struct asked hanging = {.body = TEST_COLLECTOR};
    struct asked quick = {.body = TEST_COLLECTOR};
    struct err err = {0};
    int n_turns = 0;
    (void)state;
    start(pool, &hanging, "/hang");
    start(pool, &quick, "/ok");
    while (fetch_pool_n_active(pool) > 0) {
        struct pollfd p = {.fd = fetch_pool_fd(pool), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_ok(fetch_pool_run(pool, 0, &err), &err);
        n_turns++;
    }
    assert_int_equal(quick.result.failure, FETCH_FAILURE_NONE);
    assert_err(&hanging.result.err, ERR_IO, "no answer within 1.3 s");
    /* Nor does it say so all the time, least of all when all is done. */
    assert_true(n_turns < 100);
    for (n_turns = 0; n_turns < 100; n_turns++) {
        struct pollfd p = {.fd = fetch_pool_fd(pool), .events = POLLIN};
        if (poll(&p, 1, 1500) == 0) {
            break;
        }
        assert_ok(fetch_pool_run(pool, 0, &err), &err);
    }
    assert_true(n_turns < 5);
    fetch_pool_free(pool);
    buf_release(&quick.body.bytes);
    buf_release(&hanging.body.bytes);
}

static void what_drips_is_too_slow(void **state)
{
    struct fetch_http_options o = options_of(30000);
    (void)state;
    o.low_speed_bytes = 1000;
    o.low_speed_ns = 1000 * MS_NS;
    struct fetch_pool *pool = pool_of(&o);
    const struct fetch_result r = ask(pool, "/drip");
    assert_int_equal(r.failure, FETCH_FAILURE_SLOW);
    assert_true(span_starts(span_of(r.err.text),
                            "too slow: less than 1000 bytes/s for 1 s, with "));
    assert_true(r.total_ns < 10000 * MS_NS);
    fetch_pool_free(pool);
}

static void a_timed_profile_is_not_too_slow(void **state)
{
    struct fetch_http_options o = options_of(1200);
    struct asked a = {.body = TEST_COLLECTOR};
    struct err err = {0};
    (void)state;
    o.low_speed_bytes = 1000;
    o.low_speed_ns = 1000 * MS_NS;
    struct fetch_pool *pool = pool_of(&o);
    const struct fetch_request request = {.url = answers_url(&server, "/late"),
                                          .sink = test_collect(&a.body),
                                          .more_ns = 2000 * MS_NS,
                                          .ctx = &a,
                                          .done = on_done};
    assert_ok(fetch_pool_start(pool, &request, &err), &err);
    run_all(pool);
    assert_int_equal(a.result.failure, FETCH_FAILURE_NONE);
    buf_release(&a.body.bytes);
    fetch_pool_free(pool);
}

static void a_stop_ends_all_and_lets_none_begin(void **state)
{
    volatile int stop = 0;
    struct fetch_http_options o = options_of(20000);
    struct asked all[2];
    struct err err = {0};
    (void)state;
    o.stop = &stop;
    struct fetch_pool *pool = pool_of(&o);
    for (size_t i = 0; i < 2; i++) {
        all[i] = (struct asked){.body = TEST_COLLECTOR};
        start(pool, &all[i], "/hang");
    }
    assert_ok(fetch_pool_run(pool, 100, &err), &err);
    stop = 1;
    assert_ok(fetch_pool_run(pool, -1, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(all[i].n_done, 1);
        assert_err(&all[i].result.err, ERR_INTERRUPTED, "interrupted");
        buf_release(&all[i].body.bytes);
    }
    const struct fetch_request request = {.url = "http://127.0.0.1:1/",
                                          .sink = test_collect(&all[0].body),
                                          .done = on_done};
    assert_false(fetch_pool_start(pool, &request, &err));
    assert_err(&err, ERR_INTERRUPTED, "interrupted");
    fetch_pool_free(pool);
}

static void waiting_for_nothing_returns(void **state)
{
    struct fetch_pool *pool = pool_new();
    struct err err = {0};
    (void)state;
    assert_ok(fetch_pool_run(pool, -1, &err), &err);
    assert_ok(fetch_pool_run(pool, 0, &err), &err);
    assert_ok(fetch_pool_run(pool, 20, &err), &err);
    fetch_pool_free(pool);
}

/* --- what the sink says --- */

struct failing_sink {
    enum err_code code;
    bool fails_at_end;
};

static bool failing_write(void *ctx, const uint8_t *p, size_t n,
                          struct err *err)
{
    const struct failing_sink *s = ctx;
    (void)p;
    (void)n;
    return s->fails_at_end || err_set(err, s->code, "said the sink");
}

static bool failing_end(void *ctx, struct err *err)
{
    const struct failing_sink *s = ctx;
    return err_set(err, s->code, "said the sink");
}

static void failures_of_the_sink_are_passed_on(void **state)
{
    static const struct {
        enum err_code code;
        enum fetch_failure failure;
    } rows[] = {
        {ERR_LIMIT,    FETCH_FAILURE_LIMIT },
        {ERR_FORMAT,   FETCH_FAILURE_BROKEN},
        {ERR_UNKNOWN,  FETCH_FAILURE_ANSWER},
        {ERR_MISMATCH, FETCH_FAILURE_ANSWER},
        {ERR_IO,       FETCH_FAILURE_HERE  },
        {ERR_NOMEM,    FETCH_FAILURE_HERE  },
    };
    struct fetch_pool *pool = pool_new();
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct asked a = {0};
        struct failing_sink s = {rows[i / 2].code, i % 2 == 1};
        const struct fetch_request request = {
            .url = answers_url(&server, "/ok"),
            .sink = {&s, failing_write, failing_end},
            .ctx = &a,
            .done = on_done
        };
        assert_ok(fetch_pool_start(pool, &request, &err), &err);
        run_all(pool);
        assert_int_equal(a.result.failure, rows[i / 2].failure);
        assert_err(&a.result.err, rows[i / 2].code, "said the sink");
    }
    fetch_pool_free(pool);
}

/* --- descriptors --- */

static void without_descriptors_the_trouble_is_here(void **state)
{
    struct fetch_pool *pool = pool_new();
    struct rlimit old;
    (void)state;
    assert_int_equal(ask(pool, "/close").failure, FETCH_FAILURE_NONE);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit none = old;
    none.rlim_cur = 4;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    const struct fetch_result r = ask(pool, "/ok");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_err(&r.err, ERR_IO, "cannot connect: too many open files here");
    assert_int_equal(r.failure, FETCH_FAILURE_HERE);
    assert_int_equal(ask(pool, "/ok").failure, FETCH_FAILURE_NONE);
    fetch_pool_free(pool);
}

int main(void)
{
    enum { N_CASES = sizeof(failures) / sizeof(failures[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = failures[i].name,
                                      .test_func = failures_are_told_apart,
                                      .initial_state = test_case(&failures[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(many_are_asked_at_once),
        cmocka_unit_test(one_that_hangs_holds_up_nobody),
        cmocka_unit_test(freeing_ends_without_a_word),
        cmocka_unit_test(who_is_done_may_ask_again),
        cmocka_unit_test(connections_are_kept_and_said_to_be),
        cmocka_unit_test(what_hangs_ends_in_time),
        cmocka_unit_test(its_descriptor_says_when_there_is_something_to_do),
        cmocka_unit_test(what_drips_is_too_slow),
        cmocka_unit_test(a_timed_profile_is_not_too_slow),
        cmocka_unit_test(a_stop_ends_all_and_lets_none_begin),
        cmocka_unit_test(waiting_for_nothing_returns),
        cmocka_unit_test(failures_of_the_sink_are_passed_on),
        cmocka_unit_test(without_descriptors_the_trouble_is_here),
    };
    return cmocka_run_group_tests(rows, group_setup, group_teardown) +
           cmocka_run_group_tests(others, group_setup, group_teardown);
}
