/* Sites that head calls otherwise: one with that of base when the change says
   so, or when enough of their stacks does; else one is gone and one is new. */
#include "test.h"

#include "series/series.h"

#include <stdio.h>
#include <string.h>

/* One stack of goroutines: function and line of the site, and its caller. */
struct place {
    const char *function;
    int line;
    int64_t n;
    const char *caller; /* NULL: main.run */
};
enum { PLACES_MAX = 8 };

static uint32_t location(struct profile_builder *b, const char *function,
                         int line)
{
    const struct builder_frame f = {span_of(function), SPAN_LIT("x.go"), line};
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

static struct profile *profile_of(const struct place *places)
{
    struct profile_builder *b = profile_builder_new();
    struct profile *p = NULL;
    struct err err = {0};
    profile_builder_type(b, "goroutine", "count");
    profile_builder_period(b, "goroutine", "count", 1);
    for (size_t i = 0; i < PLACES_MAX && places[i].function != NULL; i++) {
        const char *caller = places[i].caller;
        const uint32_t locs[] = {
            location(b, "runtime.gopark", 1),
            location(b, places[i].function, places[i].line),
            location(b, caller != NULL ? caller : "main.run", 9)};
        profile_builder_sample(b, locs, 3, &places[i].n, 1, NULL, 0);
    }
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void add(struct series_diff *d, enum diff_side side,
                const struct place *places)
{
    struct err err = {0};
    struct snapshot s = {.source = "x",
                         .kind = KIND_GOROUTINE,
                         .form = FORM_PROTO,
                         .time_nanos = (int64_t)side + 1,
                         .profile = profile_of(places)};
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

static struct series_diff *compare(const struct place *base,
                                   const struct place *head,
                                   const struct diff_changes *changes)
{
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    assert_non_null(d);
    add(d, DIFF_BASE, base);
    add(d, DIFF_HEAD, head);
    if (changes != NULL) {
        series_diff_set_changes(d, changes);
    }
    assert_ok(series_diff_finish(d, false, &err), &err);
    return d;
}

/* The site that has this function now; NULL: none. */
static const struct diff_site *site_of(const struct series_diff *d,
                                       const char *function)
{
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(d, DIFF_GOROUTINE, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sites[i].frame.function, function) == 0) {
            return &sites[i];
        }
    }
    return NULL;
}

static bool has_note(const struct series_diff *d, const char *text)
{
    size_t n = 0;
    const char *const *notes = series_diff_notes(d, &n);
    for (size_t i = 0; i < n; i++) {
        if (strstr(notes[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

/* --- by stacks --- */

/* clang-format off */
static const struct stack_case {
    const char *what;
    struct place base[PLACES_MAX], head[PLACES_MAX];
    bool is_renamed, is_perhaps;
} stack_cases[] = {
    {"three lines", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 50, 0}, {"main.young", 5, 50, 0}, {"main.young", 7, 50, 0}}, true, false},
    {"a receiver", {{"main.(*A).f", 3, 40, 0}, {"main.(*A).f", 5, 40, 0}, {"main.(*A).f", 7, 40, "main.(*A).g"}},
     {{"main.(*B).f", 3, 50, 0}, {"main.(*B).f", 5, 50, 0}, {"main.(*B).f", 7, 50, "main.(*B).g"}}, true, false},
    {"a package", {{"a/b.f", 3, 40, 0}, {"a/b.f", 5, 40, 0}, {"a/b.f", 7, 40, "a/b.g"}},
     {{"a/c.f", 3, 50, 0}, {"a/c.f", 5, 50, 0}, {"a/c.f", 7, 50, "a/c.g"}}, true, false},
    /* A new function in the place of the old one may have this, too. */
    {"one line", {{"main.old", 3, 120, 0}}, {{"main.young", 3, 120, 0}}, false, true},
    {"two lines", {{"main.old", 3, 60, 0}, {"main.old", 5, 60, 0}},
     {{"main.young", 3, 60, 0}, {"main.young", 5, 60, 0}}, false, true},
    /* Where functions begin is not known here. */
    {"moved lines", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 4, 40, 0}, {"main.young", 6, 40, 0}, {"main.young", 8, 40, 0}}, false, true},
    {"other lines", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 40, 0}, {"main.young", 6, 40, 0}, {"main.young", 8, 40, 0}}, false, false},
    {"another caller", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 40, "main.b"}, {"main.young", 5, 40, "main.b"}, {"main.young", 7, 40, "main.b"}}, false, false},
    {"much more", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 90, 0}, {"main.young", 5, 90, 0}, {"main.young", 7, 90, 0}}, false, false},
    {"much less", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 19, 0}, {"main.young", 5, 19, 0}, {"main.young", 7, 19, 0}}, false, false},
    {"the old one is there", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 40, 0}, {"main.young", 5, 40, 0}, {"main.young", 7, 40, 0}, {"main.x", 1, 1, "main.old"}}, false, false},
    {"the new one was there", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}, {"main.x", 1, 1, "main.young"}},
     {{"main.young", 3, 40, 0}, {"main.young", 5, 40, 0}, {"main.young", 7, 40, 0}}, false, false},
    {"two new ones", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0}},
     {{"main.young", 3, 40, 0}, {"main.young", 5, 40, 0}, {"main.young", 7, 40, 0},
      {"main.other", 3, 1, 0}, {"main.other", 5, 1, 0}, {"main.other", 7, 1, 0}}, false, false},
    {"two old ones", {{"main.old", 3, 40, 0}, {"main.old", 5, 40, 0}, {"main.old", 7, 40, 0},
      {"main.other", 3, 1, 0}, {"main.other", 5, 1, 0}, {"main.other", 7, 1, 0}},
     {{"main.young", 3, 40, 0}, {"main.young", 5, 40, 0}, {"main.young", 7, 40, 0}}, false, false},
    {"two words", {{"main.(*A).f", 3, 40, 0}, {"main.(*A).f", 5, 40, 0}, {"main.(*A).f", 7, 40, 0}},
     {{"main.(*B).g", 3, 40, 0}, {"main.(*B).g", 5, 40, 0}, {"main.(*B).g", 7, 40, 0}}, false, false},
};
/* clang-format on */

