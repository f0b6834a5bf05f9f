/*
 * One leak, one finding. A leaked request is several goroutines in several
 * stacks, most of them without a frame of the program's own, and the heap
 * they hold. Units that are explained by another become its companions:
 *
 *  - goroutines with the same site, whatever they wait in;
 *  - goroutines that grow in step: their increments differ by less than two
 *    independent flows would;
 *  - goroutines of std only, which the growth of user goroutines covers;
 *  - heap whose stacks run through a leaking goroutine's function, or through
 *    the function that started it;
 *  - heap sites of one operation: a request that leaks keeps more than one
 *    kind of object. All sites are told, one names the leak.
 */
#include "rules/judge_private.h"

#include <math.h>
#include <string.h>

/* User goroutines must make up this much of a std-only group. */
static const double cover_factor = 1.3;
/* Squared difference of increments over what independence would give. */
static const double in_step_max = 0.5;
/* Share of a heap unit's growth that runs through a goroutine's function. */
static const double through_min = 0.5;
/* Tickers made over goroutines started, and the other way round. */
static const double ticker_ratio_min = 0.5;
/* A call of std allocates some dozen objects: a site with more of them for
   each leaked goroutine leaks few of its calls, if any. */
static const double opener_objects_max = 200;
/* Below main.main everything is one operation: there only a site that freed
   this much more of its births than another is its companion. */
static const double companion_retention = 0.8;

/* Ids follow the order of reading; names do not. */
static bool func_before(const struct judge *j, uint32_t a, uint32_t b)
{
    return strcmp(series_func_name(j->s, a), series_func_name(j->s, b)) < 0;
}

static bool is_live(const struct unit *u)
{
    return u->grade >= GRADE_SUSPECT && !u->explained_by;
}

/* `minor` becomes a companion of `major`. */
static void explain(struct unit *minor, struct unit *major)
{
    minor->explained_by = major;
    if (minor->plane == PLANE_HEAP) {
        major->companion_heap_bytes += minor->trend.delta;
    } else if (minor->trend.delta > 0) {
        major->companion_goroutines += minor->trend.delta;
    }
    major->companion_heap_bytes += minor->companion_heap_bytes;
    major->companion_goroutines += minor->companion_goroutines;
    if (minor->grade > major->grade && major->plane == minor->plane &&
        !(major->faults & (FAULT_POOL | FAULT_AGE))) {
        major->grade = minor->grade;
    }
}

/* --- goroutines with goroutines --- */

static bool is_goroutine(const struct unit *u)
{
    return u->plane != PLANE_HEAP && u->kind != EVIDENCE_COHORT;
}

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

/* Which of two companions names the leak: proof first, then user code before
   a dependency before std; what waits for others (WaitGroup, Cond, locks) is
   rather a victim; then the larger growth, then the name. */
static int rank_of(const struct unit *u)
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
    return rank + (victim[u->primitive] ? 0 : 2);
}

