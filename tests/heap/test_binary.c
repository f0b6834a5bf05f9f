/*
 * What binaries say: of a program of ours, built here in the ways that leave
 * less and less of it (src/heapbinary); of the corpus; of a simulated process;
 * and of hostile files. A dump of the same process is the judge wherever it
 * knows better.
 */
#include "test.h"

#include "base/zst.h"
#include "heap/heap.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
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

static bool build(struct target *t, unsigned way)
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
static const struct target *target(unsigned way)
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

static struct binary *opened(const char *path)
{
    struct err err = {0};
    struct binary *b = NULL;
    assert_ok(binary_open(path, &b, &err), &err);
    return b;
}

static struct pair pair_of(const char *binary, const char *dump)
{
    struct err err = {0};
    struct pair p = {opened(binary), NULL, test_read_file(dump)};
    struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(buf_view(&p.dump), &o, &p.g, &err), &err);
    return p;
}

static struct pair matched(unsigned i)
{
    struct err err = {0};
    const struct target *t = target(i);
    struct pair p = pair_of(t->binary, t->dump);
    assert_int_equal(binary_parts(p.b), ways[i].parts);
    assert_ok(binary_match(p.b, heap_graph_about(p.g), false, &err), &err);
    return p;
}

static void close_pair(struct pair *p)
{
    heap_graph_free(p->g);
    binary_close(p->b);
    buf_release(&p->dump);
}

static const struct go_type *type_named(const struct binary *b,
                                        const char *name)
{
    const struct go_type *t = binary_type(b, binary_type_named(b, name));
    if (t == NULL) {
        fail_msg("no type %s", name);
    }
    return t;
}

static const char *name_of(const struct binary *b, type_id t)
{
    const struct go_type *g = binary_type(b, t);
    return g ? g->name : "none";
}

/* "Name string @0": empty where there is no such field. */
static void assert_field(const struct binary *b, const struct go_type *t,
                         const char *name, const char *type, uint64_t offset)
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

/* --- types --- */

static void assert_types(struct binary *b)
{
    const struct go_type *user = type_named(b, "main.User");
    assert_int_equal(user->kind, GO_STRUCT);
    assert_int_equal(user->bytes, 128);
    assert_int_equal(user->n_fields, 11);
    assert_true(user->fields[0].is_embedded);
    assert_false(user->fields[1].is_embedded);
    assert_field(b, user, "Name", "string", 8);
    assert_field(b, user, "Tags", "[]string", 24);
    assert_field(b, user, "Address", "*main.Address", 48);
    assert_field(b, user, "Meta", "map[string]int", 56);
    assert_field(b, user, "Any", "interface {}", 64);
    assert_field(b, user, "Err", "error", 80);
    assert_field(b, user, "Done", "func(int) error", 96);
    assert_field(b, user, "Events", "chan *main.User", 104);
    assert_field(b, user, "Codes", "[4]uint16", 112);
    assert_field(b, user, "Next", "*main.User", 120);

    const struct go_type *codes = type_named(b, "[4]uint16");
    assert_int_equal(codes->kind, GO_ARRAY);
    assert_int_equal(codes->n_elements, 4);
    assert_string_equal(name_of(b, codes->element), "uint16");
    assert_true(type_named(b, "interface {}")->has_empty_interface);
    assert_false(type_named(b, "error")->has_empty_interface);
    assert_string_equal(name_of(b, type_named(b, "*main.User")->element),
                        "main.User");
    assert_field(b, type_named(b, "[]string"), "array", "*string", 0);
    assert_string_equal(name_of(b, type_named(b, "[]string")->element),
                        "string");
    assert_int_equal(type_named(b, "func(int) error")->kind, GO_FUNC);
    assert_int_equal(type_named(b, "func(int) error")->bytes, 8);
}

static void types_are_read_from_debugging_information(void **state)
{
    (void)state;
    struct binary *b = opened(target(WHOLE)->binary);
    assert_types(b);
    binary_close(b);
}

static void types_are_read_from_records_of_stripped_programs(void **state)
{
    (void)state;
    const unsigned stripped[] = {BARE, STRIPPED, RELOCATED_STRIPPED};
    for (size_t i = 0; i < sizeof stripped / sizeof stripped[0]; i++) {
        struct binary *b = opened(target(stripped[i])->binary);
        assert_types(b);
        binary_close(b);
    }
}

