/*
 * What a command is: one file cmd_<name>.c with one `const struct cmd`, and
 * one row CMD(<name>) in cmds.def. Its options are rows over its own struct,
 * so that help can be printed without running it.
 */
#ifndef SEEP_CMD_CMD_H
#define SEEP_CMD_CMD_H

#include "base/buf.h"
#include "options.h"

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Options that every command takes. */
struct common {
    bool quiet, verbose, help;
    int color; /* enum color_mode */
};

/* What main() found out about the outside; commands ask nobody else. */
struct session {
    struct common common;
    bool color;          /* stdout shows ANSI */
    bool ascii;          /* stdout cannot show UTF-8 */
    unsigned columns;    /* of the terminal, or COLUMNS; 0 = unknown */
    bool shows_progress; /* stderr is a terminal, and not --quiet */
    struct arena *arena; /* lives as long as the run */
    int argc;            /* the whole command line, to show it again */
    char **argv;
};

/* Exit statuses beside those of error codes. */
enum { STATUS_OK = 0, STATUS_FOUND = 1, STATUS_FAILED = 2, STATUS_UNSURE = 3 };

struct cmd_example {
    const char *line; /* "seep leaks snapshots/" */
    const char *what;
};

/* What completion offers for arguments; all zero: nothing. */
struct cmd_arguments {
    option_offers *words; /* for the first one, or NULL */
    bool is_each;         /* the words are for all of them */
    unsigned files_from;  /* 1: all may be files, 2: all behind the first, which
                             is one of the words; 0: none */
};

struct cmd {
    const char *name;
    const char *summary; /* <= 60 columns, no full stop */
    const char *usage;   /* arguments: "SNAPSHOT...|DIR" */
    const char *about;   /* a paragraph; may be NULL */
    const struct option_row *options;
    size_t n_options;
    size_t options_bytes; /* of the struct the rows point into */
    const struct cmd_example *examples;
    size_t n_examples;
    struct cmd_arguments arguments;
    void (*defaults)(void *options); /* NULL: all zero */

    /* run() gets the words of the command line as they are, and no options:
       it reads them by rules of its own, common ones and --help too. */
    bool takes_raw;
    void (*help_options)(struct buf *out); /* instead of the rows; or NULL */

    /* The i-th of what help_options() prints, as a row; one dash, all before
       the first argument. With help_options, or NULL. */
    bool (*flag_at)(size_t i, struct option_row *out);

    /* Exit status. Errors were printed by then. */
    int (*run)(struct session *session, void *options,
               const struct words *args);
};

const struct cmd *const *cmds_all(size_t *n);
const struct cmd *cmds_find(const char *name); /* NULL: no such command */

/* All commands, for completion. */
bool cmds_offer(size_t i, struct option_offer *out);

/* Those before the command alone. */
extern const struct option_row program_options[];
extern const size_t n_program_options;

extern const struct option_row common_options[];
extern const size_t n_common_options;

#endif
