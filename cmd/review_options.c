/*
 * All of a review is read here, once, before any profile: where the repository
 * is, its go.mod and .seep.yml, the baseline and the patch.
 */
#include "review_options.h"

#include "files.h"
#include "review_files.h"

#include "base/limits.h"
#include "fetch/fetch.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/banned.h"

enum { DAY_SECONDS = 86400 };

struct review {
    struct session *session;
    const struct review_settings *settings;
    struct config config;
    const char *config_path;   /* NULL: none was read */
    const char *config_name;   /* what people know it by */
    bool is_config_found;      /* by itself: nobody named it */
    bool is_config_misnamed;   /* there is .seep.yaml */
    const char *nearer_config; /* between here and the root; NULL none */
    const char *baseline_path;
    bool is_baseline_missing; /* the configuration names one to be saved yet */
    struct baseline baseline;
    const struct baseline *lent; /* instead of it; NULL none */
    bool has_baseline, only_new, no_known;
    bool can_map;               /* something says where files are */
    struct review_files *files; /* NULL: no repository */
    struct patch *patch;
    bool has_no_lines; /* its file has a text, but none that changes a line */
    struct paths *paths;
    struct suppressions suppressions;
};

/* What a review of nothing says. */
static const struct config unset_config = {
    .min_bytes = NAN, .min_goroutines = NAN, .min_growth = NAN, .only_new = -1};

/* --- files --- */

