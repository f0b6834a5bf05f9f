#include "test.h"

#include "series/series.h"

#include <math.h>
#include <string.h>

/* --- making profiles --- */

struct row {
    const char *stack[4]; /* leaf first */
    int64_t line;
    int64_t alloc_objects, inuse_objects, bytes; /* bytes of one object */
};

static uint32_t location(struct profile_builder *b, const char *function,
                         int64_t line)
{
    const struct builder_frame f = {span_of(function), SPAN_LIT("x.go"), line};
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

static struct profile *heap_of(const struct row *rows, size_t n)
{
    struct profile_builder *b = profile_builder_new();
    struct err err = {0};
    struct profile *p = NULL;
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", 524288);
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        uint32_t locs[4];
        size_t n_locs = 0;
        for (; n_locs < 4 && r->stack[n_locs]; n_locs++) {
            locs[n_locs] = location(b, r->stack[n_locs], r->line);
        }
        const int64_t values[] = {r->alloc_objects, r->alloc_objects * r->bytes,
                                  r->inuse_objects,
                                  r->inuse_objects * r->bytes};
        const struct profile_label label = {
            .key = profile_builder_string(b, SPAN_LIT("bytes")),
            .is_num = true,
            .num = r->bytes};
        profile_builder_sample(b, locs, n_locs, values, 4, &label, 1);
    }
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void add(struct series_diff *d, enum diff_side side,
                const struct row *rows, size_t n, int64_t seconds)
{
    struct err err = {0};
    struct snapshot s = {.source = "x",
                         .kind = KIND_HEAP,
                         .form = FORM_PROTO,
                         .time_nanos = seconds * 1000000000,
                         .profile = heap_of(rows, n)};
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

static void finish(struct series_diff *d)
{
    struct err err = {0};
    assert_ok(series_diff_finish(d, &err), &err);
}

static const struct diff_site *site_of(const struct series_diff *d,
                                       const char *function)
{
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(d, DIFF_HEAP, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sites[i].frame.function, function) == 0) {
            return &sites[i];
        }
    }
    fail_msg("no site %s", function);
    return NULL;
}

/* 1 MiB objects: each sampled one stands for 1.1565 = 1 / (1 - exp(-2)). */
enum { MIB = 1 << 20 };

/* --- tests --- */

/* 12 and 46 sampled objects in use, 20 and 60 ever: Go stores n / 0.8647. */
static void counts_are_recovered_and_paired(void **state)
{
    (void)state;
    const struct row base[] = {
        {{"main.leak", "main.main"}, 1, 23, 13, MIB}
    };
    const struct row head[] = {
        {{"main.leak", "main.main"}, 1, 69, 53, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, base, 1, 100);
    add(d, DIFF_HEAD, head, 1, 200);
    finish(d);
    const struct diff_site *s = site_of(d, "main.leak");
    assert_true(series_diff_total(d, DIFF_HEAP)->is_one_process);
    assert_true(s->base_sampled == 12 && s->head_sampled == 46);
    assert_true(s->births == 40 && s->deaths == 6);
    assert_true(fabs(s->retention - 34.0 / 40) < 1e-12);
    /* The smaller of births and deaths, 46, and the levels, 58. */
    assert_true(fabs(s->z - 34 / sqrt(46)) < 1e-12);
    assert_true(s->delta == 40.0 * MIB);
    series_diff_free(d);
}

/* What head allocated less of was another process: no births are known. */
static void two_processes_are_not_paired(void **state)
{
    (void)state;
    const struct row base[] = {
        {{"main.a"}, 1, 100, 10, MIB},
        {{"main.b"}, 1, 50,  10, MIB}
    };
    const struct row head[] = {
        {{"main.a"}, 1, 120, 40, MIB},
        {{"main.b"}, 1, 20,  10, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, base, 2, 100);
    add(d, DIFF_HEAD, head, 2, 200);
    finish(d);
    const struct diff_site *s = site_of(d, "main.a");
    assert_false(series_diff_total(d, DIFF_HEAP)->is_one_process);
    assert_true(isnan(s->births) && isnan(s->retention));
    assert_true(fabs(s->z - (35.0 - 9) / sqrt(35 + 9)) < 1e-12);
    series_diff_free(d);
}

static void a_profile_and_itself_do_not_differ(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{"main.a", "main.main"}, 1, 100, 10, MIB},
        {{"main.b"},              1, 50,  10, 64 }
    };
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, rows, 2, 100);
    add(d, DIFF_HEAD, rows, 2, 100);
    finish(d);
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(d, DIFF_HEAP, &n);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_true(sites[i].delta == 0 && sites[i].z == 0);
    }
    series_diff_free(d);
}

/* All callers and lines of the innermost user function are one site; the
   standard library and the runtime below it do not count. */
