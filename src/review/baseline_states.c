/*
 * New, existing, worse, fixed: findings of now against those of a baseline. A
 * higher grade alone is not worse, since grades follow the length of a window;
 * what counts is growth that is larger beyond doubt. And what is not found is
 * fixed only where this run could have found it.
 */
#include "base/sort.h"
#include "review/baseline_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const enum profile_kind baseline_kinds[] = {KIND_HEAP, KIND_GOROUTINE,
                                            KIND_GOROUTINELEAK, KIND_HEAPDUMP};
const size_t baseline_n_kinds =
    sizeof(baseline_kinds) / sizeof(baseline_kinds[0]);

static const double default_worse_ratio = 1.25;

/* Two figures with errors differ when apart by four standard errors: what a
   change needs to count in `seep diff` too. */
static const double least_z = 4;

/* --- the entry of a finding --- */

struct baseline_entry baseline_entry_of(const struct finding *f)
{
    static const struct metric none = {.name = "",
                                       .unit = "",
                                       .last = NAN,
                                       .delta = NAN,
                                       .per_hour = NAN,
                                       .per_hour_low = NAN,
                                       .per_hour_high = NAN};
    const struct metric *m = f->n_metrics > 0 ? &f->metrics[0] : &none;
    const double z = f->statistics.z;
    const bool is_fixed = f->state != NULL && strcmp(f->state, "fixed") == 0;
    struct baseline_entry e = {
        .rule = f->rule->id,
        .grade = f->grade,
        .profile = f->profile,
        .function = f->has_site ? f->site.function : "",
        .file = f->has_site ? f->site.file : "",
        .line = f->has_site ? f->site.line : 0,
        .text = f->has_site && f->site.mark != NULL ? f->site.mark->text : 0,
        .metric = m->name,
        .unit = m->unit,
        .level = m->last,
        .delta = m->delta,
        .noise = isfinite(m->delta) && z > 0 ? fabs(m->delta) / z : NAN,
        .per_hour = m->per_hour,
        .per_hour_low = m->per_hour_low,
        .per_hour_high = m->per_hour_high,
        .first_seen_nanos = f->first_seen_nanos,
        .headline = f->headline ? f->headline : f->rule->headline,
        .program = "",
        .is_aside =
            !is_fixed && (f->accepted != NULL || f->grade == GRADE_INFO),
        .is_fixed = is_fixed};
    memcpy(e.id, f->id, sizeof(e.id));
    memcpy(e.loose_id, f->loose_id, sizeof(e.loose_id));
    if (f->renamed != NULL) {
        memcpy(e.own_id, f->renamed->id, sizeof(e.own_id));
        memcpy(e.own_loose_id, f->renamed->loose_id, sizeof(e.own_loose_id));
    }
    return e;
}

/* --- worse? --- */

static bool has_rates(const struct baseline_entry *e)
{
    return isfinite(e->per_hour_low) && isfinite(e->per_hour_high) &&
           isfinite(e->per_hour);
}

/* Beyond its noise and by the ratio. Counts without a known noise have at
   least that of counting. */
static bool has_risen(double past, double now, double noise, double ratio,
                      bool is_count)
{
    if (!isfinite(past) || !isfinite(now) || now <= past ||
        now < past * ratio) {
        return false;
    }
    const double counting = is_count ? sqrt(past > 0 ? past + now : now) : 0;
    const double error = isfinite(noise) ? noise : counting;
    return now - past > least_z * error;
}

static bool is_worse(const struct baseline_entry *past,
                     const struct baseline_entry *now, double ratio,
                     bool *is_incomparable)
{
    const bool is_count = strcmp(now->unit, "count") == 0;
    if (strcmp(past->metric, now->metric) != 0) {
        *is_incomparable = true;
        return false;
    }
    if (has_rates(past) && has_rates(now)) {
        return now->per_hour_low > past->per_hour_high &&
               now->per_hour >= past->per_hour * ratio;
    }
    const bool has_deltas = has_rates(past) == has_rates(now);
    if (has_deltas && past->delta > 0 && now->delta > 0) {
        return has_risen(past->delta, now->delta,
                         hypot(past->noise, now->noise), ratio, is_count);
    }
    /* A series against two snapshots: what is left is the level. */
    *is_incomparable = !isfinite(past->level) || !isfinite(now->level);
    return has_risen(past->level, now->level, NAN, ratio, is_count);
}

