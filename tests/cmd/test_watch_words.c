/* What is news of a watch, and what is not said again. */
#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/watch_words.c" /* NOLINT(bugprone-suspicious-include) */

static bool is_news(struct watch_news *n, uint32_t target,
                    enum watch_event_kind kind, enum fetch_failure failure)
{
    const struct watch_event e = {
        .kind = kind, .target = target, .failure = failure};
    enum grade was;
    return watch_news_is(n, &e, &was);
}

static void a_failing_target_is_named_once(void **state)
{
    struct watch_news n = {0};
    (void)state;
    assert_true(is_news(&n, 3, WATCH_MISSED, FETCH_FAILURE_CONNECT));
    assert_false(is_news(&n, 3, WATCH_MISSED, FETCH_FAILURE_CONNECT));
    /* Another one, and another failure, are news. */
    assert_true(is_news(&n, 4, WATCH_MISSED, FETCH_FAILURE_CONNECT));
    assert_true(is_news(&n, 3, WATCH_MISSED, FETCH_FAILURE_SERVER));
    assert_false(is_news(&n, 3, WATCH_MISSED, FETCH_FAILURE_CONNECT));
    watch_news_release(&n);
}

static void who_answers_again_may_fail_anew(void **state)
{
    struct watch_news n = {0};
    (void)state;
    assert_true(is_news(&n, 0, WATCH_MISSED, FETCH_FAILURE_SLOW));
    assert_true(is_news(&n, 0, WATCH_RECOVERED, FETCH_FAILURE_NONE));
    assert_true(is_news(&n, 0, WATCH_MISSED, FETCH_FAILURE_SLOW));
    watch_news_release(&n);
}

static void slowness_is_said_once_for_good(void **state)
{
    struct watch_news n = {0};
    (void)state;
    assert_true(is_news(&n, 0, WATCH_SKIPPED, FETCH_FAILURE_NONE));
    assert_true(is_news(&n, 0, WATCH_RECOVERED, FETCH_FAILURE_NONE));
    assert_false(is_news(&n, 0, WATCH_SKIPPED, FETCH_FAILURE_NONE));
    watch_news_release(&n);
}

static void snapshots_and_first_targets_are_news_when_asked_for(void **state)
{
    struct watch_news n = {0};
    (void)state;
    assert_false(is_news(&n, 0, WATCH_MOMENT, FETCH_FAILURE_NONE));
    assert_false(is_news(&n, 0, WATCH_ADDED, FETCH_FAILURE_NONE));
    n.wants_moments = n.has_begun = true;
    assert_true(is_news(&n, 0, WATCH_MOMENT, FETCH_FAILURE_NONE));
    assert_true(is_news(&n, 1, WATCH_ADDED, FETCH_FAILURE_NONE));
    watch_news_release(&n);
}

static void findings_are_always_news(void **state)
{
    static const enum watch_event_kind kinds[] = {
        WATCH_FINDING, WATCH_CONFIRMED, WATCH_GONE,
        WATCH_RESTART, WATCH_DEPLOY,    WATCH_HINT};
    struct watch_news n = {0};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_true(is_news(&n, 0, kinds[i / 2], FETCH_FAILURE_NONE));
    }
    watch_news_release(&n);
}

static void what_is_gone_is_told_without_its_grade_in_front(void **state)
{
    const struct rule rule = {.headline = "it grows"};
    const struct finding f = {.grade = GRADE_SUSPECT, .rule = &rule};
    const struct watch_event e = {.kind = WATCH_GONE, .finding = &f};
    struct buf text = BUF_LIMIT(1024);
    (void)state;
    watch_words_event(NULL, &e, GRADE_SUSPECT, &text);
    assert_string_equal(text.data, "no longer seen: it grows (was suspect)");
    buf_release(&text);
}

static void a_new_series_is_told_with_its_reason(void **state)
{
    struct watch_event e = {.kind = WATCH_RESTART};
    struct buf text = BUF_LIMIT(1024);
    (void)state;
    watch_words_event(NULL, &e, GRADE_SUSPECT, &text);
    assert_string_equal(text.data, "restarted: a new series begins");
    buf_clear(&text);
    e.text = "its clock was set back";
    watch_words_event(NULL, &e, GRADE_SUSPECT, &text);
    assert_string_equal(text.data,
                        "its clock was set back: a new series begins");
    buf_release(&text);
}

