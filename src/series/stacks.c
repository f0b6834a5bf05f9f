/* See stacks_private.h: names and locations. The content is compared on every
   hit: a hash alone would merge different stacks sooner or later. */
#include "series/stacks_private.h"

#include "base/buf.h"
#include "base/num.h"
#include "series/series.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

enum { NAME_BYTES_MAX = 1 << 26 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "aligning stacks");
}

/* --- slots: an open-addressing set of ids --- */

static bool slots_grow(struct stack_slots *s, const uint64_t *hash_of)
{
    const size_t n = s->n_slots ? s->n_slots * 2 : 1024;
    uint32_t *ids = calloc(n, sizeof *ids);
    if (!ids) {
        return false;
    }
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->ids[i] != 0) {
            size_t at = hash_of[s->ids[i] - 1] & (n - 1);
            while (ids[at] != 0) {
                at = (at + 1) & (n - 1);
            }
            ids[at] = s->ids[i];
        }
    }
    free(s->ids);
    s->ids = ids;
    s->n_slots = n;
    return true;
}

/* --- names --- */

/* What is known of a name, made when new. The pointer is good until the next
   name comes. */
static struct stack_name *name_facts(struct stack_table *t, uint32_t id)
{
    while (t->name_facts.n <= id) {
        const struct stack_name none = {STACK_NONE, STACK_NONE, STACK_NONE};
        if (!stack_names_push(&t->name_facts, none)) {
            return NULL;
        }
    }
    return &t->name_facts.items[id];
}

/* The normalised form of a function's name. */
static bool find_func(struct stack_table *t, uint32_t name, uint32_t *func,
                      struct err *err)
{
    struct stack_name *facts = name_facts(t, name);
    if (!facts) {
        return nomem(err);
    }
    if (facts->func != STACK_NONE) {
        *func = facts->func;
        return true;
    }
    struct buf b = BUF_LIMIT(NAME_BYTES_MAX);
    name_normalise(&b, intern_span(&t->names, name));
    bool ok = buf_check(&b, "function name", err) &&
              intern_add(&t->funcs, buf_view(&b), func, err);
    buf_release(&b);
    for (uint32_t f = (uint32_t)t->func_profiler.n; ok && f <= *func; f++) {
        const bool is = series_is_profiler_function(intern_text(&t->funcs, f));
        ok = stack_flags_push(&t->func_profiler, is) || nomem(err);
    }
    if (ok) {
        facts->func = *func;
    }
    return ok;
}

/* Id of the printed name, and of its normalised form. */
static bool intern_function(struct stack_table *t, struct span name,
                            uint32_t *id, uint32_t *func, struct err *err)
{
    return intern_add(&t->names, name, id, err) && find_func(t, *id, func, err);
}

bool stacks_text(struct stack_table *t, struct span text, uint32_t *id,
                 struct err *err)
{
    return intern_add(&t->names, text, id, err);
}

static bool is_text(const struct stack_table *t, uint32_t id, struct span text)
{
    return id < intern_count(&t->names) &&
           span_eq(intern_span(&t->names, id), text);
}

static uint32_t narrow_line(int64_t line)
{
    return line < 0 ? 0 : line > INT32_MAX ? INT32_MAX : (uint32_t)line;
}

/* --- locations --- */

static bool frames_equal(const struct stack_frame *a,
                         const struct stack_frame *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].func != b[i].func || a[i].file != b[i].file ||
            a[i].line != b[i].line) {
            return false;
        }
    }
    return true;
}

static uint64_t frames_hash(const struct stack_frame *f, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15u + n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t key[3] = {f[i].func, f[i].file, f[i].line};
        h = XXH3_64bits_withSeed(key, sizeof key, h);
    }
    return h;
}

static bool loc_is(const struct stack_table *t, uint32_t id,
                   const struct stack_frame *f, size_t n)
{
    const struct stack_loc l = t->locs.items[id];
    return l.n == n && frames_equal(t->frames.items + l.first, f, n);
}

static bool loc_new(struct stack_table *t, size_t first, size_t n, uint64_t h,
                    uint32_t *loc, struct err *err)
{
    if (first + n > UINT32_MAX || n > INT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many different frames");
    }
    struct stack_loc l = {.first = (uint32_t)first,
                          .n = (uint32_t)n & INT32_MAX};
    for (size_t i = 0; i < n; i++) {
        l.is_profiler |=
            t->func_profiler.items[t->frames.items[first + i].func] != 0;
    }
    /* All or nothing: a shared table outlives a lack of memory. */
    if (!stack_locs_reserve(&t->locs, t->locs.n + 1) ||
        !vec_u64_reserve(&t->loc_hash, t->loc_hash.n + 1) ||
        !vec_u32_reserve(&t->loc_next, t->loc_next.n + 1)) {
        return nomem(err);
    }
    *loc = (uint32_t)t->locs.n;
    t->locs.items[t->locs.n++] = l;
    t->loc_hash.items[t->loc_hash.n++] = h;
    t->loc_next.items[t->loc_next.n++] = STACK_NONE;
    return true;
}

