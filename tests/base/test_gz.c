#include "test.h"

#include "base/gz.h"

#include <string.h>
#include <zlib.h>

/* Text that compresses, longer than a few blocks of output. */
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

static struct buf compressed(struct span plain)
{
    struct buf out = BUF_LIMIT((size_t)1 << 30);
    struct err err = {0};
    assert_ok(gz_compress((const uint8_t *)plain.p, plain.len, 6, &out, &err),
              &err);
    return out;
}

/* Feeds `in` in pieces of `piece` bytes. */
static bool inflate_by(struct span in, size_t piece, uint64_t limit,
                       struct test_collector *c, struct err *err)
{
    struct gz_reader *g = gz_reader_new(test_collect(c), limit);
    if (!g) {
        return err_nomem(err, "inflating");
    }
    bool ok = true;
    for (size_t at = 0; ok && at < in.len; at += piece) {
        const struct span part = span_first(span_from(in, at), piece);
        ok = gz_reader_write(g, (const uint8_t *)part.p, part.len, err);
    }
    ok = ok && gz_reader_end(g, err);
    gz_reader_free(g);
    return ok;
}

static void expect_failure(struct span in, uint64_t limit, enum err_code code,
                           const char *text, uint64_t offset)
{
    static const size_t pieces[] = {1, 3, 1 << 20};
    for (size_t i = 0; i < 3; i++) {
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        assert_false(inflate_by(in, pieces[i], limit, &c, &err));
        assert_err(&err, code, text);
        assert_true(err.has_offset);
        assert_int_equal(err.offset, offset);
        assert_int_equal(c.n_ends, 0);
        buf_release(&c.bytes);
    }
}

static void inflates_whatever_the_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000};
    static const size_t pieces[] = {1, 2, 7, 4096, 1 << 20};
    for (size_t s = 0; s < 6; s++) {
        struct buf plain = sample(sizes[s]);
        struct buf gz = compressed(buf_view(&plain));
        for (size_t p = 0; p < 5; p++) {
            struct test_collector c = TEST_COLLECTOR;
            struct err err = {0};
            assert_ok(inflate_by(buf_view(&gz), pieces[p], sizes[s], &c, &err),
                      &err);
            assert_true(span_eq(buf_view(&c.bytes), buf_view(&plain)));
            assert_int_equal(c.n_ends, 1);
            assert_true(c.largest_write <= 128 << 10);
            buf_release(&c.bytes);
        }
        buf_release(&plain);
        buf_release(&gz);
    }
}

static void splits_at_every_byte(void **state)
{
    (void)state;
    struct buf plain = sample(3000);
    struct buf gz = compressed(buf_view(&plain));
    for (size_t cut = 0; cut <= gz.len; cut++) {
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        struct gz_reader *g = gz_reader_new(test_collect(&c), 3000);
        const uint8_t *p = (const uint8_t *)gz.data;
        assert_ok(gz_reader_write(g, p, cut, &err), &err);
        assert_ok(gz_reader_write(g, p + cut, gz.len - cut, &err), &err);
        assert_ok(gz_reader_end(g, &err), &err);
        assert_int_equal(gz_reader_total(g), 3000);
        gz_reader_free(g);
        assert_true(span_eq(buf_view(&c.bytes), buf_view(&plain)));
        buf_release(&c.bytes);
    }
    buf_release(&plain);
    buf_release(&gz);
}

static void every_truncation_is_found(void **state)
{
    (void)state;
    struct buf plain = sample(500);
    struct buf gz = compressed(buf_view(&plain));
    for (size_t cut = 0; cut < gz.len; cut++) {
        expect_failure((struct span){gz.data, cut}, 1000, ERR_FORMAT,
                       "gzip data is truncated", cut);
    }
    buf_release(&plain);
    buf_release(&gz);
}

static void several_members_are_one_stream(void **state)
{
    (void)state;
    struct buf plain = sample(1000);
    struct buf twice = BUF_LIMIT(1 << 20);
    struct buf gz = compressed(buf_view(&plain));
    struct buf none = compressed((struct span){0});
    buf_span(&twice, buf_view(&gz));
    buf_span(&twice, buf_view(&none));
    buf_span(&twice, buf_view(&gz));
    for (size_t piece = 1; piece < 40; piece++) {
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        assert_ok(inflate_by(buf_view(&twice), piece, 2000, &c, &err), &err);
        assert_int_equal(c.bytes.len, 2000);
        assert_memory_equal(c.bytes.data + 1000, plain.data, 1000);
        buf_release(&c.bytes);
    }
    /* The second member cut off. */
    expect_failure(span_first(buf_view(&twice), gz.len + none.len + 1), 2000,
                   ERR_FORMAT, "gzip data is truncated", gz.len + none.len + 1);
    buf_release(&plain);
    buf_release(&twice);
    buf_release(&gz);
    buf_release(&none);
}

