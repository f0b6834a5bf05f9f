/*
 * Two revisions compared by libgit2. It is asked for all lines of a changed
 * file, not only for those around its changes: so both versions of the text are
 * at hand, and with them the functions of each.
 */
#include "base/library.h"
#include "base/limits.h"
#include "review/libgit2_private.h"
#include "review/patch_private.h"

#include "base/banned.h"

/* More lines around a change than any file has. */
enum { CONTEXT_LINES = 1 << 28 };

struct comparing {
    struct libgit2 git;
    bool was_started;
    git_repository *repository;
    git_diff *diff;
    git_object *sides[2]; /* commits; the second is NULL for the working tree */
    struct span prefix;   /* of root in the working tree, with its '/' */
    struct patch *patch;
    struct buf texts[2]; /* old and new version of the file at hand */
};

/* --- libgit2 --- */

static bool fail(const struct comparing *c, const char *what, struct err *err)
{
    const git_error *e = c->git.error_last();
    return err_set(err, ERR_IO, "%s: %.120s", what,
                   e != NULL && e->message != NULL ? e->message
                                                   : "no reason given");
}

static bool start(struct comparing *c, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"git_" #name, (void *)&c->git.name},
        LIBGIT2_FUNCTIONS(X)
#undef X
    };
    if (!library_load(LIBGIT2_LIBRARY, functions,
                      sizeof(functions) / sizeof(functions[0]), err)) {
        return false;
    }
    c->was_started = c->git.libgit2_init() > 0;
    if (!c->was_started) {
        return fail(c, "libgit2", err);
    }
    /* Who owns the folder is no matter here: nothing of it is run. In
       containers of CI it is often somebody else. */
    (void)c->git.libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    return true;
}

static void end(struct comparing *c)
{
    if (c->was_started) {
        c->git.diff_free(c->diff);
        c->git.object_free(c->sides[0]);
        c->git.object_free(c->sides[1]);
        c->git.repository_free(c->repository);
        (void)c->git.libgit2_shutdown();
    }
    buf_release(&c->texts[0]);
    buf_release(&c->texts[1]);
}

/* --- revisions --- */

static bool find_commit(struct comparing *c, struct span name, git_object **out,
                        struct err *err)
{
    struct buf text = BUF_LIMIT(LIMIT_PATH_BYTES);
    git_object *object = NULL;
    buf_span(&text, name.len != 0 ? name : SPAN_LIT("HEAD"));
    const bool found =
        buf_ok(&text) &&
        c->git.revparse_single(&object, c->repository, text.data) == 0 &&
        c->git.object_peel(out, object, GIT_OBJECT_COMMIT) == 0;
    c->git.object_free(object);
    const bool ok =
        found || err_set(err, ERR_USAGE,
                         "%.80s is no commit here; a shallow clone has only "
                         "its last ones",
                         buf_ok(&text) ? text.data : "the revision");
    buf_release(&text);
    return ok;
}

/* In place of the first: the last commit that both have. */
static bool go_to_merge_base(struct comparing *c, struct err *err)
{
    git_oid base;
    if (c->git.merge_base(&base, c->repository, c->git.object_id(c->sides[0]),
                          c->git.object_id(c->sides[1])) != 0) {
        return err_set(err, ERR_USAGE,
                       "the two have no commit in common here; a shallow clone "
                       "may lack it");
    }
    c->git.object_free(c->sides[0]);
    c->sides[0] = NULL;
    return c->git.object_lookup(&c->sides[0], c->repository, &base,
                                GIT_OBJECT_COMMIT) == 0 ||
           fail(c, "the commit in common", err);
}

/* Has the first what the second lacks? Then the difference takes that back, as
   if the second had changed it. Without a commit in common, as in a shallow
   clone, it has all of it. */
static bool has_more(const struct comparing *c)
{
    git_oid base;
    const git_oid *first = c->git.object_id(c->sides[0]);
    return c->git.merge_base(&base, c->repository, first,
                             c->git.object_id(c->sides[1])) != 0 ||
           memcmp(&base, first, sizeof base) != 0;
}

