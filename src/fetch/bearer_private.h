/*
 * The bearer token of a file, as a header. Tokens expire and are written anew
 * by somebody else, so the file is read for each request.
 */
#ifndef SEEP_FETCH_BEARER_PRIVATE_H
#define SEEP_FETCH_BEARER_PRIVATE_H

#include "base/buf.h"

/* "Authorization: Bearer ..." in the place of what `out` had. Errors name the
   file and never what is in it. ERR_IO, ERR_FORMAT, ERR_LIMIT. */
bool bearer_header(const char *path, struct buf *out, struct err *err) MUST_USE;

#endif
