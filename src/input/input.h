/*
 * Front header of input/: names untrusted bytes and turns them into a
 * snapshot. Formats are rows of input_format[] (input.c); sniffing looks at
 * content only, never at file names.
 */
#ifndef SEEP_INPUT_INPUT_H
#define SEEP_INPUT_INPUT_H

#include "base/err.h"
#include "base/sink.h"
#include "profile/profile.h"

struct input_options {
    uint64_t limit_inflated_bytes; /* of what is not compressed, too; 0 =
                                      LIMIT_INFLATED_BYTES */

    /* Texts are read as pprof reads them: what was cut off between two lines
       passes, odd lines are ignored where pprof ignores them, and a heap
       profile has two columns when nothing of it was ever freed. Else a text
       must add up to what its header says, and every heap profile has the
       four columns of Go's. */
    bool is_like_pprof;

    /* A profile in pprof's wire format was asked for: all else is ERR_UNKNOWN
       as soon as it is recognised. */
    bool is_proto_only;
};

/* One thing being read. Feed input_sink() (gzip, zstd and raw are found out
   while it streams), then take the snapshot. */
struct input;

struct input *input_new(const struct input_options *options); /* NULL: OOM */
struct sink input_sink(struct input *in);

/* Memory that what was read so far takes, about: of profiles in pprof's format;
   the others do not say. */
uint64_t input_bytes(const struct input *in);

/* After the sink's end: hands over profile or dump. `out->source` is left for
   the caller. Content that is no known kind is ERR_UNKNOWN (offset 0, text
   says what it looks like: HTML, JSON, ELF, empty, text); a known kind that
   is broken is ERR_FORMAT or ERR_LIMIT. */
bool input_finish(struct input *in, struct snapshot *out,
                  struct err *err) MUST_USE;
void input_free(struct input *in);

/* One-shot over bytes in memory. */
bool input_decode(struct span bytes, const struct input_options *options,
                  struct snapshot *out, struct err *err) MUST_USE;

#endif
