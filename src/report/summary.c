/* Figures and sentences for people; a figure that is unknown is left out. */
#include "report/summary.h"

#include "base/num.h"
#include "report/plain.h"
#include "review/review.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

static const char *const words[] = {
    [VERDICT_CLEAN] = "CLEAN",
    [VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
    [VERDICT_GROWTH] = "GROWTH",
    [VERDICT_LEAK] = "LEAK",
};

const char *summary_word(enum verdict v)
{
    return words[v];
}

bool summary_is_one_dump(const struct report *r)
{
    return r->command && strcmp(r->command, "heap") == 0;
}

const char *summary_report_word(const struct report *r)
{
    const enum verdict v = r->findings->verdict;
    return v == VERDICT_GROWTH && summary_is_one_dump(r) ? "SUSPECT"
                                                         : summary_word(v);
}

static void add_count(struct buf *out, double v)
{
    num_count(out, fabs(v) < 9e18 ? llround(v) : 0);
}

/* "1 proven, 2 strong findings"; infos are not counted, nor what is accepted or
   gone. */
static size_t add_grades(struct buf *out, const struct findings *f)
{
    size_t total = 0;
    for (int g = GRADE_PROVEN; g > GRADE_INFO; g--) {
        size_t n = 0;
        for (size_t i = 0; i < f->n; i++) {
            n += (int)f->items[i].grade == g &&
                 review_counts(&f->items[i], false);
        }
        if (n > 0) {
            buf_printf(out, "%s%zu %s", total > 0 ? ", " : "", n,
                       grade_name((enum grade)g));
            total += n;
        }
    }
    if (total > 0) {
        buf_str(out, total == 1 ? " finding" : " findings");
    }
    return total;
}

static void add_window(struct buf *out, const struct series_about *about)
{
    if (!about) {
        return;
    }
    const uint32_t n =
        about->n_heap > about->n_goroutine ? about->n_heap : about->n_goroutine;
    if (n == 0 && about->n_dumps > 0) {
        buf_printf(out, " in %u goroutine dump%s", about->n_dumps,
                   about->n_dumps == 1 ? "" : "s");
    } else if (n == 0 && about->n_leak > 0) {
        buf_printf(out, " in %u goroutineleak profile%s", about->n_leak,
                   about->n_leak == 1 ? "" : "s");
    } else {
        buf_printf(out, " in %u snapshot%s", n, n == 1 ? "" : "s");
    }
    if (about->has_times && about->seconds > 0) {
        buf_str(out, " over ");
        num_seconds(out, about->seconds);
    }
}

static bool has_accepted(const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (summary_group(&f->items[i]) == GROUP_ACCEPTED) {
            return true;
        }
    }
    return false;
}

static bool has_ended(const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].has_ended) {
            return true;
        }
    }
    return false;
}

/* Where there are no grades to count. */
static const char *no_finding(const struct report *r)
{
    const struct findings *f = r->findings;
    if (f->verdict == VERDICT_INCONCLUSIVE) {
        const bool is_dump = r->command && strncmp(r->command, "heap", 4) == 0;
        return is_dump ? "nothing stands out in what could be seen"
                       : "too little to judge";
    }
    if (has_accepted(f)) {
        return "nothing that is not accepted";
    }
    if (r->n_summary > 0) {
        return "nothing stands out";
    }
    if (f->n_below_limits > 0) {
        return "nothing that counts, but some growth beyond noise";
    }
    return has_ended(f) ? "nothing goes on growing"
                        : "nothing grows beyond noise";
}

void summary_verdict(struct buf *out, const struct report *r)
{
    if (add_grades(out, r->findings) == 0) {
        buf_str(out, no_finding(r));
    }
    add_window(out, r->about);
}

static void add_part(struct buf *out, size_t start, const char *text)
{
    if (text && *text) {
        buf_str(out, out->len > start ? ", " : "");
        plain_clean(out, text);
    }
}

const char *summary_program(const struct report *r)
{
    const bool is_known = r->about != NULL && r->about->program != NULL;
    return is_known ? r->about->program
                    : (r->program != NULL ? r->program : r->target);
}

