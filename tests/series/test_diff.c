#include "test.h"

#include "series/series.h"

#include <math.h>
#include <string.h>

/* 1 MiB objects: each sampled one stands for 1.1565 = 1 / (1 - exp(-2)). */
enum { MIB = 1 << 20 };

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

struct made {
    const char *program, *build; /* NULL: says nothing of it */
    int64_t period;
};

static struct profile *heap_made(struct made made, const struct row *rows,
                                 size_t n)
{
    struct profile_builder *b = profile_builder_new();
    struct err err = {0};
    struct profile *p = NULL;
    if (made.program) {
        profile_builder_mapping(b, 1, 2, 0, span_of(made.program),
                                span_of(made.build));
    }
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", made.period);
    /* So many stacks that two profiles can be told to be of one process. */
    for (int i = 0; n > 0 && i < 10; i++) {
        const uint32_t loc = location(b, "os.Open", 100 + i);
        const int64_t values[] = {10, 10 * MIB, 0, 0};
        profile_builder_sample(b, &loc, 1, values, 4, NULL, 0);
    }
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

static struct profile *heap_of(const struct row *rows, size_t n)
{
    return heap_made((struct made){.period = 524288}, rows, n);
}

static struct snapshot snapshot_of(struct profile *p, int64_t seconds)
{
    return (struct snapshot){.source = "x",
                             .kind = KIND_HEAP,
                             .form = FORM_PROTO,
                             .time_nanos = seconds * 1000000000,
                             .profile = p};
}

static void add_profile(struct series_diff *d, enum diff_side side,
                        struct profile *p, int64_t seconds)
{
    struct err err = {0};
    struct snapshot s = snapshot_of(p, seconds);
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

static void add(struct series_diff *d, enum diff_side side,
                const struct row *rows, size_t n, int64_t seconds)
{
    add_profile(d, side, heap_of(rows, n), seconds);
}

static void calibrate(struct series_diff *d, uint32_t run,
                      const struct row *rows, size_t n, int64_t seconds)
{
    struct err err = {0};
    struct snapshot s = snapshot_of(heap_of(rows, n), seconds);
    assert_ok(series_diff_calibrate(d, run, &s, &err), &err);
    snapshot_release(&s);
}

static void finish(struct series_diff *d)
{
    struct err err = {0};
    assert_ok(series_diff_finish(d, false, &err), &err);
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
    assert_false(series_diff_finish(d, false, &err));
    assert_err(&err, ERR_MISMATCH,
               "base and head have no kind of profile in common (heap or "
               "goroutine)");
    series_diff_free(d);
}

/* --- honesty --- */

static const struct row shop[] = {
    {{"main.cart", "main.main"}, 1, 100, 10, MIB},
    {{"main.pay"},               1, 100, 10, MIB}
};
static const struct row shop_later[] = {
    {{"main.cart", "main.main"}, 1, 150, 10, MIB},
    {{"main.pay"},               1, 150, 10, MIB}
};
static const struct row mail[] = {
    {{"main.send", "main.main"}, 1, 120, 10, MIB},
    {{"main.sort"},              1, 90,  10, MIB}
};

/* Finishes a comparison of one profile a side. */
static bool finish_two(struct series_diff *d, struct profile *base,
                       int64_t base_seconds, struct profile *head,
                       int64_t head_seconds, bool forced, struct err *err)
{
    add_profile(d, DIFF_BASE, base, base_seconds);
    add_profile(d, DIFF_HEAD, head, head_seconds);
    return series_diff_finish(d, forced, err);
}

static void two_programs_are_refused_unless_forced(void **state)
{
    (void)state;
    const struct made a = {"/bin/shop", "1", 524288};
    const struct made b = {"/bin/mail", "2", 524288};
    for (int forced = 0; forced < 2; forced++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        const bool ok = finish_two(d, heap_made(a, shop, 2), 100,
                                   heap_made(b, mail, 2), 200, forced, &err);
        if (forced) {
            assert_ok(ok, &err);
            assert_string_equal(series_diff_warning(d),
                                "WARNING: two programs: base is of shop, head "
                                "of mail");
        } else {
            assert_err(&err, ERR_MISMATCH,
                       "base is of shop, head of mail, and they share 0% of "
                       "their functions: two programs; --force compares "
                       "anyway");
        }
        series_diff_free(d);
    }
}

/* app-main and app-branch are one program. */
static void another_name_of_the_same_program_is_a_note(void **state)
{
    (void)state;
    const struct made a = {"/bin/shop-main", "1", 524288};
    const struct made b = {"/bin/shop-branch", "2", 524288};
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    size_t n = 0;
    assert_ok(finish_two(d, heap_made(a, shop, 2), 100,
                         heap_made(b, shop_later, 2), 200, false, &err),
              &err);
    const char *const *notes = series_diff_notes(d, &n);
    assert_int_equal(n, 2);
    assert_string_equal(notes[0], "base is of shop-main, head of shop-branch");
    assert_null(series_diff_warning(d));
    series_diff_free(d);
}

/* Half of all binaries are called main: the name proves nothing. */
static void strangers_of_one_name_are_warned_of(void **state)
{
    (void)state;
    static const struct row api[] = {
        {{"main.get"},  1, 100, 10, MIB},
        {{"main.put"},  1, 100, 10, MIB},
        {{"main.post"}, 1, 100, 10, MIB},
        {{"main.list"}, 1, 100, 10, MIB},
        {{"main.open"}, 1, 100, 10, MIB}
    };
    static const struct row job[] = {
        {{"main.sort"}, 1, 100, 10, MIB},
        {{"main.send"}, 1, 100, 10, MIB},
        {{"main.pack"}, 1, 100, 10, MIB},
        {{"main.wait"}, 1, 100, 10, MIB},
        {{"main.open"}, 1, 100, 10, MIB}
    };
    static const struct {
        struct made base, head;
        size_t n; /* functions */
        bool warns;
    } cases[] = {
        {{"/a/main", "1", 524288}, {"/b/main", "2", 524288}, 5, true },
        {{"/a/main", "", 524288},  {"/b/main", "", 524288},  5, true },
        {{NULL, NULL, 524288},     {NULL, NULL, 524288},     5, true },
        {{"/a/main", "1", 524288}, {"/b/main", "1", 524288}, 5, false},
        {{"/a/main", "1", 524288}, {"/b/main", "2", 524288}, 4, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        assert_ok(finish_two(d, heap_made(cases[i].base, api, cases[i].n), 100,
                             heap_made(cases[i].head, job, cases[i].n), 200,
                             false, &err),
                  &err);
        if (cases[i].warns) {
            assert_string_equal(series_diff_warning(d),
                                "WARNING: base and head share 20% of their "
                                "functions: are they one program?");
        } else {
            assert_null(series_diff_warning(d));
        }
        series_diff_free(d);
    }
}

static void swapped_states_of_one_process_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct series_diff *d = series_diff_new(NULL);
    assert_false(finish_two(d, heap_of(shop_later, 2), 200, heap_of(shop, 2),
                            100, false, &err));
    assert_err(&err, ERR_MISMATCH,
               "head is the earlier state of base's own process: the sides are "
               "swapped; --force compares anyway");
    series_diff_free(d);
}

/* Another process may well have run before: that is only said. */
static void an_older_head_is_said_first(void **state)
{
    (void)state;
    struct err err = {0};
    struct series_diff *d = series_diff_new(NULL);
    assert_ok(finish_two(d, heap_of(shop, 2), 200, heap_of(shop_later, 2), 100,
                         false, &err),
              &err);
    assert_string_equal(series_diff_warning(d),
                        "WARNING: base was taken 100 s after head: are the "
                        "sides swapped?");
    series_diff_free(d);
}

/* Which was profiled first says nothing when both were at the same time. */
static void sides_of_one_time_are_in_no_order(void **state)
{
    (void)state;
    static const struct {
        const char *build;
        int64_t gap;
        bool warns;
    } cases[] = {
        {"1", 1,  false},
        {"1", 23, true },
        {"2", 23, false},
        {"2", 61, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct made base = {"app", "1", 524288};
        const struct made head = {"app", cases[i].build, 524288};
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        assert_ok(finish_two(d, heap_made(base, shop, 2), 100 + cases[i].gap,
                             heap_made(head, shop_later, 2), 100, false, &err),
                  &err);
        assert_int_equal(series_diff_warning(d) != NULL, cases[i].warns);
        series_diff_free(d);
    }
}

/* Builds that differ are two processes, however alike their counts. */
static void other_builds_are_not_paired(void **state)
{
    (void)state;
    const struct made a = {"/bin/shop", "1", 524288};
    const struct made b = {"/bin/shop", "2", 524288};
    struct err err = {0};
    struct series_diff *same = series_diff_new(NULL);
    struct series_diff *other = series_diff_new(NULL);
    assert_ok(finish_two(same, heap_made(a, shop, 2), 100,
                         heap_made(a, shop_later, 2), 200, false, &err),
              &err);
    assert_ok(finish_two(other, heap_made(a, shop, 2), 100,
                         heap_made(b, shop_later, 2), 200, false, &err),
              &err);
    assert_true(series_diff_total(same, DIFF_HEAP)->is_one_process);
    assert_false(series_diff_total(other, DIFF_HEAP)->is_one_process);
    series_diff_free(same);
    series_diff_free(other);
}

static void rates_and_lengths_that_differ_are_said(void **state)
{
    (void)state;
    static const struct row longer[] = {
        {{"main.cart"}, 1, 900, 10, MIB},
        {{"main.pay"},  1, 99,  10, MIB}
    };
    const struct made fine = {NULL, NULL, 65536};
    struct err err = {0};
    struct series_diff *d = series_diff_new(NULL);
    size_t n = 0;
    assert_ok(finish_two(d, heap_of(shop, 2), 100, heap_made(fine, longer, 2),
                         200, false, &err),
              &err);
    assert_string_equal(series_diff_warning(d),
                        "WARNING: head has allocated 3.7 times as much as base "
                        "since it began: a longer run or more load, and growth "
                        "may be no more than that");
    const char *const *notes = series_diff_notes(d, &n);
    assert_int_equal(n, 1);
    assert_non_null(strstr(notes[0], "base 1 per 524288 bytes, head 1 per "
                                     "65536"));
    series_diff_free(d);
}

static void
a_heap_from_before_the_first_collection_decides_nothing(void **state)
{
    (void)state;
    static const struct row nothing_in_use[] = {
        {{"main.cart"}, 1, 100, 0, MIB}
    };
    struct err err = {0};
    struct series_diff *empty = series_diff_new(NULL);
    struct series_diff *small = series_diff_new(NULL);
    assert_ok(finish_two(empty, heap_of(shop, 2), 100, heap_of(NULL, 0), 200,
                         false, &err),
              &err);
    assert_non_null(series_diff_undecided(empty));
    assert_ok(finish_two(small, heap_of(shop, 2), 100,
                         heap_of(nothing_in_use, 1), 200, false, &err),
              &err);
    assert_null(series_diff_undecided(small));
    series_diff_free(empty);
    series_diff_free(small);
}

/* --- runs --- */

/* Levels of main.a: 10 and 12 against 40 and 44, means 11 and 42. */
static void runs_are_compared_by_their_spread(void **state)
{
    (void)state;
    static const int64_t levels[N_DIFF_SIDES][2] = {
        {10, 12},
        {40, 44}
    };
    struct series_diff *d = series_diff_new(NULL);
    for (int side = 0; side < N_DIFF_SIDES; side++) {
        for (int i = 0; i < 2; i++) {
            const struct row row[] = {
                {{"main.a"}, 1, 500 - 10 * i, levels[side][i], MIB}
            };
            add(d, (enum diff_side)side, row, 1, 100 + 10 * side + i);
        }
    }
    finish(d);
    const struct diff_site *s = site_of(d, "main.a");
    /* Welch: t = 31 / sqrt(1 + 4), df = 25 / (1 + 16). */
    assert_true(fabs(s->p_runs - stat_t_upper(31 / sqrt(5), 25.0 / 17)) <
                1e-12);
    assert_true(isnan(s->p));
    series_diff_free(d);
}

/* One more closure above renames those below, as their functions' ids do not.
 */
static void closures_are_one_site_between_builds(void **state)
{
    (void)state;
    const struct row base[] = {
        {{"main.run.func1"}, 1, 100, 30, MIB},
        {{"main.run.func2"}, 1, 100, 10, MIB}
    };
    const struct row head[] = {
        {{"main.run.func1"}, 1, 80,  2,  MIB},
        {{"main.run.func2"}, 1, 100, 30, MIB},
        {{"main.run.func3"}, 1, 100, 10, MIB}
    };
    for (int is_same = 0; is_same < 2; is_same++) {
        struct err err = {0};
        struct made made = {"app", "1", 524288};
        struct series_diff *d = series_diff_new(NULL);
        add_profile(d, DIFF_BASE, heap_made(made, base, 2), 100);
        made.build = is_same ? "1" : "2";
        add_profile(d, DIFF_HEAD, heap_made(made, head, 3), 200);
        assert_ok(series_diff_finish(d, false, &err), &err);
        size_t n = 0;
        const struct diff_site *s = series_diff_sites(d, DIFF_HEAP, &n);
        assert_int_equal(n, is_same ? 3 : 1);
        assert_true(is_same ||
                    (s->base == 40.0 * MIB && s->head == 42.0 * MIB));
        series_diff_free(d);
    }
}

/* Two snapshots of main.cart in this folder, of one process. */
static void add_folder(struct series_diff *d, int group, const char *folder,
                       int64_t births, int64_t level, int64_t seconds)
{
    for (int64_t i = 0; i < 2; i++) {
        const struct row row[] = {
            {{"main.cart"}, 1, births + i, level + 2 * i, MIB}
        };
        struct err err = {0};
        struct snapshot s = snapshot_of(heap_of(row, 1), seconds + i);
        s.source = folder;
        assert_ok(
            group < N_DIFF_SIDES
                ? series_diff_add_listed(d, (enum diff_side)group, &s, &err)
                : series_diff_calibrate(d, (uint32_t)births, &s, &err),
            &err);
        snapshot_release(&s);
    }
}

/* Each folder counts once, by its last level: 12, 14 and 13 against 42, 44 and
   43. */
static void snapshots_of_one_process_are_one_run(void **state)
{
    (void)state;
    static const char *const folders[] = {"a/0", "b/0", "c/0", "d/0"};
    static const int64_t levels[] = {10, 12, 11};
    struct series_diff *d = series_diff_new(NULL);
    for (int i = 0; i < 3; i++) {
        add_folder(d, DIFF_BASE, folders[i], 600 - 100 * i, levels[i],
                   100 + 10 * i);
        add_folder(d, DIFF_HEAD, folders[i], 700 - 100 * i, 30 + levels[i],
                   200 + 10 * i);
        add_folder(d, DIFF_CALIBRATION, folders[i], 600 - 100 * i, levels[i],
                   300 + 10 * i);
    }
    finish(d);
    const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
    const struct diff_site *s = site_of(d, "main.cart");
    assert_int_equal(total->n[DIFF_BASE], 3);
    assert_int_equal(total->n_profiles[DIFF_BASE], 6);
    assert_int_equal(total->replicas, DIFF_INDEPENDENT);
    assert_true(fabs(s->p - 0.05) < 1e-12);
    /* Welch over runs: t = 30 / sqrt(1/3 + 1/3), df = 4. */
    assert_true(fabs(s->p_runs - stat_t_upper(30 / sqrt(2.0 / 3), 4)) < 1e-12);
    assert_true(s->base == 13.0 * MIB && s->head == 43.0 * MIB);
    assert_int_equal(s->noise.n, 3);
    assert_true(s->noise.mean == 13.0 * MIB && s->noise.range == 2.0 * MIB);
    series_diff_free(d);
}

/* Two folders a side are two runs, however many snapshots. */
static void two_processes_a_side_are_no_group(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add_folder(d, DIFF_BASE, "a/0", 600, 10, 100);
    add_folder(d, DIFF_BASE, "b/0", 500, 12, 110);
    add_folder(d, DIFF_HEAD, "c/0", 650, 40, 200);
    add_folder(d, DIFF_HEAD, "d/0", 550, 42, 210);
    finish(d);
    const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
    assert_int_equal(total->n[DIFF_BASE], 2);
    assert_int_equal(total->replicas, DIFF_ONE_PROCESS);
    assert_true(isnan(site_of(d, "main.cart")->p));
    series_diff_free(d);
}

static const char *const many[] = {"main.a", "main.b", "main.c", "main.d",
                                   "main.e", "main.f", "main.g", "main.h",
                                   "main.i", "main.j", "main.k", "main.l"};
enum { N_MANY = sizeof(many) / sizeof(many[0]) };

/* Named one by one: rising births at two sites are chance, at twelve they are
   not. */
static void named_profiles_are_runs_unless_births_say_no(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 12; n += 10) {
        struct series_diff *d = series_diff_new(NULL);
        for (int i = 0; i < 2; i++) {
            struct row rows[N_MANY];
            for (size_t k = 0; k < n; k++) {
                rows[k] = (struct row){{many[k]}, 1, 100 + 20 * i, 10, MIB};
            }
            add(d, DIFF_BASE, rows, n, 100 + i);
            add(d, DIFF_HEAD, rows, n, 200 + i);
        }
        finish(d);
        assert_int_equal(series_diff_total(d, DIFF_HEAP)->n[DIFF_BASE],
                         n == 2 ? 2 : 1);
        series_diff_free(d);
    }
}

/* A folder of single profiles of several processes: births fall. */
static void births_tell_processes_of_a_folder_apart(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add_folder(d, DIFF_BASE, "a/0", 600, 10, 100);
    add_folder(d, DIFF_BASE, "a/0", 500, 12, 110);
    add_folder(d, DIFF_BASE, "a/0", 400, 12, 120);
    add_folder(d, DIFF_HEAD, "b/0", 600, 10, 200);
    finish(d);
    const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
    assert_int_equal(total->n[DIFF_BASE], 3);
    assert_int_equal(total->n[DIFF_HEAD], 1);
    series_diff_free(d);
}

/* A profile with so many births at each of twelve sites, but for main.a; of a
   directory, or named alone. */
static void add_from(struct series_diff *d, enum diff_side side,
                     const char *source, bool is_listed, int64_t births,
                     int64_t births_of_a, int64_t level, int64_t seconds)
{
    struct err err = {0};
    struct row rows[N_MANY];
    for (size_t i = 0; i < N_MANY; i++) {
        rows[i] = (struct row){
            {many[i]}, 1, i == 0 ? births_of_a : births, level, MIB};
    }
    struct snapshot s = snapshot_of(heap_of(rows, N_MANY), seconds);
    s.source = source;
    assert_ok(is_listed ? series_diff_add_listed(d, side, &s, &err)
                        : series_diff_add(d, side, &s, &err),
              &err);
    snapshot_release(&s);
}

static size_t processes_of(const struct series_diff *d, enum diff_plane plane)
{
    return series_diff_total(d, plane)->n[DIFF_BASE];
}

/* Two processes at three moments, each moment a folder: births go on from
   folder to folder, and at twelve sites that is more than chance. */
static void folders_of_moments_are_no_runs(void **state)
{
    (void)state;
    static const char *const sources[3][2] = {
        {"10/a", "10/b"},
        {"12/a", "12/b"},
        {"14/a", "14/b"}
    };
    for (int is_listed = 0; is_listed < 2; is_listed++) {
        struct series_diff *d = series_diff_new(NULL);
        for (int i = 0; i < 3; i++) {
            const int64_t births = 100 + 20 * i;
            add_from(d, DIFF_BASE, sources[i][0], is_listed, births, births, 10,
                     100 + 10 * i);
            add_from(d, DIFF_BASE, sources[i][1], is_listed, births + 5,
                     births - 50, 10, 100 + 10 * i);
        }
        add(d, DIFF_HEAD, shop, 2, 200);
        finish(d);
        assert_int_equal(processes_of(d, DIFF_HEAP), 2);
        series_diff_free(d);
    }
}

/* Runs of their own folders stay runs, though the second allocated more. */
static void folders_of_few_sites_are_runs(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add_folder(d, DIFF_BASE, "a/0", 500, 10, 100);
    add_folder(d, DIFF_BASE, "b/0", 600, 10, 110);
    add_folder(d, DIFF_HEAD, "c/0", 500, 10, 200);
    finish(d);
    assert_int_equal(processes_of(d, DIFF_HEAP), 2);
    series_diff_free(d);
}

/* Names are no order; births are, where times are not said. */
static void profiles_without_times_are_ordered_by_births(void **state)
{
    (void)state;
    static const int64_t steps[] = {2, 0, 3, 1};
    struct series_diff *d = series_diff_new(NULL);
    for (size_t i = 0; i < 4; i++) {
        const int64_t births = 100 + 20 * steps[i];
        add_from(d, DIFF_BASE, "a/x", true, births, births, 10 + steps[i], 0);
    }
    add(d, DIFF_HEAD, shop, 2, 0);
    finish(d);
    assert_int_equal(processes_of(d, DIFF_HEAP), 1);
    assert_true(site_of(d, "main.a")->base == 13.0 * MIB);
    series_diff_free(d);
}

/* Ten sites that rise are no evidence when the order was made by rising. */
static void an_order_by_births_proves_less(void **state)
{
    (void)state;
    for (int has_times = 0; has_times < 2; has_times++) {
        struct series_diff *d = series_diff_new(NULL);
        for (int i = 0; i < 2; i++) {
            struct row rows[10];
            for (size_t k = 0; k < 10; k++) {
                rows[k] = (struct row){{many[k]}, 1, 100 + 20 * i, 10, MIB};
            }
            add(d, DIFF_BASE, rows, 10, has_times ? 100 + i : 0);
        }
        add(d, DIFF_HEAD, shop, 2, has_times ? 200 : 0);
        finish(d);
        assert_int_equal(processes_of(d, DIFF_HEAP), has_times ? 1 : 2);
        series_diff_free(d);
    }
}

/* Three runs that leak alike, of one side in two snapshots each and of the
   other in the last: as one build they do not differ. */
static void a_process_counts_as_its_last_profile_shows_it(void **state)
{
    (void)state;
    static const char *const sources[] = {"a/0", "b/0", "c/0"};
    struct series_diff *d = series_diff_new(NULL);
    for (int i = 0; i < 3; i++) {
        const int64_t births = 600 - 100 * i;
        add_from(d, DIFF_BASE, sources[i], true, births / 2, births, 10 + i,
                 100 + 10 * i);
        add_from(d, DIFF_BASE, sources[i], true, births, births, 40 + i,
                 105 + 10 * i);
        add_from(d, DIFF_HEAD, sources[i], true, births, births, 40 + i,
                 105 + 10 * i);
    }
    finish(d);
    assert_true(site_of(d, "main.a")->delta == 0);
    assert_int_equal(series_diff_total(d, DIFF_HEAP)->replicas,
                     DIFF_INDEPENDENT);
    series_diff_free(d);
}

/* Twice the births at all sites is twice the age; at one it may be the leak. */
static void runs_of_another_length_are_no_group(void **state)
{
    (void)state;
    static const char *const sources[] = {"a/0", "b/0", "c/0"};
    for (int is_longer = 0; is_longer < 2; is_longer++) {
        struct series_diff *d = series_diff_new(NULL);
        for (int i = 0; i < 3; i++) {
            const int64_t births = 600 - 100 * i;
            add_from(d, DIFF_BASE, sources[i], true, births, births, 10 + i,
                     100 + 10 * i);
            add_from(d, DIFF_HEAD, sources[i], true,
                     is_longer ? 2 * births : births, 20 * births, 40 + i,
                     200 + 10 * i);
        }
        finish(d);
        const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
        assert_int_equal(total->replicas,
                         is_longer ? DIFF_LONGER : DIFF_INDEPENDENT);
        assert_true(fabs(total->length_ratio - (is_longer ? 2 : 1)) < 0.01);
        series_diff_free(d);
    }
}

/* Halves of one process: what was born between their ends is known, and in the
   wrong order they are refused. */
static void halves_of_one_process_are_paired(void **state)
{
    (void)state;
    for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        for (int i = 0; i < 6; i++) {
            const int64_t births = 100 + 20 * i;
            const bool is_base = is_swapped ? i >= 3 : i < 3;
            add_from(d, is_base ? DIFF_BASE : DIFF_HEAD, "a/x", false, births,
                     births, 10 + 10 * i, 100 + 3600 * i);
        }
        const bool ok = series_diff_finish(d, false, &err);
        if (is_swapped) {
            assert_false(ok);
            assert_err(&err, ERR_MISMATCH,
                       "head is the earlier state of base's own process: the "
                       "sides are swapped; --force compares anyway");
        } else {
            const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
            assert_ok(ok, &err);
            assert_true(total->is_one_process && total->seconds == 3 * 3600);
            assert_true(fabs(site_of(d, "main.a")->births - 60 * 0.8647) < 1);
            assert_true(site_of(d, "main.a")->delta == 30.0 * MIB);
        }
        series_diff_free(d);
    }
}

/* Without times births alone say so, which is no reason to refuse. */
static void an_order_that_only_births_tell_is_said(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add_from(d, DIFF_BASE, "a/x", false, 200, 200, 20, 0);
    add_from(d, DIFF_HEAD, "a/y", false, 100, 100, 10, 0);
    finish(d);
    assert_string_equal(series_diff_warning(d),
                        "WARNING: head looks like an earlier state of base's "
                        "own process: are the sides swapped?");
    series_diff_free(d);
}

/* Levels 10, 20, 30 and 40 keep to a line, 10, 40, 10 and 40 do not: from
   16 + 6 i they are -6, 18, -18 and 6 away. */
static void profiles_stray_from_the_trend_of_their_process(void **state)
{
    (void)state;
    for (int is_steady = 0; is_steady < 2; is_steady++) {
        struct series_diff *d = series_diff_new(NULL);
        add(d, DIFF_BASE, shop, 2, 100);
        for (int i = 0; i < 4; i++) {
            const int64_t level =
                is_steady ? 10 + 10 * i : 10 + 30 * (int64_t)(i % 2);
            add_from(d, DIFF_HEAD, "a/x", true, 100 + i, 100 + i, level,
                     200 + 10 * i);
        }
        finish(d);
        assert_true(fabs(site_of(d, "main.a")->stray / MIB -
                         (is_steady ? 0 : 36)) < 1e-9);
        assert_true(site_of(d, "main.a")->head == 40.0 * MIB);
        series_diff_free(d);
    }
}

/* Times as far apart as a broken profile can say, further than int64 holds. */
static const int64_t far_apart[] = {-9000000000, 1, 9000000000};

static void times_that_are_too_far_apart_do_not_turn_around(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, shop, 2, 100);
    for (int i = 0; i < 3; i++) {
        add_from(d, DIFF_HEAD, "a/x", true, 100 + i, 100 + i, 10 + 10 * i,
                 far_apart[i]);
    }
    finish(d);
    /* From the line through 0, 9.0 and 9.2; through 0, 9.0 and -0.4 it is 20.
     */
    assert_true(site_of(d, "main.a")->stray < 10.0 * MIB);
    series_diff_free(d);
}

