#include "base/dates.h"

/* Years whose nanoseconds fit int64. */
enum { YEAR_MIN = 1678, YEAR_MAX = 2262 };

/* `n` digits at the front of `rest`, with `end` behind them (0: nothing). */
static bool take_digits(struct span *rest, size_t n, char end, int64_t *out)
{
    const size_t width = n + (end != '\0');
    uint64_t v = 0;
    if (rest->len < width || (end != '\0' && rest->p[n] != end)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char c = rest->p[i];
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(c - '0');
    }
    *out = (int64_t)v;
    *rest = span_from(*rest, width);
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30,
                                         31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* Day number of a civil date, proleptic Gregorian; years begin in March, so
   that the leap day is the last of one. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = year - (month <= 2);
    const int64_t era = y / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t shifted_month = month > 2 ? month - 3 : month + 9;
    const int64_t of_year = (153 * shifted_month + 2) / 5 + day - 1;
    const int64_t of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    return era * 146097 + of_era - 719468;
}

static bool take_date(struct span *rest, char end, int64_t *days)
{
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!take_digits(rest, 4, '-', &year) ||
        !take_digits(rest, 2, '-', &month) ||
        !take_digits(rest, 2, end, &day) || year < YEAR_MIN ||
        year >= YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month)) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

bool date_parse(struct span s, int64_t *days)
{
    int64_t v = 0;
    if (!take_date(&s, '\0', &v) || s.len != 0) {
        return false;
    }
    *days = v;
    return true;
}

/* ".123" to nanoseconds; digits beyond the ninth count nothing. */
static bool take_fraction(struct span *rest, int64_t *ns)
{
    int64_t unit = 100000000;
    *ns = 0;
    if (!span_starts(*rest, ".")) {
        return true;
    }
    *rest = span_from(*rest, 1);
    const size_t before = rest->len;
    while (rest->len > 0 && rest->p[0] >= '0' && rest->p[0] <= '9') {
        *ns += unit * (rest->p[0] - '0');
        unit /= 10;
        *rest = span_from(*rest, 1);
    }
    return rest->len < before;
}

bool date_parse_moment(struct span s, int64_t *unix_ns)
{
    int64_t days = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t ns = 0;
    if (!take_date(&s, 'T', &days) || !take_digits(&s, 2, ':', &hour) ||
        !take_digits(&s, 2, ':', &minute) ||
        !take_digits(&s, 2, '\0', &second) || !take_fraction(&s, &ns) ||
        !span_is(s, "Z") || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    const int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    *unix_ns = seconds * 1000000000 + ns;
    return true;
}
