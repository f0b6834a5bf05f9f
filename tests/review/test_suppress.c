/* Names as people write them find the frames that profiles have. */
#include "review/made_findings.h"

#include "review/suppress_private.h"

#include <unistd.h>

static bool row_fits(const struct suppression *s, const struct finding *f,
                     const char *target)
{
    struct spelled_names names = {.stack = NULL};
    struct suppression patterns;
    assert_true(spelled_names_fill(&names, f));
    assert_true(suppression_spell(s, &names.arena, &patterns));
    const bool fits = suppression_matches(&patterns, f, &names, target);
    arena_release(&names.arena);
    return fits;
}

static bool name_fits(const char *pattern, const char *function)
{
    const struct frame frame = made_frame(function, "", "", 1, ORIGIN_USER);
    const struct finding f = {
        .rule = rules_find("heap-growth"), .stack = &frame, .n_stack = 1};
    return row_fits(&(struct suppression){.any = pattern}, &f, NULL);
}

static void names_fit_over_builds(void **state)
{
    static const struct {
        const char *pattern, *function;
        bool fits;
    } rows[] = {
        {"main.run",                                     "main.run",                                 true },
        {"main.run",                                     "main.runner",                              false},
        {"main.run",                                     "main.run.func1",                           false},
        {"main.run*",                                    "main.run.func1",                           true },
        {"main.run.func*",                               "main.run.func2.1",                         true },
        {"*.run",                                        "main.run",                                 true },
        {"*",                                            "anything",                                 true },
        {"a*b*c",                                        "a.b.b.c",                                  true },
        {"a*b*c",                                        "a.b.b.d",                                  false},
        {"github.com/x/y.(*T).run",                      "github.com/x/y.(*T).run",                  true },
        {"github.com/x/y.(*T).run",                      "github.com/x/y.(*TT).run",                 false},
        {"github.com/x/y.(*).run",                       "github.com/x/y.(*T).run",                  false},
        {"github.com/x/*",                               "github.com/x/y.(*T).run",                  true },
        {"main.F[...]",                                  "main.F[go.shape.int]",                     true },
        {"main.F[int]",                                  "main.F[go.shape.int]",                     true },
        {"main.(*T).run",                                "main.(*T).run-fm",                         true },
        {"main.serve.gowrap1",                           "main.serve",                               true },
        {"main.init.func1",                              "main.glob..func1",                         true },
        {"golang.org/x/net/http2.f",                     "acme.dev/vendor/golang.org/x/net/http2.f",
         true                                                                                             },
        {"github.com/nats-io/nats.go.(*Conn).flusher",
         "github.com/nats-io/nats%2ego.(*Conn).flusher",                                             true },
        {"github.com/nats-io/nats%2ego.(*Conn).flusher",
         "github.com/nats-io/nats%2ego.(*Conn).flusher",                                             true },
        {"",                                             "main.run",                                 false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (name_fits(rows[i].pattern, rows[i].function) != rows[i].fits) {
            fail_msg("%s, %s", rows[i].pattern, rows[i].function);
        }
    }
}

/* The pattern fits until its end, from each place of the name: tried from each
   it takes a product of both, a third of an hour here. */
static void names_made_to_be_slow_are_not(void **state)
{
    enum { PIECE = 500, NAME = 4000, ROWS = 20000 };
    char pattern[PIECE + 4];
    char name[NAME + 1];
    (void)state;
    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = pattern[PIECE + 2] = '*';
    pattern[PIECE + 1] = 'b';
    pattern[PIECE + 3] = '\0';
    memset(name, 'a', NAME);
    name[NAME] = '\0';
    const struct spelled_name spelled = {name, name};
    alarm(60);
    for (int i = 0; i < ROWS; i++) {
        assert_false(spelled_name_fits(pattern, &spelled));
    }
    alarm(0);
    assert_true(name_fits("*aab*", "aaaaab"));
    assert_true(name_fits("*abab*c", "aababac.ababc"));
    assert_false(name_fits("ab*ba", "aba"));
    assert_false(name_fits("a*aba*ba", "aaba"));
}

/* As many stars as the pattern may have cost no more than their product. */
static void patterns_of_stars_end(void **state)
{
    char pattern[2001];
    char name[20001];
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        pattern[i] = i % 2 ? 'a' : '*';
    }
    pattern[2000] = '\0';
    memset(name, 'a', 20000);
    name[20000] = '\0';
    assert_true(name_fits(pattern, name));
    pattern[1999] = 'b';
    assert_false(name_fits(pattern, name));
}

