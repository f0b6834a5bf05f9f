/*
 * Does a suppression speak of a finding? Names are compared in the spelling
 * that is common to builds, and the runtime's frames do not count for a
 * goroutine's top, as its dumps (and goleak) hide them.
 */
#include "review/suppress_private.h"

#include <string.h>

#include "base/banned.h"

/* What is longer is cut: nobody writes a pattern for its end. */
enum { NAME_MAX_BYTES = 1 << 16, SPELLED_MAX_BYTES = 4096 };

/* Of "(*T)" the star is the name's own; every other stands for any run. */
static bool is_wild(struct span pattern, size_t i)
{
    return pattern.p[i] == '*' && (i == 0 || pattern.p[i - 1] != '(');
}

/* Index of the next star from `i` on, or the pattern's length. */
static size_t next_star(struct span pattern, size_t i)
{
    while (i < pattern.len && !is_wild(pattern, i)) {
        i++;
    }
    return i;
}

/* config.c refuses longer patterns. */
enum { PIECE_MAX_BYTES = 1024 };

/* Where the piece first is in the text, or its length; by Knuth, Morris and
   Pratt: names and patterns are of others, who may know what is slow. */
static size_t find_piece(struct span text, struct span piece)
{
    uint16_t back[PIECE_MAX_BYTES + 1] = {0}; /* longest border of a prefix */
    if (piece.len == 0 || piece.len > PIECE_MAX_BYTES) {
        return piece.len == 0 ? 0 : text.len;
    }
    size_t k = 0;
    for (size_t i = 1; i < piece.len; i++) {
        while (k > 0 && piece.p[i] != piece.p[k]) {
            k = back[k];
        }
        k += piece.p[i] == piece.p[k];
        back[i + 1] = (uint16_t)k;
    }
    k = 0;
    for (size_t i = 0; i < text.len; i++) {
        while (k > 0 && text.p[i] != piece.p[k]) {
            k = back[k];
        }
        k += text.p[i] == piece.p[k];
        if (k == piece.len) {
            return i + 1 - k;
        }
    }
    return text.len;
}

/* Each piece between two stars is taken where it comes first; so that the time
   is about that of reading both, whatever they are. */
static bool text_fits(struct span pattern, struct span text)
{
    size_t star = next_star(pattern, 0);
    if (!span_eq(span_first(text, star), span_first(pattern, star))) {
        return false;
    }
    if (star == pattern.len) {
        return text.len == star;
    }
    text = span_from(text, star);
    for (;;) {
        const size_t start = star + 1;
        star = next_star(pattern, start);
        const struct span piece =
            span_first(span_from(pattern, start), star - start);
        if (star == pattern.len) { /* the last one ends the text */
            return piece.len <= text.len &&
                   span_eq(span_from(text, text.len - piece.len), piece);
        }
        const size_t at = find_piece(text, piece);
        if (at == text.len && piece.len != 0) {
            return false;
        }
        text = span_from(text, at + piece.len);
    }
}

/* --- spellings --- */

typedef void spelling_fn(struct buf *out, struct span function);

/* In an import path's last element the linker writes dots as "%2e"; people do
   not. */
static void unescape_dots(struct buf *name)
{
    size_t n = 0;
    for (size_t i = 0; i < name->len; i++, n++) {
        const bool is_dot = span_starts(span_from(buf_view(name), i), "%2e");
        name->data[n] = name->data[i];
        if (is_dot) {
            name->data[n] = '.';
            i += 2;
        }
    }
    name->len = n;
}

/* A name longer than any has no spelling, and fits nothing but stars. */
static const char *spell(struct arena *a, const char *name,
                         spelling_fn *spelling)
{
    struct buf b = BUF_LIMIT(NAME_MAX_BYTES);
    spelling(&b, span_of(name));
    unescape_dots(&b);
    if (b.failed_limit) {
        b.len = 0;
    }
    const char *out =
        b.failed_memory
            ? NULL
            : arena_strdup(a, span_first(buf_view(&b), SPELLED_MAX_BYTES));
    a->has_failed |= out == NULL;
    buf_release(&b);
    return out != NULL ? out : "";
}

const char *suppression_pattern(struct arena *a, const char *pattern)
{
    return pattern != NULL ? spell(a, pattern, name_normalise) : NULL;
}

static struct spelled_name spelled(struct arena *a, const char *function)
{
    return (struct spelled_name){spell(a, function, name_normalise),
                                 spell(a, function, name_identity)};
}

