#include "fetch_place.h"

#include "files.h"

#include "base/natural.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "07.heap.pb.gz", "7.goroutine.txt": as fetch names them. */
static bool is_snapshot_name(const char *name)
{
    const size_t digits = strspn(name, "0123456789");
    const struct span rest = span_from(span_of(name), digits);
    return digits > 0 && span_starts(rest, ".") &&
           (span_ends(rest, ".pb.gz") || span_ends(rest, ".txt"));
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

static bool check_free(const char *path, struct err *err)
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
        "%.100s holds %.60s of another run; choose another directory", path,
        found);
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

bool fetch_place_open(const char *path, struct fetch_place *place,
                      struct err *err)
{
    if (!check_free(path, err)) {
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
