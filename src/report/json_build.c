/* Values of JSON from values of a report. */
#include "report/json_build_private.h"

#include "report/plain.h"

#include "base/banned.h"

void build_put(struct json_builder *b, json_t *object, const char *key,
               json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        b->failed = true;
    }
}

void build_push(struct json_builder *b, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        b->failed = true;
    }
}

json_t *build_span(struct json_builder *b, struct span s)
{
    json_t *out = json_stringn_nocheck(s.p ? s.p : "", s.len);
    b->failed = b->failed || !out;
    return out;
}

json_t *build_text(struct json_builder *b, const char *s)
{
    if (!s) {
        return json_null();
    }
    buf_clear(&b->scratch);
    plain_utf8(&b->scratch, s);
    if (!buf_ok(&b->scratch)) {
        b->failed = true;
        return json_null();
    }
    return build_span(b, buf_view(&b->scratch));
}

json_t *build_texts(struct json_builder *b, const char *const *items, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        build_push(b, out, build_text(b, items[i]));
    }
    return out;
}

static int take(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

bool build_dump(struct json_builder *b, json_t *doc, size_t flags,
                struct buf *out, struct err *err)
{
    const bool built = doc && !b->failed;
    const bool dumped = built && json_dump_callback(doc, take, out, flags) == 0;
    json_decref(doc);
    if (!built) {
        return err_nomem(err, "json report");
    }
    return buf_check(out, "json report", err) &&
           (dumped || err_set(err, ERR_INTERNAL, "json report: not written"));
}

void build_release(struct json_builder *b)
{
    buf_release(&b->scratch);
}
