/*
 * The parts of typing, one file each: what the pointers in a type are
 * (heap_types_plan.c, heap_types_special.c), what they lead to
 * (heap_types_follow.c), which type an object gets (heap_types_place.c), the
 * worklist (heap_types_walk.c), where to begin (heap_types_seeds.c,
 * heap_types_frames.c), what is guessed of the rest (heap_types_guess.c,
 * heap_types_shape.c), and names (heap_types_name.c).
 *
 * Per object: 8 bytes.
 */
#ifndef SEEP_HEAP_HEAP_TYPES_PRIVATE_H
#define SEEP_HEAP_HEAP_TYPES_PRIVATE_H

#include "base/arena.h"
#include "base/vec.h"
#include "heap/heap_graph_private.h"
#include "heap/heap_types.h"

/* --- what is in a type --- */

enum step_kind {
    STEP_POINTER, /* to a `type` */
    STEP_SLICE,   /* of `type` */
    STEP_SIZED,   /* to an array of `type`; the next word says how many */
    STEP_STRING,  /* `type` is the string's own; of maps and so on as well */
    STEP_MAP,
    STEP_CHANNEL,
    STEP_CLOSURE,
    STEP_INTERFACE, /* with methods */
    STEP_ANY,       /* without */
    STEP_NODE,      /* of a hash trie: a `type` when its first byte is set,
                       else an `other` */
    STEP_DIRECTORY, /* of the Swiss map `type`; how many is `count` bytes on */
    STEP_BUFFER,    /* of the channel `type`; how many is `count` bytes back */
    STEP_ARRAY      /* no pointer: `count` values of `type` lie here */
};

struct type_step {
    uint64_t offset;
    uint64_t count;
    uint32_t type, other;
    enum step_kind kind;
};

struct type_plan {
    const struct type_step *steps;
    uint32_t n_steps;
    bool has_pointers; /* more than the steps say: unsafe.Pointer */
    bool is_shape;     /* of generic code, stands for several types */
    uint64_t bytes;
    uint32_t whole;        /* see types_whole() */
    enum object_form form; /* see struct type_owner */
    uint32_t owner;
};

/* Where things are in a map. */
struct map_layout {
    bool is_swiss;
    /* Types; UINT32_MAX none. An entry is a directory's. */
    uint32_t header, bucket, table, entry;
    uint64_t count_at, log_at, buckets_at, old_at; /* of hmap */
    uint64_t used_at, directory_at, length_at;     /* of maps.Map */
    uint64_t capacity_at, groups_at, mask_at;      /* of a table */
};

/* The map or channel that a type is a part of; FORM_VALUE: of none. */
struct type_owner {
    uint32_t type;
    enum object_form form;
};
#define TYPE_OWNER_NONE ((struct type_owner){UINT32_MAX, FORM_VALUE})

struct type_visit {
    uint32_t type;
    uint64_t offset;
};
VEC_TYPE(type_visits, struct type_visit)
VEC_TYPE(type_owners, struct type_owner)
VEC_TYPE(type_plans, const struct type_plan *)
VEC_TYPE(type_steps, struct type_step)
VEC_TYPE(map_layouts, const struct map_layout *)

/* --- what is known of an object --- */

/* type + 1, then source, form, and three flags. Ids of types are below 2^22. */
enum {
    TYPED_SOURCE_SHIFT = 22,
    TYPED_FORM_SHIFT = 25,
    TYPED_HEADER_SHIFT = 29,
    TYPED_GUESS_SHIFT = 30,
    TYPED_EDGES_SHIFT = 31 /* it points to objects: as the graph says, but
                              without a further miss of the cache */
};
#define TYPED_TYPE_MASK UINT32_C(0x3fffff)

struct typed_object {
    uint32_t bits;
    uint32_t count; /* where it begins when FORM_PART or guessed */
};

/* The same, not packed; and what to look for in it. */
struct typing {
    uint32_t type;
    uint32_t scan; /* the type of the `count` values; UINT32_MAX bytes */
    uint64_t count;
    enum object_form form;
    enum type_source source;
    bool is_guess; /* that all of it is an array, from a slice of a part */
};

/* Memory whose pointers are to be followed. */
struct typing_item {
    uint64_t at;          /* in the object; an address when in none */
    struct span contents; /* of the object */
    uint32_t object;      /* UINT32_MAX none */
    uint32_t type;
    uint32_t count;
    enum type_source source; /* of the object, see derived_source() */
};
VEC_TYPE(typing_items, struct typing_item)

/* What waits for the cache: pointers, and memory to be scanned. */
struct types_pointed {
    uint64_t address;
    const struct graph_run *run; /* NULL none, or not looked for yet */
    uint64_t interior;
    uint32_t object; /* UINT32_MAX none */
    struct typing typing;
};
struct types_ready {
    struct typing_item item;
    struct span contents;
    uint64_t base; /* of the contents, as item.at counts */
};
enum { TYPES_POINTED_MAX = 64, TYPES_READY_MAX = 8 }; /* powers of two */

