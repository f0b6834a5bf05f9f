/* Names of functions as frame expressions see them. */
#ifndef SEEP_PROFILE_SIMPLE_NAME_PRIVATE_H
#define SEEP_PROFILE_SIMPLE_NAME_PRIVATE_H

#include "base/span.h"

/* The name without a leading '.' and without its arguments. */
struct span simple_name(struct span name);

#endif