void summary_about(struct buf *out, const struct report *r)
{
    const struct series_about *a = r->about;
    const size_t start = out->len;
    if (!a) {
        return;
    }
    add_part(out, start, a->program ? a->program : r->target);
    if (a->n_segments > 1) {
        buf_printf(out, "%s%u restart%s", out->len > start ? ", " : "",
                   a->n_segments - 1, a->n_segments == 2 ? "" : "s");
    } else if (a->n_segments == 1) {
        add_part(out, start, "no restart");
    } else if (a->n_goroutine > 1) {
        add_part(out, start, "restarts unknown without heap profiles");
    }
}

/* " (15 MB at main.render)", unless that is as much. */
static void add_most(struct buf *out, const struct limit_most *m, double least,
                     bool is_bytes)
{
    /* As near as this it reads as the same. */
    static const double same_ratio = 1.1;
    if (m->at == NULL || m->amount < same_ratio * least) {
        return;
    }
    buf_str(out, " (");
    if (is_bytes) {
        num_bytes(out, m->amount);
    } else {
        add_count(out, ceil(m->amount));
    }
    buf_str(out, " at ");
    plain_clean(out, m->at);
    buf_char(out, ')');
}

static void add_smallest(struct buf *out, const struct limits *l)
{
    const bool heap = l->heap_bytes > 0;
    const bool goroutines = l->goroutines > 0;
    if (!heap && !goroutines) {
        return;
    }
    buf_str(out, out->len > 0 ? " " : "");
    buf_str(out, "Smallest leak this window could show: ");
    if (heap) {
        num_bytes(out, l->heap_bytes);
        add_most(out, &l->heap_most, l->heap_bytes, true);
    }
    if (goroutines) {
        buf_str(out, heap ? ", " : "");
        add_count(out, ceil(l->goroutines));
        buf_str(out, l->goroutines > 1 ? " goroutines" : " goroutine");
        add_most(out, &l->goroutines_most, l->goroutines, false);
    }
    buf_char(out, '.');
}

void summary_footer(struct buf *out, const struct report *r)
{
    struct buf text = BUF_LIMIT(4096);
    const uint32_t n = r->findings->n_within_noise;
    if (n > 0) {
        add_count(&text, n);
        buf_str(&text, r->findings->n > 0 ? " other" : "");
        buf_printf(&text, " site%s grew within noise.", n == 1 ? "" : "s");
    }
    add_smallest(&text, &r->findings->limits);
    if (r->findings->limits.advice) {
        buf_str(&text, text.len > 0 ? " " : "");
        buf_str(&text, "To know more: ");
        plain_clean(&text, r->findings->limits.advice);
        buf_char(&text, '.');
    }
    buf_span(out, buf_view(&text));
    plain_drop(&text, out);
}

void summary_memory(struct buf *out, const struct findings *f)
{
    const struct out_of_memory *m = &f->oom;
    if (!m->asked) {
        return;
    }
    buf_str(out, "The limit of ");
    num_bytes(out, m->limit_bytes);
    /* By GOGC's default; a limit that the process has itself (GOMEMLIMIT) makes
       it collect sooner, and more. */
    static const char twice[] = ": the heap may grow to twice what is live.";
    if (m->seconds <= 0) {
        buf_str(out, " is passed, or will be at the next collection");
        buf_str(out, twice);
        return;
    }
    if (!isfinite(m->seconds)) {
        buf_str(out, " is not in sight.");
        return;
    }
    buf_str(out, " is reached in about ");
    num_seconds(out, m->seconds);
    if (isfinite(m->seconds_low)) {
        buf_str(out,
                isfinite(m->seconds_high) ? " (95% " : " (at the earliest ");
        num_seconds(out, m->seconds_low);
        if (isfinite(m->seconds_high)) {
            buf_str(out, " to ");
            num_seconds(out, m->seconds_high);
        }
        buf_char(out, ')');
    }
    buf_str(out, " at this pace");
    buf_str(out, twice);
}

static bool in_bytes(const struct metric *m)
{
    return m->unit && strcmp(m->unit, "bytes") == 0;
}

static void add_amount(struct buf *out, const struct metric *m, double v)
{
    if (in_bytes(m)) {
        num_bytes(out, v);
    } else {
        add_count(out, v);
    }
}

