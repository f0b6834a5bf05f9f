/*
 * Names are compared part by part. "(*T)" and "T" are one type: renaming it
 * renames the methods of pointers and of values.
 */
#include "profile/name_change.h"

#include "profile/names.h"

static const char closure[] = "func*";

/* What is behind the package and its dot. */
static struct span local_of(struct span name, struct span package)
{
    return span_from(name, package.len + 1);
}

static bool is_pointer(struct span part)
{
    return span_starts(part, "(*") && span_ends(part, ")");
}

/* "T" of "(*T)" and of "T". */
static struct span type_of(struct span part)
{
    return is_pointer(part) ? span_first(span_from(part, 2), part.len - 3)
                            : part;
}

/* A first part with a method behind it. */
static bool is_type(struct span part, int at, struct span behind)
{
    return is_pointer(part) || (at == 0 && behind.len != 0 &&
                                !span_is(name_part(&behind), closure));
}

/* The one part in which they differ. */
static bool find_part(struct span old, struct span now, struct name_change *out)
{
    const struct span whole = now;
    bool has_one = false;
    for (int at = 0; old.len != 0 && now.len != 0; at++) {
        const size_t before = whole.len - now.len;
        const struct span old_part = name_part(&old);
        const struct span now_part = name_part(&now);
        if (span_eq(old_part, now_part)) {
            continue;
        }
        if (has_one || is_pointer(old_part) != is_pointer(now_part) ||
            span_is(old_part, closure) || span_is(now_part, closure)) {
            return false;
        }
        has_one = true;
        out->part = at;
        out->before = span_first(whole, before);
        out->is_type = is_type(now_part, at, now);
        out->old = out->is_type ? type_of(old_part) : old_part;
        out->now = out->is_type ? type_of(now_part) : now_part;
    }
    return has_one && old.len == 0 && now.len == 0;
}

bool name_change_between(struct span old, struct span now,
                         struct name_change *out)
{
    const struct span old_package = name_package(old);
    const struct span package = name_package(now);
    *out = (struct name_change){.package = package};
    if (old_package.len == 0 || package.len == 0) {
        return false;
    }
    const struct span old_local = local_of(old, old_package);
    const struct span local = local_of(now, package);
    if (span_eq(old_package, package)) {
        return find_part(old_local, local, out);
    }
    out->part = NAME_CHANGE_PACKAGE;
    out->old = old_package;
    out->now = package;
    return span_eq(old_local, local);
}

bool name_change_keeps_level(double old, double now)
{
    return now <= 2 * old && old <= 2 * now;
}

static void put_part(const struct name_change *c, struct span part,
                     struct buf *out)
{
    if (c->is_type && is_pointer(part)) {
        buf_str(out, "(*");
        buf_span(out, c->old);
        buf_char(out, ')');
    } else {
        buf_span(out, c->old);
    }
}

static bool undo_part(const struct name_change *c, struct span local,
                      struct buf *out)
{
    if (!span_eq(span_first(local, c->before.len), c->before)) {
        return false;
    }
    struct span rest = span_from(local, c->before.len);
    const struct span part = name_part(&rest);
    const bool is_same = c->is_type ? is_type(part, c->part, rest) &&
                                          span_eq(type_of(part), c->now)
                                    : span_eq(part, c->now);
    if (!is_same) {
        return false;
    }
    buf_span(out, c->package);
    buf_char(out, '.');
    buf_span(out, c->before);
    put_part(c, part, out);
    if (rest.len != 0) {
        buf_char(out, '.');
        buf_span(out, rest);
    }
    return true;
}

bool name_change_undo(const struct name_change *c, struct span now,
                      struct buf *out)
{
    const struct span package = name_package(now);
    if (package.len == 0 || !span_eq(package, c->package)) {
        return false;
    }
    const struct span local = local_of(now, package);
    if (c->part != NAME_CHANGE_PACKAGE) {
        return undo_part(c, local, out);
    }
    buf_span(out, c->old);
    buf_char(out, '.');
    buf_span(out, local);
    return true;
}

bool name_change_key(struct span name, int part, struct buf *out)
{
    const struct span package = name_package(name);
    bool has_part = part == NAME_CHANGE_PACKAGE;
    if (package.len == 0) {
        return false;
    }
    buf_printf(out, "%d ", part);
    buf_span(out, has_part ? SPAN_LIT("?") : package);
    struct span rest = local_of(name, package);
    for (int at = 0; rest.len != 0; at++) {
        const struct span word = name_part(&rest);
        const bool is_it = at == part && !span_is(word, closure);
        has_part |= is_it;
        buf_char(out, '.');
        buf_span(out, !is_it             ? word
                      : is_pointer(word) ? SPAN_LIT("(*?)")
                                         : SPAN_LIT("?"));
    }
    return has_part;
}
