/* Evidence of confirmed leaks: whom a goroutine dump is asked of, and how
   often. The watcher and the files are stand-ins. */
#include "test.h"

#include <ftw.h>
#include <stdio.h>

#include "watch/watch.h"

/* In place of the library's. */
static void made_about(const struct watcher *w, uint32_t target,
                       struct watch_about *out);
static bool made_ask(struct watcher *w, uint32_t target, const char *profile,
                     unsigned debug, struct sink sink, void *ctx,
                     void (*done)(void *ctx, const struct fetch_result *r),
                     struct err *err);
#define watcher_about made_about
#define watcher_ask   made_ask

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/watch_evidence.c"
#include "../../cmd/watch_json.c"
/* NOLINTEND(bugprone-suspicious-include) */

enum { ASKED_MAX = 8 };

struct asked {
    uint32_t target;
    struct sink sink;
    void *ctx;
    void (*done)(void *ctx, const struct fetch_result *r);
};

/* What the stand-ins were told. */
struct told {
    char dir[32];
    struct watch_evidence *e;
    struct asked asked[ASKED_MAX];
    size_t n_asked, n_dumps, n_kept;
    char dump[64];
};
static struct told *told;

bool file_make_directory(const char *path, struct err *err)
{
    (void)path;
    (void)err;
    return true;
}

static void made_about(const struct watcher *w, uint32_t target,
                       struct watch_about *out)
{
    static const struct watch_target nobody = {.shown = "orders:6060"};
    (void)w;
    (void)target;
    *out = (struct watch_about){.target = &nobody, .goroutines = 10};
}

static bool made_ask(struct watcher *w, uint32_t target, const char *profile,
                     unsigned debug, struct sink sink, void *ctx,
                     void (*done)(void *ctx, const struct fetch_result *r),
                     struct err *err)
{
    (void)w;
    (void)profile;
    (void)err;
    assert_int_equal(debug, 2);
    assert_true(told->n_asked < ASKED_MAX);
    told->asked[told->n_asked++] = (struct asked){target, sink, ctx, done};
    return true;
}

bool evidence_write_snapshots(const char *dir, struct watcher *w,
                              uint32_t target, json_t **files, uint64_t *last,
                              struct err *err)
{
    (void)dir;
    (void)w;
    (void)target;
    (void)err;
    *files = json_array();
    *last = 3;
    return true;
}

bool evidence_write_report(const char *dir, struct watcher *w, uint32_t target,
                           struct err *err)
{
    (void)dir;
    (void)w;
    (void)target;
    (void)err;
    return true;
}

bool evidence_write_dump(const char *dir, uint64_t moment, struct span dump,
                         json_t **name, struct err *err)
{
    (void)dir;
    (void)moment;
    (void)err;
    (void)snprintf(told->dump, sizeof(told->dump), "%.*s", (int)dump.len,
                   dump.p);
    told->n_dumps++;
    *name = json_string("dump");
    return true;
}

bool evidence_write_manifest(const char *dir, json_t *manifest, struct err *err)
{
    (void)dir;
    (void)err;
    json_decref(manifest);
    return true;
}

static void on_kept(void *ctx, const struct watch_leak *leak, const char *dir,
                    const struct err *err)
{
    (void)ctx;
    (void)leak;
    assert_non_null(dir);
    assert_null(err);
    told->n_kept++;
}

static int make_told(void **state)
{
    struct err err = {0};
    told = calloc(1, sizeof(*told));
    assert_non_null(told);
    (void)snprintf(told->dir, sizeof(told->dir), "/tmp/seep-evi-XXXXXX");
    assert_non_null(mkdtemp(told->dir));
    const struct watch_evidence_options o = {
        .dir = told->dir, .dumps = WATCH_DUMPS_SMALL, .kept = on_kept};
    assert_ok(watch_evidence_new(&o, &told->e, &err), &err);
    *state = told;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int what,
                      struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

static int free_told(void **state)
{
    (void)state;
    watch_evidence_free(told->e);
    (void)nftw(told->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(told);
    return 0;
}

static void confirm(uint32_t target, const char *id)
{
    struct err err = {0};
    struct finding f = {.rule = rules_find("goroutine-growth"),
                        .grade = GRADE_STRONG};
    struct watch_leak leak = {.target = target, .document = json_object()};
    memcpy(f.id, id, sizeof(f.id));
    memcpy(leak.id, id, sizeof(leak.id));
    assert_ok(watch_evidence_add(told->e, &leak, &f, &err), &err);
}

static void answer(size_t i, const char *text, enum fetch_failure failure)
{
    struct err err = {0};
    const struct asked *a = &told->asked[i];
    struct fetch_result r = {.failure = failure};
    assert_ok(
        a->sink.write(a->sink.ctx, (const uint8_t *)text, strlen(text), &err),
        &err);
    a->done(a->ctx, &r);
}

/* A dump stops the process: leaks that are confirmed together share one. */
static void one_dump_at_a_time_is_asked_of_a_target(void **state)
{
    (void)state;
    confirm(0, "00000000000000aa");
    confirm(0, "00000000000000bb");
    confirm(1, "00000000000000aa");
    assert_int_equal(told->n_asked, 2);
    assert_int_equal(told->asked[0].target, 0);
    assert_int_equal(told->asked[1].target, 1);
    watch_evidence_run(told->e, false);
    assert_int_equal(told->n_kept, 0);
    answer(0, "goroutine 1", FETCH_FAILURE_NONE);
    watch_evidence_run(told->e, false);
    assert_int_equal(told->n_kept, 2);
    assert_int_equal(told->n_dumps, 2);
    assert_true(watch_evidence_is_busy(told->e));
    answer(1, "goroutine 2", FETCH_FAILURE_NONE);
    watch_evidence_run(told->e, false);
    assert_int_equal(told->n_dumps, 3);
    assert_string_equal(told->dump, "goroutine 2");
    assert_false(watch_evidence_is_busy(told->e));
    confirm(0, "00000000000000cc"); /* later: as it is then */
    assert_int_equal(told->n_asked, 3);
    answer(2, "", FETCH_FAILURE_NONE);
}

static void a_dump_that_fails_fails_for_all_who_wait(void **state)
{
    (void)state;
    confirm(0, "00000000000000aa");
    confirm(0, "00000000000000bb");
    answer(0, "gorou", FETCH_FAILURE_BROKEN);
    assert_false(watch_evidence_is_busy(told->e));
    watch_evidence_run(told->e, false);
    assert_int_equal(told->n_kept, 2);
    assert_int_equal(told->n_dumps, 0);
}

static void half_a_dump_is_not_kept(void **state)
{
    (void)state;
    struct err err = {0};
    confirm(0, "00000000000000aa");
    confirm(0, "00000000000000bb");
    const struct asked *a = &told->asked[0];
    assert_ok(a->sink.write(a->sink.ctx, (const uint8_t *)"gorou", 5, &err),
              &err);
    watch_evidence_run(told->e, true);
    assert_int_equal(told->n_kept, 2);
    assert_int_equal(told->n_dumps, 0);
    assert_false(watch_evidence_is_busy(told->e));
    answer(0, "tine 1", FETCH_FAILURE_NONE); /* too late */
    watch_evidence_run(told->e, true);
    assert_int_equal(told->n_kept, 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_told, free_told)
    const struct CMUnitTest tests[] = {
        CASE(one_dump_at_a_time_is_asked_of_a_target),
        CASE(a_dump_that_fails_fails_for_all_who_wait),
        CASE(half_a_dump_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
