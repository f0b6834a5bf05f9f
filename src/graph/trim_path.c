/*
 * Paths of source files as reports show them: without a prefix that only says
 * where they were built, and without what means nothing in a path. Lexical:
 * nobody asks a file system.
 */
#include "graph/graph_private.h"

#include "base/banned.h"

/* --- Trimming --- */

/* Cuts the next element off a list with colons; an empty list has none. */
static bool next_element(struct span *rest, struct span *element)
{
    if (!rest->p) {
        return false;
    }
    const size_t n = span_find_char(*rest, ':');
    *element = span_first(*rest, n);
    *rest = n < rest->len ? span_from(*rest, n + 1) : (struct span){NULL, 0};
    return true;
}

static struct span list_of(struct span text)
{
    return text.len != 0 ? text : (struct span){NULL, 0};
}

/* What follows the first "/dir/" in `file`; false when there is none. */
static bool after_directory(struct span file, struct span dir,
                            struct span *after)
{
    const size_t n = dir.len + 2;
    for (size_t i = 0; i + n <= file.len; i++) {
        if (file.p[i] == '/' && file.p[i + n - 1] == '/' &&
            span_eq(span_first(span_from(file, i + 1), dir.len), dir)) {
            *after = span_from(file, i + n);
            return true;
        }
    }
    return false;
}

/* `prefix` counts as a directory whether it ends in a slash or not. */
static bool after_prefix(struct span file, struct span prefix,
                         struct span *after)
{
    const bool has_slash = prefix.len > 0 && prefix.p[prefix.len - 1] == '/';
    if (!span_eq(span_first(file, prefix.len), prefix)) {
        return false;
    }
    if (has_slash) {
        *after = span_from(file, prefix.len);
        return true;
    }
    if (file.len == prefix.len || file.p[prefix.len] != '/') {
        return false;
    }
    *after = span_from(file, prefix.len + 1);
    return true;
}

struct span graph_trim_path(struct span file, struct span trim_path,
                            struct span source_path)
{
    struct span element;
    struct span after;
    struct span rest = list_of(trim_path.len == 0 ? source_path : trim_path);
    while (next_element(&rest, &element)) {
        const bool is_trimmed =
            trim_path.len == 0
                ? after_directory(file, span_base_name(element), &after)
                : after_prefix(file, element, &after);
        if (is_trimmed) {
            return after;
        }
    }
    /* Where sandboxed builds see their sources. */
    if (after_prefix(file, SPAN_LIT("/proc/self/cwd/./"), &after) ||
        after_prefix(file, SPAN_LIT("/proc/self/cwd/"), &after)) {
        return after;
    }
    return file;
}

/* --- Cleaning --- */

bool path_is_clean(struct span path)
{
    if (path.len == 0) {
        return true;
    }
    size_t from = 0;
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.p[i] != '/') {
            continue;
        }
        const struct span element = span_first(span_from(path, from), i - from);
        if ((element.len == 0 && !(i == 0 && path.len > 1)) ||
            span_is(element, ".") || span_is(element, "..")) {
            return false;
        }
        from = i + 1;
    }
    return true;
}

/* Appends one element; `start` is where the path begins in `out`. */
static void add_element(struct buf *out, size_t start, struct span element)
{
    if (out->len > start && out->data[out->len - 1] != '/') {
        buf_char(out, '/');
    }
    buf_span(out, element);
}

/* Takes the last element back; false when there is none but "..". */
static bool remove_element(struct buf *out, size_t start)
{
    const struct span all = span_from(buf_view(out), start);
    const size_t slash = span_rfind_char(all, '/');
    const size_t at = slash == all.len ? 0 : slash + 1;
    if (at == all.len || span_is(span_from(all, at), "..")) {
        return false;
    }
    /* The slash goes with it unless it is the root. */
    out->len = start + (at > 1 ? at - 1 : at);
    out->data[out->len] = '\0';
    return true;
}

void graph_clean_path(struct buf *out, struct span path)
{
    if (path.len == 0) {
        return;
    }
    const size_t start = out->len;
    const bool is_rooted = path.p[0] == '/';
    if (is_rooted) {
        buf_char(out, '/');
    }
    while (path.len > 0 && buf_ok(out)) {
        const size_t n = span_find_char(path, '/');
        const struct span element = span_first(path, n);
        path = span_from(path, n + 1);
        if (element.len == 0 || span_is(element, ".")) {
            continue;
        }
        const bool is_parent = span_is(element, "..");
        if (!is_parent ||
            (!(out->len > start && remove_element(out, start)) && !is_rooted)) {
            add_element(out, start, element);
        }
    }
    if (buf_ok(out) && out->len == start) {
        buf_char(out, '.');
    }
}
