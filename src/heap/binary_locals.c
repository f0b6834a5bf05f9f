/*
 * Local variables of a frame that lie in its memory at a pc: spilled values,
 * whole or in pieces, of the function and of what was inlined into it. What is
 * in registers, or nowhere any more, is passed over. The frame base of Go's
 * functions is the canonical frame address, which is where a dumped frame
 * ends.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

/* Blocks and inlined calls inside of each other. */
enum { SCOPES_MAX = 64, PIECES_MAX = 64, NESTING_MAX = 64 };

struct locals {
    struct binary *b;
    uint64_t pc; /* of the call, one byte before what it returns to */
    uint64_t frame_bytes;
    bool (*take)(void *ctx, const struct go_local *l, struct err *err);
    void *ctx;
};

/* --- places --- */

struct piece {
    bool is_in_frame;
    int64_t offset; /* from the frame base */
    uint64_t bytes; /* 0: all of the variable */
};

/* Reads one location, up to the piece's end; false for what we do not know. */
static bool read_piece(const Dwarf_Op *ops, size_t n, size_t *at,
                       struct piece *out)
{
    *out = (struct piece){0};
    while (*at < n) {
        const Dwarf_Op *op = &ops[(*at)++];
        if (op->atom == DW_OP_piece) {
            out->bytes = op->number;
            return op->number > 0;
        }
        if (op->atom == DW_OP_fbreg) {
            out->is_in_frame = true;
            out->offset = (int64_t)op->number;
        } else if (op->atom == DW_OP_call_frame_cfa) {
            out->is_in_frame = true;
        } else if (op->atom == DW_OP_plus_uconst && out->is_in_frame) {
            out->offset = (int64_t)((uint64_t)out->offset + op->number);
        } else if (op->atom < DW_OP_reg0 || op->atom > DW_OP_reg31) {
            return false;
        }
    }
    return true;
}

static size_t read_pieces(const Dwarf_Op *ops, size_t n, struct piece *pieces)
{
    size_t n_pieces = 0;
    for (size_t at = 0; at < n && n_pieces < PIECES_MAX; n_pieces++) {
        if (!read_piece(ops, n, &at, &pieces[n_pieces])) {
            return 0;
        }
    }
    return n_pieces;
}

/* Do the pieces lie in the frame as the variable would? */
static bool is_whole(const struct piece *p, size_t n)
{
    uint64_t end = (uint64_t)p[0].offset;
    for (size_t i = 0; i < n; i++) {
        if (!p[i].is_in_frame || (uint64_t)p[i].offset != end) {
            return false;
        }
        end += p[i].bytes;
    }
    return true;
}

/* --- types of pieces --- */

static bool has_fields(const struct go_type *t)
{
    return t->kind == GO_STRUCT || t->kind == GO_STRING || t->kind == GO_SLICE;
}

static const struct go_field *field_at(const struct go_type *t, uint64_t offset)
{
    for (size_t i = t->n_fields; i > 0; i--) {
        if (t->fields[i - 1].offset <= offset) {
            return &t->fields[i - 1];
        }
    }
    return NULL;
}

/* The part of a type at an offset that is as large as the piece. */
static type_id part_of(const struct binary *b, type_id type, uint64_t offset,
                       uint64_t bytes)
{
    for (unsigned depth = 0; depth < NESTING_MAX; depth++) {
        const struct go_type *t = binary_type_of(b, type);
        if (t == NULL || (offset == 0 && t->bytes == bytes)) {
            break;
        }
        const struct go_field *f = has_fields(t) ? field_at(t, offset) : NULL;
        const struct go_type *e = binary_type_of(b, t->element);
        if (f != NULL) {
            offset -= f->offset;
            type = f->type;
        } else if (t->kind == GO_ARRAY && e && e->bytes > 0) {
            offset %= e->bytes;
            type = t->element;
        } else {
            return TYPE_NONE;
        }
    }
    return type;
}

static bool may_point(const struct binary *b, type_id type)
{
    const struct go_type *t = binary_type_of(b, type);
    return t != NULL && t->kind >= GO_ARRAY && t->bytes > 0;
}

/* --- one variable --- */

