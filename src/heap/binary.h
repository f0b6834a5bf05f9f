/*
 * What a Go binary says about the memory of its process: types with their
 * fields, variables, functions with what their closures capture. From DWARF
 * (4 and 5, compressed or not), the symbol table, the runtime's own type
 * records in rodata, and pclntab; each less where the binary was stripped.
 * elfutils reads ELF and DWARF; all of it is untrusted.
 */
#ifndef SEEP_HEAP_BINARY_H
#define SEEP_HEAP_BINARY_H

#include "base/err.h"
#include "base/span.h"
#include "heap/heap_graph.h"

typedef struct {
    uint32_t i;
} type_id;
#define TYPE_NONE ((type_id){UINT32_MAX})

/* reflect.Kind, and some of our own behind it. */
enum go_kind {
    GO_INVALID,
    GO_BOOL,
    GO_INT,
    GO_INT8,
    GO_INT16,
    GO_INT32,
    GO_INT64,
    GO_UINT,
    GO_UINT8,
    GO_UINT16,
    GO_UINT32,
    GO_UINT64,
    GO_UINTPTR,
    GO_FLOAT32,
    GO_FLOAT64,
    GO_COMPLEX64,
    GO_COMPLEX128,
    GO_ARRAY,
    GO_CHAN,
    GO_FUNC,
    GO_INTERFACE,
    GO_MAP,
    GO_POINTER,
    GO_SLICE,
    GO_STRING,
    GO_STRUCT,
    GO_UNSAFE_POINTER,
    GO_CLOSURE, /* a closure object: entry, then what it captured */
    N_GO_KINDS
};

struct go_field {
    const char *name;
    uint64_t offset;
    type_id type;
    bool is_embedded;
};

struct go_type {
    const char *name; /* "main.User", "map[int]*main.User" */
    enum go_kind kind;
    uint64_t bytes;
    type_id element;       /* pointer, slice, array, chan, map (value) */
    type_id key;           /* map */
    type_id layout;        /* map: hmap or maps.Map; chan: hchan; else, and
                              when unknown, TYPE_NONE */
    uint64_t n_elements;   /* array */
    uint64_t runtime_type; /* address in the process (bias added); 0 none */
    const struct go_field *fields; /* struct, closure; string: str, len;
                                      slice: array, len, cap */
    size_t n_fields;
    bool has_empty_interface; /* interface without methods (eface) */
};

struct go_variable {
    const char *name; /* "main.userCache" */
    uint64_t address; /* in the process */
    uint64_t bytes;
    type_id type; /* TYPE_NONE: only its symbol is known */
};

struct binary;

enum binary_part { /* what it has, bits */
                   BINARY_SYMBOLS = 1,
                   BINARY_DWARF = 2,
                   BINARY_RUNTIME_TYPES = 4,
                   BINARY_FUNCTIONS = 8
};

/* Maps and reads it. ERR_FORMAT when it is no ELF file of Go. */
bool binary_open(const char *path, struct binary **out,
                 struct err *err) MUST_USE;
void binary_close(struct binary *b);

unsigned binary_parts(const struct binary *b);
const char *binary_build(const struct binary *b); /* "go1.23.5"; "" unknown */

/* What the linker wrote into it, as profiles say it of their programs:
   hexadecimal digits; "" there is none (Go before 1.24, as a rule). */
const char *binary_build_id(const struct binary *b);

/* Has it a function of this name, also one that is inlined everywhere? Type
   arguments are "[...]". False too when it does not say, without
   BINARY_FUNCTIONS. */
bool binary_has_function(const struct binary *b, const char *name);

/* Does the dump come from this binary? Version, segments, itabs and types are
   compared, and the bias of a PIE found. ERR_MISMATCH says what differs;
   `is_forced` takes it all the same. Call before what follows: addresses are
   then those of the process. */
bool binary_match(struct binary *b, const struct heap_about *about,
                  bool is_forced, struct err *err) MUST_USE;

const struct graph_symbol *binary_symbols(const struct binary *b, size_t *n);
const struct go_variable *binary_variable_at(const struct binary *b,
                                             uint64_t address);
const struct go_type *binary_type(const struct binary *b, type_id t);
size_t binary_n_types(const struct binary *b);
type_id binary_type_named(const struct binary *b, const char *name);
/* Of a runtime._type's address; read from rodata where DWARF has none. */
type_id binary_type_of_runtime(struct binary *b, uint64_t address);
/* The closure object's type of a function's entry, TYPE_NONE no closure. */
type_id binary_closure(struct binary *b, uint64_t entry);
/* "main.worker", "main.push[...]", with file and line of a pc; false unknown.
   Of frames that called: the call is at pc - 1, unless pc is the frame's
   entry. NULL and 0 where only the name is known. */
bool binary_function(struct binary *b, uint64_t pc, const char **name,
                     const char **file, uint64_t *line, uint64_t *entry);
/* The calls at a pc, innermost first: what was inlined there and, last, the
   function itself. Their number; 0 unknown. Of frames that called, as above. */
struct go_call {
    const char *function;
    const char *file; /* NULL unknown */
    uint64_t line;    /* 0 unknown */
};
enum { GO_CALLS_MAX = 64 };
size_t binary_calls(struct binary *b, uint64_t pc,
                    struct go_call out[GO_CALLS_MAX]);
/* The function as its source says it, of a line that was inlined; NULL when no
   code is of that line. */
const char *binary_function_of_line(struct binary *b, const char *file,
                                    uint64_t line);

/* A pointer-holding local variable of a frame. */
struct go_local {
    const char *name;
    type_id type;
    int64_t offset; /* from the frame's sp; from frame_bytes on: an argument,
                       which lies in the memory of the frame that called */
};
/* Those whose place at the frame's `pc` (as the dump has it: of the return) is
   in memory, given to `take`. A part of a variable that lies alone, such as
   the array of a slice, is given with the part's type. */
bool binary_locals(struct binary *b, uint64_t pc, uint64_t frame_bytes,
                   bool (*take)(void *ctx, const struct go_local *l,
                                struct err *err),
                   void *ctx, struct err *err) MUST_USE;

#endif
