/*
 * Profiles say where memory is allocated and how fast it grows, a dump who
 * holds it. They meet in the dump's own samples: objects that were sampled at
 * the line that a finding names, and what keeps those alive. Goroutines meet
 * by the functions on their stacks.
 */
#include "rules/dump_private.h"

#include "rules/compose_private.h"

#include "base/num.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Holders of less of the heap are not looked for. */
static const double share_joined = 0.0005;

/* --- from an object to its row of the tree --- */

/* Longer chains are lists: their upper end tells who holds them. */
enum { CHAIN_MAX = 256 };

static bool is_class(const struct dump_row *r, const char *name)
{
    return strcmp(r->branch->class_name, name) == 0;
}

/* The row of `node` below `parent`; `rows->n` none. One that holds more than
   all others of its class has a row of its own. */
static size_t find_row(struct dump_judge *j, const struct dump_rows *rows,
                       uint32_t parent, heap_node node)
{
    const char *name = heap_view_class(j->e->view, node);
    const size_t from = parent == UINT32_MAX ? 0 : parent + (size_t)1;
    size_t found = rows->n;
    for (size_t i = from; i < rows->n; i++) {
        const struct dump_row *r = &rows->items[i];
        if (parent != UINT32_MAX &&
            r->branch->depth <= rows->items[parent].branch->depth) {
            break;
        }
        if (r->parent != parent || !is_class(r, name)) {
            continue;
        }
        if (r->branch->sample == node) {
            return i;
        }
        if (r->branch->n_nodes > 1) {
            found = i;
        }
    }
    return found;
}

/* Adds `weight` to the rows on the object's way. */
static bool add_object(struct dump_judge *j, const struct dump_rows *rows,
                       double *weights, object_id o, double weight,
                       struct err *err)
{
    heap_node *chain = NULL;
    size_t n = 0;
    const heap_node node = heap_node_of_object(j->e->facts->graph, o);
    if (!heap_view_dominators(j->e->view, node, CHAIN_MAX, &chain, &n, err)) {
        return false;
    }
    if (n == 0 || heap_dominator(j->e->facts->dominators, chain[n - 1]) != 0) {
        return true;
    }
    uint32_t parent = UINT32_MAX;
    for (size_t i = n; i > 0; i--) {
        const size_t row = find_row(j, rows, parent, chain[i - 1]);
        if (row < rows->n) {
            parent = (uint32_t)row;
            weights[row] += weight;
        } else if (parent == UINT32_MAX ||
                   !is_class(&rows->items[parent],
                             heap_view_class(j->e->view, chain[i - 1]))) {
            break; /* what is of the row's own class is in it */
        }
    }
    return true;
}

static size_t heaviest_below(const struct dump_rows *rows,
                             const double *weights, uint32_t parent)
{
    size_t best = rows->n;
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->items[i].parent == parent && weights[i] > 0 &&
            (best == rows->n || weights[i] > weights[best])) {
            best = i;
        }
    }
    return best;
}

/* Down from the root that most objects have, as long as most go on. */
static size_t heaviest_row(const struct dump_rows *rows, const double *weights)
{
    size_t at = heaviest_below(rows, weights, UINT32_MAX);
    while (at < rows->n) {
        const size_t next = heaviest_below(rows, weights, (uint32_t)at);
        if (next == rows->n || weights[next] < weights[at] / 2) {
            break;
        }
        at = next;
    }
    return at;
}

/* --- heap findings --- */

bool dump_is_allocated_at(struct dump_judge *j, const struct heap_bucket *b,
                          const struct finding *f)
{
    for (size_t i = 0; i < b->n_calls; i++) {
        const char *name = heap_view_function(j->e->view, &b->calls[i]);
        if (strcmp(name, f->site.function) == 0) {
            return true;
        }
    }
    return false;
}

static bool weigh_samples(struct dump_judge *j, const struct dump_rows *rows,
                          const struct finding *f, double *weights,
                          bool *is_any, struct err *err)
{
    const struct heap_graph *g = j->e->facts->graph;
    const size_t n = heap_n_buckets(g);
    uint8_t *is_there = calloc(n + 1, sizeof *is_there);
    if (!is_there) {
        return err_nomem(err, "allocation sites");
    }
    for (size_t i = 0; i < n; i++) {
        is_there[i] = dump_is_allocated_at(j, heap_bucket_at(g, i), f);
    }
    bool ok = true;
    for (size_t i = 0; ok && i < heap_n_samples(g); i++) {
        const struct heap_bucket *b = NULL;
        const object_id o = heap_sample_at(g, i, &b);
        if (is_there[b - heap_bucket_at(g, 0)] &&
            heap_object_is_reachable(g, o)) {
            /* One sample stands for as many bytes as any other, nearly. */
            ok = add_object(j, rows, weights, o, 1, err);
            *is_any = true;
        }
    }
    free(is_there);
    return ok;
}

