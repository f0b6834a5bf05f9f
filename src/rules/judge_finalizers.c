/*
 * Is a finalizer stuck? One goroutine runs all finalizers, and profiles show it
 * while it is in one. Found in the same one again and again it may wait for
 * ever; then nothing that has a finalizer is freed any more, wherever that was
 * allocated. A note, since a queue of slow ones looks the same.
 */
#include "rules/judge_private.h"

#include <string.h>

/* Two may be chance. */
enum { LOOKS_MIN = 3 };

static bool runs_finalizers(const struct judge *j, const struct row_facts *f)
{
    static const char *const runners[] = {
        "runtime.runFinalizers", "runtime.runfinq", "runtime.runCleanups"};
    if (!f->is_known || f->outermost == NO_FUNC || f->site == NO_FUNC) {
        return false;
    }
    const char *name = series_func_name(j->s, f->outermost);
    for (size_t i = 0; i < sizeof runners / sizeof runners[0]; i++) {
        if (strcmp(name, runners[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_row(const struct judge *j, size_t point, uint32_t row)
{
    size_t n = 0;
    const struct series_cell *c =
        series_cells(j->s, PLANE_GOROUTINE, point, &n);
    for (size_t i = 0; i < n; i++) {
        if (c[i].row == row && c[i].in_use > 0) {
            return true;
        }
    }
    return false;
}

/* Snapshots in a row, up to the last, that show it there. */
static size_t looks_of(const struct judge *j, uint32_t row)
{
    size_t at = series_n_points(j->s, PLANE_GOROUTINE);
    size_t n = 0;
    for (; at > 0 && has_row(j, at - 1, row); at--) {
        n++;
    }
    return n;
}

void judge_finalizers(struct judge *j)
{
    size_t most = LOOKS_MIN - 1;
    for (uint32_t r = 0; r < j->n_rows; r++) {
        const struct row_facts *f = &j->rows[r];
        const size_t n = runs_finalizers(j, f) ? looks_of(j, r) : 0;
        if (n > most) {
            most = n;
            j->finalizer_note = arena_printf(
                j->arena,
                "the goroutine that runs finalizers is in %s in each of the "
                "last %zu snapshots: if it waits there for ever, nothing that "
                "has a finalizer is freed",
                series_func_name(j->s, f->site), n);
        }
    }
}
