/*
 * Runs of short varints, four at a time: the continuation bits of eight bytes
 * choose a shuffle that gives each varint a lane of its own. A branch on where
 * one ends is a guess, wrong for a fifth of a profile's ids. After J. Plaisance
 * et al., "Vectorized VByte Decoding", 2015. For x86; elsewhere no run is read.
 */
#ifndef SEEP_PROFILE_VARINTS_PRIVATE_H
#define SEEP_PROFILE_VARINTS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Readable bytes behind the input, writable items behind the output. */
    VARINTS_PADDING_BYTES = 16,
    VARINTS_PADDING_ITEMS = 4,
};

/* For every pattern of eight continuation bits: the shuffle, and how many
   varints and bytes it takes. */
struct varints {
    bool is_usable; /* the processor can shuffle */
    uint8_t shuffle[256][16];
    uint8_t n[256], n_bytes[256];
};

void varints_init(struct varints *t);

/* Reads varints of at most four bytes from *p to *out, moving both, until
   `end` or one that is longer or not there whole. */
void varints_read(const struct varints *t, const uint8_t **p,
                  const uint8_t *end, uint32_t **out);

#endif
