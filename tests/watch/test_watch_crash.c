/*
 * A watch that is killed again and again: the store must open each time, be
 * sound, and in the end hold the findings that an undisturbed watch of the
 * same snapshots has. The snapshots are files; the server hands out those of
 * one moment until both its profiles are in the store, and then the next.
 * SEEP_CRASH_ROUNDS says how often it is killed (default 20).
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test.h"

#include "series/stack_table.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    STARTED_TURNS = 150,
    N_MOMENTS = 12,
    N_TARGETS = 2,
    FINDINGS_MAX = 64,
    PATH_BYTES = 512
};

static const char *const scenarios[N_TARGETS] = {"map-cache",
                                                 "unclosed-channel"};

/* Shared with the server's process. */
struct shared {
    _Atomic int now;       /* the moment that is handed out */
    int served[N_TARGETS]; /* of the latest heap profile: its goroutines */
    char dir[PATH_BYTES];
};

static struct shared *shared;
static pid_t server_pid;
static int server_port;
static char work[PATH_BYTES];

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* --- the server --- */

static void answer_file(int fd, const char *path)
{
    char head[128];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)!write(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                     45);
        return;
    }
    static char body[1 << 20];
    const size_t n = fread(body, 1, sizeof(body), f);
    fclose(f);
    const int len = snprintf(head, sizeof(head),
                             "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
                             "Connection: close\r\n\r\n",
                             n);
    /* Who asked may have been killed. */
    if (write(fd, head, (size_t)len) == len) {
        (void)!write(fd, body, n);
    }
}

/* "GET /1/debug/pprof/heap?gc=1 ..." */
static void answer(int fd, const char *request)
{
    int target = 0;
    char profile[32] = "";
    char path[PATH_BYTES * 2];
    if (sscanf(request, "GET /%d/debug/pprof/%31[a-z]", &target, profile) !=
            2 ||
        target < 0 || target >= N_TARGETS) {
        target = 0;
        profile[0] = '\0';
    }
    if (strcmp(profile, "heap") == 0) {
        shared->served[target] = atomic_load(&shared->now);
    }
    snprintf(path, sizeof(path), "%s/%s/seed-1/%02d.%s.pb.gz", shared->dir,
             scenarios[target], shared->served[target], profile);
    answer_file(fd, path);
}

static _Noreturn void serve(int listening)
{
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        char request[4096];
        const int fd = accept(listening, NULL, NULL);
        size_t n = 0;
        struct pollfd ready = {fd, POLLIN, 0};
        if (fd < 0) {
            _exit(1);
        }
        while (n + 1 < sizeof(request) && poll(&ready, 1, 1000) == 1) {
            const ssize_t got = read(fd, request + n, sizeof(request) - 1 - n);
            if (got <= 0) {
                break;
            }
            n += (size_t)got;
            request[n] = '\0';
            if (strstr(request, "\r\n\r\n") != NULL) {
                answer(fd, request);
                break;
            }
        }
        close(fd);
    }
}

static void start_server(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    server_port = ntohs(at.sin_port);
    server_pid = fork();
    assert_true(server_pid >= 0);
    if (server_pid == 0) {
        serve(fd);
    }
    close(fd);
}

/* --- programs --- */

static pid_t start(const char *const *words)
{
    pid_t pid = 0;
    char *argv[16];
    size_t n = 0;
    for (; words[n] != NULL; n++) {
        argv[n] = strdup(words[n]);
    }
    argv[n] = NULL;
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
    assert_int_equal(posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ),
                     0);
    posix_spawn_file_actions_destroy(&quiet);
    for (size_t i = 0; i < n; i++) {
        free(argv[i]);
    }
    return pid;
}

static const char *program(void)
{
    const char *path = getenv("SEEP_PROGRAM");
    return path != NULL ? path : "build-dev/seep";
}

static void make_snapshots(void)
{
    const char *const words[] = {
        program(), "sim",      scenarios[0], scenarios[1], "--snapshots",
        "12",      "--output", shared->dir,  "--quiet",    NULL};
    int status = -1;
    const pid_t pid = start(words);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static pid_t start_watch(const char *store)
{
    char urls[N_TARGETS][64];
    for (int i = 0; i < N_TARGETS; i++) {
        snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%d/%d",
                 server_port, i);
    }
    const char *const words[] = {program(),    "watch", urls[0],   urls[1],
                                 "--interval", "200ms", "--store", store,
                                 "--quiet",    NULL};
    return start(words);
}

/* --- what the store says --- */

struct found {
    char id[17];
    enum grade grade;
};

struct look {
    struct store *store;
    uint64_t n_snapshots_least;
    int n_targets;
    struct found found[FINDINGS_MAX];
    size_t n_found;
};

static bool take_finding(void *ctx, const struct store_finding *f,
                         struct err *err)
{
    struct look *l = ctx;
    (void)err;
    if (f->is_open && l->n_found < FINDINGS_MAX) {
        struct found *out = &l->found[l->n_found++];
        snprintf(out->id, sizeof(out->id), "%s", f->id);
        out->grade = f->grade;
    }
    return true;
}

