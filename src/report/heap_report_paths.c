/* Why something is alive: ways from roots, one by one for an object, merged by
   the names of their steps for all objects of a type. */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const struct report_column path_columns[] = {
    {"summary", "",     CELL_TEXT,  false},
    {"path",    "path", CELL_TEXT,  false},
    {"root",    "",     CELL_TEXT,  false},
    {"objects", "",     CELL_COUNT, false},
    {"bytes",   "",     CELL_BYTES, false},
    {"steps",   "",     CELL_COUNT, false},
};

/* --- one object --- */

static void add_step(struct heap_report *r, struct buf *out, heap_node from,
                     object_id to)
{
    const char *field = heap_view_exact_field(r->view, from, to);
    buf_str(out, " -> ");
    buf_str(out, field);
    buf_str(out, *field ? " " : "");
    buf_str(out,
            heap_view_name(r->view, heap_node_of_object(r->facts->graph, to)));
    buf_printf(out, " at 0x%llx",
               (unsigned long long)heap_object_address(r->facts->graph, to));
}

static const char *path_text(struct heap_report *r, const struct heap_path *p,
                             struct err *err)
{
    struct buf text = BUF_LIMIT((size_t)1 << 20);
    heap_node from = heap_node_of_group(p->group);
    buf_str(&text, heap_view_name(r->view, from));
    for (size_t i = 0; i < p->n; i++) {
        add_step(r, &text, from, p->steps[i].object);
        from = heap_node_of_object(r->facts->graph, p->steps[i].object);
    }
    return keep_text(r, &text, err);
}

static const char *path_head(struct heap_report *r, const char *root,
                             const struct heap_path *p, struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    buf_printf(&text, "%s, %zu step%s", root, p->n, p->n == 1 ? "" : "s");
    if (p->root && p->root->is_conservative) {
        buf_str(&text, ", by a word that may be no pointer");
    }
    return keep_text(r, &text, err);
}

static bool add_path(struct heap_report *r, struct table_builder *b,
                     object_id o, const struct heap_path *p, struct err *err)
{
    const char *root = heap_view_name(r->view, heap_node_of_group(p->group));
    const char *head = path_head(r, root, p, err);
    const char *text = path_text(r, p, err);
    if (!head || !text) {
        return false;
    }
    cell_text(b, head);
    cell_text(b, text);
    cell_text(b, root);
    cell_number(b, 1);
    cell_number(b, (double)heap_object_bytes(r->facts->graph, o));
    cell_number(b, (double)p->n);
    return true;
}

bool heap_report_paths(struct heap_report *r, object_id o, struct err *err)
{
    struct heap_path *paths = NULL;
    size_t n = 0;
    struct table_builder b;
    struct buf line = BUF_LIMIT(8192);
    if (!heap_paths_to(r->paths, o, r->n_max, &r->arena, &paths, &n, err) ||
        !TABLE_BEGIN(r, &b, "paths", path_columns, n, n, err)) {
        return false;
    }
    buf_printf(
        &line, "0x%llx  %s",
        (unsigned long long)heap_object_address(r->facts->graph, o),
        heap_view_name(r->view, heap_node_of_object(r->facts->graph, o)));
    buf_str(&line, n == 0 ? ": nobody holds it, it is garbage" : "");
    b.table->title = "shortest paths from roots";
    b.table->is_blocks = true;
    r->n_summary = 0;
    if (!add_line(r, r->summary, &r->n_summary, &line, err)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!add_path(r, &b, o, &paths[i], err)) {
            return false;
        }
    }
    return true;
}

/* --- a type --- */

/* "goroutine 9 [select] main.f", "20 x goroutine [select] main.f" */
static const char *merged_root(struct heap_report *r,
                               const struct merged_path *p, struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    const heap_node node = heap_node_of_group(p->group);
    if (p->n_groups > 1) {
        num_count(&text, p->n_groups);
        buf_str(&text, " x ");
        buf_str(&text, heap_view_class(r->view, node));
    } else {
        buf_str(&text, heap_view_name(r->view, node));
    }
    return keep_text(r, &text, err);
}

static const char *merged_text(struct heap_report *r, const char *root,
                               const struct merged_path *p, struct err *err)
{
    struct buf text = BUF_LIMIT((size_t)1 << 20);
    buf_str(&text, root);
    for (size_t i = 0; i < p->n; i++) {
        /* ".users -> T" or "T", behind what stands before */
        const struct span step = span_of(p->steps[i].text);
        const char *arrow = strstr(p->steps[i].text, " -> ");
        const size_t n = arrow ? (size_t)(arrow - p->steps[i].text) : 0;
        buf_str(&text, " -> ");
        buf_span(&text, span_first(step, n));
        buf_str(&text, n > 0 ? " " : "");
        buf_str(&text, arrow ? arrow + 4 : p->steps[i].text);
    }
    return keep_text(r, &text, err);
}

static const char *merged_head(struct heap_report *r, const char *root,
                               const struct merged_path *p, struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    buf_printf(&text, "%s: ", root);
    num_count(&text, (int64_t)p->n_objects);
    buf_str(&text, p->n_objects == 1 ? " object, " : " objects, ");
    num_bytes(&text, (double)p->bytes);
    return keep_text(r, &text, err);
}

static bool add_merged(struct heap_report *r, struct table_builder *b,
                       const struct merged_path *p, struct err *err)
{
    const char *root = merged_root(r, p, err);
    const char *head = root ? merged_head(r, root, p, err) : NULL;
    const char *text = head ? merged_text(r, root, p, err) : NULL;
    if (!text) {
        return false;
    }
    cell_text(b, head);
    cell_text(b, text);
    cell_text(b, root);
    cell_number(b, (double)p->n_objects);
    cell_number(b, (double)p->bytes);
    cell_number(b, (double)p->n);
    return true;
}

static bool type_line(struct heap_report *r, const char *type,
                      const object_id *objects, size_t n, struct err *err)
{
    struct buf line = BUF_LIMIT(8192);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += heap_object_bytes(r->facts->graph, objects[i]);
    }
    num_count(&line, (int64_t)n);
    buf_printf(&line, " object%s of %s, ", n == 1 ? "" : "s", type);
    num_bytes(&line, (double)bytes);
    r->n_summary = 0;
    return add_line(r, r->summary, &r->n_summary, &line, err);
}

static bool add_all(struct heap_report *r, const object_id *objects, size_t n,
                    struct err *err)
{
    struct merged_path *paths = NULL;
    size_t n_paths = 0;
    struct table_builder b;
    if (!heap_paths_merged(r->paths, r->facts->types, objects, n, r->n_max,
                           &r->arena, &paths, &n_paths, err) ||
        !TABLE_BEGIN(r, &b, "paths", path_columns, n_paths, n_paths, err)) {
        return false;
    }
    b.table->title = "shortest paths from roots, alike ones together";
    b.table->is_blocks = true;
    for (size_t i = 0; i < n_paths; i++) {
        if (!add_merged(r, &b, &paths[i], err)) {
            return false;
        }
    }
    return true;
}

bool heap_report_paths_of_type(struct heap_report *r, const char *type,
                               struct err *err)
{
    object_id *objects = NULL;
    size_t n = 0;
    if (!heap_view_objects_of(r->view, type, &objects, &n, err)) {
        return false;
    }
    bool ok = n > 0 || err_set(err, ERR_USAGE,
                               "--paths-to: no live object has a type of that "
                               "name: '%.120s'; --view types lists them",
                               type);
    ok = ok && type_line(r, type, objects, n, err) &&
         add_all(r, objects, n, err);
    free(objects);
    return ok;
}
