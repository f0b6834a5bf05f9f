/*
 * Building JSON from a report, for the renderers that write it. Building fails
 * sticky, as buffers do: once memory ran out, every further value is dropped
 * and `failed` stays; build_dump() says so at the end.
 */
#ifndef SEEP_REPORT_JSON_BUILD_PRIVATE_H
#define SEEP_REPORT_JSON_BUILD_PRIVATE_H

#include "base/json_values.h"
#include "report/report.h"

#include <jansson.h>

struct json_builder {
    bool failed;
    struct buf scratch;
};
#define JSON_BUILDER ((struct json_builder){.scratch = BUF_LIMIT(64u << 20)})

/* Consume `value`; NULL is a failure, "no value" is json_null(). */
void build_put(struct json_builder *b, json_t *object, const char *key,
               json_t *value);
void build_push(struct json_builder *b, json_t *array, json_t *value);

/* Valid UTF-8 of it; NULL is null. */
json_t *build_text(struct json_builder *b, const char *s);
json_t *build_span(struct json_builder *b, struct span s);
json_t *build_texts(struct json_builder *b, const char *const *items, size_t n);

/* A finding of the findings document. */
json_t *build_finding(struct json_builder *b, const struct finding *f);
/* That document (seep/findings/1, or seep/tables/1 where nothing was judged);
   without its findings and tables when `is_head`. */
json_t *build_document(struct json_builder *b, const struct report *r,
                       bool is_head);
json_t *build_row(struct json_builder *b, const struct report_table *t,
                  size_t row);

/* 12 digits: more than any figure here is worth, and no 0.1000000001. */
#define BUILD_LINE  (JSON_COMPACT | JSON_REAL_PRECISION(12))
#define BUILD_LINES (JSON_INDENT(1) | JSON_REAL_PRECISION(12))

/* Appends the document and consumes it; the builder is not released. */
bool build_dump(struct json_builder *b, json_t *doc, size_t flags,
                struct buf *out, struct err *err) MUST_USE;
void build_release(struct json_builder *b);

#endif
