#include "heap/graph_support.h"
#include "test.h"

#include "heap/heap.h"

#include <stdlib.h>

/* --- graphs that are known --- */

enum { KNOWN_MAX = 400, KNOWN_EDGES = 6, KNOWN_SIZES = 7 };

struct known_object {
    uint64_t address, bytes;
    unsigned n_edges;
    unsigned to[KNOWN_EDGES]; /* KNOWN_MAX: nil */
    uint64_t inside[KNOWN_EDGES];
};

struct known {
    unsigned n;
    struct known_object objects[KNOWN_MAX];
    unsigned order[KNOWN_MAX]; /* of writing */
};

static unsigned below(uint64_t *state, unsigned n)
{
    return (unsigned)(test_random(state) % n);
}

/* Spans of one to four pages with holes, each of one size. */
static void make_known(struct known *k, uint64_t *state)
{
    static const uint64_t sizes[KNOWN_SIZES] = {48,   64,    112,  576,
                                                1024, 10240, 32768};
    uint64_t page = FIXTURE_ARENA;
    k->n = 0;
    const unsigned n = 1 + below(state, KNOWN_MAX);
    while (k->n < n) {
        const uint64_t bytes = sizes[below(state, KNOWN_SIZES)];
        const uint64_t end = page + 8192 * (1 + below(state, 3) + bytes / 8192);
        for (uint64_t at = page; at + bytes <= end && k->n < n; at += bytes) {
            if (below(state, 3) > 0) {
                k->order[k->n] = k->n;
                k->objects[k->n++] =
                    (struct known_object){.address = at, .bytes = bytes};
            }
        }
        page = end + 8192 * (uint64_t)below(state, 2);
    }
}

static void connect(struct known *k, uint64_t *state)
{
    for (unsigned i = 0; i < k->n; i++) {
        struct known_object *o = &k->objects[i];
        o->n_edges = below(state, KNOWN_EDGES + 1);
        for (unsigned e = 0; e < o->n_edges; e++) {
            o->to[e] = below(state, 4) > 0 ? below(state, k->n) : KNOWN_MAX;
            if (o->to[e] != KNOWN_MAX) {
                o->inside[e] = test_random(state) % k->objects[o->to[e]].bytes;
            }
        }
    }
}

/* Whole spans change places; with `breaks_runs` single objects do. */
static void shuffle(struct known *k, bool breaks_runs, uint64_t *state)
{
    if (breaks_runs) {
        for (unsigned i = k->n; i > 1; i--) {
            const unsigned j = below(state, i);
            const unsigned swapped = k->order[i - 1];
            k->order[i - 1] = k->order[j];
            k->order[j] = swapped;
        }
        return;
    }
    const unsigned cut = below(state, k->n);
    for (unsigned i = 0; i < k->n; i++) {
        k->order[i] = (i + cut) % k->n;
    }
}

static void write_known(const struct known *k, struct fixture *f)
{
    for (unsigned i = 0; i < k->n; i++) {
        const struct known_object *o = &k->objects[k->order[i]];
        uint64_t words[KNOWN_EDGES] = {0};
        for (unsigned e = 0; e < o->n_edges; e++) {
            if (o->to[e] != KNOWN_MAX) {
                words[e] = k->objects[o->to[e]].address + o->inside[e];
            }
        }
        fixture_object(f, o->address, o->bytes, words, o->n_edges);
    }
    const uint64_t bss[] = {k->objects[0].address};
    fixture_segment(f, true, bss, 1);
}

static unsigned count_reached(const struct known *k)
{
    static bool is_seen[KNOWN_MAX];
    static unsigned todo[KNOWN_MAX];
    memset(is_seen, 0, sizeof is_seen);
    unsigned n_todo = 1;
    unsigned n = 1;
    todo[0] = 0;
    is_seen[0] = true;
    while (n_todo > 0) {
        const struct known_object *o = &k->objects[todo[--n_todo]];
        for (unsigned e = 0; e < o->n_edges; e++) {
            if (o->to[e] != KNOWN_MAX && !is_seen[o->to[e]]) {
                is_seen[o->to[e]] = true;
                todo[n_todo++] = o->to[e];
                n++;
            }
        }
    }
    return n;
}

