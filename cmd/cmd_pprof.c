/*
 * `go tool pprof` without its shell and its pages: the same flags, the same
 * bytes. Reports go to stdout or a file, what is said about them to stderr;
 * nothing is kept anywhere else. A lost source does not end it, as in pprof,
 * but the last line says so, and the exit status.
 */
#include "console.h"
#include "files.h"
#include "help.h"
#include "pprof_flags.h"
#include "pprof_outside.h"
#include "pprof_sources.h"
#include "pprof_view.h"
#include "report/report.h"

#include "base/gz.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Of a report, which is made before it is written: -traces of a million
   samples is that long. */
#define REPORT_BYTES_MAX ((size_t)8 << 30)

enum {
    NOTES_BYTES_MAX = 16 << 10,
    /* Zlib's 4 makes less of a profile than Go's default, 6, in two thirds of
       the time that zlib's own 6 takes. */
    GZIP_LEVEL = 4,
    NUMBERS_MAX = 9999, /* of profileNNN */
    NAME_BYTES = 64
};

static const struct cmd_example examples[] = {
    {"seep pprof -top -cum heap.pb.gz",
     "the functions below which the heap was allocated"                                             },
    {"seep pprof -list 'Cache.*Add' -inuse_space heap.pb.gz",
     "its lines, from the sources"                                                                  },
    {"seep pprof -top -diff_base before.pb.gz after.pb.gz",
     "what grew, in percent of what was"                                                            },
    {"seep pprof -svg -output cpu.svg 'http://localhost:6060?seconds=10'",
     "ten seconds of a live process as a picture"                                                   },
    {"seep pprof -top -format json heap.pb.gz",                            "the table for a program"},
};

/* --- help --- */

static void add_format_rows(struct buf *out)
{
    size_t n = 0;
    const struct pprof_format *formats = pprof_formats(&n);
    buf_str(out, "\nformats (one of):\n");
    for (size_t i = 0; i < n; i++) {
        const size_t start = out->len;
        buf_printf(out, "  -%s%s%s", formats[i].name,
                   formats[i].arg != NULL ? " " : "",
                   formats[i].arg != NULL ? formats[i].arg : "");
        help_row(out, start, formats[i].help);
    }
}

static void add_flag_rows(struct buf *out, enum pprof_group group)
{
    size_t n = 0;
    const struct pprof_flag *flags = pprof_flag_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const size_t start = out->len;
        if (flags[i].group != group) {
            continue;
        }
        buf_printf(out, "  -%s%s%s", flags[i].name,
                   flags[i].arg != NULL ? " " : "",
                   flags[i].arg != NULL ? flags[i].arg : "");
        help_row(out, start, flags[i].help);
    }
}

/* Formats first, as help has them. */
static bool pprof_row_at(size_t i, struct option_row *out)
{
    size_t n_formats = 0;
    size_t n_flags = 0;
    const struct pprof_format *formats = pprof_formats(&n_formats);
    const struct pprof_flag *flags = pprof_flag_rows(&n_flags);
    *out = (struct option_row){0};
    if (i < n_formats) {
        out->name = formats[i].name;
        out->arg = formats[i].arg;
        out->help = formats[i].help;
    } else if (i - n_formats < n_flags) {
        const struct pprof_flag *flag = &flags[i - n_formats];
        out->name = flag->name;
        out->arg = flag->arg;
        out->help = flag->help;
        out->choices = flag->choices;
    } else {
        return false;
    }
    out->kind = out->arg != NULL ? OPTION_TEXT : OPTION_FLAG;
    return true;
}

static void help_flags(struct buf *out)
{
    static const char *const titles[] = {
#define X(name, title) [PPROF_##name] = (title),
        PPROF_GROUPS(X)
#undef X
    };
    add_format_rows(out);
    for (int g = 0; g < PPROF_N_GROUPS; g++) {
        buf_printf(out, "\n%s:\n", titles[g]);
        add_flag_rows(out, (enum pprof_group)g);
    }
}

