/*
 * One error idiom for the whole library: a fallible function returns bool and
 * takes a `struct err *` last. The cause is set once with err_set(); callers
 * add where it happened with err_wrap(). Nothing here allocates, so running
 * out of memory reports like everything else.
 */
#ifndef SEEP_BASE_ERR_H
#define SEEP_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* Codes are stable: add at the end, never renumber. The middle column is the
   exit status of a command that fails with the code. */
#define ERR_CODES(X)                                                           \
    X(NONE, 0, "no error")                                                     \
    X(USAGE, 2, "wrong usage")                                                 \
    X(IO, 2, "cannot read or write")                                           \
    X(FORMAT, 2, "invalid input")                                              \
    X(LIMIT, 2, "a limit was reached")                                         \
    X(NOMEM, 2, "out of memory")                                               \
    X(MISMATCH, 2, "inputs do not belong together")                            \
    X(UNKNOWN, 2, "not a profile seep knows")                                  \
    X(INTERNAL, 2, "internal error")                                           \
    X(INTERRUPTED, 130, "interrupted")

enum err_code {
#define X(name, status, text) ERR_##name,
    ERR_CODES(X)
#undef X
        ERR_N_CODES
};

enum { ERR_TEXT_MAX = 240 };

/* Zero is "no error". `offset` is a byte offset into the (inflated) input the
   error speaks of; it is only meaningful when `has_offset`. */
struct err {
    enum err_code code;
    bool has_offset;
    uint64_t offset;
    char text[ERR_TEXT_MAX];
};

#if defined(__GNUC__)
#define ERR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_USE               __attribute__((warn_unused_result))
#else
#define ERR_PRINTF(fmt, first)
#define MUST_USE
#endif

/* Sets code and text, forgets any offset. Always returns false, so that
   `return err_set(...)` ends a failing function. `err` may be NULL. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
    ERR_PRINTF(3, 4);

/* The same, with the byte offset at which the input is wrong. */
bool err_set_at(struct err *err, enum err_code code, uint64_t offset,
                const char *fmt, ...) ERR_PRINTF(4, 5);

/* Out of memory while doing `what`. Always returns false. */
static inline bool err_nomem(struct err *err, const char *what)
{
    (void)err_set(err, ERR_NOMEM, "out of memory: %s", what);
    return false; /* said here, so that analyzers know it too */
}

/* Puts "fmt: " in front of the text; keeps code and offset. Returns false. */
bool err_wrap(struct err *err, const char *fmt, ...) ERR_PRINTF(2, 3);

void err_clear(struct err *err);

/* The system's words for an errno: "Permission denied"; "error 4711" where it
   has none. To be used within one expression:
   err_set(err, ERR_IO, "%s: %s", path, err_system(errno).text). */
struct err_system {
    char text[96];
};
struct err_system err_system(int number);

/* Process exit status documented for a code (DESIGN: exit codes). */
int err_exit_status(enum err_code code);

/* "invalid input", ... Static storage. */
const char *err_code_text(enum err_code code);

#endif
