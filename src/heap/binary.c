/*
 * A Go binary, opened: the file is mapped and its parts are read, each as far
 * as it is there. A part that is there but damaged is an error; a part that
 * was stripped is not.
 */
#include "heap/binary_private.h"

#include <stdlib.h>

static bool read_parts(struct binary *b, struct err *err)
{
    if (!binary_find_places(b, err)) {
        return false;
    }
    binary_find_build(b);
    (void)binary_read_functions(b);
    if (b->places.types != 0) {
        b->parts |= BINARY_RUNTIME_TYPES;
    }
    if (!binary_read_build_id(b, err) || !binary_read_dwarf(b, err) ||
        (!(b->parts & BINARY_DWARF) && !binary_read_linked_types(b, err)) ||
        !binary_join_variables(b, err)) {
        return false;
    }
    return !b->arena.has_failed || err_nomem(err, "binary");
}

bool binary_open(const char *path, struct binary **out, struct err *err)
{
    struct binary *b = calloc(1, sizeof(*b));
    *out = NULL;
    if (b == NULL) {
        return err_nomem(err, "binary");
    }
    if (!binary_map(b, path, err) || !read_parts(b, err)) {
        binary_close(b);
        return err_wrap(err, "%s", path);
    }
    *out = b;
    return true;
}

void binary_close(struct binary *b)
{
    if (b == NULL) {
        return;
    }
    if (b->dwarf.dwarf) {
        b->lib.dwarf_end(b->dwarf.dwarf);
    }
    raw_types_release(&b->dwarf.raw);
    raw_fields_release(&b->dwarf.raw_fields);
    vec_u64_release(&b->dwarf.type_at);
    vec_u32_release(&b->dwarf.type_of);
    dwarf_functions_release(&b->dwarf.functions);
    type_chunks_release(&b->types.chunks);
    intern_release(&b->types.names);
    vec_u32_release(&b->types.of_name);
    address_map_release(&b->types.of_runtime);
    go_variables_release(&b->variables);
    graph_symbols_release(&b->symbols);
    address_map_release(&b->closures);
    address_map_release(&b->instances);
    vec_u32_release(&b->closure_structs);
    intern_release(&b->printed);
    source_lines_free(b->lines);
    arena_release(&b->arena);
    binary_unmap(b);
    free(b);
}

unsigned binary_parts(const struct binary *b)
{
    return b->parts;
}

const char *binary_build(const struct binary *b)
{
    return b->build ? b->build : "";
}
