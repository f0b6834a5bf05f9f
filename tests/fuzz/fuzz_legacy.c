/* Whatever is read as pprof reads it: every index lies in its table, and what
   was read encodes and decodes to as much. */
#include "input/input.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_locations(const struct profile *p)
{
    for (uint32_t i = 0; i < p->sample_off[p->n_samples]; i++) {
        if (p->sample_locs[i] >= p->n_locations) {
            abort();
        }
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *const l = &p->locations[i];
        if (l->id != (uint64_t)i + 1 || l->n_lines > p->n_lines ||
            l->first_line > p->n_lines - l->n_lines ||
            (l->mapping != PROFILE_NONE && l->mapping >= p->n_mappings)) {
            abort();
        }
    }
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (p->mappings[i].id != (uint64_t)i + 1) {
            abort();
        }
    }
}

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
               again->n_locations != p->n_locations ||
               again->n_mappings != p->n_mappings) {
        abort();
    }
    profile_free(again);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct input_options options = {.is_like_pprof = true};
    struct snapshot s = {0};
    struct err err = {0};
    struct profile *p = NULL;
    const struct span bytes = {(const char *)data, size};
    if (input_decode(bytes, &options, &s, &err) &&
        (s.profile || (s.dump && goroutine_dump_profile(s.dump, &p, &err)))) {
        const struct profile *const read = s.profile ? s.profile : p;
        if (s.form != FORM_PROTO) {
            check_locations(read);
            check_round_trip(read);
        }
    }
    profile_free(p);
    snapshot_release(&s);
    return 0;
}
