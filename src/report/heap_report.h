/*
 * A heap dump's views as tables of a report. Each function adds its tables;
 * rows are cut at n_max. Texts live in the view and in the arena.
 */
#ifndef SEEP_REPORT_HEAP_REPORT_H
#define SEEP_REPORT_HEAP_REPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "heap/heap.h"

struct report;
struct report_table;

enum { HEAP_TABLES_MAX = 6, HEAP_LINES_MAX = 16 };

struct heap_report {
    const struct heap_facts *facts;
    struct heap_view *view;         /* of the facts; made by heap_report_new */
    const struct heap_paths *paths; /* NULL unless paths are asked for */
    struct arena arena;
    size_t n_max; /* rows of a table */
    struct report_table *tables;
    size_t n_tables;
    const char *summary[HEAP_LINES_MAX];
    size_t n_summary;
    const char *notes[HEAP_LINES_MAX];
    size_t n_notes;
    struct heap_diff *diff; /* of heap_report_diff(); released with it */
};

/* Zero it, set facts and n_max (and paths), then ask. */
bool heap_report_new(struct heap_report *r, struct err *err) MUST_USE;
void heap_report_release(struct heap_report *r);

/* How much is live, agreement with MemStats, share of known types; damage and
   what is missing as notes. */
bool heap_report_summary(struct heap_report *r, struct err *err) MUST_USE;

bool heap_report_types(struct heap_report *r, struct err *err) MUST_USE;
bool heap_report_globals(struct heap_report *r, struct err *err) MUST_USE;
bool heap_report_goroutines(struct heap_report *r, struct err *err) MUST_USE;
/* Branches that retain less than `share` of all are left out. */
bool heap_report_dominators(struct heap_report *r, double share,
                            struct err *err) MUST_USE;
bool heap_report_waste(struct heap_report *r, struct err *err) MUST_USE;
bool heap_report_duplicates(struct heap_report *r, struct err *err) MUST_USE;
bool heap_report_stats(struct heap_report *r, struct err *err) MUST_USE;
/* Who holds most, told in blocks; less than `share` of all is left out. */
bool heap_report_holders(struct heap_report *r, double share,
                         struct err *err) MUST_USE;

/* What `after` has more than `before`; tables go into `after`. */
bool heap_report_diff(struct heap_report *before, struct heap_report *after,
                      struct err *err) MUST_USE;

/* One object: what it is and contains, who points to it, what keeps it. */
bool heap_report_object(struct heap_report *r, object_id o,
                        struct err *err) MUST_USE;
/* Why an object is alive; why those of a type are. */
bool heap_report_paths(struct heap_report *r, object_id o,
                       struct err *err) MUST_USE;
/* ERR_USAGE, with the nearest names, when there is no such type. */
bool heap_report_paths_of_type(struct heap_report *r, const char *type,
                               struct err *err) MUST_USE;

/* What of a dump is missing or could not be read, as a note says it; nothing of
   one that is whole. */
void heap_report_damage(const struct heap_graph *g, struct buf *out);

/* Adds a note; NULL none. The text must outlive the report. */
void heap_report_note(struct heap_report *r, const char *note);

/* Puts what was added into a report without findings. */
void heap_report_into(const struct heap_report *r, struct report *out);

#endif
