/* Contention as text: cycles become nanoseconds, Go's frames have names. */
#include "raw_text.h"

static const char go_mutex[] =
    "--- mutex:\n"
    "cycles/second=2400000000\n"
    "sampling period=5\n"
    "240000 3 @ 0x401001 0x402001\n"
    "#\t0x401000\tsync.(*Mutex).Unlock+0x20\t/usr/lib/go/src/sync/mutex.go:65\n"
    "#\t0x402000\tmain.(*Depot).weigh+0x11\t/srv/depot.go:9\n"
    "\n"
    "7 1 @ 0x403001\n";

static void delays_are_unsampled_nanoseconds(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(go_mutex);
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_MUTEX);
    assert_int_equal(s.form, FORM_TEXT);
    assert_string_equal(profile_text(p, p->types[0].type), "contentions");
    assert_string_equal(profile_text(p, p->types[1].unit), "nanoseconds");
    assert_string_equal(profile_text(p, p->period_type.type), "contentions");
    assert_int_equal(p->period, 5);
    /* 240000 cycles are 100 us; of five contentions one was noted. */
    assert_int_equal(p->values[0], 15);
    assert_int_equal(p->values[1], 500000);
    /* 7 * 5 / 2.4 = 14.58 */
    assert_int_equal(p->values[2], 5);
    assert_int_equal(p->values[3], 14);
    snapshot_release(&s);
}

static void frames_of_go_have_names(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(go_mutex);
    const struct profile *const p = s.profile;
    assert_string_equal(sample_leaf(p, 0), "sync.(*Mutex).Unlock");
    assert_int_equal(p->locations[p->sample_locs[1]].address, 0x402000);
    assert_int_equal(p->locations[p->sample_locs[2]].address, 0x403000);
    assert_int_equal(p->locations[p->sample_locs[2]].n_lines, 0);
    snapshot_release(&s);
}

static void without_a_rate_numbers_are_as_they_stand(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("--- contention:\n9 4 @ 0x401001\n");
    assert_int_equal(s.kind, KIND_BLOCK);
    assert_int_equal(s.profile->values[0], 4);
    assert_int_equal(s.profile->values[1], 9);
    assert_int_equal(s.profile->period, 1);
    snapshot_release(&s);
}

static void period_of_nothing_unsamples_nothing(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("--- contentionz 1 ---\ncycles/second = 2000000000\n"
                         "sampling period = 0\nms since reset = 0x10\n"
                         "9 4 @ 0x401001\n");
    assert_int_equal(s.kind, KIND_BLOCK);
    assert_int_equal(s.profile->values[0], 4);
    assert_int_equal(s.profile->values[1], 9);
    assert_int_equal(s.profile->duration_nanos, 16000000);
    snapshot_release(&s);
}

/* What pprof makes of odd records: the numbers are found anywhere in a line,
   and one number is taken for two. */
static void numbers_are_found_as_pprof_finds_them(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("--- contention:\n"
                         "no attribute\t1 2 3 @ 0x401001 x 0x5 ; 0x6\n"
                         "1234 @ 0x401001\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->values[0], 3);
    assert_int_equal(p->values[1], 2);
    assert_int_equal(p->sample_off[1], 2);
    assert_int_equal(p->values[2], 4);
    assert_int_equal(p->values[3], 123);
    snapshot_release(&s);
}

struct bad_case {
    const char *text, *message;
    uint64_t offset;
};

static const struct bad_case bad_cases[] = {
    {"--- contentionz 1 ---\ncycles/second = many\n",
     "contention profile text, line 2: not a number",                    22},
    {"--- contentionz 1 ---\nflavour = vanilla\n",
     "contention profile text, line 2: unknown attribute",               22},
    {"--- mutex:\n1 2 0x1\n",
     "contention profile text, line 2: not a record \"delay count @\"",  11},
    {"--- mutex:\n1 99999999999999999999 @ 0x1\n",
     "contention profile text, line 2: not a record \"delay count @\"",  11},
    {"--- mutex:\n1 2 @ 0x1",
     "contention profile text, line 2: cut off in the middle of a line", 11},
};

static void broken_text_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        struct snapshot s = {0};
        struct err err = {0};
        assert_false(input_decode(span_of(bad_cases[i].text), NULL, &s, &err));
        assert_err(&err, ERR_FORMAT, bad_cases[i].message);
        assert_true(err.has_offset);
        assert_int_equal(err.offset, bad_cases[i].offset);
    }
}

static void text_of_go_cut_off_passes_for_pprof(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_like_pprof(SPAN_LIT("--- mutex:\n1 2 @ 0x401001"));
    assert_int_equal(s.profile->n_samples, 1);
    assert_int_equal(s.kind, KIND_MUTEX);
    snapshot_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_are_unsampled_nanoseconds),
        cmocka_unit_test(frames_of_go_have_names),
        cmocka_unit_test(without_a_rate_numbers_are_as_they_stand),
        cmocka_unit_test(period_of_nothing_unsamples_nothing),
        cmocka_unit_test(numbers_are_found_as_pprof_finds_them),
        cmocka_unit_test(broken_text_says_where),
        cmocka_unit_test(text_of_go_cut_off_passes_for_pprof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
