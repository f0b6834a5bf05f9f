/*
 * A judged unit becomes a finding: its stacks with the one that grew most
 * first, the rule that names it, the figures that prove it.
 */
#include "rules/finding.h"

#include "base/num.h"
#include "base/sort.h"
#include "rules/cluster_private.h"
#include "rules/compose_private.h"
#include "rules/identity_private.h"
#include "rules/judge_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STACKS_MAX = 5, SIZES_MAX = 64, LABELS_MAX = 512, LINES_MAX = 8 };

const char *grade_name(enum grade g)
{
    static const char *const names[] = {
#define X(name, text, what) text,
        GRADES(X)
#undef X
    };
    return names[g];
}

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {
        [VERDICT_CLEAN] = "clean",
        [VERDICT_INCONCLUSIVE] = "inconclusive",
        [VERDICT_GROWTH] = "growth",
        [VERDICT_LEAK] = "leak",
    };
    return names[v];
}

void findings_release(struct findings *f)
{
    arena_release(&f->arena);
    *f = (struct findings){0};
}

bool findings_note(struct findings *f, const char *text, struct err *err)
{
    const char **notes = arena_new(&f->arena, const char *, f->n_notes + 1);
    if (text == NULL || notes == NULL) {
        return err_nomem(err, "notes");
    }
    if (f->n_notes > 0) {
        memcpy(notes, f->notes, f->n_notes * sizeof(*notes));
    }
    notes[f->n_notes] = text;
    f->notes = notes;
    f->n_notes++;
    return true;
}

static bool nomem(struct err *err)
{
    return err_nomem(err, "writing a finding");
}

/* --- stacks --- */

struct row_growth {
    uint32_t row;
    double first, last, objects_first, objects_last;
};

/* Equal growth: by site and leaf, since row ids follow the order of reading. */
static int compare_rows(const struct judge *j, uint32_t a, uint32_t b)
{
    const struct row_facts *fa = &j->rows[a];
    const struct row_facts *fb = &j->rows[b];
    if (fa->leaf != fb->leaf && fa->leaf != NO_FUNC && fb->leaf != NO_FUNC) {
        return strcmp(series_func_name(j->s, fa->leaf),
                      series_func_name(j->s, fb->leaf));
    }
    if (fa->site_line != fb->site_line) {
        return fa->site_line < fb->site_line ? -1 : 1;
    }
    return (a > b) - (a < b);
}

static int by_growth(const void *pa, const void *pb, const void *ctx)
{
    const struct row_growth *a = pa;
    const struct row_growth *b = pb;
    const double da = a->last - a->first;
    const double db = b->last - b->first;
    if (da > db || da < db) {
        return da > db ? -1 : 1;
    }
    return compare_rows(ctx, a->row, b->row);
}

static void add_point(const struct judge *j, const struct unit *u, size_t point,
                      bool is_last, struct row_growth *of, const uint32_t *at)
{
    size_t n = 0;
    const struct series_cell *c = series_cells(j->s, u->plane, point, &n);
    for (size_t i = 0; i < n; i++) {
        if (at[c[i].row] == 0) {
            continue;
        }
        struct row_growth *g = &of[at[c[i].row] - 1];
        const double value =
            (double)(u->plane == PLANE_HEAP ? c[i].in_use_bytes : c[i].in_use);
        *(is_last ? &g->last : &g->first) += value;
        *(is_last ? &g->objects_last : &g->objects_first) +=
            (double)c[i].in_use;
    }
}

/* Growth of every row of the unit, largest first; the caller frees it. */
static struct row_growth *grow_rows(const struct judge *j, const struct unit *u)
{
    struct row_growth *of = calloc(u->rows.n + 1, sizeof *of);
    uint32_t *at = calloc((size_t)j->n_rows + 1, sizeof *at);
    if (!of || !at) {
        free(of);
        free(at);
        return NULL;
    }
    for (size_t i = 0; i < u->rows.n; i++) {
        of[i].row = u->rows.items[i];
        at[u->rows.items[i]] = (uint32_t)i + 1;
    }
    const size_t points = series_n_points(j->s, u->plane);
    if (points > 0) {
        if (points > 1) {
            add_point(j, u, 0, false, of, at);
        }
        add_point(j, u, points - 1, true, of, at);
    }
    free(at);
    sort_items(of, u->rows.n, sizeof *of, by_growth, j);
    return of;
}

