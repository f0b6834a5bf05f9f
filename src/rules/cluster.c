/*
 * One leak, one finding. A leaked request is several goroutines in several
 * stacks, most of them without a frame of the program's own, and the heap
 * they hold. Units that are explained by another become its companions:
 *
 *  - goroutines with the same site, whatever they wait in;
 *  - goroutines that grow in step: their increments differ by less than two
 *    independent flows would;
 *  - goroutines of std only, which the growth of user goroutines covers;
 *  - heap whose stacks run through a leaking goroutine's function, a function
 *    literal of the one that waits, the function that started it, or that
 *    called the part of std they are of (cluster_openers.c);
 *  - heap sites of one operation: a request that leaks keeps more than one
 *    kind of object. All sites are told, one names the leak.
 */
#include "rules/cluster_private.h"

#include <math.h>
#include <string.h>

/* User goroutines must make up this much of a std-only group. */
static const double cover_factor = 1.3;
/* Squared difference of increments over what independence would give. */
static const double in_step_max = 0.5;
const double cluster_through_min = 0.5;
/* Tickers made over goroutines started, and the other way round. */
static const double ticker_ratio_min = 0.5;
/* Below main.main everything is one operation: there only a site that freed
   this much more of its births than another is its companion. */
static const double companion_retention = 0.8;

/* Ids follow the order of reading; names do not. */
static bool func_before(const struct judge *j, uint32_t a, uint32_t b)
{
    return strcmp(series_func_name(j->s, a), series_func_name(j->s, b)) < 0;
}

bool cluster_is_live(const struct unit *u)
{
    return u->grade >= GRADE_SUSPECT && !u->explained_by;
}

bool cluster_is_goroutine(const struct unit *u)
{
    return u->plane != PLANE_HEAP && u->kind != EVIDENCE_COHORT;
}

double cluster_more(const struct unit *minor, const struct unit *major)
{
    const double delta = minor->trend.delta;
    const bool is_twin =
        major->grade == GRADE_PROVEN && cluster_is_goroutine(minor) &&
        cluster_is_goroutine(major) && minor->kind != major->kind &&
        minor->has_site == major->has_site && minor->func == major->func;
    return is_twin ? fmax(delta - major->trend.delta, 0) : delta;
}

void cluster_explain(struct unit *minor, struct unit *major)
{
    minor->explained_by = major;
    if (minor->plane == PLANE_HEAP) {
        major->companion_heap_bytes += minor->trend.delta;
    } else if (minor->trend.delta > 0) {
        major->companion_goroutines += cluster_more(minor, major);
    }
    major->companion_heap_bytes += minor->companion_heap_bytes;
    major->companion_goroutines += minor->companion_goroutines;
    if (minor->grade > major->grade && major->plane == minor->plane &&
        !(major->faults & (FAULT_POOL | FAULT_AGE))) {
        major->grade = minor->grade;
    }
}

/* --- goroutines with goroutines --- */

/* Do a and b grow in step: d_b = c * d_a but for less than independent
   arrivals would differ, with c or 1/c near a small whole number? */
static bool in_step(const struct trend *a, const struct trend *b)
{
    if (a->n != b->n || a->n < 5 || a->growth <= 0 || b->growth <= 0) {
        return false;
    }
    const double c = b->growth / a->growth;
    const double ratio = c >= 1 ? c : 1 / c;
    if (ratio > 8 || fabs(ratio - round(ratio)) > 0.12 * ratio) {
        return false;
    }
    double square = 0;
    double expected = 0;
    for (size_t i = 1; i < a->n; i++) {
        const double da = a->value[i] - a->value[i - 1];
        const double db = b->value[i] - b->value[i - 1];
        square += (db - c * da) * (db - c * da);
        expected += fabs(db) + c * c * fabs(da);
    }
    return square < in_step_max * expected;
}

/* Writes what the reader of the same connection asks for, and waits alike
   whatever becomes of it: the reader tells. */
static bool is_writer(const struct judge *j, const struct unit *u)
{
    return u->is_std && strcmp(series_func_name(j->s, u->func),
                               "net/http.(*persistConn).writeLoop") == 0;
}

/* Which of two companions names the leak: proof first, then user code before
   a dependency before std; what waits for others (WaitGroup, Cond, locks) is
   rather a victim; then the larger growth, then the name. */
