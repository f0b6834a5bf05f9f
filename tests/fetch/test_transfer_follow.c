/* Which redirects are followed, and what the others say. */
#include "answers.h"

#include "fetch/fetch.h"

#define MS_NS INT64_C(1000000)

static struct answers one, other;

static int group_setup(void **state)
{
    (void)state;
    one = answers_start();
    other = answers_start();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    answers_stop(&one);
    answers_stop(&other);
    return 0;
}

struct got {
    enum fetch_failure failure;
    struct err err;
    struct buf body;
};

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct got *got = ctx;
    got->failure = r->failure;
    got->err = r->err;
}

/* The same through one alone and through the pool: they must agree. */
static struct got get(const struct fetch_http_options *o, const char *url)
{
    struct test_collector c = TEST_COLLECTOR;
    struct test_collector pooled = TEST_COLLECTOR;
    struct fetch_http *http = NULL;
    struct fetch_pool *pool = NULL;
    struct got got = {0};
    struct got got_pooled = {0};
    const struct fetch_request r = {.url = url,
                                    .sink = test_collect(&pooled),
                                    .ctx = &got_pooled,
                                    .done = on_done};
    assert_ok(fetch_http_new(o, &http, &got.err), &got.err);
    const bool ok = fetch_http_get(http, url, test_collect(&c), &got.err);
    got.failure = fetch_http_failure(http);
    assert_int_equal(ok, got.failure == FETCH_FAILURE_NONE);
    got.body = c.bytes;
    fetch_http_free(http);
    struct err err = {0};
    assert_ok(fetch_pool_new(o, &pool, &err), &err);
    assert_ok(fetch_pool_start(pool, &r, &err), &err);
    while (fetch_pool_n_active(pool) > 0) {
        assert_ok(fetch_pool_run(pool, 1000, &err), &err);
    }
    fetch_pool_free(pool);
    assert_string_equal(got.err.text, got_pooled.err.text);
    assert_int_equal(got.failure, got_pooled.failure);
    assert_true(span_eq(buf_view(&c.bytes), buf_view(&pooled.bytes)));
    buf_release(&pooled.bytes);
    return got;
}

static struct fetch_http_options following(void)
{
    return (struct fetch_http_options){
        .user_agent = "test",
        .connect_timeout_ns = 5000 * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
        .follows_redirects = true,
    };
}

static void check_followed(const struct fetch_http_options *o, const char *url)
{
    struct got got = get(o, url);
    assert_ok(got.failure == FETCH_FAILURE_NONE, &got.err);
    assert_true(got.body.len > 0);
    buf_release(&got.body);
}

static void check_refused(const struct fetch_http_options *o, const char *url,
                          const char *text)
{
    struct got got = get(o, url);
    assert_err(&got.err, ERR_IO, text);
    assert_int_equal(got.failure, FETCH_FAILURE_REDIRECT);
    buf_release(&got.body);
}

/* "http://127.0.0.1:1/to/http://127.0.0.1:2/ok" */
static const char *from_one_to(const char *to)
{
    static char url[4096];
    (void)snprintf(url, sizeof(url), "%s/to/%s", one.base, to);
    return url;
}

static void without_being_asked_none_is_followed(void **state)
{
    struct fetch_http_options o = following();
    (void)state;
    o.follows_redirects = false;
    check_refused(&o, from_one_to("https://u:p@login.example/?next=secret"),
                  "HTTP status 302: redirects are not followed; it points to "
                  "https://login.example/");
}

static void asked_they_are_followed(void **state)
{
    const struct fetch_http_options o = following();
    (void)state;
    check_followed(&o, from_one_to("/ok"));
    check_followed(&o, from_one_to(answers_url(&other, "/ok")));
    /* Ten steps and no more. */
    check_followed(&o, from_one_to("/to//to//to//to//to//to//to//to//to//ok"));
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "HTTP status 302: too many redirects; it points to %s/ok",
                   one.base);
    check_refused(
        &o, from_one_to("/to//to//to//to//to//to//to//to//to//to//ok"), text);
}

static void only_the_web_is_followed(void **state)
{
    const struct fetch_http_options o = following();
    (void)state;
    check_refused(&o, from_one_to("file:///etc/passwd"),
                  "HTTP status 302: only http and https are followed; it "
                  "points to file:///etc/passwd");
    check_refused(&o, from_one_to("gopher://a.example/"),
                  "HTTP status 302: only http and https are followed; it "
                  "points to gopher://a.example/");
}

static void credentials_stay_with_their_host(void **state)
{
    static const char *const headers[] = {"X-Api-Key: sesame"};
    struct fetch_http_options o = following();
    char text[300];
    (void)state;
    o.credentials =
        (struct fetch_credentials){.headers = headers, .n_headers = 1};
    (void)snprintf(text, sizeof(text),
                   "HTTP status 302: credentials are not taken to another "
                   "host; it points to %s/echo",
                   other.base);
    check_refused(&o, from_one_to(answers_url(&other, "/echo")), text);
    o.credentials = (struct fetch_credentials){.user = "ann:pw"};
    check_refused(&o, from_one_to(answers_url(&other, "/echo")), text);
    /* On the same host they go along. */
    struct got got = get(&o, from_one_to("/echo"));
    assert_true(span_has(buf_view(&got.body), "Authorization: Basic YW5uOnB3"));
    buf_release(&got.body);
}

static void a_password_of_the_url_stays_with_its_host(void **state)
{
    const struct fetch_http_options o = following();
    char url[200];
    char text[300];
    (void)state;
    (void)snprintf(url, sizeof(url), "http://ann:pw@127.0.0.1:%u/to/%s/echo",
                   one.port, other.base);
    (void)snprintf(text, sizeof(text),
                   "HTTP status 302: credentials are not taken to another "
                   "host; it points to %s/echo",
                   other.base);
    check_refused(&o, url, text);
    (void)snprintf(url, sizeof(url), "http://ann:pw@127.0.0.1:%u/to//echo",
                   one.port);
    struct got got = get(&o, url);
    assert_true(span_has(buf_view(&got.body), "Authorization: Basic YW5uOnB3"));
    buf_release(&got.body);
    (void)snprintf(url, sizeof(url), "http://ann:pw@127.0.0.1:%u/to/%s/echo",
                   one.port, one.base);
    got = get(&o, url);
    assert_true(span_has(buf_view(&got.body), "Authorization: Basic YW5uOnB3"));
    buf_release(&got.body);
}

static void a_unix_socket_is_not_left(void **state)
{
    const struct fetch_http_options o = following();
    char path[100];
    char url[300];
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/seep-follow-%ld.sock",
                   (long)getpid());
    const struct answers local = answers_start_at(path);
    (void)snprintf(url, sizeof(url), "%s/to/%s/ok", local.base, one.base);
    char text[300];
    (void)snprintf(text, sizeof(text),
                   "HTTP status 302: a unix socket is not left; it points to "
                   "%s/ok",
                   one.base);
    check_refused(&o, url, text);
    check_followed(&o, answers_url(&local, "/to//ok"));
    check_followed(&o, answers_url(&local, "/to/http://localhost/ok"));
    answers_stop(&local);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_being_asked_none_is_followed),
        cmocka_unit_test(asked_they_are_followed),
        cmocka_unit_test(only_the_web_is_followed),
        cmocka_unit_test(credentials_stay_with_their_host),
        cmocka_unit_test(a_password_of_the_url_stays_with_its_host),
        cmocka_unit_test(a_unix_socket_is_not_left),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
