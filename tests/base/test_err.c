#include "test.h"

#include <errno.h>
#include <string.h>

static void set_keeps_code_and_text(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set(&err, ERR_FORMAT, "string index %d of %d", 7, 3));
    assert_err(&err, ERR_FORMAT, "string index 7 of 3");
    assert_false(err.has_offset);
}

static void offset_survives_wrapping(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(err_set_at(&err, ERR_LIMIT, 4711, "too deep"));
    assert_false(err_wrap(&err, "sample %d", 41));
    assert_false(err_wrap(&err, "a.pb.gz"));
    assert_err(&err, ERR_LIMIT, "a.pb.gz: sample 41: too deep");
    assert_true(err.has_offset);
    assert_int_equal(err.offset, 4711);
}

static void set_forgets_an_older_offset(void **state)
{
    (void)state;
    struct err err = {0};
    (void)err_set_at(&err, ERR_LIMIT, 9, "a");
    (void)err_set(&err, ERR_IO, "b");
    assert_false(err.has_offset);
}

static void null_is_allowed(void **state)
{
    (void)state;
    assert_false(err_set(NULL, ERR_IO, "x"));
    assert_false(err_set_at(NULL, ERR_IO, 1, "x"));
    assert_false(err_wrap(NULL, "x"));
    assert_false(err_nomem(NULL, "x"));
    err_clear(NULL);
}

static void long_wraps_keep_the_cause_in_front_of_the_cut(void **state)
{
    (void)state;
    char where[400];
    memset(where, 'w', sizeof(where) - 1);
    where[sizeof(where) - 1] = '\0';
    struct err err = {0};
    (void)err_set(&err, ERR_FORMAT, "the cause");
    (void)err_wrap(&err, "%s", where);
    assert_true(strlen(err.text) < ERR_TEXT_MAX);
    assert_non_null(strstr(err.text, ": the cause"));

    (void)err_set(&err, ERR_FORMAT, "%s", where);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    (void)err_wrap(&err, "%s", where);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void codes_have_documented_statuses(void **state)
{
    (void)state;
    assert_int_equal(err_exit_status(ERR_NONE), 0);
    assert_int_equal(err_exit_status(ERR_NOMEM), 2);
    assert_int_equal(err_exit_status(ERR_INTERRUPTED), 130);
    for (enum err_code c = ERR_NONE; c < ERR_N_CODES; c++) {
        assert_true(strlen(err_code_text(c)) > 0);
    }
}

static void the_system_has_words_for_every_number(void **state)
{
    (void)state;
    assert_string_equal(err_system(EACCES).text, "Permission denied");
    struct err err = {0};
    (void)err_set(&err, ERR_IO, "%s, %s", err_system(ENOENT).text,
                  err_system(EACCES).text);
    assert_string_equal(err.text,
                        "No such file or directory, Permission denied");
    assert_non_null(strstr(err_system(471147).text, "471147"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_keeps_code_and_text),
        cmocka_unit_test(offset_survives_wrapping),
        cmocka_unit_test(set_forgets_an_older_offset),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(long_wraps_keep_the_cause_in_front_of_the_cut),
        cmocka_unit_test(codes_have_documented_statuses),
        cmocka_unit_test(the_system_has_words_for_every_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
