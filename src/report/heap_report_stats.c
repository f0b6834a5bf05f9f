/* What the dump itself is: records, damage, the runtime's own figures, and
   objects by the size of their slots. */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <math.h>

#include "base/banned.h"

/* --- figures --- */

static const struct report_column figure_columns[] = {
    {"figure", "figure", CELL_TEXT,  false},
    {"value",  "value",  CELL_BYTES, false},
    {"number", "",       CELL_COUNT, false},
};

struct figure {
    const char *name;
    uint64_t value;
    bool is_count;
};

static bool number_cells(struct heap_report *r, struct table_builder *b,
                         const struct figure *f, struct err *err)
{
    cell_text(b, f->name);
    if (f->is_count) {
        struct buf text = BUF_LIMIT(64);
        num_count(&text, (int64_t)f->value);
        const char *kept = keep_text(r, &text, err);
        if (!kept) {
            return false;
        }
        cell_text(b, kept);
    } else {
        cell_number(b, (double)f->value);
    }
    cell_number(b, (double)f->value);
    return true;
}

static bool add_figures(struct heap_report *r, const char *key,
                        const char *title, const struct figure *rows, size_t n,
                        struct err *err)
{
    struct table_builder b;
    if (!TABLE_BEGIN(r, &b, key, figure_columns, n, n, err)) {
        return false;
    }
    b.table->title = title;
    for (size_t i = 0; i < n; i++) {
        if (!number_cells(r, &b, &rows[i], err)) {
            return false;
        }
    }
    return true;
}

static bool add_dump(struct heap_report *r, struct err *err)
{
    const struct heap_about *a = heap_graph_about(r->facts->graph);
    const struct dump_condition *c = &a->condition;
    const struct figure rows[] = {
        {"records",                   c->n_records,                       true },
        {"objects",                   a->n_objects,                       true },
        {"bytes of objects",          a->object_bytes,                    false},
        {"reachable objects",         a->n_reachable,                     true },
        {"reachable bytes",           a->reachable_bytes,                 false},
        {"slots that are no objects", a->n_invented,                      true },
        {"their bytes",               a->invented_bytes,                  false},
        {"pointers to objects",       a->n_edges,                         true },
        {"of them into the middle",   a->n_interior,                      true },
        {"of them conservative",      a->n_conservative,                  true },
        {"pointers to nothing",       a->n_dangling,                      true },
        {"of them to no stack",       a->n_to_lost,                       true },
        {"holders",                   heap_n_groups(r->facts->graph),     true },
        {"goroutines",                heap_n_goroutines(r->facts->graph), true },
        {"finalizers",                heap_n_finalizers(r->facts->graph), true },
        {"allocation sites",          heap_n_buckets(r->facts->graph),    true },
        {"sampled objects",           heap_n_samples(r->facts->graph),    true },
        {"bytes of the data segment", a->data_bytes,                      false},
        {"bytes of the bss segment",  a->bss_bytes,                       false},
        {"damaged stretches",         c->n_damaged,                       true },
        {"damaged bytes",             c->damaged_bytes,                   false},
        {"bytes lost at the end",     c->lost_bytes,                      false},
    };
    return add_figures(r, "dump", "the dump", rows,
                       sizeof rows / sizeof rows[0], err);
}

static bool add_memstats(struct heap_report *r, struct err *err)
{
    const struct heap_about *a = heap_graph_about(r->facts->graph);
    if (!a->has_memstats) {
        return true;
    }
    const struct heap_memstats *m = a->memstats;
    const struct figure rows[] = {
        {"HeapAlloc",    m->heap_alloc,    false},
        {"HeapObjects",  m->heap_objects,  true },
        {"HeapInuse",    m->heap_inuse,    false},
        {"HeapIdle",     m->heap_idle,     false},
        {"HeapReleased", m->heap_released, false},
        {"StackInuse",   m->stack_inuse,   false},
        {"Sys",          m->sys,           false},
        {"NextGC",       m->next_gc,       false},
        {"Mallocs",      m->mallocs,       true },
        {"Frees",        m->frees,         true },
        {"NumGC",        m->num_gc,        true },
    };
    return add_figures(r, "memstats", "MemStats, as the runtime counted", rows,
                       sizeof rows / sizeof rows[0], err);
}

/* --- types --- */

static const struct report_column source_columns[] = {
    {"bytes",   "bytes",     CELL_BYTES,   false},
    {"share",   "share",     CELL_PERCENT, false},
    {"objects", "objects",   CELL_COUNT,   false},
    {"source",  "how known", CELL_TEXT,    false},
};

static const char *const sources[] = {
    [TYPED_NOT] = "unknown",
    [TYPED_BY_SHAPE] = "only type of this shape",
    [TYPED_BY_SITE] = "allocated where others of it are",
    [TYPED_BY_CLOSURE] = "function of a closure",
    [TYPED_BY_POINTER] = "typed pointer",
    [TYPED_BY_INTERFACE] = "interface",
    [TYPED_BY_HEADER] = "allocation header",
};

static bool add_sources(struct heap_report *r, struct err *err)
{
    const struct heap_typed *t =
        r->facts->types ? heap_types_about(r->facts->types) : NULL;
    struct table_builder b;
    if (!t) {
        return true;
    }
    if (!TABLE_BEGIN(r, &b, "typed", source_columns, N_TYPE_SOURCES,
                     N_TYPE_SOURCES, err)) {
        return false;
    }
    b.table->title = "how the types of objects are known";
    for (int i = N_TYPE_SOURCES - 1; i >= 0; i--) {
        const double bytes = (double)t->bytes_by_source[i];
        cell_number(&b, bytes);
        cell_number(&b, share_of(bytes, (double)t->bytes));
        cell_number(&b, t->n_by_source[i]);
        cell_text(&b, sources[i]);
    }
    return true;
}

/* --- sizes --- */

static const struct report_column size_columns[] = {
    {"slot_bytes",        "slot",    CELL_BYTES, false},
    {"reachable_bytes",   "live",    CELL_BYTES, false},
    {"reachable_objects", "objects", CELL_COUNT, false},
    {"bytes",             "all",     CELL_BYTES, false},
    {"objects",           "objects", CELL_COUNT, false},
};

static bool add_sizes(struct heap_report *r, struct err *err)
{
    const struct view_size *rows = NULL;
    size_t n = 0;
    struct table_builder b;
    if (!heap_view_sizes(r->view, &rows, &n, err) ||
        !TABLE_BEGIN(r, &b, "sizes", size_columns, n, n, err)) {
        return false;
    }
    b.table->title = "by size of slots";
    for (size_t i = 0; i < n; i++) {
        if (rows[i].slot_bytes == UINT64_MAX) {
            cell_text(&b, "larger");
        } else {
            cell_number(&b, (double)rows[i].slot_bytes);
        }
        cell_number(&b, (double)rows[i].reachable_bytes);
        cell_number(&b, (double)rows[i].n_reachable);
        cell_number(&b, (double)rows[i].bytes);
        cell_number(&b, (double)rows[i].n_objects);
    }
    return true;
}

bool heap_report_stats(struct heap_report *r, struct err *err)
{
    return add_dump(r, err) && add_memstats(r, err) && add_sources(r, err) &&
           add_sizes(r, err);
}
