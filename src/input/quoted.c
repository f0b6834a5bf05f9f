/* Unquoting after Go's syntax of interpreted string literals. */
#include "input/quoted_private.h"

/* Longest label text kept; a longer one is no label set to us. */
enum { LABEL_MAX_BYTES = 1 << 20 };

struct escape {
    char letter, value;
};

static const struct escape escapes[] = {
    {'a',  '\a'},
    {'b',  '\b'},
    {'f',  '\f'},
    {'n',  '\n'},
    {'r',  '\r'},
    {'t',  '\t'},
    {'v',  '\v'},
    {'\\', '\\'},
    {'\'', '\''},
    {'"',  '"' },
};

struct hex_escape {
    char letter;
    unsigned n_digits;
};

static const struct hex_escape hex_escapes[] = {
    {'x', 2},
    {'u', 4},
    {'U', 8}
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void add_utf8(struct buf *out, uint32_t rune)
{
    if (rune < 0x80) {
        buf_char(out, (char)rune);
        return;
    }
    if (rune < 0x800) {
        buf_char(out, (char)(0xc0 | (rune >> 6)));
    } else if (rune < 0x10000) {
        buf_char(out, (char)(0xe0 | (rune >> 12)));
        buf_char(out, (char)(0x80 | ((rune >> 6) & 0x3f)));
    } else {
        buf_char(out, (char)(0xf0 | ((rune >> 18) & 0x07)));
        buf_char(out, (char)(0x80 | ((rune >> 12) & 0x3f)));
        buf_char(out, (char)(0x80 | ((rune >> 6) & 0x3f)));
    }
    buf_char(out, (char)(0x80 | (rune & 0x3f)));
}

/* `rest` stands behind the letter. */
static bool take_hex(struct span *rest, struct hex_escape how, struct buf *out)
{
    if (rest->len < how.n_digits) {
        return false;
    }
    uint32_t rune = 0;
    for (unsigned i = 0; i < how.n_digits; i++) {
        const int digit = hex_digit(rest->p[i]);
        if (digit < 0) {
            return false;
        }
        rune = rune << 4 | (uint32_t)digit;
    }
    *rest = span_from(*rest, how.n_digits);
    if (how.letter == 'x') {
        buf_char(out, (char)rune);
        return true;
    }
    if (rune > 0x10ffff) {
        return false;
    }
    add_utf8(out, rune);
    return true;
}

/* `rest` stands behind the backslash. */
static bool take_escape(struct span *rest, struct buf *out)
{
    if (rest->len == 0) {
        return false;
    }
    const char letter = rest->p[0];
    *rest = span_from(*rest, 1);
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        if (escapes[i].letter == letter) {
            buf_char(out, escapes[i].value);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(hex_escapes) / sizeof(hex_escapes[0]); i++) {
        if (hex_escapes[i].letter == letter) {
            return take_hex(rest, hex_escapes[i], out);
        }
    }
    return false;
}

bool quoted_take(struct span *rest, struct buf *out)
{
    if (rest->len == 0 || rest->p[0] != '"') {
        return false;
    }
    *rest = span_from(*rest, 1);
    while (rest->len > 0) {
        const char c = rest->p[0];
        *rest = span_from(*rest, 1);
        if (c == '"') {
            return true;
        }
        if (c != '\\') {
            buf_char(out, c);
        } else if (!take_escape(rest, out)) {
            return false;
        }
    }
    return false;
}

static bool take_sign(struct span *rest, char c)
{
    while (rest->len > 0 && rest->p[0] == ' ') {
        *rest = span_from(*rest, 1);
    }
    if (rest->len == 0 || rest->p[0] != c) {
        return false;
    }
    *rest = span_from(*rest, 1);
    return true;
}

static bool take_quoted(struct span *rest, struct buf *out)
{
    while (rest->len > 0 && rest->p[0] == ' ') {
        *rest = span_from(*rest, 1);
    }
    buf_clear(out);
    out->limit_bytes = LABEL_MAX_BYTES;
    return quoted_take(rest, out) && buf_ok(out);
}

void label_begin(struct label_cursor *c, struct span set)
{
    c->rest = set;
    c->has_begun = false;
    c->failed = false;
    c->is_out_of_memory = false;
}

bool label_next(struct label_cursor *c, struct label_pair *out)
{
    if (c->failed) {
        return false;
    }
    const bool is_first = !c->has_begun;
    c->has_begun = true;
    if (is_first && !take_sign(&c->rest, '{')) {
        c->failed = true;
        return false;
    }
    if (take_sign(&c->rest, '}')) {
        return false;
    }
    if ((!is_first && !take_sign(&c->rest, ',')) ||
        !take_quoted(&c->rest, &c->key) || !take_sign(&c->rest, ':') ||
        !take_quoted(&c->rest, &c->value)) {
        c->failed = true;
        c->is_out_of_memory = c->key.failed_memory || c->value.failed_memory;
        return false;
    }
    *out = (struct label_pair){buf_view(&c->key), buf_view(&c->value)};
    return true;
}

void label_cursor_release(struct label_cursor *c)
{
    buf_release(&c->key);
    buf_release(&c->value);
}
