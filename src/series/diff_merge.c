/*
 * Sites of two builds. The compiler numbers the closures of a function in the
 * order of the source, so that one more closure above renames all below it:
 * between builds the closures of a function are one site, as they are one
 * finding (name_identity). Within one build their names are exact and stay.
 */
#include "series/diff_private.h"

#include "base/buf.h"

#include <stdlib.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "comparing sites");
}

/* By the name of one row; all rows of a site have the same but for the lengths
   of generic brackets and the like. */
static bool identity_of(const struct diff_layer *l, size_t row,
                        struct intern *names, uint32_t *id, struct err *err)
{
    const struct stack_frame *f =
        &l->stacks.frames.items[l->row_frame.items[row]];
    struct buf text = BUF_LIMIT(64 << 10);
    name_identity(&text, intern_span(&l->stacks.names, f->name));
    const bool ok = (buf_ok(&text) || nomem(err)) &&
                    intern_add(names, buf_view(&text), id, err);
    buf_release(&text);
    return ok;
}

/* New ids are given in the order of the old ones, as these are in that of the
   rows: none is above the old one. */
static bool find_ids(const struct diff_layer *l, struct intern *names,
                     uint32_t *to, struct err *err)
{
    for (uint32_t id = 0; id < l->n_sites; id++) {
        to[id] = DIFF_NO_SITE;
    }
    for (size_t row = 0; row < l->row_site.n; row++) {
        const uint32_t id = l->row_site.items[row];
        if (id != DIFF_NO_SITE && to[id] == DIFF_NO_SITE &&
            !identity_of(l, row, names, &to[id], err)) {
            return false;
        }
    }
    return true;
}

static void move_sums(struct diff_sums *sites, const uint32_t *to)
{
    for (size_t id = 0; id < sites->n; id++) {
        const struct diff_sum sum = sites->items[id];
        if (to[id] == id) {
            continue;
        }
        sites->items[id] = (struct diff_sum){0};
        diff_add_sum(&sites->items[to[id]], &sum);
    }
}

void diff_move_sites(struct diff_layer *l, const uint32_t *to)
{
    for (size_t row = 0; row < l->row_site.n; row++) {
        uint32_t *id = &l->row_site.items[row];
        *id = *id == DIFF_NO_SITE ? DIFF_NO_SITE : to[*id];
    }
    for (int group = 0; group < N_DIFF_GROUPS; group++) {
        struct diff_group *g = l->used[group];
        for (size_t i = 0; g && i < g->columns.n; i++) {
            move_sums(&g->columns.items[i].sites, to);
        }
    }
}

bool diff_merge_sites(struct diff_layer *l, struct err *err)
{
    struct intern names = {0};
    uint32_t *to = calloc((size_t)l->n_sites + 1, sizeof *to);
    bool ok = to || nomem(err);
    ok = ok && find_ids(l, &names, to, err);
    if (ok) {
        diff_move_sites(l, to);
        l->is_merged = true;
        l->n_sites = (uint32_t)intern_count(&names);
    }
    intern_release(&names);
    free(to);
    return ok;
}
