/* See compose_private.h. */
#include "rules/compose_private.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 32 };

const double compose_goroutine_bytes = 2592;

static void fill_params(const struct rules_options *options,
                        const struct rule *r, double *params)
{
    for (size_t i = 0; i < r->n_params && i < PARAMS_MAX; i++) {
        params[i] = r->params[i].value;
        for (size_t k = 0; options && k < options->n_settings; k++) {
            const struct rules_setting *s = &options->settings[k];
            if (strcmp(s->rule, r->id) == 0 &&
                strcmp(s->param, r->params[i].name) == 0) {
                params[i] = s->value;
            }
        }
    }
}

const struct rule *compose_match(const struct rules_options *options,
                                 const struct evidence *e, struct arena *arena,
                                 struct rule_match *match)
{
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        const struct rule *r = all[i];
        double params[PARAMS_MAX] = {0};
        fill_params(options, r, params);
        *match = (struct rule_match){.arena = arena};
        if ((r->kinds & RULE_KIND((unsigned)e->kind)) &&
            r->check(r, e, params, match)) {
            return r;
        }
    }
    return NULL;
}

static const char **join(struct arena *arena, const char *const *first,
                         size_t n_first, const char *const *more, size_t n_more,
                         size_t *n_out)
{
    const char **lines = arena_new(arena, const char *, n_first + n_more + 1);
    size_t n = 0;
    for (size_t i = 0; lines && i < n_first; i++) {
        lines[n++] = first[i];
    }
    for (size_t i = 0; lines && i < n_more && more[i]; i++) {
        lines[n++] = more[i];
    }
    *n_out = n;
    return lines;
}

bool compose_texts(struct arena *arena, const struct rule_match *m,
                   const char *const *lines, size_t n_lines, struct finding *f,
                   struct err *err)
{
    f->headline = m->headline ? m->headline : f->rule->headline;
    f->cause = m->cause ? m->cause : f->rule->why;
    f->why = m->why;
    f->fix = m->fix ? m->fix : f->rule->fix;
    f->confirm = m->confirm ? m->confirm : f->rule->confirm;
    f->evidence =
        join(arena, lines, n_lines, m->evidence, m->n_evidence, &f->n_evidence);
    const bool has_own = m->n_alternatives > 0;
    f->alternatives =
        join(arena, NULL, 0, has_own ? m->alternatives : f->rule->alternatives,
             has_own ? m->n_alternatives : 4, &f->n_alternatives);
    return (f->evidence && f->alternatives) ||
           err_nomem(err, "writing a finding");
}

bool findings_push(struct findings *out, size_t *cap, const struct finding *f,
                   struct err *err)
{
    if (out->n == *cap) {
        const size_t more = *cap ? *cap * 2 : 16;
        struct finding *items = arena_new(&out->arena, struct finding, more);
        if (!items) {
            return err_nomem(err, "collecting findings");
        }
        if (out->n > 0) {
            memcpy(items, out->items, out->n * sizeof *items);
        }
        out->items = items;
        *cap = more;
    }
    out->items[out->n++] = *f;
    return true;
}

static int by_weight(const void *pa, const void *pb)
{
    const struct finding *a = pa;
    const struct finding *b = pb;
    if (a->grade != b->grade) {
        return a->grade > b->grade ? -1 : 1;
    }
    if (a->rank_bytes_per_hour > b->rank_bytes_per_hour ||
        a->rank_bytes_per_hour < b->rank_bytes_per_hour) {
        return a->rank_bytes_per_hour > b->rank_bytes_per_hour ? -1 : 1;
    }
    return strcmp(a->id, b->id);
}

void findings_sort(struct findings *out)
{
    if (out->n > 1) {
        qsort(out->items, out->n, sizeof *out->items, by_weight);
    }
}