static void add_goroutines(struct series_diff *d, enum diff_side side,
                           const char *source, int64_t seconds)
{
    struct err err = {0};
    struct profile_builder *b = profile_builder_new();
    struct snapshot s = {.source = source,
                         .kind = KIND_GOROUTINE,
                         .form = FORM_PROTO,
                         .time_nanos = seconds * 1000000000};
    const int64_t count = 10;
    profile_builder_type(b, "goroutine", "count");
    profile_builder_period(b, "goroutine", "count", 1);
    const uint32_t loc = location(b, "main.wait", 1);
    profile_builder_sample(b, &loc, 1, &count, 1, NULL, 0);
    assert_ok(profile_builder_finish(b, &s.profile, &err), &err);
    assert_ok(series_diff_add_listed(d, side, &s, &err), &err);
    snapshot_release(&s);
}

/* By their names, however near another one is; else each its own. */
static void goroutines_of_a_folder_follow_their_own_heap(void **state)
{
    (void)state;
    static const struct {
        const char *heaps[3], *goroutines[3];
        int64_t goroutine_seconds; /* of all; 0 is no time */
    } cases[] = {
        {{"a/1.heap.pb", "a/2.heap.pb", "a/3.heap.pb"},
         {"a/1.goroutine.pb", "a/2.goroutine.pb", "a/3.goroutine.pb"},
         102                                                                       },
        {{"a/h1", "a/h2", "a/h3"},                      {"a/g1", "a/g2", "a/g3"}, 0},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct series_diff *d = series_diff_new(NULL);
        for (int i = 0; i < 3; i++) {
            const int64_t births = 600 - 100 * i;
            add_from(d, DIFF_BASE, cases[c].heaps[i], true, births, births, 10,
                     100 + i);
            add_goroutines(d, DIFF_BASE, cases[c].goroutines[i],
                           cases[c].goroutine_seconds);
        }
        add_goroutines(d, DIFF_HEAD, "b/g", 200);
        add(d, DIFF_HEAD, shop, 2, 200);
        finish(d);
        assert_int_equal(processes_of(d, DIFF_HEAP), 3);
        assert_int_equal(processes_of(d, DIFF_GOROUTINE), 3);
        series_diff_free(d);
    }
}

