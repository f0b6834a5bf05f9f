/* Sniffing, wrappers, and what is said of things that are no profiles. */
#include "snapshots.h"

#include "base/gz.h"
#include "base/limits.h"
#include "fetch/fetch.h"

#include <stdio.h>
#include <zstd.h>

struct unknown_case {
    const char *bytes;
    size_t n;
    const char *message;
};

#define BYTES(s) (s), sizeof(s) - 1

static const struct unknown_case unknown_cases[] = {
    {BYTES(""),                           "not a profile: no bytes at all"     },
    {BYTES("\n\n  \n"),                   "not a profile: blank lines"         },
    {BYTES("<!DOCTYPE html>\n<html>"),    "not a profile: an HTML page"        },
    {BYTES("\n<HTML><body>"),             "not a profile: an HTML page"        },
    {BYTES("{\"error\": 1}"),             "not a profile: JSON"                },
    {BYTES("\x7f"
           "ELF\x02\x01\x01\0\0\0"),
     "not a profile: an ELF binary"                                            },
    {BYTES("404 page not found\n"),
     "not a profile: text that begins \"404 page not found\""                  },
    {BYTES("\0\0\0\0\0\0\0\0"),           "not a profile: zero bytes"          },
    {BYTES("\x01\x02\x03\x04 some"),      "not a profile: unknown binary data" },
    {BYTES("go 1.23 trace\0\0\0"),        "not a profile: a Go execution trace"},
};

static void strangers_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unknown_cases) / sizeof(unknown_cases[0]);
         i++) {
        const struct unknown_case *const c = &unknown_cases[i];
        assert_refused((struct span){c->bytes, c->n}, ERR_UNKNOWN, c->message);
    }
}

static struct buf gzipped(struct span bytes)
{
    struct buf b = BUF_LIMIT((size_t)1 << 26);
    struct err err = {0};
    assert_ok(gz_compress((const uint8_t *)bytes.p, bytes.len, 6, &b, &err),
              &err);
    return b;
}

static struct buf zstded(struct span bytes)
{
    struct buf b = BUF_LIMIT((size_t)1 << 26);
    buf_repeat(&b, '\0', ZSTD_compressBound(bytes.len));
    const size_t n = ZSTD_compress(b.data, b.len, bytes.p, bytes.len, 3);
    assert_false(ZSTD_isError(n));
    b.len = n;
    return b;
}

static void strangers_in_gzip_are_named_with_it(void **state)
{
    (void)state;
    struct buf once = gzipped(SPAN_LIT("<html>"));
    assert_refused(buf_view(&once), ERR_UNKNOWN,
                   "not a profile: gzip of an HTML page");
    struct buf twice = gzipped(buf_view(&once));
    assert_refused(buf_view(&twice), ERR_UNKNOWN,
                   "not a profile: gzip of gzip again");
    struct buf nothing = gzipped(SPAN_LIT(""));
    assert_refused(buf_view(&nothing), ERR_UNKNOWN,
                   "not a profile: gzip of no bytes at all");
    buf_release(&once);
    buf_release(&twice);
    buf_release(&nothing);
}

static void texts_are_read_from_every_wrapper(void **state)
{
    (void)state;
    struct buf raw =
        test_read_file(testdata("goroutineleak/goroutineleak.debug1.txt"));
    struct buf gz = gzipped(buf_view(&raw));
    struct buf zst = zstded(buf_view(&raw));
    const struct span forms[] = {buf_view(&raw), buf_view(&gz), buf_view(&zst)};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct snapshot s = snapshot_of(forms[i]);
        assert_int_equal(s.kind, KIND_GOROUTINELEAK);
        assert_int_equal(profile_total(s.profile, 0), 28);
        snapshot_release(&s);
    }
    buf_release(&raw);
    buf_release(&gz);
    buf_release(&zst);
}

static void heap_dump_is_only_recognised(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("go1.7 heap dump\n\x06\x01");
    assert_int_equal(s.kind, KIND_HEAPDUMP);
    assert_int_equal(s.form, FORM_OTHER);
    assert_null(s.profile);
    assert_null(s.dump);
    snapshot_release(&s);
}

