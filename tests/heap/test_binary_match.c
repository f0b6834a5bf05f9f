/* Which binary is the dump's: builds of ours, the corpus, a simulated one. */
#include "heap/binary_support.h"
#include "test.h"

#include "base/zst.h"
#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_build_is_refused_unless_forced),
        cmocka_unit_test(another_machine_and_version_are_refused),
        cmocka_unit_test(corpus_binary_gives_types_variables_and_closures),
        cmocka_unit_test(corpus_dumps_match_their_binary_only),
        cmocka_unit_test(simulated_program_matches_its_dump),
    };
    return cmocka_run_group_tests(tests, make_work, remove_work);
}
