/* Credentials: what is sent, and that none of it comes back in an error. */
#include "answers.h"

#include "fetch/bearer_private.h"
#include "fetch/fetch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MS_NS  INT64_C(1000000)
#define SECRET "sesame-5f2a"

static struct answers server;
static char directory[64];
static char path[128];

static int group_setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/seep-bearer-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/token", directory);
    server = answers_start();
    return 0;
}

static int group_teardown(void **state)
{
    char netrc[128];
    (void)state;
    answers_stop(&server);
    (void)snprintf(netrc, sizeof(netrc), "%s/.netrc", directory);
    unlink(netrc);
    unlink(path);
    rmdir(directory);
    return 0;
}

static void write_file(const char *name, const char *text, size_t n)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
}

/* --- the file --- */

static void write_token(const char *text)
{
    write_file(path, text, strlen(text));
}

static void check_refused(const char *text, enum err_code code,
                          const char *want)
{
    struct buf line = BUF_LIMIT(100000);
    struct err err = {0};
    char whole[300];
    write_token(text);
    (void)snprintf(whole, sizeof(whole), "bearer token file %s: %s", path,
                   want);
    assert_false(bearer_header(path, &line, &err));
    assert_err(&err, code, whole);
    buf_release(&line);
}

static void a_token_is_taken_without_what_surrounds_it(void **state)
{
    static const char *const texts[] = {"abc.d-_~+/=", "abc.d-_~+/=\n",
                                        "abc.d-_~+/=\r\n\n",
                                        "  abc.d-_~+/=\t\n \n"};
    struct buf line = BUF_LIMIT(100000);
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_token(texts[i]);
        assert_ok(bearer_header(path, &line, &err), &err);
        assert_string_equal(line.data, "Authorization: Bearer abc.d-_~+/=");
    }
    buf_release(&line);
}

static void what_is_no_token_is_refused_without_showing_it(void **state)
{
    static const char no_token[] = "holds blanks, control or other "
                                   "characters that no token has";
    static char huge[20000];
    (void)state;
    check_refused("", ERR_FORMAT, "is empty");
    check_refused(" \n", ERR_FORMAT, "is empty");
    check_refused(SECRET "\r\nX-Evil: 1", ERR_FORMAT, no_token);
    check_refused("two words", ERR_FORMAT, no_token);
    check_refused(SECRET "\x01", ERR_FORMAT, no_token);
    check_refused(SECRET "\xc3\xa4", ERR_FORMAT, no_token);
    memset(huge, 'x', sizeof(huge) - 1);
    check_refused(huge, ERR_LIMIT, "has more than 16384 bytes");
}

static void only_a_file_can_be_read_again(void **state)
{
    struct buf line = BUF_LIMIT(100000);
    struct err err = {0};
    char fifo[128];
    (void)state;
    assert_false(bearer_header("/nonexistent/token", &line, &err));
    assert_err(&err, ERR_IO,
               "bearer token file /nonexistent/token: No such file or "
               "directory");
    assert_false(bearer_header("/tmp", &line, &err));
    assert_err(&err, ERR_IO, "bearer token file /tmp: Is a directory");
    (void)snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_false(bearer_header(fifo, &line, &err));
    assert_true(span_ends(span_of(err.text), "is not a regular file"));
    unlink(fifo);
    buf_release(&line);
}

/* --- what is sent --- */

static struct fetch_http_options options_of(const struct fetch_credentials *c)
{
    return (struct fetch_http_options){
        .user_agent = "test",
        .connect_timeout_ns = 5000 * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
        .credentials = *c,
    };
}

static struct fetch_http *client_of(const struct fetch_credentials *c)
{
    const struct fetch_http_options o = options_of(c);
    struct fetch_http *http = NULL;
    struct err err = {0};
    assert_ok(fetch_http_new(&o, &http, &err), &err);
    return http;
}

