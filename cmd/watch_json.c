#include "watch_json.h"

#include "base/num.h"

#include <math.h>

/* Digits of a real: seconds to the nanosecond, and no noise behind. */
enum {
    REAL_DIGITS = 12,
    TEXT_BYTES_MAX = 64 << 10,
    DOCUMENT_BYTES_MAX = 16 << 20
};

json_t *watch_json_text(const char *s)
{
    if (s == NULL) {
        return json_null();
    }
    struct buf text = BUF_LIMIT(TEXT_BYTES_MAX);
    plain_utf8(&text, s);
    json_t *out =
        buf_ok(&text)
            ? json_stringn_nocheck(text.data != NULL ? text.data : "", text.len)
            : NULL;
    buf_release(&text);
    return out;
}

json_t *watch_json_number(double v)
{
    if (!isfinite(v)) {
        return json_null();
    }
    /* 2^53: beyond, a double no longer holds every integer. */
    if (v == floor(v) && fabs(v) < 9007199254740992.0) {
        return json_integer((json_int_t)v);
    }
    return json_real(v);
}

json_t *watch_json_time(int64_t nanos)
{
    if (nanos == 0) {
        return json_null();
    }
    struct buf when = BUF_LIMIT(64);
    num_rfc3339(&when, nanos);
    json_t *out = when.data != NULL ? json_string(when.data) : NULL;
    buf_release(&when);
    return out;
}

json_t *watch_json_labels(const struct watch_target *t)
{
    json_t *out = json_object();
    for (size_t i = 0; out != NULL && i < t->n_labels; i++) {
        struct buf name = BUF_LIMIT(TEXT_BYTES_MAX);
        plain_utf8(&name, t->labels[i].name);
        if (name.data != NULL) {
            (void)json_object_set_new_nocheck(
                out, name.data, watch_json_text(t->labels[i].value));
        }
        buf_release(&name);
    }
    return out;
}

static json_t *site_json(const struct finding *f)
{
    if (!f->has_site) {
        return json_null();
    }
    return json_pack(
        "{s:o, s:o, s:I, s:o}", "function", watch_json_text(f->site.function),
        "file", watch_json_text(f->site.file), "line", (json_int_t)f->site.line,
        "package", watch_json_text(f->site.package));
}

static json_t *metric_json(const struct finding *f)
{
    if (f->n_metrics == 0) {
        return json_null();
    }
    const struct metric *m = &f->metrics[0];
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", m->name, "unit",
                     m->unit, "first", watch_json_number(m->first), "last",
                     watch_json_number(m->last), "per_hour",
                     watch_json_number(m->per_hour));
}

json_t *watch_json_brief(const struct finding *f, enum grade before)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "id",
                     f->id, "loose_id", f->loose_id, "rule", f->rule->id,
                     "grade", grade_name(f->grade), "before",
                     before > GRADE_INFO ? json_string(grade_name(before))
                                         : json_null(),
                     "profile", profile_kind_name(f->profile), "headline",
                     watch_json_text(summary_headline(f)), "site", site_json(f),
                     "metric", metric_json(f));
}

json_t *watch_json_whole(const struct finding *f)
{
    struct err err = {0};
    struct buf text = BUF_LIMIT(DOCUMENT_BYTES_MAX);
    json_t *out = report_finding_json(f, &text, &err)
                      ? json_loadb(text.data, text.len, 0, NULL)
                      : NULL;
    buf_release(&text);
    return out;
}

static int add_block(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return 0;
}

bool watch_json_add(struct buf *out, const json_t *value, bool is_indented,
                    struct err *err)
{
    if (value == NULL ||
        json_dump_callback(value, add_block, out,
                           (is_indented ? JSON_INDENT(2) : JSON_COMPACT) |
                               JSON_REAL_PRECISION(REAL_DIGITS)) != 0) {
        return err_nomem(err, "JSON");
    }
    buf_char(out, '\n');
    return buf_check(out, "JSON", err);
}