/* Even a link to nothing: it is not passed over. */
static bool is_entry(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* A file that an option names, in a checkout that others wrote. */
static bool check_link(const struct review *r, const char *option,
                       const char *path, struct err *err)
{
    return r->files == NULL || !review_files_lead_out(r->files, path) ||
           err_set(err, ERR_IO,
                   "%s: %.160s: a symbolic link out of the repository", option,
                   path);
}

/* --- the repository --- */

static bool open_repository(struct review *r, const struct review_settings *s,
                            struct err *err)
{
    const char *root = s->repository;
    if (root == NULL) {
        root = review_files_around(".", r->session->arena);
    }
    if (root == NULL) {
        return s->revisions == NULL ||
               err_set(err, ERR_USAGE,
                       "--rev: no repository around the current folder; name "
                       "it with --repo");
    }
    if (!review_files_new(root, &r->files, err)) {
        return err_wrap(err, "--repo: %.160s", root);
    }
    return true;
}

/* --- .seep.yml --- */

/* As seen from the current folder: "../../.seep.yml", or below --repo. */
static const char *config_name(const struct review *r,
                               const struct review_settings *s)
{
    struct arena *a = r->session->arena;
    char *here = s->repository == NULL ? realpath(".", NULL) : NULL;
    const char *name = here != NULL ? ".seep.yml" : NULL;
    if (s->repository != NULL) {
        name = arena_printf(a, "%s/.seep.yml", s->repository);
    }
    const size_t n_root = strlen(review_files_root(r->files));
    for (const char *c = here; name != NULL && c != NULL && *c != '\0'; c++) {
        if (*c == '/' && c[1] != '\0' &&
            c >= here + (n_root > 1 ? n_root : 0)) {
            name = arena_printf(a, "../%s", name);
        }
    }
    free(here);
    return name;
}

/* One that its writer may take for the one that is read. */
static const char *nearer_config(const struct review *r,
                                 const struct review_settings *s)
{
    const char *out = NULL;
    for (const char *name = s->repository == NULL ? r->config_name : "";
         span_starts(span_of(name), "../");) {
        name += strlen("../");
        out = is_entry(name) ? name : out;
    }
    return out;
}

/* That of the root, if any. */
static bool look_for_config(struct review *r, const struct review_settings *s,
                            struct err *err)
{
    struct arena *a = r->session->arena;
    const char *root = review_files_root(r->files);
    const char *path = arena_printf(a, "%s/.seep.yml", root);
    const char *misnamed = arena_printf(a, "%s/.seep.yaml", root);
    r->config_name = config_name(r, s);
    if (path == NULL || misnamed == NULL || r->config_name == NULL) {
        return err_nomem(err, "the configuration");
    }
    r->nearer_config = nearer_config(r, s);
    r->is_config_found = is_entry(path);
    r->is_config_misnamed = !r->is_config_found && is_entry(misnamed);
    if (!r->is_config_found) {
        return true;
    }
    r->config_path = review_files_below(root, path, a);
    return r->config_path != NULL ||
           err_set(err, ERR_IO,
                   "%.160s: no regular file of the repository; --no-config "
                   "passes over it",
                   r->config_name);
}

static bool find_config(struct review *r, const struct review_settings *s,
                        struct err *err)
{
    if (s->no_config) {
        return s->config == NULL ||
               err_set(err, ERR_USAGE,
                       "--config and --no-config exclude each "
                       "other");
    }
    if (s->config != NULL) {
        r->config_path = r->config_name = s->config;
        return check_link(r, "--config", s->config, err);
    }
    return r->files == NULL || look_for_config(r, s, err);
}

static bool read_config(struct review *r, const struct review_settings *s,
                        struct err *err)
{
    if (!find_config(r, s, err)) {
        return false;
    }
    if (r->config_path == NULL) {
        r->config = unset_config;
        return true;
    }
    struct buf text;
    if (!file_read(s->config != NULL ? "--config" : "configuration",
                   r->config_path, LIMIT_CONFIG_BYTES, &text, err)) {
        return false;
    }
    const bool ok =
        config_read(buf_view(&text), r->config_name, &r->config, err);
    buf_release(&text);
    return ok;
}

/* --- the baseline --- */

/* Does the name stay below the folder it is taken from? */
static bool is_below(const char *name)
{
    bool is_start = true;
    for (const char *c = name; *c != '\0'; c++) {
        if (is_start && strncmp(c, "..", 2) == 0 &&
            (c[2] == '/' || c[2] == '\0')) {
            return false;
        }
        is_start = *c == '/';
    }
    return *name != '/';
}

/* The one that the configuration names, from its own folder. Whoever wrote the
   configuration may not have any file of the machine read and quoted. */
static bool configured_baseline(struct review *r, struct err *err)
{
    struct arena *a = r->session->arena;
    const char *name = r->config.baseline;
    const char *slash = strrchr(r->config_path, '/');
    const char *folder =
        slash != NULL ? arena_printf(a, "%.*s/", (int)(slash - r->config_path),
                                     r->config_path)
                      : "./";
    const char *path =
        *name == '/' ? name : arena_printf(a, "%s%s", folder, name);
    if (folder == NULL || path == NULL) {
        return err_nomem(err, "the baseline's name");
    }
    r->is_baseline_missing = !is_entry(path) && is_below(name);
    r->baseline_path =
        r->is_baseline_missing ? path : review_files_below(folder, path, a);
    if (r->baseline_path == NULL && r->files != NULL) {
        r->baseline_path =
            review_files_below(review_files_root(r->files), path, a);
    }
    return r->baseline_path != NULL ||
           err_set(err, ERR_IO,
                   "%.80s: baseline: %.80s: no such file below the "
                   "configuration's folder or the repository",
                   r->config_name, name);
}

static bool find_baseline(struct review *r, const struct review_settings *s,
                          struct err *err)
{
    r->baseline_path = s->baseline;
    if (s->baseline != NULL) {
        return check_link(r, "--baseline", s->baseline, err);
    }
    return r->config.baseline == NULL || configured_baseline(r, err);
}

static bool read_baseline(struct review *r, const struct review_settings *s,
                          struct err *err)
{
    struct buf text;
    if (!find_baseline(r, s, err)) {
        return false;
    }
    if (r->baseline_path == NULL || s->no_baseline || r->is_baseline_missing) {
        return true;
    }
    if (!file_read(s->baseline != NULL ? "--baseline" : "baseline",
                   r->baseline_path, LIMIT_BASELINE_BYTES, &text, err)) {
        return false;
    }
    const char *name = s->baseline != NULL ? s->baseline : r->config.baseline;
    r->has_baseline = baseline_read(buf_view(&text), name, &r->baseline, err);
    buf_release(&text);
    return r->has_baseline;
}

/* --- the patch --- */

/* Where the escape sequence at `at` ends, "\x1b[1;32m", "\x1b[38:5:2m" or
   "\x1b[K"; `at`: none begins there. */
static size_t skip_colour(struct span text, size_t at)
{
    size_t end = at + 2;
    if (end > text.len || text.p[at] != '\x1b' || text.p[at + 1] != '[') {
        return at;
    }
    while (end < text.len && ((text.p[end] >= '0' && text.p[end] <= '9') ||
                              text.p[end] == ';' || text.p[end] == ':')) {
        end++;
    }
    return end < text.len && (text.p[end] == 'm' || text.p[end] == 'K')
               ? end + 1
               : at;
}

/* `git diff --color=always` or `diff --color=always` into a file. Only where
   what begins a line has a colour, of which settings may leave out any: else an
   escape is part of a source. */
static bool is_coloured(struct span text)
{
    static const char *const beginnings[] = {"diff ", "@@ ", "-", "+"};
    for (struct span rest = text, line; span_line(&rest, &line);) {
        const size_t at = line.len > 0 ? skip_colour(line, 0) : 0;
        for (size_t i = 0; at > 0 && i < 4; i++) {
            if (span_starts(span_from(line, at), beginnings[i])) {
                return true;
            }
        }
    }
    return false;
}

static void strip_colours(struct buf *text)
{
    size_t n = 0;
    if (!is_coloured(buf_view(text))) {
        return;
    }
    for (size_t i = 0; i < text->len;) {
        const size_t end = skip_colour(buf_view(text), i);
        if (end == i) {
            text->data[n++] = text->data[i++];
        } else {
            i = end;
        }
    }
    text->len = n;
    text->data[n] = '\0';
}

static bool read_patch_file(struct review *r, const char *path,
                            const struct paths_files *files, struct err *err)
{
    struct buf text;
    if (!file_read("--patch", path, LIMIT_PATCH_BYTES, &text, err)) {
        return false;
    }
    strip_colours(&text);
    const bool ok = patch_read(buf_view(&text), files, &r->patch, err);
    r->has_no_lines =
        ok && span_trim(buf_view(&text)).len > 0 && !patch_has_lines(r->patch);
    buf_release(&text);
    return ok || err_wrap(err, "--patch: %.160s", path);
}

static bool read_patch(struct review *r, const struct review_settings *s,
                       struct err *err)
{
    if (s->patch != NULL && s->revisions != NULL) {
        return err_set(err, ERR_USAGE, "--patch and --rev exclude each other");
    }
    if (s->revisions != NULL) {
        return patch_between(review_files_root(r->files), s->revisions,
                             &r->patch, err) ||
               err_wrap(err, "--rev %.80s", s->revisions);
    }
    if (s->patch == NULL) {
        return true;
    }
    struct paths_files view = {0};
    if (r->files != NULL) {
        view = review_files_view(r->files);
    }
    return read_patch_file(r, s->patch, r->files != NULL ? &view : NULL, err);
}

/* --- paths --- */

static bool parse_map(const char *text, struct arena *arena,
                      struct path_map *out, struct err *err)
{
    const struct span all = span_of(text);
    const size_t cut = span_find_char(all, '=');
    if (cut == 0 || cut == all.len) {
        return err_set(err, ERR_USAGE,
                       "--path-map: %.80s is not FROM=TO, such as "
                       "/build/src=services/api",
                       text);
    }
    out->from = arena_strdup(arena, span_first(all, cut));
    out->to = arena_strdup(arena, span_from(all, cut + 1));
    return (out->from != NULL && out->to != NULL) ||
           err_nomem(err, "path maps");
}

/* Those of the command line come first, so that they win. */
static bool join_maps(struct review *r, const struct review_settings *s,
                      struct paths_options *o, struct err *err)
{
    const size_t n = s->path_maps.n + r->config.n_maps;
    struct path_map *maps = arena_new(r->session->arena, struct path_map, n);
    if (n != 0 && maps == NULL) {
        return err_nomem(err, "path maps");
    }
    for (size_t i = 0; i < s->path_maps.n; i++) {
        if (!parse_map(s->path_maps.items[i], r->session->arena, &maps[i],
                       err)) {
            return false;
        }
    }
    for (size_t i = 0; i < r->config.n_maps; i++) {
        maps[s->path_maps.n + i] = r->config.maps[i];
    }
    o->maps = maps;
    o->n_maps = n;
    return true;
}

static bool root_module(struct review *r, struct paths_options *o,
                        struct err *err)
{
    const char *go_mod =
        r->files != NULL ? o->files.text(o->files.ctx, "go.mod") : NULL;
    o->module = r->config.module;
    if (go_mod != NULL) {
        const struct span module = paths_module_of(span_of(go_mod));
        if (module.len != 0) {
            o->module = arena_strdup(r->session->arena, module);
            return o->module != NULL || err_nomem(err, "the module");
        }
    }
    return true;
}

static bool is_asked(const struct review_settings *s)
{
    return s->repository != NULL || s->patch != NULL || s->revisions != NULL ||
           s->path_maps.n != 0;
}

static bool make_paths(struct review *r, const struct review_settings *s,
                       struct err *err)
{
    struct paths_options o = {.is_asked = is_asked(s)};
    if (!join_maps(r, s, &o, err)) {
        return false;
    }
    if (r->files != NULL) {
        o.files = review_files_view(r->files);
        o.root = review_files_root(r->files);
    }
    if (!root_module(r, &o, err)) {
        return false;
    }
    r->can_map = r->files != NULL || o.n_maps != 0 || o.module != NULL;
    /* Even without a repository it knows modules and their versions. */
    r->paths = paths_new(&o);
    return r->paths != NULL || err_nomem(err, "paths of the repository");
}

/* --- the whole --- */

static bool load(struct review *r, const struct review_settings *s,
                 struct err *err)
{
    if (!open_repository(r, s, err) || !read_config(r, s, err) ||
        !read_baseline(r, s, err) || !read_patch(r, s, err) ||
        !make_paths(r, s, err)) {
        return false;
    }
    r->only_new = s->only_new || r->config.only_new == 1;
    r->no_known = s->no_known;
    r->suppressions =
        (struct suppressions){r->config.suppressions, r->config.n_suppressions};
    return true;
}

bool review_check_arguments(const struct review_settings *s,
                            const struct words *args, struct err *err)
{
    for (size_t i = 0; i < args->n; i++) {
        if (s->patch != NULL && strcmp(s->patch, "-") == 0 &&
            strcmp(args->items[i], "-") == 0) {
            return err_set(err, ERR_USAGE,
                           "--patch - and the argument - would both read "
                           "standard input");
        }
    }
    return true;
}

bool review_load(const struct review_settings *s, struct session *session,
                 struct review **out, struct err *err)
{
    *out = NULL;
    struct review *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return err_nomem(err, "the review");
    }
    r->session = session;
    r->settings = s;
    if (!load(r, s, err)) {
        review_free(r);
        return false;
    }
    *out = r;
    return true;
}

