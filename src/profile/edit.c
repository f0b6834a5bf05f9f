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
