/*
 * Distinct stacks in one pass. Each location is turned into frame ids once;
 * a sample is then a row of ids that is hashed and looked up in a table of
 * samples seen. Hashes are kept beside the slots, so that growing compares
 * nothing.
 */
#include "report/stack_set_private.h"

#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- Frames --- */

struct naming {
    struct stack_set *set;
    enum stack_identity identity;
    uint32_t *by_function; /* frame id + 1, 0 = not yet */
    struct buf key, scratch;
    struct err *err;
};

/* What is interned: the name, and behind a NUL what else tells frames of that
   name apart. */
static void add_identity(struct buf *key, struct span file, int64_t line)
{
    buf_char(key, '\0');
    buf_span(key, file);
    buf_char(key, '\0');
    buf_add(key, &line, sizeof line);
}

static bool frame_id(struct naming *n, const struct profile_function *f,
                     uint32_t *id)
{
    struct stack_set *set = n->set;
    const size_t name_len = n->key.len;
    struct stack_frame frame = {0};
    if (n->identity == STACK_BY_FUNCTION && f != NULL) {
        frame.file = profile_span(set->profile, f->file);
        frame.line = f->start_line;
        add_identity(&n->key, frame.file, frame.line);
    }
    if (!buf_check(&n->key, "names of frames", n->err)) {
        return false;
    }
    /* Ids are dense: a new one is the next frame. */
    if (!intern_add(&set->names, buf_view(&n->key), id, n->err)) {
        return false;
    }
    if (*id < set->frames.n) {
        return true;
    }
    frame.name = span_first(intern_span(&set->names, *id), name_len);
    return stack_frames_push(&set->frames, frame) ||
           err_nomem(n->err, "names of frames");
}

/* A frame whose function has a name: looked up once a function. */
static bool named_frame(struct naming *n, uint32_t function, uint32_t *id)
{
    if (n->by_function[function] != 0) {
        *id = n->by_function[function] - 1;
        return true;
    }
    const struct profile *p = n->set->profile;
    const struct profile_function *f = &p->functions[function];
    buf_clear(&n->key);
    buf_span(&n->key, profile_span(p, f->name));
    if (!frame_id(n, f, id)) {
        return false;
    }
    n->by_function[function] = *id + 1;
    return true;
}

/* Without a name a frame is called what pprof prints of it: an address, a
   file, a binary. */
static bool nameless_frame(struct naming *n, uint32_t location, uint32_t line,
                           uint32_t *id)
{
    buf_clear(&n->scratch);
    const struct graph_info info =
        graph_frame(n->set->profile, location, line, &n->scratch);
    buf_clear(&n->key);
    graph_name(&n->key, &info);
    return buf_check(&n->scratch, "names of frames", n->err) &&
           frame_id(n, NULL, id);
}

static bool name_location(struct naming *n, uint32_t location, uint32_t *at)
{
    struct stack_set *set = n->set;
    const struct profile *p = set->profile;
    const struct profile_location *l = &p->locations[location];
    const uint32_t n_frames = l->n_lines != 0 ? l->n_lines : 1;
    for (uint32_t k = 0; k < n_frames; k++) {
        const uint32_t function = l->n_lines != 0
                                      ? p->lines[l->first_line + k].function
                                      : PROFILE_NONE;
        const bool has_name =
            function != PROFILE_NONE && p->functions[function].name.i != 0;
        uint32_t *id = &set->frame_ids[*at];
        if (has_name ? !named_frame(n, function, id)
                     : !nameless_frame(n, location, k, id)) {
            return false;
        }
        ++*at;
    }
    return true;
}

