/* How targets get into a list; shared by the forms they are written in. */
#ifndef SEEP_WATCH_TARGETS_PRIVATE_H
#define SEEP_WATCH_TARGETS_PRIVATE_H

#include "watch/targets.h"

enum {
    TARGET_ADDRESS_BYTES_MAX = 4096,
    /* Kubernetes allows names of 63 bytes behind a prefix of 253. */
    TARGET_LABEL_NAME_BYTES_MAX = 320,
    TARGET_LABEL_VALUE_BYTES_MAX = 4096,
    TARGET_LABELS_MAX = 128
};

/* Labels of one target while they are read: spans of the input. */
struct target_label {
    struct span name, value;
};
struct target_draft {
    struct span address;
    struct target_label labels[TARGET_LABELS_MAX]; /* "__" ones too */
    size_t n_labels;
};

/* Checks name and value. */
bool target_draft_label(struct target_draft *d, struct span name,
                        struct span value, struct err *err) MUST_USE;

bool watch_targets_put(struct watch_targets *t, const struct target_draft *d,
                       struct err *err) MUST_USE;

#endif
