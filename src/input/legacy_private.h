/*
 * What the formats of pprof that are older than its messages have in common:
 * stacks of bare addresses, a memory map at the end, and frames that every
 * profile of a kind is better without.
 */
#ifndef SEEP_INPUT_LEGACY_PRIVATE_H
#define SEEP_INPUT_LEGACY_PRIVATE_H

#include "base/err.h"
#include "base/vec.h"
#include "input/lines_private.h"
#include "input/memory_map_private.h"
#include "profile/profile.h"

/* Whose innermost frames say nothing: google/pprof's lists. */
enum legacy_frames { FRAMES_OF_HEAP, FRAMES_OF_LOCKS, FRAMES_OF_CPU };

/* Appends every "0x..." in `text`; what stands between them is ignored. */
bool legacy_addresses(struct vec_u64 *out, struct span text, const char *what,
                      const struct text_line *line, struct err *err) MUST_USE;

/* A handler of signals may note the leaf a second time, as if it were a return
   address. Drops that second one from the locations of a stack. */
void legacy_drop_repeated_leaf(const struct profile_builder *b,
                               struct vec_u32 *locations);

/* Products of counts wrap around, as pprof's do. */
static inline int64_t legacy_times(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* Estimates how much was allocated from what was sampled of it: s bytes are
   seen with probability 1 - exp(-s / rate). */
void legacy_unsample(int64_t rate, int64_t *objects, int64_t *n_bytes);

/* ERR_LIMIT when the locations so far take more memory than a profile may. */
bool legacy_check_size(const struct profile_builder *b, const char *what,
                       struct err *err) MUST_USE;

/* Sets drop_frames and keep_frames. */
void legacy_set_frames(struct profile_builder *b, enum legacy_frames frames);

/* Takes the builder and hands its profile over, of the kind that its sample
   types say. */
bool legacy_finish(struct profile_builder *b, const char *what,
                   struct snapshot *out, struct err *err) MUST_USE;

#endif