/* Of a log of any length no more is looked at. */
static void
what_is_no_proto_is_refused_at_once_where_one_is_wanted(void **state)
{
    (void)state;
    const struct input_options options = {.is_proto_only = true};
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    buf_str(&b, "goroutine profile: total 2\n2 @ 0x1 0x2\n");
    while (b.len < 8192) {
        buf_str(&b, "#\t0x1\tmain.main+0x1\t/src/main.go:1\n");
    }
    struct input *const in = input_new(&options);
    const struct sink sink = input_sink(in);
    struct err err = {0};
    assert_false(sink.write(sink.ctx, (const uint8_t *)b.data, b.len, &err));
    assert_int_equal(err.code, ERR_UNKNOWN);
    assert_non_null(strstr(err.text, "not a profile in pprof's format: "));
    input_free(in);
    buf_release(&b);
}

static void what_is_not_compressed_is_limited_too(void **state)
{
    (void)state;
    const struct input_options options = {.limit_inflated_bytes = 1000};
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    buf_str(&b, "goroutine profile: total 2\n2 @ 0x1 0x2\n");
    while (b.len <= 1000) {
        buf_str(&b, "#\t0x1\tmain.main+0x1\t/src/main.go:1\n");
    }
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(buf_view(&b), &options, &s, &err));
    assert_err(&err, ERR_LIMIT, "content of more than 1000 bytes");
    buf_release(&b);
}

/* Its own size must not matter: nothing of it is kept or even inflated. */
static void heap_dump_longer_than_the_limit_is_recognised(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT((size_t)4 << 20);
    buf_str(&b, "go1.7 heap dump\n");
    uint64_t seed = 7;
    while (b.len < (size_t)1 << 20) {
        const uint64_t noise = test_random(&seed);
        buf_add(&b, &noise, sizeof(noise));
    }
    struct buf gz = gzipped(buf_view(&b));
    const struct input_options options = {.limit_inflated_bytes = 200000};
    struct input *const in = input_new(&options);
    const struct sink sink = input_sink(in);
    struct snapshot s = {0};
    struct err err = {0};
    for (size_t i = 0; i < gz.len; i += 4096) {
        const size_t n = gz.len - i < 4096 ? gz.len - i : 4096;
        assert_ok(sink.write(sink.ctx, (const uint8_t *)gz.data + i, n, &err),
                  &err);
    }
    assert_ok(sink.end(sink.ctx, &err), &err);
    assert_ok(input_finish(in, &s, &err), &err);
    assert_int_equal(s.kind, KIND_HEAPDUMP);
    input_free(in);
    buf_release(&b);
    buf_release(&gz);
}

static const char *const fixtures[] = {
    "goroutineleak/goroutineleak.pb.gz",  "goroutineleak/heap.pb.gz",
    "goroutineleak/heap.debug1.txt",      "goroutineleak/goroutine.debug1.txt",
    "goroutineleak/goroutine.debug2.txt", "dumps/crash-threads.txt",
};

static void assert_same(const struct snapshot *a, const struct snapshot *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->form, b->form);
    assert_int_equal(a->time_nanos, b->time_nanos);
    assert_int_equal(a->profile != NULL, b->profile != NULL);
    if (a->profile && b->profile) {
        assert_int_equal(a->profile->n_samples, b->profile->n_samples);
        assert_int_equal(a->profile->n_locations, b->profile->n_locations);
        assert_int_equal(profile_total(a->profile, 0),
                         profile_total(b->profile, 0));
    }
    if (a->dump && b->dump) {
        assert_int_equal(a->dump->goroutines.n, b->dump->goroutines.n);
        assert_int_equal(a->dump->frames.n, b->dump->frames.n);
        assert_int_equal(intern_count(&a->dump->names),
                         intern_count(&b->dump->names));
    }
}

static struct snapshot read_in_blocks(struct span bytes, size_t block)
{
    struct input *const in = input_new(NULL);
    const struct sink sink = input_sink(in);
    struct snapshot s = {0};
    struct err err = {0};
    for (size_t i = 0; i < bytes.len; i += block) {
        const size_t n = bytes.len - i < block ? bytes.len - i : block;
        assert_ok(sink.write(sink.ctx, (const uint8_t *)bytes.p + i, n, &err),
                  &err);
    }
    assert_ok(sink.end(sink.ctx, &err), &err);
    assert_ok(input_finish(in, &s, &err), &err);
    input_free(in);
    return s;
}

