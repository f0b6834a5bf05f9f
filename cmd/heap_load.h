/* A heap dump and its binary, read and computed as far as what is asked of
   them needs. */
#ifndef SEEP_CMD_HEAP_LOAD_H
#define SEEP_CMD_HEAP_LOAD_H

#include "cmd.h"
#include "heap/heap.h"
#include "series/series.h"

struct heap_load_options {
    const char *dump;
    const char *exe;             /* NULL: no binary */
    bool is_forced;              /* take a binary that does not match */
    uint64_t memory_limit_bytes; /* 0 none */
    bool needs_paths;
};

struct heap_loaded {
    struct dump_file *file;
    struct heap_graph *graph;
    struct heap_dominators *dominators;
    struct heap_types *types;
    struct binary *binary;
    struct heap_paths *paths;
    struct heap_facts facts; /* of the above */
    const char *where;       /* the file an error speaks of */
    const char *note;        /* why the binary is not of the dump; NULL */
};

/* A dump as one of the inputs that a report lists. */
struct series_input heap_input(const char *dump);

/* False with `err` set; release it all the same. */
bool heap_load(struct session *s, const struct heap_load_options *o,
               struct heap_loaded *out, struct err *err) MUST_USE;
void heap_loaded_release(struct heap_loaded *l);

#endif
