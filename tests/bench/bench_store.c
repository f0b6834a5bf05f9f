/*
 * What the store costs: a simulated service of 500 background stacks, its heap
 * and goroutines at 24 moments, kept for so many targets as if each were one of
 * its replicas. CPU per append and per commit, bytes per snapshot, reading
 * back. usage: bench_store [TARGETS]
 */
#include "process.h"

#include "sim/sim.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOMENTS = 24, KINDS = 2, TARGETS = 1000, PER_COMMIT = 100 };

struct bench {
    char dir[64], path[80];
    struct stack_table *table;
    struct series_point points[MOMENTS][KINDS];
    size_t n_cells[KINDS];
};

static void must(bool ok, const struct err *err)
{
    if (!ok) {
        process_die(err->text);
    }
}

static double cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double wall_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void make_point(struct bench *b, struct sim_world *w, int moment,
                       int kind)
{
    static const enum sim_profile profiles[KINDS] = {SIM_HEAP, SIM_GOROUTINE};
    static const enum profile_kind kinds[KINDS] = {KIND_HEAP, KIND_GOROUTINE};
    struct err err = {0};
    struct snapshot snap = {.source = "", .kind = kinds[kind]};
    must(sim_profile_make(w, profiles[kind], &snap.profile, &err), &err);
    snap.time_nanos = snap.profile->time_nanos;
    must(series_point_of(b->table, &snap, &b->points[moment][kind], &err),
         &err);
    b->n_cells[kind] = b->points[moment][kind].cells.n;
    snapshot_release(&snap);
}

static void make_points(struct bench *b)
{
    struct err err = {0};
    struct sim_options o;
    struct sim_world *w = NULL;
    sim_options_default(&o);
    o.scenario = sim_scenario_find("unclosed-channel");
    must(sim_world_new(&o, &w, &err), &err);
    for (int m = 0; m < MOMENTS; m++) {
        must(sim_world_run(w, (int64_t)(m + 1) * 60 * SIM_SECOND, &err), &err);
        must(sim_world_collect(w, &err), &err);
        for (int k = 0; k < KINDS; k++) {
            make_point(b, w, m, k);
        }
    }
    sim_world_free(w);
}

static off_t file_bytes(const struct bench *b)
{
    struct stat st = {0};
    (void)stat(b->path, &st);
    return st.st_size;
}

static void append_all(struct bench *b, struct store *s, unsigned n)
{
    struct err err = {0};
    double append_us = 0;
    double commit_us = 0;
    double slowest_us = 0;
    unsigned n_commits = 0;
    for (int m = 0; m < MOMENTS; m++) {
        for (unsigned t = 0; t < n; t += PER_COMMIT) {
            const double begin = cpu_us();
            must(store_begin(s, &err), &err);
            for (unsigned i = t; i < t + PER_COMMIT && i < n; i++) {
                for (int k = 0; k < KINDS; k++) {
                    must(store_append(s, (store_target){i + 1}, (uint64_t)m,
                                      b->points[m][k].time_nanos, b->table,
                                      &b->points[m][k], &err),
                         &err);
                }
            }
            const double middle = cpu_us();
            const double wall = wall_us();
            must(store_commit(s, &err), &err);
            append_us += middle - begin;
            commit_us += cpu_us() - middle;
            const double took = wall_us() - wall;
            slowest_us = took > slowest_us ? took : slowest_us;
            n_commits++;
        }
    }
    const double n_appends = (double)n * MOMENTS * KINDS;
    printf("append   %8.1f us CPU a snapshot\n", append_us / n_appends);
    printf("commit   %8.1f us CPU a snapshot (%u commits, slowest %.1f ms)\n",
           commit_us / n_appends, n_commits, slowest_us / 1e3);
}

static bool count(void *ctx, const struct store_point *p, struct err *err)
{
    (void)p;
    (void)err;
    ++*(unsigned *)ctx;
    return true;
}

static bool name(void *ctx, const struct store_target_about *a, struct err *err)
{
    (void)a;
    (void)err;
    ++*(unsigned *)ctx;
    return true;
}

