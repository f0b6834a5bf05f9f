/* Between the ELF file of a simulated program and its debug information. */
#ifndef SEEP_SIM_PROGRAM_PRIVATE_H
#define SEEP_SIM_PROGRAM_PRIVATE_H

#include "base/buf.h"
#include "sim/image_private.h"

/* Lowest `bytes` of v, little-endian. */
void sim_put(struct buf *b, uint64_t v, unsigned bytes);

/* The functions of a package are a run of names with that package. */
struct span sim_package_of(const char *symbol);

/* .debug_abbrev and .debug_info: a unit for each package with its functions
   and globals, types in the first. */
bool sim_dwarf_write(const struct sim_layout_of_program *l, struct buf *abbrev,
                     struct buf *info, struct err *err) MUST_USE;

#endif
