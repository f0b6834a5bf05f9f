#include "profiles.h"

static struct profile *merge_ok(const struct profile *a,
                                const struct profile *b)
{
    struct err err = {0};
    struct profile *sum = NULL;
    const struct profile *const in[] = {a, b};
    assert_ok(profile_merge(in, b != NULL ? 2 : 1, &sum, &err), &err);
    return sum;
}

static void assert_encodes_as(const struct profile *p, const char *path)
{
    struct buf raw = load_raw(path);
    struct buf out = encode_ok(p);
    if (!span_eq(buf_view(&raw), buf_view(&out))) {
        fail_msg("other bytes than %s", path);
    }
    buf_release(&raw);
    buf_release(&out);
}

/* --- Against google/pprof's own results --- */

static void the_sum_is_google_pprofs(void **state)
{
    (void)state;
    struct profile *a =
        load_profile(testdata("profiles/goroutine-go1.23-0.pb.gz"));
    struct profile *b =
        load_profile(testdata("profiles/goroutine-go1.23-9.pb.gz"));
    struct profile *sum = merge_ok(a, b);
    assert_encodes_as(sum, testdata("profiles/merged-by-pprof.pb.gz"));
    profile_free(sum);
    profile_scale(a, -1);
    sum = merge_ok(b, a);
    assert_encodes_as(sum, testdata("profiles/diff-by-pprof.pb.gz"));
    profile_free(sum);
    profile_free(a);
    profile_free(b);
}

static void pruning_is_google_pprofs(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = load_profile(testdata("profiles/drop-frames.pb.gz"));
    assert_ok(profile_prune(p, &err), &err);
    assert_encodes_as(p, testdata("profiles/pruned-by-pprof.pb.gz"));
    profile_free(p);
}

/* --- Properties, over every profile --- */

/* Order of samples does not matter here: sorted encodings of single samples
   would be exact; sums per column and counts are what order cannot change. */
static void assert_same_sums(const struct profile *a, const struct profile *b)
{
    assert_int_equal(a->n_samples, b->n_samples);
    assert_int_equal(a->n_locations, b->n_locations);
    assert_int_equal(a->n_functions, b->n_functions);
    for (uint32_t t = 0; t < a->n_types; t++) {
        uint64_t sum_a = 0;
        uint64_t sum_b = 0;
        for (uint32_t s = 0; s < a->n_samples; s++) {
            sum_a += (uint64_t)a->values[(size_t)s * a->n_types + t];
            sum_b += (uint64_t)b->values[(size_t)s * b->n_types + t];
        }
        assert_true(sum_a == sum_b);
    }
}

static void merging_is_commutative_up_to_order(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i + 1 < files->n; i++) {
        struct profile *a = load_profile(files->paths[i]);
        struct profile *b = load_profile(files->paths[i + 1]);
        if (profile_kind(a) == profile_kind(b) && a->n_samples < 10000 &&
            a->n_types == b->n_types) {
            struct profile *ab = merge_ok(a, b);
            struct profile *ba = merge_ok(b, a);
            assert_same_sums(ab, ba);
            /* Merged with nothing: the same again. */
            struct profile *again = merge_ok(ab, NULL);
            assert_same_profile(ab, again);
            /* a + b - b - a */
            profile_scale(ba, -1);
            struct profile *none = merge_ok(ab, ba);
            assert_int_equal(none->n_samples, 0);
            assert_int_equal(none->n_locations, 0);
            assert_int_equal(none->n_functions, 0);
            profile_free(none);
            profile_free(again);
            profile_free(ab);
            profile_free(ba);
        }
        profile_free(a);
        profile_free(b);
    }
    free(files);
}

static void a_profile_minus_itself_is_empty(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct profile *p = load_profile(files->paths[i]);
        struct profile *negative = load_profile(files->paths[i]);
        profile_scale(negative, -1);
        struct profile *none = merge_ok(p, negative);
        assert_int_equal(none->n_samples, 0);
        assert_true(none->n_mappings <= 1);
        profile_free(p);
        profile_free(negative);
        profile_free(none);
    }
    free(files);
}

/* --- Built by hand --- */

static struct profile_builder *new_builder(const char *type, int64_t time)
{
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    profile_builder_type(b, type, "bytes");
    profile_builder_period(b, "space", "bytes", 512);
    profile_builder_profile(b)->time_nanos = time;
    profile_builder_profile(b)->duration_nanos = 10;
    return b;
}

