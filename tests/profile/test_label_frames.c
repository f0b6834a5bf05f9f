#include "written.h"

struct frame_case {
    const char *roots, *leaves, *unit;
    const char *in, *wanted;
    const char *matched; /* "r", "l" */
};

#define LABELS "1 a|b k=v n:=2048/bytes;2 c j=w;4 - k=v"

static const struct frame_case frame_cases[] = {
    {"",     "",    "minimum", LABELS,                          LABELS,                          ""  },
    {",,",   ",",   "minimum", LABELS,                          LABELS,                          ""  },
    {"k",    "",    "minimum", LABELS,
     "1 a|b|v@k k=v n:=2048/bytes;2 c|@k j=w;4 v@k k=v",                                         "r" },
    {"",     "k",   "minimum", LABELS,
     "1 v@k|a|b k=v n:=2048/bytes;2 @k|c j=w;4 v@k k=v",                                         "l" },
    {"none", "",    "minimum", "1 a",                           "1 a|@none",                     ""  },
 /* The first root is outermost, the last leaf innermost. */
    {"k,j",  "l,m", "minimum", "1 a k=1 j=2 l=3 m=4",
     "1 4@m|3@l|a|2@j|1@k k=1 j=2 l=3 m=4",                                                      "rl"},
    {"k,k",  "k",   "minimum", "1 a k=v",                       "1 v@k|a|v@k|v@k k=v",           "rl"},
    {"k",    "j",   "minimum", "1 a k=v",                       "1 @j|a|v@k k=v",                "r" },
 /* Numbers in the unit of the output, when one of them has a unit. */
    {"n",    "",    "minimum", "1 a n:=2048/bytes;2 a n:=2048",
     "1 a|2kB@n n:=2048/bytes;2 a|2048@n n:=2048",                                               "r" },
    {"n",    "",    "kb",      "1 a n:=100/bytes",              "1 a|0.10kB@n n:=100/bytes",     "r" },
    {"n",    "",    "foo",     "1 a n:=7",                      "1 a|7@n n:=7",                  "r" },
    {"n",    "",    "foo",     "1 a n:=7 n:=8/bar",             "1 a|7foo,8foo@n n:=7 n:=8/bar", "r" },
    {"n",    "",    "auto",    "1 a n:=0/s",                    "1 a|0@n n:=0/s",                "r" },
 /* All values of a key: texts, then numbers. */
    {"k",    "",    "auto",    "1 a k:=5/ms k=w k=v k:=6/s",
     "1 a|w,v,5ms,6s@k k:=5/ms k=w k=v k:=6/s",                                                  "r" },
 /* Equal pairs are one frame. */
    {"k",    "",    "auto",    "1 a k=v;2 b k=v;4 c k=w",
     "1 a|v@k k=v;2 b|v@k k=v;4 c|w@k k=w",                                                      "r" },
};

static void labels_become_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(frame_cases) / sizeof(frame_cases[0]); i++) {
        const struct frame_case *c = &frame_cases[i];
        struct err err = {0};
        bool root = false;
        bool leaf = false;
        struct profile *p = written("samples/count", c->in);
        assert_ok(profile_add_label_frames(p, span_of(c->roots),
                                           span_of(c->leaves), span_of(c->unit),
                                           &root, &leaf, &err),
                  &err);
        assert_reads(p, c->wanted);
        assert_int_equal(root, strchr(c->matched, 'r') != NULL);
        assert_int_equal(leaf, strchr(c->matched, 'l') != NULL);
        profile_free(p);
    }
}

static void new_frames_are_numbered_behind_the_old_ones(void **state)
{
    (void)state;
    struct err err = {0};
    bool root = false;
    bool leaf = false;
    struct profile *p = written("samples/count", "1 a k=v j=b;2 a k=w");
    p->functions[0].id = 70;
    p->locations[0].id = 40;
    assert_ok(profile_add_label_frames(p, SPAN_LIT("k"), SPAN_LIT("j"),
                                       SPAN_LIT("auto"), &root, &leaf, &err),
              &err);
    /* Of a sample the root comes first: v, b; then w, "". */
    static const char *const names[] = {"v", "b", "w", ""};
    assert_int_equal(p->n_functions, 5);
    assert_int_equal(p->n_locations, 5);
    for (uint32_t i = 0; i < 4; i++) {
        const struct profile_function *f = &p->functions[1 + i];
        const struct profile_location *l = &p->locations[1 + i];
        assert_true(f->id == 71 + i && l->id == 41 + i);
        assert_true(l->mapping == PROFILE_NONE && l->address == 0 &&
                    l->n_lines == 1);
        assert_true(f->system_name.i == 0);
        assert_string_equal(profile_text(p, f->name), names[i]);
        assert_int_equal(p->lines[l->first_line].function, 1 + i);
    }
    profile_free(p);
}

