#include "heap/dump_fixture.h"
#include "heap/dump_parser.h"
#include "test.h"

#include "heap/heap.h"

#include <stdlib.h>
#include <time.h>

/* --- a visitor that counts --- */

struct seen {
    unsigned n[N_HEAP_TAGS];
    unsigned n_damage;
    uint64_t fields; /* of objects, summed */
    uint64_t first_object;
    struct heap_memstats memstats;
    bool is_stopped_by_samples;
};

static bool on_params(void *ctx, const struct heap_params *p, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->n[HEAP_TAG_PARAMS]++;
    return p->arch.len == 4;
}

static bool on_object(void *ctx, const struct dump_memory *m, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    if (s->n[HEAP_TAG_OBJECT]++ == 0) {
        s->first_object = m->address;
    }
    struct dump_fields f = {(const uint8_t *)m->fields.p,
                            (const uint8_t *)m->fields.p + m->fields.len, 8};
    uint64_t offset = 0;
    while (dump_fields_next(&f, &offset)) {
        s->fields += offset + 1;
    }
    return true;
}

static bool on_data(void *ctx, const struct dump_memory *m, bool is_bss,
                    struct err *err)
{
    struct seen *s = ctx;
    (void)m;
    (void)err;
    s->n[is_bss ? HEAP_TAG_BSS : HEAP_TAG_DATA]++;
    return true;
}

#define COUNT(name, type, tag)                                                 \
    static bool on_##name(void *ctx, const struct type *r, struct err *err)    \
    {                                                                          \
        struct seen *s = ctx;                                                  \
        (void)r;                                                               \
        (void)err;                                                             \
        s->n[tag]++;                                                           \
        return true;                                                           \
    }
COUNT(goroutine, heap_goroutine, HEAP_TAG_GOROUTINE)
COUNT(type, heap_type, HEAP_TAG_TYPE)
COUNT(itab, heap_itab, HEAP_TAG_ITAB)
COUNT(defer, heap_defer, HEAP_TAG_DEFER)
COUNT(panic, heap_panic, HEAP_TAG_PANIC)
COUNT(bucket, heap_bucket, HEAP_TAG_BUCKET)

static bool on_frame(void *ctx, const struct heap_frame *f,
                     const struct dump_memory *m, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->n[HEAP_TAG_FRAME]++;
    return f->bytes == m->length_bytes && f->sp == m->address;
}

static bool on_finalizer(void *ctx, const struct heap_finalizer *f,
                         bool is_queued, struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->n[is_queued ? HEAP_TAG_QUEUED_FINALIZER : HEAP_TAG_FINALIZER]++;
    return f->object == FIXTURE_FIRST;
}

static bool on_other_root(void *ctx, struct span description, uint64_t address,
                          struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->n[HEAP_TAG_OTHER_ROOT]++;
    return span_is(description, "cgo handle") && address == FIXTURE_BIG;
}

static bool on_memstats(void *ctx, const struct heap_memstats *m,
                        struct err *err)
{
    struct seen *s = ctx;
    (void)err;
    s->n[HEAP_TAG_MEMSTATS]++;
    s->memstats = *m;
    return true;
}

static bool on_sample(void *ctx, const struct heap_sample *r, struct err *err)
{
    struct seen *s = ctx;
    (void)r;
    s->n[HEAP_TAG_SAMPLE]++;
    return !s->is_stopped_by_samples ||
           err_set(err, ERR_INTERRUPTED, "enough samples");
}

static bool on_damage(void *ctx, uint64_t offset, uint64_t bytes,
                      struct err *err)
{
    struct seen *s = ctx;
    (void)offset;
    (void)bytes;
    (void)err;
    s->n_damage++;
    return true;
}

static struct dump_visitor visitor_of(struct seen *s)
{
    return (struct dump_visitor){.ctx = s,
                                 .params = on_params,
                                 .object = on_object,
                                 .data = on_data,
                                 .goroutine = on_goroutine,
                                 .frame = on_frame,
                                 .type = on_type,
                                 .itab = on_itab,
                                 .finalizer = on_finalizer,
                                 .defer = on_defer,
                                 .panic = on_panic,
                                 .other_root = on_other_root,
                                 .memstats = on_memstats,
                                 .bucket = on_bucket,
                                 .sample = on_sample,
                                 .damage = on_damage};
}

/* The bytes in memory of their own, so that a step beyond is found. */
static bool read_copy(const void *p, size_t n, struct seen *s,
                      struct dump_condition *c, struct err *err)
{
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    *s = (struct seen){.is_stopped_by_samples = s->is_stopped_by_samples};
    const struct dump_visitor v = visitor_of(s);
    const bool ok = dump_read((struct span){copy, n}, &v, c, err);
    free(copy);
    return ok;
}

