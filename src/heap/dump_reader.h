/*
 * One pass over the records of a dump, in whatever order they come. Untrusted:
 * every length is checked against what is there. A damaged stretch is skipped:
 * the reader looks for the next plausible object and says what was lost.
 */
#ifndef SEEP_HEAP_DUMP_READER_H
#define SEEP_HEAP_DUMP_READER_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct heap_params;
struct heap_type;
struct heap_itab;
struct heap_goroutine;
struct heap_frame;
struct heap_finalizer;
struct heap_defer;
struct heap_panic;
struct heap_memstats;
struct heap_bucket;
struct heap_sample;

/* Contents with pointer fields: an object, a segment or a frame. The field
   list is read with dump_fields(), lazily. */
struct dump_memory {
    uint64_t address;
    uint64_t length_bytes; /* as said; contents may be shorter (heap.h) */
    struct span contents;  /* lent */
    struct span fields;    /* undecoded, its end included; lent */
    uint64_t offset;       /* of the contents, in the dump */
};

/* A cursor over a field list: offsets of pointers in the contents, kinds 2 and
   3 (up to Go 1.4) given as the pointer they hold. */
struct dump_fields {
    const uint8_t *p, *end;
    unsigned pointer_bytes;
};
/* False at the end of the list, or where it is damaged. */
bool dump_fields_next(struct dump_fields *f, uint64_t *offset);

/* Any may be NULL. False, with `err` set, ends the reading. What is given is
   lent for the call, except for spans: they point into the dump. */
struct dump_visitor {
    void *ctx;
    bool (*params)(void *ctx, const struct heap_params *p, struct err *err);
    bool (*object)(void *ctx, const struct dump_memory *m, struct err *err);
    bool (*data)(void *ctx, const struct dump_memory *m, bool is_bss,
                 struct err *err);
    bool (*goroutine)(void *ctx, const struct heap_goroutine *g,
                      struct err *err);
    bool (*frame)(void *ctx, const struct heap_frame *f,
                  const struct dump_memory *m, struct err *err);
    bool (*type)(void *ctx, const struct heap_type *t, struct err *err);
    bool (*itab)(void *ctx, const struct heap_itab *i, struct err *err);
    bool (*finalizer)(void *ctx, const struct heap_finalizer *f, bool is_queued,
                      struct err *err);
    bool (*defer)(void *ctx, const struct heap_defer *d, struct err *err);
    bool (*panic)(void *ctx, const struct heap_panic *p, struct err *err);
    bool (*other_root)(void *ctx, struct span description, uint64_t address,
                       struct err *err);
    bool (*memstats)(void *ctx, const struct heap_memstats *m, struct err *err);
    bool (*bucket)(void *ctx, const struct heap_bucket *b, struct err *err);
    bool (*sample)(void *ctx, const struct heap_sample *s, struct err *err);
    /* Records between were lost: a frame that follows may be of another
       goroutine. */
    bool (*damage)(void *ctx, uint64_t offset, uint64_t bytes, struct err *err);
};

struct dump_condition {
    bool is_truncated;      /* no end record */
    uint64_t n_damaged;     /* stretches that were skipped */
    uint64_t damaged_bytes; /* in all */
    uint64_t first_damage;  /* offset; 0 none */
    uint64_t lost_bytes;    /* at the end, after the last record */
    uint64_t n_records;
};

/* ERR_UNKNOWN when it is no dump, what the visitor says, ERR_NOMEM. Damage is
   no error. */
bool dump_read(struct span bytes, const struct dump_visitor *v,
               struct dump_condition *out, struct err *err) MUST_USE;

#endif
