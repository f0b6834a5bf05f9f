/*
 * Heap dumps from their bytes to retained sizes: CPU time by phase, time per
 * object, and the most anonymous memory (pages of the mapped dump can be
 * dropped and are not counted). Each dump is measured in a process of its own.
 *
 *   bench_heap                  a million, 5.7 and 20 million objects
 *   bench_heap OBJECTS [SHAPE]  one size; SHAPE of `seep sim --shape`
 *   bench_heap FILE [BINARY]    a dump that there is; with types
 *
 * Sizes are compared by their time per object. A run of a million takes so
 * short that other work on the machine may double it: it is run several times,
 * before the large ones and after them, and the median counts. And all runs
 * begin alike: a virtual machine gives memory back that was free for some
 * seconds, and to get a page anew costs more than most of what is done on it.
 * Small runs in a row would find theirs still there, which large ones never
 * do; so there is a pause in front of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "heap/heap.h"
#include "sim/sim.h"

enum { LINE_BYTES = 256, PATH_BYTES = 4096 };

/* What the kernel may keep of a dump in memory does not count. */
static const char anonymous_key[] = "RssAnon:";

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_heap: %s: %s\n", what, err->text);
    return 2;
}

/* --- measuring --- */

struct watch {
    double phase_start;
    uint64_t most_kib;
};

static uint64_t anonymous_kib(void)
{
    char line[LINE_BYTES];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, anonymous_key, sizeof anonymous_key - 1) == 0) {
            kib = strtoull(line + sizeof anonymous_key - 1, NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

static void look(struct watch *w)
{
    const uint64_t kib = anonymous_kib();
    w->most_kib = kib > w->most_kib ? kib : w->most_kib;
}

static void on_progress(void *ctx, const char *what, double share)
{
    (void)what;
    (void)share;
    look(ctx);
}

/* Seconds since the phase before. */
static double phase(struct watch *w)
{
    const double now = cpu_s();
    const double seconds = now - w->phase_start;
    look(w);
    w->phase_start = cpu_s();
    return seconds;
}

struct figures {
    uint64_t n_objects, n_edges, most_kib;
    double graph_s, dominators_s, types_s, symbols_s;
};

static double total_s(const struct figures *f)
{
    return f->graph_s + f->dominators_s;
}

static void print_head(void)
{
    printf("%-22s %9s %9s %8s %8s %8s %8s %9s %7s\n", "", "objects", "edges",
           "graph s", "domin. s", "total s", "ns/obj.", "anon. MB", "B/obj.");
}

static void print_figures(const char *name, const struct figures *f)
{
    const double n = f->n_objects ? (double)f->n_objects : 1;
    printf("%-22s %9llu %9llu %8.2f %8.2f %8.2f %8.0f %9.0f %7.1f\n", name,
           (unsigned long long)f->n_objects, (unsigned long long)f->n_edges,
           f->graph_s, f->dominators_s, total_s(f), total_s(f) * 1e9 / n,
           (double)f->most_kib / 1024, (double)f->most_kib * 1024 / n);
    if (f->types_s > 0) {
        printf("%-22s binary %.2f s, types %.2f s\n", "", f->symbols_s,
               f->types_s);
    }
    fflush(stdout);
}

/* --- one dump --- */

static bool measure_graph(const struct heap_graph_options *o, struct span bytes,
                          struct watch *w, struct figures *f,
                          struct heap_graph **g, struct err *err)
{
    struct heap_dominators *d = NULL;
    if (!heap_graph_build(bytes, o, g, err)) {
        return false;
    }
    f->graph_s = phase(w);
    if (!heap_dominators_build(*g, o, &d, err)) {
        return false;
    }
    f->dominators_s = phase(w);
    heap_dominators_free(d);
    const struct heap_about *about = heap_graph_about(*g);
    f->n_objects = about->n_objects;
    f->n_edges = about->n_edges;
    f->most_kib = w->most_kib;
    return true;
}

static bool measure_types(const struct heap_graph *g, struct binary *b,
                          const struct heap_graph_options *o, struct watch *w,
                          struct figures *f, struct err *err)
{
    struct heap_types *t = NULL;
    (void)phase(w);
    if (!heap_types_build(g, b, o, &t, err)) {
        return false;
    }
    f->types_s = phase(w);
    heap_types_free(t);
    return true;
}

static bool measure(struct span bytes, const char *exe, struct figures *f,
                    struct err *err)
{
    struct watch w = {.phase_start = cpu_s()};
    struct heap_graph_options o = {.progress = on_progress, .progress_ctx = &w};
    struct heap_graph *g = NULL;
    struct binary *b = NULL;
    bool ok = !exe || binary_open(exe, &b, err);
    if (ok && b) {
        o.symbols = binary_symbols(b, &o.n_symbols);
    }
    f->symbols_s = phase(&w);
    ok = ok && measure_graph(&o, bytes, &w, f, &g, err);
    if (ok && b) {
        ok = binary_match(b, heap_graph_about(g), true, err) &&
             measure_types(g, b, &o, &w, f, err);
    }
    heap_graph_free(g);
    binary_close(b);
    return ok;
}

static bool measure_file(const char *path, const char *exe, struct figures *f,
                         struct err *err)
{
    struct dump_file *file = NULL;
    if (!dump_file_open(path, "/tmp", UINT64_C(1) << 40, &file, err)) {
        return false;
    }
    const bool ok = measure(dump_file_bytes(file), exe, f, err);
    dump_file_close(file);
    return ok;
}

/* In a process of its own, so that no memory is left from the one before. */
static int run(const char *name, const char *path, const char *exe,
               struct figures *f)
{
    int fd[2];
    if (pipe(fd) != 0) {
        return 2;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        struct err err = {0};
        const bool ok = measure_file(path, exe, f, &err) &&
                        write(fd[1], f, sizeof *f) == (ssize_t)sizeof *f;
        _exit(ok ? 0 : fail(name, &err));
    }
    close(fd[1]);
    int status = 0;
    const bool ok = pid > 0 && read(fd[0], f, sizeof *f) == (ssize_t)sizeof *f;
    close(fd[0]);
    if (pid > 0) {
        waitpid(pid, &status, 0);
    }
    if (ok) {
        print_figures(name, f);
    }
    return ok && status == 0 ? 0 : 2;
}

/* --- simulated ones --- */

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return fwrite(p, 1, n, ctx) == n || err_set(err, ERR_IO, "cannot write");
}

static bool done(void *ctx, struct err *err)
{
    return fflush(ctx) == 0 || err_set(err, ERR_IO, "cannot write");
}

static bool simulate(const char *path, enum sim_shape shape, uint64_t n,
                     struct err *err)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return err_set(err, ERR_IO, "%s: cannot create", path);
    }
    const struct sim_shape_options o = {
        .shape = shape, .n_objects = n, .seed = 1, .has_tail_slots = true};
    const struct sink out = {f, keep, done};
    const bool ok = sim_shape_write(&o, &out, err);
    return (fclose(f) == 0 || err_set(err, ERR_IO, "cannot write")) && ok;
}

