/*
 * The file of a binary, mapped privately: its segments as the process would
 * see them. Relative relocations of a position-independent program are filled
 * in (a bias of zero), so that records that point to each other can be
 * followed whatever the linker left in their place.
 */
#include "heap/binary_private.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

uint64_t number_at(const uint8_t *p, unsigned bytes, bool is_big_endian)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        const unsigned at = is_big_endian ? i : bytes - 1 - i;
        v = v << 8 | p[at];
    }
    return v;
}

const uint8_t *binary_at(const struct binary *b, uint64_t address,
                         uint64_t *n_left)
{
    for (size_t i = 0; i < b->segments.n; i++) {
        const struct binary_segment *s = &b->segments.items[i];
        if (address >= s->address && address - s->address < s->bytes) {
            const uint64_t at = address - s->address;
            *n_left = s->bytes - at;
            return b->image + s->offset + at;
        }
    }
    *n_left = 0;
    return NULL;
}

uint64_t binary_number(const struct binary *b, uint64_t address, unsigned bytes)
{
    uint64_t n = 0;
    const uint8_t *p = binary_at(b, address, &n);
    return p && n >= bytes ? number_at(p, bytes, b->is_big_endian) : 0;
}

uint64_t binary_word(const struct binary *b, uint64_t address)
{
    return binary_number(b, address, b->pointer_bytes);
}

const struct binary_section *binary_section(const struct binary *b,
                                            const char *name)
{
    for (size_t i = 0; i < b->sections.n; i++) {
        if (strcmp(b->sections.items[i].name, name) == 0) {
            return &b->sections.items[i];
        }
    }
    return NULL;
}

/* --- relocations --- */

static const struct {
    uint16_t machine;
    uint32_t relative;
} relocations[] = {
    {EM_X86_64,  8   },
    {EM_AARCH64, 1027},
    {EM_PPC64,   22  },
    {EM_S390,    12  },
    {EM_RISCV,   3   },
};

static void put_word(uint8_t *p, uint64_t v, bool is_big_endian)
{
    for (unsigned i = 0; i < 8; i++) {
        p[is_big_endian ? 7 - i : i] = (uint8_t)(v >> (8 * i));
    }
}

static void relocate(struct binary *b, const struct binary_section *s,
                     uint32_t relative)
{
    enum { RELOCATION_BYTES = 24 };
    for (uint64_t i = 0; i + RELOCATION_BYTES <= s->bytes;
         i += RELOCATION_BYTES) {
        const uint8_t *r = b->image + s->offset + i;
        const uint64_t place = number_at(r, 8, b->is_big_endian);
        const uint64_t info = number_at(r + 8, 8, b->is_big_endian);
        const uint64_t addend = number_at(r + 16, 8, b->is_big_endian);
        uint64_t n = 0;
        const uint8_t *at = binary_at(b, place, &n);
        if ((uint32_t)info == relative && at && n >= 8) {
            put_word(b->image + (at - b->image), addend, b->is_big_endian);
        }
    }
}

/* Programs of 32 bits keep what is to be added in its place. */
static void relocate_all(struct binary *b)
{
    for (size_t i = 0; i < sizeof(relocations) / sizeof(relocations[0]); i++) {
        if (relocations[i].machine != b->machine || b->pointer_bytes != 8) {
            continue;
        }
        for (size_t k = 0; k < b->sections.n; k++) {
            const struct binary_section *s = &b->sections.items[k];
            if (s->kind == SHT_RELA && (s->flags & SHF_ALLOC)) {
                relocate(b, s, relocations[i].relative);
            }
        }
    }
}

/* --- headers --- */

static bool is_within(const struct binary *b, uint64_t offset, uint64_t bytes)
{
    return offset <= b->image_bytes && bytes <= b->image_bytes - offset;
}

static bool read_segments(struct binary *b, struct err *err)
{
    size_t n = 0;
    if (b->lib.elf_getphdrnum(b->elf, &n) != 0) {
        return err_set(err, ERR_FORMAT, "ELF program headers: %s",
                       b->lib.elf_errmsg(-1));
    }
    for (size_t i = 0; i < n && i < UINT16_MAX; i++) {
        GElf_Phdr h;
        if (!b->lib.gelf_getphdr(b->elf, (int)i, &h)) {
            return err_set(err, ERR_FORMAT, "ELF program header %zu: %s", i,
                           b->lib.elf_errmsg(-1));
        }
        if (h.p_type != PT_LOAD) {
            continue;
        }
        if (!is_within(b, h.p_offset, h.p_filesz) || h.p_filesz > h.p_memsz ||
            h.p_vaddr + h.p_memsz < h.p_vaddr) {
            return err_set(err, ERR_FORMAT,
                           "segment %zu does not lie in the file: truncated?",
                           i);
        }
        const struct binary_segment s = {h.p_vaddr, h.p_filesz, h.p_offset,
                                         h.p_memsz, (h.p_flags & PF_W) != 0};
        if (!binary_segments_push(&b->segments, s)) {
            return err_nomem(err, "segments");
        }
    }
    return true;
}