static void read_all(const struct bench *b, unsigned n)
{
    struct err err = {0};
    struct store *s = NULL;
    struct stack_table *table = stack_table_new();
    unsigned n_points = 0;
    must(table != NULL &&
             store_open(b->path, &(struct store_options){.is_read_only = true},
                        &s, &err),
         &err);
    const double begin = cpu_us();
    for (unsigned i = 0; i < n; i++) {
        must(store_each_point(s, (store_target){i + 1}, INT64_MIN, table, count,
                              &n_points, &err),
             &err);
    }
    printf("read     %8.1f us CPU a snapshot (%u)\n",
           (cpu_us() - begin) / n_points, n_points);
    const double list = cpu_us();
    must(store_each_target(s, name, &n_points, &err), &err);
    printf("list     %8.1f ms CPU\n", (cpu_us() - list) / 1e3);
    store_close(s);
    stack_table_free(table);
}

static void add_targets(struct store *s, unsigned n)
{
    struct err err = {0};
    const double begin = cpu_us();
    must(store_begin(s, &err), &err);
    for (unsigned i = 0; i < n; i++) {
        char name[64];
        store_target t;
        (void)snprintf(name, sizeof name, "http://host-%04u:6060/debug/pprof/",
                       i);
        must(store_target_open(s, name, "{}", &t, &err), &err);
    }
    must(store_commit(s, &err), &err);
    printf("target   %8.1f us CPU each\n", (cpu_us() - begin) / n);
}

/* Half of it given up: what thinning costs. */
static void prune(struct bench *b, struct store **s)
{
    struct err err = {0};
    const struct store_options o = {.bytes_max = (uint64_t)file_bytes(b) / 2};
    store_close(*s);
    must(store_open(b->path, &o, s, &err), &err);
    const double begin = cpu_us();
    double slowest_us = 0;
    unsigned n = 0;
    for (bool more = true; more; n++) {
        const double wall = wall_us();
        must(store_prune(*s, SIM_EPOCH_NS, &more, &err), &err);
        const double took = wall_us() - wall;
        slowest_us = took > slowest_us ? took : slowest_us;
    }
    printf("thin     %8.1f ms CPU in %u calls, the slowest %.1f ms: %.1f MB\n",
           (cpu_us() - begin) / 1e3, n, slowest_us / 1e3,
           (double)store_bytes(*s) / 1e6);
}

int main(int argc, char **argv)
{
    const unsigned n =
        argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : TARGETS;
    struct bench b = {.dir = "/tmp/seep-store-XXXXXX"};
    struct store *s = NULL;
    struct err err = {0};
    b.table = stack_table_new();
    if (n == 0 || b.table == NULL || mkdtemp(b.dir) == NULL) {
        process_die("usage: bench_store [TARGETS]");
    }
    (void)snprintf(b.path, sizeof b.path, "%s/s.db", b.dir);
    make_points(&b);
    must(store_open(b.path, &(struct store_options){0}, &s, &err), &err);
    printf("%u targets x %d moments: heap of %zu rows, goroutines of %zu\n", n,
           MOMENTS, b.n_cells[0], b.n_cells[1]);
    add_targets(s, n);
    append_all(&b, s, n);
    store_close(s);
    printf("file     %8.1f MB, %.0f bytes a snapshot\n",
           (double)file_bytes(&b) / 1e6,
           (double)file_bytes(&b) / ((double)n * MOMENTS * KINDS));
    read_all(&b, n);
    s = NULL;
    prune(&b, &s);
    store_close(s);
    for (int m = 0; m < MOMENTS; m++) {
        for (int k = 0; k < KINDS; k++) {
            series_point_release(&b.points[m][k]);
        }
    }
    stack_table_free(b.table);
    char lock[96];
    (void)snprintf(lock, sizeof lock, "%s-lock", b.path);
    (void)unlink(lock);
    (void)unlink(b.path);
    (void)rmdir(b.dir);
    return 0;
}