/* Which (address, type) were seen; hashes only. */
struct address_set {
    uint64_t *slots;
    uint64_t n_slots, n;
};

VEC_TYPE(go_locals, struct go_local)

/* Locals of all frames that stand at a pc. */
struct frame_locals {
    uint64_t pc, bytes;
    uint32_t first, n;
};
VEC_TYPE(frames_locals, struct frame_locals)

struct heap_types {
    const struct heap_graph *g;
    struct binary *b;
    const struct heap_graph_options *o;
    struct arena arena;
    unsigned pointer_bytes;
    bool is_plain;  /* words are as this machine has them */
    unsigned minor; /* of Go's version; 0 unknown */
    bool is_out_of_memory, is_out_of_budget;
    uint32_t any_channel; /* runtime.hchan */
    uint64_t budget;      /* steps that may yet be made */

    struct typed_object *objects;
    uint64_t spent_bytes;       /* of the graph's limit */
    struct type_plans plans;    /* by type; NULL not yet */
    struct map_layouts layouts; /* by type; NULL none */
    struct type_owners owners;  /* by type */
    struct vec_u32 channel_of;  /* by type of element; UINT32_MAX none */
    struct type_steps steps;    /* of the plan being made */
    struct type_visits parts, elements; /* that it still has to look at */
    struct typing_items work;
    struct typing_items later; /* pointers into objects and elsewhere */
    struct types_pointed pointed[TYPES_POINTED_MAX];
    struct types_ready ready[TYPES_READY_MAX];
    /* Ends of what is placed, whose contents are under way, whose object and
       whose run is known, whose run is under way, and of all. */
    uint32_t pointed_begin, pointed_contents, pointed_object, pointed_run,
        pointed_page, pointed_end;
    uint32_t ready_begin, ready_end;
    struct address_set seen;

    uint32_t *frames; /* by address */
    size_t n_frames;
    struct go_locals locals;
    struct frames_locals frame_locals; /* by pc, then bytes */
    struct heap_typed about;
};

/* --- contents --- */

static inline uint64_t types_word(const struct heap_types *t, struct span c,
                                  uint64_t offset)
{
    if (t->is_plain) {
        uint64_t v = 0;
        if (c.len >= sizeof(v) && offset <= c.len - sizeof(v)) {
            memcpy(&v, c.p + offset, sizeof(v));
        }
        return v;
    }
    return heap_word(t->g, c, offset);
}

/* --- heap_types.c --- */

struct typing types_get(const struct heap_types *t, uint32_t object);
void types_set(struct heap_types *t, uint32_t object,
               const struct typing *typing);
static inline bool types_is_known(const struct heap_types *t, uint32_t object)
{
    return (t->objects[object].bits >> TYPED_SOURCE_SHIFT & 7) != TYPED_NOT;
}
static inline unsigned types_header(const struct heap_types *t, uint32_t object)
{
    return t->objects[object].bits >> TYPED_HEADER_SHIFT & 1 ? 8 : 0;
}

static inline bool types_has_edges(const struct heap_types *t, uint32_t object)
{
    return t->objects[object].bits >> TYPED_EDGES_SHIFT != 0;
}

/* --- heap_types_plan.c --- */

/* Never NULL. */
const struct type_plan *types_plan(struct heap_types *t, uint32_t type);
/* The type of the values in an object: the buckets of a map, ...; UINT32_MAX
   for bytes and for what is not known. */
uint32_t types_scan(const struct heap_types *t, uint32_t type,
                    enum object_form form);
uint64_t types_bytes(const struct heap_types *t, uint32_t type);
const struct go_field *types_field(const struct heap_types *t, uint32_t type,
                                   const char *name);
/* Is a `want` at `offset` of a `type`? */
bool types_has_part(const struct heap_types *t, uint32_t type, uint64_t offset,
                    uint32_t want);
/* The field or element of `type` that `offset` is in; NULL when it has no
   parts. `offset` becomes that in the part, `index` is of an element. */
struct type_part {
    uint32_t type;
    uint64_t offset, index;
    const struct go_field *field; /* NULL: an element */
};
bool types_part_at(const struct heap_types *t, uint32_t type, uint64_t offset,
                   struct type_part *out);

/* A pointer of what `pointer` points to. False when there are too many. */
void types_add_pointer(struct heap_types *t, const struct go_type *pointer,
                       uint64_t offset);
bool types_add_step(struct heap_types *t, struct type_step s);
/* Puts a part on a list of those to be looked at. */
bool types_visit(struct heap_types *t, struct type_visits *v, uint32_t type,
                 uint64_t offset);

/* --- heap_types_special.c --- */

/* Adds a step for what a field's type does not say, false: it says all. */
bool types_special_field(struct heap_types *t, uint32_t type,
                         const struct go_field *f, uint64_t at);