static void each_key_speaks_of_its_part(void **state)
{
    static const char *const whole[] = {"example.com/dep.(*Pool).wait",
                                        "main.await", "main.serve"};
    static const char *const ends[] = {"example.com/dep.*", "...",
                                       "main.serve"};
    static const char *const deep[] = {"...", "main.await", "..."};
    static const char *const runtime[] = {"runtime.gopark", "..."};
    static const char *const short_of[] = {"example.com/dep.(*Pool).wait",
                                           "main.await"};
    static const char *const twice[] = {"...", "main.await", "...",
                                        "main.await", "..."};
#define STACK(s) .stack = (s), .n_stack = sizeof(s) / sizeof(*(s))
    static const struct {
        struct suppression s;
        bool fits;
    } rows[] = {
        {{.rule = "goroutine-chan-receive"},           true },
        {{.rule = "goroutine-*"},                      true },
        {{.rule = "goroutine-chan-send"},              false},
        {{.id = "0000000000000001"},                   true },
        {{.id = "f000000000000001"},                   true },
        {{.id = "0000000000000002"},                   false},
        {{.top = "runtime.gopark"},                    true },
        {{.top = "example.com/dep.(*Pool).wait"},      true },
        {{.top = "main.await"},                        true },
        {{.top = "main.serve"},                        false},
        {{.any = "main.serve"},                        true },
        {{.any = "main.(*Dispatcher).Send"},           false},
        {{.created_by = "main.(*Dispatcher).Send"},    true },
        {{.created_by = "main.serve"},                 false},
        {{.top = "main.await", .target = "orders"},    true },
        {{.top = "main.await", .target = "ord*"},      true },
        {{.top = "main.await", .target = "thumbs"},    false},
        {{.top = "main.await", .rule = "heap-growth"}, false},
        {{STACK(whole)},                               true },
        {{STACK(ends)},                                true },
        {{STACK(deep)},                                true },
        {{STACK(runtime)},                             true },
        {{STACK(short_of)},                            false},
        {{STACK(twice)},                               false},
    };
#undef STACK
    struct made *m = made_new();
    const struct finding *f = made_goroutines(m, "main.await", GRADE_STRONG, 9);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (row_fits(&rows[i].s, f, "orders") != rows[i].fits) {
            fail_msg("row %zu", i);
        }
    }
    made_free(m);
}

/* --- the block that a report offers --- */

static struct buf config_with_block(const struct finding *f)
{
    struct buf text = BUF_LIMIT(1 << 16);
    struct err err = {0};
    buf_str(&text, "suppressions:\n");
    assert_ok(suppression_block(f, &text, &err), &err);
    return text;
}

static void the_block_is_as_shown(void **state)
{
    struct made *m = made_new();
    struct buf text = config_with_block(
        made_goroutines(m, "main.await.func1", GRADE_STRONG, 306));
    (void)state;
    assert_string_equal(text.data, "suppressions:\n"
                                   "  - rule: goroutine-chan-receive\n"
                                   "    top: 'main.await.func*'\n"
                                   "    created_by: 'main.(*Dispatcher).Send'\n"
                                   "    max_goroutines: 390  # now 306\n"
                                   "    reason: why this is acceptable\n");
    buf_release(&text);
    made_free(m);
}

/* Whatever a profile calls a function: the block reads back and accepts it. */
static void the_block_accepts_its_finding(void **state)
{
    static const char *const names[] = {
        "main.await",
        "main.F[go.shape.string].func1.2",
        "main.it's: #1",
        "main.\xff\xfe",
        "main.a\nb: c",
        "main.\xc2\x85x",
        "main.\xe2\x80\xa8x",
        "main.\xd0\xb6",
        "x",
        "main.tab\there",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct made *m = made_new();
        struct err err = {0};
        struct config c;
        (void)made_goroutines(m, names[i], GRADE_STRONG, 306);
        (void)made_heap(m, names[i], GRADE_STRONG, 7e6 + 1);
        for (size_t k = 0; k < 2; k++) {
            struct buf text = config_with_block(&m->items[k]);
            assert_ok(config_read(buf_view(&text), "x", &c, &err), &err);
            const struct suppressions s = {c.suppressions, c.n_suppressions};
            const struct review_options o = {.suppressions = &s};
            const size_t other = 1 - k;
            m->findings.items = m->items;
            m->items[0].accepted = NULL;
            m->items[1].accepted = NULL;
            made_review(m, &o);
            assert_null(m->findings.items[0].accepted);
            assert_non_null(m->findings.items[1].accepted);
            assert_ptr_equal(m->findings.items[0].metrics, &m->metrics[other]);
            config_release(&c);
            buf_release(&text);
        }
        made_free(m);
    }
}

/* A name of a megabyte is cut, and still fits. */
static void the_block_cuts_long_names(void **state)
{
    struct made *m = made_new();
    char name[5001] = "main.";
    (void)state;
    memset(name + 5, 'x', sizeof(name) - 6);
    const struct finding *f = made_goroutines(m, name, GRADE_STRONG, 3);
    struct buf text = config_with_block(f);
    struct config c;
    struct err err = {0};
    assert_true(text.len < 2000);
    assert_ok(config_read(buf_view(&text), "x", &c, &err), &err);
    assert_true(row_fits(c.suppressions, f, NULL));
    config_release(&c);
    buf_release(&text);
    made_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit_over_builds),
        cmocka_unit_test(names_made_to_be_slow_are_not),
        cmocka_unit_test(patterns_of_stars_end),
        cmocka_unit_test(each_key_speaks_of_its_part),
        cmocka_unit_test(the_block_is_as_shown),
        cmocka_unit_test(the_block_accepts_its_finding),
        cmocka_unit_test(the_block_cuts_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
