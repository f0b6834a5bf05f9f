#include "profile/edit.h"

#include "profile/strings_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

bool profile_set_mapping(struct profile *p, uint32_t i, struct span file,
                         struct span build_id, struct err *err)
{
    assert(i < p->n_mappings);
    struct profile_mapping *m = &p->mappings[i];
    return (file.len == 0 || strings_add(p, file, &m->file, err)) &&
           (build_id.len == 0 || strings_add(p, build_id, &m->build_id, err));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A letter, then letters, digits and "+-.", then a colon. */
static bool has_scheme(struct span text)
{
    const size_t n = span_find_char(text, ':');
    if (n == 0 || n == text.len || !is_letter(text.p[0])) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        const char c = text.p[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_letter(c) && !is_digit && c != '+' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

void profile_forget_urls(struct profile *p)
{
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        struct profile_mapping *m = &p->mappings[i];
        if (profile_span(p, m->build_id).len == 0 &&
            has_scheme(profile_span(p, m->file))) {
            m->file = (str_id){0};
        }
    }
}

bool profile_add_comment(struct profile *p, struct span text, struct err *err)
{
    str_id id = {0};
    if (p->n_comments == UINT32_MAX || !strings_add(p, text, &id, err)) {
        return false;
    }
    str_id *comments =
        realloc(p->comments, ((size_t)p->n_comments + 1) * sizeof(*comments));
    if (comments == NULL) {
        return err_nomem(err, "comments");
    }
    p->comments = comments;
    p->comments[p->n_comments++] = id;
    return true;
}

void profile_keep_frames(struct profile *p)
{
    p->drop_frames = (str_id){0};
    p->keep_frames = (str_id){0};
}