static void add_stack(struct profile_builder *b, const char *function,
                      uint64_t address, uint32_t mapping, int64_t value,
                      const struct profile_label *labels, size_t n_labels)
{
    const struct builder_frame frame = {span_of(function), SPAN_LIT("f.go"), 3};
    const uint32_t loc =
        profile_builder_location(b, address, mapping, &frame, 1);
    profile_builder_sample(b, &loc, 1, &value, 1, labels, n_labels);
}

static struct profile *finish(struct profile_builder *b)
{
    struct err err = {0};
    struct profile *p = NULL;
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void mappings_match_wherever_they_were_loaded(void **state)
{
    (void)state;
    struct profile *p[2];
    for (unsigned i = 0; i < 2; i++) {
        struct profile_builder *b = new_builder("space", 5 - (int)i);
        const uint64_t start = i == 0 ? 0x400000 : 0x7f0000000000;
        /* Sizes differ within a page. */
        const uint32_t m =
            profile_builder_mapping(b, start, start + 0x1f00 + i, 0,
                                    SPAN_LIT("/bin/x"), SPAN_LIT("build"));
        add_stack(b, "main.f", start + 0x10, m, 1 + (int)i, NULL, 0);
        p[i] = finish(b);
    }
    struct profile *sum = merge_ok(p[0], p[1]);
    assert_int_equal(sum->n_samples, 1);
    assert_int_equal(sum->n_mappings, 1);
    assert_true(sum->values[0] == 3);
    assert_true(sum->locations[0].address == 0x400010);
    assert_true(sum->time_nanos == 4 && sum->duration_nanos == 20 &&
                sum->period == 512);
    profile_free(sum);
    profile_free(p[0]);
    profile_free(p[1]);
}

/* As in google/pprof, of all columns only that of the outermost line. */
static void inner_columns_do_not_tell_locations_apart(void **state)
{
    (void)state;
    static const int64_t columns[][2] = {
        {0, 0},
        {5, 0},
        {0, 5},
        {7, 5}
    };
    static const struct builder_frame frames[] = {
        {{"f", 1}, {"f.go", 4}, 3},
        {{"g", 1}, {"f.go", 4}, 4}
    };
    struct profile *p[4];
    for (unsigned i = 0; i < 4; i++) {
        struct profile_builder *b = new_builder("space", 1);
        const int64_t value = 1 << i;
        const uint32_t loc =
            profile_builder_location(b, 1, PROFILE_NONE, frames, 2);
        profile_builder_sample(b, &loc, 1, &value, 1, NULL, 0);
        p[i] = finish(b);
        p[i]->lines[0].column = columns[i][0];
        p[i]->lines[1].column = columns[i][1];
    }
    struct err err = {0};
    struct profile *sum = NULL;
    assert_ok(profile_merge((const struct profile *const *)p, 4, &sum, &err),
              &err);
    assert_int_equal(sum->n_locations, 2);
    assert_true(sum->n_samples == 2 && sum->values[0] == 3 &&
                sum->values[1] == 12);
    profile_free(sum);
    for (unsigned i = 0; i < 4; i++) {
        profile_free(p[i]);
    }
}

static void a_comment_is_kept_once(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "two", "one", "", "two", ""};
    struct buf raw = WIRE_BUF;
    put_numbers(&raw, 1, NUMBERS(1, 1, 2, 1));
    for (unsigned i = 0; i < 6; i++) {
        put_number(&raw, 13, 2 + i);
    }
    put_text(&raw, "");
    put_text(&raw, "space");
    for (unsigned i = 0; i < 6; i++) {
        put_text(&raw, texts[i]);
    }
    struct profile *p = decode_ok(buf_view(&raw), "comments");
    struct profile *sum = merge_ok(p, p);
    assert_int_equal(sum->n_comments, 3);
    assert_string_equal(profile_text(sum, sum->comments[0]), "one");
    assert_string_equal(profile_text(sum, sum->comments[1]), "two");
    assert_string_equal(profile_text(sum, sum->comments[2]), "");
    profile_free(sum);
    profile_free(p);
    buf_release(&raw);
}

