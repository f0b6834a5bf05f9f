/*
 * libiberty reads the mangled name; parameters of enclosing functions and
 * template arguments, which it always writes, are cut out of its text. What it
 * does not know may be demangled already: then parameters and template
 * arguments are cut too, by google/pprof's rules, which also meet some
 * names of Go's generic functions.
 */
#include "profile/demangle.h"

#include "base/buf.h"
#include "base/intern.h"
#include "profile/strings_private.h"

#include <assert.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* Without base/banned.h: libiberty's header defines alloca. */

enum {
    /* libiberty recurses a level for each byte in the worst case. */
    MANGLED_BYTES_MAX = 4096,
    /* Substitutions can double the text with every few bytes of the name. */
    NAME_BYTES_MAX = 64 << 10,
    OPEN_MAX = 128 /* brackets in brackets */
};

/* --- libiberty --- */

/* Where its text goes; there is no other way to stop it than to jump. */
struct collector {
    struct buf *out;
    jmp_buf too_long;
};

static void collect(const char *p, size_t n, void *ctx)
{
    struct collector *c = ctx;
    buf_add(c->out, p, n);
    if (!buf_ok(c->out)) {
        longjmp(c->too_long, 1);
    }
}

/* "_ZN3foo17h0123456789abcdefE", as Rust used to mangle. */
static bool is_old_rust(struct span name)
{
    enum { HASH = 20 }; /* "17h", 16 digits, "E" */
    return span_starts(name, "_ZN") && name.len > 3 + HASH &&
           name.p[name.len - 1] == 'E' &&
           memcmp(name.p + name.len - HASH, "17h", 3) == 0;
}

struct demangler {
    enum demangle_mode mode;
    bool is_out_of_memory; /* sticky, since the texts are cleared */
    struct buf text, cut;
};

static struct buf *start(struct demangler *d, struct buf *b)
{
    d->is_out_of_memory |= b->failed_memory;
    buf_clear(b);
    return b;
}

/* `name` is NUL-terminated. False: it is no mangled name. */
static bool read_mangled(struct demangler *d, const char *name, int options,
                         bool is_rust_name)
{
    struct collector c = {.out = start(d, &d->text)};
    if (setjmp(c.too_long) != 0) {
        return false;
    }
    const int found =
        is_rust_name ? rust_demangle_callback(name, options, collect, &c)
                     : cplus_demangle_v3_callback(
                           name, options | DMGL_NO_RECURSE_LIMIT, collect, &c);
    return found != 0 && d->text.len > 0;
}

/* --- cutting --- */

struct bracket {
    char kind;
    size_t at; /* in the output */
};

struct cut {
    struct span in;
    size_t i;
    struct buf *out;
    struct bracket open[OPEN_MAX];
    size_t n_open;
    bool keeps_templates, keeps_params, is_rust;
};

/* "operator<<" and the like are no brackets: copies what belongs to it. */
static bool copy_operator(struct cut *c)
{
    static const char *const symbols[] = {
        "<=>", "<<=", ">>=", "->*", "<<", ">>",
        "<=",  ">=",  "->",  "()",  "<",  ">"};
    const struct span rest = span_from(c->in, c->i);
    if (!span_starts(rest, "operator")) {
        return false;
    }
    size_t n = sizeof("operator") - 1;
    for (size_t k = 0; k < sizeof(symbols) / sizeof(symbols[0]); k++) {
        if (span_starts(span_from(rest, n), symbols[k])) {
            n += strlen(symbols[k]);
            break;
        }
    }
    buf_add(c->out, rest.p, n);
    c->i += n;
    return true;
}

static char last_char(const struct cut *c)
{
    const struct span text = buf_view(c->out);
    return *(text.len > 0 ? text.p + text.len - 1 : "");
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || c == '_' || c == ':' || c == '}' ||
           (unsigned char)c >= 0x80;
}

static void open_bracket(struct cut *c, char kind)
{
    struct bracket b = {kind, c->out->len};
    /* Rust writes <T as Trait> where C++ has only arguments. */
    if (kind == '<' && c->is_rust && !is_name_char(last_char(c))) {
        b.kind = 'T';
    }
    if (c->n_open < OPEN_MAX) {
        c->open[c->n_open++] = b;
    }
    buf_char(c->out, kind);
}

/* Does the text after a closing parenthesis go on inside of that function? */
static bool is_enclosing(struct span rest)
{
    static const char *const qualifiers[] = {" const", " volatile", " &&",
                                             " &"};
    for (size_t k = 0; k < sizeof(qualifiers) / sizeof(qualifiers[0]); k++) {
        if (span_starts(rest, qualifiers[k])) {
            rest = span_from(rest, strlen(qualifiers[k]));
        }
    }
    return span_starts(rest, "::");
}

