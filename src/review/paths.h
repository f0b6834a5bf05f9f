/*
 * From the file names in profiles to paths in a repository. A build writes
 * absolute paths ("/home/ci/src/api/db.go"), or with -trimpath import paths
 * ("acme.dev/shop/api/db.go", "golang.org/x/net@v0.17.0/http2/server.go").
 * What a frame's function says of its package is exact, and asked first. Only
 * what no rule fits is searched for by the end of its name, and taken when one
 * file alone has it, agrees in its folder, and declares that function. Else
 * there is no path, and when that is so for the user's own code it is said
 * once.
 */
#ifndef SEEP_REVIEW_PATHS_H
#define SEEP_REVIEW_PATHS_H

#include "base/err.h"
#include "base/span.h"
#include "rules/rules.h"

/* Who knows which files the repository has. */
struct paths_files {
    void *ctx;
    /* Is there such a file (from the root, with '/')? */
    bool (*has)(void *ctx, const char *path);
    /* The text of one, NULL when it cannot be read; lives as long as ctx. */
    const char *(*text)(void *ctx, const char *path);
    /* All sources of Go and go.mod files, searched for when first asked and
       sorted; NULL (or nothing) when they are too many to know. */
    const char *const *(*all)(void *ctx, size_t *n);
};

struct path_map { /* --path-map FROM=TO, the first that fits */
    const char *from, *to;
};

struct paths_options {
    const char *module; /* of go.mod at the root; NULL none. Those of other
                           folders are found by files.all */
    const char *subdir; /* where go.mod is, from the root; "" or NULL: there */
    const char *root;   /* absolute place of the checkout; NULL unknown */
    const struct path_map *maps;
    size_t n_maps;
    struct paths_files files; /* has = NULL: nothing can be checked */
    bool is_asked; /* the user named the repository; else what does not fit it
                      at all may be of another one, and is no miss */
};

struct paths;
struct paths *paths_new(const struct paths_options *o); /* NULL: no memory */
void paths_free(struct paths *p);

/* The module line of a go.mod; empty when it has none. */
struct span paths_module_of(struct span go_mod);

/* Fills `mark->path`, `module`, `is_generated`; strings live in `arena`. */
bool paths_mark(struct paths *p, const struct frame *f, struct frame_mark *mark,
                struct arena *arena, struct err *err) MUST_USE;

/* Of the function around a frame that has a path: digest of its source without
   its own names; 0 where the source is not the one that was built. */
bool paths_text(struct paths *p, const char *path, const struct frame *f,
                uint64_t *out, struct err *err) MUST_USE;

/* How many functions of a source have this digest? None where it cannot be
   read. */
bool paths_with_text(struct paths *p, const char *path, uint64_t text,
                     size_t *n, struct err *err) MUST_USE;

/* Does its package still declare the function of a frame of the past? Asked of
   the folder that the frame leads to, whether or not its file is there, and of
   that of `beside` (NULL: none). It may where files cannot be listed. */
bool paths_declares(struct paths *p, const struct frame *f, const char *beside,
                    bool *out, struct err *err) MUST_USE;

/* What was asked so far, for notes: files of user code that no rule fits, and
   one of them; files that a rule fits but the repository does not have; and
   functions that a file of the repository does not have at the frame's line,
   since the checkout is not what was built. */
struct paths_missed {
    size_t n_unmapped, n_absent, n_stale;
    const char *unmapped, *absent, *stale; /* NULL none; live as long as p */
};
struct paths_missed paths_missed(const struct paths *p);

#endif
