/* Two looks at one heap: the same state, or another process? Shared by series
   (states.c, segment.c) and histories. Cells are sorted by row. */
#ifndef SEEP_SERIES_STATES_PRIVATE_H
#define SEEP_SERIES_STATES_PRIVATE_H

#include "series/stacks_private.h"

/* `table_row` gives the table's number of a row; NULL: it is that already. */
bool cells_same_state(const struct series_cells_vec *a,
                      const struct series_cells_vec *b,
                      const struct stack_table *t, const uint32_t *table_row);

/* Texts count the collections: one in between makes the same state news. */
bool memstats_collected_between(const struct memstats *a,
                                const struct memstats *b);

/* Is there a record whose alloc_objects is lower in `b` than in `a`? Within
   one process none ever falls. */
bool cells_alloc_falls(const struct series_cells_vec *a,
                       const struct series_cells_vec *b);

/* Does it count what was allocated at all? */
bool cells_have_alloc(const struct series_cells_vec *cells);

#endif
