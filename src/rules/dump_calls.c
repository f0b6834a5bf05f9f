/*
 * Functions on the stacks of a dump, as profiles have them: what was inlined
 * at a pc is a call of its own, and what wraps a go statement is none. A dump
 * names the functions that have code; the binary knows the rest. Thousands of
 * goroutines stand at a few places: each is expanded once.
 */
#include "rules/dump_private.h"

#include <string.h>

#include "base/banned.h"

/* --- names --- */

bool dump_is_goexit(const char *name)
{
    return strcmp(name, "runtime.goexit") == 0;
}

bool dump_is_wrapper(const char *name)
{
    const char *dot = strrchr(name, '.');
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

static size_t expand(const struct dump_evidence *e, const struct graph_frame *f,
                     struct go_call out[GO_CALLS_MAX])
{
    const char *own = f->function ? f->function : "";
    /* One that has not begun stands at its entry. */
    const uint64_t pc = f->pc == f->entry ? f->pc : f->pc - 1;
    const size_t n = e->facts->binary && f->pc != 0
                         ? binary_calls(e->facts->binary, pc, out)
                         : 0;
    /* A binary that was forced may know other functions. */
    if (n > 0 && (*own == '\0' || is_same(own, out[n - 1].function))) {
        return n;
    }
    out[0] = (struct go_call){.function = own};
    return 1;
}

static bool keep_calls(struct dump_judge *j, struct dump_call_table *t,
                       const struct go_call *calls, size_t n, struct err *err)
{
    struct go_call *kept = arena_new(j->arena, struct go_call, n);
    if (kept) {
        memcpy(kept, calls, n * sizeof *kept);
    }
    return (kept &&
            dump_call_rows_push(&t->rows, (struct dump_calls){kept, n})) ||
           err_nomem(err, "stacks of a heap dump");
}

bool dump_calls_of(struct dump_judge *j, const struct dump_evidence *e,
                   uint32_t frame, struct dump_calls *out, struct err *err)
{
    struct dump_call_table *t = e == j->e ? &j->calls : &j->calls_before;
    const struct graph_frame *f = heap_frame_at(e->facts->graph, frame);
    const struct {
        uint64_t pc, entry, name;
    } key = {f->pc, f->entry, (uint64_t)(uintptr_t)f->function};
    uint32_t id = 0;
    if (!intern_add(&t->keys, (struct span){(const char *)&key, sizeof key},
                    &id, err)) {
        return false;
    }
    if (id == t->rows.n) {
        struct go_call calls[GO_CALLS_MAX];
        if (!keep_calls(j, t, calls, expand(e, f, calls), err)) {
            return false;
        }
    }
    *out = t->rows.items[id];
    return true;
}

void dump_call_table_release(struct dump_call_table *t)
{
    intern_release(&t->keys);
    dump_call_rows_release(&t->rows);
}

/* --- frames --- */

static struct frame frame_of(struct dump_judge *j, const struct go_call *c)
{
    const char *name = *c->function ? c->function : "?";
    const char *file = c->file ? c->file : "";
    const char *kept = arena_strdup(j->arena, name_package(span_of(name)));
    return (struct frame){
        .function = name,
        .file = file,
        .package = kept ? kept : "",
        .line = (int64_t)(c->line <= INT32_MAX ? c->line : 0),
        .origin = name_origin(span_of(name), span_of(file), SPAN_LIT(""))};
}

bool dump_frame_at(struct dump_judge *j, uint64_t pc, struct frame *out)
{
    struct go_call calls[GO_CALLS_MAX];
    struct binary *b = j->e->facts->binary;
    if (!b || pc == 0 || binary_calls(b, pc - 1, calls) == 0) {
        return false;
    }
    *out = frame_of(j, &calls[0]);
    return true;
}

static bool says_where(const char *name)
{
    return !dump_is_goexit(name) && !dump_is_wrapper(name) &&
           strncmp(name, "runtime.", 8) != 0;
}

/* A library's wrapper says no more than the function it calls; a user's where
   nothing else does. */
static bool is_shown(const char *name, bool has_place)
{
    return !dump_is_goexit(name) &&
           (!dump_is_wrapper(name) ||
            (!has_place && name_origin(span_of(name), SPAN_LIT(""),
                                       SPAN_LIT("")) <= ORIGIN_DEP));
}

struct stack_calls {
    size_t n;
    bool has_place; /* more than the runtime, and what wraps go statements */
};

static bool count_calls(struct dump_judge *j, const struct graph_goroutine *g,
                        struct stack_calls *out, struct err *err)
{
    *out = (struct stack_calls){.n = 0};
    for (uint32_t i = 0; i < g->n_frames; i++) {
        struct dump_calls calls;
        if (!dump_calls_of(j, j->e, g->first_frame + i, &calls, err)) {
            return false;
        }
        for (size_t k = 0; k < calls.n; k++) {
            out->has_place |= says_where(calls.items[k].function);
        }
        out->n += calls.n;
    }
    return true;
}

bool dump_frames_of(struct dump_judge *j, uint32_t goroutine,
                    struct frame **out, size_t *n, struct err *err)
{
    const struct graph_goroutine *g =
        heap_goroutine_at(j->e->facts->graph, goroutine);
    struct stack_calls all;
    if (!count_calls(j, g, &all, err)) {
        return false;
    }
    struct frame *frames = arena_new(j->arena, struct frame, all.n + 1);
    *out = frames;
    *n = 0;
    for (uint32_t i = 0; frames && i < g->n_frames; i++) {
        struct dump_calls calls;
        if (!dump_calls_of(j, j->e, g->first_frame + i, &calls, err)) {
            return false;
        }
        for (size_t k = 0; k < calls.n; k++) {
            if (is_shown(calls.items[k].function, all.has_place)) {
                frames[(*n)++] = frame_of(j, &calls.items[k]);
            }
        }
    }
    return frames || err_nomem(err, "stack of a heap dump");
}
