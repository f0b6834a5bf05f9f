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

static struct span number_u64(struct name_parts *n, uint64_t v)
{
    char *text = n->numbers[n->n_numbers++];
    const int len = snprintf(text, NUMBER_BYTES, "%" PRIu64, v);
    return (struct span){text, (size_t)len};
}

static struct span address(struct name_parts *n, uint64_t v)
{
    char *text = n->numbers[n->n_numbers++];
    const int len = snprintf(text, NUMBER_BYTES, "%016" PRIx64, v);
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
        add_part(n, span_base_name(i->objfile));
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
        add_component(n, address(n, i->address));
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
        return span_compare(a->name, b->name);
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
    add_part(n, number_u64(n, i->address));
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
