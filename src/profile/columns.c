#include "profile/columns_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

bool columns_init(struct columns *c)
{
    *c = (struct columns){.key = BUF_LIMIT(LIMIT_TEXT_BYTES)};
    c->p = calloc(1, sizeof(*c->p));
    uint32_t empty = 0;
    return c->p != NULL && vec_u32_push(&c->sample_off, 0) &&
           vec_u32_push(&c->label_off, 0) &&
           intern_add(&c->strings, SPAN_LIT(""), &empty, NULL);
}

void columns_release(struct columns *c)
{
    profile_free(c->p);
    intern_release(&c->strings);
    intern_release(&c->function_keys);
    intern_release(&c->location_keys);
    intern_release(&c->mapping_keys);
    intern_release(&c->comment_keys);
    columns_types_release(&c->types);
    columns_mappings_release(&c->mappings);
    columns_functions_release(&c->functions);
    columns_locations_release(&c->locations);
    columns_lines_release(&c->lines);
    columns_labels_release(&c->labels);
    vec_u32_release(&c->comments);
    vec_u32_release(&c->sample_off);
    vec_u32_release(&c->sample_locs);
    vec_u32_release(&c->label_off);
    vec_i64_release(&c->values);
    buf_release(&c->key);
    *c = (struct columns){0};
}

/* Index of `key` in `t`; `*is_new` when it was not there. */
static uint32_t index_of(struct columns *c, struct intern *t, struct span key,
                         bool *is_new)
{
    const size_t before = intern_count(t);
    uint32_t id = 0;
    *is_new = false;
    if (c->has_failed) {
        return 0;
    }
    if (!intern_add(t, key, &id, NULL)) {
        c->has_failed = true;
        return 0;
    }
    *is_new = intern_count(t) != before;
    return id;
}

static void keep(struct columns *c, bool ok)
{
    c->has_failed = c->has_failed || !ok;
}

str_id columns_string(struct columns *c, struct span text)
{
    bool is_new = false;
    return (str_id){index_of(c, &c->strings, text, &is_new)};
}

uint32_t columns_function(struct columns *c, const struct profile_function *f)
{
    struct {
        int64_t start_line;
        uint32_t name, system_name, file, zero;
    } key = {f->start_line, f->name.i, f->system_name.i, f->file.i, 0};
    bool is_new = false;
    const struct span bytes = {(const char *)&key, sizeof(key)};
    const uint32_t i = index_of(c, &c->function_keys, bytes, &is_new);
    if (is_new) {
        struct profile_function copy = *f;
        copy.id = (uint64_t)i + 1;
        keep(c, columns_functions_push(&c->functions, copy));
    }
    return i;
}

uint32_t columns_mapping(struct columns *c, struct span key,
                         const struct profile_mapping *m)
{
    bool is_new = false;
    const uint32_t i = index_of(c, &c->mapping_keys, key, &is_new);
    if (is_new) {
        struct profile_mapping copy = *m;
        copy.id = (uint64_t)i + 1;
        keep(c, columns_mappings_push(&c->mappings, copy));
    }
    return i;
}

static void add_location(struct columns *c, struct profile_location l,
                         const struct profile_line *lines, uint32_t n)
{
    l.first_line = (uint32_t)c->lines.n;
    l.n_lines = n;
    keep(c, columns_locations_push(&c->locations, l));
    for (uint32_t i = 0; i < n; i++) {
        keep(c, columns_lines_push(&c->lines, lines[i]));
    }
}

/* As in google/pprof, only the column of the outermost line tells locations
   apart. */
uint32_t columns_location(struct columns *c, const struct profile_location *l,
                          uint64_t key_address,
                          const struct profile_line *lines, uint32_t n)
{
    const struct {
        uint64_t address;
        uint32_t mapping, is_folded;
    } head = {key_address, l->mapping, l->is_folded};
    buf_clear(&c->key);
    buf_add(&c->key, &head, sizeof(head));
    for (uint32_t i = 0; i < n; i++) {
        const int64_t line[] = {lines[i].function, lines[i].line,
                                i + 1 == n ? lines[i].column : 0};
        buf_add(&c->key, line, sizeof(line));
    }
    keep(c, buf_ok(&c->key));
    bool is_new = false;
    const uint32_t i =
        index_of(c, &c->location_keys, buf_view(&c->key), &is_new);
    if (is_new) {
        struct profile_location copy = *l;
        copy.id = (uint64_t)i + 1;
        add_location(c, copy, lines, n);
    }
    return i;
}

