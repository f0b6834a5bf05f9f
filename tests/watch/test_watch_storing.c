/* What is written down, and from where on it is replayed. */
#include "test.h"

#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

static const struct rules_options no_rules;
static char dir[64], path[128];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/seep-storing-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/watch.db", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static struct watcher *open_watch(struct store **store)
{
    const struct store_options so = {0};
    struct watch_options o = {
        .http = {.user_agent = "seep-test",
                 .total_timeout_ns = SECOND,
                 .connect_timeout_ns = SECOND,
                 .limit_bytes = 1000},
        .interval_ns = SECOND,
        .has_heap = true,
        .rules = &no_rules
    };
    struct watcher *w = NULL;
    struct watch_targets t = {0};
    struct err err = {0};
    assert_ok(store_open(path, &so, store, &err), &err);
    o.store = *store;
    assert_ok(watch_targets_add(&t, "orders:6060", &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, NULL, NULL, &w, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 1, 1, &err), &err);
    watch_targets_release(&t);
    return w;
}

/* Moment number i, taken at second 1000 + i, of a process without goroutines.
 */
static void append(struct watcher *w, int64_t i, bool begins_run)
{
    const struct series_point p = {.kind = KIND_GOROUTINE,
                                   .form = FORM_PROTO,
                                   .program = "",
                                   .build_id = "",
                                   .time_nanos = (1000 + i) * SECOND};
    struct err err = {0};
    w->wall_nanos = (1000 + i) * SECOND;
    assert_ok(storing_append(w, w->items[0], &p, 1, begins_run, &err), &err);
}

/* The same moment into the history. */
static void add(struct watcher *w, int64_t i)
{
    const struct series_point p = {.kind = KIND_GOROUTINE,
                                   .form = FORM_PROTO,
                                   .program = "",
                                   .build_id = "",
                                   .time_nanos = (1000 + i) * SECOND};
    enum history_event event;
    struct err err = {0};
    assert_ok(history_add(w->items[0]->history, w->table, &p, 1, &event, &err),
              &err);
}

static void commit_and_close(struct watcher *w, struct store *store)
{
    struct err err = {0};
    assert_ok(storing_commit(w, &err), &err);
    watcher_free(w);
    store_close(store);
}

static void a_short_run_is_replayed_from_its_beginning(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    for (int64_t i = 0; i < 10; i++) {
        append(w, i, i == 4); /* a restart at moment 4 */
    }
    commit_and_close(w, store);
    w = open_watch(&store);
    assert_int_equal(history_about(w->items[0]->history).n_moments, 6);
    assert_int_equal(w->items[0]->next_moment, 10);
    assert_int_equal(w->items[0]->last_nanos, 1009 * SECOND);
    commit_and_close(w, store);
}

static void of_a_long_run_the_latest_part_is_replayed(void **state)
{
    (void)state;
    enum { N = 3000, MARK = 1024 };
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    for (int64_t i = 0; i < N; i++) {
        append(w, i, false);
    }
    commit_and_close(w, store);
    /* Twice: what is replayed keeps its marks. */
    for (int i = 0; i < 2; i++) {
        w = open_watch(&store);
        assert_int_equal(history_about(w->items[0]->history).n_moments,
                         N - MARK);
        assert_int_equal(w->items[0]->next_moment, N);
        commit_and_close(w, store);
    }
}

static void what_is_not_committed_is_not_there(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    append(w, 0, false);
    struct err err = {0};
    assert_ok(storing_commit(w, &err), &err);
    append(w, 1, false);
    watcher_free(w);
    store_close(store);
    w = open_watch(&store);
    assert_int_equal(w->items[0]->next_moment, 1);
    commit_and_close(w, store);
}