/* The last `n` frames of t->frames are a candidate: keeps them as a new
   location, or drops them for the equal one that exists. `guess` is looked at
   first, and may be any id. */
static bool loc_commit(struct stack_table *t, size_t n, uint32_t guess,
                       uint32_t *loc, struct err *err)
{
    const size_t first = t->frames.n - n;
    const struct stack_frame *f = t->frames.items + first;
    if (guess < t->locs.n && loc_is(t, guess, f, n)) {
        t->frames.n = first;
        *loc = guess;
        return true;
    }
    const uint64_t h = frames_hash(f, n);
    if ((t->loc_slots.n_used + 1) * 2 > t->loc_slots.n_slots &&
        !slots_grow(&t->loc_slots, t->loc_hash.items)) {
        return nomem(err);
    }
    size_t at = h & (t->loc_slots.n_slots - 1);
    for (; t->loc_slots.ids[at] != 0;
         at = (at + 1) & (t->loc_slots.n_slots - 1)) {
        const uint32_t id = t->loc_slots.ids[at] - 1;
        if (t->loc_hash.items[id] == h && loc_is(t, id, f, n)) {
            t->frames.n = first;
            *loc = id;
            return true;
        }
    }
    if (!loc_new(t, first, n, h, loc, err)) {
        return false;
    }
    t->loc_slots.ids[at] = *loc + 1;
    t->loc_slots.n_used++;
    return true;
}

/* Id of a string of the profile, found once a string. */
bool stacks_map_string(struct stacks_map *m, struct stack_table *t,
                       const struct profile *p, str_id s, uint32_t guess,
                       uint32_t *id, struct err *err)
{
    uint32_t *known = &m->string_of.items[s.i];
    if (*known == STACK_NONE) {
        if (is_text(t, guess, profile_span(p, s))) {
            *known = guess;
        } else if (!intern_add(&t->names, profile_span(p, s), known, err)) {
            return false;
        }
    }
    *id = *known;
    return true;
}

static bool map_function(struct stacks_map *m, struct stack_table *t,
                         const struct profile *p, uint32_t i, uint32_t *guess,
                         struct err *err)
{
    const struct profile_function *f = &p->functions[i];
    uint32_t name = *guess;
    if (!is_text(t, name, profile_span(p, f->name)) &&
        !intern_add(&t->names, profile_span(p, f->name), &name, err)) {
        return false;
    }
    m->name_of.items[i] = name;
    if (!find_func(t, name, &m->func_of.items[i], err)) {
        return false;
    }
    const uint32_t file = t->name_facts.items[name].file;
    if (!stacks_map_string(m, t, p, f->file, file, &m->file_of.items[i], err)) {
        return false;
    }
    t->name_facts.items[name].file = m->file_of.items[i];
    if (i == 0) {
        t->first_name = name;
    } else {
        t->name_facts.items[m->name_of.items[i - 1]].next = name;
    }
    *guess = t->name_facts.items[name].next;
    return true;
}

static bool map_functions(struct stacks_map *m, struct stack_table *t,
                          const struct profile *p, struct err *err)
{
    if (!vec_u32_reserve(&m->func_of, p->n_functions) ||
        !vec_u32_reserve(&m->name_of, p->n_functions) ||
        !vec_u32_reserve(&m->file_of, p->n_functions)) {
        return nomem(err);
    }
    uint32_t guess = t->first_name;
    for (uint32_t i = 0; i < p->n_functions; i++) {
        if (!map_function(m, t, p, i, &guess, err)) {
            return false;
        }
    }
    return true;
}

/* A location without symbols is told apart by its address. */
static bool push_address(struct stack_table *t, uint64_t address,
                         struct err *err)
{
    struct buf b = BUF_LIMIT(64);
    buf_printf(&b, "0x%llx", (unsigned long long)address);
    struct stack_frame f = {0};
    bool ok = intern_function(t, buf_view(&b), &f.name, &f.func, err) &&
              intern_add(&t->names, SPAN_LIT(""), &f.file, err);
    buf_release(&b);
    if (ok && !stack_frames_push(&t->frames, f)) {
        ok = nomem(err);
    }
    return ok;
}

static bool map_location(struct stacks_map *m, struct stack_table *t,
                         const struct profile *p, uint32_t i, uint32_t guess,
                         struct err *err)
{
    const struct profile_location *l = &p->locations[i];
    size_t n = 0;
    for (uint32_t k = 0; k < l->n_lines; k++) {
        const struct profile_line *line = &p->lines[l->first_line + k];
        if (line->function == PROFILE_NONE) {
            continue;
        }
        const struct stack_frame f = {
            m->func_of.items[line->function], m->name_of.items[line->function],
            m->file_of.items[line->function], narrow_line(line->line),
            narrow_line(p->functions[line->function].start_line)};
        if (!stack_frames_push(&t->frames, f)) {
            return nomem(err);
        }
        n++;
    }
    if (n == 0) {
        if (!push_address(t, l->address, err)) {
            return false;
        }
        n = 1;
    }
    return loc_commit(t, n, guess, &m->loc_of.items[i], err);
}

