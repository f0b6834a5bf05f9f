/* Counting profiles as text: goroutine, goroutineleak, threadcreate. */
#include "raw_text.h"

static const char small[] =
    "goroutine profile: total 7\n"
    "5 @ 0x477eee 0x40b3bc 0x80272f 0x47ffa1\n"
    "# labels: {\"endpoint\":\"/orders\", \"tenant\":\"a \\\"b\\\"\"}\n"
    "#\t0x80272e\tmain.(*D).await+0x4e\t/srv/main.go:56\n"
    "\n"
    "2 @ 0x477eee 0x80272f\n"
    "#\t0x80272e\tmain.(*D).await+0x4e\t/srv/main.go:56\n"
    "\n";

static void text_has_the_shape_of_a_proto(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_GOROUTINE);
    assert_int_equal(s.form, FORM_TEXT);
    assert_int_equal(p->n_types, 1);
    assert_int_equal(profile_type_index(p, "goroutine"), 0);
    assert_string_equal(profile_text(p, p->types[0].unit), "count");
    assert_string_equal(profile_text(p, p->period_type.type), "goroutine");
    assert_int_equal(p->period, 1);
    assert_int_equal(p->n_samples, 2);
    assert_int_equal(p->values[0], 5);
    assert_int_equal(p->values[1], 2);
    assert_int_equal(p->n_locations, 1);
    assert_int_equal(p->locations[0].address, 0x80272e);
    assert_string_equal(sample_leaf(p, 0), "main.(*D).await");
    snapshot_release(&s);
}

static void labels_are_unquoted(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(small);
    const struct profile *const p = s.profile;
    assert_int_equal(p->n_labels, 2);
    assert_int_equal(p->label_off[1], 2);
    assert_int_equal(p->label_off[2], 2);
    assert_string_equal(profile_text(p, p->labels[0].key), "endpoint");
    assert_string_equal(profile_text(p, p->labels[0].str), "/orders");
    assert_string_equal(profile_text(p, p->labels[1].str), "a \"b\"");
    assert_false(p->labels[0].is_num);
    snapshot_release(&s);
}

struct kind_case {
    const char *file;
    enum profile_kind kind;
    uint32_t n_samples;
    int64_t total;
};

static const struct kind_case kind_cases[] = {
    {"goroutineleak/goroutine.debug1.txt",     KIND_GOROUTINE,     24, 39},
    {"goroutineleak/goroutineleak.debug1.txt", KIND_GOROUTINELEAK, 14, 28},
    {"goroutineleak/threadcreate.debug1.txt",  KIND_THREADCREATE,  2,  8 },
};

static void fixtures_of_go_1_26_have_their_totals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kind_cases) / sizeof(kind_cases[0]); i++) {
        const struct kind_case *const c = &kind_cases[i];
        struct snapshot s = snapshot_of_file(testdata(c->file));
        assert_int_equal(s.kind, c->kind);
        assert_int_equal(s.profile->n_samples, c->n_samples);
        assert_int_equal(profile_total(s.profile, 0), c->total);
        snapshot_release(&s);
    }
}

static int64_t count_of(const struct profile *p, const char *function)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        bool has = false;
        for (uint32_t k = p->sample_off[i]; k < p->sample_off[i + 1]; k++) {
            const struct profile_location *const l =
                &p->locations[p->sample_locs[k]];
            for (uint32_t j = 0; j < l->n_lines; j++) {
                const struct profile_function *const f =
                    &p->functions[p->lines[l->first_line + j].function];
                has |= strcmp(profile_text(p, f->name), function) == 0;
            }
        }
        n += has ? p->values[i] : 0;
    }
    return n;
}

static void leak_profile_counts_the_same_as_text_and_proto(void **state)
{
    (void)state;
    static const char *const functions[] = {
        "main.sendNobodyReceives.func1",
        "main.receive",
        "main.rangeNobodyCloses.func1",
        "main.selectNobodyWakes.func1",
        "main.nilChannels.func3",
        "sync.(*RWMutex).Lock",
        "sync.(*WaitGroup).Wait",
        "main.condNobodySignals.func1",
        "main.healthy.func1",
    };
    static const int64_t want[] = {5, 8, 3, 3, 1, 1, 1, 1, 0};
    struct snapshot t =
        snapshot_of_file(testdata("goroutineleak/goroutineleak.debug1.txt"));
    struct snapshot p =
        snapshot_of_file(testdata("goroutineleak/goroutineleak.pb.gz"));
    assert_int_equal(p.kind, KIND_GOROUTINELEAK);
    assert_int_equal(profile_total(p.profile, 0), 28);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(count_of(t.profile, functions[i]), want[i]);
        assert_int_equal(count_of(p.profile, functions[i]), want[i]);
    }
    snapshot_release(&t);
    snapshot_release(&p);
}

