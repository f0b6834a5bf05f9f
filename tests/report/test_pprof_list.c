/*
 * -list against a few files that exist in a table only: which lines are
 * shown, how sources are found, what is said when they are not.
 */
#include "made_profile.h"

/* --- Files --- */

struct made_file {
    const char *path;
    const char *text;   /* NULL: cannot be read */
    const char *reason; /* why not */
};

struct made_files {
    const struct made_file *files;
    size_t n;
    size_t n_reads;
    struct buf asked; /* a line for each path */
};

static bool read_made(void *ctx, const char *path, struct buf *out)
{
    struct made_files *all = ctx;
    all->n_reads++;
    buf_str(&all->asked, path);
    buf_char(&all->asked, '\n');
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->files[i].path, path) == 0) {
            const struct made_file *f = &all->files[i];
            buf_str(out, f->text ? f->text : f->reason);
            return f->text != NULL;
        }
    }
    return false;
}

struct listing {
    const struct made_sample *samples;
    size_t n_samples;
    const char *pattern;
    const char *source_path, *trim_path;
    struct made_files files;
};

static bool list(struct listing *l, struct profile *p, struct buf *out,
                 struct err *err)
{
    struct pprof_options o = made_options(p, 0);
    l->files.asked = BUF_LIMIT(1u << 20);
    o.symbol_text = span_of(l->pattern);
    o.source_path = span_of(l->source_path);
    o.trim_path = span_of(l->trim_path);
    o.world = (struct pprof_world){.ctx = &l->files,
                                   .read_file = read_made,
                                   .directory = SPAN_LIT("/home/here")};
    profile_aggregate(p, KEEP_INLINES | KEEP_FUNCTION | KEEP_FILE | KEEP_LINE);
    const bool ok = regex_new(o.symbol_text, &o.symbol, err) &&
                    pprof_report_find(SPAN_LIT("list"))->print(p, &o, out, err);
    regex_free(o.symbol);
    return ok;
}

static void assert_list(struct listing *l, const char *want)
{
    struct profile *p = made_profile("n/count", l->samples, l->n_samples);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(list(l, p, &out, &err), &err);
    assert_text(&out, want);
    buf_release(&out);
    buf_release(&l->files.asked);
    profile_free(p);
}

#define FILES(table)                                                           \
    {                                                                          \
        .files = (table), .n = sizeof(table) / sizeof((table)[0])              \
    }

static const struct made_file twelve_lines[] = {
    {"/src/w.go", "1\n2\n3\n4\r\n5\n6\n7\n8\n9\n10\n11\n12", NULL},
};

/* --- Lines --- */

static const struct made_sample two_lines[] = {
    {.stack = "main@/src/m.go:3;work@/src/w.go:6",                  .values = {300}},
    {.stack = "main@/src/m.go:3;work@/src/w.go:7;leaf@/src/l.go:1",
     .values = {100}                                                               },
};

static void lines_around_samples_are_shown(void **state)
{
    (void)state;
    struct listing l = {two_lines, 2, "^work$", .files = FILES(twelve_lines)};
    assert_list(&l, "Total: 400\n"
                    "ROUTINE ======================== work in /src/w.go\n"
                    "       300        400 (flat, cum)   100% of Total\n"
                    "         .          .      1:1\n"
                    "         .          .      2:2\n"
                    "         .          .      3:3\n"
                    "         .          .      4:4\n"
                    "         .          .      5:5\n"
                    "       300        300      6:6\n"
                    "         .        100      7:7\n"
                    "         .          .      8:8\n"
                    "         .          .      9:9\n"
                    "         .          .     10:10\n"
                    "         .          .     11:11\n"
                    "         .          .     12:12\n");
}

static void a_function_is_shown_from_where_it_begins(void **state)
{
    (void)state;
    struct listing l = {two_lines, 1, "^work$", .files = FILES(twelve_lines)};
    struct profile *p = made_profile("n/count", l.samples, l.n_samples);
    for (uint32_t i = 0; i < p->n_functions; i++) {
        p->functions[i].start_line = 5;
    }
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(list(&l, p, &out, &err), &err);
    assert_text(&out, "Total: 300\n"
                      "ROUTINE ======================== work in /src/w.go\n"
                      "       300        300 (flat, cum)   100% of Total\n"
                      "         .          .      5:5\n"
                      "       300        300      6:6\n"
                      "         .          .      7:7\n"
                      "         .          .      8:8\n"
                      "         .          .      9:9\n"
                      "         .          .     10:10\n"
                      "         .          .     11:11\n");
    buf_release(&out);
    buf_release(&l.files.asked);
    profile_free(p);
}

