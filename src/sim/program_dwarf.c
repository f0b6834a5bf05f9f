/*
 * Debug information as Go's linker writes it, version 4. Types are found by
 * their text: whoever mentions one gets its number, and types are written
 * until no new one is mentioned; references are filled in at the end.
 */
#include "sim/program_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- numbers of the format --- */

enum {
    TAG_ARRAY = 0x01,
    TAG_MEMBER = 0x0d,
    TAG_POINTER = 0x0f,
    TAG_UNIT = 0x11,
    TAG_STRUCT = 0x13,
    TAG_SUBROUTINE_TYPE = 0x15,
    TAG_TYPEDEF = 0x16,
    TAG_SUBRANGE = 0x21,
    TAG_BASE = 0x24,
    TAG_SUBPROGRAM = 0x2e,
    TAG_VARIABLE = 0x34,

    AT_LOCATION = 0x02,
    AT_NAME = 0x03,
    AT_BYTE_SIZE = 0x0b,
    AT_LOW_PC = 0x11,
    AT_HIGH_PC = 0x12,
    AT_LANGUAGE = 0x13,
    AT_PRODUCER = 0x25,
    AT_COUNT = 0x37,
    AT_MEMBER_LOCATION = 0x38,
    AT_ENCODING = 0x3e,
    AT_EXTERNAL = 0x3f,
    AT_TYPE = 0x49,
    AT_GO_KIND = 0x2900,
    AT_GO_KEY = 0x2901,
    AT_GO_ELEM = 0x2902,
    AT_GO_RUNTIME_TYPE = 0x2904,

    FORM_ADDR = 0x01,
    FORM_DATA8 = 0x07,
    FORM_STRING = 0x08,
    FORM_DATA1 = 0x0b,
    FORM_FLAG = 0x0c,
    FORM_UDATA = 0x0f,
    FORM_REF_ADDR = 0x10,
    FORM_EXPRLOC = 0x18,

    OP_ADDR = 0x03,
    LANGUAGE_GO = 0x16,
    ENCODING_BOOLEAN = 0x02,
    ENCODING_SIGNED = 0x05,
    ENCODING_UNSIGNED = 0x07,
    KIND_UNSAFE_POINTER = 26,
    FUNCTION_BYTES = 0x400,
    ATTRIBUTES_MAX = 7
};

/* Kinds of entries; the number in the file is one more. */
enum abbrev {
    UNIT,
    SUBPROGRAM,
    VARIABLE,
    BASE,
    POINTER,
    BARE_POINTER,
    FUNC,
    STRUCT,
    SLICE,
    MEMBER,
    ARRAY,
    SUBRANGE,
    MAP,
    CHAN,
    INTERFACE,
    N_ABBREVS
};

