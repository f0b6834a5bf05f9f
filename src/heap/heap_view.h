/*
 * Answers about a dump as plain rows: by type, by holder, as a tree, what is
 * wasted, what is there twice. A view gives each reachable node a class (its
 * type; of a root what it is called) and is asked as often as wanted; rows and
 * texts live as long as it does.
 *
 * Lists are sorted (most first, then by name) and cut at `n_max`; `n_all` says
 * how many there were.
 */
#ifndef SEEP_HEAP_HEAP_VIEW_H
#define SEEP_HEAP_HEAP_VIEW_H

#include "heap/heap_dominators.h"
#include "heap/heap_types.h"

/* What was found out about a dump; all of it borrowed. */
struct heap_facts {
    const struct heap_graph *graph;
    const struct heap_dominators *dominators;
    const struct heap_types *types; /* NULL: none is known */
    struct binary *binary;          /* NULL: none was given */
};

struct heap_view;
bool heap_view_new(const struct heap_facts *facts, struct heap_view **out,
                   struct err *err) MUST_USE;
void heap_view_free(struct heap_view *v);

/* "*main.User", "global main.cache", "goroutine 7 [select] main.worker", by the
   function that the go statement called. */
const char *heap_view_name(struct heap_view *v, heap_node n);
/* The same without what tells those that are alike apart: "goroutine [select]
   main.worker". Equal of those of one class; across dumps, too. */
const char *heap_view_class(struct heap_view *v, heap_node n);
/* The way from a node to an object that it points to, without indices:
   ".users[]"; "" when it is not known. */
const char *heap_view_field(struct heap_view *v, heap_node from, object_id to);
/* The same with them: ".users[3]". */
const char *heap_view_exact_field(struct heap_view *v, heap_node from,
                                  object_id to);

/* Does a class's name say that it is of Go's runtime? */
bool heap_view_is_runtimes(const char *class_name);

/* Has anything reachable, or a root, this class? */
bool heap_view_has_class(const struct heap_view *v, const char *class_name);

/* --- source --- */

/* The calls of a frame of the graph, innermost first: what was inlined there
   and, last, the function itself, as far as a binary knows them. At least one;
   live as long as the view. */
struct view_calls {
    const struct go_call *items;
    size_t n;
};
bool heap_view_calls(struct heap_view *v, uint32_t frame,
                     struct view_calls *out, struct err *err) MUST_USE;

/* What is below every goroutine, and in no profile. */
bool heap_view_is_goexit(const char *function);
/* "main.serve.gowrap1": what `go f(x)` makes of f, which is the next call. */
bool heap_view_is_wrapper(const char *function);

/* --- types --- */

struct view_type {
    const char *name;
    bool is_known;
    uint32_t n_objects;
    uint64_t bytes; /* of slots */
    /* What single objects of it dominate, themselves included: not what several
       of them share. */
    uint64_t retained_bytes;
    uint32_t retained_objects;
};
bool heap_view_types(struct heap_view *v, size_t n_max,
                     const struct view_type **out, size_t *n, size_t *n_all,
                     struct err *err) MUST_USE;

/* Reachable objects whose type has this name; when there is none, those whose
   name has it as a part. Most retained bytes first. Free the list. */
bool heap_view_objects_of(struct heap_view *v, const char *type,
                          object_id **out, size_t *n, struct err *err) MUST_USE;

/* --- roots --- */

struct view_global {
    uint32_t group;
    const char *name;
    const char *type; /* NULL unknown */
    uint64_t retained_bytes;
    uint32_t retained_objects;
    uint64_t reachable_bytes; /* shared with others or not */
    uint64_t reachable_objects;
};
/* Variables that retain most, and those that hold most together with
   others. */
bool heap_view_globals(struct heap_view *v, size_t n_max,
                       const struct view_global **out, size_t *n, size_t *n_all,
                       struct err *err) MUST_USE;

/* Those in the same state, in the same function, made at the same place; the
   runtime's own are one row. */
