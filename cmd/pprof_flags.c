/* One table of formats, one of flags; the parser knows no flag by name. */
#include "pprof_flags.h"

#include "options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct pprof_flags, field)

#define NO_VIEWER                                                              \
    "seep starts no viewers: write a picture with -svg, or a graph with "      \
    "-callgrind, and open that"
#define NO_CODE "is not supported: seep reads no machine code; try -list"

static const char *const forms[] = {"text", "json", "csv", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};
static const char *const units[] = {"minimum", "auto", NULL};

/* clang-format off */
static const struct pprof_format formats[] = {
    {.name = "top", .report = "top", .adds_up = true, .is_whole = true, .help = "the heaviest nodes as a table (default)"},
    {.name = "text", .report = "text", .adds_up = true, .is_whole = true, .help = "the same"},
    {.name = "tree", .report = "tree", .adds_up = true, .help = "each node between its callers and callees"},
    {.name = "peek", .report = "peek", .adds_up = true, .arg = "REGEXP", .is_untrimmed = true,
     .help = "the same, of the functions that match"},
    {.name = "list", .report = "list", .adds_up = true, .arg = "REGEXP", .is_untrimmed = true, .granularity = GRANULARITY_LINES,
     .help = "annotated source of the functions that match"},
    {.name = "traces", .report = "traces", .help = "every sample with its stack"},
    {.name = "tags", .report = "tags", .help = "labels, with the sum of each value"},
    {.name = "comments", .report = "comments", .help = "comments in the profile"},
    {.name = "raw", .report = "raw", .is_untrimmed = true, .granularity = GRANULARITY_ADDRESSES,
     .help = "everything in the profile, as text"},
    {.name = "dot", .report = "dot", .adds_up = true, .help = "the call graph for Graphviz"},
    {.name = "svg", .report = "dot", .adds_up = true, .picture = "svg", .ending = "svg",
     .help = "a picture to pan and zoom in a browser (by Graphviz, like the next four)"},
    {.name = "png", .report = "dot", .adds_up = true, .picture = "png", .ending = "png", .help = "a picture"},
    {.name = "gif", .report = "dot", .adds_up = true, .picture = "gif", .ending = "gif", .help = "a picture"},
    {.name = "pdf", .report = "dot", .adds_up = true, .picture = "pdf", .ending = "pdf", .help = "a page"},
    {.name = "ps", .report = "dot", .adds_up = true, .picture = "ps", .ending = "ps", .help = "a page"},
    {.name = "callgrind", .report = "callgrind", .adds_up = true, .ending = "callgraph.out", .is_untrimmed = true,
     .granularity = GRANULARITY_ADDRESSES, .help = "for KCachegrind"},
    {.name = "proto", .report = "proto", .ending = "pb.gz", .is_gzipped = true, .is_untrimmed = true,
     .granularity = GRANULARITY_ADDRESSES, .help = "a profile again: merged, filtered, subtracted"},
    {.name = "topproto", .report = "topproto", .adds_up = true, .ending = "pb.gz", .is_gzipped = true, .is_whole = true,
     .help = "the rows of -top as a profile"},
    {.name = "disasm", .arg = "REGEXP", .refusal = "-disasm " NO_CODE, .help = "not supported"},
    {.name = "weblist", .arg = "REGEXP", .refusal = "-weblist " NO_CODE, .help = "not supported"},
    {.name = "web", .refusal = "-web: " NO_VIEWER, .help = "not supported, like the next four"},
    {.name = "eog", .refusal = "-eog: " NO_VIEWER, .help = "see -svg"},
    {.name = "evince", .refusal = "-evince: " NO_VIEWER, .help = "see -pdf"},
    {.name = "gv", .refusal = "-gv: " NO_VIEWER, .help = "see -ps"},
    {.name = "kcachegrind", .refusal = "-kcachegrind: " NO_VIEWER, .help = "see -callgrind"},
};