static void check_known(const struct known *k, const struct heap_graph *g)
{
    assert_int_equal(heap_n_objects(g), k->n);
    uint64_t n_interior = 0;
    for (unsigned i = 0; i < k->n; i++) {
        const struct known_object *o = &k->objects[i];
        const object_id id = {i};
        assert_int_equal(heap_object_address(g, id), o->address);
        assert_int_equal(heap_object_bytes(g, id), o->bytes);
        uint64_t n = 0;
        const object_id *to = heap_edges(g, id, &n);
        unsigned n_wanted = 0;
        for (unsigned e = 0; e < o->n_edges; e++) {
            if (o->to[e] != KNOWN_MAX) {
                assert_true(n_wanted < n);
                assert_int_equal(to[n_wanted++].i, o->to[e]);
                n_interior += o->inside[e] != 0;
            }
        }
        assert_int_equal(n, n_wanted);
    }
    const struct heap_about *a = heap_graph_about(g);
    assert_int_equal(a->n_interior, n_interior);
    assert_int_equal(a->n_reachable, count_reached(k));
    assert_int_equal(a->n_overlapping, 0);
    assert_int_equal(a->n_dangling, 0);
}

static void graphs_are_read_as_they_were_written(void **state)
{
    (void)state;
    static struct known k;
    uint64_t random = 7;
    for (unsigned run = 0; run < 300; run++) {
        struct fixture f;
        fixture_begin(&f, run % 2 != 0, run % 4 > 1, "go1.21.0");
        make_known(&k, &random);
        connect(&k, &random);
        shuffle(&k, run % 3 == 0, &random);
        write_known(&k, &f);
        struct heap_graph *g = build(fixture_end(&f));
        check_known(&k, g);
        check_whole(g);
        heap_graph_free(g);
        fixture_release(&f);
    }
}

static void objects_within_others_are_left_out(void **state)
{
    (void)state;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.21.0");
    fixture_object(&f, FIXTURE_ARENA, 64, NULL, 0);
    fixture_object(&f, FIXTURE_ARENA + 64, 64, NULL, 0);
    fixture_object(&f, FIXTURE_ARENA + 32, 16, NULL, 0);
    fixture_object(&f, FIXTURE_ARENA + 64, 64, NULL, 0);
    fixture_object(&f, FIXTURE_ARENA + 256, 64, NULL, 0);
    struct heap_graph *g = build(fixture_end(&f));
    assert_int_equal(heap_n_objects(g), 3);
    assert_int_equal(heap_graph_about(g)->n_overlapping, 2);
    check_whole(g);
    heap_graph_free(g);
    fixture_release(&f);
}

/* Addresses too far apart for a table of pages. */
static void objects_may_be_far_apart(void **state)
{
    (void)state;
    struct test_collector out = TEST_COLLECTOR;
    const struct sink sink = test_collect(&out);
    struct dump_writer *w = dump_writer_new(&sink);
    assert_non_null(w);
    const struct heap_params p = {
        false, 8, 0x2000, UINT64_MAX, SPAN_LIT("amd64"), SPAN_LIT("go1.9"), 1};
    dump_writer_params(w, &p);
    for (unsigned i = 0; i < 50; i++) {
        const uint64_t step = UINT64_C(1) << 58;
        dump_writer_object(w, 0x2000 + step * (i % 50), 16);
        dump_writer_word(w, 0x2000 + step * ((i + 1) % 50) + 8);
        dump_writer_word(w, 0x2000 + step * ((i + 1) % 50) + 16);
        dump_writer_field(w, 0);
        dump_writer_field(w, 8);
        dump_writer_close(w);
    }
    struct err err = {0};
    assert_ok(dump_writer_end(w, &err), &err);
    dump_writer_free(w);
    struct heap_graph *g = build((struct span){out.bytes.data, out.bytes.len});
    assert_int_equal(heap_n_objects(g), 50);
    assert_int_equal(heap_graph_about(g)->n_edges, 50);
    assert_int_equal(heap_graph_about(g)->n_dangling, 50);
    assert_int_equal(heap_graph_about(g)->n_to_lost, 50);
    check_whole(g);
    heap_graph_free(g);
    buf_release(&out.bytes);
}

/* --- what Go invents --- */

struct tail_case {
    const char *name, *build;
    bool is_32_bit;
    uint64_t bytes;
    unsigned n_scan, n_plain; /* slots that are objects */
};

