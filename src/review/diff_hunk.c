/*
 * The counts of the header say how many lines follow; nothing else ends a hunk,
 * since a deleted line may look like a header ("--- x").
 */
#include "review/diff_hunk_private.h"

#include "base/banned.h"

/* More lines than any text has; sums of two stay below UINT32_MAX. */
#define NUMBER_MAX UINT32_C(0x3fffffff)

static bool cut(struct span *s, const char *prefix)
{
    if (!span_starts(*s, prefix)) {
        return false;
    }
    *s = span_from(*s, strlen(prefix));
    return true;
}

static bool cut_number(struct span *s, uint32_t *out)
{
    uint32_t value = 0;
    size_t i = 0;
    while (i < s->len && s->p[i] >= '0' && s->p[i] <= '9') {
        value = value * 10 + (uint32_t)(s->p[i++] - '0');
        if (value > NUMBER_MAX) {
            return false;
        }
    }
    *s = span_from(*s, i);
    *out = value;
    return i != 0;
}

/* "3,7" or "3"; an empty side is named after the line before it. */
static bool cut_side(struct span *s, uint32_t *first, uint32_t *n)
{
    *n = 1;
    if (!cut_number(s, first) || (cut(s, ",") && !cut_number(s, n))) {
        return false;
    }
    *first += *n == 0;
    return true;
}

bool diff_hunk_parse(struct span line, struct diff_hunk *out)
{
    struct span s = line;
    *out = (struct diff_hunk){0};
    if (!cut(&s, "@@ -") || !cut_side(&s, &out->old_first, &out->n_old) ||
        !cut(&s, " +") || !cut_side(&s, &out->new_first, &out->n_new) ||
        !cut(&s, " @@")) {
        return false;
    }
    out->heading = span_trim(s);
    return true;
}

/* A blank line is an empty context line whose blank some mailer dropped. */
static char sign_of(struct span line)
{
    if (line.len == 0 || line.p[0] == '\r') {
        return ' ';
    }
    return line.p[0];
}

/* Takes the line from the counts of its sides. */
static bool count_line(char sign, uint32_t *n_old, uint32_t *n_new)
{
    const bool is_old = sign == ' ' || sign == '-';
    const bool is_new = sign == ' ' || sign == '+';
    if ((is_old && *n_old == 0) || (is_new && *n_new == 0)) {
        return false;
    }
    *n_old -= is_old;
    *n_new -= is_new;
    return is_old || is_new;
}

/* "\ No newline at end of file", behind the last line of a side. */
static void cut_remarks(struct span *rest, size_t *line_number)
{
    struct span line;
    while (span_starts(*rest, "\\")) {
        (void)span_line(rest, &line);
        (*line_number)++;
    }
}

bool diff_hunk_cut(struct diff_hunk *h, struct span *rest, size_t *line_number,
                   struct err *err)
{
    uint32_t n_old = h->n_old;
    uint32_t n_new = h->n_new;
    const char *start = rest->p;
    const size_t header = *line_number;
    while (n_old != 0 || n_new != 0) {
        struct span line;
        if (!span_line(rest, &line)) {
            return err_set(err, ERR_FORMAT,
                           "line %zu: the hunk is cut off: %u old and %u new "
                           "lines are missing",
                           header, n_old, n_new);
        }
        (*line_number)++;
        if (!count_line(sign_of(line), &n_old, &n_new)) {
            return err_set(err, ERR_FORMAT,
                           "line %zu: not what the hunk's header in line %zu "
                           "promises",
                           *line_number, header);
        }
        cut_remarks(rest, line_number);
    }
    h->body = (struct span){start, (size_t)(rest->p - start)};
    return true;
}

void hunk_walk_begin(struct hunk_walk *w, const struct diff_hunk *h)
{
    *w = (struct hunk_walk){h->body, h->old_first, h->new_first};
}

bool hunk_walk_next(struct hunk_walk *w, struct hunk_line *out)
{
    struct span line;
    do {
        if (!span_line(&w->rest, &line)) {
            return false;
        }
    } while (span_starts(line, "\\"));
    *out = (struct hunk_line){sign_of(line), span_from(line, 1), w->old_line,
                              w->new_line};
    w->old_line += out->sign != '+';
    w->new_line += out->sign != '-';
    return true;
}
