/*
 * git says itself whether its names have prefixes: "diff --git X X" has none,
 * "diff --git a/X b/X" has. A plain diff of two folders differs in the first
 * element alone.
 */
#include "review/diff_names_private.h"

#include "base/limits.h"

#include "base/banned.h"

/* --- quotes --- */

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* What follows a backslash at s[0]; returns its length. */
static size_t add_escaped(struct buf *out, struct span s)
{
    static const char from[] = "abtnvfr\"\\";
    static const char to[] = "\a\b\t\n\v\f\r\"\\";
    if (s.len >= 3 && is_octal(s.p[0]) && is_octal(s.p[1]) &&
        is_octal(s.p[2])) {
        buf_char(out, (char)(((s.p[0] - '0') << 6 | (s.p[1] - '0') << 3 |
                              (s.p[2] - '0')) &
                             0xff));
        return 3;
    }
    if (s.len == 0) {
        return 0;
    }
    const char *hit = s.p[0] != '\0' ? strchr(from, s.p[0]) : NULL;
    buf_add(out, hit != NULL ? &to[hit - from] : s.p, 1);
    return 1;
}

/* Appends a C string that begins at s[0]; returns what follows it. */
static struct span add_quoted(struct buf *out, struct span s)
{
    s = span_from(s, 1);
    while (s.len != 0 && s.p[0] != '"') {
        if (s.p[0] == '\\') {
            s = span_from(s, 1);
            s = span_from(s, add_escaped(out, s));
        } else {
            buf_char(out, s.p[0]);
            s = span_from(s, 1);
        }
    }
    return span_from(s, 1);
}

/* A name on a line of its own; a time may follow behind a tab. */
static void add_name(struct buf *out, struct span line)
{
    if (span_starts(line, "\"")) {
        (void)add_quoted(out, line);
        return;
    }
    line = span_first(line, span_find_char(line, '\t'));
    while (line.len != 0 && line.p[line.len - 1] == '\r') {
        line.len--;
    }
    buf_span(out, line);
}

/* --- the line of git --- */

/* Two names with a blank between them. Where no quotes say which blank, both
   are of one length: renamed files have lines of their own. */
static void split_git(struct span line, struct buf *old_name,
                      struct buf *new_name)
{
    line = span_trim(line);
    if (span_starts(line, "\"")) {
        const struct span rest = span_trim(add_quoted(old_name, line));
        add_name(new_name, rest);
        return;
    }
    const size_t quote = span_find(line, " \"");
    if (quote < line.len) {
        buf_span(old_name, span_first(line, quote));
        add_name(new_name, span_from(line, quote + 1));
        return;
    }
    buf_span(old_name, span_first(line, line.len / 2));
    buf_span(new_name, span_from(line, line.len / 2 + 1));
}

/* --- prefixes --- */

static struct span without_first(struct span name)
{
    const size_t slash = span_find_char(name, '/');
    return slash < name.len ? span_from(name, slash + 1) : name;
}

static bool is_nothing(struct span name)
{
    return name.len == 0 || span_is(name, "/dev/null");
}

struct name_pair {
    struct buf old_name, new_name;
};

static struct name_pair pair_new(void)
{
    return (struct name_pair){BUF_LIMIT(LIMIT_PATH_BYTES),
                              BUF_LIMIT(LIMIT_PATH_BYTES)};
}

static bool has_failed(const struct name_pair *p)
{
    return p->old_name.failed_memory || p->new_name.failed_memory;
}

static void pair_release(struct name_pair *p)
{
    buf_release(&p->old_name);
    buf_release(&p->new_name);
}

/* Do the names differ in their first element alone? */
static bool has_prefixes(const struct name_pair *p)
{
    const struct span a = buf_view(&p->old_name);
    const struct span b = buf_view(&p->new_name);
    return !span_eq(a, b) && without_first(a).len != a.len &&
           span_eq(without_first(a), without_first(b));
}

static struct span pick(const struct name_pair *p, bool *is_deleted)
{
    *is_deleted = is_nothing(buf_view(&p->new_name));
    return *is_deleted ? buf_view(&p->old_name) : buf_view(&p->new_name);
}

/* `git` has the names of "diff --git", if there is such a line. */
static void resolve(const struct diff_names *n, const struct name_pair *git,
                    const struct name_pair *own, struct buf *out,
                    bool *is_deleted)
{
    const bool has_own = !is_nothing(buf_view(&own->old_name)) ||
                         !is_nothing(buf_view(&own->new_name));
    const struct span name = pick(has_own ? own : git, is_deleted);
    /* git's names are alike only where they have no prefix. */
    const bool is_prefixed =
        n->git.len != 0
            ? !span_eq(buf_view(&git->old_name), buf_view(&git->new_name))
            : has_prefixes(own);
    buf_span(out, is_prefixed ? without_first(name) : name);
}

bool diff_names_resolve(const struct diff_names *n, struct buf *out,
                        bool *is_deleted)
{
    *is_deleted = false;
    if (n->rename_to.len != 0) {
        add_name(out, n->rename_to);
        return buf_ok(out) && out->len != 0;
    }
    struct name_pair git = pair_new();
    struct name_pair own = pair_new();
    split_git(n->git, &git.old_name, &git.new_name);
    add_name(&own.old_name, n->old_name);
    add_name(&own.new_name, n->new_name);
    if (buf_ok(&own.old_name) && buf_ok(&own.new_name)) {
        resolve(n, &git, &own, out, is_deleted);
    }
    out->failed_memory =
        out->failed_memory || has_failed(&git) || has_failed(&own);
    pair_release(&git);
    pair_release(&own);
    return buf_ok(out) && out->len != 0;
}

void diff_names_before(const struct diff_names *n, struct buf *out)
{
    if (!n->is_copy && n->rename_from.len != 0) {
        add_name(out, n->rename_from);
    }
}
