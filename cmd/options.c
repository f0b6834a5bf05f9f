#include "options.h"

#include "base/nearest.h"
#include "base/num.h"

#include <string.h>

enum { CANDIDATES_MAX = 128 };

bool option_offer_at(const struct option_row *row, size_t i,
                     struct option_offer *out)
{
    *out = (struct option_offer){0};
    if (row->choices == NULL) {
        return row->offers != NULL && row->offers(i, out);
    }
    /* Nothing is behind the end to be looked at. */
    for (size_t k = 0; row->choices[k] != NULL; k++) {
        if (k == i) {
            out->word = row->choices[k];
            return true;
        }
    }
    return false;
}

/* One walk over the command line. */
struct parse {
    const struct option_set *sets;
    size_t n_sets;
    char **argv;
    int argc, at;
    struct arena *arena;
    struct words *many; /* list that takes the words that follow, or NULL */
    struct err *err;
};

static bool words_add(struct parse *p, struct words *list, const char *word)
{
    if (list->items == NULL) {
        /* No list can get longer than the command line. */
        list->items = arena_new(p->arena, const char *, (size_t)p->argc);
    }
    if (list->items == NULL) {
        return err_nomem(p->err, "command line");
    }
    list->items[list->n++] = word;
    return true;
}

static bool number_in_range(const struct option_row *row, double v)
{
    if (row->min == 0 && row->max == 0) {
        return v >= 0;
    }
    return v >= row->min && v <= row->max;
}

/* A bound in the words of its kind: "100 ms", "1.0 MB". */
static void put_bound(const struct option_row *row, double v, struct buf *out)
{
    if (row->kind == OPTION_DURATION) {
        num_seconds(out, v);
    } else if (row->kind == OPTION_BYTES) {
        num_bytes(out, v);
    } else {
        buf_printf(out, "%.15g", v);
    }
}

static bool wrong_value(const struct option_row *row, const char *text,
                        const char *want, struct err *err)
{
    double v = 0;
    struct buf range = BUF_LIMIT(ERR_TEXT_MAX);
    if (row->min == 0 && row->max == 0) {
        return num_parse_double(span_of(text), &v) && v < 0
                   ? err_set(err, ERR_USAGE, "--%s: '%s' must be at least 0",
                             row->name, text)
                   : err_set(err, ERR_USAGE, "--%s: '%s' is not %s", row->name,
                             text, want);
    }
    put_bound(row, row->min, &range);
    buf_str(&range, " to ");
    put_bound(row, row->max, &range);
    (void)err_set(err, ERR_USAGE, "--%s: '%s' is not %s from %s", row->name,
                  text, want, range.data != NULL ? range.data : "its least");
    buf_release(&range);
    return false;
}

static bool set_choice(const struct option_row *row, int *field,
                       const char *text, struct err *err)
{
    char list[ERR_TEXT_MAX] = "";
    size_t len = 0;
    int n_choices = 0;
    for (; row->choices[n_choices] != NULL; n_choices++) {
        const char *choice = row->choices[n_choices];
        if (strcmp(choice, text) == 0) {
            *field = n_choices;
            return true;
        }
        const size_t n = strlen(choice);
        if (len + n + 2 < sizeof(list)) {
            list[len] = ' ';
            memcpy(list + len + 1, choice, n + 1);
            len += n + 1;
        }
    }
    /* The nearest of some numbers is a guess at random. */
    const bool is_word = *text != '\0' && strpbrk(text, "0123456789") == NULL;
    const char *nearest =
        is_word ? words_nearest(text, row->choices, (size_t)n_choices) : NULL;
    return err_set(err, ERR_USAGE, "--%s: '%s' is not one of:%s%s%s%s",
                   row->name, text, list, nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : "");
}

static bool set_number(const struct option_row *row, void *field,
                       const char *text, struct err *err)
{
    double v = 0;
    if (!num_parse_double(span_of(text), &v) || !number_in_range(row, v)) {
        return wrong_value(row, text, "a number", err);
    }
    memcpy(field, &v, sizeof(v));
    return true;
}

static bool set_integer(const struct option_row *row, void *field,
                        const char *text, struct err *err)
{
    uint64_t v = 0;
    const bool is_bytes = row->kind == OPTION_BYTES;
    const bool ok = is_bytes ? num_parse_bytes(span_of(text), &v)
                             : num_parse_u64(span_of(text), &v);
    if (!ok || !number_in_range(row, (double)v)) {
        return wrong_value(
            row, text, is_bytes ? "a size such as 512MiB" : "a number", err);
    }
    memcpy(field, &v, sizeof(v));
    return true;
}

static bool set_duration(const struct option_row *row, void *field,
                         const char *text, struct err *err)
{
    int64_t ns = 0;
    if (!num_parse_duration(span_of(text), &ns) ||
        !number_in_range(row, (double)ns / 1e9)) {
        return wrong_value(row, text, "a duration such as 60s", err);
    }
    memcpy(field, &ns, sizeof(ns));
    return true;
}

