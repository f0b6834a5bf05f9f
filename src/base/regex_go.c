/*
 * Reads a regular expression as Go's regexp/syntax does with its Perl flags
 * and writes what PCRE2 needs to mean the same. Groups become non-capturing
 * (nobody asks for captures), assertions are wrapped so that Go's `^*` stays
 * legal, literals are quoted.
 */
#include "base/regex.h"

#include "base/buf.h"
#include "base/vec.h"

#include <utf8proc.h>

#include "base/banned.h"

enum {
    GO_MAX_REPEAT = 1000,
    GO_MAX_DEPTH = 1000,
    GO_MAX_RUNE = 0x10ffff,
};

/* What stands left of here, as far as a repetition operator cares. */
enum last_token { LAST_NOTHING, LAST_ATOM, LAST_REPEAT };

struct scan {
    struct span all;
    size_t at;
    struct buf *out;
    struct err *err;
    enum last_token last;
    size_t last_repeat_at;   /* where the last repetition operator began */
    uint32_t atom_repeats;   /* product of the repetitions in the last atom */
    uint32_t widest_repeats; /* most among the atoms of this group */
    struct vec_u32 outer;    /* widest_repeats of the groups around */
};

static bool fail(const struct scan *s, const char *what, struct span where)
{
    return err_set(s->err, ERR_USAGE, "error parsing regexp: %s: `%.*s`", what,
                   (int)(where.len < 120 ? where.len : 120),
                   where.len ? where.p : "");
}

static struct span rest(const struct scan *s)
{
    return span_from(s->all, s->at);
}

/* The source from `from` up to the cursor. */
static struct span taken(const struct scan *s, size_t from)
{
    return span_first(span_from(s->all, from), s->at - from);
}

static bool at_end(const struct scan *s)
{
    return s->at == s->all.len;
}

static char peek(const struct scan *s)
{
    if (at_end(s)) {
        return '\0';
    }
    return s->all.p[s->at];
}

/* Takes the next byte when it is `c`. */
static bool accept(struct scan *s, char c)
{
    if (at_end(s) || s->all.p[s->at] != c) {
        return false;
    }
    s->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_';
}

/* Go lets ASCII punctuation be escaped, "_" too. */
static bool is_escapable(char c)
{
    return (unsigned char)c < 0x80 && (!is_word(c) || c == '_');
}

static void atom(struct scan *s, uint32_t repeats)
{
    s->last = LAST_ATOM;
    s->atom_repeats = repeats;
    if (repeats > s->widest_repeats) {
        s->widest_repeats = repeats;
    }
}

/* One character; the pattern has been checked to be UTF-8. */
static uint32_t take_rune(struct scan *s)
{
    utf8proc_int32_t rune = 0;
    const utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s->all.p + s->at,
                         (utf8proc_ssize_t)(s->all.len - s->at), &rune);
    s->at += n > 0 ? (size_t)n : 1;
    return rune < 0 ? 0xfffd : (uint32_t)rune;
}

static void put_rune(struct scan *s, uint32_t rune)
{
    buf_printf(s->out, "\\x{%x}", (unsigned)rune);
}

/* --- Escapes --- */

static unsigned hex_value(char c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

/* After "\x": two digits, or any number of them in braces. */
static bool take_hex(struct scan *s, uint32_t *rune)
{
    *rune = 0;
    const bool has_braces = accept(s, '{');
    unsigned n = 0;
    while (has_braces || n < 2) {
        if (has_braces && n > 0 && accept(s, '}')) {
            return true;
        }
        if (at_end(s)) {
            return false;
        }
        const unsigned digit = hex_value(peek(s));
        (void)take_rune(s);
        *rune = *rune * 16 + digit;
        if (digit > 15 || *rune > GO_MAX_RUNE) {
            return false;
        }
        n++;
    }
    return true;
}

/* \0, \01, \123: up to three octal digits. A single \1 is a backreference,
   which Go refuses. */
static bool take_octal(struct scan *s, char first, uint32_t *rune)
{
    const char next = peek(s);
    if (first != '0' && (next < '0' || next > '7')) {
        return false;
    }
    *rune = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && peek(s) >= '0' && peek(s) <= '7'; i++) {
        *rune = *rune * 8 + (uint32_t)(peek(s) - '0');
        s->at++;
    }
    return true;
}

/* After the backslash: an escape that stands for one character, inside and
   outside of classes. `from` is where the backslash is. */
