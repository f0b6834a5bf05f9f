#include "series/made.h"

#include "series/stacks_private.h"

#include <stdio.h>

/* Rows of the samples of a profile in a table of stacks. */
static void rows_of(struct stack_table *t, struct profile_builder *b,
                    uint32_t *rows)
{
    struct err err = {0};
    struct profile *p = NULL;
    struct stacks_map m;
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    assert_ok(stacks_map_init(&m, t, p, &err), &err);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        assert_ok(stacks_row(t, &m, p, i, &rows[i], &err), &err);
    }
    stacks_map_release(&m);
    profile_free(p);
}

static void equal_stacks_get_equal_rows_whatever_their_ids(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t a[3];
    uint32_t b[3];
    struct profile_builder *p = made_goroutine();
    made_count(p, "main.a:1 main.m:9", 1);
    made_count(p, "main.b:2 main.m:9", 1);
    made_count(p, "main.c:3 main.m:9", 1);
    rows_of(&t, p, a);
    p = made_goroutine(); /* other order: other ids of all */
    made_count(p, "main.c:3 main.m:9", 1);
    made_count(p, "main.a:1 main.m:9", 1);
    made_count(p, "main.b:2 main.m:9", 1);
    rows_of(&t, p, b);
    assert_int_equal(b[0], a[2]);
    assert_int_equal(b[1], a[0]);
    assert_int_equal(b[2], a[1]);
    assert_int_equal(t.rows.n, 3);
    stacks_release(&t);
}

static void count_at(struct profile_builder *b, uint64_t address)
{
    const struct builder_frame f = {SPAN_LIT("main.a"), SPAN_LIT("a.go"), 3};
    const uint32_t loc =
        profile_builder_location(b, address, PROFILE_NONE, &f, 1);
    const int64_t one = 1;
    profile_builder_sample(b, &loc, 1, &one, 1, NULL, 0);
}

static void addresses_do_not_tell_named_stacks_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[2];
    struct profile_builder *p = made_goroutine();
    count_at(p, 0x1000);
    count_at(p, 0x2000);
    rows_of(&t, p, rows);
    assert_int_equal(rows[0], rows[1]);
    stacks_release(&t);
}

static void count_bare(struct profile_builder *b, uint64_t address)
{
    const uint32_t loc =
        profile_builder_location(b, address, PROFILE_NONE, NULL, 0);
    const int64_t one = 1;
    profile_builder_sample(b, &loc, 1, &one, 1, NULL, 0);
}

static void locations_without_symbols_are_their_address(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[3];
    struct profile_builder *p = made_goroutine();
    count_bare(p, 0x1000);
    count_bare(p, 0x2000);
    count_bare(p, 0x1000);
    rows_of(&t, p, rows);
    assert_int_not_equal(rows[0], rows[1]);
    assert_int_equal(rows[0], rows[2]);
    stacks_release(&t);
}

static void lines_tell_stacks_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[2];
    struct profile_builder *p = made_goroutine();
    made_count(p, "main.a:1", 1);
    made_count(p, "main.a:2", 1);
    rows_of(&t, p, rows);
    assert_int_not_equal(rows[0], rows[1]);
    stacks_release(&t);
}

/* The two frames as two locations, or as one with an inlined call. */
static void depth_of_locations_tells_stacks_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[2];
    struct profile_builder *p = made_goroutine();
    made_count(p, "main.a main.b", 1);
    made_count(p, "main.a", 1);
    rows_of(&t, p, rows);
    assert_int_not_equal(rows[0], rows[1]);
    stacks_release(&t);
}

static void count_labelled(struct profile_builder *b, const char *key,
                           const char *value)
{
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(b, "main.a", locs);
    const int64_t one = 1;
    const struct profile_label label = {
        .key = profile_builder_string(b, span_of(key)),
        .str = profile_builder_string(b, span_of(value))};
    profile_builder_sample(b, locs, n, &one, 1, &label, 1);
}

