/*
 * Types of objects: of a program of ours whose objects are counted
 * (testdata/src/heaptypes, built here in three ways), of the corpus, and of
 * dumps whose contents were changed.
 */
#include "test.h"

#include "base/zst.h"
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
static int run(const char *dir, const char *const *args)
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
            dup2(null, STDERR_FILENO);
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
static const char *find_go(void)
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
    if (glob("/usr/lib/go-*/bin/go", 0, NULL, &found) == 0) {
        snprintf(path, sizeof path, "%s", found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
    return path[0] ? path : NULL;
}

enum { WHOLE, RELOCATED, STRIPPED, UNDEBUGGED, N_WAYS };
static const struct {
    const char *name, *mode, *linker;
} ways[N_WAYS] = {
    {"default", "-buildmode=exe", "-ldflags="     },
    {"pie",     "-buildmode=pie", "-ldflags="     },
    {"sw",      "-buildmode=exe", "-ldflags=-s -w"},
    {"w",       "-buildmode=exe", "-ldflags=-w"   },
};

struct target {
    bool is_tried, is_built;
    char binary[PATH_BYTES], dump[PATH_BYTES];
};

static bool build(struct target *t, unsigned way)
{
    const char *go = find_go();
    if (!go) {
        return false;
    }
    snprintf(t->binary, sizeof t->binary, "%.400s/%s", work, ways[way].name);
    snprintf(t->dump, sizeof t->dump, "%.400s/%s.heapdump", work,
             ways[way].name);
    const char *const make[] = {
        go,  "build", ways[way].mode, ways[way].linker, "-o", t->binary,
        ".", NULL};
    const char *const start[] = {t->binary, t->dump, NULL};
    return run(testdata("src/heaptypes"), make) == 0 && run("/", start) == 0;
}

/* Skips the test where there is no Go. */
static const struct target *target(unsigned way)
{
    static struct target targets[N_WAYS];
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

/* --- a dump with its binary --- */

struct typed {
    struct binary *b;
    struct heap_graph *g;
    struct heap_types *t;
    struct buf dump;
};

static struct typed typed_of(const char *binary, const char *dump)
{
    struct err err = {0};
    struct typed d = {.dump = test_read_file(dump)};
    struct heap_graph_options o = {0};
    assert_ok(binary_open(binary, &d.b, &err), &err);
    assert_ok(heap_graph_build(buf_view(&d.dump), &o, &d.g, &err), &err);
    assert_ok(binary_match(d.b, heap_graph_about(d.g), false, &err), &err);
    heap_graph_free(d.g);
    o.symbols = binary_symbols(d.b, &o.n_symbols);
    assert_ok(heap_graph_build(buf_view(&d.dump), &o, &d.g, &err), &err);
    assert_ok(heap_types_build(d.g, d.b, &o, &d.t, &err), &err);
    return d;
}

static struct typed typed_program(unsigned way)
{
    const struct target *t = target(way);
    return typed_of(t->binary, t->dump);
}

static void close_typed(struct typed *d)
{
    heap_types_free(d->t);
    heap_graph_free(d->g);
    binary_close(d->b);
    buf_release(&d->dump);
}

/* Texts of the last calls; eight of them. */
static struct buf *next_text(void)
{
    static struct buf texts[8];
    static unsigned n;
    struct buf *b = &texts[n++ % 8];
    buf_release(b);
    *b = BUF_LIMIT(1 << 16);
    buf_str(b, "");
    return b;
}

static const char *type_name(const struct typed *d, object_id o)
{
    struct buf *b = next_text();
    heap_type_name(d->t, o, b);
    return b->data;
}

static const char *field_name(const struct typed *d, object_id o,
                              uint64_t offset)
{
    struct buf *b = next_text();
    heap_field_name(d->t, o, offset, b);
    return b->data ? b->data : "";
}

static const char *root_name(const struct typed *d, const struct heap_root *r)
{
    struct buf *b = next_text();
    heap_root_name(d->t, r, b);
    return b->data ? b->data : "";
}

/* Reachable objects with a name, and the last of them. */
static unsigned n_named(const struct typed *d, const char *name,
                        object_id *last)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < heap_n_objects(d->g); i++) {
        const object_id o = {i};
        if (heap_object_is_reachable(d->g, o) &&
            strcmp(type_name(d, o), name) == 0) {
            n++;
            if (last) {
                *last = o;
            }
        }
    }
    return n;
}

