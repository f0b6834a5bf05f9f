/*
 * Command-line options as rows over a plain struct: `--name value`,
 * `--name=value`, `-n value`, `-nvalue`, flags joined as `-qv`, and `--`.
 * Options and arguments may be mixed.
 */
#ifndef SEEP_CMD_OPTIONS_H
#define SEEP_CMD_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/nearest.h" /* IWYU pragma: export */

#include <stddef.h>

/* Words in order of the command line; borrowed from argv. */
struct words {
    const char **items;
    size_t n;
};

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char * */
    OPTION_BYTES,    /* uint64_t; "8MiB" */
    OPTION_COUNT,    /* uint64_t */
    OPTION_NUMBER,   /* double */
    OPTION_DURATION, /* int64_t ns; "60s", "500ms"; bounds in seconds */
    OPTION_CHOICE,   /* int: index into `choices` */
    OPTION_WORDS,    /* struct words: one more each time */
    OPTION_MANY,     /* struct words: all words up to the next option */
    OPTION_CALL      /* whatever `apply` makes of it */
};

/* A word that completion offers, and what it stands for (or NULL). */
struct option_offer {
    const char *word, *help;
};

/* The i-th word of a list, from 0; false behind the last. */
typedef bool option_offers(size_t i, struct option_offer *out);

struct option_row {
    const char *name; /* without dashes */
    char short_name;  /* 0 = none */
    const char *arg;  /* "FILE"; NULL for flags */
    const char *help; /* no full stop */
    size_t offset;    /* into the struct of the options */
    enum option_kind kind;
    double min, max;            /* numbers; both 0 = any that is not negative */
    const char *const *choices; /* NULL-terminated; only OPTION_CHOICE refuses
                                   others, completion offers them for all */
    option_offers *offers;      /* instead, where another table has the words */
    bool (*apply)(void *field, const char *text, struct arena *arena,
                  struct err *err);
};

/* Rows and the struct they fill. */
struct option_set {
    const struct option_row *rows;
    size_t n;
    void *base;
};

/* What can be said of an option's value: of `choices`, else of `offers`. */
bool option_offer_at(const struct option_row *row, size_t i,
                     struct option_offer *out);

/* Fills the sets from argv[0..argc) and leaves the other words in `args`.
   With `first_word_ends`, stops at the first word that is no option and sets
   `*used` to its index. Lists are taken from `arena`. ERR_USAGE when wrong. */
bool options_parse(const struct option_set *sets, size_t n_sets, int argc,
                   char **argv, bool first_word_ends, struct arena *arena,
                   struct words *args, int *used, struct err *err) MUST_USE;

#endif