static void functions_are_ordered_and_a_file_is_read_once(void **state)
{
    (void)state;
    static const struct made_sample s[] = {
        {.stack = "b@/src/x.go:1", .values = {1}},
        {.stack = "c@/src/x.go:1", .values = {1}},
        {.stack = "a@/src/x.go:1", .values = {1}},
        {.stack = "a@/src/w.go:1", .values = {1}},
    };
    static const struct made_file files[] = {
        {"/src/x.go", "x\n", NULL},
        {"/src/w.go", "w\n", NULL}
    };
    struct listing l = {s, 4, ".", .files = FILES(files)};
    assert_list(&l, "Total: 4\n"
                    "ROUTINE ======================== a in /src/w.go\n"
                    "         1          1 (flat, cum) 25.00% of Total\n"
                    "         1          1      1:w\n"
                    "ROUTINE ======================== a in /src/x.go\n"
                    "         1          1 (flat, cum) 25.00% of Total\n"
                    "         1          1      1:x\n"
                    "ROUTINE ======================== b in /src/x.go\n"
                    "         1          1 (flat, cum) 25.00% of Total\n"
                    "         1          1      1:x\n"
                    "ROUTINE ======================== c in /src/x.go\n"
                    "         1          1 (flat, cum) 25.00% of Total\n"
                    "         1          1      1:x\n");
    assert_int_equal(l.files.n_reads, 2);
}

/* Go's Scanner takes no longer ones, and ends there without an error. */
static void a_line_too_long_ends_the_file(void **state)
{
    (void)state;
    static char text[3 + 65536 + 1];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "a\n", 2);
    text[2 + 65535] = '\n';
    text[2 + 65536] = '\0';
    const struct made_file files[] = {
        {"/src/w.go", text, NULL}
    };
    static const struct made_sample s[] = {
        {.stack = "f@/src/w.go:1", .values = {1}}
    };
    struct listing fits = {s, 1, "f", .files = FILES(files)};
    struct profile *p = made_profile("n/count", s, 1);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(list(&fits, p, &out, &err), &err);
    assert_true(out.len > 65536);
    buf_release(&out);
    buf_release(&fits.files.asked);
    profile_free(p);
    text[2 + 65535] = 'x';
    struct listing l = {s, 1, "f", .files = FILES(files)};
    assert_list(&l, "Total: 1\n"
                    "ROUTINE ======================== f in /src/w.go\n"
                    "         1          1 (flat, cum)   100% of Total\n"
                    "         1          1      1:a\n");
}

/* --- Finding sources --- */

static const struct made_sample relative[] = {
    {.stack = "f@pkg/w.go:1", .values = {1}}
};

static void relative_files_are_looked_for_upwards(void **state)
{
    (void)state;
    static const struct made_file files[] = {
        {"/home/pkg/w.go", "text", NULL}
    };
    struct listing l = {relative, 1, "f", .files = FILES(files)};
    struct profile *p = made_profile("n/count", relative, 1);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(list(&l, p, &out, &err), &err);
    assert_text(&l.files.asked, "/home/here/pkg/w.go\n/home/pkg/w.go\n");
    assert_true(span_ends(buf_view(&out), "     1:text\n"));
    buf_release(&out);
    buf_release(&l.files.asked);
    profile_free(p);
}

static void each_directory_of_the_source_path_is_tried(void **state)
{
    (void)state;
    struct listing l = {relative, 1, "f", .source_path = "/a/b/:rel:"};
    struct profile *p = made_profile("n/count", relative, 1);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_ok(list(&l, p, &out, &err), &err);
    assert_text(&l.files.asked, "/a/b/pkg/w.go\n/a/b/pkg/w.go\n/a/pkg/w.go\n"
                                "/pkg/w.go\nrel/pkg/w.go\npkg/w.go\n"
                                "pkg/w.go\npkg/w.go\n");
    assert_text(&out, "Total: 1\n"
                      "ROUTINE ======================== f in pkg/w.go\n"
                      "         1          1 (flat, cum)   100% of Total\n"
                      " Error: could not find file pkg/w.go on path "
                      "/a/b/:rel:\n");
    buf_release(&out);
    buf_release(&l.files.asked);
    profile_free(p);
}

static void trimmed_paths_are_relative(void **state)
{
    (void)state;
    static const struct made_sample s[] = {
        {.stack = "f@/build/pkg/w.go:1", .values = {1}}
    };
    static const struct made_file files[] = {
        {"/mine/pkg/w.go", "text", NULL}
    };
    struct listing l = {s,
                        1,
                        "f",
                        .source_path = "/mine",
                        .trim_path = "/build",
                        .files = FILES(files)};
    assert_list(&l, "Total: 1\n"
                    "ROUTINE ======================== f in pkg/w.go\n"
                    "         1          1 (flat, cum)   100% of Total\n"
                    "         1          1      1:text\n");
}

