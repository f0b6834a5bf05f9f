/* The formats of pprof that are older than its messages, as a whole: what
   google/pprof makes of them, to the number. */
#include "raw_text.h"

#include <stdio.h>

/* Each has the same name with .raw beside it: what pprof says of it. */
static const char *const samples[] = {
    "cpu-32-little.prof",  "cpu-64-big.prof",     "java-cpu.prof",
    "heap-gperftools.txt", "heap-exact.txt",      "heap-go.txt",
    "growth.txt",          "threadcreate-go.txt", "threadz.txt",
    "contentionz.txt",     "mutex-go.txt",        "java-heap.txt",
    "java-contention.txt",
};
enum { N_SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static const char *sample_path(size_t i, const char *ending)
{
    char name[100];
    (void)snprintf(name, sizeof(name), "legacy/%s%s", samples[i], ending);
    return testdata(name);
}

static void samples_are_read_as_pprof_reads_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        struct buf b = test_read_file(sample_path(i, ""));
        struct buf want = test_read_file(sample_path(i, ".raw"));
        assert_raw(buf_view(&b), buf_view(&want));
        buf_release(&b);
        buf_release(&want);
    }
}

/* google/pprof's own samples, which are not in this repository. */
static const char *const goldens[] = {
    "cppbench.contention",  "cppbench.growth", "cppbench.thread.all",
    "cppbench.thread.none", "go.crc32.cpu",    "gobench.cpu",
    "gobench.heap",
};

static void goldens_of_pprof_agree(void **state)
{
    (void)state;
    if (!test_shared("peer/pprof/legacy")) {
        skip();
    }
    for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
        char name[100];
        (void)snprintf(name, sizeof(name), "peer/pprof/legacy/%s", goldens[i]);
        struct buf b = test_read_file(test_shared(name));
        (void)snprintf(name, sizeof(name), "peer/pprof/legacy/%s.string",
                       goldens[i]);
        struct buf want = test_read_file(test_shared(name));
        assert_raw(buf_view(&b), buf_view(&want));
        buf_release(&b);
        buf_release(&want);
    }
}

struct kind_case {
    const char *name;
    enum profile_kind kind;
    const char *drop, *keep; /* how they begin */
};

static const struct kind_case kind_cases[] = {
    {"cpu-64-big.prof",     KIND_CPU,          "ProfileData::Add|",      ""                },
    {"java-cpu.prof",       KIND_CPU,          "ProfileData::Add|",      ""                },
    {"heap-gperftools.txt", KIND_HEAP,         "calloc|cfree|",          "runtime\\.panic|"},
    {"growth.txt",          KIND_OTHER,        "calloc|cfree|",          "runtime\\.panic|"},
    {"threadz.txt",         KIND_OTHER,        "ProfileData::Add|",      ""                },
    {"threadcreate-go.txt", KIND_THREADCREATE, "ProfileData::Add|",      ""                },
    {"contentionz.txt",     KIND_BLOCK,        "RecordLockProfileData|", ""                },
    {"mutex-go.txt",        KIND_MUTEX,        "RecordLockProfileData|", ""                },
    {"java-heap.txt",       KIND_HEAP,         "calloc|cfree|",          "runtime\\.panic|"},
    {"java-contention.txt", KIND_BLOCK,        "RecordLockProfileData|", ""                },
};

static void kinds_and_frames_to_drop_follow_the_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kind_cases) / sizeof(kind_cases[0]); i++) {
        const struct kind_case *const c = &kind_cases[i];
        char name[100];
        (void)snprintf(name, sizeof(name), "legacy/%s", c->name);
        struct buf b = test_read_file(testdata(name));
        struct snapshot s = snapshot_like_pprof(buf_view(&b));
        const struct profile *const p = s.profile;
        assert_int_equal(s.kind, c->kind);
        assert_true(span_starts(profile_span(p, p->drop_frames), c->drop));
        assert_true(span_starts(profile_span(p, p->keep_frames), c->keep));
        assert_int_equal(p->keep_frames.i != 0, c->keep[0] != '\0');
        snapshot_release(&s);
        buf_release(&b);
    }
}

/* As Go converts: not to the nearest. */
static void estimates_beyond_int64_are_the_smallest_number(void **state)
{
    (void)state;
    assert_raw(SPAN_LIT("heap profile: 1: 1 [1: 1] @ heap_v2/524288\n"
                        "9000000000000000000: 5 [9000000000000000000: 5] @ "
                        "0x47 0x11\n"),
               SPAN_LIT("PeriodType: space bytes\n"
                        "Period: 524288\n"
                        "Samples:\n"
                        "objects/count space/bytes\n"
                        " -9223372036854775808 -9223372036854775808: 1 2 \n"
                        "                bytes:[0]\n"
                        "Locations\n"
                        "     1: 0x46 M=1 \n"
                        "     2: 0x10 M=1 \n"
                        "Mappings\n"
                        "1: 0x0/0xffffffffffffffff/0x0   \n"));
    assert_raw(SPAN_LIT("--- contentionz 1 ---\n"
                        "cycles/second = 1\n"
                        "sampling period = 1000\n"
                        "9000000000000000000 5 @ 0x47\n"),
               SPAN_LIT("PeriodType: contentions count\n"
                        "Period: 1000\n"
                        "Samples:\n"
                        "contentions/count delay/nanoseconds\n"
                        "       5000 -9223372036854775808: 1 \n"
                        "Locations\n"
                        "     1: 0x46 M=1 \n"
                        "Mappings\n"
                        "1: 0x0/0xffffffffffffffff/0x0   \n"));
}

/* drop_frames is written into profiles: each letter counts. */
static void lists_of_frames_have_all_their_names(void **state)
{
    (void)state;
    struct buf b = test_read_file(testdata("legacy/growth.txt"));
    struct snapshot s = snapshot_like_pprof(buf_view(&b));
    const struct profile *const p = s.profile;
    assert_int_equal(profile_span(p, p->drop_frames).len, 737);
    assert_string_equal(profile_text(p, p->keep_frames),
                        "runtime\\.panic|runtime\\.reflectcall|"
                        "runtime\\.call[0-9]*");
    snapshot_release(&s);
    buf_release(&b);
}

/* A series of a directory is read the strict way: none of them is broken. */
static void samples_are_fine_in_a_series_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        struct snapshot s = snapshot_of_file(sample_path(i, ""));
        assert_non_null(s.profile);
        snapshot_release(&s);
    }
}

static bool decode_action(void *ctx, struct err *err)
{
    const struct input_options options = {.is_like_pprof = true};
    const struct buf *const b = ctx;
    struct snapshot s = {0};
    const bool ok = input_decode(buf_view(b), &options, &s, err);
    snapshot_release(&s);
    return ok;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        struct buf b = test_read_file(sample_path(i, ""));
        assert_true(oom_walk(decode_action, &b) > 5);
        buf_release(&b);
    }
    struct buf b = test_read_file(testdata("legacy/symbols.folded"));
    assert_true(oom_walk(decode_action, &b) > 5);
    buf_release(&b);
}

static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        (void)read_every_prefix(sample_path(i, ""), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_read_as_pprof_reads_them),
        cmocka_unit_test(goldens_of_pprof_agree),
        cmocka_unit_test(kinds_and_frames_to_drop_follow_the_format),
        cmocka_unit_test(estimates_beyond_int64_are_the_smallest_number),
        cmocka_unit_test(lists_of_frames_have_all_their_names),
        cmocka_unit_test(samples_are_fine_in_a_series_too),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(every_prefix_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
