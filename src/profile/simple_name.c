/*
 * A C++ name carries its arguments, and some ABIs put a dot in front; frame
 * expressions speak of neither. Two names that have parentheses of their own
 * are no argument lists.
 */
#include "profile/simple_name_private.h"

/* Length of the reserved name at the front of `s` that has parentheses but no
   arguments, or 0. */
static size_t reserved_name(struct span s)
{
    if (span_starts(s, "(anonymous namespace)")) {
        return sizeof("(anonymous namespace)") - 1;
    }
    return span_starts(s, "operator()") ? sizeof("operator()") - 1 : 0;
}

struct span simple_name(struct span name)
{
    if (name.len != 0 && name.p[0] == '.') {
        name = span_from(name, 1);
    }
    size_t i = 0;
    while (i < name.len) {
        const size_t reserved = reserved_name(span_from(name, i));
        if (reserved == 0 && name.p[i] == '(') {
            return span_first(name, i);
        }
        i += reserved != 0 ? reserved : 1;
    }
    return name;
}
