/* Stored history is judged exactly as the same snapshots as files are. */
#include "store/stored.h"

#include "input/input.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { PATH_MAX_HERE = 256, NAMES_MAX = 256, LIMIT_S = 60 };

/* --- running seep --- */

struct run {
    int status;
    struct buf out, err;
};

static void run_release(struct run *r)
{
    buf_release(&r->out);
    buf_release(&r->err);
}

static void be_seep(const char *const *words, const char *out, const char *err)
{
    const char *path = getenv("SEEP_PROGRAM");
    char *args[16] = {0};
    for (size_t i = 0; i < 15 && words[i] != NULL; i++) {
        memcpy(&args[i], &words[i], sizeof args[i]);
    }
    const int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (path == NULL || out_fd < 0 || err_fd < 0 || dup2(out_fd, 1) < 0 ||
        dup2(err_fd, 2) < 0) {
        _exit(99);
    }
    (void)alarm(LIMIT_S);
    (void)execv(path, args);
    _exit(99);
}

/* words[0] is "seep". */
static struct run run_seep(const struct stored *f, const char *const *words)
{
    char out[PATH_MAX_HERE];
    char err[PATH_MAX_HERE];
    (void)snprintf(out, sizeof out, "%s/out", f->dir);
    (void)snprintf(err, sizeof err, "%s/err", f->dir);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        be_seep(words, out, err);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (struct run){WEXITSTATUS(status), test_read_file(out),
                        test_read_file(err)};
}

/* --- a directory of snapshots, and the same in a store --- */

struct folder {
    char names[NAMES_MAX][64];
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct folder list_folder(const char *path)
{
    struct folder out = {.n = 0};
    DIR *d = opendir(path);
    assert_non_null(d);
    struct dirent *e = NULL;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            assert_true(out.n < NAMES_MAX);
            (void)snprintf(out.names[out.n++], sizeof out.names[0], "%.60s",
                           e->d_name);
        }
    }
    (void)closedir(d);
    qsort(out.names, out.n, sizeof out.names[0], by_name);
    return out;
}

/* "07.heap.pb.gz" belongs to moment 7. */
static void store_file(struct stored *f, store_target target, const char *dir,
                       const char *name, int64_t taken)
{
    char path[PATH_MAX_HERE];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    struct buf bytes = test_read_file(path);
    struct snapshot snap = {0};
    struct series_point p = {0};
    struct err err = {0};
    assert_ok(input_decode(buf_view(&bytes), NULL, &snap, &err), &err);
    snap.source = name;
    assert_ok(series_point_of(f->table, &snap, &p, &err), &err);
    assert_ok(store_append(f->store, target, strtoull(name, NULL, 10), taken,
                           f->table, &p, &err),
              &err);
    series_point_release(&p);
    snapshot_release(&snap);
    buf_release(&bytes);
}

static void store_folder(struct stored *f, store_target target, const char *dir,
                         int64_t taken)
{
    struct err err = {0};
    const struct folder all = list_folder(dir);
    assert_ok(store_begin(f->store, &err), &err);
    for (size_t i = 0; i < all.n; i++) {
        store_file(f, target, dir, all.names[i],
                   taken + (int64_t)strtoull(all.names[i], NULL, 10));
    }
    assert_ok(store_commit(f->store, &err), &err);
}

/* What the simulator writes: proto, text and dumps of ten moments. */
static void simulate(const struct stored *f, const char *scenario,
                     const char *go, char *dir, size_t n)
{
    (void)snprintf(dir, n, "%s/sim", f->dir);
    const char *const words[] = {"seep", "sim", scenario, "--gc", "--go",
                                 go,     "-o",  dir,      NULL};
    struct run r = run_seep(f, words);
    if (r.status != 0) {
        fail_msg("%s", r.err.data);
    }
    run_release(&r);
    (void)snprintf(dir, n, "%s/sim/%s/seed-1", f->dir, scenario);
}

static void remove_simulated(const struct stored *f, const char *scenario)
{
    char path[PATH_MAX_HERE];
    (void)snprintf(path, sizeof path, "%s/sim/%s/seed-1", f->dir, scenario);
    stored_empty(path);
    (void)rmdir(path);
    (void)snprintf(path, sizeof path, "%s/sim/%s", f->dir, scenario);
    stored_empty(path);
    (void)rmdir(path);
    (void)snprintf(path, sizeof path, "%s/sim", f->dir);
    (void)rmdir(path);
}

