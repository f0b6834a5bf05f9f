/* What answers badly, and what is said of it: a server of a few bytes on the
   loopback, in a process of its own. */
#include "test.h"

#include "fetch/http.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct case_http {
    const char *name, *scheme, *reply;
    enum fetch_failure failure;
    enum err_code code;
    const char *error; /* NULL: fine */
};

static const struct case_http cases[] = {
    {"fine",             "http",  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     FETCH_FAILURE_NONE,                                                                                       ERR_NONE,  NULL                                        },
    {"another protocol", "http",  "SSH-2.0-OpenSSH_9.6\r\n",
     FETCH_FAILURE_ANSWER,                                                                                     ERR_IO,    "what answers there speaks no HTTP"         },
    {"no TLS",           "https",
     "HTTP/1.0 400 Bad Request\r\n\r\nClient sent no request",                           FETCH_FAILURE_TLS,    ERR_IO,    "the server does not speak TLS: try http://"},
    {"busy",             "http",  "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater",
     FETCH_FAILURE_SERVER,                                                                                     ERR_IO,    "HTTP status 503: later"                    },
    {"not there",        "http",  "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone",
     FETCH_FAILURE_REFUSED,                                                                                    ERR_IO,    "HTTP status 404: gone"                     },
    {"cut short",        "http",  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123",
     FETCH_FAILURE_BROKEN,                                                                                     ERR_IO,    "the answer broke off after 3 of 10 bytes"  },
    {"nothing",          "http",  "",                                                    FETCH_FAILURE_BROKEN, ERR_IO,
     "the connection was closed without an answer"                                                                                                                    },
    {"too long",         "http",
     "HTTP/1.1 200 OK\r\nConnection: "
     "close\r\n\r\n1234567890123456789012345678901",                                     FETCH_FAILURE_LIMIT,  ERR_LIMIT,
     "the answer is longer than the limit of 30 bytes"                                                                                                                },
};

/* --- the server --- */

struct server {
    pid_t pid;
    unsigned port;
};

static int listen_anywhere(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* One answer; then silence on the same connection until its peer leaves, or
   the end of it. */
static _Noreturn void answer(int listener, const char *reply, bool lingers)
{
    char request[4096];
    const int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && recv(fd, request, sizeof(request), 0) > 0) {
        (void)send(fd, reply, strlen(reply), MSG_NOSIGNAL);
        while (lingers && recv(fd, request, sizeof(request), 0) > 0) {
        }
        /* What is left unread would turn the end into a reset. */
        shutdown(fd, SHUT_WR);
        (void)recv(fd, request, sizeof(request), 0);
    }
    _exit(0);
}

static struct server start(const char *reply, bool lingers)
{
    struct server s = {0};
    const int fd = listen_anywhere(&s.port);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        alarm(20);
        answer(fd, reply, lingers);
    }
    close(fd);
    return s;
}

static void stop(const struct server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* --- tests --- */

static struct fetch_http *client_of(int64_t timeout_ms, bool has_secrets)
{
    const struct fetch_http_options options = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * INT64_C(1000000),
        .total_timeout_ns = timeout_ms * 1000000,
        .limit_bytes = 30,
        .has_secrets = has_secrets,
    };
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&options, &http, &err), &err);
    return http;
}

static struct fetch_http *client(int64_t timeout_ms)
{
    return client_of(timeout_ms, false);
}

static bool get_url(struct fetch_http *http, const char *url, struct err *err)
{
    struct test_collector c = TEST_COLLECTOR;
    const bool ok = fetch_http_get(http, url, test_collect(&c), err);
    assert_int_equal(c.n_ends, ok);
    buf_release(&c.bytes);
    return ok;
}

static bool get(struct fetch_http *http, const char *scheme, unsigned port,
                struct err *err)
{
    char url[100];
    (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/?token=sesame", scheme,
                   port);
    return get_url(http, url, err);
}

static void answers_are_told_apart(void **state)
{
    const struct case_http *c = *state;
    const struct server s = start(c->reply, false);
    struct fetch_http *http = client(5000);
    struct err err = {0};
    const bool ok = get(http, c->scheme, s.port, &err);
    const enum fetch_failure failure = fetch_http_failure(http);
    fetch_http_free(http);
    stop(&s);
    assert_int_equal(ok, c->error == NULL);
    assert_int_equal(failure, c->failure);
    assert_err(&err, c->code, c->error != NULL ? c->error : "");
}

static void answers_to_secrets_are_not_repeated(void **state)
{
    (void)state;
    const struct server s = start("HTTP/1.1 404 No\r\nContent-Length: 16\r\n"
                                  "\r\n/?token=sesame: ",
                                  false);
    struct fetch_http *http = client_of(5000, true);
    struct err err = {0};
    const bool ok = get(http, "http", s.port, &err);
    fetch_http_free(http);
    stop(&s);
    assert_false(ok);
    assert_err(&err, ERR_IO, "HTTP status 404");
}

static void redirects_are_followed_when_asked_for(void **state)
{
    (void)state;
    char reply[200];
    const struct server target = start(cases[0].reply, false);
    (void)snprintf(reply, sizeof(reply),
                   "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\n"
                   "Content-Length: 4\r\n\r\nmove",
                   target.port);
    for (int follows = 0; follows < 2; follows++) {
        const struct server s = start(reply, false);
        const struct fetch_http_options options = {
            .user_agent = "test",
            .connect_timeout_ns = 5000 * INT64_C(1000000),
            .total_timeout_ns = 5000 * INT64_C(1000000),
            .limit_bytes = 30,
            .follows_redirects = follows != 0,
        };
        struct fetch_http *http = NULL;
        struct err err = {0};
        assert_ok(fetch_http_new(&options, &http, &err), &err);
        assert_int_equal(get(http, "http", s.port, &err), follows);
        fetch_http_free(http);
        stop(&s);
    }
    stop(&target);
}