/* --- whole dumps --- */

static void every_record_is_told_once(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct fixture f;
        const struct span dump =
            fixture_all(&f, (kind & 1) != 0, (kind & 2) != 0);
        struct seen s = {0};
        struct dump_condition c;
        struct err err = {0};
        assert_ok(read_copy(dump.p, dump.len, &s, &c, &err), &err);
        for (unsigned tag = 2; tag < N_HEAP_TAGS; tag++) {
            if (tag != HEAP_TAG_OS_THREAD && tag != HEAP_TAG_FRAME) {
                assert_int_equal(s.n[tag], 1);
            }
        }
        assert_int_equal(s.n[HEAP_TAG_OBJECT], 5);
        assert_int_equal(s.n[HEAP_TAG_FRAME], 3);
        assert_int_equal(s.fields, 5 + f.pointer_bytes);
        assert_int_equal(s.memstats.heap_objects, 5);
        assert_int_equal(s.memstats.pause_ns[1], 99);
        assert_int_equal(s.memstats.num_gc, 3);
        assert_int_equal(c.n_records, FIXTURE_RECORDS);
        assert_false(c.is_truncated);
        assert_int_equal(c.n_damaged, 0);
        fixture_release(&f);
    }
}

static void visitor_ends_the_reading(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = fixture_all(&f, false, false);
    struct seen s = {.is_stopped_by_samples = true};
    struct dump_condition c;
    struct err err = {0};
    assert_false(read_copy(dump.p, dump.len, &s, &c, &err));
    assert_err(&err, ERR_INTERRUPTED, "enough samples");
    fixture_release(&f);
}

static void interfaces_of_old_dumps_are_their_second_word(void **state)
{
    (void)state;
    static const uint8_t list[] = {1, 8, 2, 16, 3, 32, 0, 1, 99};
    struct dump_fields f = {list, list + sizeof list, 8};
    uint64_t offset = 0;
    assert_true(dump_fields_next(&f, &offset));
    assert_int_equal(offset, 8);
    assert_true(dump_fields_next(&f, &offset));
    assert_int_equal(offset, 24);
    assert_true(dump_fields_next(&f, &offset));
    assert_int_equal(offset, 40);
    assert_false(dump_fields_next(&f, &offset));
    assert_false(dump_fields_next(&f, &offset));
}

static void damaged_list_of_fields_ends(void **state)
{
    (void)state;
    static const uint8_t list[] = {1, 8, 9, 16, 0};
    struct dump_fields f = {list, list + sizeof list, 8};
    uint64_t offset = 0;
    assert_true(dump_fields_next(&f, &offset));
    assert_false(dump_fields_next(&f, &offset));
    struct dump_fields cut = {list, list + 1, 8};
    assert_false(dump_fields_next(&cut, &offset));
}

/* 4 GiB and 64 bytes: Go passes the length to write(2) as 32 bits. */
static void object_above_4_gib_has_the_bytes_that_go_wrote(void **state)
{
    (void)state;
    const uint64_t bytes = (UINT64_C(1) << 32) + 64;
    struct test_collector out = TEST_COLLECTOR;
    const struct sink sink = test_collect(&out);
    struct dump_writer *w = dump_writer_new(&sink);
    assert_non_null(w);
    const struct heap_params p = {false,
                                  8,
                                  0xc000000000,
                                  0xc800000000,
                                  SPAN_LIT("mips"),
                                  SPAN_LIT("go1.23.5"),
                                  1};
    dump_writer_params(w, &p);
    dump_writer_object(w, 0xc000000000, bytes);
    dump_writer_zeros(w, bytes);
    dump_writer_field(w, bytes - 8); /* in what is missing */
    dump_writer_close(w);
    dump_writer_object(w, 0xc400000000, 64);
    dump_writer_zeros(w, 64);
    dump_writer_close(w);
    struct err err = {0};
    assert_ok(dump_writer_end(w, &err), &err);
    dump_writer_free(w);
    struct seen s = {0};
    struct dump_condition c;
    assert_ok(read_copy(out.bytes.data, out.bytes.len, &s, &c, &err), &err);
    assert_int_equal(s.n[HEAP_TAG_OBJECT], 2);
    assert_false(c.is_truncated);
    assert_int_equal(c.n_damaged, 0);
    buf_release(&out.bytes);
}

static void what_is_no_dump_is_refused(void **state)
{
    (void)state;
    struct seen s = {0};
    struct dump_condition c;
    struct err err = {0};
    assert_false(read_copy("go1.6 heap dump\n", 16, &s, &c, &err));
    assert_err(&err, ERR_UNKNOWN, "not a heap dump");
}

/* --- damage --- */

