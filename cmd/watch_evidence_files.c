#include "watch_evidence_files.h"

#include "files.h"
#include "watch_json.h"
#include "watch_summary.h"

#include "base/gz.h"
#include "base/limits.h"
#include "input/input.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES_MAX = 8 << 10, REPORT_BYTES_MAX = 64 << 20, GZIP_LEVEL = 6 };

static bool write_into(const char *dir, const char *name, struct span bytes,
                       struct err *err)
{
    struct buf path = BUF_LIMIT(PATH_BYTES_MAX);
    buf_printf(&path, "%s/%s", dir, name);
    const bool ok =
        buf_check(&path, "name", err) && file_write(path.data, bytes, err);
    buf_release(&path);
    return ok;
}

/* --- snapshots --- */

static bool write_profile(const char *dir, const char *name,
                          const struct profile *p, struct err *err)
{
    struct buf raw = BUF_LIMIT((size_t)LIMIT_INFLATED_BYTES);
    struct buf packed = BUF_LIMIT((size_t)LIMIT_FILE_BYTES);
    const bool ok = profile_encode(p, &raw, err) &&
                    buf_check(&raw, name, err) &&
                    gz_compress((const uint8_t *)raw.data, raw.len, GZIP_LEVEL,
                                &packed, err) &&
                    buf_check(&packed, name, err) &&
                    write_into(dir, name, buf_view(&packed), err);
    buf_release(&raw);
    buf_release(&packed);
    return ok;
}

/* Which of the kept moments tell the story: its begin, middle and end. */
static json_t *position(uint32_t i, uint32_t n)
{
    return i == 0             ? json_string("first")
           : i == n - 1       ? json_string("last")
           : i == (n - 1) / 2 ? json_string("middle")
                              : json_null();
}

static bool write_point(const char *dir, const struct stack_table *t,
                        uint64_t moment, const struct series_point *p,
                        json_t **row, struct err *err)
{
    char name[64];
    struct profile *profile = NULL;
    const char *kind = profile_kind_name(p->kind);
    (void)snprintf(name, sizeof(name), "%03llu.%s.pb.gz",
                   (unsigned long long)moment, kind);
    const bool ok = series_point_profile(t, p, &profile, err) &&
                    write_profile(dir, name, profile, err);
    profile_free(profile);
    if (ok) {
        *row = json_pack("{s:s, s:s, s:I, s:o}", "file", name, "kind", kind,
                         "moment", (json_int_t)moment, "time",
                         watch_json_time(p->time_nanos));
    }
    return ok && (*row != NULL || err_nomem(err, "evidence"));
}

static bool write_points(const char *dir, const struct stack_table *t,
                         uint64_t moment, const struct series_point *points,
                         size_t n, uint32_t i, uint32_t n_moments,
                         json_t *files, struct err *err)
{
    for (size_t k = 0; k < n; k++) {
        json_t *row = NULL;
        if (points[k].form == FORM_DUMP) {
            continue; /* what it said is in the report */
        }
        if (!write_point(dir, t, moment, &points[k], &row, err)) {
            return false;
        }
        (void)json_object_set_new(row, "position", position(i, n_moments));
        if (json_array_append_new(files, row) != 0) {
            return err_nomem(err, "evidence");
        }
    }
    return true;
}

static void release_points(struct series_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        series_point_release(&points[i]);
    }
    free(points);
}

bool evidence_write_snapshots(const char *dir, struct watcher *w,
                              uint32_t target, json_t **files, uint64_t *last,
                              struct err *err)
{
    const struct history *h = watcher_history(w, target);
    struct stack_table *t = watcher_table(w);
    const uint32_t n = h != NULL ? history_about(h).n_kept : 0;
    bool ok = true;
    *files = json_array();
    for (uint32_t i = 0; ok && i < n; i++) {
        struct series_point *points = NULL;
        size_t n_points = 0;
        ok = history_moment(h, t, i, last, &points, &n_points, err) &&
             write_points(dir, t, *last, points, n_points, i, n, *files, err);
        release_points(points, n_points);
    }
    if (!ok) {
        json_decref(*files);
        *files = NULL;
    }
    return ok;
}

/* --- the report --- */

static bool write_format(const char *dir, const char *format, const char *name,
                         const struct report *report, struct err *err)
{
    struct buf text = BUF_LIMIT(REPORT_BYTES_MAX);
    const bool ok =
        report_renderer_find(format)->render(
            report, &(struct render_options){.verbose = true}, &text, err) &&
        buf_check(&text, name, err) &&
        write_into(dir, name, buf_view(&text), err);
    buf_release(&text);
    return ok;
}

bool evidence_write_report(const char *dir, struct watcher *w, uint32_t target,
                           struct err *err)
{
    struct watch_about about;
    struct series *series = NULL;
    watcher_about(w, target, &about);
    if (about.findings == NULL) {
        return err_set(err, ERR_INTERNAL, "confirmed, but not judged");
    }
    if (!watcher_series(w, target, &series, err)) {
        return false;
    }
    struct report report = {
        .tool_version = SEEP_VERSION,
        .command = "watch",
        .about = series_about(series),
        .findings = about.findings,
    };
    watch_report_target(&report, about.target);
    report.inputs = series_inputs(series, &report.n_inputs);
    report.notes = series_notes(series, &report.n_notes);
    const bool ok = write_format(dir, "json", "report.json", &report, err) &&
                    write_format(dir, "markdown", "report.md", &report, err);
    series_free(series);
    return ok;
}

/* --- the rest --- */

bool evidence_write_dump(const char *dir, uint64_t moment, struct span dump,
                         json_t **name, struct err *err)
{
    char file[64];
    struct snapshot snapshot = {0};
    if (!input_decode(dump, NULL, &snapshot, err)) {
        return false;
    }
    const bool is_dump = snapshot.form == FORM_DUMP;
    snapshot_release(&snapshot);
    if (!is_dump) {
        return err_set(err, ERR_UNKNOWN, "the answer is no goroutine dump");
    }
    (void)snprintf(file, sizeof(file), "%03llu.goroutine.txt",
                   (unsigned long long)moment);
    *name = json_string(file);
    return write_into(dir, file, dump, err);
}

bool evidence_write_manifest(const char *dir, json_t *manifest, struct err *err)
{
    struct buf text = BUF_LIMIT(REPORT_BYTES_MAX);
    const bool ok = watch_json_add(&text, manifest, true, err) &&
                    write_into(dir, "manifest.json", buf_view(&text), err);
    buf_release(&text);
    json_decref(manifest);
    return ok;
}
