/* Codes, texts and exit statuses all come from the one list in err.h. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

struct code_row {
    int exit_status;
    const char *text;
};

static const struct code_row rows[] = {
#define X(name, status, text) [ERR_##name] = {status, text},
    ERR_CODES(X)
#undef X
};
static_assert(sizeof(rows) / sizeof(rows[0]) == ERR_N_CODES,
              "a row for every code");

static void set_text(struct err *err, enum err_code code, const char *fmt,
                     va_list ap) ERR_PRINTF(3, 0);

static void set_text(struct err *err, enum err_code code, const char *fmt,
                     va_list ap)
{
    err->code = code;
    err->has_offset = false;
    err->offset = 0;
    if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0) {
        err->text[0] = '\0';
    }
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
    }
    return false;
}

bool err_set_at(struct err *err, enum err_code code, uint64_t offset,
                const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
        err->has_offset = true;
        err->offset = offset;
    }
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err) {
        return false;
    }
    char where[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(where, sizeof(where), fmt, ap);
    va_end(ap);
    if (n < 0) {
        return false;
    }
    size_t len = strlen(where);
    /* What went wrong matters more than where: keep room for the cause. */
    const size_t most = sizeof(err->text) / 2;
    if (len > most) {
        len = most;
    }
    const size_t room = sizeof(err->text) - 1 - len - 2;
    const size_t kept = strnlen(err->text, room);
    memmove(err->text + len + 2, err->text, kept);
    memcpy(err->text, where, len);
    memcpy(err->text + len, ": ", 2);
    err->text[len + 2 + kept] = '\0';
    return false;
}

void err_clear(struct err *err)
{
    if (err) {
        *err = (struct err){.code = ERR_NONE};
    }
}

struct err_system err_system(int number)
{
    struct err_system s;
    if (strerror_r(number, s.text, sizeof(s.text)) != 0) {
        (void)snprintf(s.text, sizeof(s.text), "error %d", number);
    }
    return s;
}

int err_exit_status(enum err_code code)
{
    return rows[code].exit_status;
}

const char *err_code_text(enum err_code code)
{
    return rows[code].text;
}
