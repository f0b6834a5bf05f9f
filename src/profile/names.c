/*
 * A Go symbol is an import path, a dot, and parts between dots: receiver,
 * function, closures. Brackets of type arguments may hold anything, dots and
 * slashes too, so the path ends before the first bracket or parenthesis, and
 * parts are cut outside of them only.
 */
#include "profile/names.h"

/* First elements of the standard library's import paths. A module may be
   called "orders", without a dot, so having none proves nothing. */
static const char *const std_roots[] = {
    "archive",   "arena",   "bufio",   "bytes",    "cmp",      "compress",
    "container", "context", "crypto",  "database", "debug",    "embed",
    "encoding",  "errors",  "expvar",  "flag",     "fmt",      "go",
    "hash",      "html",    "image",   "index",    "internal", "io",
    "iter",      "log",     "maps",    "math",     "mime",     "net",
    "os",        "path",    "plugin",  "reflect",  "regexp",   "runtime",
    "slices",    "sort",    "strconv", "strings",  "structs",  "sync",
    "syscall",   "testing", "text",    "time",     "unicode",  "unique",
    "unsafe",    "vendor",  "weak",
};
enum { N_STD_ROOTS = sizeof(std_roots) / sizeof(std_roots[0]) };

static const char *const origin_names[] = {
    [ORIGIN_USER] = "user",
    [ORIGIN_DEP] = "dep",
    [ORIGIN_STD] = "std",
    [ORIGIN_RUNTIME] = "runtime",
};

const char *frame_origin_name(enum frame_origin o)
{
    return origin_names[o];
}

/* Up to the first type argument or receiver. */
static struct span before_brackets(struct span s)
{
    size_t i = 0;
    while (i < s.len && s.p[i] != '[' && s.p[i] != '(') {
        i++;
    }
    return span_first(s, i);
}

struct span name_package(struct span function)
{
    const struct span head = before_brackets(function);
    const size_t slash = span_rfind_char(head, '/');
    const size_t last = slash < head.len ? slash + 1 : 0;
    const size_t dot = span_find_char(span_from(head, last), '.');
    return last + dot < head.len ? span_first(head, last + dot)
                                 : span_first(head, 0);
}

/* Is the text `a`, with the linker's %2e for dots, the text `b`? */
static bool same_path(struct span a, struct span b)
{
    size_t k = 0;
    for (size_t i = 0; i < a.len; i++, k++) {
        char c = a.p[i];
        if (span_starts(span_from(a, i), "%2e")) {
            c = '.';
            i += 2;
        }
        if (k >= b.len || b.p[k] != c) {
            return false;
        }
    }
    return k == b.len;
}

/* Is `package` the module, its external test, or below it? */
static bool is_in_module(struct span package, struct span module)
{
    if (span_ends(package, "_test") && !span_ends(module, "_test")) {
        package = span_first(package, package.len - 5);
    }
    for (size_t i = 0; i <= package.len; i++) {
        if ((i == package.len || package.p[i] == '/') &&
            same_path(span_first(package, i), module)) {
            return true;
        }
    }
    return false;
}

/* Does the file lie where a standard package's would: GOROOT/src/PACKAGE/, or
   PACKAGE/ alone with -trimpath? Unknown files say nothing against it. */
static bool is_std_file(struct span file, struct span package)
{
    const size_t slash = span_rfind_char(file, '/');
    if (slash == file.len) {
        return true;
    }
    struct span dir = span_first(file, slash);
    if (dir.len < package.len) {
        return false;
    }
    const struct span end = span_from(dir, dir.len - package.len);
    dir = span_first(dir, dir.len - package.len);
    return span_eq(end, package) && (dir.len == 0 || span_ends(dir, "/src/"));
}

static bool is_std_root(struct span package)
{
    const struct span root = span_first(package, span_find_char(package, '/'));
    for (unsigned i = 0; i < N_STD_ROOTS; i++) {
        if (span_is(root, std_roots[i])) {
            return true;
        }
    }
    return false;
}

/* Linked names: "internal/poll.runtime_pollWait" lies in runtime/. */
static bool is_linked_file(struct span file)
{
    const size_t src = span_find(file, "/src/");
    struct span rest = src < file.len ? span_from(file, src + 5) : file;
    return is_std_root(rest);
}

