/* Snapshots in and out, damage, readers beside a writer, full disks. */
#include "store/stored.h"

#include "store/store_private.h"

#include <sys/wait.h>
#include <xxhash.h>

static void points_come_back_as_they_were(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    for (uint64_t m = 0; m < 4; m++) {
        stored_moment(f, a, m, (double)m);
    }
    struct series_point p = stored_heap(f->table, 40, 9);
    struct err err = {0};
    p.build_id = "b1";
    assert_ok(store_append(f->store, a, 9, 77, f->table, &p, &err), &err);
    const struct series_cell wanted = p.cells.items[0];
    series_point_release(&p);

    stored_forget(f);
    stored_open_as(f, (struct store_options){.is_read_only = true});
    struct stored_list l;
    stored_list(f, stored_target(f, "a"), INT64_MIN, &l);
    assert_int_equal(l.n, 9);
    assert_int_equal(l.n_moments, 5);
    assert_int_equal(l.moments[3], 3);
    assert_int_equal(l.moments[4], 9);
    assert_int_equal(l.last_kind, KIND_HEAP);
    assert_int_equal(l.last_taken, 77);
    assert_float_equal(l.last_total, (double)wanted.in_use, 0);
    assert_int_equal(stack_table_n_rows(f->table), 4);
}

static void a_stack_is_kept_once_for_all_targets(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    stored_moment(f, stored_target(f, "a"), 0, 0);
    stored_moment(f, stored_target(f, "b"), 0, 0);
    stored_forget(f); /* another process does not know them */
    stored_open(f);
    stored_moment(f, stored_target(f, "c"), 0, 0);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM stack"), 4);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM snapshot"), 6);
}

static void reading_begins_with_a_whole_moment(void **state)
{
    struct stored *f = *state;
    struct stored_list l;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    struct series_point p = stored_goroutines(f->table, 1, 1, 0);
    struct series_point h = stored_heap(f->table, 1, 0);
    for (uint64_t m = 0; m < 3; m++) {
        const int64_t at = (int64_t)m * 10;
        assert_ok(store_append(f->store, a, m, at, f->table, &h, &err), &err);
        assert_ok(store_append(f->store, a, m, at + 1, f->table, &p, &err),
                  &err);
    }
    series_point_release(&p);
    series_point_release(&h);
    stored_list(f, a, 11, &l); /* the heap of moment 1 is older */
    assert_int_equal(l.n, 4);
    assert_int_equal(l.moments[0], 1);
    uint64_t n = 0;
    assert_ok(store_count_points(f->store, a, 11, &n, &err), &err);
    assert_int_equal(n, 4);
    stored_list(f, a, 22, &l);
    assert_int_equal(l.n, 0);
    assert_ok(store_count_points(f->store, a, 22, &n, &err), &err);
    assert_int_equal(n, 0);
}

static bool stop(void *ctx, const struct store_point *p, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_INTERRUPTED, "stop at %d", (int)p->moment);
}

static void a_visitor_may_end_the_walk(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    stored_moment(f, a, 4, 0);
    for (int i = 0; i < 2; i++) {
        assert_false(store_each_point(f->store, a, INT64_MIN, f->table, stop,
                                      NULL, &err));
        assert_err(&err, ERR_INTERRUPTED, "stop at 4");
    }
}

/* --- damage --- */

static void assert_damage(struct stored *f, const char *sql, const char *how)
{
    store_close(f->store);
    f->store = NULL;
    (void)stored_sql(f->path, sql);
    stored_forget(f);
    stored_open(f);
    struct stored_list l;
    struct err err = {0};
    char text[256];
    assert_false(
        stored_try_list(f, stored_target(f, "a"), INT64_MIN, &l, &err));
    (void)snprintf(text, sizeof text, "%s: a, moment 1 is damaged: %s", f->path,
                   how);
    assert_err(&err, ERR_FORMAT, text);
    assert_int_equal(l.n, 1);
}

/* A moment with one snapshot of one stack, and one before it. */
static void make_two(struct stored *f)
{
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    struct series_point h = stored_heap(f->table, 1, 0);
    struct series_point p = stored_goroutines(f->table, 1, 1, 0);
    assert_ok(store_append(f->store, a, 0, 1, f->table, &h, &err), &err);
    assert_ok(store_append(f->store, a, 1, 1, f->table, &p, &err), &err);
    series_point_release(&p);
    series_point_release(&h);
}

