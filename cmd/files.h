/*
 * Files that appear whole or not at all: written beside their place under
 * another name, synced, renamed. Devices and named pipes are written as they
 * are; a link keeps pointing to the file that is replaced.
 */
#ifndef SEEP_CMD_FILES_H
#define SEEP_CMD_FILES_H

#include "base/buf.h"
#include "base/sink.h"
#include "base/span.h"

struct file_writer;

/* Begins a file. False: nothing was begun. */
bool file_writer_new(const char *path, struct file_writer **out,
                     struct err *err) MUST_USE;

/* Where its bytes go. The sink's `end` does nothing: file_writer_end()
   does. Borrowed from the writer. */
struct sink file_writer_sink(struct file_writer *f);

/* The file takes its place when `ok`, else what was written is removed; frees
   the writer in any case. */
bool file_writer_end(struct file_writer *f, bool ok, struct err *err) MUST_USE;

/* All at once. */
bool file_write(const char *path, struct span data, struct err *err) MUST_USE;

/* All of a file; `out` is released when it fails. `what`, the option or file
   that is to blame, is said before the path; "" for the path alone. */
bool file_read(const char *what, const char *path, size_t limit_bytes,
               struct buf *out, struct err *err) MUST_USE;

/* Are both names those of one regular file? */
bool file_is_same(const char *a, const char *b);

/* The directory, and what is missing above it. */
bool file_make_directory(const char *path, struct err *err) MUST_USE;

#endif
