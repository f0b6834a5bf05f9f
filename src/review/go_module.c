/*
 * go.mod is read a line at a time and as far as needed: `module`, `require` and
 * `replace`, alone or as a block in parentheses, names in quotes or not.
 */
#include "review/go_module_private.h"

#include "review/paths.h"

#include "base/banned.h"

/* --- names --- */

bool go_module_has(struct span module, struct span package)
{
    return module.len != 0 && package.len >= module.len &&
           span_eq(span_first(package, module.len), module) &&
           (package.len == module.len || package.p[module.len] == '/');
}

/* -1: no hexadecimal digit. */
static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *hit = c != '\0' ? strchr(digits, c) : NULL;
    return hit != NULL ? (int)(hit - digits) : -1;
}

void go_package_unescape(struct span package, struct buf *out)
{
    for (size_t i = 0; i < package.len; i++) {
        if (package.p[i] == '%' && i + 2 < package.len) {
            const int high = hex_value(package.p[i + 1]);
            const int low = hex_value(package.p[i + 2]);
            if (high >= 0 && low >= 0) {
                buf_char(out, (char)(high * 16 + low));
                i += 2;
                continue;
            }
        }
        buf_char(out, package.p[i]);
    }
}

/* The cache spells "BurntSushi" as "!burnt!sushi". */
static void add_uncached(struct buf *out, struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (c == '!' && i + 1 < name.len && name.p[i + 1] >= 'a' &&
            name.p[i + 1] <= 'z') {
            c = (char)(name.p[++i] - 'a' + 'A');
        }
        buf_char(out, c);
    }
}

/* Index of the '@' before a version, or file.len. */
static size_t version_mark(struct span file)
{
    for (size_t i = 1; i + 2 < file.len; i++) {
        if (file.p[i] == '@' && file.p[i + 1] == 'v' && file.p[i + 2] >= '0' &&
            file.p[i + 2] <= '9') {
            return i;
        }
    }
    return file.len;
}

/* The longest beginning of `package` that `name` ends with. */
static struct span module_at_end(struct span name, struct span package)
{
    for (size_t n = package.len; n > 0; n--) {
        if ((n == package.len || package.p[n] == '/') && n < name.len &&
            name.p[name.len - n - 1] == '/' &&
            span_eq(span_from(name, name.len - n), span_first(package, n))) {
            return span_first(package, n);
        }
    }
    return span_first(package, 0);
}

/* `name` is what stands before the version, as it should be spelt. */
static struct span module_in(struct span name, struct span package)
{
    const char mark[] = "/pkg/mod/";
    const size_t cache = span_find(name, mark);
    if (cache < name.len) {
        return span_from(name, cache + sizeof(mark) - 1);
    }
    const bool is_absolute =
        span_starts(name, "/") || (name.len > 1 && name.p[1] == ':');
    return is_absolute ? module_at_end(name, package) : name;
}

bool go_module_of_file(struct span file, struct span package, struct buf *out)
{
    const size_t mark = version_mark(file);
    if (mark == file.len) {
        return false;
    }
    struct buf name = BUF_LIMIT(file.len + 1);
    add_uncached(&name, span_first(file, mark));
    const struct span module = module_in(buf_view(&name), package);
    const bool is_known = buf_ok(&name) && module.len != 0;
    if (is_known) {
        const struct span version = span_from(file, mark);
        buf_span(out, module);
        add_uncached(out, span_first(version, span_find_char(version, '/')));
    }
    out->failed_memory = out->failed_memory || name.failed_memory;
    buf_release(&name);
    return is_known;
}

/* --- go.mod --- */

/* Cuts the next word off; quotes around it are dropped. */
static struct span cut_word(struct span *rest)
{
    *rest = span_trim(*rest);
    struct span word = *rest;
    if (word.len != 0 && (word.p[0] == '"' || word.p[0] == '`')) {
        const char quote = word.p[0];
        word = span_from(word, 1);
        word = span_first(word, span_find_char(word, quote));
        *rest = span_from(*rest, word.len + 2);
        return word;
    }
    size_t n = 0;
    while (n < word.len && word.p[n] != ' ' && word.p[n] != '\t') {
        n++;
    }
    *rest = span_from(*rest, n);
    return span_first(word, n);
}

struct directives {
    struct span rest;
    struct span block; /* the verb of the block we are in; empty none */
};

/* The next directive, as its verb and its arguments. */
static bool next_directive(struct directives *d, struct span *verb,
                           struct span *arguments)
{
    struct span line;
    while (span_line(&d->rest, &line)) {
        line = span_trim(span_first(line, span_find(line, "//")));
        if (line.len == 0) {
            continue;
        }
        if (d->block.len != 0) {
            if (span_is(line, ")")) {
                d->block = (struct span){0};
                continue;
            }
            *verb = d->block;
            *arguments = line;
            return true;
        }
        *verb = cut_word(&line);
        *arguments = span_trim(line);
        if (!span_is(*arguments, "(")) {
            return true;
        }
        d->block = *verb;
    }
    return false;
}

struct span paths_module_of(struct span go_mod)
{
    struct directives d = {.rest = go_mod};
    struct span verb;
    struct span arguments;
    while (next_directive(&d, &verb, &arguments)) {
        if (span_is(verb, "module")) {
            return cut_word(&arguments);
        }
    }
    return (struct span){0};
}

static bool is_replaced(struct span go_mod, struct span module)
{
    struct directives d = {.rest = go_mod};
    struct span verb;
    struct span arguments;
    while (next_directive(&d, &verb, &arguments)) {
        if (span_is(verb, "replace") && span_eq(cut_word(&arguments), module)) {
            return true;
        }
    }
    return false;
}

static void add_module(struct buf *out, struct span module, struct span version)
{
    buf_span(out, module);
    if (version.len != 0) {
        buf_char(out, '@');
        buf_span(out, version);
    }
}

bool go_module_required(struct span go_mod, struct span package,
                        struct buf *out)
{
    struct directives d = {.rest = go_mod};
    struct span verb;
    struct span arguments;
    struct span best = {0};
    struct span version = {0};
    while (next_directive(&d, &verb, &arguments)) {
        if (!span_is(verb, "require")) {
            continue;
        }
        const struct span module = cut_word(&arguments);
        if (go_module_has(module, package) && module.len > best.len) {
            best = module;
            version = cut_word(&arguments);
        }
    }
    if (best.len == 0) {
        return false;
    }
    add_module(out, best,
               is_replaced(go_mod, best) ? (struct span){0} : version);
    return true;
}

bool go_module_vendored(struct span modules_txt, struct span package,
                        struct buf *out)
{
    struct span line;
    struct span best = {0};
    struct span version = {0};
    while (span_line(&modules_txt, &line)) {
        if (!span_starts(line, "# ")) {
            continue;
        }
        line = span_from(line, 2);
        const struct span module = cut_word(&line);
        if (go_module_has(module, package) && module.len > best.len) {
            best = module;
            version = span_has(line, "=>") ? (struct span){0} : cut_word(&line);
        }
    }
    if (best.len != 0) {
        add_module(out, best, version);
    }
    return best.len != 0;
}
