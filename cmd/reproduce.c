#include "reproduce.h"

#include "fetch/fetch.h"

#include <string.h>

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || strchr("@%_+=:,./-~", c) != NULL;
}

/* As it is, or in single quotes; control characters are left to the
   renderers. */
static void put_quoted(struct buf *out, struct span word)
{
    bool plain = word.len > 0;
    for (size_t i = 0; i < word.len; i++) {
        plain = plain && is_plain(word.p[i]);
    }
    if (plain) {
        buf_span(out, word);
        return;
    }
    buf_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.p[i] == '\'') {
            buf_str(out, "'\\''");
        } else {
            buf_char(out, word.p[i]);
        }
    }
    buf_char(out, '\'');
}

/* "NAME: VALUE" of a header, "NAME:PASSWORD": the second half is a secret,
   unless it only names a file. */
static void put_secret(struct buf *out, struct span value)
{
    const size_t colon = span_find_char(value, ':');
    const struct span rest =
        colon < value.len ? span_from(value, colon + 1) : (struct span){0};
    if (colon == value.len || (rest.len > 0 && rest.p[0] == '@')) {
        buf_span(out, value);
        return;
    }
    buf_span(out, span_first(value, colon));
    buf_str(out, ":...");
}

static bool is_secret_option(struct span word)
{
    return span_is(word, "--header") || span_is(word, "--user");
}

/* Letters of joined flags up to and with the H of "-kH"; 0 when there is none.
 */
static size_t header_letter(struct span word)
{
    if (word.len < 2 || word.p[0] != '-' || word.p[1] == '-') {
        return 0;
    }
    const size_t at = span_find_char(word, 'H');
    return at < word.len ? at + 1 : 0;
}

/* Is the word behind this one the value of a secret? */
static bool takes_secret(struct span word)
{
    return is_secret_option(word) ||
           (word.len > 0 && header_letter(word) == word.len);
}

static void put_word(struct buf *out, struct span word, bool is_secret,
                     struct buf *scratch)
{
    const size_t equals = span_find_char(word, '=');
    const size_t letter = header_letter(word);
    scratch->len = 0;
    if (is_secret) {
        put_secret(scratch, word);
    } else if (equals < word.len &&
               is_secret_option(span_first(word, equals))) {
        buf_span(scratch, span_first(word, equals + 1));
        put_secret(scratch, span_from(word, equals + 1));
    } else if (letter > 0) {
        buf_span(scratch, span_first(word, letter));
        put_secret(scratch, span_from(word, letter));
    } else if (span_has(word, "://")) {
        url_shown(word.p, scratch);
    } else {
        buf_span(scratch, word);
    }
    put_quoted(out, buf_view(scratch));
}

const char *reproduce_line(const struct session *s)
{
    struct buf text = BUF_LIMIT(64 << 10);
    struct buf scratch = BUF_LIMIT(64 << 10);
    buf_str(&text, "seep");
    bool is_secret = false;
    for (int i = 1; i < s->argc; i++) {
        const struct span word = span_of(s->argv[i]);
        buf_char(&text, ' ');
        put_word(&text, word, is_secret, &scratch);
        is_secret = !is_secret && takes_secret(word);
    }
    const char *out = buf_ok(&text) && buf_ok(&scratch)
                          ? arena_strdup(s->arena, buf_view(&text))
                          : NULL;
    buf_release(&scratch);
    buf_release(&text);
    return out;
}
