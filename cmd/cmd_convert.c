/*
 * One profile for another tool. What seep reads comes out in what that tool
 * reads; formats are rows of report/export.h.
 */
#include "console.h"
#include "files.h"
#include "help.h"
#include "pprof_flags.h"
#include "pprof_sources.h"
#include "report/report.h"

#include <string.h>
#include <unistd.h>

#define EXPORT_BYTES_MAX ((size_t)8 << 30)

struct convert_options {
    const char *to, *path, *sample;
};

static bool offer_formats(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct export_format *const *all = export_formats(&n);
    if (i >= n) {
        return false;
    }
    *out = (struct option_offer){all[i]->name, all[i]->summary};
    return true;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "to", .arg = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct convert_options, to), .offers = offer_formats,
     .help = "pprof (protobuf, gzip), folded (stacks by semicolons, for flame graphs), speedscope, callgrind or csv; when it is not said, by the end of the output's name"},
    {.name = "output", .short_name = 'o', .arg = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct convert_options, path),
     .help = "write to FILE (default: stdout)"},
    {.name = "sample", .arg = "TYPE", .kind = OPTION_TEXT, .offset = offsetof(struct convert_options, sample),
     .help = "which value, by name or from 0, where a format holds one (default: the profile's)"},
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep convert heap.pb.gz --to folded -o heap.folded",
     "for flamegraph.pl and what else reads folded stacks"                             },
    {"seep convert goroutines.txt --to pprof -o goroutines.pb.gz",
     "a goroutine dump (debug=2) as a profile"                                         },
    {"seep convert cpu.pb.gz -o cpu.speedscope.json",              "for speedscope.app"},
};

static bool unknown_format(const char *name, const char *path, struct err *err)
{
    size_t n = 0;
    char list[ERR_TEXT_MAX] = "";
    size_t len = 0;
    const struct export_format *const *all = export_formats(&n);
    for (size_t i = 0; i < n; i++) {
        const size_t more = strlen(all[i]->name);
        if (len + more + 2 < sizeof(list)) {
            list[len++] = ' ';
            memcpy(list + len, all[i]->name, more + 1);
            len += more;
        }
    }
    if (name != NULL) {
        return err_set(err, ERR_USAGE,
                       "--to: unknown format '%.60s'; there is:%s", name, list);
    }
    return path != NULL
               ? err_set(err, ERR_USAGE,
                         "the name %.60s does not tell the format; say --to:%s",
                         path, list)
               : err_set(err, ERR_USAGE, "--to FORMAT is missing; there is:%s",
                         list);
}

/* By the end of the output's name. */
static const struct export_format *format_of_name(const char *path)
{
    size_t n = 0;
    const struct export_format *const *all = export_formats(&n);
    for (size_t i = 0; path != NULL && i < n; i++) {
        if (span_ends(span_of(path), all[i]->ending)) {
            return all[i];
        }
    }
    return NULL;
}

static bool choose_format(const struct convert_options *o,
                          const struct export_format **out, struct err *err)
{
    *out = o->to != NULL ? export_format_find(span_of(o->to))
                         : format_of_name(o->path);
    if (*out == NULL) {
        return unknown_format(o->to, o->path, err);
    }
    if ((*out)->is_binary && o->path == NULL && isatty(STDOUT_FILENO) == 1) {
        return err_set(err, ERR_USAGE,
                       "%s is not for a terminal; say -o FILE%s", (*out)->name,
                       (*out)->ending);
    }
    return true;
}

/* Others show stacks as pprof shows them; a profile stays as it is. */
static bool is_whole(const struct export_format *format)
{
    return strcmp(format->name, "pprof") == 0;
}

static bool write_as(const struct session *s,
                     const struct export_format *format,
                     const struct convert_options *o, struct profile *p,
                     struct err *err)
{
    struct export_options options = {0};
    struct buf out = BUF_LIMIT(EXPORT_BYTES_MAX);
    bool ok = p->n_types > 0
                  ? profile_sample_index(p, span_of(o->sample),
                                         &options.value_column, err)
                  : err_set(err, ERR_FORMAT, "profile has no samples");
    ok = ok && (is_whole(format) || pprof_prune(s, p, err)) &&
         format->write(p, &options, &out, err) &&
         buf_check(&out, format->name, err);
    if (ok && o->path != NULL) {
        ok = file_write(o->path, buf_view(&out), err);
    } else if (ok) {
        console_tame(&out);
        ok = console_finish(buf_view(&out), err);
    }
    buf_release(&out);
    return ok;
}

static int convert_run(struct session *s, void *options,
                       const struct words *args)
{
    const struct convert_options *o = options;
    const struct export_format *format = NULL;
    struct pprof_flags flags;
    struct profile *p = NULL;
    struct err err = {0};
    pprof_flags_defaults(&flags);
    if (args->n != 1) {
        err_set(&err, ERR_USAGE,
                args->n == 0 ? "convert: name a profile, or - for stdin"
                             : "convert: one profile at a time; seep pprof "
                               "-proto merges");
        return console_fail(NULL, &err);
    }
    if (!choose_format(o, &format, &err)) {
        err_wrap(&err, "convert");
        return console_fail(NULL, &err);
    }
    if (o->path != NULL && file_is_same(args->items[0], o->path)) {
        err_set(&err, ERR_USAGE,
                "convert: %.120s is what is read; write to another file",
                o->path);
        return console_fail(NULL, &err);
    }
    if (!pprof_source_read(args->items[0], s, &flags, &p)) {
        return STATUS_FAILED;
    }
    const int status =
        write_as(s, format, o, p, &err) ? STATUS_OK : console_fail(NULL, &err);
    profile_free(p);
    return status;
}

const struct cmd cmd_convert = {
    .name = "convert",
    .summary = "a profile in another tool's format",
    .usage = "PROFILE|URL|- --to FORMAT",
    .about = "Reads whatever seep reads: pprof's protobuf, the texts of "
             "debug=1, goroutine dumps, folded stacks, gperftools' formats.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct convert_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.files_from = 1},
    .run = convert_run,
};
