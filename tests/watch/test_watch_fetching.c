/* What the watch lets an answer take: over real connections. */
#include "fetch/answers.h"
#include "watching.h"

#include "base/gz.h"

#include <sys/stat.h>

static struct watching x;
static struct answers server;
static char dir[64], place[128], file[160];

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/seep-fetching-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(place, sizeof place, "%s/debug", dir);
    assert_int_equal(mkdir(place, 0700), 0);
    snprintf(place, sizeof place, "%s/debug/pprof", dir);
    assert_int_equal(mkdir(place, 0700), 0);
    snprintf(file, sizeof file, "%s/heap", place);
    server = answers_start();
    return 0;
}

static int end(void **state)
{
    (void)state;
    watcher_free(x.w);
    x.w = NULL;
    answers_stop(&server);
    (void)unlink(file);
    (void)rmdir(place);
    snprintf(place, sizeof place, "%s/debug", dir);
    (void)rmdir(place);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static void put_varint(struct buf *out, uint64_t v)
{
    for (; v >= 128; v >>= 7) {
        buf_char(out, (char)(v | 128));
    }
    buf_char(out, (char)v);
}

/* A heap profile without samples, and a field that nobody knows, in parts, of
   `n` bytes in all: it takes no memory, but has to be inflated. */
static void put_profile(struct buf *out, size_t n)
{
    static const char *const strings[] = {"", "inuse_space", "bytes"};
    static const char zeros[1 << 20];
    buf_add(out, (const uint8_t *)"\x0a\x04\x08\x01\x10\x02", 6);
    for (size_t i = 0; i < 3; i++) {
        buf_char(out, 0x32);
        put_varint(out, strlen(strings[i]));
        buf_str(out, strings[i]);
    }
    for (; n > 0; n -= sizeof zeros) {
        put_varint(out, 2000 << 3 | 2);
        put_varint(out, sizeof zeros);
        buf_add(out, (const uint8_t *)zeros, sizeof zeros);
    }
}

static void save(size_t mib)
{
    struct buf raw = BUF_LIMIT((size_t)128 << 20);
    struct buf packed = BUF_LIMIT((size_t)1 << 20);
    struct err err = {0};
    put_profile(&raw, mib << 20);
    assert_ok(buf_check(&raw, "profile", &err), &err);
    assert_ok(gz_compress((const uint8_t *)raw.data, raw.len, 6, &packed, &err),
              &err);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(packed.data, 1, packed.len, f), packed.len);
    assert_int_equal(fclose(f), 0);
    buf_release(&packed);
    buf_release(&raw);
}

static void watch_it(uint64_t answers_bytes_max)
{
    struct watch_options o = watching_options();
    o.collects = false; /* the file's name is the URL's end */
    o.has_goroutine = false;
    o.moments_each = 1;
    o.answers_bytes_max = answers_bytes_max;
    char path_of[128];
    snprintf(path_of, sizeof path_of, "/file%s/debug/pprof/", dir);
    watching_begin(&x, &o, answers_url(&server, path_of));
    watching_all(&x);
}

static void what_inflates_to_63_mib_is_taken(void **state)
{
    (void)state;
    save(63);
    watch_it(0);
    assert_int_equal(x.n_of[WATCH_MISSED], 0);
    assert_int_equal(x.n_of[WATCH_MOMENT], 1);
}

static void what_inflates_to_more_than_64_mib_is_refused(void **state)
{
    (void)state;
    save(65);
    watch_it(0);
    assert_int_equal(x.n_of[WATCH_MOMENT], 0);
    const struct heard *h = watching_find(&x, WATCH_MISSED, 0);
    assert_non_null(h);
    assert_int_equal(h->failure, FETCH_FAILURE_LIMIT);
    assert_string_equal(h->text,
                        "gzip data inflates to more than 67108864 bytes");
}

static void what_takes_more_than_all_answers_may_is_given_up(void **state)
{
    (void)state;
    save(4);
    watch_it(1 << 19);
    const struct heard *h = watching_find(&x, WATCH_MISSED, 0);
    assert_non_null(h);
    assert_int_equal(h->failure, FETCH_FAILURE_LIMIT);
    assert_non_null(strstr(h->text, "and all answers under way more than"));
    struct watch_counts c;
    watcher_counts(x.w, &c);
    assert_int_equal(c.answers_bytes, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(what_inflates_to_63_mib_is_taken),
        CASE(what_inflates_to_more_than_64_mib_is_refused),
        CASE(what_takes_more_than_all_answers_may_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
