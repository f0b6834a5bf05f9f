#include "test.h"

#include "fetch/pprof_url.h"

struct case_url {
    const char *arg;
    int64_t seconds;
    const char *url; /* NULL: pprof takes it for none */
    int64_t lasts_s;
};

/* What `go tool pprof -seconds N ARG` says that it fetches. */
static const struct case_url cases[] = {
    {"localhost:6060",                                    0,  "http://localhost:6060/debug/pprof/profile", 0 },
    {"localhost:6060/",                                   30,
     "http://localhost:6060/debug/pprof/profile?seconds=30",                                               30},
    {"127.0.0.1:6060/debug/pprof/heap",                   0,
     "http://127.0.0.1:6060/debug/pprof/heap",                                                             0 },
    {"[::1]:6060/heap",                                   0,  "http://[::1]:6060/heap",                    0 },
    {"http://h/heap?seconds=5&gc=1",                      0,  "http://h/heap?gc=1&seconds=5",              5 },
    {"http://h/heap?seconds=5&b=2&a=x+y&seconds=7&a=%41", 9,
     "http://h/heap?a=x+y&a=A&b=2&seconds=9",                                                              9 },
    {"http://h/heap?a=%zz&b;c=1&d&=e",                    0,  "http://h/heap?=e&d=",                       0 },
    {"http://h/heap?seconds=99999999999",                 0,
     "http://h/heap?seconds=99999999999",                                                                  0 },
    {"http://u:p@h:1/x#frag",                             0,  "http://u:p@h:1/x",                          0 },
    {"HTTPS://h",                                         0,  "HTTPS://h/debug/pprof/profile",             0 },
    {"https+insecure://h/heap",                           0,  "https://h/heap",                            0 },
    {"http://h?debug=1",                                  0,  "http://h/debug/pprof/profile?debug=1",      0 },
    {"unix:/tmp/x",                                       0,  "http://unix:/tmp/x",                        0 },
    {"http://h/a b",                                      0,  "http://h/a%20b",                            0 },
    {"heap.pb.gz",                                        0,  NULL,                                        0 },
    {"dir/heap.pb.gz",                                    0,  NULL,                                        0 },
    {"/abs/heap.pb.gz",                                   0,  NULL,                                        0 },
    {"dir/a:b",                                           0,  NULL,                                        0 },
    {"file:///tmp/x",                                     0,  NULL,                                        0 },
    {"",                                                  0,  NULL,                                        0 },
    {"-cum",                                              0,  NULL,                                        0 },
    {"mem_03:55:24",                                      0,  NULL,                                        0 },
    {"a b:80/x",                                          0,  NULL,                                        0 },
    {"http://",                                           0,  "http://http://",                            0 },
    {"http:///x",                                         0,  "http://http:///x",                          0 },
};

static void an_argument_is_read_as_by_pprof(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct case_url *c = &cases[i];
        struct buf out = BUF_LIMIT(1000);
        struct pprof_url info;
        struct err err = {0};
        bool is_url = false;
        assert_ok(
            pprof_url_from(c->arg, c->seconds, &out, &info, &is_url, &err),
            &err);
        if (is_url != (c->url != NULL)) {
            fail_msg("%s: %s", c->arg, is_url ? out.data : "no URL");
        }
        if (is_url) {
            assert_string_equal(out.data, c->url);
            assert_int_equal(info.lasts_s, c->lasts_s);
        }
        buf_release(&out);
    }
}

static void tls_is_told(void **state)
{
    (void)state;
    struct buf out = BUF_LIMIT(1000);
    struct pprof_url info;
    struct err err = {0};
    bool is_url = false;
    assert_ok(
        pprof_url_from("https+insecure://h", 0, &out, &info, &is_url, &err),
        &err);
    assert_true(info.is_tls && info.is_insecure);
    assert_ok(pprof_url_from("https://h", 0, &out, &info, &is_url, &err), &err);
    assert_true(info.is_tls && !info.is_insecure);
    buf_release(&out);
}

static void passwords_and_unknown_queries_are_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *arg;
        bool has_secrets;
    } secrets[] = {
        {"h:1/x?seconds=1&debug=1&gc=1", false},
        {"h:1/x",                        false},
        {"h:1/x?token=sesame",           true },
        {"http://u:p@h/x",               true },
    };
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        struct buf out = BUF_LIMIT(1000);
        struct pprof_url info;
        struct err err = {0};
        bool is_url = false;
        assert_ok(pprof_url_from(secrets[i].arg, 0, &out, &info, &is_url, &err),
                  &err);
        assert_int_equal(info.has_secrets, secrets[i].has_secrets);
        buf_release(&out);
    }
}

static bool read_one(void *ctx, struct err *err)
{
    (void)ctx;
    struct buf out = BUF_LIMIT(1000);
    struct pprof_url info;
    bool is_url = false;
    const bool ok =
        pprof_url_from("h:1/x?b=2&a=1", 3, &out, &info, &is_url, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(oom_walk(read_one, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_argument_is_read_as_by_pprof),
        cmocka_unit_test(tls_is_told),
        cmocka_unit_test(passwords_and_unknown_queries_are_secrets),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
