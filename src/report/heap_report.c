/* The head of every report of a dump, and what its tables share. */
#include "report/heap_report_private.h"

#include "base/num.h"
#include "profile/profile.h"

#include <math.h>
#include <string.h>

#include "base/banned.h"

bool heap_report_new(struct heap_report *r, struct err *err)
{
    r->tables =
        arena_new(&r->arena, struct report_table, (size_t)HEAP_TABLES_MAX);
    if (!r->tables) {
        return err_nomem(err, "report of a heap dump");
    }
    return heap_view_new(r->facts, &r->view, err);
}

void heap_report_release(struct heap_report *r)
{
    heap_diff_free(r->diff);
    heap_view_free(r->view);
    arena_release(&r->arena);
    *r = (struct heap_report){0};
}

bool table_begin(struct heap_report *r, struct table_builder *b,
                 const char *key, const struct report_column *columns,
                 size_t n_columns, size_t n_rows, size_t n_all, struct err *err)
{
    if (r->n_tables == HEAP_TABLES_MAX) {
        return err_set(err, ERR_INTERNAL, "too many tables");
    }
    *b =
        (struct table_builder){.table = &r->tables[r->n_tables++],
                               .cells = arena_new(&r->arena, struct report_cell,
                                                  n_rows * n_columns + 1)};
    if (!b->cells) {
        return err_nomem(err, "report of a heap dump");
    }
    *b->table = (struct report_table){.key = key,
                                      .title = key,
                                      .columns = columns,
                                      .n_columns = n_columns,
                                      .cells = b->cells,
                                      .n_rows = n_rows,
                                      .n_rows_left_out = n_all - n_rows};
    return true;
}

double share_of(double part, double whole)
{
    return whole > 0 ? part / whole * 100 : NAN;
}

const char *keep_text(struct heap_report *r, struct buf *text, struct err *err)
{
    const char *out =
        text->failed_memory ? NULL : arena_strdup(&r->arena, buf_view(text));
    buf_release(text);
    if (!out) {
        (void)err_nomem(err, "report of a heap dump");
    }
    return out;
}

bool add_line(struct heap_report *r, const char **lines, size_t *n,
              struct buf *text, struct err *err)
{
    if (text->len == 0 || *n == HEAP_LINES_MAX) {
        buf_release(text);
        return true;
    }
    lines[*n] = keep_text(r, text, err);
    return lines[*n] != NULL && ++*n > 0;
}

/* --- allocation sites --- */

const struct heap_call *site_call(const struct heap_bucket *b)
{
    return rules_dump_site(b);
}

void add_site(struct heap_report *r, struct buf *out,
              const struct heap_bucket *b)
{
    const struct heap_call *c = site_call(b);
    if (!c) {
        return;
    }
    buf_str(out, heap_view_function(r->view, c));
    if (c->file.len > 0) {
        buf_str(out, "  ");
        buf_span(out, span_base_name(c->file));
        buf_printf(out, ":%llu", (unsigned long long)c->line);
    }
}

/* --- summary --- */

static void add_agreement(struct buf *out, const struct heap_about *a)
{
    if (!a->has_memstats || a->memstats->heap_alloc == 0) {
        return;
    }
    const double all = (double)a->memstats->heap_alloc;
    const double off = fabs((double)a->object_bytes - all) / all * 100;
    if (off == 0) {
        buf_str(out, " (MemStats agrees)");
        return;
    }
    /* Rounded up: it must not promise more than there is. */
    const double shown = ceil(off * 1000) / 1000;
    const int decimals = shown >= 1 ? 1 : 3;
    const double unit = decimals == 1 ? 10 : 1000;
    const long long scaled = (long long)ceil(off * unit);
    buf_printf(out, " (MemStats %s %lld.%0*lld%%)",
               off < 1 ? "agrees to" : "differs by", scaled / (long long)unit,
               decimals, scaled % (long long)unit);
}

static void add_typed(struct buf *out, const struct heap_report *r)
{
    const struct heap_about *a = heap_graph_about(r->facts->graph);
    const struct heap_typed *t =
        r->facts->types ? heap_types_about(r->facts->types) : NULL;
    if (t && a->reachable_bytes > 0) {
        const double pct =
            share_of((double)(t->bytes - t->bytes_by_source[TYPED_NOT]),
                     (double)t->bytes);
        const long long scaled = (long long)floor(pct * 10);
        buf_printf(out, ", %lld.%lld%% of bytes typed", scaled / 10,
                   scaled % 10);
    }
}

