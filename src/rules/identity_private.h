/* Stable ids of findings. */
#ifndef SEEP_RULES_IDENTITY_PRIVATE_H
#define SEEP_RULES_IDENTITY_PRIVATE_H

#include "base/err.h"
#include "rules/rules.h"

/* Fills id and loose_id from profile kind, stack and site. */
bool finding_set_ids(struct finding *f, struct err *err) MUST_USE;

#endif