static const struct {
    unsigned tag;
    bool has_children;
    struct {
        unsigned at, form;
    } attributes[ATTRIBUTES_MAX];
} abbrevs[N_ABBREVS] = {
    [UNIT] = {TAG_UNIT,
              true,  {{AT_NAME, FORM_STRING},
               {AT_LANGUAGE, FORM_DATA1},
               {AT_PRODUCER, FORM_STRING},
               {AT_LOW_PC, FORM_ADDR}}               },
    [SUBPROGRAM] = {TAG_SUBPROGRAM,
              false, {{AT_NAME, FORM_STRING},
                     {AT_LOW_PC, FORM_ADDR},
                     {AT_HIGH_PC, FORM_ADDR},
                     {AT_EXTERNAL, FORM_FLAG}}      },
    [VARIABLE] = {TAG_VARIABLE,
              false, {{AT_NAME, FORM_STRING},
                   {AT_LOCATION, FORM_EXPRLOC},
                   {AT_TYPE, FORM_REF_ADDR},
                   {AT_EXTERNAL, FORM_FLAG}}        },
    [BASE] = {TAG_BASE,
              false, {{AT_NAME, FORM_STRING},
               {AT_ENCODING, FORM_DATA1},
               {AT_BYTE_SIZE, FORM_UDATA},
               {AT_GO_KIND, FORM_DATA1},
               {AT_GO_RUNTIME_TYPE, FORM_ADDR}}     },
    [POINTER] = {TAG_POINTER,
              false, {{AT_NAME, FORM_STRING},
                  {AT_TYPE, FORM_REF_ADDR},
                  {AT_GO_KIND, FORM_DATA1},
                  {AT_GO_RUNTIME_TYPE, FORM_ADDR}}  },
    [BARE_POINTER] = {TAG_POINTER,
              false, {{AT_NAME, FORM_STRING}, {AT_GO_KIND, FORM_DATA1}} },
    [FUNC] = {TAG_SUBROUTINE_TYPE,
              false, {{AT_NAME, FORM_STRING},
               {AT_GO_KIND, FORM_DATA1},
               {AT_GO_RUNTIME_TYPE, FORM_ADDR}}     },
    [STRUCT] = {TAG_STRUCT,
              true,  {{AT_NAME, FORM_STRING},
                 {AT_BYTE_SIZE, FORM_UDATA},
                 {AT_GO_KIND, FORM_DATA1},
                 {AT_GO_RUNTIME_TYPE, FORM_ADDR}}    },
    [SLICE] = {TAG_STRUCT,
              true,  {{AT_NAME, FORM_STRING},
                {AT_BYTE_SIZE, FORM_UDATA},
                {AT_GO_KIND, FORM_DATA1},
                {AT_GO_RUNTIME_TYPE, FORM_ADDR},
                {AT_GO_ELEM, FORM_REF_ADDR}}         },
    [MEMBER] = {TAG_MEMBER,
              false, {{AT_NAME, FORM_STRING},
                 {AT_MEMBER_LOCATION, FORM_UDATA},
                 {AT_TYPE, FORM_REF_ADDR}}          },
    [ARRAY] = {TAG_ARRAY,
              true,  {{AT_NAME, FORM_STRING},
                {AT_TYPE, FORM_REF_ADDR},
                {AT_BYTE_SIZE, FORM_UDATA},
                {AT_GO_KIND, FORM_DATA1},
                {AT_GO_RUNTIME_TYPE, FORM_ADDR}}     },
    [SUBRANGE] = {TAG_SUBRANGE,
              false, {{AT_TYPE, FORM_REF_ADDR}, {AT_COUNT, FORM_UDATA}} },
    [MAP] = {TAG_TYPEDEF,
              false, {{AT_NAME, FORM_STRING},
              {AT_TYPE, FORM_REF_ADDR},
              {AT_GO_KIND, FORM_DATA1},
              {AT_GO_RUNTIME_TYPE, FORM_ADDR},
              {AT_GO_KEY, FORM_REF_ADDR},
              {AT_GO_ELEM, FORM_REF_ADDR}}          },
    [CHAN] = {TAG_TYPEDEF,
              false, {{AT_NAME, FORM_STRING},
               {AT_TYPE, FORM_REF_ADDR},
               {AT_GO_KIND, FORM_DATA1},
               {AT_GO_RUNTIME_TYPE, FORM_ADDR},
               {AT_GO_ELEM, FORM_REF_ADDR}}         },
    [INTERFACE] = {TAG_TYPEDEF,
              false, {{AT_NAME, FORM_STRING},
                    {AT_TYPE, FORM_REF_ADDR},
                    {AT_GO_KIND, FORM_DATA1},
                    {AT_GO_RUNTIME_TYPE, FORM_ADDR}}},
};

/* --- bytes --- */

struct fixup {
    size_t at; /* in the section: four bytes */
    uint32_t type;
};
VEC_TYPE(fixups, struct fixup)

struct dwarf {
    const struct sim_layout_of_program *l;
    struct buf *b;
    struct intern types; /* by text; ids in the order of first mention */
    struct vec_u32 type_at;
    struct fixups fixups;
    struct arena arena;
    struct err *err;
    bool has_failed;
};

static void put_uleb(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_char(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_char(b, (char)v);
}

static void put_text(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s) + 1);
}

static void put_abbrev(struct dwarf *d, enum abbrev a)
{
    put_uleb(d->b, (uint64_t)a + 1);
}

