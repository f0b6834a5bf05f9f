/* Heap profiles as text: names, numbers, MemStats, and what is cut off. */
#include "raw_text.h"

static const char small[] =
    "heap profile: 3: 1060 [5: 3172] @ heap/1048576\n"
    "2: 36 [3: 100] @ 0x401011 0x402021 0x402011 0x403031 0x47ffa1\n"
    "#\t0x402020\tmain.inner+0x20\t\t/srv/app/a.go:7\n"
    "#\t0x402010\tmain.outer+0x10\t\t/srv/app/a.go:12\n"
    "#\t0x403030\tmain.(*Cache[...]).Add+0x30\t/srv/my app/b.go:30\n"
    "\n"
    "1: 1024 [2: 3072] @ 0x404041\n"
    "#\t0x404040\n"
    "\n"
    "\n"
    "# runtime.MemStats\n"
    "# Alloc = 9472760\n"
    "# HeapObjects = 76402\n"
    "# Stack = 688128 / 700000\n"
    "# MSpan = 181280 / 195840\n"
    "# LastGC = 1795451163124870722\n"
    "# GCCPUFraction = 0.014\n"
    "# MaxRSS = 30801920\n";

static void text_has_the_shape_of_a_proto(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_HEAP);
    assert_int_equal(s.form, FORM_TEXT);
    assert_int_equal(s.time_nanos, 0);
    assert_int_equal(p->n_types, 4);
    assert_int_equal(profile_type_index(p, "alloc_objects"), 0);
    assert_int_equal(profile_type_index(p, "inuse_space"), 3);
    assert_string_equal(profile_text(p, p->period_type.type), "space");
    assert_int_equal(p->period, 524288);
    assert_int_equal(p->n_samples, 2);
    snapshot_release(&s);
}

static void frames_inlined_into_one_function_are_one_location(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    assert_int_equal(p->sample_off[1] - p->sample_off[0], 2);
    const struct profile_location *const leaf =
        &p->locations[p->sample_locs[0]];
    assert_int_equal(leaf->address, 0x402020);
    assert_int_equal(leaf->n_lines, 2);
    assert_string_equal(sample_leaf(p, 0), "main.inner");
    const struct profile_line *const outer = &p->lines[leaf->first_line + 1];
    assert_string_equal(profile_text(p, p->functions[outer->function].name),
                        "main.outer");
    assert_int_equal(outer->line, 12);
    const struct profile_location *const root =
        &p->locations[p->sample_locs[1]];
    const struct profile_function *const add =
        &p->functions[p->lines[root->first_line].function];
    assert_string_equal(profile_text(p, add->name), "main.(*Cache[...]).Add");
    assert_string_equal(profile_text(p, add->file), "/srv/my app/b.go");
    snapshot_release(&s);
}

static void frame_without_a_name_keeps_its_address(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    const struct profile_location *const l =
        &p->locations[p->sample_locs[p->sample_off[1]]];
    assert_int_equal(l->address, 0x404040);
    assert_int_equal(l->n_lines, 0);
    snapshot_release(&s);
}