static void labels_tell_samples_apart(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder("space", 1);
    const str_id key = profile_builder_string(b, SPAN_LIT("k"));
    const str_id other = profile_builder_string(b, SPAN_LIT("j"));
    const struct profile_label one[] = {
        {.key = key, .is_num = true, .num = 48},
        {.key = other,          .str = key            }
    };
    const struct profile_label swapped[] = {one[1], one[0]};
    const struct profile_label two = {.key = key, .is_num = true, .num = 64};
    add_stack(b, "main.f", 1, PROFILE_NONE, 1, NULL, 0);
    add_stack(b, "main.f", 1, PROFILE_NONE, 2, one, 2);
    add_stack(b, "main.f", 1, PROFILE_NONE, 4, &two, 1);
    add_stack(b, "main.f", 1, PROFILE_NONE, 8, swapped, 2);
    add_stack(b, "main.f", 1, PROFILE_NONE, 16, NULL, 0);
    struct profile *p = finish(b);
    struct profile *sum = merge_ok(p, NULL);
    assert_int_equal(sum->n_samples, 3);
    assert_true(sum->values[0] == 17 && sum->values[1] == 10 &&
                sum->values[2] == 4);
    profile_free(sum);
    profile_free(p);
}

static void different_types_do_not_merge(void **state)
{
    (void)state;
    struct profile *a = finish(new_builder("space", 1));
    struct profile *b = finish(new_builder("objects", 1));
    const struct profile *const in[] = {a, b};
    struct profile *sum = NULL;
    struct err err = {0};
    assert_false(profile_merge(in, 2, &sum, &err));
    assert_err(&err, ERR_MISMATCH,
               "merge: sample types differ: space/bytes and objects/bytes");
    assert_false(profile_merge(in, 0, &sum, &err));
    assert_err(&err, ERR_USAGE, "no profiles to merge");
    profile_free(a);
    profile_free(b);
}

static struct profile *one_stack(int64_t value)
{
    struct profile_builder *b = new_builder("space", 1);
    add_stack(b, "f", 1, PROFILE_NONE, value, NULL, 0);
    return finish(b);
}

static void a_refused_source_leaves_the_sum_as_it_was(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile_merger *m = profile_merger_new();
    assert_non_null(m);
    struct profile *sum = NULL;
    assert_false(profile_merger_finish(m, &sum, &err));
    assert_err(&err, ERR_USAGE, "no profiles to merge");
    struct profile *p = one_stack(3);
    struct profile *other = finish(new_builder("delay", 1));
    assert_ok(profile_merger_add(m, p, &err), &err);
    assert_false(profile_merger_add(m, other, &err));
    assert_err(&err, ERR_MISMATCH,
               "merge: sample types differ: space/bytes and delay/bytes");
    assert_ok(profile_merger_add(m, p, &err), &err);
    assert_ok(profile_merger_finish(m, &sum, &err), &err);
    profile_merger_free(m);
    assert_int_equal(sum->n_samples, 1);
    assert_int_equal(sum->values[0], 6);
    profile_free(sum);
    profile_free(other);
    profile_free(p);
}

static void sums_wrap_like_the_reference(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder("space", 1);
    add_stack(b, "main.f", 1, PROFILE_NONE, INT64_MAX, NULL, 0);
    add_stack(b, "main.f", 1, PROFILE_NONE, 2, NULL, 0);
    struct profile *p = finish(b);
    struct profile *sum = merge_ok(p, NULL);
    assert_true(sum->values[0] == INT64_MIN + 1);
    profile_free(sum);
    profile_free(p);
}

/* --- Scaling --- */

static void scaling_rounds_half_away_from_zero(void **state)
{
    (void)state;
    static const int64_t in[] = {1, -1, 3, -3, 2, INT64_MAX, INT64_MIN};
    static const int64_t half[] = {
        1, -1, 2, -2, 1, INT64_C(1) << 62, -(INT64_C(1) << 62)};
    struct profile_builder *b = new_builder("space", 1);
    for (unsigned i = 0; i < 7; i++) {
        add_stack(b, "main.f", i + 1, PROFILE_NONE, in[i], NULL, 0);
    }
    struct profile *p = finish(b);
    profile_scale(p, 0.5);
    assert_int_equal(p->n_samples, 7);
    assert_memory_equal(p->values, half, sizeof(half));
    profile_scale(p, 4);
    /* 2^64 does not fit: what Go makes of it. */
    assert_true(p->values[5] == INT64_MIN && p->values[6] == INT64_MIN);
    profile_scale(p, 0);
    assert_int_equal(p->n_samples, 0);
    profile_free(p);
}

