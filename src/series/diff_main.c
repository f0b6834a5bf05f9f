/*
 * Have two binaries of different names the same package main? What they import
 * many programs may share, and of a small service a profile shows little else;
 * main is a program's own. It is another one when no function of main is on
 * both sides and its sources lie in directories of different names: a job that
 * builds app-base and app-head has the same functions, and one whose functions
 * were all renamed at least the directory. A function that is known to have
 * been renamed is on both sides. Whoever cannot tell says no.
 */
#include "series/diff_private.h"

#include <string.h>

/* By the sides that have it. */
struct own {
    struct intern names, folders;
    struct vec_u32 name_sides, folder_sides;
};

static bool mark(struct intern *texts, struct vec_u32 *sides, struct span text,
                 uint32_t side_bits, struct err *err)
{
    uint32_t id = 0;
    if (!intern_add(texts, text, &id, err)) {
        return false;
    }
    if (id == sides->n && !vec_u32_push(sides, 0)) {
        return err_nomem(err, "comparing programs");
    }
    sides->items[id] |= side_bits;
    return true;
}

/* "cmd/app" -> "app"; of a module that was fetched without its version. */
static struct span folder_of(const char *file)
{
    const char *name = text_base_name(file);
    if (name - file < 2) {
        return (struct span){0};
    }
    const struct span folder =
        span_base_name((struct span){file, (size_t)(name - file) - 1});
    return span_first(folder, span_find_char(folder, '@'));
}

/* Every program has these. */
static bool is_entry(struct span name)
{
    return span_is(name, "main.main") || span_is(name, "main.init");
}

static bool take_frame(const struct diff_layer *l, const struct stack_frame *f,
                       uint32_t side_bits, struct own *o, struct err *err)
{
    const char *name = intern_text(&l->stacks.names, f->name);
    if (!span_starts(span_of(name), "main.")) {
        return true;
    }
    const struct span folder =
        folder_of(intern_text(&l->stacks.names, f->file));
    if (folder.len > 0 &&
        !mark(&o->folders, &o->folder_sides, folder, side_bits, err)) {
        return false;
    }
    struct buf text = BUF_LIMIT(64 << 10);
    const char *was = l->was ? l->was[f->func].name : NULL;
    name_identity(&text, span_of(was ? was : name));
    /* A closure tells of the function that it is in. */
    const struct span function =
        span_first(buf_view(&text), span_find(buf_view(&text), ".func*"));
    const bool ok = buf_check(&text, "a function's name", err) &&
                    (is_entry(function) ||
                     mark(&o->names, &o->name_sides, function, side_bits, err));
    buf_release(&text);
    return ok;
}

static bool take_layer(const struct diff_layer *l, struct own *o,
                       struct err *err)
{
    const struct stack_table *t = &l->stacks;
    for (size_t row = 0; row < t->rows.n; row++) {
        const uint32_t bits = (diff_has_row(l->used[DIFF_BASE], row) ? 1u : 0) |
                              (diff_has_row(l->used[DIFF_HEAD], row) ? 2u : 0);
        const struct stack_row *r = &t->rows.items[row];
        for (uint32_t i = 0; bits != 0 && i < r->n_locs; i++) {
            const struct stack_loc loc =
                t->locs.items[t->keys.items[r->key + i]];
            for (uint32_t k = 0; k < loc.n; k++) {
                if (!take_frame(l, &t->frames.items[loc.first + k], bits, o,
                                err)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* Both sides have some, and none is on both. */
static bool are_apart(const struct vec_u32 *sides)
{
    uint32_t all = 0;
    for (size_t i = 0; i < sides->n; i++) {
        if (sides->items[i] == 3) {
            return false;
        }
        all |= sides->items[i];
    }
    return all == 3;
}

bool diff_has_other_main(const struct series_diff *d, bool *out,
                         struct err *err)
{
    struct own o = {0};
    bool ok = true;
    for (int k = DIFF_HEAP; ok && k <= DIFF_GOROUTINE; k++) {
        ok = !series_diff_has(d, (enum diff_plane)k) ||
             take_layer(&d->layers[k], &o, err);
    }
    *out = ok && are_apart(&o.name_sides) && are_apart(&o.folder_sides);
    intern_release(&o.names);
    intern_release(&o.folders);
    vec_u32_release(&o.name_sides);
    vec_u32_release(&o.folder_sides);
    return ok;
}
