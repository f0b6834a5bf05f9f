/*
 * Where things are in a binary: from its symbols, else from the runtime's own
 * table of itself (moduledata), which no strip can take away and which is
 * found by its first word: it points to pclntab, and pclntab begins with a
 * number of its version.
 */
#include "heap/binary_private.h"
#include "heap/build_minor_private.h"

#include <string.h>

#include "base/banned.h"

/* --- symbols --- */

struct place_row {
    const char *name;
    size_t at;
};
#define PLACE(name, member)                                                    \
    {                                                                          \
        name, offsetof(struct binary_places, member)                           \
    }
static const struct place_row place_rows[] = {
    PLACE("runtime.types", types),
    PLACE("runtime.etypes", types_end),
    PLACE("runtime.text", text),
    PLACE("runtime.etext", text_end),
    PLACE("runtime.data", data),
    PLACE("runtime.edata", data_end),
    PLACE("runtime.bss", bss),
    PLACE("runtime.ebss", bss_end),
    PLACE("runtime.pclntab", function_table),
    PLACE("runtime.firstmoduledata", module),
    PLACE("go:func.*", functions_data),
    PLACE("go.func.*", functions_data),
};
#undef PLACE

static void note_place(struct binary *b, const char *name, uint64_t address)
{
    if (strncmp(name, "runtime.", 8) != 0 && strncmp(name, "go", 2) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(place_rows) / sizeof(place_rows[0]); i++) {
        if (strcmp(place_rows[i].name, name) == 0) {
            memcpy((char *)&b->places + place_rows[i].at, &address,
                   sizeof(address));
            return;
        }
    }
}

static bool is_writable(const struct binary *b, uint64_t address)
{
    for (size_t i = 0; i < b->segments.n; i++) {
        const struct binary_segment *s = &b->segments.items[i];
        if (s->is_writable && address >= s->address &&
            address - s->address < s->memory_bytes) {
            return true;
        }
    }
    return false;
}

static bool add_symbol(struct binary *b, const GElf_Sym *s, size_t names,
                       struct err *err)
{
    const char *name = b->lib.elf_strptr(b->elf, names, s->st_name);
    if (name == NULL || name[0] == '\0') {
        return true;
    }
    note_place(b, name, s->st_value);
    if (GELF_ST_TYPE(s->st_info) != STT_OBJECT || s->st_size == 0 ||
        !is_writable(b, s->st_value)) {
        return true;
    }
    if (b->symbols.n >= LIMIT_SYMBOLS) {
        return err_set(err, ERR_LIMIT, "above %u symbols", LIMIT_SYMBOLS);
    }
    const struct graph_symbol g = {s->st_value, s->st_size, name};
    return graph_symbols_push(&b->symbols, g) || err_nomem(err, "symbols");
}

static bool read_symbols(struct binary *b, Elf_Scn *scn, const GElf_Shdr *h,
                         struct err *err)
{
    Elf_Data *data = b->lib.elf_getdata(scn, NULL);
    if (data == NULL) {
        return err_set(err, ERR_FORMAT, "symbol table: %s",
                       b->lib.elf_errmsg(-1));
    }
    GElf_Sym s;
    for (int i = 0; b->lib.gelf_getsym(data, i, &s) != NULL; i++) {
        if (!add_symbol(b, &s, h->sh_link, err)) {
            return false;
        }
    }
    return true;
}

static bool read_symbol_tables(struct binary *b, struct err *err)
{
    Elf_Scn *scn = NULL;
    while ((scn = b->lib.elf_nextscn(b->elf, scn)) != NULL) {
        GElf_Shdr h;
        if (b->lib.gelf_getshdr(scn, &h) && h.sh_type == SHT_SYMTAB &&
            !read_symbols(b, scn, &h, err)) {
            return false;
        }
    }
    if (b->symbols.n > 0) {
        b->parts |= BINARY_SYMBOLS;
    }
    return true;
}

/* --- pclntab --- */

