/* What counts, in which order, and what is said of it. */
#include "review/made_findings.h"

/* --- suppressions --- */

static void what_is_accepted_does_not_count(void **state)
{
    struct made *m = made_new();
    const struct suppression rows[] = {
        {.top = "main.await",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "by design",
         .issue = "acme/1",
         .place = ".seep.yml:3"}
    };
    const struct suppressions s = {rows, 1};
    const struct review_options o = {.suppressions = &s};
    (void)state;
    (void)made_goroutines(m, "main.await", GRADE_STRONG, 306);
    (void)made_goroutines(m, "main.other", GRADE_SUSPECT, 40);
    made_review(m, &o);
    const struct finding *f = m->findings.items;
    assert_string_equal(f[0].site.function, "main.other");
    assert_true(review_counts(&f[0], false));
    assert_false(review_counts(&f[1], false));
    assert_string_equal(f[1].accepted->by, ".seep.yml:3");
    assert_string_equal(f[1].accepted->reason, "by design (acme/1)");
    assert_int_equal(m->findings.verdict, VERDICT_GROWTH);
    assert_int_equal(m->findings.n_notes, 0);
    made_free(m);
}

static void the_verdict_is_of_what_is_left(void **state)
{
    static const struct {
        enum grade accepted, left;
        enum verdict before;
        double limit;
        enum verdict wanted;
    } rows[] = {
        {GRADE_STRONG,  GRADE_INFO,   VERDICT_LEAK,         10,  VERDICT_CLEAN       },
        {GRADE_STRONG,  GRADE_GROWTH, VERDICT_LEAK,         10,  VERDICT_GROWTH      },
        {GRADE_STRONG,  GRADE_STRONG, VERDICT_LEAK,         10,  VERDICT_LEAK        },
        {GRADE_PROVEN,  GRADE_INFO,   VERDICT_LEAK,         NAN, VERDICT_INCONCLUSIVE},
        {GRADE_SUSPECT, GRADE_INFO,   VERDICT_INCONCLUSIVE, 10,
         VERDICT_INCONCLUSIVE                                                        },
    };
    const struct suppression one[] = {
        {.top = "main.await",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "y"}
    };
    const struct suppressions s = {one, 1};
    const struct review_options o = {.suppressions = &s};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made *m = made_new();
        (void)made_goroutines(m, "main.await", rows[i].accepted, 20);
        (void)made_goroutines(m, "main.left", rows[i].left, 20);
        m->findings.verdict = rows[i].before;
        m->findings.limits.goroutines = rows[i].limit;
        m->findings.limits.heap_bytes = NAN;
        made_review(m, &o);
        assert_int_equal(m->findings.verdict, rows[i].wanted);
        made_free(m);
    }
}

static void levels_are_kept(void **state)
{
    static const struct {
        double max_bytes, max_goroutines;
        bool is_heap, is_accepted;
        const char *note;
    } rows[] = {
        {NAN, 306, false, true,  NULL                                          },
        {NAN, 305, false, false,
         "y: main.await grew beyond its accepted level: 306 goroutines, "
         "accepted up to 305 goroutines"                                       },
        {1,   NAN, false, false,
         "y: main.await is not accepted: its level is in "
         "another unit"                                                        },
        {1,   306, false, true,  NULL                                          },
        {306, NAN, true,  true,  NULL                                          },
        {305, NAN, true,  false, "y: main.await grew beyond its accepted level"},
        {NAN, 1,   true,  false, "y: main.await is not accepted"               },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made *m = made_new();
        const struct suppression one[] = {
            {.top = "main.await",
             .max_bytes = rows[i].max_bytes,
             .max_goroutines = rows[i].max_goroutines,
             .reason = "x",
             .place = "y"}
        };
        const struct suppressions s = {one, 1};
        const struct review_options o = {.suppressions = &s};
        (void)(rows[i].is_heap
                   ? made_heap(m, "main.await", GRADE_STRONG, 306)
                   : made_goroutines(m, "main.await", GRADE_STRONG, 306));
        made_review(m, &o);
        assert_int_equal(m->findings.items[0].accepted != NULL,
                         rows[i].is_accepted);
        assert_int_equal(m->findings.n_notes, rows[i].note != NULL);
        if (rows[i].note != NULL) {
            assert_true(made_has_note(&m->findings, rows[i].note));
        }
        made_free(m);
    }
}

