/* Where a process serves its profiles, from what people type. */
#include "test.h"

#include "fetch/url.h"

struct case_url {
    const char *name, *arg, *base, *profile, *error;
};

static const struct case_url cases[] = {
    {"host and port",            "localhost:6060",                           "http://localhost:6060/debug/pprof/",
     "",                                                                                                                          NULL                     },
    {"base",                     "https://a.example",                        "https://a.example/debug/pprof/",       "",          NULL                     },
    {"base with slashes",        "http://a//",                               "http://a/debug/pprof/",                "",          NULL                     },
    {"base with a path",         "http://a/svc/",                            "http://a/svc/debug/pprof/",            "",
     NULL                                                                                                                                                  },
    {"endpoint",                 "http://a/debug/pprof",                     "http://a/debug/pprof/",                "",          NULL                     },
    {"endpoint with slash",      "a:1/debug/pprof/",                         "http://a:1/debug/pprof/",              "",
     NULL                                                                                                                                                  },
    {"profile",                  "http://a/x/debug/pprof/heap",              "http://a/x/debug/pprof/",
     "heap",                                                                                                                      NULL                     },
    {"profile with a query",     "http://a/debug/pprof/goroutine?debug=2#x",
     "http://a/debug/pprof/",                                                                                        "goroutine", NULL                     },
    {"base with a query",        "a:1/?token=x?y#z",                         "http://a:1/debug/pprof/",              "",
     NULL                                                                                                                                                  },
    {"password",                 "http://u:p@a:1/",                          "http://u:p@a:1/debug/pprof/",          "",          NULL                     },
    {"IPv6",                     "http://[::1]:6060",                        "http://[::1]:6060/debug/pprof/",       "",          NULL                     },
    {"bare host",                "orders",                                   "http://orders/debug/pprof/",           "",          NULL                     },
    {"port alone",               ":6060",                                    "http://localhost:6060/debug/pprof/",   "",          NULL                     },
    {"port alone with a scheme", "http://:6060/x",
     "http://localhost:6060/x/debug/pprof/",                                                                         "",          NULL                     },
    {"bare IPv6",                "::1",                                      "http://[::1]/debug/pprof/",            "",          NULL                     },
    {"IPv6 with a zone",         "fe80::1%25eth0/x",
     "http://[fe80::1%25eth0]/x/debug/pprof/",                                                                       "",          NULL                     },
    {"IPv6 and a profile",       "[2001:db8::1]:80/debug/pprof/heap",
     "http://[2001:db8::1]:80/debug/pprof/",                                                                         "heap",      NULL                     },
    {"profile with a slash",     "a:1/debug/pprof/heap/",                    "http://a:1/debug/pprof/",
     "heap",                                                                                                                      NULL                     },
    {"another endpoint",         "http://a/debug/pprofs/x",
     "http://a/debug/pprofs/x/debug/pprof/",                                                                         "",          NULL                     },
    {"later endpoint",           "a/debug/pprofs/debug/pprof/heap",
     "http://a/debug/pprofs/debug/pprof/",                                                                           "heap",      NULL                     },
    {"profile elsewhere",        "http://a/admin/pprof/heap",                "http://a/admin/pprof/",
     "heap",                                                                                                                      NULL                     },
    {"prefix like an endpoint",  "http://a/pprof/",
     "http://a/pprof/debug/pprof/",                                                                                  "",          NULL                     },
    {"query without a path",     "a:1?token=x?y",                            "http://a:1/debug/pprof/",              "",
     NULL                                                                                                                                                  },
    {"socket",                   "unix:///run/app.sock",                     "unix:///run/app.sock:/debug/pprof/",   "",
     NULL                                                                                                                                                  },
    {"socket with a prefix",     "unix:///run/app.sock:/svc/",
     "unix:///run/app.sock:/svc/debug/pprof/",                                                                       "",          NULL                     },
    {"socket and a profile",
     "unix:///run/a@b:1.sock:/debug/pprof/goroutine?debug=2",                "unix:///run/a@b:1.sock:/debug/pprof/", "goroutine", NULL                     },
    {"no socket",                "unix://",                                  NULL,                                   NULL,        "the URL names no socket"},
    {"user without a host",      "http://u:p@/",                             NULL,                                   NULL,
     "the URL names no host"                                                                                                                               },
    {"other scheme",             "ftp://a/",                                 NULL,                                   NULL,
     "only http, https and unix can be fetched from, not ftp://"                                                                                           },
    {"no host",                  "http:///",                                 NULL,                                   NULL,        "the URL names no host"  },
    {"nothing",                  "",                                         NULL,                                   NULL,        "the URL names no host"  },
};

