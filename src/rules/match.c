/*
 * Sentences that every rule would otherwise write for itself. A sentence
 * appears only when its figures are known: rules never guess numbers.
 */
#include "rules/match_private.h"

#include "base/num.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/banned.h"

static const char *keep(struct rule_match *m, struct buf *b)
{
    const char *text = buf_ok(b) ? arena_strdup(m->arena, buf_view(b)) : NULL;
    m->arena->has_failed |= b->failed_memory;
    buf_release(b);
    return text;
}

void match_evidence(struct rule_match *m, const char *fmt, ...)
{
    if (m->n_evidence == MATCH_LINES_MAX) {
        return;
    }
    struct buf b = BUF_LIMIT(4096);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    const char *text = keep(m, &b);
    if (text) {
        m->evidence[m->n_evidence++] = text;
    }
}

void match_alternative(struct rule_match *m, const char *text)
{
    if (m->n_alternatives < MATCH_LINES_MAX) {
        m->alternatives[m->n_alternatives++] = text;
    }
}

const char *match_bytes(struct rule_match *m, double bytes)
{
    struct buf b = BUF_LIMIT(64);
    num_bytes(&b, bytes);
    const char *text = keep(m, &b);
    return text ? text : "?";
}

const char *match_count(struct rule_match *m, double count)
{
    struct buf b = BUF_LIMIT(64);
    num_count(&b, fabs(count) < 9e18 ? llround(count) : 0);
    const char *text = keep(m, &b);
    return text ? text : "?";
}

/* What became of the goroutines that were there at first, or "". */
static const char *cohort_clause(const struct evidence *e, struct rule_match *m)
{
    if (!(e->cohort_first >= 1) || isnan(e->cohort_left)) {
        return "";
    }
    const char *first = match_count(m, e->cohort_first);
    const char *text;
    if (e->cohort_left >= e->cohort_first) {
        text = arena_printf(m->arena, "; none of the first %s ended", first);
    } else if (e->cohort_left < 0.5) {
        text =
            arena_printf(m->arena, "; all of the first %s ended since", first);
    } else {
        text = arena_printf(m->arena, "; %s of the first %s are still there",
                            match_count(m, e->cohort_left), first);
    }
    return text ? text : "";
}

static void say_waits(const struct evidence *e, struct rule_match *m)
{
    if (e->wait_minutes_max >= 1) {
        match_evidence(m, "the longest has waited %s minute%s",
                       match_count(m, e->wait_minutes_max),
                       e->wait_minutes_max < 1.5 ? "" : "s");
    }
}

/* A label most of the growth shares is a hint at the culprit. */
static void say_labels(const struct evidence *e, struct rule_match *m)
{
    if (e->n_stacks < 2 || !e->stacks[0].labels) {
        return;
    }
    double total = 0;
    for (size_t i = 0; i < e->n_stacks; i++) {
        total += fmax(e->stacks[i].delta, 0);
    }
    const double share = total > 0 ? e->stacks[0].delta / total : 0;
    if (share >= 0.6) {
        match_evidence(m, "%.0f%% of the growth carries the labels %s",
                       share * 100, e->stacks[0].labels);
    }
}

static void say_companions(const struct evidence *e, struct rule_match *m)
{
    if (e->companion_heap_bytes > 0) {
        match_evidence(m, "they hold about %s of heap that grew with them",
                       match_bytes(m, e->companion_heap_bytes));
    }
    if (e->companion_goroutines >= 1) {
        match_evidence(m,
                       "%s more goroutines grew with them and belong to the "
                       "same work",
                       match_count(m, e->companion_goroutines));
    }
}

/* Below a tenth the share says nothing; above all of it, others shrank. */
static void say_share(struct rule_match *m, double part, double whole,
                      const char *of)
{
    if (whole > 0 && part / whole >= 0.1) {
        match_evidence(m, "%.0f%% of all growth of the %s",
                       fmin(part / whole, 1) * 100, of);
    }
}

bool match_goroutines(const struct evidence *e, struct rule_match *m,
                      const char *doing)
{
    const bool is_one = e->trend.last == 1;
    const bool is_are = strncmp(doing, "are ", 4) == 0;
    const int verb = is_are ? 0 : (int)strcspn(doing, " ");
    m->cause =
        is_one ? arena_printf(m->arena, "1 goroutine %.*s%s%s%s", verb, doing,
                              is_are ? "is" : "s", doing + (is_are ? 3 : verb),
                              cohort_clause(e, m))
               : arena_printf(m->arena, "%s goroutines %s%s",
                              match_count(m, e->trend.last), doing,
                              cohort_clause(e, m));
    say_waits(e, m);
    say_companions(e, m);
    say_share(m, e->trend.delta, e->total_goroutine_growth, "goroutines");
    say_labels(e, m);
    return true;
}

