/*
 * Two profiles one behind the other. Reports that only sum samples need not
 * know which of them are equal, and names of functions are compared by text
 * later anyway; so tables are laid end to end and references moved by what was
 * there before. Mappings alone are matched: where a program was loaded
 * elsewhere, its addresses become those of the first profile.
 */
#include "profile/merge.h"

#include "profile/merge_private.h"
#include "profile/samples_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Beyond, matching each with each would show; no real profile has so many. */
enum { MAPPINGS_MAX = 64, COMMENTS_MAX = 64 };

/* --- may it be done --- */

static bool has_negative(const struct profile *p)
{
    const size_t n = (size_t)p->n_samples * p->n_types;
    for (size_t i = 0; i < n; i++) {
        if (p->values[i] < 0) {
            return true;
        }
    }
    return false;
}

static struct span mapping_name(const struct profile *p,
                                const struct profile_mapping *m)
{
    const struct span id = profile_span(p, m->build_id);
    return id.len != 0 ? id : profile_span(p, m->file);
}

/* The mapping of `p` that is the same as `m` of `other`, among the first
   `n`. */
static uint32_t find_mapping(const struct profile *p, uint32_t n,
                             const struct profile *other,
                             const struct profile_mapping *m)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct profile_mapping *known = &p->mappings[i];
        if (merge_mapping_bytes(known) == merge_mapping_bytes(m) &&
            known->offset == m->offset &&
            span_eq(mapping_name(p, known), mapping_name(other, m))) {
            return i;
        }
    }
    return PROFILE_NONE;
}

static bool has_twins(const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (find_mapping(p, i, p, &p->mappings[i]) != PROFILE_NONE) {
            return true;
        }
    }
    return false;
}

bool profile_can_append(const struct profile *p, const struct profile *more)
{
    return p->n_mappings <= MAPPINGS_MAX && more->n_mappings <= MAPPINGS_MAX &&
           p->n_comments <= COMMENTS_MAX && more->n_comments <= COMMENTS_MAX &&
           !has_twins(p) && !has_twins(more) && !has_negative(p) &&
           !has_negative(more);
}

/* --- tables end to end --- */

/* What references into the tables of the second profile move by. */
struct bases {
    uint32_t strings, functions, locations, lines, mappings;
};

/* Room for `more` items behind the `n` of a column of `unit` bytes. */
static bool extend(void *column, uint32_t n, uint32_t more, size_t unit)
{
    void *items = NULL;
    memcpy(&items, column, sizeof(items));
    if (more > UINT32_MAX - 1 - n) {
        return false;
    }
    void *grown = realloc(items, ((size_t)n + more + 1) * unit);
    if (grown == NULL) {
        return false;
    }
    memcpy(column, &grown, sizeof(grown));
    return true;
}

/* Appends the items of `more->field`, as they are, without counting them. */
#define APPEND(p, more, field, n, n_more)                                      \
    (extend((void *)&(p)->field, (n), (n_more), sizeof(*(p)->field)) &&        \
     ((n_more) == 0 ||                                                         \
      memcpy((p)->field + (n), (more)->field,                                  \
             (size_t)(n_more) * sizeof(*(p)->field)) != NULL))

static str_id move_string(str_id s, uint32_t base)
{
    return (str_id){s.i != 0 ? s.i + base : 0};
}

static bool append_strings(struct profile *p, const struct profile *more)
{
    if (!APPEND(p, more, strings, p->n_strings, more->n_strings)) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_strings; i++) {
        const struct profile_str s = more->strings[i];
        const char *text = arena_strdup(&p->arena, (struct span){s.p, s.len});
        if (text == NULL) {
            return false;
        }
        p->strings[p->n_strings + i] = (struct profile_str){text, s.len};
    }
    p->n_strings += more->n_strings;
    return true;
}

static bool append_functions(struct profile *p, const struct profile *more,
                             const struct bases *at)
{
    if (!APPEND(p, more, functions, p->n_functions, more->n_functions)) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_functions; i++) {
        struct profile_function *f = &p->functions[at->functions + i];
        f->name = move_string(f->name, at->strings);
        f->system_name = move_string(f->system_name, at->strings);
        f->file = move_string(f->file, at->strings);
    }
    p->n_functions += more->n_functions;
    for (uint32_t i = 0; i < p->n_functions; i++) {
        p->functions[i].id = (uint64_t)i + 1;
    }
    return true;
}

/* `to[i]` becomes where mapping `i` of `more` is. */
static bool append_mappings(struct profile *p, const struct profile *more,
                            const struct bases *at, uint32_t *to)
{
    if (!extend((void *)&p->mappings, p->n_mappings, more->n_mappings,
                sizeof(*p->mappings))) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_mappings; i++) {
        to[i] = find_mapping(p, at->mappings, more, &more->mappings[i]);
        if (to[i] == PROFILE_NONE) {
            struct profile_mapping m = more->mappings[i];
            m.file = move_string(m.file, at->strings);
            m.build_id = move_string(m.build_id, at->strings);
            to[i] = p->n_mappings;
            p->mappings[p->n_mappings++] = m;
        }
    }
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        p->mappings[i].id = (uint64_t)i + 1;
    }
    return true;
}

static bool append_lines(struct profile *p, const struct profile *more,
                         const struct bases *at)
{
    if (!APPEND(p, more, lines, p->n_lines, more->n_lines)) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_lines; i++) {
        struct profile_line *line = &p->lines[at->lines + i];
        if (line->function != PROFILE_NONE) {
            line->function += at->functions;
        }
    }
    p->n_lines += more->n_lines;
    return true;
}