/* A reference to the type of that text. */
static void put_type(struct dwarf *d, const char *text)
{
    struct fixup f = {.at = d->b->len};
    sim_put(d->b, 0, 4);
    if (!text || d->has_failed ||
        !intern_add(&d->types, span_of(text), &f.type, d->err) ||
        !fixups_push(&d->fixups, f)) {
        d->has_failed = true;
    }
}

static void write_abbrevs(struct buf *b)
{
    for (unsigned i = 0; i < N_ABBREVS; i++) {
        put_uleb(b, (uint64_t)i + 1);
        put_uleb(b, abbrevs[i].tag);
        buf_char(b, abbrevs[i].has_children ? 1 : 0);
        for (unsigned k = 0; k < ATTRIBUTES_MAX && abbrevs[i].attributes[k].at;
             k++) {
            put_uleb(b, abbrevs[i].attributes[k].at);
            put_uleb(b, abbrevs[i].attributes[k].form);
        }
        put_uleb(b, 0);
        put_uleb(b, 0);
    }
    put_uleb(b, 0);
}

/* --- types --- */

static const struct {
    const char *name;
    uint8_t bytes, encoding, kind;
} base_types[] = {
    {"bool",    1, ENCODING_BOOLEAN,  1 },
    {"int",     8, ENCODING_SIGNED,   2 },
    {"uint8",   1, ENCODING_UNSIGNED, 8 },
    {"uint16",  2, ENCODING_UNSIGNED, 9 },
    {"uint32",  4, ENCODING_UNSIGNED, 10},
    {"uint64",  8, ENCODING_UNSIGNED, 11},
    {"uintptr", 8, ENCODING_UNSIGNED, 12},
};
enum { N_BASE_TYPES = sizeof(base_types) / sizeof(base_types[0]) };

/* Members of what the runtime is made of. $K and $V are the key's and the
   element's type; types are told by how their name begins. */
static const struct {
    const char *start;
    uint32_t bytes; /* 0: by its members */
    const char *name, *type;
    uint32_t offset;
} runtime_members[] = {
    {"string",          16,  "str",         "*uint8",                0 },
    {"string",          16,  "len",         "int",                   8 },
    {"runtime.eface",   16,  "_type",       "unsafe.Pointer",        0 },
    {"runtime.eface",   16,  "data",        "unsafe.Pointer",        8 },
    {"runtime.iface",   16,  "tab",         "unsafe.Pointer",        0 },
    {"runtime.iface",   16,  "data",        "unsafe.Pointer",        8 },
    {"runtime.g",       440, "_panic",      "unsafe.Pointer",        32},
    {"runtime.g",       440, "_defer",      "unsafe.Pointer",        40},
    {"runtime.g",       440, "m",           "unsafe.Pointer",        48},
    {"list.List",       48,  "root",        "list.Element",          0 },
    {"list.List",       48,  "len",         "int",                   40},
    {"hchan<",          96,  "qcount",      "int",                   0 },
    {"hchan<",          96,  "dataqsiz",    "int",                   8 },
    {"hchan<",          96,  "buf",         "unsafe.Pointer",        16},
    {"hash<",           48,  "count",       "int",                   0 },
    {"hash<",           48,  "flags",       "uint8",                 8 },
    {"hash<",           48,  "B",           "uint8",                 9 },
    {"hash<",           48,  "noverflow",   "uint16",                10},
    {"hash<",           48,  "hash0",       "uint32",                12},
    {"hash<",           48,  "buckets",     "*bucket<$K,$V>",        16},
    {"hash<",           48,  "oldbuckets",  "*bucket<$K,$V>",        24},
    {"hash<",           48,  "nevacuate",   "uintptr",               32},
    {"hash<",           48,  "extra",       "unsafe.Pointer",        40},
    {"map<",            48,  "used",        "uint64",                0 },
    {"map<",            48,  "seed",        "uintptr",               8 },
    {"map<",            48,  "dirPtr",      "**table<$K,$V>",        16},
    {"map<",            48,  "dirLen",      "int",                   24},
    {"map<",            48,  "globalDepth", "uint8",                 32},
    {"map<",            48,  "globalShift", "uint8",                 33},
    {"map<",            48,  "writing",     "uint8",                 34},
    {"map<",            48,  "clearSeq",    "uint64",                40},
    {"table<",          32,  "used",        "uint16",                0 },
    {"table<",          32,  "capacity",    "uint16",                2 },
    {"table<",          32,  "growthLeft",  "uint16",                4 },
    {"table<",          32,  "localDepth",  "uint8",                 6 },
    {"table<",          32,  "index",       "int",                   8 },
    {"table<",          32,  "groups",      "groupReference<$K,$V>", 16},
    {"groupReference<", 16,  "data",        "*group<$K,$V>",         0 },
    {"groupReference<", 16,  "lengthMask",  "uint64",                8 },
};
enum { N_RUNTIME = sizeof(runtime_members) / sizeof(runtime_members[0]) };