static bool take_escaped_rune(struct scan *s, size_t from, uint32_t *rune)
{
    static const char letters[] = "afnrtv";
    static const uint8_t controls[] = {7, 12, 10, 13, 9, 11};
    if (at_end(s)) {
        return fail(s, "trailing backslash at end of expression", rest(s));
    }
    const uint32_t c = take_rune(s);
    const char ascii = (char)(c < 0x80 ? c : 0);
    const size_t i = span_find_char(SPAN_LIT(letters), ascii);
    bool ok = false;
    if (c < 0x80 && is_escapable(ascii)) {
        *rune = c;
        ok = true;
    } else if (i < sizeof(letters) - 1) {
        *rune = controls[i];
        ok = true;
    } else if (ascii == 'x') {
        ok = take_hex(s, rune);
    } else if (ascii >= '0' && ascii <= '7') {
        ok = take_octal(s, ascii, rune);
    }
    return ok || fail(s, "invalid escape sequence", taken(s, from));
}

/* \d and its like, as members of a class. NULL for other letters. */
static const char *perl_class(char letter)
{
    switch (letter) {
    case 'd':
        return "0-9";
    case 'D':
        return "\\x{0}-/:-\\x{10ffff}";
    case 's':
        return "\\t\\n\\f\\r ";
    case 'S':
        return "\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}!-\\x{10ffff}";
    case 'w':
        return "0-9A-Za-z_";
    case 'W':
        return "\\x{0}-/:-@\\[-\\^`\\{-\\x{10ffff}";
    default:
        return NULL;
    }
}

/* \pN, \P{Greek}, \p{^Lu}; the cursor is at the letter p or P. */
static bool take_property(struct scan *s, size_t from)
{
    bool is_negated = s->all.p[s->at++] == 'P';
    struct span name = span_first(rest(s), 1);
    if (accept(s, '{')) {
        const size_t n = span_find_char(rest(s), '}');
        if (n == rest(s).len) {
            return fail(s, "invalid character class range",
                        span_from(s->all, from));
        }
        name = span_first(rest(s), n);
        s->at += n + 1;
        if (span_starts(name, "^")) {
            is_negated = !is_negated;
            name = span_from(name, 1);
        }
    } else if (!at_end(s)) {
        (void)take_rune(s);
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_word(name.p[i])) {
            name.len = 0;
        }
    }
    if (name.len == 0) {
        return fail(s, "invalid character class range", taken(s, from));
    }
    /* sc: the script itself; alone, PCRE2 would add what others share. */
    const bool is_script = name.len > 2 && !span_is(name, "Any");
    buf_printf(s->out, "\\%c{%s%.*s}", is_negated ? 'P' : 'p',
               is_script ? "sc:" : "", (int)name.len, name.p);
    return true;
}

/* \Q...\E or \Q to the end. */
static void take_quoted(struct scan *s)
{
    while (!at_end(s)) {
        if (span_starts(rest(s), "\\E")) {
            s->at += 2;
            return;
        }
        put_rune(s, take_rune(s));
        atom(s, 1);
    }
}

static bool scan_escape(struct scan *s)
{
    const size_t from = s->at++;
    const char c = peek(s);
    if (c == 'A' || c == 'b' || c == 'B' || c == 'z') {
        s->at++;
        buf_printf(s->out, "(?:\\%c)", c);
    } else if (c == 'Q') {
        s->at++;
        take_quoted(s);
        return true;
    } else if (c == 'p' || c == 'P') {
        if (!take_property(s, from)) {
            return false;
        }
    } else if (perl_class(c)) {
        s->at++;
        buf_printf(s->out, "[%s]", perl_class(c));
    } else {
        uint32_t rune = 0;
        if (!take_escaped_rune(s, from, &rune)) {
            return false;
        }
        put_rune(s, rune);
    }
    atom(s, 1);
    return true;
}

/* --- Classes --- */

