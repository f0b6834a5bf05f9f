/* Helpers declared in test.h. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { N_PATHS = 8, PATH_BYTES = 1024 };

static const char *join(const char *dir, const char *relative)
{
    static char paths[N_PATHS][PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % N_PATHS];
    const int n = snprintf(path, PATH_BYTES, "%s/%s", dir, relative);
    assert_true(n > 0 && n < PATH_BYTES);
    return path;
}

const char *testdata(const char *relative)
{
    return join(SEEP_TESTDATA, relative);
}

const char *test_shared(const char *relative)
{
    const char *dir = getenv("SEEP_SHARED");
    if (!dir) {
        dir = SEEP_TESTDATA "/../../shared";
    }
    const char *path = join(dir, relative);
    return test_file_exists(path) ? path : NULL;
}

bool test_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

struct buf test_read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
        abort();
    }
    struct buf b = BUF_LIMIT((size_t)1 << 30);
    char block[64 << 10];
    size_t n = 0;
    while ((n = fread(block, 1, sizeof(block), f)) > 0) {
        buf_add(&b, block, n);
    }
    assert_false(ferror(f));
    fclose(f);
    assert_true(buf_ok(&b));
    return b;
}

static bool collect_write(void *ctx, const uint8_t *p, size_t n,
                          struct err *err)
{
    struct test_collector *c = ctx;
    if (n > c->largest_write) {
        c->largest_write = n;
    }
    buf_add(&c->bytes, p, n);
    return buf_check(&c->bytes, "collected bytes", err);
}

static bool collect_end(void *ctx, struct err *err)
{
    struct test_collector *c = ctx;
    (void)err;
    c->n_ends++;
    return true;
}

struct sink test_collect(struct test_collector *c)
{
    return (struct sink){c, collect_write, collect_end};
}

uint64_t test_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
