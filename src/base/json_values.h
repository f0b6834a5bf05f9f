/* Values as all documents of this program write them. */
#ifndef SEEP_BASE_JSON_VALUES_H
#define SEEP_BASE_JSON_VALUES_H

#include <jansson.h>
#include <stdint.h>

/* Whole numbers as integers, so that counts read as counts; what is not finite
   is null. NULL: out of memory. */
json_t *json_of_number(double v);

/* RFC 3339 of nanoseconds since 1970; 0 is null. NULL: out of memory. */
json_t *json_of_moment(int64_t nanos);

#endif