static void the_last_day_still_accepts(void **state)
{
    static const struct {
        int64_t today;
        const char *top;
        bool is_accepted;
        const char *note;
    } rows[] = {
        {20818, "main.await", true,  NULL                              },
        {20819, "main.await", false,
         "y: expired on 2026-12-31: 1 finding it accepted counts again"},
        {20819, "main.gone",  false,
         "y: expired on 2026-12-31, and matches nothing: remove it"    },
        {20818, "main.gone",  false,
         "y: suppression matched nothing (top: main.gone)"             },
        {0,     "main.await", true,  NULL                              },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made *m = made_new();
        const struct suppression one[] = {
            {.top = rows[i].top,
             .max_bytes = NAN,
             .max_goroutines = NAN,
             .reason = "x",
             .expires = "2026-12-31",
             .expires_day = 20818,
             .place = "y"}
        };
        const struct suppressions s = {one, 1};
        const struct review_options o = {.suppressions = &s,
                                         .today = rows[i].today};
        (void)made_goroutines(m, "main.await", GRADE_STRONG, 306);
        made_review(m, &o);
        assert_int_equal(m->findings.items[0].accepted != NULL,
                         rows[i].is_accepted);
        assert_int_equal(m->findings.n_notes, rows[i].note != NULL);
        if (rows[i].note != NULL) {
            assert_string_equal(m->findings.notes[0], rows[i].note);
        }
        made_free(m);
    }
}

static void rows_for_other_targets_are_not_unused(void **state)
{
    const struct suppression rows[] = {
        {.top = "main.x",
         .target = "thumbs",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "a"},
        {.top = "main.x",
         .target = "ord*",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "b"},
    };
    const struct suppressions s = {rows, 2};
    const struct review_options o = {.suppressions = &s, .target = "orders"};
    struct made *m = made_new();
    (void)state;
    made_review(m, &o);
    assert_int_equal(m->findings.n_notes, 1);
    assert_string_equal(
        m->findings.notes[0],
        "b: suppression matched nothing (top: main.x, target: ord*)");
    made_free(m);
}

/* What can never match must say why, or its writer waits in vain. */
static void rows_that_cannot_match_say_why(void **state)
{
    static const char *const frames[] = {"main.a", "...", "main.b"};
    const struct suppression rows[] = {
        {.any = "main.x",
         .target = "orders",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "a"   },
        {.created_by = "main.start",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "b" },
        {.stack = frames,
         .n_stack = 3,
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "c"},
    };
    const struct suppressions s = {rows, 3};
    const struct review_options o = {.suppressions = &s};
    struct made *m = made_new();
    (void)state;
    (void)made_goroutines(m, "main.await", GRADE_STRONG, 306);
    m->findings.items[0].has_creator = false;
    made_review(m, &o);
    assert_int_equal(m->findings.n_notes, 3);
    assert_string_equal(m->findings.notes[0],
                        "a: suppression matched nothing (any: main.x, target: "
                        "orders): files have no target; it is for seep leaks "
                        "--store and seep watch");
    assert_string_equal(
        m->findings.notes[1],
        "b: suppression matched nothing (created_by: main.start): nothing here "
        "says who started a goroutine; profiles in text with debug=2 do");
    assert_string_equal(m->findings.notes[2],
                        "c: suppression matched nothing (stack: main.a; ...)");
    made_free(m);
}

/* --- baseline --- */

static struct baseline baseline_of(struct made *m)
{
    struct baseline b;
    struct err err = {0};
    assert_ok(baseline_of_findings(&m->findings, &b, &err), &err);
    b.is_document = false;
    return b;
}