void columns_sample(struct columns *c, const uint32_t *locs, size_t n_locs,
                    const int64_t *values, size_t n_values,
                    const struct profile_label *labels, size_t n_labels)
{
    if (c->has_failed || n_locs >= UINT32_MAX - c->sample_locs.n ||
        n_labels >= UINT32_MAX - c->labels.n ||
        !vec_u32_reserve(&c->sample_locs, c->sample_locs.n + n_locs) ||
        !vec_i64_reserve(&c->values, c->values.n + n_values) ||
        !columns_labels_reserve(&c->labels, c->labels.n + n_labels)) {
        c->has_failed = true;
        return;
    }
    for (size_t i = 0; i < n_locs; i++) {
        c->sample_locs.items[c->sample_locs.n++] = locs[i];
    }
    for (size_t i = 0; i < n_values; i++) {
        c->values.items[c->values.n++] = values[i];
    }
    for (size_t i = 0; i < n_labels; i++) {
        c->labels.items[c->labels.n++] = labels[i];
    }
    c->has_labels = c->has_labels || n_labels != 0;
    keep(c, vec_u32_push(&c->sample_off, (uint32_t)c->sample_locs.n));
    keep(c, vec_u32_push(&c->label_off, (uint32_t)c->labels.n));
}

/* Strings stay in the arena of their table, which moves along. */
static bool finish_strings(struct columns *c)
{
    struct profile *p = c->p;
    const size_t n = intern_count(&c->strings);
    p->strings = calloc(n, sizeof(*p->strings));
    if (p->strings == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct span s = intern_span(&c->strings, i);
        p->strings[i] = (struct profile_str){s.p, (uint32_t)s.len};
    }
    p->n_strings = (uint32_t)n;
    p->arena = c->strings.arena;
    c->strings.arena = (struct arena){0};
    return true;
}

static bool finish_comments(struct columns *c)
{
    struct profile *p = c->p;
    if (c->comments.n == 0) {
        return true;
    }
    p->comments = calloc(c->comments.n, sizeof(*p->comments));
    if (p->comments == NULL) {
        return false;
    }
    for (size_t i = 0; i < c->comments.n; i++) {
        p->comments[i] = (str_id){c->comments.items[i]};
    }
    p->n_comments = (uint32_t)c->comments.n;
    return true;
}

#define MOVE(c, p, column, field, count)                                       \
    do {                                                                       \
        (p)->field = (c)->column.items;                                        \
        (p)->count = (uint32_t)(c)->column.n;                                  \
        (c)->column.items = NULL;                                              \
        (c)->column.n = 0;                                                     \
        (c)->column.cap = 0;                                                   \
    } while (0)

static void finish_columns(struct columns *c)
{
    struct profile *p = c->p;
    MOVE(c, p, types, types, n_types);
    MOVE(c, p, mappings, mappings, n_mappings);
    MOVE(c, p, functions, functions, n_functions);
    MOVE(c, p, locations, locations, n_locations);
    MOVE(c, p, lines, lines, n_lines);
    MOVE(c, p, labels, labels, n_labels);
    p->n_samples = (uint32_t)c->sample_off.n - 1;
    p->sample_off = c->sample_off.items;
    c->sample_off = (struct vec_u32){0};
    p->sample_locs = c->sample_locs.items;
    c->sample_locs = (struct vec_u32){0};
    p->values = c->values.items;
    c->values = (struct vec_i64){0};
    if (c->has_labels) {
        p->label_off = c->label_off.items;
        c->label_off = (struct vec_u32){0};
    }
}

bool columns_finish(struct columns *c, struct profile **out, struct err *err)
{
    if (c->has_failed || !finish_strings(c) || !finish_comments(c)) {
        return err_nomem(err, "build profile");
    }
    finish_columns(c);
    *out = c->p;
    c->p = NULL;
    return true;
}