static const char *label_text(struct judge *j, uint32_t row)
{
    struct buf b = BUF_LIMIT(LABELS_MAX);
    const char *key = NULL;
    const char *value = NULL;
    for (uint32_t i = 0; series_row_label(j->s, row, i, &key, &value); i++) {
        if (strcmp(key, SERIES_STATUS) == 0) {
            continue;
        }
        buf_printf(&b, "%s%s=%s", i ? " " : "", key, value);
    }
    const char *text = b.len ? arena_strdup(j->arena, buf_view(&b)) : NULL;
    j->arena->has_failed |= b.failed_memory;
    buf_release(&b);
    return text;
}

static bool fill_stacks(struct judge *j, const struct row_growth *g, size_t n,
                        struct evidence *e, struct err *err)
{
    const size_t m = n < STACKS_MAX ? n : STACKS_MAX;
    struct evidence_stack *stacks =
        arena_new(j->arena, struct evidence_stack, m + 1);
    if (!stacks) {
        return nomem(err);
    }
    for (size_t i = 0; i < m; i++) {
        struct frame *frames = NULL;
        size_t n_frames = 0;
        if (!judge_frames(j, g[i].row, &frames, &n_frames, err)) {
            return false;
        }
        stacks[i] = (struct evidence_stack){frames,
                                            n_frames,
                                            g[i].first,
                                            g[i].last,
                                            g[i].last - g[i].first,
                                            g[i].objects_first,
                                            g[i].objects_last,
                                            label_text(j, g[i].row)};
    }
    e->stacks = stacks;
    e->n_stacks = m;
    return true;
}

static int by_size_growth(const void *pa, const void *pb, const void *ctx)
{
    (void)ctx;
    const struct evidence_size *a = pa;
    const struct evidence_size *b = pb;
    const double da = (a->objects_last - a->objects_first) * a->block_bytes;
    const double db = (b->objects_last - b->objects_first) * b->block_bytes;
    if (da > db || da < db) {
        return da > db ? -1 : 1;
    }
    return (a->block_bytes > b->block_bytes) -
           (a->block_bytes < b->block_bytes);
}

static bool fill_sizes(struct judge *j, const struct row_growth *g, size_t n,
                       struct evidence *e, struct err *err)
{
    struct evidence_size *sizes =
        arena_new(j->arena, struct evidence_size, SIZES_MAX);
    if (!sizes) {
        return nomem(err);
    }
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const double block = (double)series_row_block_bytes(j->s, g[i].row);
        size_t k = 0;
        while (k < m &&
               (sizes[k].block_bytes < block || sizes[k].block_bytes > block)) {
            k++;
        }
        if (k == m && m < SIZES_MAX) {
            sizes[m++].block_bytes = block;
        }
        if (k < m) {
            sizes[k].objects_first += g[i].objects_first;
            sizes[k].objects_last += g[i].objects_last;
        }
    }
    sort_items(sizes, m, sizeof *sizes, by_size_growth, NULL);
    e->sizes = sizes;
    e->n_sizes = m;
    return true;
}

/* --- evidence --- */

static struct frame copy_frame(struct judge *j, const struct series_frame *f)
{
    return (struct frame){
        .function = arena_strdup(j->arena, span_of(f->function)),
        .file = arena_strdup(j->arena, span_of(f->file)),
        .package = arena_strdup(j->arena, name_package(span_of(f->function))),
        .line = f->line,
        .origin =
            name_origin(span_of(f->function), span_of(f->file), j->module)};
}

