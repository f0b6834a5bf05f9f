#include "baseline_inputs.h"

#include "analysis.h"
#include "files.h"
#include "judge_runs.h"
#include "review_options.h"

#include "base/limits.h"
#include "series/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* --- documents --- */

bool baseline_load(const char *path, struct baseline *out, bool *is_there,
                   struct err *err)
{
    struct buf text;
    *out = (struct baseline){.n = 0};
    if (is_there != NULL) {
        *is_there = access(path, F_OK) == 0;
        if (!*is_there) {
            return true;
        }
    }
    if (!file_read("", path, LIMIT_BASELINE_BYTES, &text, err)) {
        return false;
    }
    const bool ok = baseline_read(buf_view(&text), path, out, err);
    buf_release(&text);
    return ok;
}

/* JSON begins with '{'; no profile or dump does. */
static bool is_document(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    FILE *f = fopen(path, "rb");
    int c = ' ';
    while (f != NULL && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
        c = getc(f);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return f != NULL && c == '{';
}

static bool read_documents(const char *const *args, size_t n,
                           struct baseline_inputs *out, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        out->names[i] = args[i];
        if (!baseline_load(args[i], &out->items[i], NULL, err)) {
            return false;
        }
        out->n++;
        if (!out->items[i].is_document) {
            return err_set(err, ERR_USAGE,
                           "%.160s is a baseline itself; give findings "
                           "documents (--format json) or snapshots",
                           args[i]);
        }
    }
    return true;
}

/* --- snapshots --- */

static bool take_snapshot(void *ctx, unsigned group, const struct snapshot *s,
                          struct err *err)
{
    (void)group;
    return series_add(ctx, s, err);
}

static bool take_left_out(void *ctx, unsigned group, const char *source,
                          enum profile_kind kind, const char *why,
                          struct err *err)
{
    (void)group;
    return series_note_input(ctx, source, kind, why, err);
}

static bool read_series(struct analysis *a, struct series *series,
                        const char *const *args, size_t n, struct err *err)
{
    const struct visitor visitor = {series, take_snapshot, take_left_out};
    for (size_t i = 0; i < n; i++) {
        if (!analysis_add(a, args[i], 0, err)) {
            return false;
        }
    }
    return analysis_read(a, &visitor, err) && series_finish(series, err);
}

/* They are judged by another command; left out in silence, what they show would
   seem to be accepted. */
static bool refuse_heap_dumps(const struct series *series, struct err *err)
{
    size_t n = 0;
    const struct series_input *inputs = series_inputs(series, &n);
    for (size_t i = 0; i < n; i++) {
        if (inputs[i].kind == KIND_HEAPDUMP) {
            return err_set(err, ERR_USAGE,
                           "%.160s is a heap dump: seep heap %.160s --format "
                           "json -o heap.json makes findings of it",
                           inputs[i].source, inputs[i].source);
        }
    }
    return true;
}

static bool judge(struct analysis *a, struct series *series,
                  struct review *review, struct baseline *out, struct err *err)
{
    const struct rules_options rules = {.settings = NULL};
    const struct judge_runs how = {.rules = &rules};
    struct judged_runs judged;
    bool ok = judge_runs(series, &how, &judged, err);
    judged.findings.has_lost = a->has_lost;
    ok = ok && review_mark(review, &judged.findings, NULL, err) &&
         baseline_of_findings(&judged.findings, out, err);
    if (ok) {
        out->window.last_nanos = judged.about.last_nanos;
    }
    judged_runs_release(&judged);
    return ok;
}

static bool read_snapshots(struct session *s, const struct baseline_how *how,
                           const char *const *args, size_t n,
                           struct baseline_inputs *out, struct err *err)
{
    struct analysis a = {.session = s, .skip_bad = how->skip_bad};
    struct series *series =
        series_new(&(struct series_options){.module = how->module});
    bool ok = series != NULL || err_nomem(err, "series");
    if (ok && !read_series(&a, series, args, n, err)) {
        ok = a.where != NULL ? err_wrap(err, "%.160s", a.where) : false;
    }
    ok = ok && refuse_heap_dumps(series, err) &&
         judge(&a, series, how->review, &out->items[0], err);
    if (ok) {
        struct baseline *b = &out->items[0];
        for (size_t i = 0; i < b->n; i++) {
            b->items[i].first_seen_nanos = b->window.last_nanos;
        }
        out->names[0] = args[0];
        out->n = 1;
    }
    analysis_release(&a);
    series_free(series);
    return ok;
}

void baseline_inputs_release(struct baseline_inputs *in)
{
    for (size_t i = 0; i < in->n; i++) {
        baseline_release(&in->items[i]);
    }
    free(in->items);
    *in = (struct baseline_inputs){.n = 0};
}

bool baseline_inputs_read(struct session *s, const struct baseline_how *how,
                          const char *const *args, size_t n,
                          struct baseline_inputs *out, struct err *err)
{
    size_t n_documents = 0;
    *out = (struct baseline_inputs){
        .items = calloc(n + 1, sizeof(*out->items)),
        .names = arena_new(s->arena, const char *, n + 1)};
    if (out->items == NULL || out->names == NULL) {
        return err_nomem(err, "baseline");
    }
    for (size_t i = 0; i < n; i++) {
        n_documents += is_document(args[i]);
    }
    if (n_documents > 0 && n_documents < n) {
        return err_set(err, ERR_USAGE,
                       "baseline: findings documents and snapshots are not "
                       "taken together");
    }
    return n_documents > 0 ? read_documents(args, n, out, err)
                           : read_snapshots(s, how, args, n, out, err);
}