static const char **with_line(struct dump_judge *j, const struct finding *f,
                              const char *line)
{
    const char **lines = arena_new(j->arena, const char *, f->n_evidence + 1);
    for (size_t i = 0; lines && i < f->n_evidence; i++) {
        lines[i] = f->evidence[i];
    }
    if (lines) {
        lines[f->n_evidence] = line;
    }
    return lines;
}

static bool add_evidence(struct dump_judge *j, struct finding *f,
                         struct buf *text, struct err *err)
{
    const char *line = dump_keep(j, text);
    const char **lines = with_line(j, f, line);
    if (!lines) {
        return err_nomem(err, "evidence");
    }
    f->evidence = lines;
    f->n_evidence++;
    return true;
}

/* A dump was asked for; now it is there. */
static void say_where_to_look(const struct dump_candidate *c, struct finding *f)
{
    const char *asked = f->confirm ? f->confirm : f->rule->confirm;
    if (asked && strstr(asked, "WriteHeapDump")) {
        f->confirm = c->n_goroutines > 0
                         ? "seep heap DUMP --exe BINARY --view goroutines"
                         : "seep heap DUMP --exe BINARY --view holders";
    }
}

static bool take_holder(struct dump_judge *j, const struct dump_candidate *c,
                        struct finding *f, struct err *err)
{
    say_where_to_look(c, f);
    if (c->n_goroutines > 0 && c->retained_bytes < 1) {
        return true; /* nothing but their stacks */
    }
    struct finding_holder *h = arena_new(j->arena, struct finding_holder, 1);
    if (!h) {
        return err_nomem(err, "holder");
    }
    *h = c->holder;
    f->holder = h;
    return true;
}

static bool join_heap(struct dump_judge *j, const struct dump_rows *rows,
                      struct finding *f, struct err *err)
{
    double *weights = calloc(rows->n + 1, sizeof *weights);
    bool is_any = false;
    if (!weights) {
        return err_nomem(err, "holders of a heap dump");
    }
    bool ok = weigh_samples(j, rows, f, weights, &is_any, err);
    const size_t row = ok && is_any ? heaviest_row(rows, weights) : rows->n;
    free(weights);
    if (!ok || row == rows->n) {
        return ok;
    }
    struct dump_candidate c = {.what = DUMP_HELD, .dump = j->e};
    dump_way_to(rows, row, &c.way);
    dump_way_container(j, &c);
    dump_find_finalizer(&c);
    if (!dump_fill_held(j, &c, err) || !dump_find_fixed(j, &c, err) ||
        !take_holder(j, &c, f, err) || !dump_diagnose(j, &c, f, err)) {
        return false;
    }
    if (!c.has_map) {
        return true;
    }
    struct buf text = BUF_LIMIT(512);
    buf_str(&text, "in the heap dump the map has ");
    num_count(&text, (int64_t)c.map.n_entries);
    buf_str(&text, " entries, room for ");
    num_count(&text, (int64_t)c.map.capacity);
    return add_evidence(j, f, &text, err);
}

/* --- goroutine findings --- */

/* Do they stand at the same place, in the same kind of wait? A profile of few
   frames may not say how it waits. */
static bool is_group_of(const struct dump_candidate *c, const struct finding *f)
{
    const enum primitive p = primitive_of(f->stack, f->n_stack);
    return c->n_goroutines > 0 && strcmp(c->function, f->site.function) == 0 &&
           (p == PRIMITIVE_OTHER || p == c->primitive);
}

/* Proof first, then the most of them. */
static struct dump_candidate *find_group(struct dump_judge *j,
                                         const struct finding *f)
{
    struct dump_candidate *best = NULL;
    for (size_t i = 0; i < j->candidates.n; i++) {
        struct dump_candidate *c = &j->candidates.items[i];
        if (!is_group_of(c, f)) {
            continue;
        }
        const bool is_better =
            !best ||
            (c->what == DUMP_UNREACHABLE) > (best->what == DUMP_UNREACHABLE) ||
            (c->what == best->what && c->n_goroutines > best->n_goroutines);
        best = is_better ? c : best;
    }
    return best;
}

/* Are as many of them beyond waking as the profiles saw come? */
static bool covers_growth(const struct dump_candidate *c,
                          const struct finding *f)
{
    const struct metric *m = f->n_metrics > 0 ? &f->metrics[0] : NULL;
    const bool is_counted = m && strcmp(m->name, "goroutines") == 0;
    return is_counted && (double)c->n_goroutines >= 0.9 * m->delta;
}

/* A bound that was reached needs no fix; goroutines that nothing can wake do,
   though no more of them come. */