/* What libelf and libdw would inflate is bounded before they see it. */
static bool check_inflated(const struct binary *b, Elf_Scn *scn,
                           const struct binary_section *s, struct err *err)
{
    enum { ZDEBUG_HEADER = 12, ZLIB_RATIO_MAX = 1040 };
    uint64_t inflated = 0;
    GElf_Chdr c;
    if (s->flags & SHF_COMPRESSED) {
        inflated = b->lib.gelf_getchdr(scn, &c) ? c.ch_size : 0;
    } else if (strncmp(s->name, ".zdebug", 7) == 0 &&
               s->bytes >= ZDEBUG_HEADER) {
        inflated = number_at(b->image + s->offset + 4, 8, true);
    }
    if (inflated > LIMIT_SECTION_BYTES ||
        inflated / ZLIB_RATIO_MAX > s->bytes) {
        return err_set(err, ERR_LIMIT,
                       "section %s claims %llu bytes inflated from %llu",
                       s->name, (unsigned long long)inflated,
                       (unsigned long long)s->bytes);
    }
    return true;
}

static bool add_section(struct binary *b, Elf_Scn *scn, size_t names,
                        struct err *err)
{
    GElf_Shdr h;
    if (!b->lib.gelf_getshdr(scn, &h)) {
        return err_set(err, ERR_FORMAT, "ELF section header: %s",
                       b->lib.elf_errmsg(-1));
    }
    const char *name = b->lib.elf_strptr(b->elf, names, h.sh_name);
    struct binary_section s = {name ? name : "", h.sh_addr,  h.sh_size,
                               h.sh_offset,      h.sh_flags, h.sh_type,
                               h.sh_link};
    if (h.sh_type != SHT_NOBITS && !is_within(b, s.offset, s.bytes)) {
        return err_set(err, ERR_FORMAT,
                       "section %s does not lie in the file: truncated?",
                       s.name);
    }
    if (h.sh_type == SHT_NOBITS) {
        s.flags &= ~(uint64_t)SHF_COMPRESSED;
    }
    if (!check_inflated(b, scn, &s, err)) {
        return false;
    }
    return binary_sections_push(&b->sections, s) || err_nomem(err, "sections");
}

static bool read_sections(struct binary *b, struct err *err)
{
    size_t names = 0;
    if (b->lib.elf_getshdrstrndx(b->elf, &names) != 0) {
        return err_set(err, ERR_FORMAT, "ELF section names: %s",
                       b->lib.elf_errmsg(-1));
    }
    Elf_Scn *scn = NULL;
    while ((scn = b->lib.elf_nextscn(b->elf, scn)) != NULL) {
        if (!add_section(b, scn, names, err)) {
            return false;
        }
    }
    return true;
}

static bool read_header(struct binary *b, struct err *err)
{
    GElf_Ehdr h;
    if (b->lib.elf_kind(b->elf) != ELF_K_ELF ||
        !b->lib.gelf_getehdr(b->elf, &h)) {
        return err_set(err, ERR_FORMAT, "ELF header: %s",
                       b->lib.elf_errmsg(-1));
    }
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN) {
        return err_set(err, ERR_FORMAT, "an ELF file, but no program (type %u)",
                       h.e_type);
    }
    b->is_big_endian = h.e_ident[EI_DATA] == ELFDATA2MSB;
    b->pointer_bytes = h.e_ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
    b->is_relocated = h.e_type == ET_DYN;
    b->machine = h.e_machine;
    return true;
}

/* --- the file --- */

static bool check_kind(const uint8_t *p, uint64_t n, struct err *err)
{
    static const struct {
        const char *magic, *what;
    } others[] = {
        {"MZ",               "a Windows program" },
        {"\xcf\xfa\xed\xfe", "a macOS program"   },
        {"\xca\xfe\xba\xbe", "a macOS program"   },
        {"\x28\xb5\x2f\xfd", "compressed by zstd"},
        {"\x1f\x8b",         "compressed by gzip"},
        {"go1.",             "a heap dump"       },
    };
    if (n >= SELFMAG && memcmp(p, ELFMAG, SELFMAG) == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const size_t len = strlen(others[i].magic);
        if (n >= len && memcmp(p, others[i].magic, len) == 0) {
            return err_set(err, ERR_FORMAT, "not an ELF file: %s",
                           others[i].what);
        }
    }
    return err_set(err, ERR_FORMAT, "not an ELF file");
}

static bool map_file(struct binary *b, const char *path, struct err *err)
{
    bool ok = false;
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        err_set(err, ERR_IO, "cannot open it");
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        err_set(err, ERR_FORMAT,
                S_ISREG(st.st_mode) ? "an empty file" : "not a regular file");
        goto out;
    }
    if ((uint64_t)st.st_size > LIMIT_BINARY_BYTES) {
        err_set(err, ERR_LIMIT, "above %llu bytes",
                (unsigned long long)LIMIT_BINARY_BYTES);
        goto out;
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        err_set(err, ERR_IO, "cannot map it");
        goto out;
    }
    b->image = p;
    b->image_bytes = (uint64_t)st.st_size;
    ok = true;
out:
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool binary_map(struct binary *b, const char *path, struct err *err)
{
    if (!map_file(b, path, err) || !check_kind(b->image, b->image_bytes, err) ||
        !elfutils_load(&b->lib, err)) {
        return false;
    }
    b->elf = b->lib.elf_memory((char *)b->image, (size_t)b->image_bytes);
    if (b->elf == NULL) {
        return err_set(err, ERR_FORMAT, "ELF: %s", b->lib.elf_errmsg(-1));
    }
    if (!read_header(b, err) || !read_segments(b, err) ||
        !read_sections(b, err)) {
        return false;
    }
    if (b->is_relocated) {
        relocate_all(b);
    }
    return true;
}

void binary_unmap(struct binary *b)
{
    if (b->elf) {
        b->lib.elf_end(b->elf);
    }
    if (b->image) {
        munmap(b->image, (size_t)b->image_bytes);
    }
    binary_segments_release(&b->segments);
    binary_sections_release(&b->sections);
}
