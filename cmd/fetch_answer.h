/*
 * One answer on its way into a file: decoded and hashed while it is written,
 * so that what is no profile, or another one than asked for, never gets a
 * file.
 */
#ifndef SEEP_CMD_FETCH_ANSWER_H
#define SEEP_CMD_FETCH_ANSWER_H

#include "base/sink.h"
#include "fetch/fetch.h"
#include "profile/profile.h"

struct fetch_answer;

/* `path` NULL: nothing is kept. An execution trace is no profile: only its
   first bytes are looked at. ERR_USAGE when the file exists. */
bool fetch_answer_new(const char *path, bool is_trace,
                      struct fetch_answer **out, struct err *err) MUST_USE;

/* Lent until fetch_answer_end(). */
struct sink fetch_answer_sink(struct fetch_answer *a);

/* After all bytes came: what they are. A trace leaves `out` as it is. */
bool fetch_answer_read(struct fetch_answer *a, struct snapshot *out,
                       struct err *err) MUST_USE;

/* `failure` of the request, or what it is when the answer was none that can be
   kept: then `err` is of its sink or of fetch_answer_read(). */
enum fetch_failure fetch_answer_failure(const struct fetch_answer *a,
                                        enum fetch_failure failure,
                                        const struct err *err);

uint64_t fetch_answer_bytes(const struct fetch_answer *a);
void fetch_answer_digest(const struct fetch_answer *a, uint64_t out[2]);

/* The file takes its place when `ok`, else it is removed; frees the answer in
   any case, which may be NULL. */
bool fetch_answer_end(struct fetch_answer *a, bool ok,
                      struct err *err) MUST_USE;

#endif
