/* Go's older profiles have no mappings; pprof invents one, which shows in what
   it prints. */
#include <stdlib.h>

#include "profile/select.h"

bool profile_add_mapping(struct profile *p, struct err *err)
{
    if (p->n_mappings != 0) {
        return true;
    }
    struct profile_mapping *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return err_nomem(err, "add mapping");
    }
    m->id = 1;
    free(p->mappings);
    p->mappings = m;
    p->n_mappings = 1;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        p->locations[i].mapping = 0;
    }
    return true;
}
