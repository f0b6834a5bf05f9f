/* Opening and refusing, targets, states, findings, and who may write. */
#include "store/stored.h"

#include "store/store_private.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* --- opening --- */

static bool try_open(const char *path, bool is_read_only, struct err *err)
{
    struct store *s = NULL;
    const struct store_options o = {.is_read_only = is_read_only};
    const bool ok = store_open(path, &o, &s, err);
    store_close(s);
    return ok;
}

static void a_new_store_is_ours_and_sound(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    assert_true(store_bytes(f->store) > 0);
    stored_open(f);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stored_sql(f->path, "PRAGMA application_id"), 0x53454550);
    assert_int_equal(stored_sql(f->path, "PRAGMA user_version"), 1);
    assert_int_equal(stored_sql(f->path, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(stored_sql(f->path, "SELECT journal_mode = 'wal' FROM "
                                         "pragma_journal_mode"),
                     1);
    stored_check_integrity(f->path);
}

static void names_with_a_meaning_to_sqlite_are_files(void **state)
{
    struct stored *f = *state;
    char before[1024];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->dir), 0);
    struct err err = {0};
    assert_ok(try_open(":memory:", false, &err), &err);
    assert_ok(try_open("file:x?mode=memory", false, &err), &err);
    assert_true(test_file_exists(":memory:"));
    assert_true(test_file_exists("file:x?mode=memory"));
    assert_ok(try_open("file:x?mode=memory", true, &err), &err);
    assert_int_equal(chdir(before), 0);
}

static void what_cannot_be_opened_is_said_in_one_line(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    char text[256];

    assert_false(try_open(f->path, true, &err));
    (void)snprintf(text, sizeof text, "%s: No such file or directory", f->path);
    assert_err(&err, ERR_IO, text);

    char path[128];
    (void)snprintf(path, sizeof path, "%s/none/s.db", f->dir);
    assert_false(try_open(path, false, &err));
    (void)snprintf(text, sizeof text, "%s-lock: No such file or directory",
                   path);
    assert_err(&err, ERR_IO, text);

    assert_false(try_open(f->dir, true, &err));
    (void)snprintf(text, sizeof text, "%s: is a directory, not a store",
                   f->dir);
    assert_err(&err, ERR_IO, text);

    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_false(try_open(f->path, true, &err));
    (void)snprintf(text, sizeof text, "%s: is not a regular file", f->path);
    assert_err(&err, ERR_IO, text);
}

static void write_file(const char *path, const void *p, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void other_files_are_refused_and_left_alone(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    char text[256];
    static const char garbage[] = "this is no database, however long it may "
                                  "be read, and however kindly, to the end of "
                                  "a header of a hundred bytes and beyond it";
    write_file(f->path, garbage, sizeof garbage);
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        assert_false(try_open(f->path, is_read_only != 0, &err));
        (void)snprintf(text, sizeof text, "%s: not a store of seep", f->path);
        assert_err(&err, ERR_FORMAT, text);
    }
    struct buf after = test_read_file(f->path);
    assert_int_equal(after.len, sizeof garbage);
    assert_memory_equal(after.data, garbage, sizeof garbage);
    buf_release(&after);
    (void)unlink(f->path);

    (void)stored_sql(f->path, "CREATE TABLE theirs(x)");
    for (int is_read_only = 0; is_read_only < 2; is_read_only++) {
        assert_false(try_open(f->path, is_read_only != 0, &err));
        (void)snprintf(text, sizeof text,
                       "%s: an SQLite database, but not a store of seep",
                       f->path);
        assert_err(&err, ERR_FORMAT, text);
    }
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM sqlite_master"),
                     1);
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    write_file(f->path, "", 0);
    assert_false(try_open(f->path, true, &err));
    char text[256];
    (void)snprintf(text, sizeof text, "%s: holds no store yet", f->path);
    assert_err(&err, ERR_FORMAT, text);
    assert_ok(try_open(f->path, false, &err), &err);
    assert_ok(try_open(f->path, true, &err), &err);
}

static void a_file_that_claims_to_be_ours_must_have_our_tables(void **state)
{
    struct stored *f = *state;
    (void)stored_sql(f->path, "PRAGMA application_id = 0x53454550;"
                              "PRAGMA user_version = 1;"
                              "CREATE TABLE target(id)");
    struct err err = {0};
    store_target t = {0};
    stored_open(f);
    assert_false(store_target_open(f->store, "a", "{}", &t, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "damaged: "));
}

/* --- versions --- */