static void comments_and_a_map_may_stand_around_it(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text(
        "\n# by hand\nwidgets profile: total 2\n  # more\n2 @ 0x401001\n"
        "--- other ---\nwhatever 0x1\n--- Memory map: ---\n"
        "00400000-00450000: /srv/app\n");
    const struct profile *const p = s.profile;
    assert_int_equal(s.kind, KIND_OTHER);
    assert_string_equal(profile_text(p, p->types[0].type), "widgets");
    assert_int_equal(p->n_samples, 1);
    assert_int_equal(p->n_mappings, 1);
    assert_string_equal(profile_text(p, p->mappings[0].file), "/srv/app");
    snapshot_release(&s);
}

static void what_pprof_takes_for_comments_cannot_be_wrong(void **state)
{
    (void)state;
    struct snapshot s = snapshot_like_pprof(
        SPAN_LIT("goroutine profile: total 9\n#\t0x1\tlost+0x1\t/a.go:1\n"
                 "2 @ 0x401001\n# labels: {\"a\"}\n#\t0xzz\n1 @ 0x401001"));
    assert_int_equal(s.profile->n_samples, 2);
    assert_int_equal(s.profile->n_locations, 1);
    assert_int_equal(s.profile->n_labels, 0);
    snapshot_release(&s);
}

struct bad_case {
    const char *text, *message;
};

#define HEADER "goroutine profile: total 1\n"

static const struct bad_case bad_cases[] = {
    {"goroutine profile: total x\n",
     "goroutine profile text, line 1: bad header"                                                },
    {"goroutine profile: total -1\n",
     "goroutine profile text, line 1: bad header"                                                },
    {HEADER "1 @ 0x1 x\n",                          "goroutine profile text, line 2: bad address"},
    {HEADER "-1 @ 0x1\n",
     "goroutine profile text, line 2: not a record \"count @ ...\""                              },
    {HEADER "one @ 0x1\n",
     "goroutine profile text, line 2: not a record \"count @ ...\""                              },
    {HEADER "1 @ 0x1\n# labels: {\"a\"}\n",
     "goroutine profile text, line 3: bad labels"                                                },
    {HEADER "1 @ 0x1\n#\t0x1\tmain.f+0x1\t/a.go:1",
     "goroutine profile text, line 3: cut off in the middle of a line"                           },
    {HEADER "1 @ 0x1\n#\t0x1\tmain.f+0x1\n",
     "goroutine profile text, line 3: frame without a file"                                      },
    {"goroutine profile: total 3\n2 @ 0x1\n\n",
     "goroutine profile text: cut off or altered, records add up to 2 of the "
     "header's 3"                                                                                },
};

static void broken_text_says_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        assert_refused(span_of(bad_cases[i].text), ERR_FORMAT,
                       bad_cases[i].message);
    }
}

static void labels_of_the_corpus_add_up(void **state)
{
    (void)state;
    const char *const path =
        test_shared("corpus/extra/go1.23/labels50k.goroutine.debug1.txt.gz");
    if (!path) {
        skip();
    }
    struct snapshot s = snapshot_of_file(path);
    assert_int_equal(profile_total(s.profile, 0), 50001);
    struct snapshot p = snapshot_of_file(
        test_shared("corpus/extra/go1.23/labels50k.goroutine.pb.gz"));
    assert_int_equal(s.profile->n_samples, p.profile->n_samples);
    assert_int_equal(s.profile->n_labels, p.profile->n_labels);
    snapshot_release(&s);
    snapshot_release(&p);
}

static void only_the_whole_text_is_read(void **state)
{
    (void)state;
    /* Counts add up from the last record's first line on, so cuts behind
       that line, its three frames and the empty line pass; others do not. */
    assert_int_equal(read_every_prefix(
                         testdata("goroutineleak/goroutineleak.debug1.txt"), 1),
                     5);
    assert_true(read_every_prefix(
                    testdata("goroutineleak/goroutine.debug1.txt"), 1) >= 2);
    assert_true(read_every_prefix(
                    testdata("goroutineleak/threadcreate.debug1.txt"), 1) >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_the_shape_of_a_proto),
        cmocka_unit_test(labels_are_unquoted),
        cmocka_unit_test(fixtures_of_go_1_26_have_their_totals),
        cmocka_unit_test(leak_profile_counts_the_same_as_text_and_proto),
        cmocka_unit_test(comments_and_a_map_may_stand_around_it),
        cmocka_unit_test(what_pprof_takes_for_comments_cannot_be_wrong),
        cmocka_unit_test(broken_text_says_where),
        cmocka_unit_test(labels_of_the_corpus_add_up),
        cmocka_unit_test(only_the_whole_text_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