static const struct pprof_flag flags[] = {
    {"sample_index", "TYPE", "which value, by name or from 0 (default: the profile's)", AT(sample_index), PPROF_TEXT, PPROF_VIEW, NULL, NULL},
    {"unit", "UNIT", "of all values; minimum: one that suits them all (default), auto: each its own", AT(unit), PPROF_TEXT, PPROF_VIEW, NULL, units},
    {"nodecount", "N", "nodes at most (default 80; all for -top; 0 = all)", AT(nodecount), PPROF_INT, PPROF_VIEW, NULL, NULL},
    {"nodefraction", "F", "no nodes below this part of the total (default 0.005)", AT(nodefraction), PPROF_FLOAT, PPROF_VIEW, NULL, NULL},
    {"edgefraction", "F", "no edges below this part (default 0.001)", AT(edgefraction), PPROF_FLOAT, PPROF_VIEW, NULL, NULL},
    {"trim", NULL, "-trim=false lifts the three limits (default true)", AT(trim), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"drop_negative", NULL, "no nodes that shrank", AT(drop_negative), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"relative_percentages", NULL, "of what the filters leave", AT(relative_percentages), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"call_tree", NULL, "a node for every path (-dot, pictures, -callgrind)", AT(call_tree), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"mean", NULL, "values over those of the first type", AT(has_mean), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"divide_by", "F", "values over F (default 1)", AT(divide_by), PPROF_FLOAT, PPROF_VIEW, NULL, NULL},
    {"compact_labels", NULL, "less above the table", AT(compact_labels), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"source_path", "PATHS", "where -list looks for sources (default: here and above)", AT(source_path), PPROF_TEXT, PPROF_VIEW, NULL, NULL},
    {"trim_path", "PATHS", "cut off the front of source files' names", AT(trim_path), PPROF_TEXT, PPROF_VIEW, NULL, NULL},
    {"intel_syntax", NULL, "accepted; for -disasm", AT(intel_syntax), PPROF_BOOL, PPROF_VIEW, NULL, NULL},
    {"output", "FILE", "write the report to FILE", AT(output), PPROF_TEXT, PPROF_VIEW, NULL, NULL},

    {"focus", "REGEXP", "samples through a function, file or binary", AT(focus), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"ignore", "REGEXP", "no samples through one", AT(ignore), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"hide", "REGEXP", "leave out these frames", AT(hide), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"show", "REGEXP", "these frames alone", AT(show), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"show_from", "REGEXP", "no callers of the outermost match", AT(show_from), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"prune_from", "REGEXP", "no callees of the innermost match", AT(prune_from), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"tagfocus", "TAGS", "samples with labels: [key=]value, a range like 1kb:1mb, or REGEXPs by comma", AT(tagfocus), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"tagignore", "TAGS", "samples without", AT(tagignore), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"tagshow", "REGEXP", "labels with these keys alone", AT(tagshow), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"taghide", "REGEXP", "labels without", AT(taghide), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"tagroot", "KEYS", "values of labels as frames at the root", AT(tagroot), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"tagleaf", "KEYS", "the same at the leaf", AT(tagleaf), PPROF_TEXT, PPROF_FILTER, NULL, NULL},
    {"all_frames", NULL, "keep the frames the profile says to drop (pprof has it since 2026)", AT(all_frames), PPROF_BOOL, PPROF_FILTER, NULL, NULL},

    {"cum", NULL, "by what a node and its callees take", AT(cum), PPROF_BOOL, PPROF_SORT, NULL, NULL},
    {"flat", NULL, "by what it takes itself (default)", AT(flat), PPROF_BOOL, PPROF_SORT, NULL, NULL},

    {"functions", NULL, "a node is a function (default)", AT(granularities[GRANULARITY_FUNCTIONS]), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"filefunctions", NULL, "a function of a file", AT(granularities[GRANULARITY_FILEFUNCTIONS]), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"files", NULL, "a file", AT(granularities[GRANULARITY_FILES]), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"lines", NULL, "a line", AT(granularities[GRANULARITY_LINES]), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"addresses", NULL, "an address", AT(granularities[GRANULARITY_ADDRESSES]), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"noinlines", NULL, "and inlined calls are their caller's (with any)", AT(noinlines), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},
    {"showcolumns", NULL, "and columns count (with -lines)", AT(showcolumns), PPROF_BOOL, PPROF_GRANULARITY, NULL, NULL},

    {"base", "SOURCE", "subtract this profile", AT(base), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"diff_base", "SOURCE", "the same, and percentages are of it", AT(diff_base), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"normalize", NULL, "scale to the base first", AT(normalize), PPROF_BOOL, PPROF_SOURCE, NULL, NULL},
    {"seconds", "N", "ask a URL for a profile of N seconds", AT(seconds), PPROF_INT, PPROF_SOURCE, NULL, NULL},
    {"timeout", "N", "seconds to wait for a URL (default 60, or 1.5 times those asked for), and 5 more", AT(timeout), PPROF_INT, PPROF_SOURCE, NULL, NULL},
    {"buildid", "ID", "of the program, where the profile says none", AT(buildid), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"add_comment", "TEXT", "one more comment", AT(add_comment), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"symbolize", "MODE", "none, or force and demangle=none|full|templates|default, joined by colons; seep only demangles", AT(symbolize), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"tls_cert", "FILE", "certificate to fetch with", AT(tls_cert), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"tls_key", "FILE", "its key", AT(tls_key), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"tls_ca", "FILE", "certificates to trust", AT(tls_ca), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"tools", "PATH", "accepted; seep needs none", AT(tools), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"http", "HOST:PORT", "refused: seep serves no pages", AT(http), PPROF_TEXT, PPROF_SOURCE, NULL, NULL},
    {"no_browser", NULL, "for -http", AT(no_browser), PPROF_BOOL, PPROF_SOURCE, NULL, NULL},

    /* In the order in which the first one wins. */
    {"total_delay", NULL, "-sample_index=delay", AT(total_delay), PPROF_BOOL, PPROF_SAMPLE, "delay", NULL},
    {"mean_delay", NULL, "-mean -sample_index=delay", AT(mean_delay), PPROF_BOOL, PPROF_SAMPLE, "delay", NULL},
    {"contentions", NULL, "-sample_index=contentions", AT(contentions), PPROF_BOOL, PPROF_SAMPLE, "contentions", NULL},
    {"inuse_space", NULL, "-sample_index=inuse_space", AT(inuse_space), PPROF_BOOL, PPROF_SAMPLE, "inuse_space", NULL},
    {"inuse_objects", NULL, "-sample_index=inuse_objects", AT(inuse_objects), PPROF_BOOL, PPROF_SAMPLE, "inuse_objects", NULL},
    {"alloc_space", NULL, "-sample_index=alloc_space", AT(alloc_space), PPROF_BOOL, PPROF_SAMPLE, "alloc_space", NULL},
    {"alloc_objects", NULL, "-sample_index=alloc_objects", AT(alloc_objects), PPROF_BOOL, PPROF_SAMPLE, "alloc_objects", NULL},

    {"format", "F", "of -top: text, json or csv (default text)", AT(form), PPROF_TEXT, PPROF_OWN, NULL, forms},
    {"quiet", NULL, "no warnings on stderr", AT(quiet), PPROF_BOOL, PPROF_OWN, NULL, NULL},
    {"verbose", NULL, "accepted", AT(verbose), PPROF_BOOL, PPROF_OWN, NULL, NULL},
    {"color", "WHEN", "accepted; reports have none", AT(color), PPROF_TEXT, PPROF_OWN, NULL, colors},
    {"help", NULL, "this text; -h too", AT(help), PPROF_BOOL, PPROF_OWN, NULL, NULL},
};
/* clang-format on */

