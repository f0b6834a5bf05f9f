/* Files, pipes, directories; what an argument names. */
#include "test.h"

#include "base/natural.h"
#include "fetch/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of this test's own, in the place for temporary files. */
struct place {
    char dir[64];
};

static int make_place(void **state)
{
    struct place *const p = calloc(1, sizeof(*p));
    if (!p) {
        return -1;
    }
    (void)snprintf(p->dir, sizeof(p->dir), "test_fetch.XXXXXX");
    *state = p;
    return mkdtemp(p->dir) ? 0 : -1;
}

static const char *in_place(const struct place *p, const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *const path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", p->dir, name);
    return path;
}

static int remove_place(void **state)
{
    static const char *const names[] = {
        "1.pb", "2.pb",   "10.pb", "b.txt", ".hidden", "fifo",
        "link", "dangle", "sub",   "data",  "a:80",
    };
    struct place *const p = *state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)remove(in_place(p, names[i]));
    }
    const int rc = rmdir(p->dir);
    free(p);
    return rc;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void file_arrives_whole_and_in_order(void **state)
{
    const char *const path = in_place(*state, "data");
    struct buf want = BUF_LIMIT((size_t)1 << 20);
    uint64_t seed = 1;
    while (want.len < 700000) {
        const uint64_t noise = test_random(&seed);
        buf_add(&want, &noise, sizeof(noise));
    }
    write_file(path, want.data, want.len);
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_ok(fetch_file(path, want.len, test_collect(&c), NULL, &err), &err);
    assert_int_equal(c.bytes.len, want.len);
    assert_memory_equal(c.bytes.data, want.data, want.len);
    assert_int_equal(c.n_ends, 1);
    assert_in_range(c.largest_write, 64 << 10, 256 << 10);
    buf_release(&c.bytes);
    buf_release(&want);
}

static void file_beyond_the_limit_is_refused(void **state)
{
    const char *const path = in_place(*state, "data");
    write_file(path, "123456", 6);
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(fetch_file(path, 5, test_collect(&c), NULL, &err));
    assert_err(&err, ERR_LIMIT, "has 6 bytes, the limit is 5");
    assert_int_equal(c.n_ends, 0);
    buf_release(&c.bytes);
}