const char *match_short_name(const char *function)
{
    const char *at = function;
    for (const char *p = function; *p && *p != '(' && *p != '['; p++) {
        at = *p == '/' ? p + 1 : at;
    }
    return at;
}

static const char *const rule_of_primitive[N_PRIMITIVES] = {
    [PRIMITIVE_OTHER] = "goroutine-growth",
    [PRIMITIVE_CHAN_RECEIVE] = "goroutine-chan-receive",
    [PRIMITIVE_CHAN_SEND] = "goroutine-chan-send",
    [PRIMITIVE_NIL_CHAN] = "goroutine-nil-chan",
    [PRIMITIVE_SELECT] = "goroutine-select",
    [PRIMITIVE_SELECT_EMPTY] = "goroutine-select-empty",
    [PRIMITIVE_MUTEX] = "goroutine-mutex",
    [PRIMITIVE_RWMUTEX] = "goroutine-rwmutex",
    [PRIMITIVE_WAITGROUP] = "goroutine-waitgroup",
    [PRIMITIVE_COND] = "goroutine-cond",
    [PRIMITIVE_SLEEP] = "goroutine-sleep",
    [PRIMITIVE_IO_WAIT] = "goroutine-io-wait",
    [PRIMITIVE_SYSCALL] = "goroutine-growth",
    [PRIMITIVE_COROUTINE] = "goroutine-growth",
};

const char *match_fix_of(enum primitive p)
{
    if (p == PRIMITIVE_COROUTINE) {
        return "They belong to iter.Pull: call the stop function it returns on "
               "every path (defer stop()).";
    }
    const struct rule *rule = rules_find(rule_of_primitive[p]);
    return rule ? rule->fix : NULL;
}

static void say_retention(const struct evidence *e, struct rule_match *m)
{
    const struct trend *t = &e->trend;
    if (isnan(t->retention) || !(t->births >= 1)) {
        return;
    }
    match_evidence(m,
                   "of every 100 objects allocated here in the window, "
                   "%.0f stayed",
                   fmin(fmax(t->retention, 0), 1) * 100);
}

static void say_block(const struct evidence *e, struct rule_match *m)
{
    if (e->n_sizes == 0 || !(e->trend.delta > 0)) {
        return;
    }
    const struct evidence_size *s = &e->sizes[0];
    const double grown = s->block_bytes * (s->objects_last - s->objects_first);
    if (grown >= 0.5 * e->trend.delta) {
        match_evidence(m, "most of it in blocks of %s",
                       match_bytes(m, s->block_bytes));
    }
}

bool match_heap(const struct evidence *e, struct rule_match *m,
                const char *doing)
{
    const struct trend *t = &e->trend;
    const bool counted = t->objects && t->n > 0;
    m->cause =
        counted
            ? arena_printf(m->arena, "%s in %s objects %s",
                           match_bytes(m, t->last),
                           match_count(m, t->objects[t->n - 1]), doing)
            : arena_printf(m->arena, "%s %s", match_bytes(m, t->last), doing);
    say_retention(e, m);
    say_block(e, m);
    say_share(m, t->delta, e->total_heap_growth_bytes, "heap");
    say_labels(e, m);
    return true;
}

const struct match_name *match_any_frame(const struct evidence *e,
                                         const struct match_name *rows,
                                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (evidence_any_frame(e, rows[i].pattern)) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct match_name *match_called(const struct evidence *e,
                                      const struct match_name *rows, size_t n,
                                      double share)
{
    double sum = 0;
    const struct match_name *best = NULL;
    double best_share = 0;
    for (size_t i = 0; i < n; i++) {
        const double s = evidence_share_called(e, rows[i].pattern);
        sum += s;
        if (s > best_share) {
            best_share = s;
            best = &rows[i];
        }
    }
    return sum >= share ? best : NULL;
}

static const char *first_word(const char *function, const char *const *words,
                              size_t n_words)
{
    for (size_t i = 0; i < n_words; i++) {
        if (name_has_word(function, words[i])) {
            return words[i];
        }
    }
    return NULL;
}

const char *match_word(const struct evidence *e, const char *const *words,
                       size_t n_words, size_t n_callers, const char **word)
{
    if (!e->has_site || e->n_stacks == 0) {
        return NULL;
    }
    const struct evidence_stack *s = &e->stacks[0];
    size_t at = 0;
    while (at < s->n_frames &&
           strcmp(s->frames[at].function, e->site.function) != 0) {
        at++;
    }
    for (size_t i = at; i < s->n_frames && i <= at + n_callers; i++) {
        const struct frame *f = &s->frames[i];
        const char *hit = f->origin == ORIGIN_USER || f->origin == ORIGIN_DEP
                              ? first_word(f->function, words, n_words)
                              : NULL;
        if (hit) {
            if (word) {
                *word = hit;
            }
            return f->function;
        }
    }
    return NULL;
}
