/*
 * A dump of a real program, cut off and damaged everywhere: what is read is
 * whole in itself, what is not has a documented error, and neither takes more
 * memory than a small multiple of the file: the whole test has that little.
 */
#include "heap/dump_parser.h"
#include "heap/graph_support.h"
#include "test.h"

#include "heap/heap.h"

#include <stdlib.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

enum {
    MAGIC_BYTES = sizeof HEAP_MAGIC - 1,
    N_CUTS = 10000,
    N_DAMAGES = 2000,
    N_NUMBERS_PUT = 1000,
    MEMORY_BYTES = 256 << 20
};

/* Small, and most of it stacks. */
static const char real_path[] =
    "rules/dump-goroutine/leak-go1.26/end.heapdump.zst";

struct place {
    struct dump_file *file;
    struct span dump;
    struct vec_u64 ends; /* of its records, the last one is its own */
};

static int open_real(void **state)
{
    static struct place p;
    struct err err = {0};
    p = (struct place){0};
    assert_ok(
        dump_file_open(testdata(real_path), "/tmp", 1 << 30, &p.file, &err),
        &err);
    p.dump = dump_file_bytes(p.file);
    struct parsed_dump d = {
        .data = (const uint8_t *)p.dump.p, .n = p.dump.len, .at = MAGIC_BYTES};
    while (!d.has_ended) {
        const uint64_t tag = parsed_varint(&d);
        assert_true(tag < PARSED_TAGS && !d.is_cut);
        parsed_record(&d, tag);
        assert_true(vec_u64_push(&p.ends, d.at));
    }
    parsed_release(&d);
    assert_true(p.ends.n > 1000);
    *state = &p;
    return 0;
}

static int close_real(void **state)
{
    struct place *p = *state;
    vec_u64_release(&p->ends);
    dump_file_close(p->file);
    return 0;
}

/* Its tree can be made and adds up. */
static void check_dominators(const struct heap_graph *g)
{
    const struct heap_graph_options o = {.memory_limit_bytes = MEMORY_BYTES};
    struct heap_dominators *d = NULL;
    struct err err = {0};
    assert_ok(heap_dominators_build(g, &o, &d, &err), &err);
    const struct heap_about *a = heap_graph_about(g);
    assert_int_equal(heap_retained_bytes(d, 0), a->reachable_bytes);
    assert_int_equal(heap_retained_objects(d, 0), a->n_reachable);
    heap_dominators_free(d);
}

/* Bytes of their own, so that a sanitizer sees what is read behind them. */
static char *copy_of(struct span bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.p, bytes.len);
    return copy;
}

/* NULL when it was refused as it may be. */
static struct heap_graph *build_damaged(struct span bytes)
{
    const struct heap_graph_options o = {.memory_limit_bytes = MEMORY_BYTES};
    struct heap_graph *g = NULL;
    struct err err = {0};
    if (!heap_graph_build(bytes, &o, &g, &err)) {
        assert_null(g);
        assert_true(err.code == ERR_FORMAT || err.code == ERR_LIMIT);
        assert_true(err.text[0] != '\0');
        return NULL;
    }
    return g;
}

static void check_cut(struct span dump, size_t n, uint64_t n_records,
                      bool is_checked)
{
    char *bytes = IS_SANITIZED ? copy_of((struct span){dump.p, n}) : NULL;
    struct heap_graph *g =
        build_damaged((struct span){bytes ? bytes : dump.p, n});
    if (g) {
        const struct dump_condition *c = &heap_graph_about(g)->condition;
        assert_true(c->is_truncated);
        assert_int_equal(c->n_records, n_records);
        assert_int_equal(c->n_damaged, 0);
        if (is_checked) {
            check_whole(g);
        }
        check_dominators(g);
    } else {
        assert_int_equal(n_records, 0);
    }
    heap_graph_free(g);
    free(bytes);
}

static void cut_between_records_keeps_those_before(void **state)
{
    const struct place *p = *state;
    check_cut(p->dump, MAGIC_BYTES, 0, true);
    for (size_t i = 0; i + 1 < p->ends.n; i++) {
        check_cut(p->dump, (size_t)p->ends.items[i], i + 1, i % 16 == 0);
    }
}