/* The first root of a variable. */
static const struct heap_root *root_of(const struct typed *d, const char *name)
{
    for (uint32_t i = 0; i < heap_n_groups(d->g); i++) {
        const struct root_group *group = heap_group(d->g, i);
        if (strcmp(group->name, name) == 0 && group->n_roots > 0) {
            return heap_group_roots(d->g, i);
        }
    }
    fail_msg("no root %s", name);
    return NULL;
}

static const char *const source_names[N_TYPE_SOURCES] = {
    "not", "shape", "site", "closure", "pointer", "interface", "header"};

static void print_about(const struct typed *d, const char *what)
{
    const struct heap_typed *a = heap_types_about(d->t);
    print_message("%s: %u objects, %llu bytes\n", what, a->n_objects,
                  (unsigned long long)a->bytes);
    for (int i = 0; i < N_TYPE_SOURCES; i++) {
        print_message(
            "  %-9s %6.2f%% of objects %6.2f%% of bytes\n", source_names[i],
            100.0 * a->n_by_source[i] / (a->n_objects + 1e-9),
            100.0 * (double)a->bytes_by_source[i] / ((double)a->bytes + 1e-9));
    }
}

/* In thousandths. */
static void assert_typed(const struct typed *d, unsigned objects,
                         unsigned bytes)
{
    const struct heap_typed *a = heap_types_about(d->t);
    const struct heap_about *about = heap_graph_about(d->g);
    assert_int_equal(a->n_objects, about->n_reachable);
    assert_int_equal(a->bytes, about->reachable_bytes);
    assert_false(a->is_incomplete);
    assert_true((uint64_t)(a->n_objects - a->n_by_source[TYPED_NOT]) * 1000 >=
                (uint64_t)a->n_objects * objects);
    assert_true((a->bytes - a->bytes_by_source[TYPED_NOT]) * 1000 >=
                a->bytes * bytes);
}

/* --- the program --- */

/* What closures capture is said since Go 1.23. */
enum { CAPTURES_SINCE = 23, HEADERS_SINCE = 22 };

static unsigned minor_of(const struct typed *d)
{
    const char *build = binary_build(d->b);
    return strncmp(build, "go1.", 4) == 0
               ? (unsigned)strtoul(build + 4, NULL, 10)
               : 99;
}

struct wanted {
    const char *name;
    unsigned n;
    unsigned since; /* version of Go; 0: all have it alike */
};
/* clang-format off */
static const struct wanted wanted_objects[] = {
    {"main.User", 1000, 0},
    {"main.Address", 1000, 0},
    {"main.Amount", 1000, 0},
    {"main.Body", 10, 0},
    {"main.Circle", 100, 0},
    {"main.Square", 100, 0},
    {"main.Ticked", 110, CAPTURES_SINCE},
    {"main.Captured", 100, CAPTURES_SINCE},
    {"main.Node[string,*main.Leaf]", 100, 0},
    {"main.Leaf", 100, 0},
    {"main.Synced", 100, 0},
    {"main.Pooled", 5, 0},
    {"main.Config", 1, 0},
    {"main.Secret", 1, 0},
    {"main.Item", 50, 0},
    {"main.Deferred", 20, 0},
    {"main.Local", 7, 0},
    {"main.Large", 30, 0},
    {"main.Wide", 20, 0},
    {"main.Pinned", 40, 0},
    {"main.Job", 21, 0},
    {"main.Closed", 1, 0},
    {"list.Element", 50, 0},
    {"list.List", 1, 0},
    {"chan main.Step", 20, 0},
    {"chan int", 8, 0},
    {"chan *main.Job", 1, 0},
    {"chan *main.Job (buffer)", 1, 0},
    {"[]main.Page (backing)", 1, 0},
    {"[]main.Shape (backing)", 1, 0},
    {"[]main.Tail (backing)", 1, 0},
    {"[]main.Element (backing)", 1, 0},
    {"main.Element", 0, 0},
    {"main.Kept", 1, 0},
    {"[][]string (backing)", 1, 0},
    {"[]func() int (backing)", 1, 0},
    {"closure main.makeFunctions.func1", 100, 0},
    {"context.timerCtx", 20, 0},
    {"context.valueCtx", 20, 0},
    {"time.Ticker", 1, 0},
    {"main.Mixed", 20, 0},
    {"main.Odd", 5, 0},
    {"map[int]*main.User", 1, 0},
    {"map[string]main.Record", 1, 0},
    {"map[main.Wide]*main.Wide", 1, 0},
    {"map[int]int", 1, 0},
    {"map[string]*main.Few", 60, 0},
    {"map[string]*main.Few (buckets)", 60, 0},
    {"main.Few", 120, 0},
};
/* clang-format on */

