/*
 * -list: the source of functions that match, with the samples of each line
 * beside it. Nodes are ordered by function, file and line once; a run of equal
 * function and file is a listing. Sources are found as google/pprof finds
 * them: absolute paths as they are, others below each directory of the source
 * path and its parents. What was read is kept, up to a limit, since functions
 * of a file are far apart when ordered by name.
 */
#include "report/pprof_private.h"

#include "base/intern.h"
#include "base/measure.h"
#include "base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Of one source file, and of all that are kept at a time. */
#define SOURCE_BYTES  ((size_t)64 << 20)
#define SOURCES_BYTES ((size_t)256 << 20)

/* A longer line, its end included, ends what is read of a file. */
enum { LINE_BYTES = 64 << 10 };

/* Why a file cannot be read; more than this is no reason. */
enum { REASON_BYTES = 128 };

/* Lines shown around those with samples. */
enum { MARGIN = 5 };

struct source {
    struct buf text;
    struct vec_u64 line_ends; /* offsets in it */
    struct buf error;         /* empty: it was read */
    bool is_read;             /* or tried */
};
VEC_TYPE(sources, struct source)

/* Sources by the file name of nodes. */
struct reader {
    const struct pprof_options *options;
    struct span search_path;
    struct intern names;
    struct sources sources;
    size_t kept_bytes;
    struct buf path, directory; /* scratch */
    bool has_failed;            /* memory: clearing scratch forgets it */
    struct err *err;
};

struct listing {
    const struct graph *graph;
    struct pprof_values values;
    struct buf *out;
    struct reader reader;
};

/* --- Sources --- */

static void source_clear(struct source *s)
{
    buf_release(&s->text);
    vec_u64_release(&s->line_ends);
    buf_release(&s->error);
    *s = (struct source){0};
}

/* Everything but errors, which are small, when it has become too much. */
static void forget_texts(struct reader *r)
{
    for (size_t i = 0; i < r->sources.n; i++) {
        if (r->sources.items[i].text.cap > 0) {
            source_clear(&r->sources.items[i]);
        }
    }
    r->kept_bytes = 0;
}

/* Tries one path. What is no text but can be opened, a directory, is an empty
   file. `why` says what the system said. */
static bool try_path(struct reader *r, const struct buf *path, struct source *s,
                     struct buf *why)
{
    const struct pprof_world *world = &r->options->world;
    if (!world->read_file || !path->data || strlen(path->data) != path->len) {
        return false;
    }
    s->text = BUF_LIMIT(SOURCE_BYTES);
    const bool is_read = world->read_file(world->ctx, path->data, &s->text);
    if (is_read && buf_ok(&s->text)) {
        return true;
    }
    /* Of a text that was too long the beginning is there: no reason. */
    const bool is_reason = !is_read && s->text.len <= REASON_BYTES;
    const struct span reason =
        is_reason ? buf_view(&s->text) : SPAN_LIT("file too large");
    const bool is_directory = span_is(reason, "is a directory");
    buf_clear(why);
    buf_span(why, reason);
    r->has_failed = r->has_failed || s->text.failed_memory;
    buf_release(&s->text);
    return is_directory;
}

/* "/a/b" -> "/a", "/" -> "/", "a" -> "."; false when it is its own parent. */
static bool to_parent(struct reader *r)
{
    struct buf *directory = &r->directory;
    const struct span all = buf_view(directory);
    const size_t slash = span_rfind_char(all, '/');
    struct buf parent = BUF_LIMIT(directory->limit_bytes);
    graph_clean_path(&parent, span_first(all, slash < all.len ? slash + 1 : 0));
    if (parent.len == 0) {
        buf_char(&parent, '.');
    }
    const bool is_other = !span_eq(buf_view(&parent), all);
    buf_clear(directory);
    buf_span(directory, buf_view(&parent));
    r->has_failed = r->has_failed || !buf_ok(&parent) || !buf_ok(directory);
    buf_release(&parent);
    return is_other && !r->has_failed;
}

