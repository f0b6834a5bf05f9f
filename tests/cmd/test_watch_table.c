/* The table's layout: what is left out when it gets narrow, and the news. */
#include "test.h"

#include <stdio.h>

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/watch_table.c"
#include "../../cmd/watch_words.c"
/* NOLINTEND(bugprone-suspicious-include) */

static size_t width_of(const struct layout *l)
{
    size_t width = l->name;
    for (int c = 0; c < N_COLUMNS; c++) {
        width += l->has[c] ? GAP + columns[c].width : 0;
    }
    return width + (l->trend > 0 ? GAP + l->trend : 0);
}

static void no_layout_is_wider_than_the_terminal(void **state)
{
    (void)state;
    for (size_t width = COLUMNS_LEAST; width < 300; width++) {
        for (size_t longest = 6; longest < 120; longest++) {
            const struct layout l = lay_out(width, longest);
            assert_true(width_of(&l) <= width);
            assert_true(l.name >=
                        (longest < NAME_LEAST ? longest : NAME_LEAST));
            assert_true(l.trend == 0 || l.trend >= TREND_LEAST);
        }
    }
}

static void the_least_important_goes_first(void **state)
{
    static const struct {
        size_t width;
        const char *shown; /* grade, heap, goroutines, ... by initials */
    } cases[] = {
        {20,  ""       },
        {30,  "G"      },
        {40,  "HG"     },
        {51,  "HCG"    },
        {62,  "HhCG"   },
        {73,  "HhCGt"  },
        {74,  "LHhCGt" },
        {84,  "LHhCcGt"},
        {200, "LHhCcGt"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct layout l = lay_out(cases[i].width, 14);
        char shown[N_COLUMNS + 2] = "";
        size_t n = 0;
        for (int c = 0; c < N_COLUMNS; c++) {
            if (l.has[c]) {
                shown[n++] = "LHhCcG"[c];
            }
        }
        if (l.trend > 0) {
            shown[n++] = 't';
        }
        shown[n] = '\0';
        assert_string_equal(shown, cases[i].shown);
    }
}

static void ages_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0,      "0s" },
        {59,     "59s"},
        {60,     "1m" },
        {3599,   "59m"},
        {3600,   "1h" },
        {86399,  "23h"},
        {900000, "10d"},
        {-5,     "0s" }
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_LIMIT(64);
        add_age(&out, INT64_C(1000000000),
                INT64_C(1000000000) * (1 + cases[i].seconds));
        assert_string_equal(out.data, cases[i].text);
        buf_release(&out);
    }
}

static void worst_targets_come_first(void **state)
{
    struct row rows[] = {
        {.shown = "b"          },
        {                .shown = "a"                     },
        { .shown = "grows",                      .growth = 5},
        {                      .shown = "fails",                      .is_failing = true},
        {                      .shown = "leaks",                      .grade = GRADE_STRONG},
        {                 .shown = "leaks more",           .grade = GRADE_STRONG, .growth = 9},
        {                          .shown = "proven", .grade = GRADE_PROVEN},
    };
    static const char *const wanted[] = {
        "proven", "leaks more", "leaks", "fails", "grows", "a", "b"};
    enum { N = sizeof(rows) / sizeof(rows[0]) };
    (void)state;
    qsort(rows, N, sizeof(rows[0]), worst_first);
    for (size_t i = 0; i < N; i++) {
        assert_string_equal(rows[i].shown, wanted[i]);
    }
}

/* Watches nothing; that is enough to draw. */
static struct watcher *nobody(void)
{
    struct watcher *w = NULL;
    struct err err = {0};
    const struct watch_options o = {
        .http = {.user_agent = "seep",
                 .connect_timeout_ns = 1,
                 .total_timeout_ns = 1,
                 .limit_bytes = 1},
        .interval_ns = INT64_C(1000000000),
        .has_heap = true,
    };
    assert_true(watcher_new(&o, NULL, NULL, &w, &err));
    return w;
}

static void a_picture_has_the_lines_it_may_have(void **state)
{
    struct watcher *w = nobody();
    struct watch_table t = {.watcher = w, .interval_ns = INT64_C(10000000000)};
    (void)state;
    for (int i = 0; i < 40; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "news %d \033[2J \xe4\xb8\xad", i);
        watch_table_say(&t, INT64_C(1000000000) * i, text);
    }
    for (unsigned rows = 1; rows < 60; rows++) {
        struct err err = {0};
        struct buf out = BUF_LIMIT((size_t)1 << 20);
        const struct watch_table_size size = {40, rows};
        assert_true(watch_table_render(&t, size, 0, 0, &out, &err));
        size_t n = 0;
        struct span line;
        for (struct span rest = buf_view(&out); span_line(&rest, &line); n++) {
            assert_true(plain_width(line) <= 40);
            assert_int_equal(span_find_char(line, '\033'), line.len);
        }
        assert_true(n <= rows);
        /* The latest news, when there is room for any. */
        if (rows > 8) {
            assert_true(span_has(buf_view(&out), "news 39 "));
        }
        buf_release(&out);
    }
    watch_table_release(&t);
    watcher_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_layout_is_wider_than_the_terminal),
        cmocka_unit_test(the_least_important_goes_first),
        cmocka_unit_test(ages_are_short),
        cmocka_unit_test(worst_targets_come_first),
        cmocka_unit_test(a_picture_has_the_lines_it_may_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