static void absolute_files_say_why_they_cannot_be_read(void **state)
{
    (void)state;
    static const struct made_sample s[] = {
        {.stack = "a@/no/w.go:1",     .values = {1}},
        {.stack = "b@/closed/w.go:1", .values = {1}},
        {.stack = "c@/folder:1",      .values = {1}},
    };
    static const struct made_file files[] = {
        {"/closed/w.go", NULL, "permission denied"},
        {"/folder",      NULL, "is a directory"   },
    };
    struct listing l = {s, 3, ".", .files = FILES(files)};
    assert_list(&l, "Total: 3\n"
                    "ROUTINE ======================== a in /no/w.go\n"
                    "         1          1 (flat, cum) 33.33% of Total\n"
                    " Error: open /no/w.go: no such file or directory\n"
                    "ROUTINE ======================== b in /closed/w.go\n"
                    "         1          1 (flat, cum) 33.33% of Total\n"
                    " Error: open /closed/w.go: permission denied\n"
                    "ROUTINE ======================== c in /folder\n"
                    "         1          1 (flat, cum) 33.33% of Total\n");
}

static void functions_without_a_file_say_so(void **state)
{
    (void)state;
    static const struct made_sample s[] = {
        {.stack = "f", .values = {1}}
    };
    struct listing l = {.samples = s, .n_samples = 1, .pattern = "f"};
    assert_list(&l, "Total: 1\nNo source information for f\n");
}

/* Lines that no file can have. */
static void hostile_lines_are_no_lines(void **state)
{
    (void)state;
    static const struct made_sample s[] = {
        {.stack = "f@/src/w.go:9223372036854775807",  .values = {1}},
        {.stack = "g@/src/w.go:-9223372036854775807", .values = {1}},
    };
    struct listing l = {s, 2, ".", .files = FILES(twelve_lines)};
    assert_list(&l, "Total: 2\n"
                    "ROUTINE ======================== f in /src/w.go\n"
                    "         1          1 (flat, cum) 50.00% of Total\n"
                    "ROUTINE ======================== g in /src/w.go\n"
                    "         1          1 (flat, cum) 50.00% of Total\n");
}

/* --- Errors --- */

static void nothing_that_matches_is_an_error(void **state)
{
    (void)state;
    struct listing l = {
        .samples = two_lines, .n_samples = 2, .pattern = "no[tx]hing"};
    struct profile *p = made_profile("n/count", two_lines, 2);
    struct buf out = BUF_LIMIT(1u << 20);
    struct err err = {0};
    assert_false(list(&l, p, &out, &err));
    assert_err(&err, ERR_USAGE, "no matches found for regexp: no[tx]hing");
    buf_release(&out);
    profile_free(p);
}

/* Everything but the profile and the pattern is made anew. */
struct one_list {
    struct profile *p;
    struct pprof_options options;
};

static bool read_one(void *ctx, const char *path, struct buf *out)
{
    (void)ctx;
    buf_str(out, "one\ntwo\n");
    return strstr(path, "here") == NULL;
}

static bool list_one(void *ctx, struct err *err)
{
    const struct one_list *one = ctx;
    struct buf out = BUF_LIMIT(1u << 20);
    const bool ok = pprof_report_find(SPAN_LIT("list"))
                        ->print(one->p, &one->options, &out, err);
    buf_release(&out);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct one_list one = {.p = made_profile("n/count", relative, 1)};
    one.options = made_options(one.p, 0);
    one.options.world.read_file = read_one;
    one.options.world.directory = SPAN_LIT("/home/here");
    assert_true(oom_walk(list_one, &one) > 5);
    profile_free(one.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_around_samples_are_shown),
        cmocka_unit_test(a_function_is_shown_from_where_it_begins),
        cmocka_unit_test(functions_are_ordered_and_a_file_is_read_once),
        cmocka_unit_test(a_line_too_long_ends_the_file),
        cmocka_unit_test(relative_files_are_looked_for_upwards),
        cmocka_unit_test(each_directory_of_the_source_path_is_tried),
        cmocka_unit_test(trimmed_paths_are_relative),
        cmocka_unit_test(absolute_files_say_why_they_cannot_be_read),
        cmocka_unit_test(functions_without_a_file_say_so),
        cmocka_unit_test(hostile_lines_are_no_lines),
        cmocka_unit_test(nothing_that_matches_is_an_error),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