static void a_changed_snapshot_is_named(void **state)
{
    make_two(*state);
    assert_damage(*state,
                  "UPDATE snapshot SET point = zeroblob(length(point)) "
                  "WHERE moment = 1",
                  "it is not what was written");
}

static void a_snapshot_of_garbage_is_named(void **state)
{
    make_two(*state);
    const uint64_t sum = XXH3_64bits("\xff\xff\xff", 3);
    int64_t as_kept = 0;
    memcpy(&as_kept, &sum, sizeof as_kept);
    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE snapshot SET point = x'ffffff', sum = %lld "
                   "WHERE moment = 1",
                   (long long)as_kept);
    struct stored *f = *state;
    store_close(f->store);
    f->store = NULL;
    (void)stored_sql(f->path, sql);
    stored_open(f);
    struct stored_list l;
    struct err err = {0};
    assert_false(
        stored_try_list(f, stored_target(f, "a"), INT64_MIN, &l, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, ": a, moment 1 is damaged: "));
}

static void a_lost_stack_is_named(void **state)
{
    make_two(*state);
    assert_damage(*state, "DELETE FROM stack WHERE id = 2",
                  "stack 2 is missing");
}

static void a_changed_stack_is_named(void **state)
{
    make_two(*state);
    assert_damage(*state,
                  "UPDATE stack SET bytes = bytes || x'00' WHERE id = 2",
                  "stack 2 is not what was written");
}

