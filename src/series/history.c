/* See history.h. Moments, runs and thinning; the points are in track.c. */
#include "series/history_private.h"
#include "series/states_private.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum { MOMENTS_MIN = 4, SOURCE_BYTES = 64 };

/* Clocks that are kept right by small steps may go back by less: of moments so
   near each other it does not matter which is the last. */
#define CLOCK_SLACK_NANOS INT64_C(1000000000)

VEC_TYPE(tracks, struct track)

struct history {
    uint32_t moments_max;
    uint32_t n_runs;
    uint64_t n_moments; /* of this run */
    uint64_t stride;
    int64_t first_nanos, last_nanos;
    const char *program, *build_id; /* of this run; the table's; NULL unknown */
    struct tracks tracks;
};

static bool nomem(struct err *err)
{
    return err_nomem(err, "keeping history");
}

struct history *history_new(uint32_t moments_max)
{
    struct history *h = calloc(1, sizeof *h);
    if (h) {
        const uint32_t asked = moments_max ? moments_max : HISTORY_MOMENTS_MAX;
        h->moments_max = asked < MOMENTS_MIN ? MOMENTS_MIN : asked;
        h->stride = 1;
        h->n_runs = 1;
    }
    return h;
}

static void forget(struct history *h)
{
    for (size_t i = 0; i < h->tracks.n; i++) {
        track_release(&h->tracks.items[i]);
    }
    tracks_release(&h->tracks);
    h->n_moments = 0;
    h->stride = 1;
    h->first_nanos = h->last_nanos = 0;
    h->program = h->build_id = NULL;
}

void history_free(struct history *h)
{
    if (h) {
        forget(h);
        free(h);
    }
}

bool history_begins_run(enum history_event event)
{
    return event == HISTORY_RESTART || event == HISTORY_DEPLOY ||
           event == HISTORY_CLOCK;
}

/* --- what a moment is to the one before --- */

/* A point of the moment, its track, and what that holds so far. */
struct arrival {
    const struct series_point *point;
    size_t track;
    struct track_state latest;
};

/* Of the point's kind and form, made when new. */
static bool find_track(struct history *h, const struct series_point *p,
                       size_t *at, struct err *err)
{
    for (*at = 0; *at < h->tracks.n; (*at)++) {
        const struct track *k = &h->tracks.items[*at];
        if (k->kind == p->kind && k->form == p->form &&
            k->is_delta == p->is_delta) {
            return true;
        }
    }
    const struct track none = {
        .kind = p->kind, .form = p->form, .is_delta = p->is_delta};
    return tracks_push(&h->tracks, none) || nomem(err);
}

static bool is_other_build(const struct history *h,
                           const struct series_point *p)
{
    return (h->program && *p->program &&
            strcmp(text_base_name(h->program), text_base_name(p->program)) !=
                0) ||
           (h->build_id && *p->build_id &&
            strcmp(h->build_id, p->build_id) != 0);
}

static bool is_heap_level(const struct series_point *p)
{
    return (p->kind == KIND_HEAP || p->kind == KIND_ALLOCS) && !p->is_delta;
}

static bool is_restart(const struct arrival *a)
{
    const struct series_cells_vec *before = &a->latest.cells;
    const struct series_cells_vec *now = &a->point->cells;
    return is_heap_level(a->point) && cells_have_alloc(before) &&
           cells_have_alloc(now) && cells_alloc_falls(before, now);
}

static bool is_repeat(const struct history *h, const struct arrival *a,
                      const struct stack_table *t)
{
    return is_heap_level(a->point) && !a->point->is_collected &&
           h->tracks.items[a->track].kept.n > 0 &&
           cells_same_state(&a->latest.cells, &a->point->cells, t, NULL) &&
           !memstats_collected_between(&a->latest.memstats,
                                       &a->point->memstats);
}

/* All that say a time say one before the run's last. */
static bool is_clock_back(const struct history *h, const struct arrival *all,
                          size_t n)
{
    int64_t last = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t nanos = all[i].point->time_nanos;
        last = nanos != 0 && (last == 0 || nanos > last) ? nanos : last;
    }
    return last != 0 && h->last_nanos > INT64_MIN + CLOCK_SLACK_NANOS &&
           h->last_nanos != 0 && last < h->last_nanos - CLOCK_SLACK_NANOS;
}

static enum history_event event_of(const struct history *h,
                                   const struct arrival *all, size_t n,
                                   const struct stack_table *t)
{
    enum history_event event = HISTORY_TAKEN;
    for (size_t i = 0; i < n; i++) {
        if (is_other_build(h, all[i].point)) {
            return HISTORY_DEPLOY;
        }
        if (is_restart(&all[i])) {
            event = HISTORY_RESTART;
        } else if (event == HISTORY_TAKEN && is_repeat(h, &all[i], t)) {
            event = HISTORY_REPEAT;
        }
    }
    return event != HISTORY_RESTART && is_clock_back(h, all, n) ? HISTORY_CLOCK
                                                                : event;
}