static void states_are_told_in_a_readers_order(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.same", GRADE_STRONG, 100);
    (void)made_goroutines(m, "main.grows", GRADE_SUSPECT, 100);
    (void)made_goroutines(m, "main.ended", GRADE_STRONG, 100);
    m->items[0].first_seen_nanos = 7;
    struct baseline b = baseline_of(m);
    made_release(m);
    made_free(m);
    m = made_new();
    (void)state;
    (void)made_goroutines(m, "main.same", GRADE_PROVEN, 100);
    (void)made_goroutines(m, "main.grows", GRADE_SUSPECT, 200);
    memcpy(made_goroutines(m, "main.arrived", GRADE_GROWTH, 20)->id,
           "00000000000000aa", 16);
    memcpy(m->items[2].loose_id, "00000000000000bb", 16);
    made_review(m, &(struct review_options){.baseline = &b});
    const struct finding *f = m->findings.items;
    static const char *const wanted[] = {"new", "worse", "existing", "fixed"};
    assert_int_equal(m->findings.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(f[i].state, wanted[i]);
        assert_int_equal(review_counts(&f[i], false), i < 3);
        assert_int_equal(review_counts(&f[i], true), i < 2);
    }
    assert_true(f[1].past->level == 100);
    assert_int_equal(f[2].first_seen_nanos, 7);
    assert_null(f[2].past->moved_from);
    assert_string_equal(f[3].site.function, "main.ended");
    assert_int_equal(f[3].grade, GRADE_INFO);
    assert_true(f[3].metrics[0].first == 100 && isnan(f[3].metrics[0].last));
    assert_int_equal(m->findings.verdict, VERDICT_LEAK);
    assert_int_equal(m->findings.n_notes, 0);
    baseline_release(&b);
    made_free(m);
}

/* One of a rule came, one went, at a like level: that is no proof of a fix. */
static void what_may_be_renamed_is_said(void **state)
{
    static const struct {
        double now;
        bool is_like;
    } rows[] = {
        {120, true }, /* the same leak under another name */
        {201, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made *m = made_new();
        (void)made_goroutines(m, "main.old", GRADE_STRONG, 100);
        struct baseline b = baseline_of(m);
        made_free(m);
        m = made_new();
        struct finding *f =
            made_goroutines(m, "main.young", GRADE_STRONG, rows[i].now);
        memcpy(f->id, "00000000000000aa", 16);
        memcpy(f->loose_id, "00000000000000bb", 16);
        made_review(m, &(struct review_options){.baseline = &b});
        assert_int_equal(m->findings.n, 2);
        assert_string_equal(m->findings.items[1].state, "fixed");
        assert_int_equal(m->findings.n_notes, rows[i].is_like);
        if (rows[i].is_like) {
            assert_string_equal(
                m->findings.notes[0],
                "perhaps not fixed but renamed: main.old of the baseline, for "
                "main.young is new at a like level");
        }
        baseline_release(&b);
        made_free(m);
    }
}

static void what_moved_is_found_by_its_site(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    (void)made_goroutines(m, "main.b", GRADE_STRONG, 100);
    (void)made_goroutines(m, "main.c", GRADE_STRONG, 100);
    memcpy(m->items[2].loose_id, m->items[1].loose_id, 17);
    struct baseline b = baseline_of(m);
    (void)state;
    /* Other callers: other ids. Of the second site, the baseline has two. */
    memcpy(m->items[0].id, "00000000000000aa", 16);
    memcpy(m->items[1].id, "00000000000000bb", 16);
    m->findings.n = 2;
    made_review(m, &(struct review_options){.baseline = &b});
    const struct finding *f = m->findings.items;
    assert_string_equal(f[0].state, "new");
    assert_string_equal(f[0].site.function, "main.b");
    assert_string_equal(f[1].state, "existing");
    assert_string_equal(f[1].past->moved_from, "0000000000000001");
    baseline_release(&b);
    made_free(m);
}

static void what_cannot_be_seen_is_not_fixed(void **state)
{
    static const struct {
        unsigned kinds;
        double limit, seconds;
        const char *note; /* NULL: fixed */
    } rows[] = {
        {PROFILE_BIT(KIND_GOROUTINE), 10,  3600, NULL                    },
        {PROFILE_BIT(KIND_GOROUTINE), 10,  0,    NULL                    },
        {0,                           10,  3600, NULL                    },
        {PROFILE_BIT(KIND_HEAP),      NAN, 3600,
         "1 accepted finding could not be checked: no goroutine profiles"},
        {PROFILE_BIT(KIND_GOROUTINE), NAN, 3600,
         "1 accepted finding could not be checked: too few, or too short a "
         "window, of goroutine profiles"                                 },
        {PROFILE_BIT(KIND_GOROUTINE), 10,  60,
         "1 accepted finding could not be checked: too few, or too short a "
         "window, of goroutine profiles"                                 },
        {PROFILE_BIT(KIND_GOROUTINE), 101, 3600,
         "1 accepted finding could not be checked: too few, or too short a "
         "window, of goroutine profiles"                                 },
    };
    struct made *m = made_new();
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    struct baseline b = baseline_of(m);
    made_free(m);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m = made_new();
        m->findings.kinds = rows[i].kinds;
        m->findings.limits.goroutines = rows[i].limit;
        m->findings.window_seconds = rows[i].seconds;
        made_review(m, &(struct review_options){.baseline = &b});
        assert_int_equal(m->findings.n, rows[i].note == NULL);
        assert_int_equal(m->findings.n_notes, rows[i].note != NULL);
        if (rows[i].note != NULL) {
            assert_string_equal(m->findings.notes[0], rows[i].note);
        }
        assert_int_equal(m->findings.unchecked != NULL,
                         rows[i].kinds == PROFILE_BIT(KIND_HEAP));
        made_free(m);
    }
    baseline_release(&b);
}