const struct config *review_config(const struct review *r)
{
    return r != NULL ? &r->config : &unset_config;
}

const char *review_baseline_path(const struct review *r)
{
    return r != NULL ? r->baseline_path : NULL;
}

const char *review_anchor(struct review *r)
{
    if (r == NULL || r->files == NULL) {
        return NULL;
    }
    const struct paths_files files = review_files_view(r->files);
    size_t n = 0;
    const char *const *all =
        files.has(files.ctx, "go.mod") ? NULL : files.all(files.ctx, &n);
    for (size_t i = 0; all != NULL && i < n; i++) {
        if (span_ends(span_of(all[i]), "/go.mod")) {
            return all[i];
        }
    }
    return NULL;
}

bool review_only_new(const struct review *r)
{
    return r != NULL && r->only_new;
}

static bool take_naming(void *ctx, const struct diff_frame *f,
                        enum diff_naming *out, struct buf *old, struct err *err)
{
    static const enum diff_naming of_patch[] = {
        [PATCH_NAME_UNSAID] = DIFF_NAME_UNSAID,
        [PATCH_NAME_KEPT] = DIFF_NAME_KEPT,
        [PATCH_NAME_NEW] = DIFF_NAME_NEW,
        [PATCH_NAME_CHANGED] = DIFF_NAME_CHANGED,
    };
    const struct review *r = ctx;
    const struct review_options o = {.paths = r->paths, .patch = r->patch};
    const struct frame frame = {.function = f->function,
                                .file = f->file,
                                .package = "",
                                .line = f->line,
                                .origin = f->origin};
    enum patch_naming naming = PATCH_NAME_UNSAID;
    const bool ok = review_naming(&o, &frame, &naming, old, err);
    *out = of_patch[naming];
    return ok;
}

