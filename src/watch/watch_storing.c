/*
 * What the watch writes down, and what it finds again. All that a turn of the
 * loop brought is one transaction; a moment is in it whole or not at all.
 *
 * What is found again is the run that was going on: its points are replayed
 * through the same step that took them, so the history is the one there was.
 */
#include "watch/watcher_private.h"

#include "base/num.h"
#include "base/reader.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* All that are known could be confirmed. */
enum { STATE_BYTES_MAX = 128 << 10, DOCUMENT_BYTES_MAX = 16 << 20 };

bool storing_begin(struct watcher *w, struct err *err)
{
    if (!w->o.store || w->is_writing) {
        return true;
    }
    w->is_writing = store_begin(w->o.store, err);
    w->write_since_ns = w->now_ns;
    return w->is_writing || err_wrap(err, "store");
}

/* A commit writes whole pages, however little is new: where moments end all the
   time, those of a few turns share one. A target loses no more by it than the
   moment that was on its way. */
static const int64_t commit_every_ns = 50 * INT64_C(1000000);

int64_t storing_next_ns(const struct watcher *w)
{
    return w->is_writing ? w->write_since_ns + commit_every_ns : INT64_MAX;
}

bool storing_turn(struct watcher *w, struct err *err)
{
    const bool is_busy = watcher_n_in_flight(w) > 0;
    return (is_busy && w->now_ns < storing_next_ns(w)) ||
           storing_commit(w, err);
}

bool storing_commit(struct watcher *w, struct err *err)
{
    if (!w->is_writing) {
        return true;
    }
    w->is_writing = false;
    return store_commit(w->o.store, err) || err_wrap(err, "store");
}

/* --- state: from where on a replay begins --- */

/* A replay takes 0.1 ms a moment, and a fleet is resumed target by target: so
   of a long run the latest one or two thousand moments are replayed. */
enum { MARK_EVERY = 1024 };

/* True each time that so many moments have passed; `mark` is when. */
static bool pass_moment(struct watched *t, bool begins_run, int64_t nanos)
{
    const bool is_mark = begins_run || ++t->n_since_mark == MARK_EVERY;
    if (is_mark) {
        t->replay_from = begins_run ? nanos : t->mark_nanos;
        t->mark_nanos = nanos;
        t->n_since_mark = 0;
    }
    return is_mark;
}

/*
 * "1 <from nanos> <next moment> <confirmed id>... <strong id>:<since>:<profile>
 * ...": text, so that a person can read it. "Since" is as many moments as the
 * store had when it became strong. That outlasts us, while moments of the run
 * are counted from where a replay begins.
 */
static void put_strong(const struct watched *t, struct buf *out)
{
    const uint64_t n = history_about(t->history).n_moments;
    for (size_t i = 0; i < t->known.n; i++) {
        const struct known_finding *k = &t->known.items[i];
        const uint64_t more = n - k->strong_since; /* moments from then on */
        if (!k->is_confirmed && k->strong_since > 0 && k->strong_since <= n &&
            more < t->next_moment) {
            buf_printf(out, " %s:%llu:%s", k->id,
                       (unsigned long long)(t->next_moment - more),
                       profile_kind_name(k->profile));
        }
    }
}

static bool put_state(struct watcher *w, struct watched *t, struct err *err)
{
    struct buf b = BUF_LIMIT(STATE_BYTES_MAX);
    buf_printf(&b, "1 %lld %llu", (long long)t->replay_from,
               (unsigned long long)t->next_moment);
    for (size_t i = 0; i < t->known.n; i++) {
        if (t->known.items[i].is_confirmed) {
            buf_printf(&b, " %s", t->known.items[i].id);
        }
    }
    put_strong(t, &b);
    const bool ok = buf_check(&b, "state", err) &&
                    store_put_state(w->o.store, t->stored, buf_view(&b), err);
    buf_release(&b);
    return ok;
}

static struct span next_field(struct span *rest)
{
    const struct span field = span_first(*rest, span_find_char(*rest, ' '));
    *rest = span_from(*rest, field.len + 1);
    return field;
}

static void recall_confirmed(struct watched *t, struct span id)
{
    for (size_t i = 0; i < t->known.n; i++) {
        struct known_finding *k = &t->known.items[i];
        k->is_confirmed |= span_is(id, k->id);
    }
}

