/*
 * One label for every sample of the last ones; the one value takes the place of
 * all that a sample had for the key. What is replaced leaves first, then labels
 * move back from the end on, so that nothing is copied that is not moved: half
 * of a difference is labelled.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "profile/select.h"
#include "profile/strings_private.h"

static bool has_key(const struct profile *p, const struct profile_label *l,
                    str_id key)
{
    return !l->is_num && (l->key.i == key.i || span_eq(profile_span(p, l->key),
                                                       profile_span(p, key)));
}

static void drop_labels(struct profile *p, uint32_t first_sample, str_id key)
{
    uint32_t from = p->label_off[first_sample];
    uint32_t to = from;
    for (uint32_t s = first_sample; s < p->n_samples; s++) {
        for (; from < p->label_off[s + 1]; from++) {
            if (!has_key(p, &p->labels[from], key)) {
                p->labels[to++] = p->labels[from];
            }
        }
        p->label_off[s + 1] = to;
    }
    p->n_labels = to;
}

/* Behind the labels of each sample there is room for one more. */
static void add_label(struct profile *p, uint32_t first_sample,
                      const struct profile_label *label)
{
    uint32_t n_more = p->n_samples - first_sample;
    p->n_labels += n_more;
    for (uint32_t s = p->n_samples; s > first_sample; s--, n_more--) {
        const uint32_t start = p->label_off[s - 1];
        const uint32_t end = p->label_off[s];
        p->labels[end + n_more - 1] = *label;
        memmove(&p->labels[start + n_more - 1], &p->labels[start],
                (end - start) * sizeof(*p->labels));
        p->label_off[s] = end + n_more;
    }
}

static bool make_room(struct profile *p, uint32_t n_more, struct err *err)
{
    const size_t n = (size_t)p->n_labels + n_more;
    if (n >= UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "too many labels");
    }
    struct profile_label *labels =
        realloc(p->labels, (n + 1) * sizeof(*p->labels));
    if (labels == NULL) {
        return err_nomem(err, "set label");
    }
    p->labels = labels;
    if (p->label_off == NULL) {
        p->label_off = calloc((size_t)p->n_samples + 1, sizeof(*p->label_off));
    }
    return p->label_off != NULL || err_nomem(err, "set label");
}

bool profile_set_label(struct profile *p, uint32_t first_sample,
                       struct span key, struct span value, struct err *err)
{
    struct profile_label label = {0};
    assert(first_sample <= p->n_samples);
    if (first_sample == p->n_samples) {
        return true;
    }
    if (!strings_add(p, key, &label.key, err) ||
        !strings_add(p, value, &label.str, err) ||
        !make_room(p, p->n_samples - first_sample, err)) {
        return false;
    }
    drop_labels(p, first_sample, label.key);
    add_label(p, first_sample, &label);
    return true;
}
