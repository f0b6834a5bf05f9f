/*
 * .seep.yml: no crash; a suppression that is read has a reason and something to
 * match; errors are one line with the file's name.
 */
#include "review/review.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_whole(const struct suppression *s)
{
    return s->reason != NULL && *s->reason != '\0' && s->place != NULL &&
           (s->rule || s->id || s->top || s->any || s->created_by ||
            s->n_stack > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct err err = {0};
    if (!config_read((struct span){(const char *)data, size}, "x", &c, &err)) {
        if (err.code == ERR_NONE || strncmp(err.text, "x:", 2) != 0) {
            abort();
        }
        config_release(&c);
        return 0;
    }
    for (size_t i = 0; i < c.n_suppressions; i++) {
        if (!is_whole(&c.suppressions[i])) {
            abort();
        }
    }
    config_release(&c);
    return 0;
}
