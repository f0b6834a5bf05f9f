/* Text profiles: what is read must encode, and decode again to as much. */
#include "input/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct profile *p)
{
    struct buf b = BUF_LIMIT((size_t)1 << 28);
    struct profile *again = NULL;
    struct err err = {0};
    if (!profile_encode(p, &b, &err) ||
        !profile_decode(buf_view(&b), &again, &err)) {
        /* Memory may run out; nothing else may go wrong. */
        if (err.code != ERR_NOMEM && err.code != ERR_LIMIT) {
            abort();
        }
    } else if (again->n_samples != p->n_samples ||
               again->n_types != p->n_types) {
        abort();
    }
    profile_free(again);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot s = {0};
    struct err err = {0};
    const struct span bytes = {(const char *)data, size};
    if (input_decode(bytes, NULL, &s, &err) && s.profile &&
        s.form == FORM_TEXT) {
        check_round_trip(s.profile);
    }
    snapshot_release(&s);
    return 0;
}