/* Of "map[K]V" (close ']') or "hash<K,V>" (close ','). */
static struct sim_pair pair_of(struct dwarf *d, const char *text, char open,
                               char close)
{
    const struct sim_pair p = sim_pair_of(&d->arena, text, open, close);
    d->has_failed = d->has_failed || !p.key || !p.elem;
    return p.key && p.elem ? p : (struct sim_pair){"int", "int"};
}

static const struct sim_type *find_struct(const struct dwarf *d,
                                          const char *text)
{
    for (size_t i = 0; i < d->l->types.n; i++) {
        if (strcmp(d->l->types.items[i].name, text) == 0) {
            return &d->l->types.items[i];
        }
    }
    return NULL;
}

/* Is `text` the type of that row: whole, or up to its '<'? */
static bool is_runtime_row(size_t row, const char *text)
{
    const char *start = runtime_members[row].start;
    const size_t n = strlen(start);
    return start[n - 1] == '<' ? strncmp(text, start, n) == 0
                               : strcmp(text, start) == 0;
}

static uint64_t base_bytes(const struct dwarf *d, const char *text)
{
    return sim_type_bytes(d->l, text);
}

static uint64_t runtime_type(const struct dwarf *d, const char *text)
{
    const struct sim_type *t = find_struct(d, text);
    const uint64_t at = t ? t->address : sim_layout_type(d->l, text);
    return at ? at - d->l->types_start : 0;
}

static void put_member(struct dwarf *d, const char *name, const char *type,
                       uint64_t offset)
{
    put_abbrev(d, MEMBER);
    put_text(d->b, name);
    put_uleb(d->b, offset);
    put_type(d, type);
}

static void put_struct(struct dwarf *d, const char *text, uint64_t bytes,
                       unsigned kind)
{
    put_abbrev(d, STRUCT);
    put_text(d->b, text);
    put_uleb(d->b, bytes);
    sim_put(d->b, kind, 1);
    sim_put(d->b, runtime_type(d, text), 8);
}

/* "*bucket<$K,$V>" with the pair put in. */
static const char *filled_in(struct dwarf *d, const char *form,
                             struct sim_pair p)
{
    const char *open = strchr(form, '<');
    if (!open) {
        return form;
    }
    return arena_printf(&d->arena, "%.*s<%s,%s>", (int)(open - form), form,
                        p.key, p.elem);
}

/* A struct of the runtime; false when it is none. */
static bool put_runtime_struct(struct dwarf *d, const char *text)
{
    size_t row = 0;
    while (row < N_RUNTIME && !is_runtime_row(row, text)) {
        row++;
    }
    if (row == N_RUNTIME) {
        return false;
    }
    const struct sim_pair pair = pair_of(d, text, '<', ',');
    put_struct(d, text, runtime_members[row].bytes,
               strcmp(text, "string") == 0 ? (unsigned)SIM_GO_STRING
               : strchr(text, '<')         ? 0
                                           : (unsigned)SIM_GO_STRUCT);
    for (; row < N_RUNTIME && is_runtime_row(row, text); row++) {
        put_member(d, runtime_members[row].name,
                   filled_in(d, runtime_members[row].type, pair),
                   runtime_members[row].offset);
    }
    put_uleb(d->b, 0);
    return true;
}