static json_t *judged(const struct stored *f, const char *const *words,
                      int *status)
{
    struct run r = run_seep(f, words);
    if (r.status == 2) {
        fail_msg("%s", r.err.data);
    }
    *status = r.status;
    json_t *out = json_loadb(r.out.data, r.out.len, 0, NULL);
    if (out == NULL) {
        fail_msg("%d [%s] [%s]", r.status, r.out.data, r.err.data);
    }
    run_release(&r);
    return out;
}

/* Everything but where it came from. */
static void assert_same(json_t *files, json_t *stored, const char *what)
{
    static const char *const keys[] = {"verdict", "window", "limits",
                                       "findings"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *a = json_object_get(files, keys[i]);
        json_t *b = json_object_get(stored, keys[i]);
        assert_non_null(a);
        if (!json_equal(a, b)) {
            char *texts[2] = {json_dumps(a, JSON_INDENT(1)),
                              json_dumps(b, JSON_INDENT(1))};
            fail_msg("%s: %s differ:\n%s\n%s", what, keys[i], texts[0],
                     texts[1]);
        }
    }
}

struct case_scenario {
    const char *name, *go, *verdict;
};
static const struct case_scenario scenarios[] = {
    {"unclosed-channel",   "1.23", "leak"},
    {"map-cache",          "1.21", "leak"},
    {"unclosed-channel",   "1.27", "leak"}, /* goroutineleak: proven */
    {"restart-inside",     "1.23", NULL  },
    {"truncated-dump",     "1.25", NULL  },
    {"duplicate-snapshot", "1.19", NULL  },
};

static void the_store_gives_the_verdict_of_the_files(void **state)
{
    struct stored *f = *state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        const struct case_scenario *c = &scenarios[i];
        char dir[PATH_MAX_HERE];
        simulate(f, c->name, c->go, dir, sizeof dir);
        stored_forget(f);
        stored_empty(f->dir);
        stored_open(f);
        store_folder(f, stored_target(f, "http://orders:6060/"), dir, 1);
        /* Replicas share its stacks, and are not in the way. */
        store_folder(f, stored_target(f, "http://other:6060/"), dir, 1);
        store_close(f->store);
        f->store = NULL;
        int statuses[2];
        const char *const files[] = {"seep",     "leaks", dir,
                                     "--format", "json",  NULL};
        const char *const store[] = {"seep",     "leaks",    "--store",
                                     f->path,    "--target", "orders",
                                     "--format", "json",     NULL};
        json_t *a = judged(f, files, &statuses[0]);
        json_t *b = judged(f, store, &statuses[1]);
        assert_same(a, b, c->name);
        assert_int_equal(statuses[0], statuses[1]);
        if (c->verdict != NULL) {
            assert_string_equal(
                json_string_value(json_object_get(a, "verdict")), c->verdict);
        }
        assert_string_equal(json_string_value(json_object_get(b, "target")),
                            "http://orders:6060/");
        json_decref(a);
        json_decref(b);
        remove_simulated(f, c->name);
    }
}

/* --- choosing --- */

static int64_t now_nanos(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * STORED_SECOND + t.tv_nsec;
}

