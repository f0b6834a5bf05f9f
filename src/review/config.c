/*
 * From the tree of `.seep.yml` to its meaning: one row for each key that
 * exists, with what reads its value.
 */
#include "review/config.h"

#include "base/dates.h"
#include "base/nearest.h"
#include "base/num.h"
#include "base/vec.h"
#include "review/yaml_tree_private.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

VEC_TYPE(suppression_list, struct suppression)
VEC_TYPE(path_map_list, struct path_map)

struct reading {
    const char *name;
    struct yaml_tree tree;
    struct config *config;
    struct err *err;
};

/* A value, its key, and the struct that its row writes into. */
struct value {
    struct reading *reading;
    const struct yaml_node *node;
    const char *key;
    void *base;
};

typedef bool value_fn(const struct value *v, void *field);

struct key_row {
    const char *name;
    size_t offset; /* of the field */
    value_fn *read;
};

static bool nomem(const struct reading *r)
{
    return err_nomem(r->err, "configuration");
}

/* ".seep.yml:12: expires: no such day". */
static bool wrong(const struct value *v, const char *what)
{
    return err_set(v->reading->err, ERR_FORMAT, "%s:%zu: %s: %s",
                   v->reading->name, v->node->line, v->key, what);
}

/* --- values --- */

static bool is_scalar(const struct value *v)
{
    return v->node->kind == YAML_TREE_SCALAR;
}

static bool read_text(const struct value *v, void *field)
{
    if (!is_scalar(v) || *v->node->text == '\0') {
        return wrong(v, "a text is wanted");
    }
    *(const char **)field = v->node->text;
    return true;
}

/* A pattern: no name that people write is as long. */
static bool read_pattern(const struct value *v, void *field)
{
    enum { PATTERN_BYTES = 1024 };
    if (!read_text(v, field)) {
        return false;
    }
    return strlen(v->node->text) <= PATTERN_BYTES ||
           wrong(v, "longer than 1024 bytes");
}

static bool read_grade(const struct value *v, void *field)
{
    static const char *const words[] = {"proven", "strong", "suspect", "growth",
                                        "never"};
    for (size_t i = 0; is_scalar(v) && i < sizeof(words) / sizeof(*words);
         i++) {
        if (strcmp(v->node->text, words[i]) == 0) {
            *(const char **)field = words[i];
            return true;
        }
    }
    return wrong(v, "proven, strong, suspect, growth or never is wanted");
}

/* YAML 1.1's "yes" and "on" are texts here, as in YAML 1.2. */
static bool read_bool(const struct value *v, void *field)
{
    const bool is_true = is_scalar(v) && strcmp(v->node->text, "true") == 0;
    if (!is_true && (!is_scalar(v) || strcmp(v->node->text, "false") != 0)) {
        return wrong(v, "true or false is wanted");
    }
    *(int *)field = is_true;
    return true;
}

static bool read_bytes(const struct value *v, void *field)
{
    uint64_t n = 0;
    if (!is_scalar(v) || !num_parse_bytes(span_of(v->node->text), &n)) {
        return wrong(v, "a size such as 8MiB is wanted");
    }
    *(double *)field = (double)n;
    return true;
}

static bool read_count(const struct value *v, void *field)
{
    uint64_t n = 0;
    if (!is_scalar(v) || !num_parse_u64(span_of(v->node->text), &n)) {
        return wrong(v, "a whole number is wanted");
    }
    *(double *)field = (double)n;
    return true;
}

/* "10%" or "0.1". */
static bool read_ratio(const struct value *v, void *field)
{
    double ratio = 0;
    struct span text = is_scalar(v) ? span_of(v->node->text) : SPAN_LIT("");
    const bool is_percent = span_ends(text, "%");
    text = span_trim(span_first(text, text.len - is_percent));
    if (!num_parse_double(text, &ratio) || !isfinite(ratio) || ratio < 0) {
        return wrong(v, "a ratio such as 10% or 0.1 is wanted");
    }
    if (!is_percent && ratio >= 1) {
        return wrong(v, "1 and more needs a percent sign, such as 20%");
    }
    *(double *)field = is_percent ? ratio / 100 : ratio;
    return true;
}

static bool read_date(const struct value *v, void *field)
{
    struct suppression *s = v->base;
    if (!is_scalar(v) || !date_parse(span_of(v->node->text), &s->expires_day)) {
        return wrong(v, "a day such as 2026-12-31 is wanted");
    }
    *(const char **)field = v->node->text;
    return true;
}

