#include "watch_table.h"

#include "base/num.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES_MAX = 4 << 10,
    GAP = 2,
    NAME_LEAST = 20,
    TREND_LEAST = 10,
    TREND_MOST = HISTORY_MOMENTS_MAX,
    LINES_MAX = 500,
    COLUMNS_LEAST = 20,
    STATE_COLUMNS = 60, /* room for the number of snapshots */
    CLOCK_COLUMNS = 10, /* "12:34:56  " */
    COLUMNS_MOST = 1000
};

/* A goroutine is worth its stack and descriptor: 2,592 bytes. */
#define GOROUTINE_BYTES 2592.0

#define BOLD   "\x1b[1m"
#define RED    "\x1b[1;31m"
#define YELLOW "\x1b[1;33m"
#define DIM    "\x1b[2m"
#define PLAIN  "\x1b[0m"

void watch_table_release(struct watch_table *t)
{
    watch_news_release(&t->news);
    for (size_t i = 0; i < TABLE_NEWS_MAX; i++) {
        buf_release(&t->lines[i].who);
        buf_release(&t->lines[i].what);
    }
}

/* --- news --- */

static struct watch_table_news *next_line(struct watch_table *t,
                                          int64_t wall_nanos)
{
    struct watch_table_news *line = &t->lines[t->n_lines++ % TABLE_NEWS_MAX];
    buf_clear(&line->who);
    buf_clear(&line->what);
    line->who.limit_bytes = line->what.limit_bytes = LINE_BYTES_MAX;
    watch_words_clock(wall_nanos, &line->who);
    buf_str(&line->who, "  ");
    return line;
}

void watch_table_say(struct watch_table *t, int64_t wall_nanos,
                     const char *text)
{
    plain_clean(&next_line(t, wall_nanos)->what, text);
}

void watch_table_event(struct watch_table *t, const struct watch_event *e)
{
    struct watch_about a;
    enum grade was = GRADE_INFO;
    if (!watch_news_is(&t->news, e, &was)) {
        return;
    }
    watcher_about(t->watcher, e->target, &a);
    struct watch_table_news *line = next_line(t, e->wall_nanos);
    plain_clean(&line->who, a.target->shown);
    buf_str(&line->who, "  ");
    watch_words_event(t->watcher, e, was, &line->what);
}

/* --- rows --- */

struct row {
    uint32_t target;
    enum grade grade;
    bool is_failing;
    double growth; /* bytes, goroutines counted in */
    const char *shown;
};
VEC_TYPE(row_list, struct row)

static double or_zero(double v)
{
    return isfinite(v) ? v : 0;
}

static int worst_first(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    if (a->grade != b->grade) {
        return a->grade > b->grade ? -1 : 1;
    }
    if (a->is_failing != b->is_failing) {
        return a->is_failing ? -1 : 1;
    }
    if (a->growth != b->growth) {
        return a->growth > b->growth ? -1 : 1;
    }
    return strcmp(a->shown, b->shown);
}

struct totals {
    size_t n_failing, n_growing;
};

static bool collect(const struct watcher *w, struct row_list *rows,
                    struct totals *totals, struct err *err)
{
    const size_t n = watcher_n_targets(w);
    for (size_t i = 0; i < n; i++) {
        struct watch_about a;
        watcher_about(w, (uint32_t)i, &a);
        if (a.is_gone) {
            continue;
        }
        const struct row row = {
            .target = (uint32_t)i,
            .grade = a.grade,
            .is_failing = a.is_failing,
            .growth =
                or_zero(a.heap_bytes - a.heap_first_bytes) +
                GOROUTINE_BYTES * or_zero(a.goroutines - a.goroutines_first),
            .shown = a.target->shown,
        };
        totals->n_failing += a.is_failing;
        totals->n_growing += a.grade > GRADE_INFO;
        if (!row_list_push(rows, row)) {
            return err_nomem(err, "the table");
        }
    }
    if (rows->n > 1) {
        qsort(rows->items, rows->n, sizeof(*rows->items), worst_first);
    }
    return true;
}

