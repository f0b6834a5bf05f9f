/*
 * Is this the binary that ran? A dump names no module and no build id: we
 * compare what both know, machine, version of Go, place and size of the
 * segments that the dump holds, and the types in interface tables, which lie
 * in read-only data that almost any change of the program moves. A
 * position-independent program may have been loaded anywhere, but its segments
 * keep their distance.
 */
#include "heap/binary_private.h"
#include "heap/heap.h"

#include <string.h>

#include "base/banned.h"

enum { PAGE_BYTES = 4096 };

/* --- the machine --- */

static const struct {
    uint16_t machine;
    const char *arch;
} machines[] = {
    {EM_X86_64,  "amd64"  },
    {EM_386,     "386"    },
    {EM_AARCH64, "arm64"  },
    {EM_ARM,     "arm"    },
    {EM_PPC64,   "ppc64"  },
    {EM_S390,    "s390x"  },
    {EM_RISCV,   "riscv64"},
    {EM_MIPS,    "mips"   },
};

static const char *arch_of(const struct binary *b)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (machines[i].machine == b->machine) {
            return machines[i].arch;
        }
    }
    return NULL;
}

static bool check_machine(const struct binary *b, const struct heap_about *a,
                          struct err *err)
{
    const char *arch = arch_of(b);
    if (a->pointer_bytes != b->pointer_bytes) {
        return err_set(err, ERR_MISMATCH,
                       "the dump is of a %u-bit process, the binary has %u",
                       8 * a->pointer_bytes, 8 * b->pointer_bytes);
    }
    if (a->is_big_endian != b->is_big_endian) {
        return err_set(err, ERR_MISMATCH,
                       "the dump is %s-endian, the binary is not",
                       a->is_big_endian ? "big" : "little");
    }
    /* "ppc64le", "mips64": one machine, several names. */
    if (arch && a->arch && a->arch[0] != '\0' &&
        strncmp(a->arch, arch, strlen(arch)) != 0) {
        return err_set(err, ERR_MISMATCH, "the dump is of %s, the binary of %s",
                       a->arch, arch);
    }
    return true;
}

/* --- the version --- */

/* Without experiments: "go1.26.8 X:nodwarf5". */
static struct span version_of(const char *build)
{
    const struct span s = span_of(build);
    return span_first(s, span_find_char(s, ' '));
}

static bool check_version(const struct binary *b, const struct heap_about *a,
                          struct err *err)
{
    if (a->build == NULL || a->build[0] == '\0' || b->build == NULL ||
        span_eq(version_of(a->build), version_of(b->build))) {
        return true;
    }
    return err_set(err, ERR_MISMATCH,
                   "the dump is of %.60s, the binary was built by %.60s",
                   a->build, b->build);
}

/* --- segments --- */

static bool check_bytes(const char *name, uint64_t dump, uint64_t begin,
                        uint64_t end, struct err *err)
{
    if (begin == 0 || end < begin || dump == end - begin) {
        return true;
    }
    return err_set(err, ERR_MISMATCH,
                   "%s is %llu bytes in the dump, %llu in the binary: "
                   "another build",
                   name, (unsigned long long)dump,
                   (unsigned long long)(end - begin));
}

static bool check_segments(const struct binary *b, const struct heap_about *a,
                           uint64_t bias, struct err *err)
{
    const struct binary_places *p = &b->places;
    if (a->data_address == 0 || a->bss_address == 0) {
        return true; /* they are behind where the dump was cut off */
    }
    if (!check_bytes("data", a->data_bytes, p->data, p->data_end, err) ||
        !check_bytes("bss", a->bss_bytes, p->bss, p->bss_end, err)) {
        return false;
    }
    if (bias != 0 && !b->is_relocated) {
        return err_set(err, ERR_MISMATCH,
                       "data is at %#llx in the dump, at %#llx in the binary: "
                       "another build",
                       (unsigned long long)a->data_address,
                       (unsigned long long)p->data);
    }
    if (bias % PAGE_BYTES != 0 ||
        (p->bss != 0 && a->bss_address - bias != p->bss)) {
        return err_set(err, ERR_MISMATCH,
                       "data and bss do not lie as in the binary: "
                       "another build");
    }
    return true;
}

/* --- interface tables --- */

/* The second word of a table is the address of its type. Tables made while the
   program ran are not in the file. */
static bool check_itabs(const struct binary *b, const struct heap_about *a,
                        uint64_t bias, struct err *err)
{
    for (size_t i = 0; i < a->n_itabs; i++) {
        const struct heap_itab *t = &a->itabs[i];
        const uint64_t type =
            binary_word(b, t->address - bias + b->pointer_bytes);
        if (type != 0 && type + bias != t->type) {
            return err_set(err, ERR_MISMATCH,
                           "the interface table at %#llx is of another type "
                           "in the binary: another build",
                           (unsigned long long)t->address);
        }
    }
    return true;
}

/* --- the bias --- */

/* Everything that was read so far carries addresses of the process. */
static void move_all(struct binary *b, uint64_t bias)
{
    const uint64_t by = bias - b->bias;
    for (uint32_t i = 0; i < b->types.n; i++) {
        struct go_type *t = binary_type_of(b, (type_id){i});
        t->runtime_type += t->runtime_type != 0 ? by : 0;
    }
    for (size_t i = 0; i < b->variables.n; i++) {
        b->variables.items[i].address += by;
    }
    for (size_t i = 0; i < b->symbols.n; i++) {
        b->symbols.items[i].address += by;
    }
    b->bias = bias;
}

bool binary_match(struct binary *b, const struct heap_about *about,
                  bool is_forced, struct err *err)
{
    const bool knows_data = b->places.data != 0 && about->data_address != 0;
    const uint64_t bias = knows_data ? about->data_address - b->places.data : 0;
    /* Words of another size cannot be read, forced or not. */
    if (about->pointer_bytes != b->pointer_bytes ||
        about->is_big_endian != b->is_big_endian) {
        return check_machine(b, about, err);
    }
    if (!is_forced &&
        (!check_machine(b, about, err) || !check_version(b, about, err) ||
         !check_segments(b, about, bias, err) ||
         !check_itabs(b, about, bias, err))) {
        return false;
    }
    move_all(b, b->is_relocated ? bias : 0);
    return true;
}
