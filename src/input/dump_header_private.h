/*
 * The line that begins a goroutine in a dump:
 *   goroutine 7 gp=0xc000.. m=nil [chan receive (leaked), 5 minutes, locked to
 *   thread, synctest bubble 3 labels:{"k": "v"}]:
 */
#ifndef SEEP_INPUT_DUMP_HEADER_PRIVATE_H
#define SEEP_INPUT_DUMP_HEADER_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "input/quoted_private.h"

struct header_place {
    size_t at, n;
};

struct header_label {
    struct header_place key, value;
};
VEC_TYPE(header_labels, struct header_label)

/* Zero before first use; used again for each line. */
struct dump_header {
    uint64_t id;
    struct span status; /* borrowed from the line */
    int64_t wait_minutes;
    bool is_locked, is_leaked, is_scanning;
    uint64_t bubble;
    struct header_labels labels;
    struct buf text; /* of the labels */
    struct label_cursor cursor;
    bool is_out_of_memory;
};

/* False when the line is none, or is_out_of_memory. */
bool dump_header_parse(struct dump_header *h, struct span line);

struct span header_text(const struct dump_header *h, struct header_place p);
void dump_header_release(struct dump_header *h);

#endif