enum {
    N_FORMATS = sizeof(formats) / sizeof(formats[0]),
    N_FLAGS = sizeof(flags) / sizeof(flags[0])
};

static_assert(sizeof(formats) / sizeof(formats[0]) <= (size_t)PPROF_FORMATS_MAX,
              "a place for every format");

const struct pprof_format *pprof_formats(size_t *n)
{
    *n = N_FORMATS;
    return formats;
}

const struct pprof_flag *pprof_flag_rows(size_t *n)
{
    *n = N_FLAGS;
    return flags;
}

void pprof_flags_defaults(struct pprof_flags *f)
{
    *f = (struct pprof_flags){.unit = "minimum",
                              .divide_by = 1,
                              .nodecount = -1,
                              .nodefraction = 0.005,
                              .edgefraction = 0.001,
                              .trim = true,
                              .seconds = -1,
                              .timeout = -1};
}

/* --- values, as Go's strconv reads them --- */

enum value_fault { VALUE_FINE, VALUE_WRONG, VALUE_TOO_BIG };

static enum value_fault read_bool(struct span text, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (span_is(text, yes[i]) || span_is(text, no[i])) {
            *out = span_is(text, yes[i]);
            return VALUE_FINE;
        }
    }
    return VALUE_WRONG;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    return is_alnum(c) ? (unsigned)((c | 0x20) - 'a' + 10) : 99;
}

