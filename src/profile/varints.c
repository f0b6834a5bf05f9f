#include "profile/varints_private.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define SHUFFLES __attribute__((target("ssse3")))

/* A shuffle writes 0 where its top bit is set. */
static void init_pattern(struct varints *t, unsigned pattern)
{
    uint8_t *lanes = t->shuffle[pattern];
    unsigned start = 0;
    unsigned n = 0;
    memset(lanes, 0x80, sizeof(t->shuffle[pattern]));
    for (unsigned i = 0; i < 8 && n < 4 && i - start < 4; i++) {
        if ((pattern >> i & 1) == 0) {
            for (unsigned k = start; k <= i; k++) {
                lanes[4 * n + k - start] = (uint8_t)k;
            }
            start = i + 1;
            n++;
        }
    }
    t->n[pattern] = (uint8_t)n;
    t->n_bytes[pattern] = (uint8_t)start;
}

void varints_init(struct varints *t)
{
    t->is_usable = __builtin_cpu_supports("ssse3") != 0;
    for (unsigned pattern = 0; t->is_usable && pattern < 256; pattern++) {
        init_pattern(t, pattern);
    }
}

/* Of each lane: seven bits of four bytes to fourteen of two, to 28 of one. */
SHUFFLES static inline void read_four(const struct varints *t, __m128i bytes,
                                      unsigned pattern, uint32_t *out)
{
    const void *shuffle = t->shuffle[pattern];
    __m128i x = _mm_shuffle_epi8(bytes, _mm_loadu_si128(shuffle));
    x = _mm_and_si128(x, _mm_set1_epi8(0x7f));
    x = _mm_maddubs_epi16(_mm_set1_epi16((int16_t)0x8001), x);
    x = _mm_madd_epi16(x, _mm_set1_epi32(0x40000001));
    _mm_storeu_si128((__m128i *)(void *)out, x);
}

/* Sixteen bytes give two rounds, which shortens the way from one `p` to the
   next. What lies behind the end counts as continued. */
SHUFFLES static void read_all(const struct varints *t, const uint8_t **p,
                              const uint8_t *end, uint32_t **out)
{
    const uint8_t *from = *p;
    uint32_t *to = *out;
    while (from < end) {
        const size_t left = (size_t)(end - from);
        const __m128i bytes = _mm_loadu_si128((const void *)from);
        unsigned pattern = (unsigned)_mm_movemask_epi8(bytes);
        pattern |= left < 16 ? 0xffffU << left : 0;
        const unsigned first = pattern & 0xff;
        const unsigned used = t->n_bytes[first];
        if (used == 0) {
            break;
        }
        read_four(t, bytes, first, to);
        to += t->n[first];
        from += used;
        const unsigned second = pattern >> used & 0xff;
        read_four(t, _mm_loadl_epi64((const void *)from), second, to);
        to += t->n[second];
        from += t->n_bytes[second];
    }
    *p = from;
    *out = to;
}

void varints_read(const struct varints *t, const uint8_t **p,
                  const uint8_t *end, uint32_t **out)
{
    if (t->is_usable) {
        read_all(t, p, end, out);
    }
}

#else

void varints_init(struct varints *t)
{
    t->is_usable = false;
}

void varints_read(const struct varints *t, const uint8_t **p,
                  const uint8_t *end, uint32_t **out)
{
    (void)t;
    (void)p;
    (void)end;
    (void)out;
}

#endif
