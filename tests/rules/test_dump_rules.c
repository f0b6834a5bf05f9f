/*
 * Heap dumps to findings: what holds, what it is called, how sure it is. Dumps
 * are those of a small program of ours, of the simulator, and of the corpus.
 */
#include "rules/judged_dump.h"
#include "series/made.h"

#include "rules/dump_private.h"
#include "sim/model_private.h"

#include <math.h>

#define EXE testdata("heap/dumpkinds.go1.26.zst")

static const struct dump_options small = {.min_bytes = 256 << 10};

static void open_kind(struct judged_dump *d, const char *rule, const char *kind)
{
    char path[128];
    (void)snprintf(path, sizeof path, "rules/%s/%s-go1.26/end.heapdump.zst",
                   rule, kind);
    judged_dump_open(d, testdata(path), EXE);
}

/* --- names --- */

static void a_holder_has_the_name_that_the_program_gave_it(void **state)
{
    static const struct {
        const char *rule, *kind, *name, *type;
    } rows[] = {
        {"dump-map",       "leak",        "main.users",                         "map[int]*main.user"},
        {"dump-slice",     "leak",        "main.history",                       "[]*main.event"     },
        {"dump-global",    "leak",        "main.last",                          "*main.entry"       },
        {"dump-channel",   "leak",        "main.events",                        "chan *main.event"  },
        {"dump-listener",  "leak",        "main.hub.listeners",                 "[]func(int) int"   },
        {"dump-closure",   "leak",        "main.atExit",                        "[]func() uint8"    },
        {"dump-timer",     "leak",        "main.tickers",                       "[]*time.Ticker"    },
        {"dump-pool",      "leak",        "main.buffers",                       "sync.Pool"         },
        {"dump-substring", "leak",        "main.rooms.ids",                     "[]string"          },
        {"dump-context",   "leak",        "main.serving.children",
         "map[context.canceler]struct {}"                                                           },
        {"dump-holder",    "leak",        "goroutine main.main, head",          "main.event"        },
        {"dump-goroutine", "leak",        "goroutines main.awaitAnswers.func1",
         "goroutine"                                                                                },
        {"dump-global",    "leak-list",   "main.audit",                         "*list.List"        },
        {"dump-map",       "leak-sync",   "main.sessions",                      "sync.Map"          },
        {"dump-slice",     "leak-behind", "main.history",                       "[]*main.event"     },
        {"dump-substring", "leak-part",   "main.parts",                         "[][]uint8"         },
        {"dump-finalizer", "leak-queue",  "finalizers that wait to run",
         "main.slow"                                                                                },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged_dump d;
        open_kind(&d, rows[i].rule, rows[i].kind);
        judged_dump_judge(&d, &small);
        const struct finding *f = judged_first(&d);
        if (!f) {
            fail_msg("%s %s: nothing", rows[i].rule, rows[i].kind);
        }
        assert_string_equal(f->rule->id, rows[i].rule);
        assert_string_equal(f->holder->name, rows[i].name);
        assert_string_equal(f->holder->type, rows[i].type);
        assert_non_null(f->holder->path);
        assert_true(f->holder->share >= 0 && f->holder->share <= 1);
        judged_dump_release(&d);
    }
}

static void what_is_small_is_no_suspect_whatever_its_share(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-map", "leak");
    judged_dump_judge(&d, NULL);
    assert_null(judged_first(&d));
    assert_int_equal(d.findings.verdict, VERDICT_CLEAN);
    judged_dump_release(&d);
}

static void every_object_has_its_site_when_all_were_sampled(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-slice", "leak");
    judged_dump_judge(&d, &small);
    const struct finding *f = judged_first(&d);
    assert_true(f->has_site);
    assert_string_equal(f->site.function, "main.addHistory");
    assert_string_equal(f->evidence[0],
                        "allocated there: 1.0 MB in 3,000 objects, exact");
    judged_dump_release(&d);
}

/* --- goroutines --- */

static void goroutines_that_nothing_can_wake_are_proven(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine-unreachable", "leak");
    judged_dump_judge(&d, NULL);
    const struct finding *f = judged_first(&d);
    assert_int_equal(f->grade, GRADE_PROVEN);
    assert_string_equal(f->metrics[0].name, "goroutines");
    assert_true(f->metrics[0].last == 70);
    assert_string_equal(f->site.function, "main.awaitForever.func1");
    assert_true(f->has_creator);
    assert_string_equal(f->creator.function, "main.awaitForever");
    /* Lines are those of the receive and of the go statement. */
    assert_int_equal(f->site.line, 211);
    assert_int_equal(f->creator.line, 211);
    assert_int_equal(d.findings.verdict, VERDICT_LEAK);
    judged_dump_release(&d);
}

static void a_channel_in_a_variable_may_be_sent_to(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine-unreachable", "clean");
    judged_dump_judge(&d, NULL);
    for (size_t i = 0; i < d.findings.n; i++) {
        assert_true(d.findings.items[i].grade < GRADE_STRONG);
    }
    judged_dump_release(&d);
}

