/*
 * A function declaration is a `func` where a declaration may begin, and ends
 * where its last token is followed by a line end outside of all brackets: that
 * is Go's own rule, so that no layout is taken for granted.
 */
#include "review/go_source_private.h"

#include "profile/profile.h"

#include <xxhash.h>

#include "base/banned.h"

enum token_kind {
    TOKEN_END,
    TOKEN_LINE, /* a line end, or a comment that spans one */
    TOKEN_WORD, /* name, keyword, number */
    TOKEN_TEXT, /* string or rune */
    TOKEN_OPEN, /* ( [ { */
    TOKEN_CLOSE,
    TOKEN_OTHER
};

struct token {
    enum token_kind kind;
    struct span text;
};

/* --- tokens --- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static struct span rest_of(const struct go_scan *s)
{
    return span_from(s->text, s->at);
}

/* Moves to `end`, counting lines; were there any? */
static bool skip_to(struct go_scan *s, size_t end)
{
    const uint32_t before = s->line;
    while (s->at < end) {
        s->line += s->text.p[s->at++] == '\n';
    }
    return s->line != before;
}

static void skip_blanks(struct go_scan *s)
{
    while (s->at < s->text.len &&
           (s->text.p[s->at] == ' ' || s->text.p[s->at] == '\t' ||
            s->text.p[s->at] == '\r')) {
        s->at++;
    }
}

/* A quoted text ends at its quote, or before the line end when it is cut. */
static void skip_quoted(struct go_scan *s, char quote)
{
    for (s->at++; s->at < s->text.len && s->text.p[s->at] != '\n'; s->at++) {
        if (s->text.p[s->at] == quote) {
            s->at++;
            return;
        }
        if (s->text.p[s->at] == '\\' && s->at + 1 < s->text.len &&
            s->text.p[s->at + 1] != '\n') {
            s->at++;
        }
    }
}

static void skip_raw(struct go_scan *s)
{
    s->at++;
    const size_t n = span_find_char(rest_of(s), '`');
    (void)skip_to(s, s->at + n);
    s->at += s->at < s->text.len;
}

/* True when it spans a line end. */
static bool skip_comment(struct go_scan *s)
{
    if (span_starts(rest_of(s), "//")) {
        s->at += span_find_char(rest_of(s), '\n');
        return false;
    }
    s->at += 2;
    const size_t n = span_find(rest_of(s), "*/");
    const bool has_lines = skip_to(s, s->at + n);
    s->at += s->at < s->text.len ? 2 : 0;
    return has_lines;
}

/* Kind of what begins at s->at, which is no blank, comment or word; behind it
   afterwards. */
static enum token_kind skip_mark(struct go_scan *s)
{
    const char c = s->text.p[s->at];
    switch (c) {
    case '"':
    case '\'':
        skip_quoted(s, c);
        return TOKEN_TEXT;
    case '`':
        skip_raw(s);
        return TOKEN_TEXT;
    case '\n':
        (void)skip_to(s, s->at + 1);
        return TOKEN_LINE;
    case '(':
    case '[':
    case '{':
        s->at++;
        return TOKEN_OPEN;
    case ')':
    case ']':
    case '}':
        s->at++;
        return TOKEN_CLOSE;
    default:
        s->at++;
        return TOKEN_OTHER;
    }
}

static struct token next_token(struct go_scan *s)
{
    skip_blanks(s);
    while (span_starts(rest_of(s), "//") || span_starts(rest_of(s), "/*")) {
        if (skip_comment(s)) {
            return (struct token){TOKEN_LINE, {0}};
        }
        skip_blanks(s);
    }
    const size_t start = s->at;
    enum token_kind kind = TOKEN_END;
    if (s->at < s->text.len) {
        kind = TOKEN_WORD;
        while (s->at < s->text.len && is_word_byte(s->text.p[s->at])) {
            s->at++;
        }
        if (s->at == start) {
            kind = skip_mark(s);
        }
    }
    return (struct token){kind,
                          span_first(span_from(s->text, start), s->at - start)};
}

/* --- declarations --- */

/* Where in a declaration the last token was. */
struct declaration {
    size_t depth;     /* of brackets */
    size_t n_square;  /* of them, square ones */
    size_t n_tokens;  /* so far */
    bool is_function; /* began with `func` */
    bool in_receiver;
    bool can_end; /* the last token makes the line end a semicolon */
    uint32_t last_line;
};

static bool ends_statement(enum token_kind kind)
{
    return kind == TOKEN_WORD || kind == TOKEN_TEXT || kind == TOKEN_CLOSE;
}

static void count_brackets(struct declaration *d, const struct token *t)
{
    if (t->kind == TOKEN_OPEN) {
        d->depth++;
        d->n_square += span_is(t->text, "[");
    } else if (t->kind == TOKEN_CLOSE && d->depth > 0) {
        d->depth--;
        d->n_square -= d->n_square > 0 && span_is(t->text, "]");
        d->in_receiver = d->in_receiver && d->depth != 0;
    }
}

/* `func`, then a receiver in parentheses or nothing, then the name. */
static void take_head(struct declaration *d, const struct token *t,
                      struct go_function *out)
{
    if (d->n_tokens == 0) {
        d->is_function = span_is(t->text, "func");
    } else if (!d->is_function || out->name.len != 0) {
        return;
    } else if (d->n_tokens == 1 && span_is(t->text, "(")) {
        d->in_receiver = true;
    } else if (d->in_receiver && d->n_square == 0 && t->kind == TOKEN_WORD) {
        out->receiver = t->text; /* the last word is the type */
    } else if (!d->in_receiver && d->depth == 0 && t->kind == TOKEN_WORD) {
        out->name = t->text;
    }
}