static bool read_id(const struct value *v, void *field)
{
    uint64_t id = 0;
    const struct span text =
        is_scalar(v) ? span_of(v->node->text) : SPAN_LIT("");
    if (text.len != 16 || !num_parse_hex(text, &id)) {
        return wrong(v, "an id has 16 hex digits");
    }
    *(const char **)field = text.p;
    return true;
}

/* A rule that does not exist would silently accept nothing. */
static bool read_rule(const struct value *v, void *field)
{
    enum { NAMES_MAX = 128 };
    if (!read_pattern(v, field)) {
        return false;
    }
    if (strchr(v->node->text, '*') != NULL || rules_find(v->node->text)) {
        return true;
    }
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    const char *names[NAMES_MAX];
    n = n < NAMES_MAX ? n : NAMES_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = all[i]->id;
    }
    const char *nearest = words_nearest(v->node->text, names, n);
    return err_set(v->reading->err, ERR_FORMAT,
                   "%s:%zu: no rule '%s'%s%s%s; seep rules lists them",
                   v->reading->name, v->node->line, v->node->text,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?" : "");
}

/* The next child of `parent` behind `at` (0: the first), 0 for none. */
static size_t next_child(const struct yaml_tree *t, size_t parent, size_t at)
{
    const size_t next = at == 0 ? parent + 1 : t->nodes[at].end;
    return next < t->nodes[parent].end ? next : 0;
}

static size_t index_of(const struct value *v)
{
    return (size_t)(v->node - v->reading->tree.nodes);
}

static bool read_frames(const struct value *v, void *field)
{
    const struct yaml_tree *t = &v->reading->tree;
    struct suppression *s = v->base;
    const size_t list = index_of(v);
    const char **names = arena_new(&v->reading->config->arena, const char *,
                                   t->nodes[list].end - list);
    if (names == NULL) {
        return nomem(v->reading);
    }
    if (v->node->kind != YAML_TREE_SEQUENCE || next_child(t, list, 0) == 0) {
        return wrong(v, "a list of functions, leaf first, is wanted");
    }
    for (size_t i = 0; (i = next_child(t, list, i)) != 0;) {
        const struct value item = {v->reading, &t->nodes[i], v->key, v->base};
        if (!is_scalar(&item) || *item.node->text == '\0') {
            return wrong(v, "a list of functions, leaf first, is wanted");
        }
        if (!read_pattern(&item, &names[s->n_stack++])) {
            return false;
        }
    }
    *(const char *const **)field = names;
    return true;
}

/* --- mappings --- */

/* '-' and '_' are the same in keys. */
static bool is_key(const char *key, const char *name)
{
    size_t i = 0;
    while (key[i] != '\0' &&
           (key[i] == '_' ? '-' : key[i]) == (name[i] == '_' ? '-' : name[i])) {
        i++;
    }
    return key[i] == '\0' && name[i] == '\0';
}

static bool unknown_key(const struct reading *r, const struct yaml_node *key,
                        const struct key_row *rows, size_t n_rows)
{
    enum { KEYS_MAX = 16 };
    const char *names[KEYS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < n_rows && n < KEYS_MAX; i++) {
        names[n++] = rows[i].name;
    }
    const char *nearest = words_nearest(key->text, names, n);
    return err_set(r->err, ERR_FORMAT, "%s:%zu: unknown key '%s'%s%s%s",
                   r->name, key->line, key->text,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "",
                   nearest ? "'?" : "");
}

static bool read_mapping(struct reading *r, size_t mapping,
                         const struct key_row *rows, size_t n_rows, void *base)
{
    const struct yaml_tree *t = &r->tree;
    for (size_t k = 0; (k = next_child(t, mapping, k)) != 0;) {
        const struct yaml_node *key = &t->nodes[k];
        size_t row = 0;
        while (row < n_rows && !is_key(key->text, rows[row].name)) {
            row++;
        }
        if (row == n_rows) {
            return unknown_key(r, key, rows, n_rows);
        }
        k = next_child(t, mapping, k);
        const struct value v = {r, &t->nodes[k], rows[row].name, base};
        if (!rows[row].read(&v, (char *)base + rows[row].offset)) {
            return false;
        }
    }
    return true;
}

