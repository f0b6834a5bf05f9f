/*
 * Are the two sides one program, taken in order, at one sampling rate? What
 * would turn the comparison into nonsense is refused; what may mislead is said
 * first; the rest is a note. Names of binaries alone refuse nothing: a job may
 * build app-base and app-head.
 */
#include "base/num.h"
#include "series/diff_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below this share of functions in common, two names are two programs. */
static const double common_share_min = 0.5;

/* So many times the allocations of the other side are another length of run or
   another load. */
static const double births_ratio_max = 3;

static bool nomem(struct err *err)
{
    return err_nomem(err, "comparing programs");
}

/* --- what a profile says ----------------------------------------------------
 */

static bool text_once(struct series_diff *d, const char **to, struct span text,
                      struct err *err)
{
    if (*to || text.len == 0) {
        return true;
    }
    *to = arena_strdup(&d->arena, text);
    return *to || nomem(err);
}

static bool is_version_char(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

/* "1.23" of "/usr/lib/go-1.23", "1.22.3" of a toolchain's
   ".../toolchain@v0.0.1-go1.22.3.linux-amd64"; empty when there is none. */
static struct span version_in(struct span root)
{
    for (size_t i = 0; i + 3 < root.len; i++) {
        if (root.p[i] != 'g' || root.p[i + 1] != 'o') {
            continue;
        }
        const size_t start = i + 2 + (root.p[i + 2] == '-');
        size_t end = start;
        while (end < root.len && is_version_char(root.p[end])) {
            end++;
        }
        while (end > start && root.p[end - 1] == '.') {
            end--;
        }
        if (end > start + 2 && root.p[start] == '1') {
            return (struct span){root.p + start, end - start};
        }
    }
    return (struct span){0};
}

/* Files of the runtime lie below the installation that built the program,
   unless it was built with -trimpath. */
static bool learn_go(struct series_diff *d, struct diff_program *program,
                     const struct profile *p, struct err *err)
{
    for (uint32_t i = 0; i < p->n_functions && !program->go_root; i++) {
        const struct span file = profile_span(p, p->functions[i].file);
        const size_t at = span_find(file, "/src/runtime/");
        if (at == file.len || at == 0) {
            continue;
        }
        const struct span root = span_first(file, at);
        if (!text_once(d, &program->go_root, root, err) ||
            !text_once(d, &program->go_version, version_in(root), err)) {
            return false;
        }
    }
    return true;
}

bool diff_learn_program(struct series_diff *d, struct diff_program *program,
                        const struct snapshot *snap, struct err *err)
{
    const struct profile *p = snap->profile;
    const int64_t t = snap->time_nanos;
    if (t != 0) {
        const bool is_first = program->first_nanos == 0;
        program->first_nanos =
            is_first || t < program->first_nanos ? t : program->first_nanos;
        program->last_nanos =
            is_first || t > program->last_nanos ? t : program->last_nanos;
    }
    struct span name = {0};
    struct span build_id = {0};
    for (uint32_t i = 0; i < p->n_mappings && name.len == 0; i++) {
        name = span_of(text_base_name(profile_text(p, p->mappings[i].file)));
        build_id = profile_span(p, p->mappings[i].build_id);
    }
    if (program->name && name.len > 0 && !span_is(name, program->name) &&
        !text_once(d, &program->other, name, err)) {
        return false;
    }
    return text_once(d, &program->name, name, err) &&
           text_once(d, &program->build_id, build_id, err) &&
           learn_go(d, program, p, err);
}

/* --- one program? -----------------------------------------------------------
 */

struct overlap {
    size_t n[N_DIFF_SIDES], n_both;
};

bool diff_has_row(const struct diff_group *g, size_t row)
{
    return g && row < g->rows.n &&
           (g->rows.items[row].value > 0 || g->rows.items[row].born > 0);
}

/* Sites of the user's own code, by the sides that they were seen on. */
static bool count_sites(const struct series_diff *d, const struct diff_layer *l,
                        struct overlap *o, struct err *err)
{
    uint8_t *seen = calloc((size_t)l->n_sites + 1, 1);
    if (!seen) {
        return nomem(err);
    }
    for (size_t row = 0; row < l->row_site.n; row++) {
        const uint32_t id = l->row_site.items[row];
        if (id == DIFF_NO_SITE ||
            diff_frame_origin(
                d, l, &l->stacks.frames.items[l->row_frame.items[row]]) !=
                ORIGIN_USER) {
            continue;
        }
        seen[id] |= diff_has_row(l->used[DIFF_BASE], row) ? 1 : 0;
        seen[id] |= diff_has_row(l->used[DIFF_HEAD], row) ? 2 : 0;
    }
    for (uint32_t id = 0; id < l->n_sites; id++) {
        o->n[DIFF_BASE] += seen[id] & 1;
        o->n[DIFF_HEAD] += seen[id] >> 1;
        o->n_both += seen[id] == 3;
    }
    free(seen);
    return true;
}

bool diff_measure_share(struct series_diff *d, struct err *err)
{
    struct overlap o = {0};
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        if (series_diff_has(d, (enum diff_plane)k) &&
            !count_sites(d, &d->layers[k], &o, err)) {
            return false;
        }
    }
    const size_t least =
        o.n[DIFF_BASE] < o.n[DIFF_HEAD] ? o.n[DIFF_BASE] : o.n[DIFF_HEAD];
    d->share = least > 0 ? (double)o.n_both / (double)least : 1;
    d->n_functions = least;
    return true;
}