static void what_scales_to_zero_leaves(void **state)
{
    (void)state;
    struct profile_builder *b = new_builder("space", 1);
    const str_id key = profile_builder_string(b, SPAN_LIT("k"));
    for (unsigned i = 0; i < 6; i++) {
        const struct profile_label l = {.key = key, .is_num = true, .num = i};
        add_stack(b, "main.f", i + 1, PROFILE_NONE, i % 2 ? 100 : 1, &l, 1);
    }
    struct profile *p = finish(b);
    profile_scale(p, 0.1);
    assert_int_equal(p->n_samples, 3);
    for (uint32_t s = 0; s < 3; s++) {
        const uint32_t loc = p->sample_locs[p->sample_off[s]];
        assert_true(p->values[s] == 10);
        assert_true(p->locations[loc].address == 2 * (uint64_t)s + 2);
        assert_true(p->labels[p->label_off[s]].num == 2 * (int64_t)s + 1);
    }
    profile_free(p);
}

static void normalising_gives_the_base_total(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile_builder *a = new_builder("space", 1);
    struct profile_builder *b = new_builder("space", 1);
    add_stack(a, "main.f", 1, PROFILE_NONE, 10, NULL, 0);
    add_stack(a, "main.g", 2, PROFILE_NONE, 30, NULL, 0);
    add_stack(b, "main.f", 1, PROFILE_NONE, 100, NULL, 0);
    struct profile *p = finish(a);
    struct profile *base = finish(b);
    assert_ok(profile_normalise(p, base, &err), &err);
    assert_true(p->values[0] == 25 && p->values[1] == 75);
    profile_free(p);
    profile_free(base);
}

/* google/pprof's own vectors for -base and -normalize, when its files are
   there; contention profiles with columns contentions and delay. */
static void assert_values(const struct profile *p, const int64_t *wanted,
                          uint32_t n)
{
    assert_int_equal(p->n_samples, n);
    assert_memory_equal(p->values, wanted, (size_t)n * 2 * sizeof(*wanted));
}

/* --- Pruning --- */

struct prune_case {
    const char *drop, *keep;
    const char *wanted; /* stack that is left, leaf first */
};

/* The stack, leaf first: a, b+c inlined into d, runtime.x, user, start. */
static const struct prune_case prune_cases[] = {
    {"",           "",  "a|b c d|x|user|start"},
    {"a",          "",  "b c d|x|user|start"  },
    {"x",          "",  "user|start"          },
    {"c",          "",  "d|x|user|start"      },
    {"d",          "",  "x|user|start"        },
    {"b",          "",  "c d|x|user|start"    },
    {"x|a",        "x", "b c d|x|user|start"  },
    {"start",      "",  "a|b c d|x|user|start"}, /* before user code */
    {"start|user", "",  "a|b c d|x|user|start"},
    {"start|x",    "",  "user|start"          },
    {".*",         "",  "a|b c d|x|user|start"}, /* nothing is user code */
    {"use",        "",  "a|b c d|x|user|start"}, /* whole names only */
};

static struct profile *prune_input(const struct prune_case *c)
{
    static const char *const stack[] = {"a", "b c d", "x(int)", ".user",
                                        "start"};
    struct profile_builder *b = new_builder("space", 1);
    uint32_t locs[5];
    for (unsigned i = 0; i < 5; i++) {
        struct builder_frame frames[3];
        size_t n = 0;
        for (struct span s = span_of(stack[i]); s.len != 0; n++) {
            const size_t end = span_find_char(s, ' ');
            frames[n] =
                (struct builder_frame){span_first(s, end), SPAN_LIT("f"), 1};
            s = span_from(s, end + 1);
        }
        locs[i] = profile_builder_location(b, i + 1, PROFILE_NONE, frames, n);
    }
    const int64_t one = 1;
    profile_builder_sample(b, locs, 5, &one, 1, NULL, 0);
    profile_builder_sample(b, NULL, 0, &one, 1, NULL, 0);
    struct profile *p = profile_builder_profile(b);
    p->drop_frames = profile_builder_string(b, span_of(c->drop));
    p->keep_frames = profile_builder_string(b, span_of(c->keep));
    return finish(b);
}

static void put_stack(struct buf *out, const struct profile *p)
{
    for (uint32_t i = 0; i < p->sample_off[1]; i++) {
        const struct profile_location *l = &p->locations[p->sample_locs[i]];
        buf_str(out, i != 0 ? "|" : "");
        for (uint32_t k = 0; k < l->n_lines; k++) {
            const uint32_t f = p->lines[l->first_line + k].function;
            struct span name = profile_span(p, p->functions[f].name);
            name = span_first(name, span_find_char(name, '('));
            buf_str(out, k != 0 ? " " : "");
            buf_span(out, span_from(name, name.p[0] == '.'));
        }
    }
}

