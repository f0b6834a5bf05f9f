/*
 * What a holder is called. A global or a goroutine has a name; an object that
 * several roots hold is called by its type, and the way to it is told from the
 * best root: a variable of the program, else one of its goroutines.
 */
#include "rules/dump_private.h"

#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum { TEXT_BYTES = 8192, PATHS_ASKED = 12, STEPS_SHOWN = 6 };

const char *dump_keep(struct dump_judge *j, struct buf *text)
{
    const char *out =
        buf_ok(text) ? arena_strdup(j->arena, buf_view(text)) : NULL;
    j->arena->has_failed |= text->failed_memory;
    buf_release(text);
    return out ? out : "?";
}

static const char *without(const char *text, const char *prefix)
{
    const size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : text;
}

/* --- the name --- */

/* "goroutine 22 [chan receive] main.worker" -> "main.worker" */
static const char *goroutine_function(const char *name)
{
    const char *end = strstr(name, "] ");
    return end ? end + 2 : name;
}

static const struct root_group *group_of(const struct dump_judge *j,
                                         const struct dump_row *r)
{
    return r->is_object || r->branch->sample == 0
               ? NULL
               : heap_group(j->e->facts->graph, r->branch->sample - 1);
}

static void add_base(const struct dump_judge *j, const struct dump_row *top,
                     struct buf *out)
{
    const struct root_group *g = group_of(j, top);
    const char *name = top->branch->name;
    if (g && g->kind == ROOT_GLOBAL) {
        buf_str(out, without(name, "global "));
    } else if (g && g->kind == ROOT_GOROUTINE) {
        buf_printf(out, "goroutine%s %s", top->branch->n_nodes > 1 ? "s" : "",
                   goroutine_function(name));
    } else {
        buf_str(out, top->branch->class_name);
    }
}

/* A way through parts of a map, "[]" of an array and the like says where in
   it, not which. */
static void add_field(const char *field, bool is_local, struct buf *out)
{
    if (*field == '\0' || *field == '+') { /* an offset is no name */
        return;
    }
    if (is_local) {
        buf_str(out, field[0] == '.' || field[0] == '[' ? "" : ", ");
    }
    buf_str(out, field);
}

static const char *name_of(struct dump_judge *j, const struct dump_candidate *c)
{
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    const struct dump_row *top = dump_top(c);
    const struct root_group *g = group_of(j, top);
    add_base(j, top, &text);
    for (size_t i = 1; i <= c->at && i < c->way.n; i++) {
        const bool is_local = i == 1 && g && g->kind == ROOT_GOROUTINE;
        if (c->way.rows[i]->form == FORM_CHANNEL_BUFFER) {
            continue; /* the runtime's name for it */
        }
        add_field(c->way.rows[i]->branch->field, is_local, &text);
    }
    return dump_keep(j, &text);
}

/* "[]main.User (backing)" -> "[]main.User" */
static const char *type_of(struct dump_judge *j, const struct dump_candidate *c)
{
    const struct dump_row *at = dump_at(c);
    const struct root_group *top = group_of(j, dump_top(c));
    /* The array of a variable that is a slice: the variable. */
    const bool is_variable = c->at == 1 && top && top->kind == ROOT_GLOBAL &&
                             *at->branch->field == '\0';
    if (c->container == CONTAINER_QUEUE && c->held < c->way.n) {
        return c->way.rows[c->held]->branch->class_name;
    }
    if (!at || !at->is_object || is_variable) {
        const struct root_group *g = is_variable ? top : group_of(j, at);
        const struct go_variable *v =
            g && g->kind == ROOT_GLOBAL && j->e->facts->binary
                ? binary_variable_at(j->e->facts->binary, g->address)
                : NULL;
        const struct go_type *t =
            v && v->type.i != TYPE_NONE.i
                ? binary_type(j->e->facts->binary, v->type)
                : NULL;
        return t ? t->name : NULL;
    }
    const char *name = at->branch->name;
    const char *suffix = strrchr(name, '(');
    const size_t n = suffix && suffix > name && suffix[-1] == ' ' &&
                             name[strlen(name) - 1] == ')'
                         ? (size_t)(suffix - 1 - name)
                         : strlen(name);
    if (strncmp(name, "unknown", 7) == 0) {
        return NULL;
    }
    return arena_strdup(j->arena, (struct span){name, n});
}

/* --- the path --- */

static void add_row(const struct dump_row *r, struct buf *out)
{
    const struct view_branch *b = r->branch;
    buf_str(out, b->field);
    buf_str(out, *b->field ? " " : "");
    if (b->n_nodes > 1) {
        num_count(out, b->n_nodes);
        buf_str(out, " x ");
    }
    buf_str(out, b->name);
}

static bool is_runtime_root(const struct root_group *g)
{
    return strncmp(g->name, "runtime.", 8) == 0 ||
           strncmp(g->name, "internal/", 9) == 0;
}

/* Less is better. */
static unsigned rank_root(const struct dump_judge *j,
                          const struct root_group *g)
{
    const struct heap_graph *graph = j->e->facts->graph;
    if (g->kind == ROOT_GLOBAL) {
        const bool has_name = strchr(g->name, '+') == NULL;
        return is_runtime_root(g) ? 6 : has_name ? 0 : 4;
    }
    if (g->kind == ROOT_GOROUTINE && g->goroutine < heap_n_goroutines(graph)) {
        const struct graph_goroutine *r =
            heap_goroutine_at(graph, g->goroutine);
        return r->is_system ? 5 : r->goid == 1 ? 1 : 2;
    }
    return 3;
}