static const struct tail_case tails[] = {
    {"no_tails_before_bitmaps",           "go1.21.9",                false, 32,  256,  256 },
    {"16_bytes_with_bitmap",              "go1.22.1",                false, 16,  504,  512 },
    {"24_bytes_with_bitmap",              "go1.23.5",                false, 24,  336,  341 },
    {"48_bytes_with_bitmap",              "devel go1.24-0a1b2c3",    false, 48,  168,  170 },
    {"512_bytes_with_bitmap",             "go1.24",                  false, 512, 15,   16  },
    {"576_bytes_have_no_bitmap",          "go1.23.5",                false, 576, 14,   14  },
    {"32_bit_bitmaps_are_twice_as_large", "go1.23.5",                true,  64,  124,  128 },
    {"32_bit_bitmaps_end_at_128",         "go1.23.5",                true,  144, 56,   56  },
    {"16_bytes_with_green_tea",           "go1.26.0",                false, 16,  496,  504 },
    {"512_bytes_with_green_tea",          "go1.26.0",                false, 512, 15,   15  },
    {"green_tea_by_experiment",           "go1.25.1 X:greenteagc",   false, 16,  496,  504 },
    {"no_green_tea_by_experiment",        "go1.26.0-X:nogreenteagc", false, 16,  504,
     512                                                                                   },
    {"8_bytes_have_no_marks",             "go1.26.0",                false, 8,   1008, 1024},
};

/* A page of which only `n_live` slots and those from `first_tail` on are. */
static void write_page(struct fixture *f, uint64_t page, uint64_t bytes,
                       unsigned n_live, bool has_pointers, unsigned first_tail)
{
    const unsigned n = (unsigned)(8192 / bytes);
    const uint64_t word[] = {FIXTURE_ARENA + 0x100000};
    for (unsigned i = 0; i < n; i++) {
        if (i < n_live) {
            fixture_object(f, page + i * bytes, bytes, word,
                           has_pointers ? 1 : 0);
        } else if (i >= first_tail) {
            fixture_object(f, page + i * bytes, bytes, NULL, 0);
        }
    }
}

static void tail_is_dropped(void **state)
{
    const struct tail_case *c = *state;
    const unsigned n = (unsigned)(8192 / c->bytes);
    const uint64_t page = FIXTURE_ARENA + 0x10000;
    struct fixture f;
    fixture_begin(&f, c->is_32_bit, false, c->build);
    write_page(&f, page, c->bytes, 3, true, c->n_scan);
    write_page(&f, page + 8192, c->bytes, c->n_scan, true, c->n_scan);
    write_page(&f, page + 16384, c->bytes, c->n_plain, false, c->n_plain);
    struct heap_graph *g = build(fixture_end(&f));
    const struct heap_about *a = heap_graph_about(g);
    const unsigned n_tails = 2 * (n - c->n_scan) + (n - c->n_plain);
    assert_int_equal(a->n_invented, n_tails);
    assert_int_equal(a->invented_bytes, n_tails * c->bytes);
    assert_int_equal(a->n_objects, 3 + c->n_scan + c->n_plain);
    assert_int_equal(heap_n_objects(g), a->n_objects);
    assert_int_equal(a->object_bytes, a->n_objects * c->bytes);
    check_whole(g);
    heap_graph_free(g);
    fixture_release(&f);
}

/* Of the first page only what is invented is there, and the run that begins
   with it goes on behind. */
static void page_of_nothing_but_marks_begins_no_run(void **state)
{
    (void)state;
    const uint64_t page = FIXTURE_ARENA + 0x10000;
    struct fixture f;
    fixture_begin(&f, false, false, "go1.26.8");
    write_page(&f, page, 16, 0, false, 504);
    write_page(&f, page + 8192, 16, 5, false, 504);
    struct heap_graph *g = build(fixture_end(&f));
    assert_int_equal(heap_n_objects(g), 5);
    assert_int_equal(heap_object_address(g, (object_id){0}), page + 8192);
    assert_int_equal(heap_graph_about(g)->n_invented, 16);
    check_whole(g);
    heap_graph_free(g);
    fixture_release(&f);
}

