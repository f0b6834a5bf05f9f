/*
 * Goroutines that wait alike: at the same place, started as the same function,
 * for the same reason. Those that nothing can wake are told apart from those
 * that somebody may.
 */
#include "rules/dump_private.h"

#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct waiting {
    uint32_t index;
    const char *reason, *function, *entry;
    bool is_unreachable;
};

/* --- frames --- */

static void fill_frame(struct dump_judge *j, const struct graph_frame *g,
                       struct frame *out)
{
    const char *name = NULL;
    const char *file = NULL;
    uint64_t line = 0;
    uint64_t entry = 0;
    struct binary *b = j->e->facts->binary;
    if (!b || !binary_function(b, g->pc, &name, &file, &line, &entry)) {
        name = NULL;
        file = NULL;
        line = 0;
    }
    name = g->function && *g->function ? g->function : name;
    file = file ? file : "";
    const char *kept =
        arena_strdup(j->arena, name_package(span_of(name ? name : "?")));
    *out = (struct frame){.function = name ? name : "?",
                          .file = file,
                          .package = kept ? kept : "",
                          .line = (int64_t)(line <= INT32_MAX ? line : 0),
                          .origin = name_origin(span_of(name ? name : "?"),
                                                span_of(file), SPAN_LIT(""))};
}

bool dump_frames_of(struct dump_judge *j, uint32_t goroutine,
                    struct frame **out, size_t *n, struct err *err)
{
    const struct heap_graph *graph = j->e->facts->graph;
    const struct graph_goroutine *g = heap_goroutine_at(graph, goroutine);
    struct frame *frames = arena_new(j->arena, struct frame, g->n_frames + 1);
    if (!frames) {
        return err_nomem(err, "stack of a heap dump");
    }
    for (uint32_t i = 0; i < g->n_frames; i++) {
        fill_frame(j, heap_frame_at(graph, g->first_frame + i), &frames[i]);
    }
    *out = frames;
    *n = g->n_frames;
    return true;
}

/* --- groups --- */

static const char *frame_name(const struct heap_graph *g, uint32_t i)
{
    const char *name = heap_frame_at(g, i)->function;
    return name ? name : "";
}

/* The innermost function that is not of the standard library, and the
   outermost one. */
static void name_waiting(const struct heap_graph *g, uint32_t index,
                         struct waiting *out)
{
    const struct graph_goroutine *r = heap_goroutine_at(g, index);
    out->index = index;
    out->reason = r->wait_reason ? r->wait_reason : "";
    out->function = "";
    out->entry = "";
    for (uint32_t i = r->n_frames; i > 0; i--) {
        const char *name = frame_name(g, r->first_frame + i - 1);
        const enum frame_origin o =
            name_origin(span_of(name), SPAN_LIT(""), SPAN_LIT(""));
        if (strcmp(name, "runtime.goexit") == 0) {
            continue;
        }
        out->entry = *out->entry ? out->entry : name;
        if (o <= ORIGIN_DEP || *out->function == '\0') {
            out->function = name;
        }
    }
}

static int compare(const void *pa, const void *pb, const void *ctx)
{
    const struct waiting *a = pa;
    const struct waiting *b = pb;
    (void)ctx;
    int order = strcmp(a->reason, b->reason);
    order = order ? order : strcmp(a->function, b->function);
    order = order ? order : strcmp(a->entry, b->entry);
    if (order) {
        return order;
    }
    if (a->is_unreachable != b->is_unreachable) {
        return a->is_unreachable ? -1 : 1;
    }
    return (a->index > b->index) - (a->index < b->index);
}

static bool is_alike(const struct waiting *a, const struct waiting *b)
{
    return strcmp(a->reason, b->reason) == 0 &&
           strcmp(a->function, b->function) == 0 &&
           strcmp(a->entry, b->entry) == 0;
}

/* All but the runtime's; sorted, so that those alike are neighbours. The
   caller frees them. */
