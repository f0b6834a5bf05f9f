/* Folders are walked in order, so that the files of a run lie together. */
#define _DEFAULT_SOURCE /* fts */
#include "pprof_corpus.h"

#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "process.h"

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text);
    const size_t m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Old formats lie beside what must be read of them, and beside one that the
   peer does not know. */
static bool is_legacy(const char *path)
{
    return strstr(path, "/legacy/") != NULL && !ends_with(path, ".string") &&
           !ends_with(path, ".raw") && !ends_with(path, ".folded");
}

/* Profiles, and the peer's own old formats; not what is there to be refused,
   nor texts that seep reads better. */
static bool is_source(const char *path)
{
    return strstr(path, "/malformed/") == NULL &&
           strstr(path, "/bad/") == NULL && strstr(path, "/fuzz/") == NULL &&
           (ends_with(path, ".pb.gz") || is_legacy(path));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static char *text_copy(const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    if (copy == NULL) {
        process_die("memory");
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

static void add_source(struct sources *s, const char *path, off_t n_bytes)
{
    if ((s->n & (s->n - 1)) == 0) {
        const size_t capacity = s->n == 0 ? 1 : 2 * s->n;
        struct source *p = realloc(s->items, capacity * sizeof(*p));
        if (p == NULL) {
            process_die("memory");
        }
        s->items = p;
    }
    const size_t n_dir = (size_t)(strrchr(path, '/') - path);
    char *folder = text_copy(path, n_dir);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    s->items[s->n++] =
        (struct source){.path = path, .folder = folder, .n_bytes = n_bytes};
}

static void walk(struct sources *s, char *const *folders, const char *filter)
{
    FTS *fts = fts_open(folders, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (fts == NULL) {
        process_die(folders[0]);
    }
    FTSENT *entry;
    while ((entry = fts_read(fts)) != NULL) {
        if (entry->fts_info == FTS_F && is_source(entry->fts_path) &&
            (filter == NULL || strstr(entry->fts_path, filter) != NULL)) {
            add_source(s, process_path(entry->fts_path),
                       entry->fts_statp->st_size);
        }
    }
    fts_close(fts);
}

/* "09.heap.pb.gz" and "00.heap.pb.gz" are snapshots of one series. */
static bool is_same_run(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/');
    const size_t n_dir = (size_t)(slash + 1 - a);
    return strncmp(a, b, n_dir) == 0 && strchr(b + n_dir, '/') == NULL;
}

static const char *kind_of(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    return strchr(name, '.') != NULL ? strchr(name, '.') : name;
}

/* Sources are in order of their paths, so that a run lies together. */
static void relate(struct sources *s)
{
    size_t start = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct source *me = &s->items[i];
        if (!is_same_run(me->path, s->items[start].path)) {
            start = i;
        }
        for (size_t k = start; k < s->n; k++) {
            const char *path = s->items[k].path;
            if (!is_same_run(me->path, path)) {
                break;
            }
            const bool is_same_kind =
                strcmp(kind_of(me->path), kind_of(path)) == 0;
            /* In front of others the peer takes gperftools' CPU files for
               programs, and loses them. */
            if (is_legacy(me->path) && strstr(path, "cpu") != NULL) {
                continue;
            }
            if (is_same_kind && k < i && me->first == NULL) {
                me->first = path;
            } else if (!is_same_kind && me->other == NULL &&
                       !is_legacy(me->path)) {
                me->other = path;
            }
        }
    }
}

void sources_find(struct sources *s, char *const *folders, const char *filter)
{
    walk(s, folders, filter);
    relate(s);
}
