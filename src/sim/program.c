/*
 * The executable that would have written the dump, as far as an analyzer of
 * heap dumps asks for it: sections at their addresses, symbols, and types.
 * There is no code in it and no .gopclntab. The file is put together by hand,
 * since it has few parts and must be the same on every machine.
 */
#include "sim/program_private.h"

#include <elf.h>
#include <string.h>

#include "base/banned.h"

#define LIMIT_PROGRAM ((size_t)1 << 30)

enum {
    ELF_HEADER_BYTES = 64,
    PROGRAM_HEADER_BYTES = 56,
    SYMBOL_BYTES = 24,
    SECTION_HEADER_BYTES = 64,
    FUNCTION_BYTES = 0x400, /* entries are at least so far apart */
    PAGE = 0x1000,
    NOPTRBSS_BYTES = 0x8000,
    NOTES_BYTES = 0x100
};

enum section {
    NO_SECTION,
    NOTE_GO,
    NOTE_GNU,
    TEXT,
    RODATA,
    NOPTRDATA,
    DATA,
    BSS,
    NOPTRBSS,
    DEBUG_ABBREV,
    DEBUG_INFO,
    SYMTAB,
    STRTAB,
    SHSTRTAB,
    N_SECTIONS
};

struct section_row {
    const char *name;
    uint32_t kind;
    uint64_t flags;
};

enum {
    LOADED = SHF_ALLOC,
    WRITTEN = SHF_ALLOC | SHF_WRITE,
    CODE = SHF_ALLOC | SHF_EXECINSTR
};

static const struct section_row rows[N_SECTIONS] = {
    [NO_SECTION] = {"",                   SHT_NULL,     0      },
    [NOTE_GO] = {".note.go.buildid",   SHT_NOTE,     LOADED },
    [NOTE_GNU] = {".note.gnu.build-id", SHT_NOTE,     LOADED },
    [TEXT] = {".text",              SHT_NOBITS,   CODE   },
    [RODATA] = {".rodata",            SHT_PROGBITS, LOADED },
    [NOPTRDATA] = {".noptrdata",         SHT_PROGBITS, WRITTEN},
    [DATA] = {".data",              SHT_PROGBITS, WRITTEN},
    [BSS] = {".bss",               SHT_NOBITS,   WRITTEN},
    [NOPTRBSS] = {".noptrbss",          SHT_NOBITS,   WRITTEN},
    [DEBUG_ABBREV] = {".debug_abbrev",      SHT_PROGBITS, 0      },
    [DEBUG_INFO] = {".debug_info",        SHT_PROGBITS, 0      },
    [SYMTAB] = {".symtab",            SHT_SYMTAB,   0      },
    [STRTAB] = {".strtab",            SHT_STRTAB,   0      },
    [SHSTRTAB] = {".shstrtab",          SHT_STRTAB,   0      },
};

struct program {
    const struct sim_layout_of_program *l;
    struct arena arena;
    struct buf contents[N_SECTIONS]; /* of those with bits */
    uint64_t address[N_SECTIONS], bytes[N_SECTIONS], offset[N_SECTIONS];
    uint32_t name[N_SECTIONS];
};

void sim_put(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t le[8];
    for (unsigned i = 0; i < bytes && i < sizeof(le); i++) {
        le[i] = (uint8_t)(v >> (8 * i));
    }
    buf_add(b, le, bytes);
}

/* --- build ids --- */

static uint64_t next_id(uint64_t state, const struct sim_world *w, unsigned i)
{
    return sim_mix(state, i + (uint64_t)w->options.go);
}

void sim_build_id(const struct sim_world *w, uint8_t id[SIM_BUILD_ID_BYTES])
{
    uint64_t state = sim_mix(sim_hash(w->code.service), w->generation);
    for (unsigned i = 0; i < SIM_BUILD_ID_BYTES; i++) {
        if (i % 4 == 0) {
            state = next_id(state, w, i / 4);
        }
        id[i] = (uint8_t)(state >> (56 - 8 * (i % 4)));
    }
}

static bool has_section(const struct program *p, unsigned section)
{
    return section != NOTE_GNU || p->l->world->options.go >= SIM_GO_1_24;
}

/* The owner's four bytes: "GNU", and "Go" with a zero more. */
static void add_note(struct buf *b, const char owner[4], unsigned kind,
                     struct span value)
{
    enum { OWNER_BYTES = 4 };
    sim_put(b, OWNER_BYTES, 4);
    sim_put(b, value.len, 4);
    sim_put(b, kind, 4);
    buf_add(b, owner, OWNER_BYTES);
    buf_span(b, value);
    buf_repeat(b, '\0', (4 - value.len % 4) % 4);
}