/* Records that end at `n` or before. */
static uint64_t records_within(const struct place *p, uint64_t n)
{
    size_t low = 0;
    size_t high = p->ends.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (p->ends.items[middle] <= n) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void cut_anywhere_keeps_the_records_before(void **state)
{
    const struct place *p = *state;
    uint64_t random = 1;
    for (unsigned i = 0; i < N_CUTS; i++) {
        const size_t n = MAGIC_BYTES + (size_t)(test_random(&random) %
                                                (p->dump.len - MAGIC_BYTES));
        check_cut(p->dump, n, records_within(p, n), i % 16 == 0);
    }
}

static void check_damaged(struct span bytes, bool is_checked)
{
    struct heap_graph *g = build_damaged(bytes);
    if (!g) {
        return;
    }
    const struct heap_about *a = heap_graph_about(g);
    assert_true(a->memory_bytes <= MEMORY_BYTES);
    assert_true(a->n_reachable <= a->n_objects);
    if (is_checked) {
        check_whole(g);
    }
    check_dominators(g);
    heap_graph_free(g);
}

/* From one bit to 32 bytes of anything, half of them where lengths and tags
   are: contents are most of a dump, and only wrong when damaged. */
static void damaged_anywhere_is_read_or_refused(void **state)
{
    const struct place *p = *state;
    uint64_t random = 2;
    char *bytes = copy_of(p->dump);
    for (unsigned i = 0; i < N_DAMAGES; i++) {
        const uint64_t record = test_random(&random) % (p->ends.n - 1);
        size_t at = (size_t)(test_random(&random) % p->dump.len);
        at = i % 2 ? (size_t)p->ends.items[record] + at % 24 : at;
        at = at < MAGIC_BYTES ? MAGIC_BYTES : at;
        const size_t room = p->dump.len > at ? p->dump.len - at : 0;
        size_t n = i % 4 < 2 ? 1 : 1 + (size_t)(test_random(&random) % 32);
        n = n < room ? n : room;
        for (size_t k = 0; k < n; k++) {
            const uint64_t r = test_random(&random);
            const uint64_t bits = i % 4 < 2 ? UINT64_C(1) << r % 8 : r & 255;
            bytes[at + k] = (char)(bytes[at + k] ^ (char)bits);
        }
        check_damaged((struct span){bytes, p->dump.len}, i % 16 == 0);
        memcpy(bytes + at, p->dump.p + at, n);
    }
    free(bytes);
}

/* A length or an address that no dump has, at the begin of any record. */
static void hostile_numbers_take_no_memory(void **state)
{
    const struct span numbers[] = {
        SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* 2^64 - 1 */
        SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),     /* 2^63 - 1 */
        SPAN_LIT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), /* 2^63 */
        SPAN_LIT("\xff\xff\xff\xff\x0f"),                     /* 2^32 - 1 */
        SPAN_LIT("\x80\x80\x80\x80\x10"),                     /* 2^32 */
        SPAN_LIT(
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), /* no number */
    };
    enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };
    const struct place *p = *state;
    uint64_t random = 3;
    char *bytes = copy_of(p->dump);
    for (unsigned i = 0; i < N_NUMBERS_PUT; i++) {
        const struct span number = numbers[i % N_NUMBERS];
        const size_t n = number.len;
        const uint64_t record = test_random(&random) % (p->ends.n - 1);
        const size_t at = (size_t)p->ends.items[record] + 1 +
                          (size_t)(test_random(&random) % 16);
        if (at + n > p->dump.len) {
            continue;
        }
        memcpy(bytes + at, number.p, n);
        check_damaged((struct span){bytes, p->dump.len}, i % 16 == 0);
        memcpy(bytes + at, p->dump.p + at, n);
    }
    free(bytes);
}

/* All addresses are those of one object, of their neighbours or of nothing:
   every kind of cycle. */
static void pointers_may_lead_anywhere(void **state)
{
    const struct place *p = *state;
    struct parsed_dump d;
    parsed_read(&d, p->dump);
    uint64_t random = 4;
    for (unsigned kind = 0; kind < 3 * (unsigned)(IS_SANITIZED ? 2 : 20);
         kind++) {
        char *bytes = copy_of(p->dump);
        for (size_t i = 0; i < d.objects.n; i++) {
            const struct parsed_memory *m = &d.objects.items[i];
            for (size_t k = 0; k < m->n_fields; k++) {
                const uint64_t other = kind % 3 == 0 ? 0
                                       : kind % 3 == 1
                                           ? (i + 1) % d.objects.n
                                           : test_random(&random) % d.objects.n;
                const uint64_t to = d.objects.items[other].address;
                const uint64_t at = m->at + d.fields.items[m->first_field + k];
                memcpy(bytes + at, &to, sizeof to);
            }
        }
        check_damaged((struct span){bytes, p->dump.len}, true);
        free(bytes);
    }
    parsed_release(&d);
}

/* Sanitizers keep far more of addresses for themselves. */
static void bound_memory(void)
{
    const struct rlimit bound = {MEMORY_BYTES, MEMORY_BYTES};
    if (!IS_SANITIZED) {
        assert_int_equal(setrlimit(RLIMIT_AS, &bound), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_between_records_keeps_those_before),
        cmocka_unit_test(cut_anywhere_keeps_the_records_before),
        cmocka_unit_test(damaged_anywhere_is_read_or_refused),
        cmocka_unit_test(hostile_numbers_take_no_memory),
        cmocka_unit_test(pointers_may_lead_anywhere),
    };
    bound_memory();
    return cmocka_run_group_tests(tests, open_real, close_real);
}
