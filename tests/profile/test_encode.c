#include "profiles.h"

#include <unistd.h>

static void encoding_and_decoding_changes_nothing(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct profile *p = load_profile(files->paths[i]);
        struct buf out = encode_ok(p);
        struct profile *q = decode_ok(buf_view(&out), files->paths[i]);
        sort_labels(p);
        assert_same_profile(p, q);
        struct buf again = encode_ok(q);
        assert_true(span_eq(buf_view(&out), buf_view(&again)));
        profile_free(p);
        profile_free(q);
        buf_release(&out);
        buf_release(&again);
    }
    free(files);
}

/* Decodes what google/pprof wrote and writes it again. */
static void assert_same_bytes(const char *path)
{
    struct buf raw = load_raw(path);
    struct profile *p = decode_ok(buf_view(&raw), path);
    struct buf out = encode_ok(p);
    if (!span_eq(buf_view(&raw), buf_view(&out))) {
        fail_msg("%s: other bytes than google/pprof's", path);
    }
    profile_free(p);
    buf_release(&raw);
    buf_release(&out);
}

static void bytes_are_those_of_google_pprof(void **state)
{
    (void)state;
    static const char *const names[] = {
        "profiles/heap-by-pprof.pb.gz", "profiles/merged-by-pprof.pb.gz",
        "profiles/diff-by-pprof.pb.gz", "profiles/pruned-by-pprof.pb.gz",
        "profiles/drop-frames.pb.gz",   "profiles/string-labels.pb.gz"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_same_bytes(testdata(names[i]));
    }
}

/* An installed Go's pprof writes every profile anew; skipped without one. */
static void bytes_are_those_of_the_installed_pprof(void **state)
{
    (void)state;
    static const char *const gos[] = {"/usr/local/go/bin/go", "/usr/bin/go"};
    const char *go = NULL;
    for (unsigned i = 0; i < 2 && go == NULL; i++) {
        go = access(gos[i], X_OK) == 0 ? gos[i] : NULL;
    }
    if (go == NULL) {
        skip();
    }
    char out[] = "/tmp/seep-encode-XXXXXX";
    const int fd = mkstemp(out);
    assert_true(fd >= 0);
    struct profile_files *files = calloc(1, sizeof(*files));
    add_profile_files(files, testdata("profiles"));
    size_t n = 0;
    for (size_t i = 0; i < files->n; i++) {
        char command[2048];
        (void)snprintf(command, sizeof(command),
                       "%s tool pprof -symbolize=none -proto -output=%s %s"
                       " >/dev/null 2>&1",
                       go, out, files->paths[i]);
        if (system(command) == 0) {
            assert_same_bytes(out);
            n++;
        }
    }
    (void)close(fd);
    (void)unlink(out);
    free(files);
    if (n == 0) {
        skip();
    }
    print_message("%zu profiles\n", n);
}

/* One profile with everything a field can hold. */
static struct buf everything(void)
{
    struct buf b = WIRE_BUF;
    put_text(&b, "");
    put_text(&b, "a");
    put_bytes(&b, 6, SPAN_LIT("nul\0inside"));
    put_text(&b, ""); /* twice */
    put_text(&b, "\xff\xfe not UTF-8");
    put_numbers(&b, 1, NUMBERS(1, 1, 2, 2));
    put_numbers(&b, 1, NUMBERS(1, 4));
    put_numbers(&b, 3,
                NUMBERS(1, 9, 2, UINT64_MAX, 3, 1, 4, 2, 5, 2, 6, 4, 7, 1, 8, 1,
                        9, 1, 10, 1));
    put_numbers(&b, 5, NUMBERS(1, 77, 2, 2, 3, 4, 4, 1, 5, UINT64_MAX));
    struct buf location = WIRE_BUF;
    put_number(&location, 1, UINT64_MAX);
    put_number(&location, 2, 9);
    put_number(&location, 3, 5);
    put_numbers(&location, 4, NUMBERS(1, 77, 2, UINT64_MAX, 3, 6));
    put_numbers(&location, 4, NUMBERS(1, 77));
    put_number(&location, 5, 1);
    put_message(&b, 4, location);
    struct buf sample = WIRE_BUF;
    put_number(&sample, 1, UINT64_MAX);
    put_number(&sample, 2, 0);
    put_number(&sample, 2, UINT64_MAX);
    put_numbers(&sample, 3, NUMBERS(1, 4, 3, 5));
    put_numbers(&sample, 3, NUMBERS(1, 1, 3, UINT64_MAX, 4, 2));
    put_numbers(&sample, 3, NUMBERS(1, 4, 2, 4));
    put_numbers(&sample, 3, NUMBERS(1, 1, 2, 2));
    put_numbers(&sample, 3, NUMBERS(1, 1, 2, 1));
    put_numbers(&sample, 3, NUMBERS(1, 1, 2, 3)); /* says nothing */
    put_message(&b, 2, sample);
    put_number(&b, 7, 1);
    put_number(&b, 8, 2);
    put_number(&b, 9, UINT64_MAX);
    put_number(&b, 10, 3);
    put_numbers(&b, 11, NUMBERS(1, 4, 2, 1));
    put_number(&b, 12, 7);
    put_bytes(&b, 13, SPAN_LIT("\x01\x02\x04"));
    put_number(&b, 14, 1);
    put_number(&b, 15, 4);
    return b;
}

