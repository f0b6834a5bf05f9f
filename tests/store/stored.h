/*
 * A store in a folder of its own, and points to put into it: what the tests of
 * store/ share.
 */
#ifndef SEEP_TESTS_STORE_STORED_H
#define SEEP_TESTS_STORE_STORED_H

#include "series/made.h"
#include "test.h"

#include "store/store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORED_SECOND INT64_C(1000000000)
#define STORED_HOUR   (3600 * STORED_SECOND)
#define STORED_DAY    (24 * STORED_HOUR)

struct stored {
    char dir[64];
    char path[96];
    struct stack_table *table;
    struct store *store;
};

static inline int stored_setup(void **state)
{
    struct stored *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/seep-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/s.db", f->dir);
    f->table = stack_table_new();
    assert_non_null(f->table);
    *state = f;
    return 0;
}

static inline void stored_empty(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e = NULL;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
}

static inline int stored_teardown(void **state)
{
    struct stored *f = *state;
    store_close(f->store);
    stack_table_free(f->table);
    (void)chmod(f->dir, 0700);
    stored_empty(f->dir);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

#define STORED_TEST(name)                                                      \
    cmocka_unit_test_setup_teardown(name, stored_setup, stored_teardown)

/* Opens it for writing (or as `o` says), closing what was open. */
static inline void stored_open_as(struct stored *f, struct store_options o)
{
    struct err err = {0};
    store_close(f->store);
    f->store = NULL;
    assert_ok(store_open(f->path, &o, &f->store, &err), &err);
}

static inline void stored_open(struct stored *f)
{
    stored_open_as(f, (struct store_options){0});
}

/* A new process would know no rows. */
static inline void stored_forget(struct stored *f)
{
    store_close(f->store);
    f->store = NULL;
    stack_table_free(f->table);
    f->table = stack_table_new();
    assert_non_null(f->table);
}

static inline store_target stored_target(struct stored *f, const char *name)
{
    struct err err = {0};
    store_target t = {0};
    assert_ok(store_target_open(f->store, name, "{}", &t, &err), &err);
    return t;
}

/* Goroutines of `n_stacks` stacks, `count` in each. */
static inline struct series_point stored_goroutines(struct stack_table *t,
                                                    unsigned n_stacks,
                                                    double count,
                                                    double seconds)
{
    struct profile_builder *b = made_goroutine();
    for (unsigned i = 0; i < n_stacks; i++) {
        char stack[64];
        (void)snprintf(stack, sizeof stack, "main.f%u:7 main.serve:9", i);
        made_count(b, stack, count + i);
    }
    struct snapshot snap = {.source = "", .kind = KIND_GOROUTINE};
    struct err err = {0};
    snap.time_nanos = MADE_EPOCH + (int64_t)(seconds * 1e9);
    struct series_point p = {0};
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    assert_ok(series_point_of(t, &snap, &p, &err), &err);
    snapshot_release(&snap);
    return p;
}

/* One block of `bytes`, `live` of them sampled. */
static inline struct series_point stored_heap(struct stack_table *t,
                                              double live, double seconds)
{
    struct profile_builder *b = made_heap(MADE_PERIOD);
    made_block(b, "main.keep:5 main.serve:9", 4096, live * 2, live);
    struct snapshot snap = {.source = "", .kind = KIND_HEAP};
    struct err err = {0};
    snap.time_nanos = MADE_EPOCH + (int64_t)(seconds * 1e9);
    struct series_point p = {0};
    assert_ok(profile_builder_finish(b, &snap.profile, &err), &err);
    assert_ok(series_point_of(t, &snap, &p, &err), &err);
    snapshot_release(&snap);
    return p;
}

/* A moment: heap and goroutines, `seconds` after the epoch of made.h. */
static inline void stored_moment(struct stored *f, store_target target,
                                 uint64_t moment, double seconds)
{
    struct err err = {0};
    const int64_t taken = MADE_EPOCH + (int64_t)(seconds * 1e9);
    struct series_point heap =
        stored_heap(f->table, (double)moment + 1, seconds);
    struct series_point goroutines =
        stored_goroutines(f->table, 3, (double)moment + 1, seconds);
    assert_ok(
        store_append(f->store, target, moment, taken, f->table, &heap, &err),
        &err);
    assert_ok(store_append(f->store, target, moment, taken, f->table,
                           &goroutines, &err),
              &err);
    series_point_release(&heap);
    series_point_release(&goroutines);
}

/* --- reading back --- */

enum { STORED_MOMENTS_MAX = 4096 };
struct stored_list {
    size_t n; /* points */
    uint64_t moments[STORED_MOMENTS_MAX];
    size_t n_moments;
    double last_total; /* of values in the last point */
    enum profile_kind last_kind;
    int64_t last_taken;
};

static inline bool stored_take(void *ctx, const struct store_point *p,
                               struct err *err)
{
    (void)err;
    struct stored_list *l = ctx;
    if (l->n_moments == 0 || l->moments[l->n_moments - 1] != p->moment) {
        assert_true(l->n_moments < STORED_MOMENTS_MAX);
        l->moments[l->n_moments++] = p->moment;
    }
    l->n++;
    l->last_total = 0;
    for (size_t i = 0; i < p->point->cells.n; i++) {
        l->last_total += (double)p->point->cells.items[i].in_use;
    }
    l->last_kind = p->point->kind;
    l->last_taken = p->taken_nanos;
    return true;
}

static inline bool stored_try_list(struct stored *f, store_target target,
                                   int64_t since, struct stored_list *out,
                                   struct err *err)
{
    *out = (struct stored_list){0};
    return store_each_point(f->store, target, since, f->table, stored_take, out,
                            err);
}

static inline void stored_list(struct stored *f, store_target target,
                               int64_t since, struct stored_list *out)
{
    struct err err = {0};
    assert_ok(stored_try_list(f, target, since, out, &err), &err);
}

/* --- the file itself, through the linked library --- */

#include <sqlite3.h>

/* Runs SQL beside the store; returns the first number of the first row. */
static inline int64_t stored_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int64_t out = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const char *rest = sql;
    while (*rest != '\0') {
        const int prepared = sqlite3_prepare_v2(db, rest, -1, &q, &rest);
        if (prepared != SQLITE_OK) {
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        }
        if (q == NULL) {
            break;
        }
        int code = SQLITE_ROW;
        for (bool is_first = true; code == SQLITE_ROW; is_first = false) {
            code = sqlite3_step(q);
            if (code == SQLITE_ROW && is_first) {
                out = sqlite3_column_int64(q, 0);
            }
        }
        if (code != SQLITE_DONE) {
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        }
        (void)sqlite3_finalize(q);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return out;
}

static inline void stored_check_integrity(const char *path)
{
    assert_int_equal(stored_sql(path,
                                "SELECT count(*) FROM pragma_integrity_check "
                                "WHERE integrity_check <> 'ok'"),
                     0);
}

#endif
