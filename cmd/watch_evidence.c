#include "watch_evidence.h"

#include "files.h"
#include "watch_evidence_files.h"
#include "watch_json.h"
#include "watch_words.h"

#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Replicas of one leak show the same; three tell that it is no accident. */
    KEPT_OF_ONE_MAX = 3,
    KEPT_MAX = 64,
    AGAIN_MAX = 99, /* "-2" to "-99" behind a name that is taken */
    NAME_BYTES = 120,
    PATH_BYTES_MAX = 4 << 10,
    DUMP_BYTES_MAX = 65 << 20, /* Go cuts them at 64 MiB */
    SMALL_GOROUTINES = 1000
};

struct job {
    struct watch_evidence *evidence;
    struct watch_leak leak;
    char name[NAME_BYTES];
    char *temporary;
    json_t *manifest;
    uint64_t moment; /* the last one */
    struct buf dump;
    bool wants, waits; /* a dump: not yet asked for; asked for */
    bool is_over;
    struct err why; /* no dump */
    struct job *next;
};

struct watch_evidence {
    struct watch_evidence_options options;
    struct job *jobs; /* newest first; freed at the end */
    size_t n_begun;
    size_t n_waiting; /* that want or wait */
};

bool watch_evidence_new(const struct watch_evidence_options *o,
                        struct watch_evidence **out, struct err *err)
{
    struct watch_evidence *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return err_nomem(err, "evidence");
    }
    e->options = *o;
    if (o->dir != NULL && !file_make_directory(o->dir, err)) {
        free(e);
        return err_wrap(err, "--evidence");
    }
    *out = e;
    return true;
}

/* Only files, and one level: what was written here. */
static void remove_directory(const char *path)
{
    struct fetch_listing listing = {0};
    struct err err = {0};
    if (fetch_list(path, &listing, &err)) {
        for (size_t i = 0; i < listing.n; i++) {
            (void)unlink(listing.paths[i]);
        }
    }
    fetch_listing_release(&listing);
    (void)rmdir(path);
}

static void release_job(struct job *j)
{
    if (j->temporary != NULL) {
        remove_directory(j->temporary);
        free(j->temporary);
        j->temporary = NULL;
    }
    json_decref(j->manifest);
    json_decref(j->leak.document);
    j->manifest = NULL;
    j->leak.document = NULL;
    buf_release(&j->dump);
}

void watch_evidence_free(struct watch_evidence *e)
{
    if (e == NULL) {
        return;
    }
    while (e->jobs != NULL) {
        struct job *j = e->jobs;
        e->jobs = j->next;
        release_job(j);
        free(j);
    }
    free(e);
}

bool watch_evidence_is_busy(const struct watch_evidence *e)
{
    return e->n_waiting > 0;
}

/* --- names --- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* "orders:6060" -> "orders_6060": a name of a file on any system. */
static void make_name(const struct watch_target *t, const struct finding *f,
                      char out[NAME_BYTES])
{
    enum { TARGET_MAX = 48 };
    struct buf words = BUF_LIMIT(4096);
    char target[TARGET_MAX + 1];
    size_t n = 0;
    plain_clean(&words, t->shown);
    for (size_t i = 0; i < words.len && n < TARGET_MAX; i++) {
        const bool is_kept = is_plain(words.data[i]);
        if (n > 0 ||
            (is_kept && words.data[i] != '.' && words.data[i] != '-')) {
            target[n++] = '_';
            if (is_kept) {
                target[n - 1] = words.data[i];
            }
        }
    }
    target[n] = '\0';
    buf_release(&words);
    (void)snprintf(out, NAME_BYTES, "%s-%s-%s", n > 0 ? target : "target",
                   f->rule->id, f->id);
}

/* Takes its place under a name that is free; `out` gets the path. */
static bool take_place(struct watch_evidence *e, struct job *j, struct buf *out,
                       struct err *err)
{
    for (int again = 1; again <= AGAIN_MAX; again++) {
        struct stat st;
        buf_clear(out);
        buf_printf(out, "%s/%s", e->options.dir, j->name);
        if (again > 1) {
            buf_printf(out, "-%d", again);
        }
        if (!buf_check(out, "name", err)) {
            return false;
        }
        if (lstat(out->data, &st) == 0) {
            continue;
        }
        if (rename(j->temporary, out->data) == 0) {
            free(j->temporary);
            j->temporary = NULL;
            return true;
        }
        if (errno != ENOTEMPTY && errno != EEXIST) {
            return err_set(err, ERR_IO, "%.160s: %s", out->data,
                           err_system(errno).text);
        }
    }
    return err_set(err, ERR_LIMIT, "%.160s: too many of this name",
                   e->options.dir);
}

