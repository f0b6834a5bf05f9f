/*
 * What a watch costs beyond fetching and decoding, and what it keeps: for a
 * simulated service, snapshot by snapshot, the process CPU time of the step
 * into the history, of the series made from it and of its judgement; then the
 * bytes kept. Then the store's bytes.
 *
 *   bench_history [SCENARIO [MOMENTS [BACKGROUND]]]   steady 200 500
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profile/profile.h"
#include "rules/rules.h"
#include "series/series.h"
#include "sim/sim.h"

enum { MOMENTS = 200, BACKGROUND = 500, JUDGED_FROM = 24, SHOWN = 4 };

struct clock {
    double total, least, most;
    size_t n;
};

struct bench {
    struct sim_world *world;
    struct stack_table *table;
    struct history *history;
    struct rules_memory *memory;
    struct clock heap, goroutine, add, series, judge;
    size_t encoded, encoded_goroutine, samples;
    uint64_t n_findings;
};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void lap(struct clock *c, double start)
{
    const double us = now_us() - start;
    c->total += us;
    c->most = us > c->most ? us : c->most;
    c->least = c->n == 0 || us < c->least ? us : c->least;
    c->n++;
}

static void show(const char *what, const struct clock *c)
{
    if (c->n > 0) {
        printf("  %-24s us: %8.1f least %8.1f mean %8.1f most (%zu)\n", what,
               c->least, c->total / (double)c->n, c->most, c->n);
    }
}

static void forget(struct bench *b)
{
    struct clock *all[] = {&b->heap, &b->goroutine, &b->add, &b->series,
                           &b->judge};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i] = (struct clock){0};
    }
}

/* A profile as it comes over the wire: encoded and decoded again. */
static bool take(struct bench *b, enum sim_profile which, struct clock *c,
                 struct series_point *out, struct err *err)
{
    struct buf bytes = BUF_LIMIT((size_t)1 << 28);
    struct profile *p = NULL;
    bool ok = sim_profile_write(b->world, which, 0, &bytes, err) &&
              profile_decode(buf_view(&bytes), &p, err);
    if (ok) {
        const struct snapshot snap = {.source = "x",
                                      .kind = profile_kind(p),
                                      .form = FORM_PROTO,
                                      .time_nanos = p->time_nanos,
                                      .profile = p};
        b->samples = which == SIM_HEAP ? p->n_samples : b->samples;
        const double start = now_us();
        ok = series_point_of(b->table, &snap, out, err);
        lap(c, start);
    }
    profile_free(p);
    buf_release(&bytes);
    return ok;
}

static bool measure_encoding(const struct series_point *p, size_t *bytes,
                             struct err *err)
{
    struct buf out = BUF_LIMIT((size_t)1 << 28);
    const bool ok = series_point_encode(p, NULL, &out, err);
    *bytes = out.len;
    buf_release(&out);
    return ok;
}

static bool judge(struct bench *b, struct err *err)
{
    struct series *s = NULL;
    struct findings found = {0};
    const struct rules_options options = {.memory = b->memory};
    double start = now_us();
    bool ok = history_series(b->history, b->table, NULL, &s, err);
    lap(&b->series, start);
    start = now_us();
    ok = ok && rules_judge(s, &options, &found, err);
    lap(&b->judge, start);
    b->n_findings = found.n;
    findings_release(&found);
    series_free(s);
    return ok;
}

static bool moment(struct bench *b, unsigned i, struct err *err)
{
    struct series_point p[2] = {{0}};
    enum history_event event;
    bool ok =
        sim_world_run(b->world, (int64_t)(i + 1) * 60 * SIM_SECOND, err) &&
        sim_world_collect(b->world, err) &&
        take(b, SIM_HEAP, &b->heap, &p[0], err) &&
        take(b, SIM_GOROUTINE, &b->goroutine, &p[1], err);
    const double start = now_us();
    ok = ok && history_add(b->history, b->table, p, 2, &event, err);
    lap(&b->add, start);
    ok = ok && measure_encoding(&p[0], &b->encoded, err) &&
         measure_encoding(&p[1], &b->encoded_goroutine, err);
    series_point_release(&p[0]);
    series_point_release(&p[1]);
    if (ok && i + 1 >= JUDGED_FROM) {
        ok = judge(b, err);
    }
    return ok;
}

static void report(const struct bench *b, unsigned i)
{
    const struct history_about a = history_about(b->history);
    const uint32_t rows = stack_table_n_rows(b->table);
    printf("%u moments: %u kept, stride %u, %zu samples of heap, %u rows, "
           "%llu findings\n",
           i, a.n_kept, a.stride, b->samples, rows,
           (unsigned long long)b->n_findings);
    show("heap: snapshot to point", &b->heap);
    show("goroutine: the same", &b->goroutine);
    show("step of the history", &b->add);
    show("series of the history", &b->series);
    show("judgement", &b->judge);
    printf("  history %zu bytes, %.1f a row; table %zu bytes, %.1f a row; "
           "stored heap %zu, goroutine %zu bytes\n",
           a.bytes, (double)a.bytes / rows, stack_table_bytes(b->table),
           (double)stack_table_bytes(b->table) / rows, b->encoded,
           b->encoded_goroutine);
}

static bool run(struct bench *b, unsigned n, struct err *err)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < n; i++) {
        ok = moment(b, i, err);
        if (ok && (i == 0 || i + 1 == JUDGED_FROM || i + 1 == n / SHOWN ||
                   i + 1 == n)) {
            report(b, i + 1);
            forget(b);
        }
    }
    return ok;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = sim_scenario_find(argc > 1 ? argv[1] : "steady");
    const unsigned n =
        argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : (unsigned)MOMENTS;
    o.n_background =
        argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : (unsigned)BACKGROUND;
    o.n_snapshots = n;
    struct bench b = {.table = stack_table_new(),
                      .history = history_new(0),
                      .memory = rules_memory_new()};
    const bool ok = o.scenario && b.table && b.history && b.memory &&
                    sim_world_new(&o, &b.world, &err) && run(&b, n, &err);
    if (!ok) {
        fprintf(stderr, "bench_history: %s\n", err.text);
    }
    sim_world_free(b.world);
    rules_memory_free(b.memory);
    history_free(b.history);
    stack_table_free(b.table);
    return ok ? 0 : 1;
}
