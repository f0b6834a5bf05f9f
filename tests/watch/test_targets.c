#include "test.h"

#include "base/limits.h"
#include "watch/targets.h"

#include <stdio.h>
#include <stdlib.h>

/* --- one argument --- */

struct argument {
    const char *name, *arg, *base, *query, *shown, *host;
};

static const struct argument arguments[] = {
    {"host_and_port",                          "orders:6060",                          "http://orders:6060/debug/pprof/",  "",
     "orders:6060",                                                                                                                                                           "orders:6060"},
    {"base_url",                               "https://orders:6060/",                 "https://orders:6060/debug/pprof/", "",
     "https://orders:6060",                                                                                                                                                   "orders:6060"},
    {"name_of_a_profile_is_left_out",
     "http://orders:6060/debug/pprof/heap?gc=1&debug=1&seconds=5",                     "http://orders:6060/debug/pprof/",  "",                "orders:6060",                  "orders:6060"},
    {"other_parameters_are_kept",
     "http://orders:6060/debug/pprof/heap?token=abc&gc=1&x=%20",                       "http://orders:6060/debug/pprof/",  "token=abc&x=%20", "orders:6060",
     "orders:6060"                                                                                                                                                                         },
    {"passwords_are_not_shown",                "http://joe:secret@orders:6060",
     "http://joe:secret@orders:6060/debug/pprof/",                                                                         "",                "orders:6060",
     "orders:6060"                                                                                                                                                                         },
    {"paths_in_front_are_shown",               "http://gate:80/orders/",
     "http://gate:80/orders/debug/pprof/",                                                                                 "",                "http://gate:80/orders",
     "gate:80"                                                                                                                                                                             },
    {"a_host_without_a_port_keeps_its_scheme", "http://orders",
     "http://orders/debug/pprof/",                                                                                         "",                "http://orders",                "orders"     },
    {"unix_socket",                            "unix:///run/orders.sock",
     "unix:///run/orders.sock:/debug/pprof/",                                                                              "",                "unix:///run/orders.sock",
     "/run/orders.sock"                                                                                                                                                                    },
    {"unix_socket_and_path",                   "unix:///run/o.sock:/x/pprof/heap?t=1",
     "unix:///run/o.sock:/x/pprof/",                                                                                       "t=1",             "unix:///run/o.sock:/x/pprof/",
     "/run/o.sock"                                                                                                                                                                         },
    {"ip_version_6",                           "http://[::1]:6060",                    "http://[::1]:6060/debug/pprof/",   "",
     "[::1]:6060",                                                                                                                                                            "[::1]:6060" },
    {"ip_version_6_without_a_port",            "http://[::1]",                         "http://[::1]/debug/pprof/",
     "",                                                                                                                                      "http://[::1]",                 "[::1]"      },
};