static void a_few_leaked_goroutines_are_worth_knowing_only(void **state)
{
    (void)state;
    const struct dump_options many = {.min_goroutines = 71};
    struct judged_dump d;
    open_kind(&d, "dump-goroutine-unreachable", "leak");
    judged_dump_judge(&d, &many);
    assert_null(judged_first(&d));
    assert_int_equal(d.findings.n, 1);
    judged_dump_release(&d);
}

static void few_at_several_places_are_proven_together(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine-unreachable", "leak-three");
    judged_dump_judge(&d, NULL);
    assert_int_equal(d.findings.n, 3);
    for (size_t i = 0; i < d.findings.n; i++) {
        assert_int_equal(d.findings.items[i].grade, GRADE_PROVEN);
        assert_true(d.findings.items[i].metrics[0].last == 20);
    }
    judged_dump_release(&d);
}

static void what_two_groups_hold_is_counted_once(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine-unreachable", "leak-shared");
    judged_dump_judge(&d, NULL);
    assert_int_equal(d.findings.n, 2);
    double sum = 0;
    double reachable = 0;
    for (size_t i = 0; i < d.findings.n; i++) {
        sum += d.findings.items[i].holder->retained_bytes;
        reachable += d.findings.items[i].holder->reachable_bytes;
    }
    assert_true(sum >= 1 << 20 && sum < 1.5 * (1 << 20));
    assert_true(reachable >= 2 << 20);
    judged_dump_release(&d);
}

static bool has_evidence(const struct finding *f, const char *part)
{
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (strstr(f->evidence[i], part)) {
            return true;
        }
    }
    return false;
}

static void workers_of_one_channel_are_no_suspects(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine", "clean-workers");
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    assert_true(d.findings.n > 0);
    assert_true(
        has_evidence(&d.findings.items[0], "workers that wait for work"));
    judged_dump_release(&d);
}

static void one_goroutine_with_a_table_is_no_suspect(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-goroutine", "clean-main");
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    judged_dump_release(&d);
}

static void a_table_and_its_index_are_no_suspects(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-slice", "clean-table");
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    /* Its names are held by it, not by what the system's strings hold. */
    bool is_told = false;
    for (size_t i = 0; i < d.findings.n; i++) {
        const struct finding *f = &d.findings.items[i];
        is_told = is_told || (strcmp(f->holder->name, "string (bytes)") == 0 &&
                              strstr(f->holder->path, "main.table") != NULL);
    }
    assert_true(is_told);
    judged_dump_release(&d);
}

static void what_the_next_collection_frees_is_no_suspect(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-finalizer", "clean-next");
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    assert_true(d.findings.n > 0);
    assert_string_equal(d.findings.items[0].headline,
                        "finalizers run after the next collection");
    judged_dump_release(&d);
}

static void a_slice_tells_how_much_of_it_is_in_use(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-slice", "leak-behind");
    judged_dump_judge(&d, &small);
    assert_string_equal(judged_first(&d)->headline,
                        "a slice keeps what is behind its length");
    assert_true(has_evidence(judged_first(&d), "len 5, cap 3,0"));
    judged_dump_release(&d);
    open_kind(&d, "dump-substring", "leak-part");
    judged_dump_judge(&d, &small);
    assert_true(has_evidence(judged_first(&d), "8 of 6,144 elements"));
    judged_dump_release(&d);
}

static void many_alike_are_held_by_what_holds_most_of_them(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump d;
    const struct view_holder *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    open_kind(&d, "dump-slice", "clean-table");
    assert_ok(heap_view_holders(d.view, 0, 10, &rows, &n, &n_all, &err), &err);
    bool is_told = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, "string (bytes)") == 0) {
            is_told = true;
            assert_string_equal(rows[i].held_by[0], "global main.byName");
            assert_string_equal(rows[i].held_by[1], "[]main.place (backing)");
        }
    }
    assert_true(is_told);
    judged_dump_release(&d);
}