static void three_lines_of_one_way_are_enough(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stack_cases / sizeof stack_cases[0]; i++) {
        const struct stack_case *c = &stack_cases[i];
        struct series_diff *d = compare(c->base, c->head, NULL);
        const struct diff_site *s = site_of(d, c->head[0].function);
        if (s == NULL || (s->base > 0) != c->is_renamed ||
            (s->frame.was != NULL) != c->is_renamed ||
            has_note(d, "renamed, by the stacks: ") != c->is_renamed ||
            has_note(d, "perhaps renamed: ") != c->is_perhaps) {
            fail_msg("%s", c->what);
        }
        series_diff_free(d);
    }
}

/* Methods of a type that was renamed, but for one that came anew. */
static void a_known_word_proves_no_site(void **state)
{
    static const struct place base[PLACES_MAX] = {
        {"main.(*A).f",    3, 4,    NULL         },
        {"main.(*A).f",    5, 4,    NULL         },
        {"main.(*A).f",    7, 4,    NULL         },
        {"main.(*A).get",  9, 5000, "main.serve" },
        {"main.(*A).keep", 2, 100,  "main.(*A).f"},
        {"main.u",         1, 1,    "main.v"     },
        {"main.w",         1, 1,    "main.x"     },
    };
    static const struct place head[PLACES_MAX] = {
        {"main.(*B).f",    3,  4,    NULL           },
        {"main.(*B).f",    5,  4,    NULL           },
        {"main.(*B).f",    7,  4,    NULL           },
        {"main.(*B).get",  70, 5100, "main.(*B).put"},
        {"main.(*B).keep", 2,  100,  "main.(*B).f"  },
        {"main.u",         1,  1,    "main.v"       },
        {"main.w",         1,  1,    "main.x"       },
    };
    struct arena arena = {0};
    struct diff_stack stack;
    struct err err = {0};
    (void)state;
    struct series_diff *d = compare(base, head, NULL);
    assert_true(site_of(d, "main.(*B).f")->base == 12);
    assert_true(site_of(d, "main.(*B).keep")->base == 100);
    const struct diff_site *s = site_of(d, "main.(*B).get");
    assert_true(s->base == 0 && s->head == 5100);
    assert_null(s->frame.was);
    /* As itself it is new; its stack has no name that base knows. */
    assert_ok(series_diff_stack(d, DIFF_GOROUTINE, s, &arena, &stack, &err),
              &err);
    assert_null(stack.frames[1].was);
    arena_release(&arena);
    series_diff_free(d);
}

