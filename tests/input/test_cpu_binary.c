/* Binary CPU profiles: words, stacks, and what is taken out of them. */
#include "raw_text.h"

struct form {
    unsigned width;
    bool is_big;
};

static const struct form forms[] = {
    {4, false},
    {4, true },
    {8, false},
    {8, true },
};
enum { LITTLE_32, BIG_32, LITTLE_64 };

static void add_word(struct buf *out, struct form f, uint64_t word)
{
    for (unsigned i = 0; i < f.width; i++) {
        const unsigned k = f.is_big ? f.width - 1 - i : i;
        buf_char(out, (char)(word >> 8 * k & 0xff));
    }
}

static struct buf begin(struct form f, uint64_t java, uint64_t period)
{
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    const uint64_t words[] = {0, 3, java, period, 0};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        add_word(&b, f, words[i]);
    }
    return b;
}

static void add_stack(struct buf *out, struct form f, uint64_t count,
                      const uint64_t *addresses, size_t n)
{
    add_word(out, f, count);
    add_word(out, f, n);
    for (size_t i = 0; i < n; i++) {
        add_word(out, f, addresses[i]);
    }
}

static void add_end(struct buf *out, struct form f)
{
    static const uint64_t zero = 0;
    add_stack(out, f, 0, &zero, 1);
}

/* Addresses of the locations of a sample. */
static void assert_stack(const struct profile *p, uint32_t sample,
                         const uint64_t *want, size_t n)
{
    const uint32_t first = p->sample_off[sample];
    assert_int_equal(p->sample_off[sample + 1] - first, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(p->locations[p->sample_locs[first + i]].address == want[i]);
    }
}

static void words_may_have_any_width_and_order(void **state)
{
    (void)state;
    static const uint64_t one[] = {0x401000, 0x402001};
    static const uint64_t other[] = {0x401010, 0x403001};
    static const uint64_t other_want[] = {0x401010, 0x403000};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct buf b = begin(forms[i], 0, 2500);
        add_stack(&b, forms[i], 3, one, 2);
        add_stack(&b, forms[i], 1, other, 2);
        add_end(&b, forms[i]);
        buf_str(&b, "00400000-00402800: /srv/app\n");
        struct snapshot s = snapshot_of(buf_view(&b));
        const struct profile *const p = s.profile;
        assert_int_equal(s.kind, KIND_CPU);
        assert_int_equal(s.form, FORM_OTHER);
        assert_int_equal(p->period, 2500000);
        assert_int_equal(p->values[0], 3);
        assert_int_equal(p->values[1], 7500000);
        assert_stack(p, 1, other_want, 2);
        assert_int_equal(p->n_mappings, 2);
        assert_string_equal(profile_text(p, p->mappings[0].file), "/srv/app");
        snapshot_release(&s);
        buf_release(&b);
    }
}

/* `n_others` of 64 stacks do without the frame that the others have second. */
static size_t depth_with(unsigned n_others)
{
    struct buf b = begin(forms[LITTLE_64], 0, 1);
    for (uint64_t i = 0; i < 64; i++) {
        const uint64_t stack[] = {0x400000 + i,
                                  i < n_others ? 0x500000 + i : 0x600001,
                                  0x700001 + i, 0x800001};
        add_stack(&b, forms[LITTLE_64], 1, stack, 4);
    }
    add_end(&b, forms[LITTLE_64]);
    struct snapshot s = snapshot_of(buf_view(&b));
    const struct profile *const p = s.profile;
    const size_t depth = p->sample_off[64] - p->sample_off[63];
    assert_int_equal(p->sample_off[1] - p->sample_off[0],
                     n_others > 0 ? 4 : depth);
    snapshot_release(&s);
    buf_release(&b);
    return depth;
}

static void a_second_frame_of_nearly_all_stacks_leaves(void **state)
{
    (void)state;
    assert_int_equal(depth_with(0), 3);
    assert_int_equal(depth_with(2), 3);
    assert_int_equal(depth_with(3), 4);
}

static void two_frames_of_all_stacks_leave_at_most(void **state)
{
    (void)state;
    static const uint64_t stack[] = {0x400000, 0x500001, 0x600001, 0x700001,
                                     0x800001};
    static const uint64_t want[] = {0x400000, 0x700000, 0x800000};
    struct buf b = begin(forms[BIG_32], 0, 1);
    add_stack(&b, forms[BIG_32], 1, stack, 5);
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_stack(s.profile, 0, want, 3);
    assert_int_equal(s.profile->n_locations, 3);
    snapshot_release(&s);
    buf_release(&b);
}

static void a_leaf_noted_twice_is_one(void **state)
{
    (void)state;
    static const uint64_t twice[] = {0x400010, 0x400010, 0x500001};
    static const uint64_t once[] = {0x400010, 0x600001};
    static const uint64_t want[] = {0x400010, 0x500000};
    struct buf b = begin(forms[LITTLE_32], 0, 1);
    add_stack(&b, forms[LITTLE_32], 1, twice, 3);
    add_stack(&b, forms[LITTLE_32], 1, once, 2);
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_stack(s.profile, 0, want, 2);
    /* The second one stays a location, though no sample has it. */
    assert_int_equal(s.profile->n_locations, 4);
    assert_int_equal(s.profile->locations[1].address, 0x40000f);
    snapshot_release(&s);
    buf_release(&b);
}

