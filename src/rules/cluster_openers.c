/*
 * Goroutines that are the standard library's alone: which code of the user's
 * called that part of it. Their stacks do not say; the heap profile shows who
 * calls the API behind them and what those calls keep, which is theirs.
 */
#include "rules/cluster_private.h"

#include <string.h>

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

/* A call of std allocates some dozen objects: a site with more of them for
   each leaked goroutine leaks few of its calls, if any. */
static const double opener_objects_max = 200;

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
static bool find_opener(struct judge *j, struct unit *u, const char *api,
                        struct err *err)
{
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

/* What the opener's calls of the API allocate. */
struct opening {
    uint32_t opener; /* function */
    const char *api;
};

static bool is_opening(const struct judge *j, const void *ctx)
{
    const struct opening *o = ctx;
    bool is_api = false; /* since the last frame that is not of std */
    for (size_t i = 0; i < j->frames.n; i++) {
        const struct series_frame *f = &j->frames.items[i];
        if (is_api && f->func == o->opener) {
            return true;
        }
        is_api = j->origin[f->func] > ORIGIN_DEP &&
                 (is_api || starts(f->function, o->api));
    }
    return false;
}

/* It grew as those goroutines were opened, and lives as long as they do. */
static bool take_opened(struct judge *j, struct unit *g, const char *api,
                        struct err *err)
{
    const struct opening o = {j->rows[g->opener_row].site, api};
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *h = j->units.items[i];
        double share = 0;
        if (!cluster_is_live(h) || h->kind != EVIDENCE_HEAP) {
            continue;
        }
        if (!cluster_share_of(j, h, is_opening, &o, &share, err)) {
            return false;
        }
        if (share >= cluster_through_min) {
            cluster_explain(h, g);
        }
    }
    return true;
}

bool cluster_openers(struct judge *j, struct err *err)
{
    for (size_t i = 0; i < j->units.n; i++) {
        struct unit *u = j->units.items[i];
        const char *api = NULL;
        if (!cluster_is_live(u) || !cluster_is_goroutine(u) || !u->is_std) {
            continue;
        }
        if (!find_api(j, u, &api, err) ||
            (api && !find_opener(j, u, api, err)) ||
            (u->has_opener && u->grade >= GRADE_STRONG &&
             !take_opened(j, u, api, err))) {
            return false;
        }
    }
    return true;
}
