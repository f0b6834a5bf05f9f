/*
 * Each name is looked up once: answers are kept, since thousands of frames name
 * a few dozen files. The list of all sources is made only when somebody asks.
 */
#include "review_files.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/limits.h"
#include "base/vec.h"
#include "fetch/fetch.h"

#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/banned.h"

/* Deeper folders than this are no sources, but a trap. */
enum { DEPTH_MAX = 64 };

struct known_file {
    bool is_there;
    bool was_read;
    char *text; /* NULL not read, or not readable */
};
VEC_TYPE(known_files, struct known_file)
VEC_TYPE(name_list, const char *)

struct review_files {
    char *root;
    struct intern names;
    struct known_files known; /* by id of the name */
    size_t n_misses;          /* of these, names of nothing */
    size_t n_text_bytes;
    bool was_listed;
    struct name_list all;
    struct arena arena; /* names of all */
};

/* --- names --- */

static bool is_part_safe(struct span part)
{
    return part.len != 0 && !span_is(part, ".") && !span_is(part, "..") &&
           !span_is(part, ".git");
}

/* Relative, without "..", empty parts, backslashes and control characters. */
static bool is_name_safe(struct span name)
{
    if (name.len == 0 || name.len > LIMIT_PATH_BYTES) {
        return false;
    }
    size_t start = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i == name.len || name.p[i] == '/') {
            if (!is_part_safe(span_first(span_from(name, start), i - start))) {
                return false;
            }
            start = i + 1;
        } else if ((unsigned char)name.p[i] < ' ' || name.p[i] == '\\') {
            return false;
        }
    }
    return true;
}

/* --- what is there --- */

static bool is_in_folder(const char *folder, const char *real)
{
    const size_t n = strlen(folder);
    return strncmp(real, folder, n) == 0 &&
           (real[n] == '/' || real[n] == '\0' || n == 1);
}

/* Where the path leads, when that is a regular file below the folder, which is
   without symbolic links itself; else NULL. */
static char *place_below(const char *folder, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL);
    if (real != NULL && (!is_in_folder(folder, real) || stat(real, &st) != 0 ||
                         !S_ISREG(st.st_mode))) {
        free(real);
        real = NULL;
    }
    return real;
}

/* The file's real place, below the root; NULL when there is none. */
static char *real_place(const struct review_files *f, const char *name)
{
    struct buf full = BUF_LIMIT((size_t)2 * PATH_MAX);
    buf_printf(&full, "%s/%s", f->root, name);
    char *real = buf_ok(&full) ? place_below(f->root, full.data) : NULL;
    buf_release(&full);
    return real;
}

/* What is not there is asked for once mostly, and a patch may name anything:
   only so many misses are kept. */
enum { MISSES_MAX = 1 << 14 };

static bool is_there(const struct review_files *f, const char *name)
{
    char *real = real_place(f, name);
    free(real);
    return real != NULL;
}

/* NULL: no such file, the name is not safe, or memory is out. */
static struct known_file *lookup(struct review_files *f, const char *name)
{
    const struct span text = span_of(name);
    uint32_t id = 0;
    struct err ignored = {0};
    if (!is_name_safe(text)) {
        return NULL;
    }
    if (intern_find(&f->names, text, &id)) {
        return f->known.items[id].is_there ? &f->known.items[id] : NULL;
    }
    const struct known_file fresh = {.is_there = is_there(f, name)};
    if ((!fresh.is_there && f->n_misses == MISSES_MAX) ||
        !known_files_reserve(&f->known, f->known.n + 1) ||
        !intern_add(&f->names, text, &id, &ignored)) {
        return NULL;
    }
    f->n_misses += !fresh.is_there;
    f->known.items[f->known.n++] = fresh;
    return fresh.is_there ? &f->known.items[id] : NULL;
}

static bool has(void *ctx, const char *name)
{
    return lookup(ctx, name) != NULL;
}

static bool keep_source(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    buf_add(ctx, p, n);
    return buf_check(ctx, "a source", err);
}

static bool end_source(void *ctx, struct err *err)
{
    (void)err;
    buf_char(ctx, '\0');
    return true;
}

/* What cannot be read has no text; so what needs it is not known. */
static void read_text(struct review_files *f, const char *name,
                      struct known_file *file)
{
    file->was_read = true;
    char *real = real_place(f, name);
    struct buf text = BUF_LIMIT(LIMIT_SOURCE_BYTES + 1);
    struct err ignored = {0};
    if (real != NULL && f->n_text_bytes < LIMIT_SOURCES_BYTES &&
        fetch_file(real, LIMIT_SOURCE_BYTES,
                   (struct sink){&text, keep_source, end_source}, NULL,
                   &ignored) &&
        buf_ok(&text)) {
        f->n_text_bytes += text.len;
        file->text = text.data;
        text = (struct buf){0};
    }
    buf_release(&text);
    free(real);
}

static const char *text_of(void *ctx, const char *name)
{
    struct known_file *file = lookup(ctx, name);
    if (file == NULL) {
        return NULL;
    }
    if (!file->was_read) {
        read_text(ctx, name, file);
    }
    return file->text;
}

/* --- all sources --- */