extern const struct cmd cmd_pprof;

static int show_help(void)
{
    struct err err = {0};
    struct buf text = BUF_LIMIT((size_t)1 << 20);
    help_command(&text, &cmd_pprof);
    const bool ok =
        buf_check(&text, "help", &err) && console_finish(buf_view(&text), &err);
    buf_release(&text);
    return ok ? STATUS_OK : console_fail(NULL, &err);
}

/* --- where the report goes --- */

/* profile001.pb.gz or the first such name that is free. -1: none could be
   made. */
static int create_numbered(const char *ending, char name[NAME_BYTES],
                           struct err *err)
{
    for (int i = 1; i <= NUMBERS_MAX; i++) {
        struct buf text = BUF_LIMIT(NAME_BYTES - 1);
        buf_printf(&text, "profile%03d.%s", i, ending);
        memcpy(name, text.data != NULL ? text.data : "", text.len + 1);
        buf_release(&text);
        const int fd =
            open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            return fd;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    err_set(err, ERR_IO, "cannot create %s: %s; say -output FILE", name,
            err_system(errno).text);
    return -1;
}

static bool write_whole(int fd, struct span data)
{
    while (data.len > 0) {
        const ssize_t n = write(fd, data.p, data.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        data = span_from(data, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* A terminal is spared what it cannot show. */
static bool write_numbered(const char *ending, struct span data,
                           struct err *err)
{
    char name[NAME_BYTES];
    const int fd = create_numbered(ending, name, err);
    if (fd < 0) {
        return false;
    }
    console_guard(name);
    console_say("Generating report in %s", name);
    bool ok = write_whole(fd, data);
    ok = close(fd) == 0 && ok;
    if (!ok) {
        err_set(err, ERR_IO, "%s: cannot write: %s", name,
                err_system(errno).text);
        unlink(name);
    }
    console_guard(NULL);
    return ok;
}

static bool write_report(const struct pprof_flags *f, struct buf *report,
                         struct err *err)
{
    const struct span data = buf_view(report);
    const char *ending = f->format != NULL ? f->format->ending : NULL;
    if (f->output != NULL && *f->output != '\0') {
        console_say("Generating report in %s", f->output);
        return file_write(f->output, data, err);
    }
    if (ending != NULL && isatty(STDOUT_FILENO) == 1) {
        return write_numbered(ending, data, err);
    }
    console_tame(report);
    return console_finish(data, err);
}

/* What is made of the report's text: a picture or a compressed message. */
static bool finish_report(const struct pprof_flags *f, struct buf *report,
                          struct err *err)
{
    const struct pprof_format *format = f->format;
    struct buf made = BUF_LIMIT(REPORT_BYTES_MAX);
    bool ok = true;
    if (format != NULL && format->is_gzipped) {
        ok = gz_compress((const uint8_t *)report->data, report->len, GZIP_LEVEL,
                         &made, err);
    } else if (format != NULL && format->picture != NULL) {
        ok = pprof_outside_draw(format->picture, buf_view(report), &made, err);
    } else {
        return true;
    }
    buf_release(report);
    *report = made;
    return ok;
}

static bool massage(const struct pprof_flags *f, struct buf *report,
                    struct err *err)
{
    struct buf made = BUF_LIMIT(REPORT_BYTES_MAX);
    if (f->format == NULL || f->format->picture == NULL ||
        strcmp(f->format->picture, "svg") != 0) {
        return true;
    }
    const bool ok = pprof_massage_svg(buf_view(report), &made, err) &&
                    buf_check(&made, "the picture", err);
    buf_release(report);
    *report = made;
    return ok;
}

/* --- the command --- */

/* The profile is freed as soon as the report is made. */
static bool make_report(const struct session *s, const struct pprof_flags *f,
                        const struct words *args, struct pprof_sources *p,
                        struct buf *report, struct err *err)
{
    struct pprof_view *view = NULL;
    const bool ok = pprof_view_new(s, f, &view, err) &&
                    pprof_sources_load(p, s, f, args, err) &&
                    pprof_view_print(view, p->profile, report, err);
    pprof_view_free(view);
    profile_free(p->profile);
    p->profile = NULL;
    return ok && finish_report(f, report, err) && massage(f, report, err);
}

static void say_default(const struct session *s, const struct pprof_flags *f)
{
    if (f->format == NULL && f->form == NULL && !s->common.quiet) {
        console_say("no report was asked for, so this is -top; there are -tree "
                    "-peek -list -traces -tags -raw -dot -svg -callgrind "
                    "-proto and more: seep pprof -help");
    }
}

static int report(const struct session *s, const struct pprof_flags *f,
                  const struct words *args)
{
    struct err err = {0};
    struct pprof_sources sources = {0};
    struct buf text = BUF_LIMIT(REPORT_BYTES_MAX);
    int status = STATUS_OK;
    bool ok = make_report(s, f, args, &sources, &text, &err);
    if (ok && sources.n_lost == 0) {
        say_default(s, f);
    }
    ok = ok && write_report(f, &text, &err);
    /* When all are lost that is said last, or was said of the only one. */
    if (!ok && (sources.n_lost < sources.n || sources.n == 0)) {
        console_fail(NULL, &err);
    }
    if (sources.n_lost > 0 && sources.n > 1) {
        console_say("lost %zu of %zu sources: %s", sources.n_lost, sources.n,
                    sources.lost.data != NULL ? sources.lost.data : "");
        status = STATUS_UNSURE;
    }
    pprof_sources_release(&sources);
    buf_release(&text);
    return ok ? status : STATUS_FAILED;
}

static bool read_flags(struct session *s, struct pprof_flags *f,
                       struct words *args, struct err *err)
{
    struct buf notes = BUF_LIMIT(NOTES_BYTES_MAX);
    int first = 0;
    pprof_flags_defaults(f);
    if (!pprof_flags_parse(f, (int)args->n, args->items, &first, err)) {
        return false;
    }
    args->items += first;
    args->n -= (size_t)first;
    s->common.quiet |= f->quiet;
    s->common.help |= f->help;
    if (s->common.help) {
        return true;
    }
    if (args->n == 0) {
        return err_set(err, ERR_USAGE,
                       "no profile source specified (the word behind -peek, "
                       "-focus and the like is their REGEXP); seep pprof "
                       "-help shows how");
    }
    const bool ok = pprof_flags_settle(f, &notes, err);
    console_say_notes(s, buf_view(&notes));
    buf_release(&notes);
    return ok;
}

static int pprof_run(struct session *s, void *options, const struct words *args)
{
    struct pprof_flags flags;
    struct words rest = *args;
    struct err err = {0};
    (void)options;
    if (!read_flags(s, &flags, &rest, &err)) {
        err_wrap(&err, "pprof");
        return console_fail(NULL, &err);
    }
    return s->common.help ? show_help() : report(s, &flags, &rest);
}

const struct cmd cmd_pprof = {
    .name = "pprof",
    .summary = "the reports of go tool pprof, byte for byte, faster",
    .usage = "[BINARY] SOURCE...",
    .about = "Takes the arguments of go tool pprof and prints what it prints; "
             "flags take one dash or two and go before the first SOURCE, a "
             "file or the URL of a profile. Several sources are summed. One "
             "that cannot be read is left out: the others are shown, the last "
             "line on stderr says what was lost, and the exit status is 3. "
             "There is no shell and no web page, and nothing is saved on the "
             "way.",
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.files_from = 1},
    .takes_raw = true,
    .help_options = help_flags,
    .flag_at = pprof_row_at,
    .run = pprof_run,
};