struct type_owner types_owner(const struct heap_types *t, uint32_t type);
void types_find_owners(struct heap_types *t);
void types_find_owner(struct heap_types *t, uint32_t type);
/* The channel type with elements of a runtime type; UINT32_MAX none. */
uint32_t types_channel_of(struct heap_types *t, uint64_t runtime_type);
/* What the runtime allocates for one; itself if no more. */
uint32_t types_whole(const struct heap_types *t, uint32_t type);

/* --- heap_maps.c --- */

/* NULL when it is not known. */
const struct map_layout *types_map_layout(const struct heap_types *t,
                                          uint32_t map);
const struct map_layout *types_read_layout(struct heap_types *t, uint32_t map);

/* --- heap_types_place.c --- */

/* `typing` was found of what is at `address`. */
void types_found(struct heap_types *t, uint64_t address,
                 const struct typing *typing);
/* The same, at once. */
void types_point_object(struct heap_types *t, uint32_t object,
                        uint64_t interior, const struct typing *typing);
/* Is it guessed, or known of a part only? */
bool types_is_unsure(const struct typing *y);
/* Of what waits, the oldest; false when nothing does. */
bool types_place_next(struct heap_types *t);
void types_forget_found(struct heap_types *t);
/* Where the contents of an object of `run` are. */
static inline struct span types_contents(const struct heap_types *t,
                                         const struct graph_run *run,
                                         uint32_t object)
{
    const struct graph_spans *s = &t->g->spans;
    const uint64_t offset =
        run->file +
        s->offsets.items[run->first_offset + (object - run->first_id)];
    return (struct span){t->g->bytes.p + offset,
                         (size_t)heap_present_bytes(run->bytes)};
}
/* Brings what is at `at` of contents into the cache. */
static inline void types_load(struct span contents, uint64_t at)
{
    enum { LINE_BYTES = 64 };
    if (at + LINE_BYTES < contents.len) {
        HEAP_PREFETCH(contents.p + at + LINE_BYTES);
    }
    if (at < contents.len) {
        HEAP_PREFETCH(contents.p + at);
    }
}
bool types_push(struct heap_types *t, struct typing_items *list,
                struct typing_item item);
uint32_t types_saturated(uint64_t n);

/* --- heap_types_follow.c --- */

/* A pointer to `count` values of `type` was found; with the forms of maps and
   channels, `type` is theirs. */
void types_point(struct heap_types *t, uint64_t address, uint32_t type,
                 uint64_t count, enum object_form form,
                 enum type_source source);
/* An interface holds `data` of a runtime type. */
void types_interface(struct heap_types *t, uint64_t runtime_type,
                     uint64_t data);
/* A function value; false when it is none of the heap. */
bool types_closure(struct heap_types *t, uint64_t address,
                   enum type_source source);

/* What is scanned: an object, a segment, a frame. */
struct types_memory {
    struct span contents;
    uint64_t base;   /* address of the contents; 0 in objects */
    uint32_t object; /* UINT32_MAX none */
    bool is_frame;
    const uint64_t *live; /* words that are pointers; NULL: all may be */
};
/* `count` values of `type` lie `at` bytes into it: follows their pointers. */
void types_scan_memory(struct heap_types *t, const struct types_memory *m,
                       uint64_t at, uint32_t type, uint64_t count,
                       enum type_source source);

/* --- heap_types_walk.c --- */

/* Follows what was found until nothing is new. ERR_NOMEM, ERR_INTERRUPTED. */
bool types_drain(struct heap_types *t, struct err *err) MUST_USE;
void address_set_release(struct address_set *s);

/* --- heap_types_seeds.c, heap_types_frames.c, heap_types_guess.c --- */

bool types_from_headers(struct heap_types *t, struct err *err) MUST_USE;
bool types_from_globals(struct heap_types *t, struct err *err) MUST_USE;
bool types_from_records(struct heap_types *t, struct err *err) MUST_USE;
bool types_index_frames(struct heap_types *t, struct err *err) MUST_USE;
bool types_from_frames(struct heap_types *t, struct err *err) MUST_USE;
/* Is it in a segment or a frame? */
bool types_is_memory(const struct heap_types *t, uint64_t address);
struct types_memory types_memory_at(const struct heap_types *t,
                                    uint64_t address);
/* Locals of a frame whose place is known. Arguments that came in registers
   are kept in the memory of who called it. */
const struct go_local *types_locals(const struct heap_types *t, uint32_t frame,
                                    uint32_t *n);
uint64_t types_local_address(const struct heap_types *t, uint32_t frame,
                             const struct go_local *l);
/* The frame that it called, UINT32_MAX none. */
uint32_t types_child(const struct heap_types *t, uint32_t frame);

bool types_guess_interfaces(struct heap_types *t, struct err *err) MUST_USE;
bool types_guess_arrays(struct heap_types *t, struct err *err) MUST_USE;
bool types_guess_sites(struct heap_types *t, struct err *err) MUST_USE;
bool types_guess_shapes(struct heap_types *t, struct err *err) MUST_USE;

#endif