/* --- fixed? --- */

/* By how much it would have grown in this window. A longer one than that of
   the baseline is taken for no more: the load may have ended. */
static double expected_growth(const struct baseline_entry *e,
                              const struct baseline_window *w)
{
    if (w->seconds > 0 && e->per_hour_low > 0) {
        return e->per_hour_low * w->seconds / 3600;
    }
    const bool is_shorter = w->seconds > 0 && e->seconds > w->seconds;
    return is_shorter ? e->delta * w->seconds / e->seconds : e->delta;
}

/* Does it stand out of its noise? Asked of the growth that is likely, not of
   the least: that has the doubt in it already. */
static bool is_beyond_noise(const struct baseline_entry *e,
                            const struct baseline_window *w,
                            double least_growth)
{
    const bool has_rate = w->seconds > 0 && has_rates(e);
    const double likely =
        has_rate ? e->per_hour * w->seconds / 3600 : least_growth;
    return !isfinite(e->noise) || likely >= least_z * e->noise;
}

/* A goroutine that is proven to leak in one run may only grow in another. */
static enum profile_kind family(enum profile_kind k)
{
    return k == KIND_GOROUTINELEAK ? KIND_GOROUTINE : k;
}

/* Profiles and dumps look at the same memory. */
static bool looks_at_same(enum profile_kind a, enum profile_kind b)
{
    return (family(a) == KIND_GOROUTINE) == (family(b) == KIND_GOROUTINE);
}

bool baseline_is_of_other(const struct baseline_entry *e, const char *program)
{
    return e->program != NULL && *e->program != '\0' && program != NULL &&
           *program != '\0' && strcmp(e->program, program) != 0;
}

bool baseline_is_of_program(const struct baseline_entry *e, const char *program)
{
    return e->program != NULL && *e->program != '\0' && program != NULL &&
           strcmp(e->program, program) == 0;
}

bool baseline_is_blind(const struct baseline_entry *e,
                       const struct baseline_window *w)
{
    bool has_kind = w->kinds == 0;
    for (size_t k = 0; k < baseline_n_kinds; k++) {
        has_kind |= (w->kinds & PROFILE_BIT(baseline_kinds[k])) != 0 &&
                    looks_at_same(baseline_kinds[k], e->profile);
    }
    return !w->is_comparison &&
           (!has_kind || baseline_is_of_other(e, w->program));
}

static bool could_show(const struct baseline_entry *e,
                       const struct baseline_window *w)
{
    if (w->has_lost || w->is_inconclusive || w->is_comparison ||
        baseline_is_of_other(e, w->program)) {
        return false;
    }
    if (w->kinds != 0 && !(w->kinds & PROFILE_BIT(e->profile))) {
        return false;
    }
    if (e->profile == KIND_HEAPDUMP) {
        /* Beside profiles a dump adds proof alone, and no suspects. */
        const bool is_alone = w->kinds == PROFILE_BIT(KIND_HEAPDUMP);
        const bool is_proof = w->kinds != 0 && e->grade == GRADE_PROVEN;
        return (is_alone || is_proof) && baseline_is_of_program(e, w->program);
    }
    if (e->profile == KIND_GOROUTINELEAK) {
        return w->kinds != 0; /* it proves, in whatever number */
    }
    const double least =
        e->profile == KIND_HEAP ? w->heap_bytes : w->goroutines;
    const double growth = expected_growth(e, w);
    return least > 0 && growth >= least && is_beyond_noise(e, w, growth);
}

/* --- who is who --- */

/* One of either side, in the order of what pairs them. */
struct loose {
    const struct baseline_entry *entry;
    const char *id; /* of its site, by the names of before or of now */
    size_t at;
    bool is_past;
};

