/*
 * The string table of a finished profile has no index by text. Looking at all
 * strings once finds any number of new ones; a text that is there already is
 * not added again, so that equal texts keep equal ids where they had them.
 */
#include "profile/strings_private.h"

#include <stdlib.h>

/* Room for `n` more strings. */
static bool grow(struct profile *p, size_t n, struct err *err)
{
    if (n > UINT32_MAX - (size_t)p->n_strings) {
        return err_set(err, ERR_LIMIT, "too many strings");
    }
    struct profile_str *items =
        realloc(p->strings, (p->n_strings + n + 1) * sizeof(*items));
    if (items == NULL) {
        return err_nomem(err, "add strings");
    }
    p->strings = items;
    return true;
}

/* There is room. */
static bool append(struct profile *p, struct span text, str_id *out,
                   struct err *err)
{
    const char *copy = arena_strdup(&p->arena, text);
    if (copy == NULL || text.len > UINT32_MAX) {
        return err_nomem(err, "add strings");
    }
    out->i = p->n_strings;
    p->strings[p->n_strings++] = (struct profile_str){copy, (uint32_t)text.len};
    return true;
}

bool strings_add(struct profile *p, struct span text, str_id *out,
                 struct err *err)
{
    for (uint32_t i = 0; i < p->n_strings; i++) {
        if (span_eq(profile_span(p, (str_id){i}), text)) {
            out->i = i;
            return true;
        }
    }
    return grow(p, 1, err) && append(p, text, out, err);
}

bool strings_add_all(struct profile *p, const struct intern *texts, str_id *ids,
                     struct err *err)
{
    const size_t n = intern_count(texts);
    for (size_t i = 0; i < n; i++) {
        ids[i].i = UINT32_MAX;
    }
    for (uint32_t i = 0; i < p->n_strings; i++) {
        uint32_t id = 0;
        if (intern_find(texts, profile_span(p, (str_id){i}), &id) &&
            ids[id].i == UINT32_MAX) {
            ids[id].i = i;
        }
    }
    if (!grow(p, n, err)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ids[i].i == UINT32_MAX &&
            !append(p, intern_span(texts, i), &ids[i], err)) {
            return false;
        }
    }
    return true;
}