void summary_change(struct buf *out, const struct metric *m)
{
    if (!isfinite(m->first) || !isfinite(m->last)) {
        return;
    }
    if (m->n_series != 1) {
        add_amount(out, m, m->first);
        buf_str(out, " -> ");
    }
    add_amount(out, m, m->last);
}

void summary_replicas(struct buf *out, const struct finding *f)
{
    enum { NAMED_MAX = 5 };
    const struct finding_replicas *r = f->replicas;
    if (!r) {
        return;
    }
    const struct metric none = {.unit = "count"};
    const struct metric *m = f->n_metrics > 0 ? &f->metrics[0] : &none;
    buf_str(out, "in ");
    if (r->n_targets == 1 && r->n_worst == 1) {
        plain_clean(out, r->worst[0]);
        return; /* the figures are those of the finding */
    }
    num_count(out, r->n_with);
    buf_str(out, " of ");
    num_count(out, r->n_targets);
    buf_str(out, " replicas, rms ");
    add_amount(out, m, r->rms);
    buf_str(out, ", ");
    add_amount(out, m, r->min);
    buf_str(out, "..");
    add_amount(out, m, r->max);
    for (size_t i = 0; i < r->n_worst && i < NAMED_MAX; i++) {
        buf_str(out, i == 0 ? ": " : ", ");
        plain_clean(out, r->worst[i]);
    }
    buf_str(out, r->n_with > NAMED_MAX ? ", ..." : "");
}

void summary_run(struct buf *out, const struct finding *f)
{
    if (f->run) {
        buf_printf(out, "%u of %u, from ", f->run->number, f->run->n_runs);
        plain_clean(out, f->run->first);
        buf_str(out, " to ");
        plain_clean(out, f->run->last);
    }
}

static void add_rate(struct buf *out, const struct metric *m, double v)
{
    if (in_bytes(m)) {
        num_bytes(out, v);
    } else {
        num_short(out, v);
    }
}

void summary_per_hour(struct buf *out, const struct metric *m)
{
    if (!isfinite(m->per_hour)) {
        return;
    }
    buf_str(out, m->per_hour > 0 ? "+" : "");
    add_rate(out, m, m->per_hour);
    buf_str(out, "/h");
}

struct clock {
    const char *suffix;
    double per_hour;
};

static const struct clock clocks[] = {
    {"/s",   3600},
    {"/min", 60  },
    {"/h",   1   }
};

void summary_pace(struct buf *out, const struct metric *m)
{
    if (!isfinite(m->per_hour)) {
        return;
    }
    size_t i = 0;
    while (i < 2 && fabs(m->per_hour) < clocks[i].per_hour) {
        i++;
    }
    add_rate(out, m, m->per_hour / clocks[i].per_hour);
    buf_str(out, clocks[i].suffix);
    if (isfinite(m->per_hour_low) && isfinite(m->per_hour_high)) {
        buf_str(out, " (95% ");
        add_rate(out, m, m->per_hour_low / clocks[i].per_hour);
        buf_str(out, in_bytes(m) || m->per_hour_low < 0 ? " to " : "-");
        add_rate(out, m, m->per_hour_high / clocks[i].per_hour);
        buf_char(out, ')');
    }
}

static void add_comma(struct buf *out, size_t start)
{
    buf_str(out, out->len > start ? ", " : "");
}

void summary_statistics(struct buf *out, const struct finding *f)
{
    const struct finding_statistics *s = &f->statistics;
    const size_t start = out->len;
    if (isfinite(s->p)) {
        buf_str(out, "p ");
        num_p(out, s->p);
    }
    if (isfinite(s->q)) {
        add_comma(out, start);
        buf_str(out, "q ");
        num_p(out, s->q);
    }
    if (isfinite(s->retention)) {
        add_comma(out, start);
        buf_printf(out, "%.0f%% kept", s->retention * 100);
    }
    if (isfinite(s->relative_error) && s->relative_error > 0) {
        add_comma(out, start);
        buf_printf(out, "sampling error %.0f%%", s->relative_error * 100);
    }
}

static const char *last_element(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash && slash[1] ? slash + 1 : file;
}

