/*
 * Three families of units, each a table of names and factors. A value is
 * brought to the family's base unit and from there to the one asked for.
 *
 * Reports write millions of values, so numbers become text without printf:
 * fma() tells how far a product is from the exact one, and with that the
 * rounding is printf's (and Go's), to the nearest and to even in the middle.
 */
#include "base/measure.h"

#include <math.h>

#include "base/banned.h"

struct unit {
    const char *name;       /* canonical, as printed */
    const char *aliases[3]; /* lower case, singular; NULL = no more */
    double factor;
};

struct measure_family {
    const struct unit *units;
    size_t n;
    const char *name; /* what a value is in when no unit fits */
    double factor;
};

/* clang-format off */
static const struct unit memory[] = {
    {"B",  {"b", "byte"},               1},
    {"kB", {"kb", "kbyte", "kilobyte"}, 0x1p10},
    {"MB", {"mb", "mbyte", "megabyte"}, 0x1p20},
    {"GB", {"gb", "gbyte", "gigabyte"}, 0x1p30},
    {"TB", {"tb", "tbyte", "terabyte"}, 0x1p40},
    {"PB", {"pb", "pbyte", "petabyte"}, 0x1p50},
};

static const struct unit duration[] = {
    {"ns",  {"ns", "nanosecond"},                1},
    {"us",  {"\u03bcs", "us", "microsecond"},    1e3},
    {"ms",  {"ms", "millisecond"},               1e6},
    {"s",   {"s", "sec", "second"},              1e9},
    {"hrs", {"hour", "hr"},                      3600e9},
};

/* Google compute units. */
static const struct unit compute[] = {
    {"n*GCU", {"nanogcu"},  1e-9},
    {"u*GCU", {"microgcu"}, 1e-6},
    {"m*GCU", {"milligcu"}, 1e-3},
    {"GCU",   {"gcu"},      1},
    {"k*GCU", {"kilogcu"},  1e3},
    {"M*GCU", {"megagcu"},  1e6},
    {"G*GCU", {"gigagcu"},  1e9},
    {"T*GCU", {"teragcu"},  1e12},
    {"P*GCU", {"petagcu"},  1e15},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))
static const struct measure_family families[] = {
    {memory,   N(memory),   "B",   1},
    {duration, N(duration), "s",   1e9},
    {compute,  N(compute),  "GCU", 1},
};
/* clang-format on */

/* Longer than any alias. */
enum { UNIT_BYTES = 16 };

/* Lower case, and without the s of a plural. */
static size_t simplify(struct span unit, char out[UNIT_BYTES])
{
    size_t n = unit.len;
    if (n > 2 && (unit.p[n - 1] | 0x20) == 's') {
        n--;
    }
    if (n >= UNIT_BYTES) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const int c = (unsigned char)unit.p[i];
        const bool is_upper = c >= 'A' && c <= 'Z';
        out[i] = (char)(is_upper ? c - 'A' + 'a' : c);
    }
    return n;
}

static const struct unit *find_unit(const struct measure_family *f,
                                    struct span unit)
{
    char text[UNIT_BYTES];
    const size_t n = simplify(unit, text);
    for (size_t i = 0; n > 0 && i < f->n; i++) {
        for (size_t k = 0; k < N(f->units[i].aliases); k++) {
            const char *alias = f->units[i].aliases[k];
            if (alias != NULL && span_is((struct span){text, n}, alias)) {
                return &f->units[i];
            }
        }
    }
    return NULL;
}

static bool is_automatic(struct span unit)
{
    return span_is(unit, "minimum") || span_is(unit, "auto");
}

/* The largest unit in which `v` is at least 1, or NULL. */
static const struct unit *natural_unit(const struct measure_family *f, double v)
{
    const struct unit *best = NULL;
    for (size_t i = 0; i < f->n; i++) {
        if (v / f->units[i].factor >= 1.0) {
            best = &f->units[i];
        }
    }
    return best;
}

/* Units that are not worth saying. */
static bool is_silent(struct span unit)
{
    return span_is(unit, "count") || span_is(unit, "sample") ||
           span_is(unit, "unit") || is_automatic(unit);
}

struct measure measure_between(struct span from, struct span to)
{
    for (size_t i = 0; i < N(families); i++) {
        const struct measure_family *f = &families[i];
        const struct unit *u = find_unit(f, from);
        if (u != NULL) {
            const struct unit *t = is_automatic(to) ? NULL : find_unit(f, to);
            return (struct measure){
                .family = f,
                .from = u->factor,
                .to = t != NULL ? t->factor : f->factor,
                .unit = span_of(t != NULL ? t->name : f->name),
                .is_automatic = is_automatic(to),
            };
        }
    }
    return (struct measure){.unit = is_silent(to) ? SPAN_LIT("") : to};
}

double measure_apply(const struct measure *m, int64_t value, struct span *unit)
{
    struct span ignored;
    unit = unit != NULL ? unit : &ignored;
    *unit = m->unit;
    if (m->family == NULL) {
        return (double)value;
    }
    if (!m->is_automatic) {
        return (double)value * m->from / m->to;
    }
    /* A negative value has the unit of its opposite, when it has one. */
    const bool is_turned = value < 0 && value != INT64_MIN;
    const double v = (double)(is_turned ? -value : value) * m->from;
    const struct unit *u = natural_unit(m->family, v);
    *unit = u != NULL ? span_of(u->name) : m->unit;
    const double scaled = v / (u != NULL ? u->factor : m->to);
    return is_turned ? -scaled : scaled;
}

double measure_scale(int64_t value, struct span from, struct span to,
                     struct span *unit)
{
    const struct measure m = measure_between(from, to);
    return measure_apply(&m, value, unit);
}

