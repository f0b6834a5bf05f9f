/* -comments: what whoever made the profile wrote into it. */
#include "report/pprof.h"

#include "base/banned.h"

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    (void)o;
    for (uint32_t i = 0; i < p->n_comments; i++) {
        buf_span(out, profile_span(p, p->comments[i]));
        buf_char(out, '\n');
    }
    return buf_check(out, "comments", err);
}

const struct pprof_report pprof_report_comments = {
    .name = "comments",
    .summary = "the comments of the profile",
    .print = print,
};