static bool take_back_end(struct dump_judge *j, const struct dump_candidate *c,
                          struct finding *f, struct err *err)
{
    struct finding d;
    if (!f->has_ended) {
        return true;
    }
    if (!dump_finding_of(j, c, &d, err)) {
        return false;
    }
    f->has_ended = false;
    f->cause = d.cause;
    f->why = d.rule ? d.rule->why : NULL;
    f->fix = d.fix;
    f->alternatives = d.alternatives;
    f->n_alternatives = d.n_alternatives;
    return true;
}

/* Proof needs no statistics; what they lacked is no matter any more. */
static bool raise_to_proven(struct dump_judge *j,
                            const struct dump_candidate *c, struct finding *f,
                            struct err *err)
{
    size_t n = 0;
    f->grade = GRADE_PROVEN;
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (!f->doubt || strcmp(f->evidence[i], f->doubt) != 0) {
            f->evidence[n++] = f->evidence[i];
        }
    }
    f->n_evidence = n;
    f->doubt = NULL;
    return take_back_end(j, c, f, err);
}

static bool join_goroutines(struct dump_judge *j, struct finding *f,
                            bool *is_joined, struct err *err)
{
    struct dump_candidate *c = find_group(j, f);
    if (!c) {
        return true;
    }
    const bool is_proof =
        c->what == DUMP_UNREACHABLE && dump_grade_of(j, c) == GRADE_PROVEN;
    const bool is_all = covers_growth(c, f);
    /* Else it stays a finding of its own. */
    is_joined[c - j->candidates.items] = !is_proof || is_all;
    if (!take_holder(j, c, f, err)) {
        return false;
    }
    struct buf text = BUF_LIMIT(1024);
    buf_str(&text, "in the heap dump ");
    num_count(&text, (int64_t)c->n_goroutines);
    buf_str(&text, c->what == DUMP_UNREACHABLE
                       ? " of them wait for what nobody who runs can reach, "
                         "and hold "
                       : " of them hold ");
    if (c->retained_bytes > 0) {
        num_bytes(&text, c->retained_bytes);
    } else {
        buf_str(&text, "nothing but their stacks, ");
        num_bytes(&text, c->stack_bytes);
    }
    const bool ok = !is_proof || !is_all || raise_to_proven(j, c, f, err);
    if (!ok) {
        buf_release(&text);
    }
    return ok && add_evidence(j, f, &text, err);
}

/* --- all of it --- */

static bool is_of_goroutines(const struct finding *f)
{
    return f->profile == KIND_GOROUTINE || f->profile == KIND_GOROUTINELEAK;
}

static bool join_all(struct dump_judge *j, const struct dump_rows *rows,
                     struct findings *findings, bool *is_joined,
                     struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < findings->n; i++) {
        struct finding *f = &findings->items[i];
        if (!f->has_site || f->holder) {
            continue;
        }
        if (f->profile == KIND_HEAP) {
            ok = join_heap(j, rows, f, err);
        } else if (is_of_goroutines(f)) {
            ok = join_goroutines(j, f, is_joined, err);
        }
    }
    return ok;
}

static bool add_proven(struct dump_judge *j, struct findings *findings,
                       const bool *is_joined, struct err *err)
{
    size_t cap = findings->n;
    for (size_t i = 0; i < j->candidates.n; i++) {
        const struct dump_candidate *c = &j->candidates.items[i];
        struct finding f;
        if (is_joined[i] || dump_grade_of(j, c) != GRADE_PROVEN) {
            continue;
        }
        if (!dump_finding_of(j, c, &f, err) ||
            (f.rule && !findings_push(findings, &cap, &f, err))) {
            return false;
        }
    }
    return true;
}

bool rules_join_dump(const struct dump_evidence *e,
                     const struct dump_options *options,
                     struct findings *findings, struct err *err)
{
    struct dump_judge j;
    struct dump_rows rows;
    if (!dump_judge_begin(&j, e, options, &findings->arena, err)) {
        return false;
    }
    j.joins = true;
    bool *is_joined = NULL;
    bool ok = dump_rows_read(&j, e, share_joined, &rows, err) &&
              dump_add_goroutines(&j, err) && dump_add_pinned(&j, err);
    if (ok) {
        is_joined = calloc(j.candidates.n + 1, sizeof *is_joined);
        ok = is_joined || err_nomem(err, "joining a heap dump");
    }
    ok = ok && join_all(&j, &rows, findings, is_joined, err) &&
         add_proven(&j, findings, is_joined, err);
    if (ok && findings->arena.has_failed) {
        ok = err_nomem(err, "joining a heap dump");
    }
    free(is_joined);
    dump_judge_end(&j);
    if (ok) {
        findings->kinds |= PROFILE_BIT(KIND_HEAPDUMP);
        findings_sort(findings);
        if (findings->n > 0 && findings->items[0].grade >= GRADE_STRONG) {
            findings->verdict = VERDICT_LEAK;
            findings->limits.advice = NULL; /* it is decided */
        }
    }
    return ok;
}