static void take_token(struct declaration *d, const struct token *t,
                       uint32_t first_line, const struct go_scan *s,
                       struct go_function *out)
{
    if (d->n_tokens == 0) {
        out->first_line = first_line;
        out->begin = (size_t)(t->text.p - s->text.p);
    }
    out->end = s->at;
    take_head(d, t, out);
    count_brackets(d, t);
    d->n_tokens++;
    d->can_end = ends_statement(t->kind);
    d->last_line = s->line;
}

/* A declaration of any kind; false at the end of the text. */
static bool next_declaration(struct go_scan *s, struct declaration *d,
                             struct go_function *out)
{
    *d = (struct declaration){0};
    *out = (struct go_function){0};
    for (;;) {
        skip_blanks(s);
        const uint32_t line = s->line;
        const struct token t = next_token(s);
        if (t.kind == TOKEN_END) {
            return d->n_tokens != 0;
        }
        const bool is_end = t.kind == TOKEN_LINE || span_is(t.text, ";");
        if (is_end && d->depth == 0 && (d->can_end || t.kind != TOKEN_LINE)) {
            return true;
        }
        if (t.kind != TOKEN_LINE) {
            take_token(d, &t, line, s, out);
        }
    }
}

void go_scan_begin(struct go_scan *s, struct span text)
{
    const size_t mark = span_starts(text, "\xef\xbb\xbf") ? 3 : 0;
    *s = (struct go_scan){text, mark, 1};
}

bool go_scan_next(struct go_scan *s, struct go_function *out)
{
    struct declaration d;
    while (next_declaration(s, &d, out)) {
        if (d.is_function && out->name.len != 0) {
            out->last_line = d.last_line;
            return true;
        }
    }
    return false;
}

bool go_scan_token(struct go_scan *s, struct span *out)
{
    struct token t = next_token(s);
    while (t.kind == TOKEN_LINE) {
        t = next_token(s);
    }
    *out = t.text;
    return t.kind != TOKEN_END;
}

struct span go_function_text(const struct go_function *f, struct span text)
{
    return span_first(span_from(text, f->begin), f->end - f->begin);
}

uint64_t go_function_digest(const struct go_function *f, struct span text)
{
    struct go_scan scan;
    struct span token;
    uint64_t digest = 1;
    go_scan_begin(&scan, go_function_text(f, text));
    while (go_scan_token(&scan, &token)) {
        const bool is_any =
            span_eq(token, f->name) ||
            (f->receiver.len != 0 && span_eq(token, f->receiver));
        digest = is_any ? XXH3_64bits_withSeed("", 0, digest)
                        : XXH3_64bits_withSeed(token.p, token.len, digest);
    }
    return digest != 0 ? digest : 1;
}

/* --- whole sources --- */

struct span go_source_package(struct span text)
{
    struct go_scan s;
    go_scan_begin(&s, text);
    struct token t = next_token(&s);
    while (t.kind == TOKEN_LINE) {
        t = next_token(&s);
    }
    if (!span_is(t.text, "package")) {
        return span_first(text, 0);
    }
    t = next_token(&s);
    return t.kind == TOKEN_WORD ? t.text : span_first(text, 0);
}

/* The marker is a line of its own before the first that is no comment. */
bool go_source_is_generated(struct span text)
{
    struct span line;
    bool in_comment = false;
    while (span_line(&text, &line)) {
        const struct span trimmed = span_trim(line);
        if (!in_comment && span_starts(line, "// Code generated ") &&
            span_ends(trimmed, " DO NOT EDIT.")) {
            return true;
        }
        in_comment = in_comment || span_starts(trimmed, "/*");
        if (!in_comment && trimmed.len != 0 && !span_starts(trimmed, "//")) {
            return false;
        }
        in_comment = in_comment && !span_has(trimmed, "*/");
    }
    return false;
}

/* --- names --- */

/* Cuts type arguments off the front. */
static void cut_brackets(struct span *s)
{
    size_t depth = 0;
    size_t i = 0;
    while (i < s->len && (depth != 0 || s->p[i] == '[')) {
        depth += s->p[i] == '[';
        depth -= s->p[i] == ']';
        i++;
    }
    *s = span_from(*s, i);
}

static bool cut(struct span *s, struct span prefix)
{
    if (!span_eq(span_first(*s, prefix.len), prefix)) {
        return false;
    }
    *s = span_from(*s, prefix.len);
    return true;
}

static bool cut_receiver(struct span *s, struct span receiver)
{
    const bool is_pointer = cut(s, SPAN_LIT("(*"));
    if (!cut(s, receiver)) {
        return false;
    }
    cut_brackets(s);
    return (!is_pointer || cut(s, SPAN_LIT(")"))) && cut(s, SPAN_LIT("."));
}

/* `local` is a symbol without its package. */
static bool begins_with(struct span local, const struct go_function *f)
{
    if ((f->receiver.len != 0 && !cut_receiver(&local, f->receiver)) ||
        !cut(&local, f->name)) {
        return false;
    }
    cut_brackets(&local);
    return local.len == 0 || local.p[0] == '.' || local.p[0] == '-';
}

bool go_function_is(const struct go_function *f, struct span symbol,
                    bool is_inlined)
{
    const size_t package = name_package(symbol).len;
    struct span local = span_from(symbol, package != 0 ? package + 1 : 0);
    if (begins_with(local, f)) {
        return true;
    }
    while (is_inlined && local.len != 0) {
        cut_brackets(&local);
        const size_t dot = span_find_char(local, '.');
        const size_t open = span_find_char(local, '[');
        if (open < dot) {
            local = span_from(local, open);
            continue;
        }
        local = span_from(local, dot + 1);
        if (begins_with(local, f)) {
            return true;
        }
    }
    return false;
}