/* Cuts "0x", "0o", "0b" or a plain "0" off the front. */
static unsigned take_base(struct span *s)
{
    if (s->len < 2 || s->p[0] != '0') {
        return 10;
    }
    const char letter = (char)(s->p[1] | 0x20);
    const unsigned base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    *s = span_from(*s, base != 8 || letter == 'o' ? 2 : 1);
    return base;
}

/* Digits with single underscores between them or behind the base. */
static enum value_fault read_digits(const char *start, struct span s,
                                    unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    bool is_big = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '_') {
            if (s.p + i == start || !is_alnum(s.p[i - 1]) || i + 1 == s.len ||
                !is_alnum(s.p[i + 1])) {
                return VALUE_WRONG;
            }
            continue;
        }
        const unsigned digit = digit_value(s.p[i]);
        if (digit >= base) {
            return VALUE_WRONG;
        }
        is_big = is_big || v > (UINT64_MAX - digit) / base;
        v = v * base + digit;
    }
    *out = v;
    return is_big ? VALUE_TOO_BIG : VALUE_FINE;
}

static enum value_fault read_int(struct span text, int64_t *out)
{
    const bool is_negative = text.len > 0 && text.p[0] == '-';
    if (is_negative || (text.len > 0 && text.p[0] == '+')) {
        text = span_from(text, 1);
    }
    const char *start = text.p;
    const unsigned base = take_base(&text);
    uint64_t v = 0;
    if (text.len == 0) {
        return VALUE_WRONG;
    }
    const enum value_fault fault = read_digits(start, text, base, &v);
    if (fault != VALUE_FINE) {
        return fault;
    }
    const uint64_t most = (uint64_t)INT64_MAX + is_negative;
    if (v > most) {
        return VALUE_TOO_BIG;
    }
    *out = is_negative ? (int64_t)(0 - v) : (int64_t)v;
    return VALUE_FINE;
}

/* Copies `text` without the underscores that stand between digits, or behind
   "0x"; false when one stands elsewhere. */
static bool drop_underscores(struct span text, char *out)
{
    const bool is_hex = span_find(text, "0x") < 2 || span_find(text, "0X") < 2;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '_') {
            *out++ = text.p[i];
            continue;
        }
        const unsigned base = is_hex ? 16 : 10;
        const bool is_behind_digit =
            i > 0 && (digit_value(text.p[i - 1]) < base ||
                      (is_hex && (text.p[i - 1] | 0x20) == 'x'));
        if (!is_behind_digit || i + 1 == text.len ||
            digit_value(text.p[i + 1]) >= base) {
            return false;
        }
    }
    *out = '\0';
    return true;
}

/* strtod() rounds as Go does: a cut at a fraction of the total must not be off
   by one. The program never leaves the C locale. */
