/*
 * A small part of YAML as a flat tree: mappings, sequences and scalars in the
 * order of the text. No anchors, aliases, tags or second documents: whoever
 * reads a configuration should see all of it where it stands.
 */
#ifndef SEEP_REVIEW_YAML_TREE_PRIVATE_H
#define SEEP_REVIEW_YAML_TREE_PRIVATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum yaml_kind { YAML_TREE_SCALAR, YAML_TREE_MAPPING, YAML_TREE_SEQUENCE };

/* Children of a mapping are key, value, key, value, ...; keys are scalars, no
   two of one mapping alike. The next sibling of node i is node `end`. */
struct yaml_node {
    enum yaml_kind kind;
    bool is_plain;    /* a scalar without quotes */
    const char *text; /* of a scalar; UTF-8 without control characters */
    size_t line;      /* from 1 */
    size_t end;       /* index behind all that is in it */
};

struct yaml_tree {
    struct yaml_node *nodes; /* the root first; none: an empty text */
    size_t n;
};

/* Nodes and texts live in `arena`. Errors are "NAME:LINE: what". Limits:
   1 MiB, 100,000 nodes, 16 levels. */
bool yaml_tree_read(struct span text, const char *name, struct arena *arena,
                    struct yaml_tree *out, struct err *err) MUST_USE;

#endif