static int rank_of(const struct judge *j, const struct unit *u)
{
    static const uint8_t victim[N_PRIMITIVES] = {
        [PRIMITIVE_WAITGROUP] = 1,
        [PRIMITIVE_IO_WAIT] = 1,
        [PRIMITIVE_SYSCALL] = 1,
        [PRIMITIVE_OTHER] = 1,
    };
    int rank = u->grade == GRADE_PROVEN ? 100 : 0;
    rank += u->is_std ? 0 : u->is_user ? 40 : 20;
    rank += u->is_pool ? 0 : 5;
    rank -= is_writer(j, u) ? 3 : 0;
    return rank + (victim[u->primitive] ? 0 : 2);
}

static bool names_rather(const struct judge *j, const struct unit *a,
                         const struct unit *b)
{
    if (rank_of(j, a) != rank_of(j, b)) {
        return rank_of(j, a) > rank_of(j, b);
    }
    if (a->trend.growth > b->trend.growth ||
        a->trend.growth < b->trend.growth) {
        return a->trend.growth > b->trend.growth;
    }
    return func_before(j, a->func, b->func);
}

static bool same_site(const struct unit *a, const struct unit *b)
{
    return a->has_site && b->has_site && a->func == b->func;
}

static void merge_goroutines(struct judge *j)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *a = j->units.items[i];
        for (size_t k = 0; cluster_is_live(a) && k < j->units.n; k++) {
            struct unit *b = j->units.items[k];
            if (a == b || !cluster_is_live(b) || !cluster_is_goroutine(a) ||
                !cluster_is_goroutine(b) || !names_rather(j, a, b)) {
                continue;
            }
            if (same_site(a, b) || in_step(&a->trend, &b->trend)) {
                cluster_explain(b, a);
            }
        }
    }
}

/* Std-only groups that all user goroutines together cover. */
static void merge_std(struct judge *j)
{
    double user = 0;
    struct unit *largest = NULL;
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        if (cluster_is_live(u) && cluster_is_goroutine(u) && !u->is_std) {
            user += u->trend.growth;
            largest = !largest || names_rather(j, u, largest) ? u : largest;
        }
    }
    for (size_t i = 0; largest && i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        if (cluster_is_live(u) && cluster_is_goroutine(u) && u->is_std &&
            u->trend.growth <= cover_factor * user) {
            cluster_explain(u, largest);
        }
    }
}

/* A cohort speaks where the series does not: where that has points enough to
   judge and found no leak, a cohort is a suspicion at most. */
static void merge_cohorts(struct judge *j)
{
    enum { POINTS_JUDGED = 5 };
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *c = j->units.items[i];
        for (size_t k = 0; c->kind == EVIDENCE_COHORT && k < j->units.n; k++) {
            const struct unit *u = j->units.items[k];
            if (!cluster_is_goroutine(u) || u->func != c->func) {
                continue;
            }
            if (u->grade >= GRADE_STRONG) {
                c->grade = GRADE_INFO;
            } else if (u->trend.n >= POINTS_JUDGED &&
                       c->grade > GRADE_SUSPECT) {
                c->grade = GRADE_SUSPECT; /* a pool made once looks the same */
                c->faults |= FAULT_TREND;
            }
        }
    }
}

/* --- heap with goroutines --- */

/* Functions that belong to a goroutine unit: all user functions of its
   stacks, its creator, and the operations its creator runs in. */
struct function_set {
    uint8_t *has; /* per func */
};

static void add_functions(struct judge *j, const struct unit *u,
                          struct function_set *set, struct err *err, bool *ok)
{
    for (size_t i = 0; *ok && i < u->rows.n; i++) {
        j->frames.n = 0;
        *ok = series_row_frames(j->s, u->rows.items[i], &j->frames, err);
        for (size_t k = 0; *ok && k < j->frames.n; k++) {
            const uint32_t func = j->frames.items[k].func;
            set->has[func] |= j->origin[func] <= ORIGIN_DEP;
        }
    }
}

/* Function literals of the function that waits: it started them, or hands them
   out, and they fill what it holds. */
static void add_literals(const struct judge *j, const struct unit *u,
                         struct function_set *set)
{
    const char *name = u->has_site ? series_func_name(j->s, u->func) : "";
    const size_t n = strlen(name);
    for (uint32_t f = 0; n > 0 && f < series_n_funcs(j->s); f++) {
        const char *other = series_func_name(j->s, f);
        if (strncmp(other, name, n) == 0 &&
            strncmp(other + n, ".func", strlen(".func")) == 0) {
            set->has[f] = 1;
        }
    }
}