static enum value_fault read_float(struct span text, double *out)
{
    char copy[128];
    if (text.len == 0 || text.len >= sizeof(copy) ||
        (!is_alnum(text.p[0]) && strchr("+-.", text.p[0]) == NULL) ||
        memchr(text.p, '(', text.len) != NULL ||
        !drop_underscores(text, copy)) {
        return VALUE_WRONG;
    }
    char *end = NULL;
    errno = 0;
    const double v = strtod(copy, &end);
    if (*end != '\0') {
        return VALUE_WRONG;
    }
    if (errno == ERANGE && (v > 1 || v < -1)) {
        return VALUE_TOO_BIG;
    }
    *out = v;
    return VALUE_FINE;
}

/* --- the walk over the words --- */

static const struct pprof_flag *find_flag(struct span name)
{
    if (span_is(name, "h")) {
        name = SPAN_LIT("help");
    }
    for (size_t i = 0; i < N_FLAGS; i++) {
        if (span_is(name, flags[i].name)) {
            return &flags[i];
        }
    }
    return NULL;
}

static size_t find_format(struct span name)
{
    size_t i = 0;
    while (i < N_FORMATS && !span_is(name, formats[i].name)) {
        i++;
    }
    return i;
}

/* "-flag=value", taken apart. */
struct word {
    struct span name, value;
    bool has_value;
};

static bool take_apart(const char *text, struct word *out, struct err *err)
{
    const struct span name = span_from(span_of(text), text[1] == '-' ? 2 : 1);
    if (name.len == 0 || name.p[0] == '-' || name.p[0] == '=') {
        return err_set(err, ERR_USAGE, "bad flag syntax: %.160s", text);
    }
    const size_t equals = span_find_char(name, '=');
    out->name = span_first(name, equals);
    out->value = span_from(name, equals + 1);
    out->has_value = equals < name.len;
    return true;
}

bool pprof_flag_exists(const char *word)
{
    struct err ignored = {0};
    struct word w;
    return word[0] == '-' && word[1] != '\0' && strcmp(word, "--") != 0 &&
           take_apart(word, &w, &ignored) &&
           (find_flag(w.name) != NULL || find_format(w.name) < N_FORMATS);
}

/* What people look for under other names. */
static const struct {
    const char *word, *hint;
} hints[] = {
    {"sort",       "-cum or -flat"               },
    {"folded",     "seep convert --to folded"    },
    {"flame",      "seep convert --to speedscope"},
    {"flamegraph", "seep convert --to speedscope"},
    {"json",       "-top -format json"           },
    {"csv",        "-top -format csv"            },
    {"o",          "-output"                     },
    {"q",          "-quiet"                      },
    {"version",    "seep --version"              },
};

static const char *hint_for(const char *word)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strcmp(word, hints[i].word) == 0) {
            return hints[i].hint;
        }
    }
    return NULL;
}

static bool unknown_flag(struct span name, struct err *err)
{
    const char *names[N_FORMATS + N_FLAGS];
    char word[64];
    for (size_t i = 0; i < N_FORMATS; i++) {
        names[i] = formats[i].name;
    }
    for (size_t i = 0; i < N_FLAGS; i++) {
        names[N_FORMATS + i] = flags[i].name;
    }
    const size_t n = name.len < sizeof(word) ? name.len : sizeof(word) - 1;
    memcpy(word, name.p, n);
    word[n] = '\0';
    const char *hint = hint_for(word);
    if (hint != NULL) {
        return err_set(err, ERR_USAGE,
                       "flag provided but not defined: -%s; there is %s", word,
                       hint);
    }
    const char *nearest = words_nearest(word, names, N_FORMATS + N_FLAGS);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE,
                       "flag provided but not defined: -%s; did you mean -%s?",
                       word, nearest);
    }
    return err_set(err, ERR_USAGE,
                   "flag provided but not defined: -%s; "
                   "seep pprof -help lists them",
                   word);
}

static bool check_value(const struct word *w, bool is_bool,
                        enum value_fault fault, struct err *err)
{
    if (fault == VALUE_FINE) {
        return true;
    }
    const char *why =
        fault == VALUE_TOO_BIG ? "value out of range" : "parse error";
    return err_set(err, ERR_USAGE, "invalid %s \"%.*s\" for %s-%.*s: %s",
                   is_bool ? "boolean value" : "value",
                   (int)(w->value.len < 80 ? w->value.len : 80), w->value.p,
                   is_bool ? "" : "flag ", (int)w->name.len, w->name.p, why);
}

