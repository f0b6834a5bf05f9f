/*
 * Front header of report/: the document that is shown, and its renderers.
 * A renderer is one file render_<name>.c and one row RENDERER(<name>) in
 * renderers.def; it sees this struct only, never a profile.
 */
#ifndef SEEP_REPORT_REPORT_H
#define SEEP_REPORT_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "report/export.h"      /* IWYU pragma: export */
#include "report/heap_export.h" /* IWYU pragma: export */
#include "report/heap_report.h" /* IWYU pragma: export */
#include "report/plain.h"       /* IWYU pragma: export */
#include "report/pprof.h"       /* IWYU pragma: export */
#include "report/spark.h"       /* IWYU pragma: export */
#include "rules/rules.h"

/* A table with typed cells; the renderers decide what they look like. */
enum cell_type {
    CELL_TEXT,
    CELL_COUNT,
    CELL_MEAN, /* of counts, so that it is no whole number */
    CELL_BYTES,
    CELL_PERCENT, /* 12.5 is 12.5 % */
    CELL_RATIO
};

struct report_column {
    const char *key;   /* JSON / CSV name */
    const char *title; /* for people; "" when it is for programs only */
    enum cell_type type;
    bool is_signed; /* print + as well */
};

struct report_cell {
    const char *text; /* CELL_TEXT, or a word in place of a number: "new" */
    double number;    /* NAN = empty */
};

struct report_table {
    const char *key, *title;
    const struct report_column *columns;
    size_t n_columns;
    const struct report_cell *cells; /* row-major */
    size_t n_rows;
    size_t n_rows_left_out;
    /* In a terminal each row is a block: the first cell as its title, below
       it the other texts, labelled. */
    bool is_blocks;
};

struct report_label {
    const char *name, *value;
};

/* What fails the run, for forms that tell passed from failed. */
struct report_gate {
    enum grade fail_on; /* this grade and above */
    bool is_never;
    bool only_new; /* existing findings do not count */
};

struct report {
    const char *tool_version;
    const char *command;               /* "leaks", "diff" */
    const char *target;                /* NULL */
    const char *program;               /* where `about` does not say; NULL */
    const struct report_label *labels; /* of the target, sorted by name */
    size_t n_labels;
    const struct series_about *about;
    const struct series_input *inputs;
    size_t n_inputs;
    const struct findings *findings; /* NULL: nothing was judged */
    const char *const *summary;      /* said first, behind the verdict */
    size_t n_summary;
    const char *const *notes; /* of the series; findings has its own */
    size_t n_notes;
    const struct report_table *tables;
    size_t n_tables;
    const char *reproduce;  /* command line that gives this; NULL unknown */
    const char *go_version; /* "go1.23.5"; NULL unknown */
    const char *anchor; /* file of the repository that stands for what has no
                           place in it; NULL: go.mod */
    bool has_patch;     /* one was asked about, whether it touched or not */
    const struct report_gate *gate; /* NULL: growth and above, of any state */
    const char *undecided; /* why what does not fail is no pass; NULL: it is, or
                              the verdict says it */
};

struct render_options {
    bool color;       /* ANSI, text only */
    bool verbose;     /* text: info findings, all evidence */
    unsigned columns; /* width of the terminal; 0 = 80 */
    bool ascii;       /* no block characters (locale is not UTF-8) */
};

struct renderer {
    const char *name; /* --format NAME */
    const char *media_type;
    const char *summary;
    bool (*render)(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err);
};

const struct renderer *const *report_renderers(size_t *n);
const struct renderer *report_renderer_find(const char *name);

/* One finding of the findings document, in one line without a newline: for
   stores, events and commands. */
bool report_finding_json(const struct finding *f, struct buf *out,
                         struct err *err) MUST_USE;

#include "report/summary.h" /* IWYU pragma: export */

#endif
