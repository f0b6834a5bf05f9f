/*
 * -tagfocus and -tagignore: samples by the values of their labels. A text that
 * reads as a range of numbers with a unit asks the numeric labels, everything
 * else is expressions for the string labels. An expression is tried once on
 * each text that labels have, however many samples have it.
 */
#include <math.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/limits.h"
#include "base/measure.h"
#include "base/num.h"
#include "base/vec.h"
#include "profile/samples_private.h"
#include "profile/select.h"
#include "profile/text_match_private.h"

VEC_TYPE(regexes, struct regex *)
VEC_TYPE(verdicts, uint8_t)

struct tag_filter {
    char *text;      /* what the spans borrow from */
    struct span key; /* empty: any */
    bool is_range;
    double low, high; /* both included */
    struct span unit; /* of both, as measure_scale() says it */
    struct regexes expressions;
};

/* --- Reading one --- */

/* A number and its unit within a text. */
struct amount {
    struct span all, digits, unit;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t count(struct span s, size_t start, bool (*is_in)(char))
{
    size_t end = start;
    while (end < s.len && is_in(s.p[end])) {
        end++;
    }
    return end - start;
}

/* The first amount in `s`: digits, a sign in front, letters behind. */
static bool find_amount(struct span s, struct amount *out)
{
    size_t i = 0;
    while (i < s.len && !is_digit(s.p[i])) {
        i++;
    }
    if (i == s.len) {
        return false;
    }
    const size_t sign = i > 0 && (s.p[i - 1] == '+' || s.p[i - 1] == '-');
    const size_t n_digits = count(s, i, is_digit);
    const size_t n_letters = count(s, i + n_digits, is_letter);
    const struct span from = span_from(s, i - sign);
    out->all = span_first(from, sign + n_digits + n_letters);
    out->digits = span_first(from, sign + n_digits);
    out->unit = span_from(out->all, sign + n_digits);
    return true;
}

static bool read_number(const struct amount *a, int64_t *out, struct err *err)
{
    return num_parse_i64(a->digits, out) ||
           err_set(err, ERR_USAGE, "%.*s is out of range", (int)a->digits.len,
                   a->digits.p);
}

/* One amount: "32kb", ":64kb" or "4mb:". */
static bool open_range(struct tag_filter *f, struct span text,
                       const struct amount *a)
{
    const size_t before = (size_t)(a->all.p - text.p);
    const size_t after = text.len - before - a->all.len;
    if (before + after > 1 ||
        (before + after == 1 && text.p[before ? 0 : a->all.len] != ':')) {
        return false;
    }
    f->low = before != 0 ? -INFINITY : f->low;
    f->high = after != 0 ? INFINITY : f->high;
    return true;
}

/* Both amounts of "12kb:64mb", which must be of one kind. */
static bool closed_range(struct tag_filter *f, struct span text,
                         const struct amount *a, const struct amount *b,
                         struct err *err)
{
    int64_t number = 0;
    if (text.len != a->all.len + 1 + b->all.len || text.p[a->all.len] != ':' ||
        a->all.p != text.p) {
        return true;
    }
    if (!read_number(b, &number, err)) {
        return false;
    }
    struct span unit;
    f->high = measure_scale(number, b->unit, f->unit, &unit);
    f->is_range = span_eq(f->unit, unit);
    return true;
}

/* False is an error; else f->is_range tells. */
static bool read_range(struct tag_filter *f, struct span text, struct err *err)
{
    struct amount a;
    struct amount b;
    int64_t number = 0;
    if (!find_amount(text, &a)) {
        return true;
    }
    if (!read_number(&a, &number, err)) {
        return false;
    }
    f->low = measure_scale(number, a.unit, a.unit, &f->unit);
    f->high = f->low;
    if (find_amount(span_from(text, (size_t)(a.all.p + a.all.len - text.p)),
                    &b)) {
        return closed_range(f, text, &a, &b, err);
    }
    f->is_range = open_range(f, text, &a);
    return true;
}

static bool read_expressions(struct tag_filter *f, struct span text,
                             struct err *err)
{
    for (;;) {
        const size_t end = span_find_char(text, ',');
        if (!regexes_reserve(&f->expressions, f->expressions.n + 1)) {
            return err_nomem(err, "tag filter");
        }
        struct regex **next = &f->expressions.items[f->expressions.n];
        if (!regex_new(span_first(text, end), next, err)) {
            return false;
        }
        f->expressions.n++;
        if (end == text.len) {
            return true;
        }
        text = span_from(text, end + 1);
    }
}

static bool read_filter(struct tag_filter *f, struct span name,
                        struct span text, struct buf *notes, struct err *err)
{
    const size_t equals = span_find_char(text, '=');
    if (equals < text.len) {
        f->key = span_first(text, equals);
        text = span_from(text, equals + 1);
    }
    if (!read_range(f, text, err)) {
        return err_wrap(err, "parsing %.*s range", (int)name.len, name.p);
    }
    if (!f->is_range) {
        return read_expressions(f, text, err) ||
               err_wrap(err, "parsing %.*s regexp", (int)name.len, name.p);
    }
    if (notes != NULL) {
        buf_span(notes, name);
        buf_str(notes, ":Interpreted '");
        buf_span(notes, text);
        buf_str(notes, "' as range, not regexp\n");
    }
    return true;
}

bool tag_filter_new(struct span name, struct span text, struct tag_filter **out,
                    struct buf *notes, struct err *err)
{
    *out = NULL;
    if (text.len == 0) {
        return true;
    }
    struct tag_filter *f = calloc(1, sizeof(*f));
    char *copy = calloc(text.len + 1, 1);
    if (f == NULL || copy == NULL) {
        free(f);
        free(copy);
        return err_nomem(err, "tag filter");
    }
    memcpy(copy, text.p, text.len);
    f->text = copy;
    if (!read_filter(f, name, (struct span){copy, text.len}, notes, err)) {
        tag_filter_free(f);
        return false;
    }
    *out = f;
    return true;
}

void tag_filter_free(struct tag_filter *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->expressions.n; i++) {
        regex_free(f->expressions.items[i]);
    }
    regexes_release(&f->expressions);
    free(f->text);
    free(f);
}