struct diff_changes review_changes(struct review *r)
{
    return (struct diff_changes){r, r != NULL && r->patch != NULL ? take_naming
                                                                  : NULL};
}

/* A patch that touches nothing because its names are others is no good news. */
static bool note_patch(const struct review *r, struct findings *f,
                       struct err *err)
{
    if (r->patch == NULL) {
        return true;
    }
    if (r->has_no_lines) {
        return findings_note(f, "no changed line could be read in the patch",
                             err);
    }
    if (r->files == NULL) {
        return r->can_map ||
               findings_note(
                   f,
                   "the patch is of no use without a repository: name it "
                   "with --repo",
                   err);
    }
    const struct paths_files files = review_files_view(r->files);
    return !patch_is_foreign(r->patch, &files) ||
           findings_note(
               f,
               "no source of the patch is in the repository: it is of "
               "another one, or of another folder than --repo names",
               err);
}

/* Its path from the root, for comparing with a patch's; NULL: it lies
   elsewhere. */
static const char *from_root(const struct review *r, const char *path)
{
    const char *root = review_files_root(r->files);
    const char *real = review_files_below(root, path, r->session->arena);
    const size_t n = strlen(root);
    return real != NULL ? real + (n > 1 ? n + 1 : 1) : NULL;
}

/* Who changes what decides can let anything pass. */
static bool note_deciding(const struct review *r, const char *name,
                          struct findings *f, struct err *err)
{
    for (size_t i = 0; name != NULL && i < patch_n_files(r->patch); i++) {
        if (strcmp(patch_file(r->patch, i), name) == 0) {
            return findings_note(
                f,
                arena_printf(&f->arena,
                             "the change touches %s, which decides what fails: "
                             "review it, or judge with that of the base",
                             name),
                err);
        }
    }
    return true;
}