static void bytes_after_the_end_are_an_error(void **state)
{
    (void)state;
    struct buf plain = sample(1000);
    struct buf gz = compressed(buf_view(&plain));
    const size_t end = gz.len;
    static const struct span tails[] = {
        {"\0",       1},
        {"\0\0\0\0", 4},
        {"garbage",  7},
        {"\n",       1}
    };
    for (size_t i = 0; i < 4; i++) {
        gz.len = end;
        buf_span(&gz, tails[i]);
        expect_failure(buf_view(&gz), 1000, ERR_FORMAT,
                       "data after the end of the gzip stream", end);
    }
    buf_release(&plain);
    buf_release(&gz);
}

static void damage_is_named(void **state)
{
    (void)state;
    struct buf plain = sample(1000);
    struct buf gz = compressed(buf_view(&plain));
    gz.data[gz.len - 8] ^= 1;
    expect_failure(buf_view(&gz), 1000, ERR_FORMAT,
                   "gzip checksum does not match", gz.len - 4);
    gz.data[gz.len - 8] ^= 1;
    gz.data[gz.len - 1] ^= 1;
    expect_failure(buf_view(&gz), 1000, ERR_FORMAT,
                   "gzip length does not match", gz.len);
    gz.data[gz.len - 1] ^= 1;
    gz.data[2] = 7;
    expect_failure(buf_view(&gz), 1000, ERR_FORMAT,
                   "gzip header: unknown method", 0);
    expect_failure(SPAN_LIT("plain text"), 1000, ERR_FORMAT, "not gzip data",
                   0);
    buf_release(&plain);
    buf_release(&gz);
}

/* A member with the header that `flags` describe in front of the same data. */
static struct buf with_header(struct span gz, unsigned flags)
{
    enum { HCRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16, PLAIN_BYTES = 10 };
    struct buf b = BUF_LIMIT(1 << 20);
    buf_span(&b, span_first(gz, PLAIN_BYTES));
    b.data[3] = (char)flags;
    if (flags & EXTRA) {
        buf_add(&b, "\3\0abc", 5);
    }
    if (flags & NAME) {
        buf_add(&b, "heap", 5);
    }
    if (flags & COMMENT) {
        buf_add(&b, "", 1);
    }
    if (flags & HCRC) {
        const uLong crc = crc32(0, (const Bytef *)b.data, (uInt)b.len);
        const char two[] = {(char)(crc & 0xff), (char)(crc >> 8 & 0xff)};
        buf_add(&b, two, sizeof two);
    }
    buf_span(&b, span_from(gz, PLAIN_BYTES));
    return b;
}

static void every_header_is_read(void **state)
{
    (void)state;
    struct buf plain = sample(1000);
    struct buf gz = compressed(buf_view(&plain));
    for (unsigned flags = 0; flags < 32; flags += 2) {
        struct buf b = with_header(buf_view(&gz), flags);
        const size_t extra = b.len - gz.len;
        for (size_t piece = 1; piece < 20; piece += 3) {
            struct test_collector c = TEST_COLLECTOR;
            struct err err = {0};
            assert_ok(inflate_by(buf_view(&b), piece, 1000, &c, &err), &err);
            assert_true(span_eq(buf_view(&c.bytes), buf_view(&plain)));
            buf_release(&c.bytes);
        }
        for (size_t cut = 1; cut < 10 + extra; cut++) {
            expect_failure(span_first(buf_view(&b), cut), 1000, ERR_FORMAT,
                           "gzip data is truncated", cut);
        }
        if (flags & 2) {
            b.data[10 + extra - 1] ^= 1;
            expect_failure(buf_view(&b), 1000, ERR_FORMAT,
                           "gzip header: checksum does not match", 0);
        }
        b.data[3] = 0x20;
        expect_failure(buf_view(&b), 1000, ERR_FORMAT,
                       "gzip header: unknown flags", 0);
        buf_release(&b);
    }
    buf_release(&plain);
    buf_release(&gz);
}

