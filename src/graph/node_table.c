/*
 * Which node each frame of each location is. Text is hashed once a function;
 * a frame is then a few numbers, and usually (nothing but the function left
 * by the granularity) not even hashed. A stack walk needs one number a
 * location, because most locations are one frame.
 */
#include "graph/graph_private.h"

#include "base/limits.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/banned.h"

/* Codes have two bits to spare. */
#define NODES_MAX (UINT32_C(1) << 30)

enum { FIRST_SLOTS = 64 };

/* Ids by hash, for what does not fit a pair_table. */
struct slots {
    uint32_t *ids; /* + 1; 0 = free */
    uint32_t n;
};

struct table_builder {
    struct node_table *t;
    const struct profile *p;
    const struct graph_options *o;
    unsigned n_trims;
    struct arena *arena;
    struct slots text_slots, key_slots;
    uint32_t n_hashed;    /* nodes in key_slots */
    uint32_t *text_of;    /* function -> text + 1; the last is of none */
    uint32_t *objfile_of; /* mapping -> objfile + 1 */
    struct vec_u32 plain; /* text -> node + 1 that has nothing else */
    struct intern objfiles;
    struct buf scratch;
    str_id last_file; /* of a function, and how it is shown */
    struct span last_shown;
};

/* --- Slots --- */

static bool slots_grow(struct slots *s)
{
    const uint32_t n = s->n != 0 ? s->n * 2 : FIRST_SLOTS;
    uint32_t *ids = n > s->n ? calloc(n, sizeof(*ids)) : NULL;
    if (!ids) {
        return false;
    }
    free(s->ids);
    *s = (struct slots){ids, n};
    return true;
}

static void slots_add(struct slots *s, uint64_t hash, uint32_t id)
{
    uint32_t i = (uint32_t)hash & (s->n - 1);
    while (s->ids[i] != 0) {
        i = (i + 1) & (s->n - 1);
    }
    s->ids[i] = id + 1;
}

/* --- Texts of functions --- */

static uint64_t hash_text(const struct node_text *t)
{
    const uint64_t parts[] = {
        XXH3_64bits(t->name.len ? t->name.p : "", t->name.len),
        XXH3_64bits(t->file.len ? t->file.p : "", t->file.len),
        (uint64_t)t->start_line,
    };
    return XXH3_64bits(parts, sizeof(parts));
}

static bool is_same_text(const struct node_text *a, const struct node_text *b)
{
    return a->hash == b->hash && a->start_line == b->start_line &&
           span_eq(a->name, b->name) && span_eq(a->file, b->file);
}

static bool grow_text_slots(struct table_builder *b)
{
    if (!slots_grow(&b->text_slots)) {
        return false;
    }
    for (size_t i = 0; i < b->t->texts.n; i++) {
        slots_add(&b->text_slots, b->t->texts.items[i].hash, (uint32_t)i);
    }
    return true;
}

static bool intern_text_class(struct table_builder *b, struct node_text text,
                              uint32_t *id)
{
    struct node_texts *all = &b->t->texts;
    if (all->n >= b->text_slots.n / 2 && !grow_text_slots(b)) {
        return false;
    }
    text.hash = hash_text(&text);
    const struct slots *s = &b->text_slots;
    uint32_t i = (uint32_t)text.hash & (s->n - 1);
    for (; s->ids[i] != 0; i = (i + 1) & (s->n - 1)) {
        *id = s->ids[i] - 1;
        if (is_same_text(&all->items[*id], &text)) {
            return true;
        }
    }
    *id = (uint32_t)all->n;
    s->ids[i] = *id + 1;
    return node_texts_push(all, text) && vec_u32_push(&b->plain, 0);
}

/* Borrowed from the profile or, when it had to be cleaned, from the arena. */
static bool show_file(struct table_builder *b, str_id id, struct span *file)
{
    if (id.i == b->last_file.i) {
        *file = b->last_shown;
        return true;
    }
    *file = profile_span(b->p, id);
    for (unsigned i = 0; i < b->n_trims; i++) {
        *file = graph_trim_path(*file, b->o->trim_path, b->o->source_path);
    }
    if (!path_is_clean(*file)) {
        buf_clear(&b->scratch);
        graph_clean_path(&b->scratch, *file);
        const struct span clean = buf_view(&b->scratch);
        const char *copy =
            buf_ok(&b->scratch) ? arena_strdup(b->arena, clean) : NULL;
        if (!copy) {
            return false;
        }
        *file = (struct span){copy, clean.len};
    }
    b->last_file = id;
    b->last_shown = *file;
    return true;
}