static bool warn(struct series_diff *d, const char *text, struct err *err)
{
    if (!text) {
        return nomem(err);
    }
    /* The first is the gravest; the others are notes. */
    if (d->warning) {
        return diff_note(d, text, err);
    }
    d->warning = text;
    return true;
}

static bool check_mixed(struct series_diff *d, bool forced, struct err *err)
{
    static const char *const sides[] = {"base", "head", "the calibration"};
    for (int side = 0; side < N_DIFF_GROUPS; side++) {
        const struct diff_program *p = &d->programs[side];
        if (p->other && !forced) {
            return err_set(err, ERR_MISMATCH,
                           "%s mixes two programs, %.60s and %.60s; --force "
                           "compares anyway",
                           sides[side], p->name, p->other);
        }
    }
    return true;
}

/* A floor that another program shows is none of this one. */
static bool note_calibration(struct series_diff *d, struct err *err)
{
    const char *name = d->programs[DIFF_CALIBRATION].name;
    const char *base = d->programs[DIFF_BASE].name;
    const char *head = d->programs[DIFF_HEAD].name;
    if (!name || !base || !head || strcmp(name, base) == 0 ||
        strcmp(name, head) == 0) {
        return true;
    }
    return warn(d,
                arena_printf(&d->arena,
                             "WARNING: the calibration runs are of %s, base is "
                             "of %s",
                             name, base),
                err);
}

/* One name, or none, proves nothing: half of all binaries are called main, or
   server. */
static bool warn_of_strangers(struct series_diff *d, struct err *err)
{
    enum { FUNCTIONS_MIN = 5 }; /* fewer may all be what changed */
    if (diff_is_same_build(d) || d->n_functions < FUNCTIONS_MIN ||
        d->share >= common_share_min) {
        return true;
    }
    return warn(d,
                arena_printf(&d->arena,
                             "WARNING: base and head share %.0f%% of their "
                             "functions: are they one program?",
                             100 * d->share),
                err);
}

static bool check_programs(struct series_diff *d, bool forced, struct err *err)
{
    const char *base = d->programs[DIFF_BASE].name;
    const char *head = d->programs[DIFF_HEAD].name;
    if (!base || !head || strcmp(base, head) == 0) {
        return warn_of_strangers(d, err);
    }
    const bool shares_most = d->share >= common_share_min;
    bool has_other_main = false;
    if (shares_most && !diff_has_other_main(d, &has_other_main, err)) {
        return false;
    }
    if (shares_most && !has_other_main) {
        return diff_note(
            d, arena_printf(&d->arena, "base is of %s, head of %s", base, head),
            err);
    }
    if (!forced && has_other_main) {
        return err_set(err, ERR_MISMATCH,
                       "base is of %.60s, head of %.60s, and their packages "
                       "main share no function: two programs; --force compares "
                       "anyway",
                       base, head);
    }
    if (!forced) {
        return err_set(err, ERR_MISMATCH,
                       "base is of %.60s, head of %.60s, and they share %.0f%% "
                       "of their functions: two programs; --force compares "
                       "anyway",
                       base, head, 100 * d->share);
    }
    return warn(d,
                arena_printf(&d->arena,
                             "WARNING: two programs: base is of %s, head of %s",
                             base, head),
                err);
}

