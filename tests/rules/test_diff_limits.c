/* What a comparison says that it could have shown, against many pairs that had
   such a leak. */
#include "series/made.h"

#include "rules/rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct rules_diff_options defaults = {4, 8 << 20, 50, 0.2};

enum { PERIOD = 512 << 10, BLOCK_BYTES = 4096, N_PAIRS = 400 };

/* What one sampled block stands for. */
static double unit_bytes(void)
{
    const double size = BLOCK_BYTES;
    return size / -expm1(-size / PERIOD);
}

static void put(struct profile_builder *b, const char *function, double n)
{
    const struct builder_frame f = {span_of(function), SPAN_LIT("x.go"), 7};
    const struct builder_frame m = {SPAN_LIT("main.run"), SPAN_LIT("x.go"), 9};
    const uint32_t locs[] = {
        profile_builder_location(b, 0, PROFILE_NONE, &f, 1),
        profile_builder_location(b, 0, PROFILE_NONE, &m, 1)};
    const int64_t objects = llround(n * unit_bytes() / BLOCK_BYTES);
    const int64_t bytes = objects * BLOCK_BYTES;
    const int64_t values[] = {objects, bytes, objects, bytes};
    profile_builder_sample(b, locs, 2, values, 4, NULL, 0);
}

/* A heap with so many sampled objects at the site that may leak. */
static struct profile *heap(double n)
{
    struct profile_builder *b = profile_builder_new();
    struct profile *p = NULL;
    struct err err = {0};
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", PERIOD);
    put(b, "main.other", 3);
    put(b, "main.keep", n);
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void add(struct series_diff *d, enum diff_side side, double n)
{
    struct err err = {0};
    struct snapshot s = {.source = "x",
                         .kind = KIND_HEAP,
                         .form = FORM_PROTO,
                         .profile = heap(n)};
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

/* Runs of a service that holds `level` sampled objects at the site, and in head
   `leak` more. */
static struct findings compare(uint64_t *seed, int n_runs, double level,
                               double leak)
{
    struct series_diff *d = series_diff_new(NULL);
    struct findings out = {0};
    struct err err = {0};
    for (int i = 0; i < n_runs; i++) {
        add(d, DIFF_BASE, (double)made_poisson(seed, level));
        add(d, DIFF_HEAD, (double)made_poisson(seed, level + leak));
    }
    assert_ok(series_diff_finish(d, true, &err), &err);
    assert_ok(rules_judge_diff(d, &defaults, &out, &err), &err);
    series_diff_free(d);
    return out;
}

/* Of pairs with such a leak, the share that says so. */
static double share_found(uint64_t *seed, int n_runs, double level,
                          double leak_bytes)
{
    int n = 0;
    for (int i = 0; i < N_PAIRS; i++) {
        struct findings f =
            compare(seed, n_runs, level, leak_bytes / unit_bytes());
        n += f.n > 0;
        findings_release(&f);
    }
    return (double)n / N_PAIRS;
}

/* The median of what pairs without a leak say of the site. */
static double stated_bytes(uint64_t *seed, int n_runs, double level)
{
    enum { N = 41 };
    double all[N];
    for (int i = 0; i < N; i++) {
        struct findings f = compare(seed, n_runs, level, 0);
        const struct limits *l = &f.limits;
        const bool is_at_site =
            l->heap_most.at && strcmp(l->heap_most.at, "main.keep") == 0;
        all[i] = is_at_site && level > 0 ? l->heap_most.amount : l->heap_bytes;
        findings_release(&f);
    }
    return stat_median(all, N);
}

static void the_stated_leak_is_found_and_half_of_it_is_not(void **state)
{
    (void)state;
    static const struct {
        int n_runs;
        double level;
    } cases[] = {
        {1, 0  },
        {1, 6  },
        {1, 100},
        {1, 900},
        {2, 0  },
        {2, 50 },
        {3, 0  },
        {3, 50 },
        {3, 900},
        {5, 50 },
    };
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const double stated =
            stated_bytes(&seed, cases[i].n_runs, cases[i].level);
        const double whole =
            share_found(&seed, cases[i].n_runs, cases[i].level, stated);
        const double half =
            share_found(&seed, cases[i].n_runs, cases[i].level, stated / 2);
        assert_true(whole > 0.6);
        assert_true(half < 0.4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stated_leak_is_found_and_half_of_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