static void instances_of_generics_go_before_their_shapes(void **state)
{
    (void)state;
    struct binary *b = opened(target(WHOLE)->binary);
    const struct go_type *t = type_named(b, "main.Node[string,*main.User]");
    assert_true(t->runtime_type != 0);
    assert_field(b, t, "Key", "string", 0);
    assert_field(b, t, "Val", "*main.User", 16);
    assert_field(b, t, "Next", "*main.Node[string,*main.User]", 24);
    binary_close(b);
}

static void assert_map(const struct binary *b)
{
    const struct go_type *map = type_named(b, "map[int]*main.User");
    assert_int_equal(map->kind, GO_MAP);
    assert_string_equal(name_of(b, map->key), "int");
    assert_string_equal(name_of(b, map->element), "*main.User");
    const struct go_type *layout = binary_type(b, map->layout);
    assert_non_null(layout);
    assert_int_equal(layout->bytes, 48);
    if (strncmp(layout->name, "map<", 4) == 0) {
        assert_field(b, layout, "dirPtr", "**table<int,*main.User>", 16);
        const struct go_type *p = binary_type(b, layout->fields[2].type);
        const struct go_type *table =
            binary_type(b, binary_type(b, p->element)->element);
        assert_int_equal(table->bytes, 32);
        assert_field(b, table, "groups", "groupReference<int,*main.User>", 16);
    } else {
        assert_string_equal(layout->name, "hash<int,*main.User>");
        assert_string_equal(layout->fields[5].name, "buckets");
        assert_int_equal(layout->fields[5].offset, 16);
        const struct go_type *p = binary_type(b, layout->fields[5].type);
        /* Eight of each, their hashes, and what overflows. */
        assert_int_equal(binary_type(b, p->element)->bytes, 144);
    }
    const struct go_type *chan = type_named(b, "chan *main.User");
    assert_string_equal(name_of(b, chan->element), "*main.User");
    assert_field(b, binary_type(b, chan->layout), "buf", "unsafe.Pointer", 16);
}

static void maps_and_channels_have_their_runtime_layout(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_TARGETS; i++) {
        struct binary *b = opened(target(i)->binary);
        assert_map(b);
        binary_close(b);
    }
}

/* Where a program without debugging information lies as the one with. */
static void records_agree_with_debugging_information(void **state)
{
    (void)state;
    struct binary *whole = opened(target(WHOLE)->binary);
    struct binary *bare = opened(target(BARE)->binary);
    size_t n = 0;
    for (uint32_t i = 0; i < binary_n_types(whole); i++) {
        const struct go_type *a = binary_type(whole, (type_id){i});
        if (a->runtime_type == 0) {
            continue;
        }
        const struct go_type *b =
            binary_type(bare, binary_type_of_runtime(bare, a->runtime_type));
        assert_non_null(b);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->kind, b->kind);
        assert_int_equal(a->bytes, b->bytes);
        assert_int_equal(a->n_elements, b->n_elements);
        assert_int_equal(a->has_empty_interface, b->has_empty_interface);
        assert_string_equal(name_of(whole, a->element),
                            name_of(bare, b->element));
        assert_int_equal(a->n_fields, b->n_fields);
        for (size_t k = 0; k < a->n_fields; k++) {
            assert_string_equal(a->fields[k].name, b->fields[k].name);
            assert_int_equal(a->fields[k].offset, b->fields[k].offset);
            assert_int_equal(a->fields[k].is_embedded,
                             b->fields[k].is_embedded);
        }
        n++;
    }
    print_message("%zu types agree\n", n);
    assert_true(n > 400);
    binary_close(bare);
    binary_close(whole);
}

static void names_are_as_reflect_prints_them(void **state)
{
    (void)state;
    struct binary *b = opened(target(WHOLE)->binary);
    /* "internal/poll.FD" in debugging information: both find it. */
    const struct go_type *t = type_named(b, "internal/poll.FD");
    assert_string_equal(t->name, "poll.FD");
    assert_ptr_equal(type_named(b, "poll.FD"), t);
    binary_close(b);
}

/* --- the dump knows --- */

static bool check_type(void *ctx, const struct heap_type *t, struct err *err)
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

static void types_of_the_dump_are_known_in_every_build(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_TARGETS; i++) {
        struct err err = {0};
        struct pair p = matched(i);
        const struct dump_visitor v = {.ctx = p.b, .type = check_type};
        struct dump_condition condition;
        assert_ok(dump_read(buf_view(&p.dump), &v, &condition, &err), &err);
        close_pair(&p);
    }
}

