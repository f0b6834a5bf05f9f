/*
 * The peer trims the paths of its functions anew each time it builds a graph,
 * and what it keeps of the one before it knows by the paths of then. A path
 * that can be trimmed twice ("a/src/b/src/c" under -source_path src) so costs
 * a node its place. Scripts see that, so it is done here too; nearly no
 * profile has such a path.
 */
#include "graph/graph_private.h"

#include "base/limits.h"

#include "base/banned.h"

static struct span trim(const struct graph_build *b, struct span file)
{
    return graph_trim_path(file, b->o->trim_path, b->o->source_path);
}

bool paths_move(const struct graph_build *b)
{
    for (uint32_t i = 0; i < b->p->n_functions; i++) {
        struct span file = profile_span(b->p, b->p->functions[i].file);
        for (unsigned k = 0; file.len != 0 && k < b->n_trims; k++) {
            file = trim(b, file);
        }
        if (file.len != 0 && trim(b, file).len != file.len) {
            return true;
        }
    }
    return false;
}

/* All that tells nodes apart, as bytes. */
static struct span node_bytes(struct buf *out, const struct node_table *t,
                              uint32_t node)
{
    const struct graph_info info = node_table_info(t, node);
    const uint64_t numbers[] = {info.address,        (uint64_t)info.start_line,
                                (uint64_t)info.line, (uint64_t)info.column,
                                info.name.len,       info.file.len};
    buf_clear(out);
    buf_add(out, numbers, sizeof(numbers));
    buf_span(out, info.name);
    buf_span(out, info.file);
    buf_span(out, info.objfile);
    return buf_view(out);
}

/* What is shown, under the names of now. */
static bool remember_shown(const struct graph_build *b, struct intern *names,
                           struct buf *scratch)
{
    for (uint32_t i = 0; i < b->n_order; i++) {
        uint32_t id = 0;
        const struct span bytes = node_bytes(scratch, &b->table, b->order[i]);
        if (!buf_ok(scratch) || !intern_add(names, bytes, &id, NULL)) {
            return false;
        }
    }
    return true;
}

/* Only what was shown under the same name stays. */
static bool keep_remembered(struct graph_build *b, const struct intern *names,
                            struct buf *scratch)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        uint32_t id = 0;
        const struct span bytes = node_bytes(scratch, &b->table, i);
        if (!buf_ok(scratch)) {
            return false;
        }
        if (!intern_find(names, bytes, &id)) {
            b->states[i] = NODE_REMOVED;
        } else if (b->states[i] == NODE_SHOWN) {
            b->order[n++] = i;
        }
    }
    b->n_order = n;
    return true;
}

static bool build_again(struct graph_build *b, const struct intern *names,
                        struct buf *scratch, struct err *err)
{
    node_table_release(&b->table);
    release_values(b);
    free(b->name_ranks);
    b->name_ranks = NULL;
    b->n_trims++;
    if (!node_table_build(&b->table, b->p, b->o, b->n_trims, &b->g->arena,
                          err) ||
        !build_values(b, err)) {
        return false;
    }
    return (choose_nodes(b) && keep_remembered(b, names, scratch)) ||
           err_nomem(err, "graph");
}

bool build_retrimmed(struct graph_build *b, struct err *err)
{
    struct intern names = {0};
    struct buf scratch = BUF_LIMIT(LIMIT_INFLATED_BYTES);
    const bool ok = remember_shown(b, &names, &scratch)
                        ? build_again(b, &names, &scratch, err)
                        : err_nomem(err, "graph");
    intern_release(&names);
    buf_release(&scratch);
    return ok;
}
