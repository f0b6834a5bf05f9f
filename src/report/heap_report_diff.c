/* Two heap dumps beside each other: what grew, by type, holder, path, site. */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <math.h>

#include "base/banned.h"

static const struct report_column diff_columns[] = {
    {"delta_bytes",    "growth",  CELL_BYTES, true },
    {"before_bytes",   "before",  CELL_BYTES, false},
    {"after_bytes",    "after",   CELL_BYTES, false},
    {"delta_objects",  "objects", CELL_COUNT, true },
    {"before_objects", "",        CELL_COUNT, false},
    {"after_objects",  "",        CELL_COUNT, false},
    {"name",           "what",    CELL_TEXT,  false},
};

/* In one process addresses tell what is new. */
static const struct report_column new_columns[] = {
    {"delta_bytes",    "growth",  CELL_BYTES, true },
    {"before_bytes",   "before",  CELL_BYTES, false},
    {"after_bytes",    "after",   CELL_BYTES, false},
    {"delta_objects",  "objects", CELL_COUNT, true },
    {"before_objects", "",        CELL_COUNT, false},
    {"after_objects",  "",        CELL_COUNT, false},
    {"new_bytes",      "new",     CELL_BYTES, false},
    {"new_objects",    "",        CELL_COUNT, false},
    {"gone_objects",   "gone",    CELL_COUNT, false},
    {"name",           "type",    CELL_TEXT,  false},
};

/* What is not known is less than what is listed. */
static double difference(double before, double after)
{
    return (isnan(after) ? 0 : after) - (isnan(before) ? 0 : before);
}

static void add_row(struct table_builder *b, const struct diff_row *r,
                    bool has_new)
{
    cell_number(b, difference(r->before_bytes, r->after_bytes));
    cell_number(b, r->before_bytes);
    cell_number(b, r->after_bytes);
    cell_number(b, difference(r->before_objects, r->after_objects));
    cell_number(b, r->before_objects);
    cell_number(b, r->after_objects);
    if (has_new) {
        cell_number(b, r->new_bytes);
        cell_number(b, r->new_objects);
        cell_number(b, r->gone_objects);
    }
    cell_text(b, r->name);
}

static bool add_table(struct heap_report *r, struct heap_diff *d,
                      enum heap_diff_by by, struct err *err)
{
    static const struct {
        const char *key, *title;
    } tables[N_HEAP_DIFF_BY] = {
        [DIFF_BY_TYPE] = {"types",   "by type"                                },
        [DIFF_BY_HOLDER] = {"holders",
                          "by holder: what each alone keeps alive"            },
        [DIFF_BY_PATH] = {"paths",   "by path from a holder"                  },
        [DIFF_BY_SITE] = {"sites",   "by allocation site, scaled from samples"},
    };
    const bool has_new = by == DIFF_BY_TYPE && heap_diff_is_same_process(d);
    const struct diff_row *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_diff_rows(d, by, r->n_max, &rows, &n, &n_all, err)) {
        return false;
    }
    if (n == 0) {
        return true;
    }
    const bool ok =
        has_new
            ? TABLE_BEGIN(r, &b, tables[by].key, new_columns, n, n_all, err)
            : TABLE_BEGIN(r, &b, tables[by].key, diff_columns, n, n_all, err);
    if (!ok) {
        return false;
    }
    b.table->title = tables[by].title;
    for (size_t i = 0; i < n; i++) {
        add_row(&b, &rows[i], has_new);
    }
    return true;
}

/* "17.4 MB -> 49.9 MB live (+32.5 MB), 99,267 -> 205,477 objects" */
static bool add_summary(struct heap_report *before, struct heap_report *after,
                        const struct heap_diff *d, struct err *err)
{
    struct buf text = BUF_LIMIT(1024);
    const double a = (double)heap_retained_bytes(before->facts->dominators, 0);
    const double b = (double)heap_retained_bytes(after->facts->dominators, 0);
    num_bytes(&text, a);
    buf_str(&text, " -> ");
    num_bytes(&text, b);
    buf_str(&text, b >= a ? " live (+" : " live (");
    num_bytes(&text, b - a);
    buf_str(&text, "), ");
    num_count(&text, heap_retained_objects(before->facts->dominators, 0));
    buf_str(&text, " -> ");
    num_count(&text, heap_retained_objects(after->facts->dominators, 0));
    buf_str(&text, heap_diff_is_same_process(d)
                       ? " objects; one process"
                       : " objects; not one process, compared by names");
    return add_line(after, after->summary, &after->n_summary, &text, err);
}

bool heap_report_diff(struct heap_report *before, struct heap_report *after,
                      struct err *err)
{
    struct heap_diff *d = NULL;
    if (!heap_diff_new(before->view, before->facts, after->view, after->facts,
                       site_call, &d, err)) {
        return false;
    }
    bool ok = add_summary(before, after, d, err);
    for (int by = 0; ok && by < N_HEAP_DIFF_BY; by++) {
        ok = add_table(after, d, (enum heap_diff_by)by, err);
    }
    after->diff = d; /* its rows are shown */
    return ok;
}
