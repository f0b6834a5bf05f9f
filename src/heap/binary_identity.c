/*
 * Which program is it? The linker's build id says so where there is one; else
 * the names of its functions, which stand in pclntab all in a row, those that
 * were inlined among them.
 */
#include "heap/binary_private.h"

#include <string.h>

#include "base/banned.h"

/* --- build id --- */

/* A note: bytes of its name, of what it says, its kind; then both. */
enum { NOTE_HEAD = 12, NOTE_NAME = 4, BUILD_ID_KIND = 3, BUILD_ID_MAX = 64 };

static const char *hexadecimal(struct binary *b, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_new(&b->arena, char, 2 * n + 1);
    for (size_t i = 0; text && i < n; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
        text[2 * i + 2] = '\0';
    }
    return text;
}

bool binary_read_build_id(struct binary *b, struct err *err)
{
    const struct binary_section *s = binary_section(b, ".note.gnu.build-id");
    if (s == NULL || s->kind != SHT_NOTE || s->bytes < NOTE_HEAD + NOTE_NAME) {
        return true;
    }
    const uint8_t *p = b->image + s->offset;
    const uint64_t n = number_at(p + 4, 4, b->is_big_endian);
    if (number_at(p, 4, b->is_big_endian) != NOTE_NAME ||
        number_at(p + 8, 4, b->is_big_endian) != BUILD_ID_KIND ||
        memcmp(p + NOTE_HEAD, "GNU", NOTE_NAME) != 0 || n == 0 ||
        n > BUILD_ID_MAX || n > s->bytes - NOTE_HEAD - NOTE_NAME) {
        return true;
    }
    b->build_id = hexadecimal(b, p + NOTE_HEAD + NOTE_NAME, (size_t)n);
    return b->build_id || err_nomem(err, "the build id");
}

const char *binary_build_id(const struct binary *b)
{
    return b->build_id ? b->build_id : "";
}

/* --- functions --- */

/* Up to the type arguments, which are shapes here, and what follows them. */
static bool is_name(const char *text, size_t n, struct span before,
                    struct span after)
{
    const struct span all = {text, n};
    if (after.p == NULL) {
        return span_eq(all, before);
    }
    return n >= before.len + after.len &&
           span_eq(span_first(all, before.len), before) &&
           span_eq(span_from(all, n - after.len), after);
}

bool binary_has_function(const struct binary *b, const char *name)
{
    static const char shapes[] = "[...]";
    const struct function_table *t = &b->functions;
    const char *open = strstr(name, shapes);
    const struct span before =
        open ? (struct span){name, (size_t)(open + 1 - name)} : span_of(name);
    const struct span after =
        open ? span_of(open + sizeof(shapes) - 2) : (struct span){0};
    if (!(b->parts & BINARY_FUNCTIONS) || t->units <= t->names) {
        return false;
    }
    const char *at = (const char *)t->p + t->names;
    const char *end = (const char *)t->p + t->units;
    while (at < end) {
        const char *zero = memchr(at, '\0', (size_t)(end - at));
        if (zero == NULL) {
            return false;
        }
        if (is_name(at, (size_t)(zero - at), before, after)) {
            return true;
        }
        at = zero + 1;
    }
    return false;
}
