/*
 * A line an object, for scripts and log collectors: the head of the findings
 * document first, then one finding a line (or, of tables, one row). Each line
 * says what it is and the version of its keys, so that it can be understood
 * alone. Keys are only ever added.
 */
#include "report/json_build_private.h"

#include "base/banned.h"

static bool add_line(struct json_builder *b, const char *type, json_t *object,
                     struct buf *out, struct err *err)
{
    json_t *line = json_object();
    build_put(b, line, "type", build_text(b, type));
    build_put(b, line, "schema_version", json_integer(1));
    if (json_object_update(line, object) != 0) {
        b->failed = true;
    }
    json_decref(object);
    if (!build_dump(b, line, BUILD_LINE, out, err)) {
        return false;
    }
    buf_char(out, '\n');
    return true;
}

static bool add_rows(struct json_builder *b, const struct report_table *t,
                     struct buf *out, struct err *err)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        json_t *object = json_object();
        build_put(b, object, "table", build_text(b, t->key));
        build_put(b, object, "row", build_row(b, t, i));
        if (!add_line(b, "row", object, out, err)) {
            return false;
        }
    }
    return true;
}

static bool add_lines(struct json_builder *b, const struct report *r,
                      struct buf *out, struct err *err)
{
    if (!add_line(b, "header", build_document(b, r, true), out, err)) {
        return false;
    }
    for (size_t i = 0; r->findings && i < r->findings->n; i++) {
        if (!add_line(b, "finding", build_finding(b, &r->findings->items[i]),
                      out, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->n_tables; i++) {
        if (!add_rows(b, &r->tables[i], out, err)) {
            return false;
        }
    }
    return true;
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct json_builder b = JSON_BUILDER;
    const bool ok = add_lines(&b, r, out, err);
    build_release(&b);
    return ok && buf_check(out, "ndjson report", err);
}

const struct renderer renderer_ndjson = {
    .name = "ndjson",
    .media_type = "application/x-ndjson",
    .summary = "a header, then one finding a line, for scripts",
    .has_tables = true,
    .render = render,
};