/* False: it is of no such kind. `strong_since` is the store's for now. */
static bool recall_strong(struct watched *t, struct span field)
{
    const struct span id = span_first(field, span_find_char(field, ':'));
    const struct span rest = span_from(field, id.len + 1);
    const struct span since = span_first(rest, span_find_char(rest, ':'));
    const struct span profile = span_from(rest, since.len + 1);
    uint64_t n = 0;
    if (id.len == field.len || !num_parse_u64(since, &n)) {
        return false;
    }
    for (size_t i = 0; i < t->known.n; i++) {
        struct known_finding *k = &t->known.items[i];
        for (int kind = 0; span_is(id, k->id) && kind < N_PROFILE_KINDS;
             kind++) {
            if (span_is(profile, profile_kind_name((enum profile_kind)kind))) {
                k->profile = (enum profile_kind)kind;
                k->strong_since = n;
            }
        }
    }
    return true;
}

/* From moments of the store to moments of the run that was replayed. */
static void count_strong(struct watched *t)
{
    const uint64_t n = history_about(t->history).n_moments;
    for (size_t i = 0; i < t->known.n; i++) {
        struct known_finding *k = &t->known.items[i];
        if (k->strong_since > 0) {
            const uint64_t more = t->next_moment > k->strong_since
                                      ? t->next_moment - k->strong_since
                                      : 0;
            k->strong_since = n > more ? n - more : n > 0;
        }
    }
}

static bool get_state(struct watcher *w, struct watched *t, int64_t *since,
                      struct err *err)
{
    struct buf b = BUF_LIMIT(STATE_BYTES_MAX);
    bool ok = store_get_state(w->o.store, t->stored, &b, err);
    struct span rest = buf_view(&b);
    if (ok && rest.len > 0) {
        ok = (span_is(next_field(&rest), "1") &&
              num_parse_i64(next_field(&rest), since) &&
              num_parse_u64(next_field(&rest), &t->next_moment)) ||
             err_set(err, ERR_FORMAT, "the state is of another version");
    }
    while (ok && rest.len > 0) {
        const struct span field = next_field(&rest);
        if (!recall_strong(t, field)) {
            recall_confirmed(t, field);
        }
    }
    buf_release(&b);
    return ok;
}

/* --- resuming --- */

/* The points of one moment are gathered, since the store lends one at a
   time. */
struct replay {
    struct watcher *w;
    struct watched *t;
    uint64_t moment;
    int64_t taken_nanos;
    struct series_point points[2 * N_STEPS];
    size_t n;
};

static void forget_points(struct replay *r)
{
    for (size_t i = 0; i < r->n; i++) {
        series_point_release(&r->points[i]);
    }
    r->n = 0;
}

static bool replay_moment(struct replay *r, struct err *err)
{
    if (r->n == 0) {
        return true;
    }
    enum history_event event = HISTORY_TAKEN;
    const bool ok =
        history_add(r->t->history, r->w->table, r->points, r->n, &event, err);
    const bool begins_run = history_begins_run(event) || r->t->mark_nanos == 0;
    watched_take_totals(r->t, r->points, r->n, begins_run);
    (void)pass_moment(r->t, begins_run, r->taken_nanos);
    forget_points(r);
    return ok;
}

static bool copy_point(const struct series_point *from,
                       struct series_point *out)
{
    *out = *from;
    out->cells = (struct series_cells_vec){0};
    out->goroutines = (struct series_goroutines){0};
    if (!series_cells_vec_reserve(&out->cells, from->cells.n) ||
        !series_goroutines_reserve(&out->goroutines, from->goroutines.n)) {
        series_point_release(out);
        return false;
    }
    if (from->cells.n > 0) {
        memcpy(out->cells.items, from->cells.items,
               from->cells.n * sizeof(*from->cells.items));
    }
    if (from->goroutines.n > 0) {
        memcpy(out->goroutines.items, from->goroutines.items,
               from->goroutines.n * sizeof(*from->goroutines.items));
    }
    out->cells.n = from->cells.n;
    out->goroutines.n = from->goroutines.n;
    return true;
}

static bool replay_point(void *ctx, const struct store_point *p,
                         struct err *err)
{
    struct replay *r = ctx;
    if (r->n > 0 && p->moment != r->moment && !replay_moment(r, err)) {
        return false;
    }
    r->moment = p->moment;
    r->taken_nanos = p->taken_nanos;
    r->t->last_nanos = p->taken_nanos;
    if (p->moment >= r->t->next_moment) {
        r->t->next_moment = p->moment + 1;
    }
    if (r->n == sizeof(r->points) / sizeof(r->points[0])) {
        return true; /* evidence beside the schedule: no part of the series */
    }
    if (!copy_point(p->point, &r->points[r->n])) {
        return err_nomem(err, "stored snapshot");
    }
    r->n++;
    return true;
}