struct view_goroutine {
    uint32_t index; /* of one of them, among the graph's */
    uint32_t n_alike;
    uint64_t goid;        /* of that one */
    const char *state;    /* "waiting" */
    const char *wait;     /* "chan receive"; "" unknown */
    const char *function; /* the innermost that is not of Go's runtime */
    const char *creator;  /* "main.serve orders.go:41"; NULL unknown */
    bool is_system;
    uint64_t retained_bytes; /* the sum of what each alone keeps */
    uint32_t retained_objects;
};
bool heap_view_goroutines(struct heap_view *v, size_t n_max,
                          const struct view_goroutine **out, size_t *n,
                          size_t *n_all, struct err *err) MUST_USE;

/* --- the dominator tree --- */

/* Deeper ones are one with the last row: chains of several types that hold each
   other in turn. */
enum { VIEW_DEPTH_MAX = 24 };

/* Nodes of one class below the same ones: one row. What a class dominates of
   its own (lists, trees) is folded into it. */
struct view_branch {
    unsigned depth;    /* below VIEW_DEPTH_MAX */
    bool is_cut;       /* more is below it, and left out */
    const char *field; /* the way from the row above it; "" unknown */
    const char *name;
    const char *class_name; /* see heap_view_class() */
    bool is_inner; /* a part of a map or channel, of which the row above is */
    heap_node sample; /* the largest one of them */
    uint32_t n_nodes;
    uint32_t n_tops; /* of them: those that no other of them dominates */
    uint64_t bytes;  /* of themselves */
    uint64_t retained_bytes;
    uint32_t retained_objects;
};
/* Branches that retain at least `share` of all, in the order of a walk. */
bool heap_view_branches(struct heap_view *v, double share, size_t n_max,
                        const struct view_branch **out, size_t *n,
                        size_t *n_all, struct err *err) MUST_USE;

/* All branches of depth 0, whatever they retain; most first. */
bool heap_view_tops(struct heap_view *v, const struct view_branch **out,
                    size_t *n, struct err *err) MUST_USE;

/* From a node up to the super-root, which is left out: `out[0]` is the node. */
bool heap_view_dominators(struct heap_view *v, heap_node n, size_t n_max,
                          heap_node **out, size_t *n_out,
                          struct err *err) MUST_USE;

/* --- the holders of most --- */

enum { HOLDER_STEPS_MAX = 12, HOLDERS_OF_IT_MAX = 3 };

/* Who keeps alive how much of what, and where that was allocated. */
struct view_holder {
    heap_node node; /* the largest of its kind */
    const char *name;
    const char *type;   /* of a variable; NULL unknown */
    uint32_t n_holders; /* goroutines alike are one */
    uint64_t retained_bytes;
    uint32_t retained_objects;
    struct view_branch steps[HOLDER_STEPS_MAX]; /* down to what it holds */
    size_t n_steps;
    /* Of an object that several hold: those that hold most of it. */
    const char *held_by[HOLDERS_OF_IT_MAX];
    size_t n_held_by, n_held_by_all;
    bool has_map; /* a map on the way */
    struct map_about map;
    const struct heap_bucket *site; /* of most samples below; NULL none */
    uint64_t n_samples;             /* of that site */
};
/* Those that retain at least `share` of all, and three in any case. */
bool heap_view_holders(struct heap_view *v, double share, size_t n_max,
                       const struct view_holder **out, size_t *n, size_t *n_all,
                       struct err *err) MUST_USE;

/* --- what is not needed --- */

#define VIEW_WASTES(X)                                                         \
    X(SLICE_TAIL, "slice tail", "capacity that no slice uses")                 \
    X(PINNED, "pinned by a part", "strings and slices use a part of it")       \
    X(FOR_REUSE, "kept for reuse", "buffers of length 0, what a pool has")     \
    X(MAP_ROOM, "map room", "slots of a map without entry")                    \
    X(MAP_DELETED, "map deleted", "slots whose entry was deleted")             \
    X(ROUNDING, "rounding", "the slot is larger than what is in it")

enum view_waste_kind {
#define X(name, text, what) WASTE_##name,
    VIEW_WASTES(X)
#undef X
        N_VIEW_WASTES
};
const char *view_waste_text(enum view_waste_kind k);

struct view_waste {
    enum view_waste_kind kind;
    const char *type;
    uint32_t n_objects;
    uint64_t bytes; /* of these objects */
    uint64_t wasted_bytes;
    object_id worst;
};
/* Needs types; `n` is 0 without. */
bool heap_view_waste(struct heap_view *v, size_t n_max,
                     const struct view_waste **out, size_t *n, size_t *n_all,
                     struct err *err) MUST_USE;