/* --- cells --- */

static void add_age(struct buf *out, int64_t then_nanos, int64_t now_nanos)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {
        {86400, 'd'},
        {3600,  'h'},
        {60,    'm'},
        {1,     's'}
    };
    const int64_t s = then_nanos < now_nanos
                          ? (now_nanos - then_nanos) / INT64_C(1000000000)
                          : 0;
    size_t i = 0;
    while (i + 1 < sizeof(units) / sizeof(units[0]) && s < units[i].seconds) {
        i++;
    }
    buf_printf(out, "%lld%c", (long long)(s / units[i].seconds),
               units[i].letter);
}

static void add_change(struct buf *out, double first, double last,
                       void (*number)(struct buf *out, double v))
{
    const double change = last - first;
    if (isfinite(change)) {
        buf_str(out, change > 0 ? "+" : "");
        number(out, change);
    }
}

static void add_count(struct buf *out, double v)
{
    num_count(out, fabs(v) < 9e18 ? llround(v) : 0);
}

static void cell_grade(const struct watch_about *a, int64_t now,
                       struct buf *out)
{
    (void)now;
    if (a->grade > GRADE_INFO) {
        buf_str(out, grade_name(a->grade));
    } else if (a->is_failing) {
        buf_str(out, "failing");
    } else if (a->findings != NULL) {
        buf_str(out, a->findings->verdict == VERDICT_INCONCLUSIVE ? "" : "ok");
    }
}

static void cell_heap(const struct watch_about *a, int64_t now, struct buf *out)
{
    (void)now;
    if (isfinite(a->heap_bytes)) {
        num_bytes(out, a->heap_bytes);
    }
}

static void cell_goroutines(const struct watch_about *a, int64_t now,
                            struct buf *out)
{
    (void)now;
    if (isfinite(a->goroutines)) {
        add_count(out, a->goroutines);
    }
}

static void cell_heap_growth(const struct watch_about *a, int64_t now,
                             struct buf *out)
{
    (void)now;
    add_change(out, a->heap_first_bytes, a->heap_bytes, num_bytes);
}

static void cell_goroutine_growth(const struct watch_about *a, int64_t now,
                                  struct buf *out)
{
    (void)now;
    add_change(out, a->goroutines_first, a->goroutines, add_count);
}

static void cell_last(const struct watch_about *a, int64_t now, struct buf *out)
{
    if (a->last_nanos != 0) {
        add_age(out, a->last_nanos, now);
    } else {
        buf_str(out, "-");
    }
}

enum column {
    COLUMN_LAST,
    COLUMN_HEAP,
    COLUMN_HEAP_GROWTH,
    COLUMN_GOROUTINES,
    COLUMN_GOROUTINE_GROWTH,
    COLUMN_GRADE,
    N_COLUMNS
};

/* From left to right. `place`: who goes last when it gets narrow is 0. */
static const struct {
    const char *title;
    size_t width;
    unsigned place;
    bool to_right;
    void (*cell)(const struct watch_about *a, int64_t now, struct buf *out);
} columns[N_COLUMNS] = {
    [COLUMN_LAST] = {"last",       4,  5, true,  cell_last            },
    [COLUMN_HEAP] = {"heap",       8,  1, true,  cell_heap            },
    [COLUMN_HEAP_GROWTH] = {"growth",     9,  3, true,  cell_heap_growth     },
    [COLUMN_GOROUTINES] = {"goroutines", 10, 2, true,  cell_goroutines      },
    [COLUMN_GOROUTINE_GROWTH] = {"growth",     8,  6, true,  cell_goroutine_growth},
    [COLUMN_GRADE] = {"grade",      7,  0, false, cell_grade           },
};

/* The place of the trend among those of the columns. */
enum { TREND_PLACE = 4, N_PLACES = N_COLUMNS + 1 };

struct layout {
    size_t name, trend; /* widths; trend 0 = none */
    bool has[N_COLUMNS];
};

static size_t width_at(unsigned place, enum column *column)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].place == place) {
            *column = (enum column)c;
            return columns[c].width;
        }
    }
    *column = N_COLUMNS;
    return TREND_LEAST;
}