/* The go command's id: four parts of twenty letters. */
static void add_notes(struct program *p)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                  "stuvwxyz0123456789-_";
    enum { N_PARTS = 4, PART = 20, GO_KIND = 4 };
    const struct sim_world *w = p->l->world;
    uint8_t id[SIM_BUILD_ID_BYTES];
    char go[N_PARTS * (PART + 1)];
    uint64_t state = 0;
    sim_build_id(w, id);
    for (unsigned i = 0; i < sizeof(go); i++) {
        state = sim_mix(state, id[i % SIM_BUILD_ID_BYTES]);
        go[i] = '/';
        if (i % (PART + 1) != PART) {
            go[i] = letters[state >> 58];
        }
    }
    add_note(&p->contents[NOTE_GO], "Go\0", GO_KIND,
             (struct span){go, sizeof(go) - 1});
    if (has_section(p, NOTE_GNU)) {
        add_note(&p->contents[NOTE_GNU], "GNU", NT_GNU_BUILD_ID,
                 (struct span){(const char *)id, sizeof(id)});
    }
}

/* --- symbols --- */

/* Of a section in the table of those that there are. */
static unsigned index_of(const struct program *p, unsigned section)
{
    unsigned n = 0;
    for (unsigned i = 0; i < section; i++) {
        n += has_section(p, i) ? 1U : 0U;
    }
    return n;
}

static void add_symbol(struct program *p, const char *name, unsigned kind,
                       enum section section, uint64_t address, uint64_t bytes)
{
    struct buf *symtab = &p->contents[SYMTAB];
    struct buf *strtab = &p->contents[STRTAB];
    sim_put(symtab, strtab->len, 4);
    sim_put(symtab, ELF64_ST_INFO(STB_GLOBAL, kind), 1);
    sim_put(symtab, STV_DEFAULT, 1);
    sim_put(symtab, index_of(p, section), 2);
    sim_put(symtab, address, 8);
    sim_put(symtab, bytes, 8);
    buf_add(strtab, name, strlen(name) + 1);
}

static void add_marks(struct program *p)
{
    const struct sim_layout_of_program *l = p->l;
    const struct {
        const char *name;
        enum section section;
        uint64_t address;
    } marks[] = {
        {"runtime.text",       TEXT,      l->text                    },
        {"runtime.etext",      TEXT,      l->text_end                },
        {"runtime.rodata",     RODATA,    l->text_end                },
        {"runtime.types",      RODATA,    l->types_start             },
        {"runtime.etypes",     RODATA,    l->types_end               },
        {"runtime.erodata",    RODATA,    l->rodata_end              },
        {"runtime.noptrdata",  NOPTRDATA, l->noptrdata               },
        {"runtime.enoptrdata", NOPTRDATA, l->noptrdata_end           },
        {"runtime.data",       DATA,      l->data                    },
        {"runtime.edata",      DATA,      l->data_end                },
        {"runtime.bss",        BSS,       l->bss                     },
        {"runtime.ebss",       BSS,       l->bss_end                 },
        {"runtime.noptrbss",   NOPTRBSS,  l->bss_end                 },
        {"runtime.enoptrbss",  NOPTRBSS,  l->bss_end + NOPTRBSS_BYTES},
        {"runtime.end",        NOPTRBSS,  l->bss_end + NOPTRBSS_BYTES},
    };
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        add_symbol(p, marks[i].name, STT_NOTYPE, marks[i].section,
                   marks[i].address, 0);
    }
}

static void add_symbols(struct program *p)
{
    const struct sim_layout_of_program *l = p->l;
    const struct sim_functions *f = &l->world->code.functions;
    buf_char(&p->contents[STRTAB], '\0');
    for (unsigned i = 0; i < SYMBOL_BYTES; i++) {
        buf_char(&p->contents[SYMTAB], '\0');
    }
    add_marks(p);
    for (size_t i = 0; i < f->n; i++) {
        add_symbol(p, f->items[i].name, STT_FUNC, TEXT, f->items[i].entry,
                   FUNCTION_BYTES);
    }
    for (size_t i = 0; i < l->finalizers.n; i++) {
        char *name = arena_printf(&p->arena,
                                  "%s\xc2\xb7"
                                  "f",
                                  l->finalizers.items[i].function);
        if (name) {
            add_symbol(p, name, STT_OBJECT, RODATA,
                       l->finalizers.items[i].closure, 8);
        }
    }
    for (size_t i = 0; i < l->globals.n; i++) {
        const struct sim_global *g = &l->globals.items[i];
        add_symbol(p, g->name, STT_OBJECT, BSS, g->address,
                   (uint64_t)g->part_bytes * g->n_parts);
    }
    add_symbol(p, "runtime.MemProfileRate", STT_OBJECT, NOPTRDATA, l->noptrdata,
               8);
}