static void functions_of_frames_are_known_in_every_build(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_TARGETS; i++) {
        struct pair p = matched(i);
        unsigned n_main = 0;
        for (uint32_t k = 0; k < heap_n_goroutines(p.g); k++) {
            const struct graph_goroutine *g = heap_goroutine_at(p.g, k);
            for (uint32_t f = 0; f < g->n_frames; f++) {
                const struct graph_frame *frame =
                    heap_frame_at(p.g, g->first_frame + f);
                const char *name = NULL, *file = NULL;
                uint64_t line = 0, entry = 0;
                /* One that has not begun stands at its entry. */
                const uint64_t pc =
                    frame->pc - (frame->pc == frame->entry ? 0 : 1);
                assert_true(
                    binary_function(p.b, pc, &name, &file, &line, &entry));
                assert_int_equal(entry, frame->entry);
                /* Dumps have type arguments, which are left out here. */
                assert_memory_equal(name, frame->function, strcspn(name, "["));
                assert_non_null(file);
                assert_true(line > 0);
                n_main += strcmp(name, "main.hold") == 0 && line == 77;
            }
        }
        assert_int_equal(n_main, 4);
        close_pair(&p);
    }
}

static void lines_name_the_function_that_was_inlined(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_TARGETS; i++) {
        struct binary *b = opened(target(i)->binary);
        const char *file = testdata("src/heapbinary/main.go");
        char *real = realpath(file, NULL);
        assert_non_null(real);
        assert_string_equal(binary_function_of_line(b, real, 95),
                            "main.newUser");
        assert_string_equal(binary_function_of_line(b, real, 102), "main.fill");
        assert_string_equal(binary_function_of_line(b, real, 91),
                            "main.push[...]");
        assert_null(binary_function_of_line(b, real, 1));
        assert_null(binary_function_of_line(b, "none.go", 95));
        free(real);
        binary_close(b);
    }
}

/* --- globals --- */

static const struct go_variable *variable(const struct binary *b,
                                          const char *name)
{
    size_t n = 0;
    const struct graph_symbol *s = binary_symbols(b, &n);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || s[i - 1].address < s[i].address);
        if (strcmp(s[i].name, name) == 0) {
            /* The last byte of it too. */
            const struct go_variable *v = binary_variable_at(b, s[i].address);
            assert_non_null(v);
            assert_ptr_equal(binary_variable_at(b, v->address + v->bytes - 1),
                             v);
            return v;
        }
    }
    return NULL;
}

static void
globals_have_types_where_there_is_debugging_information(void **state)
{
    (void)state;
    const unsigned with[] = {WHOLE, RELOCATED};
    for (size_t i = 0; i < 2; i++) {
        struct pair p = matched(with[i]);
        const struct heap_about *a = heap_graph_about(p.g);
        const struct go_variable *v = variable(p.b, "main.userCache");
        assert_non_null(v);
        assert_string_equal(name_of(p.b, v->type), "map[int]*main.User");
        assert_int_equal(v->bytes, 8);
        assert_true((v->address >= a->data_address &&
                     v->address < a->data_address + a->data_bytes) ||
                    (v->address >= a->bss_address &&
                     v->address < a->bss_address + a->bss_bytes));
        v = variable(p.b, "main.hooks");
        assert_non_null(v);
        assert_string_equal(name_of(p.b, v->type), "[]func() int");
        assert_int_equal(v->bytes, 24);
        close_pair(&p);
    }
}

static void globals_are_named_by_symbols_alone(void **state)
{
    (void)state;
    struct binary *b = opened(target(BARE)->binary);
    const struct go_variable *v = variable(b, "main.hooks");
    assert_non_null(v);
    assert_int_equal(v->bytes, 24);
    assert_int_equal(v->type.i, TYPE_NONE.i);
    binary_close(b);
}

/* --- closures --- */

/* The entry of a function that some object is a closure of; 0 none. */
static uint64_t entry_of_closure(struct pair *p, const char *name)
{
    for (uint32_t i = 0; i < heap_n_objects(p->g); i++) {
        const struct span s = heap_object_contents(p->g, (object_id){i});
        const uint64_t word = heap_word(p->g, s, 0);
        const char *found = NULL, *file = NULL;
        uint64_t line = 0, entry = 0;
        if (binary_function(p->b, word, &found, &file, &line, &entry) &&
            entry == word && strcmp(found, name) == 0) {
            return entry;
        }
    }
    return 0;
}

