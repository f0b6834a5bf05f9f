/*
 * Programs whose binaries and dumps tests read: ours (src/heapbinary), built
 * in the ways that leave less and less of it, and a simulated one. Made when a
 * test first asks, in a directory that is removed at the end.
 */
#ifndef SEEP_TESTS_HEAP_BINARY_SUPPORT_H
#define SEEP_TESTS_HEAP_BINARY_SUPPORT_H

#include "test.h"

#include "heap/heap.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 512, ARGS_MAX = 16 };

static char work[PATH_BYTES]; /* removed at the end */

/* --- programs --- */

/* Exit status of a program that may print what it likes. */
static inline int run(const char *dir, const char *const *args)
{
    char *argv[ARGS_MAX] = {NULL};
    for (size_t i = 0; args[i] && i + 1 < ARGS_MAX; i++) {
        memcpy(&argv[i], &args[i], sizeof(argv[i]));
    }
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int null = open("/dev/null", O_RDWR);
        if (null >= 0 && chdir(dir) == 0) {
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO);
            if (!getenv("SEEP_TEST_VERBOSE")) {
                dup2(null, STDERR_FILENO);
            }
            setenv("GOTOOLCHAIN", "local", 1);
            setenv("GOFLAGS", "-mod=mod", 1);
            execvp(argv[0], argv);
        }
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* NULL where Go is not installed. */
static inline const char *find_go(void)
{
    static char path[PATH_BYTES];
    const char *const version[] = {"go", "version", NULL};
    glob_t found;
    if (run("/", version) == 0) {
        return "go";
    }
    if (access("/usr/local/go/bin/go", X_OK) == 0) {
        return "/usr/local/go/bin/go";
    }
    path[0] = '\0';
    if (glob("/usr/lib/go-*/bin/go", 0, NULL, &found) == 0) {
        snprintf(path, sizeof path, "%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
    return path[0] ? path : NULL;
}

#define ALL_PARTS                                                              \
    (BINARY_SYMBOLS | BINARY_DWARF | BINARY_RUNTIME_TYPES | BINARY_FUNCTIONS)
#define NO_DWARF   (BINARY_SYMBOLS | BINARY_RUNTIME_TYPES | BINARY_FUNCTIONS)
#define WHAT_STAYS (BINARY_RUNTIME_TYPES | BINARY_FUNCTIONS)

/* Ways to build, and what must be there of the binary. */
enum { WHOLE, BARE, STRIPPED, RELOCATED, RELOCATED_STRIPPED, N_TARGETS };
static const struct {
    const char *name, *mode, *linker;
    unsigned parts;
} ways[N_TARGETS] = {
    {"default", "-buildmode=exe", "-ldflags=",      ALL_PARTS },
    {"w",       "-buildmode=exe", "-ldflags=-w",    NO_DWARF  },
    {"sw",      "-buildmode=exe", "-ldflags=-s -w", WHAT_STAYS},
    {"pie",     "-buildmode=pie", "-ldflags=",      ALL_PARTS },
    {"pie-sw",  "-buildmode=pie", "-ldflags=-s -w", WHAT_STAYS},
};

struct target {
    bool is_tried, is_built;
    char binary[PATH_BYTES], dump[PATH_BYTES];
};

static inline bool build(struct target *t, unsigned way)
{
    const char *go = find_go();
    if (go == NULL) {
        return false;
    }
    snprintf(t->binary, sizeof t->binary, "%.400s/%s", work, ways[way].name);
    snprintf(t->dump, sizeof t->dump, "%.400s/%s.heapdump", work,
             ways[way].name);
    const char *const make[] = {
        go,  "build", ways[way].mode, ways[way].linker, "-o", t->binary,
        ".", NULL};
    const char *const start[] = {t->binary, t->dump, NULL};
    return run(testdata("src/heapbinary"), make) == 0 && run("/", start) == 0;
}

/* Skips the test where there is no Go. */
static inline const struct target *target(unsigned way)
{
    static struct target targets[N_TARGETS];
    struct target *t = &targets[way];
    if (!t->is_tried) {
        t->is_tried = true;
        t->is_built = build(t, way);
    }
    if (!t->is_built) {
        print_message("no Go that builds the program '%s'\n", ways[way].name);
        skip();
    }
    return t;
}

/* --- a dump and its binary --- */

struct pair {
    struct binary *b;
    struct heap_graph *g;
    struct buf dump;
};

static inline struct binary *opened(const char *path)
{
    struct err err = {0};
    struct binary *b = NULL;
    assert_ok(binary_open(path, &b, &err), &err);
    return b;
}

static inline struct pair pair_of(const char *binary, const char *dump)
{
    struct err err = {0};
    struct pair p = {opened(binary), NULL, test_read_file(dump)};
    struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(buf_view(&p.dump), &o, &p.g, &err), &err);
    return p;
}

static inline struct pair matched(unsigned i)
{
    struct err err = {0};
    const struct target *t = target(i);
    struct pair p = pair_of(t->binary, t->dump);
    assert_int_equal(binary_parts(p.b), ways[i].parts);
    assert_ok(binary_match(p.b, heap_graph_about(p.g), false, &err), &err);
    return p;
}

static inline void close_pair(struct pair *p)
{
    heap_graph_free(p->g);
    binary_close(p->b);
    buf_release(&p->dump);
}

static inline const struct go_type *type_named(const struct binary *b,
                                               const char *name)
{
    const struct go_type *t = binary_type(b, binary_type_named(b, name));
    if (t == NULL) {
        fail_msg("no type %s", name);
    }
    return t;
}

static inline const char *name_of(const struct binary *b, type_id t)
{
    const struct go_type *g = binary_type(b, t);
    return g ? g->name : "none";
}

/* "Name string @0": empty where there is no such field. */
static inline void assert_field(const struct binary *b, const struct go_type *t,
                                const char *name, const char *type,
                                uint64_t offset)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (strcmp(t->fields[i].name, name) == 0) {
            assert_string_equal(name_of(b, t->fields[i].type), type);
            assert_int_equal(t->fields[i].offset, offset);
            return;
        }
    }
    fail_msg("%s has no field %s", t->name, name);
}

static inline bool check_type(void *ctx, const struct heap_type *t,
                              struct err *err)
{
    struct binary *b = ctx;
    (void)err;
    const struct go_type *g =
        binary_type(b, binary_type_of_runtime(b, t->address));
    assert_non_null(g);
    assert_int_equal(g->bytes, t->bytes);
    assert_int_equal(g->runtime_type, t->address);
    return true;
}

/* --- a simulated process --- */

static inline const char *simulated(char path[PATH_BYTES])
{
    const char *program = getenv("SEEP_PROGRAM");
    char dir[PATH_BYTES];
    snprintf(dir, sizeof dir, "%.400s/sim", work);
    snprintf(path, PATH_BYTES, "%.400s/map-cache/seed-1/accounts", dir);
    if (access(path, R_OK) == 0) {
        return path;
    }
    if (program == NULL || access(program, X_OK) != 0) {
        return NULL;
    }
    const char *const args[] = {program,       "sim",  "map-cache",
                                "--heap-dump", "--go", "1.26",
                                "-o",          dir,    NULL};
    return run("/", args) == 0 ? path : NULL;
}

static inline int make_work(void **state)
{
    (void)state;
    snprintf(work, sizeof work, "/tmp/seep-binary-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static inline int remove_work(void **state)
{
    (void)state;
    const char *const args[] = {"rm", "-rf", work, NULL};
    return run("/", args);
}

#endif