static void recursion_is_not_taken_for_inlining(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("heap profile: 1: 8 [1: 9] @ heap/2\n"
                         "1: 8 [1: 8] @ 0x402021 0x402011 0x402021\n"
                         "#\t0x402020\tmain.f+0x20\t/a.go:1\n"
                         "#\t0x402010\tmain.g+0x10\t/a.go:2\n"
                         "#\t0x402020\tmain.f+0x20\t/a.go:1\n\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->sample_off[1], 2);
    assert_int_equal(p->locations[p->sample_locs[0]].n_lines, 1);
    assert_int_equal(p->locations[p->sample_locs[1]].n_lines, 2);
    snapshot_release(&s);
}

/* Independent values: scaleHeapSample(2, 36, 524288) = 58255, 1048594. */
static void samples_are_scaled_as_go_scales_them(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    assert_int_equal(p->values[2], 58255);
    assert_int_equal(p->values[3], 1048594);
    assert_int_equal(p->label_off[1], 1);
    assert_string_equal(profile_text(p, p->labels[0].key), "bytes");
    assert_true(p->labels[0].is_num);
    assert_int_equal(p->labels[0].num, 33);
    snapshot_release(&s);
}

static void rate_of_one_means_exact_numbers(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("heap profile: 2: 36 [3: 48] @ heap/2\n"
                         "2: 36 [3: 48] @ 0x1\n\n");
    const int64_t want[] = {3, 48, 2, 36};
    assert_memory_equal(s.profile->values, want, sizeof(want));
    assert_int_equal(s.profile->locations[0].address, 0);
    snapshot_release(&s);
}

static void memstats_are_data(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct memstats *const m = &s.profile->memstats;
    assert_true(m->present);
    assert_int_equal(m->v[MEMSTATS_Alloc], 9472760);
    assert_int_equal(m->v[MEMSTATS_HeapObjects], 76402);
    assert_int_equal(m->v[MEMSTATS_Stack], 688128);
    assert_int_equal(m->v[MEMSTATS_StackSys], 700000);
    assert_int_equal(m->v[MEMSTATS_MSpan], 181280);
    assert_true(m->v[MEMSTATS_LastGC] == UINT64_C(1795451163124870722));
    assert_int_equal(m->v[MEMSTATS_MaxRSS], 30801920);
    assert_true(m->has & (1u << MEMSTATS_MaxRSS));
    assert_false(m->has & (1u << MEMSTATS_HeapAlloc));
    snapshot_release(&s);
}

static void half_a_memstats_line_is_no_value(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of((struct span){small, sizeof(small) - 1 - 4});
    assert_false(s.profile->memstats.has & (1u << MEMSTATS_MaxRSS));
    assert_true(s.profile->memstats.has & (1u << MEMSTATS_LastGC));
    snapshot_release(&s);
}

/* --- as pprof reads them --- */

#define NEVER_FREED "heap profile: 3: 96 [3: 96] @ heap/1048576\n"

static void what_was_never_freed_has_two_columns_for_pprof(void **state)
{
    (void)state;
    static const char text[] = NEVER_FREED "3: 96 [3: 96] @ 0x401001\n";
    struct snapshot s = snapshot_like_pprof(span_of(text));
    assert_int_equal(s.profile->n_types, 2);
    assert_int_equal(profile_type_index(s.profile, "space"), 1);
    snapshot_release(&s);
    s = snapshot_of_text(text);
    assert_int_equal(s.profile->n_types, 4);
    assert_int_equal(s.kind, KIND_HEAP);
    snapshot_release(&s);
}

/* gperftools says nothing of what was allocated when it does not know. */
static void zeros_are_not_more_than_what_is_in_use(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_like_pprof(SPAN_LIT("heap profile: 3: 96 [0: 0] @ heap_v2/1\n"
                                     "3: 96 [0: 0] @ 0x401001\n"));
    assert_int_equal(s.profile->n_types, 2);
    snapshot_release(&s);
}

static void sums_do_not_matter_to_pprof(void **state)
{
    (void)state;
    static const char text[] = NEVER_FREED "2: 64 [2: 64] @ 0x401001";
    struct snapshot s = snapshot_like_pprof(span_of(text));
    assert_int_equal(s.profile->n_samples, 1);
    snapshot_release(&s);
    assert_refused(span_of(text), ERR_FORMAT,
                   "heap profile text, line 2: cut off in the middle of a "
                   "line");
}

static void odd_records_are_read_as_pprof_reads_them(void **state)
{
    (void)state;
    struct snapshot s = snapshot_like_pprof(
        SPAN_LIT("I0102 x.cc:1] heap profile: 1: 1 [2: 2] @ heap/2 and more\n"
                 "seen at 12: 5:  -7: -14 [ 3:6 ] @ 0x401001 0x5z 0x6\n"
                 "# comment\n"
                 "0: 0 [0: 0] @\n"));
    const struct profile *const p = s.profile;
    static const int64_t want[] = {3, 6, -7, -14};
    assert_int_equal(p->n_samples, 2);
    assert_memory_equal(p->values, want, sizeof(want));
    assert_int_equal(p->sample_off[1], 2);
    assert_int_equal(p->labels[0].num, 2);
    /* Even a label of 0 is one. */
    assert_int_equal(p->label_off[2], 2);
    assert_int_equal(p->labels[1].num, 0);
    snapshot_release(&s);
}

static void names_are_an_addition_that_may_be_missing(void **state)
{
    (void)state;
    struct snapshot s = snapshot_like_pprof(
        SPAN_LIT(NEVER_FREED "#\t0x1\tlost+0x1\t/a.go:1\n"
                             "1: 32 [1: 32] @ 0x401001 0x402001\n"
                             "#\t0x401000\tmain.f+0x10\t/a.go:1\n"
                             "#\t0xzz\tnonsense\n"
                             "2: 64 [2: 64] @ 0x401001 0x402001\n"
                             "#\t0x401000\n"));
    const struct profile *const p = s.profile;
    assert_string_equal(sample_leaf(p, 0), "main.f");
    assert_int_equal(p->sample_off[1], 1);
    assert_int_equal(p->sample_off[2], 3);
    assert_int_equal(p->n_functions, 1);
    snapshot_release(&s);
}

static void writers_have_their_own_rates(void **state)
{
    (void)state;
    static const struct {
        const char *writer;
        int64_t period, objects;
    } cases[] = {
        {"heap/1048576",      524288, 32769},
        {"heap/3",            1,      2    },
        {"heap",              0,      2    },
        {"heap_v2/524288",    524288, 32769},
        {"heapz_v2/524288",   524288, 32769},
        {"heapprofile",       1,      2    },
        {"growthz",           1,      2    },
        {"fragmentationz/99", 1,      2    },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = BUF_LIMIT(1000);
        buf_printf(&text,
                   "heap profile: 1: 1 [1: 1] @ %s\n2: 64 [2: 64] @ 0x401001\n",
                   cases[i].writer);
        struct snapshot s = snapshot_like_pprof(buf_view(&text));
        assert_int_equal(s.profile->period, cases[i].period);
        assert_int_equal(s.profile->values[0], cases[i].objects);
        snapshot_release(&s);
        buf_release(&text);
    }
    assert_refused(SPAN_LIT("heap profile: 1: 1 [1: 1] @ heapless\n"),
                   ERR_FORMAT, "heap profile text, line 1: bad header");
}

static void bytes_of_no_objects_are_refused_as_pprof_does(void **state)
{
    (void)state;
    static const struct input_options options = {.is_like_pprof = true};
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(SPAN_LIT(NEVER_FREED "0: 8 [1: 8] @ 0x401001\n"),
                              &options, &s, &err));
    assert_err(&err, ERR_FORMAT,
               "heap profile text, line 2: bytes of no objects");
    assert_int_equal(err.offset, sizeof(NEVER_FREED) - 1);
}