static void every_flipped_bit_is_found_or_harmless(void **state)
{
    (void)state;
    struct buf plain = sample(400);
    struct buf gz = compressed(buf_view(&plain));
    for (size_t i = 0; i < gz.len * 8; i++) {
        gz.data[i / 8] = (char)(gz.data[i / 8] ^ (1 << (i % 8)));
        struct test_collector c = TEST_COLLECTOR;
        struct err err = {0};
        if (inflate_by(buf_view(&gz), 64, 400, &c, &err)) {
            /* Header fields that say nothing about the data. */
            assert_true(i / 8 >= 3 && i / 8 < 10);
            assert_true(span_eq(buf_view(&c.bytes), buf_view(&plain)));
        }
        buf_release(&c.bytes);
        gz.data[i / 8] = (char)(gz.data[i / 8] ^ (1 << (i % 8)));
    }
    buf_release(&plain);
    buf_release(&gz);
}

static void a_bomb_is_refused_while_it_streams(void **state)
{
    (void)state;
    const size_t bomb_bytes = 64 << 20;
    struct buf zeros = BUF_LIMIT(bomb_bytes);
    buf_repeat(&zeros, '\0', bomb_bytes);
    struct buf gz = compressed(buf_view(&zeros));
    buf_release(&zeros);
    struct test_collector c = TEST_COLLECTOR;
    struct err err = {0};
    assert_false(inflate_by(buf_view(&gz), 512, 1 << 20, &c, &err));
    assert_err(&err, ERR_LIMIT,
               "gzip data inflates to more than 1048576 bytes");
    assert_true(c.bytes.len <= 1 << 20);
    assert_true(err.offset < 4096);
    buf_release(&c.bytes);
    buf_release(&gz);
}

static bool refuse(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    (void)ctx;
    (void)p;
    return err_set(err, ERR_FORMAT, "no thanks to %zu bytes", n);
}

static void the_sink_can_stop_the_flow(void **state)
{
    (void)state;
    struct buf gz = compressed(SPAN_LIT("hello"));
    struct gz_reader *g = gz_reader_new((struct sink){NULL, refuse, NULL}, 99);
    struct err err = {0};
    assert_false(gz_reader_write(g, (uint8_t *)gz.data, gz.len, &err));
    assert_err(&err, ERR_FORMAT, "no thanks to 5 bytes");
    assert_false(gz_reader_write(g, (uint8_t *)gz.data, gz.len, &err));
    assert_err(&err, ERR_INTERNAL, "gzip reader has failed before");
    assert_false(gz_reader_end(g, &err));
    gz_reader_free(g);
    buf_release(&gz);
}

static void the_magic_needs_two_bytes(void **state)
{
    (void)state;
    assert_true(gz_is_magic((const uint8_t *)"\x1f\x8b", 2));
    assert_false(gz_is_magic((const uint8_t *)"\x1f\x8b", 1));
    assert_false(gz_is_magic((const uint8_t *)"\x1f\x8c", 2));
}

static bool round_trip(void *ctx, struct err *err)
{
    const struct span *gz = ctx;
    struct test_collector c = TEST_COLLECTOR;
    struct buf again = BUF_LIMIT(1 << 20);
    const bool ok =
        inflate_by(*gz, 100, 5000, &c, err) &&
        gz_compress((const uint8_t *)c.bytes.data, c.bytes.len, 9, &again, err);
    buf_release(&again);
    buf_release(&c.bytes);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    struct buf plain = sample(5000);
    struct buf gz = compressed(buf_view(&plain));
    struct span in = buf_view(&gz);
    assert_true(oom_walk(round_trip, &in) >= 5);
    buf_release(&plain);
    buf_release(&gz);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inflates_whatever_the_blocks),
        cmocka_unit_test(splits_at_every_byte),
        cmocka_unit_test(every_truncation_is_found),
        cmocka_unit_test(several_members_are_one_stream),
        cmocka_unit_test(bytes_after_the_end_are_an_error),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(every_header_is_read),
        cmocka_unit_test(every_flipped_bit_is_found_or_harmless),
        cmocka_unit_test(a_bomb_is_refused_while_it_streams),
        cmocka_unit_test(the_sink_can_stop_the_flow),
        cmocka_unit_test(the_magic_needs_two_bytes),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