static bool find_text(struct table_builder *b, uint32_t function, uint32_t *id)
{
    const bool has_function = function != PROFILE_NONE;
    uint32_t *known = &b->text_of[has_function ? function : b->p->n_functions];
    if (*known == 0) {
        struct node_text text = {.name = SPAN_LIT(""), .file = SPAN_LIT("")};
        if (has_function) {
            const struct profile_function *f = &b->p->functions[function];
            text.name = profile_span(b->p, f->name);
            if (!show_file(b, f->file, &text.file)) {
                return false;
            }
            if (b->o->keeps_objfiles || text.name.len == 0) {
                text.start_line = f->start_line;
            }
        }
        if (!intern_text_class(b, text, id)) {
            return false;
        }
        *known = *id + 1;
    }
    *id = *known - 1;
    return true;
}

/* --- Binaries --- */

/* 0 is "". */
static bool find_objfile(struct table_builder *b, uint32_t mapping,
                         uint32_t *id)
{
    *id = 0;
    if (mapping == PROFILE_NONE) {
        return true;
    }
    uint32_t *known = &b->objfile_of[mapping];
    if (*known == 0) {
        const struct span file =
            profile_span(b->p, b->p->mappings[mapping].file);
        if (!intern_add(&b->objfiles, file, id, NULL)) {
            return false;
        }
        b->t->objfiles[*id] = file;
        *known = *id + 1;
    }
    *id = *known - 1;
    return true;
}

/* --- Nodes --- */

static uint64_t hash_key(const struct node_key *key)
{
    return XXH3_64bits(key, sizeof(*key));
}

/* Nothing but a text: such nodes never meet the hash. */
static bool is_plain(const struct node_key *key)
{
    return key->objfile == 0 && key->address == 0 && key->line == 0 &&
           key->column == 0;
}

static bool grow_key_slots(struct table_builder *b)
{
    if (!slots_grow(&b->key_slots)) {
        return false;
    }
    for (size_t i = 0; i < b->t->keys.n; i++) {
        const struct node_key *key = &b->t->keys.items[i];
        if (!is_plain(key)) {
            slots_add(&b->key_slots, hash_key(key), (uint32_t)i);
        }
    }
    return true;
}

static bool add_node(struct table_builder *b, const struct node_key *key,
                     uint32_t *node)
{
    *node = (uint32_t)b->t->keys.n;
    return *node < NODES_MAX && node_keys_push(&b->t->keys, *key);
}

static bool find_node(struct table_builder *b, const struct node_key *key,
                      uint32_t *node)
{
    const struct node_keys *all = &b->t->keys;
    if (b->n_hashed >= b->key_slots.n / 2 && !grow_key_slots(b)) {
        return false;
    }
    const struct slots *s = &b->key_slots;
    uint32_t i = (uint32_t)hash_key(key) & (s->n - 1);
    for (; s->ids[i] != 0; i = (i + 1) & (s->n - 1)) {
        *node = s->ids[i] - 1;
        if (memcmp(&all->items[*node], key, sizeof(*key)) == 0) {
            return true;
        }
    }
    if (!add_node(b, key, node)) {
        return false;
    }
    s->ids[i] = *node + 1;
    b->n_hashed++;
    return true;
}

static bool find_plain_node(struct table_builder *b, const struct node_key *key,
                            uint32_t *node)
{
    uint32_t *known = &b->plain.items[key->text];
    if (*known == 0) {
        if (!add_node(b, key, node)) {
            return false;
        }
        *known = *node + 1;
    }
    *node = *known - 1;
    return true;
}

/* The node of one frame; `line` is NULL for a location without lines. */
static bool find_frame(struct table_builder *b,
                       const struct profile_location *l,
                       const struct profile_line *line, uint32_t *node)
{
    struct node_key key = {.address = l->address};
    const uint32_t function = line ? line->function : PROFILE_NONE;
    if (!find_text(b, function, &key.text)) {
        return false;
    }
    if (line && function != PROFILE_NONE) {
        key.line = line->line;
        key.column = line->column;
    }
    const bool is_named = b->t->texts.items[key.text].name.len != 0;
    if ((b->o->keeps_objfiles || !is_named) &&
        !find_objfile(b, l->mapping, &key.objfile)) {
        return false;
    }
    return is_plain(&key) ? find_plain_node(b, &key, node)
                          : find_node(b, &key, node);
}

