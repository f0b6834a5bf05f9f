/*
 * pprof's wire format, both ways. Decoding is streaming and single-pass: feed
 * the *inflated* bytes in blocks of any size. Encoding goes through protobuf-c
 * in the order google/pprof uses.
 */
#ifndef SEEP_PROFILE_CODEC_H
#define SEEP_PROFILE_CODEC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sink.h"
#include "profile/model.h"

struct profile_decoder;

struct profile_decode_options {
    uint64_t limit_bytes; /* memory of the decoded profile; 0 = default */
    /* Bytes before inflating, when known: a profile that weighs more than
       LIMIT_AMPLIFICATION times that is refused as a bomb. 0: the bytes fed
       are taken for it. */
    uint64_t stored_bytes;
};

/* NULL: out of memory. */
struct profile_decoder *
profile_decoder_new(const struct profile_decode_options *options);
bool profile_decoder_write(struct profile_decoder *d, const uint8_t *p,
                           size_t n, struct err *err) MUST_USE;

/* The same fact while it grows, for bodies that still arrive: compressed bytes
   so far. */
void profile_decoder_stored(struct profile_decoder *d, uint64_t bytes);

/* Memory that it holds by now, about. */
uint64_t profile_decoder_bytes(const struct profile_decoder *d);

/* No more bytes: checks validity (ids, indices, value counts; the rules of
   google/pprof's CheckValid) and hands the profile over. */
bool profile_decoder_end(struct profile_decoder *d, struct profile **out,
                         struct err *err) MUST_USE;
void profile_decoder_free(struct profile_decoder *d);

/* One-shot over bytes in memory: gzip (any number of members) or raw. */
bool profile_decode(struct span in, struct profile **out,
                    struct err *err) MUST_USE;

/* Raw (not compressed) message, deterministic for a given profile. */
bool profile_encode(const struct profile *p, struct buf *out,
                    struct err *err) MUST_USE;

/* Is this how a pprof message begins? Looks at up to `n` inflated bytes; a
   plausible first tag and payload is enough. */
bool profile_sniff(const uint8_t *p, size_t n);

#endif
