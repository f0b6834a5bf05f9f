/*
 * What content that is no profile looks like, so that the message names the
 * usual accidents: an error page saved as a profile, a binary, a log.
 */
#include "input/format_private.h"

#include <string.h>

struct look {
    const char *magic;
    size_t n;
    size_t at;
    const char *text;
};

#define LOOK(magic, at, text)                                                  \
    {                                                                          \
        (magic), sizeof(magic) - 1, (at), (text)                               \
    }

static const struct look looks[] = {
    LOOK("\x7f"
         "ELF",
         0, "an ELF binary"),
    LOOK("MZ", 0, "a Windows binary"),
    LOOK("\xcf\xfa\xed\xfe", 0, "a Mach-O binary"),
    LOOK("go 1.", 0, "a Go execution trace"),
    LOOK("PERFILE2", 0, "a perf.data file"),
    LOOK("JAVA PROFILE", 0, "a Java heap dump"),
    LOOK("SQLite format 3", 0, "an SQLite database"),
    LOOK("\x1f\x8b", 0, "gzip again"),
    LOOK("\x28\xb5\x2f\xfd", 0, "zstd again"),
    LOOK("\xfd"
         "7zXZ",
         0, "an xz archive"),
    LOOK("BZh", 0, "a bzip2 archive"),
    LOOK("PK\x03\x04", 0, "a zip archive"),
    LOOK("ustar", 257, "a tar archive"),
    LOOK("%PDF", 0, "a PDF document"),
    LOOK("\x89PNG", 0, "a PNG image"),
    LOOK("\x80\x03", 0, "a Python pickle"),
    LOOK("\x80\x04", 0, "a Python pickle"),
    LOOK("\x80\x05", 0, "a Python pickle"),
};

bool input_is_text(struct span head)
{
    for (size_t i = 0; i < head.len; i++) {
        const unsigned char c = (unsigned char)head.p[i];
        const bool is_layout =
            c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == 0x1b;
        if ((c < 0x20 && !is_layout) || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* `prefix` in lower case. */
static bool starts_in_any_case(struct span text, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (text.len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(text.p[i]) != prefix[i]) {
            return false;
        }
    }
    return true;
}

static bool is_all_zero(struct span head)
{
    for (size_t i = 0; i < head.len; i++) {
        if (head.p[i] != '\0') {
            return false;
        }
    }
    return true;
}

static const char *binary_look(struct span head)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        const struct look *look = &looks[i];
        if (head.len >= look->at + look->n &&
            memcmp(head.p + look->at, look->magic, look->n) == 0) {
            return look->text;
        }
    }
    if (is_all_zero(head)) {
        return "zero bytes";
    }
    return input_is_text(head) ? NULL : "unknown binary data";
}

static struct span skip_blank(struct span text)
{
    size_t i = 0;
    while (i < text.len && (text.p[i] == ' ' || text.p[i] == '\n' ||
                            text.p[i] == '\t' || text.p[i] == '\r')) {
        i++;
    }
    return span_from(text, i);
}

/* Does `text` have `word`, which is in lower case? */
static bool has_in_any_case(struct span text, const char *word)
{
    for (size_t i = 0; i < text.len; i++) {
        if (starts_in_any_case(span_from(text, i), word)) {
            return true;
        }
    }
    return false;
}

static bool starts_with_one_of(struct span text, const char *const *prefixes,
                               size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (starts_in_any_case(text, prefixes[i])) {
            return true;
        }
    }
    return false;
}

#define STARTS_WITH_ONE_OF(text, prefixes)                                     \
    starts_with_one_of((text), (prefixes),                                     \
                       sizeof(prefixes) / sizeof((prefixes)[0]))

static bool is_html(struct span text)
{
    static const char *const tags[] = {"<!doctype html", "<html",  "<head",
                                       "<body",          "<title", "<meta",
                                       "<script"};
    /* Pages of an older time begin as XML does. */
    return STARTS_WITH_ONE_OF(text, tags) ||
           (starts_in_any_case(text, "<?xml") &&
            has_in_any_case(text, "<html")) ||
           (span_starts(text, "<!--") && has_in_any_case(text, "<html"));
}

/* A page that asks who we are stands where the profile should. */
static const char *html_look(struct span text)
{
    static const char *const fields[] = {"type=\"password\"", "type=password",
                                         "type='password'"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (has_in_any_case(text, fields[i])) {
            return "a login page";
        }
    }
    return span_has(text, "<title>/debug/pprof/</title>")
               ? "the index page of net/http/pprof"
               : "an HTML page";
}

/* "[" alone begins lines of logs as well. */
static bool is_json(struct span text)
{
    if (span_starts(text, "{")) {
        return true;
    }
    const struct span inner = skip_blank(span_from(text, 1));
    return span_starts(text, "[") && inner.len > 0 &&
           strchr("{[\"]", inner.p[0]) != NULL;
}

/* "<a": a tag, not a comparison. */
static bool is_tag(struct span text)
{
    const int c = text.len > 1 ? lower(text.p[1]) : 0;
    return span_starts(text, "<?xml") || span_starts(text, "<!--") ||
           (span_starts(text, "<") && c >= 'a' && c <= 'z');
}

static const char *text_look(struct span text)
{
    if (is_html(text)) {
        return html_look(text);
    }
    if (is_json(text)) {
        return "JSON";
    }
    if (is_tag(text)) {
        return "XML";
    }
    return span_starts(text, "# HELP ") || span_starts(text, "# TYPE ")
               ? "metrics of Prometheus"
               : NULL;
}

/* What net/http/pprof says instead of a profile. */
static bool is_pprof_error(struct span text)
{
    static const char *const beginnings[] = {
        "unknown profile",
        "could not enable cpu profiling",
        "could not enable tracing",
        "profile duration exceeds server's writetimeout",
        "invalid value for \"seconds\"",
        "\"seconds\" parameter is not supported",
        "seconds and debug params are incompatible",
        "failed to collect profile",
        "failed to compute delta",
    };
    return STARTS_WITH_ONE_OF(text, beginnings);
}

/* The first line, cut to what fits a message, without control characters. */
static struct span first_words(struct span text)
{
    enum { WORDS_MAX = 60 };
    size_t n = 0;
    while (n < text.len && n < WORDS_MAX && (unsigned char)text.p[n] >= 0x20) {
        n++;
    }
    /* Not through the middle of a character. */
    while (n > 0 && n < text.len && ((unsigned char)text.p[n] & 0xc0) == 0x80) {
        n--;
    }
    return span_first(text, n);
}

bool input_set_unknown(struct span head, const char *wrapper, struct err *err)
{
    const char *const outer = wrapper ? wrapper : "";
    const char *const of = wrapper ? " of " : "";
    const bool has_mark = span_starts(head, "\xef\xbb\xbf");
    const struct span text = skip_blank(span_from(head, has_mark ? 3 : 0));
    const char *look = head.len == 0 ? "no bytes at all" : binary_look(head);
    if (!look) {
        look = text.len == 0 ? "blank lines" : text_look(text);
    }
    if (look) {
        return err_set_at(err, ERR_UNKNOWN, 0, "not a profile: %s%s%s", outer,
                          of, look);
    }
    const struct span words = first_words(text);
    return err_set_at(err, ERR_UNKNOWN, 0, "not a profile: %s%s%s \"%.*s\"",
                      outer, of,
                      is_pprof_error(text) ? "an error of net/http/pprof,"
                                           : "text that begins",
                      (int)words.len, words.p);
}
