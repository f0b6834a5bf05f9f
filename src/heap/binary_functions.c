/*
 * Functions by pc from pclntab, which every Go program has: its own tracebacks
 * need it. Tables of values by pc are deltas: of the value (zigzag), of the pc,
 * until a value delta of zero. Where there is no pclntab (a simulated
 * program), debugging information knows the name.
 */
#include "heap/binary_functions_private.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* --- the header --- */

static uint64_t table_word(const struct function_table *t, unsigned i,
                           const struct binary *b)
{
    const uint64_t at = 8 + (uint64_t)i * b->pointer_bytes;
    return at + b->pointer_bytes <= t->bytes
               ? number_at(t->p + at, b->pointer_bytes, b->is_big_endian)
               : 0;
}

bool binary_read_functions(struct binary *b)
{
    struct function_table *t = &b->functions;
    if (t->version == 0) {
        return false;
    }
    t->p = binary_at(b, b->places.function_table, &t->bytes);
    if (t->p == NULL) {
        return false;
    }
    const unsigned skip = t->version >= 18 ? 1 : 0; /* textStart */
    t->quantum = t->p[6];
    t->n_functions = table_word(t, 0, b);
    t->n_files = table_word(t, 1, b);
    if (b->places.text == 0 && skip) {
        b->places.text = table_word(t, 2, b);
    }
    t->names = table_word(t, 2 + skip, b);
    t->units = table_word(t, 3 + skip, b);
    t->files = table_word(t, 4 + skip, b);
    t->tables = table_word(t, 5 + skip, b);
    t->functions = table_word(t, 6 + skip, b);
    t->entry_bytes = t->version >= 18 ? 4 : b->pointer_bytes;
    const bool ok =
        t->names < t->bytes && t->units < t->bytes && t->files < t->bytes &&
        t->tables < t->bytes && t->functions < t->bytes &&
        t->n_functions < (t->bytes - t->functions) / (2ULL * t->entry_bytes);
    if (ok) {
        b->parts |= BINARY_FUNCTIONS;
    }
    return ok;
}

/* --- small readings --- */

uint64_t table_number(const struct binary *b, uint64_t at, unsigned bytes)
{
    const struct function_table *t = &b->functions;
    return at <= t->bytes && bytes <= t->bytes - at
               ? number_at(t->p + at, bytes, b->is_big_endian)
               : 0;
}

const char *table_text(const struct function_table *t, uint64_t base,
                       uint64_t offset)
{
    if (offset >= t->bytes - base) {
        return NULL;
    }
    const char *p = (const char *)t->p + base + offset;
    const uint64_t left = t->bytes - base - offset;
    return memchr(p, '\0',
                  (size_t)(left < LIMIT_NAME_BYTES ? left : LIMIT_NAME_BYTES))
               ? p
               : NULL;
}

/* --- functions --- */

uint64_t function_entry(const struct binary *b, uint64_t i)
{
    const struct function_table *t = &b->functions;
    const uint64_t v =
        table_number(b, t->functions + i * 2 * t->entry_bytes, t->entry_bytes);
    return t->version >= 18 ? b->places.text + v : v;
}

/* In front of the counts: pc, name, arguments, deferreturn, pcsp, pcfile,
   pcln, number of pcdata, unit; since 1.20 the first line. */
bool function_at(const struct binary *b, uint64_t i, struct function_row *out)
{
    const struct function_table *t = &b->functions;
    const uint64_t offset = table_number(
        b, t->functions + (2 * i + 1) * t->entry_bytes, t->entry_bytes);
    const uint64_t at = t->functions + offset;
    if (i >= t->n_functions || offset >= t->bytes - t->functions) {
        return false;
    }
    const uint64_t head = at + t->entry_bytes;
    const uint64_t counts = head + 32 + (t->version >= 20 ? 4 : 0);
    *out = (struct function_row){
        .entry = function_entry(b, i),
        .end = function_entry(b, i + 1),
        .name = table_number(b, head, 4),
        .files = table_number(b, head + 16, 4),
        .lines = table_number(b, head + 20, 4),
        .n_pcdata = table_number(b, head + 24, 4),
        .unit = table_number(b, head + 28, 4),
        .first_line = t->version >= 20 ? table_number(b, head + 32, 4) : 0,
        .n_funcdata = table_number(b, counts + 3, 1),
        .pcdata = counts + 4,
    };
    return out->end > out->entry && out->n_pcdata < 64;
}

