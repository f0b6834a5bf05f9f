/*
 * The holders of most, each told as a person would ask: who, by which way,
 * what and how much of it, allocated where, and what to do.
 */
#include "report/heap_report_private.h"

#include "base/num.h"

#include <math.h>

#include "base/banned.h"

static const struct report_column holder_columns[] = {
    {"summary",          "holder", CELL_TEXT,    false},
    {"held_by",          "by",     CELL_TEXT,    false},
    {"path",             "path",   CELL_TEXT,    false},
    {"map",              "map",    CELL_TEXT,    false},
    {"allocated",        "alloc",  CELL_TEXT,    false},
    {"fix",              "fix",    CELL_TEXT,    false},
    {"holder",           "",       CELL_TEXT,    false},
    {"type",             "",       CELL_TEXT,    false},
    {"holders",          "",       CELL_COUNT,   false},
    {"retained_bytes",   "",       CELL_BYTES,   false},
    {"retained_objects", "",       CELL_COUNT,   false},
    {"share",            "",       CELL_PERCENT, false},
    {"held_type",        "",       CELL_TEXT,    false},
    {"held_objects",     "",       CELL_COUNT,   false},
    {"held_bytes",       "",       CELL_BYTES,   false},
    {"map_entries",      "",       CELL_COUNT,   false},
    {"map_capacity",     "",       CELL_COUNT,   false},
    {"site_function",    "",       CELL_TEXT,    false},
    {"site_file",        "",       CELL_TEXT,    false},
    {"site_line",        "",       CELL_COUNT,   false},
    {"samples",          "",       CELL_COUNT,   false},
};

static double all_bytes(const struct heap_report *r)
{
    return (double)heap_retained_bytes(r->facts->dominators, 0);
}

/* 78.7%; a point whatever the locale. */
static void add_share(struct buf *out, double pct)
{
    if (isfinite(pct)) {
        const long long scaled = llround(pct * 10);
        buf_printf(out, "%lld.%lld%%", scaled / 10, scaled % 10);
    }
}

/* "global main.cache (map[int]*main.User) holds 18.1 MB in 40,312 objects,
   78.7%" */
static const char *headline(struct heap_report *r, const struct view_holder *h,
                            struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    if (h->n_holders > 1) {
        num_count(&text, h->n_holders);
        buf_str(&text, " x ");
    }
    buf_str(&text, h->name);
    if (h->type) {
        buf_printf(&text, " (%s)", h->type);
    }
    buf_str(&text, h->n_holders > 1 ? " hold " : " holds ");
    num_bytes(&text, (double)h->retained_bytes);
    buf_str(&text, " in ");
    num_count(&text, h->retained_objects);
    buf_str(&text, h->retained_objects == 1 ? " object, " : " objects, ");
    add_share(&text, share_of((double)h->retained_bytes, all_bytes(r)));
    return keep_text(r, &text, err);
}

/* "goroutine [select] main.main, http.Server and 3 more" */
static const char *held_by(struct heap_report *r, const struct view_holder *h,
                           struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    for (size_t i = 0; i < h->n_held_by; i++) {
        buf_str(&text, i > 0 ? ", " : "");
        buf_str(&text, h->held_by[i]);
    }
    if (h->n_held_by_all > h->n_held_by) {
        buf_printf(&text, " and %zu more", h->n_held_by_all - h->n_held_by);
    }
    return keep_text(r, &text, err);
}

static void add_step(struct buf *out, const struct view_branch *s)
{
    buf_str(out, s->field);
    buf_str(out, *s->field ? " " : "");
    if (s->n_nodes > 1) {
        num_count(out, s->n_nodes);
        buf_str(out, " x ");
    }
    buf_str(out, s->name);
}

/* ".users hash<int,*main.User> -> [] 40,310 x *main.User, 8.6 MB" */
static const char *path(struct heap_report *r, const struct view_holder *h,
                        struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    for (size_t i = 0; i < h->n_steps; i++) {
        if (!h->steps[i].is_inner || i + 1 == h->n_steps) {
            buf_str(&text, text.len > 0 ? " -> " : "");
            add_step(&text, &h->steps[i]);
        }
    }
    if (h->n_steps > 0) {
        buf_str(&text, ", ");
        num_bytes(&text, (double)h->steps[h->n_steps - 1].bytes);
    }
    return keep_text(r, &text, err);
}

