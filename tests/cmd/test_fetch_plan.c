/* What fetch asks for, from its URL and options. */
#include "test.h"

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/fetch_plan.c"
#include "../../cmd/fetch_profiles.c"
/* NOLINTEND(bugprone-suspicious-include) */

static const struct fetch_options plain = {.directory = "d",
                                           .debug = FETCH_DEBUG_UNSAID};

static bool make(const char *arg, const struct fetch_options *o,
                 struct fetch_plan *plan, struct err *err)
{
    return fetch_plan_make(o, arg, plan, err);
}

struct case_ask {
    const char *name, *arg, *profiles;
    const char *url, *file; /* of the last profile */
    uint64_t count;
    int64_t lasts_s;
};

/* clang-format off */
static const struct case_ask cases[] = {
    {"host", "h:1", NULL, "http://h:1/debug/pprof/goroutine", "03.goroutine.pb.gz", 10, 0},
    {"heap collects", "h:1", "heap", "http://h:1/debug/pprof/heap?gc=1", "03.heap.pb.gz", 10, 0},
    {"URL without collecting", "h/debug/pprof/heap?gc=0", NULL, "http://h/debug/pprof/heap", "03.heap.pb.gz", 10, 0},
    {"debug of the URL", "h/debug/pprof/goroutine?debug=2", NULL, "http://h/debug/pprof/goroutine?debug=2", "03.goroutine.txt", 1, 0},
    {"text of the heap", "h/debug/pprof/heap?debug=1", NULL, "http://h/debug/pprof/heap?debug=1&gc=1", "03.heap.txt", 10, 0},
    {"parameters sent on", "u:p@h/?token=a%20b&x", "goroutine", "http://u:p@h/debug/pprof/goroutine?token=a%20b&x", "03.goroutine.pb.gz", 10, 0},
    {"seconds", "h/debug/pprof/profile?seconds=7&k=v", NULL, "http://h/debug/pprof/profile?seconds=7&k=v", "03.profile.pb.gz", 1, 7},
    {"seconds unsaid", "h", "profile", "http://h/debug/pprof/profile", "03.profile.pb.gz", 1, 30},
    {"trace", "h/debug/pprof/trace", NULL, "http://h/debug/pprof/trace", "03.trace", 1, 1},
    {"seconds of timed ones only", "h?seconds=7", "profile,heap", "http://h/debug/pprof/heap?gc=1", "03.heap.pb.gz", 10, 0},
    {"seconds of its own", "h/debug/pprof/mine?seconds=7", NULL, "http://h/debug/pprof/mine?seconds=7", "03.mine.pb.gz", 10, 7},
    {"a change, once", "h", "delta_heap", "http://h/debug/pprof/delta_heap", "03.delta_heap.pb.gz", 1, 0},
    {"the same said twice", "h/debug/pprof/heap?debug=0", "heap", "http://h/debug/pprof/heap?gc=1", "03.heap.pb.gz", 10, 0},
};
/* clang-format on */

static void plan_asks_for(void **state)
{
    const struct case_ask *c = *state;
    struct fetch_options o = plain;
    struct fetch_plan plan = {0};
    struct buf url = BUF_LIMIT(1000);
    struct buf file = BUF_LIMIT(1000);
    struct err err = {0};
    o.profiles = c->profiles;
    assert_ok(make(c->arg, &o, &plan, &err), &err);
    fetch_plan_url(&plan, plan.n - 1, &url);
    fetch_plan_file(&plan, plan.n - 1, 3, &file);
    assert_string_equal(url.data, c->url);
    assert_string_equal(file.data, c->file);
    assert_int_equal(plan.count, c->count);
    assert_int_equal(fetch_plan_lasts_ns(&plan, plan.n - 1),
                     c->lasts_s * 1000000000);
    assert_false(span_has(buf_view(&plan.shown), "?"));
    assert_false(span_has(buf_view(&plan.shown), "u:p"));
    assert_int_equal(fetch_plan_has_secrets(&plan),
                     span_has(span_of(c->url), "=v") ||
                         span_has(span_of(c->url), "token"));
    buf_release(&url);
    buf_release(&file);
    fetch_plan_release(&plan);
}

struct case_kind {
    const char *name;
    enum profile_kind kind;
    enum snapshot_form form;
    const char *error; /* NULL: it is one */
};

static const struct case_kind kinds[] = {
    {"heap",          KIND_HEAP,      FORM_PROTO, NULL},
    {"goroutine",     KIND_HEAP,      FORM_PROTO,
     "not a goroutine profile but a heap profile"     },
    {"heap",          KIND_ALLOCS,    FORM_PROTO,
     "not a heap profile but an allocs profile"       },
    {"allocs",        KIND_HEAP,      FORM_PROTO,
     "not an allocs profile but a heap profile"       },
    {"allocs",        KIND_HEAP,      FORM_TEXT,  NULL},
    {"heap",          KIND_GOROUTINE, FORM_TEXT,
     "not a heap profile but a goroutine profile"     },
    {"goroutineleak", KIND_GOROUTINE, FORM_DUMP,  NULL},
    {"mutex",         KIND_BLOCK,     FORM_PROTO, NULL},
    {"block",         KIND_MUTEX,     FORM_PROTO, NULL},
    {"heap",          KIND_OTHER,     FORM_PROTO,
     "not a heap profile but one of another kind"     },
    {"of_our_own",    KIND_OTHER,     FORM_PROTO, NULL},
};

