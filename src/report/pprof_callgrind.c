/*
 * -callgrind: the graph for KCachegrind. A name is written once and has a
 * number from then on; an address is written as the distance from the last
 * one where that is shorter. Callees that would have the same name in the
 * same file (those of a call tree) get a number behind it.
 */
#include "report/pprof_private.h"

#include <stdlib.h>

#include "base/intern.h"

#include "base/banned.h"

/* A function among those of the same name and file: its number, from 1. All
   zero for a node that is not shown. */
struct rank {
    uint32_t name, number;
};

struct callgrind {
    struct buf *out;
    const struct graph *g;
    struct pprof_values v;
    struct intern objfiles, files, names;
    struct rank *ranks;       /* by node */
    struct vec_u32 n_of_name; /* functions of a name and file */
    struct buf scratch;
    const struct graph_info *previous; /* node whose lines came last */
    struct err *err;                   /* of whatever went wrong first */
    bool has_failed;
};

/* --- Names that are not unique --- */

static bool rank_node(struct callgrind *c, struct intern *names,
                      struct rank *of_function, uint32_t i)
{
    const struct graph_node *n = &c->g->nodes[i];
    const uint64_t name_bytes = n->info.name.len;
    buf_clear(&c->scratch);
    buf_add(&c->scratch, &name_bytes, sizeof(name_bytes));
    buf_span(&c->scratch, n->info.name);
    buf_span(&c->scratch, n->info.file);
    uint32_t name;
    if (!buf_check(&c->scratch, "callgrind", c->err) ||
        !intern_add(names, buf_view(&c->scratch), &name, c->err)) {
        return false;
    }
    if (name == c->n_of_name.n && !vec_u32_push(&c->n_of_name, 0)) {
        return err_nomem(c->err, "callgrind");
    }
    struct rank *rank = &of_function[n->function];
    if (rank->number == 0) {
        *rank = (struct rank){name, ++c->n_of_name.items[name]};
    }
    c->ranks[i] = *rank;
    return true;
}

static bool rank_nodes(struct callgrind *c)
{
    const struct graph *g = c->g;
    uint32_t last = 0;
    for (uint32_t i = 0; i < g->n_shown; i++) {
        const uint32_t function = g->nodes[g->order[i]].function;
        last = function > last ? function : last;
    }
    struct intern names = {0};
    struct rank *of_function = calloc((size_t)last + 1, sizeof(*of_function));
    c->ranks = calloc((size_t)g->n_nodes + 1, sizeof(*c->ranks));
    bool ok = of_function != NULL && c->ranks != NULL;
    if (!ok) {
        (void)err_nomem(c->err, "callgrind");
    }
    for (uint32_t i = 0; ok && i < g->n_shown; i++) {
        ok = rank_node(c, &names, of_function, g->order[i]);
    }
    free(of_function);
    intern_release(&names);
    return ok;
}

/* --- Lines --- */

/* `title`, then "(7) name" the first time and "(7)" later; nothing of an empty
   name. */
static void add_name(struct callgrind *c, const char *title,
                     struct intern *names, struct span name)
{
    buf_str(c->out, title);
    const size_t n_known = intern_count(names);
    uint32_t id = 0;
    if (name.len > 0 && !intern_add(names, name, &id, c->err)) {
        c->has_failed = true;
        return;
    }
    if (name.len > 0) {
        buf_char(c->out, '(');
        pprof_uint(c->out, (uint64_t)id + 1);
        buf_char(c->out, ')');
    }
    if (intern_count(names) > n_known) {
        buf_char(c->out, ' ');
        buf_span(c->out, name);
    }
    buf_char(c->out, '\n');
}

static void add_address(struct callgrind *c, uint64_t address)
{
    const size_t start = c->out->len;
    const bool is_first = c->previous == NULL;
    if (!is_first && c->previous->address == address) {
        buf_char(c->out, '*');
        return;
    }
    pprof_hex(c->out, address);
    if (is_first || !buf_ok(c->out)) {
        return;
    }
    struct buf *relative = &c->scratch;
    const int64_t distance = (int64_t)(address - c->previous->address);
    buf_clear(relative);
    buf_str(relative, distance >= 0 ? "+" : "");
    pprof_int(relative, distance);
    if (buf_ok(relative) && relative->len < c->out->len - start) {
        c->out->len = start;
        buf_span(c->out, buf_view(relative));
    }
}

