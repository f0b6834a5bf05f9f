/* A goroutine dump as a profile: what a goroutine profile would show. */
#include "test.h"

#include "input/input.h"

static struct snapshot read(struct span bytes)
{
    struct snapshot s = {0};
    struct err err = {0};
    assert_ok(input_decode(bytes, NULL, &s, &err), &err);
    assert_non_null(s.dump);
    return s;
}

static struct profile *profile_of(struct span bytes)
{
    struct snapshot s = read(bytes);
    struct profile *p = NULL;
    struct err err = {0};
    assert_ok(goroutine_dump_profile(s.dump, &p, &err), &err);
    snapshot_release(&s);
    return p;
}

static const char small[] =
    "goroutine 1 [running]:\n"
    "main.main()\n"
    "\t/srv/main.go:9 +0x1d\n"
    "\n"
    "goroutine 7 [chan receive, 5 minutes]:\n"
    "main.await(0xc000012080)\n"
    "\t/srv/main.go:56 +0x4e\n"
    "main.serve(...)\n"
    "\t/srv/main.go:61\n"
    "created by main.start in goroutine 1\n"
    "\t/srv/main.go:70 +0x6a\n"
    "\n"
    "goroutine 8 [chan receive]:\n"
    "main.await(0xc000012090)\n"
    "\t/srv/main.go:56 +0x4e\n"
    "main.serve(...)\n"
    "\t/srv/main.go:61\n"
    "created by main.other in goroutine 1\n"
    "\t/srv/main.go:80 +0x6a\n"
    "\n"
    "goroutine 9 [chan send labels:{\"tenant\": \"a\"}]:\n"
    "main.await(0xc000012090)\n"
    "\t/srv/main.go:56 +0x4e\n"
    "main.serve(...)\n"
    "\t/srv/main.go:61\n";

static const char *function_at(const struct profile *p, uint32_t i)
{
    const struct profile_location *const l = &p->locations[p->sample_locs[i]];
    return profile_text(p, p->functions[p->lines[l->first_line].function].name);
}

static void goroutines_of_one_stack_are_one_sample(void **state)
{
    (void)state;
    struct profile *const p = profile_of(span_of(small));
    assert_int_equal(profile_kind(p), KIND_GOROUTINE);
    assert_string_equal(profile_text(p, p->period_type.type), "goroutine");
    assert_int_equal(p->period, 1);
    assert_int_equal(p->n_samples, 3);
    static const int64_t want[] = {1, 2, 1};
    assert_memory_equal(p->values, want, sizeof(want));
    profile_free(p);
}

static void frames_are_leaf_first_and_creators_none(void **state)
{
    (void)state;
    struct profile *const p = profile_of(span_of(small));
    assert_int_equal(p->sample_off[2] - p->sample_off[1], 2);
    assert_string_equal(function_at(p, 1), "main.await");
    assert_string_equal(function_at(p, 2), "main.serve");
    const struct profile_location *const l = &p->locations[p->sample_locs[2]];
    assert_int_equal(l->n_lines, 1);
    assert_int_equal(l->address, 0);
    assert_int_equal(p->lines[l->first_line].line, 61);
    assert_string_equal(profile_text(p, p->functions[0].file), "/srv/main.go");
    assert_int_equal(p->n_locations, 3);
    profile_free(p);
}

static void the_state_is_a_label_behind_those_of_the_program(void **state)
{
    (void)state;
    struct profile *const p = profile_of(span_of(small));
    assert_int_equal(p->n_labels, 4);
    assert_string_equal(profile_text(p, p->labels[1].key), "state");
    assert_string_equal(profile_text(p, p->labels[1].str), "chan receive");
    assert_string_equal(profile_text(p, p->labels[2].key), "tenant");
    assert_string_equal(profile_text(p, p->labels[2].str), "a");
    assert_string_equal(profile_text(p, p->labels[3].str), "chan send");
    profile_free(p);
}

static int64_t sum(const struct profile *p)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        total += p->values[i];
    }
    return total;
}

static void no_goroutine_of_a_real_dump_is_lost(void **state)
{
    (void)state;
    struct buf b =
        test_read_file(testdata("goroutineleak/goroutine.debug2.txt"));
    struct profile *const p = profile_of(buf_view(&b));
    assert_int_equal(sum(p), 39);
    struct buf wire = BUF_LIMIT((size_t)1 << 24);
    struct profile *again = NULL;
    struct err err = {0};
    assert_ok(profile_encode(p, &wire, &err), &err);
    assert_ok(profile_decode(buf_view(&wire), &again, &err), &err);
    assert_int_equal(sum(again), 39);
    assert_int_equal(again->n_samples, p->n_samples);
    profile_free(again);
    profile_free(p);
    buf_release(&wire);
    buf_release(&b);
}

static bool convert_action(void *ctx, struct err *err)
{
    struct profile *p = NULL;
    const bool ok = goroutine_dump_profile(ctx, &p, err);
    if (ok) {
        profile_free(p);
    }
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct snapshot s = read(span_of(small));
    assert_true(oom_walk(convert_action, s.dump) > 10);
    snapshot_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goroutines_of_one_stack_are_one_sample),
        cmocka_unit_test(frames_are_leaf_first_and_creators_none),
        cmocka_unit_test(the_state_is_a_label_behind_those_of_the_program),
        cmocka_unit_test(no_goroutine_of_a_real_dump_is_lost),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