static bool arrive(struct history *h, struct stack_table *t,
                   const struct series_point *p, struct arrival *a,
                   struct err *err)
{
    a->point = p;
    return find_track(h, p, &a->track, err) &&
           track_latest(&h->tracks.items[a->track], t, &a->latest, err);
}

/* --- adding --- */

/* The stride depends on the number of the moment alone. */
static bool make_room(struct history *h, struct err *err)
{
    const uint64_t m = h->n_moments;
    while (m / h->stride + 1 + (m % h->stride != 0) > h->moments_max) {
        h->stride *= 2;
        for (size_t i = 0; i < h->tracks.n; i++) {
            if (!track_thin(&h->tracks.items[i], h->stride, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_point(struct history *h, struct stack_table *t,
                      const struct arrival *a, struct err *err)
{
    struct track *k = &h->tracks.items[a->track];
    const struct series_point *p = a->point;
    const bool drops =
        k->kept.n > 0 && k->kept.items[k->kept.n - 1].moment % h->stride != 0;
    if (!track_add(k, t, p, &a->latest, h->n_moments, drops, err)) {
        return false;
    }
    h->program = *p->program ? p->program : h->program;
    h->build_id = *p->build_id ? p->build_id : h->build_id;
    if (p->time_nanos != 0) {
        h->first_nanos = h->first_nanos ? h->first_nanos : p->time_nanos;
        h->last_nanos = h->last_nanos == 0 || p->time_nanos > h->last_nanos
                            ? p->time_nanos
                            : h->last_nanos;
    }
    return true;
}

/* The same kind and form twice in a moment: the first counts. */
static bool is_twice(const struct arrival *all, size_t n, size_t track)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].track == track) {
            return true;
        }
    }
    return false;
}

static bool begin_run(struct history *h, struct stack_table *t,
                      struct arrival *all, size_t n, struct err *err)
{
    forget(h);
    h->n_runs++;
    for (size_t i = 0; i < n; i++) {
        track_state_release(&all[i].latest);
        if (!arrive(h, t, all[i].point, &all[i], err)) {
            return false;
        }
    }
    return true;
}

static bool add_all(struct history *h, struct stack_table *t,
                    struct arrival *all, size_t n, enum history_event *event,
                    struct err *err)
{
    *event = event_of(h, all, n, t);
    if (history_begins_run(*event) && !begin_run(h, t, all, n, err)) {
        return false;
    }
    if (!make_room(h, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_twice(all, i, all[i].track) && !add_point(h, t, &all[i], err)) {
            return false;
        }
    }
    h->n_moments += n > 0;
    return true;
}

bool history_add(struct history *h, struct stack_table *t,
                 const struct series_point *points, size_t n,
                 enum history_event *event, struct err *err)
{
    struct arrival *all = calloc(n + 1, sizeof *all);
    size_t taken = 0;
    bool ok = all != NULL || nomem(err);
    *event = HISTORY_TAKEN;
    for (size_t i = 0; ok && i < n; i++) {
        if (series_takes_part(points[i].kind)) {
            ok = arrive(h, t, &points[i], &all[taken++], err);
        }
    }
    ok = ok && add_all(h, t, all, taken, event, err);
    for (size_t i = 0; i < taken; i++) {
        track_state_release(&all[i].latest);
    }
    free(all);
    return ok;
}

/* --- reading --- */

/* "<moment>.heap.pb.gz": digits alone tell which points are of one moment. */
static void name_source(char *out, const struct track *k, uint64_t moment)
{
    static const char *const endings[] = {[FORM_PROTO] = "pb.gz",
                                          [FORM_TEXT] = "debug1.txt",
                                          [FORM_DUMP] = "debug2.txt",
                                          [FORM_OTHER] = "pb.gz"};
    snprintf(out, SOURCE_BYTES, "%03llu.%s%s.%s", (unsigned long long)moment,
             profile_kind_name(k->kind), k->is_delta ? "-delta" : "",
             endings[k->form]);
}

struct building {
    struct series *s;
    const struct track *track;
};

static bool take_into_series(void *ctx, const struct kept *kept,
                             struct series_point *p, struct err *err)
{
    const struct building *b = ctx;
    char source[SOURCE_BYTES];
    name_source(source, b->track, kept->moment);
    return series_take_point(b->s, source, p, err);
}

bool history_series(const struct history *h, struct stack_table *t,
                    const struct series_options *o, struct series **out,
                    struct err *err)
{
    struct series_options options = o ? *o : (struct series_options){0};
    const struct track_names names = {h->program, h->build_id};
    options.table = t;
    struct building b = {.s = series_new(&options)};
    bool ok = b.s != NULL || nomem(err);
    for (size_t i = 0; ok && i < h->tracks.n; i++) {
        b.track = &h->tracks.items[i];
        ok = track_each(b.track, t, &names, take_into_series, &b, err);
    }
    ok = ok && series_finish(b.s, err);
    if (!ok) {
        series_free(b.s);
        b.s = NULL;
    }
    *out = b.s;
    return ok;
}

/* Moments that have a point: the next at or after `from`. */
static bool next_moment(const struct history *h, uint64_t from, uint64_t *out)
{
    bool is_there = false;
    for (size_t i = 0; i < h->tracks.n; i++) {
        const struct kepts *kept = &h->tracks.items[i].kept;
        for (size_t k = 0; k < kept->n; k++) {
            const uint64_t m = kept->items[k].moment;
            if (m >= from && (!is_there || m < *out)) {
                *out = m;
                is_there = true;
            }
        }
    }
    return is_there;
}

struct history_about history_about(const struct history *h)
{
    struct history_about a = {
        .n_moments = h->n_moments,
        .stride = h->stride > UINT32_MAX ? UINT32_MAX : (uint32_t)h->stride,
        .n_runs = h->n_runs,
        .first_nanos = h->first_nanos,
        .last_nanos = h->last_nanos,
        .bytes = sizeof *h + h->tracks.cap * sizeof *h->tracks.items};
    uint64_t moment = 0;
    for (uint64_t from = 0; next_moment(h, from, &moment); from = moment + 1) {
        a.n_kept++;
    }
    for (size_t i = 0; i < h->tracks.n; i++) {
        a.bytes += track_bytes(&h->tracks.items[i]);
    }
    return a;
}

/* Of several forms that say the same: profiles before texts before dumps, a
   heap profile before allocs. */
static int preference(const struct track *k)
{
    return (int)k->form + (k->kind == KIND_ALLOCS ? 2 : 0);
}

static const struct track *track_of_plane(const struct history *h,
                                          enum series_plane plane)
{
    static const enum profile_kind kinds[N_PLANES][2] = {
        [PLANE_HEAP] = {KIND_HEAP,          KIND_ALLOCS       },
        [PLANE_GOROUTINE] = {KIND_GOROUTINE,     KIND_GOROUTINE    },
        [PLANE_LEAK] = {KIND_GOROUTINELEAK, KIND_GOROUTINELEAK}
    };
    const struct track *best = NULL;
    for (size_t i = 0; i < h->tracks.n; i++) {
        const struct track *k = &h->tracks.items[i];
        if (!k->is_delta &&
            (k->kind == kinds[plane][0] || k->kind == kinds[plane][1]) &&
            (!best || preference(k) < preference(best))) {
            best = k;
        }
    }
    return best;
}

size_t history_totals(const struct history *h, enum series_plane plane,
                      double *values, int64_t *nanos, size_t n_max)
{
    const struct track *k = track_of_plane(h, plane);
    if (!k) {
        return 0;
    }
    const size_t n = k->kept.n < n_max ? k->kept.n : n_max;
    for (size_t i = 0; i < n; i++) {
        const struct kept *kept = &k->kept.items[k->kept.n - n + i];
        values[i] = kept->total;
        nanos[i] = kept->time_nanos;
    }
    return n;
}

struct wanted {
    uint64_t moment;
    struct series_point *points;
    size_t n;
};

static bool take_moment(void *ctx, const struct kept *kept,
                        struct series_point *p, struct err *err)
{
    struct wanted *w = ctx;
    (void)err;
    if (kept->moment == w->moment) {
        w->points[w->n++] = *p;
    } else {
        series_point_release(p);
    }
    return true;
}

bool history_moment(const struct history *h, struct stack_table *t, uint32_t i,
                    uint64_t *moment, struct series_point **out, size_t *n,
                    struct err *err)
{
    const struct track_names names = {h->program, h->build_id};
    struct wanted w = {.n = 0};
    uint64_t from = 0;
    bool ok = next_moment(h, from, &w.moment);
    for (uint32_t k = 0; ok && k < i; k++) {
        from = w.moment + 1;
        ok = next_moment(h, from, &w.moment);
    }
    if (!ok) {
        return err_set(err, ERR_INTERNAL, "no moment %u is kept", i);
    }
    w.points = calloc(h->tracks.n, sizeof *w.points);
    ok = w.points != NULL || nomem(err);
    for (size_t k = 0; ok && k < h->tracks.n; k++) {
        ok = track_each(&h->tracks.items[k], t, &names, take_moment, &w, err);
    }
    if (!ok) {
        for (size_t k = 0; k < w.n; k++) {
            series_point_release(&w.points[k]);
        }
        free(w.points);
        return false;
    }
    *moment = w.moment;
    *out = w.points;
    *n = w.n;
    return true;
}