static bool note_policy(const struct review *r, struct findings *f,
                        struct err *err)
{
    const struct review_settings *s = r->settings;
    if (r->patch == NULL || r->files == NULL) {
        return true;
    }
    /* A configuration that the change deletes is not there to be read. */
    const char *config = s->config != NULL ? from_root(r, s->config)
                         : s->no_config    ? NULL
                                           : ".seep.yml";
    return note_deciding(r, config, f, err) &&
           (r->baseline_path == NULL ||
            note_deciding(r, from_root(r, r->baseline_path), f, err));
}

/* Which file decides, when nobody named it: it may lie far up. */
static bool note_config(const struct review *r, struct findings *f,
                        struct err *err)
{
    if (r->nearer_config != NULL &&
        !findings_note(
            f,
            arena_printf(&f->arena,
                         "%s is not read: settings are those at the root "
                         "of the repository; --config %s reads it",
                         r->nearer_config, r->nearer_config),
            err)) {
        return false;
    }
    if (r->is_config_misnamed) {
        return findings_note(f, ".seep.yaml is not read: its name is .seep.yml",
                             err);
    }
    return !r->is_config_found ||
           findings_note(
               f, arena_printf(&f->arena, "settings: %s", r->config_name), err);
}

/* Nothing is accepted without it, so that it can be saved at all. */
static bool note_missing(const struct review *r, struct findings *f,
                         struct err *err)
{
    return !r->is_baseline_missing || r->settings->no_baseline ||
           findings_note(
               f,
               arena_printf(&f->arena,
                            "the baseline %.160s, which %.80s names, is "
                            "not there: seep baseline save makes it",
                            r->config.baseline, r->config_name),
               err);
}

void review_lend_baseline(struct review *r, const struct baseline *b)
{
    r->lent = b;
}

bool review_mark(struct review *r, struct findings *f, const char *target,
                 struct err *err)
{
    const struct review_options o = {
        .paths = r->paths,
        .patch = r->patch,
        .suppressions = &r->suppressions,
        .baseline = r->has_baseline ? &r->baseline : r->lent,
        .target = target,
        .today = (int64_t)(time(NULL) / DAY_SECONDS),
        .no_known = r->no_known,
    };
    return review_apply(f, &o, err) && note_config(r, f, err) &&
           note_missing(r, f, err) && note_patch(r, f, err) &&
           note_policy(r, f, err);
}

void review_free(struct review *r)
{
    if (r == NULL) {
        return;
    }
    paths_free(r->paths);
    patch_free(r->patch);
    review_files_free(r->files);
    baseline_release(&r->baseline);
    config_release(&r->config);
    free(r);
}
