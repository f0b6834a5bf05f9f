/*
 * Heap dumps from their bytes to retained sizes: CPU time by phase, time per
 * object, and the most anonymous memory (pages of the mapped dump can be
 * dropped and are not counted). Each dump is measured in a process of its own.
 *
 *   bench_heap                  a million, 5.7 and 20 million objects
 *   bench_heap OBJECTS [SHAPE]  one size; SHAPE of `seep sim --shape`
 *   bench_heap FILE [BINARY]    a dump that there is; with types
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

static int run_simulated(enum sim_shape shape, uint64_t n, struct figures *f)
{
    const char *dir = getenv("TMPDIR");
    char path[PATH_BYTES];
    char name[LINE_BYTES];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/seep-bench-%ld.heapdump",
             dir ? dir : "/tmp", (long)getpid());
    snprintf(name, sizeof name, "%s", sim_shape_names[shape]);
    const int status = simulate(path, shape, n, &err) ? run(name, path, NULL, f)
                                                      : fail(name, &err);
    unlink(path);
    return status;
}

static int run_sizes(enum sim_shape shape)
{
    static const uint64_t sizes[] = {1000000, 5700000, 20000000};
    double first = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct figures f = {0};
        if (run_simulated(shape, sizes[i], &f) != 0) {
            return 2;
        }
        const double each = total_s(&f) / (double)f.n_objects;
        if (i == 0) {
            first = each;
        } else {
            printf("%-22s time per object: %.2f of that of a million\n", "",
                   each / first);
        }
    }
    return 0;
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
        const int tree = run_sizes(SIM_TREE);
        const int power = run_sizes(SIM_POWER);
        return tree ? tree : power;
    }
    if (num_parse_u64(span_of(argv[1]), &n)) {
        enum sim_shape shape = SIM_POWER;
        return argc > 2 && !shape_named(argv[2], &shape)
                   ? 2
                   : run_simulated(shape, n, &f);
    }
    const char *name = strrchr(argv[1], '/');
    return run(name ? name + 1 : argv[1], argv[1], argc > 2 ? argv[2] : NULL,
               &f);
}