static void calibration_runs_give_the_noise_of_a_site(void **state)
{
    (void)state;
    static const int64_t levels[] = {10, 14, 12};
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, shop, 2, 100);
    add(d, DIFF_HEAD, shop_later, 2, 200);
    for (uint32_t i = 0; i < 3; i++) {
        const struct row row[] = {
            {{"main.cart"}, 1, 500 - 10 * i, levels[i], MIB}
        };
        calibrate(d, i, row, 1, 300 + i);
    }
    finish(d);
    const struct diff_noise *noise = &site_of(d, "main.cart")->noise;
    assert_int_equal(noise->n, 3);
    assert_true(noise->mean == 12.0 * MIB && noise->deviation == 2.0 * MIB);
    assert_true(noise->range == 4.0 * MIB);
    /* One run a side: t(2 degrees, 1 %) is 6.965. */
    assert_true(fabs(diff_noise_floor(noise, 1, 1, 0.01) / MIB -
                     6.9646 * 2 * sqrt(2)) < 0.001);
    assert_true(site_of(d, "main.pay")->noise.range == 0);
    series_diff_free(d);
}

/* main.cart is in two of three runs, 4 and 1 MiB: the first exceeds the others
   by sqrt(8) - sqrt(2) units of 512 KiB, the others by nothing. */
