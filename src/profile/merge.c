/*
 * Sums profiles the way google/pprof does, so that the same files give the
 * same profile: what counts as equal, which header wins, in which order
 * things get their ids. Every source's ids are translated once; a sample is
 * then a short key of translated ids and labels.
 */
#include "profile/merge.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/measure.h"
#include "profile/columns_private.h"
#include "profile/labels_private.h"
#include "profile/merge_private.h"
#include "profile/samples_private.h"

/* Index in the source + 1 -> index in the sum; 0 = not seen yet. */
struct translation {
    uint32_t *strings, *functions, *locations, *mappings;
};

struct profile_merger {
    struct columns columns;
    bool has_header;
    struct intern sample_keys;
    uint32_t next_sample; /* behind the one that was found last */
    const struct profile *src;
    struct translation to; /* of src */
    struct buf key;
    struct vec_u32 locs;          /* scratch: one translated stack */
    struct columns_labels labels; /* scratch: its labels, sorted */
    struct columns_lines lines;
};

static void translation_release(struct translation *t)
{
    free(t->strings);
    free(t->functions);
    free(t->locations);
    free(t->mappings);
    *t = (struct translation){0};
}

static bool translation_init(struct translation *t, const struct profile *p)
{
    t->strings = calloc((size_t)p->n_strings + 1, sizeof(uint32_t));
    t->functions = calloc((size_t)p->n_functions + 1, sizeof(uint32_t));
    t->locations = calloc((size_t)p->n_locations + 1, sizeof(uint32_t));
    t->mappings = calloc((size_t)p->n_mappings + 1, sizeof(uint32_t));
    return t->strings && t->functions && t->locations && t->mappings;
}

static str_id map_string(struct profile_merger *m, str_id s)
{
    uint32_t *to = &m->to.strings[s.i];
    if (*to == 0) {
        *to = columns_string(&m->columns, profile_span(m->src, s)).i + 1;
    }
    return (str_id){*to - 1};
}

/* Equal but for where it was loaded: the size in whole pages, the offset, and
   the build id or else the file. */
static uint32_t add_mapping(struct profile_merger *m,
                            const struct profile_mapping *src)
{
    struct profile_mapping copy = *src;
    copy.file = map_string(m, src->file);
    copy.build_id = map_string(m, src->build_id);
    const uint64_t name = copy.build_id.i != 0 ? copy.build_id.i : copy.file.i;
    const uint64_t key[] = {merge_mapping_bytes(src), src->offset, name};
    const struct span bytes = {(const char *)key, sizeof(key)};
    return columns_mapping(&m->columns, bytes, &copy);
}

static uint32_t map_mapping(struct profile_merger *m, uint32_t i)
{
    if (i == PROFILE_NONE) {
        return PROFILE_NONE;
    }
    uint32_t *to = &m->to.mappings[i];
    if (*to == 0) {
        *to = add_mapping(m, &m->src->mappings[i]) + 1;
    }
    return *to - 1;
}

static uint32_t map_function(struct profile_merger *m, uint32_t i)
{
    if (i == PROFILE_NONE) {
        return PROFILE_NONE;
    }
    uint32_t *to = &m->to.functions[i];
    if (*to == 0) {
        struct profile_function f = m->src->functions[i];
        f.name = map_string(m, f.name);
        f.system_name = map_string(m, f.system_name);
        f.file = map_string(m, f.file);
        *to = columns_function(&m->columns, &f) + 1;
    }
    return *to - 1;
}

static uint32_t add_location(struct profile_merger *m,
                             const struct profile_location *src)
{
    struct profile_location l = *src;
    l.mapping = map_mapping(m, src->mapping);
    uint64_t key_address = l.address;
    if (l.mapping != PROFILE_NONE && !m->columns.has_failed) {
        const uint64_t start = m->columns.mappings.items[l.mapping].start;
        key_address -= m->src->mappings[src->mapping].start;
        l.address = key_address + start;
    }
    m->lines.n = 0;
    for (uint32_t i = 0; i < src->n_lines; i++) {
        struct profile_line line = m->src->lines[src->first_line + i];
        line.function = map_function(m, line.function);
        if (!columns_lines_push(&m->lines, line)) {
            m->columns.has_failed = true;
            return 0;
        }
    }
    return columns_location(&m->columns, &l, key_address, m->lines.items,
                            (uint32_t)m->lines.n);
}

static uint32_t map_location(struct profile_merger *m, uint32_t i)
{
    uint32_t *to = &m->to.locations[i];
    if (*to == 0) {
        *to = add_location(m, &m->src->locations[i]) + 1;
    }
    return *to - 1;
}

