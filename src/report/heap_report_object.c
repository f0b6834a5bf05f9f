/* One object: what it is, what is in it, who points to it, what keeps it. */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <math.h>

#include "base/banned.h"

static const char *printed(struct heap_report *r, uint64_t address,
                           struct err *err)
{
    struct buf text = BUF_LIMIT(64);
    buf_printf(&text, "0x%llx", (unsigned long long)address);
    return keep_text(r, &text, err);
}

/* The address of an object, the empty text of a root. */
static const char *address_of(struct heap_report *r, heap_node n,
                              struct err *err)
{
    object_id o;
    if (!heap_node_is_object(r->facts->graph, n, &o)) {
        return "";
    }
    return printed(r, heap_object_address(r->facts->graph, o), err);
}

static bool object_line(struct heap_report *r, object_id o, struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    const heap_node n = heap_node_of_object(r->facts->graph, o);
    const bool is_live = heap_is_reachable(r->facts->dominators, n);
    buf_printf(&text, "0x%llx  %s, slot of ",
               (unsigned long long)heap_object_address(r->facts->graph, o),
               heap_view_name(r->view, n));
    num_bytes(&text, (double)heap_object_bytes(r->facts->graph, o));
    if (!is_live) {
        buf_str(&text, "; nobody holds it: garbage");
    } else {
        buf_str(&text, "; holds ");
        num_bytes(&text, (double)heap_retained_bytes(r->facts->dominators, n));
        buf_str(&text, " in ");
        num_count(&text, heap_retained_objects(r->facts->dominators, n));
        buf_str(&text, heap_retained_objects(r->facts->dominators, n) == 1
                           ? " object"
                           : " objects");
    }
    return add_line(r, r->summary, &r->n_summary, &text, err);
}

/* --- contents --- */

static const struct report_column value_columns[] = {
    {"value", "value", CELL_TEXT, false},
    {"type",  "type",  CELL_TEXT, false},
    {"text",  "is",    CELL_TEXT, false},
};

static bool add_values(struct heap_report *r, object_id o, struct err *err)
{
    const struct view_value *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_values(r->view, o, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "values", value_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "contents";
    for (size_t i = 0; i < n; i++) {
        cell_text(&b, rows[i].name);
        cell_text(&b, rows[i].type);
        cell_text(&b, rows[i].text);
    }
    return true;
}

/* --- who points to it --- */

static const struct report_column referrer_columns[] = {
    {"retained_bytes", "retained", CELL_BYTES, false},
    {"address",        "address",  CELL_TEXT,  false},
    {"field",          "through",  CELL_TEXT,  false},
    {"name",           "from",     CELL_TEXT,  false},
};

static bool add_referrers(struct heap_report *r, object_id o, struct err *err)
{
    const struct view_referrer *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_referrers(r->view, o, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "referrers", referrer_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "who points to it";
    for (size_t i = 0; i < n; i++) {
        const char *address = address_of(r, rows[i].node, err);
        if (!address) {
            return false;
        }
        cell_number(&b, (double)rows[i].retained_bytes);
        cell_text(&b, address);
        cell_text(&b, rows[i].field);
        cell_text(&b, rows[i].name);
    }
    return true;
}

/* --- what keeps it --- */

static const struct report_column dominator_columns[] = {
    {"retained_bytes", "retained", CELL_BYTES, false},
    {"address",        "address",  CELL_TEXT,  false},
    {"name",           "holder",   CELL_TEXT,  false},
};

static bool add_dominators(struct heap_report *r, object_id o, struct err *err)
{
    heap_node *chain = NULL;
    size_t n = 0;
    struct table_builder b;
    const heap_node node = heap_node_of_object(r->facts->graph, o);
    if (!heap_view_dominators(r->view, node, r->n_max, &chain, &n, err) ||
        !TABLE_BEGIN(r, &b, "dominators", dominator_columns, n, n, err)) {
        return false;
    }
    b.table->title = n > 0
                         ? "what keeps it alive: it would go with any of these"
                         : "nothing keeps it alive";
    for (size_t i = 0; i < n; i++) {
        const char *address = address_of(r, chain[i], err);
        if (!address) {
            return false;
        }
        cell_number(
            &b, (double)heap_retained_bytes(r->facts->dominators, chain[i]));
        cell_text(&b, address);
        cell_text(&b, heap_view_name(r->view, chain[i]));
    }
    return true;
}

/* --- where it was allocated --- */

static const struct report_column frame_columns[] = {
    {"function", "function", CELL_TEXT,  false},
    {"file",     "file",     CELL_TEXT,  false},
    {"line",     "line",     CELL_COUNT, false},
};

static bool add_stack(struct heap_report *r, object_id o, struct err *err)
{
    const struct heap_bucket *bucket = heap_object_bucket(r->facts->graph, o);
    struct table_builder b;
    if (!bucket) {
        struct buf text = BUF_LIMIT(256);
        buf_str(&text, "where it was allocated is not known: it was not "
                       "sampled (MemProfileRate)");
        return add_line(r, r->notes, &r->n_notes, &text, err);
    }
    const size_t n = bucket->n_calls < r->n_max ? bucket->n_calls : r->n_max;
    if (!TABLE_BEGIN(r, &b, "allocated", frame_columns, n, bucket->n_calls,
                     err)) {
        return false;
    }
    b.table->title = "allocated at";
    for (size_t i = 0; i < n; i++) {
        const struct heap_call *c = &bucket->calls[i];
        struct buf file = BUF_LIMIT(8192);
        buf_span(&file, c->file);
        const char *kept = keep_text(r, &file, err);
        if (!kept) {
            return false;
        }
        cell_text(&b, heap_view_function(r->view, c));
        cell_text(&b, kept);
        cell_number(&b, c->line > 0 ? (double)c->line : NAN);
    }
    return true;
}

bool heap_report_object(struct heap_report *r, object_id o, struct err *err)
{
    r->n_summary = 0;
    return object_line(r, o, err) && add_values(r, o, err) &&
           add_referrers(r, o, err) && add_dominators(r, o, err) &&
           add_stack(r, o, err);
}