static bool is_map_array(const struct dump_judge *j, object_id o)
{
    const enum object_form f = j->e->facts->types
                                   ? heap_type_of(j->e->facts->types, o).form
                                   : FORM_VALUE;
    return f == FORM_MAP_BUCKETS || f == FORM_MAP_TABLE ||
           f == FORM_MAP_DIRECTORY;
}

static void add_path_step(struct dump_judge *j, const struct heap_path *p,
                          size_t i, struct buf *out)
{
    struct heap_view *v = j->e->view;
    const struct heap_graph *g = j->e->facts->graph;
    if (i > 0 && i + 1 < p->n && is_map_array(j, p->steps[i].object)) {
        return;
    }
    const heap_node to = heap_node_of_object(g, p->steps[i].object);
    const heap_node from = i == 0
                               ? heap_node_of_group(p->group)
                               : heap_node_of_object(g, p->steps[i - 1].object);
    const char *field = heap_view_field(v, from, p->steps[i].object);
    buf_printf(out, "%s%s -> ", i == 0 && *field ? " " : "", field);
    if (i + 1 < p->n) { /* the last is told with what it holds */
        buf_str(out, heap_view_name(v, to));
        buf_char(out, ' ');
    }
}

static void add_best_path(struct dump_judge *j, const struct heap_path *paths,
                          size_t n, struct buf *out)
{
    const struct heap_graph *g = j->e->facts->graph;
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        const unsigned a = rank_root(j, heap_group(g, paths[i].group));
        const unsigned b = rank_root(j, heap_group(g, paths[best].group));
        if (a < b || (a == b && paths[i].n < paths[best].n)) {
            best = i;
        }
    }
    const struct heap_path *p = &paths[best];
    buf_str(out, heap_view_name(j->e->view, heap_node_of_group(p->group)));
    for (size_t i = 0; i < p->n; i++) {
        if (p->n > STEPS_SHOWN && i == STEPS_SHOWN / 2) {
            buf_printf(out, "... %zu more ... ", p->n - STEPS_SHOWN);
            i += p->n - STEPS_SHOWN - 1;
            continue;
        }
        add_path_step(j, p, i, out);
    }
}

bool dump_paths_of(struct dump_judge *j, struct err *err)
{
    return j->paths ||
           heap_paths_build(j->e->facts->graph, &(struct heap_graph_options){0},
                            &j->paths, err);
}

/* From a root to an object that several hold. */
static bool add_route(struct dump_judge *j, object_id o, struct buf *out,
                      struct err *err)
{
    struct heap_path *paths = NULL;
    size_t n = 0;
    if (!dump_paths_of(j, err) ||
        !heap_paths_to(j->paths, o, PATHS_ASKED, j->arena, &paths, &n, err)) {
        return false;
    }
    if (n > 0) {
        add_best_path(j, paths, n, out);
    }
    return true;
}

/* A chain of classes in turn says the same again and again. */
static bool is_again(const struct dump_way *w, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (w->rows[k]->is_object && w->rows[i]->is_object &&
            strcmp(w->rows[k]->branch->class_name,
                   w->rows[i]->branch->class_name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_rows(const struct dump_candidate *c, struct buf *out)
{
    const struct dump_way *w = &c->way;
    const struct view_branch *last = w->rows[w->n - 1]->branch;
    for (size_t i = 0; i < w->n; i++) {
        if (w->rows[i]->branch->is_inner && i + 1 < w->n) {
            continue; /* a map's own arrays */
        }
        buf_str(out, i > 0 ? " -> " : "");
        add_row(w->rows[i], out);
        if (c->container == CONTAINER_LIST && is_again(w, i)) {
            buf_printf(out, " -> and so on, %s%zu deep",
                       last->is_cut ? "more than " : "", w->n);
            return;
        }
    }
    buf_str(out, ", ");
    num_bytes(out, (double)(last->bytes ? last->bytes : last->retained_bytes));
}

static bool path_of(struct dump_judge *j, const struct dump_candidate *c,
                    const char **out, struct err *err)
{
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    object_id o;
    if (heap_node_is_object(j->e->facts->graph, c->sample, &o) &&
        !add_route(j, o, &text, err)) {
        buf_release(&text);
        return false;
    }
    add_rows(c, &text);
    *out = dump_keep(j, &text);
    return true;
}

/* --- all of it --- */

static bool reach(struct dump_judge *j, const struct dump_row *at, double *out,
                  struct err *err)
{
    const struct heap_graph *g = j->e->facts->graph;
    uint64_t bytes = 0;
    uint64_t n_objects = 0;
    object_id o;
    const bool ok =
        heap_node_is_object(g, at->branch->sample, &o)
            ? heap_reachable_from_object(g, o, &bytes, &n_objects, err)
            : heap_reachable_from(g, at->branch->sample - 1, &bytes, &n_objects,
                                  err);
    *out = (double)bytes;
    return ok;
}

bool dump_name_holder(struct dump_judge *j, struct dump_candidate *c,
                      struct err *err)
{
    const struct dump_row *at = dump_at(c);
    c->holder.reachable_bytes = NAN; /* of many it would take many walks */
    c->holder.name = name_of(j, c);
    c->holder.type = type_of(j, c);
    c->holder.retained_bytes = c->retained_bytes;
    c->holder.retained_objects = c->retained_objects;
    c->holder.share =
        j->total_bytes > 0 ? c->retained_bytes / j->total_bytes : 0;
    return path_of(j, c, &c->holder.path, err) &&
           (at->branch->n_nodes > 1 ||
            reach(j, at, &c->holder.reachable_bytes, err));
}
