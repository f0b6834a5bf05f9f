/* What arrives is decoded while it does, and ends as soon as it is too much. */
#include "answers.h"

#include "base/gz.h"
#include "fetch/fetch.h"
#include "input/input.h"

#include <fcntl.h>
#include <sys/resource.h>

#define MS_NS INT64_C(1000000)

static struct answers server;

static int group_setup(void **state)
{
    (void)state;
    server = answers_start();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    answers_stop(&server);
    return 0;
}

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct fetch_result *out = ctx;
    *out = *r;
}

/* Through the pool into a decoder. */
static struct fetch_result decode(const char *url, uint64_t limit_bytes,
                                  struct snapshot *out)
{
    const struct fetch_http_options o = {
        .user_agent = "test",
        .connect_timeout_ns = 5000 * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
    };
    const struct input_options options = {.limit_inflated_bytes = limit_bytes};
    struct input *in = input_new(&options);
    struct fetch_pool *pool = NULL;
    struct fetch_result result = {0};
    struct err err = {0};
    const struct fetch_request r = {
        .url = url, .sink = input_sink(in), .ctx = &result, .done = on_done};
    assert_ok(fetch_pool_new(&o, &pool, &err), &err);
    assert_ok(fetch_pool_start(pool, &r, &err), &err);
    while (fetch_pool_n_active(pool) > 0) {
        assert_ok(fetch_pool_run(pool, 1000, &err), &err);
    }
    fetch_pool_free(pool);
    if (result.failure == FETCH_FAILURE_NONE) {
        assert_ok(input_finish(in, out, &err), &err);
    }
    input_free(in);
    return result;
}

/* The server's file, as "Content-Encoding: gzip" as some middleware says. */
static struct fetch_result decode_file(const char *path, uint64_t limit_bytes,
                                       struct snapshot *out)
{
    char request[400];
    (void)snprintf(request, sizeof(request), "/file%s", path);
    return decode(answers_url(&server, request), limit_bytes, out);
}

static void a_profile_is_decoded_as_it_comes(void **state)
{
    struct snapshot s = {0};
    (void)state;
    const struct fetch_result r =
        decode_file(testdata("profiles/heap-go1.23.pb.gz"), 0, &s);
    assert_ok(r.failure == FETCH_FAILURE_NONE, &r.err);
    assert_int_equal(s.kind, KIND_HEAP);
    snapshot_release(&s);
}

/* A profile whose table of strings has no end: 64 MiB of it. */
static void write_bomb(const char *path)
{
    enum { STRING_BYTES = 126, COPIES = 512 << 10 };
    static char text[STRING_BYTES + 2];
    struct buf raw = BUF_LIMIT((size_t)1 << 27);
    struct buf packed = BUF_LIMIT((size_t)1 << 24);
    struct err err = {0};
    memset(text, 'x', sizeof(text));
    text[0] = 0x32; /* string_table, as bytes */
    text[1] = STRING_BYTES;
    /* Its first string is empty, and it has a type of samples. */
    buf_add(&raw, "\x0a\x04\x08\x01\x10\x01\x32\x00", 8);
    for (int i = 0; i < COPIES; i++) {
        buf_add(&raw, text, sizeof(text));
    }
    assert_ok(buf_check(&raw, "bomb", &err), &err);
    assert_ok(gz_compress((const uint8_t *)raw.data, raw.len, 9, &packed, &err),
              &err);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, packed.data, packed.len), (ssize_t)packed.len);
    close(fd);
    assert_true(packed.len > 64 << 10 && packed.len < 1 << 20);
    buf_release(&raw);
    buf_release(&packed);
}

static long peak_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    (void)fclose(f);
    return kb;
}

static void reset_peak(void)
{
    const int fd = open("/proc/self/clear_refs", O_WRONLY);
    if (fd >= 0) {
        (void)!write(fd, "5", 1);
        close(fd);
    }
}

static void a_bomb_ends_early_and_takes_no_memory(void **state)
{
    enum { LIMIT = 4 << 20 };
    struct snapshot s = {0};
    char path[100];
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/seep-bomb-%ld.gz", (long)getpid());
    write_bomb(path);
    reset_peak();
    const long before_kb = peak_kb();
    const struct fetch_result r = decode_file(path, LIMIT, &s);
    const long grown_kb = peak_kb() - before_kb;
    unlink(path);
    assert_string_equal(fetch_failure_name(r.failure), "too-large");
    assert_int_equal(r.err.code, ERR_LIMIT);
    /* 64 MiB have 130 KB: what was read of it are the first. */
    assert_true(r.n_bytes <= 64 << 10);
    assert_true(grown_kb < 3 * LIMIT / 1024);
}

static void pages_are_named(void **state)
{
    struct snapshot s = {0};
    (void)state;
    const struct fetch_result r = decode(answers_url(&server, "/ok"), 0, &s);
    assert_int_equal(r.failure, FETCH_FAILURE_ANSWER);
    assert_err(&r.err, ERR_UNKNOWN,
               "not a profile: text that begins \"hello\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_decoded_as_it_comes),
        cmocka_unit_test(a_bomb_ends_early_and_takes_no_memory),
        cmocka_unit_test(pages_are_named),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
