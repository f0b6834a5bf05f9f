/* One finding in the few words that fit beside a line of code. */
#include "report/forge_private.h"

#include "base/sort.h"
#include "report/plain.h"
#include "review/review.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { PART_BYTES = 64000 };

#define ELLIPSIS "\xe2\x80\xa6"

const char *forge_path(const struct frame *f)
{
    return f->mark ? f->mark->path : NULL;
}

static const struct frame *placed_frame(const struct finding *f)
{
    if (f->primary && forge_path(f->primary)) {
        return f->primary;
    }
    if (f->has_site && forge_path(&f->site)) {
        return &f->site;
    }
    for (size_t i = 0; i < f->n_stack; i++) {
        if (forge_path(&f->stack[i])) {
            return &f->stack[i];
        }
    }
    return f->has_creator && forge_path(&f->creator) ? &f->creator : NULL;
}

struct forge_place forge_place(const struct report *r, const struct finding *f)
{
    const struct frame *at = placed_frame(f);
    if (!at) {
        return (struct forge_place){.path = r->anchor ? r->anchor : "go.mod",
                                    .line = 1};
    }
    const char *path = forge_path(at);
    while (strncmp(path, "./", 2) == 0) {
        path += 2;
    }
    return (struct forge_place){
        .path = path, .line = at->line > 0 ? at->line : 1, .frame = at};
}

const char *forge_undecided(const struct report *r)
{
    const struct findings *f = r->findings;
    if (r->undecided || !f) {
        return r->undecided;
    }
    if (f->verdict != VERDICT_INCONCLUSIVE) {
        return f->has_lost ? "an input was lost" : NULL;
    }
    return f->limits.advice ? f->limits.advice : "too few usable snapshots";
}

enum forge_level forge_grade_level(enum grade g)
{
    static const enum forge_level levels[N_GRADES] = {
        [GRADE_INFO] = FORGE_NOTE,       [GRADE_GROWTH] = FORGE_WARNING,
        [GRADE_SUSPECT] = FORGE_WARNING, [GRADE_STRONG] = FORGE_ERROR,
        [GRADE_PROVEN] = FORGE_ERROR,
    };
    return levels[g];
}

enum forge_level forge_level(const struct finding *f)
{
    return review_counts(f, true) && !f->uncounted ? forge_grade_level(f->grade)
                                                   : FORGE_NOTE;
}

bool forge_is_open(const struct finding *f)
{
    return review_counts(f, false);
}

/* By id, then as they stand. */
static int by_id(const void *a, const void *b, const void *ctx)
{
    const struct findings *f = ctx;
    const uint32_t i = *(const uint32_t *)a;
    const uint32_t k = *(const uint32_t *)b;
    const int order = strcmp(f->items[i].id, f->items[k].id);
    return order != 0 ? order : (i > k) - (i < k);
}

uint32_t *forge_occurrences(const struct findings *f)
{
    uint32_t *order = f->n > 0 ? calloc(f->n, sizeof(*order)) : NULL;
    uint32_t *out = f->n > 0 ? calloc(f->n, sizeof(*out)) : NULL;
    if (!order || !out) {
        free(order);
        free(out);
        return NULL;
    }
    for (uint32_t i = 0; i < f->n; i++) {
        order[i] = i;
    }
    sort_items(order, f->n, sizeof(*order), by_id, f);
    for (size_t i = 0; i < f->n; i++) {
        const bool is_again = i > 0 && strcmp(f->items[order[i]].id,
                                              f->items[order[i - 1]].id) == 0;
        out[order[i]] = is_again ? out[order[i - 1]] + 1 : 1;
    }
    free(order);
    return out;
}

void forge_cut(struct buf *out, const char *text, size_t columns)
{
    struct buf clean = BUF_LIMIT(PART_BYTES);
    plain_clean(&clean, text);
    plain_elide(out, buf_view(&clean), columns, false);
    plain_drop(&clean, out);
}

/* --- the message --- */

struct message {
    struct buf *out;
    const struct forge_writer *w;
    struct buf part; /* scratch */
};

static struct buf *part(struct message *m)
{
    m->out->failed_memory |= m->part.failed_memory;
    buf_clear(&m->part);
    return &m->part;
}

static void write_text(struct message *m, struct span clean)
{
    if (m->w) {
        m->w->text(m->w->ctx, m->out, clean);
    } else {
        buf_span(m->out, clean);
    }
}

/* Prose is cut behind a sentence where one fits, else behind a word: its start
   says most. */