/* 16, 18 or 20 of Go 1.x; 0: no pclntab begins here. */
static unsigned table_version(const struct binary *b, const uint8_t *p,
                              uint64_t n)
{
    static const struct {
        uint32_t magic;
        unsigned version;
    } rows[] = {
        {0xfffffffa, 16},
        {0xfffffff0, 18},
        {0xfffffff1, 20}
    };
    if (n < 16 || p[4] != 0 || p[5] != 0 || p[7] != b->pointer_bytes ||
        (p[6] != 1 && p[6] != 2 && p[6] != 4)) {
        return 0;
    }
    const uint64_t magic = number_at(p, 4, b->is_big_endian);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].magic == magic) {
            return rows[i].version;
        }
    }
    return 0;
}

static bool is_table_at(struct binary *b, uint64_t address)
{
    uint64_t n = 0;
    const uint8_t *p = binary_at(b, address, &n);
    const unsigned version = p ? table_version(b, p, n) : 0;
    if (version != 0) {
        b->places.function_table = address;
        b->functions.version = version;
    }
    return version != 0;
}

static bool scan_for_table(struct binary *b)
{
    for (size_t i = 0; i < b->segments.n; i++) {
        const struct binary_segment *s = &b->segments.items[i];
        /* Alignment is of addresses; segments begin at pages. */
        for (uint64_t at = 0; at + 16 <= s->bytes; at += 8) {
            const uint8_t *p = b->image + s->offset + at;
            if (table_version(b, p, s->bytes - at) != 0) {
                return is_table_at(b, s->address + at);
            }
        }
    }
    return false;
}

static bool find_table(struct binary *b)
{
    static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};
    if (b->places.function_table != 0 &&
        is_table_at(b, b->places.function_table)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct binary_section *s = binary_section(b, names[i]);
        if (s && is_table_at(b, s->address)) {
            return true;
        }
    }
    return scan_for_table(b);
}

/* --- moduledata --- */

/* Words of moduledata that we want; covctrs came with 1.20, gofunc with 1.18.
   Where the word after `types` is below it, a length has moved in between. */
enum {
    MODULE_FIRST_TABLE = 1, /* funcnametab: points into pclntab */
    MODULE_TEXT = 22,
    MODULE_DATA = 26,
    MODULE_BSS = 28,
    MODULE_TYPES = 35,
    MODULE_BYTES = 44 * 8
};

static uint64_t module_word(const struct binary *b, uint64_t module, unsigned i)
{
    return binary_word(b, module + (uint64_t)i * b->pointer_bytes);
}

static bool is_module_at(const struct binary *b, uint64_t address)
{
    const uint64_t text = module_word(b, address, MODULE_TEXT);
    const uint64_t text_end = module_word(b, address, MODULE_TEXT + 1);
    const uint64_t data = module_word(b, address, MODULE_DATA);
    const uint64_t data_end = module_word(b, address, MODULE_DATA + 1);
    return module_word(b, address, 0) == b->places.function_table &&
           module_word(b, address, MODULE_FIRST_TABLE) >
               b->places.function_table &&
           text < text_end && data <= data_end && is_writable(b, data);
}

static bool scan_for_module(struct binary *b)
{
    for (size_t i = 0; i < b->segments.n; i++) {
        const struct binary_segment *s = &b->segments.items[i];
        if (!s->is_writable) {
            continue;
        }
        for (uint64_t at = 0; at + MODULE_BYTES <= s->bytes;
             at += b->pointer_bytes) {
            const uint64_t word = number_at(b->image + s->offset + at,
                                            b->pointer_bytes, b->is_big_endian);
            if (word == b->places.function_table &&
                is_module_at(b, s->address + at)) {
                b->places.module = s->address + at;
                return true;
            }
        }
    }
    return false;
}

static void fill(uint64_t *place, uint64_t address)
{
    if (*place == 0) {
        *place = address;
    }
}

