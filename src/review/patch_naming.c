/*
 * Names of functions before a patch. A function that it renamed may lie in a
 * file that went to another folder, and so in another package: folders and
 * import paths end alike.
 */
#include "review/patch_private.h"

#include "base/banned.h"

/* --- packages --- */

/* Cuts elements off the front of both as long as they are the same. */
static void cut_common(struct span *a, struct span *b)
{
    while (a->len != 0 && b->len != 0) {
        const struct span one = span_first(*a, span_find_char(*a, '/'));
        const struct span two = span_first(*b, span_find_char(*b, '/'));
        if (!span_eq(one, two)) {
            return;
        }
        *a = span_from(*a, one.len + 1);
        *b = span_from(*b, two.len + 1);
    }
}

/* `package` ends with `tail`, at an element. What is before it; false: not. */
static bool cut_tail(struct span package, struct span tail, struct span *out)
{
    const size_t n = package.len - tail.len;
    *out = package;
    if (tail.len == 0) {
        return true;
    }
    if (tail.len >= package.len || package.p[n - 1] != '/' ||
        !span_eq(span_from(package, n), tail)) {
        return false;
    }
    *out = span_first(package, n - 1);
    return true;
}

/* Appends the import path that the package had when its files lay in the folder
   of `old_file`. */
static bool put_package(struct span package, const char *old_file,
                        const char *file, struct buf *out)
{
    struct span old = patch_folder(old_file);
    struct span now = patch_folder(file);
    struct span root;
    cut_common(&old, &now);
    if (span_is(package, "main")) { /* wherever it lies */
        buf_span(out, package);
        return true;
    }
    if (!cut_tail(package, now, &root)) {
        return false;
    }
    buf_span(out, root);
    if (old.len != 0) {
        buf_char(out, '/');
        buf_span(out, old);
    }
    return true;
}

/* --- names --- */

/* A part with another word in it: "(*T[...])" of "(*S[...])". */
static void put_part(struct span part, struct span word, struct buf *out)
{
    const size_t start = span_starts(part, "(*") ? 2 : 0;
    size_t end = start;
    while (end < part.len && part.p[end] != '[' && part.p[end] != ')') {
        end++;
    }
    buf_span(out, span_first(part, start));
    buf_span(out, word);
    buf_span(out, span_from(part, end));
}

static void put_local(const struct declared *old, struct span local,
                      struct buf *out)
{
    if (old->receiver.len != 0) {
        put_part(name_part(&local), old->receiver, out);
        buf_char(out, '.');
    }
    put_part(name_part(&local), old->name, out);
    if (local.len != 0) {
        buf_char(out, '.');
        buf_span(out, local);
    }
}

/* `was` has the receiver and the name that it had; NULL: those of now. */
static bool put_old(struct span identity, const struct declared *was,
                    const char *old_file, const char *file, struct buf *out)
{
    const struct span package = name_package(identity);
    const struct span local = span_from(identity, package.len + 1);
    if (!put_package(package, old_file, file, out)) {
        return false;
    }
    buf_char(out, '.');
    if (was != NULL) {
        put_local(was, local, out);
    } else {
        buf_span(out, local);
    }
    return true;
}

/* One that is a method now and was none, or the other way round, is no name
   that changed. */
static bool is_like(const struct declared *a, const struct declared *b)
{
    return (a->receiver.len != 0) == (b->receiver.len != 0);
}

static enum patch_naming naming_of(const struct patch *p, const char *path,
                                   struct span identity, struct buf *old)
{
    const struct span package = name_package(identity);
    const struct declared *d = patch_renames_find(
        &p->renames, path, span_from(identity, package.len + 1));
    if (d != NULL) {
        const struct declared *was = d->partner != DECLARED_NONE
                                         ? &p->renames.items.items[d->partner]
                                         : NULL;
        return was != NULL && is_like(d, was) &&
                       put_old(identity, was, was->file, path, old)
                   ? PATCH_NAME_CHANGED
                   : PATCH_NAME_NEW;
    }
    const struct patch_file *f = patch_file_find(p, path);
    if (f != NULL && p->renames.is_cut) {
        return PATCH_NAME_NEW; /* it may be: not all of them were looked at */
    }
    return f != NULL &&
                   !span_eq(patch_folder(f->old_name), patch_folder(path)) &&
                   put_old(identity, NULL, f->old_name, path, old)
               ? PATCH_NAME_CHANGED
               : PATCH_NAME_KEPT;
}

enum patch_naming patch_naming(const struct patch *p, const char *path,
                               const char *function, struct buf *old)
{
    struct buf identity = BUF_LIMIT(64 << 10);
    enum patch_naming naming = PATCH_NAME_UNSAID;
    name_identity(&identity, span_of(function));
    const struct span name = buf_view(&identity);
    if (buf_ok(&identity) && path != NULL && name_package(name).len != 0) {
        naming = naming_of(p, path, name, old);
        if (naming == PATCH_NAME_CHANGED && span_eq(buf_view(old), name)) {
            naming = PATCH_NAME_KEPT; /* of package main, in a new folder */
            buf_clear(old);
        }
    }
    old->failed_memory = old->failed_memory || identity.failed_memory;
    buf_release(&identity);
    return naming;
}

bool patch_deletes(const struct patch *p, const char *function)
{
    struct buf identity = BUF_LIMIT(64 << 10);
    name_identity(&identity, span_of(function));
    const struct span name = buf_view(&identity);
    const struct span package = name_package(name);
    /* What cannot be read is no proof. */
    const bool deletes =
        !buf_ok(&identity) ||
        (package.len != 0 &&
         patch_renames_deletes(&p->renames, span_from(name, package.len + 1)));
    buf_release(&identity);
    return deletes;
}