static bool summary_line(struct heap_report *r, struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    const struct heap_about *a = heap_graph_about(r->facts->graph);
    num_bytes(&text, (double)a->reachable_bytes);
    buf_str(&text, " in ");
    num_count(&text, (int64_t)a->n_reachable);
    buf_str(&text, a->n_reachable == 1 ? " live object" : " live objects");
    add_agreement(&text, a);
    add_typed(&text, r);
    buf_printf(&text, "  (%s %s)", a->build, a->arch);
    return add_line(r, r->summary, &r->n_summary, &text, err);
}

static bool garbage_line(struct heap_report *r, struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    const struct heap_about *a = heap_graph_about(r->facts->graph);
    const uint64_t bytes = a->object_bytes - a->reachable_bytes;
    const uint64_t n = (uint64_t)a->n_objects - a->n_reachable;
    const struct dump_evidence e = {.facts = r->facts};
    /* Below a hundredth: what was allocated while the dump began. Where parts
       are missing, who held it may have been there. */
    if (bytes > a->object_bytes / 100 && rules_dump_is_whole(&e)) {
        buf_str(&text, "another ");
        num_bytes(&text, (double)bytes);
        buf_str(&text, " in ");
        num_count(&text, (int64_t)n);
        buf_str(&text, " objects nobody holds: garbage that was not collected "
                       "when the dump was taken (runtime.GC() before it)");
    }
    return add_line(r, r->notes, &r->n_notes, &text, err);
}

static void add_clause(struct buf *out)
{
    buf_str(out, out->len > 0 ? "; " : "");
}

void heap_report_damage(const struct heap_graph *g, struct buf *out)
{
    const struct heap_about *a = heap_graph_about(g);
    const struct dump_condition *c = &a->condition;
    const double missing = rules_dump_missing(a);
    if (c->is_truncated) {
        buf_str(out, "the dump has no end: it was cut off; what it held "
                     "there is missing, and sizes are too small");
    }
    if (c->n_damaged > 0) {
        add_clause(out);
        num_count(out, (int64_t)c->n_damaged);
        buf_str(out, c->n_damaged == 1 ? " stretch" : " stretches");
        buf_str(out, " of the dump could not be read, ");
        num_bytes(out, (double)c->damaged_bytes);
        buf_printf(out, ", the first at offset %llu",
                   (unsigned long long)c->first_damage);
    }
    if (a->n_lost_goroutines > 0) {
        add_clause(out);
        num_count(out, a->n_lost_goroutines);
        buf_str(out, a->n_lost_goroutines == 1
                         ? " goroutine that lives by the runtime's list is not "
                           "in the dump"
                         : " goroutines that live by the runtime's list are "
                           "not in the dump");
    }
    if (missing > 0) {
        add_clause(out);
        const long long scaled = llround(missing * 1000);
        buf_printf(out,
                   "%lld.%lld%% of the bytes that the runtime counted are not "
                   "in the dump: part of it was not written",
                   scaled / 10, scaled % 10);
    }
}

static bool damage_line(struct heap_report *r, struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    heap_report_damage(r->facts->graph, &text);
    return add_line(r, r->notes, &r->n_notes, &text, err);
}

struct part {
    unsigned bit;
    const char *without;
};

static const struct part parts[] = {
    {BINARY_SYMBOLS,   "names of variables"                            },
    {BINARY_DWARF,     "types of variables and locals, names of fields"},
    {BINARY_FUNCTIONS, "functions of goroutines' creators"             },
};

static bool missing_line(struct heap_report *r, struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    if (!r->facts->binary) {
        buf_str(&text,
                "no binary was given: types, names of variables and of fields "
                "are unknown; --exe BINARY, the file that ran, gives them");
        return add_line(r, r->notes, &r->n_notes, &text, err);
    }
    const unsigned has = binary_parts(r->facts->binary);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!(has & parts[i].bit)) {
            buf_str(&text, text.len > 0 ? ", " : "the binary has no ");
            buf_str(&text, parts[i].without);
        }
    }
    return add_line(r, r->notes, &r->n_notes, &text, err);
}

bool heap_report_summary(struct heap_report *r, struct err *err)
{
    return summary_line(r, err) && garbage_line(r, err) &&
           damage_line(r, err) && missing_line(r, err);
}

void heap_report_note(struct heap_report *r, const char *note)
{
    if (note && r->n_notes < HEAP_LINES_MAX) {
        r->notes[r->n_notes++] = note;
    }
}

void heap_report_into(const struct heap_report *r, struct report *out)
{
    out->tables = r->tables;
    out->n_tables = r->n_tables;
    out->summary = r->summary;
    out->n_summary = r->n_summary;
    out->notes = r->notes;
    out->n_notes = r->n_notes;
}