/* A comparison says itself what is gone, and nothing of what both sides have.
 */
static void a_mended_leak_stays_fixed(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.mended", GRADE_GROWTH, 300);
    (void)made_goroutines(m, "main.in_both", GRADE_GROWTH, 300);
    struct baseline full = baseline_of(m);
    const struct baseline none = {.n = 0};
    const struct baseline *const rows[] = {&none, &full};
    made_free(m);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        m = made_new();
        m->findings.is_comparison = true;
        made_goroutines(m, "main.mended", GRADE_GROWTH, 300)->state = "fixed";
        made_review(m, &(struct review_options){.baseline = rows[i]});
        assert_int_equal(m->findings.n, 1);
        assert_string_equal(m->findings.items[0].state, "fixed");
        assert_int_equal(m->findings.items[0].past != NULL, i == 1);
        assert_false(review_counts(&m->findings.items[0], true));
        assert_int_equal(m->findings.n_notes, 0);
        assert_null(m->findings.unchecked);
        made_free(m);
    }
    baseline_release(&full);
}

static void a_baseline_of_another_program_is_told(void **state)
{
    struct made *m = made_new();
    m->findings.program = "accounts";
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    struct baseline b = baseline_of(m);
    made_free(m);
    m = made_new();
    (void)state;
    m->findings.program = "orders";
    made_review(m, &(struct review_options){.baseline = &b});
    assert_int_equal(m->findings.n, 0);
    assert_string_equal(m->findings.notes[0],
                        "1 accepted finding could not be checked: the baseline "
                        "has it of accounts, these profiles are of orders");
    assert_string_equal(m->findings.unchecked, m->findings.notes[0]);
    made_free(m);
    baseline_release(&b);
}

/* What was accepted and cannot be compared may have grown. */
static void what_cannot_be_compared_is_unchecked(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    struct baseline b = baseline_of(m);
    const struct finding_acceptance accepted = {.by = "x", .reason = "y"};
    (void)state;
    m->metrics[0].name = "inuse_space";
    made_review(m, &(struct review_options){.baseline = &b});
    assert_non_null(m->findings.unchecked);
    assert_true(made_has_note(&m->findings, "could not be compared"));
    m->findings.unchecked = NULL;
    m->findings.items[0].accepted = &accepted;
    made_review(m, &(struct review_options){.baseline = &b});
    assert_null(m->findings.unchecked);
    made_free(m);
    baseline_release(&b);
}

static void what_is_open_stays_so_when_the_rest_is_accepted(void **state)
{
    struct made *m = made_new();
    const struct suppression row = {.place = ".seep.yml:1",
                                    .top = "main.a",
                                    .reason = "known",
                                    .max_bytes = NAN,
                                    .max_goroutines = NAN};
    const struct suppressions all = {&row, 1};
    (void)state;
    (void)made_goroutines(m, "main.a", GRADE_GROWTH, 100);
    m->findings.verdict = VERDICT_GROWTH;
    m->findings.is_open = true;
    made_review(m, &(struct review_options){.suppressions = &all});
    assert_int_equal(m->findings.verdict, VERDICT_INCONCLUSIVE);
    made_free(m);
}

