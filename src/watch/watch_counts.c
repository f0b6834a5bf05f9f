#include "watch/watcher_private.h"

#include "base/banned.h"

const double watch_bucket_seconds[WATCH_BUCKETS - 1] = {
    .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30};

void counts_observe(uint64_t *buckets, double *sum, int64_t ns)
{
    const double seconds = ns > 0 ? (double)ns / 1e9 : 0;
    size_t i = 0;
    while (i < WATCH_BUCKETS - 1 && seconds > watch_bucket_seconds[i]) {
        i++;
    }
    buckets[i]++;
    *sum += seconds;
}

void counts_findings(struct watcher *w, const struct findings *f, int sign)
{
    for (size_t i = 0; i < f->n; i++) {
        uint64_t *n = &w->counts.n_findings[f->items[i].grade];
        *n = sign > 0 ? *n + 1 : *n - 1;
    }
}

void counts_resize(struct watcher *w, struct watched *t)
{
    const size_t known = t->known.cap * sizeof(*t->known.items);
    const size_t history = t->history ? history_about(t->history).bytes : 0;
    const size_t now =
        sizeof(*t) + history + t->findings.arena.block_bytes + known;
    w->counts.state_bytes += now;
    w->counts.state_bytes -= t->state_bytes;
    t->state_bytes = now;
}

void watcher_counts(const struct watcher *w, struct watch_counts *out)
{
    *out = w->counts;
    out->table_bytes = stack_table_bytes(w->table);
    out->answers_bytes = w->slots.bytes_active;
    out->n_rows = stack_table_n_rows(w->table);
}
