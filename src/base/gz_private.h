/*
 * What gz.c asks of a library that inflates: gz_isal.c where the build finds
 * ISA-L, gz_zlib.c elsewhere. An engine knows one gzip member at a time,
 * header and trailer included; what a complete stream is, is gz.c's business.
 */
#ifndef SEEP_BASE_GZ_PRIVATE_H
#define SEEP_BASE_GZ_PRIVATE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum gz_step {
    GZ_STEP_MORE,        /* the input is used up or the output is full */
    GZ_STEP_END,         /* the member is complete; ready for another */
    GZ_STEP_BAD_HEADER,  /* `message` says why; */
    GZ_STEP_BAD_TRAILER, /* here too */
    GZ_STEP_DAMAGED,
    GZ_STEP_NO_MEMORY
};

/* The caller sets input and output, a step moves them on. */
struct gz_io {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t n_out;
    const char *message; /* static */
};

struct gz_engine;

/* NULL when memory is out. */
struct gz_engine *gz_engine_new(void);
enum gz_step gz_engine_step(struct gz_engine *e, struct gz_io *io) MUST_USE;

/* Bytes of input that were taken before their turn. */
size_t gz_engine_read_ahead(const struct gz_engine *e);
void gz_engine_free(struct gz_engine *e);

#endif
