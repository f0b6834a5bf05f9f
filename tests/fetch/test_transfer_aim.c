/* Where a request goes: unix sockets, and URLs that are not what they seem. */
#include "answers.h"

#include "fetch/fetch.h"

#define MS_NS INT64_C(1000000)

static struct answers local;
static char path[100];

static int group_setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/seep-aim-%ld.sock",
                   (long)getpid());
    local = answers_start_at(path);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    answers_stop(&local);
    unlink(path);
    return 0;
}

static struct fetch_http *client(void)
{
    const struct fetch_http_options o = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
        .proxies = {.http = "http://127.0.0.1:1"},
    };
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&o, &http, &err), &err);
    return http;
}

static void a_unix_socket_is_asked(void **state)
{
    struct fetch_http *http = client();
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    (void)state;
    assert_ok(fetch_http_get(http, answers_url(&local, "/echo?gc=1#x"),
                             test_collect(&c), &err),
              &err);
    assert_true(span_starts(buf_view(&c.bytes), "GET /echo?gc=1 HTTP/1.1\r\n"
                                                "Host: localhost\r\n"));
    fetch_http_free(http);
    buf_release(&c.bytes);
}

static void a_client_goes_from_sockets_to_hosts_and_back(void **state)
{
    struct fetch_http *http = client();
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        const bool is_local = i % 2 == 0;
        /* At that port there is nobody. */
        const char *url =
            is_local ? answers_url(&local, "/ok") : "http://127.0.0.1:1/ok";
        assert_int_equal(fetch_http_get(http, url, test_collect(&c), &err),
                         is_local);
    }
    assert_err(&err, ERR_IO, "cannot connect: Connection refused");
    fetch_http_free(http);
    buf_release(&c.bytes);
}

static void sockets_that_cannot_be_are_said(void **state)
{
    char too_long[200] = "unix:///";
    const char *const rows[][2] = {
        {"unix://",                "the URL names no socket"                       },
        {"unix://:/debug",         "the URL names no socket"                       },
        {too_long,                 "the path of the socket has more than 107 bytes"},
        {"unix:///nonexistent/a",  "cannot connect: No such file or directory"     },
        {"unix:///dev/null:/heap", "cannot connect: Connection refused"            },
    };
    struct fetch_http *http = client();
    struct test_collector c = TEST_COLLECTOR;
    (void)state;
    memset(too_long + 8, 'x', 120);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {0};
        assert_false(fetch_http_get(http, rows[i][0], test_collect(&c), &err));
        assert_string_equal(err.text, rows[i][1]);
        assert_int_equal(err.code, i < 3 ? ERR_USAGE : ERR_IO);
    }
    fetch_http_free(http);
    buf_release(&c.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unix_socket_is_asked),
        cmocka_unit_test(a_client_goes_from_sockets_to_hosts_and_back),
        cmocka_unit_test(sockets_that_cannot_be_are_said),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