static void assert_counts(const struct typed *d)
{
    unsigned n_wrong = 0;
    for (size_t i = 0; i < sizeof(wanted_objects) / sizeof(wanted_objects[0]);
         i++) {
        const struct wanted *w = &wanted_objects[i];
        const unsigned n = n_named(d, w->name, NULL);
        if (n != w->n && minor_of(d) >= w->since) {
            print_message("%u %s, not %u\n", n, w->name, w->n);
            n_wrong++;
        }
    }
    assert_int_equal(n_wrong, 0);
}

static void every_object_has_the_type_that_the_program_gave_it(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    print_about(&d, "program");
    assert_counts(&d);
    assert_typed(&d, 980, 980);
    close_typed(&d);
}

static void statics_are_named_by_what_leads_to_them(void **state)
{
    (void)state;
    for (unsigned way = WHOLE; way <= RELOCATED; way++) {
        struct typed d = typed_program(way);
        const struct heap_root *r = root_of(&d, "main.keeping.inner");
        assert_string_equal(type_name(&d, r->object), "[]*main.Kept (backing)");
        close_typed(&d);
    }
    struct typed d = typed_program(UNDEBUGGED);
    (void)root_of(&d, "main.keeping");
    close_typed(&d);
}

static void position_independent_programs_are_no_different(void **state)
{
    (void)state;
    struct typed d = typed_program(RELOCATED);
    assert_counts(&d);
    assert_typed(&d, 980, 980);
    close_typed(&d);
}

/* Interfaces, headers and closures are left; globals are not. */
static void stripped_programs_still_give_what_says_itself(void **state)
{
    (void)state;
    struct typed d = typed_program(STRIPPED);
    print_about(&d, "stripped program");
    assert_int_equal(n_named(&d, "main.Circle", NULL), 100);
    assert_int_equal(n_named(&d, "main.Square", NULL), 100);
    if (minor_of(&d) >= HEADERS_SINCE) {
        assert_int_equal(n_named(&d, "main.Large", NULL), 30);
    }
    assert_int_equal(n_named(&d, "main.Synced", NULL), 100);
    assert_int_equal(n_named(&d, "main.Item", NULL), 50);
    assert_int_equal(n_named(&d, "main.Deferred", NULL), 20);
    assert_int_equal(n_named(&d, "main.Told", NULL), 0);
    assert_int_equal(n_named(&d, "closure main.makeFunctions.func1", NULL),
                     100);
    assert_typed(&d, 500, 400);
    close_typed(&d);
}