static bool is_std(struct span package, struct span file)
{
    return is_std_root(package) &&
           (is_std_file(file, package) || is_linked_file(file));
}

static bool is_runtime(struct span package)
{
    return span_is(package, "runtime") ||
           span_is(package, "internal/runtime") ||
           span_starts(package, "internal/runtime/") ||
           span_starts(package, "runtime/internal/");
}

/* Equality and hash functions of types and the like belong to nobody. */
static bool is_generated(struct span function)
{
    return span_starts(function, "type:") || span_starts(function, "type..") ||
           span_starts(function, "go:");
}

static bool has_version(struct span file)
{
    for (size_t i = 0; i + 2 < file.len; i++) {
        if (file.p[i] == '@' && file.p[i + 1] == 'v' && file.p[i + 2] >= '0' &&
            file.p[i + 2] <= '9') {
            return true;
        }
    }
    return false;
}

static bool is_dependency(struct span package, struct span file)
{
    return span_has(file, "/pkg/mod/") || span_has(file, "/vendor/") ||
           has_version(file) || span_has(package, "/vendor/");
}

enum frame_origin name_origin(struct span function, struct span file,
                              struct span module)
{
    const struct span package = name_package(function);
    /* No package: assembly of the runtime, or C. */
    if (package.len == 0 || is_generated(function)) {
        return ORIGIN_RUNTIME;
    }
    if (module.len != 0 && is_in_module(package, module)) {
        return ORIGIN_USER;
    }
    if (is_std(package, file)) {
        return is_runtime(package) ? ORIGIN_RUNTIME : ORIGIN_STD;
    }
    if (span_is(package, "main")) {
        return ORIGIN_USER;
    }
    return module.len != 0 || is_dependency(package, file) ? ORIGIN_DEP
                                                           : ORIGIN_USER;
}

/* Index behind the quoted text that begins at s[i]; struct tags in type
   arguments are quoted and may hold brackets. */
static size_t skip_quoted(struct span s, size_t i)
{
    for (i++; i < s.len && s.p[i] != '"'; i++) {
        i += s.p[i] == '\\';
    }
    return i < s.len ? i + 1 : s.len;
}

/* Index behind the bracket or parenthesis that opens at s[i], or s.len. */
static size_t skip_brackets(struct span s, size_t i)
{
    size_t depth = 0;
    while (i < s.len) {
        const char c = s.p[i];
        if (c == '"') {
            i = skip_quoted(s, i);
            continue;
        }
        depth += c == '[' || c == '(' || c == '{';
        depth -= c == ']' || c == ')' || c == '}';
        i++;
        if (depth == 0) {
            return i;
        }
    }
    return s.len;
}

struct span name_part(struct span *rest)
{
    size_t i = 0;
    while (i < rest->len && rest->p[i] != '.') {
        const bool opens = rest->p[i] == '[' || rest->p[i] == '(';
        i = opens ? skip_brackets(*rest, i) : i + 1;
    }
    const struct span part = span_first(*rest, i);
    *rest = span_from(*rest, i < rest->len ? i + 1 : i);
    return part;
}

/* Type arguments become "[...]", as goroutine dumps spell them. */
static void add_collapsed(struct buf *out, struct span part)
{
    size_t i = 0;
    while (i < part.len) {
        if (part.p[i] == '[') {
            buf_str(out, "[...]");
            i = skip_brackets(part, i);
        } else {
            buf_char(out, part.p[i++]);
        }
    }
}

/* Length of the digits at the end. */
static size_t trailing_digits(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.p[s.len - n - 1] >= '0' &&
           s.p[s.len - n - 1] <= '9') {
        n++;
    }
    return n;
}

/* Is it `word` and a number, like "gowrap2"? */
static bool is_numbered(struct span part, const char *word)
{
    const size_t n = trailing_digits(part);
    return n != 0 && span_is(span_first(part, part.len - n), word);
}

/* Without "-fm" (method values) and "-range1" (bodies of range-over-func). */
static struct span without_suffixes(struct span part)
{
    for (;;) {
        if (span_ends(part, "-fm")) {
            part = span_first(part, part.len - 3);
            continue;
        }
        const size_t digits = trailing_digits(part);
        const struct span head = span_first(part, part.len - digits);
        if (digits == 0 || !span_ends(head, "-range")) {
            return part;
        }
        part = span_first(head, head.len - 6);
    }
}

