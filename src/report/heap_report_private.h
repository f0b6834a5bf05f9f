/* Building tables of heap dumps, shared by heap_report_*.c. */
#ifndef SEEP_REPORT_HEAP_REPORT_PRIVATE_H
#define SEEP_REPORT_HEAP_REPORT_PRIVATE_H

#include "report/report.h"

/* A table with room for `n_rows`; NULL, with `err` set, when memory is out. */
struct table_builder {
    struct report_table *table;
    struct report_cell *cells;
    size_t next;
};
bool table_begin(struct heap_report *r, struct table_builder *b,
                 const char *key, const struct report_column *columns,
                 size_t n_columns, size_t n_rows, size_t n_all,
                 struct err *err) MUST_USE;
#define TABLE_BEGIN(r, b, key, columns, n_rows, n_all, err)                    \
    table_begin((r), (b), (key), (columns),                                    \
                sizeof(columns) / sizeof((columns)[0]), (n_rows), (n_all),     \
                (err))

static inline void cell_text(struct table_builder *b, const char *text)
{
    b->cells[b->next++] = (struct report_cell){.text = text ? text : ""};
}

static inline void cell_number(struct table_builder *b, double number)
{
    b->cells[b->next++] = (struct report_cell){.number = number};
}

/* NAN without a whole. */
double share_of(double part, double whole);

/* Copies a text built in a buffer into the arena; releases the buffer. NULL,
   with `err` set, when memory is out. */
const char *keep_text(struct heap_report *r, struct buf *text, struct err *err);

bool add_line(struct heap_report *r, const char **lines, size_t *n,
              struct buf *text, struct err *err) MUST_USE;

/* "usercache.load  cache.go:63", of the innermost frame of the user's, else of
   a dependency. */
void add_site(struct heap_report *r, struct buf *out,
              const struct heap_bucket *b);
/* That frame; NULL when there is none. */
const struct heap_call *site_call(const struct heap_bucket *b);

#endif
