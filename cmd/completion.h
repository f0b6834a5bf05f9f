/*
 * Completion scripts for shells, out of the tables that help is printed from:
 * a row more there is a word more here. A script has all its words in it and
 * never calls seep, so that a key press costs nothing and works without it.
 */
#ifndef SEEP_CMD_COMPLETION_H
#define SEEP_CMD_COMPLETION_H

#include "base/buf.h"
#include "cmd.h"

/* What an option takes, by the name that help gives its value. */
enum completion_take {
    COMPLETION_NOTHING, /* it is a flag */
    COMPLETION_WORD,    /* one of its words, if it has any */
    COMPLETION_LIST,    /* some of its words, by comma */
    COMPLETION_PAIR,    /* one of its words, "=", and a file */
    COMPLETION_FILE,
    COMPLETION_FOLDER
};

enum completion_take completion_take(const struct option_row *row);

/* The i-th of a command's own options. */
bool completion_option_at(const struct cmd *c, size_t i,
                          struct option_row *out);

/* "-" or "--". */
const char *completion_dashes(const struct cmd *c);

/* Commands and "help", which is none but stands where they do. */
bool completion_offer_commands(size_t i, struct option_offer *out);

void completion_write_bash(struct buf *out);
void completion_write_zsh(struct buf *out);
void completion_write_fish(struct buf *out);

#endif