/* The file, with its folder unless the package is main. */
static const char *short_file(const struct frame *f)
{
    const char *name = last_element(f->file ? f->file : "");
    if (name == f->file || (f->package && strcmp(f->package, "main") == 0) ||
        strncmp(f->function, "main.", 5) == 0) {
        return name;
    }
    const char *at = name - 1;
    while (at > f->file && at[-1] != '/') {
        at--;
    }
    return at;
}

void summary_position(struct buf *out, const struct frame *f)
{
    if (!f->file || !*f->file) {
        return;
    }
    plain_clean(out, short_file(f));
    if (f->line > 0) {
        buf_printf(out, ":%lld", (long long)f->line);
    }
}

static const char *either(const char *own, const char *general)
{
    return own ? own : (general ? general : "");
}

void summary_held(struct buf *out, const struct finding *f)
{
    const struct finding_holder *h = f->holder;
    if (!h || f->profile == KIND_HEAPDUMP) {
        return;
    }
    buf_str(out, "by ");
    plain_clean(out, h->name);
    if (h->type && strcmp(h->type, "goroutine") != 0) {
        buf_str(out, " (");
        plain_clean(out, h->type);
        buf_char(out, ')');
    }
    buf_str(out, ": ");
    num_bytes(out, h->retained_bytes);
    buf_str(out, " in ");
    add_count(out, h->retained_objects);
    buf_str(out, " objects");
}

const char *summary_headline(const struct finding *f)
{
    return either(f->headline, f->rule->headline);
}

const char *summary_fix(const struct finding *f)
{
    return either(f->fix, f->rule->fix);
}

const char *summary_confirm(const struct finding *f)
{
    return either(f->confirm, f->rule->confirm);
}

void summary_why(struct buf *out, const struct finding *f)
{
    if (f->cause) {
        plain_clean(out, f->cause);
        buf_str(out, f->has_ended ? "." : ". ");
    }
    if (!f->has_ended) {
        plain_clean(out, f->why ? f->why : f->rule->why);
    }
}

/* The finding's own alternatives, else its rule's; NULL past the end. */
static const char *alternative(const struct finding *f, size_t i)
{
    if (f->n_alternatives > 0) {
        return i < f->n_alternatives ? f->alternatives[i] : NULL;
    }
    const size_t n = sizeof(f->rule->alternatives) / sizeof(char *);
    return i < n ? f->rule->alternatives[i] : NULL;
}

void summary_unless(struct buf *out, const struct finding *f, size_t most)
{
    if (f->grade == GRADE_PROVEN) {
        return;
    }
    for (size_t i = 0; i < most && alternative(f, i); i++) {
        buf_str(out, i > 0 ? "; " : "");
        plain_clean(out, alternative(f, i));
    }
}

static const char *const group_words[N_GROUPS] = {
    [GROUP_NEW] = "new",
    [GROUP_WORSE] = "worse",
    [GROUP_PLAIN] = "",
    [GROUP_FIXED] = "fixed",
    [GROUP_EXISTING] = "existing",
    [GROUP_ACCEPTED] = "accepted",
};

const char *summary_group_word(enum summary_group g)
{
    return group_words[g];
}

/* What is gone needs no acceptance any more. */
enum summary_group summary_group(const struct finding *f)
{
    const char *state = f->state ? f->state : "";
    if (f->accepted && strcmp(state, group_words[GROUP_FIXED]) != 0) {
        return GROUP_ACCEPTED;
    }
    for (int g = 0; g < N_GROUPS; g++) {
        if (strcmp(state, group_words[g]) == 0) {
            return (enum summary_group)g;
        }
    }
    return GROUP_PLAIN;
}

void summary_states(struct buf *out, const struct findings *f)
{
    static const enum summary_group order[] = {
        GROUP_NEW, GROUP_WORSE, GROUP_EXISTING, GROUP_ACCEPTED, GROUP_FIXED};
    size_t n[N_GROUPS] = {0};
    for (size_t i = 0; i < f->n; i++) {
        n[summary_group(&f->items[i])]++;
    }
    const char *comma = "";
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (n[order[i]] > 0) {
            buf_printf(out, "%s%zu %s", comma, n[order[i]],
                       group_words[order[i]]);
            comma = ", ";
        }
    }
}

