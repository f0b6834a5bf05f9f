/* Binaries that are cut off, damaged, or none: said, and no harm done. */
#include "heap/binary_support.h"
#include "test.h"

#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>

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
        struct go_call calls[GO_CALLS_MAX];
        n += binary_calls(b, pc, calls) > GO_CALLS_MAX;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_binaries_are_errors),
        cmocka_unit_test(damaged_binaries_do_no_harm),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