/* Appends are never taken back but here. */
static void cut_back(struct buf *out, size_t len)
{
    if (buf_ok(out)) {
        out->len = len;
        out->data[len] = '\0';
    }
}

static void close_angle(struct cut *c)
{
    const struct bracket b =
        c->n_open > 0 ? c->open[c->n_open - 1] : (struct bracket){0};
    const bool is_arrow = last_char(c) == '-';
    if (is_arrow || (b.kind != '<' && b.kind != 'T')) {
        buf_char(c->out, '>');
        return;
    }
    c->n_open--;
    if (b.kind == 'T' || c->keeps_templates) {
        /* As old C++ wanted it, which libiberty mostly does. */
        buf_str(c->out, !c->is_rust && last_char(c) == '>' ? " >" : ">");
    } else if (c->is_rust) {
        cut_back(c->out, b.at + 1);
        buf_char(c->out, '>');
    } else {
        /* "operator< <int>" has a blank between the two. */
        const bool has_blank = b.at > 1 && c->out->data[b.at - 1] == ' ' &&
                               c->out->data[b.at - 2] == '<';
        cut_back(c->out, b.at - has_blank);
    }
}

static void close_paren(struct cut *c)
{
    if (c->n_open > 0 && c->open[c->n_open - 1].kind == '(') {
        const size_t at = c->open[--c->n_open].at;
        if (!c->keeps_params && !c->is_rust &&
            is_enclosing(span_from(c->in, c->i + 1)) &&
            !span_starts(span_from(buf_view(c->out), at),
                         "(anonymous namespace")) {
            cut_back(c->out, at + 1);
        }
    }
    buf_char(c->out, ')');
}

/* libiberty's text without what the mode leaves out. */
static void cut_text(struct demangler *d, bool is_rust, bool keeps_all)
{
    const struct span in = buf_view(&d->text);
    struct cut c = {.in = in,
                    .out = start(d, &d->cut),
                    .keeps_templates = keeps_all || d->mode != DEMANGLE_SHORT,
                    .keeps_params = d->mode == DEMANGLE_FULL,
                    .is_rust = is_rust};
    while (c.i < in.len) {
        const char ch = in.p[c.i];
        if (ch == 'o' && !is_rust && copy_operator(&c)) {
            continue;
        }
        if (ch == '<' || ch == '(') {
            open_bracket(&c, ch);
        } else if (ch == '>') {
            close_angle(&c);
        } else if (ch == ')') {
            close_paren(&c);
        } else {
            buf_char(c.out, ch);
        }
        c.i++;
    }
}

/* --- one name --- */

/* NUL-terminated; what is mangled is short. */
struct name_copy {
    char text[MANGLED_BYTES_MAX + 1];
};

static struct name_copy copy_of(struct span name)
{
    struct name_copy copy;
    assert(name.len <= MANGLED_BYTES_MAX);
    memcpy(copy.text, name.p, name.len);
    copy.text[name.len] = '\0';
    return copy;
}

/* Suffixes of compilers (".llvm.123") do not belong to Rust's names; but dots
   may. */
static struct span rust_part(struct span name)
{
    size_t n = name.len;
    if (span_starts(name, "_R")) {
        return span_first(name, span_find_char(name, '.'));
    }
    while (n > 1 && !(name.p[n - 1] == '.' && name.p[n - 2] == 'E')) {
        n--;
    }
    return n > 1 ? span_first(name, n - 1) : name;
}

static bool read_rust(struct demangler *d, struct span name)
{
    const struct span part = rust_part(name);
    const struct name_copy copy = copy_of(part);
    return (span_starts(part, "_R") || is_old_rust(part)) &&
           read_mangled(d, copy.text, DMGL_ANSI, true);
}

/* In full, ".part.0" and the like are left out; without parameters libiberty
   stops before them by itself. */
static bool read_cplusplus(struct demangler *d, struct span name)
{
    const bool is_full = d->mode == DEMANGLE_FULL;
    const size_t n = is_full ? span_find_char(name, '.') : name.len;
    const struct name_copy copy = copy_of(span_first(name, n));
    return read_mangled(d, copy.text, DMGL_ANSI | (is_full ? DMGL_PARAMS : 0),
                        false);
}

static bool demangle(struct demangler *d, struct span name, struct span *out)
{
    const bool is_mangled = span_starts(name, "_Z") ||
                            span_starts(name, "_R") ||
                            span_starts(name, "_GLOBAL_");
    if (!is_mangled || name.len > MANGLED_BYTES_MAX ||
        memchr(name.p, '\0', name.len) != NULL) {
        return false;
    }
    /* C++ has names that look like Rust's older ones. */
    const bool is_rust = read_rust(d, name);
    if (!is_rust && (span_starts(name, "_R") || !read_cplusplus(d, name))) {
        return false;
    }
    cut_text(d, is_rust, is_rust && !span_starts(name, "_R"));
    *out = buf_view(&d->cut);
    return buf_ok(&d->cut) && !span_eq(*out, name);
}

