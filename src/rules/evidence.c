/*
 * Questions that rules ask of their evidence. Shares are by growth, so that a
 * stack that merely exists does not name the cause of another's growth.
 */
#include "rules/evidence.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

bool evidence_name_fits(const char *name, const char *pattern)
{
    const size_t n = strlen(pattern);
    if (n > 0 && pattern[n - 1] == '*') {
        return strncmp(name, pattern, n - 1) == 0;
    }
    return strcmp(name, pattern) == 0;
}

static bool stack_has(const struct evidence_stack *s, const char *pattern)
{
    for (size_t i = 0; i < s->n_frames; i++) {
        if (evidence_name_fits(s->frames[i].function, pattern)) {
            return true;
        }
    }
    return false;
}

/* Index of the site's frame, or n_frames when the stack does not have it. */
static size_t site_index(const struct evidence *e,
                         const struct evidence_stack *s)
{
    if (!e->has_site) {
        return s->n_frames;
    }
    for (size_t i = 0; i < s->n_frames; i++) {
        if (strcmp(s->frames[i].function, e->site.function) == 0) {
            return i;
        }
    }
    return s->n_frames;
}

static const char *called_by_site(const struct evidence *e,
                                  const struct evidence_stack *s)
{
    const size_t i = site_index(e, s);
    if (i == 0 || i == s->n_frames) {
        return NULL;
    }
    const struct frame *below = &s->frames[i - 1];
    return below->origin == ORIGIN_RUNTIME ? NULL : below->function;
}

bool evidence_has_frame(const struct evidence *e, const char *pattern)
{
    return e->n_stacks > 0 && stack_has(&e->stacks[0], pattern);
}

bool evidence_any_frame(const struct evidence *e, const char *pattern)
{
    for (size_t i = 0; i < e->n_stacks; i++) {
        if (stack_has(&e->stacks[i], pattern)) {
            return true;
        }
    }
    return false;
}

const char *evidence_callee(const struct evidence *e)
{
    return e->n_stacks > 0 ? called_by_site(e, &e->stacks[0]) : NULL;
}

static double growth_of(const struct evidence_stack *s)
{
    return s->delta > 0 ? s->delta : 0;
}

static double total_growth(const struct evidence *e)
{
    double sum = 0;
    for (size_t i = 0; i < e->n_stacks; i++) {
        sum += growth_of(&e->stacks[i]);
    }
    return sum;
}

double evidence_share_called(const struct evidence *e, const char *pattern)
{
    const double total = total_growth(e);
    double sum = 0;
    for (size_t i = 0; i < e->n_stacks; i++) {
        const char *name = called_by_site(e, &e->stacks[i]);
        if (name && evidence_name_fits(name, pattern)) {
            sum += growth_of(&e->stacks[i]);
        }
    }
    return total > 0 ? sum / total : 0;
}

double evidence_share_with(const struct evidence *e, const char *pattern)
{
    const double total = total_growth(e);
    double sum = 0;
    for (size_t i = 0; i < e->n_stacks; i++) {
        if (stack_has(&e->stacks[i], pattern)) {
            sum += growth_of(&e->stacks[i]);
        }
    }
    return total > 0 ? sum / total : 0;
}

/* Objects as sampled: an estimate of 7 may stand for one sampled block. */
static double sampled_objects(const struct evidence *e, double block_bytes,
                              double objects)
{
    const double period = e->about ? (double)e->about->heap_period_bytes : 0.0;
    if (period <= 1) {
        return objects;
    }
    return objects * (1 - exp(-block_bytes / period));
}

/* 1 KiB: below, a few blocks of one size are ordinary small objects. */
enum { STAIR_MIN_BYTES = 1024 };

static bool few(const struct evidence *e, double block_bytes, double objects)
{
    return objects > 0 && sampled_objects(e, block_bytes, objects) < 3.5;
}

/* 2^k within 6 %: size classes round a map's bucket array by less. */
static bool is_power_of_two(double ratio)
{
    const double k = log2(ratio);
    return k > 0.9 && fabs(k - round(k)) < 0.085;
}

bool evidence_staircase(const struct evidence *e, struct staircase *out)
{
    double from = 0;
    double to = 0;
    for (size_t i = 0; i < e->n_sizes; i++) {
        const struct evidence_size *s = &e->sizes[i];
        if (s->block_bytes < STAIR_MIN_BYTES) {
            continue;
        }
        const bool came =
            !(s->objects_first > 0) && few(e, s->block_bytes, s->objects_last);
        const bool went =
            !(s->objects_last > 0) && few(e, s->block_bytes, s->objects_first);
        if (came && s->block_bytes > to) {
            to = s->block_bytes;
        }
        if (went && s->block_bytes > from) {
            from = s->block_bytes;
        }
    }
    if (!(from > 0) || to < from * 1.15) {
        return false;
    }
    *out = (struct staircase){from, to, is_power_of_two(to / from)};
    return true;
}

/* Start of "receiver.method" or "function": what follows the package. */
static const char *after_package(const char *function)
{
    const char *slash = strrchr(function, '/');
    const char *dot = strchr(slash ? slash : function, '.');
    return dot ? dot + 1 : function;
}

bool name_has_word(const char *function, const char *word)
{
    const size_t n = strlen(word);
    const char *start = after_package(function);
    for (const char *at = start; *at; at++) {
        if (tolower((unsigned char)*at) != tolower((unsigned char)*word)) {
            continue;
        }
        const bool begins = isupper((unsigned char)*at) || at == start ||
                            !isalpha((unsigned char)at[-1]);
        if (begins && strncmp(at + 1, word + 1, n - 1) == 0 &&
            !islower((unsigned char)at[n])) {
            return true;
        }
    }
    return false;
}