static void add_creator(struct judge *j, const struct unit *u,
                        struct function_set *set)
{
    uint32_t creator = NO_FUNC;
    for (uint32_t f = 0; u->has_creator && f < series_n_funcs(j->s); f++) {
        if (strcmp(series_func_name(j->s, f), u->creator.function) == 0) {
            creator = f;
        }
    }
    if (creator == NO_FUNC || j->origin[creator] > ORIGIN_DEP) {
        return;
    }
    set->has[creator] = 1;
    for (uint32_t r = 0; r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        if (f->is_known && f->site == creator && f->operation != NO_FUNC) {
            set->has[f->operation] = 1;
        }
    }
}

/* Where tickers are made, when as many more of them as of these goroutines
   are on the heap: who waits for a tick does not show who made it. */
static void add_ticker_makers(const struct judge *j, const struct unit *u,
                              struct function_set *set)
{
    if ((u->primitive != PRIMITIVE_CHAN_RECEIVE &&
         u->primitive != PRIMITIVE_SELECT) ||
        j->ticker_growth < ticker_ratio_min * u->trend.delta ||
        j->ticker_growth * ticker_ratio_min > u->trend.delta) {
        return;
    }
    for (uint32_t r = 0; r < j->n_rows; r++) {
        if (judge_is_ticker_row(j, r)) {
            set->has[j->rows[r].site] = 1;
        }
    }
}

static bool has_any(const struct judge *j, const void *ctx)
{
    const struct function_set *set = ctx;
    for (size_t k = 0; k < j->frames.n; k++) {
        if (set->has[j->frames.items[k].func]) {
            return true;
        }
    }
    return false;
}

bool cluster_share_of(struct judge *j, const struct unit *heap,
                      cluster_stack_fn *fits, const void *ctx, double *share,
                      struct err *err)
{
    uint8_t *is_member = calloc((size_t)j->n_rows + 1, 1);
    bool ok = is_member != NULL || err_nomem(err, "clustering");
    for (size_t i = 0; ok && i < heap->rows.n; i++) {
        j->frames.n = 0;
        ok = series_row_frames(j->s, heap->rows.items[i], &j->frames, err);
        is_member[heap->rows.items[i]] = ok && fits(j, ctx) ? 2 : 1;
    }
    double all = 0;
    double through = 0;
    const size_t points = series_n_points(j->s, PLANE_HEAP);
    for (int last = 0; ok && last <= 1; last++) {
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, PLANE_HEAP, last ? points - 1 : 0, &n);
        for (size_t i = 0; i < n; i++) {
            const double v = (last ? 1 : -1) * (double)c[i].in_use_bytes;
            all += is_member[c[i].row] ? v : 0;
            through += is_member[c[i].row] == 2 ? v : 0;
        }
    }
    free(is_member);
    *share = all > 0 ? through / all : 0;
    return ok;
}

static bool merge_heap_into(struct judge *j, struct unit *g, struct err *err)
{
    struct function_set set = {calloc((size_t)series_n_funcs(j->s) + 1, 1)};
    bool ok = set.has != NULL || err_nomem(err, "clustering");
    if (ok) {
        add_functions(j, g, &set, err, &ok);
        for (size_t i = 0; ok && i < j->units.n; i++) {
            const struct unit *u = j->units.items[i];
            if (u->explained_by == g) {
                add_functions(j, u, &set, err, &ok);
            }
        }
        add_literals(j, g, &set);
        add_creator(j, g, &set);
        add_ticker_makers(j, g, &set);
    }
    for (size_t i = 0; ok && i < j->units.n; i++) {
        struct unit *h = j->units.items[i];
        double share = 0;
        if (!cluster_is_live(h) || h->kind != EVIDENCE_HEAP) {
            continue;
        }
        ok = cluster_share_of(j, h, has_any, &set, &share, err);
        if (ok && (share >= cluster_through_min ||
                   (h->has_site && set.has[h->func]))) {
            cluster_explain(h, g);
        }
    }
    free(set.has);
    return ok;
}

static bool merge_heap_with_goroutines(struct judge *j, struct err *err)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *g = j->units.items[i];
        if (cluster_is_live(g) && cluster_is_goroutine(g) &&
            g->grade >= GRADE_STRONG && !merge_heap_into(j, g, err)) {
            return false;
        }
    }
    return true;
}

/* --- heap with heap --- */

/* The operation that most of a heap unit's growth runs under; of equals the
   first by name. `sum` is zero for every function, and again afterwards. */
