/* The fixpoint, driven by events: an object that is waited for, once reached,
   sets free who waits for it. */
#include "heap/build_minor_private.h"
#include "heap/heap_blocked_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- what goroutines say of themselves --- */

enum blocked_on blocked_on_reason(const char *wait_reason)
{
    static const struct {
        const char *reason;
        enum blocked_on on;
    } rows[] = {
        {"chan receive",            BLOCKED_CHANNEL  },
        {"chan send",               BLOCKED_CHANNEL  },
        {"select",                  BLOCKED_CHANNEL  },
        {"semacquire",              BLOCKED_SYNC     }, /* before Go 1.20 */
        {"sync.Mutex.Lock",         BLOCKED_SYNC     },
        {"sync.RWMutex.Lock",       BLOCKED_SYNC     },
        {"sync.RWMutex.RLock",      BLOCKED_SYNC     },
        {"sync.WaitGroup.Wait",     BLOCKED_SYNC     },
        {"sync.Cond.Wait",          BLOCKED_SYNC     },
        {"coroutine",               BLOCKED_COROUTINE},
        {"chan receive (nil chan)", BLOCKED_FOREVER  },
        {"chan send (nil chan)",    BLOCKED_FOREVER  },
        {"select (no cases)",       BLOCKED_FOREVER  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].reason, wait_reason) == 0) {
            return rows[i].on;
        }
    }
    return BLOCKED_NOT;
}

static bool is_main(const struct graph_goroutine *g)
{
    return g->goid == 1;
}

static enum blocked_on blocked_on(const struct graph_goroutine *g)
{
    if (g->is_system || is_main(g) || g->status != HEAP_STATUS_WAITING ||
        !g->wait_reason) {
        return BLOCKED_NOT;
    }
    return blocked_on_reason(g->wait_reason);
}

static void note_states(struct heap_blocked *b)
{
    for (uint32_t i = 0; i < b->n_goroutines; i++) {
        const enum blocked_on on = blocked_on(heap_goroutine_at(b->graph, i));
        b->states[i].on = on;
        b->states[i].is_unreachable = on != BLOCKED_NOT;
    }
}

/* --- marking --- */

