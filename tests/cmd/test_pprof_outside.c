#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/pprof_outside.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdlib.h>

struct moment {
    const char *zone;
    int64_t unix_ns;
    const char *text, *full;
};

/* As Go prints them. */
static const struct moment moments[] = {
    {"UTC",                    1763915163193000000, "2025-11-23 16:26:03 UTC",
     "2025-11-23 16:26:03.193 +0000 UTC"      },
    {"UTC",                    1763915163000000000, "2025-11-23 16:26:03 UTC",
     "2025-11-23 16:26:03 +0000 UTC"          },
    {"UTC",                    1763915163000000001, "2025-11-23 16:26:03 UTC",
     "2025-11-23 16:26:03.000000001 +0000 UTC"},
    {"UTC",                    -1,                  "1969-12-31 23:59:59 UTC",
     "1969-12-31 23:59:59.999999999 +0000 UTC"},
    {"no/such/zone",           1751378645500000000, "2025-07-01 14:04:05 UTC",
     "2025-07-01 14:04:05.5 +0000 UTC"        },
    {"EST5EDT,M3.2.0,M11.1.0", 1751378645500000000, "2025-07-01 14:04:05 UTC",
     "2025-07-01 14:04:05.5 +0000 UTC"        },
};

static void assert_time(const struct moment *m)
{
    static struct pprof_outside o;
    struct buf text = BUF_LIMIT(200);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    assert_int_equal(setenv("TZ", m->zone, 1), 0);
    const struct pprof_world w = pprof_outside_look(&o);
    w.local_time(w.ctx, m->unix_ns, &text);
    assert_string_equal(text.data, m->text);
    buf_clear(&text);
    w.local_time_full(w.ctx, m->unix_ns, &text);
    assert_string_equal(text.data, m->full);
    buf_release(&text);
}

static void times_are_written_as_go_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        assert_time(&moments[i]);
    }
}

/* A file of our own, since the machine may have no zone database. */
static void a_zone_is_a_file(void **state)
{
    (void)state;
    static const char zone[] =
        "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* version 1 */
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"     /* no changes */
        "\0\0\0\1\0\0\0\4\xff\xff\xb9\xb0\0\0"
        "EST"; /* -18000 s */
    char path[] = "/tmp/seep-test-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zone, sizeof(zone)), sizeof(zone));
    assert_int_equal(close(fd), 0);
    assert_time(&(struct moment){path, 1751378645500000000,
                                 "2025-07-01 09:04:05 EST",
                                 "2025-07-01 09:04:05.5 -0500 EST"});
    assert_int_equal(unlink(path), 0);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    (void)state;
    static struct pprof_outside o;
    struct buf text = BUF_LIMIT((size_t)1 << 20);
    const struct pprof_world w = pprof_outside_look(&o);
    assert_false(w.read_file(w.ctx, testdata("none"), &text));
    assert_string_equal(text.data, "no such file or directory");
    buf_clear(&text);
    assert_false(w.read_file(w.ctx, testdata("demo"), &text));
    assert_string_equal(text.data, "is a directory");
    buf_clear(&text);
    /* A device would never end. */
    assert_false(w.read_file(w.ctx, "/dev/zero", &text));
    buf_clear(&text);
    assert_true(w.read_file(w.ctx, testdata("MANIFEST.md"), &text));
    assert_true(text.len > 0);
    buf_release(&text);
}

static void programs_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bool is_program;
    } files[] = {
        {"\177ELF\2\1\1",        7,  true },
        {"\xcf\xfa\xed\xfe....", 8,  true },
        {"MZ",                   2,  false},
        {"MZ..............",     16, false},
        {"\x1f\x8b\x08",         3,  false},
        {"",                     0,  false},
    };
    char path[] = "/tmp/test_pprof_outside.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, files[i].bytes, files[i].n, 0), files[i].n);
        assert_int_equal(pprof_outside_is_program(path), files[i].is_program);
    }
    char pe[0x48] = "MZ";
    pe[0x3c] = 0x40;
    pe[0x40] = 'P';
    pe[0x41] = 'E';
    assert_int_equal(pwrite(fd, pe, sizeof(pe), 0), sizeof(pe));
    assert_true(pprof_outside_is_program(path));
    close(fd);
    unlink(path);
    assert_false(pprof_outside_is_program(path));
    assert_false(pprof_outside_is_program("/dev/zero"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_go_does),
        cmocka_unit_test(a_zone_is_a_file),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
        cmocka_unit_test(programs_are_told_by_their_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
