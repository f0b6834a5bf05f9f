/*
 * Just enough of Go's syntax to say where functions begin and end: tokens,
 * brackets, and the rule by which a line end becomes a semicolon. Nothing is
 * allocated; what is not Go gives no functions, never an error.
 */
#ifndef SEEP_REVIEW_GO_SOURCE_PRIVATE_H
#define SEEP_REVIEW_GO_SOURCE_PRIVATE_H

#include "base/span.h"

/* One top-level function: lines and bytes from its `func` to its last token. */
struct go_function {
    struct span receiver; /* "T" of (t *T[K]); empty: none */
    struct span name;
    uint32_t first_line, last_line;
    size_t begin, end; /* bytes of the text */
};

struct go_scan {
    struct span text;
    size_t at;
    uint32_t line;
};

void go_scan_begin(struct go_scan *s, struct span text);
/* False at the end of the text. */
bool go_scan_next(struct go_scan *s, struct go_function *out);

/* The next token that is no line end; false at the end of the text. */
bool go_scan_token(struct go_scan *s, struct span *out);

/* What it has of the text that it was found in. */
struct span go_function_text(const struct go_function *f, struct span text);

/* Digest of the tokens of a function of a text, in which its own name and its
   receiver's are any; so that it stays when either is changed. Never 0. */
uint64_t go_function_digest(const struct go_function *f, struct span text);

/* The name in the package clause; empty when there is none. */
struct span go_source_package(struct span text);

/* Does it begin with "// Code generated ... DO NOT EDIT."? */
bool go_source_is_generated(struct span text);

/* Is `symbol`, a function's name in a profile, this function or a closure in
   it? Type arguments do not matter. With `is_inlined`, also a closure that was
   named after the function it was inlined into: "New.(*T).serve.func1". */
bool go_function_is(const struct go_function *f, struct span symbol,
                    bool is_inlined);

#endif
