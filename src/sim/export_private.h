/*
 * What the exporters share: how stacks of the program appear in protos and in
 * text. Each function reproduces one of Go's writers (runtime/pprof,
 * runtime/traceback.go) for the world's version.
 */
#ifndef SEEP_SIM_EXPORT_PRIVATE_H
#define SEEP_SIM_EXPORT_PRIVATE_H

#include "base/intern.h"
#include "sim/world_private.h"

/* Texts are kept whole; Go itself stops debug=2 at 64 MiB. */
#define SIM_TEXT_LIMIT_BYTES ((size_t)1 << 30)

static inline int64_t sim_wall_ns(const struct sim_world *w)
{
    return SIM_EPOCH_NS + w->now_ns;
}

/* --- frames (export_frames.c) --- */

/* Frames of a raw stack that text shows as program counters: those of the
   model with runtime.goexit below them, as every goroutine has it. */
bool sim_raw_frames(struct sim_world *w, sim_stack_id stack,
                    struct vec_u32 *out, struct err *err) MUST_USE;

bool sim_frame_is_goexit(const struct sim_code *c, uint32_t frame);

/* Is it hidden at the leaf of heap profiles and debug=1 texts? Runtime
   frames; with Go 1.24 also those of internal/runtime. */
bool sim_frame_is_hidden(const struct sim_code *c, uint32_t frame);

/* Leaf frames to skip: the hidden ones, or none when there is no other. */
size_t sim_hidden_frames(const struct sim_code *c, const uint32_t *frames,
                         size_t n);

/* Offset of a frame's return address in the function that holds its code: an
   inlined one lies in a caller. `frames` end with the stack. */
uint64_t sim_frame_offset(const struct sim_code *c, const uint32_t *frames,
                          size_t n);

/* --- protos (export_proto.c) --- */

struct sim_proto {
    struct profile_builder *builder;
    struct sim_world *world;
    uint32_t mapping;      /* of the binary */
    struct vec_u32 locs;   /* of the last stack */
    struct vec_u32 frames; /* scratch */
    bool has_locations;
};

bool sim_proto_begin(struct sim_proto *s, struct sim_world *w,
                     struct err *err) MUST_USE;

/* Locations of a stack into s->locs; `hides` as in heap profiles. */
bool sim_proto_stack(struct sim_proto *s, sim_stack_id stack, bool hides,
                     struct err *err) MUST_USE;

/* Adds a sample at s->locs. */
void sim_proto_sample(struct sim_proto *s, const int64_t *values, size_t n,
                      const struct profile_label *label);

/* Takes the profile, or frees it after a failure. `is_ok` says whether all
   went well so far. */
bool sim_proto_finish(struct sim_proto *s, bool is_ok, struct profile **out,
                      struct err *err) MUST_USE;

/* --- heap (export_heap.c) --- */

struct sim_record {
    uint32_t bucket;
    uint64_t allocs, frees; /* published, sampled */
    uint64_t bytes;         /* of one object */
};
VEC_TYPE(sim_records, struct sim_record)

/* What runtime.MemProfile(p, true) gives now, newest record first. */
bool sim_heap_records(struct sim_world *w, struct sim_records *out,
                      struct err *err) MUST_USE;

bool sim_heap_proto(struct sim_world *w, bool is_allocs, struct profile **out,
                    struct err *err) MUST_USE;
bool sim_heap_text(struct sim_world *w, struct buf *out,
                   struct err *err) MUST_USE;

/* --- goroutines (export_goroutine.c) --- */

/* Goroutines with equal stacks and labels. */
struct sim_group {
    sim_stack_id stack;
    const char *label_key, *label_value; /* NULL none */
    uint64_t n;
    uint32_t key; /* text of its line: "@ 0x..", in `texts` */
};
VEC_TYPE(sim_group_list, struct sim_group)

struct sim_groups {
    struct sim_group_list list;
    struct intern texts, shorts;
    uint64_t total;
};

bool sim_goroutine_proto(struct sim_world *w, enum sim_profile p,
                         struct profile **out, struct err *err) MUST_USE;
bool sim_goroutine_text(struct sim_world *w, enum sim_profile p,
                        struct buf *out, struct err *err) MUST_USE;

/* debug=2 (export_dump.c). */
bool sim_goroutine_dump(struct sim_world *w, enum sim_profile p,
                        struct buf *out, struct err *err) MUST_USE;

/* --- the rest (export_other.c) --- */

bool sim_other_proto(struct sim_world *w, enum sim_profile p,
                     struct profile **out, struct err *err) MUST_USE;
bool sim_other_text(struct sim_world *w, enum sim_profile p, struct buf *out,
                    struct err *err) MUST_USE;

/* --- text (export_text.c) --- */

/* " 0x1234 0x5678": all program counters of a stack. */
void sim_text_pcs(struct sim_world *w, const struct vec_u32 *frames,
                  struct buf *out);

/* The "#" lines of a stack and the empty line below, in columns as
   text/tabwriter aligns them (width 1, tabs of 8, one blank). */
void sim_text_record(struct sim_world *w, const struct vec_u32 *frames,
                     struct buf *out);

/* A Go string literal: %q. */
void sim_text_quoted(struct buf *out, const char *text);

/* "# runtime.MemStats" and what follows (memory_stats.c). */
void sim_text_memstats(struct sim_world *w, const struct memstats *m,
                       struct buf *out);

#endif