/* A page where all but the tail is free may be of either kind. */
static void lonely_tail_is_judged_by_what_points_to_it(void **state)
{
    (void)state;
    const uint64_t page = FIXTURE_ARENA + 0x10000;
    for (unsigned is_held = 0; is_held < 2; is_held++) {
        struct fixture f;
        fixture_begin(&f, false, false, "go1.23.5");
        write_page(&f, page, 512, 0, false, 15);
        const uint64_t bss[] = {is_held ? page + UINT64_C(15) * 512 : 0};
        fixture_segment(&f, true, bss, 1);
        struct heap_graph *g = build(fixture_end(&f));
        const struct heap_about *a = heap_graph_about(g);
        assert_int_equal(a->n_objects, is_held);
        assert_int_equal(a->object_bytes, is_held * 512);
        assert_int_equal(a->n_invented, 1 - is_held);
        assert_int_equal(a->n_reachable, is_held);
        heap_graph_free(g);
        fixture_release(&f);
    }
}

static void tail_with_pointers_is_no_bitmap(void **state)
{
    (void)state;
    const uint64_t word[] = {FIXTURE_ARENA};
    struct fixture f;
    fixture_begin(&f, false, false, "go1.23.5");
    fixture_object(&f, FIXTURE_ARENA, 512, word, 1);
    fixture_object(&f, FIXTURE_ARENA + 15 * 512, 512, word, 1);
    struct heap_graph *g = build(fixture_end(&f));
    assert_int_equal(heap_n_objects(g), 2);
    heap_graph_free(g);
    fixture_release(&f);
}

/* Since 1.26 the bitmap of one-word objects says that it is pointers too. */
static void bitmap_of_ones_is_dropped_in_spite_of_pointers(void **state)
{
    (void)state;
    const uint64_t word[] = {FIXTURE_ARENA};
    const uint64_t ones[] = {UINT64_MAX};
    struct fixture f;
    fixture_begin(&f, false, false, "go1.26.8");
    fixture_object(&f, FIXTURE_ARENA, 8, word, 1);
    for (unsigned i = 1008; i < 1024; i++) {
        fixture_object(&f, FIXTURE_ARENA + 8 * i, 8, ones, 1);
    }
    struct heap_graph *g = build(fixture_end(&f));
    assert_int_equal(heap_n_objects(g), 1);
    assert_int_equal(heap_graph_about(g)->n_invented, 16);
    heap_graph_free(g);
    fixture_release(&f);
}

/* --- limits --- */

static void memory_has_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = fixture_all(&f, false, false);
    const struct heap_graph_options o = {.memory_limit_bytes = 1000};
    struct heap_graph *g = NULL;
    struct err err = {0};
    assert_false(heap_graph_build(dump, &o, &g, &err));
    assert_err(&err, ERR_LIMIT,
               "heap dump needs more than 1000 bytes of memory");
    assert_null(g);
    fixture_release(&f);
}

static void count_progress(void *ctx, const char *what, double share)
{
    unsigned *n = ctx;
    assert_non_null(what);
    assert_true(share >= 0 && share <= 1);
    (*n)++;
}

static void progress_is_told_and_stop_is_heard(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = fixture_all(&f, false, false);
    unsigned n = 0;
    volatile int stop = 0;
    const struct heap_graph_options o = {
        .progress = count_progress, .progress_ctx = &n, .stop = &stop};
    heap_graph_free(build_with(dump, &o));
    assert_true(n > 2);
    stop = 1;
    struct heap_graph *g = NULL;
    struct err err = {0};
    assert_false(heap_graph_build(dump, &o, &g, &err));
    assert_err(&err, ERR_INTERRUPTED, "heap dump: interrupted");
    fixture_release(&f);
}

static bool build_fixture(void *ctx, struct err *err)
{
    const struct span *dump = ctx;
    const struct heap_graph_options o = {0};
    struct heap_graph *g = NULL;
    const bool ok = heap_graph_build(*dump, &o, &g, err);
    heap_graph_free(g);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct span dump = fixture_all(&f, false, false);
    assert_true(oom_walk(build_fixture, &dump) > 10);
    fixture_release(&f);
}

static void cut_and_flipped_dumps_give_whole_graphs(void **state)
{
    (void)state;
    struct fixture f;
    const struct span dump = fixture_all(&f, false, false);
    const struct heap_graph_options o = {.memory_limit_bytes = 1 << 24};
    for (size_t n = 16; n < 9 * dump.len; n++) {
        const size_t len = n < dump.len ? n : dump.len;
        char *bytes = malloc(len);
        assert_non_null(bytes);
        memcpy(bytes, dump.p, len);
        if (n >= dump.len) { /* bits, from the end of the magic on */
            const size_t bit = n - dump.len;
            bytes[bit / 8] =
                (char)(bytes[bit / 8] ^ (bit < 128 ? 0 : 1) << bit % 8);
        }
        struct heap_graph *g = NULL;
        struct err err = {0};
        if (heap_graph_build((struct span){bytes, len}, &o, &g, &err)) {
            check_whole(g);
        } else {
            assert_true(err.code == ERR_FORMAT || err.code == ERR_LIMIT);
        }
        heap_graph_free(g);
        free(bytes);
    }
    fixture_release(&f);
}

