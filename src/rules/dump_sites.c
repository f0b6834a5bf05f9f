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
    for (size_t i = 0; i < b->n_calls; i++) {
        const struct heap_call *call = &b->calls[i];
        const char *name = heap_view_function(j->e->view, call);
        const char *file = arena_strdup(j->arena, call->file);
        const struct span package = name_package(span_of(name));
        const char *kept = arena_strdup(j->arena, package);
        frames[i] = (struct frame){
            .function = name,
            .file = file ? file : "",
            .package = kept ? kept : "",
            .line = (int64_t)(call->line <= INT32_MAX ? call->line : 0),
            .origin = name_origin(span_of(name), call->file, SPAN_LIT(""))};
    }
    *out = frames;
    *n = b->n_calls;
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

static void take_sites(const struct dump_judge *j, struct dump_candidate *c,
                       const struct view_site *rows, size_t n)
{
    struct dump_allocation *a = &c->allocation;
    for (size_t i = 0; i < n; i++) {
        a->all_samples += (double)rows[i].n_samples;
        a->n_allocated += (double)rows[i].bucket->allocs;
        a->n_freed += (double)rows[i].bucket->frees;
    }
    if (n > 0) {
        a->bucket = rows[0].bucket;
        a->n_samples = (double)rows[0].n_samples;
        a->bytes = (double)rows[0].bytes;
        a->objects = (double)rows[0].n_objects;
        a->is_exact = j->rate == 1;
    }
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