static bool list_waiting(const struct heap_graph *g,
                         const struct heap_blocked *blocked,
                         struct waiting **out, size_t *n, struct err *err)
{
    const uint32_t n_all = heap_n_goroutines(g);
    *out = calloc(n_all + (size_t)1, sizeof **out);
    *n = 0;
    if (!*out) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    for (uint32_t i = 0; i < n_all; i++) {
        if (!heap_goroutine_at(g, i)->is_system) {
            struct waiting *w = &(*out)[(*n)++];
            name_waiting(g, i, w);
            w->is_unreachable =
                blocked && heap_blocked_at(blocked, i)->is_unreachable;
        }
    }
    sort_items(*out, *n, sizeof **out, compare, NULL);
    return true;
}

/* --- candidates --- */

/* A g begins with the bounds of its stack. */
static double stack_bytes(const struct heap_graph *g, uint32_t goroutine)
{
    enum { SANE_MAX = 1 << 30 };
    const object_id o =
        heap_object_at(g, heap_goroutine_at(g, goroutine)->address);
    if (o.i == OBJECT_NONE.i) {
        return 0;
    }
    const unsigned word = heap_graph_about(g)->pointer_bytes;
    const struct span s = heap_object_contents(g, o);
    const uint64_t from =
        heap_goroutine_at(g, goroutine)->address - heap_object_address(g, o);
    const uint64_t low = heap_word(g, s, from);
    const uint64_t high = heap_word(g, s, from + word);
    return high > low && high - low <= SANE_MAX ? (double)(high - low) : 0;
}

static bool sum_retained(struct dump_judge *j, struct dump_candidate *c,
                         struct err *err)
{
    struct blocked_held held;
    if (c->what == DUMP_UNREACHABLE) {
        if (!heap_blocked_hold(j->blocked, c->goroutines, c->n_goroutines,
                               &held, err)) {
            return false;
        }
        c->retained_bytes = (double)held.bytes;
        c->retained_objects = (double)held.n_objects;
        return true;
    }
    for (size_t i = 0; i < c->n_goroutines; i++) {
        const heap_node n = heap_node_of_group(
            heap_goroutine_at(j->e->facts->graph, c->goroutines[i])->group);
        c->retained_bytes +=
            (double)heap_retained_bytes(j->e->facts->dominators, n);
        c->retained_objects +=
            (double)heap_retained_objects(j->e->facts->dominators, n);
    }
    return true;
}

static bool fill_holder(struct dump_judge *j, struct dump_candidate *c,
                        struct err *err)
{
    struct buf name = BUF_LIMIT(4096);
    buf_printf(&name, "goroutine%s %s", c->n_goroutines == 1 ? "" : "s",
               c->entry);
    struct buf path = BUF_LIMIT(4096);
    buf_printf(&path, "%s waits in %s (%s)", c->entry, c->function,
               *c->wait_reason ? c->wait_reason : "runs");
    if (!sum_retained(j, c, err)) {
        buf_release(&name);
        buf_release(&path);
        return false;
    }
    c->holder = (struct finding_holder){
        .name = dump_keep(j, &name),
        .type = "goroutine",
        .path = dump_keep(j, &path),
        .retained_bytes = c->retained_bytes,
        .retained_objects = c->retained_objects,
        .reachable_bytes = c->retained_bytes,
        .share = j->total_bytes > 0 ? c->retained_bytes / j->total_bytes : 0};
    return true;
}

/* Is what grows below one of them a candidate of its own? */
static bool is_told(const struct dump_judge *j, const struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *held = &j->candidates.items[i];
        const struct dump_row *top = dump_top(held);
        if (held->what != DUMP_HELD || !held->is_growing || held->at == 0 ||
            top->is_object) {
            continue;
        }
        for (size_t k = 0; k < c->n_goroutines; k++) {
            if (heap_goroutine_at(g, c->goroutines[k])->group ==
                top->branch->sample - 1) {
                return true;
            }
        }
    }
    return false;
}

static bool has_worth(const struct dump_judge *j,
                      const struct dump_candidate *c)
{
    if (c->what == DUMP_UNREACHABLE || j->joins) {
        return true;
    }
    const double n = (double)c->n_goroutines;
    return (c->on != BLOCKED_NOT && n >= j->options.min_goroutines) ||
           (j->before &&
            n - (double)c->n_before >= j->options.min_goroutines) ||
           (c->retained_bytes >= j->options.min_share * j->total_bytes &&
            !is_told(j, c));
}