static void what_is_deeper_than_rows_go_keeps_its_holder(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump d;
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    open_kind(&d, "dump-global", "leak-chain");
    judged_dump_judge(&d, &small);
    const struct finding *f = judged_first(&d);
    assert_non_null(f);
    assert_string_equal(f->rule->id, "dump-global");
    assert_string_equal(f->holder->name, "main.chain");
    assert_true(f->holder->share > 0.5);
    assert_non_null(strstr(f->holder->path, "and so on, more than 24 deep"));
    assert_ok(heap_view_branches(d.view, 0.5, 100, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, VIEW_DEPTH_MAX);
    assert_true(rows[n - 1].is_cut);
    assert_false(rows[0].is_cut);
    judged_dump_release(&d);
}

/* --- with profiles --- */

/* A finding of goroutine profiles as it would be of the fixture: `delta` more
   of those that wait in `leaf`. */
static void add_profile_finding(struct findings *f, const char *function,
                                const char *leaf, double delta)
{
    static const char *lines[] = {"its growth slows down: it may be warming up",
                                  "p 0.5"};
    struct frame *stack = arena_new(&f->arena, struct frame, 2);
    struct metric *m = arena_new(&f->arena, struct metric, 1);
    const char **evidence = arena_new(&f->arena, const char *, 2);
    stack[0] = (struct frame){.function = leaf, .file = "", .package = ""};
    stack[1] = (struct frame){.function = function, .file = "", .package = ""};
    *m = (struct metric){.name = "goroutines", .unit = "count", .delta = delta};
    evidence[0] = lines[0];
    evidence[1] = lines[1];
    f->items = arena_new(&f->arena, struct finding, 1);
    f->n = 1;
    f->items[0] = (struct finding){.rule = rules_find("goroutine-growth"),
                                   .grade = GRADE_SUSPECT,
                                   .profile = KIND_GOROUTINE,
                                   .has_site = true,
                                   .site = stack[1],
                                   .stack = stack,
                                   .n_stack = 2,
                                   .metrics = m,
                                   .n_metrics = 1,
                                   .doubt = lines[0],
                                   .evidence = evidence,
                                   .n_evidence = 2};
}

static void profiles_are_proven_where_the_dump_covers_them(void **state)
{
    static const struct {
        const char *function, *leaf;
        double delta;
        enum grade grade;
        size_t n_findings;
    } rows[] = {
        {"main.awaitForever.func1", "runtime.chanrecv1",      70,  GRADE_PROVEN,  1},
 /* The dump has a part of them: that part is a finding of its own. */
        {"main.awaitForever.func1", "runtime.chanrecv1",      700, GRADE_SUSPECT, 2},
 /* Another kind of wait, and a function that is not theirs. */
        {"main.awaitForever.func1", "sync.(*Mutex).lockSlow", 70,  GRADE_SUSPECT,
         2                                                                         },
        {"main.awaitForever",       "runtime.chanrecv1",      70,  GRADE_SUSPECT, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        struct judged_dump d;
        struct findings f = {0};
        open_kind(&d, "dump-goroutine-unreachable", "leak");
        add_profile_finding(&f, rows[i].function, rows[i].leaf, rows[i].delta);
        const struct dump_evidence e = judged_evidence(&d);
        assert_ok(rules_join_dump(&e, NULL, &f, &err), &err);
        assert_int_equal(f.n, rows[i].n_findings);
        const struct finding *of_profile = &f.items[f.n - 1];
        assert_int_equal(of_profile->grade, rows[i].grade);
        assert_int_equal(has_evidence(of_profile, "it may be warming up"),
                         rows[i].grade != GRADE_PROVEN);
        findings_release(&f);
        judged_dump_release(&d);
    }
}

/* "Nothing, if this is the bound you meant." */
static void proof_is_told_of_goroutines_that_no_longer_come(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump d;
    struct findings f = {.verdict = VERDICT_CLEAN};
    open_kind(&d, "dump-goroutine-unreachable", "leak");
    add_profile_finding(&f, "main.awaitForever.func1", "runtime.chanrecv1", 70);
    f.items[0].grade = GRADE_INFO;
    f.items[0].has_ended = true;
    f.items[0].fix = "Nothing";
    f.limits.advice = "wait 3 s more";
    const struct dump_evidence e = judged_evidence(&d);
    assert_ok(rules_join_dump(&e, NULL, &f, &err), &err);
    assert_int_equal(f.items[0].grade, GRADE_PROVEN);
    assert_false(f.items[0].has_ended);
    assert_non_null(strstr(f.items[0].cause, "wait for what nobody who runs"));
    assert_non_null(strstr(f.items[0].fix, "close(ch)"));
    assert_int_equal(f.verdict, VERDICT_LEAK);
    assert_null(f.limits.advice);
    findings_release(&f);
    judged_dump_release(&d);
}

/* Fix of a heap finding of profiles after a dump with its map. */
static const char *fix_beside_a_map(const struct judged_dump *d, bool has_ended,
                                    struct findings *f)
{
    struct err err = {0};
    struct metric *m = arena_new(&f->arena, struct metric, 1);
    *m = (struct metric){.name = "inuse_space", .unit = "bytes", .last = 1};
    f->items = arena_new(&f->arena, struct finding, 1);
    f->n = 1;
    f->items[0] = (struct finding){.rule = rules_find("heap-growth"),
                                   .grade = GRADE_INFO,
                                   .profile = KIND_HEAP,
                                   .has_site = true,
                                   .site = {.function = "main.addUsers"},
                                   .metrics = m,
                                   .n_metrics = 1,
                                   .fix = "Nothing",
                                   .has_ended = has_ended};
    const struct dump_evidence e = judged_evidence(d);
    assert_ok(rules_join_dump(&e, NULL, f, &err), &err);
    return f->items[0].fix;
}

static void what_ended_is_given_no_cause_to_mend(void **state)
{
    (void)state;
    struct judged_dump d;
    struct findings f = {0};
    open_kind(&d, "dump-map", "leak");
    assert_non_null(strstr(fix_beside_a_map(&d, false, &f), "Bound it"));
    findings_release(&f);
    assert_string_equal(fix_beside_a_map(&d, true, &f), "Nothing");
    assert_non_null(f.items[0].holder);
    findings_release(&f);
    judged_dump_release(&d);
}

/* --- parts of a dump --- */

static void open_part(struct judged_dump *d, const char *rule, size_t n)
{
    char path[128];
    char whole[64];
    char part[] = "/tmp/seep-part-XXXXXX";
    (void)snprintf(path, sizeof path, "rules/%s/leak-go1.26/end.heapdump.zst",
                   rule);
    judged_inflate(testdata(path), whole);
    struct buf all = test_read_file(whole);
    assert_true(all.len > n);
    const int fd = mkstemp(part);
    assert_int_equal(write(fd, all.data, n), (ssize_t)n);
    close(fd);
    judged_dump_open(d, part, n > 4096 ? EXE : NULL);
    unlink(part);
    unlink(whole);
    buf_release(&all);
}

static void a_dump_that_is_not_whole_is_not_clean(void **state)
{
    (void)state;
    struct judged_dump d;
    open_part(&d, "dump-map", 100);
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    assert_int_equal(d.findings.verdict, VERDICT_INCONCLUSIVE);
    /* Nor does a dump that ends before its samples tell that it had none. */
    for (size_t i = 0; i < d.findings.n_notes; i++) {
        assert_null(strstr(d.findings.notes[i], "no allocation samples"));
    }
    judged_dump_release(&d);
}

static void what_a_first_dump_lacks_is_no_growth(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump a;
    struct judged_dump b;
    open_part(&a, "dump-map", 100);
    open_kind(&b, "dump-map", "leak");
    const struct dump_evidence before = judged_evidence(&a);
    const struct dump_evidence after = judged_evidence(&b);
    assert_ok(
        rules_judge_dump_growth(&before, &after, &small, &b.findings, &err),
        &err);
    assert_null(judged_first(&b));
    assert_int_equal(b.findings.verdict, VERDICT_INCONCLUSIVE);
    assert_true(b.findings.n_notes > 0);
    judged_dump_release(&a);
    judged_dump_release(&b);
}

static void
without_the_binary_nothing_is_proven_and_that_is_no_verdict(void **state)
{
    (void)state;
    struct judged_dump d;
    judged_dump_open(&d,
                     testdata("rules/dump-goroutine-unreachable/leak-go1.26/"
                              "end.heapdump.zst"),
                     NULL);
    judged_dump_judge(&d, &small);
    for (size_t i = 0; i < d.findings.n; i++) {
        assert_true(d.findings.items[i].grade < GRADE_STRONG);
    }
    assert_int_equal(d.findings.n_notes, 1);
    judged_dump_release(&d);
    judged_dump_open(
        &d, testdata("rules/dump-map/clean-go1.26/end.heapdump.zst"), NULL);
    judged_dump_judge(&d, &small);
    assert_null(judged_first(&d));
    assert_int_equal(d.findings.verdict, VERDICT_INCONCLUSIVE);
    judged_dump_release(&d);
}

/* --- two dumps --- */

static void growth_is_told_by_names_across_restarts(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump a;
    struct judged_dump b;
    open_kind(&a, "dump-map", "clean");
    open_kind(&b, "dump-map", "leak");
    const struct dump_evidence before = judged_evidence(&a);
    const struct dump_evidence after = judged_evidence(&b);
    assert_ok(
        rules_judge_dump_growth(&before, &after, &small, &b.findings, &err),
        &err);
    const struct finding *f = judged_first(&b);
    assert_non_null(f);
    assert_int_equal(f->grade, GRADE_GROWTH);
    assert_string_equal(f->rule->id, "dump-map");
    assert_string_equal(f->holder->name, "main.users");
    assert_string_equal(f->metrics[0].name, "retained_space");
    assert_true(f->metrics[0].first > 0);
    assert_true(f->metrics[0].delta > 1 << 20);
    assert_int_equal(b.findings.verdict, VERDICT_GROWTH);
    judged_dump_release(&a);
    judged_dump_release(&b);
}

static void the_same_dump_twice_shows_no_growth(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump a;
    open_kind(&a, "dump-map", "leak");
    const struct dump_evidence e = judged_evidence(&a);
    assert_ok(rules_judge_dump_growth(&e, &e, &small, &a.findings, &err), &err);
    assert_null(judged_first(&a));
    assert_int_equal(a.findings.verdict, VERDICT_CLEAN);
    judged_dump_release(&a);
}

/* Names of the first dump were there, elsewhere; users were not. */
static void what_was_below_the_lists_is_not_called_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump a;
    struct judged_dump b;
    struct heap_diff *d = NULL;
    const struct diff_row *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    size_t n_seen = 0;
    open_kind(&a, "dump-slice", "clean-table");
    open_kind(&b, "dump-map", "leak");
    assert_ok(heap_diff_new(a.view, &a.facts, b.view, &b.facts, rules_dump_site,
                            &d, &err),
              &err);
    assert_ok(heap_diff_rows(d, DIFF_BY_PATH, 100, &rows, &n, &n_all, &err),
              &err);
    for (size_t i = 0; i < n; i++) {
        const struct span name = span_of(rows[i].name);
        if (span_starts(name, "global main.users") &&
            span_ends(name, ".name string (bytes)")) {
            assert_true(isnan(rows[i].before_bytes));
            n_seen++;
        } else if (span_starts(name, "global main.users") &&
                   span_ends(name, "-> main.user")) {
            assert_true(rows[i].before_bytes == 0);
            n_seen++;
        }
    }
    assert_int_equal(n_seen, 2);
    heap_diff_free(d);
    judged_dump_release(&a);
    judged_dump_release(&b);
}

/* --- ids --- */

static void an_id_is_of_the_holder_and_stays_from_dump_to_dump(void **state)
{
    (void)state;
    struct judged_dump a;
    struct judged_dump b;
    open_kind(&a, "dump-map", "leak");
    open_kind(&b, "dump-map", "clean");
    judged_dump_judge(&a, &small);
    judged_dump_judge(&b, &small);
    assert_true(a.findings.n > 0 && b.findings.n > 0);
    assert_string_equal(a.findings.items[0].id, b.findings.items[0].id);
    judged_dump_release(&b);
    open_kind(&b, "dump-slice", "leak");
    judged_dump_judge(&b, &small);
    assert_string_not_equal(a.findings.items[0].id, b.findings.items[0].id);
    judged_dump_release(&a);
    judged_dump_release(&b);
}

/* --- with profiles --- */

/* Of the program of a dump: profiles with a function, and of a build unless
   that is NULL. */
static enum dump_fit fit_of(const struct judged_dump *d, const char *function,
                            const char *build_id)
{
    struct series *s = series_new(NULL);
    struct err err = {0};
    enum dump_fit fit = DUMP_FITS;
    char stack[128];
    (void)snprintf(stack, sizeof stack, "%s:3 main.main.func1:7 main.main:2",
                   function);
    for (size_t i = 0; i < 5; i++) {
        struct profile_builder *b = made_heap(MADE_PERIOD);
        if (build_id) {
            (void)profile_builder_mapping(b, 0x400000, 0x500000, 0,
                                          SPAN_LIT("/usr/bin/kinds"),
                                          span_of(build_id));
        }
        made_block(b, stack, 64, 10 * (double)(i + 1), 10 * (double)(i + 1));
        made_add(s, b, KIND_HEAP, "heap", 10 * (double)i);
    }
    made_finish(s);
    const struct dump_evidence e = judged_evidence(d);
    assert_ok(rules_dump_fit(&e, s, &fit, &err), &err);
    series_free(s);
    return fit;
}

static void a_dump_belongs_to_profiles_of_its_binary_only(void **state)
{
    (void)state;
    struct judged_dump d;
    open_kind(&d, "dump-map", "leak");
    const char *own = binary_build_id(d.binary);
    assert_int_equal(strlen(own), 40);
    assert_int_equal(fit_of(&d, "main.addUsers", NULL), DUMP_FITS);
    assert_int_equal(fit_of(&d, "main.(*hubType).listen", own), DUMP_FITS);
    assert_int_equal(fit_of(&d, "main.nobody", NULL), DUMP_OTHER_PROGRAM);
    assert_int_equal(fit_of(&d, "main.nobody", "0123"), DUMP_OTHER_PROGRAM);
    assert_int_equal(fit_of(&d, "main.addUsers", "0123"), DUMP_OTHER_BUILD);
    judged_dump_release(&d);
}

/* --- candidates by hand --- */

static bool is_listener(const char *name, const char *type)
{
    const struct rule *rule = rules_find("dump-listener");
    const struct heap_bucket bucket = {0};
    const struct dump_candidate c = {
        .what = DUMP_HELD,
        .container = CONTAINER_MAP,
        .holder = {.name = name, .type = type},
        .allocation = {.bucket = &bucket           },
    };
    const struct evidence e = {.kind = EVIDENCE_HEAP_DUMP, .dump = &c};
    struct arena arena = {0};
    struct rule_match m = {.arena = &arena};
    const bool is_it = rule->check(rule, &e, NULL, &m);
    arena_release(&arena);
    return is_it;
}

static void listeners_are_known_by_what_holds_them_not_by_where(void **state)
{
    static const struct {
        const char *name, *type;
        bool is_listener;
    } rows[] = {
        {"main.bus.listeners",             "[]func(string)",            true },
        {"http.Server.Handler.b.subs",     "[]func(string)",            true },
        {"example.com/hooks.registry",     "map[string]int",            false},
        {"main.hub.handlerList",           "list.List",                 true },
        {"main.hub.byName",                "map[string]*main.listener", true },
        {"http.Server.Handler.cache",      "lru.Cache",                 false},
        {"http.Server.Handler.a.log",      "[]*main.entry",             false},
        {"http.Server.Handler",            "main.database",             false},
        {"main.observers.byID",            "map[int]*observer.point",   false},
        {"main.inFlight",                  "[]*main.requestHandler",    false},
        {"goroutine main.main, callbacks", NULL,                        true },
        {"main.watchers[go.shape.int]",    NULL,                        true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_listener(rows[i].name, rows[i].type) != rows[i].is_listener) {
            fail_msg("%s %s", rows[i].name, rows[i].type ? rows[i].type : "");
        }
    }
}

/* cache -> 1,000 elements; cache -> index -> `n_indexed` of them. */
static size_t told_of_cache(double listed, double indexed)
{
    const struct view_branch branch = {0};
    const struct dump_row root = {.branch = &branch};
    const struct dump_row cache = {.branch = &branch,
                                   .weight = listed + indexed};
    const struct dump_row elements = {.branch = &branch, .weight = listed};
    const struct dump_row index = {.branch = &branch, .weight = indexed};
    const struct dump_row entries = {.branch = &branch, .weight = indexed};
    struct dump_judge j = {0};
    assert_true(dump_candidates_push(&j.candidates,
                                     (struct dump_candidate){
                                         .what = DUMP_HELD,
                                         .is_growing = true,
                                         .container = CONTAINER_LIST,
                                         .way = {{&root, &cache, &elements}, 3},
                                         .at = 1,
                                         .held = 2,
                                         .weight = cache.weight
    }));
    assert_true(dump_candidates_push(
        &j.candidates, (struct dump_candidate){
                           .what = DUMP_HELD,
                           .is_growing = true,
                           .container = CONTAINER_MAP,
                           .way = {{&root, &cache, &index, &entries}, 4},
                           .at = 2,
                           .held = 3,
                           .weight = index.weight
    }));
    dump_drop_overlaps(&j);
    const size_t n = j.candidates.n;
    const bool is_index = j.candidates.items[0].at == 2;
    dump_candidates_release(&j.candidates);
    return n == 1 && is_index ? 1 : n;
}

static void what_an_index_holds_is_not_told_of_the_cache_again(void **state)
{
    (void)state;
    assert_int_equal(told_of_cache(3e6, 25e6), 1);
    assert_int_equal(told_of_cache(25e6, 3e6), 2);
}

/* --- the simulator --- */

static void write_file(const char *path, struct span s)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(s.p, 1, s.len, f), s.len);
    assert_int_equal(fclose(f), 0);
}

