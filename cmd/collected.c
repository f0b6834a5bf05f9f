#include "collected.h"

#include "fetch/fetch.h"
#include "fetch_manifest_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct collected {
    char *directory; /* the one looked into last, with its slash; NULL none */
    struct fetch_past past;
};

struct collected *collected_new(void)
{
    return calloc(1, sizeof(struct collected));
}

static void forget(struct collected *c)
{
    free(c->directory);
    fetch_past_release(&c->past);
    *c = (struct collected){0};
}

void collected_free(struct collected *c)
{
    if (c != NULL) {
        forget(c);
        free(c);
    }
}

static bool take(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct buf *text = ctx;
    buf_add(text, p, n);
    return buf_check(text, "the manifest", err);
}

static bool end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

/* What does not read as a manifest is some file of that name. A pipe of that
   name would never end. */
static bool read_manifest(struct collected *c, const char *path,
                          struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return true;
    }
    struct buf text = BUF_LIMIT(FETCH_MANIFEST_BYTES_MAX);
    const bool ok = fetch_file(path, FETCH_MANIFEST_BYTES_MAX,
                               (struct sink){&text, take, end}, NULL, err) &&
                    fetch_past_read(&c->past, buf_view(&text), err);
    buf_release(&text);
    if (!ok) {
        fetch_past_release(&c->past);
        c->past = (struct fetch_past){0};
    }
    if (!ok && err->code == ERR_NOMEM) {
        return false;
    }
    err_clear(err);
    fetch_past_sort(&c->past);
    return true;
}

static bool enter(struct collected *c, struct span directory, struct err *err)
{
    if (c->directory != NULL && span_is(directory, c->directory)) {
        return true;
    }
    forget(c);
    struct buf path = BUF_LIMIT(FETCH_PATH_BYTES_MAX);
    buf_span(&path, directory);
    buf_str(&path, FETCH_MANIFEST_NAME);
    c->directory = strndup(directory.p, directory.len);
    const bool ok = c->directory != NULL && buf_check(&path, "a path", err)
                        ? read_manifest(c, path.data, err)
                        : err_nomem(err, "the manifest");
    buf_release(&path);
    return ok;
}

bool collected_find(struct collected *c, const char *path, bool *out,
                    struct err *err)
{
    const char *name = text_base_name(path);
    struct stat st;
    *out = false;
    if (!enter(c, (struct span){path, (size_t)(name - path)}, err)) {
        return false;
    }
    const struct fetch_file *f = fetch_past_file(&c->past, name);
    *out = c->past.begun.collects && f != NULL &&
           strcmp(f->profile, "heap") == 0 && stat(path, &st) == 0 &&
           (uint64_t)st.st_size == f->n_bytes;
    return true;
}
