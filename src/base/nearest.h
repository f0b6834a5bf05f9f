/* "Did you mean": the nearest of some words to a mistyped one. */
#ifndef SEEP_BASE_NEAREST_H
#define SEEP_BASE_NEAREST_H

#include <stddef.h>

/* Longer words have no nearest. */
enum { NEAREST_WORD_MAX = 48 };

/* The candidate that `word` probably meant, or NULL when none is near. */
const char *words_nearest(const char *word, const char *const *candidates,
                          size_t n);

#endif
