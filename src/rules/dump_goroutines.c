/*
 * Goroutines that wait alike: at the same place, started as the same function,
 * for the same reason. Those that nothing can wake are told apart from those
 * that somebody may.
 */
#include "rules/dump_private.h"

#include "base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct waiting {
    uint32_t index;
    const char *reason, *function, *entry;
    bool is_unreachable;
};

/* --- groups --- */

/* How it waits, not where. */
static bool is_quiet(const char *name)
{
    static const char *const prefixes[] = {
        "runtime.", "internal/", "sync.",         "syscall.",
        "time.",    "bufio.",    "runtime/debug."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_runtimes(const char *name)
{
    return strncmp(name, "runtime.", 8) == 0;
}

/* A wrapper stands for what it calls, as in profiles; but not for how that
   waits. */
static bool yields_to(const char *named, const char *name)
{
    return *named == '\0' ||
           (heap_view_is_wrapper(named) && !is_runtimes(name));
}

/* From the outermost call on: the function becomes the innermost that is not
   of the standard library, else the innermost that says what for; the entry
   what it was started with. */
static void name_by_call(struct waiting *w, const char *name, bool *is_users)
{
    const bool is_std =
        heap_view_is_wrapper(name) ||
        name_origin(span_of(name), SPAN_LIT(""), SPAN_LIT("")) > ORIGIN_DEP;
    if (yields_to(w->entry, name)) {
        w->entry = name;
    }
    if (yields_to(w->function, name) || !is_std ||
        (!*is_users && !is_quiet(name))) {
        w->function = name;
    }
    *is_users = *is_users || !is_std;
}

static bool name_waiting(const struct dump_evidence *e, uint32_t index,
                         struct waiting *out, struct err *err)
{
    const struct graph_goroutine *r = heap_goroutine_at(e->facts->graph, index);
    bool is_users = false;
    *out = (struct waiting){.index = index,
                            .reason = r->wait_reason ? r->wait_reason : "",
                            .function = "",
                            .entry = ""};
    for (uint32_t i = r->n_frames; i > 0; i--) {
        struct view_calls calls;
        if (!heap_view_calls(e->view, r->first_frame + i - 1, &calls, err)) {
            return false;
        }
        for (size_t k = calls.n; k > 0; k--) {
            const char *name = calls.items[k - 1].function;
            if (!heap_view_is_goexit(name)) {
                name_by_call(out, name, &is_users);
            }
        }
    }
    return true;
}

static int compare_how(const struct waiting *a, const struct waiting *b)
{
    int order = strcmp(a->reason, b->reason);
    order = order ? order : strcmp(a->function, b->function);
    return order ? order : strcmp(a->entry, b->entry);
}

static int compare(const void *pa, const void *pb, const void *ctx)
{
    const struct waiting *a = pa;
    const struct waiting *b = pb;
    (void)ctx;
    const int order = compare_how(a, b);
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
    return compare_how(a, b) == 0;
}

/* All but the runtime's; sorted, so that those alike are neighbours. The
   caller frees them. */
static bool list_waiting(struct dump_judge *j, const struct dump_evidence *e,
                         const struct heap_blocked *blocked,
                         struct waiting **out, size_t *n, struct err *err)
{
    const struct heap_graph *g = e->facts->graph;
    const uint32_t n_all = heap_n_goroutines(g);
    *n = 0;
    if (!dump_has_room(j, sizeof **out * (uint64_t)n_all, err)) {
        return false;
    }
    *out = calloc(n_all + (size_t)1, sizeof **out);
    if (!*out) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    for (uint32_t i = 0; i < n_all; i++) {
        if (!heap_goroutine_at(g, i)->is_system) {
            struct waiting *w = &(*out)[(*n)++];
            if (!name_waiting(e, i, w, err)) {
                return false;
            }
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

struct group_run {
    struct dump_judge *j;
    struct blocked_tally *tally;
    const struct waiting *before; /* of the other dump */
    size_t n_before, n_all;
    const struct waiting *all;
    uint64_t steps_left; /* of walks that begin anew for each group */
};

/* What they hold together with others takes a walk of its own for each group:
   where thousands of groups reach the same, it is not asked any more. */
static bool sum_shared(struct group_run *r, struct dump_candidate *c,
                       const struct blocked_held *held, struct err *err)
{
    struct blocked_held all;
    c->shared_bytes = NAN;
    if (r->steps_left == 0) {
        return true;
    }
    if (!heap_blocked_hold(r->j->blocked, c->goroutines, c->n_goroutines, &all,
                           err)) {
        return false;
    }
    const uint64_t n_objects = heap_n_objects(r->j->e->facts->graph);
    const uint64_t steps = all.n_objects + n_objects / 64 + 1; /* with bits */
    r->steps_left -= steps < r->steps_left ? steps : r->steps_left;
    c->shared_bytes = (double)(all.bytes - held->bytes);
    return true;
}

/* Of those that nothing can wake: what no other such group counts already. */
static bool sum_unreachable(struct group_run *r, struct dump_candidate *c,
                            struct err *err)
{
    struct blocked_held held;
    if (!blocked_tally_add(r->tally, c->goroutines, c->n_goroutines, &held,
                           err)) {
        return false;
    }
    c->retained_bytes = (double)held.bytes;
    c->retained_objects = (double)held.n_objects;
    return sum_shared(r, c, &held, err);
}

static void sum_retained(const struct dump_judge *j, struct dump_candidate *c)
{
    for (size_t i = 0; i < c->n_goroutines; i++) {
        const heap_node n = heap_node_of_group(
            heap_goroutine_at(j->e->facts->graph, c->goroutines[i])->group);
        c->retained_bytes +=
            (double)heap_retained_bytes(j->e->facts->dominators, n);
        c->retained_objects +=
            (double)heap_retained_objects(j->e->facts->dominators, n);
    }
}

static void fill_holder(struct dump_judge *j, struct dump_candidate *c)
{
    struct buf name = BUF_LIMIT(4096);
    buf_printf(&name, "goroutine%s %s", c->n_goroutines == 1 ? "" : "s",
               c->entry);
    struct buf path = BUF_LIMIT(4096);
    buf_printf(&path, "%s waits in %s (%s)", c->entry, c->function,
               *c->wait_reason ? c->wait_reason : "runs");
    c->holder = (struct finding_holder){
        .name = dump_keep(j, &name),
        .type = "goroutine",
        .path = dump_keep(j, &path),
        .retained_bytes = c->retained_bytes,
        .retained_objects = c->retained_objects,
        /* Of those that may go on it takes a walk for each. */
        .reachable_bytes = c->what == DUMP_UNREACHABLE
                               ? c->retained_bytes + c->shared_bytes
                               : NAN,
        .share = j->total_bytes > 0 ? c->retained_bytes / j->total_bytes : 0};
}

/* Of the candidates those that are held: they come before all others. */
static size_t count_held(const struct dump_judge *j)
{
    size_t n = 0;
    while (n < j->candidates.n && j->candidates.items[n].what == DUMP_HELD) {
        n++;
    }
    return n;
}

/* Is what grows below one of them a candidate of its own? */
static bool is_told(const struct dump_judge *j, const struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    const size_t n_held = count_held(j);
    for (size_t i = 0; i < n_held; i++) {
        const struct dump_candidate *held = &j->candidates.items[i];
        const struct dump_row *top = dump_top(held);
        if (!held->is_growing || held->at == 0 || top->is_object) {
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

/* One alone is a holder like any other, and told by what it holds. */
static bool has_worth(const struct dump_judge *j,
                      const struct dump_candidate *c)
{
    if (c->what == DUMP_UNREACHABLE || j->joins) {
        return true;
    }
    const double n = (double)c->n_goroutines;
    const double least = j->options.min_goroutines;
    return (n >= least && (c->on != BLOCKED_NOT || c->n_transports > 0)) ||
           (j->before && n - (double)c->n_before >= least) ||
           (n > 1 &&
            c->retained_bytes >= j->options.min_share * j->total_bytes &&
            !is_told(j, c));
}

/* Of a group that is also a branch of the tree: the way shows what they hold,
   and the branch need not be told twice. */
static void take_branch(struct dump_judge *j, struct dump_candidate *c)
{
    const struct heap_graph *g = j->e->facts->graph;
    const size_t n_held = count_held(j);
    for (size_t i = 0; i < n_held; i++) {
        const struct dump_candidate *held = &j->candidates.items[i];
        const struct dump_row *top = dump_top(held);
        if (!top || top->is_object || held->at != 0 ||
            held->container != CONTAINER_GOROUTINES) {
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

/* Of those sorted the number before `like`, with those alike if `or_alike`. */
static size_t count_before(const struct waiting *w, size_t n,
                           const struct waiting *like, bool or_alike)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_how(&w[middle], like) < (or_alike ? 1 : 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t count_alike(const struct waiting *w, size_t n,
                          const struct waiting *like)
{
    return count_before(w, n, like, true) - count_before(w, n, like, false);
}

/* --- what is known of them --- */

static bool has_frame(const struct frame *frames, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(frames[i].function, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What is known of those frames beyond what they wait for. */
static bool look_at_frames(struct dump_judge *j, struct dump_candidate *c,
                           const struct frame *frames, size_t n,
                           struct err *err)
{
    if (c->what == DUMP_UNREACHABLE) {
        return true;
    }
    c->usual = evidence_is_baseline(frames, n);
    c->is_baseline = c->usual != NULL && !evidence_is_listener(frames, n);
    c->usual = c->usual ? c->usual : evidence_is_pool(frames, n);
    /* Not in a read: it waits for the caller to finish the body. */
    c->has_open_bodies =
        strcmp(c->wait_reason, "select") == 0 &&
        has_frame(frames, n, "net/http.(*persistConn).readLoop");
    c->is_idle_client = evidence_is_idle_client(frames, n);
    return dump_look_at_workers(j, c, err);
}

/* Each connection of the client has one of these beside its reader. */
static bool is_companion(const struct frame *frames, size_t n)
{
    return has_frame(frames, n, "net/http.(*persistConn).writeLoop");
}

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
    if (c.what != DUMP_UNREACHABLE) {
        sum_retained(j, &c);
    } else if (!sum_unreachable(r, &c, err)) {
        return false;
    }
    fill_holder(j, &c);
    if (!dump_frames_of(j, ids[0], &frames, &n_frames, err)) {
        return false;
    }
    c.primitive = primitive_of_status(c.wait_reason, frames, n_frames);
    if (!look_at_frames(j, &c, frames, n_frames, err) ||
        !dump_look_at_transports(j, &c, err)) {
        return false;
    }
    if (!has_worth(j, &c) || (!j->joins && is_companion(frames, n_frames))) {
        return true;
    }
    c.weight = (double)n - (double)c.n_before;
    take_branch(j, &c);
    if (c.what == DUMP_UNREACHABLE) {
        j->n_unreachable += (double)n;
        j->unreachable_bytes += c.retained_bytes;
    }
    const struct dump_candidates *all = &j->candidates;
    const uint64_t grown = all->n == all->cap ? 2 * (uint64_t)all->cap : 0;
    return dump_has_room(j, sizeof c * grown, err) &&
           (dump_candidates_push(&j->candidates, c) ||
            err_nomem(err, "goroutines of a heap dump"));
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

static bool run_groups(struct group_run *r, struct waiting **now,
                       struct waiting **before, struct err *err)
{
    enum { WALKS_MAX = 64 };
    struct dump_judge *j = r->j;
    size_t n = 0;
    /* Programs have some dozens of such groups. */
    r->steps_left = WALKS_MAX * (uint64_t)heap_n_objects(j->e->facts->graph);
    r->tally = blocked_tally_new(j->blocked);
    if (!r->tally) {
        return err_nomem(err, "goroutines of a heap dump");
    }
    if (!list_waiting(j, j->e, j->blocked, now, &n, err) ||
        (j->before &&
         !list_waiting(j, j->before, NULL, before, &r->n_before, err))) {
        return false;
    }
    r->before = *before;
    r->all = *now;
    r->n_all = n;
    return add_groups(r, *now, n, err);
}

bool dump_add_goroutines(struct dump_judge *j, struct err *err)
{
    struct waiting *now = NULL;
    struct waiting *before = NULL;
    struct group_run r = {.j = j};
    const bool ok = run_groups(&r, &now, &before, err);
    blocked_tally_free(r.tally);
    free(now);
    free(before);
    return ok;
}
