/*
 * A goroutine dump: debug=2, a crash trace, runtime.Stack(all). One record a
 * goroutine, frames leaf first as printed. Owned as a whole.
 */
#ifndef SEEP_PROFILE_DUMP_H
#define SEEP_PROFILE_DUMP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/intern.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct profile;

struct dump_frame {
    uint32_t function; /* interned: "main.(*T).run", without arguments */
    uint32_t file;     /* interned; "" when not printed */
    int64_t line;      /* 0 when not printed */
};
VEC_TYPE(dump_frames, struct dump_frame)

struct dump_label {
    uint32_t key, value; /* interned */
};
VEC_TYPE(dump_labels, struct dump_label)

struct dump_goroutine {
    uint64_t id;
    uint32_t status;      /* interned: "chan receive (nil chan)", no
                             "(scan)", "(leaked)", minutes */
    int64_t wait_minutes; /* -1 when not said */
    bool is_locked;       /* locked to thread */
    bool is_leaked;       /* (leaked) */
    bool is_scanning;     /* (scan) */
    uint32_t first_frame, n_frames;
    uint32_t n_elided; /* "...N frames elided..."; 1 when no number */
    bool has_creator;
    struct dump_frame creator;
    uint64_t creator_id; /* "in goroutine N"; 0 when not said */
    uint32_t first_label, n_labels;
    uint64_t ancestor_id; /* first [originating from goroutine N]; 0 none */
    uint64_t bubble;      /* synctest bubble; 0 none */
};
VEC_TYPE(dump_goroutines, struct dump_goroutine)

struct goroutine_dump {
    struct intern names;
    struct dump_frames frames;
    struct dump_labels labels;
    struct dump_goroutines goroutines;
    bool is_truncated;  /* cut off by Go's 64 MiB cap, or mid-record */
    bool is_crash;      /* a panic or fatal error stood in front */
    const char *banner; /* first line of the panic, or NULL; in arena */
    struct arena arena;
};

static inline const char *dump_text(const struct goroutine_dump *d, uint32_t id)
{
    return intern_text(&d->names, id);
}

/* The dump as a goroutine profile: one sample for all goroutines with the same
   stack, labels and state, in order of first sight. The state is the string
   label "state". As in Go's own profiles creators are no frames; nor is what
   was elided. Free it with profile_free(). */
bool goroutine_dump_profile(const struct goroutine_dump *d,
                            struct profile **out, struct err *err) MUST_USE;

void goroutine_dump_free(struct goroutine_dump *d);

#endif