static void a_rule_from_tomorrow_is_only_noted(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    struct baseline b = baseline_of(m);
    made_free(m);
    m = made_new();
    (void)state;
    b.items[0].rule = "goroutine-quantum";
    made_review(m, &(struct review_options){.baseline = &b});
    assert_int_equal(m->findings.n, 0);
    assert_string_equal(m->findings.notes[0],
                        "fixed: 0000000000000001 of the baseline, by a rule "
                        "this seep does not know: goroutine-quantum");
    baseline_release(&b);
    made_free(m);
}

/* --- the whole --- */

static void a_review_of_nothing_changes_nothing(void **state)
{
    struct made *m = made_new();
    (void)state;
    (void)made_goroutines(m, "main.a", GRADE_STRONG, 100);
    (void)made_goroutines(m, "main.b", GRADE_SUSPECT, 100);
    made_review(m, &(struct review_options){.worse_ratio = 0});
    assert_int_equal(m->findings.n, 2);
    assert_int_equal(m->findings.verdict, VERDICT_LEAK);
    assert_int_equal(m->findings.n_notes, 0);
    for (size_t i = 0; i < 2; i++) {
        const struct finding *f = &m->findings.items[i];
        assert_string_equal(f->id, m->items[i].id);
        assert_null(f->state);
        assert_null(f->accepted);
        assert_null(f->primary);
        assert_true(review_counts(f, true));
    }
    made_free(m);
}

struct world {
    const struct review_options *o;
};

static bool review_once(void *ctx, struct err *err)
{
    const struct world *w = ctx;
    struct made m;
    struct finding *f = m.items;
    memset(&m, 0, sizeof(m));
    m.findings.items = f;
    m.findings.limits.goroutines = 10;
    (void)made_goroutines(&m, "main.await", GRADE_STRONG, 306);
    (void)made_goroutines(&m, "main.other", GRADE_SUSPECT, 40);
    const bool ok = review_apply(&m.findings, w->o, err);
    findings_release(&m.findings);
    return ok;
}

static void running_out_of_memory_is_told(void **state)
{
    struct made *m = made_new();
    (void)made_goroutines(m, "main.await", GRADE_STRONG, 306);
    (void)made_goroutines(m, "main.b", GRADE_STRONG, 306);
    (void)made_goroutines(m, "main.c", GRADE_STRONG, 306);
    struct baseline b = baseline_of(m);
    made_free(m);
    const struct suppression rows[] = {
        {.any = "main.o*",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .issue = "y",
         .place = "z"},
        {.any = "main.unused",
         .max_bytes = NAN,
         .max_goroutines = NAN,
         .reason = "x",
         .place = "z"},
    };
    const struct suppressions s = {rows, 2};
    const struct review_options o = {.baseline = &b, .suppressions = &s};
    struct world w = {&o};
    (void)state;
    assert_true(oom_walk(review_once, &w) > 5);
    baseline_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_does_not_count),
        cmocka_unit_test(the_verdict_is_of_what_is_left),
        cmocka_unit_test(levels_are_kept),
        cmocka_unit_test(the_last_day_still_accepts),
        cmocka_unit_test(rows_for_other_targets_are_not_unused),
        cmocka_unit_test(rows_that_cannot_match_say_why),
        cmocka_unit_test(states_are_told_in_a_readers_order),
        cmocka_unit_test(what_may_be_renamed_is_said),
        cmocka_unit_test(what_moved_is_found_by_its_site),
        cmocka_unit_test(what_cannot_be_seen_is_not_fixed),
        cmocka_unit_test(a_mended_leak_stays_fixed),
        cmocka_unit_test(a_baseline_of_another_program_is_told),
        cmocka_unit_test(what_cannot_be_compared_is_unchecked),
        cmocka_unit_test(what_is_open_stays_so_when_the_rest_is_accepted),
        cmocka_unit_test(a_rule_from_tomorrow_is_only_noted),
        cmocka_unit_test(a_review_of_nothing_changes_nothing),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