static bool name_locations(struct stack_set *set, enum stack_identity identity,
                           struct err *err)
{
    const struct profile *p = set->profile;
    uint64_t n_frames = 0;
    for (uint32_t l = 0; l < p->n_locations; l++) {
        n_frames += p->locations[l].n_lines != 0 ? p->locations[l].n_lines : 1;
    }
    if (n_frames > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many frames");
    }
    struct naming n = {
        .set = set,
        .identity = identity,
        .by_function = calloc((size_t)p->n_functions + 1, sizeof(uint32_t)),
        .key = BUF_LIMIT((size_t)64 << 20),
        .scratch = BUF_LIMIT((size_t)64 << 20),
        .err = err,
    };
    set->frame_ids = calloc((size_t)n_frames + 1, sizeof(uint32_t));
    set->first_frame = calloc((size_t)p->n_locations + 1, sizeof(uint32_t));
    bool ok = n.by_function && set->frame_ids && set->first_frame;
    if (!ok) {
        (void)err_nomem(err, "names of frames");
    }
    uint32_t at = 0;
    for (uint32_t l = 0; l < p->n_locations && ok; l++) {
        set->first_frame[l] = at;
        ok = name_location(&n, l, &at);
    }
    if (ok) {
        set->first_frame[p->n_locations] = at;
    }
    free(n.by_function);
    buf_release(&n.key);
    buf_release(&n.scratch);
    return ok;
}

/* --- Stacks --- */

static struct stack_walk walk_sample(const struct stack_set *set,
                                     uint32_t sample)
{
    const uint32_t *off = set->profile->sample_off;
    return (struct stack_walk){
        .set = set,
        .locations = set->profile->sample_locs + off[sample],
        .n = off[sample + 1] - off[sample],
    };
}

struct stack_walk stack_walk(const struct stack_set *set, size_t stack)
{
    return walk_sample(set, set->samples.items[stack]);
}

static uint64_t hash_sample(const struct stack_set *set, uint32_t sample)
{
    struct stack_walk w = walk_sample(set, sample);
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    uint32_t frame = 0;
    while (stack_next(&w, &frame)) {
        h = (h ^ frame) * UINT64_C(0xd6e8feb86659fd93);
        h ^= h >> 32;
    }
    return h;
}

static bool same_frames(const struct stack_set *set, uint32_t a, uint32_t b)
{
    struct stack_walk wa = walk_sample(set, a);
    struct stack_walk wb = walk_sample(set, b);
    if (wa.n == wb.n &&
        (wa.n == 0 || memcmp(wa.locations, wb.locations,
                             wa.n * sizeof *wa.locations) == 0)) {
        return true;
    }
    for (;;) {
        uint32_t frame_a = 0;
        uint32_t frame_b = 0;
        const bool more_a = stack_next(&wa, &frame_a);
        const bool more_b = stack_next(&wb, &frame_b);
        if (more_a != more_b || (more_a && frame_a != frame_b)) {
            return false;
        }
        if (!more_a) {
            return true;
        }
    }
}

struct slot {
    uint64_t hash;
    uint32_t stack; /* + 1, 0 = free */
};

struct table {
    struct slot *slots;
    size_t mask;
};

static bool grow(struct table *t, struct err *err)
{
    const size_t n = t->slots ? (t->mask + 1) * 2 : 1024;
    struct slot *slots = calloc(n, sizeof *slots);
    if (!slots) {
        return err_nomem(err, "distinct stacks");
    }
    for (size_t i = 0; t->slots && i <= t->mask; i++) {
        if (t->slots[i].stack != 0) {
            size_t at = t->slots[i].hash & (n - 1);
            while (slots[at].stack != 0) {
                at = (at + 1) & (n - 1);
            }
            slots[at] = t->slots[i];
        }
    }
    free(t->slots);
    *t = (struct table){slots, n - 1};
    return true;
}

static struct slot *find(const struct table *t, const struct stack_set *set,
                         uint32_t sample, uint64_t hash)
{
    for (size_t at = hash & t->mask;; at = (at + 1) & t->mask) {
        struct slot *slot = &t->slots[at];
        if (slot->stack == 0 ||
            (slot->hash == hash &&
             same_frames(set, set->samples.items[slot->stack - 1], sample))) {
            return slot;
        }
    }
}

