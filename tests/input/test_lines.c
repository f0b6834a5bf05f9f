/* Lines out of blocks of any size. */
#include "test.h"

#include "input/lines_private.h"

#include <string.h>

struct seen {
    struct buf text; /* "<number>@<offset>:<text>[!]\n" */
};

static bool note(void *ctx, const struct text_line *line, struct err *err)
{
    struct seen *const s = ctx;
    (void)err;
    buf_printf(&s->text, "%d@%d:%.*s%s\n", (int)line->number, (int)line->offset,
               (int)line->text.len, line->text.p, line->is_complete ? "" : "!");
    return true;
}

static void assert_lines(const char *text, size_t block, const char *want)
{
    struct seen s = {BUF_LIMIT(4096)};
    struct lines l;
    struct err err = {0};
    lines_init(&l, 4096, note, &s);
    const size_t n = strlen(text);
    for (size_t i = 0; i < n; i += block) {
        const size_t part = n - i < block ? n - i : block;
        assert_ok(lines_write(&l, (const uint8_t *)text + i, part, &err), &err);
    }
    assert_ok(lines_end(&l, &err), &err);
    assert_string_equal(s.text.data ? s.text.data : "", want);
    lines_release(&l);
    buf_release(&s.text);
}

static void lines_are_the_same_for_every_block_size(void **state)
{
    (void)state;
    for (size_t block = 1; block < 16; block++) {
        assert_lines("one\r\n\ntwo words\nend", block,
                     "1@0:one\n2@5:\n3@6:two words\n4@16:end!\n");
    }
}

static void text_that_ends_with_newline_has_no_empty_last_line(void **state)
{
    (void)state;
    assert_lines("a\n", 1, "1@0:a\n");
    assert_lines("", 1, "");
}

static void longer_text_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct seen s = {BUF_LIMIT(4096)};
    struct lines l;
    struct err err = {0};
    lines_init(&l, 5, note, &s);
    assert_true(lines_write(&l, (const uint8_t *)"abc\nd", 5, &err));
    assert_false(lines_write(&l, (const uint8_t *)"e", 1, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    lines_release(&l);
    buf_release(&s.text);
}

static bool measure(void *ctx, const struct text_line *line, struct err *err)
{
    (void)err;
    size_t *const longest = ctx;
    if (line->text.len > *longest) {
        *longest = line->text.len;
    }
    return true;
}

static void endless_line_is_cut_and_not_kept(void **state)
{
    (void)state;
    size_t longest = 0;
    struct lines l;
    struct err err = {0};
    lines_init(&l, UINT64_C(1) << 30, measure, &longest);
    static const uint8_t block[64 << 10];
    for (size_t i = 0; i < 40; i++) {
        assert_ok(lines_write(&l, block, sizeof(block), &err), &err);
    }
    assert_true(l.carry.cap <= 2 * LINE_MAX_BYTES);
    assert_ok(lines_end(&l, &err), &err);
    assert_int_equal(longest, LINE_MAX_BYTES);
    lines_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_for_every_block_size),
        cmocka_unit_test(text_that_ends_with_newline_has_no_empty_last_line),
        cmocka_unit_test(longer_text_than_the_limit_is_refused),
        cmocka_unit_test(endless_line_is_cut_and_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
