#include "test.h"

#include "base/gz.h"
#include "heap/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#define DUMP HEAP_MAGIC "\x06 the rest of it, a few bytes, \0\1\2\3"

struct place {
    char dir[64], path[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p) {
        return -1;
    }
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/seep-test-XXXXXX");
    if (!mkdtemp(p->dir)) {
        free(p);
        return -1;
    }
    (void)snprintf(p->path, sizeof p->path, "%s/x.heapdump", p->dir);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    if (!p) {
        return -1;
    }
    (void)unlink(p->path);
    const int failed = rmdir(p->dir); /* fails when something was left */
    free(p);
    return failed;
}

static void write_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    if (f) {
        assert_int_equal(fwrite(p, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
    }
}

static void check_read(const struct place *p)
{
    struct err err = {0};
    struct dump_file *f = NULL;
    assert_ok(dump_file_open(p->path, p->dir, 1 << 20, &f, &err), &err);
    const struct span bytes = dump_file_bytes(f);
    assert_int_equal(bytes.len, sizeof DUMP);
    assert_memory_equal(bytes.p, DUMP, sizeof DUMP);
    dump_file_close(f);
}

static void plain_file_is_mapped(void **state)
{
    const struct place *p = *state;
    write_file(p->path, DUMP, sizeof DUMP);
    check_read(p);
}

static void gzip_is_inflated_and_leaves_no_file(void **state)
{
    const struct place *p = *state;
    struct buf packed = BUF_LIMIT(1 << 16);
    struct err err = {0};
    assert_ok(gz_compress((const uint8_t *)DUMP, sizeof DUMP, 6, &packed, &err),
              &err);
    write_file(p->path, packed.data, packed.len);
    buf_release(&packed);
    check_read(p);
}

static void zstd_is_inflated_and_leaves_no_file(void **state)
{
    const struct place *p = *state;
    char packed[256];
    const size_t n = ZSTD_compress(packed, sizeof packed, DUMP, sizeof DUMP, 3);
    assert_false(ZSTD_isError(n));
    write_file(p->path, packed, n);
    check_read(p);
}

static void pipe_is_read_to_its_end(void **state)
{
    const struct place *p = *state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], DUMP, sizeof DUMP), sizeof DUMP);
    assert_int_equal(close(fds[1]), 0);
    char path[64];
    (void)snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    if (!test_file_exists(path)) {
        skip();
    }
    struct err err = {0};
    struct dump_file *f = NULL;
    assert_ok(dump_file_open(path, p->dir, 1 << 20, &f, &err), &err);
    assert_int_equal(dump_file_bytes(f).len, sizeof DUMP);
    dump_file_close(f);
    assert_int_equal(close(fds[0]), 0);
}

static void bomb_is_refused(void **state)
{
    const struct place *p = *state;
    const size_t n = 1 << 20;
    char *zeros = calloc(1, n);
    struct buf packed = BUF_LIMIT(1 << 20);
    struct err err = {0};
    assert_non_null(zeros);
    memcpy(zeros, HEAP_MAGIC, sizeof HEAP_MAGIC);
    assert_ok(gz_compress((const uint8_t *)zeros, n, 6, &packed, &err), &err);
    write_file(p->path, packed.data, packed.len);
    struct dump_file *f = NULL;
    assert_false(dump_file_open(p->path, p->dir, 1000, &f, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_null(f);
    buf_release(&packed);
    free(zeros);
}

static void cut_off_gzip_is_an_error(void **state)
{
    const struct place *p = *state;
    struct buf packed = BUF_LIMIT(1 << 16);
    struct err err = {0};
    assert_ok(gz_compress((const uint8_t *)DUMP, sizeof DUMP, 6, &packed, &err),
              &err);
    write_file(p->path, packed.data, packed.len - 9);
    buf_release(&packed);
    struct dump_file *f = NULL;
    assert_false(dump_file_open(p->path, p->dir, 1 << 20, &f, &err));
    assert_int_equal(err.code, ERR_FORMAT);
}

/* --- what is no dump --- */

struct refusal {
    const char *name, *text;
    size_t n;
    enum err_code code;
    const char *wanted;
};

#define REFUSAL(name, text, code, wanted)                                      \
    {                                                                          \
        name, text, sizeof(text) - 1, code, wanted                             \
    }

static const struct refusal refusals[] = {
    REFUSAL("empty_file", "", ERR_UNKNOWN, "not a heap dump: it is empty"),
    REFUSAL("text", "hello, world", ERR_UNKNOWN,
            "not a heap dump (runtime/debug.WriteHeapDump); profiles are for "
            "seep leaks and seep pprof"),
    REFUSAL("older_dump", "go1.4 heap dump\n\1\2", ERR_UNKNOWN,
            "heap dump of go1.4, in a format before go1.7 that is not read"),
    REFUSAL("core_file", "\177ELF\2\1\1", ERR_UNKNOWN,
            "not a heap dump but a program or core file"),
    REFUSAL("header_cut_off", "go1.7 he", ERR_FORMAT,
            "heap dump is cut off in its header"),
};

static void is_refused(void **state)
{
    const struct refusal *r = *state;
    struct place *p = NULL;
    void *fresh = NULL;
    assert_int_equal(make_place(&fresh), 0);
    p = fresh;
    write_file(p->path, r->text, r->n);
    struct err err = {0};
    struct dump_file *f = NULL;
    assert_false(dump_file_open(p->path, p->dir, 1 << 20, &f, &err));
    assert_err(&err, r->code, r->wanted);
    assert_null(f);
    assert_int_equal(remove_place(&fresh), 0);
}

static void missing_file_and_directory_are_said(void **state)
{
    const struct place *p = *state;
    struct err err = {0};
    struct dump_file *f = NULL;
    assert_false(dump_file_open(p->path, p->dir, 1 << 20, &f, &err));
    assert_err(&err, ERR_IO, "cannot open: No such file or directory");
    char packed[256];
    const size_t n = ZSTD_compress(packed, sizeof packed, DUMP, sizeof DUMP, 3);
    write_file(p->path, packed, n);
    assert_false(dump_file_open(p->path, "/nowhere", 1 << 20, &f, &err));
    assert_err(&err, ERR_IO,
               "cannot create a temporary file in /nowhere (TMPDIR): No such "
               "file or directory");
}

#define IN_PLACE(test)                                                         \
    cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    enum { N_REFUSALS = sizeof refusals / sizeof refusals[0] };
    struct CMUnitTest table[N_REFUSALS];
    for (size_t i = 0; i < N_REFUSALS; i++) {
        table[i] =
            (struct CMUnitTest){.name = refusals[i].name,
                                .test_func = is_refused,
                                .initial_state = test_case(&refusals[i])};
    }
    const struct CMUnitTest tests[] = {
        IN_PLACE(plain_file_is_mapped),
        IN_PLACE(gzip_is_inflated_and_leaves_no_file),
        IN_PLACE(zstd_is_inflated_and_leaves_no_file),
        IN_PLACE(pipe_is_read_to_its_end),
        IN_PLACE(bomb_is_refused),
        IN_PLACE(cut_off_gzip_is_an_error),
        IN_PLACE(missing_file_and_directory_are_said),
    };
    const int failed =
        cmocka_run_group_tests_name("refused", table, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL) + failed;
}
