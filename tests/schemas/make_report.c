/*
 * Writes a made-up report in one of the output formats, for tools outside to
 * check: make_report FORMAT KIND. The kinds are the sizes and texts that break
 * writers.
 */
#include "report/sample.h"

#include <stdio.h>
#include <stdlib.h>

/* `n` findings of every state, each with an id of its own; or plain ones. */
static const struct report *many(struct sample_review *v, size_t n)
{
    struct finding *items = calloc(n > 0 ? n : 1, sizeof(*items));
    assert_non_null(items);
    sample_reviewed(v);
    for (size_t i = 0; i < n; i++) {
        items[i] = v->items[i % 6];
        snprintf(items[i].id, sizeof items[i].id, "%016zx", i);
    }
    v->base.findings.items = items;
    v->base.findings.n = n;
    return &v->base.report;
}

static const struct report *made(const char *kind, struct sample_review *v)
{
    char *end = NULL;
    const size_t n = strtoul(kind, &end, 10);
    if (*kind && !*end) {
        return many(v, n);
    }
    if (strcmp(kind, "reviewed") == 0) {
        return sample_reviewed(v);
    }
    if (strcmp(kind, "hostile") == 0) {
        return sample_hostile_review(v);
    }
    sample_with_table(&v->base);
    if (strcmp(kind, "tables") == 0) {
        v->base.report.findings = NULL;
    } else if (strcmp(kind, "inconclusive") == 0) {
        v->base.findings.n = 0;
        v->base.findings.verdict = VERDICT_INCONCLUSIVE;
    } else if (strcmp(kind, "plain") != 0) {
        return NULL;
    }
    return &v->base.report;
}

int main(int argc, char **argv)
{
    static struct sample_review v;
    const struct renderer *renderer =
        argc == 3 ? report_renderer_find(argv[1]) : NULL;
    const struct report *report = renderer ? made(argv[2], &v) : NULL;
    if (!report) {
        fprintf(stderr, "usage: make_report FORMAT "
                        "N|reviewed|hostile|tables|inconclusive|plain\n");
        return 2;
    }
    struct err err = {0};
    struct buf out = BUF_LIMIT((size_t)256 << 20);
    const struct render_options o = {.columns = 100};
    if (!renderer->render(report, &o, &out, &err)) {
        fprintf(stderr, "make_report: %s\n", err.text);
        return 1;
    }
    const bool ok = fwrite(out.data, 1, out.len, stdout) == out.len;
    buf_release(&out);
    return ok && fflush(stdout) == 0 ? 0 : 1;
}