static void frames_are_dropped_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(prune_cases) / sizeof(prune_cases[0]); i++) {
        struct err err = {0};
        struct profile *p = prune_input(&prune_cases[i]);
        assert_ok(profile_prune(p, &err), &err);
        struct buf left = BUF_LIMIT(1000);
        put_stack(&left, p);
        if (!span_is(buf_view(&left), prune_cases[i].wanted)) {
            fail_msg("drop '%s' keep '%s' leaves '%s'", prune_cases[i].drop,
                     prune_cases[i].keep, left.data);
        }
        assert_int_equal(p->sample_off[1], p->sample_off[2]);
        buf_release(&left);
        profile_free(p);
    }
}

static void a_bad_frame_expression_is_an_error(void **state)
{
    (void)state;
    const struct prune_case c = {"a(", "", ""};
    struct profile *p = prune_input(&c);
    struct err err = {0};
    assert_false(profile_prune(p, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_true(span_starts(span_of(err.text), "drop_frames: "));
    profile_free(p);
}

/* --- Memory --- */

static bool merge_once(void *ctx, struct err *err)
{
    const struct profile *const *in = ctx;
    struct profile *sum = NULL;
    const bool ok = profile_merge(in, 2, &sum, err);
    profile_free(ok ? sum : NULL);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct profile *a = load_profile(testdata("profiles/names-go1.23.pb.gz"));
    struct profile *b = load_profile(testdata("profiles/deep-go1.23.pb.gz"));
    const struct profile *in[] = {a, b};
    assert_true(oom_walk(merge_once, in) > 20);
    profile_free(a);
    profile_free(b);
}

/* --- google/pprof's vectors --- */

static void normalising_gives_the_known_vectors(void **state)
{
    (void)state;
    struct profile_builder *b = profile_builder_new();
    struct profile_builder *c = profile_builder_new();
    struct profile_builder *both[] = {b, c};
    for (unsigned i = 0; i < 2; i++) {
        profile_builder_type(both[i], "contentions", "count");
        profile_builder_type(both[i], "delay", "nanoseconds");
    }
    static const int64_t values[][2] = {
        {2700, 608881724},
        {100,  23992    },
        {200,  179943   },
        {100,  17778444 },
        {100,  75976    },
        {300,  63568134 }
    };
    for (uint64_t i = 0; i < 6; i++) {
        const uint32_t loc =
            profile_builder_location(b, i + 1, PROFILE_NONE, NULL, 0);
        profile_builder_sample(b, &loc, 1, values[i], 2, NULL, 0);
    }
    static const int64_t base_values[] = {1000, 3124};
    const uint32_t loc = profile_builder_location(c, 1, PROFILE_NONE, NULL, 0);
    profile_builder_sample(c, &loc, 1, base_values, 2, NULL, 0);
    struct profile *p = finish(b);
    struct profile *base = finish(c);
    struct profile *negative = merge_ok(base, NULL);
    profile_scale(negative, -1);

    struct profile *diff = merge_ok(p, negative);
    static const int64_t wanted[] = {1700, 608878600, 100, 23992,
                                     200,  179943,    100, 17778444,
                                     100,  75976,     300, 63568134};
    assert_values(diff, wanted, 6);
    profile_free(diff);

    struct err err = {0};
    assert_ok(profile_normalise(p, base, &err), &err);
    diff = merge_ok(p, negative);
    static const int64_t normalised[] = {-229, -369, 29, 0, 57, 1,
                                         29,   80,   29, 0, 86, 288};
    assert_values(diff, normalised, 6);
    profile_free(diff);
    profile_free(negative);
    profile_free(p);
    profile_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_google_pprofs),
        cmocka_unit_test(pruning_is_google_pprofs),
        cmocka_unit_test(merging_is_commutative_up_to_order),
        cmocka_unit_test(a_profile_minus_itself_is_empty),
        cmocka_unit_test(mappings_match_wherever_they_were_loaded),
        cmocka_unit_test(inner_columns_do_not_tell_locations_apart),
        cmocka_unit_test(a_comment_is_kept_once),
        cmocka_unit_test(labels_tell_samples_apart),
        cmocka_unit_test(different_types_do_not_merge),
        cmocka_unit_test(a_refused_source_leaves_the_sum_as_it_was),
        cmocka_unit_test(sums_wrap_like_the_reference),
        cmocka_unit_test(scaling_rounds_half_away_from_zero),
        cmocka_unit_test(what_scales_to_zero_leaves),
        cmocka_unit_test(normalising_gives_the_base_total),
        cmocka_unit_test(normalising_gives_the_known_vectors),
        cmocka_unit_test(frames_are_dropped_as_told),
        cmocka_unit_test(a_bad_frame_expression_is_an_error),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