static void forms_and_counts_are_those_of_the_program(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    object_id o = OBJECT_NONE;
    assert_int_equal(n_named(&d, "[]main.Page (backing)", &o), 1);
    struct object_type t = heap_type_of(d.t, o);
    assert_int_equal(t.form, FORM_ARRAY);
    assert_int_equal(t.count, 64);
    assert_string_equal(binary_type(d.b, t.type)->name, "main.Page");

    assert_int_equal(n_named(&d, "[]main.Tail (backing)", &o), 1);
    t = heap_type_of(d.t, o);
    assert_int_equal(t.count, 40); /* 27 of them are in the slice */

    assert_int_equal(n_named(&d, "main.Large", &o), 30);
    t = heap_type_of(d.t, o);
    assert_int_equal(t.form, FORM_VALUE);
    assert_int_equal(t.count, 1);

    assert_int_equal(n_named(&d, "chan *main.Job (buffer)", &o), 1);
    t = heap_type_of(d.t, o);
    assert_int_equal(t.form, FORM_CHANNEL_BUFFER);
    assert_int_equal(t.count, 32);
    assert_int_equal(binary_type(d.b, t.type)->kind, GO_CHAN);

    o = root_of(&d, "main.users")->object;
    t = heap_type_of(d.t, o);
    assert_int_equal(t.form, FORM_MAP);
    assert_int_equal(t.source, TYPED_BY_POINTER);
    close_typed(&d);
}

/* How many of a name are known in this way. */
static unsigned n_known_by(const struct typed *d, const char *name,
                           enum type_source source)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < heap_n_objects(d->g); i++) {
        const object_id o = {i};
        n += heap_type_of(d->t, o).source == source &&
             heap_object_is_reachable(d->g, o) &&
             strcmp(type_name(d, o), name) == 0;
    }
    return n;
}

static void each_type_says_how_it_is_known(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    assert_int_equal(n_known_by(&d, "main.Mixed", TYPED_BY_POINTER), 10);
    assert_int_equal(n_known_by(&d, "main.Mixed", TYPED_BY_SITE), 10);
    assert_int_equal(n_known_by(&d, "main.Odd", TYPED_BY_SHAPE), 5);
    assert_int_equal(n_known_by(&d, "main.Square", TYPED_BY_INTERFACE), 100);
    assert_int_equal(n_known_by(&d, "main.User", TYPED_BY_POINTER), 1000);
    assert_int_equal(
        n_known_by(&d, "closure main.makeFunctions.func1", TYPED_BY_CLOSURE),
        100);
    if (minor_of(&d) >= HEADERS_SINCE) {
        assert_int_equal(n_known_by(&d, "main.Large", TYPED_BY_HEADER), 30);
    }
    close_typed(&d);
}

static void maps_say_how_full_they_are(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    struct map_about m;
    assert_true(heap_map_about(d.t, root_of(&d, "main.users")->object, &m));
    assert_int_equal(m.n_entries, 1000);
    assert_in_range(m.capacity, 1000, 4096);
    assert_int_equal(m.n_deleted, 0);
    assert_in_range(m.bucket_bytes, m.capacity * 16, m.capacity * 64);

    assert_true(heap_map_about(d.t, root_of(&d, "main.churned")->object, &m));
    assert_int_equal(m.n_entries, 100);
    assert_in_range(m.capacity, 1000, 4096);

    assert_true(heap_map_about(d.t, root_of(&d, "main.wide")->object, &m));
    assert_int_equal(m.n_entries, 10);
    assert_int_equal(m.capacity, 16);
    object_id user = OBJECT_NONE;
    assert_true(n_named(&d, "main.User", &user) > 0);
    assert_false(heap_map_about(d.t, user, &m));
    close_typed(&d);
}

/* Names of the ways from objects of a type to what they point to. */
static void assert_way(const struct typed *d, const char *from, const char *to,
                       const char *way)
{
    for (uint32_t i = 0; i < heap_n_objects(d->g); i++) {
        const object_id o = {i};
        if (!heap_object_is_reachable(d->g, o) ||
            strcmp(type_name(d, o), from) != 0) {
            continue;
        }
        struct dump_fields f = heap_object_fields(d->g, o);
        uint64_t offset = 0;
        while (dump_fields_next(&f, &offset)) {
            const uint64_t word =
                heap_word(d->g, heap_object_contents(d->g, o), offset);
            const object_id target = heap_object_at(d->g, word);
            if (target.i != UINT32_MAX &&
                strcmp(type_name(d, target), to) == 0 &&
                strcmp(field_name(d, o, offset), way) == 0) {
                return;
            }
        }
    }
    fail_msg("no way %s from %s to %s", way, from, to);
}

