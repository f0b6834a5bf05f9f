/*
 * A table for spreadsheets and scripts: a row for each distinct stack, written
 * as in folded text, and a column for each sample type, named "type/unit".
 * Rows that are zero throughout are left out.
 */
#include "report/csv_private.h"
#include "report/export.h"
#include "report/pprof_private.h"
#include "report/stack_set_private.h"

#include "base/banned.h"

/* Clearing forgets a failure: it is kept in `out`. */
static void add_scratch(struct buf *out, const struct buf *scratch)
{
    csv_text(out, buf_view(scratch));
    out->failed_memory = out->failed_memory || scratch->failed_memory;
    out->failed_limit = out->failed_limit || scratch->failed_limit;
}

static void write_header(const struct profile *p, struct buf *out,
                         struct buf *scratch)
{
    buf_str(out, "stack");
    for (uint32_t i = 0; i < p->n_types; i++) {
        buf_clear(scratch);
        buf_span(scratch, profile_span(p, p->types[i].type));
        buf_char(scratch, '/');
        buf_span(scratch, profile_span(p, p->types[i].unit));
        csv_comma(out);
        add_scratch(out, scratch);
    }
    csv_end(out);
}

static bool is_zero(const int64_t *sums, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (sums[i] != 0) {
            return false;
        }
    }
    return true;
}

static void write_row(const struct stack_set *set, size_t stack,
                      const struct span *names, struct buf *out,
                      struct buf *scratch)
{
    const uint32_t n_types = set->profile->n_types;
    const int64_t *sums = set->sums.items + stack * n_types;
    if (is_zero(sums, n_types)) {
        return;
    }
    buf_clear(scratch);
    stack_fold(scratch, set, stack, names);
    add_scratch(out, scratch);
    for (uint32_t i = 0; i < n_types; i++) {
        csv_comma(out);
        pprof_int(out, sums[i]);
    }
    csv_end(out);
}

static bool write_csv(struct profile *p, const struct export_options *o,
                      struct buf *out, struct err *err)
{
    (void)o;
    struct stack_set set = {0};
    struct arena arena = {0};
    struct buf scratch = BUF_LIMIT(out->limit_bytes);
    bool ok = stack_set_build(&set, p, STACK_BY_NAME, err);
    struct span *names = ok ? stack_folded_names(&set, &arena) : NULL;
    if (ok && !names) {
        ok = err_nomem(err, "table of stacks");
    }
    if (ok) {
        write_header(p, out, &scratch);
    }
    for (size_t i = 0; ok && i < set.samples.n && buf_ok(out); i++) {
        write_row(&set, i, names, out, &scratch);
    }
    ok = ok && buf_check(out, "table of stacks", err);
    buf_release(&scratch);
    stack_set_release(&set);
    arena_release(&arena);
    return ok;
}

const struct export_format export_csv = {
    .name = "csv",
    .ending = ".csv",
    .summary = "a row for each stack, a column for each sample type",
    .write = write_csv,
};