static void labels_tell_stacks_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[4];
    struct profile_builder *p = made_goroutine();
    count_labelled(p, "user", "1");
    count_labelled(p, "user", "2");
    count_labelled(p, "op", "1");
    count_labelled(p, "user", "1");
    rows_of(&t, p, rows);
    assert_int_not_equal(rows[0], rows[1]);
    assert_int_not_equal(rows[0], rows[2]);
    assert_int_equal(rows[0], rows[3]);
    stacks_release(&t);
}

static void block_sizes_tell_stacks_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[3];
    struct profile_builder *p = made_heap(1);
    made_block(p, "main.a", 16, 1, 1);
    made_block(p, "main.a", 32, 1, 1);
    made_block(p, "main.a", 16, 5, 5);
    rows_of(&t, p, rows);
    assert_int_not_equal(rows[0], rows[1]);
    assert_int_equal(rows[0], rows[2]);
    assert_int_equal(t.rows.items[rows[1]].block_bytes, 32);
    stacks_release(&t);
}

static const struct spelling {
    const char *name, *a, *b;
    bool same;
} spellings[] = {
    {"instances_of_a_generic_function_meet",          "main.Map[go.shape.int]",
     "main.Map[...]",                                                                            true },
    {"wrappers_of_go_statements_meet_their_function", "main.a.gowrap1",
     "main.a",                                                                                   true },
    {"method_values_meet_their_method",               "main.(*T).run-fm",       "main.(*T).run",
     true                                                                                             },
    {"old_and_new_names_of_global_closures_meet",     "main.glob..func1",
     "main.init.func1",                                                                          true },
    {"bodies_of_range_functions_meet_their_function", "main.a-range1",          "main.a",
     true                                                                                             },
    {"closures_of_one_function_stay_apart",           "main.a.func1",           "main.a.func2",
     false                                                                                            },
    {"functions_stay_apart",                          "main.a",                 "main.b",        false},
};

static void names_meet(void **state)
{
    const struct spelling *c = *state;
    struct stack_table t = {0};
    uint32_t rows[2];
    struct profile_builder *p = made_goroutine();
    made_count(p, c->a, 1);
    made_count(p, c->b, 1);
    rows_of(&t, p, rows);
    assert_int_equal(rows[0] == rows[1], c->same);
    stacks_release(&t);
}

/* Before Go 1.24 their order is a map's. */
static void the_order_of_labels_tells_no_rows_apart(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[2];
    struct profile_builder *p = made_goroutine();
    uint32_t locs[MADE_FRAMES];
    const size_t n = made_locations(p, "main.a main.m", locs);
    const int64_t one = 1;
    struct profile_label labels[3] = {
        {.key = profile_builder_string(p, SPAN_LIT("user")),
         .str = profile_builder_string(p, SPAN_LIT("42"))  },
        {.key = profile_builder_string(p, SPAN_LIT("op")),
         .str = profile_builder_string(p, SPAN_LIT("copy"))}
    };
    labels[2] = labels[0];
    profile_builder_sample(p, locs, n, &one, 1, labels, 2);
    profile_builder_sample(p, locs, n, &one, 1, labels + 1, 2);
    rows_of(&t, p, rows);
    assert_int_equal(rows[0], rows[1]);
    assert_int_equal(t.rows.items[rows[0]].n_labels, 2);
    stacks_release(&t);
}

/* As the profiles of one process come: nearly the same, in the same order. */
static struct profile_builder *repeated(void)
{
    struct profile_builder *p = made_goroutine();
    char stack[64];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(stack, sizeof stack, "main.f%d main.m", i);
        made_count(p, stack, 1);
    }
    return p;
}

static void a_repeated_profile_is_predicted_to_the_last_row(void **state)
{
    (void)state;
    struct stack_table t = {0};
    uint32_t rows[100];
    rows_of(&t, repeated(), rows);
    const uint64_t before = t.n_predicted;
    rows_of(&t, repeated(), rows);
    assert_int_equal(t.n_predicted - before, 100);
    assert_int_equal(rows[57], 57);
    stacks_release(&t);
}

