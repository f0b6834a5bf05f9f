/*
 * The figures are of the whole, so their number does not grow with the fleet;
 * single leaks are named up to a bound, the gravest first, and single targets,
 * in the order in which they joined: who is named stays so. Names come from
 * profiles and targets, so they are made UTF-8 and escaped.
 */
#include "watch/exposition.h"

#include "base/sort.h"
#include "report/report.h"
#include "watch/watcher_private.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

enum { LEAKS_MAX = 200, TARGETS_MAX = 200, LABEL_BYTES_MAX = 64 << 10 };

/* --- the format --- */

static void family(struct buf *out, const char *name, const char *type,
                   const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *type,
                   const char *help, double value)
{
    family(out, name, type, help);
    buf_printf(out, "%s %.17g\n", name, value);
}

static void label(struct buf *out, const char *name, const char *value)
{
    struct buf clean = BUF_LIMIT(LABEL_BYTES_MAX);
    plain_utf8(&clean, value);
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < clean.len; i++) {
        switch (clean.data[i]) {
        case '\\':
            buf_str(out, "\\\\");
            break;
        case '"':
            buf_str(out, "\\\"");
            break;
        case '\n':
            buf_str(out, "\\n");
            break;
        default:
            buf_char(out, clean.data[i]);
        }
    }
    buf_char(out, '"');
    out->failed_memory |= clean.failed_memory;
    buf_release(&clean);
}

static void histogram(struct buf *out, const char *name, const char *help,
                      const uint64_t *buckets, double sum)
{
    family(out, name, "histogram", help);
    unsigned long long n = 0;
    for (size_t i = 0; i < WATCH_BUCKETS - 1; i++) {
        n += buckets[i];
        buf_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name,
                   watch_bucket_seconds[i], n);
    }
    n += buckets[WATCH_BUCKETS - 1];
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, n);
    buf_printf(out, "%s_sum %.17g\n%s_count %llu\n", name, sum, name, n);
}

/* --- tables --- */

static void fetches(const struct watch_counts *c, struct buf *out)
{
    family(out, "seep_fetches_total", "counter",
           "Requests by what became of them.");
    for (size_t i = 0; i < FETCH_N_FAILURES; i++) {
        buf_str(out, "seep_fetches_total{");
        label(out, "result", fetch_failure_name((enum fetch_failure)i));
        buf_printf(out, "} %llu\n", (unsigned long long)c->n_requests[i]);
    }
}

static void grades(const struct watch_counts *c, struct buf *out)
{
    family(out, "seep_findings", "gauge", "Findings now open, by grade.");
    for (size_t i = 0; i < N_GRADES; i++) {
        buf_str(out, "seep_findings{");
        label(out, "grade", grade_name((enum grade)i));
        buf_printf(out, "} %llu\n", (unsigned long long)c->n_findings[i]);
    }
}

/* --- single leaks --- */

struct leak {
    const struct watched *t;
    const struct finding *f;
};
VEC_TYPE(leak_vec, struct leak)

static int compare_leaks(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct leak *a = pa;
    const struct leak *b = pb;
    if (a->f->grade != b->f->grade) {
        return a->f->grade > b->f->grade ? -1 : 1;
    }
    const double ra = a->f->rank_bytes_per_hour;
    const double rb = b->f->rank_bytes_per_hour;
    if (ra < rb || ra > rb) {
        return ra > rb ? -1 : 1;
    }
    const int names = strcmp(a->t->target.shown, b->t->target.shown);
    return names != 0 ? names : strcmp(a->f->id, b->f->id);
}

static bool gather_leaks(const struct watcher *w, struct leak_vec *out)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct watched *t = w->items[i];
        for (size_t k = 0; !t->is_gone && k < t->findings.n; k++) {
            const struct finding *f = &t->findings.items[k];
            if (f->grade >= GRADE_SUSPECT && isfinite(f->rank_bytes_per_hour) &&
                !leak_vec_push(out, (struct leak){t, f})) {
                return false;
            }
        }
    }
    sort_items(out->items, out->n, sizeof(struct leak), compare_leaks, NULL);
    return true;
}

static void leaks(const struct watcher *w, struct buf *out)
{
    struct leak_vec all = {0};
    if (!gather_leaks(w, &all)) {
        out->failed_memory = true;
    }
    const size_t n = all.n < LEAKS_MAX ? all.n : LEAKS_MAX;
    family(out, "seep_leak_bytes_per_hour", "gauge",
           "Growth by each leak of grade suspect or above, at least.");
    for (size_t i = 0; i < n; i++) {
        const struct finding *f = all.items[i].f;
        buf_str(out, "seep_leak_bytes_per_hour{");
        label(out, "target", all.items[i].t->target.shown);
        buf_char(out, ',');
        label(out, "function", f->has_site ? f->site.function : "");
        buf_char(out, ',');
        label(out, "rule", f->rule->id);
        buf_char(out, ',');
        label(out, "id", f->id);
        buf_printf(out, "} %.17g\n", f->rank_bytes_per_hour);
    }
    single(out, "seep_leaks_left_out", "gauge",
           "Leaks not named above, for their number.", (double)(all.n - n));
    leak_vec_release(&all);
}

/* --- single targets --- */

/* NAN: nothing is known of it yet. */
static double is_up(const struct watched *t)
{
    return t->n_moments + t->n_missed == 0 ? NAN : t->is_failing ? 0 : 1;
}

static double last_seconds(const struct watched *t)
{
    return t->last_nanos > 0 ? (double)t->last_nanos / 1e9 : NAN;
}

