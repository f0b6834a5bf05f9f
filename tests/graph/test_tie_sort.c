/*
 * Ties must lie where Go's sort.Sort leaves them: hashes of the orders that
 * sort.Sort of Go 1.26 gave for the same keys.
 */
#include "test.h"

#include "graph/graph_private.h"

#include <stdlib.h>

enum shape { RANDOM, RISING, FALLING, PIPE, SAW, NEARLY };

struct row {
    enum shape shape;
    uint32_t n, n_keys, order_hash;
};

/* clang-format off */
static const struct row rows[] = {
    {RANDOM, 12, 1, 0x4a509959},
    {RANDOM, 12, 3, 0x7216bb6d},
    {RANDOM, 12, 17, 0x76aa7731},
    {RANDOM, 13, 1, 0x51e160cf},
    {RANDOM, 13, 3, 0xbb3750b5},
    {RANDOM, 13, 17, 0x08000d23},
    {RANDOM, 50, 1, 0xe543a52a},
    {RANDOM, 50, 3, 0x84f70172},
    {RANDOM, 50, 17, 0x52dd8c90},
    {RANDOM, 200, 1, 0x2306fb5d},
    {RANDOM, 200, 3, 0x5bde2673},
    {RANDOM, 200, 17, 0xb790e6c1},
    {RANDOM, 1000, 1, 0xa06ae7fd},
    {RANDOM, 1000, 3, 0x2e42b377},
    {RANDOM, 1000, 17, 0x84612489},
    {RANDOM, 5000, 1, 0x8c7ca59d},
    {RANDOM, 5000, 3, 0x22237467},
    {RANDOM, 5000, 17, 0xedd5e675},
    {RISING, 12, 1, 0x4a509959},
    {RISING, 12, 3, 0x4a509959},
    {RISING, 12, 17, 0x4a509959},
    {RISING, 13, 1, 0x51e160cf},
    {RISING, 13, 3, 0x51e160cf},
    {RISING, 13, 17, 0x51e160cf},
    {RISING, 50, 1, 0xe543a52a},
    {RISING, 50, 3, 0xe543a52a},
    {RISING, 50, 17, 0xe543a52a},
    {RISING, 200, 1, 0x2306fb5d},
    {RISING, 200, 3, 0x2306fb5d},
    {RISING, 200, 17, 0x2306fb5d},
    {RISING, 1000, 1, 0xa06ae7fd},
    {RISING, 1000, 3, 0xa06ae7fd},
    {RISING, 1000, 17, 0xa06ae7fd},
    {RISING, 5000, 1, 0x8c7ca59d},
    {RISING, 5000, 3, 0x8c7ca59d},
    {RISING, 5000, 17, 0x8c7ca59d},
    {FALLING, 12, 1, 0x591d80e1},
    {FALLING, 12, 3, 0x9bd90029},
    {FALLING, 12, 17, 0xbb50ae99},
    {FALLING, 13, 1, 0xb390c2f1},
    {FALLING, 13, 3, 0x7365e915},
    {FALLING, 13, 17, 0x7384b87f},
    {FALLING, 50, 1, 0xdc2f8244},
    {FALLING, 50, 3, 0xc302b7e2},
    {FALLING, 50, 17, 0xd39a8b46},
    {FALLING, 200, 1, 0xeffede75},
    {FALLING, 200, 3, 0x29a7a457},
    {FALLING, 200, 17, 0x6f27a137},
    {FALLING, 1000, 1, 0x4d8b0db5},
    {FALLING, 1000, 3, 0xc1099d97},
    {FALLING, 1000, 17, 0x7d4c2f33},
    {FALLING, 5000, 1, 0xaea291f5},
    {FALLING, 5000, 3, 0x87bdffe9},
    {FALLING, 5000, 17, 0x2ab68047},
    {PIPE, 12, 1, 0x4a509959},
    {PIPE, 12, 3, 0x8a674ac1},
    {PIPE, 12, 17, 0xee93ce8f},
    {PIPE, 13, 1, 0x51e160cf},
    {PIPE, 13, 3, 0x46b19b49},
    {PIPE, 13, 17, 0x2bf3a64b},
    {PIPE, 50, 1, 0xe543a52a},
    {PIPE, 50, 3, 0x3548f464},
    {PIPE, 50, 17, 0x2554dc0a},
    {PIPE, 200, 1, 0x2306fb5d},
    {PIPE, 200, 3, 0xf8681b2f},
    {PIPE, 200, 17, 0x0d922a11},
    {PIPE, 1000, 1, 0xa06ae7fd},
    {PIPE, 1000, 3, 0xc5f81203},
    {PIPE, 1000, 17, 0x8c98744b},
    {PIPE, 5000, 1, 0x8c7ca59d},
    {PIPE, 5000, 3, 0x9cd3f82b},
    {PIPE, 5000, 17, 0x54674d09},
    {SAW, 12, 1, 0x4a509959},
    {SAW, 12, 3, 0x6397d741},
    {SAW, 12, 17, 0x4a509959},
    {SAW, 13, 1, 0x51e160cf},
    {SAW, 13, 3, 0x5b8d43bb},
    {SAW, 13, 17, 0x51e160cf},
    {SAW, 50, 1, 0xe543a52a},
    {SAW, 50, 3, 0xb75fdf9c},
    {SAW, 50, 17, 0x81c686bc},
    {SAW, 200, 1, 0x2306fb5d},
    {SAW, 200, 3, 0x857e2cb1},
    {SAW, 200, 17, 0xab19465b},
    {SAW, 1000, 1, 0xa06ae7fd},
    {SAW, 1000, 3, 0xab687947},
    {SAW, 1000, 17, 0xe6a16441},
    {SAW, 5000, 1, 0x8c7ca59d},
    {SAW, 5000, 3, 0xc913462d},
    {SAW, 5000, 17, 0xde1169c3},
    {NEARLY, 12, 1, 0x4a509959},
    {NEARLY, 12, 3, 0x21555edb},
    {NEARLY, 12, 17, 0x92708495},
    {NEARLY, 13, 1, 0x51e160cf},
    {NEARLY, 13, 3, 0x51e160cf},
    {NEARLY, 13, 17, 0x2020bcdb},
    {NEARLY, 50, 1, 0xe543a52a},
    {NEARLY, 50, 3, 0xe543a52a},
    {NEARLY, 50, 17, 0x500bdaec},
    {NEARLY, 200, 1, 0x2306fb5d},
    {NEARLY, 200, 3, 0xe7f58657},
    {NEARLY, 200, 17, 0xfc2ed059},
    {NEARLY, 1000, 1, 0xa06ae7fd},
    {NEARLY, 1000, 3, 0x6a8233e9},
    {NEARLY, 1000, 17, 0x802fc549},
    {NEARLY, 5000, 1, 0x8c7ca59d},
    {NEARLY, 5000, 3, 0xb2bbcbd7},
    {NEARLY, 5000, 17, 0x2a825b4f},
};
/* clang-format on */