static void closures_have_what_they_capture(void **state)
{
    (void)state;
    const unsigned with[] = {WHOLE, RELOCATED};
    for (size_t i = 0; i < 2; i++) {
        struct pair p = matched(with[i]);
        const uint64_t entry = entry_of_closure(&p, "main.fill.func1");
        assert_true(entry != 0);
        const type_id id = binary_closure(p.b, entry);
        const struct go_type *t = binary_type(p.b, id);
        assert_non_null(t);
        assert_int_equal(t->kind, GO_CLOSURE);
        assert_string_equal(t->name, "closure main.fill.func1");
        assert_int_equal(t->bytes, 32);
        assert_field(p.b, t, "F", "uintptr", 0);
        assert_field(p.b, t, "captured", "[]uint8", 8);
        assert_int_equal(binary_closure(p.b, entry).i, id.i);
        assert_int_equal(binary_closure(p.b, entry + 1).i, TYPE_NONE.i);
        close_pair(&p);
    }
}

static void method_values_capture_their_receiver(void **state)
{
    (void)state;
    struct pair p = matched(WHOLE);
    const uint64_t entry = entry_of_closure(&p, "main.(*User).String-fm");
    assert_true(entry != 0);
    const struct go_type *t = binary_type(p.b, binary_closure(p.b, entry));
    assert_non_null(t);
    assert_field(p.b, t, "R", "*main.User", 8);
    close_pair(&p);
}

/* --- locals --- */

struct found_locals {
    struct pair *p;
    const struct graph_frame *frame;
    unsigned n, n_owner, n_payload, n_node;
};

static bool take_local(void *ctx, const struct go_local *l, struct err *err)
{
    struct found_locals *f = ctx;
    (void)err;
    const char *type = name_of(f->p->b, l->type);
    f->n++;
    if (strncmp(f->frame->function, "main.hold", 9) != 0) {
        return true;
    }
    if (strcmp(l->name, "key") == 0) {
        assert_string_equal(type, "string");
    }
    if ((uint64_t)l->offset >= f->frame->bytes) {
        return true;
    }
    const struct span contents = {f->p->dump.data + f->frame->offset,
                                  (size_t)f->frame->bytes};
    const object_id o = heap_object_at(
        f->p->g, heap_word(f->p->g, contents, (uint64_t)l->offset));
    if (strcmp(l->name, "owner") == 0) {
        assert_string_equal(type, "*main.User");
        assert_int_equal(heap_object_bytes(f->p->g, o), 128);
        f->n_owner++;
    } else if (strcmp(l->name, "payload") == 0) {
        assert_true(strcmp(type, "[]uint8") == 0 ||
                    strcmp(type, "*uint8") == 0);
        assert_int_equal(heap_object_bytes(f->p->g, o), 10240);
        f->n_payload++;
    } else if (strcmp(l->name, "node") == 0) {
        /* In the program: of a shape. */
        assert_string_equal(type, "*main.Node[string,*main.User]");
        f->n_node++;
    }
    return true;
}

static void locals_lie_where_the_frame_has_their_objects(void **state)
{
    (void)state;
    const unsigned with[] = {WHOLE, RELOCATED};
    for (size_t i = 0; i < 2; i++) {
        struct pair p = matched(with[i]);
        struct found_locals f = {.p = &p};
        for (uint32_t k = 0; k < heap_n_goroutines(p.g); k++) {
            const struct graph_goroutine *g = heap_goroutine_at(p.g, k);
            for (uint32_t n = 0; n < g->n_frames; n++) {
                struct err err = {0};
                f.frame = heap_frame_at(p.g, g->first_frame + n);
                assert_ok(binary_locals(p.b, f.frame->pc, f.frame->bytes,
                                        take_local, &f, &err),
                          &err);
            }
        }
        print_message("%u locals\n", f.n);
        assert_int_equal(f.n_owner, 4);
        assert_int_equal(f.n_payload, 4);
        assert_int_equal(f.n_node, 1);
        close_pair(&p);
    }
}

/* --- does it match --- */