/* Where nobody is; its proxy would answer. */
static bool get_by_proxy(const struct fetch_proxies *proxies, const char *url)
{
    const struct fetch_http_options options = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * INT64_C(1000000),
        .total_timeout_ns = 5000 * INT64_C(1000000),
        .limit_bytes = 30,
        .proxies = *proxies,
    };
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&options, &http, &err), &err);
    const bool ok = get_url(http, url, &err);
    fetch_http_free(http);
    return ok;
}

static void a_proxy_is_asked_when_it_is_said(void **state)
{
    (void)state;
    const struct server s = start(cases[0].reply, false);
    char proxy[100];
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", s.port);
    const struct fetch_proxies without = {.http = proxy, .none = "b.invalid"};
    const struct fetch_proxies other = {.https = proxy};
    const struct fetch_proxies with = {.http = proxy};
    assert_false(get_by_proxy(&without, "http://a.b.invalid/"));
    assert_false(get_by_proxy(&other, "http://a.b.invalid/"));
    /* Nobody reaches this machine through a proxy. */
    assert_false(get_by_proxy(&with, "http://127.0.0.1:1/"));
    assert_false(get_by_proxy(&with, "http://127.1.2.3:1/"));
    assert_false(get_by_proxy(&with, "http://localhost:1/"));
    assert_false(get_by_proxy(&with, "http://user:pw@[::1]:1/"));
    assert_false(get_by_proxy(&with, "unix:///nonexistent/a.sock"));
    assert_true(get_by_proxy(&with, "http://a.b.invalid/"));
    stop(&s);
}

static void a_proxy_that_refuses_is_said(void **state)
{
    (void)state;
    const struct server s =
        start("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", false);
    char proxy[100];
    (void)snprintf(proxy, sizeof(proxy), "http://u:sesame@127.0.0.1:%u",
                   s.port);
    const struct fetch_http_options options = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * INT64_C(1000000),
        .total_timeout_ns = 5000 * INT64_C(1000000),
        .limit_bytes = 30,
        .proxies = {.https = proxy},
    };
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&options, &http, &err), &err);
    assert_false(get_url(http, "https://a.invalid/", &err));
    assert_int_equal(fetch_http_failure(http), FETCH_FAILURE_CONNECT);
    fetch_http_free(http);
    stop(&s);
    assert_err(&err, ERR_IO, "the proxy refuses: HTTP status 403");
}

static void a_certificate_that_is_not_there_is_said(void **state)
{
    (void)state;
    const struct server s = start(cases[0].reply, false);
    const struct fetch_http_options options = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * INT64_C(1000000),
        .total_timeout_ns = 5000 * INT64_C(1000000),
        .limit_bytes = 30,
        .tls_cert = "/nonexistent/cert.pem",
        .tls_key = "/nonexistent/key.pem",
    };
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&options, &http, &err), &err);
    assert_false(get(http, "https", s.port, &err));
    assert_true(span_has(span_of(err.text), "/nonexistent/cert.pem"));
    fetch_http_free(http);
    stop(&s);
}

static void silence_on_a_used_connection_is_no_answer(void **state)
{
    (void)state;
    const struct server s = start(cases[0].reply, true);
    struct fetch_http *http = client(300);
    struct err err = {0};
    const bool first = get(http, "http", s.port, &err);
    const bool second = get(http, "http", s.port, &err);
    const enum fetch_failure failure = fetch_http_failure(http);
    fetch_http_free(http);
    stop(&s);
    assert_true(first);
    assert_false(second);
    assert_int_equal(failure, FETCH_FAILURE_SLOW);
    assert_err(&err, ERR_IO, "no answer within 0.3 s");
}

static void more_time_can_be_allowed(void **state)
{
    (void)state;
    const struct server s = start(cases[0].reply, true);
    struct fetch_http *http = client(100);
    struct err err = {0};
    const bool first = get(http, "http", s.port, &err);
    fetch_http_allow(http, 400 * INT64_C(1000000));
    const bool second = get(http, "http", s.port, &err);
    fetch_http_free(http);
    stop(&s);
    assert_true(first);
    assert_false(second);
    assert_err(&err, ERR_IO, "no answer within 0.5 s");
}

static void nobody_there_is_no_connection(void **state)
{
    unsigned port = 0;
    struct err err = {0};
    (void)state;
    close(listen_anywhere(&port));
    struct fetch_http *http = client(1000);
    assert_false(get(http, "http", port, &err));
    assert_int_equal(fetch_http_failure(http), FETCH_FAILURE_CONNECT);
    fetch_http_free(http);
    assert_err(&err, ERR_IO, "cannot connect: Connection refused");
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = answers_are_told_apart,
                                      .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(answers_to_secrets_are_not_repeated),
        cmocka_unit_test(redirects_are_followed_when_asked_for),
        cmocka_unit_test(a_proxy_is_asked_when_it_is_said),
        cmocka_unit_test(a_proxy_that_refuses_is_said),
        cmocka_unit_test(a_certificate_that_is_not_there_is_said),
        cmocka_unit_test(silence_on_a_used_connection_is_no_answer),
        cmocka_unit_test(more_time_can_be_allowed),
        cmocka_unit_test(nobody_there_is_no_connection),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