static void no_record_at_all_is_an_error(void **state)
{
    (void)state;
    const struct heap_graph_options o = {0};
    struct heap_graph *g = NULL;
    struct err err = {0};
    assert_false(heap_graph_build(SPAN_LIT(HEAP_MAGIC), &o, &g, &err));
    assert_err(&err, ERR_FORMAT, "heap dump without a record");
}

/* --- dumps of real programs --- */

static const char *const real[] = {
    "corpus/mapcache/heapdump-go1.23/start.heapdump.zst",
    "corpus/mapcache/heapdump-go1.23/end.heapdump.zst",
    "corpus/mapcache/heapdump-go1.23/late100s.heapdump.zst",
    "corpus/chanrecv/heapdump-go1.23/end.heapdump.zst",
};

/* What the runtime counts is what is left when the invented is dropped. Part
   of it is garbage already: the programs went on after their collection. */
static void objects_are_those_that_the_runtime_counted(void **state)
{
    const char *path = test_shared(*state);
    if (!path) {
        skip();
    }
    struct err err = {0};
    struct dump_file *file = NULL;
    assert_ok(dump_file_open(path, "/tmp", 1 << 30, &file, &err), &err);
    struct heap_graph *g = build(dump_file_bytes(file));
    const struct heap_about *a = heap_graph_about(g);
    print_message("%u objects, %llu bytes (%llu invented); reached %u, %llu; "
                  "MemStats %llu, %llu\n",
                  a->n_objects, (unsigned long long)a->object_bytes,
                  (unsigned long long)a->n_invented, a->n_reachable,
                  (unsigned long long)a->reachable_bytes,
                  (unsigned long long)a->memstats->heap_objects,
                  (unsigned long long)a->memstats->heap_alloc);
    const double objects = (double)a->memstats->heap_objects;
    const double bytes = (double)a->memstats->heap_alloc;
    assert_true(a->n_objects < 1.0001 * objects);
    assert_true(a->n_objects > 0.9999 * objects);
    assert_true((double)a->object_bytes < 1.0001 * bytes);
    assert_true((double)a->object_bytes > 0.9999 * bytes);
    assert_true((double)a->reachable_bytes > 0.8 * bytes);
    assert_int_equal(a->n_overlapping, 0);
    assert_int_equal(a->condition.n_damaged, 0);
    check_whole(g);
    heap_graph_free(g);
    dump_file_close(file);
}

int main(void)
{
    enum {
        N_TAILS = sizeof tails / sizeof tails[0],
        N_REAL = sizeof real / sizeof real[0]
    };
    struct CMUnitTest table[N_TAILS + N_REAL];
    for (size_t i = 0; i < N_TAILS; i++) {
        table[i] = (struct CMUnitTest){.name = tails[i].name,
                                       .test_func = tail_is_dropped,
                                       .initial_state = test_case(&tails[i])};
    }
    for (size_t i = 0; i < N_REAL; i++) {
        table[N_TAILS + i] = (struct CMUnitTest){
            .name = real[i],
            .test_func = objects_are_those_that_the_runtime_counted,
            .initial_state = test_case(real[i])};
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_are_read_as_they_were_written),
        cmocka_unit_test(objects_within_others_are_left_out),
        cmocka_unit_test(objects_may_be_far_apart),
        cmocka_unit_test(page_of_nothing_but_marks_begins_no_run),
        cmocka_unit_test(lonely_tail_is_judged_by_what_points_to_it),
        cmocka_unit_test(tail_with_pointers_is_no_bitmap),
        cmocka_unit_test(bitmap_of_ones_is_dropped_in_spite_of_pointers),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(progress_is_told_and_stop_is_heard),
        cmocka_unit_test(running_out_of_memory_is_an_error),
        cmocka_unit_test(cut_and_flipped_dumps_give_whole_graphs),
        cmocka_unit_test(no_record_at_all_is_an_error),
    };
    const int failed = cmocka_run_group_tests_name("tables", table, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL) + failed;
}