static void ways_within_objects_have_names(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    assert_way(&d, "main.User", "main.Address", ".Address");
    assert_way(&d, "main.User", "string (bytes)", ".Name");
    assert_way(&d, "main.User", "[]string (backing)", ".Tags");
    assert_way(&d, "[]main.Page (backing)", "main.Body", "[3].Body");
    assert_way(&d, "map[int]*main.User (buckets)", "main.User", "[...]");
    assert_way(&d, "map[string]main.Record (buckets)", "main.Amount",
               "[...].Value");
    assert_way(&d, "map[string]main.Record (buckets)", "string (bytes)",
               "[key]");
    assert_way(&d, "map[main.Wide]*main.Wide (buckets)", "main.Wide", "[key]");
    assert_way(&d, "map[string]*main.Few (buckets)", "main.Few", "[...]");
    assert_way(&d, "main.Large", "main.Large", ".Next");
    assert_way(&d, "[]main.Shape (backing)", "main.Circle", "[0]");
    assert_way(&d, "chan *main.Job (buffer)", "main.Job", "[19]");
    if (minor_of(&d) >= CAPTURES_SINCE) {
        assert_way(&d, "closure main.makeFunctions.func1", "main.Captured",
                   ".c");
    }
    assert_way(&d, "main.Node[string,*main.Leaf]", "main.Leaf", ".Val");
    close_typed(&d);
}

static void roots_have_the_names_of_variables(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    assert_string_equal(root_name(&d, root_of(&d, "main.users")), "");
    assert_string_equal(root_name(&d, root_of(&d, "main.matrix")), ".Rows");
    assert_string_equal(root_name(&d, root_of(&d, "main.config")), ".v");
    unsigned n_local = 0, n_text = 0;
    for (uint32_t i = 0; i < heap_n_groups(d.g); i++) {
        const struct root_group *group = heap_group(d.g, i);
        const struct heap_root *r = heap_group_roots(d.g, i);
        for (uint64_t k = 0; k < group->n_roots; k++) {
            const bool is_here =
                r[k].frame != UINT32_MAX &&
                strcmp(heap_frame_at(d.g, r[k].frame)->function,
                       "main.serve") == 0;
            n_local += is_here && strcmp(root_name(&d, &r[k]), "local") == 0;
            n_text += is_here && strcmp(root_name(&d, &r[k]), "text") == 0;
        }
    }
    assert_int_equal(n_local, 7);
    assert_int_equal(n_text, 7);
    close_typed(&d);
}

/* --- the corpus --- */

static bool sink_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return fwrite(p, 1, n, ctx) == n || err_set(err, ERR_IO, "short write");
}

static bool sink_end(void *ctx, struct err *err)
{
    (void)ctx, (void)err;
    return true;
}

/* A copy without zstd; skips the test where the corpus is not. */
static void inflate(const char *relative, char path[PATH_BYTES])
{
    const char *from = test_shared(relative);
    struct err err = {0};
    if (!from) {
        print_message("no %s\n", relative);
        skip();
    }
    snprintf(path, PATH_BYTES, "%.400s/%s", work, strrchr(relative, '/') + 1);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    const struct sink sink = {out, sink_write, sink_end};
    struct buf in = test_read_file(from);
    struct zst_reader *z = zst_reader_new(sink, UINT64_C(1) << 30);
    assert_ok(zst_reader_write(z, (const uint8_t *)in.data, in.len, &err) &&
                  zst_reader_end(z, &err),
              &err);
    zst_reader_free(z);
    buf_release(&in);
    fclose(out);
}