static void read_module(struct binary *b)
{
    struct binary_places *p = &b->places;
    const uint64_t m = p->module;
    unsigned types = MODULE_TYPES + (b->functions.version >= 20 ? 2 : 0);
    fill(&p->text, module_word(b, m, MODULE_TEXT));
    fill(&p->text_end, module_word(b, m, MODULE_TEXT + 1));
    fill(&p->data, module_word(b, m, MODULE_DATA));
    fill(&p->data_end, module_word(b, m, MODULE_DATA + 1));
    fill(&p->bss, module_word(b, m, MODULE_BSS));
    fill(&p->bss_end, module_word(b, m, MODULE_BSS + 1));
    fill(&p->types, module_word(b, m, types));
    if (module_word(b, m, types + 1) < p->types) {
        types++;
    }
    fill(&p->types_end, module_word(b, m, types + 1));
    if (b->functions.version >= 18) {
        fill(&p->functions_data, module_word(b, m, types + 3));
    }
}

/* --- all --- */

static bool has_go_section(const struct binary *b)
{
    static const char *const names[] = {".go.buildinfo", ".note.go.buildid",
                                        ".gopclntab"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (binary_section(b, names[i])) {
            return true;
        }
    }
    return false;
}

bool binary_find_places(struct binary *b, struct err *err)
{
    if (!read_symbol_tables(b, err)) {
        return false;
    }
    const bool has_table = find_table(b);
    if (has_table &&
        ((b->places.module != 0 && is_module_at(b, b->places.module)) ||
         scan_for_module(b))) {
        read_module(b);
    }
    if (!has_table && !has_go_section(b)) {
        return err_set(err, ERR_FORMAT, "an ELF file, but no Go program");
    }
    return true;
}

/* --- the version of Go --- */

/* Since Go 1.18 the text itself: a length of varint form in front. */
static struct span inline_version(const uint8_t *p, uint64_t n)
{
    uint64_t len = 0;
    for (unsigned i = 0, shift = 0; i < n && shift < 32; i++, shift += 7) {
        len |= (uint64_t)(p[i] & 0x7f) << shift;
        if (p[i] < 0x80) {
            const uint64_t left = n - i - 1;
            return (struct span){(const char *)p + i + 1,
                                 (size_t)(len < left ? len : left)};
        }
    }
    return (struct span){0};
}

/* Before, the address of a string. */
static struct span pointed_version(const struct binary *b, uint64_t header)
{
    uint64_t n = 0;
    const uint64_t len = binary_word(b, header + b->pointer_bytes);
    const uint8_t *p = binary_at(b, binary_word(b, header), &n);
    return p && len <= n ? (struct span){(const char *)p, (size_t)len}
                         : (struct span){0};
}

enum { BUILD_HEADER_BYTES = 32, BUILD_ALIGN = 16 };

/* Its section, else where it begins with its magic; 0 nowhere. */
static uint64_t find_build_info(const struct binary *b)
{
    static const char magic[] = "\xff Go buildinf:";
    const size_t n_magic = sizeof(magic) - 1;
    const struct binary_section *named = binary_section(b, ".go.buildinfo");
    for (size_t i = 0; i < b->segments.n; i++) {
        const struct binary_segment *s = &b->segments.items[i];
        for (uint64_t at = 0;
             s->is_writable && at + BUILD_HEADER_BYTES < s->bytes;
             at += BUILD_ALIGN) {
            if ((!named || named->address == s->address + at) &&
                memcmp(b->image + s->offset + at, magic, n_magic) == 0) {
                return s->address + at;
            }
        }
    }
    return 0;
}

void binary_find_build(struct binary *b)
{
    enum { FLAGS = 15, IS_INLINE = 2, VERSION_MAX = 100 };
    const uint64_t at = find_build_info(b);
    uint64_t n = 0;
    const uint8_t *p = at != 0 ? binary_at(b, at, &n) : NULL;
    struct span version = {0};
    if (p && n > BUILD_HEADER_BYTES) {
        version =
            p[FLAGS] & IS_INLINE
                ? inline_version(p + BUILD_HEADER_BYTES, n - BUILD_HEADER_BYTES)
                : pointed_version(b, binary_word(b, at + 16));
    }
    if (version.len > 0 && version.len < VERSION_MAX &&
        (span_starts(version, "go1.") || span_starts(version, "devel"))) {
        b->build = arena_strdup(&b->arena, version);
    }
    b->minor = go_minor(span_of(b->build ? b->build : ""));
}
