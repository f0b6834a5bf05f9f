#include "base/nearest.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

/* Edit distance with swaps of neighbours: the typing errors people make. */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t n = strlen(a);
    const size_t m = strlen(b);
    size_t rows[3][NEAREST_WORD_MAX + 1];
    if (n > NEAREST_WORD_MAX || m > NEAREST_WORD_MAX) {
        return NEAREST_WORD_MAX;
    }
    for (size_t j = 0; j <= m; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);
            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1]) {
                const size_t swapped = rows[(i - 2) % 3][j - 2] + 1;
                best = swapped < best ? swapped : best;
            }
            row[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *words_nearest(const char *word, const char *const *candidates,
                          size_t n)
{
    const size_t len = strlen(word);
    const char *nearest = NULL;
    /* A third of the letters may be wrong; of two letters, one. */
    size_t least = len / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        const size_t distance = edit_distance(word, candidates[i]);
        if (distance < least) {
            least = distance;
            nearest = candidates[i];
        }
    }
    if (nearest != NULL || len < 3) {
        return nearest;
    }
    for (size_t i = 0; i < n; i++) {
        assert(candidates[i] != NULL);
        if (strstr(candidates[i], word) != NULL) {
            return candidates[i];
        }
    }
    return NULL;
}