/* Below `directory` or any of its parents. */
static bool search_upwards(struct reader *r, struct span directory,
                           struct span file, struct source *s, struct buf *why)
{
    struct buf joined = BUF_LIMIT(r->path.limit_bytes);
    bool is_found = false;
    buf_clear(&r->directory);
    buf_span(&r->directory, directory);
    r->has_failed = r->has_failed || !buf_ok(&r->directory);
    do {
        buf_clear(&joined);
        buf_clear(&r->path);
        buf_span(&joined, buf_view(&r->directory));
        buf_str(&joined, joined.len > 0 && file.len > 0 ? "/" : "");
        buf_span(&joined, file);
        graph_clean_path(&r->path, buf_view(&joined));
        r->has_failed = r->has_failed || !buf_ok(&joined) || !buf_ok(&r->path);
        is_found = try_path(r, &r->path, s, why);
    } while (!is_found && to_parent(r));
    buf_release(&joined);
    return is_found;
}

static void open_source(struct reader *r, struct span name, struct source *s)
{
    struct buf why = BUF_LIMIT(256);
    const struct span file =
        graph_trim_path(name, r->options->trim_path, r->search_path);
    struct buf error = BUF_LIMIT(name.len + r->search_path.len + 512);
    if (file.len > 0 && file.p[0] == '/') {
        buf_clear(&r->path);
        buf_span(&r->path, file);
        if (!try_path(r, &r->path, s, &why)) {
            buf_str(&error, "open ");
            buf_span(&error, file);
            buf_str(&error, ": ");
            buf_span(&error, why.len > 0
                                 ? buf_view(&why)
                                 : SPAN_LIT("no such file or directory"));
        }
    } else {
        bool is_found = false;
        struct span rest = r->search_path;
        while (rest.len > 0 && !is_found) {
            const size_t colon = span_find_char(rest, ':');
            is_found =
                search_upwards(r, span_first(rest, colon), file, s, &why);
            /* A colon at the end is followed by an empty name. */
            if (colon + 1 == rest.len && !is_found) {
                is_found = search_upwards(r, SPAN_LIT(""), file, s, &why);
            }
            rest = span_from(rest, colon + 1);
        }
        if (!is_found) {
            buf_str(&error, "could not find file ");
            buf_span(&error, file);
            buf_str(&error, " on path ");
            buf_span(&error, r->search_path);
        }
    }
    r->has_failed =
        r->has_failed || !buf_ok(&r->path) || !buf_ok(&why) || !buf_ok(&error);
    buf_release(&why);
    s->error = error;
}

static bool split_lines(struct source *s)
{
    const struct span text = buf_view(&s->text);
    size_t at = 0;
    while (at < text.len) {
        const size_t n = span_find_char(span_from(text, at), '\n');
        if (n >= LINE_BYTES) {
            break;
        }
        if (!vec_u64_push(&s->line_ends, at + n)) {
            return false;
        }
        at += n + 1;
    }
    return true;
}