static void sites_gather_callers_and_lines(void **state)
{
    (void)state;
    const struct row base[] = {
        {{"bytes.growSlice", "main.scale", "main.old"}, 7, 40, 20, MIB}
    };
    const struct row head[] = {
        {{"bytes.growSlice", "main.scale", "main.old"}, 7, 40, 0,  MIB},
        {{"bytes.growSlice", "main.scale", "main.new"}, 9, 20, 20, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, base, 1, 100);
    add(d, DIFF_HEAD, head, 2, 200);
    finish(d);
    size_t n = 0;
    series_diff_sites(d, DIFF_HEAP, &n);
    assert_int_equal(n, 1);
    assert_true(site_of(d, "main.scale")->delta == 0);
    series_diff_free(d);
}

/* Lines differ between builds: the stack is one, by its names. */
static void stacks_are_aligned_by_name(void **state)
{
    (void)state;
    const struct row base[] = {
        {{"main.leak", "main.a"}, 10, 30, 30, MIB},
        {{"main.leak", "main.b"}, 10, 5,  5,  MIB}
    };
    const struct row head[] = {
        {{"main.leak", "main.a"}, 12, 31, 31, MIB},
        {{"main.leak", "main.b"}, 12, 25, 25, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    struct arena arena = {0};
    struct diff_stack stack = {0};
    struct err err = {0};
    add(d, DIFF_BASE, base, 2, 100);
    add(d, DIFF_HEAD, head, 2, 200);
    finish(d);
    assert_ok(series_diff_stack(d, DIFF_HEAP, site_of(d, "main.leak"), &arena,
                                &stack, &err),
              &err);
    assert_int_equal(stack.n_frames, 2);
    assert_string_equal(stack.frames[1].function, "main.b");
    assert_int_equal(stack.frames[0].line, 12);
    assert_true(stack.head - stack.base == 20.0 * MIB);
    arena_release(&arena);
    series_diff_free(d);
}

static void add_runs(struct series_diff *d, bool falls)
{
    for (int i = 0; i < 3; i++) {
        const int64_t births = falls ? 900 - 100 * i : 600 + 100 * i;
        const struct row base[] = {
            {{"main.a"}, 1, births, 10 + i, MIB}
        };
        const struct row head[] = {
            {{"main.a"}, 1, births, 40 + i, MIB}
        };
        add(d, DIFF_BASE, base, 1, 100 + i);
        add(d, DIFF_HEAD, head, 1, 200 + i);
    }
    finish(d);
}

static void groups_know_whether_runs_are_independent(void **state)
{
    (void)state;
    struct series_diff *runs = series_diff_new(NULL);
    struct series_diff *one = series_diff_new(NULL);
    add_runs(runs, true);
    add_runs(one, false);
    assert_int_equal(series_diff_total(runs, DIFF_HEAP)->replicas,
                     DIFF_INDEPENDENT);
    assert_int_equal(series_diff_total(one, DIFF_HEAP)->replicas,
                     DIFF_ONE_PROCESS);
    assert_true(fabs(site_of(runs, "main.a")->p - 0.05) < 1e-12);
    assert_true(site_of(runs, "main.a")->base == 11.0 * MIB);
    series_diff_free(runs);
    series_diff_free(one);
}

static void a_kind_on_one_side_only_is_refused(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{"main.a"}, 1, 100, 10, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    add(d, DIFF_BASE, rows, 1, 100);
    assert_false(series_diff_finish(d, &err));
    assert_err(&err, ERR_MISMATCH,
               "base and head have no kind of profile in common (heap or "
               "goroutine)");
    series_diff_free(d);
}

static void notes_say_what_is_odd(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{"main.a"}, 1, 100, 10, MIB}
    };
    struct series_diff *d = series_diff_new(NULL);
    size_t n = 0;
    add(d, DIFF_BASE, rows, 1, 200);
    add(d, DIFF_HEAD, rows, 1, 100);
    finish(d);
    const char *const *notes = series_diff_notes(d, &n);
    assert_int_equal(n, 1);
    assert_string_equal(notes[0],
                        "warning: base is newer than head; are they swapped?");
    series_diff_free(d);
}

/* --- memory --- */

static bool compare_once(void *ctx, struct err *err)
{
    struct snapshot *snapshots = ctx;
    struct series_diff *d = series_diff_new(NULL);
    if (!d) {
        return err_nomem(err, "diff");
    }
    const bool ok = series_diff_add(d, DIFF_BASE, &snapshots[0], err) &&
                    series_diff_add(d, DIFF_HEAD, &snapshots[1], err) &&
                    series_diff_finish(d, err);
    series_diff_free(d);
    return ok;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{"main.a", "main.main"}, 1, 100, 10, MIB},
        {{"main.b"},              1, 50,  10, 64 }
    };
    struct snapshot s[2];
    for (size_t i = 0; i < 2; i++) {
        s[i] = (struct snapshot){.source = "x",
                                 .kind = KIND_HEAP,
                                 .form = FORM_PROTO,
                                 .profile = heap_of(rows, 2)};
    }
    assert_true(oom_walk(compare_once, s) > 10);
    snapshot_release(&s[0]);
    snapshot_release(&s[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_recovered_and_paired),
        cmocka_unit_test(two_processes_are_not_paired),
        cmocka_unit_test(a_profile_and_itself_do_not_differ),
        cmocka_unit_test(sites_gather_callers_and_lines),
        cmocka_unit_test(stacks_are_aligned_by_name),
        cmocka_unit_test(groups_know_whether_runs_are_independent),
        cmocka_unit_test(a_kind_on_one_side_only_is_refused),
        cmocka_unit_test(notes_say_what_is_odd),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
