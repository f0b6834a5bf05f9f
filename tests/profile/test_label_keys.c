#include "written.h"

struct key_case {
    const char *show, *hide;
    const char *in, *wanted;
    const char *matched; /* "s", "h" */
};

#define LABELS "1 a k=v n:=1/s;2 b;4 c n:=2 k=w k=x m=y"

static const struct key_case key_cases[] = {
    {NULL,   NULL,   LABELS, LABELS,                        "s" },
    {"k",    NULL,   LABELS, "1 a k=v;2 b;4 c k=w k=x",     "s" },
    {"n",    NULL,   LABELS, "1 a n:=1/s;2 b;4 c n:=2",     "s" },
    {"none", NULL,   LABELS, "1 a;2 b;4 c",                 ""  },
    {NULL,   "k",    LABELS, "1 a n:=1/s;2 b;4 c n:=2 m=y", "sh"},
    {NULL,   "none", LABELS, LABELS,                        "s" },
    {NULL,   ".",    LABELS, "1 a;2 b;4 c",                 "sh"},
    {"[kn]", "n",    LABELS, "1 a k=v;2 b;4 c k=w k=x",     "sh"},
    {"k",    "n",    LABELS, "1 a k=v;2 b;4 c k=w k=x",     "sh"},
 /* By key, not by value. */
    {"v",    "w",    LABELS, "1 a;2 b;4 c",                 ""  },
    {NULL,   NULL,   "1 a",  "1 a",                         ""  },
};

static void labels_leave_by_their_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(key_cases) / sizeof(key_cases[0]); i++) {
        const struct key_case *c = &key_cases[i];
        struct err err = {0};
        struct regex *show = regex_ok(c->show);
        struct regex *hide = regex_ok(c->hide);
        bool shown = false;
        bool hidden = false;
        struct profile *p = written("samples/count", c->in);
        assert_ok(
            profile_filter_label_keys(p, show, hide, &shown, &hidden, &err),
            &err);
        assert_reads(p, c->wanted);
        assert_int_equal(shown, strchr(c->matched, 's') != NULL);
        assert_int_equal(hidden, strchr(c->matched, 'h') != NULL);
        profile_free(p);
        regex_free(show);
        regex_free(hide);
    }
}

static void real_profiles_lose_labels_as_with_google_pprof(void **state)
{
    (void)state;
    static const struct {
        const char *file, *show, *hide;
        struct weight wanted;
    } cases[] = {
        {"heap-go1.23",   "b",  NULL, {47651, UINT64_C(0xdc9c2d67ce1e7e16)}},
        {"heap-go1.23",   NULL, "b",  {44711, UINT64_C(0x7567f953dc7b6a91)}},
        {"string-labels", "b",  NULL, {749, UINT64_C(0x47cb120c8468a04f)}  },
        {"string-labels", NULL, "b",  {765, UINT64_C(0xc27c58bb9b034233)}  },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        struct regex *show = regex_ok(cases[i].show);
        struct regex *hide = regex_ok(cases[i].hide);
        bool shown = false;
        bool hidden = false;
        struct profile *p = loaded(cases[i].file);
        assert_ok(
            profile_filter_label_keys(p, show, hide, &shown, &hidden, &err),
            &err);
        assert_weighs(p, cases[i].wanted, cases[i].file);
        profile_free(p);
        regex_free(show);
        regex_free(hide);
    }
}

static void profiles_at_the_edge_lose_labels(void **state)
{
    (void)state;
    struct regex *hide = regex_ok("k");
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        bool shown = false;
        bool hidden = false;
        struct profile *p = edge_profile(i);
        assert_ok(
            profile_filter_label_keys(p, NULL, hide, &shown, &hidden, &err),
            &err);
        assert_int_equal(p->n_labels, 0);
        profile_free(p);
    }
    regex_free(hide);
}

struct action {
    struct buf bytes;
    struct regex *show, *hide;
};

static bool decode_and_filter(void *ctx, struct err *err)
{
    struct action *a = ctx;
    struct profile *p = NULL;
    bool shown = false;
    bool hidden = false;
    const bool ok =
        profile_decode(buf_view(&a->bytes), &p, err) &&
        profile_filter_label_keys(p, a->show, a->hide, &shown, &hidden, err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct action a = {written_bytes("samples/count", LABELS), regex_ok("k"),
                       regex_ok("n")};
    assert_true(oom_walk(decode_and_filter, &a) > 2);
    regex_free(a.show);
    regex_free(a.hide);
    buf_release(&a.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_leave_by_their_key),
        cmocka_unit_test(real_profiles_lose_labels_as_with_google_pprof),
        cmocka_unit_test(profiles_at_the_edge_lose_labels),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