/* --- path-map --- */

static bool add_map(const struct value *v, struct path_map_list *list,
                    struct span from, struct span to)
{
    struct arena *arena = &v->reading->config->arena;
    if (from.len == 0) {
        return wrong(v, "FROM=TO is wanted, such as /home/ci/src=.");
    }
    const struct path_map map = {arena_strdup(arena, from),
                                 arena_strdup(arena, to)};
    return (map.from != NULL && map.to != NULL &&
            path_map_list_push(list, map)) ||
           nomem(v->reading);
}

/* A list of FROM=TO, or a mapping. */
static bool read_map_items(const struct value *v, struct path_map_list *list)
{
    const struct yaml_tree *t = &v->reading->tree;
    const size_t parent = index_of(v);
    const bool is_mapping = v->node->kind == YAML_TREE_MAPPING;
    if (v->node->kind == YAML_TREE_SCALAR) {
        return wrong(v, "a list of FROM=TO is wanted");
    }
    for (size_t i = 0; (i = next_child(t, parent, i)) != 0;) {
        const struct value item = {v->reading, &t->nodes[i], v->key, v->base};
        if (!is_scalar(&item)) {
            return wrong(&item, "a list of FROM=TO is wanted");
        }
        const struct span text = span_of(item.node->text);
        struct span from = text;
        struct span to = {NULL, 0};
        if (is_mapping) {
            i = next_child(t, parent, i);
            if (t->nodes[i].kind != YAML_TREE_SCALAR) {
                return wrong(&item, "a list of FROM=TO is wanted");
            }
            to = span_of(t->nodes[i].text);
        } else {
            const size_t at = span_find_char(text, '=');
            from = at < text.len ? span_first(text, at) : to;
            to = span_from(text, at + 1);
        }
        if (!add_map(&item, list, from, to)) {
            return false;
        }
    }
    return true;
}

/* What was collected, in the arena. */
static bool keep_items(struct reading *r, const void *items, size_t n,
                       size_t unit, const void **out)
{
    void *kept =
        arena_alloc(&r->config->arena, n + 1, unit, _Alignof(max_align_t));
    if (kept == NULL) {
        return nomem(r);
    }
    if (n > 0) {
        memcpy(kept, items, n * unit);
    }
    *out = kept;
    return true;
}

static bool read_maps(const struct value *v, void *field)
{
    struct path_map_list list = {.n = 0};
    const void *kept = NULL;
    const bool ok =
        read_map_items(v, &list) &&
        keep_items(v->reading, list.items, list.n, sizeof(*list.items), &kept);
    *(const struct path_map **)field = kept;
    v->reading->config->n_maps = list.n;
    path_map_list_release(&list);
    return ok;
}

/* --- suppressions --- */

#define FIELD(member) offsetof(struct suppression, member)
/* clang-format off */
static const struct key_row suppression_rows[] = {
    {"rule",           FIELD(rule),           read_rule},
    {"id",             FIELD(id),             read_id},
    {"top",            FIELD(top),            read_pattern},
    {"any",            FIELD(any),            read_pattern},
    {"created_by",     FIELD(created_by),     read_pattern},
    {"stack",          FIELD(stack),          read_frames},
    {"target",         FIELD(target),         read_pattern},
    {"max_bytes",      FIELD(max_bytes),      read_bytes},
    {"max_goroutines", FIELD(max_goroutines), read_count},
    {"reason",         FIELD(reason),         read_text},
    {"issue",          FIELD(issue),          read_text},
    {"expires",        FIELD(expires),        read_date},
};
/* clang-format on */
#undef FIELD

/* Does it ask for anything? "*" and "*.*" fit whatever there is. */
static bool is_narrow(const char *pattern)
{
    return pattern != NULL && strpbrk(pattern, "abcdefghijklmnopqrstuvwxyz"
                                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                               "0123456789") != NULL;
}

static bool is_stack_narrow(const struct suppression *s)
{
    for (size_t i = 0; i < s->n_stack; i++) {
        if (is_narrow(s->stack[i])) {
            return true;
        }
    }
    return false;
}

