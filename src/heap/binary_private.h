/*
 * Inside of a binary, shared by binary_*.c. Addresses here are those of the
 * file; the bias of a position-independent program is added on the way out.
 */
#ifndef SEEP_HEAP_BINARY_PRIVATE_H
#define SEEP_HEAP_BINARY_PRIVATE_H

#include "base/arena.h"
#include "base/intern.h"
#include "base/vec.h"
#include "heap/binary.h"
#include "heap/binary_elfutils_private.h"

/* --- bounds; real binaries stay far below --- */

/* The file: a Go program with everything linked in has 1 GB. */
#define LIMIT_BINARY_BYTES (UINT64_C(8) << 30)
/* One section inflated; zlib makes at most 1032 bytes of one. */
#define LIMIT_SECTION_BYTES (UINT64_C(4) << 30)
#define LIMIT_TYPES         (1U << 22)
#define LIMIT_FIELDS        (1U << 16) /* of one type */
#define LIMIT_NAME_BYTES    (1U << 16)
#define LIMIT_FUNCTION_NAME 4096 /* longer ones are not shortened */
#define LIMIT_SYMBOLS       (1U << 24)

/* --- the file --- */

struct binary_segment {
    uint64_t address, bytes; /* bytes that the file has */
    uint64_t offset;
    uint64_t memory_bytes;
    bool is_writable;
};
VEC_TYPE(binary_segments, struct binary_segment)

struct binary_section {
    const char *name;
    uint64_t address, bytes, offset, flags;
    uint32_t kind, link;
};
VEC_TYPE(binary_sections, struct binary_section)

/* Where the linker says that things are; 0 unknown. */
struct binary_places {
    uint64_t types, types_end;
    uint64_t text, text_end;
    uint64_t data, data_end;
    uint64_t bss, bss_end;
    uint64_t functions_data; /* go:func.* */
    uint64_t function_table; /* pclntab */
    uint64_t module;         /* runtime.firstmoduledata */
};

/* --- types --- */

/* Open addressing from addresses to ids. */
struct address_map {
    struct address_slot {
        uint64_t address; /* 0 free */
        uint32_t id;
    } * slots;
    uint32_t n_slots, n;
};
bool address_map_put(struct address_map *m, uint64_t address, uint32_t id);
bool address_map_find(const struct address_map *m, uint64_t address,
                      uint32_t *id);
void address_map_release(struct address_map *m);

/* Types do not move once they are added: chunks. */
enum { TYPES_PER_CHUNK = 1024 };
VEC_TYPE(type_chunks, struct go_type *)
struct binary_types {
    struct type_chunks chunks;
    uint32_t n;
    struct intern names;
    struct vec_u32 of_name; /* id of a type, by id of its name */
    struct address_map of_runtime;
};

/* --- variables --- */

VEC_TYPE(go_variables, struct go_variable)
VEC_TYPE(graph_symbols, struct graph_symbol)

/* --- DWARF --- */

/* Functions with code, by address. */
struct dwarf_function {
    uint64_t low, high;
    uint64_t offset; /* of its entry in .debug_info */
};
VEC_TYPE(dwarf_functions, struct dwarf_function)

/* A type and a member as they stand there; references are offsets. */
struct raw_type {
    const char *name;
    uint64_t at, bytes, n, type, key, element, runtime_type;
    size_t first_field;
    uint32_t n_fields;
    uint16_t tag;
    uint8_t kind;
};
VEC_TYPE(raw_types, struct raw_type)
struct raw_field {
    const char *name;
    uint64_t offset, type;
    bool is_embedded;
};
VEC_TYPE(raw_fields, struct raw_field)

struct binary_dwarf {
    Dwarf *dwarf;         /* NULL: there is none */
    struct raw_types raw; /* in order of their offsets; until joined */
    struct raw_fields raw_fields;
    struct vec_u64 type_at; /* offsets in .debug_info, ascending */
    struct vec_u32 type_of; /* and the ids of the types there */
    struct dwarf_functions functions;
};

/* --- pclntab --- */

struct function_table {
    unsigned version; /* 16, 18, 20: since Go 1.x; 0 there is none */
    const uint8_t *p;
    uint64_t bytes; /* from p to the end of its segment */
    uint64_t n_functions, n_files;
    uint64_t names, units, files, tables, functions; /* offsets from p */
    unsigned quantum;                                /* of pc deltas */
    unsigned entry_bytes; /* of a number in the table of functions */
};

/* Lines of source to functions; built when first asked. */
struct source_lines;

struct binary {
    struct elfutils lib;
    uint8_t *image;
    uint64_t image_bytes;
    Elf *elf;
    struct arena arena;

    bool is_big_endian, is_relocated /* position-independent */;
    bool has_go_section;
    unsigned pointer_bytes;
    uint16_t machine;
    struct binary_segments segments;
    struct binary_sections sections;
    struct binary_places places;
    unsigned parts;
    const char *build;
    const char *build_id; /* NULL none */
    unsigned minor;       /* of the version: 23; 0 unknown */
    uint64_t bias;

    struct binary_types types;
    struct go_variables variables;
    struct graph_symbols symbols;
    struct binary_dwarf dwarf;
    struct function_table functions;
    struct intern printed; /* names of functions */
    struct source_lines *lines;
    struct address_map closures;  /* types by entry, UINT32_MAX none */
    struct address_map instances; /* types by shape, 1 + its id */
    struct vec_u32 closure_structs;
    bool has_closure_structs; /* they were looked for */
};

