/* What a series leaves behind, and how the next run finds it. */
#include "test.h"

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/collected.c"
#include "../../cmd/fetch_manifest.c"
#include "../../cmd/fetch_past.c"
#include "../../cmd/fetch_plan.c"
#include "../../cmd/fetch_profiles.c"
/* NOLINTEND(bugprone-suspicious-include) */

struct place {
    char directory[64];
    struct fetch_plan plan;
    struct fetch_manifest *m;
    struct err err;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    const struct fetch_options o = {
        .directory = "d", .debug = FETCH_DEBUG_UNSAID, .count = 4};
    assert_non_null(p);
    (void)snprintf(p->directory, sizeof(p->directory),
                   "test_fetch_manifest.XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    assert_ok(
        fetch_plan_make(&o, "http://u:p@h/?token=sesame", &p->plan, &p->err),
        &p->err);
    *state = p;
    return 0;
}

static const char *in_place(const struct place *p, const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    return path;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    struct fetch_listing files = {0};
    fetch_manifest_free(p->m);
    assert_ok(fetch_list(p->directory, &files, &p->err), &p->err);
    for (size_t i = 0; i < files.n; i++) {
        unlink(files.paths[i]);
    }
    fetch_listing_release(&files);
    assert_int_equal(rmdir(p->directory), 0);
    fetch_plan_release(&p->plan);
    free(p);
    return 0;
}

static void put(const struct place *p, const char *name, const char *text)
{
    FILE *f = fopen(in_place(p, name), "wb");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    assert_int_equal(fclose(f), 0);
}

static void add(const struct place *p, const char *text)
{
    FILE *f = fopen(in_place(p, FETCH_MANIFEST_NAME), "ab");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    assert_int_equal(fclose(f), 0);
}

static bool open_it(struct place *p, bool resume)
{
    fetch_manifest_free(p->m);
    p->m = NULL;
    err_clear(&p->err);
    return fetch_manifest_open(p->directory, resume, &p->m, &p->err);
}

static void begin(struct place *p, bool resume)
{
    assert_ok(open_it(p, resume), &p->err);
    const struct fetch_begun *begun = fetch_manifest_begun(p->m);
    assert_int_equal(begun != NULL, resume);
    if (resume) {
        assert_ok(fetch_plan_resume(&p->plan, begun, &p->err), &p->err);
    }
    assert_ok(fetch_manifest_begin(p->m, &p->plan, 0, &p->err), &p->err);
}

static void save(struct place *p, uint64_t nth, size_t i)
{
    struct buf name = BUF_LIMIT(100);
    fetch_plan_file(&p->plan, i, nth, &name);
    put(p, name.data, "12345");
    const struct fetch_saved s = {.file = name.data,
                                  .profile = p->plan.names[i],
                                  .nth = nth,
                                  .n_bytes = 5};
    assert_ok(fetch_manifest_saved(p->m, &s, &p->err), &p->err);
    buf_release(&name);
}

/* "0:3 1:1 2:missed" */
static void assert_moments(const struct place *p, const char *want)
{
    const struct fetch_moments *all = fetch_manifest_moments(p->m);
    struct buf is = BUF_LIMIT(1000);
    for (size_t i = 0; i < all->n; i++) {
        const struct fetch_moment *m = &all->items[i];
        buf_printf(&is, "%s%u:", i > 0 ? " " : "", (unsigned)m->nth);
        if (m->is_missed) {
            buf_str(&is, "missed");
        } else {
            buf_printf(&is, "%u", (unsigned)m->saved);
        }
    }
    assert_string_equal(is.data != NULL ? is.data : "", want);
    buf_release(&is);
}

static void a_series_goes_on_where_it_was(void **state)
{
    struct place *p = *state;
    begin(p, false);
    assert_moments(p, "");
    save(p, 0, 0);
    save(p, 0, 1);
    assert_ok(fetch_manifest_missed(p->m, 1, "heap", "broken", "why \"not\"", 0,
                                    &p->err),
              &p->err);
    save(p, 2, 0);
    assert_ok(fetch_manifest_ended(p->m, "interrupted", 1, 1, 0, &p->err),
              &p->err);
    begin(p, true);
    assert_moments(p, "0:3 1:missed 2:1");
}

static void a_line_in_pieces_is_cut_off(void **state)
{
    struct place *p = *state;
    begin(p, false);
    save(p, 0, 0);
    add(p, "{\"file\":\"00.gor");
    begin(p, true);
    save(p, 0, 1);
    begin(p, true);
    assert_moments(p, "0:3");
}

static void a_file_whose_line_is_missing_is_found(void **state)
{
    struct place *p = *state;
    begin(p, false);
    save(p, 0, 0);
    put(p, "00.goroutine.pb.gz", "1234567");
    put(p, "01.heap.txt", "of another kind");
    put(p, "notes", "");
    begin(p, true);
    assert_moments(p, "0:3");
    struct buf text = test_read_file(in_place(p, FETCH_MANIFEST_NAME));
    assert_true(span_has(buf_view(&text),
                         "{\"file\":\"00.goroutine.pb.gz\",\"snapshot\":0,"));
    assert_true(span_has(buf_view(&text), "\"bytes\":7,"));
    buf_release(&text);
    begin(p, true);
    assert_moments(p, "0:3");
}