/* --- Applying one --- */

/* A filter at work on one profile. */
struct tag_match {
    const struct profile *p;
    const struct label_units *units;
    const struct tag_filter *f; /* NULL: none */
    /* Labels by key and text (string ids); verdict of expression e on label i
       at i * number of expressions + e. */
    struct intern labels;
    struct verdicts verdicts;
    struct buf text;  /* scratch */
    str_id unit_key;  /* whose unit was asked for last; 0 = none yet */
    struct span unit; /* and what it was */
    bool has_matched; /* some sample */
    struct err *err;
    bool has_failed;
};

static bool has_key(const struct tag_match *m, str_id key)
{
    return m->f->key.len == 0 || span_eq(profile_span(m->p, key), m->f->key);
}

static bool is_in_range(struct tag_match *m, const struct profile_label *l)
{
    if (m->unit.p == NULL || l->key.i != m->unit_key.i) {
        m->unit_key = l->key;
        m->unit = label_units_get(m->p, m->units, profile_span(m->p, l->key));
    }
    struct span unit;
    const double v = measure_scale(l->num, m->unit, m->f->unit, &unit);
    return span_eq(unit, m->f->unit) && v >= m->f->low && v <= m->f->high;
}

static bool any_in_range(struct tag_match *m, const struct sample *s)
{
    for (uint32_t i = 0; i < s->n_labels; i++) {
        const struct profile_label *l = &s->labels[i];
        if (l->is_num && has_key(m, l->key) && is_in_range(m, l)) {
            return true;
        }
    }
    return false;
}