/* The site's frame in the stack that grew most. */
static void fill_site(const struct judge *j, const struct unit *u,
                      uint32_t top_row, struct evidence *e)
{
    if (!u->has_site || e->n_stacks == 0) {
        return;
    }
    const struct evidence_stack *top = &e->stacks[0];
    size_t at = j->rows[top_row].site_at;
    for (size_t i = 0; u->is_parent && i < top->n_frames; i++) {
        const char *name = series_func_name(j->s, u->func);
        struct buf b = BUF_LIMIT(1 << 16);
        name_normalise(&b, span_of(top->frames[i].function));
        const bool is_it = span_is(buf_view(&b), name);
        j->arena->has_failed |= b.failed_memory;
        buf_release(&b);
        if (is_it) {
            at = i;
            break;
        }
    }
    if (at < top->n_frames) {
        e->has_site = true;
        e->site = top->frames[at];
        e->is_leaf_site =
            at == 0 || top->frames[at - 1].origin == ORIGIN_RUNTIME;
    }
}

static bool fill_evidence(struct judge *j, const struct unit *u,
                          struct evidence *e, struct err *err)
{
    *e = (struct evidence){.kind = u->kind,
                           .grade = u->grade,
                           .primitive = u->primitive,
                           .wait_status = u->wait_status,
                           .trend = u->trend,
                           .memstat = u->memstat,
                           .cohort_first = u->cohort_first,
                           .cohort_left = u->cohort_left,
                           .wait_minutes_max = u->wait_minutes_max,
                           .wait_minutes = u->wait_minutes,
                           .wait_minutes_others = u->wait_minutes_others,
                           .companion_heap_bytes = u->companion_heap_bytes,
                           .companion_goroutines = u->companion_goroutines,
                           .ticker_objects_growth = j->ticker_growth,
                           .transport_bytes_growth =
                               u->is_idle_client &&
                                       judge_has_transport_each(j, &u->trend)
                                   ? j->transport_growth
                                   : 0,
                           .about = series_about(j->s),
                           .total_heap_growth_bytes = j->total_heap_growth,
                           .total_goroutine_growth = j->total_goroutine_growth};
    if (u->rows.n > 0) {
        struct row_growth *g = grow_rows(j, u);
        const bool ok = g != NULL || nomem(err);
        if (!ok || !fill_stacks(j, g, u->rows.n, e, err) ||
            !fill_sizes(j, g, u->rows.n, e, err)) {
            free(g);
            return false;
        }
        fill_site(j, u, g[0].row, e);
        free(g);
    }
    if (u->operation != NO_FUNC) {
        e->operation = arena_strdup(
            j->arena, span_of(series_func_name(j->s, u->operation)));
    }
    if (u->has_creator) {
        e->has_creator = true;
        e->creator = copy_frame(j, &u->creator);
    }
    return true;
}

/* --- figures --- */

/* Copies the series: a trend's arrays end with the judgement. */
static void fill_metric(struct judge *j, struct metric *m, const char *name,
                        const char *unit, const double *values, size_t n)
{
    double *series = n > 0 ? arena_new(j->arena, double, n) : NULL;
    if (!series) {
        n = 0; /* the arena says that memory is out */
    } else {
        memcpy(series, values, n * sizeof *series);
    }
    *m = (struct metric){.name = name,
                         .unit = unit,
                         .first = n ? series[0] : 0,
                         .last = n ? series[n - 1] : 0,
                         .per_hour = NAN,
                         .per_hour_low = NAN,
                         .per_hour_high = NAN,
                         .series = series,
                         .n_series = n};
    m->delta = m->last - m->first;
}

/* A pace that may be none is not told, and what ended has none. What is proven
   to leak has one, however few they are. */
static bool has_pace(const struct unit *u)
{
    const struct trend *t = &u->trend;
    return t->has_times && trend_span(t) > 0 &&
           !(u->faults & (FAULT_LEVEL | FAULT_BLOCK)) &&
           (u->grade == GRADE_PROVEN || t->per_second_low > 0 ||
            t->per_second_high < 0);
}

static void fill_rates(struct metric *m, const struct trend *t)
{
    m->per_hour = t->per_second * 3600;
    m->per_hour_low = t->per_second_low * 3600;
    m->per_hour_high = t->per_second_high * 3600;
}

