/*
 * A manifest read again, and held against what is in its directory: people
 * move files away, and the last file of a run that was killed may have no line
 * yet.
 */
#include "fetch_manifest_private.h"

#include "base/limits.h"
#include "base/num.h"
#include "fetch/fetch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NUMBER_MAX = 1000000000 };

/* --- lines --- */

static bool take_count(const json_t *line, const char *key, uint64_t max,
                       uint64_t *out)
{
    const json_t *v = json_object_get(line, key);
    const json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || (uint64_t)n > max) {
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

static bool take_text(struct fetch_past *p, const json_t *line, const char *key,
                      const char **out)
{
    const char *s = json_string_value(json_object_get(line, key));
    *out = s != NULL ? arena_strdup(&p->arena, span_of(s)) : NULL;
    return *out != NULL;
}

static bool take_interval(const json_t *line, int64_t *out)
{
    const double s = json_number_value(json_object_get(line, "interval_s"));
    if (!(s > 0 && s <= 86400)) {
        return false;
    }
    *out = (int64_t)(s * 1e9 + 0.5);
    return true;
}

static bool take_profiles(struct fetch_past *p, const json_t *list)
{
    const size_t n = json_array_size(list);
    if (n == 0 || n > FETCH_PROFILES_MAX) {
        return false;
    }
    const char **names = arena_new(&p->arena, const char *, n);
    for (size_t i = 0; names != NULL && i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        names[i] = s != NULL ? arena_strdup(&p->arena, span_of(s)) : NULL;
        if (names[i] == NULL) {
            return false;
        }
    }
    p->begun.names = names;
    p->begun.n = n;
    return names != NULL;
}

static bool take_head(struct fetch_past *p, const json_t *line)
{
    struct fetch_begun *b = &p->begun;
    const char *schema = json_string_value(json_object_get(line, "schema"));
    const json_t *gc = json_object_get(line, "gc");
    p->has_begun = schema != NULL &&
                   strcmp(schema, FETCH_MANIFEST_SCHEMA) == 0 &&
                   take_text(p, line, "target", &b->target) &&
                   take_profiles(p, json_object_get(line, "profiles")) &&
                   take_count(line, "count", LIMIT_SNAPSHOTS, &b->count) &&
                   take_count(line, "debug", 2, &b->debug) &&
                   take_count(line, "seconds", 86400, &b->seconds) &&
                   take_interval(line, &b->interval_ns) && json_is_boolean(gc);
    b->collects = json_is_true(gc);
    return p->has_begun;
}

static bool take_file(struct fetch_past *p, const json_t *line)
{
    struct fetch_file f = {0};
    return take_text(p, line, "file", &f.name) &&
           take_text(p, line, "profile", &f.profile) &&
           take_count(line, "snapshot", NUMBER_MAX, &f.nth) &&
           take_count(line, "bytes", UINT64_MAX / 2, &f.n_bytes) &&
           fetch_files_push(&p->files, f);
}

static bool take_missed(struct fetch_past *p, const json_t *line)
{
    uint64_t nth = 0;
    return take_count(line, "snapshot", NUMBER_MAX, &nth) &&
           vec_u64_push(&p->misses, nth);
}

static bool take_absent(struct fetch_past *p, const json_t *line)
{
    return p->n_absent < FETCH_PROFILES_MAX &&
           take_text(p, line, "absent", &p->absent[p->n_absent++]);
}

static bool take_resumed(struct fetch_past *p, const json_t *line)
{
    return take_count(line, "count", LIMIT_SNAPSHOTS, &p->begun.count) &&
           take_interval(line, &p->begun.interval_ns);
}

/* By the key that a line begins with; others are of later versions. */
static bool take_line(struct fetch_past *p, const json_t *line)
{
    static const struct {
        const char *key;
        bool (*take)(struct fetch_past *p, const json_t *line);
    } kinds[] = {
        {"file",    take_file   },
        {"missed",  take_missed },
        {"absent",  take_absent },
        {"resumed", take_resumed},
    };
    if (!p->has_begun) {
        return take_head(p, line);
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (json_object_get(line, kinds[i].key) != NULL) {
            return kinds[i].take(p, line);
        }
    }
    return true;
}

bool fetch_past_read(struct fetch_past *p, struct span text, struct err *err)
{
    size_t nth = 1;
    for (struct span rest = text; rest.len > 0; nth++) {
        const size_t len = span_find_char(rest, '\n');
        if (len == rest.len) {
            break; /* a run was killed in the middle of it */
        }
        json_t *line = json_loadb(rest.p, len, 0, NULL);
        const bool ok = line != NULL && take_line(p, line);
        json_decref(line);
        if (!ok) {
            return err_set(err, ERR_FORMAT,
                           "line %zu was not written by seep fetch", nth);
        }
        rest = span_from(rest, len + 1);
        p->n_whole_bytes = text.len - rest.len;
    }
    return true;
}

void fetch_past_release(struct fetch_past *p)
{
    arena_release(&p->arena);
    fetch_files_release(&p->files);
    vec_u64_release(&p->misses);
}

static int by_name(const void *pa, const void *pb)
{
    const struct fetch_file *a = pa;
    const struct fetch_file *b = pb;
    return strcmp(a->name, b->name);
}

void fetch_past_sort(struct fetch_past *p)
{
    if (p->files.n > 1) {
        qsort(p->files.items, p->files.n, sizeof(*p->files.items), by_name);
    }
}

const struct fetch_file *fetch_past_file(const struct fetch_past *p,
                                         const char *name)
{
    const struct fetch_file wanted = {.name = name};
    return p->files.n > 0 ? bsearch(&wanted, p->files.items, p->files.n,
                                    sizeof(wanted), by_name)
                          : NULL;
}

/* --- the directory --- */

static struct fetch_moment *moment_at(struct fetch_moments *list, uint64_t nth)
{
    for (size_t i = list->n; i > 0; i--) {
        if (list->items[i - 1].nth == nth) {
            return &list->items[i - 1];
        }
    }
    const struct fetch_moment m = {.nth = nth};
    return fetch_moments_push(list, m) ? &list->items[list->n - 1] : NULL;
}

static bool profile_at(const struct fetch_plan *plan, const char *name,
                       size_t *out)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (strcmp(plan->names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool file_bytes(const char *directory, const char *name,
                       uint64_t *n_bytes)
{
    struct stat st;
    struct buf path = BUF_LIMIT(FETCH_PATH_BYTES_MAX);
    buf_printf(&path, "%s/%s", directory, name);
    const bool ok =
        buf_ok(&path) && lstat(path.data, &st) == 0 && S_ISREG(st.st_mode);
    *n_bytes = ok ? (uint64_t)st.st_size : 0;
    buf_release(&path);
    return ok;
}

static bool put_saved(struct fetch_moments *out, uint64_t nth, uint32_t bit,
                      struct err *err)
{
    struct fetch_moment *m = moment_at(out, nth);
    if (m == NULL) {
        return err_nomem(err, "snapshots");
    }
    m->saved |= bit;
    return true;
}

/* Files with lines, as far as they are as they were. */
static bool put_recorded(struct fetch_past *p, const struct fetch_plan *plan,
                         const char *directory, struct fetch_moments *out,
                         struct err *err)
{
    for (size_t i = 0; i < p->files.n; i++) {
        const struct fetch_file *f = &p->files.items[i];
        size_t k = 0;
        uint64_t n_bytes = 0;
        const bool is_there = profile_at(plan, f->profile, &k) &&
                              file_bytes(directory, f->name, &n_bytes) &&
                              n_bytes == f->n_bytes;
        if (!put_saved(out, f->nth, is_there ? UINT32_C(1) << k : 0, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < p->misses.n; i++) {
        struct fetch_moment *m = moment_at(out, p->misses.items[i]);
        if (m == NULL) {
            return err_nomem(err, "snapshots");
        }
        m->is_missed = true;
    }
    fetch_past_sort(p);
    return true;
}

/* Is `name` what the plan calls a file of some number? */
static bool is_of_plan(const struct fetch_plan *plan, const char *name,
                       uint64_t *nth, size_t *k)
{
    const struct span whole = span_of(name);
    const size_t digits = strspn(name, "0123456789");
    bool is_one = false;
    if (digits == 0 || !num_parse_u64(span_first(whole, digits), nth) ||
        *nth > NUMBER_MAX) {
        return false;
    }
    for (size_t i = 0; !is_one && i < plan->n; i++) {
        struct buf file = BUF_LIMIT(256);
        fetch_plan_file(plan, i, *nth, &file);
        is_one = buf_ok(&file) && span_eq(whole, buf_view(&file));
        *k = i;
        buf_release(&file);
    }
    return is_one;
}

/* A file takes its place before its line is written. */
static bool put_found(struct fetch_past *p, const struct fetch_plan *plan,
                      const char *path, struct fetch_moments *out,
                      struct fetch_files *found, struct err *err)
{
    struct fetch_file f = {0};
    size_t k = 0;
    const char *name = text_base_name(path);
    if (!is_of_plan(plan, name, &f.nth, &k) ||
        fetch_past_file(p, name) != NULL) {
        return true;
    }
    f.name = arena_strdup(&p->arena, span_of(name));
    f.profile = plan->names[k];
    if (f.name == NULL || !fetch_files_push(found, f)) {
        return err_nomem(err, "snapshots");
    }
    return put_saved(out, f.nth, UINT32_C(1) << k, err);
}

static int by_number(const void *pa, const void *pb)
{
    const struct fetch_moment *a = pa;
    const struct fetch_moment *b = pb;
    return (a->nth > b->nth) - (a->nth < b->nth);
}

bool fetch_past_find(struct fetch_past *p, const struct fetch_plan *plan,
                     const char *directory, struct fetch_moments *out,
                     struct fetch_files *found, struct err *err)
{
    struct fetch_listing listing = {0};
    bool ok = put_recorded(p, plan, directory, out, err) &&
              fetch_list(directory, &listing, err);
    for (size_t i = 0; ok && i < listing.n; i++) {
        ok = put_found(p, plan, listing.paths[i], out, found, err);
    }
    fetch_listing_release(&listing);
    if (ok && out->n > 1) {
        qsort(out->items, out->n, sizeof(*out->items), by_number);
    }
    return ok;
}
