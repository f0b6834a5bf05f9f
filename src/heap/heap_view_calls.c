/*
 * Functions on the stacks of a dump, as profiles have them: what was inlined
 * at a pc is a call of its own, and what wraps a go statement is none. A dump
 * names the functions that have code; the binary knows the rest. Thousands of
 * goroutines stand at a few places: each is expanded once.
 */
#include "heap/heap_view_private.h"

#include <string.h>

#include "base/banned.h"

/* --- names --- */

bool heap_view_is_goexit(const char *function)
{
    return strcmp(function, "runtime.goexit") == 0;
}

bool heap_view_is_wrapper(const char *function)
{
    const char *dot = strrchr(function, '.');
    return dot && (strncmp(dot, ".gowrap", 7) == 0 ||
                   strncmp(dot, ".deferwrap", 10) == 0 ||
                   strstr(dot, "\u00b7dwrap\u00b7")); /* Go 1.17 to 1.20 */
}

/* But for type arguments, which dumps have and tracebacks have not. */
static bool is_same(const char *a, const char *b)
{
    const size_t n = strcspn(a, "[");
    return n == strcspn(b, "[") && strncmp(a, b, n) == 0;
}

/* --- calls --- */

static size_t expand(const struct heap_view *v, const struct graph_frame *f,
                     struct go_call out[GO_CALLS_MAX])
{
    const char *own = f->function ? f->function : "";
    /* One that has not begun stands at its entry. */
    const uint64_t pc = f->pc == f->entry ? f->pc : f->pc - 1;
    const size_t n =
        v->f.binary && f->pc != 0 ? binary_calls(v->f.binary, pc, out) : 0;
    /* A binary that was forced may know other functions. */
    if (n > 0 && (*own == '\0' || is_same(own, out[n - 1].function))) {
        return n;
    }
    out[0] = (struct go_call){.function = own};
    return 1;
}

static bool keep_calls(struct heap_view *v, const struct go_call *calls,
                       size_t n, struct err *err)
{
    struct go_call *kept = arena_new(&v->arena, struct go_call, n);
    if (kept) {
        memcpy(kept, calls, n * sizeof *kept);
    }
    return (kept &&
            view_call_rows_push(&v->calls, (struct view_calls){kept, n})) ||
           err_nomem(err, "stacks of a heap dump");
}

bool heap_view_calls(struct heap_view *v, uint32_t frame,
                     struct view_calls *out, struct err *err)
{
    const struct graph_frame *f = heap_frame_at(v->f.graph, frame);
    const struct {
        uint64_t pc, entry, name;
    } key = {f->pc, f->entry, (uint64_t)(uintptr_t)f->function};
    uint32_t id = 0;
    if (!intern_add(&v->places, (struct span){(const char *)&key, sizeof key},
                    &id, err)) {
        return false;
    }
    if (id == v->calls.n) {
        struct go_call calls[GO_CALLS_MAX];
        if (!keep_calls(v, calls, expand(v, f, calls), err)) {
            return false;
        }
    }
    *out = v->calls.items[id];
    return true;
}

/* --- what a go statement called --- */

static bool is_runtimes(const char *name)
{
    return strncmp(name, "runtime.", 8) == 0;
}

/* A wrapper stands for what it calls, but not for how that waits; the runtime's
   main for the program's. */
static bool yields_to(const char *named, const char *name)
{
    return *named == '\0' || strcmp(named, "runtime.main") == 0 ||
           (heap_view_is_wrapper(named) && !is_runtimes(name));
}

bool view_started(struct heap_view *v, const struct graph_goroutine *g,
                  const char **out, struct err *err)
{
    *out = "";
    for (uint32_t i = g->n_frames; i > 0; i--) {
        struct view_calls calls;
        if (!heap_view_calls(v, g->first_frame + i - 1, &calls, err)) {
            return false;
        }
        for (size_t k = calls.n; k > 0; k--) {
            const char *name = calls.items[k - 1].function;
            if (heap_view_is_goexit(name) && g->n_frames > 1) {
                continue;
            }
            if (!yields_to(*out, name)) {
                return true;
            }
            *out = name;
        }
    }
    return true;
}