static void argument_becomes_a_target(void **state)
{
    const struct argument *a = *state;
    struct watch_targets t = {0};
    struct err err = {0};
    assert_ok(watch_targets_add(&t, a->arg, &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.items[0].base, a->base);
    assert_string_equal(t.items[0].query, a->query);
    assert_string_equal(t.items[0].shown, a->shown);
    assert_string_equal(t.items[0].host, a->host);
    watch_targets_release(&t);
}

static void odd_arguments_are_usage_errors_that_repeat_no_secret(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "ftp://joe:secret@orders/", "http://",
                                      "http://or ders:6060/",
                                      "http://orders\x1b[2J:6060"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct watch_targets t = {0};
        struct err err = {0};
        assert_false(watch_targets_add(&t, odd[i], &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(strstr(err.text, "secret"));
        assert_null(strchr(err.text, '\x1b'));
        assert_int_equal(t.n, 0);
        watch_targets_release(&t);
    }
}

/* --- files --- */

static void parse(struct watch_targets *t, const char *text)
{
    struct err err = {0};
    *t = (struct watch_targets){0};
    assert_ok(watch_targets_parse(t, span_of(text), &err), &err);
    assert_ok(watch_targets_finish(t, &err), &err);
}

static void assert_labels(const struct watch_target *t, const char *json)
{
    struct buf b = BUF_LIMIT(4096);
    watch_labels_json(t, &b);
    assert_string_equal(b.data, json);
    buf_release(&b);
}

static void lines_hold_a_target_and_labels_each(void **state)
{
    (void)state;
    struct watch_targets t;
    parse(&t, "# fleet\n"
              "\n"
              "  orders-2:6060 zone=b app=orders  # the second\r\n"
              "[::1]:6060\n"
              "orders-1:6060\tapp=orders text=a=b\n");
    assert_int_equal(t.n, 3);
    assert_string_equal(t.items[0].shown, "[::1]:6060");
    assert_string_equal(t.items[1].shown, "orders-1:6060");
    assert_string_equal(t.items[2].shown, "orders-2:6060");
    assert_labels(&t.items[0], "{}");
    assert_labels(&t.items[1], "{\"app\":\"orders\",\"text\":\"a=b\"}");
    assert_labels(&t.items[2], "{\"app\":\"orders\",\"zone\":\"b\"}");
    watch_targets_release(&t);
}

static void file_sd_groups_share_their_labels(void **state)
{
    (void)state;
    struct watch_targets t;
    parse(&t,
          "\n [{\"targets\": [\"b:1\", \"a:1\"],\n"
          "   \"labels\": {\"zone\": \"x \\\"y\\\" \\\\\", \"app\": \"o\"}},\n"
          "  {\"targets\": [\"c:1\"]}, {\"targets\": [], \"other\": 1}]\n");
    assert_int_equal(t.n, 3);
    assert_string_equal(t.items[0].shown, "a:1");
    assert_labels(&t.items[0], "{\"app\":\"o\",\"zone\":\"x \\\"y\\\" \\\\\"}");
    assert_labels(&t.items[1], "{\"app\":\"o\",\"zone\":\"x \\\"y\\\" \\\\\"}");
    assert_labels(&t.items[2], "{}");
    watch_targets_release(&t);
}

static void labels_of_prometheus_say_where_to_ask(void **state)
{
    (void)state;
    struct watch_targets t;
    parse(&t, "[{\"targets\": [\"10.0.0.7:8080\"], \"labels\": {"
              "\"__scheme__\": \"https\", \"__profile_path__\": \"/x/pprof\","
              "\"__param_token\": \"a b&c\", \"__meta_pod\": \"p\","
              "\"job\": \"orders\"}},"
              "{\"targets\": [\"ignored\"], \"labels\": {"
              "\"__address__\": \"orders:1\", \"__profile_path__\": \"/\"}}]");
    assert_int_equal(t.n, 2);
    assert_string_equal(t.items[0].base, "http://orders:1/");
    assert_string_equal(t.items[1].base, "https://10.0.0.7:8080/x/pprof/");
    assert_string_equal(t.items[1].query, "token=a%20b%26c");
    assert_string_equal(t.items[1].shown, "https://10.0.0.7:8080/x/pprof/");
    assert_labels(&t.items[1], "{\"job\":\"orders\"}");
    watch_targets_release(&t);
}

static void empty_documents_are_empty_lists(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n# nothing\n", "[]", " [ ] "};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct watch_targets t;
        parse(&t, empty[i]);
        assert_int_equal(t.n, 0);
        watch_targets_release(&t);
    }
}

struct wrong {
    const char *name, *text, *error;
    enum err_code code;
};

static const struct wrong wrongs[] = {
    {"word_that_is_no_label",       "a:1\nb:2 zone",
     "line 2: behind the target stand labels, name=value",                                                                                                     ERR_FORMAT},
    {"label_name_with_a_dash",      "a:1 my-zone=1",
     "line 1: a label's name is letters, digits and '_'",                                                                                                      ERR_FORMAT},
    {"label_twice",                 "a:1 z=1 z=2",                                     "line 1: label z is given twice",
     ERR_FORMAT                                                                                                                                                          },
    {"other_scheme",                "ftp://a:1",
     "line 1: only http, https and unix can be fetched from, not ftp://",                                                                                      ERR_FORMAT},
    {"json_that_is_none",           "[{\"targets\": [\"http://u:secret@h\" ]\n  oops",
     "line 2, column 6: not valid JSON",                                                                                                                       ERR_FORMAT},
    {"an_object",                   "{\"targets\": []}",
     "not an array of {\"targets\": [...], \"labels\": {}}",                                                                                                   ERR_FORMAT},
    {"group_without_targets",       "[{\"targets\": []}, {}]",
     "group 2: not an object with an array \"targets\"",                                                                                                       ERR_FORMAT},
    {"target_that_is_a_number",     "[{\"targets\": [\"a:1\", 5]}]",
     "group 1: target 2: an address that is not a text",                                                                                                       ERR_FORMAT},
    {"label_that_is_a_number",      "[{\"targets\": [], \"labels\": {\"a\": 1}}]",
     "group 1: label a is not a text",                                                                                                                         ERR_FORMAT},
    {"labels_in_an_array",          "[{\"targets\": [], \"labels\": []}]",
     "group 1: \"labels\" is not an object",                                                                                                                   ERR_FORMAT},
    {"control_character_in_labels",
     "[{\"targets\": [], \"labels\": {\"a\": \"\\u001b[2J\"}}]",                       "group 1: label a is not clean text: UTF-8 without control characters",
     ERR_FORMAT                                                                                                                                                          },
    {"bytes_that_are_not_utf_8",    "a:1 z=\xff",
     "line 1: label z is not clean text: UTF-8 without control characters",                                                                                    ERR_FORMAT},
    {"empty_address",               "[{\"targets\": [\"\"]}]",
     "group 1: target 1: the address is empty",                                                                                                                ERR_FORMAT},
};

static void wrong_input_is_said_with_its_place(void **state)
{
    const struct wrong *w = *state;
    struct watch_targets t = {0};
    struct err err = {0};
    assert_false(watch_targets_parse(&t, span_of(w->text), &err));
    assert_err(&err, w->code, w->error);
    watch_targets_release(&t);
}

/* --- lists --- */

static void doubles_are_dropped_and_the_one_with_labels_stays(void **state)
{
    (void)state;
    struct watch_targets t;
    parse(&t, "orders:6060\nhttp://orders:6060/debug/pprof/heap\n"
              "orders:6060 zone=a\n");
    assert_int_equal(t.n, 1);
    assert_labels(&t.items[0], "{\"zone\":\"a\"}");
    watch_targets_release(&t);
}

static const char *name_of(const struct watch_targets *t, const char *query)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->items[i].query, query) == 0) {
            return t->items[i].shown;
        }
    }
    fail_msg("no target with ?%s", query);
    return "";
}

