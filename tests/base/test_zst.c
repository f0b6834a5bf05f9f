#include "test.h"

#include "base/zst.h"

#include <zstd.h>

static struct buf compressed(struct span plain)
{
    struct buf out = BUF_LIMIT((size_t)1 << 30);
    buf_repeat(&out, '\0', ZSTD_compressBound(plain.len));
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    assert_non_null(ctx);
    (void)ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
    out.len = ZSTD_compress2(ctx, out.data, out.len, plain.p, plain.len);
    assert_false(ZSTD_isError(out.len));
    ZSTD_freeCCtx(ctx);
    return out;
}

static struct buf sample(size_t n)
{
    struct buf b = BUF_LIMIT(n + 100);
    uint64_t seed = 5;
    while (b.len < n) {
        buf_printf(&b, "main.worker%u\n", (unsigned)(test_random(&seed) % 999));
    }
    b.len = n;
    return b;
}

static bool read_by(struct span in, size_t piece, uint64_t limit,
                    struct test_collector *c, struct err *err)
{
    struct zst_reader *z = zst_reader_new(test_collect(c), limit);
    if (!z) {
        return err_nomem(err, "decompressing");
    }
    bool ok = true;
    for (size_t at = 0; ok && at < in.len; at += piece) {
        const struct span part = span_first(span_from(in, at), piece);
        ok = zst_reader_write(z, (const uint8_t *)part.p, part.len, err);
    }
    ok = ok && zst_reader_end(z, err);
    zst_reader_free(z);
    return ok;
}

static void expect_failure(struct span in, const char *text)
{
    static const size_t pieces[] = {1, 5, 1 << 20};
    for (size_t i = 0; i < 3; i++) {
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        assert_false(read_by(in, pieces[i], 1 << 20, &c, &err));
        assert_err(&err, ERR_FORMAT, text);
        assert_true(err.has_offset);
        assert_int_equal(c.n_ends, 0);
        buf_release(&c.bytes);
    }
}

static void frames_in_a_row_are_one_stream(void **state)
{
    (void)state;
    struct buf plain = sample(200000);
    struct buf one = compressed(buf_view(&plain));
    struct buf both = BUF_LIMIT(1 << 20);
    buf_span(&both, buf_view(&one));
    /* A skippable frame of three bytes in between. */
    buf_add(&both, "\x50\x2a\x4d\x18\x03\0\0\0xyz", 11);
    buf_span(&both, buf_view(&one));
    static const size_t pieces[] = {1, 2, 1000, 1 << 20};
    for (size_t i = 0; i < 4; i++) {
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        assert_ok(read_by(buf_view(&both), pieces[i], 400000, &c, &err), &err);
        assert_int_equal(c.bytes.len, 400000);
        assert_memory_equal(c.bytes.data, plain.data, plain.len);
        assert_memory_equal(c.bytes.data + plain.len, plain.data, plain.len);
        assert_int_equal(c.n_ends, 1);
        assert_true(c.largest_write <= 64 << 10);
        buf_release(&c.bytes);
    }
    buf_release(&plain);
    buf_release(&one);
    buf_release(&both);
}

static void every_truncation_is_found(void **state)
{
    (void)state;
    struct buf plain = sample(500);
    struct buf zst = compressed(buf_view(&plain));
    for (size_t cut = 0; cut < zst.len; cut++) {
        expect_failure((struct span){zst.data, cut}, "zstd data is truncated");
    }
    buf_release(&plain);
    buf_release(&zst);
}

static void damage_is_named(void **state)
{
    (void)state;
    struct buf plain = sample(500);
    struct buf zst = compressed(buf_view(&plain));
    zst.data[zst.len - 1] ^= 1;
    expect_failure(buf_view(&zst), "zstd checksum does not match");
    zst.data[zst.len - 1] ^= 1;
    buf_char(&zst, '\0');
    expect_failure(buf_view(&zst), "data after the end of the zstd stream");
    expect_failure(SPAN_LIT("plain text"), "not zstd data");
    buf_release(&plain);
    buf_release(&zst);
}

static void a_bomb_is_refused_while_it_streams(void **state)
{
    (void)state;
    struct buf zeros = BUF_LIMIT(64 << 20);
    buf_repeat(&zeros, '\0', 64 << 20);
    struct buf zst = compressed(buf_view(&zeros));
    buf_release(&zeros);
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(read_by(buf_view(&zst), 64, 1 << 20, &c, &err));
    assert_err(&err, ERR_LIMIT,
               "zstd data decompresses to more than 1048576 bytes");
    assert_true(c.bytes.len <= 1 << 20);
    buf_release(&c.bytes);
    buf_release(&zst);
}

static void a_window_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    /* Frame header: window descriptor 0xf8 asks for 2^41 bytes. */
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(
        read_by(SPAN_LIT("\x28\xb5\x2f\xfd\0\xf8\0\0\0\0"), 99, 99, &c, &err));
    assert_err(&err, ERR_LIMIT, "zstd window is larger than 128 MiB");
    buf_release(&c.bytes);
}

static bool read_once(void *ctx, struct err *err)
{
    const struct span *in = ctx;
    struct test_collector c = TEST_COLLECTOR;
    const bool ok = read_by(*in, 50, 500, &c, err);
    buf_release(&c.bytes);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    struct buf plain = sample(500);
    struct buf zst = compressed(buf_view(&plain));
    struct span in = buf_view(&zst);
    assert_true(oom_walk(read_once, &in) >= 2);
    buf_release(&plain);
    buf_release(&zst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_in_a_row_are_one_stream),
        cmocka_unit_test(every_truncation_is_found),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(a_bomb_is_refused_while_it_streams),
        cmocka_unit_test(a_window_beyond_the_limit_is_refused),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