static bool add_sample(struct stack_set *set, struct table *t, uint32_t sample,
                       struct err *err)
{
    const uint32_t n_types = set->profile->n_types;
    const int64_t *values = set->profile->values + (size_t)sample * n_types;
    if (set->samples.n * 2 >= t->mask && !grow(t, err)) {
        return false;
    }
    const uint64_t hash = hash_sample(set, sample);
    struct slot *slot = find(t, set, sample, hash);
    if (slot->stack == 0) {
        const size_t n = set->sums.n;
        if (!vec_u32_push(&set->samples, sample) ||
            (n + n_types > set->sums.cap &&
             !vec_i64_reserve(&set->sums, n + n_types))) {
            return err_nomem(err, "distinct stacks");
        }
        memset(set->sums.items + n, 0, n_types * sizeof(int64_t));
        set->sums.n += n_types;
        *slot = (struct slot){hash, (uint32_t)set->samples.n};
    }
    int64_t *sums = set->sums.items + (size_t)(slot->stack - 1) * n_types;
    for (uint32_t i = 0; i < n_types; i++) {
        sums[i] = (int64_t)((uint64_t)sums[i] + (uint64_t)values[i]);
    }
    return true;
}

bool stack_set_build(struct stack_set *set, const struct profile *p,
                     enum stack_identity identity, struct err *err)
{
    *set = (struct stack_set){.profile = p};
    struct table t = {0};
    bool ok = p->n_types > 0 || p->n_samples == 0;
    if (!ok) {
        (void)err_set(err, ERR_FORMAT, "samples without any value");
    }
    ok = ok && name_locations(set, identity, err) && grow(&t, err);
    for (uint32_t s = 0; s < p->n_samples && ok; s++) {
        ok = add_sample(set, &t, s, err);
    }
    free(t.slots);
    return ok;
}

void stack_set_release(struct stack_set *set)
{
    stack_frames_release(&set->frames);
    free(set->frame_ids);
    free(set->first_frame);
    vec_u32_release(&set->samples);
    vec_i64_release(&set->sums);
    intern_release(&set->names);
    *set = (struct stack_set){0};
}

/* --- Folded text --- */

static bool is_escaped(struct span name, size_t i)
{
    switch (name.p[i]) {
    case ';':
    case '\n':
    case '\r':
        return true;
    case '\\':
        return i + 1 < name.len && name.p[i + 1] == 'x';
    default:
        return false;
    }
}

static struct span fold_name(struct span name, struct arena *arena)
{
    size_t n_escaped = 0;
    for (size_t i = 0; i < name.len; i++) {
        n_escaped += is_escaped(name, i);
    }
    if (n_escaped == 0) {
        return name;
    }
    const size_t len = name.len + 3 * n_escaped;
    char *text = arena_new(arena, char, len);
    if (!text) {
        return (struct span){0};
    }
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (size_t i = 0; i < name.len; i++) {
        const unsigned char c = (unsigned char)name.p[i];
        if (is_escaped(name, i)) {
            *at++ = '\\';
            *at++ = 'x';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        } else {
            *at++ = name.p[i];
        }
    }
    return (struct span){text, len};
}

struct span *stack_folded_names(const struct stack_set *set,
                                struct arena *arena)
{
    struct span *names = arena_new(arena, struct span, set->frames.n + 1);
    for (size_t i = 0; i < set->frames.n && names; i++) {
        names[i] = fold_name(set->frames.items[i].name, arena);
        if (!names[i].p) {
            return NULL;
        }
    }
    return names;
}

void stack_fold(struct buf *out, const struct stack_set *set, size_t stack,
                const struct span *folded_names)
{
    struct stack_walk w = stack_walk(set, stack);
    uint32_t frame = 0;
    if (!stack_next(&w, &frame)) {
        buf_str(out, "<unknown>");
        return;
    }
    buf_span(out, folded_names[frame]);
    while (stack_next(&w, &frame)) {
        buf_char(out, ';');
        buf_span(out, folded_names[frame]);
    }
}