static bool set_bool(const struct word *w, bool *field, struct err *err)
{
    if (!w->has_value) {
        *field = true;
        return true;
    }
    return check_value(w, true, read_bool(w->value, field), err);
}

static bool set_flag(struct pprof_flags *f, const struct pprof_flag *row,
                     const struct word *w, struct err *err)
{
    char *field = (char *)f + row->offset;
    switch (row->kind) {
    case PPROF_BOOL:
        return set_bool(w, (bool *)(void *)field, err);
    case PPROF_INT:
        return check_value(w, false,
                           read_int(w->value, (int64_t *)(void *)field), err);
    case PPROF_FLOAT:
        return check_value(w, false,
                           read_float(w->value, (double *)(void *)field), err);
    case PPROF_TEXT:
        /* A value is what is left of a word of argv. */
        *(const char **)(void *)field = w->value.p;
        return true;
    }
    return false;
}

/* What the next word is taken for, when it is needed. */
static bool need_value(struct word *w, int argc, const char *const *argv,
                       int *at, struct err *err)
{
    if (w->has_value) {
        return true;
    }
    if (*at + 1 >= argc) {
        return err_set(err, ERR_USAGE, "flag needs an argument: -%.*s",
                       (int)w->name.len, w->name.p);
    }
    *at += 1;
    w->value = span_of(argv[*at]);
    w->has_value = true;
    return true;
}

static bool parse_one(struct pprof_flags *f, int argc, const char *const *argv,
                      int *at, struct err *err)
{
    struct word w = {0};
    if (!take_apart(argv[*at], &w, err)) {
        return false;
    }
    const size_t format = find_format(w.name);
    const struct pprof_flag *row = find_flag(w.name);
    if (format == N_FORMATS && row == NULL) {
        return unknown_flag(w.name, err);
    }
    const bool is_bool =
        row != NULL ? row->kind == PPROF_BOOL : formats[format].arg == NULL;
    if (!is_bool && !need_value(&w, argc, argv, at, err)) {
        return false;
    }
    if (row != NULL) {
        return set_flag(f, row, &w, err);
    }
    if (is_bool) {
        return set_bool(&w, &f->is_asked[format], err);
    }
    f->is_asked[format] = w.value.len > 0;
    f->argument[format] = w.value.p;
    return true;
}

bool pprof_flags_parse(struct pprof_flags *f, int argc, const char *const *argv,
                       int *first, struct err *err)
{
    int at = 0;
    for (; at < argc && !f->help; at++) {
        const char *word = argv[at];
        if (word[0] != '-' || word[1] == '\0') {
            break;
        }
        if (strcmp(word, "--") == 0) {
            at++;
            break;
        }
        if (!parse_one(f, argc, argv, &at, err)) {
            return false;
        }
    }
    *first = at;
    return true;
}

/* --- what they mean together --- */

static bool at_most_one_of(const struct pprof_flags *f, enum pprof_group group,
                           struct err *err)
{
    char set[ERR_TEXT_MAX] = "";
    size_t len = 0;
    size_t n = 0;
    for (size_t i = 0; i < N_FLAGS; i++) {
        const bool *field =
            (const bool *)(const void *)((const char *)f + flags[i].offset);
        /* -noinlines and -showcolumns go with any. */
        if (flags[i].group != group || !*field || field == &f->noinlines ||
            field == &f->showcolumns) {
            continue;
        }
        const size_t name = strlen(flags[i].name);
        if (len + name + 2 < sizeof(set)) {
            set[len] = ' ';
            memcpy(set + len + (n > 0), flags[i].name, name + 1);
            len += name + (n > 0);
        }
        n++;
    }
    return n < 2 ||
           err_set(err, ERR_USAGE, "conflicting options set: [%s]", set);
}

static bool choose_format(struct pprof_flags *f, struct err *err)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (!f->is_asked[i]) {
            continue;
        }
        if (f->format != NULL) {
            return err_set(err, ERR_USAGE,
                           "must set at most one output format");
        }
        f->format = &formats[i];
        f->symbol = f->argument[i];
    }
    return true;
}

