/*
 * Idle connections of HTTP clients in a heap dump. One pool keeps as many as it
 * is allowed to; a Transport beside each of them says that none is used again.
 */
#include "rules/dump_private.h"

#include <stdlib.h>

#include "base/banned.h"

bool dump_look_at_transports(struct dump_judge *j, struct dump_candidate *c,
                             struct err *err)
{
    object_id *objects = NULL;
    size_t n = 0;
    if (!c->is_idle_client || !j->e->facts->types ||
        (double)c->n_goroutines < j->options.min_goroutines ||
        !heap_view_has_class(j->e->view, "http.Transport")) {
        return true;
    }
    if (!heap_view_objects_of(j->e->view, "http.Transport", &objects, &n,
                              err)) {
        return false;
    }
    free(objects);
    /* Some are idle still and others in use: half is no pool's either. */
    c->n_transports = n * 2 >= c->n_goroutines ? n : 0;
    if (c->n_transports > 0) {
        c->usual = NULL;
        c->is_baseline = false;
    }
    return true;
}
