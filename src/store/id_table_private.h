/* A set of numbers, each with a value: open addressing over ids that a file
   chooses and that may lie far apart. Nothing is ever taken out. */
#ifndef SEEP_STORE_ID_TABLE_PRIVATE_H
#define SEEP_STORE_ID_TABLE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is a valid, empty table. Keys are not 0. */
struct id_table {
    uint32_t *keys;
    uint32_t *values;
    size_t n_slots, n_used;
};

/* NULL: not in it. Valid until the next id_table_put(). */
uint32_t *id_table_find(const struct id_table *t, uint32_t key);

/* Sets it, added when new; false: out of memory. */
bool id_table_put(struct id_table *t, uint32_t key, uint32_t value);
void id_table_release(struct id_table *t);

#endif
