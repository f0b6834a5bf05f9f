/* Between the ELF file of a simulated program and its debug information. */
#ifndef SEEP_SIM_PROGRAM_PRIVATE_H
#define SEEP_SIM_PROGRAM_PRIVATE_H

#include "base/buf.h"
#include "sim/image_private.h"

/* Lowest `bytes` of v, little-endian. */
void sim_put(struct buf *b, uint64_t v, unsigned bytes);

/* The file with the functions that are known now; sim_program_write() first
   adds those that only dumps name. */
bool sim_program_of(const struct sim_world *w, struct buf *out,
                    struct err *err) MUST_USE;

/* The GNU build id, that profiles name as well; Go 1.24 and later. */
enum { SIM_BUILD_ID_BYTES = 20 };
void sim_build_id(const struct sim_world *w, uint8_t id[SIM_BUILD_ID_BYTES]);

/* The functions of a package are a run of names with that package. */
struct span sim_package_of(const char *symbol);

/* .debug_abbrev and .debug_info: a unit for each package with its functions
   and globals, types in the first. */
bool sim_dwarf_write(const struct sim_layout_of_program *l, struct buf *abbrev,
                     struct buf *info, struct err *err) MUST_USE;

#endif
