/* The two kinds of numbers that the older formats have beside plain ones. */
#include "input/scan_private.h"

#include "base/num.h"

struct radix {
    const char *prefix;
    unsigned base;
};

/* The bare zero last: all of them begin with one. */
static const struct radix radixes[] = {
    {"0x", 16},
    {"0X", 16},
    {"0b", 2 },
    {"0B", 2 },
    {"0o", 8 },
    {"0O", 8 },
    {"0",  8 },
};

static unsigned digit_value(char c)
{
    if (scan_is_digit(c)) {
        return (unsigned)(c - '0');
    }
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static bool parse_magnitude(struct span digits, unsigned base, uint64_t *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!scan_is_hex(digits.p[i]) || digit_value(digits.p[i]) >= base ||
            !mul_u64(&sum, sum, base) ||
            !add_u64(&sum, sum, digit_value(digits.p[i]))) {
            return false;
        }
    }
    *out = sum;
    return digits.len > 0;
}

bool scan_literal(struct span text, int64_t *out)
{
    struct span digits = text;
    const bool is_negative = span_starts(text, "-");
    if (is_negative || span_starts(text, "+")) {
        digits = span_from(text, 1);
    }
    unsigned base = 10;
    for (size_t i = 0; i < sizeof(radixes) / sizeof(radixes[0]); i++) {
        const size_t n = strlen(radixes[i].prefix);
        if (span_starts(digits, radixes[i].prefix) && digits.len > n) {
            digits = span_from(digits, n);
            base = radixes[i].base;
            break;
        }
    }
    uint64_t magnitude;
    if (!parse_magnitude(digits, base, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX) {
        return false;
    }
    *out = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

bool scan_address(struct span s, size_t *at, uint64_t *out, bool *fits)
{
    for (size_t i = *at; i + 2 < s.len; i++) {
        if (s.p[i] != '0' || s.p[i + 1] != 'x' ||
            !scan_is_lower_hex(s.p[i + 2])) {
            continue;
        }
        const size_t end = scan_lower_hex(s, i + 2);
        *fits = num_parse_hex(scan_cut(s, i + 2, end), out);
        *at = end;
        return true;
    }
    *at = s.len;
    return false;
}
