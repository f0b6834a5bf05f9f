/* The profiles of a corpus, and which belong together. */
#ifndef SEEP_TESTS_PPROF_CORPUS_H
#define SEEP_TESTS_PPROF_CORPUS_H

#include <stddef.h>
#include <sys/types.h>

struct source {
    const char *path;
    const char *first; /* of the same run and kind; NULL: this is it */
    const char *other; /* of another kind; NULL: none */
    char *folder;      /* of the scenario */
    off_t n_bytes;
};

struct sources {
    struct source *items;
    size_t n;
};

/* All below the NULL-terminated `folders` whose path has `filter` in it (NULL:
   any). They live as long as the program. */
void sources_find(struct sources *s, char *const *folders, const char *filter);

#endif
