/*
 * The bytes of a heap dump, mapped: plain files as they are, gzip and zstd
 * inflated into a temporary file that has no name any more. Everything else
 * reads them from memory, and the kernel may drop what is not in use.
 */
#ifndef SEEP_HEAP_DUMP_FILE_H
#define SEEP_HEAP_DUMP_FILE_H

#include "base/err.h"
#include "base/span.h"

struct dump_file;

/* `temporary_dir` is for what must be inflated; more than `limit_bytes` of
   that is ERR_LIMIT. ERR_IO, ERR_FORMAT; ERR_UNKNOWN when it is no heap dump
   (the text says what it looks like; "go1.3" to "go1.6" dumps by name). */
bool dump_file_open(const char *path, const char *temporary_dir,
                    uint64_t limit_bytes, struct dump_file **out,
                    struct err *err) MUST_USE;
struct span dump_file_bytes(const struct dump_file *f); /* borrowed */
void dump_file_close(struct dump_file *f);

#endif