static bool recall_finding(void *ctx, const struct store_finding *f,
                           struct err *err)
{
    struct watched *t = ctx;
    if (strlen(f->id) >= sizeof(((struct known_finding *)0)->id)) {
        return err_set(err, ERR_FORMAT, "a finding has no valid id");
    }
    struct known_finding *k = known_add(&t->known, f->id, f->first_seen_nanos);
    if (!k) {
        return err_nomem(err, "stored findings");
    }
    k->is_open = f->is_open;
    k->grade = f->grade;
    k->worst = f->grade_worst;
    return true;
}

static bool recall(struct watcher *w, struct watched *t, struct err *err)
{
    struct replay r = {.w = w, .t = t};
    int64_t since = 0;
    t->known.n = 0; /* of a target that comes back */
    const bool ok =
        store_each_finding(w->o.store, t->stored, recall_finding, t, err) &&
        get_state(w, t, &since, err) &&
        store_each_point(w->o.store, t->stored, since, w->table, replay_point,
                         &r, err) &&
        replay_moment(&r, err);
    forget_points(&r);
    count_strong(t);
    t->has_unjudged = history_about(t->history).n_moments > 0;
    return ok;
}

static bool open_target(struct watcher *w, struct watched *t, struct err *err)
{
    struct buf labels = BUF_LIMIT(1u << 20);
    watch_labels_json(&t->target, &labels);
    const bool ok = storing_begin(w, err) &&
                    buf_check(&labels, "labels", err) &&
                    store_target_open(w->o.store, t->target.shown, labels.data,
                                      &t->stored, err);
    buf_release(&labels);
    return ok;
}

bool storing_resume(struct watcher *w, struct watched *t, struct err *err)
{
    if (!w->o.store || t->is_resumed) {
        return true;
    }
    t->is_resumed = true;
    if (!open_target(w, t, err) || !recall(w, t, err)) {
        return err_wrap(err, "store");
    }
    counts_resize(w, t);
    return true;
}

/* --- writing --- */

bool storing_append(struct watcher *w, struct watched *t,
                    const struct series_point *points, size_t n,
                    bool begins_run, struct err *err)
{
    if (!w->o.store) {
        return true;
    }
    if (!storing_begin(w, err)) {
        return false;
    }
    const bool is_first = begins_run || t->mark_nanos == 0;
    const bool is_mark = pass_moment(t, is_first, w->wall_nanos);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        ok = store_append(w->o.store, t->stored, t->next_moment, w->wall_nanos,
                          w->table, &points[i], err);
    }
    t->next_moment++;
    ok = ok && (!is_mark || put_state(w, t, err));
    return ok || err_wrap(err, "store");
}

static bool write_findings(struct watcher *w, struct watched *t,
                           struct store_finding *items, struct buf *documents,
                           struct err *err)
{
    for (size_t i = 0; i < t->findings.n; i++) {
        const struct finding *f = &t->findings.items[i];
        const struct known_finding *k = known_find(&t->known, f->id);
        if (!report_finding_json(f, &documents[i], err)) {
            return false;
        }
        items[i] =
            (struct store_finding){.id = f->id,
                                   .rule = f->rule->id,
                                   .grade = f->grade,
                                   .grade_worst = k->worst,
                                   .is_open = true,
                                   .first_seen_nanos = f->first_seen_nanos,
                                   .last_seen_nanos = w->wall_nanos,
                                   .document = documents[i].data};
    }
    return storing_begin(w, err) &&
           store_put_findings(w->o.store, t->stored, w->wall_nanos, items,
                              t->findings.n, err);
}

bool storing_findings(struct watcher *w, struct watched *t, bool is_news,
                      struct err *err)
{
    const size_t n = t->findings.n;
    if (!w->o.store || t->known.n == 0) {
        return true; /* none, and never any */
    }
    struct store_finding *items = calloc(n + 1, sizeof(*items));
    struct buf *documents = calloc(n + 1, sizeof(*documents));
    bool ok = items && documents;
    for (size_t i = 0; ok && i < n; i++) {
        documents[i] = BUF_LIMIT(DOCUMENT_BYTES_MAX);
    }
    ok = ok ? write_findings(w, t, items, documents, err)
            : err_nomem(err, "findings");
    for (size_t i = 0; documents && i < n; i++) {
        buf_release(&documents[i]);
    }
    free(documents);
    free(items);
    ok = ok && (!is_news || put_state(w, t, err));
    return ok || err_wrap(err, "store");
}