static void bursts_bound_sites_that_runs_hardly_have(void **state)
{
    (void)state;
    static const int64_t levels[] = {4, 1, 0};
    struct series_diff *d = series_diff_new(NULL);
    add(d, DIFF_BASE, shop, 2, 100);
    add(d, DIFF_HEAD, shop_later, 2, 200);
    for (uint32_t i = 0; i < 3; i++) {
        const struct row row[] = {
            {{"main.cart"}, 1, 500 - 10 * i, levels[i], MIB}
        };
        calibrate(d, i, row, 1, 300 + i);
    }
    finish(d);
    const struct diff_total *total = series_diff_total(d, DIFF_HEAP);
    const double most = sqrt(8) - sqrt(2);
    assert_true(total->unit == 512 << 10);
    assert_true(fabs(total->bursts.highest - most) < 1e-9);
    assert_true(fabs(total->bursts.mean - most / 3) < 1e-9);
    /* Even odds: what the runs showed. main.pay, 10 MiB in base: 20 units. */
    const struct diff_site *pay = site_of(d, "main.pay");
    const double root = most + sqrt(20);
    assert_true(fabs(diff_burst_floor(total, pay, 0.5) -
                     (root * root - 20) * (512 << 10)) < 1);
    series_diff_free(d);
}

/* Runs of 2 and 4 MiB an hour at main.cart. */
static void rates_of_runs_are_slopes(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    struct arena arena = {0};
    struct diff_noise noise;
    struct err err = {0};
    for (uint32_t run = 0; run < 2; run++) {
        for (int64_t i = 0; i < 3; i++) {
            const struct row row[] = {
                {{"main.cart"}, 1, 500, 10 + i * (run + 1), MIB}
            };
            calibrate(d, run, row, 1, 1000 + i * 1800);
        }
    }
    assert_ok(
        series_diff_rates(d, DIFF_HEAP, "main.cart", &arena, &noise, &err),
        &err);
    assert_int_equal(noise.n, 2);
    assert_true(fabs(noise.mean / MIB - 3) < 1e-9);
    assert_true(fabs(noise.range / MIB - 2) < 1e-9);
    arena_release(&arena);
    series_diff_free(d);
}