static void every_field_survives(void **state)
{
    (void)state;
    struct buf b = everything();
    struct profile *p = decode_ok(buf_view(&b), "everything");
    struct buf out = encode_ok(p);
    struct profile *q = decode_ok(buf_view(&out), "everything");
    assert_same_header(p, q);
    assert_same_tables(p, q);
    assert_int_equal(q->n_labels, 5);
    /* Text before numbers, by key, values of a key in their order. */
    static const char *const keys[] = {"a", "a", "\xff\xfe not UTF-8", "a",
                                       "\xff\xfe not UTF-8"};
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(profile_text(q, q->labels[i].key), keys[i]);
        assert_int_equal(q->labels[i].is_num, i >= 3);
    }
    assert_int_equal(q->strings[q->labels[0].str.i].len, 10);
    assert_string_equal(profile_text(q, q->labels[1].str), "a");
    assert_true(q->labels[3].num == -1);
    assert_true(q->values[0] == 0 && q->values[1] == -1);
    profile_free(p);
    profile_free(q);
    buf_release(&b);
    buf_release(&out);
}

/* field 13 packed from three comments on, and field 14 even when empty */
static void numbers_are_packed_only_above_two(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_text(&b, "");
    put_text(&b, "a");
    put_number(&b, 13, 1);
    put_number(&b, 13, 1);
    struct profile *p = decode_ok(buf_view(&b), "two");
    struct buf out = encode_ok(p);
    assert_true(span_eq(buf_view(&out), SPAN_LIT("\x32\0\x32\x01"
                                                 "a\x68\x01\x68\x01\x70\0")));
    profile_free(p);
    buf_release(&out);
    put_number(&b, 13, 1);
    p = decode_ok(buf_view(&b), "three");
    out = encode_ok(p);
    assert_true(
        span_eq(buf_view(&out), SPAN_LIT("\x32\0\x32\x01"
                                         "a\x6a\x03\x01\x01\x01\x70\0")));
    profile_free(p);
    buf_release(&out);
    buf_release(&b);
}

static void many_labels_keep_their_order(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_text(&b, "");
    put_text(&b, "b");
    put_text(&b, "a");
    put_numbers(&b, 1, NUMBERS(1, 1));
    struct buf sample = WIRE_BUF;
    put_number(&sample, 2, 1);
    for (uint64_t i = 0; i < 100; i++) {
        put_numbers(&sample, 3, NUMBERS(1, 1 + i % 2, 3, i + 1));
    }
    put_message(&b, 2, sample);
    struct profile *p = decode_ok(buf_view(&b), "labels");
    struct buf out = encode_ok(p);
    struct profile *q = decode_ok(buf_view(&out), "labels");
    for (uint32_t i = 0; i < 100; i++) {
        assert_string_equal(profile_text(q, q->labels[i].key),
                            i < 50 ? "a" : "b");
        assert_true(q->labels[i].num == (i % 50) * 2 + (i < 50 ? 2 : 1));
    }
    profile_free(p);
    profile_free(q);
    buf_release(&b);
    buf_release(&out);
}

static bool encode_once(void *ctx, struct err *err)
{
    const struct profile *p = ctx;
    struct buf out = BUF_LIMIT(1U << 20);
    const bool ok = profile_encode(p, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct profile *p = load_profile(testdata("profiles/names-go1.23.pb.gz"));
    assert_true(oom_walk(encode_once, p) > 8);
    profile_free(p);
}

static void the_output_limit_holds(void **state)
{
    (void)state;
    struct profile *p = load_profile(testdata("profiles/heap-go1.23.pb.gz"));
    struct err err = {0};
    struct buf out = BUF_LIMIT(1000);
    assert_false(profile_encode(p, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_release(&out);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_and_decoding_changes_nothing),
        cmocka_unit_test(bytes_are_those_of_google_pprof),
        cmocka_unit_test(bytes_are_those_of_the_installed_pprof),
        cmocka_unit_test(every_field_survives),
        cmocka_unit_test(numbers_are_packed_only_above_two),
        cmocka_unit_test(many_labels_keep_their_order),
        cmocka_unit_test(running_out_of_memory_is_survived),
        cmocka_unit_test(the_output_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
