/* Which frames of a stack a profile shows: the version's rules for runtime
   frames at the leaf, and for functions inlined into others. */
#include "sim/export_private.h"

#include <string.h>

#include "base/banned.h"

static const char goexit_name[] = "runtime.goexit";

bool sim_frame_is_goexit(const struct sim_code *c, uint32_t frame)
{
    return strcmp(sim_frame_function(c, frame)->name, goexit_name) == 0;
}

/* Stacks that begin on a thread's own stack end there. */
static bool is_on_thread(const char *name)
{
    return strcmp(name, "runtime.systemstack") == 0 ||
           strcmp(name, "runtime.mstart") == 0 ||
           strcmp(name, "runtime.mcall") == 0;
}

bool sim_raw_frames(struct sim_world *w, sim_stack_id stack,
                    struct vec_u32 *out, struct err *err)
{
    /* Frames that Go keeps of a stack: a deeper one has lost its roots, and
       goexit with them. */
    const size_t most = w->code.go < SIM_GO_1_23 ? 32 : 128;
    size_t n;
    const uint32_t *frames = sim_code_frames(&w->code, stack, &n);
    out->n = 0;
    if (!vec_u32_reserve(out, n + 1)) {
        return err_nomem(err, "frames of a stack");
    }
    memcpy(out->items, frames, n * sizeof(*frames));
    out->n = n;
    if (n == 0 || n >= most) {
        return true;
    }
    const char *root = sim_frame_function(&w->code, frames[n - 1])->name;
    if (strcmp(root, goexit_name) == 0 || is_on_thread(root)) {
        return true;
    }
    uint32_t goexit;
    if (!sim_code_frame(&w->code, goexit_name, &goexit, err)) {
        return false;
    }
    out->items[out->n++] = goexit;
    return true;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool sim_frame_is_hidden(const struct sim_code *c, uint32_t frame)
{
    const char *name = sim_frame_function(c, frame)->name;
    return has_prefix(name, "runtime.") ||
           (c->go >= SIM_GO_1_24 && has_prefix(name, "internal/runtime/"));
}

size_t sim_hidden_frames(const struct sim_code *c, const uint32_t *frames,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!sim_frame_is_hidden(c, frames[i])) {
            return i;
        }
    }
    return 0;
}

uint64_t sim_frame_offset(const struct sim_code *c, const uint32_t *frames,
                          size_t n)
{
    /* No function is larger than this; beyond it the address belongs to the
       inlined function itself. */
    const uint64_t largest_function = 1 << 16;
    size_t outer = 0;
    while (outer + 1 < n && c->frames.items[frames[outer]].is_inlined) {
        outer++;
    }
    const uint64_t pc = c->frames.items[frames[0]].pc;
    const uint64_t entry = sim_frame_function(c, frames[outer])->entry;
    if (pc > entry && pc - entry < largest_function) {
        return pc - entry;
    }
    const uint64_t own = sim_frame_function(c, frames[0])->entry;
    return pc > own ? pc - own : 1;
}