static void what_differs_in_secrets_only_has_a_mark_of_its_own(void **state)
{
    (void)state;
    struct watch_targets t;
    struct watch_targets later;
    parse(&t, "http://gate:80/?pod=a\nhttp://gate:80/?pod=b\n"
              "http://gate:80/?pod=c\n");
    parse(&later, "http://gate:80/?pod=b\nhttp://gate:80/?pod=c\n");
    assert_int_equal(t.n, 3);
    assert_int_equal(strlen(name_of(&t, "pod=a")), strlen("gate:80#123456"));
    assert_memory_equal(name_of(&t, "pod=a"), "gate:80#", 8);
    assert_string_not_equal(name_of(&t, "pod=a"), name_of(&t, "pod=b"));
    assert_string_equal(name_of(&t, "pod=b"), name_of(&later, "pod=b"));
    assert_string_equal(name_of(&t, "pod=c"), name_of(&later, "pod=c"));
    watch_targets_release(&later);
    /* Alone it has the plain name, which was nobody's. */
    parse(&later, "http://gate:80/?pod=b\n");
    assert_string_equal(later.items[0].shown, "gate:80");
    watch_targets_release(&t);
    watch_targets_release(&later);
}

/* So many that some marks are the same. */
static void names_differ_where_marks_are_the_same(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct watch_targets t = {0};
    struct err err = {0};
    unsigned n_twins = 0;
    for (unsigned i = 0; i < N; i++) {
        char url[64];
        snprintf(url, sizeof url, "http://gate:80/?pod=%u", i);
        assert_ok(watch_targets_add(&t, url, &err), &err);
    }
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_int_equal(t.n, N);
    for (unsigned i = 1; i < N; i++) {
        assert_true(strcmp(t.items[i - 1].shown, t.items[i].shown) < 0);
        n_twins += strchr(t.items[i].shown, '-') ? 1 : 0;
    }
    assert_true(n_twins > 0);
    watch_targets_release(&t);
}