bool function_index(const struct binary *b, uint64_t pc, uint64_t *index)
{
    const struct function_table *t = &b->functions;
    if (!(b->parts & BINARY_FUNCTIONS) || t->n_functions == 0 ||
        pc < function_entry(b, 0) || pc >= function_entry(b, t->n_functions)) {
        return false;
    }
    uint64_t low = 0, high = t->n_functions;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (function_entry(b, middle) <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *index = low > 0 ? low - 1 : 0;
    return low > 0;
}

/* --- values by pc --- */

struct pc_values pc_values_of(const struct binary *b, uint64_t table,
                              uint64_t entry)
{
    const struct function_table *t = &b->functions;
    struct pc_values v = {.pc = entry, .value = -1, .quantum = t->quantum};
    if (table != 0 && table < t->bytes - t->tables) {
        v.p = t->p + t->tables + table;
        v.end = t->p + t->bytes;
    }
    return v;
}

static bool next_varint(struct pc_values *v, uint32_t *out)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35 && v->p < v->end; shift += 7) {
        const uint8_t byte = *v->p++;
        value |= shift < 32 ? (uint32_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool pc_values_next(struct pc_values *v)
{
    uint32_t value = 0, pc = 0;
    const bool is_first = !v->has_begun;
    v->has_begun = true;
    if (v->p == NULL || !next_varint(v, &value) || (value == 0 && !is_first) ||
        !next_varint(v, &pc)) {
        v->p = NULL;
        return false;
    }
    const uint32_t delta = (value & 1) ? ~(value >> 1) : value >> 1;
    v->value = (int32_t)((uint32_t)v->value + delta);
    v->pc += (uint64_t)pc * v->quantum;
    return true;
}

bool pc_value_at(const struct binary *b, uint64_t table, uint64_t entry,
                 uint64_t pc, int32_t *out)
{
    struct pc_values v = pc_values_of(b, table, entry);
    while (pc_values_next(&v)) {
        if (pc < v.pc) {
            *out = v.value;
            return true;
        }
    }
    return false;
}

const char *file_name(const struct binary *b, const struct function_row *f,
                      int32_t number)
{
    const struct function_table *t = &b->functions;
    if (number < 0) {
        return NULL;
    }
    const uint64_t at = t->units + 4 * (f->unit + (uint64_t)number);
    const uint64_t offset = table_number(b, at, 4);
    return offset != UINT32_MAX ? table_text(t, t->files, offset) : NULL;
}

/* --- what others ask --- */

/* As Go prints names: type arguments, which are shapes, left out. */
const char *printed_function(struct binary *b, const char *name)
{
    const char *open = name ? strchr(name, '[') : NULL;
    const char *close = open ? strrchr(open, ']') : NULL;
    if (close == NULL || strncmp(open, "[...]", 5) == 0) {
        return name;
    }
    char text[LIMIT_FUNCTION_NAME];
    struct err err;
    uint32_t id = 0;
    const int n = snprintf(text, sizeof(text), "%.*s[...]%s",
                           (int)(open - name), name, close + 1);
    if (n < 0 || (size_t)n >= sizeof(text)) {
        return name;
    }
    const struct span s = {text, (size_t)n};
    return intern_add(&b->printed, s, &id, &err) ? intern_text(&b->printed, id)
                                                 : name;
}

static bool from_dwarf(struct binary *b, uint64_t pc, const char **name,
                       uint64_t *entry)
{
    const struct dwarf_function *f = dwarf_function_of(b, pc);
    Dwarf_Die at;
    Dwarf_Attribute a;
    if (f == NULL ||
        b->lib.dwarf_offdie(b->dwarf.dwarf, f->offset, &at) == NULL ||
        b->lib.dwarf_attr(&at, DW_AT_name, &a) == NULL) {
        return false;
    }
    *name = printed_function(b, b->lib.dwarf_formstring(&a));
    *entry = f->low + b->bias;
    return *name != NULL;
}

bool binary_function(struct binary *b, uint64_t pc, const char **name,
                     const char **file, uint64_t *line, uint64_t *entry)
{
    const uint64_t at = pc - b->bias;
    struct function_row f;
    uint64_t index = 0;
    int32_t value = 0;
    *name = *file = NULL;
    *line = *entry = 0;
    if (!function_index(b, at, &index) || !function_at(b, index, &f)) {
        return from_dwarf(b, at, name, entry);
    }
    *name = printed_function(
        b, table_text(&b->functions, b->functions.names, f.name));
    *entry = f.entry + b->bias;
    if (pc_value_at(b, f.files, f.entry, at, &value)) {
        *file = file_name(b, &f, value);
    }
    if (pc_value_at(b, f.lines, f.entry, at, &value) && value > 0) {
        *line = (uint64_t)value;
    }
    return *name != NULL;
}