static uint32_t key_of(const struct row *r, uint32_t i, uint64_t *random)
{
    const uint32_t up = i * r->n_keys / r->n;
    const uint32_t down = (r->n - i) * r->n_keys / r->n;
    switch (r->shape) {
    case RANDOM:
        *random = *random * UINT64_C(6364136223846793005) +
                  UINT64_C(1442695040888963407);
        return (uint32_t)(*random >> 33) % r->n_keys;
    case RISING:
        return up;
    case FALLING:
        return down;
    case PIPE:
        return i < r->n / 2 ? up : down;
    case SAW:
        return i % r->n_keys;
    case NEARLY:
        return i % 97 == 5 ? 0 : up;
    }
    return 0;
}

static bool is_less(uint32_t a, uint32_t b, const void *ctx)
{
    const uint32_t *keys = ctx;
    return keys[a] < keys[b];
}

static void ties_lie_as_go_leaves_them(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        const struct row *r = &rows[k];
        uint64_t random = r->n;
        uint32_t *items = malloc(r->n * sizeof(*items));
        uint32_t *keys = malloc(r->n * sizeof(*keys));
        assert_true(items != NULL && keys != NULL);
        for (uint32_t i = 0; i < r->n; i++) {
            items[i] = i;
            keys[i] = key_of(r, i, &random);
        }
        tie_sort(items, r->n, is_less, keys);
        uint32_t hash = 2166136261U;
        for (uint32_t i = 0; i < r->n; i++) {
            hash = (hash ^ items[i]) * 16777619U;
        }
        if (hash != r->order_hash) {
            fail_msg("row %zu: shape %d, %u items, %u keys", k, (int)r->shape,
                     r->n, r->n_keys);
        }
        free(items);
        free(keys);
    }
}

static void nothing_and_one_are_sorted(void **state)
{
    (void)state;
    uint32_t one = 7;
    const uint32_t keys[8] = {0};
    tie_sort(NULL, 0, is_less, keys);
    tie_sort(&one, 1, is_less, keys);
    assert_int_equal(one, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_lie_as_go_leaves_them),
        cmocka_unit_test(nothing_and_one_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