static bool is_posix_class(struct span name)
{
    static const char *const names[] = {
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
        "lower", "print", "punct", "space", "upper", "word",  "xdigit"};
    if (span_starts(name, "^")) {
        name = span_from(name, 1);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* [:alpha:] inside a class; `is_one` says whether there was one. */
static bool take_posix_class(struct scan *s, bool *is_one)
{
    const struct span here = rest(s);
    *is_one = false;
    if (!span_starts(here, "[:")) {
        return true;
    }
    const size_t n = span_find(span_from(here, 2), ":]");
    if (n == here.len - 2) {
        return true;
    }
    const struct span whole = span_first(here, n + 4);
    if (!is_posix_class(span_first(span_from(here, 2), n))) {
        return fail(s, "invalid character class range", whole);
    }
    buf_span(s->out, whole);
    s->at += whole.len;
    *is_one = true;
    return true;
}

static bool take_class_rune(struct scan *s, size_t class_at, uint32_t *rune)
{
    if (at_end(s)) {
        return fail(s, "missing closing ]", span_from(s->all, class_at));
    }
    const size_t from = s->at;
    if (accept(s, '\\')) {
        return take_escaped_rune(s, from, rune);
    }
    *rune = take_rune(s);
    return true;
}

static bool take_class_range(struct scan *s, size_t class_at)
{
    const size_t from = s->at;
    uint32_t low = 0;
    if (!take_class_rune(s, class_at, &low)) {
        return false;
    }
    uint32_t high = low;
    const struct span here = rest(s);
    if (here.len >= 2 && here.p[0] == '-' && here.p[1] != ']') {
        s->at++;
        if (!take_class_rune(s, class_at, &high)) {
            return false;
        }
        if (high < low) {
            return fail(s, "invalid character class range", taken(s, from));
        }
    }
    put_rune(s, low);
    if (high != low) {
        buf_char(s->out, '-');
        put_rune(s, high);
    }
    return true;
}

/* One member of a class, whatever it is. */
static bool take_class_member(struct scan *s, size_t class_at)
{
    bool is_posix = false;
    if (!take_posix_class(s, &is_posix) || is_posix) {
        return is_posix;
    }
    const struct span here = rest(s);
    if (here.len >= 2 && here.p[0] == '\\') {
        const size_t from = s->at;
        const char letter = here.p[1];
        if (letter == 'p' || letter == 'P') {
            s->at++;
            return take_property(s, from);
        }
        if (perl_class(letter)) {
            s->at += 2;
            buf_str(s->out, perl_class(letter));
            return true;
        }
    }
    return take_class_range(s, class_at);
}

static bool scan_class(struct scan *s)
{
    const size_t from = s->at++;
    buf_char(s->out, '[');
    if (accept(s, '^')) {
        buf_char(s->out, '^');
    }
    bool is_first = true;
    while (is_first || !accept(s, ']')) {
        if (at_end(s)) {
            return fail(s, "missing closing ]", span_from(s->all, from));
        }
        if (!take_class_member(s, from)) {
            return false;
        }
        is_first = false;
    }
    buf_char(s->out, ']');
    atom(s, 1);
    return true;
}

/* --- Groups --- */

static bool open_group(struct scan *s)
{
    if (s->outer.n >= GO_MAX_DEPTH) {
        return fail(s, "expression nests too deeply", s->all);
    }
    if (!vec_u32_push(&s->outer, s->widest_repeats)) {
        return err_nomem(s->err, "regular expression");
    }
    s->widest_repeats = 1;
    s->last = LAST_NOTHING;
    return true;
}

static bool close_group(struct scan *s)
{
    s->at++;
    if (s->outer.n == 0) {
        return fail(s, "unexpected )", s->all);
    }
    const uint32_t inside = s->widest_repeats;
    s->widest_repeats = s->outer.items[--s->outer.n];
    buf_char(s->out, ')');
    atom(s, inside);
    return true;
}

/* (?P<name> or (?<name>; the name is checked and forgotten. */
static bool scan_named_group(struct scan *s, size_t from)
{
    const struct span here = rest(s);
    const size_t n = span_find_char(here, '>');
    if (n == here.len) {
        return fail(s, "invalid named capture", span_from(s->all, from));
    }
    s->at += n + 1;
    bool is_valid = n > 0;
    for (size_t i = 0; i < n; i++) {
        is_valid = is_valid && is_word(here.p[i]);
    }
    if (!is_valid) {
        return fail(s, "invalid named capture", taken(s, from));
    }
    buf_str(s->out, "(?:");
    return open_group(s);
}

/* (?flags) or (?flags:...), with what is not one refused. */
static bool scan_flags(struct scan *s, size_t from)
{
    bool has_minus = false;
    bool has_flag = false;
    while (!at_end(s)) {
        const char c = peek(s);
        (void)take_rune(s);
        if (c == 'i' || c == 'm' || c == 's' || c == 'U') {
            has_flag = true;
        } else if (c == '-' && !has_minus) {
            has_minus = true;
            has_flag = false;
        } else if ((c == ':' || c == ')') && (!has_minus || has_flag)) {
            buf_span(s->out, taken(s, from));
            return c == ')' || open_group(s);
        } else {
            break;
        }
    }
    return fail(s, "invalid or unsupported Perl syntax", taken(s, from));
}

static bool scan_group(struct scan *s)
{
    const size_t from = s->at;
    if (span_starts(rest(s), "(?P<")) {
        s->at += 4;
        return scan_named_group(s, from);
    }
    if (span_starts(rest(s), "(?<")) {
        s->at += 3;
        return scan_named_group(s, from);
    }
    if (span_starts(rest(s), "(?")) {
        s->at += 2;
        return scan_flags(s, from);
    }
    s->at++;
    buf_str(s->out, "(?:");
    return open_group(s);
}

/* --- Repetition --- */

/* A number without leading zeros; false when there is none. What is too big
   stays big. */
static bool take_count(struct scan *s, uint32_t *n)
{
    const size_t from = s->at;
    *n = 0;
    while (is_digit(peek(s))) {
        if (*n <= GO_MAX_REPEAT) {
            *n = *n * 10 + (uint32_t)(peek(s) - '0');
        }
        s->at++;
    }
    const size_t len = s->at - from;
    return len == 1 || (len > 1 && s->all.p[from] != '0');
}

/* {n}, {n,} or {n,m}; false, with the cursor unmoved, when it is none and
   the brace a literal. */
static bool take_braces(struct scan *s, uint32_t *low, uint32_t *high)
{
    const size_t from = s->at;
    s->at++;
    bool ok = take_count(s, low);
    *high = *low;
    if (ok && accept(s, ',')) {
        if (peek(s) == '}') {
            *high = 0; /* no upper bound: counted by the lower one */
        } else {
            ok = take_count(s, high);
        }
    }
    ok = ok && accept(s, '}');
    if (!ok) {
        s->at = from;
    }
    return ok;
}

/* The operator lies between `from` and the cursor; `times` is how often it
   repeats at least or at most, 1 for * + ?. */
static bool repeat(struct scan *s, size_t from, uint32_t times)
{
    const struct span op = taken(s, from);
    (void)accept(s, '?');
    if (s->last == LAST_REPEAT) {
        return fail(s, "invalid nested repetition operator",
                    taken(s, s->last_repeat_at));
    }
    if (s->last == LAST_NOTHING) {
        return fail(s, "missing argument to repetition operator",
                    taken(s, from));
    }
    const uint32_t repeats = s->atom_repeats * (times > 1 ? times : 1);
    if (repeats > GO_MAX_REPEAT) {
        return fail(s, "invalid repeat count", op);
    }
    buf_span(s->out, taken(s, from));
    atom(s, repeats);
    s->last = LAST_REPEAT;
    s->last_repeat_at = from;
    return true;
}

static bool scan_braces(struct scan *s)
{
    const size_t from = s->at;
    uint32_t low = 0;
    uint32_t high = 0;
    if (!take_braces(s, &low, &high)) {
        s->at++;
        buf_str(s->out, "\\{");
        atom(s, 1);
        return true;
    }
    const struct span op = taken(s, from);
    const bool has_comma = span_find_char(op, ',') < op.len;
    const bool is_open = span_ends(op, ",}");
    if (low > GO_MAX_REPEAT || high > GO_MAX_REPEAT ||
        (has_comma && !is_open && high < low)) {
        return fail(s, "invalid repeat count", op);
    }
    return repeat(s, from, high > low ? high : low);
}

/* --- All of it --- */

static bool scan_plain(struct scan *s)
{
    const char c = s->all.p[s->at];
    if (c == '^' || c == '$') {
        s->at++;
        buf_printf(s->out, "(?:%c)", c);
    } else if (c == '.') {
        s->at++;
        buf_char(s->out, '.');
    } else if ((unsigned char)c < 0x80 && is_word(c)) {
        s->at++;
        buf_char(s->out, c);
    } else {
        put_rune(s, take_rune(s));
    }
    atom(s, 1);
    return true;
}

static bool scan_next(struct scan *s)
{
    switch (s->all.p[s->at]) {
    case '(':
        return scan_group(s);
    case ')':
        return close_group(s);
    case '[':
        return scan_class(s);
    case '{':
        return scan_braces(s);
    case '\\':
        return scan_escape(s);
    case '*':
    case '+':
    case '?':
        s->at++;
        return repeat(s, s->at - 1, 1);
    case '|':
        s->at++;
        buf_char(s->out, '|');
        s->last = LAST_NOTHING;
        return true;
    default:
        return scan_plain(s);
    }
}

static bool check_utf8(const struct scan *s)
{
    size_t at = 0;
    while (at < s->all.len) {
        utf8proc_int32_t rune = 0;
        const utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)s->all.p + at,
                             (utf8proc_ssize_t)(s->all.len - at), &rune);
        if (n <= 0) {
            return err_set(s->err, ERR_USAGE,
                           "error parsing regexp: invalid UTF-8 at byte %zu",
                           at);
        }
        at += (size_t)n;
    }
    return true;
}

bool regex_from_go(struct span pattern, struct buf *out, struct err *err)
{
    struct scan s = {.all = pattern, .out = out, .err = err};
    s.widest_repeats = 1;
    bool ok = check_utf8(&s);
    while (ok && !at_end(&s)) {
        ok = scan_next(&s);
    }
    if (ok && s.outer.n > 0) {
        ok = fail(&s, "missing closing )", s.all);
    }
    vec_u32_release(&s.outer);
    return ok && buf_check(out, "regular expression", err);
}
