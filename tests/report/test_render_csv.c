/*
 * Tables without findings, in every form: what was judged by nobody must not
 * be called clean. And the form that only tables have.
 */
#include "report/sample.h"

#include <stdlib.h>

static const char *const summary[] = {"7.6 MB in 61,379 live objects"};

static const struct report_column columns[] = {
    {"bytes", "held",   CELL_BYTES, false},
    {"exact", "",       CELL_COUNT, false},
    {"who",   "holder", CELL_TEXT,  false},
};

static const struct report_cell cells[] = {
    {.number = 2048}, {.number = 2049}, {.text = "main.cache, \"old\""},
    {.number = 0.25}, {.number = NAN},  {.text = "main.new"},
};

static struct report_table table;

static struct report tables_report(bool is_blocks)
{
    table = (struct report_table){.key = "holders",
                                  .title = "who holds it",
                                  .columns = columns,
                                  .n_columns = 3,
                                  .cells = cells,
                                  .n_rows = 2,
                                  .n_rows_left_out = 5,
                                  .is_blocks = is_blocks};
    return (struct report){.tool_version = "1.0",
                           .command = "heap",
                           .target = "end.heapdump",
                           .summary = summary,
                           .n_summary = 1,
                           .tables = &table,
                           .n_tables = 1};
}

static void assert_page(const char *renderer, const struct report *r,
                        const char *wanted)
{
    struct buf page =
        sample_render(renderer, r, (struct render_options){.columns = 80});
    assert_string_equal(page.data, wanted);
    buf_release(&page);
}

static void csv_has_all_columns_and_plain_numbers(void **state)
{
    (void)state;
    const struct report r = tables_report(false);
    assert_page("csv", &r,
                "bytes,exact,who\r\n"
                "2048,2049,\"main.cache, \"\"old\"\"\"\r\n"
                "0.250000,,main.new\r\n");
}

static void csv_parts_tables_by_an_empty_line(void **state)
{
    (void)state;
    struct report r = tables_report(false);
    table.n_rows = 1;
    const struct report_table two[] = {table, table};
    r.tables = two;
    r.n_tables = 2;
    assert_page("csv", &r,
                "bytes,exact,who,table\r\n"
                "2048,2049,\"main.cache, \"\"old\"\"\",holders\r\n\r\n"
                "bytes,exact,who,table\r\n"
                "2048,2049,\"main.cache, \"\"old\"\"\",holders\r\n");
}

static void csv_lists_findings_first(void **state)
{
    (void)state;
    struct sample s;
    struct buf page = sample_render("csv", sample_report(&s),
                                    (struct render_options){.columns = 80});
    const struct span all = buf_view(&page);
    assert_true(span_starts(all, "id,rule,grade,"));
    assert_true(span_has(all,
                         "\r\n00c0ffee00c0ffee,goroutine-chan-receive,"
                         "strong,goroutine,main.(*Dispatcher).await,"
                         "/src/orders/dispatcher.go,88,goroutines,count,"
                         "24,306,282,45120,,,,,,,,0ddba11000000000,,\r\n"));
    buf_release(&page);
}

static void csv_has_what_a_repository_adds(void **state)
{
    (void)state;
    struct sample_review v;
    struct buf page = sample_render("csv", sample_reviewed(&v),
                                    (struct render_options){.columns = 80});
    const struct span all = buf_view(&page);
    assert_true(span_has(all, ",new,,orders/dispatcher.go,line,,,,0ddba1"));
    assert_true(span_has(all, ",worse,2025-11-13T02:13:20Z,"
                              "orders/session/open.go,function,,,,fedcba"));
    assert_true(span_has(all, ",existing,,orders/dispatcher.go,,.seep.yml:12,"
                              "the pool is bounded by 400,2026-12-31,0ddba1"));
    buf_release(&page);
}

static void text_shows_titled_columns_only(void **state)
{
    (void)state;
    const struct report r = tables_report(false);
    assert_page("text", &r,
                "7.6 MB in 61,379 live objects\n"
                "\n"
                "who holds it\n"
                "  held  holder\n"
                "2.0 KB  main.cache, \"old\"\n"
                "   0 B  main.new\n"
                "... 5 more\n");
}

static void text_shows_blocks_with_labels(void **state)
{
    (void)state;
    static const struct report_column labelled[] = {
        {"who",   "holder", CELL_TEXT,  false},
        {"bytes", "held",   CELL_BYTES, false},
        {"exact", "",       CELL_COUNT, false},
    };
    static const struct report_cell block[] = {
        {.text = "main.cache"}, {.number = 2048}, {.number = 2049}};
    struct report r = tables_report(true);
    table.columns = labelled;
    table.cells = block;
    table.n_rows = 1;
    table.n_rows_left_out = 0;
    assert_page("text", &r,
                "7.6 MB in 61,379 live objects\n"
                "\n"
                " 1 main.cache\n"
                "   held   2.0 KB\n");
}

static void json_says_that_nothing_was_judged(void **state)
{
    (void)state;
    const struct report r = tables_report(true);
    struct buf page = sample_render("json", &r, (struct render_options){0});
    const struct span all = buf_view(&page);
    assert_true(span_has(all, "\"schema\": \"seep/tables/1\""));
    assert_true(span_has(all, "\"exact\": 2049"));
    assert_true(span_has(all, "\"rows_left_out\": 5"));
    assert_false(span_has(all, "verdict"));
    buf_release(&page);
}

static void markdown_opens_the_tables(void **state)
{
    (void)state;
    const struct report r = tables_report(false);
    struct buf page = sample_render("markdown", &r, (struct render_options){0});
    const struct span all = buf_view(&page);
    assert_true(span_starts(all, "<!-- seep:heap:end.heapdump -->\n"
                                 "### 7.6 MB in 61,379 live objects\n"));
    assert_true(span_has(all, "<details open><summary>who holds it"));
    assert_true(span_has(all, "| held | holder |\n|--:|---|\n"));
    assert_true(span_has(all, "5 more rows left out."));
    buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_all_columns_and_plain_numbers),
        cmocka_unit_test(csv_parts_tables_by_an_empty_line),
        cmocka_unit_test(csv_lists_findings_first),
        cmocka_unit_test(csv_has_what_a_repository_adds),
        cmocka_unit_test(text_shows_titled_columns_only),
        cmocka_unit_test(text_shows_blocks_with_labels),
        cmocka_unit_test(json_says_that_nothing_was_judged),
        cmocka_unit_test(markdown_opens_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
