/*
 * Everything here is independent of the locale: decimal points are written
 * and read by hand, never by printf's or strtod's.
 */
#include "base/num.h"

#include <assert.h>
#include <math.h>

#include "base/banned.h"

/* --- Checked arithmetic --- */

bool add_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    if (a > UINT64_MAX - b) {
        return false;
    }
    *out = a + b;
    return true;
}

bool mul_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    if (b != 0 && a > UINT64_MAX / b) {
        return false;
    }
    *out = a * b;
    return true;
}

bool u32_from_u64(uint32_t *out, uint64_t v)
{
    if (v > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

bool size_from_u64(size_t *out, uint64_t v)
{
    if (v > SIZE_MAX) {
        return false;
    }
    *out = (size_t)v;
    return true;
}

int64_t add_sat_i64(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b) {
        return INT64_MAX;
    }
    if (b < 0 && a < INT64_MIN - b) {
        return INT64_MIN;
    }
    return a + b;
}

int64_t sub_sat_i64(int64_t a, int64_t b)
{
    if (b < 0 && a > INT64_MAX + b) {
        return INT64_MAX;
    }
    if (b > 0 && a < INT64_MIN + b) {
        return INT64_MIN;
    }
    return a - b;
}

/* --- Reading --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Value of one digit in base 16, or 16. */
static unsigned digit_value(char c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

static bool parse_base(struct span s, unsigned base, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        const unsigned digit = digit_value(s.p[i]);
        if (digit >= base || !mul_u64(&v, v, base) || !add_u64(&v, v, digit)) {
            return false;
        }
    }
    if (s.len == 0) {
        return false;
    }
    *out = v;
    return true;
}

bool num_parse_u64(struct span s, uint64_t *out)
{
    return parse_base(s, 10, out);
}

bool num_parse_hex(struct span s, uint64_t *out)
{
    return parse_base(s, 16, out);
}

/* Cuts one leading sign off; true when it was a minus. */
static bool take_sign(struct span *s)
{
    if (s->len == 0 || (s->p[0] != '-' && s->p[0] != '+')) {
        return false;
    }
    const bool is_negative = s->p[0] == '-';
    *s = span_from(*s, 1);
    return is_negative;
}

/* -(2^63) has no positive counterpart, hence the unsigned way round. */
static bool signed_from(uint64_t magnitude, bool is_negative, int64_t *out)
{
    const uint64_t most = (uint64_t)INT64_MAX + is_negative;
    if (magnitude > most) {
        return false;
    }
    if (is_negative && magnitude == most) {
        *out = INT64_MIN;
    } else {
        *out = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    }
    return true;
}

bool num_parse_i64(struct span s, int64_t *out)
{
    const bool is_negative = take_sign(&s);
    uint64_t magnitude = 0;
    return parse_base(s, 10, &magnitude) &&
           signed_from(magnitude, is_negative, out);
}

/* A decimal number being read: digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int exponent;
    bool has_digits;
};

/* 10^18: one more digit always fits into 64 bits. */
#define DECIMAL_FULL UINT64_C(1000000000000000000)

static void take_digits(struct span *s, bool is_fraction, struct decimal *d)
{
    while (s->len > 0 && is_digit(s->p[0])) {
        if (d->digits < DECIMAL_FULL) {
            d->digits = d->digits * 10 + (uint64_t)(s->p[0] - '0');
            d->exponent -= is_fraction;
        } else {
            d->exponent += !is_fraction;
        }
        d->has_digits = true;
        *s = span_from(*s, 1);
    }
}

static bool take_exponent(struct span *s, struct decimal *d)
{
    if (s->len == 0 || (s->p[0] | 0x20) != 'e') {
        return true;
    }
    *s = span_from(*s, 1);
    const bool is_negative = take_sign(s);
    uint64_t e = 0;
    /* Beyond 10^5 a double is 0 or infinite whatever the digits say. */
    if (!parse_base(*s, 10, &e) || e > 100000) {
        return false;
    }
    *s = span_from(*s, s->len);
    d->exponent += is_negative ? -(int)e : (int)e;
    return true;
}

/* Digits and powers up to 10^27 are exact in long double's 64 bits, so usual
   numbers are rounded once. */
static double decimal_value(const struct decimal *d)
{
    const long double digits = (long double)d->digits;
    if (d->digits == 0) {
        return 0;
    }
    if (d->exponent < 0) {
        return (double)(digits / powl(10, (long double)-d->exponent));
    }
    return (double)(digits * powl(10, (long double)d->exponent));
}

bool num_parse_double(struct span s, double *out)
{
    const bool is_negative = take_sign(&s);
    struct decimal d = {0};
    take_digits(&s, false, &d);
    if (s.len > 0 && s.p[0] == '.') {
        s = span_from(s, 1);
        take_digits(&s, true, &d);
    }
    if (!d.has_digits || !take_exponent(&s, &d) || s.len > 0) {
        return false;
    }
    const double v = decimal_value(&d);
    if (!isfinite(v)) {
        return false;
    }
    *out = is_negative ? -v : v;
    return true;
}

/* Value of a unit of bytes, or 0: k, m, g, t, p, each also with b or ib. */
static uint64_t byte_unit(struct span s)
{
    static const char letters[] = "kmgtp";
    if (s.len == 0) {
        return 1;
    }
    const char first = (char)(s.p[0] | 0x20);
    if (first == 'b') {
        return s.len == 1;
    }
    const struct span tail = span_from(s, 1);
    const bool has_tail = tail.len == 0 ||
                          (tail.len == 1 && (tail.p[0] | 0x20) == 'b') ||
                          (tail.len == 2 && (tail.p[0] | 0x20) == 'i' &&
                           (tail.p[1] | 0x20) == 'b');
    const size_t i = span_find_char(SPAN_LIT(letters), first);
    return has_tail && i < sizeof(letters) - 1 ? UINT64_C(1) << (10 * (i + 1))
                                               : 0;
}

/* Length of the leading digits and points. */
static size_t number_len(struct span s)
{
    size_t n = 0;
    while (n < s.len && (is_digit(s.p[n]) || s.p[n] == '.')) {
        n++;
    }
    return n;
}

bool num_parse_bytes(struct span s, uint64_t *out)
{
    s = span_trim(s);
    const size_t n = number_len(s);
    const struct span number = span_first(s, n);
    const uint64_t unit = byte_unit(span_trim(span_from(s, n)));
    if (unit == 0) {
        return false;
    }
    uint64_t whole = 0;
    if (num_parse_u64(number, &whole)) {
        return mul_u64(out, whole, unit);
    }
    double v = 0;
    if (!num_parse_double(number, &v)) {
        return false;
    }
    v = round(v * (double)unit);
    if (v >= 0x1p64) {
        return false;
    }
    *out = (uint64_t)v;
    return true;
}

static const struct {
    const char *name;
    uint64_t ns;
} duration_units[] = {
    {"ns",      1                      },
    {"us",      1000                   },
    {"\u00b5s", 1000                   }, /* micro sign */
    {"\u03bcs", 1000                   }, /* Greek mu */
    {"ms",      1000000                },
    {"s",       1000000000             },
    {"m",       UINT64_C(60000000000)  },
    {"h",       UINT64_C(3600000000000)},
};

/* Nanoseconds of a unit's name, or 0. */
static uint64_t duration_unit(struct span name)
{
    const size_t n = sizeof(duration_units) / sizeof(duration_units[0]);
    for (size_t i = 0; i < n; i++) {
        if (span_is(name, duration_units[i].name)) {
            return duration_units[i].ns;
        }
    }
    return 0;
}

/* "1.5h" and the like off the front of `s`, added to `total`. */
static bool take_duration_part(struct span *s, uint64_t *total)
{
    const size_t n = number_len(*s);
    const struct span number = span_first(*s, n);
    *s = span_from(*s, n);
    size_t unit_len = 0;
    while (unit_len < s->len && !is_digit(s->p[unit_len]) &&
           s->p[unit_len] != '.') {
        unit_len++;
    }
    const uint64_t unit = duration_unit(span_first(*s, unit_len));
    *s = span_from(*s, unit_len);
    if (unit == 0) {
        return false;
    }
    const size_t point = span_find_char(number, '.');
    uint64_t whole = 0;
    if (point > 0 && !num_parse_u64(span_first(number, point), &whole)) {
        return false;
    }
    uint64_t part = 0;
    if (!mul_u64(&part, whole, unit) || !add_u64(total, *total, part)) {
        return false;
    }
    double fraction = 0;
    if (point < number.len && number.len > 1 &&
        !num_parse_double(span_from(number, point), &fraction)) {
        /* "5." has no digits after the point, which Go accepts. */
        if (point + 1 != number.len) {
            return false;
        }
    }
    return number.len > (point < number.len ? 1U : 0U) &&
           add_u64(total, *total, (uint64_t)(fraction * (double)unit));
}

bool num_parse_duration(struct span s, int64_t *out_ns)
{
    const bool is_negative = take_sign(&s);
    if (span_is(s, "0")) {
        *out_ns = 0;
        return true;
    }
    if (s.len == 0) {
        return false;
    }
    uint64_t total = 0;
    while (s.len > 0) {
        if (!take_duration_part(&s, &total)) {
            return false;
        }
    }
    return signed_from(total, is_negative, out_ns);
}

/* --- Writing --- */

static const char unknown[] = "unknown";

/* |v| with so many decimals, rounded half away from zero. */
static void add_fixed(struct buf *b, double v, unsigned decimals)
{
    static const uint64_t powers[] = {
        1,      10,      100,      1000,      10000,
        100000, 1000000, 10000000, 100000000, 1000000000,
    };
    assert(decimals < sizeof(powers) / sizeof(powers[0]));
    v = fabs(v);
    const double scaled = round(v * (double)powers[decimals]);
    if (scaled >= 0x1p63) {
        buf_printf(b, "%.0f", v);
        return;
    }
    const uint64_t units = (uint64_t)scaled;
    buf_printf(b, "%llu", (unsigned long long)(units / powers[decimals]));
    if (decimals > 0) {
        buf_printf(b, ".%0*llu", (int)decimals,
                   (unsigned long long)(units % powers[decimals]));
    }
}

/* The same without trailing zeros. */
static void add_trimmed(struct buf *b, double v, unsigned decimals)
{
    while (decimals > 0) {
        const double scale = pow(10, (double)decimals - 1);
        const double finer = round(fabs(v) * scale * 10);
        if (fmod(finer, 10) != 0) {
            break;
        }
        decimals--;
    }
    add_fixed(b, v, decimals);
}

/* Decimals that give 0 < v < 1 two significant digits after rounding. */
static unsigned two_digits(double v)
{
    unsigned decimals = 2;
    double scaled = v * 100;
    while (scaled < 9.95 && decimals < 9) {
        scaled *= 10;
        decimals++;
    }
    return decimals;
}

void num_bytes(struct buf *b, double bytes)
{
    static const char *const units[] = {"B",  "KB", "MB", "GB",
                                        "TB", "PB", "EB"};
    const size_t last = sizeof(units) / sizeof(units[0]) - 1;
    if (!isfinite(bytes)) {
        buf_str(b, unknown);
        return;
    }
    double v = fabs(bytes);
    size_t unit = 0;
    /* 1023.5 would round to 1024, which is 1.0 of the next unit. */
    while (v >= 1023.5 && unit < last) {
        v /= 1024;
        unit++;
    }
    if (bytes < 0 && (unit > 0 || v >= 0.5)) {
        buf_char(b, '-');
    }
    add_fixed(b, v, unit > 0 && v < 99.95 ? 1 : 0);
    buf_printf(b, " %s", units[unit]);
}

void num_count(struct buf *b, int64_t n)
{
    char digits[32];
    size_t len = 0;
    uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
    do {
        digits[len++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0) {
        buf_char(b, '-');
    }
    for (size_t i = len; i > 0; i--) {
        buf_char(b, digits[i - 1]);
        if (i > 1 && i % 3 == 1) {
            buf_char(b, ',');
        }
    }
}

void num_short(struct buf *b, double v)
{
    static const char suffixes[] = {'k', 'M', 'G', 'T', 'P'};
    if (!isfinite(v)) {
        buf_str(b, unknown);
        return;
    }
    double left = fabs(v);
    if (left == 0) {
        buf_char(b, '0');
        return;
    }
    if (v < 0) {
        buf_char(b, '-');
    }
    if (left < 1e-6 || left >= 1e18) {
        buf_printf(b, "%.0e", left);
        return;
    }
    size_t steps = 0;
    while (left >= 999.5 && steps < sizeof(suffixes)) {
        left /= 1000;
        steps++;
    }
    if (left < 0.995) {
        add_trimmed(b, left, two_digits(left));
    } else if (left < 9.95 || (steps == 0 && left < 99.95)) {
        add_trimmed(b, left, 1);
    } else {
        add_fixed(b, left, 0);
    }
    if (steps > 0) {
        buf_char(b, suffixes[steps - 1]);
    }
}

/* "3 days", "1 h", with the second unit only when it is not 0. */
static void add_two_units(struct buf *b, uint64_t n, const char *unit,
                          uint64_t rest, const char *rest_unit)
{
    buf_printf(b, "%llu %s", (unsigned long long)n, unit);
    if (rest > 0) {
        buf_printf(b, " %llu %s", (unsigned long long)rest, rest_unit);
    }
}

static void add_long_time(struct buf *b, double seconds)
{
    const uint64_t s = (uint64_t)llround(seconds);
    const uint64_t minutes = (uint64_t)llround(seconds / 60);
    const uint64_t hours = (uint64_t)llround(seconds / 3600);
    if (s < 600) {
        add_two_units(b, s / 60, "min", s % 60, "s");
    } else if (minutes < 60) {
        add_two_units(b, minutes, "min", 0, "");
    } else if (minutes < UINT64_C(48) * 60) {
        add_two_units(b, minutes / 60, "h", minutes % 60, "min");
    } else if (hours < 240) {
        add_two_units(b, hours / 24, "days", hours % 24, "h");
    } else {
        add_two_units(b, (hours + 12) / 24, "days", 0, "");
    }
}

void num_seconds(struct buf *b, double seconds)
{
    /* 100 years: what is further off is not a forecast. */
    const double most = 100 * 365.25 * 86400;
    if (isnan(seconds)) {
        buf_str(b, unknown);
        return;
    }
    if (seconds < 0) {
        buf_char(b, '-');
        seconds = -seconds;
    }
    if (seconds > most) {
        buf_str(b, "over 100 years");
    } else if (seconds >= 59.95) {
        add_long_time(b, seconds);
    } else if (seconds >= 0.9995 || seconds == 0) {
        add_trimmed(b, seconds, 1);
        buf_str(b, " s");
    } else {
        add_trimmed(b, seconds * 1000, seconds < 0.00995 ? 1 : 0);
        buf_str(b, " ms");
    }
}

void num_p(struct buf *b, double p)
{
    if (isnan(p)) {
        buf_str(b, unknown);
    } else if (p <= 0) {
        buf_char(b, '0');
    } else if (p < 0.001) {
        buf_printf(b, "%.0e", p);
    } else if (p < 0.995) {
        add_fixed(b, p, two_digits(p));
    } else {
        add_trimmed(b, p, 1);
    }
}

/* Civil date of a day number, proleptic Gregorian; eras of 400 years that
   begin in March, so that the leap day is the last day of a year. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month,
                            unsigned *day)
{
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const unsigned of_era = (unsigned)(shifted - era * 146097);
    const unsigned year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year =
        of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted_month = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

void num_rfc3339(struct buf *b, int64_t unix_ns)
{
    const int64_t second_ns = 1000000000;
    int64_t seconds = unix_ns / second_ns;
    int64_t rest_ns = unix_ns % second_ns;
    if (rest_ns < 0) {
        rest_ns += second_ns;
        seconds--;
    }
    int64_t days = seconds / 86400;
    int64_t of_day = seconds % 86400;
    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    civil_from_days(days, &year, &month, &day);
    buf_printf(b, "%04d-%02u-%02uT%02d:%02d:%02d", (int)year, month, day,
               (int)(of_day / 3600), (int)(of_day / 60 % 60),
               (int)(of_day % 60));
    if (rest_ns >= 1000000) {
        buf_printf(b, ".%03d", (int)(rest_ns / 1000000));
    }
    buf_char(b, 'Z');
}
