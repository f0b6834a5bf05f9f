#include "profiles.h"

static void a_comment_comes_last(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = load_profile(testdata("profiles/drop-frames.pb.gz"));
    const uint32_t n = p->n_comments;
    assert_ok(profile_add_comment(p, SPAN_LIT("built by hand"), &err), &err);
    assert_int_equal(p->n_comments, n + 1);
    assert_string_equal(profile_text(p, p->comments[n]), "built by hand");
    profile_free(p);
}

static void what_is_empty_of_a_mapping_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = load_profile(testdata("profiles/drop-frames.pb.gz"));
    assert_true(p->n_mappings > 0);
    assert_ok(profile_set_mapping(p, 0, SPAN_LIT("/bin/orders"),
                                  SPAN_LIT("abc"), &err),
              &err);
    assert_ok(
        profile_set_mapping(p, 0, (struct span){0}, (struct span){0}, &err),
        &err);
    assert_string_equal(profile_text(p, p->mappings[0].file), "/bin/orders");
    assert_string_equal(profile_text(p, p->mappings[0].build_id), "abc");
    profile_free(p);
}

static void mappings_of_urls_lose_their_names(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"http://host/debug", ""        },
        {"socket:[7]",        ""        },
        {"/bin/a:b",          "/bin/a:b"},
        {"a_b:c",             "a_b:c"   },
        {":c",                ":c"      },
        {"7z:c",              "7z:c"    },
        {"plain",             "plain"   },
    };
    enum { N_FILES = sizeof(files) / sizeof(files[0]) };
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    for (uint64_t i = 0; i < N_FILES; i++) {
        profile_builder_mapping(b, i, i + 1, 0, span_of(files[i][0]),
                                (struct span){0});
    }
    profile_builder_mapping(b, 90, 91, 0, SPAN_LIT("x:y"), SPAN_LIT("id"));
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    profile_forget_urls(p);
    for (size_t i = 0; i < N_FILES; i++) {
        assert_string_equal(profile_text(p, p->mappings[i].file), files[i][1]);
    }
    assert_string_equal(profile_text(p, p->mappings[N_FILES].file), "x:y");
    profile_free(p);
}

static void frames_that_are_kept_are_not_pruned(void **state)
{
    (void)state;
    struct err err = {0};
    struct profile *p = load_profile(testdata("profiles/drop-frames.pb.gz"));
    struct buf before = BUF_LIMIT((size_t)1 << 20);
    struct buf after = BUF_LIMIT((size_t)1 << 20);
    profile_keep_frames(p);
    assert_ok(profile_encode(p, &before, &err), &err);
    assert_ok(profile_prune(p, &err), &err);
    assert_ok(profile_encode(p, &after, &err), &err);
    assert_true(span_eq(buf_view(&before), buf_view(&after)));
    buf_release(&before);
    buf_release(&after);
    profile_free(p);
}

static bool edit(void *ctx, struct err *err)
{
    (void)ctx;
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    if (b == NULL) {
        return err_nomem(err, "builder");
    }
    profile_builder_mapping(b, 1, 2, 3, (struct span){0}, (struct span){0});
    const bool ok =
        profile_builder_finish(b, &p, err) &&
        profile_set_mapping(p, 0, SPAN_LIT("a"), SPAN_LIT("b"), err) &&
        profile_add_comment(p, SPAN_LIT("c"), err);
    profile_free(p);
    return ok;
}

static void running_out_of_memory_is_said(void **state)
{
    (void)state;
    assert_true(oom_walk(edit, NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_comes_last),
        cmocka_unit_test(what_is_empty_of_a_mapping_stays),
        cmocka_unit_test(mappings_of_urls_lose_their_names),
        cmocka_unit_test(frames_that_are_kept_are_not_pruned),
        cmocka_unit_test(running_out_of_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