static void block_sizes_do_not_matter(void **state)
{
    (void)state;
    static const size_t blocks[] = {1, 3, 4095, 4096, 4097};
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        struct buf b = test_read_file(testdata(fixtures[i]));
        struct snapshot whole = snapshot_of(buf_view(&b));
        for (size_t k = 0; k < sizeof(blocks) / sizeof(blocks[0]); k++) {
            struct snapshot part = read_in_blocks(buf_view(&b), blocks[k]);
            assert_same(&whole, &part);
            snapshot_release(&part);
        }
        snapshot_release(&whole);
        buf_release(&b);
    }
}

static void proto_says_its_own_time(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_file(testdata("goroutineleak/heap.pb.gz"));
    assert_int_equal(s.form, FORM_PROTO);
    assert_true(s.time_nanos > INT64_C(1600000000000000000));
    assert_int_equal(s.time_nanos, s.profile->time_nanos);
    snapshot_release(&s);
}

static void failure_is_told_again_by_finish(void **state)
{
    (void)state;
    struct input *const in = input_new(NULL);
    const struct sink sink = input_sink(in);
    struct snapshot s = {0};
    struct err err = {0};
    uint8_t zeros[INT16_MAX] = {0};
    assert_false(sink.write(sink.ctx, zeros, sizeof(zeros), &err));
    assert_err(&err, ERR_UNKNOWN, "not a profile: zero bytes");
    err_clear(&err);
    assert_false(input_finish(in, &s, &err));
    assert_err(&err, ERR_UNKNOWN, "not a profile: zero bytes");
    input_free(in);
}

static void input_that_was_not_ended_is_our_own_error(void **state)
{
    (void)state;
    struct input *const in = input_new(NULL);
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_finish(in, &s, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    input_free(in);
}

static void bomb_is_refused_while_it_streams(void **state)
{
    (void)state;
    struct buf text = BUF_LIMIT((size_t)8 << 20);
    buf_str(&text, "heap profile: 0: 0 [0: 0] @ heap/2\n");
    buf_repeat(&text, '\n', (size_t)4 << 20);
    struct buf gz = gzipped(buf_view(&text));
    const struct input_options options = {.limit_inflated_bytes = 1 << 20};
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(buf_view(&gz), &options, &s, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&text);
    buf_release(&gz);
}

/* --- running out of memory --- */

static bool decode_action(void *ctx, struct err *err)
{
    const struct buf *const b = ctx;
    struct snapshot s = {0};
    const bool ok = input_decode(buf_view(b), NULL, &s, err);
    snapshot_release(&s);
    return ok;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char *const names[] = {
        "goroutineleak/goroutineleak.debug1.txt",
        "goroutineleak/heap.debug1.txt",
        "dumps/synthetic-states.debug2.txt",
        "goroutineleak/goroutineleak.pb.gz",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf b = test_read_file(testdata(names[i]));
        assert_true(oom_walk(decode_action, &b) > 5);
        buf_release(&b);
    }
}

/* --- the shared corpus --- */

static bool read_path(const char *path, struct snapshot *out, struct err *err)
{
    struct input *const in = input_new(NULL);
    const bool ok =
        fetch_file(path, LIMIT_FILE_BYTES, input_sink(in), NULL, err) &&
        input_finish(in, out, err);
    input_free(in);
    return ok;
}

static bool is_of_interest(const char *path)
{
    const struct span s = span_of(path);
    return span_ends(s, ".pb.gz") || span_ends(s, ".txt.gz");
}

static enum profile_kind kind_by_name(const char *path)
{
    static const struct {
        const char *part;
        enum profile_kind kind;
    } names[] = {
        {".goroutine.",   KIND_GOROUTINE   },
        {".goroutine-",   KIND_GOROUTINE   },
        {".heap",         KIND_HEAP        },
        {".allocs.",      KIND_ALLOCS      },
        {".threadcreate", KIND_THREADCREATE},
        {".cpu.",         KIND_CPU         },
        {".block.",       KIND_BLOCK       },
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strstr(path, names[i].part)) {
            return names[i].kind;
        }
    }
    return KIND_UNKNOWN;
}

/* Reads the profiles of one directory; returns how many there are. */
static size_t read_directory(const char *dir)
{
    struct fetch_listing l;
    struct err err = {0};
    assert_ok(fetch_list(dir, &l, &err), &err);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        if (!is_of_interest(l.paths[i])) {
            continue;
        }
        struct snapshot s = {0};
        if (!read_path(l.paths[i], &s, &err)) {
            fail_msg("%s: %s", l.paths[i], err.text);
        }
        const enum profile_kind want = kind_by_name(l.paths[i]);
        if (want != KIND_UNKNOWN && want != s.kind) {
            fail_msg("%s: is %s", l.paths[i], profile_kind_name(s.kind));
        }
        snapshot_release(&s);
        n++;
    }
    fetch_listing_release(&l);
    return n;
}