static bool map_locations(struct stacks_map *m, struct stack_table *t,
                          const struct profile *p, struct err *err)
{
    if (!vec_u32_reserve(&m->loc_of, p->n_locations)) {
        return nomem(err);
    }
    uint32_t guess = t->first_loc;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        if (!map_location(m, t, p, i, guess, err)) {
            return false;
        }
        const uint32_t loc = m->loc_of.items[i];
        if (i == 0) {
            t->first_loc = loc;
        } else {
            t->loc_next.items[m->loc_of.items[i - 1]] = loc;
        }
        guess = t->loc_next.items[loc];
    }
    return true;
}

bool stacks_map_init(struct stacks_map *m, struct stack_table *t,
                     const struct profile *p, struct err *err)
{
    *m = (struct stacks_map){.previous = STACK_NONE};
    if (!vec_u32_reserve(&m->string_of, p->n_strings)) {
        return nomem(err);
    }
    for (uint32_t i = 0; i < p->n_strings; i++) {
        m->string_of.items[i] = STACK_NONE;
    }
    return map_functions(m, t, p, err) && map_locations(m, t, p, err);
}

void stacks_map_release(struct stacks_map *m)
{
    vec_u32_release(&m->func_of);
    vec_u32_release(&m->name_of);
    vec_u32_release(&m->file_of);
    vec_u32_release(&m->loc_of);
    vec_u32_release(&m->key);
    vec_u32_release(&m->string_of);
    vec_u32_release(&m->labels);
}

/* --- locations frame by frame --- */

bool stacks_build_frame(struct stack_table *t, struct stacks_builder *b,
                        struct span function, struct span file, int64_t line,
                        struct err *err)
{
    struct stack_frame f = {.line = narrow_line(line)};
    if (!intern_function(t, function, &f.name, &f.func, err) ||
        !intern_add(&t->names, file, &f.file, err)) {
        return false;
    }
    b->n_frames++;
    return stack_frames_push(&t->frames, f) || nomem(err);
}

bool stacks_build_location(struct stack_table *t, struct stacks_builder *b,
                           struct err *err)
{
    uint32_t loc = 0;
    const size_t n = b->n_frames;
    if (!loc_commit(t, n, STACK_NONE, &loc, err)) {
        return false;
    }
    b->n_frames = 0;
    b->n_locs++;
    return vec_u32_push(&b->key, loc) || nomem(err);
}

/* --- the table --- */

bool stacks_slots_reach(struct stack_table *t, struct err *err)
{
    const size_t n = t->slot_of_row.n;
    if (n >= t->rows.n) {
        return true;
    }
    if (!vec_u32_reserve(&t->slot_of_row, t->rows.n)) {
        return nomem(err);
    }
    memset(t->slot_of_row.items + n, 0, (t->rows.n - n) * sizeof(uint32_t));
    t->slot_of_row.n = t->rows.n;
    return true;
}

static size_t intern_bytes(const struct intern *t)
{
    return t->arena.block_bytes + t->entries.cap * sizeof *t->entries.items +
           t->n_slots * sizeof *t->slots;
}

size_t stacks_bytes(const struct stack_table *t)
{
    return intern_bytes(&t->funcs) + intern_bytes(&t->names) +
           t->name_facts.cap * sizeof *t->name_facts.items +
           t->func_profiler.cap + t->frames.cap * sizeof *t->frames.items +
           t->locs.cap * (sizeof *t->locs.items + sizeof(uint64_t)) +
           (t->loc_next.cap + t->loc_slots.n_slots + t->keys.cap +
            t->successor.cap + t->row_slots.n_slots + t->n_label_sets.cap +
            t->slot_of_row.cap) *
               sizeof(uint32_t) +
           t->rows.cap * sizeof *t->rows.items;
}

void stacks_release(struct stack_table *t)
{
    intern_release(&t->funcs);
    intern_release(&t->names);
    stack_names_release(&t->name_facts);
    stack_flags_release(&t->func_profiler);
    stack_frames_release(&t->frames);
    stack_locs_release(&t->locs);
    vec_u64_release(&t->loc_hash);
    vec_u32_release(&t->loc_next);
    free(t->loc_slots.ids);
    stack_rows_release(&t->rows);
    vec_u32_release(&t->keys);
    vec_u32_release(&t->successor);
    free(t->row_slots.ids);
    vec_u32_release(&t->n_label_sets);
    vec_u32_release(&t->slot_of_row);
    *t = (struct stack_table){0};
}
