/* Patches: the first byte says how many bytes are a source of the repository,
   the rest is a diff of it. What is read must answer for every line. */
#include "review/review.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(void *ctx, const char *path)
{
    (void)ctx;
    return strcmp(path, "x.go") == 0;
}

static const char *text_of(void *ctx, const char *path)
{
    (void)path;
    return ctx;
}

static void ask(const struct patch *p, const struct paths_files *files)
{
    for (size_t i = 0; i < patch_n_files(p); i++) {
        for (int64_t line = -1; line < 64; line++) {
            const char *name = patch_file(p, i);
            /* A touched line is never of an untouched file. */
            if (patch_touch(p, name, "p.(*T).F.func1", line) == TOUCH_NONE &&
                patch_touch(p, name, "p.(*T).F", line) == TOUCH_LINE) {
                abort();
            }
        }
    }
    (void)patch_is_foreign(p, files);
    if (patch_unfit(p).n > patch_n_files(p)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const size_t n = data[0] < size - 1 ? data[0] : size - 1;
    char source[UINT8_MAX + 1] = {0};
    memcpy(source, data + 1, n);
    const struct paths_files files = {source, has, text_of, NULL};
    const struct span diff = {(const char *)data + 1 + n, size - 1 - n};
    struct patch *p = NULL;
    struct err err = {0};
    if (patch_read(diff, &files, &p, &err)) {
        ask(p, &files);
        patch_free(p);
    } else if (err.code != ERR_FORMAT && err.code != ERR_NOMEM &&
               err.code != ERR_LIMIT) {
        abort();
    }
    (void)paths_module_of(diff);
    return 0;
}
