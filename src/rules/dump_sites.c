/*
 * Where what is held was allocated: from the dump's samples. They are few
 * unless MemProfileRate is 1, so what they stand for is scaled as pprof does.
 * The dump names the function that code was inlined into; the binary knows
 * whose line it is.
 */
#include "rules/dump_private.h"

#include <string.h>

#include "base/banned.h"

bool dump_frames_of_bucket(struct dump_judge *j, const struct heap_bucket *b,
                           struct frame **out, size_t *n, struct err *err)
{
    struct frame *frames = arena_new(j->arena, struct frame, b->n_calls + 1);
    if (!frames) {
        return err_nomem(err, "stack of a heap dump");
    }
    *n = 0;
    for (size_t i = 0; i < b->n_calls; i++) {
        const struct heap_call *call = &b->calls[i];
        if (span_eq(call->function, SPAN_LIT("runtime.goexit"))) {
            continue; /* below every goroutine, and in no profile */
        }
        const char *name = heap_view_function(j->e->view, call);
        const char *file = arena_strdup(j->arena, call->file);
        const struct span package = name_package(span_of(name));
        const char *kept = arena_strdup(j->arena, package);
        frames[(*n)++] = (struct frame){
            .function = name,
            .file = file ? file : "",
            .package = kept ? kept : "",
            .line = (int64_t)(call->line <= INT32_MAX ? call->line : 0),
            .origin = name_origin(span_of(name), call->file, SPAN_LIT(""))};
    }
    *out = frames;
    return true;
}

/* Classes of what piles up: those of the way from the container on. */
static size_t list_parts(const struct dump_candidate *c, heap_node *out)
{
    const size_t from = c->held < c->way.n ? c->held : c->at;
    size_t n = 0;
    for (size_t i = from; i < c->way.n; i++) {
        if (c->way.rows[i]->is_object) {
            out[n++] = c->way.rows[i]->branch->sample;
        }
    }
    return n;
}

const struct heap_call *rules_dump_site(const struct heap_bucket *b)
{
    const struct span none = {0};
    for (int worst = ORIGIN_USER; worst < ORIGIN_RUNTIME; worst++) {
        for (size_t i = 0; b && i < b->n_calls; i++) {
            const struct heap_call *c = &b->calls[i];
            if ((int)name_origin(c->function, c->file, none) <= worst) {
                return c;
            }
        }
    }
    return b && b->n_calls > 0 ? &b->calls[0] : NULL;
}

bool dump_has_samples(const struct dump_evidence *e)
{
    const struct heap_graph *g = e->facts->graph;
    for (size_t i = 0; i < heap_n_buckets(g); i++) {
        const struct heap_call *c = rules_dump_site(heap_bucket_at(g, i));
        if (c && name_origin(c->function, c->file, (struct span){0}) <
                     ORIGIN_RUNTIME) {
            return true;
        }
    }
    return false;
}

static bool is_same_line(const struct heap_call *a, const struct heap_call *b)
{
    return a && b && a->line == b->line && span_eq(a->file, b->file) &&
           span_eq(a->function, b->function);
}

/* A line is called from many places: each stack has a bucket, and so has each
   size. */
static struct dump_allocation sum_line(const struct view_site *rows, size_t n,
                                       size_t of)
{
    const struct heap_call *line = rules_dump_site(rows[of].bucket);
    struct dump_allocation a = {.bucket = rows[of].bucket};
    for (size_t i = 0; i < n; i++) {
        if (i == of || is_same_line(rules_dump_site(rows[i].bucket), line)) {
            a.n_samples += (double)rows[i].n_samples;
            a.bytes += (double)rows[i].bytes;
            a.objects += (double)rows[i].n_objects;
        }
    }
    return a;
}

static void take_sites(const struct dump_judge *j, struct dump_candidate *c,
                       const struct view_site *rows, size_t n)
{
    enum { LOOKED_AT = 64 }; /* most bytes come first */
    struct dump_allocation best = {.bucket = NULL};
    for (size_t i = 0; i < n && i < LOOKED_AT; i++) {
        const struct dump_allocation a = sum_line(rows, n, i);
        best = !best.bucket || a.bytes > best.bytes ? a : best;
    }
    for (size_t i = 0; i < n; i++) {
        best.all_samples += (double)rows[i].n_samples;
        best.n_allocated += (double)rows[i].bucket->allocs;
        best.n_freed += (double)rows[i].bucket->frees;
    }
    best.is_exact = n > 0 && j->rate == 1;
    c->allocation = best;
}

bool dump_find_site(struct dump_judge *j, struct dump_candidate *c,
                    struct err *err)
{
    heap_node parts[DUMP_WAY_MAX];
    const size_t n_parts = list_parts(c, parts);
    const struct view_site *rows = NULL;
    size_t n = 0;
    const heap_node top = dump_top(c)->branch->sample;
    if (!heap_view_sites_below(j->e->view, top, parts, n_parts, &j->rate, &rows,
                               &n, err)) {
        return false;
    }
    if (n == 0 && n_parts > 0 &&
        !heap_view_sites_below(j->e->view, top, NULL, 0, &j->rate, &rows, &n,
                               err)) {
        return false;
    }
    take_sites(j, c, rows, n);
    return true;
}