/* Heap profiles whose births go on, beside them. */
static void add_heap(struct series_diff *d, enum diff_side side)
{
    struct profile_builder *b = profile_builder_new();
    struct snapshot s = {.source = "heap",
                         .kind = KIND_HEAP,
                         .form = FORM_PROTO,
                         .time_nanos = (int64_t)side + 1};
    struct err err = {0};
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", 524288);
    for (int i = 0; i < 40; i++) {
        const int64_t n = 100 * ((int64_t)side + 1) + i;
        const int64_t values[] = {n, n << 16, 20, 20 << 16};
        const uint32_t loc = location(b, "main.alloc", i + 1);
        profile_builder_sample(b, &loc, 1, values, 4, NULL, 0);
    }
    assert_ok(profile_builder_finish(b, &s.profile, &err), &err);
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

/* No process renames what it runs. */
static void one_process_renames_nothing(void **state)
{
    const struct stack_case *c = &stack_cases[0];
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    (void)state;
    assert_non_null(d);
    for (int side = 0; side < 2; side++) {
        add(d, (enum diff_side)side, side == DIFF_BASE ? c->base : c->head);
        add_heap(d, (enum diff_side)side);
    }
    assert_ok(series_diff_finish(d, false, &err), &err);
    assert_true(series_diff_total(d, DIFF_HEAP)->is_one_process);
    assert_true(site_of(d, "main.young")->base == 0);
    assert_false(has_note(d, "renamed"));
    series_diff_free(d);
}

/* Each pair costs; a change of all names is left alone, and soon. */
static void too_many_pairs_are_bounded(void **state)
{
    enum { TYPES = 100, METHODS = 64 };
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    (void)state;
    assert_non_null(d);
    for (int side = 0; side < 2; side++) {
        struct profile_builder *b = profile_builder_new();
        struct snapshot s = {.source = "x",
                             .kind = KIND_GOROUTINE,
                             .form = FORM_PROTO,
                             .time_nanos = side + 1};
        profile_builder_type(b, "goroutine", "count");
        profile_builder_period(b, "goroutine", "count", 1);
        for (int i = 0; i < TYPES * METHODS; i++) {
            char name[64];
            const int64_t n = 3;
            (void)snprintf(name, sizeof name, "main.(*T%d).%s%d", i / METHODS,
                           side == 0 ? "old" : "young", i % METHODS);
            const uint32_t locs[] = {location(b, "runtime.gopark", 1),
                                     location(b, name, 3),
                                     location(b, "main.run", 9)};
            profile_builder_sample(b, locs, 3, &n, 1, NULL, 0);
        }
        assert_ok(profile_builder_finish(b, &s.profile, &err), &err);
        assert_ok(series_diff_add(d, (enum diff_side)side, &s, &err), &err);
        snapshot_release(&s);
    }
    assert_ok(series_diff_finish(d, true, &err), &err);
    assert_false(has_note(d, "renamed, by the stacks"));
    series_diff_free(d);
}

/* --- by the change --- */

/* Says that main.young was main.old, or that it is new. */
static bool naming(void *ctx, const struct diff_frame *f, enum diff_naming *out,
                   struct buf *old, struct err *err)
{
    const enum diff_naming *said = ctx;
    (void)err;
    if (strcmp(f->function, "main.young") == 0) {
        *out = *said;
        buf_str(old, *said == DIFF_NAME_CHANGED ? "main.old" : "");
    }
    return true;
}

static void the_change_is_believed(void **state)
{
    static const struct place base[PLACES_MAX] = {
        {"main.old", 3, 120, NULL},
        {"main.x",   1, 1,   NULL},
    };
    static const struct place head[PLACES_MAX] = {
        {"main.young", 8, 500, NULL},
        {"main.x",     1, 1,   NULL},
    };
    enum diff_naming said = DIFF_NAME_CHANGED;
    const struct diff_changes changes = {&said, naming};
    struct arena arena = {0};
    struct diff_stack stack;
    struct err err = {0};
    (void)state;
    struct series_diff *d = compare(base, head, &changes);
    const struct diff_site *s = site_of(d, "main.young");
    assert_non_null(s);
    assert_true(s->base == 120 && s->head == 500);
    assert_string_equal(s->frame.was, "main.old");
    assert_ptr_equal(s->frame.was_by, diff_renamed_by_patch);
    /* Its stack is one under both names. */
    assert_ok(series_diff_stack(d, DIFF_GOROUTINE, s, &arena, &stack, &err),
              &err);
    assert_true(stack.base == 120 && stack.head == 500);
    assert_string_equal(stack.frames[1].function, "main.young");
    arena_release(&arena);
    series_diff_free(d);
}

static void the_change_is_not_believed_against_the_profiles(void **state)
{
    static const struct place base[PLACES_MAX] = {
        {"main.old", 3, 120, NULL}
    };
    static const struct place head[PLACES_MAX] = {
        {"main.young", 8, 500, NULL      },
        {"main.x",     1, 1,   "main.old"},
    };
    enum diff_naming said = DIFF_NAME_CHANGED;
    const struct diff_changes changes = {&said, naming};
    (void)state;
    struct series_diff *d = compare(base, head, &changes);
    assert_true(site_of(d, "main.young")->base == 0);
    series_diff_free(d);
}

/* Or what it left under the name that it has. */
static void what_the_change_declares_is_new(void **state)
{
    (void)state;
    for (enum diff_naming said = DIFF_NAME_KEPT; said <= DIFF_NAME_NEW;
         said++) {
        const struct diff_changes changes = {&said, naming};
        struct series_diff *d =
            compare(stack_cases[0].base, stack_cases[0].head, &changes);
        assert_true(site_of(d, "main.young")->base == 0);
        assert_false(has_note(d, "renamed"));
        series_diff_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_lines_of_one_way_are_enough),
        cmocka_unit_test(a_known_word_proves_no_site),
        cmocka_unit_test(one_process_renames_nothing),
        cmocka_unit_test(too_many_pairs_are_bounded),
        cmocka_unit_test(the_change_is_believed),
        cmocka_unit_test(the_change_is_not_believed_against_the_profiles),
        cmocka_unit_test(what_the_change_declares_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