/* --- The table --- */

static bool add_location(struct table_builder *b, uint32_t location)
{
    struct frame_table *f = &b->t->frames;
    const struct profile_location *l = &b->p->locations[location];
    const struct profile_line *lines = b->p->lines + l->first_line;
    if (l->n_lines < 2) {
        return find_frame(b, l, l->n_lines == 1 ? lines : NULL,
                          &f->codes[location]);
    }
    f->codes[location] = FRAMES_SEVERAL | f->n_ranges;
    f->ranges[f->n_ranges++] = (struct line_range){f->n_nodes, l->n_lines};
    for (uint32_t k = 0; k < l->n_lines; k++) {
        if (!find_frame(b, l, &lines[k], &f->nodes[f->n_nodes++])) {
            return false;
        }
    }
    return true;
}

/* Memory for `n` items, also when that is 0. */
static void *new_array(size_t n, size_t unit)
{
    return calloc(n + 1, unit);
}

static bool start(struct table_builder *b)
{
    size_t n_ranges = 0;
    size_t n_nodes = 0;
    for (uint32_t i = 0; i < b->p->n_locations; i++) {
        const uint32_t n = b->p->locations[i].n_lines;
        n_ranges += n > 1;
        n_nodes += n > 1 ? n : 0;
    }
    struct frame_table *f = &b->t->frames;
    f->codes = new_array(b->p->n_locations, sizeof(*f->codes));
    f->ranges = new_array(n_ranges, sizeof(*f->ranges));
    f->nodes = new_array(n_nodes, sizeof(*f->nodes));
    b->t->objfiles =
        new_array((size_t)b->p->n_mappings + 1, sizeof(*b->t->objfiles));
    b->text_of = new_array(b->p->n_functions, sizeof(*b->text_of));
    b->objfile_of = new_array(b->p->n_mappings, sizeof(*b->objfile_of));
    uint32_t empty = 0;
    return f->codes && f->ranges && f->nodes && b->t->objfiles && b->text_of &&
           b->objfile_of &&
           intern_add(&b->objfiles, SPAN_LIT(""), &empty, NULL);
}

static void table_builder_release(struct table_builder *b)
{
    free(b->text_slots.ids);
    free(b->key_slots.ids);
    free(b->text_of);
    free(b->objfile_of);
    vec_u32_release(&b->plain);
    intern_release(&b->objfiles);
    buf_release(&b->scratch);
}

bool node_table_build(struct node_table *t, const struct profile *p,
                      const struct graph_options *o, unsigned n_trims,
                      struct arena *arena, struct err *err)
{
    if ((uint64_t)p->n_locations + p->n_lines >= NODES_MAX) {
        return err_set(err, ERR_LIMIT, "graph: %u locations of %u lines",
                       p->n_locations, p->n_lines);
    }
    struct table_builder b = {
        .t = t,
        .p = p,
        .o = o,
        .n_trims = n_trims,
        .arena = arena,
        .scratch = BUF_LIMIT(LIMIT_INFLATED_BYTES),
        .last_shown = SPAN_LIT(""),
    };
    bool ok = start(&b);
    for (uint32_t i = 0; ok && i < p->n_locations; i++) {
        ok = add_location(&b, i);
    }
    table_builder_release(&b);
    return ok || err_nomem(err, "graph");
}

void node_table_release(struct node_table *t)
{
    node_keys_release(&t->keys);
    node_texts_release(&t->texts);
    free(t->objfiles);
    free(t->frames.codes);
    free(t->frames.ranges);
    free(t->frames.nodes);
    *t = (struct node_table){0};
}

struct graph_info node_table_info(const struct node_table *t, uint32_t node)
{
    const struct node_key *key = &t->keys.items[node];
    const struct node_text *text = &t->texts.items[key->text];
    return (struct graph_info){
        .name = text->name,
        .file = text->file,
        .objfile = t->objfiles[key->objfile],
        .address = key->address,
        .start_line = text->start_line,
        .line = key->line,
        .column = key->column,
    };
}
