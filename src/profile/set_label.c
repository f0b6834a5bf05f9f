/* One label for every sample; the one value takes the place of all that a
   sample had for the key. */
#include <stdlib.h>

#include "profile/select.h"
#include "profile/strings_private.h"

struct relabelling {
    struct profile *p;
    struct profile_label *labels;
    uint32_t *off;
    uint32_t n;
    struct profile_label label;
};

static bool init(struct relabelling *r, struct err *err)
{
    const struct profile *p = r->p;
    const size_t n = (size_t)p->n_labels + p->n_samples;
    if (n >= UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many labels");
    }
    r->labels = calloc(n + 1, sizeof(*r->labels));
    r->off = calloc((size_t)p->n_samples + 1, sizeof(*r->off));
    return (r->labels != NULL && r->off != NULL) || err_nomem(err, "set label");
}

static bool has_key(const struct relabelling *r, const struct profile_label *l)
{
    return !l->is_num && (l->key.i == r->label.key.i ||
                          span_eq(profile_span(r->p, l->key),
                                  profile_span(r->p, r->label.key)));
}

static void relabel_sample(struct relabelling *r, uint32_t s)
{
    const struct profile *p = r->p;
    const uint32_t end = p->label_off ? p->label_off[s + 1] : 0;
    for (uint32_t i = p->label_off ? p->label_off[s] : 0; i < end; i++) {
        if (!has_key(r, &p->labels[i])) {
            r->labels[r->n++] = p->labels[i];
        }
    }
    r->labels[r->n++] = r->label;
    r->off[s + 1] = r->n;
}

bool profile_set_label(struct profile *p, struct span key, struct span value,
                       struct err *err)
{
    struct relabelling r = {.p = p};
    if (p->n_samples == 0) {
        return true;
    }
    if (!strings_add(p, key, &r.label.key, err) ||
        !strings_add(p, value, &r.label.str, err) || !init(&r, err)) {
        free(r.labels);
        free(r.off);
        return false;
    }
    for (uint32_t s = 0; s < p->n_samples; s++) {
        relabel_sample(&r, s);
    }
    free(p->labels);
    free(p->label_off);
    p->labels = r.labels;
    p->label_off = r.off;
    p->n_labels = r.n;
    return true;
}
