/*
 * -tags: the values of every label with their weight. A number counts as the
 * text it is printed as, so that several may be one.
 */
#include "report/pprof_private.h"
#include "report/tab_columns_private.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/sort.h"

#include "base/banned.h"

struct tag {
    uint32_t key;
    int64_t value;
    struct span name;
};

struct tags {
    const struct profile *p;
    const struct pprof_options *o;
    struct pprof_values v;
    struct intern keys;
    struct vec_i64 totals; /* by key */
    struct intern names;   /* the key's number in four bytes, then the name */
    struct vec_i64 values; /* by name */
    struct buf scratch;
};

/* --- Sums --- */

static bool add_to(struct vec_i64 *sums, uint32_t i, int64_t value)
{
    if (i == sums->n && !vec_i64_push(sums, 0)) {
        return false;
    }
    sums->items[i] = pprof_add(sums->items[i], value);
    return true;
}

static void add_name(struct tags *t, const struct profile_label *l)
{
    if (!l->is_num) {
        buf_span(&t->scratch, profile_span(t->p, l->str));
        return;
    }
    const struct span unit =
        pprof_label_unit(t->p, t->o->label_units, profile_span(t->p, l->key));
    measure_label(&t->scratch, l->num, unit, t->v.output_unit);
}

static bool add_label(struct tags *t, const struct profile_label *l,
                      int64_t value, struct err *err)
{
    uint32_t key;
    uint32_t name;
    if (!intern_add(&t->keys, profile_span(t->p, l->key), &key, err)) {
        return false;
    }
    buf_clear(&t->scratch);
    buf_add(&t->scratch, &key, sizeof(key));
    add_name(t, l);
    if (!buf_check(&t->scratch, "tags", err) ||
        !intern_add(&t->names, buf_view(&t->scratch), &name, err)) {
        return false;
    }
    return (add_to(&t->totals, key, value) && add_to(&t->values, name, value))
               ? true
               : err_nomem(err, "tags");
}

static bool add_samples(struct tags *t, struct err *err)
{
    const struct profile *p = t->p;
    if (p->label_off == NULL) {
        return true;
    }
    for (uint32_t s = 0; s < p->n_samples; s++) {
        const int64_t value =
            p->values[(size_t)s * p->n_types + t->o->value_column];
        for (uint32_t i = p->label_off[s]; i < p->label_off[s + 1]; i++) {
            if (!add_label(t, &p->labels[i], value, err)) {
                return false;
            }
        }
    }
    return true;
}

/* --- Order --- */

static int compare_tags(const void *a, const void *b, const void *ctx)
{
    const struct intern *keys = ctx;
    const struct tag *x = a;
    const struct tag *y = b;
    if (x->key != y->key) {
        return span_compare(intern_span(keys, x->key),
                            intern_span(keys, y->key));
    }
    const int64_t v = pprof_absolute(x->value);
    const int64_t w = pprof_absolute(y->value);
    return v != w ? (v < w) - (v > w) : span_compare(x->name, y->name);
}

/* All tags in the order of the report, or NULL. */
static struct tag *sorted_tags(const struct tags *t)
{
    const size_t n = intern_count(&t->names);
    struct tag *tags = calloc(n + 1, sizeof(*tags));
    if (tags == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct span entry = intern_span(&t->names, i);
        memcpy(&tags[i].key, entry.p, sizeof(tags[i].key));
        tags[i].name = span_from(entry, sizeof(tags[i].key));
        tags[i].value = t->values.items[i];
    }
    sort_items(tags, n, sizeof(*tags), compare_tags, &t->keys);
    return tags;
}

/* --- Text --- */

static void add_share(struct buf *out, const struct pprof_values *v,
                      int64_t value)
{
    if (v->total > 0) {
        buf_str(out, " (");
        measure_percent(out, value, v->total);
        buf_char(out, ')');
    }
}

static void write_key(const struct tags *t, uint32_t key, struct buf *out)
{
    const int64_t total = t->totals.items[key];
    buf_span(out, intern_span(&t->keys, key));
    buf_str(out, ":\t Total ");
    pprof_value(out, &t->v, total);
    buf_str(out, " of ");
    pprof_value(out, &t->v, t->v.total);
    add_share(out, &t->v, total);
    buf_char(out, '\n');
}

static void write_tag(const struct tags *t, const struct tag *tag,
                      struct buf *out)
{
    buf_str(out, " \t");
    pprof_value(out, &t->v, tag->value);
    add_share(out, &t->v, tag->value);
    buf_str(out, ":\t ");
    buf_span(out, tag->name);
    buf_char(out, '\n');
}

static void write_all(const struct tags *t, const struct tag *tags,
                      struct buf *out)
{
    const size_t n = intern_count(&t->names);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || tags[i].key != tags[i - 1].key) {
            write_key(t, tags[i].key, out);
        }
        write_tag(t, &tags[i], out);
        if (i + 1 == n || tags[i].key != tags[i + 1].key) {
            buf_char(out, '\n');
        }
    }
}

static bool print_all(struct tags *t, struct buf *out, struct err *err)
{
    if (!add_samples(t, err)) {
        return false;
    }
    struct tag *tags = sorted_tags(t);
    if (tags == NULL) {
        return err_nomem(err, "tags");
    }
    struct buf text = BUF_LIMIT(out->limit_bytes);
    write_all(t, tags, &text);
    const bool ok =
        buf_check(&text, "tags", err) && tab_columns(buf_view(&text), out, err);
    buf_release(&text);
    free(tags);
    return ok;
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    struct tags t = {
        .p = p,
        .o = o,
        .v = pprof_values_of(o),
        .scratch = BUF_LIMIT(out->limit_bytes),
    };
    const bool ok = print_all(&t, out, err);
    intern_release(&t.keys);
    intern_release(&t.names);
    vec_i64_release(&t.totals);
    vec_i64_release(&t.values);
    buf_release(&t.scratch);
    return ok;
}

const struct pprof_report pprof_report_tags = {
    .name = "tags",
    .summary = "the values of every label with their weight",
    .print = print,
};