static void dump_cut_off_anywhere_is_read_up_to_there(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = fixture_all(&f, false, false);
    uint64_t n_records = 0;
    for (size_t n = sizeof HEAP_MAGIC - 1; n < dump.len; n++) {
        struct seen s = {0};
        struct dump_condition c;
        struct err err = {0};
        assert_ok(read_copy(dump.p, n, &s, &c, &err), &err);
        assert_true(c.is_truncated);
        assert_true(c.n_records >= n_records);
        n_records = c.n_records;
    }
    assert_int_equal(n_records, FIXTURE_RECORDS);
    fixture_release(&f);
}

static void any_bit_may_flip(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct fixture f;
        const struct span dump =
            fixture_all(&f, (kind & 1) != 0, (kind & 2) != 0);
        char *bytes = malloc(dump.len);
        assert_non_null(bytes);
        memcpy(bytes, dump.p, dump.len);
        for (size_t i = 128; i < 8 * dump.len; i++) { /* behind the magic */
            bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
            struct seen s = {0};
            struct dump_condition c;
            struct err err = {0};
            /* It may be a value that the visitor refuses. */
            (void)!read_copy(bytes, dump.len, &s, &c, &err);
            assert_true(c.n_records / 4 <= FIXTURE_RECORDS);
            bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
        }
        free(bytes);
        fixture_release(&f);
    }
}

enum { MANY = 2000, HOLE_BYTES = 4096, HOLE_OBJECTS = HOLE_BYTES / 64 + 4 };

/* MANY objects of 64 bytes, a goroutine and a variable. */
static struct span many_objects(struct fixture *f)
{
    fixture_begin(f, false, false, "go1.21.3");
    for (unsigned i = 0; i < MANY; i++) {
        const uint64_t address = FIXTURE_ARENA + 64 * (uint64_t)i;
        const uint64_t words[] = {address + 64, address};
        fixture_object(f, address, 64, words, 2);
    }
    fixture_stacks(f);
    const uint64_t bss[] = {FIXTURE_ARENA};
    fixture_segment(f, true, bss, 1);
    fixture_tail(f);
    return fixture_end(f);
}

/* What a write that failed leaves out. */
static void hole_costs_no_more_than_what_it_holds(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = many_objects(&f);
    char *bytes = malloc(dump.len);
    assert_non_null(bytes);
    for (size_t at = 20000; at < 60000; at += 997) {
        memcpy(bytes, dump.p, at);
        memcpy(bytes + at, dump.p + at + HOLE_BYTES,
               dump.len - at - HOLE_BYTES);
        struct seen s = {0};
        struct dump_condition c;
        struct err err = {0};
        assert_ok(read_copy(bytes, dump.len - HOLE_BYTES, &s, &c, &err), &err);
        assert_true(s.n[HEAP_TAG_OBJECT] >= MANY - HOLE_OBJECTS);
        assert_true(s.n[HEAP_TAG_OBJECT] <= MANY);
        assert_int_equal(s.n[HEAP_TAG_SAMPLE], 1);
        assert_false(c.is_truncated);
        assert_true(c.n_damaged <= 1);
        assert_int_equal(s.n_damage, c.n_damaged);
    }
    free(bytes);
    fixture_release(&f);
}

static void zeros_in_the_middle_are_no_end(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = many_objects(&f);
    char *bytes = malloc(dump.len);
    assert_non_null(bytes);
    memcpy(bytes, dump.p, dump.len);
    memset(bytes + 30000, 0, HOLE_BYTES);
    struct seen s = {0};
    struct dump_condition c;
    struct err err = {0};
    assert_ok(read_copy(bytes, dump.len, &s, &c, &err), &err);
    assert_true(s.n[HEAP_TAG_OBJECT] >= MANY - HOLE_OBJECTS);
    assert_int_equal(s.n[HEAP_TAG_SAMPLE], 1);
    assert_int_equal(c.n_damaged, 1);
    assert_true(c.first_damage > 29000 && c.first_damage < 35000);
    assert_true(c.damaged_bytes < HOLE_BYTES + 1000);
    free(bytes);
    fixture_release(&f);
}

