/* The order in which a sample's labels are written and compared. */
#ifndef SEEP_PROFILE_LABELS_PRIVATE_H
#define SEEP_PROFILE_LABELS_PRIVATE_H

#include "profile/model.h"

/* String labels before numeric ones, then by key; the values of one key keep
   their order. In place, labels of profile `p`. False: out of memory. */
bool labels_sort(const struct profile *p, struct profile_label *labels,
                 uint32_t n) MUST_USE;

#endif
