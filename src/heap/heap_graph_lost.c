/*
 * Goroutines whose records are lost, where nothing else of the dump looks
 * damaged: the runtime's list of all goroutines has their g, and the g says
 * whether it lives. Where in it the state lies no dump says; it is learnt from
 * the others, whose records say the same as their g, and only where it is the
 * one place that all of them agree on.
 */
#include "heap/heap_graph_roots_private.h"

#include "base/banned.h"

/* Go has more from its start on; of fewer, numbers may agree by chance. */
enum { KNOWN_MIN = 4, STATE_BYTES = 4, ID_BYTES = 8, G_BYTES_MAX = 4096 };

/* From Go 1.5 on: the state, as many bytes that lock the stack, the id. */
enum { STATE_TO_ID = 8 };

static uint64_t number_at(const struct heap_graph *g, uint64_t address,
                          unsigned n_bytes)
{
    uint64_t interior = 0;
    const uint32_t id = graph_lookup(&g->spans, address, &interior);
    if (id == UINT32_MAX) {
        return 0;
    }
    const struct span s = heap_object_contents(g, (object_id){id});
    return interior <= s.len && n_bytes <= s.len - interior
               ? dump_word((const uint8_t *)s.p + interior, n_bytes,
                           g->about.is_big_endian)
               : 0;
}

static bool says(const struct heap_graph *g, const struct graph_goroutine *r,
                 uint64_t offset)
{
    return r->goid != 0 &&
           number_at(g, r->address + offset, ID_BYTES) == r->goid &&
           number_at(g, r->address + offset - STATE_TO_ID, STATE_BYTES) ==
               r->status;
}

static bool all_say(const struct heap_graph *g, uint64_t offset)
{
    for (size_t i = 0; i < g->goroutines.n; i++) {
        if (!says(g, &g->goroutines.items[i], offset)) {
            return false;
        }
    }
    return true;
}

/* Where the id lies in a g; 0 unknown. */
static uint64_t find_id(const struct heap_graph *g, uint64_t g_bytes)
{
    uint64_t found = 0;
    if (g->goroutines.n < KNOWN_MIN || g_bytes > G_BYTES_MAX) {
        return 0;
    }
    for (uint64_t at = STATE_TO_ID; at + ID_BYTES <= g_bytes;
         at += g->about.pointer_bytes) {
        if (all_say(g, at)) {
            if (found != 0) {
                return 0;
            }
            found = at;
        }
    }
    return found;
}

struct lost_search root_lost_search(const struct heap_graph *g,
                                    uint64_t g_bytes)
{
    uint64_t interior = 0;
    struct lost_search s = {.id_offset = find_id(g, g_bytes)};
    if (s.id_offset > 0 &&
        graph_lookup(&g->spans, g->goroutines.items[0].address, &interior) !=
            UINT32_MAX) {
        s.g_offset = interior;
    }
    return s;
}

/* Go writes records of those that are in one of these states. */
bool root_is_lost(const struct heap_graph *g, const struct lost_search *s,
                  object_id o)
{
    const uint64_t id = heap_object_address(g, o) + s->g_offset + s->id_offset;
    if (s->id_offset == 0 || number_at(g, id, ID_BYTES) == 0) {
        return false;
    }
    const uint64_t state = number_at(g, id - STATE_TO_ID, STATE_BYTES);
    return state == HEAP_STATUS_RUNNABLE || state == HEAP_STATUS_SYSCALL ||
           state == HEAP_STATUS_WAITING;
}