typedef void change_fn(struct sim_world *w);

static void open_changed(struct judged_dump *d, const char *name,
                         change_fn *change)
{
    struct err err = {0};
    struct sim_options o;
    struct sim_world *w = NULL;
    sim_options_default(&o);
    o.scenario = sim_scenario_find(name);
    assert_non_null(o.scenario);
    o.n_background = 0;
    o.go = SIM_GO_1_26;
    assert_ok(sim_world_new(&o, &w, &err), &err);
    if (change) {
        change(w);
    }
    assert_ok(sim_world_run(w, 300 * SIM_SECOND, &err), &err);
    assert_ok(sim_world_collect(w, &err), &err);
    struct test_collector c = TEST_COLLECTOR;
    struct sink sink = test_collect(&c);
    struct buf program = BUF_LIMIT(1 << 26);
    assert_ok(sim_dump_write(w, &sink, &err), &err);
    assert_ok(sim_program_write(w, &program, &err), &err);
    char dump[] = "/tmp/seep-dump-XXXXXX";
    char exe[] = "/tmp/seep-exe-XXXXXX";
    close(mkstemp(dump));
    close(mkstemp(exe));
    write_file(dump, buf_view(&c.bytes));
    write_file(exe, buf_view(&program));
    judged_dump_open(d, dump, exe);
    unlink(dump);
    unlink(exe);
    buf_release(&c.bytes);
    buf_release(&program);
    sim_world_free(w);
}