static void assert_mismatch(const char *binary, const char *dump,
                            const char *text)
{
    struct err err = {0};
    struct pair p = pair_of(binary, dump);
    assert_false(binary_match(p.b, heap_graph_about(p.g), false, &err));
    assert_int_equal(err.code, ERR_MISMATCH);
    if (strstr(err.text, text) == NULL) {
        fail_msg("'%s' lacks '%s'", err.text, text);
    }
    assert_ok(binary_match(p.b, heap_graph_about(p.g), true, &err), &err);
    close_pair(&p);
}

static void another_build_is_refused_unless_forced(void **state)
{
    (void)state;
    assert_mismatch(target(WHOLE)->binary, target(RELOCATED)->dump,
                    "another build");
    assert_mismatch(target(RELOCATED)->binary, target(WHOLE)->dump,
                    "another build");
}

static void another_machine_and_version_are_refused(void **state)
{
    (void)state;
    struct binary *b = opened(target(WHOLE)->binary);
    struct pair p = pair_of(target(WHOLE)->binary, target(WHOLE)->dump);
    const struct heap_about *right = heap_graph_about(p.g);
    struct err err = {0};
    struct heap_about a = *right;
    a.build = "go1.2.3";
    assert_false(binary_match(b, &a, false, &err));
    assert_int_equal(err.code, ERR_MISMATCH);
    assert_non_null(strstr(err.text, "the dump is of go1.2.3, the binary was "
                                     "built by go1."));
    a = *right;
    a.arch = "s390x";
    assert_false(binary_match(b, &a, false, &err));
    assert_non_null(strstr(err.text, "the dump is of s390x, the binary of "));
    a = *right;
    a.pointer_bytes = 4;
    assert_false(binary_match(b, &a, true, &err));
    assert_err(&err, ERR_MISMATCH,
               "the dump is of a 32-bit process, the binary has 64");
    a = *right;
    a.bss_bytes++;
    assert_false(binary_match(b, &a, false, &err));
    assert_non_null(strstr(err.text, "bss is "));
    binary_close(b);
    close_pair(&p);
}

/* --- the corpus --- */

static bool write_part(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return fwrite(p, 1, n, ctx) == n || err_set(err, ERR_IO, "write");
}

static bool write_end(void *ctx, struct err *err)
{
    (void)ctx, (void)err;
    return true;
}

/* A copy without zstd; NULL where the corpus is not. */
static const char *inflated(const char *relative, char path[PATH_BYTES])
{
    const char *from = test_shared(relative);
    struct err err = {0};
    if (from == NULL) {
        print_message("no %s\n", relative);
        return NULL;
    }
    snprintf(path, PATH_BYTES, "%.400s/%s", work, strrchr(relative, '/') + 1);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    struct buf in = test_read_file(from);
    const struct sink sink = {out, write_part, write_end};
    struct zst_reader *z = zst_reader_new(sink, UINT64_C(1) << 30);
    assert_ok(zst_reader_write(z, (const uint8_t *)in.data, in.len, &err) &&
                  zst_reader_end(z, &err),
              &err);
    zst_reader_free(z);
    buf_release(&in);
    fclose(out);
    return path;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned count_closures(struct pair *p)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < heap_n_objects(p->g); i++) {
        const struct span s = heap_object_contents(p->g, (object_id){i});
        const uint64_t word = heap_word(p->g, s, 0);
        n += binary_closure(p->b, word).i != TYPE_NONE.i;
    }
    return n;
}

static void corpus_binary_gives_types_variables_and_closures(void **state)
{
    (void)state;
    struct err err = {0};
    char path[PATH_BYTES], dump[PATH_BYTES];
    if (!inflated("corpus/mapcache/accounts.go1.23.bin.zst", path) ||
        !inflated("corpus/mapcache/heapdump-go1.23/end.heapdump.zst", dump)) {
        skip();
    }
    const double start = seconds();
    struct binary *b = opened(path);
    const double took = seconds() - start;
    size_t n_symbols = 0, n_typed = 0, n_runtime = 0;
    const struct graph_symbol *s = binary_symbols(b, &n_symbols);
    for (size_t i = 0; i < n_symbols; i++) {
        const struct go_variable *v = binary_variable_at(b, s[i].address);
        n_typed += v && v->type.i != TYPE_NONE.i;
    }
    for (uint32_t i = 0; i < binary_n_types(b); i++) {
        n_runtime += binary_type(b, (type_id){i})->runtime_type != 0;
    }
    binary_close(b);
    struct pair p = pair_of(path, dump);
    assert_ok(binary_match(p.b, heap_graph_about(p.g), false, &err), &err);
    const unsigned n_closures = count_closures(&p);
    print_message("%s: %zu types, %zu of them with a record; %zu variables, "
                  "%zu of them typed; %u closures in the heap; opened in "
                  "%.0f ms of CPU\n",
                  binary_build(p.b), binary_n_types(p.b), n_runtime, n_symbols,
                  n_typed, n_closures, 1e3 * took);
    assert_string_equal(binary_build(p.b), "go1.23.5");
    assert_true(n_runtime > 3000);
    assert_true(n_typed > 1000);
    assert_true(n_closures > 50);
    close_pair(&p);
}

