/* A repository in memory, as review/ sees one. */
#ifndef SEEP_TESTS_REVIEW_MADE_REPOSITORY_H
#define SEEP_TESTS_REVIEW_MADE_REPOSITORY_H

#include "test.h"

#include "review/paths.h"

enum { MADE_FILES_MAX = 32 };

struct made_repository {
    const char *paths[MADE_FILES_MAX]; /* sorted */
    const char *texts[MADE_FILES_MAX];
    size_t n;
    unsigned n_listed;
    bool is_too_large; /* its files cannot be listed */
};

static inline size_t made_find(const struct made_repository *r,
                               const char *path)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->paths[i], path) == 0) {
            return i;
        }
    }
    return r->n;
}

static inline bool made_has(void *ctx, const char *path)
{
    const struct made_repository *r = ctx;
    return made_find(r, path) < r->n;
}

static inline const char *made_text(void *ctx, const char *path)
{
    const struct made_repository *r = ctx;
    const size_t i = made_find(r, path);
    return i < r->n ? r->texts[i] : NULL;
}

static inline const char *const *made_all(void *ctx, size_t *n)
{
    struct made_repository *r = ctx;
    r->n_listed++;
    *n = r->is_too_large ? 0 : r->n;
    return r->is_too_large ? NULL : r->paths;
}

static inline void made_add(struct made_repository *r, const char *path,
                            const char *text)
{
    assert_true(r->n < MADE_FILES_MAX);
    r->paths[r->n] = path;
    r->texts[r->n++] = text;
}

static inline struct paths_files made_files(struct made_repository *r)
{
    return (struct paths_files){r, made_has, made_text, made_all};
}

#endif
