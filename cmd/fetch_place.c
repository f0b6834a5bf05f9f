#include "fetch_place.h"

#include "fetch_manifest.h"
#include "files.h"

#include "base/natural.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "07.heap.pb.gz", "7.goroutine.txt", "0.trace": as fetch names them. */
static bool is_snapshot_name(const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    const struct span rest = span_from(span_of(name), digits);
    return digits > 0 && span_starts(rest, ".") &&
           (span_ends(rest, ".pb.gz") || span_ends(rest, ".txt") ||
            span_is(rest, ".trace"));
}

/* The first in order, so that who is told does not depend on the disk. */
static void find_snapshot(DIR *d, char *found, size_t size)
{
    const struct dirent *e;
    found[0] = '\0';
    /* One stream of our own: nobody else reads it. */
    while ((e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (is_snapshot_name(e->d_name) &&
            (found[0] == '\0' || natural_compare(e->d_name, found) < 0)) {
            (void)snprintf(found, size, "%s", e->d_name);
        }
    }
}

static bool has_manifest(const char *path)
{
    char name[PATH_MAX];
    struct stat st;
    const int n = snprintf(name, sizeof(name), "%s/" FETCH_MANIFEST_NAME, path);
    return n > 0 && (size_t)n < sizeof(name) && lstat(name, &st) == 0;
}

bool fetch_place_check_free(const char *path, bool can_resume, struct err *err)
{
    char found[NAME_MAX + 1];
    DIR *d = opendir(path);
    if (d == NULL) {
        /* What is not there is free; the rest is said when it is made. */
        return true;
    }
    find_snapshot(d, found, sizeof(found));
    closedir(d);
    if (found[0] == '\0') {
        return true;
    }
    return err_set(
        err, ERR_USAGE,
        "%.90s holds %.50s of another run; choose another directory%s", path,
        found,
        can_resume && has_manifest(path) ? ", or go on with it: --resume" : "");
}

/* Length of the first part of a path that is not there; 0 when all is. */
static size_t missing_bytes(const char *path)
{
    char part[PATH_MAX];
    struct stat st;
    const size_t n = strlen(path);
    for (size_t i = 1; i <= n && i < sizeof(part); i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (lstat(part, &st) != 0 && errno == ENOENT) {
                return i;
            }
        }
    }
    return 0;
}

bool fetch_place_open(const char *path, bool resume, struct fetch_place *place,
                      struct err *err)
{
    if (!resume && !fetch_place_check_free(path, true, err)) {
        return false;
    }
    *place = (struct fetch_place){path, missing_bytes(path)};
    if (!file_make_directory(path, err)) {
        fetch_place_undo(place);
        return false;
    }
    return true;
}

void fetch_place_undo(const struct fetch_place *place)
{
    char part[PATH_MAX];
    const size_t n = place->made_bytes > 0 ? strlen(place->path) : 0;
    for (size_t i = n; i > 0 && i >= place->made_bytes; i--) {
        if ((place->path[i] == '/' || place->path[i] == '\0') &&
            i < sizeof(part)) {
            memcpy(part, place->path, i);
            part[i] = '\0';
            (void)rmdir(part);
        }
    }
}

void fetch_place_tidy(const char *path)
{
    const struct dirent *e;
    DIR *d = opendir(path);
    /* One stream of our own: nobody else reads it. */
    while (d != NULL &&
           (e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        const struct span name = span_of(e->d_name);
        if (span_starts(name, ".seep-") && name.len == strlen(".seep-XXXXXX")) {
            (void)unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}
