#include "output.h"

#include "console.h"
#include "files.h"

#include <string.h>
#include <sys/stat.h>

/* A report of every finding of a huge series stays far below. */
#define LIMIT_OUTPUT_BYTES ((size_t)256 << 20)

enum { FORMATS_MAX = 32 };

/* What the end of a file's name says of its form. */
struct ending {
    const char *ending, *format;
};
static const struct ending endings[] = {
    {".json",   "json"    },
    {".ndjson", "ndjson"  },
    {".md",     "markdown"},
    {".sarif",  "sarif"   },
    {".xml",    "junit"   },
    {".csv",    "csv"     },
};

static bool too_many(struct err *err)
{
    return err_set(err, ERR_USAGE, "more than %d outputs", OUTPUTS_MAX);
}

bool output_apply_format(void *field, const char *text, struct arena *arena,
                         struct err *err)
{
    struct outputs *o = field;
    (void)arena;
    if (o->n == OUTPUTS_MAX) {
        return too_many(err);
    }
    o->items[o->n++] = (struct output){.format = text};
    return true;
}

bool output_apply_file(void *field, const char *text, struct arena *arena,
                       struct err *err)
{
    struct outputs *o = field;
    (void)arena;
    if (*text == '\0') {
        return err_set(err, ERR_USAGE, "--output: the file has no name");
    }
    if (o->n > 0 && o->items[o->n - 1].path == NULL) {
        o->items[o->n - 1].path = text;
        return true;
    }
    if (o->n == OUTPUTS_MAX) {
        return too_many(err);
    }
    o->items[o->n++] = (struct output){.path = text};
    return true;
}

const char *output_format(const struct output *o)
{
    if (o->format != NULL || o->path == NULL) {
        return o->format != NULL ? o->format : "text";
    }
    const struct span path = span_of(o->path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (span_ends(path, endings[i].ending)) {
            return endings[i].format;
        }
    }
    return "text";
}

static bool is_stdout(const struct output *o)
{
    return o->path == NULL || strcmp(o->path, "-") == 0;
}

static bool has_word(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool unknown_format(const char *format, const char *const *names,
                           size_t n, struct err *err)
{
    char list[ERR_TEXT_MAX / 2] = "";
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t more = strlen(names[i]);
        if (len + more + 2 < sizeof(list)) {
            list[len++] = ' ';
            memcpy(list + len, names[i], more + 1);
            len += more;
        }
    }
    const char *nearest = words_nearest(format, names, n);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE,
                       "--format: unknown format '%s'; did you mean %s?",
                       format, nearest);
    }
    return err_set(err, ERR_USAGE, "--format: unknown format '%s'; there is:%s",
                   format, list);
}

/* Would the later of two outputs take the place of the other? */
static bool is_same_place(const struct output *a, const struct output *b)
{
    struct stat st;
    if (is_stdout(a) || is_stdout(b)) {
        return false;
    }
    if (strcmp(a->path, b->path) == 0) {
        return stat(a->path, &st) != 0 || S_ISREG(st.st_mode);
    }
    return file_is_same(a->path, b->path);
}

bool outputs_check(const struct outputs *o, const char *const *names, size_t n,
                   struct err *err)
{
    size_t n_stdout = 0;
    for (size_t i = 0; i < o->n; i++) {
        const char *format = output_format(&o->items[i]);
        if (!has_word(names, n, format)) {
            return unknown_format(format, names, n, err);
        }
        for (size_t k = 0; k < i; k++) {
            if (is_same_place(&o->items[k], &o->items[i])) {
                return err_set(err, ERR_USAGE, "--output: %s is given twice",
                               o->items[i].path);
            }
        }
        n_stdout += is_stdout(&o->items[i]);
    }
    if (n_stdout > 1) {
        return err_set(err, ERR_USAGE,
                       "two formats on stdout; give all but one a file "
                       "with -o");
    }
    return true;
}

bool output_offer_report(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct renderer *const *all = report_renderers(&n);
    if (i >= n) {
        return false;
    }
    *out = (struct option_offer){all[i]->name, all[i]->summary};
    return true;
}

bool output_offer_tables(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct renderer *const *all = report_renderers(&n);
    size_t at = 0;
    while (at < n && (!all[at]->has_tables || i > 0)) {
        i -= all[at]->has_tables;
        at++;
    }
    return at < n && output_offer_report(at, out);
}

static size_t report_formats(const char *names[FORMATS_MAX])
{
    size_t n = 0;
    const struct renderer *const *all = report_renderers(&n);
    n = n < FORMATS_MAX ? n : FORMATS_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = all[i]->name;
    }
    return n;
}

bool outputs_check_report(const struct outputs *o, struct err *err)
{
    const char *names[FORMATS_MAX];
    const size_t n = report_formats(names);
    return outputs_check(o, names, n, err);
}

bool outputs_check_tables(const struct outputs *o, struct err *err)
{
    for (size_t i = 0; i < o->n; i++) {
        const char *format = output_format(&o->items[i]);
        const struct renderer *r = report_renderer_find(format);
        if (r != NULL && !r->has_tables) {
            return err_set(err, ERR_USAGE,
                           "--format: %s is for findings, and this shows "
                           "tables; text, json, ndjson, markdown and csv have "
                           "them",
                           format);
        }
    }
    return true;
}

static const struct outputs just_text = {.items = {{"text", NULL}}, .n = 1};

/* What is for people ends in a job's log; "github" are commands. */
static void break_commands(const char *format, struct buf *made)
{
    if (strcmp(format, "text") == 0 || strcmp(format, "markdown") == 0) {
        console_break_commands(made);
    }
}

bool outputs_write(const struct outputs *o, const struct session *s,
                   output_render render, const void *what, struct err *err)
{
    struct buf made[OUTPUTS_MAX] = {0};
    struct span on_stdout = {0};
    bool ok = false;
    o = o->n > 0 ? o : &just_text;
    for (size_t i = 0; i < o->n; i++) {
        const char *format = output_format(&o->items[i]);
        made[i].limit_bytes = LIMIT_OUTPUT_BYTES;
        if (!render(what, format, s, is_stdout(&o->items[i]), &made[i], err) ||
            !buf_check(&made[i], format, err)) {
            goto out;
        }
    }
    for (size_t i = 0; i < o->n; i++) {
        if (is_stdout(&o->items[i])) {
            break_commands(output_format(&o->items[i]), &made[i]);
            on_stdout = buf_view(&made[i]);
        } else if (!file_write(o->items[i].path, buf_view(&made[i]), err)) {
            goto out;
        }
    }
    ok = console_finish(on_stdout, err);
out:
    for (size_t i = 0; i < o->n; i++) {
        buf_release(&made[i]);
    }
    return ok;
}

static bool render_report(const void *what, const char *format,
                          const struct session *s, bool to_stdout,
                          struct buf *out, struct err *err)
{
    const struct renderer *renderer = report_renderer_find(format);
    const struct render_options options = {
        .color = to_stdout && s->color,
        .verbose = s->common.verbose,
        .columns = to_stdout ? s->columns : 0,
        .ascii = to_stdout && s->ascii,
    };
    return renderer->render(what, &options, out, err);
}

bool outputs_write_report(const struct outputs *o, const struct session *s,
                          const struct report *report, struct err *err)
{
    return outputs_write(o, s, render_report, report, err);
}