static void a_later_version_is_refused(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    store_close(f->store);
    f->store = NULL;
    (void)stored_sql(f->path, "PRAGMA user_version = 7");
    struct err err = {0};
    char text[256];
    (void)snprintf(text, sizeof text,
                   "%s: made by a later version of seep (layout 7, this one "
                   "knows up to 1)",
                   f->path);
    assert_false(try_open(f->path, false, &err));
    assert_err(&err, ERR_MISMATCH, text);
    assert_false(try_open(f->path, true, &err));
    assert_err(&err, ERR_MISMATCH, text);
}

/* Steps that a later version might have: what was there stays. */
static void steps_lead_from_an_earlier_version_to_the_latest(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    const char *const steps[] = {store_steps[0],
                                 "ALTER TABLE target ADD COLUMN note TEXT;",
                                 "UPDATE target SET note = 'kept';"};
    struct err err = {0};
    assert_ok(schema_check(f->store, steps, 3, &err), &err);
    assert_ok(schema_check(f->store, steps, 3, &err), &err); /* nothing to do */
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stored_sql(f->path, "PRAGMA user_version"), 3);
    assert_int_equal(stored_sql(f->path, "SELECT id FROM target "
                                         "WHERE note = 'kept'"),
                     a.i);
}

static void a_step_that_fails_leaves_the_version_before(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const char *const steps[] = {
        store_steps[0], "ALTER TABLE target ADD COLUMN note TEXT;",
        "CREATE TABLE half(x); INSERT INTO nowhere VALUES(1);"};
    struct err err = {0};
    assert_false(schema_check(f->store, steps, 3, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(stored_sql(f->path, "PRAGMA user_version"), 2);
    assert_int_equal(stored_sql(f->path, "SELECT count(*) FROM sqlite_master "
                                         "WHERE name = 'half'"),
                     0);
}

static void a_reader_does_not_migrate(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    stored_open_as(f, (struct store_options){.is_read_only = true});
    const char *const steps[] = {store_steps[0], "SELECT 1;"};
    struct err err = {0};
    assert_false(schema_check(f->store, steps, 2, &err));
    assert_int_equal(err.code, ERR_MISMATCH);
    assert_non_null(strstr(err.text, "made by an earlier version of seep "
                                     "(layout 1 of 2)"));
}

/* --- who may write --- */

static void the_second_writer_is_told_who_writes(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    struct err err = {0};
    char text[256];
    (void)snprintf(text, sizeof text, "%s: process %ld writes to this store",
                   f->path, (long)getpid());
    assert_false(try_open(f->path, false, &err)); /* the same process */
    assert_err(&err, ERR_MISMATCH, text);
    const pid_t pid = fork(); /* another one */
    assert_true(pid >= 0);
    if (pid == 0) {
        const bool ok = try_open(f->path, false, &err);
        _exit(!ok && strcmp(err.text, text) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    store_close(f->store);
    f->store = NULL;
    assert_ok(try_open(f->path, false, &err), &err);
}

static void a_symbolic_link_is_the_same_store(void **state)
{
    struct stored *f = *state;
    char link_path[128];
    (void)snprintf(link_path, sizeof link_path, "%s/link.db", f->dir);
    stored_open(f);
    assert_int_equal(symlink(f->path, link_path), 0);
    struct err err = {0};
    assert_false(try_open(link_path, false, &err));
    assert_int_equal(err.code, ERR_MISMATCH);
    assert_ok(try_open(link_path, true, &err), &err);
}

static void a_reader_cannot_write(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    stored_open_as(f, (struct store_options){.is_read_only = true});
    struct err err = {0};
    char text[256];
    (void)snprintf(text, sizeof text, "%s: opened for reading only", f->path);
    assert_false(store_begin(f->store, &err));
    assert_err(&err, ERR_USAGE, text);
    assert_false(store_put_state(f->store, a, SPAN_LIT("x"), &err));
    assert_err(&err, ERR_USAGE, text);
    bool more = false;
    assert_false(store_prune(f->store, 0, &more, &err));
    assert_int_equal(stored_target(f, "a").i, a.i);
    store_target b = {0};
    assert_false(store_target_open(f->store, "b", "{}", &b, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

/* --- transactions --- */

static size_t n_targets(struct stored *f);

static void what_was_not_committed_is_lost(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    assert_ok(store_begin(f->store, &err), &err);
    (void)stored_target(f, "a");
    assert_ok(store_commit(f->store, &err), &err);
    assert_ok(store_begin(f->store, &err), &err);
    (void)stored_target(f, "b");
    stored_open(f);
    assert_int_equal(n_targets(f), 1);
}

static void one_failed_write_undoes_all_of_its_transaction(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    assert_ok(store_begin(f->store, &err), &err);
    const store_target a = stored_target(f, "a");
    struct series_point p = stored_goroutines(f->table, 2, 1, 0);
    assert_ok(store_append(f->store, a, 0, 1, f->table, &p, &err), &err);
    assert_false(store_append(f->store, a, 0, 1, f->table, &p, &err));
    assert_false(store_commit(f->store, &err));
    char text[256];
    (void)snprintf(text, sizeof text,
                   "%s: nothing was kept: a write had failed", f->path);
    assert_err(&err, ERR_IO, text);
    assert_int_equal(n_targets(f), 0);

    /* And it goes on: stacks it thought it had are written again. */
    assert_ok(store_begin(f->store, &err), &err);
    const store_target b = stored_target(f, "b");
    assert_ok(store_append(f->store, b, 0, 1, f->table, &p, &err), &err);
    assert_ok(store_commit(f->store, &err), &err);
    series_point_release(&p);
    stored_forget(f);
    stored_open(f);
    struct stored_list l;
    stored_list(f, stored_target(f, "b"), INT64_MIN, &l);
    assert_int_equal(l.n, 1);
    assert_float_equal(l.last_total, 3, 0);
}

/* --- targets and states --- */

struct targets {
    size_t n;
    char text[512];
};

static bool take_target(void *ctx, const struct store_target_about *a,
                        struct err *err)
{
    (void)err;
    struct targets *t = ctx;
    const size_t at = strlen(t->text);
    (void)snprintf(t->text + at, sizeof t->text - at, "%s %s %d %lld %lld;",
                   a->name, a->labels, (int)a->n_snapshots,
                   (long long)a->first_nanos, (long long)a->last_nanos);
    t->n++;
    return true;
}

static size_t n_targets(struct stored *f)
{
    struct targets t = {0};
    struct err err = {0};
    assert_ok(store_each_target(f->store, take_target, &t, &err), &err);
    return t.n;
}

static void targets_keep_their_number_and_take_new_labels(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    store_target b = {0};
    store_target again = {0};
    stored_open(f);
    assert_ok(
        store_target_open(f->store, "http://b/", "{\"x\":\"1\"}", &b, &err),
        &err);
    const store_target a = stored_target(f, "http://a/");
    assert_int_not_equal(a.i, b.i);
    struct series_point p = stored_goroutines(f->table, 1, 1, 0);
    assert_ok(store_append(f->store, a, 0, 100, f->table, &p, &err), &err);
    assert_ok(store_append(f->store, a, 1, 200, f->table, &p, &err), &err);
    series_point_release(&p);
    stored_open(f);
    assert_ok(
        store_target_open(f->store, "http://b/", "{\"x\":\"2\"}", &again, &err),
        &err);
    assert_int_equal(again.i, b.i);
    struct targets t = {0};
    assert_ok(store_each_target(f->store, take_target, &t, &err), &err);
    assert_string_equal(
        t.text, "http://a/ {} 2 100 200;http://b/ {\"x\":\"2\"} 0 0 0;");
}

static bool stop(void *ctx, const struct store_target_about *a, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_INTERRUPTED, "stop at %s", a->name);
}

static void a_visitor_may_end_the_walk(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    (void)stored_target(f, "a");
    (void)stored_target(f, "b");
    for (int i = 0; i < 2; i++) {
        assert_false(store_each_target(f->store, stop, NULL, &err));
        assert_err(&err, ERR_INTERRUPTED, "stop at a");
    }
}

static void a_state_is_found_again(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    struct buf out = BUF_LIMIT(1024);
    stored_open(f);
    const store_target a = stored_target(f, "a");
    const store_target b = stored_target(f, "b");
    buf_str(&out, "left over");
    assert_ok(store_get_state(f->store, a, &out, &err), &err);
    assert_int_equal(out.len, 0);
    assert_ok(store_put_state(f->store, a, SPAN_LIT("one\0two"), &err), &err);
    assert_ok(store_put_state(f->store, b, (struct span){0}, &err), &err);
    stored_open(f);
    assert_ok(store_get_state(f->store, a, &out, &err), &err);
    assert_true(span_eq(buf_view(&out), SPAN_LIT("one\0two")));
    assert_ok(store_put_state(f->store, a, SPAN_LIT("3"), &err), &err);
    assert_ok(store_get_state(f->store, a, &out, &err), &err);
    assert_true(span_eq(buf_view(&out), SPAN_LIT("3")));
    assert_ok(store_get_state(f->store, b, &out, &err), &err);
    assert_int_equal(out.len, 0);
    buf_release(&out);
}

/* --- findings --- */

static bool take_finding(void *ctx, const struct store_finding *v,
                         struct err *err)
{
    (void)err;
    struct targets *t = ctx;
    const size_t at = strlen(t->text);
    (void)snprintf(
        t->text + at, sizeof t->text - at, "%s %s %s/%s %s %lld-%lld %s;",
        v->id, v->rule, grade_name(v->grade), grade_name(v->grade_worst),
        v->is_open ? "open" : "closed", (long long)v->first_seen_nanos,
        (long long)v->last_seen_nanos, v->document);
    return true;
}

static void assert_findings(struct stored *f, store_target t, const char *want)
{
    struct targets got = {0};
    struct err err = {0};
    assert_ok(store_each_finding(f->store, t, take_finding, &got, &err), &err);
    assert_string_equal(got.text, want);
}

static void findings_keep_their_first_day_and_their_worst(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    const store_target b = stored_target(f, "b");
    struct store_finding items[] = {
        {.id = "1",   .rule = "r", .grade = GRADE_STRONG, .document = "{1}"},
        { .id = "2",
         .rule = "r",
         .grade = GRADE_SUSPECT,
         .first_seen_nanos = 5,
         .document = "{2}"}
    };
    assert_ok(store_put_findings(f->store, a, 10, items, 2, &err), &err);
    assert_ok(store_put_findings(f->store, b, 10, items, 1, &err), &err);
    assert_findings(f, a,
                    "1 r strong/strong open 10-10 {1};"
                    "2 r suspect/suspect open 5-10 {2};");
    items[0].grade = GRADE_GROWTH;
    items[0].document = "{3}";
    stored_open(f);
    assert_ok(store_put_findings(f->store, a, 20, items, 1, &err), &err);
    assert_findings(f, a,
                    "1 r growth/strong open 10-20 {3};"
                    "2 r suspect/suspect closed 5-10 {2};");
    assert_ok(store_put_findings(f->store, a, 30, NULL, 0, &err), &err);
    assert_ok(store_put_findings(f->store, a, 40, items + 1, 1, &err), &err);
    assert_findings(f, a,
                    "1 r growth/strong closed 10-20 {3};"
                    "2 r suspect/suspect open 5-40 {2};");
    assert_findings(f, b, "1 r strong/strong open 10-10 {1};");
}

/* --- memory --- */

static bool open_and_use(void *ctx, struct err *err)
{
    struct stored *f = ctx;
    struct store *s = NULL;
    store_target a = {0};
    const bool ok = store_open(f->path, &(struct store_options){0}, &s, err) &&
                    store_target_open(s, "a", "{}", &a, err) &&
                    store_put_state(s, a, SPAN_LIT("x"), err);
    store_close(s);
    return ok;
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void **state)
{
    assert_true(oom_walk(open_and_use, *state) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED_TEST(a_new_store_is_ours_and_sound),
        STORED_TEST(names_with_a_meaning_to_sqlite_are_files),
        STORED_TEST(what_cannot_be_opened_is_said_in_one_line),
        STORED_TEST(other_files_are_refused_and_left_alone),
        STORED_TEST(an_empty_file_becomes_a_store),
        STORED_TEST(a_file_that_claims_to_be_ours_must_have_our_tables),
        STORED_TEST(a_later_version_is_refused),
        STORED_TEST(steps_lead_from_an_earlier_version_to_the_latest),
        STORED_TEST(a_step_that_fails_leaves_the_version_before),
        STORED_TEST(a_reader_does_not_migrate),
        STORED_TEST(the_second_writer_is_told_who_writes),
        STORED_TEST(a_symbolic_link_is_the_same_store),
        STORED_TEST(a_reader_cannot_write),
        STORED_TEST(what_was_not_committed_is_lost),
        STORED_TEST(one_failed_write_undoes_all_of_its_transaction),
        STORED_TEST(targets_keep_their_number_and_take_new_labels),
        STORED_TEST(a_visitor_may_end_the_walk),
        STORED_TEST(a_state_is_found_again),
        STORED_TEST(findings_keep_their_first_day_and_their_worst),
        STORED_TEST(running_out_of_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