static bool fill_metrics(struct judge *j, const struct unit *u,
                         struct finding *f, struct err *err)
{
    struct metric *m = arena_new(j->arena, struct metric, 2);
    if (!m) {
        return nomem(err);
    }
    const struct trend *t = &u->trend;
    f->metrics = m;
    f->n_metrics = 1;
    if (u->kind == EVIDENCE_HEAP) {
        fill_metric(j, &m[0], "inuse_space", "bytes", t->value, t->n);
        fill_metric(j, &m[1], "inuse_objects", "count", t->objects, t->n);
        m[1].per_hour = has_pace(u) ? m[1].delta / trend_span(t) * 3600 : NAN;
        f->n_metrics = 2;
    } else if (u->kind == EVIDENCE_MEMSTATS) {
        fill_metric(j, &m[0], u->memstat,
                    strcmp(u->memstat, "HeapObjects") ? "bytes" : "count",
                    t->value, t->n);
    } else {
        fill_metric(j, &m[0], "goroutines", "count", t->value, t->n);
    }
    if (has_pace(u)) {
        fill_rates(&m[0], t);
    }
    const double unit = u->kind == EVIDENCE_HEAP || u->kind == EVIDENCE_MEMSTATS
                            ? 1
                            : compose_goroutine_bytes;
    double low = isnan(t->per_second_low) ? t->delta : t->per_second_low * 3600;
    low = low > 0 ? low : 0;
    f->rank_bytes_per_hour = low * unit;
    if (u->companion_heap_bytes > 0 && t->has_times && trend_span(t) > 0) {
        f->rank_bytes_per_hour +=
            u->companion_heap_bytes / trend_span(t) * 3600;
    }
    return true;
}

static void fill_statistics(const struct unit *u, struct finding *f)
{
    const struct trend *t = &u->trend;
    const bool tested = u->kind == EVIDENCE_HEAP ||
                        u->kind == EVIDENCE_GOROUTINE ||
                        u->kind == EVIDENCE_MEMSTATS;
    f->statistics = (struct finding_statistics){
        .points = t->n,
        .p = tested && t->n > 1 ? t->p : NAN,
        .q = tested && t->n > 1 ? t->q : NAN,
        .retention = t->retention,
        .z = tested && t->n > 1 ? t->z : NAN,
        .sampled = t->sampled && t->n ? t->sampled[t->n - 1] : NAN,
        .relative_error = u->kind == EVIDENCE_HEAP ? t->relative_error : 0};
}

/* --- lines of evidence --- */

struct lines {
    const char *items[LINES_MAX];
    size_t n;
};

static void add_line(struct lines *l, const char *line)
{
    if (line && l->n < LINES_MAX) {
        l->items[l->n++] = line;
    }
}

/* Why it is not strong, in words; the first fault that holds. */
static const char *fault_text(unsigned faults)
{
    static const struct {
        unsigned fault;
        const char *text;
    } texts[] = {
        {FAULT_NO_GC,   "nothing was freed anywhere: no GC ran in the window"},
        {FAULT_SHORT,   "too few points for more than a suspicion"           },
        {FAULT_SLOWING, "its growth slows down: it may be warming up"        },
        {FAULT_BURST,   "it grew in one or two steps: they may be the last"  },
        {FAULT_FREED,   "most of what is allocated there is freed again"     },
        {FAULT_NOISE,   "the growth is hardly larger than its own noise"     },
        {FAULT_FALLS,   "it fell back by much in between"                    },
        {FAULT_POOL,    "its number follows clients or a pool's maximum"     },
        {FAULT_AGE,     "the dumps show only young ones: work in flight"     },
        {FAULT_LOAD,    "the program's load rose as much in the window"      },
        {FAULT_LATE,    "it rises in the last part of the window only: it "
                     "may be work that ends"             },
        {FAULT_BLOCK,   "steps are no trend: never more than a suspicion"    },
        {FAULT_TREND,   "the profiles of the window show no steady rise"     },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (faults & texts[i].fault) {
            return texts[i].text;
        }
    }
    return NULL;
}

static const char *doubt_of(const struct unit *u)
{
    return u->grade == GRADE_SUSPECT ? fault_text(u->faults) : NULL;
}

