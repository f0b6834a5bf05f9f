/* Order of names where runs of digits compare as numbers: 2 before 10. */
#ifndef SEEP_BASE_NATURAL_H
#define SEEP_BASE_NATURAL_H

/* Below, at or above 0. A total order: "01" and "1" differ. */
int natural_compare(const char *a, const char *b);

#endif