/* So that a command that is run for each confirmed leak is run once. */
static void what_was_confirmed_is_remembered(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct watched *t = w->items[0];
    struct finding items[2] = {
        {.rule = rules_find("goroutine-growth"), .grade = GRADE_STRONG },
        {.rule = rules_find("goroutine-growth"), .grade = GRADE_SUSPECT},
    };
    memcpy(items[0].id, "00000000000000aa", 17);
    memcpy(items[1].id, "00000000000000bb", 17);
    const struct findings found = {.items = items, .n = 2};
    struct err err = {0};
    append(w, 0, false);
    assert_ok(findings_copy(&found, &t->findings, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        struct known_finding *k = known_add(&t->known, items[i].id, 77);
        assert_non_null(k);
        k->is_open = true;
        k->grade = items[i].grade;
        k->is_confirmed = i == 0;
    }
    assert_ok(storing_findings(w, t, true, &err), &err);
    commit_and_close(w, store);
    w = open_watch(&store);
    const struct known_findings *known = &w->items[0]->known;
    assert_int_equal(known->n, 2);
    const struct known_finding *aa = known_find(known, "00000000000000aa");
    const struct known_finding *bb = known_find(known, "00000000000000bb");
    assert_true(aa->is_confirmed && aa->is_open);
    assert_false(bb->is_confirmed);
    assert_int_equal(aa->grade, GRADE_STRONG);
    assert_int_equal(bb->grade, GRADE_SUSPECT);
    commit_and_close(w, store);
}

/* Else a watch that is restarted once in a while would confirm nothing. */
static void since_when_it_is_strong_is_remembered(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct finding item = {.rule = rules_find("goroutine-growth"),
                           .profile = KIND_GOROUTINE,
                           .grade = GRADE_STRONG};
    memcpy(item.id, "00000000000000aa", 17);
    const struct findings found = {.items = &item, .n = 1};
    struct err err = {0};
    /* Five moments of a run before, then twelve, strong since the seventh. */
    for (int64_t i = 0; i < 17; i++) {
        struct findings now = {0};
        assert_ok(storing_resume(w, w->items[0], &err), &err);
        add(w, i);
        append(w, i, i == 5);
        if (i == 5) {
            history_free(w->items[0]->history);
            w->items[0]->history = history_new(0);
            add(w, i);
        }
        if (i >= 11) {
            assert_ok(findings_copy(&found, &now, &err), &err);
            assert_ok(comparing_replace(w, w->items[0], &now, &err), &err);
        }
    }
    assert_int_equal(w->items[0]->known.items[0].strong_since, 7);
    commit_and_close(w, store);
    w = open_watch(&store);
    assert_int_equal(history_about(w->items[0]->history).n_moments, 12);
    assert_int_equal(w->items[0]->known.n, 1);
    assert_int_equal(w->items[0]->known.items[0].strong_since, 7);
    assert_int_equal(w->items[0]->known.items[0].profile, KIND_GOROUTINE);
    assert_false(w->items[0]->known.items[0].is_confirmed);
    /* It falls back; that is remembered, too. */
    struct findings none = {0};
    assert_ok(comparing_replace(w, w->items[0], &none, &err), &err);
    commit_and_close(w, store);
    w = open_watch(&store);
    assert_int_equal(w->items[0]->known.items[0].strong_since, 0);
    commit_and_close(w, store);
}

/* A strong finding is not yet a confirmed one, whoever looks. */
static void what_is_strong_only_counts_as_unconfirmed(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct watched *t = w->items[0];
    struct finding items[2] = {
        {.rule = rules_find("goroutine-growth"), .grade = GRADE_STRONG},
        {.rule = rules_find("goroutine-growth"), .grade = GRADE_STRONG},
    };
    memcpy(items[0].id, "00000000000000aa", 17);
    memcpy(items[1].id, "00000000000000bb", 17);
    const struct findings found = {.items = items, .n = 2};
    struct err err = {0};
    assert_ok(findings_copy(&found, &t->findings, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(known_add(&t->known, items[i].id, 77));
    }
    assert_null(watcher_confirmed(w, 0));
    known_find(&t->known, "00000000000000bb")->is_confirmed = true;
    assert_string_equal(watcher_confirmed(w, 0)->id, "00000000000000bb");
    t->findings.items[1].grade = GRADE_SUSPECT;
    assert_null(watcher_confirmed(w, 0));
    commit_and_close(w, store);
}

/* --- a store that cannot be written to --- */

/* No file may grow beyond so many bytes. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void take(struct watcher *w, size_t target, int64_t i)
{
    const struct series_point p = {.kind = KIND_GOROUTINE,
                                   .form = FORM_PROTO,
                                   .program = "",
                                   .build_id = "",
                                   .time_nanos = (1000 + i) * SECOND};
    struct watched *t = w->items[target];
    enum history_event event;
    struct err err = {0};
    w->wall_nanos = (1000 + i) * SECOND;
    w->now_ns = (1 + i) * SECOND;
    assert_ok(storing_resume(w, t, &err), &err);
    assert_ok(history_add(t->history, w->table, &p, 1, &event, &err), &err);
    assert_ok(storing_append(w, t, &p, 1, false, &err), &err);
    assert_ok(storing_commit(w, &err), &err);
}

static void a_store_that_is_full_is_gone_without_and_tried_again(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    take(w, 0, 0);
    assert_null(watcher_store_trouble(w));
    limit_files(1);
    take(w, 0, 1);
    assert_non_null(watcher_store_trouble(w));
    assert_non_null(strstr(watcher_store_trouble(w), path));
    assert_int_equal(w->counts.n_unstored, 1);
    limit_files(RLIM_INFINITY);
    take(w, 0, 2); /* it rests */
    assert_int_equal(w->counts.n_unstored, 2);
    take(w, 0, 12);
    assert_null(watcher_store_trouble(w));
    assert_non_null(watcher_store_trouble_first(w));
    assert_int_equal(w->counts.n_unstored, 2);
    assert_int_equal(history_about(w->items[0]->history).n_moments, 4);
    commit_and_close(w, store);
    w = open_watch(&store);
    assert_int_equal(history_about(w->items[0]->history).n_moments, 2);
    assert_int_equal(w->items[0]->last_nanos, 1012 * SECOND);
    assert_null(watcher_store_trouble_first(w));
    commit_and_close(w, store);
}

/* What was undone may have given a target its number. */
static void
targets_that_joined_while_it_was_full_get_numbers_of_their_own(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct watch_targets t = {0};
    struct err err = {0};
    take(w, 0, 0);
    limit_files(1);
    for (const char *const *name =
             (const char *const[]){"orders:6060", "a:1", "b:1", NULL};
         *name; name++) {
        assert_ok(watch_targets_add(&t, *name, &err), &err);
    }
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_set_targets(w, &t, 2 * SECOND, 1002 * SECOND, &err),
              &err);
    assert_non_null(watcher_store_trouble(w));
    take(w, 2, 2);
    take(w, 1, 3);
    limit_files(RLIM_INFINITY);
    for (size_t i = 0; i < 3; i++) {
        take(w, i, 20 + (int64_t)i);
    }
    assert_null(watcher_store_trouble(w));
    assert_int_equal(w->counts.n_unstored, 2);
    assert_true(w->items[0]->stored.i != w->items[1]->stored.i &&
                w->items[1]->stored.i != w->items[2]->stored.i &&
                w->items[2]->stored.i != w->items[0]->stored.i);
    for (size_t i = 0; i < 3; i++) {
        uint64_t n = 0;
        assert_ok(store_count_points(store, w->items[i]->stored, 0, &n, &err),
                  &err);
        assert_int_equal(n, i == 0 ? 2 : 1);
    }
    watch_targets_release(&t);
    commit_and_close(w, store);
}

