/* Views that are one table each: types, variables, goroutines, the tree,
   waste, equal values. */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <math.h>

#include "base/banned.h"

static double all_bytes(const struct heap_report *r)
{
    return (double)heap_retained_bytes(r->facts->dominators, 0);
}

/* --- types --- */

static const struct report_column type_columns[] = {
    {"bytes",            "bytes",    CELL_BYTES,   false},
    {"share",            "share",    CELL_PERCENT, false},
    {"objects",          "objects",  CELL_COUNT,   false},
    {"retained_bytes",   "retained", CELL_BYTES,   false},
    {"retained_objects", "",         CELL_COUNT,   false},
    {"type",             "type",     CELL_TEXT,    false},
};

bool heap_report_types(struct heap_report *r, struct err *err)
{
    const struct view_type *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_types(r->view, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "types", type_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "by type; retained: what single objects of it hold alone";
    for (size_t i = 0; i < n; i++) {
        cell_number(&b, (double)rows[i].bytes);
        cell_number(&b, share_of((double)rows[i].bytes, all_bytes(r)));
        cell_number(&b, rows[i].n_objects);
        cell_number(&b, (double)rows[i].retained_bytes);
        cell_number(&b, rows[i].retained_objects);
        cell_text(&b, rows[i].name);
    }
    return true;
}

/* --- variables --- */

static const struct report_column global_columns[] = {
    {"retained_bytes",    "retained",  CELL_BYTES,   false},
    {"share",             "share",     CELL_PERCENT, false},
    {"retained_objects",  "objects",   CELL_COUNT,   false},
    {"reachable_bytes",   "reachable", CELL_BYTES,   false},
    {"reachable_objects", "",          CELL_COUNT,   false},
    {"variable",          "variable",  CELL_TEXT,    false},
    {"type",              "type",      CELL_TEXT,    false},
};

bool heap_report_globals(struct heap_report *r, struct err *err)
{
    const struct view_global *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_globals(r->view, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "globals", global_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "variables; retained: held by it alone, reachable: held "
                     "with others, too";
    for (size_t i = 0; i < n; i++) {
        cell_number(&b, (double)rows[i].retained_bytes);
        cell_number(&b, share_of((double)rows[i].retained_bytes, all_bytes(r)));
        cell_number(&b, rows[i].retained_objects);
        cell_number(&b, (double)rows[i].reachable_bytes);
        cell_number(&b, (double)rows[i].reachable_objects);
        cell_text(&b, rows[i].name);
        cell_text(&b, rows[i].type);
    }
    return true;
}

/* --- goroutines --- */

static const struct report_column goroutine_columns[] = {
    {"retained_bytes",   "retained",   CELL_BYTES, false},
    {"retained_objects", "objects",    CELL_COUNT, false},
    {"count",            "count",      CELL_COUNT, false},
    {"goroutine",        "one",        CELL_COUNT, false},
    {"state",            "",           CELL_TEXT,  false},
    {"wait",             "",           CELL_TEXT,  false},
    {"doing",            "state",      CELL_TEXT,  false},
    {"function",         "function",   CELL_TEXT,  false},
    {"created_by",       "created by", CELL_TEXT,  false},
};

bool heap_report_goroutines(struct heap_report *r, struct err *err)
{
    const struct view_goroutine *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_goroutines(r->view, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "goroutines", goroutine_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "goroutines alike, by what each alone keeps alive";
    for (size_t i = 0; i < n; i++) {
        cell_number(&b, (double)rows[i].retained_bytes);
        cell_number(&b, rows[i].retained_objects);
        cell_number(&b, rows[i].n_alike);
        cell_number(&b, (double)rows[i].goid);
        cell_text(&b, rows[i].state);
        cell_text(&b, rows[i].wait);
        cell_text(&b, *rows[i].wait ? rows[i].wait : rows[i].state);
        cell_text(&b, rows[i].function);
        cell_text(&b, rows[i].creator);
    }
    return true;
}

/* --- the dominator tree --- */

static const struct report_column branch_columns[] = {
    {"retained_bytes",   "retained", CELL_BYTES,   false},
    {"share",            "share",    CELL_PERCENT, false},
    {"retained_objects", "objects",  CELL_COUNT,   false},
    {"bytes",            "own",      CELL_BYTES,   false},
    {"depth",            "",         CELL_COUNT,   false},
    {"count",            "",         CELL_COUNT,   false},
    {"field",            "",         CELL_TEXT,    false},
    {"name",             "",         CELL_TEXT,    false},
    {"tree",             "holder",   CELL_TEXT,    false},
};

/* "    .users[] 40,310 x *main.User" */
static const char *branch_text(struct heap_report *r,
                               const struct view_branch *row, struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    buf_repeat(&text, ' ', (size_t)row->depth * 2);
    buf_str(&text, row->field);
    buf_str(&text, *row->field ? " " : "");
    if (row->n_nodes > 1) {
        num_count(&text, row->n_nodes);
        buf_str(&text, " x ");
    }
    buf_str(&text, row->name);
    buf_str(&text, row->is_cut ? " and deeper" : "");
    return keep_text(r, &text, err);
}

bool heap_report_dominators(struct heap_report *r, double share,
                            struct err *err)
{
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_branches(r->view, share, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "dominators", branch_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "who keeps what alive: a row goes when the one above it, "
                     "further left, goes";
    for (size_t i = 0; i < n; i++) {
        const char *tree = branch_text(r, &rows[i], err);
        if (!tree) {
            return false;
        }
        cell_number(&b, (double)rows[i].retained_bytes);
        cell_number(&b, share_of((double)rows[i].retained_bytes, all_bytes(r)));
        cell_number(&b, rows[i].retained_objects);
        cell_number(&b, (double)rows[i].bytes);
        cell_number(&b, rows[i].depth);
        cell_number(&b, rows[i].n_nodes);
        cell_text(&b, rows[i].field);
        cell_text(&b, rows[i].name);
        cell_text(&b, tree);
    }
    return true;
}

/* --- waste --- */

static const struct report_column waste_columns[] = {
    {"wasted_bytes", "wasted",  CELL_BYTES,   false},
    {"bytes",        "of",      CELL_BYTES,   false},
    {"share",        "share",   CELL_PERCENT, false},
    {"objects",      "objects", CELL_COUNT,   false},
    {"kind",         "what",    CELL_TEXT,    false},
    {"worst",        "worst",   CELL_TEXT,    false},
    {"type",         "type",    CELL_TEXT,    false},
};

static const char *address_of(struct heap_report *r, object_id o,
                              struct err *err)
{
    struct buf text = BUF_LIMIT(64);
    buf_printf(&text, "0x%llx",
               (unsigned long long)heap_object_address(r->facts->graph, o));
    return keep_text(r, &text, err);
}

bool heap_report_waste(struct heap_report *r, struct err *err)
{
    const struct view_waste *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_waste(r->view, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "waste", waste_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = r->facts->types
                         ? "held, but not needed"
                         : "held, but not needed: unknown without types";
    for (size_t i = 0; i < n; i++) {
        const char *worst = address_of(r, rows[i].worst, err);
        if (!worst) {
            return false;
        }
        cell_number(&b, (double)rows[i].wasted_bytes);
        cell_number(&b, (double)rows[i].bytes);
        cell_number(
            &b, share_of((double)rows[i].wasted_bytes, (double)rows[i].bytes));
        cell_number(&b, rows[i].n_objects);
        cell_text(&b, view_waste_text(rows[i].kind));
        cell_text(&b, worst);
        cell_text(&b, rows[i].type);
    }
    return true;
}

/* --- equal values --- */

static const struct report_column duplicate_columns[] = {
    {"saved_bytes", "saved",  CELL_BYTES, false},
    {"copies",      "copies", CELL_COUNT, false},
    {"length",      "length", CELL_BYTES, false},
    {"kind",        "kind",   CELL_TEXT,  false},
    {"one",         "one",    CELL_TEXT,  false},
    {"value",       "value",  CELL_TEXT,  false},
};

static const char *duplicates_title(struct heap_report *r,
                                    const struct view_duplicates *a,
                                    struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    buf_str(&text, "equal values: ");
    num_count(&text, (int64_t)a->n_values);
    buf_str(&text, " of ");
    num_bytes(&text, (double)a->bytes);
    buf_str(&text, ", ");
    num_count(&text, (int64_t)a->n_distinct);
    buf_str(&text, " distinct; one of each would save ");
    num_bytes(&text, (double)a->saved_bytes);
    return keep_text(r, &text, err);
}

bool heap_report_duplicates(struct heap_report *r, struct err *err)
{
    const struct view_duplicate *rows = NULL;
    struct view_duplicates about;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_duplicates(r->view, r->n_max, &rows, &n, &n_all, &about,
                              err) ||
        !TABLE_BEGIN(r, &b, "duplicates", duplicate_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = duplicates_title(r, &about, err);
    for (size_t i = 0; b.table->title && i < n; i++) {
        const char *one = address_of(r, rows[i].sample, err);
        if (!one) {
            return false;
        }
        cell_number(&b, (double)rows[i].saved_bytes);
        cell_number(&b, (double)rows[i].n_copies);
        cell_number(&b, (double)rows[i].length_bytes);
        cell_text(&b, rows[i].is_string ? "string"
                      : r->facts->types ? "[]byte"
                                        : "object");
        cell_text(&b, one);
        cell_text(&b, rows[i].text);
    }
    return b.table->title != NULL;
}
