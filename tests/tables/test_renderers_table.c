/* Promises about the whole table of output formats. */
#include "report/sample.h"

#include <stdlib.h>

static void names_are_unique_and_found(void **state)
{
    (void)state;
    size_t n;
    const struct renderer *const *all = report_renderers(&n);
    assert_true(n >= 3);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(report_renderer_find(all[i]->name), all[i]);
        assert_true(all[i]->summary && strlen(all[i]->summary) <= 60);
        assert_non_null(strchr(all[i]->media_type, '/'));
    }
    assert_null(report_renderer_find("tex"));
}

enum { N_HUGE = 10000 };

/* Whatever the input was, machines are not handed broken bytes. */
static bool is_utf8(struct span text)
{
    struct buf again = BUF_LIMIT((size_t)512 << 20);
    char *copy = malloc(text.len + 1);
    assert_non_null(copy);
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    plain_utf8(&again, copy);
    const bool same = span_eq(buf_view(&again), text);
    free(copy);
    buf_release(&again);
    return same;
}

static void every_renderer_survives_every_report(void **state)
{
    (void)state;
    size_t n;
    const struct renderer *const *all = report_renderers(&n);
    struct finding *items = calloc(N_HUGE, sizeof(*items));
    assert_non_null(items);
    for (size_t i = 0; i < n; i++) {
        const struct render_options o = {.verbose = true, .color = true};
        struct sample s;
        struct sample_review v;
        struct buf pages[] = {
            sample_render(all[i]->name, sample_empty(&s), o),
            sample_render(all[i]->name, sample_report(&s), o),
            sample_render(all[i]->name, sample_with_table(&s), o),
            sample_render(all[i]->name, sample_hostile(&s), o),
            sample_render(all[i]->name, sample_huge(&s, items, 1), o),
            sample_render(all[i]->name, sample_huge(&s, items, 200), o),
            sample_render(all[i]->name, sample_huge(&s, items, N_HUGE), o),
            sample_render(all[i]->name, sample_reviewed(&v), o),
            sample_render(all[i]->name, sample_hostile_review(&v), o),
        };
        for (size_t k = 0; k < sizeof(pages) / sizeof(pages[0]); k++) {
            assert_true(pages[k].len > 0);
            assert_true(is_utf8(buf_view(&pages[k])));
            assert_int_equal(pages[k].data[pages[k].len - 1], '\n');
            buf_release(&pages[k]);
        }
    }
    free(items);
}

/* The same report gives the same bytes. */
static void rendering_is_deterministic(void **state)
{
    (void)state;
    size_t n;
    const struct renderer *const *all = report_renderers(&n);
    for (size_t i = 0; i < n; i++) {
        const struct render_options o = {0};
        struct sample_review v;
        struct buf a = sample_render(all[i]->name, sample_reviewed(&v), o);
        struct buf b = sample_render(all[i]->name, sample_reviewed(&v), o);
        assert_true(span_eq(buf_view(&a), buf_view(&b)));
        buf_release(&a);
        buf_release(&b);
    }
}

static bool render_again(void *ctx, struct err *err)
{
    const struct renderer *renderer = ctx;
    struct sample_review v;
    struct buf out = BUF_LIMIT((size_t)256 << 20);
    const struct render_options o = {0};
    const bool ok = renderer->render(sample_reviewed(&v), &o, &out, err);
    buf_release(&out);
    return ok;
}

/* Half a report must not look like a whole one. */
static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    size_t n;
    const struct renderer *const *all = report_renderers(&n);
    for (size_t i = 0; i < n; i++) {
        struct renderer copy = *all[i];
        assert_true(oom_walk(render_again, &copy) > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_found),
        cmocka_unit_test(every_renderer_survives_every_report),
        cmocka_unit_test(rendering_is_deterministic),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