/* --- Numbers as text --- */

/* Where doubles leave uint64_t behind; printf writes what is above. */
static const double whole_max = 0x1p63;

/* v * times, rounded; `v` below 1, neither negative. */
static unsigned round_product(double v, double times)
{
    const double product = v * times;
    const double error = fma(v, times, -product);
    const double whole = floor(product);
    const double beyond_half = product - whole - 0.5;
    unsigned n = (unsigned)whole;
    if (beyond_half > 0 || (beyond_half >= 0 && error > 0)) {
        n++;
    } else if (beyond_half >= 0 && error >= 0) {
        n += n % 2;
    }
    return n;
}

/* `v` rounded to hundredths: whole ones and the rest. */
struct hundredths {
    uint64_t whole;
    unsigned rest;
};

static struct hundredths to_hundredths(double v)
{
    const uint64_t whole = (uint64_t)v;
    const unsigned rest = round_product(v - (double)whole, 100);
    return rest < 100 ? (struct hundredths){whole, rest}
                      : (struct hundredths){whole + 1, 0};
}

/* Text of a number, written from its end. */
enum { NUMBER_BYTES = 32 };
struct number {
    size_t at;
    char text[NUMBER_BYTES];
};

static void put(struct number *n, char c)
{
    n->text[--n->at] = c;
}

/* At least `width` digits. */
static void put_digits(struct number *n, uint64_t v, unsigned width)
{
    for (unsigned i = 0; v > 0 || i < width; i++) {
        put(n, (char)('0' + v % 10));
        v /= 10;
    }
}

static void add_number(struct buf *out, const struct number *n, size_t width)
{
    const size_t bytes = NUMBER_BYTES - n->at;
    if (bytes < width) {
        buf_repeat(out, ' ', width - bytes);
    }
    buf_add(out, n->text + n->at, bytes);
}

void measure_write(struct buf *out, const struct measure *m, int64_t value)
{
    struct span unit;
    const double v = measure_apply(m, value, &unit);
    if (fabs(v) >= whole_max) {
        buf_printf(out, "%.0f", v);
        buf_span(out, unit);
        return;
    }
    const struct hundredths h = to_hundredths(fabs(v));
    if (h.whole == 0 && h.rest == 0) {
        buf_char(out, '0');
        return;
    }
    struct number n = {.at = NUMBER_BYTES};
    if (h.rest != 0) {
        put_digits(&n, h.rest, 2);
        put(&n, '.');
    }
    put_digits(&n, h.whole, 1);
    if (v < 0) {
        put(&n, '-');
    }
    add_number(out, &n, 0);
    buf_span(out, unit);
}

void measure_label(struct buf *out, int64_t value, struct span from,
                   struct span to)
{
    const struct measure m = measure_between(from, to);
    measure_write(out, &m, value);
}

enum { PERCENT_WIDTH = 5 };

/* "%5.2f" */
static void add_fixed(struct buf *out, double v)
{
    if (v >= whole_max) {
        buf_printf(out, "%.2f", v);
        return;
    }
    const struct hundredths h = to_hundredths(v);
    struct number n = {.at = NUMBER_BYTES};
    put_digits(&n, h.rest, 2);
    put(&n, '.');
    put_digits(&n, h.whole, 1);
    add_number(out, &n, PERCENT_WIDTH);
}

/* "%5.2g" of what is below 1: two digits that are not leading zeros. */
static void add_short(struct buf *out, double v)
{
    if (v <= 0) {
        buf_str(out, "    0");
        return;
    }
    static const struct {
        double from, times;
        unsigned decimals;
    } ranges[] = {
        {0.1,   1e2, 2},
        {0.01,  1e3, 3},
        {0.001, 1e4, 4}
    };
    for (size_t i = 0; i < N(ranges); i++) {
        if (v >= ranges[i].from) {
            unsigned digits = round_product(v, ranges[i].times);
            unsigned decimals = ranges[i].decimals;
            while (digits % 10 == 0) {
                digits /= 10;
                decimals--;
            }
            struct number n = {.at = NUMBER_BYTES};
            put_digits(&n, digits, decimals);
            if (decimals > 0) {
                put(&n, '.');
                put(&n, '0');
            }
            add_number(out, &n, PERCENT_WIDTH);
            return;
        }
    }
    buf_printf(out, "%*.2g", PERCENT_WIDTH, v);
}

void measure_percent(struct buf *out, int64_t value, int64_t total)
{
    double ratio = 0;
    if (total != 0) {
        ratio = fabs((double)value / (double)total) * 100;
    }
    if (ratio >= 99.95 && ratio <= 100.05) {
        buf_str(out, "  100%");
        return;
    }
    if (ratio >= 1.0) {
        add_fixed(out, ratio);
    } else {
        add_short(out, ratio);
    }
    buf_char(out, '%');
}

void measure_percent_short(struct buf *out, int64_t value, int64_t total)
{
    struct buf text = BUF_LIMIT(64);
    measure_percent(&text, value, total);
    buf_span(out, span_trim(buf_view(&text)));
    out->failed_memory = out->failed_memory || text.failed_memory;
    buf_release(&text);
}

bool measure_same_kind(struct span a, struct span b)
{
    if (span_eq(a, b)) {
        return true;
    }
    for (size_t i = 0; i < N(families); i++) {
        if (find_unit(&families[i], a) != NULL &&
            find_unit(&families[i], b) != NULL) {
            return true;
        }
    }
    return false;
}

int64_t measure_truncate(double v)
{
    /* 2^63 is the first double beyond int64; NaN fails both comparisons. */
    return v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
}