/* Behind the innermost vendor directory of an import path. */
static struct span without_vendor(struct span package)
{
    const char *dir = "/vendor/";
    for (size_t at = span_find(package, dir); at < package.len;
         at = span_find(package, dir)) {
        package = span_from(package, at + 8);
    }
    return span_starts(package, "vendor/") ? span_from(package, 7) : package;
}

/* The next part that counts, without suffixes; wrappers of go and defer
   statements are skipped, "glob." (before Go 1.21) is "init". */
static bool next_kept(struct span *rest, struct span *part)
{
    while (rest->len != 0) {
        *part = without_suffixes(name_part(rest));
        if (span_is(*part, "glob") && span_starts(*rest, ".")) {
            *rest = span_from(*rest, 1);
            *part = SPAN_LIT("init");
        }
        if (!is_numbered(*part, "gowrap") && !is_numbered(*part, "deferwrap")) {
            return true;
        }
    }
    return false;
}

void name_normalise(struct buf *out, struct span function)
{
    const struct span package = name_package(function);
    if (package.len == 0) {
        buf_span(out, function);
        return;
    }
    buf_span(out, without_vendor(package));
    struct span rest = span_from(function, package.len + 1);
    struct span part;
    while (next_kept(&rest, &part)) {
        buf_char(out, '.');
        add_collapsed(out, part);
    }
}

/* An import path without "@version". */
static void add_unversioned(struct buf *out, struct span package)
{
    const size_t at = span_find_char(package, '@');
    const struct span behind = span_from(package, at);
    buf_span(out, span_first(package, at));
    buf_span(out, span_from(behind, span_find_char(behind, '/')));
}

/* What a part of a name is. Of a closure that was inlined into a closure, only
   a number is left of ".func1"; behind "init" a number is one of several. */
enum part_kind { PART_NAME, PART_RECEIVER, PART_CLOSURE, PART_ORDINAL };

static enum part_kind part_kind(struct span part, bool is_behind_init)
{
    if (part.len != 0 && trailing_digits(part) == part.len) {
        return is_behind_init ? PART_ORDINAL : PART_CLOSURE;
    }
    if (is_numbered(part, "func")) {
        return PART_CLOSURE;
    }
    return span_starts(part, "(*") ? PART_RECEIVER : PART_NAME;
}

/* A function that was inlined gives its closures the names of all who inlined
   it in front: "serve.(*T).run.func1", "init.func5.run.2" is a closure of run.
   Whether it is inlined changes with its length, the compiler and its profile,
   so that a closure begins at the last function's name, with the receiver of a
   pointer method. (A value's receiver looks like one more function.) What is
   no closure begins at the last receiver. */
static struct span identity_start(struct span rest)
{
    struct span receiver = rest;
    struct span name = rest;
    bool is_closure = false;
    enum part_kind before = PART_NAME;
    bool was_init = false;
    while (rest.len != 0) {
        const struct span here = rest;
        struct span part;
        if (!next_kept(&rest, &part)) {
            break;
        }
        const enum part_kind kind = part_kind(part, was_init);
        if (kind == PART_RECEIVER) {
            receiver = here;
        }
        if (kind == PART_RECEIVER ||
            (kind == PART_NAME && before != PART_RECEIVER)) {
            name = here;
        }
        is_closure = kind == PART_CLOSURE;
        was_init = span_is(part, "init");
        before = kind;
    }
    return is_closure ? name : receiver;
}

void name_identity(struct buf *out, struct span function)
{
    const struct span package = name_package(function);
    if (package.len == 0) {
        buf_span(out, function);
        return;
    }
    add_unversioned(out, without_vendor(package));
    struct span rest = identity_start(span_from(function, package.len + 1));
    struct span part;
    bool was_closure = false;
    bool was_init = false;
    while (next_kept(&rest, &part)) {
        const enum part_kind kind = part_kind(part, was_init);
        if (kind == PART_CLOSURE && !was_closure) {
            buf_str(out, ".func*");
        } else if (kind == PART_NAME || kind == PART_RECEIVER) {
            buf_char(out, '.');
            add_collapsed(out, part);
        }
        was_closure = kind == PART_CLOSURE;
        was_init = span_is(part, "init");
    }
}