/* Folders that hold no sources of the repository's own. */
static bool is_foreign_folder(const FTSENT *e)
{
    return e->fts_level > 0 &&
           (e->fts_name[0] == '.' || e->fts_name[0] == '_' ||
            strcmp(e->fts_name, "vendor") == 0 ||
            strcmp(e->fts_name, "node_modules") == 0 ||
            e->fts_level >= DEPTH_MAX);
}

static bool take_entry(struct review_files *f, FTS *walk, FTSENT *e)
{
    if (e->fts_info == FTS_D && is_foreign_folder(e)) {
        (void)fts_set(walk, e, FTS_SKIP);
        return true;
    }
    const struct span name = {e->fts_name, e->fts_namelen};
    if (e->fts_info != FTS_F ||
        (!span_ends(name, ".go") && !span_is(name, "go.mod"))) {
        return true;
    }
    const struct span full = {e->fts_path, e->fts_pathlen};
    const size_t n = strlen(f->root);
    const char *kept =
        arena_strdup(&f->arena, span_from(full, n == 1 ? 1 : n + 1));
    return kept != NULL && name_list_push(&f->all, kept);
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* False: too many, or not all could be seen. */
static bool list_sources(struct review_files *f)
{
    char *roots[] = {f->root, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    size_t n_seen = 0;
    bool ok = walk != NULL;
    FTSENT *e = NULL;
    while (ok && (e = fts_read(walk)) != NULL) {
        n_seen++;
        ok = n_seen <= LIMIT_REPOSITORY_ENTRIES && take_entry(f, walk, e);
    }
    if (walk != NULL) {
        (void)fts_close(walk);
    }
    return ok;
}

static const char *const *all(void *ctx, size_t *n)
{
    struct review_files *f = ctx;
    if (!f->was_listed) {
        f->was_listed = true;
        if (!list_sources(f)) {
            f->all.n = 0;
        }
        if (f->all.n > 1) {
            qsort(f->all.items, f->all.n, sizeof(f->all.items[0]), by_name);
        }
    }
    *n = f->all.n;
    return f->all.items;
}

/* --- the whole --- */

bool review_files_new(const char *root, struct review_files **out,
                      struct err *err)
{
    struct stat st;
    char *real = realpath(root, NULL);
    if (real == NULL || stat(real, &st) != 0 || !S_ISDIR(st.st_mode)) {
        free(real);
        return err_set(err, ERR_IO, "no such folder");
    }
    struct review_files *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        free(real);
        return err_nomem(err, "files of the repository");
    }
    f->root = real;
    *out = f;
    return true;
}

void review_files_free(struct review_files *f)
{
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->known.n; i++) {
        free(f->known.items[i].text);
    }
    known_files_release(&f->known);
    name_list_release(&f->all);
    intern_release(&f->names);
    arena_release(&f->arena);
    free(f->root);
    free(f);
}

const char *review_files_root(const struct review_files *f)
{
    return f->root;
}

struct paths_files review_files_view(struct review_files *f)
{
    return (struct paths_files){
        .ctx = f, .has = has, .text = text_of, .all = all};
}

const char *review_files_below(const char *folder, const char *path,
                               struct arena *arena)
{
    char *root = realpath(folder, NULL);
    char *real = root != NULL ? place_below(root, path) : NULL;
    const char *out = real != NULL ? arena_strdup(arena, span_of(real)) : NULL;
    free(real);
    free(root);
    return out;
}

bool review_files_lead_out(const struct review_files *f, const char *path)
{
    struct stat st;
    struct buf folder = BUF_LIMIT((size_t)2 * PATH_MAX);
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode)) {
        return false;
    }
    const char *slash = strrchr(path, '/');
    buf_printf(&folder, "%.*s/.", slash != NULL ? (int)(slash - path) : 1,
               slash != NULL ? path : ".");
    char *around = buf_ok(&folder) ? realpath(folder.data, NULL) : NULL;
    char *real = place_below(f->root, path);
    const bool leads_out =
        around != NULL && is_in_folder(f->root, around) && real == NULL;
    buf_release(&folder);
    free(around);
    free(real);
    return leads_out;
}

static bool has_entry(struct span folder, const char *name)
{
    struct buf path = BUF_LIMIT((size_t)2 * PATH_MAX);
    struct stat st;
    buf_span(&path, folder);
    buf_printf(&path, "/%s", name);
    const bool found = buf_ok(&path) && stat(path.data, &st) == 0;
    buf_release(&path);
    return found;
}

/* The nearest folder upwards that has an entry of this name. */
static bool nearest_with(struct span folder, const char *name,
                         struct span *found)
{
    while (folder.len != 0) {
        if (has_entry(folder, name)) {
            *found = folder;
            return true;
        }
        folder = span_first(folder, span_rfind_char(folder, '/'));
    }
    return false;
}

const char *review_files_around(const char *folder, struct arena *arena)
{
    char *real = realpath(folder, NULL);
    struct span found = {0};
    const char *root = NULL;
    if (real != NULL && (nearest_with(span_of(real), ".git", &found) ||
                         nearest_with(span_of(real), "go.mod", &found))) {
        root = arena_strdup(arena, found);
    }
    free(real);
    return root;
}