static void corpus_dumps_match_their_binary_only(void **state)
{
    (void)state;
    char accounts[PATH_BYTES], orders[PATH_BYTES], dump[PATH_BYTES];
    if (!inflated("corpus/mapcache/accounts.go1.23.bin.zst", accounts) ||
        !inflated("corpus/chanrecv/orders.go1.23.bin.zst", orders) ||
        !inflated("corpus/chanrecv/heapdump-go1.23/start.heapdump.zst", dump)) {
        skip();
    }
    struct err err = {0};
    struct pair p = pair_of(orders, dump);
    assert_ok(binary_match(p.b, heap_graph_about(p.g), false, &err), &err);
    close_pair(&p);
    assert_mismatch(accounts, dump, "another build");
}

/* --- a simulated process --- */

static const char *simulated(char path[PATH_BYTES])
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

static void simulated_program_matches_its_dump(void **state)
{
    (void)state;
    char path[PATH_BYTES], dump[PATH_BYTES];
    struct err err = {0};
    if (!simulated(path)) {
        print_message("no simulated program\n");
        skip();
    }
    snprintf(dump, sizeof dump, "%.400s/sim/map-cache/seed-1/end.heapdump",
             work);
    struct pair p = pair_of(path, dump);
    assert_ok(binary_match(p.b, heap_graph_about(p.g), false, &err), &err);
    assert_int_equal(binary_parts(p.b),
                     BINARY_SYMBOLS | BINARY_DWARF | BINARY_RUNTIME_TYPES);
    const struct dump_visitor v = {.ctx = p.b, .type = check_type};
    struct dump_condition condition;
    assert_ok(dump_read(buf_view(&p.dump), &v, &condition, &err), &err);
    close_pair(&p);
}

/* --- hostile files --- */

static void write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

static bool ignore_local(void *ctx, const struct go_local *l, struct err *err)
{
    (void)ctx, (void)l, (void)err;
    return true;
}

/* Everything there is to ask; nothing of it may crash or hang. */
static bool ask_all(const char *path, struct err *err)
{
    struct binary *b = NULL;
    if (!binary_open(path, &b, err)) {
        return false;
    }
    size_t n = 0;
    const struct graph_symbol *s = binary_symbols(b, &n);
    for (size_t i = 0; i < n; i++) {
        const struct go_variable *v = binary_variable_at(b, s[i].address);
        (void)name_of(b, v ? v->type : TYPE_NONE);
    }
    for (uint32_t i = 0; i < binary_n_types(b) && i < 4096; i++) {
        const struct go_type *t = binary_type(b, (type_id){i});
        (void)binary_type_of_runtime(b, t->runtime_type + 32);
    }
    for (uint64_t pc = 0x401000; pc < 0x4a4000; pc += 0x517) {
        const char *name = NULL, *file = NULL;
        uint64_t line = 0, entry = 0;
        if (binary_function(b, pc, &name, &file, &line, &entry)) {
            (void)binary_closure(b, entry);
            n += binary_locals(b, pc, 512, ignore_local, NULL, err);
        }
    }
    (void)binary_function_of_line(b, "main.go", 1);
    binary_close(b);
    return true;
}

static void truncated_binaries_are_errors(void **state)
{
    (void)state;
    struct buf whole = test_read_file(target(WHOLE)->binary);
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.400s/cut", work);
    for (size_t i = 0; i < 200; i++) {
        struct err err = {0};
        const size_t n = i < 70 ? i : whole.len / 200 * i;
        write_file(path, whole.data, n);
        assert_false(ask_all(path, &err));
        assert_true(err.code == ERR_FORMAT || err.code == ERR_LIMIT);
        assert_true(strlen(err.text) > 0);
    }
    buf_release(&whole);
}