/* Growth is no level of a heap, and takes no part in a series. */
static void growth_is_another_kind(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_file(testdata("legacy/growth.txt"));
    assert_int_equal(s.kind, KIND_OTHER);
    snapshot_release(&s);
}

struct bad_case {
    const char *text, *message;
    uint64_t offset;
};

#define HEADER "heap profile: 1: 8 [1: 8] @ heap/1048576\n"

static const struct bad_case bad_cases[] = {
    {"heap profile: x\n",                        "heap profile text, line 1: bad header",  0 },
    {HEADER "1: 8 [1: 8] @ 0x1 zz\n",            "heap profile text, line 2: bad address",
     41                                                                                      },
    {HEADER "1: 8 [1 8] @ 0x1\n",
     "heap profile text, line 2: not a record \"objects: bytes [objects: "
     "bytes] @\"",                                                                         41},
    {HEADER "#\t0x1\tmain.f+0x1\t/a.go:1\n",
     "heap profile text, line 2: frame outside a record",                                  41},
    {HEADER "1: 8 [1: 8] @ 0x1\n#\t0x1\tmain.f",
     "heap profile text, line 3: cut off in the middle of a line",                         59},
    {HEADER "\n",
     "heap profile text: cut off or altered, records add up to 0 of the "
     "header's 1",                                                                         42},
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

/* Frames and numbers of the two forms, for comparing as text. */
static void describe(const struct profile *p, uint32_t sample, struct buf *out)
{
    for (uint32_t i = p->sample_off[sample]; i < p->sample_off[sample + 1];
         i++) {
        const struct profile_location *const l =
            &p->locations[p->sample_locs[i]];
        buf_printf(out, "%llx", (unsigned long long)l->address);
        for (uint32_t k = 0; k < l->n_lines; k++) {
            const struct profile_line *const line =
                &p->lines[l->first_line + k];
            buf_printf(out, " %s:%d",
                       profile_text(p, p->functions[line->function].file),
                       (int)line->line);
        }
        buf_char(out, ';');
    }
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_printf(out, " %lld", (long long)p->values[sample * p->n_types + i]);
    }
    if (p->label_off && p->label_off[sample] < p->label_off[sample + 1]) {
        buf_printf(out, " bytes %lld",
                   (long long)p->labels[p->label_off[sample]].num);
    }
}

