/*
 * One finding of many replicas' equal ones. Values are those of the metric
 * that ranks; goroutines are weighed as bytes so that both can be compared.
 */
#include "watch/fleet.h"

#include "base/sort.h"
#include "watch/watcher_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* A finding of one replica. */
struct replica {
    const struct watched *t;
    const struct finding *f;
    double value;
};
VEC_TYPE(replica_vec, struct replica)

struct fleet {
    const struct watcher *w;
    struct replica_vec replicas; /* by id, then by value, largest first */
    uint32_t *n_of_program;      /* targets of each program */
    double *values;              /* scratch: of one finding */
    struct findings *out;
};

static double value_of(const struct finding *f)
{
    const double last = f->n_metrics > 0 ? f->metrics[0].last : 0;
    return isfinite(last) ? last : 0;
}

static int compare_replicas(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct replica *a = pa;
    const struct replica *b = pb;
    const int ids = strcmp(a->f->id, b->f->id);
    if (ids != 0) {
        return ids;
    }
    if (a->value < b->value || a->value > b->value) {
        return a->value > b->value ? -1 : 1;
    }
    return strcmp(a->t->target.shown, b->t->target.shown);
}

static bool gather(struct fleet *f)
{
    for (size_t i = 0; i < f->w->n; i++) {
        const struct watched *t = f->w->items[i];
        if (t->program < f->w->programs.entries.n) {
            f->n_of_program[t->program]++;
        }
        for (size_t k = 0; k < t->findings.n; k++) {
            const struct finding *one = &t->findings.items[k];
            if (!replica_vec_push(&f->replicas,
                                  (struct replica){t, one, value_of(one)})) {
                return false;
            }
        }
    }
    sort_items(f->replicas.items, f->replicas.n, sizeof(struct replica),
               compare_replicas, NULL);
    return true;
}

/* --- one finding --- */

static int compare_values(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

static void fill_spread(struct fleet *f, const struct replica *r, size_t n,
                        struct finding_replicas *out)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        f->values[i] = r[i].value;
        squares += r[i].value * r[i].value;
    }
    sort_items(f->values, n, sizeof(double), compare_values, NULL);
    out->rms = sqrt(squares / (double)n);
    out->min = f->values[0];
    out->max = f->values[n - 1];
    out->median = (f->values[(n - 1) / 2] + f->values[n / 2]) / 2;
}

/* Those that run one of the programs it was seen in. */
static uint32_t count_targets(const struct fleet *f, const struct replica *r,
                              size_t n)
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < i && r[k].t->program != r[i].t->program) {
            k++;
        }
        if (k == i && r[i].t->program < f->w->programs.entries.n) {
            count += f->n_of_program[r[i].t->program];
        }
    }
    return count > n ? count : (uint32_t)n;
}

static const struct finding_replicas *
replicas_of(struct fleet *f, const struct replica *r, size_t n)
{
    struct arena *a = &f->out->arena;
    const size_t n_worst = n < FINDING_WORST_MAX ? n : FINDING_WORST_MAX;
    struct finding_replicas *out = arena_new(a, struct finding_replicas, 1);
    const char **worst = arena_new(a, const char *, n_worst);
    if (!out || !worst) {
        a->has_failed = true;
        return NULL;
    }
    for (size_t i = 0; i < n_worst; i++) {
        worst[i] = arena_strdup(a, span_of(r[i].t->target.shown));
        a->has_failed |= !worst[i];
    }
    fill_spread(f, r, n, out);
    out->n_with = (uint32_t)n;
    out->n_targets = count_targets(f, r, n);
    out->worst = worst;
    out->n_worst = n_worst;
    return out;
}

/* The highest grade, and of those the largest: they come largest first. */
static const struct finding *worst_of(const struct replica *r, size_t n)
{
    const struct finding *worst = r[0].f;
    for (size_t i = 1; i < n; i++) {
        worst = r[i].f->grade > worst->grade ? r[i].f : worst;
    }
    return worst;
}

static int64_t first_seen(const struct replica *r, size_t n)
{
    int64_t first = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t seen = r[i].f->first_seen_nanos;
        first = seen != 0 && (first == 0 || seen < first) ? seen : first;
    }
    return first;
}

static void merge(struct fleet *f, const struct replica *r, size_t n)
{
    struct finding *to = &f->out->items[f->out->n++];
    (void)finding_copy(worst_of(r, n), &f->out->arena, to);
    to->first_seen_nanos = first_seen(r, n);
    to->replicas = replicas_of(f, r, n);
}

/* A goroutine counts as many bytes as where findings of one target are
   ranked. */
static double weight(const struct finding *f)
{
    const double goroutine_bytes = 2592;
    const bool is_count =
        f->n_metrics > 0 && strcmp(f->metrics[0].unit, "count") == 0;
    return f->replicas->rms * (is_count ? goroutine_bytes : 1);
}

static int compare_findings(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct finding *a = pa;
    const struct finding *b = pb;
    if (a->grade != b->grade) {
        return a->grade > b->grade ? -1 : 1;
    }
    const double wa = weight(a);
    const double wb = weight(b);
    if (wa < wb || wa > wb) {
        return wa > wb ? -1 : 1;
    }
    return strcmp(a->id, b->id);
}

