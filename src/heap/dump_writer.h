/*
 * Writes a Go heap dump record by record into a sink, in bounded memory: one
 * block, whatever the size of the dump. Failure is sticky: what follows a
 * failed write is ignored, and dump_writer_end() says what went wrong.
 *
 * Order: the header comes by itself and params must be first, since it fixes
 * the size and order of bytes of all words; after it records may come in any
 * order (Go's is in heap.h). The writer does not check that addresses make
 * sense, so that tests can write damaged dumps.
 */
#ifndef SEEP_HEAP_DUMP_WRITER_H
#define SEEP_HEAP_DUMP_WRITER_H

#include "base/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct dump_writer;
struct heap_params;
struct heap_type;
struct heap_itab;
struct heap_goroutine;
struct heap_frame;
struct heap_finalizer;
struct heap_os_thread;
struct heap_defer;
struct heap_panic;
struct heap_memstats;
struct heap_bucket;
struct heap_sample;

/* `out` is copied, its ctx borrowed. NULL when memory is out. */
struct dump_writer *dump_writer_new(const struct sink *out);
void dump_writer_free(struct dump_writer *w);

/* False once something failed: a long loop may end early then. */
bool dump_writer_ok(const struct dump_writer *w);

/* Bytes of the dump so far. */
uint64_t dump_writer_total(const struct dump_writer *w);

/* --- records without contents --- */

void dump_writer_params(struct dump_writer *w, const struct heap_params *p);
void dump_writer_type(struct dump_writer *w, const struct heap_type *t);
void dump_writer_itab(struct dump_writer *w, const struct heap_itab *i);
void dump_writer_other_root(struct dump_writer *w, const char *description,
                            uint64_t address);
void dump_writer_goroutine(struct dump_writer *w,
                           const struct heap_goroutine *g);
void dump_writer_finalizer(struct dump_writer *w,
                           const struct heap_finalizer *f, bool is_queued);
void dump_writer_os_thread(struct dump_writer *w,
                           const struct heap_os_thread *t);
void dump_writer_defer(struct dump_writer *w, const struct heap_defer *d);
void dump_writer_panic(struct dump_writer *w, const struct heap_panic *p);
void dump_writer_memstats(struct dump_writer *w, const struct heap_memstats *m);
void dump_writer_bucket(struct dump_writer *w, const struct heap_bucket *b);
void dump_writer_sample(struct dump_writer *w, const struct heap_sample *s);

/* --- records with contents ---
   Begin one, give its contents in pieces that sum up to its bytes, then its
   pointer fields (offsets in bytes, ascending), then close it. Contents of
   2 GiB and more are cut as Go cuts them: give all of them, the writer leaves
   out what Go would. */

void dump_writer_object(struct dump_writer *w, uint64_t address,
                        uint64_t bytes);
void dump_writer_data(struct dump_writer *w, uint64_t address, uint64_t bytes);
void dump_writer_bss(struct dump_writer *w, uint64_t address, uint64_t bytes);
/* `f` is borrowed until the record is closed. */
void dump_writer_frame(struct dump_writer *w, const struct heap_frame *f);

void dump_writer_bytes(struct dump_writer *w, const void *p, uint64_t n);
void dump_writer_zeros(struct dump_writer *w, uint64_t n);
/* One word of the dump's size and order of bytes. */
void dump_writer_word(struct dump_writer *w, uint64_t value);
/* The lowest `bytes` of value: 1, 2, 4 or 8. */
void dump_writer_number(struct dump_writer *w, uint64_t value, unsigned bytes);

void dump_writer_field(struct dump_writer *w, uint64_t offset);
void dump_writer_close(struct dump_writer *w);

/* --- the end --- */

/* Writes the end record, passes all on and ends the sink. Only `free` may
   follow. ERR_INTERNAL when the calls were out of order. */
bool dump_writer_end(struct dump_writer *w, struct err *err) MUST_USE;

/* The same without an end record, wherever it stands: what a full disk or a
   killed process leaves. */
bool dump_writer_cut(struct dump_writer *w, struct err *err) MUST_USE;

#endif