static bool differ(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

bool diff_is_other_build(const struct series_diff *d)
{
    const struct diff_program *base = &d->programs[DIFF_BASE];
    const struct diff_program *head = &d->programs[DIFF_HEAD];
    return differ(base->build_id, head->build_id) ||
           differ(base->name, head->name);
}

bool diff_is_same_build(const struct series_diff *d)
{
    const char *base = d->programs[DIFF_BASE].build_id;
    const char *head = d->programs[DIFF_HEAD].build_id;
    return base && head && strcmp(base, head) == 0;
}

static bool note_builds(struct series_diff *d, struct err *err)
{
    const struct diff_program *base = &d->programs[DIFF_BASE];
    const struct diff_program *head = &d->programs[DIFF_HEAD];
    if (differ(base->build_id, head->build_id) &&
        !diff_note(d,
                   "base and head are different builds; stacks are matched by "
                   "function name",
                   err)) {
        return false;
    }
    if (!base->go_root || !head->go_root ||
        strcmp(base->go_root, head->go_root) == 0) {
        return true;
    }
    const bool has_versions = base->go_version && head->go_version;
    if (has_versions && strcmp(base->go_version, head->go_version) == 0) {
        return true;
    }
    return diff_note(
        d,
        arena_printf(&d->arena,
                     "base was built with Go %s, head with Go %s: the runtime "
                     "itself may differ",
                     has_versions ? base->go_version : base->go_root,
                     has_versions ? head->go_version : head->go_root),
        err);
}

/* --- in order? --------------------------------------------------------------
 */

static bool is_swapped_process(const struct series_diff *d)
{
    const struct diff_layer *l = &d->layers[DIFF_HEAP];
    if (!series_diff_has(d, DIFF_HEAP) || l->total.n[DIFF_BASE] != 1 ||
        l->total.n[DIFF_HEAD] != 1 || diff_is_other_build(d)) {
        return false;
    }
    return diff_is_later(l->used[DIFF_HEAD], l->used[DIFF_BASE]);
}

static double seconds_between(int64_t from, int64_t to)
{
    return (double)sub_sat_i64(to, from) / 1e9;
}

/* Sides that are profiled at the same time begin and end in any order: only a
   gap that is longer than that says that somebody swapped them. Two builds are
   not two states of one process, so that less speaks for it. */
static double longest_chance(const struct series_diff *d)
{
    const struct diff_program *base = &d->programs[DIFF_BASE];
    const struct diff_program *head = &d->programs[DIFF_HEAD];
    const double least = diff_is_other_build(d) ? 60 : 10;
    return fmax(least,
                fmax(seconds_between(base->first_nanos, base->last_nanos),
                     seconds_between(head->first_nanos, head->last_nanos)));
}

/* Births alone are no reason to refuse: a short run of a small program may
   have less of everything than a long one. */
static bool check_order_by_births(struct series_diff *d, struct err *err)
{
    const struct diff_layer *l = &d->layers[DIFF_HEAP];
    const bool is_later =
        is_swapped_process(d) &&
        !diff_is_later(l->used[DIFF_BASE], l->used[DIFF_HEAD]);
    return !is_later || warn(d,
                             "WARNING: head looks like an earlier state of "
                             "base's own process: are the sides swapped?",
                             err);
}

static bool check_order(struct series_diff *d, bool forced, struct err *err)
{
    const struct diff_program *base = &d->programs[DIFF_BASE];
    const struct diff_program *head = &d->programs[DIFF_HEAD];
    if (base->first_nanos == 0 || head->last_nanos == 0) {
        return check_order_by_births(d, err);
    }
    if (base->first_nanos <= head->last_nanos) {
        return true;
    }
    const bool is_swapped = is_swapped_process(d);
    if (is_swapped && !forced) {
        return err_set(err, ERR_MISMATCH,
                       "head is the earlier state of base's own process: the "
                       "sides are swapped; --force compares anyway");
    }
    const double gap = seconds_between(head->last_nanos, base->first_nanos);
    return (!is_swapped && gap <= longest_chance(d)) ||
           warn(d,
                arena_printf(&d->arena,
                             "WARNING: base was taken %.0f s after head: are "
                             "the sides swapped?",
                             gap),
                err);
}

/* --- alike? -----------------------------------------------------------------
 */

static bool note_rates(struct series_diff *d, struct err *err)
{
    const struct diff_layer *l = &d->layers[DIFF_HEAP];
    const int64_t base = l->total.period[DIFF_BASE];
    const int64_t head = l->total.period[DIFF_HEAD];
    if (!series_diff_has(d, DIFF_HEAP) || base == head) {
        return true;
    }
    return warn(d,
                arena_printf(&d->arena,
                             "WARNING: the sampling rates differ: base 1 per "
                             "%lld bytes, head 1 per %lld; estimates are "
                             "compared",
                             (long long)base, (long long)head),
                err);
}

/* A profile does not say how long its process has run; what it has allocated
   since it began does nearly as well. */
static bool note_lengths(struct series_diff *d, struct err *err)
{
    const struct diff_layer *l = &d->layers[DIFF_HEAP];
    if (!series_diff_has(d, DIFF_HEAP) || l->total.is_one_process) {
        return true;
    }
    const double base = diff_births_mean(l->used[DIFF_BASE]);
    const double head = diff_births_mean(l->used[DIFF_HEAD]);
    const bool is_head = head > base;
    const double ratio = is_head ? head / base : base / head;
    if (base <= 0 || head <= 0 || ratio < births_ratio_max) {
        return true;
    }
    return warn(d,
                arena_printf(&d->arena,
                             "WARNING: %s has allocated %.1f times as much as "
                             "%s since it began: a longer run or more load, "
                             "and growth may be no more than that",
                             is_head ? "head" : "base", ratio,
                             is_head ? "base" : "head"),
                err);
}

/* --- enough to decide? ------------------------------------------------------
 */

/* Profiles that count nothing ever allocated are from before the first
   collection. Such as only have nothing in use are of a small heap. */
static bool is_unpublished(const struct series_diff *d, int side)
{
    return series_diff_has(d, DIFF_HEAP) &&
           diff_births_mean(d->layers[DIFF_HEAP].used[side]) <= 0 &&
           d->layers[DIFF_HEAP].total.level[side] <= 0;
}

static const char *why_undecided(const struct series_diff *d)
{
    if (d->lacks[DIFF_HEAD]) {
        return "head lacks a kind of profile that base has: give both sides "
               "heap and goroutine profiles, or leave it out";
    }
    if (d->lacks[DIFF_BASE]) {
        return "base lacks a kind of profile that head has: give both sides "
               "heap and goroutine profiles, or leave it out";
    }
    if (is_unpublished(d, DIFF_BASE) || is_unpublished(d, DIFF_HEAD)) {
        return "a heap profile is empty, as before the first collection: take "
               "it later, or with ?gc=1";
    }
    return NULL;
}

bool diff_check(struct series_diff *d, bool forced, struct err *err)
{
    d->undecided = why_undecided(d);
    return check_mixed(d, forced, err) && check_programs(d, forced, err) &&
           check_order(d, forced, err) && note_lengths(d, err) &&
           note_rates(d, err) && note_calibration(d, err) &&
           note_builds(d, err);
}

const char *series_diff_warning(const struct series_diff *d)
{
    return d->warning;
}

const char *series_diff_undecided(const struct series_diff *d)
{
    return d->undecided;
}

const char *series_diff_go_version(const struct series_diff *d)
{
    return d->programs[DIFF_HEAD].go_version;
}

const char *series_diff_calibrated_program(const struct series_diff *d)
{
    return d->programs[DIFF_CALIBRATION].name;
}
