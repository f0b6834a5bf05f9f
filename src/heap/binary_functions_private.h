/* pclntab, between looking up a pc and walking all lines. */
#ifndef SEEP_HEAP_BINARY_FUNCTIONS_PRIVATE_H
#define SEEP_HEAP_BINARY_FUNCTIONS_PRIVATE_H

#include "heap/binary_private.h"

/* One function; places in pclntab are offsets from its begin, those of tables
   of values from the begin of tables. */
struct function_row {
    uint64_t entry, end;
    uint64_t name;         /* in names */
    uint64_t files, lines; /* tables */
    uint64_t unit;         /* of its files, in units */
    uint64_t first_line;   /* 0 unknown */
    uint64_t pcdata, n_pcdata, n_funcdata;
};
bool function_at(const struct binary *b, uint64_t i, struct function_row *out);
uint64_t function_entry(const struct binary *b, uint64_t i);
bool function_index(const struct binary *b, uint64_t pc, uint64_t *index);

/* A number at an offset of pclntab; 0 beyond its end. */
uint64_t table_number(const struct binary *b, uint64_t at, unsigned bytes);
/* A text that ends within the table, else NULL. */
const char *table_text(const struct function_table *t, uint64_t base,
                       uint64_t offset);

/* "main.push[go.shape.int]" -> "main.push[...]"; lives as long as b. */
const char *printed_function(struct binary *b, const char *name);

/* A cursor over a table of values: `value` holds up to `pc`, exclusively. */
struct pc_values {
    const uint8_t *p, *end;
    uint64_t pc;
    int32_t value;
    unsigned quantum;
    bool has_begun;
};
struct pc_values pc_values_of(const struct binary *b, uint64_t table,
                              uint64_t entry);
bool pc_values_next(struct pc_values *v);
bool pc_value_at(const struct binary *b, uint64_t table, uint64_t entry,
                 uint64_t pc, int32_t *out);

/* A function's inlined calls, and the table of which of them a pc is in; 0
   none. */
struct inline_tree {
    uint64_t address, indices;
};
struct inline_tree inline_tree_of(const struct binary *b,
                                  const struct function_row *f);
uint32_t inlined_name(const struct binary *b, const struct inline_tree *t,
                      int32_t index);

/* The file with a number of the function's unit; NULL unknown. */
const char *file_name(const struct binary *b, const struct function_row *f,
                      int32_t number);

#endif
