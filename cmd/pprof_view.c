/*
 * Labels become frames first, so that filters see them; the total is of all
 * samples, or with -relative_percentages of those that are left; granularity
 * comes last, since filters look at names that it blanks.
 */
#include "pprof_view.h"

#include "console.h"
#include "pprof_outside.h"
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

enum { NOTES_BYTES_MAX = 64 << 10, NODES_OF_A_GRAPH = 80, FILTERS_MAX = 9 };

struct pprof_view {
    const struct session *session;
    const struct pprof_flags *flags;
    const struct pprof_format *format;
    const struct pprof_report *report;
    struct frame_filter frames;
    struct regex *show_from, *prune_from, *tagshow, *taghide, *symbol;
    struct tag_filter *tagfocus, *tagignore;
};

/* --- expressions --- */

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

/* One that is not given stays NULL. */
static bool read_regex(const char *name, const char *text, struct regex **out,
                       struct err *err)
{
    return !is_given(text) || regex_new(span_of(text), out, err) ||
           err_wrap(err, "parsing %s regexp", name);
}

static bool read_tags(const struct session *s, const char *name,
                      const char *text, struct tag_filter **out,
                      struct err *err)
{
    struct buf notes = BUF_LIMIT(NOTES_BYTES_MAX);
    const bool ok =
        !is_given(text) ||
        tag_filter_new(span_of(name), span_of(text), out, &notes, err);
    console_say_notes(s, buf_view(&notes));
    buf_release(&notes);
    return ok;
}

static bool read_all(struct pprof_view *v, struct err *err)
{
    const struct pprof_flags *f = v->flags;
    const struct session *s = v->session;
    return read_regex("focus", f->focus, &v->frames.focus, err) &&
           read_regex("ignore", f->ignore, &v->frames.ignore, err) &&
           read_regex("hide", f->hide, &v->frames.hide, err) &&
           read_regex("show", f->show, &v->frames.show, err) &&
           read_regex("show_from", f->show_from, &v->show_from, err) &&
           read_tags(s, "tagfocus", f->tagfocus, &v->tagfocus, err) &&
           read_tags(s, "tagignore", f->tagignore, &v->tagignore, err) &&
           read_regex("prune_from", f->prune_from, &v->prune_from, err) &&
           read_regex("tagshow", f->tagshow, &v->tagshow, err) &&
           read_regex("taghide", f->taghide, &v->taghide, err) &&
           (v->flags->symbol == NULL ||
            regex_new(span_of(f->symbol), &v->symbol, err) ||
            err_wrap(err, "parsing argument regexp %.80s", f->symbol));
}

bool pprof_view_new(const struct session *s, const struct pprof_flags *f,
                    struct pprof_view **out, struct err *err)
{
    size_t n = 0;
    struct pprof_view *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return err_nomem(err, "report");
    }
    v->session = s;
    v->flags = f;
    v->format = f->format != NULL ? f->format : &pprof_formats(&n)[0];
    v->report = pprof_report_find(span_of(v->format->report));
    if (v->report == NULL) {
        pprof_view_free(v);
        return err_set(err, ERR_INTERNAL, "there is no report %s",
                       v->format->report);
    }
    /* pprof says so as late as it divides. */
    if (f->divide_by == 0) {
        pprof_view_free(v);
        return err_set(err, ERR_USAGE, "zero divisor specified");
    }
    if (!read_all(v, err)) {
        pprof_view_free(v);
        return false;
    }
    *out = v;
    return true;
}

void pprof_view_free(struct pprof_view *v)
{
    if (v == NULL) {
        return;
    }
    struct regex *const all[] = {
        v->frames.focus, v->frames.ignore, v->frames.hide,
        v->frames.show,  v->show_from,     v->prune_from,
        v->tagshow,      v->taghide,       v->symbol};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        regex_free(all[i]);
    }
    tag_filter_free(v->tagfocus);
    tag_filter_free(v->tagignore);
    free(v);
}

/* --- filters --- */

static void warn_unmatched(const struct pprof_view *v, bool is_asked,
                           bool has_matched, const char *name)
{
    if (is_asked && !has_matched && !v->session->common.quiet) {
        console_say("%s expression matched no samples", name);
    }
}

static bool filter_frames(struct pprof_view *v, struct profile *p,
                          struct err *err)
{
    const struct frame_filter *f = &v->frames;
    struct frame_matches m = {0};
    if (f->focus == NULL && f->ignore == NULL && f->hide == NULL &&
        f->show == NULL) {
        return true;
    }
    if (!profile_filter_frames(p, f, &m, err)) {
        return false;
    }
    warn_unmatched(v, f->focus != NULL, m.focus, "Focus");
    warn_unmatched(v, f->ignore != NULL, m.ignore, "Ignore");
    warn_unmatched(v, f->hide != NULL, m.hide, "Hide");
    warn_unmatched(v, f->show != NULL, m.show, "Show");
    return true;
}

