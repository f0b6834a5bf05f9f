#include "profiles.h"

static const struct {
    const char *file;
    enum profile_kind kind;
} file_cases[] = {
    {"heap-go1.23",         KIND_HEAP        },
    {"allocs-go1.23",       KIND_ALLOCS      },
    {"goroutine-go1.23-0",  KIND_GOROUTINE   },
    {"block-go1.23",        KIND_BLOCK       },
    {"mutex-go1.23",        KIND_MUTEX       },
    {"cpu-go1.23",          KIND_CPU         },
    {"threadcreate-go1.23", KIND_THREADCREATE},
    {"empty-go1.23",        KIND_HEAP        },
    {"drop-frames",         KIND_HEAP        },
};

static void real_profiles_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(file_cases) / sizeof(file_cases[0]); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "profiles/%s.pb.gz",
                       file_cases[i].file);
        struct profile *p = load_profile(testdata(name));
        assert_string_equal(profile_kind_name(profile_kind(p)),
                            profile_kind_name(file_cases[i].kind));
        profile_free(p);
    }
}

static enum profile_kind kind_of(const char *type, const char *unit,
                                 const char *default_type, const char *leaf)
{
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    if (type != NULL) {
        const int64_t value = 1;
        const struct builder_frame frame = {span_of(leaf), {0}, 0};
        profile_builder_type(b, type, unit);
        const uint32_t loc =
            profile_builder_location(b, 1, PROFILE_NONE, &frame, 1);
        profile_builder_sample(b, &loc, 1, &value, 1, NULL, 0);
    }
    profile_builder_profile(b)->default_type =
        profile_builder_string(b, span_of(default_type));
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    const enum profile_kind kind = profile_kind(p);
    profile_free(p);
    return kind;
}

static void types_decide(void **state)
{
    (void)state;
    assert_int_equal(kind_of(NULL, "", "", ""), KIND_UNKNOWN);
    assert_int_equal(kind_of("inuse_space", "bytes", "", "f"), KIND_HEAP);
    assert_int_equal(kind_of("inuse_space", "bytes", "alloc_space", "f"),
                     KIND_ALLOCS);
    assert_int_equal(kind_of("alloc_space", "bytes", "", "f"), KIND_ALLOCS);
    assert_int_equal(kind_of("inuse_space", "pages", "", "f"), KIND_OTHER);
    assert_int_equal(kind_of("goroutineleak", "count", "", "f"),
                     KIND_GOROUTINELEAK);
    assert_int_equal(kind_of("wall", "nanoseconds", "", "f"), KIND_OTHER);
}

static void who_unlocks_tells_mutex_from_block(void **state)
{
    (void)state;
    static const char *const unlock[] = {
        "sync.(*Mutex).Unlock", "sync.(*RWMutex).RUnlock",
        "internal/sync.(*Mutex).Unlock", "runtime.unlock",
        "runtime._LostContendedRuntimeLock"};
    static const char *const block[] = {"sync.(*Mutex).Lock", "main.Unlock",
                                        "runtime.chanrecv1"};
    for (unsigned i = 0; i < sizeof(unlock) / sizeof(unlock[0]); i++) {
        assert_int_equal(kind_of("contentions", "count", "", unlock[i]),
                         KIND_MUTEX);
    }
    for (unsigned i = 0; i < sizeof(block) / sizeof(block[0]); i++) {
        assert_int_equal(kind_of("contentions", "count", "", block[i]),
                         KIND_BLOCK);
    }
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int k = 0; k < N_PROFILE_KINDS; k++) {
        assert_non_null(profile_kind_name((enum profile_kind)k));
    }
    assert_string_equal(profile_kind_name(KIND_HEAPDUMP), "heapdump");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_profiles_are_named),
        cmocka_unit_test(types_decide),
        cmocka_unit_test(who_unlocks_tells_mutex_from_block),
        cmocka_unit_test(every_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
