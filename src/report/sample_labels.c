#include "report/sample_labels_private.h"

#include "base/sort.h"
#include "report/pprof_private.h"

#include "base/banned.h"

static struct span key_of(const struct profile *p, uint32_t label)
{
    return profile_span(p, p->labels[label].key);
}

static int compare_labels(const void *a, const void *b, const void *ctx)
{
    const struct profile *p = ctx;
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    const int order = span_compare(key_of(p, x), key_of(p, y));
    return order != 0 ? order : (x > y) - (x < y);
}

static int compare_texts(const void *a, const void *b, const void *ctx)
{
    const struct buf *text = ctx;
    const struct sample_label_text *x = a;
    const struct sample_label_text *y = b;
    const struct span all = buf_view(text);
    return span_compare(span_first(span_from(all, x->start), x->len),
                        span_first(span_from(all, y->start), y->len));
}

static bool find_labels(struct sample_labels *s, uint32_t sample, bool is_num)
{
    const struct profile *p = s->p;
    s->labels.n = 0;
    if (p->label_off == NULL) {
        return true;
    }
    for (uint32_t i = p->label_off[sample]; i < p->label_off[sample + 1]; i++) {
        if (p->labels[i].is_num == is_num && !vec_u32_push(&s->labels, i)) {
            return false;
        }
    }
    sort_items(s->labels.items, s->labels.n, sizeof(uint32_t), compare_labels,
               p);
    return true;
}

/* Labels [first, end) have one key. */
static size_t end_of_key(const struct sample_labels *s, size_t first)
{
    const struct span key = key_of(s->p, s->labels.items[first]);
    size_t end = first + 1;
    while (end < s->labels.n &&
           span_eq(key, key_of(s->p, s->labels.items[end]))) {
        end++;
    }
    return end;
}

bool sample_labels_collect(struct sample_labels *s, uint32_t sample,
                           bool is_num, sample_label_write *write,
                           const void *ctx, struct err *err)
{
    buf_clear(&s->text);
    s->texts.n = 0;
    if (!find_labels(s, sample, is_num)) {
        return err_nomem(err, "labels of a sample");
    }
    for (size_t i = 0; i < s->labels.n;) {
        const size_t end = end_of_key(s, i);
        const size_t start = s->text.len;
        write(s, s->labels.items + i, end - i, ctx, &s->text);
        const struct sample_label_text t = {start, s->text.len - start};
        if (!sample_label_texts_push(&s->texts, t)) {
            return err_nomem(err, "labels of a sample");
        }
        i = end;
    }
    if (!buf_check(&s->text, "labels of a sample", err)) {
        return false;
    }
    sort_items(s->texts.items, s->texts.n, sizeof(struct sample_label_text),
               compare_texts, &s->text);
    return true;
}

void sample_labels_release(struct sample_labels *s)
{
    vec_u32_release(&s->labels);
    sample_label_texts_release(&s->texts);
    buf_release(&s->text);
}
