/* Runs of real Go programs with a known truth: shared/corpus. */
#include "test.h"

#include "input/input.h"
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* `site` is a culprit of scenario.json; NULL where nothing leaks: `verdict` is
   then the worst that may be said. `rule` is NULL where profiles alone leave
   it open. */
static const struct run {
    const char *scenario, *go;
    enum verdict verdict;
    const char *site, *rule;
} runs[] = {
    {"chanrecv",    "go1.23",         VERDICT_LEAK,   "main.(*Dispatcher).awaitReceipt",
     "goroutine-chan-receive"                                                                           },
    {"chansend",    "go1.23-gc1",     VERDICT_LEAK,   "main.(*Quoter).ask",
     "goroutine-chan-send"                                                                              },
    {"mutexdead",   "go1.19",         VERDICT_LEAK,   "main.(*Warehouse).reserve.func1",
     "goroutine-mutex"                                                                                  },
    {"ticker",      "go1.23",         VERDICT_LEAK,   "main.(*device).beat",             NULL           },
    {"waitgroup",   "go1.23",         VERDICT_LEAK,   "main.closeAfter",
     "goroutine-waitgroup"                                                                              },
    {"mapcache",    "go1.19",         VERDICT_LEAK,
     "acme.dev/accounts/internal/usercache.load",                                        "heap-map-held"},
    {"sliceappend", "go1.23",         VERDICT_LEAK,   "main.newWindow",                  "heap-growth"  },
    {"globalbytes", "go1.23",         VERDICT_LEAK,   "main.encodeAction",               "heap-growth"  },
    {"contexts",    "go1.23-gc1",     VERDICT_LEAK,
     "acme.dev/gateway/internal/session.newData",                                        NULL           },
    {"h_steady",    "go1.23",         VERDICT_CLEAN,  NULL,                              NULL           },
    {"h_lru",       "go1.23-migrate", VERDICT_CLEAN,  NULL,                              NULL           },
    {"h_warmup",    "go1.23",         VERDICT_GROWTH, NULL,                              NULL           },
    {"h_burst",     "go1.23",         VERDICT_CLEAN,  NULL,                              NULL           },
};

static void add_file(struct series *s, const struct run *r, const char *file)
{
    char relative[256];
    struct err err = {0};
    struct snapshot snap = {0};
    (void)snprintf(relative, sizeof relative, "corpus/%s/%s/%s", r->scenario,
                   r->go, file);
    const char *path = test_shared(relative);
    if (!path) {
        return;
    }
    struct buf b = test_read_file(path);
    assert_ok(input_decode(buf_view(&b), NULL, &snap, &err), &err);
    snap.source = file;
    assert_ok(series_add(s, &snap, &err), &err);
    snapshot_release(&snap);
    buf_release(&b);
}

static struct findings judged(const struct run *r)
{
    static const char *const evidence[] = {"00.goroutine.debug2.txt.gz",
                                           "09.goroutine.debug2.txt.gz"};
    struct err err = {0};
    struct findings f;
    struct series *s = series_new(NULL);
    char file[64];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(file, sizeof file, "%02d.heap.pb.gz", i);
        add_file(s, r, file);
        (void)snprintf(file, sizeof file, "%02d.goroutine.pb.gz", i);
        add_file(s, r, file);
    }
    for (size_t i = 0; i < N_OF(evidence); i++) {
        add_file(s, r, evidence[i]);
    }
    assert_ok(series_finish(s, &err), &err);
    assert_true(series_n_points(s, PLANE_GOROUTINE) == 10);
    assert_ok(rules_judge(s, NULL, &f, &err), &err);
    series_free(s);
    return f;
}

/* The corpus itself says so, in scenario.json. */
static void assert_culprit(const struct run *r)
{
    char text[256];
    (void)snprintf(text, sizeof text, "corpus/%s/scenario.json", r->scenario);
    struct buf b = test_read_file(test_shared(text));
    (void)snprintf(text, sizeof text, "\"%s\"", r->site);
    assert_non_null(strstr(b.data, text));
    buf_release(&b);
}

static size_t n_strong(const struct findings *f)
{
    size_t n = 0;
    while (n < f->n && f->items[n].grade >= GRADE_STRONG) {
        n++;
    }
    return n;
}

static void the_verdict_is_the_labelled_one(void **state)
{
    const struct run *r = *state;
    if (!test_shared("corpus/README.md")) {
        print_message("%s: no shared corpus here (SEEP_SHARED)\n", r->scenario);
        skip();
    }
    struct findings f = judged(r);
    for (size_t i = 0; i < f.n; i++) {
        print_message("  %s %s %s\n", grade_name(f.items[i].grade),
                      f.items[i].rule->id, f.items[i].site.function);
    }
    assert_int_equal(n_strong(&f), r->site ? 1 : 0);
    assert_true(f.verdict <= r->verdict);
    if (r->site) {
        assert_culprit(r);
        assert_string_equal(f.items[0].site.function, r->site);
        if (r->rule) {
            assert_string_equal(f.items[0].rule->id, r->rule);
        }
    }
    findings_release(&f);
}

int main(void)
{
    struct CMUnitTest tests[N_OF(runs)];
    for (size_t i = 0; i < N_OF(runs); i++) {
        tests[i] =
            (struct CMUnitTest){.name = runs[i].scenario,
                                .test_func = the_verdict_is_the_labelled_one,
                                .initial_state = (void *)(uintptr_t)&runs[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
