/*
 * malloc, calloc, realloc and free as the linker's --wrap gives them to every
 * test: they count what is alive and fail on demand.
 */
#include "test.h"

#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t unit);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t unit);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static struct {
    unsigned fail_in; /* 0 = never */
    bool is_forever;
    bool has_failed;
    size_t n_allocations;
    long alive;
} state;

static bool must_fail(void)
{
    state.n_allocations++;
    if (state.has_failed && state.is_forever) {
        return true;
    }
    if (state.fail_in == 0 || --state.fail_in > 0) {
        return false;
    }
    state.has_failed = true;
    return true;
}

static void *count(void *p)
{
    state.alive += p != NULL;
    return p;
}

void *__wrap_malloc(size_t n)
{
    return must_fail() ? NULL : count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t unit)
{
    return must_fail() ? NULL : count(__real_calloc(n, unit));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (must_fail()) {
        return NULL;
    }
    void *moved = __real_realloc(p, n);
    if (!p) {
        count(moved);
    }
    return moved;
}

void __wrap_free(void *p)
{
    state.alive -= p != NULL;
    __real_free(p);
}

void oom_fail_at(unsigned n, bool forever)
{
    state.fail_in = n;
    state.is_forever = forever;
    state.has_failed = false;
}

long oom_alive(void)
{
    return state.alive;
}

void oom_count_reset(void)
{
    state.n_allocations = 0;
}

size_t oom_count_allocations(void)
{
    return state.n_allocations;
}

/* One run; true when the walk is over. */
static bool run_once(oom_action *action, void *ctx, unsigned n, bool forever)
{
    struct err err = {0};
    const long alive = oom_alive();
    oom_fail_at(n, forever);
    const bool ok = action(ctx, &err);
    const bool has_failed = state.has_failed;
    oom_fail_at(0, false);
    if (oom_alive() != alive) {
        fail_msg("allocation %u failing: %ld allocations leaked", n,
                 oom_alive() - alive);
    }
    if (ok && has_failed) {
        fail_msg("allocation %u failed and nobody noticed", n);
    }
    if (!ok && !has_failed) {
        fail_msg("failed without a failing allocation: %s", err.text);
    }
    if (!ok && err.code != ERR_NOMEM) {
        fail_msg("allocation %u failing: not out of memory but '%s'", n,
                 err.text);
    }
    return ok;
}

unsigned oom_walk(oom_action *action, void *ctx)
{
    unsigned n = 1;
    while (!run_once(action, ctx, n, false)) {
        n++;
    }
    for (unsigned i = 1; i < n; i++) {
        (void)run_once(action, ctx, i, true);
    }
    return n - 1;
}