static struct typed typed_corpus(const char *dump, const char *binary)
{
    char dump_path[PATH_BYTES], binary_path[PATH_BYTES];
    inflate(dump, dump_path);
    inflate(binary, binary_path);
    return typed_of(binary_path, dump_path);
}

#define MAPCACHE_BINARY "corpus/mapcache/accounts.go1.23.bin.zst"
#define CHANRECV_BINARY "corpus/chanrecv/orders.go1.23.bin.zst"

static void nearly_all_of_the_corpus_has_types(void **state)
{
    static const char *const dumps[][2] = {
        {"corpus/mapcache/heapdump-go1.23/start.heapdump.zst",    MAPCACHE_BINARY},
        {"corpus/mapcache/heapdump-go1.23/end.heapdump.zst",      MAPCACHE_BINARY},
        {"corpus/mapcache/heapdump-go1.23/end-nogc.heapdump.zst",
         MAPCACHE_BINARY                                                         },
        {"corpus/mapcache/heapdump-go1.23/late100s.heapdump.zst",
         MAPCACHE_BINARY                                                         },
        {"corpus/chanrecv/heapdump-go1.23/start.heapdump.zst",    CHANRECV_BINARY},
        {"corpus/chanrecv/heapdump-go1.23/end.heapdump.zst",      CHANRECV_BINARY},
        {"corpus/chanrecv/heapdump-go1.23/late100s.heapdump.zst",
         CHANRECV_BINARY                                                         },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
        struct typed d = typed_corpus(dumps[i][0], dumps[i][1]);
        print_about(&d, dumps[i][0]);
        assert_typed(&d, 995, 995);
        close_typed(&d);
    }
}

static void cache_of_the_corpus_is_read(void **state)
{
    (void)state;
    struct typed d = typed_corpus(
        "corpus/mapcache/heapdump-go1.23/end.heapdump.zst", MAPCACHE_BINARY);
    object_id map = OBJECT_NONE;
    const unsigned n_users = n_named(&d, "usercache.User", NULL);
    assert_true(n_users > 3000);
    uint64_t n_entries = 0;
    for (uint32_t i = 0; i < heap_n_objects(d.g); i++) {
        struct map_about m;
        if (strcmp(type_name(&d, (object_id){i}), "map[int]*usercache.User") ==
                0 &&
            heap_map_about(d.t, (object_id){i}, &m) &&
            m.n_entries > n_entries) {
            map.i = i;
            n_entries = m.n_entries;
            assert_false(m.is_swiss);
            assert_true(m.capacity >= m.n_entries);
        }
    }
    assert_int_not_equal(map.i, OBJECT_NONE.i);
    assert_in_range(n_entries, n_users - n_users / 8, n_users);
    assert_way(&d, "map[int]*usercache.User (buckets)", "usercache.User",
               "[...]");
    close_typed(&d);
}

static void orders_of_the_corpus_are_held_by_locals(void **state)
{
    (void)state;
    struct typed d = typed_corpus(
        "corpus/chanrecv/heapdump-go1.23/end.heapdump.zst", CHANRECV_BINARY);
    const unsigned n_orders = n_named(&d, "main.order", NULL);
    unsigned n_named_o = 0;
    assert_true(n_orders > 100);
    for (uint32_t i = 0; i < heap_n_groups(d.g); i++) {
        const struct root_group *group = heap_group(d.g, i);
        const struct heap_root *r = heap_group_roots(d.g, i);
        for (uint64_t k = 0; k < group->n_roots; k++) {
            if (strcmp(type_name(&d, r[k].object), "main.order") == 0 &&
                strcmp(root_name(&d, &r[k]), "o") == 0) {
                n_named_o++;
            }
        }
    }
    assert_true(n_named_o >= n_orders);
    close_typed(&d);
}

/* --- what is not as Go would have it --- */

/* Contents are changed where lengths and pointers lie; whatever comes of it,
   typing ends, and what is asked of it is answered. */
