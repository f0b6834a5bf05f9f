/*
 * What the watch writes down, and what it finds again. All that a turn of the
 * loop brought is one transaction; a moment is in it whole or not at all. A
 * store that cannot be written to does not end the watch: it is tried again
 * later, and what is missing in it is counted.
 *
 * What is found again is the run that was going on: its points are replayed
 * through the same step that took them, so the history is the one there was.
 */
#include "watch/watcher_private.h"

#include "base/num.h"
#include "base/reader.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* All that are known could be confirmed. */
enum { STATE_BYTES_MAX = 128 << 10, DOCUMENT_BYTES_MAX = 16 << 20 };

/* --- when it does not work --- */

/* Something else may need the disk or hold the file for a while; each try may
   wait for the latter itself. */
static const int64_t retry_every_ns = 10 * INT64_C(1000000000);

static bool is_resting(const struct watcher *w)
{
    return w->storing.is_failing && w->now_ns < w->storing.retry_ns;
}

/* The store could not: the watch goes on without it for a while. Says false
   when that is no way out. */
static bool go_on_without(struct watcher *w, struct err *err)
{
    struct storing *s = &w->storing;
    struct err ignored = {0};
    if (err->code == ERR_NOMEM) {
        return err_wrap(err, "store");
    }
    /* What was whole is kept, if that can be. */
    const bool is_kept = w->is_writing && store_commit(w->o.store, &ignored);
    w->is_writing = false;
    w->counts.n_unstored += is_kept ? 0 : s->n_begun;
    s->n_begun = 0;
    s->epoch++;
    s->is_failing = true;
    s->retry_ns = w->now_ns + retry_every_ns;
    (void)snprintf(s->latest, sizeof(s->latest), "%s", err->text);
    if (!*s->first) {
        memcpy(s->first, s->latest, sizeof(s->first));
    }
    err_clear(err);
    return true;
}

/* --- transactions --- */

static bool begin(struct watcher *w, struct err *err)
{
    if (!w->is_writing) {
        w->is_writing = store_begin(w->o.store, err);
        w->write_since_ns = w->now_ns;
    }
    return w->is_writing;
}

/* A commit writes whole pages, however little is new: where moments end all the
   time, those of a few turns share one. A target loses no more by it than the
   moment that was on its way. */
static const int64_t commit_every_ns = 50 * INT64_C(1000000);

int64_t storing_next_ns(const struct watcher *w)
{
    return w->is_writing ? w->write_since_ns + commit_every_ns : INT64_MAX;
}

bool storing_commit(struct watcher *w, struct err *err)
{
    if (!w->is_writing) {
        return true;
    }
    w->is_writing = false;
    if (!store_commit(w->o.store, err)) {
        return go_on_without(w, err);
    }
    w->storing.n_begun = 0;
    w->storing.is_failing = false;
    return true;
}

/* The store is thinned once in a while, and goes on while there is more. */
static const int64_t prune_every_ns = 60 * INT64_C(1000000000);

static bool prune(struct watcher *w, struct err *err)
{
    bool has_more = false;
    if (!w->o.store || w->is_writing || w->now_ns < w->prune_at_ns ||
        is_resting(w)) {
        return true;
    }
    if (!store_prune(w->o.store, w->wall_nanos, &has_more, err)) {
        return go_on_without(w, err);
    }
    w->prune_at_ns = w->now_ns + (has_more ? 0 : prune_every_ns);
    return true;
}

