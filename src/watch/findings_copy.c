/*
 * Findings as they are kept between two judgements: without the slack of the
 * arena they were made in, which a fleet cannot afford ten thousand times.
 */
#include "watch/known_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char *copy_text(struct arena *a, const char *text)
{
    if (!text) {
        return NULL;
    }
    const char *copy = arena_strdup(a, span_of(text));
    a->has_failed |= !copy;
    return copy;
}

static void *copy_items(struct arena *a, const void *items, size_t n,
                        size_t unit)
{
    if (n == 0) {
        return NULL;
    }
    void *copy = arena_alloc(a, n, unit, _Alignof(max_align_t));
    a->has_failed |= !copy;
    if (copy) {
        memcpy(copy, items, n * unit);
    }
    return copy;
}

static const char **copy_texts(struct arena *a, const char *const *texts,
                               size_t n)
{
    const char **copy = copy_items(a, texts, n, sizeof(*texts));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = copy_text(a, texts[i]);
    }
    return copy;
}

static struct frame copy_frame(struct arena *a, const struct frame *f)
{
    struct frame copy = *f;
    copy.function = copy_text(a, f->function);
    copy.file = copy_text(a, f->file);
    copy.package = copy_text(a, f->package);
    copy.was = f->was ? copy_text(a, f->was) : NULL;
    return copy;
}

static const struct frame *copy_frames(struct arena *a, const struct frame *f,
                                       size_t n)
{
    struct frame *copy = copy_items(a, f, n, sizeof(*f));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = copy_frame(a, &f[i]);
    }
    return copy;
}

static const struct metric *copy_metrics(struct arena *a,
                                         const struct metric *m, size_t n)
{
    struct metric *copy = copy_items(a, m, n, sizeof(*m));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i].name = copy_text(a, m[i].name);
        copy[i].unit = copy_text(a, m[i].unit);
        copy[i].series =
            copy_items(a, m[i].series, m[i].n_series, sizeof(*m[i].series));
    }
    return copy;
}

static const struct finding_replicas *
copy_replicas(struct arena *a, const struct finding_replicas *r)
{
    struct finding_replicas *copy = copy_items(a, r, r ? 1 : 0, sizeof(*r));
    if (copy) {
        copy->worst = copy_texts(a, r->worst, r->n_worst);
    }
    return copy;
}

bool finding_copy(const struct finding *from, struct arena *arena,
                  struct finding *out)
{
    *out = *from;
    out->state = copy_text(arena, from->state);
    if (from->has_site) {
        out->site = copy_frame(arena, &from->site);
    }
    if (from->has_creator) {
        out->creator = copy_frame(arena, &from->creator);
    }
    out->operation = copy_text(arena, from->operation);
    out->stack = copy_frames(arena, from->stack, from->n_stack);
    out->metrics = copy_metrics(arena, from->metrics, from->n_metrics);
    out->headline = copy_text(arena, from->headline);
    out->cause = copy_text(arena, from->cause);
    out->evidence = copy_texts(arena, from->evidence, from->n_evidence);
    out->alternatives =
        copy_texts(arena, from->alternatives, from->n_alternatives);
    out->fix = copy_text(arena, from->fix);
    out->confirm = copy_text(arena, from->confirm);
    out->replicas = copy_replicas(arena, from->replicas);
    return !arena->has_failed;
}

/* The notes, and one of how many findings were left out. */
static void copy_notes(const struct findings *from, struct findings *out)
{
    struct arena *a = &out->arena;
    if (from->n_notes == 0 && out->n == from->n) {
        return; /* of most targets */
    }
    const char **notes = arena_new(a, const char *, from->n_notes + 1);
    a->has_failed |= !notes;
    for (size_t i = 0; notes && i < from->n_notes; i++) {
        notes[i] = copy_text(a, from->notes[i]);
    }
    if (notes && out->n < from->n) {
        const char *text = arena_printf(
            a, "%zu more findings, less grave, are left out", from->n - out->n);
        a->has_failed |= !text;
        notes[out->n_notes++] = text;
    }
    out->notes = notes;
}

bool findings_copy(const struct findings *from, struct findings *out,
                   struct err *err)
{
    *out = *from;
    out->arena = (struct arena){0};
    out->n = from->n < FINDINGS_KEPT_MAX ? from->n : FINDINGS_KEPT_MAX;
    struct arena *a = &out->arena;
    out->limits.advice = copy_text(a, from->limits.advice);
    out->limits.heap_most.at = copy_text(a, from->limits.heap_most.at);
    out->limits.goroutines_most.at =
        copy_text(a, from->limits.goroutines_most.at);
    out->program = copy_text(a, from->program);
    out->unchecked = copy_text(a, from->unchecked);
    copy_notes(from, out);
    out->items = copy_items(a, from->items, out->n, sizeof(*from->items));
    for (size_t i = 0; out->items && i < out->n; i++) {
        (void)finding_copy(&from->items[i], a, &out->items[i]);
    }
    if (a->has_failed) {
        findings_release(out);
        return err_nomem(err, "findings");
    }
    return true;
}
