/*
 * Where results go: `--format F [-o FILE]`, as often as wanted. Everything is
 * rendered before anything is written; a file appears whole (written beside
 * its place, synced, renamed) or not at all.
 */
#ifndef SEEP_CMD_OUTPUT_H
#define SEEP_CMD_OUTPUT_H

#include "base/buf.h"
#include "cmd.h"
#include "report/report.h"

enum { OUTPUTS_MAX = 16 };

struct output {
    const char *format; /* NULL = by the end of path, else text */
    const char *path;   /* NULL = stdout */
};

/* Field of the options that the two rows fill. Zero is "text on stdout". */
struct outputs {
    struct output items[OUTPUTS_MAX];
    size_t n;
};

/* By its word, else by the end of the file's name. */
const char *output_format(const struct output *o);

bool output_apply_format(void *field, const char *text, struct arena *arena,
                         struct err *err);
bool output_apply_file(void *field, const char *text, struct arena *arena,
                       struct err *err);

/* clang-format off */
/* `words` says which formats there are: .choices = or .offers = */
#define OUTPUT_ROWS(type, field, formats, words)                               \
    {.name = "format", .arg = "F", .kind = OPTION_CALL,                        \
     .offset = offsetof(type, field), .apply = output_apply_format, words,     \
     .help = formats "; repeat with -o for several at once"},                  \
    {.name = "output", .short_name = 'o', .arg = "FILE", .kind = OPTION_CALL,  \
     .offset = offsetof(type, field), .apply = output_apply_file,              \
     .help = "write the format before it to FILE"}
/* clang-format on */

/* The forms of reports, for help. */
#define REPORT_FORMATS                                                         \
    "text, json, ndjson, markdown, sarif, github, gitlab, junit or csv "       \
    "(default text)"

/* The same for completion, and those that have tables. */
bool output_offer_report(size_t i, struct option_offer *out);
bool output_offer_tables(size_t i, struct option_offer *out);

/* How a command turns one format's name into bytes. */
typedef bool (*output_render)(const void *what, const char *format,
                              const struct session *s, bool to_stdout,
                              struct buf *out, struct err *err);

/* Are all formats in `names`, and is at most one of them for stdout? Ask
   before the work is done. */
bool outputs_check(const struct outputs *o, const char *const *names, size_t n,
                   struct err *err) MUST_USE;

/* The same against the renderers of reports. */
bool outputs_check_report(const struct outputs *o, struct err *err) MUST_USE;
/* What has tables and no findings: a format of findings would say that nothing
   was found. */
bool outputs_check_tables(const struct outputs *o, struct err *err) MUST_USE;

/* Renders and writes all of them. */
bool outputs_write(const struct outputs *o, const struct session *s,
                   output_render render, const void *what,
                   struct err *err) MUST_USE;
bool outputs_write_report(const struct outputs *o, const struct session *s,
                          const struct report *report,
                          struct err *err) MUST_USE;

#endif