static bool map_stack(struct profile_merger *m, uint32_t s)
{
    const uint32_t first = m->src->sample_off[s];
    const uint32_t n = m->src->sample_off[s + 1] - first;
    if (!vec_u32_reserve(&m->locs, n)) {
        return false;
    }
    m->locs.n = n;
    for (uint32_t i = 0; i < n; i++) {
        m->locs.items[i] = map_location(m, m->src->sample_locs[first + i]);
    }
    return true;
}

static bool map_labels(struct profile_merger *m, uint32_t s)
{
    const struct profile *src = m->src;
    const uint32_t first = src->label_off ? src->label_off[s] : 0;
    const uint32_t n = src->label_off ? src->label_off[s + 1] - first : 0;
    if (!columns_labels_reserve(&m->labels, n)) {
        return false;
    }
    m->labels.n = n;
    for (uint32_t i = 0; i < n; i++) {
        m->labels.items[i] = src->labels[first + i];
    }
    if (!labels_sort(src, m->labels.items, n)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct profile_label *l = &m->labels.items[i];
        l->key = map_string(m, l->key);
        l->str = map_string(m, l->str);
        l->unit = map_string(m, l->unit);
    }
    return true;
}

static void build_key(struct profile_merger *m)
{
    const uint32_t n_locs = (uint32_t)m->locs.n;
    buf_clear(&m->key);
    buf_add(&m->key, &n_locs, sizeof(n_locs));
    buf_add(&m->key, m->locs.items, n_locs * sizeof(*m->locs.items));
    for (size_t i = 0; i < m->labels.n; i++) {
        const struct profile_label *l = &m->labels.items[i];
        const int64_t words[] = {l->key.i, l->str.i, l->unit.i, l->num,
                                 l->is_num};
        buf_add(&m->key, words, sizeof(words));
    }
}