/* --- names that may be demangled already --- */

/* "foo.<init>" is Java, "(*T[...]).Method" is Go. */
static bool looks_like_cplusplus(struct span name)
{
    bool has_any = false;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.p[i];
        has_any |= c == '<' || c == '>' || c == '[' || c == ']';
    }
    return (has_any || span_has(name, "::")) && !span_has(name, ".<") &&
           !span_has(name, "]).");
}

/* Appends `in` without what is between `open` and `close`, brackets and all;
   from one that closes nothing on, all is kept. */
static void drop_bracketed(struct span in, char open, char close,
                           struct buf *out)
{
    size_t depth = 0;
    size_t first = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (in.p[i] == open && depth++ == 0) {
            first = out->len;
        }
        if (in.p[i] == close) {
            if (depth == 0) {
                buf_span(out, span_from(in, i));
                return;
            }
            if (--depth == 0) {
                cut_back(out, first);
                continue;
            }
        }
        buf_char(out, in.p[i]);
    }
}

static bool shorten(struct demangler *d, struct span name, struct span *out)
{
    if (d->mode == DEMANGLE_FULL || !looks_like_cplusplus(name)) {
        return false;
    }
    struct buf *shorter = start(d, &d->text);
    drop_bracketed(name, '(', ')', shorter);
    if (d->mode == DEMANGLE_SHORT) {
        shorter = start(d, &d->cut);
        drop_bracketed(buf_view(&d->text), '<', '>', shorter);
    }
    *out = buf_view(shorter);
    return buf_ok(&d->text) && buf_ok(shorter) && !span_eq(*out, name);
}

/* False: the system name is what it is. */
static bool better_name(struct demangler *d, struct span name, struct span *out)
{
    return demangle(d, name, out) ||
           /* macOS puts one more underscore in front. */
           (span_starts(name, "_") && demangle(d, span_from(name, 1), out)) ||
           shorten(d, name, out);
}

/* --- all of a profile --- */

struct renaming {
    uint32_t function, text;
};

VEC_TYPE(renamings, struct renaming)

/* Same text, perhaps under two ids. */
static bool is_same(const struct profile *p, str_id a, str_id b)
{
    return a.i == b.i || span_eq(profile_span(p, a), profile_span(p, b));
}

static bool find_names(struct profile *p, struct demangler *d,
                       struct intern *texts, struct renamings *found,
                       struct err *err)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        struct profile_function *f = &p->functions[i];
        const struct span system = profile_span(p, f->system_name);
        struct span name;
        struct renaming r = {.function = i};
        if (p->strings[f->name.i].len > 0 &&
            !is_same(p, f->name, f->system_name)) {
            continue;
        }
        f->name = f->system_name;
        const bool is_better = better_name(d, system, &name);
        if (d->is_out_of_memory || d->text.failed_memory ||
            d->cut.failed_memory) {
            return err_nomem(err, "names");
        }
        if (!is_better) {
            continue;
        }
        if (!intern_add(texts, name, &r.text, err)) {
            return false;
        }
        if (!renamings_push(found, r)) {
            return err_nomem(err, "names");
        }
    }
    return true;
}

static bool rename_functions(struct profile *p, const struct intern *texts,
                             const struct renamings *found, struct err *err)
{
    if (found->n == 0) {
        return true;
    }
    str_id *ids = calloc(intern_count(texts), sizeof(*ids));
    if (ids == NULL) {
        return err_nomem(err, "names");
    }
    const bool ok = strings_add_all(p, texts, ids, err);
    for (size_t i = 0; ok && i < found->n; i++) {
        p->functions[found->items[i].function].name = ids[found->items[i].text];
    }
    free(ids);
    return ok;
}

static void forget_names(struct profile *p)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        struct profile_function *f = &p->functions[i];
        if (p->strings[f->name.i].len > 0 &&
            p->strings[f->system_name.i].len > 0) {
            f->name = f->system_name;
        }
    }
}

bool profile_demangle(struct profile *p, enum demangle_mode mode, bool force,
                      struct err *err)
{
    struct demangler d = {.mode = mode,
                          .text = BUF_LIMIT(NAME_BYTES_MAX),
                          .cut = BUF_LIMIT(NAME_BYTES_MAX)};
    struct intern texts = {0};
    struct renamings found = {0};
    if (force) {
        forget_names(p);
    }
    const bool ok =
        mode == DEMANGLE_NONE || (find_names(p, &d, &texts, &found, err) &&
                                  rename_functions(p, &texts, &found, err));
    renamings_release(&found);
    intern_release(&texts);
    buf_release(&d.text);
    buf_release(&d.cut);
    return ok;
}