static const char *const scenarios[] = {
    "chanrecv",    "chansend",     "contexts", "globalbytes",
    "h_burst",     "h_keepalive",  "h_lru",    "h_steady",
    "h_warmup",    "h_workerpool", "mapcache", "mutexdead",
    "sliceappend", "syncpool",     "ticker",   "waitgroup",
};

static const char *const runs[] = {"go1.23",      "go1.21",
                                   "go1.19",      "go1.23-gc1",
                                   "go1.23-thin", "go1.23-migrate"};

static void whole_corpus_is_read(void **state)
{
    (void)state;
    if (!test_shared("corpus")) {
        skip();
    }
    size_t n = 0;
    char relative[200];
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        for (size_t k = 0; k < sizeof(runs) / sizeof(runs[0]); k++) {
            (void)snprintf(relative, sizeof(relative), "corpus/%s/%s",
                           scenarios[i], runs[k]);
            const char *const dir = test_shared(relative);
            n += dir ? read_directory(dir) : 0;
        }
    }
    assert_true(n > 1400);
    assert_int_equal(read_directory(test_shared("corpus/edge/go1.23")), 8);
    assert_true(read_directory(test_shared("corpus/extra/go1.23")) >= 9);
    assert_true(read_directory(test_shared("corpus/extra/gc-lag")) >= 30);
    assert_int_equal(read_directory(test_shared("corpus/large/go1.23")), 2);
}

/* "must" of a file in the manifest of malformed/: fail, read or either. */
static struct span must_of(struct span manifest, const char *name)
{
    struct buf key = BUF_LIMIT(300);
    buf_printf(&key, "\"%s\"", name);
    struct span rest = span_from(manifest, span_find(manifest, key.data));
    buf_release(&key);
    assert_true(rest.len > 0);
    rest = span_from(rest, span_find(rest, "\"must\""));
    rest = span_from(rest, span_find(rest, ":") + 1);
    rest = span_from(rest, span_find_char(rest, '"') + 1);
    return span_first(rest, span_find_char(rest, '"'));
}

static void malformed_corpus_is_judged_as_its_manifest_says(void **state)
{
    (void)state;
    const char *const dir = test_shared("corpus/malformed");
    if (!dir) {
        skip();
    }
    struct buf manifest =
        test_read_file(test_shared("corpus/malformed/MANIFEST.json"));
    struct fetch_listing l;
    struct err err = {0};
    assert_ok(fetch_list(dir, &l, &err), &err);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++) {
        const char *const name = strrchr(l.paths[i], '/') + 1;
        if (strcmp(name, "MANIFEST.json") == 0) {
            continue;
        }
        const struct span must = must_of(buf_view(&manifest), name);
        struct snapshot s = {0};
        err_clear(&err);
        const bool ok = read_path(l.paths[i], &s, &err);
        if ((span_is(must, "fail") && ok) || (span_is(must, "read") && !ok)) {
            fail_msg("%s must %.*s: %s", name, (int)must.len, must.p,
                     ok ? "was read" : err.text);
        }
        assert_true(ok || (err.text[0] && !strchr(err.text, '\n')));
        snapshot_release(&s);
        n++;
    }
    assert_true(n > 70);
    fetch_listing_release(&l);
    buf_release(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_named),
        cmocka_unit_test(strangers_in_gzip_are_named_with_it),
        cmocka_unit_test(texts_are_read_from_every_wrapper),
        cmocka_unit_test(heap_dump_is_only_recognised),
        cmocka_unit_test(
            what_is_no_proto_is_refused_at_once_where_one_is_wanted),
        cmocka_unit_test(what_is_not_compressed_is_limited_too),
        cmocka_unit_test(heap_dump_longer_than_the_limit_is_recognised),
        cmocka_unit_test(block_sizes_do_not_matter),
        cmocka_unit_test(proto_says_its_own_time),
        cmocka_unit_test(failure_is_told_again_by_finish),
        cmocka_unit_test(input_that_was_not_ended_is_our_own_error),
        cmocka_unit_test(bomb_is_refused_while_it_streams),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(whole_corpus_is_read),
        cmocka_unit_test(malformed_corpus_is_judged_as_its_manifest_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
