/*
 * Where everything of a simulated program lies: types with their fields,
 * globals with their addresses, and how the objects of each population hang
 * together. The heap dump and the ELF file are both written from it, so they
 * agree. It follows from the populations' specs alone, not from how many
 * entries live, so it is the same for all dumps of a process.
 */
#ifndef SEEP_SIM_IMAGE_PRIVATE_H
#define SEEP_SIM_IMAGE_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/intern.h"
#include "sim/world_private.h"

#define SIM_NONE UINT32_MAX

/* What the text of a Go type says about a variable of it. */
struct sim_go_kind {
    unsigned kind;           /* reflect.Kind; 0 for a name we do not know */
    uint32_t bytes;          /* 0: by its definition */
    uint32_t pointer_offset; /* of the one pointer in it; SIM_NONE */
};
enum {
    SIM_GO_INT = 2,
    SIM_GO_UINT8 = 8,
    SIM_GO_ARRAY = 17,
    SIM_GO_CHAN = 18,
    SIM_GO_FUNC = 19,
    SIM_GO_INTERFACE = 20,
    SIM_GO_MAP = 21,
    SIM_GO_POINTER = 22,
    SIM_GO_SLICE = 23,
    SIM_GO_STRING = 24,
    SIM_GO_STRUCT = 25,
    SIM_GO_UNSAFE_POINTER = 26
};
struct sim_go_kind sim_go_kind_of(const char *type);

struct sim_field {
    const char *name, *type;
    uint32_t offset; /* from the start of the value, past a header */
};
VEC_TYPE(sim_field_list, struct sim_field)

struct sim_type {
    const char *name;
    uint32_t bytes;
    uint32_t first_field, n_fields;
    uint64_t address; /* of its runtime type */
};
VEC_TYPE(sim_type_list, struct sim_type)

/* A type with a record in .rodata (image_types.c), known by its text. */
struct sim_runtime_type {
    unsigned kind;
    uint64_t bytes;
    uint64_t address;             /* of its abi.Type */
    uint32_t first_part, n_parts; /* fields; element; key, element, group */
    uint32_t count;               /* of an array */
    uint32_t first_pointer, n_pointers;
};
VEC_TYPE(sim_runtime_types, struct sim_runtime_type)

struct sim_type_part {
    const char *name; /* of a field */
    uint32_t type;
    uint32_t offset;
};
VEC_TYPE(sim_type_parts, struct sim_type_part)

struct sim_type_records {
    struct intern texts; /* ids are those of `types` */
    struct sim_runtime_types types;
    struct sim_type_parts parts;
    struct vec_u32 pointers; /* offsets in a value */
};

/* How the objects of one member look and what points to them. */
struct sim_look {
    uint32_t type;         /* SIM_NONE: bytes without pointers */
    uint32_t header_bytes; /* a type word in front of the value, Go 1.22 */
    uint32_t link_offset;  /* to the next entry of a list; SIM_NONE */
    /* In the parent: where the pointer is; SIM_NONE: it had no room, what has
       no other holder keeps it. With `is_spread` it leads to an array of
       pointers to the member's objects. */
    uint32_t held_offset;
    uint32_t held_kind; /* SIM_GO_...: what the field is */
    bool is_spread;
    uint32_t owner_offset; /* to the parent that has a finalizer; SIM_NONE */
    uint32_t finalizer;    /* index in the layout; SIM_NONE */
    uint64_t dynamic_type; /* runtime type of it as a value in an interface */
};

/* The closure that runtime.SetFinalizer got for objects of one member: a
   word in .rodata. */
struct sim_finalizer {
    const char *function, *argument_type; /* "*stream.Stream" */
    uint64_t closure, entry;              /* entry 0: not in the program */
};
VEC_TYPE(sim_finalizers, struct sim_finalizer)

struct sim_global {
    const char *name, *type;
    uint64_t address;
    uint32_t part_bytes, n_parts; /* several populations: an array */
    uint32_t pointer_offset;      /* in each part */
};
VEC_TYPE(sim_globals, struct sim_global)

/* What holds the entries of a population. */
struct sim_holding {
    uint32_t global, part;
    const char *type;     /* of the variable, as declared */
    bool is_by_own;       /* each entry by its first goroutine */
    bool is_by_finalizer; /* by nothing: it is a cycle with finalizers */
    uint32_t population;  /* by a goroutine of that one; SIM_NONE */
};

struct sim_layout_of_program {
    const struct sim_world *world;
    struct arena arena;
    struct sim_field_list fields;
    struct sim_type_list types;
    struct sim_globals globals;
    struct sim_look *looks;       /* SIM_MEMBERS_MAX for each population */
    struct sim_holding *holdings; /* one for each population */
    uint64_t *array_types;        /* of what is in the container's array */
    struct sim_finalizers finalizers;
    struct sim_type_records records;
    struct buf record_bytes; /* what .rodata has from types_start on */
    uint32_t all_gs, rest;   /* globals: runtime.allgs, main.retained */
    uint64_t text, text_end, types_start, types_end;
    uint64_t itabs, rodata_end; /* itabs: one for each of `types` */
    uint64_t pointer_type;      /* unsafe.Pointer */
    uint64_t data, data_end, bss, bss_end, noptrdata, noptrdata_end;
};

enum { SIM_ITAB_BYTES = 32 };

bool sim_layout_make(struct sim_layout_of_program *l, const struct sim_world *w,
                     struct err *err) MUST_USE;
void sim_layout_release(struct sim_layout_of_program *l);

static inline const struct sim_look *
sim_layout_look(const struct sim_layout_of_program *l, size_t population,
                unsigned member)
{
    return &l->looks[population * SIM_MEMBERS_MAX + member];
}

/* --- finalizers (image_finalizer.c) --- */

/* Functions that dumps name and no stack has: runtime.goexit, finalizers. */
bool sim_image_functions(struct sim_world *w, struct err *err) MUST_USE;

/* Numbers the members that have finalizers. */
bool sim_layout_finalizers(struct sim_layout_of_program *l,
                           struct err *err) MUST_USE;

/* --- types in .rodata (image_types.c) --- */

/* Collects the types of the layout and gives them addresses from types_start
   on; sets types_end. */
bool sim_layout_records(struct sim_layout_of_program *l,
                        struct err *err) MUST_USE;

/* The address of the record of the type of that text; 0 when it has none. */
uint64_t sim_layout_type(const struct sim_layout_of_program *l,
                         const char *text);

/* Writes .rodata from types_start up to rodata_end. */
void sim_records_write(const struct sim_layout_of_program *l, struct buf *out);

/* Bytes of a value of that type. */
uint64_t sim_type_bytes(const struct sim_layout_of_program *l,
                        const char *text);

/* The parts of "map[K]V" ('[', ']') or "hash<K,V>" ('<', ','), texts in the
   arena; NULL when memory is out. */
struct sim_pair {
    const char *key, *elem;
};
struct sim_pair sim_pair_of(struct arena *a, const char *text, char open,
                            char close);

/* Address of the pointer that holds a part of a global. */
static inline uint64_t sim_global_slot(const struct sim_global *g,
                                       uint32_t part)
{
    return g->address + (uint64_t)part * g->part_bytes + g->pointer_offset;
}

#endif