/* More rows than the tables begin with. */
static void many_stacks_keep_their_rows(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    static uint32_t a[MANY];
    static uint32_t b[MANY];
    struct stack_table t = {0};
    for (int pass = 0; pass < 2; pass++) {
        struct profile_builder *p = made_goroutine();
        char stack[64];
        for (int i = 0; i < MANY; i++) {
            const int at = pass ? MANY - 1 - i : i;
            (void)snprintf(stack, sizeof stack, "main.f:%d main.m", at);
            made_count(p, stack, 1);
        }
        rows_of(&t, p, pass ? b : a);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(b[MANY - 1 - i], a[i]);
    }
    stacks_release(&t);
}

static void rows_print_the_frames_and_labels_they_were_made_of(void **state)
{
    (void)state;
    struct err err = {0};
    struct series *s = series_new(NULL);
    struct profile_builder *p = made_goroutine();
    count_labelled(p, "user", "42");
    made_count(p, "main.leaf:3 main.root:8", 1);
    made_add(s, p, KIND_GOROUTINE, "0", 0);
    made_finish(s);
    struct series_frames f = {0};
    assert_ok(series_row_frames(s, 1, &f, &err), &err);
    assert_int_equal(f.n, 2);
    assert_string_equal(f.items[0].function, "main.leaf");
    assert_int_equal(f.items[0].line, 3);
    assert_string_equal(f.items[1].function, "main.root");
    const char *key = NULL;
    const char *value = NULL;
    assert_true(series_row_label(s, 0, 0, &key, &value));
    assert_string_equal(key, "user");
    assert_string_equal(value, "42");
    assert_false(series_row_label(s, 0, 1, &key, &value));
    assert_false(series_row_label(s, 1, 0, &key, &value));
    series_frames_release(&f);
    series_free(s);
}

/* Dumps hide the frames that tell what a goroutine waits in: its status is
   part of the row. */
static void goroutines_of_a_dump_share_a_row_by_stack_and_status(void **state)
{
    (void)state;
    struct err err = {0};
    struct stack_table t = {0};
    uint32_t rows[3] = {0};
    struct goroutine_dump *d = made_dump();
    made_dumped(d, 5, "select", -1, "main.a:1 main.m:9");
    made_dumped(d, 6, "select", -1, "main.a:1 main.m:9");
    made_dumped(d, 7, "chan receive", -1, "main.a:1 main.m:9");
    for (size_t i = 0; i < 3; i++) {
        assert_ok(
            stacks_dump_row(&t, d, &d->goroutines.items[i], &rows[i], &err),
            &err);
    }
    assert_int_equal(rows[0], rows[1]);
    assert_int_not_equal(rows[0], rows[2]);
    goroutine_dump_free(d);
    stacks_release(&t);
}

int main(void)
{
    enum { N_SPELLINGS = sizeof spellings / sizeof spellings[0] };
    struct CMUnitTest tests[12 + N_SPELLINGS] = {
        cmocka_unit_test(equal_stacks_get_equal_rows_whatever_their_ids),
        cmocka_unit_test(addresses_do_not_tell_named_stacks_apart),
        cmocka_unit_test(locations_without_symbols_are_their_address),
        cmocka_unit_test(lines_tell_stacks_apart),
        cmocka_unit_test(depth_of_locations_tells_stacks_apart),
        cmocka_unit_test(labels_tell_stacks_apart),
        cmocka_unit_test(block_sizes_tell_stacks_apart),
        cmocka_unit_test(the_order_of_labels_tells_no_rows_apart),
        cmocka_unit_test(a_repeated_profile_is_predicted_to_the_last_row),
        cmocka_unit_test(many_stacks_keep_their_rows),
        cmocka_unit_test(rows_print_the_frames_and_labels_they_were_made_of),
        cmocka_unit_test(goroutines_of_a_dump_share_a_row_by_stack_and_status),
    };
    for (size_t i = 0; i < N_SPELLINGS; i++) {
        tests[11 + i] =
            (struct CMUnitTest){.name = spellings[i].name,
                                .test_func = names_meet,
                                .initial_state = test_case(&spellings[i])};
    }
    return _cmocka_run_group_tests("stacks", tests, 11 + N_SPELLINGS, NULL,
                                   NULL);
}