/* How often the request has `line`. */
static unsigned times_sent(struct fetch_http *http, const char *line)
{
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    unsigned n = 0;
    assert_ok(fetch_http_get(http, answers_url(&server, "/echo"),
                             test_collect(&c), &err),
              &err);
    struct span rest = buf_view(&c.bytes);
    for (size_t at; (at = span_find(rest, line)) < rest.len; n++) {
        rest = span_from(rest, at + 1);
    }
    buf_release(&c.bytes);
    return n;
}

static void headers_and_token_are_sent(void **state)
{
    static const char *const headers[] = {"X-One: 1", "x-two:2"};
    const struct fetch_credentials c = {
        .headers = headers, .n_headers = 2, .bearer_token_file = path};
    (void)state;
    write_token("first\n");
    struct fetch_http *http = client_of(&c);
    assert_int_equal(times_sent(http, "\r\nX-One: 1\r\n"), 1);
    assert_int_equal(times_sent(http, "\r\nx-two:2\r\n"), 1);
    assert_int_equal(times_sent(http, "\r\nAuthorization: Bearer first\r\n"),
                     1);
    assert_int_equal(times_sent(http, "\r\nAccept-Encoding:"), 0);
    fetch_http_free(http);
}

static void a_token_is_read_again_for_each_request(void **state)
{
    const struct fetch_credentials c = {.bearer_token_file = path};
    struct test_collector body = TEST_COLLECTOR;
    struct err err = {0};
    (void)state;
    write_token("old");
    struct fetch_http *http = client_of(&c);
    assert_int_equal(times_sent(http, "Bearer old\r\n"), 1);
    write_token("new");
    assert_int_equal(times_sent(http, "Bearer new\r\n"), 1);
    unlink(path);
    assert_false(fetch_http_get(http, answers_url(&server, "/ok"),
                                test_collect(&body), &err));
    assert_int_equal(fetch_http_failure(http), FETCH_FAILURE_HERE);
    assert_true(span_ends(span_of(err.text), "No such file or directory"));
    write_token("back");
    assert_int_equal(times_sent(http, "Bearer back\r\n"), 1);
    fetch_http_free(http);
    buf_release(&body.bytes);
}

static void name_and_password_are_sent(void **state)
{
    const struct fetch_credentials c = {.user = "ann:pass word"};
    (void)state;
    struct fetch_http *http = client_of(&c);
    assert_int_equal(
        times_sent(http, "\r\nAuthorization: Basic YW5uOnBhc3Mgd29yZA==\r\n"),
        1);
    fetch_http_free(http);
}

static void a_password_of_a_url_is_for_that_url(void **state)
{
    const struct answers other = answers_start();
    const struct fetch_credentials none = {0};
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    char url[200];
    (void)state;
    struct fetch_http *http = client_of(&none);
    (void)snprintf(url, sizeof(url), "http://ann:pw@127.0.0.1:%u/echo",
                   server.port);
    assert_ok(fetch_http_get(http, url, test_collect(&c), &err), &err);
    assert_true(span_has(buf_view(&c.bytes), "Authorization: Basic YW5uOnB3"));
    buf_clear(&c.bytes);
    /* Neither on the same connection, nor to somebody else. */
    assert_int_equal(times_sent(http, "Authorization:"), 0);
    assert_ok(fetch_http_get(http, answers_url(&other, "/echo"),
                             test_collect(&c), &err),
              &err);
    assert_false(span_has(buf_view(&c.bytes), "Authorization:"));
    fetch_http_free(http);
    buf_release(&c.bytes);
    answers_stop(&other);
}

static void netrc_is_asked_when_it_is_said(void **state)
{
    static const char text[] = "machine 127.0.0.1 login ann password pw\n";
    const struct fetch_credentials with = {.uses_netrc = true};
    const struct fetch_credentials without = {0};
    char netrc[128];
    (void)state;
    (void)snprintf(netrc, sizeof(netrc), "%s/.netrc", directory);
    write_file(netrc, text, sizeof(text) - 1);
    assert_int_equal(setenv("HOME", directory, 1), 0);
    struct fetch_http *http = client_of(&with);
    assert_int_equal(times_sent(http, "Authorization: Basic YW5uOnB3\r\n"), 1);
    fetch_http_free(http);
    http = client_of(&without);
    assert_int_equal(times_sent(http, "Authorization:"), 0);
    fetch_http_free(http);
}

