/* Goroutine dumps: every index a reader follows must lie in its table. */
#include "input/input.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_goroutine(const struct goroutine_dump *d,
                            const struct dump_goroutine *g)
{
    const size_t n_names = intern_count(&d->names);
    const bool is_fine = g->id != 0 && g->status < n_names &&
                         (size_t)g->first_frame + g->n_frames <= d->frames.n &&
                         (size_t)g->first_label + g->n_labels <= d->labels.n;
    if (!is_fine || (g->has_creator && (g->creator.function >= n_names ||
                                        g->creator.file >= n_names))) {
        abort();
    }
    for (uint32_t i = 0; i < g->n_frames; i++) {
        const struct dump_frame *const f = &d->frames.items[g->first_frame + i];
        if (f->function >= n_names || f->file >= n_names || f->line < 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char header[] = "goroutine 1 [running]:\n";
    char *const text = malloc(sizeof(header) - 1 + size);
    if (!text) {
        return 0;
    }
    memcpy(text, header, sizeof(header) - 1);
    if (size > 0) {
        memcpy(text + sizeof(header) - 1, data, size);
    }
    struct snapshot s = {0};
    struct err err = {0};
    if (input_decode((struct span){text, sizeof(header) - 1 + size}, NULL, &s,
                     &err) &&
        s.dump) {
        for (size_t i = 0; i < s.dump->goroutines.n; i++) {
            check_goroutine(s.dump, &s.dump->goroutines.items[i]);
        }
    }
    snapshot_release(&s);
    free(text);
    return 0;
}
