/* Compiling and matching; regex_go.c holds what the syntax means. */
#include "base/regex.h"

#include "base/buf.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/banned.h"

enum {
    /* A pattern on a command line is short; one in a profile (drop_frames)
       may list hundreds of functions. */
    REGEX_PATTERN_BYTES = 1 << 20,
    /* Function names are matched in a few hundred steps; a million is a
       pattern that explodes. */
    REGEX_MATCH_STEPS = 1000000,
    REGEX_HEAP_KIB = 16 << 10,
    REGEX_MAX_DEPTH = 1000, /* as in Go */
};

struct regex {
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_match_data *match;
    pcre2_code *code;
    bool out_of_memory; /* some allocation for it has failed */
};

static void *take(PCRE2_SIZE n, void *ctx)
{
    struct regex *re = ctx;
    void *p = malloc(n);
    re->out_of_memory |= p == NULL;
    return p;
}

static void give_back(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

/* Just-in-time compilation may be forbidden on this machine, which is no
   error: the interpreter does the same. */
static void speed_up(struct regex *re)
{
    (void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
}

static bool compile(struct regex *re, struct span rewritten, struct err *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(re->general);
    if (!context) {
        return err_nomem(err, "regular expression");
    }
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_parens_nest_limit(context, REGEX_MAX_DEPTH + 1);
    int code = 0;
    PCRE2_SIZE at = 0;
    re->code = pcre2_compile(
        (PCRE2_SPTR)(rewritten.p ? rewritten.p : ""), rewritten.len,
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
            PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C,
        &code, &at, context);
    pcre2_compile_context_free(context);
    if (re->code) {
        return true;
    }
    if (re->out_of_memory) {
        return err_nomem(err, "regular expression");
    }
    char said[120] = "";
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)said, sizeof(said));
    return err_set(err, ERR_USAGE, "error parsing regexp: %s", said);
}

static bool prepare(struct regex *re, struct span rewritten, struct err *err)
{
    re->general = pcre2_general_context_create(take, give_back, re);
    if (!re->general || !compile(re, rewritten, err)) {
        return re->general ? false : err_nomem(err, "regular expression");
    }
    speed_up(re);
    re->limits = pcre2_match_context_create(re->general);
    re->match = pcre2_match_data_create(1, re->general);
    if (re->out_of_memory) {
        return err_nomem(err, "regular expression");
    }
    (void)pcre2_set_match_limit(re->limits, REGEX_MATCH_STEPS);
    (void)pcre2_set_depth_limit(re->limits, REGEX_MATCH_STEPS);
    (void)pcre2_set_heap_limit(re->limits, REGEX_HEAP_KIB);
    return true;
}

bool regex_new(struct span pattern, struct regex **out, struct err *err)
{
    struct buf rewritten = BUF_LIMIT(REGEX_PATTERN_BYTES);
    struct regex *re = NULL;
    bool ok = false;
    if (!regex_from_go(pattern, &rewritten, err)) {
        goto out;
    }
    re = calloc(1, sizeof(*re));
    if (!re) {
        (void)err_nomem(err, "regular expression");
        goto out;
    }
    if (!prepare(re, buf_view(&rewritten), err)) {
        goto out;
    }
    *out = re;
    ok = true;
out:
    if (!ok) {
        regex_free(re);
    }
    buf_release(&rewritten);
    return ok;
}

void regex_free(struct regex *re)
{
    if (re) {
        pcre2_match_data_free(re->match);
        pcre2_match_context_free(re->limits);
        pcre2_code_free(re->code);
        pcre2_general_context_free(re->general);
        free(re);
    }
}

static int run(struct regex *re, struct span text)
{
    const PCRE2_SPTR subject = (PCRE2_SPTR)(text.p ? text.p : "");
    int rc =
        pcre2_match(re->code, subject, text.len, 0, 0, re->match, re->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) {
        /* The machine stack of compiled patterns is small; the interpreter
           uses the heap up to its limit. */
        rc = pcre2_match(re->code, subject, text.len, 0, PCRE2_NO_JIT,
                         re->match, re->limits);
    }
    return rc;
}

bool regex_find(struct regex *re, struct span text, bool *matched,
                struct span *where, struct err *err)
{
    const int rc = run(re, text);
    *matched = rc >= 0;
    if (rc >= 0) {
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(re->match);
        *where = span_first(span_from(text, ends[0]), ends[1] - ends[0]);
        return true;
    }
    if (rc == PCRE2_ERROR_NOMATCH) {
        return true;
    }
    if (rc == PCRE2_ERROR_NOMEMORY) {
        return err_nomem(err, "regular expression");
    }
    return err_set(err, ERR_LIMIT,
                   "regular expression needs too many steps on a text of "
                   "%zu bytes",
                   text.len);
}

bool regex_match(struct regex *re, struct span text, bool *matched,
                 struct err *err)
{
    struct span where;
    return regex_find(re, text, matched, &where, err);
}

void regex_quote(struct span text, struct buf *out)
{
    static const char meta[] = "\\.+*?()|[]{}^$";
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] != '\0' && memchr(meta, text.p[i], sizeof(meta) - 1)) {
            buf_char(out, '\\');
        }
        buf_char(out, text.p[i]);
    }
}