static void changed_contents_do_no_harm(void **state)
{
    enum { ROUNDS = 40, CHANGES = 400 };
    (void)state;
    const struct target *t = target(WHOLE);
    struct buf dump = test_read_file(t->dump);
    char path[PATH_BYTES];
    uint64_t dice = 1;
    snprintf(path, sizeof path, "%.400s/changed", work);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct typed d = typed_of(t->binary, t->dump);
        char *bytes = d.dump.data;
        for (unsigned i = 0; i < CHANGES; i++) {
            const object_id o = {
                (uint32_t)(test_random(&dice) % heap_n_objects(d.g))};
            const struct span c = heap_object_contents(d.g, o);
            uint64_t word = test_random(&dice) >> (test_random(&dice) % 64);
            if (i % 2 == 0) { /* a pointer to what it is not for */
                const object_id to = {
                    (uint32_t)(test_random(&dice) % heap_n_objects(d.g))};
                word = heap_object_address(d.g, to) + word % 64;
            }
            memcpy(bytes + (c.p - bytes) + test_random(&dice) % (c.len / 8) * 8,
                   &word, sizeof word);
        }
        struct heap_types *types = NULL;
        struct err err = {0};
        assert_ok(heap_types_build(d.g, d.b, NULL, &types, &err), &err);
        for (uint32_t i = 0; i < heap_n_objects(d.g); i++) {
            struct buf text = BUF_LIMIT(1 << 16);
            struct map_about m;
            heap_type_name(types, (object_id){i}, &text);
            heap_field_name(types, (object_id){i}, test_random(&dice) % 512,
                            &text);
            (void)heap_map_about(types, (object_id){i}, &m);
            buf_release(&text);
        }
        heap_types_free(types);
        close_typed(&d);
    }
    buf_release(&dump);
}

static bool build_types(void *ctx, struct err *err)
{
    const struct typed *d = ctx;
    struct heap_types *t = NULL;
    const bool ok = heap_types_build(d->g, d->b, NULL, &t, err);
    heap_types_free(t);
    return ok;
}

static void limits_and_signals_end_it(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    struct err err = {0};
    struct heap_types *t = NULL;
    struct heap_graph_options o = {.memory_limit_bytes = 1 << 10};
    assert_false(heap_types_build(d.g, d.b, &o, &t, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "types of objects need "));
    const volatile int stop = 1;
    o = (struct heap_graph_options){.stop = &stop};
    assert_false(heap_types_build(d.g, d.b, &o, &t, &err));
    assert_err(&err, ERR_INTERRUPTED, "types of objects: interrupted");
    close_typed(&d);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct typed d = typed_program(WHOLE);
    print_message("%u allocations\n", oom_walk(build_types, &d));
    close_typed(&d);
}

/* --- all --- */

static int make_work(void **state)
{
    (void)state;
    snprintf(work, sizeof work, "/tmp/seep-heap-types-XXXXXX");
    return mkdtemp(work) ? 0 : -1;
}

static int remove_work(void **state)
{
    (void)state;
    const char *const args[] = {"rm", "-rf", work, NULL};
    return run("/", args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_object_has_the_type_that_the_program_gave_it),
        cmocka_unit_test(statics_are_named_by_what_leads_to_them),
        cmocka_unit_test(position_independent_programs_are_no_different),
        cmocka_unit_test(stripped_programs_still_give_what_says_itself),
        cmocka_unit_test(forms_and_counts_are_those_of_the_program),
        cmocka_unit_test(each_type_says_how_it_is_known),
        cmocka_unit_test(maps_say_how_full_they_are),
        cmocka_unit_test(ways_within_objects_have_names),
        cmocka_unit_test(roots_have_the_names_of_variables),
        cmocka_unit_test(nearly_all_of_the_corpus_has_types),
        cmocka_unit_test(cache_of_the_corpus_is_read),
        cmocka_unit_test(orders_of_the_corpus_are_held_by_locals),
        cmocka_unit_test(changed_contents_do_no_harm),
        cmocka_unit_test(limits_and_signals_end_it),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