/* "grew to 60 and stays there for the last 51 s". */
static const char *level_line(struct judge *j, const struct unit *u)
{
    const struct trend *t = &u->trend;
    if (!(u->faults & FAULT_LEVEL)) {
        return NULL;
    }
    struct buf b = BUF_LIMIT(256);
    buf_str(&b, "grew to ");
    if (u->plane == PLANE_HEAP) {
        num_bytes(&b, t->last);
    } else {
        num_count(&b, (int64_t)t->last);
    }
    buf_str(&b, " and stays there for the last ");
    if (t->has_times) {
        num_seconds(&b, t->seconds[t->n - 1] - t->seconds[t->level_from]);
    } else {
        buf_printf(&b, "%zu snapshots", t->n - t->level_from);
    }
    const char *text = buf_ok(&b) ? arena_strdup(j->arena, buf_view(&b)) : NULL;
    j->arena->has_failed |= b.failed_memory;
    buf_release(&b);
    return text;
}

/* The rule knows of blocks that are kept, not of one that grows. */
static bool tell_block(struct judge *j, const struct unit *u, struct finding *f,
                       struct err *err)
{
    if (!(u->faults & FAULT_BLOCK)) {
        return true;
    }
    struct buf b = BUF_LIMIT(512);
    num_bytes(&b, u->trend.last);
    buf_str(&b, " are in one block, or few, where ");
    num_bytes(&b, u->trend.first);
    buf_str(&b, " were");
    f->alternatives = arena_new(j->arena, const char *, 2);
    f->cause = buf_ok(&b) ? arena_strdup(j->arena, buf_view(&b)) : NULL;
    buf_release(&b);
    if (!f->alternatives || !f->cause) {
        return nomem(err);
    }
    f->why = "What is only appended to (a slice, a buffer, a map) is copied "
             "into a larger block whenever it is full, and never shrinks by "
             "itself.";
    f->alternatives[0] = "a table that is being built and will be complete";
    f->alternatives[1] = "one large piece of work in flight";
    f->n_alternatives = 2;
    f->fix = "Cut it where its content was used (Reset, a ring, a file), or "
             "give it a bound. Nothing, if it ends by itself: look again "
             "after a longer window.";
    return true;
}

/* What ended is no leak that goes on: nothing is claimed of what the rule
   would say of one. */
static bool tell_end(struct judge *j, const struct unit *u, struct finding *f,
                     struct err *err)
{
    if (!(u->faults & FAULT_LEVEL)) {
        return true;
    }
    f->alternatives = arena_new(j->arena, const char *, 1);
    if (!f->alternatives) {
        return nomem(err);
    }
    f->alternatives[0] = "a leak that rests: its cause stopped for now, or "
                         "comes less often than once a window";
    f->n_alternatives = 1;
    f->cause = "It grew and then stopped within the window, although the same "
               "pace would have been seen in the rest of it. Pools, caches and "
               "start-up do that when they reach their bound";
    f->has_ended = true;
    f->fix = "Nothing, if this is the bound you meant. Else look again after a "
             "longer window.";
    return true;
}

/* A label all growing stacks share points to the culprit. */
static const char *shared_label(struct judge *j, const struct evidence *e)
{
    if (e->n_stacks == 0 || !e->stacks[0].labels) {
        return NULL;
    }
    for (size_t i = 1; i < e->n_stacks; i++) {
        if (e->stacks[i].delta > 0 &&
            (!e->stacks[i].labels ||
             strcmp(e->stacks[i].labels, e->stacks[0].labels) != 0)) {
            return NULL;
        }
    }
    return arena_printf(j->arena, "the growing ones share the label %s",
                        e->stacks[0].labels);
}

/* A companion may itself have had companions. */
static const struct unit *root_of(const struct unit *u)
{
    while (u->explained_by) {
        u = u->explained_by;
    }
    return u;
}

/* "main.load (1.5 MB)": one unit that this finding explains. */
static void add_companion(const struct judge *j, const struct unit *c,
                          struct buf *b)
{
    buf_str(b, b->len ? ", " : "with it grew ");
    if (c->plane == PLANE_HEAP) {
        buf_printf(b, "%s (", series_func_name(j->s, c->func));
        num_bytes(b, c->trend.delta);
        buf_char(b, ')');
    } else {
        buf_printf(b, "goroutines in %s (", series_func_name(j->s, c->func));
        num_count(b, (int64_t)cluster_more(c, root_of(c)));
        buf_char(b, ')');
    }
}

