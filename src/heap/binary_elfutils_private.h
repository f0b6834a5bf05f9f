/*
 * libelf and libdw, loaded when the first binary is opened (base/library.h):
 * with what they bring they cost a start of every other command.
 */
#ifndef SEEP_HEAP_BINARY_ELFUTILS_PRIVATE_H
#define SEEP_HEAP_BINARY_ELFUTILS_PRIVATE_H

#include "base/err.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

#define ELF_FUNCTIONS(X)                                                       \
    X(elf_end)                                                                 \
    X(elf_errmsg)                                                              \
    X(elf_getdata)                                                             \
    X(elf_getphdrnum)                                                          \
    X(elf_getshdrstrndx)                                                       \
    X(elf_kind)                                                                \
    X(elf_memory)                                                              \
    X(elf_nextscn)                                                             \
    X(elf_strptr)                                                              \
    X(elf_version)                                                             \
    X(gelf_getchdr)                                                            \
    X(gelf_getehdr)                                                            \
    X(gelf_getphdr)                                                            \
    X(gelf_getshdr)                                                            \
    X(gelf_getsym)

#define DWARF_FUNCTIONS(X)                                                     \
    X(dwarf_attr)                                                              \
    X(dwarf_begin_elf)                                                         \
    X(dwarf_child)                                                             \
    X(dwarf_dieoffset)                                                         \
    X(dwarf_end)                                                               \
    X(dwarf_errmsg)                                                            \
    X(dwarf_formaddr)                                                          \
    X(dwarf_formflag)                                                          \
    X(dwarf_formref_die)                                                       \
    X(dwarf_formstring)                                                        \
    X(dwarf_formudata)                                                         \
    X(dwarf_getattrs)                                                          \
    X(dwarf_getlocation)                                                       \
    X(dwarf_getlocation_addr)                                                  \
    X(dwarf_getlocation_attr)                                                  \
    X(dwarf_haspc)                                                             \
    X(dwarf_highpc)                                                            \
    X(dwarf_lowpc)                                                             \
    X(dwarf_nextcu)                                                            \
    X(dwarf_offdie)                                                            \
    X(dwarf_siblingof)                                                         \
    X(dwarf_tag)                                                               \
    X(dwarf_whatattr)                                                          \
    X(dwarf_whatform)

struct elfutils {
#define X(name) __typeof__(name) *(name);
    ELF_FUNCTIONS(X)
    DWARF_FUNCTIONS(X)
#undef X
};

/* ERR_IO, naming the library that is missing. */
bool elfutils_load(struct elfutils *lib, struct err *err) MUST_USE;

#endif