static void sync_directory(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

static bool make_temporary(struct watch_evidence *e, struct job *j,
                           struct err *err)
{
    struct buf path = BUF_LIMIT(PATH_BYTES_MAX);
    buf_printf(&path, "%s/.seep-XXXXXX", e->options.dir);
    if (!buf_check(&path, "name", err)) {
        buf_release(&path);
        return false;
    }
    if (mkdtemp(path.data) == NULL) {
        (void)err_set(err, ERR_IO, "%.160s: %s", e->options.dir,
                      err_system(errno).text);
        buf_release(&path);
        return false;
    }
    const mode_t mask = umask(0);
    (void)umask(mask);
    (void)chmod(path.data, 0777 & ~mask);
    j->temporary = path.data;
    return true;
}

/* --- one job --- */

static bool keep_dump(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct job *j = ctx;
    buf_add(&j->dump, p, n);
    return buf_check(&j->dump, "the goroutine dump", err);
}

static bool keep_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

/* Nor does anybody wait for it. */
static void wait_no_more(struct job *j)
{
    j->evidence->n_waiting -= j->wants || j->waits;
    j->wants = j->waits = false;
}

/* What came is of all leaks of the target that are confirmed by now. */
static void share(const struct job *from)
{
    for (struct job *j = from->evidence->jobs; j != NULL; j = j->next) {
        if (!j->wants || j->leak.target != from->leak.target) {
            continue;
        }
        wait_no_more(j);
        j->why = from->why;
        buf_span(&j->dump, buf_view(&from->dump));
        if (!buf_check(&j->dump, "the goroutine dump", &j->why)) {
            buf_release(&j->dump);
        }
    }
}

static void on_dump(void *ctx, const struct fetch_result *r)
{
    struct job *j = ctx;
    if (j->is_over) {
        return; /* nobody waited for it any more */
    }
    wait_no_more(j);
    if (r->failure != FETCH_FAILURE_NONE) {
        j->why = r->err;
        buf_release(&j->dump);
    }
    share(j);
}

/* One at a time: a dump stops the process. */
static bool is_asked(const struct watch_evidence *e, uint32_t target)
{
    for (const struct job *j = e->jobs; j != NULL; j = j->next) {
        if (j->waits && j->leak.target == target) {
            return true;
        }
    }
    return false;
}

static void ask_if_free(struct watch_evidence *e, struct job *j)
{
    if (!j->wants || is_asked(e, j->leak.target)) {
        return;
    }
    j->wants = false;
    j->waits =
        watcher_ask(e->options.watcher, j->leak.target, "goroutine", 2,
                    (struct sink){j, keep_dump, keep_end}, j, on_dump, &j->why);
    e->n_waiting -= !j->waits;
}

static void ask_for_dump(struct watch_evidence *e, struct job *j)
{
    struct watch_about a;
    watcher_about(e->options.watcher, j->leak.target, &a);
    /* Unknown is not small. */
    const bool is_small = a.goroutines <= SMALL_GOROUTINES;
    if (e->options.dumps == WATCH_DUMPS_NEVER) {
        (void)err_set(&j->why, ERR_USAGE, "--dumps never");
    } else if (e->options.dumps == WATCH_DUMPS_SMALL && !is_small) {
        (void)err_set(&j->why, ERR_LIMIT,
                      "more than %d goroutines: a dump would stop the process "
                      "for long; --dumps always asks for it all the same",
                      SMALL_GOROUTINES);
    } else {
        j->dump = BUF_LIMIT(DUMP_BYTES_MAX);
        j->wants = true;
        e->n_waiting++;
        ask_if_free(e, j);
    }
}

static json_t *make_manifest(struct watch_evidence *e, const struct job *j,
                             const struct finding *f, json_t *files)
{
    struct watch_about a;
    watcher_about(e->options.watcher, j->leak.target, &a);
    return json_pack(
        "{s:s, s:{s:s, s:s}, s:o, s:o, s:o, s:{s:s, s:s, s:s}, s:s, s:I, s:o}",
        "schema", "seep/evidence/1", "tool", "name", "seep", "version",
        SEEP_VERSION, "target", watch_json_text(a.target->shown), "labels",
        watch_json_labels(a.target), "confirmed",
        watch_json_time(j->leak.wall_nanos), "finding", "id", f->id, "rule",
        f->rule->id, "grade", grade_name(f->grade), "verdict",
        "seep leaks of this directory gives the report's verdict again",
        "moments_taken", (json_int_t)a.history.n_moments, "files", files);
}

static bool begin(struct watch_evidence *e, struct job *j,
                  const struct finding *f, struct err *err)
{
    struct watcher *w = e->options.watcher;
    struct watch_about a;
    json_t *files = NULL;
    watcher_about(w, j->leak.target, &a);
    make_name(a.target, f, j->name);
    if (!make_temporary(e, j, err) ||
        !evidence_write_snapshots(j->temporary, w, j->leak.target, &files,
                                  &j->moment, err)) {
        return false;
    }
    j->manifest = make_manifest(e, j, f, files);
    if (j->manifest == NULL) {
        return err_nomem(err, "evidence");
    }
    if (!evidence_write_report(j->temporary, w, j->leak.target, err)) {
        return false;
    }
    ask_for_dump(e, j);
    return true;
}

/* Evidence without a dump is evidence: what is wrong with it is only told. */
static bool finish(struct watch_evidence *e, struct job *j, struct buf *path,
                   struct err *err)
{
    json_t *name = NULL;
    const bool has_dump =
        !j->waits && j->dump.len > 0 && /* whole */
        evidence_write_dump(j->temporary, j->moment, buf_view(&j->dump), &name,
                            &j->why);
    const char *why = has_dump ? NULL : j->why.text;
    (void)json_object_set_new(j->manifest, "dump",
                              name != NULL ? name : json_null());
    (void)json_object_set_new(j->manifest, "dump_missing",
                              watch_json_text(why));
    json_t *manifest = j->manifest;
    j->manifest = NULL;
    if (!evidence_write_manifest(j->temporary, manifest, err)) {
        return false;
    }
    sync_directory(j->temporary);
    if (!take_place(e, j, path, err)) {
        return false;
    }
    sync_directory(e->options.dir);
    return true;
}

static void tell(struct watch_evidence *e, struct job *j, const char *dir,
                 const struct err *err)
{
    j->is_over = true;
    wait_no_more(j);
    (void)json_object_set_new(j->leak.document, "evidence",
                              watch_json_text(dir));
    e->options.kept(e->options.ctx, &j->leak, dir, err);
    /* The dump may still be on its way into the buffer. */
    json_decref(j->leak.document);
    j->leak.document = NULL;
}

static bool is_enough(const struct watch_evidence *e, const char *id)
{
    size_t n = 0;
    for (const struct job *j = e->jobs; j != NULL; j = j->next) {
        n += strcmp(j->leak.id, id) == 0;
    }
    return n >= KEPT_OF_ONE_MAX || e->n_begun >= KEPT_MAX;
}

bool watch_evidence_add(struct watch_evidence *e, const struct watch_leak *leak,
                        const struct finding *f, struct err *err)
{
    struct err why = {0};
    struct job *j = calloc(1, sizeof(*j));
    if (j == NULL) {
        json_decref(leak->document);
        return err_nomem(err, "evidence");
    }
    j->evidence = e;
    j->leak = *leak;
    if (e->options.dir == NULL || is_enough(e, leak->id)) {
        tell(e, j, NULL, NULL);
        free(j);
        return true;
    }
    j->next = e->jobs;
    e->jobs = j;
    e->n_begun++;
    if (!begin(e, j, f, &why)) {
        tell(e, j, NULL, &why);
        release_job(j);
    }
    return true;
}

void watch_evidence_run(struct watch_evidence *e, bool all)
{
    for (struct job *j = e->jobs; j != NULL; j = j->next) {
        if (j->is_over || ((j->wants || j->waits) && !all)) {
            continue;
        }
        const bool is_lent = j->waits; /* its buffer, until the watcher goes */
        if (j->wants || is_lent) {
            (void)err_set(&j->why, ERR_INTERRUPTED,
                          "the watch ended before the dump came");
        }
        struct buf path = BUF_LIMIT(PATH_BYTES_MAX);
        struct err err = {0};
        const bool ok = finish(e, j, &path, &err);
        tell(e, j, ok ? path.data : NULL, ok ? NULL : &err);
        if (!is_lent) {
            release_job(j);
        }
        buf_release(&path);
    }
}