/* A hole in a large object makes it swallow the records behind it. */
static void swallowed_records_are_found(void **state)
{
    (void)state;
    enum { LARGE_BYTES = 32768, LARGE = FIXTURE_ARENA + 0x100000 };
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.3");
    fixture_object(&f, LARGE, LARGE_BYTES, NULL, 0);
    for (unsigned i = 0; i < MANY; i++) {
        const uint64_t address = FIXTURE_ARENA + 64 * (uint64_t)i;
        const uint64_t words[] = {address, UINT64_MAX};
        fixture_object(&f, address, 64, words, 2);
    }
    const struct span dump = fixture_end(&f);
    char *bytes = malloc(dump.len);
    assert_non_null(bytes);
    memcpy(bytes, dump.p, 10000);
    memcpy(bytes + 10000, dump.p + 10000 + HOLE_BYTES,
           dump.len - 10000 - HOLE_BYTES);
    struct seen s = {0};
    struct dump_condition c;
    struct err err = {0};
    assert_ok(read_copy(bytes, dump.len - HOLE_BYTES, &s, &c, &err), &err);
    assert_true(s.n[HEAP_TAG_OBJECT] >= MANY);
    assert_int_equal(c.n_damaged, 1);
    free(bytes);
    fixture_release(&f);
}

static size_t put_varint(char *p, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7) {
        p[n++] = (char)(v | 0x80);
    }
    p[n++] = (char)v;
    return n;
}

/* Objects of which each begins within the one before and that all end at one
   list of pointers, which is damaged at its end. */
static void search_after_damage_is_bounded(void **state)
{
    (void)state;
    enum { STEP = 10, LIST = 1 << 20, LEN = 2 << 20, FIRST_OFFSET = 1 << 14 };
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.3");
    const struct span head = fixture_end(&f);
    char *bytes = calloc(1, LEN);
    assert_non_null(bytes);
    memcpy(bytes, head.p, head.len - 1);
    for (size_t at = 64; at + 65536 < LIST; at += STEP) {
        size_t n = at;
        bytes[n++] = HEAP_TAG_OBJECT;
        n += put_varint(bytes + n, FIXTURE_ARENA + 8);
        /* Three bytes of length, the contents begin behind them. */
        n += put_varint(bytes + n, LIST - (n + 3));
        assert_true(n <= at + STEP);
    }
    for (size_t i = 0; LIST + 4 * i + 4 < LEN; i++) {
        bytes[LIST + 4 * i] = 1;
        (void)put_varint(bytes + LIST + 4 * i + 1, FIRST_OFFSET + i % 49000);
    }
    struct seen s = {0};
    struct dump_condition c;
    struct err err = {0};
    const clock_t begin = clock();
    assert_ok(read_copy(bytes, LEN, &s, &c, &err), &err);
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
    assert_int_equal(s.n[HEAP_TAG_OBJECT], 0);
    assert_true(c.lost_bytes > 0);
    free(bytes);
    fixture_release(&f);
}

static void hostile_lengths_are_no_reads_beyond(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.3");
    const struct span head = fixture_end(&f);
    static const char endless[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    for (unsigned tag = 1; tag < N_HEAP_TAGS + 3; tag++) {
        for (unsigned n_before = 0; n_before < 12; n_before++) {
            char bytes[256] = {0};
            size_t n = head.len - 1;
            memcpy(bytes, head.p, n);
            bytes[n++] = (char)tag;
            memset(bytes + n, 0x7f, n_before);
            n += n_before;
            memcpy(bytes + n, endless, sizeof endless);
            struct seen s = {0};
            struct dump_condition c;
            struct err err = {0};
            assert_ok(read_copy(bytes, n + 20, &s, &c, &err) ||
                          err.code == ERR_NONE,
                      &err);
        }
    }
    fixture_release(&f);
}

/* What a fuzzer has never seen it hardly finds. */
static void seeds_of_fuzzing_have_every_record(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "fuzz/heap/all-32-big", "fuzz/heap/all-32-little",
        "fuzz/heap/all-64-big", "fuzz/heap/all-64-little"};
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        struct buf seed = test_read_file(testdata(seeds[i]));
        struct parsed_dump d;
        parsed_read(&d, buf_view(&seed));
        for (unsigned tag = 0; tag < PARSED_TAGS; tag++) {
            assert_true(d.n_tags[tag] > 0);
        }
        parsed_release(&d);
        buf_release(&seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_told_once),
        cmocka_unit_test(visitor_ends_the_reading),
        cmocka_unit_test(interfaces_of_old_dumps_are_their_second_word),
        cmocka_unit_test(damaged_list_of_fields_ends),
        cmocka_unit_test(object_above_4_gib_has_the_bytes_that_go_wrote),
        cmocka_unit_test(what_is_no_dump_is_refused),
        cmocka_unit_test(dump_cut_off_anywhere_is_read_up_to_there),
        cmocka_unit_test(any_bit_may_flip),
        cmocka_unit_test(hole_costs_no_more_than_what_it_holds),
        cmocka_unit_test(zeros_in_the_middle_are_no_end),
        cmocka_unit_test(swallowed_records_are_found),
        cmocka_unit_test(search_after_damage_is_bounded),
        cmocka_unit_test(hostile_lengths_are_no_reads_beyond),
        cmocka_unit_test(seeds_of_fuzzing_have_every_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