static void set_bit(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

bool blocked_bit(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

struct marking {
    struct heap_blocked *b;
    struct vec_u32 stack;
    struct vec_u32 freed; /* goroutines whose turn it is */
    struct vec_u32 weak;  /* objects that live weak pointers may lead to */
    bool has_weak;        /* this version of Go has them */
    bool is_doubt;        /* what is set free now is doubtful only */
};

static bool free_goroutine(struct marking *m, uint32_t i)
{
    struct blocked_goroutine *g = &m->b->states[i];
    if (!g->is_unreachable || g->on == BLOCKED_FOREVER) {
        return true;
    }
    g->is_unreachable = false;
    g->is_doubtful = m->is_doubt;
    return vec_u32_push(&m->freed, i);
}

/* First pair that is not before `object` (of waits) or `goroutine` (of those
   masked). */
static size_t first_pair(const struct blocked_pairs *pairs, uint32_t key,
                         bool by_object)
{
    size_t low = 0;
    size_t high = pairs->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct blocked_pair *p = &pairs->items[middle];
        if ((by_object ? p->object : p->goroutine) < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool reach(struct marking *m, object_id o)
{
    struct heap_blocked *b = m->b;
    if (blocked_bit(b->live, o.i)) {
        return true;
    }
    set_bit(b->live, o.i);
    if (blocked_bit(b->is_waited, o.i)) {
        for (size_t i = first_pair(&b->waits, o.i, true);
             i < b->waits.n && b->waits.items[i].object == o.i; i++) {
            if (!free_goroutine(m, b->waits.items[i].goroutine)) {
                return false;
            }
        }
    }
    /* The descriptors of who waits lead to all it holds: they do not count
       before it is set free. */
    return blocked_bit(b->is_masked, o.i) || vec_u32_push(&m->stack, o.i);
}

/* A weak pointer leads to a small object that holds an address and, for the
   collector, no pointer. Numbers that look the same cost a proof at most. */
static bool note_weak(struct marking *m, object_id o)
{
    enum { HANDLE_BYTES_MAX = 16 }; /* padded since Go 1.25 */
    const struct heap_graph *g = m->b->graph;
    const unsigned step = heap_graph_about(g)->pointer_bytes;
    if (heap_object_bytes(g, o) > HANDLE_BYTES_MAX) {
        return true;
    }
    const struct span words = heap_object_contents(g, o);
    for (uint64_t at = 0; at + step <= words.len; at += step) {
        const object_id to = heap_object_at(g, heap_word(g, words, at));
        if (to.i != OBJECT_NONE.i && !vec_u32_push(&m->weak, to.i)) {
            return false;
        }
    }
    return true;
}

static bool drain(struct marking *m)
{
    while (m->stack.n > 0) {
        const object_id o = {m->stack.items[--m->stack.n]};
        uint64_t n = 0;
        const object_id *to = heap_edges(m->b->graph, o, &n);
        if (n == 0 && m->has_weak && !note_weak(m, o)) {
            return false;
        }
        for (uint64_t i = 0; i < n; i++) {
            if (!reach(m, to[i])) {
                return false;
            }
        }
    }
    return true;
}

static bool take_object(void *ctx, object_id o)
{
    return reach(ctx, o);
}

static bool reach_group(struct marking *m, uint32_t group)
{
    const struct root_group *root = heap_group(m->b->graph, group);
    const struct heap_root *roots = heap_group_roots(m->b->graph, group);
    const uint64_t n = heap_group(m->b->graph, group)->n_roots;
    for (uint64_t i = 0; i < n; i++) {
        if (roots[i].object.i != OBJECT_NONE.i && !reach(m, roots[i].object)) {
            return false;
        }
    }
    return root->kind != ROOT_GOROUTINE ||
           root->goroutine >= m->b->n_goroutines ||
           blocked_scan_stack(m->b->graph, root->goroutine, take_object, m);
}

/* Its stack counts from now on, and its descriptors, reached or not. */
static bool unmask(struct marking *m, uint32_t goroutine)
{
    struct heap_blocked *b = m->b;
    const struct graph_goroutine *g = heap_goroutine_at(b->graph, goroutine);
    for (size_t i = first_pair(&b->masked, goroutine, false);
         i < b->masked.n && b->masked.items[i].goroutine == goroutine; i++) {
        const uint32_t o = b->masked.items[i].object;
        b->is_masked[o / 64] &= ~(UINT64_C(1) << (o % 64));
        set_bit(b->live, o);
        if (!vec_u32_push(&m->stack, o)) {
            return false;
        }
    }
    return reach_group(m, g->group);
}

static bool run(struct marking *m)
{
    bool ok = drain(m);
    while (ok && m->freed.n > 0) {
        ok = unmask(m, m->freed.items[--m->freed.n]) && drain(m);
    }
    return ok;
}

static bool is_masked_group(const struct heap_blocked *b, uint32_t group)
{
    const struct root_group *g = heap_group(b->graph, group);
    return g->kind == ROOT_GOROUTINE && g->goroutine < b->n_goroutines &&
           b->states[g->goroutine].is_unreachable;
}

static bool mark_roots(struct marking *m)
{
    const uint32_t n = heap_n_groups(m->b->graph);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_masked_group(m->b, i) && !reach_group(m, i)) {
            return false;
        }
    }
    return run(m);
}

/* --- doubts --- */

/* Clean-ups and weak pointers came with Go 1.24; what they hold is in the dump
   and nothing there says that they do. Builds of no release may have them. */
static bool has_hidden_roots(const char *build)
{
    const unsigned minor = go_minor(span_of(build ? build : ""));
    return minor == 0 || minor >= 24;
}

/* What words of frames lead to that the dump does not call pointers may be left
   over from before, and held by a clean-up now. */
static bool mark_words(struct marking *m)
{
    const struct heap_graph *g = m->b->graph;
    for (uint32_t i = 0; i < heap_n_groups(g); i++) {
        const struct heap_root *roots = heap_group_roots(g, i);
        for (uint64_t k = 0; k < heap_group(g, i)->n_roots; k++) {
            if (roots[k].is_conservative && !reach(m, roots[k].object)) {
                return false;
            }
        }
    }
    return true;
}

/* What clean-ups hold is held by nobody that the dump knows. */
static bool mark_unheld(struct marking *m)
{
    const struct heap_graph *g = m->b->graph;
    const uint32_t n = heap_n_objects(g);
    for (uint32_t i = 0; i < n; i++) {
        if (!heap_object_is_reachable(g, (object_id){i}) &&
            !reach(m, (object_id){i})) {
            return false;
        }
    }
    return mark_words(m) && run(m);
}

/* Whoever has a weak pointer may take a strong one from it. */
static bool mark_weak(struct marking *m)
{
    bool ok = true;
    while (ok && m->weak.n > 0) {
        ok = reach(m, (object_id){m->weak.items[--m->weak.n]}) && run(m);
    }
    return ok;
}

static bool keep_live(struct heap_blocked *b, uint64_t **out)
{
    const size_t bytes = b->n_words * sizeof *b->live;
    *out = malloc(bytes);
    if (*out) {
        memcpy(*out, b->live, bytes);
    }
    return *out != NULL;
}

static bool decide(struct heap_blocked *b)
{
    struct marking m = {
        .b = b,
        .has_weak = has_hidden_roots(heap_graph_about(b->graph)->build)};
    bool ok = mark_roots(&m);
    if (ok && m.has_weak) {
        uint64_t *live = NULL;
        m.is_doubt = true;
        ok = keep_live(b, &live) && mark_unheld(&m) && mark_weak(&m);
        if (live) { /* what is held is told without doubts */
            free(b->live);
            b->live = live;
        }
    }
    vec_u32_release(&m.stack);
    vec_u32_release(&m.freed);
    vec_u32_release(&m.weak);
    return ok;
}

/* --- from outside --- */

static struct heap_blocked *new_blocked(const struct heap_graph *g)
{
    struct heap_blocked *b = calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    b->graph = g;
    b->n_goroutines = heap_n_goroutines(g);
    b->n_words = heap_n_objects(g) / 64 + (size_t)1;
    b->states = calloc(b->n_goroutines + (size_t)1, sizeof *b->states);
    b->live = calloc(b->n_words, sizeof *b->live);
    b->is_waited = calloc(b->n_words, sizeof *b->is_waited);
    b->is_masked = calloc(b->n_words, sizeof *b->is_masked);
    if (!b->states || !b->live || !b->is_waited || !b->is_masked) {
        heap_blocked_free(b);
        return NULL;
    }
    return b;
}

bool heap_blocked_find(const struct heap_graph *g, const struct heap_types *t,
                       struct binary *binary, struct heap_blocked **out,
                       struct err *err)
{
    struct heap_blocked *b = new_blocked(g);
    if (!b) {
        return err_nomem(err, "blocked goroutines");
    }
    note_states(b);
    bool ok = blocked_find_waits(b, t, binary);
    for (size_t i = 0; ok && i < b->waits.n; i++) {
        set_bit(b->is_waited, b->waits.items[i].object);
    }
    for (size_t i = 0; ok && i < b->masked.n; i++) {
        set_bit(b->is_masked, b->masked.items[i].object);
    }
    if (!ok || !decide(b)) {
        heap_blocked_free(b);
        return err_nomem(err, "blocked goroutines");
    }
    *out = b;
    return true;
}

void heap_blocked_free(struct heap_blocked *b)
{
    if (b) {
        free(b->states);
        free(b->live);
        free(b->is_waited);
        free(b->is_masked);
        blocked_pairs_release(&b->waits);
        blocked_pairs_release(&b->masked);
        free(b);
    }
}

const struct blocked_goroutine *heap_blocked_at(const struct heap_blocked *b,
                                                uint32_t goroutine)
{
    return &b->states[goroutine];
}