static void open_scenario(struct judged_dump *d, const char *name)
{
    open_changed(d, name, NULL);
}

/* What each scenario says that holds. */
static void the_simulators_truth_is_the_first_suspect(void **state)
{
    static const struct {
        const char *scenario, *rule, *name;
    } rows[] = {
        {"map-cache",           "dump-map",                   "main.userCache"              },
        {"global-slice",        "dump-slice",                 "main.dataStore"              },
        {"finalizer-cycle",     "dump-finalizer",
         "stream.Stream before its finalizer"                                               },
        {"closure-capture",     "dump-closure",
         "acme.dev/thumbs/internal/jobs.atExit"                                             },
        {"context-value-chain", "dump-context",               "goroutine main.consume"      },
        {"nil-channel",         "dump-goroutine-unreachable",
         "goroutines acme.dev/chat/internal/room.(*Guest).deliver"                          },
        {"n-cast",              "dump-goroutine",             "goroutines main.(*Agent).ask"},
        {"unclosed-channel",    "dump-goroutine",             "goroutines main.worker"      },
        {"unclosed-body",       "dump-goroutine",
         "goroutines net/http.(*persistConn).readLoop"                                      },
    };
    const struct dump_options o = {.min_bytes = 1 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged_dump d;
        open_scenario(&d, rows[i].scenario);
        judged_dump_judge(&d, &o);
        const struct finding *f = judged_first(&d);
        if (!f || strcmp(f->rule->id, rows[i].rule) != 0 ||
            strcmp(f->holder->name, rows[i].name) != 0) {
            fail_msg("%s: %s %s", rows[i].scenario, f ? f->rule->id : "nothing",
                     f ? f->holder->name : "");
        }
        judged_dump_release(&d);
    }
}