/* bucket<K,V> and group<K,V>, whose size depends on the pair. */
static bool put_pairs(struct dwarf *d, const char *text)
{
    enum { SLOTS = 8, WORD = 8 };
    const bool is_bucket = strncmp(text, "bucket<", 7) == 0;
    const bool is_group = strncmp(text, "group<", 6) == 0;
    const bool is_slot = strncmp(text, "slot<", 5) == 0;
    if (!is_bucket && !is_group && !is_slot) {
        return false;
    }
    const struct sim_pair p = pair_of(d, text, '<', ',');
    const uint64_t key = base_bytes(d, p.key);
    const uint64_t elem = base_bytes(d, p.elem);
    if (is_slot) {
        put_struct(d, text, key + elem, 0);
        put_member(d, "key", p.key, 0);
        put_member(d, "elem", p.elem, key);
    } else if (is_group) {
        put_struct(d, text, WORD + SLOTS * (key + elem), 0);
        put_member(d, "ctrl", "uint64", 0);
        put_member(d, "slots",
                   arena_printf(&d->arena, "[8]slot<%s,%s>", p.key, p.elem),
                   WORD);
    } else {
        put_struct(d, text, 2 * (uint64_t)WORD + SLOTS * (key + elem), 0);
        put_member(d, "tophash", "[8]uint8", 0);
        put_member(d, "keys", arena_printf(&d->arena, "[8]%s", p.key), WORD);
        put_member(d, "values", arena_printf(&d->arena, "[8]%s", p.elem),
                   WORD + SLOTS * key);
        put_member(d, "overflow", "unsafe.Pointer",
                   WORD + SLOTS * (key + elem));
    }
    put_uleb(d->b, 0);
    return true;
}

/* "[8]T" */
static void put_array(struct dwarf *d, const char *text)
{
    const char *elem = strchr(text, ']') + 1;
    char *end = NULL;
    const uint64_t n = strtoull(text + 1, &end, 10);
    uint64_t bytes = base_bytes(d, elem);
    if (strncmp(elem, "slot<", 5) == 0) {
        const struct sim_pair p = pair_of(d, elem, '<', ',');
        bytes = base_bytes(d, p.key) + base_bytes(d, p.elem);
    }
    put_abbrev(d, ARRAY);
    put_text(d->b, text);
    put_type(d, elem);
    put_uleb(d->b, n * bytes);
    sim_put(d->b, SIM_GO_ARRAY, 1);
    sim_put(d->b, runtime_type(d, text), 8);
    put_abbrev(d, SUBRANGE);
    put_type(d, "int");
    put_uleb(d->b, n);
    put_uleb(d->b, 0);
}

static void put_slice(struct dwarf *d, const char *text)
{
    enum { SLICE_BYTES = 24 };
    put_abbrev(d, SLICE);
    put_text(d->b, text);
    put_uleb(d->b, SLICE_BYTES);
    sim_put(d->b, SIM_GO_SLICE, 1);
    sim_put(d->b, runtime_type(d, text), 8);
    put_type(d, text + 2);
    put_member(d, "array", arena_printf(&d->arena, "*%s", text + 2), 0);
    put_member(d, "len", "int", 8);
    put_member(d, "cap", "int", 16);
    put_uleb(d->b, 0);
}

static void put_map(struct dwarf *d, const char *text)
{
    const struct sim_pair p = pair_of(d, text, '[', ']');
    const bool is_swiss = d->l->world->options.go >= SIM_GO_1_24;
    put_abbrev(d, MAP);
    put_text(d->b, text);
    put_type(d, arena_printf(&d->arena, "*%s<%s,%s>", is_swiss ? "map" : "hash",
                             p.key, p.elem));
    sim_put(d->b, SIM_GO_MAP, 1);
    sim_put(d->b, runtime_type(d, text), 8);
    put_type(d, p.key);
    put_type(d, p.elem);
}

static void put_named(struct dwarf *d, enum abbrev a, const char *text,
                      const char *type, unsigned kind)
{
    put_abbrev(d, a);
    put_text(d->b, text);
    put_type(d, type);
    sim_put(d->b, kind, 1);
    sim_put(d->b, runtime_type(d, text), 8);
}

static void put_chan(struct dwarf *d, const char *text)
{
    const char *elem = text + sizeof("chan ") - 1;
    put_named(d, CHAN, text, arena_printf(&d->arena, "*hchan<%s>", elem),
              SIM_GO_CHAN);
    put_type(d, elem);
}