static void findings_that_were_not_stored_are_at_the_end(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct watched *t = w->items[0];
    struct finding item = {.rule = rules_find("goroutine-growth"),
                           .profile = KIND_GOROUTINE,
                           .grade = GRADE_SUSPECT};
    memcpy(item.id, "00000000000000aa", 17);
    const struct findings found = {.items = &item, .n = 1};
    struct findings now = {0};
    struct err err = {0};
    take(w, 0, 0);
    limit_files(1);
    take(w, 0, 1);
    assert_ok(findings_copy(&found, &now, &err), &err);
    assert_ok(comparing_replace(w, t, &now, &err), &err);
    findings_release(&now);
    limit_files(RLIM_INFINITY);
    t->has_unjudged = false; /* else it is judged, and found to be none */
    assert_ok(watcher_judge_all(w, 1002 * SECOND, &err), &err);
    watcher_free(w);
    store_close(store);
    w = open_watch(&store);
    assert_int_equal(w->items[0]->known.n, 1);
    assert_true(w->items[0]->known.items[0].is_open);
    commit_and_close(w, store);
}

static void a_past_that_is_damaged_is_gone_without(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    struct err err = {0};
    take(w, 0, 0);
    assert_ok(store_put_state(store, w->items[0]->stored,
                              SPAN_LIT("2 what it says"), &err),
              &err);
    commit_and_close(w, store);
    w = open_watch(&store);
    assert_string_equal(watcher_store_trouble(w),
                        "the state is of another version");
    for (int64_t i = 1; i < 20; i++) {
        take(w, 0, i);
    }
    assert_int_equal(w->counts.n_unstored, 19);
    assert_int_equal(history_about(w->items[0]->history).n_moments, 19);
    commit_and_close(w, store);
}

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        CASE(a_short_run_is_replayed_from_its_beginning),
        CASE(of_a_long_run_the_latest_part_is_replayed),
        CASE(what_is_not_committed_is_not_there),
        CASE(what_was_confirmed_is_remembered),
        CASE(since_when_it_is_strong_is_remembered),
        CASE(what_is_strong_only_counts_as_unconfirmed),
        CASE(a_store_that_is_full_is_gone_without_and_tried_again),
        CASE(targets_that_joined_while_it_was_full_get_numbers_of_their_own),
        CASE(findings_that_were_not_stored_are_at_the_end),
        CASE(a_past_that_is_damaged_is_gone_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