static void flip(const char *from, unsigned n_rounds, uint64_t seed)
{
    struct buf whole = test_read_file(from);
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.400s/flipped", work);
    unsigned n_refused = 0;
    for (unsigned i = 0; i < n_rounds; i++) {
        struct err err = {0};
        size_t at[8];
        char was[8];
        for (unsigned k = 0; k < 8; k++) {
            /* Headers are hit as often as all the rest. */
            const size_t range = k % 2 == 0 ? whole.len : 4096;
            at[k] =
                test_random(&seed) % (range < whole.len ? range : whole.len);
            was[k] = whole.data[at[k]];
            whole.data[at[k]] = (char)test_random(&seed);
        }
        write_file(path, whole.data, whole.len);
        n_refused += !ask_all(path, &err);
        for (unsigned k = 8; k-- > 0;) {
            whole.data[at[k]] = was[k];
        }
    }
    print_message("%u of %u damaged binaries refused\n", n_refused, n_rounds);
    buf_release(&whole);
}

static void damaged_binaries_do_no_harm(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    if (simulated(path)) {
        flip(path, 300, 1);
    }
    flip(target(STRIPPED)->binary, 60, 2);
    flip(target(WHOLE)->binary, 30, 3);
}

static void other_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *contents, *text;
    } cases[] = {
        {"MZ\x90",               "not an ELF file: a Windows program" },
        {"\xcf\xfa\xed\xfe",     "not an ELF file: a macOS program"   },
        {"go1.7 heap dump\n",    "not an ELF file: a heap dump"       },
        {"\x28\xb5\x2f\xfd\x04", "not an ELF file: compressed by zstd"},
        {"#!/bin/sh",            "not an ELF file"                    },
    };
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.400s/other", work);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        struct binary *b = NULL;
        char wanted[2 * PATH_BYTES];
        write_file(path, cases[i].contents, strlen(cases[i].contents));
        assert_false(binary_open(path, &b, &err));
        assert_null(b);
        snprintf(wanted, sizeof wanted, "%s: %s", path, cases[i].text);
        assert_err(&err, ERR_FORMAT, wanted);
    }
    struct err err = {0};
    struct binary *b = NULL;
    assert_false(binary_open("/usr/bin/env", &b, &err));
    assert_err(&err, ERR_FORMAT,
               "/usr/bin/env: an ELF file, but no Go program");
    assert_false(binary_open("/none", &b, &err));
    assert_err(&err, ERR_IO, "/none: cannot open it");
}

static bool open_action(void *ctx, struct err *err)
{
    struct binary *b = NULL;
    const bool ok = binary_open(ctx, &b, err);
    binary_close(b);
    return ok;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    if (simulated(path)) {
        assert_true(oom_walk(open_action, path) > 20);
    }
    snprintf(path, sizeof path, "%s", target(STRIPPED)->binary);
    assert_true(oom_walk(open_action, path) > 20);
}

/* --- */

static int make_work(void **state)
{
    (void)state;
    snprintf(work, sizeof work, "/tmp/seep-binary-XXXXXX");
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
        cmocka_unit_test(types_are_read_from_debugging_information),
        cmocka_unit_test(types_are_read_from_records_of_stripped_programs),
        cmocka_unit_test(instances_of_generics_go_before_their_shapes),
        cmocka_unit_test(maps_and_channels_have_their_runtime_layout),
        cmocka_unit_test(records_agree_with_debugging_information),
        cmocka_unit_test(names_are_as_reflect_prints_them),
        cmocka_unit_test(types_of_the_dump_are_known_in_every_build),
        cmocka_unit_test(functions_of_frames_are_known_in_every_build),
        cmocka_unit_test(lines_name_the_function_that_was_inlined),
        cmocka_unit_test(
            globals_have_types_where_there_is_debugging_information),
        cmocka_unit_test(globals_are_named_by_symbols_alone),
        cmocka_unit_test(closures_have_what_they_capture),
        cmocka_unit_test(method_values_capture_their_receiver),
        cmocka_unit_test(locals_lie_where_the_frame_has_their_objects),
        cmocka_unit_test(another_build_is_refused_unless_forced),
        cmocka_unit_test(another_machine_and_version_are_refused),
        cmocka_unit_test(corpus_binary_gives_types_variables_and_closures),
        cmocka_unit_test(corpus_dumps_match_their_binary_only),
        cmocka_unit_test(simulated_program_matches_its_dump),
        cmocka_unit_test(truncated_binaries_are_errors),
        cmocka_unit_test(damaged_binaries_do_no_harm),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
