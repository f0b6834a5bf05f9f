/* What the texts of findings about a dump leave open: which files. */
#ifndef SEEP_CMD_HEAP_WORDS_H
#define SEEP_CMD_HEAP_WORDS_H

#include "cmd.h"
#include "rules/rules.h"

struct heap_words {
    const char *dump;
    const char *exe;  /* NULL: none was given */
    bool is_compared; /* with one before: that command was just run */
};

/* Puts them into the commands that findings name as the next step. */
bool heap_fill_words(struct session *s, const struct heap_words *w,
                     struct findings *findings, struct err *err);

#endif
