/* The two libraries of elfutils, each with the functions asked of it. */
#include "heap/binary_elfutils_private.h"

#include "base/library.h"

#define LIBELF "libelf.so.1"
#define LIBDW  "libdw.so.1"

bool elfutils_load(struct elfutils *lib, struct err *err)
{
#define X(name) {#name, &lib->name},
    const struct library_function elf[] = {ELF_FUNCTIONS(X)};
    const struct library_function dwarf[] = {DWARF_FUNCTIONS(X)};
#undef X
    if (!library_load(LIBELF, elf, sizeof(elf) / sizeof(elf[0]), err) ||
        !library_load(LIBDW, dwarf, sizeof(dwarf) / sizeof(dwarf[0]), err)) {
        return false;
    }
    if (lib->elf_version(EV_CURRENT) == EV_NONE) {
        return err_set(err, ERR_INTERNAL, LIBELF " is older than its header");
    }
    return true;
}
