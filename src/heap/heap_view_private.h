/* Inside of a view, shared by heap_view_*.c. */
#ifndef SEEP_HEAP_HEAP_VIEW_PRIVATE_H
#define SEEP_HEAP_HEAP_VIEW_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/intern.h"
#include "base/vec.h"
#include "heap/heap.h"
#include "heap/heap_memory_private.h"
#include "heap/heap_view.h"

#define VIEW_NO_CLASS UINT32_MAX

/* A name is for reading. */
enum { VIEW_NAME_BYTES = 1024 };

struct view_class {
    const char *name;
    object_id sample; /* one of them; OBJECT_NONE for roots */
    bool is_known;
    uint32_t n_objects;
    uint64_t bytes;
};
VEC_TYPE(view_classes, struct view_class)
VEC_TYPE(view_call_rows, struct view_calls)

struct heap_view {
    struct heap_facts f;
    struct arena arena;
    struct intern names;    /* of classes: their ids are the classes' */
    struct intern of_roots; /* names of single goroutines */
    struct intern places;   /* of frames: their ids are those of calls */
    struct view_call_rows calls;
    struct buf word;           /* scratch */
    uint32_t n_nodes, n_heads; /* the super-root and the groups */
    uint64_t spent_bytes;      /* of the graph's limit */
    uint32_t *class_of;        /* by node; VIEW_NO_CLASS unreachable */
    struct view_classes classes;
    uint32_t *tops; /* by node: its dominator below the super-root; lazily */
};

static inline heap_node view_node(const struct heap_view *v, object_id o)
{
    return v->n_heads + o.i;
}

static inline bool view_is_object(const struct heap_view *v, heap_node n)
{
    return n >= v->n_heads;
}

static inline object_id view_object(const struct heap_view *v, heap_node n)
{
    return (object_id){n - v->n_heads};
}

/* The nth group's node is 1 + n. */
static inline uint32_t view_group(heap_node n)
{
    return n - 1;
}

static inline bool view_is_reachable(const struct heap_view *v, object_id o)
{
    return v->class_of[view_node(v, o)] != VIEW_NO_CLASS;
}

/* Memory that is kept as long as the view, against the graph's limit. */
bool view_spend(struct heap_view *v, uint64_t bytes, struct err *err) MUST_USE;
/* Copies the scratch text into the arena; NULL when memory is out. */
const char *view_keep(struct heap_view *v, struct err *err);
/* Starts the scratch text. */
struct buf *view_word(struct heap_view *v);

/* The function that a goroutine's go statement called; "" unknown. */
bool view_started(struct heap_view *v, const struct graph_goroutine *g,
                  const char **out, struct err *err) MUST_USE;

/* "goroutine [select] main.worker": the name without what tells those that
   are alike apart. Appended. */
bool view_group_class(struct heap_view *v, uint32_t group, struct buf *out,
                      struct err *err) MUST_USE;

/* Adds to `rows`, by class, what each retains. */
bool view_retained_by_class(struct heap_view *v, struct view_type *rows,
                            struct err *err) MUST_USE;

/* Indices of `path`, "[12]", become "[]". Appended. */
void view_without_indices(struct span path, struct buf *out);

/* `s` without control characters. Appended. */
void view_add_text(struct buf *out, struct span s);

/* Bytes that the class's nodes have themselves; 0 of a root. */
uint64_t view_own_bytes(const struct heap_view *v, heap_node n);

/* --- sets of nodes of one class --- */

struct view_set {
    uint32_t class_id;
    heap_node largest;
    heap_node *nodes;   /* in the owner's memory */
    uint32_t n;         /* of nodes: those that no other of them dominates */
    uint32_t n_members; /* with those that were folded into it */
    uint64_t bytes;     /* of the members themselves */
    uint64_t retained_bytes;
    uint32_t retained_objects;
};

/* The sets below a set that retain at least `least_bytes`, largest first, of
   all nodes that its members dominate; members of the set's own class are
   folded into it. Free with view_sets_release(). */
struct view_sets {
    struct view_set *items;
    size_t n;
    heap_node *nodes;
};
bool view_sets_below(struct heap_view *v, struct view_set *set,
                     uint64_t least_bytes, struct view_sets *out,
                     struct err *err) MUST_USE;
void view_sets_release(struct view_sets *s);
/* The super-root as a set. */
struct view_set view_set_of_all(const struct heap_view *v, heap_node *zero);

/* The row of a set; `n_nodes` and `bytes` are those before folding unless
   view_sets_below() was asked. */
bool view_branch_of(struct heap_view *v, const struct view_set *set,
                    unsigned depth, struct view_branch *out,
                    struct err *err) MUST_USE;

/* The type of a group that is a variable; NULL unknown. */
const char *view_variable_type(const struct heap_view *v, uint32_t group);

/* --- strings and slices --- */

/* What a header (string or slice) refers to. */
struct view_part {
    uint64_t address;
    uint64_t used_bytes, room_bytes; /* length, capacity */
    uint64_t element_bytes;
    bool is_string;
};
/* Visits those in all typed reachable objects and in variables. */
bool view_parts(struct heap_view *v,
                bool (*take)(void *ctx, const struct view_part *p,
                             struct err *err),
                void *ctx, struct err *err) MUST_USE;

/* The values that an object consists of: TYPE_NONE bytes or unknown. */
type_id view_scan_type(const struct heap_view *v, object_id o,
                       struct object_type *t);

/* --- what sync.Pools keep --- */

/* For view_is_pooled(); free() it. False: out of memory. */
bool view_find_pooled(struct heap_view *v, uint64_t **pooled) MUST_USE;
/* Does nothing but a pool keep it? */
bool view_is_pooled(const struct heap_view *v, const uint64_t *pooled,
                    object_id o);

/* --- allocation --- */

/* Fills `tops`: for each node the one above it, itself included, that nothing
   but the super-root dominates. */
bool view_find_tops(struct heap_view *v, struct err *err) MUST_USE;

/* The site of most samples among objects of class `class_id` below those of
   class `top_id` that the super-root dominates; where none was sampled, among
   all objects there. */
bool view_site_below(struct heap_view *v, uint32_t top_id, uint32_t class_id,
                     const struct heap_bucket **site, uint64_t *n_samples,
                     struct err *err) MUST_USE;

#endif
