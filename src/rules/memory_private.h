/*
 * What rows and functions of a shared table say, kept from one judgement to
 * the next: by program and module, since both decide whose code a function is.
 * Ids are the table's, so that every series of the program finds them.
 */
#ifndef SEEP_RULES_MEMORY_PRIVATE_H
#define SEEP_RULES_MEMORY_PRIVATE_H

#include "rules/judge_private.h"

struct rules_memory;

/* Function ids of `facts` are the table's. `parents` are the user functions of
   the row from its site outwards, each once. */
struct memory_row {
    struct row_facts facts;
    bool is_classified; /* as a goroutine's */
    uint32_t first_parent, n_parents;
};
VEC_TYPE(memory_rows, struct memory_row)

/* id -> number; open addressing. */
struct memory_map {
    uint64_t *slots; /* (id + 1) << 32 | number; 0 = free */
    size_t n_slots, n_used;
};

struct memory_program {
    char *program, *module;
    struct memory_map row_at; /* row -> index in `rows` */
    struct memory_rows rows;
    struct vec_u32 parents;
    struct memory_map origins; /* function -> enum frame_origin */
};

/* The part for this series' program and module, made when new. NULL with `err`
   set when memory is out; NULL without, where the series shares no table. */
struct memory_program *memory_open(struct rules_memory *m,
                                   const struct series *s, struct span module,
                                   struct err *err);

/* NULL: not seen yet. */
const struct memory_row *memory_find_row(const struct memory_program *p,
                                         uint32_t row);
/* Adds or replaces. */
bool memory_put_row(struct memory_program *p, uint32_t row,
                    const struct memory_row *m, struct err *err) MUST_USE;

bool memory_find_origin(const struct memory_program *p, uint32_t func,
                        uint8_t *origin);
bool memory_put_origin(struct memory_program *p, uint32_t func, uint8_t origin,
                       struct err *err) MUST_USE;

/* What was put for the row: the file of its main.main frame. Kept apart, since
   the module is found from it. `*known` says whether anything was put. */
const char *memory_main_file(const struct rules_memory *m,
                             const struct series *s, uint32_t row, bool *known);
bool memory_put_main_file(struct rules_memory *m, const struct series *s,
                          uint32_t row, const char *file,
                          struct err *err) MUST_USE;

#endif