static double heap_of(const struct watched *t)
{
    return t->heap_bytes;
}

static double goroutines_of(const struct watched *t)
{
    return t->goroutines;
}

static double grade_of(const struct watched *t)
{
    return t->has_findings ? (double)judging_grade(t) : NAN;
}

static const struct target_gauge {
    const char *name, *help;
    double (*of)(const struct watched *t);
} target_gauges[] = {
    {"seep_target_up",                              "Did the target give a snapshot when last asked.",
     is_up                                                                                                          },
    {"seep_target_last_snapshot_timestamp_seconds",
     "When it last did, since 1970.",                                                                  last_seconds },
    {"seep_target_heap_bytes",                      "Bytes in use of that snapshot.",                  heap_of      },
    {"seep_target_goroutines",                      "Goroutines of that snapshot.",                    goroutines_of},
    {"seep_target_grade",
     "Of its gravest finding: 0 none or info, 1 growth, 2 suspect, 3 strong, "
     "4 proven.",                                                                                      grade_of     },
};

static void target_gauge(const struct watcher *w, const struct target_gauge *g,
                         struct buf *out)
{
    size_t n = 0;
    family(out, g->name, "gauge", g->help);
    for (size_t i = 0; i < w->n && n < TARGETS_MAX; i++) {
        const struct watched *t = w->items[i];
        n += t->is_gone ? 0 : 1;
        const double value = t->is_gone ? NAN : g->of(t);
        if (isfinite(value)) {
            buf_printf(out, "%s{", g->name);
            label(out, "target", t->target.shown);
            buf_printf(out, "} %.17g\n", value);
        }
    }
}

static void targets(const struct watcher *w, struct buf *out)
{
    const size_t n = sizeof(target_gauges) / sizeof(target_gauges[0]);
    for (size_t i = 0; i < n; i++) {
        target_gauge(w, &target_gauges[i], out);
    }
    const uint32_t n_all = w->counts.n_targets;
    single(out, "seep_targets_left_out", "gauge",
           "Targets not named above, for their number.",
           (double)(n_all > TARGETS_MAX ? n_all - TARGETS_MAX : 0));
}

/* --- all of it --- */

static void work(const struct watch_counts *c, struct buf *out)
{
    single(out, "seep_snapshots_total", "counter",
           "Sets of snapshots that were taken.", (double)c->n_moments);
    single(out, "seep_snapshots_missed_total", "counter",
           "Sets of which nothing came.", (double)c->n_missed);
    single(out, "seep_snapshots_skipped_total", "counter",
           "Ticks dropped because the one before still ran.",
           (double)c->n_skipped);
    single(out, "seep_snapshots_unstored_total", "counter",
           "Sets that the store did not take.", (double)c->n_unstored);
    single(out, "seep_retries_total", "counter", "Requests made again.",
           (double)c->n_retries);
    single(out, "seep_judgements_total", "counter",
           "Times that a target was judged.", (double)c->n_judgements);
    single(out, "seep_fetched_bytes_total", "counter",
           "Bytes of answers, as they came.", (double)c->n_bytes);
}

static void memory(const struct watch_counts *c, struct buf *out)
{
    single(out, "seep_answers_bytes", "gauge",
           "Memory of the answers under way, by what they took before and take "
           "now.",
           (double)c->answers_bytes);
    single(out, "seep_state_bytes", "gauge",
           "Memory of what is kept of the targets.", (double)c->state_bytes);
    single(out, "seep_stack_table_bytes", "gauge",
           "Memory of the stacks that all targets share.",
           (double)c->table_bytes);
    single(out, "seep_stacks", "gauge", "Stacks in that table.",
           (double)c->n_rows);
}

static void process(const struct watch_counts *c, const struct watch_process *p,
                    struct buf *out)
{
    if (c->decode_cpu_ns > 0) {
        single(out, "seep_decode_cpu_seconds_total", "counter",
               "CPU time spent inflating and decoding answers.",
               (double)c->decode_cpu_ns / 1e9);
    }
    if (p->cpu_seconds > 0) {
        single(out, "process_cpu_seconds_total", "counter",
               "CPU time, user and system.", p->cpu_seconds);
    }
    if (p->resident_bytes > 0) {
        single(out, "process_resident_memory_bytes", "gauge",
               "Resident memory.", (double)p->resident_bytes);
    }
    single(out, "process_start_time_seconds", "gauge",
           "When it began, since 1970.", (double)p->started_nanos / 1e9);
}

void watch_exposition(const struct watcher *w, const struct watch_process *p,
                      struct buf *out)
{
    struct watch_counts c;
    watcher_counts(w, &c);
    family(out, "seep_build_info", "gauge", "The version, as a label.");
    buf_str(out, "seep_build_info{");
    label(out, "version", p->version);
    buf_str(out, "} 1\n");
    single(out, "seep_targets", "gauge", "Targets watched.",
           (double)c.n_targets);
    single(out, "seep_targets_failing", "gauge",
           "Targets whose last snapshots were missed.", (double)c.n_failing);
    fetches(&c, out);
    histogram(out, "seep_fetch_seconds", "Time that requests took.", c.latency,
              c.latency_seconds);
    histogram(out, "seep_schedule_lateness_seconds",
              "How late after they were due snapshots were begun.", c.lateness,
              c.lateness_seconds);
    work(&c, out);
    grades(&c, out);
    leaks(w, out);
    targets(w, out);
    memory(&c, out);
    process(&c, p, out);
}