static uint32_t main_operation(const struct judge *j, const struct unit *u,
                               const double *gain, double *sum)
{
    uint32_t best = NO_FUNC;
    for (size_t k = 0; k < u->rows.n; k++) {
        const uint32_t row = u->rows.items[k];
        const uint32_t op = j->rows[row].operation;
        if (op != NO_FUNC) {
            sum[op] += gain[row];
        }
    }
    for (size_t k = 0; k < u->rows.n; k++) {
        const uint32_t op = j->rows[u->rows.items[k]].operation;
        if (op != NO_FUNC &&
            (best == NO_FUNC || sum[op] > sum[best] ||
             (sum[op] >= sum[best] && func_before(j, op, best)))) {
            best = op;
        }
    }
    for (size_t k = 0; k < u->rows.n; k++) {
        const uint32_t op = j->rows[u->rows.items[k]].operation;
        if (op != NO_FUNC) {
            sum[op] = 0;
        }
    }
    return best;
}

static void add_gains(const struct judge *j, double *gain)
{
    const size_t points = series_n_points(j->s, PLANE_HEAP);
    for (int last = 0; points > 0 && last <= 1; last++) {
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, PLANE_HEAP, last ? points - 1 : 0, &n);
        for (size_t i = 0; i < n; i++) {
            gain[c[i].row] += (last ? 1 : -1) * (double)c[i].in_use_bytes;
        }
    }
}

static bool find_operations(struct judge *j, struct err *err)
{
    double *gain = calloc((size_t)j->n_rows + 1, sizeof *gain);
    double *sum = calloc((size_t)series_n_funcs(j->s) + 1, sizeof *sum);
    const bool ok = gain && sum;
    if (ok) {
        add_gains(j, gain);
        for (size_t i = 0; i < j->units.n; i++) {
            struct unit *u = j->units.items[i];
            if (u->kind == EVIDENCE_HEAP && cluster_is_live(u)) {
                u->operation = main_operation(j, u, gain, sum);
            }
        }
    }
    free(gain);
    free(sum);
    return ok || err_nomem(err, "clustering");
}

static bool is_one_operation(const struct judge *j, const struct unit *a,
                             const struct unit *b)
{
    if (a->operation == NO_FUNC || a->operation != b->operation) {
        return false;
    }
    if (strcmp(series_func_name(j->s, a->operation), "main.main") != 0) {
        return true;
    }
    return b->trend.retention < companion_retention * a->trend.retention;
}

/* Contexts that are never cancelled hold what was put into them: they name
   the leak, whatever is larger. */
static bool is_context(const struct judge *j, const struct unit *u)
{
    size_t n = 0;
    for (size_t i = 0; i < u->rows.n; i++) {
        n += j->rows[u->rows.items[i]].is_context;
    }
    return 2 * n > u->rows.n;
}

/* Does `a` name the leak of an operation rather than `b`? */
static bool leads(const struct judge *j, const struct unit *a,
                  const struct unit *b)
{
    if (a->grade != b->grade) {
        return a->grade > b->grade;
    }
    if (is_context(j, a) != is_context(j, b)) {
        return is_context(j, a);
    }
    if (a->trend.delta > b->trend.delta || a->trend.delta < b->trend.delta) {
        return a->trend.delta > b->trend.delta;
    }
    return func_before(j, a->func, b->func);
}

static void merge_operations(struct judge *j)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *a = j->units.items[i];
        for (size_t k = 0; cluster_is_live(a) && k < j->units.n; k++) {
            struct unit *b = j->units.items[k];
            if (a != b && cluster_is_live(b) && a->kind == EVIDENCE_HEAP &&
                b->kind == EVIDENCE_HEAP && leads(j, a, b) &&
                is_one_operation(j, a, b)) {
                cluster_explain(b, a);
            }
        }
    }
}

/* Growth that ended is told once, for whoever looks at it: of a function, not
   of its lines and callers. */
static bool has_ended(const struct unit *u)
{
    return u->grade == GRADE_INFO &&
           u->faults == (FAULT_SLOWING | FAULT_LEVEL) && !u->explained_by &&
           !u->is_parent && u->line == 0;
}

bool judge_cluster(struct judge *j, struct err *err)
{
    if (!find_operations(j, err)) {
        return false;
    }
    merge_goroutines(j);
    merge_std(j);
    merge_cohorts(j);
    if (!merge_heap_with_goroutines(j, err)) {
        return false;
    }
    if (!cluster_openers(j, err)) {
        return false;
    }
    merge_operations(j);
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        u->is_candidate = cluster_is_live(u) || has_ended(u);
    }
    return true;
}