/* Text of line `n`, from 1; false beyond the last. */
static bool source_line(const struct source *s, int64_t n, struct span *line)
{
    if (n < 1 || (uint64_t)n > s->line_ends.n) {
        return false;
    }
    const size_t i = (size_t)n - 1;
    const size_t start = i > 0 ? (size_t)s->line_ends.items[i - 1] + 1 : 0;
    const size_t end = (size_t)s->line_ends.items[i];
    *line = (struct span){s->text.data + start, end - start};
    if (line->len > 0 && line->p[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* The entry of a file, not yet read perhaps. */
static struct source *find_source(struct reader *r, struct span name)
{
    uint32_t id = 0;
    if (!intern_add(&r->names, name, &id, r->err)) {
        return NULL;
    }
    if (id == r->sources.n && !sources_push(&r->sources, (struct source){0})) {
        (void)err_nomem(r->err, "sources");
        return NULL;
    }
    return &r->sources.items[id];
}

static bool read_source(struct reader *r, struct span name, struct source *s)
{
    if (s->is_read) {
        return true;
    }
    if (r->kept_bytes > SOURCES_BYTES) {
        forget_texts(r);
    }
    open_source(r, name, s);
    s->is_read = true;
    r->kept_bytes += s->text.cap;
    return (split_lines(s) && !r->has_failed) || err_nomem(r->err, "sources");
}

static void reader_release(struct reader *r)
{
    for (size_t i = 0; i < r->sources.n; i++) {
        source_clear(&r->sources.items[i]);
    }
    sources_release(&r->sources);
    intern_release(&r->names);
    buf_release(&r->path);
    buf_release(&r->directory);
}

/* --- One listing --- */

/* Which lines to show: from the beginning of the function, where it is known,
   to the last line with samples, with a margin. */
struct extent {
    int64_t start, end;
};

static int64_t start_of(const struct graph_info *info)
{
    return info->start_line != 0 ? info->start_line
                                 : pprof_add(info->line, -MARGIN);
}

static struct extent find_extent(const struct graph *g, const uint32_t *nodes,
                                 size_t n)
{
    const struct graph_info *first = &g->nodes[nodes[0]].info;
    struct extent e = {start_of(first), pprof_add(first->line, MARGIN)};
    for (size_t i = 0; i < n; i++) {
        const struct graph_info *info = &g->nodes[nodes[i]].info;
        const int64_t start = start_of(info);
        const int64_t end = pprof_add(info->line, MARGIN);
        if (start < e.start) {
            e.start = start;
        } else if (end > e.end) {
            e.end = end;
        }
    }
    if (e.start < 1) {
        e.start = 1;
    }
    return e;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_lines(const void *a, const void *b, const void *ctx)
{
    const struct graph *g = ctx;
    const uint32_t node_a = *(const uint32_t *)a;
    const uint32_t node_b = *(const uint32_t *)b;
    return compare_numbers(g->nodes[node_a].info.line,
                           g->nodes[node_b].info.line);
}

static void add_number(struct listing *l, int64_t v)
{
    if (v == 0) {
        buf_repeat(l->out, ' ', PPROF_VALUE_WIDTH - 1);
        buf_char(l->out, '.');
    } else {
        pprof_value_right(l->out, &l->values, v, PPROF_VALUE_WIDTH);
    }
}

/* `nodes` ordered by line. */
static void add_lines(struct listing *l, const struct source *s,
                      struct extent e, const uint32_t *nodes, size_t n)
{
    const struct graph *g = l->graph;
    size_t at = 0;
    struct span text;
    for (int64_t line = e.start;
         line <= e.end && buf_ok(l->out) && source_line(s, line, &text);
         line++) {
        int64_t flat = 0;
        int64_t cum = 0;
        while (at < n && g->nodes[nodes[at]].info.line <= line) {
            const struct graph_node *node = &g->nodes[nodes[at++]];
            if (node->info.line == line) {
                flat = pprof_add(flat, node->flat);
                cum = pprof_add(cum, node->cum);
            }
        }
        add_number(l, flat);
        buf_char(l->out, ' ');
        add_number(l, cum);
        buf_char(l->out, ' ');
        pprof_int_right(l->out, line, 6);
        buf_char(l->out, ':');
        buf_span(l->out, text);
        buf_char(l->out, '\n');
    }
}

/* A function in a file: `n` nodes. Leaves them ordered by line. */
static bool add_listing(struct listing *l, uint32_t *nodes, size_t n)
{
    const struct graph *g = l->graph;
    const struct graph_info *info = &g->nodes[nodes[0]].info;
    int64_t flat = 0;
    int64_t cum = 0;
    for (size_t i = 0; i < n; i++) {
        flat = pprof_add(flat, g->nodes[nodes[i]].flat);
        cum = pprof_add(cum, g->nodes[nodes[i]].cum);
    }
    const struct extent e = find_extent(g, nodes, n);
    struct source *s = find_source(&l->reader, info->file);
    /* Nothing to show is no reason to look for the file. */
    if (!s || (e.start <= e.end && !read_source(&l->reader, info->file, s))) {
        return false;
    }
    buf_str(l->out, "ROUTINE ======================== ");
    buf_span(l->out, info->name);
    buf_str(l->out, " in ");
    buf_span(l->out, info->file);
    buf_char(l->out, '\n');
    pprof_value_right(l->out, &l->values, flat, PPROF_VALUE_WIDTH);
    buf_char(l->out, ' ');
    pprof_value_right(l->out, &l->values, cum, PPROF_VALUE_WIDTH);
    buf_str(l->out, " (flat, cum) ");
    measure_percent(l->out, cum, l->values.total);
    buf_str(l->out, " of Total\n");
    if (s->error.len > 0) {
        buf_str(l->out, " Error: ");
        buf_span(l->out, buf_view(&s->error));
        buf_char(l->out, '\n');
        return true;
    }
    sort_items(nodes, n, sizeof *nodes, compare_lines, g);
    add_lines(l, s, e, nodes, n);
    return true;
}

/* --- All of them --- */

static int compare_places(const void *a, const void *b, const void *ctx)
{
    const struct graph *g = ctx;
    const uint32_t node_a = *(const uint32_t *)a;
    const uint32_t node_b = *(const uint32_t *)b;
    const struct graph_info *ia = &g->nodes[node_a].info;
    const struct graph_info *ib = &g->nodes[node_b].info;
    int c = span_compare(ia->name, ib->name);
    if (c == 0) {
        c = span_compare(ia->file, ib->file);
    }
    if (c == 0) {
        c = compare_numbers(ia->start_line, ib->start_line);
    }
    if (c == 0) {
        c = compare_numbers(ia->line, ib->line);
    }
    return c != 0 ? c : node_a < node_b ? -1 : node_a > node_b;
}

/* How many of the nodes are of the first one's function, or of its file. */
static size_t run_of(const struct graph *g, const uint32_t *nodes, size_t n,
                     bool by_file)
{
    const struct graph_info *first = &g->nodes[nodes[0]].info;
    size_t i = 1;
    while (i < n) {
        const struct graph_info *info = &g->nodes[nodes[i]].info;
        if (!span_eq(info->name, first->name) ||
            (by_file && !span_eq(info->file, first->file))) {
            break;
        }
        i++;
    }
    return i;
}

/* All listings of a function: `n` nodes, those without a file first. */
static bool add_function(struct listing *l, uint32_t *nodes, size_t n)
{
    const struct graph *g = l->graph;
    bool has_file = false;
    for (size_t i = 0; i < n;) {
        const size_t run = run_of(g, nodes + i, n - i, true);
        if (g->nodes[nodes[i]].info.file.len > 0) {
            has_file = true;
            if (!add_listing(l, nodes + i, run)) {
                return false;
            }
        }
        i += run;
    }
    if (!has_file) {
        buf_str(l->out, "No source information for ");
        buf_span(l->out, g->nodes[nodes[0]].info.name);
        buf_char(l->out, '\n');
    }
    return true;
}

static bool add_functions(struct listing *l, uint32_t *nodes, size_t n,
                          struct err *err)
{
    const struct graph *g = l->graph;
    const struct pprof_options *o = l->reader.options;
    bool has_any = false;
    for (size_t i = 0; i < n && buf_ok(l->out);) {
        const size_t run = run_of(g, nodes + i, n - i, false);
        bool is_match = true;
        if (o->symbol != NULL &&
            !regex_match(o->symbol, g->nodes[nodes[i]].info.name, &is_match,
                         err)) {
            return false;
        }
        if (is_match && !has_any) {
            has_any = true;
            buf_str(l->out, "Total: ");
            pprof_value(l->out, &l->values, l->values.total);
            buf_char(l->out, '\n');
        }
        if (is_match && !add_function(l, nodes + i, run)) {
            return false;
        }
        i += run;
    }
    if (!has_any) {
        return err_set(err, ERR_USAGE, "no matches found for regexp: %.*s",
                       (int)span_first(o->symbol_text, ERR_TEXT_MAX).len,
                       o->symbol_text.p);
    }
    return buf_check(l->out, "listing", err);
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    struct graph_options options = pprof_graph_options(p, o);
    options.keeps_objfiles = true;
    options.node_fraction = 0;
    options.edge_fraction = 0;
    options.node_count = 0;
    struct graph *g = NULL;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct listing l = {
        .graph = g,
        .values = pprof_values_of(o),
        .out = out,
        .reader = {.options = o,
                   .search_path = o->source_path.len > 0 ? o->source_path
                                                         : o->world.directory,
                   .path = BUF_LIMIT(SIZE_MAX / 4),
                   .directory = BUF_LIMIT(SIZE_MAX / 4),
                   .err = err},
    };
    uint32_t *nodes = malloc(((size_t)g->n_shown + 1) * sizeof *nodes);
    bool ok = nodes != NULL || err_nomem(err, "listing");
    if (ok && g->n_shown > 0) {
        memcpy(nodes, g->order, g->n_shown * sizeof *nodes);
        sort_items(nodes, g->n_shown, sizeof *nodes, compare_places, g);
    }
    ok = ok && add_functions(&l, nodes, g->n_shown, err);
    free(nodes);
    reader_release(&l.reader);
    graph_free(g);
    return ok;
}

const struct pprof_report pprof_report_list = {
    .name = "list",
    .summary = "annotated source of functions that match",
    .has_argument = true,
    .print = print,
};
