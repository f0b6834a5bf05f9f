/*
 * A checksum is the remainder of a polynomial division, and 64 bytes of it can
 * be folded onto the next 64 by carry-less multiplication with constants
 * that depend on the distance only. Method and constants: V. Gopal et al.,
 * "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
 * Intel, 2009. Elsewhere, and for what is short, zlib's tables.
 */
#include "base/crc.h"

#include <zlib.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul,sse4.1")))

/* The four lanes of the widest loop need this much. */
enum { CRC_LEAST_BYTES = 64 };

FOLDS static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* `x` moved on by the distance of `k`, onto `next`. */
FOLDS static inline __m128i fold(__m128i x, __m128i k, __m128i next)
{
    const __m128i low = _mm_clmulepi64_si128(x, k, 0x00);
    const __m128i high = _mm_clmulepi64_si128(x, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* 128 bits to 32: to 96, to 64, then Barrett's reduction. */
FOLDS static uint32_t reduce(__m128i x, __m128i k)
{
    const __m128i mask = _mm_setr_epi32(-1, 0, -1, 0);
    const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, k, 0x10));
    x = _mm_xor_si128(_mm_srli_si128(x, 4),
                      _mm_clmulepi64_si128(_mm_and_si128(x, mask), k5, 0x00));
    __m128i t = _mm_clmulepi64_si128(_mm_and_si128(x, mask), barrett, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, mask), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

/* Of whole 16 byte lanes, at least four; `crc` is inverted already. */
FOLDS static uint32_t fold_all(uint32_t crc, const uint8_t *p, size_t n)
{
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    __m128i a = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
    __m128i b = load(p + 16);
    __m128i c = load(p + 32);
    __m128i d = load(p + 48);
    p += 64;
    n -= 64;
    for (; n >= 64; p += 64, n -= 64) {
        a = fold(a, by_64, load(p));
        b = fold(b, by_64, load(p + 16));
        c = fold(c, by_64, load(p + 32));
        d = fold(d, by_64, load(p + 48));
    }
    a = fold(fold(fold(a, by_16, b), by_16, c), by_16, d);
    for (; n >= 16; p += 16, n -= 16) {
        a = fold(a, by_16, load(p));
    }
    return reduce(a, by_16);
}

static size_t fast_part(uint32_t *crc, const uint8_t *p, size_t n)
{
    if (n < CRC_LEAST_BYTES || !__builtin_cpu_supports("pclmul") ||
        !__builtin_cpu_supports("sse4.1")) {
        return 0;
    }
    const size_t lanes = n - n % 16;
    *crc = ~fold_all(~*crc, p, lanes);
    return lanes;
}

#else

static size_t fast_part(uint32_t *crc, const uint8_t *p, size_t n)
{
    (void)crc;
    (void)p;
    (void)n;
    return 0;
}

#endif

uint32_t crc_update(uint32_t crc, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return crc;
    }
    const size_t done = fast_part(&crc, p, n);
    return (uint32_t)crc32_z(crc, p + done, n - done);
}
