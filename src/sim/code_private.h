/*
 * The program of a simulated process: functions, frames with program
 * counters, and stacks, spelled as the world's version of Go spells them.
 * A stack is written leaf first, one text a frame:
 *
 *   "main.(*Cache).load cache.go:63"          a function of the service
 *   "main.(*Cache).put cache.go:70 inlined"   inlined into the frame below
 *   "github.com/x/y/v2.(*T).F file.go:9"      a dependency (module cache)
 *   "fmt.Sprintf"                             std: file and line by table
 *   "@chan-receive"                           a chain of std frames
 *
 * Raw stacks keep every runtime frame; what a profile hides is up to what
 * writes it.
 */
#ifndef SEEP_SIM_CODE_PRIVATE_H
#define SEEP_SIM_CODE_PRIVATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/intern.h"
#include "base/vec.h"
#include "sim/sim.h"

typedef struct {
    uint32_t i;
} sim_stack_id;

struct sim_function {
    const char *name; /* "main.(*Cache).load" */
    const char *file; /* absolute, or below GOROOT as real builds say */
    int start_line;
    uint64_t entry; /* address; 16-aligned, 0x400 bytes apart or more */
};
VEC_TYPE(sim_functions, struct sim_function)

struct sim_frame {
    uint32_t function;
    int line;
    bool is_inlined; /* into the frame that follows (its caller) */
    uint64_t pc;     /* return address: what raw stacks show; pprof's
                        locations have pc - 1. Inlined frames have one too */
};
VEC_TYPE(sim_frames, struct sim_frame)

struct sim_stack {
    uint32_t first, n; /* into stack_frames */
};
VEC_TYPE(sim_stacks, struct sim_stack)

struct sim_code {
    enum sim_go go;
    const char *service; /* "accounts": binary and folder of package main */
    struct sim_functions functions;
    struct sim_frames frames; /* distinct (function, line, is_inlined) */
    struct sim_stacks stacks;
    struct vec_u32 stack_frames; /* frame indices, leaf first */
    struct intern names;         /* functions by name; keys of stacks */
    struct intern keys;
    struct intern frame_keys; /* frames by function, line and place */
    struct intern addresses;  /* entries and program counters in use */
    struct arena arena;
};

void sim_code_init(struct sim_code *c, enum sim_go go, const char *service);
void sim_code_release(struct sim_code *c);

/* Equal texts give the equal stack. ERR_INTERNAL names a chain or function of
   std that is in no table. Stacks deeper than the version's limit (32 frames
   before Go 1.23, 128 after) lose their roots, as in Go. */
bool sim_code_stack(struct sim_code *c, const char *const *texts, size_t n,
                    sim_stack_id *out, struct err *err) MUST_USE;

/* The stack with the frames of `text` in place of its innermost one: where the
   runtime allocates on behalf of what then waits. */
bool sim_code_swap_leaf(struct sim_code *c, sim_stack_id stack,
                        const char *text, sim_stack_id *out,
                        struct err *err) MUST_USE;

/* Frames of a stack, leaf first: indices into `frames`. */
static inline const uint32_t *sim_code_frames(const struct sim_code *c,
                                              sim_stack_id s, size_t *n)
{
    *n = c->stacks.items[s.i].n;
    return c->stack_frames.items + c->stacks.items[s.i].first;
}

static inline const struct sim_function *
sim_frame_function(const struct sim_code *c, uint32_t frame)
{
    return &c->functions.items[c->frames.items[frame].function];
}

/* One frame by its text ("created by" of dumps); index into `frames`. */
bool sim_code_frame(struct sim_code *c, const char *text, uint32_t *out,
                    struct err *err) MUST_USE;

/* Std, runtime among it: the first path element has no dot and is not main. */
bool sim_function_is_std(const char *name);

/* Wait reason as the version spells it: "sync.Mutex.Lock" was "semacquire"
   before 1.20, "sync.WaitGroup.Wait" before 1.24. Static. */
const char *sim_wait_text(enum sim_go go, const char *wait);

/* --- tables (std_functions.c, chains.c) --- */

/* Where a function of std is declared and the line it is called through, as
   in the version; false when the table lacks it. `file` is relative to
   $GOROOT/src. */
bool sim_std_find(enum sim_go go, const char *name, const char **file,
                  int *start_line, int *line);

/* Frames of "@name" for the version, leaf first, each as a stack's text
   (no chains in chains). NULL when there is none. */
const char *const *sim_chain_find(enum sim_go go, const char *name, size_t *n);

#endif
