/* What is written down, and from where on it is replayed. */
#include "test.h"

#include "watch/watch.h"
#include "watch/watcher_private.h"

#include <stdio.h>
#include <stdlib.h>
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

static void a_state_of_another_version_is_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct watcher *w = open_watch(&store);
    append(w, 0, false);
    struct err err = {0};
    assert_ok(store_put_state(store, w->items[0]->stored,
                              SPAN_LIT("2 what it says"), &err),
              &err);
    commit_and_close(w, store);
    const struct store_options so = {0};
    assert_ok(store_open(path, &so, &store, &err), &err);
    struct watch_options o = {.http = {.user_agent = "seep-test"},
                              .interval_ns = SECOND,
                              .has_heap = true,
                              .rules = &no_rules,
                              .store = store};
    struct watch_targets t = {0};
    assert_ok(watch_targets_add(&t, "orders:6060", &err), &err);
    assert_ok(watch_targets_finish(&t, &err), &err);
    assert_ok(watcher_new(&o, NULL, NULL, &w, &err), &err);
    assert_false(watcher_set_targets(w, &t, 1, 1, &err));
    assert_err(&err, ERR_FORMAT, "store: the state is of another version");
    watch_targets_release(&t);
    watcher_free(w);
    store_close(store);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        CASE(a_short_run_is_replayed_from_its_beginning),
        CASE(of_a_long_run_the_latest_part_is_replayed),
        CASE(what_is_not_committed_is_not_there),
        CASE(what_was_confirmed_is_remembered),
        CASE(since_when_it_is_strong_is_remembered),
        CASE(what_is_strong_only_counts_as_unconfirmed),
        CASE(a_state_of_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