static bool append_locations(struct profile *p, const struct profile *more,
                             const struct bases *at, const uint32_t *mappings)
{
    if (!APPEND(p, more, locations, p->n_locations, more->n_locations)) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_locations; i++) {
        struct profile_location *l = &p->locations[at->locations + i];
        l->first_line += at->lines;
        if (l->mapping != PROFILE_NONE) {
            const uint32_t to = mappings[l->mapping];
            l->address +=
                p->mappings[to].start - more->mappings[l->mapping].start;
            l->mapping = to;
        }
    }
    p->n_locations += more->n_locations;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        p->locations[i].id = (uint64_t)i + 1;
    }
    return true;
}

/* --- samples --- */

static bool append_labels(struct profile *p, const struct profile *more,
                          const struct bases *at)
{
    if (p->label_off == NULL && more->label_off == NULL) {
        return true;
    }
    if (!APPEND(p, more, labels, p->n_labels, more->n_labels)) {
        return false;
    }
    if (p->label_off == NULL) {
        p->label_off = calloc((size_t)p->n_samples + 1, sizeof(uint32_t));
    }
    if (p->label_off == NULL || !extend((void *)&p->label_off, p->n_samples + 1,
                                        more->n_samples, sizeof(uint32_t))) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_labels; i++) {
        struct profile_label *l = &p->labels[p->n_labels + i];
        l->key = move_string(l->key, at->strings);
        l->str = move_string(l->str, at->strings);
        l->unit = move_string(l->unit, at->strings);
    }
    for (uint32_t s = 1; s <= more->n_samples; s++) {
        p->label_off[p->n_samples + s] =
            p->n_labels + (more->label_off ? more->label_off[s] : 0);
    }
    p->n_labels += more->n_labels;
    return true;
}

static bool append_values(struct profile *p, const struct profile *more)
{
    const size_t n = (size_t)p->n_samples * p->n_types;
    const size_t n_more = (size_t)more->n_samples * p->n_types;
    int64_t *values = realloc(p->values, (n + n_more + 1) * sizeof(*values));
    if (values == NULL) {
        return false;
    }
    p->values = values;
    if (n_more != 0) {
        memcpy(values + n, more->values, n_more * sizeof(*values));
    }
    return true;
}

static bool append_samples(struct profile *p, const struct profile *more,
                           const struct bases *at)
{
    const uint32_t n_locs = p->sample_off[p->n_samples];
    const uint32_t n_more = more->sample_off[more->n_samples];
    if (!append_labels(p, more, at) || !append_values(p, more) ||
        !APPEND(p, more, sample_locs, n_locs, n_more) ||
        !extend((void *)&p->sample_off, p->n_samples + 1, more->n_samples,
                sizeof(*p->sample_off))) {
        return false;
    }
    for (uint32_t i = 0; i < n_more; i++) {
        p->sample_locs[n_locs + i] += at->locations;
    }
    for (uint32_t s = 1; s <= more->n_samples; s++) {
        p->sample_off[p->n_samples + s] = n_locs + more->sample_off[s];
    }
    p->n_samples += more->n_samples;
    return true;
}

/* --- header --- */

static bool append_comments(struct profile *p, const struct profile *more,
                            const struct bases *at)
{
    if (!extend((void *)&p->comments, p->n_comments, more->n_comments,
                sizeof(*p->comments))) {
        return false;
    }
    for (uint32_t i = 0; i < more->n_comments; i++) {
        const struct span text = profile_span(more, more->comments[i]);
        bool is_known = false;
        for (uint32_t k = 0; k < p->n_comments && !is_known; k++) {
            is_known = span_eq(profile_span(p, p->comments[k]), text);
        }
        if (!is_known) {
            p->comments[p->n_comments++] =
                move_string(more->comments[i], at->strings);
        }
    }
    return true;
}

static void append_header(struct profile *p, const struct profile *more,
                          const struct bases *at)
{
    if (p->time_nanos == 0 || more->time_nanos < p->time_nanos) {
        p->time_nanos = more->time_nanos;
    }
    p->duration_nanos =
        (int64_t)((uint64_t)p->duration_nanos + (uint64_t)more->duration_nanos);
    if (p->period == 0 || p->period < more->period) {
        p->period = more->period;
    }
    if (profile_span(p, p->default_type).len == 0) {
        p->default_type = move_string(more->default_type, at->strings);
    }
    if (profile_span(p, p->doc_url).len == 0) {
        p->doc_url = move_string(more->doc_url, at->strings);
    }
}

bool profile_append(struct profile *p, struct profile *more, struct err *err)
{
    const struct bases at = {p->n_strings, p->n_functions, p->n_locations,
                             p->n_lines, p->n_mappings};
    if (!merge_check(p, more, err)) {
        return err_wrap(err, "merge");
    }
    samples_drop_zero(p);
    samples_drop_zero(more);
    uint32_t *mappings =
        calloc((size_t)more->n_mappings + 1, sizeof(*mappings));
    const bool ok =
        mappings != NULL && append_strings(p, more) &&
        append_functions(p, more, &at) &&
        append_mappings(p, more, &at, mappings) && append_lines(p, more, &at) &&
        append_locations(p, more, &at, mappings) &&
        append_samples(p, more, &at) && append_comments(p, more, &at);
    free(mappings);
    if (!ok) {
        return err_nomem(err, "append profile");
    }
    append_header(p, more, &at);
    return true;
}
