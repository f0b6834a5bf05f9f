/* Shared by what looks for roots: groups are opened one after the other, and
   roots go into the last. */
#ifndef SEEP_HEAP_HEAP_GRAPH_ROOTS_PRIVATE_H
#define SEEP_HEAP_HEAP_GRAPH_ROOTS_PRIVATE_H

#include "heap/heap_graph_private.h"

struct root_builder {
    struct graph_build *build;
    struct heap_graph *g;
    size_t symbol; /* the last one that was found */
};

/* ERR_NOMEM when group.name is NULL. */
bool root_begin_group(struct root_builder *b, struct root_group group,
                      struct err *err) MUST_USE;
void root_end_group(struct root_builder *b);
/* The same, and drops the group when nothing is in it. */
void root_end_group_if_any(struct root_builder *b);

/* A root of the last group, when `value` points to an object. */
bool root_add(struct root_builder *b, uint64_t slot, uint64_t value,
              uint32_t frame, bool is_conservative, struct err *err) MUST_USE;
bool root_add_object(struct root_builder *b, object_id o,
                     struct err *err) MUST_USE;
bool root_points_to_object(const struct heap_graph *g, uint64_t value);
bool root_add_frame(struct root_builder *b, uint32_t i,
                    struct err *err) MUST_USE;
/* heap_graph_roots_words.c: objects that only words of frames refer to which
   the dump does not call pointers. After all that is sure was reached. */
bool root_add_words(struct root_builder *b, struct err *err) MUST_USE;
/* heap_graph_roots_rest.c: before the goroutines, after them, and what only
   what was reached so far can tell. */
bool root_take_list_apart(struct root_builder *b, struct err *err) MUST_USE;
bool root_add_rest(struct root_builder *b, struct err *err) MUST_USE;
bool root_add_unreached(struct root_builder *b, struct err *err) MUST_USE;

/* heap_graph_lost.c: is a g of the runtime's list, which no record is of, that
   of a goroutine that lives? */
struct lost_search {
    uint64_t g_offset;  /* of a g in its object */
    uint64_t id_offset; /* of its id in a g; 0 unknown, then none is lost */
};
struct lost_search root_lost_search(const struct heap_graph *g,
                                    uint64_t g_bytes);
bool root_is_lost(const struct heap_graph *g, const struct lost_search *s,
                  object_id o);

#endif
