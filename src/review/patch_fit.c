/*
 * Which version of a file is it that the repository has? The lines of the hunks
 * say: those that the diff does not delete are the new version's, those that it
 * does not add the old one's.
 */
#include "review/patch_fit_private.h"

#include "base/limits.h"

#include "base/banned.h"

/* --- which version --- */

struct line_cursor {
    struct span rest;
    uint32_t line; /* of what was cut last */
    struct span text;
};

static bool go_to(struct line_cursor *c, uint32_t line)
{
    while (c->line < line) {
        if (!span_line(&c->rest, &c->text)) {
            return false;
        }
        c->line++;
    }
    return c->line == line;
}

static struct span without_return(struct span s)
{
    return span_ends(s, "\r") ? span_first(s, s.len - 1) : s;
}

enum fit { FIT_NO, FIT_EMPTY, FIT_YES };

/* `left_out` is the sign of the lines that this side does not have. */
static enum fit fit_side(struct span text, const struct diff_hunks *hunks,
                         char left_out)
{
    struct line_cursor c = {.rest = text};
    enum fit fit = FIT_EMPTY;
    for (size_t i = 0; i < hunks->n; i++) {
        struct hunk_walk walk;
        struct hunk_line line;
        hunk_walk_begin(&walk, &hunks->items[i]);
        while (hunk_walk_next(&walk, &line)) {
            if (line.sign == left_out) {
                continue;
            }
            const uint32_t number =
                left_out == '-' ? line.new_line : line.old_line;
            if (!go_to(&c, number) ||
                !span_eq(without_return(c.text), without_return(line.text))) {
                return FIT_NO;
            }
            fit = FIT_YES;
        }
    }
    return fit;
}

enum patch_fit patch_fit(struct span text, const struct diff_hunks *hunks)
{
    const enum fit as_new = fit_side(text, hunks, '-');
    if (as_new == FIT_YES) {
        return PATCH_FITS_NEW;
    }
    if (fit_side(text, hunks, '+') == FIT_YES) {
        return PATCH_FITS_OLD;
    }
    return as_new == FIT_EMPTY ? PATCH_FITS_NEW : PATCH_FITS_NOT;
}

/* Lines from the one after `*line` to the one before `end`. */
static void copy_lines(struct span *rest, uint32_t *line, uint32_t end,
                       struct buf *out)
{
    struct span text;
    while (*line + 1 < end && span_line(rest, &text)) {
        (*line)++;
        if (out != NULL) {
            buf_span(out, text);
            buf_char(out, '\n');
        }
    }
}

void patch_apply(struct span text, const struct diff_hunks *hunks, bool is_new,
                 struct buf *out)
{
    uint32_t line = 0;
    for (size_t i = 0; i < hunks->n; i++) {
        const struct diff_hunk *h = &hunks->items[i];
        const uint32_t first = is_new ? h->new_first : h->old_first;
        struct hunk_walk walk;
        struct hunk_line changed;
        copy_lines(&text, &line, first, out);
        copy_lines(&text, &line, first + (is_new ? h->n_new : h->n_old), NULL);
        hunk_walk_begin(&walk, h);
        while (hunk_walk_next(&walk, &changed)) {
            if (changed.sign != (is_new ? '+' : '-')) {
                buf_span(out, changed.text);
                buf_char(out, '\n');
            }
        }
    }
    buf_span(out, text);
}

/* --- names from the hunks alone --- */

/* The function that lines of one side are in, as far as the diff shows. */
struct inside {
    struct go_function function; /* no name: in none */
};

/* Declarations of other kinds begin in the first column. */
static bool begins_other(struct span text)
{
    static const char *const words[] = {"type ",   "var ",     "const ",
                                        "import ", "package ", "//"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_starts(text, words[i])) {
            return true;
        }
    }
    return false;
}

static void enter(struct inside *in, struct span text)
{
    struct go_scan scan;
    if (span_starts(text, "func ")) {
        go_scan_begin(&scan, text);
        if (!go_scan_next(&scan, &in->function)) {
            in->function = (struct go_function){0};
        }
        in->function.first_line = in->function.last_line = 0;
    } else if (begins_other(text)) {
        in->function = (struct go_function){0};
    }
}

/* A body that ends on this line. */
static void leave(struct inside *in, struct span text)
{
    const struct span t = span_trim(text);
    const bool is_whole = span_starts(text, "func ") && !span_ends(t, "{") &&
                          !span_ends(t, "(") && !span_ends(t, ",");
    if (span_starts(text, "}") || is_whole) {
        in->function = (struct go_function){0};
    }
}

/* Lines of one function follow each other. */
static bool is_last(const struct patch_file *f, const struct go_function *g)
{
    const struct go_function *last =
        f->functions.n != 0 ? &f->functions.items[f->functions.n - 1] : NULL;
    return last != NULL && span_eq(last->name, g->name) &&
           span_eq(last->receiver, g->receiver);
}

static bool touch(struct patch *p, struct patch_file *f,
                  const struct inside *in, struct span text, struct err *err)
{
    return in->function.name.len == 0 || span_trim(text).len == 0 ||
           is_last(f, &in->function) ||
           patch_add_function(p, f, &in->function, err);
}

static bool take_line(struct patch *p, struct patch_file *f,
                      struct inside sides[2], const struct hunk_line *line,
                      struct err *err)
{
    for (int side = 0; side < 2; side++) {
        if (line->sign == (side == 0 ? '+' : '-')) {
            continue;
        }
        enter(&sides[side], line->text);
        if (line->sign != ' ' && !touch(p, f, &sides[side], line->text, err)) {
            return false;
        }
        leave(&sides[side], line->text);
    }
    return true;
}

/* What of one version the hunk shows. */
static void put_side(const struct diff_hunk *h, char left_out, struct buf *out)
{
    struct hunk_walk walk;
    struct hunk_line line;
    hunk_walk_begin(&walk, h);
    while (hunk_walk_next(&walk, &line)) {
        if (line.sign != left_out) {
            buf_span(out, line.text);
            buf_char(out, '\n');
        }
    }
}

/* Functions of which a hunk shows the declaration. */
static bool add_declared(struct patch *p, const struct patch_file *f,
                         const struct diff_hunk *h, struct err *err)
{
    struct buf sides[2] = {BUF_LIMIT(LIMIT_PATCH_BYTES),
                           BUF_LIMIT(LIMIT_PATCH_BYTES)};
    put_side(h, '+', &sides[0]);
    put_side(h, '-', &sides[1]);
    const bool ok = buf_check(&sides[0], "a hunk", err) &&
                    buf_check(&sides[1], "a hunk", err) &&
                    patch_renames_add(&p->renames, f->old_name, f->name,
                                      buf_view(&sides[0]), buf_view(&sides[1]),
                                      &p->arena, err);
    buf_release(&sides[0]);
    buf_release(&sides[1]);
    return ok;
}

bool patch_add_shown(struct patch *p, struct patch_file *f,
                     const struct diff_hunks *hunks, struct err *err)
{
    for (size_t i = 0; i < hunks->n; i++) {
        struct inside sides[2] = {0};
        struct hunk_walk walk;
        struct hunk_line line;
        enter(&sides[0], hunks->items[i].heading);
        sides[1] = sides[0];
        hunk_walk_begin(&walk, &hunks->items[i]);
        while (hunk_walk_next(&walk, &line)) {
            if (!take_line(p, f, sides, &line, err)) {
                return false;
            }
        }
        if (span_ends(span_of(f->name), ".go") &&
            !add_declared(p, f, &hunks->items[i], err)) {
            return false;
        }
    }
    return true;
}