/* Whatever of it can still be read, without a crash. */
static void try_all(struct stored *f)
{
    struct err err = {0};
    const struct store_options o = {.is_read_only = true};
    if (!store_open(f->path, &o, &f->store, &err)) {
        assert_true(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return;
    }
    struct stored_list l;
    for (int64_t i = 1; i < 4; i++) {
        err_clear(&err);
        if (!stored_try_list(f, (store_target){i}, INT64_MIN, &l, &err)) {
            assert_true(err.text[0] != '\0');
        }
    }
    store_close(f->store);
    f->store = NULL;
}

static void write_file(const char *path, const char *p, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void damaged_files_are_survived(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    for (uint64_t m = 0; m < 20; m++) {
        stored_moment(f, stored_target(f, "a"), m, (double)m);
        stored_moment(f, stored_target(f, "b"), m, (double)m);
    }
    store_close(f->store);
    f->store = NULL;
    struct buf whole = test_read_file(f->path);
    for (size_t n = 0; n < whole.len; n += whole.len / 40 + 1) {
        write_file(f->path, whole.data, n);
        try_all(f);
    }
    char *bytes = malloc(whole.len);
    assert_non_null(bytes);
    uint64_t seed = 5;
    for (int round = 0; round < 300; round++) {
        memcpy(bytes, whole.data, whole.len);
        for (int i = 0; i < 1 + round / 10; i++) {
            bytes[test_random(&seed) % whole.len] = (char)test_random(&seed);
        }
        write_file(f->path, bytes, whole.len);
        try_all(f);
    }
    free(bytes);
    buf_release(&whole);
}

/* --- beside a writer --- */

static size_t count_as_reader(const struct stored *f)
{
    struct stored reader = {0};
    (void)snprintf(reader.path, sizeof reader.path, "%s", f->path);
    reader.table = stack_table_new();
    stored_open_as(&reader, (struct store_options){.is_read_only = true});
    struct stored_list l;
    stored_list(&reader, stored_target(&reader, "a"), INT64_MIN, &l);
    store_close(reader.store);
    stack_table_free(reader.table);
    return l.n;
}

static void readers_see_what_was_committed(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    stored_moment(f, a, 0, 0);
    assert_int_equal(count_as_reader(f), 2);
    assert_ok(store_begin(f->store, &err), &err);
    stored_moment(f, a, 1, 1);
    assert_int_equal(count_as_reader(f), 2);
    assert_ok(store_commit(f->store, &err), &err);
    assert_int_equal(count_as_reader(f), 4);
}

static void two_readers_beside_a_writer_see_whole_moments(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    stored_moment(f, a, 0, 0);
    pid_t readers[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = fork();
        assert_true(readers[i] >= 0);
        if (readers[i] == 0) {
            size_t last = 0;
            for (int k = 0; k < 50; k++) {
                const size_t n = count_as_reader(f);
                if (n % 2 != 0 || n < last) {
                    _exit(1);
                }
                last = n;
            }
            _exit(0);
        }
    }
    for (uint64_t m = 1; m < 200; m++) {
        assert_ok(store_begin(f->store, &err), &err);
        stored_moment(f, a, m, (double)m);
        assert_ok(store_commit(f->store, &err), &err);
    }
    for (int i = 0; i < 2; i++) {
        int status = 1;
        assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
        assert_int_equal(status, 0);
    }
}

/* In a process that may not write into the folder: what reading gives. */
static int read_without_rights(const struct stored *f, const char *want)
{
    assert_int_equal(chmod(f->dir, 0555), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        enum { NOBODY = 65534 };
        if (geteuid() == 0 && setuid(NOBODY) != 0) {
            _exit(77);
        }
        struct err err = {0};
        struct store *s = NULL;
        const struct store_options reads = {.is_read_only = true};
        if (store_open(f->path, &(struct store_options){0}, &s, &err)) {
            _exit(3); /* writing must not be possible */
        }
        if (!store_open(f->path, &reads, &s, &err)) {
            _exit(want != NULL && strstr(err.text, want) != NULL ? 0 : 1);
        }
        store_close(s);
        _exit(want == NULL && count_as_reader(f) == 2 ? 0 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(chmod(f->dir, 0755), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_store_in_a_folder_that_is_read_only_can_be_read(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    stored_moment(f, stored_target(f, "a"), 0, 0);
    /* While it is written to. */
    assert_int_equal(read_without_rights(f, NULL), 0);

    /* After kill -9, and then without what the writer shared. */
    char wal[128];
    char shm[128];
    char kept[128];
    (void)snprintf(wal, sizeof wal, "%s-wal", f->path);
    (void)snprintf(shm, sizeof shm, "%s-shm", f->path);
    (void)snprintf(kept, sizeof kept, "%s-kept", f->path);
    struct buf bytes = test_read_file(wal);
    store_close(f->store);
    f->store = NULL;
    assert_false(test_file_exists(wal));
    assert_int_equal(read_without_rights(f, NULL), 0);
    write_file(wal, bytes.data, bytes.len);
    buf_release(&bytes);
    assert_int_equal(
        read_without_rights(f, "which cannot be read in a read-only directory"),
        0);
}

/* --- full disks --- */

static void limit_pages(struct stored *f, unsigned n)
{
    char sql[64];
    if (f->store == NULL) {
        fail_msg("no store");
        return;
    }
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %u", n);
    assert_int_equal(f->store->lib.exec(f->store->db, sql, NULL, NULL, NULL),
                     SQLITE_OK);
}

static void a_full_disk_is_said_and_nothing_is_half_written(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    stored_moment(f, a, 0, 0);
    limit_pages(f, 20);
    assert_ok(store_begin(f->store, &err), &err);
    struct series_point p = stored_goroutines(f->table, 8000, 1, 0);
    assert_false(store_append(f->store, a, 1, 1, f->table, &p, &err));
    char text[256];
    (void)snprintf(text, sizeof text, "%s: no space left on the disk", f->path);
    assert_err(&err, ERR_IO, text);
    assert_false(store_commit(f->store, &err));

    limit_pages(f, 1 << 20);
    struct stored_list l;
    stored_list(f, a, INT64_MIN, &l);
    assert_int_equal(l.n, 2);
    assert_ok(store_append(f->store, a, 1, 1, f->table, &p, &err), &err);
    series_point_release(&p);
    stored_list(f, a, INT64_MIN, &l);
    assert_int_equal(l.n, 3);
    stored_check_integrity(f->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED_TEST(points_come_back_as_they_were),
        STORED_TEST(a_stack_is_kept_once_for_all_targets),
        STORED_TEST(reading_begins_with_a_whole_moment),
        STORED_TEST(a_visitor_may_end_the_walk),
        STORED_TEST(a_changed_snapshot_is_named),
        STORED_TEST(a_snapshot_of_garbage_is_named),
        STORED_TEST(a_lost_stack_is_named),
        STORED_TEST(a_changed_stack_is_named),
        STORED_TEST(damaged_files_are_survived),
        STORED_TEST(readers_see_what_was_committed),
        STORED_TEST(two_readers_beside_a_writer_see_whole_moments),
        STORED_TEST(a_store_in_a_folder_that_is_read_only_can_be_read),
        STORED_TEST(a_full_disk_is_said_and_nothing_is_half_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
