/* Columns as text/tabwriter lays them out; the wanted texts are its own. */
#include "test.h"

#include "report/tab_columns_private.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void columns_are_text_tabwriters(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"",                                          ""                               },
        {"no cells",                                  "no cells"                       },
        {"a\tb\n",                                    " ab\n"                          },
        {"a\tb\nccc\td\n",                            "   ab\n cccd\n"                 },
        {"k:\t Total\n \t4kB:\t x\n \t512B:\t y\n\n",
         " k: Total\n     4kB: x\n    512B: y\n\n"                                     },
 /* A line without the cell ends the column. */
        {"aaa\tb\tc\nd\te\nf\tgg\th\n",               " aaa bc\n   de\n   f ggh\n"     },
        {"a\tb\n\nccc\td\n",                          " ab\n\n cccd\n"                 },
 /* Characters, not bytes; wrong bytes are one each. */
        {"\u00f6\u00f6\u00f6\tx\nabcd\tx\n",          "  \u00f6\u00f6\u00f6x\n abcdx\n"},
        {"\xc3\xc3\tx\nabcd\tx\n",                    "   \xc3\xc3x\n abcdx\n"         },
 /* What labels may hold: other ends of cells and lines. */
        {"a\vb\nccc\td\n",                            "   ab\n cccd\n"                 },
        {"a\tb\fccc\td\n",                            " ab\n cccd\n"                   },
        {"\xff"
         "a\tb\xff\tx\nccccc\td\n",          "   \xff"
         "a\tb\xffx\n cccccd\n"            },
        {"a\tb\n\xff"
         "c\td\n",                           " ab\n\xff"
         "c\td\n"                                           },
        {"\t\t\n\tx\t\n",                             "   \n  x\n"                     },
        {"a\tb\tc",                                   " a bc"                          },
        {"a\t",                                       "a"                              },
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct buf out = BUF_LIMIT(1000);
        struct err err = {0};
        assert_ok(tab_columns(span_of(cases[i][0]), &out, &err), &err);
        assert_string_equal(out.len > 0 ? out.data : "", cases[i][1]);
        buf_release(&out);
    }
}

static void a_million_cells_take_two_passes(void **state)
{
    (void)state;
    enum { N_CELLS = 500000 };
    struct buf text = BUF_LIMIT((size_t)1 << 24);
    struct buf out = BUF_LIMIT((size_t)1 << 24);
    struct err err = {0};
    buf_repeat(&text, '\t', N_CELLS);
    buf_char(&text, '\n');
    for (int i = 0; i < N_CELLS; i++) {
        buf_str(&text, "\t\n");
    }
    assert_ok(tab_columns(buf_view(&text), &out, &err), &err);
    assert_int_equal(out.len, 3 * N_CELLS + 1);
    buf_release(&text);
    buf_release(&out);
}

static bool lay_out(void *ctx, struct err *err)
{
    (void)ctx;
    struct buf out = BUF_LIMIT(1000);
    const bool ok = tab_columns(SPAN_LIT("a\tb\tc\ndd\te\n"), &out, err);
    buf_release(&out);
    return ok;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    assert_true(oom_walk(lay_out, NULL) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_text_tabwriters),
        cmocka_unit_test(a_million_cells_take_two_passes),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
