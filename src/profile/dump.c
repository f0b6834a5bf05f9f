#include "profile/dump.h"

#include <stdlib.h>

void goroutine_dump_free(struct goroutine_dump *d)
{
    if (d == NULL) {
        return;
    }
    dump_frames_release(&d->frames);
    dump_labels_release(&d->labels);
    dump_goroutines_release(&d->goroutines);
    intern_release(&d->names);
    arena_release(&d->arena);
    free(d);
}