/* Of a group that is also a branch of the tree: the way shows what they hold,
   and the branch need not be told twice. */
static void take_branch(struct dump_judge *j, struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *held = &j->candidates.items[i];
        const struct dump_row *top = dump_top(held);
        if (held->what != DUMP_HELD || !top || top->is_object ||
            held->at != 0 || held->container != CONTAINER_GOROUTINES) {
            continue;
        }
        const uint32_t group = top->branch->sample - 1;
        for (size_t k = 0; k < c->n_goroutines; k++) {
            if (heap_goroutine_at(g, c->goroutines[k])->group == group) {
                c->way = held->way;
                c->at = held->at;
                c->held = held->held;
                c->allocation = held->allocation;
                c->holder.path = held->holder.path;
                for (size_t m = i; m + 1 < j->candidates.n; m++) {
                    j->candidates.items[m] = j->candidates.items[m + 1];
                }
                j->candidates.n--;
                return;
            }
        }
    }
}

static size_t count_alike(const struct waiting *w, size_t n,
                          const struct waiting *like)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += is_alike(&w[i], like);
    }
    return count;
}

struct group_run {
    struct dump_judge *j;
    const struct waiting *before; /* of the other dump */
    size_t n_before, n_all;
    const struct waiting *all;
};

static bool add_group(struct group_run *r, const struct waiting *w, size_t n,
                      struct err *err)
{
    struct dump_judge *j = r->j;
    uint32_t *ids = arena_new(j->arena, uint32_t, n);
    if (!ids) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    struct dump_candidate c = {
        .what = w->is_unreachable ? DUMP_UNREACHABLE : DUMP_GOROUTINES,
        .dump = j->e,
        .container = CONTAINER_GOROUTINES,
        .is_growing = true,
        .goroutines = ids,
        .n_goroutines = n,
        .n_all_goroutines = r->n_all,
        .wait_reason = w->reason,
        .function = w->function,
        .entry = w->entry,
        .on = heap_blocked_at(j->blocked, w->index)->on,
        .has_before = j->before != NULL,
        .n_before = count_alike(r->before, r->n_before, w),
        .n_alike = count_alike(r->all, r->n_all, w),
    };
    for (size_t i = 0; i < n; i++) {
        ids[i] = w[i].index;
        c.n_doubtful += heap_blocked_at(j->blocked, w[i].index)->is_doubtful;
        c.stack_bytes += stack_bytes(j->e->facts->graph, w[i].index);
    }
    struct frame *frames = NULL;
    size_t n_frames = 0;
    if (!fill_holder(j, &c, err)) {
        return false;
    }
    if (!has_worth(j, &c)) {
        return true;
    }
    if (!dump_frames_of(j, ids[0], &frames, &n_frames, err)) {
        return false;
    }
    c.usual = evidence_is_baseline(frames, n_frames);
    c.usual = c.usual ? c.usual : evidence_is_pool(frames, n_frames);
    c.weight = (double)n - (double)c.n_before;
    take_branch(j, &c);
    return dump_candidates_push(&j->candidates, c) ||
           err_nomem(err, "goroutines of a heap dump");
}

static bool add_groups(struct group_run *r, const struct waiting *w, size_t n,
                       struct err *err)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && is_alike(&w[i], &w[end]) &&
               w[i].is_unreachable == w[end].is_unreachable) {
            end++;
        }
        if (!add_group(r, &w[i], end - i, err)) {
            return false;
        }
        i = end;
    }
    return true;
}

bool dump_add_goroutines(struct dump_judge *j, struct err *err)
{
    struct waiting *now = NULL;
    struct waiting *before = NULL;
    size_t n = 0;
    struct group_run r = {.j = j};
    bool ok = list_waiting(j->e->facts->graph, j->blocked, &now, &n, err) &&
              (!j->before || list_waiting(j->before->facts->graph, NULL,
                                          &before, &r.n_before, err));
    r.before = before;
    r.all = now;
    r.n_all = n;
    ok = ok && add_groups(&r, now, n, err);
    free(now);
    free(before);
    return ok;
}