static int by_loose(const void *pa, const void *pb, const void *ctx)
{
    const struct loose *a = pa;
    const struct loose *b = pb;
    (void)ctx;
    const int order = strcmp(a->id, b->id);
    if (order != 0) {
        return order;
    }
    const int ka = (int)family(a->entry->profile);
    const int kb = (int)family(b->entry->profile);
    if (ka != kb) {
        return ka < kb ? -1 : 1;
    }
    if (a->is_past != b->is_past) {
        return a->is_past ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static bool is_alike(const struct loose *a, const struct loose *b)
{
    return family(a->entry->profile) == family(b->entry->profile) &&
           strcmp(a->id, b->id) == 0;
}

static const struct baseline_entry *find_id(const struct baseline *b,
                                            const char *id)
{
    size_t low = 0;
    size_t high = b->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = strcmp(id, b->items[mid].id);
        if (order == 0) {
            return &b->items[mid];
        }
        if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

/* Only a comparison knows of itself what is gone. */
static bool takes_part(const struct baseline_entry *now,
                       const struct baseline_window *w)
{
    return !now->is_fixed || w->is_comparison;
}

static enum baseline_fate fate_of(const struct baseline_entry *now)
{
    return now->is_fixed ? BASELINE_FIXED : BASELINE_FOUND;
}

static void pair_by_id(const struct baseline *past,
                       const struct baseline_entry *now, size_t n,
                       const struct baseline_window *w,
                       struct baseline_states *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct baseline_entry *e = find_id(past, now[i].id);
        if (e == NULL || !takes_part(&now[i], w)) {
            continue;
        }
        out->now[i].past = e;
        enum baseline_fate *fate = &out->past[e - past->items];
        *fate = *fate == BASELINE_FOUND ? *fate : fate_of(&now[i]);
    }
}

/* Entries that have an own_id, in its order. */
static int by_own_id(const void *pa, const void *pb, const void *ctx)
{
    const struct baseline_entry *const *a = pa;
    const struct baseline_entry *const *b = pb;
    (void)ctx;
    const int order = strcmp((*a)->own_id, (*b)->own_id);
    return order != 0 ? order : (*a > *b) - (*a < *b);
}

/* The first that has it; NULL none. */
static const struct baseline_entry *
find_own_id(const struct baseline_entry *const *entries, size_t n,
            const char *id)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (strcmp(entries[mid]->own_id, id) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n && strcmp(entries[low]->own_id, id) == 0 ? entries[low]
                                                            : NULL;
}

static const struct baseline_entry *
find_other_name(const struct baseline *past,
                const struct baseline_entry *const *entries, size_t n,
                const struct baseline_entry *now)
{
    const bool has_own = *now->own_id != '\0';
    const struct baseline_entry *e =
        has_own ? find_id(past, now->own_id) : NULL;
    if (e != NULL) {
        return e;
    }
    e = find_own_id(entries, n, now->id);
    const struct baseline_entry *other =
        has_own ? find_own_id(entries, n, now->own_id) : NULL;
    return e == NULL || (other != NULL && other < e) ? other : e;
}

/* Of functions that were renamed either side may know the ids of before and of
   now. What is found already stays so. */
static bool pair_by_own_id(const struct baseline *past,
                           const struct baseline_entry *now, size_t n,
                           const struct baseline_window *w,
                           struct baseline_states *out, struct err *err)
{
    const struct baseline_entry **entries =
        calloc(past->n + 1, sizeof(const struct baseline_entry *));
    size_t n_entries = 0;
    if (entries == NULL) {
        return err_nomem(err, "baseline");
    }
    for (size_t k = 0; k < past->n; k++) {
        if (*past->items[k].own_id != '\0') {
            entries[n_entries++] = &past->items[k];
        }
    }
    sort_items(entries, n_entries, sizeof(const struct baseline_entry *),
               by_own_id, NULL);
    for (size_t i = 0; i < n; i++) {
        if (out->now[i].past != NULL || !takes_part(&now[i], w)) {
            continue;
        }
        const struct baseline_entry *e =
            find_other_name(past, entries, n_entries, &now[i]);
        if (e != NULL && out->past[e - past->items] == BASELINE_UNCHECKED) {
            out->now[i].past = e;
            out->now[i].renamed_by = "baseline";
            out->past[e - past->items] = fate_of(&now[i]);
        }
    }
    free(entries);
    return true;
}

/* Unless their ids have found them already. */
static void pair(const struct loose *past, const struct loose *now,
                 struct baseline_states *out)
{
    struct baseline_state *s = &out->now[now->at];
    if (s->past == NULL && out->past[past->at] == BASELINE_UNCHECKED) {
        s->past = past->entry;
        s->is_moved = past->entry->profile == now->entry->profile;
        out->past[past->at] = fate_of(now->entry);
    }
}

/* Where exactly one of each side has the loose id: of two leaks at one site, a
   new one must not pass for the old one. */
static void pair_rows(struct loose *rows, size_t n, struct baseline_states *out)
{
    sort_items(rows, n, sizeof(*rows), by_loose, NULL);
    size_t end = 0;
    for (size_t i = 0; i < n; i = end) {
        end = i + 1;
        while (end < n && is_alike(&rows[i], &rows[end])) {
            end++;
        }
        if (end == i + 2 && rows[i].is_past && !rows[i + 1].is_past) {
            pair(&rows[i], &rows[i + 1], out);
        }
    }
}

/* One row for each loose id that it has. */
static size_t add_rows(struct loose *rows, const struct baseline_entry *e,
                       size_t at, bool is_past, bool with_own)
{
    const bool has_own = with_own && *e->own_loose_id != '\0' &&
                         strcmp(e->own_loose_id, e->loose_id) != 0;
    rows[0] = (struct loose){e, e->loose_id, at, is_past};
    if (has_own) {
        rows[1] = (struct loose){e, e->own_loose_id, at, is_past};
    }
    return has_own ? 2 : 1;
}

/* By the loose ids that they were given; then by those of all their names. */
static bool pair_by_site(const struct baseline *past,
                         const struct baseline_entry *now, size_t n,
                         const struct baseline_window *w,
                         struct baseline_states *out, struct err *err)
{
    struct loose *rows = calloc(2 * (past->n + n) + 1, sizeof(*rows));
    if (rows == NULL) {
        return err_nomem(err, "baseline");
    }
    for (int with_own = 0; with_own < 2; with_own++) {
        size_t n_rows = 0;
        for (size_t i = 0; i < past->n; i++) {
            n_rows +=
                add_rows(&rows[n_rows], &past->items[i], i, true, with_own);
        }
        for (size_t i = 0; i < n; i++) {
            if (takes_part(&now[i], w)) {
                n_rows += add_rows(&rows[n_rows], &now[i], i, false, with_own);
            }
        }
        pair_rows(rows, n_rows, out);
    }
    free(rows);
    return true;
}

/* --- under another name --- */

bool baseline_is_like_level(const struct baseline_entry *past,
                            const struct baseline_entry *now)
{
    return strcmp(past->metric, now->metric) == 0 &&
           name_change_keeps_level(past->level, now->level);
}

static double ratio_of(double worse_ratio)
{
    return worse_ratio > 0 ? worse_ratio : default_worse_ratio;
}

void baseline_take_renamed(const struct baseline *past, size_t k,
                           const struct baseline_entry *now, size_t i,
                           double worse_ratio, struct baseline_states *s)
{
    struct baseline_state *state = &s->now[i];
    state->past = &past->items[k];
    state->renamed_by = "source";
    state->is_worse = is_worse(state->past, &now[i], ratio_of(worse_ratio),
                               &state->is_incomparable);
    s->past[k] = BASELINE_FOUND;
}

/* --- all of it --- */

void baseline_states_release(struct baseline_states *s)
{
    free(s->now);
    free(s->past);
    *s = (struct baseline_states){.now = NULL};
}

bool baseline_compare(const struct baseline *past,
                      const struct baseline_entry *now, size_t n,
                      const struct baseline_window *window, double worse_ratio,
                      struct baseline_states *out, struct err *err)
{
    const double ratio = ratio_of(worse_ratio);
    *out = (struct baseline_states){
        .now = calloc(n + 1, sizeof(*out->now)),
        .past = calloc(past->n + 1, sizeof(*out->past))};
    if (out->now == NULL || out->past == NULL) {
        baseline_states_release(out);
        return err_nomem(err, "baseline");
    }
    for (size_t i = 0; i < past->n; i++) {
        out->past[i] = BASELINE_UNCHECKED;
    }
    pair_by_id(past, now, n, window, out);
    if (!pair_by_own_id(past, now, n, window, out, err) ||
        !pair_by_site(past, now, n, window, out, err)) {
        baseline_states_release(out);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct baseline_state *s = &out->now[i];
        s->is_worse = s->past != NULL && !now[i].is_fixed &&
                      is_worse(s->past, &now[i], ratio, &s->is_incomparable);
    }
    for (size_t i = 0; i < past->n; i++) {
        if (out->past[i] == BASELINE_UNCHECKED &&
            could_show(&past->items[i], window)) {
            out->past[i] = BASELINE_FIXED;
        }
    }
    return true;
}
