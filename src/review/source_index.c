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

struct source *source_index_get(struct source_index *x,
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

/* Whoever asks for one asks for all, and again for the next finding. */
bool source_digests(struct source *s, struct err *err)
{
    if (!vec_u64_reserve(&s->digests, s->functions.n)) {
        return err_nomem(err, "functions of a source");
    }
    while (s->digests.n < s->functions.n) {
        s->digests.items[s->digests.n] =
            go_function_digest(&s->functions.items[s->digests.n], s->text);
        s->digests.n++;
    }
    return true;
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
        vec_u64_release(&x->sources.items[i].digests);
    }
    sources_release(&x->sources);
    intern_release(&x->names);
}
