/*
 * Tables for spreadsheets and scripts: a line of column names, then rows;
 * numbers are plain, an unknown one is empty. Several tables are parted by an
 * empty line. Findings come first, one a row.
 */
#include "base/num.h"
#include "report/csv_private.h"
#include "report/plain.h"
#include "report/report.h"

#include <math.h>

#include "base/banned.h"

static void text_field(struct buf *out, const char *text)
{
    struct buf safe = BUF_LIMIT((size_t)1 << 20);
    plain_utf8(&safe, text ? text : "");
    csv_text(out, buf_view(&safe));
    plain_drop(&safe, out);
}

/* 17 digits would show what a double cannot hold, 2^53 is where integers end.
 */
static void number_field(struct buf *out, double v)
{
    if (!isfinite(v)) {
        return;
    }
    if (v == floor(v) && fabs(v) < 9007199254740992.0) {
        buf_printf(out, "%lld", (long long)v);
        return;
    }
    /* Not %g: its decimal point depends on the locale. */
    const double scaled = round(fabs(v) * 1e6);
    if (scaled < 9e15) {
        const long long whole = (long long)scaled;
        buf_printf(out, "%s%lld.%06lld", v < 0 ? "-" : "", whole / 1000000,
                   whole % 1000000);
    } else {
        buf_printf(out, "%.0f", v);
    }
}

/* Of several tables each row says of which one it is, last, so that the other
   columns stay where they are. */
static void add_table(struct buf *out, const struct report_table *t,
                      bool is_one_of_many)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        buf_str(out, c > 0 ? "," : "");
        text_field(out, t->columns[c].key);
    }
    buf_str(out, is_one_of_many ? ",table" : "");
    csv_end(out);
    for (size_t i = 0; i < t->n_rows && buf_ok(out); i++) {
        for (size_t c = 0; c < t->n_columns; c++) {
            const struct report_cell *cell = &t->cells[i * t->n_columns + c];
            buf_str(out, c > 0 ? "," : "");
            if (cell->text || t->columns[c].type == CELL_TEXT) {
                text_field(out, cell->text);
            } else {
                number_field(out, cell->number);
            }
        }
        if (is_one_of_many) {
            csv_comma(out);
            text_field(out, t->key);
        }
        csv_end(out);
    }
}

static const char head[] = "id,rule,grade,profile,function,file,line,metric,"
                           "unit,first,last,delta,per_hour,state,first_seen,"
                           "path,touched,accepted_by,accepted_reason,"
                           "accepted_until,loose_id,holder,holder_type";

/* What a repository adds; its columns came later and stay behind. */
static void add_review(struct buf *out, const struct finding *f)
{
    static const struct finding_acceptance none = {0};
    const struct finding_acceptance *a = f->accepted ? f->accepted : &none;
    const struct frame_mark *mark = f->primary ? f->primary->mark : NULL;
    const struct frame_mark *patched = f->patched ? f->patched->mark : NULL;
    struct buf when = BUF_LIMIT(64);
    if (f->first_seen_nanos != 0) {
        num_rfc3339(&when, f->first_seen_nanos);
    }
    const char *const words[] = {
        f->state,
        when.data,
        mark ? mark->path : NULL,
        !patched                       ? NULL
        : patched->touch == TOUCH_LINE ? "line"
                                       : "function",
        a->by,
        a->reason,
        a->expires,
        f->loose_id,
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        csv_comma(out);
        text_field(out, words[i]);
    }
    plain_drop(&when, out);
}

static void add_finding(struct buf *out, const struct finding *f)
{
    const struct frame *site = f->has_site ? &f->site : NULL;
    const char *const words[] = {f->id,
                                 f->rule->id,
                                 grade_name(f->grade),
                                 profile_kind_name(f->profile),
                                 site ? site->function : "",
                                 site ? site->file : ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        text_field(out, words[i]);
        csv_comma(out);
    }
    number_field(out, site && site->line > 0 ? (double)site->line : NAN);
    const struct metric none = {
        .first = NAN, .last = NAN, .delta = NAN, .per_hour = NAN};
    const struct metric *m = f->n_metrics > 0 ? &f->metrics[0] : &none;
    const double numbers[] = {m->first, m->last, m->delta, m->per_hour};
    csv_comma(out);
    text_field(out, m->name);
    csv_comma(out);
    text_field(out, m->unit);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        csv_comma(out);
        number_field(out, numbers[i]);
    }
    add_review(out, f);
    csv_comma(out);
    text_field(out, f->holder ? f->holder->name : "");
    csv_comma(out);
    text_field(out, f->holder ? f->holder->type : "");
    csv_end(out);
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    if (r->findings) {
        buf_str(out, head);
        csv_end(out);
        for (size_t i = 0; i < r->findings->n && buf_ok(out); i++) {
            add_finding(out, &r->findings->items[i]);
        }
    }
    for (size_t i = 0; i < r->n_tables && buf_ok(out); i++) {
        if (i > 0 || r->findings) {
            csv_end(out);
        }
        add_table(out, &r->tables[i], r->n_tables > 1);
    }
    return buf_check(out, "csv report", err);
}

const struct renderer renderer_csv = {
    .name = "csv",
    .media_type = "text/csv",
    .summary = "rows for spreadsheets and scripts",
    .has_tables = true,
    .render = render,
};
