/*
 * Which type each object has: from what is known for sure (allocation headers,
 * interfaces, globals, locals, closures) along typed pointers to the rest.
 * Types are for names only: edges are the dump's own.
 */
#ifndef SEEP_HEAP_HEAP_TYPES_H
#define SEEP_HEAP_HEAP_TYPES_H

#include "heap/binary.h"
#include "heap/heap_graph.h"

/* How a type is known, in order of trust. */
enum type_source {
    TYPED_NOT,
    TYPED_BY_SHAPE,
    TYPED_BY_SITE,
    TYPED_BY_CLOSURE,
    TYPED_BY_POINTER,
    TYPED_BY_INTERFACE,
    TYPED_BY_HEADER,
    N_TYPE_SOURCES
};

/* What an object is: `count` values of `type`, `header_bytes` into the slot;
   a backing array of a slice, buckets of a map, ... */
enum object_form {
    FORM_VALUE,
    FORM_ARRAY,         /* of a slice; `type` is that of an element */
    FORM_STRING_BYTES,  /* `type` is the string's */
    FORM_MAP,           /* its header; in all of a map's `type` is the map's */
    FORM_MAP_BUCKETS,   /* or groups */
    FORM_MAP_TABLE,     /* of Swiss maps */
    FORM_CHANNEL,       /* `type` is the channel's, here and in its buffer */
    FORM_CLOSURE,       /* `type` may be none: what it captured is unknown */
    FORM_MAP_DIRECTORY, /* of tables */
    FORM_CHANNEL_BUFFER,
    FORM_PART, /* something points into it to a `type`; the rest is unknown */
    N_OBJECT_FORMS
};

struct object_type {
    type_id type;
    uint64_t count;
    uint8_t header_bytes;
    enum object_form form;
    enum type_source source;
};

struct heap_types;
/* `g` and `b` must outlive the types; binary_match() was called. */
bool heap_types_build(const struct heap_graph *g, struct binary *b,
                      const struct heap_graph_options *o,
                      struct heap_types **out, struct err *err) MUST_USE;
void heap_types_free(struct heap_types *t);

struct object_type heap_type_of(const struct heap_types *t, object_id o);
/* "*main.User", "[]main.Order (backing)", "map[string]int (buckets)"; for an
   unknown one "unknown 48 B". Appended. */
struct buf;
void heap_type_name(const struct heap_types *t, object_id o, struct buf *out);
/* The path inside an object that leads to a pointer at `offset` (of the slot):
   ".users[3].next". Entries of maps are "[...]", what their keys point to
   "[key]"; "+0x18" where the type does not say. Appended. */
void heap_field_name(const struct heap_types *t, object_id o, uint64_t offset,
                     struct buf *out);
/* The same inside a root: ".inner.list" of a global, "payload" of a frame;
   nothing where it is not known. */
void heap_root_name(const struct heap_types *t, const struct heap_root *r,
                    struct buf *out);

struct heap_typed {
    uint32_t n_objects; /* reachable */
    uint64_t bytes;
    uint32_t n_by_source[N_TYPE_SOURCES];
    uint64_t bytes_by_source[N_TYPE_SOURCES];
    bool is_incomplete; /* given up: contents that lead nowhere but on */
};
const struct heap_typed *heap_types_about(const struct heap_types *t);

/* A map read through either layout. */
struct map_about {
    uint64_t n_entries, capacity, n_deleted;
    uint64_t bucket_bytes; /* of all its arrays: slots */
    bool is_growing, is_swiss;
};
/* False when the object is no map's header, or its layout is not known. */
bool heap_map_about(const struct heap_types *t, object_id map,
                    struct map_about *out);

#endif
