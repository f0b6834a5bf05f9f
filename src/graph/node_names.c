/*
 * What nodes are called. To compare two names neither is written: both are
 * walked as a row of parts, because in a large graph most nodes tie in value
 * and are told apart by name.
 */
#include "graph/graph_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

enum { NAME_PARTS_MAX = 16, NUMBER_BYTES = 24 };

/* Texts that make up a name, one after the other. */
struct name_parts {
    struct span parts[NAME_PARTS_MAX];
    unsigned n;
    char numbers[5][NUMBER_BYTES];
    unsigned n_numbers;
};

static void add_part(struct name_parts *n, struct span text)
{
    n->parts[n->n++] = text;
}

static struct span number(struct name_parts *n, int64_t v)
{
    char *text = n->numbers[n->n_numbers++];
    const int len = snprintf(text, NUMBER_BYTES, "%" PRId64, v);
    return (struct span){text, (size_t)len};
}

static struct span number_u64(struct name_parts *n, const char *format,
                              uint64_t v)
{
    char *text = n->numbers[n->n_numbers++];
    int len = 0;
    if (format[0] == 'x') {
        len = snprintf(text, NUMBER_BYTES, "%016" PRIx64, v);
    } else {
        len = snprintf(text, NUMBER_BYTES, "%" PRIu64, v);
    }
    return (struct span){text, (size_t)len};
}

/* A blank in front of everything but the first. */
static void add_component(struct name_parts *n, struct span text)
{
    if (n->n > 0) {
        add_part(n, SPAN_LIT(" "));
    }
    add_part(n, text);
}

static struct span base_name(struct span path)
{
    while (path.len > 1 && path.p[path.len - 1] == '/') {
        path.len--;
    }
    const size_t slash = span_rfind_char(path, '/');
    return slash == path.len || path.len == 1 ? path
                                              : span_from(path, slash + 1);
}

static void add_place(struct name_parts *n, const struct graph_info *i)
{
    if (i->line != 0) {
        add_component(n, i->file);
        add_part(n, SPAN_LIT(":"));
        add_part(n, number(n, i->line));
        if (i->column != 0) {
            add_part(n, SPAN_LIT(":"));
            add_part(n, number(n, i->column));
        }
    } else if (i->file.len != 0) {
        add_component(n, i->file);
    } else if (i->name.len != 0) {
        return;
    } else if (i->objfile.len != 0) {
        add_component(n, SPAN_LIT("["));
        add_part(n, base_name(i->objfile));
        add_part(n, SPAN_LIT("]"));
    } else {
        add_component(n, SPAN_LIT("<unknown>"));
    }
}

static void split_name(struct name_parts *n, const struct graph_info *i)
{
    n->n = 0;
    n->n_numbers = 0;
    if (i->address != 0) {
        add_component(n, number_u64(n, "x", i->address));
    }
    if (i->name.len != 0) {
        add_component(n, i->name);
    }
    add_place(n, i);
}

void graph_name(struct buf *out, const struct graph_info *info)
{
    struct name_parts n;
    split_name(&n, info);
    for (unsigned i = 0; i < n.n; i++) {
        buf_span(out, n.parts[i]);
    }
}

/* --- Comparing --- */

static int compare_spans(struct span a, struct span b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int order = n != 0 ? memcmp(a.p, b.p, n) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* As if the parts of each were one text. */
static int compare_parts(struct name_parts *a, struct name_parts *b)
{
    unsigned i = 0;
    unsigned k = 0;
    for (;;) {
        while (i < a->n && a->parts[i].len == 0) {
            i++;
        }
        while (k < b->n && b->parts[k].len == 0) {
            k++;
        }
        if (i == a->n || k == b->n) {
            return (i < a->n) - (k < b->n);
        }
        struct span *x = &a->parts[i];
        struct span *y = &b->parts[k];
        const size_t n = x->len < y->len ? x->len : y->len;
        const int order = memcmp(x->p, y->p, n);
        if (order != 0) {
            return order;
        }
        *x = span_from(*x, n);
        *y = span_from(*y, n);
    }
}

static bool is_name_alone(const struct graph_info *i)
{
    return i->address == 0 && i->line == 0 && i->file.len == 0 &&
           i->name.len != 0;
}

int node_name_compare(const struct graph_info *a, const struct graph_info *b)
{
    if (is_name_alone(a) && is_name_alone(b)) {
        return compare_spans(a->name, b->name);
    }
    if (a->address != 0 && b->address != 0 && a->address != b->address) {
        return a->address < b->address ? -1 : 1;
    }
    struct name_parts x;
    struct name_parts y;
    split_name(&x, a);
    split_name(&y, b);
    return compare_parts(&x, &y);
}

/* {Name OrigName Address File StartLine Lineno Columnno Objfile}, where the
   original name is never set. */
static void split_text(struct name_parts *n, const struct graph_info *i)
{
    n->n = 0;
    n->n_numbers = 0;
    add_part(n, SPAN_LIT("{"));
    add_part(n, i->name);
    add_part(n, SPAN_LIT("  "));
    add_part(n, number_u64(n, "u", i->address));
    add_part(n, SPAN_LIT(" "));
    add_part(n, i->file);
    add_component(n, number(n, i->start_line));
    add_component(n, number(n, i->line));
    add_component(n, number(n, i->column));
    add_component(n, i->objfile);
    add_part(n, SPAN_LIT("}"));
}

int node_text_compare(const struct graph_info *a, const struct graph_info *b)
{
    struct name_parts x;
    struct name_parts y;
    split_text(&x, a);
    split_text(&y, b);
    return compare_parts(&x, &y);
}