static bool set_value(struct parse *p, const struct option_set *set,
                      const struct option_row *row, const char *text)
{
    void *field = (char *)set->base + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case OPTION_BYTES:
    case OPTION_COUNT:
        return set_integer(row, field, text, p->err);
    case OPTION_NUMBER:
        return set_number(row, field, text, p->err);
    case OPTION_DURATION:
        return set_duration(row, field, text, p->err);
    case OPTION_CHOICE:
        return set_choice(row, field, text, p->err);
    case OPTION_WORDS:
        return words_add(p, field, text);
    case OPTION_MANY:
        p->many = field;
        return words_add(p, field, text);
    case OPTION_CALL:
        return row->apply(field, text, p->arena, p->err);
    }
    return err_set(p->err, ERR_INTERNAL, "option --%s has no kind", row->name);
}

static bool unknown_option(const struct parse *p, struct span name)
{
    const char *candidates[CANDIDATES_MAX];
    size_t n = 0;
    for (size_t s = 0; s < p->n_sets; s++) {
        for (size_t i = 0; i < p->sets[s].n && n < CANDIDATES_MAX; i++) {
            candidates[n++] = p->sets[s].rows[i].name;
        }
    }
    char word[NEAREST_WORD_MAX + 1] = "";
    if (name.len <= NEAREST_WORD_MAX) {
        memcpy(word, name.p, name.len);
        word[name.len] = '\0';
    }
    const char *nearest = *word ? words_nearest(word, candidates, n) : NULL;
    const int len = (int)(name.len < 80 ? name.len : 80);
    if (nearest != NULL) {
        return err_set(p->err, ERR_USAGE,
                       "unknown option --%.*s; did you mean --%s?", len, name.p,
                       nearest);
    }
    return err_set(p->err, ERR_USAGE, "unknown option --%.*s", len, name.p);
}

/* Who writes one dash may mean a long option. */
static bool unknown_letter(const struct parse *p, const char *letters, char c)
{
    const struct span name =
        span_first(span_of(letters), span_find_char(span_of(letters), '='));
    for (size_t s = 0; s < p->n_sets; s++) {
        for (size_t i = 0; i < p->sets[s].n; i++) {
            if (span_is(name, p->sets[s].rows[i].name)) {
                return err_set(p->err, ERR_USAGE,
                               "unknown option -%c; did you mean --%s?", c,
                               p->sets[s].rows[i].name);
            }
        }
    }
    return err_set(p->err, ERR_USAGE, "unknown option -%c", c);
}

/* The next word as the value of an option. */
static const char *take_value(struct parse *p, const struct option_row *row)
{
    if (p->at + 1 >= p->argc) {
        err_set(p->err, ERR_USAGE, "--%s needs a value: %s", row->name,
                row->arg);
        return NULL;
    }
    return p->argv[++p->at];
}

static bool parse_long(struct parse *p, const char *word)
{
    const struct span whole = span_of(word);
    const size_t equals = span_find_char(whole, '=');
    const struct span name = span_first(whole, equals);
    for (size_t s = 0; s < p->n_sets; s++) {
        for (size_t i = 0; i < p->sets[s].n; i++) {
            const struct option_row *row = &p->sets[s].rows[i];
            if (!span_is(name, row->name)) {
                continue;
            }
            const char *value = equals < whole.len ? word + equals + 1 : NULL;
            if (row->kind == OPTION_FLAG && value != NULL) {
                return err_set(p->err, ERR_USAGE, "--%s takes no value",
                               row->name);
            }
            if (row->kind != OPTION_FLAG && value == NULL) {
                value = take_value(p, row);
                if (value == NULL) {
                    return false;
                }
            }
            return set_value(p, &p->sets[s], row, value);
        }
    }
    return unknown_option(p, name);
}

static const struct option_row *find_short(const struct parse *p, char c,
                                           const struct option_set **set)
{
    for (size_t s = 0; s < p->n_sets; s++) {
        for (size_t i = 0; i < p->sets[s].n; i++) {
            if (p->sets[s].rows[i].short_name == c) {
                *set = &p->sets[s];
                return &p->sets[s].rows[i];
            }
        }
    }
    return NULL;
}

static bool parse_short(struct parse *p, const char *letters)
{
    for (const char *c = letters; *c != '\0'; c++) {
        const struct option_set *set = NULL;
        const struct option_row *row = find_short(p, *c, &set);
        if (row == NULL) {
            return unknown_letter(p, letters, *c);
        }
        if (row->kind == OPTION_FLAG) {
            if (!set_value(p, set, row, NULL)) {
                return false;
            }
            continue;
        }
        const char *value = c[1] != '\0' ? c + 1 : take_value(p, row);
        return value != NULL && set_value(p, set, row, value);
    }
    return true;
}

bool options_parse(const struct option_set *sets, size_t n_sets, int argc,
                   char **argv, bool first_word_ends, struct arena *arena,
                   struct words *args, int *used, struct err *err)
{
    struct parse p = {sets, n_sets, argv, argc, 0, arena, NULL, err};
    bool only_words = false;
    for (; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            if (first_word_ends) {
                break;
            }
            if (!words_add(&p, p.many ? p.many : args, word)) {
                return false;
            }
            continue;
        }
        p.many = NULL;
        if (strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!(word[1] == '-' ? parse_long(&p, word + 2)
                                    : parse_short(&p, word + 1))) {
            return false;
        }
    }
    *used = p.at;
    return true;
}
