/* Reading fixtures and looking at what came of them, for tests of input/. */
#ifndef SEEP_TESTS_INPUT_SNAPSHOTS_H
#define SEEP_TESTS_INPUT_SNAPSHOTS_H

#include "test.h"

#include "input/input.h"

#include <stdlib.h>
#include <string.h>

/* Reads bytes that must be fine. */
static inline struct snapshot snapshot_of(struct span bytes)
{
    struct snapshot s = {0};
    struct err err = {0};
    assert_ok(input_decode(bytes, NULL, &s, &err), &err);
    return s;
}

static inline struct snapshot snapshot_of_text(const char *text)
{
    return snapshot_of(span_of(text));
}

static inline struct snapshot snapshot_of_file(const char *path)
{
    struct buf b = test_read_file(path);
    const struct snapshot s = snapshot_of(buf_view(&b));
    buf_release(&b);
    return s;
}

/* Reads bytes that must be refused with this code and text. */
static inline void assert_refused(struct span bytes, enum err_code code,
                                  const char *text)
{
    struct snapshot s = {0};
    struct err err = {0};
    assert_false(input_decode(bytes, NULL, &s, &err));
    assert_err(&err, code, text);
    assert_null(s.profile);
    assert_null(s.dump);
}

/* Sum of a column. */
static inline int64_t profile_total(const struct profile *p, unsigned column)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        total += p->values[(size_t)i * p->n_types + column];
    }
    return total;
}

/* Leaf function of sample `i`. */
static inline const char *sample_leaf(const struct profile *p, uint32_t i)
{
    const struct profile_location *const l =
        &p->locations[p->sample_locs[p->sample_off[i]]];
    return profile_text(p, p->functions[p->lines[l->first_line].function].name);
}

/* Every prefix of the file is read or refused, and nothing else. Returns how
   many were read. */
static inline size_t read_every_prefix(const char *path, size_t step)
{
    struct buf b = test_read_file(path);
    size_t n_read = 0;
    for (size_t n = 0; n <= b.len;
         n += n + step > b.len && n < b.len ? b.len - n : step) {
        /* In memory of its own, so that sanitizers see an overrun. */
        char *const copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, b.data, n);
        struct snapshot s = {0};
        struct err err = {0};
        if (input_decode((struct span){copy, n}, NULL, &s, &err)) {
            n_read++;
        } else {
            assert_true(err.code == ERR_FORMAT || err.code == ERR_UNKNOWN);
            assert_true(err.text[0] != '\0');
        }
        snapshot_release(&s);
        free(copy);
    }
    buf_release(&b);
    return n_read;
}

#endif