void summary_state(struct buf *out, const struct finding *f)
{
    if (!f->state) {
        return;
    }
    plain_clean(out, f->state);
    const struct finding_past *p = f->past;
    if (p && f->n_metrics > 0 && isfinite(p->level)) {
        buf_str(out, ": ");
        if (isfinite(f->metrics[0].last) && strcmp(f->state, "fixed") != 0) {
            add_amount(out, &f->metrics[0], f->metrics[0].last);
            buf_str(out, ", ");
        }
        add_amount(out, &f->metrics[0], p->level);
        buf_str(out, " in the baseline");
    }
    if (p && p->moved_from) {
        buf_str(out, ", moved from ");
        plain_clean(out, p->moved_from);
    }
}

void summary_renamed(struct buf *out, const struct finding *f)
{
    const struct finding_rename *r = f->renamed;
    if (!r) {
        return;
    }
    buf_str(out, "renamed");
    if (r->from) {
        buf_str(out, " from ");
        plain_clean(out, r->from);
    }
    buf_printf(out, " (by the %s)", r->by);
}

void summary_path(struct buf *out, const struct frame *f)
{
    if (!f->mark || !f->mark->path) {
        summary_position(out, f);
        return;
    }
    plain_clean(out, f->mark->path);
    if (f->line > 0) {
        buf_printf(out, ":%lld", (long long)f->line);
    }
}

void summary_touched(struct buf *out, const struct finding *f)
{
    const struct frame *at = f->patched;
    if (!at || !at->mark || at->mark->touch == TOUCH_NONE) {
        return;
    }
    buf_printf(out, "touched by this change (%s): ",
               at->mark->touch == TOUCH_LINE ? "line" : "function");
    plain_clean(out, at->function);
    buf_str(out, "  ");
    summary_path(out, at);
}

void summary_accepted(struct buf *out, const struct finding *f)
{
    const struct finding_acceptance *a = f->accepted;
    if (!a) {
        return;
    }
    buf_str(out, "by ");
    plain_clean(out, a->by);
    if (a->expires) {
        buf_str(out, " until ");
        plain_clean(out, a->expires);
    }
    buf_str(out, ": ");
    plain_clean(out, a->reason);
}

void summary_uncounted(struct buf *out, const struct finding *f)
{
    if (f->uncounted) {
        buf_str(out, "does not fail the run: ");
        plain_clean(out, f->uncounted);
    }
}

/* Fixed decimals by hand: printf's decimal point depends on the locale. */
static void add_fixed(struct buf *out, double v, int decimals)
{
    const long long unit = decimals == 1 ? 10 : 100;
    if (fabs(v) > 1e15) {
        add_count(out, v);
        return;
    }
    const long long scaled = llround(fabs(v) * (double)unit);
    buf_printf(out, "%s%lld.%0*lld", v < 0 && scaled > 0 ? "-" : "",
               scaled / unit, decimals, scaled % unit);
}

static void add_number(struct buf *out, enum cell_type type, double v)
{
    switch (type) {
    case CELL_TEXT:
    case CELL_COUNT:
        add_count(out, v);
        break;
    case CELL_MEAN:
        add_fixed(out, v, 1);
        break;
    case CELL_BYTES:
        num_bytes(out, v);
        break;
    case CELL_PERCENT:
        add_fixed(out, v, 1);
        buf_char(out, '%');
        break;
    case CELL_RATIO:
        add_fixed(out, v, 2);
        break;
    }
}

const struct frame *summary_place(const struct finding *f)
{
    if (f->has_site) {
        return &f->site;
    }
    return f->n_stack > 0 ? &f->stack[f->n_stack - 1] : NULL;
}

void summary_cell(struct buf *out, const struct report_column *column,
                  const struct report_cell *cell)
{
    if (cell->text) {
        plain_clean(out, cell->text);
    } else if (column->type != CELL_TEXT && isfinite(cell->number)) {
        buf_str(out, column->is_signed && cell->number > 0 ? "+" : "");
        add_number(out, column->type, cell->number);
    }
}