static void open_bodies_are_one_finding_with_its_own_fix(void **state)
{
    const struct dump_options o = {.min_bytes = 1 << 20};
    (void)state;
    struct judged_dump d;
    open_scenario(&d, "unclosed-body");
    judged_dump_judge(&d, &o);
    assert_true(d.findings.n > 0);
    assert_string_equal(d.findings.items[0].headline,
                        "HTTP response bodies are not closed");
    assert_non_null(strstr(d.findings.items[0].fix, "resp.Body.Close()"));
    for (size_t i = 0; i < d.findings.n; i++) {
        assert_string_not_equal(d.findings.items[i].holder->name,
                                "http.persistConn");
    }
    judged_dump_release(&d);
}

/* A Transport for each of the stations that idle-keepalive polls. */
static void add_transports(struct sim_world *w)
{
    struct sim_population_spec p = {.name = "transports",
                                    .n_members = 1,
                                    .per_second = 1,
                                    .global = "main.transports",
                                    .global_type = "[]*http.Transport"};
    p.members[0] = (struct sim_member){
        sim_stack(w, "main.ask ask.go:9", "@http-handler", NULL), 448, 1,
        "http.Transport", -1};
    p.life = (struct sim_life){.kind = SIM_FOREVER};
    sim_population(w, &p);
}

