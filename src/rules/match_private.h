/* What rule files share: sentences with figures, and lists of evidence. */
#ifndef SEEP_RULES_MATCH_PRIVATE_H
#define SEEP_RULES_MATCH_PRIVATE_H

#include "rules/rules.h"

/* Adds one line; more than MATCH_LINES_MAX are dropped, the last first. */
void match_evidence(struct rule_match *m, const char *fmt, ...)
    ERR_PRINTF(2, 3);

/* Like match_evidence(): what else could explain it. `text` is borrowed. */
void match_alternative(struct rule_match *m, const char *text);

/* "3.1 MB", "12,345" in the arena; "?" when memory is out. */
const char *match_bytes(struct rule_match *m, double bytes);
const char *match_count(struct rule_match *m, double count);

/* Writes cause and evidence of a goroutine group: "306 goroutines <doing>;
   none of the first 24 ended". Always true, so that check() may end with it. */
bool match_goroutines(const struct evidence *e, struct rule_match *m,
                      const char *doing);

/* The same for a heap site: "8.6 MB in 40,310 objects <doing>". */
bool match_heap(const struct evidence *e, struct rule_match *m,
                const char *doing);

/* A name without its import path: "usercache.(*Cache).Get". Borrowed. */
const char *match_short_name(const char *function);

/* What to do about goroutines blocked in `p`: the text of that rule. */
const char *match_fix_of(enum primitive p);

/* A row of a table of names with what each means. */
struct match_name {
    const char *pattern; /* as evidence_has_frame() takes it */
    const char *what;
};

/* First row some stack of the group has, or NULL. */
const struct match_name *match_any_frame(const struct evidence *e,
                                         const struct match_name *rows,
                                         size_t n);

/* First row called by the user's line in at least `share` of the growth. */
const struct match_name *match_called(const struct evidence *e,
                                      const struct match_name *rows, size_t n,
                                      double share);

/* The site, or one of the `n_callers` frames above it, when its name has one
   of the words; NULL otherwise. `word` may be NULL. */
const char *match_word(const struct evidence *e, const char *const *words,
                       size_t n_words, size_t n_callers, const char **word);

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

#endif
