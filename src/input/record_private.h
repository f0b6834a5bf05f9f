/*
 * One record of a text profile: its numbers are the format's own affair, its
 * stack is the same in all of them. The `@` line has every raw return
 * address; below, one `#` line a frame names those that are not leading
 * runtime frames.
 */
#ifndef SEEP_INPUT_RECORD_PRIVATE_H
#define SEEP_INPUT_RECORD_PRIVATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "input/lines_private.h"
#include "profile/profile.h"

/* Text as a place in record.text, which moves while it grows. */
struct record_text {
    size_t at, n;
};

struct record_frame {
    uint64_t pc;
    uint64_t entry; /* of the function in the binary; 0 when not known */
    struct record_text function, file;
    int64_t line;
};
VEC_TYPE(record_frames, struct record_frame)
VEC_TYPE(record_lines, struct builder_frame)

struct record {
    struct vec_u64 pcs;
    struct record_frames frames;
    struct buf text;
    bool is_named;             /* a frame of this record has a name */
    bool has_names;            /* or one of any record so far */
    struct record_lines lines; /* of one location, scratch */
    struct vec_u32 locations;  /* filled by record_locate() */
};

void record_init(struct record *r);
void record_clear(struct record *r);
void record_release(struct record *r);

/* What stands behind the `@`, the end of `line`. `what` names the format in
   errors. */
bool record_addresses(struct record *r, struct span text, const char *what,
                      const struct text_line *line, struct err *err) MUST_USE;

/* A line that begins "#\t0x". */
bool record_symbol(struct record *r, const char *what,
                   const struct text_line *line, struct err *err) MUST_USE;

/* The same where a line that is no symbol is a comment like any other, and
   NULL for `r` says that no record is open. */
bool record_symbol_if_any(struct record *r, const struct text_line *line,
                          struct err *err) MUST_USE;

/* Turns the frames into locations as runtime/pprof would have encoded them:
   frames inlined into one function become one location. Without any name the
   addresses alone. */
bool record_locate(struct record *r, struct profile_builder *b,
                   struct err *err) MUST_USE;

/* Cutting numbers and literals off the front of `rest`. */
bool take_i64(struct span *rest, int64_t *out);
bool take_text(struct span *rest, const char *text);

#endif