static struct layout lay_out(size_t width, size_t longest)
{
    struct layout l = {0};
    const size_t least = longest < NAME_LEAST ? longest : NAME_LEAST;
    size_t left = width;
    for (unsigned place = 0; place < N_PLACES; place++) {
        enum column column;
        const size_t more = width_at(place, &column) + GAP;
        if (left < least + more) {
            break;
        }
        left -= more;
        if (column == N_COLUMNS) {
            l.trend = TREND_LEAST;
        } else {
            l.has[column] = true;
        }
    }
    l.name = longest < left ? longest : left;
    if (l.trend > 0) {
        const size_t most = TREND_LEAST + left - l.name;
        l.trend = most < TREND_MOST ? most : TREND_MOST;
    }
    return l;
}

/* --- lines --- */

struct picture {
    const struct watch_table *table;
    struct buf *out;
    size_t columns, lines_left;
    struct layout layout;
    int64_t wall_nanos;
};

static const char *color(const struct picture *p, const char *code)
{
    return p->table->color ? code : "";
}

/* Text in a cell of so many columns, no more and no less. */
static void put_cell(struct picture *p, struct span text, size_t width,
                     bool to_right)
{
    struct buf cut = BUF_LIMIT((size_t)2 * LINE_BYTES_MAX);
    plain_elide(&cut, text, width, p->table->ascii);
    plain_pad(p->out, buf_view(&cut), width, to_right);
    plain_drop(&cut, p->out);
}

static void end_line(struct picture *p)
{
    buf_char(p->out, '\n');
    p->lines_left--;
}

static void put_line(struct picture *p, const char *code, struct span clean)
{
    if (p->lines_left == 0) {
        return;
    }
    buf_str(p->out, color(p, code));
    plain_elide(p->out, clean, p->columns, p->table->ascii);
    buf_str(p->out, *code != '\0' ? color(p, PLAIN) : "");
    end_line(p);
}

static void put_titles(struct picture *p)
{
    if (p->lines_left == 0) {
        return;
    }
    buf_str(p->out, color(p, DIM));
    put_cell(p, span_of("target"), p->layout.name, false);
    for (int c = 0; c < N_COLUMNS; c++) {
        if (p->layout.has[c]) {
            buf_repeat(p->out, ' ', GAP);
            put_cell(p, span_of(columns[c].title), columns[c].width,
                     columns[c].to_right);
        }
    }
    if (p->layout.trend > 0) {
        buf_str(p->out, "  trend");
    }
    buf_str(p->out, color(p, PLAIN));
    end_line(p);
}

static const char *grade_color(const struct watch_about *a)
{
    static const char *const codes[N_GRADES] = {
        [GRADE_INFO] = DIM,   [GRADE_GROWTH] = YELLOW, [GRADE_SUSPECT] = YELLOW,
        [GRADE_STRONG] = RED, [GRADE_PROVEN] = RED,
    };
    return a->grade == GRADE_INFO && a->is_failing ? YELLOW : codes[a->grade];
}

/* Of what leaks, or of the heap. */
static void put_trend(struct picture *p, uint32_t target,
                      const struct watch_about *a)
{
    double values[HISTORY_MOMENTS_MAX];
    int64_t nanos[HISTORY_MOMENTS_MAX];
    const bool is_heap = isfinite(a->heap_bytes) &&
                         (a->findings == NULL || a->findings->n == 0 ||
                          a->findings->items[0].profile == KIND_HEAP);
    const struct history *h = watcher_history(p->table->watcher, target);
    const size_t n =
        h == NULL ? 0
                  : history_totals(h, is_heap ? PLANE_HEAP : PLANE_GOROUTINE,
                                   values, nanos, HISTORY_MOMENTS_MAX);
    buf_repeat(p->out, ' ', GAP);
    spark(p->out, values, n, p->layout.trend, p->table->ascii);
}

