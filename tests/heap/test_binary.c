/*
 * What binaries say of types, functions, variables, closures and locals: of a
 * program of ours, built here in the ways that leave less and less of it. A
 * dump of the same process is the judge wherever it knows better.
 */
#include "heap/binary_support.h"
#include "test.h"

#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>

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

static uint64_t entry_of_main(const struct heap_graph *g)
{
    for (uint32_t i = 0; i < heap_n_goroutines(g); i++) {
        const struct graph_goroutine *r = heap_goroutine_at(g, i);
        for (uint32_t f = 0; f < r->n_frames; f++) {
            const struct graph_frame *frame =
                heap_frame_at(g, r->first_frame + f);
            if (strcmp(frame->function, "main.main") == 0) {
                return frame->entry;
            }
        }
    }
    fail_msg("no frame of main");
    return 0;
}

static void what_was_inlined_is_a_call_of_its_own(void **state)
{
    enum { BEFORE_MAIN = 16384 }; /* fill is somewhere there */
    (void)state;
    for (unsigned i = 0; i < N_TARGETS; i++) {
        struct pair p = matched(i);
        struct go_call calls[GO_CALLS_MAX];
        const uint64_t entry = entry_of_main(p.g);
        uint64_t pc = entry - BEFORE_MAIN;
        size_t n = 0;
        while (pc < entry &&
               (n == 0 || strcmp(calls[0].function, "main.newUser") != 0)) {
            n = binary_calls(p.b, ++pc, calls);
        }
        assert_int_equal(n, 2);
        assert_int_equal(calls[0].line, 95);
        assert_string_equal(calls[1].function, "main.fill");
        assert_int_equal(calls[1].line, 101);
        assert_string_equal(calls[1].file, calls[0].file);
        assert_int_equal(binary_calls(p.b, entry, calls), 1);
        assert_string_equal(calls[0].function, "main.main");
        assert_int_equal(binary_calls(p.b, 0, calls), 0);
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
        cmocka_unit_test(what_was_inlined_is_a_call_of_its_own),
        cmocka_unit_test(lines_name_the_function_that_was_inlined),
        cmocka_unit_test(
            globals_have_types_where_there_is_debugging_information),
        cmocka_unit_test(globals_are_named_by_symbols_alone),
        cmocka_unit_test(closures_have_what_they_capture),
        cmocka_unit_test(method_values_capture_their_receiver),
        cmocka_unit_test(locals_lie_where_the_frame_has_their_objects),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
