/*
 * Sources are few and asked often: the functions of each are found once.
 */
#include "review/source_index_private.h"

#include <stdlib.h>

#include "base/banned.h"

static bool read_functions(struct source *s)
{
    struct go_scan scan;
    struct go_function f;
    go_scan_begin(&scan, s->text);
    while (go_scan_next(&scan, &f)) {
        if (!go_functions_push(&s->functions, f)) {
            return false;
        }
    }
    return true;
}

static bool read_source(struct source *s, const struct paths_files *files,
                        const char *path)
{
    const char *text =
        files->text != NULL ? files->text(files->ctx, path) : NULL;
    *s = (struct source){0};
    if (text == NULL) {
        return true;
    }
    s->has_text = true;
    s->text = span_of(text);
    s->is_generated = go_source_is_generated(s->text);
    return read_functions(s);
}

const struct source *source_index_get(struct source_index *x,
                                      const struct paths_files *files,
                                      struct span path, struct err *err)
{
    uint32_t id = 0;
    if (!sources_reserve(&x->sources, x->sources.n + 1)) {
        (void)err_nomem(err, "sources");
        return NULL;
    }
    if (!intern_add(&x->names, path, &id, err)) {
        return NULL;
    }
    struct source *s = &x->sources.items[id];
    if (id == x->sources.n) {
        if (!read_source(s, files, intern_text(&x->names, id))) {
            go_functions_release(&s->functions);
            (void)err_nomem(err, "functions of a source");
            return NULL;
        }
        x->sources.n++;
    }
    return s;
}

const struct go_function *source_function_at(const struct source *s,
                                             int64_t line)
{
    size_t low = 0;
    size_t high = s->functions.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((int64_t)s->functions.items[middle].last_line < line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool is_inside = low < s->functions.n &&
                           (int64_t)s->functions.items[low].first_line <= line;
    return is_inside ? &s->functions.items[low] : NULL;
}

/* From the line that begins so far behind the start. */
static size_t offset_of_line(struct span text, uint32_t line)
{
    struct span rest = text;
    struct span one;
    for (uint32_t i = 1; i < line && span_line(&rest, &one); i++) {
    }
    return text.len - rest.len;
}

uint64_t source_digest(const struct source *s, const struct go_function *f)
{
    const size_t start = offset_of_line(s->text, f->first_line);
    const size_t end = offset_of_line(s->text, f->last_line + 1);
    return go_function_digest(
        f, span_first(span_from(s->text, start), end - start));
}

bool source_declares(const struct source *s, struct span symbol)
{
    for (size_t i = 0; i < s->functions.n; i++) {
        if (go_function_is(&s->functions.items[i], symbol, false)) {
            return true;
        }
    }
    return false;
}

void source_index_release(struct source_index *x)
{
    for (size_t i = 0; i < x->sources.n; i++) {
        go_functions_release(&x->sources.items[i].functions);
    }
    sources_release(&x->sources);
    intern_release(&x->names);
}