static bool filter_show_from(struct pprof_view *v, struct profile *p,
                             struct err *err)
{
    bool matched = false;
    if (v->show_from == NULL) {
        return true;
    }
    if (!profile_show_from(p, v->show_from, &matched, err)) {
        return false;
    }
    warn_unmatched(v, true, matched, "ShowFrom");
    return true;
}

static bool filter_tags(struct pprof_view *v, struct profile *p,
                        const struct label_units *units, struct err *err)
{
    bool focus = false;
    bool ignore = false;
    if (v->tagfocus == NULL && v->tagignore == NULL) {
        return true;
    }
    if (!profile_filter_tags(p, units, v->tagfocus, v->tagignore, &focus,
                             &ignore, err)) {
        return false;
    }
    warn_unmatched(v, v->tagfocus != NULL, focus, "TagFocus");
    warn_unmatched(v, v->tagignore != NULL, ignore, "TagIgnore");
    return true;
}

static bool filter_label_keys(struct pprof_view *v, struct profile *p,
                              struct err *err)
{
    bool show = false;
    bool hide = false;
    if (v->tagshow == NULL && v->taghide == NULL) {
        return true;
    }
    if (!profile_filter_label_keys(p, v->tagshow, v->taghide, &show, &hide,
                                   err)) {
        return false;
    }
    warn_unmatched(v, v->tagshow != NULL, show, "TagShow");
    warn_unmatched(v, v->taghide != NULL, hide, "TagHide");
    return true;
}

static bool filter(struct pprof_view *v, struct profile *p,
                   const struct label_units *units, struct err *err)
{
    return filter_frames(v, p, err) && filter_show_from(v, p, err) &&
           filter_tags(v, p, units, err) && filter_label_keys(v, p, err) &&
           (v->prune_from == NULL || profile_prune_from(p, v->prune_from, err));
}

static bool add_label_frames(struct pprof_view *v, struct profile *p,
                             struct err *err)
{
    const struct pprof_flags *f = v->flags;
    bool root = false;
    bool leaf = false;
    if (!is_given(f->tagroot) && !is_given(f->tagleaf)) {
        return true;
    }
    if (!profile_add_label_frames(p, span_of(f->tagroot), span_of(f->tagleaf),
                                  span_of(f->unit), &root, &leaf, err)) {
        return false;
    }
    warn_unmatched(v, is_given(f->tagroot), root, "TagRoot");
    warn_unmatched(v, is_given(f->tagleaf), leaf, "TagLeaf");
    return true;
}

/* --- granularity --- */

static void aggregate(const struct pprof_view *v, struct profile *p)
{
    static const unsigned keeps[N_GRANULARITIES] = {
        [GRANULARITY_UNSAID] = KEEP_FUNCTION,
        [GRANULARITY_FUNCTIONS] = KEEP_FUNCTION,
        [GRANULARITY_FILEFUNCTIONS] = KEEP_FUNCTION | KEEP_FILE,
        [GRANULARITY_FILES] = KEEP_FILE,
        [GRANULARITY_LINES] = KEEP_FUNCTION | KEEP_FILE | KEEP_LINE,
        [GRANULARITY_ADDRESSES] =
            KEEP_FUNCTION | KEEP_FILE | KEEP_LINE | KEEP_ADDRESS,
    };
    const struct pprof_flags *f = v->flags;
    const enum pprof_granularity g =
        v->format->granularity != GRANULARITY_UNSAID ? v->format->granularity
                                                     : f->granularity;
    /* Nothing is finer. */
    if (g == GRANULARITY_ADDRESSES && !f->noinlines) {
        return;
    }
    profile_aggregate(p, keeps[g] | (f->noinlines ? 0U : KEEP_INLINES) |
                             (f->showcolumns ? KEEP_COLUMN : 0U));
}

/* --- what the report is told --- */

/* "focus=main" for each filter, in pprof's order; the texts are in `arena`. */
static bool list_filters(const struct pprof_flags *f, struct arena *arena,
                         struct span out[FILTERS_MAX], size_t *n,
                         struct err *err)
{
    const struct {
        const char *name, *text;
    } all[FILTERS_MAX] = {
        {"focus",     f->focus    },
        {"ignore",    f->ignore   },
        {"hide",      f->hide     },
        {"show",      f->show     },
        {"show_from", f->show_from},
        {"tagfocus",  f->tagfocus },
        {"tagignore", f->tagignore},
        {"tagshow",   f->tagshow  },
        {"taghide",   f->taghide  },
    };
    for (size_t i = 0; i < FILTERS_MAX; i++) {
        if (!is_given(all[i].text)) {
            continue;
        }
        const char *line =
            arena_printf(arena, "%s=%s", all[i].name, all[i].text);
        if (line == NULL) {
            return err_nomem(err, "report");
        }
        out[(*n)++] = span_of(line);
    }
    return true;
}