static bool take_target(void *ctx, const struct store_target_about *a,
                        struct err *err)
{
    struct look *l = ctx;
    if (l->n_targets == 0 || a->n_snapshots < l->n_snapshots_least) {
        l->n_snapshots_least = a->n_snapshots;
    }
    l->n_targets++;
    return store_each_finding(l->store, a->id, take_finding, l, err);
}

static int by_id(const void *pa, const void *pb)
{
    const struct found *a = pa;
    const struct found *b = pb;
    const int c = strcmp(a->id, b->id);
    return c != 0 ? c : (int)a->grade - (int)b->grade;
}

/* False: there is no store yet. */
static bool look_into(const char *path, struct look *l)
{
    struct err err = {0};
    *l = (struct look){0};
    if (access(path, F_OK) != 0) {
        return false;
    }
    if (!store_open(path, &(struct store_options){.is_read_only = true},
                    &l->store, &err)) {
        /* The file comes first, what makes it a store in one transaction. */
        if (strstr(err.text, "holds no store yet") == NULL) {
            fail_msg("the store does not open: %s", err.text);
        }
        return false;
    }
    if (!store_each_target(l->store, take_target, l, &err)) {
        fail_msg("the store cannot be read: %s", err.text);
    }
    store_close(l->store);
    qsort(l->found, l->n_found, sizeof(l->found[0]), by_id);
    return true;
}

static void check_integrity(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    if (access(path, F_OK) != 0) {
        return;
    }
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL),
                     SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
    sqlite3_finalize(s);
    sqlite3_close(db);
}

/* The next moment, once both profiles of the present one are kept of all
   targets, and not before its turn. True when all were handed out and kept. */
static bool advance(const char *store, int last)
{
    struct look l;
    const int now = atomic_load(&shared->now);
    if (!look_into(store, &l) || l.n_targets < N_TARGETS ||
        l.n_snapshots_least < 2 * (uint64_t)(now + 1)) {
        return false;
    }
    if (now < last) {
        atomic_store(&shared->now, now + 1);
    }
    return now == N_MOMENTS - 1;
}

static void kill_in_the_middle(const char *store, int last)
{
    const pid_t watch = start_watch(store);
    const long ms = 40 + random() % 700;
    for (long k = 0; k < ms; k += 20) {
        pause_ms(20);
        (void)advance(store, last);
    }
    kill(watch, SIGKILL);
    assert_int_equal(waitpid(watch, NULL, 0), watch);
    check_integrity(store);
}

/* Kills it `rounds` times on the way through the moments, then lets it end. */
static void watch_all(const char *store, int rounds, struct look *l)
{
    atomic_store(&shared->now, 0);
    for (int i = 0; i < rounds; i++) {
        kill_in_the_middle(store, (i + 1) * N_MOMENTS / rounds - 1);
    }
    const pid_t watch = start_watch(store);
    bool has_all = false;
    /* Where all is kept already, it must at least have begun: before it heeds
       signals, one ends it as it ends any program. */
    for (int k = 0; k < 1500 && !(has_all && k >= STARTED_TURNS); k++) {
        pause_ms(20);
        has_all = advance(store, N_MOMENTS - 1);
    }
    int status = 0;
    kill(watch, SIGTERM);
    assert_int_equal(waitpid(watch, &status, 0), watch);
    assert_true(has_all);
    assert_true(WIFEXITED(status));
    check_integrity(store);
    assert_true(look_into(store, l));
}

static void
killed_watches_end_with_the_findings_of_an_undisturbed_one(void **state)
{
    (void)state;
    const char *asked = getenv("SEEP_CRASH_ROUNDS");
    const int rounds = asked != NULL ? atoi(asked) : 20;
    char store[PATH_BYTES + 32];
    struct look calm;
    struct look killed;
    snprintf(store, sizeof(store), "%s/calm.db", work);
    watch_all(store, 0, &calm);
    snprintf(store, sizeof(store), "%s/killed.db", work);
    watch_all(store, rounds, &killed);

    assert_true(calm.n_found >= N_TARGETS);
    assert_int_equal(killed.n_found, calm.n_found);
    for (size_t i = 0; i < calm.n_found; i++) {
        assert_string_equal(killed.found[i].id, calm.found[i].id);
        assert_int_equal(killed.found[i].grade, calm.found[i].grade);
    }
    print_message("%d kills: sound each time, the same %zu findings\n", rounds,
                  calm.n_found);
}

static int set_up(void **state)
{
    (void)state;
    srandom(7);
    snprintf(work, sizeof(work), "%s", "/tmp/seep-crash-XXXXXX");
    if (mkdtemp(work) == NULL) {
        return -1;
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(shared->dir, sizeof(shared->dir), "%.400s/snapshots", work);
    make_snapshots();
    start_server();
    return 0;
}

static int tear_down(void **state)
{
    char command[PATH_BYTES + 16];
    (void)state;
    kill(server_pid, SIGKILL);
    waitpid(server_pid, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", work);
    return system(command) == 0 ? 0 : -1; /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            killed_watches_end_with_the_findings_of_an_undisturbed_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