/* What else grew with it: the other goroutines of the same request, the heap
   they hold. */
static const char *companion_line(struct judge *j, const struct unit *u)
{
    enum { NAMED_MAX = 4 };
    struct buf b = BUF_LIMIT(4096);
    size_t n = 0;
    for (size_t i = 0; i < j->units.n; i++) {
        const struct unit *c = j->units.items[i];
        if (c != u && root_of(c) == u && cluster_more(c, u) > 0) {
            if (n++ < NAMED_MAX) {
                add_companion(j, c, &b);
            }
        }
    }
    if (n > NAMED_MAX) {
        buf_printf(&b, " and %zu more", n - NAMED_MAX);
    }
    const char *text =
        b.len && buf_ok(&b) ? arena_strdup(j->arena, buf_view(&b)) : NULL;
    j->arena->has_failed |= b.failed_memory;
    buf_release(&b);
    return text;
}

static void add_lines(struct judge *j, const struct unit *u,
                      const struct evidence *e, struct lines *l)
{
    add_line(l, doubt_of(u));
    add_line(l, level_line(j, u));
    add_line(l, u->note);
    add_line(l, companion_line(j, u));
    add_line(l, shared_label(j, e));
}

/* --- all of it --- */

static enum profile_kind profile_of(const struct unit *u)
{
    switch (u->kind) {
    case EVIDENCE_HEAP:
    case EVIDENCE_MEMSTATS:
        return KIND_HEAP;
    case EVIDENCE_LEAK_PROFILE:
        return KIND_GOROUTINELEAK;
    case EVIDENCE_HEAP_DUMP:
        return KIND_HEAPDUMP;
    case EVIDENCE_GOROUTINE:
    case EVIDENCE_DUMP_STATE:
    case EVIDENCE_COHORT:
        break;
    }
    return KIND_GOROUTINE;
}

/* Goroutines of std only: the user function that calls this part of std. */
static bool use_opener(struct judge *j, const struct unit *u,
                       struct evidence *e, struct err *err)
{
    if (!u->has_opener) {
        return true;
    }
    struct frame *frames = NULL;
    size_t n = 0;
    if (!judge_frames(j, u->opener_row, &frames, &n, err)) {
        return false;
    }
    const size_t at = j->rows[u->opener_row].site_at;
    if (at < n) {
        e->has_site = true;
        e->site = frames[at];
    }
    return true;
}

bool finding_of_unit(struct judge *j, const struct unit *u, struct finding *out,
                     struct err *err)
{
    struct evidence e;
    struct rule_match match;
    if (!fill_evidence(j, u, &e, err) || !use_opener(j, u, &e, err)) {
        return false;
    }
    const struct rule *rule = compose_match(j->options, &e, j->arena, &match);
    if (!rule) {
        *out = (struct finding){0};
        return true;
    }
    *out = (struct finding){.rule = rule,
                            .grade =
                                u->grade < rule->worst ? u->grade : rule->worst,
                            .profile = profile_of(u),
                            .has_site = e.has_site,
                            .site = e.site,
                            .has_creator = e.has_creator,
                            .creator = e.creator,
                            .operation = e.operation,
                            .doubt = doubt_of(u),
                            .stack = e.n_stacks ? e.stacks[0].frames : NULL,
                            .n_stack = e.n_stacks ? e.stacks[0].n_frames : 0};
    if (out->grade > GRADE_GROWTH && out->grade < GRADE_PROVEN &&
        u->trend.n <= 2) {
        out->grade = GRADE_GROWTH;
    }
    struct lines lines = {.n = 0};
    add_lines(j, u, &e, &lines);
    fill_statistics(u, out);
    return compose_texts(j->arena, &match, lines.items, lines.n, out, err) &&
           tell_end(j, u, out, err) && tell_block(j, u, out, err) &&
           fill_metrics(j, u, out, err) && finding_set_ids(out, err);
}