bool spelled_names_fill(struct spelled_names *n, const struct finding *f)
{
    arena_release(&n->arena);
    *n = (struct spelled_names){.stack = NULL};
    struct spelled_name *stack =
        arena_new(&n->arena, struct spelled_name, f->n_stack + 1);
    if (stack == NULL) {
        return false;
    }
    for (size_t i = 0; i < f->n_stack; i++) {
        stack[i] = spelled(&n->arena, f->stack[i].function);
    }
    n->stack = stack;
    if (f->has_site) {
        n->site = spelled(&n->arena, f->site.function);
    }
    if (f->has_creator) {
        n->creator = spelled(&n->arena, f->creator.function);
    }
    return !n->arena.has_failed;
}

bool suppression_spell(const struct suppression *s, struct arena *a,
                       struct suppression *out)
{
    *out = *s;
    out->top = suppression_pattern(a, s->top);
    out->any = suppression_pattern(a, s->any);
    out->created_by = suppression_pattern(a, s->created_by);
    const char **stack = arena_new(a, const char *, s->n_stack + 1);
    for (size_t i = 0; stack != NULL && i < s->n_stack; i++) {
        const bool is_any_run = strcmp(s->stack[i], "...") == 0;
        stack[i] = is_any_run ? "..." : suppression_pattern(a, s->stack[i]);
    }
    if (s->stack != NULL) {
        out->stack = stack;
    }
    return stack != NULL && !a->has_failed;
}

/* --- matching --- */

bool spelled_name_fits(const char *pattern, const struct spelled_name *name)
{
    return text_fits(span_of(pattern), span_of(name->normal)) ||
           text_fits(span_of(pattern), span_of(name->identity));
}

static bool plain_fits(const char *pattern, const char *text)
{
    return text != NULL && text_fits(span_of(pattern), span_of(text));
}

/* The leaf, the first frame that is not the runtime's, or the site. */
static bool top_fits(const char *pattern, const struct finding *f,
                     const struct spelled_names *names)
{
    size_t first = 0;
    while (first < f->n_stack && f->stack[first].origin == ORIGIN_RUNTIME) {
        first++;
    }
    return (f->n_stack > 0 && spelled_name_fits(pattern, &names->stack[0])) ||
           (first < f->n_stack &&
            spelled_name_fits(pattern, &names->stack[first])) ||
           (f->has_site && spelled_name_fits(pattern, &names->site));
}

static bool any_fits(const char *pattern, const struct finding *f,
                     const struct spelled_names *names)
{
    for (size_t i = 0; i < f->n_stack; i++) {
        if (spelled_name_fits(pattern, &names->stack[i])) {
            return true;
        }
    }
    return f->has_site && spelled_name_fits(pattern, &names->site);
}

/* Index of the next frame to compare, from `i` on. */
static size_t next_frame(const struct finding *f, size_t i, bool with_runtime)
{
    while (i < f->n_stack && !with_runtime &&
           f->stack[i].origin == ORIGIN_RUNTIME) {
        i++;
    }
    return i;
}

static bool is_any_run(const struct suppression *s, size_t i)
{
    return i < s->n_stack && strcmp(s->stack[i], "...") == 0;
}

/* As text_fits(), of frames. */
static bool frames_fit(const struct suppression *s, const struct finding *f,
                       const struct spelled_names *names, bool with_runtime)
{
    size_t p = 0;
    size_t t = next_frame(f, 0, with_runtime);
    size_t star = SIZE_MAX;
    size_t resume = 0;
    while (t < f->n_stack) {
        if (is_any_run(s, p)) {
            star = p++;
            resume = t;
        } else if (p < s->n_stack &&
                   spelled_name_fits(s->stack[p], &names->stack[t])) {
            p++;
            t = next_frame(f, t + 1, with_runtime);
        } else if (star != SIZE_MAX) {
            p = star + 1;
            resume = next_frame(f, resume + 1, with_runtime);
            t = resume;
        } else {
            return false;
        }
    }
    while (is_any_run(s, p)) {
        p++;
    }
    return p == s->n_stack;
}

static bool stack_fits(const struct suppression *s, const struct finding *f,
                       const struct spelled_names *names)
{
    return f->n_stack > 0 &&
           (frames_fit(s, f, names, false) || frames_fit(s, f, names, true));
}

bool suppression_is_for(const struct suppression *s, const char *target)
{
    return s->target == NULL || plain_fits(s->target, target);
}

bool suppression_matches(const struct suppression *s, const struct finding *f,
                         const struct spelled_names *names, const char *target)
{
    return suppression_is_for(s, target) &&
           (!s->rule || plain_fits(s->rule, f->rule->id)) &&
           (!s->id || strcmp(s->id, f->id) == 0 ||
            strcmp(s->id, f->loose_id) == 0) &&
           (!s->created_by ||
            (f->has_creator &&
             spelled_name_fits(s->created_by, &names->creator))) &&
           (!s->top || top_fits(s->top, f, names)) &&
           (!s->any || any_fits(s->any, f, names)) &&
           (!s->stack || stack_fits(s, f, names));
}