static int64_t node_count(const struct pprof_view *v)
{
    const int64_t asked = v->flags->nodecount;
    if (v->format->is_untrimmed || !v->flags->trim) {
        return 0;
    }
    if (asked == -1) {
        return v->format->is_whole ? 0 : NODES_OF_A_GRAPH;
    }
    return asked;
}

static bool choose_column(const struct pprof_flags *f, const struct profile *p,
                          struct pprof_options *o, struct err *err)
{
    if (p->n_types == 0) {
        return err_set(err, ERR_FORMAT, "profile has no samples");
    }
    if (!profile_sample_index(p, span_of(f->sample_index), &o->value_column,
                              err)) {
        return false;
    }
    o->sample_unit = profile_span(p, p->types[o->value_column].unit);
    return true;
}

static bool set_options(const struct pprof_view *v, const struct profile *p,
                        struct pprof_options *o, struct arena *arena,
                        struct err *err)
{
    const struct pprof_flags *f = v->flags;
    const bool is_trimmed = !v->format->is_untrimmed && f->trim;
    if (!choose_column(f, p, o, err)) {
        return false;
    }
    const str_id type = p->types[o->value_column].type;
    o->sorts_cum = f->cum;
    o->is_call_tree = f->call_tree;
    o->drops_negative = f->drop_negative;
    o->has_compact_labels = f->compact_labels;
    o->has_mean = f->has_mean;
    o->ratio = 1 / f->divide_by;
    o->node_count = node_count(v);
    o->node_fraction = is_trimmed ? f->nodefraction : 0;
    o->edge_fraction = is_trimmed ? f->edgefraction : 0;
    o->sample_type = span_of(arena_printf(
        arena, "%s%s", f->has_mean ? "mean_" : "", profile_text(p, type)));
    o->output_unit = span_of(f->unit);
    o->symbol = v->symbol;
    o->symbol_text = span_of(f->symbol);
    o->source_path = span_of(f->source_path);
    o->trim_path = span_of(f->trim_path);
    if (o->sample_type.p == NULL) {
        return err_nomem(err, "report");
    }
    const struct span program = p->n_mappings > 0
                                    ? profile_span(p, p->mappings[0].file)
                                    : (struct span){0};
    if (program.len > 0) {
        o->title = span_base_name(program);
    }
    return true;
}

/* --- the report --- */

static bool print(const struct pprof_view *v, struct profile *p,
                  const struct pprof_options *o, struct buf *out,
                  struct err *err)
{
    const char *form = v->flags->form;
    if (form == NULL) {
        return v->report->print(p, o, out, err);
    }
    return strcmp(form, "json") == 0 ? pprof_top_json(p, o, out, err)
                                     : pprof_top_csv(p, o, out, err);
}

/* Everything between the label's units and the report. */
static bool filter_and_print(struct pprof_view *v, struct profile *p,
                             struct pprof_options *o, struct arena *arena,
                             struct buf *out, struct err *err)
{
    const bool is_relative = v->flags->relative_percentages;
    if (!add_label_frames(v, p, err) ||
        (is_relative && !filter(v, p, o->label_units, err)) ||
        !set_options(v, p, o, arena, err)) {
        return false;
    }
    o->total = pprof_total(p, o->value_column, o->has_mean);
    if (!is_relative && !filter(v, p, o->label_units, err)) {
        return false;
    }
    aggregate(v, p);
    return print(v, p, o, out, err);
}

bool pprof_view_print(struct pprof_view *v, struct profile *p, struct buf *out,
                      struct err *err)
{
    struct pprof_outside outside;
    struct span filters[FILTERS_MAX];
    struct label_units units = {0};
    struct arena arena = {0};
    struct buf notes = BUF_LIMIT(NOTES_BYTES_MAX);
    struct pprof_options o = {.active_filters = filters,
                              .label_units = &units,
                              .world = pprof_outside_look(&outside)};
    bool ok =
        list_filters(v->flags, &arena, filters, &o.n_active_filters, err) &&
        label_units_find(p, &units, &notes, err);
    console_say_notes(v->session, buf_view(&notes));
    buf_release(&notes);
    ok = ok && filter_and_print(v, p, &o, &arena, out, err) &&
         buf_check(out, "the report", err);
    label_units_release(&units);
    arena_release(&arena);
    return ok;
}
