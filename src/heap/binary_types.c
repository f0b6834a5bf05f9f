/*
 * The table of types: ids in order of arrival, names to ids, addresses of the
 * runtime's records to ids. Types never move, so that what was borrowed stays
 * valid while more are read.
 */
#include "heap/binary_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- addresses to ids --- */

static uint32_t slot_of(const struct address_map *m, uint64_t address)
{
    /* Fibonacci hashing: addresses differ in their middle bits. */
    const uint64_t hash = address * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & (m->n_slots - 1);
    while (m->slots[i].address != 0 && m->slots[i].address != address) {
        i = (i + 1) & (m->n_slots - 1);
    }
    return i;
}

static bool grow(struct address_map *m)
{
    enum { FIRST = 256 };
    if (m->n_slots >= (UINT32_C(1) << 30)) {
        return false;
    }
    struct address_map bigger = {.n_slots = m->n_slots ? 2 * m->n_slots : FIRST,
                                 .n = m->n};
    bigger.slots = calloc(bigger.n_slots, sizeof(bigger.slots[0]));
    if (bigger.slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->slots[i].address != 0) {
            bigger.slots[slot_of(&bigger, m->slots[i].address)] = m->slots[i];
        }
    }
    free(m->slots);
    *m = bigger;
    return true;
}

bool address_map_put(struct address_map *m, uint64_t address, uint32_t id)
{
    if (address == 0) {
        return true;
    }
    if (m->n >= m->n_slots / 2 && !grow(m)) {
        return false;
    }
    struct address_slot *s = &m->slots[slot_of(m, address)];
    m->n += s->address == 0 ? 1 : 0;
    *s = (struct address_slot){address, id};
    return true;
}

bool address_map_find(const struct address_map *m, uint64_t address,
                      uint32_t *id)
{
    if (address == 0 || m->n_slots == 0) {
        return false;
    }
    const struct address_slot *s = &m->slots[slot_of(m, address)];
    if (s->address == 0) {
        return false;
    }
    *id = s->id;
    return true;
}

void address_map_release(struct address_map *m)
{
    free(m->slots);
    *m = (struct address_map){0};
}

/* --- types --- */

struct go_type *binary_type_of(const struct binary *b, type_id t)
{
    if (t.i >= b->types.n) {
        return NULL;
    }
    return &b->types.chunks.items[t.i / TYPES_PER_CHUNK][t.i % TYPES_PER_CHUNK];
}

bool binary_type_add(struct binary *b, const struct go_type *t, type_id *id,
                     struct err *err)
{
    struct binary_types *types = &b->types;
    if (types->n >= LIMIT_TYPES) {
        return err_set(err, ERR_LIMIT, "above %u types", LIMIT_TYPES);
    }
    if (types->n % TYPES_PER_CHUNK == 0) {
        struct go_type *chunk =
            arena_new(&b->arena, struct go_type, TYPES_PER_CHUNK);
        if (chunk == NULL || !type_chunks_push(&types->chunks, chunk)) {
            return err_nomem(err, "types");
        }
    }
    *id = (type_id){types->n++};
    *binary_type_of(b, *id) = *t;
    return true;
}

/* A type that the runtime knows, and that is none of a shape, goes in front of
   its namesakes. */
static unsigned preference(const struct go_type *t)
{
    return (t->runtime_type != 0 ? 2U : 0U) +
           (strstr(t->name, "go.shape.") == NULL ? 1U : 0U);
}

bool binary_type_name(struct binary *b, const char *name, type_id t,
                      struct err *err)
{
    uint32_t name_id = 0;
    struct vec_u32 *of_name = &b->types.of_name;
    if (!intern_add(&b->types.names, span_of(name), &name_id, err)) {
        return false;
    }
    if (name_id == of_name->n) {
        return vec_u32_push(of_name, t.i) || err_nomem(err, "types");
    }
    const struct go_type *before =
        binary_type_of(b, (type_id){of_name->items[name_id]});
    if (preference(binary_type_of(b, t)) > preference(before)) {
        of_name->items[name_id] = t.i;
    }
    return true;
}

/* --- names --- */

static bool is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || strchr("._-~/+%@$!", c) != NULL ||
           (unsigned char)c >= 0x80;
}

/* "%2e": how linkers write what is no letter of a last element. */
static bool is_escape(const char *p)
{
    return p[0] == '%' && p[1] != '\0' && p[2] != '\0';
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static char *put_char(char *out, const char **p)
{
    if (is_escape(*p) && hex((*p)[1]) >= 0 && hex((*p)[2]) >= 0) {
        *out = (char)(hex((*p)[1]) * 16 + hex((*p)[2]));
        *p += 3;
    } else {
        *out = **p;
        *p += 1;
    }
    return out + 1;
}

/* A tag of a field is a quoted text and stays. */
static char *put_quoted(char *out, const char **p)
{
    bool is_first = true;
    for (; **p != '\0' && (is_first || **p != '"'); is_first = false) {
        if (**p == '\\' && (*p)[1] != '\0') {
            *out++ = *(*p)++;
        }
        *out++ = *(*p)++;
    }
    if (**p == '"') {
        *out++ = *(*p)++;
    }
    return out;
}

const char *short_type_name(struct binary *b, const char *name)
{
    size_t n = strlen(name);
    if (n > LIMIT_NAME_BYTES) {
        n = LIMIT_NAME_BYTES;
    }
    char *copy = arena_strdup(&b->arena, (struct span){name, n});
    if (copy == NULL || (strchr(copy, '/') == NULL && !strchr(copy, '%'))) {
        return copy;
    }
    char *out = copy, *word = copy;
    const char *p = copy;
    while (*p != '\0') {
        if (*p == '"') {
            out = put_quoted(out, &p);
            word = out;
        } else if (*p == '/') {
            out = word;
            p++;
        } else if (strncmp(p, "...", 3) == 0) {
            memmove(out, p, 3);
            p += 3;
            out += 3;
            word = out;
        } else {
            const bool is_path = is_path_char(*p);
            out = put_char(out, &p);
            word = is_path ? word : out;
        }
    }
    *out = '\0';
    return copy;
}

/* --- what others ask --- */

const struct go_type *binary_type(const struct binary *b, type_id t)
{
    return binary_type_of(b, t);
}

size_t binary_n_types(const struct binary *b)
{
    return b->types.n;
}

type_id binary_type_named(const struct binary *b, const char *name)
{
    uint32_t id = 0;
    return intern_find(&b->types.names, span_of(name), &id)
               ? (type_id){b->types.of_name.items[id]}
               : TYPE_NONE;
}
