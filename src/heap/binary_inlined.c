/*
 * Calls that the compiler inlined: each function has a tree of them, and a
 * table that says for each pc in which of them it is. The tree says where in
 * the function the call stood, so that the table is asked again for who called.
 */
#include "heap/binary_functions_private.h"

#include "base/banned.h"

enum { PCDATA_INLINE_INDEX = 2, FUNCDATA_INLINE_TREE = 3 };

/* --- the tree --- */

static uint64_t tree_address(const struct binary *b,
                             const struct function_row *f)
{
    const unsigned version = b->functions.version;
    uint64_t at = f->pcdata + 4 * f->n_pcdata;
    if (f->n_funcdata <= FUNCDATA_INLINE_TREE) {
        return 0;
    }
    if (version < 18) {
        at = (at + b->pointer_bytes - 1) / b->pointer_bytes * b->pointer_bytes;
        return table_number(
            b, at + (uint64_t)FUNCDATA_INLINE_TREE * b->pointer_bytes,
            b->pointer_bytes);
    }
    const uint64_t offset =
        table_number(b, at + 4ULL * FUNCDATA_INLINE_TREE, 4);
    return offset != UINT32_MAX && b->places.functions_data != 0
               ? b->places.functions_data + offset
               : 0;
}

struct inline_tree inline_tree_of(const struct binary *b,
                                  const struct function_row *f)
{
    struct inline_tree t = {.address = tree_address(b, f)};
    if (t.address != 0 && f->n_pcdata > PCDATA_INLINE_INDEX) {
        t.indices = table_number(b, f->pcdata + 4ULL * PCDATA_INLINE_INDEX, 4);
    }
    return t;
}

/* A number of an entry: it had its file and line as well before Go 1.20. */
static uint32_t entry_number(const struct binary *b,
                             const struct inline_tree *t, int32_t index,
                             uint64_t offset, uint64_t old_offset)
{
    enum { ENTRY_BYTES = 16, OLD_ENTRY_BYTES = 20 };
    const bool is_old = b->functions.version < 20;
    const uint64_t entry =
        t->address + (uint64_t)index * (is_old ? OLD_ENTRY_BYTES : ENTRY_BYTES);
    return (uint32_t)binary_number(b, entry + (is_old ? old_offset : offset),
                                   4);
}

uint32_t inlined_name(const struct binary *b, const struct inline_tree *t,
                      int32_t index)
{
    return entry_number(b, t, index, 4, 12);
}

/* --- calls at a pc --- */

static void fill_call(struct binary *b, const struct function_row *f,
                      uint64_t pc, uint64_t name, struct go_call *out)
{
    const struct function_table *t = &b->functions;
    int32_t value = 0;
    *out = (struct go_call){
        .function = printed_function(b, table_text(t, t->names, name))};
    if (pc_value_at(b, f->files, f->entry, pc, &value)) {
        out->file = file_name(b, f, value);
    }
    if (pc_value_at(b, f->lines, f->entry, pc, &value) && value > 0) {
        out->line = (uint64_t)value;
    }
}

size_t binary_calls(struct binary *b, uint64_t pc,
                    struct go_call out[GO_CALLS_MAX])
{
    struct function_row f;
    uint64_t index = 0;
    uint64_t at = pc - b->bias;
    size_t n = 0;
    if (!function_index(b, at, &index) || !function_at(b, index, &f)) {
        uint64_t entry = 0;
        return binary_function(b, pc, &out[0].function, &out[0].file,
                               &out[0].line, &entry);
    }
    const struct inline_tree tree = inline_tree_of(b, &f);
    int32_t inlined = -1;
    /* Without end only where it is damaged: the last place is the function's.
     */
    while (n + 1 < GO_CALLS_MAX &&
           pc_value_at(b, tree.indices, f.entry, at, &inlined) &&
           inlined >= 0) {
        fill_call(b, &f, at, inlined_name(b, &tree, inlined), &out[n]);
        if (out[n].function == NULL) {
            break;
        }
        n++;
        at = f.entry + entry_number(b, &tree, inlined, 8, 16);
    }
    fill_call(b, &f, at, f.name, &out[n]);
    return out[n].function ? n + 1 : 0;
}