/* Exit status and stderr of `seep leaks --store PATH ...`. */
static void assert_refused(const struct stored *f, const char *const *more,
                           const char *want)
{
    const char *words[12] = {"seep", "leaks"};
    for (size_t i = 0; more[i] != NULL; i++) {
        words[2 + i] = more[i];
    }
    struct run r = run_seep(f, words);
    char text[512];
    (void)snprintf(text, sizeof text, "seep: %s\n", want);
    assert_string_equal(r.err.data, text);
    assert_int_equal(r.status, 2);
    assert_int_equal(r.out.len, 0);
    run_release(&r);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void which_target_is_meant_must_be_clear(void **state)
{
    struct stored *f = *state;
    const char *path = f->path;
    char text[400];
    stored_open(f);
    assert_refused(f, WORDS("--store", path),
                   "nothing was watched into it yet");
    stored_moment(f, stored_target(f, "http://a:1/"), 0, 0);
    stored_moment(f, stored_target(f, "http://a:2/"), 0, 0);
    stored_moment(f, stored_target(f, "http://b:1/"), 0, 0);
    assert_refused(f, WORDS("--store", path),
                   "3 targets; choose one with --target: http://a:1/, "
                   "http://a:2/, http://b:1/");
    assert_refused(f, WORDS("--store", path, "--target", "a:"),
                   "2 targets; choose one with --target: http://a:1/, "
                   "http://a:2/");
    assert_refused(f, WORDS("--store", path, "--target", "c"),
                   "--target: no target 'c'; there are http://a:1/, "
                   "http://a:2/, http://b:1/");
    for (int i = 10; i < 30; i++) {
        (void)snprintf(text, sizeof text, "http://c-%d:6060/debug/pprof/", i);
        (void)stored_target(f, text);
    }
    assert_refused(f, WORDS("--store", path),
                   "23 targets; choose one with --target: http://a:1/, "
                   "http://a:2/, http://b:1/, http://c-10:6060/debug/pprof/, "
                   "http://c-11:6060/debug/pprof/, "
                   "http://c-12:6060/debug/pprof/, and 17 more");
    assert_refused(f, WORDS("--store", path, "--target", "c-10"),
                   "no snapshots of http://c-10:6060/debug/pprof/");
    assert_refused(f, WORDS("--store", path, "--target", "b:", "--since", "1h"),
                   "no snapshots of http://b:1/ since then");
}

static void what_cannot_be_is_said(void **state)
{
    struct stored *f = *state;
    char text[300];
    (void)snprintf(text, sizeof text,
                   "%s: cannot open: No such file or directory", f->path);
    assert_refused(f, WORDS("--store", f->path), text);
    assert_refused(f, WORDS("--store", f->path, "x"),
                   "leaks: --store and files are not judged together");
    assert_refused(f, WORDS("--target", "x", f->dir),
                   "leaks: --target needs --store");
    assert_refused(f, WORDS("--since", "1h", f->dir),
                   "leaks: --since needs --store");
    stored_open(f);
    stored_moment(f, stored_target(f, "a"), 0, 0);
    (void)snprintf(text, sizeof text, "--output: %s is an input", f->path);
    assert_refused(f, WORDS("--store", f->path, "-o", f->path), text);
}

/* Of six moments an hour apart, the last three. */
static void since_counts_back_from_now(void **state)
{
    struct stored *f = *state;
    stored_open(f);
    const store_target a = stored_target(f, "a");
    const double begin =
        (double)(now_nanos() - MADE_EPOCH) / 1e9 - 5 * 3600 - 60;
    for (uint64_t m = 0; m < 6; m++) {
        stored_moment(f, a, m, begin + (double)m * 3600);
    }
    int status = 0;
    json_t *all = judged(
        f, WORDS("seep", "leaks", "--store", f->path, "--format", "json"),
        &status);
    json_t *late = judged(f,
                          WORDS("seep", "leaks", "--store", f->path, "--since",
                                "150m", "--format", "json"),
                          &status);
    assert_int_equal(json_array_size(json_object_get(all, "inputs")), 12);
    json_t *inputs = json_object_get(late, "inputs");
    assert_int_equal(json_array_size(inputs), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *source = json_string_value(
            json_object_get(json_array_get(inputs, i), "source"));
        assert_true(strtol(source, NULL, 10) >= 3);
    }
    json_decref(all);
    json_decref(late);
}

static void a_long_history_is_thinned_and_that_is_said(void **state)
{
    struct stored *f = *state;
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    assert_ok(store_begin(f->store, &err), &err);
    for (uint64_t m = 0; m < 2100; m++) {
        struct series_point p = stored_goroutines(f->table, 1, 10, (double)m);
        assert_ok(store_append(f->store, a, m, MADE_EPOCH, f->table, &p, &err),
                  &err);
        series_point_release(&p);
    }
    assert_ok(store_commit(f->store, &err), &err);
    int status = 0;
    json_t *r = judged(
        f, WORDS("seep", "leaks", "--store", f->path, "--format", "json"),
        &status);
    assert_int_equal(json_array_size(json_object_get(r, "inputs")), 1050);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(r, "notes"), 0)),
        "of 2100 snapshots those of every 2nd moment are used; --since takes "
        "in fewer, and all of them");
    json_decref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED_TEST(the_store_gives_the_verdict_of_the_files),
        STORED_TEST(which_target_is_meant_must_be_clear),
        STORED_TEST(what_cannot_be_is_said),
        STORED_TEST(since_counts_back_from_now),
        STORED_TEST(a_long_history_is_thinned_and_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