static bool give(const struct locals *l, const char *name, type_id type,
                 int64_t from_base, struct err *err)
{
    int64_t offset = 0;
    if (!may_point(l->b, type) || l->frame_bytes > INT64_MAX ||
        __builtin_add_overflow((int64_t)l->frame_bytes, from_base, &offset) ||
        offset < 0) {
        return true;
    }
    const struct go_local local = {name, binary_unshaped(l->b, type), offset};
    return l->take(l->ctx, &local, err);
}

static bool give_pieces(const struct locals *l, const struct die *d,
                        type_id type, const struct piece *pieces, size_t n,
                        struct err *err)
{
    if (n == 0) {
        return true;
    }
    if (is_whole(pieces, n)) {
        return give(l, d->name, type, pieces[0].offset, err);
    }
    uint64_t offset = 0;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].is_in_frame &&
            !give(l, d->name, part_of(l->b, type, offset, pieces[i].bytes),
                  pieces[i].offset, err)) {
            return false;
        }
        offset += pieces[i].bytes;
    }
    return true;
}

/* Variables of inlined functions say their name and type once, elsewhere. */
static void take_origin(struct binary *b, struct die *d)
{
    Dwarf_Die at;
    struct die origin;
    if (d->origin == 0 ||
        b->lib.dwarf_offdie(b->dwarf.dwarf, d->origin, &at) == NULL) {
        return;
    }
    dwarf_read_die(b, &at, &origin);
    if (d->name == NULL) {
        d->name = origin.name;
    }
    if (d->type == 0) {
        d->type = origin.type;
    }
}

static bool take_variable(const struct locals *l, Dwarf_Die *at,
                          struct err *err)
{
    struct binary *b = l->b;
    struct piece pieces[PIECES_MAX];
    struct die d;
    Dwarf_Op *ops = NULL;
    size_t n_ops = 0;
    dwarf_read_die(b, at, &d);
    if (!d.has_location || b->lib.dwarf_getlocation_addr(
                               &d.location, l->pc, &ops, &n_ops, 1) != 1) {
        return true;
    }
    take_origin(b, &d);
    const type_id type = dwarf_type_of_variable(b, d.type);
    if (d.name == NULL || d.name[0] == '~' || type.i == TYPE_NONE.i) {
        return true;
    }
    return give_pieces(l, &d, type, pieces, read_pieces(ops, n_ops, pieces),
                       err);
}

/* --- scopes --- */

static bool is_scope(int tag)
{
    return tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine;
}

static bool walk(const struct locals *l, Dwarf_Die *function, struct err *err)
{
    struct binary *b = l->b;
    Dwarf_Die stack[SCOPES_MAX];
    size_t n = 0;
    bool is_end = false;
    if (!dwarf_first_child(b, function, &stack[0], err, &is_end)) {
        return false;
    }
    n = is_end ? 0 : 1;
    while (n > 0) {
        Dwarf_Die at = stack[n - 1], inner;
        const int tag = b->lib.dwarf_tag(&at);
        if (!dwarf_next(b, &stack[n - 1], err, &is_end)) {
            return false;
        }
        n -= is_end ? 1 : 0;
        if (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) {
            if (!take_variable(l, &at, err)) {
                return false;
            }
        } else if (is_scope(tag) && n < SCOPES_MAX &&
                   b->lib.dwarf_haspc(&at, l->pc) == 1) {
            if (!dwarf_first_child(b, &at, &inner, err, &is_end)) {
                return false;
            }
            if (!is_end) {
                stack[n++] = inner;
            }
        }
    }
    return true;
}

bool binary_locals(struct binary *b, uint64_t pc, uint64_t frame_bytes,
                   bool (*take)(void *ctx, const struct go_local *l,
                                struct err *err),
                   void *ctx, struct err *err)
{
    const struct dwarf_function *f = dwarf_function_of(b, pc - b->bias);
    /* A goroutine that has not begun stands at its entry. */
    const bool is_at_entry = f != NULL && f->low == pc - b->bias;
    const uint64_t at = pc - b->bias - (is_at_entry ? 0 : 1);
    f = dwarf_function_of(b, at);
    Dwarf_Die function;
    const struct locals l = {b, at, frame_bytes, take, ctx};
    if (f == NULL ||
        b->lib.dwarf_offdie(b->dwarf.dwarf, f->offset, &function) == NULL) {
        return true;
    }
    return walk(&l, &function, err);
}