static void a_file_that_is_gone_or_cut_does_not_count(void **state)
{
    struct place *p = *state;
    begin(p, false);
    save(p, 0, 0);
    save(p, 0, 1);
    save(p, 1, 0);
    save(p, 1, 1);
    unlink(in_place(p, "00.heap.pb.gz"));
    put(p, "01.goroutine.pb.gz", "1");
    begin(p, true);
    assert_moments(p, "0:2 1:1");
}

static void what_a_process_has_not_is_not_waited_for(void **state)
{
    struct place *p = *state;
    begin(p, false);
    save(p, 0, 0);
    assert_ok(fetch_manifest_absent(p->m, "goroutine", 0, &p->err), &p->err);
    begin(p, true);
    assert_int_equal(p->plan.n, 1);
    assert_moments(p, "0:1");
}

static void one_run_at_a_time(void **state)
{
    struct place *p = *state;
    struct fetch_manifest *second = NULL;
    struct err err = {0};
    char want[200];
    begin(p, false);
    save(p, 0, 0);
    assert_false(fetch_manifest_open(p->directory, true, &second, &err));
    (void)snprintf(want, sizeof(want), "another seep fetch is saving into %s",
                   p->directory);
    assert_err(&err, ERR_USAGE, want);
    assert_false(fetch_manifest_open(p->directory, false, &second, &err));
}

static void what_is_no_manifest_is_left_as_it_is(void **state)
{
    static const char *const texts[] = {
        "{\"name\":\"x\"}\n",
        "[]\n",
        "no JSON\n",
        "{\"schema\":\"seep/snapshots/2\"}\n",
        "{\"schema\":\"seep/snapshots/1\",\"target\":\"x\",\"profiles\":[]}\n",
    };
    struct place *p = *state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put(p, FETCH_MANIFEST_NAME, texts[i]);
        assert_false(open_it(p, i % 2 == 0));
        assert_int_equal(p->err.code, ERR_FORMAT);
        struct buf text = test_read_file(in_place(p, FETCH_MANIFEST_NAME));
        assert_string_equal(text.data, texts[i]);
        buf_release(&text);
    }
}

static void nothing_secret_is_written(void **state)
{
    struct place *p = *state;
    begin(p, false);
    struct buf text = test_read_file(in_place(p, FETCH_MANIFEST_NAME));
    assert_true(span_has(buf_view(&text), "\"target\":\"http://h/debug/"));
    assert_false(span_has(buf_view(&text), "sesame"));
    assert_false(span_has(buf_view(&text), "u:p"));
    buf_release(&text);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
    struct place *p = *state;
    begin(p, false);
    assert_ok(fetch_manifest_missed(p->m, 0, "heap", "server-error",
                                    "a\xff\n\"b", 0, &p->err),
              &p->err);
    struct buf text = test_read_file(in_place(p, FETCH_MANIFEST_NAME));
    assert_true(span_has(buf_view(&text), "\"why\":\"a?\\n\\\"b\"}\n"));
    buf_release(&text);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Is the file of this name known to show what a collection left? */
static bool is_collected(struct place *p, const char *name)
{
    bool is = false;
    struct collected *c = collected_new();
    assert_non_null(c);
    assert_ok(collected_find(c, in_place(p, name), &is, &p->err), &p->err);
    collected_free(c);
    return is;
}

static void a_manifest_says_what_was_collected(void **state)
{
    struct place *p = *state;
    put(p, "00.heap.pb.gz", "12345");
    assert_false(is_collected(p, "00.heap.pb.gz")); /* no manifest */
    begin(p, false);
    save(p, 0, 0);
    save(p, 0, 1);
    save(p, 1, 0);
    assert_true(is_collected(p, "00.heap.pb.gz"));
    assert_true(is_collected(p, "01.heap.pb.gz"));
    /* ?gc=1 is of the heap profile alone. */
    assert_false(is_collected(p, "00.goroutine.pb.gz"));
    put(p, "01.heap.pb.gz", "another");
    assert_false(is_collected(p, "01.heap.pb.gz"));
    put(p, "02.heap.pb.gz", "12345"); /* has no line */
    assert_false(is_collected(p, "02.heap.pb.gz"));
    add(p, "{\"file\":\"02.heap"); /* a run was killed here */
    assert_true(is_collected(p, "00.heap.pb.gz"));
    put(p, FETCH_MANIFEST_NAME, "some notes\n");
    assert_false(is_collected(p, "00.heap.pb.gz"));
}

static void without_gc_nothing_was_collected(void **state)
{
    struct place *p = *state;
    p->plan.collects = false;
    begin(p, false);
    save(p, 0, 0);
    assert_false(is_collected(p, "00.heap.pb.gz"));
}

int main(void)
{
    const struct CMUnitTest rows[] = {
        ROW(a_series_goes_on_where_it_was),
        ROW(a_line_in_pieces_is_cut_off),
        ROW(a_file_whose_line_is_missing_is_found),
        ROW(a_file_that_is_gone_or_cut_does_not_count),
        ROW(what_a_process_has_not_is_not_waited_for),
        ROW(one_run_at_a_time),
        ROW(what_is_no_manifest_is_left_as_it_is),
        ROW(nothing_secret_is_written),
        ROW(bytes_that_are_no_text_are_replaced),
        ROW(a_manifest_says_what_was_collected),
        ROW(without_gc_nothing_was_collected),
    };
    return cmocka_run_group_tests(rows, NULL, NULL);
}
