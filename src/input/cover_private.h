/*
 * Which of many ranges of addresses covers one: the one with the smallest
 * number. Ranges may overlap and be added while one asks; both take time
 * with the logarithm of their number.
 */
#ifndef SEEP_INPUT_COVER_PRIVATE_H
#define SEEP_INPUT_COVER_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COVER_NONE UINT32_MAX

/* Addresses between two bounds are in the same ranges: they are a segment.
   Zero is a cover of nothing. */
struct cover {
    uint64_t *bounds; /* ascending, each once */
    uint32_t n;       /* of them */
    uint32_t *least;  /* tree: node i is of 2i and 2i + 1; leaves from n on */
};

/* `bounds`, in any order, are those of every range that will be added.
   False: out of memory, or more than 31 bits can count. */
bool cover_init(struct cover *c, const uint64_t *bounds, size_t n);
void cover_release(struct cover *c);

/* The addresses [start, limit) have the number `id`. */
void cover_add(struct cover *c, uint64_t start, uint64_t limit, uint32_t id);

/* COVER_NONE when no range has the address. */
uint32_t cover_find(const struct cover *c, uint64_t address);

#endif