/* What the tests' URLs have behind the question mark. */
static const char *query_of(const char *arg)
{
    return strstr(arg, "debug=2")    ? "debug=2"
           : strstr(arg, "?token=x") ? "token=x?y"
                                     : "";
}

static void endpoint(void **state)
{
    const struct case_url *c = *state;
    struct buf base = BUF_LIMIT(1000);
    struct buf profile = BUF_LIMIT(1000);
    struct buf query = BUF_LIMIT(1000);
    struct err err = {0};
    const bool ok = url_endpoint(c->arg, &base, &profile, &query, &err);
    if (c->error != NULL) {
        assert_false(ok);
        assert_err(&err, ERR_USAGE, c->error);
    } else {
        assert_ok(ok, &err);
        assert_string_equal(base.data, c->base);
        assert_true(span_is(buf_view(&profile), c->profile));
        assert_true(span_is(buf_view(&query), query_of(c->arg)));
    }
    buf_release(&base);
    buf_release(&profile);
    buf_release(&query);
}

static void sockets_are_split_from_what_is_asked_there(void **state)
{
    static const char *const rows[][3] = {
        {"unix:///a.sock:/debug?x=1", "/a.sock",   "/debug?x=1"},
        {"unix:///a:b.sock:/",        "/a:b.sock", "/"         },
        {"unix://a.sock",             "a.sock",    "/"         },
    };
    struct span socket;
    struct span path;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(url_unix(span_of(rows[i][0]), &socket, &path));
        assert_true(span_is(socket, rows[i][1]));
        assert_true(span_is(path, rows[i][2]));
    }
    assert_false(url_unix(SPAN_LIT("http://a"), &socket, &path));
}

static void parameters_are_cut_at_ampersands(void **state)
{
    static const char *const want[][2] = {
        {"debug", "2"},
        {"a",     "" },
        {"b",     "="},
        {"",      "c"},
    };
    struct span query = SPAN_LIT("&debug=2&&a&b==&=c&");
    struct span key;
    struct span value;
    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_true(url_parameter(&query, &key, &value));
        assert_true(span_is(key, want[i][0]));
        assert_true(span_is(value, want[i][1]));
    }
    assert_false(url_parameter(&query, &key, &value));
}

static void secrets_are_not_shown(void **state)
{
    static const char *const rows[][2] = {
        {"http://user:pa@ss@host:1/a/b?token=x#y", "http://host:1/a/b"       },
        {"https://host/a@b",                       "https://(not shown)@b"   },
        {"https://host/a?mail=b@c",                "https://host/a"          },
        {"https://host/a?b/c@d",                   "https://host/a"          },
        {"user:secret@host:1/x",                   "host:1/x"                },
        {"http://user:pa/ss@host/",                "http://(not shown)@host/"},
        {"http://user:pa?ss@host/",                "http://(not shown)@host/"},
        {"user:12/34@host:1/x?y=z",                "(not shown)@host:1/x"    },
        {"http://user:12/3@4/5@host",              "http://(not shown)@host" },
        {"http://user:12?34@host/",                "http://(not shown)@host/"},
        {"http://user:12#34@host/",                "http://(not shown)@host/"},
        {"http://us/er:secret@host/",              "http://(not shown)@host/"},
        {"http://user:pa/ss",                      "http://(not shown)"      },
        {"http://[::1]:6060/a",                    "http://[::1]:6060/a"     },
        {"http://[::1]/a",                         "http://[::1]/a"          },
        {"unix:///run/a.sock",                     "unix:///run/a.sock"      },
        {"unix:///run/a@b.sock:/x?token=y#z",      "unix:///run/a@b.sock:/x" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_LIMIT(1000);
        url_shown(rows[i][0], &out);
        assert_string_equal(out.data, rows[i][1]);
        buf_release(&out);
    }
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = endpoint,
                                      .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(sockets_are_split_from_what_is_asked_there),
        cmocka_unit_test(parameters_are_cut_at_ampersands),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