static bool is_zero(const int64_t *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (values[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Wraps around like the reference does; base totals may be anything. */
static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The id of the key. Snapshots of one process have their samples in the same
   order, so the one that follows the last is tried before the hash. */
static bool find_sample(struct profile_merger *m, uint32_t *id)
{
    const struct intern *keys = &m->sample_keys;
    const struct span key = buf_view(&m->key);
    const uint32_t guess = m->next_sample;
    if (!buf_ok(&m->key)) {
        return false;
    }
    if (guess < intern_count(keys) && span_eq(intern_span(keys, guess), key)) {
        *id = guess;
    } else if (!intern_add(&m->sample_keys, key, id, NULL)) {
        return false;
    }
    m->next_sample = *id + 1;
    return true;
}

static bool add_sample(struct profile_merger *m, uint32_t s)
{
    const uint32_t n_types = m->src->n_types;
    const int64_t *values = m->src->values + (size_t)s * n_types;
    if (!map_stack(m, s) || !map_labels(m, s)) {
        return false;
    }
    build_key(m);
    const size_t known = intern_count(&m->sample_keys);
    uint32_t id = 0;
    if (!find_sample(m, &id)) {
        return false;
    }
    if (id == known) {
        columns_sample(&m->columns, m->locs.items, m->locs.n, values, n_types,
                       m->labels.items, m->labels.n);
        return !m->columns.has_failed;
    }
    int64_t *sums = m->columns.values.items + (size_t)id * n_types;
    for (uint32_t i = 0; i < n_types; i++) {
        sums[i] = wrapping_sum(sums[i], values[i]);
    }
    return true;
}

static bool add_source(struct profile_merger *m, const struct profile *p)
{
    m->src = p;
    m->next_sample = 0;
    translation_release(&m->to);
    if (!translation_init(&m->to, p)) {
        return false;
    }
    /* The first mapping of all is the main program and stays first. */
    if (m->columns.mappings.n == 0 && p->n_mappings != 0) {
        (void)map_mapping(m, 0);
    }
    for (uint32_t s = 0; s < p->n_samples; s++) {
        if (!is_zero(p->values + (size_t)s * p->n_types, p->n_types) &&
            !add_sample(m, s)) {
            return false;
        }
    }
    return !m->columns.has_failed;
}

/* What a profile measures: one that is there, or a sum that is not yet, whose
   strings are still in their table. */
struct measured {
    const struct profile *p;
    const struct intern *strings; /* of a sum, else NULL */
    const struct profile_value_type *types;
    size_t n_types;
};

static struct measured measured_of(const struct profile *p)
{
    return (struct measured){p, NULL, p->types, p->n_types};
}

static struct span measured_span(const struct measured *m, str_id s)
{
    return m->strings != NULL ? intern_span(m->strings, s.i)
                              : profile_span(m->p, s);
}

static const char *measured_text(const struct measured *m, str_id s)
{
    return measured_span(m, s).p;
}

static bool same_type(const struct measured *a, struct profile_value_type s,
                      const struct measured *b, struct profile_value_type t)
{
    return span_eq(measured_span(a, s.type), measured_span(b, t.type)) &&
           span_eq(measured_span(a, s.unit), measured_span(b, t.unit));
}

static bool check_compatible(const struct measured *a, const struct measured *b,
                             struct err *err)
{
    if (!same_type(a, a->p->period_type, b, b->p->period_type)) {
        return err_set(err, ERR_MISMATCH, "period types differ: %s and %s",
                       measured_text(a, a->p->period_type.type),
                       measured_text(b, b->p->period_type.type));
    }
    if (a->n_types != b->n_types) {
        return err_set(err, ERR_MISMATCH,
                       "one has %zu sample types, another %zu", a->n_types,
                       b->n_types);
    }
    for (size_t i = 0; i < a->n_types; i++) {
        if (!same_type(a, a->types[i], b, b->types[i])) {
            return err_set(err, ERR_MISMATCH,
                           "sample types differ: %s/%s and %s/%s",
                           measured_text(a, a->types[i].type),
                           measured_text(a, a->types[i].unit),
                           measured_text(b, b->types[i].type),
                           measured_text(b, b->types[i].unit));
        }
    }
    return true;
}

static struct profile_value_type map_type(struct columns *c,
                                          const struct profile *p,
                                          struct profile_value_type t)
{
    const str_id type = columns_string(c, profile_span(p, t.type));
    return (struct profile_value_type){
        type, columns_string(c, profile_span(p, t.unit))};
}

static void first_header(struct columns *c, const struct profile *p)
{
    struct profile *sum = c->p;
    for (uint32_t i = 0; i < p->n_types; i++) {
        const struct profile_value_type t = map_type(c, p, p->types[i]);
        if (!columns_types_push(&c->types, t)) {
            c->has_failed = true;
        }
    }
    sum->period_type = map_type(c, p, p->period_type);
    sum->drop_frames = columns_string(c, profile_span(p, p->drop_frames));
    sum->keep_frames = columns_string(c, profile_span(p, p->keep_frames));
}

/* Each text once. */
static void add_comments(struct columns *c, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_comments && !c->has_failed; i++) {
        const str_id s = columns_string(c, profile_span(p, p->comments[i]));
        const struct span key = {(const char *)&s, sizeof(s)};
        uint32_t id = 0;
        if (!intern_add(&c->comment_keys, key, &id, NULL) ||
            (id == c->comments.n && !vec_u32_push(&c->comments, s.i))) {
            c->has_failed = true;
        }
    }
}

/* The earliest time, where a missing one counts as 0 from the second source
   on (the reference's quirk), the sum of durations, the largest period. */
static void add_header(struct columns *c, const struct profile *p)
{
    struct profile *sum = c->p;
    if (sum->time_nanos == 0 || p->time_nanos < sum->time_nanos) {
        sum->time_nanos = p->time_nanos;
    }
    sum->duration_nanos = wrapping_sum(sum->duration_nanos, p->duration_nanos);
    if (sum->period == 0 || sum->period < p->period) {
        sum->period = p->period;
    }
    if (sum->default_type.i == 0) {
        sum->default_type = columns_string(c, profile_span(p, p->default_type));
    }
    if (sum->doc_url.i == 0) {
        sum->doc_url = columns_string(c, profile_span(p, p->doc_url));
    }
    add_comments(c, p);
}

void profile_merger_free(struct profile_merger *m)
{
    if (m == NULL) {
        return;
    }
    columns_release(&m->columns);
    intern_release(&m->sample_keys);
    translation_release(&m->to);
    buf_release(&m->key);
    vec_u32_release(&m->locs);
    columns_labels_release(&m->labels);
    columns_lines_release(&m->lines);
    free(m);
}

struct profile_merger *profile_merger_new(void)
{
    struct profile_merger *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->key = BUF_LIMIT(LIMIT_TEXT_BYTES);
    if (!columns_init(&m->columns)) {
        profile_merger_free(m);
        return NULL;
    }
    return m;
}

bool profile_merger_add(struct profile_merger *m, const struct profile *p,
                        struct err *err)
{
    const struct columns *c = &m->columns;
    const struct measured sum = {c->p, &c->strings, c->types.items, c->types.n};
    const struct measured next = measured_of(p);
    if (m->has_header && !check_compatible(&sum, &next, err)) {
        return err_wrap(err, "merge");
    }
    if (!m->has_header) {
        first_header(&m->columns, p);
        m->has_header = true;
    }
    add_header(&m->columns, p);
    return add_source(m, p) || err_nomem(err, "merge profiles");
}

static bool merge_once(const struct profile *const *in, size_t n,
                       struct profile **out, struct err *err)
{
    struct profile_merger *m = profile_merger_new();
    bool ok = m != NULL || err_nomem(err, "merge profiles");
    for (size_t i = 0; i < n && ok; i++) {
        ok = profile_merger_add(m, in[i], err);
    }
    ok = ok && columns_finish(&m->columns, out, err);
    profile_merger_free(m);
    return ok;
}

static bool has_zero_sample(const struct profile *p)
{
    for (uint32_t s = 0; s < p->n_samples; s++) {
        if (is_zero(p->values + (size_t)s * p->n_types, p->n_types)) {
            return true;
        }
    }
    return false;
}

bool profile_merger_finish(struct profile_merger *m, struct profile **out,
                           struct err *err)
{
    struct profile *sum = NULL;
    if (!m->has_header) {
        return err_set(err, ERR_USAGE, "no profiles to merge");
    }
    if (!columns_finish(&m->columns, &sum, err)) {
        return false;
    }
    if (!has_zero_sample(sum)) {
        *out = sum;
        return true;
    }
    /* What cancelled out leaves, and what only it referred to. */
    const struct profile *const again[] = {sum};
    const bool ok = merge_once(again, 1, out, err);
    profile_free(sum);
    return ok;
}

bool profile_merge(const struct profile *const *in, size_t n,
                   struct profile **out, struct err *err)
{
    struct profile_merger *m = profile_merger_new();
    bool ok = m != NULL || err_nomem(err, "merge profiles");
    for (size_t i = 0; i < n && ok; i++) {
        ok = profile_merger_add(m, in[i], err);
    }
    ok = ok && profile_merger_finish(m, out, err);
    profile_merger_free(m);
    return ok;
}

/* What does not fit becomes INT64_MIN, as in the reference on amd64. */
static int64_t scaled(int64_t v, double factor)
{
    return measure_truncate(round((double)v * factor));
}

struct scaling {
    const double *factors;
    uint32_t n_types;
};

/* Columns with the factor 1 stay as they are and, as in the reference, do
   not keep a sample alive. */
static bool scale_sample(void *ctx, struct sample *s)
{
    const struct scaling *c = ctx;
    bool is_kept = false;
    for (uint32_t i = 0; i < c->n_types; i++) {
        const double factor = c->factors[i];
        if (factor < 1 || factor > 1) {
            s->values[i] = scaled(s->values[i], factor);
            is_kept = is_kept || s->values[i] != 0;
        }
    }
    return is_kept;
}

void profile_scale_types(struct profile *p, const double *factors)
{
    struct scaling c = {factors, p->n_types};
    for (uint32_t i = 0; i < p->n_types; i++) {
        if (factors[i] < 1 || factors[i] > 1) {
            samples_filter(p, scale_sample, &c);
            return;
        }
    }
}

/* What a double holds is negated as whole numbers: that is what a difference
   does to half of its values. */
static void negate_all(int64_t *values, size_t n)
{
    const int64_t most = INT64_C(1) << 53;
    for (size_t i = 0; i < n; i++) {
        const int64_t v = values[i];
        values[i] = v >= -most && v <= most ? -v : scaled(v, -1);
    }
}

void profile_scale(struct profile *p, double factor)
{
    const size_t n = (size_t)p->n_samples * p->n_types;
    if (!(factor < 1 || factor > 1)) {
        return;
    }
    if (factor >= -1 && factor <= -1) {
        negate_all(p->values, n);
    } else {
        for (size_t i = 0; i < n; i++) {
            p->values[i] = scaled(p->values[i], factor);
        }
    }
    samples_drop_zero(p);
}

static int64_t column_sum(const struct profile *p, uint32_t type)
{
    int64_t sum = 0;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        sum = wrapping_sum(sum, p->values[(size_t)s * p->n_types + type]);
    }
    return sum;
}

bool merge_check(const struct profile *p, const struct profile *other,
                 struct err *err)
{
    const struct measured ours = measured_of(p);
    const struct measured theirs = measured_of(other);
    return check_compatible(&ours, &theirs, err);
}

bool profile_normalise(struct profile *p, const struct profile *base,
                       struct err *err)
{
    if (!merge_check(p, base, err)) {
        return err_wrap(err, "normalise");
    }
    double *factors = calloc((size_t)p->n_types + 1, sizeof(*factors));
    if (factors == NULL) {
        return err_nomem(err, "normalise");
    }
    for (uint32_t i = 0; i < p->n_types; i++) {
        const int64_t own = column_sum(p, i);
        factors[i] = own != 0 ? (double)column_sum(base, i) / (double)own : 0.0;
    }
    profile_scale_types(p, factors);
    free(factors);
    return true;
}