static void there_is_a_limit_to_targets(void **state)
{
    (void)state;
    struct watch_targets t = {.n = LIMIT_TARGETS};
    struct err err = {0};
    assert_false(watch_targets_add(&t, "a:1", &err));
    assert_err(&err, ERR_USAGE, "more than 100000 targets");
    const struct span large = {"", (size_t)LIMIT_TARGETS_BYTES + 1};
    assert_false(watch_targets_parse(&t, large, &err));
    assert_err(&err, ERR_LIMIT, "more than 64 MiB of targets");
}

static void there_is_a_limit_to_labels(void **state)
{
    (void)state;
    struct watch_targets t = {0};
    struct err err = {0};
    struct buf line = BUF_LIMIT(1 << 20);
    buf_str(&line, "a:1 z=");
    buf_repeat(&line, 'x', 4097);
    assert_false(watch_targets_parse(&t, buf_view(&line), &err));
    assert_err(&err, ERR_LIMIT,
               "line 1: label z has a value of more than 4096 bytes");
    buf_clear(&line);
    buf_str(&line, "a:1");
    for (int i = 0; i < 129; i++) {
        buf_printf(&line, " l%d=1", i);
    }
    assert_false(watch_targets_parse(&t, buf_view(&line), &err));
    assert_err(&err, ERR_LIMIT, "line 1: more than 128 labels");
    buf_release(&line);
    watch_targets_release(&t);
}

static bool parse_both_forms(void *ctx, struct err *err)
{
    (void)ctx;
    struct watch_targets t = {0};
    const bool ok =
        watch_targets_parse(&t, span_of("a:1 z=1\nhttp://g:1/?p=1\n"), err) &&
        watch_targets_add(&t, "http://g:1/?p=2", err) &&
        watch_targets_finish(&t, err);
    watch_targets_release(&t);
    return ok;
}

static void running_out_of_memory_is_said_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(oom_walk(parse_both_forms, NULL) > 10);
}

int main(void)
{
    enum {
        N_ARGUMENTS = sizeof arguments / sizeof arguments[0],
        N_WRONGS = sizeof wrongs / sizeof wrongs[0]
    };
    const struct CMUnitTest plain[] = {
        cmocka_unit_test(odd_arguments_are_usage_errors_that_repeat_no_secret),
        cmocka_unit_test(lines_hold_a_target_and_labels_each),
        cmocka_unit_test(file_sd_groups_share_their_labels),
        cmocka_unit_test(labels_of_prometheus_say_where_to_ask),
        cmocka_unit_test(empty_documents_are_empty_lists),
        cmocka_unit_test(doubles_are_dropped_and_the_one_with_labels_stays),
        cmocka_unit_test(what_differs_in_secrets_only_has_a_mark_of_its_own),
        cmocka_unit_test(names_differ_where_marks_are_the_same),
        cmocka_unit_test(there_is_a_limit_to_targets),
        cmocka_unit_test(there_is_a_limit_to_labels),
        cmocka_unit_test(running_out_of_memory_is_said_and_leaks_nothing),
    };
    enum { N_PLAIN = sizeof plain / sizeof plain[0] };
    struct CMUnitTest tests[N_PLAIN + N_ARGUMENTS + N_WRONGS];
    size_t n = 0;
    for (size_t i = 0; i < N_PLAIN; i++) {
        tests[n++] = plain[i];
    }
    for (size_t i = 0; i < N_ARGUMENTS; i++) {
        tests[n++] =
            (struct CMUnitTest){.name = arguments[i].name,
                                .test_func = argument_becomes_a_target,
                                .initial_state = test_case(&arguments[i])};
    }
    for (size_t i = 0; i < N_WRONGS; i++) {
        tests[n++] =
            (struct CMUnitTest){.name = wrongs[i].name,
                                .test_func = wrong_input_is_said_with_its_place,
                                .initial_state = test_case(&wrongs[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