static void add_number(struct callgrind *c, int64_t n)
{
    buf_char(c->out, ' ');
    pprof_int(c->out, n);
}

/* The name by which calls refer to a function. */
static struct span callee_name(struct callgrind *c, uint32_t node)
{
    const struct rank *r = &c->ranks[node];
    const struct span name = c->g->nodes[node].info.name;
    if (r->number == 0) {
        return SPAN_LIT("");
    }
    if (c->n_of_name.items[r->name] == 1) {
        return name;
    }
    buf_clear(&c->scratch);
    buf_span(&c->scratch, name);
    buf_str(&c->scratch, " [");
    pprof_uint(&c->scratch, r->number);
    buf_char(&c->scratch, '/');
    pprof_uint(&c->scratch, c->n_of_name.items[r->name]);
    buf_char(&c->scratch, ']');
    return buf_view(&c->scratch);
}

static void print_call(struct callgrind *c, const struct graph_edge *e)
{
    const struct graph_info *callee = &c->g->nodes[e->dest].info;
    add_name(c, "cfl=", &c->files, callee->file);
    add_name(c, "cfn=", &c->names, callee_name(c, e->dest));
    buf_str(c->out, "calls=0 ");
    add_address(c, callee->address);
    add_number(c, callee->line);
    buf_str(c->out, "\n* *");
    add_number(c, pprof_scaled(&c->v, e->weight));
    buf_char(c->out, '\n');
}

static bool is_same_function(const struct graph_info *a,
                             const struct graph_info *b)
{
    return span_eq(a->objfile, b->objfile) && span_eq(a->file, b->file) &&
           span_eq(a->name, b->name);
}

static void print_node(struct callgrind *c, const struct graph_node *n)
{
    const struct graph *g = c->g;
    if (c->previous == NULL || !is_same_function(c->previous, &n->info)) {
        add_name(c, "\nob=", &c->objfiles, n->info.objfile);
        add_name(c, "fl=", &c->files, n->info.file);
        add_name(c, "fn=", &c->names, n->info.name);
    }
    add_address(c, n->info.address);
    add_number(c, n->info.line);
    add_number(c, pprof_scaled(&c->v, graph_flat(n)));
    buf_char(c->out, '\n');
    for (uint32_t i = 0; i < n->n_out; i++) {
        print_call(c, &g->edges[g->out_edges[n->first_out + i]]);
    }
    c->previous = &n->info;
}

static bool print_graph(struct callgrind *c, const struct pprof_options *o)
{
    if (!rank_nodes(c)) {
        return false;
    }
    pprof_select_unit(&c->v, c->g, true);
    buf_str(c->out, "positions: instr line\nevents: ");
    buf_span(c->out, o->sample_type);
    buf_char(c->out, '(');
    buf_span(c->out, c->v.output_unit);
    buf_str(c->out, ")\n");
    for (uint32_t i = 0; !c->has_failed && i < c->g->n_shown; i++) {
        print_node(c, &c->g->nodes[c->g->order[i]]);
    }
    return !c->has_failed && buf_check(&c->scratch, "callgrind", c->err) &&
           buf_check(c->out, "callgrind", c->err);
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    struct graph *g;
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_ALL;
    options.keeps_objfiles = true;
    options.is_call_tree = o->is_call_tree;
    options.node_count = 0;
    options.node_fraction = 0;
    options.edge_fraction = 0;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct callgrind c = {
        .out = out,
        .g = g,
        .v = pprof_values_of(o),
        .scratch = BUF_LIMIT(out->limit_bytes),
        .err = err,
    };
    const bool ok = print_graph(&c, o);
    intern_release(&c.objfiles);
    intern_release(&c.files);
    intern_release(&c.names);
    vec_u32_release(&c.n_of_name);
    free(c.ranks);
    buf_release(&c.scratch);
    graph_free(g);
    return ok;
}

const struct pprof_report pprof_report_callgrind = {
    .name = "callgrind",
    .summary = "the graph for KCachegrind",
    .print = print,
};
