#include "review/yaml_tree_private.h"

#include "base/limits.h"
#include "base/vec.h"

#include <assert.h>
#include <yaml.h>

#include "base/banned.h"

/* A mapping's keys are compared with each other, hence its own limit. */
enum { NODES_MAX = 100000, CHILDREN_MAX = 10000, DEPTH_MAX = 16 };

VEC_TYPE(yaml_nodes, struct yaml_node)

/* A mapping or sequence that is not closed yet. */
struct open_node {
    size_t node, n_children;
};

struct reading {
    const char *name;
    struct arena *arena;
    struct yaml_nodes nodes;
    struct open_node open[DEPTH_MAX];
    size_t depth;
    bool has_document;
    struct err *err;
};

static bool fail(struct reading *r, const yaml_mark_t *at, const char *what)
{
    return err_set(r->err, ERR_FORMAT, "%s:%zu: %s", r->name, at->line + 1,
                   what);
}

/* Is the node that comes next a key of the open mapping? */
static bool is_key_next(const struct reading *r)
{
    return r->depth > 0 &&
           r->nodes.items[r->open[r->depth - 1].node].kind ==
               YAML_TREE_MAPPING &&
           r->open[r->depth - 1].n_children % 2 == 0;
}

static bool has_key(const struct reading *r, const char *key)
{
    const size_t open = r->open[r->depth - 1].node;
    for (size_t i = open + 1; i < r->nodes.n;) {
        if (strcmp(r->nodes.items[i].text, key) == 0) {
            return true;
        }
        i = r->nodes.items[i].end; /* its value */
        i = i < r->nodes.n ? r->nodes.items[i].end : i;
    }
    return false;
}

static bool push(struct reading *r, const struct yaml_node *node,
                 const yaml_mark_t *at)
{
    if (r->nodes.n == NODES_MAX) {
        return fail(r, at, "too many values");
    }
    if (r->depth > 0 && r->open[r->depth - 1].n_children++ == CHILDREN_MAX) {
        return fail(r, at, "too many values in one list or mapping");
    }
    return yaml_nodes_push(&r->nodes, *node) ||
           err_nomem(r->err, "configuration");
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool add_scalar(struct reading *r, const yaml_event_t *e)
{
    const struct span text = {(const char *)e->data.scalar.value,
                              e->data.scalar.length};
    const yaml_mark_t *at = &e->start_mark;
    const bool is_key = is_key_next(r);
    /* A folded or literal text ends with a newline of its own. */
    struct span line = text;
    while (span_ends(line, "\n")) {
        line = span_first(line, line.len - 1);
    }
    if (has_control(line)) {
        return fail(r, at,
                    "a value of several lines, or with a control "
                    "character");
    }
    const struct yaml_node node = {.kind = YAML_TREE_SCALAR,
                                   .is_plain = e->data.scalar.style ==
                                               YAML_PLAIN_SCALAR_STYLE,
                                   .text = arena_strdup(r->arena, line),
                                   .line = at->line + 1,
                                   .end = r->nodes.n + 1};
    if (node.text == NULL) {
        return err_nomem(r->err, "configuration");
    }
    if (is_key && has_key(r, node.text)) {
        return err_set(r->err, ERR_FORMAT, "%s:%zu: '%s' is there twice",
                       r->name, node.line, node.text);
    }
    return push(r, &node, at);
}

static bool open_node(struct reading *r, enum yaml_kind kind,
                      const yaml_event_t *e)
{
    const yaml_mark_t *at = &e->start_mark;
    if (is_key_next(r)) {
        return fail(r, at, "a key is a word, not a list or a mapping");
    }
    if (r->depth == DEPTH_MAX) {
        return fail(r, at, "nested too deeply");
    }
    const struct yaml_node node = {.kind = kind, .line = at->line + 1};
    const size_t at_node = r->nodes.n;
    if (!push(r, &node, at)) {
        return false;
    }
    r->open[r->depth++] = (struct open_node){.node = at_node};
    return true;
}

static bool close_node(struct reading *r)
{
    assert(r->depth > 0 && r->nodes.items != NULL); /* libyaml pairs them */
    r->nodes.items[r->open[--r->depth].node].end = r->nodes.n;
    return true;
}

/* What is refused on purpose, in words. */
static bool has_extras(const yaml_char_t *anchor, const yaml_char_t *tag)
{
    return anchor != NULL || tag != NULL;
}

static bool take(struct reading *r, const yaml_event_t *e)
{
    static const char extras[] = "anchors, aliases and tags are not taken";
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->has_document) {
            return fail(r, &e->start_mark, "a second document");
        }
        r->has_document = true;
        return true;
    case YAML_ALIAS_EVENT:
        return fail(r, &e->start_mark, extras);
    case YAML_SCALAR_EVENT:
        return has_extras(e->data.scalar.anchor, e->data.scalar.tag)
                   ? fail(r, &e->start_mark, extras)
                   : add_scalar(r, e);
    case YAML_MAPPING_START_EVENT:
        return has_extras(e->data.mapping_start.anchor,
                          e->data.mapping_start.tag)
                   ? fail(r, &e->start_mark, extras)
                   : open_node(r, YAML_TREE_MAPPING, e);
    case YAML_SEQUENCE_START_EVENT:
        return has_extras(e->data.sequence_start.anchor,
                          e->data.sequence_start.tag)
                   ? fail(r, &e->start_mark, extras)
                   : open_node(r, YAML_TREE_SEQUENCE, e);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return close_node(r);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

static bool parser_error(struct reading *r, const yaml_parser_t *p)
{
    if (p->error == YAML_MEMORY_ERROR) {
        return err_nomem(r->err, "configuration");
    }
    const char *what = p->problem != NULL ? p->problem : "not valid YAML";
    if (p->error == YAML_READER_ERROR) {
        return err_set_at(r->err, ERR_FORMAT, p->problem_offset, "%s: %s",
                          r->name, what);
    }
    return fail(r, &p->problem_mark, what);
}

static bool read_events(struct reading *r, yaml_parser_t *p)
{
    for (bool is_end = false; !is_end;) {
        yaml_event_t e;
        if (!yaml_parser_parse(p, &e)) {
            return parser_error(r, p);
        }
        is_end = e.type == YAML_STREAM_END_EVENT;
        const bool ok = take(r, &e);
        yaml_event_delete(&e);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool keep(struct reading *r, struct yaml_tree *out)
{
    out->n = r->nodes.n;
    out->nodes = arena_new(r->arena, struct yaml_node, r->nodes.n + 1);
    if (out->nodes == NULL) {
        return err_nomem(r->err, "configuration");
    }
    if (r->nodes.n > 0) {
        memcpy(out->nodes, r->nodes.items, r->nodes.n * sizeof(*out->nodes));
    }
    return true;
}

bool yaml_tree_read(struct span text, const char *name, struct arena *arena,
                    struct yaml_tree *out, struct err *err)
{
    yaml_parser_t parser;
    struct reading r = {.name = name, .arena = arena, .err = err};
    *out = (struct yaml_tree){.n = 0};
    if (text.len > LIMIT_CONFIG_BYTES) {
        return err_set(err, ERR_LIMIT, "%s: larger than 1 MiB", name);
    }
    if (!yaml_parser_initialize(&parser)) {
        return err_nomem(err, "configuration");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &parser, (const unsigned char *)(text.len > 0 ? text.p : ""), text.len);
    const bool ok = read_events(&r, &parser) && keep(&r, out);
    yaml_nodes_release(&r.nodes);
    yaml_parser_delete(&parser);
    return ok;
}
