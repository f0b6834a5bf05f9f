/* See memory_private.h. Bounded by the table it belongs to. */
#include "rules/memory_private.h"

#include <stdlib.h>
#include <string.h>

VEC_TYPE(memory_files, const char *) /* the table's; NULL = not looked for */
VEC_TYPE(memory_programs, struct memory_program *)

struct rules_memory {
    const struct stack_table *table; /* of its first use, and of no other */
    struct memory_programs programs;
    struct memory_files main_files; /* per row of the table */
};

static bool nomem(struct err *err)
{
    return err_nomem(err, "remembering stacks");
}

struct rules_memory *rules_memory_new(void)
{
    return calloc(1, sizeof(struct rules_memory));
}

static void program_free(struct memory_program *p)
{
    free(p->program);
    free(p->module);
    free(p->row_at.slots);
    free(p->origins.slots);
    memory_rows_release(&p->rows);
    vec_u32_release(&p->parents);
    free(p);
}

void rules_memory_free(struct rules_memory *m)
{
    if (!m) {
        return;
    }
    for (size_t i = 0; i < m->programs.n; i++) {
        program_free(m->programs.items[i]);
    }
    memory_programs_release(&m->programs);
    memory_files_release(&m->main_files);
    free(m);
}

size_t rules_memory_bytes(const struct rules_memory *m)
{
    size_t n = sizeof *m + m->main_files.cap * sizeof *m->main_files.items;
    for (size_t i = 0; i < m->programs.n; i++) {
        const struct memory_program *p = m->programs.items[i];
        n += sizeof *p + p->rows.cap * sizeof *p->rows.items +
             p->parents.cap * sizeof *p->parents.items +
             (p->row_at.n_slots + p->origins.n_slots) * sizeof(uint64_t);
    }
    return n;
}

/* --- maps --- */

static size_t slot_of(const struct memory_map *m, uint32_t id)
{
    const size_t mask = m->n_slots - 1;
    size_t at = ((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (m->slots[at] != 0 && m->slots[at] >> 32 != (uint64_t)id + 1) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool map_find(const struct memory_map *m, uint32_t id, uint32_t *number)
{
    if (m->n_slots == 0) {
        return false;
    }
    const uint64_t slot = m->slots[slot_of(m, id)];
    *number = (uint32_t)slot;
    return slot != 0;
}

static bool map_grow(struct memory_map *m)
{
    struct memory_map more = {.n_slots = m->n_slots ? m->n_slots * 2 : 256,
                              .n_used = m->n_used};
    more.slots = calloc(more.n_slots, sizeof *more.slots);
    if (!more.slots) {
        return false;
    }
    for (size_t i = 0; i < m->n_slots; i++) {
        if (m->slots[i] != 0) {
            const uint32_t id = (uint32_t)((m->slots[i] >> 32) - 1);
            more.slots[slot_of(&more, id)] = m->slots[i];
        }
    }
    free(m->slots);
    *m = more;
    return true;
}

/* `id` is below UINT32_MAX: ids of rows and functions are. */
static bool map_put(struct memory_map *m, uint32_t id, uint32_t number,
                    struct err *err)
{
    if ((m->n_used + 1) * 2 > m->n_slots && !map_grow(m)) {
        return nomem(err);
    }
    uint64_t *slot = &m->slots[slot_of(m, id)];
    m->n_used += *slot == 0;
    *slot = ((uint64_t)id + 1) << 32 | number;
    return true;
}

/* --- programs --- */

static char *copy(struct span text)
{
    char *p = malloc(text.len + 1);
    if (p) {
        if (text.len > 0) {
            memcpy(p, text.p, text.len);
        }
        p[text.len] = '\0';
    }
    return p;
}

static struct memory_program *
program_new(struct rules_memory *m, struct span program, struct span module)
{
    struct memory_program *p = calloc(1, sizeof *p);
    if (!p) {
        return NULL;
    }
    p->program = copy(program);
    p->module = copy(module);
    if (!p->program || !p->module || !memory_programs_push(&m->programs, p)) {
        program_free(p);
        return NULL;
    }
    return p;
}

/* May this series use the memory? */
static bool is_of(const struct rules_memory *m, const struct series *s)
{
    const struct stack_table *t = series_shared_table(s);
    return t != NULL && (m->table == NULL || m->table == t);
}

struct memory_program *memory_open(struct rules_memory *m,
                                   const struct series *s, struct span module,
                                   struct err *err)
{
    const struct span program = span_of(series_about(s)->program);
    if (!m || !is_of(m, s)) {
        return NULL;
    }
    m->table = series_shared_table(s);
    for (size_t i = 0; i < m->programs.n; i++) {
        struct memory_program *p = m->programs.items[i];
        if (span_is(program, p->program) && span_is(module, p->module)) {
            return p;
        }
    }
    struct memory_program *p = program_new(m, program, module);
    if (!p) {
        (void)nomem(err);
    }
    return p;
}

const struct memory_row *memory_find_row(const struct memory_program *p,
                                         uint32_t row)
{
    uint32_t at = 0;
    return map_find(&p->row_at, row, &at) ? &p->rows.items[at] : NULL;
}

bool memory_put_row(struct memory_program *p, uint32_t row,
                    const struct memory_row *m, struct err *err)
{
    uint32_t at = 0;
    if (map_find(&p->row_at, row, &at)) {
        p->rows.items[at] = *m;
        return true;
    }
    at = (uint32_t)p->rows.n;
    return (memory_rows_push(&p->rows, *m) || nomem(err)) &&
           map_put(&p->row_at, row, at, err);
}

bool memory_find_origin(const struct memory_program *p, uint32_t func,
                        uint8_t *origin)
{
    uint32_t found = 0;
    const bool is_there = map_find(&p->origins, func, &found);
    *origin = (uint8_t)found;
    return is_there;
}

bool memory_put_origin(struct memory_program *p, uint32_t func, uint8_t origin,
                       struct err *err)
{
    return map_put(&p->origins, func, origin, err);
}

/* --- main.main --- */

const char *memory_main_file(const struct rules_memory *m,
                             const struct series *s, uint32_t row, bool *known)
{
    const uint32_t id = series_row_id(s, row);
    *known = m && is_of(m, s) && id < m->main_files.n &&
             m->main_files.items[id] != NULL;
    return *known ? m->main_files.items[id] : "";
}

bool memory_put_main_file(struct rules_memory *m, const struct series *s,
                          uint32_t row, const char *file, struct err *err)
{
    const uint32_t id = series_row_id(s, row);
    if (!m || !is_of(m, s)) {
        return true;
    }
    m->table = series_shared_table(s);
    while (m->main_files.n <= id) {
        if (!memory_files_push(&m->main_files, NULL)) {
            return nomem(err);
        }
    }
    m->main_files.items[id] = file;
    return true;
}