/* --- sections --- */

static void add_zeros(struct buf *b, uint64_t n)
{
    buf_repeat(b, '\0', (size_t)n);
}

static void fill_sections(struct program *p)
{
    /* What keys of maps point to that are no objects: 12 bytes. */
    static const char key[] = "key-of-a-map";
    const struct sim_layout_of_program *l = p->l;
    struct buf *rodata = &p->contents[RODATA];
    add_zeros(rodata, 0x100);
    buf_add(rodata, key, sizeof(key) - 1);
    for (size_t i = 0; i < l->finalizers.n; i++) {
        const struct sim_finalizer *f = &l->finalizers.items[i];
        add_zeros(rodata, f->closure - l->text_end - rodata->len);
        sim_put(rodata, f->entry, 8);
    }
    add_zeros(rodata, l->types_start - l->text_end - rodata->len);
    sim_records_write(l, rodata);
    sim_put(&p->contents[NOPTRDATA], (uint64_t)l->world->options.rate_bytes, 8);
    add_zeros(&p->contents[NOPTRDATA], l->noptrdata_end - l->noptrdata - 8);
    add_zeros(&p->contents[DATA], l->data_end - l->data);
}

static void lay_out_sections(struct program *p)
{
    const struct sim_layout_of_program *l = p->l;
    p->address[NOTE_GO] = l->text - NOTES_BYTES;
    p->address[NOTE_GNU] = l->text - NOTES_BYTES / 2;
    p->address[TEXT] = l->text;
    p->bytes[TEXT] = l->text_end - l->text;
    p->address[RODATA] = l->text_end;
    p->address[NOPTRDATA] = l->noptrdata;
    p->address[DATA] = l->data;
    p->address[BSS] = l->bss;
    p->bytes[BSS] = l->bss_end - l->bss;
    p->address[NOPTRBSS] = l->bss_end;
    p->bytes[NOPTRBSS] = NOPTRBSS_BYTES;
    for (unsigned i = 0; i < N_SECTIONS; i++) {
        p->name[i] = (uint32_t)p->contents[SHSTRTAB].len;
        buf_add(&p->contents[SHSTRTAB], rows[i].name, strlen(rows[i].name) + 1);
    }
    /* Loaded sections at offsets that are congruent to their addresses. */
    uint64_t at = PAGE;
    for (unsigned i = 1; i < N_SECTIONS; i++) {
        if (rows[i].flags & SHF_ALLOC) {
            at += (p->address[i] - at) % PAGE;
        }
        p->offset[i] = at;
        if (rows[i].kind != SHT_NOBITS) {
            p->bytes[i] = p->contents[i].len;
            at += p->bytes[i];
        }
        at = (at + 15) / 16 * 16;
    }
}

/* --- the file --- */

static const struct {
    enum section first, last, last_with_bits;
    uint32_t kind, flags;
} segments[] = {
    {NOTE_GO,   NOTE_GO,  NOTE_GO,  PT_NOTE, PF_R       },
    {NOTE_GO,   TEXT,     NOTE_GNU, PT_LOAD, PF_R | PF_X},
    {RODATA,    RODATA,   RODATA,   PT_LOAD, PF_R       },
    {NOPTRDATA, NOPTRBSS, DATA,     PT_LOAD, PF_R | PF_W},
};
enum { N_SEGMENTS = sizeof(segments) / sizeof(segments[0]) };