static bool find_revisions(struct comparing *c, struct span revisions,
                           struct err *err)
{
    const size_t dots = span_find(revisions, "..");
    if (!find_commit(c, span_first(revisions, dots), &c->sides[0], err)) {
        return false;
    }
    if (dots == revisions.len) {
        return true;
    }
    const bool from_base = span_starts(span_from(revisions, dots), "...");
    const struct span last = span_from(revisions, dots + 2 + from_base);
    if (!find_commit(c, last, &c->sides[1], err)) {
        return false;
    }
    c->patch->takes_back = !from_base && has_more(c);
    return !from_base || go_to_merge_base(c, err);
}

/* --- the difference --- */

static bool find_tree(struct comparing *c, int side, git_object **out,
                      struct err *err)
{
    return c->git.object_peel(out, c->sides[side], GIT_OBJECT_TREE) == 0 ||
           fail(c, "its tree", err);
}

static bool compare(struct comparing *c, struct err *err)
{
    git_diff_options o;
    git_diff_find_options similar;
    git_object *trees[2] = {NULL, NULL};
    if (c->git.diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION) != 0 ||
        c->git.diff_find_options_init(&similar,
                                      GIT_DIFF_FIND_OPTIONS_VERSION) != 0) {
        return fail(c, "libgit2", err);
    }
    o.context_lines = CONTEXT_LINES;
    o.max_size = LIMIT_SOURCE_BYTES;
    o.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
    similar.flags = GIT_DIFF_FIND_RENAMES;
    bool ok = find_tree(c, 0, &trees[0], err) &&
              (c->sides[1] == NULL || find_tree(c, 1, &trees[1], err));
    if (ok) {
        git_tree *from = (git_tree *)trees[0];
        git_tree *to = (git_tree *)trees[1];
        const int status =
            to != NULL ? c->git.diff_tree_to_tree(&c->diff, c->repository, from,
                                                  to, &o)
                       : c->git.diff_tree_to_workdir_with_index(
                             &c->diff, c->repository, from, &o);
        ok =
            (status == 0 && c->git.diff_find_similar(c->diff, &similar) == 0) ||
            fail(c, "comparing", err);
    }
    c->git.object_free(trees[0]);
    c->git.object_free(trees[1]);
    return ok;
}

/* --- files --- */

static void add_text(struct comparing *c, const git_diff_line *line)
{
    const struct span text = {line->content, line->content_len};
    if (line->origin != GIT_DIFF_LINE_ADDITION) {
        buf_span(&c->texts[0], text);
    }
    if (line->origin != GIT_DIFF_LINE_DELETION) {
        buf_span(&c->texts[1], text);
    }
}

/* `next` are the numbers of the next line of each version. */
static bool take_line(struct comparing *c, struct patch_file *f,
                      const git_diff_line *line, uint32_t next[2],
                      struct err *err)
{
    const bool is_new = line->origin == GIT_DIFF_LINE_ADDITION;
    const bool is_old = line->origin == GIT_DIFF_LINE_DELETION;
    if (!is_new && !is_old && line->origin != GIT_DIFF_LINE_CONTEXT) {
        return true; /* a remark on a missing line end */
    }
    add_text(c, line);
    if (is_new || is_old) {
        if (!patch_add_line(f, line->origin, next[is_new], err)) {
            return false;
        }
    }
    next[0] += !is_new;
    next[1] += !is_old;
    return true;
}

