/*
 * Variables that live on a stack and whose address was taken: closures that do
 * not escape, records of defers, results a caller made room for. The map of
 * pointers of their frame does not have them; the collector finds them by the
 * pointers to them, with a list of their places that no dump contains. So from
 * where such a pointer leads to, words up to the next variable that the map
 * does have (or the frame's end) may be pointers. Some of them are left over
 * from before: good enough where taking too much for alive is the safe side,
 * and only there.
 */
#include "heap/heap_blocked_private.h"

#include <stdlib.h>

#include "base/banned.h"

/* The words of all frames of a goroutine, one after the other. */
struct stack_scan {
    const struct heap_graph *g;
    uint32_t goroutine;
    const struct graph_goroutine *r;
    bool (*take)(void *ctx, object_id o);
    void *ctx;
    struct vec_u64 first_word; /* by frame; one more at the end */
    uint64_t *is_listed;       /* by word: bits */
    uint64_t *is_done;
    struct vec_u64 to_do; /* words that something points to */
};

static bool bit(const uint64_t *bits, uint64_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static void set_bit(uint64_t *bits, uint64_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static const struct graph_frame *frame_at(const struct stack_scan *s,
                                          uint32_t i)
{
    return heap_frame_at(s->g, s->r->first_frame + i);
}

static unsigned word_bytes(const struct stack_scan *s)
{
    return heap_graph_about(s->g)->pointer_bytes;
}

static bool measure(struct stack_scan *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->r->n_frames; i++) {
        const struct span c = heap_frame_contents(s->g, s->r->first_frame + i);
        if (!vec_u64_push(&s->first_word, n)) {
            return false;
        }
        n += c.len / word_bytes(s);
    }
    s->is_listed = calloc(n / 64 + 1, sizeof *s->is_listed);
    s->is_done = calloc(n / 64 + 1, sizeof *s->is_done);
    return s->is_listed && s->is_done && vec_u64_push(&s->first_word, n);
}

/* Frames are in order of address, the innermost first; damage may break it:
   then some are not found. */
static bool find_word(const struct stack_scan *s, uint64_t address,
                      uint64_t *word)
{
    uint32_t low = 0;
    uint32_t high = s->r->n_frames;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (frame_at(s, middle)->sp <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return false;
    }
    *word = s->first_word.items[low - 1] +
            (address - frame_at(s, low - 1)->sp) / word_bytes(s);
    return *word < s->first_word.items[low];
}

static bool note_pointer(struct stack_scan *s, uint64_t value)
{
    uint64_t word = 0;
    return !find_word(s, value, &word) || bit(s->is_done, word) ||
           vec_u64_push(&s->to_do, word);
}

static void list_fields(struct stack_scan *s, uint32_t i)
{
    struct dump_fields fields = heap_frame_fields(s->g, s->r->first_frame + i);
    const uint64_t first = s->first_word.items[i];
    const uint64_t n = s->first_word.items[i + 1] - first;
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        if (offset / word_bytes(s) < n) {
            set_bit(s->is_listed, first + offset / word_bytes(s));
        }
    }
}

static bool note_fields(struct stack_scan *s, uint32_t i)
{
    const uint32_t frame = s->r->first_frame + i;
    const struct span contents = heap_frame_contents(s->g, frame);
    struct dump_fields fields = heap_frame_fields(s->g, frame);
    uint64_t offset = 0;
    while (dump_fields_next(&fields, &offset)) {
        if (!note_pointer(s, heap_word(s->g, contents, offset))) {
            return false;
        }
    }
    return true;
}

/* Records of defers, and the closures they call, mostly lie on the stack, and
   nothing but the goroutine's own list of them leads there. */
static bool note_pins(struct stack_scan *s)
{
    size_t at = 0;
    uint64_t address = 0;
    while ((address = heap_next_pin(s->g, s->goroutine, &at)) != 0) {
        if (!note_pointer(s, address)) {
            return false;
        }
    }
    return true;
}

static uint32_t frame_of_word(const struct stack_scan *s, uint64_t word)
{
    uint32_t low = 0;
    uint32_t high = s->r->n_frames;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (s->first_word.items[middle] <= word) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

static bool scan(struct stack_scan *s, uint64_t word)
{
    const uint32_t i = frame_of_word(s, word);
    const struct span contents =
        heap_frame_contents(s->g, s->r->first_frame + i);
    const uint64_t first = s->first_word.items[i];
    for (uint64_t at = word; at < s->first_word.items[i + 1] &&
                             !bit(s->is_done, at) && !bit(s->is_listed, at);
         at++) {
        const uint64_t value =
            heap_word(s->g, contents, (at - first) * word_bytes(s));
        const object_id o = heap_object_at(s->g, value);
        set_bit(s->is_done, at);
        if (!note_pointer(s, value) ||
            (o.i != OBJECT_NONE.i && !s->take(s->ctx, o))) {
            return false;
        }
    }
    return true;
}

static bool scan_all(struct stack_scan *s)
{
    bool ok = measure(s) && note_pins(s);
    for (uint32_t i = 0; ok && i < s->r->n_frames; i++) {
        list_fields(s, i);
    }
    for (uint32_t i = 0; ok && i < s->r->n_frames; i++) {
        ok = note_fields(s, i);
    }
    while (ok && s->to_do.n > 0) {
        ok = scan(s, s->to_do.items[--s->to_do.n]);
    }
    return ok;
}

bool blocked_scan_stack(const struct heap_graph *g, uint32_t goroutine,
                        bool (*take)(void *ctx, object_id o), void *ctx)
{
    struct stack_scan s = {.g = g,
                           .goroutine = goroutine,
                           .r = heap_goroutine_at(g, goroutine),
                           .take = take,
                           .ctx = ctx};
    const bool ok = scan_all(&s);
    vec_u64_release(&s.first_word);
    vec_u64_release(&s.to_do);
    free(s.is_listed);
    free(s.is_done);
    return ok;
}
