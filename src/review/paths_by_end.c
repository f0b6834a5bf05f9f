/*
 * What no rule fits, such as package main built elsewhere: the file of the
 * repository whose name ends like the frame's, as far as possible. It must be
 * the only one, it must declare the function, and its name must agree in its
 * folder too; where it has none, the function must be at the frame's line: so a
 * likeness of names alone is never enough.
 */
#include "review/paths_private.h"

#include "base/sort.h"

#include "base/banned.h"

static int by_base_name(const void *pa, const void *pb, const void *ctx)
{
    const char *const *a = pa;
    const char *const *b = pb;
    (void)ctx;
    return strcmp(text_base_name(*a), text_base_name(*b));
}

/* What does not end with the same name has no end in common. A profile may have
   as many files as the repository, so they are sorted once. */
static bool index_names(struct paths *p, struct err *err)
{
    const struct paths_files *files = &p->o.files;
    size_t n = 0;
    const char *const *all =
        files->all != NULL ? files->all(files->ctx, &n) : NULL;
    p->by_name = arena_new(&p->arena, const char *, n + 1);
    if (p->by_name == NULL) {
        return err_nomem(err, "files of a repository");
    }
    for (size_t i = 0; all != NULL && i < n; i++) {
        p->by_name[p->n_by_name++] = all[i];
    }
    sort_items(p->by_name, p->n_by_name, sizeof(*p->by_name), by_base_name,
               NULL);
    return true;
}

/* Files with this name are the `n` from here. */
static const char *const *files_named(const struct paths *p, const char *name,
                                      size_t *n)
{
    size_t low = 0;
    size_t end = p->n_by_name;
    while (low < end) {
        const size_t mid = low + (end - low) / 2;
        if (strcmp(text_base_name(p->by_name[mid]), name) < 0) {
            low = mid + 1;
        } else {
            end = mid;
        }
    }
    while (end < p->n_by_name &&
           strcmp(text_base_name(p->by_name[end]), name) == 0) {
        end++;
    }
    *n = end - low;
    return p->by_name + low;
}

/* Path elements that both end with. */
static size_t common_end(struct span a, struct span b)
{
    size_t n = 0;
    size_t i = 0;
    while (i < a.len && i < b.len && a.p[a.len - i - 1] == b.p[b.len - i - 1]) {
        i++;
        n += a.p[a.len - i] == '/';
    }
    /* The whole of one is an element too, when the other goes on with '/'. */
    const bool ends_a = i == a.len && (i == b.len || b.p[b.len - i - 1] == '/');
    const bool ends_b = i == b.len && (i == a.len || a.p[a.len - i - 1] == '/');
    return n + (ends_a || ends_b);
}

static size_t longest_end(const struct search *s, const char *const *all,
                          size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t common = common_end(s->file, span_of(all[i]));
        best = common > best ? common : best;
    }
    return best;
}

static bool has_function(const struct search *s, const struct source *source,
                         size_t n_common)
{
    const struct frame *f = s->frame;
    const struct span symbol = span_of(f->function);
    if (n_common > 1) {
        return source_declares(source, symbol);
    }
    const struct go_function *around = source_function_at(source, f->line);
    return around != NULL && go_function_is(around, symbol, false);
}

static bool fits(struct search *s, const char *path, size_t n_common, bool *out,
                 struct err *err)
{
    struct paths *p = s->paths;
    *out = false;
    if (n_common < 2 && strchr(path, '/') != NULL) {
        return true;
    }
    const struct source *source =
        source_index_get(&p->sources, &p->o.files, span_of(path), err);
    if (source == NULL) {
        return false;
    }
    const bool is_main = span_is(s->package, "main");
    *out = source->has_text &&
           (!is_main || span_is(go_source_package(source->text), "main")) &&
           has_function(s, source, n_common);
    return true;
}

bool search_by_end(struct search *s, struct err *err)
{
    size_t n = 0;
    if (s->file.len == 0) {
        return true;
    }
    if (s->paths->by_name == NULL && !index_names(s->paths, err)) {
        return false;
    }
    const char *const *all =
        files_named(s->paths, text_base_name(s->file.p), &n);
    const size_t best = longest_end(s, all, n);
    const char *only = NULL;
    size_t n_fit = 0;
    for (size_t i = 0; i < n && best != 0; i++) {
        bool is_it = false;
        if (common_end(s->file, span_of(all[i])) != best) {
            continue;
        }
        if (!fits(s, all[i], best, &is_it, err)) {
            return false;
        }
        if (is_it) {
            only = all[i];
            n_fit++;
        }
    }
    if (n_fit == 1) {
        (void)search_try(s, (struct span){0}, span_of(only));
    }
    return true;
}