static bool take_lines(struct comparing *c, struct patch_file *f,
                       git_patch *lines, struct err *err)
{
    const size_t n_hunks = c->git.patch_num_hunks(lines);
    uint32_t next[2] = {1, 1};
    for (size_t hunk = 0; hunk < n_hunks; hunk++) {
        const int n = c->git.patch_num_lines_in_hunk(lines, hunk);
        for (int i = 0; i < n; i++) {
            const git_diff_line *line = NULL;
            if (c->git.patch_get_line_in_hunk(&line, lines, hunk, (size_t)i) !=
                0) {
                return fail(c, "lines of a file", err);
            }
            if (!take_line(c, f, line, next, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_lines(struct comparing *c, struct patch_file *f, size_t index,
                      struct err *err)
{
    git_patch *lines = NULL;
    if (c->git.patch_from_diff(&lines, c->diff, index) != 0) {
        return fail(c, "a changed file", err);
    }
    buf_clear(&c->texts[0]);
    buf_clear(&c->texts[1]);
    bool ok = lines == NULL || take_lines(c, f, lines, err);
    c->git.patch_free(lines);
    if (ok && span_ends(span_of(f->name), ".go")) {
        ok = buf_check(&c->texts[0], "a changed file", err) &&
             buf_check(&c->texts[1], "a changed file", err) &&
             patch_add_functions(c->patch, f, buf_view(&c->texts[0]),
                                 buf_view(&c->texts[1]), err);
    }
    return ok;
}

static bool is_regular(const git_diff_file *f)
{
    return f->mode == GIT_FILEMODE_BLOB ||
           f->mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

static bool add_file(struct comparing *c, size_t index, struct err *err)
{
    const git_diff_delta *d = c->git.diff_get_delta(c->diff, index);
    const bool is_deleted = d->status == GIT_DELTA_DELETED;
    const git_diff_file *side = is_deleted ? &d->old_file : &d->new_file;
    const struct span name = span_of(side->path);
    if (!is_regular(side) ||
        !span_eq(span_first(name, c->prefix.len), c->prefix)) {
        return true;
    }
    const struct span before = span_of(d->old_file.path);
    const bool is_renamed =
        d->status == GIT_DELTA_RENAMED &&
        span_eq(span_first(before, c->prefix.len), c->prefix);
    struct patch_file *f = patch_add_file(
        c->patch, span_from(name, c->prefix.len),
        span_from(before, is_renamed ? c->prefix.len : before.len), err);
    if (f == NULL) {
        return false;
    }
    f->is_deleted = is_deleted;
    return add_lines(c, f, index, err);
}

/* --- the whole --- */

/* The working tree ends with '/'; `root` is it, or below it. */
static void find_prefix(struct comparing *c, const char *root,
                        struct arena *arena)
{
    const char *tree = c->git.repository_workdir(c->repository);
    const struct span place = span_of(root);
    const struct span above = span_of(tree);
    if (place.len > above.len && span_eq(span_first(place, above.len), above)) {
        const char *kept = arena_printf(arena, "%s/", root + above.len);
        arena->has_failed = arena->has_failed || kept == NULL;
        c->prefix = span_of(kept);
    }
}

static bool read_changes(struct comparing *c, const char *root,
                         const char *revisions, struct err *err)
{
    if (!start(c, err)) {
        return false;
    }
    if (c->git.repository_open_ext(&c->repository, root, 0, NULL) != 0) {
        return fail(c, "no git repository", err);
    }
    find_prefix(c, root, &c->patch->arena);
    if (!find_revisions(c, span_of(revisions), err) || !compare(c, err)) {
        return false;
    }
    const size_t n = c->git.diff_num_deltas(c->diff);
    for (size_t i = 0; i < n; i++) {
        if (!add_file(c, i, err)) {
            return false;
        }
    }
    return patch_finish(c->patch, err);
}

bool patch_between(const char *root, const char *revisions, struct patch **out,
                   struct err *err)
{
    *out = NULL;
    struct comparing c = {
        .patch = patch_new(),
        .texts = {BUF_LIMIT((size_t)2 * LIMIT_SOURCE_BYTES),
                  BUF_LIMIT((size_t)2 * LIMIT_SOURCE_BYTES)}
    };
    if (c.patch == NULL) {
        return err_nomem(err, "the patch");
    }
    const bool ok = read_changes(&c, root, revisions, err);
    end(&c);
    if (!ok) {
        patch_free(c.patch);
        return false;
    }
    *out = c.patch;
    return true;
}