static const char *map_text(struct heap_report *r, const struct view_holder *h,
                            struct err *err)
{
    struct buf text = BUF_LIMIT(1024);
    if (h->has_map) {
        num_count(&text, (int64_t)h->map.n_entries);
        buf_str(&text, " entries, room for ");
        num_count(&text, (int64_t)h->map.capacity);
        if (h->map.n_deleted > 0) {
            buf_str(&text, ", ");
            num_count(&text, (int64_t)h->map.n_deleted);
            buf_str(&text, " deleted");
        }
    }
    return keep_text(r, &text, err);
}

static const char *site_text(struct heap_report *r, const struct view_holder *h,
                             struct err *err)
{
    struct buf text = BUF_LIMIT(8192);
    if (h->site) {
        add_site(r, &text, h->site);
        buf_str(&text, "  (");
        num_count(&text, (int64_t)h->n_samples);
        buf_str(&text, h->n_samples == 1 ? " sample)" : " samples)");
    }
    return keep_text(r, &text, err);
}

/* Only for what is worth it: everything is held by somebody. */
static const char *fix(const struct heap_report *r, const struct view_holder *h)
{
    enum { WORTH_PERCENT = 5 };
    if (share_of((double)h->retained_bytes, all_bytes(r)) < WORTH_PERCENT) {
        return "";
    }
    if (span_starts(span_of(h->name), "goroutine")) {
        return h->n_holders > 1
                   ? "if they should have ended: find what each waits for, and "
                     "let it end (close the channel, cancel the context)"
                   : "if it should have ended: find what it waits for; if it "
                     "runs on, drop what it no longer needs";
    }
    if (h->has_map) {
        return "if it only grows: bound the map (LRU, TTL) or delete entries "
               "when their owners leave; a map never shrinks";
    }
    if (span_starts(span_of(h->name), "finalizers that wait")) {
        return "find what a finalizer waits for: they run one after another";
    }
    if (span_starts(span_of(h->name), "finalizer")) {
        return "it goes with the object that has the finalizer: capture less "
               "in its function";
    }
    return "if it only grows: drop what is no longer needed, or bound it";
}

static bool add_texts(struct heap_report *r, struct table_builder *b,
                      const struct view_holder *h, struct err *err)
{
    const char *const texts[] = {headline(r, h, err),  held_by(r, h, err),
                                 path(r, h, err),      map_text(r, h, err),
                                 site_text(r, h, err), fix(r, h)};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!texts[i]) {
            return false;
        }
        cell_text(b, texts[i]);
    }
    return true;
}

static bool add_facts(struct heap_report *r, struct table_builder *b,
                      const struct view_holder *h, struct err *err)
{
    const struct view_branch *held =
        h->n_steps > 0 ? &h->steps[h->n_steps - 1] : NULL;
    const struct heap_call *call = site_call(h->site);
    struct buf file = BUF_LIMIT(8192);
    buf_span(&file, call ? call->file : (struct span){0});
    const char *kept = keep_text(r, &file, err);
    if (!kept) {
        return false;
    }
    cell_text(b, h->name);
    cell_text(b, h->type);
    cell_number(b, h->n_holders);
    cell_number(b, (double)h->retained_bytes);
    cell_number(b, h->retained_objects);
    cell_number(b, share_of((double)h->retained_bytes, all_bytes(r)));
    cell_text(b, held ? held->name : "");
    cell_number(b, held ? (double)held->n_nodes : NAN);
    cell_number(b, held ? (double)held->bytes : NAN);
    cell_number(b, h->has_map ? (double)h->map.n_entries : NAN);
    cell_number(b, h->has_map ? (double)h->map.capacity : NAN);
    cell_text(b, call ? heap_view_function(r->view, call) : "");
    cell_text(b, kept);
    cell_number(b, call ? (double)call->line : NAN);
    cell_number(b, h->site ? (double)h->n_samples : NAN);
    return true;
}

bool heap_report_holders(struct heap_report *r, double share, struct err *err)
{
    const struct view_holder *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    struct table_builder b;
    if (!heap_view_holders(r->view, share, r->n_max, &rows, &n, &n_all, err) ||
        !TABLE_BEGIN(r, &b, "holders", holder_columns, n, n_all, err)) {
        return false;
    }
    b.table->title = "holders of most";
    b.table->is_blocks = true;
    for (size_t i = 0; i < n; i++) {
        if (!add_texts(r, &b, &rows[i], err) ||
            !add_facts(r, &b, &rows[i], err)) {
            return false;
        }
    }
    return true;
}
