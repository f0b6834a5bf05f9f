/*
 * The labels of one sample as google/pprof prints them: the values of a key
 * together, a text for each key, the texts in order.
 */
#ifndef SEEP_REPORT_SAMPLE_LABELS_PRIVATE_H
#define SEEP_REPORT_SAMPLE_LABELS_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "profile/profile.h"

struct sample_label_text {
    size_t start, len; /* in the buffer */
};
VEC_TYPE(sample_label_texts, struct sample_label_text)

/* Zeroed but for the limit of `text`; used again for every sample. */
struct sample_labels {
    const struct profile *p;
    struct vec_u32 labels; /* indices, by key and then as they stand */
    struct buf text;
    struct sample_label_texts texts;
};

/* Appends the text of the `n` labels `labels` (indices) of one key. */
typedef void sample_label_write(const struct sample_labels *s,
                                const uint32_t *labels, size_t n,
                                const void *ctx, struct buf *out);

/* Fills `texts` with those of the labels of `sample` that are numeric, or are
   not. */
bool sample_labels_collect(struct sample_labels *s, uint32_t sample,
                           bool is_num, sample_label_write *write,
                           const void *ctx, struct err *err) MUST_USE;

static inline struct span sample_labels_at(const struct sample_labels *s,
                                           size_t i)
{
    const struct sample_label_text t = s->texts.items[i];
    return span_first(span_from(buf_view(&s->text), t.start), t.len);
}

void sample_labels_release(struct sample_labels *s);

#endif