static bool is_news_of(struct watch_news *n, enum watch_event_kind kind,
                       const struct finding *f)
{
    const struct watch_event e = {.kind = kind, .finding = f};
    enum grade was;
    return watch_news_is(n, &e, &was);
}

static void a_confirmed_finding_is_told_once_and_its_changes_after(void **state)
{
    struct watch_news n = {0};
    struct finding f = {.id = "839bdd6aab8f075a", .grade = GRADE_SUSPECT};
    (void)state;
    assert_true(is_news_of(&n, WATCH_FINDING, &f));
    f.grade = GRADE_STRONG;
    assert_false(is_news_of(&n, WATCH_FINDING, &f));
    assert_true(is_news_of(&n, WATCH_CONFIRMED, &f));
    f.grade = GRADE_SUSPECT;
    assert_true(is_news_of(&n, WATCH_FINDING, &f));
    f.grade = GRADE_STRONG;
    assert_true(is_news_of(&n, WATCH_FINDING, &f));
    watch_news_release(&n);
}

/* What a log says of one finding: "suspect" is a line that has that grade,
   "suspect<strong" one that says it was strong before, "-" none. */
static void assert_lines(const enum grade *grades, size_t n, const char *want)
{
    struct watch_news news = {0};
    struct buf is = BUF_LIMIT(1000);
    struct finding f = {.id = "839bdd6aab8f075a"};
    enum grade before = GRADE_INFO;
    for (size_t i = 0; i < n; i++) {
        const bool is_gone = grades[i] == GRADE_INFO;
        const struct watch_event e = {.kind =
                                          is_gone ? WATCH_GONE : WATCH_FINDING,
                                      .finding = &f,
                                      .before = before};
        enum grade was;
        f.grade = is_gone ? before : grades[i];
        buf_str(&is, i > 0 ? " " : "");
        if (watch_news_is(&news, &e, &was)) {
            buf_str(&is, is_gone ? "gone" : grade_name(f.grade));
            buf_printf(&is, was > GRADE_INFO ? "<%s" : "%s",
                       was > GRADE_INFO ? grade_name(was) : "");
        } else {
            buf_str(&is, "-");
        }
        before = grades[i];
    }
    assert_string_equal(is.data, want);
    buf_release(&is);
    watch_news_release(&news);
}

static void no_line_speaks_of_a_grade_that_none_had(void **state)
{
    (void)state;
    static const enum grade back[] = {GRADE_SUSPECT, GRADE_STRONG,
                                      GRADE_SUSPECT, GRADE_GROWTH, GRADE_INFO};
    static const enum grade strong_at_once[] = {GRADE_STRONG, GRADE_SUSPECT,
                                                GRADE_INFO};
    static const enum grade never_told[] = {GRADE_STRONG, GRADE_INFO,
                                            GRADE_SUSPECT};
    assert_lines(back, 5, "suspect - - growth<suspect gone<growth");
    assert_lines(strong_at_once, 3, "- suspect gone<suspect");
    assert_lines(never_told, 3, "- - suspect");
}

static void words_carry_no_control_characters(void **state)
{
    struct buf out = BUF_LIMIT(4096);
    const struct watch_event e = {.kind = WATCH_MISSED,
                                  .profile = "heap",
                                  .failure = FETCH_FAILURE_SERVER,
                                  .text = "HTTP status 500: \033[2Jboom"};
    (void)state;
    watch_words_event(NULL, &e, GRADE_SUSPECT, &out);
    assert_string_equal(out.data, "missed heap: HTTP status 500: \\x1b[2Jboom");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_target_is_named_once),
        cmocka_unit_test(who_answers_again_may_fail_anew),
        cmocka_unit_test(slowness_is_said_once_for_good),
        cmocka_unit_test(snapshots_and_first_targets_are_news_when_asked_for),
        cmocka_unit_test(findings_are_always_news),
        cmocka_unit_test(what_is_gone_is_told_without_its_grade_in_front),
        cmocka_unit_test(a_new_series_is_told_with_its_reason),
        cmocka_unit_test(
            a_confirmed_finding_is_told_once_and_its_changes_after),
        cmocka_unit_test(no_line_speaks_of_a_grade_that_none_had),
        cmocka_unit_test(words_carry_no_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