static void odd_headers_are_refused_by_number(void **state)
{
    static const char *const rows[][2] = {
        {"no colon " SECRET,      "header 2 is not \"Name: value\""       },
        {": " SECRET,             "header 2 is not \"Name: value\""       },
        {"X Y: " SECRET,          "header 2 is not \"Name: value\""       },
        {"X-K: " SECRET "\r\nZ:", "header 2, X-K, has a control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const headers[] = {"A: b", rows[i][0]};
        const struct fetch_credentials c = {.headers = headers, .n_headers = 2};
        const struct fetch_http_options o = options_of(&c);
        struct fetch_http *http = NULL;
        struct fetch_pool *pool = NULL;
        struct err err = {0};
        assert_false(fetch_http_new(&o, &http, &err));
        assert_err(&err, ERR_USAGE, rows[i][1]);
        assert_false(fetch_pool_new(&o, &pool, &err));
        assert_err(&err, ERR_USAGE, rows[i][1]);
    }
}

/* --- nothing comes back --- */

/* All that can fail, with a secret in all that can hold one. */
static void no_error_holds_a_secret(void **state)
{
    static const char *const headers[] = {"X-Key: " SECRET};
    static const char *const paths[] = {
        "/complain?token=" SECRET,
        "/to/http://u:" SECRET "@a.example/b?k=" SECRET,
        "/to/ftp://u:" SECRET "@a.example/",
        "/status/500?" SECRET,
        "/cut?" SECRET,
        "/none?" SECRET,
    };
    static const char *const urls[] = {
        "http://u:" SECRET "@nowhere.invalid/?" SECRET,
        "http://u:" SECRET "@127.0.0.1:1/",
        "http://u:" SECRET "@[::1/",
        "ftp://u:" SECRET "@a.example/",
        "unix:///nonexistent/a.sock:/?" SECRET,
        SECRET "://x",
        "http://u:" SECRET " x@y/",
    };
    enum {
        N_PATHS = sizeof(paths) / sizeof(paths[0]),
        N_URLS = sizeof(urls) / sizeof(urls[0])
    };
    const struct fetch_credentials c = {.headers = headers,
                                        .n_headers = 1,
                                        .bearer_token_file = path,
                                        .user = "ann:" SECRET};
    struct test_collector body = TEST_COLLECTOR;
    (void)state;
    write_token(SECRET);
    for (int follows = 0; follows < 2; follows++) {
        struct fetch_http_options o = options_of(&c);
        struct fetch_http *http = NULL;
        struct err err = {0};
        o.follows_redirects = follows != 0;
        o.proxies.https = "odd://u:" SECRET "@ x";
        assert_ok(fetch_http_new(&o, &http, &err), &err);
        for (size_t i = 0; i < N_PATHS + N_URLS + 1; i++) {
            const char *url = i < N_PATHS ? answers_url(&server, paths[i])
                              : i < N_PATHS + N_URLS ? urls[i - N_PATHS]
                                                     : "https://a.invalid/";
            assert_false(fetch_http_get(http, url, test_collect(&body), &err));
            if (span_has(span_of(err.text), SECRET)) {
                fail_msg("%s", err.text);
            }
        }
        fetch_http_free(http);
    }
    buf_release(&body.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_taken_without_what_surrounds_it),
        cmocka_unit_test(what_is_no_token_is_refused_without_showing_it),
        cmocka_unit_test(only_a_file_can_be_read_again),
        cmocka_unit_test(headers_and_token_are_sent),
        cmocka_unit_test(a_token_is_read_again_for_each_request),
        cmocka_unit_test(name_and_password_are_sent),
        cmocka_unit_test(a_password_of_a_url_is_for_that_url),
        cmocka_unit_test(netrc_is_asked_when_it_is_said),
        cmocka_unit_test(odd_headers_are_refused_by_number),
        cmocka_unit_test(no_error_holds_a_secret),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