static void texts_that_are_there_are_not_added(void **state)
{
    (void)state;
    struct err err = {0};
    bool root = false;
    bool leaf = false;
    struct profile *p = written("samples/count", "1 a k=v;2 b n:=1");
    const uint32_t n = p->n_strings;
    assert_ok(profile_add_label_frames(p, SPAN_LIT("k"), SPAN_LIT("n"),
                                       SPAN_LIT("auto"), &root, &leaf, &err),
              &err);
    assert_int_equal(p->n_strings, n + 1); /* "1" */
    profile_free(p);
}

static void real_profiles_get_frames_as_with_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file, *roots, *leaves;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",   "bytes", "",      {50166, UINT64_C(0x9686ab7b16f7c245)}},
        {"heap-go1.23",   "",      "bytes", {50166, UINT64_C(0xa20708020c659249)}},
        {"string-labels", "bytes", "",      {907, UINT64_C(0x01c3307f7309cf5a)}  },
        {"string-labels", "",      "bytes", {907, UINT64_C(0xa53e57c8c9321e2a)}  },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        bool root = false;
        bool leaf = false;
        struct profile *p = loaded(cases[i].file);
        assert_ok(profile_add_label_frames(
                      p, span_of(cases[i].roots), span_of(cases[i].leaves),
                      SPAN_LIT("minimum"), &root, &leaf, &err),
                  &err);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
    }
}

static void profiles_at_the_edge_get_frames(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "", "", "1 @n|@k", "1 @n|@k;2 @n|v@k k=v", "0 @n|0x10|@k;3 @n|a|a|@k"};
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        bool root = false;
        bool leaf = false;
        struct profile *p = edge_profile(i);
        assert_ok(profile_add_label_frames(p, SPAN_LIT("k"), SPAN_LIT("n"),
                                           SPAN_LIT("auto"), &root, &leaf,
                                           &err),
                  &err);
        assert_reads(p, wanted[i]);
        profile_free(p);
    }
}

static void too_many_frames_are_an_error(void **state)
{
    (void)state;
    struct buf keys = BUF_LIMIT(1U << 20);
    struct buf samples = BUF_LIMIT(1U << 20);
    for (unsigned i = 0; i < 40000; i++) {
        buf_str(&keys, "k,");
        buf_str(&samples, "1 -;");
    }
    struct err err = {0};
    bool root = false;
    bool leaf = false;
    struct profile *p = written("samples/count", samples.data);
    assert_false(profile_add_label_frames(p, buf_view(&keys), SPAN_LIT(""),
                                          SPAN_LIT(""), &root, &leaf, &err));
    assert_err(&err, ERR_LIMIT,
               "40000 frames of labels for each of 40000 samples");
    profile_free(p);
    buf_release(&keys);
    buf_release(&samples);
}

static bool decode_and_add(void *ctx, struct err *err)
{
    const struct buf *bytes = ctx;
    struct profile *p = NULL;
    bool root = false;
    bool leaf = false;
    const bool ok =
        profile_decode(buf_view(bytes), &p, err) &&
        profile_add_label_frames(p, SPAN_LIT("k,n"), SPAN_LIT("j,m"),
                                 SPAN_LIT("auto"), &root, &leaf, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct buf bytes = written_bytes("samples/count", LABELS);
    assert_true(oom_walk(decode_and_add, &bytes) > 10);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_become_frames),
        cmocka_unit_test(new_frames_are_numbered_behind_the_old_ones),
        cmocka_unit_test(texts_that_are_there_are_not_added),
        cmocka_unit_test(real_profiles_get_frames_as_with_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_get_frames),
        cmocka_unit_test(too_many_frames_are_an_error),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