static void merge_all(struct fleet *f)
{
    const size_t n = f->replicas.n;
    const struct replica *r = f->replicas.items;
    f->out->items = arena_new(&f->out->arena, struct finding, n + 1);
    if (!f->out->items) {
        f->out->arena.has_failed = true;
        return;
    }
    size_t from = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i == n || strcmp(r[i].f->id, r[from].f->id) != 0) {
            merge(f, &r[from], i - from);
            from = i;
        }
    }
    if (!f->out->arena.has_failed) {
        sort_items(f->out->items, f->out->n, sizeof(struct finding),
                   compare_findings, NULL);
    }
}

/* --- the whole --- */

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void take_worst(struct findings *out, const struct findings *one,
                       const char **advice)
{
    if (one->verdict > out->verdict) {
        out->verdict = one->verdict;
        *advice = NULL;
    }
    if (one->verdict == out->verdict && !*advice) {
        *advice = one->limits.advice;
    }
    out->limits.heap_bytes =
        larger(out->limits.heap_bytes, one->limits.heap_bytes);
    out->limits.goroutines =
        larger(out->limits.goroutines, one->limits.goroutines);
    if (one->oom.asked && (!out->oom.asked || isnan(out->oom.seconds) ||
                           one->oom.seconds < out->oom.seconds)) {
        out->oom = one->oom;
    }
    out->n_within_noise += one->n_within_noise;
}

static void sum_up(struct fleet *f)
{
    struct findings *out = f->out;
    const char *advice = NULL;
    out->verdict = VERDICT_CLEAN;
    out->limits = (struct limits){.heap_bytes = NAN, .goroutines = NAN};
    for (size_t i = 0; i < f->w->n; i++) {
        const struct watched *t = f->w->items[i];
        if (t->has_findings) {
            take_worst(out, &t->findings, &advice);
        } else if (!t->is_gone && out->verdict < VERDICT_INCONCLUSIVE) {
            out->verdict = VERDICT_INCONCLUSIVE; /* nothing came of it yet */
            advice = NULL;
        }
    }
    if (advice) {
        out->limits.advice = arena_strdup(&out->arena, span_of(advice));
        out->arena.has_failed |= !out->limits.advice;
    }
}

/* --- notes: each text once, with who it is about --- */

enum { NOTES_MAX = 20 };

struct note {
    const char *text, *shown;
};
VEC_TYPE(note_vec, struct note)

static int compare_notes(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct note *a = pa;
    const struct note *b = pb;
    const int texts = strcmp(a->text, b->text);
    return texts != 0 ? texts : strcmp(a->shown, b->shown);
}

static bool gather_notes(const struct watcher *w, struct note_vec *notes)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct watched *t = w->items[i];
        for (size_t k = 0; k < t->findings.n_notes; k++) {
            if (!note_vec_push(notes, (struct note){t->findings.notes[k],
                                                    t->target.shown})) {
                return false;
            }
        }
    }
    sort_items(notes->items, notes->n, sizeof(struct note), compare_notes,
               NULL);
    return true;
}

static void add_note(struct findings *out, const struct note *note, size_t n)
{
    if (out->n_notes == NOTES_MAX) {
        return;
    }
    const char *text =
        n == 1 ? arena_printf(&out->arena, "%s: %s", note->shown, note->text)
               : arena_printf(&out->arena, "%s (%zu targets)", note->text, n);
    out->notes[out->n_notes++] = text;
    out->arena.has_failed |= !text;
}

static void add_notes(struct fleet *f)
{
    struct note_vec notes = {0};
    f->out->notes = arena_new(&f->out->arena, const char *, NOTES_MAX);
    if (!gather_notes(f->w, &notes) || !f->out->notes) {
        f->out->arena.has_failed = true;
    }
    size_t from = 0;
    for (size_t i = 1; i <= notes.n && f->out->notes; i++) {
        if (i == notes.n ||
            strcmp(notes.items[i].text, notes.items[from].text) != 0) {
            add_note(f->out, &notes.items[from], i - from);
            from = i;
        }
    }
    note_vec_release(&notes);
}

bool fleet_findings(struct watcher *w, struct findings *out, struct err *err)
{
    *out = (struct findings){0};
    if (w->n == 1 && w->items[0]->has_findings) {
        return findings_copy(&w->items[0]->findings, out, err);
    }
    struct fleet f = {.w = w, .out = out};
    f.n_of_program = calloc(w->programs.entries.n + 1, sizeof(uint32_t));
    bool ok = f.n_of_program && gather(&f);
    f.values = calloc(f.replicas.n + 1, sizeof(double));
    ok = ok && f.values;
    if (ok) {
        merge_all(&f);
        sum_up(&f);
        add_notes(&f);
    }
    free(f.n_of_program);
    free(f.values);
    replica_vec_release(&f.replicas);
    if (!ok || out->arena.has_failed) {
        findings_release(out);
        return err_nomem(err, "findings of the fleet");
    }
    return true;
}
