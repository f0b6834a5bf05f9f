/*
 * The command line of `go tool pprof`, read as Go's flag package reads it:
 * one dash or two, `-flag value` or `-flag=value`, flags of truth only with
 * `=`, and nothing is a flag behind the first word that is none. Formats and
 * flags are rows, for the parser and for help.
 */
#ifndef SEEP_CMD_PPROF_FLAGS_H
#define SEEP_CMD_PPROF_FLAGS_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

enum pprof_granularity {
    GRANULARITY_UNSAID, /* functions */
    GRANULARITY_FUNCTIONS,
    GRANULARITY_FILEFUNCTIONS,
    GRANULARITY_FILES,
    GRANULARITY_LINES,
    GRANULARITY_ADDRESSES,
    N_GRANULARITIES
};

/* What one flag of a format asks for. */
struct pprof_format {
    const char *name; /* of the flag */
    const char *help;
    const char *arg;     /* "REGEXP", or NULL */
    const char *report;  /* of report/pprof.h that makes it */
    const char *refusal; /* instead of a report */
    const char *picture; /* dot -T */
    const char *ending;  /* of the file that a terminal is spared by */
    bool is_gzipped;
    bool is_untrimmed; /* nodecount and the fractions do not count */
    bool is_whole;     /* all nodes unless nodecount says a number */
    bool adds_up;      /* samples are only summed: equal ones may stand apart */
    enum pprof_granularity granularity; /* forced, unless UNSAID */
};

enum { PPROF_FORMATS_MAX = 32 };

struct pprof_flags {
    bool is_asked[PPROF_FORMATS_MAX];
    const char *argument[PPROF_FORMATS_MAX];

    /* How it is shown. */
    const char *output;
    const char *unit, *sample_index;
    const char *source_path, *trim_path;
    bool call_tree, relative_percentages, compact_labels, intel_syntax;
    bool has_mean, normalize, drop_negative, noinlines, showcolumns, trim;
    bool flat, cum;
    bool granularities[N_GRANULARITIES];
    double divide_by, nodefraction, edgefraction;
    int64_t nodecount;

    /* What of it. */
    const char *focus, *ignore, *hide, *show, *show_from, *prune_from;
    const char *tagfocus, *tagignore, *tagshow, *taghide, *tagroot, *tagleaf;
    bool all_frames;

    /* Where it comes from. */
    const char *base, *diff_base, *symbolize, *buildid, *add_comment, *tools;
    const char *tls_cert, *tls_key, *tls_ca;
    const char *http;
    bool no_browser;
    int64_t seconds, timeout;

    /* Older names of sample types. */
    bool total_delay, mean_delay, contentions, inuse_space, inuse_objects,
        alloc_space, alloc_objects;

    /* seep's own. */
    const char *form; /* -format: "json", "csv" */
    const char *color;
    bool quiet, verbose, help;

    /* By pprof_flags_settle(). */
    const struct pprof_format *format; /* NULL: none was asked for */
    const char *symbol;                /* the format's argument */
    enum pprof_granularity granularity;
};

/* As the help has them, with a title each. */
#define PPROF_GROUPS(X)                                                        \
    X(VIEW, "what is shown")                                                   \
    X(FILTER, "filters (REGEXP: Go's syntax, anywhere in a name)")             \
    X(SORT, "order (one of)")                                                  \
    X(GRANULARITY, "granularity (one of)")                                     \
    X(SOURCE, "sources")                                                       \
    X(SAMPLE, "older names of sample types")                                   \
    X(OWN, "not in go tool pprof")

enum pprof_group {
#define X(name, title) PPROF_##name,
    PPROF_GROUPS(X)
#undef X
        PPROF_N_GROUPS
};

enum pprof_flag_kind { PPROF_BOOL, PPROF_INT, PPROF_FLOAT, PPROF_TEXT };

struct pprof_flag {
    const char *name; /* without dashes */
    const char *arg;  /* "N"; NULL for flags of truth */
    const char *help;
    size_t offset; /* into struct pprof_flags */
    enum pprof_flag_kind kind;
    enum pprof_group group;
    const char *sample_type;    /* of PPROF_SAMPLE */
    const char *const *choices; /* for completion; NULL-terminated, or NULL */
};

const struct pprof_format *pprof_formats(size_t *n);
const struct pprof_flag *pprof_flag_rows(size_t *n);

void pprof_flags_defaults(struct pprof_flags *f);

/* Fills `f` from argv[0..argc) and sets `*first` to the index of the first
   word that is no flag. ERR_USAGE in Go's words. Borrowed from argv. */
bool pprof_flags_parse(struct pprof_flags *f, int argc, const char *const *argv,
                       int *first, struct err *err) MUST_USE;

/* What flags mean together. `notes` gets a line for each that is ignored. */
bool pprof_flags_settle(struct pprof_flags *f, struct buf *notes,
                        struct err *err) MUST_USE;

/* A certificate and its key go together. pprof wants to know only when there
   is something to fetch. */
bool pprof_flags_check_tls(const struct pprof_flags *f,
                           struct err *err) MUST_USE;

/* Is there such a flag? `word` has its dashes and perhaps its value. */
bool pprof_flag_exists(const char *word);

#endif
