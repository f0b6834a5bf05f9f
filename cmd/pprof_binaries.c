#include "pprof_binaries.h"

#include "base/buf.h"
#include "graph/graph.h"
#include "pprof_outside.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 16 << 10, MAPPINGS_MAX = 4096 };

/* --- where a file may be: below `top`, as debuggers look for it --- */

struct name {
    struct span whole, directory, last;
};

static struct name name_of(struct span file)
{
    const size_t slash = span_rfind_char(file, '/');
    if (slash == file.len) {
        return (struct name){file, SPAN_LIT("."), file};
    }
    return (struct name){file, span_first(file, slash),
                         span_from(file, slash + 1)};
}

enum { N_PLACES = 5 };

static void add_place(struct buf *out, int place, const struct name *n)
{
    switch (place) {
    case 0:
        buf_span(out, n->last);
        break;
    case 1:
        buf_span(out, n->whole);
        break;
    case 2:
        buf_span(out, n->whole);
        buf_str(out, ".debug");
        break;
    case 3:
    case 4:
        buf_str(out, place == 4 ? "usr/lib/debug/" : "");
        buf_span(out, n->directory);
        buf_str(out, place == 4 ? "/" : "/.debug/");
        buf_span(out, n->last);
        buf_str(out, ".debug");
        break;
    default:
        break;
    }
}

/* Empties `found` when there is none. */
static void find_below(struct span top, struct span file, struct buf *found)
{
    const struct name n = name_of(file);
    struct buf path = BUF_LIMIT(PATH_BYTES_MAX);
    for (int place = 0; place < N_PLACES; place++) {
        buf_clear(&path);
        buf_clear(found);
        buf_span(&path, top);
        buf_char(&path, '/');
        add_place(&path, place, &n);
        graph_clean_path(found, buf_view(&path));
        if (buf_ok(&path) && buf_ok(found) &&
            pprof_outside_is_program(found->data)) {
            buf_release(&path);
            return;
        }
    }
    buf_clear(found);
    buf_release(&path);
}

/* --- all mappings --- */

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool look_in(struct profile *p, const char *top, bool *is_found,
                    struct err *err)
{
    struct buf found = BUF_LIMIT(PATH_BYTES_MAX);
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->n_mappings; i++) {
        const struct profile_mapping *m = &p->mappings[i];
        const struct span file = profile_span(p, m->file);
        if (is_found[i] || file.len == 0 ||
            profile_span(p, m->build_id).len > 0) {
            continue;
        }
        find_below(span_of(top), file, &found);
        if (found.len > 0) {
            is_found[i] = true;
            ok = profile_set_mapping(p, i, buf_view(&found), (struct span){0},
                                     err);
        }
    }
    buf_release(&found);
    return ok;
}

static void search_path(struct buf *out)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *path = getenv("PPROF_BINARY_PATH");
    const char *home = getenv("HOME"); /* NOLINT(concurrency-mt-unsafe) */
    if (path != NULL && *path != '\0') {
        buf_str(out, path);
    } else if (home != NULL && *home != '\0') {
        buf_printf(out, "%s/pprof/binaries", home);
    }
}

bool pprof_find_binaries(struct profile *p, struct err *err)
{
    struct buf list = BUF_LIMIT(PATH_BYTES_MAX);
    struct buf top = BUF_LIMIT(PATH_BYTES_MAX);
    bool *is_found = calloc((size_t)p->n_mappings + 1, sizeof(*is_found));
    bool ok = is_found != NULL || err_nomem(err, "mappings");
    search_path(&list);
    struct span rest = buf_view(&list);
    while (ok && rest.len > 0 && p->n_mappings <= MAPPINGS_MAX) {
        const struct span part = span_first(rest, span_find_char(rest, ':'));
        rest = span_from(rest, part.len + 1);
        buf_clear(&top);
        buf_span(&top, part.len > 0 ? part : SPAN_LIT("."));
        if (buf_ok(&top) && is_directory(top.data)) {
            ok = look_in(p, top.data, is_found, err);
        }
    }
    free(is_found);
    buf_release(&list);
    buf_release(&top);
    return ok;
}
