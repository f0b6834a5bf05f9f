/*
 * `.seep.yml`: what a repository says once for all of its jobs: thresholds,
 * path maps, module, and suppressions. Unknown keys are errors with their
 * line, so that a mistyped one does not silently do nothing.
 */
#ifndef SEEP_REVIEW_CONFIG_H
#define SEEP_REVIEW_CONFIG_H

#include "base/err.h"
#include "base/span.h"
#include "review/paths.h"
#include "review/suppress.h"

struct config {
    const char *module;    /* NULL: not set; all below likewise */
    const char *fail_on;   /* a word of --fail-on */
    const char *baseline;  /* path from the file's folder */
    double min_bytes;      /* NAN: not set */
    double min_goroutines; /* NAN */
    double min_growth;     /* a ratio: 0.1 is 10 %; NAN */
    int only_new;          /* -1 not set, 0, 1 */
    const struct path_map *maps;
    size_t n_maps;
    const struct suppression *suppressions;
    size_t n_suppressions;
    struct arena arena; /* owns everything above */
};

/* `name` is what errors and acceptances call the file. Limits: 1 MiB, no
   aliases. */
bool config_read(struct span text, const char *name, struct config *out,
                 struct err *err) MUST_USE;
void config_release(struct config *c);

#endif