/* What strings and slices say of the array that they are in. */
struct view_slice {
    uint64_t n_used, capacity; /* elements, of the one that sees most */
    uint64_t element_bytes;
};
/* `is_found` is false when none is known: stacks do not count. */
bool heap_view_slice_of(struct heap_view *v, object_id array,
                        struct view_slice *out, bool *is_found,
                        struct err *err) MUST_USE;

struct view_duplicate {
    const char *text; /* how it begins, safe to print */
    bool is_string;   /* some string has it; else bytes */
    uint64_t length_bytes;
    uint64_t n_copies;
    uint64_t saved_bytes; /* if there were one */
    uint64_t address;     /* of one of them */
    object_id sample;     /* that it is in */
};
struct view_duplicates {
    uint64_t n_values, n_distinct, bytes, saved_bytes;
};
/* Equal strings and arrays of bytes; without types, equal objects without
   pointers. */
bool heap_view_duplicates(struct heap_view *v, size_t n_max,
                          const struct view_duplicate **out, size_t *n,
                          size_t *n_all, struct view_duplicates *about,
                          struct err *err) MUST_USE;

/* --- statistics --- */

struct view_size {
    uint64_t slot_bytes;
    uint64_t n_objects, bytes;
    uint64_t n_reachable, reachable_bytes;
};
/* Classes of sizes; the list is by size. */
bool heap_view_sizes(struct heap_view *v, const struct view_size **out,
                     size_t *n, struct err *err) MUST_USE;

/* --- one object --- */

struct view_value {
    const char *name; /* ".users[3]"; "+0x18" when there is no type */
    const char *type; /* "" unknown */
    const char *text; /* "42", "\"abc\"", "-> *main.User at 0xc000012000" */
    object_id target; /* OBJECT_NONE when it is no pointer into the heap */
};
bool heap_view_values(struct heap_view *v, object_id o, size_t n_max,
                      const struct view_value **out, size_t *n, size_t *n_all,
                      struct err *err) MUST_USE;

struct view_referrer {
    heap_node node;
    const char *name, *field;
    uint64_t retained_bytes;
};
bool heap_view_referrers(struct heap_view *v, object_id o, size_t n_max,
                         const struct view_referrer **out, size_t *n,
                         size_t *n_all, struct err *err) MUST_USE;

/* --- for profiles --- */

/* Stacks with what they hold. Frames are shared: a chain is a frame and the
   chain that it goes on from, UINT32_MAX none. */
struct view_chain {
    uint32_t parent;
    const char *frame;
    uint64_t bytes, n_objects; /* of the chain's own end */
};
/* From roots along shortest paths; each reachable object counts once. */
bool heap_view_path_chains(struct heap_view *v, const struct view_chain **out,
                           size_t *n, struct err *err) MUST_USE;
/* From roots along dominators. */
bool heap_view_dominator_chains(struct heap_view *v,
                                const struct view_chain **out, size_t *n,
                                struct err *err) MUST_USE;

/* Allocation sites of what is reachable, most bytes first. */
struct view_site {
    const struct heap_bucket *bucket;
    uint64_t n_samples, sampled_bytes;
    uint64_t n_objects, bytes; /* scaled to all */
};
/* `rate` is MemProfileRate as it was, 0 unknown: then it is inferred and
   returned; 1 when nearly every object was sampled. */
bool heap_view_sites(struct heap_view *v, uint64_t *rate,
                     const struct view_site **out, size_t *n,
                     struct err *err) MUST_USE;

/* The same of objects below a node, or below another one of its class, that the
   super-root dominates: only those of the classes of `parts`, or all of them
   when there are none. */
bool heap_view_sites_below(struct heap_view *v, heap_node top,
                           const heap_node *parts, size_t n_parts,
                           uint64_t *rate, const struct view_site **out,
                           size_t *n, struct err *err) MUST_USE;

struct heap_call;
/* The function of an allocation's frame. The dump names the function that code
   was inlined into; the binary knows whose line it is. */
const char *heap_view_function(struct heap_view *v, const struct heap_call *c);

#endif