enum { MILLION = 1000000, RUNS_MAX = 10, PAUSE_S = 6 };

struct size {
    uint64_t n_objects;
    unsigned n_runs;
    struct figures runs[RUNS_MAX];
};

static int by_total(const void *pa, const void *pb)
{
    const double a = total_s(pa);
    const double b = total_s(pb);
    return (a > b) - (a < b);
}

static double median_per_object(const struct size *s)
{
    struct figures sorted[RUNS_MAX];
    memcpy(sorted, s->runs, s->n_runs * sizeof *sorted);
    qsort(sorted, s->n_runs, sizeof *sorted, by_total);
    const struct figures *f = &sorted[s->n_runs / 2];
    return total_s(f) / (double)f->n_objects;
}

static int run_size(enum sim_shape shape, struct size *s)
{
    const char *dir = getenv("TMPDIR");
    char path[PATH_BYTES];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/seep-bench-%ld.heapdump",
             dir ? dir : "/tmp", (long)getpid());
    int status = simulate(path, shape, s->n_objects, &err)
                     ? 0
                     : fail(sim_shape_names[shape], &err);
    const int n_runs = s->n_objects <= MILLION ? RUNS_MAX / 2 : 1;
    for (int i = 0; i < n_runs && status == 0; i++) {
        sleep(PAUSE_S);
        status = run(sim_shape_names[shape], path, NULL, &s->runs[s->n_runs++]);
    }
    unlink(path);
    return status;
}

/* The first size is run once more behind the others. */
static int run_sizes(enum sim_shape shape, struct size *sizes, size_t n)
{
    for (size_t i = 0; i < n + (n > 1); i++) {
        const int status = run_size(shape, &sizes[i % n]);
        if (status != 0) {
            return status;
        }
    }
    const double first = median_per_object(&sizes[0]);
    for (size_t i = 0; i < n && n > 1; i++) {
        const double each = median_per_object(&sizes[i]);
        printf("%-22s %9llu %.0f ns an object, median of %u: %.2f of the "
               "first\n",
               "", (unsigned long long)sizes[i].n_objects, each * 1e9,
               sizes[i].n_runs, each / first);
    }
    return 0;
}

static int run_usual(enum sim_shape shape)
{
    struct size sizes[] = {{.n_objects = MILLION},
                           {.n_objects = 5700000},
                           {.n_objects = 20000000}};
    return run_sizes(shape, sizes, sizeof sizes / sizeof sizes[0]);
}

static int run_one(enum sim_shape shape, uint64_t n)
{
    struct size sizes[] = {{.n_objects = MILLION}, {.n_objects = n}};
    return n > MILLION ? run_sizes(shape, sizes, 2)
                       : run_sizes(shape, sizes + 1, 1);
}

static bool shape_named(const char *name, enum sim_shape *out)
{
    for (int i = 0; i < N_SIM_SHAPES; i++) {
        if (strcmp(sim_shape_names[i], name) == 0) {
            *out = (enum sim_shape)i;
            return true;
        }
    }
    fprintf(stderr, "bench_heap: no shape is called '%s'\n", name);
    return false;
}

int main(int argc, char **argv)
{
    uint64_t n = 0;
    struct figures f = {0};
    print_head();
    if (argc < 2) {
        const int tree = run_usual(SIM_TREE);
        const int power = run_usual(SIM_POWER);
        return tree ? tree : power;
    }
    if (num_parse_u64(span_of(argv[1]), &n)) {
        enum sim_shape shape = SIM_POWER;
        return argc > 2 && !shape_named(argv[2], &shape) ? 2
                                                         : run_one(shape, n);
    }
    const char *name = strrchr(argv[1], '/');
    return run(name ? name + 1 : argv[1], argv[1], argc > 2 ? argv[2] : NULL,
               &f);
}