bool storing_turn(struct watcher *w, struct err *err)
{
    const bool is_busy = watcher_n_in_flight(w) > 0;
    return ((is_busy && w->now_ns < storing_next_ns(w)) ||
            storing_commit(w, err)) &&
           prune(w, err);
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

/* Its number in the store; anew when what gave it that was undone. */
static bool open_target(struct watcher *w, struct watched *t, struct err *err)
{
    struct buf labels = BUF_LIMIT(1u << 20);
    if (t->store_epoch == w->storing.epoch) {
        return begin(w, err);
    }
    watch_labels_json(&t->target, &labels);
    const bool ok = begin(w, err) && buf_check(&labels, "labels", err) &&
                    store_target_open(w->o.store, t->target.shown, labels.data,
                                      &t->stored, err);
    buf_release(&labels);
    t->store_epoch = ok ? w->storing.epoch : 0;
    return ok;
}

/* The store works now, and did not when the target's history began: what it
   has goes on behind what it had. */
static bool number_moments(struct watcher *w, struct watched *t,
                           struct err *err)
{
    uint64_t next = 0;
    if (!store_next_moment(w->o.store, t->stored, &next, err)) {
        return false;
    }
    t->next_moment = next > t->next_moment ? next : t->next_moment;
    return true;
}

/* The part of it that was replayed goes. */
static bool forget_past(struct watcher *w, struct watched *t, struct err *err)
{
    struct history *fresh = history_new(w->o.moments_max);
    if (!fresh) {
        return err_nomem(err, "history");
    }
    history_free(t->history);
    t->history = fresh;
    t->has_unjudged = false;
    t->is_unstored = true;
    return go_on_without(w, err);
}

bool storing_resume(struct watcher *w, struct watched *t, struct err *err)
{
    if (!w->o.store || t->is_resumed || is_resting(w)) {
        return true;
    }
    if (!open_target(w, t, err)) {
        return go_on_without(w, err);
    }
    t->is_resumed = true;
    t->is_unstored = false;
    const bool is_new = history_about(t->history).n_moments == 0;
    if (is_new ? !recall(w, t, err) : !number_moments(w, t, err)) {
        return forget_past(w, t, err);
    }
    counts_resize(w, t);
    return true;
}

/* --- writing --- */

static bool append(struct watcher *w, struct watched *t,
                   const struct series_point *points, size_t n, bool begins_run,
                   struct err *err)
{
    /* What says from where on to replay may have been undone. */
    const bool is_undone = t->store_epoch != w->storing.epoch;
    if (!open_target(w, t, err)) {
        return false;
    }
    const bool is_first = begins_run || t->mark_nanos == 0;
    const bool is_mark = pass_moment(t, is_first, w->wall_nanos) || is_undone;
    w->storing.n_begun++;
    for (size_t i = 0; i < n; i++) {
        if (!store_append(w->o.store, t->stored, t->next_moment, w->wall_nanos,
                          w->table, &points[i], err)) {
            return false;
        }
    }
    t->next_moment++;
    return !is_mark || put_state(w, t, err);
}

bool storing_append(struct watcher *w, struct watched *t,
                    const struct series_point *points, size_t n,
                    bool begins_run, struct err *err)
{
    if (!w->o.store) {
        return true;
    }
    if (!t->is_resumed || t->is_unstored || is_resting(w)) {
        w->counts.n_unstored++;
        return true;
    }
    const uint64_t before = w->storing.n_begun;
    if (append(w, t, points, n, begins_run, err)) {
        return true;
    }
    w->counts.n_unstored += w->storing.n_begun == before ? 1 : 0;
    return go_on_without(w, err);
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
    return open_target(w, t, err) &&
           store_put_findings(w->o.store, t->stored, w->wall_nanos, items,
                              t->findings.n, err);
}

static bool put_findings(struct watcher *w, struct watched *t, bool is_news,
                         struct err *err)
{
    const size_t n = t->findings.n;
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
    return ok && (!is_news || put_state(w, t, err));
}

bool storing_findings(struct watcher *w, struct watched *t, bool is_news,
                      struct err *err)
{
    if (!w->o.store || t->known.n == 0) {
        return true; /* none, and never any */
    }
    t->findings_epoch = 0;
    if (!t->is_resumed || t->is_unstored || is_resting(w)) {
        return true;
    }
    if (!put_findings(w, t, is_news, err)) {
        return go_on_without(w, err);
    }
    t->findings_epoch = w->storing.epoch;
    return true;
}

bool storing_findings_again(struct watcher *w, struct watched *t,
                            struct err *err)
{
    return w->storing.epoch == 1 || !t->has_findings ||
           t->findings_epoch == w->storing.epoch ||
           storing_findings(w, t, true, err);
}
