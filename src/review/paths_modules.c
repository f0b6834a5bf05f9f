/*
 * Which go.mod of the repository is the one of a package? Usually that of the
 * root; the others are searched for when a package of nobody comes up.
 */
#include "review/paths_private.h"

#include "base/limits.h"

#include "base/banned.h"

static bool add_module(struct paths *p, struct span name, struct span folder)
{
    return name.len == 0 ||
           repository_modules_push(&p->modules,
                                   (struct repository_module){name, folder});
}

/* Folders of others are the root's own names, so they are borrowed. */
static void search_modules(struct paths *p)
{
    size_t n = 0;
    const struct paths_files *files = &p->o.files;
    p->was_searched = true;
    if (files->all == NULL || files->text == NULL) {
        return;
    }
    const char *const *all = files->all(files->ctx, &n);
    for (size_t i = 0; i < n; i++) {
        const struct span path = span_of(all[i]);
        const struct span folder = span_first(path, span_rfind_char(path, '/'));
        if (!span_ends(path, "/go.mod") || folder.len == path.len) {
            continue;
        }
        const char *text = files->text(files->ctx, all[i]);
        if (text != NULL &&
            !add_module(p, paths_module_of(span_of(text)), folder)) {
            p->arena.has_failed = true;
            return;
        }
    }
}

/* Two copies of one module: the one that has the file. */
static bool has_file(struct paths *p, const struct repository_module *m,
                     struct span package, struct span base)
{
    struct buf path = BUF_LIMIT(LIMIT_PATH_BYTES);
    if (m->folder.len != 0) {
        buf_span(&path, m->folder);
        buf_char(&path, '/');
    }
    if (package.len > m->name.len) {
        buf_span(&path, span_from(package, m->name.len + 1));
        buf_char(&path, '/');
    }
    buf_span(&path, base);
    const bool found = buf_ok(&path) && path.data != NULL &&
                       p->o.files.has != NULL &&
                       p->o.files.has(p->o.files.ctx, path.data);
    paths_check(p, &path);
    buf_release(&path);
    return found;
}

static const struct repository_module *
longest(struct paths *p, struct span package, struct span base)
{
    const struct repository_module *best = NULL;
    bool is_doubtful = false;
    for (size_t i = 0; i < p->modules.n; i++) {
        const struct repository_module *m = &p->modules.items[i];
        if (!go_module_has(m->name, package) ||
            (best != NULL && m->name.len < best->name.len)) {
            continue;
        }
        if (best == NULL || m->name.len > best->name.len) {
            best = m;
            is_doubtful = false;
        } else if (!has_file(p, best, package, base)) {
            best = m;
        } else {
            is_doubtful = is_doubtful || has_file(p, m, package, base);
        }
    }
    return is_doubtful ? NULL : best;
}

const struct repository_module *
paths_module(struct paths *p, struct span package, struct span base)
{
    if (package.len == 0) {
        return NULL;
    }
    const struct repository_module *m = longest(p, package, base);
    if (m == NULL && !p->was_searched) {
        search_modules(p);
        m = longest(p, package, base);
    }
    return m;
}

struct span paths_module_around(const struct paths *p, struct span path)
{
    const struct repository_module *best = NULL;
    for (size_t i = 0; i < p->modules.n; i++) {
        const struct repository_module *m = &p->modules.items[i];
        const struct span folder = span_first(path, m->folder.len);
        const bool is_around =
            m->folder.len == 0 ||
            (span_eq(folder, m->folder) && path.len > folder.len &&
             path.p[folder.len] == '/');
        if (is_around && (best == NULL || m->folder.len > best->folder.len)) {
            best = m;
        }
    }
    return best != NULL ? best->name : (struct span){0};
}