static void a_rate_over_times_too_far_apart_keeps_its_sign(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    struct arena arena = {0};
    struct diff_noise noise;
    struct err err = {0};
    for (int i = 0; i < 3; i++) {
        const struct row row[] = {
            {{"main.cart"}, 1, 500, 10 + 10 * i, MIB}
        };
        calibrate(d, 0, row, 1, far_apart[i]);
    }
    assert_ok(
        series_diff_rates(d, DIFF_HEAP, "main.cart", &arena, &noise, &err),
        &err);
    assert_int_equal(noise.n, 1);
    assert_true(noise.mean > 0);
    arena_release(&arena);
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
                    series_diff_finish(d, false, err);
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
        cmocka_unit_test(two_programs_are_refused_unless_forced),
        cmocka_unit_test(another_name_of_the_same_program_is_a_note),
        cmocka_unit_test(strangers_of_one_name_are_warned_of),
        cmocka_unit_test(swapped_states_of_one_process_are_refused),
        cmocka_unit_test(an_older_head_is_said_first),
        cmocka_unit_test(sides_of_one_time_are_in_no_order),
        cmocka_unit_test(other_builds_are_not_paired),
        cmocka_unit_test(rates_and_lengths_that_differ_are_said),
        cmocka_unit_test(
            a_heap_from_before_the_first_collection_decides_nothing),
        cmocka_unit_test(runs_are_compared_by_their_spread),
        cmocka_unit_test(closures_are_one_site_between_builds),
        cmocka_unit_test(snapshots_of_one_process_are_one_run),
        cmocka_unit_test(named_profiles_are_runs_unless_births_say_no),
        cmocka_unit_test(two_processes_a_side_are_no_group),
        cmocka_unit_test(births_tell_processes_of_a_folder_apart),
        cmocka_unit_test(folders_of_moments_are_no_runs),
        cmocka_unit_test(folders_of_few_sites_are_runs),
        cmocka_unit_test(profiles_without_times_are_ordered_by_births),
        cmocka_unit_test(an_order_by_births_proves_less),
        cmocka_unit_test(a_process_counts_as_its_last_profile_shows_it),
        cmocka_unit_test(runs_of_another_length_are_no_group),
        cmocka_unit_test(halves_of_one_process_are_paired),
        cmocka_unit_test(an_order_that_only_births_tell_is_said),
        cmocka_unit_test(profiles_stray_from_the_trend_of_their_process),
        cmocka_unit_test(goroutines_of_a_folder_follow_their_own_heap),
        cmocka_unit_test(calibration_runs_give_the_noise_of_a_site),
        cmocka_unit_test(bursts_bound_sites_that_runs_hardly_have),
        cmocka_unit_test(rates_of_runs_are_slopes),
        cmocka_unit_test(times_that_are_too_far_apart_do_not_turn_around),
        cmocka_unit_test(a_rate_over_times_too_far_apart_keeps_its_sign),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