static void put_row(struct picture *p, uint32_t target)
{
    struct watch_about a;
    struct buf text = BUF_LIMIT(LINE_BYTES_MAX);
    watcher_about(p->table->watcher, target, &a);
    plain_clean(&text, a.target->shown);
    put_cell(p, buf_view(&text), p->layout.name, false);
    for (int c = 0; c < N_COLUMNS; c++) {
        if (!p->layout.has[c]) {
            continue;
        }
        const char *code = c == COLUMN_GRADE ? grade_color(&a) : "";
        buf_clear(&text);
        columns[c].cell(&a, p->wall_nanos, &text);
        buf_repeat(p->out, ' ', GAP);
        buf_str(p->out, color(p, code));
        put_cell(p, buf_view(&text), columns[c].width, columns[c].to_right);
        buf_str(p->out, *code != '\0' ? color(p, PLAIN) : "");
    }
    if (p->layout.trend > 0) {
        put_trend(p, target, &a);
    }
    plain_drop(&text, p->out);
    end_line(p);
}

/* --- head and foot --- */

static void put_head(struct picture *p, size_t n, int64_t since_start_ns)
{
    const struct watch_table *t = p->table;
    struct buf text = BUF_LIMIT(LINE_BYTES_MAX);
    num_count(&text, (int64_t)n);
    buf_printf(&text, " target%s every ", n == 1 ? "" : "s");
    watch_words_duration(t->interval_ns, &text);
    buf_str(&text, ", for ");
    /* Whole seconds: the picture is not drawn oftener than they pass. */
    num_seconds(&text, floor((double)since_start_ns / 1e9));
    if (t->for_ns > 0) {
        buf_str(&text, " of ");
        watch_words_duration(t->for_ns, &text);
    }
    static const char name[] = "seep watch  ";
    if (plain_width(buf_view(&text)) + sizeof(name) <= p->columns) {
        struct buf named = BUF_LIMIT(LINE_BYTES_MAX);
        buf_str(&named, name);
        buf_span(&named, buf_view(&text));
        plain_drop(&text, p->out);
        text = named;
    }
    static const char how[] = "; Ctrl-C ends it with a report";
    if (t->for_ns == 0 &&
        plain_width(buf_view(&text)) + sizeof(how) <= p->columns) {
        buf_str(&text, how);
    }
    put_line(p, BOLD, buf_view(&text));
    plain_drop(&text, p->out);
}

/* "1 strong, 2 suspect; 3 failing; 12,345 snapshots" */
static void put_state(struct picture *p, const struct totals *totals)
{
    struct watch_counts counts;
    struct buf text = BUF_LIMIT(LINE_BYTES_MAX);
    const char *between = "";
    watcher_counts(p->table->watcher, &counts);
    for (int g = GRADE_PROVEN; g > GRADE_INFO; g--) {
        if (counts.n_findings[g] > 0) {
            buf_str(&text, between);
            num_count(&text, (int64_t)counts.n_findings[g]);
            buf_printf(&text, " %s", grade_name((enum grade)g));
            between = ", ";
        }
    }
    buf_str(&text, *between == '\0' ? "no findings" : "");
    if (p->columns >= STATE_COLUMNS) {
        buf_str(&text, "; ");
        num_count(&text, (int64_t)counts.n_moments);
        buf_printf(&text, " snapshot%s", counts.n_moments == 1 ? "" : "s");
    }
    if (totals->n_failing > 0) {
        buf_str(&text, "; ");
        num_count(&text, (int64_t)totals->n_failing);
        buf_printf(&text, " target%s failing",
                   totals->n_failing == 1 ? "" : "s");
    }
    const bool is_leak = counts.n_findings[GRADE_STRONG] > 0 ||
                         counts.n_findings[GRADE_PROVEN] > 0;
    put_line(p, is_leak ? RED : "", buf_view(&text));
    plain_drop(&text, p->out);
}

