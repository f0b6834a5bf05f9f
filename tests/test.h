/*
 * What every test includes: cmocka with the headers it wants, in its order,
 * and helpers for files and for running out of memory.
 */
#ifndef SEEP_TESTS_TEST_H
#define SEEP_TESTS_TEST_H

/* cmocka needs these, in front. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "base/buf.h"
#include "base/err.h"
#include "base/sink.h"
#include "base/span.h"

#include <stdbool.h>
#include <string.h>

/* --- Files --- */

/* Absolute path of a file below testdata/. Static storage: valid until eight
   more calls. */
const char *testdata(const char *relative);

/* The same below the shared corpus, or NULL when that is not there; tests
   then skip() themselves. */
const char *test_shared(const char *relative);

/* The whole file; fails the test when it cannot be read. Release it. */
struct buf test_read_file(const char *path);

/* Is there such a file? */
bool test_file_exists(const char *path);

/* --- Sinks --- */

/* Collects what is pushed into it; counts calls of end. */
struct test_collector {
    struct buf bytes;
    unsigned n_ends;
    size_t largest_write;
};
#define TEST_COLLECTOR                                                         \
    ((struct test_collector){.bytes = {.limit_bytes = (size_t)1 << 30}})
struct sink test_collect(struct test_collector *c);

/* --- Cases --- */

/* A row of a const table as cmocka's initial_state, which is not const. */
static inline void *test_case(const void *row)
{
    void *state;
    memcpy(&state, &row, sizeof state);
    return state;
}

/* --- Numbers --- */

/* Small deterministic generator (splitmix64) for property tests. */
uint64_t test_random(uint64_t *state);

/* --- Errors --- */

/* Code and exact text; shows both when they differ. */
#define assert_err(err, wanted_code, wanted_text)                              \
    do {                                                                       \
        assert_string_equal((err)->text, (wanted_text));                       \
        assert_int_equal((err)->code, (wanted_code));                          \
    } while (0)

/* Passes when `ok`, else fails the test and shows the error. */
#define assert_ok(ok, err)                                                     \
    do {                                                                       \
        if (!(ok)) {                                                           \
            fail_msg("%s", (err)->text);                                       \
        }                                                                      \
    } while (0)

/* --- Running out of memory (oom.c) --- */

/* The action under test. Releases whatever it got, on success and on failure,
   and returns what the last fallible call returned. */
typedef bool oom_action(void *ctx, struct err *err);

/* Runs `action` with the 1st, 2nd, 3rd, ... allocation failing until it
   succeeds without reaching the failing one. Every failure must be
   ERR_NOMEM, and no allocation may outlive a run. Returns the number of
   allocations of the run that succeeded. */
unsigned oom_walk(oom_action *action, void *ctx);

/* The n-th allocation from here on fails (0 = none), as do those after it
   when `forever`. Allocations of seep and the test only, not those inside
   shared libraries. */
void oom_fail_at(unsigned n, bool forever);

/* Allocations alive, counted since the program began. */
long oom_alive(void);

/* Bytes asked for and number of allocations since oom_count_reset(): for
   budgets. */
void oom_count_reset(void);
size_t oom_count_allocations(void);

#endif
