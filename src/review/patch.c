/*
 * Lines become runs while they come, so that a patch takes no more memory than
 * its text. Functions are kept by name: the line of a frame decides between
 * them where it can.
 */
#include "review/patch_private.h"

#include "base/sort.h"

#include <stdlib.h>

#include "base/banned.h"

/* Of one file; generated ones have some thousands. */
enum { FUNCTIONS_MAX = 1 << 16 };

/* --- making one --- */

struct patch *patch_new(void)
{
    return calloc(1, sizeof(struct patch));
}

void patch_free(struct patch *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->files.n; i++) {
        struct patch_file *f = &p->files.items[i];
        line_runs_release(&f->added);
        line_runs_release(&f->deleted);
        touched_functions_release(&f->functions);
    }
    patch_files_release(&p->files);
    free(p->by_name);
    arena_release(&p->arena);
    free(p);
}

struct patch_file *patch_add_file(struct patch *p, struct span name,
                                  struct err *err)
{
    const struct patch_file f = {.name = arena_strdup(&p->arena, name)};
    if (f.name == NULL || !patch_files_push(&p->files, f)) {
        (void)err_nomem(err, "files of the patch");
        return NULL;
    }
    return &p->files.items[p->files.n - 1];
}

bool patch_add_line(struct patch_file *f, char sign, uint32_t line,
                    struct err *err)
{
    struct line_runs *runs = sign == '+' ? &f->added : &f->deleted;
    if (!line_runs_reserve(runs, runs->n + 1)) {
        return err_nomem(err, "lines of the patch");
    }
    struct line_run *next = &runs->items[runs->n];
    if (runs->n != 0 && line == next[-1].last + 1) {
        next[-1].last = line;
    } else {
        *next = (struct line_run){line, line};
        runs->n++;
    }
    return true;
}

static int by_name(const void *a, const void *b, const void *ctx)
{
    const struct patch *p = ctx;
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    const int order =
        strcmp(p->files.items[left].name, p->files.items[right].name);
    return order != 0 ? order : (left > right) - (left < right);
}

bool patch_finish(struct patch *p, struct err *err)
{
    p->by_name = calloc(p->files.n + 1, sizeof(*p->by_name));
    if (p->by_name == NULL) {
        return err_nomem(err, "files of the patch");
    }
    for (size_t i = 0; i < p->files.n; i++) {
        p->by_name[i] = (uint32_t)i;
    }
    sort_items(p->by_name, p->files.n, sizeof(*p->by_name), by_name, p);
    return true;
}

/* --- functions --- */

/* Index of the first run that does not end before `line`. */
static size_t first_from(const struct line_runs *runs, uint32_t line)
{
    size_t low = 0;
    size_t high = runs->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (runs->items[middle].last < line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_line_in(const struct line_runs *runs,
                        const struct go_function *f)
{
    const size_t i = first_from(runs, f->first_line);
    return i < runs->n && runs->items[i].first <= f->last_line;
}

static bool copy_name(struct arena *arena, struct span *name)
{
    const char *copy = arena_strdup(arena, *name);
    name->p = copy;
    return copy != NULL;
}

bool patch_add_function(struct patch *p, struct patch_file *f,
                        const struct go_function *function, struct err *err)
{
    struct go_function kept = *function;
    if (f->functions.n >= FUNCTIONS_MAX) {
        return true;
    }
    return (copy_name(&p->arena, &kept.receiver) &&
            copy_name(&p->arena, &kept.name) &&
            touched_functions_push(&f->functions, kept)) ||
           err_nomem(err, "functions of the patch");
}

/* Lines of the old version say nothing about the new one: there the name alone
   is kept. */
static bool add_functions_of(struct patch *p, struct patch_file *f,
                             struct span text, bool is_new, struct err *err)
{
    struct go_scan scan;
    struct go_function function;
    go_scan_begin(&scan, text);
    while (go_scan_next(&scan, &function)) {
        if (!has_line_in(is_new ? &f->added : &f->deleted, &function)) {
            continue;
        }
        if (!is_new) {
            function.first_line = function.last_line = 0;
        }
        if (!patch_add_function(p, f, &function, err)) {
            return false;
        }
    }
    return true;
}

bool patch_add_functions(struct patch *p, struct patch_file *f,
                         struct span old_text, struct span new_text,
                         struct err *err)
{
    return add_functions_of(p, f, new_text, true, err) &&
           add_functions_of(p, f, old_text, false, err);
}

/* --- asking --- */

size_t patch_n_files(const struct patch *p)
{
    return p->files.n;
}

const char *patch_file(const struct patch *p, size_t i)
{
    return p->files.items[i].name;
}

struct patch_unfit patch_unfit(const struct patch *p)
{
    return p->unfit;
}

bool patch_is_foreign(const struct patch *p, const struct paths_files *files)
{
    size_t n_asked = 0;
    for (size_t i = 0; i < p->files.n; i++) {
        const struct patch_file *f = &p->files.items[i];
        if (f->is_deleted || !span_ends(span_of(f->name), ".go")) {
            continue;
        }
        if (files->has(files->ctx, f->name)) {
            return false;
        }
        n_asked++;
    }
    return n_asked != 0;
}

static bool is_added(const struct patch_file *f, int64_t line)
{
    if (line <= 0 || line > UINT32_MAX) {
        return false;
    }
    const size_t i = first_from(&f->added, (uint32_t)line);
    return i < f->added.n && f->added.items[i].first <= line;
}

static bool is_around(const struct go_function *f, int64_t line)
{
    return f->first_line != 0 && f->first_line <= line && line <= f->last_line;
}

/* A line that was changed in another function than the frame's is another
   version's line. */
static bool is_line_of(const struct patch_file *f, struct span symbol,
                       int64_t line)
{
    for (size_t i = 0; i < f->functions.n; i++) {
        const struct go_function *function = &f->functions.items[i];
        if (is_around(function, line)) {
            return go_function_is(function, symbol, true);
        }
    }
    return true;
}

static bool is_function_touched(const struct patch_file *f, struct span symbol,
                                int64_t line)
{
    for (size_t i = 0; i < f->functions.n; i++) {
        const struct go_function *function = &f->functions.items[i];
        if (go_function_is(function, symbol, is_around(function, line))) {
            return true;
        }
    }
    return false;
}

static enum frame_touch touch_of(const struct patch_file *f,
                                 const char *function, int64_t line)
{
    const struct span symbol = span_of(function);
    if (is_added(f, line) && is_line_of(f, symbol, line)) {
        return TOUCH_LINE;
    }
    return is_function_touched(f, symbol, line) ? TOUCH_FUNCTION : TOUCH_NONE;
}

/* Index into by_name of the first file of that name. */
static size_t find_file(const struct patch *p, const char *path)
{
    size_t low = 0;
    size_t high = p->files.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(p->files.items[p->by_name[middle]].name, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum frame_touch patch_touch(const struct patch *p, const char *path,
                             const char *function, int64_t line)
{
    enum frame_touch best = TOUCH_NONE;
    if (path == NULL) {
        return best;
    }
    for (size_t i = find_file(p, path); i < p->files.n; i++) {
        const struct patch_file *f = &p->files.items[p->by_name[i]];
        if (strcmp(f->name, path) != 0) {
            break;
        }
        const enum frame_touch touch = touch_of(f, function, line);
        best = touch > best ? touch : best;
    }
    return best;
}
