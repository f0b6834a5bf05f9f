#include "profile/snapshot.h"

#include "profile/dump.h"
#include "profile/model.h"

void snapshot_release(struct snapshot *s)
{
    profile_free(s->profile);
    goroutine_dump_free(s->dump);
    *s = (struct snapshot){0};
}