/* Where the verdicts on a label are. */
static uint8_t *label_verdicts(struct tag_match *m,
                               const struct profile_label *l)
{
    const size_t n = m->f->expressions.n;
    const uint32_t words[] = {l->key.i, l->str.i};
    const struct span key = {(const char *)words, sizeof(words)};
    uint32_t id = 0;
    if (!intern_add(&m->labels, key, &id, m->err) ||
        !(verdicts_reserve(&m->verdicts, (id + (size_t)1) * n) ||
          err_nomem(m->err, "verdicts on labels"))) {
        m->has_failed = true;
        return NULL;
    }
    while (m->verdicts.n < (id + (size_t)1) * n) {
        m->verdicts.items[m->verdicts.n++] = TEXT_UNKNOWN;
    }
    return m->verdicts.items + id * n;
}

/* Without a key an expression is tried on "key:value". */
static bool label_matches(struct tag_match *m, size_t expression,
                          const struct profile_label *l)
{
    uint8_t *known = label_verdicts(m, l);
    if (known == NULL) {
        return false;
    }
    if (known[expression] != TEXT_UNKNOWN) {
        return known[expression] == TEXT_MATCHES;
    }
    buf_clear(&m->text);
    if (m->f->key.len == 0) {
        buf_span(&m->text, profile_span(m->p, l->key));
        buf_char(&m->text, ':');
    }
    buf_span(&m->text, profile_span(m->p, l->str));
    bool matched = false;
    if (!buf_check(&m->text, "label", m->err) ||
        !regex_match(m->f->expressions.items[expression], buf_view(&m->text),
                     &matched, m->err)) {
        m->has_failed = true;
        return false;
    }
    known[expression] = matched ? TEXT_MATCHES : TEXT_DIFFERS;
    return matched;
}

static bool any_label_matches(struct tag_match *m, size_t expression,
                              const struct sample *s)
{
    for (uint32_t i = 0; i < s->n_labels; i++) {
        const struct profile_label *l = &s->labels[i];
        if (!l->is_num && has_key(m, l->key) &&
            label_matches(m, expression, l)) {
            return true;
        }
    }
    return false;
}

/* With a key one of the expressions will do, without all must be found. */
static bool sample_matches(struct tag_match *m, const struct sample *s)
{
    if (m->f->is_range) {
        return any_in_range(m, s);
    }
    const bool one_will_do = m->f->key.len != 0;
    for (size_t e = 0; e < m->f->expressions.n; e++) {
        if (any_label_matches(m, e, s) == one_will_do) {
            return one_will_do;
        }
    }
    return !one_will_do;
}

struct tag_filtering {
    struct tag_match focus, ignore;
};

static bool keep_sample(void *ctx, struct sample *s)
{
    struct tag_filtering *t = ctx;
    if (t->focus.has_failed || t->ignore.has_failed) {
        return false;
    }
    const bool focused = t->focus.f == NULL || sample_matches(&t->focus, s);
    const bool ignored = t->ignore.f != NULL && sample_matches(&t->ignore, s);
    t->focus.has_matched = t->focus.has_matched || focused;
    t->ignore.has_matched = t->ignore.has_matched || ignored;
    return focused && !ignored;
}

static void match_release(struct tag_match *m)
{
    intern_release(&m->labels);
    verdicts_release(&m->verdicts);
    buf_release(&m->text);
}

bool profile_filter_tags(struct profile *p, const struct label_units *units,
                         const struct tag_filter *focus,
                         const struct tag_filter *ignore, bool *focus_matched,
                         bool *ignore_matched, struct err *err)
{
    const struct tag_match none = {.p = p,
                                   .units = units,
                                   .err = err,
                                   .text = BUF_LIMIT(LIMIT_TEXT_BYTES)};
    struct tag_filtering t = {none, none};
    t.focus.f = focus;
    t.ignore.f = ignore;
    samples_filter(p, keep_sample, &t);
    *focus_matched = t.focus.has_matched;
    *ignore_matched = t.ignore.has_matched;
    const bool ok = !t.focus.has_failed && !t.ignore.has_failed;
    match_release(&t.focus);
    match_release(&t.ignore);
    return ok;
}
