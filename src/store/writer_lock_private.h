/*
 * One writer a store. The lock is a file beside it, "PATH-lock", locked as an
 * open file description: the kernel lets go of it when the process ends,
 * however it ends, and a second store of the same process is refused as well.
 * The file holds the writer's process id, for people; it is never removed,
 * since removing it would let two processes lock two files.
 */
#ifndef SEEP_STORE_WRITER_LOCK_PRIVATE_H
#define SEEP_STORE_WRITER_LOCK_PRIVATE_H

#include "base/err.h"

/* `fd` is -1 while there is none. ERR_MISMATCH: somebody else holds it. */
bool writer_lock_take(const char *path, int *fd, struct err *err) MUST_USE;
void writer_lock_drop(int *fd);

#endif
