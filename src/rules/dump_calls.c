/*
 * Stacks of a dump as frames of findings, as far as they say where: profiles
 * have neither what ends all stacks nor what wraps go statements.
 */
#include "rules/dump_private.h"

#include <string.h>

#include "base/banned.h"

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
    return !heap_view_is_goexit(name) && !heap_view_is_wrapper(name) &&
           strncmp(name, "runtime.", 8) != 0;
}

/* A library's wrapper says no more than the function it calls; a user's where
   nothing else does. */
static bool is_shown(const char *name, bool has_place)
{
    return !heap_view_is_goexit(name) &&
           (!heap_view_is_wrapper(name) ||
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
        struct view_calls calls;
        if (!heap_view_calls(j->e->view, g->first_frame + i, &calls, err)) {
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
        struct view_calls calls;
        if (!heap_view_calls(j->e->view, g->first_frame + i, &calls, err)) {
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