static bool names_rather(const struct judge *j, const struct unit *a,
                         const struct unit *b)
{
    if (rank_of(a) != rank_of(b)) {
        return rank_of(a) > rank_of(b);
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
        for (size_t k = 0; is_live(a) && k < j->units.n; k++) {
            struct unit *b = j->units.items[k];
            if (a == b || !is_live(b) || !is_goroutine(a) || !is_goroutine(b) ||
                !names_rather(j, a, b)) {
                continue;
            }
            if (same_site(a, b) || in_step(&a->trend, &b->trend)) {
                explain(b, a);
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
        if (is_live(u) && is_goroutine(u) && !u->is_std) {
            user += u->trend.growth;
            largest = !largest || names_rather(j, u, largest) ? u : largest;
        }
    }
    for (size_t i = 0; largest && i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        if (is_live(u) && is_goroutine(u) && u->is_std &&
            u->trend.growth <= cover_factor * user) {
            explain(u, largest);
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
            if (!is_goroutine(u) || u->func != c->func) {
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

/* Share of a heap unit's growth on stacks that have a function of the set. */
static bool share_through(struct judge *j, const struct unit *heap,
                          const struct function_set *set, double *share,
                          struct err *err)
{
    uint8_t *is_member = calloc((size_t)j->n_rows + 1, 1);
    bool ok = is_member != NULL || err_nomem(err, "clustering");
    for (size_t i = 0; ok && i < heap->rows.n; i++) {
        is_member[heap->rows.items[i]] = 1;
        j->frames.n = 0;
        ok = series_row_frames(j->s, heap->rows.items[i], &j->frames, err);
        for (size_t k = 0; ok && k < j->frames.n; k++) {
            if (set->has[j->frames.items[k].func]) {
                is_member[heap->rows.items[i]] = 2;
            }
        }
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
        add_creator(j, g, &set);
        add_ticker_makers(j, g, &set);
    }
    for (size_t i = 0; ok && i < j->units.n; i++) {
        struct unit *h = j->units.items[i];
        double share = 0;
        if (!is_live(h) || h->kind != EVIDENCE_HEAP) {
            continue;
        }
        ok = share_through(j, h, &set, &share, err);
        if (ok && (share >= through_min || (h->has_site && set.has[h->func]))) {
            explain(h, g);
        }
    }
    free(set.has);
    return ok;
}

static bool merge_heap_with_goroutines(struct judge *j, struct err *err)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *g = j->units.items[i];
        if (is_live(g) && is_goroutine(g) && g->grade >= GRADE_STRONG &&
            !merge_heap_into(j, g, err)) {
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
            if (u->kind == EVIDENCE_HEAP && is_live(u)) {
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
        for (size_t k = 0; is_live(a) && k < j->units.n; k++) {
            struct unit *b = j->units.items[k];
            if (a != b && is_live(b) && a->kind == EVIDENCE_HEAP &&
                b->kind == EVIDENCE_HEAP && leads(j, a, b) &&
                is_one_operation(j, a, b)) {
                explain(b, a);
            }
        }
    }
}

/* --- std-only: who calls this part of std --- */

struct opener {
    const char *goroutine; /* prefix of a function of the std-only stack */
    const char *api;       /* prefix of what user code calls to get one */
};

static const struct opener openers[] = {
    {"net/http.(*persistConn)",     "net/http.(*Client)."       },
    {"net/http.(*http2ClientConn)", "net/http.(*Client)."       },
    {"database/sql.(*Rows)",        "database/sql.(*DB).Query"  },
    {"database/sql.(*Tx)",          "database/sql.(*DB).BeginTx"},
    {"database/sql.(*DB)",          "database/sql.Open"         },
    {"context.",                    "context.With"              },
    {"time.",                       "time."                     },
    {"os/exec.(*Cmd)",              "os/exec.(*Cmd)."           },
    {"io.(*pipe)",                  "io.Pipe"                   },
};

static bool starts(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The API behind a std-only unit, NULL when none is known. */
static bool find_api(struct judge *j, const struct unit *u, const char **api,
                     struct err *err)
{
    j->frames.n = 0;
    if (u->rows.n == 0) {
        return true;
    }
    if (!series_row_frames(j->s, u->rows.items[0], &j->frames, err)) {
        return false;
    }
    for (size_t i = 0; i < j->frames.n && !*api; i++) {
        for (size_t k = 0; k < sizeof openers / sizeof openers[0]; k++) {
            if (starts(j->frames.items[i].function, openers[k].goroutine)) {
                *api = openers[k].api;
                break;
            }
        }
    }
    return true;
}

/* Does the row's site reach the API through std alone? */
static bool calls_api(const struct judge *j, const struct row_facts *f,
                      const char *api)
{
    for (size_t i = 0; i < f->site_at; i++) {
        if (starts(j->frames.items[i].function, api)) {
            return true;
        }
    }
    return false;
}

/* Objects the site of `row` ever allocated below the API. */
static bool allocated_below(struct judge *j, uint32_t row, const char *api,
                            double *objects, struct err *err)
{
    size_t n = 0;
    const struct series_cell *c = series_cells(
        j->s, PLANE_HEAP, series_n_points(j->s, PLANE_HEAP) - 1, &n);
    *objects = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row_facts *f = &j->rows[c[i].row];
        if (f->site != j->rows[row].site) {
            continue;
        }
        j->frames.n = 0;
        if (!series_row_frames(j->s, c[i].row, &j->frames, err)) {
            return false;
        }
        *objects += calls_api(j, f, api) ? (double)c[i].alloc_objects : 0;
    }
    return true;
}

/* The row whose site calls the API and kept most of what it allocated there;
   where nothing was kept (requests leave little on the heap), the one that
   allocated most. Not one that calls it far more often than goroutines leak:
   the culprit is another, too rare to be sampled. */
static bool find_opener(struct judge *j, struct unit *u, struct err *err)
{
    const char *api = NULL;
    if (!find_api(j, u, &api, err)) {
        return false;
    }
    if (!api) {
        return true;
    }
    const size_t points = series_n_points(j->s, PLANE_HEAP);
    int64_t kept = 0;
    int64_t allocated = 0;
    size_t n = 0;
    const struct series_cell *c =
        points > 0 ? series_cells(j->s, PLANE_HEAP, points - 1, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        const struct row_facts *f = &j->rows[c[i].row];
        if (f->site == NO_FUNC || f->is_profiler || c[i].in_use_bytes < kept ||
            (c[i].in_use_bytes == kept && c[i].alloc_bytes <= allocated)) {
            continue;
        }
        j->frames.n = 0;
        if (!series_row_frames(j->s, c[i].row, &j->frames, err)) {
            return false;
        }
        if (calls_api(j, f, api)) {
            kept = c[i].in_use_bytes;
            allocated = c[i].alloc_bytes;
            u->has_opener = true;
            u->opener_row = c[i].row;
        }
    }
    double objects = 0;
    if (u->has_opener &&
        !allocated_below(j, u->opener_row, api, &objects, err)) {
        return false;
    }
    u->has_opener =
        u->has_opener && objects <= opener_objects_max * u->trend.last;
    if (!u->has_opener) {
        u->note = "no code of yours is on these stacks, nor in the heap "
                  "profile as their likely caller";
    } else {
        u->note = "the site is inferred: of the callers of this part of the "
                  "library it kept, else allocated, most";
    }
    return true;
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
    merge_operations(j);
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        u->is_candidate = is_live(u) || has_ended(u);
        if (u->is_candidate && is_goroutine(u) && u->is_std &&
            !find_opener(j, u, err)) {
            return false;
        }
    }
    return true;
}
