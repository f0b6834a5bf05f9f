/* See natural.h. */
#include "base/natural.h"

#include <stdbool.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares the numbers that begin at both, moves past them when equal. */
static int compare_numbers(const char **a, const char **b)
{
    const char *x = *a + strspn(*a, "0");
    const char *y = *b + strspn(*b, "0");
    const size_t n = strspn(x, "0123456789");
    const size_t m = strspn(y, "0123456789");
    if (n != m) {
        return n < m ? -1 : 1;
    }
    const int order = n ? memcmp(x, y, n) : 0;
    *a = x + n;
    *b = y + m;
    return order;
}

int natural_compare(const char *a, const char *b)
{
    const char *const whole_a = a;
    const char *const whole_b = b;
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            const int order = compare_numbers(&a, &b);
            if (order != 0) {
                return order;
            }
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    if (*a || *b) {
        return *a ? 1 : -1;
    }
    /* "01" and "1" are one number; some order they must have. */
    return strcmp(whole_a, whole_b);
}