/* A struct of the program, or a name whose definition we do not have. */
static void put_program_struct(struct dwarf *d, const char *text)
{
    const struct sim_type *t = find_struct(d, text);
    bool is_global = false;
    for (size_t i = 0; !t && i < d->l->globals.n; i++) {
        is_global = is_global || strcmp(d->l->globals.items[i].type, text) == 0;
    }
    put_struct(d, text, sim_type_bytes(d->l, text), SIM_GO_STRUCT);
    for (uint32_t i = 0; t && i < t->n_fields; i++) {
        const struct sim_field *f = &d->l->fields.items[t->first_field + i];
        put_member(d, f->name, f->type, f->offset);
    }
    if (is_global) {
        put_member(d, "items", "[]unsafe.Pointer", 0);
    }
    put_uleb(d->b, 0);
}

static bool put_base(struct dwarf *d, const char *text)
{
    for (size_t i = 0; i < N_BASE_TYPES; i++) {
        if (strcmp(base_types[i].name, text) == 0) {
            put_abbrev(d, BASE);
            put_text(d->b, text);
            sim_put(d->b, base_types[i].encoding, 1);
            put_uleb(d->b, base_types[i].bytes);
            sim_put(d->b, base_types[i].kind, 1);
            sim_put(d->b, runtime_type(d, text), 8);
            return true;
        }
    }
    return false;
}

static void put_by_kind(struct dwarf *d, const char *text)
{
    switch (sim_go_kind_of(text).kind) {
    case SIM_GO_POINTER:
        put_named(d, POINTER, text, text + 1, SIM_GO_POINTER);
        break;
    case SIM_GO_UNSAFE_POINTER:
        put_abbrev(d, BARE_POINTER);
        put_text(d->b, text);
        sim_put(d->b, KIND_UNSAFE_POINTER, 1);
        break;
    case SIM_GO_SLICE:
        put_slice(d, text);
        break;
    case SIM_GO_MAP:
        put_map(d, text);
        break;
    case SIM_GO_CHAN:
        put_chan(d, text);
        break;
    case SIM_GO_FUNC:
        put_abbrev(d, FUNC);
        put_text(d->b, text);
        sim_put(d->b, SIM_GO_FUNC, 1);
        sim_put(d->b, runtime_type(d, text), 8);
        break;
    case SIM_GO_INTERFACE:
        put_named(d, INTERFACE, text,
                  strcmp(text, "interface {}") == 0 ? "runtime.eface"
                                                    : "runtime.iface",
                  SIM_GO_INTERFACE);
        break;
    default:
        put_program_struct(d, text);
        break;
    }
}

static void write_types(struct dwarf *d)
{
    for (uint32_t i = 0; i < intern_count(&d->types) && !d->has_failed; i++) {
        const char *text = intern_text(&d->types, i);
        d->has_failed = !vec_u32_push(&d->type_at, (uint32_t)d->b->len);
        if (text[0] == '[' && text[1] != ']') {
            put_array(d, text);
        } else if (!put_base(d, text) && !put_runtime_struct(d, text) &&
                   !put_pairs(d, text)) {
            put_by_kind(d, text);
        }
    }
}

static void fill_references(struct dwarf *d)
{
    for (size_t i = 0; i < d->fixups.n && buf_ok(d->b); i++) {
        const struct fixup *f = &d->fixups.items[i];
        const uint32_t at = d->type_at.items[f->type];
        for (unsigned k = 0; k < 4; k++) {
            d->b->data[f->at + k] = (char)(at >> (8 * k));
        }
    }
}

/* --- units --- */

struct span sim_package_of(const char *symbol)
{
    const char *slash = strrchr(symbol, '/');
    const char *dot = strchr(slash ? slash : symbol, '.');
    return (struct span){symbol, dot ? (size_t)(dot - symbol) : strlen(symbol)};
}

/* Returns where its length goes. */
static size_t begin_unit(struct dwarf *d, const char *package)
{
    enum { DWARF_VERSION = 4, ADDRESS_BYTES = 8 };
    const size_t at = d->b->len;
    sim_put(d->b, 0, 4);
    sim_put(d->b, DWARF_VERSION, 2);
    sim_put(d->b, 0, 4);
    sim_put(d->b, ADDRESS_BYTES, 1);
    put_abbrev(d, UNIT);
    put_text(d->b, package);
    sim_put(d->b, LANGUAGE_GO, 1);
    buf_printf(d->b, "Go cmd/compile %s; regabi",
               sim_go_full(d->l->world->options.go));
    buf_char(d->b, '\0');
    sim_put(d->b, d->l->text, 8);
    return at;
}