static void kinds_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct case_kind *c = &kinds[i];
        const struct snapshot s = {.kind = c->kind, .form = c->form};
        struct fetch_options o = plain;
        struct fetch_plan plan = {0};
        struct err err = {0};
        o.profiles = c->name;
        assert_ok(make("h", &o, &plan, &err), &err);
        const bool ok = fetch_profile_check(plan.names[0], &s, &err);
        assert_int_equal(ok, c->error == NULL);
        if (!ok) {
            assert_err(&err, ERR_MISMATCH, c->error);
        }
        fetch_plan_release(&plan);
    }
}

static void refusals_do_not_repeat_the_query(void **state)
{
    static const char *const args[] = {
        "h/debug/pprof/heap?debug=sesame",
        "h/debug/pprof/heap?seconds=1&token=sesame",
        "h/debug/pprof/profile?seconds=sesame",
        "h/debug/pprof/heap?debug=1&debug=1&token=sesame",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        struct fetch_plan plan = {0};
        struct err err = {0};
        assert_false(make(args[i], &plain, &plan, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_false(span_has(span_of(err.text), "sesame"));
        fetch_plan_release(&plan);
    }
}

static void changes_make_no_series(void **state)
{
    struct fetch_options o = plain;
    struct fetch_plan plan = {0};
    struct err err = {0};
    (void)state;
    o.profiles = "delta_mutex";
    o.count = 2;
    assert_false(make("h", &o, &plan, &err));
    assert_err(&err, ERR_USAGE,
               "delta_mutex says what changed since anybody last asked, which "
               "makes no series: take one, with --count 1");
    fetch_plan_release(&plan);
}

static const struct {
    const char *url, *label, *directory;
} places[] = {
    {"localhost:6060",                   "localhost:6060", "localhost_6060"},
    {"https://u:p@h.x/a/b?t=1",          "h.x/a/b",        "h.x_a_b"       },
    {"http://[::1]:80/debug/pprof/heap", "[::1]:80",       "1_80"          },
    {"unix:///run/app.sock",             "/run/app.sock",  "run_app.sock"  },
    {"../../etc",                        "../../etc",      "etc"           },
};

static void directories_are_plain_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct fetch_plan plan = {0};
        struct buf directory = BUF_LIMIT(1000);
        struct err err = {0};
        assert_ok(make(places[i].url, &plain, &plan, &err), &err);
        fetch_plan_directory(&plan, &directory);
        assert_string_equal(plan.label.data, places[i].label);
        assert_string_equal(directory.data, places[i].directory);
        buf_release(&directory);
        fetch_plan_release(&plan);
    }
}

static const char *const both[] = {"heap", "goroutine"};
static const struct fetch_begun begun = {.target = "http://h/debug/pprof/",
                                         .names = both,
                                         .n = 2,
                                         .count = 200,
                                         .interval_ns = 7,
                                         .collects = true};

static void what_is_not_said_is_as_it_was(void **state)
{
    struct fetch_options o = plain;
    struct fetch_plan plan = {0};
    struct err err = {0};
    (void)state;
    assert_ok(make("h", &o, &plan, &err), &err);
    assert_ok(fetch_plan_resume(&plan, &begun, &err), &err);
    assert_int_equal(plan.count, 200);
    assert_int_equal(plan.width, 3);
    assert_int_equal(plan.interval_ns, 7);
    fetch_plan_release(&plan);
    plan = (struct fetch_plan){0};
    o.count = 20;
    o.interval_ns = 9;
    o.profiles = "goroutine,heap";
    assert_ok(make("h", &o, &plan, &err), &err);
    assert_ok(fetch_plan_resume(&plan, &begun, &err), &err);
    assert_int_equal(plan.count, 20);
    assert_int_equal(plan.interval_ns, 9);
    assert_string_equal(plan.names[0], "heap");
    fetch_plan_release(&plan);
}

static void another_series_is_refused(void **state)
{
    static const char *const urls[] = {
        "g", "https://h", "h/debug/pprof/heap", "h/?debug=1", "h/?gc=0", "h/x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct fetch_plan plan = {0};
        struct err err = {0};
        assert_ok(make(urls[i], &plain, &plan, &err), &err);
        assert_false(fetch_plan_resume(&plan, &begun, &err));
        assert_int_equal(err.code, ERR_USAGE);
        fetch_plan_release(&plan);
    }
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = plan_asks_for,
                                      .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(kinds_are_checked),
        cmocka_unit_test(refusals_do_not_repeat_the_query),
        cmocka_unit_test(changes_make_no_series),
        cmocka_unit_test(directories_are_plain_names),
        cmocka_unit_test(what_is_not_said_is_as_it_was),
        cmocka_unit_test(another_series_is_refused),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
