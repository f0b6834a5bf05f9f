#include "series/made.h"

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { N_MAX = 8 };

/* Snapshots as given, and their order. `seconds` < 0: it says no time. */
static const struct order_case {
    const char *name;
    struct {
        const char *source;
        double seconds;
        enum profile_kind kind;
    } in[N_MAX];
    const char *out[N_MAX];
} cases[] = {
    {"own_times_decide_against_names",
     {{"c.heap", 1, KIND_HEAP},
      {"a.heap", 3, KIND_HEAP},
      {"b.heap", 2, KIND_HEAP}},
     {"c.heap", "b.heap", "a.heap"}                                    },
    {"without_times_names_order_naturally",
     {{"s10.heap", -1, KIND_HEAP},
      {"s9.heap", -1, KIND_HEAP},
      {"s2.heap", -1, KIND_HEAP},
      {"s1.heap", -1, KIND_HEAP}},
     {"s1.heap", "s2.heap", "s9.heap", "s10.heap"}                     },
    {"leading_zeros_do_not_count",
     {{"010.heap", -1, KIND_HEAP},
      {"9.heap", -1, KIND_HEAP},
      {"0008.heap", -1, KIND_HEAP}},
     {"0008.heap", "9.heap", "010.heap"}                               },
    {"a_name_that_ends_comes_before_its_longer_one",
     {{"run.heap", -1, KIND_HEAP}, {"run", -1, KIND_HEAP}},
     {"run", "run.heap"}                                               },
    {"a_sibling_of_the_same_number_lends_its_time",
     {{"01.goroutine.txt", -1, KIND_GOROUTINE},
      {"02.goroutine.txt", -1, KIND_GOROUTINE},
      {"01.heap", 20, KIND_HEAP},
      {"02.heap", 10, KIND_HEAP}},
     {"02.goroutine.txt", "02.heap", "01.goroutine.txt", "01.heap"}    },
    {"siblings_may_begin_with_their_kind",
     {{"goroutine.1", -1, KIND_GOROUTINE},
      {"goroutine.2", -1, KIND_GOROUTINE},
      {"heap.1", 20, KIND_HEAP},
      {"heap.2", 10, KIND_HEAP}},
     {"goroutine.2", "heap.2", "goroutine.1", "heap.1"}                },
    {"the_same_number_in_another_directory_is_no_sibling",
     {{"a/1.goroutine", -1, KIND_GOROUTINE},
      {"a/1.heap", 20, KIND_HEAP},
      {"b/1.goroutine", -1, KIND_GOROUTINE}},
     {"a/1.goroutine", "a/1.heap", "b/1.goroutine"}                    },
    {"one_without_time_stays_behind_its_neighbour_by_name",
     {{"1.heap", 100, KIND_HEAP},
      {"2.heap", -1, KIND_HEAP},
      {"3.heap", 50, KIND_HEAP}},
     {"3.heap", "1.heap", "2.heap"}                                    },
    {"numbers_longer_than_any_integer_compare",
     {{"20261123000000000000000000010", -1, KIND_HEAP},
      {"20261123000000000000000000009", -1, KIND_HEAP}},
     {"20261123000000000000000000009", "20261123000000000000000000010"}},
    {"equal_times_order_by_name",
     {{"b", 5, KIND_HEAP}, {"a", 5, KIND_GOROUTINE}},
     {"a", "b"}                                                        },
};

static void add_one(struct series *s, const struct order_case *c, size_t i)
{
    struct profile_builder *b =
        c->in[i].kind == KIND_HEAP ? made_heap(1) : made_goroutine();
    if (c->in[i].kind == KIND_HEAP) {
        made_block(b, "main.a", 8, 1, 1);
    } else {
        made_count(b, "main.a", 1);
    }
    made_add(s, b, c->in[i].kind, c->in[i].source, c->in[i].seconds);
}

static void assert_order(const struct order_case *c, const struct series *s)
{
    size_t n = 0;
    const struct series_input *in = series_inputs(s, &n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(in[i].source, c->out[i]);
    }
}

/* In the order given and in its reverse. */
static void the_order_is(void **state)
{
    const struct order_case *c = *state;
    size_t n = 0;
    while (n < N_MAX && c->in[n].source) {
        n++;
    }
    struct series *forth = series_new(NULL);
    struct series *back = series_new(NULL);
    for (size_t i = 0; i < n; i++) {
        add_one(forth, c, i);
        add_one(back, c, n - 1 - i);
    }
    made_finish(forth);
    made_finish(back);
    assert_order(c, forth);
    assert_order(c, back);
    series_free(forth);
    series_free(back);
}

static void no_snapshots_have_no_order(void **state)
{
    (void)state;
    struct series *s = series_new(NULL);
    made_finish(s);
    size_t n = 1;
    series_inputs(s, &n);
    assert_int_equal(n, 0);
    series_free(s);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(cases) + 1] = {
        cmocka_unit_test(no_snapshots_have_no_order)};
    for (size_t i = 0; i < N_OF(cases); i++) {
        tests[i + 1] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = the_order_is,
                                .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