static void cut_prose(struct buf *out, struct span clean, size_t columns)
{
    size_t end = 0;
    size_t sentence = 0;
    for (size_t at = 0; at <= clean.len; at++) {
        if (at < clean.len && clean.p[at] != ' ') {
            continue;
        }
        if (plain_width(span_first(clean, at)) > columns) {
            break;
        }
        end = at;
        sentence = at > 0 && clean.p[at - 1] == '.' ? at : sentence;
    }
    if (end < clean.len && sentence > 0) {
        buf_span(out, span_first(clean, sentence));
        buf_str(out, " " ELLIPSIS);
        return;
    }
    if (end == 0 && clean.len > 0) {
        plain_elide(out, clean, columns, false); /* one endless word */
        return;
    }
    buf_span(out, span_first(clean, end));
    buf_str(out, end < clean.len ? " " ELLIPSIS : "");
}

/* The part between two fixed texts, cut; nothing when there is no part. */
static void sentence(struct message *m, const char *before, size_t columns,
                     const char *after)
{
    struct buf cut = BUF_LIMIT(PART_BYTES);
    struct span clean = buf_view(&m->part);
    /* Texts of rules end in a full stop, others do not. */
    if (*after == '.' && span_ends(clean, ".")) {
        clean.len--;
    }
    if (clean.len > 0) {
        buf_str(m->out, before);
        cut_prose(&cut, clean, columns);
        write_text(m, buf_view(&cut));
        const bool is_cut = span_ends(buf_view(&cut), ELLIPSIS);
        buf_str(m->out, is_cut && *after == '.' ? after + 1 : after);
    }
    plain_drop(&cut, m->out);
}

static void write_frame(struct message *m, const struct frame *f)
{
    struct buf where = BUF_LIMIT(PART_BYTES);
    forge_cut(&where, f->function, FORGE_NAME);
    summary_path(part(m), f);
    if (m->part.len > 0) {
        buf_char(&where, ' ');
        plain_elide(&where, buf_view(&m->part), FORGE_POSITION, false);
    }
    if (m->w) {
        m->w->frame(m->w->ctx, m->out, f, buf_view(&where));
    } else {
        buf_span(m->out, buf_view(&where));
    }
    plain_drop(&where, m->out);
}

void forge_title(struct buf *out, const struct finding *f)
{
    forge_cut(out, summary_headline(f), FORGE_TITLE);
}

static void opening(struct message *m, const struct finding *f)
{
    forge_title(part(m), f);
    write_text(m, buf_view(&m->part));
    if (f->has_site) {
        buf_str(m->out, " at ");
        write_frame(m, &f->site);
    }
    if (f->n_metrics > 0) {
        summary_change(part(m), &f->metrics[0]);
        sentence(m, ": ", FORGE_STATE, "");
        summary_per_hour(part(m), &f->metrics[0]);
        sentence(m, ", ", FORGE_STATE, "");
    }
    buf_str(m->out, ". ");
    if (f->run) {
        buf_printf(m->out, "In run %u of %u of the process. ", f->run->number,
                   f->run->n_runs);
    }
}

static void patched(struct message *m, const struct finding *f)
{
    const struct frame *at = f->patched;
    if (!at || !at->mark || at->mark->touch == TOUCH_NONE) {
        return;
    }
    const bool is_line = at->mark->touch == TOUCH_LINE;
    const bool is_site = f->has_site && at->line == f->site.line &&
                         strcmp(at->function, f->site.function) == 0;
    buf_printf(m->out, "This change touches %s %s", is_site ? "this" : "the",
               is_line ? "line" : "function");
    if (!is_site) {
        buf_str(m->out, is_line ? " of " : " ");
        write_frame(m, at);
    }
    buf_str(m->out, ". ");
}

static void relations(struct message *m, const struct finding *f)
{
    patched(m, f);
    summary_state(part(m), f);
    sentence(m, "State: ", FORGE_STATE, ". ");
    summary_renamed(part(m), f);
    sentence(m, "Name: ", FORGE_NAME, ". ");
    plain_clean(part(m), f->uncounted);
    sentence(m, "Does not fail the run: ", FORGE_NAME, ". ");
    summary_accepted(part(m), f);
    sentence(m, "Accepted ", FORGE_NAME, ". ");
    if (f->has_creator) {
        buf_str(m->out, "Started by ");
        write_frame(m, &f->creator);
        buf_str(m->out, ". ");
    }
}

void forge_message(struct buf *out, const struct finding *f,
                   const struct forge_writer *w)
{
    struct message m = {out, w, BUF_LIMIT(PART_BYTES)};
    opening(&m, f);
    relations(&m, f);
    plain_clean(part(&m), f->cause ? f->cause : f->rule->what);
    sentence(&m, "", FORGE_CAUSE, ". ");
    plain_clean(part(&m), summary_fix(f));
    sentence(&m, "Fix: ", FORGE_FIX, ".");
    plain_drop(&m.part, out);
}