/* A row without anything to match would accept all. */
static bool check_suppression(const struct value *v,
                              const struct suppression *s)
{
    if (!s->rule && !s->id && !s->top && !s->any && !s->created_by &&
        !s->stack) {
        return wrong(v, "one of rule, id, top, any, created_by and stack is "
                        "wanted");
    }
    if (!is_narrow(s->rule) && !s->id && !is_narrow(s->top) &&
        !is_narrow(s->any) && !is_narrow(s->created_by) &&
        !is_stack_narrow(s)) {
        return wrong(v, "stars alone would accept every finding; fail-on: "
                        "never is the key for that");
    }
    return s->reason != NULL ||
           wrong(v, "a reason is wanted: why is this acceptable?");
}

static bool read_suppression(const struct value *v, struct suppression *out)
{
    struct reading *r = v->reading;
    *out = (struct suppression){.max_bytes = NAN, .max_goroutines = NAN};
    if (v->node->kind != YAML_TREE_MAPPING) {
        return wrong(v, "a mapping with rule, top, reason, ... is wanted");
    }
    out->place =
        arena_printf(&r->config->arena, "%s:%zu", r->name, v->node->line);
    if (out->place == NULL) {
        return nomem(r);
    }
    return read_mapping(r, index_of(v), suppression_rows,
                        sizeof(suppression_rows) / sizeof(*suppression_rows),
                        out) &&
           check_suppression(v, out);
}

static bool read_suppression_items(const struct value *v,
                                   struct suppression_list *list)
{
    const struct yaml_tree *t = &v->reading->tree;
    const size_t parent = index_of(v);
    if (v->node->kind != YAML_TREE_SEQUENCE) {
        return wrong(v, "a list is wanted");
    }
    for (size_t i = 0; (i = next_child(t, parent, i)) != 0;) {
        struct suppression s;
        const struct value item = {v->reading, &t->nodes[i], v->key, v->base};
        if (!read_suppression(&item, &s)) {
            return false;
        }
        if (!suppression_list_push(list, s)) {
            return nomem(v->reading);
        }
    }
    return true;
}

static bool read_suppressions(const struct value *v, void *field)
{
    struct suppression_list list = {.n = 0};
    const void *kept = NULL;
    const bool ok =
        read_suppression_items(v, &list) &&
        keep_items(v->reading, list.items, list.n, sizeof(*list.items), &kept);
    *(const struct suppression **)field = kept;
    v->reading->config->n_suppressions = list.n;
    suppression_list_release(&list);
    return ok;
}

/* --- the file --- */

#define FIELD(member) offsetof(struct config, member)
/* clang-format off */
static const struct key_row config_rows[] = {
    {"module",         FIELD(module),         read_text},
    {"fail-on",        FIELD(fail_on),        read_grade},
    {"only-new",       FIELD(only_new),       read_bool},
    {"baseline",       FIELD(baseline),       read_text},
    {"min-bytes",      FIELD(min_bytes),      read_bytes},
    {"min-goroutines", FIELD(min_goroutines), read_count},
    {"min-growth",     FIELD(min_growth),     read_ratio},
    {"path-map",       FIELD(maps),           read_maps},
    {"suppressions",   FIELD(suppressions),   read_suppressions},
};
/* clang-format on */
#undef FIELD

static void config_clear(struct config *c)
{
    *c = (struct config){.min_bytes = NAN,
                         .min_goroutines = NAN,
                         .min_growth = NAN,
                         .only_new = -1};
}

void config_release(struct config *c)
{
    arena_release(&c->arena);
    config_clear(c);
}

static bool read_root(struct reading *r)
{
    /* Nothing but comments, or "null", sets nothing. */
    if (r->tree.n == 0 || (r->tree.nodes[0].kind == YAML_TREE_SCALAR &&
                           *r->tree.nodes[0].text == '\0')) {
        return true;
    }
    if (r->tree.nodes[0].kind != YAML_TREE_MAPPING) {
        return err_set(r->err, ERR_FORMAT, "%s:%zu: a mapping is wanted",
                       r->name, r->tree.nodes[0].line);
    }
    return read_mapping(r, 0, config_rows,
                        sizeof(config_rows) / sizeof(*config_rows), r->config);
}

bool config_read(struct span text, const char *name, struct config *out,
                 struct err *err)
{
    config_clear(out);
    struct reading r = {.name = name, .config = out, .err = err};
    const bool ok =
        yaml_tree_read(text, name, &out->arena, &r.tree, err) && read_root(&r);
    if (!ok) {
        config_release(out);
    }
    return ok;
}
