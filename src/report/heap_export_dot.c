/*
 * The top of the dominator tree as a graph for `dot`: boxes grow with what
 * they retain, edges carry the field that leads down.
 */
#include "report/heap_export_private.h"

#include "base/num.h"
#include "report/plain.h"

#include <math.h>

#include "base/banned.h"

enum { DEPTH_MAX = 64 };

/* A quoted text: what would end it is escaped. */
static void add_text(struct buf *out, const char *text)
{
    struct buf clean = BUF_LIMIT((size_t)1 << 16);
    plain_clean(&clean, text);
    for (size_t i = 0; i < clean.len; i++) {
        const char c = clean.data[i];
        if (c == '"' || c == '\\') {
            buf_char(out, '\\');
        }
        buf_char(out, c);
    }
    plain_drop(&clean, out);
}

static void add_node(struct buf *out, size_t i, const struct view_branch *b,
                     double all)
{
    const double part = all > 0 ? (double)b->retained_bytes / all : 0;
    buf_printf(out, "  n%zu [label=\"", i);
    if (b->n_nodes > 1) {
        num_count(out, b->n_nodes);
        buf_str(out, " x ");
    }
    add_text(out, b->name);
    buf_str(out, "\\n");
    num_bytes(out, (double)b->retained_bytes);
    const long long scaled = llround(part * 1000);
    buf_printf(out, " (%lld.%lld%%), own ", scaled / 10, scaled % 10);
    num_bytes(out, (double)b->bytes);
    buf_printf(out, "\", fontsize=%d];\n", 8 + (int)(16 * sqrt(part)));
}

static void add_edge(struct buf *out, size_t from, size_t to,
                     const struct view_branch *b)
{
    buf_printf(out, "  n%zu -> n%zu", from, to);
    if (*b->field) {
        buf_str(out, " [label=\"");
        add_text(out, b->field);
        buf_str(out, "\"]");
    }
    buf_str(out, ";\n");
}

bool heap_export_dot(struct heap_view *v, const struct heap_facts *facts,
                     const struct heap_export_options *o, struct buf *out,
                     struct err *err)
{
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    size_t above[DEPTH_MAX] = {0};
    if (!heap_view_branches(v, o->share, o->n_max, &rows, &n, &n_all, err)) {
        return false;
    }
    const double all = (double)heap_retained_bytes(facts->dominators, 0);
    buf_str(out, "digraph \"dominators\" {\n"
                 "  rankdir=LR;\n"
                 "  node [shape=box, fontname=\"sans-serif\"];\n"
                 "  edge [fontsize=9, fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < n; i++) {
        const unsigned depth = rows[i].depth;
        if (depth >= DEPTH_MAX) {
            continue;
        }
        above[depth] = i;
        add_node(out, i, &rows[i], all);
        if (depth > 0) {
            add_edge(out, above[depth - 1], i, &rows[i]);
        }
    }
    buf_str(out, "}\n");
    return buf_check(out, "dot", err);
}