static void put_rest(struct picture *p, const struct row_list *rows,
                     size_t from)
{
    struct buf text = BUF_LIMIT(LINE_BYTES_MAX);
    size_t n_failing = 0;
    size_t n_growing = 0;
    for (size_t i = from; i < rows->n; i++) {
        n_failing += rows->items[i].is_failing;
        n_growing += rows->items[i].grade > GRADE_INFO;
    }
    buf_str(&text, "and ");
    num_count(&text, (int64_t)(rows->n - from));
    buf_str(&text, " more: ");
    num_count(&text, (int64_t)n_growing);
    buf_str(&text, " with findings, ");
    num_count(&text, (int64_t)n_failing);
    buf_str(&text, " failing");
    put_line(p, DIM, buf_view(&text));
    plain_drop(&text, p->out);
}

static void put_news_line(struct picture *p,
                          const struct watch_table_news *news)
{
    struct span who = buf_view(&news->who);
    const size_t half = p->columns / 2;
    if (plain_width(who) > half && who.len > CLOCK_COLUMNS) {
        who = span_from(who, CLOCK_COLUMNS); /* the name is worth more */
    }
    const size_t width = plain_width(who);
    if (p->lines_left == 0) {
        return;
    }
    plain_elide(p->out, who, half, p->table->ascii);
    plain_elide(p->out, buf_view(&news->what),
                p->columns - (width < half ? width : half), p->table->ascii);
    end_line(p);
}

static void put_news(struct picture *p, size_t n)
{
    const struct watch_table *t = p->table;
    if (n == 0) {
        return;
    }
    put_line(p, "", span_of(""));
    for (size_t i = t->n_lines - n; i < t->n_lines; i++) {
        put_news_line(p, &t->lines[i % TABLE_NEWS_MAX]);
    }
}

static size_t longest_name(const struct row_list *rows, size_t n)
{
    size_t longest = strlen("target");
    for (size_t i = 0; i < rows->n && i < n; i++) {
        struct buf text = BUF_LIMIT(LINE_BYTES_MAX);
        plain_clean(&text, rows->items[i].shown);
        const size_t width = plain_width(buf_view(&text));
        longest = width > longest ? width : longest;
        buf_release(&text);
    }
    return longest;
}

static void put_rows(struct picture *p, const struct row_list *rows)
{
    /* News leave half of the lines to the targets. */
    const size_t known =
        p->table->n_lines < TABLE_NEWS_MAX ? p->table->n_lines : TABLE_NEWS_MAX;
    const size_t half = p->lines_left / 2;
    const size_t free_lines =
        p->lines_left > rows->n + 1 ? p->lines_left - rows->n - 1 : 0;
    const size_t room = free_lines > half ? free_lines : half;
    const size_t n_news = room < 2 ? 0 : known < room - 1 ? known : room - 1;
    const size_t lines = p->lines_left - (n_news > 0 ? n_news + 1 : 0);
    const size_t n = rows->n <= lines ? rows->n : lines > 0 ? lines - 1 : 0;
    for (size_t i = 0; i < n; i++) {
        put_row(p, rows->items[i].target);
    }
    if (n < rows->n) {
        put_rest(p, rows, n);
    }
    put_news(p, n_news);
}

bool watch_table_render(const struct watch_table *t,
                        struct watch_table_size size, int64_t since_start_ns,
                        int64_t wall_nanos, struct buf *out, struct err *err)
{
    struct row_list rows = {0};
    struct totals totals = {0};
    struct picture p = {
        .table = t,
        .out = out,
        .columns = size.columns < COLUMNS_LEAST  ? COLUMNS_LEAST
                   : size.columns > COLUMNS_MOST ? COLUMNS_MOST
                                                 : size.columns,
        .lines_left = size.rows < LINES_MAX ? size.rows : LINES_MAX,
        .wall_nanos = wall_nanos,
    };
    const bool ok = collect(t->watcher, &rows, &totals, err);
    if (ok) {
        p.layout = lay_out(p.columns, longest_name(&rows, p.lines_left));
        put_head(&p, rows.n, since_start_ns);
        put_state(&p, &totals);
        put_line(&p, "", span_of(""));
        put_titles(&p);
        put_rows(&p, &rows);
    }
    row_list_release(&rows);
    return ok && buf_check(out, "the table", err);
}