/* --- binary_identity.c --- */

bool binary_read_build_id(struct binary *b, struct err *err) MUST_USE;

/* --- binary_image.c --- */

bool binary_map(struct binary *b, const char *path, struct err *err) MUST_USE;
void binary_unmap(struct binary *b);
const struct binary_section *binary_section(const struct binary *b,
                                            const char *name);
/* The file's bytes at an address, and how many follow; NULL when none. */
const uint8_t *binary_at(const struct binary *b, uint64_t address,
                         uint64_t *n_left);
/* A number of 1, 2, 4 or 8 bytes in the program's order; 0 where the file has
   nothing. */
uint64_t binary_number(const struct binary *b, uint64_t address,
                       unsigned bytes);
uint64_t binary_word(const struct binary *b, uint64_t address);
uint64_t number_at(const uint8_t *p, unsigned bytes, bool is_big_endian);

/* --- binary_places.c --- */

bool binary_find_places(struct binary *b, struct err *err) MUST_USE;
void binary_find_build(struct binary *b);

/* --- binary_types.c --- */

bool binary_type_add(struct binary *b, const struct go_type *t, type_id *id,
                     struct err *err) MUST_USE;
/* The same, to be changed. */
struct go_type *binary_type_of(const struct binary *b, type_id t);
bool binary_type_name(struct binary *b, const char *name, type_id t,
                      struct err *err) MUST_USE;
/* As reflect prints it: "example.com/a/b.T" -> "b.T". In the arena; NULL when
   memory is out. */
const char *short_type_name(struct binary *b, const char *name);

/* --- binary_dwarf.c --- */

bool binary_read_dwarf(struct binary *b, struct err *err) MUST_USE;
/* What is asked of a debugging entry, read in one pass. */
struct die {
    const char *name;
    uint64_t bytes, kind, n, offset, low, closure_offset;
    uint64_t type, key, element; /* offsets of other entries; 0 none */
    uint64_t runtime_type;
    uint64_t origin;
    bool has_closure_offset, has_low, has_location, is_embedded, has_ranges;
    Dwarf_Attribute location;
};
void dwarf_read_die(struct binary *b, Dwarf_Die *at, struct die *out);
/* To the next entry beside it, in place. */
bool dwarf_next(struct binary *b, Dwarf_Die *at, struct err *err,
                bool *is_end) MUST_USE;
/* The first below it; `is_end` when there is none. */
bool dwarf_first_child(struct binary *b, Dwarf_Die *of, Dwarf_Die *at,
                       struct err *err, bool *is_end) MUST_USE;
/* NULL when none covers it. */
const struct dwarf_function *dwarf_function_of(const struct binary *b,
                                               uint64_t pc);

/* --- binary_dwarf_types.c --- */

bool dwarf_take_type(struct binary *b, Dwarf_Die *at, struct err *err) MUST_USE;
/* What was taken, as types: once all of them are known. */
bool dwarf_join_types(struct binary *b, struct err *err) MUST_USE;
/* The type at an offset of .debug_info, names for names followed. */
type_id dwarf_type_at(const struct binary *b, uint64_t offset);
/* The same for what functions have inside: generic ones have names of their
   own for their parameters' types. */
type_id dwarf_type_of_variable(struct binary *b, uint64_t offset);

/* --- binary_variables.c --- */

bool binary_add_variable(struct binary *b, const struct go_variable *v,
                         struct err *err) MUST_USE;
bool binary_join_variables(struct binary *b, struct err *err) MUST_USE;

/* --- binary_statics.c --- */

/* What variables point to in the data itself; variables are sorted. */
bool binary_add_statics(struct binary *b, struct err *err) MUST_USE;

/* --- binary_runtime_types.c --- */

/* The name in the record of a type; NULL when there is no record. In the
   arena. */
const char *runtime_type_name(struct binary *b, uint64_t address);
/* Types by their records alone, where debugging information has none. */
bool binary_read_linked_types(struct binary *b, struct err *err) MUST_USE;
/* Types yet to be read from their records, after they have an id. */
struct record {
    uint64_t address;
    type_id id;
};
VEC_TYPE(records, struct record)
/* The id of the type with a record at an address, read later when it is new;
   TYPE_NONE for what is no record. False when memory or types are out. */
bool runtime_type_id(struct binary *b, struct records *todo, uint64_t address,
                     type_id *id, struct err *err) MUST_USE;

/* --- binary_runtime_maps.c --- */

/* What the runtime has behind a map and a channel, from the map's record:
   fields as debugging information would name them. */
bool runtime_map_layout(struct binary *b, struct go_type *map, type_id group,
                        struct err *err) MUST_USE;
bool runtime_slice_fields(struct binary *b, struct go_type *t,
                          struct err *err) MUST_USE;
bool runtime_chan_layout(struct binary *b, struct go_type *chan,
                         struct err *err) MUST_USE;

/* --- binary_shapes.c --- */

/* The type itself where it has no shape in it, or more than one instance. */
type_id binary_unshaped(struct binary *b, type_id id);

/* --- binary_functions.c --- */

bool binary_read_functions(struct binary *b);
void source_lines_free(struct source_lines *l);

#endif