static void pipe_beyond_the_limit_is_refused(void **state)
{
    const char *const path = in_place(*state, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    const int keep = open(path, O_RDWR | O_CLOEXEC);
    assert_true(keep >= 0);
    assert_int_equal(write(keep, "123456", 6), 6);
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(fetch_file(path, 5, test_collect(&c), NULL, &err));
    assert_err(&err, ERR_LIMIT, "longer than the limit of 5 bytes");
    close(keep);
    buf_release(&c.bytes);
}

/* Fills the pipe it is fed from. */
static bool refill(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    const int *const fd = ctx;
    (void)err;
    return write(*fd, p, n) == (ssize_t)n;
}

static void limit_counts_over_all_blocks(void **state)
{
    const char *const path = in_place(*state, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    int keep = open(path, O_RDWR | O_CLOEXEC);
    assert_true(keep >= 0);
    assert_int_equal(write(keep, "123", 3), 3);
    struct err err = {0};
    const struct sink sink = {&keep, refill, NULL};
    assert_false(fetch_file(path, 100, sink, NULL, &err));
    assert_err(&err, ERR_LIMIT, "longer than the limit of 100 bytes");
    close(keep);
}

static void stop_ends_the_reading(void **state)
{
    const char *const path = in_place(*state, "data");
    write_file(path, "1", 1);
    const volatile int stop = 1;
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(fetch_file(path, 5, test_collect(&c), &stop, &err));
    assert_int_equal(err.code, ERR_INTERRUPTED);
    assert_int_equal(c.n_ends, 0);
    buf_release(&c.bytes);
}

static bool refuse(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    (void)ctx;
    (void)p;
    return err_set(err, ERR_FORMAT, "%d bytes of nonsense", (int)n);
}

static void refusal_of_the_sink_is_passed_on(void **state)
{
    const char *const path = in_place(*state, "data");
    write_file(path, "12", 2);
    struct err err = {0};
    const struct sink sink = {NULL, refuse, NULL};
    assert_false(fetch_file(path, 5, sink, NULL, &err));
    assert_err(&err, ERR_FORMAT, "2 bytes of nonsense");
}

static void what_is_no_file_is_refused_by_its_kind(void **state)
{
    const struct place *const p = *state;
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(fetch_file(p->dir, 5, test_collect(&c), NULL, &err));
    assert_err(&err, ERR_IO, "is a directory, not a file");
    assert_false(fetch_file("/dev/zero", 5, test_collect(&c), NULL, &err));
    assert_err(&err, ERR_IO, "is a device, not a file");
    assert_false(
        fetch_file(in_place(p, "none"), 5, test_collect(&c), NULL, &err));
    assert_err(&err, ERR_IO, "cannot open: No such file or directory");
    assert_int_equal(c.bytes.len, 0);
}

static void listing_has_files_in_natural_order(void **state)
{
    const struct place *const p = *state;
    static const char *const names[] = {"10.pb", "2.pb", "1.pb", "b.txt",
                                        ".hidden"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        write_file(in_place(p, names[i]), "x", 1);
    }
    assert_int_equal(mkdir(in_place(p, "sub"), 0700), 0);
    assert_int_equal(mkfifo(in_place(p, "fifo"), 0600), 0);
    assert_int_equal(symlink("2.pb", in_place(p, "link")), 0);
    assert_int_equal(symlink("nowhere", in_place(p, "dangle")), 0);
    struct fetch_listing l;
    struct err err = {0};
    assert_ok(fetch_list(p->dir, &l, &err), &err);
    assert_int_equal(l.n, 5);
    static const char *const want[] = {"1.pb", "2.pb", "10.pb", "b.txt",
                                       "link"};
    for (size_t i = 0; i < l.n; i++) {
        assert_string_equal(l.paths[i], in_place(p, want[i]));
    }
    fetch_listing_release(&l);
}

static void directory_that_is_not_there_is_an_error(void **state)
{
    struct fetch_listing l;
    struct err err = {0};
    assert_false(fetch_list(in_place(*state, "none"), &l, &err));
    assert_err(&err, ERR_IO,
               "cannot open directory: No such file or directory");
}

static const char *const ordered[] = {
    "",
    "00.heap",
    "1",
    "2",
    "9.x",
    "09.y",
    "10",
    "10.a",
    "a",
    "a1b2",
    "a1b10",
    "a01b11",
    "a2",
    "b",
    "b18446744073709551616",
    "b18446744073709551617",
};

static void natural_order_compares_digits_as_numbers(void **state)
{
    (void)state;
    const size_t n = sizeof(ordered) / sizeof(ordered[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            const int order = natural_compare(ordered[i], ordered[k]);
            assert_int_equal(order < 0, i < k);
            assert_int_equal(order > 0, i > k);
        }
    }
    assert_true(natural_compare("01", "1") != 0);
}

struct classify_case {
    const char *arg;
    int what; /* -1: refused */
};

static const struct classify_case classify_cases[] = {
    {"-",                             FETCH_STDIN    },
    {".",                             FETCH_DIRECTORY},
    {"http://localhost:6060",         FETCH_URL      },
    {"https://host/debug/pprof/heap", FETCH_URL      },
    {"unix:///run/app.sock",          FETCH_URL      },
    {"localhost:6060",                FETCH_URL      },
    {"127.0.0.1:80/debug/pprof",      FETCH_URL      },
    {"[::1]:6060",                    FETCH_URL      },
    {":6060",                         FETCH_URL      },
    {"localhost",                     -1             },
    {"localhost:70000",               -1             },
    {"localhost:",                    -1             },
    {"localhost:http",                -1             },
    {"dir/file:80",                   -1             },
    {"ftp://host/file",               -1             },
    {"",                              -1             },
};

static void arguments_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(classify_cases) / sizeof(classify_cases[0]);
         i++) {
        enum fetch_what what = FETCH_FILE;
        struct err err = {0};
        const bool ok = fetch_classify(classify_cases[i].arg, &what, &err);
        if (ok != (classify_cases[i].what >= 0) ||
            (ok && (int)what != classify_cases[i].what)) {
            fail_msg("\"%s\" is %d", classify_cases[i].arg, (int)what);
        }
        assert_true(ok || err.code == ERR_IO);
    }
}

static void file_wins_over_host_and_port(void **state)
{
    const struct place *const p = *state;
    assert_int_equal(chdir(p->dir), 0);
    write_file("a:80", "x", 1);
    enum fetch_what what = FETCH_URL;
    struct err err = {0};
    const bool ok = fetch_classify("a:80", &what, &err);
    assert_int_equal(chdir(".."), 0);
    assert_ok(ok, &err);
    assert_int_equal(what, FETCH_FILE);
}

#define IN_PLACE(test)                                                         \
    cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(file_arrives_whole_and_in_order),
        IN_PLACE(file_beyond_the_limit_is_refused),
        IN_PLACE(pipe_beyond_the_limit_is_refused),
        IN_PLACE(limit_counts_over_all_blocks),
        IN_PLACE(stop_ends_the_reading),
        IN_PLACE(refusal_of_the_sink_is_passed_on),
        IN_PLACE(what_is_no_file_is_refused_by_its_kind),
        IN_PLACE(listing_has_files_in_natural_order),
        IN_PLACE(directory_that_is_not_there_is_an_error),
        cmocka_unit_test(natural_order_compares_digits_as_numbers),
        cmocka_unit_test(arguments_are_told_apart),
        IN_PLACE(file_wins_over_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