static void idle_connections_are_suspect_with_a_transport_each(void **state)
{
    (void)state;
    struct judged_dump d;
    open_scenario(&d, "idle-keepalive");
    judged_dump_judge(&d, NULL);
    assert_null(judged_first(&d));
    judged_dump_release(&d);
    open_changed(&d, "idle-keepalive", add_transports);
    judged_dump_judge(&d, NULL);
    const struct finding *f = judged_first(&d);
    assert_non_null(f);
    assert_string_equal(f->headline,
                        "idle connections, each of its own Transport");
    assert_non_null(strstr(f->fix, "CloseIdleConnections"));
    judged_dump_release(&d);
}

static void goroutines_that_hold_nothing_are_no_holders(void **state)
{
    (void)state;
    struct err err = {0};
    struct judged_dump d;
    struct findings f = {0};
    open_scenario(&d, "idle-keepalive");
    add_profile_finding(&f, "main.main", "runtime.chanrecv1", 1);
    const struct dump_evidence e = judged_evidence(&d);
    assert_ok(rules_join_dump(&e, NULL, &f, &err), &err);
    assert_null(f.items[0].holder);
    assert_true(has_evidence(&f.items[0], "nothing but their stacks"));
    findings_release(&f);
    judged_dump_release(&d);
}

static void results_not_closed_have_the_fix_of_profiles(void **state)
{
    (void)state;
    struct judged_dump d;
    open_scenario(&d, "sql-rows-unclosed");
    judged_dump_judge(&d, NULL);
    assert_true(d.findings.n > 0);
    const struct finding *f = &d.findings.items[0];
    assert_string_equal(f->rule->id, "dump-goroutine");
    assert_string_equal(f->headline, "sql.Rows are not closed");
    assert_non_null(strstr(f->fix, "rows.Close()"));
    judged_dump_release(&d);
}

static void a_list_at_its_bound_turns_over_and_is_no_suspect(void **state)
{
    (void)state;
    struct judged_dump d;
    open_scenario(&d, "lru-at-capacity");
    judged_dump_judge(&d, NULL);
    assert_null(judged_first(&d));
    judged_dump_release(&d);
}

/* --- the corpus --- */

static bool open_corpus(struct judged_dump *d, const char *scenario,
                        const char *exe, const char *moment)
{
    char dump[128];
    char binary[128];
    (void)snprintf(dump, sizeof dump,
                   "corpus/%s/heapdump-go1.23/%s.heapdump.zst", scenario,
                   moment);
    (void)snprintf(binary, sizeof binary, "corpus/%s/%s", scenario, exe);
    const char *path = test_shared(dump);
    const char *program = test_shared(binary);
    if (!path || !program || !test_file_exists(path) ||
        !test_file_exists(program)) {
        return false;
    }
    judged_dump_open(d, path, program);
    judged_dump_judge(d, NULL);
    return true;
}

static void the_leak_of_the_corpus_is_the_first_suspect(void **state)
{
    static const struct {
        const char *scenario, *exe, *moment, *rule, *name;
        enum grade grade;
    } rows[] = {
        {"mapcache", "accounts.go1.23.bin.zst", "end",      "dump-map",
         "main.Server.cache.users",                                                                                   GRADE_SUSPECT},
        {"mapcache", "accounts.go1.23.bin.zst", "late100s", "dump-map",
         "main.Server.cache.users",                                                                                   GRADE_SUSPECT},
        {"mapcache", "accounts.go1.23.bin.zst", "end-nogc", "dump-map",
         "main.Server.cache.users",                                                                                   GRADE_SUSPECT},
        {"chanrecv", "orders.go1.23.bin.zst",   "end",
         "dump-goroutine-unreachable",                                  "goroutines main.(*Dispatcher).awaitReceipt", GRADE_PROVEN },
        {"chanrecv", "orders.go1.23.bin.zst",   "late100s",
         "dump-goroutine-unreachable",                                  "goroutines main.(*Dispatcher).awaitReceipt", GRADE_PROVEN },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct judged_dump d;
        if (!open_corpus(&d, rows[i].scenario, rows[i].exe, rows[i].moment)) {
            skip();
        }
        const struct finding *f = judged_first(&d);
        assert_non_null(f);
        assert_string_equal(f->rule->id, rows[i].rule);
        assert_string_equal(f->holder->name, rows[i].name);
        assert_int_equal(f->grade, rows[i].grade);
        judged_dump_release(&d);
    }
}

