/* What goes for all requests of a client: a name server that does not answer
   holds up nobody. */
#include "test.h"

#include "fetch/fetch.h"

#include <netdb.h>
#include <time.h>

#define MS_NS INT64_C(1000000)

enum { LOOKUP_MS = 2500 };

/* libcurl's, too: it finds the program's before that of libc. */
__attribute__((visibility("default"))) int
getaddrinfo(const char *restrict name, const char *restrict service,
            const struct addrinfo *restrict hints,
            struct addrinfo **restrict result)
{
    const struct timespec t = {LOOKUP_MS / 1000, LOOKUP_MS % 1000 * 1000000};
    (void)name;
    (void)service;
    (void)hints;
    (void)result;
    nanosleep(&t, NULL);
    return EAI_NONAME;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct asked {
    struct fetch_result result;
    unsigned n_done;
};

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct asked *a = ctx;
    a->result = *r;
    a->n_done++;
}

static struct fetch_pool *pool_of(int64_t connect_ms)
{
    const struct fetch_http_options o = {
        .user_agent = "test",
        .connect_timeout_ns = connect_ms * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
    };
    struct fetch_pool *pool = NULL;
    struct err err = {0};
    assert_ok(fetch_pool_new(&o, &pool, &err), &err);
    return pool;
}

static void start(struct fetch_pool *pool, const char *url, struct asked *a,
                  struct test_collector *c)
{
    struct err err = {0};
    const struct fetch_request r = {
        .url = url, .sink = test_collect(c), .ctx = a, .done = on_done};
    assert_ok(fetch_pool_start(pool, &r, &err), &err);
}

static void a_slow_lookup_is_given_up_in_time(void **state)
{
    struct fetch_pool *pool = pool_of(200);
    struct test_collector c = TEST_COLLECTOR;
    struct asked slow = {0};
    struct asked quick = {0};
    struct err err = {0};
    (void)state;
    const int64_t start_ms = now_ms();
    start(pool, "http://a.example/", &slow, &c);
    start(pool, "http://127.0.0.1:1/", &quick, &c);
    while (fetch_pool_n_active(pool) > 0) {
        assert_ok(fetch_pool_run(pool, 1000, &err), &err);
    }
    const int64_t took_ms = now_ms() - start_ms;
    fetch_pool_free(pool);
    assert_int_equal(quick.n_done, 1);
    assert_err(&slow.result.err, ERR_IO, "no connection within 0.2 s");
    assert_int_equal(slow.result.failure, FETCH_FAILURE_CONNECT);
    assert_true(took_ms < LOOKUP_MS);
}

static void freeing_waits_for_no_lookup(void **state)
{
    struct fetch_pool *pool = pool_of(10000);
    struct test_collector c = TEST_COLLECTOR;
    struct asked slow = {0};
    struct err err = {0};
    (void)state;
    const int64_t start_ms = now_ms();
    start(pool, "http://a.example/", &slow, &c);
    assert_ok(fetch_pool_run(pool, 100, &err), &err);
    fetch_pool_free(pool);
    assert_true(now_ms() - start_ms < LOOKUP_MS);
    assert_int_equal(slow.n_done, 0);
}

static void a_name_that_is_not_there_is_said(void **state)
{
    struct fetch_pool *pool = pool_of(10000);
    struct test_collector c = TEST_COLLECTOR;
    struct asked slow = {0};
    struct err err = {0};
    (void)state;
    start(pool, "http://a.example/", &slow, &c);
    while (fetch_pool_n_active(pool) > 0) {
        assert_ok(fetch_pool_run(pool, 1000, &err), &err);
    }
    fetch_pool_free(pool);
    assert_err(&slow.result.err, ERR_IO, "there is no such host");
    assert_true(slow.result.total_ns >= (LOOKUP_MS - 500) * MS_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_lookup_is_given_up_in_time),
        cmocka_unit_test(freeing_waits_for_no_lookup),
        cmocka_unit_test(a_name_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
