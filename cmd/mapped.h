/*
 * Files that are mapped, not read: when one becomes shorter meanwhile, reading
 * what it lost is a fault (SIGBUS) instead of an error. Then the program ends
 * with one line that says so and the status of an input that cannot be read.
 * Copying instead would cost as much memory as the dump has bytes.
 */
#ifndef SEEP_CMD_MAPPED_H
#define SEEP_CMD_MAPPED_H

#include "base/span.h"

/* From now on until mapped_forget() of the same bytes. Both are borrowed.
   Files beyond a small number at once are not watched. */
void mapped_watch(const char *path, struct span bytes);
void mapped_forget(struct span bytes);

#endif