static void nothing_is_suspect_when_the_corpus_starts(void **state)
{
    (void)state;
    struct judged_dump d;
    if (!open_corpus(&d, "mapcache", "accounts.go1.23.bin.zst", "start")) {
        skip();
    }
    assert_null(judged_first(&d));
    judged_dump_release(&d);
    if (!open_corpus(&d, "chanrecv", "orders.go1.23.bin.zst", "start")) {
        skip();
    }
    assert_null(judged_first(&d));
    judged_dump_release(&d);
}

static void one_process_is_known_by_its_addresses(void **state)
{
    (void)state;
    struct judged_dump a;
    struct judged_dump b;
    if (!open_corpus(&a, "mapcache", "accounts.go1.23.bin.zst", "start") ||
        !open_corpus(&b, "mapcache", "accounts.go1.23.bin.zst", "end")) {
        skip();
    }
    assert_true(heap_is_same_process(a.graph, b.graph));
    assert_false(heap_is_same_process(b.graph, a.graph));
    judged_dump_release(&b);
    assert_true(
        open_corpus(&b, "mapcache", "accounts.go1.23.bin.zst", "end-nogc"));
    judged_dump_release(&b);
    open_kind(&b, "dump-map", "leak");
    assert_false(heap_is_same_process(a.graph, b.graph));
    judged_dump_release(&a);
    judged_dump_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_holder_has_the_name_that_the_program_gave_it),
        cmocka_unit_test(what_is_small_is_no_suspect_whatever_its_share),
        cmocka_unit_test(every_object_has_its_site_when_all_were_sampled),
        cmocka_unit_test(goroutines_that_nothing_can_wake_are_proven),
        cmocka_unit_test(a_channel_in_a_variable_may_be_sent_to),
        cmocka_unit_test(a_few_leaked_goroutines_are_worth_knowing_only),
        cmocka_unit_test(few_at_several_places_are_proven_together),
        cmocka_unit_test(what_two_groups_hold_is_counted_once),
        cmocka_unit_test(workers_of_one_channel_are_no_suspects),
        cmocka_unit_test(one_goroutine_with_a_table_is_no_suspect),
        cmocka_unit_test(a_table_and_its_index_are_no_suspects),
        cmocka_unit_test(what_the_next_collection_frees_is_no_suspect),
        cmocka_unit_test(a_slice_tells_how_much_of_it_is_in_use),
        cmocka_unit_test(many_alike_are_held_by_what_holds_most_of_them),
        cmocka_unit_test(what_is_deeper_than_rows_go_keeps_its_holder),
        cmocka_unit_test(profiles_are_proven_where_the_dump_covers_them),
        cmocka_unit_test(proof_is_told_of_goroutines_that_no_longer_come),
        cmocka_unit_test(what_ended_is_given_no_cause_to_mend),
        cmocka_unit_test(a_dump_that_is_not_whole_is_not_clean),
        cmocka_unit_test(what_a_first_dump_lacks_is_no_growth),
        cmocka_unit_test(
            without_the_binary_nothing_is_proven_and_that_is_no_verdict),
        cmocka_unit_test(growth_is_told_by_names_across_restarts),
        cmocka_unit_test(the_same_dump_twice_shows_no_growth),
        cmocka_unit_test(what_was_below_the_lists_is_not_called_nothing),
        cmocka_unit_test(an_id_is_of_the_holder_and_stays_from_dump_to_dump),
        cmocka_unit_test(the_simulators_truth_is_the_first_suspect),
        cmocka_unit_test(open_bodies_are_one_finding_with_its_own_fix),
        cmocka_unit_test(a_dump_belongs_to_profiles_of_its_binary_only),
        cmocka_unit_test(listeners_are_known_by_what_holds_them_not_by_where),
        cmocka_unit_test(what_an_index_holds_is_not_told_of_the_cache_again),
        cmocka_unit_test(idle_connections_are_suspect_with_a_transport_each),
        cmocka_unit_test(goroutines_that_hold_nothing_are_no_holders),
        cmocka_unit_test(results_not_closed_have_the_fix_of_profiles),
        cmocka_unit_test(a_list_at_its_bound_turns_over_and_is_no_suspect),
        cmocka_unit_test(the_leak_of_the_corpus_is_the_first_suspect),
        cmocka_unit_test(nothing_is_suspect_when_the_corpus_starts),
        cmocka_unit_test(one_process_is_known_by_its_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
