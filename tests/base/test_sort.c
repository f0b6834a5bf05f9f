#include "test.h"

#include "base/sort.h"

#include <string.h>

static int by_rank(const void *a, const void *b, const void *ctx)
{
    const int *rank = ctx;
    const uint8_t *left = a;
    const uint8_t *right = b;
    return rank[*left % 16] - rank[*right % 16];
}

struct wide {
    uint64_t key;
    char text[90]; /* wider than the swap's buffer */
};

static int by_key(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    const struct wide *left = a;
    const struct wide *right = b;
    return (left->key > right->key) - (left->key < right->key);
}

static void every_small_length_is_ordered(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (size_t n = 0; n < 200; n++) {
        struct wide items[200];
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            memset(&items[i], 0, sizeof(items[i]));
            items[i].key = test_random(&seed) % (n + 1);
            memset(items[i].text, (int)(items[i].key % 100),
                   sizeof(items[i].text));
            sum += items[i].key;
        }
        sort_items(items, n, sizeof(items[0]), by_key, NULL);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || items[i - 1].key <= items[i].key);
            assert_int_equal(items[i].text[89], items[i].key % 100);
            sum -= items[i].key;
        }
        assert_int_equal(sum, 0);
    }
}

static void the_context_reaches_the_comparison(void **state)
{
    (void)state;
    int rank[16];
    for (int i = 0; i < 16; i++) {
        rank[i] = -i;
    }
    uint8_t items[] = {3, 1, 2, 9};
    sort_items(items, 4, 1, by_rank, rank);
    const uint8_t wanted[] = {9, 3, 2, 1};
    assert_memory_equal(items, wanted, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_length_is_ordered),
        cmocka_unit_test(the_context_reaches_the_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
