/*
 * Growable columns. VEC_TYPE(name, type) declares `struct name` with items,
 * n, cap, and name_push/reserve/release. Growth doubles; every function that
 * can run out of memory says so by returning false.
 */
#ifndef SEEP_BASE_VEC_H
#define SEEP_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Not every user of a column needs all of its functions. */
#if defined(__GNUC__)
#define VEC_FN __attribute__((unused)) static inline
#else
#define VEC_FN static inline
#endif

/* Grows `*items` (elements of `unit` bytes) so that `need` elements fit. */
bool vec_grow(void **items, size_t *cap, size_t need, size_t unit);

#define VEC_TYPE(name, type)                                                   \
    struct name {                                                              \
        type *items;                                                           \
        size_t n;                                                              \
        size_t cap;                                                            \
    };                                                                         \
    VEC_FN bool name##_reserve(struct name *v, size_t need)                    \
    {                                                                          \
        if (need <= v->cap) {                                                  \
            return true;                                                       \
        }                                                                      \
        void *items = v->items;                                                \
        if (!vec_grow(&items, &v->cap, need, sizeof(type))) {                  \
            return false;                                                      \
        }                                                                      \
        v->items = items;                                                      \
        return true;                                                           \
    }                                                                          \
    VEC_FN bool name##_push(struct name *v, type item)                         \
    {                                                                          \
        if (v->n == v->cap && !name##_reserve(v, v->n + 1)) {                  \
            return false;                                                      \
        }                                                                      \
        v->items[v->n++] = item;                                               \
        return true;                                                           \
    }                                                                          \
    VEC_FN void name##_release(struct name *v)                                 \
    {                                                                          \
        free(v->items);                                                        \
        *v = (struct name){0};                                                 \
    }

VEC_TYPE(vec_u32, uint32_t)
VEC_TYPE(vec_u64, uint64_t)
VEC_TYPE(vec_i64, int64_t)

#endif
