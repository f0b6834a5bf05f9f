/* Credentials, certificates and proxies, from options and the environment. */
#include "test.h"

#include "base/arena.h"

/* The program's own parts are not in the library. */
#include "../../cmd/target_options.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdio.h>

static unsigned n_said;

/* In place of the terminal. */
void console_say(const char *fmt, ...)
{
    (void)fmt;
    n_said++;
}

struct world {
    struct arena arena;
    struct session session;
    struct target_options o;
    struct fetch_http_options http;
    struct err err;
    char file[64];
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->session.arena = &w->arena;
    target_options_defaults(&w->o);
    (void)snprintf(w->file, sizeof(w->file), "test_target_options.XXXXXX");
    const int fd = mkstemp(w->file);
    assert_true(fd >= 0);
    close(fd);
    n_said = 0;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    unlink(w->file);
    arena_release(&w->arena);
    free(w);
    return 0;
}

static void put(const struct world *w, struct span text)
{
    FILE *f = fopen(w->file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static bool make(struct world *w)
{
    err_clear(&w->err);
    return target_options_http(&w->o, &w->session, &w->http, &w->err);
}

static void headers_are_read_in_order_from_words_and_files(void **state)
{
    struct world *w = *state;
    char from[80];
    const char *words[] = {"X-First: 1", from, "X-Last:  3 "};
    (void)snprintf(from, sizeof(from), "@%s", w->file);
    put(w, SPAN_LIT("\r\nX-Tab:\ta\tb\r\n\n  X-Two: 2  \nX-No-End: x"));
    w->o.headers = (struct words){words, 3};
    assert_ok(make(w), &w->err);
    const struct fetch_credentials *c = &w->http.credentials;
    assert_int_equal(c->n_headers, 5);
    assert_string_equal(c->headers[0], "X-First: 1");
    assert_string_equal(c->headers[1], "X-Tab:\ta\tb");
    assert_string_equal(c->headers[2], "X-Two: 2");
    assert_string_equal(c->headers[3], "X-No-End: x");
    assert_string_equal(c->headers[4], "X-Last:  3 ");
}

struct case_header {
    const char *name, *text;
    const char *error; /* NULL: any, that repeats nothing */
};

static const struct case_header headers[] = {
    {"no colon",          "sesame",                     NULL                               },
    {"no name",           ": sesame",                   NULL                               },
    {"no value",          "X:  ",                       NULL                               },
    {"a blank in front",  " X: sesame",                 NULL                               },
    {"a blank in a name", "X : sesame",                 NULL                               },
    {"a line end",        "X: sesame\r\nHost: sesame",
     "--header: control characters in X"                                                   },
    {"a control",         "X: ses\x01\x61me",           "--header: control characters in X"},
    {"a body",            "transfer-encoding: chunked",
     "--header: a request without a body has no transfer-encoding"                         },
};

static void odd_headers_are_refused_and_not_repeated(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const char *word = headers[i].text;
        w->o.headers = (struct words){&word, 1};
        assert_false(make(w));
        assert_int_equal(w->err.code, ERR_USAGE);
        assert_false(span_has(span_of(w->err.text), "sesame"));
        if (headers[i].error != NULL) {
            assert_string_equal(w->err.text, headers[i].error);
        }
    }
}

static void a_zero_in_a_file_of_headers_is_refused(void **state)
{
    struct world *w = *state;
    char from[80];
    const char *words[] = {from};
    (void)snprintf(from, sizeof(from), "@%s", w->file);
    put(w, SPAN_LIT("X: a\0b\n"));
    w->o.headers = (struct words){words, 1};
    assert_false(make(w));
    assert_true(span_ends(span_of(w->err.text), ": a byte is zero"));
}

static void too_many_headers_are_refused(void **state)
{
    struct world *w = *state;
    const char *words[HEADERS_MAX + 1];
    for (size_t i = 0; i <= HEADERS_MAX; i++) {
        words[i] = "X: 1";
    }
    w->o.headers = (struct words){words, HEADERS_MAX + 1};
    assert_false(make(w));
    assert_err(&w->err, ERR_USAGE, "--header: more than 64");
}

static void passwords_come_from_the_first_line_of_a_file(void **state)
{
    struct world *w = *state;
    char user[80];
    (void)snprintf(user, sizeof(user), "me:@%s", w->file);
    w->o.user = user;
    put(w, SPAN_LIT("se:sa me\r\nmore\n"));
    assert_ok(make(w), &w->err);
    assert_string_equal(w->http.credentials.user, "me:se:sa me");
    assert_int_equal(n_said, 0);
    put(w, SPAN_LIT("se\0me\n"));
    assert_false(make(w));
    put(w, SPAN_LIT(""));
    assert_false(make(w));
    assert_int_equal(w->err.code, ERR_USAGE);
}

static void a_password_on_the_command_line_is_taken_with_a_warning(void **state)
{
    struct world *w = *state;
    w->o.user = "me:sesame";
    assert_ok(make(w), &w->err);
    assert_string_equal(w->http.credentials.user, "me:sesame");
    assert_int_equal(n_said, 1);
    w->session.common.quiet = true;
    assert_ok(make(w), &w->err);
    assert_int_equal(n_said, 1);
    /* A token as name needs no password. */
    w->session.common.quiet = false;
    w->o.user = "token:";
    assert_ok(make(w), &w->err);
    assert_int_equal(n_said, 1);
}

static void two_ways_to_say_who_asks_are_refused(void **state)
{
    struct world *w = *state;
    const char *words[] = {"authorization: Bearer x"};
    w->o.headers = (struct words){words, 1};
    assert_ok(make(w), &w->err);
    w->o.bearer_token_file = w->file;
    assert_false(make(w));
    assert_err(&w->err, ERR_USAGE,
               "--bearer-token-file and --header 'Authorization' both say who "
               "asks: leave one out");
    w->o.headers.n = 0;
    assert_ok(make(w), &w->err);
    assert_string_equal(w->http.credentials.bearer_token_file, w->file);
    w->o.user = "me:x";
    assert_false(make(w));
}

static void timeouts_and_tls_are_passed_on(void **state)
{
    struct world *w = *state;
    assert_ok(make(w), &w->err);
    assert_int_equal(w->http.total_timeout_ns, 30 * SECOND_NS);
    assert_int_equal(w->http.connect_timeout_ns, 10 * SECOND_NS);
    w->o.timeout_ns = SECOND_NS / 2;
    w->o.cert = w->file;
    w->o.key = w->file;
    w->o.cacert = w->file;
    assert_ok(make(w), &w->err);
    assert_int_equal(w->http.total_timeout_ns, SECOND_NS / 2);
    assert_int_equal(w->http.connect_timeout_ns, SECOND_NS / 2);
    assert_string_equal(w->http.tls_cert, w->file);
    assert_string_equal(w->http.tls_key, w->file);
    assert_string_equal(w->http.tls_ca, w->file);
    assert_false(w->http.is_insecure);
    assert_false(w->http.follows_redirects);
}

/* All that proxies are read from; NULL: not there. */
struct case_proxy {
    const char *name;
    const char *http, *HTTP, *https, *HTTPS, *all, *ALL;
    const char *want_http, *want_https;
};

/* clang-format off */
static const struct case_proxy proxies[] = {
    {"none", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
    {"http in small letters only", NULL, "b", NULL, NULL, NULL, NULL, NULL, NULL},
    {"small letters first", "a", "b", "c", "d", "e", "f", "a", "c"},
    {"https in either", NULL, NULL, NULL, "d", NULL, NULL, NULL, "d"},
    {"all for both", NULL, NULL, NULL, NULL, "e", "f", "e", "e"},
    {"all in capitals", "a", NULL, NULL, NULL, NULL, "f", "a", "f"},
    {"empty is none", "", NULL, "", "d", "", "f", "f", "d"},
};
/* clang-format on */

/* The environment of a test is its own. */
static void put_environment(const char *name, const char *value)
{
    if (value != NULL) {
        (void)setenv(name, value, 1); /* NOLINT(concurrency-mt-unsafe) */
    } else {
        (void)unsetenv(name); /* NOLINT(concurrency-mt-unsafe) */
    }
}

static void assert_same(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL && b != NULL) {
        assert_string_equal(a, b);
    }
}

static void proxies_go_by_curls_rules(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        const struct case_proxy *c = &proxies[i];
        put_environment("http_proxy", c->http);
        put_environment("HTTP_PROXY", c->HTTP);
        put_environment("https_proxy", c->https);
        put_environment("HTTPS_PROXY", c->HTTPS);
        put_environment("all_proxy", c->all);
        put_environment("ALL_PROXY", c->ALL);
        put_environment("no_proxy", NULL);
        put_environment("NO_PROXY", "x,y");
        assert_ok(make(w), &w->err);
        assert_same(w->http.proxies.http, c->want_http);
        assert_same(w->http.proxies.https, c->want_https);
        assert_same(w->http.proxies.none, "x,y");
    }
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest rows[] = {
        ROW(headers_are_read_in_order_from_words_and_files),
        ROW(odd_headers_are_refused_and_not_repeated),
        ROW(a_zero_in_a_file_of_headers_is_refused),
        ROW(too_many_headers_are_refused),
        ROW(passwords_come_from_the_first_line_of_a_file),
        ROW(a_password_on_the_command_line_is_taken_with_a_warning),
        ROW(two_ways_to_say_who_asks_are_refused),
        ROW(timeouts_and_tls_are_passed_on),
        ROW(proxies_go_by_curls_rules),
    };
    return cmocka_run_group_tests(rows, NULL, NULL);
}