static bool check_http(const struct pprof_flags *f, struct err *err)
{
    const bool has_http = f->http != NULL && *f->http != '\0';
    if (f->no_browser && !has_http) {
        return err_set(err, ERR_USAGE,
                       "-no_browser only makes sense with "
                       "-http");
    }
    return !has_http ||
           err_set(err, ERR_USAGE,
                   "-http: seep serves no pages; use -svg, seep convert, or "
                   "go tool pprof -http");
}

static void choose_sample_type(struct pprof_flags *f, struct buf *notes)
{
    for (size_t i = 0; i < N_FLAGS; i++) {
        const struct pprof_flag *row = &flags[i];
        const bool *field =
            (const bool *)(const void *)((const char *)f + row->offset);
        if (row->group != PPROF_SAMPLE || !*field) {
            continue;
        }
        if (f->sample_index != NULL && *f->sample_index != '\0') {
            buf_printf(notes, "Multiple value selections, ignoring -%s\n",
                       row->name);
        } else {
            f->sample_index = row->sample_type;
        }
    }
    f->has_mean |= f->mean_delay;
}

/* An empty text is as good as none. */
static void forget_empty(const char **text)
{
    if (*text != NULL && **text == '\0') {
        *text = NULL;
    }
}

static bool check_bases(struct pprof_flags *f, struct err *err)
{
    forget_empty(&f->base);
    forget_empty(&f->diff_base);
    if (f->base != NULL && f->diff_base != NULL) {
        return err_set(err, ERR_USAGE,
                       "-base and -diff_base flags cannot both be specified");
    }
    if (f->normalize && f->base == NULL && f->diff_base == NULL) {
        return err_set(err, ERR_USAGE,
                       "must have base profile to normalize "
                       "by");
    }
    return true;
}

static bool check_form(struct pprof_flags *f, struct err *err)
{
    const bool is_top = f->format == NULL ||
                        strcmp(f->format->name, "top") == 0 ||
                        strcmp(f->format->name, "text") == 0;
    size_t i = 0;
    if (f->form == NULL) {
        return true;
    }
    while (forms[i] != NULL && strcmp(forms[i], f->form) != 0) {
        i++;
    }
    if (forms[i] == NULL) {
        return err_set(err, ERR_USAGE,
                       "-format: unknown format '%.80s'; there is: text json "
                       "csv (other formats have flags of their own)",
                       f->form);
    }
    if (i == 0) {
        f->form = NULL;
    } else if (!is_top) {
        return err_set(err, ERR_USAGE, "-format %s is for -top, not for -%s",
                       f->form, f->format->name);
    }
    return true;
}

bool pprof_flags_check_tls(const struct pprof_flags *f, struct err *err)
{
    const bool has_cert = f->tls_cert != NULL;
    const bool has_key = f->tls_key != NULL;
    return has_cert == has_key ||
           err_set(err, ERR_USAGE,
                   "-tls_%s is specified, so -tls_%s must also be specified",
                   has_key ? "key" : "cert", has_key ? "cert" : "key");
}

bool pprof_flags_settle(struct pprof_flags *f, struct buf *notes,
                        struct err *err)
{
    if (!at_most_one_of(f, PPROF_SORT, err) ||
        !at_most_one_of(f, PPROF_GRANULARITY, err) || !choose_format(f, err) ||
        !check_http(f, err) || !check_bases(f, err) || !check_form(f, err)) {
        return false;
    }
    forget_empty(&f->tls_cert);
    forget_empty(&f->tls_key);
    forget_empty(&f->tls_ca);
    for (int g = 0; g < N_GRANULARITIES; g++) {
        if (f->granularities[g]) {
            f->granularity = (enum pprof_granularity)g;
        }
    }
    choose_sample_type(f, notes);
    return f->format == NULL || f->format->refusal == NULL ||
           err_set(err, ERR_USAGE, "%s", f->format->refusal);
}