static void end_unit(struct dwarf *d, size_t at)
{
    put_uleb(d->b, 0);
    const size_t n = d->b->len - at - 4;
    for (unsigned k = 0; k < 4 && buf_ok(d->b); k++) {
        d->b->data[at + k] = (char)(n >> (8 * k));
    }
}

static void write_function(struct dwarf *d, const struct sim_function *f)
{
    put_abbrev(d, SUBPROGRAM);
    put_text(d->b, f->name);
    sim_put(d->b, f->entry, 8);
    sim_put(d->b, f->entry + FUNCTION_BYTES, 8);
    sim_put(d->b, 1, 1);
}

static void write_variable(struct dwarf *d, const struct sim_global *g)
{
    put_abbrev(d, VARIABLE);
    put_text(d->b, g->name);
    put_uleb(d->b, 9);
    sim_put(d->b, OP_ADDR, 1);
    sim_put(d->b, g->address, 8);
    put_type(d, g->n_parts == 1
                    ? g->type
                    : arena_printf(&d->arena, "[%u]%s", g->n_parts, g->type));
    sim_put(d->b, 1, 1);
}

/* Functions and globals of one package. */
static void write_package(struct dwarf *d, struct span package)
{
    const struct sim_functions *f = &d->l->world->code.functions;
    for (size_t i = 0; i < f->n; i++) {
        if (span_eq(sim_package_of(f->items[i].name), package)) {
            write_function(d, &f->items[i]);
        }
    }
    for (size_t i = 0; i < d->l->globals.n; i++) {
        if (span_eq(sim_package_of(d->l->globals.items[i].name), package)) {
            write_variable(d, &d->l->globals.items[i]);
        }
    }
}

static bool find_packages(const struct dwarf *d, struct intern *packages,
                          struct err *err)
{
    uint32_t id = 0;
    const struct sim_functions *f = &d->l->world->code.functions;
    bool ok = intern_add(packages, SPAN_LIT("runtime"), &id, err);
    for (size_t i = 0; ok && i < f->n; i++) {
        ok = intern_add(packages, sim_package_of(f->items[i].name), &id, err);
    }
    for (size_t i = 0; ok && i < d->l->globals.n; i++) {
        ok = intern_add(packages, sim_package_of(d->l->globals.items[i].name),
                        &id, err);
    }
    return ok;
}

static void write_units(struct dwarf *d, const struct intern *packages)
{
    /* All others first, so that the one with the types knows all of them. */
    for (uint32_t i = 1; i <= intern_count(packages); i++) {
        const uint32_t id = i < intern_count(packages) ? i : 0;
        const size_t at = begin_unit(d, intern_text(packages, id));
        write_package(d, intern_span(packages, id));
        if (id == 0) {
            for (size_t k = 0; k < d->l->types.n; k++) {
                uint32_t type = 0;
                d->has_failed =
                    d->has_failed ||
                    !intern_add(&d->types, span_of(d->l->types.items[k].name),
                                &type, d->err);
            }
            write_types(d);
        }
        end_unit(d, at);
    }
}

bool sim_dwarf_write(const struct sim_layout_of_program *l, struct buf *abbrev,
                     struct buf *info, struct err *err)
{
    struct dwarf d = {.l = l, .b = info, .err = err};
    struct intern packages = {0};
    write_abbrevs(abbrev);
    bool ok = find_packages(&d, &packages, err);
    if (ok) {
        write_units(&d, &packages);
        ok = !d.has_failed && !d.arena.has_failed;
        if (ok) {
            fill_references(&d);
        } else {
            ok = err_nomem(err, "debug information");
        }
    }
    intern_release(&packages);
    intern_release(&d.types);
    vec_u32_release(&d.type_at);
    fixups_release(&d.fixups);
    arena_release(&d.arena);
    return ok;
}
