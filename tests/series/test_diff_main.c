/* Two programs of one kit, and one program under two names. */
#include "test.h"

#include "series/series.h"

#include <stdio.h>
#include <string.h>

enum { PERIOD = 512 << 10, FUNCTIONS_MAX = 4 };

struct binary {
    const char *path, *folder; /* of the sources of main; NULL not said */
    const char *functions[FUNCTIONS_MAX];
};

static uint32_t location(struct profile_builder *b, const char *function,
                         const char *folder)
{
    char file[64];
    (void)snprintf(file, sizeof(file), "%s%s", folder ? folder : "",
                   folder ? "/x.go" : "x.go");
    const struct builder_frame f = {span_of(function), span_of(file), 7};
    return profile_builder_location(b, 0, PROFILE_NONE, &f, 1);
}

static struct profile *heap(const struct binary *of)
{
    static const int64_t values[] = {20, 20 << 20, 20, 20 << 20};
    struct profile_builder *b = profile_builder_new();
    struct profile *p = NULL;
    struct err err = {0};
    profile_builder_mapping(b, 1, 2, 0, span_of(of->path), span_of(of->path));
    profile_builder_type(b, "alloc_objects", "count");
    profile_builder_type(b, "alloc_space", "bytes");
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", PERIOD);
    const uint32_t entry = location(b, "main.main", of->folder);
    const uint32_t kit[] = {location(b, "acme.dev/kit.Run", "kit"), entry};
    profile_builder_sample(b, kit, 2, values, 4, NULL, 0);
    for (size_t i = 0; i < FUNCTIONS_MAX && of->functions[i]; i++) {
        const uint32_t locs[] = {location(b, of->functions[i], of->folder),
                                 entry};
        profile_builder_sample(b, locs, 2, values, 4, NULL, 0);
    }
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static void add(struct series_diff *d, enum diff_side side,
                const struct binary *of)
{
    struct err err = {0};
    struct snapshot s = {.source = "x", .kind = KIND_HEAP, .profile = heap(of)};
    assert_ok(series_diff_add(d, side, &s, &err), &err);
    snapshot_release(&s);
}

static const char two_programs[] =
    "base is of mail, head of shop, and their packages main share no function: "
    "two programs; --force compares anyway";
static const char a_note[] = "base is of mail, head of shop";

/* What is said of them: an error, a warning, or the note. Lives as long as the
   diff. */
static const char *verdict(struct series_diff *d, const struct binary *base,
                           const struct binary *head, bool forced,
                           struct err *err)
{
    size_t n = 0;
    add(d, DIFF_BASE, base);
    add(d, DIFF_HEAD, head);
    if (!series_diff_finish(d, forced, err)) {
        return err->text;
    }
    const char *const *notes = series_diff_notes(d, &n);
    for (size_t i = 0; !series_diff_warning(d) && i < n; i++) {
        if (strcmp(notes[i], a_note) == 0) {
            return a_note;
        }
    }
    return series_diff_warning(d) ? series_diff_warning(d) : "nothing";
}

static const struct binary mail = {
    "/bin/mail", "/src/cmd/mail", {"main.(*queue).push", "acme.dev/kit.Log"}
};

static const struct {
    const char *why;
    struct binary head;
    const char *said;
} cases[] = {
    {"another main",
     {"/bin/shop", "/src/cmd/shop", {"main.(*cart).add", "acme.dev/kit.Log"}},
     two_programs},
    {"closures of main.main say nothing",
     {"/bin/shop",
      "/src/cmd/shop",
      {"main.(*cart).add", "acme.dev/kit.Log", "main.main.func1"}},
     two_programs},
    {"a function of main is left",
     {"/bin/shop", "/src/cmd/shop", {"main.(*queue).push", "main.audit"}},
     a_note      },
    {"a closure of one is left",
     {"/bin/shop",
      "/src/cmd/shop",
      {"main.(*queue).push.func2", "acme.dev/kit.Log"}},
     a_note      },
    {"all renamed, in the same folder",
     {"/bin/shop", "/head/cmd/mail", {"main.(*box).push", "acme.dev/kit.Log"}},
     a_note      },
    {"no folders are known",
     {"/bin/shop", NULL, {"main.(*cart).add", "acme.dev/kit.Log"}},
     a_note      },
    {"nothing of main is seen",
     {"/bin/shop", "/src/cmd/shop", {"acme.dev/kit.Log"}},
     a_note      },
};

static void main_tells_programs_of_one_kit_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct series_diff *d = series_diff_new(NULL);
        struct err err = {0};
        const char *said = verdict(d, &mail, &cases[i].head, false, &err);
        if (strcmp(said, cases[i].said) != 0) {
            fail_msg("%s: %s", cases[i].why, said);
        }
        series_diff_free(d);
    }
}

/* A program that is installed from the cache of modules. */
static void another_version_is_the_same_program(void **state)
{
    (void)state;
    static const struct binary old = {
        "/bin/mail", "/mod/mail@v1.1.0", {"main.(*queue).push"}};
    static const struct binary new = {
        "/bin/shop", "/mod/mail@v1.2.0", {"main.put"}};
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    assert_string_equal(verdict(d, &old, &new, false, &err), a_note);
    series_diff_free(d);
}

static bool carts_were_queues(void *ctx, const struct diff_frame *f,
                              enum diff_naming *out, struct buf *old,
                              struct err *err)
{
    (void)ctx;
    (void)err;
    if (strcmp(f->function, "main.(*cart).add") == 0) {
        *out = DIFF_NAME_CHANGED;
        buf_str(old, "main.(*queue).push");
    }
    return true;
}

/* A change that gives the program another name, and its functions. */
static void functions_that_were_renamed_are_shared(void **state)
{
    (void)state;
    const struct diff_changes changes = {NULL, carts_were_queues};
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    series_diff_set_changes(d, &changes);
    assert_string_equal(verdict(d, &mail, &cases[0].head, false, &err), a_note);
    series_diff_free(d);
}

static void who_forces_it_is_warned(void **state)
{
    (void)state;
    struct series_diff *d = series_diff_new(NULL);
    struct err err = {0};
    assert_string_equal(verdict(d, &mail, &cases[0].head, true, &err),
                        "WARNING: two programs: base is of mail, head of shop");
    series_diff_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_tells_programs_of_one_kit_apart),
        cmocka_unit_test(another_version_is_the_same_program),
        cmocka_unit_test(functions_that_were_renamed_are_shared),
        cmocka_unit_test(who_forces_it_is_warned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