static void counts_wrap_around_as_in_pprof(void **state)
{
    (void)state;
    static const uint64_t stack[] = {0x400010};
    struct buf b = begin(forms[LITTLE_64], 0, UINT64_C(1) << 60);
    add_stack(&b, forms[LITTLE_64], UINT64_MAX, stack, 1);
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_true(s.profile->values[0] == -1);
    assert_true(s.profile->period == INT64_MIN);
    assert_true(s.profile->values[1] == INT64_MIN);
    snapshot_release(&s);
    buf_release(&b);
}

static void a_stack_longer_than_the_file_is_refused(void **state)
{
    (void)state;
    struct buf b = begin(forms[LITTLE_64], 0, 1);
    add_word(&b, forms[LITTLE_64], 1);
    add_word(&b, forms[LITTLE_64], UINT64_C(1) << 60);
    add_word(&b, forms[LITTLE_64], 1);
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(buf_view(&b), NULL, &s, &err));
    assert_err(&err, ERR_FORMAT,
               "CPU profile of the old kind: cut off or altered, a stack of "
               "1152921504606846976 words where 8 bytes are left");
    assert_true(err.has_offset);
    assert_int_equal(err.offset, 40);
    buf_release(&b);
}

/* pprof counts in words of 32 bits here whatever they have, and takes what is
   missing for zeros. */
static void the_last_stack_may_be_cut_off_for_pprof(void **state)
{
    (void)state;
    static const uint64_t stack[] = {0x400010, 0x500001};
    static const uint64_t want[] = {0x400010, 0x500000, UINT64_MAX, UINT64_MAX};
    struct buf b = begin(forms[LITTLE_64], 0, 1);
    add_stack(&b, forms[LITTLE_64], 7, NULL, 0);
    add_word(&b, forms[LITTLE_64], 1);
    add_word(&b, forms[LITTLE_64], 4);
    add_word(&b, forms[LITTLE_64], stack[0]);
    add_word(&b, forms[LITTLE_64], stack[1]);
    struct snapshot s = snapshot_like_pprof(buf_view(&b));
    assert_int_equal(s.profile->n_samples, 2);
    assert_stack(s.profile, 0, NULL, 0);
    assert_stack(s.profile, 1, want, 4);
    snapshot_release(&s);
    assert_refused(buf_view(&b), ERR_FORMAT,
                   "CPU profile of the old kind: cut off or altered, a stack "
                   "of 4 words where 16 bytes are left");
    buf_release(&b);
}

static void half_a_word_is_no_end(void **state)
{
    (void)state;
    struct buf b = begin(forms[LITTLE_64], 0, 1);
    buf_str(&b, "abc");
    assert_refused(buf_view(&b), ERR_FORMAT,
                   "CPU profile of the old kind: cut off or altered, a stack "
                   "of 0 words where 0 bytes are left");
    buf_release(&b);
}

static void zeros_and_other_threes_are_no_header(void **state)
{
    (void)state;
    struct buf b = begin(forms[LITTLE_64], 2, 1);
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(buf_view(&b), NULL, &s, &err));
    assert_int_equal(err.code, ERR_UNKNOWN);
    buf_release(&b);
    b = begin(forms[LITTLE_64], 0, 0);
    assert_false(input_decode(buf_view(&b), NULL, &s, &err));
    assert_int_equal(err.code, ERR_UNKNOWN);
    buf_release(&b);
}

static void java_has_a_table_behind_its_stacks(void **state)
{
    (void)state;
    static const uint64_t stack[] = {5, 5, 6};
    struct buf b = begin(forms[BIG_32], 1, 10);
    add_stack(&b, forms[BIG_32], 1, stack, 3);
    add_end(&b, forms[BIG_32]);
    buf_str(&b, "0x5 org.example.A.f (A.java:3)\n0x6 GC");
    struct snapshot s = snapshot_of(buf_view(&b));
    const struct profile *const p = s.profile;
    assert_int_equal(p->sample_off[1], 3);
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[0].address, 0);
    assert_string_equal(sample_leaf(p, 0), "org.example.A.f");
    assert_int_equal(p->n_mappings, 0);
    snapshot_release(&s);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_may_have_any_width_and_order),
        cmocka_unit_test(a_second_frame_of_nearly_all_stacks_leaves),
        cmocka_unit_test(two_frames_of_all_stacks_leave_at_most),
        cmocka_unit_test(a_leaf_noted_twice_is_one),
        cmocka_unit_test(counts_wrap_around_as_in_pprof),
        cmocka_unit_test(a_stack_longer_than_the_file_is_refused),
        cmocka_unit_test(the_last_stack_may_be_cut_off_for_pprof),
        cmocka_unit_test(half_a_word_is_no_end),
        cmocka_unit_test(zeros_and_other_threes_are_no_header),
        cmocka_unit_test(java_has_a_table_behind_its_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
