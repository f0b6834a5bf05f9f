/* Runs of real Go programs with a known truth: shared/corpus. */
#include "test.h"

#include "input/input.h"
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* `rule` is NULL where profiles alone leave open which fits. The worst that may
   be said of what does not leak is `verdict`. */
static const struct run {
    const char *scenario, *go;
    enum verdict verdict;
    const char *rule;
} runs[] = {
    {"chanrecv",    "go1.23",         VERDICT_LEAK,   "goroutine-chan-receive"},
    {"chansend",    "go1.23-gc1",     VERDICT_LEAK,   "goroutine-chan-send"   },
    {"mutexdead",   "go1.19",         VERDICT_LEAK,   "goroutine-mutex"       },
    {"ticker",      "go1.23",         VERDICT_LEAK,   NULL                    },
    {"waitgroup",   "go1.23",         VERDICT_LEAK,   "goroutine-waitgroup"   },
    {"mapcache",    "go1.19",         VERDICT_LEAK,   "heap-map-held"         },
    {"sliceappend", "go1.23",         VERDICT_LEAK,   NULL                    },
    {"globalbytes", "go1.23",         VERDICT_LEAK,   NULL                    },
    {"contexts",    "go1.23-gc1",     VERDICT_LEAK,   NULL                    },
    {"h_steady",    "go1.23",         VERDICT_CLEAN,  NULL                    },
    {"h_lru",       "go1.23-migrate", VERDICT_CLEAN,  NULL                    },
    {"h_warmup",    "go1.23",         VERDICT_GROWTH, NULL                    },
    {"h_burst",     "go1.23",         VERDICT_CLEAN,  NULL                    },
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

/* Is the function in the list "culprit" of scenario.json? */
static bool is_culprit(const struct run *r, const char *function)
{
    char text[256];
    (void)snprintf(text, sizeof text, "corpus/%s/scenario.json", r->scenario);
    struct buf b = test_read_file(test_shared(text));
    (void)snprintf(text, sizeof text, "\"%s\"", function);
    const char *list = strstr(b.data, "\"culprit\": [");
    const char *end = list ? strchr(list, ']') : NULL;
    const char *hit = list ? strstr(list, text) : NULL;
    const bool is_listed = hit && end && hit < end;
    buf_release(&b);
    return is_listed;
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
    assert_true(f.verdict <= r->verdict);
    assert_int_equal(n_strong(&f), r->verdict == VERDICT_LEAK);
    if (r->verdict == VERDICT_LEAK) {
        assert_true(is_culprit(r, f.items[0].site.function));
    }
    if (r->rule) {
        assert_string_equal(f.items[0].rule->id, r->rule);
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
                                .initial_state = test_case(&runs[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