static void write_header(const struct program *p, struct buf *out,
                         uint64_t sections)
{
    static const char ident[EI_NIDENT] = {
        0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
    buf_add(out, ident, sizeof(ident));
    sim_put(out, ET_EXEC, 2);
    sim_put(out, EM_X86_64, 2);
    sim_put(out, EV_CURRENT, 4);
    sim_put(out, p->l->text, 8);
    sim_put(out, ELF_HEADER_BYTES, 8);
    sim_put(out, sections, 8);
    sim_put(out, 0, 4);
    sim_put(out, ELF_HEADER_BYTES, 2);
    sim_put(out, PROGRAM_HEADER_BYTES, 2);
    sim_put(out, N_SEGMENTS, 2);
    sim_put(out, SECTION_HEADER_BYTES, 2);
    sim_put(out, index_of(p, N_SECTIONS), 2);
    sim_put(out, index_of(p, SHSTRTAB), 2);
}

static void write_segments(const struct program *p, struct buf *out)
{
    for (size_t i = 0; i < N_SEGMENTS; i++) {
        const enum section first = segments[i].first;
        const enum section last = segments[i].last;
        const enum section bits = segments[i].last_with_bits;
        sim_put(out, segments[i].kind, 4);
        sim_put(out, segments[i].flags, 4);
        sim_put(out, p->offset[first], 8);
        sim_put(out, p->address[first], 8);
        sim_put(out, p->address[first], 8);
        sim_put(out, p->address[bits] + p->bytes[bits] - p->address[first], 8);
        sim_put(out, p->address[last] + p->bytes[last] - p->address[first], 8);
        sim_put(out, segments[i].kind == PT_NOTE ? 4 : PAGE, 8);
    }
}

static void write_sections(const struct program *p, struct buf *out)
{
    for (unsigned i = 0; i < N_SECTIONS; i++) {
        const bool is_symtab = i == SYMTAB;
        if (!has_section(p, i)) {
            continue;
        }
        sim_put(out, p->name[i], 4);
        sim_put(out, rows[i].kind, 4);
        sim_put(out, rows[i].flags, 8);
        sim_put(out, p->address[i], 8);
        sim_put(out, p->offset[i], 8);
        sim_put(out, p->bytes[i], 8);
        sim_put(out, is_symtab ? index_of(p, STRTAB) : 0, 4);
        sim_put(out, is_symtab ? 1 : 0, 4); /* the first that is global */
        sim_put(out,
                i == NO_SECTION             ? 0
                : rows[i].kind == SHT_NOTE  ? 4
                : rows[i].flags & SHF_ALLOC ? 16
                                            : 1,
                8);
        sim_put(out, is_symtab ? SYMBOL_BYTES : 0, 8);
    }
}

static void write_file(const struct program *p, struct buf *out)
{
    const uint64_t end = p->offset[SHSTRTAB] + p->bytes[SHSTRTAB];
    const uint64_t sections = (end + 15) / 16 * 16;
    const size_t start = out->len;
    write_header(p, out, sections);
    write_segments(p, out);
    for (unsigned i = 1; i < N_SECTIONS; i++) {
        if (rows[i].kind != SHT_NOBITS && has_section(p, i)) {
            add_zeros(out, p->offset[i] - (out->len - start));
            buf_span(out, buf_view(&p->contents[i]));
        }
    }
    add_zeros(out, sections - (out->len - start));
    write_sections(p, out);
}

static bool make_program(struct program *p, struct buf *out, struct err *err)
{
    for (unsigned i = 0; i < N_SECTIONS; i++) {
        p->contents[i] = BUF_LIMIT(LIMIT_PROGRAM);
    }
    add_notes(p);
    add_symbols(p);
    fill_sections(p);
    bool ok = !p->arena.has_failed || err_nomem(err, "a simulated program");
    ok = ok && sim_dwarf_write(p->l, &p->contents[DEBUG_ABBREV],
                               &p->contents[DEBUG_INFO], err);
    lay_out_sections(p);
    for (unsigned i = 0; ok && i < N_SECTIONS; i++) {
        ok = buf_check(&p->contents[i], "a simulated program", err);
    }
    if (ok) {
        write_file(p, out);
        ok = buf_check(out, "a simulated program", err);
    }
    for (unsigned i = 0; i < N_SECTIONS; i++) {
        buf_release(&p->contents[i]);
    }
    arena_release(&p->arena);
    return ok;
}

/* Those that only dumps name: the fixed ones, and what started goroutines. */
static bool add_functions(struct sim_world *w, struct err *err)
{
    struct sim_goroutine_list list = {0};
    const bool ok =
        sim_image_functions(w, err) && sim_goroutines(w, &list, err);
    sim_goroutine_list_release(&list);
    return ok;
}

bool sim_program_write(struct sim_world *w, struct buf *out, struct err *err)
{
    return add_functions(w, err) && sim_program_of(w, out, err);
}

bool sim_program_of(const struct sim_world *w, struct buf *out, struct err *err)
{
    struct sim_layout_of_program l;
    if (!sim_layout_make(&l, w, err)) {
        return false;
    }
    struct program p = {.l = &l};
    const bool ok = make_program(&p, out, err);
    sim_layout_release(&l);
    return ok;
}