static bool has_sample(const struct profile *p, struct span wanted)
{
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    bool found = false;
    for (uint32_t i = 0; i < p->n_samples && !found; i++) {
        buf_clear(&b);
        describe(p, i, &b);
        found = span_eq(buf_view(&b), wanted);
    }
    buf_release(&b);
    return found;
}

/* Samples of the proto that the text has too, in everything. */
static void assert_agree(const char *text, const char *proto, unsigned n)
{
    struct snapshot t = snapshot_of_file(text);
    struct snapshot p = snapshot_of_file(proto);
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    unsigned n_found = 0;
    for (uint32_t i = 0; i < p.profile->n_samples; i++) {
        buf_clear(&b);
        describe(p.profile, i, &b);
        n_found += has_sample(t.profile, buf_view(&b));
    }
    assert_int_equal(n_found, n);
    assert_int_equal(t.profile->period, p.profile->period);
    buf_release(&b);
    snapshot_release(&t);
    snapshot_release(&p);
}

static void text_and_proto_of_one_moment_agree(void **state)
{
    (void)state;
    assert_agree(testdata("goroutineleak/heap.debug1.txt"),
                 testdata("goroutineleak/heap.pb.gz"), 9);
}

static void text_and_proto_of_the_corpus_agree(void **state)
{
    (void)state;
    const char *const proto =
        test_shared("corpus/chanrecv/go1.23/00.heap.pb.gz");
    if (!proto) {
        skip();
    }
    assert_agree(test_shared("corpus/chanrecv/go1.23/00.heap.debug1.txt.gz"),
                 proto, 73);
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    /* Only the texts cut inside the MemStats block pass. */
    const size_t n =
        read_every_prefix(testdata("goroutineleak/heap.debug1.txt"), 7);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_the_shape_of_a_proto),
        cmocka_unit_test(frames_inlined_into_one_function_are_one_location),
        cmocka_unit_test(frame_without_a_name_keeps_its_address),
        cmocka_unit_test(recursion_is_not_taken_for_inlining),
        cmocka_unit_test(samples_are_scaled_as_go_scales_them),
        cmocka_unit_test(rate_of_one_means_exact_numbers),
        cmocka_unit_test(memstats_are_data),
        cmocka_unit_test(half_a_memstats_line_is_no_value),
        cmocka_unit_test(what_was_never_freed_has_two_columns_for_pprof),
        cmocka_unit_test(zeros_are_not_more_than_what_is_in_use),
        cmocka_unit_test(sums_do_not_matter_to_pprof),
        cmocka_unit_test(odd_records_are_read_as_pprof_reads_them),
        cmocka_unit_test(names_are_an_addition_that_may_be_missing),
        cmocka_unit_test(writers_have_their_own_rates),
        cmocka_unit_test(bytes_of_no_objects_are_refused_as_pprof_does),
        cmocka_unit_test(growth_is_another_kind),
        cmocka_unit_test(broken_text_says_where),
        cmocka_unit_test(text_and_proto_of_one_moment_agree),
        cmocka_unit_test(text_and_proto_of_the_corpus_agree),
        cmocka_unit_test(every_prefix_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
